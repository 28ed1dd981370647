//! What the reader promises of cards as phones and programs really write them.

use proptest::prelude::*;

use super::super::tests::{cards, items, read};
use super::super::{Card, ImportError, Item};
use crate::model::{ChannelKind, Contact};

/// The one card made of these lines.
fn card(lines: &str) -> Card {
    cards(format!("BEGIN:VCARD\n{lines}\nEND:VCARD\n")).remove(0)
}

/// The same for lines that are no UTF-8.
fn raw_card(lines: &[u8]) -> Card {
    let file = [b"BEGIN:VCARD\r\n", lines, b"\r\nEND:VCARD\r\n"].concat();
    let items = read(file).expect("a good file");
    let card = items.into_iter().find_map(|item| if let Item::Card(card) = item { Some(*card) } else { None });
    card.expect("a card")
}

/// Kind, label and value of every channel.
fn channels(contact: &Contact) -> Vec<(&str, &str, &str)> {
    contact.channels.iter().map(|it| (it.kind.word(), it.label.as_str(), it.value.as_str())).collect()
}

fn preferred(contact: &Contact) -> Vec<&str> {
    contact.channels.iter().filter(|it| it.preferred).map(|it| it.value.as_str()).collect()
}

fn dates(contact: &Contact) -> Vec<(&str, String)> {
    let day = |date: Option<_>| date.map_or(String::new(), |day: crate::model::PartialDate| day.to_string());
    contact.dates.iter().map(|it| (it.label.as_str(), day(it.date))).collect()
}

#[test]
fn an_old_phone_card_in_quoted_printable_is_read() {
    let card = card(concat!(
        "VERSION:2.1\n",
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C5=81ukasz;Zo=C3=AB;;;\n",
        "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Zo=C3=AB=20=C5=\n",
        "=81ukasz\n",
        "TEL;CELL;PREF:+48 600 100 200\n",
        "TEL;WORK;FAX:123456\n",
        "EMAIL;INTERNET;HOME:zoe@example.org\n",
        "NOTE;ENCODING=QUOTED-PRINTABLE:one=0D=0Atwo=3B three=\n",
        "\n",
        "ORG;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Caf=E9 Union;Cuisine\n",
        "TITLE;CHARSET=no-such-charset:Chef",
    ));
    let contact = &card.contact;
    assert_eq!((contact.name.as_str(), contact.family_name.as_str()), ("Zoë Łukasz", "Łukasz"));
    let expected =
        [("phone", "mobile", "+48 600 100 200"), ("phone", "work fax", "123456"), ("mail", "home", "zoe@example.org")];
    assert_eq!(channels(contact), expected);
    assert_eq!(preferred(contact), ["+48 600 100 200"]);
    assert_eq!(contact.about, "one\ntwo; three");
    assert_eq!(
        (card.organisations[0].as_str(), contact.affiliations[0].department.as_str()),
        ("Café Union", "Cuisine")
    );
    assert_eq!((contact.affiliations[0].role.as_str(), card.kept.as_str()), ("Chef", ""));
}

#[test]
fn a_card_in_a_windows_code_page_is_read() {
    let card = raw_card(b"VERSION:2.1\r\nFN;CHARSET=windows-1251:\xC0\xED\xED\xE0\r\nNOTE:from Omsk");
    assert_eq!(card.contact.name, "Анна");
    assert_eq!(raw_card(b"FN:Ren\xE9e").contact.name, "Renée");
}

#[test]
fn a_file_that_is_no_utf_8_says_once_how_it_was_read() {
    let file = b"BEGIN:VCARD\nFN:Ren\xE9e\nNOTE:\xE9\nEND:VCARD\nBEGIN:VCARD\nFN:Zo\xEB\nEND:VCARD\n";
    let notes: Vec<_> =
        read(&file[..]).expect("readable").into_iter().filter(|it| matches!(it, Item::Note { .. })).collect();
    assert!(matches!(&notes[..], [Item::Note { line: 2, words }] if words.contains("Windows-1252")), "{notes:?}");
}

#[test]
fn a_utf_16_file_is_read() {
    let text = "\u{feff}BEGIN:VCARD\r\nFN:Łódź\r\nEND:VCARD\r\n";
    let file: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(matches!(&read(file).expect("readable")[0], Item::Card(card) if card.contact.name == "Łódź"));
}

#[test]
fn photos_inside_the_card_are_taken_and_links_to_photos_are_kept() {
    for photo in [
        "PHOTO;ENCODING=b;TYPE=JPEG:/9j/AAEC",
        "PHOTO;BASE64:\n  /9j/\n  AAEC\n\n",
        "PHOTO;ENCODING=BASE64;JPEG:/9j/\n AAEC\n",
        "PHOTO:data:image/jpeg;base64,/9j/\n AAEC",
        "PHOTO;VALUE=uri:data:image/jpeg;base64\\,/9j/AAEC",
    ] {
        let card = card(&format!("FN:A\n{photo}\nTEL:12345"));
        assert_eq!(card.photo.as_deref(), Some(&[0xFF, 0xD8, 0xFF, 0, 1, 2][..]), "{photo}");
        assert_eq!((card.kept.as_str(), card.contact.channels.len()), ("", 1), "{photo}");
    }
    let link = "PHOTO;VALUE=uri:https://example.org/a.jpg";
    let linked = card(&format!("FN:A\n{link}"));
    assert_eq!((linked.photo, linked.kept.as_str()), (None, link));
}

#[test]
fn case_and_version_do_not_matter() {
    let file = "begin:vcard\nfn:One\nend:vcard\nBEGIN:VCARD\nFN:Two\nVERSION:4.0\nEND:VCARD\nBegin: VCARD \nFN:Three\nEND:vcard";
    let names: Vec<_> = cards(file.into()).into_iter().map(|card| card.contact.name).collect();
    assert_eq!(names, ["One", "Two", "Three"]);
}

#[test]
fn a_card_without_a_full_name_is_called_by_what_it_has() {
    for (lines, name) in [
        ("N:Levi;Dana;R.;Dr.;MBA", "Dr. Dana R. Levi MBA"),
        ("N:;;;;\nNICKNAME:Dan,Danny", "Dan, Danny"),
        ("N:;;;;\nORG:Acme;", "Acme"),
        ("EMAIL:dana@acme.com\nTEL:1", "dana@acme.com"),
        ("ADR:;;Street;Town\nTEL:12345", "12345"),
        ("FN: \nN:Levi;;;;", "Levi"),
        ("FN:?\nTEL:12345", ""),
    ] {
        assert_eq!(card(lines).contact.name, name, "{lines}");
    }
}

#[test]
fn labels_of_apple_and_google_are_tied_by_their_group() {
    let card = card(concat!(
        "FN:Dana\n",
        "item1.EMAIL;type=INTERNET:dana@acme.com\nitem1.X-ABLabel:Praca\n",
        "item2.URL;type=pref:https\\://acme.com\nitem2.X-ABLabel:_$!<HomePage>!$_\n",
        "item3.X-ABDATE;type=pref:1999-05-06\nitem3.X-ABLabel:Aniversario de bodas\n",
        "item4.X-ABRELATEDNAMES:Yael\nitem4.X-ABLabel:_$!<Spouse>!$_\n",
        "item5.ADR;type=HOME:;;Rue 1;Paris;;75001;France\nitem5.X-ABADR:fr\n",
        "item6.X-FOO:bar\nitem6.X-ABLabel:Foo\n",
        "TEL;type=CELL;type=VOICE;type=pref:\u{202a}+33 6\u{202c}",
    ));
    let expected = [
        ("mail", "Praca", "dana@acme.com"),
        ("link", "home page", "https://acme.com"),
        ("address", "home", "Rue 1, Paris, 75001, France"),
        ("phone", "mobile", "+33 6"),
    ];
    assert_eq!(channels(&card.contact), expected);
    assert_eq!(dates(&card.contact), [("Aniversario de bodas", "1999-05-06".into())]);
    assert_eq!((card.contact.family[0].relation.as_str(), card.contact.family[0].name.as_str()), ("spouse", "Yael"));
    let kept =
        "item5.ADR;type=HOME:;;Rue 1;Paris;;75001;France\nitem5.X-ABADR:fr\nitem6.X-FOO:bar\nitem6.X-ABLabel:Foo";
    assert_eq!(card.kept, kept);
}

#[test]
fn days_without_a_year_have_none() {
    for birthday in ["BDAY:--0122", "BDAY:--01-22", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-01-22", "BDAY:1604-01-22"] {
        let day = card(&format!("FN:A\n{birthday}")).contact.birthday;
        assert_eq!(day.map(|day| day.to_string()).as_deref(), Some("--01-22"), "{birthday}");
    }
    let odd = card("FN:A\nBDAY;VALUE=text:circa 1800\nANNIVERSARY:20010203T1200Z\nX-ANNIVERSARY:June 12");
    assert_eq!(dates(&odd.contact), [("anniversary", "2001-02-03".into())]);
    assert_eq!(odd.kept, "BDAY;VALUE=text:circa 1800\nX-ANNIVERSARY:June 12");
}

#[test]
fn addresses_of_seven_eight_or_fewer_parts_are_one_line() {
    let parts = card("FN:A\nADR:;;Street 1\\nBack door;Town;Region;123;Land;more\nADR;TYPE=\"work,postal\":;;Street");
    let expected =
        [("address", "", "Street 1, Back door, Town, Region, 123, Land, more"), ("address", "work", "Street")];
    assert_eq!(channels(&parts.contact), expected);
}

#[test]
fn messengers_and_profiles_are_named_after_their_service() {
    let card = card(concat!(
        "FN:Doc\n",
        "IMPP;X-SERVICE-TYPE=Signal;type=HOME:x-apple:doc\n",
        "IMPP:xmpp:doc@example.org\n",
        "X-SKYPE-USERNAME:doc.s\n",
        "X-SOCIALPROFILE;type=mastodon;x-user=doc:https://social.example/@doc\n",
        "X-SOCIALPROFILE;type=game:x-apple:doc7",
    ));
    let expected = [
        ("messenger", "Signal", "doc"),
        ("messenger", "", "xmpp:doc@example.org"),
        ("messenger", "Skype", "doc.s"),
        ("link", "mastodon", "https://social.example/@doc"),
        ("messenger", "game", "doc7"),
    ];
    assert_eq!(channels(&card.contact), expected);
}

#[test]
fn a_card_of_version_4_is_read() {
    let card = card(concat!(
        "VERSION:4.0\nUID:urn:uuid:1234\nFN:Dana\nN:Levi;Dana;Ruth,Lea;;MBA,PMP\n",
        "TEL;VALUE=uri;PREF=1;TYPE=\"work,voice\":tel:+1-555-0100;ext=12\n",
        "LANG:fr\nPRONOUNS:she/her\nRELATED;TYPE=friend;VALUE=text:Avi\nRELATED;TYPE=kin:urn:uuid:9\n",
        "REV;VALUE=timestamp:soon\nGENDER:F;",
    ));
    let contact = &card.contact;
    assert_eq!((card.key.as_str(), contact.middle_name.as_str()), ("urn:uuid:1234", "Ruth Lea"));
    assert_eq!(contact.name_suffix, "MBA, PMP");
    assert_eq!(channels(contact), [("phone", "work", "+1-555-0100 ext. 12")]);
    assert_eq!(preferred(contact), ["+1-555-0100 ext. 12"]);
    assert_eq!((contact.languages[0].as_str(), contact.pronouns.as_str()), ("fr", "she/her"));
    assert_eq!((contact.family[0].relation.as_str(), contact.family[0].name.as_str()), ("friend", "Avi"));
    assert_eq!(card.kept, "RELATED;TYPE=kin:urn:uuid:9\nGENDER:F;");
}

#[test]
fn titles_find_their_organisation() {
    let roles = |lines: &str| {
        let card = card(&format!("FN:A\n{lines}"));
        let roles = card.contact.affiliations.iter().map(|it| it.role.clone());
        (roles.zip(card.organisations).map(|(role, name)| format!("{role}@{name}")).collect::<Vec<_>>(), card.kept)
    };
    let nothing = String::new;
    assert_eq!(roles("TITLE:CTO\nORG:Acme"), (vec!["CTO@Acme".into()], nothing()));
    assert_eq!(
        roles("ORG:A\nORG:B\nTITLE:x\nTITLE:y\nTITLE:z"),
        (vec!["x@A".into(), "y@B".into(), "z@".into()], nothing())
    );
    assert_eq!(roles("i1.ORG:A\ni2.ORG:B\ni2.TITLE:y"), (vec!["@A".into(), "y@B".into()], nothing()));
    assert_eq!(roles("ORG:A\nROLE:r"), (vec!["r@A".into()], nothing()));
    assert_eq!(roles("ORG:A\nTITLE:t\nROLE:r"), (vec!["t@A".into()], "ROLE:r".into()));
}

#[test]
fn tags_are_the_categories_without_those_of_the_system() {
    assert_eq!(
        card("FN:A\nCATEGORIES:myContacts,Chess  club,a\\,b\nCATEGORIES:My Contacts").contact.tags,
        ["Chess  club", "a,b"]
    );
}

#[test]
fn no_value_of_one_line_holds_a_line_break() {
    let contact = card("FN:A\\nX-EVIL:1\nTEL:1\\r\\n2\nitem1.EMAIL:a@b\nitem1.X-ABLabel:Wedding\\nX-Evil: x").contact;
    assert_eq!(contact.name, "A X-EVIL:1");
    assert_eq!(channels(&contact), [("phone", "", "1 2"), ("mail", "Wedding X-Evil: x", "a@b")]);
}

#[test]
fn groups_and_empty_cards_are_skipped_with_a_reason() {
    let file =
        "BEGIN:VCARD\nFN:Team\nX-ADDRESSBOOKSERVER-KIND:group\nEND:VCARD\nBEGIN:VCARD\nVERSION:3.0\nTEL:\nEND:VCARD\n";
    let reasons: Vec<_> = items(file.into())
        .into_iter()
        .map(|item| match item {
            Item::Skipped { line, reason } => (line, reason),
            other => unreachable!("{other:?}"),
        })
        .collect();
    assert_eq!(reasons, [(1, "a group, not a person".into()), (5, "an empty card".into())]);
}

#[test]
fn the_card_of_an_assistant_stays_inside() {
    let card = card("FN:Boss\nAGENT:\nBEGIN:VCARD\nVERSION:2.1\nFN:Help, er\nEND:VCARD\nTEL:12345");
    assert_eq!((card.contact.name.as_str(), card.contact.channels.len()), ("Boss", 1));
    assert_eq!(card.kept, "AGENT:BEGIN:VCARD\\nVERSION:2.1\\nFN:Help\\, er\\nEND:VCARD\\n");
}

#[test]
fn damage_is_named_by_its_line() {
    let line = |file: &str| match read(file) {
        Err(ImportError::Damaged { line, .. }) => line,
        other => unreachable!("{other:?}"),
    };
    assert_eq!(line("BEGIN:VCARD\nFN:A\nEND:VCARD\n\nBEGIN:VCARD\nFN:B\n"), 5);
    assert_eq!(line("BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B\nEND:VCARD\n"), 1);
    assert_eq!(line("BEGIN:VCARD\nFN:A\nEND:VCARD\nEND:VCARD\n"), 4);
    assert_eq!(line("BEGIN:VCARD\nFN:A\nX:\0\u{1}\nEND:VCARD\n"), 3);
    assert!(matches!(read(""), Err(ImportError::NotRecognised)));
    assert!(matches!(read("\u{7f}ELF\0\0\0\0garbage\n"), Err(ImportError::NotRecognised)));
    assert!(matches!(read("BEGIN:VCALENDAR\nEND:VCALENDAR\n"), Err(ImportError::NotRecognised)));
}

#[test]
fn strange_lines_are_kept_or_noted_and_never_stop_the_rest() {
    let file = "Exported today\nBEGIN:VCARD\nFN:A\nX-GOOGLE TALK:g\nno line at all\n:nameless\nTEL:12345\nEND:VCARD\n";
    let items = items(file.into());
    let notes = items.iter().filter(|item| matches!(item, Item::Note { .. })).count();
    let Some(Item::Card(card)) = items.last() else { unreachable!("{items:?}") };
    assert_eq!((notes, card.kept.as_str(), card.contact.channels.len()), (3, "X-GOOGLE TALK:g", 1));
}

#[test]
fn a_line_too_long_is_refused_before_it_fills_the_memory() {
    let long = "x".repeat(super::super::MAX_LINE_BYTES);
    let folded =
        format!("BEGIN:VCARD\nFN:A\nNOTE:{}\n", format!("\n {}", "y".repeat(1000)).repeat(long.len() / 1000 + 1));
    for file in [format!("BEGIN:VCARD\nFN:A\nNOTE:{long}\n"), folded] {
        assert!(matches!(read(file), Err(ImportError::TooLarge { line: 3, .. })));
    }
}

#[test]
fn hostile_shapes_take_no_more_time_than_good_ones() {
    let many = 200_000;
    for file in [
        format!("BEGIN:VCARD\nX{}\nEND:VCARD\n", "\n y".repeat(many)),
        format!("BEGIN:VCARD\nN;ENCODING=QUOTED-PRINTABLE:{}=\n{}\nEND:VCARD\n", " ".repeat(many), " =\n".repeat(many)),
        format!("BEGIN:VCARD\n{}{}END:VCARD\n", "ORG:a\n".repeat(many / 4), "TITLE:b\n".repeat(many / 4)),
        format!("BEGIN:VCARD\nFN:{}\nEND:VCARD\n", "\\;".repeat(many)),
        format!("BEGIN:VCARD\n{}END:VCARD\n", "LANG:a\nNICKNAME:b,c\nCATEGORIES:d\nNOTE:e\n".repeat(many / 8)),
        format!("BEGIN:VCARD\nFN{}:a\nEND:VCARD\n", ";TYPE=a".repeat(many)),
        format!("BEGIN:VCARD\nPHOTO;BASE64:{}\nEND:VCARD\n", "\nAAAA".repeat(many)),
    ] {
        let began = std::time::Instant::now();
        let _ = read(file);
        // A quadratic one would take minutes; a debug build on a busy machine takes a second.
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}

/// A card with most of what cards have, to be broken in many ways.
const RICH: &str = concat!(
    "BEGIN:VCARD\r\nVERSION:3.0\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:L=C3=A9vi;Dana;;;\r\nFN:Dana L\u{e9}vi\r\n",
    "item1.EMAIL;TYPE=\"a,b\":dana@acme.com\r\nitem1.X-ABLabel:_$!<HomePage>!$_\r\nBDAY:--0122\r\n",
    "NOTE:a long\r\n  note\\, folded\\n\r\nORG:Acme;R\\;D\r\nTITLE:CTO\r\nADR;TYPE=HOME:;;Rue 1;Paris;;;\r\n",
    "PHOTO;ENCODING=b:\r\n /9j/AAEC\r\n\r\nTEL;VALUE=uri:tel:+1;ext=2\r\nCATEGORIES:a,b\r\nEND:VCARD\r\n",
);

#[test]
fn every_beginning_of_a_file_gives_cards_or_a_clear_error() {
    let file = [RICH, RICH].concat().into_bytes();
    for end in 0..file.len() {
        match read(&file[..end]) {
            Ok(items) => assert!(!items.is_empty()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert_eq!(cards([RICH, RICH].concat()).len(), 2);
    assert_eq!(cards(RICH.into())[0].contact.channels[0].kind, ChannelKind::Mail);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_can_stop_the_program(bytes in proptest::collection::vec(any::<u8>(), 0..400), inside in any::<bool>()) {
        let file = if inside { [b"BEGIN:VCARD\n", &bytes[..], b"\nEND:VCARD\n"].concat() } else { bytes };
        let _ = read(file);
    }

    #[test]
    fn no_broken_card_can_stop_the_program(
        changes in proptest::collection::vec((0..RICH.len(), any::<u8>(), 0u8..3), 1..12),
    ) {
        let mut file = RICH.as_bytes().to_vec();
        for (at, byte, what) in changes {
            let at = at % file.len().max(1);
            match what {
                0 => file[at] = byte,
                1 => file.insert(at, byte),
                _ => drop(file.splice(at..(at + usize::from(byte) % 20).min(file.len()), [])),
            }
            file.push(b'\n');
        }
        let _ = read(file);
    }

    #[test]
    fn no_line_made_of_the_usual_signs_can_stop_the_program(
        lines in proptest::collection::vec("(FN|N|TEL|ORG|PHOTO|item1\\.X-ABLabel|ADR|NOTE|BDAY|CATEGORIES|IMPP)[;:=,\\\\\"^.a\u{e9}0-9 \t-]{0,30}", 1..8),
    ) {
        let file = format!("BEGIN:VCARD\n{}\nEND:VCARD\n", lines.join("\n"));
        prop_assert!(read(file).is_ok());
    }
}
