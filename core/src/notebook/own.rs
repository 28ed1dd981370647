//! What is of this device alone: its settings, of which no other device hears, and the backup that it makes by itself.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Notebook, Progress};
use crate::error::{Error, Result};

/// Under which word this device remembers its settings, and on which day it last made a backup by itself.
const SETTINGS: &str = "device_settings";
const BACKED_UP_ON: &str = "backed_up_on";
/// How many backups made by itself stay, the newest.
pub const BACKUPS_KEPT: usize = 14;
const ENDING: &str = ".kithbak";

/// Settings of this device. They are in no record and go to no other device; a backup holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct DeviceSettings {
    /// Whether a phone may call for attention when something is due.
    pub notifications: bool,
    /// Whether a phone asks who holds it before it shows anything.
    pub lock: bool,
    /// The folder in which a backup is made by itself, see [`Notebook::backup_if_due`]; none makes none.
    pub backup_folder: Option<PathBuf>,
}

impl Notebook {
    /// The settings of this device; what was never set is off.
    ///
    /// # Errors
    /// As any question.
    pub fn device_settings(&self) -> Result<DeviceSettings> {
        let kept = self.remembered(SETTINGS)?.unwrap_or_default();
        Ok(serde_json::from_str(&kept).unwrap_or_default())
    }

    /// Sets what is of this device. What a newer version keeps there stays.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such folder for backups, [`Error::Invalid`] when its path is not a whole one;
    /// nothing is changed then.
    pub fn set_device_settings(&self, settings: &DeviceSettings) -> Result<()> {
        if let Some(folder) = &settings.backup_folder {
            // What is no Unicode could not be written down.
            if !folder.is_absolute() || folder.to_str().is_none() {
                return Err(Error::Invalid(format!("{} is not the whole path of a folder", folder.display())));
            }
            must_be_there(folder)?;
        }
        let kept = self.remembered(SETTINGS)?.unwrap_or_default();
        let mut kept: Map<String, Value> = serde_json::from_str(&kept).unwrap_or_default();
        if let Ok(Value::Object(new)) = serde_json::to_value(settings) {
            kept.extend(new);
        }
        let mut writing = self.write();
        writing.remember(SETTINGS, Some(Value::Object(kept).to_string()));
        // A folder that was just named shows at once that it can be written to.
        writing.remember(BACKED_UP_ON, None);
        writing.commit().map(drop)
    }

    /// Makes the backup of the day, when this device has a folder for it and has made none on this day: one file, not
    /// sealed, named by device, notebook and day. Of those that this device made by itself the newest [`BACKUPS_KEPT`] stay.
    /// Answers which file it wrote. Whoever wrote something calls this when there is time; `progress` as in
    /// [`Notebook::backup`].
    ///
    /// # Errors
    /// [`Error::NotFound`] when the folder is not there, otherwise as [`Notebook::backup`].
    pub fn backup_if_due(&self, progress: Progress<'_>) -> Result<Option<PathBuf>> {
        let Some(folder) = self.device_settings()?.backup_folder else { return Ok(None) };
        let today = self.today()?;
        if self.remembered(BACKED_UP_ON)?.as_deref() == Some(&today.to_string()) {
            return Ok(None);
        }
        must_be_there(&folder)?;
        let whose = self.own_name();
        let file = folder.join(format!("{whose}{today}{ENDING}"));
        // One of this day, from before the folder was named again, is older than what was just written.
        let fresh = folder.join(format!("{whose}new{ENDING}"));
        let _ = fs::remove_file(&fresh);
        self.backup(&fresh, None, progress)?;
        fs::rename(&fresh, &file)?;
        let mut writing = self.write();
        writing.remember(BACKED_UP_ON, Some(today.to_string()));
        writing.commit()?;
        remove_older(&folder, &whose)?;
        Ok(Some(file))
    }

    /// How the files begin that this device makes of this notebook: its own name in plain letters, and enough of a hash to
    /// tell two notebooks apart that are backed up into one folder.
    fn own_name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let device: String = self.device.chars().take(24).map(plain).collect();
        let both = format!("{}\0{}", self.device, self.path.display());
        format!("kith-{device}-{}-", &blake3::hash(both.as_bytes()).to_hex()[..6])
    }
}

fn must_be_there(folder: &Path) -> Result<()> {
    match folder.is_dir() {
        true => Ok(()),
        false => Err(Error::NotFound(format!("the folder {} for backups", folder.display()))),
    }
}

/// Takes the oldest away, of those whose name says that they were made by themselves; others are left alone.
fn remove_older(folder: &Path, whose: &str) -> Result<()> {
    let day_of = |name: &str| name.strip_prefix(whose)?.strip_suffix(ENDING)?.parse::<NaiveDate>().ok();
    let mut days = Vec::new();
    for entry in fs::read_dir(folder)? {
        days.extend(day_of(&entry?.file_name().to_string_lossy()));
    }
    days.sort_unstable_by_key(|day| std::cmp::Reverse(*day));
    for day in days.iter().skip(BACKUPS_KEPT) {
        fs::remove_file(folder.join(format!("{whose}{day}{ENDING}")))?;
    }
    Ok(())
}
