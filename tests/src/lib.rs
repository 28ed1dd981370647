//! What the tests of the whole share.
//!
//! A module of `core` shows by itself what it promises. Here is what only shows when the parts work together: journeys
//! through the notebook, devices that part and meet again, power cuts, files of older versions; and, in
//! `tests/tidy.rs`, that the house is in order. Helpers that two of them need go here.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests: a failure here fails the test

pub mod certificates;
pub mod ear;
pub mod fill;
pub mod forge;
pub mod home;
pub mod initials;
pub mod line;
pub mod post;
pub mod relay;
pub mod seeds;
pub mod words;
pub mod world;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use kith_core::Error;
use kith_core::notebook::{Joining, Notebook, Options, SyncReport};
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::carrier::folder::Folder;
use kith_core::sync::identity::HandedOut;
use kith_core::sync::keystore::FileKeyStore;
use kith_core::sync::pairing::{Code, Request};

/// A generator of bytes that is the same for the same seed: SplitMix64.
pub struct Seeded(pub u64);

impl Seeded {
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `most`.
    pub fn below(&mut self, most: usize) -> usize {
        (self.number() % most.max(1) as u64) as usize
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Fills bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.number().to_le_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }
}

/// One device with a notebook in a folder of its own, a clock that is set by hand, and seeded randomness.
pub struct Device {
    /// The notebook.
    pub notebook: Notebook,
    /// What it keeps secret.
    pub keys: FileKeyStore,
    folder: PathBuf,
    seconds: Arc<AtomicI64>,
    name: String,
    seed: u64,
}

/// The moment at which every device's clock begins: Sunday, 22 November 2026, 9:00 UTC.
pub fn start() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-22T09:00:00Z").unwrap().to_utc()
}

impl Device {
    /// A new device below this folder.
    pub fn new(parent: &Path, name: &str, seed: u64) -> Self {
        let folder = parent.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let seconds = Arc::new(AtomicI64::new(start().timestamp()));
        let notebook = open(&folder, name, seed, &seconds);
        let keys = keys_in(&folder);
        Self { notebook, keys, folder, seconds, name: name.into(), seed }
    }

    /// Closes the notebook and opens it again, as after a restart: with another actor.
    pub fn reopen(&mut self) {
        self.seed = self.seed.wrapping_add(1_000_003);
        self.notebook = open(&self.folder, &self.name, self.seed, &self.seconds);
    }

    /// The folder of its own in which the device keeps everything.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The notebook's file.
    pub fn file(&self) -> PathBuf {
        self.folder.join("notebook.kith")
    }

    /// Copies the notebook as it is now into this folder, as a backup program does: the file and its log, nothing else.
    pub fn back_up(&self, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for name in ["notebook.kith", "notebook.kith-wal"] {
            let _ = std::fs::remove_file(to.join(name));
            if self.folder.join(name).exists() {
                std::fs::copy(self.folder.join(name), to.join(name)).unwrap();
            }
        }
    }

    /// Puts an earlier copy in the place of the notebook and opens it. What the device remembers outside stays.
    pub fn restore(&mut self, from: &Path) {
        // The notebook is closed before its file is taken away.
        let aside = self.folder.join("aside");
        std::fs::create_dir_all(&aside).unwrap();
        self.notebook = open(&aside, "aside", 0, &self.seconds);
        for name in ["notebook.kith", "notebook.kith-wal", "notebook.kith-shm"] {
            let _ = std::fs::remove_file(self.folder.join(name));
            if from.join(name).exists() {
                std::fs::copy(from.join(name), self.folder.join(name)).unwrap();
            }
        }
        self.reopen();
    }

    /// Another device that begins as a copy of this one: with what this one remembers outside of its notebook, or
    /// without.
    pub fn copied(&self, parent: &Path, name: &str, seed: u64, with_handed_out: bool) -> Self {
        let folder = parent.join(name);
        self.back_up(&folder);
        if with_handed_out && self.folder.join("keys").exists() {
            copy_folder(&self.folder.join("keys"), &folder.join("keys"));
        }
        if with_handed_out && self.folder.join("handed-out.json").exists() {
            std::fs::copy(self.folder.join("handed-out.json"), folder.join("handed-out.json")).unwrap();
        }
        Self::new(parent, name, seed)
    }

    /// Lets time pass.
    pub fn wait_seconds(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// One pass through a folder as a mailbox.
    pub fn pass(&self, folder: &Path) -> Result<SyncReport, Error> {
        self.notebook.sync(&mailbox(folder), &self.keys, &mut |_, _| Ok(()))
    }

    /// Somebody agrees to all that waits to be deleted for good here; says how many records.
    pub fn agree(&self) -> u64 {
        let waiting = self.notebook.purges_waiting(&self.keys).unwrap();
        let ids: Vec<String> = waiting.into_iter().map(|purge| purge.id).collect();
        self.notebook.agree_to_purges(&self.keys, &ids).unwrap()
    }

    /// Lets another device into this one's notebook, through a folder.
    pub fn lets_in(&self, other: &Self, folder: &Path) {
        let_in((&self.notebook, &self.keys), (&other.notebook, &other.keys), folder);
    }

    /// Brings the notebook together with a folder. A device that has not joined the notebook in it is let in first by the
    /// device that was there before, without anybody lifting a finger.
    pub fn sync(&self, folder: &Path) -> SyncReport {
        let met = folder.join(".met");
        match self.pass(folder) {
            Ok(report) => {
                let mut before = std::fs::read_to_string(&met).unwrap_or_default();
                let me = self.folder.to_str().unwrap();
                if !before.lines().any(|line| line == me) {
                    before.push_str(&format!("{me}\n"));
                    std::fs::write(met, before).unwrap();
                }
                report
            }
            Err(Error::Foreign(words))
                if words.contains("not joined") && self.notebook.rejoin(&mailbox(folder), &self.keys).is_ok() =>
            {
                self.pass(folder).unwrap()
            }
            Err(Error::Foreign(words)) if words.contains("not joined") || words.contains("without the keys") => {
                let there = std::fs::read_to_string(met).unwrap();
                // A second window on the other device's notebook, with an actor of its own.
                let window = |path: &str| {
                    let (parent, name) = path.rsplit_once('/').unwrap();
                    Self::new(Path::new(parent), name, self.seed ^ 0x5eed)
                };
                let host = there.lines().rev().map(window).find(|host| host.pass(folder).is_ok());
                host.expect("a device that belongs to the notebook").lets_in(self, folder);
                self.pass(folder).unwrap()
            }
            Err(error) => panic!("{}: {error}", self.name),
        }
    }
}

/// A notebook and the keys of its device.
pub type Side<'a> = (&'a Notebook, &'a FileKeyStore);

/// The first lets the second into its notebook, through a folder.
pub fn let_in(host: Side<'_>, guest: Side<'_>, folder: &Path) {
    let_in_through(host, guest, &mailbox(folder));
}

/// The same through any mailbox.
pub fn let_in_through(host_side: Side<'_>, guest_side: Side<'_>, place: &dyn Mailbox) {
    let ((host, host_keys), (guest, guest_keys)) = (host_side, guest_side);
    let code = host.invite(place, host_keys).unwrap();
    let request = ask(host_side, guest_side, [place, place], &code);
    host.admit(place, host_keys, &request).unwrap();
    let joined = guest.join(place, guest_keys, None).unwrap();
    assert_eq!(joined, Joining::Joined { from: host.device().into() });
}

/// The second asks the first with a code and says yes, until both show the same digits.
pub fn ask(
    (host, host_keys): Side<'_>,
    (guest, guest_keys): Side<'_>,
    [of_host, of_guest]: [&dyn Mailbox; 2],
    code: &Code,
) -> Request {
    assert_eq!(guest.join(of_guest, guest_keys, Some(code)).unwrap(), Joining::Knocked, "nobody shows digits alone");
    assert!(host.request_to_join(of_host, host_keys).unwrap().is_none(), "nor does the one that invites");
    let asked = guest.join(of_guest, guest_keys, Some(code)).unwrap();
    let request = host.request_to_join(of_host, host_keys).unwrap().expect("the request has come");
    assert_eq!(asked, Joining::Asked { digits: request.digits.clone() }, "both show the same digits");
    request
}

/// The same through places where a step may fail, or what the other one left may not have come: `again` takes each step,
/// until it succeeds, as people would.
pub fn let_in_step_by_step(
    (host, host_keys): Side<'_>,
    (guest, guest_keys): Side<'_>,
    [of_host, of_guest]: [&dyn Mailbox; 2],
    again: impl Fn(&dyn Fn() -> Result<(), Error>),
) {
    let (code, shown, request) = (RefCell::new(None), RefCell::new(None), RefCell::new(None));
    let not_yet = || Error::NotFound("what the other one leaves".into());
    again(&|| host.invite(of_host, host_keys).map(|new| drop(code.replace(Some(new)))));
    let code = code.take().unwrap();
    again(&|| guest.join(of_guest, guest_keys, Some(&code)).map(drop));
    again(&|| {
        host.request_to_join(of_host, host_keys)?;
        match guest.join(of_guest, guest_keys, Some(&code))? {
            Joining::Knocked => Err(not_yet()),
            asked => {
                shown.replace(Some(asked));
                Ok(())
            }
        }
    });
    again(&|| {
        let came = host.request_to_join(of_host, host_keys)?.ok_or_else(not_yet)?;
        drop(request.replace(Some(came)));
        Ok(())
    });
    let request = request.take().unwrap();
    assert_eq!(shown.take(), Some(Joining::Asked { digits: request.digits.clone() }), "both show the same digits");
    again(&|| host.admit(of_host, host_keys, &request));
    again(&|| match guest.join(of_guest, guest_keys, None)? {
        Joining::Joined { .. } => Ok(()),
        Joining::Asked { .. } | Joining::Knocked => Err(not_yet()),
    });
}

/// The keys of the device whose notebook lies in this folder.
pub fn keys_in(folder: &Path) -> FileKeyStore {
    FileKeyStore::at(folder.join("keys"), HandedOut::at(folder.join("handed-out.json")))
}

/// A folder as a mailbox.
pub fn mailbox(folder: &Path) -> Folder {
    let place = Folder::at(folder);
    place.prepare().unwrap();
    place
}

/// A folder for the time of a test, in memory where the system has such a place: what a test of merging needs is many
/// small notebooks, not a disk.
pub fn quick_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// Both notebooks show the same, and a rebuild changes nothing of it.
pub fn assert_alike(a: &Device, b: &Device) {
    assert_same_lines(&a.notebook.dump().unwrap(), &b.notebook.dump().unwrap(), "two devices show different things");
    for device in [a, b] {
        let before = device.notebook.dump().unwrap();
        device.notebook.rebuild(&mut |_, _| Ok(())).unwrap();
        assert_same_lines(&before, &device.notebook.dump().unwrap(), "a rebuild changed something");
    }
}

/// The same lines; otherwise says which ones are on one side only.
pub fn assert_same_lines(a: &[String], b: &[String], what: &str) {
    let only = |a: &[String], b: &[String]| a.iter().filter(|line| !b.contains(line)).cloned().collect::<Vec<_>>();
    assert!(a == b, "{what}\nonly in the first: {:#?}\nonly in the second: {:#?}", only(a, b), only(b, a));
}

fn open(folder: &Path, name: &str, seed: u64, seconds: &Arc<AtomicI64>) -> Notebook {
    let (clock, mut random) = (seconds.clone(), Seeded(seed));
    let options = Options {
        clock: Arc::new(move || DateTime::from_timestamp(clock.load(Ordering::Relaxed), 0).unwrap()),
        random: Box::new(move |bytes| random.fill(bytes)),
        zone: chrono_tz::Europe::Paris,
        device: name.into(),
    };
    Notebook::open(folder.join("notebook.kith"), options).unwrap()
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            std::fs::copy(&path, copy).unwrap();
        }
    }
}
