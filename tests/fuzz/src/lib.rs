//! Samples of everything that comes from outside, and how they are spoiled: `tests/hostile_bytes.rs` begins with them, so
//! that nobody has to guess first what is signed and sealed.

#![allow(clippy::unwrap_used)] // samples: a failure here fails the test

#[cfg(test)]
use bolero as _; // cargo-bolero builds this as a test as well, which links with bolero only
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use kith_core::document::{Actor, Document};
use kith_core::model::{Edit, Kind, RecordId};
use kith_core::sync::checkpoint::Told;
use kith_core::sync::keys::{DeviceKeys, EntryHash, EpochKeys, KeyBag, NotebookTag, RecoveryKit, Secret, epoch_check};
use kith_core::sync::pairing::{self, Code, Welcome};
use kith_core::sync::ranges::Ranges;
use kith_core::sync::roster::{Act, Cut, Entries, Entry};
use kith_core::sync::segment::{Item, Plaintext, READER};
use kith_core::sync::session::{self, Frame, Have, Here, Output, Session};

/// Whose samples they are.
pub const NOTEBOOK: NotebookTag = NotebookTag([9; 16]);

/// The keys of a device that is the same in every run.
pub fn device(number: u8) -> DeviceKeys {
    DeviceKeys::from_seeds(&Secret::new([number; 32]), &Secret::new([number + 100; 32]))
}

/// The keys under which samples are sealed.
pub fn epoch() -> EpochKeys {
    EpochKeys::derive(NOTEBOOK, EntryHash([8; 32]), &Secret::new([7; 32]))
}

/// The same bytes at every call.
pub fn dice() -> impl FnMut(&mut [u8]) {
    let mut calls = 0_u8;
    move |bytes| {
        calls = calls.wrapping_add(1);
        bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at as u8).wrapping_mul(31).wrapping_add(calls));
    }
}

/// What a fuzzer makes of a sample. The first byte says how: everything is its own; bytes of the sample replaced, by place
/// and value; the sample cut somewhere and continued; a piece of it left out; a piece doubled.
pub fn spoiled(input: &[u8], sample: &[u8]) -> Vec<u8> {
    let Some((how, rest)) = input.split_first() else { return sample.to_vec() };
    let (numbers, tail) = rest.split_at(rest.len().min(4));
    let number = |at: usize| usize::from(u16::from_le_bytes([byte(numbers, at), byte(numbers, at + 1)]));
    let (from, to) = (number(0) % (sample.len() + 1), number(2) % (sample.len() + 1));
    let (from, to) = (from.min(to), from.max(to));
    match how % 5 {
        0 => rest.to_vec(),
        1 => {
            let mut bytes = sample.to_vec();
            for [low, high, value] in rest.as_chunks::<3>().0 {
                let at = usize::from(u16::from_le_bytes([*low, *high])) % sample.len().max(1);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = *value);
            }
            bytes
        }
        2 => [&sample[..from], tail].concat(),
        3 => [&sample[..from], &sample[to..]].concat(),
        _ => [&sample[..to], tail, &sample[from..]].concat(),
    }
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or_default()
}

/// One of several samples, by the first byte, spoiled by the others.
pub fn one_of(input: &[u8], samples: &[Vec<u8>]) -> Vec<u8> {
    let (first, rest) = input.split_first().map_or((0, input), |(first, rest)| (usize::from(*first), rest));
    spoiled(rest, &samples[first % samples.len()])
}

/// The changes of a contact, edited twice, with a text.
pub fn changes() -> &'static [Vec<u8>] {
    static CHANGES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let mut document = Document::default();
        let edits = [
            Edit::Put { key: "name".into(), value: "Dana Ruiz".into() },
            Edit::Text { field: "common_ground".into(), text: "likes customs law".into() },
            Edit::Put { key: "tags/lyon".into(), value: true.into() },
        ];
        document.edit(Kind::Contact, &edits, None, Actor([1; 16]), 1, false).unwrap();
        let edits = [Edit::Text { field: "common_ground".into(), text: "likes trade law, and tea".into() }];
        document.edit(Kind::Contact, &edits, None, Actor([2; 16]), 2, false).unwrap();
        document.changes().into_iter().map(|change| change.bytes).collect()
    });
    &CHANGES
}

/// What a segment says before it is packed and sealed.
pub fn plaintext() -> Plaintext {
    let item = |bytes: &Vec<u8>| Item::Change {
        record: RecordId([6; 16]),
        bytes: bytes.clone(),
        reissued: false,
        unknown: BTreeMap::new(),
    };
    Plaintext {
        min_reader: READER,
        device: device(1).device(),
        log: [3; 16],
        actors: vec![vec![1; 16], vec![2; 16]],
        made_at_unix_ms: 1_795_000_000_000,
        app_version: "0.1.0".into(),
        seen: vec![([4; 16], [1..=3, 5..=9].into_iter().flatten().collect::<Ranges>())],
        items: changes()
            .iter()
            .map(item)
            .chain([Item::Blob { bytes: vec![1, 2, 3], unknown: BTreeMap::new() }])
            .collect(),
        ..Plaintext::default()
    }
}

/// What entries of a roster say, without the signature that follows, each with who signs it.
pub fn said() -> &'static [(u8, Vec<u8>)] {
    static SAID: LazyLock<Vec<(u8, Vec<u8>)>> = LazyLock::new(|| {
        let mut all = roster();
        let cut = || Cut { log: [3; 16], ranges: (1..=4).collect(), hash: [5; 32] };
        let kit = RecoveryKit::from_seed(Secret::new([77; 32]));
        let acts = [
            (1, Act::Add { device: device(2).public(), name: "laptop".into() }),
            (2, Act::set_recovery(&kit, &all.notebook())),
            (1, Act::Renew { covers: vec![cut()], base: cut() }),
            (2, Act::Rekey { hpke: [3; 32] }),
            (1, Act::Revoke { device: device(2).device(), cuts: vec![cut()] }),
            (1, Act::Rotate { check: epoch_check(&Secret::new([2; 32])) }),
        ];
        let mut said = vec![(1, without_signature(all.lacking(&[])[0]))];
        for (by, act) in acts {
            let entry = all.sign(act, device(by).signing_key(), false, 5).unwrap();
            said.push((by, without_signature(&entry)));
            all.insert(entry).unwrap();
        }
        said
    });
    &SAID
}

fn without_signature(entry: &Entry) -> Vec<u8> {
    entry.bytes()[..entry.bytes().len() - 64].to_vec()
}

/// A roster of one device.
pub fn roster() -> Entries {
    Entries::begin(Entry::genesis(&device(1), "phone", &Secret::new([1; 32]), 0).unwrap()).unwrap()
}

/// Two roots and an entry key.
pub fn bag() -> KeyBag {
    let key = |number: u8| (EntryHash([number; 32]), Secret::new([number + 1; 32]));
    KeyBag { keys: vec![key(1), key(3)], entry_keys: vec![key(5)] }
}

/// Records as a checkpoint tells them.
pub fn told() -> Vec<Told> {
    let told = |number: u8, kind: &str, fields: &str| Told {
        id: RecordId([number; 16]),
        kind: kind.into(),
        fields: fields.into(),
    };
    vec![told(1, "contact", r#"{"name":"Dana Ruiz"}"#), told(2, "note", r#"{"body":"likes tea"}"#)]
}

/// A pairing, as far as it has come.
pub struct Pairing {
    /// What was shown, by the first device.
    pub code: Code,
    /// The file `.inv`.
    pub invitation: Vec<u8>,
    /// The file `.vow`, by the second device.
    pub vow: Vec<u8>,
    /// The file `.toss`, by the first, and what is in it.
    pub toss: (Vec<u8>, [u8; 32]),
    /// The file `.req`, by the second device.
    pub request: Vec<u8>,
    /// The file `.ans`.
    pub answer: Vec<u8>,
}

/// A pairing that succeeds.
pub fn pairing() -> &'static Pairing {
    static PAIRING: LazyLock<Pairing> = LazyLock::new(|| {
        let key = device(1).envelope_key().public();
        let code = Code::draw(&NOTEBOOK, &key, &mut dice());
        let invitation = pairing::invitation(&code, &key);
        let asked = pairing::request(&code, &invitation, &device(2).public(), "laptop", &mut dice());
        let (request, drawn) = (asked.unwrap(), [6; 32]);
        let vow = pairing::vow_of(&code, &request);
        let read = pairing::read_request(&code, device(1).envelope_key(), (&vow, &drawn), &request).unwrap();
        let toss = (pairing::toss(&code, &vow, &drawn), drawn);
        let vow = pairing::vow(&code, &vow);
        let welcome = Welcome { from: "phone".into(), parcels: vec![vec![1; 90], vec![2; 80]], keys: bag() };
        let answer = pairing::answer(&code, &read, &welcome, &mut dice()).unwrap();
        Pairing { code, invitation, vow, toss, request, answer }
    });
    &PAIRING
}

/// What a device has of two logs.
pub fn have() -> Have {
    let held = |numbers: std::ops::RangeInclusive<u64>| session::held(numbers.map(|seq| (seq, [seq as u8; 32], true)));
    [([3; 16], held(1..=4)), ([4; 16], held(1..=2))].into()
}

/// What a device says first that has the same roster.
fn greeting() -> Vec<u8> {
    let here = Here { notebook: NOTEBOOK, parcels: BTreeSet::new(), have: have(), is_new: false };
    let (_, said) = Session::begin(here);
    said.into_iter().find_map(|output| if let Output::Send(bytes) = output { Some(bytes) } else { None }).unwrap()
}

/// Each frame there is, with its length before it; the first two are greetings.
pub fn frames() -> Vec<Vec<u8>> {
    let (proto, parcels) = ([1, 1], [0; 32]);
    let all = [
        Frame::Hello { proto, notebook: NOTEBOOK, parcels, have: have(), is_new: false },
        Frame::Names(vec![[1; 16], [2; 16]]),
        Frame::Roster { parcels: vec![vec![1; 9], vec![2; 7]], last: true },
        Frame::Checkpoint(vec![5; 20]),
        Frame::Want([3; 16], (1..=3).collect()),
        Frame::Segments { log: [4; 16], seq: 2, segments: vec![vec![1; 30]], more: false },
        Frame::Ack(have()),
        Frame::Bye(2),
        Frame::More,
        Frame::Break("enough".into()),
        Frame::Intro(vec![vec![3; 40]]),
        Frame::Unknown,
    ];
    [greeting()].into_iter().chain(all.iter().map(Frame::bytes)).collect()
}
