//! From a document's reading to its rows: the one place that decides what the read model says of a record.

use std::collections::{BTreeSet, HashSet};

use chrono::{Datelike, Days, NaiveDate};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::words::{backwards, folded, words};
use crate::document::Reading;
use crate::error::Result;
use crate::model::{AnyRecord, Contact, Id, Kind, MeetingState, PromiseState, RecordId, Whose};
use crate::store::pack::{self, Dictionary};

/// The kind number of records whose kind this version does not know.
pub(super) const UNKNOWN_KIND: i64 = 0;
/// The day of what has none: behind all others.
pub(super) const NO_DAY: &str = "9999";
/// The same as a number of days, and the last one there is: some 20,000 years from now.
pub(super) const NEVER: i32 = 8_000_000;

/// What a row's record is shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Living = 0,
    Deleted = 1,
    Member = 2,
}

/// What Today can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matter {
    IOwe = 1,
    TheyOwe = 2,
    Decision = 3,
    Reminder = 4,
    Coffee = 5,
    Planned = 6,
    Introduction = 7,
    Debrief = 8,
    Ask = 9,
    Birthday = 10,
}

/// The index rows of one record.
#[derive(Default, PartialEq)]
struct Index {
    links: BTreeSet<(RecordId, &'static str, i32)>,
    agenda: BTreeSet<(i64, String)>,
    identities: BTreeSet<String>,
    name_words: BTreeSet<String>,
}

/// What a projected record asks to be looked at once all records of the commit are projected.
#[derive(Default)]
pub struct Aftermath {
    contacts: HashSet<RecordId>,
    merged: HashSet<i64>,
}

/// Brings the rows of one record up to what its document says.
pub fn project(connection: &Connection, n: i64, id: RecordId, reading: &Reading, after: &mut Aftermath) -> Result<()> {
    let kind = reading.kind.as_deref().and_then(Kind::from_word);
    let mut fields = reading.fields.clone();
    fields.shift_insert(0, "id".into(), id.to_string().into());
    if let (None, Some(word)) = (kind, &reading.kind) {
        fields.insert("@kind".into(), word.as_str().into());
    }
    let number = kind.map_or(UNKNOWN_KIND, Kind::number);
    let old = old_row(connection, n)?;
    let record = kind.map(|kind| AnyRecord::from_map(kind, fields.clone()));
    let own_state = match &record {
        Some(record) if record.deleted_at().is_some() => State::Deleted,
        _ => State::Living,
    };
    let value = pack::pack(Dictionary::Rows, Value::Object(fields).to_string().as_bytes())?;
    let (sort, day) = record.as_ref().map_or((None, NEVER), |record| (sort_key(record), day(record)));
    let old_record = old.as_ref().and_then(|old| Some((Kind::from_number(old.kind)?, old)));
    let old_record = old_record.map(|(kind, old)| AnyRecord::from_map(kind, parse(&old.value)));
    // Members of a merged set are marked so by `settle`, which looks at every record touched here.
    let state = match &old {
        Some(old) if old.state == State::Member as i64 && own_state == State::Living => State::Member,
        _ => own_state,
    };
    connection
        .prepare_cached(
            "INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (n) DO UPDATE
             SET kind = ?2, state = ?3, sort = ?4, day = ?5, conflicts = ?6, value = ?7",
        )?
        .execute(params![n, number, state as i64, sort, day, reading.conflicts.len() as i64, value])?;
    let before = old_record.as_ref().map(index).unwrap_or_default();
    let now = record.as_ref().map(index).unwrap_or_default();
    write_index(connection, n, &before, &now)?;
    tally(connection, old.as_ref().map(|old| (old.kind, old.state)), Some((number, state as i64)))?;
    connection.prepare_cached("INSERT OR IGNORE INTO stale VALUES (?)")?.execute([n])?;
    for record in old_record.iter().chain(&record) {
        note_aftermath(record, n, after);
    }
    Ok(())
}

/// Takes the rows of a record away: it was purged.
pub fn forget(connection: &Connection, n: i64, after: &mut Aftermath) -> Result<()> {
    let Some(old) = old_row(connection, n)? else { return Ok(()) };
    if let Some(kind) = Kind::from_number(old.kind) {
        let record = AnyRecord::from_map(kind, parse(&old.value));
        write_index(connection, n, &index(&record), &Index::default())?;
        note_aftermath(&record, n, after);
    }
    // Those it was one with are looked at again.
    after.merged.extend(super::same::former_set(connection, n)?);
    tally(connection, Some((old.kind, old.state)), None)?;
    // Its number is given to another record some day: nothing may be left under it, nor what follows from other records.
    for table in ["record", "stale", "same", "agenda"] {
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE n = ?"))?.execute([n])?;
    }
    Ok(())
}

struct OldRow {
    kind: i64,
    state: i64,
    value: Stored,
}

fn old_row(connection: &Connection, n: i64) -> Result<Option<OldRow>> {
    let mut statement = connection.prepare_cached("SELECT kind, state, value FROM record WHERE n = ?")?;
    let row = statement
        .query_row([n], |row| Ok(OldRow { kind: row.get(0)?, state: row.get(1)?, value: row.get(2)? }))
        .optional()?;
    Ok(row)
}

/// A row's value, unpacked while it is read.
pub(super) struct Stored(String);

impl FromSql for Stored {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let mut text = Vec::new();
        pack::unpack(Dictionary::Rows, value.as_blob()?, &mut text)
            .map_err(|error| FromSqlError::Other(error.into()))?;
        String::from_utf8(text).map(Self).map_err(|error| FromSqlError::Other(error.into()))
    }
}

impl Stored {
    /// As JSON.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A row's value as a map; our own rows always are one.
pub(super) fn parse(value: &Stored) -> Map<String, Value> {
    match serde_json::from_str(value.as_str()) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

pub(super) fn tally(connection: &Connection, old: Option<(i64, i64)>, new: Option<(i64, i64)>) -> Result<()> {
    if old == new {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO tally VALUES (?1, ?2, ?3) ON CONFLICT (kind, state) DO UPDATE SET count = count + ?3",
    )?;
    for ((kind, state), change) in old.map(|old| (old, -1)).into_iter().chain(new.map(|new| (new, 1))) {
        statement.execute([kind, state, change])?;
    }
    Ok(())
}

fn write_index(connection: &Connection, n: i64, before: &Index, now: &Index) -> Result<()> {
    for (target, field, day) in before.links.difference(&now.links) {
        let sql = "DELETE FROM link WHERE target = ? AND field = ? AND day = ? AND n = ?";
        connection.prepare_cached(sql)?.execute(params![target.0, field, day, n])?;
    }
    for (target, field, day) in now.links.difference(&before.links) {
        let sql = "INSERT OR IGNORE INTO link VALUES (?, ?, ?, ?)";
        connection.prepare_cached(sql)?.execute(params![target.0, field, day, n])?;
    }
    for (matter, day) in before.agenda.difference(&now.agenda) {
        let sql = "DELETE FROM agenda WHERE matter = ? AND day = ? AND n = ?";
        connection.prepare_cached(sql)?.execute(params![matter, day, n])?;
    }
    for (matter, day) in now.agenda.difference(&before.agenda) {
        let sql = "INSERT OR IGNORE INTO agenda VALUES (?, ?, ?)";
        connection.prepare_cached(sql)?.execute(params![matter, day, n])?;
    }
    for (table, column, before, now) in [
        ("identity", "key", &before.identities, &now.identities),
        ("name_word", "word", &before.name_words, &now.name_words),
    ] {
        for word in before.difference(now) {
            let sql = format!("DELETE FROM {table} WHERE {column} = ? AND n = ?");
            connection.prepare_cached(&sql)?.execute(params![word, n])?;
        }
        for word in now.difference(before) {
            let sql = format!("INSERT OR IGNORE INTO {table} VALUES (?, ?)");
            connection.prepare_cached(&sql)?.execute(params![word, n])?;
        }
    }
    Ok(())
}

fn index(record: &AnyRecord) -> Index {
    let mut index = Index::default();
    if record.deleted_at().is_some() {
        return index;
    }
    let day = day(record);
    index.links = record.facts().links.into_iter().map(|(field, target)| (target, field, day)).collect();
    index.agenda = agenda(record).into_iter().map(|(matter, day)| (matter as i64, day)).collect();
    if let Some(name) = name(record) {
        let folded = folded(name);
        if !folded.is_empty() {
            index.identities.insert(format!("{}:{folded}", record.kind().word()));
        }
        index.name_words.extend(words(name));
    }
    index.identities.extend(record.facts().blobs.iter().map(|blob| photo_identity(&blob.0)));
    if let AnyRecord::Contact(contact) = record {
        index.name_words.extend(words(&contact.nickname));
        index.identities.extend(crate::import::identify::identities(contact));
        for source in contact.sources.iter().filter(|source| !source.key.is_empty()) {
            index.identities.insert(source_identity(&source.source, &source.key));
        }
    }
    index
}

/// What leads from a photo to those who show it.
pub(super) fn photo_identity(blob: &str) -> String {
    format!("photo:{blob}")
}

/// What names a contact in another program's file.
pub fn source_identity(source: &str, key: &str) -> String {
    format!("source:{source}/{key}")
}

/// The name by which a record is found, if its kind has names.
pub fn name(record: &AnyRecord) -> Option<&str> {
    match record {
        AnyRecord::Contact(record) => Some(&record.name),
        AnyRecord::Organisation(record) => Some(&record.name),
        AnyRecord::Group(record) => Some(&record.name),
        AnyRecord::Event(record) => Some(&record.title),
        AnyRecord::Goal(record) => Some(&record.title),
        _ => None,
    }
}

/// Whether records of this kind are found by a name.
pub(super) fn has_names(kind: Kind) -> bool {
    name(&AnyRecord::from_map(kind, Map::new())).is_some()
}

fn sort_key(record: &AnyRecord) -> Option<String> {
    let name = folded(name(record)?);
    // Those whose name is empty come last.
    Some(if name.is_empty() { "\u{10FFFF}".into() } else { name })
}

/// The day a record stands under on a timeline, in days since the year 0.
fn day(record: &AnyRecord) -> i32 {
    let date = match record {
        AnyRecord::Contact(record) => record.met_on,
        AnyRecord::Event(record) => record.starts.map(|at| at.day()),
        AnyRecord::Meeting(record) => record.at.map(|at| at.day()),
        AnyRecord::Note(record) => record.at.map(|at| at.day()),
        AnyRecord::Promise(record) => record.made_on,
        AnyRecord::Ask(record) => record.asked_on,
        AnyRecord::Exchange(record) => record.on,
        AnyRecord::Introduction(record) => record.proposed_on,
        AnyRecord::Accomplishment(record) => record.on,
        AnyRecord::Benefit(record) => record.on,
        AnyRecord::TimeEntry(record) => record.on,
        AnyRecord::MoneyEntry(record) => record.on,
        AnyRecord::Need(record) => record.created_at.map(|at| at.date_naive()),
        AnyRecord::Offer(record) => record.created_at.map(|at| at.date_naive()),
        _ => None,
    };
    date.map_or(NEVER, |date| date.num_days_from_ce().min(NEVER))
}

fn agenda(record: &AnyRecord) -> Vec<(Matter, String)> {
    let text = |day: Option<NaiveDate>| day.map_or_else(|| NO_DAY.to_string(), |day| day.to_string());
    match record {
        AnyRecord::Promise(promise) if promise.state == PromiseState::Open => {
            let matter = if promise.whose == Whose::Theirs { Matter::TheyOwe } else { Matter::IOwe };
            vec![(matter, text(promise.due))]
        }
        AnyRecord::Need(need) if need.closed_on.is_none() && need.decide_on.is_some() => {
            vec![(Matter::Decision, text(need.decide_on))]
        }
        AnyRecord::Meeting(meeting) if meeting.state == MeetingState::Planned => {
            vec![(Matter::Planned, text(meeting.at.map(|at| at.day())))]
        }
        AnyRecord::Introduction(intro)
            if intro.talked_on.is_none() && intro.closed_on.is_none() && intro.outcome.is_empty() =>
        {
            vec![(Matter::Introduction, text(intro.made_on.or(intro.proposed_on)))]
        }
        AnyRecord::Ask(ask) if ask.answer == crate::model::Answer::Open => vec![(Matter::Ask, text(ask.asked_on))],
        AnyRecord::Contact(contact) => contact_agenda(contact),
        _ => Vec::new(),
    }
}

fn contact_agenda(contact: &Contact) -> Vec<(Matter, String)> {
    let mut agenda: Vec<(Matter, String)> = Vec::new();
    for reminder in contact.reminders.iter().filter(|reminder| !reminder.done) {
        agenda.extend(reminder.day.map(|day| (Matter::Reminder, day.to_string())));
    }
    if contact.met_at.is_some() && contact.debriefed_on.is_none() {
        agenda.push((Matter::Debrief, contact.met_on.map_or_else(|| NO_DAY.into(), |day| day.to_string())));
    }
    if let Some((month, day)) = contact.birthday.and_then(|date| Some((date.month?, date.day?))) {
        agenda.push((Matter::Birthday, format!("{month:02}-{day:02}")));
    }
    agenda
}

fn note_aftermath(record: &AnyRecord, n: i64, after: &mut Aftermath) {
    match record {
        AnyRecord::Contact(_) => {
            after.merged.insert(n);
            after.contacts.insert(record.id());
        }
        AnyRecord::Organisation(_) | AnyRecord::Group(_) | AnyRecord::Event(_) => {
            after.merged.insert(n);
        }
        AnyRecord::Meeting(meeting) => after.contacts.extend(meeting.who.iter().map(|id| id.raw())),
        AnyRecord::Note(note) => after.contacts.extend(note.about.iter().map(|id| id.raw())),
        AnyRecord::Exchange(exchange) => after.contacts.extend(exchange.with.map(|id| id.raw())),
        _ => {}
    }
}

/// Looks at what follows from several records together: who is one with whom, and who is due for a coffee.
pub fn settle(connection: &Connection, after: &Aftermath) -> Result<()> {
    let mut done = HashSet::new();
    for n in &after.merged {
        if !done.contains(n) {
            done.extend(super::same::settle(connection, *n)?);
        }
    }
    // Whoever became one with another, or ceased to be, has other last touches than before.
    let mut contacts: BTreeSet<RecordId> = after.contacts.iter().copied().collect();
    let mut statement =
        connection.prepare_cached("SELECT id FROM record JOIN named USING (n) WHERE n = ? AND kind = ?")?;
    for n in done {
        let id = statement.query_row([n, Kind::Contact.number()], |row| row.get(0)).optional()?;
        contacts.extend(id.map(RecordId));
    }
    while let Some(id) = contacts.pop_first() {
        let members = super::members(connection, id)?;
        settle_coffee(connection, &members)?;
        for member in &members {
            contacts.remove(member);
        }
    }
    Ok(())
}

/// A person with a cadence is due that many days after the last touch, under the record that stands for them.
fn settle_coffee(connection: &Connection, members: &[RecordId]) -> Result<()> {
    let matter = Matter::Coffee as i64;
    let mut statement = connection
        .prepare_cached("SELECT n, state, value FROM named JOIN record USING (n) WHERE id = ? AND kind = ?")?;
    let (mut shown, mut has_cadence) = (None, false);
    for member in members {
        let row = statement.query_row(params![member.0, Kind::Contact.number()], |row| {
            let cadence = row.get::<_, Stored>(2)?.as_str().contains("\"cadence_days\"");
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, cadence))
        });
        let Some((n, state, cadence)) = row.optional()? else { continue };
        connection.prepare_cached("DELETE FROM agenda WHERE matter = ? AND n = ?")?.execute([matter, n])?;
        has_cadence |= cadence;
        shown = shown.or((state == State::Living as i64).then_some((n, *member)));
    }
    let Some((n, id)) = shown.filter(|_| has_cadence) else { return Ok(()) };
    let Some((contact, _)) = super::pages::contact(connection, Id::new(id))? else { return Ok(()) };
    let Some(cadence) = contact.cadence_days.filter(|_| !contact.archived) else { return Ok(()) };
    let last = super::pages::last_touch(connection, id)?.or(contact.met_on);
    let due = last.and_then(|day| day.checked_add_days(Days::new(cadence.into())));
    let day = due.map_or_else(|| "0000".into(), |day| day.to_string());
    connection.prepare_cached("INSERT INTO agenda VALUES (?, ?, ?)")?.execute(params![matter, day, n])?;
    Ok(())
}

/// Which stale records the search index learns first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// What was written last: a person looks for that.
    Newest,
    /// In the order in which FTS5 and its tables grow at their ends: half as large, and faster, than the other way round.
    Oldest,
}

/// Brings the search index up to date for at most `most` records; says how many are still stale.
pub fn index_words(connection: &Connection, first: First, most: usize) -> Result<u64> {
    let order = if first == First::Newest { "DESC" } else { "ASC" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT * FROM (SELECT stale.n, kind, state, value FROM stale JOIN record USING (n)
         ORDER BY stale.n {order} LIMIT ?) ORDER BY n"
    ))?;
    let rows: Vec<(i64, i64, i64, Stored)> = statement
        .query_map([most as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (n, kind, state, value) in rows {
        connection.prepare_cached("DELETE FROM fts WHERE rowid = ?")?.execute([n])?;
        connection.prepare_cached("DELETE FROM stale WHERE n = ?")?.execute([n])?;
        if state == State::Deleted as i64 {
            continue;
        }
        let map = parse(&value);
        let texts = match Kind::from_number(kind) {
            Some(kind) => AnyRecord::from_map(kind, map).facts().texts,
            None => map.into_iter().filter_map(|(_, value)| value.as_str().map(String::from)).collect(),
        };
        let mut list = words(&texts.join("\n"));
        connection
            .prepare_cached("INSERT INTO fts (rowid, words) VALUES (?, ?)")?
            .execute(params![n, list.join(" ")])?;
        list.sort_unstable();
        list.dedup();
        for word in list {
            learn(connection, &word)?;
        }
    }
    Ok(connection
        .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM stale LIMIT 1000)")?
        .query_row([], |r| r.get(0))?)
}

/// Puts a word into the vocabulary. Numbers are left out: nobody means one number by another.
fn learn(connection: &Connection, word: &str) -> Result<()> {
    if word.chars().any(char::is_numeric) || !(4..=20).contains(&word.chars().count()) {
        return Ok(());
    }
    let new = connection.prepare_cached("INSERT OR IGNORE INTO vocabulary VALUES (?)")?.execute([word])?;
    if new > 0 {
        connection.prepare_cached("INSERT INTO vocabulary_backwards VALUES (?)")?.execute([backwards(word)])?;
    }
    Ok(())
}
