//! Pairs of people who may be one: offered with the reason, never decided.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;
use serde::Serialize;

use super::pages::{self, PersonRow};
use crate::error::Result;
use crate::model::{Contact, Id, RecordId};

/// Most pairs that are counted: a telephone exchange that a thousand people share must not fill the memory.
const MAX_PAIRS: usize = 10_000;

/// Two people who may be one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct SamePair {
    /// The one.
    pub a: PersonRow,
    /// The other.
    pub b: PersonRow,
    /// Why, in words: "the same mail, ann@example.com; the same name".
    pub why: String,
}

/// Pairs who may be one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct SamePairs {
    /// The first of them: those with the same address before those with the same name alone.
    pub pairs: Vec<SamePair>,
    /// How many there are; 10,000 stands for as many or more.
    pub total: u64,
}

/// Living people who share a mail, a phone, a link or a whole name, and were not said to be different; at most `most`.
pub fn pairs(connection: &Connection, most: u32) -> Result<SamePairs> {
    let mut why: BTreeMap<(RecordId, RecordId), Vec<String>> = BTreeMap::new();
    let mut people = HashMap::new();
    for key in shared_keys(connection)? {
        let ids = pages::by_identity(connection, &key)?;
        for (at, a) in ids.iter().enumerate() {
            for b in &ids[at + 1..] {
                let pair = (*a.min(b), *a.max(b));
                if why.len() >= MAX_PAIRS || are_apart(connection, &mut people, pair)? {
                    continue;
                }
                why.entry(pair).or_default().push(reason(&key));
            }
        }
    }
    let total = why.len() as u64;
    let mut sorted: Vec<_> = why.into_iter().collect();
    // An address says more than a name; what says more stands first in each list of reasons.
    sorted.iter_mut().for_each(|(_, reasons)| reasons.sort_by_key(|reason| reason == SAME_NAME));
    sorted.sort_by_key(|(_, reasons)| reasons.first().is_some_and(|reason| reason == SAME_NAME));
    sorted.truncate(most.min(pages::MAX_ROWS) as usize);
    let mut pairs = Vec::new();
    for ((a, b), reasons) in sorted {
        let row = |id: RecordId| match pages::contact(connection, Id::new(id))? {
            Some((contact, _)) => pages::person_row(connection, &contact).map(Some),
            None => Ok(None),
        };
        if let (Some(a), Some(b)) = (row(a)?, row(b)?) {
            pairs.push(SamePair { a, b, why: reasons.join("; ") });
        }
    }
    Ok(SamePairs { pairs, total })
}

const SAME_NAME: &str = "the same name";

/// What at least two records are found by: addresses and whole names, not what other programs call them.
fn shared_keys(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM identity WHERE key GLOB 'mail:*' OR key GLOB 'phone:*' OR key GLOB 'link:*'
         OR key GLOB 'contact:*' GROUP BY key HAVING count(*) > 1 ORDER BY key",
    )?;
    let keys = statement.query_map([], |row| row.get(0))?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
}

fn reason(key: &str) -> String {
    match key.split_once(':') {
        Some(("contact", _)) | None => SAME_NAME.into(),
        Some((kind, value)) => format!("the same {kind}, {value}"),
    }
}

/// A person as a whole, and the records they are.
type Whole = (Contact, Vec<RecordId>);

/// Whether somebody said that these two are different people.
fn are_apart(
    connection: &Connection,
    people: &mut HashMap<RecordId, Option<Whole>>,
    (a, b): (RecordId, RecordId),
) -> Result<bool> {
    for id in [a, b] {
        if let Entry::Vacant(place) = people.entry(id) {
            place.insert(pages::contact(connection, Id::new(id))?);
        }
    }
    let (Some(Some((a, in_a))), Some(Some((b, in_b)))) = (people.get(&a), people.get(&b)) else { return Ok(true) };
    let says = |of: &Contact, others: &[RecordId]| of.not_same_as.iter().any(|other| others.contains(&other.raw()));
    Ok(says(a, in_b) || says(b, in_a))
}
