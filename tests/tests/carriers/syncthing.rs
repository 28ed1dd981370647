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
use super::servers::{Running, comes_true, free_port, program, skip};

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
        let devices = format!(r#"<device id="{}"/><device id="{}"/>"#, self.id, other.id);
        let peer = |device: &Self| {
            let (id, port) = (&device.id, device.port);
            format!(r#"<device id="{id}" name="x"><address>tcp://127.0.0.1:{port}</address></device>"#)
        };
        let config = format!(
            r#"<configuration version="36">
              <folder id="notes" label="notes" path="{}" type="sendreceive" rescanIntervalS="3600"
                fsWatcherEnabled="true" fsWatcherDelayS="1">{devices}<minDiskFree unit="">0</minDiskFree></folder>
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
            peer(self),
            peer(other),
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

    fn said(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }
}

fn syncthing(home: &Path) -> Command {
    let mut command = Command::new(program("syncthing").unwrap());
    command.env_clear().env("HOME", home).env("STNOUPGRADE", "1").env("STNODEFAULTFOLDER", "1");
    command
}

#[test]
fn what_syncthing_carries_arrives_whole_in_whatever_order() {
    let test = "what_syncthing_carries_arrives_whole_in_whatever_order";
    if program("syncthing").is_none() {
        return skip(test, "syncthing is missing; tests/run installs it where it may");
    }
    let parent = tempfile::tempdir().unwrap();
    let (mut laptop, mut phone) = (Device::new(parent.path(), "laptop"), Device::new(parent.path(), "phone"));
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
