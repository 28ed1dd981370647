//! Promises: made in the exact words, kept or released, found by number, words or person.

use kith_core::model::{Promise, Whose};

use crate::app::App;
use crate::args;
use crate::choose;
use crate::failure::Failure;
use crate::show;

/// Writes down a promise.
pub(crate) fn promise(app: &App, typed: &args::Promise) -> Result<(), Failure> {
    let whom = typed.to.as_ref().or(typed.from.as_ref());
    let with = whom.map(|who| choose::person(app, who)).transpose()?;
    let whose = match (&typed.from, typed.myself || with.is_none()) {
        (Some(_), _) => Whose::Theirs,
        (None, true) => Whose::Myself,
        (None, false) => Whose::Mine,
    };
    let due = typed.by.as_ref().map(|day| choose::day(app, day)).transpose()?;
    let promise =
        Promise { whose, with, words: typed.words.join(" "), due, made_on: Some(app.today), ..Promise::default() };
    let name = app.notebook.names(&with.into_iter().collect::<Vec<_>>())?;
    let line = show::promise(app, &promise, &name);
    let id = app.notebook.put(promise)?;
    app.done(id, &format!("Promised: {line}."))
}
