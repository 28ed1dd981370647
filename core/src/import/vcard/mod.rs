//! vCards of any version as people: each line of a card goes to its place in a contact, or is kept.

use std::collections::{HashMap, VecDeque};
use std::io::BufRead;

use super::values::{self, address, joined, many_lines, one_line, partial_date};
use super::{Card, GUESSED, ImportError, Item, MAX_CARD_BYTES, MAX_ROWS, NO_PHOTO};
use crate::model::{Affiliation, Channel, ChannelKind, Contact, LifeDate, PartialDate, Relation};
use lines::{Line, Lines};
use value::{binary, list, structured, text};

mod lines;
mod value;

/// Whether this text has a line that begins a card.
pub(super) fn begins(start: &str) -> bool {
    start.split(['\r', '\n']).any(|line| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        name.trim().eq_ignore_ascii_case("BEGIN") && value.trim().eq_ignore_ascii_case("VCARD")
    })
}

/// Reads a file card by card.
pub(super) struct Cards<R> {
    lines: Lines<R>,
    cards: u64,
    waiting: VecDeque<Item>,
    was_guessed: bool,
    /// The last line stood outside of a card, and a note says so.
    is_outside: bool,
}

impl<R: BufRead> Cards<R> {
    pub(super) fn new(source: R) -> Self {
        Self { lines: Lines::new(source), cards: 0, waiting: VecDeque::new(), was_guessed: false, is_outside: false }
    }

    fn next_item(&mut self) -> Result<Option<Item>, ImportError> {
        while self.waiting.is_empty() {
            let Some(line) = self.lines.next()? else {
                return if self.cards == 0 { Err(ImportError::NotRecognised) } else { Ok(None) };
            };
            if is_mark(&line, "BEGIN") {
                let card = self.card(line.number)?;
                self.waiting.push_back(card);
            } else if is_mark(&line, "END") {
                return Err(ImportError::damaged(line.number, "a card ends here that never began"));
            } else if !std::mem::replace(&mut self.is_outside, true) {
                self.note(line.number, "text outside of the cards was left out");
            }
        }
        Ok(self.waiting.pop_front())
    }

    /// The card whose first line has just been read.
    fn card(&mut self, number: u64) -> Result<Item, ImportError> {
        self.cards += 1;
        self.is_outside = false;
        if self.cards > MAX_ROWS {
            return Err(ImportError::TooLarge { line: number, what: "the file", limit: "200,000 cards" });
        }
        let mut lines = Vec::new();
        let mut bytes = 0;
        loop {
            let line = self.line_of_card(number)?;
            if is_mark(&line, "END") {
                return Ok(Draft::of(&lines).finish(number));
            }
            let line = match (is_mark(&line, "BEGIN"), lines.pop_if(is_open_agent)) {
                (false, None) => line,
                (false, Some(agent)) => {
                    lines.push(agent);
                    line
                }
                (true, Some(agent)) => self.agent(agent)?,
                (true, None) => {
                    return Err(ImportError::damaged(
                        number,
                        "a card begins here and does not end before the next one",
                    ));
                }
            };
            bytes += line.text.len() + LINE_OVERHEAD;
            if bytes > MAX_CARD_BYTES {
                return Err(ImportError::TooLarge { line: number, what: "this card", limit: "48 MiB" });
            }
            lines.push(line);
        }
    }

    fn line_of_card(&mut self, number: u64) -> Result<Line, ImportError> {
        loop {
            let Some(line) = self.lines.next()? else {
                return Err(ImportError::damaged(number, "a card begins here and the file ends before it does"));
            };
            if line.is_guessed && !self.was_guessed {
                self.was_guessed = true;
                self.note(line.number, GUESSED);
            }
            if !line.name.is_empty() {
                return Ok(line);
            }
            self.note(line.number, "a line that is no part of a vCard was left out");
        }
    }

    fn note(&mut self, line: u64, words: &str) {
        // A file may consist of strange lines; a page of them says it all.
        if self.waiting.len() < 100 {
            self.waiting.push_back(Item::Note { line, words: words.into() });
        }
    }

    /// The card inside another one as one line, which is how vCard 3.0 writes it.
    fn agent(&mut self, mut agent: Line) -> Result<Line, ImportError> {
        let mut card = String::from("BEGIN:VCARD\n");
        loop {
            let line = self.line_of_card(agent.number)?;
            if is_mark(&line, "BEGIN") {
                return Err(ImportError::damaged(agent.number, "the card inside this card does not end"));
            }
            card += &line.text;
            card.push('\n');
            if card.len() > MAX_CARD_BYTES {
                return Err(ImportError::TooLarge { line: agent.number, what: "this card", limit: "48 MiB" });
            }
            if is_mark(&line, "END") {
                agent.value = escaped(&card);
                agent.text = format!("AGENT:{}", agent.value);
                return Ok(agent);
            }
        }
    }
}

/// In vCard 2.1 the card of an assistant stands inside the other one, after a line `AGENT:`.
fn is_open_agent(line: &mut Line) -> bool {
    line.name == "AGENT" && line.value.trim().is_empty()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace(',', "\\,").replace(';', "\\;")
}

/// What a line costs besides its text, about.
const LINE_OVERHEAD: usize = 200;

fn is_mark(line: &Line, mark: &str) -> bool {
    line.name == mark && line.value.trim().eq_ignore_ascii_case("VCARD")
}

impl<R: BufRead> Iterator for Cards<R> {
    type Item = Result<Item, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_item().transpose()
    }
}

/// A role before it is known which organisation it belongs to.
struct Role<'a> {
    group: &'a str,
    words: String,
}

/// A card being read.
#[derive(Default)]
struct Draft<'a> {
    card: Card,
    kept: Vec<&'a Line>,
    /// What `item1.X-ABLabel` says of the other lines of `item1`.
    labels: HashMap<&'a str, &'a Line>,
    /// The group of each organisation.
    organisation_groups: Vec<&'a str>,
    titles: Vec<Role<'a>>,
    roles: Vec<&'a Line>,
    phonetic: [String; 3],
    /// `whole` or `unknown`, in an export of ours.
    name_is: String,
    is_group: bool,
}

impl<'a> Draft<'a> {
    fn of(lines: &'a [Line]) -> Self {
        let labels = lines.iter().filter(|line| is_label(line)).map(|line| (line.group.as_str(), line)).collect();
        let mut draft = Self { labels, ..Self::default() };
        for line in lines {
            if !draft.take(line) {
                draft.kept.push(line);
            }
        }
        draft
    }

    /// Puts a line where it belongs; says whether it needs not be kept.
    fn take(&mut self, line: &'a Line) -> bool {
        let contact = &mut self.card.contact;
        match line.name.as_str() {
            // About the file and its program, not about the person.
            "VERSION" | "PRODID" | "REV" => true,
            "FN" => fill(&mut contact.name, one_line(&text(line))),
            "N" => self.take_name(line),
            // What an export of ours says of the name it wrote for other programs.
            "X-KITH-NAME" => {
                self.name_is = line.value.trim().to_lowercase();
                true
            }
            "NICKNAME" => fill(&mut contact.nickname, joined(list(line).iter().map(String::as_str), ", ")),
            "X-PHONETIC-FIRST-NAME" => fill(&mut self.phonetic[0], one_line(&text(line))),
            "X-PHONETIC-MIDDLE-NAME" => fill(&mut self.phonetic[1], one_line(&text(line))),
            "X-PHONETIC-LAST-NAME" => fill(&mut self.phonetic[2], one_line(&text(line))),
            "PRONOUNS" | "X-PRONOUNS" => fill(&mut contact.pronouns, one_line(&text(line))),
            "LANG" => add(&mut contact.languages, one_line(&text(line))),
            "UID" => fill(&mut self.card.key, one_line(&text(line))),
            "BDAY" => {
                let understood = fill_date(&mut contact.birthday, line);
                self.card.remarks.extend(not_a_day(line).filter(|_| !understood));
                understood
            }
            "NOTE" => append(&mut contact.about, many_lines(&text(line))),
            "CATEGORIES" => take_tags(&mut contact.tags, line),
            "TEL" => self.take_channel(ChannelKind::Phone, line, phone(&text(line))),
            "EMAIL" => self.take_channel(ChannelKind::Mail, line, without(&one_line(&text(line)), "mailto:")),
            "URL" => self.take_channel(ChannelKind::Link, line, one_line(&text(line))),
            "ADR" => {
                self.take_channel(ChannelKind::Address, line, postal_address(line));
                false
            }
            "X-SOCIALPROFILE" | "SOCIALPROFILE" => self.take_profile(line),
            "IMPP" => self.take_messenger(line),
            name if messenger(name).is_some() => self.take_account(line, messenger(name).unwrap_or_default()),
            "ORG" => self.take_organisation(line),
            "TITLE" => self.take_title(line),
            "ROLE" => {
                self.roles.push(line);
                true
            }
            "X-ABDATE" => self.take_date(line, None),
            "ANNIVERSARY" | "X-ANNIVERSARY" | "X-MS-ANNIVERSARY" | "X-EVOLUTION-ANNIVERSARY" => {
                self.take_date(line, Some("anniversary"))
            }
            "X-ABRELATEDNAMES" => self.take_relation(line, None),
            "RELATED" => self.take_related(line),
            "X-SPOUSE" | "X-EVOLUTION-SPOUSE" | "X-MS-SPOUSE" => self.take_relation(line, Some("spouse")),
            "X-MANAGER" | "X-EVOLUTION-MANAGER" | "X-MS-MANAGER" => self.take_relation(line, Some("manager")),
            "X-ASSISTANT" | "X-EVOLUTION-ASSISTANT" | "X-MS-ASSISTANT" => self.take_relation(line, Some("assistant")),
            "PHOTO" => self.take_photo(line),
            "KIND" | "X-ADDRESSBOOKSERVER-KIND" => {
                self.is_group |= line.value.trim().eq_ignore_ascii_case("group");
                false
            }
            "X-ABLABEL" => !line.group.is_empty(),
            _ => false,
        }
    }

    fn take_name(&mut self, line: &Line) -> bool {
        let parts = structured(line);
        let part =
            |at: usize, separator: &str| joined(parts.get(at).into_iter().flatten().map(String::as_str), separator);
        let contact = &mut self.card.contact;
        if contact.family_name.is_empty() && contact.given_name.is_empty() {
            contact.family_name = part(0, " ");
            contact.given_name = part(1, " ");
            contact.middle_name = part(2, " ");
            contact.name_prefix = part(3, " ");
            contact.name_suffix = part(4, ", ");
            return true;
        }
        false
    }

    fn take_channel(&mut self, kind: ChannelKind, line: &Line, value: String) -> bool {
        let label = self.label(line).unwrap_or_else(|| type_label(line));
        self.add_channel(Channel { kind, label, value, preferred: is_preferred(line), ..Channel::default() })
    }

    fn add_channel(&mut self, channel: Channel) -> bool {
        if !channel.value.is_empty() {
            self.card.contact.channels.push(channel);
        }
        true
    }

    fn take_profile(&mut self, line: &Line) -> bool {
        let written = one_line(&text(line));
        let value = without(&written, "x-apple:");
        let kind = if value.contains("//") { ChannelKind::Link } else { ChannelKind::Messenger };
        let service = line.params("SERVICE-TYPE").next().map(str::to_owned);
        let label = self.label(line).or(service).unwrap_or_else(|| type_label(line));
        self.add_channel(Channel { kind, label, value, preferred: is_preferred(line), ..Channel::default() })
    }

    fn take_messenger(&mut self, line: &Line) -> bool {
        let service = line.params("X-SERVICE-TYPE").chain(line.params("SERVICE-TYPE")).next();
        let label = self.label(line).or(service.map(str::to_owned)).unwrap_or_else(|| type_label(line));
        let value = without(&one_line(&text(line)), "x-apple:");
        let kind = ChannelKind::Messenger;
        self.add_channel(Channel { kind, label, value, preferred: is_preferred(line), ..Channel::default() })
    }

    fn take_account(&mut self, line: &Line, service: &str) -> bool {
        let label = self.label(line).unwrap_or_else(|| service.to_owned());
        let (kind, value) = (ChannelKind::Messenger, one_line(&text(line)));
        self.add_channel(Channel { kind, label, value, preferred: is_preferred(line), ..Channel::default() })
    }

    fn take_organisation(&mut self, line: &'a Line) -> bool {
        let parts = structured(line);
        let mut parts = parts.iter().flatten().map(String::as_str);
        let name = one_line(parts.next().unwrap_or_default());
        let department = joined(parts, ", ");
        if !name.is_empty() || !department.is_empty() {
            self.card.organisations.push(name);
            self.card.contact.affiliations.push(Affiliation { department, ..Affiliation::default() });
            self.organisation_groups.push(&line.group);
        }
        true
    }

    fn take_title(&mut self, line: &'a Line) -> bool {
        let words = one_line(&text(line));
        if !words.is_empty() {
            self.titles.push(Role { group: &line.group, words });
        }
        true
    }

    fn take_date(&mut self, line: &Line, label: Option<&str>) -> bool {
        let Some(date) = date(line) else { return false };
        let label = self.label(line).or(label.map(str::to_owned)).unwrap_or_default();
        self.card.contact.dates.push(LifeDate { label, date: Some(date), ..LifeDate::default() });
        true
    }

    fn take_relation(&mut self, line: &Line, relation: Option<&str>) -> bool {
        let relation = relation.map(str::to_owned).or_else(|| self.label(line)).unwrap_or_else(|| type_label(line));
        let name = one_line(&text(line));
        if !name.is_empty() {
            self.card.contact.family.push(Relation { relation, name, ..Relation::default() });
        }
        true
    }

    /// vCard 4.0 may name someone by a link to another card; that is kept as it is.
    fn take_related(&mut self, line: &Line) -> bool {
        let is_text = line.params("VALUE").any(|value| value.eq_ignore_ascii_case("text"));
        let is_link = line.value.trim().starts_with("urn:") || line.value.contains("://");
        (is_text || !is_link) && self.take_relation(line, None)
    }

    fn take_photo(&mut self, line: &Line) -> bool {
        if self.card.photo.is_some() {
            return false;
        }
        self.card.photo = binary(line);
        let is_link = line.value.contains("://");
        if self.card.photo.is_none() && !is_link && !line.value.trim().is_empty() {
            self.card.remarks.push(NO_PHOTO.into());
        }
        self.card.photo.is_some()
    }

    /// The label an Apple or Google program ties to the line by its group.
    fn label(&self, line: &Line) -> Option<String> {
        let label = if line.group.is_empty() { None } else { self.labels.get(line.group.as_str()) };
        label.map(|line| known_label(&one_line(&text(line)))).filter(|label| !label.is_empty())
    }

    fn finish(mut self, number: u64) -> Item {
        if self.is_group {
            return Item::Skipped { line: number, reason: "a group, not a person".into() };
        }
        self.place_roles();
        self.settle_name();
        let contact = &mut self.card.contact;
        contact.say_it = joined(self.phonetic.iter().map(String::as_str), " ");
        if *contact == Contact::default() && self.card.photo.is_none() {
            return Item::Skipped { line: number, reason: "an empty card".into() };
        }
        self.card.line = number;
        self.card.kept = self.kept_lines();
        Item::Card(Box::new(self.card))
    }

    /// Gives each title to the organisation of its group, else to the first one that has none.
    fn place_roles(&mut self) {
        let mut grouped: HashMap<&str, usize> = HashMap::new();
        for (at, group) in self.organisation_groups.iter().enumerate().filter(|(_, group)| !group.is_empty()) {
            grouped.entry(group).or_insert(at);
        }
        let affiliations = &mut self.card.contact.affiliations;
        let mut free = 0;
        for Role { group, words } in std::mem::take(&mut self.titles) {
            let is_free = |at: &usize| affiliations.get(*at).is_none_or(|it| it.role.is_empty());
            while !is_free(&free) {
                free += 1;
            }
            let at = match grouped.get(group) {
                // A group without an organisation: a role without one.
                None if !group.is_empty() => affiliations.len(),
                at => at.copied().filter(is_free).unwrap_or(free),
            };
            if at == affiliations.len() {
                affiliations.push(Affiliation::default());
                self.card.organisations.push(String::new());
            }
            affiliations[at].role = words;
        }
        self.place_occupations();
    }

    /// `ROLE` says what someone does where `TITLE` does not; beside a title it is kept.
    fn place_occupations(&mut self) {
        for line in std::mem::take(&mut self.roles) {
            let words = one_line(&text(line));
            match self.card.contact.affiliations.first_mut() {
                _ if words.is_empty() => {}
                Some(first) if first.role == words => {}
                Some(first) if first.role.is_empty() => first.role = words,
                Some(_) => self.kept.push(line),
                None => {
                    self.card.contact.affiliations.push(Affiliation { role: words, ..Affiliation::default() });
                    self.card.organisations.push(String::new());
                }
            }
        }
    }

    /// The name that is shown: `FN`, else what the card has instead.
    fn settle_name(&mut self) {
        let contact = &mut self.card.contact;
        let unknown = self.name_is == "unknown";
        if unknown || self.name_is == "whole" {
            (contact.given_name, contact.family_name) = Default::default();
        }
        if unknown || contact.name == "?" {
            contact.name.clear();
            return;
        }
        if contact.name.is_empty() {
            contact.name = name_from(contact, &self.card.organisations);
        }
        // Programs that know no parts repeat the whole name as the given one.
        let others = [&contact.family_name, &contact.middle_name, &contact.name_prefix, &contact.name_suffix];
        if self.name_is != "parts" && contact.given_name == contact.name && others.iter().all(|part| part.is_empty()) {
            contact.given_name.clear();
        }
    }

    /// The lines without a place, with the labels that belong to them.
    fn kept_lines(&self) -> String {
        let mut kept = self.kept.clone();
        let with_label = self.kept.iter().filter(|line| !matches!(line.name.as_str(), "ADR" | "X-ABADR"));
        let mut groups: Vec<_> = with_label.map(|line| line.group.as_str()).collect();
        groups.sort();
        groups.dedup();
        kept.extend(groups.iter().filter_map(|group| self.labels.get(group)));
        kept.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// A name for someone of whom a file says none: its parts, nickname, organisation, mail, or the first address at all.
pub(super) fn name_from(contact: &Contact, organisations: &[String]) -> String {
    let parts =
        [&contact.name_prefix, &contact.given_name, &contact.middle_name, &contact.family_name, &contact.name_suffix];
    let of_kind = |kind| contact.channels.iter().find(move |channel| channel.kind == kind);
    let address = of_kind(ChannelKind::Mail).or(of_kind(ChannelKind::Phone)).or(contact.channels.first());
    let address = address.map(|channel| channel.value.clone());
    [joined(parts.map(String::as_str), " "), contact.nickname.clone()]
        .into_iter()
        .chain(organisations.iter().cloned())
        .chain(address)
        .find(|name| !name.is_empty())
        .unwrap_or_default()
}

fn fill(field: &mut String, value: String) -> bool {
    if field.is_empty() {
        *field = value;
        return true;
    }
    value.is_empty() || *field == value
}

fn fill_date(field: &mut Option<PartialDate>, line: &Line) -> bool {
    let found = date(line);
    match field {
        Some(_) => *field == found,
        None => {
            *field = found;
            found.is_some()
        }
    }
}

fn not_a_day(line: &Line) -> Option<String> {
    let written = one_line(&text(line));
    (!written.is_empty() && date(line).is_none()).then(|| values::no_birthday(&written))
}

fn add(set: &mut Vec<String>, value: String) -> bool {
    if !value.is_empty() && !set.contains(&value) {
        set.push(value);
        set.sort();
    }
    true
}

fn append(text: &mut String, more: String) -> bool {
    if !text.is_empty() && !more.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(&more);
    true
}

fn take_tags(tags: &mut Vec<String>, line: &Line) -> bool {
    let words = list(line).into_iter().map(|word| one_line(&word));
    tags.extend(words.filter(|word| !word.is_empty() && !is_system_label(word)));
    tags.sort();
    tags.dedup();
    true
}

/// The label every contact of a Google account carries; it says nothing of the person.
fn is_system_label(word: &str) -> bool {
    let word: String = word.chars().filter(|c| !c.is_whitespace()).collect();
    matches!(word.to_lowercase().as_str(), "mycontacts" | "*mycontacts" | "systemgroup:mycontacts")
}

/// A day; the year that stands for an unknown one is left out.
fn date(line: &Line) -> Option<PartialDate> {
    // Apple writes 1604 and says so in a parameter; other programs copy the year and lose the parameter.
    let mut date = partial_date(&text(line))?;
    let omitted = line.params("X-APPLE-OMIT-YEAR").next().and_then(|year| year.parse().ok()).unwrap_or(1604);
    if date.month.is_some() && date.year == Some(omitted) {
        date.year = None;
    }
    Some(date)
}

/// A phone number without `tel:` and the invisible marks that Google puts around it.
fn phone(text: &str) -> String {
    let is_invisible =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let visible = one_line(&text.replace(is_invisible, ""));
    without(&visible, "tel:").replace(";ext=", " ext. ")
}

fn without(text: &str, prefix: &str) -> String {
    let has_it = text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    text[if has_it { prefix.len() } else { 0 }..].trim().to_owned()
}

/// All parts in the order of the card; Google writes eight of them.
fn postal_address(line: &Line) -> String {
    let parts = structured(line);
    address(parts.iter().flatten().map(String::as_str))
}

fn is_label(line: &Line) -> bool {
    line.name == "X-ABLABEL" && !line.group.is_empty()
}

/// `_$!<HomePage>!$_` as "home page"; what people wrote themselves stays as it is.
fn known_label(label: &str) -> String {
    let Some(word) = label.strip_prefix("_$!<").and_then(|word| word.strip_suffix(">!$_")) else {
        return label.to_owned();
    };
    let mut words = String::new();
    let mut after_small = false;
    for c in word.chars() {
        if c.is_uppercase() && after_small {
            words.push(' ');
        }
        after_small = c.is_lowercase();
        words.extend(c.to_lowercase());
    }
    words
}

/// The types of a line as words: `TYPE=WORK,FAX` is "work fax".
fn type_label(line: &Line) -> String {
    let mut words: Vec<String> = line.params("TYPE").filter_map(type_word).collect();
    words.sort_by_key(|word| !matches!(word.as_str(), "work" | "home"));
    words.dedup();
    words.join(" ")
}

/// What a type says to a person; nothing of what every number or address of its kind is.
fn type_word(kind: &str) -> Option<String> {
    let word = kind.to_ascii_lowercase();
    match word.as_str() {
        "pref" | "voice" | "internet" | "x400" | "msg" | "text" | "textphone" | "video" | "iphone" => None,
        "dom" | "intl" | "postal" | "parcel" => None,
        "cell" => Some("mobile".into()),
        "work" | "home" | "fax" | "pager" | "car" | "other" => Some(word),
        _ => Some(kind.to_owned()),
    }
}

fn is_preferred(line: &Line) -> bool {
    line.params("TYPE").any(|kind| kind.eq_ignore_ascii_case("pref")) || line.params("PREF").any(|rank| rank == "1")
}

/// The messenger a property of its own stands for.
fn messenger(name: &str) -> Option<&'static str> {
    Some(match name {
        "X-AIM" => "AIM",
        "X-ICQ" => "ICQ",
        "X-JABBER" => "Jabber",
        "X-MSN" => "MSN",
        "X-YAHOO" => "Yahoo",
        "X-SKYPE" | "X-SKYPE-USERNAME" => "Skype",
        "X-GTALK" | "X-GOOGLE-TALK" => "Google Talk",
        "X-QQ" => "QQ",
        "X-GADUGADU" => "Gadu-Gadu",
        "X-SIP" => "SIP",
        "X-MS-IMADDRESS" => "messenger",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
