//! How records are drawn: one line each in a list.

use chrono_tz::Tz;
use kith_core::model::{AnyRecord, Contact, Meeting, Mode, Promise, RecordId, Whose};
use kith_core::query::PersonRow;

use crate::app::App;
use crate::days;
use crate::layout::{self, FAINT, STRONG, clean, columns, cut, styled};

/// How many digits of an id are shown: enough to tell people apart, few enough to type.
const ID_DIGITS: usize = 8;

/// The beginning of an id.
pub(crate) fn short_id(id: impl ToString) -> String {
    id.to_string().chars().take(ID_DIGITS).collect()
}

/// A heading, with an empty line before it unless it is the first.
pub(crate) fn heading(app: &App, words: &str) {
    app.line(format!("\n{}", styled(STRONG, words)));
}

/// How a contact is called when the name may be missing.
pub(crate) fn name_of(app: &App, contact: &Contact) -> String {
    match contact.name.trim() {
        "" => app.notebook.names(&[contact.id]).unwrap_or_else(|_| "someone".into()),
        name => layout::clean(name),
    }
}

/// One person to choose from: name, role and organisation, id.
pub(crate) fn person_line(app: &App, contact: &Contact) -> String {
    let role = kith_core::query::pages::current(contact);
    let organisation = role.and_then(|role| role.organisation).and_then(|id| app.notebook.get(id).ok().flatten());
    let row = PersonRow {
        id: contact.id,
        name: name_of(app, contact),
        organisation: organisation.map(|o: kith_core::model::Organisation| o.name).unwrap_or_default(),
        role: role.map(|role| role.role.clone()).unwrap_or_default(),
        tags: contact.tags.clone(),
        spark: contact.spark,
        met_on: contact.met_on,
        met_where: contact.met_where.clone(),
    };
    let words = [row.name.clone(), work(&row)].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(", ");
    format!("{}  {}", cut(&words, app.width.saturating_sub(20)), styled(FAINT, &short_id(contact.id)))
}

/// How a record is called: its name, or the beginning of what it says.
pub(crate) fn title(app: &App, record: &AnyRecord) -> String {
    if let AnyRecord::Contact(contact) = record {
        return name_of(app, contact);
    }
    let named = clean(&kith_core::query::title_of(record));
    let said = record.facts().texts.into_iter().next().unwrap_or_default();
    let words = if named.is_empty() { cut(&said, 60) } else { named };
    let kind = record.kind().word().replace('_', " ");
    if words.is_empty() { kind } else { format!("{kind} \"{words}\"") }
}

/// Any record to choose from.
pub(crate) fn record_line(app: &App, record: &AnyRecord) -> String {
    match record {
        AnyRecord::Contact(contact) => person_line(app, contact),
        other => format!("{}  {}", title(app, other), styled(FAINT, &short_id(other.id()))),
    }
}

/// What someone does, and where.
pub(crate) fn work(row: &PersonRow) -> String {
    let parts = [&row.role, &row.organisation].map(|part| layout::clean(part));
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A promise on a line: to whom or from whom, the words, when.
pub(crate) fn promise(app: &App, promise: &Promise, name: &str) -> String {
    let name = layout::clean(name);
    let who = match (&promise.whose, name.as_str()) {
        (Whose::Myself, "") => "to myself".into(),
        (Whose::Myself, name) => format!("to myself, about {name}"),
        (Whose::Theirs, "") => "someone promised".into(),
        (_, "") => "to someone".into(),
        (Whose::Theirs, name) => format!("{name} promised"),
        (_, name) => format!("to {name}"),
    };
    let when = promise.due.map(|due| days::due(due, app.today)).unwrap_or_default();
    let words = layout::clean(&promise.words);
    match when.as_str() {
        "" => format!("{words} — {who}"),
        when => format!("{words} — {who}, {when}"),
    }
}

/// A promise on the page of the person it is with.
pub(crate) fn promise_between(app: &App, promise: &Promise) -> String {
    let who = match promise.whose {
        Whose::Theirs => "they promised: ",
        Whose::Myself => "to myself: ",
        _ => "",
    };
    let when = promise.due.map(|due| format!(", {}", days::due(due, app.today))).unwrap_or_default();
    format!("{who}{}{when}", clean(&promise.words))
}

/// A meeting on a line: when, what, how and where.
pub(crate) fn meeting(app: &App, meeting: &Meeting, zone: Tz) -> String {
    let when = meeting.at.map(|at| days::moment(at.at, zone, app.today)).unwrap_or_default();
    let title = if meeting.title.is_empty() { meeting.kind.to_string() } else { clean(&meeting.title) };
    let mode =
        if meeting.mode == Mode::default() { String::new() } else { format!(" by {}", clean(meeting.mode.word())) };
    let place = if meeting.place.is_empty() { String::new() } else { format!(", {}", clean(&meeting.place)) };
    format!("{when} {title}{mode}{place}").trim().to_string()
}

/// What was prepared for a meeting, a line each.
pub(crate) fn preparation(meeting: &Meeting) -> Vec<String> {
    let mut lines: Vec<(&str, String)> = vec![
        ("why them", meeting.why_them.clone()),
        ("in it for them", meeting.in_it_for_them.clone()),
        (
            "outcome wanted",
            if meeting.get_to_know { "get to know them".into() } else { meeting.outcome_wanted.clone() },
        ),
        ("ask", meeting.ask.clone()),
        ("offer", meeting.offer.clone()),
        ("names wanted", meeting.names_wanted.join(", ")),
    ];
    for (label, list) in [("question", &meeting.questions), ("agenda", &meeting.agenda)] {
        let mut list: Vec<_> = list.iter().filter(|line| !line.done).collect();
        list.sort_by_key(|line| line.place);
        lines.extend(list.into_iter().map(|line| (label, line.words.clone())));
    }
    let said = lines.into_iter().filter(|(_, words)| !words.trim().is_empty());
    said.map(|(label, words)| format!("{label}: {}", clean(&words))).collect()
}

/// Says that what looks like a day was not read as one.
pub(crate) fn unread_day(app: &App, words: &str) {
    let hint = format!("\"{}\" was not read as a day; write it like 12 Mar, or 2027-03-12.", clean(words));
    app.out.aside(layout::wrap(&hint, "", app.width));
}

/// A list with a mark or a number before each line, wrapped under itself.
pub(crate) fn items<'a>(app: &App, lines: impl IntoIterator<Item = &'a String>) {
    for line in lines {
        app.line(layout::paragraph(line, "  · ", "    ", app.width));
    }
}

/// Columns of a list: the first as wide as needed up to a third of the line, the last whatever is left.
pub(crate) fn table(app: &App, rows: &[(String, String, RecordId)]) {
    let widest = rows.iter().map(|(name, ..)| columns(name)).max().unwrap_or(0);
    let whole = app.width == usize::MAX;
    let first = if whole { widest } else { widest.min(app.width.saturating_sub(ID_DIGITS + 4) / 2) };
    let rest = app.width.saturating_sub(first + ID_DIGITS + 4);
    for (name, words, id) in rows {
        if app.out.is_closed() {
            return;
        }
        let name = styled(STRONG, &layout::pad(name, first));
        app.line(format!("{}  {name}  {}", styled(FAINT, &short_id(id)), cut(words, rest)).trim_end());
    }
}
