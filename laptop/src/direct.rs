//! Syncing with other devices directly: those that are nearby, those that were reached before, those that are at the relay,
//! or whoever is at an address that was typed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kith_core::Error;
use kith_core::notebook::{Notebook, Peer, SyncReport, known_addresses, remember_address};
use kith_core::sync::carrier::direct::Direct;
use kith_core::sync::keystore::KeyStore;

use crate::app::App;
use crate::failure::Failure;
use crate::layout::clean;
use crate::near::{self, Near};
use crate::{days, sync};

/// How long other devices are looked for.
const LOOKING: Duration = Duration::from_secs(3);
const STEP: Duration = Duration::from_millis(50);

/// What came of calling a device, and where it was reached.
pub(crate) type Called = Result<(SyncReport, Option<SocketAddr>), Error>;

/// Whom this device met, and what came of it.
type Met = BTreeMap<[u8; 32], (Peer, Called)>;

/// Looks for the other devices of the notebook on this network, and syncs with those that are there, or come here because
/// they look at the same moment; those that do not show themselves are called through the relay, if there is one. Says how
/// many it met.
pub(crate) fn nearby(app: &App, answers: &mut Vec<serde_json::Value>) -> Result<usize, Failure> {
    let keys = app.keys()?;
    let Some(member) = app.notebook.member(&keys)? else { return Ok(0) };
    let peers = app.notebook.peers_to_call(&keys)?;
    let (has_relay, is_on_a_network) = (app.notebook.relay()?.is_some(), near::is_on_a_network());
    if peers.is_empty() || !(has_relay || is_on_a_network) {
        return Ok(0);
    }
    let Some(direct) = app.notebook.go_on_the_network(&keys, 0)? else { return Ok(0) };
    direct.open_door(app.notebook.guests(&keys)?);
    let mut near = if is_on_a_network { Some(Near::look()?) } else { None };
    if let Some(near) = &mut near {
        near.show(|nonce| member.beacon(nonce), direct.port())?;
    }
    let spinner = app.spinner("looking for your other devices");
    let mut met = Met::new();
    let serving = Serving::default();
    std::thread::scope(|scope| {
        let ((tell, calls), (came, guests)) = (mpsc::channel(), mpsc::channel());
        let (direct, notebook, keys, serving, bar) = (&direct, &app.notebook, &keys, &serving, &spinner);
        scope.spawn(move || serve(notebook, direct, keys, serving, &came));
        let mut open: Vec<[u8; 32]> = Vec::new();
        let call = |open: &mut Vec<[u8; 32]>, peer: &Peer, at: Vec<SocketAddr>| {
            let (tell, peer) = (tell.clone(), peer.clone());
            open.push(peer.endpoint);
            scope.spawn(move || {
                let called = notebook.call(direct, &peer, &at, keys, &mut |done, total| tick(bar, &peer, done, total));
                let _ = tell.send((peer, called));
            });
        };
        // Where they were before, while the network is asked where they are now.
        for peer in &peers {
            let at = known_addresses(keys, peer);
            if !at.is_empty() {
                call(&mut open, peer, at);
            }
        }
        let began = Instant::now();
        let mut seen: BTreeMap<[u8; 32], (Peer, Vec<SocketAddr>)> = BTreeMap::new();
        // Whoever was called somewhere was called through the relay after that.
        let mut not_called: BTreeSet<[u8; 32]> = peers.iter().map(|peer| peer.endpoint).filter(|_| has_relay).collect();
        while met.len() < peers.len()
            && (began.elapsed() < LOOKING || !not_called.is_empty() || !open.is_empty() || serving.is_busy())
        {
            not_called.retain(|endpoint| !open.contains(endpoint) && !met.contains_key(endpoint));
            if near.is_none() || began.elapsed() >= LOOKING {
                let far = std::mem::take(&mut not_called);
                peers.iter().filter(|peer| far.contains(&peer.endpoint)).for_each(|peer| call(&mut open, peer, vec![]));
            }
            while let Ok((peer, called)) = calls.try_recv() {
                open.retain(|endpoint| *endpoint != peer.endpoint);
                add(&mut met, peer, called);
            }
            guests.try_iter().for_each(|(peer, report)| add(&mut met, peer, Ok((report, None))));
            if near.is_none() {
                std::thread::sleep(STEP);
            }
            if let Some(sighting) = near.as_ref().and_then(|near| near.next(STEP)) {
                let device = sighting.beacon.of(&member);
                if let Some(peer) = peers.iter().find(|peer| Some(peer.device) == device) {
                    seen.insert(peer.endpoint, (peer.clone(), sighting.at));
                }
            }
            let ready: Vec<[u8; 32]> = seen.keys().filter(|endpoint| !open.contains(endpoint)).copied().collect();
            for (peer, at) in ready.into_iter().filter_map(|endpoint| seen.remove(&endpoint)) {
                if !met.contains_key(&peer.endpoint) {
                    call(&mut open, &peer, at);
                }
            }
        }
        serving.is_over.store(true, Ordering::Relaxed);
        // Two that called each other at once are done when both calls are.
        drop(tell);
        calls.into_iter().for_each(|(peer, called)| add(&mut met, peer, called));
        guests.into_iter().for_each(|(peer, report)| add(&mut met, peer, Ok((report, None))));
    });
    spinner.finish_and_clear();
    drop(direct);
    let count = met.values().filter(|(_, called)| called.is_ok()).count();
    let mut failed = None;
    for (peer, called) in met.into_values() {
        failed = told(app, &keys, &peer, called, answers).err().or(failed);
    }
    failed.map_or(Ok(count), Err)
}

/// Shows how far an exchange has come.
fn tick(bar: &indicatif::ProgressBar, peer: &Peer, done: u64, total: u64) -> Result<(), Error> {
    if total > 0 {
        bar.set_message(format!("{}: {done} of {} so far", clean(&peer.name), days::count(total, "file", "files")));
    }
    bar.tick();
    Ok(())
}

/// Of two meetings with one device, that counts in which more was brought. One that is not where it was may still show
/// itself.
fn add(met: &mut Met, peer: Peer, called: Called) {
    let brought = |called: &Called| called.as_ref().ok().map(|(report, _)| report.received + report.written);
    let is_more = met.get(&peer.endpoint).is_none_or(|(_, before)| brought(&called) > brought(before));
    if is_more && !matches!(called, Err(Error::NotFound(_))) {
        met.insert(peer.endpoint, (peer, called));
    }
}

/// Whether somebody is served just now, and whether that is over.
#[derive(Default)]
struct Serving {
    is_over: AtomicBool,
    guests: AtomicUsize,
}

impl Serving {
    fn is_busy(&self) -> bool {
        self.guests.load(Ordering::Relaxed) > 0
    }
}

/// Serves whoever comes meanwhile. Who broke off is not told of: it calls again, or is called.
fn serve(
    notebook: &Notebook,
    direct: &Direct,
    keys: &dyn KeyStore,
    serving: &Serving,
    came: &mpsc::Sender<(Peer, SyncReport)>,
) {
    while !serving.is_over.load(Ordering::Relaxed) {
        let Some(guest) = direct.next_guest(STEP) else { continue };
        serving.guests.fetch_add(1, Ordering::Relaxed);
        if let Ok(Some(served)) = notebook.serve(direct, guest, keys, &mut |_, _| Ok(())) {
            let _ = came.send(served);
        }
        serving.guests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Syncs with whoever of the notebook is at this address.
pub(crate) fn at(app: &App, typed: &str, answers: &mut Vec<serde_json::Value>) -> Result<(), Failure> {
    let keys = app.keys()?;
    let peers = app.notebook.peers(&keys)?;
    let none = || {
        Failure::Usage("this notebook has no other device yet; let one in with kith invite, through a folder".into())
    };
    let member = app.notebook.member(&keys)?.filter(|_| !peers.is_empty()).ok_or_else(none)?;
    // Not through the relay: there and nowhere else was asked for.
    let direct = Direct::bind(member.keys().endpoint_key(), 0, None)?;
    let at: Vec<SocketAddr> = typed
        .to_socket_addrs()
        .map_err(|error| {
            Failure::Usage(format!(
                "{typed} is no address ({error}); write it as HOST:PORT, as the other device shows it"
            ))
        })?
        .collect();
    let spinner = app.spinner("calling there");
    // Which of them is there, only the connection tells.
    let answered = std::thread::scope(|scope| {
        let (direct, notebook, keys, at, bar) = (&direct, &app.notebook, &keys, &at, &spinner);
        let calls: Vec<_> = peers
            .iter()
            .map(|peer| {
                let call = move || {
                    notebook.call_chosen(direct, peer, at, keys, &mut |done, total| tick(bar, peer, done, total))
                };
                (peer, scope.spawn(call))
            })
            .collect();
        let ended = calls.into_iter().filter_map(|(peer, call)| Some((peer, call.join().ok()?)));
        let answered: Vec<_> = ended.filter(|(_, called)| !matches!(called, Err(Error::NotFound(_)))).collect();
        answered
    });
    spinner.finish_and_clear();
    drop(direct);
    if answered.is_empty() {
        return Err(Failure::NotFound(format!(
            "no device of this notebook answers at {typed}. It has to run `kith sync --watch`, which says its port, and \
             nothing in between may stop UDP"
        )));
    }
    answered.into_iter().try_for_each(|(peer, called)| told(app, &keys, peer, called, answers))
}

/// Says what came of calling a device, and remembers where it was.
pub(crate) fn told(
    app: &App,
    keys: &dyn KeyStore,
    peer: &Peer,
    called: Called,
    answers: &mut Vec<serde_json::Value>,
) -> Result<(), Failure> {
    let (report, address) = called?;
    if let Some(address) = address {
        remember_address(keys, peer, address)?;
    }
    if app.json {
        answers.push(sync::answer(app, "device", &peer.name, &report));
    } else {
        say(app, &clean(&peer.name), &report);
    }
    if report.received > 0 {
        app.settle();
    }
    Ok(())
}

/// What a direct exchange brought, in words that are true of both sides.
pub(crate) fn say(app: &App, name: &str, report: &SyncReport) {
    let given = match (report.written, report.unconfirmed) {
        (0, _) => String::new(),
        (written, 0) => format!("{name} has all that is new here: {}.", days::count(written, "file", "files")),
        (written, _) => format!("{name} took {}.", days::count(written, "file", "files")),
    };
    let received = sync::received_words(report.received, report.touched);
    app.out.confirm(match (report.written, report.received) {
        (0, 0) if report.unconfirmed == 0 => format!("{name}: nothing new on either side."),
        (0, 0) => format!("{name}: nothing new from there."),
        (_, 0) => format!("{given} Nothing new from there."),
        (0, _) => format!("{name}: {received}"),
        (_, _) => format!("{given} {received}"),
    });
    if report.unconfirmed > 0 {
        let still = days::count(report.unconfirmed, "file was", "files were");
        app.out.aside(format!("{still} not taken there; a later sync tries again."));
    }
    if report.more {
        app.out.aside("There is more than one meeting may carry: sync again for the rest.");
    }
    sync::tell_asides(app, report);
}
