//! Bringing this notebook together with other devices through a folder that is remembered on this device.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use kith_core::notebook::SyncReport;

use crate::app::App;
use crate::failure::Failure;
use crate::layout::{STRONG, clean, styled};
use crate::{days, places};

/// Under which word this device remembers the folder.
const FOLDER: &str = "sync_folder";

/// Syncs with the folder, or with that of last time.
pub(crate) fn sync(app: &App, folder: Option<&Path>) -> Result<(), Failure> {
    let folder = match folder {
        Some(folder) => folder.to_path_buf(),
        None => remembered(app)?,
    };
    let progress = app.progress("files");
    let handed_out = places::handed_out()?;
    let report = app.notebook.sync_folder(&folder, &handed_out, &mut |done, total| {
        progress.set_length(total);
        progress.set_position(done);
    });
    progress.finish_and_clear();
    let report = report.map_err(|error| match error {
        kith_core::Error::NotFound(what) => Failure::NotFound(format!(
            "{what} was not found. It is not made by itself: a drive that is not plugged in looks the same. Plug it \
             in, or make the folder, and sync again."
        )),
        error => error.into(),
    })?;
    remember(app, &folder)?;
    if report.received > 0 {
        app.settle();
    }
    if app.json {
        return app.print_json(&report);
    }
    tell(app, &report);
    Ok(())
}

/// Lists the devices this notebook has heard of.
pub(crate) fn devices(app: &App) -> Result<(), Failure> {
    let devices = app.notebook.devices()?;
    if app.json {
        return app.print_json(&serde_json::json!({ "this": app.notebook.device(), "others": devices }));
    }
    app.line(format!("{}  this one", styled(STRONG, &clean(app.notebook.device()))));
    let zone = app.notebook.zone()?;
    for device in &devices {
        let at: Option<DateTime<Utc>> = device.last_seen.as_ref().and_then(|at| at.parse().ok());
        let seen = at.map(|at| format!("  last heard of {}", days::moment(at, zone, app.today))).unwrap_or_default();
        app.line(format!("{}{seen}", styled(STRONG, &clean(&device.name))));
    }
    Ok(())
}

fn remembered(app: &App) -> Result<PathBuf, Failure> {
    app.notebook.remembered(FOLDER)?.map(PathBuf::from).ok_or_else(|| {
        Failure::Usage(
            "no folder was named yet. Choose one that your devices share, on a stick or in a cloud drive, and name it \
             once: kith sync FOLDER"
                .into(),
        )
    })
}

fn remember(app: &App, folder: &Path) -> Result<(), Failure> {
    let whole = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    let Some(text) = whole.to_str() else { return Ok(()) };
    if app.notebook.remembered(FOLDER)?.as_deref() != Some(text) {
        let mut writing = app.notebook.write();
        writing.remember(FOLDER, Some(text.into()));
        writing.commit()?;
    }
    Ok(())
}

fn tell(app: &App, report: &SyncReport) {
    app.out.confirm(match (report.sent, report.received) {
        (0, 0) => "Nothing new on either side.".to_string(),
        (sent, received) => {
            let touched = days::count(report.touched, "record", "records");
            format!("Sent {}, received {received} in {touched}.", days::count(sent, "change", "changes"))
        }
    });
    if report.new_log {
        app.out.aside("This notebook was restored or copied, so it goes on under a new name of its own.");
    }
    if report.waiting > 0 {
        let changes = days::count(report.waiting, "change waits", "changes wait");
        app.out.aside(format!("{changes} for others that have not come yet; the next sync brings them."));
    }
    for why in &report.refused {
        app.out.aside(format!("A change was set aside: {why}"));
    }
    for (file, why) in &report.set_aside {
        app.out.aside(format!("{file} was left alone: {why}"));
    }
}
