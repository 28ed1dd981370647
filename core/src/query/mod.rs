//! The read model: what every screen shows comes from here, and it can be dropped and rebuilt to the same rows.
//!
//! A row a record with its values as JSON, and small index tables for links, days, names and words.

pub mod about;
mod ahead;
mod alike;
mod groups;
mod lists;
pub mod pages;
mod project;
mod same;
mod search;
pub mod today;
pub mod words;

use rusqlite::Connection;

use crate::error::Result;
pub use ahead::{MAX_FIELDS, MAX_KIND, Told, show, to_tell};
pub use alike::{SamePair, SamePairs, pairs};
pub use groups::{GroupPage, group_page};
pub use lists::{PeopleFilter, by_id_start, contacts_meant, members_meant, people_where, records_named};
pub use pages::{LookAlike, People, PersonMore, PersonPage, PersonRow};
pub use project::{Aftermath, First, forget, index_words, name, project, settle, source_identity};
pub use same::members;
pub use search::{Hit, contacts_by_words, find, title_of};
pub use today::Today;

/// The version of the read model; another one in the file means it is dropped and built anew.
pub const VERSION: i64 = 5;

const TABLES: &[&str] = &["record", "link", "agenda", "identity", "name_word", "same", "tally", "stale"];
/// Those of the search index, and one that earlier versions had.
const WORD_TABLES: &[&str] = &["fts", "vocabulary", "vocabulary_backwards", "typo"];

/// Makes the tables of the read model, empty.
pub fn create(connection: &Connection) -> Result<()> {
    for table in TABLES.iter().chain(WORD_TABLES) {
        connection.execute_batch(&format!("DROP TABLE IF EXISTS {table}"))?;
    }
    Ok(connection.execute_batch(include_str!("schema.sql"))?)
}

/// Empties the search index and what it learned, so that no word of a purged record remains in it.
pub fn forget_words(connection: &Connection) -> Result<()> {
    for table in WORD_TABLES {
        connection.execute_batch(&format!("DROP TABLE IF EXISTS {table}"))?;
    }
    let schema = include_str!("schema.sql");
    let from = schema.find("CREATE VIRTUAL TABLE fts").unwrap_or_default();
    connection.execute_batch(&schema[from..])?;
    connection.execute_batch("INSERT OR IGNORE INTO stale SELECT n FROM record")?;
    Ok(())
}

/// Whether a living record shows this photo.
pub fn is_blob_used(connection: &Connection, blob: &str) -> Result<bool> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM identity WHERE key = ?")?;
    Ok(statement.exists([project::photo_identity(blob)])?)
}

/// How many records are of a kind that only a newer version knows.
pub fn count_unknown(connection: &Connection) -> Result<u64> {
    Ok(connection.query_row("SELECT count(*) FROM record WHERE kind = ?", [project::UNKNOWN_KIND], |row| row.get(0))?)
}

/// Whether the search index has something to learn.
pub fn has_stale(connection: &Connection) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM stale)")?.query_row([], |row| row.get(0))?)
}

/// Every row of the read model but those of the search index, as text, in a fixed order: for comparing two notebooks
/// or the same one before and after a rebuild. Numbers of documents, which differ by device, are replaced by ids.
///
/// # Errors
/// As any reading.
pub fn dump(connection: &Connection) -> Result<Vec<String>> {
    let queries = [
        "SELECT 'link ' || hex(target) || ' ' || field || ' ' || day || ' ' || hex(id) FROM link JOIN named USING (n)",
        "SELECT 'agenda ' || matter || ' ' || day || ' ' || hex(id) FROM agenda JOIN named USING (n)",
        "SELECT 'identity ' || key || ' ' || hex(id) FROM identity JOIN named USING (n)",
        "SELECT 'name ' || word || ' ' || hex(id) FROM name_word JOIN named USING (n)",
        "SELECT 'same ' || hex(a.id) || ' ' || hex(b.id) FROM same JOIN named a USING (n)
         JOIN named b ON b.n = same.representative",
        "SELECT 'tally ' || kind || ' ' || state || ' ' || count FROM tally WHERE count <> 0",
    ];
    let mut lines = Vec::new();
    for query in queries {
        let mut statement = connection.prepare(query)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        for row in rows {
            lines.push(row?);
        }
    }
    let mut statement = connection.prepare(
        "SELECT 'record ' || hex(id) || ' ' || kind || ' ' || state || ' ' || coalesce(sort, '') || ' ' || day || ' ' || conflicts, value
         FROM record JOIN named USING (n)",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(format!("{} {}", row.get::<_, String>(0)?, row.get::<_, project::Stored>(1)?.as_str()))
    })?;
    for row in rows {
        lines.push(row?);
    }
    lines.sort_unstable();
    Ok(lines)
}
