//! Jotting, events and debriefs; promises and introductions, as far as they are more than records.

use chrono::NaiveDate;
use kith_core::jot::{Draft, Parsed, days};
use kith_core::model::{Contact, Event, Id, Introduction, Promise, PromiseState};
use kith_core::notebook::{Debrief, IntroductionStep, Jotted, WordsAndDay};
use kith_core::query::today::NamedPromise;

use crate::Result;
use crate::notebook::Notebook;

#[uniffi::export]
impl Notebook {
    /// Reads a line as it is typed, and writes nothing.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) when it is longer than 65,536 bytes.
    pub fn parse_jot(&self, line: String) -> Result<Parsed> {
        self.ask(|notebook| notebook.parse_jot(&line))
    }

    /// Writes a line down, in one commit. While an event runs, it belongs to it.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) when the line is empty, or longer than 65,536 bytes;
    /// [`KithError::Storage`](crate::KithError::Storage) when it could not be saved: then nothing was.
    pub fn jot_line(&self, line: String) -> Result<Jotted> {
        self.ask(|notebook| notebook.jot_line(&line))
    }

    /// Writes down what a draft says, in one commit.
    ///
    /// # Errors
    /// As [`Notebook::jot_line`].
    pub fn jot(&self, draft: Draft) -> Result<Jotted> {
        self.ask(|notebook| notebook.jot(&draft))
    }

    /// The day that a text is, if it is one: `tue`, `in 2 weeks`, `12 Mar`. A past day means the next one.
    ///
    /// # Errors
    /// As any question.
    pub fn day_ahead(&self, typed: String) -> Result<Option<NaiveDate>> {
        self.ask(|notebook| Ok(days::day(&typed, &notebook.jot_context()?)))
    }

    /// The day that a text is, for something that has happened: `tue` is the last Tuesday.
    ///
    /// # Errors
    /// As any question.
    pub fn day_behind(&self, typed: String) -> Result<Option<NaiveDate>> {
        self.ask(|notebook| Ok(days::day_behind(&typed, &notebook.jot_context()?)))
    }

    /// Words of which the last may be a day, taken apart: "call her by tue" is "call her" and that Tuesday.
    ///
    /// # Errors
    /// As any question.
    pub fn words_and_day(&self, typed: String) -> Result<WordsAndDay> {
        self.ask(|notebook| notebook.words_and_day(&typed))
    }

    /// Starts an event: from now on every jot on this device belongs to it, with its time and place. A running event is
    /// ended first.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) when it has no title.
    pub fn start_event(&self, title: String, place: String) -> Result<Id<Event>> {
        self.ask(|notebook| notebook.start_event(&title, &place))
    }

    /// Ends the running event; answers which it was, or none.
    ///
    /// # Errors
    /// As any change: [`KithError::Storage`](crate::KithError::Storage) when it could not be saved.
    pub fn stop_event(&self) -> Result<Option<Event>> {
        self.ask(|notebook| notebook.stop_event())
    }

    /// The event that runs on this device.
    ///
    /// # Errors
    /// As any question.
    pub fn running_event(&self) -> Result<Option<Event>> {
        self.ask(|notebook| notebook.running_event())
    }

    /// New people from events who wait for their debrief, those met last first; at most `most`.
    ///
    /// # Errors
    /// As any question.
    pub fn debrief_queue(&self, most: u32) -> Result<Vec<Contact>> {
        self.ask(|notebook| notebook.debrief_queue(most))
    }

    /// Writes down what is still fresh about one new person, and takes them out of the queue.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such person.
    pub fn debrief(&self, id: Id<Contact>, debrief: Debrief) -> Result<()> {
        self.ask(|notebook| notebook.debrief(id, debrief))
    }

    /// Open promises, those due first at the top: of one person, or of all; at most 1,000 each way.
    ///
    /// # Errors
    /// As any question.
    pub fn open_promises(&self, with: Option<Id<Contact>>) -> Result<Vec<NamedPromise>> {
        self.ask(|notebook| notebook.open_promises(with))
    }

    /// Keeps, releases or breaks a promise; undo takes it back. A kept thank-you counts as the smallest give.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such promise,
    /// [`KithError::Invalid`](crate::KithError::Invalid) to reopen one with this.
    pub fn close_promise(&self, id: Id<Promise>, state: PromiseState, on: NaiveDate) -> Result<()> {
        self.ask(|notebook| notebook.close_promise(id, state, on))
    }

    /// Closes a promise today, if it still is as a screen showed it; answers whether. One that was closed meanwhile, by a
    /// second tap or on another device, stays as it is.
    ///
    /// # Errors
    /// As [`Notebook::close_promise`].
    pub fn close_shown(&self, shown: Promise, state: PromiseState) -> Result<bool> {
        self.ask(|notebook| notebook.close_shown(&shown, state))
    }

    /// Makes a promise again what a screen showed before it was closed on this device, with the thank-you that it counted
    /// as; and nothing else, whatever was done since. There is nothing left of it to take back then.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such promise.
    pub fn reopen_promise(&self, before: Promise) -> Result<()> {
        self.ask(|notebook| notebook.reopen_promise(&before))
    }

    /// Begins an introduction: a piece of work with a promise of mine.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) for a person and themself.
    pub fn introduce(&self, a: Id<Contact>, b: Id<Contact>, why: String) -> Result<Id<Introduction>> {
        self.ask(|notebook| notebook.introduce(a, b, &why))
    }

    /// Takes an introduction a step further. Making it keeps the promise behind it and is a give to both.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such introduction.
    pub fn advance_introduction(&self, id: Id<Introduction>, step: IntroductionStep) -> Result<()> {
        self.ask(|notebook| notebook.advance_introduction(id, step))
    }
}
