//! One person on a page: who, since when, the balance in words, what is open between us, and what was.

use chrono::NaiveDate;
use kith_core::model::{
    Answer, Ask, Contact, Direction, Id, Introduction, Kind, MeetingState, Promise, PromiseState, Record,
};
use kith_core::query::PersonPage;

use crate::app::App;
use crate::failure::Failure;
use crate::layout::{self, FAINT, STRONG, clean, styled};
use crate::{days, fields, show};

/// Most lines of the timeline; `--json` has all of it.
const MOST_LINES: usize = 40;

/// Everything about one person.
pub(crate) fn show(app: &App, id: Id<Contact>) -> Result<(), Failure> {
    let page = app.notebook.person(id)?;
    if app.json {
        return app.print_json(&page);
    }
    head(app, &page)?;
    section(app, "Also", also(app, &page.contact)?);
    section(app, "Open promises", open_promises(app, &page));
    section(app, "Planned", planned(app, &page)?);
    let open_needs = page.needs.iter().filter(|need| need.closed_on.is_none());
    section(app, "Needs", open_needs.map(|need| with_day(app, &need.words, "decides", need.decide_on)).collect());
    let open_offers = page.offers.iter().filter(|offer| offer.closed_on.is_none());
    section(app, "Offers", open_offers.map(|offer| clean(&offer.words)).collect());
    section(app, "Asked", page.asks.iter().map(|ask| asked(app, ask)).collect());
    section(app, "Introductions", introductions(app, &page)?);
    section(app, "Knows", knows(app, &page.contact)?);
    section(app, "Timeline", timeline(app, &page)?);
    section(app, "The same person?", look_alikes(app, &page));
    Ok(())
}

fn section(app: &App, title: &str, lines: Vec<String>) {
    if !lines.is_empty() {
        show::heading(app, title);
        show::items(app, &lines);
    }
}

fn head(app: &App, page: &PersonPage) -> Result<(), Failure> {
    let contact = &page.contact;
    let name = show::name_of(app, contact);
    let beside = [contact.pronouns.as_str(), &quoted(&contact.nickname), &said(&contact.say_it)];
    let beside = beside.iter().filter(|word| !word.is_empty()).map(|word| clean(word)).collect::<Vec<_>>().join(", ");
    let spark = if contact.spark { " *" } else { "" };
    let beside = clean(&format!("{beside}  {}", show::short_id(contact.id)));
    app.line(layout::wrap(&format!("{}{spark}  {}", styled(STRONG, &name), styled(FAINT, &beside)), "  ", app.width));
    let mut lines = vec![other_names(app, page)?];
    lines.extend(roles(app, page));
    lines.extend(contact.channels.iter().map(|channel| {
        let label = if channel.label.is_empty() { String::new() } else { format!(" ({})", clean(&channel.label)) };
        format!("{}{label}", clean(&channel.value))
    }));
    lines.push(ties(contact));
    lines.push(topics(contact));
    lines.push(met(app, page));
    lines.extend(contact.birthday.map(|birthday| {
        let soon = birthday.next_after(app.today).filter(|next| (*next - app.today).num_days() <= 60);
        let soon = soon.map(|next| format!(", {}", days::day(next, app.today))).unwrap_or_default();
        format!("Birthday {}{soon}", days::partial(birthday, app.today))
    }));
    lines.push(page.balance.clone());
    lines.extend(contact.cadence_days.map(|days| format!("In touch every {days} days")));
    for (label, text) in [
        ("To recognise: ", &contact.recognise),
        ("How we met: ", &contact.how_we_met),
        ("Lights up about: ", &contact.lights_up_about),
        ("In common: ", &contact.common_ground),
        ("", &contact.about),
    ] {
        if !text.is_empty() {
            lines.push(format!("{label}{text}"));
        }
    }
    if contact.deleted_at.is_some() {
        lines.push(format!("Deleted; `kith undelete {}` brings them back", show::short_id(contact.id)));
    }
    if page.conflicts > 0 {
        let fields = days::count(page.conflicts, "field holds two values", "fields hold two values");
        lines.push(format!("≠ {fields}: kith conflicts"));
    }
    for line in lines.iter().filter(|line| !line.is_empty()) {
        app.line(layout::paragraph(line, "  ", "  ", app.width));
    }
    Ok(())
}

/// Fields of a person that the head of the page and its sections show in words of their own.
const SHOWN_ABOVE: [&str; 24] = [
    "name",
    "nickname",
    "say_it",
    "pronouns",
    "channels",
    "birthday",
    "recognise",
    "how_we_met",
    "met_on",
    "met_at",
    "met_through",
    "affiliations",
    "level",
    "side",
    "categories",
    "lights_up_about",
    "common_ground",
    "about",
    "tags",
    "phase",
    "cadence_days",
    "knows_contacts",
    "knows_organisations",
    "spark",
];

/// Everything else that is known of them.
fn also(app: &App, contact: &Contact) -> Result<Vec<String>, Failure> {
    let mut left_out = [SHOWN_ABOVE.as_slice(), &fields::KEPT_ASIDE].concat();
    let in_the_name = |part: &str| contact.name.split_whitespace().any(|word| word == part);
    for (field, part) in [
        ("given_name", &contact.given_name),
        ("middle_name", &contact.middle_name),
        ("family_name", &contact.family_name),
        ("name_prefix", &contact.name_prefix),
        ("name_suffix", &contact.name_suffix),
    ] {
        if part.split_whitespace().all(in_the_name) {
            left_out.push(field);
        }
    }
    if contact.met_at.is_none() {
        left_out.push("met_where");
    }
    fields::lines(app, Kind::Contact, &contact.to_map(), &left_out)
}

/// What the other records of this person call them, and how they are told apart again.
fn other_names(app: &App, page: &PersonPage) -> Result<String, Failure> {
    let mut names: Vec<String> = Vec::new();
    for member in page.members.iter().filter(|member| **member != page.contact.id.raw()) {
        let member: Contact = app.notebook.get(Id::new(*member))?.unwrap_or_default();
        names.push(format!("{} ({})", show::name_of(app, &member), show::short_id(member.id)));
    }
    Ok(match names.as_slice() {
        [] => String::new(),
        names => format!("Also {}; `kith not-same` tells them apart", names.join(", ")),
    })
}

fn quoted(nickname: &str) -> String {
    if nickname.is_empty() { String::new() } else { format!("\"{nickname}\"") }
}

fn said(how: &str) -> String {
    if how.is_empty() { String::new() } else { format!("say {how}") }
}

/// Roles now and before, the present ones first.
fn roles(app: &App, page: &PersonPage) -> Vec<String> {
    let mut roles: Vec<(bool, String)> = Vec::new();
    for (affiliation, organisation) in page.contact.affiliations.iter().zip(&page.organisations) {
        let parts = [clean(&affiliation.role), clean(&affiliation.department), clean(organisation)];
        let mut line = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        match (affiliation.since, affiliation.until) {
            (Some(since), None) => line.push_str(&format!(", since {}", days::partial(since, app.today))),
            (_, Some(until)) => line.push_str(&format!(", until {}", days::partial(until, app.today))),
            _ => {}
        }
        roles.push((affiliation.until.is_some(), line));
    }
    roles.sort_by_key(|(past, _)| *past);
    roles.into_iter().map(|(_, line)| line).collect()
}

/// How they belong to my life, where they stand, and the last step of the alliance.
fn ties(contact: &Contact) -> String {
    let mut words: Vec<String> = contact.categories.iter().map(|category| clean(category.word())).collect();
    words.extend([contact.level.word(), contact.side.word(), contact.phase.word()].map(clean));
    words.extend(contact.ally_steps.iter().max_by_key(|step| step.day).map(|step| clean(step.step.word())));
    words.retain(|word| !word.is_empty());
    words.join(", ")
}

fn topics(contact: &Contact) -> String {
    contact.tags.iter().map(|tag| format!("#{}", clean(tag))).collect::<Vec<_>>().join(" ")
}

fn met(app: &App, page: &PersonPage) -> String {
    let contact = &page.contact;
    let place = match &page.event {
        Some(event) => clean(&event.title),
        None => clean(&contact.met_where),
    };
    let day = contact.met_on.map(|day| days::day(day, app.today)).unwrap_or_default();
    let through = page.through.as_ref().map(|name| format!("through {}", clean(name))).unwrap_or_default();
    let parts: Vec<String> = [day, place, through].into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { String::new() } else { format!("Met {}", parts.join(", ")) }
}

fn with_day(app: &App, words: &str, verb: &str, day: Option<NaiveDate>) -> String {
    match day {
        Some(day) => format!("{}, {verb} by {}", clean(words), days::day(day, app.today)),
        None => clean(words),
    }
}

/// Meetings ahead, each with what was prepared for it.
fn planned(app: &App, page: &PersonPage) -> Result<Vec<String>, Failure> {
    let zone = app.notebook.zone()?;
    let mut ahead: Vec<_> = page.meetings.iter().filter(|meeting| meeting.state == MeetingState::Planned).collect();
    ahead.sort_by_key(|meeting| meeting.at.map(|at| at.at));
    let lines = |meeting| [vec![show::meeting(app, meeting, zone)], show::preparation(meeting)].concat().join("\n");
    Ok(ahead.into_iter().map(lines).collect())
}

fn open_promises(app: &App, page: &PersonPage) -> Vec<String> {
    let mut open: Vec<&Promise> = page.promises.iter().filter(|p| p.state == PromiseState::Open).collect();
    open.sort_by_key(|promise| (promise.due.unwrap_or(NaiveDate::MAX), promise.id));
    open.into_iter().map(|promise| show::promise_between(app, promise)).collect()
}

fn asked(app: &App, ask: &Ask) -> String {
    let answer = match ask.answer {
        Answer::Open => "no answer yet".to_string(),
        ref answer => format!("{answer} {}", clean(&ask.answer_words)).trim().to_string(),
    };
    let day = ask.asked_on.map(|day| format!("{}: ", days::short(day, app.today))).unwrap_or_default();
    format!("{day}{} — {answer}", clean(&ask.words))
}

fn introductions(app: &App, page: &PersonPage) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for introduction in &page.introductions {
        let others: Vec<_> =
            introduction.between.iter().filter(|id| !page.members.contains(&id.raw())).copied().collect();
        lines.push(format!("with {} — {}", clean(&app.notebook.names(&others)?), how_far(app, introduction)));
    }
    Ok(lines)
}

/// How far an introduction has come, in words.
pub(crate) fn how_far(app: &App, introduction: &Introduction) -> String {
    let on = |day| days::short(day, app.today);
    let far = match introduction {
        Introduction { closed_on: Some(day), .. } => format!("fell away {}", on(*day)),
        Introduction { talked_on: Some(day), .. } => format!("they talked, {}", on(*day)),
        Introduction { made_on: Some(day), .. } => format!("made {}", on(*day)),
        Introduction { agreed, .. } => match agreed.len() {
            0 => "to be asked".into(),
            1 => "one of them agreed".into(),
            _ => "both agreed".into(),
        },
    };
    let outcome = clean(&introduction.outcome);
    if outcome.is_empty() { far } else { format!("{far}: {outcome}") }
}

fn knows(app: &App, contact: &Contact) -> Result<Vec<String>, Failure> {
    let mut lines: Vec<String> = Vec::new();
    for id in &contact.knows_contacts {
        lines.push(clean(&app.notebook.names(&[*id])?));
    }
    for id in &contact.knows_organisations {
        lines.extend(app.notebook.get(*id)?.map(|organisation| format!("someone at {}", clean(&organisation.name))));
    }
    Ok(lines)
}

fn look_alikes(app: &App, page: &PersonPage) -> Vec<String> {
    let mine = show::short_id(page.contact.id);
    let line = |kith_core::query::LookAlike { person: row, why: reason }: &_| {
        let name = if row.name.is_empty() { "someone".into() } else { clean(&row.name) };
        let other = show::short_id(row.id);
        format!("{name}, {} ({}): kith same {mine} {other}, or not-same", show::work(row), clean(reason))
    };
    let _ = app;
    page.same_as.iter().map(line).collect()
}

/// What happened with them, the newest first.
fn timeline(app: &App, page: &PersonPage) -> Result<Vec<String>, Failure> {
    let mut lines: Vec<(Option<NaiveDate>, String)> = Vec::new();
    let zone = app.notebook.zone()?;
    for meeting in page.meetings.iter().filter(|meeting| meeting.state != MeetingState::Planned) {
        let kind = match meeting.state {
            MeetingState::Held => meeting.kind.to_string(),
            ref state => format!("{} ({state})", meeting.kind),
        };
        let outcome = meeting.outcome.word();
        let words = [&meeting.title, outcome, &meeting.takeaway, &meeting.could_help_them].map(clean);
        let words: Vec<String> = words.into_iter().filter(|text| !text.is_empty()).collect();
        lines.push((meeting.at.map(|at| at.day()), [vec![kind], words].concat().join(" — ")));
    }
    for note in &page.notes {
        let at = note.at.map(|at| at.at).or(note.created_at);
        lines.push((at.map(|at| at.with_timezone(&zone).date_naive()), clean(&note.body)));
    }
    for exchange in &page.exchanges {
        let verb = if exchange.direction == Direction::Got { "got" } else { "gave" };
        lines.push((exchange.on, format!("you {verb} {}: {}", exchange.kind, clean(&exchange.words))));
    }
    for promise in page.promises.iter().filter(|promise| promise.state != PromiseState::Open) {
        lines.push((promise.closed_on, format!("{} — promise {}", clean(&promise.words), promise.state)));
    }
    lines.sort_by_key(|(day, _)| std::cmp::Reverse(*day));
    let beyond = page.more.meetings + page.more.notes + page.more.exchanges + page.more.promises;
    let rest = lines.len().saturating_sub(MOST_LINES) as u64 + beyond;
    lines.truncate(MOST_LINES);
    let dated = |(day, words): (Option<NaiveDate>, String)| match day {
        Some(day) => format!("{}: {words}", days::short(day, app.today)),
        None => words,
    };
    let mut shown: Vec<String> = lines.into_iter().map(dated).collect();
    if rest > 0 {
        let has = if beyond == 0 { "them all" } else { "the newest of them" };
        shown.push(format!("and {} before that: --json has {has}", days::count(rest, "line", "lines")));
    }
    Ok(shown)
}
