//! A jot becomes records: one commit, nothing asked.

use std::collections::HashMap;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::{Notebook, Writing};
use crate::error::{Error, Result};
use crate::jot::{Context, Draft, Parsed};
use crate::model::*;
use crate::query::words::{folded, words};
use crate::query::{LookAlike, PersonRow, pages};

/// What a jot became.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Jotted {
    /// The person it is about; none for a line of nothing but promises to oneself.
    pub contact: Option<Id<Contact>>,
    /// How the person is called.
    pub name: String,
    /// The person was known, for certain.
    pub known: bool,
    /// Records written, by the word of their kind.
    pub wrote: Vec<String>,
    /// People who may be the same, with the reason. Offered, never decided.
    pub same_as: Vec<LookAlike>,
}

/// Words, and the day that stood in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct WordsAndDay {
    /// The words, without those of a day that stood at their end.
    pub words: String,
    /// The day.
    pub day: Option<chrono::NaiveDate>,
}

impl Notebook {
    /// What days in a line are reckoned from.
    ///
    /// # Errors
    /// As any question.
    pub fn jot_context(&self) -> Result<Context> {
        let settings = self.settings()?;
        Ok(Context {
            today: self.day_in(settings.zone.unwrap_or_else(|| self.zone_of_device())),
            week_start: settings.week_start,
        })
    }

    /// Reads a line and writes what it says; a shorthand for parsing, and [`Notebook::jot`].
    ///
    /// # Errors
    /// [`Error::Invalid`] when the line is empty or too long; otherwise as [`Notebook::commit`].
    pub fn jot_line(&self, line: &str) -> Result<Jotted> {
        self.jot(&self.parse_jot(line)?.draft)
    }

    /// Reads a line as it is typed: what it says, and the pieces it is made of. Writes nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the line is too long.
    pub fn parse_jot(&self, line: &str) -> Result<Parsed> {
        crate::jot::parse_and_show(line, &self.jot_context()?).map_err(|long| Error::Invalid(long.to_string()))
    }

    /// Words of which the last may be a day, taken apart: "call her by tue" is "call her" and that Tuesday. A day in the
    /// middle is read, and stays where it is.
    ///
    /// # Errors
    /// As any question.
    pub fn words_and_day(&self, typed: &str) -> Result<WordsAndDay> {
        let words: Vec<&str> = typed.split_whitespace().collect();
        let found = crate::jot::days::find(&words, &self.jot_context()?).filter(|found| found.from > 0);
        let day = found.as_ref().map(|found| found.day);
        let words = match found {
            Some(found) if found.at_end => words[..found.from].join(" "),
            _ => typed.trim().to_string(),
        };
        Ok(WordsAndDay { words, day })
    }

    /// Writes what a draft says, in one commit.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is nothing in it; otherwise as [`Notebook::commit`].
    pub fn jot(&self, draft: &Draft) -> Result<Jotted> {
        if *draft == (Draft { line: draft.line.clone(), ..Draft::default() }) && !draft.line.trim().starts_with('?') {
            return Err(Error::Invalid(
                "there is nothing to jot down; write a name, or ? when you do not know it".into(),
            ));
        }
        let (event, zone) = (self.running_event()?, self.zone()?);
        let (day, writing) = (self.day_in(zone), self.write());
        let mut jot = Jot { event, zone, day, writing, wrote: Vec::new(), said_otherwise: Vec::new() };
        let (contact, known) = jot.person(draft)?;
        let others = jot.others(draft, contact)?;
        let subjects = contact.map_or_else(|| others.clone(), |contact| vec![contact]);
        let subject = Some(&subjects).filter(|all| all.len() == 1).and_then(|all| all.first().copied());
        for subject in several_or_nobody(&subjects) {
            jot.promises(draft, subject)?;
            jot.exchange(draft, subject)?;
        }
        jot.note(draft, contact, &others)?;
        let Jot { writing, wrote, .. } = jot;
        writing.commit()?;
        let mut jotted = Jotted { contact: subject, name: String::new(), known, wrote, same_as: Vec::new() };
        if let Some(id) = subject {
            (jotted.name, jotted.same_as) = self.read(|connection| pages::name_and_look_alikes(connection, id))?;
            if !jotted.known && contact.is_some() {
                let alike = self.of_this_first_name(id, draft)?;
                jotted
                    .same_as
                    .extend(alike.into_iter().map(|person| LookAlike { person, why: "the same first name".into() }));
            }
        }
        Ok(jotted)
    }
}

/// Each of these people, or nobody once.
fn several_or_nobody(subjects: &[Id<Contact>]) -> Vec<Option<Id<Contact>>> {
    if subjects.is_empty() { vec![None] } else { subjects.iter().copied().map(Some).collect() }
}

/// Most people of a first name that are offered as the same; of more, none.
const MOST_OF_A_NAME: usize = 3;

impl Notebook {
    /// Known people whose first name is all that was typed, when they are few and the organisation does not disagree.
    fn of_this_first_name(&self, new: Id<Contact>, draft: &Draft) -> Result<Vec<PersonRow>> {
        let typed = words(draft.name.as_deref().unwrap_or_default());
        let [first] = typed.as_slice() else { return Ok(Vec::new()) };
        let named = self.people_named(first, pages::MAX_ROWS as usize)?;
        let fits = |contact: &&Contact| {
            let name = words(&contact.name);
            contact.id != new && name.len() > 1 && name.first() == Some(first)
        };
        let fitting: Vec<Contact> = named.iter().filter(fits).cloned().collect();
        if fitting.len() > MOST_OF_A_NAME {
            return Ok(Vec::new());
        }
        let mut rows = self.read(|connection| pages::rows(connection, &fitting))?;
        let ours = folded(&draft.organisation);
        rows.retain(|row| ours.is_empty() || row.organisation.is_empty() || folded(&row.organisation) == ours);
        Ok(rows)
    }
}

struct Jot<'a> {
    writing: Writing<'a>,
    event: Option<Event>,
    zone: chrono_tz::Tz,
    day: chrono::NaiveDate,
    wrote: Vec<String>,
    /// Names as they were typed of what is known under another spelling, so that the spelling is not lost.
    said_otherwise: Vec<String>,
}

/// Whether a name has a character that the known one has not: `Ann Lee 📞` of Ann Lee.
fn says_more(typed: &str, known: &str) -> bool {
    let seen = |text: &str| text.nfc().flat_map(char::to_lowercase).filter(|c| !c.is_whitespace()).collect::<String>();
    let mut left: HashMap<char, i64> = HashMap::new();
    seen(known).chars().for_each(|c| *left.entry(c).or_default() += 1);
    seen(typed).chars().for_each(|c| *left.entry(c).or_default() -= 1);
    left.values().any(|count| *count < 0)
}

impl Jot<'_> {
    fn put<R: Record>(&mut self, record: R) -> Result<Id<R>> {
        self.wrote.push(R::KIND.word().into());
        self.writing.put(record)
    }

    fn event(&self) -> Option<Id<Event>> {
        self.event.as_ref().map(|event| event.id)
    }

    /// The person before the first mark: known for certain, or new. None when the line is about those named with `@`, or
    /// about nobody.
    fn person(&mut self, draft: &Draft) -> Result<(Option<Id<Contact>>, bool)> {
        if !draft.has_somebody() {
            return Ok((None, false));
        }
        let name = draft.name.as_deref().unwrap_or_default();
        let known = self.writing.notebook.certain_match(name, &draft.organisation)?;
        let affiliation = self.affiliation(draft)?;
        if let Some(id) = known {
            self.wrote.push("contact".into());
            let mut known_as = String::new();
            self.writing.edit(id, |contact: &mut Contact| {
                known_as.clone_from(&contact.name);
                add_to(contact, draft, affiliation);
            })?;
            self.heard(name, &known_as);
            return Ok((Some(id), true));
        }
        let mut contact = self.new_person(name);
        add_to(&mut contact, draft, affiliation);
        Ok((Some(self.put(contact)?), false))
    }

    fn heard(&mut self, typed: &str, known: &str) {
        if says_more(typed, known) {
            self.said_otherwise.push(typed.into());
        }
    }

    fn new_person(&self, name: &str) -> Contact {
        let place = self.event.as_ref().map(|event| if event.place.is_empty() { &event.title } else { &event.place });
        Contact {
            name: name.into(),
            met_on: Some(self.day),
            met_at: self.event(),
            met_where: place.cloned().unwrap_or_default(),
            ..Contact::default()
        }
    }

    fn affiliation(&mut self, draft: &Draft) -> Result<Option<Affiliation>> {
        if draft.organisation.is_empty() && draft.role.is_empty() {
            return Ok(None);
        }
        let organisation = match draft.organisation.as_str() {
            "" => None,
            name => {
                self.wrote.push("organisation".into());
                let id = self.writing.organisation(name)?;
                if let Some(known) = self.writing.notebook.get::<Organisation>(id)? {
                    self.heard(name, &known.name);
                }
                Some(id)
            }
        };
        let as_of = Some(self.day);
        Ok(Some(Affiliation { organisation, role: draft.role.clone(), as_of, ..Affiliation::default() }))
    }

    /// People named with `@`, each once: those known for certain, and new ones. Without a person before the first mark,
    /// the topics are theirs, and it clicked with them.
    fn others(&mut self, draft: &Draft, contact: Option<Id<Contact>>) -> Result<Vec<Id<Contact>>> {
        let said = match contact {
            Some(_) => Draft::default(),
            None => Draft { topics: draft.topics.clone(), spark: draft.spark, ..Draft::default() },
        };
        let mut others = Vec::new();
        for (at, name) in draft.people.iter().enumerate() {
            let is_same =
                |before: &&String| *before == name || !folded(name).is_empty() && folded(before) == folded(name);
            if let Some(before) = draft.people[..at].iter().find(is_same) {
                self.heard(name, before);
                continue;
            }
            others.push(self.other(name, &said, contact)?);
        }
        Ok(others)
    }

    fn other(&mut self, name: &str, said: &Draft, through: Option<Id<Contact>>) -> Result<Id<Contact>> {
        if let Some(id) = self.writing.notebook.certain_match(name, "")? {
            if let Some(known) = self.writing.notebook.get::<Contact>(id)? {
                self.heard(name, &known.name);
            }
            if *said != Draft::default() {
                self.writing.edit(id, |contact: &mut Contact| add_to(contact, said, None))?;
            }
            return Ok(id);
        }
        let mut contact = Contact { met_through: through, met_on: None, met_at: None, ..self.new_person(name) };
        add_to(&mut contact, said, None);
        self.put(contact)
    }

    fn promises(&mut self, draft: &Draft, with: Option<Id<Contact>>) -> Result<()> {
        for promise in &draft.promises {
            // With nobody to promise it to, it is a promise to oneself.
            let whose =
                if with.is_none() && promise.whose == Whose::Mine { Whose::Myself } else { promise.whose.clone() };
            self.put(Promise {
                whose,
                with,
                words: promise.words.clone(),
                kind: promise.kind.clone(),
                due: promise.due,
                made_on: Some(self.day),
                event: self.event(),
                ..Promise::default()
            })?;
        }
        Ok(())
    }

    fn exchange(&mut self, draft: &Draft, whose: Option<Id<Contact>>) -> Result<()> {
        let event = self.event();
        for need in &draft.needs {
            let (kind, words, decide_on) = (need.kind.clone(), need.words.clone(), need.decide_on);
            self.put(Need { whose, kind, words, decide_on, event, ..Need::default() })?;
        }
        for words in &draft.offers {
            self.put(Offer { whose, words: words.clone(), event, ..Offer::default() })?;
        }
        Ok(())
    }

    /// The note; or, when the line was all marks, the line as it was typed, so that its wording stays. So does that of a
    /// name which is known in fewer characters.
    fn note(&mut self, draft: &Draft, contact: Option<Id<Contact>>, others: &[Id<Contact>]) -> Result<()> {
        let marks = draft.promises.len() + draft.needs.len() + draft.offers.len() + others.len();
        let otherwise = self.said_otherwise.join(", ");
        let body = match (draft.note.as_str(), draft.line.trim()) {
            ("", line) if !line.is_empty() && (marks > 0 || !otherwise.is_empty()) => line.to_string(),
            ("", _) => otherwise,
            (note, _) if otherwise.is_empty() => note.to_string(),
            (note, _) => format!("{otherwise}\n{note}"),
        };
        // With a person the topics are theirs; without one they would be lost.
        let topics = if contact.is_none() { draft.topics.clone() } else { Vec::new() };
        if body.is_empty() && topics.is_empty() {
            return Ok(());
        }
        let at = Some(Moment::new(self.writing.now(), self.zone));
        let about: Vec<Id<Contact>> = contact.into_iter().chain(others.iter().copied()).collect();
        self.put(Note { body, about, event: self.event(), at, topics, ..Note::default() })?;
        Ok(())
    }
}

/// What a line adds to a person; nothing that is there is replaced.
fn add_to(contact: &mut Contact, draft: &Draft, affiliation: Option<Affiliation>) {
    for channel in &draft.channels {
        if !contact.channels.iter().any(|known| known.value == channel.value) {
            contact.channels.push(channel.clone());
        }
    }
    for topic in draft.topics.iter().filter(|topic| !topic.is_empty()) {
        if !contact.tags.contains(topic) {
            contact.tags.push(topic.clone());
        }
    }
    contact.spark |= draft.spark;
    if let Some(new) = affiliation {
        let same_place =
            contact.affiliations.iter_mut().find(|old| old.until.is_none() && old.organisation == new.organisation);
        match same_place {
            Some(old) if new.role.is_empty() || old.role == new.role => old.as_of = new.as_of,
            Some(old) if old.role.is_empty() => (old.role, old.as_of) = (new.role, new.as_of),
            _ => contact.affiliations.push(new),
        }
    }
}
