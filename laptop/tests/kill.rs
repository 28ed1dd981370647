//! The real program is killed at any moment of a sync: it goes on where it was, nothing is lost, and at most one file is
//! written a second time.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
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
    let asked = desks[1].kith(&["join", code.trim(), "--folder", folder, "--no-wait", "--yes", "--json"]);
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
