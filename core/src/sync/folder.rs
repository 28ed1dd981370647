//! A folder in which devices meet: a shared drive, a stick, whatever carries files. Files appear whole or not at all
//! and are never written twice; names are hints, what is inside decides.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::batch::MAX_FILE;
use super::{LogId, NotebookId, hex};
use crate::error::{Error, Result};

/// Most files looked at in one go.
const MAX_FILES: usize = 200_000;
const NOTE: &str = "KITH.txt";

/// The folder a person named, with Kith's own folder inside it.
pub struct Folder {
    root: PathBuf,
}

/// A file that may be a batch.
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// The log, the number and the beginning of the hash its name claims.
    pub claims: Option<(LogId, u64, [u8; 4])>,
}

impl Folder {
    /// Takes a folder that is there; makes Kith's own folder inside it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such folder: it is not made, since a drive that is not plugged in would
    /// look like an empty one. [`Error::Storage`] when it cannot be written.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            return Err(Error::NotFound(format!("the folder {}", path.display())));
        }
        let root = path.join("kith");
        fs::create_dir_all(&root).map_err(|error| unwritable(&root, &error))?;
        Ok(Self { root })
    }

    /// The notebook this folder is for, when its note says so.
    pub fn notebook(&self) -> Option<NotebookId> {
        let mut text = String::new();
        File::open(self.root.join(NOTE)).ok()?.take(4096).read_to_string(&mut text).ok()?;
        let id = text.lines().find_map(|line| line.strip_prefix("notebook "))?;
        id.trim().parse::<crate::model::RecordId>().ok().map(|id| id.0)
    }

    /// Says whose folder it is, for people and for devices; leaves a note that is there alone.
    ///
    /// # Errors
    /// [`Error::Storage`] when it cannot be written.
    pub fn claim(&self, notebook: NotebookId) -> Result<()> {
        let words = format!(
            "This folder carries a Kith notebook between its owner's devices.\n\
             Every file in it is written once and never changed. Leave it alone, or delete all of it:\n\
             each device keeps what it has.\n\nformat 1\nnotebook {}\n",
            hex(&notebook)
        );
        self.write_new(&self.root.join(NOTE), words.as_bytes())
    }

    /// All files that may be batches, in the order of log and number. Links are not followed.
    ///
    /// # Errors
    /// [`Error::Storage`] when the folder cannot be read.
    pub fn files(&self) -> Result<Vec<Found>> {
        let mut files = Vec::new();
        let mut folders = vec![(self.root.clone(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let entries = fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))?;
            for entry in entries {
                let entry = entry.map_err(|error| unreadable(&folder, &error))?;
                let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
                if kind.is_dir() && depth < 3 {
                    folders.push((entry.path(), depth + 1));
                } else if kind.is_file() && entry.file_name().to_string_lossy().contains(".kithb") {
                    let path = entry.path();
                    files.push(Found { claims: claims(&path), path });
                }
                if files.len() > MAX_FILES {
                    return Err(Error::Peer(format!("{} holds too many files", self.root.display())));
                }
            }
        }
        files.sort_by(|a, b| (a.claims, &a.path).cmp(&(b.claims, &b.path)));
        Ok(files)
    }

    /// Reads a file, at most as much as a batch can have.
    ///
    /// # Errors
    /// [`Error::Peer`] when it is too large or cannot be read.
    pub fn read(&self, path: &Path) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|error| Error::Peer(format!("cannot be opened ({error})")))?;
        file.take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::Peer(format!("cannot be read ({error})")))?;
        Ok(bytes)
    }

    /// Where a batch belongs. Its name holds the beginning of its hash, so that two notebooks that were one, and do not
    /// know yet, never write under one name.
    pub fn place(&self, log: LogId, seq: u64, hash: &[u8; 32]) -> PathBuf {
        self.root.join(hex(&log)).join(format!("{seq:08}-{}.kithb", hex(&hash[..4])))
    }

    /// Puts a batch in its place when it is not there as it should be; says whether it had to be written.
    ///
    /// # Errors
    /// [`Error::Storage`] when the folder cannot be written, also when it is full.
    pub fn put(&self, log: LogId, seq: u64, bytes: &[u8]) -> Result<bool> {
        let place = self.place(log, seq, blake3::hash(bytes).as_bytes());
        match fs::metadata(&place) {
            Ok(there) if there.len() == bytes.len() as u64 && self.read(&place).is_ok_and(|there| there == bytes) => {
                return Ok(false);
            }
            // A copy of ours that was damaged on the way is the one file that may be taken away.
            Ok(_) => fs::remove_file(&place).map_err(|error| unwritable(&place, &error))?,
            Err(_) => {}
        }
        let folder = place.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        self.write_new(&place, bytes)?;
        Ok(true)
    }

    /// Whole or not at all: a name that Syncthing and cloud drives leave alone, then a rename that overwrites nothing.
    fn write_new(&self, place: &Path, bytes: &[u8]) -> Result<()> {
        let folder = place.parent().unwrap_or(&self.root);
        let failed = |error: std::io::Error| unwritable(place, &error);
        let mut file =
            tempfile::Builder::new().prefix("~syncthing~").suffix(".tmp").tempfile_in(folder).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        match file.persist_noclobber(place) {
            Ok(_) => {}
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
            Err(error) => return Err(failed(error.error)),
        }
        // The name itself must survive a power cut; not every system can open a folder for that.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

fn claims(path: &Path) -> Option<(LogId, u64, [u8; 4])> {
    let log: crate::model::RecordId = path.parent()?.file_name()?.to_str()?.parse().ok()?;
    let (seq, hash) = path.file_name()?.to_str()?.strip_suffix(".kithb")?.split_once('-')?;
    let hash = u32::from_str_radix(hash, 16).ok().filter(|_| hash.len() == 8)?;
    Some((log.0, seq.parse().ok()?, hash.to_be_bytes()))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::Storage(format!("{} cannot be written ({error})", path.display()))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::Storage(format!("{} cannot be read ({error})", path.display()))
}
