//! Segments and changes made by hand: what an honest device never writes, with check sums that are right.
//!
//! The layout of a change is that of Automerge's binary format; only what the tests need of it is spoken here.

use std::path::{Path, PathBuf};

use kith_core::model::RecordId;
use kith_core::sync::keys::{DeviceId, DeviceKeys, EpochKeys, KeyBag, Secret, epoch_check};
use kith_core::sync::member::Member;
use kith_core::sync::ranges::Ranges;
use kith_core::sync::roster::{self, Act, Cut, Entry, MAX_BY_AUTHOR};
use kith_core::sync::segment::{self, Item, Plaintext, READER, ROOM};
use kith_core::sync::session::parcel_id;
use kith_core::sync::{LogId, hex};
use sha2::{Digest, Sha256};

use crate::Device;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// A change taken apart as far as its operations.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What it builds on.
    pub deps: Vec<[u8; 32]>,
    /// Who wrote it.
    pub actor: Vec<u8>,
    /// Its number among the changes of that actor.
    pub seq: u64,
    /// The counter of its first operation.
    pub start_op: u64,
    /// Message, other actors and operations.
    rest: Vec<u8>,
}

impl Change {
    /// A change that writes these words under these keys of the record.
    pub fn puts(deps: &[[u8; 32]], actor: u8, seq: u64, start_op: u64, puts: &[(&str, &str)]) -> Self {
        let count = puts.len() as u64;
        let keys: Vec<Vec<u8>> = puts.iter().map(|(key, _)| word(key)).collect();
        let metas: Vec<Vec<u8>> = puts.iter().map(|(_, value)| unsigned((value.len() as u64) << 4 | 6)).collect();
        let raw: Vec<u8> = puts.iter().flat_map(|(_, value)| value.bytes()).collect();
        let columns = [
            (0x15, runs(&keys)),
            (0x34, unsigned(count)),
            (0x42, run(count, &unsigned(1))),
            (0x56, runs(&metas)),
            (0x57, raw),
            (0x70, run(count, &unsigned(0))),
        ];
        Self::of_columns(deps, actor, seq, start_op, &columns)
    }

    /// A change of a hundred bytes that claims to write one key this many times.
    pub fn bomb(deps: &[[u8; 32]], actor: u8, seq: u64, start_op: u64, operations: u64) -> Self {
        let columns = [
            (0x15, run(operations, &word("bomb"))),
            (0x34, unsigned(operations)),
            (0x42, run(operations, &unsigned(1))),
            (0x56, run(operations, &unsigned(0))),
            (0x70, run(operations, &unsigned(0))),
        ];
        Self::of_columns(deps, actor, seq, start_op, &columns)
    }

    fn of_columns(deps: &[[u8; 32]], actor: u8, seq: u64, start_op: u64, columns: &[(u64, Vec<u8>)]) -> Self {
        // No message, no other actors.
        let mut rest = vec![0, 0];
        rest.extend(unsigned(columns.len() as u64));
        columns.iter().for_each(|(spec, bytes)| rest.extend([unsigned(*spec), unsigned(bytes.len() as u64)].concat()));
        columns.iter().for_each(|(_, bytes)| rest.extend(bytes));
        Self { deps: deps.to_vec(), actor: vec![actor; 16], seq, start_op, rest }
    }

    /// Takes a change apart.
    pub fn read(bytes: &[u8]) -> Self {
        let mut at = 9;
        read_unsigned(bytes, &mut at);
        let count = read_unsigned(bytes, &mut at) as usize;
        let deps = bytes[at..at + 32 * count].chunks(32).map(|hash| hash.try_into().unwrap()).collect();
        at += 32 * count;
        let length = read_unsigned(bytes, &mut at) as usize;
        let actor = bytes[at..at + length].to_vec();
        at += length;
        let (seq, start_op) = (read_unsigned(bytes, &mut at), read_unsigned(bytes, &mut at));
        // The time is signed and as long.
        read_unsigned(bytes, &mut at);
        Self { deps, actor, seq, start_op, rest: bytes[at..].to_vec() }
    }

    /// Its bytes, with a check sum that is right. The time is 0.
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = unsigned(self.deps.len() as u64);
        self.deps.iter().for_each(|hash| body.extend(hash));
        body.extend(unsigned(self.actor.len() as u64));
        body.extend(&self.actor);
        body.extend([unsigned(self.seq), unsigned(self.start_op), vec![0]].concat());
        body.extend(&self.rest);
        let mut bytes = [&MAGIC[..], &[0; 4], &[1], &unsigned(body.len() as u64), &body].concat();
        reseal(&mut bytes);
        bytes
    }
}

/// The hash that names a change.
pub fn hash(change: &[u8]) -> [u8; 32] {
    Sha256::digest(&change[8..]).into()
}

/// Makes the check sum of a change right again.
pub fn reseal(change: &mut [u8]) {
    let hash = hash(change);
    change[4..8].copy_from_slice(&hash[..4]);
}

fn unsigned(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn signed(mut number: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if (number == 0 && low & 0x40 == 0) || (number == -1 && low & 0x40 != 0) {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn read_unsigned(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = bytes[*at];
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return number;
        }
    }
}

fn word(text: &str) -> Vec<u8> {
    [unsigned(text.len() as u64), text.as_bytes().to_vec()].concat()
}

/// One value, so many times.
fn run(times: u64, value: &[u8]) -> Vec<u8> {
    [if times == 1 { signed(-1) } else { signed(times as i64) }, value.to_vec()].concat()
}

/// Values one after the other: equal neighbours as a run, the rest as they are.
fn runs(values: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut single: Vec<&Vec<u8>> = Vec::new();
    let flush = |single: &mut Vec<&Vec<u8>>, bytes: &mut Vec<u8>| {
        if !single.is_empty() {
            bytes.extend(signed(-(single.len() as i64)));
            single.drain(..).for_each(|value| bytes.extend(value));
        }
    };
    for same in values.chunk_by(|a, b| a == b) {
        if same.len() == 1 {
            single.push(&same[0]);
        } else {
            flush(&mut single, &mut bytes);
            bytes.extend(run(same.len() as u64, &same[0]));
        }
    }
    flush(&mut single, &mut bytes);
    bytes
}

/// A device of the notebook that means no good: authenticated, and not to be trusted.
pub struct Stranger {
    member: Member,
    epoch: EpochKeys,
    log: LogId,
    seq: u64,
    prev: [u8; 32],
    files: u64,
    place: PathBuf,
    /// The writers that its segments name as its own.
    pub actors: Vec<Vec<u8>>,
}

impl Stranger {
    /// Is let in by this device, through this folder.
    pub fn let_in_by(host: &Device, folder: &Path) -> Self {
        let [stranger] = Self::let_in_as_copies(host, folder);
        stranger
    }

    /// The same device several times, of which none knows what the others say.
    pub fn let_in_as_copies<const N: usize>(host: &Device, folder: &Path) -> [Self; N] {
        let stranger = Device::new(folder.parent().unwrap(), "stranger", 666);
        host.lets_in(&stranger, folder);
        std::array::from_fn(|_| {
            let member = stranger.notebook.member(&stranger.keys).unwrap().unwrap();
            let epoch = member.write_epoch().unwrap();
            let log = [0xee; 16];
            let tag = hex(&epoch.log_tag(&log));
            let place = folder.join("kith/l").join(tag);
            std::fs::create_dir_all(&place).unwrap();
            Self { member, epoch, log, seq: 0, prev: [0; 32], files: 0, place, actors: Vec::new() }
        })
    }

    /// Goes on in this log, whosever it is.
    pub fn in_log(&mut self, log: LogId, seq: u64) {
        (self.log, self.seq, self.prev) = (log, seq - 1, [7; 32]);
    }

    /// The device it is.
    pub fn id(&self) -> DeviceId {
        self.member.device()
    }

    /// Says this in the list of devices; a file of it, if there is room.
    pub fn says(&mut self, act: Act) -> Option<Vec<u8>> {
        let mut random = crate::Seeded(self.seq);
        let written = self.member.say(act, 1_795_000_000_000, &mut |bytes| random.fill(bytes));
        written.ok().map(|written| written.parcel)
    }

    /// Says this in the list of devices that lies in a folder.
    pub fn tells(&mut self, act: Act, folder: &Path) {
        let parcel = self.says(act).expect("there is room in the list");
        std::fs::write(folder.join(format!("kith/r/{}.kithr", hex(&parcel_id(&parcel)))), parcel).unwrap();
    }

    /// Its log, as an entry of the list names these numbers of it.
    pub fn cut(&self, numbers: &[u64]) -> Cut {
        Cut { log: self.log, ranges: numbers.iter().copied().collect(), hash: self.prev }
    }

    /// Everything that this device and so many that it lets in may say of new epochs, as files of the list, and their keys.
    pub fn opens_all_it_may(&self, guests: u8) -> (Vec<Vec<u8>>, KeyBag) {
        let mut random = crate::Seeded(self.seq);
        let mut random = |bytes: &mut [u8]| random.fill(bytes);
        let mut entries = self.member.entries().clone();
        let (mut files, mut bag) = (Vec::new(), KeyBag::default());
        let guest = |n: u8| DeviceKeys::from_seeds(&Secret::new([n; 32]), &Secret::new([n ^ 0xff; 32]));
        let guests: Vec<DeviceKeys> = (0..guests).map(guest).collect();
        let own = self.member.keys().signing_key();
        let adds = guests.iter().map(|guest| (own, Act::Add { device: guest.public(), name: "guest".into() }, None));
        let authors = [own].into_iter().chain(guests.iter().map(DeviceKeys::signing_key));
        let opens = authors.flat_map(|author| (0..MAX_BY_AUTHOR).map(move |n| (author, n))).map(|(author, n)| {
            let root = Secret::new(*blake3::hash(&[author.as_bytes(), &n.to_be_bytes()[..]].concat()).as_bytes());
            (author, Act::Rotate { check: epoch_check(&root) }, Some(root))
        });
        for (author, act, root) in adds.chain(opens) {
            let entry = entries.sign(act, author, false, 1_795_000_000_000).unwrap();
            if entries.insert(entry.clone()).is_ok() {
                files.push(roster::seal_entry(&entry, &self.epoch.entry_key(), &mut random).unwrap());
                bag.keys.extend(root.map(|root| (entry.hash, root)));
            }
        }
        (files, bag)
    }

    /// Bags of these keys for all that belong to the notebook.
    pub fn hands_out(&self, keys: &KeyBag) -> Vec<Vec<u8>> {
        let mut random = crate::Seeded(self.seq);
        let mut random = |bytes: &mut [u8]| random.fill(bytes);
        let devices = self.member.roster().devices.iter();
        let to = (&self.member.tag(), self.epoch.key_id());
        let parts = devices.flat_map(|device| keys.clone().parts().into_iter().map(move |part| (device.hpke, part)));
        parts.map(|(hpke, part)| part.seal(&hpke, to, &mut random).unwrap()).collect()
    }

    /// Another beginning for the list of devices, as a file of it that everybody who has the key can open.
    pub fn begins_anew(&self, made_at_unix_ms: u64) -> Vec<u8> {
        let root = Secret::new([1; 32]);
        let genesis = Entry::genesis(self.member.keys(), "phone", &root, made_at_unix_ms).unwrap();
        let mut random = crate::Seeded(made_at_unix_ms);
        roster::seal_entry(&genesis, &self.epoch.entry_key(), &mut |bytes| random.fill(bytes)).unwrap()
    }

    /// Whose logs lie in a folder.
    pub fn logs_in(&self, folder: &Path) -> Vec<(DeviceId, LogId)> {
        let files = crate::post::sealed_files(folder).into_values();
        let opened = files.filter_map(|bytes| segment::open(&bytes, &self.epoch).ok());
        opened.map(|opened| (opened.author(), opened.log())).collect()
    }

    /// Leaves a number out, as if a segment under it had been lost.
    pub fn skip_a_number(&mut self) {
        self.seq += 1;
    }

    /// A segment that begins the log.
    pub fn seal_first(&mut self, items: Vec<Item>) -> Vec<u8> {
        (self.seq, self.prev) = (0, [0; 32]);
        self.seal(items)
    }

    /// A segment of these items, as an honest device would seal them. Every change is said to be somebody else's, so that
    /// it may be by anybody.
    pub fn seal(&mut self, items: Vec<Item>) -> Vec<u8> {
        self.seal_text(Plaintext { items, ..Plaintext::default() })
    }

    /// A segment that says that this device has seen all this, and nothing else.
    pub fn seal_seen(&mut self, seen: Vec<(LogId, Ranges)>) -> Vec<u8> {
        self.seal_text(Plaintext { seen, ..Plaintext::default() })
    }

    fn seal_text(&mut self, text: Plaintext) -> Vec<u8> {
        self.seq += 1;
        let text = Plaintext {
            min_reader: READER,
            device: self.member.device(),
            log: self.log,
            prev: self.prev,
            actors: self.actors.clone(),
            made_at_unix_ms: 1_795_000_000_000,
            app_version: "0".into(),
            ..text
        };
        let mut random = crate::Seeded(self.seq);
        let key = self.member.keys().signing_key();
        let bytes = segment::seal(&text, &self.epoch, key, self.seq, &mut |bytes| random.fill(bytes)).unwrap();
        self.prev = segment::hash(&bytes);
        bytes
    }

    /// Puts these changes into the folder, in as few segments as hold them.
    pub fn send(&mut self, changes: impl IntoIterator<Item = (RecordId, Vec<u8>)>) {
        let item = |(record, bytes)| Item::Change { record, bytes, reissued: true, unknown: Default::default() };
        let (mut items, mut room) = (Vec::new(), ROOM);
        for change in changes.into_iter().map(item) {
            if change.size() > room || items.len() == segment::MAX_ITEMS {
                let segment = self.seal(std::mem::take(&mut items));
                self.put(&segment);
                room = ROOM;
            }
            room -= change.size();
            items.push(change);
        }
        let segment = self.seal(items);
        self.put(&segment);
    }

    /// Puts a file into the folder, whatever it is, under a name of its own; returns the name.
    pub fn put(&mut self, bytes: &[u8]) -> String {
        self.files += 1;
        let name = format!("{:08}.kiths", self.files);
        self.put_as(&name, bytes);
        name
    }

    /// The folder of its log.
    pub fn folder(&self) -> &std::ffi::OsStr {
        self.place.file_name().unwrap()
    }

    /// Puts a file into the folder under this name.
    pub fn put_as(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.place.join(name), bytes).unwrap();
    }

    /// Every change that lies in the segments of a folder, with its record.
    pub fn changes_in(&self, folder: &Path) -> Vec<(RecordId, Vec<u8>)> {
        let mut changes = Vec::new();
        for bytes in crate::post::sealed_files(folder).into_values() {
            let Ok(opened) = segment::open(&bytes, &self.epoch) else { continue };
            let author = opened.author();
            for item in opened.verify(&author).unwrap().items {
                if let Item::Change { record, bytes, .. } = item {
                    changes.push((record, bytes));
                }
            }
        }
        changes
    }
}

/// The most memory this process ever held, in megabytes, where the system tells it.
pub fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}
