//! Every change, typed or received, becomes durable here: one transaction with the change, its outbox entry, its rows
//! and the mark that the search index is stale. When it fails, memory goes back to what the file holds.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::{Changed, MAX_DOCUMENTS, Notebook, Writer, lock};
use crate::document::{Actor, Admission, Document, Heads, NOT_NOW, RawChange, Reading};
use crate::error::{Error, Result};
use crate::model::{Area, BlobId, Edit, Kind, RecordId};
use crate::store::segments::{self, NewSegment, SegmentPlace, SegmentState};
use crate::{query, store};

/// How a reason begins for which a change was set aside that may be taken once its record is mended.
pub(super) const RECORD_UNREADABLE: &str = "its record cannot be read just now: ";

/// So many changes of one record wait for others, which may never come.
const MOST_WAITING: usize = 8192;

/// Where a change came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Origin {
    /// Typed on this device.
    Here,
    /// Received from another device.
    Peer,
    /// Written by another process on this notebook.
    OtherProcess,
}

/// Edits of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordChange {
    /// Which record; it is made when it is not there.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// What to do.
    pub edits: Vec<Edit>,
    /// The version the draft was read from; none means the present one.
    pub at: Option<Heads>,
    /// Whether an import writes it, and no person.
    pub by_import: bool,
}

/// What one commit does, all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Typed here.
    pub records: Vec<RecordChange>,
    /// Received: for each record, changes as they were sent.
    pub received: BTreeMap<RecordId, Vec<Vec<u8>>>,
    /// Photos, by their bytes.
    pub blobs: Vec<Vec<u8>>,
    /// The segment the received changes came in.
    pub segment: Option<ReceivedSegment>,
    /// Whether this device tells what it received to the others again, as its own word.
    pub retold: bool,
    /// Records that leave the file for good, after what is written above.
    pub purged: BTreeSet<RecordId>,
    /// Records that have to be at this version still, or not here if there is none: else nothing is done.
    pub unchanged: Vec<(RecordId, Option<Heads>)>,
    /// Values this device remembers for itself.
    pub meta: Vec<(&'static str, Option<String>)>,
}

/// What is remembered of a segment of another device.
#[derive(Clone, Debug)]
pub struct ReceivedSegment {
    /// Where it stands.
    pub place: SegmentPlace,
    /// What became of it.
    pub state: SegmentState,
    /// Its bytes, to be given on.
    pub bytes: Vec<u8>,
    /// The device that signed it.
    pub author: [u8; 32],
    /// What the device is called.
    pub device: String,
    /// When it says it was made.
    pub made_at: String,
    /// The actors that wrote in it.
    pub actors: Vec<Vec<u8>>,
    /// Whether its author counts: who does not may name any log, also that of another device whose first segment has not
    /// come.
    pub owns_its_log: bool,
}

/// What a commit did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// The records that were touched, each once.
    pub touched: Vec<(Kind, RecordId)>,
    /// How many changes were new.
    pub changes: u64,
    /// How many changes wait for others that have not come.
    pub waiting: u64,
    /// How many changes were set aside, and why.
    pub refused: Vec<String>,
    /// How many changes were for records deleted for good, and dropped.
    pub purged: u64,
}

/// What a record became within a commit.
struct Written {
    id: RecordId,
    document: Document,
    /// The version that the last edit was drafted from, and the one it led to.
    drafted: Option<(Heads, Heads)>,
}

impl Notebook {
    /// Makes a change durable: on return it is on the disk, and the read model shows it.
    ///
    /// # Errors
    /// Nothing of the change is kept then. [`Error::Storage`] when the disk refuses; [`Error::Invalid`] when a text or
    /// value breaks a limit; [`Error::Unreadable`] when a record it touches is damaged.
    pub fn commit(&self, change: Change, origin: Origin) -> Result<Committed> {
        // A phone tells the time, and may want to write before it does: it is asked while no lock is held.
        let (now, has_photos) = (self.now(), !change.blobs.is_empty());
        let committed = {
            let mut writer = lock(&self.writer);
            self.commit_locked(&mut writer, change, now)?
        };
        if has_photos || !committed.touched.is_empty() {
            let mut areas: Vec<Area> = committed.touched.iter().map(|(kind, _)| kind.area()).collect();
            // Who shows a photo that comes behind them is not looked for: of people, anyone may.
            areas.extend(has_photos.then_some(Area::People));
            areas.sort_unstable();
            areas.dedup();
            self.tell(&Changed { areas, ids: committed.touched.iter().map(|(_, id)| *id).collect(), origin });
        }
        Ok(committed)
    }

    fn commit_locked(&self, writer: &mut Writer, change: Change, now: DateTime<Utc>) -> Result<Committed> {
        let Writer { connection, documents, actor_is_known, .. } = writer;
        let mut committed = Committed::default();
        let mut written: Vec<Written> = Vec::new();
        let mut after = query::Aftermath::default();
        let transaction = store::begin(connection)?;
        for (id, at) in &change.unchanged {
            if store::document_row(&transaction, *id)?.map(|row| row.heads) != *at {
                return Err(Error::Invalid("it was changed just now; look at it again, and repeat this".into()));
            }
        }
        let typed = !change.records.is_empty();
        if !*actor_is_known && typed {
            store::remember_actor(&transaction, &self.actor.0, None)?;
        }
        for blob in &change.blobs {
            if !super::sync::is_photo(blob) {
                return Err(Error::Invalid("a photo is a JPEG of at most 64 KiB".into()));
            }
            store::put_blob(
                &transaction,
                &BlobId::of(blob).0,
                blob,
                change.retold || (change.received.is_empty() && change.segment.is_none()),
            )?;
        }
        for mut record in change.records {
            // A record edited twice in one change builds on its first edit.
            let before = written.iter().position(|w| w.id == record.id).map(|at| written.swap_remove(at));
            let base = record.at.clone();
            if let Some((_, to)) =
                before.as_ref().and_then(|b| b.drafted.as_ref()).filter(|(from, _)| Some(from) == base.as_ref())
            {
                record.at = Some(to.clone());
            }
            let taken = before.map(|written| written.document).or_else(|| documents.remove(&record.id));
            let (document, tip) =
                write_record(&transaction, &record, taken, self.actor, now.timestamp(), &mut committed, &mut after)?;
            let drafted = base.map(|base| (base, tip));
            written.push(Written { id: record.id, document, drafted });
        }
        let mut left_out = BTreeSet::new();
        for (id, changes) in &change.received {
            documents.remove(id);
            if store::is_purged(&transaction, *id)? {
                left_out.extend(changes.iter().flat_map(|bytes| photos_named_in(bytes)));
            }
            receive_record(&transaction, *id, changes, change.retold, &mut committed, &mut after)?;
        }
        for id in &change.purged {
            documents.remove(id);
            written.retain(|written| written.id != *id);
            purge_record(&transaction, *id, &mut committed, &mut after)?;
        }
        if !change.purged.is_empty() {
            query::forget_words(&transaction)?;
        }
        query::settle(&transaction, &after)?;
        if let Some(segment) = &change.segment {
            remember_segment(&transaction, segment)?;
        }
        leave_photos_out(&transaction, left_out)?;
        for (key, value) in &change.meta {
            store::set_meta(&transaction, key, value)?;
        }
        transaction.commit()?;
        // Only now is any of it kept in memory: what failed before here was taken out of `documents` and is reloaded.
        *actor_is_known |= typed;
        if documents.len() + written.len() > MAX_DOCUMENTS {
            documents.clear();
        }
        documents.extend(written.into_iter().take(MAX_DOCUMENTS).map(|written| (written.id, written.document)));
        committed.touched.sort_unstable();
        committed.touched.dedup();
        Ok(committed)
    }
}

/// Edits one record; returns its document as it will be once the transaction is committed, and the version that the
/// draft itself became.
fn write_record(
    connection: &Connection,
    record: &RecordChange,
    taken: Option<Document>,
    actor: Actor,
    unix_seconds: i64,
    committed: &mut Committed,
    after: &mut query::Aftermath,
) -> Result<(Document, Heads)> {
    if store::is_purged(connection, record.id)? {
        return Err(Error::Invalid("this record was deleted for good and cannot be written any more".into()));
    }
    let row = store::document_row(connection, record.id)?;
    if row.as_ref().is_some_and(store::DocumentRow::is_only_told) {
        return Err(super::sync::still_to_come());
    }
    let mut changes = Vec::new();
    let mut document = match (&row, taken) {
        // Another process may have written since: its version counts.
        (Some(row), Some(document)) if document.heads() == row.heads => document,
        (Some(row), _) => store::load(connection, row)?,
        (None, _) if record.kind.is_singleton() => {
            let (document, first) = Document::singleton(record.kind, record.id)?;
            changes.push(first);
            document
        }
        (None, _) => Document::default(),
    };
    let base = record.at.clone().unwrap_or_else(|| document.heads());
    let apart = base != document.heads();
    let edited =
        document.edit(record.kind, &record.edits, record.at.as_ref(), actor, unix_seconds, record.by_import)?;
    let tip = match edited.last() {
        Some(last) if apart => Heads::of_change(last),
        Some(_) => document.heads(),
        None => base,
    };
    changes.extend(edited);
    if !changes.is_empty() {
        let became = (&document.heads(), &document.read());
        keep(connection, record.id, row.as_ref(), became, &changes, true, committed, after)?;
    }
    Ok((document, tip))
}

/// Takes changes of one record from another device, with those that waited for them.
fn receive_record(
    connection: &Connection,
    id: RecordId,
    changes: &[Vec<u8>],
    retold: bool,
    committed: &mut Committed,
    after: &mut query::Aftermath,
) -> Result<()> {
    if store::is_purged(connection, id)? {
        committed.purged += changes.len() as u64;
        return Ok(());
    }
    let row = store::document_row(connection, id)?;
    let document = match row.as_ref().map(|row| store::load(connection, row)).transpose() {
        Ok(document) => document.unwrap_or_default(),
        Err(Error::Unreadable(why)) => {
            // What came is kept for the day the record is mended.
            let why = format!("{RECORD_UNREADABLE}{why}");
            return set_aside(connection, id, changes.iter().map(|bytes| (bytes.clone(), why.clone())), committed);
        }
        Err(error) => return Err(error),
    };
    let waited = store::take_waiting(connection, id)?;
    let to_tell: BTreeSet<[u8; 32]> =
        waited.iter().filter(|(_, retold)| *retold).map(|(change, _)| change.hash).collect();
    // Those that waited before have the first right to go on waiting.
    let mut all: Vec<Vec<u8>> = waited.into_iter().map(|(change, _)| change.bytes).collect();
    all.extend_from_slice(changes);
    let mut admission = document.admit(&all);
    let kind = admission.reading.kind.as_deref().and_then(Kind::from_word);
    if let Some(kind) = kind.filter(|kind| kind.is_singleton() && !admission.document.begins_as_singleton(*kind, id)) {
        admission = document.admit_singleton(kind, id, &all)?;
    }
    let Admission { document, reading, added, waiting, refused } = admission;
    // What was set aside before and came again may be taken now.
    store::let_out_of_quarantine(connection, id, changes)?;
    set_aside(connection, id, refused.into_iter(), committed)?;
    let (waiting, too_many) = waiting.split_at(waiting.len().min(MOST_WAITING));
    for (change, missing) in waiting {
        store::put_waiting(connection, id, change, *missing, retold || to_tell.contains(&change.hash))?;
    }
    committed.waiting += waiting.len() as u64;
    let why = || format!("{NOT_NOW}too many changes of its record wait already for others that have not come");
    set_aside(connection, id, too_many.iter().map(|(change, _)| (change.bytes.clone(), why())), committed)?;
    if added.is_empty() {
        return Ok(());
    }
    keep(connection, id, row.as_ref(), (&document.heads(), &reading), &added, retold, committed, after)?;
    if !retold && !to_tell.is_empty() {
        store::tell_again(connection, id, &to_tell)?;
    }
    Ok(())
}

/// Takes a record out of the file, with the photos it ever showed and nobody else shows.
fn purge_record(
    connection: &Connection,
    id: RecordId,
    committed: &mut Committed,
    after: &mut query::Aftermath,
) -> Result<()> {
    let record = query::pages::get_any(connection, id)?;
    let photos = photos_ever_shown(connection, id)?;
    if let Some(n) = store::purge(connection, id)? {
        query::forget(connection, n, after)?;
    }
    for blob in photos {
        if !query::is_blob_used(connection, &blob)? {
            store::purge_blob(connection, &blob)?;
        }
    }
    let Some(record) = record else { return Ok(()) };
    committed.touched.push((record.kind(), id));
    Ok(())
}

/// Under which name the notebook remembers photos that words for records named which are gone for good.
const PHOTOS_LEFT_OUT: &str = "photos_left_out";
/// How many of them: a photo comes right behind the change that names it.
const MOST_LEFT_OUT: usize = 256;
/// How many letters name a photo.
const PHOTO_NAME: usize = 64;

/// What in a change may be the name of a photo.
fn photos_named_in(change: &[u8]) -> BTreeSet<String> {
    let runs = change.split(|byte| !byte.is_ascii_digit() && !(b'a'..=b'f').contains(byte));
    let names = runs.filter(|run| run.len() >= PHOTO_NAME).flat_map(|run| run.windows(PHOTO_NAME).take(PHOTO_NAME));
    names.filter_map(|name| String::from_utf8(name.to_vec()).ok()).take(MOST_LEFT_OUT).collect()
}

/// Remembers photos that came with, or come after, words for a record that is gone for good: they are not kept as long as
/// others when nobody shows them. They do not go at once, for the same photo may be somebody else's who has not come yet.
fn leave_photos_out(connection: &Connection, named: BTreeSet<String>) -> Result<()> {
    if named.is_empty() {
        return Ok(());
    }
    let mut all = photos_left_out(connection)?;
    all.retain(|id| !named.contains(id));
    all.extend(named);
    all.drain(..all.len().saturating_sub(MOST_LEFT_OUT));
    store::set_meta(connection, PHOTOS_LEFT_OUT, all.join(" "))
}

/// The photos that words for records named which are gone for good.
pub(super) fn photos_left_out(connection: &Connection) -> Result<Vec<String>> {
    let all: Option<String> = store::meta(connection, PHOTOS_LEFT_OUT)?;
    Ok(all.unwrap_or_default().split_whitespace().map(String::from).collect())
}

/// The photos that a record shows, or did at any time; a damaged history tells of none.
fn photos_ever_shown(connection: &Connection, id: RecordId) -> Result<BTreeSet<String>> {
    let Some(row) = store::document_row(connection, id)? else { return Ok(BTreeSet::new()) };
    let history = store::load(connection, &row).map(|document| document.history()).unwrap_or_default();
    let mut shown = BTreeSet::new();
    for value in history.iter().flat_map(|change| &change.steps).filter_map(|step| step.value.as_ref()?.as_str()) {
        if store::blob(connection, value)?.is_some() {
            shown.insert(value.to_string());
        }
    }
    if let Some(record) = query::pages::get_any(connection, id)? {
        shown.extend(record.facts().blobs.into_iter().map(|blob| blob.0));
    }
    Ok(shown)
}

fn set_aside(
    connection: &Connection,
    id: RecordId,
    refused: impl Iterator<Item = (Vec<u8>, String)>,
    committed: &mut Committed,
) -> Result<()> {
    for (bytes, why) in refused {
        store::put_quarantine(connection, id, &bytes, &why)?;
        committed.refused.push(why);
    }
    Ok(())
}

/// Writes changes and rows of one record.
#[allow(clippy::too_many_arguments)] // the one place where store and query meet
fn keep(
    connection: &Connection,
    id: RecordId,
    row: Option<&store::DocumentRow>,
    (heads, reading): (&Heads, &Reading),
    changes: &[RawChange],
    own: bool,
    committed: &mut Committed,
    after: &mut query::Aftermath,
) -> Result<()> {
    let n = store::append(connection, id, row, heads, changes, own)?;
    query::project(connection, n, id, reading, after)?;
    committed.changes += changes.len() as u64;
    if let Some(kind) = reading.kind.as_deref().and_then(Kind::from_word) {
        committed.touched.push((kind, id));
    }
    Ok(())
}

fn remember_segment(connection: &Connection, segment: &ReceivedSegment) -> Result<()> {
    let ReceivedSegment { place, state, bytes, author, device, made_at, actors, owns_its_log } = segment;
    segments::put(connection, &NewSegment { place, state: *state, bytes })?;
    if *owns_its_log {
        segments::set_owner(connection, place.log, *author)?;
    }
    if *state == SegmentState::Taken {
        store::remember_device(connection, place.log, device, made_at)?;
    }
    actors.iter().try_for_each(|actor| store::remember_actor(connection, actor, Some(place.log)))
}
