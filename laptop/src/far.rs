//! While this device watches: calling the others through the relay, on a thread of its own, since for one that is switched
//! off it waits long.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kith_core::Error;
use kith_core::notebook::{Peer, SyncReport};

use crate::watch::{Event, Here};

/// How often it looks whether somebody is to be called.
const STEP: Duration = Duration::from_millis(200);
/// Who is nearby shows itself in that time.
const NEARBY_FIRST: Duration = Duration::from_secs(4);
/// Who did not answer is called again after so long, and not before: who comes to the relay meanwhile calls by itself.
const AGAIN: Duration = Duration::from_secs(60);

/// What it is told.
pub(crate) enum Word {
    /// Something changed that the others may lack.
    Changed,
    /// This device shows itself on the network, and is called there.
    Nearby([u8; 32]),
    /// This device does not show itself any more.
    Gone([u8; 32]),
}

/// What came of calling a device through the relay.
pub(crate) struct Called {
    pub(crate) peer: Peer,
    pub(crate) report: Result<SyncReport, Error>,
    /// When that began: what changed since is not in it.
    pub(crate) began: Instant,
}

/// Calls every device that is not nearby: at the beginning, when something changed, and again when it did not answer.
pub(crate) fn call_all(here: &Here<'_>, words: &mpsc::Receiver<Word>, tell: &mpsc::Sender<Event>) {
    let (mut due, mut nearby) = (BTreeMap::new(), BTreeSet::new());
    let peers = || here.notebook.peers_to_call(&here.keys).unwrap_or_default();
    let all_soon = |due: &mut BTreeMap<[u8; 32], Instant>, wait: Duration| {
        for peer in peers() {
            due.entry(peer.endpoint).or_insert_with(|| Instant::now() + wait);
        }
    };
    all_soon(&mut due, NEARBY_FIRST);
    while !here.is_over.load(Ordering::Relaxed) {
        match words.recv_timeout(STEP) {
            Ok(Word::Changed) => all_soon(&mut due, Duration::ZERO),
            Ok(Word::Nearby(endpoint)) => drop(nearby.insert(endpoint)),
            Ok(Word::Gone(endpoint)) => {
                nearby.remove(&endpoint);
                due.insert(endpoint, Instant::now());
            }
            Err(_) => {}
        }
        due.retain(|endpoint, _| !nearby.contains(endpoint));
        let Some(endpoint) = due.iter().find(|(_, due)| **due <= Instant::now()).map(|(endpoint, _)| *endpoint) else {
            continue;
        };
        due.remove(&endpoint);
        let Some(peer) = peers().into_iter().find(|peer| peer.endpoint == endpoint) else { continue };
        let began = Instant::now();
        let called = here.notebook.call(&here.direct, &peer, &[], &here.keys, &mut |_, _| Ok(()));
        let report = called.map(|(report, _)| report);
        match &report {
            Ok(report) if report.more => drop(due.insert(endpoint, Instant::now())),
            Ok(_) => {}
            Err(_) => drop(due.insert(endpoint, Instant::now() + AGAIN)),
        }
        let _ = tell.send(Event::Called(Box::new(Called { peer, report, began })));
    }
}
