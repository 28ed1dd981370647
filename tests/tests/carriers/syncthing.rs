//! A folder on each of two devices that Syncthing carries to and fro: two real ones on loopback, that talk to nobody else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kith_core::Error;
use kith_core::sync::carrier::{Mailbox, Place, open, try_out};
use tests::Seeded;
use tests::seeds::seeds;

use super::blob;
use super::cutting::{Line, Proxy};
use super::notebooks::Two;
use super::servers::{Disk, Running, comes_true, free_port, program, skip};

const MOST: u64 = 1024 * 1024;
/// Two that missed each other, or dropped both of two lines, try again after a minute; that may happen twice.
const PATIENCE: Duration = Duration::from_secs(180);

/// One of the two.
struct Device {
    home: PathBuf,
    folder: PathBuf,
    id: String,
    port: u16,
    running: Option<Running>,
}

impl Device {
    fn new(parent: &Path, name: &str) -> Self {
        let (home, folder) = (parent.join(name), parent.join(format!("{name}-notes")));
        fs::create_dir_all(&home).unwrap();
        // Without this mark Syncthing takes the folder for a drive that is not plugged in.
        fs::create_dir_all(folder.join(".stfolder")).unwrap();
        let mut generate = syncthing(&home);
        generate.args(["generate", "--skip-port-probing", "--no-default-folder", "--home"]).arg(&home);
        assert!(generate.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
        let id = syncthing(&home).args(["--device-id", "--home"]).arg(&home).output().unwrap();
        let id = String::from_utf8(id.stdout).unwrap().trim().to_owned();
        Self { home, folder, id, port: free_port(), running: None }
    }

    fn run(&mut self, other: &Self) {
        self.run_and_call(other, other.port);
    }

    /// The same; the other one is called at this port.
    fn run_and_call(&mut self, other: &Self, at: u16) {
        let devices = format!(r#"<device id="{}"/><device id="{}"/>"#, self.id, other.id);
        let peer = |device: &Self, port: u16| {
            let id = &device.id;
            format!(r#"<device id="{id}" name="x"><address>tcp://127.0.0.1:{port}</address></device>"#)
        };
        let config = format!(
            r#"<configuration version="36">
              <folder id="notes" label="notes" path="{}" type="sendreceive" rescanIntervalS="3600"
                fsWatcherEnabled="true" fsWatcherDelayS="1">{devices}<minDiskFree unit="">0</minDiskFree>
                <pullerPauseS>1</pullerPauseS></folder>
              {}{}
              <gui enabled="true" tls="false"><address>127.0.0.1:{}</address><apikey>ours</apikey></gui>
              <options><listenAddress>tcp://127.0.0.1:{}</listenAddress>
                <globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>
                <relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><urAccepted>-1</urAccepted>
                <autoUpgradeIntervalH>0</autoUpgradeIntervalH><crashReportingEnabled>false</crashReportingEnabled>
                <reconnectionIntervalS>1</reconnectionIntervalS><startBrowser>false</startBrowser>
                <setLowPriority>false</setLowPriority></options>
            </configuration>"#,
            self.folder.display(),
            peer(self, self.port),
            peer(other, at),
            free_port(),
            self.port
        );
        fs::write(self.home.join("config.xml"), config).unwrap();
        let log = fs::File::create(self.home.join("log")).unwrap();
        let mut command = syncthing(&self.home);
        command.args(["serve", "--no-browser", "--no-restart", "--skip-port-probing", "--home"]).arg(&self.home);
        self.running = Some(Running::start(command.stdout(log.try_clone().unwrap()).stderr(log)));
    }

    fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill();
        }
    }

    fn mailbox(&self) -> Box<dyn Mailbox> {
        open(&Place::Folder { path: self.folder.clone() }, None).unwrap()
    }

    /// How many files of a notebook have come.
    fn files(&self) -> usize {
        self.mailbox().list().map_or(0, |items| items.len())
    }

    fn said(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }
}

fn syncthing(home: &Path) -> Command {
    let mut command = Command::new(program("syncthing").unwrap());
    command.env_clear().env("HOME", home).env("STNOUPGRADE", "1").env("STNODEFAULTFOLDER", "1");
    command
}

/// Two that do not run yet; `None`, said as skipped, when the program is missing.
fn two_of_them(test: &str, parent: &Path) -> Option<(Device, Device)> {
    if program("syncthing").is_none() {
        skip(test, "syncthing is missing; tests/run installs it where it may");
        return None;
    }
    Some((Device::new(parent, "laptop"), Device::new(parent, "phone")))
}

#[test]
fn what_syncthing_carries_arrives_whole_in_whatever_order() {
    let test = "what_syncthing_carries_arrives_whole_in_whatever_order";
    let parent = tempfile::tempdir().unwrap();
    let Some((mut laptop, mut phone)) = two_of_them(test, parent.path()) else { return };
    laptop.run(&phone);
    phone.run(&laptop);
    let (here, there) = (laptop.mailbox(), phone.mailbox());
    assert!(matches!(there.list(), Err(Error::NotFound(_))), "nothing came yet, which is not an empty mailbox");
    try_out(here.as_ref(), &[3; 16]).unwrap();

    let seed = seeds(0, 1)[0];
    let mut random = Seeded(seed);
    let mut put = Vec::new();
    for n in 0..60 {
        let size = 1 + random.below(100_000);
        put.push((format!("l/{}/{n:04}.kiths", n % 7), blob(&mut random, size)));
    }
    put.iter().for_each(|(name, bytes)| here.put_new(name, bytes).unwrap());
    until(&[&laptop, &phone], "all have arrived", || all_are_whole(there.as_ref(), &put));

    there.put_new("l/phone/1.kiths", b"from the phone").unwrap();
    until(&[&laptop, &phone], "the other way", || here.get("l/phone/1.kiths", MOST).unwrap().is_some());
    put.drain(..20).for_each(|(name, _)| here.delete(&name).unwrap());
    until(&[&laptop, &phone], "what was deleted is gone", || there.list().unwrap().len() == put.len() + 1);

    // The phone's Syncthing is killed while things arrive, and goes on later.
    let more: Vec<_> = (0..80).map(|n| (format!("l/more/{n:04}.kiths"), blob(&mut random, 50_000))).collect();
    more.iter().for_each(|(name, bytes)| here.put_new(name, bytes).unwrap());
    until(&[&laptop, &phone], "some have come", || {
        there.list().unwrap().iter().any(|item| item.name.starts_with("l/more/"))
    });
    phone.kill();
    for item in there.list().unwrap() {
        let known = put.iter().chain(&more).find(|(name, _)| *name == item.name);
        if let Some((name, bytes)) = known {
            assert_eq!(there.get(name, MOST).unwrap().as_ref(), Some(bytes), "seed {seed}");
        }
    }
    phone.run(&laptop);
    until(&[&laptop, &phone], "the rest has arrived", || all_are_whole(there.as_ref(), &more));
    until(&[&laptop, &phone], "all have arrived", || all_are_whole(there.as_ref(), &put));
    assert!(!phone.said().contains("panic"));
}

/// The phone lets the laptop in through the folder that the two carry, and both meet there.
fn pair(carried: [&Device; 2], two: &Two) {
    let [phone, laptop] = carried.map(Device::mailbox);
    try_out(phone.as_ref(), &[3; 16]).unwrap();
    two.lets_in([phone.as_ref(), laptop.as_ref()], |call| {
        until(&carried, "a step of letting the laptop in", || match call() {
            Ok(()) => true,
            Err(Error::NotFound(_)) => false,
            Err(error) => panic!("{error}"),
        });
    });
    meet(carried, two);
}

/// Both pass until all that was acknowledged is on both.
fn meet(carried: [&Device; 2], two: &Two) {
    let [phone, laptop] = carried.map(Device::mailbox);
    until(&carried, "both notebooks show the same", || {
        let passed = [two.pass(true, phone.as_ref()), two.pass(false, laptop.as_ref())];
        passed.into_iter().for_each(|passed| assert_eq!(passed.unwrap().twins, [""; 0]));
        two.are_alike()
    });
    two.hold_the_same();
}

#[test]
fn two_notebooks_meet_through_syncthing_whichever_of_the_two_is_killed() {
    let test = "two_notebooks_meet_through_syncthing_whichever_of_the_two_is_killed";
    let parent = tempfile::tempdir().unwrap();
    let Some((mut of_laptop, mut of_phone)) = two_of_them(test, parent.path()) else { return };
    of_laptop.run(&of_phone);
    of_phone.run(&of_laptop);
    let mut two = Two::new();
    pair([&of_phone, &of_laptop], &two);
    for from_phone in [true, false] {
        two.live();
        let (from, to) = if from_phone { (&of_phone, &of_laptop) } else { (&of_laptop, &of_phone) };
        let before = to.files();
        two.pass(from_phone, from.mailbox().as_ref()).unwrap();
        until(&[from, to], "some have come", || to.files() > before);
        if from_phone {
            of_laptop.kill()
        } else {
            of_phone.kill()
        };
        // What came until then is read, and the other one goes on writing meanwhile.
        let to = if from_phone { &of_laptop } else { &of_phone };
        two.pass(!from_phone, to.mailbox().as_ref()).unwrap();
        two.live();
        two.purge();
        if from_phone {
            of_laptop.run(&of_phone)
        } else {
            of_phone.run(&of_laptop)
        };
        meet([&of_phone, &of_laptop], &two);
    }
}

#[test]
fn two_notebooks_meet_through_syncthing_on_a_line_that_breaks() {
    let test = "two_notebooks_meet_through_syncthing_on_a_line_that_breaks";
    let parent = tempfile::tempdir().unwrap();
    let Some((mut of_laptop, mut of_phone)) = two_of_them(test, parent.path()) else { return };
    let mut two = Two::new();
    // The first lines break soon, whichever of the two calls; those after them hold.
    let lines = |two: &mut Two, port: u16| {
        let mut left: Vec<usize> = (0..3).map(|_| 20_000 + two.below(150_000)).collect();
        Proxy::before(port, move || match left.pop() {
            Some(most) => Line { up: most, down: most, hangs: false },
            None => Line { up: usize::MAX, down: usize::MAX, hangs: false },
        })
    };
    let (to_phone, to_laptop) = (lines(&mut two, of_phone.port), lines(&mut two, of_laptop.port));
    of_laptop.run_and_call(&of_phone, to_phone.port);
    of_phone.run_and_call(&of_laptop, to_laptop.port);
    two.live();
    pair([&of_phone, &of_laptop], &two);
    for _ in 0..4 {
        two.live();
        meet([&of_phone, &of_laptop], &two);
    }
    assert!(to_phone.exhausted() + to_laptop.exhausted() > 0, "seed {}: no line broke", two.seed);
}

#[test]
fn two_notebooks_meet_through_syncthing_on_a_disk_that_was_full() {
    let test = "two_notebooks_meet_through_syncthing_on_a_disk_that_was_full";
    let parent = tempfile::tempdir().unwrap();
    let Some((mut of_laptop, mut of_phone)) = two_of_them(test, parent.path()) else { return };
    let Some(disk) = Disk::mount(test, &of_laptop.folder, 1024) else { return };
    fs::create_dir(of_laptop.folder.join(".stfolder")).unwrap();
    of_laptop.run(&of_phone);
    of_phone.run(&of_laptop);
    let mut two = Two::new();
    pair([&of_phone, &of_laptop], &two);
    for _ in 0..12 {
        two.live();
        two.pass(true, of_phone.mailbox().as_ref()).unwrap();
    }
    let full = || of_laptop.said().contains("no space left on device");
    until(&[&of_phone, &of_laptop], "the laptop's disk is full", full);
    let error = two.pass(false, of_laptop.mailbox().as_ref()).unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)) && error.to_string().contains("full"), "{error}");
    two.live();
    two.pass(true, of_phone.mailbox().as_ref()).unwrap();
    disk.grow(64 * 1024);
    meet([&of_phone, &of_laptop], &two);
}

/// Waits, and says what the two said where it was in vain.
fn until(devices: &[&Device], what: &str, done: impl FnMut() -> bool) {
    let said = || devices.iter().map(|device| device.said()).collect::<Vec<_>>().join("\n");
    assert!(comes_true(PATIENCE, done), "after {PATIENCE:?} still not: {what}\n{}", said());
}

/// Whether all has arrived. Whatever shows under its name has to be the whole of it, also while others are missing.
fn all_are_whole(mailbox: &dyn Mailbox, wanted: &[(String, Vec<u8>)]) -> bool {
    let got = wanted.iter().filter(|(name, bytes)| match mailbox.get(name, MOST) {
        Ok(Some(got)) => {
            assert!(got == *bytes, "{name} is there with {} of {} bytes", got.len(), bytes.len());
            true
        }
        Ok(None) | Err(Error::NotFound(_)) => false,
        Err(error) => panic!("{error}"),
    });
    got.count() == wanted.len()
}
