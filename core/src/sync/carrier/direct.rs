//! Lines between two devices that are awake at the same time, by QUIC with iroh: each knows the other by its key and by
//! nothing else. No server that knows addresses, no packet to anybody but the addresses that are handed in; and no relay,
//! unless one is handed in, which is then spoken with and no other.
//!
//! Who may come in is told by [`Direct::open_door`]; everybody else is sent away before a byte of ours is said. A device
//! that was let in while this one was away may hand in the proof of it. Deadlines are our own: iroh would try a dead
//! address for 30 seconds.

mod quic;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::pin;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use futures_util::future::{Either, select};
use iroh::endpoint::{
    BindError, BindOpts, Connection, IdleTimeout, Incoming, QuicTransportConfig, RelayMode, VarInt, presets,
};
use iroh::{Endpoint, EndpointAddr, EndpointId, NetReportConfig, SecretKey, TransportAddr};
use tokio::time::timeout;

use super::relay::{Relay, names};
use crate::error::{Error, Result};
use crate::sync::session::{Frame, Frames, MAX_INTRO};
pub use quic::{Closed, QuicLine};

/// What is spoken on a line.
const LOG: &[u8] = b"kith/log/1";
/// What is spoken while two pair.
const PAIR: &[u8] = b"kith/pair/1";
/// What a device says that is not known yet.
const INTRO: &[u8] = b"kith/intro/1";

/// How long addresses on this very network are tried …
const NEAR: Duration = Duration::from_secs(3);
/// … then all of them …
const ANYWHERE: Duration = Duration::from_secs(8);
/// … and then the relay, if there is one.
pub(super) const FAR: Duration = Duration::from_secs(15);
/// A guest has so long to say its first word.
const FIRST_WORD: Duration = Duration::from_secs(5);
/// A device has so long to weigh what proves that another was let in: it may be speaking with a third.
const VERDICT: Duration = Duration::from_secs(20);
/// A device that is switched off in the middle is given up after so long without a sign of life, of which it gives one so
/// often.
const DEAD: Duration = Duration::from_secs(8);
const ALIVE: Duration = Duration::from_secs(2);
/// What somebody hands in who is not known takes some work to try out: one in so much time.
const STRANGERS: Duration = Duration::from_secs(1);
/// How often somebody who waits looks whether to wait on.
pub(super) const STEP: Duration = Duration::from_millis(200);
/// Guests at the door at once, and those that wait to be served.
const AT_THE_DOOR: usize = 16;
const WAITING: usize = 8;
/// Most addresses that are tried for one device.
const MAX_ADDRESSES: usize = 16;

/// Who may come in, by the key by which it is known on a network.
#[derive(Clone, Debug, Default)]
pub struct Guests {
    /// The devices of the notebook.
    pub welcome: BTreeSet<[u8; 32]>,
    /// Those that were removed: they are told so, and nothing else.
    pub removed: BTreeSet<[u8; 32]>,
}

/// Somebody at the door.
pub enum Guest {
    /// A device of the notebook, to speak with.
    Known(QuicLine),
    /// A device that is not known, and the files of the roster that it says prove that it was let in.
    Stranger(Stranger),
}

/// A device that is not known here.
pub struct Stranger {
    /// The key by which it is known on a network.
    pub who: [u8; 32],
    /// What it handed in.
    pub parcels: Vec<Vec<u8>>,
    connection: Connection,
}

impl Stranger {
    /// Sends it away: to come back as a member when what it handed in proves it to be one, or else without a word.
    pub fn answer(self, belongs: bool) {
        quic::close(&self.connection, if belongs { Closed::Welcome } else { Closed::Stranger });
    }
}

/// One device's place on the network.
pub struct Direct {
    endpoint: Endpoint,
    speaks: &'static [u8],
    relay: Option<Relay>,
    guests: Arc<RwLock<Guests>>,
    came: Mutex<mpsc::Receiver<Guest>>,
    knock: mpsc::SyncSender<Guest>,
    worker: tokio::runtime::Handle,
    /// Dropping it ends the worker's thread.
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Direct {
    /// Takes a place on every network of this device, under the key of its endpoint; port 0 is any that is free. Nobody
    /// is let in yet. With a relay, it can be reached through that as well.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the port is taken, [`Error::Storage`] when the system gives no thread, [`Error::Unreachable`]
    /// when it has no certificates to know the relay by.
    pub fn bind(key: &SigningKey, port: u16, relay: Option<Relay>) -> Result<Self> {
        Self::speaking(LOG, key, port, relay)
    }

    /// The same to pair, under a key that only the two can know, and without a relay.
    ///
    /// # Errors
    /// As [`Direct::bind`].
    pub fn bind_to_pair(key: &SigningKey, port: u16) -> Result<Self> {
        Self::speaking(PAIR, key, port, None)
    }

    fn speaking(speaks: &'static [u8], key: &SigningKey, port: u16, relay: Option<Relay>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let worker = runtime.handle().clone();
        let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let key = SecretKey::from_bytes(&key.to_bytes());
        let (bound, is_bound) = mpsc::sync_channel(1);
        let through = relay.clone();
        // A thread of its own, as for mailboxes: whoever calls knows nothing of tokio.
        std::thread::Builder::new().name("kith-direct".into()).spawn(move || {
            runtime.block_on(async {
                let _ = bound.send(endpoint(key, port, through.as_ref()).await);
                let _ = stopped.await;
            });
            runtime.shutdown_background();
        })?;
        let gone = || Error::Storage("the thread for the network ended".into());
        let endpoint = is_bound.recv().map_err(|_| gone())??;
        let (knock, came) = mpsc::sync_channel(WAITING);
        Ok(Self { endpoint, speaks, relay, guests: Arc::default(), came: Mutex::new(came), knock, worker, _stop })
    }

    /// The relay through which it can be reached, and reaches others.
    pub fn relay(&self) -> Option<&Relay> {
        self.relay.as_ref()
    }

    /// The port on which it can be reached.
    pub fn port(&self) -> u16 {
        let sockets = self.endpoint.bound_sockets();
        let first = sockets.iter().find(|socket| socket.is_ipv4()).or(sockets.first());
        first.map_or(0, SocketAddr::port)
    }

    /// Lets these in from now on, and nobody else.
    pub fn open_door(&self, guests: Guests) {
        let is_first = {
            let mut now = self.guests.write().unwrap_or_else(PoisonError::into_inner);
            let is_first = now.welcome.is_empty();
            *now = guests;
            is_first
        };
        if is_first {
            let alpns =
                if self.speaks == LOG { vec![LOG.to_vec(), INTRO.to_vec()] } else { vec![self.speaks.to_vec()] };
            self.endpoint.set_alpns(alpns);
            self.worker.spawn(doorkeeper(self.endpoint.clone(), self.guests.clone(), self.knock.clone()));
        }
    }

    /// The next guest, if one comes in that time; the wait is over as soon as `goes_on` answers an error.
    ///
    /// # Errors
    /// That of `goes_on`.
    pub fn next_guest_while(
        &self,
        at_most: Duration,
        goes_on: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<Guest>> {
        let began = Instant::now();
        loop {
            goes_on()?;
            let left = at_most.saturating_sub(began.elapsed());
            let guest = match self.came.try_lock() {
                Ok(came) => came.recv_timeout(left.min(STEP)).ok(),
                Err(TryLockError::Poisoned(came)) => came.into_inner().recv_timeout(left.min(STEP)).ok(),
                // Another thread waits at the door, and would keep this one from looking.
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(left.min(STEP));
                    None
                }
            };
            if guest.is_some() || left <= STEP {
                return Ok(guest);
            }
        }
    }

    /// The next guest, if one comes in that time.
    pub fn next_guest(&self, at_most: Duration) -> Option<Guest> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(at_most).ok()
    }

    /// A line to a device that is said to be at these addresses: first to those on this very network, then to all, then
    /// through the relay.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it answers nowhere in time, [`Error::Unreachable`] when the relay does not answer.
    pub fn dial(&self, who: [u8; 32], at: &[SocketAddr]) -> Result<QuicLine> {
        self.dial_while(who, at, &mut || Ok(()))
    }

    /// The same, given up as soon as `goes_on` answers an error.
    ///
    /// # Errors
    /// As [`Direct::dial`], and that of `goes_on`.
    pub fn dial_while(
        &self,
        who: [u8; 32],
        at: &[SocketAddr],
        goes_on: &mut dyn FnMut() -> Result<()>,
    ) -> Result<QuicLine> {
        let stages = stages(at, self.relay.as_ref());
        let (endpoint, worker, speaks) = (self.endpoint.clone(), self.worker.clone(), self.speaks);
        self.run(goes_on, async move {
            let connection = ladder(&endpoint, who, stages, speaks).await?;
            let (send, receive) = connection.open_bi().await.map_err(|error| quic::broken(&error))?;
            Ok(QuicLine::new(connection, send, receive, &worker))
        })
    }

    /// Hands in what proves to a device that this one was let in. It can be dialled after that. Given up as soon as `goes_on`
    /// answers an error.
    ///
    /// # Errors
    /// [`Error::SyncFirst`] or [`Error::Removed`] when it does not think so; else as [`Direct::dial_while`].
    pub fn introduce(
        &self,
        who: [u8; 32],
        at: &[SocketAddr],
        parcels: Vec<Vec<u8>>,
        goes_on: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let (endpoint, stages) = (self.endpoint.clone(), stages(at, self.relay.as_ref()));
        self.run(goes_on, async move {
            let connection = ladder(&endpoint, who, stages, INTRO).await?;
            let mut send = connection.open_uni().await.map_err(|error| quic::broken(&error))?;
            // It may close while we speak; what it says then is in the close.
            let _ = send.write_all(&Frame::Intro(parcels).bytes()).await;
            let _ = send.finish();
            let closed = timeout(VERDICT, connection.closed()).await.map_err(|_| quic::silent())?;
            match quic::closed_as(&closed) {
                Some(Closed::Welcome) => Ok(()),
                Some(Closed::Removed) => Err(quic::removed()),
                Some(Closed::Stranger) => Err(quic::unknown()),
                _ => Err(quic::broken(&closed)),
            }
        })
    }

    /// Leaves the network: every line breaks, and whoever is on one is told and need not wait.
    pub fn leave(&self) {
        let endpoint = self.endpoint.clone();
        let _ = self.run(&mut || Ok(()), async move {
            let _ = timeout(NEAR, endpoint.close()).await;
            Ok(())
        });
    }

    /// Has the worker do something, and waits for it as long as `goes_on` answers no error.
    fn run<T, F>(&self, goes_on: &mut dyn FnMut() -> Result<()>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        goes_on()?;
        let (done, result) = mpsc::sync_channel(1);
        let at_work = self.worker.spawn(async move {
            let _ = done.send(work.await);
        });
        loop {
            match result.recv_timeout(STEP) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Unreachable("the connection broke".into())),
                Err(RecvTimeoutError::Timeout) => goes_on().inspect_err(|_| at_work.abort())?,
            }
        }
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        self.leave();
    }
}

pub(super) async fn endpoint(key: SecretKey, port: u16, relay: Option<&Relay>) -> Result<Endpoint> {
    let taken = |why: &dyn std::fmt::Display| Error::Invalid(format!("port {port} cannot be used here ({why})"));
    let idle = IdleTimeout::try_from(DEAD).map_err(|error| taken(&error))?;
    let transport = QuicTransportConfig::builder().max_idle_timeout(Some(idle)).keep_alive_interval(ALIVE).build();
    // Minimal brings the cipher and nothing else: no relay, no lookup of addresses, no publishing of ours.
    let mut builder = Endpoint::builder(presets::Minimal)
        .secret_key(key)
        .transport_config(transport)
        .dns_resolver(names())
        .relay_mode(RelayMode::Disabled);
    if let Some(relay) = relay {
        // That the relay answers is asked by HTTP, or it would not be used. A hotel's login page is not looked for: that
        // would be asked without encryption.
        let mut asks = NetReportConfig::default();
        asks.captive_portal_check = false;
        builder =
            builder.relay_mode(RelayMode::Custom(relay.map())).ca_tls_config(relay.trusts()).net_report_config(asks);
    }
    builder
        .clear_ip_transports()
        .bind_addr((Ipv4Addr::UNSPECIFIED, port))
        .map_err(|error| taken(&error))?
        // A system without IPv6 is fine.
        .bind_addr_with_opts((Ipv6Addr::UNSPECIFIED, port), BindOpts::default().set_is_required(false))
        .map_err(|error| taken(&error))?
        .bind()
        .await
        .map_err(|error| match error {
            BindError::InvalidCaRootConfig { source, .. } => {
                Error::Unreachable(format!("this system has no certificates to know the relay by ({source})"))
            }
            error => taken(&error),
        })
}

/// Opens to whoever knocks, so many at once.
async fn doorkeeper(endpoint: Endpoint, guests: Arc<RwLock<Guests>>, knock: mpsc::SyncSender<Guest>) {
    let room = Arc::new(tokio::sync::Semaphore::new(AT_THE_DOOR));
    let worker = tokio::runtime::Handle::current();
    let last_stranger = Arc::new(Mutex::new(None));
    while let Some(incoming) = endpoint.accept().await {
        let Ok(place) = room.clone().try_acquire_owned() else {
            incoming.refuse();
            continue;
        };
        let (guests, knock, worker) = (guests.clone(), knock.clone(), worker.clone());
        let last_stranger = last_stranger.clone();
        tokio::spawn(async move {
            if let Ok(Some(guest)) = timeout(FIRST_WORD, let_in(incoming, &guests, &last_stranger, &worker)).await
                && let Err(mpsc::TrySendError::Full(guest)) = knock.try_send(guest)
            {
                match guest {
                    Guest::Known(line) => line.close(Closed::Busy),
                    Guest::Stranger(stranger) => quic::close(&stranger.connection, Closed::Busy),
                }
            }
            drop(place);
        });
    }
}

/// The handshake, the look at the list, the first word.
async fn let_in(
    incoming: Incoming,
    guests: &RwLock<Guests>,
    last_stranger: &Mutex<Option<Instant>>,
    worker: &tokio::runtime::Handle,
) -> Option<Guest> {
    let connection = incoming.accept().ok()?.await.ok()?;
    let who = *connection.remote_id().as_bytes();
    let (is_welcome, is_removed) = {
        let guests = guests.read().unwrap_or_else(PoisonError::into_inner);
        (guests.welcome.contains(&who), guests.removed.contains(&who))
    };
    if is_removed {
        quic::close(&connection, Closed::Removed);
        return None;
    }
    match (is_welcome, connection.alpn() == INTRO) {
        (true, false) => {
            let (send, receive) = connection.accept_bi().await.ok()?;
            Some(Guest::Known(QuicLine::new(connection, send, receive, worker)))
        }
        (true, true) => {
            quic::close(&connection, Closed::Welcome);
            None
        }
        (false, true) if !is_time_for_another(last_stranger) => {
            quic::close(&connection, Closed::Busy);
            None
        }
        (false, true) => {
            let mut receive = connection.accept_uni().await.ok()?;
            let bytes = receive.read_to_end(MAX_INTRO + 4).await.ok()?;
            let mut frames = Frames::default();
            frames.push(&bytes);
            match frames.take(MAX_INTRO) {
                Ok(Some(Frame::Intro(parcels))) => Some(Guest::Stranger(Stranger { who, parcels, connection })),
                _ => {
                    quic::close(&connection, Closed::Stranger);
                    None
                }
            }
        }
        (false, false) => {
            quic::close(&connection, Closed::Stranger);
            None
        }
    }
}

fn is_time_for_another(last: &Mutex<Option<Instant>>) -> bool {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let is_time = last.is_none_or(|last| last.elapsed() >= STRANGERS);
    if is_time {
        *last = Some(Instant::now());
    }
    is_time
}

/// Tries one stage after the other, each a connection of its own.
async fn ladder(endpoint: &Endpoint, who: [u8; 32], stages: Vec<Stage>, alpn: &[u8]) -> Result<Connection> {
    let who =
        EndpointId::from_bytes(&who).map_err(|_| Error::Peer("the other device has no key to reach it by".into()))?;
    for stage in stages {
        match stage {
            Stage::Addresses(addresses, patience) => {
                let at = EndpointAddr::from_parts(who, addresses.into_iter().map(TransportAddr::Ip));
                if let Ok(Ok(connection)) = timeout(patience, endpoint.connect(at, alpn)).await {
                    return Ok(connection);
                }
            }
            Stage::Relay(relay) => return through(endpoint, who, &relay, alpn).await,
        }
    }
    Err(nowhere())
}

fn nowhere() -> Error {
    Error::NotFound("the other device".into())
}

/// Calls through the relay. Whether that answers is asked beside it: a call alone would not tell a relay that is not there
/// from a device that is not there.
async fn through(endpoint: &Endpoint, who: EndpointId, relay: &Relay, alpn: &[u8]) -> Result<Connection> {
    let at = EndpointAddr::from_parts(who, [TransportAddr::Relay(relay.url())]);
    let calling = pin!(timeout(FAR, patiently(endpoint, at, alpn)));
    let called = match select(calling, pin!(relay.answers())).await {
        Either::Left((called, _)) => called.map_err(|_| relay.silent())?,
        Either::Right((answers, calling)) => {
            answers?;
            calling.await.map_err(|_| nowhere())?
        }
    };
    called.ok_or_else(nowhere)
}

/// Calls anew when a call came to nothing because nobody said anything, until whoever waits has enough.
async fn patiently(endpoint: &Endpoint, at: EndpointAddr, alpn: &[u8]) -> Option<Connection> {
    loop {
        let began = Instant::now();
        match endpoint.connect(at.clone(), alpn).await {
            Ok(connection) => return Some(connection),
            Err(_) if began.elapsed() >= DEAD => {}
            // That was an answer.
            Err(_) => return None,
        }
    }
}

/// One way to try.
enum Stage {
    /// These addresses, so long.
    Addresses(Vec<SocketAddr>, Duration),
    /// Through this relay, as the last.
    Relay(Relay),
}

/// What is tried, one after the other. Link-local addresses are left out: without the number of the interface, which no
/// hint brings, they lead nowhere.
fn stages(at: &[SocketAddr], relay: Option<&Relay>) -> Vec<Stage> {
    let is_of_use = |address: &SocketAddr| match address.ip() {
        IpAddr::V6(ip) => !ip.is_unicast_link_local() && !ip.is_unspecified() && !ip.is_multicast(),
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
    };
    let mut all: Vec<SocketAddr> = Vec::new();
    for address in at.iter().copied().filter(is_of_use) {
        if address.port() != 0 && all.len() < MAX_ADDRESSES && !all.contains(&address) {
            all.push(address);
        }
    }
    let near: Vec<SocketAddr> = all.iter().copied().filter(is_near).collect();
    let mut stages = match (near.is_empty(), near.len() == all.len()) {
        (true, true) => Vec::new(),
        (true, false) => vec![Stage::Addresses(all, ANYWHERE)],
        // Sending again to those that did not answer would only be the same once more.
        (false, true) => vec![Stage::Addresses(near, NEAR)],
        (false, false) => vec![Stage::Addresses(near, NEAR), Stage::Addresses(all, ANYWHERE)],
    };
    stages.extend(relay.cloned().map(Stage::Relay));
    stages
}

/// Whether an address is on a network this device is on: the system is asked from where it would send there, and sends
/// nothing. What is beyond the first 24 bits of an IPv4 address, or 64 of another, counts as the same network.
fn is_near(address: &SocketAddr) -> bool {
    let any = if address.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(address).map(|()| socket));
    match (socket.and_then(|socket| socket.local_addr()).map(|from| from.ip()), address.ip()) {
        (Ok(IpAddr::V4(from)), IpAddr::V4(to)) => from.octets()[..3] == to.octets()[..3],
        (Ok(IpAddr::V6(from)), IpAddr::V6(to)) => from.segments()[..4] == to.segments()[..4],
        _ => false,
    }
}

/// A number by which a connection is closed.
fn code(closed: Closed) -> VarInt {
    VarInt::from_u32(closed as u32)
}
