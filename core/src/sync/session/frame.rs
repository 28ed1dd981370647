//! The frames two devices exchange: a length of four bytes, then one map of canonical CBOR. Everything is bounded before
//! anything is set aside for it. When a frame is sent, and what it brings about, is for `session` to say.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::sync::LogId;
use crate::sync::cbor::{Fields, Map, Reader};
use crate::sync::checkpoint::MAX_PART;
use crate::sync::keys::NotebookTag;
use crate::sync::ranges::Ranges;
use crate::sync::seal::MAX_PARCEL;
use crate::sync::segment::MAX_SEGMENT;

/// Largest frame: four of the largest segments, and room for what is said about them.
pub const MAX_FRAME: usize = 1280 * 1024;
/// Largest frame from a device that is not known: enough for the hundred entries that let it in.
pub const MAX_INTRO: usize = 64 * 1024;
/// Most logs of a notebook that are told.
pub const MAX_LOGS: usize = 4096;
/// Most files of the roster.
pub const MAX_PARCELS: usize = 8192;
/// Most segments of one frame, all under the same number of a log.
pub(super) const MAX_TWINS: usize = 4;
/// Longest reason for breaking off.
pub const MAX_REASON: usize = 256;
/// The one version of this protocol there is.
pub(super) const PROTO: u64 = 1;

/// The name of a file of the roster: the beginning of its hash.
pub type ParcelId = [u8; 16];
/// What a device has, log by log.
pub type Have = BTreeMap<LogId, Held>;

/// What a device has of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Which numbers it has, or had: those it does not want.
    pub ranges: Ranges,
    /// Those of them that a renewal covers, and that it cannot give any more.
    pub gone: Ranges,
    /// The beginning of the BLAKE3 of the hashes of all segments it has of this log, by number and hash. Of two devices
    /// that have the same numbers, it tells whether they have the same segments.
    pub digest: [u8; 16],
}

/// One frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// The first frame of either side.
    Hello {
        /// The lowest and the highest version it speaks.
        proto: [u64; 2],
        /// Which notebook.
        notebook: NotebookTag,
        /// The BLAKE3 of the names of its files of the roster.
        parcels: [u8; 32],
        /// What it has.
        have: Have,
        /// Whether it has nothing to show, so that a checkpoint would help.
        is_new: bool,
    },
    /// The names of all files of the roster it has; sent when the two do not have the same.
    Names(Vec<ParcelId>),
    /// Files of the roster.
    Roster {
        /// The files.
        parcels: Vec<Vec<u8>>,
        /// Whether these are the last for now.
        last: bool,
    },
    /// A part of a checkpoint.
    Checkpoint(Vec<u8>),
    /// Asks for these numbers of a log.
    Want(LogId, Ranges),
    /// The segments under a number that was asked for: none when there is none any more, several when two notebooks
    /// wrote under it.
    Segments {
        /// Which log.
        log: LogId,
        /// Which number.
        seq: u64,
        /// The segments, byte for byte.
        segments: Vec<Vec<u8>>,
        /// Whether more of this number follow.
        more: bool,
    },
    /// What it has now, of logs in which something changed: all of it is durable.
    Ack(Have),
    /// It wants nothing more and has told everything, after having heard so many statements of the other: its hello, its
    /// files of the roster and its acknowledgements. It is taken back by whatever it says later.
    Bye(u64),
    /// It gives no more segments this time; meet again for the rest.
    More,
    /// It breaks off, and says why.
    Break(String),
    /// The only frame of a device the other does not know yet: files of the roster that prove that it was let in.
    Intro(Vec<Vec<u8>>),
    /// A frame of a newer version.
    Unknown,
}

const KIND: u64 = 0;

impl Frame {
    /// The frame with its length before it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut map = Map::new();
        self.put(&mut map);
        let body = map.into_bytes();
        [&(body.len() as u32).to_be_bytes()[..], &body].concat()
    }

    fn put(&self, map: &mut Map) {
        let mut kind = |kind: u64| map.put(KIND, |writer| writer.uint(kind));
        match self {
            Self::Hello { proto, notebook, parcels, have, is_new } => {
                kind(1);
                map.put(1, |writer| writer.list(proto.iter(), |writer, version| writer.uint(*version)));
                map.put(2, |writer| writer.bytes(&notebook.0));
                map.put(3, |writer| writer.bytes(parcels));
                put_have(map, 4, have);
                put_flag(map, 5, *is_new);
            }
            Self::Names(names) => {
                kind(2);
                map.put(1, |writer| writer.bytes(names.as_flattened()));
            }
            Self::Roster { parcels, last } => {
                kind(3);
                put_blobs(map, 1, parcels);
                put_flag(map, 2, *last);
            }
            Self::Want(log, ranges) => {
                kind(4);
                map.put(1, |writer| writer.bytes(log));
                map.put(2, |writer| ranges.write(writer));
            }
            Self::Segments { log, seq, segments, more } => {
                kind(5);
                map.put(1, |writer| writer.bytes(log));
                map.put(2, |writer| writer.uint(*seq));
                put_blobs(map, 3, segments);
                put_flag(map, 4, *more);
            }
            Self::Ack(have) => {
                kind(6);
                put_have(map, 4, have);
            }
            Self::Bye(heard) => {
                kind(7);
                map.put(1, |writer| writer.uint(*heard));
            }
            Self::More => kind(8),
            Self::Break(reason) => {
                kind(9);
                map.put(1, |writer| writer.text(reason));
            }
            Self::Intro(parcels) => {
                kind(10);
                put_blobs(map, 1, parcels);
            }
            Self::Checkpoint(part) => {
                kind(11);
                map.put(1, |writer| writer.bytes(part));
            }
            Self::Unknown => kind(0),
        }
    }

    /// Reads what stands after the length.
    ///
    /// # Errors
    /// [`Error::Peer`] when it is not written the way Kith writes, or beyond a limit.
    pub fn read(body: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let mut fields = reader.map()?;
        reader.end()?;
        Ok(match fields.take(KIND, Reader::uint)? {
            1 => Self::Hello {
                proto: fields.take(1, |reader| reader.list(2, Reader::uint))?.try_into().or_else(|_| malformed())?,
                notebook: NotebookTag(fields.take(2, Reader::array)?),
                parcels: fields.take(3, Reader::array)?,
                have: take_have(&mut fields, 4)?,
                is_new: take_flag(&mut fields, 5)?,
            },
            2 => {
                let names = fields.take(1, |reader| reader.bytes(16 * MAX_PARCELS))?;
                let (names, odd) = names.as_chunks::<16>();
                if !odd.is_empty() {
                    return malformed();
                }
                Self::Names(names.to_vec())
            }
            3 => Self::Roster {
                parcels: take_blobs(&mut fields, 1, MAX_PARCELS, MAX_PARCEL)?,
                last: take_flag(&mut fields, 2)?,
            },
            4 => Self::Want(fields.take(1, Reader::array)?, fields.take(2, Ranges::read)?),
            5 => Self::Segments {
                log: fields.take(1, Reader::array)?,
                seq: fields.take(2, Reader::uint)?,
                segments: take_blobs(&mut fields, 3, MAX_TWINS, MAX_SEGMENT)?,
                more: take_flag(&mut fields, 4)?,
            },
            6 => Self::Ack(take_have(&mut fields, 4)?),
            7 => Self::Bye(fields.take(1, Reader::uint)?),
            8 => Self::More,
            9 => Self::Break(fields.take(1, |reader| reader.text(MAX_REASON))?.to_owned()),
            10 => Self::Intro(take_blobs(&mut fields, 1, MAX_PARCELS, MAX_INTRO)?),
            11 => Self::Checkpoint(fields.take(1, |reader| reader.bytes(MAX_PART).map(<[u8]>::to_vec))?),
            _ => Self::Unknown,
        })
    }
}

/// Bytes as they come, cut into frames. It grows with what is there, never with what a length claims.
#[derive(Default)]
pub struct Frames {
    bytes: Vec<u8>,
    at: usize,
}

impl Frames {
    /// Takes what has come.
    pub fn push(&mut self, bytes: &[u8]) {
        // What was read is dropped once it is most of it, so that a byte is moved twice at most.
        if self.at > self.bytes.len() / 2 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame of at most so many bytes, once it is all there.
    ///
    /// # Errors
    /// As [`Frame::read`].
    pub fn take(&mut self, most: usize) -> Result<Option<Frame>> {
        self.take_body(most)?.map(Frame::read).transpose()
    }

    /// What stands after the next length, of at most so many bytes, once it is all there.
    ///
    /// # Errors
    /// [`Error::Peer`] when it is longer, before any of it has come.
    pub fn take_body(&mut self, most: usize) -> Result<Option<&[u8]>> {
        let Some((length, rest)) = self.bytes.get(self.at..).and_then(<[u8]>::split_first_chunk::<4>) else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > most {
            return Err(Error::Peer("the other device sent more at once than it may".into()));
        }
        if rest.len() < length {
            return Ok(None);
        }
        let from = self.at + 4;
        self.at = from + length;
        Ok(self.bytes.get(from..self.at))
    }

    /// Bytes that came and were not taken.
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether part of a frame is still to come.
    pub fn is_cut(&self) -> bool {
        self.at < self.bytes.len()
    }
}

fn put_have(map: &mut Map, key: u64, have: &Have) {
    map.put(key, |writer| {
        writer.list(have.iter(), |writer, (log, held)| {
            let mut of_log = Map::new();
            of_log.put(0, |writer| writer.bytes(log));
            of_log.put(1, |writer| held.ranges.write(writer));
            of_log.put(2, |writer| writer.bytes(&held.digest));
            if !held.gone.is_empty() {
                of_log.put(3, |writer| held.gone.write(writer));
            }
            writer.map(&of_log);
        });
    });
}

fn take_have(fields: &mut Fields<'_>, key: u64) -> Result<Have> {
    let logs = fields.take(key, |reader| {
        reader.list(MAX_LOGS, |reader| {
            let mut of_log = reader.map()?;
            let log: LogId = of_log.take(0, Reader::array)?;
            let held = Held {
                ranges: of_log.take(1, Ranges::read)?,
                digest: of_log.take(2, Reader::array)?,
                gone: of_log.take_if_there(3, Ranges::read)?.unwrap_or_default(),
            };
            Ok((log, held))
        })
    })?;
    if logs.is_sorted_by(|(a, _), (b, _)| a < b) { Ok(logs.into_iter().collect()) } else { malformed() }
}

fn put_blobs(map: &mut Map, key: u64, blobs: &[Vec<u8>]) {
    map.put(key, |writer| writer.list(blobs.iter(), |writer, blob| writer.bytes(blob)));
}

fn take_blobs(fields: &mut Fields<'_>, key: u64, most: usize, longest: usize) -> Result<Vec<Vec<u8>>> {
    fields.take(key, |reader| reader.list(most, |reader| reader.bytes(longest).map(<[u8]>::to_vec)))
}

fn put_flag(map: &mut Map, key: u64, flag: bool) {
    if flag {
        map.put(key, crate::sync::cbor::Writer::yes);
    }
}

fn take_flag(fields: &mut Fields<'_>, key: u64) -> Result<bool> {
    Ok(fields.take_if_there(key, Reader::yes)?.unwrap_or(false))
}

fn malformed<T>() -> Result<T> {
    Err(Error::Peer("the other device sent what is not written the way Kith writes".into()))
}
