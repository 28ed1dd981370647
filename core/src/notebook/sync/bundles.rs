//! Bundles that were read and hold what their names say. A name is anybody's word: one that is made up would hide every
//! segment it claims, for nobody would put those there any more. So a bundle is read once by each device, and remembered; of
//! one that holds something else, too, what was found in it counts for the pass that read it.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::shelf::{Numbered, numbers_of};
use super::turned_away::short;
use crate::error::Result;
use crate::notebook::{Notebook, lock};
use crate::store;
use crate::sync::carrier::mailbox::Item as Found;
use crate::sync::segment::Name;

/// Under which name the notebook remembers them.
const BUNDLES: &str = "bundles_read";
/// More of them are remembered only as long as they lie in the mailbox that was looked at last.
const MANY: usize = 16 * 1024;

/// What is known of bundles.
pub(super) struct Bundles {
    before: BTreeSet<[u8; 16]>,
    /// All that their names say is here.
    whole: BTreeSet<[u8; 16]>,
    /// What is here of others that this pass read.
    in_part: HashMap<[u8; 16], HashSet<u64>>,
}

impl Bundles {
    /// Whether a bundle was read, and held what it says.
    pub(super) fn knows(&self, file: &Found) -> bool {
        self.whole.contains(&short(file))
    }

    /// Whether a bundle holds this number of its log.
    pub(super) fn holds(&self, file: &Found, seq: u64) -> bool {
        self.knows(file) || self.in_part.get(&short(file)).is_some_and(|held| held.contains(&seq))
    }

    /// A file was read, and these segments in it are here, or were.
    pub(super) fn was_read(&mut self, file: &Found, here: &HashSet<Numbered>) {
        let Some(name) = Name::parse(&file.name) else { return };
        let Some(numbers) = numbers_of(&name) else { return };
        let held: HashSet<u64> = numbers.clone().filter(|seq| here.contains(&(name.log_tag, *seq))).collect();
        if held.len() as u64 == numbers.end() - numbers.start() + 1 {
            self.whole.insert(short(file));
        } else {
            self.in_part.insert(short(file), held);
        }
    }

    /// This device wrote a bundle, and read it back.
    pub(super) fn was_written(&mut self, file: &Found) {
        self.whole.insert(short(file));
    }
}

impl Notebook {
    pub(super) fn bundles(&self) -> Result<Bundles> {
        let kept = self.read(|connection| store::meta::<Vec<u8>>(connection, BUNDLES))?.unwrap_or_default();
        let before: BTreeSet<[u8; 16]> = kept.as_chunks::<16>().0.iter().copied().collect();
        Ok(Bundles { whole: before.clone(), before, in_part: HashMap::new() })
    }

    /// Remembers those that hold what they say; when they are many, those of this listing.
    pub(super) fn remember_bundles(&self, bundles: Bundles, found: &[Found]) -> Result<()> {
        let Bundles { before, mut whole, .. } = bundles;
        if whole.len() > MANY {
            let there: HashSet<[u8; 16]> = found.iter().map(short).collect();
            whole.retain(|file| there.contains(file));
        }
        if whole == before {
            return Ok(());
        }
        let kept: Vec<u8> = whole.iter().flatten().copied().collect();
        store::set_meta(&lock(&self.writer).connection, BUNDLES, kept)
    }
}
