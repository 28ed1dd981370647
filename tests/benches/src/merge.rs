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
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::carrier::folder::Folder;
use kith_core::sync::identity::HandedOut;
use kith_core::sync::keystore::FileKeyStore;

use crate::{Section, crowd, quantiles, ratio};

const RUNS: usize = 5;

pub(crate) fn measure(n: usize) -> Section {
    let mut section = Section::new(
        "Bringing two devices together",
        "Each device edits a note of 100 people, apart. Measured is taking in the other's hundred changes: opening the segments, \
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
    // They know each other: what the crowd itself has in the outbox is not what is measured.
    forget_outbox(&path);
    let other = folder.path().join("other.kith");
    std::fs::copy(&path, &other).unwrap();
    let (a, b) = (crowd::open(&path), crowd::open(&other));
    let (of_a, of_b) = (keys(&folder.path().join("a")), keys(&folder.path().join("b")));
    let place = Folder::at(&shared);
    place.prepare().unwrap();
    let code = a.invite(&place, &of_a).unwrap();
    b.join(&place, &of_b, Some(&code)).unwrap();
    a.request_to_join(&place, &of_a).unwrap();
    b.join(&place, &of_b, Some(&code)).unwrap();
    let request = a.request_to_join(&place, &of_a).unwrap().expect("it has asked");
    a.admit(&place, &of_a, &request).unwrap();
    b.join(&place, &of_b, None).unwrap();
    forget_outbox(&other);
    sync(&b, &place, &of_b);
    sync(&a, &place, &of_a);
    edit(&a, 0, "from the phone");
    edit(&b, 50, "from the laptop");
    // Handing out first, so that what is timed is taking in.
    sync(&a, &place, &of_a);
    let start = Instant::now();
    assert_eq!(sync(&b, &place, &of_b), 100);
    let first = start.elapsed();
    let start = Instant::now();
    assert_eq!(sync(&a, &place, &of_a), 100);
    first + start.elapsed()
}

fn forget_outbox(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("DELETE FROM outbox; PRAGMA wal_checkpoint(TRUNCATE)").unwrap_or_default();
}

/// What a device keeps outside its notebook.
pub(crate) fn keys(folder: &Path) -> FileKeyStore {
    FileKeyStore::at(folder.join("keys"), HandedOut::at(folder.join("handed-out.json")))
}

fn sync(notebook: &Notebook, place: &Folder, keys: &FileKeyStore) -> u64 {
    let report = notebook.sync(place, keys, &mut |_, _| Ok(())).unwrap();
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
