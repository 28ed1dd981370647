//! How a device joins a notebook when the two only share a place for files, be it one that the other lends it over a line:
//! what is said by code, request and answer.
//!
//! The code is shown by a device that has the notebook and typed, or scanned, on the new one. It names the notebook, a
//! secret for one use, and the key to which the request is sealed. The new device leaves its request; both show the same
//! six digits; when the person has compared them and agreed, the answer holds the roster and the keys. Nothing here
//! touches a file, asks a person or changes a roster.
//!
//! Three files stand in a mailbox under `j/`, named by the secret: `.inv` with the key to seal to, `.req`, `.ans`. Whoever
//! keeps the mailbox can neither read nor answer them: a request opens to the inviting device alone, an answer to the new
//! one, and both carry a proof that their writer knows the secret.

use std::fmt;

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::cbor::{Fields, Map, Reader};
use super::envelope::{self, EnvelopeKey};
use super::keys::{DevicePublic, KEY, KeyBag, NotebookTag};
use super::roster::{MAX_BYTES, MAX_ENTRIES, WITH_PAPER};
use super::seal::{self, MAX_PARCEL};
use super::{hex, paper};
use crate::error::{Error, Result};
use crate::model::Random;

/// Largest file of a pairing that is read, 40 MiB: an answer holds the whole roster, padded.
pub const MAX_FILE: usize = WITH_PAPER * MAX_BYTES / 4 * 5;
/// Longest name of a device, in characters.
pub const MAX_NAME: usize = 80;
/// Most roster files of an answer.
const MAX_PARCELS: usize = WITH_PAPER * MAX_ENTRIES;
/// Most keys of an answer: each entry of the roster may open an epoch, and some are held that no entry names.
const MAX_ANSWERED: usize = 2 * WITH_PAPER * MAX_ENTRIES;
const PREFIX: &str = "KITHJ";
const REQUEST: &str = "kith/join/request/1";
const ANSWER: &str = "kith/join/answer/1";
const MAGIC: &[u8; 4] = b"KTJ1";
const HEAD: usize = 24;
const SECRET: usize = 16;
const FINGERPRINT: usize = 16;
const CODE: usize = 16 + SECRET + FINGERPRINT;

/// What is shown on one device and typed on the other. It lets one device ask, once; the person has the last word.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Zeroizing<[u8; CODE]>);

impl Code {
    /// A fresh code, with which a device may ask the one whose envelope key this is.
    pub fn draw(notebook: &NotebookTag, envelope_key: &[u8; 32], random: Random<'_>) -> Self {
        let mut code = Zeroizing::new([0; CODE]);
        code[..16].copy_from_slice(&notebook.0);
        random(&mut code[16..16 + SECRET]);
        code[16 + SECRET..].copy_from_slice(&fingerprint(envelope_key));
        Self(code)
    }

    /// As it is shown: `KITHJ-` and twenty groups of four, which a QR code holds well.
    pub fn text(&self) -> Zeroizing<String> {
        paper::written(PREFIX, &*self.0)
    }

    /// Reads what was typed, forgiving what people and cameras do to letters.
    ///
    /// # Errors
    /// [`Error::Invalid`] in words that say what is wrong with it.
    pub fn parse(text: &str) -> Result<Self> {
        paper::read(PREFIX, "code", text).map(Self)
    }

    /// Its bytes, for a key store.
    pub fn bytes(&self) -> &[u8] {
        &*self.0
    }

    /// From its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The notebook it leads into.
    pub fn notebook(&self) -> NotebookTag {
        let mut tag = NotebookTag::default();
        tag.0.copy_from_slice(&self.0[..16]);
        tag
    }

    /// The names of the three files, without their endings.
    pub fn file_stem(&self) -> String {
        format!("j/{}", hex(&self.keyed("kith 2026 join name", &[])[..16]))
    }

    /// The keys by which the two know each other on a network while they pair: of the device that shows the code, and of
    /// the one it was typed on. Who does not know the code can be neither.
    pub fn endpoint_keys(&self) -> [SigningKey; 2] {
        let key = |who: &[u8]| SigningKey::from_bytes(&self.keyed("kith 2026 join endpoint", &[who]));
        [key(b"host"), key(b"guest")]
    }

    /// What the device that shows the code shows on a network, with a fresh nonce.
    pub fn beacon(&self, nonce: &[u8]) -> [u8; 16] {
        let hash = self.keyed("kith 2026 join beacon", &[nonce]);
        std::array::from_fn(|at| hash[at])
    }

    /// Whether this is the key that requests are to be sealed to.
    pub fn fits(&self, envelope_key: &[u8; 32]) -> bool {
        self.0[16 + SECRET..] == fingerprint(envelope_key)
    }

    pub(super) fn keyed(&self, context: &str, parts: &[&[u8]]) -> [u8; 32] {
        let key = blake3::derive_key(context, &self.0[16..16 + SECRET]);
        let mut hasher = blake3::Hasher::new_keyed(&key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
        }
        hasher.finalize().into()
    }

    fn head(&self, kind: u8) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(MAGIC);
        head[4] = kind;
        head[8..].copy_from_slice(&self.notebook().0);
        head
    }

    /// What follows the head of a file of this kind.
    fn after_head<'a>(&self, kind: u8, bytes: &'a [u8]) -> Result<&'a [u8]> {
        match bytes.split_at_checked(HEAD) {
            Some((head, rest)) if head == self.head(kind) && bytes.len() <= MAX_FILE => Ok(rest),
            _ => Err(Error::Peer("this is no file of this invitation, or not whole yet".into())),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

fn fingerprint(envelope_key: &[u8; 32]) -> [u8; FINGERPRINT] {
    let hash = blake3::derive_key("kith 2026 join fingerprint", envelope_key);
    std::array::from_fn(|at| hash[at])
}

/// The file `.inv`: the key that a request is sealed to.
pub fn invitation(code: &Code, envelope_key: &[u8; 32]) -> Vec<u8> {
    [&code.head(0)[..], envelope_key].concat()
}

/// What a new device asked, and what it showed its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its keys.
    pub device: DevicePublic,
    /// What it calls itself.
    pub name: String,
    /// Six digits that both devices show.
    pub digits: String,
    /// What the answer must refer to.
    transcript: [u8; 32],
}

impl Request {
    pub(super) fn transcript(&self) -> &[u8; 32] {
        &self.transcript
    }
}

/// Writes the file `.req` in reply to an invitation; also gives the digits to show.
///
/// # Errors
/// [`Error::Declined`] when the invitation is not the one of the code: somebody put another in its place.
pub fn request(
    code: &Code,
    invitation: &[u8],
    device: &DevicePublic,
    name: &str,
    random: Random<'_>,
) -> Result<(Vec<u8>, String)> {
    let Some(key) = code.after_head(0, invitation)?.first_chunk::<32>().filter(|key| code.fits(key)) else {
        return Err(Error::Declined("this invitation was changed by somebody; ask for a new code".into()));
    };
    let name: String = name.chars().take(MAX_NAME).collect();
    let (head, public) = (code.head(1), device.encode());
    let mut map = Map::new();
    map.put(0, |writer| writer.raw(&public));
    map.put(1, |writer| writer.text(&name));
    map.put(2, |writer| writer.bytes(&code.keyed("kith 2026 join asks", &[&public, name.as_bytes()])));
    let envelope = envelope::seal(key, REQUEST, &head, &framed(&map.into_bytes()), random)?;
    let file = [&head[..], &envelope].concat();
    let digits = digits(&transcript(code, key, &file));
    Ok((file, digits))
}

/// Reads the file `.req`, on the device that invited.
///
/// # Errors
/// [`Error::Declined`] when its writer did not know the code, or it is damaged. The code is spent then.
pub fn read_request(code: &Code, envelope_key: &EnvelopeKey, file: &[u8]) -> Result<Request> {
    let envelope = code.after_head(1, file)?;
    let plain = envelope_key.open(REQUEST, &code.head(1), envelope)?;
    let mut fields = Reader::new(seal::unpad(&plain)?).map()?;
    let public = fields.take(0, Reader::raw)?;
    let name = fields.take(1, |reader| reader.text(4 * MAX_NAME))?.to_string();
    let proof: [u8; 32] = fields.take(2, Reader::array)?;
    if code.keyed("kith 2026 join asks", &[public, name.as_bytes()]) != proof {
        return Err(Error::Declined("somebody who does not know the code asked to join; the code is spent".into()));
    }
    let mut reader = Reader::new(public);
    let device = DevicePublic::read(&mut reader)?;
    reader.end()?;
    device.verify()?;
    let transcript = transcript(code, &envelope_key.public(), file);
    Ok(Request { device, name, digits: digits(&transcript), transcript })
}

/// What the new device is given.
#[derive(Debug, Default, PartialEq)]
pub struct Welcome {
    /// What the inviting device calls itself.
    pub from: String,
    /// The roster as it travels: entries and bags of keys, as `r/` files.
    pub parcels: Vec<Vec<u8>>,
    /// The keys under which the entries can be opened, and what was written until now.
    pub keys: KeyBag,
}

/// Writes the file `.ans`.
///
/// # Errors
/// [`Error::Invalid`] when the roster is larger than an answer can be.
pub fn answer(code: &Code, request: &Request, welcome: &Welcome, random: Random<'_>) -> Result<Vec<u8>> {
    let mut map = Map::new();
    map.put(0, |writer| writer.text(&welcome.from));
    map.put(1, |writer| writer.list(welcome.parcels.iter(), |writer, parcel| writer.bytes(parcel)));
    let keys: Vec<_> = welcome.keys.written().collect();
    map.put(2, |writer| writer.list(keys.iter(), |writer, key| writer.bytes(&key[..])));
    map.put(3, |writer| writer.bytes(&code.keyed("kith 2026 join answers", &[&request.transcript])));
    let plain = Zeroizing::new(framed(&Zeroizing::new(map.into_bytes())));
    let is_too_much = welcome.parcels.len() > MAX_PARCELS || keys.len() > MAX_ANSWERED;
    if is_too_much || plain.len() + HEAD + envelope::OVERHEAD > MAX_FILE {
        return Err(Error::Invalid("this notebook's list of devices is too long to be handed on".into()));
    }
    let head = code.head(2);
    Ok([&head[..], &envelope::seal(&request.device.hpke, ANSWER, &head, &plain, random)?].concat())
}

/// Reads the file `.ans`, on the new device. `invitation` and `request` are the files as they were.
///
/// # Errors
/// [`Error::Declined`] when it is not the answer to this request, or damaged.
pub fn read_answer(
    code: &Code,
    envelope_key: &EnvelopeKey,
    (invitation, request): (&[u8], &[u8]),
    file: &[u8],
) -> Result<Welcome> {
    let plain = envelope_key.open(ANSWER, &code.head(2), code.after_head(2, file)?)?;
    let mut fields = Reader::new(seal::unpad(&plain)?).map()?;
    let welcome = Welcome {
        from: fields.take(0, |reader| reader.text(4 * MAX_NAME))?.to_string(),
        parcels: fields
            .take(1, |reader| reader.list(MAX_PARCELS, |reader| reader.bytes(MAX_PARCEL).map(<[u8]>::to_vec)))?,
        keys: take_keys(&mut fields)?,
    };
    let proof: [u8; 32] = fields.take(3, Reader::array)?;
    let key = code.after_head(0, invitation)?;
    let transcript = transcript(code, key, request);
    if code.keyed("kith 2026 join answers", &[&transcript]) == proof {
        Ok(welcome)
    } else {
        Err(Error::Declined("this answer was not made for this request; ask for a new code".into()))
    }
}

fn take_keys(fields: &mut Fields<'_>) -> Result<KeyBag> {
    let mut bag = KeyBag::default();
    let read = |reader: &mut Reader<'_>| bag.read_in(&Zeroizing::new(reader.array::<KEY>()?));
    fields.take(2, |reader| reader.list(MAX_ANSWERED, read))?;
    Ok(bag)
}

/// A length, the bytes, zeros: the sealed size tells little.
fn framed(text: &[u8]) -> Vec<u8> {
    let mut bytes = [&(text.len() as u32).to_be_bytes()[..], text].concat();
    seal::pad(&mut bytes);
    bytes
}

/// Everything the two have said to each other so far.
pub(super) fn transcript(code: &Code, envelope_key: &[u8], request: &[u8]) -> [u8; 32] {
    code.keyed("kith 2026 join transcript", &[code.bytes(), envelope_key, request])
}

fn digits(transcript: &[u8; 32]) -> String {
    let number = transcript.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{:06}", number % 1_000_000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::keys::{DeviceKeys, EntryHash, Secret};
    use super::*;
    use proptest::prelude::*;

    fn dice(seed: u8) -> impl FnMut(&mut [u8]) {
        let mut calls = 0_u64;
        move |bytes| {
            calls += 1;
            blake3::Hasher::new().update(&[seed]).update(&calls.to_be_bytes()).finalize_xof().fill(bytes);
        }
    }

    fn device(seed: u8) -> DeviceKeys {
        DeviceKeys::from_seeds(&Secret::new([seed; 32]), &Secret::new([seed + 100; 32]))
    }

    /// An inviting device, a code, and the files up to the request.
    fn asked() -> (Code, Vec<u8>, Vec<u8>, String) {
        let code = Code::draw(&NotebookTag([9; 16]), &device(1).envelope_key().public(), &mut dice(1));
        let invitation = invitation(&code, &device(1).envelope_key().public());
        let (request, digits) = request(&code, &invitation, &device(2).public(), "phone", &mut dice(2)).unwrap();
        (code, invitation, request, digits)
    }

    fn welcome() -> Welcome {
        let keys = vec![(EntryHash([3; 32]), Secret::new([4; 32]))];
        let keys = KeyBag { keys, entry_keys: vec![(EntryHash([5; 32]), Secret::new([6; 32]))] };
        Welcome { from: "laptop".into(), parcels: vec![vec![5; 900], vec![6; 70]], keys }
    }

    #[test]
    fn a_code_is_read_as_it_is_shown_and_as_people_type_it() {
        let (code, ..) = asked();
        let text = code.text();
        assert_eq!(text.len(), "KITHJ".len() + 20 * 5);
        for typed in [text.to_string(), text.to_lowercase(), text.replace('-', " "), text.replace('-', "")] {
            assert!(Code::parse(&typed).unwrap() == code, "{typed}");
        }
        let recovery = super::super::keys::RecoveryKit::draw(&mut dice(3)).text();
        assert!(matches!(Code::parse(&recovery), Err(Error::Invalid(_))), "a recovery key is no code");
        let mut wrong = text.to_string();
        wrong.replace_range(20..21, if &text[20..21] == "7" { "8" } else { "7" });
        assert!(matches!(Code::parse(&wrong), Err(Error::Invalid(_))));
        assert!(!format!("{code:?}").contains(&text[6..10]), "nothing secret is printed");
    }

    #[test]
    fn two_devices_that_share_a_folder_show_the_same_digits_and_the_new_one_gets_the_keys() {
        let (code, invitation, request, digits) = asked();
        let read = read_request(&code, device(1).envelope_key(), &request).unwrap();
        assert_eq!((read.name.as_str(), &read.digits, &read.device), ("phone", &digits, &device(2).public()));
        assert_eq!(digits.len(), 6);
        let answer = answer(&code, &read, &welcome(), &mut dice(5)).unwrap();
        let files = (&invitation[..], &request[..]);
        assert_eq!(read_answer(&code, device(2).envelope_key(), files, &answer).unwrap(), welcome());
        assert!(read_answer(&code, device(3).envelope_key(), files, &answer).is_err(), "it opens to nobody else");
    }

    #[test]
    fn an_answer_hands_over_more_keys_than_a_bag_holds() {
        let (code, invitation, request, _) = asked();
        let read = read_request(&code, device(1).envelope_key(), &request).unwrap();
        let keys = vec![(EntryHash([3; 32]), Secret::new([4; 32])); MAX_ANSWERED];
        let mut more = keys.clone();
        more.extend_from_slice(&keys[..1]);
        let too_many = Welcome { keys: KeyBag { keys: more, entry_keys: Vec::new() }, ..welcome() };
        assert!(answer(&code, &read, &too_many, &mut dice(5)).is_err(), "what could not be read is not written");
        let welcome = Welcome { keys: KeyBag { keys, entry_keys: Vec::new() }, ..welcome() };
        let answer = answer(&code, &read, &welcome, &mut dice(5)).unwrap();
        assert_eq!(read_answer(&code, device(2).envelope_key(), (&invitation, &request), &answer).unwrap(), welcome);
    }

    #[test]
    fn who_does_not_know_the_code_cannot_ask() {
        let (code, _, _, _) = asked();
        let key = device(1).envelope_key().public();
        // The mailbox shows the invitation, so the key and the notebook are known; the secret is not.
        let mut guess = Code::draw(&code.notebook(), &key, &mut dice(77));
        let (forged, _) = request(&guess, &invitation(&guess, &key), &device(6).public(), "x", &mut dice(6)).unwrap();
        assert!(read_request(&code, device(1).envelope_key(), &forged).is_err());
        guess.0[16 + SECRET] ^= 1;
        assert!(request(&guess, &invitation(&guess, &key), &device(6).public(), "x", &mut dice(6)).is_err());
    }

    #[test]
    fn a_swapped_invitation_request_or_answer_is_refused() {
        let (code, invited, asked, _) = asked();
        let swapped = invitation(&code, &device(8).envelope_key().public());
        assert!(request(&code, &swapped, &device(2).public(), "phone", &mut dice(2)).is_err());
        // Another device that knows the code asks as well: the digits differ, which is what the person compares.
        let (other, digits) = request(&code, &invited, &device(4).public(), "phone", &mut dice(9)).unwrap();
        let first = read_request(&code, device(1).envelope_key(), &asked).unwrap();
        let second = read_request(&code, device(1).envelope_key(), &other).unwrap();
        assert!(first.digits != second.digits && second.digits == digits);
        let answer = answer(&code, &second, &welcome(), &mut dice(5)).unwrap();
        assert!(read_answer(&code, device(2).envelope_key(), (&invited, &asked), &answer).is_err());
    }

    fn assert_only_whole(file: &[u8], takes: &dyn Fn(&[u8]) -> bool) {
        assert!(takes(file));
        for at in 0..file.len() {
            let mut flipped = file.to_vec();
            flipped[at] ^= 0x10;
            assert!(!takes(&flipped) && !takes(&file[..at]), "byte {at}");
        }
    }

    #[test]
    fn every_flipped_byte_and_every_cut_of_a_pairing_is_refused() {
        let (code, invited, asked, _) = asked();
        let read = read_request(&code, device(1).envelope_key(), &asked).unwrap();
        let answered = answer(&code, &read, &welcome(), &mut dice(5)).unwrap();
        let takes_request = |file: &[u8]| read_request(&code, device(1).envelope_key(), file).is_ok();
        let takes_answer = |file: &[u8]| read_answer(&code, device(2).envelope_key(), (&invited, &asked), file).is_ok();
        assert_only_whole(&asked, &takes_request);
        assert_only_whole(&answered, &takes_answer);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0u8..3) {
            let (code, invited, asked, _) = asked();
            let file = [&code.head(kind)[..], &bytes].concat();
            let _ = read_request(&code, device(1).envelope_key(), &file);
            let _ = read_answer(&code, device(2).envelope_key(), (&invited, &asked), &file);
            let _ = request(&code, &file, &device(2).public(), "x", &mut dice(2));
        }
    }
}
