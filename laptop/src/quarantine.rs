//! What waits for a decision of somebody on this device, and the renewal that makes everybody forget.

use chrono::{DateTime, Utc};
use kith_core::notebook::{KeptBack, WaitingPurge, WhyKeptBack};

use crate::app::App;
use crate::args::QuarantineStep;
use crate::failure::Failure;
use crate::layout::{FAINT, STRONG, clean, styled, wrap};
use crate::{choose, days, mailboxes, sync};

/// Lists what is kept back, or decides about it.
pub(crate) fn quarantine(app: &App, step: Option<&QuarantineStep>) -> Result<(), Failure> {
    let keys = app.keys()?;
    match step {
        None => list(app),
        Some(QuarantineStep::Keep { device }) => {
            let doubted = app.notebook.devices_in_doubt(&keys)?;
            if let Some(row) = doubted.iter().find(|row| row.id == *device || row.name.eq_ignore_ascii_case(device)) {
                app.notebook.keep_device(&keys, &row.id)?;
                let name = clean(&row.name);
                return app.done(&row.id, &format!("{name} belongs to this notebook. Sync, so that the others know."));
            }
            let report = app.notebook.keep_back_no_more(&keys, device)?;
            app.settle();
            let changes = days::count(report.received, "change is", "changes are");
            app.done(
                report.received,
                &format!("{changes} part of your notes now. Sync, so that your other devices take them too."),
            )
        }
        Some(QuarantineStep::Drop { device, yes }) => {
            let question = format!(
                "Leave what \"{}\" wrote? Nobody is asked again on this device; it becomes part of your notes only if \
                 another of your devices has it or keeps it.",
                clean(device)
            );
            if !yes && !choose::agrees(app, &question)? {
                return Err(Failure::Wrong("nothing was decided".into()));
            }
            let files = days::count(app.notebook.drop_kept_back(&keys, device)?, "file is", "files are");
            app.done(device, &format!("{files} left out."))
        }
        Some(QuarantineStep::Agree { device, yes }) => {
            let waiting = waiting_by(app, device.as_deref())?;
            let question = format!("Delete {} for good here too? There is no way back but a backup.", told(&waiting));
            if !yes && !choose::agrees(app, &question)? {
                return Err(Failure::Wrong("nothing was deleted".into()));
            }
            let gone = app.notebook.agree_to_purges(&keys, &ids(&waiting))?;
            app.done(gone, &format!("{} gone for good.", days::count(gone, "record is", "records are")))
        }
        Some(QuarantineStep::Refuse { device, yes }) => {
            let waiting = waiting_by(app, Some(device))?;
            let question = format!(
                "Leave {} here? Devices that deleted them do not get them back, and nobody is asked again on this one.",
                told(&waiting)
            );
            if !yes && !choose::agrees(app, &question)? {
                return Err(Failure::Wrong("nothing was decided".into()));
            }
            let left = app.notebook.refuse_purges(&keys, &ids(&waiting))?;
            app.done(left, &format!("{} here.", days::count(left, "record stays", "records stay")))
        }
    }
}

/// What waits to be deleted for good, of one device or of all.
fn waiting_by(app: &App, device: Option<&str>) -> Result<Vec<WaitingPurge>, Failure> {
    let mut waiting = app.notebook.purges_waiting(&app.keys()?)?;
    waiting.retain(|purge| device.is_none_or(|device| purge.by.eq_ignore_ascii_case(device) || purge.id == device));
    match (waiting.is_empty(), device) {
        (false, _) => Ok(waiting),
        (true, None) => Err(Failure::NotFound("nothing waits to be deleted for good".into())),
        (true, Some(device)) => {
            Err(Failure::NotFound(format!("nothing that \"{}\" deleted for good waits here", clean(device))))
        }
    }
}

fn ids(waiting: &[WaitingPurge]) -> Vec<String> {
    waiting.iter().map(|purge| purge.id.clone()).collect()
}

/// How much that is, and of whom.
fn told(waiting: &[WaitingPurge]) -> String {
    let records = waiting.iter().map(|purge| purge.records).sum();
    let mut by: Vec<String> = waiting.iter().map(author).collect();
    by.dedup();
    format!("{}, which {} deleted,", days::count(records, "record", "records"), by.join(" and "))
}

fn author(purge: &WaitingPurge) -> String {
    let since = if purge.is_by_removed { ", which you removed since," } else { "" };
    format!("{}{since}", clean(&purge.by))
}

fn list(app: &App) -> Result<(), Failure> {
    let keys = app.keys()?;
    let (files, purges) = (app.notebook.kept_back(&keys)?, app.notebook.purges_waiting(&keys)?);
    let (refused, doubted) = (app.notebook.refused()?, app.notebook.devices_in_doubt(&keys)?);
    if app.json {
        let all = serde_json::json!({ "files": files, "purges": purges, "refused": refused, "devices": doubted });
        return app.print_json(&all);
    }
    if files.is_empty() && purges.is_empty() && refused.is_empty() && doubted.is_empty() {
        app.line("Nothing is kept back.");
        return Ok(());
    }
    for row in &doubted {
        app.line(wrap(
            &format!(
                "{} was let in by a device that was removed before anybody heard of it. `kith quarantine keep {}` keeps \
                 it; until then nothing it writes counts.",
                clean(&row.name),
                row.id
            ),
            "",
            app.width,
        ));
    }
    for kept in &files {
        files_of(app, kept)?;
    }
    for purge in &purges {
        purge_of(app, purge);
    }
    for kith_core::notebook::Refused { changes, why } in &refused {
        let changes = days::count(*changes, "change was", "changes were");
        app.line(wrap(
            &format!("{changes} refused: {why}. Kith tries again, a newer version at the latest."),
            "",
            app.width,
        ));
    }
    Ok(())
}

fn files_of(app: &App, kept: &KeptBack) -> Result<(), Failure> {
    let name = if kept.name.is_empty() { "A device nobody let in".to_string() } else { clean(&kept.name) };
    let at: Option<DateTime<Utc>> = kept.newest.parse().ok();
    let newest = at.map(|at| app.notebook.zone().map(|zone| days::moment(at, zone, app.today))).transpose()?;
    let about = format!(
        "{} in {}, the newest {}, {}",
        days::count(kept.changes, "change", "changes"),
        days::count(kept.records, "record", "records"),
        newest.unwrap_or_default(),
        kept.device
    );
    app.line(format!("{}  {}", styled(STRONG, &name), styled(FAINT, &about)));
    let why = match kept.why {
        WhyKeptBack::AfterRemoval => "When it was removed, nobody had heard this yet: it may be from before or after.",
        WhyKeptBack::Stranger => "No device of yours let it in.",
        WhyKeptBack::Incomplete => "It may have written this before it was removed: what would show it has not come.",
    };
    let what = if kept.name.is_empty() { kept.device.clone() } else { format!("\"{}\"", clean(&kept.name)) };
    let choice = match kept.why {
        WhyKeptBack::Incomplete => "another sync may still bring that, and takes it in then by itself",
        WhyKeptBack::AfterRemoval | WhyKeptBack::Stranger => "`drop` leaves it",
    };
    app.line(format!("  {why} `kith quarantine keep {what}` takes it into your notes, {choice}."));
    Ok(())
}

fn purge_of(app: &App, purge: &WaitingPurge) {
    app.line(wrap(
        &format!(
            "{} {}. That is much since you last agreed, so what it was is still here: \
             `kith quarantine agree \"{by}\"` deletes them here too, `kith quarantine refuse \"{by}\"` leaves them.",
            author(purge),
            deleted_what(purge),
            by = clean(&purge.by),
        ),
        "",
        app.width,
    ));
}

/// `deleted 4 people for good, 9 records in all: Ann Lee, Ben Okafor and others`.
fn deleted_what(purge: &WaitingPurge) -> String {
    let (records, names) = (days::count(purge.records, "record", "records"), named(purge));
    match (purge.is_rewritten, purge.people) {
        (true, _) => format!("wrote {names} anew, without some of the words"),
        (false, 0) => format!("deleted {records} for good: {names}"),
        (false, people) => {
            format!("deleted {} for good, {records} in all: {names}", days::count(people, "person", "people"))
        }
    }
}

/// Some of what would be deleted, by name.
pub(crate) fn named(purge: &WaitingPurge) -> String {
    let names: Vec<String> = purge.names.iter().map(|name| clean(name)).filter(|name| !name.is_empty()).collect();
    let all = if purge.people > 0 { purge.people } else { purge.records };
    let others = if all > names.len() as u64 { " and others" } else { "" };
    if names.is_empty() { "without a name".into() } else { format!("{}{others}", names.join(", ")) }
}

/// Seals everything anew, so that what was deleted for good leaves the mailboxes and the other devices.
pub(crate) fn renew(app: &App, yes: bool) -> Result<(), Failure> {
    let question = "Seal the whole notebook anew, under a new key? Every device and mailbox then forgets what was sealed \
                    before; what you deleted for good is in no file any more. Copies of old files, as a cloud keeps them in \
                    its bin, then open to your recovery key alone. It takes as long as a first sync.";
    if !yes && !choose::agrees(app, question)? {
        return Err(Failure::Wrong("nothing was renewed".into()));
    }
    // Devices that meet directly have no mailbox.
    let (keys, all) = (app.keys()?, mailboxes::open_all(app)?);
    let all: Vec<_> = all.iter().map(|(_, mailbox)| mailbox.as_ref()).collect();
    for mailbox in &all {
        app.notebook.sync(*mailbox, &keys, &mut |_, _| Ok(()))?;
    }
    let report = app.notebook.renew(&keys, &mut |_, _| Ok(()))?;
    if app.json {
        app.print_json(&report)?;
        return all
            .iter()
            .try_for_each(|mailbox| Ok(app.notebook.sync(*mailbox, &keys, &mut |_, _| Ok(())).map(drop)?));
    }
    app.out.confirm(format!(
        "Sealed anew: {} in the place of {}.",
        days::count(report.written, "file", "files"),
        report.forgotten
    ));
    for mailbox in &all {
        app.notebook.sync(*mailbox, &keys, &mut |_, _| Ok(()))?;
    }
    let names: Vec<String> = report.waiting_for.iter().map(|name| clean(name)).collect();
    sync::aside(
        app,
        &match names.is_empty() {
            true => {
                "No device holds the old files or their keys. Copies that a cloud keeps in its bin open to nobody but \
                     your recovery key, if you made one."
                    .to_string()
            }
            false => format!(
                "Until they sync, these devices still hold the old files: {}. When all have, and have synced once more, \
                 your devices forget the old keys: copies that a cloud keeps in its bin then open to nobody but your \
                 recovery key. A device that will not come back is not waited for once it is removed with \
                 `kith devices remove`.",
                names.join(", ")
            ),
        },
    );
    Ok(())
}
