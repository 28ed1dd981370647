//! Bringing in address books: a dry run first, then one import, idempotent, undone in one step on any device.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use chrono::Datelike;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fit::fit;
use super::{Notebook, Progress, Writing};
use crate::error::{Error, Result};
use crate::import::identify::identities;
use crate::import::{Card, ImportError, Item, NO_PHOTO};
use crate::model::record::{ENTRY_DELETED, edits};
use crate::model::*;
use crate::query::words::{folded, words};
use crate::query::{self, pages};

/// People that are committed together.
const SLICE: usize = 200;
/// The program whose file always holds all one has there, so that who is missing has gone.
const SNAPSHOTS: &str = "linkedin";
/// Most people named one by one in a report.
const MAX_NAMED: usize = 50;
/// Longest account of what an import changed on one person, in bytes; beyond it that part cannot be undone.
const MAX_CHANGED: usize = 48 * 1024;

/// What an import would do, or did, in numbers and reasons.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ImportReport {
    /// The import, once it was made; what [`Notebook::undo_import`] takes.
    pub id: Option<Id<Import>>,
    /// Which program's file: "vcard", "linkedin", "google".
    pub source: String,
    /// People that are new here.
    pub new: u64,
    /// People that were here, by what they were recognised by.
    pub matched: BTreeMap<String, u64>,
    /// Of those, how many learned something new.
    pub changed: u64,
    /// People whose organisation or role is another than in the file before.
    pub moved: Vec<String>,
    /// People who were in the file of this program before this one and are in this one no more. They stay as they are.
    /// Told once, of files that hold all one has there: LinkedIn's.
    pub gone: Vec<String>,
    /// How many more of those there are.
    pub gone_more: u64,
    /// People who look like someone here without it being sure, by an address or by the name alone; they come in as new,
    /// and are offered as the same.
    pub need_you: Vec<NeedsYou>,
    /// How many more of those there are.
    pub need_you_more: u64,
    /// What was left out, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// What else is worth knowing, such as a guessed encoding or a photo that cannot be read.
    pub notes: Vec<String>,
    /// How many more of those there are.
    pub notes_more: u64,
}

/// A person somebody has to look at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct NeedsYou {
    /// The line of the file.
    pub line: u64,
    /// The name there.
    pub name: String,
    /// Why it is not sure.
    pub why: String,
}

/// What undoing an import did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ImportUndone {
    /// Records it had made, deleted again.
    pub deleted: u64,
    /// Fields it had changed, put back.
    pub put_back: u64,
    /// What stays, and why.
    pub kept: Vec<Kept>,
}

/// Somebody who stays when an import is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Kept {
    /// The name.
    pub name: String,
    /// Why.
    pub why: String,
}

/// What becomes of a card.
enum Fate {
    New,
    Known(Id<Contact>, &'static str),
    /// New, and somebody should look at it.
    NeedsYou(String),
    /// The same person came earlier in the same file and is not written yet.
    Pending,
}

/// One field an import changed.
#[derive(Serialize, Deserialize)]
struct FieldChanged {
    key: String,
    /// Whether it belongs to an entry that was not there at all.
    new_entry: bool,
    before: Value,
    after: Value,
}

impl Notebook {
    /// Reads a file and says what importing it would do. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Unreadable`] with the line when the file is damaged or not recognised.
    pub fn import_preview(&self, path: &Path, progress: Progress<'_>) -> Result<ImportReport> {
        let mut importing = Importing::new(self, None);
        importing.run(path, progress)?;
        Ok(importing.report)
    }

    /// Imports a file: read whole first, then written slice by slice under one import. Killed half way, the same file
    /// goes on where it was, or what is there is undone.
    ///
    /// # Errors
    /// [`Error::Unreadable`] with the line when the file is damaged, before anything is written; otherwise as
    /// [`Notebook::commit`].
    pub fn import(&self, path: &Path, progress: Progress<'_>) -> Result<ImportReport> {
        let preview = self.import_preview(path, &mut |_, _| Ok(()))?;
        if preview.new == 0 && preview.changed == 0 && preview.gone.is_empty() {
            return Ok(preview);
        }
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let import = Import { source: preview.source, file_name, at: Some(self.now()), ..Import::default() };
        let id = self.put(import)?;
        // Before the first person: what is killed half way can be taken back like what was finished.
        self.remember_step(super::UndoStep::Imported(id))?;
        let mut importing = Importing::new(self, Some(id));
        importing.run(path, progress)?;
        self.edit(id, |import: &mut Import| import.finished = true)?;
        importing.report.id = Some(id);
        Ok(importing.report)
    }

    /// Imports made on any device, newest first.
    ///
    /// # Errors
    /// As any question.
    pub fn imports(&self) -> Result<Vec<Import>> {
        let mut imports: Vec<Import> = self.read(|connection| pages::list(connection, false, 0, pages::MAX_ROWS))?;
        imports.sort_by_key(|import| std::cmp::Reverse(import.at));
        Ok(imports)
    }

    /// Undoes an import: what it made and nobody touched or linked since is deleted, a field goes back where it still
    /// holds what was imported. The rest stays and is listed. Undone once more, what stayed then and is in nobody's way
    /// now goes too, such as a person whom a later import had added to.
    ///
    /// `progress` hears how many records of how many are looked at. Stopped, what is back stays back, two hundred records at
    /// a time, and the rest goes when it is undone again.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such import, [`Error::Invalid`] when it was undone before and nothing of it
    /// can go.
    pub fn undo_import(&self, id: Id<Import>, progress: Progress<'_>) -> Result<ImportUndone> {
        let import: Import = self.get(id)?.ok_or_else(|| super::write::not_found(Kind::Import))?;
        let mut undone = ImportUndone::default();
        let linked = self.read(|connection| pages::pointing_at(connection, id.raw(), None))?;
        let (mut done, total) = (0, linked.len() as u64);
        let (contacts, others): (Vec<_>, Vec<_>) = linked.into_iter().partition(|(kind, _)| *kind == Kind::Contact);
        // People first: organisations stay as long as somebody works there.
        for slice in contacts.chunks(SLICE).chain(others.chunks(SLICE)) {
            let mut writing = self.write();
            // Taking back is no person's edit: what an earlier import made is still as it was imported.
            writing.import = Some(id);
            for (kind, record) in slice {
                progress(done, total)?;
                self.undo_record(&mut writing, id, *kind, *record, &mut undone)?;
                done += 1;
            }
            writing.commit()?;
        }
        if import.undone_at.is_some() && undone.deleted + undone.put_back == 0 {
            return Err(Error::Invalid(already_undone(&undone.kept)));
        }
        let now = self.now();
        self.edit(id, |import: &mut Import| import.undone_at = Some(now))?;
        Ok(undone)
    }

    fn undo_record(
        &self,
        writing: &mut Writing<'_>,
        import: Id<Import>,
        kind: Kind,
        record: RecordId,
        undone: &mut ImportUndone,
    ) -> Result<()> {
        let Some(current) = self.read(|connection| pages::get_any(connection, record))? else { return Ok(()) };
        let made = current.to_map().get("import").and_then(Value::as_str) == Some(&import.to_string());
        if !made {
            return self.put_back(writing, import, record, undone);
        }
        if current.deleted_at().is_some() {
            return Ok(());
        }
        match self.why_it_stays(import, record, &current)? {
            None if kind.is_singleton() => {
                writing.put_map(kind, record, &current.to_map(), &serde_json::Map::new());
                undone.deleted += 1;
            }
            None => {
                writing.delete_alone(record)?;
                undone.deleted += 1;
            }
            // Organisations go with the last who works there.
            Some(_) if kind == Kind::Organisation => {}
            Some(why) => undone.kept.push(Kept { name: query::title_of(&current), why }),
        }
        Ok(())
    }

    /// Why a record that an import made is not deleted with it; none when nobody would miss it.
    fn why_it_stays(&self, import: Id<Import>, record: RecordId, current: &AnyRecord) -> Result<Option<String>> {
        let later = match current {
            AnyRecord::Contact(contact) => contact.sources.iter().any(|source| source.import != Some(import)),
            _ => false,
        };
        if !self.document(record)?.0.is_as_imported(current.kind(), record) {
            return Ok(Some("changed since".into()));
        }
        if later {
            return Ok(Some("a later import added to it; undo that one first".into()));
        }
        for (kind, other) in self.read(|connection| pages::pointing_at(connection, record, None))? {
            let other = self.read(|connection| pages::get_any(connection, other))?;
            let goes_too = other.is_some_and(|other| {
                other.deleted_at().is_some()
                    || other.to_map().get("import").and_then(Value::as_str) == Some(&import.to_string())
            });
            if !goes_too {
                return Ok(Some(format!("a {} is about it", kind.word().replace('_', " "))));
            }
        }
        Ok(None)
    }

    /// Puts fields of a person who was here before back, where they still hold what was imported.
    fn put_back(
        &self,
        writing: &mut Writing<'_>,
        import: Id<Import>,
        record: RecordId,
        undone: &mut ImportUndone,
    ) -> Result<()> {
        let Some(contact) = self.get::<Contact>(Id::new(record))? else { return Ok(()) };
        let now = contact.to_map();
        for source in contact.sources.iter().filter(|source| source.import == Some(import)) {
            let changed: Vec<FieldChanged> = serde_json::from_str(&source.changed).unwrap_or_default();
            for change in changed {
                undone.put_back += u64::from(writing.put_back(record, &now, &change)?);
            }
            writing.set(record, &format!("sources/{}/{ENTRY_DELETED}", source.id.0), true.into())?;
        }
        Ok(())
    }
}

impl Writing<'_> {
    /// Puts one key back; says whether it still held what was expected.
    fn put_back(
        &mut self,
        record: RecordId,
        now: &serde_json::Map<String, Value>,
        change: &FieldChanged,
    ) -> Result<bool> {
        let FieldChanged { key, new_entry, before, after } = change;
        match key.split('/').collect::<Vec<_>>().as_slice() {
            [field] if now.get(*field).unwrap_or(&Value::Null) == after => {
                let is_text = Contact::FIELDS.iter().any(|info| info.name == *field && info.shape == Shape::Text);
                if is_text {
                    self.set_text(record, field, before.as_str().unwrap_or_default())?;
                } else {
                    self.set(record, field, before.clone())?;
                }
            }
            [field, member] => {
                let there = now.get(*field).and_then(Value::as_array);
                if !there.is_some_and(|list| list.iter().any(|item| item.as_str() == Some(*member))) {
                    return Ok(false);
                }
                self.set(record, key, false.into())?;
            }
            [field, entry, name] => {
                let list = now.get(*field).and_then(Value::as_array).into_iter().flatten();
                let held = list.filter(|item| item.get("id").and_then(Value::as_str) == Some(*entry));
                if held.filter_map(|item| item.get(*name)).next() != Some(after) {
                    return Ok(false);
                }
                match new_entry {
                    true => self.set(record, &format!("{field}/{entry}/{ENTRY_DELETED}"), true.into())?,
                    false => self.set(record, key, before.clone())?,
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn already_undone(kept: &[Kept]) -> String {
    match kept {
        [] => "this import was undone before".into(),
        [Kept { name, why }, rest @ ..] => {
            let others = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
            format!("this import was undone before; of it stays: {name} ({why}){others}")
        }
    }
}

/// One run over a file: a dry one without an import, a real one with it.
struct Importing<'a> {
    notebook: &'a Notebook,
    import: Option<Id<Import>>,
    report: ImportReport,
    /// What names people of this file that are not committed yet, or in a dry run never will be, and their names.
    pending: HashMap<String, Vec<String>>,
    waiting: Vec<Card>,
    /// What this file calls people, and who of them was here.
    named: HashSet<String>,
    met: HashSet<RecordId>,
}

impl<'a> Importing<'a> {
    fn new(notebook: &'a Notebook, import: Option<Id<Import>>) -> Self {
        Self {
            notebook,
            import,
            report: ImportReport::default(),
            pending: HashMap::new(),
            waiting: Vec::new(),
            named: HashSet::new(),
            met: HashSet::new(),
        }
    }

    fn run(&mut self, path: &Path, progress: Progress<'_>) -> Result<()> {
        let mut reader = crate::import::open(path, None).map_err(unreadable)?;
        self.report.source = reader.format().source().into();
        while let Some(item) = reader.next() {
            match item.map_err(unreadable)? {
                Item::Card(card) => self.card(*card)?,
                Item::Skipped { reason, .. } => *self.report.skipped.entry(reason).or_default() += 1,
                Item::Note { line, words } => self.note(format!("line {line}: {words}")),
            }
            progress(reader.bytes_read(), reader.total_bytes())?;
        }
        if self.report.source == SNAPSHOTS {
            self.who_is_gone()?;
        }
        self.flush()
    }

    /// Names those whom an earlier file of this program told of and this one does not.
    fn who_is_gone(&mut self) -> Result<()> {
        let people = self.notebook.read(|connection| pages::people_from(connection, &self.report.source))?;
        for (key, id) in &people {
            if self.named.contains(key) {
                self.met.insert(*id);
            }
        }
        let mut gone = Vec::new();
        for (_, id) in people {
            if !self.met.insert(id) {
                continue;
            }
            let found = self.notebook.read(|connection| pages::contact(connection, Id::new(id)))?;
            let Some((contact, _)) = found else { continue };
            let Some(last) = self.last_told(&contact, |_| true)?.filter(|last| !last.gone) else { continue };
            match self.report.gone.len() {
                told if told < MAX_NAMED => self.report.gone.push(contact.shown_name()),
                _ => self.report.gone_more += 1,
            }
            gone.push((contact.id, last));
        }
        self.remember_who_is_gone(&gone)
    }

    /// Writes down that they are gone, so that the next file does not tell of them again.
    fn remember_who_is_gone(&self, gone: &[(Id<Contact>, Source)]) -> Result<()> {
        let Some(import) = self.import else { return Ok(()) };
        for slice in gone.chunks(SLICE) {
            let mut writing = self.notebook.write();
            writing.import = self.import;
            for (id, last) in slice {
                let card = Card { key: last.key.clone(), ..Card::default() };
                let source =
                    Source { gone: true, position: last.position.clone(), ..self.source_of(&card, import, "") };
                writing.edit(*id, |contact: &mut Contact| contact.sources.push(source))?;
            }
            writing.commit()?;
        }
        Ok(())
    }

    /// What the last file of this program said of somebody. Entries of a record have no order of their own.
    fn last_told(&self, contact: &Contact, fits: impl Fn(&Source) -> bool) -> Result<Option<Source>> {
        let told = contact.sources.iter().filter(|source| source.source == self.report.source && fits(source));
        let mut dated = Vec::new();
        for source in told {
            let import: Option<Import> = source.import.map(|id| self.notebook.get(id)).transpose()?.flatten();
            dated.push((import.and_then(|import| import.at), source));
        }
        Ok(dated.into_iter().max_by_key(|(at, source)| (*at, source.id.clone())).map(|(_, source)| source.clone()))
    }

    fn note(&mut self, words: String) {
        match self.report.notes.len() {
            told if told < MAX_NAMED => self.report.notes.push(words),
            _ => self.report.notes_more += 1,
        }
    }

    fn card(&mut self, mut card: Card) -> Result<()> {
        if card.key.is_empty() {
            // Without a name of its own, a card is named by what it says: the same file twice is the same card.
            let said = serde_json::to_vec(&(&card.contact, &card.organisations)).unwrap_or_default();
            card.key = format!("content/{}", &blake3::hash(&said).to_hex()[..32]);
        }
        for words in std::mem::take(&mut card.remarks).into_iter().chain(fit(&mut card)) {
            self.note(format!("line {}: {}: {words}", card.line, card.contact.name));
        }
        if card.photo.as_deref().is_some_and(|photo| !crate::photo::looks_readable(photo)) {
            card.photo = None;
            self.note_photo(&card);
        }
        self.named.insert(self.source_key(&card));
        let mut fate = self.fate(&card)?;
        if matches!(fate, Fate::Pending) && self.import.is_some() {
            self.flush()?;
            fate = self.fate(&card)?;
        }
        let named = self.names_of(&card);
        match &fate {
            Fate::New => self.report.new += 1,
            Fate::NeedsYou(why) => {
                self.report.new += 1;
                let who = NeedsYou { line: card.line, name: card.contact.name.clone(), why: why.clone() };
                match self.report.need_you.len() {
                    known if known < MAX_NAMED => self.report.need_you.push(who),
                    _ => self.report.need_you_more += 1,
                }
            }
            Fate::Pending => *self.report.matched.entry("twice in this file".into()).or_default() += 1,
            Fate::Known(id, by) => {
                *self.report.matched.entry((*by).into()).or_default() += 1;
                self.met.insert(id.raw());
                return self.known(*id, card);
            }
        }
        for key in named {
            self.pending.entry(key).or_default().push(card.contact.name.clone());
        }
        if self.import.is_some() {
            self.waiting.push(card);
            if self.waiting.len() >= SLICE {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn names_of(&self, card: &Card) -> Vec<String> {
        let mut names = vec![self.source_key(card)];
        names.extend(identities(&card.contact));
        names.extend(name_and_organisation(card));
        names.extend(name_alone(card));
        names
    }

    fn source_key(&self, card: &Card) -> String {
        query::source_identity(&self.report.source, &card.key)
    }

    /// Who a card is. Never decided by a name alone.
    fn fate(&self, card: &Card) -> Result<Fate> {
        let own = self.source_key(card);
        if self.pending.contains_key(&own) {
            return Ok(Fate::Pending);
        }
        let look_up = |key: &str| self.notebook.read(|connection| pages::by_identity(connection, key));
        if let Some(id) = look_up(&own)?.first() {
            return Ok(Fate::Known(Id::new(*id), "by its own identifier"));
        }
        let mut doubt = None;
        for key in identities(&card.contact) {
            let earlier = self.pending.get(&key).into_iter().flatten();
            for name in earlier {
                if names_agree(name, &card.contact.name) {
                    return Ok(Fate::Pending);
                }
                doubt = Some(format!("the same {} as {name}, under another name", kind_of(&key)));
            }
            let mut agreeing = Vec::new();
            for id in look_up(&key)? {
                let known: Option<Contact> = self.notebook.get(Id::new(id))?;
                let Some(known) = known.filter(|known| known.deleted_at.is_none()) else { continue };
                if key.starts_with("link:linkedin.com/in/") || names_agree(&known.name, &card.contact.name) {
                    agreeing.push(known);
                } else {
                    doubt = Some(format!("the same {} as {}, under another name", kind_of(&key), known.name));
                }
            }
            match agreeing.as_slice() {
                [] => {}
                [only] => return Ok(Fate::Known(only.id, by(&key))),
                [a, b, ..] => doubt = Some(format!("fits {} and {}", a.name, b.name)),
            }
        }
        if name_and_organisation(card).is_some_and(|key| self.pending.contains_key(&key)) {
            return Ok(Fate::Pending);
        }
        if let Some(id) = self.by_name_and_organisation(card)? {
            return Ok(Fate::Known(id, "by name and organisation"));
        }
        let doubt = if doubt.is_none() { self.namesake(card)? } else { doubt };
        Ok(doubt.map_or(Fate::New, Fate::NeedsYou))
    }

    /// Why somebody with nothing but their name in common with another should be looked at.
    fn namesake(&self, card: &Card) -> Result<Option<String>> {
        let Some(key) = name_alone(card) else { return Ok(None) };
        let name = &card.contact.name;
        let is_here = self.pending.contains_key(&key)
            || !self.notebook.read(|connection| pages::by_name::<Contact>(connection, name))?.is_empty();
        Ok(is_here.then(|| "the same name as somebody else".into()))
    }

    fn by_name_and_organisation(&self, card: &Card) -> Result<Option<Id<Contact>>> {
        let Some(organisation) = card.organisations.iter().find(|name| !name.is_empty()) else { return Ok(None) };
        self.notebook.read(|connection| {
            let mut fits = Vec::new();
            for id in pages::by_name::<Contact>(connection, &card.contact.name)? {
                let Some((contact, _)) = pages::contact(connection, id)? else { continue };
                if folded(&pages::person_row(connection, &contact)?.organisation) == folded(organisation) {
                    fits.push(id);
                }
            }
            Ok(if fits.len() == 1 { fits.pop() } else { None })
        })
    }

    /// Somebody who is here: what the file knows more is added, nothing that is there is replaced.
    fn known(&mut self, id: Id<Contact>, card: Card) -> Result<()> {
        self.flush()?;
        let found = self.notebook.read(|connection| pages::contact(connection, id))?;
        let Some((before, _)) = found else { return Ok(()) };
        let mut writing = self.notebook.write();
        writing.import = self.import;
        let earlier = self.last_told(&before, |source| source.key == card.key)?;
        let position = position_of(&card);
        let moved =
            earlier.as_ref().is_some_and(|earlier| !earlier.position.is_empty() && earlier.position != position);
        let today = self.notebook.today()?;
        let mut after = before.clone();
        if moved {
            let row = self.notebook.read(|connection| pages::person_row(connection, &before))?;
            let left = earlier.as_ref().map(|earlier| earlier.position.clone()).unwrap_or_default();
            end_position(&mut after, &row, &left, today);
            self.report.moved.push(format!("{}: {left} → {position}", before.name));
        }
        self.add(&mut writing, &mut after, &card)?;
        let says_the_same = earlier.as_ref().is_some_and(|e| e.kept == card.kept && e.position == position && !e.gone);
        if after == before && says_the_same {
            return Ok(());
        }
        self.report.changed += 1;
        let Some(import) = self.import else { return Ok(()) };
        let changed = self.notebook.with_random(|random| fill_entry_ids(&before, &mut after, random));
        let source = self.source_of(&card, import, &changed);
        writing.edit(id, |contact: &mut Contact| {
            *contact = after;
            contact.sources.push(source);
        })?;
        match writing.commit() {
            Err(Error::Invalid(why)) => {
                self.report.changed -= 1;
                self.note(format!("line {}: {} stays as they are here: {why}", card.line, before.name));
                Ok(())
            }
            other => other.map(drop),
        }
    }

    fn source_of(&self, card: &Card, import: Id<Import>, changed: &str) -> Source {
        Source {
            source: self.report.source.clone(),
            key: card.key.clone(),
            import: Some(import),
            kept: card.kept.clone(),
            changed: if changed.len() <= MAX_CHANGED { changed.into() } else { String::new() },
            position: position_of(card),
            ..Source::default()
        }
    }

    /// Writes the new people that wait; one who cannot be written keeps nobody else out.
    fn flush(&mut self) -> Result<()> {
        let Some(import) = self.import.filter(|_| !self.waiting.is_empty()) else { return Ok(()) };
        let cards = std::mem::take(&mut self.waiting);
        if let Err(error) = self.write_people(import, &cards) {
            let Error::Invalid(_) = error else { return Err(error) };
            cards.iter().try_for_each(|card| self.write_person(import, card))?;
        }
        self.pending.clear();
        Ok(())
    }

    fn write_people(&mut self, import: Id<Import>, cards: &[Card]) -> Result<()> {
        let mut writing = self.notebook.write();
        writing.import = Some(import);
        for card in cards {
            let mut contact = Contact::default();
            self.add(&mut writing, &mut contact, card)?;
            self.photo(&mut writing, &mut contact, card);
            contact.sources.push(self.source_of(card, import, ""));
            writing.put(contact)?;
        }
        writing.commit().map(drop)
    }

    fn write_person(&mut self, import: Id<Import>, card: &Card) -> Result<()> {
        match self.write_people(import, std::slice::from_ref(card)) {
            Err(Error::Invalid(why)) => {
                self.report.new = self.report.new.saturating_sub(1);
                *self.report.skipped.entry("does not fit into a record".into()).or_default() += 1;
                self.note(format!("line {}: {} was left out: {why}", card.line, card.contact.name));
                Ok(())
            }
            other => other,
        }
    }

    fn photo(&mut self, writing: &mut Writing<'_>, contact: &mut Contact, card: &Card) {
        let Some(bytes) = &card.photo else { return };
        match crate::photo::fit(bytes) {
            Ok(photo) => {
                contact.photo = Some(BlobId::of(&photo));
                writing.blob(photo);
            }
            Err(_) => self.note_photo(card),
        }
    }

    fn note_photo(&mut self, card: &Card) {
        self.note(format!("line {}: {}: {NO_PHOTO}", card.line, card.contact.name));
    }

    /// Adds what a card says to a contact.
    fn add(&self, writing: &mut Writing<'_>, contact: &mut Contact, card: &Card) -> Result<()> {
        let mut said = card.contact.clone();
        let real = self.import.is_some();
        for (affiliation, name) in said.affiliations.iter_mut().zip(&card.organisations) {
            affiliation.organisation = match name.trim() {
                "" => None,
                // A dry run makes no organisation: it looks for one, and takes an empty id for one that is not there.
                name if !real => {
                    let known = self.notebook.read(|connection| pages::by_name::<Organisation>(connection, name))?;
                    Some(known.first().copied().unwrap_or_default())
                }
                name => Some(writing.organisation(name)?),
            };
        }
        let mut map = contact.to_map();
        for (field, value) in said.to_map() {
            let shape = Contact::FIELDS.iter().find(|info| info.name == field).map(|info| info.shape);
            match (shape, map.get_mut(&field)) {
                (Some(_), None) => {
                    map.insert(field, value);
                }
                (Some(Shape::Set | Shape::Map(_)), Some(Value::Array(list))) => {
                    for item in value.as_array().into_iter().flatten() {
                        if !list.iter().any(|known| says(&field, known, item)) {
                            list.push(item.clone());
                        }
                    }
                }
                (Some(Shape::Text), Some(text)) => {
                    let (old, new) = (text.as_str().unwrap_or_default(), value.as_str().unwrap_or_default());
                    // A text that is full stays as it is; the person can cut it, an import cannot.
                    let room = old.chars().count() + new.chars().count() < crate::document::MAX_TEXT;
                    if !old.contains(new) && room {
                        *text = format!("{old}\n{new}").into();
                    }
                }
                _ => {}
            }
        }
        let id = contact.id;
        *contact = Contact::from_map(map).with_id(id);
        Ok(())
    }
}

/// Gives new entries their ids now, so that what changed can name them; returns what changed, as JSON.
fn fill_entry_ids(before: &Contact, after: &mut Contact, random: Random<'_>) -> String {
    let changes = edits(before, after, random);
    let old = before.to_map();
    let mut map = after.to_map();
    let mut changed = Vec::new();
    for edit in changes {
        let (key, after) = match edit {
            Edit::Put { key, value } => (key, value),
            Edit::Text { field, text } => (field, text.into()),
        };
        let parts: Vec<&str> = key.splitn(3, '/').collect();
        if let [field, entry, name] = parts.as_slice() {
            name_entry(&mut map, field, entry, name, &after);
        }
        let before = match parts.as_slice() {
            [field] => Some(old.get(*field).cloned().unwrap_or_default()),
            [field, entry, name] => {
                let list = old.get(*field).and_then(Value::as_array).into_iter().flatten();
                let mut there = list.filter(|item| item.get("id").and_then(Value::as_str) == Some(entry));
                there.next().map(|item| item.get(*name).cloned().unwrap_or_default())
            }
            _ => None,
        };
        let new_entry = before.is_none();
        changed.push(FieldChanged { key, new_entry, before: before.unwrap_or_default(), after });
    }
    *after = Contact::from_map(map).with_id(before.id);
    serde_json::to_string(&changed).unwrap_or_default()
}

/// Puts an id on the first entry without one that says this.
fn name_entry(map: &mut serde_json::Map<String, Value>, field: &str, entry: &str, name: &str, value: &Value) {
    let Some(list) = map.get_mut(field).and_then(Value::as_array_mut) else { return };
    if list.iter().any(|item| item.get("id").and_then(Value::as_str) == Some(entry)) {
        return;
    }
    let unnamed = list.iter_mut().find(|item| item.get("id").is_none() && item.get(name) == Some(value));
    if let Some(item) = unnamed.and_then(Value::as_object_mut) {
        item.shift_insert(0, "id".into(), entry.into());
    }
}

/// Whether two entries say the same: one number written in two ways is one number.
fn says(field: &str, known: &Value, item: &Value) -> bool {
    if field == "channels" {
        let address = |entry: &Value| {
            let channel: Channel = serde_json::from_value(entry.clone()).unwrap_or_default();
            let same = identities(&Contact { channels: vec![channel.clone()], ..Contact::default() });
            same.into_iter().next().unwrap_or(channel.value)
        };
        return address(known) == address(item);
    }
    let without = |entry: &Value| {
        let mut entry = entry.clone();
        if let Some(map) = entry.as_object_mut() {
            ["id", "as_of", "until", "since"].iter().for_each(|name| drop(map.remove(*name)));
        }
        entry
    };
    without(known) == without(item)
}

/// Where a card says somebody works now, as one text to compare.
fn position_of(card: &Card) -> String {
    let first = card.contact.affiliations.iter().zip(&card.organisations).find(|(a, _)| a.until.is_none());
    match first {
        Some((affiliation, organisation)) if affiliation.role.is_empty() => organisation.clone(),
        Some((affiliation, organisation)) if organisation.is_empty() => affiliation.role.clone(),
        Some((affiliation, organisation)) => format!("{}, {organisation}", affiliation.role),
        None => String::new(),
    }
}

/// Ends the affiliation that the earlier file told of.
fn end_position(contact: &mut Contact, row: &query::PersonRow, left: &str, today: chrono::NaiveDate) {
    let current = pages::current(contact).map(|current| current.id.clone());
    let shown = [row.role.as_str(), row.organisation.as_str()];
    let shown = shown.iter().filter(|s| !s.is_empty()).copied().collect::<Vec<_>>().join(", ");
    if shown != left {
        return;
    }
    let month = PartialDate { year: Some(today.year()), month: Some(today.month()), day: None };
    for affiliation in contact.affiliations.iter_mut().filter(|a| Some(&a.id) == current.as_ref()) {
        affiliation.until = Some(month);
    }
}

/// What names a person of a file who has nothing but a name and an organisation.
fn name_and_organisation(card: &Card) -> Option<String> {
    let organisation = card.organisations.iter().find(|name| !name.is_empty())?;
    let name = folded(&card.contact.name);
    (!name.is_empty()).then(|| format!("at:{}/{name}", folded(organisation)))
}

/// What names a person of a file by the name alone; never enough to take two for one.
fn name_alone(card: &Card) -> Option<String> {
    let name = folded(&card.contact.name);
    (!name.is_empty()).then(|| format!("name:{name}"))
}

/// Whether two names can be one person's: one is missing, or all words of the shorter are in the longer.
fn names_agree(a: &str, b: &str) -> bool {
    let (a, b) = (words(a), words(b));
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    short.iter().all(|word| long.contains(word))
}

fn kind_of(key: &str) -> &str {
    key.split_once(':').map_or("address", |(kind, _)| kind)
}

fn by(key: &str) -> &'static str {
    match kind_of(key) {
        "mail" => "by mail",
        "phone" => "by phone",
        _ => "by link",
    }
}

fn unreadable(error: ImportError) -> Error {
    match error {
        ImportError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => Error::NotFound("the file".into()),
        ImportError::Io(error) => Error::from(error),
        other => Error::Unreadable(other.to_string()),
    }
}
