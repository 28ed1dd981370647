//! Small values as files of every kind write them: one line of text, days, postal addresses.

use crate::model::PartialDate;

/// A text of one line: breaks become spaces, so that no value can become a line of a file written later.
pub(super) fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if !text.contains(is_break) {
        return text.trim().to_owned();
    }
    let words = text.split(is_break).map(str::trim).filter(|line| !line.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// A text of many lines, each ended by a line feed.
pub(super) fn many_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.trim().chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// The parts that say something, in one line.
pub(super) fn joined<'a>(parts: impl IntoIterator<Item = &'a str>, separator: &str) -> String {
    let parts = parts.into_iter().map(one_line).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(separator)
}

/// A postal address in one line; a break inside a part is a comma too.
pub(super) fn address<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    joined(parts.into_iter().flat_map(|part| part.split(['\r', '\n'])), ", ")
}

/// A day: `1980-03-22`, `19800322`, `--03-22`, `--0322`, `1980/3/22`, `1980-03`, `1980`; a time after it is left out.
pub(super) fn partial_date(text: &str) -> Option<PartialDate> {
    let day = text.trim().split(['T', 't', ' ']).next().unwrap_or_default();
    if let Ok(date) = day.parse() {
        return Some(date);
    }
    let written_out = match (day.strip_prefix("--"), day.len()) {
        (Some(rest), 6) => format!("--{}-{}", rest.get(..2)?, rest.get(2..)?),
        (None, 8) if !day.contains(['/', '-', '.']) => {
            format!("{}-{}-{}", day.get(..4)?, day.get(4..6)?, day.get(6..)?)
        }
        _ => padded(day)?,
    };
    written_out.parse().ok()
}

/// What is told of a birthday that is no day.
pub(super) fn no_birthday(written: &str) -> String {
    let written: String = written.chars().take(40).collect();
    format!("the birthday \"{written}\" is no day of the calendar; it was kept as it is written, and is not shown")
}

/// `1980/3/2` as `1980-03-02`.
fn padded(day: &str) -> Option<String> {
    let mut parts = day.split(['/', '-', '.']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then(|| format!("{year}-{month:0>2}-{day:0>2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_every_spelling_are_understood() {
        for (written, read) in [
            ("1980-03-22", "1980-03-22"),
            ("19800322", "1980-03-22"),
            (" --03-22", "--03-22"),
            ("--0322", "--03-22"),
            ("1980-03-22T08:30:00-06:00", "1980-03-22"),
            ("1980/3/2", "1980-03-02"),
            ("1980-03", "1980-03"),
            ("1980", "1980"),
        ] {
            assert_eq!(partial_date(written).map(|date| date.to_string()).as_deref(), Some(read), "{written}");
        }
        for wrong in ["", "soon", "June 12, 1999", "--1332", "0/0/00", "1980-02-31", "--é1é", "ééééé"] {
            assert_eq!(partial_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_break_survives_in_a_value_of_one_line() {
        assert_eq!(one_line(" Wedding\r\nX-Evil: injected\u{2028}\0 "), "Wedding X-Evil: injected");
        assert_eq!(many_lines("a\r\nb\rc\0\n"), "a\nb\nc");
        assert_eq!(address(["", "Rue 1\nEntrée B", "Paris"]), "Rue 1, Entrée B, Paris");
    }
}
