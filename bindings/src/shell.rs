//! What a phone does for the notebook: traits that Kotlin and Swift implement. They are plain, blocking functions, called
//! from whatever thread called the notebook; a phone that has only a suspending function waits for it there.

use std::sync::Arc;

use kith_core::sync::carrier::{self, Shell};
use kith_core::sync::keystore::SecretShell;

/// Why the phone could not do something. Here and not in the core, since what a callback throws has to be of the same
/// component as the callback: the generated Python and Kotlin know no other way.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Error)]
pub enum ShellFailure {
    /// The place itself is not there: not signed in, a permission that was taken back, a card that was taken out.
    NotThere,
    /// Anything else.
    Refused {
        /// In words for a person.
        why: String,
    },
}

impl std::fmt::Display for ShellFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        carrier::ShellFailure::from(self.clone()).fmt(f)
    }
}

impl From<ShellFailure> for carrier::ShellFailure {
    fn from(failure: ShellFailure) -> Self {
        match failure {
            ShellFailure::NotThere => Self::NotThere,
            ShellFailure::Refused { why } => Self::Refused(why),
        }
    }
}

/// A callback threw something that it does not declare.
impl From<uniffi::UnexpectedUniFFICallbackError> for ShellFailure {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Refused { why: error.reason }
    }
}

/// What a function of the phone answers.
type Told<T> = std::result::Result<T, ShellFailure>;
/// The same, as the core takes it.
type Taken<T> = std::result::Result<T, carrier::ShellFailure>;

/// Tells the time, for tests; a phone leaves it out.
#[uniffi::export(with_foreign)]
pub trait PhoneClock: Send + Sync {
    /// Now, in milliseconds since 1970.
    ///
    /// # Errors
    /// A clock that throws is passed over: the system's own is asked.
    fn unix_ms(&self) -> Told<i64>;
}

/// Keeps small secrets: Android's keystore, Apple's keychain. They must not be part of a backup of the phone: a device
/// that is put back from one would think it is another.
#[uniffi::export(with_foreign)]
pub trait PhoneKeyStore: Send + Sync {
    /// The secret of this name, at most 1 MiB, though hardly one has more than some thousand bytes; none when there is none.
    /// Names are small letters, digits, dashes.
    ///
    /// # Errors
    /// [`ShellFailure`] when the store cannot be read now, which is not the same as an empty one.
    fn read(&self, name: String) -> Told<Option<Vec<u8>>>;

    /// Keeps a secret under this name, instead of the one before. Durable on return.
    ///
    /// # Errors
    /// [`ShellFailure`] when it cannot be kept.
    fn write(&self, name: String, secret: Vec<u8>) -> Told<()>;

    /// Forgets the secret of this name, if there is one.
    ///
    /// # Errors
    /// [`ShellFailure`] when it cannot be forgotten.
    fn remove(&self, name: String) -> Told<()>;
}

/// Reaches a folder that only the phone can: a tree of Android's storage framework, iCloud Drive. Names have `/` between
/// their parts, and lie below a folder of Kith's own. Nothing it does is relied on.
#[uniffi::export(with_foreign)]
pub trait PhoneFolder: Send + Sync {
    /// Makes Kith's folder, once, when a person adds the place.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn prepare(&self) -> Told<()>;

    /// Every file, those in folders included.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn list(&self) -> Told<Vec<FolderItem>>;

    /// The bytes of a file, fetched from the cloud first if need be; none when it is not there, or not yet.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn read(&self, name: String) -> Told<Option<Vec<u8>>>;

    /// Writes a new file, and the folders above it.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn write(&self, name: String, content: Vec<u8>) -> Told<()>;

    /// Takes a file away; one that is gone is fine.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn remove(&self, name: String) -> Told<()>;
}

/// A file as a phone lists it.
#[derive(Clone, Debug, uniffi::Record)]
pub struct FolderItem {
    /// Its name below Kith's folder.
    pub name: String,
    /// Its size in bytes, as far as it is known: a hint.
    pub size: u64,
}

/// A phone's trait as the core wants it.
pub(crate) struct Through<T: ?Sized>(pub(crate) Arc<T>);

impl SecretShell for Through<dyn PhoneKeyStore> {
    fn read(&self, name: &str) -> Taken<Option<Vec<u8>>> {
        Ok(self.0.read(name.into())?)
    }
    fn write(&self, name: &str, secret: &[u8]) -> Taken<()> {
        Ok(self.0.write(name.into(), secret.into())?)
    }
    fn remove(&self, name: &str) -> Taken<()> {
        Ok(self.0.remove(name.into())?)
    }
}

impl Shell for Through<dyn PhoneFolder> {
    fn prepare(&self) -> Taken<()> {
        Ok(self.0.prepare()?)
    }
    fn list(&self) -> Taken<Vec<(String, u64)>> {
        Ok(self.0.list()?.into_iter().map(|FolderItem { name, size }| (name, size)).collect())
    }
    fn read(&self, name: &str) -> Taken<Option<Vec<u8>>> {
        Ok(self.0.read(name.into())?)
    }
    fn write(&self, name: &str, bytes: &[u8]) -> Taken<()> {
        Ok(self.0.write(name.into(), bytes.into())?)
    }
    fn remove(&self, name: &str) -> Taken<()> {
        Ok(self.0.remove(name.into())?)
    }
}
