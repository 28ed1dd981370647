//! What a segment promises. The vectors for other programs have a file of their own.

#![allow(clippy::unwrap_used)]

mod vectors;

use super::*;
use crate::sync::keys::{DeviceKeys, EntryHash, Secret};
use proptest::prelude::*;

fn device() -> DeviceKeys {
    DeviceKeys::from_seeds(&Secret::new([1; 32]), &Secret::new([2; 32]))
}

fn epoch() -> EpochKeys {
    EpochKeys::derive(NotebookTag([3; 16]), EntryHash([4; 32]), &Secret::new([5; 32]))
}

fn sevens(bytes: &mut [u8]) {
    bytes.fill(7);
}

fn change(bytes: Vec<u8>) -> Item {
    Item::Change { record: RecordId([8; 16]), bytes, reissued: false, unknown: Unknown::new() }
}

fn text() -> Plaintext {
    Plaintext {
        min_reader: 1,
        device: device().device(),
        log: [6; 16],
        prev: [0; 32],
        actors: vec![vec![1; 16], vec![2; 16]],
        retires: Some(Retired { log: [10; 16], last: 70, hash: [11; 32] }),
        seen: vec![([12; 16], (1..=40).collect()), ([13; 16], Ranges::new())],
        made_at_unix_ms: 1_795_000_000_000,
        app_version: "0.1.0".into(),
        items: vec![change(vec![1; 300]), Item::Blob { bytes: vec![2; 80], unknown: Unknown::new() }],
        unknown: Unknown::new(),
    }
}

fn sealed(text: &Plaintext) -> Vec<u8> {
    seal(text, &epoch(), device().signing_key(), 1, &mut sevens).unwrap()
}

fn read(bytes: &[u8]) -> Result<Plaintext> {
    open(bytes, &epoch())?.verify(&device().device())
}

/// Seals these bytes as a member would who does not keep to the format.
fn forged(inside: &[u8]) -> Vec<u8> {
    let body = [&[0; SIGNATURE][..], &(inside.len() as u32).to_be_bytes(), inside].concat();
    let header = Header {
        notebook: epoch().notebook,
        key: epoch().key_id(),
        log_tag: epoch().log_tag(&[6; 16]),
        seq: 1,
        body: (body.len() + TAG) as u32,
        nonce: [7; NONCE],
    }
    .bytes();
    [&header[..], &seal::encrypt(epoch().segment_key(), &[7; NONCE], &header, &body).unwrap()].concat()
}

#[test]
fn a_segment_reads_what_it_writes() {
    let bytes = sealed(&text());
    assert_eq!(Header::read(&bytes).unwrap().seq, 1);
    assert_eq!(read(&bytes).unwrap(), text());
    let opened = open(&bytes, &epoch()).unwrap();
    assert_eq!((opened.author(), opened.log()), (device().device(), [6; 16]));
    assert!(!format!("{opened:?}").contains("0.1.0"));
}

#[test]
fn every_flipped_byte_and_every_cut_of_a_segment_is_refused() {
    let bytes = sealed(&text());
    for at in 0..bytes.len() {
        for bit in [1, 0x20, 0x80] {
            let mut flipped = bytes.clone();
            flipped[at] ^= bit;
            assert!(open(&flipped, &epoch()).is_err(), "byte {at}");
        }
        assert!(open(&bytes[..at], &epoch()).is_err(), "cut at {at}");
    }
    assert!(open(&[&bytes[..], &[0]].concat(), &epoch()).is_err());
}

#[test]
fn a_member_cannot_sign_for_another() {
    let other = DeviceKeys::from_seeds(&Secret::new([21; 32]), &Secret::new([22; 32]));
    assert!(seal(&text(), &epoch(), other.signing_key(), 1, &mut sevens).is_err());
    let theirs = Plaintext { device: other.device(), ..text() };
    let bytes = seal(&theirs, &epoch(), other.signing_key(), 1, &mut sevens).unwrap();
    assert!(open(&bytes, &epoch()).unwrap().verify(&device().device()).is_err());
    // Opened and sealed again with our name in it, and the other's signature.
    let cbor = zstd::bulk::compress(&text().encode(), 3).unwrap();
    let forged = forged(&cbor);
    assert_eq!(open(&forged, &epoch()).unwrap().author(), device().device());
    assert!(read(&forged).is_err());
}

#[test]
fn another_epoch_or_another_notebook_opens_nothing() {
    let bytes = sealed(&text());
    for (notebook, name, root) in [(3, 4, 6), (3, 5, 5), (4, 4, 5)] {
        let wrong = EpochKeys::derive(NotebookTag([notebook; 16]), EntryHash([name; 32]), &Secret::new([root; 32]));
        assert!(matches!(open(&bytes, &wrong), Err(Error::Peer(_))));
    }
}

#[test]
fn what_a_newer_version_put_into_a_segment_is_given_back_byte_for_byte() {
    let newer = Unknown::from([(40, vec![0x82, 1, 0xf9, 0x3c, 0]), (1000, vec![0xa1, 0x61, b'x', 0xf6])]);
    let mut strange = Map::new();
    strange.put(0, |writer| writer.uint(77));
    strange.put(1, |writer| writer.text("a kind of tomorrow"));
    let mut known = text();
    known.unknown = newer.clone();
    known.items.push(Item::Unknown(strange.into_bytes()));
    known.items.push(Item::Change { record: RecordId([1; 16]), bytes: vec![5], reissued: true, unknown: newer });
    let read = read(&sealed(&known)).unwrap();
    assert_eq!(read, known);
    assert_eq!(read.encode(), known.encode());
}

#[test]
fn a_segment_that_needs_a_newer_reader_is_still_known_to_be_its_authors() {
    let mut newer = Plaintext { min_reader: 2, ..Plaintext::default() };
    (newer.device, newer.log) = (device().device(), [6; 16]);
    newer.unknown = Unknown::from([(ITEMS, vec![0x63, b'n', b'e', b'w'])]);
    let read = read(&sealed(&newer)).unwrap();
    assert!(read.needs_update() && read.items.is_empty());
    assert_eq!(read, newer);
}

#[test]
fn a_newer_form_of_the_file_asks_for_an_update() {
    let bytes = sealed(&text());
    for at in [3, 4, 5, 6, 7] {
        let mut newer = bytes.clone();
        newer[at] += 1;
        assert!(matches!(Header::read(&newer), Err(Error::NeedsUpdate(_))));
    }
}

#[test]
fn contents_in_another_spelling_are_refused() {
    let plain = text().encode();
    assert!(Plaintext::decode(&plain).is_ok());
    let mut longer = plain.clone();
    assert_eq!(longer[1..3], [0, 1], "the first field and its value");
    longer.splice(2..3, [0x18, 1]);
    let empty = Plaintext { seen: Vec::new(), unknown: Unknown::from([(SEEN, vec![0x80])]), ..text() }.encode();
    for wrong in [longer, empty, [&plain[..], &[0]].concat()] {
        assert!(Plaintext::decode(&wrong).is_err());
    }
}

#[test]
fn contents_beyond_the_limits_are_refused_when_they_are_sealed_and_when_they_are_read() {
    let blob = |length| Item::Blob { bytes: vec![0; length], unknown: Unknown::new() };
    for (what, wrong) in [
        ("items", Plaintext { items: vec![blob(0); MAX_ITEMS + 1], ..text() }),
        ("change", Plaintext { items: vec![change(vec![0; MAX_CHANGE + 1])], ..text() }),
        ("blob", Plaintext { items: vec![blob(MAX_BLOB + 1)], ..text() }),
        ("inflated", Plaintext { items: vec![blob(MAX_BLOB); 16], ..text() }),
        ("actors", Plaintext { actors: vec![vec![1]; MAX_ACTORS + 1], ..text() }),
        ("actor", Plaintext { actors: vec![vec![1; MAX_ACTOR + 1]], ..text() }),
        ("seen", Plaintext { seen: vec![([1; 16], Ranges::new()); MAX_SEEN + 1], ..text() }),
        ("version", Plaintext { app_version: "9".repeat(33), ..text() }),
    ] {
        let sealed = seal(&wrong, &epoch(), device().signing_key(), 1, &mut sevens);
        assert!(matches!(sealed, Err(Error::Invalid(_))), "{what}");
        let forged = forged(&zstd::bulk::compress(&wrong.encode(), 3).unwrap());
        assert!(matches!(open(&forged, &epoch()), Err(Error::Peer(_))), "{what}");
    }
}

#[test]
fn a_segment_stands_only_where_it_fits() {
    let second = Plaintext { prev: [9; 32], retires: None, ..text() };
    let at = |text: &Plaintext, seq| seal(text, &epoch(), device().signing_key(), seq, &mut sevens);
    assert_eq!(read(&at(&second, 2).unwrap()).unwrap(), second);
    for (wrong, seq) in [
        (text(), 0),
        (text(), 2),
        (second.clone(), 1),
        (second, 0),
        (Plaintext { prev: [9; 32], ..text() }, 2),
        (Plaintext { retires: None, ..text() }, 2),
    ] {
        assert!(at(&wrong, seq).is_err());
    }
}

#[test]
fn a_bomb_is_refused_before_anything_is_set_aside_for_it() {
    // 30 MiB of zeros in 3 kB, and a frame that claims exabytes.
    let bomb = zstd::bulk::compress(&vec![0; 30 << 20], 3).unwrap();
    let claims = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0];
    // A frame that does not say how large it is: zstd would have to find out.
    let silent = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 1, 0, 0];
    for packed in [&bomb[..], &claims, &silent] {
        let why = open(&forged(packed), &epoch()).unwrap_err().to_string();
        assert!(why.contains("larger than any"), "{why}");
    }
    // One that says less than it holds.
    let mut liar = zstd::bulk::compress(&vec![0; 70_000], 3).unwrap();
    let size = liar.windows(4).position(|bytes| bytes == 70_000_u32.to_le_bytes()).unwrap();
    liar[size] = 1;
    assert!(open(&forged(&liar), &epoch()).is_err());
}

#[test]
fn items_that_have_room_fit_however_badly_they_compress() {
    let mut noise = blake3::Hasher::new().finalize_xof();
    let mut draw = |length| {
        let mut bytes = vec![0; length];
        noise.fill(&mut bytes);
        bytes
    };
    for size in [1, 25, 700, 60_000, MAX_CHANGE] {
        let mut full = text();
        full.items.clear();
        full.actors = (0..MAX_ACTORS).map(|_| draw(MAX_ACTOR)).collect();
        let mut room = ROOM;
        while full.items.len() < MAX_ITEMS && room >= change(vec![0; size]).size() {
            full.items.push(change(draw(size)));
            room -= full.items.last().unwrap().size();
        }
        let bytes = sealed(&full);
        assert!(bytes.len() <= MAX_SEGMENT && read(&bytes).unwrap() == full, "{size}");
    }
}

#[test]
fn sizes_hide_lengths() {
    let mut noise = blake3::Hasher::new().finalize_xof();
    let mut sizes = std::collections::BTreeSet::new();
    for length in 2000..3000 {
        let mut bytes = vec![0; length];
        noise.fill(&mut bytes);
        let sealed = sealed(&Plaintext { items: vec![change(bytes)], ..text() });
        assert!(sealed.len() < (length + 700) * 112 / 100);
        sizes.insert(sealed.len());
    }
    assert!(sizes.len() <= 12, "a thousand lengths become {} sizes", sizes.len());
}

#[test]
fn a_bundle_gives_its_segments_back_and_hides_no_damage() {
    let segments: Vec<Vec<u8>> = (0..3).map(|at| sealed(&Plaintext { made_at_unix_ms: at, ..text() })).collect();
    let all = bundle(segments.iter().map(Vec::as_slice));
    let apart: Vec<&[u8]> = split(&all).collect::<Result<_>>().unwrap();
    assert_eq!(apart, segments);
    assert_eq!(split(&[]).count(), 0);
    for at in 1..all.len() {
        let whole = split(&all[..at]).filter(Result::is_ok).count();
        assert_eq!(whole, at / segments[0].len());
        assert_eq!(split(&all[..at]).filter(Result::is_err).count(), usize::from(at % segments[0].len() != 0));
    }
    assert!(split(&vec![0; MAX_BUNDLE + 1]).next().is_some_and(|first| first.is_err()));
    let mut damaged = all.clone();
    damaged[segments[0].len()] = 0;
    let found: Vec<bool> = split(&damaged).map(|segment| segment.is_ok()).collect();
    assert_eq!(found, [true, false]);
}

#[test]
fn names_are_read_as_they_are_written_and_no_other_way() {
    let bytes = sealed(&text());
    let header = Header::read(&bytes).unwrap();
    for name in [Name::of_segment(&header, &bytes, 0), Name::of_bundle(&header, 300, &bytes, 12)] {
        assert_eq!(Name::parse(&name.to_string()), Some(name));
    }
    let name = Name::of_segment(&header, &bytes, 0).to_string();
    for wrong in [
        name.replace("-0.", "-00."),
        name.replace("-0.", "-+0."),
        name.replace("-0.", "."),
        name.replace(".kiths", " 2.kiths"),
        name.replace(".kiths", ".sync-conflict-20261122-101010-ABCDEFG.kiths"),
        name.replace("l/", "b/"),
        name.to_uppercase(),
        format!("{name}/x"),
        format!("/{name}"),
        String::new(),
    ] {
        assert_eq!(Name::parse(&wrong), None, "{wrong}");
    }
}

prop_compose! {
    fn any_text()(
        actors in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..4),
        seen in prop::collection::vec((any::<[u8; 16]>(), prop::collection::vec(any::<u64>(), 0..6)), 0..4),
        retires in prop::option::of((any::<[u8; 16]>(), any::<u64>(), any::<[u8; 32]>())),
        made_at_unix_ms in any::<u64>(),
        app_version in "\\PC{0,8}",
        changes in prop::collection::vec((any::<[u8; 16]>(), prop::collection::vec(any::<u8>(), 0..300), any::<bool>()), 0..5),
    ) -> Plaintext {
        Plaintext {
            actors, made_at_unix_ms, app_version,
            retires: retires.map(|(log, last, hash)| Retired { log, last, hash }),
            seen: seen.into_iter().map(|(log, numbers)| (log, numbers.into_iter().collect())).collect(),
            items: changes.into_iter().map(|(record, bytes, reissued)| {
                Item::Change { record: RecordId(record), bytes, reissued, unknown: Unknown::new() }
            }).collect(),
            ..text()
        }
    }
}

proptest! {
    #[test]
    fn every_segment_reads_what_it_writes(text in any_text()) {
        prop_assert_eq!(read(&sealed(&text)).unwrap(), text);
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..60_usize, byte: u8) {
        let _ = Header::read(&bytes);
        let _ = open(&forged(&bytes), &epoch());
        let _ = open(&forged(&zstd::bulk::compress(&bytes, 3).unwrap()), &epoch());
        let _ = split(&[&sealed(&text())[..], &bytes].concat()).count();
        // Nearly right is where a parser goes wrong.
        let mut nearly = text().encode();
        nearly[at] = byte;
        if let Ok(text) = Plaintext::decode(&nearly) {
            prop_assert_eq!(text.encode(), nearly);
        }
    }

    #[test]
    fn no_name_makes_the_parser_panic(path in "[lb]?/?[0-9a-f]{0,34}/?\\PC{0,40}") {
        let _ = Name::parse(&path);
    }
}
