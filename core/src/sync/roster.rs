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

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;

use super::LogId;
use super::cbor::{Fields, Map, Reader, Writer};
use super::keys::{DeviceId, DeviceKeys, DevicePublic, EntryHash, EpochKeys, KeyId, NotebookTag, Secret, epoch_check};
use super::ranges::Ranges;
use super::seal::{self, NONCE, PARCEL_HEAD, Parcel, SIGNATURE};
use crate::error::{Error, Result};
use crate::model::{Random, RecordId};

/// Most entries of a set. Adding or removing a device takes a handful.
pub const MAX_ENTRIES: usize = 4096;
/// Most entries of one author.
pub const MAX_BY_AUTHOR: usize = 512;
/// Largest entry.
pub const MAX_ENTRY: usize = 64 * 1024;
/// Most bytes of all entries of a set.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most parents of an entry.
pub const MAX_PARENTS: usize = 64;
/// Most logs of which a removal says how far it knew them.
pub const MAX_CUTS: usize = 256;
/// Most records of one purge.
pub const MAX_PURGED: usize = 2048;
/// Longest name of a device, in bytes.
pub const MAX_NAME: usize = 64;
const PURPOSE: &str = "kith/ros/1";

/// What an entry says.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// The first entry: its author's device, and the first epoch.
    Genesis {
        /// Which notebook.
        notebook: NotebookTag,
        /// The first device.
        device: DevicePublic,
        /// What it is called.
        name: String,
        /// See [`epoch_check`].
        check: [u8; 32],
    },
    /// There is a recovery key now, or another one.
    SetRecovery {
        /// The Ed25519 key that checks its signatures.
        sign: [u8; 32],
        /// The X25519 key to which bags are sealed.
        hpke: [u8; 32],
    },
    /// A device joins.
    Add {
        /// Which.
        device: DevicePublic,
        /// What it is called.
        name: String,
    },
    /// Its author has another HPKE key from now on.
    Rekey {
        /// The new key.
        hpke: [u8; 32],
    },
    /// A new epoch.
    Rotate {
        /// See [`epoch_check`].
        check: [u8; 32],
    },
    /// A device is removed, for ever.
    Revoke {
        /// Which.
        device: DeviceId,
        /// How far its author knew the device's logs.
        cuts: Vec<Cut>,
    },
    /// How far its author knew the logs of a removed device when it learned of the removal.
    Held {
        /// Which removal.
        revoke: EntryHash,
        /// How far.
        cuts: Vec<Cut>,
    },
    /// The recovery key lets a device in and opens an epoch.
    Recover {
        /// Which device.
        device: DevicePublic,
        /// What it is called.
        name: String,
        /// See [`epoch_check`].
        check: [u8; 32],
    },
    /// These records are to be forgotten.
    Purge {
        /// Which.
        records: Vec<RecordId>,
        /// What stands for the one record that was rewritten, if it was.
        successor: Option<RecordId>,
    },
    /// Everything that counts was written anew; these segments may be forgotten by whoever finds all of theirs in it.
    Renew {
        /// What may be forgotten.
        covers: Vec<Cut>,
        /// The segments that hold it all.
        base: Cut,
    },
    /// Its author holds the base of a renewal, and forgot what it covers.
    Renewed {
        /// Which renewal.
        renewal: EntryHash,
    },
    /// Something of a newer version: kept and passed on, and it does not count.
    Unknown {
        /// Its kind.
        kind: u64,
    },
}

/// How far a log was known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut {
    /// Which log.
    pub log: LogId,
    /// Which of its segments.
    pub ranges: Ranges,
    /// The BLAKE3 of the highest of them, from which the others are found by their `prev`.
    pub hash: [u8; 32],
}

/// One signed entry. Only [`Entry::read`] makes one, so its signature is always its author's.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name.
    pub hash: EntryHash,
    /// What its author knew; empty for the first.
    pub parents: Vec<EntryHash>,
    /// Who signed it: a device, or the recovery key.
    pub author: DeviceId,
    /// Whether it is signed as the recovery key.
    pub by_recovery: bool,
    /// When, by its author's clock. Shown only.
    pub made_at_unix_ms: u64,
    /// What it says.
    pub act: Act,
    bytes: Vec<u8>,
}

// Keys of an entry's map. The first five are in every entry of every version.
const KIND: u64 = 0;
const PARENTS: u64 = 1;
const AUTHOR: u64 = 2;
const BY_RECOVERY: u64 = 3;
const MADE_AT: u64 = 4;
const NOTEBOOK: u64 = 8;
const DEVICE: u64 = 9;
const NAME: u64 = 10;
const CHECK: u64 = 11;
const SIGN: u64 = 12;
const HPKE: u64 = 13;
const TARGET: u64 = 14;
const CUTS: u64 = 15;
const REVOKE: u64 = 16;
const RECORDS: u64 = 17;
const SUCCESSOR: u64 = 18;
const BASE: u64 = 19;
const RENEWAL: u64 = 20;

impl Act {
    fn kind(&self) -> u64 {
        match self {
            Self::Genesis { .. } => 1,
            Self::SetRecovery { .. } => 2,
            Self::Add { .. } => 3,
            Self::Rekey { .. } => 4,
            Self::Rotate { .. } => 5,
            Self::Revoke { .. } => 6,
            Self::Held { .. } => 7,
            Self::Recover { .. } => 8,
            Self::Purge { .. } => 9,
            Self::Renew { .. } => 10,
            Self::Renewed { .. } => 11,
            Self::Unknown { kind } => *kind,
        }
    }

    fn put(&self, map: &mut Map) {
        map.put(KIND, |writer| writer.uint(self.kind()));
        match self {
            Self::Genesis { notebook, device, name, check } => {
                map.put(NOTEBOOK, |writer| writer.bytes(&notebook.0));
                put_device(map, device, name);
                map.put(CHECK, |writer| writer.bytes(check));
            }
            Self::SetRecovery { sign, hpke } => {
                map.put(SIGN, |writer| writer.bytes(sign));
                map.put(HPKE, |writer| writer.bytes(hpke));
            }
            Self::Add { device, name } => put_device(map, device, name),
            Self::Rekey { hpke } => map.put(HPKE, |writer| writer.bytes(hpke)),
            Self::Rotate { check } => map.put(CHECK, |writer| writer.bytes(check)),
            Self::Revoke { device, cuts } => {
                map.put(TARGET, |writer| writer.bytes(&device.0));
                map.put(CUTS, |writer| writer.list(cuts.iter(), |writer, cut| writer.raw(&cut.encode())));
            }
            Self::Held { revoke, cuts } => {
                map.put(REVOKE, |writer| writer.bytes(&revoke.0));
                map.put(CUTS, |writer| writer.list(cuts.iter(), |writer, cut| writer.raw(&cut.encode())));
            }
            Self::Recover { device, name, check } => {
                put_device(map, device, name);
                map.put(CHECK, |writer| writer.bytes(check));
            }
            Self::Purge { records, successor } => {
                map.put(RECORDS, |writer| writer.list(records.iter(), |writer, record| writer.bytes(&record.0)));
                if let Some(successor) = successor {
                    map.put(SUCCESSOR, |writer| writer.bytes(&successor.0));
                }
            }
            Self::Renew { covers, base } => {
                map.put(CUTS, |writer| writer.list(covers.iter(), |writer, cut| writer.raw(&cut.encode())));
                map.put(BASE, |writer| writer.raw(&base.encode()));
            }
            Self::Renewed { renewal } => map.put(RENEWAL, |writer| writer.bytes(&renewal.0)),
            Self::Unknown { .. } => {}
        }
    }

    /// Fields of a newer version are left where they are: an entry is passed on as the bytes that came.
    fn take(fields: &mut Fields<'_>) -> Result<Self> {
        let kind = fields.take(KIND, Reader::uint)?;
        Ok(match kind {
            1 => Self::Genesis {
                notebook: NotebookTag(fields.take(NOTEBOOK, Reader::array)?),
                device: take_device(fields)?,
                name: take_name(fields)?,
                check: fields.take(CHECK, Reader::array)?,
            },
            2 => Self::SetRecovery { sign: fields.take(SIGN, Reader::array)?, hpke: fields.take(HPKE, Reader::array)? },
            3 => Self::Add { device: take_device(fields)?, name: take_name(fields)? },
            4 => Self::Rekey { hpke: fields.take(HPKE, Reader::array)? },
            5 => Self::Rotate { check: fields.take(CHECK, Reader::array)? },
            6 => Self::Revoke { device: DeviceId(fields.take(TARGET, Reader::array)?), cuts: take_cuts(fields)? },
            7 => Self::Held { revoke: EntryHash(fields.take(REVOKE, Reader::array)?), cuts: take_cuts(fields)? },
            8 => Self::Recover {
                device: take_device(fields)?,
                name: take_name(fields)?,
                check: fields.take(CHECK, Reader::array)?,
            },
            9 => Self::Purge {
                records: fields
                    .take(RECORDS, |reader| reader.list(MAX_PURGED, |reader| reader.array().map(RecordId)))?,
                successor: fields.take_if_there(SUCCESSOR, |reader| reader.array().map(RecordId))?,
            },
            10 => Self::Renew { covers: take_cuts(fields)?, base: fields.take(BASE, Cut::read)? },
            11 => Self::Renewed { renewal: EntryHash(fields.take(RENEWAL, Reader::array)?) },
            kind => Self::Unknown { kind },
        })
    }

    /// The device this lets in.
    pub fn adds(&self) -> Option<(&DevicePublic, &str)> {
        match self {
            Self::Genesis { device, name, .. } | Self::Add { device, name } | Self::Recover { device, name, .. } => {
                Some((device, name))
            }
            _ => None,
        }
    }

    /// The check of the epoch this opens.
    fn opens(&self) -> Option<[u8; 32]> {
        match self {
            Self::Genesis { check, .. } | Self::Rotate { check } | Self::Recover { check, .. } => Some(*check),
            _ => None,
        }
    }

    /// Whether this may be said by who says to sign it so.
    fn may_be_signed(&self, author: &DeviceId, by_recovery: bool) -> bool {
        match self {
            Self::Genesis { device, .. } => !by_recovery && device.device == *author,
            Self::Rekey { .. } | Self::Held { .. } | Self::Purge { .. } | Self::Renew { .. } | Self::Renewed { .. } => {
                !by_recovery
            }
            Self::Recover { .. } => by_recovery,
            _ => true,
        }
    }
}

impl Cut {
    fn encode(&self) -> Vec<u8> {
        let mut map = Map::new();
        map.put(0, |writer| writer.bytes(&self.log));
        map.put(1, |writer| self.ranges.write(writer));
        map.put(2, |writer| writer.bytes(&self.hash));
        map.into_bytes()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let mut fields = reader.map()?;
        Ok(Self {
            log: fields.take(0, Reader::array)?,
            ranges: fields.take(1, Ranges::read)?,
            hash: fields.take(2, Reader::array)?,
        })
    }
}

fn put_device(map: &mut Map, device: &DevicePublic, name: &str) {
    map.put(DEVICE, |writer| writer.raw(&device.encode()));
    map.put(NAME, |writer| writer.text(name));
}

fn take_device(fields: &mut Fields<'_>) -> Result<DevicePublic> {
    let device = fields.take(DEVICE, DevicePublic::read)?;
    device.verify().map(|()| device)
}

fn take_name(fields: &mut Fields<'_>) -> Result<String> {
    fields.take(NAME, |reader| reader.text(MAX_NAME)).map(str::to_owned)
}

fn take_cuts(fields: &mut Fields<'_>) -> Result<Vec<Cut>> {
    fields.take(CUTS, |reader| reader.list(MAX_CUTS, Cut::read))
}

fn refused<T>(why: &str) -> Result<T> {
    Err(Error::Peer(why.into()))
}

impl Entry {
    /// The first entry of a notebook's roster, by its first device, with the root of the first epoch.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name of more than 64 bytes.
    pub fn genesis(
        notebook: NotebookTag,
        keys: &DeviceKeys,
        name: &str,
        root: &Secret,
        made_at_unix_ms: u64,
    ) -> Result<Self> {
        let check = epoch_check(root);
        let act = Act::Genesis { notebook, device: keys.public(), name: name.into(), check };
        Self::sign(act, Vec::new(), keys.signing_key(), false, made_at_unix_ms)
    }

    fn sign(act: Act, parents: Vec<EntryHash>, key: &SigningKey, by_recovery: bool, made_at: u64) -> Result<Self> {
        let mut map = Map::new();
        act.put(&mut map);
        map.put(PARENTS, |writer| writer.list(parents.iter(), |writer, parent| writer.bytes(&parent.0)));
        map.put(AUTHOR, |writer| writer.bytes(key.verifying_key().as_bytes()));
        if by_recovery {
            map.put(BY_RECOVERY, Writer::yes);
        }
        map.put(MADE_AT, |writer| writer.uint(made_at));
        let mut bytes = map.into_bytes();
        let signature = seal::sign(key, PURPOSE, &[&bytes]);
        bytes.extend_from_slice(&signature);
        // What we could not read again, nobody could.
        Self::read(&bytes).map_err(|error| Error::Invalid(format!("this cannot be said of a device: {error}")))
    }

    /// Reads an entry: canonical CBOR, then the signature over it.
    ///
    /// # Errors
    /// [`Error::Peer`] when it is not signed by the author it names, or is not written the way Kith writes.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let Some((said, signature)) = bytes.split_last_chunk::<SIGNATURE>().filter(|_| bytes.len() <= MAX_ENTRY) else {
            return refused("not an entry of the roster, or too large for one");
        };
        let mut reader = Reader::new(said);
        let mut fields = reader.map()?;
        reader.end()?;
        let author = DeviceId(fields.take(AUTHOR, Reader::array)?);
        seal::verify(&author.0, PURPOSE, &[said], signature)?;
        let entry = Self {
            hash: EntryHash(blake3::hash(bytes).into()),
            parents: fields.take(PARENTS, |reader| reader.list(MAX_PARENTS, |reader| reader.array().map(EntryHash)))?,
            author,
            by_recovery: fields.take_if_there(BY_RECOVERY, Reader::yes)?.unwrap_or(false),
            made_at_unix_ms: fields.take(MADE_AT, Reader::uint)?,
            act: Act::take(&mut fields)?,
            bytes: bytes.to_vec(),
        };
        let is_first = matches!(entry.act, Act::Genesis { .. });
        if !entry.parents.is_sorted_by(|a, b| a < b) || entry.parents.is_empty() != is_first {
            return refused("an entry of the roster names what was before it in a way of no version");
        }
        if !entry.act.may_be_signed(&entry.author, entry.by_recovery) {
            return refused("an entry of the roster says what its author cannot say");
        }
        Ok(entry)
    }

    /// Its bytes, as they are kept and passed on.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Entries of one notebook, each together with everything before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries {
    notebook: NotebookTag,
    list: BTreeMap<EntryHash, Entry>,
    bytes: usize,
    trusted_recovery: Option<EntryHash>,
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
            Act::Genesis { notebook, .. } => {
                let bytes = genesis.bytes.len();
                Ok(Self { notebook, bytes, list: [(genesis.hash, genesis)].into(), trusted_recovery: None })
            }
            _ => refused("a roster begins with another entry than this"),
        }
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
        let mut parents = self.heads();
        // More heads than an entry may name are only there when somebody makes them. What is left out stays a head.
        parents.truncate(MAX_PARENTS);
        Entry::sign(act, parents, author, by_recovery, made_at_unix_ms)
    }

    /// Takes an entry in.
    ///
    /// # Errors
    /// [`Error::Peer`] when its author is nobody that the entries before it know, or there are too many.
    pub fn insert(&mut self, entry: Entry) -> Result<Taken> {
        if self.list.contains_key(&entry.hash) {
            return Ok(Taken::Known);
        }
        if entry.parents.is_empty() {
            return refused("this roster began with another entry");
        }
        let missing: Vec<EntryHash> =
            entry.parents.iter().filter(|parent| !self.list.contains_key(parent)).copied().collect();
        if !missing.is_empty() {
            return Ok(Taken::Waits(missing));
        }
        if !self.knows_author(&entry) {
            return refused("an entry of the roster is signed by nobody who is known");
        }
        let of_author = self.list.values().filter(|other| other.author == entry.author).count();
        let is_full = self.list.len() >= MAX_ENTRIES || self.bytes.saturating_add(entry.bytes.len()) > MAX_BYTES;
        if of_author >= MAX_BY_AUTHOR || is_full && !self.is_from_paper(&entry) {
            return refused(
                "there are more entries in the roster than a notebook can need; one device writes too many",
            );
        }
        self.bytes += entry.bytes.len();
        self.list.insert(entry.hash, entry);
        Ok(Taken::New)
    }

    /// Takes many in, in whatever order they come.
    pub fn merge(&mut self, entries: impl IntoIterator<Item = Entry>) -> Merged {
        let mut merged = Merged { waiting: entries.into_iter().collect(), ..Merged::default() };
        loop {
            let before = merged.new.len();
            for entry in std::mem::take(&mut merged.waiting) {
                let hash = entry.hash;
                if entry.parents.iter().any(|parent| !self.list.contains_key(parent)) {
                    merged.waiting.push(entry);
                    continue;
                }
                match self.insert(entry) {
                    Ok(Taken::New) => merged.new.push(hash),
                    Ok(_) => {}
                    Err(error) => merged.refused.push(error),
                }
            }
            if merged.new.len() == before {
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

    /// Whether the recovery key that holds signed this: it must be able to remove even a device that filled the set.
    fn is_from_paper(&self, entry: &Entry) -> bool {
        entry.by_recovery && evaluate(self).recovery.is_some_and(|recovery| recovery.sign == entry.author.0)
    }

    /// These entries and all before them, as far as they are known.
    fn with_past(&self, from: impl Iterator<Item = EntryHash>) -> BTreeSet<EntryHash> {
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

/// Each entry after its parents, and of those that could come next the one with the smallest hash.
///
/// Whether one of two entries comes earlier depends on nothing but the two and what is before them.
fn in_order(list: &BTreeMap<EntryHash, Entry>) -> Vec<&Entry> {
    let mut children: BTreeMap<EntryHash, Vec<EntryHash>> = BTreeMap::new();
    let mut missing: BTreeMap<EntryHash, usize> = BTreeMap::new();
    let mut free: BTreeSet<EntryHash> = BTreeSet::new();
    for (hash, entry) in list {
        entry.parents.iter().for_each(|parent| children.entry(*parent).or_default().push(*hash));
        missing.insert(*hash, entry.parents.len());
        if entry.parents.is_empty() {
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
    /// Whether the recovery key signed one of them: then it may wipe itself.
    pub by_recovery: bool,
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

    fn extend(&mut self, cuts: &[Cut]) {
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

    /// The epoch of this name.
    pub fn epoch(&self, entry: &EntryHash) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.entry == *entry)
    }
}

/// Reads a set of entries, as the beginning of this file says.
pub fn evaluate(entries: &Entries) -> Roster {
    let mut weighing = Weighing::new(entries);
    let counting = weighing.decide();
    weighing.roster(&counting)
}

/// The work of [`evaluate`]. Entries are named by their place in the order.
struct Weighing<'a> {
    list: Vec<&'a Entry>,
    /// For each entry, a bit for each that is before it.
    past: Vec<Vec<u64>>,
    /// What a decided removal took away.
    struck: Vec<bool>,
    /// The removals that were decided.
    decided: BTreeSet<usize>,
    trusted_recovery: Option<EntryHash>,
}

/// What counts, as long as no other removal is decided.
#[derive(Default)]
struct Counting {
    counts: Vec<bool>,
    /// For each device the counting entries that let it in.
    added: BTreeMap<DeviceId, Vec<usize>>,
    /// The entries that set the recovery key, each replacing the one before it.
    recovery: Vec<usize>,
    contested: Vec<usize>,
}

impl<'a> Weighing<'a> {
    fn new(entries: &'a Entries) -> Self {
        let list = in_order(&entries.list);
        let place: BTreeMap<EntryHash, usize> = list.iter().enumerate().map(|(at, entry)| (entry.hash, at)).collect();
        let mut past: Vec<Vec<u64>> = Vec::with_capacity(list.len());
        for entry in &list {
            let mut bits = vec![0_u64; list.len().div_ceil(64)];
            for parent in entry.parents.iter().filter_map(|parent| place.get(parent)) {
                bits.iter_mut().zip(&past[*parent]).for_each(|(bits, before)| *bits |= before);
                bits[parent / 64] |= 1 << (parent % 64);
            }
            past.push(bits);
        }
        let struck = vec![false; list.len()];
        Self { list, past, struck, decided: BTreeSet::new(), trusted_recovery: entries.trusted_recovery }
    }

    fn is_before(&self, a: usize, b: usize) -> bool {
        self.past[b][a / 64] >> (a % 64) & 1 == 1
    }

    /// Decides the removals, one after another.
    fn decide(&mut self) -> Counting {
        let mut counting = self.count();
        while let Some(removal) = self.next_removal(&counting) {
            self.decided.insert(removal);
            if self.strike(removal) {
                counting = self.count();
            }
        }
        counting
    }

    /// The removal to be decided next: that of the highest authority of those that need not wait.
    fn next_removal(&self, counting: &Counting) -> Option<usize> {
        let mut open: Vec<usize> = (0..self.list.len())
            .filter(|at| counting.counts[*at] && self.target(*at).is_some() && !self.decided.contains(at))
            .collect();
        open.sort_by_key(|at| {
            let entry = self.list[*at];
            let age = counting.added.get(&entry.author).and_then(|added| added.first()).copied();
            (!entry.by_recovery, age, *at)
        });
        let waits = |at: usize| {
            let entry = self.list[at];
            !entry.by_recovery
                && open.iter().any(|other| {
                    *other != at && self.target(*other) == Some(entry.author) && self.is_before(*other, at)
                })
        };
        open.iter().copied().find(|at| !waits(*at))
    }

    fn target(&self, at: usize) -> Option<DeviceId> {
        match &self.list[at].act {
            Act::Revoke { device, .. } => Some(*device),
            _ => None,
        }
    }

    /// Takes away what the removed device wrote and the removal did not follow; says whether there was anything. What
    /// was decided stays decided, even if it was that device's.
    fn strike(&mut self, removal: usize) -> bool {
        let target = self.target(removal);
        let mut any = false;
        for at in 0..self.list.len() {
            let entry = self.list[at];
            let is_theirs = !entry.by_recovery && Some(entry.author) == target;
            if is_theirs && !self.is_before(at, removal) && !self.struck[at] {
                self.struck[at] = true;
                any = true;
            }
        }
        any
    }

    /// What counts now. The recovery key is found first, among what devices wrote on their own: whatever it signed
    /// follows the entry that set it.
    fn count(&self) -> Counting {
        let mut first = Counting::default();
        let mut setters: Vec<usize> = Vec::new();
        for at in 0..self.list.len() {
            let counts = !self.list[at].by_recovery && self.is_by_a_device(at, &first);
            self.note(at, counts, &mut first);
            let sets = counts && matches!(self.list[at].act, Act::SetRecovery { .. });
            if sets && !setters.iter().any(|earlier| self.is_before(*earlier, at)) {
                setters.push(at);
            }
        }
        let recovery = self.recovery(&setters, &first);

        let mut counting = Counting::default();
        for at in 0..self.list.len() {
            let entry = self.list[at];
            let counts = match entry.act {
                Act::SetRecovery { .. } => recovery.contains(&at),
                _ if entry.by_recovery => self.is_by_recovery(at, &recovery),
                _ => self.is_by_a_device(at, &counting),
            };
            self.note(at, counts, &mut counting);
        }
        counting.contested = setters.into_iter().filter(|at| !recovery.contains(at)).collect();
        counting.recovery = recovery;
        counting
    }

    fn note(&self, at: usize, counts: bool, counting: &mut Counting) {
        counting.counts.push(counts);
        if let Some((device, _)) = self.list[at].act.adds().filter(|_| counts) {
            counting.added.entry(device.device).or_default().push(at);
        }
    }

    fn is_by_a_device(&self, at: usize, counting: &Counting) -> bool {
        let entry = self.list[at];
        let mut added = counting.added.get(&entry.author).into_iter().flatten();
        !self.struck[at] && (entry.parents.is_empty() || added.any(|added| self.is_before(*added, at)))
    }

    /// The recovery key that was set first, and those that replaced it. Of several set at the same time the one this
    /// device saw first, else the one of the eldest device.
    fn recovery(&self, setters: &[usize], counting: &Counting) -> Vec<usize> {
        let age = |at: &usize| counting.added.get(&self.list[*at].author).and_then(|added| added.first()).copied();
        let seen = |at: &&usize| Some(self.list[**at].hash) == self.trusted_recovery;
        let first = setters.iter().find(seen).or_else(|| setters.iter().min_by_key(|at| (age(at), **at)));
        let mut chain: Vec<usize> = first.into_iter().copied().collect();
        while let Some(last) = chain.last().copied() {
            let replaces = |at: &usize| {
                let entry = self.list[*at];
                entry.by_recovery
                    && matches!(entry.act, Act::SetRecovery { .. })
                    && self.is_signed_by(*at, last)
                    && self.is_before(last, *at)
            };
            match (last + 1..self.list.len()).find(replaces) {
                Some(next) => chain.push(next),
                None => break,
            }
        }
        chain
    }

    /// Whether the recovery key set by `set` signed this.
    fn is_signed_by(&self, at: usize, set: usize) -> bool {
        matches!(&self.list[set].act, Act::SetRecovery { sign, .. } if *sign == self.list[at].author.0)
    }

    fn is_by_recovery(&self, at: usize, recovery: &[usize]) -> bool {
        recovery.iter().enumerate().any(|(place, set)| {
            let replaced = recovery.get(place + 1);
            self.is_signed_by(at, *set)
                && self.is_before(*set, at)
                && replaced.is_none_or(|replaced| self.is_before(at, *replaced))
        })
    }

    fn roster(&self, counting: &Counting) -> Roster {
        let removed = self.removed(counting);
        let is_removed = |device: &DeviceId| removed.iter().any(|removed| removed.device == *device);
        let mut devices: Vec<(usize, Device)> = counting
            .added
            .iter()
            .filter(|(device, _)| !is_removed(device))
            .filter_map(|(_, added)| added.first())
            .filter_map(|at| Some((*at, self.device(*at, counting)?)))
            .collect();
        devices.sort_by_key(|(at, _)| *at);
        let epochs: Vec<usize> = (0..self.list.len()).filter(|at| self.list[*at].act.opens().is_some()).collect();
        Roster {
            void: self.void(counting, is_removed),
            write_under: self.write_under(&epochs, counting, &removed),
            epochs: epochs.iter().filter_map(|at| self.epoch(*at, counting)).collect(),
            recovery: counting.recovery.last().and_then(|at| match self.list[*at].act {
                Act::SetRecovery { sign, hpke } => Some(Recovery { entry: self.list[*at].hash, sign, hpke }),
                _ => None,
            }),
            contested_recovery: counting.contested.iter().map(|at| self.list[*at].hash).collect(),
            purges: self.counting(counting).filter_map(|at| self.purge(at)).collect(),
            renewals: self.counting(counting).filter_map(|at| self.renewal(at, counting)).collect(),
            needs_update: self.list.iter().any(|entry| matches!(entry.act, Act::Unknown { .. })),
            devices: devices.into_iter().map(|(_, device)| device).collect(),
            removed,
        }
    }

    fn counting<'b>(&'b self, counting: &'b Counting) -> impl Iterator<Item = usize> + 'b {
        (0..self.list.len()).filter(|at| counting.counts[*at])
    }

    /// The device that this entry let in, with the HPKE key it has now.
    fn device(&self, at: usize, counting: &Counting) -> Option<Device> {
        let entry = self.list[at];
        let (public, name) = entry.act.adds()?;
        let renewed = self.counting(counting).filter_map(|at| match self.list[at].act {
            Act::Rekey { hpke } if self.list[at].author == public.device => Some(hpke),
            _ => None,
        });
        Some(Device {
            hpke: renewed.last().unwrap_or(public.hpke),
            public: public.clone(),
            name: name.into(),
            added: entry.hash,
        })
    }

    fn removed(&self, counting: &Counting) -> Vec<Removed> {
        let mut removed: BTreeMap<DeviceId, Removed> = BTreeMap::new();
        for at in &self.decided {
            let Act::Revoke { device, cuts } = &self.list[*at].act else {
                continue;
            };
            let there = removed.entry(*device).or_insert_with(|| Removed {
                device: *device,
                name: self.names(device).next().map(|(_, name)| name.into()),
                revokes: Vec::new(),
                by_recovery: false,
                cut_off: CutOff::default(),
            });
            there.revokes.push(self.list[*at].hash);
            there.by_recovery |= self.list[*at].by_recovery;
            there.cut_off.extend(cuts);
        }
        self.add_held(counting, &mut removed);
        removed.into_values().collect()
    }

    /// What devices had when they learned of a removal: of each device one word for each removal, its first.
    fn add_held(&self, counting: &Counting, removed: &mut BTreeMap<DeviceId, Removed>) {
        let mut said = BTreeSet::new();
        for at in self.counting(counting) {
            let Act::Held { revoke, cuts } = &self.list[at].act else {
                continue;
            };
            let of = self.decided.iter().find(|of| self.list[**of].hash == *revoke);
            let there = of.and_then(|of| self.target(*of)).and_then(|device| removed.get_mut(&device));
            if let Some(there) = there.filter(|_| said.insert((self.list[at].author, *revoke))) {
                there.cut_off.extend(cuts);
            }
        }
    }

    /// The entries that ever let this device in, whether they count or not.
    fn names<'b>(&'b self, device: &'b DeviceId) -> impl Iterator<Item = (usize, &'b str)> + 'b {
        self.list.iter().enumerate().filter_map(move |(at, entry)| {
            entry.act.adds().filter(|(public, _)| public.device == *device).map(|(_, name)| (at, name))
        })
    }

    fn void(&self, counting: &Counting, is_removed: impl Fn(&DeviceId) -> bool) -> Vec<VoidAdd> {
        let mut shown = BTreeSet::new();
        let void = self.list.iter().filter_map(|entry| {
            let (public, name) = entry.act.adds()?;
            let is_void = !counting.added.contains_key(&public.device) && !is_removed(&public.device);
            (is_void && shown.insert(public.device)).then(|| VoidAdd {
                entry: entry.hash,
                by: entry.author,
                public: public.clone(),
                name: name.into(),
            })
        });
        void.collect()
    }

    fn epoch(&self, at: usize, counting: &Counting) -> Option<Epoch> {
        let entry = self.list[at];
        let is_member = |device: &&DeviceId| !self.is_removed_before(device, at);
        Some(Epoch {
            entry: entry.hash,
            check: entry.act.opens()?,
            members: counting.added.keys().filter(is_member).copied().collect(),
        })
    }

    fn is_removed_before(&self, device: &DeviceId, at: usize) -> bool {
        self.decided.iter().any(|removal| self.target(*removal) == Some(*device) && self.is_before(*removal, at))
    }

    /// An epoch that was opened without knowing of a removal may be known to the removed device, or be told to it: only
    /// one that follows all removals is written under.
    fn write_under(&self, epochs: &[usize], counting: &Counting, removed: &[Removed]) -> Vec<EntryHash> {
        let is_safe = |at: &&usize| {
            // Who was never let in never had a key.
            let mut once_in = removed.iter().filter(|removed| removed.name.is_some());
            counting.counts[**at] && once_in.all(|removed| self.is_removed_before(&removed.device, **at))
        };
        let safe: Vec<usize> = epochs.iter().filter(is_safe).copied().collect();
        let followed = |at: usize| safe.iter().any(|later| self.is_before(at, *later));
        let mut best: Vec<(bool, EntryHash)> = safe.iter().map(|at| (followed(*at), self.list[*at].hash)).collect();
        best.sort_unstable();
        best.into_iter().map(|(_, hash)| hash).collect()
    }

    fn renewal(&self, at: usize, counting: &Counting) -> Option<Renewal> {
        let Act::Renew { covers, base } = &self.list[at].act else { return None };
        let entry = self.list[at].hash;
        let is_done = |at: &usize| matches!(self.list[*at].act, Act::Renewed { renewal } if renewal == entry);
        let done = self.counting(counting).filter(is_done).map(|at| self.list[at].author).collect();
        Some(Renewal { entry, covers: covers.clone(), base: base.clone(), done })
    }

    fn purge(&self, at: usize) -> Option<Purge> {
        let entry = self.list[at];
        match &entry.act {
            Act::Purge { records, successor } => {
                Some(Purge { entry: entry.hash, by: entry.author, records: records.clone(), successor: *successor })
            }
            _ => None,
        }
    }
}

/// Seals an entry for an `r/` file, under the key of an epoch that its readers have: one before it.
///
/// # Errors
/// [`Error::Invalid`] when it is beyond what the cipher can take, which no entry is.
pub fn seal_entry(entry: &Entry, epoch: &EpochKeys, random: Random<'_>) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE];
    random(&mut nonce);
    let common = seal::parcel_head(Parcel::Entry, &epoch.notebook);
    let head = [&common[..], &epoch.key_id().0, &nonce].concat();
    let mut inside = (entry.bytes.len() as u32).to_be_bytes().to_vec();
    inside.extend_from_slice(&entry.bytes);
    seal::pad(&mut inside);
    let sealed = seal::encrypt(epoch.entry_key(), &nonce, &head, &inside)?;
    Ok([head, sealed].concat())
}

/// Under which epoch's key an `r/` file with an entry is sealed; none when it is a bag of keys.
///
/// # Errors
/// As [`seal::parcel`].
pub fn entry_key(bytes: &[u8], notebook: &NotebookTag) -> Result<Option<KeyId>> {
    let kind = seal::parcel(bytes, notebook)?;
    let key = bytes.get(24..).and_then(|rest| rest.first_chunk::<8>()).copied().map(KeyId);
    Ok(key.filter(|_| kind == Parcel::Entry))
}

/// Opens an `r/` file with an entry.
///
/// # Errors
/// [`Error::Peer`] when it is none, is damaged, or is sealed under another key; [`Error::NeedsUpdate`] for a newer form.
pub fn open_entry(bytes: &[u8], epoch: &EpochKeys) -> Result<Entry> {
    if entry_key(bytes, &epoch.notebook)? != Some(epoch.key_id()) {
        return refused("it is sealed under another key");
    }
    let (head, sealed) = bytes.split_at(PARCEL_HEAD);
    let Some((_, nonce)) = head.split_last_chunk::<NONCE>() else {
        return refused("not a file of keys");
    };
    let inside = seal::decrypt(epoch.entry_key(), nonce, head, sealed)?;
    Entry::read(seal::unpad(&inside)?)
}

#[cfg(test)]
mod tests;
