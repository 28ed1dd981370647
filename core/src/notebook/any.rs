//! Records whose kind is known only when they come: written down, drafted, listed page by page. For whoever has one form
//! for many kinds.

use super::{Notebook, Writing};
use crate::document::Heads;
use crate::error::{Error, Result};
use crate::model::{AnyKind, AnyRecord, Contact, Id, Kind, Moment, Record, RecordId};
use crate::query::{self, pages};

/// A page of records of one kind.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Records {
    /// The rows: by name where the kind has names, else the newest day first.
    pub rows: Vec<AnyRecord>,
    /// How many there are.
    pub total: u64,
    /// What to ask for to get the next page; none when this is the last.
    pub next: Option<u32>,
}

/// A record as somebody began to edit it. What they save is written on top of what they saw, so that what others write
/// meanwhile stays beside it.
#[derive(Clone)]
pub struct Draft {
    before: AnyRecord,
    /// The version of each record it is made of; several for a person who is several records.
    versions: Vec<(RecordId, Heads)>,
}

impl Draft {
    /// The record as it was read.
    pub fn record(&self) -> &AnyRecord {
        &self.before
    }
}

impl Notebook {
    /// Writes a new record of whatever kind, or what differs from the one under its id; returns its id. A kind that
    /// exists once takes the id of its name.
    ///
    /// # Errors
    /// As [`Notebook::commit`].
    pub fn put_any(&self, record: AnyRecord) -> Result<RecordId> {
        let mut writing = self.write();
        let id = record.named().hand_to(Put(&mut writing))?;
        writing.commit()?;
        Ok(id)
    }

    /// Writes a new record down with what the moment knows: the day it was made, the event that runs. What says so
    /// itself is left as it is. A meeting that was held notes its thank-you, what one got is to be answered.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it says too little, such as a promise without words; else as [`Notebook::commit`].
    pub fn write_down(&self, record: AnyRecord) -> Result<RecordId> {
        let (today, event) = (Some(self.today()?), self.running_event()?.map(|event| event.id));
        let needs_words = |words: &str| match words.trim() {
            "" => Err(Error::Invalid("write it in words".into())),
            _ => Ok(()),
        };
        match record {
            AnyRecord::Meeting(meeting) => self.meet(meeting).map(Id::raw),
            AnyRecord::Exchange(exchange) => self.exchange(exchange).map(Id::raw),
            AnyRecord::Promise(mut promise) => {
                needs_words(&promise.words)?;
                promise.made_on = promise.made_on.or(today);
                promise.event = promise.event.or(event);
                self.put(promise).map(Id::raw)
            }
            AnyRecord::Need(mut need) => {
                needs_words(&need.words)?;
                need.event = need.event.or(event);
                self.put(need).map(Id::raw)
            }
            AnyRecord::Offer(mut offer) => {
                needs_words(&offer.words)?;
                offer.event = offer.event.or(event);
                self.put(offer).map(Id::raw)
            }
            AnyRecord::Ask(mut ask) => {
                needs_words(&ask.words)?;
                ask.asked_on = ask.asked_on.or(today);
                self.put(ask).map(Id::raw)
            }
            AnyRecord::Note(mut note) => {
                needs_words(&note.body)?;
                note.event = note.event.or(event);
                note.at = note.at.or(Some(Moment::new(self.now(), self.zone()?)));
                self.put(note).map(Id::raw)
            }
            other => self.put_any(other),
        }
    }

    /// Begins to edit a record; a person who is several records, as they are shown.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not here, [`Error::Unreadable`] when it is damaged.
    pub fn draft(&self, id: RecordId) -> Result<Draft> {
        let members = self.read(|connection| query::members(connection, id))?;
        if let [_] = members.as_slice() {
            let (_, heads, reading) = self.document(id)?;
            let kind = reading.kind.as_deref().and_then(Kind::from_word);
            let kind = kind.ok_or_else(|| Error::NeedsUpdate("this record".into()))?;
            let mut fields = reading.fields;
            fields.shift_insert(0, "id".into(), id.to_string().into());
            return Ok(Draft { before: AnyRecord::from_map(kind, fields), versions: vec![(id, heads)] });
        }
        let mut versions = Vec::new();
        for member in members {
            versions.push((member, self.document(member)?.1));
        }
        let together = self.read(|connection| pages::contact(connection, Id::new(id)))?;
        let (contact, _) = together.ok_or_else(|| Error::NotFound("the record".into()))?;
        Ok(Draft { before: contact.into(), versions })
    }

    /// Saves what a draft became, on top of what was read.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is another record than was drafted; else as [`Notebook::commit`].
    pub fn save(&self, draft: &Draft, after: AnyRecord) -> Result<()> {
        if after.kind() != draft.before.kind() || after.id() != draft.before.id() {
            return Err(Error::Invalid("this is another record than the one that was drafted".into()));
        }
        let (before, after) = (draft.before.to_map(), after.to_map());
        let mut writing = self.write();
        match draft.versions.as_slice() {
            [(id, at)] => writing.save_map(draft.before.kind(), *id, (&before, &after), at.clone()),
            _ => writing.save_together(&draft.versions, &before, &after)?,
        }
        writing.commit().map(drop)
    }

    /// A page of the living records of a kind about one person, the newest first; at most 1,000 rows. What their page has
    /// too much of to show.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such person, [`Error::Invalid`] for a kind that is about nobody.
    pub fn records_about(&self, person: Id<Contact>, kind: Kind, from: u32, most: u32) -> Result<Records> {
        let about_nobody = || Error::Invalid(format!("no {} is about one person", kind.word()));
        let field = query::about::field_about(kind).ok_or_else(about_nobody)?;
        let page = self.read(|connection| {
            let Some((_, members)) = pages::contact(connection, person)? else { return Ok(None) };
            query::about::page(connection, &members, (field, kind), from, most).map(Some)
        })?;
        let (rows, total) = page.ok_or_else(|| super::write::not_found(Kind::Contact))?;
        Ok(Records { next: pages::next(from, rows.len(), total), rows, total })
    }

    /// A page of living records of a kind, or of deleted ones; at most 1,000 rows.
    ///
    /// # Errors
    /// As [`Notebook::get`].
    pub fn records(&self, kind: Kind, deleted: bool, from: u32, most: u32) -> Result<Records> {
        AnyRecord::blank(kind).hand_to(List { notebook: self, deleted, from, most })
    }
}

struct Put<'a, 'b>(&'a mut Writing<'b>);

impl AnyKind for Put<'_, '_> {
    type Answer = Result<RecordId>;
    fn take<R: Record>(self, record: R) -> Result<RecordId> {
        self.0.put(record).map(Id::raw)
    }
}

struct List<'a> {
    notebook: &'a Notebook,
    deleted: bool,
    from: u32,
    most: u32,
}

impl AnyKind for List<'_> {
    type Answer = Result<Records>;
    fn take<R: Record>(self, _: R) -> Result<Records> {
        let Self { notebook, deleted, from, most } = self;
        notebook.read(|connection| {
            let rows: Vec<R> = pages::list(connection, deleted, from, most)?;
            let total = pages::count(connection, R::KIND, deleted)?;
            let next = pages::next(from, rows.len(), total);
            let rows = rows.into_iter().map(|row| AnyRecord::from_map(R::KIND, row.to_map())).collect();
            Ok(Records { rows, total, next })
        })
    }
}
