//! Taking everything along: the whole notebook as JSON, and people as vCards.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Notebook, Origin, Progress};
use crate::error::{Error, Result};
use crate::files::NewFile;
use crate::model::record::edits_of;
use crate::model::*;
use crate::query::pages;
use crate::store;

/// The name every export carries.
const FORMAT: &str = "kith-notebook";
/// The version of the JSON form; a newer one is not read.
const VERSION: u64 = 1;
/// Largest JSON file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// Records that are committed together.
const SLICE: usize = 200;

/// What a JSON import did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct JsonReport {
    /// Records that came in.
    pub new: u64,
    /// Records that were here already and were left alone.
    pub known: u64,
    /// Photos that came in.
    pub photos: u64,
    /// Records of kinds that only a newer version knows, left out.
    pub unknown: u64,
    /// The import, when the notebook held something before; it can be undone.
    pub import: Option<Id<Import>>,
}

/// In which form a notebook is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ExportForm {
    /// Everything, as JSON; see [`Notebook::export_json`].
    Json,
    /// People, as vCards of version 3.0; see [`Notebook::export_vcards`].
    Vcards,
}

impl Notebook {
    /// Writes a new file that appears when all of it is there; answers how many records or people are in it. `progress`
    /// hears how many bytes were written, and 0 of how many.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is such a file already: it is left alone. Otherwise as [`Notebook::export_json`];
    /// then no file is left.
    pub fn export_file(&self, to: &Path, form: ExportForm, private: bool, progress: Progress<'_>) -> Result<u64> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::Invalid(format!("{} is there already and was left alone", to.display()))
            }
            _ => error.into(),
        };
        let mut out = Watched::new(io::BufWriter::new(NewFile::create(to).map_err(failed)?), progress);
        let written = match form {
            ExportForm::Json => self.export_json(&mut out, private),
            ExportForm::Vcards => self.export_vcards(&mut out, private),
        };
        let (out, count) = out.done(written)?;
        out.into_inner().map_err(|error| failed(error.into_error()))?.finish().map_err(failed)?;
        Ok(count)
    }

    /// Reads the file of an earlier [`Notebook::export_json`]. `progress` hears how many bytes were read, and of how many.
    ///
    /// # Errors
    /// As [`Notebook::import_json`].
    pub fn import_export(&self, from: &Path, progress: Progress<'_>) -> Result<JsonReport> {
        let file = open_file(from)?;
        let mut input = Watched::new(&file, progress);
        input.total = file.metadata()?.len();
        let read = self.import_json(&mut input);
        Ok(input.done(read)?.1)
    }

    /// Writes every record, deleted ones included, and every photo. Without `private`, only what others may see:
    /// [`crate::model::Kind::public_fields`] of living records, and the photos they show.
    ///
    /// # Errors
    /// [`Error::Storage`] when the notebook cannot be read or the output cannot be written.
    pub fn export_json(&self, out: &mut dyn Write, private: bool) -> Result<u64> {
        let connection = store::open_reader(self.path())?;
        let transaction = connection.unchecked_transaction()?;
        let head = serde_json::json!({
            "format": FORMAT, "version": VERSION, "private_included": private, "exported_at": self.now(),
        });
        let head = head.to_string();
        write!(out, "{},\n\"records\": [", head.trim_end_matches('}'))?;
        let mut count = 0;
        let mut shown = HashSet::new();
        pages::each(&transaction, |record| {
            let kind = record.kind();
            let Some(fields) = (if private { Some(record.to_map()) } else { without_private(&record) }) else {
                return Ok(());
            };
            shown.extend(fields.get("photo").and_then(Value::as_str).map(String::from));
            write!(out, "{}\n{}", if count == 0 { "" } else { "," }, record_json(kind, fields))?;
            count += 1;
            Ok(())
        })?;
        write!(out, "\n],\n\"photos\": {{")?;
        let photos = store::blobs(&transaction)?.into_iter().filter(|(id, _)| private || shown.contains(id));
        for (at, (id, bytes)) in photos.enumerate() {
            write!(out, "{}\n\"{id}\": \"{}\"", if at == 0 { "" } else { "," }, data_encoding::BASE64.encode(&bytes))?;
        }
        writeln!(out, "\n}}\n}}")?;
        out.flush()?;
        Ok(count)
    }

    /// Takes a JSON export in: into an empty notebook as it was, with the same ids; into another as an import that
    /// adds what is not there and can be undone.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when it is no such export or damaged, before anything is written.
    pub fn import_json(&self, input: &mut dyn Read) -> Result<JsonReport> {
        let mut text = String::new();
        input
            .take(MAX_BYTES)
            .read_to_string(&mut text)
            .map_err(|e| Error::Unreadable(format!("not readable ({e})")))?;
        let export: Map<String, Value> =
            serde_json::from_str(&text).map_err(|e| Error::Unreadable(format!("the export is damaged: {e}")))?;
        if export.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(Error::Unreadable("this is no export of a Kith notebook".into()));
        }
        if export.get("version").and_then(Value::as_u64).is_none_or(|version| version > VERSION) {
            return Err(Error::NeedsUpdate("this export".into()));
        }
        let records = export.get("records").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut report = JsonReport::default();
        let parsed = records.iter().map(parse_record).collect::<Result<Vec<_>>>()?;
        self.take_photos(&export, &mut report)?;
        if !self.read(store::has_documents)? {
            self.take_records(&parsed, None, &mut report)?;
        } else {
            let import = Import { source: "kith".into(), at: Some(self.now()), ..Import::default() };
            let id = self.put(import)?;
            self.remember_step(super::UndoStep::Imported(id))?;
            self.take_records(&parsed, Some(id), &mut report)?;
            self.edit(id, |import: &mut Import| import.finished = true)?;
            report.import = Some(id);
        }
        Ok(report)
    }

    fn take_photos(&self, export: &Map<String, Value>, report: &mut JsonReport) -> Result<()> {
        let photos = export.get("photos").and_then(Value::as_object).into_iter().flatten();
        for (id, text) in photos {
            let bytes = text.as_str().and_then(|text| data_encoding::BASE64.decode(text.as_bytes()).ok());
            let Some(bytes) = bytes.filter(|bytes| BlobId::of(bytes).0 == *id) else {
                return Err(Error::Unreadable("the export is damaged: a photo is not what its name says".into()));
            };
            self.commit(super::Change { blobs: vec![bytes], ..Default::default() }, Origin::Here)?;
            report.photos += 1;
        }
        Ok(())
    }

    fn take_records(
        &self,
        records: &[(Option<Kind>, RecordId, Map<String, Value>)],
        import: Option<Id<Import>>,
        report: &mut JsonReport,
    ) -> Result<()> {
        for slice in records.chunks(SLICE) {
            let mut writing = self.write();
            writing.import = import;
            for (kind, id, fields) in slice {
                let Some(kind) = kind else {
                    report.unknown += 1;
                    continue;
                };
                if self.read(|connection| store::document_row(connection, *id))?.is_some() {
                    report.known += 1;
                    continue;
                }
                let mut edits = self.with_random(|random| edits_of(kind.fields(), &Map::new(), fields, random));
                if let Some(import) = import {
                    edits.push(Edit::Put { key: "import".into(), value: import.to_string().into() });
                }
                writing.push(*kind, *id, edits, None);
                report.new += 1;
            }
            writing.commit()?;
        }
        Ok(())
    }

    /// Writes living people as vCards of version 3.0, which phones of every make read. Without `private`, without the
    /// note, the family and what an imported card held besides.
    ///
    /// # Errors
    /// As [`Notebook::export_json`].
    pub fn export_vcards(&self, out: &mut dyn Write, private: bool) -> Result<u64> {
        let connection = store::open_reader(self.path())?;
        let mut from = 0;
        let mut count = 0;
        loop {
            let contacts: Vec<Contact> = pages::list(&connection, false, from, pages::MAX_ROWS)?;
            if contacts.is_empty() {
                break;
            }
            from += contacts.len() as u32;
            for contact in contacts {
                let Some((contact, _)) = pages::contact(&connection, contact.id)? else { continue };
                let photo = match &contact.photo {
                    Some(photo) => store::blob(&connection, &photo.0)?,
                    None => None,
                };
                let contact = if private { contact } else { public_contact(contact) };
                let name = |id| pages::get::<Organisation>(&connection, id).ok().flatten().map(|o| o.name);
                out.write_all(crate::export::vcard3(&contact, &name, photo.as_deref()).as_bytes())?;
                count += 1;
            }
        }
        out.flush()?;
        Ok(count)
    }
}

/// Whether this file is what [`Notebook::export_json`] writes, by its beginning.
///
/// # Errors
/// [`Error::NotFound`] when there is no such file, [`Error::Storage`] when it cannot be read.
pub fn is_export(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    open_file(path)?.take(4096).read_to_end(&mut head)?;
    let head = String::from_utf8_lossy(&head);
    Ok(head.trim_start_matches('\u{feff}').trim_start().starts_with('{') && head.contains("\"kith-notebook\""))
}

fn open_file(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::NotFound(format!("the file {}", path.display())),
        _ => error.into(),
    })
}

/// A file somebody watches: what passes is counted, and what they answer as an error stops it.
struct Watched<'a, F> {
    file: F,
    progress: Progress<'a>,
    bytes: u64,
    total: u64,
    stopped: Option<Error>,
}

impl<'a, F> Watched<'a, F> {
    fn new(file: F, progress: Progress<'a>) -> Self {
        Self { file, progress, bytes: 0, total: 0, stopped: None }
    }

    fn passed(&mut self, bytes: usize) -> io::Result<usize> {
        self.bytes += bytes as u64;
        match (self.progress)(self.bytes, self.total) {
            Ok(()) => Ok(bytes),
            Err(error) => {
                self.stopped = Some(error);
                Err(io::Error::other("stopped"))
            }
        }
    }

    /// Why it was stopped, if it was, is what is told.
    fn done<T>(self, outcome: Result<T>) -> Result<(F, T)> {
        match self.stopped {
            Some(error) => Err(error),
            None => Ok((self.file, outcome?)),
        }
    }
}

impl<F: Write> Write for Watched<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.file.write(bytes)?;
        self.passed(length)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<F: Read> Read for Watched<'_, F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(into)?;
        self.passed(length)
    }
}

fn record_json(kind: Kind, fields: Map<String, Value>) -> String {
    let mut map = Map::new();
    // A record may have a field of this name, so the kind has one of its own.
    map.insert("record".into(), kind.word().into());
    map.extend(fields);
    Value::Object(map).to_string()
}

fn parse_record(record: &Value) -> Result<(Option<Kind>, RecordId, Map<String, Value>)> {
    let broken = || Error::Unreadable("the export is damaged: a record has no kind or id".into());
    let mut fields = record.as_object().cloned().ok_or_else(broken)?;
    let kind = fields.shift_remove("record").and_then(|kind| kind.as_str().map(Kind::from_word)).ok_or_else(broken)?;
    let id = fields.shift_remove("id").and_then(|id| id.as_str()?.parse().ok()).ok_or_else(broken)?;
    // Read and written again, so that only what a record can hold goes in, and entries keep their ids.
    let fields = match kind {
        Some(kind) => {
            let mut fields = AnyRecord::from_map(kind, fields).to_map();
            fields.shift_remove("id");
            fields
        }
        None => fields,
    };
    Ok((kind, id, fields))
}
