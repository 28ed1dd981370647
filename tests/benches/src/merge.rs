//! A hundred edits on one device and a hundred on another come together; the peer is one Automerge document that holds
//! everything.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use automerge::transaction::Transactable;
use automerge::{AutoCommit, ObjType, ROOT, ReadDoc};
use kith_core::demo;
use kith_core::model::Contact;
use kith_core::notebook::Notebook;
use kith_core::sync::identity::HandedOut;

use crate::{Section, crowd, quantiles, ratio};

const RUNS: usize = 5;

pub(crate) fn measure(n: usize) -> Section {
    let mut section = Section::new(
        "Bringing two devices together",
        "Each device edits a note of 100 people, apart. Measured is taking in the other's hundred changes: reading the batch, \
         admitting the bytes (gate, checksum, a copy applied, saved, loaded and compared), rows and commit. The peer loads one \
         Automerge document that holds the whole notebook, merges the other's changes and saves it; it is not admitted at all.",
        &["N", "kith, 100 + 100 edits", "one Automerge document", "ratio"],
    );
    let kith = quantiles((0..RUNS).map(|_| ours(n)).collect()).0;
    let output =
        Command::new(std::env::current_exe().unwrap()).args(["one-document", &n.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seconds: f64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    let one = Duration::from_secs_f64(seconds);
    section.row(&[
        n.to_string(),
        format!("{:.0} ms", kith.as_secs_f64() * 1000.0),
        format!("{seconds:.1} s"),
        ratio(one, kith),
    ]);
    section
}

/// Both devices take in what the other wrote.
fn ours(n: usize) -> Duration {
    let (folder, path) = crowd::notebook(n);
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    // They know each other: the outbox of the crowd itself is not what is measured.
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("DELETE FROM outbox; PRAGMA wal_checkpoint(TRUNCATE)").unwrap_or_default();
    drop(connection);
    let other = folder.path().join("other.kith");
    std::fs::copy(&path, &other).unwrap();
    let (a, b) = (crowd::open(&path), crowd::open(&other));
    let (of_a, of_b) = (HandedOut::at(folder.path().join("a")), HandedOut::at(folder.path().join("b")));
    sync(&a, &shared, &of_a);
    sync(&b, &shared, &of_b);
    edit(&a, 0, "from the phone");
    edit(&b, 50, "from the laptop");
    // Handing out first, so that what is timed is taking in.
    sync(&a, &shared, &of_a);
    let start = Instant::now();
    assert_eq!(sync(&b, &shared, &of_b), 100);
    let first = start.elapsed();
    let start = Instant::now();
    assert_eq!(sync(&a, &shared, &of_a), 100);
    first + start.elapsed()
}

fn sync(notebook: &Notebook, folder: &Path, handed_out: &HandedOut) -> u64 {
    let report = notebook.sync_folder(folder, handed_out, &mut |_, _| {}).unwrap();
    assert!(report.refused.is_empty() && report.set_aside.is_empty());
    report.received
}

fn edit(notebook: &Notebook, from: u32, words: &str) {
    for row in notebook.people(from, 100).unwrap().rows {
        notebook.edit(row.id, |contact: &mut Contact| contact.about.push_str(words)).unwrap();
    }
}

/// In a process of its own, since it takes gigabytes: prints the seconds of taking in 100 + 100 edits.
pub(crate) fn one_document(n: usize) {
    let mut all = AutoCommit::new();
    let mut random = crowd::seeded(1);
    let mut people = Vec::new();
    for records in demo::crowd(n, &mut random) {
        for record in records {
            let object = all.put_object(ROOT, record.id().to_string(), ObjType::Map).unwrap();
            let is_contact = record.kind() == kith_core::model::Kind::Contact;
            for (field, value) in record.to_map() {
                match value {
                    serde_json::Value::String(text) if text.len() > 100 => {
                        let text_object = all.put_object(&object, field, ObjType::Text).unwrap();
                        all.splice_text(&text_object, 0, 0, &text).unwrap();
                    }
                    other => all.put(&object, field, other.to_string()).unwrap(),
                }
            }
            if is_contact {
                let about = all.put_object(&object, "about", ObjType::Text).unwrap();
                people.push(about);
            }
        }
    }
    let saved = all.save();
    let edits = |from: usize, words: &str| {
        let mut copy = AutoCommit::load(&saved).unwrap();
        let before = copy.get_heads();
        for about in people.iter().skip(from).take(100) {
            let length = copy.length(about);
            copy.splice_text(about, length, 0, words).unwrap();
            copy.commit();
        }
        (copy.save(), copy.save_after(&before))
    };
    let (a, a_changes) = edits(0, "from the phone");
    let (b, b_changes) = edits(50, "from the laptop");
    drop(all);
    let mut time = Duration::ZERO;
    for (saved, changes) in [(&a, &b_changes), (&b, &a_changes)] {
        let start = Instant::now();
        let mut document = AutoCommit::load(saved).unwrap();
        document.load_incremental(changes).unwrap();
        document.save();
        time += start.elapsed();
    }
    println!("{}", time.as_secs_f64());
}
