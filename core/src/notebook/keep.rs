//! Keeping a notebook safe: a backup in one file, made while it is in use; bringing it back; looking after it.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use serde::Serialize;

use super::export::Watched;
use super::{Notebook, Options, Progress, lock};
use crate::error::{Error, Result};
use crate::files::{self, NewFile, WorkFolder};
use crate::model::RecordId;
use crate::store;
use crate::sync::hex;

const MAGIC: &[u8; 8] = b"KITHBAK1";
/// Beginning of a file sealed by age.
const SEALED: &[u8] = b"age-encryption.org/";
/// Largest notebook that is restored.
const MAX_NOTEBOOK: u64 = 16 * 1024 * 1024 * 1024;

/// What `doctor` found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Checkup {
    /// What is wrong with the file, in SQLite's words; empty when nothing is.
    pub damage: Vec<String>,
    /// Records that cannot be read, by id.
    pub unreadable: Vec<String>,
    /// Records of kinds that only a newer version knows.
    pub from_newer: u64,
    /// Why changes were set aside.
    pub quarantined: Vec<String>,
    /// Counts.
    pub sizes: store::Sizes,
    /// Bytes of the file and its write-ahead log.
    pub file_bytes: u64,
    /// What is here, as 16 hexadecimal digits of [`Notebook::digest`]: of two devices that have heard of the same changes
    /// it is the same. Empty when the file is damaged.
    pub digest: String,
    /// Which notebook it is, as those who carry it see it, once it has other devices.
    pub notebook: Option<String>,
    /// Rows of the read model that were not as the documents say; they are now.
    pub rows_mended: u64,
    /// Why rows could not be mended, such as a file that can only be read.
    pub not_mended: Option<String>,
    /// Whether bytes of what was deleted for good may still lie in the file, see [`Notebook::words_remain`].
    pub words_remain: bool,
}

impl Checkup {
    /// Whether everything is in order.
    pub fn is_healthy(&self) -> bool {
        self.damage.is_empty() && self.unreadable.is_empty()
    }
}

impl Notebook {
    /// Writes the whole notebook into one new file, while it is in use; with a passphrase, sealed by age. `progress` hears
    /// how many bytes of how many are done, of which the first half is the copy that is then packed.
    ///
    /// # Errors
    /// [`Error::Exists`] when there is such a file already: no backup is overwritten. [`Error::Storage`] when the disk
    /// refuses; then no file is left.
    pub fn backup(&self, to: &Path, passphrase: Option<&str>, progress: Progress<'_>) -> Result<()> {
        if to.exists() {
            return Err(Error::Exists(format!("{} is there already; no backup is overwritten", to.display())));
        }
        let mut out = NewFile::create(to)?;
        // Open as it lies there, the copy stays beside the notebook: the backup may go to a stick or a shared disk.
        let work = WorkFolder::beside(&self.path)?;
        let copy = work.path().join("copy");
        drop(files::create_own(&copy)?);
        let (mut connection, whole) = (store::open_reader(&self.path)?, length(&self.path));
        let mut copying = || progress(length(&copy).min(whole), 2 * whole);
        store::broken_off_by(&mut copying, &mut connection, |connection| store::copy_to(connection, &copy))?;
        let whole = length(&copy);
        let mut packing = |done, _| progress(whole + done, 2 * whole);
        let mut input = Watched::new(File::open(&copy)?, &mut packing);
        let written = write_backup(&mut BufReader::new(&mut input), out.file(), passphrase);
        input.done(written)?;
        Ok(out.finish()?)
    }

    /// Makes a notebook from a backup, in a place where there is none. It begins a new log at its next sync. `progress`
    /// hears how many bytes of the backup are read, and goes on hearing the whole while the notebook is checked.
    ///
    /// # Errors
    /// [`Error::Exists`] when a notebook is there already, or the write-ahead log of one, [`Error::Denied`] when the
    /// passphrase is missing or wrong, [`Error::Unreadable`] when the backup is damaged; nothing is left behind then.
    pub fn restore_backup(from: &Path, to: &Path, passphrase: Option<&str>, progress: Progress<'_>) -> Result<()> {
        if to.exists() {
            return Err(Error::Exists(format!(
                "{} is there already; a backup is restored beside it, not over it",
                to.display()
            )));
        }
        store::nothing_left_of_another(to)?;
        files::create_own_folder(files::folder_of(to))?;
        let work = WorkFolder::beside(to)?;
        let copy = work.path().join("notebook.kith");
        let whole = read_backup(from, &copy, passphrase, progress)?;
        let mut connection = store::open(&copy)?;
        let mut checking = || progress(whole, whole);
        let damage = store::broken_off_by(&mut checking, &mut connection, |connection| store::check(connection))?;
        if let Some(first) = damage.first() {
            return Err(Error::Unreadable(format!("the backup is damaged ({first})")));
        }
        store::forget_identity(&connection)?;
        connection.close().map_err(|(_, error)| Error::from(error))?;
        File::open(&copy)?.sync_all()?;
        put_in_place(&copy, to)
    }

    /// Looks at every page of the file and every record, and puts rows right that are not as the documents say. In a
    /// file that is damaged, or cannot be written, it looks only.
    ///
    /// # Errors
    /// [`Error::Storage`] when the disk refuses to be read.
    pub fn doctor(&self, progress: Progress<'_>) -> Result<Checkup> {
        let damage = damage_of(store::check(&lock(&self.writer).connection))?;
        let whole = damage.is_empty();
        let mut checkup = Checkup { damage, ..Checkup::default() };
        if whole {
            checkup.unreadable = self.unreadable_records(progress)?;
            checkup.digest = hex(&self.digest()?[..8]);
        }
        // The rows of a record that cannot be read are what is left of it.
        if whole && checkup.unreadable.is_empty() {
            match self.mend_rows() {
                Ok(mended) => checkup.rows_mended = mended,
                Err(Error::Storage(why)) => checkup.not_mended = Some(why),
                Err(error) => return Err(error),
            }
        }
        let log = format!("{}-wal", self.path.to_string_lossy());
        checkup.file_bytes = length(&self.path) + length(Path::new(&log));
        // Of a damaged file, what can be counted.
        let count = |counted: Result<u64>| if whole { counted } else { Ok(counted.unwrap_or_default()) };
        checkup.from_newer = count(self.read(crate::query::count_unknown))?;
        checkup.quarantined = if whole { self.read(store::quarantine)? } else { Vec::new() };
        checkup.sizes = if whole { self.read(store::sizes)? } else { self.read(store::sizes).unwrap_or_default() };
        checkup.words_remain = whole && self.words_remain()?;
        checkup.notebook = if whole { self.notebook_tag()? } else { None };
        Ok(checkup)
    }

    fn unreadable_records(&self, progress: Progress<'_>) -> Result<Vec<String>> {
        let documents = self.read(store::documents)?;
        let mut unreadable = Vec::new();
        for (done, (_, id)) in documents.iter().enumerate() {
            if let Err(Error::Unreadable(_)) = self.document(*id) {
                unreadable.push(id.to_string());
            }
            progress(done as u64 + 1, documents.len() as u64)?;
        }
        Ok(unreadable)
    }

    fn mend_rows(&self) -> Result<u64> {
        let before = self.dump()?;
        self.rebuild(&mut |_, _| Ok(()))?;
        let after = self.dump()?;
        Ok(before.iter().filter(|row| after.binary_search(row).is_err()).count() as u64)
    }

    /// Takes what can still be read out of a damaged notebook into a new one beside it; says how many records came over.
    /// A record whose history is lost comes over as it was last shown. `progress` hears how many records of how many were
    /// looked at.
    ///
    /// # Errors
    /// [`Error::Exists`] when there is a file in the new place, or the write-ahead log of a notebook,
    /// [`Error::Unreadable`] when nothing can be read at all; then no file is left there.
    pub fn rescue(from: &Path, to: &Path, progress: Progress<'_>) -> Result<u64> {
        if to.exists() {
            return Err(Error::Exists(format!("{} is there already", to.display())));
        }
        store::nothing_left_of_another(to)?;
        files::create_own_folder(files::folder_of(to))?;
        let work = WorkFolder::beside(to)?;
        // On a copy: what SQLite does to open it must not touch what is left, and it may lie where nothing can be written.
        let (damaged, fresh) = (work.path().join("damaged.kith"), work.path().join("fresh.kith"));
        copy_with_log(from, &damaged)?;
        let saved = salvage(&damaged, &fresh, progress)?;
        if saved == 0 {
            return Err(Error::Unreadable("no record of this file can be read any more; restore a backup".into()));
        }
        File::open(&fresh)?.sync_all()?;
        put_in_place(&fresh, to)?;
        Ok(saved)
    }
}

/// Gives a whole notebook its place. Reading it took its time: whoever began one there meanwhile keeps it.
fn put_in_place(whole: &Path, to: &Path) -> Result<()> {
    store::nothing_left_of_another(to)?;
    files::put_in_place(whole, to).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Error::Exists(format!("{} is there by now; it is left as it is", to.display())),
        _ => error.into(),
    })
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

/// What is wrong with the file; that it cannot even be looked through is said in the same list.
fn damage_of(checked: Result<Vec<String>>) -> Result<Vec<String>> {
    match checked {
        Err(Error::Unreadable(why)) => Ok(vec![why]),
        other => other,
    }
}

/// Copies a notebook with its write-ahead log, as they lie there.
fn copy_with_log(from: &Path, to: &Path) -> Result<()> {
    for ending in ["", "-wal"] {
        let named = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            std::path::PathBuf::from(name)
        };
        let source = match File::open(named(from)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && ending.is_empty() => {
                return Err(Error::NotFound(format!("the notebook {}", from.display())));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            other => other?,
        };
        std::io::copy(&mut BufReader::new(source), &mut files::create_own(&named(to))?)?;
    }
    Ok(())
}

fn salvage(copy: &Path, fresh: &Path, progress: Progress<'_>) -> Result<u64> {
    let mut connection = store::open(fresh)?;
    let mut damaged = store::open_damaged(copy)?;
    if store::graft_declarations(copy, &damaged, &connection)? {
        damaged = store::open_damaged(copy)?;
    }
    let transaction = store::begin(&mut connection)?;
    let (mut saved, missed) = store::salvage(&damaged, &transaction, progress)?;
    transaction.commit()?;
    drop(connection);
    let notebook = Notebook::open(fresh, Options::default())?;
    for n in missed {
        // A row that cannot be read either is lost.
        let Ok(Some(record)) = crate::query::pages::row(&damaged, n) else { continue };
        if record.id() == RecordId::default() || notebook.get_any(record.id())?.is_some() {
            continue;
        }
        let mut writing = notebook.write();
        writing.put_any(&record);
        match writing.commit() {
            Ok(_) => saved += 1,
            Err(Error::Invalid(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(saved)
}

fn write_backup(input: impl Read, out: &mut File, passphrase: Option<&str>) -> Result<()> {
    match passphrase {
        None => pack(input, out),
        Some(passphrase) => {
            let sealer = age::Encryptor::with_user_passphrase(passphrase.to_owned().into());
            let mut sealed = sealer.wrap_output(BufWriter::new(out))?;
            pack(input, &mut sealed)?;
            sealed.finish()?.flush()?;
            Ok(())
        }
    }
}

fn pack(mut input: impl Read, mut out: impl Write) -> Result<()> {
    out.write_all(MAGIC)?;
    let mut encoder = zstd::stream::Encoder::new(out, 6)?;
    encoder.include_checksum(true)?;
    std::io::copy(&mut input, &mut encoder)?;
    encoder.finish()?.flush()?;
    Ok(())
}

/// Reads a backup into a file, and answers how many bytes it has.
fn read_backup(from: &Path, to: &Path, passphrase: Option<&str>, progress: Progress<'_>) -> Result<u64> {
    let file = File::open(from).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound(format!("the backup {}", from.display())),
        _ => Error::from(error),
    })?;
    let mut input = Watched::new(file, progress);
    input.total = length(from);
    let total = input.total;
    let read = unseal_backup(BufReader::new(&mut input), to, passphrase);
    input.done(read).map(|_| total)
}

fn unseal_backup(mut file: impl std::io::BufRead, to: &Path, passphrase: Option<&str>) -> Result<()> {
    let sealed = file.fill_buf()?.starts_with(SEALED);
    match (sealed, passphrase) {
        (false, _) => unpack(file, to),
        (true, None) => Err(Error::Denied("this backup is sealed; give its passphrase".into())),
        (true, Some(passphrase)) => {
            let broken = || Error::Unreadable("the backup is damaged: its seal cannot be read".into());
            let opener = age::Decryptor::new(file).map_err(|_| broken())?;
            let identity = age::scrypt::Identity::new(passphrase.to_owned().into());
            let opened = opener.decrypt(std::iter::once(&identity as &dyn age::Identity));
            unpack(opened.map_err(|_| Error::Denied("the passphrase does not open this backup".into()))?, to)
        }
    }
}

fn unpack(mut input: impl Read, to: &Path) -> Result<()> {
    let damaged = |_| Error::Unreadable("the backup is damaged or cut short".into());
    let mut magic = [0; MAGIC.len()];
    input.read_exact(&mut magic).map_err(damaged)?;
    if magic != *MAGIC {
        return Err(Error::Unreadable("this file is no backup of Kith".into()));
    }
    let decoder = zstd::stream::Decoder::new(input)?;
    let mut out = files::create_own(to)?;
    let written = std::io::copy(&mut decoder.take(MAX_NOTEBOOK + 1), &mut out).map_err(damaged)?;
    if written > MAX_NOTEBOOK {
        return Err(Error::Unreadable("the backup is larger than any notebook".into()));
    }
    Ok(out.sync_all()?)
}
