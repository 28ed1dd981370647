//! Staying: listens for other devices, meets those that appear nearby, and looks into each mailbox when something changes
//! in it or here. Everything happens one after the other on this thread, but for serving whoever comes in, since two devices
//! that call each other at once must not wait for one another, and for calling through a relay, which is `far`'s.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use kith_core::Error;
use kith_core::notebook::{Notebook, Peer, SyncReport};
use kith_core::sync::carrier::Place;
use kith_core::sync::carrier::direct::Direct;
use kith_core::sync::keystore::DeviceKeyStore;
use notify::{RecursiveMode, Watcher};

use crate::app::App;
use crate::failure::Failure;
use crate::layout::clean;
use crate::mailboxes::Opened;
use crate::near::Near;
use crate::{direct, far, mailboxes, sync};

/// How often it looks whether this notebook was written in by another program, and whether it is over.
const LOOK: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(200);
/// How often it looks whether it has to show itself under another key.
const SHOWN: Duration = Duration::from_secs(10);
/// What changes comes in bursts: the pass waits until it is quiet for so long.
const QUIET: Duration = Duration::from_millis(700);
/// How often a mailbox is looked into of which nothing is heard: a server cannot say that something came.
const POLL: Duration = Duration::from_secs(60);
/// A device that shows itself is left so long to the other side to call.
const POLITE: Duration = Duration::from_secs(4);
/// Who was just met need not be met again at once, and who failed is tried again after so long.
const JUST_MET: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(30);
/// So many devices are served at once.
const AT_ONCE: usize = 8;
/// So often a device that does not answer is tried.
const MISSED: u32 = 10;

/// What happens while it watches.
pub(crate) enum Event {
    /// A device of the notebook shows itself at these addresses.
    Seen(Peer, Vec<SocketAddr>),
    /// Somebody came in and was served, from then on: what changed since is not in it.
    Served(Result<Option<Box<(Peer, SyncReport)>>, Error>, Instant),
    /// Somebody was called through the relay.
    Called(Box<far::Called>),
    /// Something changed in the folder of this mailbox.
    Folder(usize),
    /// Ctrl-C.
    Stop,
}

/// With what this device takes part, for every thread.
pub(crate) struct Here<'a> {
    pub(crate) notebook: &'a Notebook,
    pub(crate) keys: DeviceKeyStore,
    pub(crate) direct: Direct,
    pub(crate) is_over: AtomicBool,
}

/// Stays until Ctrl-C.
pub(crate) fn watch(app: &App, port: Option<u16>) -> Result<(), Failure> {
    let (keys, mailboxes) = (app.keys()?, mailboxes::open_all(app)?);
    let (tell, events) = mpsc::channel();
    stop_on_ctrl_c(tell.clone())?;
    let (far, words) = mpsc::channel();
    let mut plan = Plan::new(mailboxes, far);
    // First the mailboxes: who was removed is heard there before anybody may come in, and a notebook that has met nobody is
    // founded by the first of them.
    plan.pass_all(app);
    let direct = app.notebook.go_on_the_network(&keys, port.unwrap_or(0))?;
    let Some(direct) = direct else { return Err(mailboxes::none_yet()) };
    direct.open_door(app.notebook.guests(&keys)?);
    let here = Here { notebook: &app.notebook, keys, direct, is_over: AtomicBool::new(false) };
    let near = show_and_look(app, &here)?;
    let port = here.direct.port();
    if app.json {
        app.line(serde_json::json!({ "port": port }).to_string());
    } else {
        app.out.confirm(format!("Listening on port {port}; Ctrl-C ends it."));
    }
    app.out.flush();
    let _watchers = watch_folders(app, &plan.mailboxes, &tell);
    let served = AtomicUsize::new(0);
    let ended = std::thread::scope(|scope| {
        let (serving, looking, calling) = (tell.clone(), tell.clone(), tell);
        let (here, served) = (&here, &served);
        scope.spawn(move || serve(scope, here, served, &serving));
        if let Some(near) = near {
            scope.spawn(move || look_out(here, near, &looking));
        }
        if here.direct.relay().is_some() {
            scope.spawn(move || far::call_all(here, &words, &calling));
        }
        let ended = stay(app, here, &mut plan, &events);
        here.is_over.store(true, Ordering::Relaxed);
        here.direct.leave();
        ended
    });
    drop(here);
    if !app.json {
        app.out.confirm("Ended.");
    }
    ended
}

/// Shows this device on the network and begins to look; a network that forbids it is no reason not to listen.
fn show_and_look(app: &App, here: &Here<'_>) -> Result<Option<Near>, Failure> {
    let Some(member) = here.notebook.member(&here.keys)? else { return Ok(None) };
    match Near::look().and_then(|mut near| near.show(|nonce| member.beacon(nonce), here.direct.port()).map(|()| near)) {
        Ok(near) => Ok(Some(near)),
        Err(failure) => {
            app.out.aside(format!("{}; who knows the address can still come.", failure.words()));
            Ok(None)
        }
    }
}

/// Serves whoever comes, a few at once: one that was switched off in the middle must not hold up the next.
fn serve<'scope, 'env>(
    scope: &'scope std::thread::Scope<'scope, 'env>,
    here: &'env Here<'_>,
    served: &'env AtomicUsize,
    tell: &mpsc::Sender<Event>,
) {
    while !here.is_over.load(Ordering::Relaxed) {
        if served.load(Ordering::Relaxed) >= AT_ONCE {
            std::thread::sleep(STEP);
            continue;
        }
        let Some(guest) = here.direct.next_guest(STEP) else { continue };
        served.fetch_add(1, Ordering::Relaxed);
        let tell = tell.clone();
        scope.spawn(move || {
            let began = Instant::now();
            let done = here.notebook.serve(&here.direct, guest, &here.keys, &mut |_, _| Ok(()));
            served.fetch_sub(1, Ordering::Relaxed);
            let _ = tell.send(Event::Served(done.map(|came| came.map(Box::new)), began));
        });
    }
}

/// Tells of devices of the notebook that show themselves, and shows this one anew when the key changes under which the
/// others know it.
fn look_out(here: &Here<'_>, mut near: Near, tell: &mpsc::Sender<Event>) {
    let mut shown = None;
    let mut looked = Instant::now();
    while !here.is_over.load(Ordering::Relaxed) {
        let sighting = near.next(STEP);
        if sighting.is_none() && looked.elapsed() < SHOWN {
            continue;
        }
        looked = Instant::now();
        let Ok(Some(member)) = here.notebook.member(&here.keys) else { continue };
        let key = member.write_epoch().map(|epoch| epoch.key_id());
        if shown.replace(key).is_some_and(|before| before != key) {
            let _ = near.show(|nonce| member.beacon(nonce), here.direct.port());
        }
        let Some(sighting) = sighting else { continue };
        let device = sighting.beacon.of(&member);
        let peers = here.notebook.peers_to_call(&here.keys).unwrap_or_default();
        if let Some(peer) = peers.into_iter().find(|peer| Some(peer.device) == device) {
            let _ = tell.send(Event::Seen(peer, sighting.at));
        }
    }
}

fn stay(app: &App, here: &Here<'_>, plan: &mut Plan, events: &mpsc::Receiver<Event>) -> Result<(), Failure> {
    let me = here.notebook.member(&here.keys)?.map(|member| member.device());
    here.notebook.look_around()?;
    while !app.out.is_closed() {
        match events.recv_timeout(plan.patience()) {
            Ok(Event::Stop) => return Ok(()),
            Ok(Event::Folder(mailbox)) => plan.soon(Task::Mailbox(mailbox), QUIET),
            // Of two that see each other the one with the smaller name calls, the other only if nothing comes.
            Ok(Event::Seen(peer, at)) => {
                let wait = if me.is_some_and(|me| me < peer.device) { Duration::ZERO } else { POLITE };
                plan.seen(peer, at, wait);
            }
            Ok(Event::Served(Ok(Some(came)), began)) => {
                let (peer, report) = *came;
                plan.met(&peer, began);
                plan.tell(app, &peer, &report);
                if report.received > 0 {
                    app.settle();
                }
                plan.pass_on(&report);
            }
            Ok(Event::Served(Ok(None), _)) => {}
            Ok(Event::Called(called)) => plan.called(app, *called),
            Ok(Event::Served(Err(error), _)) => app.out.aside(format!("A device came, and it went wrong: {error}")),
            Err(_) => {}
        }
        if here.notebook.look_around()? {
            here.direct.open_door(here.notebook.guests(&here.keys)?);
            plan.everything_soon();
        }
        plan.do_next(app, here)?;
        app.out.flush();
    }
    Ok(())
}

/// Something to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    /// A pass through this mailbox.
    Mailbox(usize),
    /// To call the device of this endpoint.
    Peer([u8; 32]),
}

/// Whom to sync with, and when.
struct Plan {
    mailboxes: Vec<Opened>,
    near: BTreeMap<[u8; 32], (Peer, Vec<SocketAddr>)>,
    due: BTreeMap<Task, Instant>,
    /// When the last meeting with each began.
    met: BTreeMap<[u8; 32], Instant>,
    /// When something was last heard of that others may lack.
    changed: Instant,
    /// How often a device did not answer where it showed itself.
    missed: BTreeMap<[u8; 32], u32>,
    /// What went wrong last, so that it is told once.
    wrong: BTreeMap<Task, String>,
    /// Whoever calls through the relay, if somebody does.
    far: mpsc::Sender<far::Word>,
}

impl Plan {
    fn new(mailboxes: Vec<Opened>, far: mpsc::Sender<far::Word>) -> Self {
        Self {
            mailboxes,
            near: BTreeMap::new(),
            due: BTreeMap::new(),
            met: BTreeMap::new(),
            changed: Instant::now(),
            missed: BTreeMap::new(),
            wrong: BTreeMap::new(),
            far,
        }
    }

    /// How long nothing is due.
    fn patience(&self) -> Duration {
        let next = self.due.values().min().map(|due| due.saturating_duration_since(Instant::now()));
        next.unwrap_or(LOOK).min(LOOK)
    }

    /// Puts it on the plan, or later if it is there: while there is more to come, it waits.
    fn soon(&mut self, task: Task, wait: Duration) {
        self.due.insert(task, Instant::now() + wait);
    }

    fn everything_soon(&mut self) {
        self.changed = Instant::now();
        let mailboxes = (0..self.mailboxes.len()).map(Task::Mailbox);
        let all: Vec<Task> = mailboxes.chain(self.near.keys().copied().map(Task::Peer)).collect();
        all.into_iter().for_each(|task| self.soon(task, QUIET));
        let _ = self.far.send(far::Word::Changed);
    }

    /// What came from one goes on to the others.
    fn pass_on(&mut self, report: &SyncReport) {
        if report.read > 0 || report.sent > 0 {
            self.everything_soon();
        }
    }

    fn seen(&mut self, peer: Peer, at: Vec<SocketAddr>, wait: Duration) {
        // Who was met before something changed has not heard of it.
        let is_just_met =
            self.met.get(&peer.endpoint).is_some_and(|met| met.elapsed() < JUST_MET && *met >= self.changed);
        let task = Task::Peer(peer.endpoint);
        if !is_just_met && !self.due.contains_key(&task) {
            self.soon(task, wait);
        }
        self.missed.remove(&peer.endpoint);
        let _ = self.far.send(far::Word::Nearby(peer.endpoint));
        self.near.insert(peer.endpoint, (peer, at));
    }

    /// A meeting that began then is over. What changed meanwhile is still to be brought.
    fn met(&mut self, peer: &Peer, began: Instant) {
        self.met.insert(peer.endpoint, began);
        if began >= self.changed {
            self.due.remove(&Task::Peer(peer.endpoint));
        }
        self.wrong.remove(&Task::Peer(peer.endpoint));
    }

    /// The first pass.
    fn pass_all(&mut self, app: &App) {
        (0..self.mailboxes.len()).for_each(|mailbox| self.pass(app, mailbox));
    }

    fn do_next(&mut self, app: &App, here: &Here<'_>) -> Result<(), Failure> {
        let now = Instant::now();
        let Some(task) = self.due.iter().filter(|(_, due)| **due <= now).min_by_key(|(_, due)| **due) else {
            return Ok(());
        };
        let task = *task.0;
        self.due.remove(&task);
        match task {
            Task::Mailbox(mailbox) => self.pass(app, mailbox),
            Task::Peer(endpoint) => self.call(app, here, endpoint)?,
        }
        here.direct.open_door(here.notebook.guests(&here.keys)?);
        Ok(())
    }

    fn pass(&mut self, app: &App, mailbox: usize) {
        let task = Task::Mailbox(mailbox);
        let Some((_, open)) = self.mailboxes.get(mailbox) else { return };
        match sync::pass_one(app, open.as_ref()) {
            Ok(report) => {
                self.wrong.remove(&task);
                if report.received > 0 || report.written > 0 || report.new_log {
                    say(app, "mailbox", &open.words(), &report, || sync::tell(app, &report));
                }
                if report.read > 0 {
                    self.everything_soon();
                }
                self.soon(task, POLL);
            }
            Err(error) => {
                let words = format!("{}: {error}", open.words());
                self.soon(task, POLL);
                self.went_wrong(app, task, words);
            }
        }
    }

    fn call(&mut self, app: &App, here: &Here<'_>, endpoint: [u8; 32]) -> Result<(), Failure> {
        let task = Task::Peer(endpoint);
        let Some((peer, at)) = self.near.get(&endpoint).cloned() else { return Ok(()) };
        let began = Instant::now();
        match here.notebook.call(&here.direct, &peer, &at, &here.keys, &mut |_, _| Ok(())) {
            Ok((report, address)) => {
                address
                    .into_iter()
                    .try_for_each(|address| kith_core::notebook::remember_address(&here.keys, &peer, address))?;
                let is_first = !self.met.contains_key(&endpoint);
                self.met(&peer, began);
                if is_first || report.received > 0 || report.written > 0 {
                    self.tell(app, &peer, &report);
                }
                if report.received > 0 {
                    app.settle();
                }
                if report.read > 0 {
                    self.pass_on(&report);
                    self.due.remove(&task);
                }
                if report.more {
                    self.soon(task, Duration::ZERO);
                }
            }
            Err(Error::NotFound(_)) => self.missed(endpoint),
            Err(error) => {
                self.soon(task, AGAIN);
                self.went_wrong(app, task, format!("{}: {error}", clean(&peer.name)));
            }
        }
        Ok(())
    }

    /// It may be asleep; one that stays away shows itself when it comes back.
    fn missed(&mut self, endpoint: [u8; 32]) {
        let missed = self.missed.entry(endpoint).or_default();
        *missed += 1;
        if *missed < MISSED {
            self.soon(Task::Peer(endpoint), AGAIN);
        } else {
            self.near.remove(&endpoint);
            let _ = self.far.send(far::Word::Gone(endpoint));
        }
    }

    /// One that is not at the relay either is no news.
    fn called(&mut self, app: &App, called: far::Called) {
        let far::Called { peer, report, began } = called;
        match report {
            Ok(report) => {
                let is_first = !self.met.contains_key(&peer.endpoint);
                self.met(&peer, began);
                if is_first || report.received > 0 || report.written > 0 {
                    self.tell(app, &peer, &report);
                }
                if report.received > 0 {
                    app.settle();
                }
                self.pass_on(&report);
            }
            Err(Error::NotFound(_)) => {}
            Err(error) => {
                let words = format!("{}: {error}", clean(&peer.name));
                self.went_wrong(app, Task::Peer(peer.endpoint), words);
            }
        }
    }

    fn tell(&self, app: &App, peer: &Peer, report: &SyncReport) {
        say(app, "device", &peer.name, report, || direct::say(app, &clean(&peer.name), report));
    }

    /// Told once, until it goes well again or goes wrong in another way.
    fn went_wrong(&mut self, app: &App, task: Task, words: String) {
        if self.wrong.get(&task) != Some(&words) {
            app.out.aside(&words);
            self.wrong.insert(task, words);
        }
    }
}

/// One line for a person, or one object for another program.
fn say(app: &App, what: &str, name: &str, report: &SyncReport, in_words: impl FnOnce()) {
    if app.json {
        app.line(sync::answer(app, what, name, report).to_string());
    } else {
        in_words();
    }
}

fn stop_on_ctrl_c(tell: mpsc::Sender<Event>) -> Result<(), Failure> {
    let tell = Mutex::new(tell);
    let stop = move || {
        let _ = tell.lock().unwrap_or_else(PoisonError::into_inner).send(Event::Stop);
    };
    ctrlc::set_handler(stop).map_err(|error| Failure::Wrong(format!("Ctrl-C cannot be waited for ({error})")))
}

/// Watches the folders among the mailboxes; they are watched until this is dropped. A folder that cannot be watched, as on
/// some network disks, is looked into now and then instead.
fn watch_folders(app: &App, mailboxes: &[Opened], tell: &mpsc::Sender<Event>) -> Vec<notify::RecommendedWatcher> {
    let mut watchers = Vec::new();
    for (at, (place, _)) in mailboxes.iter().enumerate() {
        let Place::Folder { path } = place else { continue };
        let tell = tell.clone();
        let changed = move |event: notify::Result<notify::Event>| {
            // Looking into it, as our own passes do, changes nothing.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = tell.send(Event::Folder(at));
            }
        };
        let watching = notify::recommended_watcher(changed)
            .and_then(|mut watcher| watcher.watch(path, RecursiveMode::Recursive).map(|()| watcher));
        match watching {
            Ok(watcher) => watchers.push(watcher),
            Err(error) => app.out.aside(format!("{} cannot be watched ({error})", path.display())),
        }
    }
    watchers
}
