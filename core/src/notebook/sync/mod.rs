//! Bringing this notebook together with its other devices through a mailbox: one pass takes what is new there and puts
//! what is missing there. Repeating it does no harm.
//!
//! The steps are in `roster` (who belongs to the notebook), `purges` (what others deleted for good), `rewritten` (what was
//! written here into a record that they wrote anew), `receive` (segments of others), `renew` (what a renewal covers is
//! forgotten), `forget` (so are the keys of it), `seal` (segments of ours) and `shelf` (everything the mailbox lacks).
//! `restored` keeps a notebook that was put back from an older copy from speaking before it has heard who was removed.
//! `removed` remembers that this device was removed itself, `meanwhile` sees to it that whoever is removed while a pass or an
//! exchange goes on is removed for the rest of it.
//! `direct` takes the same steps with a device that is at the other end of a line; `kept_back` is for what a person has to
//! decide. `weigh` says which segments of a removed device count, `turned_away` remembers what there was no room for, `in_vain`
//! what was read for nothing, `bundles` which ones hold what they say, and `try_again` comes back to what could not be taken.

mod bundles;
mod checkpoint;
mod direct;
mod forget;
mod in_vain;
mod kept_back;
mod meanwhile;
mod purges;
mod receive;
mod removed;
mod renew;
mod restored;
mod rewritten;
mod roster;
mod seal;
mod seen;
mod shelf;
mod try_again;
mod turned_away;
mod weigh;

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::model::RecordId;
use crate::notebook::{Notebook, Progress};
use crate::store;
use crate::store::segments;
use crate::sync::carrier::Mailbox;
use crate::sync::carrier::mailbox::{Item as Found, NOTE};
use crate::sync::hex;
use crate::sync::keys::NotebookTag;
use crate::sync::keystore::KeyStore;
use crate::sync::member::Member;
use crate::sync::roster::{Entries, Entry};
use crate::sync::segment::{Header, MAX_SEGMENT, Name};

pub(super) use crate::sync::session::parcel_id;
pub(super) use checkpoint::still_to_come;
pub use direct::{Peer, Visit, known_addresses, remember_address};
pub use kept_back::{KeptBack, Refused, WhyKeptBack};
pub use purges::WaitingPurge;
pub(super) use receive::is_photo;
pub use removed::Removal;
pub use renew::RenewReport;
pub(super) use roster::{epochs_of, roster_for};
pub(super) use seal::LOG;
pub(super) use shelf::put;

/// What the notebook remembers of its own identity.
pub(super) const TAG: &str = "notebook_tag";

/// Files that are looked into when the note of a mailbox does not say whose it is.
const LOOKED_INTO: usize = 32;

/// A file that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct SetAside {
    /// Its name.
    pub file: String,
    /// Why.
    pub why: String,
}

/// What a sync did.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct SyncReport {
    /// Files written into the mailbox, those it had lost included; or what the other device now has and did not have
    /// before, in its own words.
    pub written: u64,
    /// Changes of ours that were sealed for the first time.
    pub sent: u64,
    /// Segments of other devices that were new here.
    pub read: u64,
    /// Changes that were new here.
    pub received: u64,
    /// Records that changed here.
    pub touched: u64,
    /// Changes that wait for others that have not come yet.
    pub waiting: u64,
    /// Changes that were set aside, and why.
    pub refused: Vec<String>,
    /// Changes for records deleted for good here, dropped.
    pub purged: u64,
    /// Records that another device deleted for good, and that therefore left this one.
    pub deleted: u64,
    /// Records that another device wrote anew without some of their words, and whose old words therefore left this one.
    pub rewritten: u64,
    /// Of these, how many had been changed here meanwhile: what was written is in a note of its own now.
    pub kept_in_notes: u64,
    /// What other devices deleted for good and somebody on this one has to agree to.
    pub purges_waiting: Vec<WaitingPurge>,
    /// Segments that a renewal covers, forgotten.
    pub forgotten: u64,
    /// Files that could not be taken. Later syncs try them again.
    pub set_aside: Vec<SetAside>,
    /// Files that another device has seen and that have not come: they are on their way, or the mailbox holds them back.
    pub missing: u64,
    /// Segments of other devices that the mailbox lacks and that were not put there: it holds 100,000 files already, and what
    /// is left is for each device's own.
    pub no_room: u64,
    /// Files sealed under a key that has not come yet.
    pub locked: u64,
    /// Segments kept back: their author belongs to nobody's list of devices yet.
    pub strangers: u64,
    /// Segments kept back: written after their author was removed.
    pub after_removal: u64,
    /// Segments kept back: their author was removed, and what would show that they count has not come.
    pub incomplete: u64,
    /// Segments only a newer version understands.
    pub newer: u64,
    /// This notebook was restored or copied and began a new log.
    pub new_log: bool,
    /// Segments that are here and that the other device did not say it has: they are still to be handed over.
    pub unconfirmed: u64,
    /// There is more than one meeting may carry: sync again for the rest.
    pub more: bool,
    /// Records that are shown as another device told them and whose changes have not come: they cannot be changed yet.
    pub told: u64,
    /// Devices that wrote two different segments under one number: there are two notebooks where there was one. Both
    /// were taken, and each of the two begins a log of its own once it hears of the other.
    pub twins: Vec<String>,
}

impl Notebook {
    /// Takes what is new in a mailbox and puts there what it lacks, of every device. A notebook that has no other device
    /// yet is founded by it.
    ///
    /// `progress` hears how many of how many files are read, then how many of how many are looked after in the mailbox.
    ///
    /// # Errors
    /// [`Error::Foreign`] when the mailbox belongs to another notebook, [`Error::Removed`] when this device was removed,
    /// [`Error::Unreachable`] or [`Error::Denied`] when the place cannot be used just now, or as it was set up;
    /// [`Error::NotFound`] when there is no such place; [`Error::Storage`] when the disk refuses. What was done until then
    /// stays done.
    pub fn sync(&self, place: &dyn Mailbox, keys: &dyn KeyStore, progress: Progress<'_>) -> Result<SyncReport> {
        let found = place.list()?;
        let mut member = self.member_for(place, &found, keys)?;
        let mut report = SyncReport::default();
        self.take_roster(&mut member, place, &found, keys)?;
        self.catch_up(&member, &found, keys, &mut report)?;
        if let Err(why) = self.tend_roster(&mut member, keys) {
            // Who has lost its place without being removed may be the only one to bring word of that. So may who was removed,
            // of what it said about devices itself: of whom it let in, or removed, and of whom others let in after that, the
            // others may not have heard at all.
            if member.roster().removed(&member.device()).is_none() {
                self.hand_on_keys(&member)?;
                self.put_roster(place, &found)?;
            } else if member.has_spoken_of_devices() {
                self.put_last_bags(&member, place)?;
            }
            return Err(why);
        }
        self.take_purges(&member, &mut report)?;
        self.take_checkpoint(&member, place, &found)?;
        let bundles = self.receive_segments((&mut member, keys), place, &found, &mut report, progress)?;
        self.keep_up(&mut member, keys)?;
        self.reconsider(&member, &mut report)?;
        self.forget_renewed(&mut member, &mut report)?;
        self.forget_keys(&mut member, keys)?;
        self.scrub_if_need_be()?;
        if member.write_epoch().is_none() {
            // Nothing can be sealed now. Who hears what was said here may have room to begin an epoch.
            self.put_roster(place, &found)?;
        }
        // After reading: a segment of our log that is not ours says that a copy of this notebook writes to it too.
        let log = self.log_of(&member, keys, &mut report)?;
        self.seal_segments(&mut member, log, keys, &mut report, &mut |_, _| Ok(()))?;
        let missing = self.count_missing(&member)?;
        report.missing = missing.any;
        self.settle_told(&mut report)?;
        self.put_missing((&member, log), place, (&found, bundles), &mut report, progress)?;
        self.keep_up(&mut member, keys)?;
        self.put_checkpoint(&member, place, &found, &missing, &mut report)?;
        // Who was invited through this place and came with the code waits for it. What fails here is told to who asks for
        // the request.
        drop(self.answer_vow(place, keys));
        Ok(report)
    }

    /// This device as a member of the notebook; none while the notebook has met no place and no other device.
    ///
    /// # Errors
    /// [`Error::Foreign`] when the keys are gone: the notebook was restored or copied without them.
    pub fn member(&self, keys: &dyn KeyStore) -> Result<Option<Member>> {
        let entries = self.read(segments::entries)?;
        let Some(mut all) = Entries::kept(entries.iter().map(|bytes| Entry::read(bytes)))? else { return Ok(None) };
        if let Some(seen) = self.read(|connection| store::meta::<[u8; 32]>(connection, "recovery"))? {
            all.trust_recovery(crate::sync::keys::EntryHash(seen));
        }
        Member::load(keys, all)?.map(Some).ok_or_else(|| {
            Error::Foreign(
                "this notebook was restored or copied without the keys of its device, so the others do not know it; \
                 invite it from another device, and join"
                    .into(),
            )
        })
    }

    /// The same for a place: a notebook that belongs to no roster founds its own there, if nobody else's is there.
    fn member_for(&self, place: &dyn Mailbox, found: &[Found], keys: &dyn KeyStore) -> Result<Member> {
        if let Some(member) = self.member(keys)? {
            claim(place, found, &member.tag())?;
            return Ok(member);
        }
        if tag_of(place, found)?.is_some() {
            return Err(Error::Foreign(format!(
                "{} carries a notebook that this device has not joined; nothing was read or written. Invite it on a \
                 device that has the notebook, and join with the code",
                place.words()
            )));
        }
        let member = self.found(keys)?;
        place.put_new(NOTE, note(&member.tag()).as_bytes())?;
        Ok(member)
    }

    /// Which notebook this is, once it has a roster.
    fn tag(&self) -> Result<Option<NotebookTag>> {
        let tag: Option<[u8; 16]> = self.read(|connection| store::meta(connection, TAG))?;
        Ok(tag.map(NotebookTag))
    }

    pub(super) fn unix_ms(&self) -> u64 {
        u64::try_from(self.now().timestamp_millis()).unwrap_or_default()
    }
}

/// What the name of a segment says: its log's tag, its number, the beginning of its hash.
type ShortName = ([u8; 16], u64, [u8; 4]);

fn place_in_log(name: &str) -> Option<ShortName> {
    let name = Name::parse(name).filter(|name| name.to.is_none())?;
    Some((name.log_tag, name.from, name.hash))
}

/// A segment's log, number and hash as its name has them, and its length.
fn name_of(head: &segments::SegmentHead) -> Option<(ShortName, u64)> {
    let header = Header::read(&head.head).ok()?;
    let [a, b, c, d, ..] = head.hash;
    Some(((header.log_tag, header.seq, [a, b, c, d]), header.len() as u64))
}

/// What cannot be read now is left out; a place that fails is an error.
fn optional<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(Error::Unreadable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sees to it that a mailbox is this notebook's. A note that is gone or damaged is written anew; one that names another
/// notebook is believed, unless all that lies there is ours.
fn claim(place: &dyn Mailbox, found: &[Found], tag: &NotebookTag) -> Result<()> {
    let told = told_by_note(place)?;
    if told == Some(*tag) {
        return Ok(());
    }
    let there = tags_in(place, found)?;
    let (is_ours, is_theirs) = (there.contains(tag), there.iter().any(|there| told.is_none_or(|told| told == *there)));
    if if is_ours { told.is_some() && is_theirs } else { told.is_some() || is_theirs } {
        return Err(Error::Foreign(format!(
            "{} belongs to another notebook; nothing was read or written. Choose another place",
            place.words()
        )));
    }
    shelf::put(place, NOTE, note(tag).as_bytes())
}

/// Which notebook a mailbox is for: by its note, or else by any file that says so.
pub(super) fn tag_of(place: &dyn Mailbox, found: &[Found]) -> Result<Option<NotebookTag>> {
    match told_by_note(place)? {
        Some(told) => Ok(Some(told)),
        None => Ok(tags_in(place, found)?.into_iter().next()),
    }
}

fn told_by_note(place: &dyn Mailbox) -> Result<Option<NotebookTag>> {
    let note = optional(place.get(NOTE, 4096))?.flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&note);
    let told = text.lines().find_map(|line| line.strip_prefix("notebook ")?.trim().parse::<RecordId>().ok());
    let check = text.lines().find_map(|line| line.strip_prefix("check "));
    // A damaged number would be that of another notebook, and the place refused for ever.
    let is_whole = |told: &NotebookTag| check.is_none_or(|check| check.trim() == check_of(told));
    Ok(told.map(|told| NotebookTag(told.0)).filter(is_whole))
}

/// By which a note shows that its number is whole.
fn check_of(tag: &NotebookTag) -> String {
    blake3::hash(&tag.0).to_hex().chars().take(8).collect()
}

/// Of which notebooks files lie in a mailbox, as far as the first of them tell. One that is not what its name says is
/// damaged, and may name any.
fn tags_in(place: &dyn Mailbox, found: &[Found]) -> Result<BTreeSet<NotebookTag>> {
    let mut tags = BTreeSet::new();
    let is_told = |found: &&Found| found.name.ends_with(".kiths") || found.name.ends_with(".kithr");
    for found in found.iter().filter(is_told).take(LOOKED_INTO) {
        let bytes = optional(place.get(&found.name, MAX_SEGMENT as u64))?.flatten().unwrap_or_default();
        let says = found.name.rsplit('/').next().unwrap_or_default();
        if says.contains(&hex(&parcel_id(&bytes)[..4])) {
            let of_segment = Header::read(&bytes).ok().map(|header| header.notebook);
            tags.extend(of_segment.or_else(|| crate::sync::seal::whose(&bytes)));
        }
    }
    Ok(tags)
}

fn note(tag: &NotebookTag) -> String {
    format!(
        "Kith keeps a notebook's devices together in this folder. Everything in it is sealed: without a key of the\n\
         notebook nobody can read it. Files are written once and never changed.\n\
         You may delete all of it and name the folder again: each device puts back what the others need.\n\nformat 1\nnotebook {}\ncheck {}\n",
        hex(&tag.0),
        check_of(tag)
    )
}
