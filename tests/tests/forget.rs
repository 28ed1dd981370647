//! Forgetting on every device: what one deletes for good goes everywhere, and a renewal takes the sealed words away.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use kith_core::Error;
use kith_core::document::Heads;
use kith_core::model::*;
use kith_core::notebook::{Change, Origin};
use kith_core::sync::LogId;
use kith_core::sync::keystore::{FileKeyStore, KeyStore};
use kith_core::sync::member::Member;
use kith_core::sync::ranges::Ranges;
use kith_core::sync::roster::{Act, Cut};
use kith_core::sync::segment::{self, Header, Item};
use tests::home::Home;
use tests::post::sealed_files;
use tests::{Device, Seeded, assert_alike};

/// Words that only Dana's records have.
const PLANTED: [&str; 3] = ["zyxwella", "plumbaline", "frobnicator"];

/// The segments in a folder, by their place in it.
fn segments_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let sealed = sealed_files(folder).into_iter();
    sealed.filter(|(path, _)| path.extension().is_some_and(|ending| ending == "kiths")).collect()
}

/// Two devices that know each other's notes: Zyxwella's, and Ben's.
fn two(home: &Home) -> (Device, Device, Id<Contact>) {
    let (phone, laptop) = home.two();
    let line = "Zyxwella Quorbin, Acme !send her the frobnicator ?needs a plumbaline";
    let zyxwella = phone.notebook.jot_line(line).unwrap().contact.unwrap();
    phone.notebook.jot_line("Ben Okafor, Novabank !call him by tue").unwrap();
    home.rest(&[&phone, &laptop]);
    (phone, laptop, zyxwella)
}

fn is_there(device: &Device, id: Id<Contact>) -> bool {
    device.notebook.get(id).unwrap().is_some()
}

/// Which of the planted words are in the files of a device, its keys aside.
fn words_in_file(device: &Device) -> Vec<&'static str> {
    let files = ["notebook.kith", "notebook.kith-wal"].map(|name| std::fs::read(device.folder().join(name)));
    let bytes: Vec<u8> = files.into_iter().filter_map(Result::ok).flatten().map(|b| b.to_ascii_lowercase()).collect();
    PLANTED.into_iter().filter(|word| bytes.windows(word.len()).any(|part| part == word.as_bytes())).collect()
}

/// Which of the planted words can be read in a folder with every key that a device holds.
fn words_in_mailbox(device: &Device, folder: &Path) -> Vec<&'static str> {
    let member = device.notebook.member(&device.keys).unwrap().unwrap();
    let mut found = BTreeSet::new();
    for bytes in segments_in(folder).into_values() {
        let epoch = member.epochs(Header::read(&bytes).unwrap().key).next().expect("the key is held");
        let opened = segment::open(&bytes, &epoch).unwrap();
        let author = opened.author();
        for item in opened.verify(&author).unwrap().items {
            let Item::Change { bytes, .. } = item else { continue };
            let text = bytes.to_ascii_lowercase();
            found.extend(PLANTED.iter().filter(|word| text.windows(word.len()).any(|part| part == word.as_bytes())));
        }
    }
    found.into_iter().copied().collect()
}

#[test]
fn a_photo_that_comes_when_its_person_is_gone_for_good_is_left_out() {
    let home = Home::new();
    let (phone, laptop, zyxwella) = two(&home);
    // The laptop hands her photos to a stick, and in segments that are full: photos come in one of their own.
    let stick = home.shared.with_file_name("stick");
    std::fs::create_dir(&stick).unwrap();
    phone.pass(&stick).unwrap();
    laptop.pass(&stick).unwrap();
    let photo = |number| tests::fill::photo(number);
    let ben = laptop.notebook.contacts_meant("Ben Okafor", 1).unwrap().remove(0).id;
    for (who, number) in [(zyxwella, 3), (zyxwella, 4), (ben, 4), (ben, 5)] {
        let mut writing = laptop.notebook.write();
        writing.blob(photo(number));
        writing.edit(who, |c: &mut Contact| c.photo = Some(BlobId::of(&photo(number)))).unwrap();
        writing.commit().unwrap();
    }
    laptop.pass(&stick).unwrap();
    phone.notebook.purge(zyxwella).unwrap();
    phone.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    let here = |device: &Device, number| device.notebook.photo(&BlobId::of(&photo(number))).unwrap().is_some();
    assert!(!here(&laptop, 3), "the laptop took it out with her");

    phone.pass(&stick).unwrap();
    while phone.notebook.tidy().unwrap() {}
    // The same photo may be somebody else's who is still to come.
    phone.wait_seconds(2 * 24 * 60 * 60);
    while phone.notebook.tidy().unwrap() {}
    assert_eq!([3, 5].map(|number| here(&phone, number)), [false, true], "hers is left out, and Ben's is there");
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    assert_eq!(phone.notebook.digest().unwrap(), laptop.notebook.digest().unwrap());
    while phone.notebook.tidy().unwrap() {}
    assert!(!phone.notebook.words_remain().unwrap());
}

#[test]
fn what_one_device_deletes_for_good_leaves_the_others_as_they_sync() {
    let home = Home::new();
    let (phone, laptop, zyxwella) = two(&home);
    assert!(is_there(&laptop, zyxwella));
    // The laptop writes to her while the phone deletes her.
    laptop.notebook.edit(zyxwella, |c: &mut Contact| c.nickname = "Zyx".into()).unwrap();
    let purge = phone.notebook.purge(zyxwella).unwrap();
    phone.pass(&home.shared).unwrap();
    let report = laptop.pass(&home.shared).unwrap();
    assert_eq!((report.deleted, report.purges_waiting.len()), (purge.records, 0), "{report:?}");
    assert!(!is_there(&laptop, zyxwella));
    assert_eq!(words_in_file(&laptop), Vec::<&str>::new());
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    // A device that joins later never shows her.
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared);
    tablet.pass(&home.shared).unwrap();
    assert!(!is_there(&tablet, zyxwella));
    home.rest(&[&phone, &laptop, &tablet]);
    assert_alike(&laptop, &tablet);
}

#[test]
fn a_late_edit_of_somebody_deleted_for_good_is_dropped_and_said() {
    let home = Home::new();
    let (phone, laptop, zyxwella) = two(&home);
    laptop.notebook.edit(zyxwella, |c: &mut Contact| c.nickname = "Zyx".into()).unwrap();
    laptop.pass(&home.shared).unwrap();
    phone.notebook.purge(zyxwella).unwrap();
    let report = phone.pass(&home.shared).unwrap();
    assert_eq!((report.purged, is_there(&phone, zyxwella)), (1, false), "{report:?}");
}

#[test]
fn many_people_are_deleted_on_another_device_only_once_somebody_there_agrees() {
    let home = Home::new();
    let (phone, laptop, zyxwella) = two(&home);
    let more: Vec<Id<Contact>> = ["Ann Lee", "Chi Wei", "Rui Costa"]
        .iter()
        .map(|name| phone.notebook.jot_line(name).unwrap().contact.unwrap())
        .collect();
    home.rest(&[&phone, &laptop]);
    let all: Vec<Id<Contact>> = more.into_iter().chain([zyxwella]).collect();
    all.iter().for_each(|id| drop(phone.notebook.purge(*id).unwrap()));
    home.rest(&[&phone]);
    let report = laptop.pass(&home.shared).unwrap();
    assert_eq!(report.deleted, 0);
    let waiting: Vec<(&str, u64)> = report.purges_waiting.iter().map(|w| (w.by.as_str(), w.people)).collect();
    assert_eq!(waiting, [("phone", 4)]);
    assert!(all.iter().all(|id| is_there(&laptop, *id)), "everything stays as it is until then");
    assert_eq!(laptop.notebook.purges_waiting(&laptop.keys).unwrap(), report.purges_waiting);
    assert!(laptop.agree() >= 4);
    assert!(!all.iter().any(|id| is_there(&laptop, *id)));
    assert_eq!(words_in_file(&laptop), Vec::<&str>::new());
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    assert_eq!(laptop.notebook.purges_waiting(&laptop.keys).unwrap(), []);
}

#[test]
fn what_a_stolen_phone_deleted_can_be_refused_and_does_not_go_with_what_somebody_agrees_to() {
    let home = Home::new();
    let [laptop, phone, tablet] = home.devices(["laptop", "phone", "tablet"]);
    let jot = |name: &str| laptop.notebook.jot_line(name).unwrap().contact.unwrap();
    let stolen = ["Ann Lee", "Chi Wei", "Rui Costa", "Ola Berg"].map(jot);
    let meant = ["Tam Ito", "Ben Okafor", "Zoe Marsh", "Eve Stone"].map(jot);
    home.meet(&[&laptop, &phone, &tablet]);
    stolen.iter().for_each(|id| drop(phone.notebook.purge(*id).unwrap()));
    phone.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    laptop.notebook.remove_device(&laptop.keys, "phone").unwrap();
    let asked = laptop.notebook.purges_waiting(&laptop.keys).unwrap();
    assert!(asked.len() == 1 && asked[0].by == "phone" && asked[0].is_by_removed && asked[0].people == 4, "{asked:?}");
    // While the question stands, an honest deletion comes in. Who answers the question has not seen it.
    tablet.pass(&home.shared).unwrap();
    meant.iter().for_each(|id| drop(tablet.notebook.purge(*id).unwrap()));
    home.meet(&[&tablet, &laptop]);
    let ids = [asked[0].id.clone()];
    assert_eq!(laptop.notebook.refuse_purges(&laptop.keys, &ids).unwrap(), asked[0].records);
    let left = laptop.notebook.purges_waiting(&laptop.keys).unwrap();
    assert!(left.len() == 1 && left[0].by == "tablet" && !left[0].is_by_removed, "{left:?}");
    assert_eq!(laptop.notebook.agree_to_purges(&laptop.keys, &ids).unwrap(), 0, "it waits no more");
    assert!(laptop.agree() >= 4);
    home.meet(&[&tablet, &laptop]);
    assert!(stolen.iter().all(|id| is_there(&laptop, *id)) && !meant.iter().any(|id| is_there(&laptop, *id)));
    assert_eq!(laptop.notebook.purges_waiting(&laptop.keys).unwrap(), []);
    laptop.notebook.purge(stolen[0]).unwrap();
    assert!(!is_there(&laptop, stolen[0]), "somebody may still delete them");
}

#[test]
fn a_few_at_a_time_do_not_get_past_the_question_either() {
    let home = Home::new();
    let (phone, laptop, _) = two(&home);
    let mut waited = false;
    for name in ["Ann Lee", "Chi Wei", "Rui Costa", "Ola Berg", "Tam Ito"] {
        let id = phone.notebook.jot_line(name).unwrap().contact.unwrap();
        home.rest(&[&phone, &laptop]);
        phone.notebook.purge(id).unwrap();
        phone.pass(&home.shared).unwrap();
        waited |= !laptop.pass(&home.shared).unwrap().purges_waiting.is_empty();
    }
    assert!(waited, "the fourth person is one too many");
}

#[test]
fn after_a_renewal_no_key_opens_a_word_of_who_was_deleted() {
    let home = Home::new();
    let (phone, laptop, zyxwella) = two(&home);
    phone.notebook.purge(zyxwella).unwrap();
    home.rest(&[&phone, &laptop]);
    assert_eq!(words_in_mailbox(&phone, &home.shared), ["frobnicator", "plumbaline", "zyxwella"]);
    let before: BTreeSet<Vec<u8>> = segments_in(&home.shared).into_values().collect();
    let renewed = phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    assert!(renewed.written > 0 && renewed.forgotten == before.len() as u64, "{renewed:?}");
    assert_eq!(renewed.waiting_for, ["laptop"]);
    phone.pass(&home.shared).unwrap();
    assert_eq!(words_in_mailbox(&phone, &home.shared), Vec::<&str>::new());
    let report = laptop.pass(&home.shared).unwrap();
    assert_eq!(report.forgotten, before.len() as u64);
    home.rest(&[&phone, &laptop]);
    let after: BTreeSet<Vec<u8>> = segments_in(&home.shared).into_values().collect();
    assert!(before.is_disjoint(&after), "nobody puts an old one back");
    assert_eq!(phone.notebook.renewal_waits_for(&phone.keys).unwrap(), Some(vec![]));
    assert_alike(&phone, &laptop);
    for device in [&phone, &laptop] {
        assert_eq!(words_in_file(device), Vec::<&str>::new());
    }
    // Who joins now gets everything that counts from what is left.
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared);
    home.rest(&[&tablet, &phone, &laptop]);
    assert_alike(&phone, &tablet);
    assert_eq!(tablet.pass(&home.shared).unwrap().missing, 0, "what was renewed is not missed");
    assert!(!tablet.notebook.find("okafor", 9).unwrap().is_empty());
}

#[test]
fn a_device_that_was_away_during_renewals_loses_nothing_of_its_own() {
    let home = Home::new();
    let (phone, laptop, zyxwella) = two(&home);
    let own = laptop.notebook.jot_line("Ann Lee +knows pilots").unwrap().contact.unwrap();
    laptop.notebook.edit(zyxwella, |c: &mut Contact| c.nickname = "Zyx".into()).unwrap();
    for n in 0..3 {
        phone.notebook.jot_line(&format!("Person {n}")).unwrap();
        phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
        phone.pass(&home.shared).unwrap();
    }
    home.rest(&[&laptop, &phone]);
    assert_alike(&phone, &laptop);
    assert!(is_there(&phone, own));
    let nickname = phone.notebook.get::<Contact>(zyxwella).unwrap().unwrap().nickname;
    assert_eq!(nickname, "Zyx");
    // A mailbox that is lost is filled again, with what counts.
    std::fs::remove_dir_all(home.shared.join("kith")).unwrap();
    home.rest(&[&laptop, &phone]);
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared);
    home.rest(&[&tablet, &phone, &laptop]);
    assert_alike(&phone, &tablet);
}

#[test]
fn old_copies_that_come_by_again_are_taken_away_again() {
    let home = Home::new();
    let (phone, laptop, _) = two(&home);
    let old: Vec<(PathBuf, Vec<u8>)> = segments_in(&home.shared)
        .into_keys()
        .map(|path| (home.shared.join(&path), std::fs::read(home.shared.join(&path)).unwrap()))
        .collect();
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop]);
    // A drive brings them back, one of them under a name of its own.
    for (n, (path, bytes)) in old.iter().enumerate() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let path = if n == 0 { path.with_extension("(conflicted copy).kiths") } else { path.clone() };
        std::fs::write(path, bytes).unwrap();
    }
    home.rest(&[&laptop, &phone]);
    let left: BTreeSet<Vec<u8>> = segments_in(&home.shared).into_values().collect();
    assert!(old.iter().all(|(_, bytes)| !left.contains(bytes)));
    assert_alike(&phone, &laptop);
}

#[test]
fn a_base_that_lacks_something_makes_nobody_forget_it() {
    let home = Home::new();
    let (phone, laptop, _) = two(&home);
    // The phone lies: it says that its newest segment holds everything.
    let mut member = phone.notebook.member(&phone.keys).unwrap().unwrap();
    let logs: BTreeSet<LogId> = segments_of(&member, &home.shared).into_iter().map(|(log, ..)| log).collect();
    let all: Ranges = (1..=100).collect();
    let covers: Vec<Cut> = logs.iter().map(|log| Cut { log: *log, ranges: all.clone(), hash: [0; 32] }).collect();
    let (log, seq, hash) = segments_of(&member, &home.shared).into_iter().max_by_key(|(_, seq, _)| *seq).unwrap();
    let base = Cut { log, ranges: (seq..=seq).collect(), hash };
    let mut random = Seeded(9);
    let said = member.say(Act::Renew { covers, base }, 0, &mut |bytes| random.fill(bytes)).unwrap();
    let name = kith_core::sync::hex(&blake3::hash(&said.parcel).as_bytes()[..16]);
    std::fs::write(home.shared.join(format!("kith/r/{name}.kithr")), &said.parcel).unwrap();
    let before = segments_in(&home.shared).len();
    for _ in 0..3 {
        laptop.pass(&home.shared).unwrap();
    }
    assert_eq!(segments_in(&home.shared).len(), before);
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared);
    tablet.pass(&home.shared).unwrap();
    assert_alike(&laptop, &tablet);
}

fn segments_of(member: &Member, folder: &Path) -> Vec<(LogId, u64, [u8; 32])> {
    let files = segments_in(folder).into_values();
    let read = |bytes: Vec<u8>| {
        let header = Header::read(&bytes).unwrap();
        let opened = segment::open(&bytes, &member.epochs(header.key).next().unwrap()).unwrap();
        (opened.log(), header.seq, segment::hash(&bytes))
    };
    files.map(read).collect()
}

/// A key store that fails once it was asked so many times to remember what is handed out.
struct Failing<'a> {
    inner: &'a FileKeyStore,
    left: AtomicI64,
}

impl KeyStore for Failing<'_> {
    fn get(&self, name: &str) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Error> {
        self.inner.get(name)
    }
    fn put(&self, name: &str, secret: &[u8]) -> Result<(), Error> {
        self.inner.put(name, secret)
    }
    fn remove(&self, name: &str) -> Result<(), Error> {
        self.inner.remove(name)
    }
    fn highest(&self, log: LogId) -> Result<Option<u64>, Error> {
        self.inner.highest(log)
    }
    fn raise(&self, log: LogId, seq: u64) -> Result<(), Error> {
        if self.left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return Err(Error::Storage("the disk is full".into()));
        }
        self.inner.raise(log, seq)
    }
}

#[test]
fn a_renewal_that_is_cut_short_harms_nothing_and_can_be_done_again() {
    let home = Home::new();
    let (phone, laptop, zyxwella) = two(&home);
    for n in 0..90 {
        let body = format!("{n} ").repeat(900);
        phone.notebook.put(Note { body, ..Note::default() }).unwrap();
    }
    home.rest(&[&phone, &laptop]);
    phone.notebook.purge(zyxwella).unwrap();
    let failing = Failing { inner: &phone.keys, left: AtomicI64::new(1) };
    assert!(matches!(phone.notebook.renew(&failing, &mut |_, _| Ok(())), Err(Error::Storage(_))));
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    assert_ne!(words_in_mailbox(&phone, &home.shared), Vec::<&str>::new());
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop]);
    assert_eq!(words_in_mailbox(&phone, &home.shared), Vec::<&str>::new());
    assert_alike(&phone, &laptop);
}

#[test]
fn what_the_renewing_device_does_not_understand_or_keeps_back_is_not_covered() {
    let home = Home::new();
    let (phone, laptop, _) = two(&home);
    let tablet = home.device("tablet", 3);
    phone.lets_in(&tablet, &home.shared);
    home.rest(&[&phone, &laptop, &tablet]);
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    tablet.notebook.jot_line("Late Larry").unwrap();
    tablet.pass(&home.shared).unwrap();
    home.rest(&[&phone, &laptop]);
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    home.rest(&[&phone, &laptop]);
    let kept = laptop.notebook.kept_back(&laptop.keys).unwrap();
    assert_eq!(kept.len(), 1, "{kept:?}");
    laptop.notebook.keep_back_no_more(&laptop.keys, "tablet").unwrap();
    home.rest(&[&laptop, &phone]);
    assert!(!phone.notebook.find("larry", 9).unwrap().is_empty());
    assert_alike(&phone, &laptop);
}

#[test]
fn what_was_written_into_a_record_that_another_device_writes_anew_is_kept_in_a_note() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let dana = phone
        .notebook
        .put(Contact { name: "Dana Ruiz".into(), about: "knows Quorbin".into(), ..Contact::default() })
        .unwrap();
    home.meet(&[&phone, &laptop]);
    laptop
        .notebook
        .edit(dana, |c: &mut Contact| {
            c.about.push_str(", ALLERGIC TO NUTS");
            c.nickname = "Nana".into();
        })
        .unwrap();
    let anew = phone.notebook.rewrite(dana.raw(), "Quorbin", "somebody").unwrap();
    phone.pass(&home.shared).unwrap();
    let report = laptop.pass(&home.shared).unwrap();
    assert_eq!((report.deleted, report.rewritten, report.kept_in_notes), (0, 1, 1), "{report:?}");
    home.meet(&[&phone, &laptop]);
    for device in [&phone, &laptop] {
        let record = device.notebook.get(Id::<Contact>::new(anew)).unwrap().unwrap();
        assert_eq!((record.about.as_str(), record.name.as_str()), ("knows somebody", "Dana Ruiz"));
        let hits = device.notebook.find("allergic", 5).unwrap();
        let note: Note = device.notebook.get(Id::new(hits[0].id)).unwrap().unwrap();
        assert!(note.body.contains("ALLERGIC TO NUTS") && note.body.contains("nickname: Nana"), "{}", note.body);
        assert!(note.body.contains("laptop") && note.body.contains("phone") && !note.body.contains("Quorbin"));
        assert_eq!(note.about, [Id::new(anew)]);
    }
    assert_alike(&phone, &laptop);
    // Who wrote nothing meanwhile has no note, and nobody a second one.
    assert_eq!(laptop.notebook.find("copy over", 9).unwrap().len(), 1);
}

#[test]
fn what_was_written_into_it_meanwhile_is_kept_also_where_somebody_had_to_agree_first() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let person = |name: &str| {
        phone.notebook.put(Contact { name: name.into(), about: "knows Quorbin".into(), ..Contact::default() }).unwrap()
    };
    let (ann, dana) = (person("Ann"), person("Dana Ruiz"));
    let mut writing = phone.notebook.write();
    for n in 1..200 {
        writing.put(Note { body: format!("{n}"), about: vec![ann], ..Note::default() }).unwrap();
    }
    writing.commit().unwrap();
    home.meet(&[&phone, &laptop]);
    // As many records as are deleted on the word of others alone.
    assert_eq!(phone.notebook.purge(ann).unwrap().records, 200);
    home.meet(&[&phone, &laptop]);
    laptop.notebook.edit(dana, |c: &mut Contact| c.nickname = "Nana".into()).unwrap();
    let anew = phone.notebook.rewrite(dana.raw(), "Quorbin", "somebody").unwrap();
    phone.pass(&home.shared).unwrap();
    // Not sent before it was heard: the others never had it.
    let report = laptop.pass(&home.shared).unwrap();
    assert_eq!((report.rewritten, report.purges_waiting.len()), (0, 1), "{report:?}");
    laptop.notebook.edit(dana, |c: &mut Contact| c.pronouns = "she".into()).unwrap();
    assert_eq!(laptop.agree(), 1);
    let notes: Vec<Note> = laptop.notebook.newest(9).unwrap();
    assert!(notes.len() == 1 && notes[0].body.contains("pronouns: she"), "{notes:?}");
    assert_eq!(notes[0].about, [Id::new(anew)]);
}

#[test]
fn changes_that_come_too_late_for_a_record_that_was_written_anew_are_counted() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let dana = phone
        .notebook
        .put(Contact { name: "Dana Ruiz".into(), about: "knows Quorbin".into(), ..Contact::default() })
        .unwrap();
    home.meet(&[&phone, &laptop]);
    laptop.notebook.edit(dana, |c: &mut Contact| c.nickname = "Nana".into()).unwrap();
    laptop.pass(&home.shared).unwrap();
    phone.notebook.rewrite(dana.raw(), "Quorbin", "somebody").unwrap();
    assert_eq!(phone.pass(&home.shared).unwrap().purged, 1);
}

#[test]
fn a_record_that_another_device_wrote_anew_stays_until_what_takes_its_place_has_come() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let words = "Quorbin is allergic to nuts";
    let note = phone.notebook.put(Note { body: words.into(), ..Note::default() }).unwrap();
    home.meet(&[&phone, &laptop]);
    let before = segments_in(&home.shared);
    let anew = phone.notebook.rewrite(note.raw(), "Quorbin", "somebody").unwrap();
    phone.pass(&home.shared).unwrap();
    // A sync program brings the word of it first, and then the phone breaks: nobody has the new one yet.
    let on_the_way = segments_in(&home.shared).into_iter().filter(|(path, _)| !before.contains_key(path));
    let on_the_way: Vec<(PathBuf, Vec<u8>)> = on_the_way.collect();
    on_the_way.iter().for_each(|(path, _)| std::fs::remove_file(home.shared.join(path)).unwrap());
    laptop.notebook.edit(note, |note: &mut Note| note.body.push_str(", and to bees")).unwrap();
    let report = laptop.pass(&home.shared).unwrap();
    assert_eq!((report.rewritten, report.kept_in_notes, report.purges_waiting.len()), (0, 1, 0), "{report:?}");
    assert!(laptop.notebook.get(note).unwrap().unwrap().body.contains(words), "it is all there is");
    assert_eq!(laptop.agree(), 0);
    assert_eq!(laptop.pass(&home.shared).unwrap().kept_in_notes, 0, "once is enough");
    // It comes after all.
    on_the_way.iter().for_each(|(path, bytes)| std::fs::write(home.shared.join(path), bytes).unwrap());
    let report = laptop.pass(&home.shared).unwrap();
    assert_eq!((report.rewritten, laptop.notebook.get(note).unwrap()), (1, None), "{report:?}");
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    for device in [&phone, &laptop] {
        let body = device.notebook.get(Id::<Note>::new(anew)).unwrap().unwrap().body;
        assert_eq!(body, "somebody is allergic to nuts");
        assert!(!device.notebook.find("bees", 9).unwrap().is_empty(), "what was written meanwhile is in a note");
        assert!(!tests::words::stand_in(&device.file(), "Quorbin"));
    }
}

#[test]
fn a_record_that_a_removed_device_wrote_anew_stays_though_a_third_heard_of_that_and_not_of_the_record() {
    let home = Home::new();
    let [phone, laptop, tablet] = home.devices(["phone", "laptop", "tablet"]);
    let before = segments_in(&home.shared);
    let body = "Quorbin is allergic to nuts";
    let note = phone.notebook.put(Note { body: body.into(), ..Note::default() }).unwrap();
    phone.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    // The phone has removed the laptop, and nobody has heard of it when the laptop takes a word out of the note.
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    laptop.notebook.rewrite(note.raw(), "Quorbin", "somebody").unwrap();
    laptop.pass(&home.shared).unwrap();
    // To the tablet comes the word of that alone: neither the note nor what takes its place.
    let on_the_way = segments_in(&home.shared).into_keys().filter(|path| !before.contains_key(path));
    on_the_way.for_each(|path| std::fs::remove_file(home.shared.join(path)).unwrap());
    let report = tablet.pass(&home.shared).unwrap();
    assert_eq!((report.deleted, report.rewritten), (0, 0), "{report:?}");
    home.rest(&[&phone, &tablet]);
    for device in [&phone, &tablet] {
        assert_eq!(device.notebook.get(note).unwrap().unwrap().body, body, "what was to take its place never came");
    }
    assert_alike(&phone, &tablet);
}

#[test]
fn what_another_device_wrote_anew_is_not_written_over_by_who_has_the_old_one_still() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let body = "Quorbin is allergic to nuts";
    let note = phone.notebook.put(Note { body: body.into(), ..Note::default() }).unwrap();
    home.meet(&[&phone, &laptop]);
    let list = |folder: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        let files = sealed_files(folder).into_iter();
        files.filter(|(path, _)| path.extension().is_some_and(|ending| ending == "kithr")).collect()
    };
    let before = list(&home.shared);
    let anew = phone.notebook.rewrite(note.raw(), "Quorbin", "somebody").unwrap();
    phone.pass(&home.shared).unwrap();
    // What is written anew comes to the laptop before word of that does.
    let late: Vec<_> = list(&home.shared).into_iter().filter(|(path, _)| !before.contains_key(path)).collect();
    assert!(!late.is_empty());
    late.iter().for_each(|(path, _)| std::fs::remove_file(home.shared.join(path)).unwrap());
    laptop.pass(&home.shared).unwrap();
    laptop.notebook.edit(Id::<Note>::new(anew), |note: &mut Note| note.body.push_str(", and to bees")).unwrap();
    assert!(matches!(laptop.notebook.rewrite(note.raw(), "nuts", "something"), Err(Error::Invalid(_))));
    late.iter().for_each(|(path, bytes)| std::fs::write(home.shared.join(path), bytes).unwrap());
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    let left = laptop.notebook.get(Id::<Note>::new(anew)).unwrap().unwrap().body;
    assert_eq!(left, "somebody is allergic to nuts, and to bees");
    assert_eq!(laptop.notebook.get(note).unwrap(), None);
}

#[test]
fn two_devices_write_one_note_anew_and_what_is_added_to_either_stays() {
    let home = Home::new();
    let [phone, laptop, tablet] = home.devices(["phone", "laptop", "tablet"]);
    let body = "Zyxwella is allergic to nuts";
    let note = phone.notebook.put(Note { body: body.into(), ..Note::default() }).unwrap();
    home.rest(&[&phone, &laptop, &tablet]);
    let anew = Id::<Note>::new(phone.notebook.rewrite(note.raw(), "Zyxwella", "somebody").unwrap());
    phone.pass(&home.shared).unwrap();
    tablet.pass(&home.shared).unwrap();
    tablet.notebook.edit(anew, |note: &mut Note| note.body.push_str(", and to bees")).unwrap();
    // The laptop has not heard of it, takes the name out itself, and goes on with what both became.
    assert_eq!(laptop.notebook.rewrite(note.raw(), "Zyxwella", "he").unwrap(), anew.raw());
    laptop.pass(&home.shared).unwrap();
    let shown = laptop.notebook.get(anew).unwrap().unwrap().body;
    let both: BTreeSet<&str> = shown.lines().collect();
    assert_eq!(both, BTreeSet::from(["somebody is allergic to nuts", "he is allergic to nuts"]));
    laptop.notebook.edit(anew, |note: &mut Note| note.body = "no nuts".into()).unwrap();
    home.rest(&[&phone, &laptop, &tablet]);
    assert_alike(&phone, &laptop);
    assert_alike(&phone, &tablet);
    let left = phone.notebook.get(anew).unwrap().unwrap().body;
    assert!(left.contains("no nuts") && left.contains(", and to bees"), "{left}");
    assert!(!left.contains("allergic"), "{left}");
    assert!([&phone, &laptop, &tablet].iter().all(|device| words_in_file(device).is_empty()));
}

#[test]
fn a_record_that_cannot_be_read_and_was_written_anew_elsewhere_stops_no_sync() {
    let home = Home::new();
    let (mut phone, laptop) = home.two();
    let note = laptop.notebook.put(Note { body: "Zyxwella is allergic".into(), ..Note::default() }).unwrap();
    home.rest(&[&phone, &laptop]);
    phone.notebook.edit(note, |note: &mut Note| note.body.push_str(" to nuts")).unwrap();
    let other = phone.notebook.put(Note { body: "tea".into(), ..Note::default() }).unwrap();
    let file = rusqlite::Connection::open(phone.file()).unwrap();
    let sql = "UPDATE chunk SET bytes = x'00' WHERE key >> 20 = (SELECT n FROM document WHERE id = ?)";
    assert!(file.execute(sql, [note.raw().0]).unwrap() > 0);
    drop(file);
    phone.reopen();
    laptop.notebook.rewrite(note.raw(), "Zyxwella", "somebody").unwrap();
    laptop.pass(&home.shared).unwrap();
    phone.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    assert_eq!(laptop.notebook.get(other).unwrap().unwrap().body, "tea", "and what else was written is sent");
}

#[test]
fn what_was_added_to_a_note_that_two_wrote_anew_is_kept_when_one_of_them_does_so_again() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let body = "Zyxwella and the frobnicator";
    let note = phone.notebook.put(Note { body: body.into(), ..Note::default() }).unwrap();
    home.rest(&[&phone, &laptop]);
    // The laptop hears of nothing: it takes the name out as well, and goes on in what that became.
    let anew = Id::<Note>::new(laptop.notebook.rewrite(note.raw(), "Zyxwella", "she").unwrap());
    laptop.notebook.edit(anew, |note: &mut Note| note.body.push_str(" ALLERGIC TO NUTS")).unwrap();
    assert_eq!(phone.notebook.rewrite(note.raw(), "Zyxwella", "somebody").unwrap(), anew.raw());
    phone.pass(&home.shared).unwrap();
    phone.notebook.rewrite(anew.raw(), "frobnicator", "thing").unwrap();
    phone.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    let notes: Vec<Note> = phone.notebook.newest(9).unwrap();
    let all = notes.iter().map(|note| note.body.as_str()).collect::<Vec<_>>().join("\n");
    assert!(all.contains("ALLERGIC TO NUTS") && all.contains("somebody and the thing"), "{all}");
    assert!(!all.contains("frobnicator") && !all.contains("Zyxwella"), "{all}");
    for device in [&phone, &laptop] {
        assert!(words_in_file(device).is_empty());
    }
}

#[test]
fn nothing_is_written_anew_over_what_came_in_the_meantime() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    let note = phone.notebook.put(Note { body: "tea".into(), ..Note::default() }).unwrap().raw();
    let count = |change: Change| phone.notebook.commit(change, Origin::Here).map(|done| done.touched.len());
    let gone =
        |at: Option<Heads>| Change { purged: BTreeSet::from([note]), unchanged: vec![(note, at)], ..Change::default() };
    let at = phone.notebook.read_for_edit(Id::<Note>::new(note)).unwrap().1;
    phone.notebook.edit(Id::<Note>::new(note), |note: &mut Note| note.body.push_str(" and corn")).unwrap();
    for late in [None, Some(at)] {
        assert!(matches!(count(gone(late)), Err(Error::Invalid(words)) if words.contains("just now")));
    }
    assert!(phone.notebook.get_any(note).unwrap().is_some(), "and nothing of it is done");
    let at = phone.notebook.read_for_edit(Id::<Note>::new(note)).unwrap().1;
    assert_eq!(count(gone(Some(at))).unwrap(), 1);
}

#[test]
fn people_who_are_written_anew_are_nobody_who_is_deleted() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let person = |n: usize| Contact { name: format!("Person{n} Zyxwella"), ..Contact::default() };
    let all = [0, 1, 2, 3, 4].map(|n| phone.notebook.put(person(n)).unwrap());
    home.rest(&[&phone, &laptop]);
    for id in all {
        phone.notebook.rewrite(id.raw(), "Zyxwella", "Okri").unwrap();
    }
    phone.pass(&home.shared).unwrap();
    let report = laptop.pass(&home.shared).unwrap();
    assert_eq!((report.rewritten, report.deleted, report.purges_waiting.len()), (5, 0, 0), "{report:?}");
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    assert_eq!(laptop.notebook.people(0, 9).unwrap().total, 5);
    assert!(words_in_file(&laptop).is_empty());
    // What is deleted is told by name, as far as there are not too many.
    let names = ["Ann", "Ben", "Chi", "Dan", "Eve", "Fay"];
    let gone = names.map(|name| phone.notebook.put(Contact { name: name.into(), ..Contact::default() }).unwrap());
    home.rest(&[&phone, &laptop]);
    gone.iter().for_each(|id| drop(phone.notebook.purge(*id).unwrap()));
    phone.pass(&home.shared).unwrap();
    let waiting = &laptop.pass(&home.shared).unwrap().purges_waiting[0];
    assert_eq!((waiting.people, waiting.names.len(), waiting.is_rewritten), (6, 5, false), "{waiting:?}");
    assert!(waiting.names.iter().all(|name| names.contains(&name.as_str())));
}
