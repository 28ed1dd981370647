//! Promises: made in the exact words, kept or let go, named by number, words or person.

use chrono::NaiveDate;
use kith_core::jot;
use kith_core::model::{Id, Promise, PromiseState, Whose};

use crate::app::App;
use crate::args;
use crate::choose::{self, Matter};
use crate::failure::Failure;
use crate::{days, layout, show};

/// Writes down a promise.
pub(crate) fn promise(app: &App, typed: &args::Promise) -> Result<(), Failure> {
    let whom = typed.to.as_ref().or(typed.from.as_ref());
    let with = whom.map(|who| choose::person(app, who)).transpose()?;
    let whose = match (&typed.from, with) {
        (Some(_), _) => Whose::Theirs,
        (None, Some(_)) => Whose::Mine,
        (None, None) => Whose::Myself,
    };
    let words = choose::words_of(&typed.words)?;
    let (words, due) = match &typed.by {
        Some(day) => (words, Some(choose::day(app, day)?)),
        None => with_its_day(app, &words)?,
    };
    let promise = Promise { whose, with, words, due, ..Promise::default() };
    let name = app.notebook.names(&with.into_iter().collect::<Vec<_>>())?;
    let line = show::promise(app, &promise, &name);
    let id = app.notebook.write_down(promise.into())?;
    app.done(id, &format!("Written down: {line}."))
}

/// The words and the day that stands in them, as in a jot; what looks like a day and is not read is told.
pub(crate) fn with_its_day(app: &App, typed: &str) -> Result<(String, Option<NaiveDate>), Failure> {
    let found = app.notebook.words_and_day(typed)?;
    let words: Vec<&str> = typed.split_whitespace().collect();
    if let (None, Some(unread)) = (found.day, jot::days::unread(&words, &app.notebook.jot_context()?)) {
        show::unread_day(app, &unread);
    }
    Ok((found.words, found.day))
}

/// Says that a promise was kept; lists what is open when none was named.
pub(crate) fn keep(app: &App, typed: &args::Close) -> Result<(), Failure> {
    close(app, typed, PromiseState::Kept)
}

/// Lets go of a promise.
pub(crate) fn release(app: &App, typed: &args::Release) -> Result<(), Failure> {
    close(app, &typed.close, if typed.broken { PromiseState::Broken } else { PromiseState::Released })
}

fn close(app: &App, typed: &args::Close, state: PromiseState) -> Result<(), Failure> {
    let open = app.notebook.open_promises(None)?;
    if app.json && typed.which.is_empty() {
        return app.print_json(&open);
    }
    let mut matters: Vec<Matter> = open
        .iter()
        .map(|with| Matter {
            id: with.record.id.raw(),
            line: show::promise(app, &with.record, &with.name),
            words: format!("{} {}", with.record.words, with.name),
        })
        .collect();
    let Some(id) = choose::matter(app, "open promises", &typed.which, &matters)? else { return Ok(()) };
    let on = choose::day_or_today(app, typed.on.as_ref())?;
    let closed =
        open.iter().find(|with| with.record.id.raw() == id).map(|with| words_and_whom(&with.record, &with.name));
    app.notebook.close_promise(Id::new(id), state.clone(), on)?;
    let said = match state {
        PromiseState::Kept => "Kept",
        PromiseState::Broken => "Broken",
        _ => "Released",
    };
    let day = days::day(on, app.today);
    app.done(id, &format!("{said}: {}, {day}. `kith undo` takes it back.", closed.unwrap_or_default()))?;
    matters.retain(|matter| matter.id != id);
    choose::what_is_left(app, &typed.which, &matters);
    Ok(())
}

/// A promise in a sentence: its words, and to whom or from whom.
pub(crate) fn words_and_whom(promise: &Promise, name: &str) -> String {
    let (words, name) = (layout::clean(&promise.words), layout::clean(name));
    match (&promise.whose, name.as_str()) {
        (_, "") => words,
        (Whose::Theirs, name) => format!("{words} (from {name})"),
        (Whose::Myself, name) => format!("{words} (about {name})"),
        (_, name) => format!("{words} (to {name})"),
    }
}
