//! Files of a mailbox for which there is no room, so that they are not read again at every pass: they are looked at once
//! more when room was made, or the list of devices says something new.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::notebook::{Notebook, lock};
use crate::store;
use crate::store::segments;
use crate::sync::carrier::mailbox::Item as Found;

/// Under which name the notebook remembers them.
const TURNED_AWAY: &str = "turned_away";
/// How many are remembered: 16 bytes each.
const MOST: usize = 16_384;

/// Files that were turned away, and what was here then.
pub(super) struct TurnedAway {
    /// How many entries the roster had, how many segments were kept back, how many bytes.
    at: [u64; 3],
    files: BTreeSet<[u8; 16]>,
    is_new: bool,
}

impl TurnedAway {
    pub(super) fn knows(&self, file: &Found) -> bool {
        self.files.contains(&short(file))
    }

    pub(super) fn add(&mut self, file: &Found) {
        if self.files.len() < MOST {
            self.is_new |= self.files.insert(short(file));
        }
    }
}

impl Notebook {
    /// Those that were turned away and for which nothing shows that there is room now.
    pub(super) fn turned_away(&self) -> Result<TurnedAway> {
        let at = self.room_taken()?;
        let kept = self.read(|connection| store::meta::<Vec<u8>>(connection, TURNED_AWAY))?.unwrap_or_default();
        let (before, files) = read(&kept).unwrap_or(([0; 3], BTreeSet::new()));
        let is_as_before = before[0] == at[0] && before[1] <= at[1] && before[2] <= at[2];
        Ok(TurnedAway { at, files: if is_as_before { files } else { BTreeSet::new() }, is_new: false })
    }

    pub(super) fn remember_turned_away(&self, turned_away: TurnedAway) -> Result<()> {
        if !turned_away.is_new {
            return Ok(());
        }
        let at = self.room_taken()?;
        // What the roster said when they were looked at counts.
        let head = [turned_away.at[0], at[1], at[2]].map(u64::to_be_bytes).concat();
        let files: Vec<u8> = turned_away.files.iter().flatten().copied().collect();
        store::set_meta(&lock(&self.writer).connection, TURNED_AWAY, [head, files].concat())
    }

    fn room_taken(&self) -> Result<[u64; 3]> {
        self.read(|connection| {
            let (count, bytes) = segments::weight_kept_back(connection)?;
            Ok([segments::count_entries(connection)?, count, bytes])
        })
    }
}

fn short(file: &Found) -> [u8; 16] {
    let hash = blake3::hash(format!("{} {}", file.bytes, file.name).as_bytes());
    std::array::from_fn(|at| hash.as_bytes()[at])
}

fn read(bytes: &[u8]) -> Option<([u64; 3], BTreeSet<[u8; 16]>)> {
    let (head, files) = bytes.split_first_chunk::<24>()?;
    let number = |at: usize| Some(u64::from_be_bytes(*head.get(8 * at..)?.first_chunk()?));
    let files = files.chunks_exact(16).filter_map(|file| file.try_into().ok()).collect();
    Some(([number(0)?, number(1)?, number(2)?], files))
}
