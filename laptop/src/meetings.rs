//! Events, meetings held and planned, and notes.

use chrono::{NaiveTime, TimeZone};
use kith_core::model::{Event, Id, Meeting, MeetingState, Moment, Note};

use crate::app::App;
use crate::args::{self, After, EventStep};
use crate::choose::{self, Matter};
use crate::failure::Failure;
use crate::layout::{self, FAINT, STRONG, clean, styled};
use crate::{days, show};

/// Most events and meetings looked through.
const MOST: u32 = 200;

/// Starts, stops or lists events.
pub(crate) fn event(app: &App, step: &EventStep) -> Result<(), Failure> {
    match step {
        EventStep::Start { title, place } => {
            let title = title.join(" ");
            let before = app.notebook.stop_event()?;
            let id = app.notebook.start_event(&title, place)?;
            let ended = before.map(|event| format!("\"{}\" is over. ", clean(&event.title))).unwrap_or_default();
            app.done(
                id,
                &format!("{ended}\"{}\" runs: every jot belongs to it until `kith event stop`.", clean(&title)),
            )
        }
        EventStep::Stop => match app.notebook.stop_event()? {
            None => Err(Failure::NotFound("no event runs; `kith event start TITLE` starts one".into())),
            Some(event) => {
                let waiting = app.notebook.debrief_queue(MOST)?.len() as u64;
                let people = days::count(waiting, "new person waits", "new people wait");
                let next = if waiting == 0 { String::new() } else { format!(" {people} for `kith debrief`.") };
                app.done(event.id, &format!("\"{}\" is over.{next}", clean(&event.title)))
            }
        },
        EventStep::List => events(app),
    }
}

fn events(app: &App) -> Result<(), Failure> {
    let events: Vec<Event> = app.notebook.newest(MOST)?;
    if app.json {
        return app.print_json(&events);
    }
    let running = app.notebook.running_event()?.map(|event| event.id);
    let zone = app.notebook.zone()?;
    for event in &events {
        let when = event.starts.map(|at| days::moment(at.at, zone, app.today)).unwrap_or_default();
        let place = if event.place.is_empty() { String::new() } else { format!(", {}", clean(&event.place)) };
        let runs = if running == Some(event.id) { "  runs now" } else { "" };
        let (title, id) = (styled(STRONG, &clean(&event.title)), styled(FAINT, &show::short_id(event.id)));
        let line = format!("{id}  {title}{place}  {when}{runs}");
        app.line(layout::wrap(line.trim_end(), "          ", app.width));
    }
    if events.is_empty() {
        app.out.aside("No event yet. `kith event start TITLE` starts one.");
    }
    Ok(())
}

/// Writes down a meeting.
pub(crate) fn meet(app: &App, typed: &args::Meet) -> Result<(), Failure> {
    let who = choose::people(app, &typed.who)?;
    let names = app.notebook.names(&who)?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut meeting = Meeting {
        who,
        title: typed.title.clone(),
        at: Some(when(app, typed)?),
        mode: text(&typed.mode).as_str().into(),
        kind: text(&typed.kind).as_str().into(),
        state: if typed.planned { MeetingState::Planned } else { MeetingState::Held },
        place: typed.place.clone(),
        event: app.notebook.running_event()?.map(|event| event.id).filter(|_| !typed.planned),
        initiated: typed.initiated,
        why_them: text(&typed.why_them),
        in_it_for_them: text(&typed.in_it_for_them),
        outcome_wanted: text(&typed.outcome_wanted),
        ask: text(&typed.ask),
        offer: text(&typed.offer),
        ..Meeting::default()
    };
    if typed.mode.is_none() {
        meeting.mode = Default::default();
    }
    if typed.kind.is_none() {
        meeting.kind = if meeting.who.len() > 1 { kith_core::model::MeetingKind::Group } else { Default::default() };
    }
    write_up(&mut meeting, &typed.after);
    let day = meeting.at.map(|at| days::day(at.day(), app.today)).unwrap_or_default();
    let id = app.notebook.meet(meeting)?;
    let verb = if typed.planned { "Planned with" } else { "Met" };
    app.done(id, &format!("{verb} {}, {day}.{}", clean(&names), thanks(app, id)?))
}

/// When a meeting is: the day and time that were typed; now, or noon of another day.
fn when(app: &App, typed: &args::Meet) -> Result<Moment, Failure> {
    let zone = app.notebook.zone()?;
    let now = app.notebook.now();
    let day = match (&typed.on, typed.planned) {
        (Some(day), true) => choose::day_ahead(app, day)?,
        (day, _) => choose::day_or_today(app, day.as_ref())?,
    };
    let time = match &typed.at {
        Some(time) => NaiveTime::parse_from_str(time.trim(), "%H:%M")
            .map_err(|_| Failure::Usage(format!("\"{}\" is no time; write it like 9:30", clean(time))))?,
        None if day == app.today => return Ok(Moment::new(now, zone)),
        None => NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default(),
    };
    // An hour that the change of clocks leaves out is taken as the next one that is there.
    let local = day.and_time(time);
    let at = zone.from_local_datetime(&local).earliest();
    let at = at.or_else(|| zone.from_local_datetime(&(local + chrono::Duration::hours(1))).earliest());
    Ok(Moment::new(at.map_or(now, |at| at.to_utc()), zone))
}

fn write_up(meeting: &mut Meeting, after: &After) {
    if let Some(text) = &after.takeaway {
        meeting.takeaway = text.clone();
    }
    if let Some(text) = &after.could_help {
        meeting.could_help_them = text.clone();
    }
    if let Some(word) = &after.outcome {
        meeting.outcome = word.as_str().into();
    }
}

/// The thank-you that a meeting brought with it, in words.
fn thanks(app: &App, id: Id<Meeting>) -> Result<String, Failure> {
    let open = app.notebook.open_promises(None)?;
    let owed = open.iter().find(|with| with.record.meeting == Some(id));
    Ok(match owed.and_then(|with| with.record.due) {
        Some(due) => format!(" A thank-you is noted for {}.", days::day(due, app.today)),
        None => String::new(),
    })
}

/// Writes up a planned meeting; lists them when none was named.
pub(crate) fn met(app: &App, typed: &args::Met) -> Result<(), Failure> {
    let mut planned: Vec<Meeting> = app.notebook.newest(MOST)?;
    planned.retain(|meeting| meeting.state == MeetingState::Planned);
    planned.sort_by_key(|meeting| meeting.at.map(|at| at.at));
    if app.json && typed.which.is_empty() {
        return app.print_json(&planned);
    }
    let mut matters = Vec::new();
    for meeting in &planned {
        let names = clean(&app.notebook.names(&meeting.who)?);
        let when = meeting.at.map(|at| days::day(at.day(), app.today)).unwrap_or_default();
        let what = if meeting.title.is_empty() { meeting.kind.to_string() } else { clean(&meeting.title) };
        let words = format!("{names} {}", meeting.title);
        matters.push(Matter { id: meeting.id.raw(), line: format!("{what} with {names}, {when}"), words });
    }
    let Some(id) = choose::matter(app, "planned meetings", &typed.which, &matters)? else { return Ok(()) };
    let Some(mut meeting) = planned.into_iter().find(|meeting| meeting.id.raw() == id) else { return Ok(()) };
    meeting.state = if typed.cancelled { MeetingState::Cancelled } else { MeetingState::Held };
    write_up(&mut meeting, &typed.after);
    let names = app.notebook.names(&meeting.who)?;
    let id = app.notebook.meet(meeting)?;
    let verb = if typed.cancelled { "Called off with" } else { "Met" };
    app.done(id, &format!("{verb} {}.{}", clean(&names), thanks(app, id)?))
}

/// Writes a note; one taken while an event runs belongs to it.
pub(crate) fn note(app: &App, typed: &args::Note) -> Result<(), Failure> {
    let body = choose::words_of(&typed.text)?;
    let mut about = Vec::new();
    for who in &typed.about {
        about.push(choose::person(app, who)?);
    }
    let names = app.notebook.names(&about)?;
    let id = app.notebook.write_down(Note { body, about, ..Note::default() }.into())?;
    let about = if names.is_empty() { names } else { format!(" about {}", clean(&names)) };
    app.done(id, &format!("Noted{about}."))
}
