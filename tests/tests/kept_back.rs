//! What is kept back until a person decides: shown with a reason, kept as one's own word, or dropped.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::PathBuf;

use kith_core::Error;
use kith_core::notebook::WhyKeptBack;
use tests::{Device, assert_alike, quick_folder};

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
    assert!(matches!(tablet.pass(&shared), Err(Error::Peer(words)) if words.contains("was removed")));
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
    phone.notebook.rebuild().unwrap();
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
fn a_device_of_which_nothing_is_kept_back_is_not_found() {
    let (_folder, _, [phone, ..]) = removed_and_went_on();
    for name in ["laptop", "nobody", ""] {
        assert!(matches!(phone.notebook.keep_back_no_more(&phone.keys, name), Err(Error::NotFound(_))), "{name}");
        assert!(matches!(phone.notebook.drop_kept_back(&phone.keys, name), Err(Error::NotFound(_))), "{name}");
    }
}
