//! Names of things: records, entries inside a record, photos. An id of one kind cannot be passed for another.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which record, of whatever kind: 16 bytes, random but for what can exist only once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RecordId(pub [u8; 16]);

impl RecordId {
    /// The id of something that can exist only once in a notebook, such as the settings or one week.
    ///
    /// Every device computes the same id, so that two devices that create it merge instead of shadowing each other.
    pub fn of_singleton(kind: &str, name: &str) -> Self {
        let hash = blake3::derive_key("kith 2026 singleton id", format!("{kind}\0{name}").as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        Self(id)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is not 32 hexadecimal digits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hexadecimal digits")]
pub struct NotAnId;

impl FromStr for RecordId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAnId);
        }
        let mut id = [0; 16];
        for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NotAnId)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotAnId)?;
        }
        Ok(Self(id))
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Which record of one kind: `Id<Contact>` is never an `Id<Meeting>`.
pub struct Id<R> {
    raw: RecordId,
    kind: PhantomData<fn() -> R>,
}

impl<R> Id<R> {
    /// Says that this record is one of kind `R`. Reading it as such tells when it is not.
    pub const fn new(raw: RecordId) -> Self {
        Self { raw, kind: PhantomData }
    }

    /// The same id without its kind.
    pub const fn raw(self) -> RecordId {
        self.raw
    }
}

impl<R> Clone for Id<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Id<R> {}
impl<R> Default for Id<R> {
    fn default() -> Self {
        Self::new(RecordId::default())
    }
}
impl<R> PartialEq for Id<R> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}
impl<R> Eq for Id<R> {}
impl<R> PartialOrd for Id<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<R> Ord for Id<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.raw.cmp(&other.raw)
    }
}
impl<R> Hash for Id<R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}
impl<R> fmt::Debug for Id<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.fmt(f)
    }
}
impl<R> fmt::Display for Id<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.fmt(f)
    }
}
impl<R> FromStr for Id<R> {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.parse().map(Self::new)
    }
}
impl<R> Serialize for Id<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}
impl<'de, R> Deserialize<'de> for Id<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RecordId::deserialize(deserializer).map(Self::new)
    }
}

/// Which entry of a map inside one record, such as one phone number of a contact. Unique within its record only.
///
/// An empty one asks for a fresh one when the record is written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub String);

/// Where random bytes come from: the system's generator, or a seeded one in tests.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

/// A fresh random id.
pub fn fresh_id<R>(random: Random<'_>) -> Id<R> {
    let mut id = [0; 16];
    random(&mut id);
    Id::new(RecordId(id))
}

/// A fresh random entry id: 48 bits, written as 12 hexadecimal digits.
pub fn fresh_entry(random: Random<'_>) -> EntryId {
    let mut id = [0; 6];
    random(&mut id);
    EntryId(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_what_it_writes_and_refuses_the_rest() {
        let id = RecordId([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "07", &"g".repeat(32), &"é".repeat(16), &"0".repeat(33)] {
            assert_eq!(wrong.parse::<RecordId>(), Err(NotAnId), "{wrong}");
        }
    }

    #[test]
    fn singletons_have_one_id_on_every_device() {
        assert_eq!(RecordId::of_singleton("week", "2026-W47"), RecordId::of_singleton("week", "2026-W47"));
        assert_ne!(RecordId::of_singleton("week", "2026-W47"), RecordId::of_singleton("week", "2026-W48"));
    }
}
