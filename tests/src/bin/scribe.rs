//! Writes into a notebook as a process of its own, for tests that kill it, let it run beside others or fill its disk.
//!
//! Each line it prints was printed after what it tells of was acknowledged.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::io::Write;
use std::path::Path;

use kith_core::Error;
use kith_core::model::{Channel, Contact, EntryId, Id, Note, RecordId};
use kith_core::notebook::{Notebook, Options};
use tests::{Seeded, fill};

/// Most records one run writes, killed or not.
const MOST: usize = 100_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", notebook, name, most] => write(Path::new(notebook), name, most.parse().unwrap_or(MOST), None),
        ["write", notebook, name, most, folder] => {
            write(Path::new(notebook), name, most.parse().unwrap_or(MOST), Some(Path::new(folder)));
        }
        ["brim", notebook] => brim(Path::new(notebook)),
        ["meet", notebook, other, folder, rounds] => {
            meet(Path::new(notebook), Path::new(other), Path::new(folder), rounds.parse().unwrap());
        }
        _ => panic!(
            "scribe write NOTEBOOK NAME MOST [FOLDER] | scribe brim NOTEBOOK | scribe meet NOTEBOOK OTHER FOLDER ROUNDS"
        ),
    }
}

/// The one note that every run of `write` adds a word to.
fn diary() -> Id<Note> {
    Id::new(RecordId(*b"the common diary"))
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// New contacts, edits of them, and words in a diary; now and then what is new goes into the folder.
fn write(path: &Path, name: &str, most: usize, folder: Option<&Path>) {
    let notebook = Notebook::open(path, Options { device: name.into(), ..Options::default() }).unwrap();
    let keys = tests::keys_in(path.parent().unwrap());
    if notebook.get(diary()).unwrap().is_none() {
        notebook.put(Note { id: diary(), ..Note::default() }).unwrap();
    }
    let mut last: Option<Id<Contact>> = None;
    for n in 0..most {
        let word = format!("{name}-{n}");
        match (n % 3, last) {
            (1, Some(id)) => {
                let channel = Channel { id: EntryId::default(), value: word.clone(), ..Channel::default() };
                notebook.edit(id, |contact: &mut Contact| contact.channels.push(channel)).unwrap();
                say(&format!("channel {id} {word}"));
            }
            (2, _) => {
                notebook.edit(diary(), |note: &mut Note| note.body.push_str(&format!("{word} "))).unwrap();
                say(&format!("diary {word}"));
            }
            _ => {
                let id = notebook.put(Contact { name: word.clone(), ..Contact::default() }).unwrap();
                say(&format!("contact {id} {word}"));
                last = Some(id);
            }
        }
        if let Some(folder) = folder.filter(|_| n % 4 == 3) {
            notebook.sync(&tests::mailbox(folder), &keys, &mut |_, _| Ok(())).unwrap();
        }
        if n % 50 == 49 {
            notebook.tidy().unwrap();
        }
    }
}

/// Two devices of one notebook write, and meet in a folder: what the first says it wrote or took is durable on it.
fn meet(path: &Path, other: &Path, folder: &Path, rounds: usize) {
    let [one, two] = [path, other].map(|path| {
        let keys = tests::keys_in(path.parent().unwrap());
        (Notebook::open(path, Options::default()).unwrap(), keys)
    });
    let write = |notebook: &Notebook, body: String| notebook.put(Note { body, ..Note::default() }).unwrap();
    for n in 0..rounds {
        write(&two.0, format!("told-{n}"));
        two.0.sync(&tests::mailbox(folder), &two.1, &mut |_, _| Ok(())).unwrap();
        write(&one.0, format!("wrote-{n}"));
        say(&format!("wrote wrote-{n}"));
        one.0.sync(&tests::mailbox(folder), &one.1, &mut |_, _| Ok(())).unwrap();
        say(&format!("took told-{n}"));
    }
}

/// Runs where no file may grow beyond some megabytes: what does not fit is refused whole, what fits is kept, and memory
/// never holds more than the file.
fn brim(path: &Path) {
    let notebook = Notebook::open(path, Options::default()).unwrap();
    let mut body = "one".to_string();
    let note = notebook.put(Note { body: body.clone(), ..Note::default() }).unwrap();
    let mut random = Seeded(7);
    for round in 0..3 {
        let mut writing = notebook.write();
        writing.edit(note, |note: &mut Note| note.body = format!("lost {round}")).unwrap();
        writing.put(Note { body: "lost as well".into(), ..Note::default() }).unwrap();
        for _ in 0..300 {
            let mut photo = fill::photo(0);
            photo.resize(60_000, 0);
            random.fill(&mut photo[3..]);
            writing.blob(photo);
        }
        match writing.commit() {
            Err(Error::Storage(_)) => say("refused"),
            other => panic!("18 MB went into a file of a few: {other:?}"),
        }
        assert_eq!(notebook.get(note).unwrap().unwrap().body, body, "pages show what the file holds");
        assert_eq!(notebook.read_for_edit(note).unwrap().0.body, body, "and so does the document");
        body.push_str(&format!(", kept {round}"));
        notebook.edit(note, |note: &mut Note| note.body = body.clone()).unwrap();
        assert_eq!(notebook.get(note).unwrap().unwrap().body, body);
        assert_eq!(notebook.read_for_edit(note).unwrap().0.body, body);
    }
    say(&format!("note {note} {body}"));
    // Then small things, until nothing more fits.
    for n in 0..MOST {
        let about: String = (0..200).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
        match notebook.put(Contact { name: format!("{n}"), about, ..Contact::default() }) {
            Ok(id) => say(&format!("contact {id} {n}")),
            Err(Error::Storage(_)) => {
                let people = notebook.people(0, 1).unwrap();
                return say(&format!("full {}", people.total));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("it never became full");
}
