//! What a device remembers of its own removal: that it was told so by another one, or read the signed word of it in its
//! own list of devices. It is kept in the notebook, so that it can be said without a key; what is written here stays.

use super::direct::Peer;
use crate::error::Result;
use crate::notebook::{Notebook, lock};
use crate::store;
use crate::sync::hex;
use crate::sync::keys::DeviceId;
use crate::sync::keystore::KeyStore;

/// As which value of the notebook: `told`, the id of the device that said so, or `read`; then a blank and its name.
const REMOVAL: &str = "removal";
const READ: &str = "read";

/// That this device was removed from its notebook, as far as it knows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Removal {
    /// The device that removed it, or that says so; empty for the recovery key.
    pub by: String,
    /// Whether the signed word of it was read; else a device that was called said so, and nobody else is known to.
    pub is_certain: bool,
}

impl Notebook {
    /// Whether this device was removed, as far as it knows. No key is asked for.
    ///
    /// # Errors
    /// As any question.
    pub fn removal(&self) -> Result<Option<Removal>> {
        Ok(self.kept_removal()?.map(|(who, by)| Removal { by, is_certain: who == READ }))
    }

    /// The other devices of the notebook but for one that says that this one was removed: it is not called again unless
    /// somebody asks for it.
    ///
    /// # Errors
    /// As [`Notebook::peers`].
    pub fn peers_to_call(&self, keys: &dyn KeyStore) -> Result<Vec<Peer>> {
        let told = self.kept_removal()?.map(|(who, _)| who).unwrap_or_default();
        Ok(self.peers(keys)?.into_iter().filter(|peer| hex(&peer.device.0) != told).collect())
    }

    /// Its own removal stands in the list of devices.
    pub(super) fn removal_was_read(&self, by: &str) -> Result<()> {
        self.keep_removal(Some(format!("{READ} {by}")))
    }

    /// Another device closed the door with that word.
    pub(super) fn removal_was_told(&self, by: &Peer) -> Result<()> {
        match self.kept_removal()? {
            Some((who, _)) if who == READ => Ok(()),
            _ => self.keep_removal(Some(format!("{} {}", hex(&by.device.0), by.name))),
        }
    }

    /// That device speaks with this one after all.
    pub(super) fn removal_was_not_so(&self, by: &DeviceId) -> Result<()> {
        let is_theirs = self.kept_removal()?.is_some_and(|(who, _)| who == hex(&by.0));
        if is_theirs { self.keep_removal(None) } else { Ok(()) }
    }

    fn kept_removal(&self) -> Result<Option<(String, String)>> {
        let kept: Option<String> = self.read(|connection| store::meta(connection, REMOVAL))?;
        Ok(kept.and_then(|kept| kept.split_once(' ').map(|(who, by)| (who.to_owned(), by.to_owned()))))
    }

    /// None when this device was let in anew.
    pub(in crate::notebook) fn keep_removal(&self, removal: Option<String>) -> Result<()> {
        let kept: Option<String> = self.read(|connection| store::meta(connection, REMOVAL))?;
        if kept == removal { Ok(()) } else { store::set_meta(&lock(&self.writer).connection, REMOVAL, removal) }
    }
}
