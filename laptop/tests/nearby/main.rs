//! Two computers on one network without internet find each other by themselves, through the real program; a third one on
//! the same network looks at every packet. In `far` they share no network, only a relay.
//!
//! The network is made of namespaces and needs no rights beyond those of a user; where the system forbids that, or has no
//! Python to look at packets with, the tests say so and count as skipped.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)] // a failure here fails the test
#![cfg(target_os = "linux")]

mod far;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kith_core::model::RecordId;
use kith_core::sync::hex;
use kith_core::sync::keys::{DeviceKeys, Secret};
use kith_core::sync::pairing::Code;
use serde_json::Value;
use tests::initials;

/// A bridge in a namespace of its own, and three computers on it, none of which knows a way out. Without `ageing_time 0`
/// the bridge would hide from the third what two others say to each other.
const NETWORK: &str = "
set -e
mount -t tmpfs none /run
mkdir /run/netns
for place in bridge phone laptop sniffer; do ip netns add $place; done
ip netns exec bridge ip link add br0 type bridge ageing_time 0 mcast_snooping 0
ip netns exec bridge ip link set br0 up
number=1
for place in phone laptop sniffer; do
  ip link add name net-$place netns $place type veth peer name to-$place netns bridge
  ip netns exec bridge ip link set to-$place master br0 up
  ip netns exec $place ip link set lo up
  [ $place = sniffer ] || ip netns exec $place ip address add 10.77.0.$number/24 dev net-$place
  ip netns exec $place ip link set net-$place up
  number=$((number + 1))
done
echo ready
read -r _
";

/// The network, as long as this is there.
struct Network {
    shell: Child,
}

impl Network {
    /// None, said as skipped, where it cannot be had.
    fn new(test: &str) -> Option<Self> {
        Self::of(test, NETWORK)
    }

    /// The same with a way out, which leads to the third computer: whatever is sent to anybody outside comes by there.
    fn with_a_way_out(test: &str) -> Option<Self> {
        let way_out = "ip netns exec sniffer ip address add 10.77.0.3/24 dev net-sniffer
for place in phone laptop; do ip netns exec $place ip route add default via 10.77.0.3; done
echo ready";
        Self::of(test, &NETWORK.replace("echo ready", way_out))
    }

    /// The same, made by other commands.
    fn of(test: &str, commands: &str) -> Option<Self> {
        let mut shell = Command::new("unshare")
            .args(["-rnm", "sh", "-c", commands])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(shell.stdout.take()?).read_line(&mut line).ok()?;
        let network = Self { shell };
        if line.trim() == "ready" {
            return Some(network);
        }
        skip(test, "this system lets nobody make a network of namespaces");
        None
    }

    /// A program on one of its computers.
    fn on(&self, place: &str, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.shell.id().to_string(), "-U", "-n", "-m", "--preserve-credentials"]);
        command.args(["ip", "netns", "exec", place, program]).stdin(Stdio::null());
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// One computer with the program.
struct Desk<'a> {
    network: &'a Network,
    name: &'static str,
    folder: PathBuf,
}

impl<'a> Desk<'a> {
    fn new(network: &'a Network, home: &Path, name: &'static str) -> Self {
        let folder = home.join(name);
        std::fs::create_dir(&folder).unwrap();
        Self { network, name, folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_kith"), arguments)
    }

    fn command_of(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.network.on(self.name, program);
        command.args(arguments).current_dir(&self.folder);
        command
            .env("KITH_KEYS", "file")
            .env("KITH_NOTEBOOK", self.folder.join("notebook.kith"))
            .env("KITH_DEVICE", self.name);
        for (name, folder) in [("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config")] {
            command.env(name, self.folder.join(folder));
        }
        command
    }

    /// What a command says, and its code.
    fn run(&self, arguments: &[&str]) -> (String, i32) {
        let output = self.command(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8_lossy(&said).into_owned(), output.status.code().unwrap_or(-1))
    }

    fn kith(&self, arguments: &[&str]) -> String {
        let (said, code) = self.run(arguments);
        assert_eq!(code, 0, "{}: kith {arguments:?}: {said}", self.name);
        said
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.kith(&[arguments, &["--json"]].concat());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    fn lets_in(&self, other: &Self, folder: &str) {
        let code = self.kith(&["invite", "--folder", folder, "--no-wait"]);
        let join = ["join", code.trim(), "--folder", folder, "--no-wait", "--join-with-my-notes"];
        other.kith(&join);
        self.kith(&["sync", "--no-near"]);
        let asked = other.json(&join);
        self.kith(&["invite", "--agree-to", asked["digits"].as_str().unwrap()]);
        other.kith(&["join"]);
    }

    /// Begins to watch, and waits until it listens.
    fn watch(&self, port: &str) -> Watching {
        let watching = self.through(env!("CARGO_BIN_EXE_kith"), &["sync", "--watch", "--port", port]);
        watching.says("Listening on port");
        watching
    }

    /// Begins something that stays, and listens to what it says.
    fn through(&self, program: &str, arguments: &[&str]) -> Watching {
        let mut command = self.command_of(program, arguments);
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (tell, said) = mpsc::channel();
        let out = program.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        Watching { program, said }
    }

    /// The keys by which the others know it.
    fn secrets(&self) -> Vec<[u8; 32]> {
        let seed = |name: &str| {
            let keys = std::fs::read_dir(self.folder.join("state/kith/keys")).unwrap().flatten();
            let file = keys.into_iter().find(|file| file.file_name().to_string_lossy().starts_with(name)).unwrap();
            Secret::new(std::fs::read(file.path()).unwrap().try_into().unwrap())
        };
        let public = DeviceKeys::from_seeds(&seed("endpoint-"), &seed("device-")).public();
        vec![public.device.0, public.endpoint, public.hpke]
    }
}

/// A program that stays, until this is dropped.
struct Watching {
    program: Child,
    said: mpsc::Receiver<String>,
}

impl Watching {
    fn says(&self, words: &str) -> String {
        let began = Instant::now();
        let mut all = String::new();
        while began.elapsed() < Duration::from_secs(20) {
            if let Ok(line) = self.said.recv_timeout(Duration::from_millis(200)) {
                if line.contains(words) {
                    return line;
                }
                all.push_str(&line);
            }
        }
        panic!("it never says {words:?}, but: {all}");
    }

    /// As Ctrl-C does.
    fn stop(mut self) {
        let pid = self.program.id().to_string();
        // `ip netns exec` and `nsenter` become the program itself, so it has their number.
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.says("Ended.");
        assert!(self.program.wait().unwrap().success());
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn skip(test: &str, reason: &str) {
    let _ = std::io::stderr().write_all(format!("\nskipped: {test}: {reason}\n").as_bytes());
}

/// Two computers that share a notebook and no folder any more.
fn two<'a>(network: &'a Network, home: &Path) -> (Desk<'a>, Desk<'a>) {
    let (phone, laptop) = (Desk::new(network, home, "phone"), Desk::new(network, home, "laptop"));
    let shared = home.join("shared");
    std::fs::create_dir(&shared).unwrap();
    phone.lets_in(&laptop, shared.to_str().unwrap());
    for desk in [&phone, &laptop] {
        desk.kith(&["mailbox", "forget", "1"]);
    }
    (phone, laptop)
}

#[test]
fn two_devices_without_internet_find_each_other_and_sync() {
    let test = "two_devices_without_internet_find_each_other_and_sync";
    let Some(network) = Network::new(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = two(&network, home.path());
    phone.kith(&["jot", "Dana Ruiz, Acme"]);
    let (said, code) = phone.run(&["sync"]);
    assert!(code == 3 && said.contains("kith sync --watch") && said.contains("hotspot"), "nobody is there: {said}");
    let watching = laptop.watch("0");
    let began = Instant::now();
    let said = phone.kith(&["sync"]);
    assert!(said.contains("laptop has all that is new here"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(watching.says("Received").starts_with("phone"));
    // The address is remembered now: nobody has to be looked for.
    laptop.kith(&["jot", "Ann Lee, Novabank"]);
    let began = Instant::now();
    assert!(phone.kith(&["sync"]).contains("Received"));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    watching.stop();
    assert_eq!(
        (phone.json(&["people"])["total"].clone(), laptop.json(&["people"])["total"].clone()),
        (2.into(), 2.into())
    );
}

#[test]
fn two_that_watch_meet_by_themselves_and_pass_on_what_is_jotted() {
    let test = "two_that_watch_meet_by_themselves_and_pass_on_what_is_jotted";
    let Some(network) = Network::new(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = two(&network, home.path());
    let (of_phone, of_laptop) = (phone.watch("0"), laptop.watch("40404"));
    laptop.kith(&["jot", "Dana Ruiz, Acme"]);
    of_phone.says("laptop: Received");
    phone.kith(&["jot", "Ann Lee, Novabank"]);
    of_laptop.says("phone: Received");
    // One is killed in the middle of its life, and comes back under another port: they find each other again.
    drop(of_laptop);
    phone.kith(&["jot", "Ben Ode, Harbour"]);
    let of_laptop = laptop.watch("0");
    of_laptop.says("phone: Received");
    of_laptop.stop();
    of_phone.stop();
    assert_eq!(laptop.json(&["people"])["total"], 3);
}

#[test]
fn two_that_sync_at_the_same_moment_meet() {
    let test = "two_that_sync_at_the_same_moment_meet";
    let Some(network) = Network::new(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = two(&network, home.path());
    phone.kith(&["jot", "Ann Lee, Novabank"]);
    laptop.kith(&["jot", "Ben Ruiz, Acme"]);
    let said = std::thread::scope(|scope| {
        let both = [&phone, &laptop].map(|desk| scope.spawn(|| desk.kith(&["sync"])));
        both.map(|desk| desk.join().unwrap())
    });
    assert!(said.iter().all(|said| said.contains("Received")), "{said:?}");
    for desk in [&phone, &laptop] {
        assert_eq!(desk.json(&["people"])["total"], 2, "{}", desk.name);
    }
}

#[test]
fn a_sync_that_is_killed_at_any_moment_is_taken_up_again() {
    let test = "a_sync_that_is_killed_at_any_moment_is_taken_up_again";
    let Some(network) = Network::new(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = two(&network, home.path());
    let watching = laptop.watch("40404");
    let at = ["sync", "--at", "10.77.0.2:40404"];
    let kills = std::env::var("KITH_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(20);
    let (mut people, mut early) = (0, 0);
    for wait in (0..kills).map(|kill| kill * 120 / kills) {
        for name in ["Ann", "Ben"] {
            people += 1;
            phone.kith(&["jot", &format!("{name}{people} Lee, Novabank !call them")]);
            people += 1;
            laptop.kith(&["jot", &format!("{name}{people} Ruiz, Acme ?a warehouse")]);
        }
        let mut syncing = phone.command(&at).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        early += u64::from(syncing.try_wait().unwrap().is_none());
        let _ = syncing.kill();
        let _ = syncing.wait();
    }
    println!("{kills} kills, {early} of them before the end");
    let began = Instant::now();
    // While it finds out that those that were killed are gone, it may be busy, and says so.
    let (mut said, mut code) = phone.run(&at);
    while code == 5 && said.contains("busy") && began.elapsed() < Duration::from_secs(12) {
        (said, code) = phone.run(&at);
    }
    assert_eq!(code, 0, "{said}");
    assert!(began.elapsed() < Duration::from_secs(12), "those that were killed hold nobody up: {:?}", began.elapsed());
    let began = Instant::now();
    watching.stop();
    assert!(began.elapsed() < Duration::from_secs(5), "nor the end: {:?}", began.elapsed());
    for desk in [&phone, &laptop] {
        assert_eq!(desk.json(&["people"])["total"], people, "{}", desk.name);
        assert!(!desk.kith(&["doctor"]).contains("damaged"));
    }
    let records = |desk: &Desk| -> Vec<String> {
        desk.kith(&["export", "json"]).lines().filter(|line| line.contains("\"record\"")).map(str::to_owned).collect()
    };
    let all = records(&phone);
    assert!(all.len() >= people && all == records(&laptop), "both hold the same");
}

#[test]
fn an_address_can_be_typed_and_a_removed_device_is_told_so() {
    let test = "an_address_can_be_typed_and_a_removed_device_is_told_so";
    let Some(network) = Network::new(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = two(&network, home.path());
    laptop.kith(&["jot", "Dana Ruiz, Acme"]);
    let watching = laptop.watch("40404");
    assert!(phone.kith(&["sync", "--at", "10.77.0.2:40404"]).contains("Received"));
    assert_eq!(phone.run(&["sync", "--at", "10.77.0.2"]).1, 2, "without a port it is no address");
    assert_eq!(phone.run(&["sync", "--at", "10.77.0.2:40405"]).1, 3, "nobody is there");
    laptop.kith(&["devices", "remove", "phone", "--yes"]);
    std::thread::sleep(Duration::from_millis(1500));
    let (said, code) = phone.run(&["sync", "--at", "10.77.0.2:40404"]);
    assert!(code == 4 && said.contains("was removed"), "{said}");
    watching.stop();
}

#[test]
fn a_notebook_put_back_from_before_a_removal_opens_no_door_until_it_has_heard_of_it() {
    let test = "a_notebook_put_back_from_before_a_removal_opens_no_door_until_it_has_heard_of_it";
    let Some(network) = Network::new(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = two(&network, home.path());
    let (file, copy) = (phone.folder.join("notebook.kith"), phone.folder.join("copy.kith"));
    std::fs::copy(&file, &copy).unwrap();
    phone.kith(&["devices", "remove", "laptop", "--yes"]);
    let shared = home.path().join("shared");
    phone.kith(&["sync", shared.to_str().unwrap()]);
    std::fs::rename(&copy, &file).unwrap();
    phone.run(&["mailbox", "forget", "1"]);
    phone.kith(&["jot", "Secret Sam, Harbour"]);
    let watching = laptop.watch("40404");
    for command in [&["sync"][..], &["sync", "--watch"], &["sync", "--at", "10.77.0.2:40404"]] {
        let (said, code) = phone.run(command);
        assert!(code == 4 && said.contains("older copy") && said.contains("mailbox"), "{command:?}: {said}");
    }
    watching.stop();
    assert_eq!(laptop.json(&["people"])["total"], 0);
    // The folder knows who was removed: from then on it is sent away.
    phone.kith(&["sync", shared.to_str().unwrap()]);
    let watching = phone.watch("40404");
    let (said, code) = laptop.run(&["sync", "--at", "10.77.0.1:40404"]);
    assert!(code == 4 && said.contains("was removed"), "{said}");
    watching.stop();
    assert_eq!(laptop.json(&["people"])["total"], 0);
}

#[test]
fn a_device_is_let_in_on_the_network_by_the_digits_both_show() {
    let test = "a_device_is_let_in_on_the_network_by_the_digits_both_show";
    let Some(network) = Network::new(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = (Desk::new(&network, home.path(), "phone"), Desk::new(&network, home.path(), "laptop"));
    phone.kith(&["jot", "Dana Ruiz, Acme"]);
    laptop.kith(&["jot", "Ann Lee, Novabank"]);
    assert_eq!(phone.run(&["invite", "--near"]).1, 2, "nobody is there to compare digits");
    // `script` is the terminal at which somebody sits.
    let kith = format!("{} invite --near", env!("CARGO_BIN_EXE_kith"));
    let mut inviting = phone.through("script", &["-qefc", &kith, "/dev/null"]);
    let mut answers = inviting.program.stdin.take().unwrap();
    let code = inviting.says("KITHJ-").trim().to_string();
    let wrong = laptop.run(&["join", &code.replace("KITHJ-", "KITHJ-0"), "--near", "--join-with-my-notes"]);
    assert_eq!(wrong.1, 2, "{}", wrong.0);
    let mut joining = laptop.through(env!("CARGO_BIN_EXE_kith"), &["join", &code, "--join-with-my-notes"]);
    assert!(joining.says("Host:").contains("phone"), "whose notebook it is comes first");
    let digits: String = joining.says("Digits:").chars().filter(char::is_ascii_digit).collect();
    let asked: String = inviting.says("these digits").chars().filter(char::is_ascii_digit).collect();
    assert_eq!(asked, digits, "both show the same");
    answers.write_all(b"y\n").unwrap();
    joining.says("phone let this device in");
    inviting.says("laptop has what is here");
    assert!(joining.program.wait().unwrap().success() && inviting.program.wait().unwrap().success());
    for desk in [&phone, &laptop] {
        assert_eq!(desk.json(&["people"])["total"], 2, "{}", desk.name);
        assert_eq!(desk.json(&["devices"]).as_array().unwrap().len(), 2);
    }
    let watching = laptop.watch("0");
    assert!(phone.kith(&["sync"]).starts_with("laptop"));
    watching.stop();
}

#[test]
fn a_no_on_the_new_device_leaves_both_as_they_were_and_the_code_is_forgotten() {
    let test = "a_no_on_the_new_device_leaves_both_as_they_were_and_the_code_is_forgotten";
    let Some(network) = Network::new(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = (Desk::new(&network, home.path(), "phone"), Desk::new(&network, home.path(), "laptop"));
    phone.kith(&["jot", "Dana Ruiz, Acme"]);
    laptop.kith(&["jot", "Ann Lee, Novabank"]);
    let at_a_terminal = |desk: &Desk, arguments: &str| {
        desk.through("script", &["-qefc", &format!("{} {arguments}", env!("CARGO_BIN_EXE_kith")), "/dev/null"])
    };
    let invited = phone.folder.join("state/kith/keys/invited");
    let mut inviting = at_a_terminal(&phone, "invite --near");
    let mut at_phone = inviting.program.stdin.take().unwrap();
    let code = inviting.says("KITHJ-").trim().to_string();
    assert!(invited.exists());
    inviting.says("within 120 seconds");
    let mut joining = at_a_terminal(&laptop, &format!("join {code} --near"));
    let mut at_laptop = joining.program.stdin.take().unwrap();
    assert!(joining.says("Host:").contains("phone"));
    let digits: String = joining.says("Digits:").chars().filter(char::is_ascii_digit).collect();
    let asked: String = inviting.says("these digits").chars().filter(char::is_ascii_digit).collect();
    assert!(digits.contains(&asked) && asked.len() == 6, "{digits} {asked}");
    at_phone.write_all(b"y\n").unwrap();
    // Yes, it is the phone; but what is here is not to be added.
    at_laptop.write_all(b"y\nno\n").unwrap();
    joining.says("nothing was joined");
    inviting.says("laptop said no");
    assert!(!joining.program.wait().unwrap().success() && !inviting.program.wait().unwrap().success());
    assert!(!invited.exists(), "the code is forgotten");
    for desk in [&phone, &laptop] {
        assert_eq!(desk.json(&["people"])["total"], 1, "{}", desk.name);
    }
    assert_eq!(laptop.json(&["devices"]).as_array().unwrap().len(), 0);
    assert_eq!(phone.json(&["devices"]).as_array().unwrap().len(), 1);
    // So it is when somebody ends the waiting.
    let mut inviting = at_a_terminal(&phone, "invite --near");
    let mut at_phone = inviting.program.stdin.take().unwrap();
    inviting.says("within 120 seconds");
    at_phone.write_all(&[3]).unwrap();
    let _ = inviting.program.wait().unwrap();
    assert!(!invited.exists(), "the code is forgotten");
}

/// A third computer that looks at every packet.
struct Sniffer {
    program: Child,
    file: PathBuf,
}

impl Sniffer {
    /// None, said as skipped, where there is nothing to look at packets with.
    fn begin(network: &Network, test: &str, home: &Path) -> Option<Self> {
        let file = home.join("packets");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/nearby/sniffer.py");
        let mut program = network
            .on("sniffer", "python3")
            .args([script, "net-sniffer", file.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.trim() == "listening" {
            return Some(Self { program, file });
        }
        let _ = program.wait();
        skip(test, "there is no python3 here to look at packets with");
        None
    }

    /// All that it heard.
    fn heard(mut self) -> Heard {
        std::thread::sleep(Duration::from_millis(300));
        let _ = self.program.kill();
        let _ = self.program.wait();
        Heard { all: std::fs::read(&self.file).unwrap() }
    }
}

/// The two computers that speak on this network.
const SPEAKING: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 2)];

/// What the sniffer heard.
struct Heard {
    all: Vec<u8>,
}

impl Heard {
    /// The first packets of connections, which everybody can open.
    fn opened(&self) -> Vec<Vec<u8>> {
        initials::opened(packets(&self.all).into_iter().filter_map(datagram))
    }

    /// The two spoke with each other, and none of these stands in what they said: in no record that was shown, no packet,
    /// and nothing that everybody can open.
    fn holds_none_of(&self, words: &[Vec<u8>]) {
        let packets = packets(&self.all);
        let between = packets
            .iter()
            .filter(|packet| destination(packet).is_some_and(|to| SPEAKING.map(IpAddr::from).contains(&to)))
            .count();
        assert!(between > 8, "the sniffer saw what the two say to each other: {between} of {} packets", packets.len());
        let opened = self.opened();
        let is_greeting = |opened: &Vec<u8>| opened.windows(5).any(|part| part == b"kith/");
        assert!(opened.iter().any(is_greeting), "the first packets were opened: {} of them", opened.len());
        for word in words {
            let is_in = |all: &[u8]| all.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
            let shown = String::from_utf8_lossy(word);
            assert!(!is_in(&self.all), "{shown:?} was on the network");
            assert!(!opened.iter().any(|opened| is_in(opened)), "{shown:?} was in a first packet");
        }
    }

    /// How many packets went there; they are heard no more.
    fn takes_out_those_to(&mut self, host: Ipv4Addr) -> usize {
        let is_other = |packet: &&[u8]| destination(packet) != Some(IpAddr::from(host));
        let all = packets(&self.all);
        let others: Vec<&[u8]> = all.iter().copied().filter(is_other).collect();
        let taken = all.len() - others.len();
        let written = others.iter().flat_map(|packet| [&(packet.len() as u32).to_be_bytes()[..], packet].concat());
        self.all = written.collect();
        taken
    }

    /// No packet went to anybody else.
    fn is_said_to_nobody_else(&self) {
        for to in packets(&self.all).into_iter().filter_map(destination) {
            let is_here = match to {
                IpAddr::V4(ip) => (ip.is_multicast() && ip.octets()[..3] == [224, 0, 0]) || SPEAKING.contains(&ip),
                // The system itself speaks to its neighbours.
                IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.segments()[0] == 0xff02,
            };
            assert!(is_here, "a packet to {to}, whom nobody named");
        }
    }
}

/// By what these devices and their notebook could be known, beside names.
fn identities(desks: [&Desk; 2]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    for key in desks.iter().flat_map(|desk| desk.secrets()) {
        words.extend([key.to_vec(), key[..8].to_vec(), hex(&key[..6]).into_bytes()]);
    }
    let files = std::fs::read_dir(desks[0].folder.join("state/kith/keys")).unwrap().flatten();
    let tag = files.filter_map(|file| file.file_name().to_str()?.strip_prefix("ring-").map(str::to_owned)).next();
    words.push(tag.unwrap().as_bytes()[..12].to_vec());
    words
}

fn named(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn who_listens_on_the_network_learns_no_name_and_no_identity() {
    let test = "who_listens_on_the_network_learns_no_name_and_no_identity";
    let Some(network) = Network::with_a_way_out(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let Some(sniffer) = Sniffer::begin(&network, test, home.path()) else { return };
    let (phone, laptop) = two(&network, home.path());
    phone.kith(&["jot", "Zyxwella Quorbin, Plumbaline Ltd zyx@plumbaline.example #frobnicator"]);
    let planted = planted_on(&phone);
    assert_eq!(planted.len(), 1000);
    let watching = laptop.watch("0");
    phone.kith(&["sync"]);
    watching.says("Received");
    watching.stop();
    assert_eq!(laptop.json(&["people"])["total"], 251, "all of it was said");
    // What goes out is seen, were there any: this asks somebody outside.
    let outside = Ipv4Addr::new(192, 0, 2, 1);
    let asks =
        format!("import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'?', ('{outside}', 9))");
    assert!(phone.command_of("python3", &["-c", &asks]).status().unwrap().success());
    let mut heard = sniffer.heard();
    assert_eq!(heard.takes_out_those_to(outside), 1);
    let names = named(&["zyxwella", "quorbin", "plumbaline", "frobnicator", "phone", "laptop"]);
    heard.holds_none_of(&[names, identities([&phone, &laptop])].concat());
    let is_planted = |part: &[u8]| planted.contains(&part.to_ascii_lowercase()) || planted.contains(part);
    let parts = heard.opened().into_iter().chain([heard.all.clone()]);
    assert!(!parts.into_iter().any(|all| all.windows(PART).any(is_planted)), "a planted word was on the network");
    heard.is_said_to_nobody_else();
}

/// How much of a planted word is looked for.
const PART: usize = 10;

/// The beginnings of the names, mail addresses and ids, in digits and as they are, of 250 people that this desk takes in.
fn planted_on(desk: &Desk) -> HashSet<Vec<u8>> {
    let mut random = tests::Seeded(1000);
    let mut word = || -> String { (0..12).map(|_| char::from(b'a' + random.below(26) as u8)).collect() };
    let drawn: Vec<(String, String)> = (0..250).map(|_| (word(), word())).collect();
    let card = |(name, mail): &(String, String)| {
        format!("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\nEMAIL:{mail}@mail.example\r\nEND:VCARD\r\n")
    };
    let file = desk.folder.join("people.vcf");
    std::fs::write(&file, drawn.iter().map(card).collect::<String>()).unwrap();
    desk.kith(&["import", file.to_str().unwrap(), "--yes"]);
    let people = desk.json(&["people"]);
    let imported = |name: &str| drawn.iter().any(|(drawn, _)| drawn == name);
    let rows = people["rows"].as_array().unwrap().iter().filter(|row| imported(row["name"].as_str().unwrap()));
    let ids: Vec<RecordId> = rows.map(|row| row["id"].as_str().unwrap().parse().unwrap()).collect();
    let words = drawn.iter().flat_map(|(name, mail)| [name, mail]).map(|word| word.as_bytes().to_vec());
    let ids = ids.iter().flat_map(|id| [id.to_string().into_bytes(), id.0.to_vec()]);
    words.chain(ids).map(|bytes| bytes[..PART].to_vec()).collect()
}

#[test]
fn who_listens_while_two_pair_learns_no_name_no_identity_and_no_code() {
    pair_while_somebody_listens("who_listens_while_two_pair_learns_no_name_no_identity_and_no_code", false);
}

#[test]
fn who_listens_while_two_pair_at_an_address_learns_no_more() {
    pair_while_somebody_listens("who_listens_while_two_pair_at_an_address_learns_no_more", true);
}

/// The laptop is let in by the phone, which it looks for or calls at its address.
fn pair_while_somebody_listens(test: &str, at_an_address: bool) {
    let Some(network) = Network::with_a_way_out(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let Some(sniffer) = Sniffer::begin(&network, test, home.path()) else { return };
    let (phone, laptop) = (Desk::new(&network, home.path(), "phone"), Desk::new(&network, home.path(), "laptop"));
    phone.kith(&["jot", "Zyxwella Quorbin, Plumbaline Ltd zyx@plumbaline.example #frobnicator"]);
    laptop.kith(&["jot", "Brindlewick Osmarra, Quenchfield"]);
    let kith = format!("{} invite --near", env!("CARGO_BIN_EXE_kith"));
    let mut inviting = phone.through("script", &["-qefc", &kith, "/dev/null"]);
    let mut answers = inviting.program.stdin.take().unwrap();
    let code = inviting.says("KITHJ-").trim().to_string();
    let port: String =
        inviting.says("port ").rsplit("port ").next().unwrap().chars().take_while(char::is_ascii_digit).collect();
    let at = format!("10.77.0.1:{port}");
    let mut join = vec!["join", &code, "--near", "--join-with-my-notes"];
    if at_an_address {
        join.extend(["--at", &at]);
    }
    let mut joining = laptop.through(env!("CARGO_BIN_EXE_kith"), &join);
    let digits: String = joining.says("Digits:").chars().filter(char::is_ascii_digit).collect();
    inviting.says("these digits");
    answers.write_all(b"y\n").unwrap();
    joining.says("phone let this device in");
    inviting.says("laptop has what is here");
    assert!(joining.program.wait().unwrap().success() && inviting.program.wait().unwrap().success());
    let heard = sniffer.heard();
    assert_eq!(laptop.json(&["people"])["total"], 2);

    let mut words =
        named(&["zyxwella", "quorbin", "plumbaline", "frobnicator", "brindlewick", "osmarra", "quenchfield"]);
    words.extend(named(&["phone", "laptop", &digits]));
    words.extend(identities([&phone, &laptop]));
    // The code as it is typed and as it is, and the keys that follow from it.
    let groups: Vec<&str> = code.split('-').skip(1).collect();
    words.extend(groups.windows(2).flat_map(|pair| [pair.join("-").into_bytes(), pair.concat().into_bytes()]));
    let code = Code::parse(&code).unwrap();
    words.extend(code.bytes().chunks(8).flat_map(|part| [part.to_vec(), hex(&part[..6]).into_bytes()]));
    words.push(code.file_stem().trim_start_matches("j/").as_bytes()[..12].to_vec());
    for key in code.endpoint_keys() {
        let key = key.verifying_key().to_bytes();
        words.extend([key[..8].to_vec(), hex(&key[..6]).into_bytes()]);
    }
    heard.holds_none_of(&words);
    heard.is_said_to_nobody_else();
    let pairs = |opened: &Vec<u8>| opened.windows(11).any(|part| part == b"kith/pair/1");
    assert!(heard.opened().iter().any(pairs), "that somebody pairs is seen");
}

/// The packets in a file of the sniffer.
fn packets(mut file: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    while let Some((length, rest)) = file.split_first_chunk::<4>() {
        let Some((packet, rest)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) else { break };
        packets.push(packet);
        file = rest;
    }
    packets
}

/// What is in an Ethernet frame with a datagram in it.
fn datagram(packet: &[u8]) -> Option<&[u8]> {
    let ip = packet.get(14..).filter(|_| packet[12..14] == [0x08, 0x00])?;
    let udp = ip.get(4 * usize::from(ip.first()? & 15)..).filter(|_| ip.get(9) == Some(&17))?;
    udp.get(8..)
}

/// To whom an Ethernet frame with IP in it goes.
fn destination(packet: &[u8]) -> Option<IpAddr> {
    match packet.get(12..14)? {
        [0x08, 0x00] => Some(Ipv4Addr::from(*packet.get(30..)?.first_chunk::<4>()?).into()),
        [0x86, 0xdd] => Some(Ipv6Addr::from(*packet.get(38..)?.first_chunk::<16>()?).into()),
        _ => None,
    }
}
