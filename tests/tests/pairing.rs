//! A pairing that is broken off anywhere can be finished, through a mailbox of which any call may fail, whether it was done
//! or not.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::sync::atomic::{AtomicU64, Ordering};

use kith_core::Error;
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::carrier::mailbox::Item;
use tests::{Device, assert_alike, let_in_step_by_step, mailbox, quick_folder};

/// A mailbox of which one call fails, before it does anything or after it did all.
struct Failing<'a> {
    place: &'a dyn Mailbox,
    call: u64,
    is_done: bool,
    calls: AtomicU64,
}

impl Failing<'_> {
    fn tried<T>(&self, call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let fails = self.calls.fetch_add(1, Ordering::Relaxed) == self.call;
        let done = if fails && !self.is_done { None } else { Some(call()?) };
        done.filter(|_| !fails).ok_or_else(|| Error::Unreachable("the line broke".into()))
    }
}

impl Mailbox for Failing<'_> {
    fn prepare(&self) -> Result<(), Error> {
        self.tried(|| self.place.prepare())
    }
    fn list(&self) -> Result<Vec<Item>, Error> {
        self.tried(|| self.place.list())
    }
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        self.tried(|| self.place.get(name, most))
    }
    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.tried(|| self.place.put_new(name, bytes))
    }
    fn delete(&self, name: &str) -> Result<(), Error> {
        self.tried(|| self.place.delete(name))
    }
    fn words(&self) -> String {
        self.place.words()
    }
}

/// Two devices pair, and the one call of the mailbox fails; says how many calls there were.
fn paired(call: u64, is_done: bool) -> u64 {
    let folder = quick_folder();
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let (phone, laptop) = (Device::new(folder.path(), "phone", 1), Device::new(folder.path(), "laptop", 2));
    phone.notebook.jot_line("Dana Ruiz, Acme").unwrap();
    laptop.notebook.jot_line("Ann Lee, Novabank").unwrap();
    let place = mailbox(&shared);
    let failing = Failing { place: &place, call, is_done, calls: AtomicU64::new(0) };
    let (host, guest) = ((&phone.notebook, &phone.keys), (&laptop.notebook, &laptop.keys));
    let_in_step_by_step(host, guest, [&failing, &failing], |step| {
        let tried: Vec<_> = (0..3).map_while(|_| step().err()).collect();
        assert!(tried.len() < 2, "call {call}, done: {is_done}: {tried:?}");
    });
    for device in [&phone, &laptop, &phone, &laptop] {
        device.pass(&shared).unwrap();
    }
    assert_alike(&phone, &laptop);
    assert_eq!(laptop.notebook.people(0, 1).unwrap().total, 2, "call {call}, done: {is_done}");
    assert_eq!(phone.notebook.device_list(&phone.keys).unwrap().len(), 2, "call {call}, done: {is_done}");
    failing.calls.into_inner()
}

#[test]
fn a_pairing_of_which_any_call_fails_is_finished_by_trying_again() {
    let calls = paired(u64::MAX, false);
    assert!(calls >= 20, "{calls}");
    for (call, is_done) in (0..calls).flat_map(|call| [(call, false), (call, true)]) {
        paired(call, is_done);
    }
}
