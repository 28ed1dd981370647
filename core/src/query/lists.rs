//! Lists for choosing: who a word means, people with a topic or of an organisation, records whose id begins so.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::pages::{self, MAX_ROWS, People};
use super::project::{State, Stored, parse};
use super::words::{folded, words};
use crate::error::Result;
use crate::model::{AnyRecord, Contact, Event, Id, Kind, Organisation, RecordId};

/// Which people a list shows; what is empty does not choose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct PeopleFilter {
    /// With this topic; case and accents are forgiven.
    pub tag: String,
    /// Who work or worked for an organisation of this name or id.
    pub organisation: String,
    /// Met at an event of this title or id.
    pub event: String,
    /// Deleted people instead of living ones.
    pub deleted: bool,
}

impl PeopleFilter {
    fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// A page of the people a filter lets through, by name.
pub fn people_where(connection: &Connection, filter: &PeopleFilter, from: u32, most: u32) -> Result<People> {
    if filter.is_open() {
        return pages::people(connection, from, most);
    }
    let organisations: Vec<Id<Organisation>> = named(connection, &filter.organisation)?;
    let events: Vec<Id<Event>> = named(connection, &filter.event)?;
    let tag = folded(&filter.tag);
    let fits = |contact: &Contact| {
        let works_there = |id: &Id<Organisation>| contact.affiliations.iter().any(|a| a.organisation == Some(*id));
        (tag.is_empty() || contact.tags.iter().any(|other| folded(other) == tag))
            && (filter.organisation.is_empty() || organisations.iter().any(works_there))
            && (filter.event.is_empty() || events.iter().any(|id| contact.met_at == Some(*id)))
    };
    let state = if filter.deleted { State::Deleted } else { State::Living } as i64;
    let mut statement = connection.prepare_cached(pages::BY_NAME)?;
    let mut rows = statement.query(params![Kind::Contact.number(), state, -1, 0])?;
    let (mut total, mut shown) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let contact = crate::model::Record::from_map(parse(&row.get::<_, Stored>(0)?));
        if fits(&contact) {
            if total >= from && shown.len() < most.min(MAX_ROWS) as usize {
                shown.push(contact);
            }
            total += 1;
        }
    }
    Ok(People {
        rows: pages::rows(connection, &shown)?,
        total: u64::from(total),
        next: pages::next(from, shown.len(), u64::from(total)),
    })
}

/// Records of a kind by id, or by name: exactly this one, or else every name that has these words.
fn named<R: crate::model::Record>(connection: &Connection, typed: &str) -> Result<Vec<Id<R>>> {
    if let Ok(id) = typed.parse() {
        return Ok(vec![id]);
    }
    let exact = pages::by_name::<R>(connection, typed)?;
    if !exact.is_empty() {
        return Ok(exact);
    }
    let hits = super::find(connection, typed, 50)?;
    Ok(hits.into_iter().filter(|hit| hit.kind == R::KIND.word()).map(|hit| Id::new(hit.id)).collect())
}

/// The people a word can mean, the surest kind of answer only: an id or its beginning, a mail or phone, the exact
/// name, names that have these words, and only then names with words that begin so. A person who is several records is
/// found by what any of them says, and answered once, as the record that stands for all.
pub fn contacts_meant(connection: &Connection, typed: &str, most: usize) -> Result<Vec<Contact>> {
    let mut meant = standing_for(connection, members_meant(connection, typed, MAX_ROWS as usize)?)?;
    meant.sort_by_cached_key(|contact| (folded(&contact.name), contact.id));
    meant.truncate(most);
    Ok(meant)
}

/// Each of these people once, as the record that stands for them.
pub(super) fn standing_for(connection: &Connection, contacts: Vec<Contact>) -> Result<Vec<Contact>> {
    let mut shown: Vec<Contact> = Vec::new();
    for contact in contacts {
        let first = super::members(connection, contact.id.raw())?.first().map_or(contact.id, |id| Id::new(*id));
        if shown.iter().any(|known| known.id == first) {
            continue;
        }
        match first == contact.id {
            true => shown.push(contact),
            false => shown.extend(pages::get(connection, first)?),
        }
    }
    Ok(shown)
}

/// The records of people a word can mean, as [`contacts_meant`]; of a person who is several records, those that say so
/// themselves.
pub fn members_meant(connection: &Connection, typed: &str, most: usize) -> Result<Vec<Contact>> {
    let typed = typed.trim();
    let by_id = by_id_start(connection, typed, most as u32)?;
    let contact = |record| match record {
        AnyRecord::Contact(contact) => Some(contact),
        _ => None,
    };
    let mut meant: Vec<Contact> = by_id.into_iter().filter_map(contact).collect();
    if !meant.is_empty() {
        return Ok(meant);
    }
    let mut ids: Vec<RecordId> = Vec::new();
    for key in identities(typed) {
        ids.extend(pages::holding(connection, &key)?);
    }
    if ids.is_empty() {
        ids.extend(pages::holding(connection, &pages::name_identity(Kind::Contact, typed))?);
    }
    for id in ids.into_iter().take(most) {
        meant.extend(pages::get(connection, Id::new(id))?);
    }
    if meant.is_empty() {
        meant = super::search::members_by_words(connection, typed)?;
        // "Dan" is Dan before it is Dana.
        let wanted = words(typed);
        let has_all = |contact: &Contact| {
            let there = words(&format!("{} {}", contact.name, contact.nickname));
            wanted.iter().all(|word| there.contains(word))
        };
        if meant.iter().any(has_all) {
            meant.retain(has_all);
        }
    }
    meant.sort_by_cached_key(|contact| (folded(&contact.name), contact.id));
    meant.truncate(most);
    Ok(meant)
}

/// Living records of these kinds that a name means: those of exactly this name, else those whose name has these words,
/// and only then those with words that begin so. What is several records is answered once.
pub fn records_named(connection: &Connection, typed: &str, kinds: &[Kind], most: usize) -> Result<Vec<AnyRecord>> {
    let mut ids: Vec<RecordId> = Vec::new();
    for kind in kinds {
        ids.extend(pages::by_identity(connection, &pages::name_identity(*kind, typed))?);
    }
    let exact = !ids.is_empty();
    if !exact {
        ids = super::search::named(connection, typed)?;
    }
    let mut found: Vec<AnyRecord> = Vec::new();
    for id in ids {
        found.extend(pages::get_any(connection, id)?.filter(|record| kinds.contains(&record.kind())));
    }
    let wanted = words(typed);
    let has_all = |record: &AnyRecord| {
        let there = words(super::name(record).unwrap_or_default());
        wanted.iter().all(|word| there.contains(word))
    };
    if !exact && found.iter().any(has_all) {
        found.retain(has_all);
    }
    found.sort_by_cached_key(|record| (folded(super::name(record).unwrap_or_default()), record.id()));
    found.truncate(most);
    Ok(found)
}

/// What a mail, phone or link typed by hand would be stored as.
fn identities(typed: &str) -> Vec<String> {
    use crate::model::{Channel, ChannelKind};
    let channel = |kind| Channel { kind, value: typed.into(), ..Channel::default() };
    let channels = match typed {
        _ if typed.contains('@') => vec![channel(ChannelKind::Mail)],
        _ if typed.contains('/') => vec![channel(ChannelKind::Link)],
        _ if typed.chars().filter(char::is_ascii_digit).count() > 5 => vec![channel(ChannelKind::Phone)],
        _ => return Vec::new(),
    };
    crate::import::identify::identities(&Contact { channels, ..Contact::default() })
}

/// Fewest digits of an id that count as its beginning; fewer are likelier part of a name.
const SHORTEST_START: usize = 6;

/// Living and deleted records whose id begins with these hexadecimal digits; none for anything else.
pub fn by_id_start(connection: &Connection, start: &str, most: u32) -> Result<Vec<AnyRecord>> {
    if !(SHORTEST_START..=32).contains(&start.len()) || !start.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    let bound = |fill: &str| format!("{start}{}", fill.repeat(32 - start.len())).parse::<RecordId>();
    let (Ok(first), Ok(last)) = (bound("0"), bound("f")) else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(
        "SELECT kind, value FROM named JOIN record USING (n) WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
    )?;
    let rows = statement
        .query_map(params![first.0, last.0, most.min(MAX_ROWS)], |row| Ok((row.get(0)?, row.get::<_, Stored>(1)?)))?;
    let found: Vec<(i64, Stored)> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(found
        .into_iter()
        .filter_map(|(kind, value)| Some(AnyRecord::from_map(Kind::from_number(kind)?, parse(&value))))
        .collect())
}
