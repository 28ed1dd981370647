//! What is kept back until somebody decides: segments of a device that nobody let in, or that it wrote after it was
//! removed. Kept means that this device tells their changes as somebody else's, in its own log, so that every other takes
//! them too; dropped means that they are never taken here.

use std::collections::{BTreeMap, BTreeSet};

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
use crate::sync::segment::{self, Header, Item, Plaintext};

/// Why something is kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum WhyKeptBack {
    /// Nobody who belongs to the notebook let the device in.
    Stranger,
    /// The device wrote it after it was removed.
    AfterRemoval,
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

impl Notebook {
    /// What is kept back, by device.
    ///
    /// # Errors
    /// As [`Notebook::member`].
    pub fn kept_back(&self, keys: &dyn KeyStore) -> Result<Vec<KeptBack>> {
        let Some(member) = self.member(keys)? else { return Ok(Vec::new()) };
        let mut by_device: BTreeMap<DeviceId, Sum> = BTreeMap::new();
        self.each_kept_back(&member, &mut |opened, state| {
            let sum = by_device.entry(opened.author).or_default();
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
        let row = |(author, sum): (DeviceId, Sum)| KeptBack {
            device: short(&author),
            name: member.roster().name_of(&author),
            why: if sum.is_removed { WhyKeptBack::AfterRemoval } else { WhyKeptBack::Stranger },
            segments: sum.segments,
            changes: sum.changes,
            records: sum.records.len() as u64,
            newest: rfc3339(sum.newest),
        };
        Ok(by_device.into_iter().map(row).collect())
    }

    /// Takes what is kept back of a device, and tells it to the others as this device's own word.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing of such a device is kept back; otherwise as [`Notebook::commit`].
    pub fn keep_back_no_more(&self, keys: &dyn KeyStore, device: &str) -> Result<SyncReport> {
        let mut report = SyncReport::default();
        self.each_kept_back_of(keys, device, &mut |opened| {
            let mark = settled(&opened);
            self.take_items(opened.text, mark, Taking::AsOurOwn, &mut report)
        })?;
        Ok(report)
    }

    /// Leaves what is kept back of a device for good; says how many segments that were. They stay, sealed, until a renewal.
    ///
    /// # Errors
    /// As [`Notebook::keep_back_no_more`].
    pub fn drop_kept_back(&self, keys: &dyn KeyStore, device: &str) -> Result<u64> {
        self.each_kept_back_of(keys, device, &mut |opened| self.settle(settled(&opened)))
    }

    /// Changes that this version refuses, how many for which reason. They are kept, and a newer version tries again.
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
        self.each_kept_back(member, &mut |opened, _| {
            if self.knows_all(&opened.text)? { self.settle(settled(&opened)) } else { Ok(()) }
        })
    }

    fn settle(&self, mark: ReceivedSegment) -> Result<()> {
        self.commit(Change { segment: Some(mark), ..Change::default() }, Origin::Peer).map(drop)
    }

    fn knows_all(&self, text: &Plaintext) -> Result<bool> {
        for item in &text.items {
            let Item::Change { record, bytes, .. } = item else { return Ok(false) };
            let Ok(hash) = crate::document::hash_of(bytes) else { return Ok(false) };
            let document = self.read(|connection| {
                let row = crate::store::document_row(connection, *record)?;
                row.map(|row| crate::store::load(connection, &row)).transpose()
            })?;
            if !document.is_some_and(|document| document.has_change(&hash)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Does this with everything that is kept back of a device; says with how many segments.
    fn each_kept_back_of(
        &self,
        keys: &dyn KeyStore,
        device: &str,
        with: &mut dyn FnMut(Opened) -> Result<()>,
    ) -> Result<u64> {
        let nothing = || Error::NotFound(format!("\"{device}\" among the devices of which something is kept back"));
        let member = self.member(keys)?.ok_or_else(nothing)?;
        let is_meant = |author: &DeviceId| {
            let name = member.roster().name_of(author);
            (!name.is_empty() && name.to_lowercase() == device.to_lowercase())
                || (device.len() >= 6 && hex(&author.0).starts_with(device))
        };
        let mut meant: BTreeMap<DeviceId, u64> = BTreeMap::new();
        self.each_kept_back(&member, &mut |opened, _| {
            if is_meant(&opened.author) {
                *meant.entry(opened.author).or_default() += 1;
            }
            Ok(())
        })?;
        let (author, count) = match meant.len() {
            0 | 1 => meant.pop_first().ok_or_else(nothing)?,
            _ => {
                return Err(Error::Invalid(format!(
                    "several devices are called \"{device}\"; name one by its key: {}",
                    meant.keys().map(short).collect::<Vec<_>>().join(", ")
                )));
            }
        };
        self.each_kept_back(&member, &mut |opened, _| if opened.author == author { with(opened) } else { Ok(()) })?;
        Ok(count)
    }

    /// Does this with everything that is kept back, one after the other, and why it is. What waits for what follows it is not
    /// for anybody to decide about.
    fn each_kept_back(&self, member: &Member, with: &mut dyn FnMut(Opened, SegmentState) -> Result<()>) -> Result<()> {
        let is_open = |state| matches!(state, SegmentState::Stranger | SegmentState::AfterRemoval);
        for (at, state) in self.read(segments::kept_back)?.into_iter().filter(|(_, state)| is_open(*state)) {
            let Some(bytes) = self.read(|connection| segments::whole(connection, &at))? else { continue };
            let Some(epoch) = member.epoch(&Header::read(&bytes)?.key) else { continue };
            let opened = segment::open(&bytes, &epoch)?;
            let author = opened.author();
            let text = opened.verify(&author)?;
            if !text.needs_update() {
                with(Opened { at, author, text, bytes }, state)?;
            }
        }
        Ok(())
    }
}

/// The mark of a segment about which somebody decided. Its actors stay whose they are: nobody's.
fn settled(opened: &Opened) -> ReceivedSegment {
    ReceivedSegment {
        place: opened.at.clone(),
        state: SegmentState::Settled,
        bytes: opened.bytes.clone(),
        author: opened.author.0,
        device: String::new(),
        made_at: rfc3339(opened.text.made_at_unix_ms),
        actors: Vec::new(),
        owns_its_log: false,
    }
}

/// As much of a device's key as tells it from others.
fn short(device: &DeviceId) -> String {
    hex(&device.0[..4])
}
