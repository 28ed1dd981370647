//! Two devices that know no address of each other meet through a relay of their own: what they bring each other, who is sent
//! away, what the relay's owner learns, and what is said when there is none. Two that share no network at all, and the real
//! program, are in `laptop/tests/nearby`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kith_core::Error;
use kith_core::notebook::{Peer, SyncReport};
use kith_core::sync::carrier::direct::{Direct, Guest};
use kith_core::sync::carrier::{Heard, Line, Relay};
use kith_core::sync::keys::{DeviceKeys, Secret};
use tests::home::Home;
use tests::relay::Operated;
use tests::{Device, assert_alike};

const DANA: &str = "Zyxwella Quorbin, Plumbaline Ltd zyx@plumbaline.example !send her the contact #frobnicator";

/// Two devices that know each other, and may have a relay.
fn two(home: &Home, relay: Option<&Operated>) -> (Device, Device) {
    let (phone, laptop) = home.two();
    laptop.pass(&home.shared).unwrap();
    for device in [&phone, &laptop] {
        if let Some(relay) = relay {
            device.notebook.set_relay(&relay.url(), &mut || Ok(())).unwrap();
        }
    }
    (phone, laptop)
}

fn endpoint(device: &Device) -> [u8; 32] {
    device.notebook.member(&device.keys).unwrap().unwrap().keys().public().endpoint
}

fn go(device: &Device) -> Direct {
    let direct = device.notebook.go_on_the_network(&device.keys, 0).unwrap().unwrap();
    direct.open_door(device.notebook.guests(&device.keys).unwrap());
    direct
}

/// The first calls the second, of which it knows no address.
fn meet(caller: &Device, host: &Device) -> Result<(SyncReport, SyncReport), Error> {
    let peers = caller.notebook.peers(&caller.keys).unwrap();
    let peer: &Peer = peers.iter().find(|peer| peer.endpoint == endpoint(host)).unwrap();
    let (listening, is_over) = (go(host), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let mut served = None;
            while !is_over.load(Ordering::Relaxed) {
                if let Some(guest) = listening.next_guest(Duration::from_millis(50)) {
                    served = host.notebook.serve(&listening, guest, &host.keys, &mut |_, _| Ok(())).unwrap();
                }
            }
            served
        });
        let direct = go(caller);
        let called = caller.notebook.call(&direct, peer, &[], &caller.keys, &mut |_, _| Ok(()));
        is_over.store(true, Ordering::Relaxed);
        let served = serving.join().unwrap();
        called.map(|(report, _)| (report, served.unwrap().1))
    })
}

#[test]
fn two_devices_that_know_no_address_of_each_other_sync_through_the_relay() {
    let (home, relay) = (Home::new(), Operated::begin());
    let (phone, laptop) = two(&home, Some(&relay));
    phone.notebook.jot_line(DANA).unwrap();
    laptop.notebook.jot_line("Ann Lee, Novabank").unwrap();
    let began = Instant::now();
    let (of_phone, of_laptop) = meet(&phone, &laptop).unwrap();
    println!("from nothing to done through the relay: {:?}", began.elapsed());
    assert!(of_phone.sent > 0 && of_phone.received > 0 && of_laptop.sent > 0 && of_laptop.received > 0);
    assert_eq!((of_phone.unconfirmed, of_laptop.unconfirmed), (0, 0), "each has heard that the other has it");
    assert_alike(&phone, &laptop);
    // What its owner could learn: who, and not what.
    let passed = relay.transcript();
    for device in [&phone, &laptop] {
        assert!(passed.holds(&endpoint(device)), "who speaks is seen");
    }
    for word in ["zyxwella", "quorbin", "plumbaline", "frobnicator", "novabank", "phone", "laptop"] {
        assert!(!passed.holds(word.as_bytes()), "{word} was seen");
    }
}

#[test]
fn a_stranger_gets_no_byte_through_the_relay() {
    let (home, relay) = (Home::new(), Operated::begin());
    let (_, laptop) = two(&home, Some(&relay));
    let listening = go(&laptop);
    let stranger = DeviceKeys::from_seeds(&Secret::new([7; 32]), &Secret::new([8; 32]));
    let direct = Direct::bind(stranger.endpoint_key(), 0, Some(Relay::parse(&relay.url()).unwrap())).unwrap();
    for said in [&b""[..], b"\0\0\0\x01\xa0", &[0xff; 4096]] {
        let mut line = direct.dial(endpoint(&laptop), &[]).unwrap();
        let _ = line.send(said.to_vec());
        loop {
            match line.wait(Duration::from_secs(5)) {
                Ok(Heard::Sent(_)) => {}
                Ok(other) => panic!("heard {other:?}"),
                Err(error) => break assert!(error.to_string().contains("does not know this one"), "{error}"),
            }
        }
    }
    let introduced = std::thread::scope(|scope| {
        scope.spawn(|| {
            let guest = listening.next_guest(Duration::from_secs(10)).unwrap();
            assert!(matches!(guest, Guest::Stranger(_)));
            laptop.notebook.serve(&listening, guest, &laptop.keys, &mut |_, _| Ok(())).unwrap();
        });
        direct.introduce(endpoint(&laptop), &[], vec![vec![0; 60_000]], &mut || Ok(()))
    });
    assert!(matches!(introduced, Err(Error::SyncFirst(_))), "{introduced:?}");
    assert!(listening.next_guest(Duration::from_millis(200)).is_none());
}

#[test]
fn without_a_relay_none_is_called() {
    let (home, relay) = (Home::new(), Operated::begin());
    let (phone, laptop) = two(&home, None);
    let began = Instant::now();
    assert!(matches!(meet(&phone, &laptop), Err(Error::NotFound(_))));
    assert!(began.elapsed() < Duration::from_secs(3), "there is nothing to wait for: {:?}", began.elapsed());
    assert_eq!(relay.transcript().calls, 0);
    // One that was forgotten is as one that never was.
    for device in [&phone, &laptop] {
        assert_eq!(device.notebook.set_relay(&relay.url(), &mut || Ok(())).unwrap().address(), relay.url());
        assert_eq!(device.notebook.relay().unwrap().unwrap().address(), relay.url());
        device.notebook.forget_relay().unwrap();
        assert!(device.notebook.relay().unwrap().is_none());
        assert!(matches!(device.notebook.forget_relay(), Err(Error::NotFound(_))));
    }
    let calls = relay.transcript().calls;
    assert!(matches!(meet(&phone, &laptop), Err(Error::NotFound(_))));
    assert_eq!(relay.transcript().calls, calls);
}

/// A server that takes calls, and answers each with these words, or never.
fn server(answer: Option<&'static [u8]>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut calls = Vec::new();
        for mut call in listener.incoming().map_while(Result::ok) {
            if let Some(answer) = answer {
                let _ = call.read(&mut [0; 1024]);
                let _ = call.write_all(answer);
            } else {
                calls.push(call);
            }
        }
    });
    at
}

#[test]
fn a_relay_that_does_not_answer_is_told_from_a_device_that_does_not() {
    let key = DeviceKeys::from_seeds(&Secret::new([7; 32]), &Secret::new([8; 32]));
    let somebody = DeviceKeys::from_seeds(&Secret::new([9; 32]), &Secret::new([10; 32])).public().endpoint;
    let call = |relay: &str| {
        let direct = Direct::bind(key.endpoint_key(), 0, Some(Relay::parse(relay).unwrap())).unwrap();
        let began = Instant::now();
        let error = direct.dial(somebody, &[]).err().unwrap();
        println!("{error}, after {:?}", began.elapsed());
        (error, began.elapsed())
    };
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let (relay, silent) = (Operated::begin(), server(None));
    let other = server(Some(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
    let (deadline, at_once) = (Duration::from_secs(14)..Duration::from_secs(18), Duration::from_secs(5));
    std::thread::scope(|scope| {
        let of_silent = scope.spawn(|| call(&format!("http://{silent}")));
        let nobody = scope.spawn(|| call(&relay.url()));
        let (error, took) = call(&format!("http://{closed}"));
        assert!(matches!(&error, Error::Unreachable(words) if words.contains("cannot be reached now")), "{error}");
        assert!(took < at_once, "{took:?}");
        let (error, took) = call(&format!("http://{other}"));
        assert!(matches!(&error, Error::Denied(words) if words.contains("not as a relay")), "{error}");
        assert!(took < at_once, "{took:?}");
        let (error, took) = of_silent.join().unwrap();
        assert!(matches!(&error, Error::Unreachable(words) if words.contains("did not answer in time")), "{error}");
        assert!(deadline.contains(&took), "{took:?}");
        let (error, took) = nobody.join().unwrap();
        assert!(matches!(&error, Error::NotFound(_)), "{error}");
        assert!(deadline.contains(&took), "{took:?}");
    });
    // One that cannot be used is not remembered.
    let home = Home::new();
    let (phone, _) = two(&home, None);
    let page = server(Some(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    for (at, why) in [(closed, "cannot be reached now"), (other, "not as a relay"), (page, "not as a relay")] {
        let (began, error) =
            (Instant::now(), phone.notebook.set_relay(&format!("http://{at}"), &mut || Ok(())).unwrap_err());
        println!("{error}, after {:?}", began.elapsed());
        assert!(matches!(&error, Error::Unreachable(words) | Error::Denied(words) if words.contains(why)), "{error}");
        assert!(began.elapsed() < at_once, "{:?}", began.elapsed());
    }
    assert!(matches!(phone.notebook.set_relay("http://relay.example", &mut || Ok(())), Err(Error::Invalid(_))));
    assert!(phone.notebook.relay().unwrap().is_none());
}

#[test]
fn a_relay_that_goes_away_is_said_and_one_that_comes_back_is_used() {
    let (home, relay) = (Home::new(), Operated::begin());
    let (phone, laptop) = two(&home, Some(&relay));
    drop(relay);
    let gone = meet(&phone, &laptop).unwrap_err();
    assert!(matches!(&gone, Error::Unreachable(words) if words.contains("the relay http://127.0.0.1")), "{gone}");
    let relay = Operated::begin();
    for device in [&phone, &laptop] {
        device.notebook.set_relay(&relay.url(), &mut || Ok(())).unwrap();
    }
    phone.notebook.jot_line(DANA).unwrap();
    meet(&laptop, &phone).unwrap();
    assert_alike(&phone, &laptop);
}
