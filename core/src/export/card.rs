//! My own card as a code for a camera: a vCard 3.0 so small that a weak camera reads it from a screen.

use super::vcard::{as_written, escaped, split_name};
use crate::model::{ChannelKind, Profile};

/// A card is smaller than this, in bytes: above it the modules of the code become too fine.
pub const CARD_BYTES: usize = 300;

/// A card, and how much of it did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The vCard.
    pub text: String,
    /// How many lines were left out because it would have become too large.
    pub left_out: usize,
}

/// My card in fewer than [`CARD_BYTES`] bytes: the name, then what fits of organisation and role, of the ways to reach
/// me, the preferred ones first, and of the line I want to be known for.
///
/// ```
/// use kith_core::{export::card, model::Profile};
/// let me = Profile { name: "Ann Berg".into(), ..Profile::default() };
/// assert!(card(&me).text.contains("FN:Ann Berg\r\n"));
/// ```
pub fn card(me: &Profile) -> Card {
    let (begin, end) = ("BEGIN:VCARD\r\nVERSION:3.0\r\n", "END:VCARD\r\n");
    // The name stands there twice, in the form for sorting and in the one that is shown.
    let room = (CARD_BYTES - begin.len() - end.len() - "N:;;;;\r\nFN:\r\n".len() - 1) / 2;
    let name = cut(me.name.trim(), room);
    let (given, family) = split_name(&name).unwrap_or((&name, ""));
    let mut text = format!("{begin}N:{};{};;;\r\nFN:{}\r\n", escaped(family), escaped(given), escaped(&name));
    let mut left_out = usize::from(name != me.name.trim());
    for line in lines(me) {
        if text.len() + line.len() + end.len() < CARD_BYTES {
            text.push_str(&line);
        } else {
            left_out += 1;
        }
    }
    text.push_str(end);
    Card { text, left_out }
}

/// The lines besides the name, what matters most first.
fn lines(me: &Profile) -> Vec<String> {
    let mut channels: Vec<_> = me.card.iter().filter(|channel| !channel.value.is_empty()).collect();
    channels.sort_by_key(|channel| !channel.preferred);
    let mut lines = vec![("ORG", escaped(&me.organisation)), ("TITLE", escaped(&me.role))];
    lines.extend(channels.into_iter().map(|channel| match channel.kind {
        ChannelKind::Phone => ("TEL", as_written(&channel.value)),
        ChannelKind::Mail => ("EMAIL", as_written(&channel.value)),
        ChannelKind::Address => ("ADR", format!(";;{};;;;", escaped(&channel.value))),
        _ => ("URL", as_written(&channel.value)),
    }));
    lines.push(("NOTE", escaped(&me.brand_line)));
    lines
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}:{value}\r\n"))
        .collect()
}

/// The beginning of a name whose escaped form takes no more than so many bytes.
fn cut(name: &str, room: usize) -> String {
    let mut kept = String::new();
    for letter in name.chars() {
        kept.push(letter);
        if escaped(&kept).len() > room {
            kept.pop();
            break;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Channel;

    #[test]
    fn a_card_stays_under_300_bytes_and_keeps_what_matters_most() {
        let channel = |kind, value: &str| Channel { kind, value: value.into(), ..Channel::default() };
        let me = Profile {
            name: "Ann Berg".into(),
            organisation: "Blue Freight; Lyon".into(),
            brand_line: "I get warehouses to open on the day that was said, ".repeat(5),
            card: vec![
                channel(ChannelKind::Link, &format!("https://blue.example/{}", "x".repeat(200))),
                channel(ChannelKind::Phone, "+33 6 12 34 56 78"),
                Channel { preferred: true, ..channel(ChannelKind::Mail, "ann@blue.example") },
            ],
            ..Profile::default()
        };
        let Card { text, left_out } = card(&me);
        assert!(text.len() < CARD_BYTES && left_out == 2, "{left_out}: {text}");
        for line in ["N:Berg;Ann;;;", "FN:Ann Berg", "ORG:Blue Freight\\; Lyon", "EMAIL:ann@blue.example"] {
            assert!(text.contains(&format!("{line}\r\n")), "{line}: {text}");
        }
        let long = Profile { name: "山;".repeat(300), ..Profile::default() };
        assert!(card(&long).text.len() < CARD_BYTES);
    }
}
