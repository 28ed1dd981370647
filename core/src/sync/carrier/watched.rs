//! A mailbox that somebody watches: it says before each thing it does that it does one more, and whoever hears that may
//! take back what they had asked for. So whatever speaks with a mailbox can be taken back between two of its files, as it
//! can be broken off there by the mailbox itself. A server that lets one wait is given up in the middle of a file.

use super::mailbox::{Item, Mailbox};
use crate::error::Result;

/// Hears that one more thing is asked of a mailbox, or that a server still lets one wait for it. What it answers as an error, best
/// [`Error::Cancelled`](crate::Error::Cancelled), is answered in the place of the mailbox.
pub type Look<'a> = &'a (dyn Fn() -> Result<()> + Send + Sync);

/// A mailbox, watched.
pub struct Watched<'a> {
    place: &'a dyn Mailbox,
    look: Look<'a>,
}

impl<'a> Watched<'a> {
    /// This mailbox, watched by this.
    pub fn new(place: &'a dyn Mailbox, look: Look<'a>) -> Self {
        Self { place, look }
    }
}

impl Mailbox for Watched<'_> {
    fn prepare(&self) -> Result<()> {
        (self.look)()?;
        self.place.prepare()
    }

    fn list(&self) -> Result<Vec<Item>> {
        self.place.list_while(self.look)
    }

    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        self.place.get_while(name, most, self.look)
    }

    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<()> {
        (self.look)()?;
        self.place.put_new(name, bytes)
    }

    fn delete(&self, name: &str) -> Result<()> {
        (self.look)()?;
        self.place.delete(name)
    }

    fn words(&self) -> String {
        self.place.words()
    }
}
