//! Hearing of changes.

use std::sync::{Arc, Mutex, PoisonError};

use kith_core::model::{Area, RecordId};
use kith_core::notebook::{self as core, Changed, Origin};

use crate::notebook::{Notebook, guarded};
use crate::{Result, ShellFailure};

/// Is told of changes. A screen reads its page again when one of its areas is among them, a form when its record is.
#[uniffi::export(with_foreign)]
pub trait ChangeListener: Send + Sync {
    /// Something changed, and is durable. The records are those that were written themselves: what is promised to somebody
    /// is a record of its own. Where none is named, any of these areas may have changed; where no area is, anything.
    ///
    /// Called on whatever thread wrote, which is never one that holds a lock: it may ask and change the notebook, though
    /// a screen had better hop to its own thread first. Whoever changes the notebook here is told again.
    ///
    /// # Errors
    /// What it throws is dropped: the change is durable, and the other listeners are told all the same.
    fn changed(&self, areas: Vec<Area>, ids: Vec<RecordId>, origin: Origin) -> std::result::Result<(), ShellFailure>;
}

/// Lives as long as its owner wants to be told of changes; `stop` ends it, and so does dropping it.
#[derive(uniffi::Object)]
pub struct Observation(Mutex<Option<core::Observation>>);

#[uniffi::export]
impl Observation {
    /// Ends it. A call that is under way on another thread may still come; to stop twice is fine.
    ///
    /// # Errors
    /// None is known.
    pub fn stop(&self) -> Result<()> {
        guarded(|| {
            // Let go of after the lock: a listener may call back as it goes.
            let observation = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(observation);
            Ok(())
        })
    }
}

#[uniffi::export]
impl Notebook {
    /// Tells the listener of every change from now on, typed here or received, until the observation is stopped or
    /// dropped, or the notebook is shut; then the listener is let go of.
    ///
    /// # Errors
    /// [`KithError::Closed`](crate::KithError::Closed) when the notebook was shut.
    pub fn observe(&self, listener: Arc<dyn ChangeListener>) -> Result<Arc<Observation>> {
        self.ask(|notebook| {
            let observation = notebook.observe(move |Changed { areas, ids, origin }| {
                // Nobody is there to whom a listener's failure could be told.
                drop(listener.changed(areas.clone(), ids.clone(), origin.clone()));
            });
            Ok(Arc::new(Observation(Mutex::new(Some(observation)))))
        })
    }

    /// Tells the listeners when another process, such as a share sheet, has written since this was last asked; answers
    /// whether it had. To be called when an app comes to the front.
    ///
    /// # Errors
    /// As any question.
    pub fn look_around(&self) -> Result<bool> {
        self.ask(core::Notebook::look_around)
    }
}
