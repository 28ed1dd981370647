//! A crowd: as many made-up contacts as a measurement needs, one after the other, so that none has to be kept.

use chrono::{Days, NaiveDate, NaiveTime};

use super::words::*;
use crate::model::*;

/// So many of the crowd work for the same organisation.
const COLLEAGUES: usize = 12;
const MEETINGS: usize = 5;
/// A takeaway is written until it is at least so long; it ends up at about 300 characters.
const TAKEAWAY_CHARACTERS: usize = 270;

/// Made-up contacts for benchmarks, each with what belongs to it: twelve fields and tags, five meetings of about 300
/// characters from some 3,000 words, for every third contact a promise, for every fourth a need.
///
/// Every item holds records that link only to each other and to an organisation of an earlier item. Nothing is kept but
/// the lists of words, so fifty thousand cost no more memory than one. All days lie before 1 July 2026.
///
/// ```
/// let mut random = |bytes: &mut [u8]| getrandom::fill(bytes).expect("the system has random bytes");
/// assert_eq!(kith_core::demo::crowd(3, &mut random).count(), 3);
/// ```
pub fn crowd(contacts: usize, random: Random<'_>) -> impl Iterator<Item = Vec<AnyRecord>> {
    let mut maker = Maker { random, lists: Lists::new(), organisation: Id::default() };
    (0..contacts).map(move |number| maker.contact_and_more(number))
}

struct Lists {
    given: Vec<&'static str>,
    family: Vec<&'static str>,
    nouns: Vec<&'static str>,
    verbs: Vec<&'static str>,
    adjectives: Vec<&'static str>,
    adverbs: Vec<&'static str>,
    company_heads: Vec<&'static str>,
    company_tails: Vec<&'static str>,
    town_heads: Vec<&'static str>,
    town_tails: Vec<&'static str>,
    roles: Vec<&'static str>,
    interests: Vec<&'static str>,
}

impl Lists {
    fn new() -> Self {
        let list = |words: &'static str| words.split_whitespace().collect();
        Self {
            given: list(GIVEN),
            family: list(FAMILY),
            nouns: list(NOUNS),
            verbs: list(VERBS),
            adjectives: list(ADJECTIVES),
            adverbs: list(ADVERBS),
            company_heads: list(COMPANY_HEADS),
            company_tails: list(COMPANY_TAILS),
            town_heads: list(TOWN_HEADS),
            town_tails: list(TOWN_TAILS),
            roles: list(ROLES),
            interests: list(INTERESTS),
        }
    }
}

struct Maker<'r> {
    random: Random<'r>,
    lists: Lists,
    /// Where the contacts of just now work.
    organisation: Id<Organisation>,
}

impl Maker<'_> {
    fn contact_and_more(&mut self, number: usize) -> Vec<AnyRecord> {
        let mut records = Vec::with_capacity(MEETINGS + 4);
        if number.is_multiple_of(COLLEAGUES) {
            let organisation = self.organisation();
            self.organisation = organisation.id;
            records.push(organisation.into());
        }
        let contact = self.contact(number);
        let who = contact.id;
        records.push(contact.into());
        for _ in 0..MEETINGS {
            let meeting = self.meeting(who);
            records.push(meeting.into());
        }
        if number.is_multiple_of(3) {
            records.push(self.promise(who).into());
        }
        if number.is_multiple_of(4) {
            records.push(self.need(who).into());
        }
        records
    }

    fn organisation(&mut self) -> Organisation {
        let name = format!("{} {}", self.company(), self.town());
        Organisation { id: self.fresh(), name, kind: OrganisationKind::Company, ..Organisation::default() }
    }

    fn contact(&mut self, number: usize) -> Contact {
        let given = pick(self.random, &self.lists.given);
        let family = pick(self.random, &self.lists.family);
        let met_on = self.day();
        Contact {
            id: self.fresh(),
            name: format!("{given} {family}"),
            given_name: given.into(),
            family_name: family.into(),
            channels: self.channels(number),
            met_on: Some(met_on),
            met_where: self.town(),
            affiliations: vec![self.affiliation(met_on)],
            level: word(self.random, Level::ALL),
            side: word(self.random, Side::ALL),
            categories: vec![word(self.random, Category::ALL)],
            interests: self.some_interests(2),
            common_ground: self.sentence(),
            tags: self.some_tags(),
            ..Contact::default()
        }
    }

    fn channels(&mut self, number: usize) -> Vec<Channel> {
        let mail = format!("contact{number}@{}.example", self.company().to_lowercase());
        let phone = format!("+44 7700 900{:03}", number % 1000);
        let mut channel = |kind, value, preferred| Channel {
            id: fresh_entry(&mut *self.random),
            kind,
            value,
            preferred,
            ..Channel::default()
        };
        vec![channel(ChannelKind::Mail, mail, true), channel(ChannelKind::Phone, phone, false)]
    }

    fn affiliation(&mut self, known_on: NaiveDate) -> Affiliation {
        Affiliation {
            id: fresh_entry(&mut *self.random),
            organisation: Some(self.organisation),
            role: pick(self.random, &self.lists.roles).into(),
            as_of: Some(known_on),
            ..Affiliation::default()
        }
    }

    fn meeting(&mut self, who: Id<Contact>) -> Meeting {
        let at = self.day().and_time(NaiveTime::MIN).and_utc() + chrono::TimeDelta::hours(9);
        Meeting {
            id: self.fresh(),
            who: vec![who],
            title: format!("{} {}", pick(self.random, &self.lists.adjectives), pick(self.random, &self.lists.nouns)),
            at: Some(Moment::new(at, chrono_tz::Europe::London)),
            minutes: Some(15 * (1 + below(self.random, 6) as u32)),
            mode: word(self.random, Mode::ALL),
            kind: word(self.random, MeetingKind::ALL),
            takeaway: self.paragraph(),
            chemistry: Some(1 + below(self.random, 5) as u32),
            ..Meeting::default()
        }
    }

    fn promise(&mut self, who: Id<Contact>) -> Promise {
        let made_on = self.day();
        Promise {
            id: self.fresh(),
            with: Some(who),
            words: self.sentence(),
            made_on: Some(made_on),
            due: made_on.checked_add_days(Days::new(7)),
            state: word(self.random, PromiseState::ALL),
            ..Promise::default()
        }
    }

    fn need(&mut self, who: Id<Contact>) -> Need {
        Need {
            id: self.fresh(),
            whose: Some(who),
            kind: word(self.random, NeedKind::ALL),
            words: self.sentence(),
            ..Need::default()
        }
    }

    fn fresh<R>(&mut self) -> Id<R> {
        fresh_id(&mut *self.random)
    }

    /// A day of the three years that end with June 2026.
    fn day(&mut self) -> NaiveDate {
        let last = NaiveDate::from_ymd_opt(2026, 6, 30).unwrap_or_default();
        last.checked_sub_days(Days::new(below(self.random, 1095) as u64)).unwrap_or(last)
    }

    fn company(&mut self) -> String {
        let head = pick(self.random, &self.lists.company_heads);
        format!("{head}{}", pick(self.random, &self.lists.company_tails))
    }

    fn town(&mut self) -> String {
        let head = pick(self.random, &self.lists.town_heads);
        format!("{head}{}", pick(self.random, &self.lists.town_tails))
    }

    fn some_interests(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| pick(self.random, &self.lists.interests).replace('-', " ")).collect()
    }

    fn some_tags(&mut self) -> Vec<String> {
        let count = below(self.random, 4);
        (0..count).map(|_| pick(self.random, &self.lists.nouns).to_owned()).collect()
    }

    fn paragraph(&mut self) -> String {
        let mut text = self.sentence();
        while text.chars().count() < TAKEAWAY_CHARACTERS {
            text.push(' ');
            text.push_str(&self.sentence());
        }
        text
    }

    fn sentence(&mut self) -> String {
        let pattern = pick(self.random, SENTENCES);
        let mut text = String::with_capacity(96);
        for part in pattern.split('{') {
            match part.split_once('}') {
                Some((gap, rest)) => {
                    text.push_str(&self.fill(gap));
                    text.push_str(rest);
                }
                None => text.push_str(part),
            }
        }
        text
    }

    fn fill(&mut self, gap: &str) -> String {
        const DAYS: &[&str] = &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        const NUMBERS: &[&str] = &["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"];
        let Self { random, lists, .. } = self;
        match gap {
            "n" => pick(random, &lists.nouns).into(),
            "ns" => with_s(pick(random, &lists.nouns)),
            "v" => pick(random, &lists.verbs).into(),
            "vs" => with_s(pick(random, &lists.verbs)),
            "ved" => format!("{}ed", pick(random, &lists.verbs)),
            "ving" => format!("{}ing", pick(random, &lists.verbs)),
            "a" => pick(random, &lists.adjectives).into(),
            "ly" => pick(random, &lists.adverbs).into(),
            "day" => pick(random, DAYS).into(),
            "num" => pick(random, NUMBERS).into(),
            "co" => self.company(),
            _ => self.town(),
        }
    }
}

/// More than one thing, or what one does: the ending is the same.
fn with_s(word: &str) -> String {
    match word.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if ["s", "x", "z", "ch", "sh"].iter().any(|end| word.ends_with(end)) => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

/// A number from 0 up to, not including, `end`.
fn below(random: Random<'_>, end: usize) -> usize {
    let mut bytes = [0; 4];
    random(&mut bytes);
    ((u64::from(u32::from_le_bytes(bytes)) * end as u64) >> 32) as usize
}

fn pick<'w>(random: Random<'_>, list: &[&'w str]) -> &'w str {
    list.get(below(random, list.len())).copied().unwrap_or_default()
}

fn word<W: Clone + Default>(random: Random<'_>, list: &[W]) -> W {
    list.get(below(random, list.len())).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::tests::seeded;
    use super::*;

    #[test]
    fn a_seed_decides_the_whole_crowd() {
        let crowd_of = |seed| crowd(30, &mut seeded(seed)).collect::<Vec<_>>();
        assert_eq!(crowd_of(1), crowd_of(1));
        assert_ne!(crowd_of(1), crowd_of(2));
    }

    #[test]
    fn each_brings_twelve_fields_and_five_meetings() {
        let mut known = BTreeSet::new();
        let (mut promises, mut needs) = (0, 0);
        for records in crowd(240, &mut seeded(3)) {
            known.extend(records.iter().map(AnyRecord::id));
            for record in &records {
                assert!(record.facts().links.iter().all(|(_, link)| known.contains(link)));
                match record {
                    AnyRecord::Contact(contact) => {
                        // Two of the words may be the empty one, which is not written; id and tags do not count.
                        let fields =
                            contact.to_map().keys().filter(|key| !["id", "tags"].contains(&key.as_str())).count();
                        assert!((10..=13).contains(&fields), "{fields}");
                    }
                    AnyRecord::Meeting(meeting) => {
                        let characters = meeting.takeaway.chars().count();
                        assert!((TAKEAWAY_CHARACTERS..TAKEAWAY_CHARACTERS + 150).contains(&characters), "{characters}");
                    }
                    AnyRecord::Promise(_) => promises += 1,
                    AnyRecord::Need(_) => needs += 1,
                    _ => {}
                }
            }
            assert_eq!(records.iter().filter(|record| record.kind() == Kind::Meeting).count(), MEETINGS);
        }
        assert_eq!((promises, needs), (80, 60));
    }

    #[test]
    fn it_speaks_some_three_thousand_words() {
        let mut vocabulary = BTreeSet::new();
        for records in crowd(2000, &mut seeded(4)) {
            for record in records {
                if let AnyRecord::Meeting(meeting) = record {
                    let words = meeting.takeaway.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
                    vocabulary.extend(words);
                }
            }
        }
        assert!((2700..=3300).contains(&vocabulary.len()), "{}", vocabulary.len());
    }

    #[test]
    fn names_come_from_long_lists_without_repeats() {
        let lists = Lists::new();
        for (list, least) in [
            (&lists.given, 200),
            (&lists.family, 300),
            (&lists.nouns, 350),
            (&lists.verbs, 200),
            (&lists.adjectives, 200),
            (&lists.adverbs, 100),
        ] {
            let distinct: BTreeSet<_> = list.iter().collect();
            assert_eq!(distinct.len(), list.len(), "a word stands twice after {:?}", list.first());
            assert!(list.len() >= least, "{} after {:?}", list.len(), list.first());
        }
    }

    #[test]
    fn gaps_are_filled_and_endings_fit() {
        let mut random = seeded(5);
        let mut maker = Maker { random: &mut random, lists: Lists::new(), organisation: Id::default() };
        for _ in 0..2000 {
            let sentence = maker.sentence();
            assert!(!sentence.contains(['{', '}']), "{sentence}");
        }
        assert_eq!(
            ["fix", "bakery", "valley", "crate", "bench"].map(with_s),
            ["fixes", "bakeries", "valleys", "crates", "benches"]
        );
    }
}
