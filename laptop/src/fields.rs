//! Fields of a record as a person reads them, whatever its kind: by what the record declares, so that none is left out.

use kith_core::model::record::DELETED_AT;
use kith_core::model::{AnyRecord, FieldInfo, Kind, Moment, PartialDate, RecordId, Shape, Takes};
use serde_json::{Map, Value};

use crate::app::App;
use crate::failure::Failure;
use crate::layout::{clean, cut};
use crate::{days, show};

/// What a notebook keeps for itself in every record.
pub(crate) const KEPT_ASIDE: [&str; 6] = ["id", "same_as", "not_same_as", "created_at", DELETED_AT, "import"];

/// What an import keeps in a source for the next one.
const OF_IMPORTS: [&str; 4] = ["import", "kept", "changed", "position"];

/// Where an entry stands among its like.
const PLACE: &str = "place";

/// A field's name in words.
pub(crate) fn label(name: &str) -> String {
    name.strip_suffix("_minor_units").unwrap_or(name).replace('_', " ")
}

/// Every field that says something, a line each, but for those that are left out.
pub(crate) fn lines(
    app: &App,
    kind: Kind,
    fields: &Map<String, Value>,
    leave_out: &[&str],
) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for field in kind.fields().iter().filter(|field| !leave_out.contains(&field.name)) {
        let words = match (fields.get(field.name), field.shape) {
            (Some(Value::Array(list)), Shape::Map(parts)) => in_order(list, parts)
                .into_iter()
                .map(|entry| entry_words(app, parts, entry))
                .collect::<Result<_, _>>()?,
            (Some(Value::Array(list)), _) => vec![joined(app, field, list)?],
            (Some(value), _) => vec![value_words(app, field, value)?],
            (None, _) => meant_by_nothing(field),
        };
        let words = words.iter().map(|words| words.trim()).filter(|words| !words.is_empty());
        lines.extend(words.map(|words| format!("{}: {words}", first_letter_large(&label(field.name)))));
    }
    let is_known = |name: &str| kind.fields().iter().any(|field| field.name == name) || name == "id";
    for (name, value) in fields.iter().filter(|(name, _)| !is_known(name)) {
        lines.push(format!("{}: {} (of a newer version of Kith)", clean(name), clean(&value.to_string())));
    }
    Ok(lines)
}

/// A closed list begins with the word that an empty field means.
fn meant_by_nothing(field: &FieldInfo) -> Vec<String> {
    match field.takes {
        Takes::OneOf([first, ..]) if field.shape == Shape::Value => vec![(*first).to_string()],
        _ => Vec::new(),
    }
}

fn joined(app: &App, field: &FieldInfo, list: &[Value]) -> Result<String, Failure> {
    let words = list.iter().map(|value| value_words(app, field, value)).collect::<Result<Vec<_>, _>>()?;
    Ok(words.join(", "))
}

/// The entries by their place where they have one, else by their day.
fn in_order<'a>(list: &'a [Value], parts: &[FieldInfo]) -> Vec<&'a Value> {
    let day = parts.iter().find(|part| matches!(part.takes, Takes::Day)).map_or("", |part| part.name);
    let mut entries: Vec<&Value> = list.iter().collect();
    entries.sort_by_key(|entry| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        (entry.get(PLACE).and_then(Value::as_u64), text(day))
    });
    entries
}

/// An entry in one line: what its fields say, one after the other.
fn entry_words(app: &App, parts: &[FieldInfo], entry: &Value) -> Result<String, Failure> {
    let mut words: Vec<String> = Vec::new();
    for part in parts.iter().filter(|part| part.name != PLACE && !OF_IMPORTS.contains(&part.name)) {
        match entry.get(part.name) {
            Some(Value::Bool(true)) => words.push(label(part.name)),
            Some(value) => words.push(value_words(app, part, value)?),
            None => words.extend(meant_by_nothing(part)),
        }
    }
    words.retain(|word| !word.is_empty());
    Ok(words.join(", "))
}

/// One value as a person reads it.
pub(crate) fn value_words(app: &App, field: &FieldInfo, value: &Value) -> Result<String, Failure> {
    let text = value.as_str().unwrap_or_default();
    let read = match field.takes {
        Takes::YesNo => value.as_bool().map(|yes| if yes { "yes" } else { "no" }.to_string()),
        Takes::Number if field.name.ends_with("minor_units") => Some(format!("{value} (in minor units)")),
        Takes::Day => text.parse().ok().map(|day| days::short(day, app.today)),
        Takes::PartialDate => text.parse::<PartialDate>().ok().map(|date| days::partial(date, app.today)),
        Takes::Time => match text.parse() {
            Ok(at) => Some(days::moment(at, app.notebook.zone()?, app.today)),
            Err(_) => None,
        },
        Takes::Moment => text.parse::<Moment>().ok().map(|at| days::moment(at.at, at.zone, app.today)),
        Takes::Photo => Some("yes".into()),
        Takes::Link(_) => match text.parse() {
            Ok(id) => Some(called(app, id)?),
            Err(_) => None,
        },
        _ => None,
    };
    Ok(read.unwrap_or_else(|| value.as_str().map_or_else(|| value.to_string(), String::from)))
}

/// How a record is called where something names it.
fn called(app: &App, id: RecordId) -> Result<String, Failure> {
    let Some(record) = app.notebook.get_any(id)? else { return Ok("something that is not here any more".into()) };
    if let AnyRecord::Contact(contact) = &record {
        return Ok(show::name_of(app, contact));
    }
    let named = clean(&kith_core::query::title_of(&record));
    let said = if named.is_empty() { record.facts().texts.into_iter().next().unwrap_or_default() } else { named };
    Ok(if said.trim().is_empty() { show::title(app, &record) } else { cut(&said, 60) })
}

/// A label as a line begins with it.
pub(crate) fn first_letter_large(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
