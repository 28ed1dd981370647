//! A card made to fit a record before anything is written: what is too long is cut or left out, and told.

use serde_json::{Map, Value};

use crate::document::{MAX_TEXT, MAX_VALUE};
use crate::import::Card;
use crate::model::{Contact, Record, Shape};

/// Longest topic, language or other member of a set, in bytes; it is a key in the record.
const MAX_MEMBER: usize = 1000;
/// Longest name of an organisation or key of a card, in bytes: several of them make one value.
const MAX_NAME: usize = 4096;

/// Makes a card fit; answers what was cut or left out, in words.
pub(super) fn fit(card: &mut Card) -> Vec<String> {
    let mut told = Vec::new();
    let mut map = card.contact.to_map();
    for field in Contact::FIELDS {
        let Some(value) = map.get_mut(field.name) else { continue };
        let name = field.name.replace('_', " ");
        match field.shape {
            Shape::Text => fit_text(value, &name, &mut told),
            Shape::Value if value.as_str().is_some_and(|text| text.len() > MAX_VALUE) => {
                told.push(format!("the {name} is longer than {MAX_VALUE} bytes and was left out"));
                *value = Value::Null;
            }
            Shape::Set => {
                keep(value, &mut told, &name, |member| member.as_str().is_none_or(|it| it.len() <= MAX_MEMBER))
            }
            Shape::Map(_) if field.name == "affiliations" => fit_affiliations(card_entries(value), &mut told),
            Shape::Map(_) => keep(value, &mut told, &name, |entry| entry.as_object().is_none_or(has_room)),
            Shape::Value => {}
        }
    }
    if !told.is_empty() {
        card.contact = Contact::from_map(map);
    }
    for organisation in card.organisations.iter_mut().filter(|name| name.len() > MAX_NAME) {
        told.push(format!("the name of an organisation is longer than {MAX_NAME} bytes and was cut"));
        *organisation = cut(organisation, MAX_NAME);
    }
    if card.key.len() > MAX_NAME {
        // As unlike any other as before, and of a length one can keep.
        card.key = format!("long/{}", blake3::hash(card.key.as_bytes()).to_hex());
    }
    fit_kept(card, &mut told);
    told
}

fn fit_text(value: &mut Value, name: &str, told: &mut Vec<String>) {
    let text = value.as_str().unwrap_or_default();
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        told.push(format!("the field \"{name}\" is longer than {MAX_TEXT} characters and was cut there"));
        *value = text[..end].into();
    }
}

fn keep(list: &mut Value, told: &mut Vec<String>, name: &str, fits: impl Fn(&Value) -> bool) {
    for item in card_entries(list).extract_if(.., |item| !fits(item)) {
        let length = item.to_string().len();
        told.push(format!("one of the {name} is {length} bytes long and was left out"));
    }
}

/// Affiliations stand beside their organisations, so none is left out: its words are cut.
fn fit_affiliations(list: &mut [Value], told: &mut Vec<String>) {
    let texts = list.iter_mut().filter_map(Value::as_object_mut).flat_map(|entry| entry.values_mut());
    for value in texts {
        if let Some(text) = value.as_str().filter(|text| text.len() > MAX_NAME) {
            told.push(format!("a role or department is longer than {MAX_NAME} bytes and was cut"));
            *value = cut(text, MAX_NAME).into();
        }
    }
}

fn card_entries(list: &mut Value) -> &mut Vec<Value> {
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    list.as_array_mut().expect("it was made one above")
}

fn has_room(entry: &Map<String, Value>) -> bool {
    entry.values().filter_map(Value::as_str).all(|text| text.len() <= MAX_VALUE)
}

/// What has no place in a contact is one value: its longest lines or columns go first.
fn fit_kept(card: &mut Card, told: &mut Vec<String>) {
    if card.kept.len() <= MAX_VALUE {
        return;
    }
    if let Ok(Value::Object(mut columns)) = serde_json::from_str::<Value>(&card.kept) {
        while Value::Object(columns.clone()).to_string().len() > MAX_VALUE {
            let longest = columns.iter().max_by_key(|(name, value)| name.len() + value.to_string().len());
            let Some(name) = longest.map(|(name, _)| name.clone()) else { break };
            columns.shift_remove(&name);
            told.push(format!("the column {} is too long to be kept and was left out", cut(&name, 40)));
        }
        card.kept = Value::Object(columns).to_string();
        return;
    }
    let mut lines: Vec<&str> = card.kept.lines().collect();
    let mut length = card.kept.len();
    while length > MAX_VALUE {
        let longest = (0..lines.len()).max_by_key(|at| lines[*at].len());
        let Some(line) = longest.map(|at| lines.remove(at)) else { break };
        length -= (line.len() + 1).min(length);
        let name = line.split([':', ';']).next().unwrap_or_default();
        told.push(format!("{} is too long to be kept and was left out", cut(name, 40)));
    }
    card.kept = lines.join("\n");
}

/// The beginning of a text, in at most so many bytes.
fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_string()
}
