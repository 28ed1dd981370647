//! CBOR in its one canonical form (RFC 8949, 4.2.1): shortest heads, definite lengths, map keys that rise.
//!
//! What is signed, hashed or compared must have one spelling only. The general readers accept several, so this is the
//! small part of CBOR that Kith writes: whole numbers, bytes, texts, `true`, lists, and maps whose keys are whole
//! numbers. Whatever else a newer version may write is stepped over and kept byte for byte.
//!
//! Nothing is allocated from a length that was read: everything borrows from the bytes that are there.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// How deep lists and maps may stand in one another.
const MAX_DEPTH: u32 = 16;
/// Most keys of one map.
const MAX_KEYS: u64 = 256;

const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const TRUE: u8 = 0xf5;

/// Fields of a newer version: their keys, and their values as they stood.
pub type Unknown = BTreeMap<u64, Vec<u8>>;

fn malformed<T>() -> Result<T> {
    Err(Error::Peer("it is not written the way Kith writes".into()))
}

/// Reads values one after another.
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// At the first of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether everything was read.
    ///
    /// # Errors
    /// [`Error::Peer`] when bytes are left over.
    pub fn end(&self) -> Result<()> {
        if self.bytes.is_empty() { Ok(()) } else { malformed() }
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`Error::Peer`] when something else stands there.
    pub fn uint(&mut self) -> Result<u64> {
        match self.head()? {
            (UINT, number) => Ok(number),
            _ => malformed(),
        }
    }

    /// Bytes, at most so many.
    ///
    /// # Errors
    /// [`Error::Peer`] when something else stands there, or more.
    pub fn bytes(&mut self, most: usize) -> Result<&'a [u8]> {
        match self.head()? {
            (BYTES, length) if length <= most as u64 => self.take(length),
            _ => malformed(),
        }
    }

    /// Exactly `N` bytes.
    ///
    /// # Errors
    /// [`Error::Peer`] when something else stands there.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes(N)?.try_into().or_else(|_| malformed())
    }

    /// Text of at most so many bytes.
    ///
    /// # Errors
    /// [`Error::Peer`] when something else stands there, or more.
    pub fn text(&mut self, most: usize) -> Result<&'a str> {
        match self.head()? {
            (TEXT, length) if length <= most as u64 => std::str::from_utf8(self.take(length)?).or_else(|_| malformed()),
            _ => malformed(),
        }
    }

    /// `true`, the only truth value that is written: what is false is left out.
    ///
    /// # Errors
    /// [`Error::Peer`] when something else stands there.
    pub fn yes(&mut self) -> Result<bool> {
        if self.take(1)? == [TRUE] { Ok(true) } else { malformed() }
    }

    /// A list of at most so many values, each read by `value`.
    ///
    /// # Errors
    /// [`Error::Peer`] when something else stands there, or more, or a value is refused.
    pub fn list<T>(&mut self, most: usize, mut value: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let length = match self.head()? {
            (LIST, length) if length <= most as u64 => length,
            _ => return malformed(),
        };
        // Grows with what is there: a list that only claims its length takes nothing.
        (0..length).map(|_| value(self)).collect()
    }

    /// A map: its keys, and its values unread.
    ///
    /// # Errors
    /// [`Error::Peer`] when something else stands there, or its keys do not rise.
    pub fn map(&mut self) -> Result<Fields<'a>> {
        let length = match self.head()? {
            (MAP, length) if length <= MAX_KEYS => length,
            _ => return malformed(),
        };
        let mut fields = BTreeMap::new();
        for _ in 0..length {
            let key = self.uint()?;
            if fields.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return malformed();
            }
            fields.insert(key, self.raw()?);
        }
        Ok(Fields(fields))
    }

    /// The bytes of the next value, whatever it is.
    ///
    /// # Errors
    /// [`Error::Peer`] when it is cut short, nested too deeply, or not in its shortest form.
    pub fn raw(&mut self) -> Result<&'a [u8]> {
        let before = self.bytes;
        self.skip(MAX_DEPTH)?;
        before.get(..before.len() - self.bytes.len()).map_or_else(malformed, Ok)
    }

    fn skip(&mut self, depth: u32) -> Result<()> {
        if depth == 0 {
            return malformed();
        }
        match self.head()? {
            (UINT | NEGATIVE, _) => Ok(()),
            (BYTES | TEXT, length) => self.take(length).map(drop),
            (LIST, length) => (0..length).try_for_each(|_| self.skip(depth - 1)),
            (MAP, length) => (0..length).try_for_each(|_| self.skip(depth - 1).and_then(|()| self.skip(depth - 1))),
            (TAG, _) => self.skip(depth - 1),
            // Truth values, null and floats: the head is all there is.
            _ => Ok(()),
        }
    }

    /// The kind of the next value, and its number or length.
    fn head(&mut self) -> Result<(u8, u64)> {
        let first = self.take(1)?.first().copied().unwrap_or_default();
        let (major, small) = (first >> 5, first & 31);
        let width = match small {
            0..=23 => return Ok((major, u64::from(small))),
            24..=27 => 1_u64 << (small - 24),
            _ => return malformed(),
        };
        let number = self.take(width)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let least = [24, 1 << 8, 1 << 16, 1 << 32][usize::from(small - 24)];
        // A float is as wide as it is; a number is as short as it can be.
        if major <= TAG && number < least { malformed() } else { Ok((major, number)) }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8]> {
        let length = usize::try_from(length).or_else(|_| malformed())?;
        match self.bytes.split_at_checked(length) {
            Some((taken, rest)) => {
                self.bytes = rest;
                Ok(taken)
            }
            None => malformed(),
        }
    }
}

/// The fields of a map that were not asked for yet.
pub struct Fields<'a>(BTreeMap<u64, &'a [u8]>);

impl<'a> Fields<'a> {
    /// The field of this key, read by `read`.
    ///
    /// # Errors
    /// [`Error::Peer`] when it is not there or is refused.
    pub fn take<T>(&mut self, key: u64, read: impl FnOnce(&mut Reader<'a>) -> Result<T>) -> Result<T> {
        self.take_if_there(key, read)?.map_or_else(malformed, Ok)
    }

    /// The same for a field that may be missing.
    ///
    /// # Errors
    /// [`Error::Peer`] when it is refused.
    pub fn take_if_there<T>(&mut self, key: u64, read: impl FnOnce(&mut Reader<'a>) -> Result<T>) -> Result<Option<T>> {
        let Some(bytes) = self.0.remove(&key) else {
            return Ok(None);
        };
        let mut reader = Reader::new(bytes);
        let value = read(&mut reader)?;
        reader.end()?;
        Ok(Some(value))
    }

    /// What nobody asked for.
    pub fn rest(self) -> Unknown {
        self.0.into_iter().map(|(key, value)| (key, value.to_vec())).collect()
    }
}

/// Writes values one after another.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A whole number.
    pub fn uint(&mut self, number: u64) {
        self.head(UINT, number);
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.head(BYTES, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Text.
    pub fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// `true`.
    pub fn yes(&mut self) {
        self.0.push(TRUE);
    }

    /// A list, each of its values written by `value`.
    pub fn list<T>(&mut self, list: impl ExactSizeIterator<Item = T>, mut value: impl FnMut(&mut Self, T)) {
        self.head(LIST, list.len() as u64);
        list.for_each(|item| value(self, item));
    }

    /// A map, its keys in their order.
    pub fn map(&mut self, map: &Map) {
        self.head(MAP, map.0.len() as u64);
        for (key, value) in &map.0 {
            self.uint(*key);
            self.0.extend_from_slice(value);
        }
    }

    /// A value that was read with [`Reader::raw`].
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn head(&mut self, major: u8, number: u64) {
        let major = major << 5;
        match number {
            0..=23 => self.0.push(major | number as u8),
            24..=0xff => self.0.extend([major | 24, number as u8]),
            0x100..=0xffff => self.wide(major | 25, &(number as u16).to_be_bytes()),
            0x1_0000..=0xffff_ffff => self.wide(major | 26, &(number as u32).to_be_bytes()),
            _ => self.wide(major | 27, &number.to_be_bytes()),
        }
    }

    fn wide(&mut self, first: u8, number: &[u8]) {
        self.0.push(first);
        self.0.extend_from_slice(number);
    }
}

/// A map that is being put together, in whatever order.
pub struct Map(Unknown);

impl Map {
    /// Begins with the fields of a newer version.
    pub fn with(unknown: &Unknown) -> Self {
        Self(unknown.clone())
    }

    /// An empty one.
    pub fn new() -> Self {
        Self(Unknown::new())
    }

    /// Puts a field, written by `write`.
    pub fn put(&mut self, key: u64, write: impl FnOnce(&mut Writer)) {
        let mut writer = Writer::default();
        write(&mut writer);
        self.0.insert(key, writer.into_bytes());
    }

    /// The map's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(&self);
        writer.into_bytes()
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_has_one_spelling() {
        for number in [0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let mut writer = Writer::default();
            writer.uint(number);
            assert_eq!(Reader::new(&writer.into_bytes()).uint().unwrap(), number);
        }
        for longer in [&[0x18, 23][..], &[0x19, 0, 255], &[0x1a, 0, 0, 255, 255], &[0x1b, 0, 0, 0, 0, 0, 0, 0, 1]] {
            assert!(Reader::new(longer).uint().is_err(), "{longer:?}");
        }
    }

    #[test]
    fn a_map_whose_keys_do_not_rise_is_refused() {
        assert!(Reader::new(&[0xa2, 1, 0, 2, 0]).map().is_ok());
        assert!(Reader::new(&[0xa2, 2, 0, 1, 0]).map().is_err());
        assert!(Reader::new(&[0xa2, 1, 0, 1, 0]).map().is_err());
    }

    #[test]
    fn a_length_that_is_only_claimed_takes_no_memory_and_no_time() {
        let claims = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert!(Reader::new(&claims).raw().is_err());
        assert!(Reader::new(&[0x5b, 0, 0, 1, 0, 0, 0, 0, 0]).bytes(usize::MAX).is_err());
        assert!(Reader::new(&[0x81; 10_000]).raw().is_err(), "too deep");
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(raw) = reader.raw() {
                prop_assert!(!raw.is_empty() && bytes.starts_with(raw));
            }
            let _ = Reader::new(&bytes).map();
            let _ = Reader::new(&bytes).list(100, |reader| reader.text(10).map(str::len));
        }
    }
}
