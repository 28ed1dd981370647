//! Devices on one network. The phone announces and looks, by DNS-SD; who is who, and what is said, is the core's.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kith_core::notebook::{self as core, Peer, SyncReport, Visit};
use kith_core::sync::carrier::direct::Direct;
use kith_core::sync::near::{Announcement, Beacon};
use kith_core::sync::pairing::Code;

use crate::notebook::{Notebook, guarded};
use crate::{KeyRing, Result, Run};

/// Whether a text record that was found on this network is that of the device that shows this code.
///
/// # Errors
/// [`KithError::Invalid`](crate::KithError::Invalid) when it is no code.
#[uniffi::export]
pub fn shows_code(code: String, text: HashMap<String, String>) -> Result<bool> {
    guarded(|| {
        let code = Code::parse(&code)?;
        Ok(Beacon::read(&text).is_some_and(|beacon| beacon.shows(|nonce| code.beacon(nonce))))
    })
}

/// This device's place on the network. It speaks with the devices of the notebook and nobody else.
#[derive(uniffi::Object)]
pub struct Nearby {
    notebook: Arc<Notebook>,
    keys: Arc<KeyRing>,
    direct: Direct,
}

#[uniffi::export]
impl Notebook {
    /// Takes a place on the network, at a port of UDP, or with 0 at any, and at the relay if one is set; none while the
    /// notebook has no other device.
    ///
    /// # Errors
    /// [`KithError::Storage`](crate::KithError::Storage) when the network cannot be used,
    /// [`KithError::Foreign`](crate::KithError::Foreign) when the keys of this device are gone,
    /// [`KithError::SyncFirst`](crate::KithError::SyncFirst) when it was put back from an older copy and has to sync
    /// through a mailbox first.
    pub fn go_on_the_network(self: Arc<Self>, keys: Arc<KeyRing>, port: u16) -> Result<Option<Arc<Nearby>>> {
        guarded(|| {
            let direct = self.opened()?.go_on_the_network(keys.keys(), port)?;
            Ok(direct.map(|direct| Arc::new(Nearby { notebook: self.clone(), keys: keys.clone(), direct })))
        })
    }

    /// The other devices of the notebook, to be looked for on a network; none when this one was removed.
    ///
    /// # Errors
    /// As [`Notebook::devices`].
    pub fn peers(&self, keys: Arc<KeyRing>) -> Result<Vec<Peer>> {
        self.ask(|notebook| notebook.peers(keys.keys()))
    }

    /// The same but for one that says that this device was removed: it is not called again unless somebody asks for it.
    ///
    /// # Errors
    /// As [`Notebook::devices`].
    pub fn peers_to_call(&self, keys: Arc<KeyRing>) -> Result<Vec<Peer>> {
        self.ask(|notebook| notebook.peers_to_call(keys.keys()))
    }

    /// Calls another device at an address that a person named, there and nowhere else, and brings the two notebooks together.
    /// A notebook that was put back from an older copy, which takes no place on the network, catches up so without a mailbox.
    /// The run counts segments that were read.
    ///
    /// # Errors
    /// [`KithError::SyncFirst`](crate::KithError::SyncFirst) when the other device does not know what this one knew before;
    /// else as [`Nearby::visit`].
    pub fn visit_chosen(
        &self,
        keys: Arc<KeyRing>,
        peer: Peer,
        at: Vec<SocketAddr>,
        run: Arc<Run>,
    ) -> Result<SyncReport> {
        self.ask(|notebook| notebook.visit_chosen(&peer, &at, keys.keys(), &mut |done, total| run.step(done, total)))
    }

    /// Which device of the notebook it is whose text record was found on this network; none for a stranger.
    ///
    /// # Errors
    /// As [`Notebook::devices`].
    pub fn recognise(&self, keys: Arc<KeyRing>, text: HashMap<String, String>) -> Result<Option<Peer>> {
        self.ask(|notebook| notebook.recognise(keys.keys(), &text))
    }

    /// Where a device was reached before, the latest first; at most 4 addresses.
    ///
    /// # Errors
    /// As any question.
    pub fn known_addresses(&self, keys: Arc<KeyRing>, peer: Peer) -> Result<Vec<SocketAddr>> {
        self.ask(|_| Ok(core::known_addresses(keys.keys(), &peer)))
    }
}

#[uniffi::export]
impl Nearby {
    /// The port of UDP at which it can be reached.
    ///
    /// # Errors
    /// None is known.
    pub fn port(&self) -> Result<u16> {
        guarded(|| Ok(self.direct.port()))
    }

    /// What to announce, drawn anew each time; none when this device was removed. To be announced again after an exchange
    /// that brought something: the key may have changed under which the others know this device.
    ///
    /// # Errors
    /// As [`Notebook::devices`].
    pub fn announcement(&self) -> Result<Option<Announcement>> {
        self.notebook.ask(|notebook| notebook.announcement(self.keys.keys(), self.direct.port()))
    }

    /// Calls another device where it showed itself, or without an address where it was before, then through the relay if
    /// one is set, and brings the two notebooks together. The run counts segments that were read.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when it answers nowhere within 11 seconds, or with a relay 26,
    /// [`KithError::Unreachable`](crate::KithError::Unreachable) when the relay does not answer or the line breaks,
    /// [`KithError::Foreign`](crate::KithError::Foreign) when the other device does not belong to the notebook any more,
    /// [`KithError::Removed`](crate::KithError::Removed) when this one does not.
    /// What was done until then stays done.
    pub fn visit(&self, peer: Peer, at: Vec<SocketAddr>, run: Arc<Run>) -> Result<SyncReport> {
        self.notebook.ask(|notebook| {
            notebook.visit(&self.direct, &peer, &at, self.keys.keys(), &mut |done, total| run.step(done, total))
        })
    }

    /// Waits so many milliseconds for another device to come, or until the run is cancelled, and serves it: answers with whom
    /// the notebook was brought together, or none. To be called again and again, on a thread of its own; several may.
    ///
    /// # Errors
    /// As [`Nearby::visit`]. Such an error is about one guest: go on waiting.
    pub fn serve(&self, at_most_ms: u64, run: Arc<Run>) -> Result<Option<Visit>> {
        self.notebook.ask(|notebook| {
            let (at_most, keys) = (Duration::from_millis(at_most_ms), self.keys.keys());
            notebook.serve_next(&self.direct, at_most, keys, &mut |done, total| run.step(done, total))
        })
    }

    /// Leaves the network: every line breaks, and whoever is on one is told.
    ///
    /// # Errors
    /// None is known.
    pub fn leave(&self) -> Result<()> {
        guarded(|| {
            self.direct.leave();
            Ok(())
        })
    }
}
