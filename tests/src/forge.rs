//! Batches and changes made by hand: what an honest device never writes, with check sums that are right.
//!
//! The layout of a change is that of Automerge's binary format; only what the tests need of it is spoken here.

use std::path::{Path, PathBuf};

use kith_core::model::RecordId;
use kith_core::sync::batch::{Batch, BatchChange, Bytes};
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

/// Somebody who can write into the folder and means no good.
pub struct Stranger {
    notebook: [u8; 16],
    log: [u8; 16],
    seq: u64,
    place: PathBuf,
}

impl Stranger {
    /// In the folder that this device has synced with.
    pub fn in_folder(of: &Device, folder: &Path) -> Self {
        let id: RecordId = of.notebook.notebook_id().unwrap().expect("it has synced").parse().unwrap();
        let place = folder.join("kith").join("ee".repeat(16));
        std::fs::create_dir_all(&place).unwrap();
        Self { notebook: id.0, log: [0xee; 16], seq: 0, place }
    }

    /// An empty batch, as an honest device would begin it.
    pub fn batch(&mut self) -> Batch {
        self.seq += 1;
        Batch::new(self.notebook, self.log, self.seq, "stranger", "2026-11-22T10:00:00Z")
    }

    /// Puts a batch of these changes into the folder.
    pub fn send(&mut self, changes: impl IntoIterator<Item = (RecordId, Vec<u8>)>) {
        let mut batch = self.batch();
        batch.changes = changes.into_iter().map(|(id, bytes)| BatchChange { id: id.0, bytes: Bytes(bytes) }).collect();
        self.put(&batch.encode().unwrap());
    }

    /// Puts a file into the folder, whatever it is, under a name of its own; returns the name.
    pub fn put(&mut self, bytes: &[u8]) -> String {
        self.seq += 1;
        let name = format!("{:08}.kithb", self.seq);
        std::fs::write(self.place.join(&name), bytes).unwrap();
        name
    }

    /// Puts a batch with this body into the folder: packed, with a check sum that is right.
    pub fn put_body(&mut self, body: &[u8]) -> String {
        self.put(&sealed(&zstd::bulk::compress(body, 3).unwrap()))
    }
}

/// The file of a packed body.
pub fn sealed(packed: &[u8]) -> Vec<u8> {
    [&b"KITHBAT1"[..], blake3::hash(packed).as_bytes(), packed].concat()
}

/// Every change that lies in the batches of a folder, with its record.
pub fn changes_in(folder: &Path) -> Vec<(RecordId, Vec<u8>)> {
    let batches = crate::post::batches(folder);
    let changes = batches.values().flat_map(|bytes| Batch::decode(bytes).unwrap().changes);
    changes.map(|change| (change.record(), change.bytes.0)).collect()
}

/// The most memory this process ever held, in megabytes, where the system tells it.
pub fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}
