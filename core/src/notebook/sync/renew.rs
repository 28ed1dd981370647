//! Renewal: the one way in which something sealed is forgotten. One device writes everything that still counts into its
//! log anew (the *base*), under a new key, and says which segments that covers. Every device then forgets those of the
//! covered segments of which each change is in the base or belongs to a record deleted for good: it has looked, so
//! nobody's word is taken for it, and what a base lacks stays where it is.
//!
//! Of a forgotten segment its place and its first bytes are kept, so that it is known when it comes by again. Once all
//! devices have done so, keys are forgotten too: that is `forget`.

use std::collections::{BTreeMap, HashMap};

use super::SyncReport;
use super::kept_back::Present;
use super::receive::{declared_in, is_own_word};
use crate::error::{Error, Result};
use crate::model::{BlobId, RecordId};
use crate::notebook::{Notebook, Progress, lock};
use crate::store::segments::{self, SegmentPlace, SegmentState};
use crate::store::{self, Contents};
use crate::sync::LogId;
use crate::sync::keys::DeviceId;
use crate::sync::keystore::KeyStore;
use crate::sync::member::Member;
use crate::sync::ranges::Ranges;
use crate::sync::roster::{Act, Cut, Entry, MAX_BY_AUTHOR, Renewal};
use crate::sync::segment::{Header, Item, Plaintext};

/// Of one device's renewals so many of the newest are looked at, and so many are answered in all: the answers of each device
/// are words of its own in the list of devices, and these do not come again.
const MOST_LOOKED_AT: usize = 8;
const MOST_ANSWERED: usize = 100;
/// So many of its words in the list of devices a device keeps for something else.
const KEPT_WORDS: usize = 160;

/// What a renewal did.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct RenewReport {
    /// Segments that were written anew.
    pub written: u64,
    /// Segments that were forgotten here.
    pub forgotten: u64,
    /// Devices that have not yet looked at it: until they sync they hold the old ones.
    pub waiting_for: Vec<String>,
}

impl Notebook {
    /// Writes everything that still counts anew, under a new key, and forgets the segments before it. Other devices and
    /// the mailboxes follow as they sync. What was deleted for good is then in no segment any more. Once all devices have
    /// followed, they forget the keys of what was before: copies of it that lie somewhere open to nobody but the recovery
    /// key. Who does not want to wait for a device removes it.
    ///
    /// `progress` hears how many segments of how many are looked at, and after that, with the same number on both sides, of
    /// each that is written. Stopped before that, nothing is renewed; stopped later, what is written goes the way of all
    /// that is written, nothing is forgotten, and a renewal begins anew.
    ///
    /// # Errors
    /// [`Error::SyncFirst`] when this notebook has no mailbox and no other device, [`Error::Foreign`] when its keys are
    /// gone; [`Error::Storage`] when the disk refuses.
    pub fn renew(&self, keys: &dyn KeyStore, progress: Progress<'_>) -> Result<RenewReport> {
        let nothing = || Error::SyncFirst("this notebook was never synced, so there is nothing sealed to renew".into());
        let mut member = self.member(keys)?.ok_or_else(nothing)?;
        self.tend_roster(&mut member, keys)?;
        let covers = self.coverable(&member, &self.all_that_counts()?, progress)?;
        // To compare takes long.
        self.keep_up(&mut member, keys)?;
        let now = self.unix_ms();
        let rotated = self.with_random(|random| member.rotate(keys, now, random))?;
        self.keep_roster(&member, &[rotated])?;
        self.hand_on_keys(&member)?;
        let mut report = SyncReport::default();
        let log = self.log_of(&member, keys, &mut report)?;
        let before = self.read(|connection| segments::last(connection, log))?.map_or(0, |last| last.seq);
        self.refill()?;
        self.seal_segments(&mut member, log, keys, &mut report, progress)?;
        let Some(last) = self.read(|connection| segments::last(connection, log))?.filter(|last| last.seq > before)
        else {
            return Ok(RenewReport::default());
        };
        let base = Cut { log, ranges: (before + 1..=last.seq).collect(), hash: last.hash };
        let said = self.with_random(|random| member.say(Act::Renew { covers, base }, now, random))?;
        self.keep_roster(&member, &[said])?;
        self.forget_renewed(&mut member, &mut report)?;
        self.forget_keys(&mut member, keys)?;
        self.scrub_if_need_be()?;
        Ok(RenewReport {
            written: last.seq - before,
            forgotten: report.forgotten,
            waiting_for: waiting_for(&member).unwrap_or_default(),
        })
    }

    /// What would be in the outbox if everything that counts were put there. Nothing is: whoever changes their mind while it
    /// is compared has then not begun to hand it out.
    fn all_that_counts(&self) -> Result<Contents> {
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        store::refill_outbox(&transaction)?;
        store::refilled(&transaction)
    }

    /// Puts everything that counts into the outbox.
    fn refill(&self) -> Result<()> {
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        store::refill_outbox(&transaction)?;
        Ok(transaction.commit()?)
    }

    /// Every segment of which all is known here: its changes are in records, or in none any more. With it whatever earlier
    /// renewals cover whose bases are here: who has not heard of them has to find it in the new base, the old ones go.
    fn coverable(&self, member: &Member, known: &Contents, progress: Progress<'_>) -> Result<Vec<Cut>> {
        let mut covered: BTreeMap<[u8; 16], Vec<SegmentPlace>> = BTreeMap::new();
        let places = self.read(segments::places)?;
        let total = places.len() as u64;
        for (done, (at, state)) in places.into_iter().enumerate() {
            progress(done as u64, total)?;
            let is_covered = match state {
                SegmentState::Renewed => true,
                SegmentState::Taken | SegmentState::Settled => {
                    self.opened(member, &at)?.is_some_and(|text| self.is_in(&text, known).unwrap_or(false))
                }
                SegmentState::Stranger
                | SegmentState::AfterRemoval
                | SegmentState::Unpinned
                | SegmentState::Newer
                | SegmentState::Dropped
                | SegmentState::Forgotten => false,
            };
            if is_covered {
                covered.entry(at.log).or_default().push(at);
            }
        }
        let cut = |(log, places): (_, Vec<SegmentPlace>)| {
            let highest = places.iter().max_by_key(|at| (at.seq, at.hash))?;
            Some(Cut { log, ranges: places.iter().map(|at| at.seq).collect(), hash: highest.hash })
        };
        let mut cuts: Vec<Cut> = covered.into_iter().filter_map(cut).collect();
        for renewal in &member.roster().renewals {
            if self.has_base(member, renewal)? {
                renewal.covers.iter().for_each(|cut| add_to(&mut cuts, cut));
            }
        }
        let rank = self.ranks(member)?;
        Ok(Cut::that_fit(cuts, rank))
    }

    /// Whose logs are told of before whose, where not all can be: this device's, then those of the others that belong to the
    /// notebook, the eldest first, then what nobody who belongs wrote.
    pub(super) fn ranks(&self, member: &Member) -> Result<impl Fn(&LogId) -> usize + use<>> {
        let me = member.device();
        let others = member.roster().devices.iter().map(|device| device.public.device).filter(|device| *device != me);
        let rank: HashMap<[u8; 32], usize> =
            std::iter::once(me).chain(others).enumerate().map(|(at, device)| (device.0, at)).collect();
        let owners = self.read(segments::owners)?;
        Ok(move |log: &LogId| owners.get(log).and_then(|owner| rank.get(owner)).copied().unwrap_or(usize::MAX))
    }

    /// Forgets what renewals cover, as far as their bases hold it; says so once nothing is left.
    pub(super) fn forget_renewed(&self, member: &mut Member, report: &mut SyncReport) -> Result<()> {
        let (me, now) = (member.device(), self.unix_ms());
        let mut written = Vec::new();
        for renewal in newest_of_each(&member.roster().renewals) {
            let covered = self.covered_by(&renewal)?;
            let said = renewal.done.contains(&me);
            let may_say = !said && may_answer(member, &renewal);
            if (covered.is_empty() && !may_say) || !self.has_base(member, &renewal)? {
                continue;
            }
            let base = self.contents_of(member, &renewal)?;
            let mut lacking = 0;
            for (at, state) in covered {
                let is_in = match self.opened(member, &at)? {
                    Some(text) => self.is_in(&text, &base).unwrap_or(false),
                    None => said && renewal.is_done() && self.was_forgotten(member, &at)?,
                };
                if is_in {
                    self.forget(&at)?;
                    report.forgotten += 1;
                } else if !is_left_out(state) {
                    lacking += 1;
                }
            }
            if lacking == 0 && may_say {
                let act = Act::Renewed { renewal: renewal.entry };
                written.extend(self.with_random(|random| member.say_if_there_is_room(act, now, random)));
            }
        }
        self.keep_roster(member, &written)
    }

    /// Whether a segment is sealed under a key that this device forgot, which it does only when nothing under it is left:
    /// the notebook went back to a backup, and it looked into the segment long ago.
    fn was_forgotten(&self, member: &Member, at: &SegmentPlace) -> Result<bool> {
        let bytes = self.read(|connection| segments::whole(connection, at))?.unwrap_or_default();
        Ok(Header::read(&bytes).is_ok_and(|header| member.has_forgotten(&header.key)))
    }

    /// The segments that are whole here and that this renewal covers, and what became of them. What a removed device wrote
    /// after its removal is among them: who renewed may not have heard of the removal, and tells it again in its base. So is
    /// what was dropped: what no base holds stays as long as its key, for it may turn out to count.
    fn covered_by(&self, renewal: &Renewal) -> Result<Vec<(SegmentPlace, SegmentState)>> {
        let within = |cut: &Cut, at: &SegmentPlace| cut.log == at.log && cut.ranges.contains(at.seq);
        // A base does not cover itself, whatever it says.
        let is_covered =
            |at: &SegmentPlace| renewal.covers.iter().any(|cut| within(cut, at)) && !within(&renewal.base, at);
        let may_go = |state| matches!(state, SegmentState::Taken | SegmentState::Settled) || is_left_out(state);
        let places = self.read(segments::places)?.into_iter();
        Ok(places.filter(|(at, state)| may_go(*state) && is_covered(at)).collect())
    }

    /// Forgets what was dropped and is sealed under a key that this device forgot: nobody here will look at it again.
    pub(super) fn forget_dropped(&self, member: &Member) -> Result<()> {
        if self.read(|connection| segments::count(connection, SegmentState::Dropped))? == 0 {
            return Ok(());
        }
        for (at, _) in self.read(segments::places)?.iter().filter(|(_, state)| *state == SegmentState::Dropped) {
            if self.was_forgotten(member, at)? {
                self.forget(at)?;
            }
        }
        Ok(())
    }

    fn has_base(&self, member: &Member, renewal: &Renewal) -> Result<bool> {
        let mut base = Ranges::new();
        for (at, state) in self.read(segments::places)? {
            if at.log == renewal.base.log && renewal.base.ranges.contains(at.seq) && self.is_here(member, &at, state)? {
                base.insert(at.seq);
            }
        }
        Ok(renewal.base.ranges.missing_from(&base).is_empty())
    }

    /// Whether what a segment says is part of this notebook: it was taken; or it was told again while its author counted as
    /// removed, which it does no more.
    fn is_here(&self, member: &Member, at: &SegmentPlace, state: SegmentState) -> Result<bool> {
        match state {
            SegmentState::Taken => Ok(true),
            SegmentState::Settled => self.opened(member, at)?.map_or(Ok(false), |text| self.has_all(&text)),
            _ => Ok(false),
        }
    }

    fn has_all(&self, text: &Plaintext) -> Result<bool> {
        let mut present = Present::default();
        for item in &text.items {
            let there = match item {
                // What is no change was never taken, and is not here.
                Item::Change { record, bytes, .. } => match crate::document::hash_of(bytes) {
                    Ok(hash) => self.is_gone(*record)? || present.has(self, *record, &hash)?,
                    Err(_) => false,
                },
                Item::Blob { .. } => true,
                Item::Unknown(_) => false,
            };
            if !there {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What a device that has nothing yet would take from the base of a renewal. What it would refuse, or put under another
    /// record, is not in it, whatever the bytes are.
    fn contents_of(&self, member: &Member, renewal: &Renewal) -> Result<Contents> {
        let mut contents = Contents::default();
        for (at, state) in self.read(segments::places)? {
            let is_of_base = at.log == renewal.base.log && renewal.base.ranges.contains(at.seq);
            if !is_of_base || !matches!(state, SegmentState::Taken | SegmentState::Settled) {
                continue;
            }
            let Some(text) = self.opened(member, &at)? else { continue };
            let declared = declared_in(&text.actors);
            for item in &text.items {
                match item {
                    Item::Change { record, bytes, reissued, .. } if *reissued || is_own_word(bytes, &declared) => {
                        contents.changes.extend(crate::document::hash_of(bytes).map(|hash| (*record, hash)));
                    }
                    Item::Blob { bytes, .. } => contents.photos.extend([BlobId::of(bytes).0]),
                    Item::Change { .. } | Item::Unknown(_) => {}
                }
            }
        }
        Ok(contents)
    }

    /// Whether all that a segment holds is among this, or left the notebook for good; and nothing in it is beyond this
    /// version.
    fn is_in(&self, text: &Plaintext, contents: &Contents) -> Result<bool> {
        for item in &text.items {
            let there = match item {
                Item::Change { record, bytes, .. } => {
                    crate::document::hash_of(bytes).is_ok_and(|hash| contents.changes.contains(&(*record, hash)))
                        || self.is_gone(*record)?
                }
                Item::Blob { bytes, .. } => {
                    let photo = BlobId::of(bytes).0;
                    contents.photos.contains(&photo) || self.read(|it| store::blob(it, &photo))?.is_none()
                }
                Item::Unknown(_) => false,
            };
            if !there {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_gone(&self, record: RecordId) -> Result<bool> {
        self.read(|connection| store::is_purged(connection, record))
    }

    /// What a kept segment says; none when its key is not held, or when it was damaged here.
    pub(super) fn opened(&self, member: &Member, at: &SegmentPlace) -> Result<Option<Plaintext>> {
        Ok(self.read(|connection| segments::whole(connection, at))?.and_then(|bytes| member.read(&bytes).ok()))
    }

    fn forget(&self, at: &SegmentPlace) -> Result<()> {
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        segments::shrink(&transaction, at)?;
        store::set_meta(&transaction, crate::notebook::purge::UNSCRUBBED, "1")?;
        Ok(transaction.commit()?)
    }

    /// The devices that have not yet done the newest renewal, or not yet forgotten the keys before it; none when there
    /// never was one.
    ///
    /// # Errors
    /// As [`Notebook::member`].
    pub fn renewal_waits_for(&self, keys: &dyn KeyStore) -> Result<Option<Vec<String>>> {
        Ok(self.member(keys)?.as_ref().and_then(waiting_for))
    }
}

fn add_to(cuts: &mut Vec<Cut>, more: &Cut) {
    let Some(cut) = cuts.iter_mut().find(|cut| cut.log == more.log) else { return cuts.push(more.clone()) };
    if more.ranges.last() > cut.ranges.last() {
        cut.hash = more.hash;
    }
    cut.ranges = cut.ranges.union(&more.ranges);
}

/// The renewals that are looked at: a device that renews covers all that it covered before.
fn newest_of_each(renewals: &[Renewal]) -> Vec<Renewal> {
    let mut of_device: HashMap<DeviceId, usize> = HashMap::new();
    let mut newest: Vec<Renewal> = Vec::new();
    for renewal in renewals.iter().rev() {
        let so_many = of_device.entry(renewal.by).or_default();
        *so_many += 1;
        if *so_many <= MOST_LOOKED_AT {
            newest.push(renewal.clone());
        }
    }
    newest.reverse();
    newest
}

/// Whether this device has words left to answer a renewal with.
fn may_answer(member: &Member, renewal: &Renewal) -> bool {
    let by_me: Vec<&Entry> = member.entries().by(&member.device()).collect();
    let answers = by_me.iter().filter(|entry| match &entry.act {
        Act::Renewed { renewal: of } => member.entries().get(of).is_some_and(|renew| renew.author == renewal.by),
        _ => false,
    });
    answers.count() < MOST_ANSWERED && by_me.len() + KEPT_WORDS < MAX_BY_AUTHOR
}

fn waiting_for(member: &Member) -> Option<Vec<String>> {
    let newest = member.roster().renewals.last()?;
    let followed = if newest.is_done() { &newest.rekeyed } else { &newest.done };
    let waiting = newest.awaits.iter().filter(|device| !followed.contains(device));
    Some(waiting.map(|device| member.roster().name_of(device)).collect())
}

/// Whether a removed device wrote it and it does not count, or not yet, or somebody dropped it: no renewal waits for it.
fn is_left_out(state: SegmentState) -> bool {
    matches!(state, SegmentState::AfterRemoval | SegmentState::Unpinned | SegmentState::Dropped)
}
