//! Notebooks that are copied, or put back from a backup: no number of a log is ever used for two contents, and
//! everything that anybody wrote comes together again.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kith_core::model::{Contact, Id, Note};
use kith_core::sync::segment::Header;
use tests::post::{Post, sealed_files};
use tests::seeds::{each_seed, quiet_panics, seeds};
use tests::{Device, Seeded, assert_alike, assert_same_lines, quick_folder};

fn write(device: &Device, name: &str) -> Id<Contact> {
    device.notebook.put(Contact { name: name.into(), ..Contact::default() }).unwrap()
}

fn has(device: &Device, name: &str) -> bool {
    device.notebook.people_named(name, 10).unwrap().iter().any(|contact| contact.name == name)
}

/// For each log and number, the different contents under it.
fn contents(folder: &Path) -> BTreeMap<([u8; 16], u64), BTreeSet<Vec<u8>>> {
    let mut contents: BTreeMap<_, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for bytes in sealed_files(folder).into_values() {
        if let Ok(header) = Header::read(&bytes) {
            contents.entry((header.log_tag, header.seq)).or_default().insert(bytes);
        }
    }
    contents
}

fn assert_no_number_twice(folder: &Path) {
    let twice = contents(folder).into_iter().find(|(_, contents)| contents.len() > 1);
    assert!(twice.is_none(), "a number of a log was used for two contents");
}

fn assert_all_have(devices: &[&Device], names: &[&str]) {
    for device in devices {
        names.iter().for_each(|name| assert!(has(device, name), "{} lacks {name}", device.notebook.device()));
        assert_alike(devices[0], device);
        assert_eq!(devices[0].notebook.digest().unwrap(), device.notebook.digest().unwrap());
    }
}

struct Scene {
    folder: tempfile::TempDir,
    shared: PathBuf,
    phone: Device,
    laptop: Device,
}

fn scene() -> Scene {
    let folder = quick_folder();
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let (phone, laptop) = (Device::new(folder.path(), "phone", 1), Device::new(folder.path(), "laptop", 2));
    write(&phone, "Ann");
    phone.sync(&shared);
    laptop.sync(&shared);
    Scene { folder, shared, phone, laptop }
}

fn meet(devices: &[&Device], folder: &Path) {
    for _ in 0..3 {
        devices.iter().for_each(|device| drop(device.sync(folder)));
    }
}

#[test]
fn a_copied_notebook_writes_under_a_log_of_its_own() {
    for with_handed_out in [false, true] {
        let Scene { folder, shared, phone, laptop } = scene();
        let copy = phone.copied(folder.path(), "copy", 3, with_handed_out);
        write(&phone, "Ben");
        phone.sync(&shared);
        write(&copy, "Cleo");
        // Without the keys it is let in anew, as another device; with them it has to see that it is a copy.
        assert_eq!(copy.sync(&shared).new_log, with_handed_out);
        write(&copy, "Dora");
        write(&phone, "Emil");
        meet(&[&phone, &copy, &laptop], &shared);
        assert_no_number_twice(&shared);
        assert_all_have(&[&phone, &copy, &laptop], &["Ann", "Ben", "Cleo", "Dora", "Emil"]);
        assert!(!copy.sync(&shared).new_log, "once is enough");
    }
}

#[test]
fn an_older_copy_put_back_neither_repeats_a_number_nor_loses_what_was_handed_out() {
    let Scene { folder, shared, mut phone, laptop } = scene();
    let backup = folder.path().join("backup");
    write(&phone, "Ben");
    phone.back_up(&backup);
    phone.sync(&shared);
    write(&phone, "Cleo");
    phone.sync(&shared);
    phone.restore(&backup);
    assert!(!has(&phone, "Cleo"));
    write(&phone, "Dora");
    assert!(!phone.sync(&shared).new_log, "it reads back what it wrote itself, and goes on where it was");
    assert!(has(&phone, "Cleo"), "what was handed out comes back");
    meet(&[&phone, &laptop], &shared);
    assert_no_number_twice(&shared);
    assert_all_have(&[&phone, &laptop], &["Ann", "Ben", "Cleo", "Dora"]);
    // The same backup once more, and the device forgot what it handed out.
    phone.restore(&backup);
    std::fs::remove_file(phone.folder().join("handed-out.json")).unwrap();
    write(&phone, "Emil");
    assert!(phone.sync(&shared).new_log);
    meet(&[&phone, &laptop], &shared);
    assert_no_number_twice(&shared);
    assert_all_have(&[&phone, &laptop], &["Ann", "Ben", "Cleo", "Dora", "Emil"]);
}

#[test]
fn two_copies_that_write_before_they_hear_of_each_other_lose_nothing_and_part() {
    let folder = quick_folder();
    let places: Vec<PathBuf> = ["a", "b", "c"].iter().map(|name| folder.path().join(name)).collect();
    places.iter().for_each(|place| std::fs::create_dir(place).unwrap());
    let mut post = Post::between(places.clone());
    let (phone, laptop) = (Device::new(folder.path(), "phone", 1), Device::new(folder.path(), "laptop", 2));
    let note = phone.notebook.put(Note { body: "one".into(), ..Note::default() }).unwrap();
    phone.lets_in(&laptop, &places[0]);
    post.collect(0);
    post.deliver_all();
    places[1..]
        .iter()
        .for_each(|place| drop(std::fs::copy(places[0].join("kith/KITH.txt"), place.join("kith/KITH.txt"))));
    // A whole phone is cloned, with everything it remembers.
    let copy = phone.copied(folder.path(), "copy", 3, true);
    for (n, (device, word)) in [(&phone, "two "), (&copy, "zero ")].into_iter().enumerate() {
        device.notebook.edit(note, |note: &mut Note| note.body.insert_str(0, word)).unwrap();
        device.sync(&places[n]);
        post.collect(n);
    }
    post.deliver_all();
    let report = laptop.sync(&places[2]);
    assert_eq!(report.twins.len(), 1, "the laptop is told that there are two of one");
    assert!(phone.sync(&places[0]).new_log && copy.sync(&places[1]).new_log, "each goes on under a log of its own");
    write(&phone, "Ben");
    write(&copy, "Cleo");
    let devices = [&phone, &copy, &laptop];
    for _ in 0..3 {
        for (n, device) in devices.iter().enumerate() {
            let report = device.sync(&places[n]);
            assert_eq!((report.set_aside, report.refused), (vec![], vec![]));
            post.collect(n);
        }
        post.deliver_all();
    }
    let body = laptop.notebook.get(note).unwrap().unwrap().body;
    assert!(body.contains("two ") && body.contains("zero ") && body.contains("one"), "{body}");
    assert_all_have(&devices, &["Ben", "Cleo"]);
    let twice = contents(&places[2]).into_values().filter(|contents| contents.len() > 1).count();
    assert_eq!(twice, 1, "only the one that nobody could foresee");
}

#[test]
fn a_person_deleted_for_good_stays_so_after_syncing_on() {
    let Scene { folder: _folder, shared, phone, laptop } = scene();
    let ben = write(&phone, "Ben");
    meet(&[&phone, &laptop], &shared);
    phone.notebook.purge(ben).unwrap();
    write(&phone, "Cleo");
    laptop.notebook.edit(ben, |contact: &mut Contact| contact.about = "still here".into()).unwrap();
    meet(&[&phone, &laptop], &shared);
    assert!(!has(&phone, "Ben") && has(&phone, "Cleo") && has(&laptop, "Cleo"));
    assert_no_number_twice(&shared);
}

/// Devices that write, sync, are backed up, put back and copied, in any order, through one folder.
fn live(seed: u64) {
    let mut random = Seeded(seed);
    let folder = quick_folder();
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let mut devices: Vec<Device> =
        (0..2).map(|n| Device::new(folder.path(), &format!("device {n}"), random.number())).collect();
    devices[0].sync(&shared);
    let mut shared_names: Vec<String> = Vec::new();
    // Written by a device and not yet in the folder: a backup put back may forget it.
    let mut own_names: Vec<Vec<String>> = vec![Vec::new(); 2];
    let mut backups: Vec<usize> = Vec::new();
    for step in 0..10 + random.below(20) {
        let at = random.below(devices.len());
        match random.below(10) {
            0..4 => {
                let name = format!("Name{step:03}");
                write(&devices[at], &name);
                own_names[at].push(name);
            }
            4 => {
                devices[at].back_up(&folder.path().join(format!("backup {at}")));
                backups.push(at);
            }
            5 if backups.contains(&at) => {
                devices[at].restore(&folder.path().join(format!("backup {at}")));
                own_names[at].clear();
            }
            6 if devices.len() < 5 => {
                let name = format!("device {}", devices.len());
                let copy = devices[at].copied(folder.path(), &name, random.number(), random.below(2) == 0);
                devices.push(copy);
                own_names.push(Vec::new());
            }
            7 => devices[at].reopen(),
            _ => {
                let report = devices[at].sync(&shared);
                assert_eq!((report.set_aside, report.refused), (vec![], vec![]));
                shared_names.append(&mut own_names[at]);
            }
        }
    }
    for round in 0..4 {
        for (at, device) in devices.iter().enumerate() {
            let report = device.sync(&shared);
            shared_names.append(&mut own_names[at]);
            assert!(
                round < 2 || (report.received, report.sent, report.new_log) == (0, 0, false),
                "no rest: {report:?}"
            );
        }
    }
    assert_no_number_twice(&shared);
    let dump = devices[0].notebook.dump().unwrap();
    for device in &devices {
        assert_same_lines(&dump, &device.notebook.dump().unwrap(), "two devices show different things");
        assert_eq!(devices[0].notebook.digest().unwrap(), device.notebook.digest().unwrap());
        let sizes = device.notebook.sizes().unwrap();
        assert_eq!((sizes.waiting, sizes.quarantined, sizes.outbox), (0, 0, 0));
        shared_names.iter().for_each(|name| assert!(has(device, name), "{name} is lost"));
    }
}

#[test]
fn whatever_is_copied_and_put_back_ends_alike() {
    quiet_panics();
    each_seed("whatever_is_copied_and_put_back_ends_alike", &seeds(160, 40), live);
}
