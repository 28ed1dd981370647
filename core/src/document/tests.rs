//! What a document promises by itself, on bytes made here.
#![allow(clippy::unwrap_used)]

use super::*;

const ME: Actor = Actor([1; 16]);

fn put(key: &str, value: &str) -> Edit {
    Edit::Put { key: key.into(), value: value.into() }
}

fn contact() -> (Document, Vec<RawChange>) {
    let mut document = Document::default();
    let about = Edit::Text { field: "about".into(), text: "likes customs law, and tea".into() };
    let changes = document.edit(Kind::Contact, &[put("name", "Dana"), about], None, ME, 0, false).unwrap();
    (document, changes)
}

#[test]
fn the_first_change_of_what_exists_once_never_changes() {
    let golden = [
        (Kind::Profile, "", "7b91ab48b6f3aef6b771c799c81c409c08541c67c7b8b7f33af6fd932513a78f"),
        (Kind::Settings, "", "b24e5b98c8c1472e416375726f952a423c47e3668100edac6bc8c0e43dc394a4"),
        (Kind::Week, "2026-W47", "c72941fe78ea76772c626fb38b4b30a3e06e28cc18fcb41c849fab5245665acb"),
        (Kind::Review, "2026", "61945e09cb5f716556a1f32cbb7c0e593f36bdaaf0ef38f1945bbf9bc922cc2b"),
    ];
    for (kind, name, hash) in golden {
        let id = RecordId::of_singleton(kind.word(), name);
        let (document, first) = Document::singleton(kind, id).unwrap();
        let shown: String = first.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, hash, "{}: two versions of the program would shadow each other's", kind.word());
        assert!(document.begins_as_singleton(kind, id));
    }
    let all: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| kind.is_singleton()).collect();
    assert_eq!(all.len(), golden.len(), "each of them stands above");
}

#[test]
fn a_record_begun_at_once_says_what_one_written_piece_by_piece_says() {
    let edits = [
        put("name", "Dana"),
        Edit::Text { field: "about".into(), text: "likes customs law, and 茶".into() },
        Edit::Put { key: "tags/lyon".into(), value: true.into() },
        put("channels/8f21/value", "dana@example.org"),
        Edit::Put { key: "met_where".into(), value: Value::Null },
        put("name", "Dana Ruiz"),
        Edit::Put { key: "cadence_days".into(), value: 90.into() },
        put("a_field_of_a_later_version", "kept"),
    ];
    let (mut at_once, mut in_pieces) = (Document::default(), Document::default());
    let changes = at_once.edit(Kind::Contact, &edits, None, ME, 0, false).unwrap();
    for edit in &edits {
        in_pieces.edit(Kind::Contact, std::slice::from_ref(edit), None, ME, 0, false).unwrap();
    }
    assert_eq!(at_once.read(), in_pieces.read());
    assert_eq!(at_once.read().fields["name"], "Dana Ruiz");
    assert_eq!(Document::load(&at_once.save()).unwrap().read(), at_once.read());
    let sent: Vec<Vec<u8>> = changes.into_iter().map(|change| change.bytes).collect();
    let taken = Document::default().admit(&sent);
    assert_eq!((taken.document.heads(), taken.reading), (at_once.heads(), at_once.read()));
}

#[test]
fn a_text_that_came_with_a_later_version_is_made_when_it_is_written() {
    let id = RecordId::of_singleton("settings", "");
    let (mut document, _) = Document::singleton(Kind::Settings, id).unwrap();
    let text = Edit::Text { field: "motto".into(), text: "deposits first".into() };
    document.edit(Kind::Settings, &[text], None, ME, 0, false).unwrap();
    assert_eq!(document.read().fields["motto"], "deposits first");
}

#[test]
fn the_gate_lets_our_own_changes_pass_and_no_cut_of_them() {
    let (_, changes) = contact();
    for change in changes {
        assert!(gate::check(&change.bytes).unwrap() >= 20, "it counts the operations");
        for end in 0..change.bytes.len() {
            assert!(gate::check(&change.bytes[..end]).is_err(), "cut at {end}");
        }
    }
}

#[test]
fn the_gate_refuses_claims_beyond_its_limits() {
    // Magic, check sum, kind, length; then dependencies, actor, number, first operation, time, message, other actors.
    let chunk = |body: &[u8]| [&[0x85, 0x6f, 0x4a, 0x83, 0, 0, 0, 0, 1, body.len() as u8][..], body].concat();
    let head = [0, 1, 7, 1, 1, 0, 0, 0];
    assert_eq!(gate::check(&chunk(&[&head[..], &[0]].concat())), Ok(0));
    let huge = [0xff, 0xff, 0xff, 0xff, 0x7f];
    let refused: Vec<Vec<u8>> = vec![
        // Billions of dependencies, bytes of an actor, of a message, of other actors, of columns.
        chunk(&huge),
        chunk(&[&[0][..], &huge].concat()),
        chunk(&[&head[..6], &huge].concat()),
        chunk(&[&head[..7], &huge].concat()),
        chunk(&[&head[..], &huge].concat()),
        // No first number, no first operation; a time before the stone age.
        chunk(&[0, 1, 7, 0, 1, 0, 0, 0, 0]),
        chunk(&[0, 1, 7, 1, 0, 0, 0, 0, 0]),
        chunk(&[0, 1, 7, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f, 0, 0, 0]),
        // A column that is compressed, one that is longer than the change, one that claims a million rows.
        chunk(&[&head[..], &[1, 0x1d, 1, 0]].concat()),
        chunk(&[&head[..], &[1, 0x15, 0x7f]].concat()),
        chunk(&[&head[..], &[1, 0x42, 4, 0xc0, 0x84, 0x3d, 1]].concat()),
        chunk(&[&head[..], &[1, 0x34, 3, 0xc0, 0x84, 0x3d]].concat()),
        // A number that never ends, a length that is wrong, another kind of chunk.
        chunk(&[0x80; 20]),
        [&chunk(&head)[..], &[0; 8]].concat(),
        [&chunk(&head)[..8], &[2], &chunk(&head)[9..]].concat(),
        vec![],
    ];
    for bytes in &refused {
        assert!(gate::check(bytes).is_err(), "{bytes:02x?}");
    }
    assert!(gate::check(&vec![0; gate::MAX_BYTES + 1]).is_err());
}

#[test]
fn every_changed_bit_of_a_change_is_refused() {
    let (document, changes) = contact();
    let mut flipped = Vec::new();
    for at in 0..changes[0].bytes.len() {
        let mut bytes = changes[0].bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        flipped.push(bytes);
    }
    let admission = Document::default().admit(&flipped);
    assert_eq!((admission.added.len(), admission.waiting.len()), (0, 0));
    assert_eq!(admission.refused.len(), flipped.len());
    let whole = Document::default().admit(&changes.iter().map(|change| change.bytes.clone()).collect::<Vec<_>>());
    assert_eq!(whole.document.heads(), document.heads());
}

#[test]
fn changes_in_any_order_and_twice_lead_to_the_same_record() {
    let (mut document, _) = contact();
    for n in 0..20 {
        document.edit(Kind::Contact, &[put("name", &format!("Dana {n}"))], None, ME, n, false).unwrap();
    }
    let mut changes: Vec<Vec<u8>> = document.changes().into_iter().map(|change| change.bytes).collect();
    changes.reverse();
    changes.extend(changes.clone());
    let admission = Document::default().admit(&changes);
    assert_eq!(admission.document.heads(), document.heads());
    assert_eq!(admission.document.read(), document.read());
    // Without its first change everything waits, and nothing is lost.
    let all = document.changes();
    let rest: Vec<Vec<u8>> = all[1..].iter().map(|change| change.bytes.clone()).collect();
    assert_eq!(Document::default().admit(&rest).waiting.len(), rest.len());
}
