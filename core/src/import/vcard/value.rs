//! Values of a line, taken apart by `calcard`: backslashes undone, split where the property is split.
//!
//! It is given one value after the other, without parameters: of these it drops what it does not know, and it reads
//! days and numbers into types that lose what was written.

use calcard::Entry;
use calcard::Parser;
use calcard::vcard::VCardValue;

use super::lines::Line;

/// The longest value that is split, in bytes: a part costs more memory than the separator that makes it.
const LONGEST_SPLIT: usize = 64 << 10;

/// The value as text.
pub(super) fn text(line: &Line) -> String {
    if !line.value.contains('\\') {
        return line.value.clone();
    }
    // `NOTE` is the plain kind of text, whatever the property.
    parsed("NOTE", &line.value).into_iter().map(as_text).next().unwrap_or_default()
}

/// The values between commas.
pub(super) fn list(line: &Line) -> Vec<String> {
    if line.value.len() > LONGEST_SPLIT {
        return vec![text(line)];
    }
    // calcard swallows the second of two spaces behind a backslash; those that are escaped themselves stay.
    let value = line.value.replace(' ', "\\ ");
    parsed("CATEGORIES", &value).into_iter().map(as_text).collect()
}

/// The parts between semicolons, each a list of values between commas where the property has them.
pub(super) fn structured(line: &Line) -> Vec<Vec<String>> {
    if line.value.len() > LONGEST_SPLIT {
        return vec![vec![text(line)]];
    }
    let values = parsed(if line.name == "ORG" { "ORG" } else { "N" }, &line.value).into_iter();
    values
        .map(|value| match value {
            VCardValue::Component(parts) => parts,
            value => vec![as_text(value)],
        })
        .collect()
}

/// The bytes of a photo inside the card: base64, or a `data:` link.
pub(super) fn binary(line: &Line) -> Option<Vec<u8>> {
    let name = if line.is_base64 { "PHOTO;ENCODING=b" } else { "PHOTO" };
    parsed(name, &line.value).into_iter().find_map(|value| match value {
        VCardValue::Binary(data) if !data.data.is_empty() => Some(data.data),
        _ => None,
    })
}

fn parsed(name: &str, value: &str) -> Vec<VCardValue> {
    match Parser::new(&format!("{name}:{value}\n")).vcard() {
        Entry::VCard(card) => card.entries.into_iter().next().map(|entry| entry.values).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn as_text(value: VCardValue) -> String {
    match value {
        VCardValue::Text(text) => text,
        VCardValue::Component(parts) => parts.join(","),
        _ => String::new(),
    }
}
