//! Changing what is known of a person: FIELD=VALUE, FIELD+=VALUE, FIELD-=VALUE, +topic, -topic.

use chrono::NaiveDate;
use kith_core::model::*;

use crate::app::App;
use crate::choose;
use crate::failure::Failure;
use crate::layout::clean;

/// What to do with a field.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Set,
    Add,
    Take,
}

/// Changes fields of a person, all of them or none.
pub(crate) fn edit(app: &App, arguments: &[String]) -> Result<(), Failure> {
    let is_change = |word: &String| word.contains('=') || word.starts_with(['+', '-']) && word.len() > 1;
    let first = arguments.iter().position(is_change).unwrap_or(arguments.len());
    let (who, changes) = arguments.split_at(first);
    if who.is_empty() || changes.is_empty() {
        return Err(Failure::Usage("say who, then what: kith edit dana phone=+33612345678 +lyon".into()));
    }
    let id = choose::person(app, &who.join(" "))?;
    let mut writing = app.notebook.write();
    let mut edits = Vec::new();
    for change in changes {
        let (field, how, value) = split(change)?;
        let names_one = matches!(field.as_str(), "org" | "organisation" | "moved") && !value.is_empty();
        let organisation = if names_one { Some(writing.organisation(value)?) } else { None };
        edits.push((field, how, value, organisation));
    }
    let mut outcome = Ok(());
    writing.edit(id, |contact: &mut Contact| {
        outcome = edits.iter().try_for_each(|(field, how, value, organisation)| match field.as_str() {
            "org" | "organisation" | "role" | "moved" => {
                affiliation(app, contact, field, value, *organisation);
                Ok(())
            }
            _ => apply(app, contact, field, *how, value),
        });
    })?;
    outcome?;
    writing.commit()?;
    let name = clean(&app.notebook.names(&[id])?);
    app.done(id, &format!("{name} is changed."))
}

fn split(change: &str) -> Result<(String, How, &str), Failure> {
    let topic = |text: &'_ str| text.trim_start_matches('#').is_empty();
    match change.strip_prefix('+').map(|text| (How::Add, text)).or(change.strip_prefix('-').map(|t| (How::Take, t))) {
        Some((how, text)) if !topic(text) => return Ok(("tags".into(), how, text.trim_start_matches('#'))),
        _ => {}
    }
    let Some((field, value)) = change.split_once('=') else {
        return Err(Failure::Usage(format!("\"{}\" is no change; write FIELD=VALUE, +topic or -topic", clean(change))));
    };
    let (field, how) = match (field.strip_suffix('+'), field.strip_suffix('-')) {
        (Some(field), _) => (field, How::Add),
        (_, Some(field)) => (field, How::Take),
        _ => (field, How::Set),
    };
    Ok((field.trim().to_lowercase().replace('-', "_"), how, value.trim()))
}

fn apply(app: &App, contact: &mut Contact, field: &str, how: How, value: &str) -> Result<(), Failure> {
    match field {
        "phone" | "mail" | "link" | "address" | "messenger" => return channel(contact, field.into(), how, value),
        "tags" => list(&mut contact.tags, how, value, |word| word.trim_start_matches('#').into()),
        "languages" => list(&mut contact.languages, how, value, |word| word.into()),
        "interests" => list(&mut contact.interests, how, value, |word| word.into()),
        "categories" | "category" => {
            for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                known(Category::ALL, word)?;
            }
            list(&mut contact.categories, how, value, |word| word.into());
        }
        _ if how != How::Set => {
            return Err(Failure::Usage(format!("{} holds one value; write {}=VALUE", clean(field), clean(field))));
        }
        "name" if value.is_empty() && !contact.name.is_empty() => {
            return Err(Failure::Usage(
                "this would take the name away; write name=? to say that you do not know it any more. Nothing was changed".into(),
            ));
        }
        "name" if value == "?" => contact.name.clear(),
        "level" => contact.level = known(Level::ALL, value)?,
        "side" => contact.side = known(Side::ALL, value)?,
        "phase" => contact.phase = known(Phase::ALL, value)?,
        "ally" => {
            let step = known(AllyStep::ALL, value)?;
            contact.ally_steps.retain(|known| known.step != step);
            contact.ally_steps.push(AllyDate { step, day: Some(app.today), ..AllyDate::default() });
        }
        "cadence" => contact.cadence_days = number(value)?,
        "birthday" => contact.birthday = partial_date(value)?,
        "met_on" => contact.met_on = day(app, value)?,
        "through" => contact.met_through = if value.is_empty() { None } else { Some(choose::person(app, value)?) },
        "spark" => contact.spark = yes(value)?,
        "archived" => contact.archived = yes(value)?,
        "has_seen_my_work" => contact.has_seen_my_work = yes(value)?,
        _ => *text(contact, field)? = value.into(),
    }
    Ok(())
}

fn text<'a>(contact: &'a mut Contact, field: &str) -> Result<&'a mut String, Failure> {
    Ok(match field {
        "name" => &mut contact.name,
        "given_name" => &mut contact.given_name,
        "family_name" => &mut contact.family_name,
        "nickname" => &mut contact.nickname,
        "say_it" => &mut contact.say_it,
        "pronouns" => &mut contact.pronouns,
        "recognise" => &mut contact.recognise,
        "how_we_met" => &mut contact.how_we_met,
        "met_where" => &mut contact.met_where,
        "social_tie" => &mut contact.social_tie,
        "professional_tie" => &mut contact.professional_tie,
        "lights_up_about" => &mut contact.lights_up_about,
        "common_ground" => &mut contact.common_ground,
        "about" => &mut contact.about,
        other => {
            let other = clean(other);
            return Err(Failure::Usage(format!(
                "there is no field {other}; `kith help edit` lists them. Nothing was changed"
            )));
        }
    })
}

/// What cannot be such an address is a slip of the keyboard.
fn check(kind: &ChannelKind, value: &str) -> Result<(), Failure> {
    if value.is_empty() || kind.can_be(value) {
        return Ok(());
    }
    let like = if *kind == ChannelKind::Phone { "+33612345678" } else { "dana@acme.com" };
    let value = clean(value);
    Err(Failure::Usage(format!("\"{value}\" is no {kind}; write it like {like}. Nothing was changed")))
}

/// Sets, adds or takes away a channel. Setting replaces one that is there; of several it cannot know which.
fn channel(contact: &mut Contact, kind: ChannelKind, how: How, value: &str) -> Result<(), Failure> {
    let count = contact.channels.iter().filter(|channel| channel.kind == kind).count();
    if how != How::Take {
        check(&kind, value)?;
    }
    match how {
        How::Take => {
            contact.channels.retain(|channel| channel.kind != kind || channel.value != value);
            let after = contact.channels.iter().filter(|channel| channel.kind == kind).count();
            if after == count {
                return Err(Failure::NotFound(format!("there is no {kind} {}; nothing was changed", clean(value))));
            }
        }
        How::Set if value.is_empty() => contact.channels.retain(|channel| channel.kind != kind),
        How::Set if count > 1 => {
            return Err(Failure::Usage(format!(
                "there are {count} of {kind}: write {kind}+=VALUE to add one, {kind}-=VALUE to take one away"
            )));
        }
        How::Set if count == 1 => {
            let one = contact.channels.iter_mut().find(|channel| channel.kind == kind);
            one.into_iter().for_each(|channel| channel.value = value.into());
        }
        _ => contact.channels.push(Channel { kind, value: value.into(), ..Channel::default() }),
    }
    Ok(())
}

/// The present role: corrected in place; `moved` ends it today and begins another.
fn affiliation(app: &App, contact: &mut Contact, field: &str, value: &str, organisation: Option<Id<Organisation>>) {
    let present = kith_core::query::pages::current(contact).map(|present| present.id.clone());
    let at = present.and_then(|id| contact.affiliations.iter().position(|other| other.id == id));
    let fresh = Affiliation { as_of: Some(app.today), ..Affiliation::default() };
    if field == "moved" {
        if let Some(at) = at {
            contact.affiliations[at].until = Some(app.today.into());
        }
        contact.affiliations.push(Affiliation { organisation, since: Some(app.today.into()), ..fresh });
        return;
    }
    let at = at.unwrap_or_else(|| {
        contact.affiliations.push(fresh);
        contact.affiliations.len() - 1
    });
    let present = &mut contact.affiliations[at];
    present.as_of = Some(app.today);
    match field {
        "role" => present.role = value.into(),
        _ => present.organisation = organisation,
    }
    if present.role.is_empty() && present.organisation.is_none() {
        contact.affiliations.remove(at);
    }
}

/// A list of words between commas.
fn list<T: PartialEq>(there: &mut Vec<T>, how: How, value: &str, read: impl Fn(&str) -> T) {
    let typed: Vec<T> = value.split(',').map(str::trim).filter(|word| !word.is_empty()).map(read).collect();
    match how {
        How::Set => *there = typed,
        How::Take => there.retain(|word| !typed.contains(word)),
        How::Add => typed.into_iter().for_each(|word| {
            if !there.contains(&word) {
                there.push(word);
            }
        }),
    }
}

fn known<W: Clone + PartialEq + std::fmt::Display>(all: &[W], typed: &str) -> Result<W, Failure> {
    all.iter().find(|word| word.to_string() == typed.to_lowercase()).cloned().ok_or_else(|| {
        let words: Vec<String> = all.iter().map(ToString::to_string).filter(|word| !word.is_empty()).collect();
        Failure::Usage(format!("\"{}\" is none of: {}. Nothing was changed", clean(typed), words.join(", ")))
    })
}

fn number(value: &str) -> Result<Option<u32>, Failure> {
    if value.is_empty() {
        return Ok(None);
    }
    value.parse().map(Some).map_err(|_| Failure::Usage(format!("\"{}\" is no number of days", clean(value))))
}

fn partial_date(value: &str) -> Result<Option<PartialDate>, Failure> {
    if value.is_empty() {
        return Ok(None);
    }
    let wrong = || {
        Failure::Usage(format!("\"{}\" is no birthday; write 1980-03-22, or --03-22 without the year", clean(value)))
    };
    value.parse().map(Some).map_err(|_| wrong())
}

fn day(app: &App, value: &str) -> Result<Option<NaiveDate>, Failure> {
    if value.is_empty() { Ok(None) } else { choose::day_or_today(app, Some(&value.to_string())).map(Some) }
}

fn yes(value: &str) -> Result<bool, Failure> {
    match value.to_lowercase().as_str() {
        "yes" | "true" | "1" => Ok(true),
        "no" | "false" | "0" | "" => Ok(false),
        _ => Err(Failure::Usage(format!("\"{}\" is neither yes nor no", clean(value)))),
    }
}
