//! Taking everything along: the whole notebook as JSON, and people as vCards. Taking it in again is in `json.rs`.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde_json::{Map, Value};

use super::{Notebook, Progress};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::files::NewFile;
use crate::model::*;
use crate::query::pages;
use crate::store;

/// The name every export carries.
pub(super) const FORMAT: &str = "kith-notebook";
/// The version of the JSON form; a newer one is not read.
pub(super) const VERSION: u64 = 1;

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
    /// [`Error::Exists`] when there is such a file already: it is left alone. Otherwise as [`Notebook::export_json`];
    /// then no file is left.
    pub fn export_file(&self, to: &Path, form: ExportForm, private: bool, progress: Progress<'_>) -> Result<u64> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::Exists(format!("{} is there already and was left alone", to.display()))
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

    /// Writes every record, deleted ones included, and every photo; a record of a kind that only a newer version knows
    /// with its history, so that nothing of it is lost. Without `private`, only what others may see:
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
            write!(out, "{}\n{}", if count == 0 { "" } else { "," }, record_json(kind.word(), fields))?;
            count += 1;
            Ok(())
        })?;
        let unknown = if private { pages::of_unknown_kinds(&transaction)? } else { Vec::new() };
        for (id, kind, fields) in unknown {
            let fields = with_history(store::readable(&transaction, id)?, id, fields);
            write!(out, "{}\n{}", if count == 0 { "" } else { "," }, record_json(&kind, fields))?;
            count += 1;
        }
        write!(out, "\n],\n\"photos\": {{")?;
        let photos = store::blobs(&transaction)?.into_iter().filter(|(id, _)| private || shown.contains(id));
        for (at, (id, bytes)) in photos.enumerate() {
            write!(out, "{}\n\"{id}\": \"{}\"", if at == 0 { "" } else { "," }, data_encoding::BASE64.encode(&bytes))?;
        }
        writeln!(out, "\n}}\n}}")?;
        out.flush()?;
        Ok(count)
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

pub(super) fn open_file(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::NotFound(format!("the file {}", path.display())),
        _ => error.into(),
    })
}

/// A file somebody watches: what passes is counted, and what they answer as an error stops it.
pub(super) struct Watched<'a, F> {
    file: F,
    progress: Progress<'a>,
    bytes: u64,
    pub(super) total: u64,
    stopped: Option<Error>,
}

impl<'a, F> Watched<'a, F> {
    pub(super) fn new(file: F, progress: Progress<'a>) -> Self {
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
    pub(super) fn done<T>(self, outcome: Result<T>) -> Result<(F, T)> {
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

/// What is told of a record of a kind this version does not know: its changes as they are, since what they mean, and
/// whether each device must begin it alike, only a newer version can say. Damaged, as it was last shown.
fn with_history(document: Option<Document>, id: RecordId, fields: Map<String, Value>) -> Map<String, Value> {
    let Some(document) = document else { return fields };
    let changes = document.changes().into_iter().map(|change| data_encoding::BASE64.encode(&change.bytes));
    let changes: Vec<Value> = changes.map(Value::String).collect();
    Map::from_iter([("id".to_string(), id.to_string().into()), ("changes".to_string(), changes.into())])
}

fn record_json(kind: &str, fields: Map<String, Value>) -> String {
    let mut map = Map::new();
    // A record may have a field of this name, so the kind has one of its own.
    map.insert("record".into(), kind.into());
    map.extend(fields);
    Value::Object(map).to_string()
}
