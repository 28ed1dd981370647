//! Segments of other devices: opened, weighed by the roster, and taken in through the one door.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::bundles::Bundles;
use super::shelf::numbers_of;
use super::turned_away::TurnedAway;
use super::weigh::{Chain, Weighing};
use super::{SetAside, ShortName, SyncReport, name_of, optional, place_in_log};
use crate::document::gate;
use crate::error::{Error, Result};
use crate::model::{BlobId, RecordId};
use crate::notebook::commit::ReceivedSegment;
use crate::notebook::{Change, Notebook, Origin, Progress, lock};
use crate::store;
use crate::store::segments::{self, SegmentPlace, SegmentState};
use crate::sync::carrier::Mailbox;
use crate::sync::carrier::mailbox::Item as Found;
use crate::sync::keys::{DeviceId, KeyId};
use crate::sync::keystore::KeyStore;
use crate::sync::member::Member;
use crate::sync::roster::CutOff;
use crate::sync::segment::{self, Header, Item, MAX_BUNDLE, Name, Plaintext, ROOM};
use crate::sync::{LogId, hex};

/// Records of one segment that are committed together, so that the lock is held for some 50 ms at most.
const SLICE: usize = 32;
/// What the changes of one segment may add up to, in operations, of which a short change can claim many: what we seal
/// counts each as a byte at least.
const MAX_OPERATIONS: u64 = (ROOM + 64 * 1024) as u64;

/// Segments of a removed device under one number that do not count, or not yet: copies of a notebook write a few.
const MOST_TWINS: u64 = 16;
/// How much is kept back of devices that do not belong to the notebook: what one that was lost wrote in months. As much
/// again may wait for what shows that it counts; what there is no room for is looked at once more from the end of its log.
const MOST_KEPT_BACK: u64 = 2048;
pub(super) const MOST_BYTES_KEPT_BACK: u64 = 64 * 1024 * 1024;
/// Why a segment is refused that there is no room for among others of its number, or of what waits.
pub(super) const TOO_MANY_TWINS: &str = "too many others of its device stand beside it";
/// Why a segment is refused that there is no room for.
const TOO_MUCH_KEPT_BACK: &str = "as much as can be is kept back already of devices that do not belong to the notebook; \
                                  decide what becomes of that first";

/// How the changes of a segment are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    /// As the word of the device that sealed it.
    AsTheirs,
    /// Somebody on this device decided so: this device tells them again.
    AsOurOwn,
}

/// What is to be done with a segment that was found.
enum Verdict {
    /// It is here already.
    Known,
    /// It was here, and a renewal covers it.
    Renewed,
    /// It is new, and says this.
    New(Box<Plaintext>, SegmentPlace, SegmentState),
    /// There are too many others under its number of which nothing shows that they count.
    NoRoom,
    /// There is no room for it, whatever follows it.
    Refused(&'static str),
}

/// What becomes of a segment whose changes this device tells again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passed {
    /// It is kept, as one that is decided.
    Settled,
    /// It goes: nobody else could open it.
    LetGo,
}

/// What became of a segment that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Took {
    /// It is here.
    Here,
    /// A renewal covers it, so that nobody needs it any more.
    Renewed,
    /// Its key has not come.
    Locked,
    /// There is no room for it, as long as nothing that follows it shows that it counts.
    NoRoom,
    /// There is no room for it until somebody has decided about others: why.
    Refused(&'static str),
}

/// What of a file is not here after it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    /// Nothing, and all of it is here.
    Nothing,
    /// What there is no room for until somebody has decided about other segments.
    TooMuch,
    /// What cannot be taken, or not today.
    Something,
    /// What there may be room for once the rest of the log was looked at.
    ForLater,
}

/// In which order the parts of a file are looked at: what comes later in a log may show that what is before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Forwards,
    Backwards,
}

/// What is here, by the names that it has in a mailbox.
struct Known {
    names: HashMap<ShortName, u64>,
    numbers: HashSet<([u8; 16], u64)>,
}

impl Known {
    /// Whether a file may hold what is not here, as far as its name tells.
    fn lacks(&self, found: &Found, bundles: &Bundles) -> bool {
        match Name::parse(&found.name) {
            Some(name) => match numbers_of(&name) {
                Some(mut bundled) => {
                    !bundles.knows(found) || bundled.any(|seq| !self.numbers.contains(&(name.log_tag, seq)))
                }
                None => self.names.get(&(name.log_tag, name.from, name.hash)) != Some(&found.bytes),
            },
            None => found.name.contains(".kiths") || found.name.contains(".kithb"),
        }
    }
}

/// What more may be kept back.
struct Room {
    segments: u64,
    bytes: u64,
}

impl Room {
    /// What is left beside so many segments of so many bytes.
    fn beside((count, bytes): (u64, u64)) -> Self {
        Self { segments: MOST_KEPT_BACK.saturating_sub(count), bytes: MOST_BYTES_KEPT_BACK.saturating_sub(bytes) }
    }

    /// Takes up room for a segment, if there is enough.
    fn takes(&mut self, segment: &[u8]) -> bool {
        let (count, bytes) = (self.segments.checked_sub(1), self.bytes.checked_sub(segment.len() as u64));
        let (Some(segments), Some(bytes)) = (count, bytes) else { return false };
        (self.segments, self.bytes) = (segments, bytes);
        true
    }
}

impl Notebook {
    /// Takes what is new in a mailbox; says what its bundles hold.
    pub(super) fn receive_segments(
        &self,
        (member, keys): (&mut Member, &dyn KeyStore),
        place: &dyn Mailbox,
        all: &[Found],
        report: &mut SyncReport,
        progress: Progress<'_>,
    ) -> Result<Bundles> {
        let mut bundles = self.bundles()?;
        let mut weighing = Weighing::default();
        let known = self.known_names(member, &mut weighing)?;
        let (mut turned_away, mut in_vain) = (self.turned_away(member)?, self.read_in_vain(member)?);
        let (too_many, open): (Vec<&Found>, Vec<&Found>) =
            all.iter().filter(|found| known.lacks(found, &bundles)).partition(|file| turned_away.knows(file));
        let no_room = |file: &Found| SetAside { file: file.name.clone(), why: TOO_MUCH_KEPT_BACK.into() };
        report.set_aside.extend(too_many.into_iter().map(no_room));
        let mut open = VecDeque::from(in_vain.in_order(open, |most| self.number_below(most)));
        let (mut done, mut looked) = (0, HashSet::new());
        let (mut later, mut failed): (Vec<(u64, &Found)>, _) = (Vec::new(), Ok(()));
        while let Some(found) = open.pop_front() {
            progress(done, done + 1 + open.len() as u64)?;
            done += 1;
            if !looked.insert(&found.name) || !in_vain.lets_read(found) {
                continue;
            }
            let bytes = match place.get(&found.name, MAX_BUNDLE as u64) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(Error::Unreadable(why)) => {
                    in_vain.was_read(found, MAX_BUNDLE);
                    report.set_aside.push(SetAside { file: found.name.clone(), why });
                    continue;
                }
                // What was read until then need not be read again.
                Err(error) => {
                    failed = Err(error);
                    break;
                }
            };
            in_vain.was_read(found, bytes.len());
            self.weigh_by_now((member, &mut weighing), keys)?;
            let as_read = (found, Order::Forwards);
            match self.take_file((member, &mut weighing), (place, &mut bundles), as_read, &bytes, report)? {
                Left::Something => {}
                Left::TooMuch => turned_away.add(found),
                Left::ForLater => later.push((number_of(&bytes), found)),
                Left::Nothing => {
                    if let Some(belongs) = misplaced(found, &bytes) {
                        // What lies under its name may be what should lie here. Gone from here, it is put back by who has it.
                        open.extend(all.iter().filter(|other| place_in_log(&other.name) == Some(belongs)));
                        let _ = place.delete(&found.name);
                    }
                }
            }
        }
        later.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
        if failed.is_ok() {
            let place = (place, &mut bundles);
            failed = self.take_those_left((member, keys, &mut weighing), place, &later, &mut turned_away, report);
        }
        later.iter().for_each(|(_, found)| in_vain.is_of_use(found));
        if done > 0 {
            let known = self.known_names(member, &mut weighing)?;
            let of_no_use = all.iter().filter(|found| known.lacks(found, &bundles) && !turned_away.knows(found));
            self.remember_in_vain(&in_vain, of_no_use)?;
        }
        report.set_aside.extend(in_vain.set_aside());
        self.remember_turned_away(member, turned_away)?;
        failed?;
        progress(done, done)?;
        Ok(bundles)
    }

    /// Looks once more at what there was no room for, the last first: what follows it is here now, and may show that it
    /// counts.
    fn take_those_left(
        &self,
        (member, keys, weighing): (&mut Member, &dyn KeyStore, &mut Weighing),
        (place, bundles): (&dyn Mailbox, &mut Bundles),
        later: &[(u64, &Found)],
        turned_away: &mut TurnedAway,
        report: &mut SyncReport,
    ) -> Result<()> {
        if later.is_empty() {
            return Ok(());
        }
        self.weigh_again(member, report)?;
        weighing.looked_again();
        for (_, found) in later {
            let Some(bytes) = optional(place.get(&found.name, MAX_BUNDLE as u64))?.flatten() else { continue };
            self.weigh_by_now((member, weighing), keys)?;
            let order = (*found, Order::Backwards);
            let place = (place, &mut *bundles);
            let left = self.take_file((member, &mut *weighing), place, order, &bytes, report)?;
            if left == Left::ForLater {
                report.set_aside.push(SetAside { file: found.name.clone(), why: TOO_MANY_TWINS.into() });
            }
            if matches!(left, Left::ForLater | Left::TooMuch) {
                turned_away.add(found);
            }
        }
        Ok(())
    }

    /// What comes now is judged by the list of devices as it is now.
    fn weigh_by_now(&self, (member, weighing): (&mut Member, &mut Weighing), keys: &dyn KeyStore) -> Result<()> {
        if self.keep_up(member, keys)? {
            *weighing = Weighing::default();
        }
        Ok(())
    }

    /// Takes what is in a file; says what of it is not here then. However many parts of it are not what they say, the file
    /// is named once and looked at once.
    fn take_file(
        &self,
        (member, weighing): (&Member, &mut Weighing),
        (place, bundles): (&dyn Mailbox, &mut Bundles),
        (found, order): (&Found, Order),
        bytes: &[u8],
        report: &mut SyncReport,
    ) -> Result<Left> {
        let (mut left, mut is_locked, mut wrong, mut full) = (Left::Nothing, false, None, None);
        let mut here = HashSet::new();
        let mut parts: Vec<_> = segment::split(bytes).collect();
        if order == Order::Backwards {
            parts.reverse();
        }
        for part in parts {
            match part.and_then(|part| Ok((part, self.take_bytes((member, &mut *weighing), part, report)?))) {
                Ok((_, Took::NoRoom)) => left = Left::ForLater,
                Ok((_, Took::Refused(why))) => full = Some(why),
                Ok((_, Took::Locked)) => is_locked = true,
                // What is said there is said again, or stands in the base of a renewal: nobody needs the file.
                Ok((whole, took)) => {
                    here.extend(Header::read(whole).map(|header| (header.log_tag, header.seq)).ok());
                    let is_spent = took == Took::Renewed || is_under_lost_key(member, whole);
                    if is_spent && whole.len() == bytes.len() {
                        self.take_away(member, place, &found.name)?;
                    }
                }
                Err(error @ (Error::Peer(_) | Error::NeedsUpdate(_) | Error::Invalid(_))) => {
                    wrong.get_or_insert_with(|| error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        bundles.was_read(found, &here);
        if is_locked || wrong.is_some() {
            self.complain(member, place, found, bytes, wrong.is_none());
            left = left.max(Left::Something);
        }
        if full.is_some() {
            left = left.max(Left::TooMuch);
        }
        let why = wrong.or_else(|| full.map(String::from));
        report.set_aside.extend(why.map(|why| SetAside { file: found.name.clone(), why }));
        Ok(left)
    }

    /// Takes in a segment, whoever brought it. One whose key has not come is counted, and comes again.
    ///
    /// # Errors
    /// [`Error::Peer`] and [`Error::NeedsUpdate`] when it is not what it says: it is left alone, the next one may be fine.
    pub(super) fn take_bytes(
        &self,
        (member, weighing): (&Member, &mut Weighing),
        bytes: &[u8],
        report: &mut SyncReport,
    ) -> Result<Took> {
        match self.weigh(member, weighing, bytes) {
            Ok(Verdict::Known) => Ok(Took::Here),
            Ok(Verdict::Renewed) => Ok(Took::Renewed),
            Ok(Verdict::NoRoom) => Ok(Took::NoRoom),
            Ok(Verdict::Refused(why)) => Ok(Took::Refused(why)),
            Ok(Verdict::New(text, at, state)) => {
                let author = text.device;
                self.take_segment(member, *text, &at, state, bytes, report)?;
                weighing.came(&author, &at, state, bytes.len());
                Ok(Took::Here)
            }
            Err(Error::NotFound(_)) => {
                report.locked += 1;
                Ok(Took::Locked)
            }
            Err(error) => Err(error),
        }
    }

    /// A file that is not what its name says is taken away, so that whoever has the segment puts it there again; so is one
    /// that is, and cannot be opened with the key it names. What can be is left to those who take it, whyever this device
    /// does not. A failure to do so is no matter.
    fn complain(&self, member: &Member, place: &dyn Mailbox, found: &Found, bytes: &[u8], is_locked: bool) {
        let Some(name) = Name::parse(&found.name) else { return };
        let header = Header::read(bytes).ok();
        let stands_here = name.to.is_none()
            && header.as_ref().is_some_and(|header| (header.log_tag, header.seq) == (name.log_tag, name.from));
        let is_changed = !segment::hash(bytes).starts_with(&name.hash);
        // What lacks its key may be whole, and only lie under the name of another.
        let is_wrong = if is_locked {
            is_changed && stands_here
        } else {
            is_changed || stands_here && !matches!(member.read(bytes), Ok(_) | Err(Error::NotFound(_)))
        };
        if is_wrong {
            let _ = place.delete(&found.name);
        }
    }

    /// The log, number and hash of every segment that is here, as names in a mailbox have them, and its length.
    fn known_names(&self, member: &Member, weighing: &mut Weighing) -> Result<Known> {
        let wanted = self.wanted_again(member, weighing)?;
        let heads = self.read(segments::heads)?;
        let known = heads.iter().filter(|head| !wanted.contains(&head.hash));
        let names: HashMap<ShortName, u64> = known.filter_map(name_of).collect();
        let numbers = names.keys().map(|(tag, seq, _)| (*tag, *seq)).collect();
        Ok(Known { names, numbers })
    }

    /// The segments, by hash, of which only the first bytes are here and that count after all, or may: somebody dropped them,
    /// and forgot their key, which has come again. Of a log of which nothing was ever taken it is not known whose it is.
    pub(super) fn wanted_again(&self, member: &Member, weighing: &mut Weighing) -> Result<HashSet<[u8; 32]>> {
        let mut wanted = HashSet::new();
        if self.read(|connection| segments::count(connection, SegmentState::Forgotten))? == 0 {
            return Ok(wanted);
        }
        let owners = self.read(segments::owners)?;
        for (at, key) in self.read(segments::forgotten_keys)? {
            if member.epochs(KeyId(key)).next().is_none() {
                continue;
            }
            let may_count = match owners.get(&at.log) {
                Some(owner) => self.state_of(member, weighing, &DeviceId(*owner), &at)? == SegmentState::Taken,
                None => !member.roster().covers(&at.log, at.seq),
            };
            wanted.extend(may_count.then_some(at.hash));
        }
        Ok(wanted)
    }

    /// Opens a segment and decides what is to become of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when its key is not held; [`Error::Peer`] when it is not what it says.
    fn weigh(&self, member: &Member, weighing: &mut Weighing, bytes: &[u8]) -> Result<Verdict> {
        let header = Header::read(bytes)?;
        if header.notebook != member.tag() {
            return Err(Error::Peer("it belongs to another notebook".into()));
        }
        let text = match member.read(bytes) {
            // What its key was forgotten of may still be known for what it is.
            Err(Error::NotFound(what)) => {
                let forgotten = weighing.forgotten(self)?;
                return match forgotten.get(&segment::hash(bytes)) {
                    Some(at) if member.roster().covers(&at.log, at.seq) => Ok(Verdict::Renewed),
                    _ => Err(Error::NotFound(what)),
                };
            }
            read => read?,
        };
        let author = text.device;
        let at = SegmentPlace { log: text.log, seq: header.seq, hash: segment::hash(bytes), prev: text.prev };
        let (known, owner) = self.read(|connection| {
            Ok((segments::hashes(connection, at.log, at.seq)?, segments::owner(connection, at.log)?))
        })?;
        if known.contains(&at.hash) {
            let state = self.read(|connection| segments::state(connection, &at))?;
            // What was dropped and is not whole any more comes anew if it counts after all: no base may hold it.
            let is_wanted = state == Some(SegmentState::Forgotten)
                && self.state_of(member, weighing, &author, &at)? == SegmentState::Taken;
            if !is_wanted {
                let is_covered = member.roster().covers(&at.log, at.seq);
                let is_renewed = state.is_some_and(|state| !state.is_whole()) && is_covered;
                return Ok(if is_renewed { Verdict::Renewed } else { Verdict::Known });
            }
        }
        if let Some(owner) = owner.map(DeviceId).filter(|owner| *owner != author) {
            let (by, of) = (member.roster().name_of(&author), member.roster().name_of(&owner));
            return Err(Error::Peer(format!("\"{by}\" continues in it the log of another device, \"{of}\"")));
        }
        if operations(&text) > MAX_OPERATIONS {
            return Err(Error::Peer("it holds more than any segment of ours".into()));
        }
        let state = match self.state_of(member, weighing, &author, &at)? {
            SegmentState::Taken if text.needs_update() => SegmentState::Newer,
            state => state,
        };
        match state {
            SegmentState::Unpinned if self.is_crowded(&at)? || !Room::beside(weighing.waiting(self)?).takes(bytes) => {
                return Ok(Verdict::NoRoom);
            }
            SegmentState::AfterRemoval if self.is_crowded(&at)? => return Ok(Verdict::Refused(TOO_MANY_TWINS)),
            SegmentState::Stranger | SegmentState::AfterRemoval if !self.room_kept_back()?.takes(bytes) => {
                return Ok(Verdict::Refused(TOO_MUCH_KEPT_BACK));
            }
            _ => {}
        }
        Ok(Verdict::New(Box::new(text), at, state))
    }

    /// Whether as many stand under this number as are kept of those that do not count, or not yet.
    fn is_crowded(&self, at: &SegmentPlace) -> Result<bool> {
        Ok(self.read(|connection| segments::in_doubt(connection, at.log, at.seq))? >= MOST_TWINS)
    }

    /// How much more is kept back of devices that do not belong to the notebook.
    fn room_kept_back(&self) -> Result<Room> {
        Ok(Room::beside(self.read(segments::weight_kept_back)?))
    }

    /// A number that is drawn, below `most`.
    pub(super) fn number_below(&self, most: usize) -> usize {
        let mut drawn = [0; 4];
        self.with_random(|random| random(&mut drawn));
        u32::from_le_bytes(drawn) as usize % most.max(1)
    }

    /// Whether a segment that comes from this author counts, by the roster as it is now and what is here of its log.
    fn state_of(
        &self,
        member: &Member,
        weighing: &mut Weighing,
        author: &DeviceId,
        at: &SegmentPlace,
    ) -> Result<SegmentState> {
        let Some(cut_off) = cut_off(member, author) else {
            let belongs = member.roster().device(author).is_some();
            return Ok(if belongs { SegmentState::Taken } else { SegmentState::Stranger });
        };
        if !cut_off.contains(&at.log, at.seq) {
            return Ok(SegmentState::AfterRemoval);
        }
        Ok(weighing.chain(self, author, at.log, cut_off)?.state(at))
    }

    /// Takes a segment in, or keeps it for the day its author is let in.
    fn take_segment(
        &self,
        member: &Member,
        text: Plaintext,
        at: &SegmentPlace,
        state: SegmentState,
        bytes: &[u8],
        report: &mut SyncReport,
    ) -> Result<()> {
        let known = self.read(|connection| segments::hashes(connection, at.log, at.seq))?;
        if known.iter().any(|known| *known != at.hash) {
            report.twins.push(member.roster().name_of(&text.device));
        }
        report.read += 1;
        match state {
            SegmentState::Taken => {}
            SegmentState::Stranger => report.strangers += 1,
            SegmentState::AfterRemoval => report.after_removal += 1,
            SegmentState::Newer => report.newer += 1,
            _ => {}
        }
        let mark = mark_of(member, &text, at, state, bytes);
        if state != SegmentState::Taken {
            return self.commit(Change { segment: Some(mark), ..Change::default() }, Origin::Peer).map(drop);
        }
        self.take_items(text, mark, Taking::AsTheirs, report)
    }

    pub(super) fn take_items(
        &self,
        text: Plaintext,
        mark: ReceivedSegment,
        taking: Taking,
        report: &mut SyncReport,
    ) -> Result<()> {
        let retold = taking == Taking::AsOurOwn;
        let seen = if text.seen.is_empty() || retold { None } else { Some(self.seen_with(&text.device, &text.seen)?) };
        let mut records: BTreeMap<RecordId, Vec<Vec<u8>>> = BTreeMap::new();
        let mut blobs: Vec<Vec<u8>> = Vec::new();
        let declared = declared_in(&text.actors);
        for item in text.items {
            match item {
                Item::Change { record, bytes, reissued, .. } => {
                    if retold || reissued || is_own_word(&bytes, &declared) {
                        records.entry(record).or_default().push(bytes);
                    } else {
                        report.refused.push("it says to be by somebody else than its device".into());
                    }
                }
                Item::Blob { bytes, .. } if is_photo(&bytes) => blobs.push(bytes),
                Item::Blob { .. } | Item::Unknown(_) => {}
            }
        }
        let mut records = records.into_iter().peekable();
        loop {
            let received: BTreeMap<_, _> = records.by_ref().take(SLICE).collect();
            let last = records.peek().is_none();
            let change = Change {
                received,
                blobs: std::mem::take(&mut blobs),
                retold,
                // The mark comes with the last slice: a kill in between means that the segment is read again.
                segment: last.then(|| mark.clone()),
                meta: seen.iter().filter(|_| last).map(|seen| (super::seen::SEEN, Some(seen.clone()))).collect(),
                ..Change::default()
            };
            let committed = self.commit(change, Origin::Peer)?;
            report.received += committed.changes;
            report.touched += committed.touched.len() as u64;
            report.refused.extend(committed.refused);
            report.purged += committed.purged;
            if last {
                return Ok(());
            }
        }
    }

    /// What was taken of a device that was removed since, and nobody who counts pinned. It cannot be undone, so it goes on
    /// as something that this device passes on; otherwise those that never took it would see something else for ever.
    fn pass_on_unpinned(&self, member: &Member, report: &mut SyncReport) -> Result<()> {
        for removed in &member.roster().removed {
            for log in self.read(|connection| segments::logs_of(connection, removed.device.0))? {
                let of_log = self.read(|connection| segments::of_log(connection, log))?;
                let chain = Chain::of(log, &of_log, &removed.cut_off);
                let counts = |at: &SegmentPlace| removed.cut_off.contains(&log, at.seq) && chain.counts(at);
                let taken = self.read(|connection| segments::taken_of_log(connection, log))?;
                for at in taken.iter().filter(|at| !counts(at)) {
                    or_set_aside(self.pass_on(member, at, Passed::Settled), at, report)?;
                }
            }
        }
        Ok(())
    }

    /// What was sealed under a key that this device still has though no entry of the roster tells of it any more: the
    /// notebook went back to a backup, and the entry was lost with it. Nobody else will ever read that, so this device
    /// tells it again, and lets go of the segment.
    fn pass_on_what_nobody_can_open(&self, member: &Member, report: &mut SyncReport) -> Result<()> {
        if !member.has_lost_keys() {
            return Ok(());
        }
        for (at, state) in self.read(segments::places)? {
            let bytes = self.read(|connection| segments::whole(connection, &at))?.unwrap_or_default();
            if state == SegmentState::Taken && is_under_lost_key(member, &bytes) {
                or_set_aside(self.pass_on(member, &at, Passed::LetGo), &at, report)?;
            }
        }
        Ok(())
    }

    /// Tells the changes of a segment again as this device's own.
    fn pass_on(&self, member: &Member, at: &SegmentPlace, passed: Passed) -> Result<()> {
        let bytes = self.read(|connection| segments::whole(connection, at))?.unwrap_or_default();
        let text = match member.read(&bytes) {
            Err(Error::NotFound(_)) => return Ok(()),
            read => read?,
        };
        let mut records: BTreeMap<RecordId, BTreeSet<[u8; 32]>> = BTreeMap::new();
        let mut blobs = Vec::new();
        for item in text.items {
            match item {
                Item::Change { record, bytes, .. } => {
                    records.entry(record).or_default().extend(crate::document::hash_of(&bytes).ok());
                }
                Item::Blob { bytes, .. } => blobs.push(BlobId::of(&bytes)),
                Item::Unknown(_) => {}
            }
        }
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        records.iter().try_for_each(|(id, hashes)| store::tell_again(&transaction, *id, hashes))?;
        blobs.iter().try_for_each(|blob| store::tell_blob_again(&transaction, &blob.0))?;
        match passed {
            Passed::Settled => segments::set_state(&transaction, at, SegmentState::Settled)?,
            Passed::LetGo => segments::let_go(&transaction, at)?,
        }
        Ok(transaction.commit()?)
    }

    /// Looks again at what was kept back, and at what was taken: the roster may say otherwise now.
    pub(super) fn reconsider(&self, member: &Member, report: &mut SyncReport) -> Result<()> {
        self.pass_on_unpinned(member, report)?;
        self.weigh_again(member, report)?;
        self.pass_on_what_nobody_can_open(member, report)?;
        if report.received > 0 {
            self.settle_what_came(member)?;
        }
        self.try_again(member, report)?;
        self.take_early_purges(member, report)?;
        report.waiting = self.read(store::count_waiting)?;
        report.strangers = self.read(|connection| segments::count(connection, SegmentState::Stranger))?;
        report.after_removal = self.read(|connection| segments::count(connection, SegmentState::AfterRemoval))?;
        report.incomplete = self.read(|connection| segments::count(connection, SegmentState::Unpinned))?;
        report.newer = self.read(|connection| segments::count(connection, SegmentState::Newer))?;
        Ok(())
    }

    /// Looks again at what was kept back, and at what somebody dropped: another device may have taken it before it heard of
    /// the removal, or somebody may keep the device after all. Then all others show it, and so does this one.
    pub(super) fn weigh_again(&self, member: &Member, report: &mut SyncReport) -> Result<()> {
        // Whether a segment counts has to do with which others are here, and not with what became of these.
        let mut weighing = Weighing::default();
        let mut room = self.room_kept_back()?;
        for (at, before) in self.read(segments::left_out)? {
            let bytes = self.read(|connection| segments::whole(connection, &at))?.unwrap_or_default();
            let text = match member.read(&bytes) {
                Err(Error::NotFound(_)) => continue,
                Err(error) => {
                    or_set_aside(Err(error), &at, report)?;
                    continue;
                }
                Ok(text) => text,
            };
            let author = text.device;
            let state = match self.state_of(member, &mut weighing, &author, &at)? {
                SegmentState::Taken if text.needs_update() => SegmentState::Newer,
                state => state,
            };
            let stays_dropped = before == SegmentState::Dropped && state != SegmentState::Taken;
            if state == before || stays_dropped {
                continue;
            }
            match state {
                // It was kept back while its log was nobody's. Whose it is now said so first.
                SegmentState::Taken if self.is_log_of_another(&author, at.log)? => {}
                SegmentState::Taken => {
                    let taken = self.take_segment(member, text, &at, state, &bytes, report);
                    or_set_aside(taken, &at, report)?;
                }
                // It waited beside what counts, of which there may be any number. It comes again, for what room there is.
                SegmentState::AfterRemoval if before == SegmentState::Unpinned && !room.takes(&bytes) => {
                    segments::let_go(&lock(&self.writer).connection, &at)?;
                }
                state => segments::set_state(&lock(&self.writer).connection, &at, state)?,
            }
        }
        Ok(())
    }

    fn is_log_of_another(&self, author: &DeviceId, log: LogId) -> Result<bool> {
        Ok(self.read(|connection| segments::owner(connection, log))?.is_some_and(|owner| owner != author.0))
    }
}

/// What is remembered of a segment.
pub(super) fn mark_of(
    member: &Member,
    text: &Plaintext,
    at: &SegmentPlace,
    state: SegmentState,
    bytes: &[u8],
) -> ReceivedSegment {
    ReceivedSegment {
        place: at.clone(),
        state,
        bytes: bytes.to_vec(),
        author: text.device.0,
        device: member.roster().name_of(&text.device),
        made_at: rfc3339(text.made_at_unix_ms),
        actors: if state == SegmentState::Taken { heard_in(text) } else { Vec::new() },
        owns_its_log: state == SegmentState::Taken || member.roster().device(&text.device).is_some(),
    }
}

/// What cannot be read or taken of one segment that is here keeps nothing else from being taken: it is tried again at every
/// sync.
fn or_set_aside(done: Result<()>, at: &SegmentPlace, report: &mut SyncReport) -> Result<()> {
    match done {
        Err(error @ (Error::Invalid(_) | Error::Peer(_) | Error::NeedsUpdate(_) | Error::Unreadable(_))) => {
            let (file, why) = (format!("segment {} of log {}", at.seq, hex(&at.log)), error.to_string());
            report.set_aside.push(SetAside { file, why });
            Ok(())
        }
        done => done,
    }
}

/// The writers that a segment names as its author's own.
pub(super) fn declared_in(actors: &[Vec<u8>]) -> BTreeSet<&[u8]> {
    actors.iter().map(Vec::as_slice).collect()
}

/// Whether a segment says of a change that it does not pass on that its author wrote it. It is by the segment alone that this
/// is decided, so everywhere alike: were it refused for what another said before, whoever names the writers of others in a
/// segment that comes first would keep theirs out. What the gate refuses is for the gate to refuse.
pub(super) fn is_own_word(change: &[u8], declared: &BTreeSet<&[u8]>) -> bool {
    gate::actor_of(change).map_or(true, |actor| declared.contains(actor))
}

/// The writers of which a segment holds a change as its author's own word: only these does it make known as its author's.
fn heard_in(text: &Plaintext) -> Vec<Vec<u8>> {
    let own = text.items.iter().filter_map(|item| match item {
        Item::Change { bytes, reissued: false, .. } => gate::actor_of(bytes).ok(),
        _ => None,
    });
    let own: HashSet<&[u8]> = own.collect();
    text.actors.iter().filter(|actor| own.contains(&actor[..])).cloned().collect()
}

/// How far the logs of this device count, if it was removed.
fn cut_off<'a>(member: &'a Member, author: &DeviceId) -> Option<&'a CutOff> {
    let belongs = member.roster().device(author).is_some();
    member.roster().removed(author).filter(|_| !belongs).map(|removed| &removed.cut_off)
}

fn is_under_lost_key(member: &Member, bytes: &[u8]) -> bool {
    Header::read(bytes).is_ok_and(|header| member.is_lost(&header.key))
}

/// The number with which a file begins.
fn number_of(bytes: &[u8]) -> u64 {
    Header::read(bytes).map(|header| header.seq).unwrap_or_default()
}

/// Where a segment should lie that lies under the name of another.
fn misplaced(found: &Found, bytes: &[u8]) -> Option<ShortName> {
    let told = place_in_log(&found.name)?;
    let is = Name::of_segment(&Header::read(bytes).ok()?, bytes, 0);
    let is = (is.log_tag, is.from, is.hash);
    (is != told).then_some(is)
}

/// What the gate refuses is set aside change by change; here only what it lets pass is added up.
fn operations(text: &Plaintext) -> u64 {
    let changes = text.items.iter().filter_map(|item| match item {
        Item::Change { bytes, .. } => gate::check(bytes).ok(),
        _ => None,
    });
    changes.fold(0, u64::saturating_add)
}

/// What a photo must be, ours and others': a JPEG of at most 64 KiB.
pub(in crate::notebook) fn is_photo(bytes: &[u8]) -> bool {
    bytes.len() <= 64 * 1024 && bytes.starts_with(&[0xff, 0xd8, 0xff])
}

pub(super) fn rfc3339(unix_ms: u64) -> String {
    let at = i64::try_from(unix_ms).ok().and_then(chrono::DateTime::from_timestamp_millis);
    at.unwrap_or_default().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
