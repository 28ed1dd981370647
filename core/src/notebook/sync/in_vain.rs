//! Files of a mailbox that were read and are no more use for it: damaged ones, ones under a key that has not come, copies
//! under names of their own. Anybody who can write into the place can put any number of them there. A file that is new is
//! read; of those that were read in vain before, a pass reads a bounded part, beginning anywhere, until the keys or the list
//! of devices say something new.

use std::collections::BTreeSet;

use super::turned_away::short;
use super::{SetAside, roster};
use crate::error::Result;
use crate::notebook::{Notebook, lock};
use crate::store;
use crate::store::segments;
use crate::sync::carrier::mailbox::Item as Found;
use crate::sync::member::Member;

/// Under which name the notebook remembers them.
const IN_VAIN: &str = "read_in_vain";
/// How many of them one pass reads again, and how many bytes.
const MOST: usize = 1024;
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Files that were read in vain, and how many more of them this pass may read.
pub(super) struct InVain {
    /// With which keys, and by which list of devices.
    by: [u8; 32],
    before: BTreeSet<[u8; 16]>,
    read: BTreeSet<[u8; 16]>,
    /// Whether the last pass could not read all of them.
    is_much: bool,
    files_left: usize,
    bytes_left: usize,
    passed_by: usize,
}

impl InVain {
    /// Whether a file may be read: it is new, or there is room for it.
    pub(super) fn lets_read(&mut self, file: &Found) -> bool {
        if !self.before.contains(&short(file)) {
            return true;
        }
        let has_room = self.files_left > 0 && self.bytes_left > 0;
        self.passed_by += usize::from(!has_room);
        self.files_left -= usize::from(has_room);
        has_room
    }

    /// It was read, and lies there still.
    pub(super) fn was_read(&mut self, file: &Found, bytes: usize) {
        let file = short(file);
        if self.before.contains(&file) {
            self.bytes_left = self.bytes_left.saturating_sub(bytes);
        }
        self.read.insert(file);
    }

    /// It may be of use yet. One that was taken away is not among these: a place may only say that it is gone, so it is
    /// forgotten when a listing lacks it.
    pub(super) fn is_of_use(&mut self, file: &Found) {
        self.before.remove(&short(file));
        self.read.remove(&short(file));
    }

    /// Those that are to be read, the new ones first.
    pub(super) fn in_order<'a>(&self, files: Vec<&'a Found>, random: impl FnOnce(usize) -> usize) -> Vec<&'a Found> {
        let (mut again, mut all): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| self.before.contains(&short(file)));
        let bytes: u64 = again.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
        if self.is_much || again.len() > MOST || bytes > MOST_BYTES as u64 {
            let at = random(again.len());
            again.rotate_left(at);
        }
        all.extend(again);
        all
    }

    /// What there was no room for, in words.
    pub(super) fn set_aside(&self) -> Option<SetAside> {
        (self.passed_by > 0).then(|| SetAside {
            file: format!("{} files", self.passed_by),
            why: "there was nothing to take in them before, and no more of such files are looked at in one sync".into(),
        })
    }
}

impl Notebook {
    pub(super) fn read_in_vain(&self, member: &Member) -> Result<InVain> {
        let (entries, kept) = self.read(|connection| {
            Ok((segments::count_entries(connection)?, store::meta::<Vec<u8>>(connection, IN_VAIN)?))
        })?;
        let by = *blake3::hash(&[&roster::held(member)[..], &entries.to_be_bytes()].concat()).as_bytes();
        let kept = kept.unwrap_or_default();
        let (is_much, before) = read(&kept, &by).unwrap_or_default();
        let read = BTreeSet::new();
        Ok(InVain { by, before, read, is_much, files_left: MOST, bytes_left: MOST_BYTES, passed_by: 0 })
    }

    /// Remembers those of the listing that are of no more use now than they were.
    pub(super) fn remember_in_vain<'a>(
        &self,
        in_vain: &InVain,
        of_no_use: impl Iterator<Item = &'a Found>,
    ) -> Result<()> {
        let was_read = |file: &[u8; 16]| in_vain.read.contains(file) || in_vain.before.contains(file);
        let files: BTreeSet<[u8; 16]> = of_no_use.map(short).filter(was_read).collect();
        let is_much = in_vain.passed_by > 0;
        if files == in_vain.before && is_much == in_vain.is_much {
            return Ok(());
        }
        let files: Vec<u8> = files.iter().flatten().copied().collect();
        let kept = [&in_vain.by[..], &[u8::from(is_much)], &files].concat();
        store::set_meta(&lock(&self.writer).connection, IN_VAIN, kept)
    }
}

fn read(kept: &[u8], by: &[u8; 32]) -> Option<(bool, BTreeSet<[u8; 16]>)> {
    let (is_much, files) = kept.strip_prefix(by)?.split_first()?;
    Some((*is_much > 0, files.as_chunks::<16>().0.iter().copied().collect()))
}
