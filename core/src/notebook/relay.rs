//! The relay of this device: a server of a person's own through which devices reach each other that share no network. None,
//! until a person names one; each device is told by itself.

use super::Notebook;
use crate::error::{Error, Result};
use crate::sync::carrier::Relay;

/// Under which word this device remembers its relay.
const RELAY: &str = "relay";

impl Notebook {
    /// The relay through which this device reaches the others, and is reached.
    ///
    /// # Errors
    /// As any question.
    pub fn relay(&self) -> Result<Option<Relay>> {
        Ok(self.remembered(RELAY)?.and_then(|kept| Relay::parse(&kept).ok()))
    }

    /// Tries a relay out, and remembers it on this device in the place of the one before. Who is on the network already
    /// goes on without. Given up as soon as `goes_on`, which is asked while the relay does not answer, says so.
    ///
    /// # Errors
    /// [`Error::Invalid`] when its address cannot be used, [`Error::Unreachable`] when it does not answer within 15 seconds, or
    /// not as a relay; nothing is changed then, nor when it was given up.
    pub fn set_relay(&self, address: &str, goes_on: &mut dyn FnMut() -> Result<()>) -> Result<Relay> {
        let relay = Relay::parse(address)?;
        relay.try_out(goes_on)?;
        self.keep_relay(Some(relay.address()))?;
        Ok(relay)
    }

    /// Forgets the relay: from then on no packet goes there.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none.
    pub fn forget_relay(&self) -> Result<()> {
        if self.remembered(RELAY)?.is_none() {
            return Err(Error::NotFound("a relay".into()));
        }
        self.keep_relay(None)
    }

    fn keep_relay(&self, address: Option<&str>) -> Result<()> {
        let mut writing = self.write();
        writing.remember(RELAY, address.map(str::to_owned));
        writing.commit().map(drop)
    }
}
