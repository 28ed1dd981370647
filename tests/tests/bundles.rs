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
fn a_bundle_that_only_says_what_it_holds_hides_nothing() {
    let home = Home::bundled();
    home.rest();
    let place = home.bundle().parent().unwrap().to_path_buf();
    let mut honest = home.files("l");
    honest.retain(|file| file.parent().unwrap().file_name() == place.file_name());
    let last = honest.last().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let last = u64::from_str_radix(last.split('-').next().unwrap(), 16).unwrap();
    honest.push(home.bundle());
    let bytes: u64 = honest.iter().map(|file| file.metadata().unwrap().len()).sum();
    // Somebody who sees names and sizes leaves one with every number there may ever be, and one with all there are.
    for (to, bytes) in [(4096, 100), (last, bytes as usize)] {
        let junk = vec![7; bytes];
        let hash = &blake3::hash(&junk).to_hex()[..8];
        std::fs::write(place.join(format!("{:016x}-{to:016x}-{hash}-0.kithb", 1)), junk).unwrap();
    }
    honest.iter().for_each(|file| std::fs::remove_file(file).unwrap());
    home.phone.notebook.jot_line("Ann Lee, Novabank").unwrap();
    let report = home.phone.pass(&home.shared).unwrap();
    assert!(report.sent > 0 && report.written > EDITS as u64, "{report:?}");
    let tablet = Device::new(home.folder.path(), "tablet", 3);
    home.phone.lets_in(&tablet, &home.shared);
    let report = tablet.pass(&home.shared).unwrap();
    assert_eq!(report.missing, 0, "{report:?}");
    home.rest();
    tablet.pass(&home.shared).unwrap();
    assert_alike(&home.phone, &tablet);
    assert_alike(&home.phone, &home.laptop);
    let quiet = home.laptop.pass(&home.shared).unwrap();
    assert_eq!((quiet.written, quiet.read), (0, 0), "and then there is peace");
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
