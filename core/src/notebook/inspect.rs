//! What a notebook holds, for comparing it with another one and for looking after it.

use super::Notebook;
use crate::error::Result;
use crate::store;

impl Notebook {
    /// One number for all that merges: which records there are, each at which version, and which photos they
    /// show: for how long one stays that nobody shows any more is each device's own. Two devices that have heard of the same
    /// changes have the same digest, whatever the order in which they heard.
    ///
    /// # Errors
    /// As any question.
    pub fn digest(&self) -> Result<[u8; 32]> {
        self.read(|connection| store::digest(connection, |photo| crate::query::is_blob_used(connection, photo)))
    }

    /// How much is here: records, photos, what waits, what was set aside.
    ///
    /// # Errors
    /// As any question.
    pub fn sizes(&self) -> Result<store::Sizes> {
        self.read(store::sizes)
    }

    /// Looks at every page of the file; what is wrong is said in SQLite's words. Empty when all is well.
    ///
    /// # Errors
    /// As any question.
    pub fn check_file(&self) -> Result<Vec<String>> {
        self.read(store::check)
    }
}
