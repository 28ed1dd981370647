//! People: listed, meant, merged, taken apart, their photos, and what leaves the notebook for good.

use kith_core::model::{BlobId, Contact, Group, Id, Kind, RecordId};
use kith_core::notebook::{Purge, Records};
use kith_core::query::{GroupPage, People, PeopleFilter, PersonPage, SamePairs};

use crate::Result;
use crate::notebook::Notebook;

#[uniffi::export]
impl Notebook {
    /// A page of the people a filter lets through, by name; at most `most` rows, and 1,000. An empty filter lets all
    /// through.
    ///
    /// # Errors
    /// As any question.
    pub fn people(&self, filter: PeopleFilter, from: u32, most: u32) -> Result<People> {
        self.ask(|notebook| notebook.people_where(&filter, from, most))
    }

    /// Everything about one person, on one page: of each kind the newest 200, and every open promise; `more` says how many
    /// there are beyond.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such person.
    pub fn person_page(&self, id: Id<Contact>) -> Result<PersonPage> {
        self.ask(|notebook| notebook.person(id))
    }

    /// A page of the records of a kind about one person, the newest first; at most `most` rows, and 1,000.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such person,
    /// [`KithError::Invalid`](crate::KithError::Invalid) for a kind that is about nobody, like a week.
    pub fn records_about(&self, person: Id<Contact>, kind: Kind, from: u32, most: u32) -> Result<Records> {
        self.ask(|notebook| notebook.records_about(person, kind, from, most))
    }

    /// How many promises to or by somebody are open, and meetings planned, however they are shown: those with somebody who
    /// was deleted are hidden with them, which a screen can say.
    ///
    /// # Errors
    /// As any question.
    pub fn open_with(&self, id: RecordId) -> Result<u64> {
        self.ask(|notebook| notebook.open_with(id))
    }

    /// Everything about one group, on one page: its goals, its events and how many of them I was at, its members, and with
    /// whom of them no meeting was held that was theirs and mine alone.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such group.
    pub fn group_page(&self, id: Id<Group>) -> Result<GroupPage> {
        self.ask(|notebook| notebook.group(id))
    }

    /// The people a word can mean: an id or at least six digits of its beginning, a mail or phone, the exact name, or
    /// else every name that has these words. One means that it is clear.
    ///
    /// # Errors
    /// As any question.
    pub fn contacts_meant(&self, typed: String, most: u32) -> Result<Vec<Contact>> {
        self.ask(|notebook| notebook.contacts_meant(&typed, most as usize))
    }

    /// The same, but each record by itself, also where several are shown as one person: for telling them apart again.
    ///
    /// # Errors
    /// As any question.
    pub fn members_meant(&self, typed: String, most: u32) -> Result<Vec<Contact>> {
        self.ask(|notebook| notebook.members_meant(&typed, most as usize))
    }

    /// Living people who may be one, and why, those with the same address first; at most `most` pairs.
    ///
    /// # Errors
    /// As any question.
    pub fn pairs_that_may_be_one(&self, most: u32) -> Result<SamePairs> {
        self.ask(|notebook| notebook.pairs_that_may_be_one(most))
    }

    /// The names of people as they are listed in a sentence: "Dana Ruiz, Ben and Chi".
    ///
    /// # Errors
    /// As any question.
    pub fn names(&self, people: Vec<Id<Contact>>) -> Result<String> {
        self.ask(|notebook| notebook.names(&people))
    }

    /// Says that two records are one person. Whichever way round two devices say so, the outcome is the same; undo takes
    /// it back.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) for a record and itself.
    pub fn same(&self, a: Id<Contact>, b: Id<Contact>) -> Result<()> {
        self.ask(|notebook| notebook.same(a, b))
    }

    /// Says that two records are different people; also takes back [`Notebook::same`].
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) for a record and itself.
    pub fn not_same(&self, a: Id<Contact>, b: Id<Contact>) -> Result<()> {
        self.ask(|notebook| notebook.not_same(a, b))
    }

    /// The bytes of a photo, a JPEG of at most 512 × 512 pixels and 65,536 bytes; none when it is not here, or not yet.
    ///
    /// # Errors
    /// As any question.
    pub fn photo(&self, id: BlobId) -> Result<Option<Vec<u8>>> {
        self.ask(|notebook| notebook.photo(&id))
    }

    /// Makes this picture, a JPEG, PNG or WebP, the photo of a person; answers under which name it is kept. A photo is
    /// taken away by saving the person without it.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) when it is no such picture or too large,
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such person.
    pub fn set_photo(&self, id: Id<Contact>, picture: Vec<u8>) -> Result<BlobId> {
        self.ask(|notebook| notebook.set_photo(id, &picture))
    }

    /// What [`Notebook::purge`] would take away.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such person.
    pub fn purge_preview(&self, id: Id<Contact>) -> Result<Purge> {
        self.ask(|notebook| notebook.purge_preview(id))
    }

    /// Takes a person out for good, with the history of every record that is only about them, here and on every device
    /// that syncs. There is no way back but a backup.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such person.
    pub fn purge(&self, id: Id<Contact>) -> Result<Purge> {
        self.ask(|notebook| notebook.purge(id))
    }

    /// Takes words out of the texts of a record for good: it is written anew under an id of its own, which is answered,
    /// and the old one leaves the file with its history.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when the record, or the words in it, are not here.
    pub fn rewrite(&self, id: RecordId, old: String, new: String) -> Result<RecordId> {
        self.ask(|notebook| notebook.rewrite(id, &old, &new))
    }
}
