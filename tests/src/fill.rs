//! Plausible values for every field of every kind, found by asking the model what it takes: a field that is added to a
//! record is filled from then on.

use std::collections::HashMap;
use std::sync::LazyLock;

use kith_core::model::*;
use serde_json::{Map, Value, json};

use crate::Seeded;

/// Runs an expression with a type parameter that stands for the record type of a kind. A new kind is one word here.
#[macro_export]
macro_rules! of_kind {
    ($kind:expr, $R:ident => $body:expr) => {
        $crate::of_kind!(@ $kind, $R, $body, Contact Organisation Group Event Meeting Note Promise Need Offer Ask
            Exchange Introduction Goal Pitch Accomplishment Benefit Week Review TimeEntry MoneyEntry Profile Settings
            Barrier Import)
    };
    (@ $kind:expr, $R:ident, $body:expr, $($name:ident)*) => {
        match $kind {
            $(kith_core::model::Kind::$name => {
                type $R = kith_core::model::$name;
                $body
            })*
        }
    };
}

/// What a scalar field takes.
#[derive(Clone, Debug, PartialEq)]
enum Takes {
    Flag,
    /// A whole number, perhaps below zero.
    Number {
        negative: bool,
    },
    /// One of these words; any text when there are none.
    Words(Vec<&'static str>),
    Photo,
    Link,
    Day,
    PartialDay,
    Moment,
    Instant,
    Zone,
}

/// Fields that the notebook itself fills.
const NOT_TYPED: &[&str] = &["created_at", "deleted_at", "import"];

/// For each kind and field, `channels/value` for a field of an entry: what it takes.
static TAKES: LazyLock<HashMap<(Kind, String), Takes>> = LazyLock::new(|| {
    let mut takes = HashMap::new();
    for kind in Kind::ALL {
        for field in kind.fields() {
            match field.shape {
                Shape::Map(inner) => inner.iter().for_each(|inner| {
                    let path = format!("{}/{}", field.name, inner.name);
                    takes.insert((*kind, path.clone()), probe(*kind, &path, |value| json!([{ inner.name: value }])));
                }),
                Shape::Set => drop(takes.insert((*kind, field.name.into()), probe(*kind, field.name, |v| json!([v])))),
                Shape::Value | Shape::Text => {
                    drop(takes.insert((*kind, field.name.into()), probe(*kind, field.name, |v| v)))
                }
            }
        }
    }
    takes
});

/// Asks the model, with one value after the other, which it reads as its own.
fn probe(kind: Kind, path: &str, wrap: impl Fn(Value) -> Value) -> Takes {
    let (field, inner) = path.split_once('/').map_or((path, None), |(field, inner)| (field, Some(inner)));
    let read = |value: Value| AnyRecord::from_map(kind, Map::from_iter([(field.to_string(), wrap(value))]));
    let takes = |value: Value| !format!("{:?}", read(value)).contains("unknown: {\"");
    if takes(json!(true)) {
        return Takes::Flag;
    }
    if takes(json!(7)) {
        return Takes::Number { negative: takes(json!(-7)) };
    }
    if takes(json!("some words")) {
        if !read(json!("some words")).facts().blobs.is_empty() {
            return Takes::Photo;
        }
        // A closed list of words shows a word it knows as the name of a variant.
        let known = |word: &&str| {
            let shown = format!("{:?}", read(json!(word)));
            let after = |text: &str, name: &str| text.find(name).map(|at| text[at + name.len()..].to_string());
            let shown = after(&shown, &format!(" {field}: ")).unwrap_or_default();
            let shown = inner.map_or(Some(shown.clone()), |inner| after(&shown, &format!(" {inner}: ")));
            let shown = shown.unwrap_or_default();
            !shown.trim_start_matches('[').starts_with("Other(") && !shown.trim_start_matches('[').starts_with('"')
        };
        return Takes::Words(closed_words().into_iter().filter(known).collect());
    }
    let rest = [
        ("00112233445566778899aabbccddeeff", Takes::Link),
        ("1980", Takes::PartialDay),
        ("2026-11-22", Takes::Day),
        ("2026-11-22T09:30:00Z[Europe/Paris]", Takes::Moment),
        ("2026-11-22T09:30:00Z", Takes::Instant),
        ("Europe/Paris", Takes::Zone),
    ];
    let fits = rest.into_iter().find(|(example, _)| takes(json!(example)));
    fits.unwrap_or_else(|| panic!("tests/src/fill.rs has to learn what {} {path} takes", kind.word())).1
}

/// Every word of every closed list.
fn closed_words() -> Vec<&'static str> {
    let mut words: Vec<&'static str> = Vec::new();
    macro_rules! all {
        ($($name:ident)*) => { $(words.extend($name::ALL.iter().map(|word| word.word()));)* };
    }
    all!(ChannelKind Level Side Category AllyStep Phase OrganisationKind Signal GroupState Attendance Mode MeetingKind
        MeetingState Outcome Whose PromiseKind PromiseState NeedKind OfferKind AskKind Answer Direction ExchangeKind
        Scale GoalState BenefitKind CareerMode Verdict Activity Purpose WeekStart);
    words.retain(|word| !word.is_empty());
    words.sort_unstable();
    words.dedup();
    words
}

const PIECES: &[&str] = &[
    "Dana",
    "Ruiz",
    "Ōsaka",
    "Ełk",
    "warehouse",
    "customs",
    "Jürgen",
    "O’Neill",
    "東京都",
    "नमस्ते",
    "שלום",
    "👩‍👩‍👧",
    "e\u{301}",
    "🇫🇷",
    " ",
    ", ",
    "\n",
    "x",
    "ß",
    "\u{200f}",
    "tea",
    "42",
    "Zoë",
    "/",
    "\"",
    "'",
    "%",
    "\\",
];

/// A few words, of any script.
pub fn words(random: &mut Seeded) -> String {
    (0..=random.below(4)).map(|_| *random.pick(PIECES)).collect::<Vec<_>>().join(if random.below(2) == 0 {
        " "
    } else {
        ""
    })
}

/// The same text with something put in, taken out or both, at any place.
pub fn edited(text: &str, random: &mut Seeded) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if !letters.is_empty() && random.below(3) == 0 {
        let from = random.below(letters.len());
        letters.drain(from..(from + 1 + random.below(6)).min(letters.len()));
    }
    let at = random.below(letters.len() + 1);
    letters.splice(at..at, words(random).chars().collect::<Vec<_>>());
    letters.into_iter().collect()
}

fn scalar(kind: Kind, path: &str, links: &[RecordId], random: &mut Seeded) -> Value {
    let takes = TAKES.get(&(kind, path.to_string())).expect("every field was asked about");
    let day = |random: &mut Seeded| format!("2026-{:02}-{:02}", 10 + random.below(3), 1 + random.below(28));
    match takes {
        Takes::Flag => (random.below(2) == 0).into(),
        Takes::Number { negative } => (random.below(90) as i64 - if *negative { 30 } else { 0 }).into(),
        // Now and then a word of a newer version.
        Takes::Words(known) if !known.is_empty() && random.below(8) > 0 => (*random.pick(known)).into(),
        Takes::Words(_) => words(random).into(),
        Takes::Photo => BlobId::of(&photo(random.below(3) as u8)).0.into(),
        Takes::Link if !links.is_empty() => random.pick(links).to_string().into(),
        Takes::Link => RecordId([7; 16]).to_string().into(),
        Takes::Day => day(random).into(),
        Takes::PartialDay => match random.below(4) {
            0 => "1980".into(),
            1 => "1980-02".into(),
            2 => format!("--{}", &day(random)[5..]).into(),
            _ => day(random).into(),
        },
        Takes::Moment => format!("{}T{:02}:30:00Z[Europe/Paris]", day(random), random.below(24)).into(),
        Takes::Instant => format!("{}T09:30:00Z", day(random)).into(),
        Takes::Zone => (*random.pick(&["Europe/Paris", "Asia/Tokyo", "America/Lima"])).into(),
    }
}

/// A small picture, or what looks like one.
pub fn photo(number: u8) -> Vec<u8> {
    [&[0xff, 0xd8, 0xff], &[number; 40][..]].concat()
}

/// Changes up to `most` fields of a record as a person might, and says which.
pub fn change(kind: Kind, map: &mut Map<String, Value>, links: &[RecordId], most: usize, random: &mut Seeded) {
    let fields: Vec<&FieldInfo> = kind.fields().iter().filter(|field| !NOT_TYPED.contains(&field.name)).collect();
    for _ in 0..=random.below(most) {
        let field = random.pick(&fields);
        let list =
            |map: &Map<String, Value>| map.get(field.name).and_then(Value::as_array).cloned().unwrap_or_default();
        match field.shape {
            Shape::Value if random.below(6) == 0 => drop(map.shift_remove(field.name)),
            Shape::Value => drop(map.insert(field.name.into(), scalar(kind, field.name, links, random))),
            Shape::Text => {
                let before = map.get(field.name).and_then(Value::as_str).unwrap_or_default();
                map.insert(field.name.into(), edited(before, random).into());
            }
            Shape::Set => {
                let mut members = list(map);
                if !members.is_empty() && random.below(3) == 0 {
                    members.remove(random.below(members.len()));
                } else {
                    members.push(scalar(kind, field.name, links, random));
                }
                map.insert(field.name.into(), members.into());
            }
            Shape::Map(inner) => {
                let mut entries = list(map);
                change_entries(kind, field.name, inner, &mut entries, links, random);
                map.insert(field.name.into(), entries.into());
            }
        }
    }
}

fn change_entries(
    kind: Kind,
    field: &str,
    inner: &[FieldInfo],
    entries: &mut Vec<Value>,
    links: &[RecordId],
    random: &mut Seeded,
) {
    match random.below(4) {
        0 if !entries.is_empty() => drop(entries.remove(random.below(entries.len()))),
        1 | 2 if !entries.is_empty() => {
            let at = random.below(entries.len());
            let name = random.pick(inner).name;
            let value = scalar(kind, &format!("{field}/{name}"), links, random);
            entries[at].as_object_mut().expect("entries are maps").insert(name.into(), value);
        }
        _ => {
            let names: Vec<&str> = inner.iter().map(|inner| inner.name).filter(|_| random.below(3) > 0).collect();
            let values = names
                .into_iter()
                .map(|name| (name.to_string(), scalar(kind, &format!("{field}/{name}"), links, random)));
            entries.push(Value::Object(values.collect()));
        }
    }
}

/// What is known of the generator itself.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_knows_what_every_field_takes() {
        let takes = |kind, field: &str| TAKES[&(kind, field.to_string())].clone();
        assert_eq!(takes(Kind::Contact, "spark"), Takes::Flag);
        assert_eq!(takes(Kind::Contact, "birthday"), Takes::PartialDay);
        assert_eq!(takes(Kind::Contact, "met_on"), Takes::Day);
        assert_eq!(takes(Kind::Contact, "photo"), Takes::Photo);
        assert_eq!(takes(Kind::Contact, "same_as"), Takes::Link);
        assert_eq!(takes(Kind::Contact, "affiliations/since"), Takes::PartialDay);
        assert_eq!(takes(Kind::Meeting, "at"), Takes::Moment);
        assert_eq!(takes(Kind::Import, "at"), Takes::Instant);
        assert_eq!(takes(Kind::Settings, "zone"), Takes::Zone);
        assert_eq!(takes(Kind::MoneyEntry, "minor_units"), Takes::Number { negative: true });
        assert_eq!(takes(Kind::TimeEntry, "minutes"), Takes::Number { negative: false });
        assert_eq!(takes(Kind::Promise, "words"), Takes::Words(vec![]));
        assert_eq!(takes(Kind::Promise, "state"), Takes::Words(vec!["broken", "kept", "open", "released"]));
        assert_eq!(takes(Kind::Contact, "channels/value"), Takes::Words(vec![]));
        let Takes::Words(kinds) = takes(Kind::Contact, "channels/kind") else { panic!("words") };
        assert!(kinds.contains(&"mail"));
        let Takes::Words(categories) = takes(Kind::Contact, "categories") else { panic!("words") };
        assert!(categories.contains(&"alumni"));
    }
}
