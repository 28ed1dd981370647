//! Keeping a notebook safe: a backup in one file, made while it is in use; bringing it back; looking after it.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use serde::Serialize;

use super::{Notebook, lock};
use crate::error::{Error, Result};
use crate::files::{self, NewFile, WorkFolder};
use crate::store;

const MAGIC: &[u8; 8] = b"KITHBAK1";
/// Beginning of a file sealed by age.
const SEALED: &[u8] = b"age-encryption.org/";
/// Largest notebook that is restored.
const MAX_NOTEBOOK: u64 = 16 * 1024 * 1024 * 1024;

/// What `doctor` found.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// The notebook's id, once it has met a folder.
    pub notebook: Option<String>,
    /// Rows of the read model that were not as the documents say; they are now.
    pub rows_mended: u64,
}

impl Checkup {
    /// Whether everything is in order.
    pub fn is_healthy(&self) -> bool {
        self.damage.is_empty() && self.unreadable.is_empty()
    }
}

impl Notebook {
    /// Writes the whole notebook into one new file, while it is in use; with a passphrase, sealed by age.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is such a file already: no backup is overwritten. [`Error::Storage`] when the disk
    /// refuses; then no file is left.
    pub fn backup(&self, to: &Path, passphrase: Option<&str>) -> Result<()> {
        if to.exists() {
            return Err(Error::Invalid(format!("{} is there already; no backup is overwritten", to.display())));
        }
        let mut out = NewFile::create(to)?;
        // Open as it lies there, the copy stays beside the notebook: the backup may go to a stick or a shared disk.
        let work = WorkFolder::beside(&self.path)?;
        let copy = work.path().join("copy");
        drop(files::create_own(&copy)?);
        let connection = store::open_reader(&self.path)?;
        store::copy_to(&connection, &copy)?;
        write_backup(&copy, out.file(), passphrase)?;
        Ok(out.finish()?)
    }

    /// Makes a notebook from a backup, in a place where there is none. It begins a new log at its next sync.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a notebook is there already or the passphrase is missing or wrong,
    /// [`Error::Unreadable`] when the backup is damaged; nothing is left behind then.
    pub fn restore_backup(from: &Path, to: &Path, passphrase: Option<&str>) -> Result<()> {
        if to.exists() {
            return Err(Error::Invalid(format!(
                "{} is there already; a backup is restored beside it, not over it",
                to.display()
            )));
        }
        files::create_own_folder(files::folder_of(to))?;
        let work = WorkFolder::beside(to)?;
        let copy = work.path().join("notebook.kith");
        read_backup(from, &copy, passphrase)?;
        let connection = store::open(&copy)?;
        let damage = store::check(&connection)?;
        if let Some(first) = damage.first() {
            return Err(Error::Unreadable(format!("the backup is damaged ({first})")));
        }
        store::forget_identity(&connection)?;
        connection.close().map_err(|(_, error)| Error::from(error))?;
        File::open(&copy)?.sync_all()?;
        fs::hard_link(&copy, to).or_else(|_| fs::rename(&copy, to))?;
        Ok(())
    }

    /// Looks at every page of the file and every record, and puts rows right that are not as the documents say.
    ///
    /// # Errors
    /// [`Error::Storage`] when the disk refuses.
    pub fn doctor(&self) -> Result<Checkup> {
        let damage = store::check(&lock(&self.writer).connection)?;
        let mut unreadable = Vec::new();
        let mut rows_mended = 0;
        if damage.is_empty() {
            for (_, id) in self.read(store::documents)? {
                if let Err(Error::Unreadable(_)) = self.document(id) {
                    unreadable.push(id.to_string());
                }
            }
            let before = self.dump()?;
            self.rebuild()?;
            let after = self.dump()?;
            rows_mended = before.iter().filter(|row| after.binary_search(row).is_err()).count() as u64;
        }
        let length = |name: &str| fs::metadata(name).map_or(0, |meta| meta.len());
        let path = self.path.to_string_lossy();
        Ok(Checkup {
            damage,
            unreadable,
            from_newer: self.read(crate::query::count_unknown)?,
            quarantined: self.read(store::quarantine)?,
            sizes: self.read(store::sizes)?,
            file_bytes: length(&path) + length(&format!("{path}-wal")),
            notebook: self.notebook_id()?,
            rows_mended,
        })
    }

    /// Takes what can still be read out of a damaged notebook into a new one beside it; says how many records came over.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is a file in the new place, [`Error::Unreadable`] when nothing can be read at all.
    pub fn rescue(from: &Path, to: &Path) -> Result<u64> {
        if to.exists() {
            return Err(Error::Invalid(format!("{} is there already", to.display())));
        }
        let damaged = store::open_reader(from)?;
        let mut fresh = store::open(to)?;
        let transaction = store::begin(&mut fresh)?;
        let saved = store::salvage(&damaged, &transaction)?;
        transaction.commit()?;
        if saved == 0 {
            drop(fresh);
            fs::remove_file(to)?;
            return Err(Error::Unreadable("no record of this file can be read any more; restore a backup".into()));
        }
        Ok(saved)
    }
}

fn write_backup(copy: &Path, out: &mut File, passphrase: Option<&str>) -> Result<()> {
    let input = BufReader::new(File::open(copy)?);
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

fn read_backup(from: &Path, to: &Path, passphrase: Option<&str>) -> Result<()> {
    let mut file = BufReader::new(File::open(from).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound(format!("the backup {}", from.display())),
        _ => Error::from(error),
    })?);
    let sealed = std::io::BufRead::fill_buf(&mut file)?.starts_with(SEALED);
    match (sealed, passphrase) {
        (false, _) => unpack(file, to),
        (true, None) => Err(Error::Invalid("this backup is sealed; give its passphrase".into())),
        (true, Some(passphrase)) => {
            let broken = || Error::Unreadable("the backup is damaged: its seal cannot be read".into());
            let opener = age::Decryptor::new(file).map_err(|_| broken())?;
            let identity = age::scrypt::Identity::new(passphrase.to_owned().into());
            let opened = opener.decrypt(std::iter::once(&identity as &dyn age::Identity));
            unpack(opened.map_err(|_| Error::Invalid("the passphrase does not open this backup".into()))?, to)
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
