//! Pairing on one network, without a folder: what `core` lends and borrows, shown and looked for on this network.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use kith_core::sync::carrier::pair::{self, Lending, Lent};
use kith_core::sync::pairing::Code;

use crate::failure::Failure;
use crate::near::{self, Near};

/// How long the device that shows the code is looked for.
const LOOKING: Duration = Duration::from_secs(15);
const STEP: Duration = Duration::from_millis(200);

/// Lends the mailbox to who knows the code, while `meanwhile` asks the person. It hears on which port, and when it is done
/// the other device may go on until it hangs up.
pub(crate) fn lend_to<T>(
    lending: &mut Lending,
    code: &Code,
    meanwhile: impl FnOnce(&Lending, u16) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let port = lending.open(code)?;
    let mut near = Near::look()?;
    near.show(|nonce| Some(code.beacon(nonce)), port)?;
    let done = meanwhile(lending, port)?;
    lending.wait();
    Ok(done)
}

/// Borrows the mailbox of the device that shows this code: at the address that was typed, or wherever it is on this network.
pub(crate) fn borrow(code: &Code, at: Option<&str>) -> Result<Lent, Failure> {
    let at = match at {
        Some(typed) => typed
            .to_socket_addrs()
            .map_err(|error| Failure::Usage(format!("{typed} is no address ({error}); write it as HOST:PORT")))?
            .collect(),
        None => find(code)?,
    };
    Ok(pair::borrow(code, &at, &mut || Ok(()))?)
}

fn find(code: &Code) -> Result<Vec<SocketAddr>, Failure> {
    let near = Near::look()?;
    let began = Instant::now();
    while near::is_on_a_network() && began.elapsed() < LOOKING {
        if let Some(sighting) = near.next(STEP).filter(|sighting| sighting.beacon.shows(|nonce| code.beacon(nonce))) {
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
