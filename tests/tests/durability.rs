//! What was acknowledged is kept: through kills, full disks, other processes at work and damaged files.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use kith_core::Error;
use kith_core::model::{Contact, Id, Note, RecordId};
use kith_core::notebook::{Notebook, Options, Origin};
use tests::seeds::{quiet_panics, words_of};
use tests::{Device, Seeded, assert_same_lines, fill, quick_folder};

fn open(path: &Path) -> Notebook {
    Notebook::open(path, Options::default()).unwrap()
}

fn diary() -> Id<Note> {
    Id::new(RecordId(*b"the common diary"))
}

fn scribe() -> Command {
    Command::new(env!("CARGO_BIN_EXE_scribe"))
}

/// Every acknowledged line is true of the notebook, whose rows say what its documents say.
fn assert_holds(notebook: &Notebook, lines: &[String]) {
    let diary = notebook.get(diary()).unwrap().map(|note| note.body).unwrap_or_default();
    let words: std::collections::HashSet<&str> = diary.split(' ').collect();
    for line in lines {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["contact", id, name] => {
                let contact = notebook.get::<Contact>(id.parse().unwrap()).unwrap();
                assert_eq!(contact.unwrap_or_else(|| panic!("lost: {line}")).name, *name);
            }
            ["channel", id, value] => {
                let contact = notebook.get::<Contact>(id.parse().unwrap()).unwrap().unwrap();
                assert!(contact.channels.iter().any(|channel| channel.value == *value), "lost: {line}");
            }
            ["diary", word] => assert!(words.contains(word), "lost: {line}"),
            _ => panic!("what is {line:?}?"),
        }
    }
    let before = notebook.dump().unwrap();
    notebook.rebuild(&mut |_, _| Ok(())).unwrap();
    assert_same_lines(&before, &notebook.dump().unwrap(), "a rebuild changed something");
    assert_eq!(notebook.check_file().unwrap(), Vec::<String>::new());
    assert_eq!(notebook.sizes().unwrap().quarantined, 0);
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged() {
    let folder = quick_folder();
    let (path, shared) = (folder.path().join("notebook.kith"), folder.path().join("shared"));
    std::fs::create_dir(&shared).unwrap();
    let mut random = Seeded(2026);
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..200 {
        let mut command = scribe();
        command.args(["write", &path.to_string_lossy(), &format!("r{round}"), "all", &shared.to_string_lossy()]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heard: Vec<String> = lines.by_ref().take(random.below(14)).map(Result::unwrap).collect();
        // Somewhere within the next commits, not just after an acknowledgement.
        (0..random.below(200_000)).for_each(|_| std::hint::spin_loop());
        child.kill().unwrap();
        child.wait().unwrap();
        // What was printed before the kill was acknowledged too; the last line may be cut.
        heard.extend(lines.map_while(Result::ok));
        if heard.last().is_some_and(|line| !line.contains(&format!("r{round}-{}", heard.len() - 1))) {
            heard.pop();
        }
        acknowledged.extend(heard);
        if round % 40 == 39 {
            assert_holds(&open(&path), &acknowledged);
        }
    }
    assert!(acknowledged.len() > 500, "only {} writes were acknowledged", acknowledged.len());
    let notebook = open(&path);
    assert_holds(&notebook, &acknowledged);

    // Another device hears of all of it through the folder, although every sync was cut somewhere.
    let other = Device::new(folder.path(), "other", 1);
    tests::let_in((&notebook, &tests::keys_in(folder.path())), (&other.notebook, &other.keys), &shared);
    let report = other.sync(&shared);
    assert_eq!((report.waiting, report.refused, report.set_aside), (0, vec![], vec![]));
    assert_same_lines(&notebook.dump().unwrap(), &other.notebook.dump().unwrap(), "the other device lacks something");
    assert_eq!(notebook.digest().unwrap(), other.notebook.digest().unwrap());
}

/// Runs the scribe where no file grows beyond a few megabytes. The signal that would end it is switched off, so that
/// writing fails as on a full disk.
#[cfg(unix)]
fn brim(path: &Path) -> Vec<String> {
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8192; exec \"$0\" brim \"$1\"", env!("CARGO_BIN_EXE_scribe")])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect()
}

#[cfg(unix)]
#[test]
fn a_save_that_failed_does_not_eat_a_later_one() {
    let folder = quick_folder();
    let path = folder.path().join("notebook.kith");
    let lines = brim(&path);
    assert_eq!(lines.iter().filter(|line| *line == "refused").count(), 3);
    let notebook = open(&path);
    let note = lines.iter().find_map(|line| line.strip_prefix("note ")).unwrap();
    let (id, body) = note.split_once(' ').unwrap();
    assert_eq!(body, "one, kept 0, kept 1, kept 2");
    let id: Id<Note> = id.parse().unwrap();
    assert_eq!(notebook.get(id).unwrap().unwrap().body, body);
    assert_eq!(notebook.read_for_edit(id).unwrap().0.body, body);
    assert!(notebook.history(id.raw()).unwrap().iter().all(|line| !line.added.contains("lost")));
    assert_eq!(notebook.sizes().unwrap().photos, 0, "nothing of a refused change is kept");
    let people: Vec<String> = lines.iter().filter(|line| line.starts_with("contact ")).cloned().collect();
    assert!(people.len() > 10);
    assert_holds(&notebook, &people);
    assert_eq!(notebook.people(0, 1).unwrap().total, people.len() as u64);
    let full = lines.last().and_then(|line| line.strip_prefix("full ")).unwrap();
    assert_eq!(full, people.len().to_string(), "pages counted what the file held");
    notebook.edit(id, |note: &mut Note| note.body.push_str(", and there is room again")).unwrap();
}

#[test]
fn two_processes_and_several_windows_write_at_once_and_nothing_is_lost() {
    const EACH: usize = 30;
    let folder = quick_folder();
    let path = folder.path().join("notebook.kith");
    let (one, two) = (open(&path), open(&path));
    one.put(Note { id: diary(), ..Note::default() }).unwrap();
    let mut command = scribe();
    command.args(["write", &path.to_string_lossy(), "scribe", "60"]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let acknowledged: Vec<String> = std::thread::scope(|scope| {
        let writers = [&one, &two, &one, &two].into_iter().enumerate().map(|(w, notebook)| {
            scope.spawn(move || {
                let mut lines = Vec::new();
                for n in 0..EACH {
                    let word = format!("w{w}-{n}");
                    let id = notebook.put(Contact { name: word.clone(), ..Contact::default() }).unwrap();
                    assert_eq!(notebook.get(id).unwrap().unwrap().name, word, "one reads what one wrote");
                    lines.push(format!("contact {id} {word}"));
                    notebook.edit(diary(), |note: &mut Note| note.body.push_str(&format!("{word} "))).unwrap();
                    lines.push(format!("diary {word}"));
                }
                lines
            })
        });
        writers.collect::<Vec<_>>().into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let theirs: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect();
    assert_eq!(theirs.len(), 60);
    for notebook in [&one, &two] {
        let own: Vec<String> =
            acknowledged.iter().chain(&theirs).filter(|line| !line.starts_with("diary")).cloned().collect();
        assert_holds(notebook, &own);
        // Words of several writers at one place may stand in each other's way, but every letter is there.
        let body = notebook.get(diary()).unwrap().unwrap().body;
        let wanted: Vec<&str> =
            acknowledged.iter().chain(&theirs).filter_map(|line| line.strip_prefix("diary ")).collect();
        assert_eq!(letters(&body), letters(&wanted.concat()));
    }
    assert_eq!(one.dump().unwrap(), two.dump().unwrap());
}

/// How often each letter occurs, blanks left out.
fn letters(text: &str) -> BTreeMap<char, usize> {
    let mut letters = BTreeMap::new();
    text.chars().filter(|c| *c != ' ').for_each(|c| *letters.entry(c).or_default() += 1);
    letters
}

#[test]
fn what_another_process_writes_is_noticed_once() {
    let folder = quick_folder();
    let path = folder.path().join("notebook.kith");
    let notebook = open(&path);
    let heard = Arc::new(AtomicUsize::new(0));
    let _observation = notebook.observe({
        let heard = heard.clone();
        move |changed| {
            heard.fetch_add(usize::from(changed.origin == Origin::OtherProcess), Ordering::Relaxed);
        }
    });
    let run =
        |name: &str| scribe().args(["write", &path.to_string_lossy(), name, "1"]).output().unwrap().status.success();
    assert!(run("first"));
    assert!(notebook.look_around().unwrap(), "the very first commit of another process counts");
    assert!(!notebook.look_around().unwrap(), "told once");
    notebook.put(Contact { name: "mine".into(), ..Contact::default() }).unwrap();
    assert!(!notebook.look_around().unwrap(), "what was written here is no news");
    assert!(run("second"));
    assert!(notebook.look_around().unwrap());
    assert_eq!(heard.load(Ordering::Relaxed), 2);
    assert_eq!(notebook.people(0, 10).unwrap().total, 3);
}

#[test]
fn a_notebook_that_several_open_for_the_first_time_at_once_is_one_notebook() {
    for _ in 0..10 {
        let folder = quick_folder();
        let path = folder.path().join("notebook.kith");
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for n in 0..4 {
                let (path, barrier) = (&path, &barrier);
                let opened = move || {
                    barrier.wait();
                    let notebook = Notebook::open(path, Options::default())?;
                    notebook.put(Contact { name: format!("{n}"), ..Contact::default() }).map(drop)
                };
                threads.push(scope.spawn(opened));
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
        });
        assert_eq!(open(&path).people(0, 10).unwrap().total, 4);
    }
}

// ---- files that are not what they should be --------------------------------------------------------------------------

/// The bytes of a notebook that somebody used, all in one file.
fn used_notebook(folder: &Path) -> Vec<u8> {
    let path = folder.join("used.kith");
    let notebook = open(&path);
    let mut random = Seeded(3);
    let people: Vec<RecordId> = (0..20)
        .map(|n| {
            let about = fill::words(&mut random);
            notebook
                .put(Contact { name: format!("Dana {n}"), about, cadence_days: Some(n), ..Contact::default() })
                .unwrap()
                .raw()
        })
        .collect();
    notebook.same(Id::new(people[0]), Id::new(people[1])).unwrap();
    for person in &people {
        notebook
            .put(Note { body: "likes customs law".into(), about: vec![Id::new(*person)], ..Note::default() })
            .unwrap();
    }
    assert!(!notebook.find("customs", 10).unwrap().is_empty());
    drop(notebook);
    std::fs::read(path).unwrap()
}

/// Opens these bytes as a notebook and uses it: every answer is a result, none a panic.
fn use_it(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    let used = catch_unwind(AssertUnwindSafe(|| -> Result<(), Error> {
        let notebook = Notebook::open(&path, Options::default())?;
        let person = notebook.people(0, 100).map(|people| people.rows.first().map(|row| row.id));
        let written = notebook.put(Contact { name: "new".into(), ..Contact::default() });
        let asked = [
            person.and_then(|id| {
                id.map_or(Ok(()), |id| {
                    notebook.person(id)?;
                    notebook.history(id.raw())?;
                    notebook.edit(id, |contact: &mut Contact| contact.about.push_str(" more"))
                })
            }),
            notebook.find("customs dana", 20).map(drop),
            notebook.today_page().map(drop),
            notebook.dump().map(drop),
            notebook.digest().map(drop),
            notebook.sizes().map(drop),
            notebook.check_file().map(drop),
            notebook.tidy().map(drop),
            notebook.rebuild(&mut |_, _| Ok(())),
        ];
        if let Ok(id) = written {
            // Acknowledged is acknowledged, also in a damaged file, as long as it can be read at all.
            assert!(notebook.get(id).map_or(true, |contact| contact.is_some_and(|contact| contact.name == "new")));
        }
        asked.into_iter().collect()
    }));
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.join(format!("{name}{suffix}")));
    }
    used.unwrap_or_else(|panic| panic!("{name}: {}", words_of(panic.as_ref())))
}

#[test]
fn a_file_cut_short_is_an_error_or_a_notebook_never_a_panic() {
    quiet_panics();
    let folder = quick_folder();
    let bytes = used_notebook(folder.path());
    assert!(use_it(folder.path(), "whole", &bytes).is_ok());
    let mut refused = 0;
    for part in 1..40 {
        let length = bytes.len() * part / 40;
        refused += usize::from(use_it(folder.path(), &format!("cut at {length}"), &bytes[..length]).is_err());
    }
    assert!(refused > 30, "a cut is noticed ({refused} of 39)");
}

#[test]
fn a_file_with_flipped_bytes_is_an_error_or_a_notebook_never_a_panic() {
    quiet_panics();
    let folder = quick_folder();
    let bytes = used_notebook(folder.path());
    let mut random = Seeded(11);
    let mut refused = 0;
    for round in 0..150 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + random.below(if round < 75 { 1 } else { 40 }) {
            let at = random.below(if round % 3 == 0 { 4096 } else { damaged.len() });
            damaged[at] ^= 1 << random.below(8);
        }
        refused += usize::from(use_it(folder.path(), &format!("flipped {round}"), &damaged).is_err());
    }
    assert!(refused > 5, "{refused} of 150");
}

#[test]
fn what_is_no_notebook_is_refused_in_words_and_left_alone() {
    let folder = quick_folder();
    let refusal = |name: &str| Notebook::open(folder.path().join(name), Options::default()).err();
    let bytes = used_notebook(folder.path());

    let text = b"Dear Dana, this is a letter. ".repeat(50);
    std::fs::write(folder.path().join("letter.txt"), &text).unwrap();
    assert!(matches!(refusal("letter.txt"), Some(Error::Unreadable(_))));
    assert_eq!(std::fs::read(folder.path().join("letter.txt")).unwrap(), text);

    std::fs::create_dir(folder.path().join("a folder")).unwrap();
    assert!(matches!(refusal("a folder"), Some(Error::Storage(_))));
    assert!(matches!(refusal("nowhere/notebook.kith"), Some(Error::Storage(_))));

    // SQLite's header: journal modes at 18 and 19, the user's version at 60, the program at 68.
    let mut newer = bytes.clone();
    newer[63] += 1;
    std::fs::write(folder.path().join("newer.kith"), &newer).unwrap();
    let said = refusal("newer.kith");
    assert!(matches!(said, Some(Error::NeedsUpdate(_))), "{said:?}");
    assert_eq!(std::fs::read(folder.path().join("newer.kith")).unwrap(), newer);

    let mut foreign = bytes;
    foreign[18..20].copy_from_slice(&[1, 1]);
    foreign[68..72].copy_from_slice(b"Else");
    std::fs::write(folder.path().join("foreign.db"), &foreign).unwrap();
    assert!(matches!(refusal("foreign.db"), Some(Error::Unreadable(_))));
    assert!(
        std::fs::read(folder.path().join("foreign.db")).unwrap() == foreign,
        "another program's file is left as it was"
    );

    // An empty file is what a file picker makes for "a new notebook".
    std::fs::write(folder.path().join("empty.kith"), b"").unwrap();
    assert!(refusal("empty.kith").is_none());
}
