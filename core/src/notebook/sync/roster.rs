//! Who belongs to the notebook, as far as a mailbox tells and this device has a say in it.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::shelf::{parcel_name, put};
use super::{TAG, optional};
use crate::error::{Error, Result};
use crate::notebook::{Notebook, lock};
use crate::store;
use crate::store::segments::{self, SegmentPlace};
use crate::sync::carrier::Mailbox;
use crate::sync::carrier::mailbox::{Item as Found, MAX_ITEMS, is_ours};
use crate::sync::hex;
use crate::sync::keys::{DeviceId, EntryHash, KeyBag, KeyId, NotebookTag};
use crate::sync::keystore::KeyStore;
use crate::sync::member::{self, Learned, Member, Written};
use crate::sync::ranges::Ranges;
use crate::sync::roster::{Act, Cut, MAX_ENTRIES};
use crate::sync::seal::{self, MAX_PARCEL};
use crate::sync::session::{self, ParcelId, parcel_id};

/// Most files of the roster that are kept; what a notebook needs in a lifetime is far below.
const MAX_PARCELS: usize = session::MAX_PARCELS;
/// Most of them in which nothing new can be read here: keys for others, entries under keys that are not here, or told once
/// more. Anybody can make such files who sees one.
const MAX_LOOSE: usize = MAX_PARCELS - MAX_ENTRIES;
/// Most bytes of all files of the roster for one of those to be kept, or that one pass takes from a mailbox.
const MAX_PARCEL_BYTES: usize = 32 * 1024 * 1024;

/// Under which name the notebook remembers with which keys it looked at the files of the roster.
const LOOKED_WITH: &str = "looked_with";
/// Under which name the notebook remembers which version passed files of the roster over: another one may read them.
const PASSED_OVER_BY: &str = "passed_over_by";

impl Notebook {
    /// Begins a roster with this device as the first.
    pub(in crate::notebook) fn found(&self, keys: &dyn KeyStore) -> Result<Member> {
        let now = self.unix_ms();
        let (member, genesis) = self.with_random(|random| Member::found(keys, &self.device, now, random))?;
        self.keep_roster(&member, &[genesis])?;
        Ok(member)
    }

    /// Keeps what was said about the roster, to be put wherever it is missing.
    pub(in crate::notebook) fn keep_roster(&self, member: &Member, written: &[Written]) -> Result<()> {
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        for Written { entry, parcel } in written {
            segments::put_entry(&transaction, entry.hash.0, entry.bytes())?;
            segments::put_parcel(&transaction, parcel_id(parcel), parcel)?;
        }
        if let Some(recovery) = &member.roster().recovery {
            // The first that this device sees stays the one it trusts.
            store::set_meta_once(&transaction, "recovery", recovery.entry.0)?;
        }
        store::set_meta(&transaction, TAG, member.tag().0)?;
        Ok(transaction.commit()?)
    }

    /// Takes the files of the roster that are new in the mailbox.
    pub(super) fn take_roster(
        &self,
        member: &mut Member,
        place: &dyn Mailbox,
        found: &[Found],
        keys: &dyn KeyStore,
    ) -> Result<()> {
        self.pass_over_as_this_version()?;
        let known: HashSet<String> = self.read(|connection| {
            let kept = segments::parcels(connection)?.into_iter().map(|(id, _)| id);
            Ok(kept.chain(segments::passed_over(connection)?).map(|id| hex(&id)).collect())
        })?;
        let fresh = self.fresh_files(member, place, found, &known)?;
        // A key store that is older or newer than the notebook has to look again at what has long been here.
        if (fresh.is_empty() && member.lacks_newest_key()) || self.looked_with()? != Some(held(member)) {
            self.take_kept(member, keys)?;
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let (names, files): (Vec<String>, Vec<Vec<u8>>) = fresh.into_iter().unzip();
        self.learn(member, files.clone(), keys)?;
        let mut spent = names.iter().zip(&files).filter(|(_, file)| member.is_spent(file));
        spent.try_for_each(|(name, _)| self.take_away(member, place, name))
    }

    /// The files of the roster that are not known yet, as many as one pass reads. What lies there under a right name and is
    /// nothing of ours is passed over from then on.
    fn fresh_files(
        &self,
        member: &Member,
        place: &dyn Mailbox,
        found: &[Found],
        known: &HashSet<String>,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        let is_new = |found: &&Found| is_of_roster(found) && !known.contains(stem(found).get(..32).unwrap_or_default());
        let mut new: Vec<&Found> = found.iter().filter(is_new).collect();
        if new.len() > MAX_PARCEL_BYTES / MAX_PARCEL {
            // Some may be what cannot be passed over: they are not to be in the way at every pass. What is listed as small
            // may be large.
            let mut at = [0; 4];
            self.with_random(|random| random(&mut at));
            let at = u32::from_le_bytes(at) as usize % new.len();
            new.rotate_left(at);
        }
        let files = roster_files(place, new, &member.tag())?;
        if !files.junk.is_empty() {
            let mut writer = lock(&self.writer);
            let transaction = store::begin(&mut writer.connection)?;
            segments::pass_over_at_most(&transaction, MAX_ITEMS)?;
            files.junk.iter().try_for_each(|id| segments::pass_over(&transaction, *id))?;
            transaction.commit()?;
        }
        Ok(files.ours)
    }

    /// What another version passed over is looked at again: this one may be newer.
    pub(super) fn pass_over_as_this_version(&self) -> Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        let by: Option<String> = self.read(|connection| store::meta(connection, PASSED_OVER_BY))?;
        if by.as_deref() == Some(version) {
            return Ok(());
        }
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        segments::pass_over_none(&transaction)?;
        store::set_meta(&transaction, PASSED_OVER_BY, version.to_owned())?;
        Ok(transaction.commit()?)
    }

    /// With which keys all files of the roster that are here were looked at.
    fn looked_with(&self) -> Result<Option<[u8; 32]>> {
        self.read(|connection| store::meta(connection, LOOKED_WITH))
    }

    /// Looks again at all files of the roster that are here.
    pub(super) fn take_kept(&self, member: &mut Member, keys: &dyn KeyStore) -> Result<()> {
        let kept: Vec<Vec<u8>> = self.read(segments::parcels)?.into_iter().map(|(_, bytes)| bytes).collect();
        let learned = member.take(keys, &kept)?;
        if learned.keys || !learned.entries.is_empty() {
            segments::pass_over_none(&lock(&self.writer).connection)?;
        }
        self.keep_learned(member, &[], &learned)?;
        store::set_meta(&lock(&self.writer).connection, LOOKED_WITH, held(member))
    }

    /// Takes files of the roster in, with those that could not be opened before.
    pub(in crate::notebook) fn learn(
        &self,
        member: &mut Member,
        fresh: Vec<Vec<u8>>,
        keys: &dyn KeyStore,
    ) -> Result<()> {
        let mut learned = member.take(keys, &fresh)?;
        if learned.keys || learned.waits || !learned.entries.is_empty() {
            // A file that said nothing may say something now: what it says may be what the others build on.
            segments::pass_over_none(&lock(&self.writer).connection)?;
            let kept = self.read(segments::parcels)?;
            let all: Vec<Vec<u8>> = kept.into_iter().map(|(_, bytes)| bytes).chain(fresh.iter().cloned()).collect();
            let again = member.take_again(keys, &all)?;
            learned.entries.extend(again.entries);
            learned.waits = again.waits;
        }
        self.keep_learned(member, &fresh, &learned)
    }

    fn keep_learned(&self, member: &Member, fresh: &[Vec<u8>], learned: &Learned) -> Result<()> {
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        segments::pass_over_at_most(&transaction, MAX_ITEMS)?;
        let kept = segments::parcels(&transaction)?;
        let mut bytes: usize = kept.iter().map(|(_, parcel)| parcel.len()).sum();
        let mut loose = kept.len().saturating_sub(member.entries().len());
        let mut new: HashSet<EntryHash> = learned.entries.iter().map(|entry| entry.hash).collect();
        for parcel in fresh.iter().filter(|parcel| !member.is_spent(parcel)) {
            let is_new = member.entry_in(parcel).is_some_and(|entry| new.remove(&entry.hash));
            if !is_new && (loose >= MAX_LOOSE || bytes + parcel.len() > MAX_PARCEL_BYTES) {
                // What waits is looked at together with what it waits for.
                if !learned.waits {
                    segments::pass_over(&transaction, parcel_id(parcel))?;
                }
                continue;
            }
            loose += usize::from(!is_new);
            bytes += parcel.len();
            segments::put_parcel(&transaction, parcel_id(parcel), parcel)?;
        }
        for entry in &learned.entries {
            segments::put_entry(&transaction, entry.hash.0, entry.bytes())?;
        }
        if let Some(recovery) = &member.roster().recovery {
            // The first that this device sees stays the one it trusts.
            store::set_meta_once(&transaction, "recovery", recovery.entry.0)?;
        }
        Ok(transaction.commit()?)
    }

    /// What every member sees to: how far it knew a removed device, an epoch to write under, keys for those without.
    pub(in crate::notebook) fn tend_roster(&self, member: &mut Member, keys: &dyn KeyStore) -> Result<()> {
        let me = member.device();
        if let Some(removed) = member.roster().removed(&me) {
            let by = removed.revokes.iter().filter_map(|revoke| member.entries().get(revoke)).map(|entry| entry.author);
            let names: Vec<String> =
                by.filter_map(|author| Some(member.roster().device(&author)?.name.clone())).collect();
            self.removal_was_read(&names.join(", "))?;
            return Err(Error::Removed(format!(
                "this device was removed from the notebook{}; it keeps what it has, and nothing more is exchanged",
                if names.is_empty() { String::new() } else { format!(" by {}", names.join(", ")) }
            )));
        }
        if member.roster().device(&me).is_none() {
            return Err(Error::Removed(
                "the device that let this one in was removed at the same time; let another device invite it anew"
                    .into(),
            ));
        }
        let (mut written, now) = (Vec::new(), self.unix_ms());
        for (revoke, device) in member.unheld() {
            let cuts = self.cuts(&device)?;
            written.extend(
                self.with_random(|random| member.say_if_there_is_room(Act::Held { revoke, cuts }, now, random)),
            );
        }
        if member.write_epoch().is_none() {
            match self.with_random(|random| member.rotate(keys, now, random)) {
                Ok(rotated) => written.push(rotated),
                // There is no room in the list for it: what others wrote can be read all the same.
                Err(Error::Peer(_)) => {}
                Err(error) => return Err(error),
            }
        }
        written.extend(self.say_purges(member)?);
        self.keep_roster(member, &written)?;
        self.remember_roster(member, keys)?;
        self.hand_on_keys(member)
    }

    /// Seals keys held here to every device that may read them, and to the recovery key, if this one has not given them to
    /// it. Bags that a renewal made useless go before that.
    pub(super) fn hand_on_keys(&self, member: &Member) -> Result<()> {
        self.drop_spent_bags(member)?;
        let Some(under) = member.sealed_under() else { return Ok(()) };
        let live = self.live_keys(member)?;
        let bags =
            member.others(&live).into_iter().map(|reader| (reader.hpke, member.key_bag_of(&reader.epochs, &live)));
        let of_roster = member.readers_of_the_roster().into_iter();
        let of_roster = of_roster.map(|reader| (reader.hpke, member.entry_keys_of(&reader.epochs)));
        for (hpke, keys) in bags.chain(of_roster) {
            let mut writer = lock(&self.writer);
            let transaction = store::begin(&mut writer.connection)?;
            if segments::give(&transaction, &epochs_of(&keys), hpke)? {
                for part in keys.parts() {
                    let bag = self.with_random(|random| part.seal(&hpke, (&member.tag(), under), random));
                    // A key that is none cannot be sealed to; such a device reads nothing, and harms nobody.
                    if let Ok(bag) = bag {
                        segments::put_parcel(&transaction, parcel_id(&bag), &bag)?;
                    }
                }
                transaction.commit()?;
            }
        }
        Ok(())
    }

    /// What a removed device does last: it hands on keys as before, and puts them here, once, and nothing else.
    pub(super) fn put_last_bags(&self, member: &Member, place: &dyn Mailbox) -> Result<()> {
        let before: HashSet<[u8; 16]> = self.read(segments::parcels)?.into_iter().map(|(id, _)| id).collect();
        self.hand_on_keys(member)?;
        let fresh = self.read(segments::parcels)?.into_iter().filter(|(id, _)| !before.contains(id));
        fresh.into_iter().try_for_each(|(id, bag)| put(place, &parcel_name(&id), &bag))
    }

    /// Bags are told apart by the epoch they were sealed in alone, so that all devices drop the same ones.
    fn drop_spent_bags(&self, member: &Member) -> Result<()> {
        if member.roster().superseded.is_empty() {
            return Ok(());
        }
        let spent: Vec<_> = self
            .read(segments::parcels)?
            .into_iter()
            .filter(|(_, parcel)| member.is_spent(parcel))
            .map(|(id, _)| id)
            .collect();
        if spent.is_empty() {
            return Ok(());
        }
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        segments::drop_parcels(&transaction, &spent)?;
        Ok(transaction.commit()?)
    }

    /// The epochs whose roots cannot be forgotten: something that is whole here is sealed under them. It is looked at only
    /// once a renewal has left any behind.
    pub(in crate::notebook) fn live_keys(&self, member: &Member) -> Result<BTreeSet<KeyId>> {
        if member.roster().superseded.is_empty() {
            return Ok(BTreeSet::new());
        }
        Ok(self.read(segments::live_keys)?.into_iter().map(KeyId).collect())
    }

    /// How far the logs of a device are known here: what was taken of them, with a pin for the end of every chain. Where
    /// a log forks, or lacks a segment, it has several.
    pub(in crate::notebook) fn cuts(&self, device: &DeviceId) -> Result<Vec<Cut>> {
        self.read(|connection| {
            let mut cuts = Vec::new();
            for log in segments::logs_of(connection, device.0)? {
                cuts.extend(chains(&segments::taken_of_log(connection, log)?));
            }
            // All of them are of one device.
            Ok(Cut::that_fit(cuts, |_| 0))
        })
    }
}

/// The epochs of these keys, to be remembered as given: whether it is the root, and which.
pub(in crate::notebook) fn epochs_of(keys: &KeyBag) -> Vec<(bool, [u8; 32])> {
    let roots = keys.keys.iter().map(|(epoch, _)| (true, epoch.0));
    roots.chain(keys.entry_keys.iter().map(|(epoch, _)| (false, epoch.0))).collect()
}

/// The chains of a log, each from its end back as far as every segment follows one that is here, and is not in another
/// chain: what several have in common is looked at once, with the one that goes furthest.
fn chains(taken: &[SegmentPlace]) -> Vec<Cut> {
    let by_hash: HashMap<[u8; 32], &SegmentPlace> = taken.iter().map(|segment| (segment.hash, segment)).collect();
    let followed: HashSet<[u8; 32]> = taken.iter().map(|segment| segment.prev).collect();
    let ends = taken.iter().rev().filter(|segment| !followed.contains(&segment.hash));
    let mut visited: HashSet<[u8; 32]> = HashSet::new();
    let chain = |end: &SegmentPlace| {
        let (mut ranges, mut next) = (Ranges::new(), Some(end));
        while let Some(segment) = next {
            visited.insert(segment.hash);
            ranges.insert(segment.seq);
            let before = by_hash.get(&segment.prev).copied();
            next = before.filter(|before| before.seq < segment.seq && !visited.contains(&before.hash));
        }
        Cut { log: end.log, ranges, hash: end.hash }
    };
    ends.map(chain).collect()
}

/// The epochs of which keys are held, by a hash.
pub(super) fn held(member: &Member) -> [u8; 32] {
    let mut epochs = member.held_epochs();
    epochs.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for epoch in &epochs {
        hasher.update(&epoch.0);
    }
    hasher.finalize().into()
}

/// What has to be read of a roster in a mailbox to come in with these keys, and with those in the bags that `opens` opens.
/// When there is more than is read at once, it is looked for: anybody can put files there that say nothing.
pub(in crate::notebook) fn roster_for(
    place: &dyn Mailbox,
    found: &[Found],
    tag: &NotebookTag,
    mut keys: KeyBag,
    opens: &dyn Fn(&[u8]) -> Option<KeyBag>,
) -> Result<Vec<Vec<u8>>> {
    let all = roster_files(place, found.iter().filter(|found| is_of_roster(found)), tag)?;
    if all.is_all {
        return Ok(all.ours.into_iter().map(|(_, file)| file).collect());
    }
    let mut files = sift(place, found, tag, &mut |file| {
        let bag = opens(file);
        let is_opened = bag.is_some();
        keys.extend(bag.unwrap_or_default());
        is_opened
    })?;
    let of_entries = member::entry_keys(tag, &keys);
    files.extend(sift(place, found, tag, &mut |file| member::opened(file, &of_entries).is_some())?);
    Ok(files)
}

/// Those of the files of a roster, at most as many as are kept.
fn sift(
    place: &dyn Mailbox,
    found: &[Found],
    tag: &NotebookTag,
    is_wanted: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<Vec<Vec<u8>>> {
    let (mut kept, mut bytes) = (Vec::new(), 0);
    for part in found.chunks(MAX_PARCEL_BYTES / MAX_PARCEL) {
        for (_, file) in roster_files(place, part.iter().filter(|found| is_of_roster(found)), tag)?.ours {
            if kept.len() < MAX_PARCELS && bytes + file.len() <= MAX_PARCEL_BYTES && is_wanted(&file) {
                bytes += file.len();
                kept.push(file);
            }
        }
    }
    Ok(kept)
}

/// What was read of the files of a roster in a mailbox.
struct RosterFiles {
    /// Those of this notebook, with their names.
    ours: Vec<(String, Vec<u8>)>,
    /// Those that are what their names say, and nothing of this notebook, or nothing that this version can read.
    junk: Vec<ParcelId>,
    /// Whether all were read.
    is_all: bool,
}

/// Whether this can be a file of a roster: no copy under another name, and none that is larger than any.
pub(super) fn is_of_roster(found: &Found) -> bool {
    let stem = stem(found);
    let is_hash =
        stem.get(..32).is_some_and(|hash| hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    is_hash && stem.contains(".kithr") && found.bytes <= MAX_PARCEL as u64
}

fn stem(found: &Found) -> &str {
    found.name.rsplit('/').next().unwrap_or_default()
}

/// Reads these files, as many as one pass reads.
fn roster_files<'a>(
    place: &dyn Mailbox,
    found: impl IntoIterator<Item = &'a Found>,
    tag: &NotebookTag,
) -> Result<RosterFiles> {
    let mut files = RosterFiles { ours: Vec::new(), junk: Vec::new(), is_all: true };
    let mut read = 0;
    for (at, found) in found.into_iter().enumerate() {
        if at >= MAX_PARCELS || read > MAX_PARCEL_BYTES {
            files.is_all = false;
            break;
        }
        let bytes = optional(place.get(&found.name, MAX_PARCEL as u64))?.flatten().unwrap_or_default();
        read += bytes.len();
        let id = parcel_id(&bytes);
        if !stem(found).starts_with(&hex(&id)) {
            // Damaged, or not whole yet: whoever has it puts it there again.
            if bytes.len() as u64 == found.bytes && is_ours(&found.name) {
                let _ = place.delete(&found.name);
            }
        } else {
            match seal::parcel(&bytes, tag) {
                Ok(_) => files.ours.push((found.name.clone(), bytes)),
                // What a newer version wrote is read again once this one is another.
                Err(_) => files.junk.push(id),
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_log_with_many_ends_each_end_is_named_and_each_segment_looked_at_once() {
        let hash = |seq: u64, twin: u8| *blake3::hash(&[&seq.to_be_bytes()[..], &[twin]].concat()).as_bytes();
        let segment = |seq: u64, twin: u8| SegmentPlace {
            log: [1; 16],
            seq,
            hash: hash(seq, twin),
            prev: if seq == 1 { [0; 32] } else { hash(seq - 1, 0) },
        };
        let mut taken: Vec<SegmentPlace> = (1..=1000).map(|seq| segment(seq, 0)).collect();
        taken.extend((1..=200).map(|twin| segment(1001, twin)));
        taken.extend([segment(500, 7), segment(1500, 0)]);
        taken.sort_by_key(|segment| (segment.seq, segment.hash));
        let cuts = chains(&taken);
        assert_eq!(cuts.len(), 202);
        let all = cuts.iter().fold(Ranges::new(), |all, cut| all.union(&cut.ranges));
        assert_eq!(all, (1..=1001).chain([1500]).collect());
        assert_eq!(cuts.iter().map(|cut| cut.ranges.count()).sum::<u64>(), taken.len() as u64);
        let ends: HashSet<[u8; 32]> = cuts.iter().map(|cut| cut.hash).collect();
        assert!(cuts.iter().all(|cut| cut.ranges.last() >= 500) && ends.contains(&hash(500, 7)));
    }
}
