//! Mailboxes on real servers: what was put is there, what is refused is said, what is cut off is sent again, and nothing
//! that is half there is taken for whole.
//!
//! Servers are started by each test, see `servers`; folders by themselves are tested in `core`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod cutting;
mod notebooks;
mod servers;
mod syncthing;
mod trust;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cutting::{Line, Proxy};
use kith_core::sync::carrier::{Mailbox, Place, open, try_out};
use kith_core::{Error, Result};
use notebooks::*;
use servers::{Disk, Kind, SECRET, Server, until};
use tests::Seeded;
use tests::certificates::Authority;
use tests::seeds::seeds;

const MOST: u64 = 16 * 1024 * 1024;

/// One promise on every server, each as a test of its own.
macro_rules! on_every_server {
    ($($promise:ident),* $(,)?) => {
        mod apache { $(#[test] fn $promise() { super::$promise(super::Kind::Apache, concat!("apache::", stringify!($promise))); })* }
        mod rclone { $(#[test] fn $promise() { super::$promise(super::Kind::Rclone, concat!("rclone::", stringify!($promise))); })* }
        mod versitygw { $(#[test] fn $promise() { super::$promise(super::Kind::Versity, concat!("versitygw::", stringify!($promise))); })* }
    };
}

on_every_server!(
    what_is_put_is_there_for_another_device,
    a_wrong_password_or_place_is_said_and_nothing_looks_empty,
    a_server_killed_during_an_upload_leaves_nothing_half_that_looks_whole,
    a_full_disk_is_said_and_what_was_acknowledged_stays,
    through_a_line_that_breaks_everything_arrives_in_the_end,
    devices_that_begin_at_once_do_not_hinder_each_other,
    two_notebooks_meet_there_and_end_alike,
    a_wrong_password_changes_nothing_in_two_notebooks,
    a_server_killed_in_the_middle_of_a_pass_keeps_nothing_from_two_notebooks,
    two_notebooks_pair_and_meet_through_a_line_that_breaks,
    a_disk_that_is_full_for_a_while_keeps_nothing_from_two_notebooks,
);

fn what_is_put_is_there_for_another_device(kind: Kind, test: &str) {
    let Some(server) = Server::start(test, kind) else { return };
    let (laptop, phone) = (server.mailbox(), server.mailbox());
    if kind != Kind::Versity {
        // A WebDAV folder is there once it was prepared, and not before; a bucket has no such thing.
        assert!(matches!(phone.list(), Err(Error::NotFound(_))));
        assert!(matches!(phone.put_new("l/1.kiths", b"x"), Err(Error::NotFound(_))));
    }
    try_out(laptop.as_ref(), &[3; 16]).unwrap();
    assert!(phone.list().unwrap().is_empty());

    let mut random = Seeded(4);
    let sizes = [1, 84, 4096, 262_144, 5_000_000];
    let mut put: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (n, size) in sizes.into_iter().enumerate() {
        let name = format!("l/{:032x}/{n:016x}-00aa11bb-0.kiths", n / 2);
        put.insert(name, blob(&mut random, size));
    }
    put.insert("KITH.txt".into(), b"for people".to_vec());
    put.insert("r/0123_4.kithr".into(), b"roster".to_vec());
    for (name, bytes) in &put {
        laptop.put_new(name, bytes).unwrap();
    }
    laptop.put_new("KITH.txt", b"for people").unwrap();
    let listed: Vec<_> = phone.list().unwrap().into_iter().map(|item| (item.name, item.bytes)).collect();
    let wanted: Vec<_> = put.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect();
    assert_eq!(listed, wanted);
    for (name, bytes) in &put {
        assert_eq!(phone.get(name, MOST).unwrap().as_ref(), Some(bytes), "{name}");
    }
    assert!(matches!(phone.get(&wanted[2].0, 83), Err(Error::Unreadable(_))), "more than asked for is refused");
    assert_eq!(phone.get("l/nothing.kiths", MOST).unwrap(), None);
    assert_eq!(phone.get("nowhere/nothing.kiths", MOST).unwrap(), None);

    phone.delete(&wanted[0].0).unwrap();
    phone.delete(&wanted[0].0).unwrap();
    phone.delete("nowhere/nothing.kiths").unwrap();
    assert_eq!(laptop.get(&wanted[0].0, MOST).unwrap(), None);
    assert_eq!(laptop.list().unwrap().len(), put.len() - 1);
}

fn a_wrong_password_or_place_is_said_and_nothing_looks_empty(kind: Kind, test: &str) {
    let Some(mut server) = Server::start(test, kind) else { return };
    let good = server.mailbox();
    try_out(good.as_ref(), &[3; 16]).unwrap();
    good.put_new("l/1.kiths", b"one").unwrap();

    let wrong = open(&server.place(server.port), Some("something else")).unwrap();
    refuses_everything(wrong.as_ref(), |error| matches!(error, Error::Denied(_)), &["password", "secret key"]);

    let mut place = server.place(server.port);
    match &mut place {
        Place::WebDav { user, .. } => *user = "bob".into(),
        Place::S3 { access_key, .. } => *access_key = "bob".into(),
        Place::Folder { .. } => {}
    }
    let stranger = open(&place, Some(SECRET)).unwrap();
    refuses_everything(stranger.as_ref(), |error| matches!(error, Error::Denied(_)), &["user name", "access key"]);

    let mut place = server.place(server.port);
    match &mut place {
        Place::WebDav { url, .. } => *url = url.replace("notes", "nots"),
        Place::S3 { bucket, .. } => *bucket = "nots".into(),
        Place::Folder { .. } => {}
    }
    let elsewhere = open(&place, Some(SECRET)).unwrap();
    let error = try_out(elsewhere.as_ref(), &[3; 16]).unwrap_err();
    assert!(matches!(error, Error::NotFound(_)) && error.to_string().contains("nots"), "{error}");
    assert!(matches!(elsewhere.list(), Err(Error::NotFound(_))));
    assert!(matches!(elsewhere.get("l/1.kiths", MOST), Err(Error::NotFound(_))));

    server.kill();
    refuses_everything(good.as_ref(), |error| matches!(error, Error::Unreachable(_)), &["cannot be reached"]);
}

fn refuses_everything(mailbox: &dyn Mailbox, right: fn(&Error) -> bool, words: &[&str]) {
    let results: [(&str, Result<()>); 5] = [
        ("list", mailbox.list().map(drop)),
        ("get", mailbox.get("l/1.kiths", MOST).map(drop)),
        ("get nothing", mailbox.get("l/2.kiths", MOST).map(drop)),
        ("put", mailbox.put_new("l/3.kiths", b"three")),
        ("try", try_out(mailbox, &[4; 16])),
    ];
    for (call, result) in results {
        let error = result.expect_err(call);
        let said = error.to_string();
        assert!(right(&error) && words.iter().any(|word| said.contains(word)), "{call}: {said}");
        assert!(!said.contains(SECRET) && !said.contains("something else"), "{said}");
    }
}

fn a_server_killed_during_an_upload_leaves_nothing_half_that_looks_whole(kind: Kind, test: &str) {
    let Some(mut server) = Server::start(test, kind) else { return };
    try_out(server.mailbox().as_ref(), &[3; 16]).unwrap();
    let seed = seeds(0, 1)[0];
    let mut random = Seeded(seed);
    for round in 0..3 {
        let (name, bytes) = (format!("l/{round}.kiths"), blob(&mut random, 3_000_000));
        let stop_at = 20_000 + random.below(2_500_000);
        // The line hangs in the middle of the upload, so that the server dies exactly then.
        let proxy = Proxy::before(server.port, move || Line { up: stop_at, down: usize::MAX, hangs: true });
        let before = server.mailbox_at(proxy.port);
        let upload = std::thread::spawn({
            let (name, bytes) = (name.clone(), bytes.clone());
            move || before.put_new(&name, &bytes)
        });
        until("the upload is in the middle", || proxy.exhausted() > 0);
        server.kill();
        drop(proxy);
        upload.join().unwrap().expect_err("nobody is there to have taken it");
        server.restart();
        let mailbox = server.mailbox();
        nothing_half_looks_whole(mailbox.as_ref(), &name, &bytes, seed);
        mailbox.put_new(&name, &bytes).unwrap();
        assert_eq!(mailbox.get(&name, MOST).unwrap().as_ref(), Some(&bytes), "the next one heals it");
    }
    assert_eq!(server.mailbox().list().unwrap().len(), 3);
}

fn nothing_half_looks_whole(mailbox: &dyn Mailbox, name: &str, whole: &[u8], seed: u64) {
    let listed = mailbox.list().unwrap().into_iter().find(|item| item.name == name);
    assert!(
        listed.is_none_or(|item| item.bytes != whole.len() as u64),
        "seed {seed}: {name} is listed with its full size"
    );
    let got = mailbox.get(name, MOST).unwrap();
    assert!(got.is_none_or(|got| got.len() < whole.len()), "seed {seed}: {name} came with its full size");
}

fn a_full_disk_is_said_and_what_was_acknowledged_stays(kind: Kind, test: &str) {
    let Some(server) = Server::start_on(test, kind, Some(1024)) else { return };
    fills_up(server.mailbox().as_ref());
}

#[test]
fn a_server_that_cannot_prove_who_it_is_hears_no_password() {
    let test = "a_server_that_cannot_prove_who_it_is_hears_no_password";
    let Some(server) = Server::start_showing(test, Kind::Rclone, &Authority::of("nobody").signs("127.0.0.1")) else {
        return;
    };
    // A system without any trusted certificate says so when the mailbox is opened.
    let refused = open(&server.place(server.port), Some(SECRET)).and_then(|mailbox| mailbox.list().map(drop));
    let error = refused.unwrap_err();
    assert!(matches!(error, Error::Denied(_)) && error.to_string().contains("certificate"), "{error}");
}

#[test]
fn a_full_stick_is_said_and_what_was_acknowledged_stays() {
    let folder = tempfile::tempdir().unwrap();
    let test = "a_full_stick_is_said_and_what_was_acknowledged_stays";
    let Some(_disk) = Disk::mount(test, folder.path(), 1024) else { return };
    fills_up(open(&Place::Folder { path: folder.path().into() }, None).unwrap().as_ref());
}

fn fills_up(mailbox: &dyn Mailbox) {
    try_out(mailbox, &[3; 16]).unwrap();
    let mut random = Seeded(9);
    let mut kept = Vec::new();
    let error = loop {
        let (name, bytes) = (format!("l/{:04}.kiths", kept.len()), blob(&mut random, 100_000));
        match mailbox.put_new(&name, &bytes) {
            Ok(()) => kept.push((name, bytes)),
            Err(error) => break error,
        }
        assert!(kept.len() < 12, "a disk of a megabyte takes no more than ten");
    };
    assert!(matches!(error, Error::Unreachable(_)) && error.to_string().contains("full"), "{error}");
    assert!(kept.len() >= 5);
    for (name, bytes) in &kept {
        assert_eq!(mailbox.get(name, MOST).unwrap().as_ref(), Some(bytes));
    }
    // Room is made, and the next one is taken.
    for (name, _) in kept.drain(..3) {
        mailbox.delete(&name).unwrap();
    }
    let (name, bytes) = (format!("l/{:04}.kiths", 99), blob(&mut random, 100_000));
    mailbox.put_new(&name, &bytes).unwrap();
    assert_eq!(mailbox.get(&name, MOST).unwrap(), Some(bytes));
}

fn through_a_line_that_breaks_everything_arrives_in_the_end(kind: Kind, test: &str) {
    let Some(server) = Server::start(test, kind) else { return };
    try_out(server.mailbox().as_ref(), &[3; 16]).unwrap();
    let seed = seeds(0, 1)[0];
    let mut random = Seeded(seed);
    let blobs: BTreeMap<String, Vec<u8>> = (0..12)
        .map(|n| {
            let size = 1 + random.below(60_000);
            (format!("l/{n}/{n}.kiths"), blob(&mut random, size))
        })
        .collect();
    // Connections live from a few bytes to long enough, in either direction.
    let mut fates = Seeded(seed ^ 1);
    let proxy = Proxy::before(server.port, move || match fates.below(4) {
        0 => Line { up: 1 + fates.below(3_000), down: usize::MAX, hangs: false },
        1 => Line { up: usize::MAX, down: 1 + fates.below(3_000), hangs: false },
        _ => Line { up: 1 + fates.below(200_000), down: 1 + fates.below(200_000), hangs: false },
    });
    let (laptop, phone) = (server.mailbox_at(proxy.port), server.mailbox_at(proxy.port));
    for (name, bytes) in &blobs {
        in_the_end(seed, || laptop.put_new(name, bytes));
        let there = server.mailbox().get(name, MOST).unwrap();
        assert_eq!(there.as_ref(), Some(bytes), "seed {seed}: {name} was acknowledged");
    }
    let listed = in_the_end(seed, || phone.list());
    let sizes: Vec<u64> = listed.iter().map(|item| item.bytes).collect();
    let by_name: Vec<u64> = listed.iter().map(|item| blobs[&item.name].len() as u64).collect();
    assert_eq!((sizes, listed.len()), (by_name, blobs.len()), "seed {seed}");
    for (name, bytes) in &blobs {
        let got = in_the_end(seed, || phone.get(name, MOST));
        assert_eq!(got.as_ref(), Some(bytes), "seed {seed}: half of {name} was given as the whole");
    }
    for name in blobs.keys() {
        in_the_end(seed, || phone.delete(name));
    }
    assert!(in_the_end(seed, || laptop.list()).is_empty(), "seed {seed}");
    assert!(proxy.exhausted() > 0, "seed {seed}: no line broke");
}

/// As a device does: what failed is tried again at the next opportunity.
fn in_the_end<T>(seed: u64, call: impl Fn() -> Result<T>) -> T {
    let begun = Instant::now();
    loop {
        match call() {
            Ok(done) => return done,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(40), "seed {seed}: {error}"),
        }
    }
}

fn devices_that_begin_at_once_do_not_hinder_each_other(kind: Kind, test: &str) {
    let Some(server) = Server::start(test, kind) else { return };
    std::thread::scope(|threads| {
        for device in 0..6u8 {
            let server = &server;
            threads.spawn(move || {
                let mailbox = server.mailbox();
                mailbox.prepare().unwrap();
                for n in 0..8 {
                    mailbox.put_new(&format!("l/{n}/{device}.kiths"), &[device; 900]).unwrap();
                }
            });
        }
    });
    let mailbox = server.mailbox();
    let items = mailbox.list().unwrap();
    assert_eq!(items.len(), 48);
    for item in items {
        assert_eq!(mailbox.get(&item.name, 900).unwrap().unwrap().len(), 900);
    }
}

fn blob(random: &mut Seeded, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    random.fill(&mut bytes);
    bytes
}
