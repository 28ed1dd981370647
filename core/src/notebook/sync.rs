//! Bringing this notebook together with its other devices through a mailbox: one pass takes what is new there and puts
//! what is missing there. Repeating it does no harm.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::commit::ReceivedSegment;
use super::{Change, Notebook, Origin, lock};
use crate::document::gate;
use crate::error::{Error, Result};
use crate::model::RecordId;
use crate::store;
use crate::store::segments::{self, NewSegment, SegmentPlace, SegmentState};
use crate::sync::carrier::Mailbox;
use crate::sync::carrier::mailbox::{Item as Found, NOTE, is_ours};
use crate::sync::keys::{DeviceId, NotebookTag};
use crate::sync::keystore::KeyStore;
use crate::sync::member::{Learned, Member, Written};
use crate::sync::ranges::Ranges;
use crate::sync::roster::{Act, Cut, Entries, Entry};
use crate::sync::seal::{self, MAX_PARCEL};
use crate::sync::segment::{self, Header, Item, MAX_BUNDLE, MAX_SEGMENT, Name, Plaintext, READER, ROOM, Retired};
use crate::sync::{LogId, hex};

/// Records of one segment that are committed together, so that the lock is held for some 50 ms at most.
const SLICE: usize = 32;
/// Most files of the roster that are kept; what a notebook needs in a lifetime is far below.
const MAX_PARCELS: usize = 8192;
/// What the changes of one segment may add up to, in operations, of which a short change can claim many: what we seal
/// counts each as a byte at least.
const MAX_OPERATIONS: u64 = (ROOM + 64 * 1024) as u64;
/// What the notebook remembers of its own identity.
pub(super) const TAG: &str = "notebook_tag";
const LOG: &str = "log";

/// What a sync did.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct SyncReport {
    /// Files written into the mailbox, those it had lost included.
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
    /// Files that could not be taken: the name and why. They are tried again at every sync.
    pub set_aside: Vec<(String, String)>,
    /// Files sealed under a key that has not come yet.
    pub locked: u64,
    /// Segments kept back: their author belongs to nobody's list of devices yet.
    pub strangers: u64,
    /// Segments kept back: written after their author was removed.
    pub after_removal: u64,
    /// Segments only a newer version understands.
    pub newer: u64,
    /// This notebook was restored or copied and began a new log.
    pub new_log: bool,
    /// Devices that wrote two different segments under one number: there are two notebooks where there was one. Both
    /// were taken, and each of the two begins a log of its own once it hears of the other.
    pub twins: Vec<String>,
}

/// What is to be done with a segment that was found.
enum Verdict {
    /// It is here already.
    Known,
    /// It is new, and says this.
    New(Box<Plaintext>, SegmentPlace, SegmentState),
}

impl Notebook {
    /// Takes what is new in a mailbox and puts there what it lacks, of every device. A notebook that has no other device
    /// yet is founded by it.
    ///
    /// `progress` hears how many of how many files are done.
    ///
    /// # Errors
    /// [`Error::Peer`] when the mailbox belongs to another notebook, this device was removed, or the place cannot be
    /// used just now; [`Error::NotFound`] when there is no such place; [`Error::Storage`] when the disk refuses. What was
    /// done until then stays done.
    pub fn sync(
        &self,
        place: &dyn Mailbox,
        keys: &dyn KeyStore,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<SyncReport> {
        let found = place.list()?;
        let mut member = self.member_for(place, &found, keys)?;
        let mut report = SyncReport::default();
        self.take_roster(&mut member, place, &found, keys)?;
        self.tend_roster(&mut member, keys)?;
        self.receive_segments(&member, place, &found, &mut report, progress)?;
        self.reconsider(&member, &mut report)?;
        // After reading: a segment of our log that is not ours says that a copy of this notebook writes to it too.
        let log = self.log_of(&member, keys, &mut report)?;
        self.seal_segments(&member, log, keys, &mut report)?;
        self.put_missing(&member, place, &found, &mut report)?;
        Ok(report)
    }

    /// This device as a member of the notebook; none while the notebook has met no place and no other device.
    ///
    /// # Errors
    /// [`Error::Peer`] when the keys are gone: the notebook was restored or copied without them.
    pub fn member(&self, keys: &dyn KeyStore) -> Result<Option<Member>> {
        let entries = self.read(segments::entries)?;
        let mut entries = entries.iter().map(|bytes| Entry::read(bytes));
        let Some(first) = entries.next() else { return Ok(None) };
        let mut all = Entries::begin(first?)?;
        for entry in entries {
            all.insert(entry?)?;
        }
        if let Some(seen) = self.read(|connection| store::meta::<[u8; 32]>(connection, "recovery"))? {
            all.trust_recovery(crate::sync::keys::EntryHash(seen));
        }
        Member::load(keys, all)?.map(Some).ok_or_else(|| {
            Error::Peer(
                "this notebook was restored or copied without the keys of its device, so the others do not know it; \
                 invite it from another device, and join"
                    .into(),
            )
        })
    }

    /// The same for a place: a notebook that belongs to no roster founds its own there, if nobody else's is there.
    fn member_for(&self, place: &dyn Mailbox, found: &[Found], keys: &dyn KeyStore) -> Result<Member> {
        let theirs = tag_of(place, found)?;
        let member = match (self.member(keys)?, theirs) {
            (Some(member), Some(theirs)) if member.tag() != theirs => {
                return Err(Error::Peer(format!(
                    "{} belongs to another notebook; nothing was read or written. Choose another place",
                    place.words()
                )));
            }
            (Some(member), _) => member,
            (None, Some(_)) => {
                return Err(Error::Peer(format!(
                    "{} carries a notebook that this device has not joined; nothing was read or written. Invite it on a \
                     device that has the notebook, and join with the code",
                    place.words()
                )));
            }
            (None, None) => self.found(keys)?,
        };
        if theirs.is_none() {
            place.put_new(NOTE, note(&member.tag()).as_bytes())?;
        }
        Ok(member)
    }

    /// Begins a roster with this device as the first.
    pub(super) fn found(&self, keys: &dyn KeyStore) -> Result<Member> {
        let now = self.unix_ms();
        let (member, genesis) = self.with_random(|random| {
            let mut notebook = [0; 16];
            random(&mut notebook);
            Member::found(keys, &notebook, &self.device, now, random)
        })?;
        self.keep_roster(&member, &[genesis])?;
        Ok(member)
    }

    pub(super) fn unix_ms(&self) -> u64 {
        u64::try_from(self.now().timestamp_millis()).unwrap_or_default()
    }

    /// Keeps what was said about the roster, to be put wherever it is missing.
    pub(super) fn keep_roster(&self, member: &Member, written: &[Written]) -> Result<()> {
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        for Written { entry, parcel } in written {
            segments::put_entry(&transaction, entry.hash.0, entry.bytes())?;
            segments::put_parcel(&transaction, parcel_id(parcel), parcel)?;
        }
        self.keep_recovery(&transaction, member)?;
        store::set_meta(&transaction, TAG, member.tag().0)?;
        Ok(transaction.commit()?)
    }

    /// Remembers the first recovery key this device saw.
    fn keep_recovery(&self, connection: &rusqlite::Connection, member: &Member) -> Result<()> {
        let Some(recovery) = &member.roster().recovery else { return Ok(()) };
        match store::meta::<[u8; 32]>(connection, "recovery")? {
            Some(_) => Ok(()),
            None => store::set_meta(connection, "recovery", recovery.entry.0),
        }
    }

    /// Takes the files of the roster that are new in the mailbox.
    fn take_roster(
        &self,
        member: &mut Member,
        place: &dyn Mailbox,
        found: &[Found],
        keys: &dyn KeyStore,
    ) -> Result<()> {
        let kept = self.read(segments::parcels)?;
        let known: HashSet<String> = kept.iter().map(|(id, _)| hex(id)).collect();
        let mut fresh = roster_files(place, found, &member.tag(), &|name| known.contains(name))?;
        fresh.truncate(MAX_PARCELS.saturating_sub(kept.len()));
        if fresh.is_empty() { Ok(()) } else { self.learn(member, fresh, keys) }
    }

    /// Takes files of the roster in, with those that could not be opened before.
    pub(super) fn learn(&self, member: &mut Member, fresh: Vec<Vec<u8>>, keys: &dyn KeyStore) -> Result<()> {
        let kept = self.read(segments::parcels)?;
        let all: Vec<Vec<u8>> = kept.into_iter().map(|(_, bytes)| bytes).chain(fresh.iter().cloned()).collect();
        let Learned { entries, .. } = member.take(keys, &all)?;
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        for parcel in &fresh {
            segments::put_parcel(&transaction, parcel_id(parcel), parcel)?;
        }
        for entry in &entries {
            segments::put_entry(&transaction, entry.hash.0, entry.bytes())?;
        }
        self.keep_recovery(&transaction, member)?;
        Ok(transaction.commit()?)
    }

    /// What every member sees to: how far it knew a removed device, an epoch to write under, keys for those without.
    pub(super) fn tend_roster(&self, member: &mut Member, keys: &dyn KeyStore) -> Result<()> {
        let me = member.device();
        if let Some(removed) = member.roster().removed(&me) {
            let by = removed.revokes.iter().filter_map(|revoke| member.entries().get(revoke)).map(|entry| entry.author);
            let names: Vec<String> =
                by.filter_map(|author| Some(member.roster().device(&author)?.name.clone())).collect();
            return Err(Error::Peer(format!(
                "this device was removed from the notebook{}; it keeps what it has, and nothing more is exchanged",
                if names.is_empty() { String::new() } else { format!(" by {}", names.join(", ")) }
            )));
        }
        if member.roster().device(&me).is_none() {
            return Err(Error::Peer(
                "the device that let this one in was removed at the same time; let another device invite it anew"
                    .into(),
            ));
        }
        let mut written = Vec::new();
        for (revoke, device) in member.unheld() {
            let (cuts, now) = (self.cuts(&device)?, self.unix_ms());
            written.push(self.with_random(|random| member.say(Act::Held { revoke, cuts }, now, random))?);
        }
        if member.write_epoch().is_none() {
            let now = self.unix_ms();
            written.push(self.with_random(|random| member.rotate(keys, now, random))?);
        }
        self.keep_roster(member, &written)?;
        self.hand_on_keys(member)
    }

    /// Seals the keys held here to every device that this one has not given them to.
    fn hand_on_keys(&self, member: &Member) -> Result<()> {
        for (device, epochs) in member.others() {
            let bag = self.with_random(|random| member.bag_for(device, random));
            let mut writer = lock(&self.writer);
            let transaction = store::begin(&mut writer.connection)?;
            let mut lacks = false;
            for epoch in epochs {
                lacks |= segments::give(&transaction, epoch.0, device.public.device.0)?;
            }
            if lacks {
                // A key that is none cannot be sealed to; such a device reads nothing, and harms nobody.
                if let Ok(bag) = bag {
                    segments::put_parcel(&transaction, parcel_id(&bag), &bag)?;
                }
                transaction.commit()?;
            }
        }
        Ok(())
    }

    /// How far the logs of a device are known here.
    pub(super) fn cuts(&self, device: &DeviceId) -> Result<Vec<Cut>> {
        self.read(|connection| {
            let mut cuts = Vec::new();
            for log in segments::logs_of(connection, device.0)? {
                let there = segments::of_log(connection, log)?;
                let ranges: Ranges = there.iter().map(|segment| segment.seq).collect();
                cuts.extend(there.last().map(|last| Cut { log, ranges, hash: last.hash }));
            }
            Ok(cuts)
        })
    }

    fn receive_segments(
        &self,
        member: &Member,
        place: &dyn Mailbox,
        found: &[Found],
        report: &mut SyncReport,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        let known = self.known_names()?;
        let is_new = |found: &&Found| match place_in_log(&found.name) {
            Some(name) => !known.contains(&name),
            None => found.name.contains(".kiths") || found.name.contains(".kithb"),
        };
        let fresh: Vec<&Found> = found.iter().filter(is_new).collect();
        let total = fresh.len() as u64;
        for (at, found) in fresh.into_iter().enumerate() {
            progress(at as u64, total);
            let bytes = match place.get(&found.name, MAX_BUNDLE as u64) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(Error::Unreadable(why)) => {
                    report.set_aside.push((found.name.clone(), why));
                    continue;
                }
                Err(error) => return Err(error),
            };
            for part in segment::split(&bytes) {
                match part.and_then(|part| self.weigh(member, part).map(|verdict| (part, verdict))) {
                    Ok((_, Verdict::Known)) => {}
                    Ok((part, Verdict::New(text, at, state))) => {
                        self.take_segment(member, *text, &at, state, part, report)?
                    }
                    Err(Error::NotFound(_)) => report.locked += 1,
                    Err(error @ (Error::Peer(_) | Error::NeedsUpdate(_))) => {
                        report.set_aside.push((found.name.clone(), error.to_string()));
                        self.complain(member, place, found, &bytes);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        progress(total, total);
        Ok(())
    }

    /// A file that is all there and yet was damaged is taken away, so that whoever has the segment puts it there again.
    /// Only what ours would be sealed under is touched, and a failure to do so is no matter.
    fn complain(&self, member: &Member, place: &dyn Mailbox, found: &Found, bytes: &[u8]) {
        let Ok(header) = Header::read(bytes) else { return };
        let is_whole = header.len() == bytes.len() && header.notebook == member.tag();
        let is_named = Name::parse(&found.name).is_some_and(|name| name.to == None && name.from == header.seq);
        if is_whole && is_named && member.epoch(&header.key).is_some() {
            let _ = place.delete(&found.name);
        }
    }

    /// The log, number and hash of every segment that is here, as names in a mailbox have them.
    fn known_names(&self) -> Result<HashSet<([u8; 16], u64, [u8; 4])>> {
        let heads = self.read(segments::heads)?;
        Ok(heads.iter().filter_map(|head| Some(name_of(head)?.0)).collect())
    }

    /// Opens a segment and decides what is to become of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when its key is not held; [`Error::Peer`] when it is not what it says.
    fn weigh(&self, member: &Member, bytes: &[u8]) -> Result<Verdict> {
        let header = Header::read(bytes)?;
        if header.notebook != member.tag() {
            return Err(Error::Peer("it belongs to another notebook".into()));
        }
        let epoch = member.epoch(&header.key).ok_or_else(|| Error::NotFound("the key of a segment".into()))?;
        let opened = segment::open(bytes, &epoch)?;
        let author = opened.author();
        let text = opened.verify(&author)?;
        let at = SegmentPlace { log: text.log, seq: header.seq, hash: segment::hash(bytes), prev: text.prev };
        let (known, owner) = self.read(|connection| {
            Ok((segments::hashes(connection, at.log, at.seq)?, segments::owner(connection, at.log)?))
        })?;
        if known.contains(&at.hash) {
            return Ok(Verdict::Known);
        }
        if owner.is_some_and(|owner| owner != author.0) {
            return Err(Error::Peer("it continues the log of another device".into()));
        }
        if operations(&text) > MAX_OPERATIONS {
            return Err(Error::Peer("it holds more than any segment of ours".into()));
        }
        let state = if text.needs_update() { SegmentState::Newer } else { self.state_of(member, &author, &at)? };
        Ok(Verdict::New(Box::new(text), at, state))
    }

    /// Whether a segment of this author counts, by the roster as it is now.
    fn state_of(&self, member: &Member, author: &DeviceId, at: &SegmentPlace) -> Result<SegmentState> {
        if member.roster().device(author).is_some() {
            return Ok(SegmentState::Taken);
        }
        let Some(removed) = member.roster().removed(author) else { return Ok(SegmentState::Stranger) };
        if !removed.cut_off.contains(&at.log, at.seq) {
            return Ok(SegmentState::AfterRemoval);
        }
        let mut of_log = self.read(|connection| segments::of_log(connection, at.log))?;
        of_log.push(at.clone());
        let admitted = before_pins(&of_log, &removed.cut_off.pins);
        Ok(if admitted.contains(&at.hash) { SegmentState::Taken } else { SegmentState::AfterRemoval })
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
        let name = member.roster().device(&text.device).map(|device| device.name.clone());
        let name = name.or_else(|| member.roster().removed(&text.device)?.name.clone()).unwrap_or_default();
        let known = self.read(|connection| segments::hashes(connection, at.log, at.seq))?;
        if known.iter().any(|known| *known != at.hash) {
            report.twins.push(name.clone());
        }
        report.read += 1;
        match state {
            SegmentState::Taken => {}
            SegmentState::Stranger => report.strangers += 1,
            SegmentState::AfterRemoval => report.after_removal += 1,
            SegmentState::Newer => report.newer += 1,
        }
        let mark = ReceivedSegment {
            place: at.clone(),
            state,
            bytes: bytes.to_vec(),
            author: text.device.0,
            device: name,
            made_at: rfc3339(text.made_at_unix_ms),
            actors: if state == SegmentState::Taken { text.actors.clone() } else { Vec::new() },
        };
        if state != SegmentState::Taken {
            return self.commit(Change { segment: Some(mark), ..Change::default() }, Origin::Peer).map(drop);
        }
        self.take_items(text, mark, report)
    }

    fn take_items(&self, text: Plaintext, mark: ReceivedSegment, report: &mut SyncReport) -> Result<()> {
        let (mut records, mut blobs): (BTreeMap<RecordId, Vec<Vec<u8>>>, Vec<Vec<u8>>) = Default::default();
        let declared: BTreeSet<&[u8]> = text.actors.iter().map(Vec::as_slice).collect();
        for item in text.items {
            match item {
                Item::Change { record, bytes, reissued, .. } => {
                    if reissued || self.may_write(&bytes, &declared, mark.author)? {
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
                // The mark comes with the last slice: a kill in between means that the segment is read again.
                segment: last.then(|| mark.clone()),
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

    /// Whether a device may say this without saying that somebody else wrote it: its segment names the actor, and the
    /// actor is not known to be another device's. What the gate refuses is for the gate to refuse.
    fn may_write(&self, change: &[u8], declared: &BTreeSet<&[u8]>, author: [u8; 32]) -> Result<bool> {
        let Ok(actor) = gate::actor_of(change) else { return Ok(true) };
        let of = self.read(|connection| {
            let log = store::log_of_actor(connection, actor)?;
            log.map_or(Ok(None), |log| segments::owner(connection, log))
        })?;
        Ok(declared.contains(actor) && of.is_none_or(|of| of == author))
    }

    /// Looks again at what was kept back: the roster may say otherwise now.
    fn reconsider(&self, member: &Member, report: &mut SyncReport) -> Result<()> {
        // Taking one may let the next one in: a chain is walked from its end.
        loop {
            let mut took = false;
            for (at, bytes) in self.read(segments::not_taken)? {
                let Some(epoch) = Header::read(&bytes).ok().and_then(|header| member.epoch(&header.key)) else {
                    continue;
                };
                let opened = segment::open(&bytes, &epoch)?;
                let author = opened.author();
                let text = opened.verify(&author)?;
                if text.needs_update() || self.state_of(member, &author, &at)? != SegmentState::Taken {
                    continue;
                }
                self.take_segment(member, text, &at, SegmentState::Taken, &bytes, report)?;
                took = true;
            }
            if !took {
                break;
            }
        }
        report.waiting = self.read(store::count_waiting)?;
        report.strangers = self.read(|connection| segments::count(connection, SegmentState::Stranger))?;
        report.after_removal = self.read(|connection| segments::count(connection, SegmentState::AfterRemoval))?;
        report.newer = self.read(|connection| segments::count(connection, SegmentState::Newer))?;
        Ok(())
    }

    /// Our log; a new one when this notebook never had one, was restored or was copied. What was handed out of a log is
    /// remembered outside the notebook: when the two disagree, one of them is not what it was.
    fn log_of(&self, member: &Member, keys: &dyn KeyStore, report: &mut SyncReport) -> Result<LogId> {
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        let log: Option<LogId> = store::meta(&transaction, LOG)?;
        if let Some(log) = log {
            let last = segments::last(&transaction, log)?;
            let written = last.as_ref().map_or(0, |last| last.seq);
            let is_ours = segments::owner(&transaction, log)?.is_none_or(|owner| owner == member.device().0);
            if is_ours && keys.highest(log)? == Some(written) && !segments::is_forked(&transaction, log)? {
                return Ok(log);
            }
            report.new_log = true;
            if let Some(last) = last.filter(|_| is_ours) {
                let retired = [&log[..], &last.seq.to_be_bytes(), &last.hash].concat();
                store::set_meta(&transaction, "retired", retired)?;
            }
        }
        let log = self.with_random(|random| {
            let mut log = [0; 16];
            random(&mut log);
            log
        });
        keys.raise(log, 0)?;
        store::set_meta(&transaction, LOG, log)?;
        segments::set_owner(&transaction, log, member.device().0)?;
        transaction.commit()?;
        Ok(log)
    }

    /// Moves the outbox into segments of our log.
    fn seal_segments(&self, member: &Member, log: LogId, keys: &dyn KeyStore, report: &mut SyncReport) -> Result<()> {
        let epoch = member.write_epoch().ok_or_else(|| Error::Peer("there is no key to write under".into()))?;
        loop {
            let mut writer = lock(&self.writer);
            let transaction = store::begin(&mut writer.connection)?;
            let Some((items, actors, sealed)) = self.next_items(&transaction)? else { return Ok(()) };
            let last = segments::last(&transaction, log)?;
            let seq = last.as_ref().map_or(1, |last| last.seq + 1);
            let retired: Option<Vec<u8>> = store::meta(&transaction, "retired")?;
            let text = Plaintext {
                min_reader: READER,
                device: member.device(),
                log,
                prev: last.map(|last| last.hash).unwrap_or_default(),
                actors,
                retires: retired.filter(|_| seq == 1).as_deref().and_then(read_retired),
                made_at_unix_ms: self.unix_ms(),
                app_version: env!("CARGO_PKG_VERSION").into(),
                items,
                ..Plaintext::default()
            };
            let bytes =
                self.with_random(|random| segment::seal(&text, &epoch, member.keys().signing_key(), seq, random))?;
            let at = SegmentPlace { log, seq, hash: segment::hash(&bytes), prev: text.prev };
            segments::put(&transaction, &NewSegment { place: &at, state: SegmentState::Taken, bytes: &bytes })?;
            store::clear_outgoing(&transaction, &sealed.chunks)?;
            for blob in &sealed.blobs {
                store::clear_outgoing_blob(&transaction, blob)?;
            }
            // Before the segment is there: a number that was remembered and not used costs a new log, the other way
            // round the number could be used twice.
            keys.raise(log, seq)?;
            transaction.commit()?;
            report.sent += sealed.chunks.len() as u64;
        }
    }

    /// As much of the outbox as fits in one segment.
    fn next_items(&self, connection: &rusqlite::Connection) -> Result<Option<(Vec<Item>, Vec<Vec<u8>>, Sealed)>> {
        let own: HashSet<Vec<u8>> = store::own_actors(connection)?.into_iter().collect();
        let (mut items, mut sealed, mut room) = (Vec::new(), Sealed::default(), ROOM);
        let mut actors: BTreeSet<Vec<u8>> = BTreeSet::new();
        for out in store::outgoing(connection, ROOM)? {
            let actor = gate::actor_of(&out.change.bytes).map(<[u8]>::to_vec).unwrap_or_default();
            let reissued = !own.contains(&actor);
            let item = Item::Change { record: out.id, bytes: out.change.bytes, reissued, unknown: BTreeMap::new() };
            if item.size() > room || items.len() >= segment::MAX_ITEMS || actors.len() >= segment::MAX_ACTORS {
                break;
            }
            room -= item.size();
            items.push(item);
            sealed.chunks.push(out.chunk);
            if !reissued {
                actors.insert(actor);
            }
        }
        for (id, bytes) in store::outgoing_blobs(connection, room)? {
            let item = Item::Blob { bytes, unknown: BTreeMap::new() };
            if item.size() > room || items.len() >= segment::MAX_ITEMS {
                break;
            }
            room -= item.size();
            items.push(item);
            sealed.blobs.push(id);
        }
        Ok((!items.is_empty()).then(|| (items, actors.into_iter().collect(), sealed)))
    }

    /// Puts into the mailbox whatever it lacks of what is here: segments of every device, and the roster.
    fn put_missing(
        &self,
        member: &Member,
        place: &dyn Mailbox,
        found: &[Found],
        report: &mut SyncReport,
    ) -> Result<()> {
        // Names that are there, and a copy of each that is as large as it should be.
        let mut there: HashMap<([u8; 16], u64, [u8; 4]), Vec<(&Found, u32)>> = HashMap::new();
        let mut bundled: Vec<Name> = Vec::new();
        for found in found {
            match Name::parse(&found.name) {
                Some(name) if name.to.is_some() => bundled.push(name),
                Some(name) => there.entry((name.log_tag, name.from, name.hash)).or_default().push((found, name.copy)),
                None => {}
            }
        }
        for (id, parcel) in self.read(segments::parcels)? {
            let name = format!("r/{}.kithr", hex(&id));
            let is_there = |found: &Found| found.name == name && found.bytes == parcel.len() as u64;
            if !found.iter().any(is_there) {
                put(place, &name, &parcel)?;
                report.written += 1;
            }
        }
        for head in self.read(segments::heads)? {
            let Some((key, length)) = name_of(&head) else { continue };
            let copies = there.get(&key).map(Vec::as_slice).unwrap_or_default();
            let is_bundled = |name: &Name| name.log_tag == key.0 && (name.from..=name.to.unwrap_or(0)).contains(&key.1);
            if copies.iter().any(|(copy, _)| copy.bytes == length) || bundled.iter().any(is_bundled) {
                continue;
            }
            let Some(bytes) = self.read(|connection| segments::bytes(connection, head.n))? else { continue };
            let copy = copies.iter().map(|(_, copy)| copy + 1).max().unwrap_or(0);
            put(place, &Name { copy, ..Name::of_segment(&Header::read(&bytes)?, &bytes, 0) }.to_string(), &bytes)?;
            report.written += 1;
            // The damaged ones, now that a whole one is there.
            copies.iter().for_each(|(damaged, _)| drop(place.delete(&damaged.name)));
        }
        debug_assert!(member.write_epoch().is_some());
        Ok(())
    }
}

/// The files of this notebook's roster that lie in a mailbox, but for those whose names are known.
pub(super) fn roster_files(
    place: &dyn Mailbox,
    found: &[Found],
    tag: &NotebookTag,
    is_known: &dyn Fn(&str) -> bool,
) -> Result<Vec<Vec<u8>>> {
    let is_new = |found: &&Found| {
        let name = found.name.rsplit('/').next().unwrap_or_default();
        name.contains(".kithr") && !is_known(name.get(..32).unwrap_or_default())
    };
    let mut files: Vec<Vec<u8>> = Vec::new();
    for found in found.iter().filter(is_new).take(MAX_PARCELS) {
        let bytes = optional(place.get(&found.name, MAX_PARCEL as u64))?.flatten().unwrap_or_default();
        let says = found.name.rsplit('/').next().unwrap_or_default();
        if !says.starts_with(&hex(&parcel_id(&bytes))) {
            // Damaged, or not whole yet: whoever has it puts it there again.
            if bytes.len() as u64 == found.bytes && is_ours(&found.name) {
                let _ = place.delete(&found.name);
            }
        } else if seal::parcel(&bytes, tag).is_ok() {
            files.push(bytes);
        }
    }
    Ok(files)
}

/// What a segment was made of.
#[derive(Default)]
struct Sealed {
    chunks: Vec<i64>,
    blobs: Vec<String>,
}

/// A folder may have something else under a name that was cut short or swapped: then the next copy gets it.
fn put(place: &dyn Mailbox, name: &str, bytes: &[u8]) -> Result<()> {
    match place.put_new(name, bytes) {
        Err(Error::Unreadable(_)) => match place.delete(name) {
            Ok(()) => place.put_new(name, bytes),
            error => error,
        },
        done => done,
    }
}

/// What cannot be read now is left out; a place that fails is an error.
fn optional<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(Error::Unreadable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn place_in_log(name: &str) -> Option<([u8; 16], u64, [u8; 4])> {
    let name = Name::parse(name).filter(|name| name.to.is_none())?;
    Some((name.log_tag, name.from, name.hash))
}

/// A segment's log, number and hash as its name has them, and its length.
fn name_of(head: &segments::SegmentHead) -> Option<(([u8; 16], u64, [u8; 4]), u64)> {
    let header = Header::read(&head.head).ok()?;
    let [a, b, c, d, ..] = head.hash;
    Some(((header.log_tag, header.seq, [a, b, c, d]), header.len() as u64))
}

/// Segments of a log that are pinned, or come before one that is, each found by the `prev` of the next.
fn before_pins(of_log: &[SegmentPlace], pins: &BTreeSet<(LogId, u64, [u8; 32])>) -> HashSet<[u8; 32]> {
    let by_hash: HashMap<[u8; 32], &SegmentPlace> = of_log.iter().map(|segment| (segment.hash, segment)).collect();
    let mut admitted = HashSet::new();
    for (log, _, hash) in pins {
        let mut next = by_hash.get(hash).filter(|segment| segment.log == *log);
        while let Some(segment) = next.filter(|segment| admitted.insert(segment.hash)) {
            next = by_hash.get(&segment.prev).filter(|before| before.seq + 1 == segment.seq);
        }
    }
    admitted
}

/// The name of a file of the roster: the beginning of its hash.
pub(super) fn parcel_id(parcel: &[u8]) -> [u8; 16] {
    let hash = blake3::hash(parcel);
    std::array::from_fn(|at| hash.as_bytes()[at])
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
pub(super) fn is_photo(bytes: &[u8]) -> bool {
    bytes.len() <= 64 * 1024 && bytes.starts_with(&[0xff, 0xd8, 0xff])
}

fn read_retired(bytes: &[u8]) -> Option<Retired> {
    let (log, rest) = bytes.split_first_chunk::<16>()?;
    let (last, hash) = rest.split_first_chunk::<8>()?;
    Some(Retired { log: *log, last: u64::from_be_bytes(*last), hash: hash.try_into().ok()? })
}

fn rfc3339(unix_ms: u64) -> String {
    let at = i64::try_from(unix_ms).ok().and_then(chrono::DateTime::from_timestamp_millis);
    at.unwrap_or_default().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Which notebook a mailbox is for: by its note, or else by any file that says so.
pub(super) fn tag_of(place: &dyn Mailbox, found: &[Found]) -> Result<Option<NotebookTag>> {
    let note = optional(place.get(NOTE, 4096))?.flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&note);
    let told = text.lines().find_map(|line| line.strip_prefix("notebook ")?.trim().parse::<RecordId>().ok());
    if let Some(told) = told {
        return Ok(Some(NotebookTag(told.0)));
    }
    for found in found.iter().filter(|found| found.name.ends_with(".kiths")).take(8) {
        let bytes = optional(place.get(&found.name, MAX_SEGMENT as u64))?.flatten().unwrap_or_default();
        if let Ok(header) = Header::read(&bytes) {
            return Ok(Some(header.notebook));
        }
    }
    Ok(None)
}

fn note(tag: &NotebookTag) -> String {
    format!(
        "Kith keeps a notebook's devices together in this folder. Everything in it is sealed: without a key of the\n\
         notebook nobody can read it. Files are written once and never changed.\n\
         You may delete all of it; each device puts back what the others need.\n\nformat 1\nnotebook {}\n",
        hex(&tag.0)
    )
}
