//! Two devices that speak to each other directly, over real sockets of this computer: what they bring each other, what it
//! costs, who is sent away, and what a broken line leaves behind.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kith_core::Error;
use kith_core::model::*;
use kith_core::notebook::{Joining, Peer, Removal, SyncReport};
use kith_core::sync::LogId;
use kith_core::sync::carrier::direct::{Direct, Guest, Guests};
use kith_core::sync::carrier::lent::{Borrowed, lend};
use kith_core::sync::carrier::pair::{CODE_LASTS, Lending, borrow};
use kith_core::sync::carrier::{Heard, Line, Mailbox};
use kith_core::sync::keys::{DeviceKeys, Secret};
use kith_core::sync::keystore::KeyStore;
use kith_core::sync::pairing::Code;
use tests::home::Home;
use tests::line::{Within, pair};
use tests::{Device, ask, assert_alike, mailbox};

const DANA: &str = "Dana Ruiz, Acme !send her the contact ?a warehouse #lyon";

/// Two devices that know each other.
fn two(home: &Home) -> (Device, Device) {
    let (phone, laptop) = home.two();
    laptop.pass(&home.shared).unwrap();
    (phone, laptop)
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
                    let report = host.notebook.serve(&listening.direct, guest, &host.keys, &mut |_, _| Ok(()));
                    served = report.transpose().map(|report| report.map(|(_, report)| report)).or(served);
                }
            }
            served
        });
        let direct = caller.notebook.go_on_the_network(&caller.keys, 0).unwrap().unwrap();
        let report = caller.notebook.call(&direct, &peer, &[listening.at], &caller.keys, &mut |_, _| Ok(()));
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
    let (phone, laptop) = two(&home);
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
    let (phone, laptop) = two(&home);
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared);
    phone.notebook.jot_line(DANA).unwrap();
    met(&phone, &laptop);
    laptop.pass(&home.shared).unwrap();
    tablet.pass(&home.shared).unwrap();
    assert_alike(&phone, &tablet);
}

#[test]
fn a_removed_device_is_sent_away_and_told_why() {
    let home = Home::new();
    let (phone, laptop) = two(&home);
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    laptop.notebook.jot_line(DANA).unwrap();
    let began = Instant::now();
    let (of_laptop, of_phone) = meet(&laptop, &phone);
    assert!(matches!(&of_laptop, Err(Error::Removed(words)) if words.contains("was removed")), "{of_laptop:?}");
    assert!(of_phone.is_none(), "the phone never spoke with it");
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// A key store that cannot be read any more after so many secrets.
struct Worn<'a> {
    keys: &'a dyn KeyStore,
    left: AtomicU64,
}

impl KeyStore for Worn<'_> {
    fn get(&self, name: &str) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Error> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map_err(|_| Error::Storage("too many open files".into()))?;
        self.keys.get(name)
    }
    fn put(&self, name: &str, secret: &[u8]) -> Result<(), Error> {
        self.keys.put(name, secret)
    }
    fn remove(&self, name: &str) -> Result<(), Error> {
        self.keys.remove(name)
    }
    fn highest(&self, log: LogId) -> Result<Option<u64>, Error> {
        self.keys.highest(log)
    }
    fn raise(&self, log: LogId, seq: u64) -> Result<(), Error> {
        self.keys.raise(log, seq)
    }
}

/// A line on which nothing comes, and that remembers whether it was refused.
struct Refused([u8; 32], bool);

impl Line for Refused {
    fn peer(&self) -> [u8; 32] {
        self.0
    }
    fn send(&mut self, _: Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
    fn wait(&mut self, _: Duration) -> Result<Heard, Error> {
        Ok(Heard::End)
    }
    fn refuse(&mut self) {
        self.1 = true;
    }
    fn hang_up(&mut self) {}
}

#[test]
fn an_error_of_this_device_is_not_told_to_another_as_its_removal() {
    let home = Home::new();
    let (phone, laptop) = two(&home);
    let peer = known_as(&laptop, &phone).endpoint;
    for left in 0.. {
        let (worn, mut line) = (Worn { keys: &phone.keys, left: left.into() }, Refused(peer, false));
        let done = phone.notebook.sync_over(&mut line, &worn, &mut |_, _| Ok(()));
        assert!(!line.1, "after {left} secrets: {done:?}");
        if !matches!(done, Err(Error::Storage(_))) {
            assert!(left > 3 && matches!(done, Err(Error::Unreachable(_))), "{done:?}");
            break;
        }
    }
    let mut line = Refused([7; 32], false);
    assert!(phone.notebook.sync_over(&mut line, &phone.keys, &mut |_, _| Ok(())).is_err());
    assert!(line.1, "a stranger is");
}

#[test]
fn who_was_told_of_its_removal_and_is_called_by_that_device_after_all_forgets_it() {
    let home = Home::new();
    let (phone, laptop) = two(&home);
    let me = phone.notebook.member(&phone.keys).unwrap().unwrap().keys().public().endpoint;
    let of_laptop = laptop.notebook.member(&laptop.keys).unwrap().unwrap();
    let door = Direct::bind(of_laptop.keys().endpoint_key(), 0, None).unwrap();
    door.open_door(Guests { removed: [me].into(), ..Guests::default() });
    let at = [(Ipv4Addr::LOCALHOST, door.port()).into()];
    let (peer, is_over) = (known_as(&laptop, &phone), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                door.next_guest(Duration::from_millis(50));
            }
        });
        let direct = phone.notebook.go_on_the_network(&phone.keys, 0).unwrap().unwrap();
        assert!(phone.notebook.call(&direct, &peer, &at, &phone.keys, &mut |_, _| Ok(())).is_err());
        is_over.store(true, Ordering::Relaxed);
    });
    drop(door);
    assert!(phone.notebook.removal().unwrap().is_some());
    assert!(phone.notebook.peers_to_call(&phone.keys).unwrap().is_empty());
    met(&laptop, &phone);
    assert_eq!(phone.notebook.removal().unwrap(), None);
}

#[test]
fn a_removed_device_remembers_it_and_calls_nobody_by_itself_until_it_is_let_in_anew() {
    let home = Home::new();
    let (phone, laptop) = two(&home);
    assert_eq!(laptop.notebook.removal().unwrap(), None);
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    assert!(meet(&laptop, &phone).0.is_err());
    let removal = |is_certain| Some(Removal { by: "phone".into(), is_certain });
    assert_eq!(laptop.notebook.removal().unwrap(), removal(false), "it was told");
    assert!(laptop.notebook.peers_to_call(&laptop.keys).unwrap().is_empty());
    assert_eq!(laptop.notebook.peers(&laptop.keys).unwrap().len(), 1, "somebody may ask for it");
    phone.pass(&home.shared).unwrap();
    assert!(laptop.pass(&home.shared).is_err());
    assert_eq!(laptop.notebook.removal().unwrap(), removal(true), "it has read it");
    laptop.notebook.jot_line(DANA).unwrap();
    phone.lets_in(&laptop, &home.shared);
    assert_eq!(laptop.notebook.removal().unwrap(), None);
    met(&laptop, &phone);
    assert_alike(&phone, &laptop);
}

#[test]
fn a_renewal_reaches_the_other_device_without_a_mailbox() {
    let home = Home::new();
    let (phone, laptop) = two(&home);
    for name in ["Dana Ruiz, Acme", "Ann Lee, Novabank", "Ben Ode, Harbour"] {
        phone.notebook.jot_line(name).unwrap();
        met(&phone, &laptop);
    }
    let renewed = phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    assert!(renewed.written > 0 && renewed.waiting_for == ["laptop"], "{renewed:?}");
    let (_, of_laptop) = met(&phone, &laptop);
    assert!(of_laptop.forgotten >= 3, "{of_laptop:?}");
    met(&phone, &laptop);
    assert_eq!(phone.notebook.renewal_waits_for(&phone.keys).unwrap(), Some(vec![]));
    assert_alike(&phone, &laptop);
    let (of_phone, of_laptop) = met(&laptop, &phone);
    assert_eq!((of_phone, of_laptop), (SyncReport::default(), SyncReport::default()), "nothing more to do");
}

#[test]
fn a_stranger_gets_no_byte() {
    let home = Home::new();
    let (_, laptop) = two(&home);
    let listening = listen(&laptop);
    let stranger = DeviceKeys::from_seeds(&Secret::new([7; 32]), &Secret::new([8; 32]));
    let direct = Direct::bind(stranger.endpoint_key(), 0, None).unwrap();
    let endpoint = laptop.notebook.member(&laptop.keys).unwrap().unwrap().keys().public().endpoint;
    for said in [&b""[..], b"\0\0\0\x01\xa0", &[0xff; 4096]] {
        let Ok(mut line) = direct.dial(endpoint, &[listening.at]) else { continue };
        let _ = line.send(said.to_vec());
        loop {
            match line.wait(Duration::from_secs(5)) {
                Ok(Heard::Sent(_)) => {}
                Ok(other) => panic!("heard {other:?}"),
                Err(error) => break assert!(error.to_string().contains("does not know this one"), "{error}"),
            }
        }
    }
    // What it hands in to be known proves nothing.
    let handed_in = vec![[b"KTR1".to_vec(), vec![7; 200]].concat(), vec![0; 60_000]];
    let introduced = std::thread::scope(|scope| {
        scope.spawn(|| {
            let guest = listening.direct.next_guest(Duration::from_secs(5)).unwrap();
            assert!(matches!(guest, Guest::Stranger(_)));
            laptop.notebook.serve(&listening.direct, guest, &laptop.keys, &mut |_, _| Ok(())).unwrap();
        });
        direct.introduce(endpoint, &[listening.at], handed_in, &mut || Ok(()))
    });
    assert!(matches!(introduced, Err(Error::SyncFirst(_))), "{introduced:?}");
    assert!(listening.direct.next_guest(Duration::from_millis(200)).is_none());
}

/// Everything that a device keeps beside its notebook, by name.
fn kept_beside(device: &Device) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(device.folder().join("keys")).unwrap().map(|file| file.unwrap().path());
    files.map(|file| (file.display().to_string(), std::fs::read(file).unwrap())).collect()
}

#[test]
fn of_what_a_stranger_shows_no_key_is_kept() {
    let home = Home::new();
    let [phone, laptop, _tablet] = home.devices(["phone", "laptop", "tablet"]);
    // A key that the phone has not heard of lies in the mailbox, and whoever keeps that hands it in.
    laptop.notebook.remove_device(&laptop.keys, "tablet").unwrap();
    laptop.pass(&home.shared).unwrap();
    let place = mailbox(&home.shared);
    let files: Vec<_> = place.list().unwrap().into_iter().filter(|item| item.name.starts_with("r/")).collect();
    let handed_in: Vec<_> = files.iter().map(|item| place.get(&item.name, item.bytes).unwrap().unwrap()).collect();
    assert!(handed_in.len() > 3 && handed_in.iter().map(Vec::len).sum::<usize>() < 60_000, "{files:?}");
    let (before, listening) = (kept_beside(&phone), listen(&phone));
    let endpoint = phone.notebook.member(&phone.keys).unwrap().unwrap().keys().public().endpoint;
    let stranger = DeviceKeys::from_seeds(&Secret::new([7; 32]), &Secret::new([8; 32]));
    let direct = Direct::bind(stranger.endpoint_key(), 0, None).unwrap();
    let introduced = std::thread::scope(|scope| {
        scope.spawn(|| {
            let guest = listening.direct.next_guest(Duration::from_secs(5)).unwrap();
            phone.notebook.serve(&listening.direct, guest, &phone.keys, &mut |_, _| Ok(())).unwrap();
        });
        direct.introduce(endpoint, &[listening.at], handed_in, &mut || Ok(()))
    });
    assert!(matches!(introduced, Err(Error::SyncFirst(_))), "{introduced:?}");
    assert!(kept_beside(&phone) == before, "something was kept");
    assert!(!phone.notebook.is_behind(&phone.keys).unwrap());
}

#[test]
fn a_device_that_was_let_in_meanwhile_shows_the_proof_and_is_known() {
    let home = Home::new();
    let (phone, laptop) = two(&home);
    // The phone removes an old tablet and lets a new one in while the laptop is away: another key holds since.
    let (old, tablet) = (home.device("old", 3), home.device("tablet", 4));
    phone.lets_in(&old, &home.shared);
    phone.notebook.remove_device(&phone.keys, "old").unwrap();
    phone.lets_in(&tablet, &home.shared);
    tablet.pass(&home.shared).unwrap();
    tablet.notebook.jot_line(DANA).unwrap();
    let (of_tablet, of_laptop) = met(&tablet, &laptop);
    assert!(of_tablet.sent > 0 && of_laptop.received > 0, "{of_tablet:?} {of_laptop:?}");
    assert_alike(&tablet, &laptop);
    assert_eq!(laptop.notebook.device_list(&laptop.keys).unwrap().len(), 4);
}

fn time(what: impl FnOnce()) -> Duration {
    let began = Instant::now();
    what();
    began.elapsed()
}

#[test]
fn dead_addresses_hold_nobody_up() {
    let home = Home::new();
    let (phone, laptop) = two(&home);
    let listening = listen(&laptop);
    // Bound, and silent for ever.
    let silent: Vec<std::net::UdpSocket> =
        (0..4).map(|_| std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    let mut at: Vec<SocketAddr> = silent.iter().map(|socket| socket.local_addr().unwrap()).collect();
    let peer = known_as(&laptop, &phone);
    let direct = phone.notebook.go_on_the_network(&phone.keys, 0).unwrap().unwrap();
    let began = Instant::now();
    assert!(matches!(direct.dial(peer.endpoint, &at), Err(Error::NotFound(_))));
    assert!(began.elapsed() < Duration::from_millis(3500), "nobody there: {:?}", began.elapsed());
    at.push(listening.at);
    let began = Instant::now();
    direct.dial(peer.endpoint, &at).unwrap();
    assert!(began.elapsed() < Duration::from_millis(3500), "one of five: {:?}", began.elapsed());
    // A machine that is busy with something else says nothing about a call: the median of nine counts.
    let mut took: Vec<Duration> =
        (0..9).map(|_| time(|| drop(direct.dial(peer.endpoint, &[listening.at]).unwrap()))).collect();
    took.sort_unstable();
    assert!(took[4] < Duration::from_millis(300), "known address: {took:?}");
    assert!(matches!(direct.dial(peer.endpoint, &["[fe80::1]:5".parse().unwrap()]), Err(Error::NotFound(_))));
}

#[test]
fn two_copies_of_one_device_are_found_out_and_nothing_is_lost() {
    let home = Home::new();
    let (phone, laptop) = two(&home);
    phone.notebook.jot_line(DANA).unwrap();
    met(&phone, &laptop);
    let copy = phone.copied(home.folder.path(), "copy", 9, true);
    phone.notebook.jot_line("Ann Lee, Novabank").unwrap();
    copy.notebook.jot_line("Ben Ode, Harbour").unwrap();
    assert!(!met(&phone, &laptop).0.new_log, "the first goes on as it was");
    let (of_copy, _) = met(&copy, &laptop);
    assert!(of_copy.new_log, "the second finds its own numbers taken: {of_copy:?}");
    met(&phone, &laptop);
    assert_alike(&phone, &laptop);
    assert_alike(&copy, &laptop);
    // Both sealed under one number before either heard of the other: two segments, both kept, and two logs from then on.
    phone.notebook.jot_line("Cleo Roux, Port").unwrap();
    copy.notebook.jot_line("Dov Katz, Mill").unwrap();
    phone.pass(&home.shared).unwrap();
    let elsewhere = home.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    copy.pass(&elsewhere).unwrap();
    for device in [&phone, &copy, &phone, &copy] {
        met(device, &laptop);
    }
    assert_alike(&phone, &laptop);
    assert_alike(&copy, &laptop);
}

/// What both say over a line that needs no network, and how many bytes each sent.
fn over_a_line(
    a: &Device,
    b: &Device,
    cut_after: usize,
) -> (Result<SyncReport, Error>, Result<SyncReport, Error>, [usize; 2]) {
    let endpoint = |device: &Device| device.notebook.member(&device.keys).unwrap().unwrap().keys().public().endpoint;
    let (of_a, of_b) = pair(endpoint(a), endpoint(b));
    let (mut of_a, mut of_b) = (Counting::new(of_a, cut_after), Counting::new(of_b, usize::MAX));
    let (report_a, report_b) = std::thread::scope(|scope| {
        let other = scope.spawn(|| b.notebook.sync_over(&mut of_b, &b.keys, &mut |_, _| Ok(())));
        let mine = a.notebook.sync_over(&mut of_a, &a.keys, &mut |_, _| Ok(()));
        (mine, other.join().unwrap())
    });
    (report_a, report_b, [of_b.heard, of_a.heard])
}

#[test]
fn nothing_changed_costs_little() {
    let home = Home::new();
    let (phone, laptop) = two(&home);
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared);
    phone.notebook.jot_line(DANA).unwrap();
    for device in [&phone, &laptop, &tablet, &phone, &laptop, &tablet] {
        device.pass(&home.shared).unwrap();
    }
    let (of_phone, _, bytes) = over_a_line(&phone, &laptop, usize::MAX);
    assert_eq!(of_phone.unwrap(), SyncReport::default());
    println!("nothing changed: {bytes:?} bytes");
    assert!(bytes.iter().sum::<usize>() <= 2000, "{bytes:?}");
    for n in 0..10 {
        phone.notebook.jot_line(&format!("Person {n}, Company {n} !write to them")).unwrap();
    }
    let (of_phone, _, bytes) = over_a_line(&phone, &laptop, usize::MAX);
    assert!(of_phone.unwrap().sent >= 10);
    println!("ten jotted: {bytes:?} bytes");
    assert!(bytes.iter().sum::<usize>() <= 16_000, "{bytes:?}");
    assert_alike(&phone, &laptop);
}

#[test]
fn a_line_that_breaks_anywhere_leaves_everything_whole_and_is_taken_up_again() {
    let home = Home::new();
    let (phone, laptop) = two(&home);
    for n in 0..30 {
        phone.notebook.jot_line(&format!("Person {n}, Company {n} !call them #t{n}")).unwrap();
        phone.pass(&home.shared).unwrap();
    }
    let fresh = home.folder.path().join("fresh");
    laptop.back_up(&fresh);
    let mut laptop = laptop;
    let whole = over_a_line(&laptop, &phone, usize::MAX).2[1];
    let largest = 4096;
    for cut in (0..whole).step_by(whole / 40) {
        laptop.restore(&fresh);
        let (broken, _, before) = over_a_line(&laptop, &phone, cut);
        assert!(broken.is_err(), "cut after {cut} of {whole}");
        let (taken_up, _, after) = over_a_line(&laptop, &phone, usize::MAX);
        assert!(taken_up.is_ok(), "{taken_up:?}");
        assert_alike(&phone, &laptop);
        // Everything that came whole was kept: at most one segment comes twice, beside what is said at each meeting.
        assert!(before[1] + after[1] <= whole + largest, "cut after {cut}: {before:?} + {after:?}, {whole} at once");
    }
}

/// A line that counts what is heard on it, and breaks after so many bytes.
struct Counting {
    line: Within,
    heard: usize,
    most: usize,
}

impl Counting {
    fn new(line: Within, most: usize) -> Self {
        Self { line, heard: 0, most }
    }
}

impl Line for Counting {
    fn peer(&self) -> [u8; 32] {
        self.line.peer()
    }

    fn send(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        self.line.send(bytes)
    }

    fn wait(&mut self, at_most: Duration) -> Result<Heard, Error> {
        let heard = self.line.wait(at_most)?;
        if let Heard::Bytes(bytes) = &heard {
            if self.heard + bytes.len() > self.most {
                return Err(Error::Unreachable("the line broke".into()));
            }
            self.heard += bytes.len();
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

/// A device joins over a line: one end lends a mailbox, the other one uses it.
fn joins_over_a_line(host: &Device, guest: &Device, folder: &std::path::Path) {
    let place = mailbox(folder);
    let code = host.notebook.invite(&place, &host.keys).unwrap();
    let code = Code::parse(&code.text()).unwrap();
    let [of_host, of_guest] = code.endpoint_keys();
    let listening = Direct::bind_to_pair(&of_host, 0).unwrap();
    listening.open_door(Guests { welcome: [of_guest.verifying_key().to_bytes()].into(), ..Guests::default() });
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let Some(Guest::Known(mut line)) = listening.next_guest(Duration::from_secs(5)) else { panic!("nobody") };
            lend(&mut line, &place, &|| false).unwrap();
        });
        let at = [(Ipv4Addr::LOCALHOST, listening.port()).into()];
        // Who does not know the code is sent away, even one that saw the host's key.
        let other = DeviceKeys::from_seeds(&Secret::new([7; 32]), &Secret::new([8; 32]));
        let stranger = Direct::bind_to_pair(other.endpoint_key(), 0).unwrap();
        let line = stranger.dial(of_host.verifying_key().to_bytes(), &at);
        assert!(line.is_err() || Borrowed::over(line.unwrap()).list().is_err());
        let direct = Direct::bind_to_pair(&of_guest, 0).unwrap();
        let borrowed = Borrowed::over(direct.dial(of_host.verifying_key().to_bytes(), &at).unwrap());
        let sides = ((&host.notebook, &host.keys), (&guest.notebook, &guest.keys));
        let request = ask(sides.0, sides.1, [&place, &borrowed], &code);
        host.notebook.admit(&place, &host.keys, &request).unwrap();
        assert!(matches!(guest.notebook.join(&borrowed, &guest.keys, None).unwrap(), Joining::Joined { .. }));
        guest.notebook.sync(&borrowed, &guest.keys, &mut |_, _| Ok(())).unwrap();
        borrowed.give_back();
    });
    host.pass(folder).unwrap();
}

/// A line on which the other end asks for a large file for ever and takes no answer; it ends after so many bytes.
struct Greedy {
    question: Vec<u8>,
    said: usize,
    answered: usize,
}

impl Line for Greedy {
    fn peer(&self) -> [u8; 32] {
        [0; 32]
    }
    fn send(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        self.answered += bytes.len();
        Ok(())
    }
    fn wait(&mut self, _: Duration) -> Result<Heard, Error> {
        let questions = self.question.repeat(16 * 1024);
        self.said += questions.len();
        Ok(if self.said > 64 << 20 { Heard::End } else { Heard::Bytes(questions) })
    }
    fn refuse(&mut self) {}
    fn hang_up(&mut self) {}
}

#[test]
fn who_has_the_code_and_takes_no_answer_does_not_fill_the_memory_of_the_host() {
    let home = Home::new();
    let place = mailbox(&home.shared);
    place.put_new("large", &vec![7; 4 << 20]).unwrap();
    // A map of three: get, the name, the most bytes wanted.
    let asks = [&[0xa3, 0, 2, 1, 0x65][..], b"large", &[2, 0x1a, 0, 0x50, 0, 0]].concat();
    let question = [&(asks.len() as u32).to_be_bytes()[..], &asks].concat();
    let mut greedy = Greedy { question, said: 0, answered: 0 };
    let done = lend(&mut greedy, &place, &|| false);
    assert!(matches!(&done, Err(Error::Peer(words)) if words.contains("takes no answer")), "{done:?}");
    assert!(greedy.answered > 80 << 20, "{}", greedy.answered);
    assert!(greedy.answered < 130 << 20 && greedy.said < 8 << 20, "{} {}", greedy.answered, greedy.said);
}

#[test]
fn a_device_joins_over_a_line_as_it_does_through_a_folder() {
    let home = Home::new();
    let (phone, laptop) = (home.device("phone", 1), home.device("laptop", 2));
    phone.notebook.jot_line(DANA).unwrap();
    laptop.notebook.jot_line("Ann Lee, Novabank").unwrap();
    joins_over_a_line(&phone, &laptop, &home.shared);
    assert_alike(&phone, &laptop);
    // The folder is not needed any more.
    std::fs::remove_dir_all(home.shared).unwrap();
    phone.notebook.jot_line("Ben Ode, Harbour").unwrap();
    met(&laptop, &phone);
    assert_alike(&phone, &laptop);
}

/// Three devices, of which the first removed the third, told the second, and was then put back from before that; and a
/// note that it wrote since.
fn put_back_from_before_a_removal(home: &Home) -> [Device; 3] {
    let [mut phone, laptop, tablet] = home.devices(["phone", "laptop", "tablet"]);
    let backup = home.folder.path().join("backup");
    phone.back_up(&backup);
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    phone.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    phone.restore(&backup);
    phone.notebook.jot_line("Secret Sam, Harbour").unwrap();
    [phone, laptop, tablet]
}

fn knows_sam(device: &Device) -> bool {
    !device.notebook.people_named("Secret Sam", 10).unwrap().is_empty()
}

/// The first calls the second at an address that its person named.
fn visit_chosen(caller: &Device, host: &Device) -> Result<SyncReport, Error> {
    let (listening, peer) = (listen(host), known_as(host, caller));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                if let Some(guest) = listening.direct.next_guest(Duration::from_millis(50)) {
                    let _ = host.notebook.serve(&listening.direct, guest, &host.keys, &mut |_, _| Ok(()));
                }
            }
        });
        let called = caller.notebook.visit_chosen(&peer, &[listening.at], &caller.keys, &mut |_, _| Ok(()));
        is_over.store(true, Ordering::Relaxed);
        called
    })
}

fn is_told_to_catch_up<T>(done: Result<T, Error>) -> bool {
    matches!(done, Err(Error::SyncFirst(words)) if words.contains("older copy") && words.contains("mailbox"))
}

#[test]
fn a_notebook_put_back_from_before_a_removal_says_nothing_to_the_removed_device() {
    for heads_are_kept in [true, false] {
        let home = Home::new();
        let [phone, laptop, tablet] = put_back_from_before_a_removal(&home);
        if !heads_are_kept {
            // Keys of a device that was let in before anything else was remembered.
            let tag = phone.notebook.notebook_tag().unwrap().unwrap();
            phone.keys.remove(&format!("heads-{tag}")).unwrap();
        }
        assert!(phone.notebook.is_behind(&phone.keys).unwrap());
        assert!(is_told_to_catch_up(phone.notebook.go_on_the_network(&phone.keys, 0).map(drop)));
        assert!(phone.notebook.guests(&phone.keys).unwrap().welcome.is_empty());
        assert!(phone.notebook.announcement(&phone.keys, 1).unwrap().is_none());
        let [of_phone, of_tablet] = tests::line::speak(&phone, &tablet);
        assert!(is_told_to_catch_up(of_phone) && of_tablet.is_err());
        // Nor at an address that was named: what the removed device gives is not what this one knew.
        assert!(is_told_to_catch_up(visit_chosen(&phone, &tablet)));
        assert!(!knows_sam(&tablet) && phone.notebook.is_behind(&phone.keys).unwrap());
        // The other one knows, and is told everything.
        visit_chosen(&phone, &laptop).unwrap();
        assert!(!phone.notebook.is_behind(&phone.keys).unwrap());
        assert!(phone.notebook.device_list(&phone.keys).unwrap().iter().any(|row| row.name == "tablet" && row.removed));
        assert!(knows_sam(&laptop));
        assert!(meet(&tablet, &phone).0.is_err());
        drop(tablet.pass(&home.shared));
        assert!(!knows_sam(&tablet), "nor is it sealed under a key that the tablet has");
        assert_alike(&phone, &laptop);
    }
}

#[test]
fn a_notebook_that_was_put_back_hears_of_a_removal_in_its_mailbox_and_goes_on() {
    let home = Home::new();
    let [phone, laptop, tablet] = put_back_from_before_a_removal(&home);
    // A place where nothing lies tells nothing.
    phone.pass(&home.elsewhere()).unwrap();
    assert!(phone.notebook.is_behind(&phone.keys).unwrap());
    let report = phone.pass(&home.shared).unwrap();
    assert!(report.set_aside.is_empty() && !phone.notebook.is_behind(&phone.keys).unwrap(), "{report:?}");
    assert!(meet(&tablet, &phone).0.is_err());
    met(&phone, &laptop);
    assert!(knows_sam(&laptop) && !knows_sam(&tablet));
}

#[test]
fn a_removal_that_nobody_heard_of_is_said_to_be_lost_once_and_holds_up_nothing() {
    let home = Home::new();
    let [mut phone, laptop, _tablet] = home.devices(["phone", "laptop", "tablet"]);
    let backup = home.folder.path().join("backup");
    phone.back_up(&backup);
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    phone.restore(&backup);
    let told = |report: &SyncReport| report.set_aside.iter().any(|aside| aside.why.contains("removed once more"));
    assert!(told(&phone.pass(&home.shared).unwrap()));
    assert!(!told(&phone.pass(&home.shared).unwrap()) && !phone.notebook.is_behind(&phone.keys).unwrap());
    met(&phone, &laptop);
}

#[test]
fn a_code_to_pair_on_a_network_ends_after_two_minutes() {
    let home = Home::new();
    let (phone, laptop) = (home.device("phone", 1), home.device("laptop", 2));
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = seconds.clone();
    let mut lending =
        Lending::with_clock(Arc::new(move || Duration::from_secs(clock.load(Ordering::Relaxed)))).unwrap();
    let place = lending.mailbox();
    let code = phone.notebook.invite(&place, &phone.keys).unwrap();
    let at = [(Ipv4Addr::LOCALHOST, lending.open(&code).unwrap()).into()];
    seconds.store(CODE_LASTS.as_secs() - 1, Ordering::Relaxed);
    assert!(!lending.has_ended());
    seconds.store(CODE_LASTS.as_secs(), Ordering::Relaxed);
    assert!(lending.has_ended());
    let comes = || {
        let lent = borrow(&code, &at, &mut || Ok(()))?;
        laptop.notebook.knock(&lent, &laptop.keys, &code).map(drop)
    };
    assert!(comes().is_err(), "it is void");
    // Who came in time may finish, however long the two people take.
    seconds.store(0, Ordering::Relaxed);
    let at = [(Ipv4Addr::LOCALHOST, lending.open(&code).unwrap()).into()];
    let lent = borrow(&code, &at, &mut || Ok(())).unwrap();
    assert!(laptop.notebook.knock(&lent, &laptop.keys, &code).unwrap().is_none());
    assert!(phone.notebook.request_to_join(&place, &phone.keys).unwrap().is_none());
    laptop.notebook.knock(&lent, &laptop.keys, &code).unwrap().unwrap();
    seconds.store(10 * CODE_LASTS.as_secs(), Ordering::Relaxed);
    assert!(!lending.has_ended());
    laptop.notebook.agree_to_join(&lent, &laptop.keys).unwrap();
    let request = phone.notebook.request_to_join(&place, &phone.keys).unwrap().unwrap();
    phone.notebook.admit(&place, &phone.keys, &request).unwrap();
    assert!(matches!(laptop.notebook.join(&lent, &laptop.keys, None).unwrap(), Joining::Joined { .. }));
}
