//! A bad line: a TCP proxy in front of a server that breaks connections off, or lets them hang, after so many bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// What one connection may carry, and what comes then.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    /// Bytes from the client to the server.
    pub(crate) up: usize,
    /// Bytes from the server to the client.
    pub(crate) down: usize,
    /// Both ends are left waiting instead of cut off.
    pub(crate) hangs: bool,
}

/// The proxy; its connections end when it is dropped.
pub(crate) struct Proxy {
    /// Where to connect instead of to the server.
    pub(crate) port: u16,
    ended: Arc<AtomicBool>,
    exhausted: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy before this port of ours, that asks for the fate of each connection.
    pub(crate) fn before(server: u16, mut fate: impl FnMut() -> Line + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (ended, exhausted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (over, count) = (ended.clone(), exhausted.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(client), line) = (client, fate()) else { continue };
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                carry(&client, &server, line.up, line.hangs, &over, &count);
                carry(&server, &client, line.down, line.hangs, &over, &count);
            }
        });
        Self { port, ended, exhausted }
    }

    /// How many connections have used up what they may carry.
    pub(crate) fn exhausted(&self) -> usize {
        self.exhausted.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn carry(
    from: &TcpStream,
    to: &TcpStream,
    mut left: usize,
    hangs: bool,
    ended: &Arc<AtomicBool>,
    count: &Arc<AtomicUsize>,
) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let (ended, count) = (ended.clone(), count.clone());
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while left > 0 {
            let most = bytes.len().min(left);
            let Ok(read @ 1..) = from.read(&mut bytes[..most]) else { break };
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
            left -= read;
        }
        if left == 0 {
            count.fetch_add(1, Ordering::Relaxed);
            while hangs && !ended.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
