//! A world made from one number: devices with real notebooks and real cryptography, mailboxes that do the worst that
//! mailboxes do, and a time of its own. When the faults stop, everything must heal within a few passes.
//!
//! A story is drawn first (`story`) and lived then (`life`), so that events can be left out of one that fails (`less`).
//! `forgetting` is what is deleted for good, `drive` is the places where devices meet, `wire` a line between two of them, `outside` what a device keeps beside its notebook, and `check` what must
//! hold in the end.

pub mod check;
mod deeds;
pub mod device;
pub mod drive;
mod forgetting;
pub mod less;
mod life;
pub mod outside;
pub mod story;
pub mod wire;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use life::World;
pub use story::{Size, Story};

use crate::seeds::words_of;

/// What happened in a world: how often, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub BTreeMap<&'static str, u64>);

impl Counts {
    /// It happened once more.
    pub fn one(&mut self, what: &'static str) {
        self.more(what, 1);
    }

    /// It happened so many times more.
    pub fn more(&mut self, what: &'static str, times: u64) {
        *self.0.entry(what).or_default() += times;
    }

    /// Adds what happened in another world.
    pub fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, times)| self.more(what, *times));
    }
}

/// How a world ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What happened.
    pub counts: Counts,
    /// After how many rounds of passes everything was quiet.
    pub rounds: usize,
    /// The hash of everything that was done and answered.
    pub trace: [u8; 32],
}

/// Lives through a story.
///
/// # Errors
/// What was found to be wrong, in words.
pub fn live(story: &Story) -> Result<Ended, String> {
    lived(story, false).0
}

/// Lives through a story, and gives every line of its trace if asked to.
pub fn lived(story: &Story, with_lines: bool) -> (Result<Ended, String>, Vec<String>) {
    let shared = outside::Shared::default();
    shared.lock().lines = with_lines.then(Vec::new);
    let lived = catch_unwind(AssertUnwindSafe(|| World::new(story, &shared).live(story)));
    let lines = shared.lock().lines.take().unwrap_or_default();
    (lived.map_err(|panic| words_of(panic.as_ref())), lines)
}

/// Lives through the world of a seed and panics with its story, made as short as it still fails, when something is
/// wrong.
pub fn try_seed(seed: u64, size: Size) -> Ended {
    let story = Story::draw(seed, size);
    match live(&story) {
        Ok(ended) => ended,
        Err(why) => panic!("{}", less::told(&story, &why)),
    }
}
