//! Files of other programs, read into plain values: one card at a time, whatever the size of the file.
//!
//! Nothing here knows a notebook. Who is already in it, and what becomes of a card, is decided where the cards go.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use crate::model::Contact;

mod bytes;
mod google;
pub mod identify;
mod linkedin;
mod table;
mod values;
mod vcard;

/// The largest file that is read, in bytes: 1 GiB.
pub const MAX_FILE_BYTES: u64 = 1 << 30;
/// The largest unfolded line or table row, in bytes: 16 MiB, for photos inside cards.
pub const MAX_LINE_BYTES: usize = 16 << 20;
/// The largest card, in bytes: a photo, a logo and a sound.
pub const MAX_CARD_BYTES: usize = 3 * MAX_LINE_BYTES;
/// How many cards or rows are read from one file.
pub const MAX_ROWS: u64 = 200_000;

/// What is said once when the bytes of a file are no UTF-8 and nothing tells what they are.
const GUESSED: &str = "this is not UTF-8; it was read as Windows-1252";

/// What is told of a photo that cannot be read.
pub const NO_PHOTO: &str = "the photo cannot be read and was left out";

/// A line as it came in bytes: UTF-8, else Windows-1252; and whether it came to that.
pub fn line_of(bytes: Vec<u8>) -> (String, bool) {
    bytes::decode(bytes, None)
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An address book: vCard 2.1, 3.0 and 4.0, also mixed in one file.
    VCard,
    /// `Connections.csv` of LinkedIn.
    LinkedIn,
    /// The CSV of Google Contacts, with the old or the new header.
    Google,
}

impl Format {
    /// The word for it in [`Source::source`](crate::model::Source::source).
    pub fn source(&self) -> &'static str {
        match self {
            Format::VCard => "vcard",
            Format::LinkedIn => "linkedin",
            Format::Google => "google",
        }
    }
}

/// What a file gives, in its order.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A person.
    Card(Box<Card>),
    /// Something that is no person one could keep, such as a closed account.
    Skipped {
        /// The line it begins on, counted from 1.
        line: u64,
        /// Why, in words to be counted: the same reason is the same words.
        reason: String,
    },
    /// Something to know about how the file was read.
    Note {
        /// The line it is about, counted from 1.
        line: u64,
        /// What was done.
        words: String,
    },
}

/// A person as a file tells of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Card {
    /// The line it begins on, counted from 1.
    pub line: u64,
    /// What it says. No record yet: ids are empty, so are `sources` and the organisation of each affiliation.
    pub contact: Contact,
    /// The name of the organisation of each affiliation, in the same order; empty where only a role is known.
    pub organisations: Vec<String>,
    /// What names the person in that program: a UID, a profile link. Empty when the file has nothing of the kind.
    pub key: String,
    /// What has no place in a contact, to be given back: lines of a vCard, or columns as a JSON object.
    ///
    /// Lines are unfolded UTF-8; quoted-printable is undone, everything else is as it was written. Postal addresses
    /// are here too, because a contact holds them as one text.
    pub kept: String,
    /// What of it was not understood, in words; it is in `kept`.
    pub remarks: Vec<String>,
    /// A photo inside the file, still in its own format. A photo behind a link is never fetched; the link is kept.
    pub photo: Option<Vec<u8>>,
}

/// Why reading stopped. Nothing was changed by then: reading a file writes nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No header or first line that would tell what it is.
    #[error(
        "this is no address book that can be read here; export it again as vCard, or as CSV from Google or LinkedIn"
    )]
    NotRecognised,
    /// It begins well, and then it is broken.
    #[error("line {line}: {why}; the file is damaged, nothing was imported. Export it again, or mend that line")]
    Damaged {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong there.
        why: String,
    },
    /// Larger than anything an address book holds.
    #[error("line {line}: {what} is larger than {limit}; nothing was imported. Export it in smaller parts")]
    TooLarge {
        /// The line, counted from 1.
        line: u64,
        /// What is too large.
        what: &'static str,
        /// The limit, with its unit.
        limit: &'static str,
    },
    /// The file cannot be read at all.
    #[error("the file cannot be read: {0}; nothing was imported. Copy it to this device and try again")]
    Io(#[from] std::io::Error),
}

impl ImportError {
    fn damaged(line: u64, why: impl Into<String>) -> Self {
        Self::Damaged { line, why: why.into() }
    }
}

/// Tells what a file is by its first few thousand bytes, never by its name.
pub fn detect(first_bytes: &[u8]) -> Option<Format> {
    let start = bytes::peek(&first_bytes[..first_bytes.len().min(bytes::CHUNK)]);
    if vcard::begins(&start) {
        return Some(Format::VCard);
    }
    table::recognise(&start)
}

/// Opens a file; without a format, it is recognised by its content.
///
/// # Errors
/// When it cannot be read, is too large or is not recognised.
pub fn open(path: &Path, format: Option<Format>) -> Result<Reader, ImportError> {
    Reader::new(File::open(path)?, format)
}

/// Reads one item after the other. After an error, there is nothing more.
///
/// ```
/// use kith_core::import::{Item, Reader};
/// let file = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Dana Levi\r\nEND:VCARD\r\n";
/// for item in Reader::new(std::io::Cursor::new(file), None)? {
///     let Item::Card(card) = item? else { continue };
///     assert_eq!(card.contact.name, "Dana Levi");
/// }
/// # Ok::<(), kith_core::import::ImportError>(())
/// ```
pub struct Reader {
    format: Format,
    progress: bytes::Progress,
    items: Option<Box<dyn Iterator<Item = Result<Item, ImportError>> + Send>>,
}

impl Reader {
    /// The same as [`open`] for something already open, or bytes in a [`Cursor`](std::io::Cursor).
    ///
    /// # Errors
    /// When it cannot be read, is too large or is not recognised.
    pub fn new(mut source: impl Read + Seek + Send + 'static, format: Option<Format>) -> Result<Self, ImportError> {
        let format = match format {
            Some(format) => format,
            None => detect_in(&mut source)?,
        };
        let (input, progress) = bytes::open(source)?;
        let items: Box<dyn Iterator<Item = _> + Send> = match format {
            Format::VCard => Box::new(vcard::Cards::new(input)),
            Format::LinkedIn => Box::new(table::Rows::<linkedin::Columns>::new(input)?),
            Format::Google => Box::new(table::Rows::<google::Columns>::new(input)?),
        };
        Ok(Self { format, progress, items: Some(items) })
    }

    /// Whose file it turned out to be.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How many bytes of the file have been read so far.
    pub fn bytes_read(&self) -> u64 {
        self.progress.read()
    }

    /// The length of the file in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.progress.total
    }
}

impl Iterator for Reader {
    type Item = Result<Item, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.items.as_mut()?.next();
        if !matches!(item, Some(Ok(_))) {
            self.items = None;
        }
        item
    }
}

fn detect_in(source: &mut (impl Read + Seek)) -> Result<Format, ImportError> {
    let mut start = Vec::new();
    source.take(bytes::CHUNK as u64).read_to_end(&mut start)?;
    detect(&start).ok_or(ImportError::NotRecognised)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    pub(super) fn read(file: impl Into<Vec<u8>>) -> Result<Vec<Item>, ImportError> {
        Reader::new(Cursor::new(file.into()), None)?.collect()
    }

    pub(super) fn items(file: String) -> Vec<Item> {
        read(file).expect("a good file")
    }

    pub(super) fn cards(file: String) -> Vec<Card> {
        let card = |item| match item {
            Item::Card(card) => Some(*card),
            _ => None,
        };
        items(file).into_iter().filter_map(card).collect()
    }

    const LINKEDIN: &str = "Notes:\n\"about\"\n\nFirst Name,Last Name,URL,Company,Connected On\nDana,\"Levi, MBA\",linkedin.com/in/dana,\"A\"\"B\",09 Mar 2021\n";
    const GOOGLE: &str = "First Name,Last Name,Labels,Notes,Phone 1 - Label,Phone 1 - Value\r\nDana,Levi,* x,\"a\r\nb\",* Work,12345 ::: 6\r\n";

    #[test]
    fn a_file_is_recognised_by_what_is_in_it() {
        assert_eq!(detect(b"\xEF\xBB\xBF\r\nbegin:vcard\r\n"), Some(Format::VCard));
        assert_eq!(detect(LINKEDIN.as_bytes()), Some(Format::LinkedIn));
        assert_eq!(detect(GOOGLE.as_bytes()), Some(Format::Google));
        let sheet: Vec<u8> = GOOGLE.replace(',', "\t").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(detect(&[&[0xFF, 0xFE], &sheet[..]].concat()), Some(Format::Google));
        for other in [
            "",
            "hello",
            "First Name,Last Name\n",
            "First Name,Middle Name,Last Name,Company,Job Title,E-mail Address,Web Page\n",
            "BEGIN:VCALENDAR\n",
        ] {
            assert_eq!(detect(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn every_beginning_of_a_table_gives_rows_or_a_clear_error() {
        for file in [LINKEDIN, GOOGLE] {
            for end in 0..=file.len() {
                if let Err(error) = read(&file[..end]) {
                    assert!(
                        matches!(error, ImportError::NotRecognised | ImportError::Damaged { .. }),
                        "{end}: {error}"
                    );
                }
            }
            assert_eq!(cards(file.into()).len(), 1);
        }
    }

    #[test]
    fn a_broken_table_names_its_line_and_what_to_do() {
        let open_quote = read(format!("{GOOGLE}Avi,\"Levi,,,,\nYael,Levi,,,,\n")).expect_err("damaged");
        assert!(open_quote.to_string().starts_with("line 4: a quote opens here that is never closed"), "{open_quote}");
        let binary = read(format!("{LINKEDIN}\0\0")).expect_err("damaged");
        assert!(matches!(binary, ImportError::Damaged { line: 6, .. }), "{binary}");
        let long = read(format!("{LINKEDIN}{}", "x".repeat(MAX_LINE_BYTES + 1))).expect_err("too large");
        assert!(matches!(long, ImportError::TooLarge { line: 6, .. }), "{long}");
        let shifted = items(format!("{LINKEDIN}Avi,Levi,,Acme,1,2,3\n"));
        assert!(matches!(&shifted[1], Item::Skipped { line: 6, reason } if reason.contains("more cells")));
        assert!(matches!(
            Reader::new(Cursor::new("a,b\n"), Some(Format::Google)).err(),
            Some(ImportError::NotRecognised)
        ));
    }

    #[test]
    fn a_file_of_too_many_rows_is_refused_and_progress_is_told() {
        let file = format!("{LINKEDIN}{}", "Dana,Levi,,,\n".repeat(MAX_ROWS as usize));
        let mut reader = Reader::new(Cursor::new(file), None).expect("recognised");
        let (mut before, total) = (0, reader.total_bytes());
        let error = loop {
            match reader.next() {
                Some(Ok(_)) => assert!(before <= reader.bytes_read() && reader.bytes_read() <= total),
                end => break end,
            }
            before = reader.bytes_read();
        };
        assert!(matches!(error, Some(Err(ImportError::TooLarge { line: 200_005, .. }))), "{error:?}");
        assert!(before > total / 2 && reader.next().is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn no_table_can_stop_the_program(
            rows in proptest::collection::vec("[,;\"\r\n\ta\u{e9}:/0-9* -]{0,40}", 0..6),
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            for file in [LINKEDIN, GOOGLE] {
                let _ = read([file.as_bytes(), rows.join("\n").as_bytes(), &bytes].concat());
            }
        }
    }
}
