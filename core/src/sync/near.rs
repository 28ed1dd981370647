//! How devices show themselves to each other on one network: what stands in the announcement, and who recognises it. The
//! announcing itself, by DNS-SD, each system does by its own means.
//!
//! Only who holds a key of the notebook, or the code of an invitation, knows which device it is; to everybody else it is a
//! random name that is drawn anew each time.

use std::collections::HashMap;

use super::hex;
use super::keys::DeviceId;
use super::member::Member;
use crate::model::Random;

/// The type of the service, as DNS-SD has it, without the domain.
pub const SERVICE: &str = "_kith._udp";
const NONCE: usize = 16;
/// Longest value that is read, in hexadecimal digits.
const MAX_DIGITS: usize = 64;

/// What a device announces of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Announcement {
    /// The type of the service: `_kith._udp`.
    pub service: String,
    /// The name of the instance, and of the host if one has to be named: random, and good for this one time.
    pub name: String,
    /// The port, of UDP.
    pub port: u16,
    /// The text record, as keys and values.
    pub text: HashMap<String, String>,
}

impl Announcement {
    /// Announces who has this beacon; none when it has none.
    pub fn of(beacon: impl FnOnce(&[u8]) -> Option<[u8; 16]>, port: u16, random: Random<'_>) -> Option<Self> {
        let (mut nonce, mut name) = ([0; NONCE], [0; 8]);
        random(&mut nonce);
        random(&mut name);
        let tag = beacon(&nonce)?;
        let text = [("n".to_string(), hex(&nonce)), ("t".to_string(), hex(&tag))].into();
        Some(Self { service: SERVICE.into(), name: hex(&name), port, text })
    }
}

/// What stood in the announcement of another device.
#[derive(Clone, Debug)]
pub struct Beacon {
    nonce: Vec<u8>,
    tag: [u8; 16],
}

impl Beacon {
    /// Reads a text record, as keys and values; none for one that is no device's of Kith.
    pub fn read(text: &HashMap<String, String>) -> Option<Self> {
        let value = |key| unhex(text.get(key)?);
        Some(Self { nonce: value("n")?, tag: value("t")?.try_into().ok()? })
    }

    /// Which device of the notebook it is; none for another notebook's.
    pub fn of(&self, member: &Member) -> Option<DeviceId> {
        member.recognise(&self.nonce, &self.tag)
    }

    /// Whether it is the one that this shows, such as the code of an invitation.
    pub fn shows(&self, beacon: impl FnOnce(&[u8]) -> [u8; 16]) -> bool {
        beacon(&self.nonce) == self.tag
    }
}

/// At most 32 bytes, as the other device wrote them.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_plain =
        text.len() <= MAX_DIGITS && text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let pairs = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
    if is_plain { pairs.collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_recognised_and_nonsense_is_not() {
        let tag = |nonce: &[u8]| blake3::hash(nonce).as_bytes()[..16].try_into().expect("16 bytes");
        let mut drawn = 0;
        let mut random = |bytes: &mut [u8]| {
            drawn += 1;
            bytes.fill(drawn);
        };
        let shown = Announcement::of(|nonce| Some(tag(nonce)), 7, &mut random).expect("it has a beacon");
        assert!(Beacon::read(&shown.text).expect("it can be read").shows(tag));
        for text in [&[("n", "zz"), ("t", "00")][..], &[("n", "00")], &[("n", "+1"), ("t", &"é".repeat(16))]] {
            let text = text.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            assert!(Beacon::read(&text).is_none());
        }
    }
}
