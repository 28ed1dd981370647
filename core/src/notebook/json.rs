//! Taking the whole of an export in: all of it is checked before anything is written; then it is written slice by slice,
//! under an import that can be undone, or into an empty notebook as it was.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::export::{FORMAT, VERSION, Watched, open_file};
use super::{Notebook, Progress, UndoStep, Writing};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::model::record::{edits_of, unknown_edits};
use crate::model::*;
use crate::query::{self, pages};
use crate::store;

/// Largest JSON file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// Records that are committed together.
const SLICE: usize = 200;
/// What this device remembers of an export that comes into an empty notebook, until all of it is in: its fingerprint.
const RESTORING: &str = "restoring";

/// What a JSON import would do, or did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct JsonReport {
    /// Records that came in.
    pub new: u64,
    /// Records that were here already and were left alone.
    pub known: u64,
    /// Of those, how many say something else here than in the file.
    pub differ: u64,
    /// Photos that came in.
    pub photos: u64,
    /// Records of kinds that only a newer version knows, left out.
    pub unknown: u64,
    /// Records that were deleted for good here, left out.
    pub purged: u64,
    /// The import, when the notebook held something before; it can be undone.
    pub import: Option<Id<Import>>,
}

/// An export, read and checked.
struct Export {
    records: Vec<Entry>,
    photos: HashMap<String, Vec<u8>>,
    /// Names the file, so that one that was interrupted is known again.
    fingerprint: String,
}

/// One record of an export.
struct Entry {
    id: RecordId,
    says: Says,
}

enum Says {
    /// Of a kind this version knows: its fields, without the id.
    Fields(Kind, Map<String, Value>),
    /// Of a kind of a newer version: its history, change by change.
    History(Vec<Vec<u8>>),
    /// Of a kind of a newer version, and no more than that is told.
    Nothing,
}

/// A record of a kind the writer of the file did not know: its changes, and what they come to.
struct History {
    changes: Vec<Vec<u8>>,
    fields: Map<String, Value>,
}

/// What becomes of a record of the file.
enum Fate {
    New,
    /// It was here and went with an import that was undone: what it says here now.
    Back(Map<String, Value>),
    Known {
        differs: bool,
    },
    Unknown,
    Purged,
}

impl Notebook {
    /// Reads the file of an earlier [`Notebook::export_json`]. `progress` hears how many bytes were gone through, and of
    /// how many: the file is read, then checked, then written, and each time counts.
    ///
    /// # Errors
    /// As [`Notebook::import_json`].
    pub fn import_export(&self, from: &Path, progress: Progress<'_>) -> Result<JsonReport> {
        let (export, bytes) = read_file(from, progress)?;
        let name = from.file_name().unwrap_or_default().to_string_lossy();
        self.take_in(export, &name, &mut stage(progress, bytes, 2))
    }

    /// Says what [`Notebook::import_export`] would do. Changes nothing.
    ///
    /// # Errors
    /// As [`Notebook::import_json`].
    pub fn import_export_preview(&self, from: &Path, progress: Progress<'_>) -> Result<JsonReport> {
        let (export, bytes) = read_file(from, progress)?;
        let (merging, mut report) = (self.merges(&export)?, JsonReport::default());
        let mut see = stage(progress, bytes, 2);
        for (at, entry) in export.records.iter().enumerate() {
            see(at, export.records.len())?;
            count(&mut report, &self.fate(entry, merging)?);
        }
        report.photos = self.new_photos(&export)?.len() as u64;
        Ok(report)
    }

    /// Takes a JSON export in: into an empty notebook as it was, with the same ids; into another as an import that
    /// adds what is not there and can be undone. Killed half way, the same export goes on where it was.
    ///
    /// # Errors
    /// Before anything is written: [`Error::Unreadable`] when it is no such export or damaged, [`Error::Invalid`] when a
    /// record is beyond what one can hold; both name the record. [`Error::NeedsUpdate`] when a newer version wrote it.
    /// Otherwise as [`Notebook::commit`].
    pub fn import_json(&self, input: &mut dyn Read) -> Result<JsonReport> {
        let export = Export::read(input, &mut |_, _| Ok(()))?;
        self.take_in(export, "", &mut |_, _| Ok(()))
    }

    /// Whether it is added to what is here, rather than brought back into a notebook without anything.
    fn merges(&self, export: &Export) -> Result<bool> {
        self.read(|connection| {
            let interrupted = store::meta::<String>(connection, RESTORING)?;
            Ok(store::has_documents(connection)? && interrupted.as_ref() != Some(&export.fingerprint))
        })
    }

    fn take_in(
        &self,
        mut export: Export,
        file_name: &str,
        see: &mut dyn FnMut(usize, usize) -> Result<()>,
    ) -> Result<JsonReport> {
        let (merging, mut report) = (self.merges(&export)?, JsonReport::default());
        let (all, mut coming) = (export.records.len(), Vec::new());
        for entry in std::mem::take(&mut export.records) {
            let fate = self.fate(&entry, merging)?;
            count(&mut report, &fate);
            match fate {
                Fate::New => coming.push((entry, Map::new())),
                Fate::Back(here) => coming.push((entry, here)),
                _ => {}
            }
        }
        let photos = self.new_photos(&export)?;
        export.photos.retain(|id, _| photos.contains(id));
        report.photos = photos.len() as u64;
        if coming.is_empty() && photos.is_empty() {
            self.remember_restoring(None)?;
            return Ok(report);
        }
        let import = if merging { Some(self.begin_import(file_name)?) } else { None };
        if !merging {
            self.remember_restoring(Some(export.fingerprint.clone()))?;
        }
        for (at, slice) in coming.chunks(SLICE).enumerate() {
            see(all - coming.len() + at * SLICE, all)?;
            self.take_slice(slice, import, &mut export.photos)?;
        }
        // Photos that no record of the file shows.
        let mut writing = self.write();
        export.photos.into_values().for_each(|photo| writing.blob(photo));
        writing.remember(RESTORING, None);
        writing.commit()?;
        if let Some(id) = import {
            self.edit(id, |import: &mut Import| import.finished = true)?;
        }
        report.import = import;
        Ok(report)
    }

    /// Before the first record: what is killed half way can be taken back like what was finished.
    fn begin_import(&self, file_name: &str) -> Result<Id<Import>> {
        let now = Some(self.now());
        let import = Import { source: "kith".into(), file_name: file_name.into(), at: now, ..Import::default() };
        let id = self.put(import)?;
        self.remember_step(UndoStep::Imported(id))?;
        Ok(id)
    }

    fn remember_restoring(&self, fingerprint: Option<String>) -> Result<()> {
        if fingerprint.is_none() && self.read(|c| store::meta::<String>(c, RESTORING))?.is_none() {
            return Ok(());
        }
        let mut writing = self.write();
        writing.remember(RESTORING, fingerprint);
        writing.commit().map(drop)
    }

    /// Writes some records, with the photos they show.
    fn take_slice(
        &self,
        slice: &[(Entry, Map<String, Value>)],
        import: Option<Id<Import>>,
        photos: &mut HashMap<String, Vec<u8>>,
    ) -> Result<()> {
        let mut writing = self.write();
        writing.import = import;
        for (entry, here) in slice {
            match &entry.says {
                Says::Fields(kind, fields) => {
                    let photo = fields.get("photo").and_then(Value::as_str).and_then(|id| photos.remove(id));
                    photo.into_iter().for_each(|photo| writing.blob(photo));
                    writing.take(*kind, entry.id, here, fields);
                }
                Says::History(changes) => writing.retell(entry.id, changes.clone()),
                Says::Nothing => {}
            }
        }
        writing.commit().map(drop)
    }

    fn new_photos(&self, export: &Export) -> Result<HashSet<String>> {
        self.read(|connection| {
            let mut new = HashSet::new();
            for id in export.photos.keys() {
                if store::blob(connection, id)?.is_none() {
                    new.insert(id.clone());
                }
            }
            Ok(new)
        })
    }

    fn fate(&self, entry: &Entry, merging: bool) -> Result<Fate> {
        self.read(|connection| {
            if store::is_purged(connection, entry.id)? {
                return Ok(Fate::Purged);
            }
            let is_here = store::document_row(connection, entry.id)?.is_some();
            Ok(match &entry.says {
                Says::Nothing => Fate::Unknown,
                // An import can only be undone where it can say that it made something.
                Says::History(_) if merging && !is_here => Fate::Unknown,
                Says::History(_) if is_here => Fate::Known { differs: false },
                Says::Fields(..) if !is_here => Fate::New,
                Says::History(_) => Fate::New,
                Says::Fields(_, fields) => {
                    let Some(here) = pages::get_any(connection, entry.id)? else {
                        return Ok(Fate::Known { differs: false });
                    };
                    match went_with_an_import(&here, |import| pages::get(connection, import))? {
                        true => Fate::Back(without_id(here.to_map())),
                        false => Fate::Known { differs: &without_id(here.to_map()) != fields },
                    }
                }
            })
        })
    }
}

impl Writing<'_> {
    /// Writes a record of the file over what is here of it, with all that this version does not know of it.
    fn take(&mut self, kind: Kind, id: RecordId, here: &Map<String, Value>, fields: &Map<String, Value>) {
        let mut edits = self.notebook.with_random(|random| edits_of(kind.fields(), here, fields, random));
        edits.extend(unknown_edits(kind.fields(), here, fields));
        if let Some(import) = self.import {
            edits.push(Edit::Put { key: "import".into(), value: import.to_string().into() });
        }
        self.push(kind, id, edits, None);
    }
}

/// Whether a record is here only because undoing an import deletes, and does not forget.
fn went_with_an_import(here: &AnyRecord, import_of: impl FnOnce(Id<Import>) -> Result<Option<Import>>) -> Result<bool> {
    if here.kind().is_singleton() {
        return Ok(without_id(here.to_map()).is_empty());
    }
    let map = here.to_map();
    let import = map.get("import").and_then(Value::as_str).and_then(|id| id.parse::<Id<Import>>().ok());
    let (Some(_), Some(import)) = (here.deleted_at(), import) else { return Ok(false) };
    Ok(import_of(import)?.is_some_and(|import| import.undone_at.is_some()))
}

fn count(report: &mut JsonReport, fate: &Fate) {
    match fate {
        Fate::New | Fate::Back(_) => report.new += 1,
        Fate::Known { differs } => {
            report.known += 1;
            report.differ += u64::from(*differs);
        }
        Fate::Unknown => report.unknown += 1,
        Fate::Purged => report.purged += 1,
    }
}

/// Turns records of a list into bytes of a file that is gone through three times.
fn stage<'a>(progress: Progress<'a>, bytes: u64, which: u64) -> impl FnMut(usize, usize) -> Result<()> + 'a {
    move |at, of| progress(which * bytes + bytes * at as u64 / of.max(1) as u64, 3 * bytes)
}

fn read_file(from: &Path, progress: Progress<'_>) -> Result<(Export, u64)> {
    let file: File = open_file(from)?;
    let bytes = file.metadata()?.len();
    let mut text = String::new();
    let mut input = Watched::new(&file, progress);
    input.total = 3 * bytes;
    let read = read_text(&mut input, &mut text);
    input.done(read)?;
    Ok((Export::of(&text, &mut stage(progress, bytes, 1))?, bytes))
}

fn read_text(input: &mut dyn Read, text: &mut String) -> Result<()> {
    let read = input.take(MAX_BYTES).read_to_string(text);
    read.map(drop).map_err(|error| Error::Unreadable(format!("not readable ({error})")))
}

impl Export {
    fn read(input: &mut dyn Read, see: &mut dyn FnMut(usize, usize) -> Result<()>) -> Result<Self> {
        let mut text = String::new();
        read_text(input, &mut text)?;
        Self::of(&text, see)
    }

    /// Reads an export and checks every record and every photo of it.
    fn of(text: &str, see: &mut dyn FnMut(usize, usize) -> Result<()>) -> Result<Self> {
        let fingerprint = blake3::hash(text.as_bytes()).to_hex().to_string();
        let mut export: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| Error::Unreadable(format!("the export is damaged: {error}")))?;
        if export.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(Error::Unreadable("this is no export of a Kith notebook".into()));
        }
        if export.get("version").and_then(Value::as_u64).is_none_or(|version| version > VERSION) {
            return Err(Error::NeedsUpdate("this export".into()));
        }
        let list = match export.shift_remove("records") {
            Some(Value::Array(records)) => records,
            _ => Vec::new(),
        };
        let (all, mut records, mut ids) = (list.len(), Vec::new(), HashSet::new());
        for (at, record) in list.into_iter().enumerate() {
            see(at, all)?;
            let entry = Entry::of(&record).and_then(|entry| match ids.insert(entry.id) {
                true => Ok(entry),
                false => Err(Error::Unreadable("its id is that of an earlier one".into())),
            });
            records.push(entry.map_err(|error| at_place(&place(at + 1, &record), error))?);
        }
        Ok(Self { records, photos: photos(&export)?, fingerprint })
    }
}

/// Where a record stands in the file, and what it is, as a person would look for it.
fn place(number: usize, record: &Value) -> String {
    let word = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default().replace('_', " ");
    let (kind, id) = (word("record"), word("id"));
    let kind = if kind.is_empty() { "no kind".into() } else { kind };
    let title = match (Kind::from_word(&kind.replace(' ', "_")), record.as_object()) {
        (Some(kind), Some(fields)) => query::title_of(&AnyRecord::from_map(kind, fields.clone())),
        _ => String::new(),
    };
    let title: String = title.chars().take(40).collect();
    let title = if title.trim().is_empty() { String::new() } else { format!(" \"{title}\"") };
    format!("record {number} of the file ({kind}{title}, id {id})")
}

fn at_place(place: &str, error: Error) -> Error {
    match error {
        Error::Unreadable(why) => Error::Unreadable(format!("the export is damaged: {place}: {why}")),
        Error::Invalid(why) => Error::Invalid(format!("{place}: {why}")),
        other => other,
    }
}

impl Entry {
    fn of(record: &Value) -> Result<Self> {
        let broken = || Error::Unreadable("it has no kind or no id".into());
        let mut fields = record.as_object().cloned().ok_or_else(broken)?;
        let kind = fields.shift_remove("record").and_then(|kind| kind.as_str().map(Kind::from_word));
        let kind = kind.ok_or_else(broken)?;
        let id = fields.shift_remove("id").and_then(|id| id.as_str()?.parse().ok()).ok_or_else(broken)?;
        let history = fields.shift_remove("changes").map(|changes| history(&changes)).transpose()?;
        let says = match (kind, history) {
            (None, None) => Says::Nothing,
            (None, Some(history)) => Says::History(history.changes),
            (Some(kind), history) => {
                // What an older version gave on as a history is known by now.
                let fields = history.map_or(fields, |history| history.fields);
                // Read and written again, so that entries keep their ids and what does not fit is kept beside.
                let fields = without_id(AnyRecord::from_map(kind, fields).to_map());
                check(kind, id, &fields)?;
                Says::Fields(kind, fields)
            }
        };
        Ok(Self { id, says })
    }
}

fn without_id(mut fields: Map<String, Value>) -> Map<String, Value> {
    fields.shift_remove("id");
    fields
}

/// The changes of a record of an unknown kind, and what they come to.
fn history(changes: &Value) -> Result<History> {
    let damaged = || Error::Unreadable("its history cannot be read".into());
    let decode = |change: &Value| data_encoding::BASE64.decode(change.as_str()?.as_bytes()).ok();
    let changes: Option<Vec<Vec<u8>>> = changes.as_array().and_then(|list| list.iter().map(decode).collect());
    let changes = changes.filter(|changes| !changes.is_empty()).ok_or_else(damaged)?;
    let admission = Document::default().admit(&changes);
    if !admission.refused.is_empty() || !admission.waiting.is_empty() {
        return Err(damaged());
    }
    Ok(History { changes, fields: admission.reading.fields })
}

/// Whether a record can hold this; names the field that cannot.
fn check(kind: Kind, id: RecordId, fields: &Map<String, Value>) -> Result<()> {
    if let Some(name) = fields.keys().find(|name| name.is_empty() || name.starts_with('@')) {
        return Err(Error::Unreadable(format!("no field can be called \"{name}\"")));
    }
    let mut drawn = 0_u64;
    let mut random = |bytes: &mut [u8]| {
        drawn += 1;
        bytes.iter_mut().zip(drawn.to_le_bytes()).for_each(|(byte, digit)| *byte = digit);
    };
    let mut edits = edits_of(kind.fields(), &Map::new(), fields, &mut random);
    edits.extend(unknown_edits(kind.fields(), &Map::new(), fields));
    let Err(error) = Document::check(kind, id, &edits) else { return Ok(()) };
    let alone = edits.iter().find_map(|edit| {
        let Err(Error::Invalid(why)) = Document::check(kind, id, std::slice::from_ref(edit)) else { return None };
        let key = match edit {
            Edit::Put { key, .. } => key,
            Edit::Text { field, .. } => field,
        };
        Some(Error::Invalid(format!("{}: {why}", key.split('/').next().unwrap_or_default())))
    });
    Err(alone.unwrap_or(error))
}

fn photos(export: &Map<String, Value>) -> Result<HashMap<String, Vec<u8>>> {
    let mut photos = HashMap::new();
    for (id, text) in export.get("photos").and_then(Value::as_object).into_iter().flatten() {
        let damaged = |why: &str| Error::Unreadable(format!("the export is damaged: photo {id} {why}"));
        let bytes = text.as_str().and_then(|text| data_encoding::BASE64.decode(text.as_bytes()).ok());
        let bytes = bytes.ok_or_else(|| damaged("cannot be read"))?;
        if BlobId::of(&bytes).0 != *id {
            return Err(damaged("is not what its name says"));
        }
        if !super::sync::is_photo(&bytes) {
            return Err(damaged("is no JPEG of at most 64 KiB"));
        }
        photos.insert(id.clone(), bytes);
    }
    Ok(photos)
}
