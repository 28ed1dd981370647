//! A batch: an immutable, numbered file of one device's own changes.
//!
//! `"KITHBAT1"`, the BLAKE3 of the rest, then zstd of a CBOR map. Every length is bounded before it is believed.

use serde::{Deserialize, Serialize};

use super::{LogId, NotebookId};
use crate::document::gate;
use crate::error::{Error, Result};
use crate::model::RecordId;

const MAGIC: &[u8; 8] = b"KITHBAT1";
/// About how many bytes of changes one batch carries.
pub const FILL: usize = 1024 * 1024;
/// Largest file that is read.
pub const MAX_FILE: u64 = 8 * 1024 * 1024;
/// Largest body a file may inflate to.
const MAX_INFLATED: u64 = 32 * 1024 * 1024;
/// Most changes, photos or actors of one batch; ours have at most some thousand. They are counted while they are read:
/// thirty megabytes of empty lists would take gigabytes of memory.
const MAX_ITEMS: usize = 65_536;
/// Most operations of all changes together. Ours have half of that.
const MAX_OPERATIONS: u64 = 4 * FILL as u64;
/// Highest number of a batch.
const MAX_SEQ: u64 = 1 << 40;
const MAX_NAME: usize = 200;
const MAX_TIME: usize = 64;
/// The format. A newer one is not read.
const FORMAT: u16 = 1;

/// Some changes and photos of one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The format it is written in.
    format: u16,
    /// The notebook it belongs to.
    pub notebook: NotebookId,
    /// The log it continues.
    pub log: LogId,
    /// Its number there, from 1.
    pub seq: u64,
    /// What the device calls itself.
    pub device: String,
    /// When it was made, by that device's clock. Shown only.
    pub made_at: String,
    /// The actors that wrote on that device.
    #[serde(deserialize_with = "bounded")]
    pub actors: Vec<Vec<u8>>,
    /// Changes, each with its record.
    #[serde(deserialize_with = "bounded")]
    pub changes: Vec<BatchChange>,
    /// Photos.
    #[serde(deserialize_with = "bounded")]
    pub blobs: Vec<Bytes>,
}

/// One change and the record it is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchChange {
    /// The record.
    pub id: [u8; 16],
    /// The change, as Automerge writes it.
    pub bytes: Bytes,
}

impl BatchChange {
    /// The record.
    pub fn record(&self) -> RecordId {
        RecordId(self.id)
    }
}

/// Bytes, written as bytes and not as a list of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> std::result::Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> std::result::Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

/// Reads a list, and no further than its bound.
fn bounded<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<T>, D::Error> {
    struct Visitor<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "at most {MAX_ITEMS} items")
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = items.next_element()? {
                if list.len() == MAX_ITEMS {
                    return Err(serde::de::Error::invalid_length(MAX_ITEMS + 1, &self));
                }
                list.push(item);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_seq(Visitor(std::marker::PhantomData))
}

impl Batch {
    /// An empty batch of this log.
    pub fn new(notebook: NotebookId, log: LogId, seq: u64, device: &str, made_at: &str) -> Self {
        Self {
            format: FORMAT,
            notebook,
            log,
            seq,
            device: device.chars().take(MAX_NAME).collect(),
            made_at: made_at.into(),
            actors: Vec::new(),
            changes: Vec::new(),
            blobs: Vec::new(),
        }
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it would be too large to be read again.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        ciborium::into_writer(self, &mut body).map_err(|error| Error::Invalid(error.to_string()))?;
        let packed = zstd::bulk::compress(&body, 3).map_err(|error| Error::Storage(error.to_string()))?;
        let file = [&MAGIC[..], blake3::hash(&packed).as_bytes(), &packed].concat();
        if body.len() as u64 > MAX_INFLATED || file.len() as u64 > MAX_FILE {
            return Err(Error::Invalid("a batch grew too large".into()));
        }
        Ok(file)
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`Error::Peer`] in words that say what is wrong with the file; [`Error::NeedsUpdate`] for a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let broken = |why: &str| Error::Peer(why.into());
        if bytes.len() as u64 > MAX_FILE {
            return Err(broken("larger than any batch"));
        }
        let (magic, rest) = bytes.split_at_checked(MAGIC.len()).ok_or_else(|| broken("cut short"))?;
        if magic != MAGIC {
            return Err(broken("not a batch"));
        }
        let (hash, packed) = rest.split_at_checked(32).ok_or_else(|| broken("cut short"))?;
        if blake3::hash(packed).as_bytes() != hash {
            return Err(broken("damaged or not whole yet"));
        }
        let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten().unwrap_or(u64::MAX);
        if size > MAX_INFLATED {
            return Err(broken("its contents would be larger than any batch"));
        }
        let body = zstd::bulk::decompress(packed, size as usize).map_err(|_| broken("cannot be unpacked"))?;
        let format: Format = ciborium::from_reader(&body[..]).map_err(|_| broken("cannot be understood"))?;
        if format.format > FORMAT {
            return Err(Error::NeedsUpdate("a batch".into()));
        }
        let batch: Self = ciborium::from_reader(&body[..]).map_err(|_| broken("cannot be understood"))?;
        batch.is_plausible().then_some(batch).ok_or_else(|| broken("holds what no batch of ours would"))
    }

    fn is_plausible(&self) -> bool {
        // What the gate refuses is set aside change by change; here only what it lets pass is added up.
        let operations = self.changes.iter().filter_map(|change| gate::check(&change.bytes.0).ok());
        (1..=MAX_SEQ).contains(&self.seq)
            && self.device.chars().count() <= MAX_NAME
            && self.made_at.len() <= MAX_TIME
            && operations.fold(0_u64, u64::saturating_add) <= MAX_OPERATIONS
    }
}

/// The part that every format has.
#[derive(Deserialize)]
struct Format {
    format: u16,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn batch() -> Batch {
        let mut batch = Batch::new([1; 16], [2; 16], 7, "phone", "2026-11-22T10:00:00Z");
        batch.changes.push(BatchChange { id: [3; 16], bytes: Bytes(vec![9; 300]) });
        batch.blobs.push(Bytes(vec![0; 10]));
        batch
    }

    #[test]
    fn a_batch_reads_what_it_writes() {
        assert_eq!(Batch::decode(&batch().encode().unwrap()).unwrap(), batch());
    }

    #[test]
    fn every_flipped_byte_and_every_cut_of_a_batch_is_refused() {
        let bytes = batch().encode().unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x20;
            assert!(Batch::decode(&flipped).is_err(), "byte {at}");
            assert!(Batch::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
    }
}
