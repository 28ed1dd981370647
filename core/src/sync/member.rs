//! A device as a member of its notebook: its keys, the roster it knows and the epoch keys it holds, together.
//!
//! Here the rules of `roster` and `keys` meet: which epoch to write under, what a file of the roster adds, which keys go
//! to whom. Secrets live in a [`KeyStore`]; what is not secret is handed in and out, to be kept in the notebook.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::envelope::EnvelopeKey;
use super::hex;
use super::keys::{
    self, DeviceId, DeviceKeys, EntryHash, EntryKey, EpochKeys, KeyBag, KeyId, NotebookTag, RecoveryKit, Secret,
};
use super::keystore::KeyStore;
use super::keystore::MAX_SECRET;
use super::known::heads_name;
use super::roster::{self, Act, Cut, Entries, Entry, MAX_BY_AUTHOR, MAX_ENTRIES, Roster, WITH_PAPER};
use super::seal::{self, Parcel};
use crate::error::{Error, Result};
use crate::model::Random;

/// A device that belongs, or belonged, to a notebook.
pub struct Member {
    tag: NotebookTag,
    keys: DeviceKeys,
    entries: Entries,
    roster: Roster,
    /// The roots of epochs.
    ring: BTreeMap<EntryHash, Secret>,
    /// The entry keys of epochs whose roots were forgotten, or never came.
    past: BTreeMap<EntryHash, Secret>,
}

/// How far ahead of its own a device looks for the HPKE key a bag was sealed to, and for the one the others know.
const LOOK_AHEAD: usize = 8;
const MOST_STEPS: usize = 64;
/// To so many devices that a removed one let in something is sealed: it may have let in any number.
const MOST_VOID: usize = 16;

/// So many of the entries a device may write are kept for removing others.
const KEPT_FOR_REMOVALS: usize = 32;
/// To so many removals a device says at most how far it knew the logs: each may remove somebody who never was.
const MOST_HELD: usize = MAX_BY_AUTHOR / 2;

/// Bytes of a key in a ring: its epoch, and itself.
const IN_RING: usize = 64;
/// Most keys of a ring. Each entry of the roster may open an epoch, and as many again are kept of which no entry is known.
const MAX_RING: usize = MAX_SECRET / IN_RING;
const _: () =
    assert!(2 * WITH_PAPER * MAX_ENTRIES <= MAX_RING, "a hostile device could begin more epochs than are kept");

/// An entry that is new here, and the file in which it travels.
pub struct Written {
    /// The entry.
    pub entry: Entry,
    /// Its file.
    pub parcel: Vec<u8>,
}

/// Somebody who may read what is written under some epochs.
pub struct Reader {
    /// Which device, or the recovery key by the key of its signatures.
    pub who: [u8; 32],
    /// The key to seal to.
    pub hpke: [u8; 32],
    /// Those of the epochs whose keys are held here.
    pub epochs: Vec<EntryHash>,
}

/// What files of the roster brought.
#[derive(Default)]
pub struct Learned {
    /// Entries that are new, each after its parents.
    pub entries: Vec<Entry>,
    /// Whether a key came.
    pub keys: bool,
    /// Whether something that a device of the notebook or the recovery key said waits for others.
    pub waits: bool,
}

/// The seeds a device draws for one notebook.
pub fn draw_keys(store: &dyn KeyStore, tag: &NotebookTag, random: Random<'_>) -> Result<DeviceKeys> {
    if let Some(keys) = load_keys(store, tag)? {
        return Ok(keys);
    }
    let (endpoint, device) = (Secret::draw(random), Secret::draw(random));
    keep_seeds(store, tag, &endpoint, &device)?;
    Ok(DeviceKeys::from_seeds(&endpoint, &device))
}

pub(crate) fn keep_seeds(store: &dyn KeyStore, tag: &NotebookTag, endpoint: &Secret, device: &Secret) -> Result<()> {
    store.put(&endpoint_name(tag), endpoint.bytes())?;
    store.put(&device_name(tag), device.bytes())
}

/// The keys this device has for a notebook; none when it never joined it, or its key store was lost.
pub fn load_keys(store: &dyn KeyStore, tag: &NotebookTag) -> Result<Option<DeviceKeys>> {
    let seeds = |name: String| -> Result<Vec<Secret>> {
        let bytes = store.get(&name)?.unwrap_or_default();
        Ok(bytes.as_chunks::<32>().0.iter().map(|seed| Secret::new(*seed)).collect())
    };
    let Some(endpoint) = seeds(endpoint_name(tag))?.pop() else { return Ok(None) };
    if let Some(sign) = seeds(sign_name(tag))?.pop()
        && let Some(keys) = DeviceKeys::renewed(&endpoint, &sign, &seeds(envelope_name(tag))?)
    {
        return Ok(Some(keys));
    }
    Ok(seeds(device_name(tag))?.pop().map(|device| DeviceKeys::from_seeds(&endpoint, &device)))
}

/// Keeps the HPKE keys that a device has now, and forgets the seed of which the first was made. Broken off anywhere, it is
/// as it was or as it will be.
fn keep_envelopes(store: &dyn KeyStore, tag: &NotebookTag, keys: &DeviceKeys) -> Result<()> {
    let mut seeds = Zeroizing::new(Vec::with_capacity(32 * (1 + keys.former_envelope_keys().len())));
    for key in std::iter::once(keys.envelope_key()).chain(keys.former_envelope_keys()) {
        seeds.extend_from_slice(key.seed().bytes());
    }
    store.put(&envelope_name(tag), &seeds)?;
    store.put(&sign_name(tag), &Zeroizing::new(keys.signing_key().to_bytes())[..])?;
    store.remove(&device_name(tag))
}

/// Forgets everything this device holds for a notebook: it was removed, or joins anew.
pub fn forget_keys(store: &dyn KeyStore, tag: &NotebookTag) -> Result<()> {
    let names = [endpoint_name, device_name, sign_name, envelope_name, ring_name, past_name, heads_name];
    names.iter().try_for_each(|name| store.remove(&name(tag)))
}

fn endpoint_name(tag: &NotebookTag) -> String {
    format!("endpoint-{}", hex(&tag.0))
}

fn device_name(tag: &NotebookTag) -> String {
    format!("device-{}", hex(&tag.0))
}

/// What signs, once the seed of it was forgotten.
fn sign_name(tag: &NotebookTag) -> String {
    format!("sign-{}", hex(&tag.0))
}

fn envelope_name(tag: &NotebookTag) -> String {
    format!("envelope-{}", hex(&tag.0))
}

fn ring_name(tag: &NotebookTag) -> String {
    format!("ring-{}", hex(&tag.0))
}

fn past_name(tag: &NotebookTag) -> String {
    format!("past-{}", hex(&tag.0))
}

fn kept_keys(store: &dyn KeyStore, name: &str) -> Result<BTreeMap<EntryHash, Secret>> {
    Ok(store.get(name)?.map(|ring| read_ring(&ring)).unwrap_or_default())
}

impl Member {
    /// Founds the roster of a notebook that has none: this device is its first.
    ///
    /// # Errors
    /// As the key store; [`Error::Invalid`] for a name that is too long.
    pub fn found(
        store: &dyn KeyStore,
        name: &str,
        made_at_unix_ms: u64,
        random: Random<'_>,
    ) -> Result<(Self, Written)> {
        let (endpoint, device, root) = (Secret::draw(random), Secret::draw(random), Secret::draw(random));
        let keys = DeviceKeys::from_seeds(&endpoint, &device);
        let genesis = Entry::genesis(&keys, &short(name), &root, made_at_unix_ms)?;
        let tag = NotebookTag::of(&genesis.hash);
        keep_seeds(store, &tag, &endpoint, &device)?;
        let epoch = EpochKeys::derive(tag, genesis.hash, &root);
        let parcel = roster::seal_entry(&genesis, &epoch.entry_key(), random)?;
        let entries = Entries::begin(genesis.clone())?;
        let mut member = Self::new(tag, keys, entries);
        member.hold_root(store, genesis.hash, root)?;
        Ok((member, Written { entry: genesis, parcel }))
    }

    /// A member as it was before, from its key store and the entries the notebook keeps.
    ///
    /// # Errors
    /// As the key store.
    pub fn load(store: &dyn KeyStore, entries: Entries) -> Result<Option<Self>> {
        let tag = entries.notebook();
        let Some(keys) = load_keys(store, &tag)? else { return Ok(None) };
        let mut member = Self::new(tag, keys, entries);
        member.ring = kept_keys(store, &ring_name(&tag))?;
        member.past = kept_keys(store, &past_name(&tag))?;
        Ok(Some(member))
    }

    /// The keys this device was given of a notebook, if it ever belonged to it.
    ///
    /// # Errors
    /// As the key store.
    pub fn held_keys(store: &dyn KeyStore, tag: &NotebookTag) -> Result<Option<KeyBag>> {
        let (ring, past) = (kept_keys(store, &ring_name(tag))?, kept_keys(store, &past_name(tag))?);
        let bag = KeyBag { keys: ring.into_iter().collect(), entry_keys: past.into_iter().collect() };
        Ok((!bag.is_empty()).then_some(bag))
    }

    /// A device that was let in: begins with the files and keys of its welcome.
    ///
    /// # Errors
    /// [`Error::Peer`] when what it was given does not name it.
    pub fn welcomed(store: &dyn KeyStore, tag: NotebookTag, parcels: &[Vec<u8>], keys: KeyBag) -> Result<Self> {
        let device =
            load_keys(store, &tag)?.ok_or_else(|| Error::NotFound("the keys this device asked with".into()))?;
        let entries = open_roster(&tag, parcels, &keys)?;
        let mut member = Self::new(tag, device, entries);
        if member.roster.device(&member.device()).is_none() {
            return Err(Error::Peer("what came does not let this device in".into()));
        }
        member.hold(store, keys)?;
        Ok(member)
    }

    /// Lets this device in with the recovery key alone, from the files of the roster in a mailbox, and opens an epoch.
    ///
    /// # Errors
    /// [`Error::Denied`] when the key is not that of the notebook whose files these are.
    pub fn recovered(
        store: &dyn KeyStore,
        tag: NotebookTag,
        parcels: &[Vec<u8>],
        kit: &RecoveryKit,
        name: &str,
        made_at_unix_ms: u64,
        random: Random<'_>,
    ) -> Result<(Self, Written)> {
        let mut bag = KeyBag::default();
        parcels.iter().filter_map(|parcel| kit.open_bag(parcel, &tag).ok()).for_each(|other| bag.extend(other));
        let entries = open_roster(&tag, parcels, &bag).map_err(|_| not_its_key())?;
        let keys = draw_keys(store, &tag, random)?;
        let mut member = Self::new(tag, keys, entries);
        if member.roster.recovery.as_ref().is_none_or(|recovery| recovery.sign != kit.public()) {
            return Err(not_its_key());
        }
        bag.keys.retain(|(epoch, root)| member.roster.epoch(epoch).is_some_and(|epoch| epoch.accepts(root)));
        bag.entry_keys
            .retain(|(epoch, key)| member.roster.epoch(epoch).is_some_and(|epoch| epoch.accepts_entry_key(key)));
        member.hold(store, bag)?;
        let root = Secret::draw(random);
        let act =
            Act::Recover { device: member.keys.public(), name: short(name), check: super::keys::epoch_check(&root) };
        let written = member.say_as(act, &kit.signing_key(), true, made_at_unix_ms, random)?;
        member.hold_root(store, written.entry.hash, root)?;
        Ok((member, written))
    }

    fn new(tag: NotebookTag, keys: DeviceKeys, entries: Entries) -> Self {
        let roster = roster::evaluate(&entries);
        Self { tag, keys, entries, roster, ring: BTreeMap::new(), past: BTreeMap::new() }
    }

    /// Which notebook, for those who carry it.
    pub fn tag(&self) -> NotebookTag {
        self.tag
    }

    /// This device.
    pub fn device(&self) -> DeviceId {
        self.keys.device()
    }

    /// What this device alone knows.
    pub fn keys(&self) -> &DeviceKeys {
        &self.keys
    }

    /// Who belongs to the notebook.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The entries behind it.
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// All keys held.
    pub fn key_bag(&self) -> KeyBag {
        let all = |keys: &BTreeMap<EntryHash, Secret>| keys.iter().map(|(epoch, key)| (*epoch, key.clone())).collect();
        KeyBag { keys: all(&self.ring), entry_keys: all(&self.past) }
    }

    /// The epochs of which any key is held.
    pub fn held_epochs(&self) -> Vec<EntryHash> {
        let past = self.past.keys().filter(|epoch| !self.ring.contains_key(epoch));
        self.ring.keys().chain(past).copied().collect()
    }

    /// The keys of these epochs to be handed on, as far as they are held. Of one that a renewal all have done left behind,
    /// it is the entry key alone, unless it is among those under which something is `live`.
    pub fn key_bag_of(&self, epochs: &[EntryHash], live: &BTreeSet<KeyId>) -> KeyBag {
        let mut bag = KeyBag::default();
        for epoch in epochs {
            let is_spent = self.roster.superseded.contains(epoch) && !live.contains(&epoch.key_id());
            match self.ring.get(epoch).filter(|_| !is_spent) {
                Some(root) => bag.keys.push((*epoch, root.clone())),
                None => bag.entry_keys.extend(self.entry_key(epoch).map(|key| (*epoch, key.secret().clone()))),
            }
        }
        bag
    }

    /// Of these epochs what opens entries of the roster, and nothing else.
    pub fn entry_keys_of(&self, epochs: &[EntryHash]) -> KeyBag {
        let key = |epoch: &EntryHash| Some((*epoch, self.entry_key(epoch)?.secret().clone()));
        KeyBag { keys: Vec::new(), entry_keys: epochs.iter().filter_map(key).collect() }
    }

    /// The key that opens entries sealed under this epoch.
    fn entry_key(&self, epoch: &EntryHash) -> Option<EntryKey> {
        let from_root = self.ring.get(epoch).map(|root| EpochKeys::derive(self.tag, *epoch, root).entry_key());
        from_root.or_else(|| Some(EntryKey::new(self.tag, *epoch, self.past.get(epoch)?.clone())))
    }

    /// Whether this is the key of an epoch of which only the entry key is held.
    pub fn has_forgotten(&self, key: &KeyId) -> bool {
        self.epoch(key).is_none() && self.past.keys().any(|epoch| epoch.key_id() == *key)
    }

    /// Whether this file of the roster is a bag of no use any more: it was sealed before the epoch that a renewal all
    /// have done began with. Who needs something that is in it is given it anew.
    pub fn is_spent(&self, parcel: &[u8]) -> bool {
        seal::parcel(parcel, &self.tag).is_ok_and(|kind| kind == Parcel::Bag)
            && seal::parcel_key(parcel).is_some_and(|key| self.roster.is_superseded(&key))
    }

    /// Whether the key is missing under which this device should write.
    pub fn lacks_newest_key(&self) -> bool {
        self.roster.write_under.first().is_some_and(|epoch| !self.ring.contains_key(epoch))
    }

    /// The keys of an epoch as a segment names it; none when they are not held. Any key held may be used for reading.
    pub fn epoch(&self, key: &KeyId) -> Option<EpochKeys> {
        let held = self.ring.iter().find(|(epoch, _)| epoch.key_id() == *key);
        held.map(|(epoch, root)| EpochKeys::derive(self.tag, *epoch, root))
    }

    /// Whether a key is held of an epoch that no entry names: the notebook went back to a backup, and its keys did not.
    pub fn has_lost_keys(&self) -> bool {
        self.ring.keys().any(|epoch| self.roster.epoch(epoch).is_none())
    }

    /// Whether this is such a key.
    pub fn is_lost(&self, key: &KeyId) -> bool {
        let held = self.ring.keys().find(|epoch| epoch.key_id() == *key);
        held.is_some_and(|epoch| self.roster.epoch(epoch).is_none())
    }

    /// The keys to write under; none when a new epoch has to be opened first, with [`Member::rotate`].
    pub fn write_epoch(&self) -> Option<EpochKeys> {
        let held = self.roster.write_under.iter().find_map(|epoch| Some((epoch, self.ring.get(epoch)?)));
        held.map(|(epoch, root)| EpochKeys::derive(self.tag, *epoch, root))
    }

    /// Takes in files of the roster, in whatever order: entries and bags of keys.
    ///
    /// # Errors
    /// As the key store. What cannot be opened is left out: it may be for another device.
    pub fn take(&mut self, store: &dyn KeyStore, parcels: &[Vec<u8>]) -> Result<Learned> {
        self.take_in(store, parcels, |member| {
            member.roster.epochs.iter().any(|epoch| !member.ring.contains_key(&epoch.entry))
        })
    }

    /// The same with files that were here before. Bags are opened only if an epoch has no key at all.
    ///
    /// # Errors
    /// As [`Member::take`].
    pub fn take_again(&mut self, store: &dyn KeyStore, parcels: &[Vec<u8>]) -> Result<Learned> {
        self.take_in(store, parcels, Self::lacks_keys)
    }

    fn lacks_keys(&self) -> bool {
        let has = |epoch| self.ring.contains_key(epoch) || self.past.contains_key(epoch);
        self.roster.epochs.iter().any(|epoch| !has(&epoch.entry))
    }

    fn take_in(
        &mut self,
        store: &dyn KeyStore,
        parcels: &[Vec<u8>],
        opens_bags: impl Fn(&Self) -> bool,
    ) -> Result<Learned> {
        let mut learned = Learned::default();
        let is_bag = |parcel: &&Vec<u8>| seal::parcel(parcel, &self.tag).is_ok_and(|kind| kind == Parcel::Bag);
        let (mut closed, entries): (Vec<&Vec<u8>>, Vec<&Vec<u8>>) = parcels.iter().partition(is_bag);
        let mut bags: Vec<(KeyBag, Sealed)> = Vec::new();
        let (mut looked, mut looked_ahead) = (false, false);
        // A key may open files that were closed, an entry may make a key fit: once more, while something comes.
        loop {
            let opened: Vec<Entry> = entries.iter().filter_map(|parcel| self.entry_in(parcel)).collect();
            let merged = self.entries.merge(opened);
            learned.entries.extend(merged.new.iter().filter_map(|hash| self.entries.get(hash).cloned()));
            self.roster = roster::evaluate(&self.entries);
            learned.waits = merged.waiting.iter().any(|entry| self.roster.speaks(entry));
            // Opening is dear, and a bag holds keys of epochs only.
            if opens_bags(self) && !std::mem::replace(&mut looked, true) {
                bags.extend(self.open_bags(&mut closed, Sealed::Now, &[self.keys.envelope_key()]));
                let lasting = self.keys.lasting_envelope_key();
                let before: Vec<&EnvelopeKey> = self.keys.former_envelope_keys().iter().chain([&lasting]).collect();
                bags.extend(self.open_bags(&mut closed, Sealed::Before, &before));
            }
            let mut fresh = self.fresh_of(&bags);
            if fresh.is_empty() && self.lacks_keys() && !std::mem::replace(&mut looked_ahead, true) {
                let ahead: Vec<EnvelopeKey> = self.keys.next_envelope_keys().take(LOOK_AHEAD).collect();
                bags.extend(self.open_bags(&mut closed, Sealed::Now, &ahead.iter().collect::<Vec<_>>()));
                fresh = self.fresh_of(&bags);
            }
            if fresh.is_empty() {
                return Ok(learned);
            }
            learned.keys = true;
            self.hold(store, fresh)?;
        }
    }

    /// Opens those of these bags that were sealed to one of these keys, and leaves the others. Those of no use are left, too.
    fn open_bags(&self, closed: &mut Vec<&Vec<u8>>, sealed: Sealed, keys: &[&EnvelopeKey]) -> Vec<(KeyBag, Sealed)> {
        let open = |parcel: &[u8]| keys.iter().find_map(|key| keys::open_bag(key, parcel, &self.tag).ok());
        let mut opened = Vec::new();
        closed.retain(|parcel| {
            let bag = if self.is_spent(parcel) { None } else { open(parcel) };
            let stays_closed = bag.is_none();
            opened.extend(bag.map(|bag| (bag, sealed)));
            stays_closed
        });
        opened
    }

    /// What is new in these bags. A bag can be sealed by anybody; a key counts when the signed entry of its epoch agrees.
    /// A root that was forgotten comes back only in a bag that was sealed since: somebody still needs it.
    fn fresh_of(&self, bags: &[(KeyBag, Sealed)]) -> KeyBag {
        let mut fresh = KeyBag::default();
        for (bag, sealed) in bags {
            let may_come = |epoch| !self.past.contains_key(epoch) || *sealed == Sealed::Now;
            for (epoch, root) in bag.keys.iter().filter(|(epoch, _)| !self.ring.contains_key(epoch) && may_come(epoch))
            {
                if self.roster.epoch(epoch).is_some_and(|epoch| epoch.accepts(root)) {
                    fresh.keys.push((*epoch, root.clone()));
                }
            }
            let is_new = |epoch| !self.ring.contains_key(epoch) && !self.past.contains_key(epoch);
            for (epoch, key) in bag.entry_keys.iter().filter(|(epoch, _)| is_new(epoch)) {
                if self.roster.epoch(epoch).is_some_and(|epoch| epoch.accepts_entry_key(key)) {
                    fresh.entry_keys.push((*epoch, key.clone()));
                }
            }
        }
        fresh
    }

    /// The entry in a file of the roster, if it is one of those that are here.
    pub fn known_in(&self, parcel: &[u8]) -> Option<&Entry> {
        self.entries.get(&self.entry_in(parcel)?.hash)
    }

    /// The entry in a file of the roster; none when it holds another thing, or a key that is not here would open it.
    pub fn entry_in(&self, parcel: &[u8]) -> Option<Entry> {
        let key = roster::entry_key(parcel, &self.tag).ok()??;
        let epoch = self.held_epochs().into_iter().find(|epoch| epoch.key_id() == key)?;
        roster::open_entry(parcel, &self.entry_key(&epoch)?).ok()
    }

    /// Signs something about the roster, and takes it in.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it cannot be said.
    pub fn say(&mut self, act: Act, made_at_unix_ms: u64, random: Random<'_>) -> Result<Written> {
        let key = self.keys.signing_key().clone();
        self.say_as(act, &key, false, made_at_unix_ms, random)
    }

    /// Says it as the recovery key, which replaces itself.
    ///
    /// # Errors
    /// As [`Member::say`].
    pub fn say_as(
        &mut self,
        act: Act,
        author: &SigningKey,
        by_recovery: bool,
        made_at_unix_ms: u64,
        random: Random<'_>,
    ) -> Result<Written> {
        let entry = self.entries.sign(act, author, by_recovery, made_at_unix_ms)?;
        // Under a key that those who are to read it have: the one that was written under before it.
        let epoch = self.newest_key();
        let epoch = epoch.ok_or_else(|| Error::Peer("this device holds no key of its notebook".into()))?;
        let parcel = roster::seal_entry(&entry, &epoch, random)?;
        self.entries.insert(entry.clone())?;
        self.roster = roster::evaluate(&self.entries);
        Ok(Written { entry, parcel })
    }

    /// Says something that may as well stay unsaid: nothing when there is hardly room for more entries of this device. What
    /// is left is for removals.
    pub fn say_if_there_is_room(&mut self, act: Act, made_at_unix_ms: u64, random: Random<'_>) -> Option<Written> {
        let by_me = self.entries.by(&self.device()).count();
        if by_me + KEPT_FOR_REMOVALS >= MAX_BY_AUTHOR {
            return None;
        }
        // The set may be full all the same: others fill it, too.
        self.say(act, made_at_unix_ms, random).ok()
    }

    /// What this device shows on a network, with a fresh nonce, under the key it writes with: only who holds that key
    /// knows which device it is.
    pub fn beacon(&self, nonce: &[u8]) -> Option<[u8; 16]> {
        self.write_epoch().map(|epoch| epoch.discovery_tag(nonce, &self.device()))
    }

    /// Which other device of the notebook shows this; every key that is held is tried.
    pub fn recognise(&self, nonce: &[u8], beacon: &[u8; 16]) -> Option<DeviceId> {
        let me = self.device();
        let others = || self.roster.devices.iter().map(|device| device.public.device).filter(|device| *device != me);
        self.ring.iter().find_map(|(epoch, root)| {
            let keys = EpochKeys::derive(self.tag, *epoch, root);
            others().find(|device| keys.discovery_tag(nonce, device) == *beacon)
        })
    }

    /// The key that an entry is sealed with now: of the epoch that is written under, or else of the newest that any key is
    /// held of.
    fn newest_key(&self) -> Option<EntryKey> {
        let written = self.write_epoch().map(|epoch| epoch.entry_key());
        written.or_else(|| self.roster.epochs.iter().rev().find_map(|epoch| self.entry_key(&epoch.entry)))
    }

    /// By which epoch a bag says when it was sealed: the best there is, whether its key is held or not, for that one is
    /// never left behind by a renewal.
    pub fn sealed_under(&self) -> Option<KeyId> {
        let best = self.roster.write_under.first().map(EntryHash::key_id);
        best.or_else(|| self.newest_key().map(|key| key.key_id()))
    }

    /// Opens a new epoch, which only those who belong to the notebook now get the key of.
    ///
    /// # Errors
    /// As [`Member::say`] and the key store.
    pub fn rotate(&mut self, store: &dyn KeyStore, made_at_unix_ms: u64, random: Random<'_>) -> Result<Written> {
        let author = self.keys.signing_key().clone();
        self.rotate_as(store, &author, false, made_at_unix_ms, random)
    }

    fn rotate_as(
        &mut self,
        store: &dyn KeyStore,
        author: &SigningKey,
        by_recovery: bool,
        made_at_unix_ms: u64,
        random: Random<'_>,
    ) -> Result<Written> {
        let root = Secret::draw(random);
        let act = Act::Rotate { check: super::keys::epoch_check(&root) };
        let written = self.say_as(act, author, by_recovery, made_at_unix_ms, random)?;
        self.hold_root(store, written.entry.hash, root)?;
        Ok(written)
    }

    /// How many steps its HPKE key has to be taken on: one for renewals that all devices have done; for a device that was
    /// copied or put back, as many as it is behind what the others have heard.
    pub fn steps_due(&self) -> usize {
        let me = self.device();
        let Some(known) = self.roster.device(&me).map(|device| device.hpke) else { return 0 };
        match known == self.keys.envelope_key().public() {
            true => usize::from(self.roster.renewals.iter().any(|renewal| renewal.is_due(&me))),
            false => self.keys.steps_to(&known, MOST_STEPS).unwrap_or(0),
        }
    }

    /// Forgets the roots of epochs that renewals left behind, but for those under which something is `live`, and takes its
    /// HPKE key so many steps on. What follows is [`Member::rekey`].
    ///
    /// # Errors
    /// As the key store. Broken off anywhere, it is done again.
    pub fn follow_renewals(&mut self, store: &dyn KeyStore, steps: usize, live: &BTreeSet<KeyId>) -> Result<()> {
        self.forget_roots(store, live)?;
        self.keys.step(steps);
        keep_envelopes(store, &self.tag, &self.keys)
    }

    fn forget_roots(&mut self, store: &dyn KeyStore, live: &BTreeSet<KeyId>) -> Result<()> {
        let _keeping = (KEEPING.lock().unwrap_or_else(PoisonError::into_inner), store.wait_for_others());
        let (mut ring, mut past) = (kept_keys(store, &ring_name(&self.tag))?, kept_keys(store, &past_name(&self.tag))?);
        for epoch in self.roster.superseded.iter().filter(|epoch| !live.contains(&epoch.key_id())) {
            if let Some(root) = ring.remove(epoch) {
                past.insert(*epoch, EpochKeys::derive(self.tag, *epoch, &root).entry_key().secret().clone());
            }
        }
        // What takes their place first.
        store.put(&past_name(&self.tag), &write_ring(&past))?;
        store.put(&ring_name(&self.tag), &write_ring(&ring))?;
        (self.ring, self.past) = (ring, past);
        Ok(())
    }

    /// Says the HPKE key it has now, if the others know another.
    pub fn rekey(&mut self, made_at_unix_ms: u64, random: Random<'_>) -> Option<Written> {
        let (me, hpke) = (self.device(), self.keys.envelope_key().public());
        let is_known = self.roster.device(&me).is_none_or(|device| device.hpke == hpke);
        if is_known { None } else { self.say_if_there_is_room(Act::Rekey { hpke }, made_at_unix_ms, random) }
    }

    /// Forgets the HPKE keys it had before, once every device has renewed its own: then all have heard that they are not
    /// used any more.
    ///
    /// # Errors
    /// As the key store.
    pub fn forget_former(&mut self, store: &dyn KeyStore) -> Result<()> {
        let mut done = self.roster.renewals.iter().filter(|renewal| renewal.is_done()).peekable();
        let is_over = done.peek().is_some() && done.all(roster::Renewal::is_over);
        let (me, hpke) = (self.device(), self.keys.envelope_key().public());
        let is_known = self.roster.device(&me).is_some_and(|device| device.hpke == hpke);
        if self.keys.former_envelope_keys().is_empty() || !is_over || !is_known {
            return Ok(());
        }
        self.keys.forget_former();
        keep_envelopes(store, &self.tag, &self.keys)
    }

    /// Lets a device in.
    ///
    /// # Errors
    /// As [`Member::say`].
    pub fn add(
        &mut self,
        device: super::keys::DevicePublic,
        name: &str,
        made_at_unix_ms: u64,
        random: Random<'_>,
    ) -> Result<Written> {
        if self.roster.device(&device.device).is_some() {
            return Err(Error::Invalid("this device belongs to the notebook already".into()));
        }
        if self.roster.removed(&device.device).is_some() {
            return Err(Error::Invalid("this device was removed; it has to ask anew".into()));
        }
        self.say(Act::Add { device, name: short(name) }, made_at_unix_ms, random)
    }

    /// Removes a device for ever, and opens an epoch without it. `cut` says which device, and how far its logs are known
    /// here. The word of the recovery key is worth more than that of any device. Where there is room for the removal and for
    /// nothing else, the epoch is for others to open.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no such device belongs to the notebook; else as [`Member::say`].
    pub fn remove(
        &mut self,
        store: &dyn KeyStore,
        (device, cuts): (DeviceId, Vec<Cut>),
        kit: Option<&RecoveryKit>,
        made_at_unix_ms: u64,
        random: Random<'_>,
    ) -> Result<Vec<Written>> {
        if self.roster.device(&device).is_none() {
            return Err(Error::NotFound("such a device of this notebook".into()));
        }
        let act = Act::Revoke { device, cuts };
        let revoke = match kit {
            Some(kit) => self.say_as(act, &kit.signing_key(), true, made_at_unix_ms, random)?,
            None => self.say(act, made_at_unix_ms, random)?,
        };
        let author = kit.map_or_else(|| self.keys.signing_key().clone(), RecoveryKit::signing_key);
        match self.rotate_as(store, &author, kit.is_some(), made_at_unix_ms, random) {
            Ok(rotate) => Ok(vec![revoke, rotate]),
            Err(Error::Peer(_)) => Ok(vec![revoke]),
            Err(error) => Err(error),
        }
    }

    /// The devices that came into the notebook through this one and belong to it: those that it let in, those that they let
    /// in, whether they were removed meanwhile or not; and if the recovery key was made on it, those that this let in.
    pub fn came_through(&self, device: &DeviceId) -> Vec<DeviceId> {
        let made_the_paper = self.roster.recovery.as_ref().is_some_and(|recovery| recovery.made_by == *device);
        let mut through = BTreeSet::from([*device]);
        // Each entry comes after those that are before it, and of several about one device the first counts.
        let mut seen = BTreeSet::from([*device]);
        for entry in self.entries.lacking(&[]) {
            let Some((added, _)) = entry.act.adds().filter(|(added, _)| seen.insert(added.device)) else { continue };
            if if entry.by_recovery { made_the_paper } else { through.contains(&entry.author) } {
                through.insert(added.device);
            }
        }
        let others = self.roster.devices.iter().map(|there| there.public.device);
        others.filter(|there| there != device && through.contains(there)).collect()
    }

    /// The device that let this one in; none for the first of all and for one that the recovery key let in.
    pub fn let_in_by(&self, device: &DeviceId) -> Option<DeviceId> {
        let added = self.entries.get(&self.roster.device(device)?.added)?;
        (!added.by_recovery && added.author != *device).then_some(added.author)
    }

    /// The device on which the recovery key was made, if that was removed and nobody has replaced the key.
    pub fn paper_of_a_removed(&self) -> Option<DeviceId> {
        let recovery = self.roster.recovery.as_ref()?;
        let is_first = self.entries.get(&recovery.entry).is_some_and(|entry| !entry.by_recovery);
        (is_first && self.roster.removed(&recovery.made_by).is_some()).then_some(recovery.made_by)
    }

    /// The removals of which this device has not yet said how far it knew the logs, with the removed device. Who was never
    /// let in wrote nothing.
    pub fn unheld(&self) -> Vec<(EntryHash, DeviceId)> {
        let me = self.device();
        let held = |entry: &Entry| match &entry.act {
            Act::Held { revoke, .. } => Some(*revoke),
            Act::Revoke { .. } => Some(entry.hash),
            _ => None,
        };
        let said: BTreeSet<EntryHash> = self.entries.by(&me).filter_map(held).collect();
        let removed = self.roster.removed.iter().filter(|removed| removed.device != me && removed.name.is_some());
        // However many removed one device, one word about it is enough: from the first of them on nothing more is taken of it.
        let unsaid = removed.filter(|removed| !removed.revokes.iter().any(|revoke| said.contains(revoke)));
        let pairs = unsaid.filter_map(|removed| Some((*removed.revokes.first()?, removed.device)));
        pairs.take(MOST_HELD.saturating_sub(said.len())).collect()
    }

    /// Every device that may read some of the epochs held here, and the recovery key, which may read all. Whoever holds a
    /// key sees to it that the others get it. This device is among them with the epochs it opened itself: should it have
    /// been cloned, its twin gets their keys from nobody else, with those that the recovery key opened, which does not say on
    /// which device; nor that of an epoch a renewal left behind, which the twin may have forgotten, and under which something
    /// is `live` here. One that was removed is, too, and who was let in by it: see [`roster::Removed::may_read`].
    pub fn others(&self, live: &BTreeSet<KeyId>) -> Vec<Reader> {
        let me = self.device();
        let left_behind = |epoch: &EntryHash| self.roster.superseded.contains(epoch) && live.contains(&epoch.key_id());
        let opened_here = |epoch: &EntryHash| {
            let entry = self.entries.get(epoch).filter(|entry| matches!(entry.act, Act::Rotate { .. }));
            entry.is_some_and(|entry| entry.author == me || entry.by_recovery)
        };
        let all = self.held_epochs();
        let held = |epochs: Vec<EntryHash>| epochs.into_iter().filter(|epoch| all.contains(epoch)).collect();
        let devices = self.roster.devices.iter().map(|device| {
            let who = device.public.device;
            let open = self.roster.epochs.iter().filter(|epoch| epoch.members.contains(&who)).map(|epoch| epoch.entry);
            let may = open.filter(|epoch| who != me || opened_here(epoch) || left_behind(epoch)).collect();
            Reader { who: who.0, hpke: device.hpke, epochs: held(may) }
        });
        let removed = self.roster.removed.iter().filter_map(|removed| {
            Some(Reader { who: removed.device.0, hpke: removed.hpke?, epochs: held(removed.may_read.clone()) })
        });
        // Who was let in by a removed device, beside that removal, hears of it under the keys that the removed one may read.
        let void = self.roster.void.iter().take(MOST_VOID).filter_map(|void| {
            let host = self.roster.removed(&void.by)?;
            Some(Reader { who: void.public.device.0, hpke: void.public.hpke, epochs: held(host.may_read.clone()) })
        });
        let recovery = self.roster.recovery.iter();
        let recovery = recovery.map(|key| Reader { who: key.sign, hpke: key.hpke, epochs: all.clone() });
        devices.chain(removed).chain(void).chain(recovery).collect()
    }

    /// Who has to be able to read the roster, whatever HPKE key it has now: everybody what this device opened, who was
    /// removed what tells of it, and who was let in by it the same. Two sides that removed each other may have renewed
    /// their keys each for itself. Whom this device let in itself, without that counting, it tells all it knows: nobody else
    /// may have heard of such a device, and it learns nothing that this one could not tell it anyway.
    pub fn readers_of_the_roster(&self) -> Vec<Reader> {
        let me = self.device();
        let all = self.held_epochs();
        let opened_here = |epoch: &&EntryHash| {
            let entry = self.entries.get(epoch).filter(|entry| !entry.parents.is_empty());
            entry.is_some_and(|entry| {
                let by_paper = entry.by_recovery && matches!(entry.act, Act::Rotate { .. });
                entry.author == me || by_paper || entry.act.adds().is_some_and(|(added, _)| added.device == me)
            })
        };
        let ours: BTreeSet<EntryHash> = all.iter().filter(opened_here).copied().collect();
        let reader = |device: DeviceId, epochs: BTreeSet<EntryHash>| {
            let epochs = epochs.into_iter().filter(|epoch| all.contains(epoch)).collect();
            Some(Reader { who: device.0, hpke: device.lasting_hpke()?, epochs })
        };
        let devices = self.roster.devices.iter().map(|device| reader(device.public.device, ours.clone()));
        let disputed = &self.roster.disputed;
        let of_removed = |may_read: &[EntryHash]| [may_read, disputed].concat().into_iter().collect::<BTreeSet<_>>();
        let removed = self.roster.removed.iter().map(|removed| reader(removed.device, of_removed(&removed.may_read)));
        let void = self.roster.void.iter().take(MOST_VOID).map(|void| {
            let host = self.roster.removed(&void.by).map(|host| of_removed(&host.may_read));
            let guest = (void.by == me).then(|| void.may_read.iter().copied().collect());
            let epochs = [host, guest].into_iter().flatten().reduce(|all, more| &all | &more)?;
            reader(void.public.device, epochs)
        });
        devices.chain(removed).chain(void).flatten().collect()
    }

    fn hold_root(&mut self, store: &dyn KeyStore, epoch: EntryHash, root: Secret) -> Result<()> {
        self.hold(store, KeyBag { keys: vec![(epoch, root)], ..KeyBag::default() })
    }

    /// Whatever does not fit is no reason to keep no key: what no entry names goes.
    fn make_fit(&self, ring: &mut BTreeMap<EntryHash, Secret>) {
        if ring.len() > MAX_RING {
            ring.retain(|epoch, _| self.entries.get(epoch).is_some());
        }
    }

    fn hold(&mut self, store: &dyn KeyStore, keys: KeyBag) -> Result<()> {
        let _keeping = (KEEPING.lock().unwrap_or_else(PoisonError::into_inner), store.wait_for_others());
        // As it is kept, not as it was when this began: what another exchange forgot meanwhile stays forgotten.
        let (mut ring, mut past) = (kept_keys(store, &ring_name(&self.tag))?, kept_keys(store, &past_name(&self.tag))?);
        ring.extend(keys.keys);
        self.make_fit(&mut ring);
        if !keys.entry_keys.is_empty() {
            past.extend(keys.entry_keys);
            self.make_fit(&mut past);
            store.put(&past_name(&self.tag), &write_ring(&past))?;
        }
        store.put(&ring_name(&self.tag), &write_ring(&ring))?;
        (self.ring, self.past) = (ring, past);
        Ok(())
    }
}

/// One exchange may learn or forget a key while another does: none is to write over what the other has just kept. Other
/// programs are kept waiting by [`KeyStore::wait_for_others`].
static KEEPING: Mutex<()> = Mutex::new(());

/// To which of its keys a bag for this device was sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sealed {
    /// The one it has now, or will have.
    Now,
    /// One it had before, or one that lasts.
    Before,
}

/// What opens entries of the roster, of these keys.
pub fn entry_keys(tag: &NotebookTag, keys: &KeyBag) -> Vec<EntryKey> {
    let from_roots = keys.keys.iter().map(|(epoch, root)| EpochKeys::derive(*tag, *epoch, root).entry_key());
    let alone = keys.entry_keys.iter().map(|(epoch, key)| EntryKey::new(*tag, *epoch, key.clone()));
    from_roots.chain(alone).collect()
}

/// The entry in a file of the roster, if one of these keys opens it.
pub fn opened(parcel: &[u8], keys: &[EntryKey]) -> Option<Entry> {
    keys.iter().find_map(|key| roster::open_entry(parcel, key).ok())
}

/// The entries that can be opened with these keys.
fn open_roster(tag: &NotebookTag, parcels: &[Vec<u8>], keys: &KeyBag) -> Result<Entries> {
    let keys = entry_keys(tag, keys);
    let opened: Vec<Entry> = parcels.iter().filter_map(|parcel| opened(parcel, &keys)).collect();
    // Whoever once had a key could write another beginning; it would be that of another notebook.
    let genesis = opened.iter().find(|entry| NotebookTag::of(&entry.hash) == *tag).cloned();
    let no_roster = || Error::Peer("no list of devices can be opened with these keys".into());
    let mut entries = Entries::begin(genesis.ok_or_else(no_roster)?)?;
    entries.merge(opened);
    Ok(entries)
}

fn not_its_key() -> Error {
    Error::Denied("this is not the recovery key of the notebook there, or it was replaced".into())
}

fn read_ring(bytes: &[u8]) -> BTreeMap<EntryHash, Secret> {
    let half = |both: &[u8; IN_RING], from: usize| std::array::from_fn(|at| both[from + at]);
    let pairs = bytes.as_chunks::<IN_RING>().0.iter();
    pairs.map(|both| (EntryHash(half(both, 0)), Secret::new(half(both, 32)))).collect()
}

fn write_ring(ring: &BTreeMap<EntryHash, Secret>) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(IN_RING * ring.len()));
    for (epoch, key) in ring {
        bytes.extend_from_slice(&epoch.0);
        bytes.extend_from_slice(key.bytes());
    }
    bytes
}

/// The longest beginning of a name that an entry may hold.
fn short(name: &str) -> String {
    let end = (0..=roster::MAX_NAME.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    name[..end].into()
}
