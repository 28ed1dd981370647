//! What a device remembers outside its notebook: how far each log was handed out. A notebook that is behind what its
//! device handed out was restored from a backup; one whose log the device does not know was copied. Both begin a new
//! log before they write, since a number used twice would tear the notebook's devices apart.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::keystore::lock_file;
use super::{LogId, hex};
use crate::error::{Error, Result};
use crate::files;

/// How the file is called until it is whole.
const PART: &str = ".part-";

/// The file that remembers. It holds no secret and is still nobody else's business: mode 0600.
pub struct HandedOut {
    path: PathBuf,
}

impl HandedOut {
    /// The file at this place; it need not be there yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The highest number ever handed out for a log; none when this device never wrote it.
    ///
    /// # Errors
    /// [`Error::Storage`] when the file is there and cannot be read.
    pub fn highest(&self, log: LogId) -> Result<Option<u64>> {
        Ok(self.load()?.get(&hex(&log)).copied())
    }

    /// Remembers that this number is about to be handed out. Durable on return.
    ///
    /// # Errors
    /// [`Error::Storage`] when the file cannot be written; then nothing may be handed out.
    pub fn raise(&self, log: LogId, seq: u64) -> Result<()> {
        // Another notebook of the same person may be told at the same time.
        let _alone = lock_file(&self.path.with_extension("lock"));
        let mut all = self.load()?;
        let highest = all.entry(hex(&log)).or_default();
        if *highest >= seq && seq > 0 {
            return Ok(());
        }
        *highest = seq.max(*highest);
        self.save(&all)
    }

    fn load(&self) -> Result<BTreeMap<String, u64>> {
        match fs::read(&self.path) {
            // A damaged file is one that knows no log: every notebook then begins a new one, which is always safe.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(failed(&self.path, &error)),
        }
    }

    fn save(&self, all: &BTreeMap<String, u64>) -> Result<()> {
        let text = serde_json::to_string_pretty(all).unwrap_or_default();
        let write = || {
            fs::create_dir_all(files::folder_of(&self.path))?;
            files::replace(&self.path, PART, text.as_bytes())
        };
        write().map_err(|error| failed(&self.path, &error))
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Storage(format!("{} ({error})", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_two_notebooks_hand_out_at_once_is_remembered_of_both() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("handed-out.json");
        std::thread::scope(|scope| {
            for log in [[1; 16], [2; 16]] {
                let file = &file;
                scope.spawn(move || (1..=60).try_for_each(|seq| HandedOut::at(file).raise(log, seq)).unwrap());
            }
        });
        let all = HandedOut::at(&file);
        assert_eq!([[1; 16], [2; 16]].map(|log| all.highest(log).unwrap()), [Some(60), Some(60)]);
    }
}
