//! What somebody does at a device while it speaks with another one or looks into a mailbox: a removal counts from then on,
//! not from the next meeting on.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kith_core::Error;
use kith_core::model::*;
use kith_core::sync::carrier::mailbox::Item as File;
use kith_core::sync::carrier::{Heard, Line, Mailbox};
use kith_core::sync::checkpoint;
use kith_core::sync::segment::Item;
use tests::home::Home;
use tests::line::{Within, pair};
use tests::{Device, mailbox};

fn knows(device: &Device, name: &str) -> bool {
    !device.notebook.people_named(name, 10).unwrap().is_empty()
}

/// Somebody at the phone, in another program: when it is time they remove the tablet, and then write down whom it must not
/// know.
struct Owner<'a> {
    folder: &'a Path,
    when: u64,
    moments: AtomicU64,
    removed: Mutex<Option<Removed>>,
}

/// What was so when the tablet was removed.
#[derive(Clone, Copy)]
struct Removed {
    /// Who was written down after that.
    sam: RecordId,
    /// Whether the phone had heard by then what the tablet wrote last.
    had_heard: bool,
}

impl<'a> Owner<'a> {
    fn at(home: &'a Home, when: u64) -> Self {
        Self { folder: home.folder.path(), when, moments: AtomicU64::new(0), removed: Mutex::new(None) }
    }

    fn has_a_moment(&self) {
        if self.moments.fetch_add(1, Ordering::Relaxed) == self.when {
            let phone = Device::new(self.folder, "phone", 99);
            let had_heard = knows(&phone, "Late Comer");
            phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
            let sam = phone.notebook.jot_line("Secret Sam, Harbour").unwrap().contact.unwrap().raw();
            *self.removed.lock().unwrap() = Some(Removed { sam, had_heard });
        }
    }

    fn removed(&self) -> Option<Removed> {
        *self.removed.lock().unwrap()
    }
}

/// The files below a folder that the keys of a device open, and in which this record is.
fn tell_of(record: RecordId, folder: &Path, device: &Device) -> Vec<String> {
    let (place, member) = (mailbox(folder), device.notebook.member(&device.keys).unwrap().unwrap());
    let tells = |file: &File| {
        let bytes = place.get(&file.name, file.bytes).unwrap().unwrap();
        let is_it = |item: &Item| matches!(item, Item::Change { record: of, .. } if *of == record);
        if member.read(&bytes).is_ok_and(|text| text.items.iter().any(is_it)) {
            return true;
        }
        let Ok(key) = checkpoint::key_of(&bytes, &member.tag()) else { return false };
        let opened = member.epochs(key).find_map(|epoch| checkpoint::open(&bytes, &epoch, |_| true).ok());
        opened.is_some_and(|text| text.told.iter().any(|told| told.id == record))
    };
    place.list().unwrap().iter().filter(|file| tells(file)).map(|file| file.name.clone()).collect()
}

/// What came after the removal counts for nobody, and tells the removed device nothing.
fn assert_removed(home: &Home, [phone, tablet]: [&Device; 2], removed: Removed, when: u64) {
    for _ in 0..2 {
        assert_eq!(knows(phone, "Late Comer"), removed.had_heard, "at moment {when}");
        assert!(!knows(tablet, "Secret Sam"), "at moment {when}");
        assert_eq!(tell_of(removed.sam, &home.shared, tablet), [""; 0], "at moment {when}");
        phone.pass(&home.shared).unwrap();
        let told = tablet.pass(&home.shared);
        assert!(matches!(told, Err(Error::Removed(_))), "at moment {when}: {told:?}");
    }
    assert!(!tell_of(removed.sam, &home.shared, phone).is_empty(), "the phone can read it");
}

/// A line of the phone at which its owner has a moment whenever something was heard.
struct Attended<'a> {
    line: Within,
    owner: &'a Owner<'a>,
}

impl Line for Attended<'_> {
    fn peer(&self) -> [u8; 32] {
        self.line.peer()
    }
    fn send(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        self.line.send(bytes)
    }
    fn wait(&mut self, at_most: Duration) -> Result<Heard, Error> {
        let heard = self.line.wait(at_most)?;
        if matches!(heard, Heard::Bytes(_)) {
            self.owner.has_a_moment();
        }
        Ok(heard)
    }
    fn refuse(&mut self) {
        self.line.refuse();
    }
    fn hang_up(&mut self) {
        self.line.hang_up();
    }
}

fn endpoint(device: &Device) -> [u8; 32] {
    device.notebook.member(&device.keys).unwrap().unwrap().keys().public().endpoint
}

#[test]
fn a_device_that_is_removed_while_it_speaks_is_not_heard_from_then_on_and_reads_nothing_new() {
    for when in 0.. {
        let home = Home::new();
        let [phone, tablet] = home.devices(["phone", "tablet"]);
        phone.notebook.jot_line("Ann Lee, Novabank").unwrap();
        tablet.notebook.jot_line("Late Comer").unwrap();
        let owner = Owner::at(&home, when);
        let (line, mut of_tablet) = pair(endpoint(&phone), endpoint(&tablet));
        let mut of_phone = Attended { line, owner: &owner };
        let spoke = std::thread::scope(|scope| {
            scope.spawn(|| drop(tablet.notebook.sync_over(&mut of_tablet, &tablet.keys, &mut |_, _| Ok(()))));
            phone.notebook.sync_over(&mut of_phone, &phone.keys, &mut |_, _| Ok(()))
        });
        let Some(removed) = owner.removed() else {
            assert!(when > 3 && spoke.is_ok() && knows(&phone, "Late Comer"), "{when}: {spoke:?}");
            break;
        };
        assert!(when > 1 || matches!(spoke, Err(Error::Foreign(_))), "at moment {when}: {spoke:?}");
        assert_removed(&home, [&phone, &tablet], removed, when);
    }
}

/// A line on which nothing is said, and that remembers whether it was refused.
struct Silent<'a> {
    peer: [u8; 32],
    owner: &'a Owner<'a>,
    is_refused: bool,
}

impl Line for Silent<'_> {
    fn peer(&self) -> [u8; 32] {
        self.peer
    }
    fn send(&mut self, _: Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
    fn wait(&mut self, at_most: Duration) -> Result<Heard, Error> {
        self.owner.has_a_moment();
        std::thread::sleep(at_most);
        Ok(Heard::Nothing)
    }
    fn refuse(&mut self) {
        self.is_refused = true;
    }
    fn hang_up(&mut self) {}
}

#[test]
fn who_is_removed_while_it_says_nothing_is_sent_away_at_once() {
    let home = Home::new();
    let [phone, tablet] = home.devices(["phone", "tablet"]);
    let owner = Owner::at(&home, 1);
    let mut line = Silent { peer: endpoint(&tablet), owner: &owner, is_refused: false };
    let began = Instant::now();
    let spoke = phone.notebook.sync_over(&mut line, &phone.keys, &mut |_, _| Ok(()));
    assert!(matches!(spoke, Err(Error::Foreign(_))) && line.is_refused, "{spoke:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// A mailbox at whose calls the owner of the phone has a moment.
struct Slow<'a> {
    place: &'a dyn Mailbox,
    owner: &'a Owner<'a>,
}

impl Slow<'_> {
    fn place(&self) -> &dyn Mailbox {
        self.owner.has_a_moment();
        self.place
    }
}

impl Mailbox for Slow<'_> {
    fn prepare(&self) -> Result<(), Error> {
        self.place().prepare()
    }
    fn list(&self) -> Result<Vec<File>, Error> {
        self.place().list()
    }
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        self.place().get(name, most)
    }
    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.place().put_new(name, bytes)
    }
    fn delete(&self, name: &str) -> Result<(), Error> {
        self.place().delete(name)
    }
    fn words(&self) -> String {
        self.place.words()
    }
}

/// Writes so much that a checkpoint is of use.
fn fill(device: &Device) {
    for number in 0..60_u32 {
        let body = (0..16_u32).map(|part| blake3::hash(&[number, part].map(u32::to_be_bytes).concat()).to_string());
        device.notebook.put(Note { body: body.collect(), ..Note::default() }).unwrap();
    }
}

#[test]
fn a_device_that_is_removed_during_a_pass_is_not_heard_from_then_on_and_reads_nothing_new() {
    let (mut checkpoints, mut unheard) = (0, 0);
    for when in 0.. {
        let home = Home::new();
        let [phone, tablet] = home.devices(["phone", "tablet"]);
        fill(&phone);
        tablet.notebook.jot_line("Late Comer").unwrap();
        tablet.pass(&home.shared).unwrap();
        let (place, owner) = (mailbox(&home.shared), Owner::at(&home, when));
        phone.notebook.sync(&Slow { place: &place, owner: &owner }, &phone.keys, &mut |_, _| Ok(())).unwrap();
        let Some(removed) = owner.removed() else { break };
        checkpoints += place.list().unwrap().iter().filter(|file| file.name.starts_with("c/")).count();
        unheard += usize::from(!removed.had_heard);
        assert_removed(&home, [&phone, &tablet], removed, when);
    }
    assert!(checkpoints > 2 && unheard > 2, "{checkpoints} {unheard}");
}

#[test]
fn a_device_that_is_removed_during_a_renewal_reads_nothing_that_is_written_after_that() {
    for when in 0.. {
        let home = Home::new();
        let [phone, tablet] = home.devices(["phone", "tablet"]);
        phone.notebook.jot_line("Ann Lee, Novabank").unwrap();
        phone.pass(&home.shared).unwrap();
        let owner = Owner::at(&home, when);
        let mut told = |_, _| {
            owner.has_a_moment();
            Ok(())
        };
        phone.notebook.renew(&phone.keys, &mut told).unwrap();
        let Some(removed) = owner.removed() else {
            assert!(when > 1, "{when}");
            break;
        };
        assert_removed(&home, [&phone, &tablet], removed, when);
    }
}
