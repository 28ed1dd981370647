//! Journeys of one person through the public API: the event, the promises, the address book, leaving for good.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::NaiveDate;
use kith_core::model::*;
use kith_core::notebook::{
    BACKUPS_KEPT, Change, Changed, Debrief, DeviceSettings, HistoryLine, IntroductionStep, Notebook, Options, Origin,
    UndoStep,
};
use kith_core::query::PersonMore;
use tests::Device;

const EXAMPLE: &str = "Dana Ruiz, Acme Logistics, hiring ops lead !send her the Lyon contact by tue \
                       ?needs a warehouse in Lyon +knows customs brokers #lyon *";

fn device() -> (tempfile::TempDir, Device) {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::new(folder.path(), "phone", 11);
    (folder, device)
}

fn two() -> (tempfile::TempDir, Device, Device, PathBuf) {
    let (folder, phone) = device();
    let laptop = Device::new(folder.path(), "laptop", 12);
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    (folder, phone, laptop, shared)
}

fn meet(a: &Device, b: &Device, shared: &Path) {
    [a, b, a].iter().for_each(|device| drop(device.sync(shared)));
}

fn import(notebook: &Notebook, file: &Path) -> kith_core::notebook::ImportReport {
    notebook.import(file, &mut |_, _| Ok(())).unwrap()
}

/// Whether these words stand in the file, packed or not.
fn bytes_hold(device: &Device, words: &str) -> bool {
    tests::words::stand_in(&device.file(), words)
}

#[test]
fn the_example_jot_becomes_six_records_in_one_commit() {
    let (_tmp, phone) = device();
    let jotted = phone.notebook.jot_line(EXAMPLE).unwrap();
    let mut wrote = jotted.wrote.clone();
    wrote.sort();
    assert_eq!(wrote, ["contact", "need", "note", "offer", "organisation", "promise"]);
    let page = phone.notebook.person(jotted.contact.unwrap()).unwrap();
    assert_eq!(page.organisations, ["Acme Logistics"]);
    assert_eq!(page.contact.affiliations[0].role, "hiring ops lead");
    assert_eq!(page.promises[0].due, "2026-11-24".parse().ok());
    assert_eq!(
        (page.needs[0].words.as_str(), page.offers[0].words.as_str()),
        ("needs a warehouse in Lyon", "knows customs brokers")
    );
    assert_eq!((page.contact.tags, page.contact.spark), (vec!["lyon".to_string()], true));
    let today = phone.notebook.today_page().unwrap();
    assert_eq!((today.i_owe[0].name.as_str(), today.people), ("Dana Ruiz", 1));
}

#[test]
fn the_same_full_name_is_the_same_person_and_anything_less_is_a_new_one() {
    let (_tmp, phone) = device();
    let dana = phone.notebook.jot_line("Dana Ruiz, Acme").unwrap().contact;
    let again = phone.notebook.jot_line("dána RUIZ !call her").unwrap();
    assert_eq!((again.contact, again.known), (dana, true));
    let elsewhere = phone.notebook.jot_line("Dana Ruiz, Borealis").unwrap();
    assert!(!elsewhere.known, "another organisation may be another Dana");
    assert_eq!(elsewhere.same_as[0].why, "the same name");
    let first_name = phone.notebook.jot_line("Dana !write to her").unwrap();
    assert!(!first_name.known, "a lone first name is not certain");
}

#[test]
fn practice_3_8_at_an_event_everything_belongs_to_it() {
    let (_tmp, phone) = device();
    phone.notebook.start_event("Chamber breakfast", "Hôtel du Lac").unwrap();
    let ann = phone.notebook.jot_line("Ann Lee, Borealis !!sends the price list").unwrap().contact.unwrap();
    let again = phone.notebook.jot_line("Ann !thank her for the coffee").unwrap();
    assert_eq!((again.contact, again.known), (Some(ann), true), "a first name counts among those met here");
    let tall = phone.notebook.jot_line("?, Borealis, the tall one *").unwrap().contact.unwrap();
    assert!(phone.notebook.person(tall).unwrap().contact.spark, "the spark is marked");
    let page = phone.notebook.person(ann).unwrap();
    assert_eq!(page.event.unwrap().title, "Chamber breakfast");
    assert_eq!(page.contact.met_where, "Hôtel du Lac");
    assert_eq!(phone.notebook.stop_event().unwrap().unwrap().title, "Chamber breakfast");
    assert!(phone.notebook.running_event().unwrap().is_none());
    let queue = phone.notebook.debrief_queue(10).unwrap();
    assert_eq!(queue.len(), 2, "both new people wait for their debrief");
    let debrief = Debrief { thread: "sails".into(), open_loop: "send the map".into(), ..Debrief::default() };
    phone.notebook.debrief(ann, debrief).unwrap();
    assert_eq!(phone.notebook.debrief_queue(10).unwrap().len(), 1);
    assert!(phone.notebook.find("sails", 5).unwrap().iter().any(|hit| hit.about == "Ann Lee"));
}

#[test]
fn practice_4_16_a_thank_you_is_due_the_day_after_a_one_to_one() {
    let (_tmp, phone) = device();
    let ann = phone.notebook.put(Contact { name: "Ann Lee".into(), ..Contact::default() }).unwrap();
    let at = Moment::new(tests::start(), chrono_tz::Europe::Paris);
    phone
        .notebook
        .meet(Meeting { who: vec![ann], kind: MeetingKind::Coffee, at: Some(at), ..Meeting::default() })
        .unwrap();
    let promise = phone.notebook.open_promises(Some(ann)).unwrap().remove(0).record;
    assert_eq!((&promise.kind, promise.due), (&PromiseKind::ThankYou, "2026-11-23".parse().ok()));
    phone.notebook.close_promise(promise.id, PromiseState::Kept, "2026-11-23".parse().unwrap()).unwrap();
    let page = phone.notebook.person(ann).unwrap();
    assert_eq!(page.exchanges[0].kind, ExchangeKind::Thanks, "practice 4.18: it is the smallest give");
    assert!(phone.notebook.open_promises(None).unwrap().is_empty());
}

#[test]
fn practice_4_12_who_helped_is_told_what_came_of_it() {
    let (_tmp, phone) = device();
    let ann = phone.notebook.put(Contact { name: "Ann Lee".into(), ..Contact::default() }).unwrap();
    let got =
        Exchange { direction: Direction::Got, words: "a reference".into(), with: Some(ann), ..Exchange::default() };
    phone.notebook.exchange(got).unwrap();
    let promise = phone.notebook.open_promises(Some(ann)).unwrap().remove(0).record;
    assert_eq!((&promise.kind, promise.due), (&PromiseKind::CloseTheLoop, "2026-12-06".parse().ok()));
}

#[test]
fn practice_0_25_an_introduction_is_followed_from_the_promise_to_what_came_of_it() {
    let (_tmp, phone) = device();
    let name = |name: &str| phone.notebook.put(Contact { name: name.into(), ..Contact::default() }).unwrap();
    let (ann, bo) = (name("Ann Lee"), name("Bo Li"));
    let intro = phone.notebook.introduce(ann, bo, "both restore boats").unwrap();
    assert_eq!(phone.notebook.open_promises(Some(ann)).unwrap()[0].record.words, "introduce them to Bo Li");
    phone.notebook.advance_introduction(intro, IntroductionStep::Agreed(ann)).unwrap();
    phone.notebook.advance_introduction(intro, IntroductionStep::Made).unwrap();
    assert!(phone.notebook.open_promises(Some(ann)).unwrap().is_empty(), "making it keeps the promise");
    assert_eq!(phone.notebook.person(bo).unwrap().exchanges[0].kind, ExchangeKind::Introduction);
    phone.notebook.advance_introduction(intro, IntroductionStep::Talked).unwrap();
    phone.notebook.advance_introduction(intro, IntroductionStep::Outcome("a boat".into())).unwrap();
    let page = phone.notebook.person(ann).unwrap();
    assert_eq!(page.introductions[0].outcome, "a boat");
    assert!(phone.notebook.today_page().unwrap().introductions.is_empty());
}

#[test]
fn two_people_merged_in_opposite_directions_end_as_one_and_come_apart_again() {
    let (_tmp, phone, laptop, shared) = two();
    let put = |name: &str, tag: &str| {
        phone.notebook.put(Contact { name: name.into(), tags: vec![tag.into()], ..Contact::default() }).unwrap()
    };
    let (a, b) = (put("Dana Ruiz", "lyon"), put("D. Ruiz", "customs"));
    meet(&phone, &laptop, &shared);
    phone.notebook.same(a, b).unwrap();
    laptop.notebook.same(b, a).unwrap();
    meet(&phone, &laptop, &shared);
    assert_eq!(phone.notebook.dump().unwrap(), laptop.notebook.dump().unwrap());
    let page = laptop.notebook.person(b).unwrap();
    assert_eq!(page.members.len(), 2);
    assert_eq!(page.contact.tags.len(), 2, "tags of both");
    assert_eq!(laptop.notebook.people(0, 10).unwrap().total, 1);
    laptop.notebook.edit(b, |c: &mut Contact| c.tags.retain(|tag| tag != "lyon")).unwrap();
    assert_eq!(laptop.notebook.person(a).unwrap().contact.tags, ["customs"]);
    laptop.notebook.undo(&mut |_, _| Ok(())).unwrap();
    meet(&phone, &laptop, &shared);
    assert_eq!(phone.notebook.people(0, 10).unwrap().total, 2);
    assert_eq!(phone.notebook.dump().unwrap(), laptop.notebook.dump().unwrap());
}

const CARDS: &str = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:a1\r\nFN:Ann Lee\r\nORG:Borealis\r\nTITLE:Buyer\r\n\
    EMAIL;TYPE=WORK:ann@borealis.example\r\nX-STRANGE:kept as it is\r\nEND:VCARD\r\n\
    BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Bo Li\r\nTEL;TYPE=CELL:+44 20 7946 0000\r\nEND:VCARD\r\n";

fn address_book(folder: &Path, cards: &str) -> PathBuf {
    let file = folder.join("book.vcf");
    std::fs::write(&file, cards).unwrap();
    file
}

#[test]
fn the_same_address_book_twice_changes_nothing_the_second_time() {
    let (tmp, phone) = device();
    let file = address_book(tmp.path(), CARDS);
    let preview = phone.notebook.import_preview(&file, &mut |_, _| Ok(())).unwrap();
    assert_eq!((preview.new, phone.notebook.people(0, 10).unwrap().total), (2, 0), "a dry run writes nothing");
    assert_eq!(import(&phone.notebook, &file).new, 2);
    let before = phone.notebook.dump().unwrap();
    let again = import(&phone.notebook, &file);
    assert_eq!((again.new, again.changed, again.id), (0, 0, None));
    assert_eq!(phone.notebook.dump().unwrap(), before);
}

#[test]
fn a_dry_run_says_what_the_import_then_does() {
    let (tmp, phone) = device();
    let card = |name: &str, rest: &str| format!("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\n{rest}END:VCARD\r\n");
    let family = "TEL:+44 20 7946 0001\r\n";
    let book = [
        card("Ann Lee", family),
        card("Bo Lee", family),
        card("Ann Lee", family),
        card("Cy Moe", "ORG:Acme\r\n"),
        card("Cy Moe", "ORG:Acme\r\nNOTE:again\r\n"),
    ];
    let file = address_book(tmp.path(), &book.concat());
    let preview = phone.notebook.import_preview(&file, &mut |_, _| Ok(())).unwrap();
    let report = import(&phone.notebook, &file);
    assert_eq!((preview.new, report.new), (3, 3));
    assert_eq!(preview.need_you.len(), report.need_you.len(), "one number, two names");
    assert_eq!(phone.notebook.people(0, 10).unwrap().total, 3);
}

#[test]
fn an_import_adds_to_people_who_are_here_and_is_undone_on_another_device_in_one_step() {
    let (tmp, phone, laptop, shared) = two();
    let mail = Channel { kind: ChannelKind::Mail, value: "Ann@Borealis.example".into(), ..Channel::default() };
    let ann =
        phone.notebook.put(Contact { name: "Ann Lee".into(), channels: vec![mail], ..Contact::default() }).unwrap();
    let before = phone.notebook.get(ann).unwrap();
    let report = import(&phone.notebook, &address_book(tmp.path(), CARDS));
    assert_eq!((report.new, report.changed, report.matched.get("by mail")), (1, 1, Some(&1)));
    let page = phone.notebook.person(ann).unwrap();
    assert_eq!(page.organisations, ["Borealis"]);
    assert_eq!(page.contact.channels.len(), 1, "the same address is not added again");
    meet(&phone, &laptop, &shared);
    let undone = laptop.notebook.undo_import(laptop.notebook.imports().unwrap()[0].id, &mut |_, _| Ok(())).unwrap();
    assert_eq!((undone.deleted, undone.kept.len()), (2, 0), "Bo and the organisation");
    meet(&phone, &laptop, &shared);
    assert_eq!(phone.notebook.people(0, 10).unwrap().total, 1);
    assert_eq!(phone.notebook.get(ann).unwrap(), before);
}

#[test]
fn what_was_touched_after_an_import_stays_when_it_is_undone() {
    let (tmp, phone) = device();
    let report = import(&phone.notebook, &address_book(tmp.path(), CARDS));
    phone.notebook.jot_line("Bo Li !send him the map").unwrap();
    let undone = phone.notebook.undo_import(report.id.unwrap(), &mut |_, _| Ok(())).unwrap();
    assert_eq!(undone.kept[0].name, "Bo Li");
    assert_eq!(phone.notebook.people(0, 10).unwrap().total, 1);
}

/// One card, with or without where she works.
fn ann_card(more: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann Lee\r\nUID:ann\r\nEMAIL:ann@borealis.example\r\n{more}END:VCARD\r\n")
}

#[test]
fn two_imports_of_one_person_are_taken_back_one_after_the_other_on_any_device() {
    let (tmp, phone, laptop, shared) = two();
    import(&phone.notebook, &address_book(tmp.path(), &ann_card("")));
    let first = phone.notebook.imports().unwrap()[0].id;
    let second = import(&phone.notebook, &address_book(tmp.path(), &ann_card("ORG:Borealis\r\n")));
    assert_eq!((second.new, second.changed), (0, 1));
    meet(&phone, &laptop, &shared);
    assert_eq!(phone.notebook.undo(&mut |_, _| Ok(())).unwrap().undone.unwrap().kept, []);
    meet(&phone, &laptop, &shared);
    let undone = laptop.notebook.undo_import(first, &mut |_, _| Ok(())).unwrap();
    assert_eq!((undone.deleted, undone.kept), (1, vec![]), "taking the second back was no edit of hers");
    meet(&phone, &laptop, &shared);
    assert_eq!(phone.notebook.people(0, 10).unwrap().total, 0);
    assert_eq!(phone.notebook.dump().unwrap(), laptop.notebook.dump().unwrap());
}

#[test]
fn an_import_undone_before_a_later_one_goes_on_once_that_is_undone() {
    let (tmp, phone) = device();
    let first = import(&phone.notebook, &address_book(tmp.path(), &ann_card(""))).id.unwrap();
    let second = import(&phone.notebook, &address_book(tmp.path(), &ann_card("ORG:Borealis\r\n"))).id.unwrap();
    let kept = phone.notebook.undo_import(first, &mut |_, _| Ok(())).unwrap().kept;
    assert!(kept[0].name == "Ann Lee" && kept[0].why.contains("a later import"), "{kept:?}");
    let again = phone.notebook.undo_import(first, &mut |_, _| Ok(())).unwrap_err().to_string();
    assert!(again.contains("Ann Lee") && again.contains("a later import"), "{again}");
    phone.notebook.undo_import(second, &mut |_, _| Ok(())).unwrap();
    assert_eq!(phone.notebook.undo_import(first, &mut |_, _| Ok(())).unwrap().deleted, 1);
    assert_eq!(phone.notebook.people(0, 10).unwrap().total, 0);
    assert!(phone.notebook.undo_import(first, &mut |_, _| Ok(())).is_err(), "nothing of it is left");
}

#[test]
fn taking_back_an_import_names_who_stays_and_why() {
    let (tmp, phone) = device();
    import(&phone.notebook, &address_book(tmp.path(), CARDS));
    phone.notebook.jot_line("Bo Li !send him the map").unwrap();
    let undone = phone.notebook.undo(&mut |_, _| Ok(())).unwrap().undone.unwrap();
    assert_eq!((undone.kept.len(), undone.kept[0].name.as_str()), (1, "Bo Li"));
    assert!(!undone.kept[0].why.is_empty());
}

#[test]
fn two_devices_that_import_the_same_address_book_show_each_person_once() {
    let (tmp, phone, laptop, shared) = two();
    let file = address_book(tmp.path(), CARDS);
    import(&phone.notebook, &file);
    import(&laptop.notebook, &file);
    meet(&phone, &laptop, &shared);
    assert_eq!(phone.notebook.dump().unwrap(), laptop.notebook.dump().unwrap());
    assert_eq!(phone.notebook.people(0, 10).unwrap().total, 2);
    let ann = phone.notebook.people(0, 10).unwrap().rows.remove(0);
    assert_eq!(phone.notebook.person(ann.id).unwrap().contact.channels.len(), 1);
}

#[test]
fn a_new_job_in_the_next_linkedin_file_ends_the_old_one() {
    let (tmp, phone) = device();
    let file = tmp.path().join("Connections.csv");
    let header = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n";
    let row = |job: &str| format!("{header}Ann,Lee,https://www.linkedin.com/in/annlee,,{job},09 Mar 2021\n");
    std::fs::write(&file, row("Borealis,Buyer")).unwrap();
    import(&phone.notebook, &file);
    std::fs::write(&file, row("Acme,Head of Buying")).unwrap();
    let report = import(&phone.notebook, &file);
    assert_eq!(report.moved, ["Ann Lee: Buyer, Borealis → Head of Buying, Acme"]);
    let row = phone.notebook.people(0, 10).unwrap().rows.remove(0);
    assert_eq!((row.organisation.as_str(), row.role.as_str()), ("Acme", "Head of Buying"));
    assert_eq!(phone.notebook.person(row.id).unwrap().contact.affiliations.len(), 2);
    phone.notebook.undo(&mut |_, _| Ok(())).unwrap();
    let row = phone.notebook.people(0, 10).unwrap().rows.remove(0);
    assert_eq!(row.organisation, "Borealis");
}

/// What an export holds beside the records given: a whole file.
fn export_of(records: &str, photos: &str) -> String {
    format!("{{\"format\":\"kith-notebook\",\"version\":1,\"records\":[\n{records}\n],\"photos\":{{{photos}}}}}")
}

fn contact_line(n: u32, more: &str) -> String {
    format!("{{\"record\":\"contact\",\"id\":\"{n:032x}\",\"name\":\"Person {n}\"{more}}}")
}

/// The name of a JPEG as small as one can be, and its line in an export.
fn photo_line() -> (String, String) {
    let id = BlobId::of(&[0xff, 0xd8, 0xff, 1]).0;
    (id.clone(), format!("\"{id}\":\"/9j/AQ==\""))
}

#[test]
fn an_export_with_one_broken_record_changes_nothing_and_names_it() {
    let (tmp, phone) = device();
    phone.notebook.jot_line("Ben Bauer").unwrap();
    let people: Vec<String> = (1..=210).map(|n| contact_line(n, "")).collect();
    let note = |more: &str| format!("{{\"record\":\"note\",\"id\":\"{:032x}\"{more}}}", 401);
    let long = |letters: usize| "x".repeat(letters);
    let (id, photo) = photo_line();
    let with = |last: String| export_of(&[people.as_slice(), &[last]].concat().join(",\n"), "");
    let whole = with(note(",\"body\":\"fine\""));
    for (broken, told) in [
        (with(note(&format!(",\"body\":\"{}\"", long(250_000)))), "record 211 of the file (note"),
        (with(note(&format!(",\"body\":\"{}\"", long(250_000)))), "body: a text of more than 200000 characters"),
        (with(contact_line(402, &format!(",\"nickname\":\"{}\"", long(70_000)))), "nickname: a value of more than"),
        (with(contact_line(402, ",\"holiday_home\":[1,2]")), "holiday_home: a field holds one value"),
        (with(contact_line(402, ",\"@kind\":\"note\"")), "no field can be called \"@kind\""),
        (with(contact_line(7, "")), "its id is that of an earlier one"),
        (with("{\"record\":\"note\"}".into()), "record 211 of the file (note"),
        (with("7".into()), "record 211 of the file"),
        (
            with("{\"record\":\"spell\",\"id\":\"0000000000000000000000000000abcd\",\"changes\":[\"AAAA\"]}".into()),
            "history",
        ),
        (
            export_of(&people.join(",\n"), &format!("{photo},\"{}\":\"AAAA\"", "0".repeat(64))),
            "is not what its name says",
        ),
        (export_of(&people.join(",\n"), &format!("{photo},\"{}\":\"AAAA\"", BlobId::of(&[0; 3]).0)), "no JPEG"),
        (export_of(&people.join(",\n"), &format!("\"{id}\":7")), "cannot be read"),
        (whole[..whole.len() - 20].into(), "the export is damaged"),
    ] {
        for notebook in [&phone.notebook, &Device::new(tmp.path(), "empty", 77).notebook] {
            let before = notebook.dump().unwrap();
            let file = tmp.path().join("broken.json");
            std::fs::write(&file, &broken).unwrap();
            let error = notebook.import_export(&file, &mut |_, _| Ok(())).unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
            assert!(notebook.import_export_preview(&file, &mut |_, _| Ok(())).is_err(), "a dry run sees it too");
            assert_eq!(notebook.dump().unwrap(), before, "{told}");
            assert!(notebook.imports().unwrap().is_empty() && notebook.undo_steps().unwrap().is_empty());
            assert_eq!(notebook.sizes().unwrap().photos, 0, "{told}");
        }
    }
    assert_eq!(phone.notebook.import_json(&mut whole.as_bytes()).unwrap().new, 211);
}

#[test]
fn an_export_taken_into_a_notebook_with_people_is_listed_and_goes_in_one_step_and_comes_again() {
    let (tmp, phone) = device();
    phone.notebook.jot_line("Ben Bauer").unwrap();
    let (id, photo) = photo_line();
    let note = format!("{{\"record\":\"note\",\"id\":\"{:032x}\",\"body\":\"hi\",\"about\":[\"{:032x}\"]}}", 9, 1);
    let settings = format!(
        "{{\"record\":\"settings\",\"id\":\"{}\",\"zone\":\"Europe/Oslo\"}}",
        RecordId::of_singleton("settings", "")
    );
    let records = [contact_line(1, &format!(",\"photo\":\"{id}\"")), note, settings].join(",\n");
    let file = tmp.path().join("all.json");
    std::fs::write(&file, export_of(&records, &photo)).unwrap();
    let preview = phone.notebook.import_export_preview(&file, &mut |_, _| Ok(())).unwrap();
    assert_eq!((preview.new, preview.known, preview.photos, preview.import), (3, 0, 1, None));
    assert_eq!(phone.notebook.people(0, 10).unwrap().total, 1, "a dry run changes nothing");
    for _ in 0..2 {
        let report = phone.notebook.import_export(&file, &mut |_, _| Ok(())).unwrap();
        assert_eq!(report.new, 3);
        let imports = phone.notebook.imports().unwrap();
        assert!(imports.iter().any(|import| Some(import.id) == report.import && import.file_name == "all.json"));
        assert_eq!(phone.notebook.people(0, 10).unwrap().total, 2);
        assert_eq!(phone.notebook.zone().unwrap(), chrono_tz::Europe::Oslo);
        let undone = phone.notebook.undo(&mut |_, _| Ok(())).unwrap().undone.unwrap();
        assert_eq!((undone.deleted, undone.kept), (3, vec![]));
        assert_eq!(phone.notebook.people(0, 10).unwrap().total, 1);
        assert_ne!(phone.notebook.zone().unwrap(), chrono_tz::Europe::Oslo);
    }
    phone.notebook.import_export(&file, &mut |_, _| Ok(())).unwrap();
    phone.notebook.edit(format!("{:032x}", 9).parse::<Id<Note>>().unwrap(), |note| note.body = "mine".into()).unwrap();
    let again = phone.notebook.import_export_preview(&file, &mut |_, _| Ok(())).unwrap();
    assert_eq!((again.new, again.known, again.photos), (0, 3, 0));
    let kept = phone.notebook.undo(&mut |_, _| Ok(())).unwrap().undone.unwrap().kept;
    assert!(kept.iter().any(|kept| kept.why == "changed since"), "{kept:?}");
}

#[test]
fn an_export_stopped_half_way_goes_on_or_is_taken_back() {
    let (tmp, phone) = device();
    let people: Vec<String> = (1..=900).map(|n| contact_line(n, "")).collect();
    let file = tmp.path().join("all.json");
    std::fs::write(&file, export_of(&people.join(",\n"), "")).unwrap();
    let bytes = std::fs::metadata(&file).unwrap().len();
    let stopped = |notebook: &Notebook| {
        let mut until = |done, _| if done < 2 * bytes + bytes / 2 { Ok(()) } else { Err(kith_core::Error::Cancelled) };
        assert!(notebook.import_export(&file, &mut until).is_err());
        let there = notebook.people(0, 1).unwrap().total;
        assert!((200..901).contains(&there), "{there}");
    };
    stopped(&phone.notebook);
    let report = phone.notebook.import_export(&file, &mut |_, _| Ok(())).unwrap();
    assert_eq!((phone.notebook.people(0, 1).unwrap().total, report.import), (900, None), "it was brought back whole");
    let whole = Device::new(tmp.path(), "whole", 5);
    whole.notebook.import_export(&file, &mut |_, _| Ok(())).unwrap();
    tests::assert_same_lines(&whole.notebook.dump().unwrap(), &phone.notebook.dump().unwrap(), "rows");
    let other = Device::new(tmp.path(), "other", 6);
    other.notebook.jot_line("Ben Bauer").unwrap();
    stopped(&other.notebook);
    assert!(!other.notebook.imports().unwrap()[0].finished);
    other.notebook.undo(&mut |_, _| Ok(())).unwrap();
    assert_eq!(other.notebook.people(0, 1).unwrap().total, 1);
    stopped(&other.notebook);
    other.notebook.import_export(&file, &mut |_, _| Ok(())).unwrap();
    assert_eq!(other.notebook.people(0, 1).unwrap().total, 901);
}

#[test]
fn a_photo_and_what_a_newer_version_wrote_come_back_from_an_export_to_the_same_rows() {
    let (tmp, phone) = device();
    let (id, photo) = photo_line();
    let more = format!(
        ",\"photo\":\"{id}\",\"holiday_home\":\"Brač\",\"pets/0a0b/name\":\"Rex\",\"birthday\":\"in spring\",\
         \"diary\":\"{}\",\"channels\":[{{\"id\":\"0a0b0c0d0e0f\",\"kind\":\"mail\",\"value\":\"a@b.example\",\
         \"range_km\":40}}]",
        "x".repeat(70_000)
    );
    phone.notebook.import_json(&mut export_of(&contact_line(1, &more), &photo).as_bytes()).unwrap();
    let mut json = Vec::new();
    phone.notebook.export_json(&mut json, true).unwrap();
    let other = Device::new(tmp.path(), "other", 99);
    assert_eq!(other.notebook.import_json(&mut json.as_slice()).unwrap().photos, 1);
    tests::assert_same_lines(&other.notebook.dump().unwrap(), &phone.notebook.dump().unwrap(), "rows");
    let page = other.notebook.people(0, 1).unwrap().rows.remove(0);
    let contact = other.notebook.get(page.id).unwrap().unwrap();
    assert_eq!((&contact.unknown["holiday_home"], &contact.unknown["birthday"]), (&"Brač".into(), &"in spring".into()));
    assert_eq!(contact.unknown["diary"].as_str().unwrap().len(), 70_000);
    assert_eq!(contact.channels[0].unknown["range_km"], 40);
    assert!(other.notebook.photo(&contact.photo.unwrap()).unwrap().is_some());
}

#[test]
fn a_damaged_file_names_the_line_and_changes_nothing() {
    let (tmp, phone) = device();
    let card = |version: &str| {
        format!(
            "BEGIN:VCARD\r\nVERSION:{version}\r\nN:Li;Bo\r\nEND:VCARD\r\nBEGIN:VCARD\r\nVERSION:{version}\r\nFN:Cut\r\n"
        )
    };
    let google =
        "Name,Given Name,Family Name,Notes,E-mail 1 - Type,E-mail 1 - Value\nBo Li,Bo,Li,,,\nCut,Cut,,\"no end";
    let new_google = "First Name,Last Name,Notes,E-mail 1 - Label,E-mail 1 - Value\nBo,Li,,,\nCut,,\"no end";
    let linkedin = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\nBo,Li,,,,,\nCut,,\"no end";
    phone.notebook.jot_line("Bo Li, Acme !send him the map").unwrap();
    let before = phone.notebook.dump().unwrap();
    for (name, text, line) in [
        ("2.1.vcf", card("2.1"), "line 5"),
        ("3.0.vcf", card("3.0"), "line 5"),
        ("4.0.vcf", card("4.0"), "line 5"),
        ("google.csv", google.into(), "line 3"),
        ("new_google.csv", new_google.into(), "line 3"),
        ("Connections.csv", linkedin.into(), "line 3"),
    ] {
        let file = tmp.path().join(name);
        std::fs::write(&file, text).unwrap();
        let error = phone.notebook.import(&file, &mut |_, _| Ok(())).unwrap_err();
        assert!(matches!(error, kith_core::Error::Unreadable(_)), "{name}: {error}");
        assert!(error.to_string().contains(line), "{name}: {error}");
        assert_eq!(phone.notebook.dump().unwrap(), before, "{name}");
        assert!(phone.notebook.imports().unwrap().is_empty(), "{name}");
    }
}

#[test]
fn who_may_be_one_person_is_found_at_import_and_later_with_the_reason() {
    let (tmp, phone) = device();
    let ann = phone.notebook.jot_line("Ann Lee, Acme").unwrap().contact.unwrap();
    let file =
        address_book(tmp.path(), "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann Lee\r\nTEL:+33612345678\r\nEND:VCARD\r\n");
    let preview = phone.notebook.import_preview(&file, &mut |_, _| Ok(())).unwrap();
    let report = import(&phone.notebook, &file);
    assert_eq!((report.new, &report.need_you), (1, &preview.need_you), "nobody is matched by the name alone");
    assert!(report.need_you[0].why.contains("the same name"), "{:?}", report.need_you);
    let found = phone.notebook.pairs_that_may_be_one(10).unwrap();
    assert_eq!((found.total, found.pairs[0].why.as_str()), (1, "the same name"));
    let other = if found.pairs[0].a.id == ann { found.pairs[0].b.id } else { found.pairs[0].a.id };
    let phone_of = |kind, value: &str| Channel { kind, value: value.into(), ..Channel::default() };
    phone
        .notebook
        .edit(ann, |c: &mut Contact| c.channels.push(phone_of(ChannelKind::Phone, "+33 6 12 34 56 78")))
        .unwrap();
    phone.notebook.jot_line("Bo Li, Acme").unwrap();
    phone.notebook.jot_line("Bo Li, Borealis").unwrap();
    let found = phone.notebook.pairs_that_may_be_one(1).unwrap();
    assert_eq!((found.total, found.pairs.len()), (2, 1));
    assert!(found.pairs[0].why.starts_with("the same phone") && found.pairs[0].why.ends_with("the same name"));
    phone.notebook.not_same(ann, other).unwrap();
    assert_eq!(phone.notebook.pairs_that_may_be_one(10).unwrap().total, 1, "they are different people");
}

#[test]
fn who_is_in_the_linkedin_file_no_more_is_named_and_stays() {
    let (tmp, phone) = device();
    let file = tmp.path().join("Connections.csv");
    let header = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n";
    let row = |name: &str| format!("{name},Lee,https://www.linkedin.com/in/{name},,Acme,Buyer,09 Mar 2021\n");
    phone.wait_seconds(60);
    std::fs::write(&file, [header, &row("Ann"), &row("Bea"), &row("Cleo")].concat()).unwrap();
    assert_eq!(import(&phone.notebook, &file).gone, Vec::<String>::new());
    phone.wait_seconds(60);
    std::fs::write(&file, [header, &row("Bea"), &row("Dora")].concat()).unwrap();
    let preview = phone.notebook.import_preview(&file, &mut |_, _| Ok(())).unwrap();
    let report = import(&phone.notebook, &file);
    assert_eq!((report.gone.as_slice(), report.gone_more), (["Ann Lee".to_string(), "Cleo Lee".into()].as_slice(), 0));
    assert_eq!((preview.gone, report.new), (report.gone, 1));
    assert_eq!(phone.notebook.people(0, 10).unwrap().total, 4, "nobody is deleted");

    let rows = phone.notebook.dump().unwrap();
    let again = import(&phone.notebook, &file);
    assert_eq!((again.gone.len(), again.changed, again.id), (0, 0, None), "it is told once");
    assert_eq!(phone.notebook.dump().unwrap(), rows);
    phone.wait_seconds(60);
    std::fs::write(&file, [header, &row("Ann"), &row("Bea"), &row("Dora")].concat()).unwrap();
    let back = import(&phone.notebook, &file);
    assert_eq!((back.gone.len(), back.changed, back.moved.len()), (0, 1, 0), "Ann is back, Cleo was told of");
    phone.wait_seconds(60);
    std::fs::write(&file, [header, &row("Bea")].concat()).unwrap();
    let last = import(&phone.notebook, &file);
    assert_eq!(last.gone, ["Ann Lee", "Dora Lee"], "who goes again is told again");
    let undone = phone.notebook.undo_import(last.id.unwrap(), &mut |_, _| Ok(())).unwrap();
    assert_eq!((undone.deleted, undone.kept.len()), (0, 0));
    let preview = phone.notebook.import_preview(&file, &mut |_, _| Ok(())).unwrap();
    assert_eq!(preview.gone, last.gone, "undone, it was not told");
}

#[test]
fn who_moves_in_every_linkedin_file_is_told_once_of_each_and_the_same_file_changes_nothing() {
    let (tmp, phone) = device();
    let file = tmp.path().join("Connections.csv");
    let header = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n";
    let at = |place: &str, role: &str| format!("Ann,Lee,https://www.linkedin.com/in/ann,,{place},{role},09 Mar 2021\n");
    let mut left = "Buyer, Acme".to_string();
    std::fs::write(&file, [header, &at("Acme", "Buyer")].concat()).unwrap();
    import(&phone.notebook, &file);
    // The accounts of earlier files lie in the record in no order: with several the last one has to be found.
    for (place, role) in [("Acme", "Head"), ("Borea", "Head"), ("Acme", "Buyer"), ("Borea", "Owner"), ("Ciel", "Owner")]
    {
        phone.wait_seconds(60);
        std::fs::write(&file, [header, &at(place, role)].concat()).unwrap();
        let report = import(&phone.notebook, &file);
        let now = format!("{role}, {place}");
        assert_eq!(report.moved, [format!("Ann Lee: {left} → {now}")]);
        let again = import(&phone.notebook, &file);
        assert_eq!((again.moved.len(), again.changed, again.id), (0, 0, None), "{now}");
        left = now;
    }
}

#[test]
fn a_record_that_holds_two_values_is_settled_before_it_is_written_anew() {
    let (_tmp, phone, laptop, shared) = two();
    let ann = phone.notebook.jot_line("Ann Lee").unwrap().contact.unwrap();
    phone.notebook.edit(ann, |ann: &mut Contact| ann.how_we_met = "by the river".into()).unwrap();
    meet(&phone, &laptop, &shared);
    phone.notebook.edit(ann, |ann: &mut Contact| ann.nickname = "Duda".into()).unwrap();
    laptop.notebook.edit(ann, |ann: &mut Contact| ann.nickname = "Dodo".into()).unwrap();
    meet(&phone, &laptop, &shared);
    let refused = laptop.notebook.rewrite(ann.raw(), "river", "lake").unwrap_err();
    assert!(matches!(refused, kith_core::Error::Invalid(_)), "{refused}");
    let conflict = laptop.notebook.conflicts(10).unwrap().remove(0);
    laptop.notebook.choose(ann.raw(), &conflict.key, "Dodo".into()).unwrap();
    let written = laptop.notebook.rewrite(ann.raw(), "river", "lake").unwrap();
    let ann = laptop.notebook.get::<Contact>(Id::new(written)).unwrap().unwrap();
    assert_eq!((ann.nickname.as_str(), ann.how_we_met.as_str()), ("Dodo", "by the lake"));
}

#[test]
fn a_group_is_shown_with_its_evenings_its_goals_and_who_was_not_met_alone() {
    let (_tmp, phone) = device();
    let person = |name: &str| phone.notebook.put(Contact { name: name.into(), ..Contact::default() }).unwrap();
    let (ann, bo, cleo, dora) = (person("Ann"), person("Bo"), person("Cleo"), person("Dora"));
    let group = Group { name: "Chamber".into(), members: vec![ann, bo, cleo], ..Group::default() };
    let group = phone.notebook.put(group).unwrap();
    let twin = Group { name: "The chamber".into(), members: vec![dora], same_as: vec![group], ..Group::default() };
    let twin = phone.notebook.put(twin).unwrap();
    let evening = |group, attendance| {
        let event = Event { title: "Breakfast".into(), group: Some(group), attendance, ..Event::default() };
        phone.notebook.put(event).unwrap()
    };
    evening(group, Attendance::Attended);
    evening(twin, Attendance::Attended);
    evening(group, Attendance::Skipped);
    evening(group, Attendance::Candidate);
    let other = phone.notebook.put(Group { name: "Rowing".into(), ..Group::default() }).unwrap();
    evening(other, Attendance::Attended);
    let goal = Goal { title: "a seat on the board".into(), group: Some(group), ..Goal::default() };
    phone.notebook.put(goal).unwrap();

    let names = |rows: &[kith_core::query::PersonRow]| rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>();
    let meet = |who: Vec<_>, state| phone.notebook.meet(Meeting { who, state, ..Meeting::default() }).unwrap();
    meet(vec![ann, bo], MeetingState::Held);
    meet(vec![bo], MeetingState::Planned);
    let alone = meet(vec![ann], MeetingState::Held);
    let page = phone.notebook.group(group).unwrap();
    assert_eq!((page.attended, page.skipped, page.events.len(), page.goals.len()), (2, 1, 4, 1));
    assert_eq!(names(&page.members), ["Ann", "Bo", "Cleo", "Dora"], "both records of the group count");
    assert_eq!(names(&page.not_met_alone), ["Bo", "Cleo", "Dora"], "neither a table of three nor a plan is it");
    assert_eq!(phone.notebook.group(twin).unwrap(), page);

    // Whichever record of a person a meeting names; and what is deleted does not count.
    let second = person("Bo Li");
    phone.notebook.same(bo, second).unwrap();
    meet(vec![second], MeetingState::Held);
    phone.notebook.delete(alone.raw()).unwrap();
    phone.notebook.delete(dora.raw()).unwrap();
    let page = phone.notebook.group(group).unwrap();
    let bo_is_called = names(&page.members)[1].clone();
    assert_eq!(names(&page.members), ["Ann", &bo_is_called, "Cleo"]);
    assert_eq!(names(&page.not_met_alone), ["Ann", "Cleo"]);
    assert!(matches!(phone.notebook.group(kith_core::model::Id::new(ann.raw())), Err(kith_core::Error::NotFound(_))));
}

fn due(device: &Device) -> kith_core::Result<Option<PathBuf>> {
    device.notebook.backup_if_due(&mut |_, _| Ok(()))
}

#[test]
fn the_backup_of_the_day_is_made_by_itself_where_the_person_said() {
    let (tmp, phone) = device();
    phone.notebook.jot_line("Ann Lee, Acme").unwrap();
    assert_eq!(due(&phone).unwrap(), None, "nobody said where");
    let folder = tmp.path().join("safe");
    let own =
        |folder: Option<PathBuf>| DeviceSettings { backup_folder: folder, lock: true, ..DeviceSettings::default() };
    let missing = phone.notebook.set_device_settings(&own(Some(folder.clone())));
    assert!(matches!(missing, Err(kith_core::Error::NotFound(_))), "{missing:?}");
    assert_eq!(phone.notebook.device_settings().unwrap(), DeviceSettings::default(), "nothing was changed");
    let part = phone.notebook.set_device_settings(&own(Some("safe".into())));
    assert!(matches!(part, Err(kith_core::Error::Invalid(_))), "{part:?}");

    std::fs::create_dir(&folder).unwrap();
    phone.notebook.set_device_settings(&own(Some(folder.clone()))).unwrap();
    let first = due(&phone).unwrap().unwrap();
    assert_eq!(due(&phone).unwrap(), None, "one a day");
    // Named anew on the same day, the file holds what was written since.
    phone.notebook.jot_line("Bo Li").unwrap();
    phone.notebook.set_device_settings(&own(Some(folder.clone()))).unwrap();
    assert_eq!(due(&phone).unwrap().as_ref(), Some(&first));
    let back = tmp.path().join("back.kith");
    Notebook::restore_backup(&first, &back, None, &mut |_, _| Ok(())).unwrap();
    let back = Notebook::open(&back, Options::default()).unwrap();
    assert_eq!(back.dump().unwrap(), phone.notebook.dump().unwrap());

    // The newest stay; what others put there stays, too, also what begins alike.
    let other = folder.join("kith-phone-000000-2020-01-01.kithbak");
    let mine = first.to_string_lossy().into_owned();
    let strange = PathBuf::from(mine.replace(".kithbak", "x.kithbak"));
    std::fs::write(&other, "x").unwrap();
    std::fs::write(&strange, "x").unwrap();
    let mut made = vec![first];
    for _ in 0..BACKUPS_KEPT {
        phone.wait_seconds(24 * 3600);
        made.extend(due(&phone).unwrap());
    }
    assert_eq!(made.len(), BACKUPS_KEPT + 1);
    assert!(!made[0].exists() && made[1..].iter().all(|file| file.exists()));
    assert!(other.exists() && strange.exists());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), BACKUPS_KEPT + 2, "no part is left");

    // A folder that is gone is told, and made up for once it is back.
    phone.wait_seconds(24 * 3600);
    std::fs::rename(&folder, tmp.path().join("away")).unwrap();
    assert!(matches!(due(&phone), Err(kith_core::Error::NotFound(_))));
    std::fs::rename(tmp.path().join("away"), &folder).unwrap();
    assert!(due(&phone).unwrap().is_some());
    phone.notebook.set_device_settings(&own(None)).unwrap();
    phone.wait_seconds(24 * 3600);
    assert_eq!(due(&phone).unwrap(), None);
    assert!(phone.notebook.device_settings().unwrap().lock);
}

#[test]
fn a_person_deleted_for_good_leaves_no_word_in_the_file() {
    let (_tmp, phone) = device();
    let jotted = phone
        .notebook
        .jot_line("Zyxwella Quorbin, Vantropia !bring the plumbaline ?needs a frobnicator +knows wibblers #snarkle")
        .unwrap();
    let zyx = jotted.contact.unwrap();
    let note = Note { body: "grobblefish under the bridge".into(), about: vec![zyx], ..Note::default() };
    let note = phone.notebook.put(note).unwrap();
    phone.notebook.edit(note, |note: &mut Note| note.body = "crimblewick instead".into()).unwrap();
    let ann = phone.notebook.put(Contact { name: "Ann Lee".into(), ..Contact::default() }).unwrap();
    phone.notebook.put(Meeting { who: vec![zyx, ann], title: "lunch".into(), ..Meeting::default() }).unwrap();
    phone.notebook.find("frobnicator", 5).unwrap();
    let gone = phone.notebook.put(Note { body: "flumtrop".into(), about: vec![zyx], ..Note::default() }).unwrap();
    let promise = Promise { words: "the dribblecake".into(), with: Some(zyx), ..Promise::default() };
    let promise = phone.notebook.put(promise).unwrap();
    phone.notebook.delete(gone.raw()).unwrap();
    phone.notebook.delete(promise.raw()).unwrap();
    while phone.notebook.tidy().unwrap() {}
    let planted =
        ["Zyxwella", "Quorbin", "plumbaline", "frobnicator", "wibblers", "snarkle", "grobblefish", "crimblewick"];
    let planted = [&planted[..], &["flumtrop", "dribblecake"]].concat();
    for word in &planted {
        assert!(bytes_hold(&phone, word), "{word} can be found as long as it is there");
    }
    let preview = phone.notebook.purge_preview(zyx).unwrap();
    assert_eq!((preview.records, preview.shared.len()), (8, 1), "what was deleted of hers goes, too");
    phone.notebook.purge(zyx).unwrap();
    assert!(phone.notebook.deleted(10).unwrap().is_empty(), "nothing of her can be brought back");
    for word in planted {
        assert!(!bytes_hold(&phone, word), "{word} is still in the file");
    }
    let meetings = phone.notebook.person(ann).unwrap().meetings;
    assert_eq!(meetings[0].who, [ann], "a shared meeting loses the link and stays");
    let before = phone.notebook.dump().unwrap();
    phone.notebook.rebuild(&mut |_, _| Ok(())).unwrap();
    assert_eq!(phone.notebook.dump().unwrap(), before);
}

#[test]
fn who_was_deleted_before_is_deleted_for_good_with_the_photos_of_before() {
    let (_tmp, phone) = device();
    let photo = |number| Some(BlobId::of(&tests::fill::photo(number)));
    let mut writing = phone.notebook.write();
    writing.blob(tests::fill::photo(3));
    writing.blob(tests::fill::photo(4));
    let zyx = writing.put(Contact { name: "Zyxwella".into(), photo: photo(3), ..Contact::default() }).unwrap();
    let ann = writing.put(Contact { name: "Ann Lee".into(), ..Contact::default() }).unwrap();
    let twin = Contact { name: "Zyx Quorbin".into(), same_as: vec![zyx], ..Contact::default() };
    let twin = writing.put(twin).unwrap();
    writing.commit().unwrap();
    phone.notebook.edit(zyx, |zyx: &mut Contact| zyx.photo = photo(4)).unwrap();
    let both = Note { body: "grobblefish with Ann".into(), about: vec![twin, ann], ..Note::default() };
    let both = phone.notebook.put(both).unwrap();
    phone.notebook.delete(both.raw()).unwrap();
    phone.notebook.delete(zyx.raw()).unwrap();
    assert_eq!(phone.notebook.sizes().unwrap().photos, 2);

    let plan = phone.notebook.purge(zyx).unwrap();
    assert_eq!((plan.records, plan.shared), (2, vec![both.raw()]), "the second record of hers goes, too");
    assert_eq!(phone.notebook.sizes().unwrap().photos, 0, "also the photo of before");
    assert!(!bytes_hold(&phone, "Zyxwella") && !bytes_hold(&phone, "Quorbin"));
    phone.notebook.bring_back(both.raw()).unwrap();
    assert_eq!(
        phone.notebook.get(both).unwrap().unwrap().about,
        [ann],
        "what is shared loses the link, deleted or not"
    );
}

#[test]
fn who_is_deleted_for_good_is_not_proposed_for_a_coffee_under_the_next_name() {
    let (_tmp, phone) = device();
    let due = Contact { name: "Zyxwella".into(), cadence_days: Some(30), ..Contact::default() };
    let due = phone.notebook.put(due).unwrap();
    phone.notebook.purge(due).unwrap();
    // The next record takes the number that became free.
    phone.notebook.put(Contact { name: "Ann Lee".into(), ..Contact::default() }).unwrap();
    assert!(phone.notebook.today_page().unwrap().coffee.is_none(), "nobody is due");
    let before = phone.notebook.dump().unwrap();
    phone.notebook.rebuild(&mut |_, _| Ok(())).unwrap();
    assert_eq!(phone.notebook.dump().unwrap(), before);
}

#[test]
fn a_purge_while_another_program_reads_is_kept_and_the_file_is_written_anew_later() {
    let (_tmp, mut phone) = device();
    let zyx = phone.notebook.jot_line("Zyxwella Quorbin ?needs a frobnicator").unwrap().contact.unwrap();
    let reader = tests::words::reader(&phone.file());
    phone.notebook.purge(zyx).unwrap();
    assert!(phone.notebook.contacts_meant("zyxwella", 5).unwrap().is_empty(), "she is gone");
    assert!(phone.notebook.words_remain().unwrap(), "and it is known that the file is not yet written anew");
    phone.reopen(); // as after a kill
    drop(reader);
    phone.notebook.tidy().unwrap();
    assert!(!phone.notebook.words_remain().unwrap());
    assert!(!bytes_hold(&phone, "Zyxwella") && !bytes_hold(&phone, "frobnicator"));
}

#[test]
fn a_shared_text_edited_after_a_purge_is_a_new_record_and_the_old_words_are_gone() {
    let (_tmp, phone, laptop, shared) = two();
    let zyx = phone.notebook.jot_line("Zyxwella Quorbin").unwrap().contact.unwrap();
    let ann = phone.notebook.jot_line("Ann Lee").unwrap().contact.unwrap();
    let event = Event { title: "Fair, as Zyxwella called it".into(), ..Event::default() };
    let event = phone.notebook.put(event).unwrap();
    phone.notebook.edit(ann, |ann: &mut Contact| ann.met_at = Some(event)).unwrap();
    let body = "Zyxwella and Ann quarrelled".to_string();
    let note = phone.notebook.put(Note { body, about: vec![zyx, ann], ..Note::default() }).unwrap();
    phone.notebook.edit(note, |note: &mut Note| note.body.push_str(", wibblers said Zyxwella")).unwrap();
    meet(&phone, &laptop, &shared);
    let plan = phone.notebook.purge(zyx).unwrap();
    assert_eq!((plan.name_them, plan.shared), (vec![], vec![note.raw()]), "her last name stands nowhere else");
    let is_not_found = |result| matches!(result, Err(kith_core::Error::NotFound(_)));
    assert!(is_not_found(phone.notebook.rewrite(note.raw(), "Nobody", "x")));
    assert!(is_not_found(phone.notebook.rewrite(note.raw(), "", "x")));

    let anew = phone.notebook.rewrite(note.raw(), "Zyxwella", "she").unwrap();
    let party = phone.notebook.rewrite(event.raw(), "Zyxwella", "she").unwrap();
    assert!(!bytes_hold(&phone, "Zyxwella") && !bytes_hold(&phone, "Quorbin"));
    let page = phone.notebook.person(ann).unwrap();
    assert_eq!(page.notes[0].id.raw(), anew, "what was linked is linked");
    assert_eq!((page.notes[0].body.as_str(), page.notes.len()), ("she and Ann quarrelled, wibblers said she", 1));
    assert_eq!(page.event.unwrap().id.raw(), party, "what pointed at the old record points at the new one");
    assert_eq!(page.contact.met_at.unwrap().raw(), party);
    let before = phone.notebook.dump().unwrap();
    phone.notebook.rebuild(&mut |_, _| Ok(())).unwrap();
    assert_eq!(phone.notebook.dump().unwrap(), before);

    laptop.notebook.edit(note, |note: &mut Note| note.body.push_str(", late")).unwrap();
    laptop.sync(&shared);
    assert_eq!(phone.sync(&shared).purged, 1, "a late change for the old words is dropped");
    assert!(!bytes_hold(&phone, "Zyxwella"));
}

#[test]
fn a_week_cannot_be_given_other_words_for_good_since_there_is_only_one_of_it() {
    let (_tmp, phone) = device();
    let id = Id::new(kith_core::model::RecordId::of_singleton("week", "2026-W47"));
    phone.notebook.put(Week { id, plan: "call Zyx".into(), ..Week::default() }).unwrap();
    assert!(matches!(phone.notebook.rewrite(id.raw(), "Zyx", "x"), Err(kith_core::Error::Invalid(_))));
}

#[test]
fn a_photo_nobody_shows_leaves_the_file_after_thirty_days_and_the_offer_to_undo_a_deletion_ends() {
    let (_tmp, phone) = device();
    let bytes = tests::fill::photo(3);
    let photo = Some(BlobId::of(&bytes));
    let mut writing = phone.notebook.write();
    writing.blob(bytes);
    let dana = writing.put(Contact { name: "Dana".into(), photo: photo.clone(), ..Contact::default() }).unwrap();
    let ben = writing.put(Contact { name: "Ben".into(), photo, ..Contact::default() }).unwrap();
    writing.commit().unwrap();
    let is_there = || {
        while phone.notebook.tidy().unwrap() {}
        phone.notebook.sizes().unwrap().photos == 1
    };
    let pass_days = |days: i64| phone.wait_seconds(days * 24 * 60 * 60);
    phone.notebook.delete(dana.raw()).unwrap();
    pass_days(40);
    assert!(is_there(), "Ben shows it");
    assert!(phone.notebook.undo_steps().unwrap().is_empty(), "Dana is not offered back any more");
    phone.notebook.delete(ben.raw()).unwrap();
    assert!(is_there());
    pass_days(29);
    assert!(is_there());
    phone.notebook.undo(&mut |_, _| Ok(())).unwrap();
    assert!(is_there(), "Ben shows it again");
    pass_days(40);
    assert!(is_there());
    phone.notebook.delete(ben.raw()).unwrap();
    // It is looked at once a day.
    pass_days(1);
    assert!(is_there());
    pass_days(31);
    assert!(!is_there());
}

#[test]
fn a_thank_you_is_opened_again_with_what_it_counted_as_and_nothing_of_it_is_left_to_undo() {
    let (_tmp, phone, _, _) = two();
    let dana = phone.notebook.jot_line("Dana Ruiz").unwrap().contact.unwrap();
    let meeting =
        Meeting { who: vec![dana], kind: MeetingKind::OneToOne, state: MeetingState::Held, ..Meeting::default() };
    phone.notebook.meet(meeting).unwrap();
    let shown = phone.notebook.open_promises(None).unwrap().remove(0).record;
    assert_eq!(shown.kind, PromiseKind::ThankYou);
    let thanks = || phone.notebook.person(dana).unwrap().exchanges.len();
    for last in [false, true] {
        assert!(phone.notebook.close_shown(&shown, PromiseState::Kept).unwrap());
        assert!(
            !phone.notebook.close_shown(&shown, PromiseState::Broken).unwrap(),
            "the second of two taps does nothing"
        );
        assert_eq!(thanks(), 1, "a thank-you is the smallest give");
        let sam = (!last).then(|| phone.notebook.jot_line("Sam Lee").unwrap().contact.unwrap());
        sam.into_iter().for_each(|sam| phone.notebook.delete(sam.raw()).unwrap());
        phone.notebook.reopen_promise(&shown).unwrap();
        assert_eq!(phone.notebook.open_promises(None).unwrap()[0].record, shown);
        assert_eq!(thanks(), 0);
        let left: Vec<UndoStep> = phone.notebook.undo_steps().unwrap();
        let of_sam = |step: &UndoStep| matches!(step, UndoStep::Deleted(ids) if ids.len() == 1);
        assert!(left.len() == 1 && left.iter().all(of_sam), "{left:?}");
        assert_eq!(phone.notebook.people(0, 9).unwrap().total, 1, "Sam stays deleted");
    }
    phone.notebook.undo(&mut |_, _| Ok(())).unwrap();
    assert_eq!((phone.notebook.people(0, 9).unwrap().total, thanks()), (2, 0), "it is Sam who comes back");
}

#[test]
fn a_late_change_for_a_person_deleted_for_good_is_dropped_and_said_so() {
    let (_tmp, phone, laptop, shared) = two();
    let zyx = phone.notebook.jot_line("Zyxwella Quorbin").unwrap().contact.unwrap();
    meet(&phone, &laptop, &shared);
    phone.notebook.purge(zyx).unwrap();
    laptop.notebook.edit(zyx, |c: &mut Contact| c.nickname = "Zyx".into()).unwrap();
    laptop.sync(&shared);
    let report = phone.sync(&shared);
    assert_eq!((report.purged, report.received), (1, 0));
    assert!(!bytes_hold(&phone, "Zyxwella"));
}

#[test]
fn a_backup_made_in_use_restores_and_goes_on_under_a_new_log() {
    let (tmp, phone, laptop, shared) = two();
    phone.notebook.jot_line(EXAMPLE).unwrap();
    meet(&phone, &laptop, &shared);
    for passphrase in [None, Some("correct horse")] {
        let file = tmp.path().join(format!("backup-{}", passphrase.is_some()));
        phone.notebook.backup(&file, passphrase, &mut |_, _| Ok(())).unwrap();
        assert_eq!(std::fs::read(&file).unwrap().starts_with(b"age-"), passphrase.is_some());
        let place = tmp.path().join(format!("restored-{}/notebook.kith", passphrase.is_some()));
        if passphrase.is_some() {
            assert!(Notebook::restore_backup(&file, &place, Some("wrong"), &mut |_, _| Ok(())).is_err());
            assert!(Notebook::restore_backup(&file, &place, None, &mut |_, _| Ok(())).is_err());
            assert!(!place.exists());
        }
        Notebook::restore_backup(&file, &place, passphrase, &mut |_, _| Ok(())).unwrap();
        assert!(
            Notebook::restore_backup(&file, &place, passphrase, &mut |_, _| Ok(())).is_err(),
            "nothing is written over"
        );
        let restored = Notebook::open(&place, Default::default()).unwrap();
        assert_eq!(restored.dump().unwrap(), phone.notebook.dump().unwrap());
    }
    let mut cut = std::fs::read(tmp.path().join("backup-false")).unwrap();
    cut.truncate(cut.len() / 2);
    std::fs::write(tmp.path().join("cut"), cut).unwrap();
    let place = tmp.path().join("nothing/notebook.kith");
    assert!(Notebook::restore_backup(&tmp.path().join("cut"), &place, None, &mut |_, _| Ok(())).is_err());
    assert!(!place.exists());
}

#[test]
fn nothing_is_put_where_the_log_of_a_notebook_that_was_moved_away_still_lies() {
    let (tmp, phone) = device();
    phone.notebook.jot_line(EXAMPLE).unwrap();
    let backup = tmp.path().join("all.kithbak");
    phone.notebook.backup(&backup, None, &mut |_, _| Ok(())).unwrap();
    // What a killed program leaves, the file itself moved away.
    let (place, log) = (tmp.path().join("moved/n.kith"), tmp.path().join("moved/n.kith-wal"));
    std::fs::create_dir(place.parent().unwrap()).unwrap();
    std::fs::copy(format!("{}-wal", phone.file().display()), &log).unwrap();
    let left = std::fs::read(&log).unwrap();
    assert!(!left.is_empty());
    let refused = |done: Result<(), kith_core::Error>| {
        assert!(matches!(&done, Err(kith_core::Error::Exists(why)) if why.contains("n.kith-wal")), "{done:?}");
        assert!(!place.exists() && std::fs::read(&log).unwrap() == left, "nothing was changed");
    };
    refused(Notebook::restore_backup(&backup, &place, None, &mut |_, _| Ok(())));
    refused(Notebook::rescue(&phone.file(), &place, &mut |_, _| Ok(())).map(drop));
    refused(Notebook::open(&place, Default::default()).map(drop));
    std::fs::remove_file(&log).unwrap();
    Notebook::restore_backup(&backup, &place, None, &mut |_, _| Ok(())).unwrap();
    let restored = Notebook::open(&place, Default::default()).unwrap();
    assert_eq!(restored.dump().unwrap(), phone.notebook.dump().unwrap());
    assert!(restored.doctor(&mut |_, _| Ok(())).unwrap().is_healthy());
}

#[test]
fn the_whole_notebook_goes_out_as_json_and_comes_back_to_the_same_rows() {
    let (tmp, phone) = device();
    phone.notebook.load_demo().unwrap();
    let deleted = phone.notebook.people(0, 1).unwrap().rows.remove(0).id;
    phone.notebook.delete(deleted.raw()).unwrap();
    let mut json = Vec::new();
    phone.notebook.export_json(&mut json, true).unwrap();
    let other = Device::new(tmp.path(), "other", 99);
    let report = other.notebook.import_json(&mut json.as_slice()).unwrap();
    assert!(report.new > 400 && report.import.is_none());
    tests::assert_same_lines(&other.notebook.dump().unwrap(), &phone.notebook.dump().unwrap(), "rows");
    let again = other.notebook.import_json(&mut json.as_slice()).unwrap();
    assert_eq!((again.new, again.known), (0, report.new), "a second time changes no record");
    let mut public = Vec::new();
    phone.notebook.export_json(&mut public, false).unwrap();
    let public = String::from_utf8(public).unwrap();
    assert!(!public.contains("\"benchmarks\"") && !public.contains("\"record\":\"barrier\""));
    for broken in [&json[..json.len() / 2], b"{}", b"", b"[1]", b"{\"format\":\"kith-notebook\",\"version\":9}"] {
        assert!(Device::new(tmp.path(), "broken", 5).notebook.import_json(&mut &broken[..]).is_err());
    }
}

#[test]
fn everything_done_to_a_record_stands_in_its_history() {
    let (_tmp, phone, laptop, shared) = two();
    let ann = phone.notebook.put(Contact { name: "Ann".into(), ..Contact::default() }).unwrap();
    meet(&phone, &laptop, &shared);
    laptop.notebook.edit(ann, |c: &mut Contact| c.name = "Ann Lee".into()).unwrap();
    meet(&phone, &laptop, &shared);
    let names: Vec<_> =
        phone.notebook.history(ann.raw()).unwrap().into_iter().filter(|line| line.field == "name").collect();
    assert_eq!(names.iter().map(|line| line.device.as_deref()).collect::<Vec<_>>(), [Some("phone"), Some("laptop")]);
    assert_eq!(names[1].value, Some("Ann Lee".into()));
}

#[test]
fn find_forgives_accents_and_one_typo() {
    let (_tmp, phone) = device();
    phone.notebook.jot_line("Jürgen Größe, Wärmepumpen AG ?needs a warehouse in Besançon").unwrap();
    for typed in ["jurgen", "grosse", "warehose", "besancon", "wareh", "jürgen gr", "warmepumpen", "Besançno"] {
        let hits = phone.notebook.find(typed, 5).unwrap();
        assert!(!hits.is_empty(), "{typed}");
    }
    assert!(phone.notebook.find("zebra", 5).unwrap().is_empty());
}

#[test]
fn opening_and_reading_load_no_document() {
    let (_tmp, mut phone) = device();
    let ann = phone.notebook.jot_line("Ann Lee, Borealis !send the map by fri").unwrap().contact.unwrap();
    while phone.notebook.tidy().unwrap() {}
    // With every document broken, whatever loads one fails.
    let file = rusqlite::Connection::open(phone.file()).unwrap();
    file.execute_batch("UPDATE chunk SET bytes = x'00ff'").unwrap();
    phone.reopen();
    assert_eq!(phone.notebook.today_page().unwrap().i_owe[0].name, "Ann Lee");
    assert_eq!(phone.notebook.people(0, 10).unwrap().rows[0].organisation, "Borealis");
    assert_eq!(phone.notebook.person(ann).unwrap().promises.len(), 1);
    assert_eq!(phone.notebook.find("map", 5).unwrap().len(), 2, "the promise, and the line as it was typed");
    let broken = phone.notebook.edit(ann, |c: &mut Contact| c.spark = true).unwrap_err();
    assert!(matches!(broken, kith_core::Error::Unreadable(_)), "{broken}");
}

#[test]
fn a_person_who_is_several_records_has_the_history_of_all_of_them_page_by_page() {
    let (_tmp, phone) = device();
    let put = |name: &str| phone.notebook.put(Contact { name: name.into(), ..Contact::default() }).unwrap();
    let (ann, anna) = (put("Ann Lee"), put("Anna Lee"));
    phone.wait_seconds(60);
    phone.notebook.same(ann, anna).unwrap();
    let all = phone.notebook.history_as_shown(anna.raw()).unwrap();
    assert_eq!(all, phone.notebook.history_as_shown(ann.raw()).unwrap());
    let names = |lines: &[HistoryLine]| -> Vec<String> {
        let names = lines.iter().filter(|line| line.field == "name");
        names.map(|line| line.value.as_ref().unwrap().as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&all).len(), 2);
    let first = phone.notebook.history_page(ann.raw(), 0, 2).unwrap();
    let rest = phone.notebook.history_page(ann.raw(), first.next.unwrap(), u32::MAX).unwrap();
    assert_eq!((first.rows.len(), first.total, rest.next), (2, all.len() as u64, None));
    assert!(first.rows.iter().all(|line| line.field.contains("same_as/")), "the newest first: {:?}", first.rows);
    let pages: Vec<HistoryLine> = first.rows.into_iter().chain(rest.rows).collect();
    assert_eq!(pages, all.into_iter().rev().collect::<Vec<_>>());
    let behind = phone.notebook.history_page(ann.raw(), u32::MAX, 5).unwrap();
    assert_eq!((behind.rows, behind.next), (Vec::new(), None));
}

#[test]
fn a_backup_is_not_restored_over_a_notebook_that_was_begun_meanwhile() {
    let (tmp, phone) = device();
    phone.notebook.jot_line("Ann Lee").unwrap();
    let (file, place) = (tmp.path().join("backup"), tmp.path().join("restored/notebook.kith"));
    phone.notebook.backup(&file, None, &mut |_, _| Ok(())).unwrap();
    let mut begun = false;
    let restored = Notebook::restore_backup(&file, &place, None, &mut |_, _| {
        if !std::mem::replace(&mut begun, true) {
            Notebook::open(&place, Options::default())?.jot_line("Ben Okri")?;
        }
        Ok(())
    });
    assert!(matches!(restored, Err(kith_core::Error::Exists(_))), "{restored:?}");
    let there = Notebook::open(&place, Options::default()).unwrap();
    assert_eq!((there.find("ben", 5).unwrap().len(), there.find("ann", 5).unwrap().len()), (1, 0));
}

#[test]
fn whoever_shows_people_is_told_of_a_photo_that_comes_behind_them() {
    let (_tmp, phone) = device();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let _observation = phone.notebook.observe(move |changed| heard.lock().unwrap().push(changed.clone()));
    let change = Change { blobs: vec![tests::fill::photo(0)], ..Change::default() };
    phone.notebook.commit(change, Origin::Peer).unwrap();
    assert_eq!(*told.lock().unwrap(), [Changed { areas: vec![Area::People], ids: Vec::new(), origin: Origin::Peer }]);
}

#[test]
fn a_person_has_more_than_their_page_shows_and_it_comes_page_by_page() {
    let (_tmp, phone) = device();
    let (ann, anna) = {
        let put = |name: &str| phone.notebook.put(Contact { name: name.into(), ..Contact::default() }).unwrap();
        (put("Ann Lee"), put("Anna Lee"))
    };
    phone.notebook.same(ann, anna).unwrap();
    let day = |n: u32| NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + chrono::Days::new(u64::from(n));
    let mut writing = phone.notebook.write();
    for n in 0..230 {
        let (with, closed) = (if n % 2 == 0 { ann } else { anna }, PromiseState::Kept);
        // Of which the first, and the oldest, is still open.
        let state = if n == 0 { PromiseState::Open } else { closed };
        let promise =
            Promise { words: format!("{n}"), with: Some(with), made_on: Some(day(n)), state, ..Promise::default() };
        writing.put(promise).unwrap();
        let direction = if n < 20 { Direction::Got } else { Direction::Gave };
        writing.put(Exchange { on: Some(day(n)), with: Some(with), direction, ..Exchange::default() }).unwrap();
        writing.put(Note { body: format!("{n}"), about: vec![ann, anna], ..Note::default() }).unwrap();
    }
    writing.commit().unwrap();
    let page = phone.notebook.person(ann).unwrap();
    assert_eq!((page.promises.len(), page.notes.len(), page.exchanges.len()), (201, 200, 200));
    assert_eq!(page.more, PersonMore { promises: 29, notes: 30, exchanges: 30, ..PersonMore::default() });
    assert_eq!(page.promises.last().unwrap().words, "0", "what is open is shown however old it is");
    assert_eq!(page.balance, "you gave 210 times and got 20 times");
    let (mut from, mut words) = (Some(0), Vec::new());
    while let Some(at) = from {
        let page = phone.notebook.records_about(anna, Kind::Promise, at, 100).unwrap();
        assert_eq!(page.total, 230);
        words.extend(page.rows.into_iter().map(|row| row.facts().texts[0].clone()));
        from = page.next;
    }
    assert_eq!(words, (0..230).rev().map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(phone.notebook.records_about(ann, Kind::Note, 0, 1000).unwrap().rows.len(), 230, "each once");
    assert!(phone.notebook.records_about(ann, Kind::Week, 0, 1).is_err());
    let nobody = phone.notebook.records_about(Id::default(), Kind::Note, 0, 1);
    assert!(matches!(nobody, Err(kith_core::Error::NotFound(_))), "{nobody:?}");
}

#[test]
fn a_person_who_is_several_records_is_read_as_one() {
    let (_tmp, phone) = device();
    let put = |name: &str, tag: &str| {
        phone.notebook.put(Contact { name: name.into(), tags: vec![tag.into()], ..Contact::default() }).unwrap()
    };
    let (ann, anna) = (put("Ann Lee", "lyon"), put("Anna Lee", "tea"));
    phone.notebook.same(ann, anna).unwrap();
    for id in [ann, anna] {
        let Some(AnyRecord::Contact(shown)) = phone.notebook.get_as_shown(id.raw()).unwrap() else {
            panic!("she is here")
        };
        assert_eq!(shown, phone.notebook.person(ann).unwrap().contact);
        assert_eq!(shown.tags.len(), 2);
        assert_eq!(AnyRecord::from(shown), *phone.notebook.draft(id.raw()).unwrap().record());
    }
    phone.notebook.delete(ann.raw()).unwrap();
    let deleted = phone.notebook.get_as_shown(ann.raw()).unwrap().unwrap();
    assert!(deleted.deleted_at().is_some());
}

#[test]
fn a_link_is_kept_on_one_record_and_the_way_back_is_a_question() {
    let (_tmp, phone) = device();
    let ann = phone.notebook.put(Contact { name: "Ann Lee".into(), ..Contact::default() }).unwrap();
    let before = phone.notebook.history(ann.raw()).unwrap();
    let note = phone.notebook.put(Note { body: "sails".into(), about: vec![ann], ..Note::default() }).unwrap();
    assert_eq!(phone.notebook.history(ann.raw()).unwrap(), before, "the person's own record is not touched");
    assert_eq!(phone.notebook.person(ann).unwrap().notes[0].id, note);
    phone.notebook.delete(note.raw()).unwrap();
    assert!(phone.notebook.person(ann).unwrap().notes.is_empty());
}
