//! Many segments become few files, and a bundle that was lost, cut short, damaged or made up harms nothing.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};

use kith_core::model::Contact;
use tests::{Device, assert_alike, quick_folder};

/// More than are left loose.
const EDITS: usize = 270;

struct Home {
    folder: tempfile::TempDir,
    shared: PathBuf,
    phone: Device,
    laptop: Device,
}

impl Home {
    /// The phone wrote so often that it made a bundle; the laptop has seen nothing yet.
    fn bundled() -> Self {
        let folder = quick_folder();
        let shared = folder.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        let [phone, laptop] = [("phone", 1), ("laptop", 2)].map(|(name, seed)| Device::new(folder.path(), name, seed));
        phone.lets_in(&laptop, &shared);
        let dana = phone.notebook.jot_line("Dana Ruiz, Acme").unwrap().contact.unwrap();
        for n in 0..EDITS {
            phone.notebook.edit(dana, |contact: &mut Contact| contact.nickname = n.to_string()).unwrap();
            phone.pass(&shared).unwrap();
        }
        phone.pass(&shared).unwrap();
        Self { folder, shared, phone, laptop }
    }

    fn files(&self, kind: &str) -> Vec<PathBuf> {
        let place = self.shared.join("kith").join(kind);
        let folders = std::fs::read_dir(place).into_iter().flatten().map(|entry| entry.unwrap().path());
        let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap());
        let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn bundle(&self) -> PathBuf {
        self.files("b").into_iter().next().expect("a bundle")
    }

    fn rest(&self) {
        for _ in 0..3 {
            self.phone.pass(&self.shared).unwrap();
            self.laptop.pass(&self.shared).unwrap();
        }
    }
}

#[test]
fn many_segments_become_a_bundle_and_a_new_device_reads_it() {
    let home = Home::bundled();
    assert_eq!(home.files("b").len(), 1);
    assert!(home.files("l").len() < 32, "{} loose ones are left", home.files("l").len());
    let report = home.laptop.pass(&home.shared).unwrap();
    assert!(report.read >= EDITS as u64 && report.set_aside.is_empty(), "{report:?}");
    home.rest();
    assert_alike(&home.phone, &home.laptop);
    let quiet = home.laptop.pass(&home.shared).unwrap();
    assert_eq!((quiet.written, quiet.read), (0, 0), "nobody puts them there one by one, or reads it again");
    // A third device gets it from what is there.
    let tablet = Device::new(home.folder.path(), "tablet", 3);
    home.laptop.lets_in(&tablet, &home.shared);
    tablet.pass(&home.shared).unwrap();
    home.rest();
    assert_alike(&home.phone, &tablet);
}

fn damaged(how: impl Fn(&Path)) {
    let home = Home::bundled();
    how(&home.bundle());
    home.rest();
    home.rest();
    assert_alike(&home.phone, &home.laptop);
    // What the folder holds now is enough for somebody who never saw any of it.
    let tablet = Device::new(home.folder.path(), "tablet", 3);
    home.laptop.lets_in(&tablet, &home.shared);
    let report = tablet.pass(&home.shared).unwrap();
    assert!(report.set_aside.is_empty() && report.missing == 0, "{report:?}");
    home.rest();
    assert_alike(&home.phone, &tablet);
}

#[test]
fn a_bundle_that_was_lost_is_made_good() {
    damaged(|bundle| std::fs::remove_file(bundle).unwrap());
}

#[test]
fn a_bundle_that_was_cut_short_is_made_good() {
    damaged(|bundle| {
        let bytes = std::fs::read(bundle).unwrap();
        std::fs::write(bundle, &bytes[..bytes.len() * 2 / 3]).unwrap();
    });
}

#[test]
fn a_bundle_with_a_flipped_bit_is_made_good() {
    damaged(|bundle| {
        let mut bytes = std::fs::read(bundle).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(bundle, bytes).unwrap();
    });
}

#[test]
fn loose_ones_that_a_drive_brings_back_are_taken_away_again() {
    let home = Home::bundled();
    home.laptop.pass(&home.shared).unwrap();
    // The laptop's drive has not brought the bundle yet, so the laptop puts everything there loose.
    let (bundle, aside) = (home.bundle(), home.folder.path().join("aside"));
    std::fs::rename(&bundle, &aside).unwrap();
    home.laptop.pass(&home.shared).unwrap();
    assert!(home.files("l").len() > 256);
    std::fs::rename(&aside, &bundle).unwrap();
    home.rest();
    assert!(home.files("l").len() < 32, "{} loose ones are left", home.files("l").len());
    assert_alike(&home.phone, &home.laptop);
}

#[test]
fn names_that_claim_everything_hide_nothing() {
    let home = Home::bundled();
    let name = |from: u64, to: u64| home.bundle().with_file_name(format!("{from:016x}-{to:016x}-00000000-0.kithb"));
    for (from, to) in [(0, u64::MAX), (1, 4097), (9, 3)] {
        std::fs::write(name(from, to), b"made up").unwrap();
    }
    std::fs::remove_file(home.files("l").last().unwrap()).unwrap();
    home.rest();
    home.rest();
    assert_alike(&home.phone, &home.laptop);
    assert!(!home.files("l").is_empty());
}

#[test]
fn a_renewal_takes_bundles_away() {
    let home = Home::bundled();
    home.rest();
    let bundle = home.bundle();
    home.phone.notebook.renew(&home.phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest();
    assert!(!bundle.exists());
    assert_alike(&home.phone, &home.laptop);
    let tablet = Device::new(home.folder.path(), "tablet", 3);
    home.laptop.lets_in(&tablet, &home.shared);
    tablet.pass(&home.shared).unwrap();
    home.rest();
    assert_alike(&home.phone, &tablet);
}
