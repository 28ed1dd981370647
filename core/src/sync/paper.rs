//! Secrets as people copy them: letters in groups of four, with a checksum that finds a wrong one.

use data_encoding::{Encoding, Specification};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Letters that are not mistaken for digits when read aloud or copied by hand (Crockford's base 32).
pub(super) const SYMBOLS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// As many bytes of checksum, two at least, as fill the last letter.
const fn checksum_of(length: usize) -> usize {
    2 + (5 - (length + 2) % 5) % 5
}

/// The letters of so many bytes.
const fn letters_of(length: usize) -> usize {
    (length + checksum_of(length)) * 8 / 5
}

/// The prefix and the bytes in groups of four, with dashes. All of it is in the alphanumeric set of QR codes.
pub fn written(prefix: &str, secret: &[u8]) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(secret.len() + checksum_of(secret.len())));
    bytes.extend_from_slice(secret);
    bytes.extend_from_slice(&checksum(prefix, secret)[..checksum_of(secret.len())]);
    let letters = Zeroizing::new(encoding().encode(&bytes));
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + letters.len() * 5 / 4));
    text.push_str(prefix);
    for (at, letter) in letters.chars().enumerate() {
        if at % 4 == 0 {
            text.push('-');
        }
        text.push(letter);
    }
    text
}

/// Reads what a person typed: with or without the prefix, small letters, spaces or no groups at all, O for 0, l for 1.
/// `what` is how messages call it.
///
/// # Errors
/// [`Error::Invalid`] in words that say whether something is missing, or one of the letters is wrong.
pub fn read<const N: usize>(prefix: &str, what: &str, text: &str) -> Result<Zeroizing<[u8; N]>> {
    let mut typed = Zeroizing::new(String::with_capacity(text.len()));
    typed.extend(text.chars().filter(|letter| !letter.is_whitespace() && !"-–—‐.,:".contains(*letter)));
    let prefixed = typed.len() == prefix.len() + letters_of(N);
    let typed = typed.get(prefix.len()..).filter(|_| prefixed).unwrap_or(&typed);
    if typed.chars().count() != letters_of(N) {
        return Err(Error::Invalid(format!(
            "the {what} has {} letters and digits; this has {}",
            letters_of(N),
            typed.chars().count()
        )));
    }
    let wrong = || Error::Invalid(format!("a letter of the {what} is wrong; look at it once more"));
    let bytes = encoding().decode(typed.as_bytes()).map(Zeroizing::new).map_err(|_| wrong())?;
    let (secret, sum) = bytes.split_first_chunk::<N>().ok_or_else(wrong)?;
    if checksum(prefix, secret).starts_with(sum) { Ok(Zeroizing::new(*secret)) } else { Err(wrong()) }
}

fn checksum(prefix: &str, secret: &[u8]) -> [u8; 32] {
    blake3::derive_key(&format!("kith 2026 checksum {prefix}"), secret)
}

fn encoding() -> Encoding {
    let mut letters = Specification::new();
    letters.symbols.push_str(SYMBOLS);
    letters.translate.from.push_str("abcdefghjkmnpqrstvwxyzIiLlOo");
    letters.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ111100");
    letters.encoding().expect("32 letters, each once, and none of them translated")
}
