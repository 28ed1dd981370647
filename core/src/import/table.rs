//! CSV files: where the header is, which separator they use, and rows one by one.
//!
//! The rows are cut here and not by `csv`: it reads a quote that is never closed to the end of the file without a word,
//! holds a row of any size, and with CR LF counts each row one line too early.

use std::io::{BufRead, Chain, Cursor, Read};

use serde_json::{Map, Value};

use super::bytes::{self, CHUNK, Input};
use super::{Format, ImportError, Item, MAX_LINE_BYTES, MAX_ROWS, google, linkedin};

/// How many lines may stand before the header.
const PREAMBLE_LINES: u64 = 10;
/// How many cells a row may have; the fullest export of a phone has some hundreds.
const MAX_CELLS: usize = 10_000;

/// The columns of one kind of file, found by their names.
pub(super) trait Columns: Sized + Send + 'static {
    /// Finds them in a header; nothing when it is a header of something else.
    fn find(header: &[String]) -> Option<Self>;
    /// What a row says.
    fn item(&self, row: &Row<'_>) -> Item;
}

/// One row.
pub(super) struct Row<'a> {
    /// The line it begins on, counted from 1.
    pub(super) line: u64,
    header: &'a [String],
    cells: &'a [String],
}

impl Row<'_> {
    /// A cell without blanks around it; empty when the column or the cell is missing.
    pub(super) fn cell(&self, column: Option<usize>) -> &str {
        column.and_then(|at| self.cells.get(at)).map_or("", |cell| cell.trim())
    }

    /// The cells of which `is_used` says no, as a JSON object; empty when there are none.
    pub(super) fn kept(&self, is_used: impl Fn(usize) -> bool) -> String {
        let mut kept = Map::new();
        for (at, (header, cell)) in self.header.iter().zip(self.cells).enumerate() {
            if !is_used(at) && !cell.trim().is_empty() {
                let is_taken = kept.contains_key(header);
                let name = if is_taken { format!("{header} (column {})", at + 1) } else { header.clone() };
                kept.insert(name, cell.as_str().into());
            }
        }
        if kept.is_empty() { String::new() } else { Value::Object(kept).to_string() }
    }
}

/// Which CSV it is, by the header among its first lines.
pub(super) fn recognise(start: &str) -> Option<Format> {
    if Header::<linkedin::Columns>::find(start.as_bytes()).is_some() {
        return Some(Format::LinkedIn);
    }
    Header::<google::Columns>::find(start.as_bytes()).map(|_| Format::Google)
}

struct Header<C> {
    columns: C,
    names: Vec<String>,
    separator: u8,
    /// How many lines and bytes there are before the first row.
    lines: u64,
    bytes: usize,
}

impl<C: Columns> Header<C> {
    fn find(start: &[u8]) -> Option<Self> {
        let mut bytes = 0;
        for lines in 1..=PREAMBLE_LINES {
            let line = first_line(&start[bytes..]);
            bytes += line.len();
            for separator in *b",;\t" {
                let Ok(Some((_, cells))) = RawRows::new(line, separator, lines).next() else { continue };
                let names: Vec<String> = cells.iter().map(|cell| lossy(cell)).collect();
                if let Some(columns) = C::find(&names) {
                    return Some(Self { columns, names, separator, lines, bytes });
                }
            }
        }
        None
    }
}

/// The first line with its end: CR LF, LF or CR.
fn first_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(text.len());
    let mark = if text[end..].starts_with(b"\r\n") { 2 } else { usize::from(end < text.len()) };
    &text[..end + mark]
}

fn lossy(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell).trim().to_owned()
}

/// Reads a file row by row.
pub(super) struct Rows<C> {
    header: Header<C>,
    rows: RawRows<Chain<Cursor<Vec<u8>>, Input>>,
    read: u64,
    was_guessed: bool,
    waiting: Option<Item>,
}

impl<C: Columns> Rows<C> {
    pub(super) fn new(mut input: Input) -> Result<Self, ImportError> {
        let mut start = Vec::new();
        (&mut input).take(CHUNK as u64).read_to_end(&mut start)?;
        let header = Header::<C>::find(&start).ok_or(ImportError::NotRecognised)?;
        let source = Cursor::new(start.split_off(header.bytes)).chain(input);
        let rows = RawRows::new(source, header.separator, header.lines + 1);
        Ok(Self { header, rows, read: 0, was_guessed: false, waiting: None })
    }

    fn next_item(&mut self) -> Result<Option<Item>, ImportError> {
        if let Some(item) = self.waiting.take() {
            return Ok(Some(item));
        }
        let Some((line, cells)) = self.rows.next()? else { return Ok(None) };
        self.read += 1;
        if self.read > MAX_ROWS {
            return Err(ImportError::TooLarge { line, what: "the file", limit: "200,000 rows" });
        }
        let (cells, guessed): (Vec<_>, Vec<_>) = cells.into_iter().map(|cell| bytes::decode(cell, None)).unzip();
        let item = self.item(line, &cells);
        if guessed.contains(&true) && !std::mem::replace(&mut self.was_guessed, true) {
            self.waiting = Some(item);
            return Ok(Some(Item::Note { line, words: super::GUESSED.into() }));
        }
        Ok(Some(item))
    }

    fn item(&self, line: u64, cells: &[String]) -> Item {
        let header = &self.header.names;
        if cells.iter().skip(header.len()).any(|cell| !cell.trim().is_empty()) {
            return Item::Skipped { line, reason: "more cells than columns: look at its quotes".into() };
        }
        self.header.columns.item(&Row { line, header, cells })
    }
}

impl<C: Columns> Iterator for Rows<C> {
    type Item = Result<Item, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_item().transpose()
    }
}

/// Where in a row a byte stands.
#[derive(Clone, Copy, PartialEq)]
enum At {
    CellStart,
    Cell,
    Quoted,
    /// After a quote inside quotes: the end of them, or half of a doubled one.
    QuoteInQuoted,
}

/// Cuts a file into rows of cells; memory is bounded by the largest row.
struct RawRows<R> {
    source: R,
    separator: u8,
    /// The line of the next byte, counted from 1.
    line: u64,
    /// The last byte was a carriage return; a line feed after it ends the same line.
    after_return: bool,
}

/// The line a row begins on, and its cells.
type RawRow = (u64, Vec<Vec<u8>>);

impl<R: BufRead> RawRows<R> {
    fn new(source: R, separator: u8, line: u64) -> Self {
        Self { source, separator, line, after_return: false }
    }

    /// The next row that is not an empty line.
    fn next(&mut self) -> Result<Option<RawRow>, ImportError> {
        let mut row =
            PartialRow { begins: self.line, at: At::CellStart, quote_opened: 0, bytes: 0, cells: vec![vec![]] };
        loop {
            let chunk = self.source.fill_buf()?;
            if chunk.is_empty() {
                return row.at_end_of_file();
            }
            let mut used = 0;
            let mut ended = false;
            for &byte in chunk {
                used += 1;
                let was_return = std::mem::replace(&mut self.after_return, byte == b'\r');
                let line = self.line;
                self.line += u64::from(byte == b'\r' || (byte == b'\n' && !was_return));
                ended = row.take(byte, self.separator, line)?;
                if ended {
                    break;
                }
            }
            self.source.consume(used);
            if ended && !row.is_empty() {
                return Ok(Some((row.begins, row.cells)));
            }
            if ended {
                row.begins = self.line;
            }
        }
    }
}

/// A row of which some bytes have been read.
struct PartialRow {
    begins: u64,
    at: At,
    quote_opened: u64,
    bytes: usize,
    cells: Vec<Vec<u8>>,
}

impl PartialRow {
    /// Takes one byte on this line; says whether it ends the row.
    fn take(&mut self, byte: u8, separator: u8, line: u64) -> Result<bool, ImportError> {
        self.bytes += 1;
        if self.bytes > MAX_LINE_BYTES || self.cells.len() > MAX_CELLS {
            return Err(ImportError::TooLarge { line: self.begins, what: "this row", limit: "16 MiB or 10,000 cells" });
        }
        self.at = match (self.at, byte) {
            (_, 0) => return Err(ImportError::damaged(line, "here is something other than text")),
            (At::Quoted, b'"') => At::QuoteInQuoted,
            (At::Quoted, _) => self.push(byte, At::Quoted),
            (_, b'\r' | b'\n') => return Ok(true),
            (At::CellStart, b'"') => {
                self.quote_opened = line;
                At::Quoted
            }
            (At::QuoteInQuoted, b'"') => self.push(byte, At::Quoted),
            (_, byte) if byte == separator => {
                self.cells.push(Vec::new());
                At::CellStart
            }
            _ => self.push(byte, At::Cell),
        };
        Ok(false)
    }

    fn push(&mut self, byte: u8, at: At) -> At {
        if let Some(cell) = self.cells.last_mut() {
            cell.push(byte);
        }
        at
    }

    fn is_empty(&self) -> bool {
        self.at == At::CellStart && self.cells.len() == 1
    }

    fn at_end_of_file(self) -> Result<Option<RawRow>, ImportError> {
        if self.at == At::Quoted {
            return Err(ImportError::damaged(self.quote_opened, "a quote opens here that is never closed"));
        }
        Ok((!self.is_empty()).then_some((self.begins, self.cells)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(file: &str) -> Vec<(u64, Vec<String>)> {
        let mut rows = RawRows::new(file.as_bytes(), b',', 1);
        let text = |cell| String::from_utf8(cell).expect("text");
        let row = |(line, cells): RawRow| (line, cells.into_iter().map(text).collect());
        std::iter::from_fn(|| rows.next().expect("readable").map(row)).collect()
    }

    #[test]
    fn a_row_may_go_over_several_lines_and_knows_where_it_began() {
        for end in ["\n", "\r\n", "\r"] {
            let file = ["a,b", "", "\"c", "d\"\"\",e,", "f,g\"h", "\"i\"j,"].join(end);
            let expected = [(1, "a|b".into()), (3, ["c", "d\"|e|"].join(end)), (5, "f|g\"h".into()), (6, "ij|".into())];
            let rows: Vec<_> = rows(&file).into_iter().map(|(line, cells)| (line, cells.join("|"))).collect();
            assert_eq!(rows, expected, "{end:?}");
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_is_found_where_it_opened() {
        let mut rows = RawRows::new(&b"a,b\nc,\"d\ne,f\n"[..], b',', 1);
        assert!(rows.next().is_ok());
        assert!(matches!(rows.next(), Err(ImportError::Damaged { line: 2, .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn cells_are_those_csv_finds(file in "[,,\"\"\"\n\ra \u{e9}]{0,40}") {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file.as_bytes());
            let expected = reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect());
            let mut ours = RawRows::new(file.as_bytes(), b',', 1);
            let mut found: Vec<Vec<String>> = Vec::new();
            loop {
                match ours.next() {
                    Ok(Some((_, cells))) => found.push(cells.iter().map(|cell| String::from_utf8_lossy(cell).into()).collect()),
                    Ok(None) => break prop_assert_eq!(found, expected.collect::<Vec<Vec<String>>>()),
                    Err(_) => break,
                }
            }
        }
    }
}
