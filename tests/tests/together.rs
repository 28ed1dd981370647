//! Two devices and a folder between them: what one writes, both show.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak, mpsc};
use std::time::Duration;

use kith_core::Error;
use kith_core::model::{Channel, Contact, Id, Meeting, Moment, Note, Promise, PromiseKind, RecordId, Settings};
use kith_core::notebook::{Notebook, Options};
use kith_core::sync::keystore::{FileKeyStore, KeyStore};
use tests::{Device, assert_alike};

fn two() -> (tempfile::TempDir, Device, Device, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (phone, laptop) = (Device::new(folder.path(), "phone", 1), Device::new(folder.path(), "laptop", 2));
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    (folder, phone, laptop, shared)
}

fn meet(devices: &[&Device], folder: &std::path::Path) {
    for _ in 0..2 {
        devices.iter().for_each(|device| drop(device.sync(folder)));
    }
}

fn contact(name: &str) -> Contact {
    Contact { name: name.into(), ..Contact::default() }
}

#[test]
fn a_note_typed_on_the_phone_is_read_on_the_laptop() {
    let (_tmp, phone, laptop, shared) = two();
    let dana = phone.notebook.put(contact("Dana Ruiz")).unwrap();
    phone.notebook.put(Note { body: "likes customs law".into(), about: vec![dana], ..Note::default() }).unwrap();
    meet(&[&phone, &laptop], &shared);
    let page = laptop.notebook.person(dana).unwrap();
    assert_eq!(page.contact.name, "Dana Ruiz");
    assert_eq!(page.notes[0].body, "likes customs law");
    assert_eq!(laptop.notebook.find("customs", 10).unwrap()[0].about, "Dana Ruiz");
    assert_alike(&phone, &laptop);
    assert_eq!(laptop.sync(&shared).received, 0, "meeting again changes nothing");
}

#[test]
fn two_devices_edit_one_note_and_both_devices_words_survive() {
    let (_tmp, phone, laptop, shared) = two();
    let note = phone.notebook.put(Note { body: "The warehouse in Lyon.".into(), ..Note::default() }).unwrap();
    meet(&[&phone, &laptop], &shared);
    phone.notebook.edit(note, |note: &mut Note| note.body = "The big warehouse in Lyon.".into()).unwrap();
    laptop.notebook.edit(note, |note: &mut Note| note.body = "The warehouse in Lyon, by March.".into()).unwrap();
    meet(&[&phone, &laptop], &shared);
    let body = phone.notebook.get(note).unwrap().unwrap().body;
    assert_eq!(body, "The big warehouse in Lyon, by March.");
    assert_alike(&phone, &laptop);
}

#[test]
fn two_devices_edit_one_field_and_both_values_are_kept() {
    let (_tmp, phone, laptop, shared) = two();
    let dana: Id<Contact> = phone.notebook.put(contact("Dana")).unwrap();
    meet(&[&phone, &laptop], &shared);
    phone.notebook.edit(dana, |c: &mut Contact| c.name = "Dana Ruiz".into()).unwrap();
    laptop.notebook.edit(dana, |c: &mut Contact| c.name = "Dana Reyes".into()).unwrap();
    meet(&[&phone, &laptop], &shared);
    assert_alike(&phone, &laptop);
    assert_eq!(phone.notebook.person(dana).unwrap().conflicts, 1);
    laptop.notebook.edit(dana, |c: &mut Contact| c.name = "Dana Ruiz Reyes".into()).unwrap();
    meet(&[&phone, &laptop], &shared);
    assert_eq!(phone.notebook.person(dana).unwrap().conflicts, 0, "choosing ends the disagreement everywhere");
    assert_alike(&phone, &laptop);
}

#[test]
fn two_devices_edit_one_set_and_nothing_added_is_lost() {
    let (_tmp, phone, laptop, shared) = two();
    let dana = phone.notebook.put(Contact { tags: vec!["lyon".into(), "old".into()], ..contact("Dana") }).unwrap();
    meet(&[&phone, &laptop], &shared);
    phone.notebook.edit(dana, |c: &mut Contact| c.tags = vec!["lyon".into(), "customs".into()]).unwrap();
    laptop.notebook.edit(dana, |c: &mut Contact| c.tags.push("chess".into())).unwrap();
    meet(&[&phone, &laptop], &shared);
    assert_eq!(phone.notebook.get(dana).unwrap().unwrap().tags, ["chess", "customs", "lyon"]);
    assert_alike(&phone, &laptop);
}

#[test]
fn a_record_deleted_here_and_edited_there_is_listed_and_can_be_brought_back() {
    let (_tmp, phone, laptop, shared) = two();
    let promise = phone.notebook.put(Promise { words: "send the list".into(), ..Promise::default() }).unwrap();
    meet(&[&phone, &laptop], &shared);
    phone.notebook.delete(promise.raw()).unwrap();
    laptop.notebook.edit(promise, |p: &mut Promise| p.words = "send the long list".into()).unwrap();
    meet(&[&phone, &laptop], &shared);
    assert_alike(&phone, &laptop);
    assert!(laptop.notebook.get(promise).unwrap().unwrap().deleted_at.is_some());
    assert!(laptop.notebook.edited_beside_deletion(promise.raw()).unwrap(), "it is worth offering back");
    laptop.notebook.restore(promise.raw()).unwrap();
    meet(&[&phone, &laptop], &shared);
    assert_eq!(phone.notebook.get(promise).unwrap().unwrap().words, "send the long list");
    assert_alike(&phone, &laptop);
}

#[test]
fn a_record_with_a_kind_of_its_own_stays_what_it_is() {
    let (_tmp, phone, laptop, shared) = two();
    let words = "send the customs form";
    let promise = Promise { words: words.into(), kind: PromiseKind::Resource, ..Promise::default() };
    let promise = phone.notebook.put(promise).unwrap();
    meet(&[&phone, &laptop], &shared);
    assert_eq!(laptop.notebook.get(promise).unwrap().unwrap().kind, PromiseKind::Resource);
    assert_alike(&phone, &laptop);
}

#[test]
fn a_coffee_is_proposed_by_the_last_touch_of_all_records_of_a_person() {
    let (_tmp, phone, laptop, shared) = two();
    let dana = phone.notebook.put(Contact { cadence_days: Some(30), ..contact("Dana") }).unwrap();
    let twin = phone.notebook.put(contact("Dana Ruiz")).unwrap();
    phone.notebook.same(dana, twin).unwrap();
    meet(&[&phone, &laptop], &shared);
    let at = Some(Moment::new(tests::start(), chrono_tz::Europe::Paris));
    laptop.notebook.put(Meeting { who: vec![dana.max(twin)], at, ..Meeting::default() }).unwrap();
    meet(&[&phone, &laptop], &shared);
    assert_alike(&phone, &laptop);
    phone.notebook.not_same(dana, twin).unwrap();
    assert_alike(&phone, &phone);
}

#[test]
fn an_entry_that_was_taken_away_can_be_put_back() {
    let (_tmp, phone, laptop, shared) = two();
    let channel = Channel { value: "+33 1 23".into(), ..Channel::default() };
    let dana = phone.notebook.put(Contact { channels: vec![channel], ..contact("Dana") }).unwrap();
    let channels = phone.notebook.get(dana).unwrap().unwrap().channels;
    phone.notebook.edit(dana, |c: &mut Contact| c.channels.clear()).unwrap();
    meet(&[&phone, &laptop], &shared);
    laptop.notebook.edit(dana, |c: &mut Contact| c.channels = channels.clone()).unwrap();
    meet(&[&phone, &laptop], &shared);
    assert_eq!(phone.notebook.get(dana).unwrap().unwrap().channels, channels);
    assert_alike(&phone, &laptop);
}

#[test]
fn settings_made_on_two_devices_are_one_and_no_disagreement() {
    let (_tmp, phone, laptop, shared) = two();
    let id: Id<Settings> = Id::new(RecordId::of_singleton("settings", ""));
    phone.notebook.put(Settings { id, currency: "EUR".into(), ..Settings::default() }).unwrap();
    laptop.wait_seconds(60);
    laptop.notebook.put(Settings { id, weekly_floor_minutes: Some(90), ..Settings::default() }).unwrap();
    meet(&[&phone, &laptop], &shared);
    let settings = phone.notebook.settings().unwrap();
    assert_eq!((settings.currency.as_str(), settings.weekly_floor_minutes), ("EUR", Some(90)));
    assert_eq!(phone.notebook.conflicts(10).unwrap(), []);
    assert_alike(&phone, &laptop);
}

#[test]
fn a_text_written_over_a_hundred_starts_can_be_cleared_and_shared() {
    let (_tmp, mut phone, laptop, shared) = two();
    let note = phone.notebook.put(Note { body: "begun".into(), ..Note::default() }).unwrap();
    for n in 0..100 {
        phone.reopen();
        phone.notebook.edit(note, |note: &mut Note| note.body.push_str(&format!(" day {n}"))).unwrap();
    }
    phone.reopen();
    phone.notebook.edit(note, |note: &mut Note| note.body = "cleared".into()).unwrap();
    meet(&[&phone, &laptop], &shared);
    assert_eq!(laptop.notebook.get(note).unwrap().unwrap().body, "cleared");
    assert_alike(&phone, &laptop);
}

#[test]
fn what_two_records_of_a_person_both_say_is_shown_found_and_changed_once() {
    let (_tmp, phone, laptop, shared) = two();
    let channel = || vec![Channel { value: "+33 1 23".into(), ..Channel::default() }];
    let tags = || vec!["a/b".into(), "lyon".into()];
    let one = phone.notebook.put(Contact { channels: channel(), tags: tags(), ..contact("Dana") }).unwrap();
    let two = laptop.notebook.put(Contact { channels: channel(), tags: tags(), ..contact("Dana") }).unwrap();
    meet(&[&phone, &laptop], &shared);
    phone.notebook.same(one, two).unwrap();
    let shown = || phone.notebook.person(one).unwrap().contact;
    assert_eq!(phone.notebook.find("dana", 10).unwrap().len(), 1);
    assert_eq!(shown().channels.len(), 1);
    phone.notebook.edit(one, |c: &mut Contact| c.channels[0].label = "work".into()).unwrap();
    assert_eq!((shown().channels.len(), shown().channels[0].label.as_str()), (1, "work"));
    phone.notebook.edit(one, |c: &mut Contact| c.channels.clear()).unwrap();
    assert_eq!(shown().channels, []);
    phone.notebook.edit(one, |c: &mut Contact| c.tags.retain(|tag| tag != "a/b")).unwrap();
    assert_eq!(shown().tags, ["lyon"]);
    meet(&[&phone, &laptop], &shared);
    assert_alike(&phone, &laptop);
}

/// A notebook as its own clock and its own keys know it.
type Itself = Arc<OnceLock<Weak<Notebook>>>;

/// Writes into the notebook on another thread, and waits for that, as a phone does that has one thread for such things.
fn write_elsewhere(notebook: &Itself) {
    let Some(notebook) = notebook.get().and_then(Weak::upgrade) else { return };
    std::thread::spawn(move || notebook.jot_line("Bo, somebody looked at the clock").unwrap()).join().unwrap();
}

/// Keys of a phone that writes something down whenever it is asked for them.
struct Writing(FileKeyStore, Itself);

impl KeyStore for Writing {
    fn get(&self, name: &str) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Error> {
        write_elsewhere(&self.1);
        self.0.get(name)
    }
    fn put(&self, name: &str, secret: &[u8]) -> Result<(), Error> {
        write_elsewhere(&self.1);
        self.0.put(name, secret)
    }
    fn remove(&self, name: &str) -> Result<(), Error> {
        write_elsewhere(&self.1);
        self.0.remove(name)
    }
    fn highest(&self, log: [u8; 16]) -> Result<Option<u64>, Error> {
        self.0.highest(log)
    }
    fn raise(&self, log: [u8; 16], seq: u64) -> Result<(), Error> {
        self.0.raise(log, seq)
    }
}

#[test]
fn a_clock_and_a_key_store_that_write_themselves_hold_nobody_up() {
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let shared = folder.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        let device = |name: &str| {
            let (itself, asked) = (Itself::default(), Arc::new(AtomicBool::new(false)));
            let known = itself.clone();
            let clock = move || {
                // What is written meanwhile asks for the time, too.
                if !asked.swap(true, Ordering::SeqCst) {
                    write_elsewhere(&known);
                    asked.store(false, Ordering::SeqCst);
                }
                tests::start()
            };
            let options = Options { clock: Arc::new(clock), device: name.into(), ..Options::default() };
            let notebook = Arc::new(Notebook::open(folder.path().join(name), options).unwrap());
            itself.set(Arc::downgrade(&notebook)).unwrap();
            let keys = Writing(tests::keys_in(&folder.path().join(format!("{name} keys"))), itself);
            (notebook, keys)
        };
        let (phone, laptop) = (device("phone"), device("laptop"));
        for n in 0..40 {
            phone.0.put(Note { body: format!("{n} ").repeat(900), ..Note::default() }).unwrap();
        }
        phone.0.tidy_all(&mut |_, _| Ok(())).unwrap();
        let pass = |(notebook, keys): &(Arc<Notebook>, Writing)| {
            notebook.sync(&tests::mailbox(&shared), keys, &mut |_, _| Ok(())).unwrap()
        };
        pass(&phone);
        tests::let_in((&phone.0, &phone.1.0), (&laptop.0, &laptop.1.0), &shared);
        for _ in 0..3 {
            pass(&laptop);
            pass(&phone);
        }
        done.send(laptop.0.is_empty().unwrap()).unwrap();
    });
    let is_empty = is_done.recv_timeout(Duration::from_secs(120)).expect("somebody waits for somebody who waits");
    assert!(!is_empty);
}
