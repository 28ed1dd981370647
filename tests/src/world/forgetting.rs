//! What people do when they forget: delete a person for good, take a word out of a note, decide what becomes of what a
//! removed device wrote. And what must hold of that in the end.

use std::collections::BTreeSet;

use kith_core::Error;
use kith_core::model::{Contact, Id, Kind, Note, RecordId};
use kith_core::notebook::WhyKeptBack;
use rusqlite::{Connection, OpenFlags};

use super::life::{Afterwards, Kept, World};
use crate::{Seeded, words};

/// The end of every word that stands in one record and nowhere else.
pub(super) const PLANTED: &str = "zyxwell";
/// So many letters before it tell the words apart. The index of words may leave out the first ones, which a word shares with
/// another.
const LETTERS: usize = 10;
const LEFT_OUT: usize = 4;

/// The records that were deleted for good in a notebook.
pub(super) type Purged = BTreeSet<RecordId>;

/// What was deleted for good on a device, as far as its file knows.
pub(super) fn purged(world: &World, device: usize) -> Purged {
    let file = world.devices[device].file();
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = connection.prepare("SELECT id FROM purged").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(|id| RecordId(id.unwrap())).collect()
}

/// The record that takes the place of one that was written anew.
pub(super) fn successor_of(id: RecordId) -> RecordId {
    let hash = blake3::hash(&[&id.0[..], b"rewritten"].concat());
    RecordId(hash.as_bytes()[..16].try_into().unwrap())
}

/// A word that stands nowhere else.
fn draw_word(random: &mut Seeded) -> String {
    let letters: String = (0..LETTERS).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
    letters + PLANTED
}

impl World {
    fn keep(&mut self, record: RecordId, words: String, by: usize, afterwards: Afterwards) {
        self.kept.push(Kept { record, words, by, afterwards });
    }

    /// Somebody, and a note about them.
    pub(super) fn write_person(&mut self, who: usize, random: &mut Seeded) {
        let (name, told) = (draw_word(random), draw_word(random));
        let notebook = self.devices[who].notebook();
        let person = notebook.put(Contact { name: name.clone(), ..Contact::default() }).unwrap();
        let note = Note { body: told.clone(), about: vec![person], ..Note::default() };
        let note = notebook.put(note).unwrap();
        self.people.push(person.raw());
        self.keep(person.raw(), name, who, Afterwards::Gone);
        self.keep(note.raw(), told, who, Afterwards::Gone);
        self.outside().counts.more("edits", 2);
    }

    /// A note with a word in it that is to go, and others that are to stay.
    pub(super) fn write_secret(&mut self, who: usize, random: &mut Seeded) {
        let (secret, words) = (draw_word(random), format!("Quorbin-{}.", self.kept.len()));
        let note = Note { body: format!("{secret} {words}"), ..Note::default() };
        let note = self.devices[who].notebook().put(note).unwrap().raw();
        self.keep(note, secret, who, Afterwards::Gone);
        self.keep(note, words, who, Afterwards::Elsewhere);
        self.secrets.push(note);
        self.outside().counts.one("edits");
    }

    /// A note with a secret that is here, or what took its place.
    fn note_with_a_secret(&self, who: usize, random: &mut Seeded) -> Option<(RecordId, Note)> {
        let notebook = self.devices[who].notebook();
        let all = self.secrets.iter().flat_map(|id| [*id, successor_of(*id)]);
        let here: Vec<_> = all.filter_map(|id| Some((id, notebook.get::<Note>(Id::new(id)).unwrap()?))).collect();
        (!here.is_empty()).then(|| random.pick(&here).clone())
    }

    /// Says more of somebody, in the word that their name is; or adds to a note what is lost if it is written anew by
    /// somebody who does not know it.
    pub(super) fn add(&mut self, who: usize, random: &mut Seeded) {
        let notebook = self.devices[who].notebook();
        let here = |id: &&RecordId| notebook.get::<Contact>(Id::new(**id)).unwrap().is_some();
        if let Some(person) = self.people.iter().filter(here).last().filter(|_| random.below(3) == 0) {
            let say = |person: &mut Contact| person.nickname = format!("{} of {who}", person.name);
            notebook.edit(Id::<Contact>::new(*person), say).unwrap();
            return self.outside().counts.one("edits");
        }
        let Some((id, _)) = self.note_with_a_secret(who, random) else { return };
        let words = format!("Quorbin-{}.", self.kept.len());
        notebook.edit(Id::<Note>::new(id), |note: &mut Note| note.body += &format!(" {words}")).unwrap();
        self.keep(id, words, who, Afterwards::Unsure);
        self.outside().counts.one("edits");
    }

    /// Takes the secret out of a note.
    pub(super) fn rewrite(&mut self, who: usize, random: &mut Seeded) {
        let Some((id, note)) = self.note_with_a_secret(who, random) else { return };
        let secret = note.body.split_whitespace().find(|word| word.ends_with(PLANTED)).map(str::to_owned);
        let Some(secret) = secret else { return };
        match self.devices[who].notebook().rewrite(id, &secret, "withdrawn") {
            Ok(_) => {}
            // A field of it holds two values, and nobody has settled that.
            Err(Error::Invalid(_)) => return,
            Err(error) => panic!("{error}"),
        }
        self.outside().counts.one("notes written anew");
    }

    /// Deletes people for good, some that were planted and some that were drawn.
    pub(super) fn purge(&mut self, who: usize, people: usize, random: &mut Seeded) {
        for _ in 0..people {
            let notebook = self.devices[who].notebook();
            let is_here = |id: &RecordId| notebook.get::<Contact>(Id::new(*id)).unwrap().is_some();
            let drawn = self.records.iter().filter(|(kind, _)| *kind == Kind::Contact).map(|(_, id)| *id);
            let here: Vec<RecordId> = drawn.chain(self.people.iter().copied()).filter(is_here).collect();
            if here.is_empty() {
                return;
            }
            // One that is only deleted is no person to be shown.
            let Ok(purge) = notebook.purge(Id::new(*random.pick(&here))) else { continue };
            self.outside().counts.one("people deleted for good");
            self.outside().note(&format!("  {} records", purge.records));
        }
    }

    /// Decides about the first device of which something is kept back, on the first device that keeps something back.
    pub(super) fn decide(&mut self, who: usize, keep: bool) {
        let count = self.devices.len();
        for at in (who..who + count).map(|at| at % count) {
            let device = &self.devices[at];
            // Without its keys it cannot look.
            let rows = device.notebook().kept_back(&device.keys).unwrap_or_default();
            let Some(row) = rows.iter().find(|row| keep || row.why != WhyKeptBack::Incomplete) else { continue };
            let what = if keep {
                let report = device.notebook().keep_back_no_more(&device.keys, &row.device).unwrap();
                assert!(report.refused.is_empty(), "device {at} refuses what it keeps: {:?}", report.refused);
                "decisions to keep"
            } else {
                device.notebook().drop_kept_back(&device.keys, &row.device).unwrap();
                "decisions to drop"
            };
            self.outside().note(&format!("  at {at}, of {}", row.device));
            return self.outside().counts.one(what);
        }
    }

    /// Agrees to what waits; says whether there was anything.
    pub(super) fn agree(&mut self, who: usize) -> bool {
        let device = &self.devices[who];
        let waiting = device.notebook().purges_waiting(&device.keys).unwrap_or_default();
        if waiting.is_empty() {
            return false;
        }
        let ids: Vec<String> = waiting.into_iter().map(|purge| purge.id).collect();
        let gone = device.notebook().agree_to_purges(&device.keys, &ids).unwrap();
        self.outside().note(&format!("  {gone} records"));
        self.outside().counts.one("agreements to what others deleted for good");
        true
    }
}

/// What was deleted for good on any device when the faults stopped is deleted on all, and no word of it stands in a file.
pub(super) fn nothing_deleted_for_good_is_left(world: &World, before: &[Purged], now: &[Purged], class: &[usize]) {
    let all: Purged = class.iter().flat_map(|device| &before[*device]).copied().collect();
    for device in class {
        assert!(all.is_subset(&now[*device]), "device {device} did not hear of all that was deleted for good");
    }
    for device in class {
        let gone = world.kept.iter().filter(|kept| kept.afterwards == Afterwards::Gone);
        let gone: Vec<&Kept> = gone.filter(|kept| now[*device].contains(&kept.record)).collect();
        if gone.is_empty() {
            continue;
        }
        assert!(!world.devices[*device].notebook().words_remain().unwrap(), "device {device} did not scrub its file");
        let text = words::all_in(&world.devices[*device].file());
        for kept in gone {
            let is_left = text.contains(&kept.words[LEFT_OUT..]);
            assert!(!is_left, "device {device} still has a word of what was deleted for good: {}", kept.words);
        }
        world.outside().counts.one("files without a word of what was deleted for good");
    }
}
