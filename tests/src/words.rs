//! Whether a word still stands anywhere in a notebook's file: as it lies on the disk, and in every value of every table
//! once that is unpacked. Packed words are not seen by whoever looks at the bytes alone.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use zstd::bulk::Decompressor;

/// The dictionaries that values are packed with.
const DICTIONARIES: [&[u8]; 3] = [
    include_bytes!("../../core/src/store/history-1.dict"),
    include_bytes!("../../core/src/store/history.dict"),
    include_bytes!("../../core/src/store/rows.dict"),
];
/// What everything packed begins with, behind the byte that says how.
const PACKED: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What no value of a test inflates beyond.
const MOST: usize = 1 << 24;

/// Whether this word stands in the file or in its write-ahead log, upper and lower case alike.
pub fn stand_in(file: &Path, words: &str) -> bool {
    all_in(file).contains(&words.to_ascii_lowercase())
}

/// All that can be read in the file and in its write-ahead log, in lower case.
pub fn all_in(file: &Path) -> String {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let mut all: Vec<u8> = Vec::new();
    for file in [file, Path::new(&log)] {
        all.extend(std::fs::read(file).unwrap_or_default());
    }
    let mut unpackers = DICTIONARIES.map(|words| Decompressor::with_dictionary(words).unwrap());
    values(file).iter().for_each(|value| unpack(value, &mut unpackers, &mut all));
    String::from_utf8_lossy(&all).to_ascii_lowercase()
}

/// Another program that reads the notebook, until it is dropped.
pub fn reader(file: &Path) -> Connection {
    let reader = Connection::open(file).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM document").unwrap();
    reader
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

/// Adds the value as it lies, and whatever it unpacks to: one byte says how it was packed.
fn unpack(value: &[u8], unpackers: &mut [Decompressor<'_>], all: &mut Vec<u8>) {
    all.extend(value);
    let Some(body) = value.get(1..).filter(|body| body.starts_with(&PACKED)) else { return };
    let packed = unpackers.iter_mut().map(|unpacker| unpacker.decompress(body, MOST));
    for unpacked in packed.chain([zstd::bulk::decompress(body, MOST)]) {
        all.extend(unpacked.unwrap_or_default());
    }
}
