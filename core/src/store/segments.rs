//! What the file keeps of the other devices: segments byte for byte, the roster, and the files in which it travels.

use std::collections::HashMap;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::Result;

/// Which log.
type LogId = [u8; 16];

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// Its changes are part of the notebook.
    Taken = 0,
    /// Nobody who belongs to the notebook has let its author in.
    Stranger = 1,
    /// Its author wrote it after being removed.
    AfterRemoval = 2,
    /// Only a newer version of the program understands it.
    Newer = 3,
    /// It was kept back, and its changes were taken as this device's own, or came another way.
    Settled = 4,
    /// It was part of the notebook, and a renewal covers it: only its place and its first bytes are kept.
    Renewed = 5,
    /// Its author was removed, and what follows it has not come, which may show that it counts.
    Unpinned = 6,
    /// It was kept back, and somebody decided to leave it: nobody is asked again, and it is taken here only if it turns out
    /// to count.
    Dropped = 7,
    /// It never counted, and is not whole any more: only its place and its first bytes are kept.
    Forgotten = 8,
}

impl SegmentState {
    /// Whether all of its bytes are here.
    pub fn is_whole(self) -> bool {
        !matches!(self, Self::Renewed | Self::Forgotten)
    }
}

impl FromSql for SegmentState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value.as_i64()? {
            0 => Self::Taken,
            1 => Self::Stranger,
            2 => Self::AfterRemoval,
            3 => Self::Newer,
            4 => Self::Settled,
            5 => Self::Renewed,
            6 => Self::Unpinned,
            7 => Self::Dropped,
            8 => Self::Forgotten,
            other => return Err(FromSqlError::OutOfRange(other)),
        })
    }
}

/// Where a segment stands, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentPlace {
    /// Its log.
    pub log: LogId,
    /// Its number there.
    pub seq: u64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The hash of the one before it.
    pub prev: [u8; 32],
}

/// A segment and where it stands.
pub struct NewSegment<'a> {
    /// Where.
    pub place: &'a SegmentPlace,
    /// What became of it.
    pub state: SegmentState,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Keeps a segment, or what became of one that is kept already. One that was shrunk is whole again.
pub fn put(connection: &Connection, segment: &NewSegment<'_>) -> Result<()> {
    let SegmentPlace { log, seq, hash, prev } = segment.place;
    connection
        .prepare_cached(
            "INSERT INTO segment (log, seq, hash, prev, state, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (log, seq, hash) DO UPDATE
             SET state = ?5, bytes = iif(length(bytes) < length(?6), ?6, bytes)",
        )?
        .execute(params![log, *seq as i64, hash, prev, segment.state as i64, segment.bytes])?;
    Ok(())
}

/// Says what became of a segment that is kept.
pub fn set_state(connection: &Connection, at: &SegmentPlace, state: SegmentState) -> Result<()> {
    let sql = "UPDATE segment SET state = ? WHERE log = ? AND seq = ? AND hash = ?";
    connection.prepare_cached(sql)?.execute(params![state as i64, at.log, at.seq as i64, at.hash])?;
    Ok(())
}

/// The hashes of the segments that are kept under this number of a log; more than one means that two notebooks wrote it.
pub fn hashes(connection: &Connection, log: LogId, seq: u64) -> Result<Vec<[u8; 32]>> {
    let mut statement = connection.prepare_cached("SELECT hash FROM segment WHERE log = ? AND seq = ?")?;
    let rows = statement.query_map(params![log, seq as i64], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The last segment of a log; none when there is none.
pub fn last(connection: &Connection, log: LogId) -> Result<Option<SegmentPlace>> {
    let mut statement = connection
        .prepare_cached("SELECT log, seq, hash, prev FROM segment WHERE log = ? ORDER BY seq DESC, hash LIMIT 1")?;
    Ok(statement.query_row([log], place).optional()?)
}

/// Whether two segments stand under one number of this log.
pub fn is_forked(connection: &Connection, log: LogId) -> Result<bool> {
    let sql = "SELECT 1 FROM segment WHERE log = ? GROUP BY seq HAVING count(*) > 1";
    Ok(connection.prepare_cached(sql)?.exists([log])?)
}

/// All segments of a log, by number.
pub fn of_log(connection: &Connection, log: LogId) -> Result<Vec<SegmentPlace>> {
    let mut statement =
        connection.prepare_cached("SELECT log, seq, hash, prev FROM segment WHERE log = ? ORDER BY seq, hash")?;
    let rows = statement.query_map([log], place)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Those segments of a log that are part of the notebook, also those that a renewal covers, by number.
pub fn taken_of_log(connection: &Connection, log: LogId) -> Result<Vec<SegmentPlace>> {
    let sql = "SELECT log, seq, hash, prev FROM segment WHERE log = ? AND state IN (0, 5) ORDER BY seq, hash";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([log], place)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Where a segment is kept, and its first bytes: what its name in a mailbox is made of.
pub struct SegmentHead {
    /// Its place in this file.
    pub n: i64,
    /// Its log.
    pub log: LogId,
    /// Its hash.
    pub hash: [u8; 32],
    /// Its first 84 bytes.
    pub head: Vec<u8>,
    /// What became of it.
    pub state: SegmentState,
}

/// The heads of all segments, by log and number.
pub fn heads(connection: &Connection) -> Result<Vec<SegmentHead>> {
    let mut statement =
        connection.prepare_cached("SELECT n, log, hash, substr(bytes, 1, 84), state FROM segment ORDER BY log, seq")?;
    let rows = statement.query_map([], |row| {
        Ok(SegmentHead { n: row.get(0)?, log: row.get(1)?, hash: row.get(2)?, head: row.get(3)?, state: row.get(4)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The bytes of a segment.
pub fn bytes(connection: &Connection, n: i64) -> Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM segment WHERE n = ?")?;
    Ok(statement.query_row([n], |row| row.get(0)).optional()?)
}

/// The bytes of the segments under this number of a log that are whole here: at most so many, those whose hashes come after
/// this one before the others.
pub fn under(connection: &Connection, (log, seq): (LogId, u64), after: [u8; 32], limit: u32) -> Result<Vec<Vec<u8>>> {
    let mut statement = connection.prepare_cached(
        "SELECT bytes FROM segment WHERE log = ? AND seq = ? AND state NOT IN (5, 8) ORDER BY hash < ?, hash LIMIT ?",
    )?;
    let rows = statement.query_map(params![log, seq as i64, after, limit], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Every segment that was ever here, and what became of it.
pub fn places(connection: &Connection) -> Result<Vec<(SegmentPlace, SegmentState)>> {
    let mut statement =
        connection.prepare_cached("SELECT log, seq, hash, prev, state FROM segment ORDER BY log, seq, hash")?;
    let rows = statement.query_map([], |row| Ok((place(row)?, row.get(4)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The bytes of a segment that is whole here.
pub fn whole(connection: &Connection, at: &SegmentPlace) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT bytes FROM segment WHERE log = ? AND seq = ? AND hash = ? AND state NOT IN (5, 8)";
    Ok(connection
        .prepare_cached(sql)?
        .query_row(params![at.log, at.seq as i64, at.hash], |row| row.get(0))
        .optional()?)
}

/// What became of the segment with this hash.
pub fn state(connection: &Connection, at: &SegmentPlace) -> Result<Option<SegmentState>> {
    let mut statement =
        connection.prepare_cached("SELECT state FROM segment WHERE log = ? AND seq = ? AND hash = ?")?;
    Ok(statement.query_row(params![at.log, at.seq as i64, at.hash], |row| row.get(0)).optional()?)
}

/// The segments that were forgotten.
pub fn forgotten(connection: &Connection) -> Result<Vec<SegmentPlace>> {
    let mut statement = connection.prepare_cached("SELECT log, seq, hash, prev FROM segment WHERE state IN (5, 8)")?;
    let rows = statement.query_map([], place)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The segments that never counted and are not whole any more, each with the short name of its epoch.
pub fn forgotten_keys(connection: &Connection) -> Result<Vec<(SegmentPlace, [u8; 8])>> {
    let sql = "SELECT log, seq, hash, prev, substr(bytes, 25, 8) FROM segment WHERE state = 8";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((place(row)?, row.get(4)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The short names of the epochs under which segments that are whole here are sealed, but for what was dropped.
pub fn live_keys(connection: &Connection) -> Result<Vec<[u8; 8]>> {
    let sql = "SELECT DISTINCT substr(bytes, 25, 8) FROM segment WHERE state NOT IN (5, 7, 8)";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Forgets a segment but for its place and its first bytes, and whether it ever counted.
pub fn shrink(connection: &Connection, at: &SegmentPlace) -> Result<()> {
    let sql = "UPDATE segment SET state = iif(state IN (0, 5), 5, 8), bytes = substr(bytes, 1, 84)
               WHERE log = ? AND seq = ? AND hash = ?";
    connection.prepare_cached(sql)?.execute(params![at.log, at.seq as i64, at.hash])?;
    Ok(())
}

/// Forgets a segment.
pub fn let_go(connection: &Connection, at: &SegmentPlace) -> Result<()> {
    let sql = "DELETE FROM segment WHERE log = ? AND seq = ? AND hash = ?";
    connection.prepare_cached(sql)?.execute(params![at.log, at.seq as i64, at.hash])?;
    Ok(())
}

/// The segments that are kept back, or wait for what follows them, oldest first.
pub fn kept_back(connection: &Connection) -> Result<Vec<(SegmentPlace, SegmentState)>> {
    let mut left = left_out(connection)?;
    left.retain(|(_, state)| *state != SegmentState::Dropped);
    Ok(left)
}

/// The same, with those that somebody dropped: they may turn out to count.
pub fn left_out(connection: &Connection) -> Result<Vec<(SegmentPlace, SegmentState)>> {
    let mut statement = connection
        .prepare_cached("SELECT log, seq, hash, prev, state FROM segment WHERE state IN (1, 2, 3, 6, 7) ORDER BY n")?;
    let rows = statement.query_map([], |row| Ok((place(row)?, row.get(4)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many segments under this number of a log, of which its author was removed, do not count, or not yet.
pub fn in_doubt(connection: &Connection, log: LogId, seq: u64) -> Result<u64> {
    let sql = "SELECT count(*) FROM segment WHERE log = ? AND seq = ? AND state IN (2, 6)";
    Ok(connection.prepare_cached(sql)?.query_row(params![log, seq as i64], |row| row.get(0))?)
}

/// Bytes of all segments that are here.
pub fn weight(connection: &Connection) -> Result<u64> {
    let mut statement = connection.prepare_cached("SELECT coalesce(sum(length(bytes)), 0) FROM segment")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// How many segments are kept back of devices that do not belong to the notebook, and how many bytes they have.
pub fn weight_kept_back(connection: &Connection) -> Result<(u64, u64)> {
    let sql = "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM segment WHERE state IN (1, 2)";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// How many segments wait for what may show that they count, and how many bytes they have.
pub fn weight_waiting(connection: &Connection) -> Result<(u64, u64)> {
    let sql = "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM segment WHERE state = 6";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// How many segments of a device are, or were, part of the notebook.
pub fn count_taken_of(connection: &Connection, device: [u8; 32]) -> Result<u64> {
    let sql = "SELECT count(*) FROM segment JOIN log USING (log) WHERE device = ? AND state IN (0, 5)";
    Ok(connection.prepare_cached(sql)?.query_row([device], |row| row.get(0))?)
}

/// How many entries of the roster are here.
pub fn count_entries(connection: &Connection) -> Result<u64> {
    Ok(connection.prepare_cached("SELECT count(*) FROM roster")?.query_row([], |row| row.get(0))?)
}

/// The segments that are part of the notebook, as they lie in this file, from this place on: at most so many.
pub fn taken_from(connection: &Connection, n: i64, most: usize) -> Result<Vec<(i64, SegmentPlace)>> {
    let sql = "SELECT log, seq, hash, prev, n FROM segment WHERE n >= ? AND state = 0 ORDER BY n LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![n, most as i64], |row| Ok((row.get(4)?, place(row)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many segments are in this state.
pub fn count(connection: &Connection, state: SegmentState) -> Result<u64> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM segment WHERE state = ?")?;
    Ok(statement.query_row([state as i64], |row| row.get(0))?)
}

fn place(row: &rusqlite::Row<'_>) -> rusqlite::Result<SegmentPlace> {
    let seq: i64 = row.get(1)?;
    Ok(SegmentPlace { log: row.get(0)?, seq: seq as u64, hash: row.get(2)?, prev: row.get(3)? })
}

/// The device whose log this is, if a segment of it was ever seen.
pub fn owner(connection: &Connection, log: LogId) -> Result<Option<[u8; 32]>> {
    let mut statement = connection.prepare_cached("SELECT device FROM log WHERE log = ?")?;
    Ok(statement.query_row([log], |row| row.get(0)).optional()?)
}

/// The device of every log.
pub fn owners(connection: &Connection) -> Result<HashMap<LogId, [u8; 32]>> {
    let mut statement = connection.prepare_cached("SELECT log, device FROM log")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Remembers whose log it is; who was first stays.
pub fn set_owner(connection: &Connection, log: LogId, device: [u8; 32]) -> Result<()> {
    connection.prepare_cached("INSERT OR IGNORE INTO log VALUES (?, ?)")?.execute(params![log, device])?;
    Ok(())
}

/// The logs of a device.
pub fn logs_of(connection: &Connection, device: [u8; 32]) -> Result<Vec<LogId>> {
    let mut statement = connection.prepare_cached("SELECT log FROM log WHERE device = ? ORDER BY log")?;
    let rows = statement.query_map([device], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many segments of a device are here, and when the newest says it was made.
pub fn heard_of(connection: &Connection, device: [u8; 32]) -> Result<(u64, Option<String>)> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT count(*) FROM segment JOIN log USING (log) WHERE log.device = ?1),
                (SELECT max(last_seen) FROM device JOIN log USING (log) WHERE log.device = ?1)",
    )?;
    Ok(statement.query_row([device], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Forgets roster, keys' files and segments: this notebook joins another one, under a log of its own.
pub fn forget_others(connection: &Connection) -> Result<()> {
    for table in ["segment", "log", "roster", "parcel", "given"] {
        connection.execute(&format!("DELETE FROM {table}"), [])?;
    }
    let sql = "DELETE FROM meta WHERE key IN ('seen_by_others', 'seen_told', 'purged_for_others', 'turned_away',
               'read_in_vain')";
    connection.execute(sql, [])?;
    Ok(())
}

/// Keeps an entry of the roster. Entries are kept after those before them.
pub fn put_entry(connection: &Connection, hash: [u8; 32], bytes: &[u8]) -> Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO roster (hash, bytes) VALUES (?, ?)")?
        .execute(params![hash, bytes])?;
    Ok(())
}

/// The entries of the roster, each after those before it.
pub fn entries(connection: &Connection) -> Result<Vec<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM roster ORDER BY n")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Keeps a file of the roster.
pub fn put_parcel(connection: &Connection, id: [u8; 16], bytes: &[u8]) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO parcel VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes WHERE bytes = x''",
        )?
        .execute(params![id, bytes])?;
    Ok(())
}

/// Remembers of a file of the roster that it was looked at and not kept: a row without bytes.
pub fn pass_over(connection: &Connection, id: [u8; 16]) -> Result<()> {
    connection.prepare_cached("INSERT OR IGNORE INTO parcel VALUES (?, x'')")?.execute([id])?;
    Ok(())
}

/// The files of the roster that were passed over.
pub fn passed_over(connection: &Connection) -> Result<Vec<[u8; 16]>> {
    let mut statement = connection.prepare_cached("SELECT id FROM parcel WHERE bytes = x''")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Forgets which were passed over when there are more than so many.
pub fn pass_over_at_most(connection: &Connection, most: usize) -> Result<()> {
    if passed_over(connection)?.len() > most { pass_over_none(connection) } else { Ok(()) }
}

/// Forgets which files of the roster were passed over, so that they are looked at again.
pub fn pass_over_none(connection: &Connection) -> Result<()> {
    connection.execute("DELETE FROM parcel WHERE bytes = x''", [])?;
    Ok(())
}

/// The files of the roster, with the beginning of their hash.
pub fn parcels(connection: &Connection) -> Result<Vec<([u8; 16], Vec<u8>)>> {
    let mut statement = connection.prepare_cached("SELECT id, bytes FROM parcel WHERE bytes <> x''")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Forgets files of the roster that are of no use any more, and who was given what: it is given anew.
pub fn drop_parcels(connection: &Connection, ids: &[[u8; 16]]) -> Result<()> {
    let mut statement = connection.prepare_cached("DELETE FROM parcel WHERE id = ?")?;
    ids.iter().try_for_each(|id| statement.execute([id]).map(drop))?;
    connection.execute("DELETE FROM given", [])?;
    Ok(())
}

/// Counts how often this file was taken away from a mailbox, and says whether it may be once more. Of files without end
/// only the first so many are counted.
pub fn may_take_away(connection: &Connection, file: [u8; 16]) -> Result<bool> {
    let mut times = connection.prepare_cached("SELECT times FROM taken_away WHERE file = ?")?;
    if let Some(times) = times.query_row([file], |row| row.get::<_, i64>(0)).optional()? {
        connection
            .prepare_cached("UPDATE taken_away SET times = times + 1 WHERE file = ?1 AND times < ?2")?
            .execute(params![file, MOST_TIMES])?;
        return Ok(times < MOST_TIMES);
    }
    let all: i64 = connection.query_row("SELECT count(*) FROM taken_away", [], |row| row.get(0))?;
    if all < MOST_FILES {
        connection.prepare_cached("INSERT INTO taken_away VALUES (?, 1)")?.execute([file])?;
    }
    Ok(true)
}

/// How often a file that somebody puts back is taken away, and of how many files that is counted.
const MOST_TIMES: i64 = 3;
const MOST_FILES: i64 = 100_000;

/// Remembers that keys of these epochs are sealed to an HPKE key: of each the root, or only the entry key. Says whether
/// any is new to who has it.
pub fn give(connection: &Connection, epochs: &[(bool, [u8; 32])], hpke: [u8; 32]) -> Result<bool> {
    let mut had = connection.prepare_cached("SELECT 1 FROM given WHERE epoch = ? AND device = ?")?;
    let mut give = connection.prepare_cached("INSERT OR IGNORE INTO given VALUES (?, ?)")?;
    let mut any = false;
    for (is_root, epoch) in epochs {
        // Who had the root can make the entry key of it.
        let had_root = had.exists(params![epoch, hpke])?;
        let what = if *is_root { epoch.to_vec() } else { [&epoch[..], &[1]].concat() };
        any |= give.execute(params![what, hpke])? > 0 && !had_root;
    }
    Ok(any)
}
