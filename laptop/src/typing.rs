//! Fields as a person types them, whatever the kind: FIELD=VALUE, FIELD+=VALUE, FIELD-=VALUE, read by what the record
//! declares of its fields.

use kith_core::model::{CURRENCIES, Contact, FieldInfo, Kind, PartialDate, Shape, Takes};
use kith_core::notebook::Writing;
use kith_core::query::words::folded;
use serde_json::{Map, Value};

use crate::app::App;
use crate::choose;
use crate::failure::Failure;
use crate::fields::{KEPT_ASIDE, label};
use crate::layout::clean;

/// What to do with a field.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum How {
    Set,
    Add,
    Take,
}

/// A change as it was typed.
pub(crate) struct Typed<'a> {
    pub(crate) field: String,
    pub(crate) how: How,
    pub(crate) value: &'a str,
}

/// A change that was understood: the field, and what it is given or loses.
pub(crate) struct Change {
    field: &'static FieldInfo,
    how: How,
    values: Vec<Value>,
}

/// What another command sets, an import, or the notebook itself.
const NOT_TYPED: [&str; 4] = ["photo", "channels", "affiliations", "sources"];

/// Shorter words for some fields.
const ALSO_CALLED: [(&str, &str); 10] = [
    ("cadence", "cadence_days"),
    ("category", "categories"),
    ("through", "met_through"),
    ("knows", "knows_contacts"),
    ("reminder", "reminders"),
    ("date", "dates"),
    ("language", "languages"),
    ("interest", "interests"),
    ("floor", "weekly_floor_minutes"),
    ("brand", "brand_line"),
];

/// Most zones proposed for a word that is none.
const MOST_ZONES: usize = 5;

/// Takes apart what was typed.
pub(crate) fn split(change: &str) -> Result<Typed<'_>, Failure> {
    let Some((field, value)) = change.split_once('=') else {
        let change = clean(change);
        return Err(Failure::Usage(format!("\"{change}\" is no change; write FIELD=VALUE. Nothing was changed")));
    };
    let (field, how) = match (field.strip_suffix('+'), field.strip_suffix('-')) {
        (Some(field), _) => (field, How::Add),
        (_, Some(field)) => (field, How::Take),
        _ => (field, How::Set),
    };
    Ok(Typed { field: field.trim().to_lowercase().replace('-', "_"), how, value: value.trim() })
}

/// The fields of a kind that can be typed.
pub(crate) fn typed_fields(kind: Kind) -> impl Iterator<Item = &'static FieldInfo> {
    kind.fields().iter().filter(|field| !KEPT_ASIDE.contains(&field.name) && !NOT_TYPED.contains(&field.name))
}

/// What was typed, as this kind's field takes it. An organisation that is named is made when there is none.
pub(crate) fn read(app: &App, writing: &mut Writing<'_>, kind: Kind, typed: &Typed<'_>) -> Result<Change, Failure> {
    let also = ALSO_CALLED.iter().find(|(short, _)| *short == typed.field);
    let name = also.map_or(typed.field.as_str(), |(_, name)| name);
    let field = typed_fields(kind).find(|field| field.name == name).ok_or_else(|| no_field(kind, &typed.field))?;
    let holds_one = matches!(field.shape, Shape::Value | Shape::Text);
    if holds_one && typed.how != How::Set {
        let name = clean(&typed.field);
        return Err(Failure::Usage(format!("{name} holds one value; write {name}=VALUE. Nothing was changed")));
    }
    let values = match field.shape {
        _ if typed.value.is_empty() => Vec::new(),
        Shape::Value | Shape::Text => vec![value(app, writing, field, typed.value)?],
        Shape::Set => {
            let words = typed.value.split(',').map(str::trim).filter(|word| !word.is_empty());
            words.map(|word| value(app, writing, field, word)).collect::<Result<_, _>>()?
        }
        Shape::Map(_) if typed.how == How::Take => vec![typed.value.into()],
        Shape::Map(parts) => vec![entry(app, writing, field, parts, typed.value)?],
    };
    Ok(Change { field, how: typed.how, values })
}

fn no_field(kind: Kind, typed: &str) -> Failure {
    let typed = clean(typed);
    if kind == Kind::Contact {
        let fields = include_str!("args/fields.txt").trim_end();
        return Failure::Usage(format!("there is no field {typed}; nothing was changed.\n{fields}"));
    }
    let mut names: Vec<&str> = typed_fields(kind).map(|field| field.name).filter(|name| *name != "card").collect();
    match kind {
        Kind::Settings => names.push("backup_folder"),
        Kind::Profile => names.extend(["phone", "mail", "link", "address", "messenger"]),
        _ => {}
    }
    Failure::Usage(format!("there is no field {typed}; there are: {}. Nothing was changed", names.join(", ")))
}

impl Change {
    /// Does it to the fields of a record.
    pub(crate) fn carry_out(&self, fields: &mut Map<String, Value>) -> Result<(), Failure> {
        let name = self.field.name;
        if matches!(self.field.shape, Shape::Value | Shape::Text) {
            fields.insert(name.into(), self.values.first().cloned().unwrap_or_default());
            return Ok(());
        }
        let before = fields.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let after: Vec<Value> = match self.how {
            How::Set => self.values.clone(),
            How::Add => {
                let new = self.values.iter().filter(|value| !before.contains(value));
                before.iter().chain(new).cloned().collect()
            }
            How::Take => {
                before.iter().filter(|value| !self.values.iter().any(|gone| is_meant(value, gone))).cloned().collect()
            }
        };
        if self.how == How::Take && after.len() == before.len() {
            let words = self.values.first().and_then(Value::as_str).unwrap_or_default();
            let name = label(name);
            return Err(Failure::NotFound(format!("there is no \"{}\" in {name}; nothing was changed", clean(words))));
        }
        fields.insert(name.into(), after.into());
        Ok(())
    }
}

/// Whether a member or an entry is what was typed; an entry is named by words of it.
fn is_meant(value: &Value, typed: &Value) -> bool {
    let Value::Object(entry) = value else { return value == typed };
    let texts: Vec<&str> = entry.iter().filter(|(key, _)| *key != "id").filter_map(|(_, part)| part.as_str()).collect();
    let (all, typed) = (folded(&texts.join(" ")), folded(typed.as_str().unwrap_or_default()));
    !typed.is_empty() && format!(" {all} ").contains(&format!(" {typed} "))
}

/// An entry typed in one line: its parts in their order, commas between them; the last one takes the rest.
fn entry(
    app: &App,
    writing: &mut Writing<'_>,
    field: &FieldInfo,
    parts: &[FieldInfo],
    typed: &str,
) -> Result<Value, Failure> {
    let takes_words = |part: &&FieldInfo| !matches!(part.takes, Takes::YesNo | Takes::Link(_));
    let parts: Vec<&FieldInfo> = parts.iter().filter(takes_words).collect();
    let mut entry = Map::new();
    let mut words = typed.splitn(parts.len(), ',').map(str::trim);
    for part in &parts {
        let Some(word) = words.next() else {
            let names: Vec<String> = parts.iter().map(|part| label(part.name)).collect();
            let (name, like) = (field.name, names.join(", "));
            return Err(Failure::Usage(format!("{name} takes: {like}, with commas between. Nothing was changed")));
        };
        entry.insert(part.name.into(), value(app, writing, part, word)?);
    }
    Ok(entry.into())
}

/// One value as this field takes it.
fn value(app: &App, writing: &mut Writing<'_>, field: &FieldInfo, typed: &str) -> Result<Value, Failure> {
    let slip = |words: &str| Failure::Usage(format!("\"{}\" is {words}. Nothing was changed", clean(typed)));
    Ok(match field.takes {
        Takes::Words if field.name.ends_with("currency") => currency(typed).ok_or_else(|| {
            slip("no currency; write its three letters as banks do, like EUR, USD, GBP, CHF or JPY (ISO 4217)")
        })?,
        Takes::Words if field.name == "tags" => typed.trim_start_matches('#').into(),
        Takes::Words => typed.into(),
        Takes::OneOf(words) => {
            let word = words.iter().find(|word| **word == typed.to_lowercase());
            let listed: Vec<&str> = words.iter().filter(|word| !word.is_empty()).copied().collect();
            (*word.ok_or_else(|| slip(&format!("none of: {}", listed.join(", "))))?).into()
        }
        Takes::YesNo => match typed.to_lowercase().as_str() {
            "yes" | "true" | "1" => true.into(),
            "no" | "false" | "0" => false.into(),
            _ => return Err(slip("neither yes nor no")),
        },
        Takes::Number if field.name == "cadence_days" && typed == "0" => return Err(slip("no number of days")),
        Takes::Number => typed.parse::<u32>().map_err(|_| slip("no whole number"))?.into(),
        Takes::Day if field.name.ends_with("_on") => {
            choose::day_or_today(app, Some(&typed.to_string()))?.to_string().into()
        }
        Takes::Day => choose::day(app, typed)?.to_string().into(),
        Takes::PartialDate => {
            let date = typed.parse::<PartialDate>();
            date.map_err(|_| slip("no date; write 1980-03-22, or --03-22 without the year"))?.to_string().into()
        }
        Takes::Zone => zone(typed)?.into(),
        Takes::Link(Kind::Contact) => choose::person(app, typed)?.to_string().into(),
        Takes::Link(Kind::Organisation) => writing.organisation(typed)?.to_string().into(),
        Takes::Link(kind) => choose::named(app, kind, typed)?.id().to_string().into(),
        Takes::Nothing | Takes::Time | Takes::Moment | Takes::Photo => {
            return Err(Failure::Usage(format!("{} cannot be typed; nothing was changed", label(field.name))));
        }
    })
}

fn currency(typed: &str) -> Option<Value> {
    let code = typed.to_uppercase();
    CURRENCIES.contains(&code.as_str()).then(|| code.into())
}

/// The zone of this name, however its capital letters are; else those that it may have been meant to be.
fn zone(typed: &str) -> Result<String, Failure> {
    let wanted = typed.to_lowercase().replace(' ', "_");
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    if let Some(name) = names().find(|name| name.to_lowercase() == wanted) {
        return Ok(name.into());
    }
    let alike: Vec<&str> = names().filter(|name| name.to_lowercase().contains(&wanted)).take(MOST_ZONES).collect();
    let meant = match alike.as_slice() {
        [] => String::new(),
        names => format!(" Did you mean {}?", names.join(", ")),
    };
    Err(Failure::Usage(format!(
        "\"{}\" is no zone; write it like Europe/Paris or America/New_York.{meant} Nothing was changed",
        clean(typed)
    )))
}

/// Whether a name is taken away by a slip; `?` says that it is not known any more.
pub(crate) fn check_name(contact: &Contact, typed: &Typed<'_>) -> Result<(), Failure> {
    if typed.field == "name" && typed.value.is_empty() && !contact.name.is_empty() {
        return Err(Failure::Usage(
            "this would take the name away; write name=? to say that you do not know it any more. Nothing was changed"
                .into(),
        ));
    }
    Ok(())
}
