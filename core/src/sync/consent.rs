//! What a person is shown before their device joins a notebook, and their word on it.
//!
//! Beside the files of a [`pairing`](super::pairing) stand two more under `j/`: `.who`, in which the device that
//! invites says what it is called and how large its notebook is, sealed under the secret of the code; and the word of the
//! person at the new device, `.yes` or `.no`, which only who knows the code can have written, about the request of this
//! very vow.
//! Nobody is let in before the yes.

use super::cbor::{Map, Reader};
use super::keys::Secret;
use super::pairing::{Code, MAX_NAME, Vow};
use super::seal::{self, NONCE};
use crate::error::{Error, Result};
use crate::model::Random;

/// Largest of these files.
pub const MAX_FILE: usize = 4096;
const MAGIC: &[u8; 4] = b"KTW1";

/// The device that invites, as it says of itself. Who made up a code made up this, too: the digits are what counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// What it is called.
    pub name: String,
    /// How many devices its notebook has, this one included.
    pub devices: u64,
    /// How many people are in it.
    pub people: u64,
}

impl Host {
    /// The file `.who`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it cannot be sealed.
    pub fn sealed(&self, code: &Code, random: Random<'_>) -> Result<Vec<u8>> {
        let name: String = self.name.chars().take(MAX_NAME).collect();
        let mut map = Map::new();
        map.put(0, |writer| writer.text(&name));
        map.put(1, |writer| writer.uint(self.devices));
        map.put(2, |writer| writer.uint(self.people));
        let (mut nonce, mut plain) = ([0; NONCE], map.into_bytes());
        plain = [&(plain.len() as u32).to_be_bytes()[..], &plain].concat();
        seal::pad(&mut plain);
        random(&mut nonce);
        let sealed = seal::encrypt(&key(code), &nonce, MAGIC, &plain)?;
        Ok([&MAGIC[..], &nonce, &sealed].concat())
    }

    /// Reads the file `.who`.
    ///
    /// # Errors
    /// [`Error::Declined`] when its writer did not know the code, or it is damaged.
    pub fn read(code: &Code, file: &[u8]) -> Result<Self> {
        let parts = file.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk::<NONCE>());
        let Some((nonce, sealed)) = parts.filter(|_| file.len() <= MAX_FILE) else {
            return Err(Error::Declined(
                "what the other device says of itself is not whole; ask for a new code".into(),
            ));
        };
        let plain = seal::decrypt(&key(code), nonce, MAGIC, sealed)?;
        let mut fields = Reader::new(seal::unpad(&plain)?).map()?;
        Ok(Self {
            name: fields.take(0, |reader| reader.text(4 * MAX_NAME))?.to_string(),
            devices: fields.take(1, Reader::uint)?,
            people: fields.take(2, Reader::uint)?,
        })
    }
}

/// What the person at the new device said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It joins.
    Yes,
    /// It does not.
    No,
}

impl Word {
    /// How the name of its file ends.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
        }
    }

    /// Its file, on the new device: about the request that it vowed.
    pub fn written(self, code: &Code, vow: &Vow) -> [u8; 32] {
        code.keyed("kith 2026 join consents", &[self.ending().as_bytes(), vow])
    }

    /// Whether this file says so about the request of a vow, on the device that invited.
    pub fn is_in(self, file: &[u8], code: &Code, vow: &Vow) -> bool {
        file == self.written(code, vow)
    }
}

fn key(code: &Code) -> Secret {
    Secret::new(code.keyed("kith 2026 join who", &[]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::keys::{DeviceKeys, NotebookTag};
    use super::*;

    fn dice(seed: u8) -> impl FnMut(&mut [u8]) {
        move |bytes| blake3::Hasher::new().update(&[seed]).finalize_xof().fill(bytes)
    }

    fn device(seed: u8) -> DeviceKeys {
        DeviceKeys::from_seeds(&Secret::new([seed; 32]), &Secret::new([seed + 100; 32]))
    }

    fn code(seed: u8) -> Code {
        Code::draw(&NotebookTag([9; 16]), &device(1).envelope_key().public(), &mut dice(seed))
    }

    #[test]
    fn only_who_knows_the_code_says_who_invites_and_every_flipped_byte_is_refused() {
        let host = Host { name: "phone".into(), devices: 2, people: 41 };
        let file = host.sealed(&code(1), &mut dice(3)).unwrap();
        assert_eq!(Host::read(&code(1), &file).unwrap(), host);
        assert!(Host::read(&code(2), &file).is_err());
        for at in 0..file.len() {
            let mut flipped = file.clone();
            flipped[at] ^= 1;
            assert!(Host::read(&code(1), &flipped).is_err() && Host::read(&code(1), &file[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn a_yes_counts_for_the_request_it_was_said_of_and_is_no_no() {
        let (of_one, one, other) = (code(1), [5; 32], [6; 32]);
        let yes = Word::Yes.written(&of_one, &one);
        assert!(Word::Yes.is_in(&yes, &of_one, &one) && !Word::No.is_in(&yes, &of_one, &one));
        assert!(!Word::Yes.is_in(&yes, &of_one, &other) && !Word::Yes.is_in(&yes, &code(2), &one));
        assert!(!Word::Yes.is_in(&[], &of_one, &one));
    }
}
