//! One SQLite file: documents as chunks, the outbox, what came from where. Owns the file and its transactions.

pub mod pack;
mod salvage;
pub mod segments;

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{FromSql, ToSql};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::document::{Document, Heads, RawChange};
use crate::error::{Error, Result};
use crate::model::RecordId;
use pack::Dictionary;
pub use salvage::{Damaged, graft_declarations, open_damaged, salvage};

/// What each version of the primary tables adds to the one before; the first line leads from version 1 to 2. Never
/// change a line: notebooks have lived through it. `schema.sql` is what they all lead to.
const UPGRADES: &[&str] = &[
    "CREATE VIEW named AS SELECT n, id FROM document",
    "ALTER TABLE blob ADD COLUMN unused_since INTEGER",
    include_str!("segments.sql"),
    "DROP TABLE batch",
    "CREATE TABLE taken_away (file BLOB PRIMARY KEY, times INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "ALTER TABLE waiting ADD COLUMN retold INTEGER NOT NULL DEFAULT 0",
];
/// The version of the primary tables.
const SCHEMA: i64 = 1 + UPGRADES.len() as i64;
/// "Kith" as SQLite's application id, so that another program's database is not taken for a notebook.
const APPLICATION_ID: i64 = 0x4b69_7468;
/// How long a writer waits for another process.
const BUSY: Duration = Duration::from_secs(10);
/// How long writing the file anew waits for others that read it.
const SCRUB_WAIT: Duration = Duration::from_secs(1);
/// Most changes one document can have between two compactions: 20 bits of the chunk key.
const MAX_CHUNK: i64 = (1 << 20) - 1;

/// What the store knows of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentRow {
    /// Its number in this file; not the same on another device.
    pub n: i64,
    /// The version stored.
    pub heads: Heads,
    next: i64,
    snapshot_bytes: i64,
    log_bytes: i64,
}

impl DocumentRow {
    /// Whether nothing of it has come yet: a checkpoint told it.
    pub fn is_only_told(&self) -> bool {
        self.heads.is_empty()
    }

    /// Whether its changes outweigh its snapshot.
    pub fn wants_compaction(&self) -> bool {
        self.log_bytes > self.snapshot_bytes.max(4096)
    }
}

/// Opens the file for writing, making it when there is none.
///
/// # Errors
/// [`Error::Unreadable`] when the file is no notebook or damaged, [`Error::NeedsUpdate`] when it is a newer version's,
/// [`Error::Storage`] when the disk refuses, [`Error::Invalid`] as [`nothing_left_of_another`].
pub fn open(path: &Path) -> Result<Connection> {
    nothing_left_of_another(path)?;
    // SQLite gives its other files the rights of this one: only the owner's. One that is there keeps what it has.
    let _ = crate::files::create_own(path);
    if is_one_byte_of_something_else(path) {
        return Err(Error::Unreadable("this file is no notebook".into()));
    }
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    // Before anything is changed: another program's database is left as it is, byte for byte.
    let is_ready = match identity(&connection)? {
        (0, 0, true) => false,
        (APPLICATION_ID, version @ 1..=SCHEMA, _) => version == SCHEMA,
        (APPLICATION_ID, version, _) if version > SCHEMA => return Err(Error::NeedsUpdate("this notebook".into())),
        _ => return Err(Error::Unreadable("this file is a database of another program, not a notebook".into())),
    };
    connection.execute_batch("PRAGMA page_size = 4096")?;
    let mode = write_ahead(&connection)?;
    if mode != "wal" {
        return Err(Error::Storage(format!("this place cannot hold a notebook safely (journal mode {mode})")));
    }
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON; PRAGMA secure_delete = FAST; PRAGMA wal_autocheckpoint = 4000;
         PRAGMA cache_size = -4096",
    )?;
    plan_once(&connection)?;
    connection.set_prepared_statement_cache_capacity(128);
    if !is_ready {
        prepare(&mut connection)?;
    }
    Ok(connection)
}

/// Where there is no notebook, but the write-ahead log of one that was moved away, nothing is put: SQLite would throw that
/// log away, or read it into the new file and damage it, and the last notes of the other one are in it.
///
/// # Errors
/// [`Error::Exists`] with the next step.
pub fn nothing_left_of_another(path: &Path) -> Result<()> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = Path::new(&log);
    let left = std::fs::metadata(log).is_ok_and(|log| log.len() > 0);
    if path.exists() || !left {
        return Ok(());
    }
    Err(Error::Exists(format!(
        "{} is left of a notebook that was here, and may hold its last notes. Move it to where that notebook is now, under \
         its name and \"-wal\", or name another place for this one. Nothing was changed",
        log.display()
    )))
}

/// SQLite takes a file of one byte for an empty one and writes over it, since on some disks it begins one with an `S`.
fn is_one_byte_of_something_else(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(2).read_to_end(&mut start));
    read.is_ok() && start.len() == 1 && start != b"S"
}

/// The document of a record whose own history is here and whole.
///
/// # Errors
/// [`Error::Storage`] when the disk refuses.
pub fn readable(connection: &Connection, id: RecordId) -> Result<Option<Document>> {
    let row = document_row(connection, id)?.filter(|row| !row.is_only_told());
    match row.map(|row| load(connection, &row)).transpose() {
        Err(Error::Unreadable(_)) => Ok(None),
        loaded => loaded,
    }
}

/// Opens one more connection that only reads.
///
/// # Errors
/// As [`open`].
pub fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")?;
    plan_once(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Keeps SQLite from planning a prepared statement anew for each value bound to it, which took an eighth of the time of
/// writing a line.
fn plan_once(connection: &Connection) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Switches to the write-ahead log, once for the life of the file. SQLite does not wait here for another process that
/// is doing the same, so we do.
fn write_ahead(connection: &Connection) -> Result<String> {
    const STEP: Duration = Duration::from_millis(5);
    let switch = || connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
    let mut waited = Duration::ZERO;
    loop {
        match switch() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && waited < BUSY => {
                std::thread::sleep(STEP);
                waited += STEP;
            }
            mode => return Ok(mode?),
        }
    }
}

/// Whose file it is, of which version, and whether there is nothing in it: all read at one moment, since another process
/// may be making the notebook just now.
fn identity(connection: &Connection) -> Result<(i64, i64, bool)> {
    let moment = connection.unchecked_transaction()?;
    let pragma = |name: &str| moment.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0));
    let empty = is_empty(&moment)?;
    Ok((pragma("application_id")?, pragma("user_version")?, empty))
}

fn is_empty(connection: &Connection) -> Result<bool> {
    Ok(connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?)
}

/// A number that changes when another connection writes.
pub fn data_version(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
}

/// Makes the primary tables, or leads those of an earlier version to this one.
fn prepare(connection: &mut Connection) -> Result<()> {
    let transaction = begin(connection)?;
    // Asked again: another process may have been first.
    if is_empty(&transaction)? {
        transaction.execute_batch(concat!(include_str!("schema.sql"), include_str!("segments.sql")))?;
    } else {
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        for upgrade in UPGRADES.iter().skip(version.max(1) as usize - 1) {
            transaction.execute_batch(upgrade)?;
        }
    }
    transaction.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA}"))?;
    Ok(transaction.commit()?)
}

/// Begins the one kind of writing transaction there is: it waits for other processes now, not at its end.
///
/// # Errors
/// [`Error::Storage`] when another process holds the notebook for ten seconds, or the disk refuses.
pub fn begin(connection: &mut Connection) -> Result<Transaction<'_>> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// A value the notebook remembers for itself, not for other devices.
pub fn meta<T: FromSql>(connection: &Connection, key: &str) -> Result<Option<T>> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?")?;
    Ok(statement.query_row([key], |row| row.get::<_, Option<T>>(0)).optional()?.flatten())
}

/// Remembers a value; null forgets it.
pub fn set_meta(connection: &Connection, key: &str, value: impl ToSql) -> Result<()> {
    connection.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?, ?)")?.execute(params![key, value])?;
    Ok(())
}

/// Remembers a value unless there is one.
pub fn set_meta_once(connection: &Connection, key: &str, value: impl ToSql) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2 WHERE value IS NULL",
        )?
        .execute(params![key, value])?;
    Ok(())
}

/// What is known of a document, if it is here.
pub fn document_row(connection: &Connection, id: RecordId) -> Result<Option<DocumentRow>> {
    let mut statement =
        connection.prepare_cached("SELECT n, heads, next, snapshot_bytes, log_bytes FROM document WHERE id = ?")?;
    let row = statement.query_row([id.0], |row| {
        Ok(DocumentRow {
            n: row.get(0)?,
            heads: Heads::from_bytes(row.get_ref(1)?.as_blob()?),
            next: row.get(2)?,
            snapshot_bytes: row.get(3)?,
            log_bytes: row.get(4)?,
        })
    });
    Ok(row.optional()?)
}

/// Loads a document and compares it with the version stored beside it.
///
/// # Errors
/// [`Error::Unreadable`] when its bytes are damaged.
pub fn load(connection: &Connection, row: &DocumentRow) -> Result<Document> {
    let mut bytes = Vec::new();
    let mut statement = connection.prepare_cached("SELECT bytes FROM chunk WHERE key BETWEEN ? AND ? ORDER BY key")?;
    let mut chunks = statement.query([row.n << 20, row.n << 20 | MAX_CHUNK])?;
    while let Some(chunk) = chunks.next()? {
        pack::unpack(Dictionary::History, chunk.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?, &mut bytes)?;
    }
    let document = Document::load(&bytes)?;
    if document.heads() != row.heads {
        return Err(Error::Unreadable("a record is damaged: part of its history is missing".into()));
    }
    Ok(document)
}

/// Adds changes to a document, making its row when it is new; returns its number.
///
/// `own` says that this device wrote them, so that they go to the outbox.
pub fn append(
    connection: &Connection,
    id: RecordId,
    row: Option<&DocumentRow>,
    heads: &Heads,
    changes: &[RawChange],
    own: bool,
) -> Result<i64> {
    let renumbered = row.map(|row| with_numbers_for(connection, id, row, changes.len())).transpose()?;
    let row = renumbered.as_ref();
    let packed: Vec<Vec<u8>> =
        changes.iter().map(|change| pack::pack(Dictionary::History, &change.bytes)).collect::<Result<_>>()?;
    let stored: i64 = packed.iter().map(|bytes| bytes.len() as i64).sum();
    let first = row.map_or(1, |row| row.next);
    let next = first + changes.len() as i64;
    if next > MAX_CHUNK {
        return Err(Error::Invalid("these are more changes than one record can have".into()));
    }
    let n = match row {
        Some(row) => {
            let sql = "UPDATE document SET heads = ?, next = ?, log_bytes = log_bytes + ? WHERE n = ?";
            connection.prepare_cached(sql)?.execute(params![heads.to_bytes(), next, stored, row.n])?;
            row.n
        }
        None => {
            let mut statement = connection.prepare_cached("INSERT INTO document VALUES (NULL, ?, ?, ?, 0, ?)")?;
            statement.insert(params![id.0, heads.to_bytes(), next, stored])?
        }
    };
    for (bytes, key) in packed.iter().zip(n << 20 | first..) {
        connection.prepare_cached("INSERT INTO chunk VALUES (?, ?)")?.execute(params![key, bytes])?;
        if own {
            connection.prepare_cached("INSERT INTO outbox VALUES (?, NULL)")?.execute([key])?;
        }
    }
    Ok(n)
}

/// Puts one snapshot in the place of a document's changes, once it reads back the same.
///
/// # Errors
/// [`Error::Unreadable`] when the document or its snapshot cannot be read; then nothing is replaced.
pub fn compact(connection: &Connection, row: &DocumentRow) -> Result<()> {
    let document = load(connection, row)?;
    let saved = document.save();
    if Document::load(&saved)?.heads() != row.heads {
        return Err(Error::Unreadable("a snapshot does not read back as what it was made from".into()));
    }
    remember_hashes(connection, row.n)?;
    connection
        .prepare_cached("DELETE FROM chunk WHERE key BETWEEN ? AND ?")?
        .execute([row.n << 20, row.n << 20 | MAX_CHUNK])?;
    let bytes = pack::pack(Dictionary::History, &saved)?;
    connection.prepare_cached("INSERT INTO chunk VALUES (?, ?)")?.execute(params![row.n << 20, bytes])?;
    // `next` goes on counting: an outbox entry keeps naming a chunk that once was.
    connection
        .prepare_cached("UPDATE document SET snapshot_bytes = ?, log_bytes = 0 WHERE n = ?")?
        .execute(params![bytes.len() as i64, row.n])?;
    Ok(())
}

/// Before chunks go, the outbox learns which changes they held.
fn remember_hashes(connection: &Connection, n: i64) -> Result<()> {
    let range = [n << 20, n << 20 | MAX_CHUNK];
    let mut statement = connection.prepare_cached(
        "SELECT chunk.key, bytes FROM outbox JOIN chunk ON chunk.key = outbox.chunk
         WHERE outbox.chunk BETWEEN ? AND ? AND hash IS NULL",
    )?;
    let held: Vec<(i64, Vec<u8>)> =
        statement.query_map(range, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for (key, packed) in held {
        let hash = hash_of_chunk(&packed)?;
        connection.prepare_cached("UPDATE outbox SET hash = ? WHERE chunk = ?")?.execute(params![hash, key])?;
    }
    Ok(())
}

/// Puts these changes of a record into the outbox again; those that wait for others, once they need not wait any more.
pub fn tell_again(connection: &Connection, id: RecordId, hashes: &BTreeSet<[u8; 32]>) -> Result<()> {
    for hash in hashes {
        connection.prepare_cached("UPDATE waiting SET retold = 1 WHERE hash = ?")?.execute([hash])?;
    }
    let Some(row) = document_row(connection, id)? else { return Ok(()) };
    let document = load(connection, &row)?;
    let changes: Vec<[u8; 32]> =
        document.changes().into_iter().map(|change| change.hash).filter(|hash| hashes.contains(hash)).collect();
    queue(connection, id, &row, &changes)
}

/// Changes that the document has already are named by hash, under chunk numbers that were never used. Those that wait in the
/// outbox are not put there again.
fn queue(connection: &Connection, id: RecordId, row: &DocumentRow, changes: &[[u8; 32]]) -> Result<()> {
    let waiting: BTreeSet<[u8; 32]> = queued(connection, row.n)?.into_iter().filter_map(|(_, hash)| hash).collect();
    let fresh: Vec<[u8; 32]> = changes.iter().filter(|hash| !waiting.contains(*hash)).copied().collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let row = with_numbers_for(connection, id, row, fresh.len())?;
    let next = row.next + fresh.len() as i64;
    if next > MAX_CHUNK {
        return Err(Error::Invalid("this record has more changes than can be told again".into()));
    }
    for (hash, key) in fresh.iter().zip(row.n << 20 | row.next..) {
        connection.prepare_cached("INSERT INTO outbox VALUES (?, ?)")?.execute(params![key, hash])?;
    }
    connection.prepare_cached("UPDATE document SET next = ? WHERE n = ?")?.execute([next, row.n])?;
    Ok(())
}

/// What of a document waits in the outbox: under which chunk number, and which change. Of a change that the file lost the
/// hash is not known.
fn queued(connection: &Connection, n: i64) -> Result<Vec<(i64, Option<[u8; 32]>)>> {
    let mut statement = connection.prepare_cached(
        "SELECT outbox.chunk, outbox.hash, chunk.bytes FROM outbox
         LEFT JOIN chunk ON chunk.key = outbox.chunk AND outbox.hash IS NULL
         WHERE outbox.chunk BETWEEN ? AND ? ORDER BY outbox.chunk",
    )?;
    let mut rows = statement.query([n << 20, n << 20 | MAX_CHUNK])?;
    let mut queued = Vec::new();
    while let Some(row) = rows.next()? {
        let hash = match (row.get::<_, Option<[u8; 32]>>(1)?, row.get::<_, Option<Vec<u8>>>(2)?) {
            (Some(hash), _) => Some(hash),
            (None, Some(packed)) => Some(hash_of_chunk(&packed)?),
            (None, None) => None,
        };
        queued.push((row.get(0)?, hash));
    }
    Ok(queued)
}

fn hash_of_chunk(packed: &[u8]) -> Result<[u8; 32]> {
    let mut bytes = Vec::new();
    pack::unpack(Dictionary::History, packed, &mut bytes)?;
    crate::document::hash_of(&bytes)
}

/// The row of a document with numbers left for so many more chunks. Once they have run out the document becomes one snapshot,
/// and what waits in the outbox is numbered from 1, each change once.
fn with_numbers_for(connection: &Connection, id: RecordId, row: &DocumentRow, more: usize) -> Result<DocumentRow> {
    if row.next + more as i64 <= MAX_CHUNK {
        return Ok(row.clone());
    }
    if !row.is_only_told() {
        compact(connection, row)?;
    }
    let mut seen = BTreeSet::new();
    let mut waiting = queued(connection, row.n)?;
    waiting.retain(|(_, hash)| hash.is_none_or(|hash| seen.insert(hash)));
    connection
        .prepare_cached("DELETE FROM outbox WHERE chunk BETWEEN ? AND ?")?
        .execute([row.n << 20, row.n << 20 | MAX_CHUNK])?;
    for ((_, hash), key) in waiting.iter().zip(row.n << 20 | 1..) {
        connection.prepare_cached("INSERT INTO outbox VALUES (?, ?)")?.execute(params![key, hash])?;
    }
    let next = 1 + waiting.len() as i64;
    connection.prepare_cached("UPDATE document SET next = ? WHERE n = ?")?.execute([next, row.n])?;
    document_row(connection, id)?.ok_or_else(|| lost(id))
}

/// Makes room for a record that was only told; none when it is here, or was deleted for good.
pub fn put_told(connection: &Connection, id: RecordId) -> Result<Option<i64>> {
    if is_purged(connection, id)? {
        return Ok(None);
    }
    let sql = "INSERT OR IGNORE INTO document VALUES (NULL, ?, x'', 1, 0, 0)";
    let is_new = connection.prepare_cached(sql)?.execute([id.0])? > 0;
    Ok(is_new.then(|| connection.last_insert_rowid()))
}

/// The numbers of the records that were only told.
pub fn told(connection: &Connection) -> Result<Vec<i64>> {
    let mut statement = connection.prepare_cached("SELECT n FROM document WHERE heads = x''")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Forgets that a record was told, if nothing of it has come.
pub fn forget_told(connection: &Connection, n: i64) -> Result<()> {
    connection.prepare_cached("DELETE FROM document WHERE n = ? AND heads = x''")?.execute([n])?;
    Ok(())
}

/// Whether the file holds any document.
pub fn has_documents(connection: &Connection) -> Result<bool> {
    Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM document)", [], |row| row.get(0))?)
}

/// Every document of the file, by number.
pub fn documents(connection: &Connection) -> Result<Vec<(i64, RecordId)>> {
    let mut statement = connection.prepare_cached("SELECT n, id FROM document ORDER BY n")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, RecordId(row.get(1)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Documents whose changes outweigh their snapshot, at most `most` of them.
pub fn wanting_compaction(connection: &Connection, most: usize) -> Result<Vec<RecordId>> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM document WHERE log_bytes > 4096 AND log_bytes > snapshot_bytes LIMIT ?")?;
    let rows = statement.query_map([most as i64], |row| Ok(RecordId(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One of our own changes that waits to be sealed.
pub struct Outgoing {
    /// Its place in the outbox.
    pub chunk: i64,
    /// The record.
    pub id: RecordId,
    /// The change.
    pub change: RawChange,
}

/// The next changes for a segment, oldest document first, up to about this many bytes; and the records of which one cannot
/// be read, which keep no other from going out.
pub fn outgoing(connection: &Connection, most_bytes: usize) -> Result<(Vec<Outgoing>, BTreeSet<RecordId>)> {
    let mut statement = connection.prepare_cached(
        "SELECT outbox.chunk, outbox.hash, document.id, chunk.bytes
         FROM outbox JOIN document ON document.n = outbox.chunk >> 20
         LEFT JOIN chunk ON chunk.key = outbox.chunk AND outbox.hash IS NULL ORDER BY outbox.chunk",
    )?;
    let mut rows = statement.query([])?;
    let (mut list, mut bytes, mut unreadable) = (Vec::new(), 0, BTreeSet::new());
    let mut loaded: Option<(RecordId, Document)> = None;
    while bytes < most_bytes {
        let Some(row) = rows.next()? else { break };
        let (chunk, id) = (row.get(0)?, RecordId(row.get(2)?));
        if unreadable.contains(&id) {
            continue;
        }
        let change = match changed(connection, id, (row.get(1)?, row.get(3)?), &mut loaded) {
            Err(Error::Unreadable(_)) => {
                unreadable.insert(id);
                continue;
            }
            change => change?,
        };
        // A short change can take away a long text: each operation counts as a byte at least.
        let operations = crate::document::gate::check(&change.bytes).unwrap_or_default() as usize;
        bytes += change.bytes.len().max(operations) + 64;
        list.push(Outgoing { chunk, id, change });
    }
    Ok((list, unreadable))
}

/// A change in the outbox, by the hash or the chunk that it is named by there. `loaded` is the document looked into last.
fn changed(
    connection: &Connection,
    id: RecordId,
    named: (Option<[u8; 32]>, Option<Vec<u8>>),
    loaded: &mut Option<(RecordId, Document)>,
) -> Result<RawChange> {
    match named {
        (None, Some(packed)) => {
            let mut bytes = Vec::new();
            pack::unpack(Dictionary::History, &packed, &mut bytes)?;
            Ok(RawChange { hash: crate::document::hash_of(&bytes)?, bytes })
        }
        (Some(hash), _) => {
            if loaded.as_ref().is_none_or(|(of, _)| *of != id) {
                let row = document_row(connection, id)?.ok_or_else(|| lost(id))?;
                *loaded = Some((id, load(connection, &row)?));
            }
            loaded.as_ref().and_then(|(_, document)| document.change(&hash)).ok_or_else(|| lost(id))
        }
        (None, None) => Err(lost(id)),
    }
}

/// The changes of a record that this device has yet to tell the others.
pub fn unsent(connection: &Connection, id: RecordId) -> Result<Vec<[u8; 32]>> {
    let Some(row) = document_row(connection, id)? else { return Ok(Vec::new()) };
    queued(connection, row.n)?.into_iter().map(|(_, hash)| hash.ok_or_else(|| lost(id))).collect()
}

fn lost(id: RecordId) -> Error {
    Error::Unreadable(format!("a change of record {id} is missing from the file; run `kith doctor`"))
}

/// Changes and photos, whatever holds them.
#[derive(Default)]
pub struct Contents {
    /// Changes, each by its record and its hash.
    pub changes: HashSet<(RecordId, [u8; 32])>,
    /// Photos, by name.
    pub photos: HashSet<String>,
}

/// What is in the outbox, once it is filled anew: all there is.
pub fn refilled(connection: &Connection) -> Result<Contents> {
    let mut changes = HashSet::new();
    for (n, id) in documents(connection)? {
        match queued(connection, n) {
            Err(Error::Unreadable(_)) => {}
            queued => changes.extend(queued?.into_iter().filter_map(|(_, hash)| Some((id, hash?)))),
        }
    }
    let mut photos = connection.prepare_cached("SELECT id FROM outbox_blob")?;
    let photos = photos.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(Contents { changes, photos })
}

/// Takes changes out of the outbox: a segment holds them now.
pub fn clear_outgoing(connection: &Connection, chunks: &[i64]) -> Result<()> {
    let mut statement = connection.prepare_cached("DELETE FROM outbox WHERE chunk = ?")?;
    chunks.iter().try_for_each(|chunk| statement.execute([chunk]).map(drop).map_err(Error::from))
}

/// The changes of a record by hash; none of one that cannot be read.
pub fn changes_of(connection: &Connection, id: RecordId) -> Result<HashSet<[u8; 32]>> {
    Ok(readable(connection, id)?.map(|document| document.hashes()).unwrap_or_default())
}

/// Puts every change of every document into the outbox again: a new log tells everything its notebook knows. What waits
/// for others is told once it need not wait any more. A record that cannot be read keeps no other from being told.
pub fn refill_outbox(connection: &Connection) -> Result<()> {
    for (_, id) in documents(connection)? {
        match tell_all_again(connection, id) {
            Err(Error::Unreadable(_)) => {}
            told => told?,
        }
    }
    connection.execute("INSERT OR IGNORE INTO outbox_blob SELECT id FROM blob", [])?;
    connection.execute("UPDATE waiting SET retold = 1", [])?;
    Ok(())
}

fn tell_all_again(connection: &Connection, id: RecordId) -> Result<()> {
    let Some(row) = document_row(connection, id)? else { return Ok(()) };
    let changes: Vec<[u8; 32]> = load(connection, &row)?.changes().into_iter().map(|change| change.hash).collect();
    queue(connection, id, &row, &changes)
}

/// Puts a photo into the outbox again, if it is here.
pub fn tell_blob_again(connection: &Connection, id: &str) -> Result<()> {
    connection.execute("INSERT OR IGNORE INTO outbox_blob SELECT id FROM blob WHERE id = ?", [id])?;
    Ok(())
}

/// Remembers that this actor wrote on the device of this log; no log means this device. Whoever was first stays, this device
/// before all: anybody can say later that an actor is theirs.
pub fn remember_actor(connection: &Connection, actor: &[u8], log: Option<[u8; 16]>) -> Result<()> {
    connection.prepare_cached("INSERT OR IGNORE INTO actor VALUES (?, ?)")?.execute(params![actor, log])?;
    Ok(())
}

/// Forgets which actors were this device's, but for this one.
pub fn forget_actors(connection: &Connection, but: Option<&[u8]>) -> Result<()> {
    connection.execute("DELETE FROM actor WHERE log IS NULL AND actor IS NOT ?", [but])?;
    Ok(())
}

/// The actors of this device since its log began.
pub fn own_actors(connection: &Connection) -> Result<Vec<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT actor FROM actor WHERE log IS NULL")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The name of the device an actor wrote on; none for this device and for actors nobody has named.
pub fn device_of(connection: &Connection, actor: &[u8]) -> Result<Option<String>> {
    let mut statement =
        connection.prepare_cached("SELECT name FROM actor JOIN device ON device.log = actor.log WHERE actor = ?")?;
    Ok(statement.query_row([actor], |row| row.get(0)).optional()?)
}

/// Whether this device, under this or an earlier start, is the actor.
pub fn is_own_actor(connection: &Connection, actor: &[u8]) -> Result<bool> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM actor WHERE actor = ? AND log IS NULL")?;
    Ok(statement.exists([actor])?)
}

/// Remembers a device.
pub fn remember_device(connection: &Connection, log: [u8; 16], name: &str, seen: &str) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO device VALUES (?1, ?2, ?3)
             ON CONFLICT (log) DO UPDATE SET name = ?2, last_seen = max(last_seen, ?3)",
        )?
        .execute(params![log, name, seen])?;
    Ok(())
}

/// Keeps a change until what it builds on has come. `retold` says that this device tells it to the others as its own
/// word, which it can do from then on.
pub fn put_waiting(
    connection: &Connection,
    id: RecordId,
    change: &RawChange,
    missing: [u8; 32],
    retold: bool,
) -> Result<()> {
    connection.prepare_cached("INSERT OR REPLACE INTO waiting VALUES (?, ?, ?, ?, ?)")?.execute(params![
        change.hash,
        id.0,
        missing,
        change.bytes,
        retold
    ])?;
    Ok(())
}

/// Takes the changes that wait for this document out of the waiting room, each with whether it is to be told again.
pub fn take_waiting(connection: &Connection, id: RecordId) -> Result<Vec<(RawChange, bool)>> {
    let sql = "DELETE FROM waiting WHERE document = ? RETURNING hash, bytes, retold";
    let mut statement = connection.prepare_cached(sql)?;
    let rows =
        statement.query_map([id.0], |row| Ok((RawChange { hash: row.get(0)?, bytes: row.get(1)? }, row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many changes wait for others.
pub fn count_waiting(connection: &Connection) -> Result<u64> {
    Ok(connection.prepare_cached("SELECT count(*) FROM waiting")?.query_row([], |row| row.get(0))?)
}

/// Sets a change aside, with the reason; it is tried again by a newer version.
pub fn put_quarantine(connection: &Connection, id: RecordId, bytes: &[u8], why: &str) -> Result<()> {
    let hash = *blake3::hash(bytes).as_bytes();
    connection
        .prepare_cached("INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?)")?
        .execute(params![hash, id.0, why, bytes])?;
    Ok(())
}

/// Takes these changes of a record out of where they were set aside.
pub fn let_out_of_quarantine(connection: &Connection, id: RecordId, changes: &[Vec<u8>]) -> Result<()> {
    let any = "SELECT 1 FROM quarantine LIMIT 1";
    if !connection.prepare_cached(any)?.exists([])? {
        return Ok(());
    }
    let mut statement = connection.prepare_cached("DELETE FROM quarantine WHERE hash = ? AND document = ?")?;
    changes.iter().try_for_each(|bytes| {
        statement.execute(params![blake3::hash(bytes).as_bytes(), id.0])?;
        Ok(())
    })
}

/// Changes that were set aside, at most so many: each with its hash in hexadecimal, by which they are sorted, and its record.
pub fn quarantined(connection: &Connection, after: &str, most: usize) -> Result<Vec<(String, RecordId, Vec<u8>)>> {
    let sql =
        "SELECT lower(hex(hash)), document, bytes FROM quarantine WHERE lower(hex(hash)) > ? ORDER BY hash LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement
        .query_map(params![after, most as i64], |row| Ok((row.get(0)?, RecordId(row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Records of which changes were set aside for a reason that begins so, at most so many.
pub fn quarantined_records(connection: &Connection, why: &str, most: usize) -> Result<Vec<RecordId>> {
    let sql = "SELECT DISTINCT document FROM quarantine WHERE substr(why, 1, length(?1)) = ?1 LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![why, most as i64], |row| Ok(RecordId(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Changes of a record that were set aside for a reason that begins so: at most so many, those whose hashes come after this
/// one before the others.
pub fn quarantined_of(
    connection: &Connection,
    id: RecordId,
    why: &str,
    after: [u8; 32],
    most: usize,
) -> Result<Vec<Vec<u8>>> {
    let sql = "SELECT bytes FROM quarantine WHERE document = ?1 AND substr(why, 1, length(?2)) = ?2
               ORDER BY hash < ?3, hash LIMIT ?4";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![id.0, why, after, most as i64], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Counts of what is here, for `doctor`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Sizes {
    /// Records, of whatever kind and state.
    pub documents: u64,
    /// Bytes of their histories, as stored.
    pub history_bytes: u64,
    /// Photos.
    pub photos: u64,
    /// Bytes of photos.
    pub photo_bytes: u64,
    /// Our own changes no segment holds yet.
    pub outbox: u64,
    /// Segments of all devices.
    pub segments: u64,
    /// Bytes of segments.
    pub segment_bytes: u64,
    /// Changes that wait for others.
    pub waiting: u64,
    /// Changes set aside.
    pub quarantined: u64,
    /// Records that were purged.
    pub purged: u64,
}

/// Counts what is here.
pub fn sizes(connection: &Connection) -> Result<Sizes> {
    let number = |sql: &str| -> Result<u64> { Ok(connection.query_row(sql, [], |row| row.get(0))?) };
    Ok(Sizes {
        documents: number("SELECT count(*) FROM document WHERE heads <> x''")?,
        history_bytes: number("SELECT coalesce(sum(snapshot_bytes + log_bytes), 0) FROM document")?,
        photos: number("SELECT count(*) FROM blob")?,
        photo_bytes: number("SELECT coalesce(sum(length(bytes)), 0) FROM blob")?,
        outbox: number("SELECT count(*) FROM outbox")?,
        segments: number("SELECT count(*) FROM segment")?,
        segment_bytes: number("SELECT coalesce(sum(length(bytes)), 0) FROM segment")?,
        waiting: number("SELECT count(*) FROM waiting")?,
        quarantined: number("SELECT count(*) FROM quarantine")?,
        purged: number("SELECT count(*) FROM purged")?,
    })
}

/// One hash over the version of every document and the name of every photo that is shown.
pub fn digest(connection: &Connection, is_shown: impl Fn(&str) -> Result<bool>) -> Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    let mut statement = connection.prepare("SELECT id, heads FROM document WHERE heads <> x'' ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..2 {
            add(row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?);
        }
    }
    for (id, _) in blob_uses(connection)? {
        if is_shown(&id)? {
            add(id.as_bytes());
        }
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Why changes were set aside.
pub fn quarantine(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT why FROM quarantine")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Keeps a photo; `own` says that it still has to go to other devices.
pub fn put_blob(connection: &Connection, id: &str, bytes: &[u8], own: bool) -> Result<()> {
    connection.prepare_cached("INSERT OR IGNORE INTO blob VALUES (?, ?, NULL)")?.execute(params![id, bytes])?;
    if own {
        connection.prepare_cached("INSERT OR IGNORE INTO outbox_blob VALUES (?)")?.execute([id])?;
    }
    Ok(())
}

/// A photo's bytes.
pub fn blob(connection: &Connection, id: &str) -> Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM blob WHERE id = ?")?;
    Ok(statement.query_row([id], |row| row.get(0)).optional()?)
}

/// Every photo, by name.
pub fn blobs(connection: &Connection) -> Result<Vec<(String, Vec<u8>)>> {
    let mut statement = connection.prepare_cached("SELECT id, bytes FROM blob ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Every photo's name, and since which day nobody shows it.
pub fn blob_uses(connection: &Connection) -> Result<Vec<(String, Option<i32>)>> {
    let mut statement = connection.prepare_cached("SELECT id, unused_since FROM blob ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Remembers since which day nobody shows a photo.
pub fn set_blob_unused(connection: &Connection, id: &str, since: Option<i32>) -> Result<()> {
    connection.prepare_cached("UPDATE blob SET unused_since = ? WHERE id = ?")?.execute(params![since, id])?;
    Ok(())
}

/// Photos that no segment holds yet, up to about this many bytes.
pub fn outgoing_blobs(connection: &Connection, most_bytes: usize) -> Result<Vec<(String, Vec<u8>)>> {
    let mut statement = connection.prepare_cached("SELECT blob.id, bytes FROM outbox_blob JOIN blob USING (id)")?;
    let mut rows = statement.query([])?;
    let (mut list, mut bytes) = (Vec::new(), 0);
    while bytes < most_bytes {
        let Some(row) = rows.next()? else { break };
        let blob: (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
        bytes += blob.1.len();
        list.push(blob);
    }
    Ok(list)
}

/// Takes a photo out of the outbox.
pub fn clear_outgoing_blob(connection: &Connection, id: &str) -> Result<()> {
    connection.prepare_cached("DELETE FROM outbox_blob WHERE id = ?")?.execute([id])?;
    Ok(())
}

/// Whether a record was deleted for good.
pub fn is_purged(connection: &Connection, id: RecordId) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM purged WHERE id = ?")?.exists([id.0])?)
}

/// The records that were deleted for good.
pub fn purged(connection: &Connection) -> Result<Vec<RecordId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM purged")?;
    let rows = statement.query_map([], |row| Ok(RecordId(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Which documents are here.
pub fn document_ids(connection: &Connection) -> Result<std::collections::HashSet<RecordId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM document")?;
    let rows = statement.query_map([], |row| Ok(RecordId(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Takes a document out of the file and refuses it from now on.
pub fn purge(connection: &Connection, id: RecordId) -> Result<Option<i64>> {
    let row = document_row(connection, id)?;
    if let Some(row) = &row {
        let range = [row.n << 20, row.n << 20 | MAX_CHUNK];
        connection.prepare_cached("DELETE FROM chunk WHERE key BETWEEN ? AND ?")?.execute(range)?;
        connection.prepare_cached("DELETE FROM outbox WHERE chunk BETWEEN ? AND ?")?.execute(range)?;
    }
    for table in ["document", "waiting", "quarantine"] {
        let column = if table == "document" { "id" } else { "document" };
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE {column} = ?"))?.execute([id.0])?;
    }
    connection.prepare_cached("INSERT OR IGNORE INTO purged VALUES (?)")?.execute([id.0])?;
    Ok(row.map(|row| row.n))
}

/// Forgets a photo.
pub fn purge_blob(connection: &Connection, id: &str) -> Result<()> {
    clear_outgoing_blob(connection, id)?;
    connection.prepare_cached("DELETE FROM blob WHERE id = ?")?.execute([id])?;
    Ok(())
}

/// Writes the file anew without its free space, and empties the write-ahead log, so that no deleted byte remains. Says
/// whether that could be done: while another program reads the file, nothing of it is written anew.
///
/// # Errors
/// [`Error::Storage`] when the disk refuses.
pub fn scrub(connection: &Connection) -> Result<bool> {
    // Who only looks something up is done by then; a backup of a large notebook is not, and nobody waits for that.
    connection.busy_timeout(SCRUB_WAIT)?;
    let scrubbed = write_anew(connection);
    connection.busy_timeout(BUSY)?;
    scrubbed
}

fn write_anew(connection: &Connection) -> Result<bool> {
    if !empty_log(connection)? {
        return Ok(false);
    }
    connection.execute_batch("PRAGMA secure_delete = ON; VACUUM")?;
    empty_log(connection)
}

fn empty_log(connection: &Connection) -> Result<bool> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

/// Makes a restored notebook forget which log it wrote and what ran on the device: it begins anew.
pub fn forget_identity(connection: &Connection) -> Result<()> {
    connection.execute("DELETE FROM meta WHERE key IN ('log', 'running_event', 'mailboxes')", [])?;
    Ok(())
}

/// Looks at every page of the file; returns what is wrong, in SQLite's words.
pub fn check(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    let found: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

/// How often somebody is asked whether to go on, while SQLite does one thing.
const LOOK: Duration = Duration::from_millis(20);

/// Does something that SQLite does in one piece, and looks meanwhile whether somebody takes it back: it is broken off then,
/// and what it had begun is undone as by any error.
///
/// # Errors
/// As the work, or what `look` answers.
pub fn broken_off_by<T: Send>(
    look: &mut dyn FnMut() -> Result<()>,
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T> + Send,
) -> Result<T> {
    let (interrupt, (done, is_done)) = (connection.get_interrupt_handle(), mpsc::channel());
    std::thread::scope(|scope| {
        scope.spawn(move || drop(done.send(work(connection))));
        let mut wish = Ok(());
        loop {
            match is_done.recv_timeout(LOOK) {
                Ok(answer) => return wish.and(answer),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(Error::Storage("SQLite broke off".into()));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            wish = wish.and_then(|()| look());
            if wish.is_err() {
                // Again and again: between two of its steps there is nothing to break off.
                interrupt.interrupt();
            }
        }
    })
}

/// Copies the whole notebook into another file, while it is in use.
///
/// # Errors
/// [`Error::Storage`] when the disk refuses.
pub fn copy_to(connection: &Connection, path: &Path) -> Result<()> {
    connection.execute("VACUUM INTO ?", [path.to_string_lossy()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::Contact;
    use crate::notebook::{Change, Notebook, Options, Origin};

    fn tables(path: &Path) -> Vec<String> {
        let connection = open_reader(path).unwrap();
        let mut statement = connection.prepare("SELECT type || ' ' || name FROM sqlite_schema ORDER BY 1").unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(|row| row.unwrap()).collect()
    }

    #[test]
    fn what_sqlite_does_in_one_piece_is_broken_off_when_somebody_takes_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = open(&folder.path().join("notebook.kith")).unwrap();
        let for_ever = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
        let count = |connection: &mut Connection| Ok(connection.query_row(for_ever, [], |row| row.get::<_, i64>(0))?);
        let mut looks = 0;
        let mut look = || {
            looks += 1;
            if looks < 3 { Ok(()) } else { Err(Error::Cancelled) }
        };
        assert!(matches!(broken_off_by(&mut look, &mut connection, count), Err(Error::Cancelled)));
        assert_eq!(looks, 3, "who has taken it back is not asked again");
        let after = broken_off_by(&mut || Ok(()), &mut connection, |connection| check(connection));
        assert_eq!(after.unwrap(), [""; 0], "and the file goes on");
    }

    #[test]
    fn a_file_of_a_few_bytes_is_no_notebook_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note.txt");
        for bytes in [&b"x"[..], b"call Dana", &[7; 511]] {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(open(&path), Err(Error::Unreadable(_))), "{} bytes", bytes.len());
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
        std::fs::write(&path, b"").unwrap();
        assert!(open(&path).is_ok(), "one that is empty becomes one");
    }

    #[test]
    fn what_waited_when_the_outbox_was_filled_is_told_once_it_waits_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        let author = Notebook::open(&one, Options::default()).unwrap();
        let dana = author.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
        author.put(Contact { id: dana, name: "Dana Ruiz".into(), ..Contact::default() }).unwrap();
        let connection = open_reader(&one).unwrap();
        let row = document_row(&connection, dana.raw()).unwrap().unwrap();
        let [first, second] = load(&connection, &row).unwrap().changes().try_into().unwrap();

        let reader = Notebook::open(&other, Options::default()).unwrap();
        let receive = |change: &RawChange| {
            let received = [(dana.raw(), vec![change.bytes.clone()])].into();
            reader.commit(Change { received, ..Change::default() }, Origin::Peer).unwrap()
        };
        assert_eq!(receive(&second).waiting, 1);
        let connection = open(&other).unwrap();
        refill_outbox(&connection).unwrap();
        assert_eq!(receive(&second).waiting, 1, "it came once more");
        receive(&first);
        let told: Vec<[u8; 32]> = outgoing(&connection, 1 << 20).unwrap().0.iter().map(|out| out.change.hash).collect();
        assert_eq!(told, [second.hash]);
    }

    #[test]
    fn once_the_numbers_of_chunks_have_run_out_changes_are_told_again_under_free_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one");
        let author = Notebook::open(&path, Options::default()).unwrap();
        let dana = author.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
        author.put(Contact { id: dana, name: "Dana Ruiz".into(), ..Contact::default() }).unwrap();
        let connection = open(&path).unwrap();
        connection.execute("UPDATE document SET next = ?", [MAX_CHUNK]).unwrap();
        connection.execute("DELETE FROM outbox", []).unwrap();
        let row = document_row(&connection, dana.raw()).unwrap().unwrap();
        let hashes: Vec<[u8; 32]> =
            load(&connection, &row).unwrap().changes().iter().map(|change| change.hash).collect();
        queue(&connection, dana.raw(), &row, &hashes).unwrap();
        let told = || -> Vec<[u8; 32]> {
            outgoing(&connection, 1 << 20).unwrap().0.iter().map(|out| out.change.hash).collect()
        };
        assert_eq!(told(), hashes);
        assert!(document_row(&connection, dana.raw()).unwrap().unwrap().next < 100);
        // Also when one that was never sealed waits under the last of them, and it goes on being written.
        connection.execute("DELETE FROM outbox", []).unwrap();
        connection.execute("UPDATE document SET next = ?", [MAX_CHUNK - 1]).unwrap();
        author.put(Contact { id: dana, name: "Dana R.".into(), ..Contact::default() }).unwrap();
        author.put(Contact { id: dana, name: "Dana R. R.".into(), ..Contact::default() }).unwrap();
        let row = document_row(&connection, dana.raw()).unwrap().unwrap();
        let mut hashes: Vec<[u8; 32]> =
            load(&connection, &row).unwrap().changes().iter().map(|change| change.hash).collect();
        for _ in 0..3 {
            connection.execute("UPDATE document SET next = ?", [MAX_CHUNK]).unwrap();
            tell_again(&connection, dana.raw(), &hashes.iter().copied().collect()).unwrap();
            let mut told = told();
            told.sort_unstable();
            hashes.sort_unstable();
            assert_eq!(told, hashes, "each of them once");
        }
    }

    #[test]
    fn a_notebook_of_the_first_version_opens_as_one_of_this_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.kith");
        let notebook = Notebook::open(&path, Options::default()).unwrap();
        notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
        drop(notebook);
        let made_now = tables(&path);
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "DROP VIEW named; ALTER TABLE blob DROP COLUMN unused_since; DROP TABLE segment; DROP TABLE log; DROP TABLE roster;
                 DROP TABLE parcel; DROP TABLE given; DROP TABLE taken_away; ALTER TABLE waiting DROP COLUMN retold; CREATE TABLE batch (log); PRAGMA user_version = 1",
            )
            .unwrap();
        drop(connection);

        let notebook = Notebook::open(&path, Options::default()).unwrap();
        assert_eq!(notebook.people(0, 10).unwrap().rows[0].name, "Dana");
        drop(notebook);
        assert_eq!(tables(&path), made_now);
        assert_eq!(identity(&Connection::open(&path).unwrap()).unwrap(), (APPLICATION_ID, SCHEMA, false));
    }

    #[test]
    fn a_notebook_of_a_later_version_is_left_alone_with_a_word_about_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.kith");
        drop(open(&path).unwrap());
        Connection::open(&path).unwrap().execute_batch(&format!("PRAGMA user_version = {}", SCHEMA + 1)).unwrap();
        assert!(matches!(open(&path), Err(Error::NeedsUpdate(_))));
    }
}
