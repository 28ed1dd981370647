//! Taking records out of a damaged file: by number, without any index, going on behind a page that cannot be read.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params_from_iter};

use super::{DocumentRow, MAX_CHUNK, append, put_blob};
use crate::document::{Document, Heads};
use crate::error::{Error, Result};
use crate::model::RecordId;
use crate::store::pack::{self, Dictionary};

/// Bytes of a page of the file.
const PAGE: usize = 4096;
/// How many records or photos a page could hold at most, for when nothing says how many there are.
const MOST_ON_A_PAGE: i64 = 40;

/// A damaged file, open.
pub type Damaged = Connection;

/// Opens a damaged file for [`salvage`], a copy of it by choice: SQLite is told to make do with what it can read.
///
/// # Errors
/// [`Error::Unreadable`] when not even its beginning can be read.
pub fn open_damaged(path: &Path) -> Result<Damaged> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // Where a table is declared on a page that is gone, the others are still there; and a file that was cut short is
    // taken to be as long as it is.
    connection.execute_batch("PRAGMA writable_schema = ON; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON")?;
    Ok(connection)
}

/// Gives a damaged file that has lost the declarations of its tables those of a file that was just made: tables lie where
/// they were put first, unless the file was written anew since. Only for a copy; answers whether there was need to.
///
/// # Errors
/// [`Error::Storage`] when the copy cannot be written.
pub fn graft_declarations(copy: &Path, damaged: &Damaged, fresh: &Connection) -> Result<bool> {
    if damaged.prepare("SELECT n FROM document").is_ok() && damaged.prepare("SELECT key FROM chunk").is_ok() {
        return Ok(false);
    }
    let donor = copy.with_extension("declarations");
    let connection = Connection::open(&donor)?;
    connection.execute_batch(
        "PRAGMA page_size = 4096; PRAGMA writable_schema = ON; CREATE TABLE x (y); DELETE FROM sqlite_schema",
    )?;
    let mut declared = fresh.prepare(
        "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name IN ('document', 'chunk', 'blob')",
    )?;
    let mut rows = declared.query([])?;
    while let Some(row) = rows.next()? {
        let values: Vec<Value> = (0..5).map(|at| row.get(at)).collect::<rusqlite::Result<_>>()?;
        // Without the index that the declaration asks for: nobody looks for it, and it may be what is damaged.
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", params_from_iter(values))?;
    }
    drop(connection);
    let mut page = vec![0; PAGE];
    File::open(&donor)?.read_exact(&mut page)?;
    let mut file = OpenOptions::new().write(true).open(copy)?;
    let pages = (file.metadata()?.len() / PAGE as u64) as u32;
    // The length of the file and no free pages; https://www.sqlite.org/fileformat2.html, section 1.3.
    page[28..32].copy_from_slice(&pages.to_be_bytes());
    page[32..40].fill(0);
    page.copy_within(24..28, 92);
    file.write_all(&page)?;
    Ok(true)
}

/// Copies every document that can still be read into a new file; answers how many came over, and the numbers of those
/// that did not. `look` hears of how many of them each is.
///
/// # Errors
/// [`Error::Storage`] when the new file cannot be written, or what `look` answers.
pub fn salvage(
    damaged: &Damaged,
    fresh: &Connection,
    look: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<(u64, Vec<i64>)> {
    let (mut saved, mut missed) = (0, Vec::new());
    let highest_document = highest_document(damaged);
    for n in 1..=highest_document {
        look(n as u64, highest_document as u64)?;
        match document(damaged, n) {
            Ok(None) => {}
            Ok(Some((id, document))) => {
                append(fresh, id, None, &document.heads(), &document.changes(), true)?;
                saved += 1;
            }
            Err(_) => missed.push(n),
        }
    }
    let highest_blob = highest(damaged, &["SELECT max(rowid) FROM blob NOT INDEXED"]);
    for rowid in 1..=highest_blob {
        let sql = "SELECT id, bytes FROM blob NOT INDEXED WHERE rowid = ?";
        let photo = damaged.prepare_cached(sql).and_then(|mut photo| {
            photo.query_row([rowid], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))
        });
        if let Ok((id, bytes)) = photo {
            put_blob(fresh, &id, &bytes, true)?;
        }
    }
    Ok((saved, missed))
}

fn highest_document(damaged: &Connection) -> i64 {
    // The last page of one table may be gone, and that of another be there.
    let places = [
        "SELECT max(n) FROM document NOT INDEXED",
        "SELECT max(key) >> 20 FROM chunk",
        "SELECT max(n) FROM record NOT INDEXED",
    ];
    highest(damaged, &places)
}

fn highest(damaged: &Connection, places: &[&str]) -> i64 {
    let ask = |sql: &str| damaged.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
    let answers: Vec<_> = places.iter().filter_map(|sql| ask(sql).ok()).collect();
    if answers.is_empty() {
        let pages: i64 = damaged.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap_or(0);
        return pages * MOST_ON_A_PAGE;
    }
    answers.into_iter().flatten().max().unwrap_or(0)
}

/// The document of this number, whole; none when there is none.
fn document(damaged: &Connection, n: i64) -> Result<Option<(RecordId, Document)>> {
    let sql = "SELECT id, heads, next, snapshot_bytes, log_bytes FROM document NOT INDEXED WHERE n = ?";
    let row = damaged.prepare_cached(sql)?.query_row([n], |row| {
        let (next, snapshot_bytes, log_bytes) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let heads = Heads::from_bytes(row.get_ref(1)?.as_blob()?);
        Ok((RecordId(row.get(0)?), DocumentRow { n, heads, next, snapshot_bytes, log_bytes }))
    });
    match row.optional()? {
        Some((id, row)) => Ok(Some((id, super::load(damaged, &row)?))),
        // Its row may be gone and its history be there: then somebody else has to say whose it is.
        None if has_chunks(damaged, n)? => Err(Error::Unreadable("a record has lost its name".into())),
        None => Ok(None),
    }
}

fn has_chunks(damaged: &Connection, n: i64) -> Result<bool> {
    let mut statement = damaged.prepare_cached("SELECT bytes FROM chunk WHERE key BETWEEN ? AND ? LIMIT 1")?;
    let first: Option<Vec<u8>> = statement.query_row([n << 20, n << 20 | MAX_CHUNK], |row| row.get(0)).optional()?;
    Ok(first.is_some_and(|bytes| pack::unpack(Dictionary::History, &bytes, &mut Vec::new()).is_ok()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::fs;
    use std::io::{Seek, SeekFrom};

    use super::*;
    use crate::notebook::{Notebook, Options};

    /// A notebook of forty people in one file, and how many records it holds.
    fn demo(folder: &Path) -> (std::path::PathBuf, u64) {
        let path = folder.join("demo.kith");
        // Where on the disk a record lies is drawn with its id: the same in every run.
        let mut drawn = 0_u64;
        let random = Box::new(move |bytes: &mut [u8]| {
            for chunk in bytes.chunks_mut(32) {
                drawn += 1;
                chunk.copy_from_slice(&blake3::hash(&drawn.to_be_bytes()).as_bytes()[..chunk.len()]);
            }
        });
        let clock = std::sync::Arc::new(|| chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap());
        let notebook = Notebook::open(&path, Options { random, clock, ..Options::default() }).unwrap();
        let records = notebook.load_demo().unwrap();
        drop(notebook);
        Connection::open(&path).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        (path, records)
    }

    fn overwritten(path: &Path, page: u64) -> std::path::PathBuf {
        let damaged = path.with_extension(format!("page-{page}"));
        fs::copy(path, &damaged).unwrap();
        let mut file = fs::OpenOptions::new().write(true).open(&damaged).unwrap();
        file.seek(SeekFrom::Start((page - 1) * PAGE as u64)).unwrap();
        file.write_all(&[0xaa; PAGE]).unwrap();
        damaged
    }

    fn rescued(damaged: &Path) -> Result<u64> {
        let to = damaged.with_extension("rescued");
        let _ = fs::remove_file(&to);
        Notebook::rescue(damaged, &to, &mut |_, _| Ok(()))
    }

    #[test]
    fn a_damaged_page_costs_at_most_what_stood_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, records) = demo(folder.path());
        let bytes = fs::read(&path).unwrap();
        let has = |page: &[u8], words: &str| page.windows(words.len()).any(|window| window == words.as_bytes());
        let declarations = bytes.chunks(PAGE).position(|page| has(page, "CREATE TABLE document")).unwrap() as u64 + 1;
        let connection = Connection::open(&path).unwrap();
        let roots =
            "SELECT rootpage FROM sqlite_schema WHERE tbl_name IN ('document', 'chunk', 'record') AND rootpage > 1";
        let mut statement = connection.prepare(roots).unwrap();
        let roots: Vec<u64> = statement.query_map([], |row| row.get(0)).unwrap().map(|root| root.unwrap()).collect();
        let few = (2..=(bytes.len() / PAGE) as u64).step_by(29);
        for page in few.chain([declarations]).chain(roots).filter(|page| *page > 1) {
            let saved = rescued(&overwritten(&path, page)).map_err(|error| error.to_string());
            assert_eq!(
                saved,
                Ok(records),
                "page {page}: what a document lost stands in its row, and the other way round"
            );
        }
    }

    #[test]
    fn a_file_that_was_cut_short_gives_out_what_is_left_and_an_empty_try_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (path, records) = demo(folder.path());
        let bytes = fs::read(&path).unwrap();
        let cut = folder.path().join("cut.kith");
        fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
        let saved = rescued(&cut).unwrap();
        assert!(saved > records / 4, "{saved} of {records}");
        fs::write(&cut, &bytes[..PAGE + 100]).unwrap();
        assert!(matches!(rescued(&cut), Err(Error::Unreadable(_))));
        assert!(!cut.with_extension("rescued").exists(), "the next try does not stumble over it");
    }
}
