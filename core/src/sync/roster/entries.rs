//! The set of entries: each is taken together with everything before it, and from nobody whom none of those names.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;

use super::entry::{Act, Entry};
use super::refused;
use super::room::Room;
use crate::error::{Error, Result};
use crate::sync::keys::{DeviceId, EntryHash, NotebookTag};

/// Entries of one notebook, each together with everything before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries {
    notebook: NotebookTag,
    pub(super) list: BTreeMap<EntryHash, Entry>,
    pub(super) bytes: usize,
    pub(super) trusted_recovery: Option<EntryHash>,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the set now.
    New,
    /// It was already.
    Known,
    /// These are to come first.
    Waits(Vec<EntryHash>),
}

/// What became of some entries.
#[derive(Debug, Default)]
pub struct Merged {
    /// Those that are in the set now, each after its parents.
    pub new: Vec<EntryHash>,
    /// Those whose parents are missing. Bring them again with the next ones.
    pub waiting: Vec<Entry>,
    /// Why the others were not taken.
    pub refused: Vec<Error>,
}

impl Entries {
    /// Begins with the first entry, which this device made or was given when it was paired. No other first entry is
    /// ever taken: anybody could write one.
    ///
    /// # Errors
    /// [`Error::Peer`] when it is no first entry.
    pub fn begin(genesis: Entry) -> Result<Self> {
        match genesis.act {
            Act::Genesis { .. } => {
                let bytes = genesis.bytes.len();
                let notebook = NotebookTag::of(&genesis.hash);
                Ok(Self { notebook, bytes, list: [(genesis.hash, genesis)].into(), trusted_recovery: None })
            }
            _ => refused("a roster begins with another entry than this"),
        }
    }

    /// Entries that were taken before, as a notebook keeps them: what was checked when they came is not checked again.
    ///
    /// # Errors
    /// [`Error::Peer`] when they do not begin with a first entry, or one does not follow those before it.
    pub fn kept(list: impl IntoIterator<Item = Result<Entry>>) -> Result<Option<Self>> {
        let mut list = list.into_iter();
        let Some(first) = list.next() else { return Ok(None) };
        let mut all = Self::begin(first?)?;
        for entry in list {
            let entry = entry?;
            if entry.parents.is_empty() || !entry.parents.iter().all(|parent| all.list.contains_key(parent)) {
                return refused("an entry of the roster is missing");
            }
            all.put(entry);
        }
        Ok(Some(all))
    }

    /// Which notebook.
    pub fn notebook(&self) -> NotebookTag {
        self.notebook
    }

    /// How many.
    #[expect(clippy::len_without_is_empty, reason = "the first entry is always there")]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// One of them.
    pub fn get(&self, hash: &EntryHash) -> Option<&Entry> {
        self.list.get(hash)
    }

    /// What this device said, in no order.
    pub fn by(&self, author: &DeviceId) -> impl Iterator<Item = &Entry> {
        self.list.values().filter(|entry| entry.author == *author)
    }

    /// Remembers which recovery key this device saw first. Should another come to light that claims to be as early,
    /// the one that was seen stands: without this, a stolen first device could put its own in the place of the paper's.
    pub fn trust_recovery(&mut self, set: EntryHash) {
        self.trusted_recovery.get_or_insert(set);
    }

    /// The entries that no other names as parent: what a device says to tell what it has.
    pub fn heads(&self) -> Vec<EntryHash> {
        let parents: BTreeSet<&EntryHash> = self.list.values().flat_map(|entry| &entry.parents).collect();
        self.list.keys().filter(|hash| !parents.contains(hash)).copied().collect()
    }

    /// What a device with these heads lacks, each after its parents. Heads that are not known here are what we lack.
    pub fn lacking(&self, heads: &[EntryHash]) -> Vec<&Entry> {
        let theirs = self.with_past(heads.iter().copied());
        in_order(&self.list).into_iter().filter(|entry| !theirs.contains(&entry.hash)).collect()
    }

    /// Signs an entry that follows everything known here. It still has to be taken in, with [`Self::insert`].
    ///
    /// # Errors
    /// [`Error::Invalid`] when it cannot be said, or not by this author.
    pub fn sign(&self, act: Act, author: &SigningKey, by_recovery: bool, made_at_unix_ms: u64) -> Result<Entry> {
        let parents = self.parents_for(&DeviceId(author.verifying_key().to_bytes()), by_recovery);
        Entry::sign(act, parents, author, by_recovery, made_at_unix_ms)
    }

    /// Takes an entry in.
    ///
    /// # Errors
    /// [`Error::Peer`] when its author is nobody that the entries before it know, or there are too many.
    pub fn insert(&mut self, entry: Entry) -> Result<Taken> {
        if let Some(taken) = self.look_at(&entry)? {
            return Ok(taken);
        }
        if !Room::of(self).is_there_for(&entry, self) {
            return too_many();
        }
        self.put(entry);
        Ok(Taken::New)
    }

    /// What becomes of an entry that cannot be taken now; none when there only has to be room for it.
    fn look_at(&self, entry: &Entry) -> Result<Option<Taken>> {
        if self.list.contains_key(&entry.hash) {
            return Ok(Some(Taken::Known));
        }
        if entry.parents.is_empty() {
            return refused("this roster began with another entry");
        }
        let missing: Vec<EntryHash> =
            entry.parents.iter().filter(|parent| !self.list.contains_key(parent)).copied().collect();
        if !missing.is_empty() {
            return Ok(Some(Taken::Waits(missing)));
        }
        if !self.knows_author(entry) {
            return refused("an entry of the roster is signed by nobody who is known");
        }
        if !entry.act.is_for(&self.notebook) {
            return refused("a recovery key is for another notebook");
        }
        Ok(None)
    }

    fn put(&mut self, entry: Entry) {
        self.bytes += entry.bytes.len();
        self.list.insert(entry.hash, entry);
    }

    /// Takes many in, in whatever order they come: each is looked at after those of them that are before it. What there is no
    /// room for is taken if another builds on it.
    pub fn merge(&mut self, entries: impl IntoIterator<Item = Entry>) -> Merged {
        let mut merged = Merged { waiting: sorted(entries), ..Merged::default() };
        let mut no_room: BTreeMap<EntryHash, Entry> = BTreeMap::new();
        let mut room = Room::of(self);
        let mut again = MOST_AGAIN;
        loop {
            let before = merged.new.len();
            for entry in std::mem::take(&mut merged.waiting) {
                match self.look_at(&entry) {
                    Ok(Some(Taken::Waits(_))) => merged.waiting.push(entry),
                    Ok(Some(_)) => {}
                    Ok(None) if room.is_there_for(&entry, self) => {
                        merged.new.push(entry.hash);
                        room.took(&entry);
                        self.put(entry);
                    }
                    Ok(None) => drop(no_room.insert(entry.hash, entry)),
                    Err(error) => merged.refused.push(error),
                }
            }
            // Who was let in or removed just now may make room for some of them.
            if !no_room.is_empty() && again > 0 && room.look_anew() {
                again -= 1;
                merged.waiting.extend(std::mem::take(&mut no_room).into_values());
                merged.waiting = sorted(merged.waiting);
                continue;
            }
            for entry in self.wanted(&no_room, &merged.waiting, &mut room) {
                no_room.remove(&entry.hash);
                merged.new.push(entry.hash);
                room.took(&entry);
                self.put(entry);
            }
            if merged.new.len() == before {
                merged.refused.extend(no_room.into_values().filter_map(|_| too_many::<()>().err()));
                return merged;
            }
        }
    }

    /// Whether an entry before this one names its author. Whether that one counts is another question.
    fn knows_author(&self, entry: &Entry) -> bool {
        let past = self.with_past(entry.parents.iter().copied());
        past.iter().filter_map(|hash| self.list.get(hash)).any(|before| match (&before.act, entry.by_recovery) {
            (Act::SetRecovery { sign, .. }, true) => *sign == entry.author.0,
            (act, false) => act.adds().is_some_and(|(device, _)| device.device == entry.author),
            _ => false,
        })
    }

    /// These entries and all before them, as far as they are known.
    pub(super) fn with_past(&self, from: impl Iterator<Item = EntryHash>) -> BTreeSet<EntryHash> {
        let mut found = BTreeSet::new();
        let mut next: Vec<EntryHash> = from.collect();
        while let Some(hash) = next.pop() {
            if let Some(entry) = self.list.get(&hash).filter(|_| found.insert(hash)) {
                next.extend(&entry.parents);
            }
        }
        found.retain(|hash| self.list.contains_key(hash));
        found
    }
}

/// So often what there was no room for is looked at again because others belong than before.
const MOST_AGAIN: usize = 4;

/// Each of these once, after those of them that are before it.
fn sorted(entries: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
    let mut all: BTreeMap<EntryHash, Entry> = entries.into_iter().map(|entry| (entry.hash, entry)).collect();
    let order: Vec<EntryHash> = in_order(&all).into_iter().map(|entry| entry.hash).collect();
    order.into_iter().filter_map(|hash| all.remove(&hash)).collect()
}

fn too_many<T>() -> Result<T> {
    refused("there are more entries in the roster than a notebook can need; one device writes too many")
}

/// Each entry after its parents, as far as these are there, and of those that could come next the one with the smallest hash.
///
/// Whether one of two entries comes earlier depends on nothing but the two and what is before them.
pub(super) fn in_order(list: &BTreeMap<EntryHash, Entry>) -> Vec<&Entry> {
    let mut children: BTreeMap<EntryHash, Vec<EntryHash>> = BTreeMap::new();
    let mut missing: BTreeMap<EntryHash, usize> = BTreeMap::new();
    let mut free: BTreeSet<EntryHash> = BTreeSet::new();
    for (hash, entry) in list {
        let there: Vec<&EntryHash> = entry.parents.iter().filter(|parent| list.contains_key(parent)).collect();
        there.iter().for_each(|parent| children.entry(**parent).or_default().push(*hash));
        missing.insert(*hash, there.len());
        if there.is_empty() {
            free.insert(*hash);
        }
    }
    let mut order = Vec::with_capacity(list.len());
    while let Some(hash) = free.pop_first() {
        order.extend(list.get(&hash));
        for child in children.get(&hash).into_iter().flatten() {
            if let Some(left) = missing.get_mut(child) {
                *left -= 1;
                if *left == 0 {
                    free.insert(*child);
                }
            }
        }
    }
    order
}
