//! What other devices say they have seen, so that a mailbox that holds something back, or went back to an earlier state, is
//! noticed as soon as anything newer comes by: a segment tells, now and then, which segments its author held.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::error::Result;
use crate::notebook::Notebook;
use crate::store;
use crate::store::segments;
use crate::sync::member::Member;
use crate::sync::ranges::{MAX_RANGES, Ranges};
use crate::sync::segment::MAX_SEEN;
use crate::sync::share::{Claim, shared};
use crate::sync::{LogId, hex};

/// Under which name the notebook remembers what others have seen, and what it last told them.
pub(super) const SEEN: &str = "seen_by_others";
const TOLD: &str = "seen_told";
/// More numbers of one log than this nobody ever wrote: who says so is not believed.
const MAX_CLAIM: u64 = 10_000_000;

/// A log with more holes than this is not told: it would take room that changes need.
const MAX_PIECES: usize = 16;

type Seen = BTreeMap<LogId, Ranges>;

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

    /// What is known to be seen by others once this is.
    pub(super) fn seen_with(&self, told: &[(LogId, Ranges)]) -> Result<String> {
        let mut seen = self.seen_by_others()?;
        for (log, ranges) in told {
            let all = seen.get(log).map_or_else(|| ranges.clone(), |known| known.union(ranges));
            let has_room = seen.len() < MAX_SEEN || seen.contains_key(log);
            if has_room && all.last() <= MAX_CLAIM && all.ranges().len() <= MAX_RANGES {
                seen.insert(*log, all);
            }
        }
        Ok(written(&seen))
    }

    /// How many segments others have seen that never came here, and that no renewal covers.
    pub(super) fn count_missing(&self, member: &Member) -> Result<u64> {
        let mut here = self.seen_here()?;
        let cuts = member.roster().renewals.iter().flat_map(|renewal| &renewal.covers);
        for cut in cuts {
            let ranges = here.entry(cut.log).or_default();
            *ranges = ranges.union(&cut.ranges);
        }
        let none = Ranges::new();
        let missing = |(log, seen): (&LogId, &Ranges)| seen.missing_from(here.get(log).unwrap_or(&none)).count();
        Ok(self.seen_by_others()?.iter().map(missing).sum())
    }

    fn seen_here(&self) -> Result<Seen> {
        let mut seen = Seen::new();
        for (at, _) in self.read(segments::places)? {
            seen.entry(at.log).or_default().insert(at.seq);
        }
        Ok(seen)
    }

    fn seen_by_others(&self) -> Result<Seen> {
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

/// A line a log: its id, then its ranges.
fn written(seen: &Seen) -> String {
    let mut text = String::new();
    for (log, ranges) in seen {
        text.push_str(&hex(log));
        ranges.ranges().for_each(|range| text.push_str(&format!(" {}-{}", range.start(), range.end())));
        text.push('\n');
    }
    text
}

fn read(text: &str) -> Seen {
    let range = |word: &str| {
        let (first, last) = word.split_once('-')?;
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    let line = |line: &str| {
        let mut words = line.split(' ');
        let log = words.next()?.parse::<crate::model::RecordId>().ok()?.0;
        let mut ranges = Ranges::new();
        words.filter_map(range).for_each(|range| ranges.insert_range(range));
        Some((log, ranges))
    };
    text.lines().filter_map(line).collect()
}

fn digest(seen: &Seen) -> String {
    blake3::hash(written(seen).as_bytes()).to_hex().to_string()
}
