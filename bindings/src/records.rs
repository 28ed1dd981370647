//! Records of every kind: one form for all of them. And how one changes one's mind: history, conflicts, deletions, undo.

use std::sync::Arc;

use kith_core::model::{AnyRecord, Id, Kind, Organisation, RecordId, Settings};
use kith_core::notebook::{Conflict, Draft, HistoryPage, Records, UndoStep};
use serde_json::Value;

use crate::notebook::{Notebook, guarded};
use crate::{Result, Run};

/// A record of this kind in which nothing is written yet: what a new form begins with.
///
/// # Errors
/// None is known.
#[uniffi::export]
pub fn blank(kind: Kind) -> Result<AnyRecord> {
    guarded(|| Ok(AnyRecord::blank(kind)))
}

/// A record as somebody began to edit it. What they save is written on top of what they saw, so that what others write
/// meanwhile stays beside it: texts merge, a field keeps both values.
#[derive(uniffi::Object)]
pub struct RecordDraft(Draft);

#[uniffi::export]
impl RecordDraft {
    /// The record as it was read; a person who is several records, as one.
    ///
    /// # Errors
    /// None is known.
    pub fn record(&self) -> Result<AnyRecord> {
        guarded(|| Ok(self.0.record().clone()))
    }
}

#[uniffi::export]
impl Notebook {
    /// One record, deleted ones included; a person who is several records is shown as one. None when it is not here, or of a
    /// kind that only a newer version knows. To edit it, begin with [`draft`](Notebook::draft).
    ///
    /// # Errors
    /// As any question.
    pub fn record(&self, id: RecordId) -> Result<Option<AnyRecord>> {
        self.ask(|notebook| notebook.get_as_shown(id))
    }

    /// A page of living records of a kind, or of deleted ones: by name where the kind has names, else the newest day
    /// first; at most `most` rows, and 1,000.
    ///
    /// # Errors
    /// As any question.
    pub fn records(&self, kind: Kind, deleted: bool, from: u32, most: u32) -> Result<Records> {
        self.ask(|notebook| notebook.records(kind, deleted, from, most))
    }

    /// Living records of these kinds that a name means, as [`Notebook::contacts_meant`] finds people; organisations, groups,
    /// events and goals have names. At most `most`.
    ///
    /// # Errors
    /// As any question.
    pub fn records_named(&self, typed: String, kinds: Vec<Kind>, most: u32) -> Result<Vec<AnyRecord>> {
        self.ask(|notebook| notebook.records_named(&typed, &kinds, most as usize))
    }

    /// Records of any kind whose id begins with these hexadecimal digits, six at least; deleted ones included. At most
    /// `most`.
    ///
    /// # Errors
    /// As any question.
    pub fn by_id_start(&self, start: String, most: u32) -> Result<Vec<AnyRecord>> {
        self.ask(|notebook| notebook.by_id_start(&start, most))
    }

    /// The organisation of this name, made when there is none, in a commit of its own: for an affiliation of a person.
    ///
    /// # Errors
    /// [`KithError::Storage`](crate::KithError::Storage) when it could not be saved.
    pub fn organisation(&self, name: String) -> Result<Id<Organisation>> {
        self.ask(|notebook| notebook.organisation(&name))
    }

    /// Writes a new record down with what the moment knows: the day it was made, the event that runs. What it says itself
    /// is left as it is. A meeting that was held notes its thank-you, and what one got is to be answered.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) when it says too little, such as a promise without words;
    /// [`KithError::Storage`](crate::KithError::Storage) when it could not be saved: then nothing was.
    pub fn write_down(&self, record: AnyRecord) -> Result<RecordId> {
        self.ask(|notebook| notebook.write_down(record))
    }

    /// Writes a record as it is: a new one when its id is empty, else what differs from the one under its id. What exists
    /// once (the settings, the profile, a week, a review) takes the id of its name. For what a person edits,
    /// [`Notebook::draft`] keeps what others wrote meanwhile.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) when a text or a value is longer than a record takes;
    /// [`KithError::Storage`](crate::KithError::Storage) when it could not be saved: then nothing was.
    pub fn put(&self, record: AnyRecord) -> Result<RecordId> {
        self.ask(|notebook| notebook.put_any(record))
    }

    /// Begins to edit a record.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when it is not here,
    /// [`KithError::Unreadable`](crate::KithError::Unreadable) when it is damaged.
    pub fn draft(&self, id: RecordId) -> Result<Arc<RecordDraft>> {
        self.ask(|notebook| Ok(Arc::new(RecordDraft(notebook.draft(id)?))))
    }

    /// Saves what a draft became, on top of what was read. The draft is good for one save.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) when it is another record than was drafted; else as
    /// [`Notebook::put`].
    pub fn save(&self, draft: Arc<RecordDraft>, after: AnyRecord) -> Result<()> {
        self.ask(|notebook| notebook.save(&draft.0, after))
    }

    /// Deletes a record; a person who was several records, with all of them. It stays listed and can be brought back.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when it is not here.
    pub fn delete(&self, id: RecordId) -> Result<()> {
        self.ask(|notebook| notebook.delete(id))
    }

    /// Deleted records, the newest deletion first; at most `most`.
    ///
    /// # Errors
    /// As any question.
    pub fn deleted(&self, most: u32) -> Result<Vec<AnyRecord>> {
        self.ask(|notebook| notebook.deleted(most))
    }

    /// Brings a deleted record back; a person who was several records, with all of them.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is no such record,
    /// [`KithError::Invalid`](crate::KithError::Invalid) when it is not deleted.
    pub fn bring_back(&self, id: RecordId) -> Result<()> {
        self.ask(|notebook| notebook.bring_back(id))
    }

    /// Whether somebody edited a record at the same time as it was deleted: worth offering it back.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when it is not here.
    pub fn edited_beside_deletion(&self, id: RecordId) -> Result<bool> {
        self.ask(|notebook| notebook.edited_beside_deletion(id))
    }

    /// Who changed which field of a record when, the newest first; a person who is several records has the history of all
    /// of them. At most `most` lines, and 1,000.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when it is not here,
    /// [`KithError::Unreadable`](crate::KithError::Unreadable) when it is damaged.
    pub fn history(&self, id: RecordId, from: u32, most: u32) -> Result<HistoryPage> {
        self.ask(|notebook| notebook.history_page(id, from, most))
    }

    /// Fields that hold two values, because two devices wrote at once; of at most `most` records. Nobody is ever asked:
    /// they are shown, quietly.
    ///
    /// # Errors
    /// As any question.
    pub fn conflicts(&self, most: u32) -> Result<Vec<Conflict>> {
        self.ask(|notebook| notebook.conflicts(most))
    }

    /// Settles on one value of a field of [`Notebook::conflicts`].
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when the record is not here,
    /// [`KithError::Invalid`](crate::KithError::Invalid) when it has no such field, or the value cannot stand in it.
    pub fn choose(&self, id: RecordId, key: String, value: Value) -> Result<()> {
        self.ask(|notebook| notebook.choose(id, &key, value))
    }

    /// What can be taken back on this device, the latest last: deletions for 30 days, merges, imports, closed promises.
    ///
    /// # Errors
    /// As any question.
    pub fn undo_steps(&self) -> Result<Vec<UndoStep>> {
        self.ask(|notebook| notebook.undo_steps())
    }

    /// Takes back the latest of [`Notebook::undo_steps`]; answers which it was. Of an import, the run counts records; cancelled,
    /// it stays the latest, and goes on where it was when it is asked for again.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is nothing to take back.
    pub fn undo(&self, run: Arc<Run>) -> Result<UndoStep> {
        self.ask(|notebook| Ok(notebook.undo(&mut |done, total| run.step(done, total))?.step))
    }

    /// Deleted records that somebody changed on another device at the same time: worth offering back. Of the `most` newest
    /// deletions.
    ///
    /// # Errors
    /// As any question.
    pub fn edited_beside_deletions(&self, most: u32) -> Result<Vec<Conflict>> {
        self.ask(|notebook| notebook.edited_beside_deletions(most))
    }

    /// Whether bytes of what was deleted for good may still lie in the file: another program read it when it was to be
    /// written anew. The next sync, or [`Notebook::tidy`], tries again.
    ///
    /// # Errors
    /// As any question.
    pub fn words_remain(&self) -> Result<bool> {
        self.ask(|notebook| notebook.words_remain())
    }

    /// The settings that all my devices agree on; what was never set is empty. They are changed like any record.
    ///
    /// # Errors
    /// As any question.
    pub fn settings(&self) -> Result<Settings> {
        self.ask(|notebook| notebook.settings())
    }
}
