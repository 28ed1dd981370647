//! Meetings, events and notes.

use kith_core::model::{Moment, Note};

use crate::app::App;
use crate::args;
use crate::choose;
use crate::failure::Failure;

/// Writes a note; one taken while an event runs belongs to it.
pub(crate) fn note(app: &App, typed: &args::Note) -> Result<(), Failure> {
    let mut about = Vec::new();
    for who in &typed.about {
        about.push(choose::person(app, who)?);
    }
    let event = app.notebook.running_event()?.map(|event| event.id);
    let at = Some(Moment::new(app.notebook.now(), app.notebook.zone()?));
    let names = app.notebook.names(&about)?;
    let id = app.notebook.put(Note { body: typed.text.join(" "), about, event, at, ..Note::default() })?;
    let about = if names.is_empty() { names } else { format!(" about {}", crate::layout::clean(&names)) };
    app.done(id, &format!("Noted{about}."))
}
