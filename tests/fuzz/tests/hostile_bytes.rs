//! Bytes from outside, drawn or looked for: nothing of them panics, is taken for what it is not, or means one thing to one
//! device and something else to another. Each target begins with samples of what an honest device writes and signs and
//! seals what becomes of them, as a device that means no good would.
//!
//! A plain test run goes through `__fuzz__/TARGET/corpus` and draws more for a second; `BOLERO_RANDOM_TEST_TIME_MS=10000`
//! makes it ten. `cargo bolero test -p fuzz --sanitizer NONE -T 600s TARGET` lets libFuzzer look for
//! bytes that reach new code, and keeps them.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use bolero::check;
use fuzz::{
    NOTEBOOK, bag, changes, device, dice, epoch, frames, have, one_of, pairing as samples_of_pairing, plaintext,
    roster, said, spoiled, told,
};
use kith_core::Error;
use kith_core::document::{Document, gate};
use kith_core::model::{Contact, Note};
use kith_core::sync::carrier::{Item, Mailbox};
use kith_core::sync::envelope::{self, EnvelopeKey};
use kith_core::sync::keys::{self, KeyBag, RecoveryKit};
use kith_core::sync::pairing::{self, Code};
use kith_core::sync::ranges::Ranges;
use kith_core::sync::roster::{self, Entry};
use kith_core::sync::segment::{self, Header, Plaintext};
use kith_core::sync::session::{Frame, Frames, Here, Input, MAX_FRAME, Output, Session, held};
use kith_core::sync::{checkpoint, seal};
use tests::forge::{Change, reseal};
use tests::home::Home;
use tests::{Device, assert_same_lines, copy_folder};

/// What a segment or a part of a checkpoint may come to when it is unpacked.
const MAX_INFLATED: usize = 1024 * 1024;

/// What a fuzzer drew, cut in two at a place it drew as well.
fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    let Some((at, rest)) = input.split_first() else { return (&[], &[]) };
    rest.split_at(usize::from(*at).min(rest.len()))
}

/// With its length before it and zeros after it, as whatever is sealed.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut framed = [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    seal::pad(&mut framed);
    framed
}

/// A body as the first device signs it after this head: signature, and the bytes as they are to be sealed.
fn signed(purpose: &str, head: &[u8], body: &[u8]) -> Vec<u8> {
    [&seal::sign(device(1).signing_key(), purpose, &[head, body])[..], body].concat()
}

// ---- segments and checkpoints ------------------------------------------------------------------------------------------

/// A segment that a device of the notebook sealed and signed, whatever it holds.
fn sealed_segment(body: &[u8]) -> Vec<u8> {
    let sealed = segment::seal(&plaintext(), &epoch(), device(1).signing_key(), 1, &mut dice()).unwrap();
    let length = (seal::SIGNATURE + body.len() + seal::TAG) as u32;
    let header = Header { body: length, ..Header::read(&sealed).unwrap() };
    let bytes = header.bytes();
    let body = signed("kith/seg/1", &bytes, body);
    [&bytes[..], &seal::encrypt(epoch().segment_key(), &header.nonce, &bytes, &body).unwrap()].concat()
}

#[test]
fn a_segment() {
    let text = plaintext().encode();
    let packed = zstd::bulk::compress(&text, 3).unwrap();
    let honest = sealed_segment(&framed(&packed));
    check!().for_each(|input: &[u8]| {
        // As it comes: what was not sealed with the key does not open.
        let bytes = spoiled(input, &honest);
        if let Ok(header) = Header::read(&bytes) {
            assert_eq!(header.bytes()[..], bytes[..segment::HEADER]);
        }
        let opened = segment::open(&bytes, &epoch());
        assert!(opened.is_err() || bytes == honest, "a changed segment opens");
        segment::split(&bytes).for_each(drop);
        // Sealed and signed by a device of the notebook: its text, how it is packed, and how it is filled up.
        let text = spoiled(input, &text);
        if let Ok(read) = Plaintext::decode(&text) {
            assert_eq!(read.encode(), text, "there are two ways to write it");
        }
        let packed = [zstd::bulk::compress(&text, 3).unwrap(), spoiled(input, &packed)];
        let bodies = packed.iter().map(|packed| framed(packed)).chain([spoiled(input, &framed(&packed[0]))]);
        for body in bodies {
            let Ok(opened) = segment::open(&sealed_segment(&body), &epoch()) else { continue };
            if let Ok(read) = opened.verify(&device(1).device()) {
                assert!(read.encode().len() <= MAX_INFLATED);
            }
        }
    });
}

#[test]
fn a_checkpoint() {
    let seen = || vec![([3; 16], (1..=4).collect::<Ranges>())];
    let whole = checkpoint::Text { told: told(), seen: seen() };
    let honest = checkpoint::seal(&whole, &epoch(), device(1).signing_key(), &mut dice()).unwrap().remove(0);
    let (head, sealed) = honest.split_at(56);
    let nonce: [u8; seal::NONCE] = head[32..].try_into().unwrap();
    let body = seal::decrypt(epoch().checkpoint_key(), &nonce, head, sealed).unwrap();
    let text = seal::inflate(seal::unpad(&body[seal::SIGNATURE..]).unwrap(), MAX_INFLATED).unwrap();
    check!().for_each(|input: &[u8]| {
        let bytes = spoiled(input, &honest);
        assert!(checkpoint::open(&bytes, &epoch(), |_| true).is_err() || bytes == honest);
        let text = framed(&zstd::bulk::compress(&spoiled(input, &text), 3).unwrap());
        for body in [text, spoiled(input, &body[seal::SIGNATURE..])] {
            let body = signed("kith/chk/1", head, &body);
            let bytes = [head, &seal::encrypt(epoch().checkpoint_key(), &nonce, head, &body).unwrap()].concat();
            if let Ok(read) = checkpoint::open(&bytes, &epoch(), |_| true) {
                let again = checkpoint::seal(&read, &epoch(), device(1).signing_key(), &mut dice()).unwrap();
                let parts = again.iter().map(|part| checkpoint::open(part, &epoch(), |_| true).unwrap());
                assert_eq!(parts.flat_map(|part| part.told).collect::<Vec<_>>(), read.told);
            }
        }
    });
}

// ---- the roster --------------------------------------------------------------------------------------------------------

#[test]
fn an_entry_of_the_roster() {
    let samples: Vec<Vec<u8>> = said().iter().map(|(_, said)| said.clone()).collect();
    let entries = |count: usize| -> Vec<Entry> {
        let entry = |(by, said): &(u8, Vec<u8>)| Entry::read(&signed_entry(*by, said)).unwrap();
        said().iter().skip(1).take(count).map(entry).collect()
    };
    check!().for_each(|input: &[u8]| {
        let (first, rest) = input.split_at(input.len().min(2));
        let number = |at: usize| usize::from(first.get(at).copied().unwrap_or_default());
        let which = number(0) % samples.len();
        let honest = &signed_entry(said()[which].0, &samples[which]);
        let bytes = spoiled(rest, honest);
        if let Ok(read) = Entry::read(&bytes) {
            assert_eq!(read.bytes(), bytes);
        }
        // Signed by a device of the notebook, or the paper, whatever it says.
        let bytes = signed_entry(said()[which].0, &spoiled(rest, &samples[which]));
        let Ok(entry) = Entry::read(&bytes) else { return };
        let mut before = roster();
        before.merge(entries(number(1) % said().len()));
        let mut after = before.clone();
        drop(after.insert(entry.clone()));
        drop(roster::evaluate(&after));
        // Who hears of it first and who hears of it last agree on who belongs.
        let all = |entries: Vec<Entry>| {
            let mut roster = roster();
            roster.merge(entries);
            roster
        };
        let mut last = entries(said().len());
        let mut first = vec![entry.clone()];
        first.extend(last.clone());
        last.push(entry);
        let (first, last) = (all(first), all(last));
        assert_eq!(roster::evaluate(&first), roster::evaluate(&last));
    });
}

/// What the device of this number says, signed.
fn signed_entry(by: u8, said: &[u8]) -> Vec<u8> {
    [said, &seal::sign(device(by).signing_key(), "kith/ros/1", &[said])].concat()
}

// ---- keys --------------------------------------------------------------------------------------------------------------

#[test]
fn a_bag_of_keys() {
    let keys = device(1);
    let under = epoch().key_id();
    let honest = bag().seal(&keys.envelope_key().public(), (&NOTEBOOK, under), &mut dice()).unwrap();
    let (head, sealed) = honest.split_at(seal::BAG_HEAD);
    let plain = keys.envelope_key().open("kith/bag/1", head, sealed).unwrap();
    let inside = seal::unpad(&plain).unwrap();
    check!().for_each(|input: &[u8]| {
        let bytes = spoiled(input, &honest);
        assert!(keys.open_bag(&bytes, &NOTEBOOK).is_err() || bytes == honest);
        for plain in [framed(&spoiled(input, inside)), spoiled(input, &plain)] {
            let public = keys.envelope_key().public();
            let sealed = envelope::seal(&public, "kith/bag/1", head, &plain, &mut dice()).unwrap();
            let Ok(read) = keys.open_bag(&[head, &sealed].concat(), &NOTEBOOK) else { continue };
            let again = read.seal(&public, (&NOTEBOOK, under), &mut dice()).unwrap();
            assert!(same_keys(&keys::open_bag(keys.envelope_key(), &again, &NOTEBOOK).unwrap(), &read));
        }
    });
}

fn same_keys(a: &KeyBag, b: &KeyBag) -> bool {
    a.keys == b.keys && a.entry_keys == b.entry_keys
}

#[test]
fn a_code_of_pairing() {
    let honest = samples_of_pairing();
    let kit = RecoveryKit::from_seed(keys::Secret::new([5; 32]));
    let texts = [honest.code.text().as_bytes().to_vec(), kit.text().as_bytes().to_vec()];
    let inside = |key: &EnvelopeKey, purpose: &str, file: &[u8]| {
        let (head, envelope) = file.split_at(24);
        seal::unpad(&key.open(purpose, head, envelope).unwrap()).unwrap().to_vec()
    };
    let (first, second) = (device(1), device(2));
    let asked = inside(first.envelope_key(), "kith/join/request/1", &honest.request);
    let answered = inside(second.envelope_key(), "kith/join/answer/1", &honest.answer);
    let vow = pairing::vow_of(&honest.code, &honest.request);
    let (toss_file, toss) = &honest.toss;
    let files = (&honest.invitation[..], &honest.request[..], toss);
    check!().for_each(|input: &[u8]| {
        let typed = one_of(input, &texts);
        let typed = String::from_utf8_lossy(&typed);
        if let Ok(code) = Code::parse(&typed) {
            assert!(Code::parse(&code.text()).unwrap() == code);
        }
        if let Ok(kit) = RecoveryKit::parse(&typed) {
            assert!(RecoveryKit::parse(&kit.text()).unwrap().public() == kit.public());
        }
        let sealed = |to: [u8; 32], purpose: &str, file: &[u8], said: &[u8]| {
            let envelope = envelope::seal(&to, purpose, &file[..24], &framed(&spoiled(input, said)), &mut dice());
            [&file[..24], &envelope.unwrap()].concat()
        };
        let request = sealed(first.envelope_key().public(), "kith/join/request/1", &honest.request, &asked);
        for request in [request, spoiled(input, &honest.request)] {
            let anew = pairing::vow_of(&honest.code, &request);
            if let Ok(read) = pairing::read_request(&honest.code, first.envelope_key(), (&anew, toss), &request) {
                assert_eq!((read.digits.len(), &read.device), (6, &second.public()), "only who knows the code asks");
            }
            if pairing::read_request(&honest.code, first.envelope_key(), (&vow, toss), &request).is_ok() {
                assert_eq!(request, honest.request, "only what was vowed is asked");
            }
        }
        if let Ok(read) = pairing::read_vow(&honest.code, &spoiled(input, &honest.vow)) {
            assert_eq!(read, vow);
        }
        if let Ok(read) = pairing::read_toss(&honest.code, &vow, &spoiled(input, toss_file)) {
            assert_eq!(read, *toss);
        }
        let answer = sealed(second.envelope_key().public(), "kith/join/answer/1", &honest.answer, &answered);
        for answer in [answer, spoiled(input, &honest.answer)] {
            drop(pairing::read_answer(&honest.code, second.envelope_key(), files, &answer));
        }
        let invitation = spoiled(input, &honest.invitation);
        if pairing::request(&honest.code, &invitation, &second.public(), "laptop", &mut dice()).is_ok() {
            assert_eq!(invitation[24..56], honest.invitation[24..56], "nobody else's key is sealed to");
        }
    });
}

// ---- frames and exchanges ----------------------------------------------------------------------------------------------

#[test]
fn a_frame() {
    let bodies: Vec<Vec<u8>> = frames().into_iter().map(|frame| frame[4..].to_vec()).collect();
    let stream = frames().concat();
    check!().for_each(|input: &[u8]| {
        if let Ok(frame) = Frame::read(&one_of(input, &bodies)) {
            assert_eq!(Frame::read(&frame.bytes()[4..]).unwrap(), frame);
        }
        // However the bytes are cut on their way, the same frames come out.
        let (cuts, rest) = halves(input);
        let bytes = spoiled(rest, &stream);
        let whole = taken(&[&bytes]);
        let mut pieces = Vec::new();
        let mut left = &bytes[..];
        for cut in cuts {
            let (piece, rest) = left.split_at(usize::from(*cut).min(left.len()));
            pieces.push(piece);
            left = rest;
        }
        pieces.push(left);
        assert_eq!(taken(&pieces), whole);
    });
}

/// The frames that come out of these pieces, until one is wrong.
fn taken(pieces: &[&[u8]]) -> (Vec<Frame>, bool) {
    let (mut frames, mut taken) = (Frames::default(), Vec::new());
    for piece in pieces {
        frames.push(piece);
        loop {
            match frames.take(MAX_FRAME) {
                Ok(Some(frame)) => taken.push(frame),
                Ok(None) => break,
                Err(_) => return (taken, false),
            }
        }
    }
    (taken, true)
}

#[test]
fn an_exchange() {
    let samples = frames();
    let whole = samples.concat();
    check!().for_each(|input: &[u8]| {
        // Bit by bit: which of the frames come, in which order, and one of them spoiled.
        let (order, rest) = halves(input);
        let mut bytes: Vec<u8> = samples[order.len() % 2].clone();
        order.iter().for_each(|which| bytes.extend(&samples[usize::from(*which) % samples.len()]));
        for (bytes, is_new) in [(spoiled(rest, &bytes), false), (bytes, true), (spoiled(rest, &whole), true)] {
            // A frame of a hundred bytes may ask for many numbers, but no more than there are to be answered.
            assert!(answers(&bytes, is_new) <= 100_000, "a few bytes keep a device busy");
        }
    });
}

/// How much an honest device does about what it hears, whose notebook has two logs.
fn answers(bytes: &[u8], is_new: bool) -> usize {
    let mut mine = have();
    mine.insert([5; 16], held([(1, [1; 32], true)]));
    let here = Here { notebook: NOTEBOOK, parcels: BTreeSet::new(), have: mine.clone(), is_new };
    let (mut session, mut outputs) = Session::begin(here);
    session.hear(bytes);
    let mut done = 0;
    loop {
        while let Some(output) = outputs.pop() {
            done += 1;
            let answer = match output {
                Output::TakeRoster(_) => Input::Roster(BTreeSet::new()),
                Output::GiveRoster(names) => Input::Parcels(names.iter().map(|name| name.to_vec()).collect()),
                Output::GiveCheckpoint => Input::Checkpoint(vec![vec![1; 40]]),
                Output::Give(log, seq) => Input::Segments(log, seq, vec![vec![1; 50]]),
                Output::Tell => Input::Have(mine.clone()),
                Output::Settle => Input::Settled(BTreeSet::new(), mine.clone()),
                Output::Send(_) | Output::TakeCheckpoint(_) | Output::Take(_) | Output::Done => continue,
            };
            outputs.extend(session.step(answer).unwrap());
        }
        if session.wants_room() {
            outputs = session.step(Input::Room).unwrap();
            continue;
        }
        match session.look() {
            Ok(Some(more)) => outputs = more,
            Ok(None) | Err(_) => break,
        }
    }
    assert!(session.outcome().unconfirmed <= 7, "more is unconfirmed than there is");
    done
}

// ---- changes -----------------------------------------------------------------------------------------------------------

#[test]
fn a_change() {
    let mut honest = Document::default().admit(changes()).document;
    honest = Document::load(&honest.save()).unwrap();
    check!().for_each(|input: &[u8]| {
        let mut change = one_of(input, changes());
        if change.len() > 8 {
            reseal(&mut change);
        }
        drop(gate::actor_of(&change));
        // Under the number of another change whichever comes first is taken: only who has the writer's actor can write it.
        let number =
            |change: &[u8]| gate::check(change).ok().map(|_| Change::read(change)).map(|it| (it.actor, it.seq));
        let is_known = changes().iter().any(|known| *known != change && number(known) == number(&change));
        // On a document that has the others, and together with them, in either order.
        let on_top = honest.admit(std::slice::from_ref(&change));
        let mut together = changes().to_vec();
        together.push(change);
        let one_way = Document::default().admit(&together);
        together.reverse();
        let other_way = Document::default().admit(&together);
        for admitted in [&one_way, &other_way].into_iter().filter(|_| !is_known) {
            assert_eq!(admitted.document.heads(), on_top.document.heads(), "devices take different changes");
            assert_eq!(admitted.reading, on_top.reading, "devices show different things");
        }
        // What was taken can be kept and read again.
        let loaded = Document::load(&on_top.document.save()).unwrap();
        assert_eq!((loaded.heads(), loaded.read()), (on_top.document.heads(), on_top.reading));
        drop(Document::load(&spoiled(input, &honest.save())));
    });
}

// ---- a mailbox ---------------------------------------------------------------------------------------------------------

/// A laptop that has been let in and has not read yet, and what the phone left for it.
struct Scene {
    home: Home,
    left: BTreeMap<String, Vec<u8>>,
    shown: Vec<String>,
}

fn scene() -> Scene {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let dana = phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    phone.pass(&home.shared).unwrap();
    phone.notebook.put(Note { body: "likes tea".into(), about: vec![dana], ..Note::default() }).unwrap();
    phone.pass(&home.shared).unwrap();
    let place = tests::mailbox(&home.shared);
    let bytes = |item: Item| (item.name.clone(), place.get(&item.name, u64::MAX).unwrap().unwrap());
    let left = place.list().unwrap().into_iter().map(bytes).collect();
    let shown = phone.notebook.dump().unwrap();
    drop(laptop);
    Scene { home, left, shown }
}

/// A mailbox whose owner lists, gives and loses what they like.
struct Hostile {
    listed: Vec<Item>,
    given: BTreeMap<String, Option<Vec<u8>>>,
}

impl Hostile {
    /// What becomes of an honest one, by what was drawn: four bytes say what is done to which item, and a tail how.
    fn of(left: &BTreeMap<String, Vec<u8>>, input: &[u8]) -> Self {
        let item = |(name, bytes): (&String, &Vec<u8>)| Item { name: name.clone(), bytes: bytes.len() as u64 };
        let mut all = Self {
            listed: left.iter().map(item).collect(),
            given: left.iter().map(|(name, bytes)| (name.clone(), Some(bytes.clone()))).collect(),
        };
        let (deeds, tail) = halves(input);
        deeds.as_chunks::<3>().0.iter().for_each(|deed| all.spoil(deed, tail));
        all
    }

    fn spoil(&mut self, &[deed, which, other]: &[u8; 3], tail: &[u8]) {
        let (which, other) = (usize::from(which) % self.listed.len(), usize::from(other) % self.listed.len());
        let (item, other) = (self.listed[which].clone(), self.listed[other].clone());
        let bytes = self.given.get(&item.name).cloned().flatten().unwrap_or_default();
        let name = || String::from_utf8_lossy(&spoiled(tail, item.name.as_bytes())).into_owned();
        match deed % 9 {
            0 => self.listed[which].name = name(),
            1 => self.add(name(), bytes),
            2 => drop(self.given.insert(item.name.clone(), Some(spoiled(tail, &bytes)))),
            3 => self.add(name(), spoiled(tail, &bytes)),
            4 => {
                self.listed[which].bytes = u64::from_le_bytes(std::array::from_fn(|at| tail.get(at).map_or(0, |b| *b)))
            }
            5 => drop(self.given.insert(other.name, Some(bytes))),
            6 => self.listed.push(item),
            7 => drop(self.given.insert(item.name, None)),
            _ => drop(self.listed.swap_remove(which)),
        }
        if self.listed.is_empty() {
            self.add("l".into(), vec![1]);
        }
    }

    fn add(&mut self, name: String, bytes: Vec<u8>) {
        self.listed.push(Item { name: name.clone(), bytes: bytes.len() as u64 });
        self.given.insert(name, Some(bytes));
    }
}

impl Mailbox for Hostile {
    fn prepare(&self) -> Result<(), Error> {
        Ok(())
    }

    fn list(&self) -> Result<Vec<Item>, Error> {
        Ok(self.listed.clone())
    }

    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        match self.given.get(name) {
            Some(Some(bytes)) if bytes.len() as u64 <= most => Ok(Some(bytes.clone())),
            Some(None) => Err(Error::Unreadable("lost".into())),
            _ => Ok(None),
        }
    }

    fn put_new(&self, _: &str, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn delete(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }

    fn words(&self) -> String {
        "a mailbox nobody should trust".into()
    }
}

#[test]
fn a_listing_of_a_mailbox() {
    let scene = scene();
    let place = tests::mailbox(&scene.home.shared);
    check!().for_each(|input: &[u8]| {
        let name = String::from_utf8_lossy(input);
        assert!(segment::Name::parse(&name).is_none_or(|read| read.to_string() == name));
        assert!(checkpoint::Name::parse(&name).is_none_or(|read| read.to_string() == name));
        let tried = tests::quick_folder();
        copy_folder(&scene.home.folder.path().join("laptop"), &tried.path().join("laptop"));
        let laptop = Device::new(tried.path(), "laptop", 3);
        for _ in 0..2 {
            drop(laptop.notebook.sync(&Hostile::of(&scene.left, input), &laptop.keys, &mut |_, _| Ok(())));
        }
        let before = laptop.notebook.dump().unwrap();
        laptop.notebook.rebuild(&mut |_, _| Ok(())).unwrap();
        assert_same_lines(&before, &laptop.notebook.dump().unwrap(), "a rebuild changed something");
        // And once the honest mailbox is there again, everything comes.
        laptop.notebook.sync(&place, &laptop.keys, &mut |_, _| Ok(())).unwrap();
        assert_same_lines(&scene.shown, &laptop.notebook.dump().unwrap(), "an honest file was not read any more");
    });
}
