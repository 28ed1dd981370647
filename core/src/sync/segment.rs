//! A segment: some changes of one device, sealed and signed, the only unit that is stored, sent or put in a folder.
//!
//! `header 84 | XChaCha20-Poly1305 of (signature 64 | length 4 | zstd of canonical CBOR | zeros)`. The signature covers
//! the header and everything sealed after it, so that of one segment there is one spelling: nobody but its author can
//! make another file for the same place in a log, not even a device that holds the key. `docs/format-segment.md` says
//! it byte by byte. Which keys to try and whose signature counts is for the roster to say; what a change may be like,
//! for the gate of `document`.
//!
//! Reading has three steps, each with its own type: [`Header::read`] needs no key, [`open`] needs the epoch's, and only
//! [`Opened::verify`] hands out what is inside.

use std::fmt;

use ed25519_dalek::SigningKey;

use super::cbor::{Map, Reader, Unknown, Writer};
use super::keys::{DeviceId, EpochKeys, KeyId, NotebookTag};
use super::ranges::Ranges;
use super::seal::{self, NONCE, SIGNATURE, SUITE, TAG};
use super::{LogId, hex};
use crate::error::{Error, Result};
use crate::model::{Random, RecordId};

/// Bytes of a header.
pub const HEADER: usize = 84;
/// Largest segment.
pub const MAX_SEGMENT: usize = 256 * 1024;
/// Largest bundle: as many segments as are bundled at once, each as large as can be.
pub const MAX_BUNDLE: usize = 256 * MAX_SEGMENT;
/// Most items of a segment.
pub const MAX_ITEMS: usize = 4096;
/// Largest change.
pub const MAX_CHANGE: usize = 128 * 1024;
/// Largest photo.
pub const MAX_BLOB: usize = 64 * 1024;
/// Most actors of a segment: one is drawn at each start of the program.
pub const MAX_ACTORS: usize = 256;
/// Largest actor.
pub const MAX_ACTOR: usize = 64;
/// Most logs whose numbers a segment says it has seen.
pub const MAX_SEEN: usize = 128;
/// Items whose sizes, by [`Item::size`], add up to no more fit in a segment, however badly they compress.
pub const ROOM: usize = 192 * 1024;
/// Which form of a segment's contents this version reads, and writes.
pub const READER: u64 = 1;

const MAGIC: &[u8; 3] = b"KTS";
const VERSION: u8 = b'1';
const PURPOSE: &str = "kith/seg/1";
const MAX_INFLATED: usize = 1024 * 1024;
const MAX_VERSION_TEXT: usize = 32;
const MIN_BODY: usize = SIGNATURE + 4 + TAG;
/// Bytes a change or a photo takes beside its own, at most.
const ITEM_HEAD: usize = 40;

fn refused<T>(why: &str) -> Result<T> {
    Err(Error::Peer(why.into()))
}

/// What anybody can read of a segment. Nothing of it is believed before [`open`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which notebook.
    pub notebook: NotebookTag,
    /// Under which epoch's key it is sealed.
    pub key: KeyId,
    /// Which log, by the name it has under that key.
    pub log_tag: [u8; 16],
    /// Its number in its log, from 1.
    pub seq: u64,
    /// How many bytes follow the header.
    pub body: u32,
    /// Drawn for this segment.
    pub nonce: [u8; NONCE],
}

impl Header {
    /// Reads the header at the beginning of these bytes; more may follow.
    ///
    /// # Errors
    /// [`Error::Peer`] when there is none; [`Error::NeedsUpdate`] when a newer version wrote it.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let Some(header) = bytes.first_chunk::<HEADER>().filter(|header| header.starts_with(MAGIC)) else {
            return refused("not a segment, or cut short");
        };
        let header = Self::split(header);
        let [_, _, _, VERSION, SUITE, 0, 0, 0] = header.0 else {
            return Err(Error::NeedsUpdate("a segment".into()));
        };
        let header = header.1;
        if header.seq == 0 || (header.body as usize) < MIN_BODY || header.len() > MAX_SEGMENT {
            return refused("a segment's header holds what none of ours would");
        }
        Ok(header)
    }

    /// The first eight bytes, which say how to read the rest, and the rest.
    fn split(bytes: &[u8; HEADER]) -> ([u8; 8], Self) {
        fn part<const N: usize>(bytes: &[u8; HEADER], from: usize) -> [u8; N] {
            std::array::from_fn(|at| bytes[from + at])
        }
        let header = Self {
            notebook: NotebookTag(part(bytes, 8)),
            key: KeyId(part(bytes, 24)),
            log_tag: part(bytes, 32),
            seq: u64::from_be_bytes(part(bytes, 48)),
            body: u32::from_be_bytes(part(bytes, 56)),
            nonce: part(bytes, 60),
        };
        (part(bytes, 0), header)
    }

    /// Its 84 bytes.
    pub fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..3].copy_from_slice(MAGIC);
        bytes[3] = VERSION;
        bytes[4] = SUITE;
        bytes[8..24].copy_from_slice(&self.notebook.0);
        bytes[24..32].copy_from_slice(&self.key.0);
        bytes[32..48].copy_from_slice(&self.log_tag);
        bytes[48..56].copy_from_slice(&self.seq.to_be_bytes());
        bytes[56..60].copy_from_slice(&self.body.to_be_bytes());
        bytes[60..].copy_from_slice(&self.nonce);
        bytes
    }

    /// Bytes of the whole segment.
    #[expect(clippy::len_without_is_empty, reason = "a segment is never empty")]
    pub fn len(&self) -> usize {
        HEADER.saturating_add(self.body as usize)
    }
}

/// What a segment says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plaintext {
    /// The least version of the form, see [`READER`], that understands all of it. When it is higher than ours,
    /// everything but the four fields beside it stands in `unknown`.
    pub min_reader: u64,
    /// Who wrote it.
    pub device: DeviceId,
    /// Which log it continues.
    pub log: LogId,
    /// The BLAKE3 of the whole segment before it in its log; zeros for the first.
    pub prev: [u8; 32],
    /// The Automerge actors whose changes it carries, but for re-issued ones.
    pub actors: Vec<Vec<u8>>,
    /// The log that this one follows; only in its first segment.
    pub retires: Option<Retired>,
    /// What its author had of the logs of others, so that something withheld is noticed.
    pub seen: Vec<(LogId, Ranges)>,
    /// When it was sealed, by its author's clock. Shown only, nothing merges by it.
    pub made_at_unix_ms: u64,
    /// The program that wrote it. Shown only.
    pub app_version: String,
    /// What it carries.
    pub items: Vec<Item>,
    /// Fields of a newer version.
    pub unknown: Unknown,
}

/// A log that is not continued, and how far its author knew it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// Which log.
    pub log: LogId,
    /// Its last number.
    pub last: u64,
    /// The BLAKE3 of that segment.
    pub hash: [u8; 32],
}

/// One thing that a segment carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A change of one record, as Automerge writes it, uncompressed.
    Change {
        /// Which record.
        record: RecordId,
        /// The change.
        bytes: Vec<u8>,
        /// Whether somebody else wrote it and it came here another way.
        reissued: bool,
        /// Fields of a newer version.
        unknown: Unknown,
    },
    /// A photo.
    Blob {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Fields of a newer version.
        unknown: Unknown,
    },
    /// Something of a newer version: the bytes of its map, as they came.
    Unknown(Vec<u8>),
}

// Keys of the maps. A key is never used for something else; the first four keep their meaning in every version.
const MIN_READER: u64 = 0;
const DEVICE: u64 = 1;
const LOG: u64 = 2;
const PREV: u64 = 3;
const ACTORS: u64 = 4;
const RETIRES: u64 = 5;
const SEEN: u64 = 6;
const MADE_AT: u64 = 7;
const APP_VERSION: u64 = 8;
const ITEMS: u64 = 9;

const ITEM_KIND: u64 = 0;
const ITEM_RECORD: u64 = 1;
const ITEM_BYTES: u64 = 2;
const ITEM_REISSUED: u64 = 3;
const CHANGE: u64 = 1;
const BLOB: u64 = 2;
/// The highest kind of item that this version knows. When it rises, segments that came before are gone through again.
pub const ITEM_KINDS: u64 = BLOB;

impl Item {
    /// At most how many bytes it takes in a segment, before it is compressed.
    pub fn size(&self) -> usize {
        let unknown = |unknown: &Unknown| unknown.values().map(|value| value.len() + 9).sum::<usize>();
        match self {
            Self::Change { bytes, unknown: more, .. } | Self::Blob { bytes, unknown: more } => {
                ITEM_HEAD + bytes.len() + unknown(more)
            }
            Self::Unknown(bytes) => bytes.len(),
        }
    }

    /// The number of its kind; none when it cannot be read.
    pub fn kind(&self) -> Option<u64> {
        match self {
            Self::Change { .. } => Some(CHANGE),
            Self::Blob { .. } => Some(BLOB),
            Self::Unknown(raw) => Reader::new(raw).map().and_then(|mut map| map.take(ITEM_KIND, Reader::uint)).ok(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Change { record, bytes, reissued, unknown } => {
                let mut map = Map::with(unknown);
                map.put(ITEM_KIND, |writer| writer.uint(CHANGE));
                map.put(ITEM_RECORD, |writer| writer.bytes(&record.0));
                map.put(ITEM_BYTES, |writer| writer.bytes(bytes));
                if *reissued {
                    map.put(ITEM_REISSUED, Writer::yes);
                }
                map.into_bytes()
            }
            Self::Blob { bytes, unknown } => {
                let mut map = Map::with(unknown);
                map.put(ITEM_KIND, |writer| writer.uint(BLOB));
                map.put(ITEM_BYTES, |writer| writer.bytes(bytes));
                map.into_bytes()
            }
            Self::Unknown(bytes) => bytes.clone(),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let raw = reader.raw()?;
        let mut fields = Reader::new(raw).map()?;
        Ok(match fields.take(ITEM_KIND, Reader::uint)? {
            CHANGE => Self::Change {
                record: RecordId(fields.take(ITEM_RECORD, Reader::array)?),
                bytes: fields.take(ITEM_BYTES, |reader| reader.bytes(MAX_CHANGE))?.to_vec(),
                reissued: fields.take_if_there(ITEM_REISSUED, Reader::yes)?.unwrap_or(false),
                unknown: fields.rest(),
            },
            BLOB => Self::Blob {
                bytes: fields.take(ITEM_BYTES, |reader| reader.bytes(MAX_BLOB))?.to_vec(),
                unknown: fields.rest(),
            },
            _ => Self::Unknown(raw.to_vec()),
        })
    }
}

impl Retired {
    fn encode(&self) -> Vec<u8> {
        let mut map = Map::new();
        map.put(0, |writer| writer.bytes(&self.log));
        map.put(1, |writer| writer.uint(self.last));
        map.put(2, |writer| writer.bytes(&self.hash));
        map.into_bytes()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let mut fields = reader.map()?;
        let retired = Self {
            log: fields.take(0, Reader::array)?,
            last: fields.take(1, Reader::uint)?,
            hash: fields.take(2, Reader::array)?,
        };
        if fields.rest().is_empty() { Ok(retired) } else { refused("it follows a log in a way of no version") }
    }
}

impl Plaintext {
    /// Its canonical CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let mut map = Map::with(&self.unknown);
        map.put(MIN_READER, |writer| writer.uint(self.min_reader));
        map.put(DEVICE, |writer| writer.bytes(&self.device.0));
        map.put(LOG, |writer| writer.bytes(&self.log));
        map.put(PREV, |writer| writer.bytes(&self.prev));
        if self.min_reader > READER {
            return map.into_bytes();
        }
        map.put(ACTORS, |writer| writer.list(self.actors.iter(), |writer, actor| writer.bytes(actor)));
        if let Some(retired) = &self.retires {
            map.put(RETIRES, |writer| writer.raw(&retired.encode()));
        }
        if !self.seen.is_empty() {
            map.put(SEEN, |writer| writer.list(self.seen.iter(), write_seen));
        }
        map.put(MADE_AT, |writer| writer.uint(self.made_at_unix_ms));
        map.put(APP_VERSION, |writer| writer.text(&self.app_version));
        map.put(ITEMS, |writer| writer.list(self.items.iter(), |writer, item| writer.raw(&item.encode())));
        map.into_bytes()
    }

    /// Reads what [`Self::encode`] wrote, and nothing else.
    ///
    /// # Errors
    /// [`Error::Peer`] when it is another spelling, or beyond the limits.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let mut fields = reader.map()?;
        reader.end()?;
        let mut text = Self {
            min_reader: fields.take(MIN_READER, Reader::uint)?,
            device: DeviceId(fields.take(DEVICE, Reader::array)?),
            log: fields.take(LOG, Reader::array)?,
            prev: fields.take(PREV, Reader::array)?,
            ..Self::default()
        };
        if text.min_reader <= READER {
            text.actors = fields
                .take(ACTORS, |reader| reader.list(MAX_ACTORS, |reader| reader.bytes(MAX_ACTOR).map(<[u8]>::to_vec)))?;
            text.retires = fields.take_if_there(RETIRES, Retired::read)?;
            text.seen = fields.take_if_there(SEEN, |reader| reader.list(MAX_SEEN, read_seen))?.unwrap_or_default();
            text.made_at_unix_ms = fields.take(MADE_AT, Reader::uint)?;
            text.app_version = fields.take(APP_VERSION, |reader| reader.text(MAX_VERSION_TEXT))?.into();
            text.items = fields.take(ITEMS, |reader| reader.list(MAX_ITEMS, Item::read))?;
        }
        text.unknown = fields.rest();
        // What is read must be written the same again; an empty list where none is written is the one thing left.
        if text.encode() == bytes { Ok(text) } else { refused("a segment is not written the way Kith writes") }
    }

    /// Whether it may have this number: only the first has none before it, and only the first follows another log.
    fn can_stand_at(&self, seq: u64) -> bool {
        (seq == 1) == (self.prev == [0; 32]) && (seq == 1 || self.retires.is_none())
    }

    /// Whether a newer version is needed to understand it. It is kept and passed on all the same.
    pub fn needs_update(&self) -> bool {
        self.min_reader > READER
    }
}

/// What somebody has of a log, as a pair.
pub(super) fn write_seen(writer: &mut Writer, (log, ranges): &(LogId, Ranges)) {
    let pair: [&dyn Fn(&mut Writer); 2] = [&|writer| writer.bytes(log), &|writer| ranges.write(writer)];
    writer.list(pair.iter(), |writer, write| write(writer));
}

/// Reads such a pair.
pub(super) fn read_seen(reader: &mut Reader<'_>) -> Result<(LogId, Ranges)> {
    let mut parts = reader.list(2, Reader::raw)?.into_iter();
    match (parts.next(), parts.next()) {
        (Some(log), Some(ranges)) => {
            let mut ranges_reader = Reader::new(ranges);
            let pair = (Reader::new(log).array()?, Ranges::read(&mut ranges_reader)?);
            ranges_reader.end().map(|()| pair)
        }
        _ => refused("what a segment has seen is not written the way Kith writes"),
    }
}

/// Seals and signs a segment; the bytes of its file.
///
/// # Errors
/// [`Error::Invalid`] when it holds more than a segment may: nothing is sealed that could not be read again.
pub fn seal(text: &Plaintext, epoch: &EpochKeys, author: &SigningKey, seq: u64, random: Random<'_>) -> Result<Vec<u8>> {
    let too_much = |_| Error::Invalid("this is more than one segment may hold".into());
    let cbor = text.encode();
    if Plaintext::decode(&cbor).map_err(too_much)? != *text || text.device.0 != author.verifying_key().to_bytes() {
        return Err(Error::Invalid("a segment holds what its author cannot sign".into()));
    }
    if cbor.len() > MAX_INFLATED || !text.can_stand_at(seq) {
        return Err(Error::Invalid("a segment holds too much, or does not fit its place in its log".into()));
    }
    let packed = zstd::bulk::compress(&cbor, 3).map_err(|error| Error::Storage(error.to_string()))?;
    let mut body = vec![0; SIGNATURE];
    body.extend_from_slice(&(packed.len() as u32).to_be_bytes());
    body.extend_from_slice(&packed);
    seal::pad(&mut body);

    let mut nonce = [0; NONCE];
    random(&mut nonce);
    let header = Header {
        notebook: epoch.notebook,
        key: epoch.key_id(),
        log_tag: epoch.log_tag(&text.log),
        seq,
        body: u32::try_from(body.len() + TAG).unwrap_or(u32::MAX),
        nonce,
    };
    let bytes = header.bytes();
    Header::read(&bytes).map_err(too_much)?;
    let (signature, signed) = body.split_at_mut(SIGNATURE);
    signature.copy_from_slice(&seal::sign(author, PURPOSE, &[&bytes, signed]));
    let sealed = seal::encrypt(epoch.segment_key(), &nonce, &bytes, &body)?;
    Ok([&bytes[..], &sealed].concat())
}

/// A segment that was opened with the right key. Who signed it is not known yet, so it gives nothing away but what is
/// needed to find that out.
pub struct Opened {
    header: Header,
    text: Plaintext,
    /// What was sealed: the signature, and what it covers after the header.
    body: Vec<u8>,
}

/// Opens a whole segment with the keys of its epoch.
///
/// # Errors
/// [`Error::Peer`] in words that say what is wrong with it; [`Error::NeedsUpdate`] when a newer version sealed it.
pub fn open(bytes: &[u8], epoch: &EpochKeys) -> Result<Opened> {
    let header = Header::read(bytes)?;
    if header.notebook != epoch.notebook {
        return refused("it belongs to another notebook");
    }
    if header.key != epoch.key_id() {
        return refused("it is sealed under another key");
    }
    if bytes.len() != header.len() {
        return refused("a segment is not whole yet, or something follows it");
    }
    let (head, sealed) = bytes.split_at(HEADER);
    let body = seal::decrypt(epoch.segment_key(), &header.nonce, head, sealed)?;
    let packed = seal::unpad(body.get(SIGNATURE..).unwrap_or_default())?;
    let text = Plaintext::decode(&seal::inflate(packed, MAX_INFLATED)?)?;
    if header.log_tag != epoch.log_tag(&text.log) {
        return refused("a segment lies in the wrong log");
    }
    if !text.can_stand_at(header.seq) {
        return refused("a segment does not fit its place in its log");
    }
    Ok(Opened { header, text, body })
}

impl Opened {
    /// Its header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The device it says it is from: whose key to check it with, if the roster knows that device.
    pub fn author(&self) -> DeviceId {
        self.text.device
    }

    /// The log it says it continues.
    pub fn log(&self) -> LogId {
        self.text.log
    }

    /// Checks that it is signed by this device, and gives what it says.
    ///
    /// # Errors
    /// [`Error::Peer`] when somebody else signed it, or says to be somebody else.
    pub fn verify(self, author: &DeviceId) -> Result<Plaintext> {
        if *author != self.author() {
            return refused("a segment is from another device than it should be");
        }
        match self.body.split_first_chunk::<SIGNATURE>() {
            Some((signature, signed)) => {
                seal::verify(&author.0, PURPOSE, &[&self.header.bytes(), signed], signature).map(|()| self.text)
            }
            None => refused("a segment is not signed"),
        }
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({} of {}, …)", self.header.seq, hex(&self.text.log))
    }
}

/// What the segment after this one, and the names of files, call it by.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}

/// Puts whole segments one after another into a bundle.
pub fn bundle<'a>(segments: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    segments.into_iter().flatten().copied().collect()
}

/// Takes a bundle apart into segments, byte for byte. What is no whole segment is an error, and the last thing given:
/// behind it nothing can be told apart.
pub fn split(bundle: &[u8]) -> Split<'_> {
    Split { rest: bundle }
}

/// The segments of a bundle, see [`split`].
pub struct Split<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Split<'a> {
    type Item = Result<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        if rest.len() > MAX_BUNDLE {
            return Some(refused("a bundle is larger than any can be"));
        }
        Some(Header::read(rest).and_then(|header| match rest.split_at_checked(header.len()) {
            Some((segment, rest)) => {
                self.rest = rest;
                Ok(segment)
            }
            None => refused("the last segment of a bundle is cut short"),
        }))
    }
}

/// What the name of a file in a mailbox says. It is a hint: what is inside decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Which log, by the name it has under the key of the segment, or of the first of a bundle.
    pub log_tag: [u8; 16],
    /// The number of the segment, or of the first of a bundle.
    pub from: u64,
    /// The number of the last of a bundle; none for a segment.
    pub to: Option<u64>,
    /// The beginning of the BLAKE3 of the file.
    pub hash: [u8; 4],
    /// 0 for the first copy; whoever heals a damaged one writes the next.
    pub copy: u32,
}

impl Name {
    /// The name of this segment.
    pub fn of_segment(header: &Header, bytes: &[u8], copy: u32) -> Self {
        let [a, b, c, d, ..] = hash(bytes);
        Self { log_tag: header.log_tag, from: header.seq, to: None, hash: [a, b, c, d], copy }
    }

    /// The name of this bundle, whose first segment has this header and whose last has this number.
    pub fn of_bundle(first: &Header, to: u64, bytes: &[u8], copy: u32) -> Self {
        Self { to: Some(to), ..Self::of_segment(first, bytes, copy) }
    }

    /// Reads a name as it is written; none for any other, such as a copy that a cloud drive renamed.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.split('/');
        let (kind, log_tag, file) = (parts.next()?, parts.next()?, parts.next()?);
        let name = match kind {
            "l" => {
                let mut parts = file.strip_suffix(".kiths")?.split('-');
                let from = number(parts.next()?)?;
                Self::tail(log_tag, from, None, parts)
            }
            "b" => {
                let mut parts = file.strip_suffix(".kithb")?.split('-');
                let (from, to) = (number(parts.next()?)?, number(parts.next()?)?);
                Self::tail(log_tag, from, Some(to), parts)
            }
            _ => None,
        }?;
        // One spelling only: no capitals, no sign, no leading zeros in the number of the copy.
        (name.to_string() == path).then_some(name)
    }

    fn tail<'a>(log_tag: &str, from: u64, to: Option<u64>, mut parts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let log_tag: RecordId = log_tag.parse().ok()?;
        let hash = u32::from_str_radix(parts.next()?, 16).ok()?.to_be_bytes();
        Some(Self { log_tag: log_tag.0, from, to, hash, copy: parts.next()?.parse().ok()? })
    }
}

fn number(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tag, hash) = (hex(&self.log_tag), hex(&self.hash));
        match self.to {
            None => write!(f, "l/{tag}/{:016x}-{hash}-{}.kiths", self.from, self.copy),
            Some(to) => write!(f, "b/{tag}/{:016x}-{to:016x}-{hash}-{}.kithb", self.from, self.copy),
        }
    }
}

#[cfg(test)]
mod tests;
