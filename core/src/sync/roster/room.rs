//! How much of a set anybody may fill. Entries cannot be taken back, so a set that is full stays so: whoever fills it
//! must not be able to keep its own removal out, nor to part the devices for ever by giving each of them other entries.
//!
//! 1. Of one author so many entries are taken as they come; and no more than half of a set from those who belong to the
//!    notebook, the other half from those who do not, or not any more. Removing who filled it makes room again.
//! 2. Beyond that an entry is taken once somebody else who belongs builds on it: then one device holds it already, and
//!    whoever refused it could not take what is said there. These may fill the whole set.
//! 3. What the recovery key signs, and all that is before it, has as much room again.
//! 4. Who signs names few of those entries, and never without what makes its own word count, nor, as far as there is room,
//!    without what others count by: a removal takes nothing along that was said before.

use std::collections::{BTreeMap, BTreeSet};

use super::entries::Entries;
use super::entry::{Act, Entry};
use super::weigh::{Weighing, weigh};
use super::{MAX_BY_AUTHOR, MAX_BYTES, MAX_ENTRIES, MAX_PARENTS, Roster, WITH_PAPER, evaluate};
use crate::sync::keys::{DeviceId, EntryHash};

/// Of one author's heads so many are named at most, when not all can be.
const FEW_HEADS: usize = 8;

/// Who fills a set how far. Who belongs is looked up once somebody has to know, and anew only when [`Room::look_anew`] says
/// so: a hostile device may send thousands of entries of which each changes it.
pub(super) struct Room {
    by_author: BTreeMap<DeviceId, usize>,
    sides: Option<Sides>,
    is_stale: bool,
}

/// What those fill who belong, and those who do not.
struct Sides {
    roster: Roster,
    belong: BTreeSet<DeviceId>,
    /// Entries and bytes, of those who belong second.
    filled: [(usize, usize); 2],
}

impl Room {
    pub(super) fn of(entries: &Entries) -> Self {
        let mut by_author = BTreeMap::new();
        entries.list.values().for_each(|entry| *by_author.entry(entry.author).or_default() += 1);
        Self { by_author, sides: None, is_stale: false }
    }

    /// Whether an entry may be taken as it comes.
    pub(super) fn is_there_for(&mut self, entry: &Entry, set: &Entries) -> bool {
        if self.by_author.get(&entry.author).is_some_and(|count| *count >= MAX_BY_AUTHOR) {
            return false;
        }
        let (entries, bytes) = (set.list.len(), set.bytes + entry.bytes.len());
        if entries < MAX_ENTRIES / 2 && bytes <= MAX_BYTES / 2 {
            return true;
        }
        let sides = self.sides.get_or_insert_with(|| Sides::of(set));
        if sides.roster.is_paper(entry) {
            return entries < WITH_PAPER * MAX_ENTRIES && bytes <= WITH_PAPER * MAX_BYTES;
        }
        let (entries, bytes) = sides.filled[sides.side(&entry.author)];
        entries < MAX_ENTRIES / 2 && bytes + entry.bytes.len() <= MAX_BYTES / 2
    }

    /// An entry was taken.
    pub(super) fn took(&mut self, entry: &Entry) {
        *self.by_author.entry(entry.author).or_default() += 1;
        if let Some(sides) = &mut self.sides {
            sides.fill(entry);
        }
        self.is_stale |= match entry.act {
            Act::SetRecovery { .. } | Act::Revoke { .. } => true,
            _ => entry.act.adds().is_some(),
        };
    }

    /// From now on who belongs is what the set says now. Tells whether that may be another than before.
    pub(super) fn look_anew(&mut self) -> bool {
        let was_stale = std::mem::take(&mut self.is_stale);
        self.sides.take_if(|_| was_stale).is_some()
    }
}

impl Sides {
    fn of(set: &Entries) -> Self {
        let roster = evaluate(set);
        let belong = roster.devices.iter().map(|device| device.public.device).collect();
        let mut sides = Self { roster, belong, filled: Default::default() };
        set.list.values().for_each(|entry| sides.fill(entry));
        sides
    }

    fn side(&self, author: &DeviceId) -> usize {
        usize::from(self.belong.contains(author))
    }

    fn fill(&mut self, entry: &Entry) {
        let side = self.side(&entry.author);
        let (entries, bytes) = &mut self.filled[side];
        (*entries, *bytes) = (*entries + 1, *bytes + entry.bytes.len());
    }
}

impl Entries {
    /// Of entries that there was no room for, those that are to be taken all the same: others build on them, which `wait`.
    pub(super) fn wanted(
        &self,
        no_room: &BTreeMap<EntryHash, Entry>,
        waiting: &[Entry],
        room: &mut Room,
    ) -> Vec<Entry> {
        if no_room.is_empty() || waiting.is_empty() {
            return Vec::new();
        }
        room.look_anew();
        let roster = &room.sides.get_or_insert_with(|| Sides::of(self)).roster;
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

    /// Which heads an entry of this author follows. All of them, unless somebody made more than it may name: then those
    /// that keep what counts now, see [`anchors`], and few of each other author, the eldest devices first. What is left out
    /// stays a head.
    pub(super) fn parents_for(&self, author: &DeviceId, by_recovery: bool) -> Vec<EntryHash> {
        let heads = self.heads();
        if heads.len() <= MAX_PARENTS {
            return heads;
        }
        let (weighing, roster) = weigh(self);
        let place: BTreeMap<EntryHash, usize> =
            weighing.list.iter().enumerate().map(|(at, entry)| (entry.hash, at)).collect();
        let age = |at: usize| {
            let by = weighing.list[at];
            let place = roster.devices.iter().position(|device| device.public.device == by.author);
            if roster.is_paper(by) { 0 } else { place.map_or(usize::MAX, |place| place + 1) }
        };
        let places = heads.iter().filter_map(|head| place.get(head).copied());
        let mut ranked: Vec<(usize, EntryHash, usize)> =
            places.map(|at| (age(at), weighing.list[at].hash, at)).collect();
        ranked.sort_unstable();
        let follows = |head: usize, anchor: usize| head == anchor || weighing.is_before(anchor, head);
        let mut named: Vec<usize> = Vec::new();
        for anchor in anchors(&weighing, &roster, author, by_recovery) {
            if named.len() == MAX_PARENTS {
                break;
            }
            if !named.iter().any(|head| follows(*head, anchor)) {
                named.extend(ranked.iter().map(|(_, _, head)| *head).find(|head| follows(*head, anchor)));
            }
        }
        let mut of_author: BTreeMap<DeviceId, usize> = BTreeMap::new();
        for (_, _, head) in ranked {
            let so_many = of_author.entry(weighing.list[head].author).or_default();
            *so_many += 1;
            if *so_many <= FEW_HEADS && named.len() < MAX_PARENTS && !named.contains(&head) {
                named.push(head);
            }
        }
        let mut parents: Vec<EntryHash> = named.into_iter().map(|head| weighing.list[head].hash).collect();
        parents.sort_unstable();
        parents
    }
}

/// What is to be before an entry of this author when it cannot name every head, by places in the order: its own last word and
/// what lets it in, else it does not count; and what others count by, for whatever a removal does not follow goes with the
/// device that said it: the recovery key, and who was let in and removed, the earliest first.
fn anchors(weighing: &Weighing<'_>, roster: &Roster, author: &DeviceId, by_recovery: bool) -> Vec<usize> {
    let let_in = match by_recovery {
        true => roster.recovery.as_ref().filter(|key| key.sign == author.0).map(|key| key.entry),
        false => roster.device(author).map(|device| device.added),
    };
    let recovery = roster.recovery.as_ref().map(|key| key.entry);
    let added = roster.devices.iter().map(|device| device.added);
    let once_in = roster.removed.iter().filter(|removed| removed.name.is_some());
    let others: BTreeSet<EntryHash> =
        added.chain(once_in.flat_map(|removed| removed.revokes.first().copied())).collect();
    let place = |wanted: EntryHash| weighing.list.iter().position(|entry| entry.hash == wanted);
    let last = weighing.list.iter().rposition(|entry| entry.author == *author && entry.by_recovery == by_recovery);
    let own = last.into_iter().chain(let_in.and_then(place)).chain(recovery.and_then(place));
    own.chain((0..weighing.list.len()).filter(|at| others.contains(&weighing.list[*at].hash))).collect()
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
