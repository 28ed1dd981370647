//! Checkpoints: what this device tells a new one in advance, and what a new one makes of it. A record that was only told
//! is shown, cannot be changed, and is replaced by its own changes when they come; one whose changes never come goes.

use std::collections::BTreeMap;

use chrono::Datelike;

use super::meanwhile::is_old;
use super::seen::{Missing, SEEN};
use super::{SyncReport, shelf};
use crate::error::{Error, Result};
use crate::model::Kind;
use crate::notebook::{Changed, Notebook, Origin, all_areas, lock};
use crate::query::{self, Aftermath};
use crate::store;
use crate::store::segments;
use crate::sync::carrier::Mailbox;
use crate::sync::carrier::mailbox::Item as Found;
use crate::sync::checkpoint::{self, MAX_PART, MAX_TOLD, Name, Text, Told};
use crate::sync::keys::{DeviceId, EpochKeys};
use crate::sync::member::Member;

/// Under which name the notebook remembers on which day some of its records were told.
const TOLD: &str = "told";
/// Bytes of segments from which on a checkpoint is of use: less is read in no time.
const LEAST: u64 = 16 * 1024;
/// So many more, or half as many again, and a new one is written.
const MORE: u64 = 5 * 1024 * 1024;
/// So many days what was told may take to come.
const DAYS: i32 = 2;
/// Records that are shown together, so that the lock is held for some 50 ms at most.
const SLICE: usize = 256;

impl Notebook {
    /// Sees to it that a mailbox has a checkpoint that is not too old, and no older one. Only a device that has all there
    /// is writes one.
    pub(super) fn put_checkpoint(
        &self,
        member: &Member,
        place: &dyn Mailbox,
        found: &[Found],
        missing: &Missing,
        report: &mut SyncReport,
    ) -> Result<()> {
        let lacks_nothing = missing.agreed == 0 && has_taken_all(report);
        let Some(epoch) = member.write_epoch().filter(|_| lacks_nothing) else { return Ok(()) };
        let tag = epoch.checkpoint_tag();
        let there: Vec<(Name, &Found)> =
            found.iter().filter_map(|found| Some((Name::parse(&found.name)?, found))).collect();
        let weight = self.read(segments::weight)?;
        // A device that knows so much more than this one, which lacks nothing, there is not: a name says what it likes.
        let newest = newest(&there, tag).filter(|newest| *newest <= weight.saturating_add(MORE));
        let is_due = |newest: u64| weight >= newest.saturating_add(MORE.min(newest / 2));
        if weight >= LEAST && newest.is_none_or(is_due) {
            if self.write_checkpoint(member, &epoch, place, weight, report)? {
                there.iter().for_each(|(_, found)| drop(place.delete(&found.name)));
            }
        } else {
            let is_old = |name: &Name| name.tag != tag || Some(name.weight) != newest;
            there.iter().filter(|(name, _)| is_old(name)).for_each(|(_, found)| drop(place.delete(&found.name)));
        }
        Ok(())
    }

    /// Says whether there is one now.
    fn write_checkpoint(
        &self,
        member: &Member,
        epoch: &EpochKeys,
        place: &dyn Mailbox,
        weight: u64,
        report: &mut SyncReport,
    ) -> Result<bool> {
        let parts = self.seal_checkpoint(member, epoch)?;
        for (at, bytes) in parts.iter().enumerate() {
            let [a, b, c, d, ..] = *blake3::hash(bytes).as_bytes();
            let (hash, part) = ([a, b, c, d], at + 1);
            let name = Name { tag: epoch.checkpoint_tag(), weight, hash, part, parts: parts.len() };
            shelf::put(place, &name.to_string(), bytes)?;
            report.written += 1;
        }
        Ok(!parts.is_empty())
    }

    /// Its parts; none when the list of devices is another by now, for then what is here is not for all who have the key.
    fn seal_checkpoint(&self, member: &Member, epoch: &EpochKeys) -> Result<Vec<Vec<u8>>> {
        let (told, entries) =
            self.read(|connection| Ok((query::to_tell(connection, MAX_TOLD)?, segments::count_entries(connection)?)))?;
        if is_old(member, entries) {
            return Ok(Vec::new());
        }
        let text = Text { told, seen: self.seen_for_newcomers(member)? };
        self.with_random(|random| checkpoint::seal(&text, epoch, member.keys().signing_key(), random))
    }

    /// The parts of a checkpoint for a device that has nothing yet; none while this one does not have all itself.
    pub(super) fn checkpoint_for_newcomer(&self, member: &Member) -> Result<Vec<Vec<u8>>> {
        let Some(epoch) = member.write_epoch() else { return Ok(Vec::new()) };
        if self.has_told_records()? || self.read(segments::weight)? < LEAST {
            return Ok(Vec::new());
        }
        self.seal_checkpoint(member, &epoch)
    }

    /// A device that has no segment yet shows what the newest checkpoint tells.
    pub(super) fn take_checkpoint(&self, member: &Member, place: &dyn Mailbox, found: &[Found]) -> Result<()> {
        if !self.is_newcomer()? {
            return Ok(());
        }
        let mut parts: Vec<(Name, &Found)> =
            found.iter().filter_map(|found| Some((Name::parse(&found.name)?, found))).collect();
        parts.sort_by_key(|(name, _)| (std::cmp::Reverse(name.weight), name.part));
        parts.truncate(checkpoint::MAX_PARTS);
        for (name, found) in parts {
            let bytes = super::optional(place.get(&found.name, MAX_PART as u64))?.flatten().unwrap_or_default();
            if blake3::hash(&bytes).as_bytes().starts_with(&name.hash) {
                self.take_part(member, &bytes)?;
            } else if bytes.len() as u64 == found.bytes {
                // Damaged: whoever has all there is writes another.
                let _ = place.delete(&found.name);
            }
        }
        Ok(())
    }

    /// Whether a checkpoint would be of use: no segment is here.
    pub(super) fn is_newcomer(&self) -> Result<bool> {
        Ok(self.read(segments::weight)? == 0)
    }

    /// Shows what a part of a checkpoint tells of records that are not here. One that cannot be opened is left: it would
    /// only have saved time.
    pub(super) fn take_part(&self, member: &Member, bytes: &[u8]) -> Result<()> {
        let Ok(key) = checkpoint::key_of(bytes, &member.tag()) else { return Ok(()) };
        let mut author = None;
        let mut belongs = |device: &DeviceId| {
            author = Some(*device);
            member.roster().device(device).is_some()
        };
        let opened = member.epochs(key).find_map(|epoch| checkpoint::open(bytes, &epoch, &mut belongs).ok());
        let (Some(Text { told, seen }), Some(author)) = (opened, author) else { return Ok(()) };
        let seen = self.seen_with(&author, &seen)?;
        for slice in told.chunks(SLICE) {
            self.show_told(slice, &seen)?;
            self.tell(&Changed { areas: all_areas(), ids: Vec::new(), origin: Origin::Peer });
        }
        Ok(())
    }

    fn show_told(&self, told: &[Told], seen: &str) -> Result<()> {
        let today = self.day_number();
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        let mut after = Aftermath::default();
        let is_shown = |told: &&Told| Kind::from_word(&told.kind).is_some_and(|kind| !kind.is_singleton());
        for told in told.iter().filter(is_shown) {
            let Some(n) = store::put_told(&transaction, told.id)? else { continue };
            if !query::show(&transaction, n, told, &mut after)? {
                store::forget_told(&transaction, n)?;
            }
        }
        query::settle(&transaction, &after)?;
        store::set_meta(&transaction, TOLD, today)?;
        store::set_meta(&transaction, SEEN, seen)?;
        Ok(transaction.commit()?)
    }

    /// Whether some records were only told.
    pub(in crate::notebook) fn has_told_records(&self) -> Result<bool> {
        Ok(self.read(|connection| store::meta::<i32>(connection, TOLD))?.is_some())
    }

    fn day_number(&self) -> i32 {
        self.now().date_naive().num_days_from_ce()
    }

    /// Once everything has come, or after some days, what was told and did not come is taken away: it was deleted for good,
    /// or never true. Says how many are still awaited.
    pub(super) fn settle_told(&self, report: &mut SyncReport) -> Result<()> {
        let Some(since) = self.read(|connection| store::meta::<i32>(connection, TOLD))? else { return Ok(()) };
        let today = self.day_number();
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        let told = store::told(&transaction)?;
        if report.missing == 0 && has_taken_all(report) || (today - since).abs() > DAYS {
            let mut after = Aftermath::default();
            for n in told {
                query::forget(&transaction, n, &mut after)?;
                store::forget_told(&transaction, n)?;
            }
            query::settle(&transaction, &after)?;
            store::set_meta(&transaction, TOLD, None::<i32>)?;
        } else {
            report.told = told.len() as u64;
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Whether a pass left nothing out of what it saw.
fn has_taken_all(report: &SyncReport) -> bool {
    report.locked + report.waiting + report.told == 0 && report.set_aside.is_empty() && !report.more
}

/// How much the newest checkpoint under this tag knew, of those of which all parts are there.
fn newest(there: &[(Name, &Found)], tag: [u8; 16]) -> Option<u64> {
    let mut parts: BTreeMap<(u64, usize), std::collections::BTreeSet<usize>> = BTreeMap::new();
    for (name, _) in there.iter().filter(|(name, _)| name.tag == tag) {
        parts.entry((name.weight, name.parts)).or_default().insert(name.part);
    }
    let whole = parts.into_iter().filter(|((_, count), parts)| parts.len() == *count);
    whole.map(|((weight, _), _)| weight).next_back()
}

/// What somebody is told who would change a record that has not come.
pub(in crate::notebook) fn still_to_come() -> Error {
    Error::Invalid(
        "this record is shown as another device has it, and is still on its way; it can be changed once the sync is over"
            .into(),
    )
}
