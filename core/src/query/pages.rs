//! One struct a screen, read in one go: lists of people, one person, and records by id or by link.

use chrono::NaiveDate;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde::{Deserialize, Serialize};

use super::about::{self, all_linked, linked};
use super::project::{NEVER, State, Stored, has_names, parse};
use crate::error::Result;
use crate::model::{
    Affiliation, AnyRecord, Ask, Contact, Direction, Event, Exchange, Id, Introduction, Kind, Meeting, Need, Note,
    Offer, Promise, PromiseState, Record, RecordId,
};

/// Most rows one call returns.
pub const MAX_ROWS: u32 = 1000;
/// Most records of one kind on the page of a person.
const MOST_OF_A_KIND: u32 = 200;

/// What to ask for to get the page after one that began here and has so many rows; none when it is the last.
pub fn next(from: u32, rows: usize, total: u64) -> Option<u32> {
    let next = from.saturating_add(rows as u32);
    (u64::from(next) < total && rows > 0).then_some(next)
}

/// One row of a list of people.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct PersonRow {
    /// Which contact.
    pub id: Id<Contact>,
    /// The name; empty when it is not known yet.
    pub name: String,
    /// Where they work now.
    pub organisation: String,
    /// What they do there.
    pub role: String,
    /// Topics.
    pub tags: Vec<String>,
    /// It clicked.
    pub spark: bool,
    /// The day we met.
    pub met_on: Option<NaiveDate>,
    /// Where we met.
    pub met_where: String,
}

/// Somebody who may be the same person. Offered, never decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct LookAlike {
    /// Who.
    pub person: PersonRow,
    /// Why, in words.
    pub why: String,
}

/// A page of a list of people.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct People {
    /// The rows, by name.
    pub rows: Vec<PersonRow>,
    /// How many people there are.
    pub total: u64,
    /// What to ask for to get the next page; none when this is the last.
    pub next: Option<u32>,
}

/// Everything about one person on one screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct PersonPage {
    /// The person; when several records are one, all of them together.
    pub contact: Contact,
    /// The records it is made of, the one that stands for them first.
    pub members: Vec<RecordId>,
    /// The names of the organisations of `contact.affiliations`, in the same order.
    pub organisations: Vec<String>,
    /// Promises both ways, newest first.
    pub promises: Vec<Promise>,
    /// What they need.
    pub needs: Vec<Need>,
    /// What they can offer.
    pub offers: Vec<Offer>,
    /// What I asked them for.
    pub asks: Vec<Ask>,
    /// Gives and gets.
    pub exchanges: Vec<Exchange>,
    /// Meetings, newest first.
    pub meetings: Vec<Meeting>,
    /// Notes, newest first.
    pub notes: Vec<Note>,
    /// Introductions they are part of.
    pub introductions: Vec<Introduction>,
    /// The event at which we met.
    pub event: Option<Event>,
    /// Who brought us together, by name.
    pub through: Option<String>,
    /// Gives and gets in words; empty while there are none.
    pub balance: String,
    /// People who look like the same person, with the reason.
    pub same_as: Vec<LookAlike>,
    /// How many fields hold two values.
    pub conflicts: u64,
    /// How many more there are of each kind than the page shows.
    pub more: PersonMore,
}

/// How many more records there are about a person than their page shows, kind by kind; they come page by page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct PersonMore {
    /// Of the promises.
    pub promises: u64,
    /// Of what they need.
    pub needs: u64,
    /// Of what they can offer.
    pub offers: u64,
    /// Of what I asked them for.
    pub asks: u64,
    /// Of the gives and gets.
    pub exchanges: u64,
    /// Of the meetings.
    pub meetings: u64,
    /// Of the notes.
    pub notes: u64,
    /// Of the introductions.
    pub introductions: u64,
}

/// Records of a kind that has names, in their order. The way down to the page goes through the index of names alone; only
/// those of one name are put in order by id. With rows and ids of all who are passed over, 50 people behind 9,000 others
/// took 16 ms.
pub(super) const BY_NAME: &str = "WITH first AS MATERIALIZED (
        SELECT sort FROM record WHERE kind = ?1 AND state = ?2 AND sort IS NOT NULL ORDER BY sort LIMIT 1 OFFSET ?4),
    before AS MATERIALIZED (SELECT count(*) AS count FROM record
        WHERE kind = ?1 AND state = ?2 AND sort IS NOT NULL AND sort < (SELECT sort FROM first))
    SELECT value FROM record JOIN named USING (n)
    WHERE kind = ?1 AND state = ?2 AND sort IS NOT NULL AND sort >= (SELECT sort FROM first)
    ORDER BY sort, id LIMIT ?3 OFFSET ?4 - (SELECT count FROM before)";

/// One record, deleted ones included; none when it is not here or of another kind.
pub fn get<R: Record>(connection: &Connection, id: Id<R>) -> Result<Option<R>> {
    let mut statement =
        connection.prepare_cached("SELECT value FROM named JOIN record USING (n) WHERE id = ? AND kind = ?")?;
    let value: Option<Stored> =
        statement.query_row(params![id.raw().0, R::KIND.number()], |row| row.get(0)).optional()?;
    Ok(value.map(|value| R::from_map(parse(&value))))
}

/// One record of whatever kind this version knows.
pub fn get_any(connection: &Connection, id: RecordId) -> Result<Option<AnyRecord>> {
    let mut statement =
        connection.prepare_cached("SELECT kind, value FROM named JOIN record USING (n) WHERE id = ?")?;
    let row: Option<(i64, Stored)> = statement.query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(row.and_then(|(kind, value)| Some(AnyRecord::from_map(Kind::from_number(kind)?, parse(&value)))))
}

/// The same as it is shown: a person who is several records, all of them together.
pub fn as_shown(connection: &Connection, id: RecordId) -> Result<Option<AnyRecord>> {
    match super::members(connection, id)?.as_slice() {
        [_] => get_any(connection, id),
        _ => match contact(connection, Id::new(id))? {
            Some((contact, _)) => Ok(Some(contact.into())),
            None => get_any(connection, id),
        },
    }
}

/// How many living records of a kind there are, or deleted ones; those shown as part of another are not counted.
pub fn count(connection: &Connection, kind: Kind, deleted: bool) -> Result<u64> {
    let state = if deleted { State::Deleted } else { State::Living } as i64;
    let mut statement = connection.prepare_cached("SELECT count FROM tally WHERE kind = ? AND state = ?")?;
    Ok(statement.query_row([kind.number(), state], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Living records of a kind, or deleted ones: by name, or the newest day first when their kind has no names.
pub fn list<R: Record>(connection: &Connection, deleted: bool, from: u32, most: u32) -> Result<Vec<R>> {
    let by_day = "SELECT value FROM record JOIN named USING (n)
         WHERE kind = ? AND state = ? ORDER BY day DESC, id LIMIT ? OFFSET ?";
    let mut statement = connection.prepare_cached(if has_names(R::KIND) { BY_NAME } else { by_day })?;
    let state = if deleted { State::Deleted } else { State::Living } as i64;
    let rows = statement
        .query_map(params![R::KIND.number(), state, most.min(MAX_ROWS), from], |row| row.get::<_, Stored>(0))?;
    rows.map(|value| Ok(R::from_map(parse(&value?)))).collect()
}

/// Living records of a kind, newest day first.
pub fn newest<R: Record>(connection: &Connection, most: u32) -> Result<Vec<R>> {
    let mut statement = connection
        .prepare_cached("SELECT value FROM record WHERE kind = ? AND state = 0 ORDER BY day DESC, n DESC LIMIT ?")?;
    let rows = statement.query_map(params![R::KIND.number(), most.min(MAX_ROWS)], |row| row.get::<_, Stored>(0))?;
    rows.map(|value| Ok(R::from_map(parse(&value?)))).collect()
}

/// The ids of living records that point at this one by this field, whatever their kind.
pub fn pointing_at(connection: &Connection, target: RecordId, field: Option<&str>) -> Result<Vec<(Kind, RecordId)>> {
    let mut sql =
        "SELECT DISTINCT kind, id FROM link JOIN record USING (n) JOIN named USING (n) WHERE target = ?".to_string();
    let mut values = vec![Sql::Blob(target.0.to_vec())];
    if let Some(field) = field {
        sql.push_str(" AND field = ?");
        values.push(Sql::Text(field.into()));
    }
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| Ok((row.get(0)?, RecordId(row.get(1)?))))?;
    let all: Vec<(i64, RecordId)> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(all.into_iter().filter_map(|(kind, id)| Some((Kind::from_number(kind)?, id))).collect())
}

/// The last day on which this person was met, written about or exchanged something with. A promise is no touch.
pub fn last_touch(connection: &Connection, id: RecordId) -> Result<Option<NaiveDate>> {
    let mut last: Option<i32> = None;
    let mut statement = connection.prepare_cached(
        "SELECT link.day FROM link JOIN record USING (n)
         WHERE target = ? AND field = ? AND kind = ? AND link.day < ? ORDER BY link.day DESC LIMIT 1",
    )?;
    for member in super::members(connection, id)? {
        for (field, kind) in [("who", Kind::Meeting), ("about", Kind::Note), ("with", Kind::Exchange)] {
            let day: Option<i32> =
                statement.query_row(params![member.0, field, kind.number(), NEVER], |row| row.get(0)).optional()?;
            last = last.max(day);
        }
    }
    Ok(last.and_then(NaiveDate::from_num_days_from_ce_opt))
}

/// A page of people, by name.
pub fn people(connection: &Connection, from: u32, most: u32) -> Result<People> {
    let most = most.min(MAX_ROWS);
    let contacts = brief_list(connection, from, most)?;
    let total = count(connection, Kind::Contact, false)?;
    Ok(People { rows: rows(connection, &contacts)?, total, next: next(from, contacts.len(), total) })
}

/// The fields of a contact that lists and sentences show. Reading only these takes a fifth of the time of reading all.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Brief {
    id: Id<Contact>,
    name: String,
    affiliations: Vec<Affiliation>,
    tags: Vec<String>,
    spark: bool,
    met_on: Option<NaiveDate>,
    met_where: String,
}

/// A contact with no more than a list shows.
pub(super) fn brief(value: &Stored) -> Contact {
    match serde_json::from_str(value.as_str()) {
        Ok(Brief { id, name, affiliations, tags, spark, met_on, met_where }) => {
            Contact { id, name, affiliations, tags, spark, met_on, met_where, ..Contact::default() }
        }
        // A field of a newer version's type: read leniently.
        Err(_) => Contact::from_map(parse(value)),
    }
}

fn brief_list(connection: &Connection, from: u32, most: u32) -> Result<Vec<Contact>> {
    let mut statement = connection.prepare_cached(BY_NAME)?;
    let bounds = params![Kind::Contact.number(), State::Living as i64, most, from];
    let rows = statement.query_map(bounds, |row| Ok(brief(&row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One contact with no more than a list shows.
pub(super) fn get_brief(connection: &Connection, id: Id<Contact>) -> Result<Option<Contact>> {
    let mut statement =
        connection.prepare_cached("SELECT value FROM named JOIN record USING (n) WHERE id = ? AND kind = ?")?;
    let row = statement.query_row(params![id.raw().0, Kind::Contact.number()], |row| Ok(brief(&row.get(0)?)));
    Ok(row.optional()?)
}

/// List rows of these contacts.
pub fn rows(connection: &Connection, contacts: &[Contact]) -> Result<Vec<PersonRow>> {
    contacts.iter().map(|contact| person_row(connection, contact)).collect()
}

/// The list row of one contact.
pub fn person_row(connection: &Connection, contact: &Contact) -> Result<PersonRow> {
    let affiliation = current(contact);
    let organisation = match affiliation {
        Some(affiliation) => organisation_name(connection, affiliation)?,
        None => String::new(),
    };
    Ok(PersonRow {
        id: contact.id,
        name: contact.name.clone(),
        organisation,
        role: affiliation.map(|affiliation| affiliation.role.clone()).unwrap_or_default(),
        tags: contact.tags.clone(),
        spark: contact.spark,
        met_on: contact.met_on,
        met_where: contact.met_where.clone(),
    })
}

/// Where someone works now: the affiliation without an end, the latest begun of several.
pub fn current(contact: &Contact) -> Option<&Affiliation> {
    let since = |affiliation: &&Affiliation| affiliation.since.map(|date| (date.year, date.month, date.day));
    contact.affiliations.iter().filter(|affiliation| affiliation.until.is_none()).max_by_key(since)
}

fn organisation_name(connection: &Connection, affiliation: &Affiliation) -> Result<String> {
    let Some(id) = affiliation.organisation else { return Ok(String::new()) };
    let mut statement =
        connection.prepare_cached("SELECT value FROM named JOIN record USING (n) WHERE id = ? AND kind = ?")?;
    let value: Option<Stored> =
        statement.query_row(params![id.raw().0, Kind::Organisation.number()], |row| row.get(0)).optional()?;
    let name = value.and_then(|value| serde_json::from_str::<Brief>(value.as_str()).ok()).map(|brief| brief.name);
    Ok(name.unwrap_or_default())
}

/// The contact as it is shown: all records of the person together.
pub fn contact(connection: &Connection, id: Id<Contact>) -> Result<Option<(Contact, Vec<RecordId>)>> {
    let members = super::members(connection, id.raw())?;
    let mut records = Vec::new();
    for member in &members {
        records.extend(get::<Contact>(connection, Id::new(*member))?);
    }
    let mut records = records.into_iter();
    let Some(first) = records.next() else { return Ok(None) };
    Ok(Some((records.fold(first, together), members)))
}

/// Two records of one person as one: the first one's values win, sets and entries are united, texts follow each other.
fn together(first: Contact, other: Contact) -> Contact {
    use crate::model::Shape;
    let mut map = first.to_map();
    for (field, value) in other.to_map() {
        let shape = Contact::FIELDS.iter().find(|info| info.name == field).map_or(Shape::Value, |info| info.shape);
        match (shape, map.get_mut(&field)) {
            (_, None) if field != "deleted_at" => {
                map.insert(field, value);
            }
            (Shape::Text, Some(text)) if *text != value => {
                let (a, b) = (text.as_str().unwrap_or_default(), value.as_str().unwrap_or_default());
                *text = format!("{a}\n{b}").into();
            }
            (Shape::Set | Shape::Map(_), Some(serde_json::Value::Array(list))) => {
                for item in value.as_array().into_iter().flatten() {
                    if !list.iter().any(|known| alike(known, item)) {
                        list.push(item.clone());
                    }
                }
            }
            _ => {}
        }
    }
    Contact::from_map(map)
}

/// Whether two entries say the same, whatever their ids: one phone number imported on two devices is shown once.
pub fn alike(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    let without_id = |value: &serde_json::Value| {
        let mut value = value.clone();
        if let Some(map) = value.as_object_mut() {
            map.remove("id");
        }
        value
    };
    without_id(a) == without_id(b)
}

/// Everything about one person.
pub fn person(connection: &Connection, id: Id<Contact>) -> Result<Option<PersonPage>> {
    let Some((contact, members)) = contact(connection, id)? else { return Ok(None) };
    let exchanges: Vec<Exchange> = all_linked(connection, &members, "with")?;
    let asks: Vec<Ask> = all_linked(connection, &members, "to")?;
    let balance = balance(&exchanges, &asks);
    let mut more = PersonMore::default();
    let exchanges = cut(connection, &members, "with", exchanges, &mut more.exchanges)?;
    let asks = cut(connection, &members, "to", asks, &mut more.asks)?;
    let organisations =
        contact.affiliations.iter().map(|a| organisation_name(connection, a)).collect::<Result<Vec<_>>>()?;
    let event = match contact.met_at {
        Some(event) => get::<Event>(connection, event)?,
        None => None,
    };
    let through = match contact.met_through {
        Some(id) => get::<Contact>(connection, id)?.map(|contact| contact.name),
        None => None,
    };
    let conflicts = members.iter().map(|member| conflicts_of(connection, *member)).sum::<Result<u64>>()?;
    Ok(Some(PersonPage {
        organisations,
        promises: promises(connection, &members, &mut more.promises)?,
        needs: newest_about(connection, &members, "whose", &mut more.needs)?,
        offers: newest_about(connection, &members, "whose", &mut more.offers)?,
        meetings: newest_about(connection, &members, "who", &mut more.meetings)?,
        notes: newest_about(connection, &members, "about", &mut more.notes)?,
        introductions: newest_about(connection, &members, "between", &mut more.introductions)?,
        event,
        through,
        balance,
        same_as: look_alikes(connection, &contact, &members)?,
        conflicts,
        exchanges,
        asks,
        more,
        contact,
        members,
    }))
}

/// The newest records of a kind about a person, and how many more there are.
fn newest_about<R: Record>(
    connection: &Connection,
    people: &[RecordId],
    field: &str,
    more: &mut u64,
) -> Result<Vec<R>> {
    let records = linked(connection, people, field, MOST_OF_A_KIND)?;
    cut(connection, people, field, records, more)
}

/// As many of the newest as the page shows, and how many more there are.
fn cut<R: Record>(
    connection: &Connection,
    people: &[RecordId],
    field: &str,
    mut records: Vec<R>,
    more: &mut u64,
) -> Result<Vec<R>> {
    records.truncate(MOST_OF_A_KIND as usize);
    *more = more_than(connection, people, (field, R::KIND), records.len())?;
    Ok(records)
}

/// How many there are beyond those shown. Not counted where fewer are shown than could be: those are all.
fn more_than(connection: &Connection, people: &[RecordId], what: (&str, Kind), shown: usize) -> Result<u64> {
    if shown < MOST_OF_A_KIND as usize {
        return Ok(0);
    }
    Ok(about::count(connection, people, what)?.saturating_sub(shown as u64))
}

/// The newest promises; an open one is shown however old it is.
fn promises(connection: &Connection, people: &[RecordId], more: &mut u64) -> Result<Vec<Promise>> {
    let mut all: Vec<Promise> = all_linked(connection, people, "with")?;
    let mut at = 0;
    all.retain(|promise| {
        at += 1;
        at <= MOST_OF_A_KIND as usize || promise.state == PromiseState::Open
    });
    *more = more_than(connection, people, ("with", Kind::Promise), all.len())?;
    Ok(all)
}

/// How many fields of a record hold two values.
pub fn conflicts_of(connection: &Connection, id: RecordId) -> Result<u64> {
    let mut statement = connection.prepare_cached("SELECT conflicts FROM named JOIN record USING (n) WHERE id = ?")?;
    Ok(statement.query_row([id.0], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Gives and gets in words, never in numbers of worth.
fn balance(exchanges: &[Exchange], asks: &[Ask]) -> String {
    let last_gave = exchanges.iter().filter(|e| e.direction == Direction::Gave).filter_map(|e| e.on).max();
    let asked_since = asks.iter().filter(|ask| ask.asked_on > last_gave).count();
    let gave = exchanges.iter().filter(|e| e.direction == Direction::Gave).count();
    let got = exchanges.iter().filter(|e| e.direction == Direction::Got).count();
    match (gave, got, asked_since) {
        (0, 0, 0) => String::new(),
        (_, _, 1) if gave > 0 => "you asked once since you last gave".into(),
        (_, _, n) if n > 1 && gave > 0 => format!("you asked {} since you last gave", times(n)),
        (0, 0, n) => format!("you asked {} and have not given yet", times(n)),
        (0, _, _) => "you got something and have not given yet".into(),
        (_, 0, _) => format!("you gave {} and asked for nothing", times(gave)),
        _ => format!("you gave {} and got {}", times(gave), times(got)),
    }
}

/// A count as it is said: "once", "twice", "3 times".
pub fn times(n: usize) -> String {
    match n {
        1 => "once".into(),
        2 => "twice".into(),
        n => format!("{n} times"),
    }
}

/// How a person is called, and who may be the same.
pub fn name_and_look_alikes(connection: &Connection, id: Id<Contact>) -> Result<(String, Vec<LookAlike>)> {
    let Some((contact, members)) = contact(connection, id)? else { return Ok(Default::default()) };
    Ok((contact.shown_name(), look_alikes(connection, &contact, &members)?))
}

/// Living people who may be this one: the same mail, phone or link, or the same name. Offered, never decided.
fn look_alikes(connection: &Connection, contact: &Contact, members: &[RecordId]) -> Result<Vec<LookAlike>> {
    let mut found: Vec<LookAlike> = Vec::new();
    let mut keys: Vec<(String, String)> = crate::import::identify::identities(contact)
        .into_iter()
        .map(|key| {
            let reason = key.split_once(':').map_or(key.clone(), |(kind, value)| format!("the same {kind}, {value}"));
            (key, reason)
        })
        .collect();
    let folded = super::words::folded(&contact.name);
    if !folded.is_empty() {
        keys.push((format!("contact:{folded}"), "the same name".into()));
    }
    for (key, reason) in keys {
        for id in by_identity(connection, &key)? {
            let apart = contact.not_same_as.iter().any(|other| other.raw() == id);
            if apart || members.contains(&id) || found.iter().any(|alike| alike.person.id.raw() == id) {
                continue;
            }
            let Some(other) = get::<Contact>(connection, Id::new(id))? else { continue };
            if !other.not_same_as.iter().any(|other| members.contains(&other.raw())) {
                found.push(LookAlike { person: person_row(connection, &other)?, why: reason.clone() });
            }
        }
    }
    found.truncate(10);
    Ok(found)
}

/// Living records with this identity, representatives only.
pub fn by_identity(connection: &Connection, key: &str) -> Result<Vec<RecordId>> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT named.id FROM identity LEFT JOIN same USING (n)
         JOIN named ON named.n = coalesce(same.representative, identity.n) WHERE key = ? LIMIT 50",
    )?;
    let rows = statement.query_map([key], |row| Ok(RecordId(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The same, each record by itself, also when another stands for it.
pub(super) fn holding(connection: &Connection, key: &str) -> Result<Vec<RecordId>> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM identity JOIN named USING (n) WHERE key = ? LIMIT 50")?;
    let rows = statement.query_map([key], |row| Ok(RecordId(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What names a record by its whole name.
pub(super) fn name_identity(kind: Kind, name: &str) -> String {
    format!("{}:{}", kind.word(), super::words::folded(name))
}

/// Everybody who came from this program's files, by what names them there; representatives only.
pub fn people_from(connection: &Connection, source: &str) -> Result<Vec<(String, RecordId)>> {
    let mut statement = connection.prepare_cached(
        "SELECT key, named.id FROM identity LEFT JOIN same USING (n)
         JOIN named ON named.n = coalesce(same.representative, identity.n) WHERE key >= ? AND key < ? ORDER BY key",
    )?;
    let from = super::source_identity(source, "");
    let to = format!("{}0", from.trim_end_matches('/'));
    let rows = statement.query_map([from, to], |row| Ok((row.get(0)?, RecordId(row.get(1)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Records of this kind whose folded name is exactly this, representatives only.
pub fn by_name<R: Record>(connection: &Connection, name: &str) -> Result<Vec<Id<R>>> {
    // Nobody without a name is written there, so that an empty one finds nobody.
    let ids = by_identity(connection, &name_identity(R::KIND, name))?;
    Ok(ids.into_iter().map(Id::new).collect())
}

/// Records with two values somewhere, newest document first.
pub fn in_conflict(connection: &Connection, most: u32) -> Result<Vec<RecordId>> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM record JOIN named USING (n) WHERE conflicts > 0 ORDER BY n DESC LIMIT ?")?;
    let rows = statement.query_map([most.min(MAX_ROWS)], |row| Ok(RecordId(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Deleted records, of whatever kind, newest deletion first.
pub fn deleted(connection: &Connection, most: u32) -> Result<Vec<AnyRecord>> {
    let mut records = Vec::new();
    for kind in Kind::ALL {
        let mut statement = connection
            .prepare_cached("SELECT value FROM record WHERE kind = ? AND state = 1 ORDER BY n DESC LIMIT ?")?;
        let rows = statement.query_map(params![kind.number(), most.min(MAX_ROWS)], |row| row.get::<_, Stored>(0))?;
        for value in rows {
            records.push(AnyRecord::from_map(*kind, parse(&value?)));
        }
    }
    records.sort_by_key(|record| std::cmp::Reverse(record.deleted_at()));
    records.truncate(most as usize);
    Ok(records)
}

/// The record in this row, as far as the row can be read.
pub fn row(connection: &Connection, n: i64) -> Result<Option<AnyRecord>> {
    let mut statement = connection.prepare_cached("SELECT kind, value FROM record NOT INDEXED WHERE n = ?")?;
    let row = statement.query_row([n], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Stored>(1)?))).optional()?;
    let known = row.and_then(|(kind, value)| Some((Kind::from_number(kind)?, value)));
    Ok(known.map(|(kind, value)| AnyRecord::from_map(kind, parse(&value))))
}

/// Every record of every kind, one after the other, unknown kinds left out.
pub fn each(connection: &Connection, mut see: impl FnMut(AnyRecord) -> Result<()>) -> Result<()> {
    let mut statement = connection.prepare("SELECT kind, value FROM record JOIN named USING (n) ORDER BY kind, id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, value): (i64, Stored) = (row.get(0)?, row.get(1)?);
        if let Some(kind) = Kind::from_number(kind) {
            see(AnyRecord::from_map(kind, parse(&value)))?;
        }
    }
    Ok(())
}

/// A record of a kind this version does not know: its id, the word of its kind, its fields.
pub type UnknownRecord = (RecordId, String, serde_json::Map<String, serde_json::Value>);

/// The records whose kind this version does not know: id, word of the kind, and fields as far as they can be read.
pub fn of_unknown_kinds(connection: &Connection) -> Result<Vec<UnknownRecord>> {
    let mut statement =
        connection.prepare("SELECT id, value FROM record JOIN named USING (n) WHERE kind = ? ORDER BY id")?;
    let rows = statement
        .query_map([super::project::UNKNOWN_KIND], |row| Ok((RecordId(row.get(0)?), row.get::<_, Stored>(1)?)))?;
    let mut records = Vec::new();
    for row in rows {
        let (id, value) = row?;
        let mut fields = parse(&value);
        let kind = fields.shift_remove("@kind").and_then(|kind| kind.as_str().map(String::from));
        records.extend(kind.map(|kind| (id, kind, fields)));
    }
    Ok(records)
}
