//! Keys: an epoch's, a device's, the bags in which epoch keys are handed on, and the recovery paper.
//!
//! Which device may have which key is for the roster to say, where keys are kept for [`super::keystore`]. Secrets are
//! wiped from memory when they are dropped, and never printed.

use std::fmt;

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::cbor::{Map, Reader};
use super::envelope::{self, EnvelopeKey};
use super::seal::{self, Parcel, SIGNATURE};
use super::{LogId, hex, paper};
use crate::error::{Error, Result};
use crate::model::Random;

/// Most keys of one bag. A new epoch begins when a device is removed and at a renewal: no notebook comes near.
pub const MAX_KEYS: usize = 1024;
const PROOF: &str = "kith/dev/1";
const BAG: &str = "kith/bag/1";

/// 32 bytes that must not be known: wiped when dropped, never printed, compared in constant time.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// These bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A fresh one.
    pub fn draw(random: Random<'_>) -> Self {
        let mut secret = Self::new([0; 32]);
        random(&mut *secret.0);
        secret
    }

    /// The bytes themselves, for a cipher or a key store.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Another secret, which tells nothing of this one.
    pub(super) fn derive(&self, context: &str) -> Self {
        Self::new(blake3::derive_key(context, &*self.0))
    }

    fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.0)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        // BLAKE3 compares its hashes in constant time.
        blake3::Hash::from_bytes(*self.0) == blake3::Hash::from_bytes(*other.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(
            /// Its bytes.
            pub [u8; $length],
        );

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

name! {
    /// Which notebook, for those who carry it: they can tell two apart and learn nothing else.
    NotebookTag 16
}
name! {
    /// Which device: the key with which it signs. Whoever can sign is the device; there is nothing to look up.
    DeviceId 32
}
name! {
    /// Which roster entry: the BLAKE3 of its bytes, signature included. It also names the epoch the entry opens.
    EntryHash 32
}
name! {
    /// Which epoch's key, as a segment names it: the beginning of its entry's hash.
    KeyId 8
}

impl DeviceId {
    /// The X25519 key that belongs to this Ed25519 key. A device renews the HPKE key it is known by, and not everybody
    /// hears of that; to this one keys are sealed that only open the roster, so that whoever ever belonged learns what
    /// became of it. None for bytes that are no key.
    pub fn lasting_hpke(&self) -> Option<[u8; 32]> {
        Some(ed25519_dalek::VerifyingKey::from_bytes(&self.0).ok()?.to_montgomery().to_bytes())
    }
}

impl NotebookTag {
    /// The tag of the notebook whose roster begins with this entry. It is made from the entry, so that nobody who once had
    /// a key of the notebook can write another beginning for it.
    pub fn of(genesis: &EntryHash) -> Self {
        Self(first(blake3::derive_key("kith 2026 notebook tag", &genesis.0)))
    }
}

impl EntryHash {
    /// The short name of the epoch this entry opens.
    pub fn key_id(&self) -> KeyId {
        KeyId(first(self.0))
    }
}

fn first<const N: usize>(hash: [u8; 32]) -> [u8; N] {
    std::array::from_fn(|at| hash[at])
}

const ENTRY_KEY: &str = "kith 2026 roster entry key";

/// What a roster entry says of the key of the epoch it opens, so that a bag with another key is refused. It tells
/// nothing of the key. It is made from the entry key, so that one is known for the right one even without its root.
pub fn epoch_check(root: &Secret) -> [u8; 32] {
    entry_key_check(&root.derive(ENTRY_KEY))
}

/// The same, from the entry key alone.
pub fn entry_key_check(entry_key: &Secret) -> [u8; 32] {
    blake3::derive_key("kith 2026 epoch check", entry_key.bytes())
}

/// The key of an epoch that opens entries of the roster and nothing else. It stays when the root is forgotten: the roster
/// is never forgotten, and whoever joins later has to read all of it.
#[derive(Clone)]
pub struct EntryKey {
    /// The notebook it is for.
    pub notebook: NotebookTag,
    /// The epoch it is of.
    pub epoch: EntryHash,
    key: Secret,
}

impl EntryKey {
    /// This key, of this epoch.
    pub fn new(notebook: NotebookTag, epoch: EntryHash, key: Secret) -> Self {
        Self { notebook, epoch, key }
    }

    /// The short name of its epoch.
    pub fn key_id(&self) -> KeyId {
        self.epoch.key_id()
    }

    /// The key itself.
    pub fn secret(&self) -> &Secret {
        &self.key
    }
}

impl fmt::Debug for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryKey({}, …)", self.key_id())
    }
}

/// The keys of one epoch, derived from its root.
#[derive(Clone)]
pub struct EpochKeys {
    /// The notebook they are for.
    pub notebook: NotebookTag,
    /// The epoch they are of.
    pub epoch: EntryHash,
    segment: Secret,
    name: Secret,
    discovery: Secret,
    entry: Secret,
    checkpoint: Secret,
}

impl EpochKeys {
    /// Derives them.
    pub fn derive(notebook: NotebookTag, epoch: EntryHash, root: &Secret) -> Self {
        Self {
            notebook,
            epoch,
            segment: root.derive("kith 2026 segment key"),
            name: root.derive("kith 2026 name key"),
            discovery: root.derive("kith 2026 discovery key"),
            entry: root.derive(ENTRY_KEY),
            checkpoint: root.derive("kith 2026 checkpoint key"),
        }
    }

    /// The short name of their epoch.
    pub fn key_id(&self) -> KeyId {
        self.epoch.key_id()
    }

    /// What seals segments.
    pub fn segment_key(&self) -> &Secret {
        &self.segment
    }

    /// What seals roster entries.
    pub fn entry_key(&self) -> EntryKey {
        EntryKey::new(self.notebook, self.epoch, self.entry.clone())
    }

    /// What seals checkpoints.
    pub fn checkpoint_key(&self) -> &Secret {
        &self.checkpoint
    }

    /// What checkpoints of this epoch are called in a mailbox: those of an earlier one go.
    pub fn checkpoint_tag(&self) -> [u8; 16] {
        first(blake3::keyed_hash(self.name.bytes(), b"checkpoint").into())
    }

    /// The name of a log in a mailbox: only who has the key knows which log it is.
    pub fn log_tag(&self, log: &LogId) -> [u8; 16] {
        first(blake3::keyed_hash(self.name.bytes(), log).into())
    }

    /// What a device shows on a network, with a fresh nonce: only who has the key knows which device it is.
    pub fn discovery_tag(&self, nonce: &[u8], device: &DeviceId) -> [u8; 16] {
        first(blake3::keyed_hash(self.discovery.bytes(), &[nonce, &device.0].concat()).into())
    }
}

impl fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EpochKeys({}, …)", self.key_id())
    }
}

/// What the other devices know of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePublic {
    /// Which device: the Ed25519 key that checks its signatures.
    pub device: DeviceId,
    /// The Ed25519 key by which it is reached and known on a network.
    pub endpoint: [u8; 32],
    /// The X25519 key to which bags are sealed.
    pub hpke: [u8; 32],
    /// By which the two signing keys say that they belong together, in this order. Else a device could be added under
    /// another's key, and the other be shut out with it.
    pub proofs: [[u8; SIGNATURE]; 2],
}

impl DevicePublic {
    /// Whether the keys belong together.
    ///
    /// # Errors
    /// [`Error::Peer`] when one of the two did not sign for it.
    pub fn verify(&self) -> Result<()> {
        let parts: [&[u8]; 3] = [&self.device.0, &self.endpoint, &self.hpke];
        seal::verify_once(&self.device.0, PROOF, &parts, &self.proofs[0])?;
        seal::verify_once(&self.endpoint, PROOF, &parts, &self.proofs[1])
    }

    /// As a map of canonical CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let mut map = Map::new();
        map.put(0, |writer| writer.bytes(&self.device.0));
        map.put(1, |writer| writer.bytes(&self.endpoint));
        map.put(2, |writer| writer.bytes(&self.hpke));
        map.put(3, |writer| writer.bytes(self.proofs.as_flattened()));
        map.into_bytes()
    }

    /// Reads what [`Self::encode`] wrote. The proofs are not checked yet.
    ///
    /// # Errors
    /// [`Error::Peer`] when it is something else.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let mut fields = reader.map()?;
        Ok(Self {
            device: DeviceId(fields.take(0, Reader::array)?),
            endpoint: fields.take(1, Reader::array)?,
            hpke: fields.take(2, Reader::array)?,
            proofs: halves(&fields.take(3, Reader::array)?),
        })
    }
}

fn halves(both: &[u8; 2 * SIGNATURE]) -> [[u8; SIGNATURE]; 2] {
    std::array::from_fn(|half| std::array::from_fn(|at| both[half * SIGNATURE + at]))
}

/// What a device alone knows.
pub struct DeviceKeys {
    endpoint: SigningKey,
    sign: SigningKey,
    envelope: EnvelopeKey,
    /// Those before it, until every other device has heard of the new one.
    former: Vec<EnvelopeKey>,
}

impl DeviceKeys {
    /// From the two seeds it drew: one for the network, one for the rest.
    pub fn from_seeds(endpoint: &Secret, keys: &Secret) -> Self {
        Self {
            endpoint: endpoint.signing_key(),
            sign: keys.derive("kith 2026 device signing").signing_key(),
            envelope: EnvelopeKey::from_seed(&keys.derive("kith 2026 device hpke")),
            former: Vec::new(),
        }
    }

    /// A device that renewed its HPKE key has no seed any more from which a former one could be made: only what signs, and
    /// a seed for each HPKE key it still has, the newest first. None without such a seed.
    pub fn renewed(endpoint: &Secret, sign: &Secret, envelopes: &[Secret]) -> Option<Self> {
        let (newest, former) = envelopes.split_first()?;
        Some(Self {
            endpoint: endpoint.signing_key(),
            sign: sign.signing_key(),
            envelope: EnvelopeKey::from_seed(newest),
            former: former.iter().map(EnvelopeKey::from_seed).collect(),
        })
    }

    /// Takes the HPKE key so many steps on. Each is made from the one before, and tells nothing of it: a copy of this
    /// device comes to the same keys by itself, and what is forgotten cannot be made again.
    pub fn step(&mut self, steps: usize) {
        for _ in 0..steps {
            let next = self.envelope.next();
            self.former.insert(0, std::mem::replace(&mut self.envelope, next));
        }
    }

    /// How many steps on this public HPKE key is ours, up to so many.
    pub fn steps_to(&self, public: &[u8; 32], most: usize) -> Option<usize> {
        self.next_envelope_keys().take(most).position(|key| key.public() == *public).map(|at| at + 1)
    }

    /// What will open bags after one step, after two, and so on.
    pub fn next_envelope_keys(&self) -> impl Iterator<Item = EnvelopeKey> {
        std::iter::successors(Some(self.envelope.next()), |key| Some(key.next()))
    }

    /// Forgets the former HPKE keys.
    pub fn forget_former(&mut self) {
        self.former.clear();
    }

    /// Which device.
    pub fn device(&self) -> DeviceId {
        DeviceId(self.sign.verifying_key().to_bytes())
    }

    /// What the others may know.
    pub fn public(&self) -> DevicePublic {
        let (device, endpoint, hpke) =
            (self.device(), self.endpoint.verifying_key().to_bytes(), self.envelope.public());
        let parts: [&[u8]; 3] = [&device.0, &endpoint, &hpke];
        let proofs = [seal::sign(&self.sign, PROOF, &parts), seal::sign(&self.endpoint, PROOF, &parts)];
        DevicePublic { device, endpoint, hpke, proofs }
    }

    /// What signs segments and roster entries.
    pub fn signing_key(&self) -> &SigningKey {
        &self.sign
    }

    /// What opens bags, requests and answers.
    pub fn envelope_key(&self) -> &EnvelopeKey {
        &self.envelope
    }

    /// What opens what is sealed to [`DeviceId::lasting_hpke`].
    pub fn lasting_envelope_key(&self) -> EnvelopeKey {
        EnvelopeKey::of_signing_key(&self.sign)
    }

    /// What opened them before, the newest first.
    pub fn former_envelope_keys(&self) -> &[EnvelopeKey] {
        &self.former
    }

    /// What proves on a network that it is this device.
    pub fn endpoint_key(&self) -> &SigningKey {
        &self.endpoint
    }

    /// Opens a bag that was sealed to this device.
    ///
    /// # Errors
    /// [`Error::Peer`] when it was sealed to another, which is usual: bags do not say for whom they are.
    pub fn open_bag(&self, bytes: &[u8], notebook: &NotebookTag) -> Result<KeyBag> {
        open_bag(&self.envelope, bytes, notebook)
    }
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKeys({}, …)", self.device())
    }
}

/// Epoch keys on their way to a device: the newest, and the earlier ones under which something is still to be read.
#[derive(Clone, Default, PartialEq)]
pub struct KeyBag {
    /// Each epoch with its root. A root counts only when the epoch's entry agrees, see `Epoch::accepts`.
    pub keys: Vec<(EntryHash, Secret)>,
    /// Epochs of which nothing is left but entries of the roster, each with its entry key.
    pub entry_keys: Vec<(EntryHash, Secret)>,
}

/// Bytes of a key in a bag: which kind, the epoch, the key.
pub(super) const KEY: usize = 1 + 64;

impl KeyBag {
    /// Seals it to one device, or to the recovery key; the bytes of an `r/` file. `under` is the epoch that is written
    /// under now: by it everybody sees when the bag is of no use any more.
    ///
    /// # Errors
    /// [`Error::Invalid`] for too many keys, or a public key that is none.
    pub fn seal(
        &self,
        recipient: &[u8; 32],
        (notebook, under): (&NotebookTag, KeyId),
        random: Random<'_>,
    ) -> Result<Vec<u8>> {
        if self.len() > MAX_KEYS {
            return Err(Error::Invalid(format!("a bag holds at most {MAX_KEYS} keys")));
        }
        let head = [&seal::parcel_head(Parcel::Bag, notebook)[..], &under.0].concat();
        let envelope = envelope::seal(recipient, BAG, &head, &self.padded(), random)?;
        Ok([&head[..], &envelope].concat())
    }

    /// The same in bags that can each be sealed. One is enough unless a device begins epochs without end.
    pub fn parts(self) -> Vec<Self> {
        let of_roots = self.keys.chunks(MAX_KEYS).map(|keys| Self { keys: keys.to_vec(), ..Self::default() });
        let mut parts: Vec<Self> = of_roots.collect();
        let mut entry_keys = &self.entry_keys[..];
        if let Some(last) = parts.last_mut() {
            let (first, rest) = entry_keys.split_at(entry_keys.len().min(MAX_KEYS - last.len()));
            last.entry_keys = first.to_vec();
            entry_keys = rest;
        }
        parts.extend(entry_keys.chunks(MAX_KEYS).map(|keys| Self { entry_keys: keys.to_vec(), ..Self::default() }));
        parts
    }

    /// How many keys.
    fn len(&self) -> usize {
        self.keys.len() + self.entry_keys.len()
    }

    /// The keys of another with these.
    pub fn extend(&mut self, mut other: Self) {
        self.keys.append(&mut other.keys);
        self.entry_keys.append(&mut other.entry_keys);
    }

    /// Whether it holds no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each key as it is written: 0 for a root or 1 for an entry key, the epoch, the key.
    pub(super) fn written(&self) -> impl Iterator<Item = Zeroizing<[u8; KEY]>> {
        let roots = self.keys.iter().map(|key| (0, key));
        roots.chain(self.entry_keys.iter().map(|key| (1, key))).map(|(kind, (epoch, key))| {
            let mut bytes = Zeroizing::new([kind; KEY]);
            bytes[1..33].copy_from_slice(&epoch.0);
            bytes[33..].copy_from_slice(key.bytes());
            bytes
        })
    }

    /// Takes in a key as it was written.
    pub(super) fn read_in(&mut self, bytes: &[u8; KEY]) -> Result<()> {
        let pair =
            (EntryHash(std::array::from_fn(|at| bytes[1 + at])), Secret::new(std::array::from_fn(|at| bytes[33 + at])));
        match bytes[0] {
            0 => self.keys.push(pair),
            1 => self.entry_keys.push(pair),
            _ => return Err(Error::NeedsUpdate("a bag of keys".into())),
        }
        Ok(())
    }

    /// A length, then the keys, then zeros. It is not CBOR so that its size is known before a secret is in it: bytes that
    /// grow leave copies behind.
    fn padded(&self) -> Zeroizing<Vec<u8>> {
        let length = self.len() * KEY;
        let mut bytes = Zeroizing::new(Vec::with_capacity(seal::padded(4 + length)));
        bytes.extend_from_slice(&(length as u32).to_be_bytes());
        self.written().for_each(|key| bytes.extend_from_slice(&*key));
        seal::pad(&mut bytes);
        bytes
    }
}

impl fmt::Debug for KeyBag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyBag({} keys)", self.len())
    }
}

/// Opens a bag with a key it may have been sealed to.
///
/// # Errors
/// [`Error::Peer`] when it was sealed to another.
pub fn open_bag(key: &EnvelopeKey, bytes: &[u8], notebook: &NotebookTag) -> Result<KeyBag> {
    if seal::parcel(bytes, notebook)? != Parcel::Bag {
        return Err(Error::Peer("not a bag of keys".into()));
    }
    let (head, envelope) = bytes.split_at(seal::BAG_HEAD);
    let plain = key.open(BAG, head, envelope)?;
    let (keys, odd) = seal::unpad(&plain)?.as_chunks::<KEY>();
    if !odd.is_empty() || keys.len() > MAX_KEYS {
        return Err(Error::Peer("a bag holds something that is no key".into()));
    }
    let mut bag = KeyBag::default();
    keys.iter().try_for_each(|key| bag.read_in(key))?;
    Ok(bag)
}

/// The key on paper: it removes any device and lets a new one in when all are gone.
pub struct RecoveryKit {
    seed: Secret,
}

const PREFIX: &str = "KITH";

impl RecoveryKit {
    /// A fresh one.
    pub fn draw(random: Random<'_>) -> Self {
        Self { seed: Secret::draw(random) }
    }

    /// From its seed.
    pub fn from_seed(seed: Secret) -> Self {
        Self { seed }
    }

    /// Its seed.
    pub fn seed(&self) -> &Secret {
        &self.seed
    }

    /// What signs for it.
    pub fn signing_key(&self) -> SigningKey {
        self.seed.derive("kith 2026 recovery signing").signing_key()
    }

    /// The key that checks its signatures.
    pub fn public(&self) -> [u8; 32] {
        self.signing_key().verifying_key().to_bytes()
    }

    /// The key to which bags are sealed for it.
    pub fn hpke_public(&self) -> [u8; 32] {
        self.envelope().public()
    }

    /// Opens a bag that was sealed to it.
    ///
    /// # Errors
    /// [`Error::Peer`] when it was sealed to somebody else.
    pub fn open_bag(&self, bytes: &[u8], notebook: &NotebookTag) -> Result<KeyBag> {
        open_bag(&self.envelope(), bytes, notebook)
    }

    /// As it is printed: `KITH-` and fourteen groups of four. All of it is in the alphanumeric set of QR codes.
    pub fn text(&self) -> Zeroizing<String> {
        paper::written(PREFIX, self.seed.bytes())
    }

    /// Reads what a person typed: with or without `KITH`, small letters, spaces or no groups at all, O for 0, l for 1.
    ///
    /// # Errors
    /// [`Error::Invalid`] in words that say whether something is missing, or one of the letters is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        paper::read(PREFIX, "recovery key", text).map(|seed| Self { seed: Secret::new(*seed) })
    }

    fn envelope(&self) -> EnvelopeKey {
        EnvelopeKey::from_seed(&self.seed.derive("kith 2026 recovery hpke"))
    }
}

impl fmt::Debug for RecoveryKit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKit(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const NOTEBOOK: NotebookTag = NotebookTag([9; 16]);

    fn keys(seed: u8) -> DeviceKeys {
        DeviceKeys::from_seeds(&Secret::new([seed; 32]), &Secret::new([seed + 100; 32]))
    }

    /// The same bytes at every run, different ones at every call.
    fn dice(seed: u64) -> impl FnMut(&mut [u8]) {
        let mut calls = 0_u64;
        move |bytes| {
            calls += 1;
            let mut hasher = blake3::Hasher::new();
            hasher.update(&seed.to_be_bytes()).update(&calls.to_be_bytes());
            hasher.finalize_xof().fill(bytes);
        }
    }

    fn bag() -> KeyBag {
        KeyBag {
            keys: vec![(EntryHash([1; 32]), Secret::new([2; 32])), (EntryHash([3; 32]), Secret::new([4; 32]))],
            entry_keys: vec![(EntryHash([5; 32]), Secret::new([6; 32]))],
        }
    }

    fn sealed_to(recipient: &[u8; 32], seed: u64) -> Result<Vec<u8>> {
        bag().seal(recipient, (&NOTEBOOK, KeyId([7; 8])), &mut dice(seed))
    }

    #[test]
    fn a_bag_is_opened_by_the_device_it_was_sealed_to_and_by_no_other() {
        let sealed = sealed_to(&keys(1).public().hpke, 1).unwrap();
        assert_eq!(keys(1).open_bag(&sealed, &NOTEBOOK).unwrap(), bag());
        assert!(keys(2).open_bag(&sealed, &NOTEBOOK).is_err());
        assert!(keys(1).open_bag(&sealed, &NotebookTag([8; 16])).is_err());
        assert_ne!(sealed, sealed_to(&keys(1).public().hpke, 2).unwrap());
    }

    #[test]
    fn more_keys_than_a_bag_holds_go_in_several() {
        let many = |count: usize| -> Vec<(EntryHash, Secret)> {
            let key = |n: usize| (EntryHash([n as u8; 32]), Secret::new([(n >> 8) as u8; 32]));
            (0..count).map(key).collect()
        };
        for (roots, entry_keys, parts) in [(0, 0, 0), (3, 4, 1), (0, 5, 1), (1020, 4, 1), (1020, 5, 2), (1500, 1500, 3)]
        {
            let bag = KeyBag { keys: many(roots), entry_keys: many(entry_keys) };
            let mut together = KeyBag::default();
            assert_eq!(bag.clone().parts().len(), parts);
            for part in bag.clone().parts() {
                let sealed = part.seal(&keys(1).public().hpke, (&NOTEBOOK, KeyId([7; 8])), &mut dice(1)).unwrap();
                assert!(sealed.len() <= seal::MAX_PARCEL);
                let opened = keys(1).open_bag(&sealed, &NOTEBOOK).unwrap();
                together.keys.extend(opened.keys);
                together.entry_keys.extend(opened.entry_keys);
            }
            assert!(together == bag);
        }
    }

    #[test]
    fn every_flipped_byte_and_every_cut_of_a_bag_is_refused() {
        let sealed = sealed_to(&keys(1).public().hpke, 1).unwrap();
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 0x20;
            assert!(keys(1).open_bag(&flipped, &NOTEBOOK).is_err(), "byte {at}");
            assert!(keys(1).open_bag(&sealed[..at], &NOTEBOOK).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_sealed_to_a_device_id_is_opened_by_the_device_whatever_it_renewed() {
        let mut renewed = keys(1);
        renewed.step(2);
        renewed.forget_former();
        let sealed = sealed_to(&keys(1).device().lasting_hpke().unwrap(), 1).unwrap();
        assert_eq!(open_bag(&renewed.lasting_envelope_key(), &sealed, &NOTEBOOK).unwrap(), bag());
        assert!(open_bag(&keys(2).lasting_envelope_key(), &sealed, &NOTEBOOK).is_err());
        assert!(renewed.open_bag(&sealed, &NOTEBOOK).is_err());
        assert_eq!(DeviceId([2; 32]).lasting_hpke(), None, "no point of the curve");
    }

    #[test]
    fn a_bag_to_a_key_of_small_order_is_not_sealed() {
        assert!(sealed_to(&[0; 32], 1).is_err());
    }

    #[test]
    fn renewing_the_hpke_key_changes_nothing_else_of_a_device() {
        let mut renewed = keys(1);
        renewed.step(1);
        let (before, after) = (keys(1).public(), renewed.public());
        assert_eq!((before.device, before.endpoint), (after.device, after.endpoint));
        assert_ne!(before.hpke, after.hpke);
        let [old, new] = [&before, &after].map(|public| sealed_to(&public.hpke, 1).unwrap());
        assert!(renewed.open_bag(&old, &NOTEBOOK).is_err());
        assert_eq!(renewed.open_bag(&new, &NOTEBOOK).unwrap(), bag());
        assert_eq!(open_bag(&renewed.former_envelope_keys()[0], &old, &NOTEBOOK).unwrap(), bag());
        let ahead = keys(1).next_envelope_keys().next().unwrap();
        assert_eq!(open_bag(&ahead, &new, &NOTEBOOK).unwrap(), bag(), "a copy comes to the same key");
        assert_eq!((keys(1).steps_to(&after.hpke, 3), keys(2).steps_to(&after.hpke, 3)), (Some(1), None));
        // Kept and read again, it is the same device, and what was forgotten stays so.
        let envelopes = |keys: &DeviceKeys| {
            let all = std::iter::once(keys.envelope_key()).chain(keys.former_envelope_keys());
            all.map(|key| key.seed().clone()).collect::<Vec<_>>()
        };
        let (endpoint, sign) = (Secret::new([1; 32]), Secret::new(renewed.signing_key().to_bytes()));
        let read = |seeds: &[Secret]| DeviceKeys::renewed(&endpoint, &sign, seeds).unwrap();
        let again = read(&envelopes(&renewed));
        assert_eq!(again.public(), after);
        assert!(open_bag(&again.former_envelope_keys()[0], &old, &NOTEBOOK).is_ok());
        renewed.forget_former();
        let again = read(&envelopes(&renewed));
        assert!(again.former_envelope_keys().is_empty() && again.open_bag(&old, &NOTEBOOK).is_err());
        assert!(again.next_envelope_keys().take(9).all(|key| open_bag(&key, &old, &NOTEBOOK).is_err()));
        assert!(DeviceKeys::renewed(&endpoint, &sign, &[]).is_none());
    }

    #[test]
    fn an_entry_key_is_known_for_the_right_one_without_its_root() {
        let root = Secret::new([5; 32]);
        let epoch = EpochKeys::derive(NOTEBOOK, EntryHash([1; 32]), &root);
        assert_eq!(entry_key_check(epoch.entry_key().secret()), epoch_check(&root));
        assert_ne!(entry_key_check(&root), epoch_check(&root));
    }

    #[test]
    fn nobody_is_added_under_the_key_of_another() {
        let (ours, theirs) = (keys(1).public(), keys(2).public());
        assert!(ours.verify().is_ok());
        assert_eq!(DevicePublic::read(&mut Reader::new(&ours.encode())).unwrap(), ours);
        for mixed in [
            DevicePublic { device: theirs.device, ..ours.clone() },
            DevicePublic { endpoint: theirs.endpoint, ..ours.clone() },
            DevicePublic { hpke: theirs.hpke, ..ours.clone() },
            DevicePublic { device: theirs.device, proofs: theirs.proofs, ..ours },
        ] {
            assert!(mixed.verify().is_err());
        }
    }

    #[test]
    fn keys_for_one_use_tell_nothing_of_another() {
        let epoch = EpochKeys::derive(NOTEBOOK, EntryHash([1; 32]), &Secret::new([5; 32]));
        let all = [&epoch.segment, &epoch.name, &epoch.discovery, &epoch.entry];
        for (at, key) in all.iter().enumerate() {
            assert!(all[..at].iter().all(|other| other != key));
        }
        let other = EpochKeys::derive(NOTEBOOK, EntryHash([2; 32]), &Secret::new([6; 32]));
        assert_ne!(epoch.log_tag(&[1; 16]), other.log_tag(&[1; 16]), "an epoch gives a log a new name");
        assert_ne!(epoch.discovery_tag(b"a", &DeviceId([1; 32])), epoch.discovery_tag(b"b", &DeviceId([1; 32])));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let secret = [0xab; 32];
        let kit = RecoveryKit::from_seed(Secret::new(secret));
        let device = DeviceKeys::from_seeds(&Secret::new(secret), &Secret::new(secret));
        let epoch = EpochKeys::derive(NOTEBOOK, EntryHash([1; 32]), &Secret::new(secret));
        let bag = KeyBag { keys: vec![(EntryHash([1; 32]), Secret::new(secret))], ..KeyBag::default() };
        let printed = format!("{:?} {kit:?} {device:?} {epoch:?} {bag:?} {:#?}", Secret::new(secret), kit.seed);
        assert!(!printed.contains("abab") && !printed.contains("171"), "{printed}");
        assert!(!printed.contains(&kit.text()[5..20]));
        assert!(!printed.contains(&hex(epoch.segment.bytes())[..8]));
        assert!(!printed.contains(&hex(&device.sign.to_bytes())[..8]));
    }

    #[test]
    fn what_is_secret_is_wiped_when_it_is_dropped() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        is_wiped(&Secret::new([1; 32]).0);
        is_wiped(&keys(1).sign);
        is_wiped(&keys(1).endpoint);
        is_wiped(&bag().padded());
        is_wiped(&RecoveryKit::from_seed(Secret::new([1; 32])).text());
    }

    #[test]
    fn a_recovery_key_is_read_as_people_type_it() {
        let kit = RecoveryKit::draw(&mut dice(3));
        let text = kit.text();
        assert_eq!((text.len(), text.split('-').count()), (4 + 14 * 5, 15));
        let plain = text.replace('-', "");
        for typed in [
            text.to_string(),
            text.to_lowercase(),
            plain.clone(),
            plain[4..].to_lowercase(),
            format!("  {}\n", text.replace('-', " ")),
            text.replace('-', " – "),
            plain[4..].replace('0', "o").replace('1', "L"),
        ] {
            assert!(RecoveryKit::parse(&typed).unwrap().seed == kit.seed, "{typed}");
        }
        assert!(text.chars().all(|c| c == '-' || c.is_ascii_digit() || c.is_ascii_uppercase()), "fits a QR code");
    }

    #[test]
    fn a_recovery_key_with_a_wrong_or_missing_letter_is_refused() {
        let text = RecoveryKit::draw(&mut dice(3)).text();
        let plain = &text.replace('-', "")[4..];
        for at in 0..plain.len() {
            for letter in paper::SYMBOLS.chars().filter(|letter| *letter != plain.as_bytes()[at] as char) {
                let wrong = format!("{}{letter}{}", &plain[..at], &plain[at + 1..]);
                assert!(matches!(RecoveryKit::parse(&wrong), Err(Error::Invalid(_))), "{wrong}");
            }
            let cut = RecoveryKit::parse(&plain[..at]).unwrap_err().to_string();
            assert!(cut.contains("56 letters"), "{cut}");
        }
    }

    #[test]
    fn a_recovery_kit_opens_the_bags_sealed_to_it() {
        let kit = RecoveryKit::draw(&mut dice(3));
        let sealed = sealed_to(&kit.hpke_public(), 1).unwrap();
        assert_eq!(RecoveryKit::parse(&kit.text()).unwrap().open_bag(&sealed, &NOTEBOOK).unwrap(), bag());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,80}") {
            let mut parcel = seal::parcel_head(Parcel::Bag, &NOTEBOOK).to_vec();
            parcel.extend_from_slice(&bytes);
            prop_assert!(keys(1).open_bag(&parcel, &NOTEBOOK).is_err());
            prop_assert!(keys(1).open_bag(&bytes, &NOTEBOOK).is_err());
            prop_assert!(RecoveryKit::parse(&text).is_err());
            let _ = DevicePublic::read(&mut Reader::new(&bytes));
        }
    }
}
