//! A set of sequence numbers as sorted ranges that neither overlap nor touch: what a device has of a log, in a few
//! bytes even after years. It knows nothing of logs and segments.
//!
//! Sequence numbers begin at 1; 0 is no sequence number and is never in the set.

use std::fmt;
use std::ops::RangeInclusive;

use super::cbor::{Reader, Writer};
use crate::error::{Error, Result};

/// Most ranges that are read. A log with more holes than this has lost nearly everything.
pub const MAX_RANGES: usize = 1024;

/// A set of sequence numbers.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers are in it.
    pub fn count(&self) -> u64 {
        // A set without 0 has at most u64::MAX members.
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Puts one number in.
    pub fn insert(&mut self, number: u64) {
        self.insert_range(number..=number);
    }

    /// Puts a range in; an empty one changes nothing.
    pub fn insert_range(&mut self, range: RangeInclusive<u64>) {
        let (mut first, mut last) = ((*range.start()).max(1), *range.end());
        if first > last {
            return;
        }
        let from = self.0.partition_point(|(_, end)| end.saturating_add(1) < first);
        let to = self.0.partition_point(|(start, _)| *start <= last.saturating_add(1));
        for (start, end) in self.0.drain(from..to.max(from)) {
            first = first.min(start);
            last = last.max(end);
        }
        self.0.insert(from, (first, last));
    }

    /// Whether this number is in it.
    pub fn contains(&self, number: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// Everything that is in one or the other.
    pub fn union(&self, other: &Self) -> Self {
        let mut all: Vec<(u64, u64)> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_unstable();
        let mut union: Vec<(u64, u64)> = Vec::new();
        for (first, last) in all {
            match union.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => union.push((first, last)),
            }
        }
        Self(union)
    }

    /// What is here and not in `other`: what the other is missing.
    pub fn missing_from(&self, other: &Self) -> Self {
        let mut missing = Vec::new();
        let mut holes = other.0.iter().copied().peekable();
        for (mut first, last) in self.0.iter().copied() {
            while holes.next_if(|(_, end)| *end < first).is_some() {}
            let mut done = false;
            while let Some((start, end)) = holes.peek().copied().filter(|(start, _)| *start <= last) {
                if first < start {
                    missing.push((first, start - 1));
                }
                if end >= last {
                    done = true;
                    break;
                }
                first = end + 1;
                holes.next();
            }
            if !done {
                missing.push((first, last));
            }
        }
        Self(missing)
    }

    /// The last number up to which nothing is missing; 0 when the first is.
    pub fn head(&self) -> u64 {
        self.0.first().filter(|(first, _)| *first == 1).map_or(0, |(_, last)| *last)
    }

    /// The highest number; 0 when there is none.
    pub fn last(&self) -> u64 {
        self.0.last().map_or(0, |(_, last)| *last)
    }

    /// The ranges, in order.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = RangeInclusive<u64>> + '_ {
        self.0.iter().map(|(first, last)| *first..=*last)
    }

    /// The numbers, in order. There may be very many: bound what you take.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.ranges().flatten()
    }

    /// Writes it as a flat list: first, last, first, last …
    pub fn write(&self, writer: &mut Writer) {
        let ends: Vec<u64> = self.0.iter().flat_map(|(first, last)| [*first, *last]).collect();
        writer.list(ends.into_iter(), Writer::uint);
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// [`Error::Peer`] when there are more than [`MAX_RANGES`], or they are out of order, overlap or touch.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let ends = reader.list(2 * MAX_RANGES, Reader::uint)?;
        let (pairs, odd) = ends.as_chunks::<2>();
        // The last number of the one before, so that a gap of at least one is between two ranges.
        let mut before = None;
        let mut is_plain = odd.is_empty();
        for [first, last] in pairs {
            is_plain &= *first >= 1 && first <= last && before.is_none_or(|end: u64| end < first - 1);
            before = Some(*last);
        }
        if !is_plain {
            return Err(Error::Peer("its ranges of numbers are out of order".into()));
        }
        Ok(Self(pairs.iter().map(|[first, last]| (*first, *last)).collect()))
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ranges()).finish()
    }
}

impl FromIterator<u64> for Ranges {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut ranges = Self::new();
        numbers.into_iter().for_each(|number| ranges.insert(number));
        ranges
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn bytes(ranges: &Ranges) -> Vec<u8> {
        let mut writer = Writer::default();
        ranges.write(&mut writer);
        writer.into_bytes()
    }

    fn is_canonical(ranges: &Ranges) -> bool {
        ranges.0.iter().all(|(first, last)| *first >= 1 && first <= last)
            && ranges.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0)
    }

    fn numbers() -> impl Strategy<Value = BTreeSet<u64>> {
        prop::collection::btree_set(1..80_u64, 0..60)
    }

    proptest! {
        #[test]
        fn it_is_the_set_it_stands_for(a in numbers(), b in numbers()) {
            let (x, y): (Ranges, Ranges) = (a.iter().copied().collect(), b.iter().copied().collect());
            prop_assert!(x.iter().eq(a.iter().copied()));
            prop_assert_eq!(x.count(), a.len() as u64);
            prop_assert_eq!(x.last(), a.last().copied().unwrap_or(0));
            prop_assert_eq!(x.head(), (1..).take_while(|number| a.contains(number)).last().unwrap_or(0));
            for number in 0..82 {
                prop_assert_eq!(x.contains(number), a.contains(&number));
            }
            let union = x.union(&y);
            prop_assert_eq!(union.iter().collect::<BTreeSet<_>>(), &a | &b);
            let missing = x.missing_from(&y);
            prop_assert_eq!(missing.iter().collect::<BTreeSet<_>>(), &a - &b);
            prop_assert!([x, y, union, missing].iter().all(is_canonical));
        }

        #[test]
        fn ranges_put_in_whatever_order_are_the_same_set(pieces in prop::collection::vec((0..60_u64, 0..20_u64), 0..12)) {
            let mut ranges = Ranges::new();
            let mut set = BTreeSet::new();
            for (first, length) in pieces {
                ranges.insert_range(first..=first + length);
                set.extend(first.max(1)..=first + length);
            }
            prop_assert!(is_canonical(&ranges));
            prop_assert_eq!(ranges.iter().collect::<BTreeSet<_>>(), set);
            prop_assert_eq!(Ranges::read(&mut Reader::new(&bytes(&ranges))).unwrap(), ranges);
        }

        #[test]
        fn what_is_read_is_written_the_same(garbage in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut reader = Reader::new(&garbage);
            if let Ok(ranges) = Ranges::read(&mut reader) {
                prop_assert!(is_canonical(&ranges));
                prop_assert!(garbage.starts_with(&bytes(&ranges)));
            }
        }
    }

    #[test]
    fn the_ends_of_the_numbers_do_no_harm() {
        let mut ranges = Ranges::new();
        ranges.insert(0);
        assert!(ranges.is_empty());
        ranges.insert(u64::MAX);
        ranges.insert_range(0..=u64::MAX - 2);
        assert_eq!((ranges.count(), ranges.head(), ranges.last()), (u64::MAX - 1, u64::MAX - 2, u64::MAX));
        assert_eq!(ranges.missing_from(&ranges), Ranges::new());
        ranges.insert(u64::MAX - 1);
        assert_eq!(ranges.ranges().collect::<Vec<_>>(), [1..=u64::MAX]);
        assert_eq!(ranges.count(), u64::MAX);
    }

    #[test]
    fn ranges_that_overlap_touch_or_go_back_are_refused() {
        for wrong in [&[3_u64][..], &[0, 3], &[3, 2], &[1, 3, 3, 5], &[1, 3, 4, 5], &[5, 6, 1, 2], &[1, u64::MAX, 1, 2]]
        {
            let mut writer = Writer::default();
            writer.list(wrong.iter(), |writer, number| writer.uint(*number));
            assert!(Ranges::read(&mut Reader::new(&writer.into_bytes())).is_err(), "{wrong:?}");
        }
    }
}
