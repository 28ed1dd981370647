//! An ear at the door of a server: all that is said to it and by it passes, and is written down.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(unix)]
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What passes a door.
pub struct Ear {
    /// Where to call instead of at the server.
    pub door: SocketAddr,
    inside: SocketAddr,
    heard: Heard,
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Transcript>>);

/// What is known of what passed.
#[derive(Clone, Default)]
pub struct Transcript {
    /// Said to the server.
    pub said: Vec<u8>,
    /// Said by the server.
    pub answered: Vec<u8>,
    /// How often somebody called.
    pub calls: usize,
}

impl Transcript {
    /// Whether these bytes passed, in capitals or not.
    pub fn holds(&self, part: &[u8]) -> bool {
        let is_in = |all: &[u8]| all.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
        is_in(&self.said) || is_in(&self.answered)
    }
}

impl Ear {
    /// An ear before this server, at a port that was free.
    pub fn before(inside: SocketAddr) -> Self {
        let (listener, heard) = (TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), Heard::default());
        let (door, ear) = (listener.local_addr().unwrap(), heard.clone());
        std::thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                let back = caller.try_clone().unwrap();
                ear.pass(caller, back, inside);
            }
        });
        Self { door, inside, heard }
    }

    /// Opens another door in the file system, for computers that have no network in common with this one.
    #[cfg(unix)]
    pub fn open_at(&self, path: &Path) {
        let (listener, ear, inside) = (UnixListener::bind(path).unwrap(), self.heard.clone(), self.inside);
        std::thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                let back: UnixStream = caller.try_clone().unwrap();
                ear.pass(caller, back, inside);
            }
        });
    }

    /// What passed until now.
    pub fn transcript(&self) -> Transcript {
        self.heard.0.lock().unwrap().clone()
    }
}

impl Heard {
    /// Leads a caller inside, and listens.
    fn pass(&self, caller: impl Read + Send + 'static, back: impl Write + Send + 'static, inside: SocketAddr) {
        self.0.lock().unwrap().calls += 1;
        // The server may be gone already: then the door is shut.
        let Ok(server) = TcpStream::connect(inside) else { return };
        let (to_server, by_server) = (server.try_clone().unwrap(), server);
        let (said, answered) = (self.clone(), self.clone());
        std::thread::spawn(move || {
            let end = to_server.try_clone().unwrap();
            carry(caller, to_server, |bytes| said.0.lock().unwrap().said.extend(bytes));
            let _ = end.shutdown(Shutdown::Both);
        });
        std::thread::spawn(move || carry(by_server, back, |bytes| answered.0.lock().unwrap().answered.extend(bytes)));
    }
}

fn carry(mut from: impl Read, mut to: impl Write, hear: impl Fn(&[u8])) {
    let mut bytes = [0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        hear(&bytes[..length]);
        if to.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
}
