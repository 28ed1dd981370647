//! Bringing this notebook together with other devices through the mailboxes that are remembered on this device.

use std::path::Path;

use kith_core::notebook::SyncReport;
use kith_core::sync::carrier::Mailbox;

use crate::app::App;
use crate::failure::Failure;
use crate::layout::wrap;
use crate::{days, mailboxes, places};

/// Syncs with a folder, which is remembered, or with every mailbox.
pub(crate) fn sync(app: &App, folder: Option<&Path>) -> Result<(), Failure> {
    let all = match folder {
        Some(folder) => vec![mailboxes::named(app, folder)?],
        None => mailboxes::all(app)?,
    };
    with(app, &all.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

/// Syncs with these, one after the other. One that fails does not hold up the others; its failure is told at the end.
pub(crate) fn with(app: &App, mailboxes: &[&dyn Mailbox]) -> Result<(), Failure> {
    let keys = places::keys()?;
    let (mut failed, mut answers) = (None, Vec::new());
    for mailbox in mailboxes {
        let progress = app.progress("files");
        let report = app.notebook.sync(*mailbox, &keys, &mut |done, total| {
            // A bar for nothing would only flash.
            if total > 0 {
                progress.set_length(total);
                progress.set_position(done);
            }
        });
        progress.finish_and_clear();
        match report {
            Ok(report) => {
                if report.received > 0 {
                    app.settle();
                }
                if app.json {
                    answers.push(serde_json::json!({ "mailbox": mailbox.words(), "report": report }));
                } else {
                    tell(app, &report);
                }
            }
            Err(error) if mailboxes.len() > 1 => {
                app.out.aside(format!("{}: {error}", mailbox.words()));
                failed = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    if app.json {
        app.print_json(&answers)?;
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

fn tell(app: &App, report: &SyncReport) {
    app.out.confirm(match (report.sent, report.received) {
        (0, 0) if report.written > 0 => {
            format!(
                "Nothing new here; {} for the others.",
                days::count(report.written, "file put there", "files put there")
            )
        }
        (0, 0) => "Nothing new on either side.".to_string(),
        (0, received) => received_words(received, report.touched),
        (sent, 0) => format!("Left {} for the others; nothing new from them.", days::count(sent, "change", "changes")),
        (sent, received) => {
            format!(
                "Left {} for the others. {}",
                days::count(sent, "change", "changes"),
                received_words(received, report.touched)
            )
        }
    });
    if report.new_log {
        aside(app, "This notebook was restored or copied, so it goes on under a new name of its own.");
    }
    for twin in &report.twins {
        aside(
            app,
            &format!("\"{twin}\" is two devices that think they are one: a copy of it is in use. Nothing is lost."),
        );
    }
    for (count, one, many, why) in [
        (
            report.waiting,
            "change waits",
            "changes wait",
            "for others that have not come yet; a later sync brings them.",
        ),
        (
            report.missing,
            "file",
            "files",
            "that another device of yours has seen did not come yet; a later sync brings them, or the mailbox lost them.",
        ),
        (report.locked, "file is", "files are", "sealed under a key that has not come yet; a later sync opens them."),
        (
            report.strangers,
            "file is",
            "files are",
            "kept back: nobody has let the device in that wrote it. See `kith quarantine`.",
        ),
        (
            report.after_removal,
            "file is",
            "files are",
            "kept back: written by a device after it was removed. See `kith quarantine`.",
        ),
        (report.deleted, "record is", "records are", "gone for good: another device of yours deleted them so."),
        (report.forgotten, "file is", "files are", "forgotten: another device of yours sealed everything anew."),
        (report.newer, "file needs", "files need", "a newer version of Kith; it is kept for that day."),
    ] {
        if count > 0 {
            aside(app, &format!("{} {why}", days::count(count, one, many)));
        }
    }
    for purge in &report.purges_waiting {
        let people = days::count(purge.people, "person", "people");
        let by = crate::layout::clean(&purge.by);
        aside(
            app,
            &format!("{by} deleted {people} for good; they are still here until you agree. See `kith quarantine`."),
        );
    }
    for why in &report.refused {
        aside(app, &format!("A change was set aside: {why}"));
    }
    for (file, why) in &report.set_aside {
        aside(app, &format!("{file} was left alone: {why}"));
    }
}

fn received_words(received: u64, touched: u64) -> String {
    let (changes, records) = (days::count(received, "change", "changes"), days::count(touched, "record", "records"));
    format!("Received {changes} in {records}.")
}

/// Something that is good to know, beside the answer.
pub(crate) fn aside(app: &App, words: &str) {
    app.out.aside(wrap(words, "", app.width));
}
