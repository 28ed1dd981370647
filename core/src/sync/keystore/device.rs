//! The secrets of a device on a disk: files, sealed with a key out of the system's keychain where there is one. What was
//! chosen once stays, until a person moves everything from one kind to the other.
//!
//! The keychain has one key, the *lock*, and is asked for it once, when the first secret is needed. Every call looks
//! anew at how secrets are kept, and a move waits until nobody else is at it: another program may be running.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use zeroize::Zeroizing;

use super::marker::{self, KeptIn, Marker};
use super::sealed::{self, MAX_SEALED};
use super::{KeyStore, MAX_SECRET, PART, check_name, check_size, failed, make_private, read, remove, write};
use crate::error::{Error, Result};
use crate::sync::identity::HandedOut;
use crate::sync::keys::Secret;
use crate::sync::{LogId, hex};

/// How each failure begins in which the keychain has a part: what to do about it is not what helps a full disk.
pub const KEYCHAIN: &str = "the keychain of this system";
/// How the name of a sealed file ends; no secret can have such a name.
const SEALED: &str = ".sealed";

/// In what the secrets of a device are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// In files that only their owner may read.
    Files,
    /// In files that are sealed with a key out of the system's keychain.
    Keychain,
}

/// Where a system keeps a person's passwords: for one key of 32 bytes.
pub trait Keychain: Send + Sync {
    /// The key of this name, if there is one.
    ///
    /// # Errors
    /// [`Error::Storage`], in words that begin with [`KEYCHAIN`], when it is locked, not there, or refuses: that is not
    /// the same as an empty one.
    fn get(&self, name: &str) -> Result<Option<Secret>>;

    /// Keeps a key under this name.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    fn put(&self, name: &str, key: &Secret) -> Result<()>;
}

/// Hears why there is no keychain to keep new secrets with.
pub type Tell = Box<dyn Fn(&Error) + Send + Sync>;

/// The secrets of a device, in one folder. A clone is the same store.
#[derive(Clone)]
pub struct DeviceKeyStore(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    handed_out: HandedOut,
    keychain: Box<dyn Keychain>,
    at_first: Kept,
    tell: Tell,
    /// The name under which the keychain was asked, and what it answered: a person who refuses is not asked again.
    lock: Mutex<Option<(String, Answer)>>,
}

/// A key, or why there is none.
type Answer = std::result::Result<Secret, String>;

/// How secrets are kept, as long as nobody else moves them.
struct Hold {
    kept_in: Option<KeptIn>,
    /// None on a disk that knows no locks.
    _locked: Option<File>,
}

/// Comes before each thing that is done for good while secrets move; a test breaks off there.
type Step<'a> = &'a mut dyn FnMut() -> Result<()>;

impl DeviceKeyStore {
    /// In this folder, which need not be there yet. `at_first` says how secrets are kept when there are none yet: with
    /// [`Kept::Keychain`] as [`Kept::Files`] all the same if the keychain does not keep a key, and then `tell` hears why.
    pub fn at(
        folder: impl Into<PathBuf>,
        handed_out: HandedOut,
        keychain: Box<dyn Keychain>,
        at_first: Kept,
        tell: Tell,
    ) -> Self {
        let lock = Mutex::new(None);
        Self(Arc::new(Inner { folder: folder.into(), handed_out, keychain, at_first, tell, lock }))
    }

    /// In what the secrets are kept; none when there are none yet. The keychain is not asked.
    ///
    /// # Errors
    /// [`Error::Storage`] when it cannot be read now; [`Error::NeedsUpdate`] when a newer version chose.
    pub fn kept(&self) -> Result<Option<Kept>> {
        Ok(self.0.hold(false)?.kept_in.as_ref().map(kind))
    }

    /// Moves all secrets: how many. Broken off at any point, they are where they were or where they go, all of them.
    ///
    /// # Errors
    /// [`Error::Storage`] when a disk or the keychain refuses; then they are where they were, or already where they go.
    pub fn move_to(&self, to: Kept) -> Result<usize> {
        make_private(&self.0.folder).map_err(|error| failed(&self.0.folder, &error))?;
        let hold = self.0.hold(true)?;
        self.0.settle()?;
        self.0.clear_parts()?;
        let moved = self.0.carry(hold.kept_in.as_ref(), to, &mut || Ok(()));
        if moved.is_err() {
            // What could not be finished is taken back now, if that can be done; else by the next call.
            let _ = self.0.settle();
        }
        moved
    }
}

impl KeyStore for DeviceKeyStore {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        check_name(name)?;
        match self.0.hold(false)?.kept_in {
            Some(kept_in) => self.0.get(&kept_in, name),
            None => Ok(None),
        }
    }

    fn put(&self, name: &str, secret: &[u8]) -> Result<()> {
        check_name(name)?;
        check_size(secret)?;
        make_private(&self.0.folder).map_err(|error| failed(&self.0.folder, &error))?;
        let mut hold = self.0.hold(false)?;
        if hold.kept_in.is_none() {
            drop(hold);
            hold = self.0.hold(true)?;
        }
        let kept_in = match hold.kept_in.take() {
            Some(kept_in) => kept_in,
            None => self.0.choose()?,
        };
        self.0.put(&kept_in, name, secret)
    }

    fn remove(&self, name: &str) -> Result<()> {
        check_name(name)?;
        match &self.0.hold(false)?.kept_in {
            Some(kept_in) => remove(&self.0.place(kind(kept_in), name)),
            None => Ok(()),
        }
    }

    fn wait_for_others(&self) -> Option<File> {
        super::lock_changes(&self.0.folder)
    }

    fn highest(&self, log: LogId) -> Result<Option<u64>> {
        self.0.handed_out.highest(log)
    }

    fn raise(&self, log: LogId, seq: u64) -> Result<()> {
        self.0.handed_out.raise(log, seq)
    }
}

impl Inner {
    /// Waits until nobody moves secrets, or with `alone` until nobody uses them, and looks how they are kept. A move that
    /// was broken off is cleared away first.
    fn hold(&self, alone: bool) -> Result<Hold> {
        let locked = lock(&self.folder, alone);
        let marker = Marker::read(&self.folder)?;
        let is_moving = marker.as_ref().is_some_and(|marker| marker.moving);
        if is_moving && !alone {
            drop(locked);
            return self.hold(true);
        }
        // Where the disk knows no locks the move may still be under way, and what it copied is left to it.
        if is_moving && locked.is_some() {
            self.settle()?;
        }
        let kept_in = match marker {
            Some(marker) => Some(marker.kept_in),
            None => self.kept_before()?,
        };
        Ok(Hold { kept_in, _locked: locked })
    }

    /// Before there was a marker, there were files only.
    fn kept_before(&self) -> Result<Option<KeptIn>> {
        if !self.names(Kept::Keychain)?.is_empty() {
            let place = self.folder.join(marker::NAME);
            return Err(Error::Storage(format!(
                "{} is gone; it says which key opens the keys beside it",
                place.display()
            )));
        }
        Ok((!self.names(Kept::Files)?.is_empty()).then_some(KeptIn::Files))
    }

    fn get(&self, kept_in: &KeptIn, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let place = self.place(kind(kept_in), name);
        let KeptIn::Keychain { lock } = kept_in else { return read(&place, MAX_SECRET) };
        let Some(file) = read(&place, MAX_SEALED)? else { return Ok(None) };
        match sealed::open(&self.lock(lock)?, name, &file) {
            Some(secret) => Ok(Some(secret)),
            None => Err(Error::Storage(format!(
                "{KEYCHAIN} has another key than the one that sealed {}, or that file is damaged",
                place.display()
            ))),
        }
    }

    fn put(&self, kept_in: &KeptIn, name: &str, secret: &[u8]) -> Result<()> {
        let place = self.place(kind(kept_in), name);
        match kept_in {
            KeptIn::Files => write(&place, secret),
            KeptIn::Keychain { lock } => write(&place, &sealed::seal(&self.lock(lock)?, name, secret)?),
        }
    }

    /// The key that seals, asked for once.
    fn lock(&self, name: &str) -> Result<Secret> {
        let mut known = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_none_or(|(known, _)| known != name) {
            *known = Some((name.to_owned(), self.ask(name)?));
        }
        match known.as_ref() {
            Some((_, Ok(lock))) => Ok(lock.clone()),
            Some((_, Err(why))) => Err(Error::Storage(why.clone())),
            None => Err(Error::Storage(format!("{KEYCHAIN} was not asked"))),
        }
    }

    fn ask(&self, name: &str) -> Result<Answer> {
        match self.keychain.get(name) {
            Ok(Some(lock)) => Ok(Ok(lock)),
            Ok(None) => Ok(Err(format!("{KEYCHAIN} has no key that opens {}", self.folder.display()))),
            Err(Error::Storage(why)) => Ok(Err(why)),
            Err(error) => Err(error),
        }
    }

    /// Decides how secrets are kept, for good, when the first one comes.
    fn choose(&self) -> Result<KeptIn> {
        let kept_in = match self.at_first {
            Kept::Files => KeptIn::Files,
            Kept::Keychain => self.new_lock().unwrap_or_else(|why| {
                (self.tell)(&why);
                KeptIn::Files
            }),
        };
        Marker::new(kept_in.clone(), false).write(&self.folder)?;
        Ok(kept_in)
    }

    /// Draws a key and leaves it to the keychain, which has to give it back as it was.
    fn new_lock(&self) -> Result<KeptIn> {
        let (mut name, mut drawn) = ([0; 16], Zeroizing::new([0; 32]));
        sealed::draw(&mut name)?;
        sealed::draw(&mut *drawn)?;
        let (name, drawn) = (hex(&name), Secret::new(*drawn));
        self.keychain.put(&name, &drawn)?;
        if self.lock(&name)? != drawn {
            return Err(Error::Storage(format!("{KEYCHAIN} gives back something else than it was given")));
        }
        Ok(KeptIn::Keychain { lock: name })
    }

    /// Copies everything, says where it is now, and takes the old away, in this order.
    fn carry(&self, from: Option<&KeptIn>, to: Kept, step: Step<'_>) -> Result<usize> {
        let from = from.unwrap_or(&KeptIn::Files);
        if kind(from) == to {
            Marker::new(from.clone(), false).write(&self.folder)?;
            return Ok(0);
        }
        step()?;
        let target = match to {
            Kept::Files => KeptIn::Files,
            Kept::Keychain => self.new_lock()?,
        };
        step()?;
        Marker::new(from.clone(), true).write(&self.folder)?;
        let names = self.names(kind(from))?;
        for name in &names {
            step()?;
            self.copy(from, &target, name)?;
        }
        step()?;
        Marker::new(target.clone(), true).write(&self.folder)?;
        self.clear(kind(from), step)?;
        step()?;
        Marker::new(target, false).write(&self.folder)?;
        // The keychain keeps its key: a copy of this folder may need it.
        Ok(names.len())
    }

    /// Copies a secret, and looks whether the copy is one.
    fn copy(&self, from: &KeptIn, to: &KeptIn, name: &str) -> Result<()> {
        let place = self.place(kind(from), name);
        let gone = || Error::Storage(format!("{} went away", place.display()));
        let secret = self.get(from, name)?.ok_or_else(gone)?;
        self.put(to, name, &secret)?;
        match self.get(to, name)? {
            Some(copy) if copy == secret => Ok(()),
            _ => Err(Error::Storage(format!("a copy of {} is not what it should be", place.display()))),
        }
    }

    /// Clears away what a move that was broken off has left.
    fn settle(&self) -> Result<()> {
        let Some(Marker { kept_in, moving: true, .. }) = Marker::read(&self.folder)? else { return Ok(()) };
        self.clear(other(kind(&kept_in)), &mut || Ok(()))?;
        Marker::new(kept_in, false).write(&self.folder)
    }

    /// Takes away every secret of this kind, also a half-written one.
    fn clear(&self, kind: Kept, step: Step<'_>) -> Result<()> {
        for name in self.names(kind)? {
            step()?;
            remove(&self.place(kind, &name))?;
        }
        self.clear_parts()
    }

    /// Takes away what a killed program had not finished writing.
    fn clear_parts(&self) -> Result<()> {
        for part in self.files()?.iter().filter(|file| file.starts_with(PART) || file.starts_with(PART_BEFORE)) {
            remove(&self.folder.join(part))?;
        }
        Ok(())
    }

    fn place(&self, kind: Kept, name: &str) -> PathBuf {
        match kind {
            Kept::Files => self.folder.join(name),
            Kept::Keychain => self.folder.join(format!("{name}{SEALED}")),
        }
    }

    /// The names of all secrets that are kept so.
    fn names(&self, kind: Kept) -> Result<Vec<String>> {
        let named = |file: String| match kind {
            Kept::Files => Some(file),
            Kept::Keychain => file.strip_suffix(SEALED).map(ToOwned::to_owned),
        };
        Ok(self.files()?.into_iter().filter_map(named).filter(|name| check_name(name).is_ok()).collect())
    }

    fn files(&self) -> Result<Vec<String>> {
        let failed = |error: std::io::Error| failed(&self.folder, &error);
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut files = Vec::new();
        for entry in entries {
            files.extend(entry.map_err(failed)?.file_name().into_string());
        }
        files.sort();
        Ok(files)
    }
}

/// How a file was called that was not whole yet, before there was a marker.
const PART_BEFORE: &str = ".tmp";

fn kind(kept_in: &KeptIn) -> Kept {
    match kept_in {
        KeptIn::Files => Kept::Files,
        KeptIn::Keychain { .. } => Kept::Keychain,
    }
}

fn other(kind: Kept) -> Kept {
    match kind {
        Kept::Files => Kept::Keychain,
        Kept::Keychain => Kept::Files,
    }
}

/// Locks the folder against a move, or against everybody else; none when it is not there, or the disk knows no locks.
fn lock(folder: &Path, alone: bool) -> Option<File> {
    let file = to_lock(folder).ok()?;
    let lock = if alone { File::lock } else { File::lock_shared };
    super::wait_for(&file, lock).then_some(file)
}

/// The folder itself can be locked, also where it can only be read.
#[cfg(unix)]
fn to_lock(folder: &Path) -> std::io::Result<File> {
    File::open(folder)
}

#[cfg(not(unix))]
fn to_lock(folder: &Path) -> std::io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(folder.join("in-use.lock"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::sync::keystore::FileKeyStore;

    /// A keychain without a system.
    #[derive(Clone, Default)]
    struct Pretend(Arc<Chain>);

    #[derive(Default)]
    struct Chain {
        keys: Mutex<BTreeMap<String, Secret>>,
        is_locked: Mutex<bool>,
        asked: AtomicUsize,
        told: AtomicUsize,
    }

    impl Pretend {
        fn turn(&self, is_locked: bool) {
            *self.0.is_locked.lock().unwrap() = is_locked;
        }

        fn keys(&self) -> Result<std::sync::MutexGuard<'_, BTreeMap<String, Secret>>> {
            self.0.asked.fetch_add(1, Ordering::Relaxed);
            match *self.0.is_locked.lock().unwrap() {
                true => Err(Error::Storage(format!("{KEYCHAIN} is locked"))),
                false => Ok(self.0.keys.lock().unwrap()),
            }
        }

        fn asked(&self) -> usize {
            self.0.asked.swap(0, Ordering::Relaxed)
        }

        /// A store as a program that was just started has it.
        fn store(&self, folder: &Path, at_first: Kept) -> DeviceKeyStore {
            let chain = self.clone();
            let tell = move |_: &Error| {
                chain.0.told.fetch_add(1, Ordering::Relaxed);
            };
            let handed_out = HandedOut::at(folder.join("handed-out.json"));
            DeviceKeyStore::at(folder.join("keys"), handed_out, Box::new(self.clone()), at_first, Box::new(tell))
        }
    }

    impl Keychain for Pretend {
        fn get(&self, name: &str) -> Result<Option<Secret>> {
            Ok(self.keys()?.get(name).cloned())
        }

        fn put(&self, name: &str, key: &Secret) -> Result<()> {
            self.keys()?.insert(name.into(), key.clone());
            Ok(())
        }
    }

    fn files(folder: &Path) -> Vec<String> {
        let Ok(entries) = fs::read_dir(folder.join("keys")) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Whether these bytes stand in any file of the folder.
    fn lies_open(folder: &Path, secret: &[u8]) -> bool {
        let has = |name: &String| {
            fs::read(folder.join("keys").join(name)).unwrap().windows(secret.len()).any(|part| part == secret)
        };
        files(folder).iter().any(has)
    }

    const SEED: [u8; 32] = *b"a seed of thirty-two known bytes";
    const RING: &[u8] = b"a ring with more than one key in it";

    fn with_two_secrets(chain: &Pretend, folder: &Path, kept: Kept) -> DeviceKeyStore {
        let store = chain.store(folder, kept);
        store.put("seed", &SEED).unwrap();
        store.put("ring", RING).unwrap();
        assert_eq!(store.kept().unwrap(), Some(kept));
        store
    }

    fn assert_has_both(store: &DeviceKeyStore, when: &str) {
        assert_eq!(*store.get("seed").unwrap().expect(when), SEED, "{when}");
        assert_eq!(*store.get("ring").unwrap().expect(when), RING, "{when}");
        assert!(store.get("other").unwrap().is_none(), "{when}");
    }

    #[test]
    fn secrets_are_sealed_and_the_keychain_is_asked_once_and_only_for_a_secret() {
        let (folder, chain) = (tempfile::tempdir().unwrap(), Pretend::default());
        let folder = folder.path();
        let store = chain.store(folder, Kept::Keychain);
        assert!(store.get("seed").unwrap().is_none() && store.kept().unwrap().is_none());
        store.remove("seed").unwrap();
        store.raise([1; 16], 7).unwrap();
        assert_eq!((chain.asked(), files(folder)), (0, vec![]));
        with_two_secrets(&chain, folder, Kept::Keychain);
        assert!(!lies_open(folder, &SEED) && !lies_open(folder, RING));
        assert_eq!(files(folder), ["kept-in.json", "ring.sealed", "seed.sealed"]);
        chain.asked();
        let again = chain.store(folder, Kept::Files);
        assert_eq!((again.kept().unwrap(), again.highest([1; 16]).unwrap()), (Some(Kept::Keychain), Some(7)));
        assert!(again.get("other").unwrap().is_none());
        assert_eq!(chain.asked(), 0, "what needs no secret asks for none");
        assert_has_both(&again, "after a restart");
        again.put("seed", &[2; 32]).unwrap();
        assert_has_both(&with_two_secrets(&chain, folder, Kept::Keychain), "written anew");
        again.remove("seed").unwrap();
        assert!(again.get("seed").unwrap().is_none());
        assert_eq!(chain.asked(), 2, "once for each of two runs");
        assert_eq!(chain.0.told.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_keychain_that_is_locked_or_empty_is_an_error_and_changes_nothing() {
        let (folder, chain) = (tempfile::tempdir().unwrap(), Pretend::default());
        let folder = folder.path();
        with_two_secrets(&chain, folder, Kept::Keychain);
        let before = files(folder);
        let refuses = |store: &DeviceKeyStore, why: &str| {
            for refused in [store.get("seed").err(), store.put("new", &[1]).err(), store.move_to(Kept::Files).err()] {
                let Some(Error::Storage(words)) = refused else { unreachable!("{refused:?}") };
                assert!(words.starts_with(KEYCHAIN) && words.contains(why), "{words}");
            }
            assert_eq!(files(folder), before);
        };
        chain.turn(true);
        chain.asked();
        let store = chain.store(folder, Kept::Keychain);
        refuses(&store, "is locked");
        assert_eq!(chain.asked(), 1, "who refused is not asked again");
        chain.turn(false);
        assert_has_both(&chain.store(folder, Kept::Keychain), "unlocked");
        let kept = std::mem::take(&mut *chain.0.keys.lock().unwrap());
        refuses(&chain.store(folder, Kept::Keychain), "has no key");
        let other = kept.keys().map(|name| (name.clone(), Secret::new([9; 32]))).collect();
        *chain.0.keys.lock().unwrap() = other;
        let words = chain.store(folder, Kept::Keychain).get("seed").unwrap_err().to_string();
        assert!(words.contains("another key"), "{words}");
        *chain.0.keys.lock().unwrap() = kept;
        assert_has_both(&chain.store(folder, Kept::Keychain), "the right one again");
    }

    #[test]
    fn files_that_changed_their_names_or_any_byte_are_an_error() {
        let (folder, chain) = (tempfile::tempdir().unwrap(), Pretend::default());
        let store = with_two_secrets(&chain, folder.path(), Kept::Keychain);
        let place = |name: &str| folder.path().join("keys").join(name);
        let (seed, ring) = (fs::read(place("seed.sealed")).unwrap(), fs::read(place("ring.sealed")).unwrap());
        fs::write(place("seed.sealed"), &ring).unwrap();
        fs::write(place("ring.sealed"), &seed).unwrap();
        assert!(matches!(store.get("seed"), Err(Error::Storage(_))));
        assert!(matches!(store.get("ring"), Err(Error::Storage(_))));
        for at in 0..seed.len() {
            let mut flipped = seed.clone();
            flipped[at] ^= 1;
            fs::write(place("seed.sealed"), &flipped).unwrap();
            assert!(matches!(store.get("seed"), Err(Error::Storage(_))), "byte {at}");
        }
        fs::remove_file(place("kept-in.json")).unwrap();
        assert!(matches!(store.get("seed"), Err(Error::Storage(_))), "sealed, and nobody knows with what");
        assert!(matches!(store.put("seed", &SEED), Err(Error::Storage(_))));
    }

    #[test]
    fn without_a_keychain_secrets_are_in_files_and_it_is_told_once() {
        let (folder, chain) = (tempfile::tempdir().unwrap(), Pretend::default());
        chain.turn(true);
        let store = chain.store(folder.path(), Kept::Keychain);
        store.put("seed", &SEED).unwrap();
        store.put("ring", RING).unwrap();
        assert_eq!(chain.0.told.load(Ordering::Relaxed), 1);
        assert_eq!(files(folder.path()), ["kept-in.json", "ring", "seed"]);
        chain.turn(false);
        chain.asked();
        let again = chain.store(folder.path(), Kept::Keychain);
        assert_has_both(&again, "chosen once");
        again.put("seed", &SEED).unwrap();
        assert_eq!((chain.asked(), again.kept().unwrap()), (0, Some(Kept::Files)));
    }

    #[test]
    fn files_kept_before_there_was_a_choice_go_on_as_they_are() {
        let (folder, chain) = (tempfile::tempdir().unwrap(), Pretend::default());
        let before = FileKeyStore::at(folder.path().join("keys"), HandedOut::at(folder.path().join("handed-out.json")));
        before.put("seed", &SEED).unwrap();
        let store = chain.store(folder.path(), Kept::Keychain);
        assert_eq!(*store.get("seed").unwrap().unwrap(), SEED);
        assert_eq!(store.kept().unwrap(), Some(Kept::Files));
        store.put("ring", RING).unwrap();
        assert_eq!((files(folder.path()), chain.asked()), (vec!["ring".to_string(), "seed".into()], 0));
        assert_eq!(store.move_to(Kept::Keychain).unwrap(), 2);
        assert_has_both(&chain.store(folder.path(), Kept::Files), "moved");
        assert!(!lies_open(folder.path(), &SEED) && !lies_open(folder.path(), RING));
    }

    #[test]
    fn a_move_takes_everything_along_and_leaves_nothing_behind() {
        let (folder, chain) = (tempfile::tempdir().unwrap(), Pretend::default());
        let store = with_two_secrets(&chain, folder.path(), Kept::Files);
        let watching = chain.store(folder.path(), Kept::Files);
        fs::write(folder.path().join("keys/.tmpold"), SEED).unwrap();
        for _ in 0..2 {
            assert_eq!(store.move_to(Kept::Keychain).unwrap(), 2);
            assert_eq!(files(folder.path()), ["kept-in.json", "ring.sealed", "seed.sealed"]);
            assert_has_both(&watching, "another program, running since before");
            assert_eq!(store.move_to(Kept::Keychain).unwrap(), 0, "they are there already");
            assert_eq!(store.move_to(Kept::Files).unwrap(), 2);
            assert_eq!(files(folder.path()), ["kept-in.json", "ring", "seed"]);
            assert_has_both(&watching, "and back");
        }
    }

    #[test]
    fn a_copy_of_the_folder_still_opens_after_the_original_moved_to_files() {
        let (folder, copy, chain) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), Pretend::default());
        let store = with_two_secrets(&chain, folder.path(), Kept::Keychain);
        fs::create_dir(copy.path().join("keys")).unwrap();
        for name in files(folder.path()) {
            fs::copy(folder.path().join("keys").join(&name), copy.path().join("keys").join(&name)).unwrap();
        }
        store.move_to(Kept::Files).unwrap();
        assert_has_both(&chain.store(copy.path(), Kept::Files), "the copy");
    }

    #[test]
    fn a_move_that_breaks_off_anywhere_leaves_all_secrets_where_they_were_or_where_they_go() {
        for (from, to) in [(Kept::Files, Kept::Keychain), (Kept::Keychain, Kept::Files)] {
            for steps in 0_usize.. {
                let (folder, chain) = (tempfile::tempdir().unwrap(), Pretend::default());
                let store = with_two_secrets(&chain, folder.path(), from);
                // Killed at this step: nothing is tidied up behind it.
                let mut left = steps;
                let hold = store.0.hold(true).unwrap();
                let broken = store.0.carry(hold.kept_in.as_ref(), to, &mut || {
                    left = left.checked_sub(1).ok_or_else(|| Error::Storage("killed".into()))?;
                    Ok(())
                });
                drop(hold);
                let after = chain.store(folder.path(), from);
                assert_has_both(&after, &format!("{from:?} to {to:?}, killed at step {steps}"));
                let kept = after.kept().unwrap().unwrap();
                let ending = if kept == Kept::Files { "" } else { SEALED };
                let wanted = ["kept-in.json".to_string(), format!("ring{ending}"), format!("seed{ending}")];
                assert_eq!(files(folder.path()), wanted, "step {steps}");
                assert_eq!(lies_open(folder.path(), &SEED), kept == Kept::Files, "step {steps}");
                after.move_to(to).unwrap();
                assert_has_both(&chain.store(folder.path(), from), "moved after all");
                if broken.is_ok() {
                    assert!((8..20).contains(&steps), "{steps}");
                    break;
                }
            }
        }
    }

    #[test]
    fn a_keychain_that_forgets_what_it_was_given_is_not_trusted_with_anything() {
        struct Forgets;
        impl Keychain for Forgets {
            fn get(&self, _: &str) -> Result<Option<Secret>> {
                Ok(None)
            }
            fn put(&self, _: &str, _: &Secret) -> Result<()> {
                Ok(())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let handed_out = HandedOut::at(folder.path().join("handed-out.json"));
        let place = folder.path().join("keys");
        let store = DeviceKeyStore::at(place, handed_out, Box::new(Forgets), Kept::Keychain, Box::new(|_| ()));
        store.put("seed", &SEED).unwrap();
        assert_eq!(store.kept().unwrap(), Some(Kept::Files));
        assert!(store.move_to(Kept::Keychain).is_err());
        assert_eq!(*store.get("seed").unwrap().unwrap(), SEED);
    }

    #[test]
    fn many_threads_that_write_the_first_secret_at_once_agree_on_where_it_is() {
        let (folder, chain) = (tempfile::tempdir().unwrap(), Pretend::default());
        std::thread::scope(|scope| {
            for number in 0..8_u8 {
                let store = chain.store(folder.path(), Kept::Keychain);
                scope.spawn(move || {
                    store.put(&format!("seed-{number}"), &[number; 32]).unwrap();
                    if number == 3 {
                        store.move_to(Kept::Files).unwrap();
                    }
                });
            }
        });
        let store = chain.store(folder.path(), Kept::Keychain);
        for number in 0..8_u8 {
            assert_eq!(*store.get(&format!("seed-{number}")).unwrap().unwrap(), [number; 32], "{number}");
        }
    }
}
