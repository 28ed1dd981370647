//! The power fails at any write and any flush of a session: the notebook opens, is whole, and has every edit that was
//! acknowledged.
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

use kith_core::notebook::{Notebook, Options};
use tests::seeds::{each_seed, quiet_panics};
use tests::{Seeded, quick_folder};

/// The files of a notebook by name, as a disk has them.
type Disk = BTreeMap<String, Vec<u8>>;

/// What a process asks of a disk.
#[derive(Clone, Debug, PartialEq)]
enum Call {
    Create(String),
    Unlink(String),
    Write(String, usize, Vec<u8>),
    Truncate(String, usize),
    Flush(String),
    FlushFolder,
    /// A line on its standard output: something is acknowledged.
    Say(String),
}

#[test]
fn a_power_cut_at_any_write_or_flush_loses_nothing_that_was_acknowledged() {
    const TEST: &str = "a_power_cut_at_any_write_or_flush_loses_nothing_that_was_acknowledged";
    quiet_panics();
    let Some(calls) = session(TEST, 50) else { return };
    let disks = disks(&calls);
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
    disk.iter().for_each(|(name, bytes)| std::fs::write(folder.path().join(name), bytes).unwrap());
    let notebook = Notebook::open(folder.path().join(NAME), Options::default()).unwrap();
    assert_eq!(notebook.check_file().unwrap(), Vec::<String>::new());
    let lines = notebook.dump().unwrap().join("\n");
    let is_part = |c: char| !c.is_ascii_alphanumeric() && c != '-';
    let words: HashSet<&str> = lines.split(is_part).collect();
    for line in said {
        let word = line.rsplit(' ').next().unwrap();
        assert!(words.contains(word), "lost: {line}");
    }
}

const NAME: &str = "notebook.kith";

/// Every call of a session of so many edits; none where processes cannot be watched.
fn session(test: &str, edits: usize) -> Option<Vec<Call>> {
    let folder = quick_folder();
    let (trace, notebook) = (folder.path().join("trace"), folder.path().join(NAME));
    let mut command = Command::new("strace");
    command.args(["-f", "-xx", "-s", "1000000", "-e"]);
    command.arg("trace=openat,open,creat,close,write,pwrite64,pwritev,writev,fsync,fdatasync,ftruncate,truncate,rename,renameat,renameat2,link,linkat,unlink,unlinkat");
    command.arg("-o").arg(&trace).arg(env!("CARGO_BIN_EXE_scribe")).arg("write").arg(&notebook);
    match command.args(["power", &edits.to_string()]).output() {
        Ok(output) if output.status.success() => {
            let trace = std::fs::read_to_string(trace).unwrap();
            Some(read_trace(&trace, folder.path()))
        }
        Ok(output) => skip(test, String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("strace failed")),
        Err(_) => skip(test, "strace is not installed"),
    }
}

/// Past the capture of the test runner, in the words that `tests/run` counts.
fn skip<T>(test: &str, reason: &str) -> Option<T> {
    let _ = std::io::stderr().write_all(format!("\nskipped: {test}: {reason}\n").as_bytes());
    None
}

/// The calls of a trace that concern files of this folder, in order.
fn read_trace(trace: &str, folder: &Path) -> Vec<Call> {
    let (mut open, mut calls): (HashMap<i64, String>, Vec<Call>) = (HashMap::new(), Vec::new());
    let mut there: BTreeSet<String> = BTreeSet::new();
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
                    open.insert(result, name);
                }
            }
            "close" => drop(open.remove(&numbers[0])),
            "write" if numbers[0] == 1 => {
                let said = String::from_utf8(strings[0].clone()).unwrap();
                calls.extend(said.lines().map(|line| Call::Say(line.into())));
            }
            "pwrite64" => {
                let Some(name) = open.get(&numbers[0]) else { continue };
                assert_eq!(result as usize, strings[0].len());
                calls.push(Call::Write(name.clone(), *numbers.last().unwrap() as usize, strings[0].clone()));
            }
            "ftruncate" => {
                calls.extend(open.get(&numbers[0]).map(|name| Call::Truncate(name.clone(), numbers[1] as usize)))
            }
            "fsync" | "fdatasync" => match open.get(&numbers[0]) {
                Some(name) if name.is_empty() => calls.push(Call::FlushFolder),
                Some(name) => calls.push(Call::Flush(name.clone())),
                None => {}
            },
            "unlink" => {
                let Some(name) = inside(&path()) else { continue };
                there.remove(&name);
                calls.push(Call::Unlink(name));
            }
            _ => assert!(numbers.first().and_then(|fd| open.get(fd)).is_none(), "what is {call}?"),
        }
    }
    // The shared memory beside the log is no part of what must survive.
    calls.retain(|call| !matches!(call, Call::Create(name) | Call::Unlink(name) | Call::Write(name, ..) | Call::Truncate(name, _) if name.ends_with("-shm")));
    calls
}

fn unescaped(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks_exact(4).map(|four| digit(four[2]) << 4 | digit(four[3])).collect()
}

/// Every disk that a power cut could leave, each once, with what was acknowledged by then.
fn disks(calls: &[Call]) -> Vec<(Disk, Vec<String>)> {
    let (mut flushed, mut pending): (Disk, Vec<Call>) = (Disk::new(), Vec::new());
    let (mut said, mut random) = (Vec::new(), Seeded(50));
    let (mut seen, mut disks) = (HashSet::new(), Vec::new());
    for call in calls {
        match call {
            Call::Say(line) => said.push(line.clone()),
            Call::Flush(file) => {
                let is_of = |call: &Call| matches!(call, Call::Create(name) | Call::Write(name, ..) | Call::Truncate(name, _) if name == file);
                pending.iter().filter(|call| is_of(call)).for_each(|call| apply(&mut flushed, call));
                pending.retain(|call| !is_of(call));
            }
            Call::FlushFolder => {
                // What was written to a file that is gone is gone with it.
                let gone = |at: usize, name: &String| {
                    pending[at..].iter().any(|call| matches!(call, Call::Unlink(of) if of == name))
                };
                let is_lost = |at: usize| matches!(&pending[at], Call::Write(name, ..) | Call::Truncate(name, _) if gone(at, name));
                pending = (0..pending.len()).filter(|at| !is_lost(*at)).map(|at| pending[at].clone()).collect();
                let is_name = |call: &Call| matches!(call, Call::Create(_) | Call::Unlink(_));
                pending.iter().filter(|call| is_name(call)).for_each(|call| apply(&mut flushed, call));
                pending.retain(|call| !is_name(call));
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
        Call::Write(name, at, bytes) => {
            let file = disk.entry(name.clone()).or_default();
            if file.len() < at + bytes.len() {
                file.resize(at + bytes.len(), 0);
            }
            file[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Call::Truncate(name, length) => disk.entry(name.clone()).or_default().resize(*length, 0),
        Call::Flush(_) | Call::FlushFolder | Call::Say(_) => {}
    }
}
