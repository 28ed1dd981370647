//! Bringing people in from other programs, and taking everything along.

use std::io::{self, Write};
use std::path::Path;

use kith_core::files::NewFile;
use kith_core::model::{AnyRecord, Id, Import};
use kith_core::notebook::{ImportReport, ImportUndone, JsonReport, Kept};

use crate::app::App;
use crate::args::{Form, ImportStep};
use crate::choose;
use crate::failure::Failure;
use crate::layout::{self, FAINT, clean, styled};
use crate::{days, show};

/// Most names of a report that are listed.
const MOST_NAMED: usize = 10;

/// Imports a file: a dry run first, then the question, then the import.
pub(crate) fn import(app: &App, file: &Path, dry_run: bool, yes: bool) -> Result<(), Failure> {
    if file.is_dir() {
        return Err(Failure::Usage(format!("{} is a folder; name a file in it. Nothing was imported", file.display())));
    }
    if kith_core::notebook::is_export(file)? {
        return import_json(app, file, dry_run, yes);
    }
    let bar = app.progress("");
    let see = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        Ok(())
    };
    let preview = app.notebook.import_preview(file, &mut |done, total| see(done, total));
    bar.finish_and_clear();
    let preview = preview?;
    if dry_run && app.json {
        return app.print_json(&preview);
    }
    if !app.json {
        tell(app, &preview, "would be new");
    }
    if dry_run {
        return Ok(());
    }
    if preview.new == 0 && preview.changed == 0 && preview.gone.is_empty() {
        app.out.confirm("Nothing in this file is new.");
        return if app.json { app.print_json(&preview) } else { Ok(()) };
    }
    if !yes && !choose::agrees(app, "Import this?")? {
        return Err(Failure::Wrong("nothing was imported".into()));
    }
    let before = app.notebook.people(0, 1)?.total;
    let report = app.notebook.import(file, &mut |done, total| see(done, total));
    bar.finish_and_clear();
    let report = report.map_err(|error| stopped(app, before, error))?;
    app.settle();
    if app.json {
        return app.print_json(&report);
    }
    // What only the writing itself could find out; the rest was told before.
    let found: Vec<String> = report.notes.iter().filter(|note| !preview.notes.contains(note)).cloned().collect();
    notes(app, &found, 0);
    let people = days::count(report.new, "person is new", "people are new");
    let changed = days::count(report.changed, "was", "were");
    app.out.confirm(format!("{people}, {changed} changed. `kith undo` takes it back."));
    let alike = report.need_you.len() as u64 + report.need_you_more;
    if alike > 0 {
        let alike = days::count(alike, "of the new people may be", "of the new people may be");
        app.out.confirm(format!("{alike} here already: `kith same` lists who may be one person, and why."));
    }
    Ok(())
}

/// An import that the disk stopped half way: who is in stays in.
fn stopped(app: &App, before: u64, error: kith_core::Error) -> Failure {
    let (kith_core::Error::Storage(why), Ok(people)) = (&error, app.notebook.people(0, 1)) else { return error.into() };
    match people.total.saturating_sub(before) {
        0 => error.into(),
        new => Failure::Wrong(format!(
            "the import stopped half way ({why}). {} in already. Look whether the disk is full, then import the same \
             file again: it goes on where it stopped. `kith undo` takes back what is in.",
            days::count(new, "person is", "people are")
        )),
    }
}

/// What an import would do, in numbers and reasons.
fn tell(app: &App, report: &ImportReport, new: &str) {
    app.line(format!("{}: {} {new}", report.source, days::count(report.new, "person", "people")));
    for (by, count) in &report.matched {
        let by = if *count > 1 { by.replace("its own identifier", "their own identifiers") } else { by.clone() };
        app.line(format!("  {} known {}", days::count(*count, "is", "are"), clean(&by)));
    }
    if report.changed > 0 {
        app.line(format!("  {} something new", days::count(report.changed, "of them has", "of them have")));
    }
    for (why, count) in &report.skipped {
        app.line(layout::wrap(&format!("  {count} left out: {}", clean(why)), "    ", app.width));
    }
    for name in report.moved.iter().take(MOST_NAMED) {
        app.line(layout::wrap(&format!("  has another role now: {}", clean(name)), "    ", app.width));
    }
    for name in report.gone.iter().take(MOST_NAMED) {
        let line = format!("  in an earlier file and not in this one, stays as it is: {}", clean(name));
        app.line(layout::wrap(&line, "    ", app.width));
    }
    let gone = report.gone_more + report.gone.len().saturating_sub(MOST_NAMED) as u64;
    if gone > 0 {
        app.line(format!("  and {} gone from the file", days::count(gone, "other", "others")));
    }
    for one in report.need_you.iter().take(MOST_NAMED) {
        let line = format!("  may be here already: {}, line {} ({})", clean(&one.name), one.line, clean(&one.why));
        app.line(layout::wrap(&line, "    ", app.width));
    }
    let more = report.need_you_more + report.need_you.len().saturating_sub(MOST_NAMED) as u64;
    if more > 0 {
        app.line(format!("  and {} like that", days::count(more, "other", "others")));
    }
    notes(app, &report.notes, report.notes_more);
}

fn notes(app: &App, notes: &[String], more: u64) {
    for note in notes {
        app.line(layout::wrap(&format!("  {}", clean(note)), "    ", app.width));
    }
    if more > 0 {
        app.line(format!("  and {} like these", days::count(more, "other", "others")));
    }
}

/// Takes an export of Kith in: what it would bring first, then the question, then the import.
fn import_json(app: &App, file: &Path, dry_run: bool, yes: bool) -> Result<(), Failure> {
    let bar = app.progress("");
    let see = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        Ok(())
    };
    let preview = app.notebook.import_export_preview(file, &mut |done, total| see(done, total));
    bar.finish_and_clear();
    let preview = preview?;
    if dry_run && app.json {
        return app.print_json(&preview);
    }
    if !app.json {
        tell_export(app, &preview);
    }
    if dry_run {
        return Ok(());
    }
    if preview.new == 0 && preview.photos == 0 {
        app.out.confirm("Nothing in this file is new.");
        return if app.json { app.print_json(&preview) } else { Ok(()) };
    }
    if !yes && !choose::agrees(app, "Bring in what is not here yet?")? {
        return Err(Failure::Wrong("nothing was imported".into()));
    }
    let report = app.notebook.import_export(file, &mut |done, total| see(done, total));
    bar.finish_and_clear();
    let report = report?;
    app.settle();
    if app.json {
        return app.print_json(&report);
    }
    let records = days::count(report.new, "record came in", "records came in");
    let known = days::count(report.known, "was", "were");
    let undo = if report.import.is_some() { " `kith undo` takes it back." } else { "" };
    app.out.confirm(format!("{records}, {known} here already.{undo}"));
    Ok(())
}

/// What an export of Kith would bring, in numbers and reasons.
fn tell_export(app: &App, report: &JsonReport) {
    app.line(format!("kith: {} would be new", days::count(report.new, "record", "records")));
    let known =
        days::count(report.known, "is here already and stays as it is", "are here already and stay as they are");
    if report.known > 0 {
        app.line(format!("  {known}"));
    }
    if report.differ > 0 {
        let differ = days::count(report.differ, "of them says", "of them say");
        app.line(format!("  {differ} something else here than in the file"));
    }
    if report.photos > 0 {
        app.line(format!("  {} would be new", days::count(report.photos, "photo", "photos")));
    }
    for (count, why) in [
        (report.unknown, "of a kind that only a newer version of Kith knows"),
        (report.purged, "deleted for good in this notebook"),
    ] {
        if count > 0 {
            app.line(format!("  {count} left out: {why}"));
        }
    }
}

/// Lists imports, or undoes one.
pub(crate) fn imports(app: &App, step: Option<&ImportStep>) -> Result<(), Failure> {
    if let Some(ImportStep::Undo { id }) = step {
        return undo(app, id);
    }
    let imports = app.notebook.imports()?;
    if app.json {
        return app.print_json(&imports);
    }
    let zone = app.notebook.zone()?;
    for import in &imports {
        let when = import.at.map(|at| days::moment(at, zone, app.today)).unwrap_or_default();
        let state = match (import.undone_at, import.finished) {
            (Some(_), _) => "  undone",
            (None, false) => "  not finished: import the same file again, or undo it",
            _ => "",
        };
        let file = if import.file_name.is_empty() { String::new() } else { format!(", {}", clean(&import.file_name)) };
        app.line(format!(
            "{}  {}{file}  {when}{state}",
            styled(FAINT, &show::short_id(import.id)),
            clean(&import.source)
        ));
    }
    if imports.is_empty() {
        app.out.aside("Nothing was imported yet.");
    }
    Ok(())
}

/// How an import is called in a sentence: from where, which file, when.
pub(crate) fn import_words(app: &App, id: Id<Import>) -> Result<String, Failure> {
    let import: Import = app.notebook.get(id)?.unwrap_or_default();
    let file = if import.file_name.is_empty() { String::new() } else { format!(" of {}", clean(&import.file_name)) };
    let zone = app.notebook.zone()?;
    let when = import.at.map(|at| format!(", {}", days::moment(at, zone, app.today))).unwrap_or_default();
    Ok(format!("the {} import{file}{when}", clean(&import.source)))
}

fn undo(app: &App, id: &str) -> Result<(), Failure> {
    let found = app.notebook.by_id_start(id, 10)?;
    let imports: Vec<Import> = found
        .into_iter()
        .filter_map(|record| match record {
            AnyRecord::Import(import) => Some(import),
            _ => None,
        })
        .collect();
    let [import] = imports.as_slice() else {
        let id = clean(id);
        return Err(Failure::NotFound(format!("no one import has the id {id}; `kith imports` lists them")));
    };
    let undone = app.notebook.undo_import(import.id, &mut |_, _| Ok(()))?;
    app.settle();
    if app.json {
        return app.print_json(&undone);
    }
    tell_undone(app, &undone);
    Ok(())
}

/// What undoing an import did, and who stays, and why.
pub(crate) fn tell_undone(app: &App, undone: &ImportUndone) {
    let records = days::count(undone.deleted, "record is", "records are");
    app.out.confirm(format!("{records} deleted again, {} put back.", days::count(undone.put_back, "field", "fields")));
    for Kept { name, why } in &undone.kept {
        app.line(layout::wrap(&format!("  {} stays: {}", clean(name), clean(why)), "    ", app.width));
    }
}

/// Writes the notebook for another program.
pub(crate) fn export(app: &App, form: Form, file: Option<&Path>, without_private: bool) -> Result<(), Failure> {
    let count = match file {
        None => write_out(app, form, &mut Stdout(app), without_private)?,
        Some(file) => {
            let failed = |error: io::Error| match error.kind() {
                io::ErrorKind::AlreadyExists => Failure::Usage(format!(
                    "{} is there already and was left alone; choose another name",
                    file.display()
                )),
                _ => {
                    Failure::Wrong(format!("{} cannot be written ({error}); the notebook is unchanged", file.display()))
                }
            };
            // Half an export would be taken for a whole one: it appears when all of it is there.
            let mut out = io::BufWriter::new(NewFile::create(file).map_err(failed)?);
            let count = write_out(app, form, &mut out, without_private)?;
            out.into_inner().map_err(|error| failed(error.into_error()))?.finish().map_err(failed)?;
            count
        }
    };
    if let (true, Some(file)) = (app.json, file) {
        return app.print_json(&serde_json::json!({ "file": file, "count": count, "private": !without_private }));
    }
    let what = match form {
        Form::Vcard => days::count(count, "person", "people"),
        Form::Json => days::count(count, "record", "records"),
    };
    let private = match (form, without_private) {
        (Form::Json, false) => " Private parts and photos are in it; keep it as you keep the notebook.",
        _ => "",
    };
    app.out.aside(format!("{what} written.{private}"));
    Ok(())
}

fn write_out(app: &App, form: Form, out: &mut dyn Write, without_private: bool) -> Result<u64, Failure> {
    Ok(match form {
        Form::Vcard => app.notebook.export_vcards(out, !without_private)?,
        Form::Json => app.notebook.export_json(out, !without_private)?,
    })
}

/// Standard output as the program keeps it: a closed pipe is told at the end, not in the middle.
struct Stdout<'a, 'b>(&'a App<'b>);

impl Write for Stdout<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.out.raw(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
