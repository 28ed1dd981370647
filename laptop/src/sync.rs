//! Bringing this notebook together with other devices: through the mailboxes that are remembered on this device, then with
//! those that are nearby or at the relay.

use kith_core::notebook::{Removal, SyncReport};
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::pairing::Request;

use crate::app::App;
use crate::args::Sync;
use crate::failure::Failure;
use crate::layout::wrap;
use crate::{days, direct, mailboxes, mind, show, watch};

/// Syncs with a folder, which is remembered, or with every mailbox and the devices nearby.
pub(crate) fn sync(app: &App, sync: &Sync) -> Result<(), Failure> {
    if sync.watch {
        return watch::watch(app, sync.port);
    }
    let mut answers = Vec::new();
    let done = once(app, sync, &mut answers);
    if app.json && (done.is_ok() || !answers.is_empty()) {
        app.print_json(&answers)?;
    }
    done
}

fn once(app: &App, sync: &Sync, answers: &mut Vec<serde_json::Value>) -> Result<(), Failure> {
    if let Some(at) = &sync.at {
        return direct::at(app, at, answers);
    }
    if let Some(folder) = &sync.folder {
        return pass(app, &[mailboxes::named(app, folder)?.as_ref()], answers);
    }
    let all = mailboxes::open_all(app)?;
    let passed = pass(app, &all.iter().map(|(_, mailbox)| mailbox.as_ref()).collect::<Vec<_>>(), answers);
    let others = app.notebook.peers_to_call(&app.keys()?)?.len();
    let removal = app.notebook.removal()?;
    if let Some(removal) = removal.filter(|_| others == 0) {
        let words = removal_words(&removal);
        if all.is_empty() {
            return Err(Failure::Core(kith_core::Error::Removed(words)));
        }
        if passed.is_ok() {
            aside(app, &format!("Note: {words}."));
        }
        return passed;
    }
    if all.is_empty() && (others == 0 || sync.no_near) {
        return Err(mailboxes::none_yet());
    }
    if sync.no_near || others == 0 {
        return passed;
    }
    let met = direct::nearby(app, answers);
    let has_relay = app.notebook.relay()?.is_some();
    match (passed, met) {
        (Ok(()), Ok(0)) if all.is_empty() && has_relay => Err(Failure::NotFound(NOBODY_FAR.into())),
        (Ok(()), Ok(0)) if all.is_empty() => Err(Failure::NotFound(NOBODY.into())),
        (Ok(()), Ok(0)) if has_relay => {
            app.out.aside("No other device is nearby or at the relay just now.");
            Ok(())
        }
        (Ok(()), Ok(0)) => {
            app.out.aside("No other device is nearby just now.");
            Ok(())
        }
        (Err(failure), _) | (_, Err(failure)) => Err(failure),
        (Ok(()), Ok(_)) => Ok(()),
    }
}

/// What a device says that was removed, and what its person can do.
pub(crate) fn removal_words(removal: &Removal) -> String {
    let by = crate::layout::clean(&removal.by);
    let after = "What is in this notebook stays here. To come back, this device joins anew: `kith invite` on one that \
                 belongs to the notebook, and `kith join CODE` here";
    match (removal.is_certain, by.as_str()) {
        (true, "") => format!("this device was removed from its notebook, and nothing more is exchanged. {after}"),
        (true, by) => {
            format!("this device was removed from its notebook by {by}, and nothing more is exchanged. {after}")
        }
        (false, by) => format!(
            "{by} says that this device was removed, so it is not called any more unless you name its address (kith sync \
             --at HOST:PORT). {after}"
        ),
    }
}

const NOBODY: &str = "none of your other devices was found on this network. Open Kith there, or run `kith sync --watch` on \
                      it, and try again. Networks of hotels and conferences often keep devices apart: a hotspot of your \
                      phone does not, and a folder that both can reach (kith sync FOLDER) or a mailbox (kith mailbox add) \
                      always works.";

const NOBODY_FAR: &str = "none of your other devices was found on this network or at the relay. Open Kith there, or run \
                          `kith sync --watch` on it, and try again. It needs the same relay: `kith relay` shows which one \
                          a device has.";

/// Syncs with these, and answers for them alone.
pub(crate) fn with(app: &App, mailboxes: &[&dyn Mailbox]) -> Result<(), Failure> {
    let mut answers = Vec::new();
    let done = pass(app, mailboxes, &mut answers);
    if app.json && (done.is_ok() || !answers.is_empty()) {
        app.print_json(&answers)?;
    }
    done
}

/// One pass through each, one after the other. One that fails does not hold up the others; its failure is told at the end.
fn pass(app: &App, mailboxes: &[&dyn Mailbox], answers: &mut Vec<serde_json::Value>) -> Result<(), Failure> {
    let mut failed = None;
    for mailbox in mailboxes {
        match pass_one(app, *mailbox) {
            Ok(report) if app.json => {
                let mut answer = answer(app, "mailbox", &mailbox.words(), &report);
                if let Some(request) = who_asks(app, *mailbox) {
                    answer["asks_to_join"] = serde_json::json!({ "name": request.name, "digits": request.digits });
                }
                answers.push(answer);
            }
            Ok(report) => {
                tell(app, &report);
                if let Some(request) = who_asks(app, *mailbox) {
                    let (name, digits) = (crate::layout::clean(&request.name), request.digits);
                    aside(
                        app,
                        &format!(
                            "\"{name}\" asks to join, with the code that you gave. If it shows {digits} too: kith invite \
                             --agree-to {digits}"
                        ),
                    );
                }
            }
            Err(error) if mailboxes.len() > 1 => {
                app.out.aside(format!("{}: {error}", mailbox.words()));
                failed = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// The device that came with the code of an invitation and waits for an answer, if there is one. If the code came to nothing,
/// that is told: it is void from then on.
fn who_asks(app: &App, mailbox: &dyn Mailbox) -> Option<Request> {
    match app.notebook.request_to_join(mailbox, &app.keys().ok()?) {
        Ok(asks) => asks,
        Err(kith_core::Error::NotFound(_)) => None,
        Err(error) => {
            aside(app, &format!("Of the code that you gave: {error}"));
            None
        }
    }
}

/// One pass through one.
pub(crate) fn pass_one(app: &App, mailbox: &dyn Mailbox) -> Result<SyncReport, kith_core::Error> {
    let keys = app.keys().map_err(|failure| kith_core::Error::Storage(failure.words()))?;
    let progress = app.progress("files");
    let report = app.notebook.sync(mailbox, &keys, &mut |done, total| {
        // A bar for nothing would only flash.
        if total > 0 {
            progress.set_length(total);
            progress.set_position(done);
        }
        Ok(())
    });
    progress.finish_and_clear();
    if report.as_ref().is_ok_and(|report| report.received > 0) {
        app.settle();
    }
    report
}

/// A sync as another program reads it: with whom, the report, and what was deleted and changed at once.
pub(crate) fn answer(app: &App, what: &str, name: &str, report: &SyncReport) -> serde_json::Value {
    let mut answer = serde_json::json!({ what: name, "report": report });
    let came = mind::came_with_deletions(app);
    if !came.beside.is_empty() {
        let rows = came.beside.iter().map(|(id, title)| serde_json::json!({ "id": id, "title": title }));
        answer["deleted_and_changed"] = rows.collect();
    }
    if !came.hidden.is_empty() {
        let row = |(id, title, open): &(_, _, _)| serde_json::json!({ "id": id, "title": title, "open": open });
        answer["deleted_with_open"] = came.hidden.iter().map(row).collect();
    }
    answer
}

/// What a pass did, in words.
pub(crate) fn tell(app: &App, report: &SyncReport) {
    // What was sealed and is still here was left for nobody.
    let left = if report.written > 0 { report.sent } else { 0 };
    app.out.confirm(match (left, report.received) {
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
    tell_asides(app, report);
}

/// What else there is to say of a sync.
pub(crate) fn tell_asides(app: &App, report: &SyncReport) {
    let came = mind::came_with_deletions(app);
    for (id, title, open) in came.hidden {
        let (back, open) =
            (show::short_id(id), days::count(open, "open promise or meeting", "open promises or meetings"));
        aside(
            app,
            &format!(
                "{title} was deleted on another device, and {open} with them are not shown any more. `kith undelete {back}` \
                 brings all of it back."
            ),
        );
    }
    for (id, title) in came.beside {
        let back = show::short_id(id);
        aside(
            app,
            &format!(
                "{title} was deleted on one device and changed on another at the same time: it stays deleted, with the \
                 change. `kith undelete {back}` brings it back."
            ),
        );
    }
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
        (
            report.told,
            "record is",
            "records are",
            "shown as another device of yours has them, and can be changed once the rest has come.",
        ),
        (
            report.locked,
            "file is",
            "files are",
            "sealed under a key that has not come yet; a later sync opens them. If none does, devices removed each other \
             and go on apart: invite one of them from the other side.",
        ),
        (
            report.no_room,
            "file of another device is",
            "files of other devices are",
            "not put there: the mailbox holds 100,000 files. Empty it, or add another; each device puts back what it has.",
        ),
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
        (
            report.incomplete,
            "file is",
            "files are",
            "kept back: of a removed device, and what shows that it wrote them before has not come. See `kith quarantine`.",
        ),
        (report.deleted, "record is", "records are", "gone for good: another device of yours deleted them so."),
        (
            report.rewritten,
            "record was",
            "records were",
            "written anew on another device of yours, without some of the words; the old ones are gone here too.",
        ),
        (
            report.kept_in_notes,
            "note holds",
            "notes hold",
            "what was written here meanwhile into a record that was written anew elsewhere: copy over what is to stay.",
        ),
        (
            report.purged,
            "change was",
            "changes were",
            "left out: for a record that was deleted for good here, or written anew without some of its words.",
        ),
        (report.forgotten, "file is", "files are", "forgotten: another device of yours sealed everything anew."),
        (report.newer, "file needs", "files need", "a newer version of Kith; it is kept for that day."),
    ] {
        if count > 0 {
            aside(app, &format!("{} {why}", days::count(count, one, many)));
        }
    }
    for purge in &report.purges_waiting {
        let (by, names) = (crate::layout::clean(&purge.by), crate::quarantine::named(purge));
        let what = match (purge.is_rewritten, purge.people) {
            (true, _) => "wrote something anew, without some of the words; the old ones are still here".into(),
            (false, 0) => {
                format!("deleted {} for good; they are still here", days::count(purge.records, "record", "records"))
            }
            (false, people) => {
                format!("deleted {} for good; they are still here", days::count(people, "person", "people"))
            }
        };
        aside(app, &format!("{by} {what} until you agree: {names}. See `kith quarantine`."));
    }
    for why in &report.refused {
        aside(app, &format!("A change was set aside: {why}"));
    }
    for kith_core::notebook::SetAside { file, why } in &report.set_aside {
        aside(app, &format!("{file} was left alone: {why}"));
    }
}

pub(crate) fn received_words(received: u64, touched: u64) -> String {
    let (changes, records) = (days::count(received, "change", "changes"), days::count(touched, "record", "records"));
    format!("Received {changes} in {records}.")
}

/// Something that is good to know, beside the answer.
pub(crate) fn aside(app: &App, words: &str) {
    app.out.aside(wrap(words, "", app.width));
}
