//! What a mailbox should hold: every segment that is whole here, whoever wrote it, and the roster. What is missing there is
//! put there, what a renewal covers is taken away, and of this device's own segments, once they are many, bundles are made.
//!
//! A segment's name that the listing gives is believed as far as its size is right. What is damaged and has the right size is
//! found by who wants to read it. A bundle is believed once it was read, see `bundles`.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use super::bundles::Bundles;
use super::{ShortName, SyncReport, name_of};
use crate::error::{Error, Result};
use crate::notebook::{Notebook, Progress, lock};
use crate::store;
use crate::store::segments::{self, SegmentHead, SegmentState};
use crate::sync::carrier::Mailbox;
use crate::sync::carrier::mailbox::{Item as Found, MAX_ITEMS};
use crate::sync::member::Member;
use crate::sync::segment::{self, Header, MAX_BUNDLE, Name};
use crate::sync::{LogId, hex};

/// From so many loose segments of its own on, a device bundles them.
const MANY: usize = 256;
/// Fewer in a row are not worth a bundle.
const FEW: usize = 16;
/// Largest bundle that is written: whoever needs one segment of it reads all.
const LARGE: u64 = 4 * 1024 * 1024;
/// A name that says to bundle more numbers than this is none of ours.
const WIDE: u64 = 4096;

/// A segment by the name its log has in a mailbox, and its number.
pub(super) type Numbered = ([u8; 16], u64);

/// What a listing shows, sorted out.
struct Shelf<'a> {
    loose: HashMap<ShortName, Vec<(&'a Found, u32)>>,
    bundled: HashSet<Numbered>,
}

impl Notebook {
    pub(super) fn put_missing(
        &self,
        (member, log): (&Member, LogId),
        place: &dyn Mailbox,
        (found, mut bundles): (&[Found], Bundles),
        report: &mut SyncReport,
        progress: Progress<'_>,
    ) -> Result<()> {
        report.written += self.put_roster(place, found)?;
        let mut heads = self.read(segments::heads)?;
        // What only this device has to say comes first: there may not be room for everything.
        heads.sort_by_key(|head| head.log != log);
        let (shelf, spent) = sort_out(member, (found, &bundles), &heads);
        spent.iter().try_for_each(|name| self.take_away(member, place, name))?;
        for (done, head) in heads.iter().enumerate() {
            progress(done as u64, heads.len() as u64)?;
            let Some((key, length)) = name_of(head) else { continue };
            let copies = shelf.loose.get(&key).map(Vec::as_slice).unwrap_or_default();
            if !head.state.is_whole() {
                let mut spent = copies.iter().filter(|_| member.roster().covers(&head.log, key.1));
                spent.try_for_each(|(forgotten, _)| self.take_away(member, place, &forgotten.name))?;
                continue;
            }
            if copies.iter().any(|(copy, _)| copy.bytes == length) || shelf.bundled.contains(&(key.0, key.1)) {
                continue;
            }
            if head.log != log && found.len() as u64 + report.written > MAX_ITEMS as u64 / 2 {
                report.no_room += 1;
                continue;
            }
            let Some(bytes) = self.read(|connection| segments::bytes(connection, head.n))? else { continue };
            let copy = copies.iter().map(|(_, copy)| copy + 1).max().unwrap_or(0);
            put(place, &Name { copy, ..Name::of_segment(&Header::read(&bytes)?, &bytes, 0) }.to_string(), &bytes)?;
            report.written += 1;
            // The damaged ones, now that a whole one is there.
            copies.iter().for_each(|(damaged, _)| drop(place.delete(&damaged.name)));
        }
        progress(heads.len() as u64, heads.len() as u64)?;
        self.bundle_own(log, place, &heads, (&shelf, &mut bundles), report)?;
        self.remember_bundles(bundles, found)
    }

    /// Takes away what is of no use any more since a renewal. A device that was removed leaves that to the others. So does one
    /// that took it away before and found it there again, for whoever puts it back does not know of the renewal, or
    /// thinks that this device was removed. A failure is no matter.
    pub(super) fn take_away(&self, member: &Member, place: &dyn Mailbox, name: &str) -> Result<()> {
        if member.roster().removed(&member.device()).is_some() {
            return Ok(());
        }
        let hash = blake3::hash(format!("{}\n{name}", place.words()).as_bytes());
        let file = std::array::from_fn(|at| hash.as_bytes()[at]);
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        let may_go = segments::may_take_away(&transaction, file)?;
        transaction.commit()?;
        drop(writer);
        if may_go {
            let _ = place.delete(name);
        }
        Ok(())
    }

    /// Puts there what a mailbox lacks of the roster; says how many files that was.
    pub(super) fn put_roster(&self, place: &dyn Mailbox, found: &[Found]) -> Result<u64> {
        let names: HashMap<&str, u64> = found.iter().map(|found| (found.name.as_str(), found.bytes)).collect();
        let mut written = 0;
        for (id, parcel) in self.read(segments::parcels)? {
            let name = parcel_name(&id);
            if names.get(name.as_str()) != Some(&(parcel.len() as u64)) {
                put(place, &name, &parcel)?;
                written += 1;
            }
        }
        Ok(written)
    }

    /// Makes bundles of this device's own loose segments when there are many, and takes away what lies in one.
    fn bundle_own(
        &self,
        log: LogId,
        place: &dyn Mailbox,
        heads: &[SegmentHead],
        (shelf, bundles): (&Shelf<'_>, &mut Bundles),
        report: &mut SyncReport,
    ) -> Result<()> {
        let mut loose: Vec<(ShortName, u64, &SegmentHead)> = Vec::new();
        for head in heads.iter().filter(|head| head.log == log && head.state == SegmentState::Taken) {
            let Some((key, length)) = name_of(head) else { continue };
            let copies = shelf.loose.get(&key).map(Vec::as_slice).unwrap_or_default();
            if shelf.bundled.contains(&(key.0, key.1)) {
                copies.iter().for_each(|(copy, _)| drop(place.delete(&copy.name)));
            } else if copies.iter().any(|(copy, _)| copy.bytes == length) {
                loose.push((key, length, head));
            }
        }
        if loose.len() < MANY {
            return Ok(());
        }
        for run in runs(&loose).into_iter().filter(|run| run.len() >= FEW) {
            let mut parts = Vec::new();
            for (_, _, head) in run {
                parts.extend(self.read(|connection| segments::bytes(connection, head.n))?);
            }
            let bundle = segment::bundle(parts.iter().map(Vec::as_slice));
            let Some((((_, to, _), ..), true)) = run.last().map(|last| (last, parts.len() == run.len())) else {
                continue;
            };
            let name = Name::of_bundle(&Header::read(&bundle)?, *to, &bundle, 0).to_string();
            put(place, &name, &bundle)?;
            report.written += 1;
            // The loose ones go only once the bundle was read back from this very place.
            if place.get(&name, MAX_BUNDLE as u64)?.as_deref() == Some(&bundle) {
                bundles.was_written(&Found { name, bytes: bundle.len() as u64 });
                for (key, ..) in run {
                    let copies = shelf.loose.get(key).map(Vec::as_slice).unwrap_or_default();
                    copies.iter().for_each(|(copy, _)| drop(place.delete(&copy.name)));
                }
            }
        }
        Ok(())
    }
}

/// Sorts a listing out. A bundle counts for what was found in it; one that holds something renewed is to be taken away, and
/// what else was in it is missing then.
fn sort_out<'a>(
    member: &Member,
    (found, bundles): (&'a [Found], &Bundles),
    heads: &[SegmentHead],
) -> (Shelf<'a>, Vec<&'a str>) {
    let is_spent = |head: &&SegmentHead, seq| !head.state.is_whole() && member.roster().covers(&head.log, seq);
    let numbered = |head| name_of(head).map(|((tag, seq, _), _)| (head, (tag, seq)));
    let renewed: HashSet<Numbered> =
        heads.iter().filter_map(numbered).filter(|(head, (_, seq))| is_spent(head, *seq)).map(|(_, at)| at).collect();
    let (mut shelf, mut spent) = (Shelf { loose: HashMap::new(), bundled: HashSet::new() }, Vec::new());
    for found in found {
        let Some(name) = Name::parse(&found.name) else { continue };
        let Some(numbers) = numbers_of(&name) else {
            if name.to.is_none() {
                let copies = shelf.loose.entry((name.log_tag, name.from, name.hash)).or_default();
                copies.push((found, name.copy));
            }
            continue;
        };
        if numbers.clone().any(|seq| renewed.contains(&(name.log_tag, seq))) {
            spent.push(found.name.as_str());
            continue;
        }
        let held = numbers.filter(|seq| bundles.holds(found, *seq));
        shelf.bundled.extend(held.map(|seq| (name.log_tag, seq)));
    }
    (shelf, spent)
}

/// Which numbers a bundle of this name holds; none for a segment, and for what no bundle of ours is called.
pub(super) fn numbers_of(name: &Name) -> Option<RangeInclusive<u64>> {
    let to = name.to.filter(|to| *to >= name.from && to - name.from < WIDE)?;
    Some(name.from..=to)
}

/// Neighbours of one log and key, as many as one bundle takes.
fn runs<'a, 'b>(loose: &'b [(ShortName, u64, &'a SegmentHead)]) -> Vec<&'b [(ShortName, u64, &'a SegmentHead)]> {
    let (mut runs, mut from, mut bytes) = (Vec::new(), 0, 0);
    for at in 0..loose.len() {
        let ((tag, seq, _), length, _) = loose[at];
        let follows = at > from && loose[at - 1].0.0 == tag && loose[at - 1].0.1 + 1 == seq;
        if at > from && (!follows || at - from == MANY || bytes + length > LARGE) {
            runs.push(&loose[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += length;
    }
    runs.push(&loose[from..]);
    runs
}

/// What a file of the roster is called.
pub(super) fn parcel_name(id: &[u8; 16]) -> String {
    format!("r/{}.kithr", hex(id))
}

/// A folder may have something else under a name that was cut short or swapped: then it goes, and this takes its place.
pub(in crate::notebook) fn put(place: &dyn Mailbox, name: &str, bytes: &[u8]) -> Result<()> {
    match place.put_new(name, bytes) {
        Err(Error::Unreadable(_)) => match place.delete(name) {
            Ok(()) => place.put_new(name, bytes),
            error => error,
        },
        done => done,
    }
}
