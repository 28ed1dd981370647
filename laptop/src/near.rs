//! Finding the notebook's other devices on this network by DNS-SD: what this one shows there, and what others show. Only
//! who holds a key of the notebook knows which device it is; to everybody else it is a random name that is drawn anew at
//! every start.

use std::net::SocketAddr;
use std::time::Duration;

use kith_core::sync::hex;
use kith_core::sync::member::Member;
use mdns_sd::{Receiver, ServiceDaemon, ServiceEvent, ServiceInfo};

use crate::failure::Failure;

const SERVICE: &str = "_kith._udp.local.";
const NONCE: usize = 16;

/// Something that shows itself as a device of some notebook.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    nonce: Vec<u8>,
    beacon: [u8; 16],
    /// Where it says it can be reached.
    pub(crate) at: Vec<SocketAddr>,
}

impl Sighting {
    /// Which device of the notebook it is, if any.
    pub(crate) fn of(&self, member: &Member) -> Option<kith_core::sync::keys::DeviceId> {
        member.recognise(&self.nonce, &self.beacon)
    }

    /// Whether it shows what somebody would show with this nonce.
    pub(crate) fn shows(&self, beacon: impl FnOnce(&[u8]) -> [u8; 16]) -> bool {
        beacon(&self.nonce) == self.beacon
    }
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
        let found = daemon.browse(SERVICE).map_err(failed)?;
        Ok(Self { daemon, found, shown: None })
    }

    /// Shows this device, reachable at this port, by what it shows with a fresh nonce; anew when it is shown already.
    pub(crate) fn show(&mut self, beacon: impl FnOnce(&[u8]) -> Option<[u8; 16]>, port: u16) -> Result<(), Failure> {
        let nonce = random::<NONCE>()?;
        let Some(beacon) = beacon(&nonce) else { return Ok(()) };
        self.hide();
        // The name and the host are the same random bytes: nothing here is called what its owner calls it.
        let name = hex(&random::<8>()?);
        let properties = [("n", hex(&nonce)), ("t", hex(&beacon))];
        let mut info = ServiceInfo::new(SERVICE, &name, &format!("{name}.local."), "", port, &properties[..])
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
                let text = |key| service.get_property_val_str(key).and_then(unhex);
                let at = service.addresses.iter().map(|address| (address.to_ip_addr(), service.port).into());
                Some(Sighting { nonce: text("n")?, beacon: text("t")?.try_into().ok()?, at: at.collect() })
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

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Wrong(error.to_string()))?;
    Ok(bytes)
}

/// At most 32 bytes, as the other device wrote them.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_plain = text.len() <= 64 && text.len().is_multiple_of(2) && text.is_ascii();
    let pairs = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
    if is_plain { pairs.collect() } else { None }
}

fn failed(error: mdns_sd::Error) -> Failure {
    Failure::Wrong(format!("this network cannot be searched for other devices ({error})"))
}
