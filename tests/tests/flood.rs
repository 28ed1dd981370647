//! Who floods a place, or a notebook it belongs to, fills it with what is bounded: a removal is still said and heard, and
//! the others go on.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use kith_core::Error;
use kith_core::model::{Contact, Note, RecordId};
use kith_core::notebook::SyncReport;
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::carrier::mailbox::{Item as Listed, MAX_ITEMS};
use kith_core::sync::keys::KeyId;
use kith_core::sync::roster::{Act, MAX_BY_AUTHOR, MAX_CUTS, MAX_PURGED};
use kith_core::sync::seal::{self, Parcel};
use kith_core::sync::segment::{self, Header, Item, Name};
use kith_core::sync::session::{MAX_LOGS, MAX_PARCELS, parcel_id};
use kith_core::sync::{hex, ranges};
use tests::forge::{Change, Stranger, hash};
use tests::home::Home;
use tests::line::speak;
use tests::{Device, assert_alike, mailbox};

/// How many segments are kept back of devices that do not belong, and how many under one number of what they said before.
const MOST_KEPT_BACK: u64 = 2048;
const MOST_TWINS: u8 = 16;
/// How many files that were of no use are read again at one pass.
const MOST_READ_AGAIN: u64 = 1024;
/// How many records that are not here are noted as deleted by others.
const MOST_NOTED: u32 = 20_000;

/// Whether a device sees that one called this was removed.
fn sees_removed(device: &Device, name: &str) -> bool {
    let rows = device.notebook.device_list(&device.keys).unwrap();
    rows.iter().any(|row| row.name == name && row.removed)
}

/// They speak, and nothing goes wrong.
fn spoken(a: &Device, b: &Device) -> [SyncReport; 2] {
    speak(a, b).map(|report| report.unwrap())
}

/// Puts a file into the list of devices.
fn put_parcel(home: &Home, file: &[u8]) {
    std::fs::write(home.shared.join("kith/r").join(format!("{}.kithr", hex(&parcel_id(file)))), file).unwrap();
}

/// Files that anybody can write who sees the others: some that look like ours, some that do not but are what their names
/// say, some that are larger than any, and some that are neither what their names say nor named so that they are cleared
/// away.
fn fill_with_junk(home: &Home, device: &Device) {
    let tag = device.notebook.member(&device.keys).unwrap().unwrap().tag();
    for n in 0..(MAX_PARCELS + MAX_PARCELS / 2) as u32 {
        let kind = if n % 2 == 0 { Parcel::Bag } else { Parcel::Entry };
        put_parcel(home, &[&seal::parcel_head(kind, &tag)[..], &n.to_be_bytes(), &[7; 80]].concat());
        put_parcel(home, &[&n.to_be_bytes()[..], &[8; 8]].concat());
    }
    let folder = home.shared.join("kith/r");
    for n in 0..MAX_PARCELS + 10 {
        std::fs::write(folder.join(format!("{n:032x} (1).kithr")), [9]).unwrap();
    }
    std::fs::write(folder.join(format!("{:032x}.kithr", 1)), vec![9; seal::MAX_PARCEL + 1]).unwrap();
}

/// They meet until this is so, which is soon.
fn meet_until(home: &Home, devices: &[&Device], is_so: impl Fn() -> bool) {
    (0..20).any(|_| {
        home.meet(devices);
        is_so()
    });
    assert!(is_so());
}

/// How many rows a table of a device's notebook has.
fn rows(device: &Device, table: &str) -> u64 {
    let reader = rusqlite::Connection::open(device.file()).unwrap();
    reader.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// Everything that one device may say in the list, as files of it.
fn all_it_may_say(stranger: &mut Stranger, epoch: u8) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| stranger.says(Act::Rotate { check: [epoch; 32] })).collect()
}

/// How many segments of the device called this are known.
fn segments_of(device: &Device, name: &str) -> u64 {
    let rows = device.notebook.device_list(&device.keys).unwrap();
    rows.into_iter().find(|row| row.name == name).unwrap().segments
}

#[test]
fn who_comes_back_finds_the_notebook_behind_junk_and_beside_another_beginning() {
    let home = Home::new();
    let (phone, mut laptop) = home.two();
    let backup = home.folder.path().join("backup");
    laptop.back_up(&backup);
    let dana = phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    let kit = phone.notebook.make_recovery_key(&mailbox(&home.shared), &phone.keys, None).unwrap();
    home.meet(&[&phone, &laptop]);
    // Among as many true files some lie behind the junk.
    (3..9).for_each(|seed| phone.lets_in(&home.device(&format!("guest {seed}"), seed), &home.shared));
    let stranger = Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone]);
    let files = || -> BTreeSet<OsString> {
        std::fs::read_dir(home.shared.join("kith/r")).unwrap().map(|file| file.unwrap().file_name()).collect()
    };
    let before = files();
    (0..20).for_each(|n| put_parcel(&home, &stranger.begins_anew(n)));
    fill_with_junk(&home, &phone);
    assert!(files().iter().skip(MAX_PARCELS).any(|name| before.contains(name)), "all lies before the junk");

    let fresh = home.device("fresh", 9);
    fresh.notebook.recover(&mailbox(&home.shared), &fresh.keys, &kit).unwrap();
    fresh.pass(&home.shared).unwrap();
    assert_eq!(fresh.notebook.notebook_tag().unwrap(), phone.notebook.notebook_tag().unwrap());
    assert_eq!(fresh.notebook.get(dana).unwrap().unwrap().name, "Dana");
    laptop.restore(&backup);
    laptop.notebook.rejoin(&mailbox(&home.shared), &laptop.keys).unwrap();
    let names = |device: &Device| -> Vec<String> {
        device.notebook.device_list(&device.keys).unwrap().into_iter().map(|row| row.name).collect()
    };
    // One pass looks at so many files and the next one at others: who is new is found among the junk, now or then.
    meet_until(&home, &[&laptop, &phone, &fresh], || names(&fresh) == names(&phone));
    assert_alike(&phone, &laptop);
    assert_alike(&phone, &fresh);
}

#[test]
fn a_place_full_of_junk_keeps_no_removal_from_being_heard_and_nobody_from_being_let_in() {
    let home = Home::new();
    let [phone, laptop, _, _] = home.devices(["phone", "laptop", "stolen", "old"]);
    // More of them than are ever kept, before the next true one.
    fill_with_junk(&home, &phone);
    home.meet(&[&phone, &laptop]);
    // Elsewhere, where nobody floods anything, no more than a bounded part of it arrives.
    let elsewhere = home.elsewhere();
    phone.notebook.remove_device(&phone.keys, "stolen").unwrap();
    phone.notebook.jot_line("Dana Ruiz, Acme !send her the contact").unwrap();
    phone.pass(&elsewhere).unwrap();
    assert!(std::fs::read_dir(elsewhere.join("kith/r")).unwrap().count() <= MAX_PARCELS);
    laptop.pass(&elsewhere).unwrap();
    assert!(sees_removed(&laptop, "stolen"));
    assert_alike(&phone, &laptop);
    // And through the flooded place itself, and over a line.
    laptop.notebook.jot_line("Ben Ito, Harbour").unwrap();
    home.meet(&[&laptop, &phone]);
    assert_alike(&phone, &laptop);
    laptop.notebook.remove_device(&laptop.keys, "old").unwrap();
    meet_until(&home, &[&laptop, &phone], || sees_removed(&phone, "old"));
    spoken(&phone, &laptop);
    let tablet = home.device("tablet", 9);
    phone.lets_in(&tablet, &home.shared);
    home.meet(&[&phone, &laptop, &tablet]);
    assert_alike(&phone, &tablet);
    assert!(sees_removed(&tablet, "stolen"));
}

#[test]
fn a_device_that_opens_logs_without_end_is_removed_and_the_others_go_on() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let dana = phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.meet(&[&phone, &laptop]);
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let nothing = || vec![Item::Unknown(vec![0xa1, 0x00, 0x09])];
    // More logs than a greeting may name, a log of more holes than may be told, and one of more ends than a removal names.
    for n in 0..MAX_LOGS as u32 + 100 {
        let mut log = [0; 16];
        log[..4].copy_from_slice(&n.to_be_bytes());
        stranger.in_log(log, 1);
        let segment = stranger.seal_first(nothing());
        stranger.put(&segment);
    }
    stranger.in_log([0xaa; 16], 2);
    for _ in 0..ranges::MAX_RANGES + 10 {
        let segment = stranger.seal(nothing());
        stranger.put(&segment);
        stranger.skip_a_number();
    }
    for n in 0..MAX_CUTS as u64 + 10 {
        stranger.in_log([0xbb; 16], 2 + 3 * n);
        let segment = stranger.seal(nothing());
        stranger.put(&segment);
    }
    home.meet(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    // Honest words go on coming over a line, and in what is sealed.
    let tea = phone.notebook.put(Note { body: "likes tea".into(), about: vec![dana], ..Note::default() }).unwrap();
    spoken(&phone, &laptop);
    assert_eq!(laptop.notebook.get(tea).unwrap().unwrap().body, "likes tea");
    assert_eq!(spoken(&laptop, &phone).map(|report| report.read), [0, 0], "nothing is brought again and again");
    // It is removed, the other one hears so over the line, and says how far it knew it.
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    spoken(&phone, &laptop);
    assert!(sees_removed(&laptop, "stranger"));
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    // What is sealed can be renewed all the same.
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    laptop.notebook.edit(dana, |contact: &mut Contact| contact.about = "customs law".into()).unwrap();
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
}

/// A mailbox that counts what is read: segments and bundles with their bytes, and files of the list.
struct Counting<'a> {
    place: &'a dyn Mailbox,
    segments: AtomicU64,
    bytes: AtomicU64,
    list: AtomicU64,
}

impl Mailbox for Counting<'_> {
    fn prepare(&self) -> Result<(), Error> {
        self.place.prepare()
    }
    fn list(&self) -> Result<Vec<Listed>, Error> {
        self.place.list()
    }
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let got = self.place.get(name, most);
        let length = got.as_ref().ok().and_then(Option::as_ref).map_or(0, Vec::len) as u64;
        if name.ends_with(".kiths") || name.ends_with(".kithb") {
            self.segments.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(length, Ordering::Relaxed);
        }
        self.list.fetch_add(u64::from(name.ends_with(".kithr")), Ordering::Relaxed);
        got
    }
    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.place.put_new(name, bytes)
    }
    fn delete(&self, name: &str) -> Result<(), Error> {
        self.place.delete(name)
    }
    fn words(&self) -> String {
        self.place.words()
    }
}

/// A pass, and what it read.
fn counted(device: &Device, home: &Home) -> (SyncReport, [u64; 3]) {
    let place = mailbox(&home.shared);
    let none = || AtomicU64::new(0);
    let counting = Counting { place: &place, segments: none(), bytes: none(), list: none() };
    let report = device.notebook.sync(&counting, &device.keys, &mut |_, _| Ok(())).unwrap();
    (report, [counting.segments, counting.bytes, counting.list].map(AtomicU64::into_inner))
}

/// A pass, and how many segments it read.
fn segments_read(device: &Device, home: &Home) -> (SyncReport, u64) {
    let (report, [segments, ..]) = counted(device, home);
    (report, segments)
}

#[test]
fn a_removed_device_neither_takes_a_log_for_its_own_nor_fills_the_notebook() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let nothing = || vec![Item::Unknown(vec![0xa1, 0x00, 0x09])];
    // It learns under which log the laptop writes, before the phone does.
    let elsewhere = home.elsewhere();
    laptop.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    laptop.pass(&elsewhere).unwrap();
    let (_, log) = stranger.logs_in(&elsewhere).into_iter().next().unwrap();
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    let own = [0xee; 16];
    stranger.in_log(log, 1);
    let taken = stranger.seal_first(nothing());
    stranger.put(&taken);
    stranger.in_log(own, 2);
    for _ in 0..MOST_KEPT_BACK + 50 {
        let segment = stranger.seal(nothing());
        let name = Name::of_segment(&Header::read(&segment).unwrap(), &segment, 0).to_string();
        stranger.put_as(name.rsplit('/').next().unwrap(), &segment);
    }
    phone.pass(&home.shared).unwrap();
    assert!(segments_of(&phone, "stranger") <= MOST_KEPT_BACK, "{}", segments_of(&phone, "stranger"));
    // What there was no room for is named again, and read again only once somebody has decided.
    let (report, read) = segments_read(&phone, &home);
    assert!(report.set_aside.len() >= 50 && read <= 1, "{read} read, {} named", report.set_aside.len());
    phone.notebook.drop_kept_back(&phone.keys, "stranger").unwrap();
    let (report, read) = segments_read(&phone, &home);
    assert!(report.set_aside.is_empty() && read >= 50, "{read} read, {} named", report.set_aside.len());
    home.rest(&[&laptop, &phone]);
    assert_alike(&phone, &laptop);
    assert_eq!(phone.notebook.people(0, 9).unwrap().total, 1);
}

#[test]
fn however_many_segments_a_device_puts_under_one_number_the_others_end_with_all_of_them() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let elsewhere = home.elsewhere();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    let mut twin = |n: u8| {
        stranger.in_log([0xcc; 16], 2);
        let segment = stranger.seal_first(vec![Item::Unknown(vec![0xa1, 0x00, 0x18, n])]);
        stranger.put(&segment);
    };
    // Each hears of others, and of more than are given at once.
    (100..200).for_each(&mut twin);
    phone.pass(&home.shared).unwrap();
    std::fs::remove_dir_all(home.shared.join("kith/l")).unwrap();
    laptop.pass(&elsewhere).unwrap();
    let of = |device: &Device| segments_of(device, "stranger");
    assert_eq!((of(&phone), of(&laptop)), (100, 0));
    let mut meetings = 0;
    while of(&laptop) < 100 {
        spoken(&phone, &laptop);
        meetings += 1;
        assert!(meetings < 50, "{} of 100 after {meetings} meetings", of(&laptop));
    }
    assert!(meetings > 1);
    assert_eq!(spoken(&phone, &laptop).map(|report| report.read), [0, 0]);
    assert_alike(&phone, &laptop);
}

#[test]
fn a_newcomer_hears_all_that_a_removed_device_said_before_however_much_it_is() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let count = MOST_KEPT_BACK + 50;
    for _ in 0..count {
        let segment = stranger.seal(vec![Item::Unknown(vec![0xa1, 0x00, 0x09])]);
        stranger.put(&segment);
    }
    home.meet(&[&phone, &laptop]);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    home.rest(&[&phone, &laptop]);
    // Through the folder, where it comes from its beginning; and over a line.
    let [tablet, guest] = [("tablet", 8), ("guest", 9)].map(|(name, seed)| home.device(name, seed));
    phone.lets_in(&tablet, &home.shared);
    phone.lets_in(&guest, &home.shared);
    let report = tablet.pass(&home.shared).unwrap();
    assert_eq!((report.after_removal, &report.set_aside[..]), (0, &[][..]));
    spoken(&phone, &guest);
    for device in [&tablet, &guest] {
        assert_eq!(segments_of(device, "stranger"), count, "{}", device.notebook.device());
        assert!(device.notebook.kept_back(&device.keys).unwrap().is_empty());
    }
    assert_alike(&phone, &tablet);
}

#[test]
fn a_newcomer_hears_at_once_what_a_removed_device_said_before_in_large_files() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let count = MOST_KEPT_BACK + 300;
    let all: Vec<Vec<u8>> = (0..count).map(|_| stranger.seal(vec![Item::Unknown(vec![0xa1, 0x00, 0x09])])).collect();
    for (at, part) in all.chunks(200).enumerate() {
        let bundle = segment::bundle(part.iter().map(Vec::as_slice));
        let to = at as u64 * 200 + part.len() as u64;
        let name = Name::of_bundle(&Header::read(&bundle).unwrap(), to, &bundle, 0).to_string();
        let path = home.shared.join("kith").join(&name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bundle).unwrap();
    }
    home.meet(&[&phone, &laptop]);
    assert_eq!(segments_of(&phone, "stranger"), count);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    home.rest(&[&phone, &laptop]);
    let tablet = home.device("tablet", 8);
    phone.lets_in(&tablet, &home.shared);
    let report = tablet.pass(&home.shared).unwrap();
    assert_eq!((report.after_removal, report.incomplete, &report.set_aside[..]), (0, 0, &[][..]));
    assert_eq!(segments_of(&tablet, "stranger"), count);
    assert_alike(&phone, &tablet);
}

#[test]
fn a_removed_device_keeps_nothing_of_what_it_said_before_from_a_newcomer() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let nothing = |n: u8| vec![Item::Unknown(vec![0xa1, 0x00, 0x18, n])];
    for _ in 0..10 {
        let segment = stranger.seal(Vec::new());
        stranger.put(&segment);
    }
    home.meet(&[&phone, &laptop]);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    home.rest(&[&phone, &laptop]);
    // Under each of its numbers others come first, more than are kept.
    let fakes = (1..=10_u64).flat_map(|seq| (0..MOST_TWINS + 10).map(move |n| (seq, n)));
    let mut wrong = Vec::new();
    for (seq, n) in fakes {
        stranger.in_log([0xee; 16], seq);
        wrong.push(if seq == 1 { stranger.seal_first(nothing(100 + n)) } else { stranger.seal(nothing(100 + n)) });
        stranger.put_as(&format!("!{seq}-{n}.kiths"), wrong.last().unwrap());
    }
    let [tablet, guest] = [("tablet", 8), ("guest", 9)].map(|(name, seed)| home.device(name, seed));
    phone.lets_in(&tablet, &home.shared);
    phone.lets_in(&guest, &home.shared);
    let taken = |device: &Device| -> u64 {
        let reader = rusqlite::Connection::open(device.file()).unwrap();
        let sql = "SELECT count(*) FROM segment WHERE log = ? AND state = 0";
        reader.query_row(sql, [[0xee_u8; 16]], |row| row.get(0)).unwrap()
    };
    let report = tablet.pass(&home.shared).unwrap();
    assert!(!report.set_aside.is_empty(), "there was room for all");
    assert_eq!((taken(&phone), taken(&tablet)), (10, 10));
    // Over a line they come in the order of their hashes.
    spoken(&tablet, &guest);
    assert_eq!(taken(&guest), 10);
    let kept = tablet.notebook.kept_back(&tablet.keys).unwrap();
    assert_eq!(kept.iter().map(|kept| (&kept.name[..], kept.segments)).collect::<Vec<_>>(), [("stranger", 160)]);
    assert_eq!(tablet.notebook.drop_kept_back(&tablet.keys, "stranger").unwrap(), 160);
    tablet.pass(&home.shared).unwrap();
    assert_eq!(taken(&tablet), 10);
    assert_alike(&phone, &tablet);
    // What was dropped keeps no renewal from being done.
    guest.notebook.drop_kept_back(&guest.keys, "stranger").unwrap();
    phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.meet(&[&phone, &laptop, &tablet, &guest]);
    assert_eq!(phone.notebook.renewal_waits_for(&phone.keys).unwrap(), Some(Vec::new()));
    assert_alike(&phone, &tablet);
}

#[test]
fn of_records_that_never_were_only_so_many_are_noted_as_deleted_and_those_that_are_go_on_being_deleted() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let gone = phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    let kept = phone.notebook.put(Contact { name: "Ben".into(), ..Contact::default() }).unwrap();
    home.meet(&[&phone, &laptop]);
    let record = |n: u32| RecordId(std::array::from_fn(|at| n.to_be_bytes()[at % 4]));
    for part in 0..2 * MOST_NOTED / MAX_PURGED as u32 {
        let records = (0..MAX_PURGED as u32).map(|n| record(part * MAX_PURGED as u32 + n)).collect();
        put_parcel(&home, &stranger.says(Act::Purge { records, successor: None }).unwrap());
    }
    home.meet(&[&laptop]);
    let reader = rusqlite::Connection::open(laptop.file()).unwrap();
    let noted = || reader.query_row("SELECT count(*) FROM purged", [], |row| row.get::<_, u32>(0)).unwrap();
    assert!((MOST_NOTED / 2..=MOST_NOTED).contains(&noted()), "{}", noted());
    phone.notebook.purge(gone).unwrap();
    home.rest(&[&phone, &laptop]);
    assert!(laptop.notebook.get(gone).unwrap().is_none());
    assert_eq!(laptop.notebook.get(kept).unwrap().unwrap().name, "Ben");
    assert_alike(&phone, &laptop);
}

#[test]
fn a_device_that_says_all_it_can_in_the_list_is_removed_and_the_others_write_under_a_new_key() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let kit = phone.notebook.make_recovery_key(&mailbox(&home.shared), &phone.keys, None).unwrap();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    let said = all_it_may_say(&mut stranger, 7);
    assert!(said.len() > 400, "{}", said.len());
    said.iter().for_each(|file| put_parcel(&home, file));
    home.meet(&[&phone, &laptop]);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    laptop.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.rest(&[&phone, &laptop]);
    assert!(sees_removed(&laptop, "stranger"));
    assert_alike(&phone, &laptop);
    let guest = home.device("guest", 9);
    phone.lets_in(&guest, &home.shared);
    phone.notebook.remove_device_as(&phone.keys, &kit, "guest").unwrap();
    home.rest(&[&phone, &laptop]);
    assert!(sees_removed(&laptop, "guest"));
}

#[test]
fn who_is_shut_out_by_a_device_that_began_its_log_is_named_and_heard_once_it_is_let_in_anew() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let dana = laptop.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    let elsewhere = home.elsewhere();
    laptop.pass(&elsewhere).unwrap();
    let (_, log) = stranger.logs_in(&elsewhere).into_iter().next().unwrap();
    stranger.in_log(log, 1);
    let begun = stranger.seal_first(vec![Item::Unknown(vec![0xa1, 0x00, 0x09])]);
    stranger.put(&begun);
    phone.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    let report = phone.pass(&home.shared).unwrap();
    let said: Vec<&str> = report.set_aside.iter().map(|aside| &aside.why[..]).collect();
    assert_eq!(said, ["\"laptop\" continues in it the log of another device, \"stranger\""]);

    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    phone.pass(&home.shared).unwrap();
    assert!(laptop.pass(&home.shared).is_err());
    phone.lets_in(&laptop, &home.shared);
    home.rest(&[&laptop, &phone]);
    assert_eq!(phone.notebook.get(dana).unwrap().unwrap().name, "Dana");
    assert_alike(&phone, &laptop);
}

#[test]
fn who_is_let_in_is_told_of_those_who_belong_and_nothing_that_only_looks_like_it() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let stranger = Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    (0..300).for_each(|n| put_parcel(&home, &stranger.begins_anew(n)));
    home.meet(&[&phone, &laptop]);
    assert!(rows(&phone, "parcel") > 300, "they can be opened, so they are kept");
    let tablet = home.device("tablet", 9);
    phone.lets_in(&tablet, &home.shared);
    assert_eq!(rows(&tablet, "parcel"), rows(&tablet, "roster"));
}

#[test]
fn what_there_was_no_room_for_is_taken_when_somebody_builds_on_it_later() {
    let home = Home::new();
    let [phone, laptop, _] = home.devices(["phone", "laptop", "guest"]);
    let mut copies: [Stranger; 2] = Stranger::let_in_as_copies(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    // Each of the two hears all that one of the copies may say, and after that what the other said, for which it has no room.
    let [mine, theirs] = [0, 1].map(|n| all_it_may_say(&mut copies[n], n as u8));
    let elsewhere = home.elsewhere();
    phone.pass(&elsewhere).unwrap();
    laptop.pass(&elsewhere).unwrap();
    mine.iter().for_each(|file| put_parcel(&home, file));
    phone.pass(&home.shared).unwrap();
    for file in &theirs {
        std::fs::write(elsewhere.join("kith/r").join(format!("{}.kithr", hex(&parcel_id(file)))), file).unwrap();
    }
    laptop.pass(&elsewhere).unwrap();
    let before = rows(&laptop, "roster");
    laptop.pass(&home.shared).unwrap();
    assert_eq!(rows(&laptop, "roster"), before, "there was no room");
    phone.notebook.remove_device(&phone.keys, "guest").unwrap();
    phone.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    assert!(sees_removed(&laptop, "guest"));
    assert!(rows(&laptop, "roster") >= before + mine.len() as u64);
}

#[test]
fn however_often_one_device_is_removed_the_others_say_once_how_far_they_knew_it() {
    let home = Home::new();
    let [phone, laptop, guest] = home.devices(["phone", "laptop", "guest"]);
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    let guest_id = guest.notebook.member(&guest.keys).unwrap().unwrap().device();
    for _ in 0..100 {
        put_parcel(&home, &stranger.says(Act::Revoke { device: guest_id, cuts: Vec::new() }).unwrap());
    }
    let before = rows(&phone, "roster");
    home.meet(&[&phone, &laptop]);
    assert!(sees_removed(&phone, "guest"));
    let said = rows(&phone, "roster") - before - 100;
    assert!((2..10).contains(&said), "{said}");
}

#[test]
fn a_device_that_said_all_it_may_tells_that_the_others_do_not_hear_what_it_deletes() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let dana = phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.meet(&[&phone, &laptop]);
    let mut member = phone.notebook.member(&phone.keys).unwrap().unwrap();
    let mut random = tests::Seeded(1);
    let mut say = |n: u8| member.say(Act::Rotate { check: [n; 32] }, 0, &mut |bytes| random.fill(bytes));
    while let Ok(written) = say(5) {
        put_parcel(&home, &written.parcel);
    }
    assert_eq!(phone.pass(&home.shared).unwrap().set_aside, []);
    phone.notebook.purge(dana).unwrap();
    let report = phone.pass(&home.shared).unwrap();
    let said: Vec<&str> = report.set_aside.iter().map(|aside| &aside.file[..]).collect();
    assert_eq!(said, ["the list of devices"]);
    home.meet(&[&laptop, &phone]);
    assert!(laptop.notebook.get(dana).unwrap().is_some());
}

/// How many segments are here that do not count, or not yet.
fn in_doubt(device: &Device) -> u64 {
    rows(device, "segment WHERE state IN (1, 2, 6)")
}

#[test]
fn beside_what_a_removed_device_said_before_no_more_is_kept_of_it_than_of_what_it_says_after() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let nothing = |n: u8| vec![Item::Unknown(vec![0xa1, 0x00, 0x18, n])];
    for _ in 0..150 {
        let segment = stranger.seal(nothing(40));
        stranger.put(&segment);
    }
    home.meet(&[&phone, &laptop]);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    home.rest(&[&phone, &laptop]);
    for (seq, n) in (1..=150_u64).flat_map(|seq| (0..MOST_TWINS).map(move |n| (seq, n))) {
        stranger.in_log([0xee; 16], seq);
        let fake = if seq == 1 { stranger.seal_first(nothing(100 + n)) } else { stranger.seal(nothing(100 + n)) };
        stranger.put_as(&format!("!{seq}-{n}.kiths"), &fake);
    }
    let tablet = home.device("tablet", 8);
    phone.lets_in(&tablet, &home.shared);
    for device in [&phone, &tablet, &phone, &tablet] {
        device.pass(&home.shared).unwrap();
        assert!(in_doubt(device) <= MOST_KEPT_BACK, "{}: {}", device.notebook.device(), in_doubt(device));
        assert_eq!(rows(device, "segment WHERE state = 0 AND hex(log) LIKE 'EEEE%'"), 150);
    }
    assert_alike(&phone, &tablet);
}

/// So many changes of one record, each after the one before.
fn small_changes(record: RecordId, count: u64) -> Vec<Item> {
    let mut before = Vec::new();
    let change = |n: u64| {
        let puts = if n == 1 { ("@kind", "note") } else { ("at", "x") };
        let bytes = Change::puts(&before, 6, n, n, &[puts]).bytes();
        before = vec![hash(&bytes)];
        Item::Change { record, bytes, reissued: true, unknown: Default::default() }
    };
    (1..=count).map(change).collect()
}

#[test]
fn whatever_a_removed_device_repeated_the_others_pass_it_on_and_go_on() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let record = phone.notebook.put(Note { body: "whose history is full".into(), ..Note::default() }).unwrap();
    home.meet(&[&phone, &laptop]);
    let other = RecordId([7; 16]);
    // More logs than a removal names, in each of which it says the same.
    let changes = small_changes(other, 60);
    for n in 0..MAX_CUTS as u128 + 40 {
        stranger.in_log(n.to_be_bytes(), 1);
        let segment = stranger.seal_first(changes.clone());
        stranger.put(&segment);
    }
    home.meet(&[&phone, &laptop]);
    // The numbers of its changes are nearly used up, by one that waits to be sealed.
    let file = rusqlite::Connection::open(phone.file()).unwrap();
    let next = (1 << 20) - 20;
    file.execute("UPDATE document SET next = ? WHERE id = ?", (next, other.0)).unwrap();
    file.execute(
        "INSERT INTO outbox SELECT n << 20 | ?, ? FROM document WHERE id = ?",
        (next - 1, hash_of_first(&changes), other.0),
    )
    .unwrap();
    drop(file);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    phone.notebook.edit(record, |note: &mut Note| note.body = "after that".into()).unwrap();
    home.rest(&[&phone, &laptop]);
    assert_eq!(laptop.notebook.get(record).unwrap().unwrap().body, "after that");
    assert_alike(&phone, &laptop);
}

fn hash_of_first(changes: &[Item]) -> [u8; 32] {
    let first = changes.iter().find_map(|item| match item {
        Item::Change { bytes, .. } => Some(hash(bytes)),
        _ => None,
    });
    first.unwrap()
}

#[test]
fn a_file_of_which_no_part_can_be_opened_is_looked_at_once_and_named_once() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.meet(&[&phone, &laptop]);
    let files = tests::post::sealed_files(&home.shared).into_values();
    let mut header = files.filter_map(|bytes| Header::read(&bytes).ok()).next().unwrap();
    header.body = 84;
    let mut junk = Vec::new();
    for n in 0..20_000_u64 {
        header.seq = 1_000 + n;
        junk.extend(header.bytes());
        junk.extend([7; 84]);
    }
    let first = Header { seq: 1_000, ..header };
    let name = Name::of_bundle(&first, 1_100, &junk, 0).to_string();
    let path = home.shared.join("kith").join(&name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, &junk).unwrap();
    let began = std::time::Instant::now();
    let report = laptop.pass(&home.shared).unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(report.set_aside.iter().map(|aside| &aside.file[..]).collect::<Vec<_>>(), [&name[..]]);
}

#[test]
fn who_begins_epochs_without_end_and_hands_out_their_keys_keeps_nobody_from_syncing_nor_its_removal_out() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let dana = phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    let kit = phone.notebook.make_recovery_key(&mailbox(&home.shared), &phone.keys, None).unwrap();
    let stranger = Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    let (files, keys) = stranger.opens_all_it_may(2);
    assert!(keys.keys.len() > 1500, "{}", keys.keys.len());
    files.iter().chain(&stranger.hands_out(&keys)).for_each(|file| put_parcel(&home, file));
    home.meet(&[&phone, &laptop]);
    let held = |device: &Device| device.notebook.member(&device.keys).unwrap().unwrap().key_bag().keys.len();
    assert!(held(&phone) > 1500 && held(&laptop) > 1500, "{} and {}", held(&phone), held(&laptop));
    let before = phone.notebook.member(&phone.keys).unwrap().unwrap().write_epoch().unwrap().epoch;
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    laptop.notebook.edit(dana, |contact: &mut Contact| contact.about = "customs law".into()).unwrap();
    home.meet(&[&phone, &laptop]);
    assert!(sees_removed(&laptop, "stranger"));
    let after = laptop.notebook.member(&laptop.keys).unwrap().unwrap().write_epoch().unwrap().epoch;
    assert_ne!(before, after);
    assert_alike(&phone, &laptop);
    let fresh = home.device("fresh", 9);
    fresh.notebook.recover(&mailbox(&home.shared), &fresh.keys, &kit).unwrap();
    fresh.pass(&home.shared).unwrap();
    fresh.notebook.remove_device_as(&fresh.keys, &kit, "laptop").unwrap();
    home.meet(&[&fresh, &phone]);
    assert_eq!(fresh.notebook.get(dana).unwrap().unwrap().about, "customs law");
    assert!(sees_removed(&phone, "laptop"));
}

#[test]
fn deletions_of_records_that_never_were_are_told_again_in_few_words_after_their_author_was_removed() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let elsewhere = home.elsewhere();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    let record = |n: u32| RecordId(std::array::from_fn(|at| n.to_be_bytes()[at % 4]));
    for part in 0..60 {
        let records = (0..MAX_PURGED as u32).map(|n| record(part * MAX_PURGED as u32 + n)).collect();
        put_parcel(&home, &stranger.says(Act::Purge { records, successor: None }).unwrap());
    }
    phone.pass(&home.shared).unwrap();
    phone.agree();
    assert!(rows(&phone, "purged") <= u64::from(MOST_NOTED), "{}", rows(&phone, "purged"));
    // The laptop has heard of none of this, so it does not count any more.
    laptop.notebook.remove_device(&laptop.keys, "stranger").unwrap();
    laptop.pass(&elsewhere).unwrap();
    let before = rows(&phone, "roster");
    let report = phone.pass(&elsewhere).unwrap();
    assert!(sees_removed(&phone, "stranger"));
    let said = rows(&phone, "roster") - before;
    assert!(said < 20, "{said} entries more");
    assert_eq!(report.set_aside, []);
}

/// So many large files of the list in a newer form, before most true ones in a listing.
fn put_newer_files(home: &Home, device: &Device, count: usize) {
    let tag = device.notebook.member(&device.keys).unwrap().unwrap().tag();
    let newer = |n: u32| {
        let mut newer = [&seal::parcel_head(Parcel::Entry, &tag)[..], &n.to_be_bytes()].concat();
        newer.resize(seal::MAX_PARCEL, 7);
        newer[4] = 2;
        newer
    };
    let early = (0..).map(newer).filter(|file| parcel_id(file)[0] < 0x10);
    early.take(count).for_each(|file| put_parcel(home, &file));
}

#[test]
fn files_of_the_list_in_a_newer_form_are_read_once_and_again_by_another_version() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    home.meet(&[&phone, &laptop]);
    // More than one pass reads.
    put_newer_files(&home, &phone, 300);
    let reads = || counted(&phone, &home).1[2];
    let first = reads();
    assert!((200..300).contains(&first), "{first}");
    assert_eq!((first + reads(), reads()), (300, 0), "each is read once");
    laptop.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.meet(&[&laptop, &phone]);
    assert_alike(&phone, &laptop);
    let file = rusqlite::Connection::open(phone.file()).unwrap();
    file.execute("UPDATE meta SET value = '0.0.1' WHERE key = 'passed_over_by'", []).unwrap();
    assert!(reads() > 200, "another version reads them again");
}

#[test]
fn a_removal_is_heard_behind_more_large_files_in_a_newer_form_than_one_pass_reads() {
    let home = Home::new();
    let [phone, laptop, _] = home.devices(["phone", "laptop", "stolen"]);
    put_newer_files(&home, &phone, 600);
    phone.notebook.remove_device(&phone.keys, "stolen").unwrap();
    meet_until(&home, &[&phone, &laptop], || sees_removed(&laptop, "stolen"));
}

#[test]
fn what_is_kept_for_removals_is_kept_and_the_last_word_of_a_device_can_be_one() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    Stranger::let_in_by(&phone, &home.shared);
    home.meet(&[&phone, &laptop]);
    let mut member = phone.notebook.member(&phone.keys).unwrap().unwrap();
    let mut random = tests::Seeded(1);
    let mut random = |bytes: &mut [u8]| random.fill(bytes);
    let me = member.device();
    let mut parcels = Vec::new();
    while member.entries().by(&me).count() < MAX_BY_AUTHOR - 32 {
        parcels.push(member.say(Act::Rotate { check: [5; 32] }, 0, &mut random).unwrap().parcel);
    }
    assert!(member.say_if_there_is_room(Act::Rekey { hpke: [1; 32] }, 0, &mut random).is_none());
    while member.entries().by(&me).count() < MAX_BY_AUTHOR - 1 {
        parcels.push(member.say(Act::Rotate { check: [5; 32] }, 0, &mut random).unwrap().parcel);
    }
    parcels.iter().for_each(|file| put_parcel(&home, file));
    phone.pass(&home.shared).unwrap();
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    assert!(phone.pass(&home.shared).is_err(), "there was room for an epoch, too");
    laptop.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.meet(&[&laptop, &phone]);
    assert!(sees_removed(&laptop, "stranger"));
    assert!(laptop.notebook.member(&laptop.keys).unwrap().unwrap().write_epoch().is_some());
    assert_alike(&phone, &laptop);
}

#[test]
fn what_anybody_leaves_in_a_mailbox_that_nobody_can_open_is_read_once_and_then_a_bounded_part_of_it_at_a_pass() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let dana = phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.meet(&[&phone, &laptop]);
    let honest =
        tests::post::sealed_files(&home.shared).into_values().find(|bytes| Header::read(bytes).is_ok()).unwrap();
    let header = Header::read(&honest).unwrap();
    let place = home.shared.join("kith");
    std::fs::create_dir_all(place.join("l/junk")).unwrap();
    // Under a key that nobody has, each under its right name; damaged, under names that nobody can tell; and copies.
    for n in 0..1_000_u64 {
        let locked = Header { seq: 10_000 + n, key: KeyId([9; 8]), body: 84, ..header };
        let locked = [&locked.bytes()[..], &[7; 84]].concat();
        let name = Name::of_segment(&Header::read(&locked).unwrap(), &locked, 0).to_string();
        std::fs::create_dir_all(place.join(&name).parent().unwrap()).unwrap();
        std::fs::write(place.join(&name), &locked).unwrap();
        std::fs::write(place.join(format!("l/junk/damaged {n}.kiths")), [&honest[..100], &n.to_be_bytes()].concat())
            .unwrap();
        std::fs::write(place.join(format!("l/junk/copy {n}.kiths")), &honest).unwrap();
    }
    let (report, [first, ..]) = counted(&laptop, &home);
    assert!(first >= 3_000 && report.locked == 1_000, "all are new: {first} read, {} locked", report.locked);
    for _ in 0..3 {
        let (report, [again, ..]) = counted(&laptop, &home);
        assert!((1..=MOST_READ_AGAIN).contains(&again), "{again} read");
        assert!(report.set_aside.iter().any(|aside| aside.file.ends_with(" files")), "the rest is said");
    }
    // What is honest is read at once, whatever lies beside it.
    phone.notebook.edit(dana, |contact: &mut Contact| contact.about = "customs law".into()).unwrap();
    phone.pass(&home.shared).unwrap();
    let (report, [read, ..]) = counted(&laptop, &home);
    assert!(report.read == 1 && read <= MOST_READ_AGAIN + 1, "{read} read");
    assert_alike(&phone, &laptop);
    // A key that comes makes all of them worth a look.
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    phone.pass(&home.shared).unwrap();
    assert!(counted(&laptop, &home).1[0] >= 2_000);
    // As many bytes are too much as well: some of few large files.
    for n in 0..30 {
        let mut large = vec![7; 4 * 1024 * 1024];
        large[0] = n;
        std::fs::write(place.join(format!("l/junk/large {n}.kiths")), large).unwrap();
    }
    std::fs::read_dir(place.join("l/junk")).unwrap().flatten().for_each(|file| {
        let name = file.file_name().into_string().unwrap();
        if !name.starts_with("large") {
            std::fs::remove_file(file.path()).unwrap();
        }
    });
    assert!(counted(&laptop, &home).1[1] >= 120 * 1024 * 1024);
    let (_, [_, bytes, _]) = counted(&laptop, &home);
    assert!(bytes <= (64 + 5) * 1024 * 1024, "{bytes} bytes read again");
}

#[test]
fn beside_what_shows_that_it_counts_only_so_much_of_a_removed_device_waits_and_all_that_counts_is_taken() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let nothing = |n: u8| vec![Item::Unknown(vec![0xa1, 0x00, 0x18, n])];
    let honest = 160_u64;
    for _ in 0..honest {
        let segment = stranger.seal(nothing(40));
        stranger.put(&segment);
    }
    home.meet(&[&phone, &laptop]);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    home.rest(&[&phone, &laptop]);
    // They lie there under their right names, and under others, which are read again and again.
    let by_hand = |n: u64| home.shared.join("kith/l").join(stranger.folder()).join(format!("{n:08}.kiths"));
    (1..=honest).for_each(|n| std::fs::remove_file(by_hand(n)).unwrap());
    // Under each number as many others as are kept under one.
    let mut fakes = Vec::new();
    for (seq, n) in (1..honest).flat_map(|seq| (0..MOST_TWINS).map(move |n| (seq, n))) {
        stranger.in_log([0xee; 16], seq);
        let fake = if seq == 1 { stranger.seal_first(nothing(100 + n)) } else { stranger.seal(nothing(100 + n)) };
        fakes.push(fake);
    }
    for fake in &fakes {
        let name = Name::of_segment(&Header::read(fake).unwrap(), fake, 0).to_string();
        stranger.put_as(name.rsplit('/').next().unwrap(), fake);
    }
    let [tablet, guest] = [("tablet", 8), ("guest", 9)].map(|(name, seed)| home.device(name, seed));
    phone.lets_in(&tablet, &home.shared);
    phone.lets_in(&guest, &home.shared);
    let waits = |device: &Device| rows(device, "segment WHERE state = 6");
    let taken = |device: &Device| rows(device, "segment WHERE state = 0 AND hex(log) LIKE 'EEEE%'");
    // The last of what counts comes later: until then nothing shows what counts.
    let logs = std::fs::read_dir(home.shared.join("kith/l")).unwrap().flatten();
    let files = logs.flat_map(|log| std::fs::read_dir(log.path()).unwrap().flatten().map(|file| file.path()));
    let is_last = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        Header::read(&bytes).is_ok_and(|header| header.seq == honest)
    };
    let last = files.filter(is_last).collect::<Vec<_>>();
    let aside: Vec<Vec<u8>> = last.iter().map(|path| std::fs::read(path).unwrap()).collect();
    last.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    let (report, _) = segments_read(&tablet, &home);
    assert_eq!((waits(&tablet), taken(&tablet)), (MOST_KEPT_BACK, 0));
    assert!(report.set_aside.len() as u64 >= fakes.len() as u64 + honest - 1 - MOST_KEPT_BACK);
    let (report, read) = segments_read(&tablet, &home);
    assert!(read <= 1 && !report.set_aside.is_empty(), "what there is no room for is not read again: {read}");
    last.iter().zip(aside).for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    // The one pass takes that, and the next one what it shows.
    (0..2).for_each(|_| drop(tablet.pass(&home.shared).unwrap()));
    assert_eq!(taken(&tablet), honest);
    assert!(waits(&tablet) <= MOST_KEPT_BACK && in_doubt(&tablet) <= 2 * MOST_KEPT_BACK);
    // Since then more is known of what counts, so they are looked at once more, and then no more.
    tablet.pass(&home.shared).unwrap();
    assert_eq!(segments_read(&tablet, &home).1, 0);
    // Over a line it is the same.
    (0..20).any(|_| {
        spoken(&tablet, &guest);
        taken(&guest) == honest
    });
    assert_eq!(taken(&guest), honest);
    assert!(waits(&guest) <= MOST_KEPT_BACK);
    assert_alike(&phone, &tablet);
    assert_alike(&tablet, &guest);
}

/// A place that says that it deletes, and that so many other things lie in it.
struct Odd<'a>(&'a dyn Mailbox, usize);

impl Mailbox for Odd<'_> {
    fn prepare(&self) -> Result<(), Error> {
        self.0.prepare()
    }
    fn list(&self) -> Result<Vec<Listed>, Error> {
        let others = (0..self.1).map(|n| Listed { name: format!("x/{n:08}"), bytes: 1 });
        Ok(self.0.list()?.into_iter().chain(others).collect())
    }
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        self.0.get(name, most)
    }
    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.0.put_new(name, bytes)
    }
    fn delete(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }
    fn words(&self) -> String {
        self.0.words()
    }
}

#[test]
fn a_place_that_only_says_that_it_deletes_is_not_read_anew_at_every_pass() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.meet(&[&phone, &laptop]);
    let (name, honest) =
        tests::post::sealed_files(&home.shared).into_iter().find(|(_, bytes)| Header::read(bytes).is_ok()).unwrap();
    let name = name.to_str().unwrap().to_owned();
    let folder = name.rsplit_once('/').unwrap().0.to_owned();
    for n in 0..2 * MOST_READ_AGAIN {
        let damaged = [&honest[..100], &n.to_be_bytes()].concat();
        std::fs::write(home.shared.join(&folder).join(format!("{:016x}-00000000-0.kiths", 1_000 + n)), damaged)
            .unwrap();
    }
    let read = || {
        let (place, none) = (mailbox(&home.shared), || AtomicU64::new(0));
        let counting = Counting { place: &Odd(&place, 0), segments: none(), bytes: none(), list: none() };
        laptop.notebook.sync(&counting, &laptop.keys, &mut |_, _| Ok(())).unwrap();
        counting.segments.into_inner()
    };
    assert!(read() >= 2 * MOST_READ_AGAIN, "all are new");
    for _ in 0..3 {
        let again = read();
        assert!((1..=MOST_READ_AGAIN).contains(&again), "{again} read");
    }
}

#[test]
fn what_a_crowded_place_does_not_take_of_others_is_said() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.meet(&[&phone, &laptop]);
    laptop.notebook.put(Contact { name: "Ann".into(), ..Contact::default() }).unwrap();
    let place = mailbox(&home.elsewhere());
    let sync = |place: &dyn Mailbox| laptop.notebook.sync(place, &laptop.keys, &mut |_, _| Ok(())).unwrap();
    let report = sync(&Odd(&place, MAX_ITEMS / 2));
    assert!(report.sent > 0 && report.no_room > 0, "{report:?}");
    let after = sync(&place);
    assert!(after.no_room == 0 && after.written >= report.no_room, "there is room again: {after:?}");
}

#[test]
fn what_a_device_makes_up_that_it_has_seen_stops_no_checkpoint_and_is_forgotten_when_it_is_removed() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    for n in 0..60_u32 {
        let body = (0..16_u32).map(|part| blake3::hash(&[n, part].map(u32::to_be_bytes).concat()).to_string());
        phone.notebook.put(Note { body: body.collect(), ..Note::default() }).unwrap();
    }
    home.meet(&[&phone, &laptop]);
    let mut numbers = ranges::Ranges::new();
    numbers.insert_range(1..=10_000_000);
    let seen = (0..segment::MAX_SEEN as u8).map(|n| ([n; 16], numbers.clone())).collect();
    let segment = stranger.seal_seen(seen);
    stranger.put(&segment);
    let checkpoints = home.shared.join("kith/c");
    std::fs::remove_dir_all(&checkpoints).unwrap();
    let report = phone.pass(&home.shared).unwrap();
    assert_eq!(report.missing, 1_280_000_000, "nobody can know better");
    assert!(checkpoints.is_dir(), "a new device is told all the same");
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    assert_eq!(phone.pass(&home.shared).unwrap().missing, 0);
    home.rest(&[&laptop, &phone]);
    assert_eq!(laptop.pass(&home.shared).unwrap().missing, 0);
    assert_alike(&phone, &laptop);
}
