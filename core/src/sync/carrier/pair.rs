//! Pairing on one network, without a folder: the device that shows the code lends a mailbox to the one it is typed on, and
//! both know each other by keys that only who has the code can know. The rest is as with a folder.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;

use super::direct::{Direct, Guest, Guests, QuicLine};
use super::folder::Folder;
use super::lent::{Borrowed, lend};
use super::mailbox::{Item, Mailbox};
use crate::error::Result;
use crate::sync::near::Announcement;
use crate::sync::pairing::Code;

/// How long a code can be used with which two meet on a network: after that nobody comes in who was not there before.
pub const CODE_LASTS: Duration = Duration::from_secs(120);
/// How long the other device may take to bring everything over, once it was let in.
const BRINGING: Duration = Duration::from_secs(10 * 60);
const STEP: Duration = Duration::from_millis(200);

/// Time that passes, from any beginning, and never goes back.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// A mailbox of one's own, in a folder that goes with it, to be lent to one other device.
pub struct Lending {
    folder: tempfile::TempDir,
    clock: Clock,
    door: Option<Door>,
}

struct Door {
    code: Code,
    direct: Arc<Direct>,
    is_over: Arc<AtomicBool>,
    is_lent: Arc<AtomicBool>,
    /// When the code ends, by the clock.
    ends: Duration,
    /// Whether somebody came in before that: it may finish.
    is_used: Arc<AtomicBool>,
    host: Option<JoinHandle<()>>,
}

impl Lending {
    /// A mailbox that nobody else has yet.
    ///
    /// # Errors
    /// [`Error::Storage`](crate::Error::Storage) when no folder can be made.
    pub fn new() -> Result<Self> {
        let began = Instant::now();
        Self::with_clock(Arc::new(move || began.elapsed()))
    }

    /// The same by this clock.
    ///
    /// # Errors
    /// As [`Lending::new`].
    pub fn with_clock(clock: Clock) -> Result<Self> {
        let lending = Self { folder: tempfile::tempdir()?, clock, door: None };
        lending.mailbox().prepare()?;
        Ok(lending)
    }

    /// The mailbox: to invite through, to admit through, to sync with.
    pub fn mailbox(&self) -> Folder {
        Folder::at(self.folder.path())
    }

    /// Lends it from now on to who knows this code and comes within [`CODE_LASTS`]; answers at which port of UDP.
    ///
    /// # Errors
    /// As [`Direct::bind_to_pair`].
    pub fn open(&mut self, code: &Code) -> Result<u16> {
        let [host, guest] = code.endpoint_keys();
        let direct = Arc::new(Direct::bind_to_pair(&host, 0)?);
        direct.open_door(Guests { welcome: [public(&guest)].into(), removed: BTreeSet::new() });
        let port = direct.port();
        let [is_over, is_lent, is_used] = [(); 3].map(|()| Arc::new(AtomicBool::new(false)));
        let (place, door, over, lent) = (self.mailbox(), direct.clone(), is_over.clone(), is_lent.clone());
        let (used, clock, ends) = (is_used.clone(), self.clock.clone(), (self.clock)() + CODE_LASTS);
        let host = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let guest = door.next_guest(STEP);
                // Who came while the code was good may come back when a line broke.
                if clock() >= ends && !used.load(Ordering::Relaxed) {
                    return door.leave();
                }
                if let Some(Guest::Known(mut line)) = guest {
                    used.store(true, Ordering::Relaxed);
                    lent.store(true, Ordering::Relaxed);
                    // Whatever breaks the line, the other device calls again.
                    drop(lend(&mut line, &place, &|| over.load(Ordering::Relaxed)));
                    lent.store(false, Ordering::Relaxed);
                }
            }
        });
        self.door = Some(Door { code: code.clone(), direct, is_over, is_lent, ends, is_used, host: Some(host) });
        Ok(port)
    }

    /// What to announce on this network, so that the other device finds it; none before it is lent.
    pub fn announcement(&self) -> Option<Announcement> {
        let door = self.door.as_ref()?;
        let mut random = |bytes: &mut [u8]| {
            getrandom::fill(bytes).expect("the system's random numbers are there once it runs");
        };
        Announcement::of(|nonce| Some(door.code.beacon(nonce)), door.direct.port(), &mut random)
    }

    /// Whether the code has ended before anybody came with it.
    pub fn has_ended(&self) -> bool {
        self.door.as_ref().is_some_and(|door| (self.clock)() >= door.ends && !door.is_used.load(Ordering::Relaxed))
    }

    /// Whether the other device is using it just now.
    pub fn is_lent(&self) -> bool {
        self.door.as_ref().is_some_and(|door| door.is_lent.load(Ordering::Relaxed))
    }

    /// Lets the other device finish, until it hangs up or ten minutes have passed.
    pub fn wait(&self) {
        let began = Instant::now();
        while self.is_lent() && began.elapsed() < BRINGING {
            std::thread::sleep(STEP);
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.direct.leave();
        if let Some(host) = self.host.take() {
            drop(host.join());
        }
    }
}

/// The mailbox of the device that shows a code, and the line on which it is had.
pub struct Lent {
    place: Borrowed<QuicLine>,
    _direct: Direct,
}

/// Borrows the mailbox of the device that shows this code, and is said to be at one of these addresses. Given up as soon as
/// `goes_on` answers an error.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) when it answers at none of them; that of `goes_on`.
pub fn borrow(code: &Code, at: &[SocketAddr], goes_on: &mut dyn FnMut() -> Result<()>) -> Result<Lent> {
    let [host, guest] = code.endpoint_keys();
    let direct = Direct::bind_to_pair(&guest, 0)?;
    let place = Borrowed::over(direct.dial_while(public(&host), at, goes_on)?);
    Ok(Lent { place, _direct: direct })
}

impl Mailbox for Lent {
    fn prepare(&self) -> Result<()> {
        self.place.prepare()
    }
    fn list(&self) -> Result<Vec<Item>> {
        self.place.list()
    }
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        self.place.get(name, most)
    }
    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.place.put_new(name, bytes)
    }
    fn delete(&self, name: &str) -> Result<()> {
        self.place.delete(name)
    }
    fn words(&self) -> String {
        self.place.words()
    }
}

fn public(key: &SigningKey) -> [u8; 32] {
    key.verifying_key().to_bytes()
}
