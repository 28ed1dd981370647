//! Files of a mailbox for which there is no room, so that they are not read again at every pass: they are looked at once
//! more when room was made, the list of devices says something new, or more is here that shows which others count.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::notebook::{Notebook, lock};
use crate::store;
use crate::store::segments;
use crate::sync::carrier::mailbox::{Item as Found, MAX_ITEMS};
use crate::sync::member::Member;

/// Under which name the notebook remembers them.
const TURNED_AWAY: &str = "turned_away";

/// What was here when files were turned away.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Taken {
    /// How many entries the roster had, and how many segments of removed devices counted.
    facts: [u64; 2],
    /// How many segments were kept back, and how many bytes; how many waited, and how many bytes.
    room: [u64; 4],
}

/// Files that were turned away, and what was here then.
pub(super) struct TurnedAway {
    at: Taken,
    files: BTreeSet<[u8; 16]>,
    is_new: bool,
}

impl TurnedAway {
    pub(super) fn knows(&self, file: &Found) -> bool {
        self.files.contains(&short(file))
    }

    pub(super) fn add(&mut self, file: &Found) {
        if self.files.len() < MAX_ITEMS {
            self.is_new |= self.files.insert(short(file));
        }
    }
}

impl Notebook {
    /// Those that were turned away and for which nothing shows that there is room now.
    pub(super) fn turned_away(&self, member: &Member) -> Result<TurnedAway> {
        let at = self.taken(member)?;
        let kept = self.read(|connection| store::meta::<Vec<u8>>(connection, TURNED_AWAY))?.unwrap_or_default();
        let is_as_before = |before: &Taken| {
            before.facts == at.facts && before.room.iter().zip(at.room).all(|(before, now)| *before <= now)
        };
        let files = read(&kept).filter(|(before, _)| is_as_before(before)).map(|(_, files)| files).unwrap_or_default();
        Ok(TurnedAway { at, files, is_new: false })
    }

    pub(super) fn remember_turned_away(&self, member: &Member, turned_away: TurnedAway) -> Result<()> {
        if !turned_away.is_new {
            return Ok(());
        }
        // What counted, and what the roster said, when they were looked at is what matters.
        let at = Taken { facts: turned_away.at.facts, ..self.taken(member)? };
        let head: Vec<u8> = at.facts.iter().chain(&at.room).flat_map(|number| number.to_be_bytes()).collect();
        let files: Vec<u8> = turned_away.files.iter().flatten().copied().collect();
        store::set_meta(&lock(&self.writer).connection, TURNED_AWAY, [head, files].concat())
    }

    fn taken(&self, member: &Member) -> Result<Taken> {
        let removed = &member.roster().removed;
        self.read(|connection| {
            let (kept, kept_bytes) = segments::weight_kept_back(connection)?;
            // Only what a removed device wrote waits, and to look for it is to look at every segment.
            let none_waits = removed.is_empty();
            let (waits, waiting_bytes) = if none_waits { (0, 0) } else { segments::weight_waiting(connection)? };
            let mut counts = 0;
            for removed in removed {
                counts += segments::count_taken_of(connection, removed.device.0)?;
            }
            let facts = [segments::count_entries(connection)?, counts];
            Ok(Taken { facts, room: [kept, kept_bytes, waits, waiting_bytes] })
        })
    }
}

/// By which a file is remembered: its name and its size.
pub(super) fn short(file: &Found) -> [u8; 16] {
    let hash = blake3::hash(format!("{} {}", file.bytes, file.name).as_bytes());
    std::array::from_fn(|at| hash.as_bytes()[at])
}

fn read(bytes: &[u8]) -> Option<(Taken, BTreeSet<[u8; 16]>)> {
    let (head, files) = bytes.split_first_chunk::<48>()?;
    let (files, rest) = files.as_chunks::<16>();
    let (numbers, _) = head.as_chunks::<8>();
    let [a, b, c, d, e, f] = *<&[[u8; 8]; 6]>::try_from(numbers).ok()?;
    let [a, b, c, d, e, f] = [a, b, c, d, e, f].map(u64::from_be_bytes);
    rest.is_empty().then(|| (Taken { facts: [a, b], room: [c, d, e, f] }, files.iter().copied().collect()))
}
