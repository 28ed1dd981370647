//! Whatever takes long can be watched and taken back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::notebook::guarded;
use crate::{KithError, Result};

/// Something that takes long. It is made before the work begins and handed to it, so that it can be taken back from
/// another thread at any moment; it is good for one piece of work.
#[derive(Default, uniffi::Object)]
pub struct Run {
    done: AtomicU64,
    total: AtomicU64,
    is_cancelled: AtomicBool,
}

/// How far something has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct SoFar {
    /// How much is done, in the unit that the function names.
    pub done: u64,
    /// Of how much, as far as that is known by now; 0 when it is not.
    pub total: u64,
}

#[uniffi::export]
impl Run {
    /// For one piece of work.
    ///
    /// # Errors
    /// None is known.
    #[uniffi::constructor]
    pub fn new() -> Result<Arc<Self>> {
        Ok(Arc::default())
    }

    /// Takes it back: the work ends with [`KithError::Cancelled`], at the latest with its next file, record or answer of a
    /// mailbox; where it waits for another device or a relay, within half a second. What the function says was done until then stays. Before the work begins, it never does.
    ///
    /// # Errors
    /// None is known.
    pub fn cancel(&self) -> Result<()> {
        guarded(|| {
            self.is_cancelled.store(true, Ordering::Relaxed);
            Ok(())
        })
    }

    /// How far it has come. Cheap, from any thread.
    ///
    /// # Errors
    /// None is known.
    pub fn so_far(&self) -> Result<SoFar> {
        guarded(|| Ok(SoFar { done: self.done.load(Ordering::Relaxed), total: self.total.load(Ordering::Relaxed) }))
    }
}

impl Run {
    /// Hears that one more thing is done, nobody knows of how many; an error when it was taken back.
    pub(crate) fn one_more(&self) -> Result<()> {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.total.store(0, Ordering::Relaxed);
        self.goes_on()
    }

    /// Hears how far it has come; an error when it was taken back.
    pub(crate) fn step(&self, done: u64, total: u64) -> Result<()> {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.goes_on()
    }

    /// An error when it was taken back.
    pub(crate) fn goes_on(&self) -> Result<()> {
        let goes_on = !self.is_cancelled.load(Ordering::Relaxed);
        goes_on.then_some(()).ok_or(KithError::Cancelled)
    }
}
