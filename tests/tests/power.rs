//! The power fails at any write and any flush of a session: the notebook opens, is whole, and has every edit that was
//! acknowledged. So it does in the middle of a sync, and goes on with it afterwards.
//!
//! A child process with the real library is watched by `strace`. From what it wrote and flushed, the disk is made as it
//! could have been at every moment: what was flushed, and of what came later nothing, all, a beginning, a beginning
//! with a torn write, or every other write.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use kith_core::model::Note;
use kith_core::notebook::{Notebook, Options};
use tests::home::Home;
use tests::seeds::{each_seed, quiet_panics};
use tests::{Device, Seeded, quick_folder};

/// Files by name, as a disk has them.
type Disk = BTreeMap<String, Vec<u8>>;

/// What a process asks of a disk.
#[derive(Clone, Debug, PartialEq)]
enum Call {
    Create(String),
    Unlink(String),
    Write(String, usize, Vec<u8>),
    Truncate(String, usize),
    Rename(String, String),
    Flush(String),
    FlushFolder(String),
    /// A line on its standard output: something is acknowledged.
    Say(String),
}

#[test]
fn a_power_cut_at_any_write_or_flush_loses_nothing_that_was_acknowledged() {
    const TEST: &str = "a_power_cut_at_any_write_or_flush_loses_nothing_that_was_acknowledged";
    quiet_panics();
    let folder = quick_folder();
    let notebook = folder.path().join(NAME);
    let Some(calls) = watch(TEST, folder.path(), &["write", notebook.to_str().unwrap(), "power", "50"]) else { return };
    let disks = disks(Disk::new(), &calls);
    println!("{} calls, {} different disks", calls.len(), disks.len());
    assert!(calls.iter().filter(|call| matches!(call, Call::Say(_))).count() == 50 && disks.len() > 500);
    let numbers: Vec<u64> = (0..disks.len() as u64).collect();
    each_seed(TEST, &numbers, |number| {
        let (disk, said) = &disks[number as usize];
        assert_opens(disk, said);
    });
}

fn assert_opens(disk: &Disk, said: &[String]) {
    let folder = quick_folder();
    lay_out(folder.path(), disk.iter());
    let notebook = Notebook::open(folder.path().join(NAME), Options::default()).unwrap();
    assert_eq!(notebook.check_file().unwrap(), Vec::<String>::new());
    assert_has(&notebook, said);
}

/// The last word of each of these lines stands in the notebook.
fn assert_has(notebook: &Notebook, said: &[String]) {
    let lines = notebook.dump().unwrap().join("\n");
    let is_part = |c: char| !c.is_ascii_alphanumeric() && c != '-';
    let words: HashSet<&str> = lines.split(is_part).collect();
    for line in said {
        let word = line.rsplit(' ').next().unwrap();
        assert!(words.contains(word), "lost: {line}");
    }
}

const NAME: &str = "notebook.kith";

/// What stands under this name survives every power cut: it is on a server.
const SERVER: &str = "shared/";

#[test]
fn a_power_cut_at_any_write_or_flush_of_a_sync_loses_nothing_and_leaves_nothing_half_said() {
    const TEST: &str = "a_power_cut_at_any_write_or_flush_of_a_sync_loses_nothing_and_leaves_nothing_half_said";
    quiet_panics();
    let home = Home::new();
    let before = {
        home.devices(["phone", "laptop", "tablet"]);
        files_in(home.folder.path())
    };
    let path = |name: &str| home.folder.path().join(name).to_str().unwrap().to_owned();
    let [phone, laptop] = ["phone", "laptop"].map(|name| path(&format!("{name}/{NAME}")));
    let Some(mut calls) = watch(TEST, home.folder.path(), &["meet", &phone, &laptop, &path("shared"), "3"]) else {
        return;
    };
    // What the others do is no matter of this disk.
    let is_its_own = |name: &str| name == "phone" || name.starts_with("phone/") || name.starts_with(SERVER);
    calls.retain(|call| call.file().is_none_or(is_its_own));
    let is_on_it = |name: &String| !name.starts_with("laptop/") && !name.starts_with("tablet/");
    let disk: Disk = before.clone().into_iter().filter(|(name, _)| is_on_it(name)).collect();
    let disks = disks(disk, &calls);
    println!("{} calls, {} different disks", calls.len(), disks.len());
    assert!(calls.iter().filter(|call| matches!(call, Call::Say(_))).count() == 6 && disks.len() > 200);
    let numbers: Vec<u64> = (0..disks.len() as u64).collect();
    each_seed(TEST, &numbers, |number| {
        let (disk, said) = &disks[number as usize];
        assert_goes_on(disk, &before, said);
    });
}

/// The device opens, has what was acknowledged, and goes on; a third device hears all of it.
fn assert_goes_on(disk: &Disk, before: &Disk, said: &[String]) {
    let folder = quick_folder();
    lay_out(folder.path(), disk.iter());
    lay_out(folder.path(), before.iter().filter(|(name, _)| name.starts_with("tablet/")));
    let shared = folder.path().join("shared");
    let (phone, tablet) = (Device::new(folder.path(), "phone", 11), Device::new(folder.path(), "tablet", 12));
    assert_eq!(phone.notebook.check_file().unwrap(), Vec::<String>::new());
    assert_has(&phone.notebook, said);
    // A number that was remembered and not used yet costs a new log; nothing else does.
    let was_between = handed_out(folder.path()) == written(folder.path()) + 1;
    let report = phone.pass(&shared).unwrap();
    assert_eq!(report.new_log, was_between);
    assert_eq!((report.set_aside, report.refused), (Vec::new(), Vec::new()));
    phone.notebook.put(Note { body: "after-all".into(), ..Note::default() }).unwrap();
    phone.pass(&shared).unwrap();
    let report = tablet.pass(&shared).unwrap();
    assert_eq!((report.set_aside, report.refused), (Vec::new(), Vec::new()));
    phone.pass(&shared).unwrap();
    let words = [said, &["wrote after-all".into()]].concat();
    assert_has(&tablet.notebook, &words);
    tests::assert_same_lines(&phone.notebook.dump().unwrap(), &tablet.notebook.dump().unwrap(), "two devices differ");
}

/// How far the phone remembers that it handed out its log.
fn handed_out(folder: &Path) -> i64 {
    let file = std::fs::read(folder.join("phone/handed-out.json")).unwrap();
    let logs: BTreeMap<String, i64> = serde_json::from_slice(&file).unwrap();
    assert_eq!(logs.len(), 1);
    logs.into_values().sum()
}

/// How far its notebook has it.
fn written(folder: &Path) -> i64 {
    let connection = rusqlite::Connection::open(folder.join("phone").join(NAME)).unwrap();
    let last = "SELECT coalesce(max(seq), 0) FROM segment WHERE log = (SELECT value FROM meta WHERE key = 'log')";
    connection.query_row(last, [], |row| row.get(0)).unwrap()
}

/// Every call of the scribe that concerns files of this folder; none where processes cannot be watched.
fn watch(test: &str, folder: &Path, arguments: &[&str]) -> Option<Vec<Call>> {
    let there: BTreeSet<String> = files_in(folder).into_keys().collect();
    let trace = quick_folder();
    let trace = trace.path().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-xx", "-s", "1000000", "-e"]);
    command.arg("trace=openat,open,creat,close,write,pwrite64,pwritev,writev,fsync,fdatasync,ftruncate,truncate,rename,renameat,renameat2,link,linkat,unlink,unlinkat");
    command.arg("-o").arg(&trace).arg(env!("CARGO_BIN_EXE_scribe")).args(arguments);
    match command.output() {
        Ok(output) if output.status.success() => {
            Some(read_trace(&std::fs::read_to_string(trace).unwrap(), folder, there))
        }
        Ok(output) => skip(test, String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("strace failed")),
        Err(_) => skip(test, "strace is not installed"),
    }
}

/// All files below a folder, by their paths in it.
fn files_in(folder: &Path) -> Disk {
    let (mut files, mut folders) = (Disk::new(), vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    files
}

fn lay_out<'a>(folder: &Path, files: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) {
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// Past the capture of the test runner, in the words that `tests/run` counts.
fn skip<T>(test: &str, reason: &str) -> Option<T> {
    let _ = std::io::stderr().write_all(format!("\nskipped: {test}: {reason}\n").as_bytes());
    None
}

/// The calls of a trace that concern files of this folder, in order.
fn read_trace(trace: &str, folder: &Path, mut there: BTreeSet<String>) -> Vec<Call> {
    // Each open file with how far it was written, for those that are written from the beginning to the end.
    let (mut open, mut calls): (HashMap<i64, (String, usize)>, Vec<Call>) = (HashMap::new(), Vec::new());
    for line in trace.lines() {
        let Some((call, result)) = line.split_once(' ').map(|(_, rest)| rest.trim()).and_then(|l| l.rsplit_once(" = "))
        else {
            continue;
        };
        let call = call.trim_end();
        let result: i64 = result.split(' ').next().unwrap().parse().unwrap_or(-1);
        let (name, arguments) = call.split_once('(').unwrap();
        let strings: Vec<Vec<u8>> = arguments.split('"').skip(1).step_by(2).map(unescaped).collect();
        let path = || String::from_utf8(strings[0].clone()).unwrap();
        let inside =
            |path: &str| Path::new(path).strip_prefix(folder).ok().map(|name| name.to_str().unwrap().to_string());
        let numbers: Vec<i64> =
            arguments.trim_end_matches(')').split(", ").map(|part| part.trim().parse().unwrap_or(-1)).collect();
        if result < 0 {
            continue;
        }
        match name {
            "openat" | "open" | "creat" => {
                open.remove(&result);
                if let Some(name) = inside(&path()) {
                    if arguments.contains("O_CREAT") && there.insert(name.clone()) {
                        calls.push(Call::Create(name.clone()));
                    }
                    assert!(!arguments.contains("O_TRUNC"), "{call}");
                    open.insert(result, (name, 0));
                }
            }
            "close" => drop(open.remove(&numbers[0])),
            "write" if numbers[0] == 1 => {
                let said = String::from_utf8(strings[0].clone()).unwrap();
                calls.extend(said.lines().map(|line| Call::Say(line.into())));
            }
            "pwrite64" => {
                let Some((name, _)) = open.get(&numbers[0]) else { continue };
                assert_eq!(result as usize, strings[0].len());
                calls.push(Call::Write(name.clone(), *numbers.last().unwrap() as usize, strings[0].clone()));
            }
            "write" => {
                let Some((name, at)) = open.get_mut(&numbers[0]) else { continue };
                assert_eq!(result as usize, strings[0].len());
                calls.push(Call::Write(name.clone(), *at, strings[0].clone()));
                *at += strings[0].len();
            }
            "ftruncate" => {
                calls.extend(open.get(&numbers[0]).map(|(name, _)| Call::Truncate(name.clone(), numbers[1] as usize)))
            }
            "fsync" | "fdatasync" => match open.get(&numbers[0]) {
                Some((name, _)) if there.contains(name) => calls.push(Call::Flush(name.clone())),
                Some((folder, _)) => calls.push(Call::FlushFolder(folder.clone())),
                None => {}
            },
            "rename" | "renameat" | "renameat2" => {
                let names: Vec<Option<String>> =
                    strings.iter().map(|path| inside(std::str::from_utf8(path).unwrap())).collect();
                let [Some(from), Some(to)] = &names[..] else { continue };
                there.remove(from);
                there.insert(to.clone());
                calls.push(Call::Rename(from.clone(), to.clone()));
            }
            "unlink" | "unlinkat" => {
                let Some(name) = inside(&path()) else { continue };
                there.remove(&name);
                calls.push(Call::Unlink(name));
            }
            _ => {
                assert!(strings.iter().all(|path| inside(&String::from_utf8_lossy(path)).is_none()), "what is {call}?")
            }
        }
    }
    // The shared memory beside the log is no part of what must survive.
    calls.retain(|call| call.file().is_none_or(|name| !name.ends_with("-shm")));
    calls
}

impl Call {
    /// The file or folder it concerns.
    fn file(&self) -> Option<&str> {
        match self {
            Self::Create(name) | Self::Unlink(name) | Self::Write(name, ..) | Self::Truncate(name, _) => Some(name),
            Self::Flush(name) | Self::FlushFolder(name) | Self::Rename(_, name) => Some(name),
            Self::Say(_) => None,
        }
    }

    /// Whether it changes what stands in this folder under which name.
    fn names_in(&self, folder: &str) -> bool {
        matches!(self, Self::Create(name) | Self::Unlink(name) | Self::Rename(_, name) if folder_of(name) == folder)
    }

    /// Whether it is part of what this file is.
    fn is_of(&self, file: &str) -> bool {
        matches!(self, Self::Create(name) | Self::Write(name, ..) | Self::Truncate(name, _) if name == file)
    }
}

fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn unescaped(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks_exact(4).map(|four| digit(four[2]) << 4 | digit(four[3])).collect()
}

/// Every disk that a power cut could leave, each once, with what was acknowledged by then.
fn disks(mut flushed: Disk, calls: &[Call]) -> Vec<(Disk, Vec<String>)> {
    let mut pending: Vec<Call> = Vec::new();
    let (mut said, mut random) = (Vec::new(), Seeded(50));
    let (mut seen, mut disks) = (HashSet::new(), Vec::new());
    for call in calls {
        match call {
            Call::Say(line) => said.push(line.clone()),
            _ if call.file().is_some_and(|name| name.starts_with(SERVER)) => apply(&mut flushed, call),
            Call::Flush(file) => {
                pending.iter().filter(|call| call.is_of(file)).for_each(|call| apply(&mut flushed, call));
                pending.retain(|call| !call.is_of(file));
            }
            Call::FlushFolder(folder) => {
                // What was written to a file that is gone is gone with it.
                let gone = |at: usize, name: &String| {
                    pending[at..]
                        .iter()
                        .any(|call| matches!(call, Call::Unlink(of) if of == name && call.names_in(folder)))
                };
                let is_lost = |at: usize| matches!(&pending[at], Call::Write(name, ..) | Call::Truncate(name, _) if gone(at, name));
                pending = (0..pending.len()).filter(|at| !is_lost(*at)).map(|at| pending[at].clone()).collect();
                pending.iter().filter(|call| call.names_in(folder)).for_each(|call| apply(&mut flushed, call));
                pending.retain(|call| !call.names_in(folder));
            }
            _ => pending.push(call.clone()),
        }
        for disk in variants(&flushed, &pending, &mut random) {
            let mut hasher = blake3::Hasher::new();
            for (name, bytes) in &disk {
                hasher.update(name.as_bytes()).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
            }
            // What is acknowledged later is asked of the same disk again.
            if seen.insert((*hasher.finalize().as_bytes(), said.len())) {
                disks.push((disk, said.clone()));
            }
        }
    }
    disks
}

/// What was flushed, with nothing, all, a beginning, a torn beginning and every other of what was not.
fn variants(flushed: &Disk, pending: &[Call], random: &mut Seeded) -> Vec<Disk> {
    let with = |calls: &[Call]| {
        let mut disk = flushed.clone();
        calls.iter().for_each(|call| apply(&mut disk, call));
        disk
    };
    let some = random.below(pending.len() + 1);
    let mut torn = pending[..some].to_vec();
    if let Some(Call::Write(name, at, bytes)) = pending.get(some) {
        torn.push(Call::Write(name.clone(), *at, bytes[..random.below(bytes.len())].to_vec()));
    }
    let other: Vec<Call> = pending.iter().filter(|_| random.below(2) == 0).cloned().collect();
    vec![with(&[]), with(pending), with(&pending[..some]), with(&torn), with(&other)]
}

fn apply(disk: &mut Disk, call: &Call) {
    match call {
        Call::Create(name) => drop(disk.entry(name.clone()).or_default()),
        Call::Unlink(name) => drop(disk.remove(name)),
        // A name may reach the disk while what it stands for never did.
        Call::Rename(from, to) => {
            if let Some(bytes) = disk.remove(from) {
                disk.insert(to.clone(), bytes);
            }
        }
        Call::Write(name, at, bytes) => {
            let file = disk.entry(name.clone()).or_default();
            if file.len() < at + bytes.len() {
                file.resize(at + bytes.len(), 0);
            }
            file[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Call::Truncate(name, length) => disk.entry(name.clone()).or_default().resize(*length, 0),
        Call::Flush(_) | Call::FlushFolder(_) | Call::Say(_) => {}
    }
}
