//! People as vCard 3.0, the version that phones of both kinds accept; 4.0 is refused or loses its photo on many.
//!
//! Only what an address book holds is written. How we met, what someone lights up about and the like stay at home.

use std::collections::HashSet;

use crate::model::{Affiliation, Channel, ChannelKind, Contact, Id, Organisation, PartialDate};

/// The longest line in octets, without its end (RFC 2426, section 2.6).
const LONGEST_LINE: usize = 75;

/// One person as a card, with the photo if there is one. What an imported card had and this program has no place for
/// is given back.
///
/// The `UID` is the one of the imported card, else made of the contact's id, so that a second import updates the first.
/// Only present affiliations are written: a card has no word for former ones.
///
/// ```
/// use kith_core::{export::vcard3, model::Contact};
/// let person = Contact { name: "Dana Levi".into(), ..Contact::default() };
/// let card = vcard3(&person, &|_| None, None);
/// assert!(card.starts_with("BEGIN:VCARD\r\nVERSION:3.0\r\n") && card.contains("\r\nFN:Dana Levi\r\n"));
/// ```
pub fn vcard3(
    person: &Contact,
    organisation_names: &dyn Fn(Id<Organisation>) -> Option<String>,
    photo: Option<&[u8]>,
) -> String {
    let kept = Kept::of(person);
    let mut card = Writer { text: String::new(), next_item: kept.highest_item() + 1 };
    card.line("BEGIN:VCARD");
    card.line("VERSION:3.0");
    card.line(concat!("PRODID:-//Kith//Kith ", env!("CARGO_PKG_VERSION"), "//EN"));
    card.line(&format!("UID:{}", as_written(&uid(person))));
    names(person, &mut card);
    affiliations(person, organisation_names, &mut card);
    let used = channels(person, &kept, &mut card);
    days(person, &mut card);
    for relation in person.family.iter().filter(|relation| !relation.name.is_empty()) {
        card.labelled("X-ABRELATEDNAMES", &escaped(&relation.name), &relation.relation);
    }
    for language in &person.languages {
        card.text("LANG", language);
    }
    let tags: Vec<_> = person.tags.iter().map(|tag| escaped(tag)).collect();
    card.filled("CATEGORIES", &tags.join(","));
    card.text("NOTE", &person.about);
    if let Some(photo) = photo {
        card.line(&format!("PHOTO;ENCODING=b;TYPE={}:{}", image_type(photo), base64(photo)));
    }
    kept.give_back(&used, photo.is_some(), &mut card);
    columns(person, &mut card);
    card.line("END:VCARD");
    card.text
}

fn uid(person: &Contact) -> String {
    let imported = person.sources.iter().find(|source| source.source == "vcard" && !source.key.is_empty());
    match imported {
        Some(source) => source.key.clone(),
        None => {
            let id = person.id.to_string();
            format!("urn:uuid:{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..])
        }
    }
}

/// Whether a name was split for other programs only, or stands for somebody whose name is not known.
const NAME_IS: &str = "X-KITH-NAME";
/// A cell that this program has no place for; its label is the header of the column.
const COLUMN: &str = "X-KITH-COLUMN";
const WHOLE: &str = "whole";
const UNKNOWN: &str = "unknown";
const PARTS: &str = "parts";

/// Given and family name of a name of two words and more, for lists that are sorted by family name; where capitals tell
/// that it is written in this order.
pub(super) fn split_name(name: &str) -> Option<(&str, &str)> {
    let (given, family) = name.trim().rsplit_once(' ')?;
    let is_capital = |part: &str| part.chars().next().is_some_and(char::is_uppercase);
    (is_capital(given) && is_capital(family) && !given.contains(',')).then_some((given.trim(), family))
}

fn names(person: &Contact, card: &mut Writer) {
    let parts =
        [&person.family_name, &person.given_name, &person.middle_name, &person.name_prefix, &person.name_suffix];
    let has_parts = parts.iter().any(|part| !part.is_empty());
    // iPhones show the parts and not the full name, so there is always one.
    let shown = person.shown_name();
    let split = split_name(&person.name).filter(|_| !has_parts);
    let written = match split {
        Some((given, family)) => [family, given, "", "", ""],
        None if has_parts => parts.map(String::as_str),
        None => ["", &shown, "", "", ""],
    };
    card.line(&format!("N:{}", written.map(escaped).join(";")));
    card.line(&format!("FN:{}", escaped(&shown)));
    if split.is_some() || person.name.is_empty() {
        // So that coming back it is what it was: one name, or none yet.
        card.line(&format!("{NAME_IS}:{}", if person.name.is_empty() { UNKNOWN } else { WHOLE }));
    } else if written == ["", &person.name, "", "", ""] && has_parts {
        // Else it would be taken for the whole name, repeated as other programs do.
        card.line(&format!("{NAME_IS}:{PARTS}"));
    }
    card.text("NICKNAME", &person.nickname);
    card.text("X-PHONETIC-FIRST-NAME", &person.say_it);
    card.text("X-PRONOUNS", &person.pronouns);
}

fn affiliations(person: &Contact, name: &dyn Fn(Id<Organisation>) -> Option<String>, card: &mut Writer) {
    let present: Vec<&Affiliation> = person.affiliations.iter().filter(|it| it.until.is_none()).collect();
    for affiliation in &present {
        // With several, a group tells which title belongs to which organisation.
        let group = if present.len() > 1 { card.fresh_group() } else { String::new() };
        let organisation = affiliation.organisation.and_then(name).unwrap_or_default();
        let (organisation, department) = (escaped(&organisation), escaped(&affiliation.department));
        match (organisation.is_empty(), department.is_empty()) {
            (true, true) => {}
            (false, true) => card.line(&format!("{group}ORG:{organisation}")),
            (_, false) => card.line(&format!("{group}ORG:{organisation};{department}")),
        }
        card.text(&format!("{group}TITLE"), &affiliation.role);
    }
}

/// Writes the channels and tells which kept addresses were used for them.
fn channels<'a>(person: &Contact, kept: &Kept<'a>, card: &mut Writer) -> HashSet<&'a str> {
    let mut used = HashSet::new();
    for channel in person.channels.iter().filter(|channel| !channel.value.is_empty()) {
        match channel.kind {
            ChannelKind::Phone => channel_line(card, "TEL", channel, &as_written(&channel.value)),
            ChannelKind::Mail => channel_line(card, "EMAIL", channel, &as_written(&channel.value)),
            ChannelKind::Link => channel_line(card, "URL", channel, &as_written(&channel.value)),
            ChannelKind::Messenger => messenger(channel, card),
            ChannelKind::Address => match kept.address(&channel.value, &used) {
                Some(address) => {
                    used.insert(address.text);
                    address_line(card, channel, address);
                }
                None => channel_line(card, "ADR", channel, &format!(";;{};;;;", escaped(&channel.value))),
            },
            // A kind of a newer version: what it would be in a card is not known here.
            ChannelKind::Other(_) => {}
        }
    }
    used
}

fn channel_line(card: &mut Writer, name: &str, channel: &Channel, value: &str) {
    match types(channel) {
        Some(types) => card.line(&format!("{name}{types}:{value}")),
        None => {
            let preferred = if channel.preferred { ";TYPE=PREF" } else { "" };
            card.labelled(&format!("{name}{preferred}"), value, &channel.label);
        }
    }
}

/// An address in the parts in which it came, tied to what came with it.
fn address_line(card: &mut Writer, channel: &Channel, address: KeptLine<'_>) {
    let parts: Vec<_> = split(address.value, &[';']).into_iter().take(7).collect();
    let group = if address.group.is_empty() { String::new() } else { format!("{}.", address.group) };
    match types(channel) {
        Some(types) => card.line(&format!("{group}ADR{types}:{}", parts.join(";"))),
        None => {
            let group = if group.is_empty() { card.fresh_group() } else { group };
            let preferred = if channel.preferred { ";TYPE=PREF" } else { "" };
            card.line(&format!("{group}ADR{preferred}:{}", parts.join(";")));
            card.label(&group, &channel.label);
        }
    }
}

/// The label as types every program knows; nothing when it is a label of the person's own, which Google refuses as a
/// type and everybody takes as `X-ABLabel`.
fn types(channel: &Channel) -> Option<String> {
    const PLACES: [&str; 4] = ["", "work", "home", "other"];
    const PHONES: [&str; 10] = [
        "mobile",
        "fax",
        "pager",
        "car",
        "work mobile",
        "home mobile",
        "work fax",
        "home fax",
        "work pager",
        "home pager",
    ];
    let label = channel.label.as_str();
    let is_known = PLACES.contains(&label) || (channel.kind == ChannelKind::Phone && PHONES.contains(&label));
    let mut types: Vec<String> = label.split(' ').filter(|word| !word.is_empty()).map(type_of).collect();
    match channel.kind {
        ChannelKind::Mail => types.insert(0, "INTERNET".into()),
        ChannelKind::Phone if !label.contains("fax") && !label.contains("pager") => types.push("VOICE".into()),
        _ => {}
    }
    if channel.preferred {
        types.push("PREF".into());
    }
    let list = if types.is_empty() { String::new() } else { format!(";TYPE={}", types.join(",")) };
    is_known.then_some(list)
}

fn type_of(word: &str) -> String {
    if word == "mobile" { "CELL".into() } else { word.to_uppercase() }
}

/// `IMPP` as Apple writes it, the service in a parameter when it is one word.
fn messenger(channel: &Channel, card: &mut Writer) {
    let value = as_written(&channel.value);
    let scheme = value.split_once(':').map(|(scheme, _)| scheme);
    let has_scheme = scheme.is_some_and(|it| it != "x-apple" && !it.is_empty() && it.bytes().all(is_name_byte));
    let value = if has_scheme { value } else { format!("x-apple:{value}") };
    let preferred = if channel.preferred { ";TYPE=PREF" } else { "" };
    let label = channel.label.as_str();
    if label.is_empty() {
        card.line(&format!("IMPP{preferred}:{value}"));
    } else if label.bytes().all(is_name_byte) {
        card.line(&format!("IMPP;X-SERVICE-TYPE={label}{preferred}:{value}"));
    } else {
        card.labelled(&format!("IMPP{preferred}"), &value, label);
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn days(person: &Contact, card: &mut Writer) {
    if let Some(birthday) = person.birthday {
        card.line(&format!("BDAY:{}", day(birthday)));
    }
    for (label, date) in person.dates.iter().filter_map(|date| Some((&date.label, date.date?))) {
        card.labelled("X-ABDATE", &day(date), label);
    }
}

/// A day; without a year as `--0122`, which who does not know it ignores. The year 1604 that Apple writes instead is
/// shown as an age of four hundred by everybody else.
fn day(date: PartialDate) -> String {
    match (date.year, date.month, date.day) {
        (None, Some(month), Some(day)) => format!("--{month:02}{day:02}"),
        _ => date.to_string(),
    }
}

/// A card being written.
struct Writer {
    text: String,
    next_item: u64,
}

impl Writer {
    /// Writes a line in pieces of at most 75 octets, no letter cut; a break inside it cannot make another line.
    fn line(&mut self, line: &str) {
        let mut room = LONGEST_LINE;
        for letter in line.chars().filter(|letter| !matches!(letter, '\r' | '\n')) {
            if letter.len_utf8() > room {
                self.text.push_str("\r\n ");
                room = LONGEST_LINE - 1;
            }
            room -= letter.len_utf8();
            self.text.push(letter);
        }
        self.text.push_str("\r\n");
    }

    /// A property when there is something to say.
    fn filled(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.line(&format!("{name}:{value}"));
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        self.filled(name, &escaped(text));
    }

    /// A property with a label of its own.
    fn labelled(&mut self, name: &str, value: &str, label: &str) {
        let group = self.fresh_group();
        self.line(&format!("{group}{name}:{value}"));
        self.label(&group, label);
    }

    fn label(&mut self, group: &str, label: &str) {
        self.text(&format!("{group}X-ABLabel"), &label_of(label));
    }

    fn fresh_group(&mut self) -> String {
        let group = format!("item{}.", self.next_item);
        self.next_item += 1;
        group
    }
}

/// The label as Apple names it where it has one: only so is it shown in the language of the phone.
fn label_of(label: &str) -> String {
    const APPLES: [(&str, &str); 13] = [
        ("anniversary", "Anniversary"),
        ("assistant", "Assistant"),
        ("brother", "Brother"),
        ("child", "Child"),
        ("father", "Father"),
        ("friend", "Friend"),
        ("home page", "HomePage"),
        ("manager", "Manager"),
        ("mother", "Mother"),
        ("parent", "Parent"),
        ("partner", "Partner"),
        ("sister", "Sister"),
        ("spouse", "Spouse"),
    ];
    let apple = APPLES.iter().find(|(word, _)| *word == label);
    apple.map_or_else(|| label.to_owned(), |(_, word)| format!("_$!<{word}>!$_"))
}

/// Text as a card holds it.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.replace("\r\n", "\n").chars() {
        match letter {
            '\\' | ',' | ';' => escaped.extend(['\\', letter]),
            '\n' | '\r' => escaped.push_str("\\n"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A number or link: some programs do not undo backslashes there, so commas and semicolons stay as they are.
pub(super) fn as_written(text: &str) -> String {
    text.replace('\\', "\\\\").replace(['\r', '\n'], " ")
}

fn image_type(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "PNG",
        [b'R', b'I', b'F', b'F', ..] => "WEBP",
        _ => "JPEG",
    }
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let sign = char::from(SIGNS[(bits >> (18 - 6 * at) & 63) as usize]);
            text.push(if at <= three.len() { sign } else { '=' });
        }
    }
    text
}

/// The lines of an imported card that have no place in a contact.
struct Kept<'a> {
    lines: Vec<KeptLine<'a>>,
}

/// Cells of a table that somebody came from and that have no place here, each under the header of its column.
fn columns(person: &Contact, card: &mut Writer) {
    let tables = person.sources.iter().filter(|source| source.source != "vcard");
    let kept = tables.filter_map(|source| serde_json::from_str::<serde_json::Map<_, _>>(&source.kept).ok());
    let mut seen = HashSet::new();
    for (header, cell) in kept.flatten() {
        let Some(cell) = cell.as_str().filter(|cell| !cell.trim().is_empty()) else { continue };
        if seen.insert((header.clone(), cell.to_string())) {
            card.labelled(COLUMN, &escaped(cell), &header);
        }
    }
}

#[derive(Clone, Copy)]
struct KeptLine<'a> {
    text: &'a str,
    group: &'a str,
    name: &'a str,
    value: &'a str,
}

impl<'a> Kept<'a> {
    /// Each line once, and only what is a line of a card and would not begin, end or name another one.
    fn of(person: &'a Contact) -> Self {
        let sources = person.sources.iter().filter(|source| source.source == "vcard");
        let mut seen = HashSet::new();
        let lines = sources.flat_map(|source| source.kept.split(['\r', '\n'])).filter_map(KeptLine::of);
        Self { lines: lines.filter(|line| seen.insert(line.text)).collect() }
    }

    /// The highest number of a group `item7`; wild ones are not counted.
    fn highest_item(&self) -> u64 {
        let groups = self.lines.iter().filter_map(|line| line.group.get(4..)?.parse().ok());
        groups.filter(|number| *number < 1_000_000).max().unwrap_or(0)
    }

    /// The address that reads like this and was not used yet.
    fn address(&self, shown: &str, used: &HashSet<&str>) -> Option<KeptLine<'a>> {
        let mut addresses = self.lines.iter().filter(|line| line.is("ADR") && !used.contains(line.text));
        addresses.find(|line| address_shown(line.value) == shown).copied()
    }

    /// Writes what is left: no address (the channels are what counts), and of their company only what still has one.
    fn give_back(&self, used: &HashSet<&str>, has_photo: bool, card: &mut Writer) {
        let groups: HashSet<_> =
            self.lines.iter().filter(|line| used.contains(line.text)).map(|line| line.group.to_lowercase()).collect();
        for line in &self.lines {
            let is_left_out = line.is("ADR")
                || (line.is("PHOTO") && has_photo)
                || (line.is("X-ABADR") && !groups.contains(&line.group.to_lowercase()));
            if !is_left_out {
                card.line(line.text);
            }
        }
    }
}

impl<'a> KeptLine<'a> {
    fn of(text: &'a str) -> Option<Self> {
        const OURS: [&str; 9] = ["BEGIN", "END", "VERSION", "PRODID", "REV", "UID", "N", "FN", NAME_IS];
        let colon = colon(text)?;
        let full_name = text[..colon].split(';').next()?;
        let (group, name) = full_name.split_once('.').unwrap_or(("", full_name));
        let is_name = |name: &str| name.bytes().all(is_name_byte);
        let line = Self { text, group, name, value: &text[colon + 1..] };
        let is_a_line = is_name(group) && is_name(name) && !name.is_empty();
        (is_a_line && !OURS.iter().any(|ours| line.is(ours))).then_some(line)
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

fn colon(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b':' && !quoted
    })
}

/// How the value of an `ADR` reads as the value of a channel: the parts that say something, one line.
fn address_shown(value: &str) -> String {
    let parts: Vec<String> = split(value, &[';', ',']).into_iter().map(unescaped).collect();
    let lines = parts.iter().flat_map(|part| part.split('\n')).map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(", ")
}

/// Splits where a separator has no backslash before it.
fn split<'a>(value: &'a str, separators: &[char]) -> Vec<&'a str> {
    let mut after_backslash = false;
    let is_separator = |letter: char| {
        let counts = !after_backslash && separators.contains(&letter);
        after_backslash = letter == '\\' && !after_backslash;
        counts
    };
    value.split(is_separator).collect()
}

fn unescaped(text: &str) -> String {
    let mut letters = text.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        let next = if letter == '\\' { letters.next() } else { None };
        plain.push(match next {
            Some('n' | 'N') => '\n',
            Some(next) => next,
            None => letter,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::import::{Card, Item, Reader};
    use crate::model::{LifeDate, RecordId, Relation, Source};

    fn read(file: &str) -> Card {
        let mut items = Reader::new(Cursor::new(file.to_owned()), None).expect("recognised");
        match items.next() {
            Some(Ok(Item::Card(card))) => *card,
            other => unreachable!("{other:?}\n{file}"),
        }
    }

    fn with_kept(person: Contact, kept: &str) -> Contact {
        let source = Source { source: "vcard".into(), key: "uid-1".into(), kept: kept.into(), ..Source::default() };
        Contact { sources: vec![source], ..person }
    }

    fn lines(card: &str) -> Vec<&str> {
        card.split_terminator("\r\n").collect()
    }

    #[test]
    fn no_line_is_longer_than_75_octets_and_no_letter_is_cut() {
        let person = Contact { name: "é👋".repeat(60), about: "a,\nb".repeat(100), ..Contact::default() };
        let card = vcard3(&person, &|_| None, Some(&[0xFF; 1000]));
        assert!(lines(&card).iter().all(|line| line.len() <= 75 && !line.is_empty()));
        let read = read(&card);
        assert_eq!((read.contact.name, read.contact.about), (person.name, person.about));
        assert_eq!(read.photo.as_deref(), Some(&[0xFF; 1000][..]));
    }

    #[test]
    fn what_a_column_said_and_nothing_here_means_is_given_back_under_its_header() {
        let kept = r#"{"Custom Field 1 - Value":"41, or\r\nX-Evil: injected","Level":2,"Photo":" "}"#;
        let source = Source { source: "google".into(), kept: kept.into(), ..Source::default() };
        let damaged = Source { source: "linkedin".into(), kept: "{".into(), ..Source::default() };
        let person =
            Contact { name: "Dana".into(), sources: vec![source.clone(), source, damaged], ..Contact::default() };
        let card = vcard3(&person, &|_| None, None);
        let given: Vec<&str> = lines(&card).into_iter().filter(|line| line.starts_with("item")).collect();
        assert_eq!(
            given,
            ["item1.X-KITH-COLUMN:41\\, or\\nX-Evil: injected", "item1.X-ABLabel:Custom Field 1 - Value",]
        );
        // Coming back it is a line that is kept, and goes out again once.
        let Card { contact, kept, .. } = read(&card);
        let again = vcard3(&with_kept(contact, &kept), &|_| None, None);
        assert_eq!(lines(&again).iter().filter(|line| line.contains("X-KITH-COLUMN")).count(), 1, "{again}");
    }

    #[test]
    fn no_value_can_add_a_line() {
        let evil = "a\r\nX-Evil: injected\nEND:VCARD\rb";
        let channel = |kind| Channel { kind, label: evil.into(), value: evil.into(), ..Channel::default() };
        let person = Contact {
            name: evil.into(),
            tags: vec![evil.into()],
            channels: ChannelKind::ALL.iter().cloned().map(channel).collect(),
            family: vec![Relation { relation: evil.into(), name: evil.into(), ..Relation::default() }],
            ..Contact::default()
        };
        let mut person = with_kept(person, &format!("X-OK:1\rX-EVIL\nEND:VCARD\nVERSION:9\nitem1.begin:VCARD\n{evil}"));
        person.sources[0].key = evil.into();
        let card = vcard3(&person, &|_| None, None);
        let starts = ["X-Evil: injected", "END:VCARD", "VERSION:", "item1.begin"];
        let counts = starts.map(|start| lines(&card).iter().filter(|line| line.starts_with(start)).count());
        // The first is a well-formed line of its own among those kept, as it would be in any file.
        assert_eq!(counts, [1, 1, 1, 0], "{card}");
        assert!(!card.replace("\r\n", "").contains(['\r', '\n']));
    }

    #[test]
    fn labels_every_program_knows_are_types_and_the_others_are_tied_by_a_group() {
        let channel = |kind, label: &str, preferred| Channel {
            kind,
            label: label.into(),
            value: "12345".into(),
            preferred,
            ..Channel::default()
        };
        let person = Contact {
            channels: vec![
                channel(ChannelKind::Phone, "mobile", true),
                channel(ChannelKind::Phone, "work fax", false),
                channel(ChannelKind::Mail, "Wedding", true),
                channel(ChannelKind::Messenger, "Signal", false),
            ],
            ..Contact::default()
        };
        let card = vcard3(&person, &|_| None, None);
        for line in [
            "TEL;TYPE=CELL,VOICE,PREF:12345",
            "TEL;TYPE=WORK,FAX:12345",
            "item1.EMAIL;TYPE=PREF:12345",
            "item1.X-ABLabel:Wedding",
            "IMPP;X-SERVICE-TYPE=Signal:x-apple:12345",
        ] {
            assert!(lines(&card).contains(&line), "{line}\n{card}");
        }
    }

    #[test]
    fn what_was_kept_is_given_back_and_an_address_keeps_its_parts() {
        let file = concat!(
            "BEGIN:VCARD\nFN:Dana\nUID:uid-1\nitem7.ADR;TYPE=HOME:;;Rue 1\\, a;Paris;;75001;France;8\nitem7.X-ABADR:fr\n",
            "ADR;TYPE=WORK:;;Platz 2;Bern;;;\nX-FOO;X-BAR=1:2\nGENDER:F\nPHOTO;VALUE=uri:https://a.org/b.jpg\nREV:1\nEND:VCARD\n"
        );
        let Card { mut contact, kept, .. } = read(file);
        contact.channels[1].value = "Gasse 3, Bern".into();
        let card = vcard3(&with_kept(contact.clone(), &kept), &|_| None, None);
        let written = lines(&card);
        for line in [
            "UID:uid-1",
            "item7.ADR;TYPE=HOME:;;Rue 1\\, a;Paris;;75001;France",
            "item7.X-ABADR:fr",
            "ADR;TYPE=WORK:;;Gasse 3\\, Bern;;;;",
            "X-FOO;X-BAR=1:2",
            "GENDER:F",
            "PHOTO;VALUE=uri:https://a.org/b.jpg",
        ] {
            assert_eq!(written.iter().filter(|it| **it == line).count(), 1, "{line}\n{card}");
        }
        assert!(!card.contains("Platz 2") && !card.contains("REV"));
        contact.channels.clear();
        let without = vcard3(&with_kept(contact, &kept), &|_| None, Some(&[0xFF, 0xD8]));
        assert!(!without.contains("ADR") && !without.contains("b.jpg"), "{without}");
    }

    #[test]
    fn former_roles_are_left_out_and_a_person_of_no_name_is_called_by_place_and_day() {
        let id = Id::new(RecordId([0xAB; 16]));
        let role = |role: &str, until| Affiliation { role: role.into(), until, ..Affiliation::default() };
        let then = Some(PartialDate { year: Some(2019), ..PartialDate::default() });
        let person = Contact { id, affiliations: vec![role("CTO", None), role("Intern", then)], ..Contact::default() };
        let card = vcard3(&person, &|_| None, None);
        assert!(card.contains("TITLE:CTO\r\n") && !card.contains("Intern"));
        assert!(
            card.contains("FN:someone\r\n") && card.contains("UID:urn:uuid:abababab-abab-abab-abab-abababababab\r\n")
        );
    }

    /// A line of text as people write them, hostile to escaping.
    fn words() -> impl Strategy<Value = String> {
        let letters = prop_oneof!["[^\\p{Cc}\u{2028}\u{2029}]{1,12}", "[\\\\;,:\"'^=na \u{e9}]{1,12}"];
        letters.prop_map(|text| text.trim().to_owned()).prop_filter("something", |text| !text.is_empty() && text != "?")
    }

    fn maybe(words: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), words]
    }

    fn set() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::btree_set(words(), 0..3).prop_map(|set| set.into_iter().collect())
    }

    fn label() -> impl Strategy<Value = String> {
        let known = ["", "work", "home", "mobile", "work fax", "other", "home page", "anniversary", "spouse", "Signal"];
        prop_oneof![proptest::sample::select(known.to_vec()).prop_map(String::from), words()]
    }

    fn channel() -> impl Strategy<Value = Channel> {
        let kinds = proptest::sample::select(ChannelKind::ALL.to_vec());
        let number = "[+0-9][0-9 ()-]{4,12}[0-9]";
        (kinds, label(), words(), number, any::<bool>()).prop_map(|(kind, label, words, number, preferred)| {
            let value = if kind == ChannelKind::Phone { number } else { words };
            Channel { kind, label, value, preferred, ..Channel::default() }
        })
    }

    fn date() -> impl Strategy<Value = PartialDate> {
        (proptest::option::of(1900..2100), 1u32..13, 1u32..29).prop_map(|(year, month, day)| PartialDate {
            year,
            month: Some(month),
            day: Some(day),
        })
    }

    prop_compose! {
        fn person()(
            names in proptest::collection::vec(maybe(words()), 9),
            name in words(),
            (languages, tags) in (set(), set()),
            channels in proptest::collection::vec(channel(), 0..5),
            birthday in proptest::option::of(date()),
            dates in proptest::collection::vec((label(), date()), 0..3),
            family in proptest::collection::vec((label(), words()), 0..3),
            roles in proptest::collection::vec((maybe(words()), maybe(words())), 0..3),
            about in proptest::collection::vec(words(), 0..3),
        ) -> Contact {
            let mut names = names.into_iter();
            let mut next = || names.next().unwrap_or_default();
            Contact {
                given_name: next(),
                middle_name: next(),
                family_name: next(),
                name_prefix: next(),
                name_suffix: next(),
                nickname: next(),
                say_it: next(),
                pronouns: next(),
                name,
                languages,
                tags,
                channels,
                birthday,
                about: about.join("\n"),
                dates: dates.into_iter().map(|(label, date)| LifeDate { label, date: Some(date), ..LifeDate::default() }).collect(),
                family: family.into_iter().map(|(relation, name)| Relation { relation, name, ..Relation::default() }).collect(),
                affiliations: roles.into_iter().map(|(role, department)| Affiliation { role, department, ..Affiliation::default() }).collect(),
                ..Contact::default()
            }
        }
    }

    #[test]
    fn a_given_name_that_is_all_of_the_name_stays_a_given_name() {
        for (name, given_name) in [("Cher", "Cher"), ("Cher", ""), (",", ","), ("Ada Lovelace", "")] {
            let person = Contact { name: name.into(), given_name: given_name.into(), ..Contact::default() };
            assert_eq!(read(&vcard3(&person, &|_| None, None)).contact, person);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn what_is_written_is_read_again(person in person(), organisation in words(), photo in proptest::collection::vec(any::<u8>(), 0..99)) {
            let mut person = person;
            let anyone = Id::new(RecordId([1; 16]));
            person.affiliations.iter_mut().for_each(|it| it.organisation = Some(anyone));
            let photo = [&[0xFF, 0xD8], &photo[..]].concat();
            let card = read(&vcard3(&person, &|_| Some(organisation.clone()), Some(&photo)));
            prop_assert_eq!(&card.organisations, &vec![organisation; person.affiliations.len()]);
            person.affiliations.iter_mut().for_each(|it| it.organisation = None);
            prop_assert_eq!(card.photo, Some(photo));
            prop_assert_eq!(card.contact, person);
        }

        #[test]
        fn whatever_was_kept_makes_one_whole_card(kept in "([A-Za-z0-9.]{0,8}[:;=\"]{0,2}[^\\p{Cc}]{0,9}[\r\n]{0,2}){0,5}", name in words()) {
            let person = with_kept(Contact { name: name.clone(), ..Contact::default() }, &kept);
            let card = vcard3(&person, &|_| None, None);
            prop_assert!(card.ends_with("\r\nEND:VCARD\r\n"));
            prop_assert_eq!(read(&card).contact.name, name);
        }
    }
}
