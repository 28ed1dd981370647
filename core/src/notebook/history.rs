//! A record's past and its disagreements. The only questions that load a document.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::{Notebook, lock};
use crate::document::{Document, Heads, Reading};
use crate::error::{Error, Result};
use crate::model::record::DELETED_AT;
use crate::model::{AnyRecord, Id, Record, RecordId};
use crate::query::pages;
use crate::{query, store};

/// One line of a record's history.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct HistoryLine {
    /// When, by the clock of the device that wrote it.
    pub at: DateTime<Utc>,
    /// Which device; none for one that never introduced itself.
    pub device: Option<String>,
    /// Which field.
    pub field: String,
    /// What was written; none for a text.
    pub value: Option<Value>,
    /// Letters added to a text.
    pub added: String,
    /// How many letters of a text were taken away.
    pub removed: u64,
}

/// A page of a record's history.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct HistoryPage {
    /// The lines, the newest first.
    pub rows: Vec<HistoryLine>,
    /// How many there are.
    pub total: u64,
    /// What to ask for to get the next page; none when this is the last.
    pub next: Option<u32>,
}

/// A field that holds two values, because two devices wrote it at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Conflict {
    /// Which record.
    pub id: RecordId,
    /// Its kind's word.
    pub kind: String,
    /// How it is called.
    pub title: String,
    /// Which field.
    pub key: String,
    /// The values, the one shown first.
    pub values: Vec<Value>,
}

impl Notebook {
    /// A record with the version it was read at, for a draft that is saved later with [`super::Writing::save`].
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not here, [`Error::Unreadable`] when it is damaged.
    pub fn read_for_edit<R: Record>(&self, id: Id<R>) -> Result<(R, Heads)> {
        let (_, heads, reading) = self.document(id.raw())?;
        let mut fields = reading.fields;
        fields.shift_insert(0, "id".into(), id.to_string().into());
        Ok((R::from_map(fields), heads))
    }

    /// Who changed which field when, oldest first.
    ///
    /// # Errors
    /// As [`Notebook::read_for_edit`].
    pub fn history(&self, id: RecordId) -> Result<Vec<HistoryLine>> {
        let (document, ..) = self.document(id)?;
        let mut lines = Vec::new();
        for change in document.history() {
            let own = self.read(|connection| store::is_own_actor(connection, &change.actor))?;
            let device = match own {
                true => Some(self.device().to_string()),
                false => self.read(|connection| store::device_of(connection, &change.actor))?,
            };
            lines.extend(change.steps.into_iter().map(|step| HistoryLine {
                at: DateTime::from_timestamp(change.unix_seconds, 0).unwrap_or_default(),
                device: device.clone(),
                field: step.key,
                value: step.value,
                added: step.added,
                removed: step.removed,
            }));
        }
        Ok(lines)
    }

    /// The same of a record as it is shown: a person who is several records has the history of all of them.
    ///
    /// # Errors
    /// As [`Notebook::read_for_edit`].
    pub fn history_as_shown(&self, id: RecordId) -> Result<Vec<HistoryLine>> {
        let members = self.read(|connection| query::members(connection, id))?;
        let mut lines = Vec::new();
        for member in &members {
            lines.extend(self.history(*member)?);
        }
        // The clock of one device may be wrong; what one record went through stays in its order.
        if members.len() > 1 {
            lines.sort_by_key(|line| line.at);
        }
        Ok(lines)
    }

    /// A page of that, the newest line first; at most `most` lines, and 1,000.
    ///
    /// # Errors
    /// As [`Notebook::read_for_edit`].
    pub fn history_page(&self, id: RecordId, from: u32, most: u32) -> Result<HistoryPage> {
        let lines = self.history_as_shown(id)?;
        let total = lines.len() as u64;
        let most = most.min(pages::MAX_ROWS) as usize;
        let rows: Vec<HistoryLine> = lines.into_iter().rev().skip(from as usize).take(most).collect();
        let next = pages::next(from, rows.len(), total);
        Ok(HistoryPage { rows, total, next })
    }

    /// Fields that hold two values; nobody is ever asked, they are shown.
    ///
    /// # Errors
    /// As any question.
    pub fn conflicts(&self, most: u32) -> Result<Vec<Conflict>> {
        let mut conflicts = Vec::new();
        for id in self.read(|connection| pages::in_conflict(connection, most))? {
            let (_, _, reading) = self.document(id)?;
            let record = self.read(|connection| pages::get_any(connection, id))?;
            let title = record.as_ref().map(query::title_of).unwrap_or_default();
            let kind = reading.kind.unwrap_or_default();
            conflicts.extend(reading.conflicts.into_iter().map(|(key, values)| Conflict {
                id,
                kind: kind.clone(),
                title: title.clone(),
                key,
                values,
            }));
        }
        Ok(conflicts)
    }

    /// Deleted records that somebody edited at the same time, each as a field with two values: the deletion, which is
    /// shown, and none. The newest deletion first; at most so many deleted records are looked at.
    ///
    /// # Errors
    /// As any question.
    pub fn edited_beside_deletions(&self, most: u32) -> Result<Vec<Conflict>> {
        let mut edited = Vec::new();
        for record in self.deleted(most)? {
            // What only a checkpoint told of, or is damaged, has no history to look at.
            if self.edited_beside_deletion(record.id()).unwrap_or(false) {
                edited.push(record);
            }
        }
        let values = |record: &AnyRecord| {
            let deletion = record.to_map().get(DELETED_AT).cloned().unwrap_or_default();
            vec![deletion, Value::Null]
        };
        Ok(edited
            .iter()
            .map(|record| Conflict {
                id: record.id(),
                kind: record.kind().word().into(),
                title: query::title_of(record),
                key: DELETED_AT.into(),
                values: values(record),
            })
            .collect())
    }

    /// Settles on one value of a field. Settling on no deletion brings the record back, with all that is one with it;
    /// settling on a deletion deletes it anew, with what was written beside it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the record is not here.
    pub fn choose(&self, id: RecordId, key: &str, value: Value) -> Result<()> {
        match (key, value.is_null()) {
            (DELETED_AT, true) => return self.bring_back(id),
            (DELETED_AT, false) => return self.delete(id),
            _ => {}
        }
        let mut writing = self.write();
        writing.set(id, key, value)?;
        writing.commit().map(drop)
    }

    /// Deleted records, the newest deletion first.
    ///
    /// # Errors
    /// As any question.
    pub fn deleted(&self, most: u32) -> Result<Vec<AnyRecord>> {
        self.read(|connection| pages::deleted(connection, most))
    }

    /// Whether somebody edited a record at the same time as it was deleted: worth offering it back.
    ///
    /// # Errors
    /// As [`Notebook::read_for_edit`].
    pub fn edited_beside_deletion(&self, id: RecordId) -> Result<bool> {
        // After a sync this is asked of all that came: a document is loaded only where there is a deletion.
        let record = self.read(|connection| pages::get_any(connection, id))?;
        if record.is_some_and(|record| record.deleted_at().is_none()) {
            return Ok(false);
        }
        Ok(self.document(id)?.0.edited_beside_deletion())
    }

    pub(super) fn document(&self, id: RecordId) -> Result<(Document, Heads, Reading)> {
        let mut writer = lock(&self.writer);
        let transaction = writer.connection.transaction()?;
        let row = store::document_row(&transaction, id)?.ok_or_else(|| Error::NotFound("the record".into()))?;
        let document = store::load(&transaction, &row)?;
        let reading = document.read();
        Ok((document, row.heads, reading))
    }
}
