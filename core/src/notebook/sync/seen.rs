//! What other devices say they have seen, so that a mailbox that holds something back, or went back to an earlier state, is
//! noticed as soon as anything newer comes by: a segment tells, now and then, which segments its author held. What each device
//! says is kept apart: one that makes numbers up takes no room from the others, and goes with what it said.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::error::Result;
use crate::notebook::Notebook;
use crate::store;
use crate::store::segments;
use crate::sync::keys::DeviceId;
use crate::sync::member::Member;
use crate::sync::near::unhex;
use crate::sync::ranges::Ranges;
use crate::sync::segment::MAX_SEEN;
use crate::sync::share::{Claim, shared};
use crate::sync::{LogId, hex};

/// Under which name the notebook remembers what others have seen, and what it last told them.
pub(super) const SEEN: &str = "seen_by_others";
const TOLD: &str = "seen_told";
/// More numbers of one log than this nobody ever wrote: who says so is not believed.
const MAX_CLAIM: u64 = 10_000_000;

/// A log with more holes than this is not told: it would take room that changes need. So nobody honest ever told of one.
const MAX_PIECES: usize = 16;

type Seen = BTreeMap<LogId, Ranges>;

/// Segments that others say they have seen, that never came here and that no renewal covers.
#[derive(Default)]
pub(super) struct Missing {
    /// Of which any device says so.
    pub(super) any: u64,
    /// Of which two say so at least. One alone may make up what it likes, and would keep everybody waiting.
    pub(super) agreed: u64,
}

impl Notebook {
    /// What this device holds, or held before a renewal, to be told in its next segment; nothing when it told it already.
    pub(super) fn seen_to_tell(&self, member: &Member) -> Result<Vec<(LogId, Ranges)>> {
        let here = self.seen_here()?;
        let told: Option<String> = self.read(|connection| store::meta(connection, TOLD))?;
        let here = tellable(here, self.ranks(member)?);
        Ok(if told == Some(Self::told_mark(&here).1) { Vec::new() } else { here })
    }

    /// The same for a checkpoint, whatever was told before.
    pub(super) fn seen_for_newcomers(&self, member: &Member) -> Result<Vec<(LogId, Ranges)>> {
        Ok(tellable(self.seen_here()?, self.ranks(member)?))
    }

    /// The mark that this was told, to be kept with the segment that tells it.
    pub(super) fn told_mark(seen: &[(LogId, Ranges)]) -> (&'static str, String) {
        (TOLD, digest(&seen.iter().cloned().collect()))
    }

    /// What is known to be seen by others once this device says this.
    pub(super) fn seen_with(&self, author: &DeviceId, told: &[(LogId, Ranges)]) -> Result<String> {
        let mut all = self.seen_by_others()?;
        let seen = all.entry(*author).or_default();
        for (log, ranges) in told {
            let both = seen.get(log).map_or_else(|| ranges.clone(), |known| known.union(ranges));
            let has_room = seen.len() < MAX_SEEN || seen.contains_key(log);
            if has_room && both.last() <= MAX_CLAIM && both.ranges().len() <= MAX_PIECES {
                seen.insert(*log, both);
            }
        }
        Ok(written(&all))
    }

    /// How many segments are missing, as far as those say who belong to the notebook.
    pub(super) fn count_missing(&self, member: &Member) -> Result<Missing> {
        let mut here = self.seen_here()?;
        let cuts = member.roster().renewals.iter().flat_map(|renewal| &renewal.covers);
        for cut in cuts {
            let ranges = here.entry(cut.log).or_default();
            *ranges = ranges.union(&cut.ranges);
        }
        let mut missing: BTreeMap<LogId, (Ranges, Ranges)> = BTreeMap::new();
        let all = self.seen_by_others()?.into_iter();
        for (log, seen) in all.filter(|(author, _)| member.roster().device(author).is_some()).flat_map(|(_, seen)| seen)
        {
            let seen = here.get(&log).map_or_else(|| seen.clone(), |here| seen.missing_from(here));
            let (any, agreed) = missing.entry(log).or_default();
            let again = seen.missing_from(&seen.missing_from(any));
            (*any, *agreed) = (any.union(&seen), agreed.union(&again));
        }
        let count = |sum: Missing, (any, agreed): &(Ranges, Ranges)| Missing {
            any: sum.any.saturating_add(any.count()),
            agreed: sum.agreed.saturating_add(agreed.count()),
        };
        Ok(missing.values().fold(Missing::default(), count))
    }

    fn seen_here(&self) -> Result<Seen> {
        let mut seen = Seen::new();
        for (at, _) in self.read(segments::places)? {
            seen.entry(at.log).or_default().insert(at.seq);
        }
        Ok(seen)
    }

    fn seen_by_others(&self) -> Result<BTreeMap<DeviceId, Seen>> {
        let text: Option<String> = self.read(|connection| store::meta(connection, SEEN))?;
        Ok(text.as_deref().map(read).unwrap_or_default())
    }
}

fn tellable(here: Seen, rank: impl Fn(&LogId) -> usize) -> Vec<(LogId, Ranges)> {
    let mut logs: Vec<(LogId, Ranges)> =
        here.into_iter().filter(|(_, ranges)| ranges.ranges().len() <= MAX_PIECES).collect();
    logs.sort_by_key(|(_, ranges)| Reverse(ranges.count()));
    let mut told = shared(MAX_SEEN, logs.into_iter().map(|log| Claim { rank: rank(&log.0), cost: 1, what: log }));
    told.sort_unstable_by_key(|(log, _)| *log);
    told
}

/// A line for each log of which a device says something: the device, the log, its ranges.
fn written(all: &BTreeMap<DeviceId, Seen>) -> String {
    let lines = all.iter().flat_map(|(author, seen)| seen.iter().map(move |(log, ranges)| (author, log, ranges)));
    let mut text = String::new();
    for (author, log, ranges) in lines {
        text.push_str(&format!("{author} "));
        write_log(&mut text, log, ranges);
    }
    text
}

fn write_log(text: &mut String, log: &LogId, ranges: &Ranges) {
    text.push_str(&hex(log));
    ranges.ranges().for_each(|range| text.push_str(&format!(" {}-{}", range.start(), range.end())));
    text.push('\n');
}

/// What an earlier version wrote names no device, and is left out: it is told again.
fn read(text: &str) -> BTreeMap<DeviceId, Seen> {
    let range = |word: &str| {
        let (first, last) = word.split_once('-')?;
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    let line = |line: &str| {
        let mut words = line.split(' ');
        let author = DeviceId(unhex(words.next()?)?.try_into().ok()?);
        let log: LogId = unhex(words.next()?)?.try_into().ok()?;
        let mut ranges = Ranges::new();
        words.filter_map(range).for_each(|range| ranges.insert_range(range));
        Some((author, log, ranges))
    };
    let mut all: BTreeMap<DeviceId, Seen> = BTreeMap::new();
    for (author, log, ranges) in text.lines().filter_map(line) {
        all.entry(author).or_default().insert(log, ranges);
    }
    all
}

fn digest(seen: &Seen) -> String {
    let mut text = String::new();
    seen.iter().for_each(|(log, ranges)| write_log(&mut text, log, ranges));
    blake3::hash(text.as_bytes()).to_hex().to_string()
}
