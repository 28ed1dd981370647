//! A device of a world: a real notebook in a folder in memory, a key store, and clocks and dice that belong to the story.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;
use kith_core::notebook::{Notebook, Options};

use super::drive::View;
use super::outside::{Keys, Shared};
use crate::Seeded;

/// The files of a notebook.
const FILES: [&str; 3] = ["notebook.kith", "notebook.kith-wal", "notebook.kith-shm"];

/// A device.
pub struct Device {
    /// Which one.
    pub at: usize,
    /// What it keeps secret.
    pub keys: Keys,
    /// The places it sees.
    pub places: Vec<usize>,
    /// Whether an older state was put back, so that it may have forgotten what it acknowledged.
    pub went_back: bool,
    /// Whether there is a backup of it.
    pub has_backup: bool,
    /// How far its clock is off, in seconds.
    pub skew: i64,
    notebook: Option<Notebook>,
    folder: PathBuf,
    clock: Arc<AtomicI64>,
    dice: Seeded,
}

impl Device {
    /// A new device below this folder.
    pub fn new(shared: &Shared, parent: &Path, at: usize, seed: u64) -> Self {
        Self::with(Keys::new(shared, at), parent, at, seed)
    }

    fn with(keys: Keys, parent: &Path, at: usize, seed: u64) -> Self {
        let folder = parent.join(format!("device {at}"));
        std::fs::create_dir_all(&folder).unwrap();
        let mut device = Self {
            at,
            keys,
            places: Vec::new(),
            went_back: false,
            has_backup: false,
            skew: 0,
            notebook: None,
            folder,
            clock: Arc::new(AtomicI64::new(crate::start().timestamp())),
            dice: Seeded(seed),
        };
        device.open();
        device
    }

    /// Another device that begins as a copy of this one.
    pub fn copied(&self, parent: &Path, at: usize, seed: u64, with_keys: bool) -> Self {
        let folder = parent.join(format!("device {at}"));
        copy_files(&self.folder, &folder);
        let keys = self.keys.copied(at);
        if !with_keys {
            keys.lose();
        }
        Self { places: self.places.clone(), skew: self.skew, ..Self::with(keys, parent, at, seed) }
    }

    /// Its notebook.
    pub fn notebook(&self) -> &Notebook {
        self.notebook.as_ref().expect("a device has its notebook open")
    }

    /// Its file.
    pub fn file(&self) -> PathBuf {
        self.folder.join(FILES[0])
    }

    /// How it sees a place.
    pub fn view(&self, shared: &Shared, place: usize) -> View {
        View::of(shared, place, self.at)
    }

    /// What time it is, as far as this device knows.
    pub fn set_clock(&self, seconds: i64) {
        self.clock.store(crate::start().timestamp() + seconds + self.skew, Ordering::Relaxed);
    }

    /// Closes the notebook and opens it again: with another actor.
    pub fn restart(&mut self) {
        self.notebook = None;
        self.open();
    }

    /// As after a kill: what the file held at this moment is what is found, and nobody closed it.
    pub fn killed(&mut self) {
        let aside = self.folder.join("aside");
        copy_files(&self.folder, &aside);
        self.notebook = None;
        copy_files(&aside, &self.folder);
        self.open();
    }

    /// Keeps a copy of the notebook as it is now.
    pub fn back_up(&mut self) {
        copy_files(&self.folder, &self.folder.join("backup"));
        self.has_backup = true;
    }

    /// Puts that copy back, and forgets what is kept outside if told so.
    pub fn restore(&mut self, with_keys: bool) {
        self.notebook = None;
        copy_files(&self.folder.join("backup"), &self.folder);
        if !with_keys {
            self.keys.lose();
        }
        self.went_back = true;
        self.open();
    }

    fn open(&mut self) {
        let (clock, mut dice) = (self.clock.clone(), Seeded(self.dice.number()));
        let options = Options {
            clock: Arc::new(move || DateTime::from_timestamp(clock.load(Ordering::Relaxed), 0).unwrap()),
            random: Box::new(move |bytes| dice.fill(bytes)),
            zone: chrono_tz::Europe::Paris,
            device: format!("Plumbaline {}", self.at),
        };
        self.notebook = Some(Notebook::open(self.file(), options).unwrap());
    }
}

/// The file and its log: what a backup program takes.
fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in FILES {
        let _ = std::fs::remove_file(to.join(name));
        if name != FILES[2] && from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}
