//! Real servers for the mailboxes, each with a configuration of its own below a temporary folder, on loopback, gone when
//! dropped. Which programs there are is `tests/prepare`'s matter; a test without its program says so and is skipped.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kith_core::sync::carrier::{Mailbox, Place, open};
use tests::certificates::Shown;

pub(crate) const USER: &str = "ann";
pub(crate) const SECRET: &str = "a long way to Lyon";

/// The servers a remote mailbox is tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// WebDAV as it should be: Apache with mod_dav.
    Apache,
    /// WebDAV that keeps half an upload under its final name: rclone.
    Rclone,
    /// S3: versitygw, on a folder.
    Versity,
}

/// Where Debian has it, or where `tests/prepare` built it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map(|target| target.join("tools/bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]).chain(built);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Says that a test is skipped, past the capture of the test runner, in the words that `tests/run` counts.
pub(crate) fn skip(test: &str, reason: &str) {
    let _ = std::io::stderr().write_all(format!("\nskipped: {test}: {reason}\n").as_bytes());
}

/// Waits for something that has to come true, and looks often.
pub(crate) fn until(what: &str, done: impl FnMut() -> bool) {
    assert!(comes_true(Duration::from_secs(60), done), "after a minute still not: {what}");
}

/// Whether something comes true within this time.
pub(crate) fn comes_true(within: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !done() {
        if begun.elapsed() > within {
            return false;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    true
}

/// A port that nobody has at this moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A program with all it starts, ended without a goodbye when dropped.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).process_group(0).spawn().unwrap())
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Ends the whole group and waits until none of it is left.
    pub(crate) fn kill(mut self) {
        self.end();
        until("the programs of a server are gone", || !self.signal("-0 -"));
    }

    fn end(&mut self) {
        if !self.has_ended() || self.signal("-0 -") {
            self.signal("-s KILL -- -");
            let _ = self.0.wait();
        }
    }

    /// `kill` with these words before the number of the group, in the one form that every shell understands.
    fn signal(&self, how: &str) -> bool {
        let line = format!("kill {how}{}", self.0.id());
        Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// One server with its data.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    home: PathBuf,
    data: PathBuf,
    running: Option<Running>,
    /// Whether it has a certificate.
    encrypted: bool,
    /// A disk of its own, or nothing.
    disk: Option<Disk>,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts one; `None`, said as skipped, when its program is missing.
    pub(crate) fn start(test: &str, kind: Kind) -> Option<Self> {
        Self::start_on(test, kind, None)
    }

    /// Starts one on WebDAV with this certificate.
    pub(crate) fn start_showing(test: &str, kind: Kind, shown: &Shown) -> Option<Self> {
        let mut server = Self::start(test, kind)?;
        server.encrypted = true;
        server.show(shown);
        Some(server)
    }

    /// Starts it again with another certificate.
    pub(crate) fn show(&mut self, shown: &Shown) {
        self.kill();
        fs::write(self.home.join("cert"), &shown.certificate).unwrap();
        fs::write(self.home.join("key"), &shown.key).unwrap();
        self.restart();
    }

    /// Starts one on a disk of so many kilobytes; `None`, said as skipped, when a disk cannot be had.
    pub(crate) fn start_on(test: &str, kind: Kind, kilobytes: Option<u32>) -> Option<Self> {
        if let Some(missing) = kind.programs().iter().find(|name| program(name).is_none()) {
            skip(test, &format!("{missing} is missing; tests/run installs it where it may"));
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (home, data) = (folder.path().join("home"), folder.path().join("data"));
        for path in [folder.path(), &home, &data] {
            fs::create_dir_all(path).unwrap();
            // Apache gives up being root and has to find its way.
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        let disk = match kilobytes {
            Some(kilobytes) => Some(Disk::mount(test, &data, kilobytes)?),
            None => None,
        };
        let place = data.join("notes");
        fs::create_dir_all(&place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).unwrap();
        let mut server = Self { kind, port: 0, home, data, running: None, encrypted: false, disk, _folder: folder };
        for _ in 0..3 {
            server.port = free_port();
            if server.run() {
                return Some(server);
            }
        }
        panic!("{kind:?} does not start; it said: {}", server.said());
    }

    /// Fills its disk with something else, up to so many bytes.
    pub(crate) fn leave_room_for(&self, bytes: usize) {
        fill(&self.data, bytes);
    }

    /// Makes its disk larger.
    pub(crate) fn grow(&self, kilobytes: u32) {
        self.disk.as_ref().unwrap().grow(kilobytes);
    }

    /// Whether a notebook lies there.
    pub(crate) fn is_visited(&self) -> bool {
        self.data.join("notes/kith/KITH.txt").is_file()
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self) {
        assert!(self.run(), "{:?} does not start again; it said: {}", self.kind, self.said());
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill();
        }
    }

    /// The place as a person would enter it, at this port: the server's own or one in front of it.
    pub(crate) fn place(&self, port: u16) -> Place {
        let origin = format!("{}://127.0.0.1:{port}", if self.encrypted { "https" } else { "http" });
        match self.kind {
            Kind::Apache => self.dav(format!("{origin}/notes")),
            Kind::Rclone => self.dav(format!("{origin}/notes/")),
            Kind::Versity => Place::S3 {
                endpoint: origin,
                bucket: "notes".into(),
                region: String::new(),
                prefix: "ours".into(),
                access_key: USER.into(),
                plain_http: false,
            },
        }
    }

    fn dav(&self, url: String) -> Place {
        Place::WebDav { url, user: USER.into(), plain_http: false }
    }

    /// A mailbox as a device would open it, straight to the server.
    pub(crate) fn mailbox(&self) -> Box<dyn Mailbox> {
        self.mailbox_at(self.port)
    }

    /// The same at another port.
    pub(crate) fn mailbox_at(&self, port: u16) -> Box<dyn Mailbox> {
        open(&self.place(port), Some(SECRET)).unwrap()
    }

    fn run(&mut self) -> bool {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.home.join("log")).unwrap();
        let mut command = self.command();
        command.env_clear().env("HOME", &self.home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let mut running = Running::start(command.stdout(log.try_clone().unwrap()).stderr(log));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if running.has_ended() || begun.elapsed() > Duration::from_secs(20) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        self.running = Some(running);
        true
    }

    fn said(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program(self.kind.programs()[0]).unwrap());
        let at = format!("127.0.0.1:{}", self.port);
        match self.kind {
            Kind::Apache => {
                let config = self.home.join("apache.conf");
                fs::write(&config, self.apache_config()).unwrap();
                command.arg("-f").arg(config).arg("-DFOREGROUND");
            }
            Kind::Rclone => {
                command.args(["serve", "webdav", "--addr", &at, "--user", USER, "--pass", SECRET]);
                command.args(["--config", "", "--dir-cache-time", "0s"]).arg(&self.data);
                if self.encrypted {
                    command.arg("--cert").arg(self.home.join("cert")).arg("--key").arg(self.home.join("key"));
                }
            }
            Kind::Versity => {
                command.args(["--port", &at, "--access", USER, "--secret", SECRET, "--quiet", "posix"]);
                // What S3 knows beside the bytes lies beside them: not every disk has extended attributes.
                let beside = self.home.join("sidecar");
                fs::create_dir_all(&beside).unwrap();
                command.arg("--sidecar").arg(beside).arg(&self.data);
            }
        }
        command
    }

    fn apache_config(&self) -> String {
        let (home, data, port) = (self.home.display(), self.data.display(), self.port);
        let users = self.home.join("users");
        let made = Command::new(program("htpasswd").unwrap())
            .args(["-bcd"])
            .arg(&users)
            .args([USER, SECRET])
            .stderr(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let modules = "mpm_event authn_core authn_file authz_core authz_user auth_basic dav dav_fs";
        let (ssl, shows) = match self.encrypted {
            true => {
                ("ssl", format!("SSLEngine on\nSSLCertificateFile {home}/cert\nSSLCertificateKeyFile {home}/key\n"))
            }
            false => ("", String::new()),
        };
        let load: String = modules
            .split(' ')
            .chain(ssl.split_whitespace())
            .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
            .collect();
        format!(
            "{load}ServerRoot {home}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {home}/pid\n\
             ErrorLog {home}/errors\nUser www-data\nGroup www-data\nDocumentRoot {data}\nDavLockDB {home}/locks\n\
             DefaultRuntimeDir {home}\nAccessFileName none\nServerLimit 2\nStartServers 1\nThreadsPerChild 16\n\
             MaxRequestWorkers 32\nMinSpareThreads 1\nMaxSpareThreads 32\n{shows}\
             <Directory {data}>\nDav On\nAuthType Basic\nAuthName notes\nAuthUserFile {users}\n\
             Require valid-user\n</Directory>\n",
            users = users.display()
        )
    }
}

impl Kind {
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Apache => &["apache2", "htpasswd"],
            Self::Rclone => &["rclone"],
            Self::Versity => &["versitygw"],
        }
    }
}

/// A small disk in memory, to be filled.
pub(crate) struct Disk(PathBuf);

impl Disk {
    pub(crate) fn mount(test: &str, at: &Path, kilobytes: u32) -> Option<Self> {
        let options = format!("size={kilobytes}k,mode=777");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "kith-test"]).arg(at).output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(Self(at.into()));
        }
        skip(test, "a small disk to fill can only be mounted by root");
        None
    }

    /// Makes it larger, with what is on it.
    pub(crate) fn grow(&self, kilobytes: u32) {
        let options = format!("remount,size={kilobytes}k");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

/// Fills the disk on which this folder is, up to so many bytes.
pub(crate) fn fill(folder: &Path, room: usize) {
    let ballast = folder.join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    let mut length = 0;
    while let Ok(written @ 1..) = file.write(&[0; 4096]) {
        length += written;
    }
    file.set_len(length.saturating_sub(room) as u64).unwrap();
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
