//! Two devices that speak to each other directly, over real sockets of this computer: what they bring each other, what it
//! costs, who is sent away, and what a broken line leaves behind.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kith_core::Error;
use kith_core::model::*;
use kith_core::notebook::{Peer, SyncReport};
use kith_core::sync::carrier::direct::Direct;
use tests::{Device, assert_alike, quick_folder};

const DANA: &str = "Dana Ruiz, Acme !send her the contact ?a warehouse #lyon";

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { folder: quick_folder() };
        std::fs::create_dir(home.shared()).unwrap();
        home
    }

    fn device(&self, name: &str, seed: u64) -> Device {
        Device::new(self.folder.path(), name, seed)
    }

    fn shared(&self) -> PathBuf {
        self.folder.path().join("shared")
    }

    fn two(&self) -> (Device, Device) {
        let (phone, laptop) = (self.device("phone", 1), self.device("laptop", 2));
        phone.lets_in(&laptop, &self.shared());
        laptop.pass(&self.shared()).unwrap();
        (phone, laptop)
    }
}

/// A device that listens: where, and what it needs for it.
struct Listening {
    direct: Direct,
    at: SocketAddr,
}

fn listen(device: &Device) -> Listening {
    let direct = device.notebook.go_on_the_network(&device.keys, 0).unwrap().unwrap();
    direct.open_door(device.notebook.guests(&device.keys).unwrap());
    let at = (Ipv4Addr::LOCALHOST, direct.port()).into();
    Listening { direct, at }
}

/// How one device knows another.
fn known_as(device: &Device, to: &Device) -> Peer {
    let me = device.notebook.member(&device.keys).unwrap().unwrap();
    let found = to.notebook.peers(&to.keys).unwrap().into_iter().find(|peer| peer.device == me.device());
    found.unwrap_or_else(|| Peer {
        device: me.device(),
        endpoint: me.keys().public().endpoint,
        name: device.notebook.device().into(),
    })
}

/// The first calls the second, once; what each says of it.
fn meet(caller: &Device, host: &Device) -> (Result<SyncReport, Error>, Option<Result<SyncReport, Error>>) {
    let listening = listen(host);
    let peer = known_as(host, caller);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let mut served = None;
            while !is_over.load(Ordering::Relaxed) {
                if let Some(guest) = listening.direct.next_guest(Duration::from_millis(50)) {
                    let report = host.notebook.serve(&listening.direct, guest, &host.keys, &mut |_, _| {});
                    served = report.transpose().map(|report| report.map(|(_, report)| report)).or(served);
                }
            }
            served
        });
        let direct = caller.notebook.go_on_the_network(&caller.keys, 0).unwrap().unwrap();
        let report = caller.notebook.call(&direct, &peer, &[listening.at], &caller.keys, &mut |_, _| {});
        is_over.store(true, Ordering::Relaxed);
        (report.map(|(report, _)| report), serving.join().unwrap())
    })
}

fn met(caller: &Device, host: &Device) -> (SyncReport, SyncReport) {
    let (of_caller, of_host) = meet(caller, host);
    (of_caller.unwrap(), of_host.unwrap().unwrap())
}

#[test]
fn two_devices_on_one_network_bring_each_other_what_they_lack() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let dana = phone.notebook.jot_line(DANA).unwrap().contact.unwrap();
    laptop.notebook.jot_line("Ann Lee, Novabank").unwrap();
    let (of_phone, of_laptop) = met(&phone, &laptop);
    assert!(of_phone.sent > 0 && of_phone.received > 0 && of_laptop.sent > 0 && of_laptop.received > 0);
    assert_eq!((of_phone.unconfirmed, of_laptop.unconfirmed), (0, 0), "each has heard that the other has it");
    assert_alike(&phone, &laptop);
    laptop.notebook.edit(dana, |c: &mut Contact| c.nickname = "D".into()).unwrap();
    let (of_phone, _) = met(&phone, &laptop);
    assert_eq!((of_phone.sent, of_phone.read), (0, 1), "{of_phone:?}");
    assert_alike(&phone, &laptop);
    let (of_phone, of_laptop) = met(&laptop, &phone);
    assert_eq!((of_phone, of_laptop), (SyncReport::default(), SyncReport::default()), "nothing more to do");
}

#[test]
fn what_came_directly_lies_in_the_mailbox_after_the_next_pass() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared());
    phone.notebook.jot_line(DANA).unwrap();
    met(&phone, &laptop);
    laptop.pass(&home.shared()).unwrap();
    tablet.pass(&home.shared()).unwrap();
    assert_alike(&phone, &tablet);
}

#[test]
fn a_removed_device_is_sent_away_and_told_why() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    laptop.notebook.jot_line(DANA).unwrap();
    let began = Instant::now();
    let (of_laptop, of_phone) = meet(&laptop, &phone);
    assert!(matches!(&of_laptop, Err(Error::Peer(words)) if words.contains("was removed")), "{of_laptop:?}");
    assert!(of_phone.is_none(), "the phone never spoke with it");
    assert!(began.elapsed() < Duration::from_secs(5));
}
