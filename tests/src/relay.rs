//! A relay of this computer, the real one, and an ear at its door: what its owner could learn.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(unix)]
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use iroh_relay::server::{RelayConfig, Server, ServerConfig};

/// A relay that runs until this is dropped, with all that passes it written down.
pub struct Operated {
    door: SocketAddr,
    inside: SocketAddr,
    heard: Heard,
    _stop: tokio::sync::oneshot::Sender<()>,
}

/// What was said to the relay and by it, in the order in which it came, and how often somebody called.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Transcript>>);

/// What is known of what passed.
#[derive(Clone, Default)]
pub struct Transcript {
    /// Said by the relay. A WebSocket hides what is said *to* a server under a mask, but what one device says, the relay
    /// says to the other, byte for byte: so this holds both.
    pub by_relay: Vec<u8>,
    /// Said to the relay.
    pub to_relay: Vec<u8>,
    /// How often somebody called.
    pub calls: usize,
}

impl Operated {
    /// A relay without encryption, at a port of this computer that was free.
    pub fn begin() -> Self {
        let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut config = ServerConfig::default();
                config.relay = Some(RelayConfig::new((Ipv4Addr::LOCALHOST, 0)));
                let server = Server::spawn(config).await.unwrap();
                tell.send(server.http_addr().unwrap()).unwrap();
                let _ = stopped.await;
                drop(server);
            });
        });
        let inside = told.recv().unwrap();
        let (listener, heard) = (TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), Heard::default());
        let (door, ear) = (listener.local_addr().unwrap(), heard.clone());
        std::thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                let back = caller.try_clone().unwrap();
                ear.pass(caller, back, inside);
            }
        });
        Self { door, inside, heard, _stop }
    }

    /// The address under which devices know it.
    pub fn url(&self) -> String {
        format!("http://{}", self.door)
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
    /// Leads a caller to the relay, and listens.
    fn pass(&self, caller: impl Read + Send + 'static, back: impl Write + Send + 'static, inside: SocketAddr) {
        self.0.lock().unwrap().calls += 1;
        // The relay may be gone already: then the door is shut.
        let Ok(relay) = TcpStream::connect(inside) else { return };
        let (to_relay, by_relay) = (relay.try_clone().unwrap(), relay);
        let (said, answered) = (self.clone(), self.clone());
        std::thread::spawn(move || {
            let end = to_relay.try_clone().unwrap();
            carry(caller, to_relay, |bytes| said.0.lock().unwrap().to_relay.extend(bytes));
            let _ = end.shutdown(Shutdown::Both);
        });
        std::thread::spawn(move || carry(by_relay, back, |bytes| answered.0.lock().unwrap().by_relay.extend(bytes)));
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
