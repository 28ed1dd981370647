//! A mailbox that one device lends to another over a line, for as long as the two pair: the new device asks, the one that
//! shows the code answers from a folder of its own. So a device joins on a network in the very way in which it joins
//! through a folder.
//!
//! A question is a map of canonical CBOR after a length, and so is its answer; one at a time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::mailbox::{Item, MAX_ITEMS, Mailbox};
use super::{Heard, Line};
use crate::error::{Error, Result};
use crate::sync::cbor::{Map, Reader};
use crate::sync::pairing;
use crate::sync::session::Frames;

/// Largest question: a bundle as one is written, and room for what is said about it.
const MAX_QUESTION: usize = 5 * 1024 * 1024;
/// Largest answer: the roster that a new device is given, and a listing of as many files as a notebook has.
const MAX_ANSWER: usize = pairing::MAX_FILE + 64 * 1024;
/// Most bytes that the other device may leave.
const MAX_LEFT: u64 = 256 * 1024 * 1024;
/// Answers that have not left before the next question is looked at.
const MAX_QUEUE: usize = 2 * MAX_ANSWER;
/// Bytes of questions that may wait meanwhile. Who asks one at a time leaves no second one waiting.
const MAX_WAITING: usize = MAX_QUESTION + 1024 * 1024;
/// How long the other device may say nothing.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may have the mailbox in all: two people have to look at it, and everything is brought over.
const LONGEST: Duration = Duration::from_secs(60 * 60);
const STEP: Duration = Duration::from_millis(200);
const MAX_NAME: usize = 1024;

const LIST: u64 = 1;
const GET: u64 = 2;
const PUT: u64 = 3;
const DELETE: u64 = 4;

const DONE: u64 = 0;
const BYTES: u64 = 1;
const ITEMS: u64 = 2;
const UNREADABLE: u64 = 3;
const FAILED: u64 = 4;

/// Answers what the other device asks of this mailbox, until it hangs up or it is over.
///
/// # Errors
/// [`Error::Unreachable`] when the line breaks, [`Error::Peer`] when the other device asks what nobody asks, or goes on
/// asking without taking the answers.
pub fn lend(line: &mut dyn Line, place: &dyn Mailbox, is_over: &dyn Fn() -> bool) -> Result<()> {
    let (mut frames, mut left, mut queued, mut heard) = (Frames::default(), 0, 0_usize, Instant::now());
    let began = Instant::now();
    while !is_over() && heard.elapsed() < PATIENCE && began.elapsed() < LONGEST {
        match line.wait(STEP)? {
            Heard::Bytes(bytes) => {
                frames.push(&bytes);
                heard = Instant::now();
            }
            Heard::Sent(length) => queued = queued.saturating_sub(length),
            Heard::End => break,
            Heard::Nothing => {}
        }
        while queued < MAX_QUEUE {
            let Some(question) = frames.take_body(MAX_QUESTION)? else { break };
            let answer = framed(&answer(place, question, &mut left)?);
            queued += answer.len();
            line.send(answer)?;
        }
        if frames.waiting() > MAX_WAITING {
            return Err(Error::Peer("the other device asks and asks, and takes no answer".into()));
        }
    }
    line.hang_up();
    Ok(())
}

fn answer(place: &dyn Mailbox, question: &[u8], left: &mut u64) -> Result<Map> {
    let mut fields = Reader::new(question).map()?;
    let what = fields.take(0, Reader::uint)?;
    let name = fields.take_if_there(1, |reader| reader.text(MAX_NAME))?.unwrap_or_default();
    let done = match what {
        LIST => place.list().map(|items| said(ITEMS, |map| put_items(map, &items))),
        GET => {
            let most = fields.take(2, Reader::uint)?.min(pairing::MAX_FILE as u64);
            place.get(name, most).map(|bytes| match bytes {
                Some(bytes) => said(BYTES, |map| map.put(1, |writer| writer.bytes(&bytes))),
                None => said(DONE, |_| {}),
            })
        }
        PUT => {
            let bytes = fields.take(3, |reader| reader.bytes(MAX_QUESTION))?;
            *left += bytes.len() as u64;
            if *left > MAX_LEFT {
                return Err(Error::Peer("the other device leaves more than a new one can have".into()));
            }
            place.put_new(name, bytes).map(|()| said(DONE, |_| {}))
        }
        DELETE => place.delete(name).map(|()| said(DONE, |_| {})),
        _ => return Err(Error::Peer("the other device asks what this version does not know".into())),
    };
    Ok(done.unwrap_or_else(|error| {
        let kind = if matches!(error, Error::Unreadable(_)) { UNREADABLE } else { FAILED };
        said(kind, |map| map.put(1, |writer| writer.text("the other device cannot do that")))
    }))
}

fn said(kind: u64, more: impl FnOnce(&mut Map)) -> Map {
    let mut map = Map::new();
    map.put(0, |writer| writer.uint(kind));
    more(&mut map);
    map
}

fn put_items(map: &mut Map, items: &[Item]) {
    map.put(1, |writer| writer.list(items.iter(), |writer, item| writer.text(&item.name)));
    map.put(2, |writer| writer.list(items.iter(), |writer, item| writer.uint(item.bytes)));
}

fn framed(map: &Map) -> Vec<u8> {
    let mut writer = crate::sync::cbor::Writer::default();
    writer.map(map);
    let body = writer.into_bytes();
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}

/// The mailbox of the device at the other end of a line.
pub struct Borrowed<L> {
    at: Mutex<(L, Frames)>,
}

/// What was answered.
enum Answer {
    Done,
    Bytes(Vec<u8>),
    Items(Vec<Item>),
}

impl<L: Line> Borrowed<L> {
    /// Over this line.
    pub fn over(line: L) -> Self {
        Self { at: Mutex::new((line, Frames::default())) }
    }

    /// Gives it back: what was said last arrives.
    pub fn give_back(self) {
        self.at.into_inner().unwrap_or_else(PoisonError::into_inner).0.hang_up();
    }

    fn ask(&self, what: u64, name: &str, more: impl FnOnce(&mut Map)) -> Result<Answer> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let (line, frames) = &mut *at;
        let question = said(what, |map| {
            map.put(1, |writer| writer.text(name));
            more(map);
        });
        line.send(framed(&question))?;
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Some(answer) = frames.take_body(MAX_ANSWER)? {
                return read(answer);
            }
            match line.wait(STEP)? {
                Heard::Bytes(bytes) => frames.push(&bytes),
                Heard::End => {
                    return Err(Error::Declined("the other device ended it; ask for a new code there".into()));
                }
                Heard::Sent(_) | Heard::Nothing => {}
            }
        }
        Err(Error::Unreachable("the other device does not answer any more".into()))
    }
}

fn read(answer: &[u8]) -> Result<Answer> {
    let mut fields = Reader::new(answer).map()?;
    Ok(match fields.take(0, Reader::uint)? {
        DONE => Answer::Done,
        BYTES => Answer::Bytes(fields.take(1, |reader| reader.bytes(MAX_ANSWER))?.to_vec()),
        ITEMS => {
            let text = |reader: &mut Reader<'_>| reader.text(MAX_NAME).map(str::to_owned);
            let names = fields.take(1, |reader| reader.list(MAX_ITEMS, text))?;
            let sizes = fields.take(2, |reader| reader.list(MAX_ITEMS, Reader::uint))?;
            Answer::Items(names.into_iter().zip(sizes).map(|(name, bytes)| Item { name, bytes }).collect())
        }
        kind => {
            let why = fields.take(1, |reader| reader.text(MAX_NAME))?.to_owned();
            return Err(if kind == UNREADABLE { Error::Unreadable(why) } else { Error::Unreachable(why) });
        }
    })
}

fn misunderstood<T>() -> Result<T> {
    Err(Error::Peer("the other device answers something else".into()))
}

impl<L: Line + Send> Mailbox for Borrowed<L> {
    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn list(&self) -> Result<Vec<Item>> {
        let Answer::Items(mut items) = self.ask(LIST, "", |_| {})? else { return misunderstood() };
        items.retain(|item| super::mailbox::is_listed(&item.name));
        Ok(items)
    }

    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        match self.ask(GET, name, |map| map.put(2, |writer| writer.uint(most)))? {
            Answer::Done => Ok(None),
            Answer::Bytes(bytes) if bytes.len() as u64 <= most => Ok(Some(bytes)),
            _ => misunderstood(),
        }
    }

    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<()> {
        match self.ask(PUT, name, |map| map.put(3, |writer| writer.bytes(bytes)))? {
            Answer::Done => Ok(()),
            _ => misunderstood(),
        }
    }

    fn delete(&self, name: &str) -> Result<()> {
        match self.ask(DELETE, name, |_| {})? {
            Answer::Done => Ok(()),
            _ => misunderstood(),
        }
    }

    fn words(&self) -> String {
        "the other device".into()
    }
}
