//! The records that point at one, by field and kind, page by page: what stands about a person.

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::pages::MAX_ROWS;
use super::project::{Stored, parse};
use crate::error::Result;
use crate::model::{AnyRecord, Kind, Record, RecordId};

/// Most records of one kind that are looked through for one person.
const MOST_LOOKED_AT: usize = 10_000;

/// The kinds that are about people, and the field in which they say about whom.
const ABOUT: [(Kind, &str); 8] = [
    (Kind::Meeting, "who"),
    (Kind::Note, "about"),
    (Kind::Promise, "with"),
    (Kind::Exchange, "with"),
    (Kind::Need, "whose"),
    (Kind::Offer, "whose"),
    (Kind::Ask, "to"),
    (Kind::Introduction, "between"),
];

/// The field in which a record of this kind says whom it is about; none for kinds that are about nobody.
pub fn field_about(kind: Kind) -> Option<&'static str> {
    ABOUT.into_iter().find(|(of, _)| *of == kind).map(|(_, field)| field)
}

/// Living records of a kind that point at one of these by this field, newest first; at most 1,000.
pub fn linked<R: Record>(connection: &Connection, to: &[RecordId], field: &str, most: u32) -> Result<Vec<R>> {
    let values = values(connection, to, (field, R::KIND), 0, most)?;
    Ok(values.iter().map(|value| R::from_map(parse(value))).collect())
}

/// All of them, as far as anybody writes so many: 10,000, the newest.
pub fn all_linked<R: Record>(connection: &Connection, to: &[RecordId], field: &str) -> Result<Vec<R>> {
    let mut all: Vec<R> = Vec::new();
    loop {
        let page = values(connection, to, (field, R::KIND), all.len() as u32, MAX_ROWS)?;
        all.extend(page.iter().map(|value| R::from_map(parse(value))));
        if page.len() < MAX_ROWS as usize || all.len() >= MOST_LOOKED_AT {
            return Ok(all);
        }
    }
}

/// A page of living records of a kind about these people, newest first, at most 1,000, and how many there are.
pub fn page(
    connection: &Connection,
    people: &[RecordId],
    (field, kind): (&str, Kind),
    from: u32,
    most: u32,
) -> Result<(Vec<AnyRecord>, u64)> {
    let values = values(connection, people, (field, kind), from, most)?;
    let rows = values.iter().map(|value| AnyRecord::from_map(kind, parse(value))).collect();
    Ok((rows, count(connection, people, (field, kind))?))
}

/// How many living records of a kind point at one of these by this field.
pub fn count(connection: &Connection, to: &[RecordId], (field, kind): (&str, Kind)) -> Result<u64> {
    let sql = format!("SELECT count(DISTINCT link.n) FROM link JOIN record USING (n) WHERE {}", one_of(to));
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row(params_from_iter(targets(to, field, kind)), |row| row.get(0))?)
}

fn values(
    connection: &Connection,
    to: &[RecordId],
    (field, kind): (&str, Kind),
    from: u32,
    most: u32,
) -> Result<Vec<Stored>> {
    // A record points at one of these once by one field; of several it may point at more than one.
    let once = if to.len() == 1 { "" } else { " GROUP BY link.n" };
    let sql = format!(
        "SELECT value FROM link JOIN record USING (n) WHERE {}{once} ORDER BY link.day DESC, link.n DESC LIMIT ? OFFSET ?",
        one_of(to)
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let bounds = [most.min(MAX_ROWS), from].map(|number| Sql::Integer(number.into()));
    let rows =
        statement.query_map(params_from_iter(targets(to, field, kind).chain(bounds)), |row| row.get::<_, Stored>(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What `targets` is for.
fn one_of(to: &[RecordId]) -> String {
    format!("target IN ({}) AND field = ? AND kind = ?", vec!["?"; to.len()].join(", "))
}

fn targets(to: &[RecordId], field: &str, kind: Kind) -> impl Iterator<Item = Sql> {
    let targets = to.iter().map(|id| Sql::Blob(id.0.to_vec()));
    targets.chain([Sql::Text(field.into()), Sql::Integer(kind.number())])
}
