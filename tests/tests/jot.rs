//! What is jotted down is in the notebook: every piece of a line, whatever it is made of, is found again in a record.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;

use kith_core::jot::{Draft, SpanKind};
use kith_core::model::*;
use kith_core::notebook::Notebook;
use tests::{Device, Seeded};

/// Lines in every run; `KITH_CASES` asks for more.
const LINES: u64 = 150;

fn device() -> (tempfile::TempDir, Device) {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::new(folder.path(), "phone", 11);
    (folder, device)
}

/// Every record of a kind.
fn all<R: Record>(notebook: &Notebook) -> Vec<R> {
    notebook.newest(1000).unwrap()
}

fn sorted(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.into_iter().collect();
    texts.sort_unstable();
    texts
}

#[test]
fn whatever_is_typed_is_kept_also_a_topic_or_a_spark_alone() {
    for (line, topics, spark) in [("#lyon", vec!["lyon"], false), ("*", vec![], true), ("#lyon *", vec!["lyon"], true)]
    {
        let (_tmp, phone) = device();
        let jotted = phone.notebook.jot_line(line).unwrap();
        let page = phone.notebook.person(jotted.contact.unwrap()).unwrap();
        assert_eq!((page.contact.tags, page.contact.spark), (topics.iter().map(ToString::to_string).collect(), spark));
        assert_eq!(jotted.name, "someone met on 2026-11-22", "{line}");
    }
    let (_tmp, phone) = device();
    phone.notebook.jot_line("!order cards #admin").unwrap();
    let notes: Vec<Note> = all(&phone.notebook);
    assert_eq!((notes[0].body.as_str(), &notes[0].topics), ("!order cards #admin", &vec!["admin".to_string()]));
    assert!(all::<Contact>(&phone.notebook).is_empty(), "a promise to oneself is about nobody");
}

#[test]
fn what_is_said_of_several_people_is_written_for_each_of_them() {
    let (_tmp, phone) = device();
    let line = "@Ben Okoye @Chi Wu ?needs a warehouse !send the list +knows brokers #lyon * @Ben Okoye";
    let jotted = phone.notebook.jot_line(line).unwrap();
    assert_eq!(jotted.contact, None);
    let people: Vec<Contact> = all(&phone.notebook);
    assert_eq!(people.len(), 2);
    for contact in &people {
        let page = phone.notebook.person(contact.id).unwrap();
        assert_eq!(page.needs[0].words, "needs a warehouse", "{}", contact.name);
        assert_eq!((page.promises[0].words.as_str(), &page.promises[0].whose), ("send the list", &Whose::Mine));
        assert_eq!(page.offers[0].words, "knows brokers");
        assert_eq!((&page.contact.tags, page.contact.spark), (&vec!["lyon".to_string()], true));
        assert_eq!(page.notes.len(), 1, "the line as it was typed");
    }
    assert_eq!(all::<Promise>(&phone.notebook).len(), 2);
    // With a person before the first mark, the others are only mentioned.
    let (_tmp, phone) = device();
    let dana = phone.notebook.jot_line("Dana Ruiz @Ben Okoye @Chi Wu !send the list").unwrap().contact;
    assert_eq!(all::<Promise>(&phone.notebook).iter().map(|promise| promise.with).collect::<Vec<_>>(), [dana]);
}

/// A line drawn from what the grammar is about, and from any script.
fn line(random: &mut Seeded) -> String {
    const PIECES: &[&str] = &[
        "!",
        "!!",
        "?",
        "+",
        "@",
        "#",
        "*",
        " * ",
        "\\",
        ",",
        ", ",
        " ",
        " ",
        " ",
        "\n",
        "by tue",
        " by 12 Mar",
        "next week",
        "Dana Ruiz",
        " #lyon",
        " #paris",
        "#x:)",
        "@Ben Okoye ",
        " @Chi Wu ",
        "@田中",
        " !send it",
        " !!the list",
        " ?a warehouse",
        " +knows brokers",
        "a@b.co",
        "(b@x.org)",
        "+33 6 12 34 56 78",
        "www.x.org/a",
        "Acme",
        "東京",
        "é",
        "e\u{301}",
        "👩‍👧",
        "🎉",
        ":)",
        "עברית",
        "ก็",
        "\u{202e}",
        "?, ",
        "? ",
        "Straße",
        "İ",
    ];
    (0..1 + random.below(12)).map(|_| *random.pick(PIECES)).collect()
}

/// Everything that can be read in the records of a notebook.
fn everything(notebook: &Notebook) -> String {
    let mut texts = Vec::new();
    for contact in all::<Contact>(notebook) {
        texts.extend([contact.name].into_iter().chain(contact.tags));
        texts.extend(contact.channels.into_iter().map(|channel| channel.value));
        texts.extend(contact.affiliations.into_iter().map(|at| at.role));
    }
    texts.extend(all::<Organisation>(notebook).into_iter().map(|organisation| organisation.name));
    texts.extend(all::<Promise>(notebook).into_iter().map(|promise| promise.words));
    texts.extend(all::<Need>(notebook).into_iter().map(|need| need.words));
    texts.extend(all::<Offer>(notebook).into_iter().map(|offer| offer.words));
    texts.extend(all::<Note>(notebook).into_iter().flat_map(|note| [note.body].into_iter().chain(note.topics)));
    texts.concat()
}

/// The characters of a line that became a field or set its parts apart, by the pieces it was read as.
fn consumed(notebook: &Notebook, line: &str) -> String {
    let mut gone = String::new();
    for span in notebook.parse_jot(line).unwrap().spans {
        match span.kind {
            SpanKind::Day | SpanKind::Spark => gone.push_str(&span.text),
            SpanKind::Separator => gone.extend(span.text.chars().filter(|c| ",.;:".contains(*c))),
            SpanKind::PromiseTheirs => gone.push_str("!!"),
            SpanKind::Channel => gone.extend(span.text.chars().filter(|c| "<>()\"',.;:".contains(*c))),
            SpanKind::PromiseMine | SpanKind::Need | SpanKind::Offer | SpanKind::Person | SpanKind::Topic => {
                gone.extend(span.text.chars().next());
            }
            _ => {}
        }
        gone.extend(span.text.chars().filter(|c| *c == '\\'));
    }
    gone
}

fn assert_nothing_is_lost(known: &str, line: &str) {
    let (_tmp, phone) = device();
    let ann = phone.notebook.jot_line(known).unwrap().contact;
    let gone = consumed(&phone.notebook, line);
    let jotted = phone.notebook.jot_line(line).unwrap();
    if jotted.known {
        assert_eq!(jotted.contact, ann, "{line:?}");
    }
    let kept = everything(&phone.notebook);
    let mut left: HashMap<char, i64> = HashMap::new();
    kept.chars().chain(gone.chars()).for_each(|c| *left.entry(c).or_default() += 1);
    line.chars().for_each(|c| *left.entry(c).or_default() -= i64::from(!c.is_alphanumeric()));
    left.retain(|c, count| *count < 0 && !c.is_whitespace());
    assert!(left.is_empty(), "{left:?} of {line:?} is lost: {kept:?}");
    let letters = line.chars().filter(|c| c.is_alphanumeric());
    let missing: String = letters.filter(|c| !kept.contains(*c) && !gone.contains(*c)).collect();
    assert!(missing.is_empty(), "{missing:?} of {line:?} is lost: {kept:?}");
}

#[test]
fn what_stands_beside_a_known_name_is_kept_whatever_it_is_made_of() {
    for line in [
        "Ann Lee +🚗",
        "Ann Lee !🎁",
        "Ann Lee !!🎉",
        "Ann Lee ?🚗",
        "Ann Lee #🐸.",
        "Ann Lee @🎉",
        "Ann Lee @🎉 @🐸 there",
        "Ann Lee 📞",
        "🎉 Ann Lee",
        "Ann Lee :)",
        "Ann Lee & ",
        "Ann Lee ...",
        "Ann Lee :) !call her\nsoon",
        "Ann Lee https://x.y/<zq>",
        "Ann Lee, Acme 🎁",
        "Ann Lee, Acme ... #x rest",
        "Ann Lee @Bo Ek @Bo (Ek there",
    ] {
        assert_nothing_is_lost("Ann Lee, Acme", line);
    }
    let (_tmp, phone) = device();
    let ann = phone.notebook.jot_line("Ann Lee").unwrap().contact;
    for line in ["Ann Lee", "ann lee", " Ann  Lee ,"] {
        assert_eq!(phone.notebook.jot_line(line).unwrap().contact, ann);
    }
    assert!(all::<Note>(&phone.notebook).is_empty(), "a name alone says nothing more");
    phone.notebook.jot_line("Ann Lee 📞").unwrap();
    let notes = phone.notebook.person(ann.unwrap()).unwrap().notes;
    assert_eq!(notes.iter().map(|note| note.body.as_str()).collect::<Vec<_>>(), ["Ann Lee 📞"]);
}

#[test]
fn no_character_of_a_line_about_somebody_known_is_lost() {
    const PIECES: &[&str] = &[
        " ",
        " ",
        " ",
        " ",
        ", ",
        ", Acme",
        " !",
        " !!",
        " ?",
        " +",
        " #",
        " @",
        "🚗",
        "🎁",
        "€",
        "$5",
        "\"x\"",
        "«nö»",
        "(x)",
        "¿q?",
        "...",
        ":)",
        "&",
        "by tue",
        " *",
        "*",
        " #1",
        " +5",
        "\\",
        "\n",
        "call her",
        "https://x.y/<zq>",
        "b@x.org",
        "@Ann Lee",
        "@Bo",
        "#lyon",
        "+33 6 12 34 56 78",
        "é",
        "'",
        "[",
        "]",
        "<",
        ">",
    ];
    let lines = std::env::var("KITH_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(LINES);
    for seed in 0..lines {
        let mut random = Seeded(seed);
        let front = if random.below(4) == 0 { *random.pick(PIECES) } else { "" };
        let rest: String = (0..random.below(6)).map(|_| *random.pick(PIECES)).collect();
        assert_nothing_is_lost("Ann Lee, Acme", &format!("{front}Ann Lee{rest}"));
    }
}

/// Compares what a notebook with nothing else in it holds with what was drafted, by the texts.
fn assert_kept(notebook: &Notebook, draft: &Draft, case: &str) {
    let people: Vec<Contact> = all(notebook);
    let notes: Vec<Note> = all(notebook);
    let named = |name: &str| people.iter().any(|contact| contact.name == name);
    let times = if draft.has_somebody() { 1 } else { people.len().max(1) };
    let repeat = |texts: Vec<String>| sorted(texts.iter().flat_map(|text| std::iter::repeat_n(text.clone(), times)));
    let due = |words: &str, day: Option<chrono::NaiveDate>| format!("{words} {day:?}");

    assert!(draft.name.iter().chain(&draft.people).all(|name| named(name)), "a name: {case}");
    let promises = draft.promises.iter().map(|promise| due(&promise.words, promise.due)).collect();
    let kept = all::<Promise>(notebook).into_iter().map(|promise| due(&promise.words, promise.due));
    assert_eq!(sorted(kept), repeat(promises), "promises: {case}");
    let needs = draft.needs.iter().map(|need| due(&need.words, need.decide_on)).collect();
    let kept = all::<Need>(notebook).into_iter().map(|need| due(&need.words, need.decide_on));
    assert_eq!(sorted(kept), repeat(needs), "needs: {case}");
    let kept = all::<Offer>(notebook).into_iter().map(|offer| offer.words);
    assert_eq!(sorted(kept), repeat(draft.offers.clone()), "offers: {case}");
    for topic in &draft.topics {
        let is_kept = people.iter().any(|contact| contact.tags.contains(topic))
            || notes.iter().any(|note| note.topics.contains(topic));
        assert!(is_kept, "the topic {topic}: {case}");
    }
    for channel in &draft.channels {
        let is_kept = people.iter().any(|contact| contact.channels.iter().any(|known| known.value == channel.value))
            || notes.iter().any(|note| note.body.contains(&channel.value));
        assert!(is_kept, "{}: {case}", channel.value);
    }
    assert!(!draft.spark || people.iter().any(|contact| contact.spark), "the spark: {case}");
    assert!(draft.note.is_empty() || notes.iter().any(|note| note.body == draft.note), "the note: {case}");
    let affiliations: Vec<&Affiliation> = people.iter().flat_map(|contact| &contact.affiliations).collect();
    assert!(draft.role.is_empty() || affiliations.iter().any(|at| at.role == draft.role), "the role: {case}");
    let organisations: Vec<Organisation> = all(notebook);
    let is_kept = organisations.iter().any(|organisation| organisation.name == draft.organisation);
    assert!(draft.organisation.is_empty() || is_kept, "the organisation: {case}");
}

#[test]
fn every_piece_of_a_line_is_found_in_what_the_notebook_stores() {
    let lines = std::env::var("KITH_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(LINES);
    for seed in 0..lines {
        let line = line(&mut Seeded(seed));
        let (_tmp, phone) = device();
        let draft = phone.notebook.parse_jot(&line).unwrap().draft;
        let case = format!("seed {seed}, {line:?}, read as {draft:?}");
        match phone.notebook.jot(&draft) {
            Ok(jotted) => {
                assert!(!jotted.wrote.is_empty(), "acknowledged and nothing written: {case}");
                assert_kept(&phone.notebook, &draft, &case);
            }
            // Only what says nothing at all is refused.
            Err(refused) => assert!(line.chars().all(|c| c.is_whitespace() || c == ','), "{refused}: {case}"),
        }
    }
}
