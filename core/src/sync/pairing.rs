//! How a device joins a notebook when the two only share a place for files, be it one that the other lends it over a line:
//! what is said by code, request and answer.
//!
//! The code is shown by a device that has the notebook and typed, or scanned, on the new one. It names the notebook, a
//! secret for one use, and the key to which the request is sealed. The new device leaves its request; both show the same
//! six digits; when the person has compared them and agreed, the answer holds the roster and the keys. Nothing here
//! touches a file, asks a person or changes a roster.
//!
//! Six digits are few: who may choose what goes into them tries a million times and has the ones they want. So neither of
//! the two can choose, even if it knows the code. The new device first leaves a vow, a hash of the request it has made;
//! the other one answers with a toss, which it could not know before; only then comes the request, which has to be the
//! one of the vow, and the digits are made of both.
//!
//! Five files stand in a mailbox under `j/`, named by the secret: `.inv` with the key to seal to, `.vow`, `.toss`, `.req`,
//! `.ans`. Whoever keeps the mailbox can neither read nor answer them: a request opens to the inviting device alone, an
//! answer to the new one, and all that follow the first carry a proof that their writer knows the secret.

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
/// Until `KTJ1` there was no vow.
const MAGIC: &[u8; 4] = b"KTJ2";
const HEAD: usize = 24;
/// Length of a vow, of a toss, and of the proof that follows each.
const PART: usize = 32;
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

    /// The names of the files, without their endings.
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
            _ if bytes.starts_with(&MAGIC[..3]) && !bytes.starts_with(MAGIC) => Err(Error::NeedsUpdate(
                "the two devices have versions of Kith of which each pairs in another way; update both, and ask for a new \
                 code"
                    .into(),
            )),
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
    /// What it vowed to ask before it knew the toss.
    pub vow: Vow,
    /// What the answer must refer to.
    transcript: [u8; 32],
}

/// Which request it will be, said before the toss: nobody can tell from it what the request is.
pub type Vow = [u8; PART];

/// What the inviting device drew, said after the vow.
pub type Toss = [u8; PART];

/// Makes the request for the file `.req`, in reply to an invitation. Nobody may see it before there is a toss.
///
/// # Errors
/// [`Error::Declined`] when the invitation is not the one of the code: somebody put another in its place.
pub fn request(
    code: &Code,
    invitation: &[u8],
    device: &DevicePublic,
    name: &str,
    random: Random<'_>,
) -> Result<Vec<u8>> {
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
    Ok([&head[..], &envelope].concat())
}

/// The vow of a request.
pub fn vow_of(code: &Code, request: &[u8]) -> Vow {
    code.keyed("kith 2026 join vows", &[request])
}

/// The file `.vow`.
pub fn vow(code: &Code, vow: &Vow) -> Vec<u8> {
    [&code.head(3)[..], vow, &code.keyed("kith 2026 join says vow", &[vow])].concat()
}

/// Reads the file `.vow`, on the device that invited.
///
/// # Errors
/// [`Error::Declined`] when its writer did not know the code, or it is damaged. The code is spent then.
pub fn read_vow(code: &Code, file: &[u8]) -> Result<Vow> {
    let part = proven(code.after_head(3, file)?, |vow| code.keyed("kith 2026 join says vow", &[vow]));
    part.ok_or_else(|| Error::Declined("somebody who does not know the code asked to join; the code is spent".into()))
}

/// The file `.toss`, for this vow.
pub fn toss(code: &Code, vow: &Vow, toss: &Toss) -> Vec<u8> {
    [&code.head(4)[..], toss, &code.keyed("kith 2026 join says toss", &[vow, toss])].concat()
}

/// Reads the file `.toss`, on the new device.
///
/// # Errors
/// [`Error::Declined`] when it was not said of this vow by who knows the code, or it is damaged.
pub fn read_toss(code: &Code, vow: &Vow, file: &[u8]) -> Result<Toss> {
    let part = proven(code.after_head(4, file)?, |toss| code.keyed("kith 2026 join says toss", &[vow, toss]));
    part.ok_or_else(|| Error::Declined("somebody else asks with this code, or meddles; ask for a new one".into()))
}

/// A part that its proof follows, and nothing else.
fn proven(bytes: &[u8], proof: impl Fn(&[u8; PART]) -> [u8; PART]) -> Option<[u8; PART]> {
    let (part, rest) = bytes.split_first_chunk::<PART>()?;
    (rest == proof(part)).then_some(*part)
}

/// The digits that the new device shows. `invitation` and `request` are the files as they were.
///
/// # Errors
/// As [`request`].
pub fn digits(code: &Code, invitation: &[u8], request: &[u8], toss: &Toss) -> Result<String> {
    Ok(digits_of(&transcript(code, code.after_head(0, invitation)?, request, toss)))
}

/// Reads the file `.req`, on the device that invited, which heard this vow and answered it with this toss.
///
/// # Errors
/// [`Error::Declined`] when its writer did not know the code, it is not the request of the vow, or it is damaged. The code
/// is spent then.
pub fn read_request(
    code: &Code,
    envelope_key: &EnvelopeKey,
    (vow, toss): (&Vow, &Toss),
    file: &[u8],
) -> Result<Request> {
    if vow_of(code, file) != *vow {
        return Err(Error::Declined(
            "another device asks than the one that came first with this code: somebody else may know it. Nobody was let \
             in, and the code is spent"
                .into(),
        ));
    }
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
    let transcript = transcript(code, &envelope_key.public(), file, toss);
    Ok(Request { device, name, digits: digits_of(&transcript), vow: *vow, transcript })
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

/// Reads the file `.ans`, on the new device. `invitation` and `request` are the files as they were, `toss` is what was said.
///
/// # Errors
/// [`Error::Declined`] when it is not the answer to this request, or damaged.
pub fn read_answer(
    code: &Code,
    envelope_key: &EnvelopeKey,
    (invitation, request, toss): (&[u8], &[u8], &Toss),
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
    let transcript = transcript(code, key, request, toss);
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
fn transcript(code: &Code, envelope_key: &[u8], request: &[u8], toss: &Toss) -> [u8; 32] {
    code.keyed("kith 2026 join transcript", &[code.bytes(), envelope_key, request, toss])
}

fn digits_of(transcript: &[u8; 32]) -> String {
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

    const TOSS: Toss = [7; PART];

    /// An inviting device, a code, the files up to the request, and the digits after the toss.
    fn asked() -> (Code, Vec<u8>, Vec<u8>, String) {
        let code = Code::draw(&NotebookTag([9; 16]), &device(1).envelope_key().public(), &mut dice(1));
        let invitation = invitation(&code, &device(1).envelope_key().public());
        let request = request(&code, &invitation, &device(2).public(), "phone", &mut dice(2)).unwrap();
        let digits = digits(&code, &invitation, &request, &TOSS).unwrap();
        (code, invitation, request, digits)
    }

    /// As the inviting device reads a request, after its vow.
    fn read(code: &Code, request: &[u8]) -> Result<Request> {
        read_request(code, device(1).envelope_key(), (&vow_of(code, request), &TOSS), request)
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
        let read = read(&code, &request).unwrap();
        assert_eq!((read.name.as_str(), &read.digits, &read.device), ("phone", &digits, &device(2).public()));
        assert_eq!(digits.len(), 6);
        let answer = answer(&code, &read, &welcome(), &mut dice(5)).unwrap();
        let files = (&invitation[..], &request[..], &TOSS);
        assert_eq!(read_answer(&code, device(2).envelope_key(), files, &answer).unwrap(), welcome());
        assert!(read_answer(&code, device(3).envelope_key(), files, &answer).is_err(), "it opens to nobody else");
    }

    #[test]
    fn an_answer_hands_over_more_keys_than_a_bag_holds() {
        let (code, invitation, request, _) = asked();
        let read = read(&code, &request).unwrap();
        let keys = vec![(EntryHash([3; 32]), Secret::new([4; 32])); MAX_ANSWERED];
        let mut more = keys.clone();
        more.extend_from_slice(&keys[..1]);
        let too_many = Welcome { keys: KeyBag { keys: more, entry_keys: Vec::new() }, ..welcome() };
        assert!(answer(&code, &read, &too_many, &mut dice(5)).is_err(), "what could not be read is not written");
        let welcome = Welcome { keys: KeyBag { keys, entry_keys: Vec::new() }, ..welcome() };
        let answer = answer(&code, &read, &welcome, &mut dice(5)).unwrap();
        assert_eq!(
            read_answer(&code, device(2).envelope_key(), (&invitation, &request, &TOSS), &answer).unwrap(),
            welcome
        );
    }

    #[test]
    fn who_does_not_know_the_code_cannot_ask() {
        let (code, _, _, _) = asked();
        let key = device(1).envelope_key().public();
        // The mailbox shows the invitation, so the key and the notebook are known; the secret is not.
        let mut guess = Code::draw(&code.notebook(), &key, &mut dice(77));
        let forged = request(&guess, &invitation(&guess, &key), &device(6).public(), "x", &mut dice(6)).unwrap();
        assert!(read(&code, &forged).is_err());
        let theirs = vow_of(&guess, &forged);
        assert!(matches!(read_vow(&code, &vow(&guess, &theirs)), Err(Error::Declined(_))));
        assert!(matches!(read_toss(&code, &theirs, &toss(&guess, &theirs, &TOSS)), Err(Error::Declined(_))));
        guess.0[16 + SECRET] ^= 1;
        assert!(request(&guess, &invitation(&guess, &key), &device(6).public(), "x", &mut dice(6)).is_err());
    }

    #[test]
    fn a_swapped_invitation_request_or_answer_is_refused() {
        let (code, invited, asked, _) = asked();
        let swapped = invitation(&code, &device(8).envelope_key().public());
        assert!(request(&code, &swapped, &device(2).public(), "phone", &mut dice(2)).is_err());
        // Another device that knows the code asks as well: the digits differ, which is what the person compares.
        let other = request(&code, &invited, &device(4).public(), "phone", &mut dice(9)).unwrap();
        let (first, second) = (read(&code, &asked).unwrap(), read(&code, &other).unwrap());
        assert!(first.digits != second.digits && second.digits == digits(&code, &invited, &other, &TOSS).unwrap());
        let answer = answer(&code, &second, &welcome(), &mut dice(5)).unwrap();
        assert!(read_answer(&code, device(2).envelope_key(), (&invited, &asked, &TOSS), &answer).is_err());
    }

    #[test]
    fn after_the_vow_nobody_chooses_the_digits_even_who_knows_the_code() {
        let (code, invited, asked, shown) = asked();
        let vowed = vow_of(&code, &asked);
        // Who knows the code tries requests until one gives the first digit that the new device shows. All six are only
        // a matter of a little more patience.
        let try_one = |seed| request(&code, &invited, &device(4).public(), "phone", &mut dice(seed)).unwrap();
        let alike = |file: &Vec<u8>| digits(&code, &invited, file, &TOSS).unwrap()[..1] == shown[..1];
        let ground = (0..=255).map(try_one).find(alike).unwrap();
        // It is not the one that was vowed, and of their own vow they had to say before they knew the toss.
        let told = read_request(&code, device(1).envelope_key(), (&vowed, &TOSS), &ground);
        assert!(matches!(told, Err(Error::Declined(words)) if words.contains("another device asks")));
        assert_eq!(read_request(&code, device(1).envelope_key(), (&vowed, &TOSS), &asked).unwrap().digits, shown);
        // A toss of theirs they have to say before they see the request; one that was said of another vow is refused.
        let other = toss(&code, &vow_of(&code, &ground), &TOSS);
        assert!(matches!(read_toss(&code, &vowed, &other), Err(Error::Declined(_))));
        assert_eq!(read_toss(&code, &vowed, &toss(&code, &vowed, &TOSS)).unwrap(), TOSS);
        assert!(digits(&code, &invited, &asked, &[8; PART]).unwrap() != shown, "the digits are of both");
    }

    #[test]
    fn a_version_that_pairs_in_another_way_is_told_apart_from_a_file_that_is_not_whole() {
        let (code, mut invited, ..) = asked();
        invited[3] = b'1';
        let told = request(&code, &invited, &device(2).public(), "phone", &mut dice(2));
        assert!(matches!(told, Err(Error::NeedsUpdate(_))));
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
        let answered = answer(&code, &read(&code, &asked).unwrap(), &welcome(), &mut dice(5)).unwrap();
        let (key, vowed, said) = (device(1), vow_of(&code, &asked), (&invited[..], &asked[..], &TOSS));
        assert_only_whole(&vow(&code, &vowed), &|file| read_vow(&code, file).is_ok());
        assert_only_whole(&toss(&code, &vowed, &TOSS), &|file| read_toss(&code, &vowed, file).is_ok());
        assert_only_whole(&asked, &|file| read_request(&code, key.envelope_key(), (&vowed, &TOSS), file).is_ok());
        // Nor does a request that was vowed damaged.
        assert_only_whole(&asked, &|file| read(&code, file).is_ok());
        assert_only_whole(&answered, &|file| read_answer(&code, device(2).envelope_key(), said, file).is_ok());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0u8..5) {
            let (code, invited, asked, _) = asked();
            let file = [&code.head(kind)[..], &bytes].concat();
            let _ = read_vow(&code, &file);
            let _ = read_toss(&code, &[0; PART], &file);
            let _ = read(&code, &file);
            let _ = read_answer(&code, device(2).envelope_key(), (&invited, &asked, &TOSS), &file);
            let _ = request(&code, &file, &device(2).public(), "x", &mut dice(2));
        }
    }
}
