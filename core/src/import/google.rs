//! The CSV of Google Contacts, with the header of before 2024 or the one after, and as many numbered columns as the
//! fullest contact needs.

use super::table::{Columns as TableColumns, Row};
use super::values::{address, joined, many_lines, no_birthday, one_line, partial_date};
use super::vcard::name_from;
use super::{Card, Item};
use crate::model::{Affiliation, Channel, ChannelKind, Contact, LifeDate, Relation};

/// Between several values in one cell.
const BETWEEN: &str = " ::: ";

/// Columns that stand alone, the old name and the new one.
const NAME: [&str; 1] = ["Name"];
const GIVEN: [&str; 2] = ["Given Name", "First Name"];
const MIDDLE: [&str; 2] = ["Additional Name", "Middle Name"];
const FAMILY: [&str; 2] = ["Family Name", "Last Name"];
const GIVEN_SOUND: [&str; 2] = ["Given Name Yomi", "Phonetic First Name"];
const MIDDLE_SOUND: [&str; 2] = ["Additional Name Yomi", "Phonetic Middle Name"];
const FAMILY_SOUND: [&str; 2] = ["Family Name Yomi", "Phonetic Last Name"];
const LABELS: [&str; 2] = ["Group Membership", "Labels"];

/// The parts of an address in the order in which they are shown.
const ADDRESS_PARTS: [&str; 7] = ["PO Box", "Extended Address", "Street", "City", "Region", "Postal Code", "Country"];

/// Where each column is.
pub(super) struct Columns {
    header: Vec<String>,
    groups: Vec<Group>,
}

/// The columns `E-mail 1 - Label` and `E-mail 1 - Value` are one group.
struct Group {
    kind: Kind,
    number: String,
    parts: Vec<(String, usize)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Channel(ChannelKind),
    Organisation,
    Relation,
    Event,
}

impl Kind {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "E-mail" => Kind::Channel(ChannelKind::Mail),
            "Phone" => Kind::Channel(ChannelKind::Phone),
            "Website" => Kind::Channel(ChannelKind::Link),
            "IM" => Kind::Channel(ChannelKind::Messenger),
            "Address" => Kind::Channel(ChannelKind::Address),
            "Organization" => Kind::Organisation,
            "Relation" => Kind::Relation,
            "Event" => Kind::Event,
            _ => return None,
        })
    }

    /// Whether this part of the group has a place in a contact.
    fn knows(&self, part: &str) -> bool {
        match self {
            Kind::Organisation => ["Name", "Title", "Department"].contains(&part),
            Kind::Channel(ChannelKind::Address) => {
                ["Label", "Type", "Formatted"].contains(&part) || ADDRESS_PARTS.contains(&part)
            }
            Kind::Channel(ChannelKind::Messenger) => ["Label", "Type", "Service", "Value"].contains(&part),
            _ => ["Label", "Type", "Value"].contains(&part),
        }
    }
}

impl TableColumns for Columns {
    fn find(header: &[String]) -> Option<Self> {
        let columns = Self { groups: groups(header), header: header.to_vec() };
        let has_name = columns.column(&GIVEN).is_some() || columns.column(&NAME).is_some();
        let is_google = columns.column(&LABELS).is_some() || !columns.groups.is_empty();
        (has_name && is_google).then_some(columns)
    }

    fn item(&self, row: &Row<'_>) -> Item {
        let mut draft = Draft { row, card: Card { line: row.line, ..Card::default() }, not_understood: Vec::new() };
        draft.take_names(self);
        draft.take_rest(self);
        for group in &self.groups {
            draft.take_group(group);
        }
        draft.finish(self)
    }
}

impl Columns {
    fn column(&self, names: &[&str]) -> Option<usize> {
        self.header.iter().position(|header| names.contains(&header.as_str()))
    }

    /// Whether the column has a place in a contact.
    fn is_known(&self, at: usize) -> bool {
        let singles = [&NAME[..], &GIVEN, &MIDDLE, &FAMILY, &GIVEN_SOUND, &MIDDLE_SOUND, &FAMILY_SOUND, &LABELS];
        let more = ["Name Prefix", "Name Suffix", "Nickname", "Birthday", "Notes"];
        let name = self.header[at].as_str();
        let is_single = singles.iter().any(|names| names.contains(&name)) || more.contains(&name);
        is_single || self.groups.iter().any(|group| group.parts.iter().any(|(_, column)| *column == at))
    }
}

fn groups(header: &[String]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, name) in header.iter().enumerate() {
        let Some((kind, number, part)) = numbered(name).filter(|(kind, _, part)| kind.knows(part)) else { continue };
        let part = (part.to_owned(), at);
        match groups.iter_mut().find(|group| group.kind == kind && group.number == number) {
            Some(group) => group.parts.push(part),
            None => groups.push(Group { kind, number: number.into(), parts: vec![part] }),
        }
    }
    groups
}

/// `Phone 2 - Value` as what, which and the part. The new header numbers no organisation: `Organization Title`.
fn numbered(name: &str) -> Option<(Kind, &str, &str)> {
    if let Some(part) = name.strip_prefix("Organization ").filter(|part| !part.contains(" - ")) {
        return Some((Kind::Organisation, "1", part));
    }
    let (group, part) = name.split_once(" - ")?;
    let (kind, number) = group.rsplit_once(' ')?;
    number.bytes().all(|digit| digit.is_ascii_digit()).then_some((Kind::of(kind)?, number, part))
}

impl Group {
    fn cell<'r>(&self, row: &'r Row<'_>, names: &[&str]) -> &'r str {
        let part = self.parts.iter().find(|(part, _)| names.contains(&part.as_str()));
        row.cell(part.map(|(_, at)| *at))
    }
}

/// A contact being read from its row.
struct Draft<'a> {
    row: &'a Row<'a>,
    card: Card,
    /// Columns whose words were not understood and are kept.
    not_understood: Vec<usize>,
}

impl Draft<'_> {
    fn take_names(&mut self, columns: &Columns) {
        let cell = |names: &[&str]| one_line(self.row.cell(columns.column(names)));
        let sounds = [&GIVEN_SOUND, &MIDDLE_SOUND, &FAMILY_SOUND].map(|names| cell(names));
        self.card.contact = Contact {
            name: cell(&NAME),
            given_name: cell(&GIVEN),
            middle_name: cell(&MIDDLE),
            family_name: cell(&FAMILY),
            name_prefix: cell(&["Name Prefix"]),
            name_suffix: cell(&["Name Suffix"]),
            nickname: cell(&["Nickname"]),
            say_it: joined(sounds.iter().map(String::as_str), " "),
            about: many_lines(self.row.cell(columns.column(&["Notes"]))),
            ..Contact::default()
        };
    }

    fn take_rest(&mut self, columns: &Columns) {
        let labels = self.row.cell(columns.column(&LABELS)).split(BETWEEN).map(one_line);
        // What begins with a star is a list of Google's own, such as "* myContacts".
        let mut tags: Vec<_> = labels.filter(|label| !label.is_empty() && !label.starts_with('*')).collect();
        tags.sort();
        tags.dedup();
        self.card.contact.tags = tags;
        let birthday = columns.column(&["Birthday"]);
        self.card.contact.birthday = partial_date(self.row.cell(birthday));
        if self.card.contact.birthday.is_none() {
            self.not_understood.extend(birthday);
            let written = one_line(self.row.cell(birthday));
            self.card.remarks.extend((!written.is_empty()).then(|| no_birthday(&written)));
        }
    }

    fn take_group(&mut self, group: &Group) {
        let (label, preferred) = label(group.cell(self.row, &["Label", "Type"]));
        let values = group.cell(self.row, &["Value"]).split(BETWEEN).map(one_line).filter(|value| !value.is_empty());
        match &group.kind {
            Kind::Channel(kind @ ChannelKind::Address) => {
                self.add_channels(kind, label, preferred, addresses(group, self.row))
            }
            Kind::Channel(kind) => {
                let service = one_line(group.cell(self.row, &["Service"]));
                let label = if service.is_empty() { label } else { service };
                self.add_channels(kind, label, preferred, values.map(visible).collect());
            }
            Kind::Organisation => self.take_organisations(group),
            Kind::Relation => self.card.contact.family.extend(values.map(|name| Relation {
                relation: label.clone(),
                name,
                ..Relation::default()
            })),
            Kind::Event => self.take_events(group, &label),
        }
    }

    fn add_channels(&mut self, kind: &ChannelKind, label: String, preferred: bool, values: Vec<String>) {
        let channels = values.into_iter().enumerate().map(|(at, value)| Channel {
            kind: kind.clone(),
            label: label.clone(),
            value,
            preferred: preferred && at == 0,
            ..Channel::default()
        });
        self.card.contact.channels.extend(channels);
    }

    fn take_organisations(&mut self, group: &Group) {
        let [names, titles, departments] = ["Name", "Title", "Department"].map(|part| group.cell(self.row, &[part]));
        for at in 0..count(names).max(count(titles)).max(count(departments)) {
            let (name, role, department) = (nth(names, at), nth(titles, at), nth(departments, at));
            if [&name, &role, &department].iter().any(|part| !part.is_empty()) {
                self.card.organisations.push(name);
                self.card.contact.affiliations.push(Affiliation { role, department, ..Affiliation::default() });
            }
        }
    }

    fn take_events(&mut self, group: &Group, label: &str) {
        let values: Vec<_> = group.cell(self.row, &["Value"]).split(BETWEEN).map(partial_date).collect();
        if values.iter().any(Option::is_none) {
            self.not_understood.extend(group.parts.iter().map(|(_, at)| at));
        }
        let dates = values.into_iter().flatten();
        self.card.contact.dates.extend(dates.map(|date| LifeDate {
            label: label.to_owned(),
            date: Some(date),
            ..LifeDate::default()
        }));
    }

    fn finish(mut self, columns: &Columns) -> Item {
        let line = self.row.line;
        let contact = &mut self.card.contact;
        if contact.name.is_empty() {
            let parts = [&contact.name_prefix, &contact.given_name, &contact.middle_name, &contact.family_name];
            let has_parts = parts.iter().any(|part| !part.is_empty());
            let filed_as = one_line(self.row.cell(columns.column(&["File As"])));
            let take_filed = !has_parts && contact.nickname.is_empty();
            contact.name = if take_filed { filed_as } else { String::new() };
        }
        if contact.name.is_empty() {
            contact.name = name_from(contact, &self.card.organisations);
        }
        let is_used = |at: usize| columns.is_known(at) && !self.not_understood.contains(&at);
        self.card.kept = self.row.kept(is_used);
        if *contact == Contact::default() && self.card.kept.is_empty() {
            return Item::Skipped { line, reason: "an empty row".into() };
        }
        Item::Card(Box::new(self.card))
    }
}

/// The label of a group, and whether its star marks the value to try first. Google's own English words are written
/// small, as everywhere in a notebook; words of another language or of the person stay as they are.
fn label(cell: &str) -> (String, bool) {
    const KNOWN: [&str; 22] = [
        "home",
        "work",
        "mobile",
        "other",
        "main",
        "pager",
        "home fax",
        "work fax",
        "home page",
        "profile",
        "blog",
        "anniversary",
        "spouse",
        "partner",
        "child",
        "mother",
        "father",
        "parent",
        "brother",
        "sister",
        "friend",
        "manager",
    ];
    let label = one_line(cell);
    let word = label.strip_prefix('*').map(str::trim);
    let preferred = word.is_some();
    let word = word.unwrap_or(&label);
    let small = word.to_lowercase();
    (if KNOWN.contains(&small.as_str()) { small } else { word.to_owned() }, preferred)
}

/// Without the invisible marks of direction that Google puts around numbers.
fn visible(value: String) -> String {
    value
        .replace(|c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'), "")
}

/// The addresses of a group: as Google shows them, else its parts, the first of each, the second of each.
fn addresses(group: &Group, row: &Row<'_>) -> Vec<String> {
    let formatted = group.cell(row, &["Formatted"]);
    let addresses: Vec<String> = if formatted.is_empty() {
        let parts = ADDRESS_PARTS.map(|part| group.cell(row, &[part]));
        let most = parts.iter().map(|part| count(part)).max().unwrap_or(0);
        (0..most).map(|at| address(parts.map(|part| part.split(BETWEEN).nth(at).unwrap_or_default()))).collect()
    } else {
        formatted.split(BETWEEN).map(|text| address([text])).collect()
    };
    addresses.into_iter().filter(|address| !address.is_empty()).collect()
}

fn count(cell: &str) -> usize {
    cell.split(BETWEEN).count()
}

fn nth(cell: &str, at: usize) -> String {
    one_line(cell.split(BETWEEN).nth(at).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cards, items, read};
    use super::*;

    const OLD: &str = "Name,Given Name,Additional Name,Family Name,Birthday,Gender,Notes,Group Membership,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,Address 1 - Type,Address 1 - Formatted,Address 1 - Street,Address 1 - City,Organization 1 - Name,Organization 1 - Title\n";
    const NEW: &str = "First Name,Last Name,File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,Photo,Labels,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value,Relation 1 - Label,Relation 1 - Value,Website 1 - Label,Website 1 - Value,Event 1 - Label,Event 1 - Value,Custom Field 1 - Label,Custom Field 1 - Value\n";

    fn values(contact: &Contact) -> Vec<(&str, &str, &str, bool)> {
        let all = contact.channels.iter();
        all.map(|it| (it.kind.word(), it.label.as_str(), it.value.as_str(), it.preferred)).collect()
    }

    #[test]
    fn the_old_header_is_read_by_its_names() {
        let row = "Dana Levi,Dana,,Levi, --03-22,female,\"one\r\ntwo\",* myContacts ::: Friends,* Home,a@b.org ::: c@d.org,Mobile,\u{202a}+33 6\u{202c},Home,,Rue 1 ::: Platz 2,Paris ::: Bern,Acme,CTO\n";
        let card = &cards(format!("{OLD}{row}"))[0];
        let contact = &card.contact;
        assert_eq!(contact.birthday.map(|day| day.to_string()).as_deref(), Some("--03-22"));
        assert_eq!((contact.about.as_str(), &contact.tags[..]), ("one\ntwo", &["Friends".to_owned()][..]));
        let expected = [
            ("mail", "home", "a@b.org", true),
            ("mail", "home", "c@d.org", false),
            ("phone", "mobile", "+33 6", false),
            ("address", "home", "Rue 1, Paris", false),
            ("address", "home", "Platz 2, Bern", false),
        ];
        assert_eq!(values(contact), expected);
        assert_eq!((card.organisations[0].as_str(), contact.affiliations[0].role.as_str()), ("Acme", "CTO"));
        assert_eq!(card.kept, r#"{"Gender":"female"}"#);
    }

    #[test]
    fn the_new_header_is_read_with_labels_of_any_language() {
        let row = "Dana,Levi,\"Levi, Dana\",Acme,CTO,R&D,1980-03-22,,https://photo,* myContacts,Praca,a@b.org,Komórka,1,* ,2,Spouse,Yael,Blog,dana.org,Rocznica,2001-02-03,Shoe,41\n";
        let card = &cards(format!("\u{feff}{NEW}{row}"))[0];
        let contact = &card.contact;
        assert_eq!((contact.name.as_str(), contact.affiliations[0].department.as_str()), ("Dana Levi", "R&D"));
        let expected = [
            ("mail", "Praca", "a@b.org", false),
            ("phone", "Komórka", "1", false),
            ("phone", "", "2", true),
            ("link", "blog", "dana.org", false),
        ];
        assert_eq!(values(contact), expected);
        assert_eq!((contact.family[0].relation.as_str(), contact.family[0].name.as_str()), ("spouse", "Yael"));
        assert_eq!(contact.dates[0].label, "Rocznica");
        let kept = r#"{"File As":"Levi, Dana","Photo":"https://photo","Custom Field 1 - Label":"Shoe","Custom Field 1 - Value":"41"}"#;
        assert_eq!(card.kept, kept);
    }

    #[test]
    fn a_row_with_only_a_company_or_a_mail_has_a_name() {
        let file = "Name,Given Name,E-mail 1 - Value,Organization 1 - Name\n,,,Acme\n,,a@b.org,\n,,,\n";
        let items = items(file.into());
        let names = items.iter().map(|item| match item {
            Item::Card(card) => card.contact.name.as_str(),
            Item::Skipped { reason, .. } => reason,
            Item::Note { words, .. } => words,
        });
        assert_eq!(names.collect::<Vec<_>>(), ["Acme", "a@b.org", "an empty row"]);
    }

    #[test]
    fn what_is_no_day_is_kept_and_so_is_the_separator_excel_chose() {
        let file = "Given Name;Birthday;Group Membership;Event 1 - Type;Event 1 - Value\r\nDana;soon;;Party;later\r\n";
        let kept = r#"{"Birthday":"soon","Event 1 - Type":"Party","Event 1 - Value":"later"}"#;
        assert_eq!(cards(file.into())[0].kept, kept);
    }

    #[test]
    fn a_file_in_an_old_code_page_is_read_and_says_so() {
        let items = read(&b"Name,Group Membership\nZo\xEB,\nChlo\xE9,\n"[..]).expect("readable");
        assert!(matches!(&items[0], Item::Note { line: 2, words } if words.contains("Windows-1252")));
        assert!(matches!(&items[1], Item::Card(card) if card.contact.name == "Zoë"));
        assert_eq!(items.len(), 3);
    }
}
