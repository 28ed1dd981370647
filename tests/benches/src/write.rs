//! Writing one note, and the example line of the grammar, durably; beside a bare commit and a bare append of as many bytes.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use kith_core::model::{Id, Note};
use kith_core::notebook::Notebook;

use crate::{Section, crowd, ms, quantiles, ratio, times};

const RUNS: usize = 201;
const WORDS: &str = "They look for a second berth on the north quay before the season starts, and the harbour master listens \
                     to nobody but the old crews.";

pub(crate) fn measure(sizes: &[usize]) -> Section {
    let mut section = Section::new(
        "Writing",
        "One note on a known person, and the example line of the jot grammar with its six records; on return it is on the \
         disk. The peers commit one row of as many bytes as the note's change to bare SQLite (WAL, synchronous=FULL), and \
         append them to a file with fdatasync. CPU is that of the thread, without waiting for the disk. The line's six documents are six Automerge transactions, \
         twelve packed pieces and some sixty rows: its time is that CPU, spread evenly over them, and one wait for the disk.",
        &[
            "N",
            "note",
            "bare commit",
            "ratio",
            "append + fdatasync",
            "example line",
            "ratio to bare commit",
            "CPU of the line",
        ],
    );
    for n in sizes {
        let (folder, path) = crowd::notebook(*n);
        let notebook = crowd::open(&path);
        let people = notebook.people(0, 1000).unwrap().rows;
        let mut bare = bare(&folder.path().join("bare.db"));
        let mut file = OpenOptions::new().create(true).append(true).open(folder.path().join("append")).unwrap();
        let bytes = vec![7_u8; 400];
        let (mut note, mut commit, mut append, mut line, mut cpu) = (vec![], vec![], vec![], vec![], vec![]);
        // One of each in turn, so that a slow moment of the disk meets all of them.
        for run in 0..RUNS {
            let about = people[run % people.len()].id;
            note.extend(times(1, |_| put_note(&notebook, about)));
            commit.extend(times(1, |_| commit_bare(&mut bare, &bytes)));
            append.extend(times(1, |_| {
                file.write_all(&bytes).unwrap();
                rustix::fs::fdatasync(&file).unwrap();
            }));
            let before = cpu_time();
            line.extend(times(1, |_| jot(&notebook, run)));
            cpu.push(cpu_time() - before);
        }
        let [note, commit, append, line, cpu] = [note, commit, append, line, cpu].map(|times| quantiles(times).0);
        section.row(&[
            n.to_string(),
            ms(note),
            ms(commit),
            ratio(note, commit),
            ms(append),
            ms(line),
            ratio(line, commit),
            ms(cpu),
        ]);
    }
    section
}

fn put_note(notebook: &Notebook, about: Id<kith_core::model::Contact>) {
    notebook.put(Note { body: WORDS.into(), about: vec![about], ..Note::default() }).unwrap();
}

fn jot(notebook: &Notebook, run: usize) {
    let name = ["Dana", "Rui", "Mio", "Ola", "Tam"][run % 5];
    let line = format!(
        "{name} Ruiz{run}, Acme Logistics, hiring ops lead !send her the Lyon contact by tue ?needs a warehouse in Lyon \
         +knows customs brokers #lyon *"
    );
    notebook.jot_line(&line).unwrap();
}

fn bare(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
    connection
        .execute_batch("PRAGMA synchronous = FULL; CREATE TABLE row (n INTEGER PRIMARY KEY, bytes BLOB)")
        .unwrap();
    connection
}

fn commit_bare(connection: &mut rusqlite::Connection, bytes: &[u8]) {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    transaction.prepare_cached("INSERT INTO row VALUES (NULL, ?)").unwrap().execute([bytes]).unwrap();
    transaction.commit().unwrap();
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
