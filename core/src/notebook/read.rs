//! Questions, in the order of the commands. Each reads one moment of the read model; none loads a document unless it
//! is about a record's history.

use super::Notebook;
use super::write::not_found;
use crate::error::{Error, Result};
use crate::model::{
    AnyRecord, Contact, Group, Id, Kind, Meeting, MeetingState, Promise, PromiseState, Record, RecordId,
};
use crate::query::today::TodayPage;
use crate::query::{self, GroupPage, Hit, People, PersonPage, Today, pages};

impl Notebook {
    /// One record, deleted ones included.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Unreadable`] when the file cannot be read.
    pub fn get<R: Record>(&self, id: Id<R>) -> Result<Option<R>> {
        self.read(|connection| pages::get(connection, id))
    }

    /// One record of whatever kind, deleted ones included.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn get_any(&self, id: RecordId) -> Result<Option<AnyRecord>> {
        self.read(|connection| pages::get_any(connection, id))
    }

    /// The same as it is shown: a person who is several records, all of them together.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn get_as_shown(&self, id: RecordId) -> Result<Option<AnyRecord>> {
        self.read(|connection| pages::as_shown(connection, id))
    }

    /// How many promises to or by somebody are open, and meetings planned, however they are shown: those with somebody who
    /// was deleted are hidden with them.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn open_with(&self, id: RecordId) -> Result<u64> {
        self.read(|connection| {
            let promises: Vec<Promise> = query::about::all_linked(connection, &[id], "with")?;
            let meetings: Vec<Meeting> = query::about::all_linked(connection, &[id], "who")?;
            let promises = promises.iter().filter(|promise| promise.state == PromiseState::Open).count();
            let meetings = meetings.iter().filter(|meeting| meeting.state == MeetingState::Planned).count();
            Ok((promises + meetings) as u64)
        })
    }

    /// Which kind a record is.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not here.
    pub fn kind_of(&self, id: RecordId) -> Result<Kind> {
        self.get_any(id)?.map(|record| record.kind()).ok_or_else(|| Error::NotFound("the record".into()))
    }

    /// A page of people, by name; at most 1,000 rows.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn people(&self, from: u32, most: u32) -> Result<People> {
        self.read(|connection| pages::people(connection, from, most))
    }

    /// Everything about one person.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such person.
    pub fn person(&self, id: Id<Contact>) -> Result<PersonPage> {
        self.read(|connection| pages::person(connection, id))?.ok_or_else(|| not_found(Kind::Contact))
    }

    /// Everything about one group: its goals, its events and how many of them I was at, its members, and with whom of
    /// them no meeting was held that was theirs and mine alone.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such group.
    pub fn group(&self, id: Id<Group>) -> Result<GroupPage> {
        self.read(|connection| query::group_page(connection, id))?.ok_or_else(|| not_found(Kind::Group))
    }

    /// The page of today.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn today_page(&self) -> Result<Today> {
        let day = self.today()?;
        self.read(|connection| query::today::today(connection, day, query::today::MOST))
    }

    /// The same with at most so many rows a part, and how many more there are of each. [`query::today::MOST`] is what
    /// [`Notebook::today_page`] takes.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn today_page_of(&self, most: u32) -> Result<TodayPage> {
        let day = self.today()?;
        self.read(|connection| {
            let page = query::today::today(connection, day, most)?;
            let more = query::today::more(connection, &page, most)?;
            Ok(TodayPage { page, more })
        })
    }

    /// Whether nothing was ever written here that is still kept: no record of any kind, deleted ones included.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn is_empty(&self) -> Result<bool> {
        Ok(!self.read(crate::store::has_documents)?)
    }

    /// Finds records by any of their words, as one types.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn find(&self, typed: &str, most: u32) -> Result<Vec<Hit>> {
        self.freshen()?;
        self.read(|connection| query::find(connection, typed, most))
    }

    /// Brings at most 50 stale records into the search index, so that what was just written is found.
    fn freshen(&self) -> Result<()> {
        let mut writer = super::lock(&self.writer);
        let stale = query::has_stale(&writer.connection)?;
        if stale {
            let transaction = crate::store::begin(&mut writer.connection)?;
            query::index_words(&transaction, query::First::Newest, 50)?;
            transaction.commit()?;
        }
        Ok(())
    }

    /// Pairs of people who may be one, each with the reason in words; at most `most` of them, and 1,000.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn pairs_that_may_be_one(&self, most: u32) -> Result<query::SamePairs> {
        self.read(|connection| query::pairs(connection, most))
    }

    /// People whose name has these words.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn people_named(&self, typed: &str, most: usize) -> Result<Vec<Contact>> {
        self.read(|connection| query::contacts_by_words(connection, typed, most))
    }
}
