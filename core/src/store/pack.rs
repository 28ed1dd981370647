//! How bytes lie in the file: a byte that says how, then the bytes, small.
//!
//! Two dictionaries ship with the program, trained on made-up notebooks (`cargo run --release -p benches -- train`), one
//! for changes and one for rows: records are too short for a compressor to learn anything from one of them alone.

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use crate::error::{Error, Result};

const PLAIN: u8 = 0;
/// zstd without a dictionary, for what is long enough to be its own.
const ZSTD: u8 = 1;
/// zstd with the first version of the dictionary. A newer one gets a number of its own; this one stays readable.
const ZSTD_DICTIONARY_1: u8 = 2;
/// With the second, of changes only: since the first change of a record is written at once, its fields stand in another
/// order.
const ZSTD_DICTIONARY_2: u8 = 3;
/// What one piece may inflate to; a whole document with a long life stays far below.
const MAX_INFLATED: u64 = 256 * 1024 * 1024;
/// Level 3: 33 µs for a small record, and higher levels gain a few per cent.
const LEVEL: i32 = 3;
/// From here on a dictionary no longer helps.
const LONG: usize = 256 * 1024;

/// What kind of bytes they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dictionary {
    /// Changes and snapshots of documents.
    History,
    /// Rows of the read model.
    Rows,
}

const HISTORY_1: &[u8] = include_bytes!("history-1.dict");
const HISTORY: &[u8] = include_bytes!("history.dict");
const ROWS: &[u8] = include_bytes!("rows.dict");

// Apart, since a process that only reads has no use for what writing takes longest to prepare.
static PACK_HISTORY: LazyLock<EncoderDictionary<'_>> = LazyLock::new(|| EncoderDictionary::copy(HISTORY, LEVEL));
static PACK_ROWS: LazyLock<EncoderDictionary<'_>> = LazyLock::new(|| EncoderDictionary::copy(ROWS, LEVEL));
static UNPACK_HISTORY: LazyLock<DecoderDictionary<'_>> = LazyLock::new(|| DecoderDictionary::copy(HISTORY));
static UNPACK_HISTORY_1: LazyLock<DecoderDictionary<'_>> = LazyLock::new(|| DecoderDictionary::copy(HISTORY_1));
static UNPACK_ROWS: LazyLock<DecoderDictionary<'_>> = LazyLock::new(|| DecoderDictionary::copy(ROWS));

// Made once a thread: to make one takes longer than to unpack twenty rows.
thread_local! {
    static HISTORY_PACKER: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static ROWS_PACKER: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static HISTORY_UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    static HISTORY_1_UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    static ROWS_UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

impl Dictionary {
    /// The number of its newest version.
    fn newest(self) -> u8 {
        match self {
            Self::History => ZSTD_DICTIONARY_2,
            Self::Rows => ZSTD_DICTIONARY_1,
        }
    }

    fn compress(self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let (packer, dictionary) = match self {
            Self::History => (&HISTORY_PACKER, &PACK_HISTORY),
            Self::Rows => (&ROWS_PACKER, &PACK_ROWS),
        };
        packer.with_borrow_mut(|packer| {
            let ready = match packer.take() {
                Some(ready) => ready,
                None => Compressor::with_prepared_dictionary(dictionary)?,
            };
            packer.insert(ready).compress(bytes)
        })
    }

    fn decompress(self, version: u8, body: &[u8], size: usize) -> std::io::Result<Vec<u8>> {
        let (unpacker, dictionary) = match (self, version) {
            (Self::History, ZSTD_DICTIONARY_1) => (&HISTORY_1_UNPACKER, &UNPACK_HISTORY_1),
            (Self::History, _) => (&HISTORY_UNPACKER, &UNPACK_HISTORY),
            (Self::Rows, _) => (&ROWS_UNPACKER, &UNPACK_ROWS),
        };
        unpacker.with_borrow_mut(|unpacker| {
            let ready = match unpacker.take() {
                Some(ready) => ready,
                None => Decompressor::with_prepared_dictionary(dictionary)?,
            };
            unpacker.insert(ready).decompress(body, size)
        })
    }
}

/// Packs bytes, compressed when that makes them smaller.
///
/// # Errors
/// [`Error::Storage`] when there is no memory for it.
pub fn pack(dictionary: Dictionary, bytes: &[u8]) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Error::Storage(error.to_string());
    let (how, packed) = if bytes.len() < LONG {
        (dictionary.newest(), dictionary.compress(bytes).map_err(failed)?)
    } else {
        (ZSTD, zstd::bulk::compress(bytes, LEVEL).map_err(failed)?)
    };
    let (how, body) = if packed.len() < bytes.len() { (how, packed.as_slice()) } else { (PLAIN, bytes) };
    Ok([&[how], body].concat())
}

/// Unpacks bytes behind what is already in `out`.
///
/// # Errors
/// [`Error::Unreadable`] when they are damaged.
pub fn unpack(dictionary: Dictionary, packed: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match packed.split_first() {
        Some((&PLAIN, body)) => out.extend_from_slice(body),
        Some((&ZSTD, body)) => {
            out.extend(zstd::bulk::decompress(body, inflated(body)?).map_err(|_| damaged())?);
        }
        Some((version, body)) if (ZSTD_DICTIONARY_1..=dictionary.newest()).contains(version) => {
            out.extend(dictionary.decompress(*version, body, inflated(body)?).map_err(|_| damaged())?);
        }
        _ => return Err(damaged()),
    }
    Ok(())
}

/// What the frame says it will be, before anything is allocated for it.
fn inflated(body: &[u8]) -> Result<usize> {
    match zstd::zstd_safe::get_frame_content_size(body) {
        Ok(Some(size)) if size <= MAX_INFLATED => Ok(size as usize),
        _ => Err(damaged()),
    }
}

fn damaged() -> Error {
    Error::Unreadable("a record is damaged: a piece of it cannot be unpacked".into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const WORDS: &[u8] =
        b"Dana Ruiz, Dana Ruiz, Dana Ruiz, Dana Ruiz, Dana Ruiz, Dana Ruiz, Dana Ruiz, Dana Ruiz, Dana Ruiz, Dana Ruiz";

    #[test]
    fn what_was_packed_with_an_earlier_dictionary_is_read() {
        let dictionary = EncoderDictionary::copy(HISTORY_1, LEVEL);
        let body = Compressor::with_prepared_dictionary(&dictionary).unwrap().compress(WORDS).unwrap();
        let mut out = Vec::new();
        unpack(Dictionary::History, &[&[ZSTD_DICTIONARY_1][..], &body].concat(), &mut out).unwrap();
        assert_eq!(out, WORDS);
        assert!(unpack(Dictionary::History, &[&[ZSTD_DICTIONARY_2][..], &body].concat(), &mut Vec::new()).is_err());
    }

    #[test]
    fn what_is_packed_is_unpacked_and_what_no_version_packs_is_refused() {
        for dictionary in [Dictionary::History, Dictionary::Rows] {
            let packed = pack(dictionary, WORDS).unwrap();
            assert_eq!(packed[0], dictionary.newest());
            assert!(packed.len() < WORDS.len());
            let mut out = b"before ".to_vec();
            unpack(dictionary, &packed, &mut out).unwrap();
            assert_eq!(out, [b"before ", WORDS].concat());
            for how in (0..=u8::MAX).filter(|how| *how > dictionary.newest()) {
                assert!(unpack(dictionary, &[&[how], &packed[1..]].concat(), &mut Vec::new()).is_err(), "{how}");
            }
        }
    }
}
