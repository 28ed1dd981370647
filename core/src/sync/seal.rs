//! What every sealed file of Kith is made with: padding that hides lengths, XChaCha20-Poly1305, Ed25519, and zstd within
//! bounds. What is sealed, and under which key, is for `segment`, `keys` and `roster` to say.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::keys::{KeyId, NotebookTag, Secret};
use super::memo::Memo;
use crate::error::{Error, Result};

/// The one set of algorithms there is; a file that says another number is for a newer version.
pub const SUITE: u8 = 1;
/// What sealing adds to a text.
pub const TAG: usize = 16;
/// Bytes of a signature.
pub const SIGNATURE: usize = 64;
/// Bytes of a nonce: long enough to be drawn at random for ever.
pub const NONCE: usize = 24;

/// To how many bytes so many are padded.
///
/// This is Padmé (Nikitin and others, "Reducing Metadata Leakage from Encrypted Files", 2019): a length keeps only as
/// many leading bits as its own logarithm has, so at most 12 % is added and only the rough size can be told.
pub fn padded(length: usize) -> usize {
    let Some(exponent) = length.checked_ilog2().filter(|exponent| *exponent > 0) else {
        return length;
    };
    let hidden = exponent - exponent.ilog2() - 1;
    length.next_multiple_of(1 << hidden)
}

/// Adds zeros up to the padded length.
pub fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(padded(bytes.len()), 0);
}

/// Takes a length of four bytes, so many bytes, and zeros to the end: how many zeros is for the writer to choose, so
/// that a newer version may hide more.
///
/// # Errors
/// [`Error::Peer`] when the length is wrong or something but zeros follows.
pub fn unpad(bytes: &[u8]) -> Result<&[u8]> {
    let not_padded = || Error::Peer("its padding is wrong".into());
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(not_padded)?;
    let length = u32::from_be_bytes(*length) as usize;
    let (inside, zeros) = rest.split_at_checked(length).ok_or_else(not_padded)?;
    let is_plain = zeros.iter().all(|byte| *byte == 0);
    if is_plain { Ok(inside) } else { Err(not_padded()) }
}

/// Unpacks what zstd packed, up to so many bytes: how many it will be is looked at before room is made for them.
///
/// # Errors
/// [`Error::Peer`] when it would be more, or is damaged.
pub fn inflate(packed: &[u8], most: usize) -> Result<Vec<u8>> {
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    let Some(size) = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= most) else {
        return Err(Error::Peer("its contents would be larger than any can be".into()));
    };
    match zstd::bulk::decompress(packed, size) {
        Ok(bytes) if bytes.len() == size => Ok(bytes),
        _ => Err(Error::Peer("its contents cannot be unpacked".into())),
    }
}

/// Seals a text so that only who has the key can read it, and nobody can change it or what stands before it.
///
/// # Errors
/// [`Error::Invalid`] when it is beyond what the cipher can take, which no text of ours is.
pub fn encrypt(key: &Secret, nonce: &[u8; NONCE], before: &[u8], text: &[u8]) -> Result<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    cipher
        .encrypt(XNonce::from_slice(nonce), Payload { msg: text, aad: before })
        .map_err(|_| Error::Invalid("too much to be sealed at once".into()))
}

/// Opens what [`encrypt`] sealed.
///
/// # Errors
/// [`Error::Peer`] when it was damaged, or sealed under another key.
pub fn decrypt(key: &Secret, nonce: &[u8; NONCE], before: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    cipher
        .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: before })
        .map_err(|_| Error::Peer("it was damaged or changed on the way".into()))
}

/// Signs `purpose` ‖ BLAKE3(`parts`, one after another). A purpose keeps a signature from standing for another thing.
pub fn sign(key: &SigningKey, purpose: &str, parts: &[&[u8]]) -> [u8; SIGNATURE] {
    key.sign(&message(purpose, parts)).to_bytes()
}

/// Checks such a signature, strictly: a second valid spelling of one signature would be a second file of one segment.
///
/// # Errors
/// [`Error::Peer`] when it is not this key's.
pub fn verify(key: &[u8; 32], purpose: &str, parts: &[&[u8]], signature: &[u8; SIGNATURE]) -> Result<()> {
    VerifyingKey::from_bytes(key)
        .and_then(|key| key.verify_strict(&message(purpose, parts), &Signature::from_bytes(signature)))
        .map_err(|_| Error::Peer("its signature is not the one of the device it names".into()))
}

/// The same for what is read again and again: what was right once is not worked out anew.
///
/// # Errors
/// As [`verify`].
pub fn verify_once(key: &[u8; 32], purpose: &str, parts: &[&[u8]], signature: &[u8; SIGNATURE]) -> Result<()> {
    static RIGHT: Memo = Memo::new();
    let all: [&[u8]; 3] = [key, &message(purpose, parts), signature];
    if RIGHT.holds(&all) {
        return Ok(());
    }
    verify(key, purpose, parts, signature)?;
    RIGHT.remember(&all);
    Ok(())
}

fn message(purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    [purpose.as_bytes(), hasher.finalize().as_bytes()].concat()
}

/// What an `r/` file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parcel {
    /// A roster entry, sealed under an epoch's key.
    Entry,
    /// A bag of keys, sealed to one device.
    Bag,
}

/// Bytes before what is sealed in an `r/` file: the part that all share, then 32 for the key that opens it.
pub const PARCEL_HEAD: usize = 56;
/// Bytes of a bag before its envelope: the part that all share, and the epoch it was sealed in.
pub const BAG_HEAD: usize = PARCEL_COMMON + 8;
/// Largest `r/` file that is read.
pub const MAX_PARCEL: usize = 128 * 1024;
const PARCEL_COMMON: usize = 24;
const PARCEL_MAGIC: &[u8; 3] = b"KTR";
const PARCEL_VERSION: u8 = b'1';

/// The first 24 bytes of an `r/` file.
pub fn parcel_head(parcel: Parcel, notebook: &NotebookTag) -> [u8; PARCEL_COMMON] {
    let mut head = [0; PARCEL_COMMON];
    head[..3].copy_from_slice(PARCEL_MAGIC);
    head[3] = PARCEL_VERSION;
    head[4] = SUITE;
    head[5] = parcel as u8;
    head[8..].copy_from_slice(&notebook.0);
    head
}

/// Whose `r/` file these bytes begin, if they do.
pub fn whose(bytes: &[u8]) -> Option<NotebookTag> {
    let head = bytes.first_chunk::<PARCEL_COMMON>().filter(|head| head.starts_with(PARCEL_MAGIC))?;
    Some(NotebookTag(std::array::from_fn(|at| head[8 + at])))
}

/// What an `r/` file of this notebook says it holds.
///
/// # Errors
/// [`Error::Peer`] when it is none, or another notebook's; [`Error::NeedsUpdate`] for a newer form.
pub fn parcel(bytes: &[u8], notebook: &NotebookTag) -> Result<Parcel> {
    if bytes.len() > MAX_PARCEL {
        return Err(Error::Peer("a file of keys is larger than any can be".into()));
    }
    let head = bytes.get(..PARCEL_HEAD).filter(|head| head.starts_with(PARCEL_MAGIC));
    let Some([_, _, _, version, suite, what, 0, 0, rest @ ..]) = head else {
        return Err(Error::Peer("not a file of keys".into()));
    };
    if !rest.starts_with(&notebook.0) {
        return Err(Error::Peer("it belongs to another notebook".into()));
    }
    match (*version, *suite, *what) {
        (PARCEL_VERSION, SUITE, 0) => Ok(Parcel::Entry),
        (PARCEL_VERSION, SUITE, 1) => Ok(Parcel::Bag),
        _ => Err(Error::NeedsUpdate("a file of keys".into())),
    }
}

/// Under which epoch an `r/` file says that it was sealed: an entry with its key, a bag while it was written under.
pub fn parcel_key(bytes: &[u8]) -> Option<KeyId> {
    bytes.get(PARCEL_COMMON..)?.first_chunk::<8>().copied().map(KeyId)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn padding_adds_at_most_an_eighth_and_hides_most_lengths() {
        for length in 0..300_000 {
            let padded = padded(length);
            assert!(padded >= length && padded * 100 <= length * 112 + 100, "{length} became {padded}");
            assert_eq!(super::padded(padded), padded, "padding what is padded changes nothing");
        }
        let sizes: std::collections::BTreeSet<usize> = (1..262_144).map(padded).collect();
        assert!(sizes.len() < 300, "{} sizes can be told apart", sizes.len());
    }

    #[test]
    fn padding_that_is_not_zeros_is_refused() {
        assert_eq!(unpad(&[0, 0, 0, 2, 7, 8, 0]).unwrap(), [7, 8]);
        for wrong in [&[][..], &[0, 0, 0], &[0, 0, 0, 1], &[255; 9], &[0, 0, 0, 1, 7, 0, 1]] {
            assert!(unpad(wrong).is_err(), "{wrong:?}");
        }
    }
}
