//! What the roster is made of: signed entries, how each is written and read, and how one travels in a file.

use std::cmp::Reverse;

use ed25519_dalek::SigningKey;

use super::{MAX_CUT_RANGES, MAX_CUTS, MAX_ENTRY, MAX_NAME, MAX_PARENTS, MAX_PURGED, refused};
use crate::error::{Error, Result};
use crate::model::{Random, RecordId};
use crate::sync::LogId;
use crate::sync::cbor::{Fields, Map, Reader, Writer};
use crate::sync::keys::{
    DeviceId, DeviceKeys, DevicePublic, EntryHash, EntryKey, KeyId, NotebookTag, RecoveryKit, Secret, epoch_check,
};
use crate::sync::ranges::{MAX_RANGES, Ranges};
use crate::sync::seal::{self, NONCE, PARCEL_HEAD, Parcel, SIGNATURE};
use crate::sync::share::{Claim, shared};

pub(super) const PURPOSE: &str = "kith/ros/1";

/// What an entry says.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// The first entry: its author's device, and the first epoch.
    Genesis {
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
        /// By which who has the paper says that it is for this notebook, see [`Act::set_recovery`].
        proof: [u8; SIGNATURE],
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
    pub(super) bytes: Vec<u8>,
}

// Keys of an entry's map. The first five are in every entry of every version.
pub(super) const KIND: u64 = 0;
pub(super) const PARENTS: u64 = 1;
pub(super) const AUTHOR: u64 = 2;
const BY_RECOVERY: u64 = 3;
pub(super) const MADE_AT: u64 = 4;
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
const PROOF: u64 = 21;

const FOR_NOTEBOOK: &str = "kith/rec/1";

impl Act {
    pub(super) fn kind(&self) -> u64 {
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
            Self::Genesis { device, name, check } => {
                put_device(map, device, name);
                map.put(CHECK, |writer| writer.bytes(check));
            }
            Self::SetRecovery { sign, hpke, proof } => {
                map.put(SIGN, |writer| writer.bytes(sign));
                map.put(HPKE, |writer| writer.bytes(hpke));
                map.put(PROOF, |writer| writer.bytes(proof));
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
                device: take_device(fields)?,
                name: take_name(fields)?,
                check: fields.take(CHECK, Reader::array)?,
            },
            2 => Self::SetRecovery {
                sign: fields.take(SIGN, Reader::array)?,
                hpke: fields.take(HPKE, Reader::array)?,
                proof: fields.take(PROOF, Reader::array)?,
            },
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
    pub(super) fn opens(&self) -> Option<[u8; 32]> {
        match self {
            Self::Genesis { check, .. } | Self::Rotate { check } | Self::Recover { check, .. } => Some(*check),
            _ => None,
        }
    }

    /// Whether this may be said by who says to sign it so.
    pub(super) fn may_be_signed(&self, author: &DeviceId, by_recovery: bool) -> bool {
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

impl Act {
    /// That this is the recovery key of this notebook. Without the proof, whoever saw that entry could begin another
    /// notebook with the same key, and the device that comes back with the paper would enter that one.
    pub fn set_recovery(kit: &RecoveryKit, notebook: &NotebookTag) -> Self {
        let hpke = kit.hpke_public();
        let proof = seal::sign(&kit.signing_key(), FOR_NOTEBOOK, &[&notebook.0, &hpke]);
        Self::SetRecovery { sign: kit.public(), hpke, proof }
    }

    /// Whether nothing in this is meant for another notebook.
    pub(super) fn is_for(&self, notebook: &NotebookTag) -> bool {
        match self {
            Self::SetRecovery { sign, hpke, proof } => {
                seal::verify_once(sign, FOR_NOTEBOOK, &[&notebook.0, hpke], proof).is_ok()
            }
            _ => true,
        }
    }
}

impl Cut {
    /// As many of these as one entry holds, of each device those of most segments first. More are there only when a device
    /// that means harm opens logs, or leaves out numbers, without end: what is not named of it is kept back. The rank of a
    /// log is that of its device: logs of one rank share one part of the room, the lower the more believed.
    pub fn that_fit(mut cuts: Vec<Self>, rank: impl Fn(&LogId) -> usize) -> Vec<Self> {
        let ranges = |cut: &Self| cut.ranges.ranges().len();
        cuts.retain(|cut| ranges(cut) <= MAX_RANGES);
        cuts.sort_by_key(|cut| Reverse(cut.ranges.count()));
        let cost = |cut: &Self| ranges(cut).max(MAX_CUT_RANGES / MAX_CUTS);
        let claims = cuts.into_iter().map(|cut| Claim { rank: rank(&cut.log), cost: cost(&cut), what: cut });
        let mut cuts = shared(MAX_CUT_RANGES, claims);
        cuts.sort_unstable();
        cuts
    }

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

impl Entry {
    /// The first entry of a notebook's roster, by its first device, with the root of the first epoch.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name of more than 64 bytes.
    pub fn genesis(keys: &DeviceKeys, name: &str, root: &Secret, made_at_unix_ms: u64) -> Result<Self> {
        let check = epoch_check(root);
        let act = Act::Genesis { device: keys.public(), name: name.into(), check };
        Self::sign(act, Vec::new(), keys.signing_key(), false, made_at_unix_ms)
    }

    pub(super) fn sign(
        act: Act,
        parents: Vec<EntryHash>,
        key: &SigningKey,
        by_recovery: bool,
        made_at: u64,
    ) -> Result<Self> {
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
        seal::verify_once(&author.0, PURPOSE, &[said], signature)?;
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

/// Seals an entry for an `r/` file, under the key of an epoch that its readers have: one before it.
///
/// # Errors
/// [`Error::Invalid`] when it is beyond what the cipher can take, which no entry is.
pub fn seal_entry(entry: &Entry, key: &EntryKey, random: Random<'_>) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE];
    random(&mut nonce);
    let common = seal::parcel_head(Parcel::Entry, &key.notebook);
    let head = [&common[..], &key.key_id().0, &nonce].concat();
    let mut inside = (entry.bytes.len() as u32).to_be_bytes().to_vec();
    inside.extend_from_slice(&entry.bytes);
    seal::pad(&mut inside);
    let sealed = seal::encrypt(key.secret(), &nonce, &head, &inside)?;
    Ok([head, sealed].concat())
}

/// Under which epoch's key an `r/` file with an entry is sealed; none when it is a bag of keys.
///
/// # Errors
/// As [`seal::parcel`].
pub fn entry_key(bytes: &[u8], notebook: &NotebookTag) -> Result<Option<KeyId>> {
    let kind = seal::parcel(bytes, notebook)?;
    Ok(seal::parcel_key(bytes).filter(|_| kind == Parcel::Entry))
}

/// Opens an `r/` file with an entry.
///
/// # Errors
/// [`Error::Peer`] when it is none, is damaged, or is sealed under another key; [`Error::NeedsUpdate`] for a newer form.
pub fn open_entry(bytes: &[u8], key: &EntryKey) -> Result<Entry> {
    if entry_key(bytes, &key.notebook)? != Some(key.key_id()) {
        return refused("it is sealed under another key");
    }
    let (head, sealed) = bytes.split_at(PARCEL_HEAD);
    let Some((_, nonce)) = head.split_last_chunk::<NONCE>() else {
        return refused("not a file of keys");
    };
    let inside = seal::decrypt(key.secret(), nonce, head, sealed)?;
    Entry::read(seal::unpad(&inside)?)
}
