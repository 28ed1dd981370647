//! "Delete this person for good": every document that is only about them leaves the file, with its history.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Notebook, Writing, lock};
use crate::error::{Error, Result};
use crate::model::{AnyRecord, Contact, Id, Kind, RecordId};
use crate::query::{self, pages};
use crate::store;

/// Set while the file may still hold bytes of what was deleted for good.
pub(super) const UNSCRUBBED: &str = "unscrubbed";

/// What a purge did, or would do.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Purge {
    /// The person's name.
    pub name: String,
    /// How many records leave the file.
    pub records: u64,
    /// Records that are also about others: they lose the link, and still hold what was written in them.
    pub shared: Vec<RecordId>,
    /// Shared records whose words name the person; they are for the owner to look at.
    pub name_them: Vec<RecordId>,
}

impl Notebook {
    /// What [`Notebook::purge`] would take away.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such person.
    pub fn purge_preview(&self, id: Id<Contact>) -> Result<Purge> {
        Ok(self.plan_purge(id)?.0)
    }

    /// Takes a person out of this file for good, with the history of every record that is only about them, those that
    /// were deleted among them. What stays is a list of ids, so that a late change for one of them is refused. Other
    /// devices still hold theirs. While another program reads the notebook the file keeps some of the old bytes, see
    /// [`Notebook::words_remain`].
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such person, [`Error::Invalid`] while something of it is still on its way to this
    /// device, [`Error::Storage`] when the disk refuses; nothing is deleted then.
    pub fn purge(&self, id: Id<Contact>) -> Result<Purge> {
        let (plan, gone) = self.plan_purge(id)?;
        gone.iter().try_for_each(|id| self.must_have_come(*id))?;
        let mut writing = self.write();
        for shared in &plan.shared {
            self.replace_links(&mut writing, *shared, &mut |id| if gone.contains(&id) { None } else { Some(id) })?;
        }
        self.commit_purge(writing, gone)?;
        Ok(plan)
    }

    /// Puts other words in the place of some, in every text of a record, and takes the record with the old words out of
    /// the file for good: a text's history keeps every word that was ever in it. What pointed at the old record points
    /// at the new one. Other devices still hold theirs.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such record or the words are not in it, [`Error::Invalid`] for what there can
    /// be only one of, like a week, and when another device wrote it anew already; otherwise as [`Notebook::purge`].
    pub fn rewrite(&self, id: RecordId, old: &str, new: &str) -> Result<RecordId> {
        let at = self.read(|connection| store::document_row(connection, id))?.map(|row| row.heads);
        let record = self.read(|connection| pages::get_any(connection, id))?;
        let record = record.ok_or_else(|| Error::NotFound("such a record".into()))?;
        self.must_have_come(id)?;
        if record.kind().is_singleton() {
            return Err(Error::Invalid("there is only one of these; edit its words, its history stays".into()));
        }
        if self.read(|connection| pages::conflicts_of(connection, id))? > 0 {
            let why = "a field of this record holds two values, of which only one would be left; settle on one first";
            return Err(Error::Invalid(why.into()));
        }
        let mut map = record.to_map();
        map.shift_remove("id");
        let texts: BTreeSet<String> = record.facts().texts.into_iter().collect();
        let replaced: usize = map.values_mut().map(|value| replace_words(value, &texts, (old, new))).sum();
        if old.is_empty() || replaced == 0 {
            return Err(Error::NotFound(format!("\"{old}\" in the words of this record")));
        }
        let successor = successor_of(id);
        // It would be written over, with what others have added to it since.
        if self.read(|connection| store::document_row(connection, successor))?.is_some() {
            let why =
                "another device of yours wrote this anew already; sync, then take the words out of what stands there";
            return Err(Error::Invalid(why.into()));
        }
        let mut writing = self.write();
        writing.only_if_unchanged(id, at);
        writing.only_if_unchanged(successor, None);
        writing.put_map(record.kind(), successor, &serde_json::Map::new(), &map);
        for (_, pointing) in self.read(|connection| pages::pointing_at(connection, id, None))? {
            self.replace_links(&mut writing, pointing, &mut |link| Some(if link == id { successor } else { link }))?;
        }
        self.commit_purge(writing, BTreeSet::from([id]))?;
        Ok(successor)
    }

    /// What a checkpoint alone told of is as it was then: what was written since would go unseen.
    fn must_have_come(&self, id: RecordId) -> Result<()> {
        if self.is_only_told(id)? { Err(super::sync::still_to_come()) } else { Ok(()) }
    }

    /// Whether bytes of what was deleted for good may still lie in the file: another program read it when it was to be
    /// written anew. [`Notebook::tidy`] and every sync try again.
    ///
    /// # Errors
    /// As any question.
    pub fn words_remain(&self) -> Result<bool> {
        Ok(self.read(|connection| store::meta::<String>(connection, UNSCRUBBED))?.is_some())
    }

    /// One commit; then the file is written anew, without a byte of what left. The commit says that this is still to be
    /// done, so that neither another program that reads nor a kill in between makes it forgotten.
    fn commit_purge(&self, writing: Writing<'_>, gone: BTreeSet<RecordId>) -> Result<()> {
        writing.commit_and_purge(gone, vec![(UNSCRUBBED, Some("1".into()))])?;
        self.scrub_if_need_be()
    }

    /// Takes the bytes of what was deleted out of the file. Where that cannot be, since another program reads it or there
    /// is no room to write it anew, the next sync or tidying tries again.
    pub(super) fn scrub_if_need_be(&self) -> Result<()> {
        if !self.words_remain()? {
            return Ok(());
        }
        let writer = lock(&self.writer);
        lock(&self.readers).clear();
        if matches!(store::scrub(&writer.connection), Ok(true)) {
            store::set_meta(&writer.connection, UNSCRUBBED, None::<String>)?;
        }
        Ok(())
    }

    fn plan_purge(&self, id: Id<Contact>) -> Result<(Purge, BTreeSet<RecordId>)> {
        self.read(|connection| {
            let (contact, mut members) =
                pages::contact(connection, id)?.ok_or_else(|| super::write::not_found(Kind::Contact))?;
            let deleted = deleted_with_links(connection)?;
            add_deleted_selves(&mut members, &deleted);
            let mut gone: BTreeSet<RecordId> = members.iter().copied().collect();
            let mut shared = BTreeSet::new();
            for record in &deleted {
                if is_only_about(record, &members) {
                    gone.insert(record.id());
                } else if points_at_one_of(record, &members) {
                    shared.insert(record.id());
                }
            }
            for member in &members {
                for (_, other) in pages::pointing_at(connection, *member, None)? {
                    let record = pages::get_any(connection, other)?;
                    if record.is_some_and(|record| is_only_about(&record, &members)) {
                        gone.insert(other);
                    } else if !gone.contains(&other) {
                        shared.insert(other);
                    }
                }
            }
            let shared: Vec<RecordId> = shared.into_iter().filter(|id| !gone.contains(id)).collect();
            let name_them = naming(connection, &contact.name, &gone)?;
            let plan = Purge { name: contact.name, records: gone.len() as u64, shared, name_them };
            Ok((plan, gone))
        })
    }

    /// Gives the links of a record other targets, or none.
    fn replace_links(&self, writing: &mut Writing<'_>, id: RecordId, target: Target<'_>) -> Result<()> {
        let record = self.read(|connection| pages::get_any(connection, id))?;
        let Some(record) = record else { return Ok(()) };
        let (mut before, kind) = (record.to_map(), record.kind());
        before.shift_remove("id");
        let links: BTreeSet<RecordId> = record.facts().links.into_iter().map(|(_, link)| link).collect();
        let mut target = |id| if links.contains(&id) { target(id) } else { Some(id) };
        let mut after = before.clone();
        after.values_mut().for_each(|value| relink(value, &mut target));
        writing.put_map(kind, id, &before, &after);
        Ok(())
    }
}

/// What a link shall point at; nothing takes it away.
type Target<'a> = &'a mut dyn FnMut(RecordId) -> Option<RecordId>;

/// The record that takes the place of one whose words were rewritten: the same on every device.
pub(super) fn successor_of(id: RecordId) -> RecordId {
    let hash = blake3::hash(&[&id.0[..], b"rewritten"].concat());
    let mut successor = RecordId::default();
    successor.0.copy_from_slice(&hash.as_bytes()[..16]);
    successor
}

/// Puts other words in, wherever a value is one of these texts; says in how many.
fn replace_words(value: &mut Value, texts: &BTreeSet<String>, (old, new): (&str, &str)) -> usize {
    match value {
        Value::String(text) if texts.contains(text) && text.contains(old) => {
            *text = text.replace(old, new);
            1
        }
        Value::Array(list) => list.iter_mut().map(|item| replace_words(item, texts, (old, new))).sum(),
        Value::Object(map) => map.values_mut().map(|value| replace_words(value, texts, (old, new))).sum(),
        _ => 0,
    }
}

/// The deleted records that link to others: the index of links has only the living.
fn deleted_with_links(connection: &rusqlite::Connection) -> Result<Vec<AnyRecord>> {
    let mut deleted = Vec::new();
    pages::each(connection, |record| {
        if record.deleted_at().is_some() && !record.facts().links.is_empty() {
            deleted.push(record);
        }
        Ok(())
    })?;
    Ok(deleted)
}

/// Adds the deleted records of a person who is several: those that say they are one with them.
fn add_deleted_selves(members: &mut Vec<RecordId>, deleted: &[AnyRecord]) {
    let is_same = |record: &&AnyRecord, members: &[RecordId]| {
        let AnyRecord::Contact(contact) = record else { return false };
        !members.contains(&record.id()) && contact.same_as.iter().any(|same| members.contains(&same.raw()))
    };
    while let Some(record) = deleted.iter().find(|record| is_same(record, members)) {
        members.push(record.id());
    }
}

fn points_at_one_of(record: &AnyRecord, people: &[RecordId]) -> bool {
    !people.contains(&record.id()) && record.facts().links.iter().any(|(_, link)| people.contains(link))
}

/// Whether every person a record is about is among these.
fn is_only_about(record: &AnyRecord, people: &[RecordId]) -> bool {
    let Some(about) = query::about::field_about(record.kind()) else { return false };
    let about: Vec<RecordId> =
        record.facts().links.into_iter().filter(|(field, _)| *field == about).map(|(_, id)| id).collect();
    // An introduction is about both of them; without one of the two it is nothing.
    let enough = if record.kind() == Kind::Introduction { 1 } else { about.len() };
    !about.is_empty() && about.iter().filter(|id| people.contains(id)).count() >= enough
}

/// Records that stay and whose words have all the words of the name.
fn naming(connection: &rusqlite::Connection, name: &str, gone: &BTreeSet<RecordId>) -> Result<Vec<RecordId>> {
    let folded = query::words::words(name);
    if folded.is_empty() {
        return Ok(Vec::new());
    }
    let mut naming = Vec::new();
    pages::each(connection, |record| {
        if !gone.contains(&record.id()) {
            let words: BTreeSet<String> = query::words::words(&record.facts().texts.join("\n")).into_iter().collect();
            if folded.iter().all(|word| words.contains(word)) {
                naming.push(record.id());
            }
        }
        Ok(())
    })?;
    Ok(naming)
}

fn relink(value: &mut Value, target: Target<'_>) {
    match value {
        Value::Array(list) => {
            list.iter_mut().for_each(|item| relink(item, target));
            list.retain(|item| !item.is_null());
        }
        Value::Object(map) => map.values_mut().for_each(|value| relink(value, target)),
        Value::String(text) => {
            if let Ok(id) = text.parse() {
                match target(id) {
                    Some(same) if same == id => {}
                    other => *value = other.map_or(Value::Null, |other| other.to_string().into()),
                }
            }
        }
        _ => {}
    }
}
