//! Any record but a person, whole: every field that says something.

use kith_core::model::AnyRecord;
use kith_core::model::record::CREATED_AT;

use crate::app::App;
use crate::failure::Failure;
use crate::layout::{self, FAINT, STRONG, clean, styled};
use crate::{choose, days, fields, person, show};

/// Shows a person with everything about them, or another record whole.
pub(crate) fn show(app: &App, words: &[String]) -> Result<(), Failure> {
    match choose::anything(app, &words.join(" "))? {
        AnyRecord::Contact(contact) => person::show(app, contact.id),
        record => whole(app, &record),
    }
}

fn whole(app: &App, record: &AnyRecord) -> Result<(), Failure> {
    let (kind, fields) = (record.kind(), record.to_map());
    if app.json {
        // As `kith export json` writes it.
        let mut answer = fields;
        answer.shift_insert(0, "record".into(), kind.word().into());
        return app.print_json(&answer);
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
