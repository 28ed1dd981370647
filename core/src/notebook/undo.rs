//! Taking back the last thing done on this device that can be taken back whole: a deletion, a merge, an import, a promise
//! that was closed.

use serde::{Deserialize, Serialize};

use chrono::NaiveDate;

use super::{ImportUndone, Notebook, Progress};
use crate::error::{Error, Result};
use crate::model::{Contact, Exchange, Id, Import, Promise, PromiseState, RecordId};
use crate::store;

const KEY: &str = "undo";
/// How many steps are remembered.
const MAX_STEPS: usize = 50;
/// For how many days a deletion can be taken back.
pub(super) const DAYS: i32 = 30;

/// Something that can be taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum UndoStep {
    /// A record was deleted; a person who was several records, with all of them.
    #[serde(rename = "deleted", alias = "Deleted")]
    Deleted(Vec<RecordId>),
    /// Two records were said to be one person.
    #[serde(rename = "merged", alias = "Merged")]
    Merged(Id<Contact>, Id<Contact>),
    /// A file was imported.
    #[serde(rename = "imported", alias = "Imported")]
    Imported(Id<Import>),
    /// A promise was kept, released or broken.
    #[serde(rename = "closed")]
    Closed {
        /// Which.
        promise: Id<Promise>,
        /// What it was before.
        was: PromiseState,
        /// On which day it had been closed before, if it had.
        closed_on: Option<NaiveDate>,
        /// The give that a kept thank-you counts as.
        gave: Option<Id<Exchange>>,
    },
}

/// What was taken back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TakenBack {
    /// Which step.
    #[serde(flatten)]
    pub step: UndoStep,
    /// What undoing an import did, and what stays; none when it had been undone before by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone: Option<ImportUndone>,
}

/// A step, and when it was taken.
#[derive(Serialize, Deserialize)]
struct Remembered {
    step: UndoStep,
    unix_seconds: i64,
}

impl Notebook {
    /// What can be taken back on this device and is not taken back already, the latest last. A deletion is offered for 30
    /// days.
    ///
    /// # Errors
    /// As any question.
    pub fn undo_steps(&self) -> Result<Vec<UndoStep>> {
        let mut left = Vec::new();
        for Remembered { step, .. } in self.remembered_steps()? {
            if self.still_holds(&step)? {
                left.push(step);
            }
        }
        Ok(left)
    }

    fn remembered_steps(&self) -> Result<Vec<Remembered>> {
        let steps: Option<String> = self.read(|connection| store::meta(connection, KEY))?;
        let mut steps: Vec<Remembered> = steps.and_then(|steps| serde_json::from_str(&steps).ok()).unwrap_or_default();
        let too_old = self.now().timestamp() - i64::from(DAYS) * 24 * 60 * 60;
        steps.retain(|of| !matches!(of.step, UndoStep::Deleted(_)) || of.unix_seconds >= too_old);
        Ok(steps)
    }

    /// Takes back the latest of [`Notebook::undo_steps`]; says which it was, and what of an import stays. `progress` hears of
    /// an import how many records of how many are looked at; stopped, it goes on where it was when called again.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is nothing to take back.
    pub fn undo(&self, progress: Progress<'_>) -> Result<TakenBack> {
        let mut steps = self.remembered_steps()?;
        let step = loop {
            let Remembered { step, .. } = steps.pop().ok_or_else(|| Error::NotFound("anything to undo".into()))?;
            if self.still_holds(&step)? {
                break step;
            }
        };
        let mut undone = None;
        match &step {
            UndoStep::Deleted(ids) => ids.iter().try_for_each(|id| self.restore(*id))?,
            UndoStep::Merged(a, b) => self.not_same(*a, *b)?,
            UndoStep::Imported(id) => match self.undo_import(*id, progress) {
                Ok(done) => undone = Some(done),
                // It was undone by its name before.
                Err(Error::Invalid(_)) => {}
                Err(error) => return Err(error),
            },
            UndoStep::Closed { promise, was, closed_on, gave } => {
                self.reopen(*promise, was, *closed_on, *gave, &steps)?;
            }
        }
        self.remember_steps(&steps)?;
        Ok(TakenBack { step, undone })
    }

    /// Whether a step is still to be seen, so that there is something to take back. Of an import that is asked when it is
    /// taken back: what stayed the first time may go the second.
    fn still_holds(&self, step: &UndoStep) -> Result<bool> {
        Ok(match step {
            UndoStep::Deleted(ids) => {
                let mut deleted = false;
                for id in ids {
                    deleted |= self.get_any(*id)?.is_some_and(|record| record.deleted_at().is_some());
                }
                deleted
            }
            UndoStep::Merged(a, b) => {
                self.read(|connection| crate::query::members(connection, a.raw()))?.contains(&b.raw())
            }
            UndoStep::Imported(_) => true,
            UndoStep::Closed { promise, was, .. } => {
                self.get(*promise)?.is_some_and(|promise: Promise| promise.state != *was)
            }
        })
    }

    /// Makes a promise again what a screen showed before it was closed on this device, with the thank-you that it counted as;
    /// and nothing else, whatever was done since. There is nothing left of it to take back then.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such promise.
    pub fn reopen_promise(&self, before: &Promise) -> Result<()> {
        let mut steps = self.remembered_steps()?;
        let closed = |of: &Remembered| matches!(&of.step, UndoStep::Closed { promise, .. } if *promise == before.id);
        let step = steps.iter().rposition(closed).map(|at| steps.remove(at).step);
        let gave = match step {
            Some(UndoStep::Closed { gave, .. }) => gave,
            _ => None,
        };
        self.reopen(before.id, &before.state, before.closed_on, gave, &steps)
    }

    fn reopen(
        &self,
        promise: Id<Promise>,
        was: &PromiseState,
        closed_on: Option<NaiveDate>,
        gave: Option<Id<Exchange>>,
        left: &[Remembered],
    ) -> Result<()> {
        let mut writing = self.write();
        writing.edit(promise, |promise: &mut Promise| {
            promise.state = was.clone();
            promise.closed_on = closed_on;
        })?;
        if let Some(gave) = gave {
            writing.delete(gave.raw())?;
        }
        writing.remember(KEY, Some(serde_json::to_string(left).unwrap_or_default()));
        writing.commit().map(drop)
    }

    /// A record that is back needs no taking back any more.
    pub(super) fn forget_deletions(&self, back: &[RecordId]) -> Result<()> {
        let mut steps = self.remembered_steps()?;
        let before = steps.len();
        steps.retain(|of| !matches!(&of.step, UndoStep::Deleted(ids) if ids.iter().any(|id| back.contains(id))));
        if steps.len() == before { Ok(()) } else { self.remember_steps(&steps) }
    }

    pub(super) fn remember_step(&self, step: UndoStep) -> Result<()> {
        let mut steps = self.remembered_steps()?;
        steps.push(Remembered { step, unix_seconds: self.now().timestamp() });
        let from = steps.len().saturating_sub(MAX_STEPS);
        self.remember_steps(&steps[from..])
    }

    fn remember_steps(&self, steps: &[Remembered]) -> Result<()> {
        let mut writing = self.write();
        writing.remember(KEY, Some(serde_json::to_string(steps).unwrap_or_default()));
        writing.commit().map(drop)
    }
}
