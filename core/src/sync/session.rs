//! What two devices say to each other over a direct connection, as a machine that does nothing itself: it is handed what
//! came and what was done, and answers with what is to be done. Both sides run the same one; neither leads.
//!
//! ```text
//! HELLO  what I have                                      once, at the start
//! CKPT   a part of a checkpoint                           at once, to a device that has nothing to show
//! NAMES  my files of the roster      ROST  those you lack  only if they differ; before anything is asked for
//! WANT   numbers of a log            SEG   the segments
//! ACK    what I have now             after it is durable
//! BYE    I want nothing more, and have told you all
//! ```
//!
//! Whoever asks bounds what is on its way; whoever gives bounds how much it gives in one exchange. When nothing more is
//! asked for, the device seals what it has to tell itself: not before, since what the other has of its log may show that
//! this notebook was copied or put back. The exchange is over when each side has said BYE after the last word of the
//! other. How frames look is in `frame`, who may connect is for the carrier, what a segment is worth for the notebook.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod frame;
#[cfg(test)]
mod tests;

pub use frame::{Frame, Frames, Have, Held, MAX_FRAME, MAX_INTRO, MAX_LOGS, MAX_PARCELS, MAX_REASON, ParcelId};
use frame::{MAX_TWINS, PROTO};

use crate::error::{Error, Result};
use crate::sync::LogId;
use crate::sync::checkpoint;
use crate::sync::keys::NotebookTag;
use crate::sync::ranges::{MAX_RANGES, Ranges};
use crate::sync::segment::MAX_SEGMENT;
use crate::sync::share::{Claim, shared};

/// Most numbers that are asked for and have not come: of the largest segments, 64 MiB.
pub const MAX_OPEN: usize = 64 * 1024 * 1024 / MAX_SEGMENT;
/// Most numbers that are given in one exchange, so that no meeting takes without end.
pub const MAX_GIVEN: u64 = 10_000;
/// Numbers that are taken before it is said that they are durable.
const ACK_EVERY: u64 = 128;
/// More frames than any exchange needs.
const MAX_FRAMES: u64 = 4 * MAX_GIVEN;
/// Most ranges in all logs of the other device together.
const MAX_HOLES: usize = 65_536;

/// What a device tells of its logs, at most: a log counts as its ranges, and as eight of them at least. So many are
/// half of what the other takes.
const MAX_TOLD: usize = 8 * MAX_LOGS;

/// What this device brings to an exchange.
pub struct Here {
    /// Which notebook.
    pub notebook: NotebookTag,
    /// The names of its files of the roster.
    pub parcels: BTreeSet<ParcelId>,
    /// What it has of each log.
    pub have: Have,
    /// Whether it has nothing to show, so that a checkpoint would help.
    pub is_new: bool,
}

/// What was done.
pub enum Input {
    /// There is room on the line to give something.
    Room,
    /// Files of the roster were taken; these are there now.
    Roster(BTreeSet<ParcelId>),
    /// The files of the roster to be given.
    Parcels(Vec<Vec<u8>>),
    /// The segments under a number to be given; none when there are none any more.
    Segments(LogId, u64, Vec<Vec<u8>>),
    /// The parts of a checkpoint to be given.
    Checkpoint(Vec<Vec<u8>>),
    /// What is durably here now.
    Have(Have),
    /// Everything was settled: the files of the roster that are here now, and what else is.
    Settled(BTreeSet<ParcelId>, Have),
}

/// What is to be done, in this order.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Send this.
    Send(Vec<u8>),
    /// Take files of the roster, and answer with [`Input::Roster`].
    TakeRoster(Vec<Vec<u8>>),
    /// Answer with [`Input::Parcels`].
    GiveRoster(Vec<ParcelId>),
    /// The other device has nothing to show yet: answer with [`Input::Checkpoint`].
    GiveCheckpoint,
    /// Show what a part of a checkpoint tells.
    TakeCheckpoint(Vec<u8>),
    /// Take a segment, or refuse it.
    Take(Vec<u8>),
    /// Answer with [`Input::Segments`].
    Give(LogId, u64),
    /// Answer with [`Input::Have`].
    Tell,
    /// Everything the other has was taken: seal what is new here, and answer with [`Input::Settled`].
    Settle,
    /// Both have everything, and have said so.
    Done,
}

/// What came of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Segments and files of the roster the other device did not have and now has, in its own words.
    pub given: u64,
    /// Segments that are here and of which it did not say that it has them.
    pub unconfirmed: u64,
    /// Whether one of the two has more to give, at the next meeting.
    pub more: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Roster {
    /// The other has not said hello.
    Unheard,
    /// Files of the roster are on their way.
    Differs,
    /// Both have the same, or everything the other had.
    Alike,
}

/// One exchange.
pub struct Session {
    notebook: NotebookTag,
    frames: Frames,
    heard_frames: u64,
    roster: Roster,
    parcels: BTreeSet<ParcelId>,
    /// The files of the roster the other has; none while it has not said.
    their_parcels: Option<BTreeSet<ParcelId>>,
    parcels_taken: usize,
    parcels_given: u64,
    /// What each side said last, and what the other said first.
    mine: Have,
    theirs: Have,
    first: Have,
    /// How many statements each side made: its greeting, files of the roster, acknowledgements.
    said: u64,
    heard: u64,
    our_bye: Option<u64>,
    their_bye: Option<u64>,
    /// Whether there was nothing to show when it began, and how many parts of a checkpoint came.
    is_new: bool,
    parts_taken: usize,
    /// What is still to be asked for, what ever was, and what has not come yet.
    wanted: BTreeMap<LogId, Ranges>,
    asked: BTreeMap<LogId, Ranges>,
    open: BTreeSet<(LogId, u64)>,
    /// Logs that were asked for in full, since the two have other segments under the same numbers.
    torn: BTreeSet<LogId>,
    to_give: VecDeque<(LogId, u64)>,
    given: u64,
    taken_since_ack: u64,
    /// Whether anything came since the last time everything was settled, and whether the answer to that is awaited.
    unsettled: bool,
    settling: bool,
    they_give_no_more: bool,
    we_give_no_more: bool,
    done: bool,
}

impl Session {
    /// Begins an exchange; what is to be sent first.
    pub fn begin(here: Here) -> (Self, Vec<Output>) {
        let parcels = digest_of(&here.parcels);
        let (proto, notebook, have, is_new) = ([PROTO, PROTO], here.notebook, here.have.clone(), here.is_new);
        let hello = Frame::Hello { proto, notebook, parcels, have, is_new };
        let session = Self {
            notebook: here.notebook,
            frames: Frames::default(),
            heard_frames: 0,
            roster: Roster::Unheard,
            parcels: here.parcels,
            their_parcels: None,
            parcels_taken: 0,
            parcels_given: 0,
            mine: here.have.clone(),
            theirs: Have::new(),
            first: Have::new(),
            said: 1,
            heard: 0,
            our_bye: None,
            their_bye: None,
            is_new: here.is_new,
            parts_taken: 0,
            wanted: BTreeMap::new(),
            asked: BTreeMap::new(),
            open: BTreeSet::new(),
            torn: BTreeSet::new(),
            to_give: VecDeque::new(),
            given: 0,
            taken_since_ack: 0,
            unsettled: true,
            settling: false,
            they_give_no_more: false,
            we_give_no_more: false,
            done: false,
        };
        (session, vec![send(&hello)])
    }

    /// Takes bytes that came; look at them with [`Session::look`].
    pub fn hear(&mut self, bytes: &[u8]) {
        self.frames.push(bytes);
    }

    /// What the next frame asks for; nothing while it is not all there.
    ///
    /// # Errors
    /// [`Error::Peer`] when the other device does what no device of ours does, [`Error::Foreign`] when it has another
    /// notebook, [`Error::Unreachable`] when it breaks off.
    pub fn look(&mut self) -> Result<Option<Vec<Output>>> {
        if self.done {
            return Ok(None);
        }
        let Some(frame) = self.frames.take(MAX_FRAME)? else { return Ok(None) };
        self.heard_frames += 1;
        if self.heard_frames > MAX_FRAMES {
            return refused("talks without end");
        }
        self.understand(frame).map(Some)
    }

    /// Whether all files of the roster have come that the other device has.
    pub fn has_their_roster(&self) -> bool {
        self.roster == Roster::Alike
    }

    /// Whether there is something to give once there is room.
    pub fn wants_room(&self) -> bool {
        !self.done && !self.to_give.is_empty()
    }

    /// How many numbers were asked for and have not come.
    pub fn open(&self) -> u64 {
        self.open.len() as u64
    }

    /// Goes on after something was done.
    ///
    /// # Errors
    /// None that the other device could bring about.
    pub fn step(&mut self, input: Input) -> Result<Vec<Output>> {
        match input {
            Input::Room => Ok(self.give_next()),
            Input::Roster(parcels) => {
                self.parcels = parcels;
                let mut outputs = self.give_roster(false);
                outputs.extend(self.go_on());
                Ok(outputs)
            }
            Input::Parcels(parcels) => Ok(self.roster_frames(parcels)),
            Input::Segments(log, seq, segments) => Ok(segment_frames(log, seq, segments)),
            Input::Checkpoint(parts) => Ok(parts.into_iter().map(|part| send(&Frame::Checkpoint(part))).collect()),
            Input::Have(have) => Ok(self.tell(have)),
            Input::Settled(parcels, have) => {
                self.settling = false;
                self.parcels = parcels;
                let mut outputs = self.give_roster(false);
                outputs.extend(self.tell(have));
                Ok(outputs)
            }
        }
    }

    /// What came of it until now.
    pub fn outcome(&self) -> Outcome {
        let none = Ranges::new();
        let of = |have: &Have, log: &LogId| have.get(log).map_or(none.clone(), |held| held.ranges.clone());
        let (mut given, mut unconfirmed) = (self.parcels_given, 0);
        for (log, held) in &self.mine {
            let lacks = held.ranges.missing_from(&of(&self.theirs, log));
            unconfirmed += lacks.missing_from(&held.gone).count();
            let got = self.asked.get(log).unwrap_or(&none);
            given += held.ranges.missing_from(&lacks).missing_from(&of(&self.first, log)).missing_from(got).count();
        }
        Outcome { given, unconfirmed, more: self.they_give_no_more || self.we_give_no_more }
    }

    fn understand(&mut self, frame: Frame) -> Result<Vec<Output>> {
        let is_first = self.roster == Roster::Unheard;
        match frame {
            Frame::Break(reason) => Err(Error::Unreachable(format!("the other device broke off: {reason}"))),
            Frame::Hello { proto, notebook, parcels, have, is_new } if is_first => {
                // A device that has nothing to show is helped before anything else is said.
                let help = (is_new && !self.mine.is_empty()).then_some(Output::GiveCheckpoint);
                let greeted = self.greet(proto, notebook, parcels, have)?;
                Ok(help.into_iter().chain(greeted).collect())
            }
            _ if is_first => refused("does not begin with a greeting"),
            Frame::Hello { .. } | Frame::Intro(_) => refused("greets twice"),
            Frame::Names(_) if self.their_parcels.is_some() => refused("names its files twice"),
            Frame::Names(names) => {
                self.their_parcels = Some(names.into_iter().collect());
                Ok(self.give_roster(true))
            }
            Frame::Roster { parcels, last } => self.take_roster(parcels, last),
            Frame::Checkpoint(part) => self.take_checkpoint(part),
            Frame::Want(log, ranges) => self.be_asked(log, &ranges),
            Frame::Segments { log, seq, segments, more } => self.take_segments(log, seq, segments, more),
            Frame::Ack(have) => {
                self.hear_statement(have)?;
                Ok(self.go_on())
            }
            Frame::Bye(heard) => {
                self.their_bye = Some(heard);
                Ok(self.go_on())
            }
            Frame::More => {
                self.they_give_no_more = true;
                self.open.clear();
                self.wanted.clear();
                Ok(self.go_on())
            }
            // Whatever a newer version says beside this protocol can be left out, or it would not say version 1.
            Frame::Unknown => Ok(Vec::new()),
        }
    }

    fn greet(
        &mut self,
        [lowest, highest]: [u64; 2],
        notebook: NotebookTag,
        parcels: [u8; 32],
        have: Have,
    ) -> Result<Vec<Output>> {
        if lowest > PROTO {
            return Err(Error::NeedsUpdate("what the other device says".into()));
        }
        if highest < PROTO {
            return Err(Error::Peer("the other device has an older version of Kith; update it to sync".into()));
        }
        if notebook != self.notebook {
            return Err(Error::Foreign("the other device has another notebook; nothing was exchanged".into()));
        }
        self.first = have.clone();
        if parcels == digest_of(&self.parcels) {
            self.roster = Roster::Alike;
            self.their_parcels = Some(self.parcels.clone());
            self.hear_statement(have)?;
            return Ok(self.go_on());
        }
        self.roster = Roster::Differs;
        self.hear_statement(have)?;
        Ok(vec![send(&Frame::Names(self.parcels.iter().copied().take(MAX_PARCELS).collect()))])
    }

    fn take_checkpoint(&mut self, part: Vec<u8>) -> Result<Vec<Output>> {
        self.parts_taken += 1;
        if !self.is_new || self.parts_taken > checkpoint::MAX_PARTS {
            return refused("gives what nobody asked for");
        }
        Ok(vec![Output::TakeCheckpoint(part)])
    }

    fn hear_statement(&mut self, have: Have) -> Result<()> {
        let logs: Vec<LogId> = have.keys().copied().collect();
        self.theirs.extend(have);
        self.heard += 1;
        let holes: usize = self.theirs.values().map(|held| held.ranges.ranges().len() + held.gone.ranges().len()).sum();
        if self.theirs.len() > MAX_LOGS || holes > MAX_HOLES {
            return refused("tells of more than any notebook has");
        }
        logs.iter().for_each(|log| self.compare(log));
        Ok(())
    }

    /// What of a log is to be asked for, by what both said last.
    fn compare(&mut self, log: &LogId) {
        let Some(theirs) = self.theirs.get(log).filter(|_| !self.they_give_no_more) else { return };
        let mine = self.mine.get(log).cloned().unwrap_or_default();
        let mut missing = theirs.ranges.missing_from(&mine.ranges).missing_from(&theirs.gone);
        if let Some(asked) = self.asked.get(log) {
            missing = missing.missing_from(asked);
        }
        if theirs.ranges == mine.ranges && theirs.digest != mine.digest && self.torn.insert(*log) {
            missing = theirs.ranges.missing_from(&theirs.gone);
        }
        if !missing.is_empty() {
            let asked = self.asked.entry(*log).or_default();
            *asked = asked.union(&missing);
            let wanted = self.wanted.entry(*log).or_default();
            *wanted = wanted.union(&missing);
        }
    }

    fn take_roster(&mut self, parcels: Vec<Vec<u8>>, last: bool) -> Result<Vec<Output>> {
        self.parcels_taken += parcels.len();
        let Some(theirs) = &mut self.their_parcels else { return refused("gives files nobody asked for") };
        if self.parcels_taken > MAX_PARCELS {
            return refused("has more files of the roster than any notebook");
        }
        theirs.extend(parcels.iter().map(|parcel| parcel_id(parcel)));
        if last {
            self.roster = Roster::Alike;
            self.heard += 1;
        }
        if parcels.is_empty() {
            // There is nothing to be looked up: what it costs to say this must not be less than what it costs to hear it.
            let mut outputs = self.give_roster(false);
            outputs.extend(self.go_on());
            return Ok(outputs);
        }
        Ok(vec![Output::TakeRoster(parcels)])
    }

    /// Gives the files of the roster the other lacks, if any, or as an answer to its names.
    fn give_roster(&mut self, is_answer: bool) -> Vec<Output> {
        let Some(theirs) = &mut self.their_parcels else { return Vec::new() };
        let lacks: Vec<ParcelId> = self.parcels.difference(theirs).copied().take(MAX_PARCELS).collect();
        if lacks.is_empty() && !is_answer {
            return Vec::new();
        }
        theirs.extend(&lacks);
        self.said += 1;
        vec![Output::GiveRoster(lacks)]
    }

    fn roster_frames(&mut self, parcels: Vec<Vec<u8>>) -> Vec<Output> {
        self.parcels_given += parcels.len() as u64;
        let (mut frames, mut parts, mut length) = (Vec::new(), Vec::new(), 0);
        for parcel in parcels {
            if length + parcel.len() > MAX_FRAME / 2 {
                frames.push(send(&Frame::Roster { parcels: std::mem::take(&mut parts), last: false }));
                length = 0;
            }
            length += parcel.len();
            parts.push(parcel);
        }
        frames.push(send(&Frame::Roster { parcels: parts, last: true }));
        frames
    }

    fn be_asked(&mut self, log: LogId, ranges: &Ranges) -> Result<Vec<Output>> {
        if ranges.count().saturating_add(self.to_give.len() as u64) > MAX_OPEN as u64 {
            return refused("asks for more at once than it may");
        }
        if !self.we_give_no_more {
            self.to_give.extend(ranges.iter().map(|seq| (log, seq)));
        }
        Ok(Vec::new())
    }

    fn give_next(&mut self) -> Vec<Output> {
        if self.given == MAX_GIVEN && !self.to_give.is_empty() {
            self.to_give.clear();
            self.we_give_no_more = true;
            return vec![send(&Frame::More)];
        }
        let Some((log, seq)) = self.to_give.pop_front() else { return Vec::new() };
        self.given += 1;
        vec![Output::Give(log, seq)]
    }

    fn take_segments(&mut self, log: LogId, seq: u64, segments: Vec<Vec<u8>>, more: bool) -> Result<Vec<Output>> {
        if !self.open.contains(&(log, seq)) || more && segments.is_empty() {
            return refused("gives what nobody asked for");
        }
        if segments.is_empty() {
            // It said that it has it and does not: the rest of this log is left for another day.
            self.wanted.remove(&log);
        }
        if !more {
            self.open.remove(&(log, seq));
        }
        self.unsettled |= !segments.is_empty();
        let mut outputs: Vec<Output> = segments.into_iter().map(Output::Take).collect();
        self.taken_since_ack += 1;
        if self.taken_since_ack >= ACK_EVERY && !self.open.is_empty() {
            self.taken_since_ack = 0;
            outputs.push(Output::Tell);
        }
        outputs.extend(self.go_on());
        Ok(outputs)
    }

    /// Says what is here now, if that is anything new.
    fn tell(&mut self, have: Have) -> Vec<Output> {
        let news: Have = have.into_iter().filter(|(log, held)| self.mine.get(log) != Some(held)).collect();
        let mut outputs = Vec::new();
        if !news.is_empty() {
            outputs.push(send(&Frame::Ack(news.clone())));
            self.said += 1;
            let logs: Vec<LogId> = news.keys().copied().collect();
            self.mine.extend(news);
            logs.iter().for_each(|log| self.compare(log));
        }
        outputs.extend(self.go_on());
        outputs
    }

    /// What is to be done next when nothing is awaited: ask, settle, say goodbye, end.
    fn go_on(&mut self) -> Vec<Output> {
        if self.roster != Roster::Alike || self.settling || self.done {
            return Vec::new();
        }
        let mut outputs = self.ask();
        if !self.open.is_empty() {
            return outputs;
        }
        if std::mem::take(&mut self.unsettled) {
            self.settling = true;
            outputs.push(Output::Settle);
            return outputs;
        }
        if self.our_bye != Some(self.heard) {
            self.our_bye = Some(self.heard);
            outputs.push(send(&Frame::Bye(self.heard)));
        }
        if self.their_bye == Some(self.said) && self.to_give.is_empty() {
            self.done = true;
            outputs.push(Output::Done);
        }
        outputs
    }

    /// Asks for as much as may be on its way.
    fn ask(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        while self.open.len() <= MAX_OPEN / 2 {
            let Some((log, wanted)) = self.wanted.pop_first() else { break };
            let now: Ranges = wanted.iter().take(MAX_OPEN - self.open.len()).collect();
            self.open.extend(now.iter().map(|seq| (log, seq)));
            let rest = wanted.missing_from(&now);
            if !rest.is_empty() {
                self.wanted.insert(log, rest);
            }
            outputs.push(send(&Frame::Want(log, now)));
        }
        outputs
    }
}

/// The last frame of a device that breaks off.
pub fn break_off(reason: &str) -> Vec<u8> {
    let end = (0..=MAX_REASON.min(reason.len())).rev().find(|at| reason.is_char_boundary(*at)).unwrap_or(0);
    Frame::Break(reason[..end].into()).bytes()
}

/// The name of a file of the roster: the beginning of its hash.
pub fn parcel_id(parcel: &[u8]) -> ParcelId {
    let hash = blake3::hash(parcel);
    std::array::from_fn(|at| hash.as_bytes()[at])
}

/// What a device has of a log: the number and hash of every segment, in this order, and whether it is whole.
pub fn held(segments: impl IntoIterator<Item = (u64, [u8; 32], bool)>) -> Held {
    let (mut ranges, mut whole, mut hasher) = (Ranges::new(), Ranges::new(), blake3::Hasher::new());
    for (seq, hash, is_whole) in segments {
        ranges.insert(seq);
        if is_whole {
            whole.insert(seq);
        }
        hasher.update(&hash);
    }
    let hash = hasher.finalize();
    let gone = ranges.missing_from(&whole);
    Held { ranges, gone, digest: std::array::from_fn(|at| hash.as_bytes()[at]) }
}

/// As much of it as one greeting may tell. Only a device that means harm opens more logs, or leaves out more numbers: what
/// is left out is of those who have most, and goes through mailboxes only. The rank of a log is that of its device: logs of
/// one rank share one part of the room, the lower the more believed.
pub fn tellable(have: Have, rank: impl Fn(&LogId) -> usize) -> Have {
    let can_be_read = |held: &Held| [&held.ranges, &held.gone].iter().all(|part| part.ranges().len() <= MAX_RANGES);
    let mut logs: Vec<(LogId, Held)> = have.into_iter().filter(|(_, held)| can_be_read(held)).collect();
    // Of a device's logs those with most segments come first.
    logs.sort_by_key(|(_, held)| Reverse(held.ranges.count()));
    let claims = logs.into_iter().map(|(log, held)| {
        let pieces = held.ranges.ranges().len() + held.gone.ranges().len();
        Claim { rank: rank(&log), cost: pieces.max(MAX_TOLD / MAX_LOGS), what: (log, held) }
    });
    shared(MAX_TOLD, claims).into_iter().collect()
}

fn digest_of(parcels: &BTreeSet<ParcelId>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for id in parcels {
        hasher.update(id);
    }
    hasher.finalize().into()
}

fn segment_frames(log: LogId, seq: u64, segments: Vec<Vec<u8>>) -> Vec<Output> {
    let chunks: Vec<&[Vec<u8>]> = segments.chunks(MAX_TWINS).collect();
    let frame = |segments: &[Vec<u8>], more| send(&Frame::Segments { log, seq, segments: segments.to_vec(), more });
    match chunks.split_last() {
        None => vec![frame(&[], false)],
        Some((last, before)) => {
            let mut frames: Vec<Output> = before.iter().map(|chunk| frame(chunk, true)).collect();
            frames.push(frame(last, false));
            frames
        }
    }
}

fn send(frame: &Frame) -> Output {
    Output::Send(frame.bytes())
}

fn refused<T>(why: &str) -> Result<T> {
    Err(Error::Peer(format!("the other device {why}; nothing it said since was taken")))
}
