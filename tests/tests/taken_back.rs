//! What takes long is taken back at every moment at which it can be: the notebook is whole then, and what was wanted is done
//! when it is asked for again.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kith_core::Error;
use kith_core::model::*;
use kith_core::notebook::{Joining, Notebook, Options};
use kith_core::sync::carrier::pair::borrow;
use kith_core::sync::carrier::{Mailbox, Place, Watched};
use kith_core::sync::keys::RecoveryKit;
use tests::home::Home;
use tests::{Device, assert_alike, assert_same_lines, mailbox};

const DANA: &str = "Dana Ruiz, Acme !send her the contact ?a warehouse #lyon";

/// Somebody who looks on so many times, and takes back what they asked for then.
struct Patience(AtomicU64);

impl Patience {
    fn of(looks: u64) -> Self {
        Self(AtomicU64::new(looks))
    }

    fn look(&self) -> Result<(), Error> {
        let goes_on = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        if goes_on { Ok(()) } else { Err(Error::Cancelled) }
    }

    fn is_at_an_end(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// Does something that is taken back after so many things were asked of the place.
fn impatiently<T>(
    place: &dyn Mailbox,
    looks: u64,
    what: impl FnOnce(&dyn Mailbox) -> Result<T, Error>,
) -> Result<T, Error> {
    let patience = Patience::of(looks);
    what(&Watched::new(place, &|| patience.look()))
}

/// Does something that is taken back so; then, if it was, to its end.
fn at_last<T>(place: &dyn Mailbox, looks: u64, what: impl Fn(&dyn Mailbox) -> Result<T, Error>) -> T {
    match impatiently(place, looks, &what) {
        Err(Error::Cancelled) => what(place).unwrap(),
        done => done.unwrap(),
    }
}

/// Asks for something with ever more patience until nobody takes it back; says how often it was.
fn until_done<T>(mut what: impl FnMut(&mut dyn FnMut(u64, u64) -> Result<(), Error>) -> Result<T, Error>) -> (u64, T) {
    for looks in 0..10_000 {
        let patience = Patience::of(looks);
        match what(&mut |_, _| patience.look()) {
            Err(Error::Cancelled) => assert!(patience.is_at_an_end(), "nobody took it back"),
            done => return (looks, done.unwrap()),
        }
    }
    panic!("it never ends");
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn every_step_of_pairing_is_taken_back_and_asked_again() {
    for looks in 0..16 {
        let home = Home::new();
        let (phone, laptop) = (home.device("phone", 1), home.device("laptop", 2));
        phone.notebook.jot_line(DANA).unwrap();
        laptop.notebook.jot_line("Ann Lee").unwrap();
        let place = mailbox(&home.shared);
        let code = at_last(&place, looks, |place| phone.notebook.invite(place, &phone.keys));
        let knock = |place: &dyn Mailbox| laptop.notebook.knock(place, &laptop.keys, &code);
        assert!(at_last(&place, looks, knock).is_none(), "nobody there has heard of it");
        assert!(at_last(&place, looks, |place| phone.notebook.request_to_join(place, &phone.keys)).is_none());
        let knock = at_last(&place, looks, knock).unwrap();
        let seen = at_last(&place, looks, |place| phone.notebook.request_to_join(place, &phone.keys)).unwrap();
        assert_eq!(seen.digits, knock.digits, "after {looks} looks");
        let admit = |place: &dyn Mailbox| phone.notebook.admit_who_shows(place, &phone.keys, &seen.digits);
        assert!(at_last(&place, looks, admit).is_none(), "nobody said yes there");
        at_last(&place, looks, |place| laptop.notebook.agree_to_join(place, &laptop.keys));
        assert_eq!(at_last(&place, looks, admit).unwrap().name, "laptop", "after {looks} looks");
        let joined = at_last(&place, looks, |place| laptop.notebook.join(place, &laptop.keys, None));
        assert_eq!(joined, Joining::Joined { from: "phone".into() }, "after {looks} looks");
        for device in [&phone, &laptop] {
            at_last(&place, looks, |place| device.notebook.sync(place, &device.keys, &mut |_, _| Ok(())));
        }
        home.rest(&[&phone, &laptop]);
        assert_alike(&phone, &laptop);
        assert_eq!(laptop.notebook.people(0, 9).unwrap().total, 2);
        assert_eq!(laptop.notebook.device_list(&laptop.keys).unwrap().len(), 2, "after {looks} looks");
    }
}

#[test]
fn an_invitation_that_is_taken_back_while_it_is_made_lets_nobody_in() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    let place = mailbox(&home.shared);
    let mut taken_back = 0;
    while let Err(error) = impatiently(&place, taken_back, |place| phone.notebook.invite(place, &phone.keys)) {
        assert!(matches!(error, Error::Cancelled), "{error:?}");
        assert!(matches!(phone.notebook.request_to_join(&place, &phone.keys), Ok(None) | Err(Error::NotFound(_))));
        taken_back += 1;
    }
    assert!(taken_back > 5, "only {taken_back} moments at which it can be taken back");
    phone.notebook.cancel_invitation(&place, &phone.keys).unwrap();
    let left = |name: &str| name.ends_with(".inv") || name.ends_with(".who");
    assert!(!place.list().unwrap().iter().any(|item| left(&item.name)), "nothing is left lying there");
}

/// A notebook in a folder, and its recovery key.
fn with_paper(home: &Home) -> (Device, RecoveryKit) {
    let phone = home.device("phone", 1);
    phone.notebook.jot_line(DANA).unwrap();
    let kit = phone.notebook.make_recovery_key(&mailbox(&home.shared), &phone.keys, None).unwrap();
    phone.pass(&home.shared).unwrap();
    (phone, kit)
}

#[test]
fn a_recovery_that_is_taken_back_leaves_the_notebook_as_it_was() {
    let home = Home::new();
    let (phone, kit) = with_paper(&home);
    let (place, new) = (mailbox(&home.shared), home.device("new", 7));
    new.notebook.jot_line("Ann Lee").unwrap();
    let before = new.notebook.dump().unwrap();
    let mut taken_back = 0;
    while let Err(error) = impatiently(&place, taken_back, |place| new.notebook.recover(place, &new.keys, &kit)) {
        assert!(matches!(error, Error::Cancelled), "{error:?}");
        assert!(new.notebook.member(&new.keys).unwrap().is_none(), "it belongs to no notebook");
        assert_eq!(new.notebook.dump().unwrap(), before);
        taken_back += 1;
    }
    assert!(taken_back > 2, "only {taken_back} moments at which it can be taken back");
    home.rest(&[&new, &phone]);
    assert_alike(&phone, &new);
    assert_eq!(phone.notebook.people(0, 9).unwrap().total, 2);
}

#[test]
fn a_recovery_key_that_is_made_is_shown_whatever_comes_after_and_one_that_is_not_is_made_again() {
    let mut made = 0;
    for looks in 0..24 {
        let home = Home::new();
        let phone = home.device("phone", 1);
        let place = mailbox(&home.shared);
        let make = |place: &dyn Mailbox| phone.notebook.make_recovery_key(place, &phone.keys, None);
        let kit = match impatiently(&place, looks, make) {
            Err(Error::Cancelled) => make(&place).unwrap(),
            kit => kit.unwrap(),
        };
        made += 1;
        phone.pass(&home.shared).unwrap();
        let new = home.device("new", 7);
        new.notebook.recover(&place, &new.keys, &kit).unwrap();
        assert!(phone.notebook.make_recovery_key(&place, &phone.keys, Some(&kit)).is_ok(), "after {looks} looks");
    }
    assert_eq!(made, 24);
}

/// What is in two notebooks that was put into segments, some of them full.
fn with_much(home: &Home) -> (Device, Device) {
    let (phone, laptop) = home.two();
    phone.notebook.jot_line(DANA).unwrap();
    for n in 0..40 {
        phone.notebook.put(Note { body: format!("{n} ").repeat(900), ..Note::default() }).unwrap();
    }
    home.rest(&[&phone, &laptop]);
    (phone, laptop)
}

#[test]
fn a_renewal_that_is_taken_back_has_begun_nothing_or_is_done_again() {
    let state = |device: &Device| (device.notebook.sizes().unwrap(), device.notebook.dump().unwrap());
    let (mut untouched, mut looks) = (0, 0);
    loop {
        let home = Home::new();
        let (phone, laptop) = with_much(&home);
        // A few segments to be looked at, of each of the two.
        for name in ["Ann Lee", "Chi Wei", "Rui Costa"] {
            phone.notebook.jot_line(name).unwrap();
            laptop.notebook.jot_line(&format!("{name} junior")).unwrap();
            home.rest(&[&phone, &laptop]);
        }
        let (before, patience) = (state(&phone), Patience::of(looks));
        let mut has_written = false;
        let renewed = phone.notebook.renew(&phone.keys, &mut |done, total| {
            has_written |= done == total;
            patience.look()
        });
        if renewed.is_err() && !has_written {
            assert_eq!(state(&phone), before, "nothing was renewed after {looks} looks");
            untouched += 1;
        }
        home.rest(&[&phone, &laptop]);
        assert_alike(&phone, &laptop);
        match renewed {
            Err(error) => assert!(matches!(error, Error::Cancelled), "{error:?}"),
            Ok(_) => break,
        }
        let report = phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
        assert!(report.written > 0 && report.forgotten > 0, "{report:?}");
        home.rest(&[&phone, &laptop]);
        assert_eq!(phone.notebook.renewal_waits_for(&phone.keys).unwrap(), Some(Vec::new()), "after {looks} looks");
        assert_alike(&phone, &laptop);
        looks += 1;
    }
    assert!(
        untouched > 6 && looks > untouched,
        "{looks} moments at which it can be taken back, {untouched} of them early"
    );
}

#[test]
fn a_backup_that_is_taken_back_leaves_no_file_and_so_does_its_restoration() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    phone.notebook.load_demo().unwrap();
    let (stick, desk) = (home.folder.path().join("stick"), home.folder.path().join("desk"));
    std::fs::create_dir(&stick).unwrap();
    std::fs::create_dir(&desk).unwrap();
    let (backup, place) = (stick.join("backup"), desk.join("notebook.kith"));
    let (taken_back, ()) = until_done(|progress| {
        let done = phone.notebook.backup(&backup, None, progress);
        assert!(done.is_ok() || is_empty(&stick), "something is left behind");
        assert!(!phone.folder().join(".kith-work").exists(), "a copy is left beside the notebook");
        done
    });
    assert!(taken_back > 3, "only {taken_back} moments at which it can be taken back");
    let (taken_back, ()) = until_done(|progress| {
        let done = Notebook::restore_backup(&backup, &place, None, progress);
        assert!(done.is_ok() || is_empty(&desk), "something is left behind");
        done
    });
    assert!(taken_back > 1, "only {taken_back} moments at which it can be taken back");
    let back = Notebook::open(&place, Options::default()).unwrap();
    assert_same_lines(&phone.notebook.dump().unwrap(), &back.dump().unwrap(), "the backup is not the notebook");
}

#[test]
fn a_rescue_and_a_rebuilding_that_are_taken_back_leave_nothing() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    phone.notebook.load_demo().unwrap();
    let desk = home.folder.path().join("desk");
    std::fs::create_dir(&desk).unwrap();
    for looks in [0, 1, 100] {
        let patience = Patience::of(looks);
        let rescued = Notebook::rescue(&phone.file(), &desk.join("new.kith"), &mut |_, _| patience.look());
        assert!(matches!(rescued, Err(Error::Cancelled)) && is_empty(&desk), "{rescued:?}");
        let before = phone.notebook.dump().unwrap();
        let patience = Patience::of(looks);
        let rebuilt = phone.notebook.rebuild(&mut |_, _| patience.look());
        assert!(matches!(rebuilt, Err(Error::Cancelled)), "{rebuilt:?}");
        assert_same_lines(&before, &phone.notebook.dump().unwrap(), "half a rebuilding is left");
    }
}

#[test]
fn an_import_that_is_half_undone_goes_on_where_it_was() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    phone.notebook.jot_line("Ann Lee").unwrap();
    let book = home.folder.path().join("book.vcf");
    let card = |n| format!("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Person Number{n}\r\nUID:{n}\r\nEND:VCARD\r\n");
    std::fs::write(&book, (0..700).map(card).collect::<String>()).unwrap();
    for looks in [0, 1, 250, 650] {
        let import = phone.notebook.import(&book, &mut |_, _| Ok(())).unwrap().id.unwrap();
        let patience = Patience::of(looks);
        let undone = phone.notebook.undo_import(import, &mut |_, _| patience.look());
        assert!(matches!(undone, Err(Error::Cancelled)), "{undone:?}");
        assert_eq!(phone.notebook.people(0, 9).unwrap().total, 701 - looks / 200 * 200, "two hundred at a time");
        assert_alike(&phone, &phone);
        // By the step that is offered, as if nothing had been done yet.
        let rest = phone.notebook.undo(&mut |_, _| Ok(())).unwrap().undone.unwrap();
        assert_eq!((rest.deleted, rest.kept), (700 - looks / 200 * 200, Vec::new()));
        assert_eq!(phone.notebook.people(0, 9).unwrap().total, 1);
    }
}

#[test]
fn a_place_that_is_taken_back_while_it_is_tried_out_is_not_remembered() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    let place = Place::Folder { path: home.shared };
    let mut taken_back = 0;
    loop {
        let patience = Patience::of(taken_back);
        match phone.notebook.add_mailbox(&place, None, &phone.keys, &|| patience.look()) {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, Error::Cancelled), "{error:?}"),
        }
        assert_eq!(phone.notebook.mailboxes().unwrap(), []);
        taken_back += 1;
    }
    assert!(taken_back > 3, "only {taken_back} moments at which it can be taken back");
    assert_eq!(phone.notebook.mailboxes().unwrap(), [place]);
}

/// Asked now and then by who waits.
type Look<'a> = &'a mut dyn FnMut() -> Result<(), Error>;

#[test]
fn whoever_waits_for_a_device_or_a_relay_that_does_not_come_stops_when_told() {
    let (home, any) = (Home::new(), "127.0.0.1:0");
    let (phone, laptop) = home.two();
    home.meet(&[&phone, &laptop]);
    let silent = std::net::UdpSocket::bind(any).unwrap();
    let relay = std::net::TcpListener::bind(any).unwrap();
    let (at, address) = ([silent.local_addr().unwrap()], format!("http://{}", relay.local_addr().unwrap()));
    let peer = phone.notebook.peers(&phone.keys).unwrap().remove(0);
    let direct = phone.notebook.go_on_the_network(&phone.keys, 0).unwrap().unwrap();
    let code = phone.notebook.invite(&mailbox(&home.shared), &phone.keys).unwrap();
    let stops = |what: &mut dyn FnMut(Look<'_>) -> Result<(), Error>| {
        let (began, patience) = (Instant::now(), Patience::of(2));
        let stopped = what(&mut || patience.look());
        assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "it went on for {:?}", began.elapsed());
    };
    stops(&mut |look| {
        let served = phone.notebook.serve_next(&direct, Duration::from_secs(20), &phone.keys, &mut |_, _| look());
        served.map(drop)
    });
    stops(&mut |look| phone.notebook.visit(&direct, &peer, &at, &phone.keys, &mut |_, _| look()).map(drop));
    stops(&mut |look| borrow(&code, &at, look).map(drop));
    stops(&mut |look| phone.notebook.set_relay(&address, look).map(drop));
    assert!(phone.notebook.relay().unwrap().is_none());
}
