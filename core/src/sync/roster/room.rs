//! How much of a set anybody may fill. Entries cannot be taken back, so a set that is full stays so: whoever fills it
//! must not be able to keep its own removal out, nor to part the devices for ever by giving each of them other entries.
//!
//! 1. Of one author so many entries are taken as they come; and no more than half of a set from those who belong to the
//!    notebook, the other half from those who do not, or not any more. Removing who filled it makes room again.
//! 2. Beyond that an entry is taken once somebody else who belongs builds on it: then one device holds it already, and
//!    whoever refused it could not take what is said there. These may fill the whole set.
//! 3. What the recovery key signs, and all that is before it, has as much room again.
//! 4. Who signs names few of those entries, and never without what makes its own word count.

use std::collections::{BTreeMap, BTreeSet};

use super::entries::{Entries, in_order};
use super::entry::Entry;
use super::{MAX_BY_AUTHOR, MAX_BYTES, MAX_ENTRIES, MAX_PARENTS, Roster, WITH_PAPER, evaluate};
use crate::sync::keys::{DeviceId, EntryHash};

/// Of one author's heads so many are named at most, when not all can be.
const FEW_HEADS: usize = 8;

impl Entries {
    /// Whether an entry may be taken as it comes. `roster` is what the set says now, once somebody had to know.
    pub(super) fn has_room_for(&self, entry: &Entry, roster: &mut Option<Roster>) -> bool {
        let of_author = self.list.values().filter(|other| other.author == entry.author).count();
        if of_author >= MAX_BY_AUTHOR {
            return false;
        }
        let (entries, bytes) = (self.list.len(), self.bytes + entry.bytes.len());
        if entries < MAX_ENTRIES / 2 && bytes <= MAX_BYTES / 2 {
            return true;
        }
        let roster = roster.get_or_insert_with(|| evaluate(self));
        if roster.is_paper(entry) {
            return entries < WITH_PAPER * MAX_ENTRIES && bytes <= WITH_PAPER * MAX_BYTES;
        }
        let belongs = roster.device(&entry.author).is_some();
        let alike = self.list.values().filter(|other| roster.device(&other.author).is_some() == belongs);
        let (entries, bytes) =
            alike.fold((0, entry.bytes.len()), |(entries, bytes), other| (entries + 1, bytes + other.bytes.len()));
        entries < MAX_ENTRIES / 2 && bytes <= MAX_BYTES / 2
    }

    /// Of entries that there was no room for, those that are to be taken all the same: others build on them, which `wait`.
    pub(super) fn wanted(
        &self,
        no_room: &BTreeMap<EntryHash, Entry>,
        waiting: &[Entry],
        roster: &mut Option<Roster>,
    ) -> Vec<Entry> {
        if no_room.is_empty() || waiting.is_empty() {
            return Vec::new();
        }
        let roster = roster.get_or_insert_with(|| evaluate(self));
        let waits: BTreeMap<EntryHash, &Entry> = waiting.iter().map(|entry| (entry.hash, entry)).collect();
        let author =
            |hash: &EntryHash| no_room.get(hash).or_else(|| waits.get(hash).copied()).map(|entry| entry.author);
        let (by_paper, by_devices): (Vec<&Entry>, Vec<&Entry>) =
            waiting.iter().filter(|entry| roster.speaks(entry)).partition(|entry| roster.is_paper(entry));
        let (mut entries, mut bytes) = (self.list.len(), self.bytes);
        let (mut seen, mut wanted) = (BTreeSet::new(), Vec::new());
        for (builders, times) in [(by_paper, WITH_PAPER), (by_devices, 1)] {
            // Who builds on its own words alone shows nobody's that it has them.
            let parents = builders.iter().flat_map(|entry| entry.parents.iter().map(move |parent| (entry, parent)));
            let of_others = parents.filter(|(entry, parent)| times > 1 || author(parent) != Some(entry.author));
            let mut next: Vec<EntryHash> = of_others.map(|(_, parent)| *parent).collect();
            while let Some(hash) = next.pop() {
                if !seen.insert(hash) {
                    continue;
                }
                if let Some(entry) = waits.get(&hash) {
                    next.extend(&entry.parents);
                } else if let Some(entry) = no_room.get(&hash)
                    && entries < times * MAX_ENTRIES
                    && bytes + entry.bytes.len() <= times * MAX_BYTES
                {
                    entries += 1;
                    bytes += entry.bytes.len();
                    wanted.push(entry.clone());
                }
            }
        }
        wanted
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
            if by.is_some_and(|by| roster.is_paper(by)) { 0 } else { place.map_or(usize::MAX, |place| place + 1) }
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

impl Roster {
    /// Whether the recovery key that holds signed this: it must be able to remove even a device that filled the set.
    pub(super) fn is_paper(&self, entry: &Entry) -> bool {
        entry.by_recovery && self.recovery.as_ref().is_some_and(|recovery| recovery.sign == entry.author.0)
    }

    /// Whether a device of the notebook signed this, or the recovery key that holds.
    pub fn speaks(&self, entry: &Entry) -> bool {
        self.is_paper(entry) || self.device(&entry.author).is_some()
    }
}
