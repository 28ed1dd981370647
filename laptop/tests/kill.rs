//! The real program is killed at any moment, and the disk is full. Of a sync that was killed nothing is lost, and at most
//! one file is written a second time; of a jot every line that was acknowledged is there.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Kills in every run; `KITH_CASES` asks for more.
const KILLS: u64 = 40;

/// A computer with the program.
struct Desk(PathBuf);

impl Desk {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
        command.args(arguments).env_clear().env("HOME", &self.0).env("KITH_NOTEBOOK", self.0.join("notebook.kith"));
        for (name, folder) in [("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config")] {
            command.env(name, self.0.join(folder));
        }
        command.env("KITH_KEYS", "file").env("KITH_DEVICE", self.0.file_name().unwrap());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn kith(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "kith {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// What lies below a folder: for each file which one it is on the disk, and its length.
fn files(folder: &Path) -> BTreeMap<PathBuf, (u64, u64)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let there = path.metadata().unwrap();
            found.insert(path, (there.ino(), there.len()));
        }
    }
    found
}

/// Draws a number below `most`: SplitMix64.
fn below(state: &mut u64, most: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % most.max(1)
}

#[test]
fn a_sync_killed_at_any_moment_goes_on_and_writes_at_most_one_file_again() {
    let kills = std::env::var("KITH_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(KILLS);
    let home = tempfile::tempdir().unwrap();
    let [phone, laptop, shared] = ["phone", "laptop", "shared"].map(|name| home.path().join(name));
    [&phone, &laptop, &shared].iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
    let (desks, folder) = ([Desk(phone), Desk(laptop)], shared.to_str().unwrap());
    let code = desks[0].kith(&["invite", "--folder", folder, "--no-wait"]);
    let join = ["join", code.trim(), "--folder", folder, "--no-wait", "--yes", "--json"];
    desks[1].kith(&join);
    desks[0].kith(&["sync", "--no-near"]);
    let asked = desks[1].kith(&join);
    let digits: String =
        asked.split("\"digits\"").nth(1).unwrap().chars().filter(char::is_ascii_digit).take(6).collect();
    desks[0].kith(&["invite", "--agree-to", &digits]);
    desks[1].kith(&["join"]);
    let begun = Instant::now();
    desks[0].kith(&["sync", "--no-near"]);
    let whole = begun.elapsed().as_micros() as u64;
    let (mut state, mut again, mut cut) = (2026, 0, 0);
    for number in 0..kills {
        let desk = &desks[(number % 2) as usize];
        desk.kith(&["jot", &format!("Person{number} Number")]);
        let mut child = desk.command(&["sync", "--no-near"]).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(below(&mut state, whole)));
        child.kill().unwrap();
        cut += u64::from(!child.wait().unwrap().success());
        let killed = files(&shared);
        desk.kith(&["sync", "--no-near"]);
        let after = files(&shared);
        let rewritten = killed.iter().filter(|(path, there)| after.get(*path).is_some_and(|now| now != *there)).count();
        let copies = after.keys().filter(|path| path.to_string_lossy().ends_with("-1.kiths")).count();
        assert!(rewritten + copies <= 1, "after kill {number} {rewritten} files were written again, {copies} copied");
        again += rewritten;
    }
    for desk in desks.iter().chain(&desks) {
        desk.kith(&["sync", "--no-near"]);
    }
    let [one, other] = [0, 1].map(|at: usize| desks[at].kith(&["people", "--json"]));
    assert!(one == other, "the two do not show the same");
    assert!(one.replace(' ', "").contains(&format!("\"total\":{kills}")), "somebody is missing of {kills}: {one}");
    println!("{kills} kills, {cut} of them before the end; {again} files were written again");
}

/// How long kills of a jot go on when nobody asks for a number of them.
const FOR: Duration = Duration::from_secs(20);
/// Lines that one program is given before it is killed.
const LINES: usize = 40;

/// The numbers of the people that a text shows: each is called `Person17 Number`.
fn numbers(text: &str) -> BTreeSet<u64> {
    let behind = text.split("Person").skip(1);
    behind.filter_map(|rest| rest.split_once(" Number")?.0.parse().ok()).collect()
}

/// What is acknowledged of the lines this program reads until it is killed after so long.
fn acknowledged_until_killed(desk: &Desk, lines: &str, after: Duration) -> BTreeSet<u64> {
    let mut child = desk.command(&["jot"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut into, out) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let reading = std::thread::spawn(move || {
        // A line that the kill cut short does not count: it may end within a number.
        let whole = |line: &String| line.ends_with('\n');
        let mut said = String::new();
        let mut out = out;
        loop {
            let mut line = String::new();
            if out.read_line(&mut line).is_err() || !whole(&line) {
                return said;
            }
            said.push_str(&line);
        }
    });
    let lines = lines.to_string();
    let writing = std::thread::spawn(move || drop(into.write_all(lines.as_bytes())));
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    writing.join().unwrap();
    numbers(&reading.join().unwrap())
}

#[test]
fn a_jot_that_was_acknowledged_is_there_whenever_the_program_is_killed() {
    let seed = std::env::var("KITH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2026);
    let kills: Option<u64> = std::env::var("KITH_CASES").ok().and_then(|cases| cases.parse().ok());
    println!("seed {seed}");
    let home = tempfile::tempdir().unwrap();
    let desk = Desk(home.path().join("phone"));
    std::fs::create_dir(&desk.0).unwrap();
    let begun = Instant::now();
    desk.kith(&["jot", "Person0 Number"]);
    let whole = begun.elapsed().as_micros() as u64;
    let (mut state, mut next, mut killed, mut cut_short) = (seed, 1, 0, 0);
    let mut acknowledged = BTreeSet::from([0]);
    let begun = Instant::now();
    while kills.map_or(begun.elapsed() < FOR, |kills| killed < kills) {
        let lines: String = (next..).take(LINES).map(|number| format!("Person{number} Number\n")).collect();
        // From before the notebook is open until some lines are down.
        let after = Duration::from_micros(below(&mut state, whole * 4));
        let now = acknowledged_until_killed(&desk, &lines, after);
        cut_short += u64::from(now.len() < LINES);
        acknowledged.extend(now);
        (next, killed) = (next + LINES as u64, killed + 1);
    }
    let kept = numbers(&desk.kith(&["export", "json"]));
    let lost: Vec<&u64> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "seed {seed}: acknowledged and lost after {killed} kills: {lost:?}");
    assert!(cut_short > 0, "seed {seed}: no program was killed before its end");
    println!(
        "seed {seed}: {killed} kills, {cut_short} of them before the end; {} lines acknowledged",
        acknowledged.len()
    );
}

/// Jots lines in one program, and adds those that it acknowledged. Answers whether all went well; what did not says why.
fn jots(desk: &Desk, lines: &[String], acknowledged: &mut BTreeSet<u64>) -> bool {
    let mut child = desk.command(&["jot"]).stdin(Stdio::piped()).spawn().unwrap();
    let (mut into, lines) = (child.stdin.take().unwrap(), lines.join("\n"));
    let writing = std::thread::spawn(move || drop(into.write_all(lines.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    acknowledged.extend(numbers(&String::from_utf8_lossy(&output.stdout)));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || said.contains("disk is full"), "it does not say why: {said}");
    output.status.success()
}

/// A disk of a few MiB of its own, gone with this value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(at: PathBuf) -> Result<Self, String> {
        std::fs::create_dir(&at).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "kith-test"]).arg(&at).output();
        match mount {
            Ok(mount) if mount.status.success() => Ok(Self(at)),
            Ok(mount) => Err(String::from_utf8_lossy(&mount.stderr).trim().to_string()),
            Err(error) => Err(format!("there is no mount: {error}")),
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_disk_a_jot_fails_and_says_so_and_none_that_was_acknowledged_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let disk = match SmallDisk::new(home.path().join("disk")) {
        Ok(disk) => disk,
        Err(reason) => {
            let name = "on_a_full_disk_a_jot_fails_and_says_so_and_none_that_was_acknowledged_is_lost";
            eprintln!("\nskipped: {name}: no small disk can be mounted here ({reason})");
            return;
        }
    };
    let desk = Desk(disk.0.join("phone"));
    std::fs::create_dir(&desk.0).unwrap();
    desk.kith(&["jot", "Person0 Number"]);
    let filling = disk.0.join("filling");
    let mut acknowledged = BTreeSet::from([0]);
    let (mut failed, mut number) = (0, 1);
    let line = |number: u64| format!("Person{number} Number, Acme, CTO, {}", "word ".repeat(400));
    for _ in 0..3 {
        // Full to the last byte, by a file that is not the notebook's.
        let mut file = std::fs::File::create(&filling).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        for _ in 0..4 {
            failed += u64::from(!jots(&desk, &[line(number)], &mut acknowledged));
            number += 1;
        }
        // With some room, which the notebook itself fills while one program reads line after line.
        file.set_len(file.metadata().unwrap().len().saturating_sub(600 * 1024)).unwrap();
        let lines: Vec<String> = (number..).take(300).map(line).collect();
        assert!(!jots(&desk, &lines, &mut acknowledged), "300 long lines found room on a full disk");
        (failed, number) = (failed + 1, number + 300);
        drop(file);
        std::fs::remove_file(&filling).unwrap();
        assert!(jots(&desk, &[line(number)], &mut acknowledged), "with room again a jot was refused");
        number += 1;
    }
    assert!(failed > 3, "alone on a full disk no jot failed");
    let kept = numbers(&desk.kith(&["people", "--json"]));
    assert_eq!(acknowledged.difference(&kept).count(), 0, "acknowledged and lost: {acknowledged:?} against {kept:?}");
    println!("{failed} programs failed on a full disk, {} lines were acknowledged and are there", acknowledged.len());
}
