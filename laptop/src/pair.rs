//! Pairing on one network, without a folder: the device that shows the code lends a mailbox to the one it is typed on, and
//! both know each other by keys that only who has the code can know. The rest is as with a folder.

use std::collections::BTreeSet;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::carrier::direct::{Direct, Guest, Guests};
use kith_core::sync::carrier::folder::Folder;
use kith_core::sync::carrier::lent::{Borrowed, lend};
use kith_core::sync::pairing::Code;

use crate::failure::Failure;
use crate::near::{self, Near};

/// How long the device that shows the code is looked for.
const LOOKING: Duration = Duration::from_secs(15);
/// How long a device that was let in may take to bring everything over.
const BRINGING: Duration = Duration::from_secs(10 * 60);
const STEP: Duration = Duration::from_millis(200);

/// A mailbox of this device's own, to be lent: gone when this is dropped.
pub(crate) struct Own {
    _folder: tempfile::TempDir,
    place: Folder,
}

impl Own {
    pub(crate) fn new() -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(|error| Failure::Wrong(format!("no folder can be made ({error})")))?;
        let place = Folder::at(folder.path());
        place.prepare()?;
        Ok(Self { _folder: folder, place })
    }

    pub(crate) fn place(&self) -> &Folder {
        &self.place
    }
}

/// Lends the mailbox to who knows the code, while `meanwhile` asks the person. It hears on which port, and when it is done
/// the other device may go on until it hangs up.
pub(crate) fn lend_to<T>(
    own: &Own,
    code: &Code,
    meanwhile: impl FnOnce(u16) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let [host, guest] = code.endpoint_keys();
    let direct = Direct::bind_to_pair(&host, 0)?;
    direct.open_door(Guests { welcome: [public(&guest)].into(), removed: BTreeSet::new() });
    let mut near = Near::look()?;
    near.show(|nonce| Some(code.beacon(nonce)), direct.port())?;
    let (is_over, is_lent) = (AtomicBool::new(false), AtomicBool::new(false));
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                if let Some(Guest::Known(mut line)) = direct.next_guest(STEP) {
                    is_lent.store(true, Ordering::Relaxed);
                    let _ = lend(&mut line, own.place(), &|| is_over.load(Ordering::Relaxed));
                    is_lent.store(false, Ordering::Relaxed);
                }
            }
        });
        let done = meanwhile(direct.port());
        let began = Instant::now();
        while done.is_ok() && is_lent.load(Ordering::Relaxed) && began.elapsed() < BRINGING {
            std::thread::sleep(STEP);
        }
        is_over.store(true, Ordering::Relaxed);
        done
    });
    drop(near);
    done
}

/// The mailbox of the device that shows a code, and the line on which it is had.
pub(crate) struct Lent {
    place: Borrowed<kith_core::sync::carrier::direct::QuicLine>,
    _direct: Direct,
}

impl Lent {
    pub(crate) fn place(&self) -> &dyn Mailbox {
        &self.place
    }
}

/// Finds the device that shows this code, on this network or at the address that was typed.
pub(crate) fn borrow(code: &Code, at: Option<&str>) -> Result<Lent, Failure> {
    let [host, guest] = code.endpoint_keys();
    let direct = Direct::bind_to_pair(&guest, 0)?;
    let at = match at {
        Some(typed) => typed
            .to_socket_addrs()
            .map_err(|error| Failure::Usage(format!("{typed} is no address ({error}); write it as HOST:PORT")))?
            .collect(),
        None => find(code)?,
    };
    let place = Borrowed::over(direct.dial(public(&host), &at)?);
    Ok(Lent { place, _direct: direct })
}

fn find(code: &Code) -> Result<Vec<SocketAddr>, Failure> {
    let near = Near::look()?;
    let began = Instant::now();
    while near::is_on_a_network() && began.elapsed() < LOOKING {
        if let Some(sighting) = near.next(STEP).filter(|sighting| sighting.shows(|nonce| code.beacon(nonce))) {
            return Ok(sighting.at);
        }
    }
    Err(Failure::NotFound(
        "the device that shows this code was not found on this network. It has to run `kith invite --near`, and say so \
         still; where the network keeps devices apart, give its address with --at, or meet in a folder: kith invite \
         --folder FOLDER"
            .into(),
    ))
}

fn public(key: &SigningKey) -> [u8; 32] {
    key.verifying_key().to_bytes()
}
