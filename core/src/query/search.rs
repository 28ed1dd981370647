//! Find: any word of any record, as one types. Names first, then text, the newest first; one typo is forgiven.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::project::{State, Stored, name, parse};
use super::words::{backwards, one_typo_apart, sound_parts, words};
use crate::error::Result;
use crate::model::{AnyRecord, Contact, Id, Kind, Record, RecordId};

/// Most words of a query that are looked at.
const MAX_WORDS: usize = 8;
/// How many words one mistyped word may stand for.
const MAX_TYPOS: usize = 8;
/// How many whole words an unfinished one is tried as.
const MAX_BEGUN: usize = 24;

/// A record that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Hit {
    /// Which record.
    pub id: RecordId,
    /// The word of its kind.
    pub kind: String,
    /// Its name, or the beginning of its text.
    pub title: String,
    /// The people it is about, or where a person works.
    pub about: String,
    /// The passage that matched; empty when the title did.
    pub passage: String,
}

/// Finds up to `most` records for what was typed so far; the last word may be unfinished.
pub fn find(connection: &Connection, query: &str, most: u32) -> Result<Vec<Hit>> {
    let mut typed = words(query);
    typed.truncate(MAX_WORDS);
    if typed.is_empty() {
        return Ok(Vec::new());
    }
    let most = most.min(super::pages::MAX_ROWS) as usize;
    let mut found = by_name(connection, &typed, most)?;
    if found.len() < most {
        extend(&mut found, by_text(connection, &typed, most)?);
    }
    if found.is_empty() {
        let mended = mend(connection, &typed)?;
        if !mended.is_empty() {
            found = by_name_any(connection, &mended, most)?;
            extend(&mut found, by_text_any(connection, &mended, most)?);
        }
    }
    found.truncate(most);
    let mut hits: Vec<Hit> = Vec::new();
    for n in found {
        // A person who is several records is found once.
        let hit = hit(connection, n, &typed)?.filter(|hit| hits.iter().all(|known| known.id != hit.id));
        hits.extend(hit);
    }
    Ok(hits)
}

fn extend(found: &mut Vec<i64>, more: Vec<i64>) {
    let known: HashSet<i64> = found.iter().copied().collect();
    found.extend(more.into_iter().filter(|n| !known.contains(n)));
}

/// The end of the range of words that begin with this one.
fn beyond(word: &str) -> String {
    format!("{word}\u{10FFFF}")
}

/// Records whose name has all of these words; the last may be unfinished. The rarest finished word is walked, the
/// others are looked up.
fn by_name(connection: &Connection, typed: &[String], most: usize) -> Result<Vec<i64>> {
    let Some((last, finished)) = typed.split_last() else { return Ok(Vec::new()) };
    let mut sql = String::from("SELECT DISTINCT a.n FROM name_word a");
    for at in 0..finished.len() {
        sql.push_str(&format!(" JOIN name_word w{at} ON w{at}.n = a.n AND w{at}.word = ?{}", at + 4));
    }
    sql.push_str(" WHERE a.word >= ?1 AND a.word < ?2 LIMIT ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut values: Vec<rusqlite::types::Value> = vec![last.clone().into(), beyond(last).into(), (most as i64).into()];
    values.extend(finished.iter().map(|word| word.clone().into()));
    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn by_text(connection: &Connection, typed: &[String], most: usize) -> Result<Vec<i64>> {
    let Some((last, finished)) = typed.split_last() else { return Ok(Vec::new()) };
    let with_last = |last: String| {
        let mut parts: Vec<String> = finished.iter().map(|word| format!("\"{word}\"")).collect();
        parts.push(last);
        parts.join(" AND ")
    };
    // One letter begins too many words to be a search of texts.
    if last.chars().count() == 1 {
        return matching(connection, &with_last(format!("\"{last}\"")), most);
    }
    let mut begun = words_beginning_with(connection, last)?;
    if !begun.is_empty() {
        begun.push(last.clone());
        let found = matching(connection, &with_last(any_of(&begun)), most)?;
        // With fewer, a number or a very long word may begin so, too: those are not in the vocabulary.
        if found.len() >= most {
            return Ok(found);
        }
    }
    matching(connection, &with_last(format!("\"{last}\"*")), most)
}

/// Known words that begin with these letters, by the alphabet. To look for a few whole words is to walk lists that
/// are there, newest first, and to stop early; an open end makes FTS5 put all of its lists together before the first
/// hit, which takes 9 ms for a frequent word in 50,000 contacts, and more for two letters. It could keep such lists for
/// beginnings of some length, each for 0.1 KB a contact.
fn words_beginning_with(connection: &Connection, letters: &str) -> Result<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT word FROM vocabulary WHERE word >= ? AND word < ? LIMIT ?")?;
    let rows = statement.query_map(params![letters, beyond(letters), MAX_BEGUN as i64], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Newest first and cut off, not ranked: ranking a frequent word means visiting every record that has it.
fn matching(connection: &Connection, expression: &str, most: usize) -> Result<Vec<i64>> {
    let mut statement =
        connection.prepare_cached("SELECT rowid FROM fts WHERE fts MATCH ? ORDER BY rowid DESC LIMIT ?")?;
    let rows = statement.query_map(params![expression, most as i64], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// For each typed word those it may have been meant to be; a word that exists stays as it is.
fn mend(connection: &Connection, typed: &[String]) -> Result<Vec<Vec<String>>> {
    let mut mended = Vec::new();
    for word in typed {
        let mut likely = words_one_typo_away(connection, word)?;
        likely.push(word.clone());
        likely.sort();
        likely.dedup();
        likely.sort_by_key(|other| (distance_hint(word, other), other.clone()));
        likely.truncate(MAX_TYPOS);
        mended.push(likely);
    }
    Ok(mended)
}

/// Known words one typo away. A typo in one half of a word leaves the other half sound, so that of all words only those
/// are compared that begin or end as this one does: an index with each word backwards is a tenth of one with each word
/// without each of its letters.
fn words_one_typo_away(connection: &Connection, word: &str) -> Result<Vec<String>> {
    let Some((beginning, end)) = sound_parts(word) else { return Ok(Vec::new()) };
    let mut found: Vec<String> = Vec::new();
    let mut look = |table: &str, part: &str, read: fn(&str) -> String| -> Result<()> {
        let sql = format!("SELECT word FROM {table} WHERE word >= ? AND word < ?");
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([part, &beyond(part)])?;
        while let Some(row) = rows.next()? {
            let known = row.get_ref(0)?.as_str().unwrap_or_default();
            // Most are told apart by their length alone.
            if known.len().abs_diff(word.len()) <= 4 && one_typo_apart(&read(known), word) {
                found.push(read(known));
            }
        }
        Ok(())
    };
    look("vocabulary", &beginning, str::to_owned)?;
    look("vocabulary_backwards", &backwards(&end), backwards)?;
    Ok(found)
}

/// Words of the same length are likelier meant than longer or shorter ones, and a first letter is seldom wrong.
fn distance_hint(a: &str, b: &str) -> (bool, usize) {
    (a.chars().next() != b.chars().next(), a.chars().count().abs_diff(b.chars().count()))
}

fn by_name_any(connection: &Connection, mended: &[Vec<String>], most: usize) -> Result<Vec<i64>> {
    let mut found: Option<Vec<i64>> = None;
    for words in mended {
        let mut with_one = Vec::new();
        let mut statement = connection.prepare_cached("SELECT n FROM name_word WHERE word = ? LIMIT 200")?;
        for word in words {
            with_one.extend(statement.query_map([word], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?);
        }
        found = Some(match found {
            None => with_one,
            Some(before) => before.into_iter().filter(|n| with_one.contains(n)).collect(),
        });
    }
    let mut found = found.unwrap_or_default();
    found.dedup();
    found.truncate(most);
    Ok(found)
}

fn by_text_any(connection: &Connection, mended: &[Vec<String>], most: usize) -> Result<Vec<i64>> {
    matching(connection, &mended.iter().map(|words| any_of(words)).collect::<Vec<_>>().join(" AND "), most)
}

fn any_of(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    format!("({})", quoted.join(" OR "))
}

fn hit(connection: &Connection, n: i64, typed: &[String]) -> Result<Option<Hit>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, shown.kind, shown.value
         FROM record LEFT JOIN same USING (n) JOIN record shown ON shown.n = coalesce(representative, record.n)
         JOIN named ON named.n = shown.n WHERE record.n = ? AND record.state <> ?",
    )?;
    let row: Option<(RecordId, i64, Stored)> = statement
        .query_row(params![n, State::Deleted as i64], |row| Ok((RecordId(row.get(0)?), row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((id, kind, value)) = row else { return Ok(None) };
    let map = parse(&value);
    let Some(kind) = Kind::from_number(kind) else {
        let word = map.get("@kind").and_then(serde_json::Value::as_str).unwrap_or("record").to_string();
        let title = "written by a newer version of Kith".to_string();
        return Ok(Some(Hit { id, kind: word, title, about: String::new(), passage: String::new() }));
    };
    let record = AnyRecord::from_map(kind, map);
    let passage = passage(&record.facts().texts, typed);
    let (title, passage) = match name(&record) {
        Some(_) if matches!(record, AnyRecord::Contact(_)) => (title_of(&record), passage),
        Some(name) if !name.is_empty() => (name.to_string(), passage),
        _ => (passage, String::new()),
    };
    let passage = if passage == title { String::new() } else { passage };
    Ok(Some(Hit { id, kind: kind.word().into(), title, about: about(connection, &record)?, passage }))
}

/// How a record is called in a list.
pub fn title_of(record: &AnyRecord) -> String {
    match record {
        AnyRecord::Contact(contact) => contact.shown_name(),
        other => name(other).unwrap_or_default().to_string(),
    }
}

/// The people a record is about; for a person, where they work.
fn about(connection: &Connection, record: &AnyRecord) -> Result<String> {
    if let AnyRecord::Contact(contact) = record {
        let row = super::pages::person_row(connection, contact)?;
        return Ok([row.role, row.organisation].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(", "));
    }
    let mut people: Vec<Id<Contact>> = Vec::new();
    for (field, target) in record.facts().links {
        if ["who", "about", "with", "whose", "to", "between"].contains(&field) && people.len() < 3 {
            people.push(Id::new(target));
        }
    }
    super::today::names(connection, &people)
}

/// The text in which a typed word stands, cut to a line around it.
fn passage(texts: &[String], typed: &[String]) -> String {
    const BEFORE: usize = 30;
    const LENGTH: usize = 100;
    let holds = |text: &&String| {
        let there = words(text);
        typed.iter().any(|word| there.iter().any(|other| other.starts_with(word.as_str())))
    };
    let Some(text) = texts.iter().find(holds).or(texts.first()) else { return String::new() };
    let flat: Vec<char> = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    if flat.len() <= LENGTH {
        return flat.into_iter().collect();
    }
    let lower: String = flat.iter().map(|c| c.to_lowercase().next().unwrap_or(*c)).collect();
    let at = typed.iter().filter_map(|word| lower.find(word.as_str())).min();
    let at = at.map_or(0, |byte| lower[..byte].chars().count());
    let from = at.saturating_sub(BEFORE);
    let cut: String = flat.iter().skip(from).take(LENGTH).collect();
    let (head, tail) = (if from > 0 { "…" } else { "" }, if from + LENGTH < flat.len() { "…" } else { "" });
    format!("{head}{}{tail}", cut.trim())
}

/// The records of whatever kind whose name has these words, those that stand for others in their place.
pub(super) fn named(connection: &Connection, typed: &str) -> Result<Vec<RecordId>> {
    let mut ids: Vec<RecordId> = Vec::new();
    for n in by_name(connection, &words(typed), 200)? {
        let mut statement = connection.prepare_cached(
            "SELECT id FROM record LEFT JOIN same USING (n)
             JOIN named ON named.n = coalesce(representative, record.n) WHERE record.n = ? AND state <> ?",
        )?;
        let id = statement.query_row(params![n, State::Deleted as i64], |row| Ok(RecordId(row.get(0)?))).optional()?;
        ids.extend(id.filter(|id| !ids.contains(id)));
    }
    Ok(ids)
}

/// The people whose name has these words; one who is several records by the name of any of them.
pub fn contacts_by_words(connection: &Connection, typed: &str, most: usize) -> Result<Vec<Contact>> {
    let mut contacts = super::lists::standing_for(connection, members_by_words(connection, typed)?)?;
    contacts.truncate(most);
    Ok(contacts)
}

/// The records of people whose name has these words, each by itself.
pub(super) fn members_by_words(connection: &Connection, typed: &str) -> Result<Vec<Contact>> {
    let mut contacts = Vec::new();
    for n in by_name(connection, &words(typed), 200)? {
        let mut statement =
            connection.prepare_cached("SELECT value FROM record WHERE n = ? AND kind = ? AND state <> ?")?;
        let asked = params![n, Kind::Contact.number(), State::Deleted as i64];
        let value: Option<Stored> = statement.query_row(asked, |row| row.get(0)).optional()?;
        contacts.extend(value.map(|value| Contact::from_map(parse(&value))));
    }
    Ok(contacts)
}
