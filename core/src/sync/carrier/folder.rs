//! A mailbox in a folder: a stick, a shared drive, whatever Syncthing, iCloud Drive or Dropbox carries. Files appear
//! whole or not at all and are never written twice. What carries the folder to other devices is not our matter.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::mailbox::{
    Item, MAX_DEPTH, MAX_ITEMS, Mailbox, OWN, checked, checked_for_writing, full, is_in_the_making, is_listed, is_safe,
    too_large, too_many,
};
use crate::error::{Error, Result};
use crate::files;

/// Around what is drawn, in the name of a file that is being written.
const MAKING: (&str, &str) = ("~syncthing~", ".tmp");
/// Letters that are drawn for such a name.
const DRAWN: usize = 6;
/// How old such a file is when its writer is gone for sure.
const LEFT: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a file that a folder did not keep is written again.
const TRIES: usize = 3;

/// A folder a person named, with Kith's own folder inside it.
pub struct Folder {
    place: PathBuf,
    root: PathBuf,
}

impl Folder {
    /// Names a folder; looks at nothing yet.
    pub fn at(path: &Path) -> Self {
        Self { place: path.to_owned(), root: path.join(OWN) }
    }

    /// Kith's folder has to be there: an empty mount point, or a folder that was emptied, is no empty mailbox.
    fn is_there(&self) -> Result<()> {
        if is_real_folder(&self.root) {
            return Ok(());
        }
        Err(self.missing())
    }

    fn missing(&self) -> Error {
        if self.place.is_dir() {
            Error::NotFound(format!("Kith's folder in {} (is the right drive plugged in?)", self.words()))
        } else {
            Error::NotFound(self.words())
        }
    }

    /// Where an item lies, if every folder on the way is a real one: links are not followed, for an owner of the place
    /// could point them anywhere.
    fn find(&self, name: &str) -> Result<Option<PathBuf>> {
        self.is_there()?;
        let mut path = self.root.clone();
        let mut parts = checked(name, is_safe)?.split('/').peekable();
        while let Some(part) = parts.next() {
            path.push(part);
            let there = match fs::symlink_metadata(&path) {
                Ok(there) => there,
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => return Err(self.refused("read", &error)),
            };
            let wanted = if parts.peek().is_some() { there.is_dir() } else { there.is_file() };
            if !wanted {
                return Ok(None);
            }
        }
        Ok(Some(path))
    }

    /// Makes Kith's folder and those in it, one by one: what stands there already may be a link that leads elsewhere.
    fn make_folders(&self, inside: &Path) -> Result<()> {
        let mut path = self.root.clone();
        for part in std::iter::once(None).chain(inside.iter().map(Some)) {
            path.extend(part);
            match fs::create_dir(&path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(self.refused("written", &error)),
                _ if is_real_folder(&path) => {}
                _ => {
                    return Err(Error::Unreachable(format!(
                        "{} has something else where a folder should be",
                        self.words()
                    )));
                }
            }
        }
        Ok(())
    }

    /// Whole or not at all: under a name that Syncthing, Dropbox, OneDrive and iCloud leave alone, then renamed without
    /// overwriting.
    fn write(&self, target: &Path, bytes: &[u8]) -> io::Result<()> {
        let folder = target.parent().unwrap_or(&self.root);
        let mut file =
            tempfile::Builder::new().prefix(MAKING.0).suffix(MAKING.1).rand_bytes(DRAWN).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        persist(file, target)?;
        files::sync_folder(folder);
        Ok(())
    }

    /// In words a person can act on.
    fn refused(&self, what: &str, error: &io::Error) -> Error {
        let words = self.words();
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => full(&words),
            ErrorKind::ReadOnlyFilesystem => {
                Error::Denied(format!("{words} can only be read; a stick may have a switch for that"))
            }
            ErrorKind::PermissionDenied => {
                Error::Denied(format!("{words} may not be {what} by Kith; look at its permissions"))
            }
            _ if is_gone(error) => self.missing(),
            _ => Error::Unreachable(format!("{words} cannot be {what} ({error})")),
        }
    }
}

impl Mailbox for Folder {
    fn prepare(&self) -> Result<()> {
        if !self.place.is_dir() {
            return Err(self.missing());
        }
        self.make_folders(Path::new(""))
    }

    fn list(&self) -> Result<Vec<Item>> {
        self.is_there()?;
        let mut items = Vec::new();
        let mut folders = vec![String::new()];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(self.root.join(&folder)) {
                Ok(entries) => entries,
                // A sync program takes folders away while we look.
                Err(error) if is_gone(&error) && !folder.is_empty() => continue,
                Err(error) => return Err(self.refused("read", &error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| self.refused("read", &error))?;
                seen += 1;
                if seen > MAX_ITEMS {
                    return Err(too_many(&self.words()));
                }
                let Ok(part) = entry.file_name().into_string() else { continue };
                let name = if folder.is_empty() { part } else { format!("{folder}/{part}") };
                let Ok(kind) = entry.file_type() else { continue };
                if is_leftover(&name, &entry) {
                    let _ = fs::remove_file(entry.path());
                    continue;
                }
                if !is_listed(&name) {
                    continue;
                }
                if kind.is_dir() && name.split('/').count() <= MAX_DEPTH {
                    folders.push(name);
                } else if kind.is_file() {
                    let bytes = entry.metadata().map_or(0, |there| there.len());
                    items.extend((bytes > 0).then_some(Item { name, bytes }));
                }
            }
        }
        // What was pulled out while we looked must not look smaller than it is.
        self.is_there()?;
        items.sort();
        Ok(items)
    }

    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let Some(path) = self.find(name)? else { return Ok(None) };
        if name.split('/').any(is_in_the_making) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes));
        match read {
            Ok(_) if bytes.len() as u64 > most => Err(too_large(&self.words(), name, most)),
            Ok(_) => Ok((!bytes.is_empty()).then_some(bytes)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(self.refused("read", &error)),
        }
    }

    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let target = self.root.join(checked_for_writing(name, bytes)?);
        self.is_there()?;
        self.make_folders(Path::new(name).parent().unwrap_or(Path::new("")))?;
        for _ in 0..TRIES {
            match self.write(&target, bytes) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return self.there_already(name, bytes),
                Err(error) => return Err(self.refused("written", &error)),
            }
            if fs::symlink_metadata(&target).is_ok_and(|there| there.len() == bytes.len() as u64) {
                return Ok(());
            }
            let _ = fs::remove_file(&target);
        }
        Err(Error::Unreachable(format!("{} does not keep what is written to it", self.words())))
    }

    fn delete(&self, name: &str) -> Result<()> {
        let Some(path) = self.find(name)? else { return Ok(()) };
        match fs::remove_file(path) {
            Err(error) if !is_gone(&error) => Err(self.refused("written", &error)),
            _ => Ok(()),
        }
    }

    fn words(&self) -> String {
        format!("the folder {}", self.place.display())
    }
}

impl Folder {
    /// An earlier call that looked like a failure may have written it.
    fn there_already(&self, name: &str, bytes: &[u8]) -> Result<()> {
        if self.get(name, bytes.len() as u64)?.as_deref() == Some(bytes) {
            return Ok(());
        }
        Err(Error::Unreadable(format!("{name} in {} is there already and holds something else", self.words())))
    }
}

/// Whether this is what somebody left who was killed while writing, a day ago at least. What Syncthing makes itself under
/// such a name has the name of the file in it.
fn is_leftover(name: &str, entry: &fs::DirEntry) -> bool {
    let part = name.rsplit('/').next().unwrap_or(name);
    let drawn = part.strip_prefix(MAKING.0).and_then(|part| part.strip_suffix(MAKING.1));
    let is_ours =
        drawn.is_some_and(|drawn| drawn.len() == DRAWN && drawn.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
    is_ours && age().is_some_and(|age| age > LEFT)
}

/// Renames without overwriting. Phones' shared storage and some network drives can neither do that nor link a file; our
/// names are never used twice, so there a look before the rename is enough.
fn persist(file: tempfile::NamedTempFile, target: &Path) -> io::Result<()> {
    match file.persist_noclobber(target) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Err(error.error),
        Err(_) if fs::symlink_metadata(target).is_ok() => Err(ErrorKind::AlreadyExists.into()),
        Err(error) => error.file.persist(target).map(drop).map_err(|error| error.error),
    }
}

fn is_real_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_dir())
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
