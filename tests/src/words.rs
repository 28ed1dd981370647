//! Whether a word still stands anywhere in a notebook's file: as it lies on the disk, and in every value of every table
//! once that is unpacked. Packed words are not seen by whoever looks at the bytes alone.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

/// The dictionaries that values are packed with.
const DICTIONARIES: [&[u8]; 3] = [
    include_bytes!("../../core/src/store/history-1.dict"),
    include_bytes!("../../core/src/store/history.dict"),
    include_bytes!("../../core/src/store/rows.dict"),
];
/// What no value of a test inflates beyond.
const MOST: usize = 1 << 24;

/// Whether this word stands in the file or in its write-ahead log, upper and lower case alike.
pub fn stand_in(file: &Path, words: &str) -> bool {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let on_disk = [file, Path::new(&log)].iter().any(|file| holds(&std::fs::read(file).unwrap_or_default(), words));
    on_disk || values(file).iter().any(|value| unpacked(value).iter().any(|bytes| holds(bytes, words)))
}

/// Another program that reads the notebook, until it is dropped.
pub fn reader(file: &Path) -> Connection {
    let reader = Connection::open(file).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM document").unwrap();
    reader
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
}

/// Every value of every table that can be read.
fn values(file: &Path) -> Vec<Vec<u8>> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut values = Vec::new();
    for table in tables {
        // The words of the search are in tables that belong to it; those are read as they lie.
        let Ok(mut statement) = connection.prepare(&format!("SELECT * FROM \"{table}\"")) else { continue };
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Ok(Some(row)) = rows.next() {
            for column in 0..columns {
                match row.get::<_, Value>(column).unwrap() {
                    Value::Blob(bytes) => values.push(bytes),
                    Value::Text(text) => values.push(text.into_bytes()),
                    _ => {}
                }
            }
        }
    }
    values
}

/// The value as it lies, and as whatever it unpacks to: one byte says how it was packed.
fn unpacked(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec()];
    if let Some((_, body)) = value.split_first() {
        for dictionary in DICTIONARIES {
            let mut unpacker = zstd::bulk::Decompressor::with_dictionary(dictionary).unwrap();
            forms.extend(unpacker.decompress(body, MOST));
        }
        forms.extend(zstd::bulk::decompress(body, MOST));
    }
    forms
}
