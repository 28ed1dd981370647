//! A new device shows what a checkpoint tells before the changes have come; a checkpoint is never the truth.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};

use kith_core::Error;
use kith_core::model::*;
use kith_core::sync::carrier::{Item, Mailbox};
use kith_core::sync::checkpoint::{self, Name, Text, Told};
use tests::home::Home;
use tests::line::pair;
use tests::{Device, ask, assert_alike, mailbox};

/// Enough that a checkpoint is of use.
fn fill(device: &Device) {
    for number in 0..150 {
        let line =
            format!("Person{number:03} Of-Lyon, Firm {} !send them the contact number {number} #lyon", number % 20);
        device.notebook.jot_line(&line).unwrap();
    }
    // Of which nothing can be packed away.
    for number in 0..20_u32 {
        let body = (0..16_u32).map(|part| blake3::hash(&[number, part].map(u32::to_be_bytes).concat()).to_string());
        device.notebook.put(Note { body: body.collect(), ..Note::default() }).unwrap();
    }
}

fn parts(shared: &Path) -> Vec<PathBuf> {
    let list = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    list(shared.join("kith/c")).flat_map(list).collect()
}

fn people(device: &Device) -> u64 {
    device.notebook.people(0, 1).unwrap().total
}

/// A mailbox in which no segment has arrived yet.
struct Early<'a>(&'a dyn Mailbox);

impl Mailbox for Early<'_> {
    fn prepare(&self) -> Result<(), Error> {
        self.0.prepare()
    }
    fn list(&self) -> Result<Vec<Item>, Error> {
        let mut items = self.0.list()?;
        items.retain(|item| !item.name.contains(".kiths") && !item.name.contains(".kithb"));
        Ok(items)
    }
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        self.0.get(name, most)
    }
    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.0.put_new(name, bytes)
    }
    fn delete(&self, name: &str) -> Result<(), Error> {
        self.0.delete(name)
    }
    fn words(&self) -> String {
        self.0.words()
    }
}

/// A device that has joined, and has seen nothing of the mailbox but what the joining itself brought.
fn joined(home: &Home, host: &Device, name: &str) -> Device {
    let guest = home.device(name, 77);
    let place = mailbox(&home.shared);
    let code = host.notebook.invite(&place, &host.keys).unwrap();
    let request = ask((&host.notebook, &host.keys), (&guest.notebook, &guest.keys), [&place, &place], &code);
    host.notebook.admit(&place, &host.keys, &request).unwrap();
    guest.notebook.join(&place, &guest.keys, None).unwrap();
    guest
}

#[test]
fn a_new_device_shows_people_before_any_change_has_come() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    fill(&phone);
    phone.pass(&home.shared).unwrap();
    assert_eq!(parts(&home.shared).len(), 1);
    let laptop = joined(&home, &phone, "laptop");
    let place = mailbox(&home.shared);
    let report = laptop.notebook.sync(&Early(&place), &laptop.keys, &mut |_, _| Ok(())).unwrap();
    assert!(report.told >= 450 && report.missing > 0, "{report:?}");
    assert_eq!(people(&laptop), 150);
    let person = laptop.notebook.find("person077", 5).unwrap().remove(0);
    let page = laptop.notebook.person(Id::new(person.id)).unwrap();
    assert_eq!((page.promises.len(), page.organisations.len()), (1, 1), "with what belongs to them");
    assert_eq!(laptop.notebook.open_promises(None).unwrap().len(), 150);
    assert_eq!(laptop.notebook.sizes().unwrap().documents, 0, "none of it is part of the notebook yet");

    // It cannot be changed; a line about somebody goes to a new person who is offered as the same.
    let id = Id::new(person.id);
    let refused = laptop.notebook.edit(id, |contact: &mut Contact| contact.nickname = "P".into());
    assert!(matches!(&refused, Err(Error::Invalid(words)) if words.contains("still on its way")), "{refused:?}");
    let jotted = laptop.notebook.jot_line("Person077 Of-Lyon !call back").unwrap();
    assert!(jotted.contact != Some(id) && jotted.same_as.iter().any(|alike| alike.person.id == id), "{jotted:?}");

    // Nor be deleted for good, or written anew: what was written since the checkpoint would go with it.
    for refused in [laptop.notebook.purge(id).map(drop), laptop.notebook.rewrite(id.raw(), "Person077", "P").map(drop)]
    {
        assert!(matches!(&refused, Err(Error::Invalid(words)) if words.contains("still on its way")), "{refused:?}");
    }

    // The next look finds nothing more: it stays shown, for it is known to be on its way.
    let again = laptop.notebook.sync(&Early(&place), &laptop.keys, &mut |_, _| Ok(())).unwrap();
    assert_eq!((again.told, people(&laptop)), (report.told, 151));

    let whole = laptop.pass(&home.shared).unwrap();
    assert_eq!((whole.told, whole.missing), (0, 0));
    laptop.notebook.edit(id, |contact: &mut Contact| contact.nickname = "P".into()).unwrap();
    laptop.pass(&home.shared).unwrap();
    phone.pass(&home.shared).unwrap();
    assert_alike(&phone, &laptop);
}

#[test]
fn a_new_device_on_a_line_is_told_a_checkpoint_first() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    fill(&phone);
    phone.pass(&home.shared).unwrap();
    let laptop = joined(&home, &phone, "laptop");
    let endpoint = |device: &Device| device.notebook.member(&device.keys).unwrap().unwrap().keys().public().endpoint;
    let (mut near, mut far) = pair(endpoint(&phone), endpoint(&laptop));
    std::thread::scope(|scope| {
        scope.spawn(|| phone.notebook.sync_over(&mut near, &phone.keys, &mut |_, _| Ok(())).unwrap());
        let mut seen = Vec::new();
        let report = laptop.notebook.sync_over(&mut far, &laptop.keys, &mut |_, _| {
            seen.push((people(&laptop), laptop.notebook.sizes().unwrap().segments));
            Ok(())
        });
        assert!(seen.contains(&(150, 0)), "all people before the first segment: {seen:?}");
        assert_eq!(report.unwrap().told, 0);
    });
    assert_alike(&phone, &laptop);
}

#[test]
fn what_a_checkpoint_tells_and_nobody_ever_wrote_goes_away() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    fill(&phone);
    phone.pass(&home.shared).unwrap();
    let laptop = joined(&home, &phone, "laptop");
    // A device of the notebook lies: a person who does not exist, one who says otherwise, no JSON, what there is one of,
    // a kind nobody knows, and that more is on its way.
    let member = phone.notebook.member(&phone.keys).unwrap().unwrap();
    let known = phone.notebook.find("person001", 1).unwrap().remove(0).id;
    let told = |id, kind: &str, fields: &str| Told { id, kind: kind.into(), fields: fields.into() };
    let settings = phone.notebook.settings().unwrap().id.raw();
    let told = vec![
        told(RecordId([1; 16]), "contact", r#"{"name":"Nobody At All"}"#),
        told(known, "contact", r#"{"name":"Somebody Else"}"#),
        told(RecordId([2; 16]), "contact", "no json"),
        told(settings, "settings", r#"{"week_starts":"sunday"}"#),
        told(RecordId([4; 16]), "from the future", "{}"),
    ];
    let text = Text { told, seen: vec![([9; 16], (1..=5).collect())] };
    let epoch = member.write_epoch().unwrap();
    let forged = checkpoint::seal(&text, &epoch, member.keys().signing_key(), &mut |bytes| bytes.fill(9)).unwrap();
    parts(&home.shared).iter().for_each(|genuine| std::fs::remove_file(genuine).unwrap());
    let hash: [u8; 32] = blake3::hash(&forged[0]).into();
    let hash = [hash[0], hash[1], hash[2], hash[3]];
    let name = Name { tag: epoch.checkpoint_tag(), weight: u64::MAX, hash, part: 1, parts: 1 };
    let place = mailbox(&home.shared);
    place.put_new(&name.to_string(), &forged[0]).unwrap();

    let report = laptop.notebook.sync(&Early(&place), &laptop.keys, &mut |_, _| Ok(())).unwrap();
    assert_eq!((report.told, people(&laptop)), (2, 2), "nobody and somebody else");
    assert_eq!(laptop.notebook.settings().unwrap(), Settings::default());
    assert_eq!(laptop.pass(&home.shared).unwrap().told, 1);
    assert_eq!(laptop.notebook.find("person001", 1).unwrap()[0].id, known, "the truth, once it has come");
    assert_eq!(people(&laptop), 151, "with nobody, while more is said to be on its way");
    laptop.wait_seconds(4 * 24 * 3600);
    assert_eq!((laptop.pass(&home.shared).unwrap().told, people(&laptop)), (0, 150));
    phone.pass(&home.shared).unwrap();
    assert!(!home.shared.join("kith").join(name.to_string()).exists(), "and a true one is written in its place");
    assert_eq!(parts(&home.shared).len(), 1);
    assert_alike(&phone, &laptop);
}

#[test]
fn a_damaged_checkpoint_costs_time_only_and_is_written_anew() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    fill(&phone);
    phone.pass(&home.shared).unwrap();
    let laptop = joined(&home, &phone, "laptop");
    let [part] = &parts(&home.shared)[..] else { panic!("one part") };
    let mut bytes = std::fs::read(part).unwrap();
    bytes[500] ^= 1;
    std::fs::write(part, &bytes).unwrap();
    assert_eq!(laptop.pass(&home.shared).unwrap().told, 0);
    assert_alike(&phone, &laptop);
    assert!(!part.exists());
    phone.pass(&home.shared).unwrap();
    assert_eq!(parts(&home.shared).len(), 1);
}

#[test]
fn a_checkpoint_is_written_when_much_is_new_and_gone_with_the_key_of_a_removed_device() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    phone.notebook.jot_line("Dana Ruiz, Acme").unwrap();
    phone.pass(&home.shared).unwrap();
    assert!(parts(&home.shared).is_empty(), "a small notebook needs none");
    fill(&phone);
    phone.pass(&home.shared).unwrap();
    let first = parts(&home.shared);
    phone.notebook.jot_line("Ann Lee, Novabank").unwrap();
    phone.pass(&home.shared).unwrap();
    assert_eq!((first.len(), parts(&home.shared)), (1, first.clone()), "little is new");
    let laptop = joined(&home, &phone, "laptop");
    laptop.pass(&home.shared).unwrap();
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    phone.pass(&home.shared).unwrap();
    let second = parts(&home.shared);
    assert!(second.len() == 1 && second != first);
    // The removed device has no key for it.
    let bytes = std::fs::read(&second[0]).unwrap();
    let member = laptop.notebook.member(&laptop.keys).unwrap().unwrap();
    assert!(member.epochs(checkpoint::key_of(&bytes, &member.tag()).unwrap()).next().is_none());
}

#[test]
fn a_rebuild_and_a_backup_in_the_middle_do_no_harm() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    fill(&phone);
    phone.pass(&home.shared).unwrap();
    let mut laptop = joined(&home, &phone, "laptop");
    let place = mailbox(&home.shared);
    laptop.notebook.sync(&Early(&place), &laptop.keys, &mut |_, _| Ok(())).unwrap();
    let backup = home.folder.path().join("backup");
    laptop.back_up(&backup);
    laptop.notebook.rebuild(&mut |_, _| Ok(())).unwrap();
    assert_eq!(people(&laptop), 0, "what was told is no part of the notebook");
    assert!(laptop.notebook.check_file().unwrap().is_empty());
    laptop.restore(&backup);
    assert_eq!(people(&laptop), 150);
    for _ in 0..2 {
        laptop.pass(&home.shared).unwrap();
        phone.pass(&home.shared).unwrap();
    }
    assert_alike(&phone, &laptop);
    assert_eq!(laptop.notebook.sizes().unwrap(), {
        let mut sizes = phone.notebook.sizes().unwrap();
        sizes.history_bytes = laptop.notebook.sizes().unwrap().history_bytes;
        sizes
    });
}

/// The newcomer is told what takes the place of a note, and the note itself comes; what takes its place never does.
#[test]
fn a_record_stays_while_what_takes_its_place_is_only_told() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    fill(&phone);
    let body = "Quorbin is allergic to nuts";
    let note = phone.notebook.put(Note { body: body.into(), ..Note::default() }).unwrap();
    phone.pass(&home.shared).unwrap();
    let segments = |home: &Home| -> Vec<PathBuf> {
        let all = tests::post::sealed_files(&home.shared).into_keys();
        all.filter(|path| path.extension().is_some_and(|ending| ending == "kiths")).collect()
    };
    let before = segments(&home);
    let laptop = joined(&home, &phone, "laptop");
    let anew = phone.notebook.rewrite(note.raw(), "Quorbin", "somebody").unwrap();
    parts(&home.shared).iter().for_each(|part| std::fs::remove_file(part).unwrap());
    phone.pass(&home.shared).unwrap();
    assert_eq!(parts(&home.shared).len(), 1, "with what is new");
    let lost: Vec<PathBuf> = segments(&home).into_iter().filter(|path| !before.contains(path)).collect();
    assert!(!lost.is_empty());
    lost.iter().for_each(|path| std::fs::remove_file(home.shared.join(path)).unwrap());
    let report = laptop.pass(&home.shared).unwrap();
    assert!(report.told > 0 && laptop.notebook.get(Id::<Note>::new(anew)).unwrap().is_some(), "{report:?}");
    assert_eq!(laptop.notebook.get(note).unwrap().unwrap().body, body, "it is all there is of it");
    phone.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    assert_eq!(laptop.notebook.get(note).unwrap(), None);
    assert_alike(&phone, &laptop);
}
