//! A checkpoint: what the newest records say, so that a new device can show them before their changes have come. It is
//! never the truth: a record it told is read-only until its own changes are here, and goes away if they never come.
//!
//! It comes in parts that stand by themselves. One is
//! `head 56 | XChaCha20-Poly1305 of (signature 64 | length 4 | zstd of canonical CBOR | zeros)`, and the head
//! `"KTC1" | suite | 0 0 0 | notebook 16 | key 8 | nonce 24`. The text is a map: 0 the device; 1 a list of records, each
//! a map of 0 its id, 1 the word of its kind, 2 its fields as JSON; 2 a list of what its author has, each a
//! log and its numbers.

use std::fmt;

use ed25519_dalek::SigningKey;

use super::cbor::{Map, Reader};
use super::keys::{DeviceId, EpochKeys, KeyId, NotebookTag};
use super::ranges::Ranges;
use super::seal::{self, NONCE, SIGNATURE, SUITE};
use super::segment::{MAX_SEEN, read_seen, write_seen};
use super::{LogId, hex};
use crate::error::{Error, Result};
use crate::model::{Random, RecordId};
pub use crate::query::Told;
use crate::query::{MAX_FIELDS, MAX_KIND};

/// Bytes before what is sealed.
const HEAD: usize = 56;
const MAGIC: &[u8; 4] = b"KTC1";
const PURPOSE: &str = "kith/chk/1";
/// Largest part, as a file.
pub const MAX_PART: usize = 1024 * 1024;
/// What the text of a part may come to.
pub(super) const MAX_TEXT: usize = 1024 * 1024;
/// What the records of a part come to when one is made.
const FULL: usize = 640 * 1024;
/// Most parts of a checkpoint.
pub const MAX_PARTS: usize = 16;
/// What the records of all parts come to, at most.
pub const MAX_TOLD: usize = 8 * 1024 * 1024;
/// Most records of a part.
pub(super) const MAX_RECORDS: usize = 16 * 1024;

/// What a checkpoint says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Records, each of which fits.
    pub told: Vec<Told>,
    /// What its author has: as long as that has not come, more is on its way.
    pub seen: Vec<(LogId, Ranges)>,
}

/// Seals it into parts.
///
/// # Errors
/// [`Error::Invalid`] when they are more than a checkpoint may hold.
pub fn seal(text: &Text, epoch: &EpochKeys, author: &SigningKey, random: Random<'_>) -> Result<Vec<Vec<u8>>> {
    let mut parts: Vec<&[Told]> = Vec::new();
    let mut rest = &text.told[..];
    while !rest.is_empty() {
        let mut size = 0;
        let fits = |told: &&Told| {
            size += told.size();
            size <= FULL
        };
        let count = rest.iter().take_while(fits).count().clamp(1, MAX_RECORDS);
        let (part, after) = rest.split_at(count);
        parts.push(part);
        rest = after;
    }
    if parts.len() > MAX_PARTS {
        return Err(Error::Invalid("a checkpoint holds too much".into()));
    }
    parts.into_iter().map(|part| seal_part(part, &text.seen, epoch, author, random)).collect()
}

fn seal_part(
    told: &[Told],
    seen: &[(LogId, Ranges)],
    epoch: &EpochKeys,
    author: &SigningKey,
    random: Random<'_>,
) -> Result<Vec<u8>> {
    let mut text = Map::new();
    text.put(0, |writer| writer.bytes(&author.verifying_key().to_bytes()));
    text.put(1, |writer| {
        writer.list(told.iter(), |writer, told| {
            let mut record = Map::new();
            record.put(0, |writer| writer.bytes(&told.id.0));
            record.put(1, |writer| writer.text(&told.kind));
            record.put(2, |writer| writer.text(&told.fields));
            writer.map(&record);
        });
    });
    text.put(2, |writer| writer.list(seen.iter(), write_seen));
    let packed = zstd::bulk::compress(&text.into_bytes(), 3).map_err(|error| Error::Storage(error.to_string()))?;
    let mut nonce = [0; NONCE];
    random(&mut nonce);
    let head = head(&epoch.notebook, &epoch.key_id(), &nonce);
    let mut body = vec![0; SIGNATURE];
    body.extend_from_slice(&(packed.len() as u32).to_be_bytes());
    body.extend_from_slice(&packed);
    seal::pad(&mut body);
    let (signature, signed) = body.split_at_mut(SIGNATURE);
    signature.copy_from_slice(&seal::sign(author, PURPOSE, &[&head, signed]));
    Ok([&head[..], &seal::encrypt(epoch.checkpoint_key(), &nonce, &head, &body)?].concat())
}

fn head(notebook: &NotebookTag, key: &KeyId, nonce: &[u8; NONCE]) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(MAGIC);
    head[4] = SUITE;
    head[8..24].copy_from_slice(&notebook.0);
    head[24..32].copy_from_slice(&key.0);
    head[32..].copy_from_slice(nonce);
    head
}

/// Under which key a part is sealed, if it is one of this notebook.
///
/// # Errors
/// [`Error::Peer`] when it is none.
pub fn key_of(bytes: &[u8], notebook: &NotebookTag) -> Result<KeyId> {
    let is_one =
        |head: &&[u8; HEAD]| head.starts_with(MAGIC) && head[4..8] == [SUITE, 0, 0, 0] && head[8..24] == notebook.0;
    let head = bytes.first_chunk::<HEAD>().filter(is_one).filter(|_| bytes.len() <= MAX_PART);
    let head = head.ok_or_else(|| Error::Peer("not a part of a checkpoint of this notebook".into()))?;
    Ok(KeyId(std::array::from_fn(|at| head[24 + at])))
}

/// Opens a part; `belongs` says whether a device may have written it.
///
/// # Errors
/// [`Error::Peer`] when it is not what it says to be, or nobody's who belongs to the notebook.
pub fn open(bytes: &[u8], epoch: &EpochKeys, belongs: impl FnOnce(&DeviceId) -> bool) -> Result<Text> {
    if key_of(bytes, &epoch.notebook)? != epoch.key_id() {
        return Err(Error::Peer("a part of a checkpoint is sealed under another key".into()));
    }
    let (head, sealed) = bytes.split_at(HEAD);
    let nonce = std::array::from_fn(|at| head[32 + at]);
    let body = seal::decrypt(epoch.checkpoint_key(), &nonce, head, sealed)?;
    let not_one = || Error::Peer("not a part of a checkpoint".into());
    let (signature, signed) = body.split_first_chunk::<SIGNATURE>().ok_or_else(not_one)?;
    let text = seal::inflate(seal::unpad(signed)?, MAX_TEXT)?;
    let mut reader = Reader::new(&text);
    let mut fields = reader.map()?;
    reader.end()?;
    let device = DeviceId(fields.take(0, Reader::array)?);
    if !belongs(&device) {
        return Err(Error::Peer("a part of a checkpoint is by no device of this notebook".into()));
    }
    seal::verify(&device.0, PURPOSE, &[head, signed], signature)?;
    let told = fields.take(1, |reader| {
        reader.list(MAX_RECORDS, |reader| {
            let mut record = reader.map()?;
            Ok(Told {
                id: RecordId(record.take(0, Reader::array)?),
                kind: record.take(1, |reader| reader.text(MAX_KIND))?.to_owned(),
                fields: record.take(2, |reader| reader.text(MAX_FIELDS))?.to_owned(),
            })
        })
    })?;
    let seen = fields.take(2, |reader| reader.list(MAX_SEEN, read_seen))?;
    Ok(Text { told, seen })
}

/// What the name of a part in a mailbox says: `c/<tag>/<weight>-<hash>-<part>-<parts>.kithc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Of which epoch it is, see [`EpochKeys::checkpoint_tag`].
    pub tag: [u8; 16],
    /// Bytes of all segments its author had: more of them means a newer checkpoint.
    pub weight: u64,
    /// The beginning of the BLAKE3 of the part.
    pub hash: [u8; 4],
    /// Which part, from 1.
    pub part: usize,
    /// Of how many.
    pub parts: usize,
}

impl Name {
    /// Reads a name as it is written; none for any other.
    pub fn parse(path: &str) -> Option<Self> {
        let (tag, file) = path.strip_prefix("c/")?.split_once('/')?;
        let mut parts = file.strip_suffix(".kithc")?.split('-');
        let name = Self {
            tag: tag.parse::<RecordId>().ok()?.0,
            weight: u64::from_str_radix(parts.next()?, 16).ok()?,
            hash: u32::from_str_radix(parts.next()?, 16).ok()?.to_be_bytes(),
            part: parts.next()?.parse().ok()?,
            parts: parts.next()?.parse().ok()?,
        };
        let is_one = (1..=name.parts).contains(&name.part) && name.parts <= MAX_PARTS;
        (is_one && name.to_string() == path).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tag, weight, hash, part, parts } = self;
        write!(f, "c/{}/{weight:016x}-{}-{part}-{parts}.kithc", hex(tag), hex(hash))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sync::keys::{DeviceKeys, EntryHash, Secret};

    fn epoch() -> EpochKeys {
        EpochKeys::derive(NotebookTag([9; 16]), EntryHash([5; 32]), &Secret::new([7; 32]))
    }

    fn device() -> DeviceKeys {
        DeviceKeys::from_seeds(&Secret::new([1; 32]), &Secret::new([2; 32]))
    }

    fn told(number: u8, length: usize) -> Told {
        Told { id: RecordId([number; 16]), kind: "contact".into(), fields: "x".repeat(length) }
    }

    fn text(told: &[Told]) -> Text {
        Text { told: told.to_vec(), seen: vec![([1; 16], (1..=7).collect())] }
    }

    fn parts_of(told: &[Told]) -> Vec<Vec<u8>> {
        seal(&text(told), &epoch(), device().signing_key(), &mut |bytes| bytes.fill(3)).unwrap()
    }

    #[test]
    fn what_is_sealed_comes_back_part_by_part() {
        let all: Vec<Told> = (0..90).map(|number| told(number, 20_000)).collect();
        let parts = parts_of(&all);
        assert!(parts.len() > 2 && parts.iter().all(|part| part.len() < MAX_PART));
        let opened = parts.iter().map(|part| open(part, &epoch(), |who| *who == device().device()).unwrap());
        let opened: Vec<Text> = opened.collect();
        assert!(opened.iter().all(|part| part.seen == text(&[]).seen));
        assert_eq!(opened.into_iter().flat_map(|part| part.told).collect::<Vec<_>>(), all);
        assert!(seal(&text(&vec![told(1, 100_000); 110]), &epoch(), device().signing_key(), &mut |_| {}).is_err());
        assert!(told(1, MAX_FIELDS).fits() && !told(1, MAX_FIELDS + 1).fits());
    }

    #[test]
    fn every_flipped_byte_and_every_cut_of_a_part_is_refused() {
        let part = parts_of(&[told(1, 20), told(2, 0)]).remove(0);
        for at in 0..part.len() {
            let mut flipped = part.clone();
            flipped[at] ^= 1;
            assert!(open(&flipped, &epoch(), |_| true).is_err(), "byte {at}");
            assert!(open(&part[..at], &epoch(), |_| true).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_part_of_a_stranger_or_under_another_key_is_refused() {
        let part = parts_of(&[told(1, 20)]).remove(0);
        assert!(open(&part, &epoch(), |_| false).is_err());
        let other = EpochKeys::derive(NotebookTag([9; 16]), EntryHash([6; 32]), &Secret::new([7; 32]));
        assert!(open(&part, &other, |_| true).is_err());
        assert!(key_of(&part, &NotebookTag([8; 16])).is_err());
    }

    #[test]
    fn a_name_is_read_as_it_is_written_and_no_other() {
        let name = Name { tag: [0xab; 16], weight: 5000, hash: [1, 2, 3, 4], part: 2, parts: 3 };
        assert_eq!(Name::parse(&name.to_string()), Some(name.clone()));
        for wrong in [
            Name { part: 4, ..name.clone() }.to_string(),
            Name { part: 0, ..name.clone() }.to_string(),
            Name { parts: 17, ..name.clone() }.to_string(),
            name.to_string().replace("-2-", "-02-"),
            name.to_string().replace("ab", "AB"),
            "c/x".into(),
        ] {
            assert_eq!(Name::parse(&wrong), None, "{wrong}");
        }
    }
}
