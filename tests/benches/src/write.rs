//! Writing one note, and the example line of the grammar, durably; beside a bare commit and a bare append of as many bytes.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use kith_core::document::{Actor, Document};
use kith_core::model::record::edits;
use kith_core::model::{Contact, Edit, Id, Kind, Need, Note, Offer, Organisation, Promise, Record};
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
         append them to a file with fdatasync. CPU is that of the thread, without waiting for the disk. \
         What bounds the line stands beside it: its six documents made in memory by the document layer alone (six Automerge \
         transactions, each read back and its change checked), and one commit of bare SQLite that touches as many pages as \
         the line does, which is what its rows and indexes need (written: bytes handed to the system).",
        &[
            "N",
            "note",
            "bare commit",
            "ratio",
            "append + fdatasync",
            "example line",
            "ratio to bare commit",
            "CPU of the line",
            "its documents alone",
            "written",
            "bare commit of as many pages",
        ],
    );
    for n in sizes {
        let (folder, path) = crowd::notebook(*n);
        let notebook = crowd::open(&path);
        let people = notebook.people(0, 1000).unwrap().rows;
        let mut bare = bare(&folder.path().join("bare.db"));
        let mut file = OpenOptions::new().create(true).append(true).open(folder.path().join("append")).unwrap();
        let bytes = change_of_a_note();
        let (mut note, mut commit, mut append, mut line, mut cpu) = (vec![], vec![], vec![], vec![], vec![]);
        let (mut alone, mut many) = (Vec::new(), Vec::new());
        let drafts = drafts();
        let written = pages_of_a_line(&notebook);
        let mut paged = bare_pages(&folder.path().join("paged.db"));
        // One of each in turn, so that a slow moment of the disk meets all of them.
        for run in 0..RUNS {
            let about = people[run % people.len()].id;
            note.extend(times(1, |_| put_note(&notebook, about)));
            commit.extend(times(1, |_| commit_bare(&mut bare, &bytes)));
            many.extend(times(1, |_| commit_pages(&mut paged, run, written)));
            alone.extend(times(1, |_| make_documents(&drafts)));
            append.extend(times(1, |_| {
                file.write_all(&bytes).unwrap();
                rustix::fs::fdatasync(&file).unwrap();
            }));
            let before = cpu_time();
            line.extend(times(1, |_| jot(&notebook, run)));
            cpu.push(cpu_time() - before);
        }
        let [note, commit, append, line, cpu, alone, many] =
            [note, commit, append, line, cpu, alone, many].map(|times| quantiles(times).0);
        section.row(&[
            n.to_string(),
            ms(note),
            ms(commit),
            ratio(note, commit),
            ms(append),
            ms(line),
            ratio(line, commit),
            ms(cpu),
            ms(alone),
            format!("{written} pages"),
            ms(many),
        ]);
    }
    section
}

/// What this process handed to the system to be written, so far.
fn bytes_written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap()
}

/// Pages of 4 KiB that one line writes: the median of some.
fn pages_of_a_line(notebook: &Notebook) -> usize {
    let mut pages: Vec<u64> = (1_000..1_021)
        .map(|run| {
            let before = bytes_written();
            jot(notebook, run);
            (bytes_written() - before) / 4096
        })
        .collect();
    pages.sort_unstable();
    pages[pages.len() / 2] as usize
}

/// The bytes of the change that a new note is.
fn change_of_a_note() -> Vec<u8> {
    let folder = tempfile::tempdir_in(crowd::folder()).unwrap();
    let notebook = crowd::open(&folder.path().join("notebook.kith"));
    let about = notebook.put(Contact { name: "Dana Ruiz".into(), ..Contact::default() }).unwrap();
    put_note(&notebook, about);
    let mut drafts = Vec::new();
    draft::<Note>(&notebook, &mut drafts);
    let changes = Document::default().edit(Kind::Note, &drafts[0].1, None, Actor([7; 16]), 0, false).unwrap();
    changes.iter().flat_map(|change| change.bytes.clone()).collect()
}

/// The records of the line, as what is to be written into six empty documents.
fn drafts() -> Vec<(Kind, Vec<Edit>)> {
    let folder = tempfile::tempdir_in(crowd::folder()).unwrap();
    let notebook = crowd::open(&folder.path().join("notebook.kith"));
    jot(&notebook, 0);
    let mut drafts = Vec::new();
    draft::<Contact>(&notebook, &mut drafts);
    draft::<Organisation>(&notebook, &mut drafts);
    draft::<Note>(&notebook, &mut drafts);
    draft::<Promise>(&notebook, &mut drafts);
    draft::<Need>(&notebook, &mut drafts);
    draft::<Offer>(&notebook, &mut drafts);
    assert_eq!(drafts.len(), 6, "the line is six documents");
    drafts
}

fn draft<R: Record>(notebook: &Notebook, drafts: &mut Vec<(Kind, Vec<Edit>)>) {
    let mut random = crowd::seeded(7);
    let records = notebook.newest::<R>(10).unwrap();
    drafts.extend(records.iter().map(|record| (R::KIND, edits(&R::default(), record, &mut random))));
}

fn make_documents(drafts: &[(Kind, Vec<Edit>)]) {
    for (kind, edits) in drafts {
        let mut document = Document::default();
        document.edit(*kind, edits, None, Actor([7; 16]), 0, false).unwrap();
        std::hint::black_box(document.read());
    }
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

/// A table of which each row fills a page, and an empty log.
fn bare_pages(path: &Path) -> rusqlite::Connection {
    let mut connection = bare(path);
    let transaction = connection.transaction().unwrap();
    transaction.execute_batch("CREATE TABLE page (n INTEGER PRIMARY KEY, bytes BLOB)").unwrap();
    for n in 0..10_000 {
        transaction.prepare_cached("INSERT INTO page VALUES (?, zeroblob(3000))").unwrap().execute([n]).unwrap();
    }
    transaction.commit().unwrap();
    let _: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    connection
}

fn commit_pages(connection: &mut rusqlite::Connection, run: usize, pages: usize) {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    for page in 0..pages {
        let (at, bytes) = ((run * 7_919 + page * 613) % 10_000, vec![run as u8; 3000]);
        transaction.prepare_cached("UPDATE page SET bytes = ? WHERE n = ?").unwrap().execute((bytes, at)).unwrap();
    }
    transaction.commit().unwrap();
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
