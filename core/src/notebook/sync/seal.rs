//! What this device has to tell: its outbox sealed into segments of its log.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::meanwhile::is_old;
use super::{SetAside, SyncReport};
use crate::document::gate;
use crate::error::{Error, Result};
use crate::model::RecordId;
use crate::notebook::{Notebook, Progress, lock};
use crate::store;
use crate::store::segments::{self, NewSegment, SegmentPlace, SegmentState};
use crate::sync::LogId;
use crate::sync::keystore::KeyStore;
use crate::sync::member::Member;
use crate::sync::segment::{self, Item, Plaintext, READER, ROOM, Retired};

/// Under which name the notebook remembers its log, and the one before it.
pub(in crate::notebook) const LOG: &str = "log";
const RETIRED: &str = "retired";

/// What the next segment is made of.
#[derive(Default)]
struct Outgoing {
    items: Vec<Item>,
    actors: BTreeSet<Vec<u8>>,
    chunks: Vec<i64>,
    blobs: Vec<String>,
}

impl Notebook {
    /// Our log; a new one when this notebook never had one, was restored or was copied. What was handed out of a log is
    /// remembered outside the notebook: when the two disagree, one of them is not what it was.
    pub(super) fn log_of(&self, member: &Member, keys: &dyn KeyStore, report: &mut SyncReport) -> Result<LogId> {
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        let log: Option<LogId> = store::meta(&transaction, LOG)?;
        if let Some(log) = log {
            let last = segments::last(&transaction, log)?;
            let written = last.as_ref().map_or(0, |last| last.seq);
            let is_ours = segments::owner(&transaction, log)?.is_none_or(|owner| owner == member.device().0);
            if is_ours && keys.highest(log)? == Some(written) && !segments::is_forked(&transaction, log)? {
                return Ok(log);
            }
            report.new_log = true;
            if let Some(last) = last.filter(|_| is_ours) {
                let retired = [&log[..], &last.seq.to_be_bytes(), &last.hash].concat();
                store::set_meta(&transaction, RETIRED, retired)?;
            }
        }
        let log = self.with_random(|random| {
            let mut log = [0; 16];
            random(&mut log);
            log
        });
        keys.raise(log, 0)?;
        store::set_meta(&transaction, LOG, log)?;
        segments::set_owner(&transaction, log, member.device().0)?;
        transaction.commit()?;
        Ok(log)
    }

    /// Moves the outbox into segments of our log. `progress` hears of each. What is written after a removal is sealed under
    /// the key that began with it, however long before this began.
    pub(super) fn seal_segments(
        &self,
        member: &mut Member,
        log: LogId,
        keys: &dyn KeyStore,
        report: &mut SyncReport,
        progress: Progress<'_>,
    ) -> Result<()> {
        let no_key = || {
            Error::SyncFirst(
                "the list of devices has no room left for this one to begin a new key, so nothing is sent for now; nothing \
                 is lost, and it goes on once another device has synced"
                    .into(),
            )
        };
        let mut epoch = member.write_epoch().ok_or_else(no_key)?;
        let (mut seen, mut written) = (self.seen_to_tell(member)?, 0);
        let made_at_unix_ms = self.unix_ms();
        loop {
            let mut writer = lock(&self.writer);
            let transaction = store::begin(&mut writer.connection)?;
            if is_old(member, segments::count_entries(&transaction)?) {
                drop(transaction);
                drop(writer);
                self.keep_up(member, keys)?;
                epoch = member.write_epoch().ok_or_else(no_key)?;
                continue;
            }
            let own: HashSet<Vec<u8>> = store::own_actors(&transaction)?.into_iter().collect();
            let (changes, unreadable) = store::outgoing(&transaction, ROOM)?;
            let next = next_items(&own, changes, store::outgoing_blobs(&transaction, ROOM)?);
            if next.items.is_empty() {
                report.set_aside.extend(unreadable.into_iter().map(unsent));
                return Ok(());
            }
            let last = segments::last(&transaction, log)?;
            let seq = last.as_ref().map_or(1, |last| last.seq + 1);
            let retired: Option<Vec<u8>> = store::meta(&transaction, RETIRED)?;
            let text = Plaintext {
                min_reader: READER,
                device: member.device(),
                log,
                prev: last.map(|last| last.hash).unwrap_or_default(),
                actors: next.actors.into_iter().collect(),
                retires: retired.filter(|_| seq == 1).as_deref().and_then(read_retired),
                made_at_unix_ms,
                app_version: env!("CARGO_PKG_VERSION").into(),
                items: next.items,
                seen: std::mem::take(&mut seen),
                ..Plaintext::default()
            };
            let bytes =
                self.with_random(|random| segment::seal(&text, &epoch, member.keys().signing_key(), seq, random))?;
            let at = SegmentPlace { log, seq, hash: segment::hash(&bytes), prev: text.prev };
            segments::put(&transaction, &NewSegment { place: &at, state: SegmentState::Taken, bytes: &bytes })?;
            if !text.seen.is_empty() {
                let (name, mark) = Self::told_mark(&text.seen);
                store::set_meta(&transaction, name, mark)?;
            }
            store::clear_outgoing(&transaction, &next.chunks)?;
            for blob in &next.blobs {
                store::clear_outgoing_blob(&transaction, blob)?;
            }
            // Before the segment is there: a number that was remembered and not used costs a new log, the other way
            // round the number could be used twice.
            keys.raise(log, seq)?;
            transaction.commit()?;
            report.sent += next.chunks.len() as u64;
            drop(writer);
            written += 1;
            progress(written, written)?;
        }
    }
}

fn unsent(record: RecordId) -> SetAside {
    let why = "what was written in it cannot be read here, so the other devices do not get it; run `kith doctor`";
    SetAside { file: format!("record {record}"), why: why.into() }
}

/// As much of the outbox as fits in one segment.
fn next_items(own: &HashSet<Vec<u8>>, changes: Vec<store::Outgoing>, blobs: Vec<(String, Vec<u8>)>) -> Outgoing {
    let (mut next, mut room) = (Outgoing::default(), ROOM);
    for out in changes {
        let actor = gate::actor_of(&out.change.bytes).map(<[u8]>::to_vec).unwrap_or_default();
        let reissued = !own.contains(&actor);
        let item = Item::Change { record: out.id, bytes: out.change.bytes, reissued, unknown: BTreeMap::new() };
        if item.size() > room || next.items.len() >= segment::MAX_ITEMS || next.actors.len() >= segment::MAX_ACTORS {
            return next;
        }
        room -= item.size();
        next.items.push(item);
        next.chunks.push(out.chunk);
        if !reissued {
            next.actors.insert(actor);
        }
    }
    for (id, bytes) in blobs {
        let item = Item::Blob { bytes, unknown: BTreeMap::new() };
        if item.size() > room || next.items.len() >= segment::MAX_ITEMS {
            return next;
        }
        room -= item.size();
        next.items.push(item);
        next.blobs.push(id);
    }
    next
}

fn read_retired(bytes: &[u8]) -> Option<Retired> {
    let (log, rest) = bytes.split_first_chunk::<16>()?;
    let (last, hash) = rest.split_first_chunk::<8>()?;
    Some(Retired { log: *log, last: u64::from_be_bytes(*last), hash: hash.try_into().ok()? })
}
