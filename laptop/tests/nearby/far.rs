//! Two computers that share no network meet at a relay, and nowhere else.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use tests::certificates::Authority;
use tests::relay::Operated;

use super::{Desk, Network, Watching, skip, two};

/// Two computers, each alone with itself.
const APART: &str = "
set -e
mount -t tmpfs none /run
mkdir /run/netns
for place in phone laptop; do
  ip netns add $place
  ip netns exec $place ip link set lo up
done
echo ready
read -r _
";

/// Under which address each of them knows the relay.
const RELAY: &str = "http://127.0.0.1:3340";

/// A relay that both computers can reach, and the doors through which they do.
fn relay_between(desks: [&Desk<'_>; 2], home: &Path) -> (Operated, [Watching; 2]) {
    let relay = Operated::begin();
    let doors = doors_to(&relay, desks, home);
    (relay, doors)
}

fn doors_to(relay: &Operated, desks: [&Desk<'_>; 2], home: &Path) -> [Watching; 2] {
    let socket = home.join("relay");
    relay.open_at(&socket);
    desks.map(|desk| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/nearby/door.py");
        let door = desk.through("python3", &[script, "3340", socket.to_str().unwrap()]);
        door.says("open");
        door
    })
}

fn has(program: &str) -> bool {
    std::process::Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The network, where it can be had and there is a Python to open doors with.
fn apart(test: &str) -> Option<Network> {
    if !has("python3") {
        skip(test, "there is no python3 here to open doors with");
        return None;
    }
    Network::of(test, APART)
}

#[test]
fn two_devices_that_share_no_network_sync_through_the_relay_whose_owner_learns_no_name() {
    let test = "two_devices_that_share_no_network_sync_through_the_relay_whose_owner_learns_no_name";
    let Some(network) = apart(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = two(&network, home.path());
    let (relay, _doors) = relay_between([&phone, &laptop], home.path());
    phone.kith(&["jot", "Zyxwella Quorbin, Plumbaline Ltd zyx@plumbaline.example #frobnicator"]);
    // Nobody said that there is a relay: nobody calls there.
    let watching = laptop.watch("0");
    assert_eq!(phone.run(&["sync"]).1, 3);
    assert_eq!(relay.transcript().calls, 0);
    watching.stop();
    for desk in [&phone, &laptop] {
        assert!(desk.kith(&["relay", "set", RELAY]).contains("Set it on each of them"));
    }
    let (said, code) = phone.run(&["sync"]);
    assert!(code == 3 && said.contains("or at the relay"), "nobody is there: {said}");
    let watching = laptop.watch("0");
    let began = Instant::now();
    let said = phone.kith(&["sync"]);
    println!("from nothing to done through the relay: {:?}", began.elapsed());
    assert!(said.contains("laptop has all that is new here"), "{said}");
    assert!(watching.says("Received").starts_with("phone"));
    watching.stop();
    assert_eq!(laptop.json(&["people"])["total"], 1);

    let passed = relay.transcript();
    println!("{} bytes passed the relay, in {} calls", passed.said.len() + passed.answered.len(), passed.calls);
    for word in ["zyxwella", "quorbin", "plumbaline", "frobnicator", "phone", "laptop"] {
        assert!(!passed.holds(word.as_bytes()), "{word} passed the relay in clear");
    }
    for desk in [&phone, &laptop] {
        let [device, endpoint, hpke] = desk.secrets().try_into().unwrap();
        assert!(
            passed.holds(&endpoint),
            "all that was said passed here, with the key by which {} is reached",
            desk.name
        );
        assert!(!passed.holds(&device[..8]) && !passed.holds(&hpke[..8]));
    }
}

#[test]
fn two_that_watch_pass_on_what_is_jotted_through_the_relay() {
    let test = "two_that_watch_pass_on_what_is_jotted_through_the_relay";
    let Some(network) = apart(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = two(&network, home.path());
    let (relay, _doors) = relay_between([&phone, &laptop], home.path());
    for desk in [&phone, &laptop] {
        desk.kith(&["relay", "set", RELAY]);
    }
    let (of_phone, of_laptop) = (phone.watch("0"), laptop.watch("0"));
    laptop.kith(&["jot", "Dana Ruiz, Acme"]);
    of_phone.says("laptop: Received");
    phone.kith(&["jot", "Ann Lee, Novabank"]);
    of_laptop.says("phone: Received");
    // One is killed in the middle of its life, and comes back: it calls by itself.
    drop(of_laptop);
    phone.kith(&["jot", "Ben Ode, Harbour"]);
    let of_laptop = laptop.watch("0");
    of_laptop.says("phone");
    of_laptop.stop();
    assert_eq!(laptop.json(&["people"])["total"], 3);
    // Ctrl-C does not wait for one that is not there.
    phone.kith(&["jot", "Cleo Roux, Port"]);
    std::thread::sleep(Duration::from_secs(2));
    let began = Instant::now();
    of_phone.stop();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // A relay that is gone is said; what is written is safe, and the relay can be forgotten.
    drop(relay);
    let (said, code) = phone.run(&["sync"]);
    assert!(code == 5 && said.contains(&format!("the relay {RELAY}")), "{said}");
    phone.kith(&["relay", "forget"]);
    assert_eq!(phone.run(&["sync"]).1, 3);
}

#[test]
fn who_is_nearby_is_met_there_whatever_became_of_the_relay() {
    let test = "who_is_nearby_is_met_there_whatever_became_of_the_relay";
    let Some(network) = apart(test).and_then(|_| Network::new(test)) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = two(&network, home.path());
    let (relay, _doors) = relay_between([&phone, &laptop], home.path());
    for desk in [&phone, &laptop] {
        desk.kith(&["relay", "set", RELAY]);
    }
    let watching = laptop.watch("0");
    phone.kith(&["jot", "Dana Ruiz, Acme"]);
    assert!(phone.kith(&["sync"]).contains("laptop has all that is new here"));
    // Whoever calls first remembers the address; on a busy computer that is the other one, or the relay was quicker.
    let known = phone.folder.join("state/kith/keys/addresses");
    for _ in 0..10 {
        if known.exists() {
            break;
        }
        phone.kith(&["sync"]);
    }
    let known = std::fs::read_to_string(known).unwrap();
    assert!(known.contains("10.77.0.2"), "it was reached on the network, not through the relay: {known}");
    drop(relay);
    phone.kith(&["jot", "Ann Lee, Novabank"]);
    let began = Instant::now();
    assert!(phone.kith(&["sync"]).contains("laptop has all that is new here"));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    watching.stop();
    assert_eq!(laptop.json(&["people"])["total"], 2);
}

#[test]
fn a_relay_shows_a_certificate_that_the_system_trusts_or_is_not_spoken_with() {
    let test = "a_relay_shows_a_certificate_that_the_system_trusts_or_is_not_spoken_with";
    let Some(network) = apart(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = two(&network, home.path());
    let authority = Authority::of("ours");
    let relay = Operated::showing(&authority.signs("127.0.0.1"));
    let _doors = doors_to(&relay, [&phone, &laptop], home.path());
    let (ours, others) = (home.path().join("ours"), home.path().join("others"));
    std::fs::write(&ours, authority.root).unwrap();
    std::fs::write(&others, Authority::of("others").root).unwrap();
    let trusting = |desk: &Desk<'_>, roots: &Path, arguments: &[&str]| {
        let output = desk.command(arguments).env("SSL_CERT_FILE", roots).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8_lossy(&said).into_owned(), output.status.code().unwrap_or(-1))
    };
    let address = RELAY.replace("http:", "https:");
    let (said, code) = trusting(&phone, &others, &["relay", "set", &address]);
    assert!(code == 2 && said.contains("does not trust the certificate of the relay"), "{said}");
    for desk in [&phone, &laptop] {
        let (said, code) = trusting(desk, &ours, &["relay", "set", &address]);
        assert_eq!(code, 0, "{said}");
    }
    phone.kith(&["jot", "Dana Ruiz, Acme"]);
    // The two sync at the same moment, each calling the other.
    let said = std::thread::scope(|scope| {
        let both = [&phone, &laptop].map(|desk| scope.spawn(|| trusting(desk, &ours, &["sync"])));
        both.map(|desk| desk.join().unwrap())
    });
    assert!(said.iter().all(|(_, code)| *code == 0), "{said:?}");
    assert_eq!(laptop.json(&["people"])["total"], 1);
    let (said, code) = trusting(&phone, &others, &["sync"]);
    assert!(code == 2 && said.contains("does not trust the certificate of the relay"), "{said}");
    assert!(!relay.transcript().holds(b"Host:"), "nothing was said in clear");
}

#[test]
fn with_a_relay_set_the_program_speaks_with_that_and_with_nobody_else() {
    let test = "with_a_relay_set_the_program_speaks_with_that_and_with_nobody_else";
    if !has("strace") {
        return skip(test, "there is no strace here to look at calls with");
    }
    let Some(network) = apart(test) else { return };
    let home = tempfile::tempdir().unwrap();
    let (phone, laptop) = two(&network, home.path());
    let (_relay, _doors) = relay_between([&phone, &laptop], home.path());
    for desk in [&phone, &laptop] {
        desk.kith(&["relay", "set", RELAY]);
    }
    let watching = laptop.watch("0");
    let calls = home.path().join("calls");
    let kith = env!("CARGO_BIN_EXE_kith");
    let looked_at = "trace=connect,sendto,sendmsg,sendmmsg";
    let sends = ["-f", "-yy", "-e", looked_at, "-o", calls.to_str().unwrap(), kith, "sync"];
    let said = phone.command_of("strace", &sends).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    watching.stop();
    let calls = std::fs::read_to_string(&calls).unwrap();
    let hosts: BTreeSet<String> = calls.lines().flat_map(hosts_of).collect();
    // The other device, too, is asked at the addresses it says it has; here both have only themselves.
    assert!(hosts.contains("127.0.0.1"), "{calls}");
    assert!(hosts.iter().all(|host| ["127.0.0.1", "::1"].contains(&host.as_str())), "{hosts:?} in {calls}");
}

/// To whom something is sent by a call of the system, as strace writes it.
fn hosts_of(line: &str) -> Vec<String> {
    // To name an address for a datagram sends none; so a program learns which network it would take.
    if line.contains(" connect(") && line.contains("<UDP") {
        return Vec::new();
    }
    let after = |before: &str, end: &str| Some(line.split_once(before)?.1.split_once(end)?.0.to_owned());
    let connected = after("->", "]>").and_then(|to| Some(to.rsplit_once(':')?.0.trim_matches(['[', ']']).to_owned()));
    [after("inet_addr(\"", "\""), after("inet_pton(AF_INET6, \"", "\""), connected].into_iter().flatten().collect()
}
