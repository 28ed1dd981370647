//! Forgetting keys: after a renewal that all devices followed, copies of what lay in a mailbox before open to nothing that
//! any device still has. Whoever was away, copied, put back or killed in between loses nothing.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use kith_core::Error;
use kith_core::model::{Contact, Id};
use kith_core::sync::LogId;
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::carrier::mailbox::Item as Found;
use kith_core::sync::keys::{DeviceKeys, EntryHash, EpochKeys, KeyBag, NotebookTag, RecoveryKit, Secret, open_bag};
use kith_core::sync::keystore::{FileKeyStore, KeyStore};
use kith_core::sync::member::Member;
use kith_core::sync::segment::{self, Header, Item};
use tests::home::{Home, rest};
use tests::{Device, assert_alike, copy_folder, mailbox, quick_folder};

/// Devices of one notebook, let in by the first, that know Zyxwella.
fn acquainted<const N: usize>(home: &Home, names: [&str; N]) -> ([Device; N], Id<Contact>) {
    let devices = home.devices(names);
    let zyxwella = devices[0].notebook.jot_line("Zyxwella Quorbin, Acme").unwrap().contact.unwrap();
    devices[0].notebook.jot_line("Ben Okafor, Novabank !call him by tue").unwrap();
    home.rest(&devices.each_ref());
    (devices, zyxwella)
}

fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.insert(entry.path(), std::fs::read(entry.path()).unwrap());
        }
    }
    found
}

fn reads(device: &Device, words: &str) -> bool {
    device.notebook.dump().unwrap().iter().any(|line| line.contains(words))
}

fn member(device: &Device) -> Member {
    device.notebook.member(&device.keys).unwrap().unwrap()
}

/// The epochs a device can still write and read segments under.
fn roots(device: &Device) -> BTreeSet<EntryHash> {
    member(device).key_bag().keys.into_iter().map(|(epoch, _)| epoch).collect()
}

/// Everything that may be a key in what a device keeps outside its notebook.
fn secrets(device: &Device) -> Vec<Secret> {
    let files = files_below(&device.folder().join("keys"));
    let chunks = files.values().flat_map(|bytes| bytes.as_chunks::<32>().0);
    chunks.map(|chunk| Secret::new(*chunk)).collect()
}

/// The keys in a bag, if any of these secrets opens it: as what an HPKE key is made of, or as the seed of a device.
fn open_with_any(secrets: &[Secret], tag: &NotebookTag, file: &[u8]) -> Option<KeyBag> {
    secrets.iter().find_map(|secret| {
        let renewed = DeviceKeys::renewed(secret, secret, std::slice::from_ref(secret)).unwrap();
        let drawn = DeviceKeys::from_seeds(secret, secret);
        [renewed, drawn].into_iter().find_map(|keys| {
            let next = keys.next_envelope_keys().take(3).find_map(|key| open_bag(&key, file, tag).ok());
            keys.open_bag(file, tag).ok().or(next)
        })
    })
}

/// Whether a segment opens with any of these secrets as the root of its epoch.
fn opens(secrets: &[Secret], member: &Member, file: &[u8]) -> bool {
    let header = Header::read(file).unwrap();
    let epoch = member.roster().epochs.iter().find(|epoch| epoch.key_id() == header.key).unwrap();
    secrets.iter().any(|root| segment::open(file, &EpochKeys::derive(member.tag(), epoch.entry, root)).is_ok())
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "kiths")
}

#[test]
fn after_a_renewal_that_all_followed_copies_of_old_files_open_to_the_recovery_key_alone() {
    let home = Home::new();
    let ([phone, laptop], zyxwella) = acquainted(&home, ["phone", "laptop"]);
    let paper = phone.notebook.make_recovery_key(&mailbox(&home.shared), &phone.keys, None).unwrap();
    home.rest(&[&phone, &laptop]);
    let before = files_below(&home.shared);
    let genesis = roots(&phone);
    assert_eq!(genesis.len(), 1);
    let old: Vec<&Vec<u8>> = before.iter().filter(|(path, _)| is_segment(path)).map(|(_, bytes)| bytes).collect();
    for device in [&phone, &laptop] {
        assert!(old.iter().all(|bytes| opens(&secrets(device), &member(device), bytes)), "what opens them is tried");
    }
    phone.notebook.purge(zyxwella).unwrap();
    home.rest(&[&phone, &laptop]);
    let report = phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    assert_eq!(report.waiting_for, ["laptop"]);
    assert!(roots(&phone).is_superset(&genesis), "nothing is forgotten before all have followed");
    home.rest(&[&phone, &laptop]);
    assert_eq!(phone.notebook.renewal_waits_for(&phone.keys).unwrap(), Some(vec![]));
    assert_alike(&phone, &laptop);
    let after = files_below(&home.shared);
    for device in [&phone, &laptop] {
        assert!(roots(device).is_disjoint(&genesis) && !roots(device).is_empty());
        assert_eq!(member(device).keys().former_envelope_keys().len(), 0);
        let secrets = secrets(device);
        assert!(old.iter().all(|bytes| !opens(&secrets, &member(device), bytes)));
        // Whatever bag opens, an old one or a new one, has nothing that opens an old segment.
        for (path, bytes) in before.iter().chain(&after).filter(|(path, _)| path.to_string_lossy().contains(".kithr")) {
            let Some(bag) = open_with_any(&secrets, &member(device).tag(), bytes) else { continue };
            assert!(after.contains_key(path), "an old bag opens");
            let inside: Vec<Secret> = bag.keys.into_iter().chain(bag.entry_keys).map(|(_, key)| key).collect();
            assert!(old.iter().all(|bytes| !opens(&inside, &member(device), bytes)));
        }
    }
    assert!(words_read_by(&paper, &member(&phone), &before) > 0, "the paper reads it all");
    assert_eq!(words_read_by(&paper, &member(&phone), &after), 0, "but not in what is left");

    // Who joins afterwards sees everything, who belongs to the notebook included.
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared);
    home.rest(&[&tablet, &laptop, &phone]);
    assert_alike(&phone, &tablet);
    assert_eq!(member(&tablet).roster(), member(&phone).roster());
    assert!(roots(&tablet).is_disjoint(&genesis));
    assert_eq!(tablet.notebook.renewal_waits_for(&tablet.keys).unwrap(), Some(vec![]), "nobody waits for it");
    // So does who comes in with the paper.
    let fresh = home.device("fresh", 4);
    fresh.notebook.recover(&mailbox(&home.shared), &fresh.keys, &paper).unwrap();
    home.rest(&[&fresh, &phone, &laptop, &tablet]);
    assert_alike(&phone, &fresh);
    assert_eq!(member(&fresh).roster(), member(&phone).roster());
}

/// How many of the segments among these files hold a word of Zyxwella's, and open with the keys that bags hold for the
/// paper.
fn words_read_by(paper: &RecoveryKit, member: &Member, files: &BTreeMap<PathBuf, Vec<u8>>) -> usize {
    let bags = files.values().filter_map(|file| paper.open_bag(file, &member.tag()).ok());
    let roots: BTreeMap<EntryHash, Secret> = bags.flat_map(|bag| bag.keys).collect();
    let has_word = |bytes: &Vec<u8>| {
        let header = Header::read(bytes).unwrap();
        let Some((epoch, root)) = roots.iter().find(|(epoch, _)| epoch.key_id() == header.key) else { return false };
        let opened = segment::open(bytes, &EpochKeys::derive(member.tag(), *epoch, root)).unwrap();
        let author = opened.author();
        opened.verify(&author).unwrap().items.iter().any(|item| match item {
            Item::Change { bytes, .. } => bytes.to_ascii_lowercase().windows(8).any(|part| part == b"zyxwella"),
            _ => false,
        })
    };
    files.iter().filter(|(path, bytes)| is_segment(path) && has_word(bytes)).count()
}

#[test]
fn a_device_that_was_away_for_a_renewal_finds_everything_and_brings_what_it_wrote() {
    let home = Home::new();
    let ([phone, laptop, tablet], _) = acquainted(&home, ["phone", "laptop", "tablet"]);
    let genesis = roots(&phone);
    tablet.notebook.jot_line("Ann Lee +knows pilots").unwrap();
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    phone.notebook.jot_line("Chi Wei, Orbit").unwrap();
    home.rest(&[&phone, &laptop]);
    assert_eq!(laptop.notebook.renewal_waits_for(&laptop.keys).unwrap(), Some(vec!["tablet".into()]));
    assert!([&phone, &laptop].iter().all(|device| roots(device).is_superset(&genesis)), "it is waited for");
    home.rest(&[&tablet, &phone, &laptop]);
    for device in [&phone, &laptop, &tablet] {
        assert!(reads(device, "Ann Lee") && reads(device, "Chi Wei"));
        assert!(roots(device).is_disjoint(&genesis));
        assert_alike(&phone, device);
    }
}

#[test]
fn who_does_not_want_to_wait_for_a_device_removes_it() {
    let home = Home::new();
    let ([phone, laptop, tablet], _) = acquainted(&home, ["phone", "laptop", "tablet"]);
    let genesis = roots(&phone);
    tablet.notebook.jot_line("Ann Lee +knows pilots").unwrap();
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop]);
    laptop.notebook.remove_device(&laptop.keys, "tablet").unwrap();
    home.rest(&[&phone, &laptop]);
    assert!([&phone, &laptop].iter().all(|device| roots(device).is_disjoint(&genesis)));
    assert!(matches!(tablet.pass(&home.shared), Err(Error::Removed(words)) if words.contains("was removed")));
    assert_alike(&phone, &laptop);
}

#[test]
fn a_segment_that_nobody_else_has_seen_keeps_its_key_until_the_next_renewal() {
    let home = Home::new();
    let ([phone, laptop, tablet], _) = acquainted(&home, ["phone", "laptop", "tablet"]);
    let genesis = roots(&phone);
    tablet.notebook.jot_line("Ann Lee +knows pilots").unwrap();
    tablet.pass(&home.elsewhere()).unwrap();
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop]);
    home.rest(&[&tablet, &phone, &laptop]);
    for device in [&phone, &laptop, &tablet] {
        assert!(reads(device, "Ann Lee"));
        assert!(roots(device).is_superset(&genesis), "something is left that it opens");
        assert_alike(&phone, device);
    }
    laptop.notebook.renew(&laptop.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&laptop, &tablet, &phone]);
    for device in [&phone, &laptop, &tablet] {
        assert!(roots(device).is_disjoint(&genesis));
        assert_alike(&phone, device);
    }
}

#[test]
fn a_device_that_was_away_for_two_renewals_finds_in_the_second_what_the_first_covered() {
    let home = Home::new();
    let ([phone, laptop, tablet], _) = acquainted(&home, ["phone", "laptop", "tablet"]);
    let genesis = roots(&phone);
    // The desk joins after the first renewal: it never had what was before it, and the second takes its base away.
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    phone.pass(&home.shared).unwrap();
    let desk = home.device("desk", 4);
    phone.lets_in(&desk, &home.shared);
    desk.pass(&home.shared).unwrap();
    desk.notebook.renew(&desk.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&desk, &phone, &laptop, &tablet]);
    for device in [&phone, &laptop, &tablet, &desk] {
        assert!(reads(device, "Zyxwella") && reads(device, "Okafor"));
        assert!(roots(device).is_disjoint(&genesis));
        assert_alike(&phone, device);
    }
    assert_eq!(laptop.notebook.renewal_waits_for(&laptop.keys).unwrap(), Some(vec![]));
}

#[test]
fn two_that_removed_each_other_and_renewed_apart_hear_of_it_in_the_end() {
    let home = Home::new();
    let ([phone, laptop, tablet], _) = acquainted(&home, ["phone", "laptop", "tablet"]);
    // The phone says so under the key it made when it removed the tablet; to the laptop that key is sealed under one it
    // forgot in a renewal of its own, and once more under one that it keeps.
    for name in ["tablet", "laptop"] {
        phone.notebook.remove_device(&phone.keys, name).unwrap();
    }
    for name in ["tablet", "phone"] {
        laptop.notebook.remove_device(&laptop.keys, name).unwrap();
    }
    laptop.notebook.renew(&laptop.keys, &mut |_, _| Ok(())).unwrap();
    assert!(tablet.pass(&home.shared).is_ok());
    laptop.pass(&home.shared).unwrap();
    phone.pass(&home.shared).unwrap();
    for device in [&laptop, &tablet] {
        let told = device.pass(&home.shared);
        assert!(
            matches!(&told, Err(Error::Removed(words)) if words.contains("removed from the notebook by phone")),
            "{told:?}"
        );
    }
    home.rest(&[&phone]);
    assert!(reads(&phone, "Zyxwella") && reads(&laptop, "Zyxwella"));
    let [genesis] = member(&laptop).roster().epochs.iter().take(1).map(|epoch| epoch.entry).collect::<Vec<_>>()[..]
    else {
        panic!("a notebook begins with an epoch")
    };
    assert!(!roots(&laptop).contains(&genesis), "what opens the roster came, and no root that was forgotten");
}

#[test]
fn what_is_put_back_for_ever_is_taken_away_three_times() {
    let home = Home::new();
    let ([phone, laptop], _) = acquainted(&home, ["phone", "laptop"]);
    let spent = files_below(&home.shared);
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop]);
    let gone: Vec<&PathBuf> = spent.keys().filter(|path| !path.exists()).collect();
    assert!(!gone.is_empty());
    // The first time was theirs, whoever of the two came first.
    for time in 1..=4 {
        gone.iter().for_each(|path| std::fs::write(path, &spent[*path]).unwrap());
        phone.pass(&home.shared).unwrap();
        let left = gone.iter().filter(|path| path.exists()).count();
        assert!(if time < 3 { left == 0 } else { time < 4 || left == gone.len() }, "time {time}: {left}");
    }
    laptop.pass(&home.shared).unwrap();
    home.rest(&[&phone, &laptop]);
}

#[test]
fn a_removed_device_takes_nothing_away() {
    let home = Home::new();
    let ([phone, laptop, tablet], _) = acquainted(&home, ["phone", "laptop", "tablet"]);
    let elsewhere = home.elsewhere();
    tablet.pass(&elsewhere).unwrap();
    let before = files_below(&elsewhere);
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop, &tablet]);
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    phone.pass(&home.shared).unwrap();
    for folder in [&home.shared, &elsewhere] {
        assert!(matches!(tablet.pass(folder), Err(Error::Removed(words)) if words.contains("was removed")));
    }
    let after = files_below(&elsewhere);
    assert!(before.keys().all(|path| after.contains_key(path)));
}

#[test]
fn a_key_under_which_something_is_kept_back_is_not_forgotten() {
    let home = Home::new();
    let ([phone, laptop, tablet], _) = acquainted(&home, ["phone", "laptop", "tablet"]);
    let genesis = roots(&phone);
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    tablet.notebook.jot_line("Late Larry").unwrap();
    tablet.pass(&home.shared).unwrap();
    home.rest(&[&phone, &laptop]);
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop]);
    assert!([&phone, &laptop].iter().all(|device| roots(device).is_superset(&genesis)));
    assert_eq!(laptop.notebook.renewal_waits_for(&laptop.keys).unwrap(), Some(vec![]));
    // Who joins now can decide about it as well.
    let desk = home.device("desk", 4);
    laptop.lets_in(&desk, &home.shared);
    home.rest(&[&desk, &laptop, &phone]);
    assert_eq!(desk.notebook.kept_back(&desk.keys).unwrap().len(), 1);
    desk.notebook.keep_back_no_more(&desk.keys, "tablet").unwrap();
    home.rest(&[&desk, &laptop, &phone]);
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop, &desk]);
    for device in [&phone, &laptop, &desk] {
        assert!(reads(device, "Late Larry"));
        assert!(roots(device).is_disjoint(&genesis));
        assert_alike(&phone, device);
    }
}

#[test]
fn old_files_that_come_by_again_after_their_key_was_forgotten_are_taken_away_again() {
    let home = Home::new();
    let ([phone, laptop], _) = acquainted(&home, ["phone", "laptop"]);
    let before = files_below(&home.shared);
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop]);
    let after = files_below(&home.shared);
    let genesis = roots(&phone);
    for (n, (path, bytes)) in before.iter().enumerate() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let end = path.extension().unwrap().to_string_lossy();
        let copy = path.with_extension(format!("(conflicted copy).{end}"));
        std::fs::write(if n % 2 == 0 { path } else { &copy }, bytes).unwrap();
    }
    home.rest(&[&laptop, &phone]);
    let left = |path: &&PathBuf| !after.contains_key(*path) && !path.ends_with("KITH.txt");
    let old: Vec<&PathBuf> = before.keys().filter(left).collect();
    assert!(!old.is_empty() && old.iter().all(|path| !path.exists()), "{old:?}");
    let copies = files_below(&home.shared).into_keys().filter(|path| path.to_string_lossy().contains("conflicted"));
    let segments: Vec<PathBuf> = copies.filter(|path| is_segment(path)).collect();
    assert!(segments.is_empty(), "{segments:?}");
    assert_eq!(roots(&phone), genesis);
    assert_eq!(phone.pass(&home.shared).unwrap().locked, 0);
    assert_alike(&phone, &laptop);
}

#[test]
fn a_notebook_put_back_from_before_a_renewal_comes_to_where_the_others_are() {
    for mailbox_is_lost in [false, true] {
        let home = Home::new();
        let ([mut phone, laptop], _) = acquainted(&home, ["phone", "laptop"]);
        let genesis = roots(&phone);
        let backup = home.folder.path().join("backup");
        phone.back_up(&backup);
        phone.notebook.jot_line("Ann Lee +knows pilots").unwrap();
        phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
        home.rest(&[&phone, &laptop]);
        if mailbox_is_lost {
            std::fs::remove_dir_all(home.shared.join("kith")).unwrap();
        }
        phone.restore(&backup);
        phone.notebook.jot_line("Chi Wei, Orbit").unwrap();
        home.rest(&[&phone, &laptop]);
        for device in [&phone, &laptop] {
            assert!(reads(device, "Ann Lee") && reads(device, "Chi Wei") && reads(device, "Okafor"));
            assert!(roots(device).is_disjoint(&genesis), "{mailbox_is_lost}");
        }
        assert_alike(&phone, &laptop);
        assert_eq!(member(&phone).roster(), member(&laptop).roster());
    }
}

#[test]
fn a_key_store_put_back_from_before_a_renewal_finds_the_new_keys_by_itself() {
    for devices in [1, 2] {
        let home = Home::new();
        let ([phone, laptop], _) = acquainted(&home, ["phone", "laptop"]);
        let others: Vec<&Device> = if devices == 1 { vec![] } else { vec![&laptop] };
        if devices == 1 {
            phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
        }
        let all: Vec<&Device> = others.iter().copied().chain([&phone]).collect();
        home.rest(&all);
        let (keys, kept) = (phone.folder().join("keys"), home.folder.path().join("kept"));
        copy_folder(&keys, &kept);
        let old = roots(&phone);
        for _ in 0..2 {
            phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
            home.rest(&all);
        }
        assert!(roots(&phone).is_disjoint(&old));
        std::fs::remove_dir_all(&keys).unwrap();
        copy_folder(&kept, &keys);
        phone.notebook.jot_line("Ann Lee +knows pilots").unwrap();
        home.rest(&all);
        assert!(!roots(&phone).is_superset(&old), "it follows the renewals");
        assert_eq!(phone.notebook.renewal_waits_for(&phone.keys).unwrap(), Some(vec![]));
        for device in others {
            assert!(reads(device, "Ann Lee"));
            assert_alike(&phone, device);
        }
    }
}

#[test]
fn a_twin_that_slept_through_renewals_goes_on_with_what_it_wrote() {
    let home = Home::new();
    let ([phone, laptop], _) = acquainted(&home, ["phone", "laptop"]);
    let genesis = roots(&phone);
    let twin = laptop.copied(home.folder.path(), "twin", 99, true);
    twin.notebook.jot_line("Ann Lee +knows pilots").unwrap();
    twin.pass(&home.elsewhere()).unwrap();
    twin.notebook.jot_line("Chi Wei, Orbit").unwrap();
    for _ in 0..2 {
        phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
        home.rest(&[&phone, &laptop]);
    }
    home.rest(&[&twin, &phone, &laptop]);
    for device in [&phone, &laptop, &twin] {
        assert!(reads(device, "Ann Lee") && reads(device, "Chi Wei"), "{}", device.notebook.device());
        assert!(roots(device).is_superset(&genesis), "what it sealed is still to be read");
        assert_alike(&phone, device);
    }
}

/// Calls that change something outside a notebook, until the one that kills the process: before it is done, or after.
struct Fuse {
    left: AtomicUsize,
    is_done_first: bool,
}

impl Fuse {
    fn burn<T>(&self, act: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        if left > 1 {
            return act();
        }
        if left == 1 && self.is_done_first {
            drop(act());
        }
        Err(Error::Storage("killed".into()))
    }
}

struct Store<'a>(&'a FileKeyStore, &'a Fuse);

impl KeyStore for Store<'_> {
    fn get(&self, name: &str) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Error> {
        self.0.get(name)
    }
    fn put(&self, name: &str, secret: &[u8]) -> Result<(), Error> {
        self.1.burn(|| self.0.put(name, secret))
    }
    fn remove(&self, name: &str) -> Result<(), Error> {
        self.1.burn(|| self.0.remove(name))
    }
    fn highest(&self, log: LogId) -> Result<Option<u64>, Error> {
        self.0.highest(log)
    }
    fn raise(&self, log: LogId, seq: u64) -> Result<(), Error> {
        self.1.burn(|| self.0.raise(log, seq))
    }
}

struct Place<'a, M>(M, &'a Fuse);

impl<M: Mailbox> Mailbox for Place<'_, M> {
    fn prepare(&self) -> Result<(), Error> {
        self.0.prepare()
    }
    fn list(&self) -> Result<Vec<Found>, Error> {
        self.0.list()
    }
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        self.0.get(name, most)
    }
    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.1.burn(|| self.0.put_new(name, bytes))
    }
    fn delete(&self, name: &str) -> Result<(), Error> {
        self.1.burn(|| self.0.delete(name))
    }
    fn words(&self) -> String {
        self.0.words()
    }
}

#[test]
fn a_kill_between_any_two_steps_of_a_renewal_leaves_it_to_be_finished() {
    let home = Home::new();
    let ([phone, laptop], _) = acquainted(&home, ["phone", "laptop"]);
    let genesis = roots(&phone);
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    drop((phone, laptop));
    for calls in 1.. {
        let [first, second] = [true, false].map(|is_done_first| {
            let folder = quick_folder();
            copy_folder(home.folder.path(), folder.path());
            let shared = folder.path().join("shared");
            let open = |(name, seed)| Device::new(folder.path(), name, seed + 2 * calls as u64);
            let mut devices = [("phone", 1000), ("laptop", 1001)].map(open);
            let fuse = Fuse { left: AtomicUsize::new(calls), is_done_first };
            // Whoever is hit by it goes on as after a kill; the others know nothing of it.
            for at in [0, 1, 0, 1, 0, 1, 0, 1] {
                let device = &devices[at];
                let place = Place(mailbox(&shared), &fuse);
                let done = device.notebook.sync(&place, &Store(&device.keys, &fuse), &mut |_, _| Ok(()));
                if done.is_err() {
                    devices[at].reopen();
                    break;
                }
            }
            let devices = devices.each_ref();
            rest(&devices, &shared);
            for device in devices {
                assert!(reads(device, "Okafor") && roots(device).is_disjoint(&genesis), "killed at call {calls}");
                assert_eq!(member(device).keys().former_envelope_keys().len(), 0, "killed at call {calls}");
                assert!(device.keys.get(&format!("device-{}", member(device).tag())).unwrap().is_none());
                assert_alike(devices[0], device);
            }
            fuse.left.load(Ordering::Relaxed)
        });
        // None of the calls was the one.
        if first.min(second) > 0 {
            assert!(calls > 20, "{calls}");
            return;
        }
    }
}
