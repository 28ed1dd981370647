//! What lies outside of the notebooks and is watched here: the places, what goes wrong next, the key stores, and the
//! trace of it all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use kith_core::Error;
use kith_core::sync::LogId;
use kith_core::sync::keystore::KeyStore;
use zeroize::Zeroizing;

use super::Counts;
use super::drive::Place;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The process dies: before, in the middle of or after what the call does.
    Kill,
    /// Nothing is done, and it says so.
    Refused,
    /// It is done, and an error says that it was not.
    DoneAndRefused,
    /// The disk is full: half of it is written, under the final name.
    Full,
    /// The place cannot be listed.
    NoList,
}

/// What calls to the outside answer.
pub type Result<T> = std::result::Result<T, Error>;

/// What all that is kept in bytes is kept in.
pub type Bytes = Arc<[u8]>;

/// Everything outside of the notebooks.
#[derive(Default)]
pub struct Outside {
    /// The places where devices meet.
    pub places: Vec<Place>,
    /// For each device, after how many calls what goes wrong; the number decides how.
    pub fuses: BTreeMap<usize, (usize, Trouble, u64)>,
    /// Every segment that was ever put anywhere, by its hash: its bytes, and the device that put it there first.
    pub segments: BTreeMap<[u8; 32], (Bytes, usize)>,
    /// Every other file that was ever put anywhere, and every name.
    pub seen: BTreeSet<Vec<u8>>,
    /// The numbers each device was about to hand out.
    pub raised: BTreeSet<(usize, LogId, u64)>,
    /// What one device handed out twice.
    pub twice: Vec<String>,
    /// What happened, counted.
    pub counts: Counts,
    /// Grows with every write to a place.
    pub version: u64,
    trace: blake3::Hasher,
    /// Its lines, when somebody wants to read them.
    pub lines: Option<Vec<String>>,
}

/// The outside, as devices and places share it.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Outside>>);

impl Shared {
    /// A panic in the middle of a call is one of the things that happen here.
    pub fn lock(&self) -> MutexGuard<'_, Outside> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Outside {
    /// Writes a line into the trace.
    pub fn note(&mut self, line: &str) {
        self.trace.update(line.as_bytes()).update(b"\n");
        if let Some(lines) = &mut self.lines {
            lines.push(line.into());
        }
    }

    /// The hash of the trace so far.
    pub fn traced(&self) -> [u8; 32] {
        self.trace.finalize().into()
    }

    /// What goes wrong with this call of a device, if its fuse has burned down.
    pub fn burn(&mut self, device: usize) -> Option<(Trouble, u64)> {
        let (left, trouble, number) = self.fuses.get_mut(&device)?;
        if *left > 0 {
            *left -= 1;
            return None;
        }
        let burned = (*trouble, *number);
        // A full disk stays full, and a place that refuses goes on refusing for the rest of the pass.
        self.counts.one(burned.0.word());
        if burned.0 == Trouble::Kill {
            self.fuses.remove(&device);
        }
        Some(burned)
    }
}

impl Trouble {
    /// Under which name it is counted.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kill => "calls that killed the process",
            Self::Refused => "calls that failed",
            Self::DoneAndRefused => "calls that succeeded and said they failed",
            Self::Full => "calls on a full disk",
            Self::NoList => "listings that failed",
        }
    }
}

/// Ends the process, as far as this world has processes.
pub fn die() -> ! {
    std::panic::panic_any("killed".to_string())
}

/// A key store in memory.
#[derive(Clone)]
pub struct Keys {
    shared: Shared,
    device: usize,
    secrets: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    highest: Arc<Mutex<BTreeMap<LogId, u64>>>,
}

impl Keys {
    /// An empty one for this device.
    pub fn new(shared: &Shared, device: usize) -> Self {
        Self { shared: shared.clone(), device, secrets: Arc::default(), highest: Arc::default() }
    }

    /// A copy of it as another device has it.
    pub fn copied(&self, device: usize) -> Self {
        let secrets = Arc::new(Mutex::new(self.secrets.lock().unwrap().clone()));
        let highest = Arc::new(Mutex::new(self.highest.lock().unwrap().clone()));
        Self { shared: self.shared.clone(), device, secrets, highest }
    }

    /// Forgets everything.
    pub fn lose(&self) {
        self.secrets.lock().unwrap().clear();
        self.highest.lock().unwrap().clear();
    }

    /// Does it, unless the process dies before; or dies afterwards.
    fn write(&self, what: impl FnOnce()) {
        let number = {
            let mut outside = self.shared.lock();
            let kills = outside.fuses.get(&self.device).is_some_and(|(_, trouble, _)| *trouble == Trouble::Kill);
            if kills { outside.burn(self.device).map(|(_, number)| number) } else { None }
        };
        match number {
            None => what(),
            Some(number) if number % 2 == 0 => die(),
            Some(_) => {
                what();
                die()
            }
        }
    }
}

impl KeyStore for Keys {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        Ok(self.secrets.lock().unwrap().get(name).cloned().map(Zeroizing::new))
    }

    fn put(&self, name: &str, secret: &[u8]) -> Result<()> {
        self.write(|| drop(self.secrets.lock().unwrap().insert(name.into(), secret.to_vec())));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.write(|| drop(self.secrets.lock().unwrap().remove(name)));
        Ok(())
    }

    fn highest(&self, log: LogId) -> Result<Option<u64>> {
        Ok(self.highest.lock().unwrap().get(&log).copied())
    }

    fn raise(&self, log: LogId, seq: u64) -> Result<()> {
        self.write(|| {
            let mut outside = self.shared.lock();
            if seq > 0 && !outside.raised.insert((self.device, log, seq)) {
                let line = format!("device {} hands out number {seq} of one log twice", self.device);
                outside.twice.push(line);
            }
            let mut all = self.highest.lock().unwrap();
            let highest = all.entry(log).or_default();
            *highest = seq.max(*highest);
        });
        Ok(())
    }
}

/// What a place says that cannot be reached.
pub fn unreachable_place<T>() -> Result<T> {
    Err(Error::Unreachable("the place cannot be reached just now".into()))
}
