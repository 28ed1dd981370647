//! Text on a line: made harmless, cut and padded by the columns it takes, wrapped at words.

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Wider lines are hard to read.
const WIDEST: usize = 100;
/// Narrower terminals cannot show a list.
const NARROWEST: usize = 24;

/// The style of headings and names.
pub(crate) const STRONG: Style = Style::new().bold();
/// The style of what is beside the point.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// The text in a style.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// How wide a line may be: the terminal's width within reason; without end for a file or another program.
pub(crate) fn width_of(terminal: bool) -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
    let measured = terminal.then(|| terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)));
    measured.or(told).map_or(usize::MAX, |width| width.clamp(NARROWEST, WIDEST))
}

/// One line without what would move the cursor or turn the direction of the rest of the line: names come from files
/// and from other people.
pub(crate) fn clean(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}');
    let shown = text.chars().filter(|c| !turns(*c)).map(|c| if c.is_control() { ' ' } else { c });
    shown.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text in at most so many columns, with … where it was cut.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    let text = clean(text);
    if text.width() <= columns {
        return text;
    }
    let (mut kept, mut used) = (String::new(), 0);
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        if used + width + 1 > columns {
            break;
        }
        kept.push(c);
        used += width;
    }
    format!("{}…", kept.trim_end())
}

/// The text cut or filled to exactly so many columns.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let missing = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

/// The columns a text takes.
pub(crate) fn columns(text: &str) -> usize {
    clean(text).width()
}

/// Wraps at words; every line but the first begins with the indent. Lines of the text stay lines.
pub(crate) fn wrap(text: &str, indent: &str, columns: usize) -> String {
    let lines = text.lines().enumerate().map(|(at, line)| match at {
        0 => wrap_line(line, "", indent, columns),
        _ => wrap_line(line, indent, indent, columns),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, first: &str, indent: &str, columns: usize) -> String {
    if columns == usize::MAX {
        return format!("{first}{line}");
    }
    let options = textwrap::Options::new(columns).initial_indent(first).subsequent_indent(indent);
    textwrap::fill(line, options)
}

/// A paragraph someone wrote, made harmless line by line, wrapped and indented.
pub(crate) fn paragraph(text: &str, first: &str, indent: &str, columns: usize) -> String {
    let lines: Vec<String> = text.lines().map(clean).collect();
    wrap(&format!("{first}{}", lines.join("\n").trim()), indent, columns)
}

/// The same with a first part that is styled already.
pub(crate) fn paragraph_styled(text: &str, first: &str, indent: &str, columns: usize) -> String {
    let lines: Vec<String> = text.lines().map(clean).collect();
    wrap(&format!("{first}{}", lines.join("\n")), indent, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_by_the_columns_it_takes() {
        assert_eq!(cut("山田太郎", 5), "山田…");
        assert_eq!(cut("Dana Ruiz", 9), "Dana Ruiz");
        assert_eq!(cut("Dana Ruiz", 6), "Dana…");
        assert_eq!(pad("山田", 6), "山田  ");
        assert_eq!(columns("e\u{301}"), 1);
    }

    #[test]
    fn a_name_cannot_move_the_cursor_or_turn_the_line() {
        assert_eq!(clean("Dana\u{1b}[2J\r\nRuiz\u{202e}x"), "Dana [2J Ruizx");
    }
}
