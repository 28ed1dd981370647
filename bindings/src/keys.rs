//! Where a device keeps its secrets.

use std::path::PathBuf;
use std::sync::Arc;

use kith_core::sync::identity::HandedOut;
use kith_core::sync::keystore::{FileKeyStore, KeyStore, ShellKeyStore};

use crate::notebook::guarded;
use crate::shell::Through;
use crate::{PhoneKeyStore, Result};

/// The name of the file that remembers how far logs were handed out.
const HANDED_OUT: &str = "handed-out.json";

/// The secrets of this device: its keys, the passwords of its mailboxes.
#[derive(uniffi::Object)]
pub struct KeyRing(Box<dyn KeyStore + Send + Sync>);

#[uniffi::export]
impl KeyRing {
    /// Secrets in a folder, a file each, that only their owner may read: for tests, and for systems that offer nothing
    /// better. The folder must lie outside of every backup.
    ///
    /// # Errors
    /// None is known; what cannot be read or written is told by who needs it.
    #[uniffi::constructor]
    pub fn in_folder(folder: PathBuf) -> Result<Arc<Self>> {
        guarded(|| {
            let handed_out = HandedOut::at(folder.join(HANDED_OUT));
            Ok(Arc::new(Self(Box::new(FileKeyStore::at(folder.join("keys"), handed_out)))))
        })
    }

    /// Secrets that the phone keeps. The folder holds one file beside them, without a secret, that says how far this
    /// device has come; it must lie outside of every backup, like the secrets themselves.
    ///
    /// # Errors
    /// None is known; what the phone refuses is told by who needs it, as [`crate::KithError::Storage`].
    #[uniffi::constructor]
    pub fn of_phone(store: Arc<dyn PhoneKeyStore>, folder: PathBuf) -> Result<Arc<Self>> {
        guarded(|| {
            let handed_out = HandedOut::at(folder.join(HANDED_OUT));
            Ok(Arc::new(Self(Box::new(ShellKeyStore::new(Through(store), handed_out)))))
        })
    }
}

impl KeyRing {
    pub(crate) fn keys(&self) -> &dyn KeyStore {
        &*self.0
    }
}
