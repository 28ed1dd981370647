//! What is kept back until a person decides: shown with a reason, kept as one's own word, or dropped.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};

use kith_core::Error;
use kith_core::model::Note;
use kith_core::notebook::WhyKeptBack;
use tests::home::Home;
use tests::post::sealed_files;
use tests::{Device, assert_alike, mailbox, quick_folder};

/// Three devices, of which the last was removed and then went on: it wrote down Larry.
fn removed_and_went_on() -> (tempfile::TempDir, PathBuf, [Device; 3]) {
    let folder = quick_folder();
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let [phone, laptop, tablet] =
        [("phone", 1), ("laptop", 2), ("tablet", 3)].map(|(name, seed)| Device::new(folder.path(), name, seed));
    phone.lets_in(&laptop, &shared);
    phone.lets_in(&tablet, &shared);
    phone.notebook.jot_line("Dana Ruiz, Acme").unwrap();
    for device in [&phone, &laptop, &tablet] {
        device.pass(&shared).unwrap();
    }
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    // It does not know yet, so it still puts what it wrote there.
    tablet.notebook.jot_line("Late Larry, Acme !send him the plan").unwrap();
    tablet.pass(&shared).unwrap();
    for device in [&phone, &laptop, &phone] {
        device.pass(&shared).unwrap();
    }
    (folder, shared, [phone, laptop, tablet])
}

fn knows_larry(device: &Device) -> bool {
    !device.notebook.find("larry", 9).unwrap().is_empty()
}

#[test]
fn it_is_listed_with_its_device_and_the_reason() {
    let (_folder, _, [phone, laptop, _]) = removed_and_went_on();
    for device in [&phone, &laptop] {
        let kept = device.notebook.kept_back(&device.keys).unwrap();
        let [one] = kept.as_slice() else { panic!("{kept:?}") };
        assert_eq!((one.name.as_str(), one.why, one.segments), ("tablet", WhyKeptBack::AfterRemoval, 1));
        assert!(one.changes >= 2 && one.records >= 2 && one.newest.starts_with("2026-11-22"), "{one:?}");
        assert!(!knows_larry(device));
    }
    assert_eq!(phone.notebook.refused().unwrap(), []);
}

#[test]
fn what_one_device_keeps_all_take_and_nobody_is_asked_again() {
    let (_folder, shared, [phone, laptop, tablet]) = removed_and_went_on();
    let report = phone.notebook.keep_back_no_more(&phone.keys, "Tablet").unwrap();
    assert!(report.received >= 2 && report.refused.is_empty(), "{report:?}");
    assert!(knows_larry(&phone));
    for device in [&phone, &laptop, &phone] {
        let report = device.pass(&shared).unwrap();
        assert!(report.refused.is_empty(), "{report:?}");
    }
    assert!(knows_larry(&laptop));
    assert_alike(&phone, &laptop);
    assert_eq!(laptop.notebook.kept_back(&laptop.keys).unwrap(), [], "all of it came another way");
    assert_eq!(laptop.pass(&shared).unwrap().after_removal, 0);
    assert!(matches!(tablet.pass(&shared), Err(Error::Removed(words)) if words.contains("was removed")));
    // A device that is let in now takes it from the phone's word.
    let desk = Device::new(_folder.path(), "desk", 4);
    laptop.lets_in(&desk, &shared);
    desk.pass(&shared).unwrap();
    assert!(knows_larry(&desk));
}

#[test]
fn what_is_dropped_never_comes_in_and_is_not_asked_again() {
    let (_folder, shared, [phone, laptop, _]) = removed_and_went_on();
    assert_eq!(phone.notebook.drop_kept_back(&phone.keys, "tablet").unwrap(), 1);
    assert_eq!(phone.notebook.kept_back(&phone.keys).unwrap(), []);
    phone.notebook.rebuild(&mut |_, _| Ok(())).unwrap();
    assert!(!knows_larry(&phone));
    assert_eq!(phone.pass(&shared).unwrap().after_removal, 0);
    // The other decides for itself, and then the phone hears of it all the same.
    let id = laptop.notebook.kept_back(&laptop.keys).unwrap()[0].device.clone();
    laptop.notebook.keep_back_no_more(&laptop.keys, &id).unwrap();
    for device in [&laptop, &phone, &laptop] {
        device.pass(&shared).unwrap();
    }
    assert!(knows_larry(&phone));
    assert_alike(&phone, &laptop);
}

#[test]
fn what_was_dropped_and_turns_out_to_count_is_taken_here_as_everywhere() {
    let home = Home::new();
    let [phone, laptop, tablet] = home.devices(["phone", "laptop", "tablet"]);
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    tablet.notebook.jot_line("Late Larry").unwrap();
    tablet.pass(&home.shared).unwrap();
    // The laptop has not heard of the removal, and builds on what it read.
    laptop.pass(&home.shared).unwrap();
    laptop.notebook.jot_line("Late Larry +knows pilots").unwrap();
    phone.pass(&home.shared).unwrap();
    assert_eq!(phone.notebook.drop_kept_back(&phone.keys, "tablet").unwrap(), 1);
    home.rest(&[&laptop, &phone]);
    assert!(knows_larry(&phone) && knows_larry(&laptop));
    assert_eq!(phone.pass(&home.shared).unwrap().waiting, 0);
    assert_alike(&phone, &laptop);
}

#[test]
fn a_device_of_which_nothing_is_kept_back_is_not_found() {
    let (_folder, _, [phone, ..]) = removed_and_went_on();
    for name in ["laptop", "nobody", ""] {
        assert!(matches!(phone.notebook.keep_back_no_more(&phone.keys, name), Err(Error::NotFound(_))), "{name}");
        assert!(matches!(phone.notebook.drop_kept_back(&phone.keys, name), Err(Error::NotFound(_))), "{name}");
    }
}

fn reads(device: &Device, words: &str) -> bool {
    device.notebook.dump().unwrap().iter().any(|line| line.contains(words))
}

fn segments_in(folder: &Path) -> Vec<PathBuf> {
    sealed_files(folder).into_keys().filter(|path| path.extension().is_some_and(|end| end == "kiths")).collect()
}

#[test]
fn what_waits_for_a_file_that_was_lost_is_said_and_can_be_kept() {
    let home = Home::new();
    let [phone, tablet] = home.devices(["phone", "tablet"]);
    let kit = phone.notebook.make_recovery_key(&mailbox(&home.shared), &phone.keys, None).unwrap();
    let mut lost = PathBuf::new();
    for words in ["the first", "the second", "the third"] {
        tablet.notebook.put(Note { body: words.into(), ..Note::default() }).unwrap();
        let before = segments_in(&home.shared);
        tablet.pass(&home.shared).unwrap();
        let new = segments_in(&home.shared).into_iter().find(|path| !before.contains(path)).unwrap();
        lost = if words == "the second" { new } else { lost };
    }
    phone.pass(&home.shared).unwrap();
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    phone.pass(&home.shared).unwrap();
    std::fs::remove_file(home.shared.join(lost)).unwrap();
    // The phone breaks. With the paper all comes back that is still there, but for what nothing shows to count.
    let fresh = home.device("fresh", 9);
    fresh.notebook.recover(&mailbox(&home.shared), &fresh.keys, &kit).unwrap();
    let report = fresh.pass(&home.shared).unwrap();
    assert!(reads(&fresh, "the third") && !reads(&fresh, "the first"));
    let kept = fresh.notebook.kept_back(&fresh.keys).unwrap();
    assert_eq!(kept.iter().map(|kept| (&kept.name[..], kept.segments)).collect::<Vec<_>>(), [("tablet", 1)]);
    assert_eq!((kept[0].why, report.incomplete), (WhyKeptBack::Incomplete, 1));
    // It may count yet, so it is not to be dropped.
    let no = fresh.notebook.drop_kept_back(&fresh.keys, "tablet").unwrap_err();
    assert!(matches!(&no, Error::Invalid(words) if words.contains("may come yet")), "{no}");
    fresh.notebook.keep_back_no_more(&fresh.keys, "tablet").unwrap();
    assert!(reads(&fresh, "the first"));
    assert_eq!(fresh.notebook.kept_back(&fresh.keys).unwrap(), []);
    home.rest(&[&fresh, &phone]);
    assert!(reads(&fresh, "the second"));
    assert_alike(&fresh, &phone);
}

#[test]
fn what_was_dropped_with_its_key_and_counts_after_all_is_asked_for_and_taken() {
    let home = Home::new();
    let [phone, laptop, tablet] = home.devices(["phone", "laptop", "tablet"]);
    let kit = phone.notebook.make_recovery_key(&mailbox(&home.shared), &phone.keys, None).unwrap();
    home.rest(&[&phone, &laptop, &tablet]);
    let elsewhere = home.elsewhere();
    tests::copy_folder(&home.shared, &elsewhere);
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    tablet.notebook.jot_line("Late Larry").unwrap();
    tablet.pass(&elsewhere).unwrap();
    tests::copy_folder(&elsewhere, &home.shared);
    home.meet(&[&phone, &laptop]);
    for device in [&phone, &laptop] {
        assert_eq!(device.notebook.drop_kept_back(&device.keys, "tablet").unwrap(), 1);
    }
    phone.notebook.jot_line("Dana").unwrap();
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop]);
    let states = || -> Vec<i64> {
        let reader = rusqlite::Connection::open(laptop.file()).unwrap();
        let mut statement = reader.prepare("SELECT state FROM segment WHERE state IN (7, 8)").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(states(), [8], "its key is forgotten, and with it what it says");
    // Whoever has the paper knew nothing of that, and removes the phone: what it said of the tablet does not hold any more.
    let fresh = home.device("fresh", 9);
    fresh.notebook.recover(&mailbox(&elsewhere), &fresh.keys, &kit).unwrap();
    fresh.notebook.remove_device_as(&fresh.keys, &kit, "phone").unwrap();
    for _ in 0..4 {
        for device in [&fresh, &tablet, &laptop] {
            device.pass(&elsewhere).unwrap();
        }
    }
    assert!(knows_larry(&fresh) && knows_larry(&laptop));
    assert_eq!(states(), Vec::<i64>::new());
}
