//! What could not be taken once is tried again: changes that were refused, by a version that refuses other ones; changes of
//! a record that could not be read, once it can; changes that there was no time or no room for; and items of segments that an
//! earlier version did not know.
//!
//! A sync tries so many of them and the next one goes on. What is taken then is told again as this device's own word: of a
//! change that was set aside it is not known any more in whose segment it came.

use std::collections::BTreeMap;

use super::SyncReport;
use super::receive::{Taking, mark_of};
use crate::document::{ADMISSION, NOT_NOW};
use crate::error::Result;
use crate::model::RecordId;
use crate::notebook::commit::RECORD_UNREADABLE;
use crate::notebook::{Change, Notebook, Origin};
use crate::store;
use crate::store::segments::{self, SegmentState};
use crate::sync::member::Member;
use crate::sync::segment::{ITEM_KINDS, Item};

/// How many changes, records or segments one sync tries again.
const MOST: usize = 256;
/// By which version's rules all that is set aside was tried, and up to which one of them.
const TRIED: &str = "tried_again";
/// Which kinds of items were known when segments were read, and up to which one they were gone through since.
const KINDS: &str = "item_kinds";
/// The rules of the first version.
const FIRST_ADMISSION: i64 = 1;
/// The kinds that the first version knew.
const FIRST_KINDS: i64 = 2;

impl Notebook {
    pub(super) fn try_again(&self, member: &Member, report: &mut SyncReport) -> Result<()> {
        self.try_refused_again(report)?;
        self.try_those_of_mended_records(report)?;
        self.try_those_not_taken_for_now(report)?;
        self.go_through_again(member, report)
    }

    /// Tries changes again that were set aside by other rules than those of this version.
    fn try_refused_again(&self, report: &mut SyncReport) -> Result<()> {
        let (by, after) = self.mark(TRIED)?.unwrap_or((FIRST_ADMISSION, None));
        let after = if by == ADMISSION { after } else { Some(String::new()) };
        let Some(after) = after else { return Ok(()) };
        let part = self.read(|connection| store::quarantined(connection, &after, MOST))?;
        if part.is_empty() && after.is_empty() {
            return Ok(());
        }
        let next = part.last().filter(|_| part.len() == MOST).map(|(hash, ..)| hash.clone());
        let changes = part.into_iter().map(|(_, id, bytes)| (id, bytes));
        self.take_again(changes, mark_text(TRIED, ADMISSION, next.as_deref()), report)
    }

    /// Tries changes again that were set aside because their record could not be read, if it can be now.
    fn try_those_of_mended_records(&self, report: &mut SyncReport) -> Result<()> {
        let records = self.read(|connection| store::quarantined_records(connection, RECORD_UNREADABLE, MOST))?;
        for id in records {
            let is_readable = self.read(|connection| {
                let row = store::document_row(connection, id)?;
                Ok(row.is_none_or(|row| row.is_only_told() || store::load(connection, &row).is_ok()))
            })?;
            if is_readable {
                self.take_those_of(id, RECORD_UNREADABLE, report)?;
            }
        }
        Ok(())
    }

    /// Tries changes of one record again for which there was no time, or no room among those that wait: any one, for each may
    /// take long.
    fn try_those_not_taken_for_now(&self, report: &mut SyncReport) -> Result<()> {
        let records = self.read(|connection| store::quarantined_records(connection, NOT_NOW, MOST))?;
        if records.is_empty() {
            return Ok(());
        }
        self.take_those_of(records[self.number_below(records.len())], NOT_NOW, report)
    }

    /// Tries changes of a record again that were set aside for a reason that begins so: from any one on, so that none that
    /// cannot be taken keeps another from being tried.
    fn take_those_of(&self, id: RecordId, why: &str, report: &mut SyncReport) -> Result<()> {
        let mut after = [0; 32];
        self.with_random(|random| random(&mut after));
        let changes = self.read(|connection| store::quarantined_of(connection, id, why, after, MOST))?;
        self.take_again(changes.into_iter().map(|bytes| (id, bytes)), Vec::new(), report)
    }

    fn take_again(
        &self,
        changes: impl Iterator<Item = (RecordId, Vec<u8>)>,
        meta: Vec<(&'static str, Option<String>)>,
        report: &mut SyncReport,
    ) -> Result<()> {
        let mut received: BTreeMap<RecordId, Vec<Vec<u8>>> = BTreeMap::new();
        changes.for_each(|(id, bytes)| received.entry(id).or_default().push(bytes));
        let committed = self.commit(Change { received, retold: true, meta, ..Change::default() }, Origin::Peer)?;
        report.received += committed.changes;
        report.touched += committed.touched.len() as u64;
        Ok(())
    }

    /// Takes out of segments that are here what was of a newer version when they came, and is not now.
    fn go_through_again(&self, member: &Member, report: &mut SyncReport) -> Result<()> {
        let (known, from) = self.mark(KINDS)?.unwrap_or((FIRST_KINDS, None));
        if known == ITEM_KINDS as i64 {
            return Ok(());
        }
        let from = from.and_then(|from| from.parse().ok()).unwrap_or(0);
        let part = self.read(|connection| segments::taken_from(connection, from, MOST))?;
        for (_, at) in part.iter().filter(|_| known < ITEM_KINDS as i64) {
            let Some(mut text) = self.opened(member, at)? else { continue };
            text.items.retain(|item| item.kind().is_some_and(|kind| kind as i64 > known));
            if text.items.iter().any(|item| !matches!(item, Item::Unknown(_))) {
                let bytes = self.read(|connection| segments::whole(connection, at))?.unwrap_or_default();
                let mark = mark_of(member, &text, at, SegmentState::Taken, &bytes);
                self.take_items(text, mark, Taking::AsTheirs, report)?;
            }
        }
        let next = part.last().filter(|_| part.len() == MOST && known < ITEM_KINDS as i64).map(|(n, _)| n + 1);
        let by = if next.is_some() { known } else { ITEM_KINDS as i64 };
        let meta = mark_text(KINDS, by, next.map(|next| next.to_string()).as_deref());
        self.commit(Change { meta, ..Change::default() }, Origin::Peer).map(drop)
    }

    /// A version, and how far it came if it is not done.
    fn mark(&self, name: &str) -> Result<Option<(i64, Option<String>)>> {
        let text = self.read(|connection| store::meta::<String>(connection, name))?;
        Ok(text.and_then(|text| {
            let (by, at) = text.split_once(' ').map_or((&text[..], None), |(by, at)| (by, Some(at.to_string())));
            Some((by.parse().ok()?, at))
        }))
    }
}

fn mark_text(name: &'static str, by: i64, at: Option<&str>) -> Vec<(&'static str, Option<String>)> {
    vec![(name, Some(at.map_or_else(|| by.to_string(), |at| format!("{by} {at}"))))]
}
