//! Two devices that speak directly, over real sockets of this computer: calling, nothing changed, ten records changed, and
//! a new device that takes the whole notebook.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kith_core::Error;
use kith_core::model::Contact;
use kith_core::notebook::Notebook;
use kith_core::sync::carrier::direct::{Direct, Guest};
use kith_core::sync::carrier::folder::Folder;
use kith_core::sync::carrier::{Heard, Line, Mailbox};
use kith_core::sync::keystore::FileKeyStore;

use crate::merge::keys;
use crate::sync::{Bytes, Took, join, kilobytes, middle, process_time, usable};
use crate::{Section, crowd, ms, quantiles, times};

const RUNS: usize = 15;
const CALLS: usize = 100;
const DEAD: usize = 4;

pub(crate) fn measure(n: usize) -> Section {
    let mut section = Section::new(
        "Speaking directly",
        "Over iroh on the loopback, from the call to the goodbye. Bytes are what the two devices say to each other, both \
         ways together, before QUIC wraps it; CPU is that of both devices and both ends of the connection. Of a hundred \
         calls the median and the 95th are told; a dead address is a socket that is bound and never answers. Documents \
         are what the notebook holds. The peer is in the table of syncing: the same documents, the same changes.",
        &["what", "documents", "time", "CPU", "bytes", "95 of 100 calls within"],
    );
    let (folder, path) = crowd::notebook(n);
    let place = Folder::at(&folder.path().join("shared"));
    std::fs::create_dir(folder.path().join("shared")).unwrap();
    place.prepare().unwrap();
    let (notebook, of_a) = (crowd::open(&path), keys(&folder.path().join("a")));
    notebook.sync(&place, &of_a, &mut |_, _| Ok(())).unwrap();
    let other = Arc::new(crowd::open(&folder.path().join("other.kith")));
    let of_b = keys(&folder.path().join("b"));
    join(&notebook, &of_a, &other, &of_b, &place);
    let pair = Pair::of((&notebook, &of_a), (&other, &of_b));

    let (shown, watch) = usable(&other, n, &pair.bytes);
    let new = pair.meet();
    drop(watch);
    let usable = shown.lock().unwrap().take().expect("all people were shown");
    assert_eq!(other.dump().unwrap(), notebook.dump().unwrap(), "both show the same");
    (0..3).for_each(|_| _ = pair.meet());
    let quiet = middle((0..RUNS).map(|_| pair.meet()));
    let people: Vec<_> = notebook.people(0, 1000).unwrap().rows.into_iter().map(|row| row.id).collect();
    let ten = middle((0..RUNS).map(|run| {
        for at in 0..10 {
            let id = people[(run * 10 + at) % people.len()];
            notebook.edit(id, |contact: &mut Contact| contact.nickname = format!("{run} {at}")).unwrap();
        }
        pair.meet()
    }));
    let documents = notebook.sizes().unwrap().documents;
    for (what, took) in [
        ("nothing changed", quiet),
        ("ten changed", ten),
        ("a new device, until all people are shown", usable),
        ("a new device, all of it", new),
    ] {
        let cells =
            [what.into(), documents.to_string(), ms(took.time), ms(took.cpu), kilobytes(took.bytes), "–".into()];
        section.row(&cells);
    }
    let silent: Vec<UdpSocket> = (0..DEAD).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    let dead: Vec<SocketAddr> = silent.iter().map(|socket| socket.local_addr().unwrap()).collect();
    for (what, dead) in [("a call", Vec::new()), ("a call, with four dead addresses beside it", dead)] {
        let mut calls = pair.calls(&dead);
        calls.sort_unstable();
        let within = calls[CALLS * 95 / 100 - 1];
        section.row(&[what.into(), "–".into(), ms(quantiles(calls).0), "–".into(), "–".into(), ms(within)]);
    }
    section
}

type Device<'a> = (&'a Notebook, &'a FileKeyStore);

/// Two devices, of which the first can be called.
struct Pair<'a> {
    host: Device<'a>,
    guest: Device<'a>,
    listening: Direct,
    calling: Direct,
    at: SocketAddr,
    bytes: Bytes,
}

impl<'a> Pair<'a> {
    fn of(host: Device<'a>, guest: Device<'a>) -> Self {
        let [listening, calling] = [host, guest].map(|(notebook, keys)| {
            let direct = notebook.go_on_the_network(keys, 0).unwrap().expect("it has another device");
            direct.open_door(notebook.guests(keys).unwrap());
            direct
        });
        let at = (Ipv4Addr::LOCALHOST, listening.port()).into();
        Self { host, guest, listening, calling, at, bytes: Bytes::default() }
    }

    fn endpoint(&self) -> [u8; 32] {
        self.host.0.member(self.host.1).unwrap().unwrap().keys().public().endpoint
    }

    /// The guest calls, and both bring each other what they lack.
    fn meet(&self) -> Took {
        let bytes = || self.bytes.lock().unwrap().get();
        let (before, began, cpu) = (bytes(), Instant::now(), process_time());
        std::thread::scope(|scope| {
            let serving = scope.spawn(|| {
                if let Some(Guest::Known(line)) = self.listening.next_guest(Duration::from_secs(10)) {
                    self.speak(self.host, line);
                }
            });
            let line = self.calling.dial(self.endpoint(), &[self.at]).unwrap();
            self.speak(self.guest, line);
            serving.join().unwrap();
        });
        Took { time: began.elapsed(), cpu: process_time() - cpu, bytes: bytes() - before }
    }

    fn speak(&self, (notebook, keys): Device<'_>, line: impl Line) {
        let mut line = Counting { line, bytes: self.bytes.clone() };
        notebook.sync_over(&mut line, keys, &mut |_, _| Ok(())).unwrap();
    }

    /// How long it takes until the other has answered, again and again.
    fn calls(&self, dead: &[SocketAddr]) -> Vec<Duration> {
        let (endpoint, at) = (self.endpoint(), [dead, &[self.at]].concat());
        times(CALLS, |_| drop(self.calling.dial(endpoint, &at).unwrap()))
    }
}

/// A line that counts what is sent on it.
struct Counting<L> {
    line: L,
    bytes: Bytes,
}

impl<L: Line> Line for Counting<L> {
    fn peer(&self) -> [u8; 32] {
        self.line.peer()
    }

    fn send(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let counted = self.bytes.lock().unwrap();
        counted.set(counted.get() + bytes.len() as u64);
        drop(counted);
        self.line.send(bytes)
    }

    fn wait(&mut self, at_most: Duration) -> Result<Heard, Error> {
        self.line.wait(at_most)
    }

    fn refuse(&mut self) {
        self.line.refuse();
    }

    fn hang_up(&mut self) {
        self.line.hang_up();
    }
}
