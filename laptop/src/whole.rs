//! Any record but a person, whole: every field that says something.

use kith_core::model::record::CREATED_AT;
use kith_core::model::{AnyRecord, Event, Group};
use kith_core::query::{PeopleFilter, PersonRow, pages};
use serde_json::{Map, Value};

use crate::app::App;
use crate::failure::Failure;
use crate::layout::{self, FAINT, STRONG, clean, styled};
use crate::{choose, days, fields, person, show};

/// Most evenings of a group that are listed.
const MOST_EVENINGS: usize = 12;
/// Most people of an event or an organisation that are listed.
const MOST_PEOPLE: u32 = 20;

/// Shows a person with everything about them, or another record whole.
pub(crate) fn show(app: &App, words: &[String]) -> Result<(), Failure> {
    match choose::anything(app, &words.join(" "))? {
        AnyRecord::Contact(contact) => person::show(app, contact.id),
        AnyRecord::Group(group) => group_page(app, &group),
        AnyRecord::Event(event) if !app.json => {
            let there = PeopleFilter { event: event.id.to_string(), ..PeopleFilter::default() };
            whole(app, &AnyRecord::from(event))?;
            people_of(app, "Met there", &there)
        }
        AnyRecord::Organisation(organisation) if !app.json => {
            let there = PeopleFilter { organisation: organisation.id.to_string(), ..PeopleFilter::default() };
            whole(app, &AnyRecord::from(organisation))?;
            people_of(app, "People", &there)
        }
        record => whole(app, &record),
    }
}

/// A group: what it is, and below it what came of it so far.
fn group_page(app: &App, group: &Group) -> Result<(), Failure> {
    let page = app.notebook.group(group.id)?;
    if app.json {
        let mut answer = as_exported(&AnyRecord::from(group.clone()));
        answer.insert("page".into(), serde_json::to_value(&page).unwrap_or_default());
        return app.print_json(&answer);
    }
    whole(app, &AnyRecord::from(group.clone()))?;
    let part = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            show::heading(app, title);
            show::items(app, lines);
        }
    };
    let goals: Vec<String> = page.goals.iter().map(|goal| format!("{}, {}", clean(&goal.title), goal.state)).collect();
    part("Goals", &goals);
    let (zone, most) = (app.notebook.zone()?, MOST_EVENINGS);
    let evening = |event: &Event| {
        let when = event.starts.map(|at| days::moment(at.at, zone, app.today)).unwrap_or_default();
        format!("{}, {}  {when}", clean(&event.title), event.attendance).trim_end().to_owned()
    };
    let mut evenings: Vec<String> = page.events.iter().take(most).map(evening).collect();
    let earlier = page.events.len().saturating_sub(most) as u64;
    evenings.extend((earlier > 0).then(|| days::count(earlier, "earlier one", "earlier ones")));
    let skipped = if page.skipped == 0 { String::new() } else { format!(", skipped {}", times(page.skipped)) };
    part(&format!("Attended {}{skipped}", times(page.attended)), &evenings);
    let names = |rows: &[PersonRow]| rows.iter().map(|row| name_and_work(app, row)).collect::<Vec<_>>();
    part("Not met one to one yet", &names(&page.not_met_alone));
    Ok(())
}

/// The first people of a list, and how many there are.
fn people_of(app: &App, title: &str, filter: &PeopleFilter) -> Result<(), Failure> {
    let people = app.notebook.people_where(filter, 0, MOST_PEOPLE)?;
    let mut lines: Vec<String> = people.rows.iter().map(|row| name_and_work(app, row)).collect();
    let more = people.total.saturating_sub(lines.len() as u64);
    lines.extend((more > 0).then(|| format!("and {more} more")));
    if !lines.is_empty() {
        show::heading(app, title);
        show::items(app, &lines);
    }
    Ok(())
}

/// A record as `kith export json` writes it.
fn as_exported(record: &AnyRecord) -> Map<String, Value> {
    let mut fields = record.to_map();
    fields.shift_insert(0, "record".into(), record.kind().word().into());
    fields
}

fn times(n: u64) -> String {
    match n {
        0 => "never".into(),
        n => pages::times(n as usize),
    }
}

fn name_and_work(app: &App, row: &PersonRow) -> String {
    let name = app.notebook.names(&[row.id]).unwrap_or_default();
    let parts = [clean(&name), show::work(row)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn whole(app: &App, record: &AnyRecord) -> Result<(), Failure> {
    let (kind, fields) = (record.kind(), record.to_map());
    if app.json {
        return app.print_json(&as_exported(record));
    }
    let name = clean(&kith_core::query::title_of(record));
    let word = fields::label(kind.word());
    let (title, beside) = match name.as_str() {
        "" => (fields::first_letter_large(&word), show::short_id(record.id())),
        name => (name.to_string(), format!("{word}  {}", show::short_id(record.id()))),
    };
    app.line(layout::wrap(&format!("{}  {}", styled(STRONG, &title), styled(FAINT, &beside)), "  ", app.width));
    let named = if name.is_empty() { [].as_slice() } else { ["name", "title"].as_slice() };
    let mut lines = fields::lines(app, kind, &fields, &[named, &fields::KEPT_ASIDE].concat())?;
    if let Some(at) = fields.get(CREATED_AT).and_then(|at| at.as_str()?.parse().ok()) {
        lines.push(format!("Written down: {}", days::moment(at, app.notebook.zone()?, app.today)));
    }
    if record.deleted_at().is_some() {
        lines.push(format!("Deleted; `kith undelete {}` brings it back", show::short_id(record.id())));
    }
    for line in lines {
        app.line(layout::paragraph(&line, "  ", "    ", app.width));
    }
    Ok(())
}
