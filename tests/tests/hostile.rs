//! Whatever comes from outside is taken whole or set aside with a reason. It never breaks, blocks or fills the program,
//! and the notes of honest devices go on arriving beside it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kith_core::document::gate;
use kith_core::model::*;
use kith_core::notebook::{Change as Command, Origin, RecordChange, SyncReport};
use kith_core::sync::segment::Item;
use tests::forge::{Change, Stranger, hash, peak_megabytes, reseal};
use tests::seeds::quiet_panics;
use tests::{Device, Seeded, assert_alike, assert_same_lines, fill, quick_folder};

/// More than the program itself takes, less than any of the bombs wants.
const MOST_MEGABYTES: u64 = 700;
/// Far more than any of this takes, far less than any of the bombs wants.
const MOST_TIME: Duration = Duration::from_secs(60);

/// An honest phone with some notes in a folder, a laptop that will read them, and a stranger.
struct Scene {
    phone: Device,
    laptop: Device,
    shared: PathBuf,
    stranger: Stranger,
    dana: Id<Contact>,
    note: Id<Note>,
    began: Instant,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        quiet_panics();
        let folder = quick_folder();
        let (phone, laptop) = (Device::new(folder.path(), "phone", 1), Device::new(folder.path(), "laptop", 2));
        let shared = folder.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        let dana = phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
        let note = phone.notebook.put(Note { body: "one".into(), about: vec![dana], ..Note::default() }).unwrap();
        phone.notebook.edit(note, |note: &mut Note| note.body = "one two".into()).unwrap();
        phone.sync(&shared);
        laptop.sync(&shared);
        let stranger = Stranger::let_in_by(&phone, &shared);
        Self { phone, laptop, shared, stranger, dana, note, began: Instant::now(), _folder: folder }
    }

    /// The laptop reads what the stranger left, and what the phone wrote meanwhile; says what it reported.
    fn read(&self) -> SyncReport {
        let word = format!("still here {}", self.phone.notebook.sizes().unwrap().history_bytes);
        self.phone.notebook.edit(self.dana, |contact: &mut Contact| contact.about = word.clone()).unwrap();
        self.phone.sync(&self.shared);
        let report = self.laptop.sync(&self.shared);
        assert_eq!(self.laptop.notebook.get(self.dana).unwrap().unwrap().about, word, "honest notes arrive");
        let before = self.laptop.notebook.dump().unwrap();
        self.laptop.notebook.rebuild(&mut |_, _| Ok(())).unwrap();
        assert_same_lines(&before, &self.laptop.notebook.dump().unwrap(), "a rebuild changed something");
        assert!(self.laptop.notebook.find("dana", 10).unwrap().iter().any(|hit| hit.id == self.dana.raw()));
        assert!(peak_megabytes() < MOST_MEGABYTES, "{} MB", peak_megabytes());
        assert!(self.began.elapsed() < MOST_TIME, "{:?}", self.began.elapsed());
        report
    }

    /// The changes of the note, as the phone sent them.
    fn changes_of_note(&self) -> Vec<Vec<u8>> {
        let of_note = self.stranger.changes_in(&self.shared).into_iter().filter(|(id, _)| *id == self.note.raw());
        of_note.map(|(_, bytes)| bytes).collect()
    }

    /// Reads, and every device that reads the same says the same of the note.
    fn assert_note_is(&self, body: &str) {
        assert_eq!(self.laptop.notebook.get(self.note).unwrap().unwrap().body, body);
    }
}

// ---- files -------------------------------------------------------------------------------------------------------------

#[test]
fn no_flipped_byte_and_no_cut_of_a_segment_gets_in() {
    let mut scene = Scene::new();
    let honest = Item::Blob { bytes: vec![0xff; 500], unknown: Default::default() };
    let segment = scene.stranger.seal(vec![honest]);
    let mut bad = 0;
    for at in (0..segment.len()).step_by(16) {
        let mut flipped = segment.clone();
        flipped[at] ^= 1 << (at % 8);
        scene.stranger.put(&flipped);
        scene.stranger.put(&segment[..at]);
        // An empty file is one that is still to come.
        bad += if at == 0 { 1 } else { 2 };
    }
    let report = scene.read();
    assert_eq!(report.set_aside.len() as u64 + report.locked, bad, "each is named with its reason");
    assert!(report.set_aside.iter().all(|aside| aside.file.ends_with(".kiths") && !aside.why.is_empty()));
    let again = scene.read();
    assert_eq!(again.set_aside.len() as u64 + again.locked, bad, "and tried again the next time");
    assert_alike(&scene.phone, &scene.laptop);
}

#[test]
fn a_segment_of_another_notebook_is_named_and_left_alone() {
    let mut scene = Scene::new();
    let folder = quick_folder();
    let theirs = folder.path().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    let neighbour = Device::new(folder.path(), "neighbour", 9);
    neighbour.notebook.put(Contact { name: "Eve".into(), ..Contact::default() }).unwrap();
    neighbour.sync(&theirs);
    for bytes in tests::post::sealed_files(&theirs).into_values() {
        scene.stranger.put(&bytes);
    }
    let report = scene.read();
    assert!(report.set_aside.iter().any(|aside| aside.why.contains("another notebook")), "{:?}", report.set_aside);
    assert!(scene.laptop.notebook.find("Eve", 10).unwrap().is_empty());
}

#[test]
fn a_member_cannot_write_into_the_log_of_another() {
    let mut scene = Scene::new();
    let change = |n| (scene.dana.raw(), Change::puts(&[], n, 1, 1, &[("name", "Eve")]).bytes());
    let (first, second) = (change(5), change(6));
    let phones_log = phones_log(&scene);
    scene.stranger.in_log(phones_log, 2);
    scene.stranger.send([first]);
    let report = scene.read();
    assert!(report.set_aside.iter().any(|aside| aside.why.contains("log of another device")), "{:?}", report.set_aside);
    // Nor say, in a log of its own, what only the phone could have written.
    scene.stranger.in_log([0xdd; 16], 1);
    let (record, bytes) = second;
    let said = Item::Change { record, bytes, reissued: false, unknown: Default::default() };
    let segment = scene.stranger.seal_first(vec![said]);
    scene.stranger.put(&segment);
    assert_eq!(scene.read().refused, ["it says to be by somebody else than its device"]);
    assert_eq!(scene.laptop.notebook.get(scene.dana).unwrap().unwrap().name, "Dana");
}

/// The log of the phone, as the laptop knows it: a number that both use is shown by who sealed it.
fn phones_log(scene: &Scene) -> [u8; 16] {
    scene.stranger.logs_in(&scene.shared).into_iter().find(|(name, _)| *name != scene.stranger.id()).unwrap().1
}

#[test]
fn odd_things_in_the_folder_stop_nobody() {
    let scene = Scene::new();
    let kith = scene.shared.join("kith");
    std::fs::create_dir_all(kith.join("a folder.kiths/deep/deeper/deepest/bottom")).unwrap();
    for name in
        ["00000001.kiths", ".kiths", "~syncthing~x.tmp", "é\u{301}.kithb", "x.kithr", "00000001-zzzzzzzz.kiths.icloud"]
    {
        std::fs::write(kith.join(name), b"?").unwrap();
    }
    std::fs::write(kith.join("KITH (conflicted copy).txt"), vec![b'x'; 1 << 20]).unwrap();
    for n in 0..3000 {
        std::fs::write(kith.join("l").join(format!("junk {n}.kiths")), b"junk").unwrap();
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&kith, kith.join("circle")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", kith.join("endless.kiths")).unwrap();
    }
    // Hidden files, those that are still to come, and what is behind a link are not looked at.
    assert_eq!(scene.read().set_aside.len(), 3000 + 2);
}

// ---- changes -----------------------------------------------------------------------------------------------------------

#[test]
fn thousands_of_mutated_changes_break_nothing() {
    let mut scene = Scene::new();
    let mut random = Seeded(42);
    for kind in [Kind::Contact, Kind::Meeting, Kind::Promise, Kind::Week] {
        let mut map = serde_json::Map::new();
        fill::change(kind, &mut map, &[], 30, &mut random);
        tests::of_kind!(kind, R => scene.phone.notebook.put(R::from_map(map)).map(|id| id.raw()).unwrap());
    }
    scene.phone.sync(&scene.shared);
    let originals = scene.stranger.changes_in(&scene.shared);
    let (mut refused, mut taken) = (0, 0);
    for _ in 0..60 {
        let mutated: Vec<(RecordId, Vec<u8>)> = (0..100)
            .map(|_| {
                let (id, bytes) = random.pick(&originals);
                (*id, mutated(bytes, &mut random))
            })
            .collect();
        scene.stranger.send(mutated);
        let report = scene.laptop.sync(&scene.shared);
        refused += report.refused.len();
        taken += report.received as usize;
        assert!(report.set_aside.is_empty(), "{:?}", report.set_aside);
    }
    assert!(refused > 3_000, "of 6,000 mutations {refused} were refused and {taken} taken");
    // Some are good changes of their own; whatever they say, every record is still read, written and sent.
    let notebook = &scene.laptop.notebook;
    notebook.edit(scene.dana, |contact: &mut Contact| contact.name = "Dana Ruiz".into()).unwrap();
    for (id, _) in &originals {
        if notebook.kind_of(*id).is_ok() {
            notebook.delete(*id).unwrap();
            notebook.restore(*id).unwrap();
            notebook.history(*id).unwrap();
        }
    }
    let before = notebook.dump().unwrap();
    notebook.rebuild(&mut |_, _| Ok(())).unwrap();
    assert_same_lines(&before, &notebook.dump().unwrap(), "a rebuild changed something");
    let report = scene.phone.sync(&scene.shared);
    assert!(report.set_aside.is_empty());
    assert!(peak_megabytes() < MOST_MEGABYTES, "{} MB", peak_megabytes());
}

/// A change with one to four other bytes and a check sum that is right.
fn mutated(bytes: &[u8], random: &mut Seeded) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        let at = 9 + random.below(bytes.len() - 9);
        match random.below(4) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.number() as u8,
            2 => bytes[at] = *random.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            _ => bytes[at] = bytes[at].wrapping_add(1),
        }
    }
    reseal(&mut bytes);
    bytes
}

#[test]
fn a_change_that_claims_a_million_operations_is_refused_before_anything_is_made_of_it() {
    let mut scene = Scene::new();
    let bomb = Change::bomb(&[], 5, 1, 1, 1_000_000).bytes();
    assert!(bomb.len() < 120, "{} bytes", bomb.len());
    assert!(gate::check(&bomb).is_err());
    let began = Instant::now();
    scene.stranger.send((0..1000).map(|n| (RecordId([n as u8; 16]), bomb.clone())));
    scene.stranger.send([(scene.note.raw(), bomb)]);
    let report = scene.read();
    assert!(report.refused.iter().all(|why| why.contains("rows")), "{:?}", report.refused.first());
    assert!(!report.refused.is_empty());
    assert!(began.elapsed() < Duration::from_secs(10));
    scene.assert_note_is("one two");
}

#[test]
fn many_changes_that_each_just_pass_do_not_add_up_to_a_bomb() {
    let mut scene = Scene::new();
    let most = 16_384;
    // Honest in form; one after the other they would fill the memory.
    let chain = |record: u8, from: u64, count: u64, mut tip: Option<[u8; 32]>| {
        let mut changes = Vec::new();
        for n in from..from + count {
            let deps: Vec<[u8; 32]> = tip.into_iter().collect();
            let bytes = match n {
                0 => Change::puts(&deps, record, 1, 1, &[("@kind", "note")]).bytes(),
                n => Change::bomb(&deps, record, n + 1, (n - 1) * most + 2, most).bytes(),
            };
            tip = Some(hash(&bytes));
            changes.push((RecordId([record; 16]), bytes));
        }
        (changes, tip)
    };
    assert!(chain(7, 0, 3, None).0.iter().all(|(_, bytes)| gate::check(bytes).is_ok()), "each of them passes the gate");
    // All in one segment: more than any segment of ours holds.
    scene.stranger.send(chain(6, 0, 400, None).0);
    let report = scene.read();
    assert_eq!(report.set_aside.len(), 1, "{:?}", report.refused.first());
    assert!(report.set_aside[0].why.contains("more than any segment"), "{:?}", report.set_aside);
    // In many segments for one record: its history ends where no device could load it any more.
    let (mut tip, mut refused) = (None, 0);
    for part in 0..4 {
        let (changes, last) = chain(7, part * 10, 10, tip);
        tip = last;
        scene.stranger.send(changes);
        refused += scene.laptop.sync(&scene.shared).refused.len();
    }
    assert_eq!(refused, 40 - 31, "half a million operations are taken, and no more");
    scene.read();
    // Whoever types in such a record is told, and keeps what is there.
    let full: Id<Note> = Id::new(RecordId([7; 16]));
    let typed = scene.laptop.notebook.edit(full, |note: &mut Note| note.body = "x".repeat(20_000));
    assert!(matches!(&typed, Err(kith_core::Error::Invalid(why)) if why.contains("history")), "{typed:?}");
    assert_eq!(scene.laptop.notebook.get(full).unwrap().unwrap().body, "");
    scene.laptop.notebook.edit(full, |note: &mut Note| note.body = "a last word".into()).unwrap();
}

#[test]
fn a_change_that_counts_from_one_again_is_refused() {
    let mut scene = Scene::new();
    let changes = scene.changes_of_note();
    let mut change = Change::read(changes.last().unwrap());
    assert!(change.start_op > 1 && !change.deps.is_empty());
    change.start_op = 1;
    change.actor = vec![5; 16];
    change.seq = 1;
    scene.stranger.send([(scene.note.raw(), change.bytes())]);
    assert_eq!(scene.read().refused.len(), 1);
    scene.assert_note_is("one two");
    scene.laptop.notebook.edit(scene.note, |note: &mut Note| note.body.push_str(" three")).unwrap();
    scene.laptop.reopen();
    scene.assert_note_is("one two three");
}

#[test]
fn a_number_of_a_writer_that_is_used_again_for_other_words_is_refused() {
    let mut scene = Scene::new();
    let dana = scene.dana.raw();
    let original = scene.stranger.changes_in(&scene.shared).into_iter().find(|(id, _)| *id == dana).unwrap().1;
    // The name is written in it as it is.
    let at = original.windows(4).position(|letters| letters == b"Dana").unwrap();
    let mut other = original;
    other[at..at + 4].copy_from_slice(b"Dora");
    reseal(&mut other);
    scene.stranger.send([(dana, other)]);
    assert_eq!(scene.read().refused.len(), 1);
    assert_eq!(scene.laptop.notebook.get(scene.dana).unwrap().unwrap().name, "Dana");
    assert_alike(&scene.phone, &scene.laptop);
}

#[test]
fn a_word_put_into_another_devices_mouth_before_it_speaks_shuts_out_its_own_where_it_is_first_and_that_is_said() {
    let mut scene = Scene::new();
    let dana = scene.dana.raw();
    let last = scene.stranger.changes_in(&scene.shared).into_iter().rfind(|(id, _)| *id == dana).unwrap().1;
    let true_one = Change::read(&last);
    let mut invented = Change::puts(&[hash(&last)], 0, true_one.seq + 1, 1000, &[("name", "Dora")]);
    invented.actor = true_one.actor;
    scene.stranger.send([(dana, invented.bytes())]);
    assert!(scene.laptop.sync(&scene.shared).refused.is_empty(), "it says that it passes on what the phone wrote");
    assert_eq!(scene.laptop.notebook.get(scene.dana).unwrap().unwrap().name, "Dora");
    // The phone has a word of its own under that number: each device keeps what it had first, and says so.
    scene.phone.notebook.edit(scene.dana, |contact: &mut Contact| contact.about = "likes tea".into()).unwrap();
    assert_eq!(scene.phone.sync(&scene.shared).refused.len(), 1);
    assert_eq!(scene.laptop.sync(&scene.shared).refused.len(), 1);
    assert_eq!(scene.phone.notebook.get(scene.dana).unwrap().unwrap().name, "Dana");
    assert_eq!(scene.laptop.notebook.get(scene.dana).unwrap().unwrap().about, "");
    // What the phone says under its next actor of anybody else arrives.
    let note = scene.phone.notebook.put(Note { body: "met Ben".into(), ..Note::default() }).unwrap();
    scene.phone.sync(&scene.shared);
    scene.laptop.sync(&scene.shared);
    assert_eq!(scene.laptop.notebook.get(note).unwrap().unwrap().body, "met Ben");
}

#[test]
fn thousands_of_orphans_wait_and_hold_up_nobody() {
    let mut scene = Scene::new();
    let mut random = Seeded(5);
    // Each builds on something nobody ever saw.
    let orphans = (0..5000_u64).map(|n| {
        let mut unseen = [0; 32];
        random.fill(&mut unseen);
        (scene.note.raw(), Change::puts(&[unseen], 5, n + 1, 100 + n, &[("at", "x")]).bytes())
    });
    let orphans: Vec<_> = orphans.collect();
    scene.stranger.send(orphans);
    assert_eq!(scene.read().waiting, 5000);
    // A thousand in a row whose first comes last: they wait for it, and then all of them are taken.
    let (mut chain, mut tip) = (Vec::new(), None);
    for n in 0..1000 {
        let deps: Vec<[u8; 32]> = tip.into_iter().collect();
        let bytes =
            Change::puts(&deps, 6, n + 1, n + 1, &[if n == 0 { ("@kind", "note") } else { ("at", "x") }]).bytes();
        tip = Some(hash(&bytes));
        chain.push((RecordId([6; 16]), bytes));
    }
    let first = chain.remove(0);
    chain.reverse();
    scene.stranger.send(chain);
    assert_eq!(scene.read().waiting, 5000 + 999);
    scene.stranger.send([first]);
    assert_eq!(scene.read().received, 1000 + 1, "the thousand, and one of the phone");
    assert_eq!(scene.laptop.notebook.sizes().unwrap().waiting, 5000);
    scene.phone.notebook.edit(scene.note, |note: &mut Note| note.body = "one two three".into()).unwrap();
    scene.read();
    scene.assert_note_is("one two three");
}

#[test]
fn one_bad_change_among_a_thousand_good_ones_costs_itself_only() {
    let mut scene = Scene::new();
    let mut good: Vec<(RecordId, Vec<u8>)> = Vec::new();
    for n in 0..1000_u64 {
        let actor = 10 + (n % 200) as u8;
        let mut first = Change::puts(&[], actor, 1, 1, &[("@kind", "note")]);
        first.actor = [&n.to_be_bytes()[..], &[actor; 8]].concat();
        good.push((RecordId([9; 16]), first.bytes()));
    }
    // Its second change comes without its first.
    let bad = Change::puts(&[], 5, 7, 1, &[("at", "x")]).bytes();
    good.insert(500, (RecordId([9; 16]), bad));
    scene.stranger.send(good);
    let report = scene.read();
    assert_eq!(report.refused.len(), 1);
    assert_eq!(report.received, 1000 + 1);
}

#[test]
fn another_beginning_of_what_exists_once_takes_nothing_with_it() {
    let mut scene = Scene::new();
    let id = RecordId::of_singleton("settings", "");
    scene.phone.notebook.put(Settings { id: Id::new(id), currency: "EUR".into(), ..Settings::default() }).unwrap();
    scene.phone.sync(&scene.shared);
    let honest: Vec<_> = scene.stranger.changes_in(&scene.shared).into_iter().filter(|(of, _)| *of == id).collect();
    assert!(honest.len() >= 2);
    let other = Change::puts(&[], 5, 1, 1, &[("@kind", "settings"), ("currency", "XXX")]).bytes();
    let after = Change::puts(&[hash(&other)], 5, 2, 3, &[("currency", "YYY")]).bytes();
    // The stranger's come first, and in one batch with the honest ones.
    let mut all = vec![(id, other), (id, after)];
    all.extend(honest);
    scene.stranger.send(all);
    let report = scene.read();
    assert_eq!(report.refused.len(), 2, "{:?}", report.refused);
    assert_eq!(scene.laptop.notebook.settings().unwrap().currency, "EUR");
    scene.laptop.notebook.edit(Id::new(id), |settings: &mut Settings| settings.currency = "CHF".into()).unwrap();
    scene.laptop.sync(&scene.shared);
    scene.phone.sync(&scene.shared);
    assert_eq!(scene.phone.notebook.settings().unwrap().currency, "CHF");
}

// ---- what a newer version writes ----------------------------------------------------------------------------------------

/// Writes keys and values that no record type of this version has, as a newer one would.
fn write_raw(device: &Device, kind: Kind, id: RecordId, puts: &[(&str, serde_json::Value)]) {
    let edits = puts.iter().map(|(key, value)| Edit::Put { key: (*key).into(), value: value.clone() }).collect();
    let record = RecordChange { id, kind, edits, at: None, by_import: false };
    device.notebook.commit(Command { records: vec![record], ..Command::default() }, Origin::Here).unwrap();
}

#[test]
fn what_a_newer_version_wrote_goes_through_an_older_one_unharmed() {
    let scene = Scene::new();
    let (newer, older) = (&scene.phone, &scene.laptop);
    let written = [
        ("holiday_home", "Brač".into()),
        ("level", "grandmaster".into()),
        ("birthday", "in spring".into()),
        ("cadence_days", "often".into()),
        ("categories/penfriend", true.into()),
        ("channels/0a0b0c0d0e0f/kind", "telepathy".into()),
        ("channels/0a0b0c0d0e0f/value", "think of me".into()),
        ("channels/0a0b0c0d0e0f/range_km", 40.into()),
        ("pets/0a0b0c0d0e0f/name", "Rex".into()),
    ];
    write_raw(newer, Kind::Contact, scene.dana.raw(), &written);
    scene.read();
    let seen = older.notebook.get(scene.dana).unwrap().unwrap();
    assert_eq!(seen.level, Level::Other("grandmaster".into()));
    assert_eq!(seen.channels[0].kind, ChannelKind::Other("telepathy".into()));
    assert_eq!(seen.channels[0].unknown["range_km"], 40);
    assert_eq!(seen.unknown["holiday_home"], "Brač");
    assert_eq!(seen.unknown["birthday"], "in spring");
    assert_eq!(seen.unknown["pets/0a0b0c0d0e0f/name"], "Rex");

    // The older one edits all around it: the name, the channel, a set; and writes the whole record back.
    older
        .notebook
        .edit(scene.dana, |contact: &mut Contact| {
            contact.name = "Dana Ruiz".into();
            contact.channels[0].label = "night".into();
            contact.categories.push(Category::Friend);
            contact.interests.push("chess".into());
        })
        .unwrap();
    let all = older.notebook.get(scene.dana).unwrap().unwrap();
    older.notebook.put(all).unwrap();
    older.notebook.delete(scene.dana.raw()).unwrap();
    older.notebook.restore(scene.dana.raw()).unwrap();
    older.notebook.tidy().unwrap();
    older.sync(&scene.shared);
    newer.sync(&scene.shared);
    let back = newer.notebook.get(scene.dana).unwrap().unwrap().to_map();
    assert_eq!(back["name"], "Dana Ruiz");
    assert_eq!(back["holiday_home"], "Brač");
    assert_eq!(back["level"], "grandmaster");
    assert_eq!(back["birthday"], "in spring");
    assert_eq!(back["cadence_days"], "often");
    assert_eq!(back["categories"], serde_json::json!(["friend", "penfriend"]));
    assert_eq!(back["pets/0a0b0c0d0e0f/name"], "Rex");
    let channel = &back["channels"][0];
    assert_eq!(
        (&channel["kind"], &channel["range_km"], &channel["label"]),
        (&"telepathy".into(), &40.into(), &"night".into())
    );
    assert_alike(newer, older);
}

#[test]
fn a_record_of_an_unknown_kind_is_kept_found_and_passed_by() {
    let mut scene = Scene::new();
    let id = RecordId([0x77; 16]);
    let first = Change::puts(&[], 5, 1, 1, &[("@kind", "hologram"), ("colour", "ultraviolet")]).bytes();
    let second = Change::puts(&[hash(&first)], 5, 2, 3, &[("kind", "moving"), ("mood/calm", "yes")]).bytes();
    scene.stranger.send([(id, first), (id, second)]);
    let report = scene.read();
    assert_eq!((report.refused, report.waiting), (vec![], 0));
    let hits = scene.laptop.notebook.find("ultraviolet", 10).unwrap();
    assert_eq!((hits[0].id, hits[0].kind.as_str()), (id, "hologram"));
    assert!(hits[0].title.contains("newer version"));
    assert!(scene.laptop.notebook.kind_of(id).is_err(), "nobody takes it for something it is not");
    assert!(scene.laptop.notebook.today_page().is_ok());
    scene.phone.sync(&scene.shared);
    assert_alike(&scene.phone, &scene.laptop);
    assert_eq!(scene.phone.notebook.digest().unwrap(), scene.laptop.notebook.digest().unwrap());
}

#[test]
fn a_record_of_an_unknown_kind_comes_back_from_an_export_change_for_change() {
    let mut scene = Scene::new();
    let id = RecordId([0x77; 16]);
    let first = Change::puts(&[], 5, 1, 1, &[("@kind", "hologram"), ("colour", "ultraviolet")]).bytes();
    let second = Change::puts(&[hash(&first)], 5, 2, 3, &[("kind", "moving"), ("mood/calm", "yes")]).bytes();
    scene.stranger.send([(id, first), (id, second)]);
    scene.read();
    let (mut json, mut public) = (Vec::new(), Vec::new());
    scene.laptop.notebook.export_json(&mut json, true).unwrap();
    scene.laptop.notebook.export_json(&mut public, false).unwrap();
    assert!(!String::from_utf8(public).unwrap().contains("hologram"), "who could say what of it is private");
    let folder = quick_folder();
    let empty = Device::new(folder.path(), "empty", 9);
    assert_eq!(empty.notebook.import_json(&mut json.as_slice()).unwrap().unknown, 0);
    tests::assert_same_lines(&empty.notebook.dump().unwrap(), &scene.laptop.notebook.dump().unwrap(), "rows");
    assert_eq!(empty.notebook.find("ultraviolet", 10).unwrap()[0].id, id);
    let other = Device::new(folder.path(), "other", 10);
    other.notebook.jot_line("Ben Bauer").unwrap();
    let report = other.notebook.import_json(&mut json.as_slice()).unwrap();
    assert_eq!(report.unknown, 1, "left out where it could not be taken back, and counted");
    let again = empty.notebook.import_json(&mut json.as_slice()).unwrap();
    assert_eq!((again.new, again.unknown), (0, 0));
}

#[test]
fn folders_of_two_notebooks_are_told_apart() {
    let scene = Scene::new();
    let folder = quick_folder();
    let other = Device::new(folder.path(), "neighbour", 9);
    let theirs: &Path = &folder.path().join("theirs");
    std::fs::create_dir(theirs).unwrap();
    other.sync(theirs);
    let before = tests::post::sealed_files(theirs);
    let refused = scene.laptop.pass(theirs);
    assert!(matches!(refused, Err(kith_core::Error::Foreign(_))), "{refused:?}");
    assert_eq!(tests::post::sealed_files(theirs), before, "nothing was written there");
}
