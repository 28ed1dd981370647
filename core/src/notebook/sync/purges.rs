//! Deleting for good on every device: what one device deleted is said in the roster, and the others do the same. The words
//! then still lie sealed in segments, until a renewal.
//!
//! A stolen unlocked phone must not be able to empty a notebook: only so much is deleted on the word of others alone.
//! Beyond that, everything stays as it is here until somebody on this device agrees.

use std::collections::BTreeSet;

use super::{SetAside, SyncReport};
use crate::error::Result;
use crate::model::{Kind, RecordId};
use crate::notebook::purge::UNSCRUBBED;
use crate::notebook::{Change, Notebook, Origin};
use crate::query::pages;
use crate::store;
use crate::sync::member::{Member, Written};
use crate::sync::roster::{Act, MAX_PURGED};

/// How much is deleted on the word of other devices, since somebody on this one last agreed.
const MAX_PEOPLE: u64 = 3;
const MAX_RECORDS: u64 = 200;
/// How many ids of records that are not here are noted so: beyond that, one is deleted once it has come.
const MAX_NOTED: u64 = 20_000;
/// What is told when the others cannot be told of a deletion.
const NO_ROOM_TO_SAY: &str = "this device has said there as much as one device may, so the others do not hear what it \
    deletes for good; remove it from another device and let it in anew";
/// How much that was, as [`Since`] in numbers with blanks between.
const SINCE: &str = "purged_for_others";

/// A deletion for good that waits for somebody on this device to agree.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct WaitingPurge {
    /// The device that did it.
    pub by: String,
    /// How many people it deletes here.
    pub people: u64,
    /// How many records, those of the people included.
    pub records: u64,
}

/// What an entry of the roster would delete here.
struct Deletion {
    by: String,
    people: u64,
    records: u64,
    ids: BTreeSet<RecordId>,
}

/// What was deleted on the word of others alone.
#[derive(Clone, Copy, Default)]
struct Since {
    people: u64,
    records: u64,
    noted: u64,
}

impl Notebook {
    /// Says what was deleted for good here and nobody has said yet.
    pub(super) fn say_purges(&self, member: &mut Member) -> Result<Vec<Written>> {
        let unsaid = self.unsaid_purges(member)?;
        let now = self.unix_ms();
        let say = |records: &[RecordId]| {
            let act = Act::Purge { records: records.to_vec(), successor: None };
            self.with_random(|random| member.say_if_there_is_room(act, now, random))
        };
        Ok(unsaid.chunks(MAX_PURGED).map_while(say).collect())
    }

    fn unsaid_purges(&self, member: &Member) -> Result<Vec<RecordId>> {
        let said: BTreeSet<RecordId> =
            member.roster().purges.iter().flat_map(|purge| purge.records.iter().copied()).collect();
        Ok(self.read(store::purged)?.into_iter().filter(|id| !said.contains(id)).collect())
    }

    /// Deletes here what others deleted for good, as far as their word is enough. Tells if there was no room to say what was
    /// deleted here.
    pub(super) fn take_purges(&self, member: &Member, report: &mut SyncReport) -> Result<()> {
        if !self.unsaid_purges(member)?.is_empty() {
            report.set_aside.push(SetAside { file: "the list of devices".into(), why: NO_ROOM_TO_SAY.into() });
        }
        let since: Option<String> = self.read(|connection| store::meta(connection, SINCE))?;
        let mut done = since.as_deref().and_then(read_since).unwrap_or_default();
        for deletion in self.deletions(member)? {
            let more = done.with(&deletion);
            if more.is_too_much() {
                if deletion.records > 0 {
                    report.purges_waiting.push(deletion.waiting());
                }
                continue;
            }
            done = more;
            report.deleted += deletion.records;
            self.delete_here(deletion.ids, done.written())?;
        }
        Ok(())
    }

    /// The deletions for good that wait for somebody on this device to agree.
    ///
    /// # Errors
    /// As [`Notebook::member`].
    pub fn purges_waiting(&self, keys: &dyn crate::sync::keystore::KeyStore) -> Result<Vec<WaitingPurge>> {
        let Some(member) = self.member(keys)? else { return Ok(Vec::new()) };
        Ok(self.deletions(&member)?.iter().filter(|deletion| deletion.records > 0).map(Deletion::waiting).collect())
    }

    /// Somebody on this device agrees: whatever others deleted for good is deleted here too. Says how many records.
    ///
    /// # Errors
    /// As [`Notebook::member`] and [`Notebook::commit`].
    pub fn agree_to_purges(&self, keys: &dyn crate::sync::keystore::KeyStore) -> Result<u64> {
        let Some(member) = self.member(keys)? else { return Ok(0) };
        let mut records = 0;
        for deletion in self.deletions(&member)? {
            records += deletion.records;
            self.delete_here(deletion.ids, Since::default().written())?;
        }
        self.scrub_if_need_be()?;
        Ok(records)
    }

    /// What the roster says is deleted for good and is not here, an entry at a time.
    fn deletions(&self, member: &Member) -> Result<Vec<Deletion>> {
        let roster = member.roster();
        let mut seen: BTreeSet<RecordId> = self.read(store::purged)?.into_iter().collect();
        let mut deletions = Vec::new();
        for purge in &roster.purges {
            let ids: BTreeSet<RecordId> = purge.records.iter().copied().filter(|id| seen.insert(*id)).collect();
            if ids.is_empty() {
                continue;
            }
            let (mut people, mut records) = (0, 0);
            for id in &ids {
                self.read(|connection| {
                    records += u64::from(store::document_row(connection, *id)?.is_some());
                    let record = pages::get_any(connection, *id)?;
                    people += u64::from(record.is_some_and(|record| record.kind() == Kind::Contact));
                    Ok(())
                })?;
            }
            deletions.push(Deletion { by: roster.name_of(&purge.by), people, records, ids });
        }
        Ok(deletions)
    }

    fn delete_here(&self, ids: BTreeSet<RecordId>, since: String) -> Result<()> {
        let meta = vec![(SINCE, Some(since)), (UNSCRUBBED, Some("1".into()))];
        self.commit(Change { purged: ids, meta, ..Change::default() }, Origin::Peer).map(drop)
    }
}

impl Deletion {
    fn waiting(&self) -> WaitingPurge {
        WaitingPurge { by: self.by.clone(), people: self.people, records: self.records }
    }
}

fn read_since(text: &str) -> Option<Since> {
    let mut numbers = text.split(' ').map(|number| number.parse().ok());
    Some(Since { people: numbers.next()??, records: numbers.next()??, noted: numbers.next().flatten().unwrap_or(0) })
}

impl Since {
    fn with(&self, more: &Deletion) -> Self {
        Self {
            people: self.people + more.people,
            records: self.records + more.records,
            noted: self.noted + (more.ids.len() as u64).saturating_sub(more.records),
        }
    }

    fn is_too_much(&self) -> bool {
        self.people > MAX_PEOPLE || self.records > MAX_RECORDS || self.noted > MAX_NOTED
    }

    fn written(&self) -> String {
        format!("{} {} {}", self.people, self.records, self.noted)
    }
}
