//! "Delete this person for good": every document that is only about them leaves the file, with its history.

use std::collections::BTreeSet;

use super::{Changed, Notebook, Origin, all_areas, lock};
use crate::error::Result;
use crate::model::{AnyRecord, BlobId, Contact, Id, Kind, RecordId};
use crate::query::{self, pages};
use crate::store;

/// What a purge did, or would do.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
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
    /// [`crate::Error::NotFound`] when there is no such person.
    pub fn purge_preview(&self, id: Id<Contact>) -> Result<Purge> {
        Ok(self.plan_purge(id)?.0)
    }

    /// Takes a person out of this file for good, with the history of every record that is only about them. What stays
    /// is a list of ids, so that a late change for one of them is refused. Other devices still hold theirs.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] when there is no such person, [`crate::Error::Storage`] when the disk refuses or another
    /// program reads the notebook.
    pub fn purge(&self, id: Id<Contact>) -> Result<Purge> {
        let (plan, gone, blobs) = self.plan_purge(id)?;
        self.unlink(&plan.shared, &gone)?;
        let mut writer = lock(&self.writer);
        writer.documents.clear();
        let transaction = store::begin(&mut writer.connection)?;
        let mut after = query::Aftermath::default();
        for id in &gone {
            if let Some(n) = store::purge(&transaction, *id)? {
                query::forget(&transaction, n, &mut after)?;
            }
        }
        for blob in &blobs {
            if !query::is_blob_used(&transaction, blob)? {
                store::purge_blob(&transaction, &blob.0)?;
            }
        }
        query::settle(&transaction, &after)?;
        query::forget_words(&transaction)?;
        // Our batches hold the person's words: they are forgotten, and a new log tells the rest anew.
        if store::has_own_batches(&transaction)? {
            store::forget_own_batches(&transaction)?;
            store::refill_outbox(&transaction)?;
            store::set_meta(&transaction, "log", None::<[u8; 16]>)?;
        }
        transaction.commit()?;
        lock(&self.readers).clear();
        store::scrub(&writer.connection)?;
        drop(writer);
        self.tell(&Changed { areas: all_areas(), ids: gone.into_iter().collect(), origin: Origin::Here });
        Ok(plan)
    }

    fn plan_purge(&self, id: Id<Contact>) -> Result<(Purge, BTreeSet<RecordId>, Vec<BlobId>)> {
        self.read(|connection| {
            let (contact, members) =
                pages::contact(connection, id)?.ok_or_else(|| super::write::not_found(Kind::Contact))?;
            let mut gone: BTreeSet<RecordId> = members.iter().copied().collect();
            let mut shared = BTreeSet::new();
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
            let plan = Purge { name: contact.name.clone(), records: gone.len() as u64, shared, name_them };
            Ok((plan, gone, contact.photo.into_iter().collect()))
        })
    }

    /// Takes the links to purged records out of those that stay.
    fn unlink(&self, shared: &[RecordId], gone: &BTreeSet<RecordId>) -> Result<()> {
        let mut writing = self.write();
        for id in shared {
            let record = self.read(|connection| pages::get_any(connection, *id))?;
            let Some(record) = record else { continue };
            let kind = record.kind();
            let before = record.to_map();
            let mut after = before.clone();
            for value in after.values_mut() {
                drop_links(value, gone);
            }
            writing.put_map(kind, *id, &before, &after);
        }
        writing.commit().map(drop)
    }
}

/// Whether every person a record is about is among these.
fn is_only_about(record: &AnyRecord, people: &[RecordId]) -> bool {
    let fields: &[&str] = match record.kind() {
        Kind::Meeting => &["who"],
        Kind::Note => &["about"],
        Kind::Promise | Kind::Exchange => &["with"],
        Kind::Need | Kind::Offer => &["whose"],
        Kind::Ask => &["to"],
        Kind::Introduction => &["between"],
        _ => return false,
    };
    let about: Vec<RecordId> =
        record.facts().links.into_iter().filter(|(field, _)| fields.contains(field)).map(|(_, id)| id).collect();
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

fn drop_links(value: &mut serde_json::Value, gone: &BTreeSet<RecordId>) {
    let is_gone = |value: &serde_json::Value| {
        value.as_str().and_then(|text| text.parse().ok()).is_some_and(|id: RecordId| gone.contains(&id))
    };
    match value {
        serde_json::Value::Array(list) => {
            list.retain(|item| !is_gone(item));
            list.iter_mut().for_each(|item| drop_links(item, gone));
        }
        serde_json::Value::Object(map) => map.values_mut().for_each(|value| drop_links(value, gone)),
        value if is_gone(value) => *value = serde_json::Value::Null,
        _ => {}
    }
}
