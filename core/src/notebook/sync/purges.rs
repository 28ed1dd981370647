//! Deleting for good on every device: what one device deleted is said in the roster, and the others do the same. The words
//! then still lie sealed in segments, until a renewal.
//!
//! A stolen unlocked phone must not be able to empty a notebook: only so much is deleted on the word of others alone.
//! Beyond that, everything stays as it is here until somebody on this device agrees.

use std::collections::{BTreeSet, HashSet};

use super::{SetAside, SyncReport};
use crate::error::Result;
use crate::model::{AnyRecord, Kind, Note, RecordId};
use crate::notebook::purge::{UNSCRUBBED, successor_of};
use crate::notebook::{Change, Notebook, Origin};
use crate::query::{self, pages};
use crate::store;
use crate::sync::hex;
use crate::sync::member::{Member, Written};
use crate::sync::roster::{Act, MAX_PURGED, Purge};

/// How much is deleted on the word of other devices, since somebody on this one last agreed.
const MAX_PEOPLE: u64 = 3;
const MAX_RECORDS: u64 = 200;
/// So many of what would be deleted are named.
const MOST_NAMED: usize = 5;
/// How many ids of records that are not here are noted so, whoever agrees: beyond that, one is deleted once it has come.
const MAX_NOTED: u64 = 20_000;
/// What is told when the others cannot be told of a deletion.
const NO_ROOM_TO_SAY: &str = "this device has said there as much as one device may, so the others do not hear what it \
    deletes for good; remove it from another device and let it in anew";
/// How much that was, as [`Since`] in numbers with blanks between.
const SINCE: &str = "purged_for_others";
/// The entries that somebody on this device does not follow, by their ids, with blanks between.
const REFUSED: &str = "purges_refused";

/// A deletion for good that waits for somebody on this device to agree.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct WaitingPurge {
    /// Which: 16 hexadecimal digits.
    pub id: String,
    /// The device that did it.
    pub by: String,
    /// Whether that device was removed since.
    pub is_by_removed: bool,
    /// How many people it deletes here.
    pub people: u64,
    /// How many records, those of the people included.
    pub records: u64,
    /// How the people are called, else the records: five at most.
    pub names: Vec<String>,
    /// Whether it was written anew without some of its words, and what stands for it is here.
    pub is_rewritten: bool,
}

/// What an entry of the roster would delete here.
struct Deletion {
    id: String,
    by: String,
    is_by_removed: bool,
    people: u64,
    records: u64,
    names: Vec<String>,
    ids: BTreeSet<RecordId>,
    /// What stands for the one record, if it was written anew without some of its words.
    successor: Option<RecordId>,
    /// That has not come. Until it has, the record with the old words is all there is, and stays.
    is_early: bool,
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
        let (mut rewritten, mut gone) = (Vec::new(), Vec::new());
        for id in unsaid {
            match self.successor_here(id)? {
                Some(successor) => rewritten.push((id, successor)),
                None => gone.push(id),
            }
        }
        let acts = rewritten.iter().map(|(id, successor)| (vec![*id], Some(*successor)));
        let acts = acts.chain(gone.chunks(MAX_PURGED).map(|records| (records.to_vec(), None)));
        let say = |(records, successor)| {
            let act = Act::Purge { records, successor };
            self.with_random(|random| member.say_if_there_is_room(act, now, random))
        };
        Ok(acts.map_while(say).collect())
    }

    /// What was put in the place of a record whose words were taken out, if that is here.
    fn successor_here(&self, id: RecordId) -> Result<Option<RecordId>> {
        let successor = successor_of(id);
        let row = self.read(|connection| store::document_row(connection, successor))?;
        Ok(row.filter(|row| !row.is_only_told()).map(|_| successor))
    }

    fn unsaid_purges(&self, member: &Member) -> Result<Vec<RecordId>> {
        let mut unsaid: BTreeSet<RecordId> = self.read(store::purged)?.into_iter().collect();
        member.roster().purges.iter().flat_map(|purge| &purge.records).for_each(|id| {
            unsaid.remove(id);
        });
        Ok(unsaid.into_iter().collect())
    }

    /// Deletes here what others deleted for good, as far as their word is enough. Tells if there was no room to say what was
    /// deleted here.
    pub(super) fn take_purges(&self, member: &Member, report: &mut SyncReport) -> Result<()> {
        let no_room = SetAside { file: "the list of devices".into(), why: NO_ROOM_TO_SAY.into() };
        if !self.unsaid_purges(member)?.is_empty() && !report.set_aside.contains(&no_room) {
            report.set_aside.push(no_room);
        }
        let mut done = self.since()?;
        for deletion in self.deletions(member)?.into_iter().filter(|deletion| !deletion.is_early) {
            let more = done.with(&deletion);
            if more.is_too_much() {
                report.purges_waiting.push(deletion.waiting());
                continue;
            }
            done = more;
            self.take_deletion(deletion, done.written(), report)?;
        }
        Ok(())
    }

    /// Once more after reading: what stands for a record that was written anew may have come. If not, the record goes on its
    /// way to the others with what was written here into it, to whom it comes too late: a note keeps that.
    pub(super) fn take_early_purges(&self, member: &Member, report: &mut SyncReport) -> Result<()> {
        if !self.has_early_purges(member)? {
            return Ok(());
        }
        report.purges_waiting.clear();
        self.take_purges(member, report)?;
        for deletion in self.deletions(member)?.into_iter().filter(|deletion| deletion.is_early) {
            if let Some(note) = self.note_of(&deletion)? {
                report.kept_in_notes += 1;
                self.put(note)?;
            }
        }
        Ok(())
    }

    /// Whether another device wrote a record anew that is not yet deleted for good here.
    fn has_early_purges(&self, member: &Member) -> Result<bool> {
        for purge in member.roster().purges.iter().filter(|purge| purge.successor.is_some()) {
            for id in &purge.records {
                if !self.read(|connection| store::is_purged(connection, *id))? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What was written here and nowhere else into a record that was written anew.
    fn note_of(&self, deletion: &Deletion) -> Result<Option<Note>> {
        match (deletion.successor, deletion.ids.first().filter(|_| deletion.records > 0)) {
            (Some(successor), Some(id)) => self.note_of_unsent(*id, successor, &deletion.by),
            _ => Ok(None),
        }
    }

    fn take_deletion(&self, deletion: Deletion, since: String, report: &mut SyncReport) -> Result<()> {
        if deletion.successor.is_none() {
            report.deleted += deletion.records;
            return self.delete_here(deletion.ids, since);
        }
        report.rewritten += deletion.records;
        let Some(note) = self.note_of(&deletion)? else { return self.delete_here(deletion.ids, since) };
        report.kept_in_notes += 1;
        let mut writing = self.write();
        writing.put(note)?;
        writing.commit_and_purge(deletion.ids, meta_of(since)).map(drop)
    }

    /// The deletions for good that wait for somebody on this device to agree.
    ///
    /// # Errors
    /// As [`Notebook::member`].
    pub fn purges_waiting(&self, keys: &dyn crate::sync::keystore::KeyStore) -> Result<Vec<WaitingPurge>> {
        let Some(member) = self.member(keys)? else { return Ok(Vec::new()) };
        let waits = |deletion: &&Deletion| deletion.records > 0 && !deletion.is_early;
        Ok(self.deletions(&member)?.iter().filter(waits).map(Deletion::waiting).collect())
    }

    /// Somebody on this device agrees to these: what others deleted for good there is deleted here too. Says how many
    /// records. One that does not wait, or not any more, is nothing.
    ///
    /// # Errors
    /// As [`Notebook::member`] and [`Notebook::commit`].
    pub fn agree_to_purges(&self, keys: &dyn crate::sync::keystore::KeyStore, ids: &[String]) -> Result<u64> {
        let Some(member) = self.member(keys)? else { return Ok(0) };
        let (mut records, mut noted) = (0, self.since()?.noted);
        let is_meant = |deletion: &Deletion| !deletion.is_early && ids.contains(&deletion.id);
        for deletion in self.deletions(&member)?.into_iter().filter(is_meant) {
            records += deletion.records;
            noted += deletion.noted();
            // What was written here meanwhile into a record written anew is kept in a note, whoever agreed.
            let since = Since { noted, ..Since::default() }.written();
            self.take_deletion(deletion, since, &mut SyncReport::default())?;
        }
        self.scrub_if_need_be()?;
        Ok(records)
    }

    /// Somebody on this device does not follow these: the records stay here, and nobody on this device is asked again. On
    /// devices that deleted them they do not come back. Says how many records.
    ///
    /// # Errors
    /// As [`Notebook::member`] and [`Notebook::commit`].
    pub fn refuse_purges(&self, keys: &dyn crate::sync::keystore::KeyStore, ids: &[String]) -> Result<u64> {
        let Some(member) = self.member(keys)? else { return Ok(0) };
        let (mut refused, mut records) = (self.refused_purges()?, 0);
        for deletion in self.deletions(&member)?.into_iter().filter(|deletion| ids.contains(&deletion.id)) {
            records += deletion.records;
            refused.insert(deletion.id);
        }
        let text = refused.into_iter().collect::<Vec<_>>().join(" ");
        self.commit(Change { meta: vec![(REFUSED, Some(text))], ..Change::default() }, Origin::Peer)?;
        Ok(records)
    }

    fn refused_purges(&self) -> Result<BTreeSet<String>> {
        let refused: Option<String> = self.read(|connection| store::meta(connection, REFUSED))?;
        Ok(refused.unwrap_or_default().split_whitespace().map(str::to_owned).collect())
    }

    /// What was deleted on the word of others alone.
    fn since(&self) -> Result<Since> {
        let since: Option<String> = self.read(|connection| store::meta(connection, SINCE))?;
        Ok(since.as_deref().and_then(read_since).unwrap_or_default())
    }

    /// What the roster says is deleted for good and is not yet here, an entry at a time: of records that are not here, as
    /// many as may still be noted, those beside records that are here among them.
    fn deletions(&self, member: &Member) -> Result<Vec<Deletion>> {
        let roster = member.roster();
        if roster.purges.is_empty() {
            return Ok(Vec::new());
        }
        let mut seen: HashSet<RecordId> = self.read(store::purged)?.into_iter().collect();
        let here = self.read(store::document_ids)?;
        let mut may_be_noted = MAX_NOTED.saturating_sub(self.since()?.noted);
        let rewritten: HashSet<RecordId> = roster.purges.iter().filter_map(written_anew).collect();
        let (mut deletions, mut early) = (Vec::new(), BTreeSet::new());
        let refused = self.refused_purges()?;
        for purge in roster.purges.iter().filter(|purge| !refused.contains(&id_of(purge))) {
            let (of_here, of_none): (Vec<RecordId>, Vec<RecordId>) =
                purge.records.iter().filter(|id| !seen.contains(*id)).partition(|id| here.contains(*id));
            let of_none: BTreeSet<RecordId> = of_none.into_iter().take(may_be_noted as usize).collect();
            let records: BTreeSet<RecordId> = of_here.into_iter().collect();
            let ids: BTreeSet<RecordId> = records.union(&of_none).copied().collect();
            if ids.is_empty() {
                continue;
            }
            let successor = match (written_anew(purge), &purge.records[..]) {
                (Some(_), _) => purge.successor,
                (None, [only]) => self.successor_here(*only)?,
                _ => None,
            };
            // Nor is it noted where the record never came: if nobody hears of its author again it is whole with the others.
            let is_early = match successor {
                Some(successor) => !self.has_come(successor, &rewritten, &seen)?,
                None => false,
            };
            if is_early && !early.insert(successor) {
                continue;
            }
            may_be_noted -= if is_early { 0 } else { of_none.len() as u64 };
            // Somebody else may delete the same for good, and not write it anew.
            seen.extend(ids.iter().filter(|_| !is_early));
            let (people, names) = self.people_among(&records)?;
            // Who is written anew stays.
            let people = if successor.is_some() { 0 } else { people };
            let records = records.len() as u64;
            let (id, by) = (id_of(purge), roster.name_of(&purge.by));
            let is_by_removed = roster.device(&purge.by).is_none();
            deletions.push(Deletion { id, by, is_by_removed, people, records, names, ids, successor, is_early });
        }
        Ok(deletions)
    }

    /// Whether what stands for a record is here, and not only told by a checkpoint, or was deleted for good itself; if it was
    /// written anew in its turn, what stands for that.
    fn has_come(
        &self,
        mut successor: RecordId,
        rewritten: &HashSet<RecordId>,
        gone: &HashSet<RecordId>,
    ) -> Result<bool> {
        let is_here = |id| -> Result<bool> {
            let row = self.read(|connection| store::document_row(connection, id))?;
            Ok(row.is_some_and(|row| !row.is_only_told()))
        };
        while rewritten.contains(&successor) && !is_here(successor)? {
            successor = successor_of(successor);
        }
        Ok(gone.contains(&successor) || is_here(successor)?)
    }

    /// How many people are among these records, and how some of them are called; some of the records where there are none.
    fn people_among(&self, records: &BTreeSet<RecordId>) -> Result<(u64, Vec<String>)> {
        let all = self.read(|connection| {
            let record = |id: &RecordId| pages::get_any(connection, *id);
            records.iter().filter_map(|id| record(id).transpose()).collect::<Result<Vec<AnyRecord>>>()
        })?;
        let is_person = |record: &&AnyRecord| record.kind() == Kind::Contact;
        let people = all.iter().filter(is_person).count();
        let named = all.iter().filter(|record| people == 0 || is_person(record));
        Ok((people as u64, named.take(MOST_NAMED).map(query::title_of).collect()))
    }

    fn delete_here(&self, ids: BTreeSet<RecordId>, since: String) -> Result<()> {
        self.commit(Change { purged: ids, meta: meta_of(since), ..Change::default() }, Origin::Peer).map(drop)
    }
}

/// By what a person's answer names an entry.
fn id_of(purge: &Purge) -> String {
    hex(&purge.entry.0[..8])
}

/// The record that this says was written anew.
fn written_anew(purge: &Purge) -> Option<RecordId> {
    match purge.records[..] {
        [only] if purge.successor == Some(successor_of(only)) => Some(only),
        _ => None,
    }
}

/// What is remembered with a deletion.
fn meta_of(since: String) -> Vec<(&'static str, Option<String>)> {
    vec![(SINCE, Some(since)), (UNSCRUBBED, Some("1".into()))]
}

impl Deletion {
    fn waiting(&self) -> WaitingPurge {
        let Self { is_by_removed, people, records, .. } = *self;
        let (id, by, names) = (self.id.clone(), self.by.clone(), self.names.clone());
        WaitingPurge { id, by, is_by_removed, people, records, names, is_rewritten: self.successor.is_some() }
    }

    /// How many of the records are not here.
    fn noted(&self) -> u64 {
        (self.ids.len() as u64).saturating_sub(self.records)
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
            noted: self.noted + more.noted(),
        }
    }

    fn is_too_much(&self) -> bool {
        self.people > MAX_PEOPLE || self.records > MAX_RECORDS
    }

    fn written(&self) -> String {
        format!("{} {} {}", self.people, self.records, self.noted)
    }
}
