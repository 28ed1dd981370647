//! The keys of a device in the keychain of the system, through the real program: with a Secret Service that answers, one
//! that is locked, one that is gone, and none at all.
//!
//! The Secret Service is gnome-keyring on a bus of its own, in a folder that goes with the test. Where it cannot be had, its
//! tests say so and count as skipped.
#![allow(clippy::unwrap_used, missing_docs)] // a failure here fails the test
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A bus on which nothing starts by itself: whoever is not there is not there.
const BUS: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:dir=FOLDER</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>"#;

/// Says that a test is skipped, past the capture of the test runner, in the words that `tests/run` counts.
fn skip(test: &str, reason: &str) {
    let _ = std::io::stderr().write_all(format!("\nskipped: {test}: {reason}\n").as_bytes());
}

/// A program that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody's session on a computer: a bus, and what a keychain keeps on the disk.
struct Session {
    home: PathBuf,
    address: String,
    _bus: Running,
}

impl Session {
    /// None, said as skipped, where a program is missing.
    fn new(home: &Path, test: &str) -> Option<Self> {
        std::fs::create_dir_all(home.join("run")).unwrap();
        let config = home.join("bus.conf");
        std::fs::write(&config, BUS.replace("FOLDER", home.join("run").to_str().unwrap())).unwrap();
        let bus = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let can = |program: &str| Command::new(program).arg("--version").output().is_ok();
        let (Ok(bus), true, true) = (bus, can("gnome-keyring-daemon"), can("dbus-send")) else {
            skip(test, "dbus-daemon, dbus-send or gnome-keyring-daemon is missing");
            return None;
        };
        let mut bus = Running(bus);
        let mut address = String::new();
        BufReader::new(bus.0.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Some(Self { home: home.into(), address: address.trim().into(), _bus: bus })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.home).env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command.env("XDG_RUNTIME_DIR", self.home.join("run")).env("XDG_DATA_HOME", self.home.join("keyrings"));
        command
    }

    /// The keychain, unlocked with a password or as it is when nobody has logged in.
    fn keychain(&self, password: Option<&str>) -> Running {
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets"]).stdout(Stdio::null()).stderr(Stdio::null());
        if password.is_some() {
            command.arg("--unlock");
        }
        let mut daemon = command.stdin(Stdio::piped()).spawn().unwrap();
        daemon.stdin.take().unwrap().write_all(password.unwrap_or_default().as_bytes()).unwrap();
        let daemon = Running(daemon);
        self.wait_until_owned(true);
        daemon
    }

    /// Ends the keychain as a crash does.
    fn kill(&self, keychain: Running) {
        drop(keychain);
        self.wait_until_owned(false);
    }

    fn wait_until_owned(&self, wanted: bool) {
        let (until, wanted) = (Instant::now() + Duration::from_secs(30), format!("boolean {wanted}"));
        let mut ask = self.command("dbus-send");
        ask.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/",
            "org.freedesktop.DBus.NameHasOwner",
        ]);
        ask.arg("string:org.freedesktop.secrets");
        while !String::from_utf8_lossy(&ask.output().unwrap().stdout).contains(&wanted) {
            assert!(Instant::now() < until, "the keychain does not come or go");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// One computer with the program.
struct Desk {
    folder: PathBuf,
    /// Where its bus is; empty for none.
    bus: String,
    wish: &'static str,
}

/// What the program said, each in one line, and its code.
struct Said {
    out: String,
    err: String,
    code: i32,
}

impl Desk {
    fn new(home: &Path, name: &str, bus: &str) -> Self {
        let folder = home.join(name);
        std::fs::create_dir(&folder).unwrap();
        Self { folder, bus: bus.into(), wish: "" }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
        command.args(arguments).env_clear().current_dir(&self.folder).env("HOME", &self.folder);
        command.env("KITH_NOTEBOOK", self.folder.join("notebook.kith"));
        command.env("KITH_DEVICE", self.folder.file_name().unwrap());
        for (name, folder) in [("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config")] {
            command.env(name, self.folder.join(folder));
        }
        for (name, value) in [("DBUS_SESSION_BUS_ADDRESS", self.bus.as_str()), ("KITH_KEYS", self.wish)] {
            if !value.is_empty() {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let Output { stdout, stderr, status } = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        Said { out: text(stdout), err: text(stderr), code: status.code().unwrap_or(-1) }
    }

    fn kith(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "kith {arguments:?}: {}{}", said.out, said.err);
        said.out
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.kith(&[arguments, &["--json"]].concat())).unwrap()
    }

    fn lets_in(&self, other: &Self, folder: &str) {
        let code = self.kith(&["invite", "--folder", folder, "--no-wait"]);
        let join = ["join", &code, "--folder", folder, "--no-wait", "--join-with-my-notes"];
        other.kith(&join);
        self.kith(&["sync", "--no-near"]);
        let asked = other.json(&join);
        self.kith(&["invite", "--agree-to", asked["digits"].as_str().unwrap()]);
        other.kith(&["join"]);
    }

    fn keys(&self) -> PathBuf {
        self.folder.join("state/kith/keys")
    }

    /// The names of the files with keys: not of those that say where keys are, and that somebody changes them.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            files(&self.keys()).into_keys().map(|path| path.file_name().unwrap().to_str().unwrap().into()).collect();
        names.retain(|name| name != "kept-in.json" && name != "changing.lock");
        names
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.insert(path.clone(), std::fs::read(path).unwrap());
        }
    }
    found
}

fn is_in(part: &[u8], whole: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

#[test]
fn keys_sealed_by_the_keychain_lie_open_nowhere_and_a_locked_one_says_what_to_do_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let name = "keys_sealed_by_the_keychain_lie_open_nowhere_and_a_locked_one_says_what_to_do_and_changes_nothing";
    let Some(session) = Session::new(&home.join("session"), name) else { return };
    let keychain = session.keychain(Some("open sesame"));
    let (phone, laptop) = (Desk::new(home, "phone", &session.address), Desk::new(home, "laptop", &session.address));
    let shared = home.join("shared");
    std::fs::create_dir(&shared).unwrap();
    phone.kith(&["jot", "Dana Ruiz"]);
    phone.lets_in(&laptop, shared.to_str().unwrap());
    phone.kith(&["sync", "--no-near"]);
    laptop.kith(&["sync", "--no-near"]);
    for desk in [&phone, &laptop] {
        assert_eq!(desk.json(&["devices", "keys"])["keys"], "keychain");
        assert!(desk.kith(&["devices"]).contains("sealed with one in the keychain"));
        assert!(desk.names().len() >= 3 && desk.names().iter().all(|name| name.ends_with(".sealed")));
    }
    let sealed = files(home);

    let state = files(&laptop.folder.join("state"));
    let refuses = |why: &str| {
        for command in
            [&["sync", "--no-near"][..], &["devices"], &["devices", "keys", "--files"], &["invite", "--no-wait"]]
        {
            let said = laptop.run(command);
            assert_eq!(said.code, 1, "{command:?}: {}{}", said.out, said.err);
            assert!(said.err.contains("the keychain of this system") && said.err.contains(why), "{}", said.err);
            assert!(said.err.contains("no key of this device is lost. Unlock the keychain"), "{}", said.err);
        }
        let said = laptop.run(&["sync", "--no-near", "--json"]);
        let told: Value = serde_json::from_str(&said.err).unwrap();
        assert!(told["error"].as_str().unwrap().contains(why) && said.out.is_empty(), "{told}");
        assert_eq!(files(&laptop.folder.join("state")), state, "nothing was changed");
        assert_eq!(laptop.json(&["devices", "keys"])["keys"], "keychain", "that is known without the keychain");
    };
    session.kill(keychain);
    refuses("does not answer");
    let locked = session.keychain(None);
    refuses("is locked");
    laptop.kith(&["jot", "Ben Ode"]);
    session.kill(locked);
    let other = session.keychain(Some("another password"));
    refuses("is locked");
    session.kill(other);
    let _keychain = session.keychain(Some("open sesame"));
    assert!(laptop.kith(&["sync", "--no-near"]).contains("Left"));
    phone.kith(&["sync", "--no-near"]);
    assert!(phone.kith(&["show", "ben"]).contains("Ben Ode"));

    // Only now it is seen what the keys are: in none of all the files from before do they stand.
    for desk in [&phone, &laptop] {
        let moved = desk.json(&["devices", "keys", "--files"]);
        assert_eq!((&moved["keys"], moved["moved"].as_u64().unwrap() >= 3), (&Value::from("files"), true));
        // What was last heard of the list of devices stands in the notebook, too, and is no secret.
        let is_secret = |path: &Path| {
            path.extension().is_none() && !path.file_name().unwrap().to_string_lossy().starts_with("heads-")
        };
        for (path, secret) in files(&desk.keys()).into_iter().filter(|(path, _)| is_secret(path)) {
            let open: Vec<&PathBuf> =
                sealed.iter().filter(|(_, bytes)| is_in(&secret, bytes)).map(|(path, _)| path).collect();
            assert!(secret.len() >= 16 && open.is_empty(), "{} lay open in {open:?}", path.display());
        }
    }
    let without = Desk { folder: laptop.folder.clone(), bus: String::new(), wish: "" };
    without.kith(&["sync", "--no-near"]);
    // As it was on a device before there was a choice.
    std::fs::remove_file(phone.keys().join("kept-in.json")).unwrap();
    assert_eq!(phone.json(&["devices", "keys"])["keys"], "files");
    phone.kith(&["sync", "--no-near"]);
    assert_eq!(phone.json(&["devices", "keys", "--keychain"])["keys"], "keychain");
    phone.kith(&["sync", "--no-near"]);
    let wishes = Desk { wish: "file", ..phone };
    wishes.kith(&["sync", "--no-near"]);
    assert_eq!(wishes.json(&["devices", "keys"])["keys"], "keychain", "the wish is for the first time only");
}

#[test]
fn a_move_of_the_keys_killed_at_any_moment_loses_none() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let name = "a_move_of_the_keys_killed_at_any_moment_loses_none";
    let Some(session) = Session::new(&home.join("session"), name) else { return };
    let _keychain = session.keychain(Some("open sesame"));
    let desk = Desk::new(home, "laptop", &session.address);
    let shared = home.join("shared");
    std::fs::create_dir(&shared).unwrap();
    desk.kith(&["invite", "--folder", shared.to_str().unwrap(), "--no-wait"]);
    desk.kith(&["sync", "--no-near"]);
    let device = desk.json(&["devices"]);
    let begun = Instant::now();
    desk.kith(&["devices", "keys", "--files"]);
    let whole = begun.elapsed();
    let secrets: Vec<Vec<u8>> =
        desk.names().iter().map(|name| std::fs::read(desk.keys().join(name)).unwrap()).collect();
    let mut cut = 0;
    for number in 0..24_u32 {
        let to = if number % 2 == 0 { "--keychain" } else { "--files" };
        let mut moving = desk.command(&["devices", "keys", to]).spawn().unwrap();
        std::thread::sleep(whole * (number + 4) / 24);
        cut += u32::from(moving.try_wait().unwrap().is_none());
        let _ = moving.kill();
        moving.wait().unwrap();
        assert_eq!(desk.json(&["devices"]), device, "number {number}");
        let sealed = desk.json(&["devices", "keys"])["keys"] == "keychain";
        // Killed while it wrote that all is done, it leaves a part of that, which is no secret.
        let kept: Vec<String> = desk.names().into_iter().filter(|name| !name.starts_with(".part-")).collect();
        assert_eq!(kept.len(), secrets.len(), "number {number}: {kept:?}");
        assert!(kept.iter().all(|name| name.ends_with(".sealed") == sealed), "number {number}: {kept:?}");
        let open = files(&desk.keys()).into_values().any(|bytes| secrets.iter().any(|secret| is_in(secret, &bytes)));
        assert_eq!(open, !sealed, "number {number}");
        desk.kith(&["devices", "keys", to]);
        assert_eq!(desk.names().len(), secrets.len(), "number {number}: {:?}", desk.names());
    }
    assert!(cut > 0, "none of the moves was under way when it was killed");
    assert_eq!(desk.json(&["devices"]), device);
}

/// A bus that takes calls and hangs up at once.
fn deaf_bus(home: &Path) -> (UnixListener, String) {
    let place = home.join("bus");
    let bus = UnixListener::bind(&place).unwrap();
    bus.set_nonblocking(true).unwrap();
    (bus, format!("unix:path={}", place.display()))
}

/// How many have called since it was last asked; whoever waits for an answer is hung up on.
fn calls(bus: &UnixListener) -> usize {
    std::iter::from_fn(|| bus.accept().ok()).count()
}

#[test]
fn a_command_that_needs_no_key_asks_no_keychain() {
    let home = tempfile::tempdir().unwrap();
    let (bus, address) = deaf_bus(home.path());
    let desk = Desk::new(home.path(), "laptop", &address);
    desk.kith(&["jot", "Dana Ruiz !send her the price list by 2040-11-20"]);
    for command in ["", "people", "doctor", "devices", "recovery", "mailbox", "conflicts"] {
        desk.run(command.split_whitespace().collect::<Vec<_>>().as_slice());
    }
    desk.kith(&["backup", "monday.kithbak"]);
    assert!(desk.kith(&["devices", "keys"]).contains("has no keys yet"));
    assert_eq!(desk.json(&["devices", "keys"])["keys"], Value::Null);
    assert_eq!((calls(&bus), desk.keys().exists()), (0, false));

    // The same where the keychain was chosen, and until a key is needed.
    std::fs::create_dir_all(desk.keys()).unwrap();
    std::fs::write(desk.keys().join("kept-in.json"), r#"{"version":1,"kept_in":{"keychain":{"lock":"ab"}}}"#).unwrap();
    desk.kith(&["jot", "Ben Ode"]);
    assert_eq!(desk.json(&["devices", "keys"])["keys"], "keychain");
    assert_eq!(calls(&bus), 0);
    let mut invites =
        desk.command(&["invite", "--folder", home.path().to_str().unwrap(), "--no-wait"]).spawn().unwrap();
    let mut called = 0;
    while invites.try_wait().unwrap().is_none() {
        called += calls(&bus);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((called, desk.names().len()), (1, 0), "a keychain that hangs up is not asked again, and gets no keys");
}

#[test]
fn without_a_keychain_keys_are_in_files_and_it_is_said_once() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let gone = format!("unix:path={}", home.join("nobody").display());
    for (name, bus, why) in [("cron", "", "BUS_ADDRESS is not set"), ("server", gone.as_str(), "does not answer")] {
        let desk = Desk::new(home, name, bus);
        let shared = home.join(format!("shared by {name}"));
        std::fs::create_dir(&shared).unwrap();
        let invite = ["invite", "--folder", shared.to_str().unwrap(), "--no-wait"];
        let first = desk.run(&invite);
        assert_eq!((first.code, first.err.matches("No keychain answers here").count()), (0, 1), "{}", first.err);
        assert!(first.err.contains("in files that only you can read") && first.err.contains(why), "{}", first.err);
        assert_eq!(desk.run(&invite).err, "", "it is said once");
        assert!(desk.kith(&["devices"]).contains("in files that only you can read"));
        assert_eq!(desk.json(&["devices", "keys"])["keys"], "files");
        let before = files(&desk.keys());
        let said = desk.run(&["devices", "keys", "--keychain"]);
        assert!(
            said.code == 1 && said.err.contains(why) && said.err.contains("no key of this device is lost"),
            "{}",
            said.err
        );
        assert_eq!(files(&desk.keys()), before);
    }
    let quiet = Desk::new(home, "quiet", "");
    let folder = home.join("shared by nobody");
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(quiet.run(&["invite", "--folder", folder.to_str().unwrap(), "--no-wait", "--quiet"]).err, "");
}

#[test]
fn a_wish_for_files_asks_no_keychain() {
    let home = tempfile::tempdir().unwrap();
    let (bus, address) = deaf_bus(home.path());
    let mut desk = Desk::new(home.path(), "server", &address);
    let shared = home.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    desk.wish = "file";
    let said = desk.run(&["invite", "--folder", shared.to_str().unwrap(), "--no-wait"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    desk.kith(&["sync", "--no-near"]);
    assert_eq!((desk.json(&["devices", "keys"])["keys"].as_str(), calls(&bus)), (Some("files"), 0));
    desk.wish = "";
    desk.kith(&["sync", "--no-near"]);
    assert_eq!(calls(&bus), 0, "what was chosen once stays");
    desk.wish = "drawer";
    let said = desk.run(&["sync", "--no-near"]);
    assert!(said.code == 2 && said.err.contains("KITH_KEYS"), "{}", said.err);
}
