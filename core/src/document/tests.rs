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

fn note(text: &str, actor: u8) -> Document {
    let mut note = Document::default();
    write_body(&mut note, text, actor);
    note
}

/// A note that devices began apart, each with a text of its own.
fn begun_apart(texts: &[&str]) -> Document {
    let begun = texts.iter().zip(1..).map(|(text, n)| note(text, n).changes());
    begun.fold(Document::default(), |all, changes| taken(&all, &changes))
}

fn taken(document: &Document, changes: &[RawChange]) -> Document {
    let sent: Vec<Vec<u8>> = changes.iter().map(|change| change.bytes.clone()).collect();
    let admission = document.admit(&sent);
    assert_eq!((admission.refused, admission.waiting.len()), (Vec::new(), 0));
    admission.document
}

fn body(document: &Document) -> String {
    document.read().fields.get("body").and_then(|body| body.as_str()).unwrap_or_default().to_owned()
}

fn write_body(document: &mut Document, text: &str, actor: u8) -> Vec<RawChange> {
    let edits = [Edit::Text { field: "body".into(), text: text.into() }];
    document.edit(Kind::Note, &edits, None, Actor([actor; 16]), 0, false).unwrap()
}

#[test]
fn what_is_written_into_any_of_two_texts_stays_whoever_edits_both() {
    let begun = begun_apart(&["fox", "hen"]);
    for (mut apart, line) in [(note("fox", 1), "fox and corn"), (note("hen", 2), "hen and corn")] {
        // Somebody knows one of the texts alone and goes on in it; somebody else sees both and rewrites them.
        let added = write_body(&mut apart, line, 8);
        for new in ["hen\nfox\nboat", "boat", "the hen", ""] {
            let mut both = begun.clone();
            let edited = write_body(&mut both, new, 9);
            assert_eq!(body(&both), new);
            let there = taken(&both, &added);
            let back = taken(&taken(&apart, &begun.changes()), &edited);
            assert_eq!(there.read(), back.read());
            assert!(body(&there).contains("corn"), "{:?} lost what was added", body(&there));
            assert!(new.split(&[' ', '\n']).all(|word| word != "boat" || body(&there).contains(word)));
        }
    }
}

#[test]
fn several_texts_read_as_one_and_are_edited_as_one() {
    // The last that began stands first.
    let edits = [
        ("hen\nfox and hound", "hen\nfox and hound"),
        ("a hen\nfox", "a hen\nfox"),
        ("hen, fox", "hen, fox"),
        ("henfox", "henfox"),
        ("h\nx", "h\nx"),
        ("hen\n\nfox", "hen\n\nfox"),
        ("hen\n", "hen"),
        ("\nfox", "fox"),
        ("corn", "corn"),
        ("fox\nhen", "fox\nhen"),
        ("", ""),
    ];
    for (new, reads) in edits {
        let mut document = begun_apart(&["fox", "hen"]);
        assert_eq!(body(&document), "hen\nfox");
        write_body(&mut document, new, 9);
        assert_eq!(body(&document), reads, "from {new:?}");
        write_body(&mut document, "again", 9);
        assert_eq!(body(&document), "again");
    }
    let mut three = begun_apart(&["fox", "corn", "hen"]);
    assert_eq!(body(&three), "hen\ncorn\nfox");
    write_body(&mut three, "he is an ox", 9);
    assert_eq!(body(&three), "he is an ox");
}

#[test]
fn two_texts_alike_are_shown_once_and_edited_together() {
    let mut document = begun_apart(&["hen", "fox", "fox", "hen", ""]);
    assert_eq!(body(&document), "hen\nfox");
    write_body(&mut document, "hen and corn\nfox", 9);
    assert_eq!(body(&document), "hen and corn\nfox");
    write_body(&mut document, "", 9);
    assert_eq!(body(&document), "");
    write_body(&mut document, "fox", 9);
    assert_eq!(body(&document), "fox");
}

#[test]
fn long_texts_that_began_apart_are_edited_within_the_limits_of_a_change() {
    let long = |word: &str| format!("{word} ").repeat(4_000);
    let (hens, foxes, oxen) = (long("hen"), long("fox"), long("ox"));
    let mut apart = begun_apart(&[&hens, &foxes, &oxen, &hens]);
    assert_eq!(body(&apart), [&hens[..], &oxen, &foxes].join("\n"));
    let new = [&hens[1..], "and ", &oxen, &foxes, &foxes].concat();
    let changes = write_body(&mut apart, &new, 9);
    assert!(changes.len() > 1, "it is too much for one");
    // A line between two long texts stays where it is: each of them may be written in by somebody.
    assert_eq!(body(&apart).replace('\n', ""), new);
    write_body(&mut apart, "short", 9);
    assert_eq!(body(&apart), "short");
}

#[test]
fn a_record_with_more_ends_than_a_change_can_name_is_edited_all_the_same() {
    let begun = note("hen", 1);
    let ends = (0..600_u64).map(|n| {
        let mut apart = begun.clone();
        let mut actor = [7; 16];
        actor[..8].copy_from_slice(&n.to_be_bytes());
        apart.edit(Kind::Note, &[put("event", &n.to_string())], None, Actor(actor), 0, false).unwrap().remove(0)
    });
    let mut frozen = taken(&begun, &ends.collect::<Vec<_>>());
    assert_eq!(frozen.heads().hashes().len(), 600);
    let before = frozen.read();
    let changes = write_body(&mut frozen, "hen and fox", 9);
    assert_eq!(frozen.heads().hashes().len(), 1);
    let mut fields = before.fields.clone();
    fields.insert("body".into(), "hen and fox".into());
    assert_eq!((frozen.read().fields, frozen.read().conflicts), (fields, before.conflicts));
    assert_eq!(frozen.read().kind.as_deref(), Some("note"));
    assert!(changes.iter().all(|change| gate::check(&change.bytes).is_ok()));
    assert_eq!(frozen.history().last().map(|change| change.steps.len()), Some(1), "what joins says nothing");
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
