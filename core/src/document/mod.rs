//! One record is one Automerge document; Automerge lives here and nowhere above.
//!
//! A document is one flat map. A field is a key: `name`. A member of a set is `tags/lyon`, true or false. A field of an
//! entry is `channels/8f21…/value`. The only objects inside are texts, made with the document's first change. Two
//! devices may still make one text each: where both write a record anew of which words are to go, or a field is new. Then
//! all of them are shown and none is ever put in the place of another. Keys are never deleted. Either would hide what
//! another device wrote at the same time.

pub mod gate;
mod history;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{
    ActorId, Automerge, Change, ChangeHash, LoadOptions, ObjId, ObjType, PatchLog, ROOT, ReadDoc, SaveOptions,
    ScalarValue, TextEncoding, Value as AmValue, hydrate,
};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::model::record::{CREATED_AT, ENTRY_DELETED};
use crate::model::{Edit, FieldInfo, Kind, RecordId, Shape};
pub use history::{HistoryChange, HistoryStep};

/// By which rules changes of others are admitted. It rises with [`gate::VERSION`], and whenever something is taken that was
/// refused before: then what was set aside is tried again.
pub const ADMISSION: i64 = 1;
/// Most Unicode scalars of one text of one record; more is refused to the typist.
pub const MAX_TEXT: usize = 200_000;
/// Most bytes of one scalar.
pub const MAX_VALUE: usize = 64 * 1024;
/// Most operations of one record: half a million letters ever typed in it. Loading costs 0.6 µs each, and two million
/// took a gigabyte to receive.
pub const MAX_OPERATIONS: u64 = 500_000;
/// Most changes of one record: a tenth of what its chunks are numbered for. Somebody who changes it five times a day does
/// so for half a century.
pub const MAX_CHANGES: u64 = 100_000;
/// What the tries of one admission may add up to, in operations of what each of them makes; a try counts for so many at
/// least. One bad change among thousands of good ones is found out with far less.
const MOST_TRIED: u64 = 16 * MAX_OPERATIONS;
const LEAST_TRIED: u64 = 10_000;
/// How a reason begins for which a change was not taken that may be taken another time.
pub const NOT_NOW: &str = "not taken for now: ";
/// Most ends of a history that one change brings together; the gate lets a few more pass.
const MOST_HEADS: usize = 200;
/// Most values shown for one key, however many were written at once.
const MAX_VALUES: usize = 16;
/// What stands between two texts of one field.
const BETWEEN_TEXTS: &str = "\n";
/// Most scalars inserted or deleted by one change, well within the gate.
const TEXT_STEP: usize = 8_000;
/// What the edits of one change may add up to: bytes of scalars, eight times the letters of texts.
const STEP_ROOM: usize = 64 * 1024;
/// The key of the word of its kind. No field can be called so: several kinds have a field `kind` of their own.
const KIND: &str = "@kind";
/// The message of changes that an import made.
const BY_IMPORT: &str = "i";

/// The texts that the first change of what exists once makes. Two versions of the program must write the same bytes, so
/// this list never changes: a text field that comes later is made when it is first written.
const FIRST_TEXTS: &[(Kind, &[&str])] = &[(Kind::Week, &["plan", "log"]), (Kind::Review, &["what_came", "next"])];

/// The version of a document: hashes of its latest changes, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads(Vec<[u8; 32]>);

impl Heads {
    /// Reads what [`Heads::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.chunks_exact(32).filter_map(|hash| hash.try_into().ok()).collect())
    }

    /// 32 bytes a head.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    /// Whether it is the version of a document in which nothing was ever written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The version that ends with this change.
    pub fn of_change(change: &RawChange) -> Self {
        Self(vec![change.hash])
    }

    fn of(hashes: &[ChangeHash]) -> Self {
        let mut heads: Vec<[u8; 32]> = hashes.iter().map(|hash| hash.0).collect();
        heads.sort_unstable();
        Self(heads)
    }

    fn hashes(&self) -> Vec<ChangeHash> {
        self.0.iter().map(|hash| ChangeHash(*hash)).collect()
    }
}

/// Who writes: 16 random bytes drawn at every start and never taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor(pub [u8; 16]);

/// One Automerge change, uncompressed, as it is stored and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawChange {
    /// Its hash.
    pub hash: [u8; 32],
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl RawChange {
    fn of(change: &Change) -> Self {
        Self { hash: change.hash().0, bytes: change.raw_bytes().to_vec() }
    }
}

/// What a document says: its record's fields, and where two devices disagree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The word of its kind, when it has one.
    pub kind: Option<String>,
    /// The fields, without the id; what this version does not know stands under its raw key.
    pub fields: Map<String, Value>,
    /// For each key with more than one value: all of them, the one shown first.
    pub conflicts: BTreeMap<String, Vec<Value>>,
}

/// What became of received changes.
pub struct Admission {
    /// The document with what could be taken.
    pub document: Document,
    /// What it says now: it was read to be compared.
    pub reading: Reading,
    /// What was new and is now part of it, in the order in which it can be applied again.
    pub added: Vec<RawChange>,
    /// What waits for changes that have not come yet: the change and one hash it misses.
    pub waiting: Vec<(RawChange, [u8; 32])>,
    /// What was refused, and why.
    pub refused: Vec<(Vec<u8>, String)>,
}

/// The document of one record.
#[derive(Clone)]
pub struct Document {
    auto: Automerge,
}

impl Default for Document {
    fn default() -> Self {
        Self { auto: Automerge::new_with_encoding(TextEncoding::UnicodeCodePoint) }
    }
}

impl Document {
    /// A document of something that can exist only once. It begins with the same change on every device: actor and
    /// time come from the id.
    ///
    /// # Errors
    /// [`Error::Invalid`] never in practice; it says that Automerge refused.
    pub fn singleton(kind: Kind, id: RecordId) -> Result<(Self, RawChange)> {
        let mut document = Self::default();
        document.auto.set_actor(ActorId::from(&id.0[..]));
        let change = document.write(&[], None, Some(kind), 0, false)?;
        change.map(|change| (document, change)).ok_or_else(|| Error::Invalid("nothing was written".into()))
    }

    /// Loads a snapshot and the changes after it.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when a byte of it is wrong.
    pub fn load(bytes: &[u8]) -> Result<Self> {
        let load = || {
            let options = LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint);
            Automerge::load_with_options(bytes, options)
        };
        match catch_unwind(AssertUnwindSafe(load)) {
            Ok(Ok(auto)) => Ok(Self { auto }),
            Ok(Err(error)) => Err(Error::Unreadable(format!("a record could not be read ({error})"))),
            Err(_) => Err(Error::Unreadable("a record could not be read (its bytes break the reader)".into())),
        }
    }

    /// The whole document, for [`Document::load`]. Not compressed: the store does that, with a dictionary.
    pub fn save(&self) -> Vec<u8> {
        self.auto.save_with_options(SaveOptions { deflate: false, retain_orphans: false })
    }

    /// The version.
    pub fn heads(&self) -> Heads {
        Heads::of(&self.auto.get_heads())
    }

    /// Whether it holds this change.
    pub fn has_change(&self, hash: &[u8; 32]) -> bool {
        self.auto.get_change_meta_by_hash(&ChangeHash(*hash)).is_some()
    }

    /// All of its changes, by hash.
    pub fn hashes(&self) -> HashSet<[u8; 32]> {
        self.auto.get_changes_meta(&[]).into_iter().map(|change| change.hash.0).collect()
    }

    /// The changes that build on none: one, but for a record that two devices began.
    pub fn beginnings(&self) -> impl Iterator<Item = [u8; 32]> {
        let all = self.auto.get_changes_meta(&[]).into_iter();
        all.filter(|change| change.deps.is_empty()).map(|change| change.hash.0)
    }

    /// One of its changes, as it is sent.
    pub fn change(&self, hash: &[u8; 32]) -> Option<RawChange> {
        self.auto.get_change_by_hash(&ChangeHash(*hash)).map(|change| RawChange::of(&change))
    }

    /// All of its changes, each after those it builds on.
    pub fn changes(&self) -> Vec<RawChange> {
        self.auto.get_changes(&[]).iter().map(RawChange::of).collect()
    }

    /// Writes edits at the version the draft was read from, or at the present one. An empty document begins with its
    /// kind and its texts, so that no two devices can each make one of them.
    ///
    /// The document is left half changed by an error: clone it before, or throw it away after.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a text or value is too long, or `at` names a version this document never had.
    pub fn edit(
        &mut self,
        kind: Kind,
        edits: &[Edit],
        at: Option<&Heads>,
        actor: Actor,
        unix_seconds: i64,
        by_import: bool,
    ) -> Result<Vec<RawChange>> {
        self.auto.set_actor(ActorId::from(&actor.0[..]));
        let mut at = at.filter(|heads| **heads != self.heads()).map(Heads::hashes);
        if at.iter().flatten().any(|hash| self.auto.get_change_meta_by_hash(hash).is_none()) {
            return Err(Error::Invalid("the draft was made from a version this record never had".into()));
        }
        let mut changes = self.joined_heads(kind, at.is_some(), unix_seconds)?;
        let steps =
            steps(edits, |field| self.texts(field, at.as_deref()).into_iter().map(|(_, text)| text.len()).collect());
        let mut begins = self.auto.get_heads().is_empty().then_some(kind);
        for step in steps {
            for part in self.parts(&step, at.as_deref())? {
                let change = self.write(&part, at.as_deref(), begins.take(), unix_seconds, by_import)?;
                if let (Some(heads), Some(change)) = (&mut at, &change) {
                    *heads = vec![ChangeHash(change.hash)];
                }
                changes.extend(change);
            }
        }
        Ok(changes)
    }

    /// Brings the ends of the history together, some at a time, when there are so many that no change may name them all:
    /// each change says the kind once more, which changes nothing. To say only what stands there already makes no change.
    fn joined_heads(&mut self, kind: Kind, is_elsewhere: bool, unix_seconds: i64) -> Result<Vec<RawChange>> {
        let mut changes = Vec::new();
        let say = ["", kind.word()].map(|word| Edit::Put { key: KIND.into(), value: word.into() });
        while !is_elsewhere && self.auto.get_heads().len() > MOST_HEADS {
            let some = self.auto.get_heads()[..MOST_HEADS].to_vec();
            let Some(change) = self.write(&say, Some(&some), None, unix_seconds, false)? else { break };
            changes.push(change);
        }
        Ok(changes)
    }

    /// One Automerge transaction.
    fn write(
        &mut self,
        edits: &[Edit],
        at: Option<&[ChangeHash]>,
        begins: Option<Kind>,
        unix_seconds: i64,
        by_import: bool,
    ) -> Result<Option<RawChange>> {
        let before = self.auto.get_heads();
        let mut transaction = match at {
            Some(heads) => {
                self.auto.transaction_at(PatchLog::inactive(), heads).map_err(|e| Error::Invalid(e.to_string()))?
            }
            None => self.auto.transaction(),
        };
        // Dropped before it is committed, a transaction is rolled back.
        match begins {
            Some(kind) if !kind.is_singleton() => {
                transaction.init_root_from_hydrate(&beginning(kind, edits)?).map_err(refused_edit)?;
            }
            _ => put_one_by_one(&mut transaction, begins, edits)?,
        }
        let mut options = CommitOptions::default().with_time(unix_seconds);
        if by_import {
            options.set_message(BY_IMPORT);
        }
        let (hash, _) = transaction.commit_with(options);
        let Some(hash) = hash.filter(|hash| !before.contains(hash)) else { return Ok(None) };
        let change =
            self.change(&hash.0).ok_or_else(|| Error::Invalid("a change vanished while it was written".into()))?;
        gate::check(&change.bytes).map_err(|refused| Error::Invalid(refused.to_string()))?;
        let stats = self.auto.stats();
        if stats.num_ops > MAX_OPERATIONS || stats.num_changes > MAX_CHANGES {
            return Err(Error::Invalid(
                "this record was changed so often that its history is full; begin a new one".into(),
            ));
        }
        Ok(Some(change))
    }

    /// Cuts a long text into several changes, so that each passes the gate.
    fn parts(&self, edits: &[Edit], at: Option<&[ChangeHash]>) -> Result<Vec<Vec<Edit>>> {
        let [Edit::Text { field, text }] = edits else { return Ok(vec![edits.to_vec()]) };
        if text.chars().count() > MAX_TEXT {
            return Err(Error::Invalid(format!(
                "a text of more than {MAX_TEXT} characters is too long for one record"
            )));
        }
        let texts = self.texts(field, at);
        let most = (TEXT_STEP / texts.len().max(1)).max(1);
        let old = shown(&texts).join(BETWEEN_TEXTS);
        Ok(text_stages(&old, text, most)
            .into_iter()
            .map(|text| vec![Edit::Text { field: field.clone(), text }])
            .collect())
    }

    fn texts(&self, field: &str, at: Option<&[ChangeHash]>) -> Vec<(ObjId, String)> {
        texts(&self.auto, field, at).unwrap_or_default()
    }

    /// What it says now.
    pub fn read(&self) -> Reading {
        let mut reading = Reading::default();
        let kind = match self.auto.get(ROOT, KIND) {
            Ok(Some((AmValue::Scalar(word), _))) => word.as_str().map(String::from),
            _ => None,
        };
        let fields = kind.as_deref().and_then(Kind::from_word).map_or(&[][..], Kind::fields);
        reading.kind = kind;
        let mut entries: BTreeMap<String, BTreeMap<String, Map<String, Value>>> = BTreeMap::new();
        let mut sets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for item in self.auto.map_range(ROOT, ..) {
            let key = item.key.as_ref();
            if key == KIND {
                continue;
            }
            let values =
                if item.conflict { self.values(key) } else { vec![self.json(item.value.clone().into(), item.id())] };
            let (name, rest) = key.split_once('/').map_or((key, None), |(name, rest)| (name, Some(rest)));
            match (fields.iter().find(|field| field.name == name).map(|field| field.shape), rest) {
                (Some(Shape::Set), Some(member)) => {
                    if values.contains(&Value::Bool(true)) {
                        sets.entry(name.into()).or_default().insert(member.into());
                    }
                    continue;
                }
                (Some(Shape::Map(_)), Some(rest)) => {
                    if let Some((entry, field)) = rest.split_once('/') {
                        let entry = entries.entry(name.into()).or_default().entry(entry.into()).or_default();
                        entry.insert(field.into(), values.first().cloned().unwrap_or_default());
                    }
                }
                (Some(Shape::Text), None) => {
                    let texts: Vec<&str> = values.iter().filter_map(Value::as_str).filter(|t| !t.is_empty()).collect();
                    if !texts.is_empty() {
                        reading.fields.insert(name.into(), texts.join(BETWEEN_TEXTS).into());
                    }
                    continue;
                }
                _ => {
                    if let Some(value) = values.first().filter(|value| !value.is_null()) {
                        reading.fields.insert(key.into(), value.clone());
                    }
                }
            }
            if values.len() > 1 {
                reading.conflicts.insert(key.into(), values);
            }
        }
        put_collections(&mut reading.fields, fields, sets, entries);
        // When a record was made is no matter of opinion: what exists once is made on every device.
        reading.conflicts.retain(|key, _| key != CREATED_AT && !is_deleted_entry(key, &reading.fields));
        reading
    }

    /// All values of a key, the winner first, each once.
    fn values(&self, key: &str) -> Vec<Value> {
        let mut values: Vec<Value> = Vec::new();
        for (value, id) in self.auto.get_all(ROOT, key).unwrap_or_default().into_iter().rev() {
            let value = self.json(value, id);
            if !values.contains(&value) {
                values.push(value);
            }
            if values.len() == MAX_VALUES {
                break;
            }
        }
        values
    }

    fn json(&self, value: AmValue<'_>, id: ObjId) -> Value {
        match value {
            AmValue::Object(ObjType::Text) => self.auto.text(id).unwrap_or_default().into(),
            AmValue::Object(_) => Value::String("(a structure of a newer version)".into()),
            AmValue::Scalar(scalar) => json_of(&scalar),
        }
    }

    /// Takes what other devices wrote: gate, checksum, then applied on a copy that is saved, loaded and compared.
    ///
    /// Order and repetition do no harm. Nothing here can panic, whatever the bytes.
    pub fn admit(&self, changes: &[Vec<u8>]) -> Admission {
        self.admit_from(changes, None)
    }

    /// The same for something that can exist only once: another first change than the one every device writes is
    /// refused, with all that builds on it.
    ///
    /// # Errors
    /// As [`Document::singleton`].
    pub fn admit_singleton(&self, kind: Kind, id: RecordId, changes: &[Vec<u8>]) -> Result<Admission> {
        let (_, first) = Self::singleton(kind, id)?;
        Ok(self.admit_from(changes, Some(ChangeHash(first.hash))))
    }

    fn admit_from(&self, changes: &[Vec<u8>], first: Option<ChangeHash>) -> Admission {
        let (mut parsed, mut refused) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for bytes in changes {
            match parse(bytes) {
                Ok(change) if self.has_change(&change.hash().0) || !seen.insert(change.hash()) => {}
                Ok(change) => parsed.push(change),
                Err(why) => refused.push((bytes.clone(), why)),
            }
        }
        let (ready, waiting) = self.in_order(parsed);
        let ready = self.within_bounds(ready, first, &mut refused);
        let (document, reading, added) = self.apply(ready, &mut refused);
        Admission { document, reading, added: added.iter().map(RawChange::of).collect(), waiting, refused }
    }

    /// Sorts changes so that each comes after those it builds on; the rest waits. Looks at every dependency once: a
    /// thousand changes in the wrong order must not cost a million steps.
    fn in_order(&self, changes: Vec<Change>) -> (Vec<Change>, Vec<(RawChange, [u8; 32])>) {
        let coming: HashMap<ChangeHash, usize> = changes.iter().enumerate().map(|(n, c)| (c.hash(), n)).collect();
        let mut builds_on_me: Vec<Vec<usize>> = vec![Vec::new(); changes.len()];
        let mut lacks: Vec<usize> = vec![0; changes.len()];
        let mut missing: Vec<Option<ChangeHash>> = vec![None; changes.len()];
        for (n, change) in changes.iter().enumerate() {
            for dep in change.deps().iter().filter(|dep| !self.has_change(&dep.0)) {
                lacks[n] += 1;
                match coming.get(dep) {
                    Some(other) => builds_on_me[*other].push(n),
                    None => missing[n] = Some(*dep),
                }
            }
        }
        let mut order: Vec<usize> = (0..changes.len()).filter(|n| lacks[*n] == 0).collect();
        let mut at = 0;
        while at < order.len() {
            for next in &builds_on_me[order[at]] {
                lacks[*next] -= 1;
                if lacks[*next] == 0 {
                    order.push(*next);
                }
            }
            at += 1;
        }
        let waits_for = |n: usize| {
            let deps = changes[n].deps().iter();
            let mut still = deps.filter(|dep| coming.get(dep).is_some_and(|other| lacks[*other] > 0));
            missing[n].or_else(|| still.next().copied())
        };
        let waiting: Vec<(RawChange, [u8; 32])> = (0..changes.len())
            .filter(|n| lacks[*n] > 0)
            .filter_map(|n| waits_for(n).map(|hash| (RawChange::of(&changes[n]), hash.0)))
            .collect();
        let mut changes: Vec<Option<Change>> = changes.into_iter().map(Some).collect();
        (order.into_iter().filter_map(|n| changes[n].take()).collect(), waiting)
    }

    /// Leaves out what begins the record anew where it may begin once only, and what would make its history longer
    /// than any device loads; with all that builds on it.
    fn within_bounds(
        &self,
        ready: Vec<Change>,
        first: Option<ChangeHash>,
        refused: &mut Vec<(Vec<u8>, String)>,
    ) -> Vec<Change> {
        let stats = self.auto.stats();
        let (mut operations, mut changes) = (stats.num_ops, stats.num_changes);
        let mut left_out: HashSet<ChangeHash> = HashSet::new();
        let mut kept = Vec::new();
        for change in ready {
            let why = if change.deps().iter().any(|dep| left_out.contains(dep)) {
                "it builds on a change that was refused"
            } else if change.deps().is_empty() && first.is_some_and(|first| first != change.hash()) {
                "it begins something that can begin only once, and differently"
            } else if operations + change.len() as u64 > MAX_OPERATIONS || changes >= MAX_CHANGES {
                "the history of its record would be longer than any device can load"
            } else {
                changes += 1;
                operations += change.len() as u64;
                kept.push(change);
                continue;
            };
            left_out.insert(change.hash());
            refused.push((change.raw_bytes().to_vec(), why.into()));
        }
        kept
    }

    /// Applies what can be applied. One bad change among many good ones costs a few tries, not one for each; of many bad ones
    /// a bounded number is found out, and the rest is for another time.
    fn apply(&self, changes: Vec<Change>, refused: &mut Vec<(Vec<u8>, String)>) -> (Self, Reading, Vec<Change>) {
        let (mut taken, mut added, mut left_out) = (None, Vec::new(), HashSet::new());
        let (mut parts, mut operations, mut tried) = (vec![changes], self.auto.stats().num_ops, 0_u64);
        while let Some(mut part) = parts.pop() {
            part.retain(|change| {
                let stands = change.deps().iter().all(|dep| !left_out.contains(dep));
                if !stands {
                    left_out.insert(change.hash());
                    refused.push((change.raw_bytes().to_vec(), "it builds on a change that was refused".into()));
                }
                stands
            });
            if part.is_empty() {
                continue;
            }
            if tried >= MOST_TRIED {
                left_out.extend(part.iter().map(Change::hash));
                let why = format!("{NOT_NOW}too much that came with it cannot be applied");
                refused.extend(part.iter().map(|change| (change.raw_bytes().to_vec(), why.clone())));
                continue;
            }
            let becomes = operations + part.iter().map(|change| change.len() as u64).sum::<u64>();
            tried += becomes.max(LEAST_TRIED);
            match taken.as_ref().map_or(self, |(document, _)| document).try_apply(&part) {
                Some(next) => {
                    operations = becomes;
                    taken = Some(next);
                    added.extend(part);
                }
                None if part.len() == 1 => {
                    left_out.insert(part[0].hash());
                    refused.push((part[0].raw_bytes().to_vec(), "it cannot be applied and read back".into()));
                }
                None => {
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                }
            }
        }
        let (document, reading) = taken.unwrap_or_else(|| (self.clone(), self.read()));
        (document, reading, added)
    }

    fn try_apply(&self, changes: &[Change]) -> Option<(Self, Reading)> {
        let apply = || -> Option<(Self, Reading)> {
            let mut copy = self.clone();
            copy.auto.apply_changes(changes.iter().cloned()).ok()?;
            let reloaded = Self::load(&copy.save()).ok()?;
            let whole = reloaded.heads() == copy.heads() && changes.iter().all(|c| reloaded.has_change(&c.hash().0));
            // Reading is part of the test: what makes it panic, or reads back otherwise, must not get in.
            let reading = reloaded.read();
            (whole && reading == copy.read()).then_some((reloaded, reading))
        };
        catch_unwind(AssertUnwindSafe(apply)).ok().flatten()
    }

    /// Whether the first change is the one every device writes for something that can exist only once.
    pub fn begins_as_singleton(&self, kind: Kind, id: RecordId) -> bool {
        let Ok((_, first)) = Self::singleton(kind, id) else { return false };
        let roots = self.auto.get_changes_meta(&[]).into_iter().filter(|change| change.deps.is_empty());
        roots.into_iter().all(|change| change.hash.0 == first.hash) && self.has_change(&first.hash)
    }

    /// Whether imports alone wrote it, and nobody has touched it. How something that can exist only once begins is
    /// nobody's word.
    pub fn is_as_imported(&self, kind: Kind, id: RecordId) -> bool {
        let first = if kind.is_singleton() { Self::singleton(kind, id).ok() } else { None };
        let begins = first.map(|(_, change)| ChangeHash(change.hash));
        let changes = self.auto.get_changes_meta(&[]);
        changes.iter().all(|change| change.message.as_deref() == Some(BY_IMPORT) || Some(change.hash) == begins)
    }

    /// Whether a new record with these edits passes every limit: tried in memory, and thrown away.
    ///
    /// # Errors
    /// [`Error::Invalid`] in words when a text or value is too long or cannot be held.
    pub fn check(kind: Kind, id: RecordId, edits: &[Edit]) -> Result<()> {
        let mut document = if kind.is_singleton() { Self::singleton(kind, id)?.0 } else { Self::default() };
        document.edit(kind, edits, None, Actor([0; 16]), 0, true).map(drop)
    }

    /// Whether somebody edited the record at the same time as, or after, it was deleted. Two who deleted it at once did
    /// not edit it.
    pub fn edited_beside_deletion(&self) -> bool {
        let is_deletion = |value: &AmValue<'_>| match value {
            AmValue::Scalar(value) => !matches!(value.as_ref(), ScalarValue::Null),
            AmValue::Object(_) => false,
        };
        let key = crate::model::record::DELETED_AT;
        if !matches!(self.auto.get(ROOT, key), Ok(Some((value, _))) if is_deletion(&value)) {
            return false;
        }
        let deletions = self.auto.get_all(ROOT, key).unwrap_or_default().into_iter();
        let deletions = deletions.filter(|(value, _)| is_deletion(value));
        let known = self.ancestors(deletions.filter_map(|(_, id)| self.auto.hash_for_opid(&id)).collect());
        self.auto.get_changes_meta(&[]).into_iter().any(|change| !known.contains(&change.hash))
    }

    /// These changes and all that they build on.
    fn ancestors(&self, of: Vec<ChangeHash>) -> HashSet<ChangeHash> {
        let (mut seen, mut queue): (HashSet<ChangeHash>, _) = (of.iter().copied().collect(), of);
        while let Some(hash) = queue.pop() {
            let deps = self.auto.get_change_meta_by_hash(&hash).map(|change| change.deps).unwrap_or_default();
            queue.extend(deps.into_iter().filter(|dep| seen.insert(*dep)));
        }
        seen
    }
}

fn parse(bytes: &[u8]) -> std::result::Result<Change, String> {
    gate::check(bytes).map_err(|refused| refused.to_string())?;
    let parsed = catch_unwind(|| Change::from_bytes(bytes.to_vec()));
    let change = match parsed {
        Ok(Ok(change)) => change,
        Ok(Err(error)) => return Err(format!("no readable change ({error})")),
        Err(_) => return Err("its bytes break the reader".into()),
    };
    // Automerge does not compare the checksum here: the first four bytes of the hash.
    if bytes.get(4..8) != Some(&change.hash().0[..4]) {
        return Err("its checksum is wrong".into());
    }
    if change.len() as u64 > gate::MAX_ROWS {
        return Err("too many operations".into());
    }
    Ok(change)
}

/// The texts made with a record: all it has, but for what exists once.
fn first_texts(kind: Kind) -> Vec<&'static str> {
    if kind.is_singleton() {
        return FIRST_TEXTS.iter().filter(|(of, _)| *of == kind).flat_map(|(_, texts)| texts.iter().copied()).collect();
    }
    kind.fields().iter().filter(|field| field.shape == Shape::Text).map(|field| field.name).collect()
}

fn refused_edit(error: automerge::AutomergeError) -> Error {
    Error::Invalid(format!("the record refused the edit ({error})"))
}

/// Puts large texts into changes of their own, and the rest together as far as it fits.
fn steps(edits: &[Edit], bytes_of_texts: impl Fn(&str) -> Vec<usize>) -> Vec<Vec<Edit>> {
    let mut steps: Vec<Vec<Edit>> = Vec::new();
    let mut room = 0;
    for edit in edits {
        let size = match edit {
            Edit::Put { key, value } => key.len() + value.as_str().map_or(8, str::len) + 16,
            // An operation a letter, added or taken away, in each of several texts.
            Edit::Text { field, text } => {
                let old = bytes_of_texts(field);
                8 * (text.len() * old.len().max(1) + old.iter().sum::<usize>()) + 64
            }
        };
        match steps.last_mut() {
            Some(step) if size <= room => step.push(edit.clone()),
            _ => {
                steps.push(vec![edit.clone()]);
                room = STEP_ROOM;
            }
        }
        room = room.saturating_sub(size);
    }
    steps
}

/// The way from one text to another in stages that each insert or delete at most so many characters.
fn text_stages(old: &str, new: &str, most: usize) -> Vec<String> {
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let (prefix, suffix) = alike_at_both_ends(&old, &new);
    let (gone, come) = (&old[prefix..old.len() - suffix], &new[prefix..new.len() - suffix]);
    if gone.len() + come.len() <= most {
        return vec![new.iter().collect()];
    }
    let tail = &old[old.len() - suffix..];
    let stage = |middle: &[&[char]]| -> String {
        new[..prefix].iter().chain(middle.iter().copied().flatten()).chain(tail).collect()
    };
    let deleted = (1..=gone.len().div_ceil(most)).map(|n| stage(&[&gone[(n * most).min(gone.len())..]]));
    let inserted = (1..=come.len().div_ceil(most)).map(|n| stage(&[&come[..(n * most).min(come.len())]]));
    deleted.chain(inserted).collect()
}

/// What a new document begins with. Automerge takes all of it at once in less than half the time of one by one.
fn beginning(kind: Kind, edits: &[Edit]) -> Result<hydrate::Map> {
    let text = |text: &str| hydrate::Value::text(TextEncoding::UnicodeCodePoint, text);
    let mut all = HashMap::from([(KIND, hydrate::Value::scalar(kind.word()))]);
    all.extend(first_texts(kind).into_iter().map(|field| (field, text(""))));
    for edit in edits {
        match edit {
            Edit::Put { key, value } => all.insert(key, hydrate::Value::Scalar(scalar(value)?)),
            Edit::Text { field, text: words } => all.insert(field, text(words)),
        };
    }
    Ok(all.into())
}

/// Writes edits in their order. What exists once begins so too: its first change has the same bytes on every device.
fn put_one_by_one(
    transaction: &mut automerge::transaction::Transaction<'_>,
    begins: Option<Kind>,
    edits: &[Edit],
) -> Result<()> {
    if let Some(kind) = begins {
        transaction.put(ROOT, KIND, kind.word()).map_err(refused_edit)?;
        for text in first_texts(kind) {
            transaction.put_object(ROOT, text, ObjType::Text).map_err(refused_edit)?;
        }
    }
    for edit in edits {
        let done = match edit {
            Edit::Put { key, value } => transaction.put(ROOT, key.as_str(), scalar(value)?),
            Edit::Text { field, text } => put_text(transaction, field, text),
        };
        done.map_err(refused_edit)?;
    }
    Ok(())
}

/// The texts of a field with what they say, the one first that Automerge would choose. More than one are there when two
/// devices each made it.
fn texts(
    document: &impl ReadDoc,
    field: &str,
    at: Option<&[ChangeHash]>,
) -> std::result::Result<Vec<(ObjId, String)>, automerge::AutomergeError> {
    let values = match at {
        Some(heads) => document.get_all_at(ROOT, field, heads)?,
        None => document.get_all(ROOT, field)?,
    };
    let objects = values.into_iter().rev().filter(|(value, _)| matches!(value, AmValue::Object(ObjType::Text)));
    let text = |id: &ObjId| match at {
        Some(heads) => document.text_at(id, heads),
        None => document.text(id),
    };
    objects.map(|(_, id)| text(&id).map(|text| (id, text))).collect()
}

/// What of several texts is shown: those alike once, as [`Document::read`] does.
fn shown(texts: &[(ObjId, String)]) -> Vec<&str> {
    let mut shown: Vec<&str> = Vec::new();
    for (_, text) in texts {
        if !text.is_empty() && shown.len() < MAX_VALUES && !shown.contains(&text.as_str()) {
            shown.push(text);
        }
    }
    shown
}

/// Makes what is shown of a field read like this. Where it is several texts each takes what is changed in it, and none goes:
/// somebody may be writing in any of them.
fn put_text(
    transaction: &mut automerge::transaction::Transaction<'_>,
    field: &str,
    text: &str,
) -> std::result::Result<(), automerge::AutomergeError> {
    let all = texts(transaction, field, None)?;
    let Some((first, _)) = all.first() else {
        let object = transaction.put_object(ROOT, field, ObjType::Text)?;
        return transaction.splice_text(&object, 0, 0, text);
    };
    let shown = shown(&all);
    if shown.is_empty() {
        return transaction.splice_text(first, 0, 0, text);
    }
    for (n, part) in parts_of(&shown, text, TEXT_STEP / 2 / all.len()) {
        for (object, _) in all.iter().filter(|(_, says)| says == shown[n]) {
            transaction.update_text(object, &part)?;
        }
    }
    Ok(())
}

/// What each of several texts becomes when they, one under the other, shall read like `new`: only those that change. Two of
/// which the line between is taken out become one where the rest of the second is at most `most_moved` characters.
fn parts_of(texts: &[&str], new: &str, most_moved: usize) -> Vec<(usize, String)> {
    if let [_] = texts {
        return vec![(0, new.into())];
    }
    let old: Vec<char> = texts.join(BETWEEN_TEXTS).chars().collect();
    let new: Vec<char> = new.chars().collect();
    if old == new {
        return Vec::new();
    }
    let mut ends: Vec<usize> = Vec::new();
    texts.iter().for_each(|text| ends.push(ends.last().map_or(0, |end| end + 1) + text.chars().count()));
    let holding = |at: usize| ends.iter().take_while(|end| **end < at).count();
    let begin_of = |n: usize| n.checked_sub(1).map_or(0, |before| ends[before] + 1);
    let (prefix, suffix) = alike_at_both_ends(&old, &new);
    let (first, last) = (holding(prefix), holding(old.len() - suffix));
    let rest = ends[last] - (old.len() - suffix);
    let (changed, end) = (new.len() - suffix, new.len() - suffix + rest);
    let said = |range: std::ops::Range<usize>| new[range].iter().collect::<String>();
    let own = if first == last || rest <= most_moved { end } else { changed };
    let mut parts = vec![(first, said(begin_of(first)..own))];
    parts.extend((first + 1..=last).map(|n| (n, if n == last { said(own..end) } else { String::new() })));
    parts
}

/// How many letters two texts have in common at their beginning, and at their end.
fn alike_at_both_ends(old: &[char], new: &[char]) -> (usize, usize) {
    let prefix = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - prefix;
    (prefix, old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count())
}

fn scalar(value: &Value) -> Result<ScalarValue> {
    Ok(match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(value) => ScalarValue::Boolean(*value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => ScalarValue::Int(number),
            (None, Some(number)) => ScalarValue::F64(number),
            _ => return Err(Error::Invalid("a number out of range".into())),
        },
        Value::String(text) if text.len() > MAX_VALUE => {
            return Err(Error::Invalid(format!("a value of more than {MAX_VALUE} bytes is too long for one field")));
        }
        Value::String(text) => ScalarValue::Str(text.as_str().into()),
        Value::Array(_) | Value::Object(_) => {
            return Err(Error::Invalid("a field holds one value, not several".into()));
        }
    })
}

fn json_of(scalar: &ScalarValue) -> Value {
    match scalar {
        ScalarValue::Str(text) => text.as_str().into(),
        ScalarValue::Int(number) | ScalarValue::Timestamp(number) => (*number).into(),
        ScalarValue::Uint(number) => (*number).into(),
        ScalarValue::F64(number) => (*number).into(),
        ScalarValue::Boolean(value) => (*value).into(),
        ScalarValue::Counter(counter) => i64::from(counter).into(),
        ScalarValue::Bytes(bytes) | ScalarValue::Unknown { bytes, .. } => {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
        }
        ScalarValue::Null => Value::Null,
    }
}

fn put_collections(
    map: &mut Map<String, Value>,
    fields: &[FieldInfo],
    sets: BTreeMap<String, BTreeSet<String>>,
    entries: BTreeMap<String, BTreeMap<String, Map<String, Value>>>,
) {
    for (name, members) in sets {
        map.insert(name, members.into_iter().map(Value::String).collect());
    }
    for (name, list) in entries {
        debug_assert!(fields.iter().any(|field| field.name == name));
        let living: Vec<Value> = list
            .into_iter()
            .filter(|(_, entry)| entry.get(ENTRY_DELETED) != Some(&Value::Bool(true)))
            .map(|(id, mut entry)| {
                entry.retain(|key, value| key != ENTRY_DELETED && !value.is_null());
                entry.shift_insert(0, "id".into(), id.into());
                Value::Object(entry)
            })
            .collect();
        if !living.is_empty() {
            map.insert(name, living.into());
        }
    }
}

/// Whether a key belongs to an entry that is not shown any more.
fn is_deleted_entry(key: &str, fields: &Map<String, Value>) -> bool {
    let mut parts = key.splitn(3, '/');
    let (Some(name), Some(entry), Some(_)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let living = fields.get(name).and_then(Value::as_array);
    !living.is_some_and(|list| list.iter().any(|e| e.get("id").and_then(Value::as_str) == Some(entry)))
}

/// The hash that names a change.
///
/// # Errors
/// [`Error::Unreadable`] when the bytes are no change.
pub fn hash_of(bytes: &[u8]) -> Result<[u8; 32]> {
    parse(bytes).map(|change| change.hash().0).map_err(Error::Unreadable)
}
