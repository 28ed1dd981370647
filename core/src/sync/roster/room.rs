//! How much of a set anybody may fill. Entries cannot be taken back, so a set that is full stays so: whoever fills it
//! must not be able to keep its own removal out, nor to part the devices for ever by giving each of them other entries.
//!
//! 1. Of one author so many entries are taken as they come; and no more than half of a set from those who belong to the
//!    notebook, the other half from those who do not, or not any more. Removing who filled it makes room again.
//! 2. Beyond that an entry is taken once somebody else who belongs builds on it: then one device holds it already, and
//!    whoever refused it could not take what is said there. These may fill the whole set.
//! 3. What the recovery key signs, and all that is before it, is always taken.
//! 4. Who signs names few of those entries, and never without what makes its own word count.

use std::collections::{BTreeMap, BTreeSet};

use super::entries::{Entries, in_order};
use super::entry::Entry;
use super::{MAX_BY_AUTHOR, MAX_BYTES, MAX_ENTRIES, MAX_PARENTS, Roster, evaluate};
use crate::sync::keys::{DeviceId, EntryHash};

/// Of one author's heads so many are named at most, when not all can be.
const FEW_HEADS: usize = 8;

impl Entries {
    /// Whether an entry may be taken as it comes.
    pub(super) fn has_room_for(&self, entry: &Entry) -> bool {
        let of_author = self.list.values().filter(|other| other.author == entry.author).count();
        let (entries, bytes) = (self.list.len(), self.bytes + entry.bytes.len());
        if of_author < MAX_BY_AUTHOR && entries < MAX_ENTRIES / 2 && bytes <= MAX_BYTES / 2 {
            return true;
        }
        let roster = evaluate(self);
        if is_paper(&roster, entry) {
            return true;
        }
        let belongs = roster.device(&entry.author).is_some();
        let alike = self.list.values().filter(|other| roster.device(&other.author).is_some() == belongs);
        let (entries, bytes) =
            alike.fold((0, entry.bytes.len()), |(entries, bytes), other| (entries + 1, bytes + other.bytes.len()));
        of_author < MAX_BY_AUTHOR && entries < MAX_ENTRIES / 2 && bytes <= MAX_BYTES / 2
    }

    /// Of entries that there was no room for, those that are to be taken all the same: others build on them, which `wait`.
    pub(super) fn wanted(&self, no_room: &BTreeMap<EntryHash, Entry>, waiting: &[Entry]) -> Vec<Entry> {
        if no_room.is_empty() || waiting.is_empty() {
            return Vec::new();
        }
        let roster = evaluate(self);
        let near: BTreeMap<EntryHash, &Entry> =
            no_room.values().chain(waiting).map(|entry| (entry.hash, entry)).collect();
        let mut wanted: BTreeSet<EntryHash> = BTreeSet::new();
        for entry in waiting {
            let before = self.missing_before(entry, &near);
            let others = || before.iter().flatten().filter(|hash| near[*hash].author != entry.author);
            let bytes: usize = before.iter().flatten().map(|hash| near[hash].bytes.len()).sum();
            let fits =
                || self.list.len() + before.iter().flatten().count() < MAX_ENTRIES && self.bytes + bytes <= MAX_BYTES;
            let may = is_paper(&roster, entry)
                || roster.device(&entry.author).is_some() && others().next().is_some() && fits();
            wanted.extend(before.into_iter().flatten().filter(|hash| may && no_room.contains_key(hash)));
        }
        wanted.iter().filter_map(|hash| no_room.get(hash).cloned()).collect()
    }

    /// What has to come before an entry and is not here yet; none when some of it is nowhere near.
    fn missing_before(&self, entry: &Entry, near: &BTreeMap<EntryHash, &Entry>) -> Option<BTreeSet<EntryHash>> {
        let mut found = BTreeSet::new();
        let mut next: Vec<EntryHash> = entry.parents.clone();
        while let Some(hash) = next.pop() {
            if self.list.contains_key(&hash) || found.contains(&hash) {
                continue;
            }
            next.extend(&near.get(&hash)?.parents);
            found.insert(hash);
        }
        Some(found)
    }

    /// Which heads an entry of this author follows. All of them, unless somebody made more than it may name: then those of
    /// the eldest devices, few of each, and whatever makes the word of this author count. What is left out stays a head.
    pub(super) fn parents_for(&self, author: &DeviceId, by_recovery: bool) -> Vec<EntryHash> {
        let heads = self.heads();
        if heads.len() <= MAX_PARENTS {
            return heads;
        }
        let roster = evaluate(self);
        let age = |head: &EntryHash| {
            let by = self.list.get(head);
            let place = by.and_then(|by| roster.devices.iter().position(|device| device.public.device == by.author));
            if by.is_some_and(|by| is_paper(&roster, by)) { 0 } else { place.map_or(usize::MAX, |place| place + 1) }
        };
        let mut ranked: Vec<(usize, EntryHash)> = heads.into_iter().map(|head| (age(&head), head)).collect();
        ranked.sort_unstable();
        // What is to be before it: its own last word, and what lets it in.
        let is_own = |entry: &&Entry| entry.author == *author && entry.by_recovery == by_recovery;
        let last = in_order(&self.list).into_iter().rev().find(is_own).map(|entry| entry.hash);
        let let_in = match by_recovery {
            true => roster.recovery.as_ref().filter(|key| key.sign == author.0).map(|key| key.entry),
            false => roster.device(author).map(|device| device.added),
        };
        let mut parents: Vec<EntryHash> = Vec::new();
        for anchor in last.into_iter().chain(let_in) {
            let mut heads = ranked.iter().map(|(_, head)| *head);
            parents.extend(heads.find(|head| self.with_past([*head].into_iter()).contains(&anchor)));
        }
        let mut of_author: BTreeMap<DeviceId, usize> = BTreeMap::new();
        for (_, head) in ranked {
            let named = of_author.entry(self.list[&head].author).or_default();
            *named += 1;
            if *named <= FEW_HEADS && parents.len() < MAX_PARENTS && !parents.contains(&head) {
                parents.push(head);
            }
        }
        parents.sort_unstable();
        parents.dedup();
        parents
    }
}

/// Whether the recovery key that holds signed this: it must be able to remove even a device that filled the set.
fn is_paper(roster: &Roster, entry: &Entry) -> bool {
    entry.by_recovery && roster.recovery.as_ref().is_some_and(|recovery| recovery.sign == entry.author.0)
}
