//! What changes in the list of devices while an exchange or a pass goes on: another one, or somebody at this device, may let
//! a device in or remove one. From then on the list counts as it is here, not as it was at the beginning.

use crate::error::{Error, Result};
use crate::notebook::Notebook;
use crate::store::segments;
use crate::sync::keystore::KeyStore;
use crate::sync::member::Member;

/// Whether a member was made from other entries than those that are here, of which there are so many: they only ever become
/// more, and whatever a member knows beside them it keeps at once.
pub(super) fn is_old(member: &Member, entries: u64) -> bool {
    entries != member.entries().len() as u64
}

impl Notebook {
    /// Sees to it that the list of devices is the one that is here now, and that what follows from it is done; says whether
    /// it was another. To be asked before anything is taken, sealed or given: it costs next to nothing.
    ///
    /// # Errors
    /// [`Error::Removed`] when this device was removed meanwhile, [`Error::Foreign`] when the notebook is another's now, or
    /// its device another; else as [`Notebook::member`].
    pub(super) fn keep_up(&self, member: &mut Member, keys: &dyn KeyStore) -> Result<bool> {
        if !is_old(member, self.read(segments::count_entries)?) {
            return Ok(false);
        }
        let is_same = |now: &Member| now.tag() == member.tag() && now.device() == member.device();
        let now = self.member(keys)?.filter(is_same);
        *member = now.ok_or_else(|| Error::Foreign("this notebook was left".into()))?;
        self.tend_roster(member, keys)?;
        Ok(true)
    }
}
