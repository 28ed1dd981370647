//! What was worked out once and would come out the same again: a signature that is right, an envelope that is for somebody
//! else. Every pass looks at the whole roster, and each of these costs as much as many rows.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Answers that are remembered while the program runs, each by the hash of all that the answer depends on.
pub(super) struct Memo(Mutex<BTreeSet<[u8; 32]>>);

/// Most answers, 0.5 MiB of them. Beyond that all are forgotten, and are worked out once more.
const MOST: usize = 16 * 1024;

impl Memo {
    /// One that remembers nothing yet.
    pub(super) const fn new() -> Self {
        Self(Mutex::new(BTreeSet::new()))
    }

    /// Whether this was the answer to these parts before. Each part is hashed with its length.
    pub(super) fn holds(&self, parts: &[&[u8]]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&hash(parts))
    }

    /// Remembers it.
    pub(super) fn remember(&self, parts: &[&[u8]]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == MOST {
            all.clear();
        }
        all.insert(hash(parts));
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_same_parts_were_answered_before() {
        let memo = Memo::new();
        memo.remember(&[b"ab", b"c"]);
        assert!(memo.holds(&[b"ab", b"c"]));
        assert!(!memo.holds(&[b"a", b"bc"]) && !memo.holds(&[b"ab"]) && !memo.holds(&[b"ab", b"c", b""]));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let memo = Memo::new();
        (0..=MOST).for_each(|n| memo.remember(&[&n.to_be_bytes()]));
        assert_eq!(memo.0.lock().unwrap().len(), 1);
        assert!(memo.holds(&[&MOST.to_be_bytes()]) && !memo.holds(&[&0_usize.to_be_bytes()]));
    }
}
