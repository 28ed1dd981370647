//! Syncing through a mailbox: nothing changed, ten records changed, and a new device that takes the whole notebook. The
//! peer is Automerge's own sync protocol, a conversation for each document.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use automerge::sync::{State, SyncDoc};
use automerge::{Automerge, Change};
use kith_core::Error;
use kith_core::model::{Contact, RecordId};
use kith_core::notebook::{Notebook, Observation as Watch};
use kith_core::sync::carrier::folder::Folder;
use kith_core::sync::carrier::{Item as Found, Mailbox};
use kith_core::sync::keystore::FileKeyStore;
use kith_core::sync::segment::{self, Header, Item};

use crate::merge::keys;
use crate::{Section, crowd, ms, quantiles, ratio};

const RUNS: usize = 15;

pub(crate) fn measure(n: usize) -> Section {
    let mut section = Section::new(
        "Syncing",
        "Through a folder as the mailbox. Bytes are what a device reads from it and writes into it, names and sizes of a \
         listing included; CPU is that of the whole process. The peer is Automerge's sync protocol between two copies of the \
         same documents in memory, which is what automerge-repo and samod speak: bytes of all messages, nothing stored, \
         nothing admitted, no key. Documents are what the notebook holds; ten changed is ten people renamed on one device.",
        &["what", "documents", "kith: time", "CPU", "bytes", "Automerge's protocol: time", "bytes", "ratio of bytes"],
    );
    let (folder, path) = crowd::notebook(n);
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let place = Counting { inner: Folder::at(&shared), bytes: Arc::default() };
    place.prepare().unwrap();
    let notebook = crowd::open(&path);
    let of_a = keys(&folder.path().join("a"));
    let first = notebook.sync(&place, &of_a, &mut |_, _| Ok(())).unwrap();
    assert!(first.sent > n as u64);

    // A new device, from the code to the last row.
    let other = Arc::new(crowd::open(&folder.path().join("other.kith")));
    let of_b = keys(&folder.path().join("b"));
    join(&notebook, &of_a, &other, &of_b, &place);
    let (usable, watch) = usable(&other, n, &place.bytes);
    let before = place.bytes.lock().unwrap().get();
    let new = place.measured(|| drop(other.sync(&place, &of_b, &mut |_, _| Ok(())).unwrap()));
    drop(watch);
    let usable = usable.lock().unwrap().take().expect("all people were shown");
    let usable = Took { bytes: usable.bytes - before, ..usable };
    assert_eq!(other.dump().unwrap(), notebook.dump().unwrap(), "both show the same");

    let a = (&notebook, &of_a);
    (0..3).for_each(|_| drop(a.0.sync(&place, a.1, &mut |_, _| Ok(())).unwrap()));
    let quiet = middle((0..RUNS).map(|_| place.measured(|| drop(a.0.sync(&place, a.1, &mut |_, _| Ok(())).unwrap()))));
    let people: Vec<_> = notebook.people(0, 1000).unwrap().rows.into_iter().map(|row| row.id).collect();
    let ten = middle((0..RUNS).map(|run| {
        for at in 0..10 {
            let id = people[(run * 10 + at) % people.len()];
            notebook.edit(id, |contact: &mut Contact| contact.nickname = format!("{run} {at}")).unwrap();
        }
        place.measured(|| {
            notebook.sync(&place, &of_a, &mut |_, _| Ok(())).unwrap();
            assert_eq!(other.sync(&place, &of_b, &mut |_, _| Ok(())).unwrap().touched, 10);
        })
    }));

    let mut mine = documents(&notebook, &of_a, &place);
    let count = mine.len();
    let mut theirs: Vec<Automerge> = mine.clone();
    let peer_quiet = converse(&mut mine, &mut theirs);
    for document in mine.iter_mut().take(10) {
        use automerge::transaction::Transactable;
        let mut transaction = document.transaction();
        transaction.put(automerge::ROOT, "nickname", "another").unwrap();
        transaction.commit();
    }
    let peer_ten = converse(&mut mine, &mut theirs);
    let mut empty = vec![Automerge::new(); count];
    let peer_new = converse(&mut mine, &mut empty);
    for (what, ours, peer) in [
        ("nothing changed, one device", quiet, peer_quiet),
        ("ten changed, both devices", ten, peer_ten),
        ("a new device, until all people are shown", usable, peer_new),
        ("a new device, all of it", new, peer_new),
    ] {
        section.row(&[
            what.into(),
            count.to_string(),
            ms(ours.time),
            ms(ours.cpu),
            kilobytes(ours.bytes),
            ms(peer.time),
            kilobytes(peer.bytes),
            ratio(Duration::from_secs(peer.bytes), Duration::from_secs(ours.bytes)),
        ]);
    }
    section
}

/// One device lets another in.
pub(crate) fn join(
    host: &Notebook,
    of_host: &FileKeyStore,
    guest: &Notebook,
    of_guest: &FileKeyStore,
    place: &dyn Mailbox,
) {
    let code = host.invite(place, of_host).unwrap();
    guest.join(place, of_guest, Some(&code)).unwrap();
    host.request_to_join(place, of_host).unwrap();
    guest.join(place, of_guest, Some(&code)).unwrap();
    let request = host.request_to_join(place, of_host).unwrap().expect("it has asked");
    host.admit(place, of_host, &request).unwrap();
    guest.join(place, of_guest, None).unwrap();
}

/// Notes, from now on, what it took until a device shows so many people; as long as the watch is held.
pub(crate) fn usable(other: &Arc<Notebook>, people: usize, bytes: &Bytes) -> (Arc<Mutex<Option<Took>>>, Watch) {
    let usable = Arc::new(Mutex::new(None));
    let (began, cpu) = (Instant::now(), process_time());
    let watch = other.observe({
        let (usable, other, bytes) = (usable.clone(), Arc::downgrade(other), bytes.clone());
        move |_| {
            let mut usable = usable.lock().unwrap();
            let Some(other) = other.upgrade().filter(|_| usable.is_none()) else { return };
            if other.people(0, 50).unwrap().total == people as u64 {
                let bytes = bytes.lock().unwrap().get();
                *usable = Some(Took { time: began.elapsed(), cpu: process_time() - cpu, bytes });
            }
        }
    });
    (usable, watch)
}

/// Bytes, counted by whoever lets them through.
pub(crate) type Bytes = Arc<Mutex<Cell<u64>>>;

/// What something took.
#[derive(Clone, Copy, Default)]
pub(crate) struct Took {
    pub(crate) time: Duration,
    pub(crate) cpu: Duration,
    pub(crate) bytes: u64,
}

pub(crate) fn middle(all: impl Iterator<Item = Took>) -> Took {
    let all: Vec<Took> = all.collect();
    let of = |part: fn(&Took) -> Duration| quantiles(all.iter().map(part).collect()).0;
    Took {
        time: of(|took| took.time),
        cpu: of(|took| took.cpu),
        bytes: of(|took| Duration::from_secs(took.bytes)).as_secs(),
    }
}

pub(crate) fn kilobytes(bytes: u64) -> String {
    format!("{:.1} kB", bytes as f64 / 1000.0)
}

/// A mailbox that counts what goes through it.
struct Counting {
    inner: Folder,
    bytes: Bytes,
}

impl Counting {
    fn count(&self, bytes: usize) {
        let counted = self.bytes.lock().unwrap();
        counted.set(counted.get() + bytes as u64);
    }

    fn measured(&self, run: impl FnOnce()) -> Took {
        let bytes = || self.bytes.lock().unwrap().get();
        let (before, began, cpu) = (bytes(), Instant::now(), process_time());
        run();
        Took { time: began.elapsed(), cpu: process_time() - cpu, bytes: bytes() - before }
    }
}

impl Mailbox for Counting {
    fn prepare(&self) -> Result<(), Error> {
        self.inner.prepare()
    }

    fn list(&self) -> Result<Vec<Found>, Error> {
        let list = self.inner.list()?;
        self.count(list.iter().map(|item| item.name.len() + 8).sum());
        Ok(list)
    }

    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let bytes = self.inner.get(name, most)?;
        self.count(bytes.as_ref().map_or(0, Vec::len));
        Ok(bytes)
    }

    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.count(name.len() + bytes.len());
        self.inner.put_new(name, bytes)
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        self.inner.delete(name)
    }

    fn words(&self) -> String {
        self.inner.words()
    }
}

pub(crate) fn process_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Every document of the notebook, from the changes in its segments.
fn documents(notebook: &Notebook, keys: &FileKeyStore, place: &Counting) -> Vec<Automerge> {
    let member = notebook.member(keys).unwrap().unwrap();
    let mut changes: BTreeMap<RecordId, Vec<Change>> = BTreeMap::new();
    for found in place.inner.list().unwrap().iter().filter(|found| found.name.ends_with(".kiths")) {
        let bytes = place.inner.get(&found.name, 1 << 20).unwrap().unwrap();
        let epoch = member.epochs(Header::read(&bytes).unwrap().key).next().unwrap();
        let opened = segment::open(&bytes, &epoch).unwrap();
        let author = opened.author();
        for item in opened.verify(&author).unwrap().items {
            if let Item::Change { record, bytes, .. } = item {
                changes.entry(record).or_default().push(Change::from_bytes(bytes).unwrap());
            }
        }
    }
    let document = |changes: Vec<Change>| {
        let mut document = Automerge::new();
        document.apply_changes(changes).unwrap();
        document
    };
    changes.into_values().map(document).collect()
}

/// Brings every pair of documents together, a conversation each.
fn converse(mine: &mut [Automerge], theirs: &mut [Automerge]) -> Took {
    let (began, cpu) = (Instant::now(), process_time());
    let mut bytes = 0;
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        let (mut of_mine, mut of_theirs) = (State::new(), State::new());
        loop {
            let said = mine.generate_sync_message(&mut of_mine);
            let quiet = said.is_none();
            if let Some(message) = said {
                let encoded = message.encode();
                bytes += encoded.len() as u64;
                let read = automerge::sync::Message::decode(&encoded).unwrap();
                theirs.receive_sync_message(&mut of_theirs, read).unwrap();
            }
            let answer = theirs.generate_sync_message(&mut of_theirs);
            if quiet && answer.is_none() {
                break;
            }
            if let Some(message) = answer {
                let encoded = message.encode();
                bytes += encoded.len() as u64;
                let read = automerge::sync::Message::decode(&encoded).unwrap();
                mine.receive_sync_message(&mut of_mine, read).unwrap();
            }
        }
    }
    Took { time: began.elapsed(), cpu: process_time() - cpu, bytes }
}
