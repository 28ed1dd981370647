//! The roster: which devices belong to a notebook, under which key they write, and what of a removed one still counts.
//!
//! It is a set of signed entries. Each names the entries its author knew (its parents, and through them everything
//! *before* it), so that copying entries in whatever order gives every device the same set. [`evaluate`] reads such a
//! set; it knows no clock and no order of arrival, and two devices with the same set read the same. It works so:
//!
//! 1. Entries are put in one **order**: an entry after all that are before it, and of several that could come next the
//!    one with the smallest hash. An entry added later moves none of the others, so "added earlier" stays true.
//! 2. An entry **counts** when a counting entry before it added its author. What the recovery key signed counts when
//!    the key was set before it, and not yet replaced.
//! 3. **Removals are decided one at a time**, those of the recovery key first, then those of the device that was added
//!    earliest. Each one decided strikes whatever the removed device wrote without being before the removal, and its
//!    own removals with it; a decided one is not undone by a later. One whose author had read, when writing it, that
//!    it was itself removed waits until that is decided.
//! 4. Removed is removed for ever: no later Add brings a device back. What is left counts.
//!
//! Hence two devices that remove each other at once resolve alike everywhere, in favour of the elder; a stolen elder
//! device is removed with the recovery key; and step 3 ends, since each turn decides one removal.
//!
//! Nobody can tell a stolen first device that writes a second past from the one past there was. What a device saw
//! first settles it where that matters most: see [`Entries::trust_recovery`].
//!
//! Entries are taken only after their parents, and only from an author whom one of the entries before them names:
//! strangers cannot fill the set. Sealing segments and moving files is for others.

mod entries;
mod entry;
mod room;
#[cfg(test)]
mod tests;
mod weigh;

use std::collections::{BTreeMap, BTreeSet};

pub use entries::{Entries, Merged, Taken};
pub use entry::{Act, Cut, Entry, entry_key, open_entry, seal_entry};
pub use weigh::evaluate;

use super::LogId;
use super::keys::{DeviceId, DevicePublic, EntryHash, KeyId, Secret, entry_key_check, epoch_check};
use super::ranges::Ranges;
use crate::error::{Error, Result};
use crate::model::RecordId;

/// Most entries of a set; `room` tells who may fill it. Adding or removing a device takes a handful.
pub const MAX_ENTRIES: usize = 4096;
/// So many times as much a set may hold with what the recovery key signs, and all that is before it.
pub const WITH_PAPER: usize = 2;
/// Most entries of one author on which nobody else builds.
pub const MAX_BY_AUTHOR: usize = 512;
/// Largest entry.
pub const MAX_ENTRY: usize = 64 * 1024;
/// Most bytes of all entries of a set.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most parents of an entry.
pub const MAX_PARENTS: usize = 64;
/// Most logs of which a removal says how far it knew them.
pub const MAX_CUTS: usize = 256;
/// Most ranges of numbers in all logs of which an entry tells, so that it stays below [`MAX_ENTRY`].
const MAX_CUT_RANGES: usize = 2048;
/// Most records of one purge.
pub const MAX_PURGED: usize = 2048;
/// Longest name of a device, in bytes.
pub const MAX_NAME: usize = 64;

fn refused<T>(why: &str) -> Result<T> {
    Err(Error::Peer(why.into()))
}

/// What a set of entries says.
#[derive(Clone, Debug, PartialEq)]
pub struct Roster {
    /// The devices that belong to the notebook, the eldest first.
    pub devices: Vec<Device>,
    /// Those that were removed.
    pub removed: Vec<Removed>,
    /// Devices that were let in by one that was removed at the same time: shown as "keep it?". Yes writes a new Add;
    /// until then their segments wait.
    pub void: Vec<VoidAdd>,
    /// The epochs. Any key that is held may be used for reading.
    pub epochs: Vec<Epoch>,
    /// The epochs under which may be written, the best first: use the first whose key is held, and when there is none
    /// issue a Rotate. The best is one that follows the others; of several, the one with the smallest hash.
    pub write_under: Vec<EntryHash>,
    /// The recovery key.
    pub recovery: Option<Recovery>,
    /// Entries that set another recovery key at the same time and do not count: to be shown.
    pub contested_recovery: Vec<EntryHash>,
    /// What is to be forgotten, in order.
    pub purges: Vec<Purge>,
    /// The renewals, in order.
    pub renewals: Vec<Renewal>,
    /// The epochs under which nobody writes any more since a renewal that all have done, by their hashes: their keys are
    /// forgotten, but for the one that opens entries, where nothing else is left that they open.
    pub superseded: BTreeSet<EntryHash>,
    /// The epochs before a removal that took another away. Who was removed may have heard of the one and not of the other,
    /// which says that its own stands: it is given what opens their entries.
    pub disputed: Vec<EntryHash>,
    /// Whether some entries are of a newer version.
    pub needs_update: bool,
}

/// A device that belongs to the notebook.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its keys, as they were when it was added.
    pub public: DevicePublic,
    /// The key to which bags are sealed now.
    pub hpke: [u8; 32],
    /// What it is called.
    pub name: String,
    /// The entry that added it.
    pub added: EntryHash,
}

/// A device that was removed.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// Which.
    pub device: DeviceId,
    /// What it was called, if it was ever added.
    pub name: Option<String>,
    /// The entries that removed it.
    pub revokes: Vec<EntryHash>,
    /// Whether the recovery key signed one of them. Nothing is wiped for that: it is the others that are kept from the
    /// device, not its owner from what is on it.
    pub by_recovery: bool,
    /// The key to which bags are sealed for it, if it was ever added.
    pub hpke: Option<[u8; 32]>,
    /// The epochs that were opened before it was removed, and while it belonged to the notebook: their keys are given to
    /// it even now, since it is under one of them that it reads of its removal.
    pub may_read: Vec<EntryHash>,
    /// What of it still counts.
    pub cut_off: CutOff,
}

/// How far the logs of a removed device count: everything that its removal, or a device that learned of it, had
/// already taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CutOff {
    /// Which segments.
    pub ranges: BTreeMap<LogId, Ranges>,
    /// Segments whose hash is known: log, number, BLAKE3. One in `ranges` is admitted only if it is one of them, or is
    /// reached from one by `prev`.
    pub pins: BTreeSet<(LogId, u64, [u8; 32])>,
}

impl CutOff {
    /// Whether this segment is within.
    pub fn contains(&self, log: &LogId, seq: u64) -> bool {
        self.ranges.get(log).is_some_and(|ranges| ranges.contains(seq))
    }

    pub(super) fn extend(&mut self, cuts: &[Cut]) {
        for cut in cuts.iter().filter(|cut| !cut.ranges.is_empty()) {
            let ranges = self.ranges.entry(cut.log).or_default();
            *ranges = ranges.union(&cut.ranges);
            self.pins.insert((cut.log, cut.ranges.last(), cut.hash));
        }
    }
}

/// A device whose Add does not count, though nobody removed it.
#[derive(Clone, Debug, PartialEq)]
pub struct VoidAdd {
    /// The entry.
    pub entry: EntryHash,
    /// Who signed it.
    pub by: DeviceId,
    /// The device.
    pub public: DevicePublic,
    /// What it is called.
    pub name: String,
    /// The epochs that did not follow a removal of it, whether that counts or not: who let it in may tell it of them.
    pub may_read: Vec<EntryHash>,
}

/// A key that some devices share, from one change of the roster on.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// The entry that opened it, and its name.
    pub entry: EntryHash,
    /// What its key must agree with.
    pub check: [u8; 32],
    /// The devices that may hold its key: all that were not removed before it.
    pub members: Vec<DeviceId>,
}

impl Epoch {
    /// The short name of the epoch, as segments have it.
    pub fn key_id(&self) -> KeyId {
        self.entry.key_id()
    }

    /// Whether this is its key. A bag can be sealed by anybody; only what the signed entry agrees with is used.
    pub fn accepts(&self, root: &Secret) -> bool {
        epoch_check(root) == self.check
    }

    /// The same of its entry key alone.
    pub fn accepts_entry_key(&self, key: &Secret) -> bool {
        entry_key_check(key) == self.check
    }
}

/// The recovery key.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovery {
    /// The entry that set it.
    pub entry: EntryHash,
    /// The key that checks its signatures.
    pub sign: [u8; 32],
    /// The key to which bags are sealed.
    pub hpke: [u8; 32],
    /// The device on which the first of those was made that led to this one, each replacing the one before.
    pub made_by: DeviceId,
}

/// Records to be forgotten.
#[derive(Clone, Debug, PartialEq)]
pub struct Purge {
    /// The entry that says so.
    pub entry: EntryHash,
    /// Who said so.
    pub by: DeviceId,
    /// Which.
    pub records: Vec<RecordId>,
    /// What stands for the one record that was rewritten, if it was.
    pub successor: Option<RecordId>,
}

/// Everything that counts, written anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Renewal {
    /// The entry that says so.
    pub entry: EntryHash,
    /// What may be forgotten.
    pub covers: Vec<Cut>,
    /// The segments that hold it all.
    pub base: Cut,
    /// The devices that hold the base and forgot what it covers.
    pub done: Vec<DeviceId>,
    /// The devices that have to: all that belong to the notebook, but for those that were let in when the others had.
    pub awaits: Vec<DeviceId>,
    /// The devices that renewed their HPKE key since.
    pub rekeyed: Vec<DeviceId>,
}

impl Renewal {
    /// Whether every device holds the base. From then on keys are forgotten.
    pub fn is_done(&self) -> bool {
        self.awaits.iter().all(|device| self.done.contains(device))
    }

    /// Whether every device has renewed its HPKE key since, too.
    pub fn is_over(&self) -> bool {
        self.is_done() && self.awaits.iter().all(|device| self.rekeyed.contains(device))
    }

    /// Whether this device has to renew its HPKE key.
    pub fn is_due(&self, device: &DeviceId) -> bool {
        self.is_done() && self.awaits.contains(device) && !self.rekeyed.contains(device)
    }
}

impl Roster {
    /// What a device is or was called; empty for one nobody let in.
    pub fn name_of(&self, device: &DeviceId) -> String {
        let removed = || self.removed(device)?.name.clone();
        self.device(device).map(|device| device.name.clone()).or_else(removed).unwrap_or_default()
    }

    /// The device of this name, if it belongs to the notebook.
    pub fn device(&self, device: &DeviceId) -> Option<&Device> {
        self.devices.iter().find(|there| there.public.device == *device)
    }

    /// The device that is reached under this key, if it belongs to the notebook.
    pub fn at_endpoint(&self, endpoint: &[u8; 32]) -> Option<&Device> {
        self.devices.iter().find(|there| there.public.endpoint == *endpoint)
    }

    /// The removal of this device, if it was removed.
    pub fn removed(&self, device: &DeviceId) -> Option<&Removed> {
        self.removed.iter().find(|there| there.device == *device)
    }

    /// Whether a renewal that counts covers this segment. One by a device that was removed meanwhile does not; who has
    /// forgotten something on its word leaves it to those who have not.
    pub fn covers(&self, log: &LogId, seq: u64) -> bool {
        let mut cuts = self.renewals.iter().flat_map(|renewal| &renewal.covers);
        cuts.any(|cut| cut.log == *log && cut.ranges.contains(seq))
    }

    /// Whether the epoch of this short name is superseded.
    pub fn is_superseded(&self, key: &KeyId) -> bool {
        self.superseded.iter().any(|epoch| epoch.key_id() == *key)
    }

    /// The epoch of this name.
    pub fn epoch(&self, entry: &EntryHash) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.entry == *entry)
    }
}
