//! Where a device keeps what must not travel with its notebook: its seeds, the roots of its epochs, and how far each log
//! was handed out. A backup or a copy of the notebook has none of it, and so knows that it is a copy.
//!
//! A program on a disk takes [`DeviceKeyStore`], which seals each secret with a key out of the system's keychain where there
//! is one, else leaves them as [`FileKeyStore`] does. A phone has a key store of its own.

mod device;
mod marker;
mod sealed;
mod trial;

use std::fs;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::LogId;
use super::carrier::ShellFailure;
use super::identity::HandedOut;
use crate::error::{Error, Result};
use crate::files;

pub use device::{DeviceKeyStore, KEYCHAIN, Kept, Keychain, Tell};
pub use trial::Trial;

/// Largest secret that is kept: the ring of keys, of which each entry in the list of devices may open one.
pub const MAX_SECRET: usize = 1024 * 1024;
const MAX_NAME: usize = 64;

/// A place for small secrets, outside every backup.
pub trait KeyStore {
    /// The secret of this name, if there is one.
    ///
    /// # Errors
    /// [`Error::Storage`] when the store cannot be read now, which is not the same as an empty one.
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>>;

    /// Keeps a secret under this name, instead of the one before. Durable on return.
    ///
    /// # Errors
    /// [`Error::Storage`] when it cannot be kept; [`Error::Invalid`] for a name or a size no secret has.
    fn put(&self, name: &str, secret: &[u8]) -> Result<()>;

    /// Forgets the secret of this name, if there is one.
    ///
    /// # Errors
    /// [`Error::Storage`] when it cannot be forgotten.
    fn remove(&self, name: &str) -> Result<()>;

    /// Waits until no other program is between reading a secret and keeping it changed, and keeps others waiting until what
    /// it answers is dropped. None where only one program uses the store, or the disk knows no locks.
    fn wait_for_others(&self) -> Option<fs::File> {
        None
    }

    /// The highest number ever handed out for a log; none when this device never wrote it. As [`raise`](Self::raise) it is
    /// asked while the notebook is locked, so that no other program seals at the same time: no phone is asked for it.
    ///
    /// # Errors
    /// [`Error::Storage`] when the store cannot be read now.
    fn highest(&self, log: LogId) -> Result<Option<u64>>;

    /// Remembers that this number is about to be handed out. Durable on return; a lower number changes nothing.
    ///
    /// # Errors
    /// [`Error::Storage`] when it cannot be kept; then nothing may be handed out.
    fn raise(&self, log: LogId, seq: u64) -> Result<()>;
}

/// Whether a secret may have this name: small letters, digits and dashes, so that it can be a file's name anywhere.
///
/// # Errors
/// [`Error::Invalid`] when not.
pub fn check_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain) {
        Ok(())
    } else {
        Err(Error::Invalid(format!("a secret cannot be called {name:?}")))
    }
}

/// One file a secret, mode 0600, in a folder of mode 0700. Whoever can read the person's files can read it: it is for
/// systems that offer nothing better, and for tests.
pub struct FileKeyStore {
    folder: PathBuf,
    handed_out: HandedOut,
}

impl FileKeyStore {
    /// In this folder, which need not be there yet, beside what remembers how far logs were handed out.
    pub fn at(folder: impl Into<PathBuf>, handed_out: HandedOut) -> Self {
        Self { folder: folder.into(), handed_out }
    }

    fn place(&self, name: &str) -> Result<PathBuf> {
        check_name(name).map(|()| self.folder.join(name))
    }
}

impl KeyStore for FileKeyStore {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        read(&self.place(name)?, MAX_SECRET)
    }

    fn put(&self, name: &str, secret: &[u8]) -> Result<()> {
        let place = self.place(name)?;
        check_size(secret)?;
        make_private(&self.folder).map_err(|error| failed(&place, &error))?;
        write(&place, secret)
    }

    fn remove(&self, name: &str) -> Result<()> {
        remove(&self.place(name)?)
    }

    fn wait_for_others(&self) -> Option<fs::File> {
        lock_changes(&self.folder)
    }

    fn highest(&self, log: LogId) -> Result<Option<u64>> {
        self.handed_out.highest(log)
    }

    fn raise(&self, log: LogId, seq: u64) -> Result<()> {
        self.handed_out.raise(log, seq)
    }
}

fn check_size(secret: &[u8]) -> Result<()> {
    if secret.len() > MAX_SECRET {
        return Err(Error::Invalid(format!("a secret has at most {MAX_SECRET} bytes")));
    }
    Ok(())
}

/// The file in a folder of secrets that who changes one has locked; no secret can have such a name.
const CHANGING: &str = "changing.lock";

fn lock_changes(folder: &Path) -> Option<fs::File> {
    lock_file(&folder.join(CHANGING))
}

/// Waits until nobody else has locked this file; none where the disk knows no locks.
pub(super) fn lock_file(place: &Path) -> Option<fs::File> {
    make_private(files::folder_of(place)).ok()?;
    let mut options = fs::File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(place).ok()?;
    wait_for(&file, fs::File::lock).then_some(file)
}

/// Locks a file however often a signal comes in between; says whether the disk knows locks.
fn wait_for(file: &fs::File, lock: impl Fn(&fs::File) -> std::io::Result<()>) -> bool {
    loop {
        match lock(file) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            locked => return locked.is_ok(),
        }
    }
}

/// The bytes of a file, if it is there.
fn read(place: &Path, most: usize) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let failed = |error: std::io::Error| failed(place, &error);
    let file = match fs::File::open(place) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let length = file.metadata().map_err(failed)?.len().min(most as u64) as usize;
    // With room for all of it from the start: bytes that grow leave copies behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(length + 1));
    file.take(most as u64 + 1).read_to_end(&mut secret).map_err(failed)?;
    if secret.len() > most {
        return Err(Error::Storage(format!("{} is larger than any secret", place.display())));
    }
    Ok(Some(secret))
}

/// How a file is called until it is whole; no secret can have such a name.
const PART: &str = ".part-";

/// Puts a whole file in its place, durable, instead of the one before.
fn write(place: &Path, bytes: &[u8]) -> Result<()> {
    files::replace(place, PART, bytes).map_err(|error| failed(place, &error))
}

/// Takes a file away, if it is there.
fn remove(place: &Path) -> Result<()> {
    match fs::remove_file(place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(place, &error)),
        _ => {
            files::sync_folder(files::folder_of(place));
            Ok(())
        }
    }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

fn failed(place: &Path, error: &std::io::Error) -> Error {
    Error::Storage(format!("{} ({error})", place.display()))
}

/// What a phone does to keep secrets: Android's keystore, Apple's keychain. Nothing it does is relied on: it may panic.
pub trait SecretShell: Send + Sync {
    /// The secret of this name, if there is one.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn read(&self, name: &str) -> std::result::Result<Option<Vec<u8>>, ShellFailure>;

    /// Keeps a secret under this name, instead of the one before. Durable on return.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn write(&self, name: &str, secret: &[u8]) -> std::result::Result<(), ShellFailure>;

    /// Forgets the secret of this name, if there is one.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn remove(&self, name: &str) -> std::result::Result<(), ShellFailure>;
}

/// Secrets kept by a phone, beside a file that remembers how far logs were handed out. That file belongs into a folder
/// that no backup of the phone takes along.
pub struct ShellKeyStore<S> {
    shell: S,
    handed_out: HandedOut,
}

impl<S: SecretShell> ShellKeyStore<S> {
    /// With this shell, and this file.
    pub fn new(shell: S, handed_out: HandedOut) -> Self {
        Self { shell, handed_out }
    }

    fn ask<T>(&self, call: impl FnOnce(&S) -> std::result::Result<T, ShellFailure>) -> Result<T> {
        match catch_unwind(AssertUnwindSafe(|| call(&self.shell))) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failure)) => Err(Error::Storage(format!("the key store of this device ({failure})"))),
            Err(_) => Err(Error::Storage("the key store of this device cannot be used just now".into())),
        }
    }
}

impl<S: SecretShell> KeyStore for ShellKeyStore<S> {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        check_name(name)?;
        let secret = self.ask(|shell| shell.read(name))?.map(Zeroizing::new);
        match secret {
            Some(secret) if secret.len() > MAX_SECRET => {
                Err(Error::Storage("the key store of this device holds something larger than any secret".into()))
            }
            secret => Ok(secret),
        }
    }

    fn put(&self, name: &str, secret: &[u8]) -> Result<()> {
        check_name(name)?;
        if secret.len() > MAX_SECRET {
            return Err(Error::Invalid(format!("a secret has at most {MAX_SECRET} bytes")));
        }
        self.ask(|shell| shell.write(name, secret))?;
        // What is no exception on the other side, such as an `Error` of Kotlin or an interruption of Python, comes here as if
        // all had gone well. A key that is believed to be kept and is not would be lost for good.
        let kept = self.get(name)?;
        if kept.is_some_and(|kept| *kept == secret) { Ok(()) } else { Err(not_done("keep")) }
    }

    fn remove(&self, name: &str) -> Result<()> {
        check_name(name)?;
        self.ask(|shell| shell.remove(name))?;
        if self.get(name)?.is_none() { Ok(()) } else { Err(not_done("forget")) }
    }

    fn highest(&self, log: LogId) -> Result<Option<u64>> {
        self.handed_out.highest(log)
    }

    fn raise(&self, log: LogId, seq: u64) -> Result<()> {
        self.handed_out.raise(log, seq)
    }
}

fn not_done(what: &str) -> Error {
    Error::Storage(format!("the key store of this device did not {what} a secret, and did not say why"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A phone that says that all went well, and does nothing.
    struct Idle;

    impl SecretShell for Idle {
        fn read(&self, name: &str) -> std::result::Result<Option<Vec<u8>>, ShellFailure> {
            Ok((name == "old").then(|| vec![7]))
        }
        fn write(&self, _: &str, _: &[u8]) -> std::result::Result<(), ShellFailure> {
            Ok(())
        }
        fn remove(&self, _: &str) -> std::result::Result<(), ShellFailure> {
            Ok(())
        }
    }

    #[test]
    fn a_phone_that_keeps_nothing_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = ShellKeyStore::new(Idle, HandedOut::at(folder.path().join("handed-out.json")));
        assert!(matches!(keys.put("seed", &[1; 32]), Err(Error::Storage(_))));
        assert!(matches!(keys.put("old", &[8]), Err(Error::Storage(_))), "what is there is another");
        assert!(matches!(keys.remove("old"), Err(Error::Storage(_))));
        keys.remove("seed").unwrap();
    }

    fn store(folder: &tempfile::TempDir) -> FileKeyStore {
        let state = folder.path();
        FileKeyStore::at(state.join("keys"), HandedOut::at(state.join("handed-out.json")))
    }

    #[test]
    fn a_secret_is_kept_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = store(&folder);
        assert!(keys.get("seed").unwrap().is_none());
        keys.remove("seed").unwrap();
        keys.put("seed", &[1; 32]).unwrap();
        keys.put("seed", &[2; 32]).unwrap();
        assert_eq!(*store(&folder).get("seed").unwrap().unwrap(), [2; 32]);
        keys.remove("seed").unwrap();
        assert!(keys.get("seed").unwrap().is_none());
    }

    #[test]
    fn what_was_handed_out_is_the_same_file_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let keys = store(&folder);
        keys.raise([1; 16], 7).unwrap();
        keys.raise([1; 16], 3).unwrap();
        assert_eq!(keys.highest([1; 16]).unwrap(), Some(7));
        assert_eq!(keys.highest([2; 16]).unwrap(), None);
        assert_eq!(HandedOut::at(folder.path().join("handed-out.json")).highest([1; 16]).unwrap(), Some(7));
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let keys = store(&folder);
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "A", "ä", "a.b", &"a".repeat(65)] {
            assert!(matches!(keys.put(name, &[1]), Err(Error::Invalid(_))), "{name}");
            assert!(keys.get(name).is_err() && keys.remove(name).is_err(), "{name}");
        }
        assert!(keys.put("large", &vec![0; MAX_SECRET + 1]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_on_the_machine_reads_a_secret() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        store(&folder).put("seed", &[1; 32]).unwrap();
        let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("keys"), mode("keys/seed")), (0o700, 0o600));
    }
}
