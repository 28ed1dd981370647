//! A line between two devices of a world. Only one of the two runs at a time, until it waits for the other, so that the
//! same story is told the same way. What a network does to a line is in `Fault`: it breaks in the middle of anything, and
//! what comes is not always what was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kith_core::Error;
use kith_core::sync::carrier::{Heard, Line};
use kith_core::sync::segment;
use kith_core::sync::session::Frame;

use super::outside::{Result, Shared, die};

/// What goes wrong on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It breaks in the middle of what is sent.
    Breaks,
    /// The process that sends dies.
    Dies,
    /// A bit arrives flipped.
    Flips,
    /// Something arrives twice.
    Doubles,
    /// Something arrives before what was sent before it.
    Overtakes,
    /// Something never arrives.
    Loses,
}

impl Fault {
    /// All of them; breaking and dying are what happens every day.
    pub const ALL: &[Self] = &[
        Self::Breaks,
        Self::Breaks,
        Self::Breaks,
        Self::Dies,
        Self::Dies,
        Self::Flips,
        Self::Doubles,
        Self::Overtakes,
        Self::Loses,
    ];

    /// Under which name it is counted.
    pub fn word(self) -> &'static str {
        match self {
            Self::Breaks => "lines that broke",
            Self::Dies => "kills in the middle of a line",
            Self::Flips => "bits flipped on a line",
            Self::Doubles => "words doubled on a line",
            Self::Overtakes => "words that overtook others on a line",
            Self::Loses => "words lost on a line",
        }
    }
}

/// After how many frames a line has which fault; the number decides where.
pub type Fuse = (usize, Fault, u64);

/// What lies between the two ends.
#[derive(Default)]
struct Between {
    /// Whose turn it is, and who has nothing to do until the other speaks.
    turn: usize,
    idle: [bool; 2],
    /// What is on its way to each end.
    coming: [VecDeque<Vec<u8>>; 2],
    is_broken: bool,
    /// Who has hung up.
    gone: [bool; 2],
}

/// One end of a line.
pub struct Wire {
    side: usize,
    device: usize,
    peer: [u8; 32],
    between: Arc<(Mutex<Between>, Condvar)>,
    outside: Shared,
    sent: VecDeque<usize>,
    fuse: Option<Fuse>,
    has_hung_up: bool,
}

/// Both ends of a line between two devices, each named by its place in the world and its key; the first one speaks first,
/// and what it sends burns the fuse.
pub fn wire(outside: &Shared, ends: [(usize, [u8; 32]); 2], fuse: Option<Fuse>) -> [Wire; 2] {
    let between = Arc::<(Mutex<Between>, Condvar)>::default();
    let end = |side: usize, fuse| Wire {
        side,
        device: ends[side].0,
        peer: ends[1 - side].1,
        between: between.clone(),
        outside: outside.clone(),
        sent: VecDeque::new(),
        fuse,
        has_hung_up: false,
    };
    [end(0, fuse), end(1, None)]
}

impl Wire {
    /// Which device has this end.
    pub fn device(&self) -> usize {
        self.device
    }

    /// Waits until it is this end's turn.
    pub fn await_turn(&self) {
        drop(self.my_turn());
    }

    fn my_turn(&self) -> MutexGuard<'_, Between> {
        let (between, changed) = &*self.between;
        let guard = between.lock().unwrap_or_else(PoisonError::into_inner);
        changed.wait_while(guard, |between| between.turn != self.side).unwrap_or_else(PoisonError::into_inner)
    }

    fn pass_turn(&self, between: &mut Between) {
        if !between.gone[1 - self.side] {
            between.turn = 1 - self.side;
            self.between.1.notify_all();
        }
    }

    /// Keeps what was said, to be searched afterwards.
    fn overheard(&self, bytes: &[u8]) {
        let mut outside = self.outside.lock();
        outside.note(&format!("{} says {}", self.device, blake3::hash(bytes).to_hex()));
        outside.seen.insert(bytes.to_vec());
        if let Ok(Frame::Segments { segments, .. }) = Frame::read(bytes.get(4..).unwrap_or_default()) {
            for bytes in segments {
                outside.segments.entry(segment::hash(&bytes)).or_insert_with(|| (bytes.into(), self.device));
            }
        }
    }

    /// The fault that meets what is sent now.
    fn burn(&mut self) -> Option<(Fault, usize)> {
        let (left, fault, number) = self.fuse?;
        self.fuse = (left > 0).then(|| (left.saturating_sub(1), fault, number));
        (left == 0).then(|| {
            self.outside.lock().counts.one(fault.word());
            (fault, number as usize)
        })
    }
}

impl Line for Wire {
    fn peer(&self) -> [u8; 32] {
        self.peer
    }

    fn send(&mut self, mut bytes: Vec<u8>) -> Result<()> {
        let burned = self.burn();
        let mut between = self.my_turn();
        if between.is_broken || between.gone[1 - self.side] {
            return Err(Error::Unreachable("the line is broken".into()));
        }
        self.overheard(&bytes);
        let length = bytes.len();
        between.idle[1 - self.side] = false;
        let coming = &mut between.coming[1 - self.side];
        match burned {
            None => coming.push_back(bytes),
            Some((Fault::Breaks | Fault::Dies, number)) => {
                bytes.truncate(number % length);
                coming.push_back(bytes);
                between.is_broken = true;
            }
            Some((Fault::Flips, number)) => {
                bytes[number % length] ^= 1 << (number / length % 8);
                coming.push_back(bytes);
            }
            Some((Fault::Doubles, _)) => coming.extend([bytes.clone(), bytes]),
            Some((Fault::Overtakes, _)) => coming.push_front(bytes),
            Some((Fault::Loses, _)) => {}
        }
        drop(between);
        if burned.is_some_and(|(fault, _)| fault == Fault::Dies) {
            die();
        }
        self.sent.push_back(length);
        Ok(())
    }

    fn wait(&mut self, _: Duration) -> Result<Heard> {
        if let Some(length) = self.sent.pop_front() {
            return Ok(Heard::Sent(length));
        }
        loop {
            let mut between = self.my_turn();
            if let Some(bytes) = between.coming[self.side].pop_front() {
                return Ok(Heard::Bytes(bytes));
            }
            if between.is_broken || between.gone[1 - self.side] {
                return Ok(Heard::End);
            }
            // Each waits for the other: what was lost never comes, and in the end the line is given up.
            between.idle[self.side] = true;
            between.is_broken = between.idle == [true, true];
            self.pass_turn(&mut between);
        }
    }

    fn refuse(&mut self) {
        self.hang_up();
    }

    fn hang_up(&mut self) {
        if !std::mem::replace(&mut self.has_hung_up, true) {
            let mut between = self.my_turn();
            between.gone[self.side] = true;
            self.pass_turn(&mut between);
        }
    }
}
