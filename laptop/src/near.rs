//! Finding the notebook's other devices on this network by DNS-SD: what this one shows there, and what others show. Only
//! who holds a key of the notebook knows which device it is; to everybody else it is a random name that is drawn anew at
//! every start.

use std::net::SocketAddr;
use std::time::Duration;

use kith_core::sync::near::{Announcement, Beacon, SERVICE};
use mdns_sd::{Receiver, ServiceDaemon, ServiceEvent, ServiceInfo};

use crate::failure::Failure;

/// A device that showed itself, and where.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) beacon: Beacon,
    pub(crate) at: Vec<SocketAddr>,
}

/// This device's eyes and voice on the network.
pub(crate) struct Near {
    daemon: ServiceDaemon,
    found: Receiver<ServiceEvent>,
    shown: Option<String>,
}

impl Near {
    /// Begins to look.
    pub(crate) fn look() -> Result<Self, Failure> {
        let daemon = ServiceDaemon::new().map_err(failed)?;
        let found = daemon.browse(&local(SERVICE)).map_err(failed)?;
        Ok(Self { daemon, found, shown: None })
    }

    /// Shows this device, reachable at this port, by what it shows with a fresh nonce; anew when it is shown already.
    pub(crate) fn show(&mut self, beacon: impl FnOnce(&[u8]) -> Option<[u8; 16]>, port: u16) -> Result<(), Failure> {
        let shown = Announcement::of(beacon, port, &mut |bytes| {
            getrandom::fill(bytes).expect("the system's random numbers are there once it runs");
        });
        let Some(Announcement { service, name, port, text }) = shown else { return Ok(()) };
        self.hide();
        // The name and the host are the same random bytes: nothing here is called what its owner calls it.
        let mut info = ServiceInfo::new(&local(&service), &name, &format!("{name}.local."), "", port, text)
            .map_err(failed)?
            .enable_addr_auto();
        // Nobody else has this name: there is no need to ask first.
        info.set_requires_probe(false);
        self.shown = Some(info.get_fullname().to_owned());
        self.daemon.register(info).map_err(failed)
    }

    /// The next device that shows itself, if one does in that time.
    pub(crate) fn next(&self, at_most: Duration) -> Option<Sighting> {
        match self.found.recv_timeout(at_most) {
            Ok(ServiceEvent::ServiceResolved(service)) => {
                let text = service.get_properties().clone().into_property_map_str();
                let at = service.addresses.iter().map(|address| (address.to_ip_addr(), service.port).into());
                Some(Sighting { beacon: Beacon::read(&text)?, at: at.collect() })
            }
            _ => None,
        }
    }

    fn hide(&mut self) {
        if let Some(goodbye) = self.shown.take().and_then(|name| self.daemon.unregister(&name).ok()) {
            let _ = goodbye.recv_timeout(Duration::from_millis(500));
        }
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.hide();
        if let Ok(end) = self.daemon.shutdown() {
            let _ = end.recv_timeout(Duration::from_millis(500));
        }
    }
}

/// Whether this computer is on any network but its own.
pub(crate) fn is_on_a_network() -> bool {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().any(|interface| !interface.is_loopback())
}

fn failed(error: mdns_sd::Error) -> Failure {
    Failure::Wrong(format!("this network cannot be searched for other devices ({error})"))
}

/// The type of a service on this very network.
fn local(service: &str) -> String {
    format!("{service}.local.")
}
