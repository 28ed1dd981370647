//! Bringing in and taking along: address books, exports, backups; and looking after the file.

use std::path::PathBuf;
use std::sync::Arc;

use kith_core::model::{Id, Import};
use kith_core::notebook::{self as core, Checkup, DeviceSettings, ExportForm, ImportReport, ImportUndone, JsonReport};
use kith_core::store::Sizes;

use crate::notebook::{Notebook, guarded};
use crate::{Result, Run};

/// Makes a notebook from a backup, in a place where there is none; it begins a new log at its next sync. The passphrase
/// is for a sealed one. Takes a second or two for a sealed backup, whatever its size: that is the seal. The run counts bytes
/// of the backup.
///
/// # Errors
/// [`KithError::Exists`](crate::KithError::Exists) when a notebook is there already,
/// [`KithError::Denied`](crate::KithError::Denied) when the passphrase is missing or wrong,
/// [`KithError::Unreadable`](crate::KithError::Unreadable) when the backup is damaged; nothing is left behind then, nor when
/// it is cancelled.
#[uniffi::export]
pub fn restore_backup(from: PathBuf, to: PathBuf, passphrase: Option<String>, run: Arc<Run>) -> Result<()> {
    let mut progress = |done, total| run.step(done, total);
    guarded(|| core::Notebook::restore_backup(&from, &to, passphrase.as_deref(), &mut progress))
}

/// Takes out of a damaged notebook what can still be read, into a new file; answers how many records that are. The run counts
/// records; cancelled, no file is left.
///
/// # Errors
/// [`KithError::Exists`](crate::KithError::Exists) when the new file is there already,
/// [`KithError::Unreadable`](crate::KithError::Unreadable) when nothing can be read.
#[uniffi::export]
pub fn rescue(from: PathBuf, to: PathBuf, run: Arc<Run>) -> Result<u64> {
    guarded(|| core::Notebook::rescue(&from, &to, &mut |done, total| run.step(done, total)))
}

/// Whether this file is an export of a whole notebook, by its beginning; it comes in with [`Notebook::import_export`],
/// everything else with [`Notebook::import_file`].
///
/// # Errors
/// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such file,
/// [`KithError::Storage`](crate::KithError::Storage) when it cannot be read.
#[uniffi::export]
pub fn is_export(file: PathBuf) -> Result<bool> {
    guarded(|| core::is_export(&file))
}

#[uniffi::export]
impl Notebook {
    /// Reads an address book (vCard, Google, LinkedIn) and says what importing it would do. Changes nothing. The run
    /// counts bytes.
    ///
    /// # Errors
    /// [`KithError::Unreadable`](crate::KithError::Unreadable) with the line when the file is damaged or not recognised.
    pub fn import_preview(&self, file: PathBuf, run: Arc<Run>) -> Result<ImportReport> {
        self.ask(|notebook| notebook.import_preview(&file, &mut |done, total| run.step(done, total)))
    }

    /// Imports an address book: read whole first, then written two hundred people at a time under one import. Cancelled
    /// or killed half way, the same file goes on where it was, or what is there is undone. The run counts bytes.
    ///
    /// # Errors
    /// As [`Notebook::import_preview`], before anything is written; [`KithError::Storage`](crate::KithError::Storage)
    /// when it could not be saved.
    pub fn import_file(&self, file: PathBuf, run: Arc<Run>) -> Result<ImportReport> {
        self.ask(|notebook| notebook.import(&file, &mut |done, total| run.step(done, total)))
    }

    /// What [`Notebook::import_export`] would bring in; nothing is written. It refuses what that would refuse.
    ///
    /// # Errors
    /// As [`Notebook::import_export`].
    pub fn import_export_preview(&self, file: PathBuf, run: Arc<Run>) -> Result<JsonReport> {
        self.ask(|notebook| notebook.import_export_preview(&file, &mut |done, total| run.step(done, total)))
    }

    /// Brings in an export of a whole notebook: into an empty one with the same ids, into another as an import that can be
    /// undone. The run counts bytes; cancelled, nothing came in.
    ///
    /// # Errors
    /// [`KithError::Unreadable`](crate::KithError::Unreadable) when it is damaged: then nothing came in.
    pub fn import_export(&self, file: PathBuf, run: Arc<Run>) -> Result<JsonReport> {
        self.ask(|notebook| notebook.import_export(&file, &mut |done, total| run.step(done, total)))
    }

    /// Imports made on any device, newest first; at most 1,000.
    ///
    /// # Errors
    /// As any question.
    pub fn imports(&self) -> Result<Vec<Import>> {
        self.ask(|notebook| notebook.imports())
    }

    /// Undoes an import: what it made and nobody touched or linked since is deleted, a field goes back where it still
    /// holds what was imported. The run counts records; cancelled, what is back stays back, and the rest goes when it is
    /// undone again.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such import,
    /// [`KithError::Invalid`](crate::KithError::Invalid) when it was undone before.
    pub fn undo_import(&self, id: Id<Import>, run: Arc<Run>) -> Result<ImportUndone> {
        self.ask(|notebook| notebook.undo_import(id, &mut |done, total| run.step(done, total)))
    }

    /// Writes a new file that appears when all of it is there; answers how many records or people are in it. Without
    /// `private`, private parts stay here. The run counts bytes, and does not know of how many.
    ///
    /// # Errors
    /// [`KithError::Exists`](crate::KithError::Exists) when there is such a file already,
    /// [`KithError::Storage`](crate::KithError::Storage) when it cannot be written; then no file is left.
    pub fn export_file(&self, file: PathBuf, form: ExportForm, private: bool, run: Arc<Run>) -> Result<u64> {
        self.ask(|notebook| notebook.export_file(&file, form, private, &mut |done, total| run.step(done, total)))
    }

    /// The settings of this device, which go to no other; what was never set is off.
    ///
    /// # Errors
    /// As any question.
    pub fn device_settings(&self) -> Result<DeviceSettings> {
        self.ask(core::Notebook::device_settings)
    }

    /// Sets what is of this device alone.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such folder for backups,
    /// [`KithError::Invalid`](crate::KithError::Invalid) when its path is not a whole one; nothing is changed then.
    pub fn set_device_settings(&self, settings: DeviceSettings) -> Result<()> {
        self.ask(|notebook| notebook.set_device_settings(&settings))
    }

    /// Makes the backup of the day, when this device has a folder for it and has made none on this day; answers which
    /// file it wrote. It is not sealed, and the newest fourteen stay. Called when there is time after something was
    /// written.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when the folder is not there,
    /// [`KithError::Storage`](crate::KithError::Storage) when the disk refuses.
    pub fn backup_if_due(&self, run: Arc<Run>) -> Result<Option<PathBuf>> {
        self.ask(|notebook| notebook.backup_if_due(&mut |done, total| run.step(done, total)))
    }

    /// Writes the whole notebook into one new file, while it is in use; with a passphrase, sealed: without it nobody can
    /// open it. Some seconds for a large notebook. The run counts bytes; cancelled, no file is left.
    ///
    /// # Errors
    /// [`KithError::Exists`](crate::KithError::Exists) when there is such a file already,
    /// [`KithError::Storage`](crate::KithError::Storage) when the disk refuses; then no file is left.
    pub fn backup(&self, file: PathBuf, passphrase: Option<String>, run: Arc<Run>) -> Result<()> {
        let mut progress = |done, total| run.step(done, total);
        self.ask(|notebook| notebook.backup(&file, passphrase.as_deref(), &mut progress))
    }

    /// Looks at every page of the file and every record, and puts right what is derived from them. The run counts records.
    ///
    /// # Errors
    /// [`KithError::Storage`](crate::KithError::Storage) when the disk refuses to be read.
    pub fn check_up(&self, run: Arc<Run>) -> Result<Checkup> {
        self.ask(|notebook| notebook.doctor(&mut |done, total| run.step(done, total)))
    }

    /// Drops everything that is derived from the records, and derives it again. Some seconds for a large notebook; nobody
    /// needs it while [`Notebook::check_up`] finds nothing. The run counts records; cancelled, everything is as it was.
    ///
    /// # Errors
    /// [`KithError::Storage`](crate::KithError::Storage) when the disk refuses.
    pub fn rebuild(&self, run: Arc<Run>) -> Result<()> {
        self.ask(|notebook| notebook.rebuild(&mut |done, total| run.step(done, total)))
    }

    /// Does a little of what can wait, in at most some 50 ms: short histories, words to search for. Answers whether there
    /// is more. To be called when nobody types.
    ///
    /// # Errors
    /// [`KithError::Storage`](crate::KithError::Storage) when the disk refuses; nothing is lost by it.
    pub fn tidy(&self) -> Result<bool> {
        self.ask(core::Notebook::tidy)
    }

    /// Does all that can wait, after much came in at once: what came would be missing from the search until then. The run
    /// counts rounds, and does not know of how many; cancelled, what was done stays done.
    ///
    /// # Errors
    /// As [`Notebook::tidy`].
    pub fn tidy_all(&self, run: Arc<Run>) -> Result<()> {
        self.ask(|notebook| notebook.tidy_all(&mut |done, total| run.step(done, total)))
    }

    /// How much is here: records, photos, what waits to be sent, what was set aside.
    ///
    /// # Errors
    /// As any question.
    pub fn sizes(&self) -> Result<Sizes> {
        self.ask(core::Notebook::sizes)
    }

    /// Fills an empty notebook with a made-up network of 40 people and two years of history, to look around in; answers
    /// how many records that are.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) when the notebook holds something.
    pub fn load_demo(&self) -> Result<u64> {
        self.ask(core::Notebook::load_demo)
    }
}
