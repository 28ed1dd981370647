//! Which segments of a removed device count: one that somebody pinned, and each that stands before one that counts. Here is
//! what a pass remembers while it looks at them, so that each is looked at once.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use crate::error::Result;
use crate::notebook::Notebook;
use crate::store::segments::{self, SegmentPlace, SegmentState};
use crate::sync::LogId;
use crate::sync::keys::DeviceId;
use crate::sync::roster::CutOff;

/// What a pass remembers, by one roster: the logs of removed devices that it looked at, and what was forgotten. Another
/// roster needs a new one.
#[derive(Default)]
pub(super) struct Weighing {
    chains: HashMap<([u8; 32], LogId), Chain>,
    forgotten: Option<HashMap<[u8; 32], SegmentPlace>>,
    /// How many segments wait, and how many bytes.
    waiting: Option<(u64, u64)>,
}

impl Weighing {
    /// What that which is here of a log of a removed device shows.
    pub(super) fn chain(
        &mut self,
        notebook: &Notebook,
        author: &DeviceId,
        log: LogId,
        cut_off: &CutOff,
    ) -> Result<&Chain> {
        Ok(match self.chains.entry((author.0, log)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let of_log = notebook.read(|connection| segments::of_log(connection, log))?;
                new.insert(Chain::of(log, &of_log, cut_off))
            }
        })
    }

    /// How many segments wait for what may show that they count, and how many bytes they have.
    pub(super) fn waiting(&mut self, notebook: &Notebook) -> Result<(u64, u64)> {
        if self.waiting.is_none() {
            self.waiting = Some(notebook.read(segments::weight_waiting)?);
        }
        Ok(self.waiting.unwrap_or_default())
    }

    /// What waits was looked at again.
    pub(super) fn looked_again(&mut self) {
        self.waiting = None;
    }

    /// One more segment is here, of so many bytes.
    pub(super) fn came(&mut self, author: &DeviceId, at: &SegmentPlace, state: SegmentState, bytes: usize) {
        if let Some((count, weight)) = self.waiting.as_mut().filter(|_| state == SegmentState::Unpinned) {
            (*count, *weight) = (*count + 1, *weight + bytes as u64);
        }
        if let Some(chain) = self.chains.get_mut(&(author.0, at.log)) {
            chain.came(at);
        }
    }

    /// The segments that were forgotten, by hash.
    pub(super) fn forgotten(&mut self, notebook: &Notebook) -> Result<&HashMap<[u8; 32], SegmentPlace>> {
        if self.forgotten.is_none() {
            let forgotten = notebook.read(segments::forgotten)?;
            self.forgotten = Some(forgotten.into_iter().map(|at| (at.hash, at)).collect());
        }
        Ok(self.forgotten.get_or_insert_default())
    }
}

/// What of one log shows which of its segments count.
#[derive(Default)]
pub(super) struct Chain {
    /// Those that are here and of which nothing shows it: their numbers, and the hashes of those before them.
    here: HashMap<[u8; 32], (u64, [u8; 32])>,
    /// Those that are pinned, or come before one that is, each found by the `prev` of the next.
    counts: HashSet<[u8; 32]>,
    /// Those that count and are not here.
    awaits: BTreeSet<(u64, [u8; 32])>,
}

impl Chain {
    /// What the segments of a log show by the pins of its author's removal.
    pub(super) fn of(log: LogId, of_log: &[SegmentPlace], cut_off: &CutOff) -> Self {
        let here = of_log.iter().map(|at| (at.hash, (at.seq, at.prev))).collect();
        let mut chain = Self { here, ..Self::default() };
        let pins = cut_off.pins.iter().filter(|(of, ..)| *of == log);
        pins.for_each(|(_, seq, hash)| chain.walk(*seq, *hash));
        chain
    }

    /// What becomes of a segment within the cut-off, whether it is here yet or not.
    pub(super) fn state(&self, at: &SegmentPlace) -> SegmentState {
        if self.counts.contains(&at.hash) || self.awaits.contains(&(at.seq, at.hash)) {
            SegmentState::Taken
        } else if self.awaits.last().is_some_and(|(seq, _)| at.seq <= *seq) {
            SegmentState::Unpinned
        } else {
            SegmentState::AfterRemoval
        }
    }

    /// Whether a segment that is here counts.
    pub(super) fn counts(&self, at: &SegmentPlace) -> bool {
        self.counts.contains(&at.hash)
    }

    fn came(&mut self, at: &SegmentPlace) {
        self.here.insert(at.hash, (at.seq, at.prev));
        if self.awaits.remove(&(at.seq, at.hash)) {
            self.walk(at.seq, at.hash);
        }
    }

    /// Goes back from one that counts, as far as what comes before it is here.
    fn walk(&mut self, mut seq: u64, mut hash: [u8; 32]) {
        while !self.counts.contains(&hash) {
            let Some((number, before)) = self.here.get(&hash).copied() else {
                self.awaits.insert((seq, hash));
                return;
            };
            // What stands under another number than it should was never before it.
            if number != seq {
                return;
            }
            self.here.remove(&hash);
            self.counts.insert(hash);
            if seq <= 1 {
                return;
            }
            (seq, hash) = (seq - 1, before);
        }
    }
}
