//! Another device took words out of a record for good, by writing it anew, while this one went on writing in the old one.
//! What was written here and nobody else has is kept in a note of its own, to be copied over or dropped.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::HistoryStep;
use crate::error::{Error, Result};
use crate::model::{Contact, Id, Kind, Note, RecordId};
use crate::notebook::Notebook;
use crate::query::pages;
use crate::store;

impl Notebook {
    /// What was written here into a record that is written anew as `successor`, as a note about that; none when the others
    /// have all of it. `by` is the device that did it.
    pub(super) fn note_of_unsent(&self, id: RecordId, successor: RecordId, by: &str) -> Result<Option<Note>> {
        let unsent = match self.read(|connection| store::unsent(connection, id)) {
            // What cannot be read cannot be kept, and keeps no sync from going on.
            Err(Error::Unreadable(_)) => return Ok(None),
            unsent => unsent?.into_iter().collect::<BTreeSet<[u8; 32]>>(),
        };
        if unsent.is_empty() {
            return Ok(None);
        }
        let document = match self.document(id) {
            Err(Error::Unreadable(_)) => return Ok(None),
            document => document?.0,
        };
        // A notebook that was put back tells everything again: that is the record itself, with the words that are to go. So
        // is how a record begins that another device began as well, both having written it anew.
        let begins: BTreeSet<[u8; 32]> = document.beginnings().collect();
        if begins.is_subset(&unsent) {
            return Ok(None);
        }
        let history = document.history();
        let is_added = |hash: &[u8; 32]| unsent.contains(hash) && !begins.contains(hash);
        let steps = history.iter().filter(|change| is_added(&change.hash)).flat_map(|change| &change.steps);
        let lines: Vec<String> = steps.filter_map(line_of).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let kind = self.read(|connection| pages::get_any(connection, id))?.map(|record| record.kind());
        let about: Vec<Id<Contact>> = if kind == Some(Kind::Contact) { vec![Id::new(successor)] } else { Vec::new() };
        let body = format!(
            "Written on {} while words were taken out of this for good on {by}; copy over what is to stay:\n{}",
            self.device(),
            lines.join("\n")
        );
        Ok(Some(Note { body, about, ..Note::default() }))
    }
}

/// One value that was written, or the letters that were added to a text.
fn line_of(step: &HistoryStep) -> Option<String> {
    let field = step.key.split('/').next().unwrap_or_default();
    if field.starts_with('@') {
        return None;
    }
    let words = match &step.value {
        None => step.added.trim().to_owned(),
        Some(Value::String(words)) => words.clone(),
        // A member of a set stands in its key.
        Some(Value::Bool(true)) => step.key.split('/').nth(1)?.to_owned(),
        Some(Value::Null | Value::Bool(false)) => String::new(),
        Some(value) => value.to_string(),
    };
    (!words.is_empty()).then(|| format!("{field}: {words}"))
}
