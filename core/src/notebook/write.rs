//! Commands, area by area: what a person can do to a notebook. Each is one commit.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{Change, Committed, Notebook, Origin, RecordChange, UndoStep};
use crate::document::Heads;
use crate::error::{Error, Result};
use crate::model::record::{DELETED_AT, edits, edits_of};
use crate::model::{AnyRecord, Contact, Edit, Id, Import, Kind, Organisation, Record, RecordId, Shape, fresh_id};
use crate::{query, store};

/// Most records of one person that come back together.
const MOST_TOGETHER: usize = 256;

/// A record's fields as JSON.
type Fields = serde_json::Map<String, serde_json::Value>;

/// Several edits that become durable together.
pub struct Writing<'a> {
    pub(super) notebook: &'a Notebook,
    change: Change,
    now: DateTime<Utc>,
    /// Organisations found or made by this change, by folded name.
    pub(super) organisations: Vec<(String, Id<Organisation>)>,
    /// The import that writes; every record it makes says so.
    pub(super) import: Option<Id<Import>>,
}

impl Notebook {
    /// Begins a change of several records.
    pub fn write(&self) -> Writing<'_> {
        Writing { notebook: self, change: Change::default(), now: self.now(), organisations: Vec::new(), import: None }
    }

    /// Writes a new record, or what differs from the one under its id; returns its id.
    ///
    /// # Errors
    /// As [`Notebook::commit`].
    pub fn put<R: Record>(&self, record: R) -> Result<Id<R>> {
        let mut writing = self.write();
        let id = writing.put(record)?;
        writing.commit()?;
        Ok(id)
    }

    /// Changes a record: reads it, lets `change` change it, writes what differs.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such record; otherwise as [`Notebook::commit`].
    pub fn edit<R: Record>(&self, id: Id<R>, change: impl FnOnce(&mut R)) -> Result<()> {
        let mut writing = self.write();
        writing.edit(id, change)?;
        writing.commit().map(drop)
    }

    /// Fills an empty notebook with a made-up network of 40 people and two years of history, to look around in.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the notebook holds something: nothing made up is mixed with what is real.
    pub fn load_demo(&self) -> Result<u64> {
        if self.read(crate::store::has_documents)? {
            return Err(Error::Invalid(
                "the demo goes into an empty notebook only; try it with another --notebook".into(),
            ));
        }
        let (today, zone) = (self.today()?, self.zone()?);
        let records = self.with_random(|random| crate::demo::network(today, zone, random));
        let mut writing = self.write();
        records.iter().for_each(|record| writing.put_any(record));
        writing.commit()?;
        Ok(records.len() as u64)
    }

    /// Deletes a record. It stays listed and can be brought back.
    ///
    /// # Errors
    /// As [`Notebook::commit`].
    pub fn delete(&self, id: RecordId) -> Result<()> {
        let mut writing = self.write();
        let all = self.read(|connection| query::members(connection, id))?;
        writing.delete(id)?;
        writing.commit()?;
        self.remember_step(UndoStep::Deleted(all))
    }

    /// Brings a deleted record back on whatever device; a person who was several records, with all of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such record, [`Error::Invalid`] when it is not deleted.
    pub fn bring_back(&self, id: RecordId) -> Result<()> {
        let record = self.get_any(id)?.ok_or_else(|| Error::NotFound("the record".into()))?;
        if record.deleted_at().is_none() {
            return Err(Error::Invalid("this record is not deleted".into()));
        }
        let mut back = vec![id];
        let mut at = 0;
        while at < back.len() && back.len() < MOST_TOGETHER {
            for other in self.said_to_be(back[at])? {
                if !back.contains(&other) {
                    back.push(other);
                }
            }
            at += 1;
        }
        back.iter().try_for_each(|id| self.restore(*id))?;
        self.forget_deletions(&back)
    }

    /// Deleted records that were said to be one with this person, whoever names whom.
    fn said_to_be(&self, id: RecordId) -> Result<Vec<RecordId>> {
        let named = self.get_any(id)?.map(|record| record.facts().links).unwrap_or_default();
        let mut others: Vec<RecordId> =
            named.into_iter().filter(|(field, _)| *field == "same_as").map(|(_, other)| other).collect();
        let names_it =
            |record: &AnyRecord| record.facts().links.iter().any(|(field, other)| *field == "same_as" && *other == id);
        let naming = self.deleted(MOST_TOGETHER as u32 * 4)?;
        others.extend(naming.iter().filter(|record| names_it(record)).map(AnyRecord::id));
        let mut deleted = Vec::new();
        for other in others {
            if self.get_any(other)?.is_some_and(|record| record.deleted_at().is_some()) {
                deleted.push(other);
            }
        }
        Ok(deleted)
    }

    /// Brings one deleted record back.
    ///
    /// # Errors
    /// As [`Notebook::commit`].
    pub fn restore(&self, id: RecordId) -> Result<()> {
        let mut writing = self.write();
        writing.set(id, DELETED_AT, serde_json::Value::Null)?;
        writing.commit().map(drop)
    }
}

impl Writing<'_> {
    /// The moment all of it is written at.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Writes a new record, or what differs from the one under its id; returns its id.
    ///
    /// # Errors
    /// As any question.
    pub fn put<R: Record>(&mut self, record: R) -> Result<Id<R>> {
        // A fresh id names nothing yet: there is nothing to look up.
        let (id, before, at) = match record.id() {
            id if id == Id::default() => (self.notebook.with_random(|random| fresh_id(random)), None, None),
            id => {
                let (before, at) = self.read_at(id)?;
                (id, before, at)
            }
        };
        let before = before.unwrap_or_default();
        let mut edits = self.notebook.with_random(|random| edits(&before, &record, random));
        if let Some(import) = self.import.filter(|_| before == R::default()) {
            edits.push(Edit::Put { key: "import".into(), value: import.to_string().into() });
        }
        if before == R::default()
            && !edits.iter().any(|edit| matches!(edit, Edit::Put { key, .. } if key == "created_at"))
        {
            let now = self.now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            edits.push(Edit::Put { key: "created_at".into(), value: now.into() });
        }
        self.push(R::KIND, id.raw(), edits, at);
        Ok(id)
    }

    /// Changes a record: reads it, lets `change` change it, writes what differs. A person who is several records is
    /// changed as the one that is shown.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such record.
    pub fn edit<R: Record>(&mut self, id: Id<R>, change: impl FnOnce(&mut R)) -> Result<()> {
        let members = self.notebook.read(|connection| query::members(connection, id.raw()))?;
        if R::KIND == Kind::Contact && members.len() > 1 {
            return self.edit_together(id, members, change);
        }
        let (before, at) = self.read_at::<R>(id)?;
        let before = before.ok_or_else(|| not_found(R::KIND))?;
        let mut after = before.clone();
        change(&mut after);
        let edits = self.notebook.with_random(|random| edits(&before, &after, random));
        self.push(R::KIND, id.raw(), edits, at);
        Ok(())
    }

    /// A record and the version it is at, so that the words another process writes before we do are not taken out.
    fn read_at<R: Record>(&self, id: Id<R>) -> Result<(Option<R>, Option<Heads>)> {
        self.notebook.read(|connection| {
            let heads = store::document_row(connection, id.raw())?.map(|row| row.heads);
            Ok((query::pages::get(connection, id)?, heads))
        })
    }

    /// What was drafted from an earlier version of a record is written at that version, so that what another device
    /// wrote meanwhile is kept beside it.
    ///
    /// # Errors
    /// As any question.
    pub fn save<R: Record>(&mut self, before: &R, after: &R, at: Heads) -> Result<()> {
        let edits = self.notebook.with_random(|random| edits(before, after, random));
        self.push(R::KIND, before.id().raw(), edits, Some(at));
        Ok(())
    }

    /// Writes a new record of whatever kind, under the id it has.
    pub fn put_any(&mut self, record: &AnyRecord) {
        let (kind, id, mut fields) = (record.kind(), record.id(), record.to_map());
        fields.shift_remove("id");
        self.put_map(kind, id, &Fields::new(), &fields);
    }

    /// Writes what differs between two states of a record whose kind is only known by its fields.
    pub(super) fn put_map(&mut self, kind: Kind, id: RecordId, before: &Fields, after: &Fields) {
        let edits = self.notebook.with_random(|random| edits_of(kind.fields(), before, after, random));
        self.push(kind, id, edits, None);
    }

    /// What [`Writing::save`] does, for a record whose kind is only known by its fields.
    pub(super) fn save_map(&mut self, kind: Kind, id: RecordId, (before, after): (&Fields, &Fields), at: Heads) {
        let edits = self.notebook.with_random(|random| edits_of(kind.fields(), before, after, random));
        self.push(kind, id, edits, Some(at));
    }

    /// Writes one scalar of a record.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such record.
    pub fn set(&mut self, id: RecordId, key: &str, value: serde_json::Value) -> Result<()> {
        let kind = self.notebook.kind_of(id)?;
        self.push(kind, id, vec![Edit::Put { key: key.into(), value }], None);
        Ok(())
    }

    /// Deletes a record; of a person who is several records, all of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such record.
    pub fn delete(&mut self, id: RecordId) -> Result<()> {
        let now = self.now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        for member in self.notebook.read(|connection| query::members(connection, id))? {
            self.set(member, DELETED_AT, now.clone().into())?;
        }
        Ok(())
    }

    /// Deletes this record only, not those that are one with it.
    pub(super) fn delete_alone(&mut self, id: RecordId) -> Result<()> {
        let now = self.now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        self.set(id, DELETED_AT, now.into())
    }

    /// Makes a text of a record read like this.
    pub(super) fn set_text(&mut self, id: RecordId, field: &str, text: &str) -> Result<()> {
        let kind = self.notebook.kind_of(id)?;
        self.push(kind, id, vec![Edit::Text { field: field.into(), text: text.into() }], None);
        Ok(())
    }

    /// Adds a photo, already fitted; returns nothing, the record names it by its hash.
    pub fn blob(&mut self, bytes: Vec<u8>) {
        self.change.blobs.push(bytes);
    }

    /// Takes changes of a record as they were written elsewhere, and tells them to the other devices.
    pub(super) fn retell(&mut self, id: RecordId, changes: Vec<Vec<u8>>) {
        self.change.received.insert(id, changes);
        self.change.retold = true;
    }

    /// Remembers a value on this device only.
    pub fn remember(&mut self, key: &'static str, value: Option<String>) {
        self.change.meta.push((key, value));
    }

    /// Makes all of it durable.
    ///
    /// # Errors
    /// As [`Notebook::commit`].
    pub fn commit(self) -> Result<Committed> {
        self.notebook.commit(self.change, Origin::Here)
    }

    /// Nothing of it is done if somebody else changes this record before, or makes it where there is none.
    pub(super) fn only_if_unchanged(&mut self, id: RecordId, at: Option<Heads>) {
        self.change.unchanged.push((id, at));
    }

    /// Makes all of it durable and takes these records out of the file, together.
    pub(super) fn commit_and_purge(
        mut self,
        gone: BTreeSet<RecordId>,
        remembered: Vec<(&'static str, Option<String>)>,
    ) -> Result<Committed> {
        self.change.purged = gone;
        self.change.meta.extend(remembered);
        self.commit()
    }

    pub(super) fn push(&mut self, kind: Kind, id: RecordId, edits: Vec<Edit>, at: Option<Heads>) {
        if !edits.is_empty() {
            self.change.records.push(RecordChange { id, kind, edits, at, by_import: self.import.is_some() });
        }
    }

    /// Values go to the record that stands for the person; what is taken away goes where it is.
    fn edit_together<R: Record>(
        &mut self,
        id: Id<R>,
        members: Vec<RecordId>,
        change: impl FnOnce(&mut R),
    ) -> Result<()> {
        let contact_id: Id<Contact> = Id::new(id.raw());
        let together = self.notebook.read(|connection| query::pages::contact(connection, contact_id))?;
        let before = R::from_map(together.ok_or_else(|| not_found(R::KIND))?.0.to_map());
        let mut after = before.clone();
        change(&mut after);
        let mut versions = Vec::new();
        for member in members {
            versions.push((member, self.read_at::<Contact>(Id::new(member))?.1));
        }
        self.share_out(&versions, &before.to_map(), &after.to_map())
    }

    /// Saves what was drafted of a person who is several records: `before` is the person as it was shown.
    pub(super) fn save_together(
        &mut self,
        versions: &[(RecordId, Heads)],
        before: &Fields,
        after: &Fields,
    ) -> Result<()> {
        let versions: Vec<_> = versions.iter().map(|(id, at)| (*id, Some(at.clone()))).collect();
        self.share_out(&versions, before, after)
    }

    fn share_out(&mut self, members: &[(RecordId, Option<Heads>)], before: &Fields, after: &Fields) -> Result<()> {
        let edits = self.notebook.with_random(|random| edits_of(Kind::Contact.fields(), before, after, random));
        let mut records = Vec::new();
        for (member, _) in members {
            records.push(self.read_at::<Contact>(Id::new(*member))?.0.unwrap_or_default().to_map());
        }
        for (n, (member, at)) in members.iter().enumerate() {
            let mine = edits.iter().flat_map(|edit| share_of(edit, &records[n], &records, before, n == 0)).collect();
            self.push(Kind::Contact, *member, mine, at.clone());
        }
        Ok(())
    }
}

/// The part of an edit that one of several records of a person takes. `shown` is the person as it was shown.
fn share_of(edit: &Edit, record: &Fields, all: &[Fields], shown: &Fields, representative: bool) -> Vec<Edit> {
    let whole = |mine: bool| if mine { vec![edit.clone()] } else { Vec::new() };
    let (key, value) = match edit {
        // The whole new text stands in one record; the others' parts of it are taken out.
        Edit::Text { field, .. } if !representative && record.contains_key(field) => {
            return vec![Edit::Text { field: field.clone(), text: String::new() }];
        }
        Edit::Text { .. } => return whole(representative),
        Edit::Put { key, value } => (key, value),
    };
    let Some((field, rest)) = key.split_once('/') else {
        return whole(if value.is_null() { record.contains_key(key) } else { representative });
    };
    let is_set = Kind::Contact.fields().iter().any(|info| info.name == field && info.shape == Shape::Set);
    let Some((entry, name)) = rest.split_once('/').filter(|_| !is_set) else {
        return whole(representative || *value == serde_json::Value::Bool(false));
    };
    if all.iter().all(|record| same_entries(record, field, entry, shown).is_empty()) {
        return whole(representative);
    }
    let own = same_entries(record, field, entry, shown).into_iter();
    own.map(|own| Edit::Put { key: format!("{field}/{own}/{name}"), value: value.clone() }).collect()
}

/// The ids, in this record, of the entry that is shown under `entry`: its own, and those that say the same and are
/// therefore not shown beside it.
fn same_entries(record: &Fields, field: &str, entry: &str, shown: &Fields) -> Vec<String> {
    let id = |item: &serde_json::Value| item.get("id").and_then(serde_json::Value::as_str).map(String::from);
    let list = |record: &Fields| record.get(field).and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let shown = list(shown).into_iter().find(|item| id(item).as_deref() == Some(entry));
    let same = |item: &serde_json::Value| {
        id(item).as_deref() == Some(entry) || shown.as_ref().is_some_and(|shown| query::pages::alike(shown, item))
    };
    list(record).iter().filter(|item| same(item)).filter_map(id).collect()
}

pub(super) fn not_found(kind: Kind) -> Error {
    Error::NotFound(format!("the {}", kind.word().replace('_', " ")))
}
