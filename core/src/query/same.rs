//! Records that are one: two people merged by hand, or one card imported on two devices.
//!
//! A set of such records is whatever hangs together by "same as" links and equal source keys; its representative is
//! the smallest id, so that devices that merged in opposite directions end alike.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::project::{State, Stored, parse, source_identity};
use crate::error::Result;
use crate::model::{Kind, RecordId};

/// Most records in one set; beyond it the rest stands alone, so that hostile links cannot make every commit slow.
const MAX_SET: usize = 256;

struct Node {
    id: RecordId,
    neighbours: Vec<i64>,
}

/// Finds the set of this record and writes who stands for it; returns the records looked at.
pub(super) fn settle(connection: &Connection, n: i64) -> Result<Vec<i64>> {
    // Those it was one with before may now stand alone.
    let mut to_look_at = former_set(connection, n)?;
    to_look_at.push(n);
    let mut looked_at = BTreeSet::new();
    for n in to_look_at {
        if looked_at.contains(&n) {
            continue;
        }
        let set = connected(connection, n)?;
        let representative = set.iter().min_by_key(|(_, node)| node.id).map_or(n, |(n, _)| *n);
        if set.is_empty() {
            mark(connection, n, None)?; // it was deleted
        }
        for member in set.keys() {
            mark(connection, *member, (set.len() > 1).then_some(representative))?;
        }
        looked_at.insert(n);
        looked_at.extend(set.into_keys());
    }
    Ok(looked_at.into_iter().collect())
}

/// Those that were shown as one with this record until now.
pub(super) fn former_set(connection: &Connection, n: i64) -> Result<Vec<i64>> {
    let mut statement = connection
        .prepare_cached("SELECT n FROM same WHERE representative = (SELECT representative FROM same WHERE n = ?)")?;
    let rows = statement.query_map([n], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn connected(connection: &Connection, start: i64) -> Result<BTreeMap<i64, Node>> {
    let mut set = BTreeMap::new();
    let mut queue = vec![start];
    while let Some(n) = queue.pop() {
        if set.contains_key(&n) || set.len() >= MAX_SET {
            continue;
        }
        let Some(node) = node(connection, n)? else { continue };
        queue.extend(&node.neighbours);
        set.insert(n, node);
    }
    Ok(set)
}

/// A living record and those that say, or are said, to be the same.
fn node(connection: &Connection, n: i64) -> Result<Option<Node>> {
    let row = connection
        .prepare_cached("SELECT id, kind, value FROM record JOIN named USING (n) WHERE n = ? AND state <> ?")?
        .query_row(params![n, State::Deleted as i64], |row| {
            Ok((RecordId(row.get(0)?), row.get::<_, i64>(1)?, row.get::<_, Stored>(2)?))
        })
        .optional()?;
    let Some((id, kind, value)) = row else { return Ok(None) };
    let map = parse(&value);
    let mut neighbours = Vec::new();
    let (same, not_same) = (ids(map.get("same_as")), ids(map.get("not_same_as")));
    for other in &same {
        neighbours.extend(living(connection, *other, kind)?);
    }
    neighbours.extend(pointing_at(connection, id, "same_as", kind)?);
    if kind == Kind::Contact.number() {
        let mut apart: BTreeSet<i64> = pointing_at(connection, id, "not_same_as", kind)?.into_iter().collect();
        for other in &not_same {
            apart.extend(living(connection, *other, kind)?);
        }
        for key in source_keys(&map) {
            let mut statement = connection.prepare_cached("SELECT n FROM identity WHERE key = ?")?;
            let others = statement.query_map([key], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
            neighbours.extend(others.into_iter().filter(|other| *other != n && !apart.contains(other)));
        }
    }
    Ok(Some(Node { id, neighbours }))
}

fn ids(value: Option<&Value>) -> Vec<RecordId> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|id| id.as_str()?.parse().ok()).collect()
}

fn source_keys(map: &serde_json::Map<String, Value>) -> Vec<String> {
    let sources = map.get("sources").and_then(Value::as_array).into_iter().flatten();
    sources
        .filter_map(|source| Some((source.get("source")?.as_str()?, source.get("key")?.as_str()?)))
        .map(|(source, key)| source_identity(source, key))
        .collect()
}

fn living(connection: &Connection, id: RecordId, kind: i64) -> Result<Option<i64>> {
    let mut statement = connection
        .prepare_cached("SELECT n FROM named JOIN record USING (n) WHERE id = ? AND kind = ? AND state <> 1")?;
    Ok(statement.query_row(params![id.0, kind], |row| row.get(0)).optional()?)
}

fn pointing_at(connection: &Connection, id: RecordId, field: &str, kind: i64) -> Result<Vec<i64>> {
    let mut statement = connection
        .prepare_cached("SELECT link.n FROM link JOIN record USING (n) WHERE target = ? AND field = ? AND kind = ?")?;
    let rows = statement.query_map(params![id.0, field, kind], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Writes that a record stands for its set, belongs to one, or stands alone.
fn mark(connection: &Connection, n: i64, representative: Option<i64>) -> Result<()> {
    match representative {
        Some(of) => connection.prepare_cached("INSERT OR REPLACE INTO same VALUES (?, ?)")?.execute([n, of])?,
        None => connection.prepare_cached("DELETE FROM same WHERE n = ?")?.execute([n])?,
    };
    let state = match representative {
        Some(of) if of != n => State::Member,
        _ => State::Living,
    } as i64;
    let mut statement = connection.prepare_cached("SELECT kind, state FROM record WHERE n = ? AND state <> 1")?;
    let row: Option<(i64, i64)> = statement.query_row([n], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    if let Some((kind, before)) = row.filter(|(_, before)| *before != state) {
        connection.prepare_cached("UPDATE record SET state = ? WHERE n = ?")?.execute([state, n])?;
        super::project::tally(connection, Some((kind, before)), Some((kind, state)))?;
    }
    Ok(())
}

/// All records that are one with this one, the representative first; only itself when it stands alone.
pub fn members(connection: &Connection, id: RecordId) -> Result<Vec<RecordId>> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM same JOIN named USING (n)
         WHERE representative = (SELECT representative FROM same JOIN named USING (n) WHERE id = ?) ORDER BY id",
    )?;
    let rows = statement.query_map([id.0], |row| Ok(RecordId(row.get(0)?)))?;
    let members: Vec<RecordId> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(if members.is_empty() { vec![id] } else { members })
}
