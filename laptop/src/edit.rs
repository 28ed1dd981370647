//! Changing what is known of a person: FIELD=VALUE, FIELD+=VALUE, FIELD-=VALUE, +topic, -topic. How a field is read is in
//! `typing.rs`; here are the addresses, the roles and the steps of an alliance, which are more than a field.

use kith_core::model::*;
use kith_core::notebook::Writing;

use crate::app::App;
use crate::choose;
use crate::failure::Failure;
use crate::layout::clean;
use crate::typing::{self, Change, How, Typed};

/// What becomes of a person.
enum Step<'a> {
    Field(Change),
    Channel(ChannelKind, How, &'a str),
    Role { field: String, value: &'a str, organisation: Option<Id<Organisation>> },
    Ally(AllyDate),
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
    let before = app.notebook.person(id)?.contact;
    let mut writing = app.notebook.write();
    let mut steps = Vec::new();
    for change in changes {
        let typed = split(change)?;
        typing::check_name(&before, &typed)?;
        steps.push(step(app, &mut writing, typed)?);
    }
    let mut outcome = Ok(());
    writing.edit(id, |contact: &mut Contact| {
        outcome = steps.iter().try_for_each(|step| apply(app, contact, step));
    })?;
    outcome?;
    writing.commit()?;
    let name = clean(&app.notebook.names(&[id])?);
    app.done(id, &format!("{name} is changed."))
}

/// `+topic` and `-topic` are changes of the topics.
fn split(change: &str) -> Result<Typed<'_>, Failure> {
    let sign = change.strip_prefix('+').map(|text| (How::Add, text));
    match sign.or(change.strip_prefix('-').map(|text| (How::Take, text))) {
        Some((how, text)) if !text.trim_start_matches('#').is_empty() => {
            Ok(Typed { field: "tags".into(), how, value: text })
        }
        _ => typing::split(change),
    }
}

fn step<'a>(app: &App, writing: &mut Writing<'_>, typed: Typed<'a>) -> Result<Step<'a>, Failure> {
    let Typed { field, how, value } = &typed;
    Ok(match field.as_str() {
        "phone" | "mail" | "link" | "address" | "messenger" => Step::Channel(field.as_str().into(), *how, value),
        "org" | "organisation" | "role" | "moved" => {
            let names_one = field != "role" && !value.is_empty();
            let organisation = if names_one { Some(writing.organisation(value)?) } else { None };
            Step::Role { field: field.clone(), value, organisation }
        }
        "ally" if *how != How::Take => Step::Ally(ally(app, value)?),
        "ally" => {
            let taken = Typed { field: "ally_steps".into(), how: How::Take, value };
            Step::Field(typing::read(app, writing, Kind::Contact, &taken)?)
        }
        "name" if *value == "?" => {
            let nameless = Typed { field: "name".into(), how: *how, value: "" };
            Step::Field(typing::read(app, writing, Kind::Contact, &nameless)?)
        }
        _ => Step::Field(typing::read(app, writing, Kind::Contact, &typed)?),
    })
}

fn apply(app: &App, contact: &mut Contact, step: &Step<'_>) -> Result<(), Failure> {
    match step {
        Step::Field(change) => {
            let mut fields = contact.to_map();
            change.carry_out(&mut fields)?;
            *contact = Contact::from_map(fields);
        }
        Step::Channel(kind, how, value) => channel(&mut contact.channels, kind, *how, value)?,
        Step::Role { field, value, organisation } => affiliation(app, contact, field, value, *organisation),
        Step::Ally(step) => {
            contact.ally_steps.retain(|known| known.step != step.step);
            contact.ally_steps.push(step.clone());
        }
    }
    Ok(())
}

/// A step and its day, which is today when none is said.
fn ally(app: &App, typed: &str) -> Result<AllyDate, Failure> {
    let (word, day) = typed.split_once(',').map_or((typed, None), |(word, day)| (word, Some(day.trim().to_string())));
    let known = AllyStep::ALL.iter().find(|step| step.word() == word.trim().to_lowercase());
    let step = known.cloned().ok_or_else(|| {
        let words: Vec<&str> = AllyStep::ALL.iter().map(AllyStep::word).collect();
        Failure::Usage(format!("\"{}\" is none of: {}. Nothing was changed", clean(word), words.join(", ")))
    })?;
    Ok(AllyDate { step, day: Some(choose::day_or_today(app, day.as_ref())?), ..AllyDate::default() })
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
pub(crate) fn channel(channels: &mut Vec<Channel>, kind: &ChannelKind, how: How, value: &str) -> Result<(), Failure> {
    let count = channels.iter().filter(|channel| channel.kind == *kind).count();
    if how != How::Take {
        check(kind, value)?;
    }
    match how {
        How::Take => {
            channels.retain(|channel| channel.kind != *kind || channel.value != value);
            let after = channels.iter().filter(|channel| channel.kind == *kind).count();
            if after == count {
                return Err(Failure::NotFound(format!("there is no {kind} {}; nothing was changed", clean(value))));
            }
        }
        How::Set if value.is_empty() => channels.retain(|channel| channel.kind != *kind),
        How::Set if count > 1 => {
            return Err(Failure::Usage(format!(
                "there are {count} of {kind}: write {kind}+=VALUE to add one, {kind}-=VALUE to take one away"
            )));
        }
        How::Set if count == 1 => {
            let one = channels.iter_mut().find(|channel| channel.kind == *kind);
            one.into_iter().for_each(|channel| channel.value = value.into());
        }
        _ => channels.push(Channel { kind: kind.clone(), value: value.into(), ..Channel::default() }),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_edit_names_every_field_a_person_may_set() {
        let help = include_str!("args/fields.txt");
        let named: Vec<&str> = help.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        for field in typing::typed_fields(Kind::Contact).map(|field| field.name) {
            let short = match field {
                "ally_steps" => "ally",
                "cadence_days" => "cadence",
                "met_through" => "through",
                other => other,
            };
            assert!(named.contains(&short), "{field}");
        }
    }
}
