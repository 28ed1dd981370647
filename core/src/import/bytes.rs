//! The bytes of a file as the readers want them: counted, bounded, UTF-16 turned into UTF-8, byte order mark gone.
//!
//! Whether the rest is UTF-8 is decided line by line, where a note can name the line.

use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::{Decoder, Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::{ImportError, MAX_FILE_BYTES};

/// How many bytes are read from the file at once, and how far a header is searched.
pub(super) const CHUNK: usize = 64 << 10;

/// A file being read.
pub(super) type Input = BufReader<Box<dyn Read + Send>>;

/// Where a file is read, for a progress bar.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    read: Arc<AtomicU64>,
    /// The length of the file in bytes.
    pub(super) total: u64,
}

impl Progress {
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

/// Prepares a file for reading.
///
/// # Errors
/// When it is larger than [`MAX_FILE_BYTES`] or cannot be read.
pub(super) fn open(mut source: impl Read + Seek + Send + 'static) -> Result<(Input, Progress), ImportError> {
    let total = source.seek(SeekFrom::End(0))?;
    source.seek(SeekFrom::Start(0))?;
    if total > MAX_FILE_BYTES {
        return Err(ImportError::TooLarge { line: 1, what: "the file", limit: "1 GiB" });
    }
    let progress = Progress { total, ..Progress::default() };
    let mut source = Counted { source: source.take(MAX_FILE_BYTES), read: progress.read.clone() };
    let mut start = Vec::new();
    (&mut source).take(4).read_to_end(&mut start)?;
    let (encoding, mark) = unicode_form(&start);
    let rest = Cursor::new(start.split_off(mark)).chain(source);
    let text: Box<dyn Read + Send> = match encoding {
        Some(encoding) => Box::new(Utf16::new(rest, encoding)),
        None => Box::new(rest),
    };
    Ok((BufReader::with_capacity(CHUNK, text), progress))
}

/// The first bytes of a file as text, whatever their encoding: enough to recognise a header.
pub(super) fn peek(first_bytes: &[u8]) -> String {
    let (encoding, mark) = unicode_form(first_bytes);
    let bytes = &first_bytes[mark..];
    match encoding {
        Some(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Which UTF-16 it is, if any, and how long its byte order mark is. Without a mark, two ASCII letters tell.
fn unicode_form(start: &[u8]) -> (Option<&'static Encoding>, usize) {
    match start {
        [0xEF, 0xBB, 0xBF, ..] => (None, 3),
        [0xFF, 0xFE, ..] => (Some(UTF_16LE), 2),
        [0xFE, 0xFF, ..] => (Some(UTF_16BE), 2),
        [1..=0x7F, 0, 1..=0x7F, 0, ..] => (Some(UTF_16LE), 0),
        [0, 1..=0x7F, 0, 1..=0x7F, ..] => (Some(UTF_16BE), 0),
        _ => (None, 0),
    }
}

/// Text in the encoding the file names, else UTF-8, else Windows-1252; and whether it came to that last resort.
pub(super) fn decode(bytes: Vec<u8>, named: Option<&'static Encoding>) -> (String, bool) {
    if let Some(encoding) = named {
        return (encoding.decode_without_bom_handling(&bytes).0.into_owned(), false);
    }
    match String::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) => (WINDOWS_1252.decode_without_bom_handling(error.as_bytes()).0.into_owned(), true),
    }
}

struct Counted<R> {
    source: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

struct Utf16<R> {
    source: R,
    decoder: Decoder,
    decoded: Cursor<Vec<u8>>,
    ended: bool,
}

impl<R: Read> Utf16<R> {
    fn new(source: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        Self { source, decoder, decoded: Cursor::default(), ended: false }
    }

    fn decode_more(&mut self) -> io::Result<()> {
        let mut raw = [0; 8 << 10];
        let length = self.source.read(&mut raw)?;
        self.ended = length == 0;
        let mut text = vec![0; self.decoder.max_utf8_buffer_length(length).unwrap_or(4 * raw.len())];
        let (_, _, written, _) = self.decoder.decode_to_utf8(&raw[..length], &mut text, self.ended);
        text.truncate(written);
        self.decoded = Cursor::new(text);
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.decoded.read(into)?;
            if read > 0 || self.ended || into.is_empty() {
                return Ok(read);
            }
            self.decode_more()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(bytes: Vec<u8>) -> String {
        let (mut input, progress) = open(Cursor::new(bytes)).expect("opens");
        let mut text = String::new();
        input.read_to_string(&mut text).expect("reads");
        assert_eq!(progress.read(), progress.total);
        text
    }

    #[test]
    fn utf_16_of_either_order_is_read_with_and_without_a_mark() {
        let text = "BEGIN — Łódź 👋";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [[&[0xFF, 0xFE][..], &little].concat(), little, [&[0xFE, 0xFF][..], &big].concat(), big] {
            assert_eq!(peek(&bytes), text);
            assert_eq!(text_of(bytes), text);
        }
        assert_eq!(text_of("\u{feff}a".into()), "a");
        assert_eq!(text_of(Vec::new()), "");
        assert_eq!(text_of(vec![0xFF, 0xFE, 0x41]), "\u{fffd}");
    }
}
