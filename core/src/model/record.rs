//! What a record is made of: its fields, how each merges, and what can be said of it without knowing its kind.
//!
//! A kind is one `record!` in its area's file and one line in the list of `kinds.rs`; a field is one line.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::id::{EntryId, Id, Random, RecordId, fresh_entry};
use super::kinds::Kind;
use super::time::{Moment, PartialDate};

/// How a field is kept, so that two devices may change it at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// One scalar; two values written at once are both kept, and one is shown until a person chooses.
    Value,
    /// Free text; the words of both devices survive.
    Text,
    /// A set of words or ids; what one device added and the other took away at once stays in.
    Set,
    /// Entries with fields of their own, each named by an [`EntryId`]; every field merges by itself.
    Map(&'static [FieldInfo]),
}

/// One field of a kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FieldInfo {
    /// Its name, the same in the document, the read model and the JSON export.
    pub name: &'static str,
    /// How it merges.
    pub shape: Shape,
    /// What one value of it is; of a map, whose entries say it themselves, nothing.
    pub takes: Takes,
}

/// What one value of a field is, for whoever shows it or lets it be typed without knowing the kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Takes {
    /// Nothing by itself.
    Nothing,
    /// Words.
    Words,
    /// One word of a closed list; the first is what an empty field means.
    OneOf(&'static [&'static str]),
    /// Yes or no.
    YesNo,
    /// A whole number.
    Number,
    /// A local day.
    Day,
    /// A day of which a part may be unknown.
    PartialDate,
    /// An instant.
    Time,
    /// An instant and its zone.
    Moment,
    /// A zone.
    Zone,
    /// A photo, by its name.
    Photo,
    /// A record of this kind, by its id.
    Link(Kind),
}

impl FieldInfo {
    /// A field that holds one scalar.
    pub(crate) const fn value<T: Scalar>(name: &'static str) -> Self {
        Self { name, shape: Shape::Value, takes: T::TAKES }
    }
}

/// Fields, entries and values that this version does not know: kept, shown as such, and given back.
pub type Unknown = Map<String, Value>;

/// What is said of a record in index tables: found by walking its fields, whatever its kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Words to search for.
    pub texts: Vec<String>,
    /// Links to other records: the field and the record it names.
    pub links: Vec<(&'static str, RecordId)>,
    /// Photos it shows.
    pub blobs: Vec<BlobId>,
}

/// One kind of record. Implemented by `record!` only.
pub trait Record: Clone + Default + PartialEq + Sized {
    /// Which kind.
    const KIND: Kind;
    /// Its fields, in the order in which they are declared, then those every record has.
    const FIELDS: &'static [FieldInfo];

    /// Which record it is.
    fn id(&self) -> Id<Self>;
    /// The same record under this id.
    fn with_id(self, id: Id<Self>) -> Self;
    /// Its fields as JSON; what is empty is left out.
    fn to_map(&self) -> Map<String, Value>;
    /// Reads it leniently: missing is empty, what does not fit is kept under [`Unknown`].
    fn from_map(map: Map<String, Value>) -> Self;
    /// What the index tables say of it.
    fn facts(&self) -> Facts;
    /// When it was deleted, if it was.
    fn deleted_at(&self) -> Option<DateTime<Utc>>;
}

/// One change of one field, in the words of the model: what a document is told to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Writes one scalar. The key is a field, `field/member` of a set, or `field/entry/field` of an entry.
    Put {
        /// Where.
        key: String,
        /// A string, whole number, boolean, or null for "empty".
        value: Value,
    },
    /// Makes a text read like this, touching only what differs.
    Text {
        /// Which field.
        field: String,
        /// The whole new text.
        text: String,
    },
}

/// The field every record carries that tells whether, and when, it was deleted.
pub const DELETED_AT: &str = "deleted_at";
/// The field every record carries that tells when it was made.
pub const CREATED_AT: &str = "created_at";
/// Tells that an entry was taken away.
pub const ENTRY_DELETED: &str = "deleted";

/// What no longer is taken for one value, but for a text, in a field this version does not know; in bytes.
const LONGEST_WORD: usize = 32 * 1024;

/// The edits that turn `before` into `after`: only what differs, so that another device's work elsewhere stays.
///
/// Entries without an id are given a fresh one.
pub fn edits<R: Record>(before: &R, after: &R, random: Random<'_>) -> Vec<Edit> {
    edits_of(R::FIELDS, &before.to_map(), &after.to_map(), random)
}

/// The same for a kind known only by its fields.
pub fn edits_of(
    fields: &[FieldInfo],
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    random: Random<'_>,
) -> Vec<Edit> {
    let mut edits = Vec::new();
    for field in fields {
        let (old, new) = (before.get(field.name), after.get(field.name));
        if old == new {
            continue;
        }
        match field.shape {
            Shape::Value => {
                edits.push(Edit::Put { key: field.name.into(), value: new.cloned().unwrap_or(Value::Null) })
            }
            Shape::Text => edits.push(Edit::Text {
                field: field.name.into(),
                text: new.and_then(Value::as_str).unwrap_or_default().into(),
            }),
            Shape::Set => set_edits(field.name, members(old), members(new), &mut edits),
            Shape::Map(_) => entry_edits(field.name, entries(old), entries(new), random, &mut edits),
        }
    }
    edits
}

/// The edits that write what this version does not know: fields of a newer version, and values that do not fit the field
/// they stand in. Only what `before` does not say.
pub fn unknown_edits(fields: &[FieldInfo], before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Edit> {
    let is_written = |name: &str, value: &Value| match fields.iter().find(|field| field.name == name) {
        Some(field) => matches!(field.shape, Shape::Value | Shape::Text) || value.is_array(),
        None => name == "id",
    };
    let new = after.iter().filter(|(name, value)| !is_written(name, value) && before.get(*name) != Some(*value));
    new.map(|(name, value)| match value {
        // Only a text can be this long.
        Value::String(text) if text.len() > LONGEST_WORD => Edit::Text { field: name.clone(), text: text.clone() },
        value => Edit::Put { key: name.clone(), value: value.clone() },
    })
    .collect()
}

fn members(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn set_edits(field: &str, old: Vec<&str>, new: Vec<&str>, edits: &mut Vec<Edit>) {
    let mut put = |member: &str, value: bool| {
        edits.push(Edit::Put { key: format!("{field}/{member}"), value: value.into() });
    };
    new.iter().filter(|member| !old.contains(member)).for_each(|member| put(member, true));
    old.iter().filter(|member| !new.contains(member)).for_each(|member| put(member, false));
}

fn entries(value: Option<&Value>) -> Vec<&Map<String, Value>> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect()
}

fn entry_name(entry: &Map<String, Value>) -> &str {
    entry.get("id").and_then(Value::as_str).unwrap_or_default()
}

fn entry_edits(
    field: &str,
    old: Vec<&Map<String, Value>>,
    new: Vec<&Map<String, Value>>,
    random: Random<'_>,
    edits: &mut Vec<Edit>,
) {
    let nothing = Map::new();
    for entry in &new {
        let earlier = old.iter().find(|old| !entry_name(old).is_empty() && entry_name(old) == entry_name(entry));
        let name = match entry_name(entry) {
            "" => fresh_entry(random).0,
            name => name.to_owned(),
        };
        let before = earlier.copied().unwrap_or(&nothing);
        if earlier.is_none() && !entry_name(entry).is_empty() {
            // It may have been taken away before, and is put back now.
            edits.push(Edit::Put { key: format!("{field}/{name}/{ENTRY_DELETED}"), value: false.into() });
        }
        for (key, value) in entry.iter().filter(|(key, value)| *key != "id" && before.get(*key) != Some(value)) {
            edits.push(Edit::Put { key: format!("{field}/{name}/{key}"), value: value.clone() });
        }
        for key in before.keys().filter(|key| *key != "id" && !entry.contains_key(*key)) {
            edits.push(Edit::Put { key: format!("{field}/{name}/{key}"), value: Value::Null });
        }
    }
    for gone in old.iter().filter(|old| !new.iter().any(|new| entry_name(new) == entry_name(old))) {
        edits.push(Edit::Put { key: format!("{field}/{}/{ENTRY_DELETED}", entry_name(gone)), value: true.into() });
    }
}

/// A scalar that can stand in a field.
pub trait Scalar: Clone + Default + PartialEq {
    /// What it is.
    const TAKES: Takes;
    /// As JSON: a string, a whole number or a boolean; never null, an array or an object.
    fn to_json(&self) -> Value;
    /// Reads it, or says nothing when it does not fit.
    fn from_json(value: &Value) -> Option<Self>;
    /// Tells the index tables what this value means.
    fn fact(&self, _field: &'static str, _facts: &mut Facts) {}
}

macro_rules! scalar {
    ($($ty:ty = $takes:expr),*) => {$(
        impl $crate::model::record::Scalar for $ty {
            const TAKES: $crate::model::record::Takes = $takes;
            fn to_json(&self) -> serde_json::Value {
                serde_json::to_value(self).unwrap_or_default()
            }
            fn from_json(value: &serde_json::Value) -> Option<Self> {
                serde::Deserialize::deserialize(value).ok()
            }
        }
    )*};
}
pub(crate) use scalar;

scalar!(bool = Takes::YesNo, u32 = Takes::Number, i64 = Takes::Number);

impl Scalar for String {
    const TAKES: Takes = Takes::Words;
    fn to_json(&self) -> Value {
        self.as_str().into()
    }
    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().map(Self::from)
    }
    fn fact(&self, _field: &'static str, facts: &mut Facts) {
        if !self.is_empty() {
            facts.texts.push(self.clone());
        }
    }
}

/// A photo, named by the BLAKE3 of its bytes: 64 hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct BlobId(pub String);

impl BlobId {
    /// The name of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().to_string())
    }
}

impl Scalar for BlobId {
    const TAKES: Takes = Takes::Photo;
    fn to_json(&self) -> Value {
        self.0.as_str().into()
    }
    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().map(|text| Self(text.into()))
    }
    fn fact(&self, _field: &'static str, facts: &mut Facts) {
        facts.blobs.push(self.clone());
    }
}

impl<R: Record> Scalar for Id<R> {
    const TAKES: Takes = Takes::Link(R::KIND);
    fn to_json(&self) -> Value {
        self.to_string().into()
    }
    fn from_json(value: &Value) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
    fn fact(&self, field: &'static str, facts: &mut Facts) {
        facts.links.push((field, self.raw()));
    }
}

/// What can be missing has no `Default`; an option of it does.
macro_rules! optional {
    ($($ty:ty = $takes:expr),*) => {$(
        impl Scalar for Option<$ty> {
            const TAKES: Takes = $takes;
            fn to_json(&self) -> Value {
                serde_json::to_value(self).unwrap_or_default()
            }
            fn from_json(value: &Value) -> Option<Self> {
                serde_json::from_value(value.clone()).ok().map(Some)
            }
        }
    )*};
}
optional!(
    NaiveDate = Takes::Day,
    DateTime<Utc> = Takes::Time,
    Moment = Takes::Moment,
    PartialDate = Takes::PartialDate,
    u32 = Takes::Number,
    i64 = Takes::Number,
    bool = Takes::YesNo,
    Tz = Takes::Zone
);

impl<R: Record> Scalar for Option<Id<R>> {
    const TAKES: Takes = Takes::Link(R::KIND);
    fn to_json(&self) -> Value {
        self.map_or(Value::Null, |id| id.to_json())
    }
    fn from_json(value: &Value) -> Option<Self> {
        Id::from_json(value).map(Some)
    }
    fn fact(&self, field: &'static str, facts: &mut Facts) {
        self.iter().for_each(|id| id.fact(field, facts));
    }
}

impl Scalar for Option<BlobId> {
    const TAKES: Takes = Takes::Photo;
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, BlobId::to_json)
    }
    fn from_json(value: &Value) -> Option<Self> {
        BlobId::from_json(value).map(Some)
    }
    fn fact(&self, field: &'static str, facts: &mut Facts) {
        self.iter().for_each(|blob| blob.fact(field, facts));
    }
}

/// An entry of a map inside a record. Implemented by `entry!` only.
pub trait Entry: Clone + Default + PartialEq {
    /// Its fields; all are of shape [`Shape::Value`].
    const FIELDS: &'static [FieldInfo];
    /// Its fields as JSON, with `id`.
    fn to_map(&self) -> Map<String, Value>;
    /// Reads it leniently.
    fn from_map(map: Map<String, Value>) -> Self;
    /// What the index tables say of it, under the name of the record's field.
    fn facts(&self, field: &'static str, facts: &mut Facts);
}

// What the macros below call, one function a shape, so that the macros stay readable.

pub(crate) fn put_value<T: Scalar>(map: &mut Map<String, Value>, name: &str, value: &T) {
    if *value != T::default() {
        map.insert(name.into(), value.to_json());
    }
}

pub(crate) fn take_value<T: Scalar>(map: &mut Map<String, Value>, name: &str, unknown: &mut Unknown) -> T {
    match map.remove(name) {
        None | Some(Value::Null) => T::default(),
        Some(value) => T::from_json(&value).unwrap_or_else(|| {
            unknown.insert(name.into(), value);
            T::default()
        }),
    }
}

pub(crate) fn put_set<T: Scalar>(map: &mut Map<String, Value>, name: &str, set: &[T]) {
    if !set.is_empty() {
        let mut members: Vec<Value> = set.iter().map(T::to_json).collect();
        members.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        members.dedup();
        map.insert(name.into(), members.into());
    }
}

pub(crate) fn take_set<T: Scalar>(map: &mut Map<String, Value>, name: &str, unknown: &mut Unknown) -> Vec<T> {
    let (mut set, mut strange) = (Vec::new(), Vec::new());
    match map.remove(name) {
        Some(Value::Array(members)) => members.into_iter().for_each(|member| match T::from_json(&member) {
            Some(value) => set.push(value),
            None => strange.push(member),
        }),
        Some(value) if !value.is_null() => strange.push(value),
        _ => {}
    }
    if !strange.is_empty() {
        unknown.insert(name.into(), strange.into());
    }
    set
}

pub(crate) fn put_entries<E: Entry>(map: &mut Map<String, Value>, name: &str, entries: &[E]) {
    if !entries.is_empty() {
        map.insert(name.into(), entries.iter().map(|entry| Value::Object(entry.to_map())).collect());
    }
}

pub(crate) fn take_entries<E: Entry>(map: &mut Map<String, Value>, name: &str, unknown: &mut Unknown) -> Vec<E> {
    let (mut entries, mut strange) = (Vec::new(), Vec::new());
    match map.remove(name) {
        Some(Value::Array(list)) => list.into_iter().for_each(|entry| match entry {
            Value::Object(entry) => entries.push(E::from_map(entry)),
            other => strange.push(other),
        }),
        Some(value) if !value.is_null() => strange.push(value),
        _ => {}
    }
    if !strange.is_empty() {
        unknown.insert(name.into(), strange.into());
    }
    entries
}

pub(crate) fn put_unknown(map: &mut Map<String, Value>, unknown: &Unknown) {
    for (name, value) in unknown {
        map.entry(name.clone()).or_insert_with(|| value.clone());
    }
}

pub(crate) fn put_id(map: &mut Map<String, Value>, id: &EntryId) {
    if !id.0.is_empty() {
        map.insert("id".into(), id.0.as_str().into());
    }
}

/// Declares a kind of record: its doc, its name, then a line a field: shape, name, type.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $shape:ident $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
        pub struct $name {
            /// Which record; all zero until it is written for the first time.
            pub id: $crate::model::Id<$name>,
            $($(#[$field_doc])* pub $field: $ty,)*
            /// When it was first written, by the clock of the device that wrote it; shown only, nothing merges by it.
            pub created_at: Option<chrono::DateTime<chrono::Utc>>,
            /// When it was deleted; a deleted record is listed and can be brought back.
            pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
            /// The import that made it, so that an import is undone in one step.
            pub import: Option<$crate::model::Id<$crate::model::Import>>,
            /// What a newer version wrote.
            pub unknown: $crate::model::Unknown,
        }

        impl $crate::model::Record for $name {
            const KIND: $crate::model::Kind = $crate::model::Kind::$name;
            const FIELDS: &'static [$crate::model::FieldInfo] = &[
                $($crate::model::FieldInfo {
                    name: stringify!($field),
                    shape: $crate::model::record::record!(@shape $shape $ty),
                    takes: $crate::model::record::record!(@takes $shape $ty),
                },)*
                $crate::model::FieldInfo::value::<Option<chrono::DateTime<chrono::Utc>>>("created_at"),
                $crate::model::FieldInfo::value::<Option<chrono::DateTime<chrono::Utc>>>("deleted_at"),
                $crate::model::FieldInfo::value::<Option<$crate::model::Id<$crate::model::Import>>>("import"),
            ];

            fn id(&self) -> $crate::model::Id<Self> {
                self.id
            }
            fn with_id(mut self, id: $crate::model::Id<Self>) -> Self {
                self.id = id;
                self
            }
            fn deleted_at(&self) -> Option<chrono::DateTime<chrono::Utc>> {
                self.deleted_at
            }
            fn to_map(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut map = serde_json::Map::new();
                $crate::model::record::put_value(&mut map, "id", &self.id);
                $($crate::model::record::record!(@put $shape)(&mut map, stringify!($field), &self.$field);)*
                $crate::model::record::put_value(&mut map, "created_at", &self.created_at);
                $crate::model::record::put_value(&mut map, "deleted_at", &self.deleted_at);
                $crate::model::record::put_value(&mut map, "import", &self.import);
                $crate::model::record::put_unknown(&mut map, &self.unknown);
                map
            }
            fn from_map(mut map: serde_json::Map<String, serde_json::Value>) -> Self {
                let mut unknown = $crate::model::Unknown::new();
                let mut record = Self {
                    id: $crate::model::record::take_value(&mut map, "id", &mut unknown),
                    $($field: $crate::model::record::record!(@take $shape)(
                        &mut map, stringify!($field), &mut unknown
                    ),)*
                    created_at: $crate::model::record::take_value(&mut map, "created_at", &mut unknown),
                    deleted_at: $crate::model::record::take_value(&mut map, "deleted_at", &mut unknown),
                    import: $crate::model::record::take_value(&mut map, "import", &mut unknown),
                    unknown: $crate::model::Unknown::new(),
                };
                unknown.extend(map);
                record.unknown = unknown;
                record
            }
            fn facts(&self) -> $crate::model::Facts {
                #[allow(unused_mut)]
                let mut facts = $crate::model::Facts::default();
                $($crate::model::record::record!(@fact $shape self.$field, stringify!($field), facts);)*
                $crate::model::record::Scalar::fact(&self.import, "import", &mut facts);
                facts
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::model::Record::to_map(self).serialize(serializer)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde_json::Map::deserialize(deserializer).map($crate::model::Record::from_map)
            }
        }
    };
    (@shape value $ty:ty) => { $crate::model::Shape::Value };
    (@shape text $ty:ty) => { $crate::model::Shape::Text };
    (@shape set $ty:ty) => { $crate::model::Shape::Set };
    (@shape map $ty:ty) => {
        $crate::model::Shape::Map(<<$ty as IntoIterator>::Item as $crate::model::record::Entry>::FIELDS)
    };
    (@takes value $ty:ty) => { <$ty as $crate::model::record::Scalar>::TAKES };
    (@takes text $ty:ty) => { $crate::model::Takes::Words };
    (@takes set $ty:ty) => { <<$ty as IntoIterator>::Item as $crate::model::record::Scalar>::TAKES };
    (@takes map $ty:ty) => { $crate::model::Takes::Nothing };
    (@put value) => { $crate::model::record::put_value };
    (@put text) => { $crate::model::record::put_value };
    (@put set) => { $crate::model::record::put_set };
    (@put map) => { $crate::model::record::put_entries };
    (@take value) => { $crate::model::record::take_value };
    (@take text) => { $crate::model::record::take_value };
    (@take set) => { $crate::model::record::take_set };
    (@take map) => { $crate::model::record::take_entries };
    (@fact value $value:expr, $field:expr, $facts:ident) => {
        $crate::model::record::Scalar::fact(&$value, $field, &mut $facts)
    };
    (@fact text $value:expr, $field:expr, $facts:ident) => {
        $crate::model::record::Scalar::fact(&$value, $field, &mut $facts)
    };
    (@fact set $value:expr, $field:expr, $facts:ident) => {
        $value.iter().for_each(|member| $crate::model::record::Scalar::fact(member, $field, &mut $facts))
    };
    (@fact map $value:expr, $field:expr, $facts:ident) => {
        $value.iter().for_each(|entry| $crate::model::record::Entry::facts(entry, $field, &mut $facts))
    };
}
pub(crate) use record;

/// Declares an entry of a map inside a record: a line a field, all of them scalars.
macro_rules! entry {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
        pub struct $name {
            /// Which entry; an empty id asks for a fresh one.
            pub id: $crate::model::EntryId,
            $($(#[$field_doc])* pub $field: $ty,)*
            /// What a newer version wrote.
            pub unknown: $crate::model::Unknown,
        }

        impl $crate::model::record::Entry for $name {
            const FIELDS: &'static [$crate::model::FieldInfo] = &[
                $($crate::model::FieldInfo::value::<$ty>(stringify!($field)),)*
            ];
            fn to_map(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut map = serde_json::Map::new();
                $crate::model::record::put_id(&mut map, &self.id);
                $($crate::model::record::put_value(&mut map, stringify!($field), &self.$field);)*
                $crate::model::record::put_unknown(&mut map, &self.unknown);
                map
            }
            fn from_map(mut map: serde_json::Map<String, serde_json::Value>) -> Self {
                let mut unknown = $crate::model::Unknown::new();
                let id = match map.remove("id") {
                    Some(serde_json::Value::String(id)) => $crate::model::EntryId(id),
                    _ => $crate::model::EntryId::default(),
                };
                let mut entry = Self {
                    id,
                    $($field: $crate::model::record::take_value(&mut map, stringify!($field), &mut unknown),)*
                    unknown: $crate::model::Unknown::new(),
                };
                unknown.extend(map);
                entry.unknown = unknown;
                entry
            }
            fn facts(&self, field: &'static str, facts: &mut $crate::model::Facts) {
                $($crate::model::record::Scalar::fact(&self.$field, field, facts);)*
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::model::record::Entry::to_map(self).serialize(serializer)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde_json::Map::deserialize(deserializer).map($crate::model::record::Entry::from_map)
            }
        }
    };
}
pub(crate) use entry;

/// Declares a list of words a field may hold; a word from a newer version is kept as `Other`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident = $first_word:literal,
        $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        pub enum $name {
            $(#[$first_doc])*
            #[default]
            $first,
            $($(#[$word_doc])* $variant,)*
            /// A word of a newer version.
            Other(String),
        }

        impl $name {
            /// Every word this version knows.
            pub const ALL: &'static [$name] = &[$name::$first, $($name::$variant,)*];

            /// The same as they are stored, for a list of fields.
            const WORDS: &'static [&'static str] = &[$first_word, $($word,)*];

            /// The word, as it is stored and shown.
            pub fn word(&self) -> &str {
                match self {
                    $name::$first => $first_word,
                    $($name::$variant => $word,)*
                    $name::Other(word) => word,
                }
            }

            /// Whether this version knows the word.
            pub fn is_known(&self) -> bool {
                !matches!(self, $name::Other(_))
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $first_word => $name::$first,
                    $($word => $name::$variant,)*
                    other => $name::Other(other.into()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|word| Self::from(word.as_str()))
            }
        }
        $crate::model::record::scalar!($name = $crate::model::Takes::OneOf($name::WORDS));
    };
}
pub(crate) use words;
