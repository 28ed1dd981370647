//! One QUIC stream as a line: two tasks on the worker's thread move the bytes, the caller waits for what they tell. What
//! has come and was not looked at is bounded, so that who talks fast only fills the network.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use iroh::TransportAddr;
use iroh::endpoint::{Connection, ConnectionError, ReadError, RecvStream, SendStream, WriteError};
use tokio::sync::{Semaphore, mpsc as tasks};
use tokio::time::timeout;

use super::code;
use crate::error::{Error, Result};
use crate::sync::carrier::line::{Heard, Line};

/// Most bytes of one read, and most that wait to be looked at.
const CHUNK: usize = 64 * 1024;
const UNREAD: usize = 16 * CHUNK;
/// How long the last bytes may take to arrive.
const FAREWELL: Duration = Duration::from_secs(3);

/// Why a connection was closed, as the number it was closed with says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Everything was said.
    Done = 0,
    /// The other device does not know this one.
    Stranger = 1,
    /// The other device knows that this one was removed.
    Removed = 2,
    /// The other device knows this one now: come back.
    Welcome = 3,
    /// Too many came at once.
    Busy = 4,
}

enum Event {
    Bytes(Vec<u8>),
    Sent(usize),
    End,
    Broken(ConnectionError),
}

/// A line over QUIC.
pub struct QuicLine {
    connection: Connection,
    out: Option<tasks::UnboundedSender<Vec<u8>>>,
    events: mpsc::Receiver<Event>,
    delivered: mpsc::Receiver<()>,
    unread: Arc<Semaphore>,
    closed: Option<Closed>,
}

impl QuicLine {
    pub(super) fn new(
        connection: Connection,
        send: SendStream,
        receive: RecvStream,
        worker: &tokio::runtime::Handle,
    ) -> Self {
        let (tell, events) = mpsc::channel();
        let (out, to_send) = tasks::unbounded_channel();
        let (done, delivered) = mpsc::sync_channel(1);
        let unread = Arc::new(Semaphore::new(UNREAD));
        worker.spawn(read(receive, tell.clone(), unread.clone()));
        worker.spawn(write(send, to_send, tell, done));
        Self { connection, out: Some(out), events, delivered, unread, closed: None }
    }

    /// Why the other device closed the connection, if it did and said so.
    pub fn closed(&self) -> Option<Closed> {
        self.closed.or_else(|| self.connection.close_reason().as_ref().and_then(closed_as))
    }

    /// Where the other device was reached; none through a relay.
    pub fn address(&self) -> Option<SocketAddr> {
        let paths = self.connection.paths();
        // Others than the one in use are only being tried.
        let in_use = paths.iter().find(|path| path.is_selected()).or_else(|| paths.iter().next())?;
        match in_use.remote_addr() {
            TransportAddr::Ip(address) => Some(*address),
            _ => None,
        }
    }

    /// How many bytes went there and came back, in datagrams, with all that QUIC adds.
    pub fn datagram_bytes(&self) -> (u64, u64) {
        let stats = self.connection.stats();
        (stats.udp_tx.bytes, stats.udp_rx.bytes)
    }

    pub(super) fn close(&self, why: Closed) {
        close(&self.connection, why);
    }
}

impl Line for QuicLine {
    fn peer(&self) -> [u8; 32] {
        *self.connection.remote_id().as_bytes()
    }

    fn send(&mut self, bytes: Vec<u8>) -> Result<()> {
        let gone = || Error::Unreachable("the connection broke".into());
        self.out.as_ref().and_then(|out| out.send(bytes).ok()).ok_or_else(gone)
    }

    fn wait(&mut self, at_most: Duration) -> Result<Heard> {
        match self.events.recv_timeout(at_most) {
            Ok(Event::Bytes(bytes)) => {
                self.unread.add_permits(bytes.len());
                Ok(Heard::Bytes(bytes))
            }
            Ok(Event::Sent(length)) => Ok(Heard::Sent(length)),
            Ok(Event::End) => Ok(Heard::End),
            Ok(Event::Broken(error)) => {
                self.closed = closed_as(&error);
                Err(broken(&error))
            }
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(Heard::Nothing),
            Err(mpsc::RecvTimeoutError::Disconnected) => Ok(Heard::End),
        }
    }

    fn refuse(&mut self) {
        self.out = None;
        self.close(Closed::Removed);
    }

    fn hang_up(&mut self) {
        if self.out.take().is_some() {
            let _ = self.delivered.recv_timeout(FAREWELL + Duration::from_secs(1));
        }
    }
}

impl Drop for QuicLine {
    fn drop(&mut self) {
        close(&self.connection, Closed::Done);
    }
}

async fn read(mut receive: RecvStream, tell: mpsc::Sender<Event>, unread: Arc<Semaphore>) {
    loop {
        let Ok(room) = unread.acquire_many(CHUNK as u32).await else { return };
        let event = match receive.read_chunk(CHUNK).await {
            Ok(Some(bytes)) => {
                // What was taken comes back when it was looked at, the rest at once.
                room.forget();
                unread.add_permits(CHUNK.saturating_sub(bytes.len()));
                Event::Bytes(bytes.to_vec())
            }
            Ok(None) => Event::End,
            Err(ReadError::ConnectionLost(error)) => Event::Broken(error),
            Err(_) => Event::Broken(ConnectionError::Reset),
        };
        let is_last = !matches!(event, Event::Bytes(_));
        if tell.send(event).is_err() || is_last {
            return;
        }
    }
}

async fn write(
    mut send: SendStream,
    mut to_send: tasks::UnboundedReceiver<Vec<u8>>,
    tell: mpsc::Sender<Event>,
    done: mpsc::SyncSender<()>,
) {
    while let Some(bytes) = to_send.recv().await {
        let event = match send.write_all(&bytes).await {
            Ok(()) => Event::Sent(bytes.len()),
            // Why it broke is told by the other task, which sees the same.
            Err(WriteError::ConnectionLost(_)) => return,
            Err(_) => Event::Broken(ConnectionError::Reset),
        };
        let _ = tell.send(event);
    }
    // The last bytes have to arrive before the connection is closed.
    let _ = send.finish();
    let _ = timeout(FAREWELL, send.stopped()).await;
    let _ = done.try_send(());
}

pub(super) fn close(connection: &Connection, why: Closed) {
    connection.close(code(why), b"");
}

pub(super) fn closed_as(error: &ConnectionError) -> Option<Closed> {
    let ConnectionError::ApplicationClosed(close) = error else { return None };
    [Closed::Done, Closed::Stranger, Closed::Removed, Closed::Welcome, Closed::Busy]
        .into_iter()
        .find(|closed| code(*closed) == close.error_code)
}

/// What a person is told.
pub(super) fn broken(error: &ConnectionError) -> Error {
    match closed_as(error) {
        Some(Closed::Removed) => removed(),
        Some(Closed::Stranger) => unknown(),
        Some(Closed::Busy) => Error::Unreachable("the other device is busy; try again in a moment".into()),
        _ => {
            let why = format!("the connection broke ({error}); what was exchanged is kept, the rest comes next time");
            Error::Unreachable(why)
        }
    }
}

pub(super) fn removed() -> Error {
    Error::Removed(
        "the other device says that this one was removed from the notebook; it keeps what it has, and nothing more is \
         exchanged"
            .into(),
    )
}

pub(super) fn silent() -> Error {
    Error::Unreachable(
        "the other device does not answer; it may be speaking with another, try again in a moment".into(),
    )
}

pub(super) fn unknown() -> Error {
    Error::SyncFirst(
        "the other device does not know this one yet; let it sync once with the device that let this one in, or through \
         a mailbox"
            .into(),
    )
}
