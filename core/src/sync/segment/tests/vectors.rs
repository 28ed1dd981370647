//! `docs/format-segment.md` says what the code does: every limit and every test vector on that page is worked out here
//! again, and must stand there letter for letter.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use super::super::*;
use crate::sync::checkpoint::{self, Told};
use crate::sync::keys::{DeviceKeys, EntryHash, KeyBag, RecoveryKit, Secret, epoch_check};
use crate::sync::roster::{self, Entries, Entry};

const PAGE: &str = include_str!("../../../../../docs/format-segment.md");
const READER_IN_PYTHON: &str = include_str!("../../../../../tests/python/segment.py");

/// 00 01 02 …, so that a vector is easy to type in.
fn counting<const N: usize>(from: u8) -> [u8; N] {
    std::array::from_fn(|at| from.wrapping_add(at as u8))
}

/// Bytes that look drawn, for whoever asks: the first call is given this, the next the one after.
fn drawn(mut from: u8) -> impl FnMut(&mut [u8]) {
    move |bytes| {
        bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = from.wrapping_add(at as u8));
        from = from.wrapping_add(0x10);
    }
}

/// One block of the page, a line for each name and value.
fn block(lines: &[(&str, String)]) -> String {
    let mut block = String::from("```text\n");
    for (name, value) in lines {
        writeln!(block, "{name:<18} {value}").unwrap();
    }
    block + "```\n"
}

fn stands_there(lines: &[(&str, String)]) {
    let block = block(lines);
    assert!(PAGE.contains(&block), "docs/format-segment.md should hold:\n\n{block}");
}

fn device() -> DeviceKeys {
    DeviceKeys::from_seeds(&Secret::new(counting(0x40)), &Secret::new(counting(0x60)))
}

fn epoch() -> EpochKeys {
    let notebook = NotebookTag::of(&EntryHash(counting(0x80)));
    EpochKeys::derive(notebook, EntryHash(counting(0x80)), &Secret::new(counting(0x20)))
}

fn first() -> Plaintext {
    Plaintext {
        min_reader: 1,
        device: device().device(),
        log: counting(0xa0),
        actors: vec![counting::<16>(0xb0).to_vec()],
        made_at_unix_ms: 1_795_000_000_000,
        app_version: "0.2.0".into(),
        items: vec![Item::Change {
            record: RecordId(counting(0xc0)),
            bytes: b"a change, as Automerge writes it".to_vec(),
            reissued: false,
            unknown: Unknown::new(),
        }],
        ..Plaintext::default()
    }
}

/// With everything a segment can have, and something of a newer version.
fn second(prev: [u8; 32]) -> Plaintext {
    let mut newer = Map::new();
    newer.put(0, |writer| writer.uint(9));
    newer.put(1, |writer| writer.text("of a newer version"));
    Plaintext {
        prev,
        seen: vec![(counting(0xd0), [1, 2, 3, 7].into_iter().collect())],
        items: vec![
            Item::Change {
                record: RecordId(counting(0xc0)),
                bytes: b"a change of another log".to_vec(),
                reissued: true,
                unknown: Unknown::new(),
            },
            Item::Blob { bytes: b"a photo".to_vec(), unknown: Unknown::new() },
            Item::Unknown(newer.into_bytes()),
        ],
        unknown: Unknown::from([(50, vec![0xf6])]),
        ..first()
    }
}

fn segments() -> [Vec<u8>; 2] {
    let keys = device();
    let one = seal(&first(), &epoch(), keys.signing_key(), 1, &mut drawn(0xe0)).unwrap();
    let two = seal(&second(hash(&one)), &epoch(), keys.signing_key(), 2, &mut drawn(0xf0)).unwrap();
    [one, two]
}

#[test]
fn the_page_names_the_limits_that_hold() {
    stands_there(&[
        ("segment", format!("{MAX_SEGMENT} bytes")),
        ("inflated", format!("{MAX_INFLATED} bytes")),
        ("items", format!("{MAX_ITEMS}")),
        ("change", format!("{MAX_CHANGE} bytes")),
        ("blob", format!("{MAX_BLOB} bytes")),
        ("actors", format!("{MAX_ACTORS} of at most {MAX_ACTOR} bytes")),
        ("seen", format!("{MAX_SEEN} logs of at most {} ranges", crate::sync::ranges::MAX_RANGES)),
        ("app_version", format!("{MAX_VERSION_TEXT} bytes")),
        ("bundle", format!("{MAX_BUNDLE} bytes")),
        ("checkpoint part", format!("{} bytes", checkpoint::MAX_PART)),
        ("part inflated", format!("{} bytes", checkpoint::MAX_TEXT)),
        ("parts", format!("{}", checkpoint::MAX_PARTS)),
        ("records of a part", format!("{} of at most {} bytes", checkpoint::MAX_RECORDS, crate::query::MAX_FIELDS)),
        ("r/ file", format!("{} bytes", seal::MAX_PARCEL)),
        ("keys of a bag", format!("{}", crate::sync::keys::MAX_KEYS)),
        ("roster", format!("{} entries, {} of one author", roster::MAX_ENTRIES, roster::MAX_BY_AUTHOR)),
        ("entry", format!("{} bytes, {} parents", roster::MAX_ENTRY, roster::MAX_PARENTS)),
    ]);
}

#[test]
fn the_page_holds_the_keys_that_are_derived() {
    let (epoch, mut next) = (epoch(), device());
    next.step(1);
    stands_there(&[
        ("notebook_tag", epoch.notebook.to_string()),
        ("epoch entry", epoch.epoch.to_string()),
        ("key_id", epoch.key_id().to_string()),
        ("root K", hex(&counting::<32>(0x20))),
        ("check", hex(&epoch_check(&Secret::new(counting(0x20))))),
        ("k_seg", hex(epoch.segment_key().bytes())),
        ("k_entry", hex(epoch.entry_key().secret().bytes())),
        ("k_check", hex(epoch.checkpoint_key().bytes())),
        ("checkpoint tag", hex(&epoch.checkpoint_tag())),
        ("log", hex(&first().log)),
        ("log_tag", hex(&epoch.log_tag(&first().log))),
        ("discovery", hex(&epoch.discovery_tag(&counting::<8>(0), &device().device()))),
        ("endpoint seed", hex(&counting::<32>(0x40))),
        ("endpoint", hex(&device().public().endpoint)),
        ("keys seed", hex(&counting::<32>(0x60))),
        ("device", device().device().to_string()),
        ("hpke", hex(&device().public().hpke)),
        ("next hpke", hex(&next.public().hpke)),
        ("hpke that lasts", hex(&device().device().lasting_hpke().unwrap())),
        ("proofs", hex(device().public().proofs.as_flattened())),
    ]);
}

#[test]
fn the_page_holds_segments_that_the_code_seals_and_opens() {
    let [one, two] = segments();
    let header = Header::read(&one).unwrap();
    stands_there(&[
        ("cbor", hex(&first().encode())),
        ("segment", hex(&one)),
        ("hash", hex(&hash(&one))),
        ("name", Name::of_segment(&header, &one, 0).to_string()),
    ]);
    let both = bundle([&one[..], &two]);
    stands_there(&[
        ("cbor", hex(&second(hash(&one)).encode())),
        ("segment", hex(&two)),
        ("hash", hex(&hash(&two))),
        ("name", Name::of_segment(&Header::read(&two).unwrap(), &two, 0).to_string()),
        ("bundle", Name::of_bundle(&header, 2, &both, 0).to_string()),
    ]);
    assert_eq!(open(&one, &epoch()).unwrap().verify(&device().device()).unwrap(), first());
    assert_eq!(open(&two, &epoch()).unwrap().verify(&device().device()).unwrap(), second(hash(&one)));
}

#[test]
fn the_page_holds_the_sizes_that_padding_gives() {
    let sizes = [63, 100, 1000, 5000, 100_000, 262_000].map(|size| (size.to_string(), seal::padded(size).to_string()));
    let lines: Vec<(&str, String)> = sizes.iter().map(|(size, padded)| (&size[..], padded.clone())).collect();
    stands_there(&lines);
}

#[test]
fn the_page_holds_an_entry_a_bag_and_a_recovery_key() {
    let (keys, root) = (device(), Secret::new(counting(0x20)));
    let genesis = Entry::genesis(&keys, "Laptop", &root, 1_795_000_000_000).unwrap();
    let keys_of_genesis = EpochKeys::derive(epoch().notebook, genesis.hash, &root).entry_key();
    let sealed = roster::seal_entry(&genesis, &keys_of_genesis, &mut drawn(0xe0)).unwrap();
    stands_there(&[("entry", hex(genesis.bytes())), ("hash", genesis.hash.to_string()), ("r/ file", hex(&sealed))]);
    assert!(roster::open_entry(&sealed, &keys_of_genesis).is_ok_and(|read| Entries::begin(read).is_ok()));

    let entry_keys = vec![(epoch().epoch, epoch().entry_key().secret().clone())];
    let bag = KeyBag { keys: vec![(genesis.hash, root)], entry_keys };
    let to = (&epoch().notebook, genesis.hash.key_id());
    let sealed = bag.seal(&keys.public().hpke, to, &mut drawn(0xe0)).unwrap();
    stands_there(&[("r/ file", hex(&sealed))]);
    assert_eq!(keys.open_bag(&sealed, &epoch().notebook).unwrap(), bag);

    let kit = RecoveryKit::from_seed(Secret::new(counting(0)));
    stands_there(&[
        ("seed", hex(&counting::<32>(0))),
        ("text", kit.text().to_string()),
        ("sign", hex(&kit.public())),
        ("hpke", hex(&kit.hpke_public())),
    ]);
}

#[test]
fn the_reader_in_python_stays_short_enough_to_be_read() {
    assert!(READER_IN_PYTHON.lines().count() <= 150);
}

#[test]
fn the_page_holds_a_part_of_a_checkpoint() {
    let told = Told { id: RecordId(counting(0xc0)), kind: "contact".into(), fields: r#"{"name":"Dana Ruiz"}"#.into() };
    let text = checkpoint::Text { told: vec![told], seen: vec![(counting(0xa0), (1..=2).collect())] };
    let parts = checkpoint::seal(&text, &epoch(), device().signing_key(), &mut drawn(0x70)).unwrap();
    let [a, b, c, d, ..] = hash(&parts[0]);
    let name =
        checkpoint::Name { tag: epoch().checkpoint_tag(), weight: 596_000, hash: [a, b, c, d], part: 1, parts: 1 };
    stands_there(&[("part", hex(&parts[0])), ("name", name.to_string())]);
}
