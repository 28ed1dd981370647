//! Jot: lines become records, each of them durable before the next is read, and what became what is shown.

use kith_core::jot::{self, Draft};
use kith_core::model::{ChannelKind, Whose};
use kith_core::notebook::Jotted;

use crate::app::App;
use crate::failure::Failure;
use crate::layout::{self, FAINT, STRONG, clean, styled};
use crate::prompt::Lines;
use crate::{days, show};

/// Most people named who may be the same.
const MOST_ALIKE: usize = 3;

/// Jots one line, or line after line.
pub(crate) fn jot(app: &App, text: &[String], dry_run: bool) -> Result<(), Failure> {
    if !text.is_empty() {
        return one(app, &text.join(" "), dry_run);
    }
    let mut lines = Lines::open()?;
    if lines.is_typed() {
        app.out.aside("One line about somebody you met; Ctrl-D ends. `kith help jot` shows the marks.");
    }
    let mut refused = 0;
    while let Some(line) = lines.next(app, "jot> ")? {
        if line.trim().is_empty() {
            continue;
        }
        match one(app, &line, dry_run) {
            // One line that cannot be taken does not keep the next ones from being saved.
            Err(failure @ (Failure::Core(kith_core::Error::Invalid(_)) | Failure::Usage(_))) => {
                failure.tell(app.out, app.json);
                refused += 1;
            }
            other => other?,
        }
    }
    match refused {
        0 => Ok(()),
        _ if lines.is_typed() => Ok(()),
        n => {
            Err(Failure::Wrong(format!("{} not taken; the others are saved", days::count(n, "line was", "lines were"))))
        }
    }
}

fn one(app: &App, line: &str, dry_run: bool) -> Result<(), Failure> {
    let context = app.notebook.jot_context()?;
    let draft = jot::parse(line, &context).map_err(|long| Failure::Usage(long.to_string()))?;
    if dry_run {
        if app.json {
            return app.print_json(&draft);
        }
        show_draft(app, &draft, "");
        app.out.aside("Nothing was written: this was only a look.");
        return Ok(());
    }
    let jotted = app.notebook.jot(&draft)?;
    if app.json {
        return app.print_json(&jotted);
    }
    let known = match (&jotted.contact, jotted.known) {
        (None, _) => "",
        (_, true) => "  known",
        (_, false) => "  new",
    };
    show_draft(app, &draft, known);
    // Somebody known, with more in the line than their name: it was kept as it was typed.
    if jotted.known && jotted.wrote.iter().any(|kind| kind == "note") && pieces(app, &draft).is_empty() {
        piece(app, "note", &draft.line);
    }
    hints(app, &jotted);
    Ok(())
}

/// What became what, a line each.
fn show_draft(app: &App, draft: &Draft, known: &str) {
    let name = draft.name.as_deref().map_or_else(|| "?".into(), clean);
    let work = [&draft.role, &draft.organisation].map(|part| clean(part));
    let work: Vec<String> = work.into_iter().filter(|part| !part.is_empty()).collect();
    let work = if work.is_empty() { String::new() } else { format!(", {}", work.join(", ")) };
    if draft.has_somebody() || !known.is_empty() {
        app.out.confirm(format!("{}{work}{}", styled(STRONG, &name), styled(FAINT, known)));
    }
    for (label, words) in pieces(app, draft) {
        piece(app, label, &words);
    }
    for words in &draft.unread_days {
        show::unread_day(app, words);
    }
}

fn piece(app: &App, label: &str, words: &str) {
    let label = styled(FAINT, &layout::pad(label, 8));
    app.out.confirm(layout::paragraph_styled(words, &format!("  {label}  "), "            ", app.width));
}

fn pieces(app: &App, draft: &Draft) -> Vec<(&'static str, String)> {
    let by = |day: Option<chrono::NaiveDate>| {
        day.map(|day| format!(", by {}", days::day(day, app.today))).unwrap_or_default()
    };
    let mut pieces: Vec<(&'static str, String)> = Vec::new();
    for promise in &draft.promises {
        let label = if promise.whose == Whose::Theirs { "they owe" } else { "promise" };
        pieces.push((label, format!("{}{}", promise.words, by(promise.due))));
    }
    pieces.extend(draft.needs.iter().map(|need| ("need", format!("{}{}", need.words, by(need.decide_on)))));
    pieces.extend(draft.offers.iter().map(|offer| ("offer", offer.clone())));
    pieces.extend(draft.people.iter().map(|person| ("person", person.clone())));
    if !draft.has_somebody() && draft.people.len() > 1 && pieces.len() > draft.people.len() {
        pieces.push(("for", "each of those named".into()));
    }
    pieces.extend(draft.channels.iter().map(|channel| match channel.kind {
        ChannelKind::Phone => ("phone", channel.value.clone()),
        ChannelKind::Mail => ("mail", channel.value.clone()),
        _ => ("link", channel.value.clone()),
    }));
    if !draft.topics.is_empty() {
        pieces.push(("topics", draft.topics.iter().map(|topic| format!("#{topic}")).collect::<Vec<_>>().join(" ")));
    }
    if draft.spark {
        pieces.push(("spark", "it clicked".into()));
    }
    if !draft.note.is_empty() {
        pieces.push(("note", draft.note.clone()));
    }
    pieces
}

/// People who may be the same, and how to say so.
fn hints(app: &App, jotted: &Jotted) {
    let Some(id) = jotted.contact else { return };
    for kith_core::query::LookAlike { person: row, why: reason } in jotted.same_as.iter().take(MOST_ALIKE) {
        let work = show::work(row);
        let work = if work.is_empty() { work } else { format!(", {work}") };
        let (mine, theirs) = (show::short_id(id), show::short_id(row.id));
        let line = format!("the same as {}{work}? ({}) kith same {mine} {theirs}", clean(&row.name), clean(reason));
        app.out.confirm(layout::wrap(&format!("  {line}"), "    ", app.width));
    }
    let more = jotted.same_as.len().saturating_sub(MOST_ALIKE) as u64;
    if more > 0 {
        app.out.confirm(format!("  and {} like that: kith same", days::count(more, "other", "others")));
    }
}
