//! A vCard file as whole lines of text: unfolded, in UTF-8, quoted-printable undone, each with its number.
//!
//! This is ours because `calcard` wants text: it cannot be given bytes of a Windows code page, it takes
//! quoted-printable without a character set for ISO-8859-1 where phones mean UTF-8, and a line once parsed cannot be
//! given back as it was.

use std::io::BufRead;

use encoding_rs::Encoding;

use super::super::identify::hex;
use super::super::{ImportError, MAX_LINE_BYTES, bytes};

/// One property of a card, as text.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The line it begins on, counted from 1.
    pub(super) number: u64,
    /// What ties lines together: `item1`, in lower case; mostly empty.
    pub(super) group: String,
    /// The property, in capitals; empty for a line that is none.
    pub(super) name: String,
    /// Parameters, names in capitals, without encoding and character set. A bare `HOME` is a `TYPE`.
    pub(super) params: Vec<(String, String)>,
    /// The value, still with its backslashes, in one line.
    pub(super) value: String,
    /// The whole line, to be given back.
    pub(super) text: String,
    /// The value is base64.
    pub(super) is_base64: bool,
    /// The bytes were no UTF-8 and nothing said what they were.
    pub(super) is_guessed: bool,
}

impl Line {
    /// The values of a parameter; a quoted list counts as a list.
    pub(super) fn params(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.params.iter().filter(move |(param, _)| param == name);
        values.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|value| !value.is_empty())
    }
}

/// How far into a folded line its header may reach, in bytes.
const LONGEST_HEADER: usize = 4096;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Plain,
    Note,
    QuotedPrintable,
    Base64,
}

/// Reads a file line by line; memory is bounded by the longest.
pub(super) struct Lines<R> {
    source: R,
    /// How many lines have been read.
    number: u64,
    /// The last line ended with a carriage return; a line feed after it belongs to it.
    after_return: bool,
    /// The line after the current one, when it was needed to see where that ends.
    ahead: Option<Vec<u8>>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, number: 0, after_return: false, ahead: None }
    }

    /// The next line that is not empty.
    pub(super) fn next(&mut self) -> Result<Option<Line>, ImportError> {
        let mut raw = loop {
            match self.physical()? {
                None => return Ok(None),
                Some(line) if is_blank(&line) => {}
                Some(line) => break line,
            }
        };
        let number = self.number;
        self.unfold(&mut raw, number)?;
        if raw.contains(&0) {
            return Err(ImportError::damaged(number, "here is something other than text"));
        }
        Ok(Some(parse(&raw, number)))
    }

    /// Appends the lines that continue this one.
    fn unfold(&mut self, raw: &mut Vec<u8>, number: u64) -> Result<(), ImportError> {
        let mut form = form(raw);
        while let Some(next) = self.physical()? {
            // A header may be folded too, so its encoding may be known later only. A bound, so that a header that
            // never ends is not searched again for each of its lines.
            form = form.or_else(|| (raw.len() < LONGEST_HEADER).then(|| self::form(raw)).flatten());
            let form = form.unwrap_or(Form::Plain);
            let soft_break = if form == Form::QuotedPrintable { soft_break(raw) } else { None };
            let folded = next.first().is_some_and(|first| matches!(first, b' ' | b'\t'));
            if let Some(end) = soft_break {
                raw.truncate(end);
                raw.extend_from_slice(&next);
            } else if is_blank(&next) {
                continue;
            } else if form == Form::Base64 && (folded || !begins_property(&next)) {
                raw.extend(next.iter().filter(|byte| !byte.is_ascii_whitespace()));
            } else if folded {
                raw.extend_from_slice(&next[1..]);
            } else if matches!(form, Form::Note | Form::QuotedPrintable) && !begins_property(&next) {
                // Some programs forget to fold long notes.
                raw.extend_from_slice(if form == Form::Note { b"\\n" } else { b"=0A" });
                raw.extend_from_slice(&next);
            } else {
                self.number -= 1;
                self.ahead = Some(next);
                break;
            }
            if raw.len() > MAX_LINE_BYTES {
                return Err(ImportError::TooLarge { line: number, what: "this line", limit: "16 MiB" });
            }
        }
        Ok(())
    }

    /// One line of the file, without its end: CR LF, LF or CR.
    fn physical(&mut self) -> Result<Option<Vec<u8>>, ImportError> {
        if let Some(line) = self.ahead.take() {
            self.number += 1;
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        loop {
            let mut chunk = self.source.fill_buf()?;
            if chunk.is_empty() {
                self.number += u64::from(!line.is_empty());
                return Ok((!line.is_empty()).then_some(line));
            }
            if std::mem::take(&mut self.after_return) && chunk[0] == b'\n' {
                self.source.consume(1);
                chunk = self.source.fill_buf()?;
            }
            let end = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let length = end.unwrap_or(chunk.len());
            if line.len() + length > MAX_LINE_BYTES {
                return Err(ImportError::TooLarge { line: self.number + 1, what: "this line", limit: "16 MiB" });
            }
            line.extend_from_slice(&chunk[..length]);
            self.after_return = end.is_some_and(|end| chunk[end] == b'\r');
            self.source.consume(length + usize::from(end.is_some()));
            if end.is_some() {
                self.number += 1;
                return Ok(Some(line));
            }
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

/// Whether a line begins a property and cannot be the rest of a note or a photo: `item1.X-ABLabel` before `:` or `;`.
fn begins_property(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"-_.".contains(byte)).unwrap_or(0);
    end > 0 && line[end..].trim_ascii_start().first().is_some_and(|stop| b":;".contains(stop))
}

/// The colon before the value; one inside quotes does not count, unless the quotes are never closed.
fn colon(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let outside = line.iter().position(|&byte| {
        quoted ^= byte == b'"';
        byte == b':' && !quoted
    });
    outside.or_else(|| line.iter().position(|&byte| byte == b':'))
}

/// How the value is written; nothing while the header is not complete.
fn form(line: &[u8]) -> Option<Form> {
    let header = &line[..colon(line)?];
    let name = header.split(|&byte| byte == b';').next()?;
    let says = |words: [&str; 2]| {
        header.split(|&byte| byte == b';').skip(1).map(<[u8]>::trim_ascii).any(|part| {
            let value = part.strip_prefix(b"ENCODING=").or_else(|| part.strip_prefix(b"encoding="));
            let is_one = |part: &[u8], word: &str| part.eq_ignore_ascii_case(word.as_bytes());
            is_one(part, words[0]) || value.is_some_and(|value| words.iter().any(|word| is_one(value, word)))
        })
    };
    Some(if says(["QUOTED-PRINTABLE", "Q"]) {
        Form::QuotedPrintable
    } else if says(["BASE64", "B"]) {
        Form::Base64
    } else if name.to_ascii_uppercase().ends_with(b"NOTE") {
        Form::Note
    } else {
        Form::Plain
    })
}

/// Where the `=` stands that ends a line of quoted-printable which is not the end of the text.
fn soft_break(line: &[u8]) -> Option<usize> {
    // Not more than a few blanks are looked at: they may follow by the million.
    let tail = line.len().saturating_sub(4);
    let end = line[tail..].trim_ascii_end();
    end.ends_with(b"=").then(|| tail + end.len() - 1)
}

/// Takes a whole line apart.
fn parse(raw: &[u8], number: u64) -> Line {
    // A name may be odd, such as "X-GOOGLE TALK", but there has to be one.
    let Some(colon) = colon(raw).filter(|_| !b":; \t".contains(&raw[0])) else {
        let (text, is_guessed) = bytes::decode(raw.to_vec(), None);
        return Line { number, text, is_guessed, ..Line::default() };
    };
    let form = form(raw).unwrap_or(Form::Plain);
    let header = bytes::decode(raw[..colon].to_vec(), None).0;
    let mut parts = split_outside_quotes(&header, ';');
    let full_name = parts.next().unwrap_or_default().trim();
    let (group, name) = full_name.split_once('.').unwrap_or(("", full_name));
    let params: Vec<(String, String)> = parts.map(param).collect();
    let charset = params.iter().find(|(name, _)| name == "CHARSET");
    let charset = charset.and_then(|(_, label)| Encoding::for_label(label.as_bytes()));
    let (value, is_guessed) = decode_value(&raw[colon + 1..], form, charset);
    let is_untouched = charset.is_none() && matches!(form, Form::Plain | Form::Note);
    let params: Vec<_> = params.into_iter().filter(|param| !is_transport(param)).collect();
    let text = match is_untouched {
        true => format!("{header}:{value}"),
        false => rebuilt(full_name, &params, form, &value),
    };
    Line {
        number,
        group: group.to_ascii_lowercase(),
        name: name.to_ascii_uppercase(),
        params,
        value,
        text,
        is_base64: form == Form::Base64,
        is_guessed,
    }
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

/// `TYPE=HOME`; a bare `HOME` of vCard 2.1 is a type too.
fn param(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or(("TYPE", text));
    let is_encoding =
        ["QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT"].iter().any(|word| value.eq_ignore_ascii_case(word));
    let name = if is_encoding { "ENCODING" } else { name.trim() };
    (name.to_ascii_uppercase(), caret_decoded(&value.replace('"', "")))
}

/// Undoes `^n`, `^'` and `^^` (RFC 6868). A line break becomes a space: no parameter here needs one.
fn caret_decoded(value: &str) -> String {
    if !value.contains('^') {
        return value.trim().to_owned();
    }
    let value = value.replace("^^", "\0").replace("^n", " ").replace("^'", "\"");
    value.replace('\0', "^").trim().to_owned()
}

fn is_transport((name, _): &(String, String)) -> bool {
    name == "ENCODING" || name == "CHARSET"
}

/// The line again, for a value that is now plain text.
fn rebuilt(name: &str, params: &[(String, String)], form: Form, value: &str) -> String {
    let mut text = name.to_owned();
    for (name, value) in params {
        let quote = if value.contains([':', ';', ',']) && !value.contains('"') { "\"" } else { "" };
        let value = value.replace('^', "^^").replace('"', "^'");
        text += &format!(";{name}={quote}{value}{quote}");
    }
    if form == Form::Base64 {
        text += ";ENCODING=b";
    }
    text + ":" + value
}

/// The value as one line of text, and whether its character set had to be guessed.
fn decode_value(raw: &[u8], form: Form, charset: Option<&'static Encoding>) -> (String, bool) {
    let bytes = match form {
        Form::QuotedPrintable => undo_quoted_printable(raw),
        Form::Base64 => raw.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect(),
        Form::Plain | Form::Note => raw.to_vec(),
    };
    let (text, is_guessed) = bytes::decode(bytes, charset);
    match text.contains(['\r', '\n']) {
        true => (text.replace("\r\n", "\\n").replace(['\r', '\n'], "\\n"), is_guessed),
        false => (text, is_guessed),
    }
}

/// Undoes quoted-printable. A separator that was encoded belongs to the text, so it gets a backslash.
fn undo_quoted_printable(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&first, after)) = rest.split_first() {
        let encoded = (first == b'=').then(|| after.get(..2).and_then(hex)).flatten();
        if matches!(encoded, Some(b';' | b',')) && bytes.last() != Some(&b'\\') {
            bytes.push(b'\\');
        }
        bytes.push(encoded.unwrap_or(first));
        rest = if encoded.is_some() { &after[2..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(file: &[u8]) -> Vec<Line> {
        let mut lines = Lines::new(file);
        std::iter::from_fn(|| lines.next().expect("readable")).collect()
    }

    fn texts(file: &[u8]) -> Vec<String> {
        lines(file).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_letter_cut_by_a_fold_is_whole_again() {
        assert_eq!(texts(b"NOTE:Zo\xC3\r\n \xAB\r\n\r\nFN:Zoe\r\n"), ["NOTE:Zoë", "FN:Zoe"]);
    }

    #[test]
    fn lines_end_as_on_any_system_and_are_counted() {
        for end in ["\r\n", "\n", "\r"] {
            let file = ["FN:A", "", "NOTE:b", " c", "N:d"].join(end);
            let numbers: Vec<_> = lines(file.as_bytes()).iter().map(|line| (line.number, line.text.clone())).collect();
            assert_eq!(numbers, [(1, "FN:A".into()), (3, "NOTE:bc".into()), (5, "N:d".into())], "{end:?}");
        }
    }

    #[test]
    fn quoted_printable_is_undone_with_its_soft_breaks() {
        let file = b"N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=91u=\r\n=C3=B1ez;Jo;;;\r\nFN;QUOTED-PRINTABLE;HOME:a=3Bb=0D=0Ac\r\n";
        assert_eq!(texts(file), ["N:Ñuñez;Jo;;;", "FN;TYPE=HOME:a\\;b\\nc"]);
    }

    #[test]
    fn a_named_character_set_is_used_and_an_unnamed_one_guessed() {
        let file = b"FN;CHARSET=windows-1251:\xC8\xE2\xE0\xED\nTITLE;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Ing=E9nieur\nNOTE:caf\xE9\n";
        let lines = lines(file);
        assert_eq!(
            lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
            ["FN:Иван", "TITLE:Ingénieur", "NOTE:café"]
        );
        assert_eq!(lines.iter().map(|line| line.is_guessed).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn base64_ends_where_the_next_property_begins() {
        let file = b"PHOTO;BASE64:\r\n  AAEC\r\n  Aw==\r\n\r\nPHOTO;ENCODING=b;TYPE=JPEG:AAEC\r\nAw==\r\nEND:VCARD\r\n";
        assert_eq!(texts(file), ["PHOTO;ENCODING=b:AAECAw==", "PHOTO;TYPE=JPEG;ENCODING=b:AAECAw==", "END:VCARD"]);
        assert!(lines(file)[0].is_base64);
    }

    #[test]
    fn a_note_that_was_not_folded_keeps_its_lines() {
        assert_eq!(texts(b"NOTE:one\r\ntwo, three\r\nTEL:1\r\nstray\r\n"), ["NOTE:one\\ntwo, three", "TEL:1", "stray"]);
    }

    #[test]
    fn parameters_lose_their_quotes_and_carets() {
        let line = &lines(br#"item2.TEL;TYPE="work,voice";X-A="a:b";LABEL=5^^^n6^'7:tel:1"#)[0];
        assert_eq!((line.group.as_str(), line.name.as_str(), line.value.as_str()), ("item2", "TEL", "tel:1"));
        assert_eq!(line.params("TYPE").collect::<Vec<_>>(), ["work", "voice"]);
        assert_eq!(line.params("LABEL").collect::<Vec<_>>(), ["5^ 6\"7"]);
        assert_eq!(lines(br#"TEL;X=5" screen:12"#)[0].value, "12");
    }
}
