//! One secret as a sealed file. Under which key, and where that lies, is for `device` to say.

use zeroize::Zeroizing;

use super::MAX_SECRET;
use crate::error::{Error, Result};
use crate::sync::keys::Secret;
use crate::sync::seal::{self, NONCE};

/// Begins each file; another one is for a newer version.
const MAGIC: &[u8; 4] = b"KTK1";
/// Bytes before what is sealed.
const HEAD: usize = MAGIC.len() + NONCE;
/// Largest sealed file.
pub(super) const MAX_SEALED: usize = HEAD + MAX_SECRET + seal::TAG;

/// Seals a secret. Its name is sealed along, so that no file can stand for another.
pub(super) fn seal(lock: &Secret, name: &str, secret: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE];
    draw(&mut nonce)?;
    let sealed = seal::encrypt(lock, &nonce, &before(name), secret)?;
    Ok([&MAGIC[..], &nonce, &sealed].concat())
}

/// Opens what [`seal()`] sealed; none when these bytes are not that.
pub(super) fn open(lock: &Secret, name: &str, file: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = file.strip_prefix(MAGIC)?.split_first_chunk::<NONCE>()?;
    seal::decrypt(lock, nonce, &before(name), sealed).ok().map(Zeroizing::new)
}

fn before(name: &str) -> Vec<u8> {
    [MAGIC, name.as_bytes()].concat()
}

/// Fills bytes with the system's random numbers.
pub(super) fn draw(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| Error::Storage(format!("the system gives no random numbers ({error})")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_flipped_byte_and_every_cut_of_a_sealed_secret_is_refused() {
        let lock = Secret::new([7; 32]);
        let file = seal(&lock, "seed", &[1; 32]).unwrap();
        assert_eq!(*open(&lock, "seed", &file).unwrap(), [1; 32]);
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut flipped = file.clone();
                flipped[at] ^= 1 << bit;
                assert!(open(&lock, "seed", &flipped).is_none(), "byte {at}, bit {bit}");
            }
            assert!(open(&lock, "seed", &file[..at]).is_none(), "cut at {at}");
        }
        assert!(open(&lock, "seed", &[&file[..], &[0]].concat()).is_none());
    }

    #[test]
    fn a_sealed_secret_opens_under_its_own_name_and_lock_only() {
        let lock = Secret::new([7; 32]);
        let file = seal(&lock, "seed", &[1; 32]).unwrap();
        assert!(open(&lock, "ring", &file).is_none());
        assert!(open(&Secret::new([8; 32]), "seed", &file).is_none());
        assert_ne!(file, seal(&lock, "seed", &[1; 32]).unwrap(), "each sealing has a nonce of its own");
    }

    #[test]
    fn the_largest_secret_fits() {
        let lock = Secret::new([7; 32]);
        assert_eq!(seal(&lock, "seed", &vec![1; MAX_SECRET]).unwrap().len(), MAX_SEALED);
    }
}
