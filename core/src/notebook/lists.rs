//! Questions that choose: who a word means, which people a list shows, the newest records of a kind, what
//! this device remembers.

use super::Notebook;
use crate::error::Result;
use crate::model::{AnyRecord, Contact, Id, Kind, Record};
use crate::query::{self, People, PeopleFilter, pages};
use crate::store;

impl Notebook {
    /// A page of the people a filter lets through, by name; at most 1,000 rows.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn people_where(&self, filter: &PeopleFilter, from: u32, most: u32) -> Result<People> {
        self.read(|connection| query::people_where(connection, filter, from, most))
    }

    /// The people a word can mean: an id or at least six digits of its beginning, a mail or phone, the exact name, or
    /// else every name that has these words. One means that it is clear. A person who is several records is found by
    /// what any of them says, and answered once.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn contacts_meant(&self, typed: &str, most: usize) -> Result<Vec<Contact>> {
        self.read(|connection| query::contacts_meant(connection, typed, most))
    }

    /// The records of people a word can mean, as [`Notebook::contacts_meant`] finds them; of a person who is several
    /// records those that say so themselves, each by itself: for telling apart what is one.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn members_meant(&self, typed: &str, most: usize) -> Result<Vec<Contact>> {
        self.read(|connection| query::members_meant(connection, typed, most))
    }

    /// Living records of these kinds that a name means, as [`Notebook::contacts_meant`] finds people: organisations,
    /// groups, events and goals have names.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn records_named(&self, typed: &str, kinds: &[Kind], most: usize) -> Result<Vec<AnyRecord>> {
        self.read(|connection| query::records_named(connection, typed, kinds, most))
    }

    /// Records of any kind whose id begins with these hexadecimal digits, six at least; deleted ones included.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn by_id_start(&self, start: &str, most: u32) -> Result<Vec<AnyRecord>> {
        self.read(|connection| query::by_id_start(connection, start, most))
    }

    /// Living records of a kind, those of the newest day first; at most 1,000.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn newest<R: Record>(&self, most: u32) -> Result<Vec<R>> {
        self.read(|connection| pages::newest(connection, most))
    }

    /// The names of people as they are listed in a sentence: "Dana Ruiz, Ben and Chi".
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn names(&self, people: &[Id<Contact>]) -> Result<String> {
        self.read(|connection| query::today::names(connection, people))
    }

    /// What this device, and no other, remembers under a word; see [`super::Writing::remember`].
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn remembered(&self, key: &str) -> Result<Option<String>> {
        self.read(|connection| store::meta(connection, key))
    }
}
