//! What a device of the notebook that means no good says in segments and of renewals: it stops no other, and makes none
//! forget what a device that joins later would lack.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kith_core::model::{BlobId, Contact, RecordId};
use kith_core::sync::keystore::KeyStore;
use kith_core::sync::ranges::Ranges;
use kith_core::sync::roster::{Act, Cut};
use kith_core::sync::segment::Item;
use kith_core::sync::{LogId, hex};
use tests::forge::{Change, Stranger, hash};
use tests::home::Home;
use tests::{Device, assert_alike};

/// What a segment carries of one record.
fn item(record: RecordId, bytes: &[u8], reissued: bool) -> Item {
    Item::Change { record, bytes: bytes.to_vec(), reissued, unknown: Default::default() }
}

fn people(device: &Device) -> Vec<String> {
    let rows = device.notebook.people(0, 99).unwrap().rows;
    rows.into_iter().map(|row| row.name).collect()
}

fn meet(device: &Device, name: &str) {
    device.notebook.put(Contact { name: name.into(), ..Contact::default() }).unwrap();
}

#[test]
fn a_base_of_which_something_is_no_change_stops_nobody() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    // It says in advance where its base will be, and is removed before it comes.
    let first = stranger.seal(vec![Item::Unknown(vec![0xa1, 0x00, 0x09])]);
    stranger.put(&first);
    let (covers, base) = (vec![stranger.cut(&[1])], stranger.cut(&[2]));
    stranger.tells(Act::Renew { covers, base }, &home.shared);
    home.meet(&[&phone, &laptop]);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    let base = stranger.seal(vec![item(RecordId([5; 16]), b"no change at all", true)]);
    stranger.put(&base);
    home.meet(&[&phone, &laptop]);
    phone.notebook.keep_back_no_more(&phone.keys, "stranger").unwrap();
    meet(&laptop, "Dana");
    home.rest(&[&phone, &laptop]);
    assert_eq!(people(&phone), ["Dana"], "the notes of others go on arriving");
}

#[test]
fn two_epochs_whose_names_begin_alike_are_told_apart() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    let late = stranger.seal(vec![item(RecordId([5; 16]), b"said after it was removed", true)]);
    stranger.put(&late);
    meet(&laptop, "Dana");
    home.rest(&[&phone, &laptop]);
    // To find two takes long, and whoever means no good has time. Here is another beside each key, which comes first.
    for device in [&phone, &laptop] {
        let tag = device.notebook.member(&device.keys).unwrap().unwrap().tag();
        let ring = format!("ring-{}", hex(&tag.0));
        let held = device.keys.get(&ring).unwrap().unwrap();
        let twin = |key: &[u8]| [&key[..8], &[0; 24], &[9; 32]].concat();
        let both: Vec<u8> = held.chunks(64).flat_map(|key| [twin(key), key.to_vec()].concat()).collect();
        device.keys.put(&ring, &both).unwrap();
    }
    meet(&laptop, "Ben");
    home.rest(&[&phone, &laptop]);
    assert_eq!(people(&phone), ["Ben", "Dana"]);
    assert_eq!(phone.notebook.kept_back(&phone.keys).unwrap().len(), 1);
    assert_eq!(phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap().waiting_for, ["laptop"]);
    home.rest(&[&laptop, &phone]);
    assert_eq!(phone.notebook.renewal_waits_for(&phone.keys).unwrap(), Some(Vec::new()));
}

#[test]
fn a_segment_that_was_damaged_here_is_named_and_stops_no_sync() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    meet(&laptop, "Dana");
    home.rest(&[&phone, &laptop]);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    let late = stranger.seal(vec![item(RecordId([5; 16]), b"said after it was removed", true)]);
    stranger.put(&late);
    home.rest(&[&phone, &laptop]);
    let file = rusqlite::Connection::open(phone.file()).unwrap();
    file.execute("UPDATE segment SET bytes = CAST(substr(bytes, 1, 200) || zeroblob(length(bytes) - 200) AS BLOB)", [])
        .unwrap();
    meet(&laptop, "Ben");
    laptop.pass(&home.shared).unwrap();
    let report = phone.pass(&home.shared).unwrap();
    assert!(report.set_aside.iter().any(|aside| aside.file.starts_with("segment 1 of log")), "{:?}", report.set_aside);
    assert_eq!(people(&phone), ["Ben", "Dana"]);
    assert_eq!(phone.notebook.kept_back(&phone.keys).unwrap(), []);
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    phone.pass(&home.shared).unwrap();
}

#[test]
fn a_base_of_which_a_new_device_would_take_nothing_makes_nobody_forget_anything() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    meet(&laptop, "Dana");
    let gone = phone.notebook.put(Contact { name: "Larry".into(), ..Contact::default() }).unwrap();
    home.rest(&[&phone, &laptop]);
    phone.notebook.purge(gone).unwrap();
    home.rest(&[&phone, &laptop]);
    let changes = stranger.changes_in(&home.shared);
    let logs: BTreeSet<LogId> = stranger.logs_in(&home.shared).into_iter().map(|(_, log)| log).collect();
    let all = |log: &LogId| Cut { log: *log, ranges: (1..=100).collect(), hash: [0; 32] };
    let covers: Vec<Cut> = logs.iter().map(all).collect();
    // All there is, as the word of who did not write it; and under a record that was deleted for good.
    let unsaid = changes.iter().map(|(record, bytes)| item(*record, bytes, false)).collect();
    let buried = changes.iter().map(|(_, bytes)| item(gone.raw(), bytes, true)).collect();
    for (number, items) in [(1, unsaid), (2, buried)] {
        let base = stranger.seal(items);
        stranger.put(&base);
        let base = stranger.cut(&[number]);
        stranger.tells(Act::Renew { covers: covers.clone(), base }, &home.shared);
    }
    home.meet(&[&phone, &laptop]);
    let tablet = home.device("tablet", 3);
    phone.lets_in(&tablet, &home.shared);
    tablet.pass(&home.shared).unwrap();
    assert_eq!(people(&tablet), ["Dana"]);
    assert_alike(&phone, &tablet);
}

#[test]
fn renewals_without_end_leave_the_others_words_in_the_list_of_devices() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    meet(&laptop, "Dana");
    home.rest(&[&phone, &laptop]);
    let segment = stranger.seal(vec![Item::Unknown(vec![0xa1, 0x00, 0x09])]);
    stranger.put(&segment);
    let base = stranger.cut(&[1]);
    let nothing = Cut { ranges: Ranges::new(), ..base };
    for n in 0..80 {
        let covers = if n % 2 == 0 { vec![Cut { log: [9; 16], ..base.clone() }] } else { Vec::new() };
        let base = if n % 4 == 1 { nothing.clone() } else { base.clone() };
        stranger.tells(Act::Renew { covers, base }, &home.shared);
    }
    home.rest(&[&phone, &laptop]);
    for device in [&phone, &laptop] {
        let member = device.notebook.member(&device.keys).unwrap().unwrap();
        let said = member.entries().by(&member.device()).count();
        assert!(said < 20, "{said} entries");
    }
    // An honest one is answered all the same.
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    home.rest(&[&phone, &laptop]);
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop]);
    assert_eq!(phone.notebook.renewal_waits_for(&phone.keys).unwrap(), Some(Vec::new()));
}

#[test]
fn who_names_the_writers_of_another_keeps_none_of_its_notes_from_a_new_device() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let dana = phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.rest(&[&phone, &laptop]);
    let of_phone = stranger.changes_in(&home.shared).into_iter().find(|(record, _)| *record == dana.raw()).unwrap();
    stranger.actors = vec![Change::read(&of_phone.1).actor];
    // The first thing that a new device reads: a word of the phone, as its own; and before that nothing but the claim.
    let claims = [vec![Item::Unknown(vec![0xa1, 0x00, 0x09])], vec![item(of_phone.0, &of_phone.1, false)]];
    for (n, items) in claims.into_iter().enumerate() {
        let segment = stranger.seal(items);
        stranger.put_as(&format!("!{n}.kiths"), &segment);
    }
    let file = stranger.seal(Vec::new());
    let first = home.shared.join("kith/b");
    std::fs::create_dir_all(&first).unwrap();
    std::fs::write(first.join("0.kiths"), file).unwrap();
    home.rest(&[&phone, &laptop]);
    phone.notebook.edit(dana, |contact: &mut Contact| contact.about = "likes tea".into()).unwrap();
    home.rest(&[&phone, &laptop]);
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared);
    let report = tablet.pass(&home.shared).unwrap();
    assert_eq!(report.refused, Vec::<String>::new());
    assert_eq!(tablet.notebook.get(dana).unwrap().unwrap().about, "likes tea");
    home.rest(&[&phone, &laptop, &tablet]);
    assert_alike(&phone, &tablet);
    // What the phone knows to be its own stays its own, and the laptop heard it from the phone first.
    for device in [&phone, &laptop] {
        let history = device.notebook.history(dana.raw()).unwrap();
        assert!(history.iter().all(|line| line.device.as_deref() == Some("phone")), "{history:?}");
    }
}

#[test]
fn of_changes_that_fail_one_by_one_so_many_are_tried_and_the_rest_another_time() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    let record = RecordId([9; 16]);
    // The seventh change of somebody whose first six nobody has.
    let bad = |n: u64| {
        let mut change = Change::puts(&[], 5, 7, 1, &[("@kind", "note")]);
        change.actor = [&n.to_be_bytes()[..], &[5; 8]].concat();
        (record, change.bytes())
    };
    let good = (record, Change::puts(&[], 6, 1, 1, &[("@kind", "note")]).bytes());
    stranger.send((0..1000).map(bad).chain([good]));
    let report = laptop.pass(&home.shared).unwrap();
    let for_now = |why: &str| why.starts_with("not taken for now: ");
    let left = report.refused.iter().filter(|why| for_now(why)).count();
    assert!((100..900).contains(&left), "{left} of {} are for another time", report.refused.len());
    for _ in 0..9 {
        laptop.pass(&home.shared).unwrap();
    }
    let refused = laptop.notebook.refused().unwrap();
    assert!(refused.iter().all(|refused| !for_now(&refused.why)), "{refused:?}");
    assert_eq!(refused.iter().map(|refused| refused.changes).sum::<u64>(), 1000);
    assert!(laptop.notebook.kind_of(record).is_ok(), "the good one among them is here");
}

#[test]
fn of_one_record_so_many_changes_wait_and_the_rest_is_set_aside_until_it_can_be_taken() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    let record = RecordId([9; 16]);
    let first = Change::puts(&[], 6, 1, 1, &[("@kind", "note")]).bytes();
    let orphan = |n: u64| {
        let unseen = *blake3::hash(&n.to_be_bytes()).as_bytes();
        (record, Change::puts(&[unseen], 5, n + 1, 100 + n, &[("at", "x")]).bytes())
    };
    let late = Change::puts(&[hash(&first)], 6, 2, 2, &[("title", "after all")]).bytes();
    stranger.send((0..8200).map(orphan));
    stranger.send([(record, late)]);
    assert_eq!(laptop.pass(&home.shared).unwrap().waiting, 8192);
    let refused = laptop.notebook.refused().unwrap();
    assert!(
        refused.iter().any(|refused| refused.changes == 9 && refused.why.contains("too many changes")),
        "{refused:?}"
    );
    stranger.send([(record, first)]);
    laptop.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    assert!(laptop.notebook.dump().unwrap().iter().any(|line| line.contains("after all")));
    assert_eq!(laptop.notebook.refused().unwrap()[0].changes, 8);
}

#[test]
fn a_photo_that_words_for_somebody_gone_for_good_name_is_there_for_who_shows_it() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let gone = phone.notebook.put(Contact { name: "Larry".into(), ..Contact::default() }).unwrap();
    home.rest(&[&phone, &laptop]);
    phone.notebook.purge(gone).unwrap();
    home.rest(&[&phone, &laptop]);
    let photo = tests::fill::photo(3);
    let name = BlobId::of(&photo);
    let words = Change::puts(&[], 5, 1, 1, &[("photo", &name.0)]).bytes();
    let blob = Item::Blob { bytes: photo, unknown: Default::default() };
    let segment = stranger.seal(vec![item(gone.raw(), &words, true), blob]);
    stranger.put(&segment);
    laptop.pass(&home.shared).unwrap();
    let ann = Change::puts(&[], 6, 1, 1, &[("@kind", "contact"), ("name", "Ann"), ("photo", &name.0)]).bytes();
    stranger.send([(RecordId([7; 16]), ann)]);
    laptop.pass(&home.shared).unwrap();
    for _ in 0..3 {
        while laptop.notebook.tidy().unwrap() {}
        laptop.wait_seconds(2 * 24 * 60 * 60);
    }
    assert_eq!(people(&laptop), ["Ann"]);
    assert!(laptop.notebook.photo(&name).unwrap().is_some());
}

#[test]
fn a_record_that_cannot_be_read_keeps_no_other_from_being_sent_nor_a_device_from_joining() {
    let home = Home::new();
    let (phone, laptop) = (home.device("phone", 1), home.device("laptop", 2));
    let breaks = |name: &str| {
        let broken = laptop.notebook.put(Contact { name: name.into(), ..Contact::default() }).unwrap();
        let file = rusqlite::Connection::open(laptop.file()).unwrap();
        let sql = "UPDATE chunk SET bytes = x'00' WHERE key >> 20 = (SELECT n FROM document WHERE id = ?)";
        assert_eq!(file.execute(sql, [broken.raw().0]).unwrap(), 1);
    };
    breaks("Dana");
    meet(&laptop, "Ben");
    phone.lets_in(&laptop, &home.shared);
    home.meet(&[&laptop, &phone]);
    assert_eq!(people(&phone), ["Ben"]);
    breaks("Larry");
    meet(&laptop, "Ann");
    let report = laptop.pass(&home.shared).unwrap();
    assert!(report.set_aside.iter().any(|aside| aside.why.contains("kith doctor")), "{:?}", report.set_aside);
    phone.pass(&home.shared).unwrap();
    assert_eq!(people(&phone), ["Ann", "Ben"]);
    assert!(laptop.notebook.renew(&laptop.keys, &mut |_, _| Ok(())).is_ok());
}

#[test]
fn what_is_kept_back_and_repeats_what_is_here_is_compared_with_it_at_once() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let about = "tea, and what goes with it; ".repeat(2000);
    let dana = phone.notebook.put(Contact { name: "Dana".into(), about, ..Contact::default() }).unwrap();
    phone.notebook.edit(dana, |contact: &mut Contact| contact.nickname = "D".into()).unwrap();
    home.rest(&[&phone, &laptop]);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    let known = stranger.changes_in(&home.shared).into_iter().filter(|(record, _)| *record == dana.raw());
    let known = known.min_by_key(|(_, bytes)| bytes.len()).unwrap();
    let never = (RecordId([9; 16]), Change::puts(&[], 5, 1, 1, &[("@kind", "note")]).bytes());
    stranger.send(std::iter::repeat_n(known, 16_000).chain([never]));
    meet(&laptop, "Ben");
    laptop.pass(&home.shared).unwrap();
    let began = Instant::now();
    phone.pass(&home.shared).unwrap();
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let kept: u64 = phone.notebook.kept_back(&phone.keys).unwrap().iter().map(|kept| kept.segments).sum();
    assert_eq!(kept, 1, "all but the one that says something new are settled");
}
