//! Two notebooks that meet at a real server and nowhere else. Whatever becomes of the server, of the line to it and of its
//! disk: what was acknowledged is on both in the end, and nothing that is only half there is taken for whole.

use std::time::Duration;

use kith_core::model::{BlobId, Contact, Id, Note};
use kith_core::notebook::SyncReport;
use kith_core::sync::carrier::{Mailbox, open, try_out};
use kith_core::{Error, Result};
use tests::seeds::seeds;
use tests::{Device, Seeded, assert_alike, let_in_step_by_step, let_in_through, quick_folder};

use super::cutting::{Line, Proxy};
use super::servers::{Kind, Server, comes_true, until};
use super::{blob, in_the_end};

/// How often each device edits something before they meet again.
const EDITS: usize = 12;
/// Of these, how many give somebody a photo, and how large that is.
const PHOTOS: usize = 2;
const PHOTO: usize = 50_000;
/// How long it may take until both show the same, on a server that is there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two devices, and what was acknowledged on them.
pub(crate) struct Two {
    pub(crate) phone: Device,
    pub(crate) laptop: Device,
    pub(crate) seed: u64,
    random: Seeded,
    words: Vec<String>,
    photos: Vec<(BlobId, Vec<u8>)>,
    gone: Vec<String>,
    people: Vec<Id<Contact>>,
    note: Id<Note>,
    _folder: tempfile::TempDir,
}

impl Two {
    /// Two that have not met, the first with somebody in its notebook.
    pub(crate) fn new() -> Self {
        let (folder, seed) = (quick_folder(), seeds(0, 1)[0]);
        let phone = Device::new(folder.path(), "phone", seed ^ 1);
        let laptop = Device::new(folder.path(), "laptop", seed ^ 2);
        let note = phone.notebook.put(Note { body: "begun".into(), ..Note::default() }).unwrap();
        let mut two = Self {
            phone,
            laptop,
            seed,
            random: Seeded(seed ^ 3),
            words: Vec::new(),
            photos: Vec::new(),
            gone: Vec::new(),
            people: Vec::new(),
            note,
            _folder: folder,
        };
        two.people.push(two.phone.notebook.put(person("Dana Ruiz")).unwrap());
        two
    }

    /// Two of one notebook, that met at this server.
    fn at(server: &Server) -> Self {
        let two = Self::new();
        let place = server.mailbox();
        try_out(place.as_ref(), &[3; 16]).unwrap();
        let (host, guest) = ((&two.phone.notebook, &two.phone.keys), (&two.laptop.notebook, &two.laptop.keys));
        let_in_through(host, guest, place.as_ref());
        two.meet([place.as_ref(), place.as_ref()]);
        two
    }

    /// The phone lets the laptop in where a step may fail: each is tried again.
    pub(crate) fn lets_in(&self, places: [&dyn Mailbox; 2], again: impl Fn(&dyn Fn() -> Result<()>)) {
        let (host, guest) = ((&self.phone.notebook, &self.phone.keys), (&self.laptop.notebook, &self.laptop.keys));
        let_in_step_by_step(host, guest, places, again);
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.random.below(most)
    }

    /// Both devices write, also into what the other writes into, and what either acknowledged is remembered.
    pub(crate) fn live(&mut self) {
        for at in 0..EDITS {
            for of_phone in [true, false] {
                let n = self.words.len();
                let word = format!("word{n}z");
                let device = if of_phone { &self.phone } else { &self.laptop };
                let known = *self.random.pick(&self.people);
                // Before the two have met the one does not know whom the other knows.
                let is_known = device.notebook.get(known).unwrap().is_some();
                match at % 4 {
                    1 if is_known => {
                        device.notebook.edit(known, |of: &mut Contact| of.tags.push(word.clone())).unwrap()
                    }
                    2 if is_known => {
                        let add = |note: &mut Note| note.body.push_str(&format!(" {word}"));
                        device.notebook.edit(self.note, add).unwrap();
                    }
                    3 if is_known => {
                        let note = Note { body: word.clone(), about: vec![known], ..Note::default() };
                        device.notebook.put(note).unwrap();
                    }
                    _ => drop(device.notebook.put(person(&format!("Ann {word}"))).unwrap()),
                }
                if at < PHOTOS {
                    let photo = [&[0xff, 0xd8, 0xff][..], &blob(&mut self.random, PHOTO)].concat();
                    let id = BlobId::of(&photo);
                    let mut writing = device.notebook.write();
                    let shown = Contact { photo: Some(id.clone()), ..person(&format!("Ben {word}")) };
                    writing.put(shown).unwrap();
                    writing.blob(photo.clone());
                    writing.commit().unwrap();
                    self.photos.push((id, photo));
                }
                self.words.push(word);
            }
        }
    }

    /// One device deletes somebody for good whom both know.
    pub(crate) fn purge(&mut self) {
        let n = self.gone.len();
        let word = format!("gone{n}z");
        let id = self.laptop.notebook.put(person(&word)).unwrap();
        self.gone.push(word);
        self.laptop.notebook.purge(id).unwrap();
    }

    /// Somebody whom one of them deletes for good once both have heard of her.
    fn add_somebody_to_delete(&mut self) -> Id<Contact> {
        let word = format!("gone{}z", self.gone.len());
        let id = self.phone.notebook.put(person(&word)).unwrap();
        self.gone.push(word);
        id
    }

    /// One pass of the phone, or of the laptop.
    pub(crate) fn pass(&self, of_phone: bool, place: &dyn Mailbox) -> Result<SyncReport> {
        let device = if of_phone { &self.phone } else { &self.laptop };
        device.notebook.sync(place, &device.keys, &mut |_, _| Ok(()))
    }

    /// Both pass until neither has anything new, and then hold the same.
    pub(crate) fn meet(&self, [of_phone, of_laptop]: [&dyn Mailbox; 2]) {
        let is_quiet = || {
            let passed = [self.pass(true, of_phone), self.pass(false, of_laptop)].map(Result::unwrap);
            let news = |report: &SyncReport| report.written + report.read + report.sent + report.deleted;
            passed.iter().all(|report| news(report) == 0 && report.set_aside.is_empty() && report.missing == 0)
        };
        assert!(comes_true(PATIENCE, is_quiet), "seed {}: they do not come to rest within {PATIENCE:?}", self.seed);
        self.hold_the_same();
    }

    /// Whether the other one has heard of all that was acknowledged.
    pub(crate) fn are_alike(&self) -> bool {
        self.phone.notebook.dump().unwrap() == self.laptop.notebook.dump().unwrap()
            && self.photos.iter().all(|(id, _)| [&self.phone, &self.laptop].iter().all(|of| has(of, id).is_some()))
    }

    /// Both show all that was acknowledged, and nothing that was deleted for good.
    pub(crate) fn hold_the_same(&self) {
        assert_alike(&self.phone, &self.laptop);
        let all = self.phone.notebook.dump().unwrap().join("\n");
        let lost: Vec<_> = self.words.iter().filter(|word| !all.contains(word.as_str())).collect();
        assert!(lost.is_empty(), "seed {}: acknowledged and lost: {lost:?}", self.seed);
        let left: Vec<_> = self.gone.iter().filter(|word| all.contains(word.as_str())).collect();
        assert!(left.is_empty(), "seed {}: deleted for good and still there: {left:?}", self.seed);
        for (id, photo) in &self.photos {
            for device in [&self.phone, &self.laptop] {
                let here = has(device, id);
                assert!(here.as_ref() == Some(photo), "seed {}: a photo is not whole", self.seed);
            }
        }
    }
}

fn has(device: &Device, photo: &BlobId) -> Option<Vec<u8>> {
    device.notebook.photo(photo).unwrap()
}

fn person(name: &str) -> Contact {
    Contact { name: name.into(), ..Contact::default() }
}

pub(crate) fn two_notebooks_meet_there_and_end_alike(kind: Kind, test: &str) {
    let Some(server) = Server::start(test, kind) else { return };
    let mut two = Two::at(&server);
    let place = server.mailbox();
    let both = [place.as_ref(), place.as_ref()];
    let somebody = two.add_somebody_to_delete();
    two.live();
    // The one deletes her before, the other after it heard of her.
    two.purge();
    two.pass(true, place.as_ref()).unwrap();
    two.pass(false, place.as_ref()).unwrap();
    two.laptop.notebook.purge(somebody).unwrap();
    two.live();
    two.meet(both);
    two.live();
    std::thread::scope(|scope| {
        let passes = [true, false].map(|of_phone| {
            let (two, server) = (&two, &server);
            scope.spawn(move || two.pass(of_phone, server.mailbox().as_ref()))
        });
        passes.into_iter().for_each(|pass| drop(pass.join().unwrap().unwrap()));
    });
    two.meet(both);
}

pub(crate) fn a_wrong_password_changes_nothing_in_two_notebooks(kind: Kind, test: &str) {
    let Some(server) = Server::start(test, kind) else { return };
    let mut two = Two::at(&server);
    two.live();
    let wrong = open(&server.place(server.port), Some("something else")).unwrap();
    for of_phone in [true, false] {
        let before = two.laptop.notebook.dump().unwrap();
        let error = two.pass(of_phone, wrong.as_ref()).unwrap_err();
        assert!(matches!(error, Error::Denied(_)) && !error.to_string().contains("something else"), "{error}");
        assert_eq!(two.laptop.notebook.dump().unwrap(), before);
    }
    let place = server.mailbox();
    two.meet([place.as_ref(), place.as_ref()]);
}

pub(crate) fn a_server_killed_in_the_middle_of_a_pass_keeps_nothing_from_two_notebooks(kind: Kind, test: &str) {
    let Some(mut server) = Server::start(test, kind) else { return };
    let mut two = Two::at(&server);
    for (round, of_phone) in [true, false, true, false].into_iter().enumerate() {
        if round == 2 {
            two.purge();
        }
        two.live();
        let is_upload = round < 2;
        if !is_upload {
            two.pass(!of_phone, server.mailbox().as_ref()).unwrap();
        }
        // The line hangs while a photo is under way, and the server dies exactly then.
        let stop_at = 20_000 + two.below(PHOTO);
        let (up, down) = if is_upload { (stop_at, usize::MAX) } else { (usize::MAX, stop_at) };
        let proxy = Proxy::before(server.port, move || Line { up, down, hangs: true });
        let place = server.mailbox_at(proxy.port);
        std::thread::scope(|scope| {
            let pass = scope.spawn(|| two.pass(of_phone, place.as_ref()));
            until("the pass is in the middle", || proxy.exhausted() > 0 || pass.is_finished());
            assert!(proxy.exhausted() > 0, "seed {}: round {round} was over before that", two.seed);
            server.kill();
            drop(proxy);
            let error = pass.join().unwrap().expect_err("nobody is there to have answered");
            assert!(matches!(error, Error::Unreachable(_)), "{error}");
        });
        server.restart();
        let place = server.mailbox();
        // The other one comes first, and finds what is half there.
        two.pass(!of_phone, place.as_ref()).unwrap();
        two.live();
        two.meet([place.as_ref(), place.as_ref()]);
    }
}

pub(crate) fn two_notebooks_pair_and_meet_through_a_line_that_breaks(kind: Kind, test: &str) {
    let Some(server) = Server::start(test, kind) else { return };
    try_out(server.mailbox().as_ref(), &[3; 16]).unwrap();
    let mut two = Two::new();
    let mut fates = Seeded(two.seed ^ 4);
    let proxy = Proxy::before(server.port, move || match fates.below(4) {
        0 => Line { up: 1 + fates.below(3_000), down: usize::MAX, hangs: false },
        1 => Line { up: usize::MAX, down: 1 + fates.below(3_000), hangs: false },
        _ => Line { up: 1 + fates.below(200_000), down: 1 + fates.below(200_000), hangs: false },
    });
    let place = server.mailbox_at(proxy.port);
    let place = place.as_ref();
    two.lets_in([place, place], |call| in_the_end(two.seed, call));
    for _ in 0..2 {
        two.live();
        for of_phone in [true, false] {
            in_the_end(two.seed, || two.pass(of_phone, place));
        }
    }
    two.purge();
    for of_phone in [false, true] {
        in_the_end(two.seed, || two.pass(of_phone, place));
    }
    assert!(proxy.exhausted() > 0, "seed {}: no line broke", two.seed);
    let straight = server.mailbox();
    two.meet([straight.as_ref(), straight.as_ref()]);
}

pub(crate) fn a_disk_that_is_full_for_a_while_keeps_nothing_from_two_notebooks(kind: Kind, test: &str) {
    let Some(server) = Server::start_on(test, kind, Some(1024)) else { return };
    let mut two = Two::at(&server);
    two.live();
    let place = server.mailbox();
    let both = [place.as_ref(), place.as_ref()];
    two.meet(both);
    // There is room for one photo and not for two: it fills up in the middle of a pass.
    server.leave_room_for(PHOTO + PHOTO / 2);
    for of_phone in [true, false] {
        two.live();
        let error = two.pass(of_phone, place.as_ref()).unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)) && error.to_string().contains("full"), "{error}");
    }
    two.purge();
    // Who comes again while it is full is told so again, and loses nothing by it.
    two.pass(true, place.as_ref()).unwrap_err();
    server.grow(8 * 1024);
    two.meet(both);
}
