//! What is kept back until somebody decides: segments of a device that nobody let in, or that it wrote after it was
//! removed, or before that if what would show so is lost. Kept means that this device tells their changes as somebody
//! else's, in its own log, so that every other takes them too; dropped means that nobody here is asked again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::SyncReport;
use super::receive::{Taking, rfc3339};
use crate::error::{Error, Result};
use crate::model::RecordId;
use crate::notebook::commit::ReceivedSegment;
use crate::notebook::{Change, Notebook, Origin};
use crate::store::segments::{self, SegmentPlace, SegmentState};
use crate::sync::hex;
use crate::sync::keys::DeviceId;
use crate::sync::keystore::KeyStore;
use crate::sync::member::Member;
use crate::sync::segment::{Item, MAX_ITEMS, Plaintext};

/// Of what is kept back one pass compares so many items with what is here; another goes on elsewhere.
const MOST_COMPARED: usize = 16 * MAX_ITEMS;

/// Why something is kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum WhyKeptBack {
    /// Nobody who belongs to the notebook let the device in.
    Stranger,
    /// The device wrote it after it was removed.
    AfterRemoval,
    /// The device was removed, and what would show that it wrote this before has not come, or was lost.
    Incomplete,
}

/// What of one device is kept back.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct KeptBack {
    /// The beginning of the device's key.
    pub device: String,
    /// What the device is called, if it ever belonged to the notebook.
    pub name: String,
    /// Why.
    pub why: WhyKeptBack,
    /// How many segments.
    pub segments: u64,
    /// How many changes are in them.
    pub changes: u64,
    /// In how many records.
    pub records: u64,
    /// When the newest says it was made.
    pub newest: String,
}

/// Changes that this version refuses.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Refused {
    /// How many.
    pub changes: u64,
    /// Why.
    pub why: String,
}

/// A segment that is kept back, opened.
struct Opened {
    at: SegmentPlace,
    author: DeviceId,
    text: Plaintext,
    bytes: Vec<u8>,
}

/// What of one device is kept back, as it is added up.
#[derive(Default)]
struct Sum {
    segments: u64,
    changes: u64,
    records: BTreeSet<RecordId>,
    newest: u64,
    is_removed: bool,
}

/// Whether it is for somebody to decide what becomes of it, or may still turn out to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Waits {
    ForSomebody,
    ForMore,
}

impl Waits {
    fn of(state: SegmentState) -> Self {
        if state == SegmentState::Unpinned { Self::ForMore } else { Self::ForSomebody }
    }
}

impl Notebook {
    /// What is kept back, by device, and of one device apart what may still turn out to count.
    ///
    /// # Errors
    /// As [`Notebook::member`].
    pub fn kept_back(&self, keys: &dyn KeyStore) -> Result<Vec<KeptBack>> {
        let Some(member) = self.member(keys)? else { return Ok(Vec::new()) };
        let mut by_device: BTreeMap<(DeviceId, Waits), Sum> = BTreeMap::new();
        self.each_kept_back(&member, &mut |opened, state| {
            let sum = by_device.entry((opened.author, Waits::of(state))).or_default();
            sum.segments += 1;
            for item in &opened.text.items {
                if let Item::Change { record, .. } = item {
                    sum.changes += 1;
                    sum.records.insert(*record);
                }
            }
            sum.newest = sum.newest.max(opened.text.made_at_unix_ms);
            sum.is_removed |= state == SegmentState::AfterRemoval;
            Ok(())
        })?;
        let row = |((author, waits), sum): ((DeviceId, Waits), Sum)| KeptBack {
            device: short(&author),
            name: member.roster().name_of(&author),
            why: match waits {
                Waits::ForMore => WhyKeptBack::Incomplete,
                Waits::ForSomebody if sum.is_removed => WhyKeptBack::AfterRemoval,
                Waits::ForSomebody => WhyKeptBack::Stranger,
            },
            segments: sum.segments,
            changes: sum.changes,
            records: sum.records.len() as u64,
            newest: rfc3339(sum.newest),
        };
        Ok(by_device.into_iter().map(row).collect())
    }

    /// Takes what is kept back of a device, also what may still turn out to count, and tells it to the others as this
    /// device's own word.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing of such a device is kept back; otherwise as [`Notebook::commit`].
    pub fn keep_back_no_more(&self, keys: &dyn KeyStore, device: &str) -> Result<SyncReport> {
        let mut report = SyncReport::default();
        let member = self.member(keys)?.ok_or_else(|| none_of(device))?;
        let author = self.meant(&member, device)?;
        self.each_kept_back(&member, &mut |opened, _| {
            if opened.author != author {
                return Ok(());
            }
            let mark = decided(&opened, SegmentState::Settled);
            self.take_items(opened.text, mark, Taking::AsOurOwn, &mut report)
        })?;
        Ok(report)
    }

    /// Leaves what is kept back of a device; says how many segments that were. They stay, sealed, as long as their key
    /// does. What may still turn out to count is not dropped; and should any of it count after all, since another device had
    /// it before it heard of the removal, it becomes part of this notebook as of all others.
    ///
    /// # Errors
    /// As [`Notebook::keep_back_no_more`]; [`Error::Invalid`] when all there is may still turn out to count.
    pub fn drop_kept_back(&self, keys: &dyn KeyStore, device: &str) -> Result<u64> {
        let member = self.member(keys)?.ok_or_else(|| none_of(device))?;
        let author = self.meant(&member, device)?;
        let mut dropped = 0;
        self.each_kept_back(&member, &mut |opened, state| {
            if opened.author != author || Waits::of(state) == Waits::ForMore {
                return Ok(());
            }
            dropped += 1;
            self.settle(decided(&opened, SegmentState::Dropped))
        })?;
        if dropped == 0 {
            return Err(Error::Invalid(format!(
                "nothing was dropped: \"{device}\" may have written this before it was removed, and what shows it may come \
                 yet; keep it, or sync with your other devices and mailboxes first"
            )));
        }
        Ok(dropped)
    }

    /// Changes that this version refuses, or has not taken for now, how many for which reason. They are kept and tried again,
    /// by a newer version at the latest.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn refused(&self) -> Result<Vec<Refused>> {
        let mut by_reason: BTreeMap<String, u64> = BTreeMap::new();
        for why in self.read(crate::store::quarantine)? {
            *by_reason.entry(why).or_default() += 1;
        }
        Ok(by_reason.into_iter().map(|(why, changes)| Refused { changes, why }).collect())
    }

    /// What other devices decided to keep is no longer kept back here: all of it came another way.
    pub(super) fn settle_what_came(&self, member: &Member) -> Result<()> {
        let mut places = self.read(segments::kept_back)?;
        if places.len() > MOST_COMPARED / MAX_ITEMS {
            let at = self.number_below(places.len());
            places.rotate_left(at);
        }
        let (mut present, mut compared) = (Present::default(), 0);
        for (at, state) in places {
            let Some(opened) = self.open_kept_back(member, at, state)? else { continue };
            if self.knows_all(&opened.text, &mut present)? {
                self.settle(decided(&opened, SegmentState::Settled))?;
            }
            compared += opened.text.items.len();
            if compared >= MOST_COMPARED {
                break;
            }
        }
        Ok(())
    }

    fn settle(&self, mark: ReceivedSegment) -> Result<()> {
        self.commit(Change { segment: Some(mark), ..Change::default() }, Origin::Peer).map(drop)
    }

    fn knows_all(&self, text: &Plaintext, present: &mut Present) -> Result<bool> {
        for item in &text.items {
            let Item::Change { record, bytes, .. } = item else { return Ok(false) };
            let Ok(hash) = crate::document::hash_of(bytes) else { return Ok(false) };
            if !present.has(self, *record, &hash)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The device that somebody calls so, among those of which something is kept back.
    fn meant(&self, member: &Member, device: &str) -> Result<DeviceId> {
        let is_meant = |author: &DeviceId| {
            let name = member.roster().name_of(author);
            (!name.is_empty() && name.to_lowercase() == device.to_lowercase())
                || (device.len() >= 6 && hex(&author.0).starts_with(device))
        };
        let mut meant: BTreeSet<DeviceId> = BTreeSet::new();
        self.each_kept_back(member, &mut |opened, _| {
            meant.extend(Some(opened.author).filter(is_meant));
            Ok(())
        })?;
        if meant.len() > 1 {
            return Err(Error::Invalid(format!(
                "several devices are called \"{device}\"; name one by its key: {}",
                meant.iter().map(short).collect::<Vec<_>>().join(", ")
            )));
        }
        meant.pop_first().ok_or_else(|| none_of(device))
    }

    /// Does this with everything that is kept back, one after the other, and why it is.
    fn each_kept_back(&self, member: &Member, with: &mut dyn FnMut(Opened, SegmentState) -> Result<()>) -> Result<()> {
        for (at, state) in self.read(segments::kept_back)? {
            if let Some(opened) = self.open_kept_back(member, at, state)? {
                with(opened, state)?;
            }
        }
        Ok(())
    }

    /// A segment that is kept back, unless only a newer version understands it, its key is not held, or it was damaged here:
    /// each sync names such a one.
    fn open_kept_back(&self, member: &Member, at: SegmentPlace, state: SegmentState) -> Result<Option<Opened>> {
        if state == SegmentState::Newer {
            return Ok(None);
        }
        let Some(bytes) = self.read(|connection| segments::whole(connection, &at))? else { return Ok(None) };
        let text = member.read(&bytes).ok().filter(|text| !text.needs_update());
        Ok(text.map(|text| Opened { at, author: text.device, text, bytes }))
    }
}

/// Which changes are here: each record is looked into once, however often it is asked for.
#[derive(Default)]
pub(super) struct Present(HashMap<RecordId, HashSet<[u8; 32]>>);

impl Present {
    /// Whether a record has this change.
    pub(super) fn has(&mut self, notebook: &Notebook, record: RecordId, hash: &[u8; 32]) -> Result<bool> {
        if let Some(changes) = self.0.get(&record) {
            return Ok(changes.contains(hash));
        }
        let changes = notebook.read(|connection| crate::store::changes_of(connection, record))?;
        let is_there = changes.contains(hash);
        self.0.insert(record, changes);
        Ok(is_there)
    }
}

/// The mark of a segment about which somebody decided. Its actors stay whose they are: nobody's.
fn decided(opened: &Opened, state: SegmentState) -> ReceivedSegment {
    ReceivedSegment {
        place: opened.at.clone(),
        state,
        bytes: opened.bytes.clone(),
        author: opened.author.0,
        device: String::new(),
        made_at: rfc3339(opened.text.made_at_unix_ms),
        actors: Vec::new(),
        owns_its_log: false,
    }
}

fn none_of(device: &str) -> Error {
    Error::NotFound(format!("\"{device}\" among the devices of which something is kept back"))
}

/// As much of a device's key as tells it from others.
fn short(device: &DeviceId) -> String {
    hex(&device.0[..4])
}
