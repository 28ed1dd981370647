//! The program itself, as somebody types it: every command goes through the real binary, in a folder of its own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, missing_docs)] // a failure here fails the test

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kith_core::model::{Event, Group};
use kith_core::notebook::{DeviceSettings, Notebook, Options};
use serde_json::Value;

/// One computer: a folder with a notebook and the places a system gives a program.
struct Desk {
    folder: PathBuf,
    /// Whether programs run where there is no network at all.
    offline: bool,
    _keep: Option<tempfile::TempDir>,
}

/// What takes the network away from a program: it runs in a network namespace of its own, which has none.
const WITHOUT_NETWORK: [&str; 2] = ["unshare", "-rn"];

/// A program that stays, and its lines as they come; it ends with this.
struct Staying {
    program: Child,
    said: mpsc::Receiver<String>,
}

impl Staying {
    /// Waits until it says this; answers the line.
    fn says(&self, words: &str) -> String {
        let mut all = Vec::new();
        loop {
            let line = self.said.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|_| panic!("it never says {words:?}, but {all:?}"));
            if line.contains(words) {
                return line;
            }
            all.push(line);
        }
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// What the program said.
struct Said {
    out: String,
    err: String,
    code: i32,
}

impl Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { out: text(output.stdout), err: text(output.stderr), code: output.status.code().unwrap_or(-1) }
    }

    /// All that was said, in one line.
    fn all(&self) -> String {
        let words: Vec<&str> = self.out.split_whitespace().chain(self.err.split_whitespace()).collect();
        words.join(" ")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// The names of all files below a folder.
fn files_below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(files_below(&path));
        } else {
            names.push(path.to_str().unwrap().to_string());
        }
    }
    names
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder: folder.path().to_path_buf(), offline: false, _keep: Some(folder) }
    }

    /// A computer that stands in another one's folder.
    fn inside(parent: &Path, name: &str) -> Self {
        let folder = parent.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder, offline: false, _keep: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The notebook itself, for what no command does.
    fn notebook(&self) -> Notebook {
        Notebook::open(self.path("notebook.kith"), Options::default()).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_kith");
        let mut command = Command::new(if self.offline { WITHOUT_NETWORK[0] } else { program });
        if self.offline {
            command.args([WITHOUT_NETWORK[1], program]);
        }
        command.args(arguments).current_dir(&self.folder).env_clear();
        command.env("KITH_NOTEBOOK", self.path("notebook.kith")).env("HOME", &self.folder).env("TZ", "Europe/Paris");
        for (name, folder) in [("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config")] {
            command.env(name, self.path(folder));
        }
        command.env("KITH_KEYS", "file").env("KITH_DEVICE", self.folder.file_name().unwrap()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::from(self.command(arguments).output().unwrap())
    }

    /// Runs a command that must succeed; answers what it said.
    fn kith(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "kith {arguments:?}: {}{}", said.out, said.err);
        said.out
    }

    /// Begins something that stays.
    fn stays(&self, arguments: &[&str]) -> Staying {
        let mut program = self.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let (tell, said) = mpsc::channel();
        let out = BufReader::new(program.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Staying { program, said }
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(said.code, 0, "kith {arguments:?}: {}", said.err);
        said.json()
    }

    /// Lets another computer into this one's notebook, through a folder.
    fn lets_in(&self, other: &Self, folder: &str) {
        let code = self.kith(&["invite", "--folder", folder, "--no-wait"]);
        let join = ["join", code.trim(), "--folder", folder, "--no-wait", "--join-with-my-notes"];
        other.kith(&join);
        self.kith(&["sync", "--no-near"]);
        let asked = other.json(&join);
        self.kith(&["invite", "--agree-to", asked["digits"].as_str().unwrap()]);
        assert!(other.kith(&["join"]).contains("let this device in"));
    }

    /// The same at a terminal, where somebody types this; none on a system that has no `script`. The terminal shows what was
    /// typed as well, and one stream of what was said.
    fn at_a_terminal(&self, arguments: &[&str], typed: &[u8]) -> Option<Said> {
        self.at_a("dumb", arguments, typed)
    }

    /// The same at a terminal of this kind: a dumb one draws nothing over what stands there.
    fn at_a(&self, terminal: &str, arguments: &[&str], typed: &[u8]) -> Option<Said> {
        let inner = self.command(arguments);
        let words = std::iter::once(inner.get_program()).chain(inner.get_args());
        let line: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-c", &line.join(" "), "/dev/null"]).current_dir(&self.folder).env_clear();
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", terminal);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
        child.stdin.take().unwrap().write_all(typed).unwrap();
        let Output { status, stdout, .. } = child.wait_with_output().unwrap();
        Some(Said { out: String::from_utf8_lossy(&stdout).into(), err: String::new(), code: status.code()? })
    }

    fn typed(&self, arguments: &[&str], lines: impl AsRef<[u8]>) -> Said {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(lines.as_ref()).unwrap();
        Said::from(child.wait_with_output().unwrap())
    }
}

const DANA: &str = "Dana Ruiz, Acme Logistics, hiring ops !send her the Lyon contact by 2040-11-20 ?a warehouse in Lyon \
                    +knows customs brokers #lyon dana@acme.com *";

#[test]
fn the_first_start_says_what_to_type_next() {
    let desk = Desk::new();
    let out = desk.kith(&[]);
    assert_eq!(out.lines().count(), 5);
    assert!(out.contains("kith jot") && out.contains("kith demo"), "{out}");
}

#[test]
fn the_line_the_first_start_proposes_works() {
    let desk = Desk::new();
    let first = desk.kith(&[]);
    let line = first.lines().find(|line| line.contains("kith jot")).unwrap();
    let text = line.trim().strip_prefix("kith jot ").unwrap().trim_matches('\'');
    assert!(!text.contains('\''), "one pair of quotes, so that the shell leaves the marks alone: {line}");
    desk.kith(&["jot", text]);
    assert!(desk.kith(&[]).contains("send her the Lyon contact"));
}

#[test]
fn an_event_its_debrief_and_two_devices_coming_together_need_no_network() {
    let lists = |command: &mut Command| command.args(["cat", "/proc/net/dev"]).output().map(|out| out.stdout);
    let interfaces = lists(Command::new(WITHOUT_NETWORK[0]).arg(WITHOUT_NETWORK[1])).unwrap_or_default();
    let names: Vec<String> = String::from_utf8_lossy(&interfaces)
        .lines()
        .filter_map(|line| line.split_once(':').map(|(name, _)| name.trim().to_string()))
        .collect();
    let offline = names.iter().all(|name| name == "lo") && !names.is_empty();
    if !offline {
        eprintln!(
            "skipped: an_event_its_debrief_and_two_devices_coming_together_need_no_network: this system lets nobody take \
             the network away from a program"
        );
        return;
    }
    let home = Desk::new();
    let desk = |name| Desk { offline, ..Desk::inside(&home.folder, name) };
    let (phone, laptop) = (desk("phone"), desk("laptop"));
    let shared = home.path("shared");
    std::fs::create_dir(&shared).unwrap();
    phone.kith(&["event", "start", "Chamber evening"]);
    phone.kith(&["jot", DANA]);
    assert_eq!(phone.typed(&["jot"], "Rui Costa, Novabank !call him on 2040-11-20\n?tall man with a port\n").code, 0);
    phone.kith(&["event", "stop"]);
    assert_eq!(phone.typed(&["debrief"], "She runs hiring\n\n\n\n\n").code, 0);
    laptop.kith(&["jot", "Ann Lee, Novabank"]);
    phone.lets_in(&laptop, shared.to_str().unwrap());
    for device in [&phone, &laptop, &phone] {
        device.kith(&["sync", shared.to_str().unwrap()]);
    }
    for device in [&phone, &laptop] {
        assert_eq!(device.json(&["people"])["total"], 4);
        assert!(device.kith(&["keep"]).contains("send her the Lyon contact"));
        assert!(device.kith(&["find", "hiring"]).contains("Dana Ruiz"));
    }
    let holds =
        |device: &Desk| device.kith(&["doctor"]).lines().find(|line| line.starts_with("Holds ")).map(String::from);
    let held = holds(&phone);
    assert!(held.as_ref().is_some_and(|line| line.contains("once all have synced")), "{held:?}");
    assert_eq!(held, holds(&laptop));
    laptop.kith(&["jot", "Ben Ode"]);
    assert_ne!(held, holds(&laptop));
}

#[test]
fn a_jot_shows_what_became_what_and_is_there_afterwards() {
    let desk = Desk::new();
    let dry = desk.kith(&["jot", "--dry-run", DANA]);
    assert!(dry.contains("promise   send her the Lyon contact, by Tue 20 Nov 2040"), "{dry}");
    assert!(desk.kith(&["people"]).is_empty(), "a dry run writes nothing");
    assert_eq!(desk.json(&["jot", "-n", DANA])["promises"][0]["words"], "send her the Lyon contact");
    let out = desk.kith(&["jot", DANA]);
    for words in ["Dana Ruiz", "new", "a warehouse in Lyon", "#lyon", "it clicked", "dana@acme.com"] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let page = desk.kith(&["show", "dana@acme.com"]);
    for words in ["hiring ops, Acme Logistics", "Open promises", "Needs", "Offers"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(
        desk.kith(&["jot", "Dana Ruiz,", "Acme Logistics", "+sings"]).contains("known"),
        "the same name is the same person"
    );
    assert_eq!(desk.json(&["people"])["total"], 1);
}

#[test]
fn lines_that_are_typed_one_after_the_other_are_all_kept() {
    let desk = Desk::new();
    let said = desk.typed(&["jot"], "Ann Abt #a\n\nBen Bauer #b\r\nCleo Cruz");
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.err);
    assert_eq!(desk.json(&["people"])["total"], 3);
    let long = format!("Dora Dahl {}\nEve Ek\n", "x".repeat(70_000));
    let said = desk.typed(&["jot"], &long);
    assert_eq!(said.code, 1, "a line that was not taken is told");
    assert!(said.err.contains("70"), "{}", said.err);
    assert_eq!(desk.json(&["people"])["total"], 4, "and the next one is kept");
}

#[test]
fn a_jot_in_windows_1252_keeps_its_letters_and_is_told() {
    let desk = Desk::new();
    let said = desk.typed(&["jot"], b"Anna K\xf6nig, M\xfcller \x80\r\nJos\xc3\xa9 Ru\xc3\xadz\n");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("Anna König, Müller €") && said.out.contains("José Ruíz"), "{}", said.out);
    assert_eq!(said.err.matches("Windows-1252").count(), 1, "{}", said.err);
    assert!(desk.kith(&["show", "Anna König"]).contains("Müller €"));
}

#[test]
fn a_sign_beside_a_known_name_is_kept_and_an_unread_day_is_told() {
    let desk = Desk::new();
    desk.kith(&["jot", "Ann Lee"]);
    let out = desk.kith(&["jot", "Ann Lee 📞"]);
    assert!(out.contains("known") && out.contains("note"), "{out}");
    assert!(desk.kith(&["show", "Ann Lee"]).contains("Ann Lee 📞"));
    desk.kith(&["jot", "Ann Lee !$5 back"]);
    assert!(desk.kith(&["show", "Ann Lee"]).contains("$5 back"));
    for day in ["by frid", "by yesterday", "by q1", "in 400000 days", "2026-12-32", "by 12 Mär"] {
        let jotted = desk.run(&["jot", &format!("Bo Ek !post it {day}")]);
        let promised = desk.run(&["promise", "Bo Ek", &format!("post that {day}")]);
        for said in [jotted, promised] {
            assert!(said.code == 0 && said.err.contains("was not read as a day"), "{day}: {}", said.err);
        }
    }
}

#[test]
fn what_is_jotted_at_an_event_belongs_to_it_until_it_is_over() {
    let desk = Desk::new();
    desk.kith(&["event", "start", "Chamber", "breakfast", "--place", "Hotel Bristol"]);
    assert!(desk.kith(&["event", "list"]).contains("runs now"));
    desk.kith(&["jot", "Dana Ruiz, Acme"]);
    assert!(desk.kith(&["event", "stop"]).contains("1 new person waits"));
    assert_eq!(desk.run(&["event", "stop"]).code, 3);
    desk.kith(&["jot", "Ben Bauer"]);
    assert_eq!(desk.json(&["people", "--event", "chamber breakfast"])["total"], 1);
    assert!(desk.kith(&["show", "dana"]).contains("Chamber breakfast"));
}

#[test]
fn a_debrief_asks_about_one_person_at_a_time() {
    let desk = Desk::new();
    desk.kith(&["event", "start", "Fair"]);
    desk.kith(&["jot", "Dana Ruiz"]);
    desk.kith(&["jot", "Ben Bauer"]);
    desk.kith(&["event", "stop"]);
    assert_eq!(desk.json(&["debrief"]).as_array().unwrap().len(), 2);
    let said = desk.typed(&["debrief"], "at the bar\nred scarf\nchess\n\nwrite to her by 2040-01-02\n\n\n");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("1 debrief written, 1 left"), "{}{}", said.out, said.err);
    let promises = desk.json(&["keep"]);
    assert_eq!(promises[0]["record"]["words"], "write to her");
    assert_eq!(promises[0]["record"]["due"], "2040-01-02");
}

#[test]
fn a_word_that_fits_several_people_lists_them_and_ends_with_3() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz, Acme"]);
    desk.kith(&["jot", "Dana Reyes, Blue"]);
    let said = desk.run(&["show", "dana"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("1  Dana Re") && said.err.contains("2  Dana Ru"), "{}", said.err);
    assert!(desk.kith(&["show", "Dana", "Ruiz"]).contains("Acme"));
    let id = desk.json(&["show", "dana reyes"])["contact"]["id"].as_str().unwrap().to_string();
    assert!(desk.kith(&["show", &id[..8]]).contains("Dana Reyes"));
    assert!(desk.kith(&["show", &id]).contains("Dana Reyes"));
    desk.kith(&["jot", "Dan Ruiz"]);
    assert!(desk.kith(&["show", "dan"]).starts_with("Dan Ruiz"), "a whole word is surer than its beginning");
    let said = desk.run(&["show", "dnaa reyse"]);
    assert_eq!(said.code, 3);
    assert_eq!(desk.run(&["show", "nobody at all"]).code, 3);
}

#[test]
fn promises_are_kept_by_number_words_or_person() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    desk.kith(&["jot", "Ben Bauer"]);
    desk.kith(&["promise", "send", "her", "the", "list", "--to", "dana", "--by", "2020-01-01"]);
    desk.kith(&["promise", "the price list", "--from", "ben"]);
    desk.kith(&["promise", "order cards", "--myself", "--by", "tomorrow"]);
    let today = desk.kith(&[]);
    assert!(today.contains("days late") && today.contains("(tomorrow)"), "{today}");
    assert_eq!(desk.kith(&["keep"]).lines().count(), 3);
    assert_eq!(desk.run(&["keep", "list"]).code, 3, "two of them have this word");
    assert!(desk.kith(&["keep", "1", "--on", "yesterday"]).contains("(yesterday)"));
    desk.kith(&["release", "ben", "--broken"]);
    desk.kith(&["keep", "order", "cards"]);
    assert_eq!(desk.json(&["keep"]), Value::Array(vec![]));
    assert_eq!(desk.run(&["keep", "7"]).code, 3);
    assert_eq!(desk.run(&["promise", "x", "--by", "someday"]).code, 2);
    assert_eq!(desk.run(&["promise", " "]).code, 2, "no words are no promise");
}

#[test]
fn what_goes_between_people_is_written_down_listed_and_closed() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    desk.kith(&["jot", "Ben Bauer"]);
    desk.kith(&["need", "a warehouse", "--of", "dana", "--kind", "decision", "--by", "in 3 weeks"]);
    desk.kith(&["offer", "a desk for a day"]);
    assert!(desk.kith(&["need"]).contains("a warehouse — Dana Ruiz, decides by"));
    assert!(desk.kith(&["offer"]).contains("a desk for a day — mine"));
    desk.kith(&["need", "--closed", "warehouse"]);
    desk.kith(&["offer", "--closed", "desk"]);
    assert!(desk.kith(&["need"]).is_empty());
    desk.kith(&["ask", "whom should I meet at Acme?", "--to", "ben"]);
    assert_eq!(desk.run(&["ask", "of nobody"]).code, 2);
    desk.kith(&["ask", "--answer", "yes", "acme", "--said", "Chi, next week"]);
    assert!(desk.kith(&["show", "ben"]).contains("yes Chi, next week"));
    desk.kith(&["give", "the customs guide", "--to", "dana", "--kind", "resource"]);
    desk.kith(&["got", "the name of a broker", "--from", "dana"]);
    assert!(desk.kith(&["keep"]).contains("tell them what came of it"));
    assert!(desk.kith(&["show", "dana"]).contains("you gave once and got once"));
}

#[test]
fn an_introduction_goes_step_by_step() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    desk.kith(&["jot", "Ben Bauer"]);
    desk.kith(&["intro", "dana", "ben", "--why", "both move goods"]);
    assert!(desk.kith(&["intro"]).contains("to be asked"));
    assert!(desk.kith(&["intro", "agreed", "dana"]).contains("one of them agreed"));
    desk.kith(&["intro", "made", "ben"]);
    assert_eq!(desk.json(&["keep"]), Value::Array(vec![]), "making it keeps the promise behind it");
    desk.kith(&["intro", "talked", "1"]);
    desk.kith(&["intro", "outcome", "ben", "they share a warehouse"]);
    assert!(desk.kith(&["show", "ben"]).contains("they share a warehouse"));
    desk.kith(&["intro", "dana", "ben"]);
    desk.kith(&["intro", "closed", "1"]);
    assert!(desk.kith(&["intro"]).is_empty());
}

#[test]
fn of_several_introductions_the_number_says_which_was_agreed_to() {
    let desk = Desk::new();
    for name in ["Dana Ruiz", "Ben Bauer", "Chi Okafor"] {
        desk.kith(&["jot", name]);
    }
    desk.kith(&["intro", "dana", "ben"]);
    desk.kith(&["intro", "chi", "dana"]);
    let said = desk.run(&["intro", "agreed", "dana"]);
    assert!(said.code == 3 && said.err.contains("kith intro agreed 1 WHO"), "{}", said.err);
    let list = desk.kith(&["intro"]);
    let with_ben = 1 + list.lines().position(|line| line.contains("Ben")).unwrap();
    // Which of the two is named first is drawn with their ids.
    let numbered = |line: &str| line.trim().starts_with(&format!("{with_ben}  ")) && line.contains("Ben Bauer");
    assert!(said.err.lines().any(numbered), "the numbers of the list: {}", said.err);
    assert!(desk.kith(&["intro", "agreed", &with_ben.to_string(), "dana"]).contains("one of them agreed"));
    assert_eq!(desk.run(&["intro", "agreed", &with_ben.to_string(), "chi"]).code, 2, "no part of that one");
    assert!(desk.kith(&["intro", "agreed", &with_ben.to_string()]).contains("both agreed"), "only Ben was left to ask");
    let other = (3 - with_ben).to_string();
    assert_eq!(desk.run(&["intro", "agreed", &other]).code, 2, "which of the two?");
    assert!(
        desk.kith(&["intro", "agreed", "dana"]).contains("one of them agreed"),
        "of one that is left no number is asked"
    );
}

#[test]
fn a_group_and_an_organisation_give_and_get_too() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz, Acme Logistics"]);
    assert!(
        desk.kith(&["give", "an hour of talks", "--to", "Acme"]).contains("Gave Acme Logistics: an hour of talks.")
    );
    let id = desk.json(&["got", "a desk", "--from", "acme logistics"])["id"].as_str().unwrap().to_string();
    assert!(desk.kith(&["show", &id]).contains("Organisation: Acme Logistics"));
    assert!(desk.kith(&["got", "a list", "--from", "dana"]).contains("A note to tell them"));
    assert_eq!(desk.json(&["keep"]).as_array().unwrap().len(), 1, "only a person is told what came of it");
    assert_eq!(desk.run(&["give", "x", "--to", "nobody"]).code, 3);
}

#[test]
fn what_would_be_deleted_for_good_is_json_for_another_program() {
    let desk = Desk::new();
    desk.kith(&["jot", DANA]);
    let plan = desk.run(&["purge", "dana", "--json"]);
    assert_eq!(plan.code, 2);
    let (plan, failure) = (plan.json(), serde_json::from_str::<Value>(&plan.err).unwrap());
    assert!(plan["name"] == "Dana Ruiz" && plan["records"].as_u64().unwrap() > 1, "{plan}");
    assert!(failure["error"].as_str().unwrap().contains("--yes"), "{failure}");
    assert_eq!(desk.json(&["people"])["total"], 1);
}

#[test]
fn doctor_says_under_which_names_a_device_writes() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    let shared = home.path("shared");
    std::fs::create_dir(&shared).unwrap();
    phone.kith(&["jot", "Dana Ruiz"]);
    assert!(!phone.kith(&["doctor"]).contains("log "), "it has none before it hands something out");
    phone.lets_in(&laptop, shared.to_str().unwrap());
    laptop.kith(&["jot", "Ben Bauer"]);
    laptop.kith(&["sync"]);
    let (of_phone, of_laptop) = (phone.json(&["doctor"]), laptop.json(&["doctor"]));
    assert_eq!(of_phone["notebook"], of_laptop["notebook"]);
    for (desk, own, other) in [(&phone, &of_phone, &of_laptop), (&laptop, &of_laptop, &of_phone)] {
        for name in ["device", "log"] {
            let id = own[name].as_str().unwrap();
            assert!(id.len() >= 32 && own[name] != other[name], "{name}: {own}");
            assert!(desk.kith(&["doctor"]).contains(&format!("{name} {}", &id[..8])));
        }
    }
}

#[test]
fn a_meeting_is_planned_written_up_and_thanked_for() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    desk.kith(&["jot", "Ben Bauer"]);
    desk.kith(&["meet", "dana", "--planned", "--on", "tomorrow", "--at", "9:30", "--title", "Lyon", "--ask", "who?"]);
    assert!(desk.kith(&[]).contains("09:30 Lyon — Dana Ruiz"));
    assert!(desk.kith(&["met"]).contains("Lyon with Dana Ruiz"));
    assert!(desk.kith(&["met", "dana", "--takeaway", "decides in May"]).contains("thank-you"));
    assert!(desk.kith(&["meet", "ben", "--kind", "coffee", "--takeaway", "plays chess"]).contains("Met Ben Bauer"));
    assert!(desk.kith(&["meet", "dana", "ben", "--mode", "video", "--on", "yesterday"]).contains("Ben Bauer"));
    desk.kith(&["note", "Sings", "in a choir", "--about", "dana", "--about", "ben"]);
    let page = desk.kith(&["show", "ben"]);
    assert!(page.contains("plays chess") && page.contains("Sings in a choir"), "{page}");
    assert_eq!(desk.run(&["meet", "dana", "--at", "half past"]).code, 2);
}

#[test]
fn what_is_known_of_a_person_can_be_changed() {
    let desk = Desk::new();
    desk.kith(&["jot", "Ben Bauer, Acme, driver #chess #old"]);
    desk.kith(&["edit", "ben", "name=Ben Bauer-Lee", "phone=+33612345678", "+lyon", "-#old", "birthday=--03-22"]);
    desk.kith(&["edit", "ben", "moved=Blue Freight", "role=founder", "level=owner", "cadence=60", "spark=yes"]);
    desk.kith(&["edit", "ben", "phone+=+33699999999", "languages=French,English", "categories=client", "ally=met"]);
    let page = desk.kith(&["show", "ben"]);
    for words in
        ["Ben Bauer-Lee *", "founder, Blue Freight, since", "driver, Acme, until", "22 Mar", "owner", "60 days"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    let contact = &desk.json(&["show", "ben"])["contact"];
    assert_eq!(contact["tags"], serde_json::json!(["chess", "lyon"]));
    assert_eq!(contact["channels"].as_array().unwrap().len(), 2);
    assert_eq!(desk.run(&["edit", "ben", "phone=1"]).code, 2, "which of the two?");
    desk.kith(&["edit", "ben", "phone-=+33699999999", "phone=+33600000000", "nickname="]);
    for wrong in ["shoe=44", "level=boss", "birthday=soon", "nickname+=x"] {
        let before = desk.json(&["show", "ben"]);
        assert_eq!(desk.run(&["edit", "ben", "+new", wrong]).code, 2, "{wrong}");
        assert_eq!(desk.json(&["show", "ben"]), before, "all of it or nothing");
    }
    let history = desk.kith(&["history", "ben"]);
    assert!(history.contains("name: Ben Bauer-Lee") && history.contains("tags: + lyon"), "{history}");
}

#[test]
fn every_field_of_a_person_can_be_set_by_hand_and_taken_away() {
    let desk = Desk::new();
    desk.kith(&["demo"]);
    desk.kith(&["jot", "Zoe Quill"]);
    let changes = [
        "middle_name=May",
        "name_prefix=Dr",
        "dates+=anniversary, 2015-06-12",
        "family+=spouse, Ana, of Lyon",
        "reminders+=2040-11-20, ask about the lease, or the boat",
        "knows=dagny",
        "knows_organisations=Tessel Freight",
        "goals=numera builds",
        "met_at=harbour days",
        "debriefed_on=yesterday",
        "interests=choirs,chess",
        "ally=advocate, yesterday",
    ];
    desk.kith(&[&["edit", "zoe"], changes.as_slice()].concat());
    let page = desk.run(&["show", "zoe"]).all();
    for words in [
        "anniversary, Fri 12 Jun 2015",
        "spouse, Ana, of Lyon",
        "ask about the lease, or the boat",
        "Dagny Solheim",
        "someone at Tessel Freight",
        "A say in what Numera builds",
        "Harbour Days trade evening",
        "Name prefix: Dr",
        "choirs",
        "advocate",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    desk.kith(&[
        "edit",
        "zoe",
        "reminders-=lease",
        "family-=ana",
        "interests-=chess",
        "dates=",
        "goals=",
        "ally-=advocate",
    ]);
    let contact = &desk.json(&["show", "zoe"])["contact"];
    for gone in ["reminders", "family", "dates", "goals", "ally_steps"] {
        assert!(contact.get(gone).is_none(), "{gone}: {contact}");
    }
    assert_eq!(contact["interests"], serde_json::json!(["choirs"]));
    for (slip, code) in [("family-=nobody", 3), ("goals=no such goal", 3), ("same_as=dagny", 2), ("dates+=soon", 2)] {
        assert_eq!(desk.run(&["edit", "zoe", slip]).code, code, "{slip}");
    }
}

#[test]
fn settings_are_shown_set_and_heeded_and_what_is_none_is_refused() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    assert!(desk.kith(&["settings"]).contains("zone = Europe/Paris (of this device)"));
    desk.kith(&["settings", "zone=america/new_york", "week_start=sunday", "currency=chf", "floor=60"]);
    let now = desk.json(&["settings"]);
    assert_eq!((&now["zone"], &now["currency"]), (&"America/New_York".into(), &"CHF".into()), "{now}");
    let due = |desk: &Desk| {
        let id = desk.json(&["promise", "call her", "--to", "dana", "--by", "next week"])["id"].clone();
        let due = desk.json(&["show", id.as_str().unwrap()])["due"].as_str().unwrap().to_string();
        due.parse::<chrono::NaiveDate>().unwrap().format("%a").to_string()
    };
    assert_eq!(due(&desk), "Sun");
    desk.kith(&["settings", "week_start=monday"]);
    assert_eq!(due(&desk), "Mon");
    for (slip, way_out) in [
        ("zone=paris/europe", "Europe/Paris"),
        ("zone=york", "America/New_York"),
        ("week_start=friday", "saturday"),
        ("currency=euro", "EUR"),
        ("shoe=44", "week_start"),
    ] {
        let said = desk.run(&["settings", "floor=30", slip]);
        assert!(said.code == 2 && said.err.contains(way_out), "{slip}: {}", said.err);
    }
    assert_eq!(desk.json(&["settings"])["weekly_floor_minutes"], 60, "all of it or nothing");
    desk.kith(&["settings", "zone="]);
    assert!(desk.kith(&["settings"]).contains("zone = Europe/Paris (of this device)"));
}

#[test]
fn my_card_is_set_shown_and_drawn_for_a_camera() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    let nothing = desk.run(&["me", "--card"]);
    assert!(nothing.code == 3 && nothing.err.contains("kith me name="), "{}", nothing.err);
    desk.kith(&[
        "me",
        "name=Ann Berg",
        "brand_line=I open warehouses",
        "fields=logistics,customs",
        "mail=ann@blue.example",
    ]);
    desk.kith(&["me", "phone+=+33612345678", "fields-=customs"]);
    let shown = desk.kith(&["me"]);
    for words in ["Ann Berg", "Brand line: I open warehouses", "Fields: logistics", "ann@blue.example", "+33612345678"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(desk.run(&["me", "mail=nothing"]).code, 2);
    let card = desk.json(&["me", "--card"])["card"].as_str().unwrap().to_string();
    assert!(card.len() < 300 && card.starts_with("BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;Ann;;;\r\n"), "{card}");
    assert!(desk.kith(&["me", "--card"]).contains('█'));
    std::fs::write(desk.path("ann.vcf"), card).unwrap();
    desk.kith(&["import", "ann.vcf", "--yes"]);
    assert!(desk.kith(&["show", "ann berg"]).contains("ann@blue.example"), "a card that others can read");
}

/// A picture of one pixel.
const PIXEL: &[u8] = &[
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0, 144, 119, 83,
    222, 0, 0, 0, 12, 73, 68, 65, 84, 120, 156, 99, 248, 207, 192, 0, 0, 3, 1, 1, 0, 201, 254, 146, 239, 0, 0, 0, 0,
    73, 69, 78, 68, 174, 66, 96, 130,
];

#[test]
fn a_person_gets_a_photo_and_loses_it_again() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    std::fs::write(desk.path("dana.png"), PIXEL).unwrap();
    desk.kith(&["photo", "dana", "dana.png"]);
    assert!(desk.kith(&["show", "dana"]).contains("Photo: yes"));
    std::fs::write(desk.path("dana.txt"), "no picture").unwrap();
    assert_eq!(desk.run(&["photo", "dana", "dana.txt"]).code, 2);
    assert_eq!(desk.run(&["photo", "dana", "missing.png"]).code, 1);
    assert!(desk.json(&["show", "dana"])["contact"]["photo"].is_string(), "a slip takes nothing away");
    desk.kith(&["photo", "dana", "--remove"]);
    assert!(desk.json(&["show", "dana"])["contact"].get("photo").is_none());
}

#[test]
fn one_person_written_down_twice_becomes_one_and_two_again() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz, Acme"]);
    desk.kith(&["jot", "D. Ruiz, Acme +knows brokers"]);
    desk.kith(&["same", "dana ruiz", "d ruiz"]);
    assert_eq!(desk.json(&["people"])["total"], 1);
    assert!(desk.kith(&["undo"]).contains("different people again"));
    assert_eq!(desk.json(&["people"])["total"], 2);
    desk.kith(&["not-same", "dana ruiz", "d ruiz"]);
    let hint = desk.kith(&["jot", "Dana Ruiz, Other Company"]);
    assert!(hint.contains("the same as Dana Ruiz, Acme? (the same name) kith same"), "offered, never decided: {hint}");
}

#[test]
fn a_merged_person_is_found_by_every_name_and_taken_apart_on_any_device() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    let shared = home.path("shared");
    std::fs::create_dir(&shared).unwrap();
    phone.kith(&["jot", "Xa One xa@one.example"]);
    phone.kith(&["jot", "Xb Two"]);
    phone.kith(&["same", "xa", "xb"]);
    for typed in ["xa", "Xa One", "xb two", "xa@one.example"] {
        let page = phone.kith(&["show", typed]);
        assert!(page.contains("Xa One") && page.contains("Xb Two"), "{typed}: {page}");
    }
    phone.kith(&["promise", "the atlas", "--to", "xa"]);
    phone.lets_in(&laptop, shared.to_str().unwrap());
    let nothing = laptop.run(&["undo"]);
    assert!(nothing.code == 3 && nothing.all().contains("kith not-same A B"), "{}", nothing.all());
    assert_eq!(laptop.run(&["same", "xa", "xb"]).code, 2);
    assert!(laptop.kith(&["not-same", "xa one", "xb two"]).contains("different people"));
    assert_eq!(laptop.json(&["people"])["total"], 2, "the link is gone, and nothing else");
    laptop.kith(&["sync"]);
    phone.kith(&["sync"]);
    assert_eq!(phone.json(&["people"])["total"], 2);
    assert!(!phone.kith(&["show", "xa"]).contains("Xb Two"));
}

/// Every text of a record that a person wrote: neither ids nor days.
fn texts_of(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains(' ') => texts.push(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Value::Array(list) => list.iter().for_each(|value| texts_of(value, texts)),
        Value::Object(map) => {
            map.iter().filter(|(key, _)| *key != "sources").for_each(|(_, value)| texts_of(value, texts));
        }
        _ => {}
    }
}

#[test]
fn every_record_is_shown_whole_whatever_its_kind() {
    let desk = Desk::new();
    desk.kith(&["demo"]);
    desk.kith(&["export", "json", "all.json"]);
    let all: Value = serde_json::from_str(&std::fs::read_to_string(desk.path("all.json")).unwrap()).unwrap();
    let mut longest: std::collections::BTreeMap<String, (usize, Value)> = std::collections::BTreeMap::new();
    for record in all["records"].as_array().unwrap() {
        let (kind, length) = (record["record"].as_str().unwrap().to_string(), record.to_string().len());
        if longest.get(&kind).is_none_or(|(known, _)| *known < length) {
            longest.insert(kind, (length, record.clone()));
        }
    }
    assert!(longest.len() > 20, "{:?}", longest.keys());
    for (kind, (_, record)) in &longest {
        let id = record["id"].as_str().unwrap();
        let shown = desk.run(&["show", id]);
        let mut texts = Vec::new();
        texts_of(record, &mut texts);
        for text in texts {
            assert!(shown.all().contains(&text), "{kind}: {text}\n{}", shown.out);
        }
        let mut json = desk.json(&["show", id]);
        // What came of a group stands beside what it is.
        assert_eq!(json.as_object_mut().unwrap().remove("page").is_some(), kind == "group");
        if kind != "contact" {
            assert_eq!(&json, record, "{kind}");
        }
    }
}

#[test]
fn what_is_written_about_nobody_can_be_read_and_what_has_a_name_is_found_by_it() {
    let desk = Desk::new();
    let long = "the chamber moves to Thursdays ".repeat(12);
    let note = desk.json(&["note", long.trim()])["id"].as_str().unwrap().to_string();
    assert!(desk.run(&["show", &note[..8]]).all().contains(long.trim()));
    desk.kith(&["event", "start", "Chamber breakfast", "--place", "Hotel Bristol"]);
    desk.kith(&["jot", "Dana Ruiz, Acme Logistics"]);
    assert!(desk.kith(&["show", "chamber"]).contains("Place: Hotel Bristol"));
    assert!(desk.kith(&["show", "Acme"]).contains("organisation"));
    desk.kith(&["jot", "Acme Person"]);
    assert!(desk.kith(&["show", "acme"]).contains("Acme Person"), "people come first");
    assert_eq!(desk.run(&["show", "nothing of the kind"]).code, 3);
}

#[test]
fn everything_that_is_known_of_a_person_is_on_their_page() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    for (change, shown) in [
        ("interests=choirs, route planning", "choirs, route planning"),
        ("languages=Spanish", "Languages: Spanish"),
        ("social_tie=the choir", "Social tie: the choir"),
        ("professional_tie=customs", "Professional tie: customs"),
        ("has_seen_my_work=yes", "Has seen my work: yes"),
        ("archived=yes", "Archived: yes"),
        ("family_name=Ruiz Reyes", "Family name: Ruiz Reyes"),
    ] {
        desk.kith(&["edit", "dana", change]);
        let page = desk.kith(&["show", "dana"]);
        assert!(page.contains(shown), "{change}: {page}");
    }
}

#[test]
fn who_is_deleted_here_and_changed_there_is_told_of_listed_and_comes_back_with_the_change() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    let shared = home.path("shared");
    std::fs::create_dir(&shared).unwrap();
    phone.kith(&["jot", "Dana Ruiz"]);
    phone.kith(&["jot", "Ben Okafor"]);
    phone.lets_in(&laptop, shared.to_str().unwrap());
    phone.kith(&["delete", "dana"]);
    phone.kith(&["delete", "ben"]);
    laptop.kith(&["edit", "dana", "phone=+33612345678"]);
    laptop.kith(&["edit", "ben", "+lyon"]);
    phone.kith(&["sync"]);
    let told = laptop.run(&["sync"]).all();
    assert!(told.contains("Dana Ruiz was deleted on one device and changed on another"), "{told}");
    assert!(told.contains("kith undelete"), "{told}");
    let beside = phone.json(&["sync"])[0]["deleted_and_changed"].as_array().unwrap().len();
    assert_eq!(beside, 2);
    assert_eq!(phone.run(&["sync"]).all().matches("was deleted").count(), 0, "told once");
    assert!(phone.kith(&["undelete"]).contains("Dana Ruiz — changed on another device"));
    let list = phone.kith(&["conflicts"]);
    assert!(list.contains("back again, with the change"), "{list}");
    let titles = phone.json(&["conflicts"]);
    let at = |name: &str| 1 + titles.as_array().unwrap().iter().position(|row| row["title"] == name).unwrap();
    phone.kith(&["conflicts", "choose", &at("Ben Okafor").to_string(), "1"]);
    assert_eq!(phone.json(&["conflicts"]).as_array().unwrap().len(), 1, "deleted, and settled");
    phone.kith(&["undelete", "dana"]);
    assert!(phone.kith(&["show", "dana"]).contains("+33612345678"));
    assert!(phone.run(&["conflicts"]).all().contains("No field holds two values."));
}

#[test]
fn what_was_deleted_is_listed_and_comes_back() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    desk.kith(&["note", "The chamber moves to Thursdays"]);
    desk.kith(&["delete", "dana"]);
    assert!(desk.kith(&["people", "--deleted"]).contains("Dana Ruiz"));
    assert!(desk.kith(&["people"]).is_empty());
    assert!(desk.kith(&["undo"]).contains("Dana Ruiz"));
    assert!(desk.kith(&["delete", "thursdays"]).contains("note"));
    assert_eq!(desk.run(&["find", "thursdays"]).code, 3);
    desk.kith(&["undo"]);
    assert!(desk.kith(&["find", "thursdays"]).contains("The chamber moves"));
    assert_eq!(desk.run(&["undo"]).code, 3, "there is nothing more to take back");
}

#[test]
fn a_person_deleted_for_good_leaves_no_word_behind() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Xylander, Acme ?a quiet zebra farm"]);
    let said = desk.run(&["purge", "dana"]);
    assert_eq!(said.code, 2, "nobody is there to say yes");
    assert!(said.err.contains("would go for good"), "{}", said.err);
    assert!(desk.kith(&["purge", "dana", "--yes"]).contains("gone for good"));
    assert_eq!(desk.run(&["find", "zebra"]).code, 3);
    let bytes = std::fs::read(desk.path("notebook.kith")).unwrap();
    assert!(!bytes.windows(8).any(|window| window == b"Xylander"));
}

#[test]
fn who_was_deleted_can_still_be_deleted_for_good_and_then_nothing_can_be_brought_back() {
    let desk = Desk::new();
    desk.kith(&["jot", "Pia Xylander"]);
    desk.kith(&["note", "a quiet zebra farm", "--about", "pia"]);
    desk.kith(&["delete", "pia"]);
    assert_eq!(desk.run(&["purge", "nobody", "--yes"]).code, 3);
    assert!(desk.kith(&["purge", "pia", "--yes"]).contains("2 records are gone for good"));
    assert_eq!(desk.kith(&["undelete"]), "");
    assert!(!desk.kith(&["export", "json"]).to_lowercase().contains("zebra"));
}

#[test]
fn a_purge_while_another_program_reads_says_what_is_still_to_be_done() {
    let desk = Desk::new();
    desk.kith(&["jot", "Pia Xylander"]);
    let reader = tests::words::reader(&desk.path("notebook.kith"));
    let said = desk.run(&["purge", "pia", "--yes"]);
    assert!(said.code == 0 && said.all().contains("keeps some of the old bytes"), "{}", said.all());
    assert!(desk.kith(&["doctor"]).contains("still to be written anew"));
    drop(reader);
    desk.kith(&["jot", "Ben Okafor"]);
    assert!(!desk.kith(&["doctor"]).contains("still to be written anew"));
}

#[test]
fn a_name_is_taken_out_of_a_note_for_good() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Xylander, Acme"]);
    desk.kith(&["note", "Dana Xylander and Xylander's brother run the quarry"]);
    let said = desk.run(&["purge", "dana"]).err;
    assert!(said.contains("and Xylander's brother") && said.contains("kith rewrite"), "{said}");
    desk.kith(&["purge", "dana", "--yes"]);
    assert_eq!(desk.run(&["rewrite", "quarry", "Nobody", "x"]).code, 3, "words that are not there");
    let said = desk.kith(&["rewrite", "quarry", "Xylander", "somebody"]);
    assert!(said.contains("Dana somebody and somebody's brother run the quarry"), "{said}");
    assert_eq!(desk.run(&["find", "xylander"]).code, 3);
    let bytes = std::fs::read(desk.path("notebook.kith")).unwrap();
    assert!(!bytes.windows(8).any(|window| window == b"Xylander"));
}

#[test]
fn a_jot_on_one_device_is_found_on_the_other_through_a_folder() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    let shared = home.path("shared");
    let folder = shared.to_str().unwrap();
    assert_eq!(phone.run(&["sync"]).code, 2, "no folder was named yet");
    assert_eq!(phone.run(&["sync", folder]).code, 3, "a folder that is not there is not made");
    std::fs::create_dir(&shared).unwrap();
    phone.kith(&["jot", DANA]);
    phone.kith(&["sync", folder]);
    let said = laptop.run(&["sync", folder]);
    assert!(said.code == 4 && said.err.contains("has not joined") && said.err.contains("kith join"), "{}", said.err);
    phone.lets_in(&laptop, folder);
    assert!(laptop.kith(&["find", "warehouse"]).contains("Dana Ruiz"));
    laptop.kith(&["note", "Plays the cello", "--about", "dana"]);
    laptop.kith(&["sync", "--no-near"]);
    assert_eq!(phone.json(&["sync", "--no-near"])[0]["report"]["received"], 1, "the folder of last time");
    assert!(phone.kith(&["show", "dana"]).contains("cello"));
    assert!(phone.kith(&["devices"]).contains("laptop"));
    assert!(phone.path("state/kith/handed-out.json").exists(), "what was handed out is remembered outside the file");
    assert!(phone.path("state/kith/keys").is_dir(), "and so are the keys");
    let other = Desk::inside(&home.folder, "other");
    other.kith(&["jot", "Somebody Else"]);
    std::fs::create_dir(home.path("second")).unwrap();
    other.kith(&["sync", home.path("second").to_str().unwrap()]);
    let said = other.run(&["sync", folder]);
    assert_eq!(said.code, 4, "another notebook's folder is left alone: {}", said.err);
}

#[test]
fn a_device_is_let_in_only_by_the_digits_it_shows_and_removed_for_ever() {
    let home = Desk::new();
    let desk = |name| Desk::inside(&home.folder, name);
    let (phone, laptop, thief) = (desk("phone"), desk("laptop"), desk("thief"));
    std::fs::create_dir(home.path("shared")).unwrap();
    let folder = home.path("shared").to_str().unwrap().to_string();
    phone.kith(&["jot", DANA]);
    let code = phone.kith(&["invite", "--folder", &folder, "--no-wait"]);
    thief.kith(&["jot", "Somebody Else"]);
    assert_eq!(thief.run(&["join", code.trim(), "--folder", &folder]).code, 2, "what is here is not added unasked");
    let (whole, last) = code.trim().split_at(code.trim().len() - 1);
    let mistyped = format!("{whole}{}", if last == "0" { "1" } else { "0" });
    assert_eq!(thief.run(&["join", &mistyped, "--folder", &folder, "--yes"]).code, 2, "a slip is found");
    let said = thief.run(&["join", code.trim(), "--folder", &folder, "--yes", "--no-wait"]);
    assert!(said.code == 2 && said.err.contains("--join-with-my-notes"), "nor by a plain yes: {}", said.err);
    let join = ["join", code.trim(), "--folder", &folder, "--join-with-my-notes", "--no-wait"];
    assert!(thief.kith(&join).contains("No digits yet"));
    let said = phone.run(&["invite", "--agree-to", "000000"]);
    assert!(said.code == 3 && said.err.contains("kith sync"), "it has not asked yet: {}", said.err);
    let asked = thief.json(&join);
    assert_eq!((&asked["host"], &asked["devices"], &asked["people"]), (&"phone".into(), &1.into(), &1.into()));
    let said = phone.run(&["invite", "--agree-to", "000000"]);
    assert!(said.code == 1 && said.err.contains("Nobody was let in"), "{}", said.err);
    assert_eq!(phone.run(&["invite", "--agree-to", "000000"]).code, 3, "the code is spent");
    assert!(phone.kith(&["people"]).contains("Dana") && !thief.kith(&["people"]).contains("Dana"));

    phone.lets_in(&laptop, &folder);
    let devices = phone.json(&["devices"]);
    assert_eq!((&devices[0]["name"], &devices[1]["name"]), (&"phone".into(), &"laptop".into()));
    assert_eq!(phone.run(&["devices", "remove", "laptop"]).code, 2, "nobody is there to say yes");
    assert_eq!(phone.run(&["devices", "remove", "nobody", "--yes"]).code, 3);
    assert!(phone.kith(&["devices", "remove", "laptop", "--yes"]).contains("laptop is removed"));
    phone.kith(&["sync", "--no-near"]);
    let said = laptop.run(&["sync", "--no-near"]);
    assert!(said.code == 4 && said.err.contains("this device was removed from the notebook by phone"), "{}", said.err);
    assert!(phone.kith(&["devices"]).contains("removed"));
    // It remembers that, says so without being asked, and what can be done.
    let said = laptop.run(&["today"]);
    assert!(said.code == 0 && said.all().contains("removed from its notebook by phone"), "{}", said.all());
    laptop.kith(&["mailbox", "forget", "1"]);
    let said = laptop.run(&["sync"]);
    assert!(said.code == 4 && said.err.contains("kith invite") && said.err.contains("stays here"), "{}", said.err);
}

#[test]
fn a_removal_says_first_what_the_device_leaves_behind_and_the_list_of_devices_goes_on_saying_it() {
    let home = Desk::new();
    let desk = |name| Desk::inside(&home.folder, name);
    let (phone, laptop, tablet) = (desk("phone"), desk("laptop"), desk("tablet"));
    std::fs::create_dir(home.path("shared")).unwrap();
    let folder = home.path("shared").to_str().unwrap().to_string();
    phone.lets_in(&laptop, &folder);
    laptop.kith(&["recovery"]);
    laptop.lets_in(&tablet, &folder);
    laptop.kith(&["sync", "--no-near"]);
    phone.kith(&["sync", "--no-near"]);
    assert!(!phone.run(&["devices"]).all().contains("recovery key"));
    let one_line = |said: String| said.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = one_line(phone.run(&["devices", "remove", "laptop", "--yes"]).all());
    assert!(said.contains("recovery key was made on laptop, and holds when it is removed"), "{said}");
    assert!(said.contains(") came in through laptop, and stays") && said.contains("laptop is removed"), "{said}");
    let said = one_line(phone.run(&["devices"]).all());
    assert!(said.contains("let in by laptop, which was removed"), "{said}");
    assert!(said.contains("recovery key was made on laptop, which was removed"), "{said}");
    assert_eq!(phone.json(&["devices"])[1]["let_in_by_removed"], "laptop");
}

#[test]
fn a_notebook_with_one_note_and_nobody_in_it_is_not_added_unasked_and_a_code_lives_until_it_is_cancelled() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    std::fs::create_dir(home.path("shared")).unwrap();
    let folder = home.path("shared").to_str().unwrap().to_string();
    laptop.kith(&["note", "a thought of my own"]);
    assert_eq!(laptop.json(&["people"])["total"], 0);
    let code = phone.kith(&["invite", "--folder", &folder, "--no-wait"]);
    let said = laptop.run(&["join", code.trim(), "--folder", &folder, "--yes", "--no-wait"]);
    assert!(said.code == 2 && said.err.contains("1 record here would be added"), "{}", said.err);
    assert_eq!(phone.run(&["invite", "--agree-to", "000000"]).code, 3, "nothing was asked");
    assert!(phone.kith(&["invite", "--cancel"]).contains("taken back"));
    let said = laptop.run(&["join", code.trim(), "--folder", &folder, "--join-with-my-notes", "--no-wait"]);
    assert_eq!(said.code, 3, "it is void: {}", said.err);
}

#[test]
fn a_no_to_joining_is_told_as_a_no_and_a_failure_as_a_failure() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    std::fs::create_dir(home.path("shared")).unwrap();
    let folder = home.path("shared").to_str().unwrap().to_string();
    laptop.kith(&["note", "a thought of my own"]);
    // A byte that is no text cannot be read as an answer.
    for (typed, says) in [(&b"y\nrather not\n"[..], "nothing was joined"), (b"y\n\xff\n", "could not be read")] {
        let code = phone.kith(&["invite", "--folder", &folder, "--no-wait"]);
        let first = laptop.json(&["join", code.trim(), "--folder", &folder, "--no-wait", "--join-with-my-notes"]);
        assert_eq!(first, serde_json::json!({ "digits": null }));
        phone.kith(&["sync", "--no-near"]);
        let Some(said) = laptop.at_a_terminal(&["join", code.trim(), "--folder", &folder, "--no-wait"], typed) else {
            eprintln!("skipped: a_no_to_joining_is_told_as_a_no_and_a_failure_as_a_failure: there is no script here");
            return;
        };
        assert!(said.code == 1 && said.all().contains(says), "{typed:?}: {}", said.all());
        assert_eq!(says == "nothing was joined", said.all().contains("are as they were"), "{}", said.all());
        // Nobody waits for it in vain.
        let said = phone.run(&["invite", "--agree-to", "000000"]);
        assert!(said.code == 1, "{}", said.err);
        assert_eq!(laptop.json(&["devices"]), serde_json::json!([]));
    }
}

#[test]
fn who_is_deleted_for_good_leaves_every_device_and_after_a_renewal_every_file() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    std::fs::create_dir(home.path("shared")).unwrap();
    let folder = home.path("shared").to_str().unwrap().to_string();
    phone.kith(&["jot", DANA]);
    phone.kith(&["jot", "Ben Okafor, Novabank"]);
    phone.lets_in(&laptop, &folder);
    laptop.kith(&["sync", "--no-near"]);
    assert_eq!(laptop.kith(&["quarantine"]), "Nothing is kept back.\n");
    let said = phone.run(&["purge", "dana", "--yes"]);
    assert!(said.code == 0 && said.all().contains("Your other devices do the same when they sync"), "{}", said.all());
    phone.kith(&["sync", "--no-near"]);
    let said = laptop.run(&["sync", "--no-near"]);
    assert!(said.all().contains("gone for good: another device of yours deleted them so"), "{}", said.all());
    assert!(!laptop.kith(&["people"]).contains("Dana"));
    let before = files_below(&home.path("shared/kith/l"));
    assert_eq!(phone.run(&["renew"]).code, 2, "nobody is there to say yes");
    let said = phone.run(&["renew", "--yes"]);
    assert!(said.code == 0 && said.all().contains("still hold the old files: laptop"), "{}", said.all());
    let said = laptop.run(&["sync", "--no-near"]);
    assert!(said.all().contains("another device of yours sealed everything anew"), "{}", said.all());
    let after = files_below(&home.path("shared/kith/l"));
    assert!(!after.is_empty() && !before.iter().any(|old| after.contains(old)), "{before:?} {after:?}");
    // Each forgets the keys of before, and gives the other one of its own.
    for desk in [&phone, &laptop, &phone] {
        desk.kith(&["sync", "--no-near"]);
    }
    for desk in [&phone, &laptop] {
        assert_eq!(desk.run(&["sync", "--no-near"]).all(), "Nothing new on either side.");
        assert!(desk.kith(&["people"]).contains("Ben Okafor"));
    }
    // Once more, for a program that reads the answer, and without a mailbox.
    assert_eq!(phone.json(&["renew", "--yes"])["waiting_for"][0], "laptop");
    phone.kith(&["mailbox", "forget", "1"]);
    assert_eq!(phone.json(&["renew", "--yes"])["waiting_for"][0], "laptop");
}

#[test]
fn what_another_device_deleted_for_good_and_is_much_is_listed_and_agreed_to_or_refused() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    std::fs::create_dir(home.path("shared")).unwrap();
    let folder = home.path("shared").to_str().unwrap().to_string();
    phone.lets_in(&laptop, &folder);
    let deletes = |names: [&str; 4]| {
        names.iter().for_each(|name| drop(phone.kith(&["jot", name])));
        [&phone, &laptop].iter().for_each(|desk| drop(desk.kith(&["sync", "--no-near"])));
        names.iter().for_each(|name| drop(phone.kith(&["purge", name, "--yes"])));
        phone.kith(&["sync", "--no-near"]);
        let said = laptop.run(&["sync", "--no-near"]).all();
        assert!(said.contains("4 people for good; they are still here until you agree"), "{said}");
        assert!(names.iter().all(|name| said.contains(name)), "{said}");
    };
    deletes(["Ann Lee", "Chi Wei", "Rui Costa", "Ola Berg"]);
    let listed = laptop.kith(&["quarantine"]);
    assert!(listed.contains("phone deleted 4 people for good") && listed.contains("quarantine refuse"), "{listed}");
    assert!(listed.contains("Ann Lee") && listed.contains("Ola Berg"), "{listed}");
    assert_eq!(laptop.run(&["quarantine", "refuse", "phone"]).code, 2, "nobody is there to say yes");
    assert_eq!(laptop.run(&["quarantine", "refuse", "tablet", "--yes"]).code, 3);
    assert_eq!(laptop.run(&["quarantine", "agree", "tablet", "--yes"]).code, 3);
    assert!(laptop.kith(&["quarantine", "refuse", "phone", "--yes"]).contains("4 records stay here"));
    assert_eq!(laptop.kith(&["quarantine"]), "Nothing is kept back.\n");
    assert!(laptop.kith(&["people"]).contains("Ann Lee"));
    deletes(["Tam Ito", "Ben Okafor", "Zoe Marsh", "Eve Stone"]);
    assert!(laptop.kith(&["quarantine", "agree", "phone", "--yes"]).contains("4 records are gone for good"));
    let people = laptop.kith(&["people"]);
    assert!(people.contains("Ann Lee") && !people.contains("Tam Ito"), "{people}");
}

#[test]
fn what_is_open_with_somebody_whom_another_device_deleted_is_told_as_it_is_hidden() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    std::fs::create_dir(home.path("shared")).unwrap();
    let folder = home.path("shared").to_str().unwrap().to_string();
    phone.kith(&["jot", DANA]);
    phone.kith(&["keep", "1"]);
    phone.lets_in(&laptop, &folder);
    laptop.kith(&["sync", "--no-near"]);
    laptop.kith(&["delete", "dana"]);
    phone.kith(&["promise", "call her by fri", "--to", "dana"]);
    laptop.kith(&["sync", "--no-near"]);
    let said = phone.run(&["sync", "--no-near"]).all();
    assert!(
        said.contains("Dana Ruiz was deleted on another device, and 1 open promise or meeting with them"),
        "{said}"
    );
    let back = said.split("`kith undelete ").nth(1).unwrap().split('`').next().unwrap();
    phone.kith(&["undelete", back]);
    assert!(phone.kith(&["today"]).contains("call her"));
}

#[test]
fn who_asks_to_join_is_told_by_a_sync_of_the_device_that_invited() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    std::fs::create_dir(home.path("shared")).unwrap();
    let folder = home.path("shared").to_str().unwrap().to_string();
    assert!(phone.kith(&["invite", "--folder", &folder, "--cancel"]).contains("No code was open"));
    let code = phone.kith(&["invite", "--folder", &folder, "--no-wait"]);
    let join = ["join", code.trim(), "--folder", &folder, "--no-wait", "--yes"];
    laptop.kith(&join);
    assert!(!phone.run(&["sync", "--no-near"]).all().contains("asks to join"), "it was answered just now");
    let digits = laptop.json(&join)["digits"].as_str().unwrap().to_owned();
    let said = phone.run(&["sync", "--no-near"]).all();
    assert!(said.contains("\"laptop\" asks to join"), "{said}");
    assert!(said.contains(&format!("kith invite --agree-to {digits}")), "{said}");
    assert_eq!(phone.json(&["sync", "--no-near"])[0]["asks_to_join"]["digits"], digits);
    phone.kith(&["invite", "--agree-to", &digits]);
    laptop.kith(&["join"]);
    assert!(!phone.run(&["sync", "--no-near"]).all().contains("asks to join"));
}

#[test]
fn what_a_removed_device_wrote_is_listed_and_kept_when_somebody_says_so() {
    let home = Desk::new();
    let desk = |name| Desk::inside(&home.folder, name);
    let (phone, laptop) = (desk("phone"), desk("laptop"));
    std::fs::create_dir(home.path("shared")).unwrap();
    let folder = home.path("shared").to_str().unwrap().to_string();
    phone.kith(&["jot", DANA]);
    phone.lets_in(&laptop, &folder);
    laptop.kith(&["sync", "--no-near"]);
    phone.kith(&["devices", "remove", "laptop", "--yes"]);
    laptop.kith(&["jot", "Late Larry"]);
    laptop.kith(&["sync", "--no-near"]);
    let said = phone.run(&["sync", "--no-near"]);
    assert!(said.all().contains("written by a device after it was removed. See `kith quarantine`"), "{}", said.all());
    let listed = phone.kith(&["quarantine"]);
    assert!(listed.starts_with("laptop  ") && listed.contains("`kith quarantine keep \"laptop\"`"), "{listed}");
    assert_eq!(phone.json(&["quarantine"])["files"][0]["why"], "after_removal");
    assert_eq!(phone.run(&["quarantine", "drop", "laptop"]).code, 2, "nobody is there to say yes");
    assert_eq!(phone.run(&["quarantine", "keep", "tablet"]).code, 3);
    assert_eq!(phone.run(&["quarantine", "agree", "--yes"]).code, 3, "nothing waits");
    assert!(!phone.kith(&["people"]).contains("Larry"));
    phone.kith(&["quarantine", "keep", "laptop"]);
    assert!(phone.kith(&["people"]).contains("Larry"));
    assert_eq!(phone.kith(&["quarantine"]), "Nothing is kept back.\n");
}

#[test]
fn a_device_whose_host_was_removed_is_listed_and_kept_when_somebody_says_so() {
    let home = Desk::new();
    let desk = |name| Desk::inside(&home.folder, name);
    let (phone, laptop, tablet) = (desk("phone"), desk("laptop"), desk("tablet"));
    let [shared, elsewhere] = ["shared", "elsewhere"].map(|name| home.path(name));
    [&shared, &elsewhere].into_iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
    phone.kith(&["jot", DANA]);
    phone.lets_in(&laptop, shared.to_str().unwrap());
    laptop.kith(&["mailbox", "forget", "1"]);
    laptop.lets_in(&tablet, elsewhere.to_str().unwrap());
    phone.kith(&["devices", "remove", "laptop", "--yes"]);
    phone.kith(&["sync", elsewhere.to_str().unwrap()]);
    let listed = phone.run(&["quarantine"]).all();
    assert!(listed.contains("tablet was let in by a device that was removed before anybody heard of it"), "{listed}");
    let id = phone.json(&["quarantine"])["devices"][0]["id"].as_str().unwrap().to_string();
    assert!(phone.kith(&["quarantine", "keep", &id]).contains("tablet belongs to this notebook"));
    phone.kith(&["sync"]);
    tablet.kith(&["jot", "Ben Okafor"]);
    tablet.kith(&["sync"]);
    phone.kith(&["sync"]);
    assert!(phone.kith(&["people"]).contains("Ben Okafor"));
    assert!(phone.kith(&["quarantine"]).starts_with("Nothing is kept back"));
}

#[test]
fn the_recovery_key_lets_a_device_in_when_all_others_are_lost() {
    let home = Desk::new();
    let (phone, fresh) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "fresh"));
    std::fs::create_dir(home.path("shared")).unwrap();
    let folder = home.path("shared").to_str().unwrap().to_string();
    phone.kith(&["jot", DANA]);
    let key = phone.json(&["recovery", "--folder", &folder])["recovery_key"].as_str().unwrap().to_string();
    assert_eq!(phone.run(&["recovery"]).code, 2, "there is one already");
    assert_eq!(fresh.run(&["join", "--recovery", "--folder", &folder]).code, 2, "nobody is there to type it");
    let with = |desk: &Desk, key: &str, arguments: &[&str]| {
        Said::from(desk.command(arguments).env("KITH_RECOVERY_KEY", key).output().unwrap())
    };
    let (whole, last) = key.split_at(key.len() - 1);
    let mistyped = format!("{whole}{}", if last == "0" { "1" } else { "0" });
    let wrong = with(&fresh, &mistyped, &["join", "--recovery", "--folder", &folder]);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    let said = with(&fresh, &key, &["join", "--recovery", "--folder", &folder]);
    assert!(said.code == 0 && said.out.contains("let this device in"), "{}{}", said.out, said.err);
    assert!(fresh.kith(&["people"]).contains("Dana Ruiz"));
    let said = with(&fresh, &key, &["devices", "remove", "phone", "--recovery", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.err);
    fresh.kith(&["sync", "--no-near"]);
    assert_eq!(phone.run(&["sync", "--no-near"]).code, 4, "the stolen one is shut out");
    let second = with(&fresh, &key, &["recovery", "--replace"]);
    assert!(second.code == 0 && !second.out.contains(&key), "{}", second.err);
}

#[test]
fn that_two_recovery_keys_were_made_at_once_is_said_beside_the_devices() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    let [shared, elsewhere] = ["shared", "elsewhere"].map(|name| home.path(name).to_str().unwrap().to_string());
    [&shared, &elsewhere].into_iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
    phone.lets_in(&laptop, &shared);
    phone.kith(&["recovery", "--folder", &shared]);
    assert!(!phone.run(&["devices"]).all().contains("keep both papers"));
    laptop.kith(&["recovery", "--folder", &elsewhere]);
    [&laptop, &phone].into_iter().for_each(|desk| drop(desk.kith(&["sync", &shared])));
    for desk in [&phone, &laptop] {
        let said = desk.run(&["devices"]).all();
        assert!(said.contains("Two recovery keys were made") && said.contains("keep both papers"), "{said}");
    }
}

#[test]
fn mailboxes_are_tried_out_listed_and_forgotten() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("stick")).unwrap();
    assert_eq!(desk.run(&["mailbox", "add", "folder", "nowhere"]).code, 3);
    assert!(desk.kith(&["mailbox", "add", "folder", "stick"]).contains("kith sync"));
    desk.kith(&["sync", "stick"]);
    assert_eq!(desk.json(&["mailbox"]).as_array().unwrap().len(), 1, "named twice, kept once");
    assert_eq!(desk.run(&["mailbox", "add", "webdav", "http://cloud.example/dav", "--user", "ann"]).code, 2);
    let mut refused = desk.command(&["mailbox", "add", "webdav", "http://127.0.0.1:9/dav", "--user", "ann"]);
    let said = Said::from(refused.env("KITH_MAILBOX_PASSWORD", "secret").output().unwrap());
    assert!(said.code != 0 && !said.err.contains("secret"), "{}", said.err);
    assert_eq!(desk.run(&["mailbox", "forget", "2"]).code, 3);
    desk.kith(&["mailbox", "forget", "1"]);
    assert_eq!(desk.run(&["sync"]).code, 2, "there is none left");
    assert_eq!(desk.run(&["sync", "notebook.kith"]).code, 2, "a file is no folder");
}

#[test]
fn where_two_devices_disagree_both_values_are_shown_and_one_can_be_chosen() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    std::fs::create_dir(home.path("shared")).unwrap();
    let folder = home.path("shared").to_str().unwrap().to_string();
    phone.kith(&["jot", "Dana"]);
    phone.lets_in(&laptop, &folder);
    phone.kith(&["edit", "dana", "name=Dana Ruiz"]);
    laptop.kith(&["edit", "dana", "name=Dana Reyes"]);
    phone.kith(&["sync", "--no-near"]);
    laptop.kith(&["sync", "--no-near"]);
    let list = laptop.kith(&["conflicts"]);
    assert!(list.contains("Dana Ruiz") && list.contains("Dana Reyes"), "{list}");
    assert!(laptop.kith(&[]).contains("kith conflicts"));
    assert!(laptop.kith(&["show", "dana"]).contains("holds two values"));
    assert_eq!(laptop.run(&["conflicts", "choose", "1", "9"]).code, 3);
    let other = laptop.json(&["conflicts"])[0]["values"][1].as_str().unwrap().to_string();
    assert!(laptop.kith(&["conflicts", "choose", "1", "2"]).contains(&other));
    assert_eq!(laptop.json(&["conflicts"]), Value::Array(vec![]));
}

#[test]
fn an_address_book_comes_in_after_a_dry_run_and_goes_again_in_one_step() {
    let desk = Desk::new();
    let cards = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Dana Ruiz\r\nEMAIL:dana@acme.com\r\nEND:VCARD\r\n\
                 BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ben Bauer\r\nTEL:+33612345678\r\nEND:VCARD\r\n";
    std::fs::write(desk.path("cards.vcf"), cards).unwrap();
    let dry = desk.kith(&["import", "cards.vcf", "--dry-run"]);
    assert!(dry.contains("2 people would be new"), "{dry}");
    assert_eq!(desk.json(&["people"])["total"], 0);
    assert_eq!(desk.run(&["import", "cards.vcf"]).code, 2, "nobody is there to say yes");
    assert!(desk.kith(&["import", "cards.vcf", "--yes"]).contains("2 people are new"));
    assert!(desk.kith(&["import", "cards.vcf", "--yes"]).contains("Nothing in this file is new"));
    assert!(desk.kith(&["imports"]).contains("cards.vcf"));
    let id = desk.json(&["imports"])[0]["id"].as_str().unwrap()[..8].to_string();
    assert!(desk.kith(&["imports", "undo", &id]).contains("deleted again"));
    assert_eq!(desk.json(&["people"])["total"], 0);
    assert_eq!(desk.run(&["import", "nothing.vcf"]).code, 3);
    std::fs::write(desk.path("noise.bin"), [0xff, 0, 1, 2, 3]).unwrap();
    let said = desk.run(&["import", "noise.bin"]);
    assert!([1, 4].contains(&said.code) && !said.err.is_empty(), "{}", said.err);
}

#[test]
fn everything_can_be_taken_along_and_brought_back() {
    let desk = Desk::new();
    desk.kith(&["jot", DANA]);
    desk.kith(&["export", "json", "all.json"]);
    assert_eq!(desk.run(&["export", "json", "all.json"]).code, 2, "no file is written over");
    let out = desk.kith(&["export", "json", "--without-private"]);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["format"], "kith-notebook");
    desk.kith(&["export", "vcard", "people.vcf"]);
    let other = Desk::new();
    std::fs::copy(desk.path("all.json"), other.path("all.json")).unwrap();
    other.kith(&["import", "all.json", "--yes"]);
    assert!(other.kith(&["show", "dana"]).contains("Acme Logistics"));
}

#[test]
fn a_backup_comes_back_and_a_sealed_one_only_with_its_passphrase() {
    let desk = Desk::new();
    desk.kith(&["jot", DANA]);
    desk.kith(&["backup", "plain.kithbak"]);
    assert_eq!(desk.run(&["backup", "plain.kithbak"]).code, 2, "no backup is overwritten");
    assert_eq!(desk.run(&["backup", "x.kithbak", "--passphrase"]).code, 2, "nobody is there to type one");
    let sealed = |arguments: &[&str], passphrase: &str| {
        Said::from(desk.command(arguments).env("KITH_PASSPHRASE", passphrase).output().unwrap())
    };
    assert_eq!(sealed(&["backup", "sealed.kithbak", "--passphrase"], "correct horse").code, 0);
    assert_eq!(desk.run(&["restore", "plain.kithbak"]).code, 2, "no notebook is overwritten");
    assert!(desk.kith(&["--notebook", "second.kith", "restore", "plain.kithbak"]).contains("back"));
    assert!(desk.kith(&["--notebook", "second.kith", "show", "dana"]).contains("Acme Logistics"));
    assert_ne!(sealed(&["--notebook", "third.kith", "restore", "sealed.kithbak"], "wrong").code, 0);
    assert!(!desk.path("third.kith").exists());
    desk.kith(&["--notebook", "third.kith"]);
    let said = sealed(&["--notebook", "third.kith", "restore", "sealed.kithbak"], "correct horse");
    assert_eq!(said.code, 0, "an empty notebook does not stand in the way: {}", said.err);
    assert!(desk.kith(&["--notebook", "third.kith", "show", "dana"]).contains("Acme Logistics"));
    assert_eq!(desk.run(&["restore", "nothing.kithbak"]).code, 3);
}

#[test]
fn a_backup_is_made_by_itself_where_the_person_said_and_what_hinders_it_is_told() {
    let desk = Desk::new();
    desk.kith(&["jot", DANA]);
    assert!(desk.kith(&["settings"]).contains("backup_folder = not set (of this device)"));
    let said = desk.run(&["settings", "floor=30", "backup_folder=~/safe"]);
    assert_eq!((said.code, said.err.contains("make it first")), (3, true), "{}", said.err);
    assert!(desk.json(&["settings"]).get("weekly_floor_minutes").is_none(), "all of it or nothing");
    std::fs::create_dir(desk.path("safe")).unwrap();
    let said = desk.run(&["settings", "floor=30", "backup_folder=~/safe"]);
    assert!(said.all().contains("The backup of the day is in"), "at once: {}", said.all());
    let now = desk.json(&["settings"]);
    let safe = desk.path("safe");
    assert_eq!((&now["weekly_floor_minutes"], &now["backup_folder"]), (&30.into(), &safe.to_str().unwrap().into()));
    let files = files_below(&safe);
    assert_eq!(files.len(), 1, "{files:?}");
    let said = desk.run(&["jot", "Ben Okafor"]);
    assert_eq!((said.code, said.err.contains("backup")), (0, false), "one a day: {}", said.err);
    assert!(desk.kith(&["--notebook", "second.kith", "restore", &files[0]]).contains("back"));
    assert!(desk.kith(&["--notebook", "second.kith", "show", "dana"]).contains("Acme Logistics"));
    let said = desk.kith(&["purge", "ben", "--yes"]);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&format!("also those in {}", safe.display())), "{said}");

    // A folder that is gone by the time something is written: that is told, and what was written is there.
    std::fs::create_dir(desk.path("stick")).unwrap();
    let stick = DeviceSettings { backup_folder: Some(desk.path("stick")), ..DeviceSettings::default() };
    desk.notebook().set_device_settings(&stick).unwrap();
    std::fs::remove_dir(desk.path("stick")).unwrap();
    let said = desk.run(&["jot", "Cleo"]);
    assert_eq!((said.code, said.all().contains("The backup of the day was not made")), (0, true), "{}", said.err);
    assert!(desk.kith(&["show", "cleo"]).contains("Cleo"));
    assert_eq!(desk.run(&["settings", "backup_folder="]).err, "");
    assert_eq!(desk.run(&["jot", "Dora"]).err, "");
}

/// A computer with Dana and Ben, and a coffee planned with Dana.
fn with_a_coffee_planned() -> Desk {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz, Acme Logistics"]);
    desk.kith(&["jot", "Ben Okafor, Blue Freight"]);
    let when = ["--planned", "--on", "in 2 days", "--kind", "coffee"];
    let why = ["--why-them", "she moved three warehouses", "--in-it-for-them", "a broker who answers"];
    let what = ["--outcome-wanted", "a name at the port", "--ask", "whom should I meet there?", "--offer", "my guide"];
    desk.kith(&[&["meet", "dana"], &when[..], &why, &what].concat());
    desk
}

/// The lines of a page that are below another, without their margin.
fn below<'a>(page: &'a str, title: &str) -> Vec<&'a str> {
    let (_, below) = page.split_once(title).unwrap_or_else(|| panic!("no {title:?} in {page}"));
    below.lines().skip(1).take_while(|line| !line.is_empty()).map(str::trim).collect()
}

#[test]
fn practice_1_5_before_a_meeting_it_is_said_why_them_and_what_is_in_it_for_them() {
    let lines = with_a_coffee_planned().kith(&["today"]);
    let plan = below(&lines, "Meetings");
    assert!(plan[0].contains("coffee — Dana Ruiz"), "{lines}");
    assert_eq!(plan[1..3], ["why them: she moved three warehouses", "in it for them: a broker who answers"]);
}

#[test]
fn practice_2_4_a_plan_begins_with_how_it_shall_end() {
    let desk = with_a_coffee_planned();
    assert!(below(&desk.kith(&["today"]), "Meetings").contains(&"outcome wanted: a name at the port"));
    desk.kith(&["met", "dana", "--outcome", "got it"]);
    let page = desk.kith(&["show", "dana"]);
    assert!(below(&page, "Timeline")[0].ends_with("coffee — got it"), "{page}");
}

#[test]
fn practice_4_3_what_i_bring_stands_beside_what_i_want() {
    let desk = with_a_coffee_planned();
    for page in [desk.kith(&["today"]), desk.kith(&["show", "dana"])] {
        let title = if page.contains("Planned") { "Planned" } else { "Meetings" };
        let plan = below(&page, title);
        let ask = plan.iter().position(|line| *line == "ask: whom should I meet there?").unwrap();
        assert_eq!(plan[ask + 1], "offer: my guide", "{page}");
    }
}

#[test]
fn practice_0_22_a_talk_that_wandered_to_something_good_is_a_success() {
    let desk = with_a_coffee_planned();
    let said = desk.kith(&["met", "dana", "--outcome", "went elsewhere, good", "--takeaway", "she hires in May"]);
    assert!(said.contains("A thank-you is noted for") && said.contains("tomorrow"), "it was held today: {said}");
    let page = desk.kith(&["show", "dana"]);
    let line = below(&page, "Timeline")[0];
    assert!(line.ends_with("coffee — went elsewhere, good — she hires in May"), "{page}");
    assert!(!page.contains("Planned"), "{page}");
}

#[test]
fn practice_0_23_connections_come_from_linkedin_with_whom_they_lead_to() {
    let desk = Desk::new();
    let header = "First Name,Last Name,URL,Email Address,Company,Position,Connected On";
    let row = "Dana,Ruiz,https://www.linkedin.com/in/danaruiz,,Acme Logistics,Buyer,09 Mar 2021";
    std::fs::write(desk.path("Connections.csv"), format!("{header}\n{row}\n")).unwrap();
    desk.kith(&["import", "Connections.csv", "--yes"]);
    desk.kith(&["jot", "Ben Okafor"]);
    desk.kith(&["edit", "dana", "knows=ben", "knows_organisations+=Port of Lyon"]);
    let page = desk.kith(&["show", "dana"]);
    assert!(page.contains("Buyer, Acme Logistics"), "{page}");
    assert_eq!(below(&page, "Knows"), ["· Ben Okafor", "· someone at Port of Lyon"]);
}

#[test]
fn practice_1_6_a_friend_is_told_from_a_witness() {
    let desk = with_a_coffee_planned();
    desk.kith(&["edit", "dana", "social_tie=our children row together", "categories=friend"]);
    desk.kith(&["edit", "ben", "professional_tie=he buys what I plan", "has_seen_my_work=yes"]);
    let friend = desk.kith(&["show", "dana"]);
    assert!(friend.contains("friend") && friend.contains("Social tie: our children row together"), "{friend}");
    assert!(!friend.contains("Has seen my work"), "{friend}");
    let witness = desk.kith(&["show", "ben"]);
    assert!(witness.contains("Professional tie: he buys what I plan"), "{witness}");
    assert!(witness.contains("Has seen my work: yes"), "{witness}");
}

#[test]
fn practice_1_26_a_step_towards_an_ally_is_set_by_hand_with_its_day() {
    let desk = with_a_coffee_planned();
    desk.kith(&["edit", "dana", "ally=met, 2024-05-02"]);
    desk.kith(&["edit", "dana", "ally+=ally, 2025-03-01"]);
    let steps = desk.json(&["show", "dana"])["contact"]["ally_steps"].clone();
    let mut steps: Vec<_> = steps.as_array().unwrap().iter().map(|step| [&step["step"], &step["day"]]).collect();
    steps.sort_by_key(|[_, day]| day.as_str());
    // The first step is what an empty word means, and so is not written.
    assert_eq!(steps[1], [&Value::from("ally"), &"2025-03-01".into()]);
    assert_eq!(steps[0][1], "2024-05-02");
    let page = desk.kith(&["show", "dana"]);
    assert!(page.contains("Ally steps:") && page.contains("ally, Sat 1 Mar 2025"), "{page}");
    desk.kith(&["meet", "ben"]);
    assert!(!desk.kith(&["show", "ben"]).contains("Ally steps"), "no program can tell");
}

#[test]
fn practice_2_12_where_one_stands_with_somebody_is_said_beside_what_was_put_in() {
    let desk = with_a_coffee_planned();
    desk.kith(&["edit", "dana", "phase=building"]);
    desk.kith(&["give", "the customs guide", "--to", "dana"]);
    let page = desk.kith(&["show", "dana"]);
    assert!(page.contains("building") && page.contains("you gave once and asked for nothing"), "{page}");
}

#[test]
fn practice_3_5_whom_of_a_group_one_has_not_met_alone_is_seen() {
    let desk = Desk::new();
    desk.kith(&["demo"]);
    let out = desk.kith(&["show", "quayside", "breakfast"]);
    assert!(out.contains("Attended twice") && out.contains("Goals") && out.contains("programme committee"), "{out}");
    assert!(!out.contains("Not met one to one yet"), "{out}");
    let page = desk.json(&["show", "quayside", "breakfast"]);
    let page = &page["page"];
    assert_eq!((&page["attended"], page["not_met_alone"].as_array().unwrap().len()), (&2.into(), 0));

    let desk = Desk::new();
    desk.kith(&["jot", "Ann Lee"]);
    let notebook = desk.notebook();
    let ann = notebook.contacts_meant("Ann Lee", 1).unwrap().remove(0).id;
    let group = notebook.put(Group { name: "Rowing club".into(), members: vec![ann], ..Group::default() }).unwrap();
    notebook.put(Event { title: "Open day".into(), group: Some(group), ..Event::default() }).unwrap();
    drop(notebook);
    let out = desk.kith(&["show", "rowing", "club"]);
    let (before, after) = out.split_once("Not met one to one yet").unwrap();
    assert!(before.contains("Attended never") && before.contains("Open day, candidate"), "{out}");
    assert!(after.contains("· Ann Lee"), "{out}");
    desk.kith(&["meet", "ann"]);
    assert!(!desk.kith(&["show", "rowing", "club"]).contains("Not met one to one yet"));
}

#[test]
fn an_introduction_is_over_in_every_list_once_it_has_an_outcome_or_fell_away() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    desk.kith(&["jot", "Ben Okafor"]);
    desk.kith(&["intro", "dana", "ben"]);
    assert!(desk.kith(&["today"]).contains("Introductions under way"));
    desk.kith(&["intro", "outcome", "ben", "they share a warehouse"]);
    let today = desk.kith(&["today"]);
    assert!(!today.contains("Introductions") && !today.contains("introduce them"), "{today}");
    let page = desk.json(&["show", "dana"]);
    assert_eq!(page["promises"][0]["state"], "kept", "what came of it says that it was made: {page}");
    assert_eq!(page["exchanges"].as_array().unwrap().len(), 1);

    desk.kith(&["jot", "Kim Ono"]);
    desk.kith(&["intro", "kim", "ben"]);
    desk.kith(&["intro", "closed", "kim"]);
    assert_eq!(desk.json(&["show", "kim"])["promises"][0]["state"], "released");
    assert!(!desk.run(&["keep"]).all().contains("introduce"), "nobody waits for it");
}

#[test]
fn undo_passes_over_what_is_taken_back_already() {
    let desk = Desk::new();
    for name in ["Dana Ruiz", "Chi Wu", "Ben Okafor"] {
        desk.kith(&["jot", name]);
    }
    desk.kith(&["delete", "ben"]);
    desk.kith(&["same", "dana", "chi"]);
    let said = desk.run(&["not-same", "Dana Ruiz", "Chi Wu"]).all();
    assert!(said.contains("while they were one stays with"), "{said}");
    assert!(desk.kith(&["undo"]).contains("Back again: Ben Okafor"), "they are two already");
    let said = desk.run(&["undo"]);
    assert_eq!((said.code, said.all().contains("there is nothing to take back")), (3, true), "{}", said.err);
    desk.kith(&["promise", "call", "--to", "ben"]);
    desk.kith(&["keep", "call"]);
    assert!(desk.kith(&["undo"]).contains("Open again: call"));
    assert_eq!(desk.run(&["undo"]).code, 3);
}

#[test]
fn today_says_how_many_promises_have_a_later_day() {
    let desk = Desk::new();
    desk.kith(&["promise", "pay the rent", "--by", "in 9 days"]);
    let today = desk.kith(&["today"]);
    assert!(today.contains("Nothing is due") && today.contains("1 promise has a later day: kith keep"), "{today}");
    desk.kith(&["promise", "order cards", "--by", "tomorrow"]);
    desk.kith(&["promise", "print cards", "--by", "in 20 days"]);
    let today = desk.kith(&["today", "--all"]);
    assert!(today.contains("order cards") && today.contains("2 promises have a later day"), "{today}");
    desk.kith(&["release", "rent"]);
    desk.kith(&["release", "print"]);
    assert!(!desk.kith(&["today"]).contains("later day"));
}

#[test]
fn what_somebody_needs_or_offers_is_listed_alone() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz ?a warehouse +knows brokers"]);
    desk.kith(&["jot", "Ben Okafor ?a desk +a van"]);
    let needs = desk.json(&["need", "--of", "dana"]);
    assert_eq!((needs.as_array().unwrap().len(), &needs[0]["words"]), (1, &"a warehouse".into()));
    let offers = desk.kith(&["offer", "--of", "ben"]);
    assert!(offers.contains("a van") && !offers.contains("brokers"), "{offers}");
    assert_eq!(desk.json(&["need"]).as_array().unwrap().len(), 2);
    desk.kith(&["need", "--closed", "--of", "ben", "1"]);
    assert_eq!(desk.json(&["need"])[0]["words"], "a warehouse", "the number is that of the list of Ben");
}

#[test]
fn the_whole_name_of_an_event_is_no_beginning_of_a_persons_name() {
    let desk = Desk::new();
    desk.kith(&["jot", "Eva Long"]);
    desk.kith(&["event", "start", "Ev"]);
    desk.kith(&["jot", "Bo Li, Acme, buyer"]);
    desk.kith(&["event", "stop"]);
    let page = desk.kith(&["show", "ev"]);
    assert_eq!(below(&page, "Met there"), ["· Bo Li, buyer, Acme"], "{page}");
    assert_eq!(below(&desk.kith(&["show", "Acme"]), "People"), ["· Bo Li, buyer, Acme"]);
    assert!(!desk.kith(&["delete", "Ev"]).contains("Eva"));
    assert!(desk.kith(&["show", "eva"]).contains("Eva Long"));
    assert!(desk.kith(&["delete", "Eva"]).contains("Eva Long"));
}

#[test]
fn slips_are_told_before_anything_is_asked_made_or_changed() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    std::fs::write(desk.path("zero.kith"), "").unwrap();
    let said = desk.run(&["--notebook", "zero.kith", "doctor"]);
    assert_eq!((said.code, said.all().contains("0 bytes")), (4, true), "{}", said.err);
    assert_eq!(desk.run(&["--notebook", "zero.kith", "people"]).code, 4, "an empty list would be no answer");
    assert_eq!(std::fs::metadata(desk.path("zero.kith")).unwrap().len(), 0, "it is left as it is");
    assert_eq!(desk.run(&["--notebook", "slip.kith", "today"]).code, 3);
    assert!(!desk.path("slip.kith").exists());
    for (slip, code, words) in [
        (&["import", "."] as &[&str], 2, "is a folder"),
        (&["backup", "nowhere/b.kithbak"], 3, "no folder"),
        (&["settings", "backup_folder=nowhere"], 3, "make it first. Nothing was changed"),
        (&["settings", "foo=1"], 2, "backup_folder"),
        (&["edit", "dana", "foo=1"], 2, "through"),
        (&["edit", "dana", "cadence=0"], 2, "no number of days"),
        (&["me", "foo=1"], 2, "messenger"),
        (&["devices", "remove", "zz"], 3, "zz"),
        (&["keep", "9"], 3, "no number 9"),
    ] {
        let said = desk.run(slip);
        assert_eq!((said.code, said.all().contains(words)), (code, true), "{slip:?}: {}", said.err);
    }
}

#[test]
fn answers_for_other_programs_have_nothing_of_a_terminal() {
    let desk = Desk::new();
    desk.kith(&["demo"]);
    let said = desk.run(&["show", "e", "--json", "--color", "always"]);
    assert_eq!((said.code, said.err.contains("\\u001b")), (3, false), "{}", said.err);
    assert!(desk.json(&["settings"])["backup_folder"].is_null());
    desk.kith(&["backup", "b.kithbak"]);
    assert!(desk.json(&["--notebook", "back.kith", "restore", "b.kithbak"])["notebook"].is_string());
    let rescued = desk.json(&["--notebook", "back.kith", "doctor", "--rescue-into", "saved.kith"]);
    assert_eq!(rescued["people"], 40, "{rescued}");
    assert_eq!(desk.json(&["export", "vcard", "p.vcf"])["count"], 40);
    for page in [&["man", "event", "start"] as &[&str], &["man", "event-start"], &["man", "kith-event-start"]] {
        assert!(desk.kith(page).contains("kith-event-start"), "{page:?}");
    }
    assert!(desk.kith(&["man", "not-same"]).contains("kith-not-same"));
}

#[test]
fn the_demo_goes_into_an_empty_notebook_only() {
    let desk = Desk::new();
    assert!(desk.kith(&["demo"]).contains("made-up people"));
    assert_eq!(desk.json(&["people"])["total"], 40);
    assert_eq!(desk.run(&["demo"]).code, 2);
    assert!(desk.kith(&["doctor"]).contains("The notebook is sound"));
}

#[test]
fn every_question_answers_in_json_that_parses() {
    let desk = Desk::new();
    desk.kith(&["demo"]);
    let today = desk.json(&["today"]);
    assert_eq!(today["people"], 40);
    assert!(today["i_owe"][0]["record"]["words"].is_string());
    for question in [
        &["people", "--limit", "5"] as &[&str],
        &["show", "dagny"],
        &["find", "warehouse"],
        &["keep"],
        &["met"],
        &["need"],
        &["offer"],
        &["ask"],
        &["intro"],
        &["event", "list"],
        &["debrief"],
        &["history", "dagny"],
        &["conflicts"],
        &["imports"],
        &["devices"],
        &["doctor"],
    ] {
        let answer = desk.json(question);
        assert!(answer.is_array() || answer.is_object(), "{question:?}");
    }
    assert_eq!(desk.json(&["note", "x"])["done"], "Noted.");
}

#[test]
fn no_line_is_wider_than_the_terminal_whatever_the_names() {
    let desk = Desk::new();
    desk.kith(&["demo"]);
    desk.kith(&["edit", "dagny", "name=山田太郎 山田太郎 山田太郎 山田太郎 山田太郎 山田太郎 山田太郎"]);
    for arguments in
        [&["people"] as &[&str], &["today"], &["show", "山田"], &["find", "a"], &["keep"], &["history", "山田"]]
    {
        let said = Said::from(desk.command(arguments).env("COLUMNS", "60").output().unwrap());
        assert_eq!(said.code, 0, "{}", said.err);
        for line in said.out.lines() {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= 60, "{arguments:?}: {line}");
        }
    }
    assert!(!desk.kith(&["people"]).contains('…'), "for a file or another program nothing is cut");
}

#[test]
fn a_name_from_elsewhere_cannot_write_on_the_terminal() {
    let desk = Desk::new();
    desk.kith(&["jot", "Eve\u{1b}[31m\u{1b}]0;gone\u{7} Ek"]);
    let out = Said::from(desk.command(&["people", "--color", "never"]).output().unwrap()).out;
    assert!(out.contains("Eve") && !out.contains(['\u{1b}', '\u{7}']), "{out:?}");
    let out = desk.kith(&["people", "--color", "always"]);
    assert!(!out.contains("[31m\u{1b}]") && !out.contains('\u{7}'), "{out:?}");
}

#[test]
fn colours_appear_only_where_they_are_wanted() {
    let desk = Desk::new();
    desk.kith(&["jot", DANA]);
    assert!(!desk.kith(&["show", "dana"]).contains('\u{1b}'), "not in a pipe");
    assert!(desk.kith(&["show", "dana", "--color", "always"]).contains('\u{1b}'));
    let said = Said::from(desk.command(&["show", "dana"]).env("NO_COLOR", "1").output().unwrap());
    assert!(!said.out.contains('\u{1b}'));
    assert!(desk.kith(&["-q", "note", "x"]).is_empty());
}

#[test]
fn two_programs_write_at_once_and_nothing_is_lost() {
    let desk = Desk::new();
    desk.kith(&[]);
    let children: Vec<_> = (0..6)
        .map(|n| {
            desk.command(&["jot", &format!("Person{n} Surname{n} #together")]).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(desk.json(&["people", "--tag", "together"])["total"], 6);
    assert!(desk.kith(&["doctor"]).contains("sound"));
}

#[test]
fn an_unreadable_notebook_is_left_as_it_is_and_ends_with_4() {
    let desk = Desk::new();
    std::fs::write(desk.path("notebook.kith"), "These are the notes of somebody else. ".repeat(200)).unwrap();
    let before = std::fs::read(desk.path("notebook.kith")).unwrap();
    let said = desk.run(&["people"]);
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(said.err.contains("Nothing was changed") && said.err.contains("restore"), "{}", said.err);
    assert_eq!(std::fs::read(desk.path("notebook.kith")).unwrap(), before);
}

#[test]
fn a_damaged_notebook_gives_out_what_can_still_be_read() {
    let desk = Desk::new();
    desk.kith(&["demo"]);
    desk.kith(&["doctor", "--rescue-into", "mended.kith"]);
    assert_eq!(desk.json(&["--notebook", "mended.kith", "people"])["total"], 40);
}

#[test]
fn a_place_that_cannot_be_written_is_told_with_the_next_step() {
    let desk = Desk::new();
    std::fs::write(desk.path("file"), "").unwrap();
    let said = desk.run(&["--notebook", "file/notebook.kith", "people"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("--notebook"), "{}", said.err);
    let said = desk.run(&["--notebook", ".", "people"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(!said.err.contains("panicked"), "{}", said.err);
}

#[test]
fn a_reader_who_has_had_enough_ends_the_program_quietly() {
    let desk = Desk::new();
    desk.kith(&["demo"]);
    for arguments in [&["people"] as &[&str], &["export", "json"], &["help"], &["show", "dagny", "--json"]] {
        let mut child = desk.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
        assert!(!said.err.contains("anic") && !said.err.contains("ipe"), "{}", said.err);
    }
}

#[test]
fn without_a_name_the_notebook_stands_where_the_system_keeps_such_files() {
    let desk = Desk::new();
    let said = Said::from(desk.command(&["note", "x"]).env_remove("KITH_NOTEBOOK").output().unwrap());
    assert_eq!(said.code, 0, "{}", said.err);
    #[cfg(target_os = "linux")]
    assert!(desk.path("data/kith/notebook.kith").exists());
    let said = Said::from(desk.command(&["find", "x"]).env("KITH_NOTEBOOK", "").output().unwrap());
    assert_eq!(said.code, 0, "an empty name is none: {}", said.err);
    desk.kith(&["--notebook", ":memory:", "note", "x"]);
    assert!(desk.kith(&["--notebook", ":memory:", "find", "x"]).contains('x'), "and this one is a file");
}

#[test]
fn completions_and_the_manual_are_produced() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(desk.kith(&["completions", shell]).contains("debrief"), "{shell}");
    }
    let page = desk.kith(&["man"]);
    assert!(page.contains(".TH") && page.contains("debrief"), "{page}");
    assert!(desk.kith(&["man", "jot"]).contains("Without text it takes line after line"));
    assert_eq!(desk.run(&["man", "nothing"]).code, 3);
    assert!(!desk.path("notebook.kith").exists(), "no notebook is made for it");
}

#[test]
fn the_help_of_every_command_has_an_example() {
    let desk = Desk::new();
    let help = desk.kith(&["help"]);
    let names: Vec<&str> = help
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !name.starts_with('-'))
        .filter(|name| desk.run(&["help", name]).code == 0 && *name != "help")
        .collect();
    assert!(names.len() > 35, "{names:?}");
    for name in names {
        let page = desk.kith(&["help", name]);
        assert!(page.contains("Examples:") && page.contains("kith "), "{name}: {page}");
    }
    assert_eq!(desk.run(&["frobnicate"]).code, 2);
    assert_eq!(desk.run(&["show"]).code, 2);
}

/// The rights of a file or folder, as `ls` shows them.
#[cfg(unix)]
fn rights(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The names of what lies in a folder.
fn listed(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
#[cfg(unix)]
fn nobody_else_on_the_computer_reads_the_notebook() {
    let desk = Desk::new();
    let notebook = ["--notebook", "deep/er/n.kith"];
    desk.kith(&[&notebook[..], &["jot", DANA]].concat());
    desk.kith(&[&notebook[..], &["export", "json", "all.json"]].concat());
    desk.kith(&[&notebook[..], &["export", "vcard", "all.vcf"]].concat());
    desk.kith(&[&notebook[..], &["backup", "all.kithbak"]].concat());
    desk.kith(&[&notebook[..], &["doctor", "--rescue-into", "rescued.kith"]].concat());
    desk.kith(&["--notebook", "back/n.kith", "restore", "all.kithbak"]);
    for folder in ["deep", "deep/er", "back"] {
        assert_eq!(rights(&desk.path(folder)), 0o700, "{folder}");
    }
    for file in ["deep/er/n.kith", "all.json", "all.vcf", "all.kithbak", "rescued.kith", "back/n.kith"] {
        assert_eq!(rights(&desk.path(file)), 0o600, "{file}");
    }
}

#[test]
fn with_a_passphrase_at_hand_a_backup_is_always_sealed() {
    let desk = Desk::new();
    desk.kith(&["jot", DANA]);
    let mut command = desk.command(&["backup", "monday.kithbak"]);
    let said = Said::from(command.env("KITH_PASSPHRASE", "correct horse").output().unwrap());
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(std::fs::read(desk.path("monday.kithbak")).unwrap().starts_with(b"age-encryption.org/"));
}

#[test]
fn a_backup_leaves_no_open_copy_behind_even_when_it_is_killed() {
    let desk = Desk::new();
    desk.kith(&["demo"]);
    let stick = desk.path("stick");
    std::fs::create_dir(&stick).unwrap();
    for wait in [0, 3, 10, 30, 80, 200] {
        let mut command = desk.command(&["backup", "stick/b.kithbak"]);
        let mut child = command
            .env("KITH_PASSPHRASE", "correct horse")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        let left = listed(&stick);
        assert!(left.iter().all(|name| name == "b.kithbak" || name.starts_with(".kith-part-")), "{left:?}");
        let _ = std::fs::remove_file(stick.join("b.kithbak"));
    }
    desk.kith(&["people"]);
    // An empty folder may stay for a minute: somebody could be about to work in it.
    let work = desk.path(".kith-work");
    let left = if work.exists() { files_below(&work) } else { Vec::new() };
    assert!(left.is_empty(), "the next start takes the copy away: {left:?}");
}

#[test]
fn a_notebook_that_holds_something_is_refused_before_the_passphrase_is_asked_for() {
    let desk = Desk::new();
    desk.kith(&["jot", DANA]);
    let mut command = desk.command(&["backup", "b.kithbak"]);
    assert!(command.env("KITH_PASSPHRASE", "correct horse").status().unwrap().success());
    let said = desk.run(&["restore", "b.kithbak"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("--notebook") && !said.err.contains("KITH_PASSPHRASE"), "{}", said.err);
}

#[test]
fn without_private_parts_no_remark_leaves_the_notebook() {
    let desk = Desk::new();
    let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann Abt\r\nTEL:+4930123456\r\nNOTE:PRIVATE cheats at chess\r\n\
                X-REMARK:PRIVATE too\r\nX-SPOUSE:PRIVATE Bo\r\nEND:VCARD\r\n";
    std::fs::write(desk.path("ann.vcf"), card).unwrap();
    desk.kith(&["import", "ann.vcf", "--yes"]);
    desk.kith(&["jot", "Dana Ruiz, Acme, buyer #lyon !PRIVATE promise ?PRIVATE need +PRIVATE offer PRIVATE words"]);
    for field in ["social_tie", "professional_tie", "recognise", "how_we_met", "about", "common_ground"] {
        desk.kith(&["edit", "dana", &format!("{field}=PRIVATE {field}")]);
    }
    desk.kith(&["note", "PRIVATE note", "--about", "dana"]);
    desk.kith(&["meet", "dana", "--takeaway", "PRIVATE takeaway"]);
    desk.kith(&["jot", "PRIVATE Deleted"]);
    desk.kith(&["delete", "PRIVATE Deleted"]);
    for form in ["json", "vcard"] {
        assert!(desk.kith(&["export", form]).contains("PRIVATE"), "{form}");
        let out = desk.kith(&["export", form, "--without-private"]);
        assert!(!out.contains("PRIVATE"), "{form}: {out}");
        for public in ["Dana Ruiz", "Acme", "buyer", "lyon", "Ann Abt", "+4930123456"] {
            assert!(out.contains(public), "{public} in {form}: {out}");
        }
    }
}

/// A vCard of so many people, one of whom has something too large, and one whose photo and birthday cannot be read.
fn address_book(people: usize, odd: &str) -> String {
    let card = |n: usize| format!("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{n}\r\nFN:Person{n} Number{n}\r\nEND:VCARD\r\n");
    let odd = format!("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:odd\r\nFN:Odd One\r\n{odd}\r\nEND:VCARD\r\n");
    (0..people / 2).map(card).chain([odd]).chain((people / 2..people).map(card)).collect()
}

#[test]
fn one_oversized_value_keeps_nobody_out_and_is_named_by_its_line() {
    for (odd, told) in [
        (format!("NOTE:{}", "x".repeat(200_001)), "longer than 200000 characters"),
        (format!("LOGO;ENCODING=b:{}", "QUJD".repeat(20_000)), "LOGO is too long"),
        (format!("TITLE:{}", "x".repeat(70_000)), "a role or department is longer"),
        (format!("NICKNAME:{}", "x".repeat(70_000)), "the nickname is longer"),
        (format!("CATEGORIES:{},fine", "x".repeat(70_000)), "one of the tags"),
        (format!("TEL:{}", "1".repeat(70_000)), "one of the channels"),
        (format!("UID:{}", "u".repeat(70_000)), ""),
    ] {
        let desk = Desk::new();
        let book = address_book(250, &odd);
        std::fs::write(desk.path("book.vcf"), if told.is_empty() { book.replace("UID:odd\r\n", "") } else { book })
            .unwrap();
        let dry = desk.kith(&["import", "book.vcf", "--dry-run"]);
        assert!(dry.contains(told) && (told.is_empty() || dry.contains("line 626: Odd One")), "{told}: {dry}");
        desk.kith(&["import", "book.vcf", "--yes"]);
        assert_eq!(desk.json(&["people"])["total"], 251, "{told}");
        assert!(desk.kith(&["import", "book.vcf", "--yes"]).contains("Nothing in this file is new"), "{told}");
        assert!(desk.kith(&["undo"]).contains("book.vcf"));
        assert_eq!(desk.json(&["people"])["total"], 0, "{told}");
    }
}

#[test]
fn a_birthday_and_a_photo_that_cannot_be_read_are_told_in_words() {
    let desk = Desk::new();
    std::fs::write(desk.path("a.vcf"), address_book(2, "BDAY:1990-13-45\r\nPHOTO;ENCODING=b:QUJDREVG")).unwrap();
    let dry = desk.kith(&["import", "a.vcf", "--dry-run"]);
    assert!(dry.contains("Odd One: the birthday \"1990-13-45\" is no day"), "{dry}");
    assert!(dry.contains("Odd One: the photo cannot be read and was left out"), "{dry}");
    let header = "First Name,Last Name,Birthday,Phone 1 - Label,Phone 1 - Value\n";
    std::fs::write(desk.path("g.csv"), format!("{header}Ann,Abt,31 Feb 2020,,\n")).unwrap();
    assert!(desk.kith(&["import", "g.csv", "--dry-run"]).contains("\"31 Feb 2020\" is no day"));
}

#[test]
fn an_import_of_an_export_is_taken_back_like_any_other() {
    let (desk, other) = (Desk::new(), Desk::new());
    desk.kith(&["jot", DANA]);
    desk.kith(&["export", "json", "all.json"]);
    std::fs::copy(desk.path("all.json"), other.path("all.json")).unwrap();
    other.kith(&["jot", "Ben Bauer"]);
    assert!(other.kith(&["import", "all.json", "--yes"]).contains("kith undo"));
    assert_eq!(other.json(&["people"])["total"], 2);
    assert!(other.kith(&["undo"]).contains("the kith import"));
    assert_eq!(other.json(&["people"])["total"], 1);
}

#[test]
fn a_dry_run_of_an_export_of_kith_counts_and_refuses_what_the_import_would() {
    let (desk, other) = (Desk::new(), Desk::new());
    desk.kith(&["jot", DANA]);
    desk.kith(&["export", "json", "all.json"]);
    let whole = std::fs::read_to_string(desk.path("all.json")).unwrap();
    let records = desk.json(&["import", "all.json", "--dry-run"])["known"].as_u64().unwrap();
    std::fs::write(other.path("all.json"), &whole).unwrap();
    let dry = other.json(&["import", "all.json", "--dry-run"]);
    assert_eq!((dry["new"].as_u64(), dry["known"].as_u64()), (Some(records), Some(0)));
    let told = other.kith(&["import", "all.json", "--dry-run"]);
    assert!(told.contains(&format!("{records} records would be new")), "{told}");
    assert_eq!(other.json(&["people"])["total"], 0);
    std::fs::write(other.path("cut.json"), &whole[..whole.len() / 2]).unwrap();
    let said = other.run(&["import", "cut.json", "--dry-run", "--json"]);
    assert!(said.code == 4 && serde_json::from_str::<Value>(&said.err).is_ok(), "{} {}", said.code, said.err);
    let newer = whole.replacen("{\"record\":\"contact\"", "{\"record\":\"spell\"", 1);
    std::fs::write(other.path("newer.json"), newer).unwrap();
    assert!(other.kith(&["import", "newer.json", "--dry-run"]).contains("1 left out: of a kind that only a newer"));
    desk.kith(&["edit", "dana", "nickname=Dee"]);
    let told = desk.kith(&["import", "all.json", "--dry-run"]);
    assert!(told.contains("1 of them says something else here"), "{told}");
    assert!(desk.kith(&["import", "all.json", "--yes"]).contains("Nothing in this file is new"));
}

#[test]
fn same_without_names_lists_who_may_be_one_person_and_why() {
    let desk = Desk::new();
    desk.kith(&["jot", "Person1 Number1, Acme"]);
    assert!(desk.run(&["same"]).all().contains("Nobody looks like"));
    std::fs::write(desk.path("book.vcf"), address_book(3, "X-ODD:1")).unwrap();
    let told = desk.kith(&["import", "book.vcf", "--yes"]);
    assert!(told.contains("may be here already: Person1 Number1") && told.contains("`kith same` lists"), "{told}");
    let told = desk.kith(&["same"]);
    assert!(told.contains("the same name") && told.contains("kith not-same"), "{told}");
    let found = desk.json(&["same"]);
    assert_eq!((found["total"].as_u64(), found["pairs"][0]["why"].as_str()), (Some(1), Some("the same name")));
    let id = |who: &str| found["pairs"][0][who]["id"].as_str().unwrap().to_string();
    desk.kith(&["same", &id("a"), &id("b")]);
    assert_eq!(desk.json(&["same"])["total"], 0);
    assert_eq!(desk.run(&["same", "one"]).code, 2, "one name is too few");
}

#[test]
fn undo_says_who_of_an_import_stays_as_imports_undo_does() {
    let desk = Desk::new();
    std::fs::write(desk.path("book.vcf"), address_book(3, "X-ODD:1")).unwrap();
    desk.kith(&["import", "book.vcf", "--yes"]);
    desk.kith(&["jot", "Odd One !send the map"]);
    let said = desk.kith(&["undo"]);
    assert!(said.contains("book.vcf") && said.contains("Odd One stays: "), "{said}");
    assert_eq!(desk.json(&["people"])["total"], 1);
    std::fs::write(desk.path("more.vcf"), address_book(3, "X-ODD:2")).unwrap();
    desk.kith(&["import", "more.vcf", "--yes"]);
    assert!(desk.json(&["undo"])["undone"]["deleted"].as_u64().unwrap() > 0);
}

#[test]
fn a_damaged_file_is_told_with_the_way_out_and_the_way_out_works() {
    let desk = Desk::new();
    desk.kith(&["demo"]);
    let whole = std::fs::read(desk.path("notebook.kith")).unwrap();
    // Page 4: the index in which a record is looked up by its id.
    let mut damaged = whole.clone();
    damaged[3 * 4096..4 * 4096].fill(0xaa);
    std::fs::write(desk.path("damaged.kith"), damaged).unwrap();
    std::fs::write(desk.path("short.kith"), &whole[..whole.len() / 2]).unwrap();
    for file in ["damaged.kith", "short.kith"] {
        for command in ["people", "doctor"] {
            let said = desk.run(&["--notebook", file, command]);
            assert_eq!(said.code, 4, "{}", said.err);
            assert!(said.err.contains("--rescue-into") && said.err.contains("restore"), "{}", said.err);
        }
        let new = format!("{file}.rescued");
        desk.kith(&["--notebook", file, "doctor", "--rescue-into", &new]);
        assert_eq!(desk.json(&["--notebook", &new, "people"])["total"], 40, "{file}");
        assert!(desk.kith(&["--notebook", &new, "doctor"]).contains("The notebook is sound"));
    }
}

#[test]
fn a_promise_closed_by_mistake_is_open_again_with_all_that_came_of_it() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    desk.kith(&["meet", "dana", "--on", "yesterday"]);
    desk.kith(&["promise", "the price list", "--from", "dana", "--by", "2040-01-01"]);
    desk.kith(&["promise", "send her the guide", "--to", "dana", "--by", "2040-01-02"]);
    let said = desk.kith(&["keep", "1"]);
    assert!(said.contains("Kept: say thank you (to Dana Ruiz)"), "{said}");
    assert!(said.contains("1  send her the guide") && said.contains("2  the price list"), "what is left: {said}");
    assert!(desk.kith(&["show", "dana"]).contains("you gave once"));
    assert!(desk.kith(&["release", "price", "list", "--broken"]).contains("Broken: the price list (from Dana Ruiz)"));
    assert!(desk.kith(&["undo"]).contains("Open again: the price list (from Dana Ruiz)"));
    assert!(desk.kith(&["undo"]).contains("Open again: say thank you"));
    assert!(!desk.kith(&["show", "dana"]).contains("you gave once"), "the thank-you was none");
    let open = desk.json(&["keep"]);
    assert_eq!(open.as_array().unwrap().len(), 3);
    let id = open[1]["record"]["id"].as_str().unwrap();
    assert!(desk.kith(&["keep", &id[..8]]).contains("Kept: send her the guide"), "an id always works");
    assert_eq!(desk.json(&["undo"])["closed"]["promise"], id);
}

#[test]
fn what_was_prepared_for_a_meeting_is_on_the_page_of_today_and_of_the_person() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    let plan =
        ["--why-them", "knows Lyon", "--ask", "whom to meet?", "--offer", "the guide", "--outcome-wanted", "a name"];
    let when = ["--planned", "--on", "tomorrow", "--at", "9:30", "--place", "Hotel Bristol", "--mode", "video"];
    desk.kith(&[&["meet", "dana", "--kind", "coffee"], &plan[..], &when[..]].concat());
    for page in [desk.kith(&["today"]), desk.kith(&["show", "dana"])] {
        for words in ["09:30", "coffee", "video", "Hotel Bristol", "why them: knows Lyon", "ask: whom to meet?"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert!(page.contains("offer: the guide") && page.contains("outcome wanted: a name"), "{page}");
    }
}

#[test]
fn what_has_happened_happened_on_a_day_that_lies_behind() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    let weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    for day in weekdays {
        let said = desk.kith(&["meet", "dana", "--on", day]);
        assert!(said.contains("ago)") || said.contains("yesterday") || said.contains("today"), "{said}");
        assert!(!said.lines().next().unwrap_or_default().contains("(in "), "{said}");
    }
    assert!(desk.kith(&["give", "a book", "--to", "dana", "--on", "3 days ago"]).contains("a book"));
    for command in [
        &["meet", "dana", "--on", "tomorrow"] as &[&str],
        &["give", "x", "--to", "dana", "--on", "next week"],
        &["keep", "1", "--on", "in 3 days"],
    ] {
        let said = desk.run(command);
        assert_eq!(said.code, 2, "{command:?}");
        assert!(said.err.contains("--planned"), "{}", said.err);
    }
    let said = desk.run(&["meet", "dana", "--planned", "--on", "yesterday"]);
    assert!(said.code == 2 && said.err.contains("past"), "{}", said.err);
}

#[test]
fn the_day_is_that_of_the_zone_in_tz() {
    let desk = Desk::new();
    let day = |zone: &str| {
        Said::from(desk.command(&["today", "--json"]).env("TZ", zone).output().unwrap()).json()["day"].clone()
    };
    desk.kith(&["jot", "Dana Ruiz"]);
    // Twenty-five hours apart: never the same day.
    assert_ne!(day("Pacific/Kiritimati"), day(":Pacific/Niue"));
    assert_eq!(day("/usr/share/zoneinfo/Pacific/Kiritimati"), day("Pacific/Kiritimati"));
}

#[test]
fn a_person_deleted_on_one_device_comes_back_on_the_other() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    let shared = home.path("shared");
    std::fs::create_dir(&shared).unwrap();
    phone.kith(&["jot", "Dana Ruiz !lend her the atlas"]);
    phone.kith(&["jot", "D. Ruiz"]);
    phone.kith(&["same", "dana ruiz", "d ruiz"]);
    phone.kith(&["delete", "Ruiz"]);
    phone.lets_in(&laptop, shared.to_str().unwrap());
    assert_eq!(laptop.json(&["keep"]), Value::Array(vec![]), "nobody waits for what a deleted person was promised");
    assert!(!laptop.kith(&["today"]).contains("atlas"));
    assert_eq!(laptop.kith(&["undelete"]).lines().count(), 1, "one person, one line");
    assert!(laptop.kith(&["undelete", "Ruiz"]).contains("Ruiz"));
    assert_eq!(laptop.json(&["people"])["total"], 1, "one person, as before");
    assert!(laptop.kith(&["keep"]).contains("atlas"));
    assert_eq!(laptop.run(&["undelete", "Ruiz"]).code, 3);
}

#[test]
fn a_jot_offers_whom_it_may_be_and_says_what_it_did_not_read() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz, Acme"]);
    let hint = desk.kith(&["jot", "Dana !send her the list"]);
    assert!(hint.contains("the same as Dana Ruiz, Acme? (the same first name) kith same"), "{hint}");
    assert!(!desk.kith(&["jot", "Dana, Novabank"]).contains("first name"), "another company, another person");
    let said = desk.run(&["jot", "Ben Bauer !call him by 31 Feb"]);
    assert!(said.err.contains("\"by 31 Feb\" was not read as a day"), "{}", said.err);
    assert!(desk.run(&["jot", "-n", "Ben Bauer"]).err.contains("Nothing was written"));
}

#[test]
fn a_question_to_a_notebook_that_is_not_there_makes_none() {
    let desk = Desk::new();
    for question in [&["people"] as &[&str], &["keep"], &["export", "json"], &["backup", "b"], &["doctor"], &["undo"]] {
        let said = desk.run(&[&["--notebook", "deep/typo.kith"], question].concat());
        assert_eq!(said.code, 3, "{question:?}: {}", said.err);
        assert!(said.err.contains("typo.kith") && said.err.contains("begins one"), "{}", said.err);
    }
    assert_eq!(listed(&desk.folder), [""; 0], "no file, no folder");
    let said = Said::from(desk.command(&["people"]).env_remove("KITH_NOTEBOOK").output().unwrap());
    assert_eq!(said.code, 0, "this device's own notebook may be new: {}", said.err);
}

#[test]
fn an_edit_refuses_what_can_only_be_a_slip() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    for (slip, words) in
        [("name=", "name=?"), ("phone=abc", "no phone"), ("mail=notamail", "no mail"), ("mail+=x y@z", "no mail")]
    {
        let said = desk.run(&["edit", "dana", slip]);
        assert!(said.code == 2 && said.err.contains(words), "{slip}: {}", said.err);
    }
    desk.kith(&["edit", "dana", "phone=112 3", "mail=dana@localhost", "nickname="]);
    assert!(desk.kith(&["edit", "dana", "name=?"]).contains("someone met"));
}

#[test]
fn whom_a_card_names_is_found_in_any_address_book() {
    let desk = Desk::new();
    for line in ["Dana Ruiz, Acme", "Ann Mary Abt", "?, Blue Freight, driver", "Sting"] {
        desk.kith(&["jot", line]);
    }
    let cards = desk.kith(&["export", "vcard"]);
    for line in ["N:Ruiz;Dana;;;", "N:Abt;Ann Mary;;;", "FN:someone met on ", "N:;Sting;;;"] {
        assert!(cards.contains(line), "{line}: {cards}");
    }
    let other = Desk::new();
    std::fs::write(other.path("people.vcf"), cards).unwrap();
    other.kith(&["import", "people.vcf", "--yes"]);
    let dana = &other.json(&["show", "dana"])["contact"];
    assert_eq!((&dana["name"], &dana["family_name"]), (&Value::from("Dana Ruiz"), &Value::Null), "one name, as it was");
    let unnamed = &other.json(&["people"])["rows"];
    assert!(unnamed.as_array().unwrap().iter().any(|row| row["name"] == ""), "{unnamed}");
}

#[test]
fn a_slip_of_the_command_line_is_answered_with_the_next_step() {
    let desk = Desk::new();
    let said = desk.run(&["dana"]);
    assert!(said.code == 2 && said.err.contains("kith show dana"), "{}", said.err);
    desk.kith(&["jot", "Dana Ruiz"]);
    let said = desk.run(&["show", "nobody at all", "--json"]);
    let error: Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!((error["code"].as_i64(), said.code), (Some(3), 3));
    assert!(error["error"].as_str().unwrap().contains("nobody is called"));
    assert!(desk.kith(&["help"]).contains("It ends with 0"));
    let page = desk.kith(&["man", "jot"]);
    assert!(page.contains(".nf\nExamples:"), "tables of the manual stay tables: {page}");
    std::fs::write(desk.path("bad.kithbak"), b"KITHBAK1 and nothing more").unwrap();
    let said = desk.run(&["--notebook", "new.kith", "restore", "bad.kithbak"]);
    assert_eq!(said.err.matches("othing was changed").count(), 1, "{}", said.err);
}

#[test]
fn an_import_that_was_killed_half_way_is_taken_back_or_finished() {
    let desk = Desk::new();
    desk.kith(&["note", "so that the notebook is there"]);
    std::fs::write(desk.path("book.vcf"), address_book(4000, "X-ODD:1")).unwrap();
    let total = || desk.json(&["people"])["total"].as_u64().unwrap();
    let killed = || {
        let mut child = desk.command(&["import", "book.vcf", "--yes"]).stdout(Stdio::null()).spawn().unwrap();
        while total() == 0 && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        total()
    };
    assert!(killed() > 0);
    assert!(desk.kith(&["undo"]).contains("book.vcf"));
    assert_eq!(total(), 0);
    assert!(killed() > 0);
    desk.kith(&["import", "book.vcf", "--yes"]);
    assert_eq!(total(), 4001);
}

#[test]
fn a_relay_is_set_shown_and_forgotten_and_one_that_does_not_answer_is_not_taken() {
    let (desk, relay) = (Desk::new(), tests::relay::Operated::begin());
    assert!(desk.run(&["relay"]).err.contains("No relay."));
    assert_eq!(desk.json(&["relay"])["relay"], Value::Null);
    assert_eq!(desk.run(&["relay", "forget"]).code, 3, "there is none");
    for (typed, code, why) in [
        ("http://relay.example", 2, "not encrypted"),
        ("https://ann:secret@relay.example", 2, "must not hold"),
        ("http://127.0.0.1:1", 5, "cannot be reached now"),
    ] {
        let said = desk.run(&["relay", "set", typed]);
        assert!(said.code == code && said.err.contains(why) && !said.err.contains("secret"), "{}", said.err);
        let said = desk.run(&["relay", "set", typed, "--json"]);
        let failure: Value = serde_json::from_str(&said.err).unwrap();
        assert_eq!(failure["code"], code);
    }
    assert_eq!((desk.json(&["relay"])["relay"].clone(), relay.transcript().calls), (Value::Null, 0));
    assert_eq!(desk.json(&["relay", "set", &relay.url()])["id"], relay.url());
    assert_eq!(desk.kith(&["relay"]).trim(), relay.url());
    assert_eq!(desk.json(&["relay"])["relay"], relay.url());
    assert_eq!(desk.json(&["relay", "forget"])["id"], relay.url());
    assert_eq!(desk.json(&["relay"])["relay"], Value::Null);
}

#[test]
fn a_topic_or_a_spark_alone_is_kept_with_somebody_whose_name_is_not_known() {
    let desk = Desk::new();
    for line in ["#lyon", "*", "#lyon *"] {
        desk.kith(&["jot", line]);
    }
    assert_eq!(desk.json(&["people"])["total"], 3);
    assert!(desk.kith(&["export", "json"]).contains("lyon"));
}

#[test]
fn a_promise_reads_the_day_in_its_words_and_says_what_it_did_not_read() {
    let desk = Desk::new();
    desk.kith(&["jot", "Dana Ruiz"]);
    let said = desk.kith(&["promise", "call by 2040-11-20", "--to", "dana"]);
    assert!(said.contains("call — to Dana Ruiz, Tue 20 Nov 2040"), "{said}");
    let said = desk.kith(&["promise", "call by 2040-11-20", "--to", "dana", "--by", "2041-03-04"]);
    assert!(said.contains("call by 2040-11-20 — to Dana Ruiz, Mon 4 Mar 2041"), "{said}");
    let said = desk.run(&["promise", "write", "by", "Dec", "--to", "dana"]);
    assert!(said.out.contains("write by Dec — to Dana Ruiz."), "{}", said.out);
    assert!(said.err.contains("\"by Dec\" was not read as a day"), "{}", said.err);
}

#[test]
fn what_today_and_find_leave_out_is_counted_and_can_be_seen() {
    let desk = Desk::new();
    let late: Vec<String> = (0..25).map(|n| format!("Dana Ruiz !send list {n} by 2020-01-{:02}", n + 1)).collect();
    desk.typed(&["jot"], &(late.join("\n") + "\nDana Ruiz !the last one tomorrow\n"));
    let today = desk.kith(&["today"]);
    assert!(today.contains("and 6 more: kith today --all") && !today.contains("the last one"), "{today}");
    assert_eq!(desk.json(&["today"])["more"]["i_owe"], 6);
    let all = desk.kith(&["today", "--all"]);
    assert!(all.contains("the last one") && !all.contains("more:"), "{all}");
    assert_eq!(desk.json(&["today", "--all"])["more"]["i_owe"], 0);
    // With deleted people about, what waits for them is not counted.
    desk.kith(&["jot", "Ann Lee !send her the map by 2020-01-01"]);
    desk.kith(&["delete", "ann"]);
    assert_eq!(desk.json(&["today"])["more"]["i_owe"], 6);

    let lines: String = (0..35).map(|n| format!("Person{n} Number, Borealis\n")).collect();
    desk.typed(&["jot"], &lines);
    let found = desk.kith(&["find", "number"]);
    assert!(found.contains("and 5 more: kith find --all number"), "{found}");
    assert!(desk.run(&["find", "number", "--json"]).err.contains("and 5 more"));
    assert_eq!(desk.json(&["find", "--all", "number"]).as_array().unwrap().len(), 35);
    assert_eq!(desk.json(&["find", "number", "--limit", "7"]).as_array().unwrap().len(), 7);
}

#[test]
fn a_notebook_with_anything_in_it_is_not_called_empty() {
    let empty = "This notebook is empty";
    let begun: [&[&[&str]]; 4] = [
        &[&["note", "The chamber moves to Thursdays"]],
        &[&["event", "start", "Chamber breakfast"]],
        &[&["jot", "Dana Ruiz"], &["delete", "dana"]],
        &[&["need", "a quieter office"]],
    ];
    for steps in begun {
        let desk = Desk::new();
        assert!(desk.kith(&[]).contains(empty));
        steps.iter().for_each(|step| drop(desk.kith(step)));
        let said = desk.kith(&[]);
        assert!(!said.contains(empty), "after {steps:?}: {said}");
    }
}

#[test]
fn a_program_that_watches_takes_what_comes_into_a_folder_without_being_asked() {
    let home = Desk::new();
    let (phone, laptop) = (Desk::inside(&home.folder, "phone"), Desk::inside(&home.folder, "laptop"));
    let shared = home.path("shared");
    std::fs::create_dir(&shared).unwrap();
    phone.lets_in(&laptop, shared.to_str().unwrap());
    let watching = laptop.stays(&["sync", "--watch"]);
    watching.says("Listening on port");
    phone.kith(&["jot", DANA]);
    // Not on the network: what the laptop gets, it gets from the folder.
    phone.kith(&["sync", shared.to_str().unwrap()]);
    let written = Instant::now();
    watching.says("Received");
    // A mailbox of which nothing is heard is looked into once a minute.
    assert!(written.elapsed() < Duration::from_secs(45), "the folder was not watched: {:?}", written.elapsed());
    assert!(laptop.kith(&["people"]).contains("Dana Ruiz"));
}

#[test]
fn at_a_terminal_a_sync_shows_how_far_it_is_and_elsewhere_it_does_not() {
    let desk = Desk::new();
    let shared = desk.path("shared");
    std::fs::create_dir(&shared).unwrap();
    desk.kith(&["jot", DANA]);
    let sync = ["sync", shared.to_str().unwrap()];
    let shows = |said: &Said| {
        let all = said.all();
        let counts = |rest: &str| rest.trim_start_matches(char::is_numeric).starts_with(" files");
        all.split(" of ").skip(1).any(counts)
    };
    let Some(said) = desk.at_a("xterm", &sync, b"") else {
        eprintln!("skipped: at_a_terminal_a_sync_shows_how_far_it_is_and_elsewhere_it_does_not: there is no `script`");
        return;
    };
    assert!(said.code == 0 && shows(&said), "{}", said.out);
    let said = desk.run(&sync);
    assert!(said.code == 0 && !shows(&said), "{}{}", said.out, said.err);
}
