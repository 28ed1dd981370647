//! A line between two notebooks within one program, for tests: no network, and whoever is at the other end is only said
//! to be.

use std::sync::mpsc;
use std::time::Duration;

use kith_core::Error;
use kith_core::notebook::SyncReport;
use kith_core::sync::carrier::{Heard, Line};

use crate::Device;

/// Two ends of one line: the first belongs to `a`, the second to `b`.
pub fn pair(a: [u8; 32], b: [u8; 32]) -> (Within, Within) {
    let ((to_b, from_a), (to_a, from_b)) = (mpsc::channel(), mpsc::channel());
    (Within::new(b, to_b, from_b), Within::new(a, to_a, from_a))
}

/// Two devices speak with each other, once, over such a line; what each says of it.
pub fn speak(a: &Device, b: &Device) -> [Result<SyncReport, Error>; 2] {
    let endpoint = |device: &Device| device.notebook.member(&device.keys).unwrap().unwrap().keys().public().endpoint;
    let (mut of_a, mut of_b) = pair(endpoint(a), endpoint(b));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| b.notebook.sync_over(&mut of_b, &b.keys, &mut |_, _| Ok(())));
        let mine = a.notebook.sync_over(&mut of_a, &a.keys, &mut |_, _| Ok(()));
        [mine, other.join().unwrap()]
    })
}

/// One end of a line within this program.
pub struct Within {
    peer: [u8; 32],
    out: Option<mpsc::Sender<Vec<u8>>>,
    came: mpsc::Receiver<Vec<u8>>,
    sent: Vec<usize>,
}

impl Within {
    fn new(peer: [u8; 32], out: mpsc::Sender<Vec<u8>>, came: mpsc::Receiver<Vec<u8>>) -> Self {
        Self { peer, out: Some(out), came, sent: Vec::new() }
    }
}

impl Line for Within {
    fn peer(&self) -> [u8; 32] {
        self.peer
    }

    fn send(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let gone = || Error::Unreachable("the other device is gone".into());
        self.sent.push(bytes.len());
        self.out.as_ref().and_then(|out| out.send(bytes).ok()).ok_or_else(gone)
    }

    fn wait(&mut self, at_most: Duration) -> Result<Heard, Error> {
        if let Some(length) = self.sent.pop() {
            return Ok(Heard::Sent(length));
        }
        Ok(match self.came.recv_timeout(at_most) {
            Ok(bytes) => Heard::Bytes(bytes),
            Err(mpsc::RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(mpsc::RecvTimeoutError::Disconnected) => Heard::End,
        })
    }

    fn refuse(&mut self) {
        self.out = None;
    }

    fn hang_up(&mut self) {
        self.out = None;
    }
}
