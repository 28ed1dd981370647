//! What a device remembers, outside its notebook, of the list of devices: its newest entries. A notebook that lacks one of
//! them was put back from an older copy, and may take a removed device for one of its own.

use super::hex;
use super::keys::{EntryHash, NotebookTag};
use super::keystore::KeyStore;
use super::member::Member;
use super::roster::Entries;
use crate::error::Result;

/// So many newest entries are remembered; beyond a handful they are the work of a device that runs hostile code.
const MOST: usize = 512;

/// What it is called in a key store.
pub(super) fn heads_name(tag: &NotebookTag) -> String {
    format!("heads-{}", hex(&tag.0))
}

/// Whether something is remembered that is not in the notebook. To be read before its entries are: another program may
/// be writing both. Nothing is remembered by a device that was let in before there was this; its keys then tell, see
/// [`Member::has_lost_keys`].
pub struct Known(Option<Vec<EntryHash>>);

impl Known {
    /// What is remembered of this notebook.
    ///
    /// # Errors
    /// As the key store.
    pub fn of(store: &dyn KeyStore, tag: &NotebookTag) -> Result<Self> {
        let kept = store.get(&heads_name(tag))?;
        Ok(Self(kept.map(|kept| kept.as_chunks::<32>().0.iter().map(|hash| EntryHash(*hash)).collect())))
    }

    /// Whether this device knew more before than it does now.
    pub fn is_ahead_of(&self, member: &Member) -> bool {
        match &self.0 {
            Some(heads) => heads.iter().any(|head| member.entries().get(head).is_none()),
            None => member.has_lost_keys(),
        }
    }

    /// Remembers what is known now beside what was known before and is still missing.
    ///
    /// # Errors
    /// As the key store.
    pub fn and(&self, member: &Member, store: &dyn KeyStore) -> Result<()> {
        // Without a word of before, the keys alone say that something is missing.
        if self.0.is_none() && member.has_lost_keys() {
            return Ok(());
        }
        let missing = |entries: &Entries| {
            let heads = self.0.iter().flatten().filter(|head| entries.get(head).is_none());
            heads.copied().collect::<Vec<_>>()
        };
        self.put([missing(member.entries()), member.entries().heads()].concat(), member, store)
    }

    /// Remembers what is known now and nothing else.
    ///
    /// # Errors
    /// As the key store.
    pub fn only(&self, member: &Member, store: &dyn KeyStore) -> Result<()> {
        self.put(member.entries().heads(), member, store)
    }

    fn put(&self, mut heads: Vec<EntryHash>, member: &Member, store: &dyn KeyStore) -> Result<()> {
        heads.truncate(MOST);
        if self.0.as_ref() == Some(&heads) {
            return Ok(());
        }
        let bytes: Vec<u8> = heads.iter().flat_map(|head| head.0).collect();
        store.put(&heads_name(&member.tag()), &bytes)
    }
}
