//! The devices of one person, through a folder that whoever keeps it cannot read: joining, meeting, removing.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use kith_core::Error;
use kith_core::model::*;
use kith_core::notebook::{DeviceRow, Joining, Knock};
use kith_core::sync::LogId;
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::consent::Word;
use kith_core::sync::keys::{DeviceKeys, RecoveryKit, Secret};
use kith_core::sync::keystore::KeyStore;
use kith_core::sync::pairing::{self, Code};
use tests::home::Home;
use tests::{Device, ask, assert_alike, mailbox};

const DANA: &str = "Dana Ruiz, Acme !send her the contact ?a warehouse #lyon";

fn all(devices: &[&Device], shared: &Path) {
    for device in devices.iter().chain(devices) {
        device.pass(shared).unwrap();
    }
}

fn name_of(device: &Device, id: Id<Contact>) -> String {
    device.notebook.get(id).unwrap().map(|contact: Contact| contact.name).unwrap_or_default()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn a_device_joins_with_a_code_and_both_show_the_same() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    let dana = phone.notebook.jot_line(DANA).unwrap().contact.unwrap();
    let laptop = home.device("laptop", 2);
    phone.lets_in(&laptop, &home.shared);
    let report = laptop.pass(&home.shared).unwrap();
    assert!(report.received > 0 && report.refused.is_empty() && report.set_aside.is_empty(), "{report:?}");
    assert_eq!(name_of(&laptop, dana), "Dana Ruiz");
    laptop.notebook.edit(dana, |c: &mut Contact| c.nickname = "D".into()).unwrap();
    all(&[&laptop, &phone], &home.shared);
    assert_alike(&phone, &laptop);
    let names: Vec<String> = phone.notebook.device_list(&phone.keys).unwrap().into_iter().map(|d| d.name).collect();
    assert_eq!(names, ["phone", "laptop"]);
    let quiet = phone.pass(&home.shared).unwrap();
    assert_eq!((quiet.written, quiet.read, quiet.sent), (0, 0, 0), "nothing more to do");
}

#[test]
fn a_device_with_notes_of_its_own_brings_them_along() {
    let home = Home::new();
    let (phone, laptop) = (home.device("phone", 1), home.device("laptop", 2));
    let dana = phone.notebook.jot_line(DANA).unwrap().contact.unwrap();
    let ann = laptop.notebook.jot_line("Ann Lee, Novabank").unwrap().contact.unwrap();
    phone.lets_in(&laptop, &home.shared);
    all(&[&laptop, &phone], &home.shared);
    assert_eq!((name_of(&phone, ann).as_str(), name_of(&laptop, dana).as_str()), ("Ann Lee", "Dana Ruiz"));
    assert_alike(&phone, &laptop);
}

#[test]
fn a_third_device_is_let_in_by_the_second_and_gets_what_the_first_wrote() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let dana = phone.notebook.jot_line(DANA).unwrap().contact.unwrap();
    all(&[&phone, &laptop], &home.shared);
    // The folder is lost, and the phone with it: the laptop puts everything back, what the phone sealed included.
    std::fs::remove_dir_all(home.shared.join("kith")).unwrap();
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared);
    tablet.pass(&home.shared).unwrap();
    assert_eq!(name_of(&tablet, dana), "Dana Ruiz");
    assert_alike(&laptop, &tablet);
}

#[test]
fn nobody_who_has_the_folder_reads_a_name_in_it() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    phone.notebook.jot_line("Zyxwella Quorbin, Plumbaline Ltd zyx@plumbaline.example #frobnicator").unwrap();
    all(&[&phone, &laptop], &home.shared);
    for file in files(&home.shared) {
        let (name, bytes) = (file.to_string_lossy().into_owned(), std::fs::read(&file).unwrap());
        for word in ["zyxwella", "quorbin", "plumbaline", "frobnicator", "phone", "laptop", "contact"] {
            let holds = bytes.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
            assert!(!holds && !name.rsplit("shared").next().unwrap().contains(word), "{word} in {name}");
        }
    }
}

#[test]
fn a_folder_of_another_notebook_and_one_that_was_not_joined_are_refused_and_left_alone() {
    let home = Home::new();
    let (phone, _laptop) = home.two();
    phone.notebook.jot_line(DANA).unwrap();
    phone.pass(&home.shared).unwrap();
    let before: Vec<(PathBuf, Vec<u8>)> =
        files(&home.shared).into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect();
    let stranger = home.device("stranger", 7);
    stranger.notebook.jot_line("Ben Okafor").unwrap();
    assert!(matches!(stranger.pass(&home.shared), Err(Error::Foreign(words)) if words.contains("has not joined")));
    let elsewhere = home.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    stranger.pass(&elsewhere).unwrap();
    assert!(matches!(stranger.pass(&home.shared), Err(Error::Foreign(words)) if words.contains("another notebook")));
    // Nor when the note that names the notebook is gone.
    std::fs::remove_file(home.shared.join("kith/KITH.txt")).unwrap();
    assert!(matches!(stranger.pass(&home.shared), Err(Error::Foreign(words)) if words.contains("another notebook")));
    let after = files(&home.shared);
    assert_eq!(after.len() + 1, before.len());
    assert!(
        after
            .iter()
            .all(|file| before.iter().any(|(path, bytes)| path == file && *bytes == std::fs::read(file).unwrap()))
    );
}

#[test]
fn a_code_is_worth_one_guess() {
    let home = Home::new();
    let phone = home.device("phone", 1);
    let place = mailbox(&home.shared);
    let code = phone.notebook.invite(&place, &phone.keys).unwrap();
    // Somebody who sees the folder puts a request there without knowing the code.
    let stem = home.shared.join("kith").join(code.file_stem());
    std::fs::write(stem.with_extension("vow"), vec![7; 88]).unwrap();
    assert!(matches!(phone.notebook.request_to_join(&place, &phone.keys), Err(Error::Declined(_))));
    assert!(matches!(phone.notebook.request_to_join(&place, &phone.keys), Err(Error::NotFound(_))), "it is spent");
    let laptop = home.device("laptop", 2);
    assert!(matches!(laptop.notebook.join(&place, &laptop.keys, Some(&code)), Err(Error::NotFound(_))));
    // A new one replaces it; a code that was replaced leads nowhere.
    let second = phone.notebook.invite(&place, &phone.keys).unwrap();
    let third = phone.notebook.invite(&place, &phone.keys).unwrap();
    assert!(laptop.notebook.join(&place, &laptop.keys, Some(&second)).is_err());
    let (host, guest) = ((&phone.notebook, &phone.keys), (&laptop.notebook, &laptop.keys));
    ask(host, guest, [&place, &place], &Code::parse(&third.text()).unwrap());
    // Nobody agreed, so nothing was given.
    assert!(matches!(laptop.notebook.join(&place, &laptop.keys, None), Ok(Joining::Asked { .. })));
    assert!(laptop.notebook.device_list(&laptop.keys).unwrap().is_empty());
}

/// The file of a request that somebody makes who knows the code, and has keys of their own.
fn request_of_a_thief(place: &dyn Mailbox, code: &Code, seed: u8) -> Vec<u8> {
    let keys = DeviceKeys::from_seeds(&Secret::new([seed; 32]), &Secret::new([seed ^ 0xff; 32]));
    let invitation = place.get(&format!("{}.inv", code.file_stem()), 4096).unwrap().unwrap();
    pairing::request(code, &invitation, &keys.public(), "laptop", &mut |bytes| bytes.fill(seed)).unwrap()
}

#[test]
fn who_photographed_the_code_gets_no_second_choice_of_digits() {
    for (has_asked, is_vowed_anew) in [(false, false), (false, true), (true, false), (true, true)] {
        let home = Home::new();
        let (phone, laptop) = (home.device("phone", 1), home.device("laptop", 2));
        let place = mailbox(&home.shared);
        let code = phone.notebook.invite(&place, &phone.keys).unwrap();
        let stem = code.file_stem();
        assert_eq!(laptop.notebook.join(&place, &laptop.keys, Some(&code)).unwrap(), Joining::Knocked);
        assert!(phone.notebook.request_to_join(&place, &phone.keys).unwrap().is_none());
        let toss = place.get(&format!("{stem}.toss"), 4096).unwrap().unwrap();
        if has_asked {
            assert!(laptop.notebook.knock(&place, &laptop.keys, &code).unwrap().is_some());
        }
        // The thief sees the toss now, tries requests until the digits please, and puts that in the place of the other,
        // with a vow that fits and a yes of its own.
        let ground = request_of_a_thief(&place, &code, 9);
        let vow = pairing::vow_of(&code, &ground);
        let put = |ending: &str, bytes: &[u8]| {
            place.delete(&format!("{stem}.{ending}")).unwrap();
            place.put_new(&format!("{stem}.{ending}"), bytes).unwrap();
        };
        put("req", &ground);
        put("yes", &Word::Yes.written(&code, &vow));
        if is_vowed_anew {
            put("vow", &pairing::vow(&code, &vow));
            phone.pass(&home.shared).unwrap();
            assert_eq!(place.get(&format!("{stem}.toss"), 4096).unwrap().unwrap(), toss, "there is one toss");
        }
        let told = phone.notebook.request_to_join(&place, &phone.keys);
        assert!(matches!(&told, Err(Error::Declined(words)) if words.contains("another device asks")), "{told:?}");
        assert!(matches!(phone.notebook.request_to_join(&place, &phone.keys), Err(Error::NotFound(_))), "it is spent");
        assert_eq!(phone.notebook.device_list(&phone.keys).unwrap().len(), 1);
    }
}

#[test]
fn who_stands_between_has_to_answer_before_they_see_the_request_and_one_answer_stays() {
    let home = Home::new();
    let (phone, laptop) = (home.device("phone", 1), home.device("laptop", 2));
    let place = mailbox(&home.shared);
    let code = phone.notebook.invite(&place, &phone.keys).unwrap();
    let stem = code.file_stem();
    let there = |ending: &str| place.get(&format!("{stem}.{ending}"), 1 << 20).unwrap();
    assert!(laptop.notebook.knock(&place, &laptop.keys, &code).unwrap().is_none());
    assert!(there("vow").is_some() && there("req").is_none(), "the request is shown to nobody before the toss");
    let vow = pairing::read_vow(&code, &there("vow").unwrap()).unwrap();
    // Who knows the code answers in the place of the host, sees the request, and answers once more.
    place.put_new(&format!("{stem}.toss"), &pairing::toss(&code, &vow, &[1; 32])).unwrap();
    let first = laptop.notebook.knock(&place, &laptop.keys, &code).unwrap().unwrap();
    assert!(there("req").is_some());
    place.delete(&format!("{stem}.toss")).unwrap();
    place.put_new(&format!("{stem}.toss"), &pairing::toss(&code, &vow, &[2; 32])).unwrap();
    assert_eq!(laptop.notebook.knock(&place, &laptop.keys, &code).unwrap().unwrap(), first);
    // The host has a toss of its own: the digits differ, and a person sees that.
    place.delete(&format!("{stem}.toss")).unwrap();
    let request = phone.notebook.request_to_join(&place, &phone.keys).unwrap().unwrap();
    assert!(request.digits != first.digits);
}

#[test]
fn a_sync_of_the_host_answers_who_came_with_the_code_and_a_no_before_the_digits_is_told() {
    let home = Home::new();
    let (phone, laptop) = (home.device("phone", 1), home.device("laptop", 2));
    let place = mailbox(&home.shared);
    let code = phone.notebook.invite(&place, &phone.keys).unwrap();
    assert!(laptop.notebook.knock(&place, &laptop.keys, &code).unwrap().is_none());
    assert!(matches!(laptop.notebook.agree_to_join(&place, &laptop.keys), Err(Error::NotFound(_))), "to what?");
    phone.pass(&home.shared).unwrap();
    let knock = laptop.notebook.knock(&place, &laptop.keys, &code).unwrap().unwrap();
    let request = phone.notebook.request_to_join(&place, &phone.keys).unwrap().unwrap();
    assert_eq!(knock.digits, request.digits);
    let code = phone.notebook.invite(&place, &phone.keys).unwrap();
    assert!(laptop.notebook.knock(&place, &laptop.keys, &code).unwrap().is_none());
    laptop.notebook.decline_to_join(&place, &laptop.keys).unwrap();
    let told = phone.notebook.request_to_join(&place, &phone.keys);
    assert!(matches!(told, Err(Error::Declined(words)) if words.contains("said no")));
}

/// Everything a device shows and keeps, and what lies in the folder.
fn as_it_is(device: &Device, folder: &Path) -> (Vec<String>, Vec<String>, Vec<PathBuf>) {
    let rows = device.notebook.device_list(&device.keys).unwrap().into_iter().map(|row| row.name).collect();
    (device.notebook.dump().unwrap(), rows, files(folder))
}

/// What the second device shows, once the first has heard of it.
fn knocked(host: &Device, guest: &Device, place: &dyn Mailbox, code: &Code) -> Knock {
    assert!(guest.notebook.knock(place, &guest.keys, code).unwrap().is_none());
    assert!(host.notebook.request_to_join(place, &host.keys).unwrap().is_none());
    guest.notebook.knock(place, &guest.keys, code).unwrap().unwrap()
}

#[test]
fn the_new_device_shows_who_invites_before_anything_and_a_no_there_leaves_both_as_they_were() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let tablet = home.device("tablet", 3);
    phone.notebook.jot_line(DANA).unwrap();
    tablet.notebook.jot_line("Ann Lee").unwrap();
    all(&[&phone, &laptop], &home.shared);
    let place = mailbox(&home.shared);
    let before = (as_it_is(&phone, &home.shared), as_it_is(&tablet, &home.shared));
    let code = phone.notebook.invite(&place, &phone.keys).unwrap();
    let knock = knocked(&phone, &tablet, &place, &code);
    assert_eq!((knock.host.as_str(), knock.devices, knock.people), ("phone", 2, 1));
    let request = phone.notebook.request_to_join(&place, &phone.keys).unwrap().unwrap();
    assert_eq!(knock.digits, request.digits, "both show the same");
    // Nobody said yes there: the host alone lets nobody in, and the new device goes on with nothing.
    assert!(matches!(phone.notebook.admit(&place, &phone.keys, &request), Err(Error::NotFound(_))));
    assert!(matches!(tablet.notebook.join(&place, &tablet.keys, None), Err(Error::NotFound(_))));
    tablet.notebook.decline_to_join(&place, &tablet.keys).unwrap();
    assert_eq!(phone.notebook.word_of_guest(&place, &phone.keys, &request).unwrap(), Some(false));
    let told = phone.notebook.admit_who_shows(&place, &phone.keys, &request.digits);
    assert!(matches!(told, Err(Error::Declined(words)) if words.contains("said no")));
    assert_eq!((as_it_is(&phone, &home.shared), as_it_is(&tablet, &home.shared)), before);
    assert!(tablet.notebook.member(&tablet.keys).unwrap().is_none());
    // Both can go on: a new code, and a yes.
    phone.lets_in(&tablet, &home.shared);
}

#[test]
fn a_no_of_the_host_is_told_to_the_new_device_and_leaves_both_as_they_were() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let tablet = home.device("tablet", 3);
    all(&[&phone, &laptop], &home.shared);
    let place = mailbox(&home.shared);
    let before = (as_it_is(&phone, &home.shared), as_it_is(&tablet, &home.shared));
    let code = phone.notebook.invite(&place, &phone.keys).unwrap();
    knocked(&phone, &tablet, &place, &code);
    tablet.notebook.agree_to_join(&place, &tablet.keys).unwrap();
    phone.notebook.cancel_invitation(&place, &phone.keys).unwrap();
    let told = tablet.notebook.join(&place, &tablet.keys, None);
    assert!(matches!(told, Err(Error::Declined(words)) if words.contains("took its invitation back")));
    assert!(matches!(tablet.notebook.join(&place, &tablet.keys, None), Err(Error::NotFound(_))), "once");
    assert_eq!((as_it_is(&phone, &home.shared), as_it_is(&tablet, &home.shared)), before);
}

/// What comes between a yes and an answer that lets the device in.
#[derive(Clone, Copy, Debug)]
enum Answer {
    None,
    TakenBack,
    OtherDigits,
    Strange,
}

#[test]
fn a_device_of_another_side_that_says_yes_keeps_its_place_there_until_it_is_let_in() {
    for answer in [Answer::None, Answer::TakenBack, Answer::OtherDigits, Answer::Strange] {
        let home = Home::new();
        let [phone, laptop, tablet] = home.devices(["phone", "laptop", "tablet"]);
        let elsewhere = home.elsewhere();
        phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
        laptop.notebook.remove_device(&laptop.keys, "phone").unwrap();
        all(&[&laptop, &tablet], &elsewhere);
        let place = mailbox(&home.shared);
        let code = phone.notebook.invite(&place, &phone.keys).unwrap();
        assert!(knocked(&phone, &laptop, &place, &code).is_apart);
        laptop.notebook.agree_to_join(&place, &laptop.keys).unwrap();
        let answers = format!("{}.ans", code.file_stem());
        match answer {
            Answer::None => {}
            Answer::TakenBack => phone.notebook.cancel_invitation(&place, &phone.keys).unwrap(),
            Answer::OtherDigits => {
                let typed = phone.notebook.admit_who_shows(&place, &phone.keys, "12");
                assert!(matches!(typed, Err(Error::Declined(_))));
            }
            Answer::Strange => place.put_new(&answers, &[7; 600]).unwrap(),
        }
        let told = laptop.notebook.join(&place, &laptop.keys, None);
        match answer {
            Answer::None => assert!(matches!(told, Ok(Joining::Asked { .. })), "{told:?}"),
            Answer::Strange => assert!(told.is_err(), "{told:?}"),
            Answer::TakenBack | Answer::OtherDigits => {
                assert!(matches!(&told, Err(Error::Declined(words)) if words.contains("nothing here was changed")));
            }
        }
        // Its own side goes on, and both read what the other writes and wrote.
        let dana = laptop.notebook.jot_line(DANA).unwrap().contact.unwrap();
        let ann = tablet.notebook.jot_line("Ann Lee, Novabank").unwrap().contact.unwrap();
        all(&[&laptop, &tablet], &elsewhere);
        assert_eq!(
            (name_of(&tablet, dana), name_of(&laptop, ann)),
            ("Dana Ruiz".into(), "Ann Lee".into()),
            "{answer:?}"
        );
        assert_alike(&laptop, &tablet);
        // It comes in on the other side when it is let in there, and not before.
        phone.notebook.jot_line("Ben Okafor, Harbour").unwrap();
        if matches!(answer, Answer::None) {
            let request = phone.notebook.request_to_join(&place, &phone.keys).unwrap().unwrap();
            phone.notebook.admit(&place, &phone.keys, &request).unwrap();
            assert!(matches!(laptop.notebook.join(&place, &laptop.keys, None), Ok(Joining::Joined { .. })));
        } else {
            place.delete(&answers).unwrap();
            phone.lets_in(&laptop, &home.shared);
        }
        all(&[&laptop, &phone], &home.shared);
        assert_alike(&phone, &laptop);
        assert_eq!(phone.notebook.people(0, 9).unwrap().total, 3, "{answer:?}");
    }
}

/// A key store that changes nothing any more after so many changes.
struct Full<'a> {
    keys: &'a dyn KeyStore,
    left: AtomicU64,
}

impl Full<'_> {
    fn changes(&self) -> Result<&dyn KeyStore, Error> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(|_| self.keys).map_err(|_| Error::Storage("the disk is full".into()))
    }
}

impl KeyStore for Full<'_> {
    fn get(&self, name: &str) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Error> {
        self.keys.get(name)
    }
    fn put(&self, name: &str, secret: &[u8]) -> Result<(), Error> {
        self.changes()?.put(name, secret)
    }
    fn remove(&self, name: &str) -> Result<(), Error> {
        self.changes()?.remove(name)
    }
    fn highest(&self, log: LogId) -> Result<Option<u64>, Error> {
        self.keys.highest(log)
    }
    fn raise(&self, log: LogId, seq: u64) -> Result<(), Error> {
        self.keys.raise(log, seq)
    }
}

#[test]
fn a_device_that_changes_sides_and_is_broken_off_at_any_key_comes_in_when_it_tries_again() {
    for left in 0.. {
        let home = Home::new();
        let [phone, laptop, _tablet] = home.devices(["phone", "laptop", "tablet"]);
        phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
        laptop.notebook.remove_device(&laptop.keys, "phone").unwrap();
        laptop.notebook.jot_line(DANA).unwrap();
        let place = mailbox(&home.shared);
        let code = phone.notebook.invite(&place, &phone.keys).unwrap();
        knocked(&phone, &laptop, &place, &code);
        laptop.notebook.agree_to_join(&place, &laptop.keys).unwrap();
        let request = phone.notebook.request_to_join(&place, &phone.keys).unwrap().unwrap();
        phone.notebook.admit(&place, &phone.keys, &request).unwrap();
        let full = Full { keys: &laptop.keys, left: left.into() };
        let tried = laptop.notebook.join(&place, &full, None);
        if tried.is_ok() {
            assert!(left > 8, "{left}");
            break;
        }
        assert!(matches!(tried, Err(Error::Storage(_))), "{tried:?}");
        // What it is given meanwhile, if it is in, it keeps.
        drop(laptop.pass(&home.shared));
        phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
        phone.notebook.jot_line("Ann Lee, Novabank").unwrap();
        phone.pass(&home.shared).unwrap();
        drop(laptop.pass(&home.shared));
        let joined = laptop.notebook.join(&place, &laptop.keys, None);
        assert!(matches!(joined, Ok(Joining::Joined { .. })), "after {left} changes: {joined:?}");
        all(&[&laptop, &phone], &home.shared);
        assert_alike(&phone, &laptop);
        assert_eq!(laptop.notebook.people(0, 9).unwrap().total, 2, "after {left} changes");
    }
}

#[test]
fn a_device_that_says_no_keeps_the_keys_it_had_of_that_notebook() {
    let home = Home::new();
    let (phone, mut laptop) = (home.device("phone", 1), home.device("laptop", 2));
    let backup = home.folder.path().join("backup");
    laptop.back_up(&backup);
    phone.lets_in(&laptop, &home.shared);
    all(&[&laptop, &phone], &home.shared);
    laptop.restore(&backup);
    let place = mailbox(&home.shared);
    let code = phone.notebook.invite(&place, &phone.keys).unwrap();
    knocked(&phone, &laptop, &place, &code);
    laptop.notebook.decline_to_join(&place, &laptop.keys).unwrap();
    laptop.notebook.rejoin(&place, &laptop.keys).unwrap();
    laptop.pass(&home.shared).unwrap();
}

#[test]
fn before_a_device_is_removed_it_is_told_what_it_leaves_behind() {
    let home = Home::new();
    let [laptop, phone, tablet] = home.devices(["laptop", "phone", "tablet"]);
    let before = |meant: &str| laptop.notebook.before_removal(&laptop.keys, meant).unwrap();
    assert!(!before("phone").made_recovery_key && before("phone").let_in.is_empty());
    // Whoever stole the phone makes a recovery key, and lets two devices in, one by the other.
    let place = mailbox(&home.shared);
    let kit = phone.notebook.make_recovery_key(&place, &phone.keys, None).unwrap();
    let (spy, mole) = (home.device("spy", 8), home.device("mole", 9));
    phone.lets_in(&spy, &home.shared);
    home.meet(&[&phone, &spy]);
    spy.lets_in(&mole, &home.shared);
    home.meet(&[&spy, &mole, &laptop, &tablet]);
    let told = before("phone");
    let names = |rows: &[DeviceRow]| rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>();
    assert_eq!((told.made_recovery_key, names(&told.let_in)), (true, vec!["spy".into(), "mole".into()]));
    assert_eq!((before("spy").made_recovery_key, names(&before("spy").let_in)), (false, vec!["mole".into()]));
    assert!(matches!(laptop.notebook.before_removal(&laptop.keys, "laptop"), Err(Error::Invalid(_))));
    assert!(matches!(laptop.notebook.before_removal(&laptop.keys, "nobody"), Err(Error::NotFound(_))));
    assert_eq!(laptop.notebook.recovery_key_of_removed(&laptop.keys).unwrap(), None);

    // What was told stands in the list afterwards, until something is done about it.
    laptop.notebook.remove_device(&laptop.keys, "phone").unwrap();
    let host_of = |name: &str| {
        let rows = laptop.notebook.device_list(&laptop.keys).unwrap();
        rows.into_iter().find(|row| row.name == name).unwrap().let_in_by_removed
    };
    assert_eq!((host_of("spy"), host_of("mole"), host_of("tablet")), (Some("phone".into()), None, None));
    assert_eq!(laptop.notebook.recovery_key_of_removed(&laptop.keys).unwrap(), Some("phone".into()));
    laptop.notebook.remove_device(&laptop.keys, "spy").unwrap();
    assert_eq!((host_of("spy"), host_of("mole")), (None, Some("spy".into())));
    laptop.pass(&home.shared).unwrap();
    // The paper lets the thief in again: who comes in by it is told as one that came through the phone.
    let back = home.device("back", 10);
    back.notebook.recover(&place, &back.keys, &kit).unwrap();
    back.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    // An owner who has it on paper replaces it.
    laptop.notebook.make_recovery_key(&place, &laptop.keys, Some(&kit)).unwrap();
    assert_eq!(laptop.notebook.recovery_key_of_removed(&laptop.keys).unwrap(), None);
}

#[test]
fn a_wrong_or_replaced_paper_costs_the_device_on_which_it_is_typed_nothing() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    all(&[&phone, &laptop], &home.shared);
    let place = mailbox(&home.shared);
    let replaced = phone.notebook.make_recovery_key(&place, &phone.keys, None).unwrap();
    phone.notebook.make_recovery_key(&place, &phone.keys, Some(&replaced)).unwrap();
    all(&[&phone, &laptop], &home.shared);
    let strange = RecoveryKit::draw(&mut |bytes| bytes.fill(5));
    for kit in [strange, replaced] {
        assert!(matches!(laptop.notebook.recover(&place, &laptop.keys, &kit), Err(Error::Denied(_))));
        laptop.notebook.jot_line(DANA).unwrap();
        laptop.pass(&home.shared).unwrap();
    }
    assert_eq!(laptop.notebook.device_list(&laptop.keys).unwrap().len(), 2);
}

#[test]
fn a_removed_device_is_not_heard_any_more_and_reads_nothing_new() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let tablet = home.device("tablet", 3);
    phone.lets_in(&tablet, &home.shared);
    let dana = phone.notebook.jot_line(DANA).unwrap().contact.unwrap();
    all(&[&phone, &laptop, &tablet], &home.shared);
    // What it wrote before counts, also what only one of the others has.
    tablet.notebook.edit(dana, |c: &mut Contact| c.nickname = "before".into()).unwrap();
    all(&[&tablet, &laptop], &home.shared);
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    let late = tablet.notebook.jot_line("Late Comer").unwrap().contact.unwrap();
    tablet.pass(&home.shared).unwrap();
    phone.pass(&home.shared).unwrap();
    let secret = phone.notebook.jot_line("Secret Sam").unwrap().contact.unwrap();
    all(&[&phone, &laptop, &phone], &home.shared);
    for device in [&phone, &laptop] {
        let nickname = device.notebook.get(dana).unwrap().map(|c: Contact| c.nickname);
        assert_eq!(nickname.as_deref(), Some("before"), "what it wrote before, and the laptop had, stays");
        assert_eq!(name_of(device, late), "", "what it wrote after counts for nobody");
    }
    assert_eq!(phone.pass(&home.shared).unwrap().after_removal, 1, "it is kept, and said so");
    assert_alike(&phone, &laptop);
    assert!(matches!(tablet.pass(&home.shared), Err(Error::Removed(words)) if words.contains("was removed")));
    assert_eq!(name_of(&tablet, secret), "");
    let rows = phone.notebook.device_list(&phone.keys).unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.name.as_str(), row.removed)).collect::<Vec<_>>(),
        [("phone", false), ("laptop", false), ("tablet", true)]
    );
    assert!(phone.notebook.remove_device(&phone.keys, "tablet").is_err(), "it is removed already");
    assert!(phone.notebook.remove_device(&phone.keys, "phone").is_err(), "not itself");
}

#[test]
fn a_damaged_folder_is_healed_by_whoever_has_the_segment() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    for n in 0..12 {
        phone.notebook.jot_line(&format!("Person {n}, Firm {n}")).unwrap();
        phone.pass(&home.shared).unwrap();
    }
    laptop.pass(&home.shared).unwrap();
    let segments: Vec<PathBuf> =
        files(&home.shared).into_iter().filter(|file| file.extension().is_some_and(|e| e == "kiths")).collect();
    assert!(segments.len() >= 12);
    for (at, file) in segments.iter().enumerate() {
        let mut bytes = std::fs::read(file).unwrap();
        match at % 6 {
            0 => std::fs::remove_file(file).unwrap(),
            1 => std::fs::write(file, &bytes[..bytes.len() / 2]).unwrap(),
            2 => {
                bytes[150] ^= 4;
                std::fs::write(file, &bytes).unwrap();
            }
            3 => {
                std::fs::rename(file, file.with_extension("kiths.sync-conflict-20261122-090000-ABCDEFG.kiths")).unwrap()
            }
            4 => std::fs::write(file, b"").unwrap(),
            _ => {
                let doubled = file.parent().unwrap().with_extension("2");
                std::fs::create_dir_all(&doubled).unwrap();
                std::fs::rename(file, doubled.join(file.file_name().unwrap())).unwrap();
            }
        }
    }
    std::fs::remove_file(home.shared.join("kith/KITH.txt")).unwrap();
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared);
    tablet.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    let report = tablet.pass(&home.shared).unwrap();
    assert!(report.set_aside.is_empty(), "{report:?}");
    assert_alike(&laptop, &tablet);
    assert_eq!(tablet.notebook.people(0, 50).unwrap().total, 12);
}

#[test]
fn a_copy_of_the_notebook_without_the_keys_of_its_device_joins_anew() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    phone.notebook.jot_line(DANA).unwrap();
    all(&[&phone, &laptop], &home.shared);
    let copy = phone.copied(home.folder.path(), "copy", 9, false);
    copy.notebook.jot_line("Ann Lee").unwrap();
    assert!(matches!(copy.pass(&home.shared), Err(Error::Foreign(words)) if words.contains("without the keys")));
    laptop.lets_in(&copy, &home.shared);
    all(&[&copy, &laptop, &phone], &home.shared);
    assert_alike(&copy, &laptop);
    assert_alike(&phone, &laptop);
    assert_eq!(phone.notebook.people(0, 50).unwrap().total, 2);
}

#[test]
fn an_older_copy_put_back_repeats_no_number_and_loses_nothing() {
    for folder_is_lost in [false, true] {
        put_back_an_older_copy(folder_is_lost);
    }
}

/// With the folder there, the notebook reads back what it wrote itself and goes on where it was; without, it cannot know
/// what others have seen, and begins a new log.
fn put_back_an_older_copy(folder_is_lost: bool) {
    let home = Home::new();
    let (mut phone, laptop) = home.two();
    phone.notebook.jot_line(DANA).unwrap();
    phone.pass(&home.shared).unwrap();
    let backup = home.folder.path().join("backup");
    phone.back_up(&backup);
    phone.notebook.jot_line("Ann Lee").unwrap();
    phone.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    if folder_is_lost {
        std::fs::remove_dir_all(home.shared.join("kith")).unwrap();
    }
    phone.restore(&backup);
    phone.notebook.jot_line("Ben Okafor").unwrap();
    assert_eq!(phone.pass(&home.shared).unwrap().new_log, folder_is_lost);
    all(&[&laptop, &phone], &home.shared);
    assert_alike(&phone, &laptop);
    assert_eq!(laptop.notebook.people(0, 50).unwrap().total, 3, "what was handed out before comes back");
    let report = laptop.pass(&home.shared).unwrap();
    assert!(report.twins.is_empty() && report.refused.is_empty(), "{report:?}");
    assert!(!phone.pass(&home.shared).unwrap().new_log, "once");
}

#[test]
fn a_copy_from_before_the_device_joined_goes_back_in_when_it_is_told_to() {
    let home = Home::new();
    let (phone, mut laptop) = (home.device("phone", 1), home.device("laptop", 2));
    laptop.notebook.jot_line("Ann Lee").unwrap();
    let backup = home.folder.path().join("backup");
    laptop.back_up(&backup);
    phone.notebook.jot_line(DANA).unwrap();
    phone.lets_in(&laptop, &home.shared);
    all(&[&laptop, &phone], &home.shared);
    laptop.restore(&backup);
    // Not by itself: it could be another notebook on the same machine.
    assert!(matches!(laptop.pass(&home.shared), Err(Error::Foreign(words)) if words.contains("not joined")));
    laptop.notebook.rejoin(&mailbox(&home.shared), &laptop.keys).unwrap();
    all(&[&laptop, &phone], &home.shared);
    assert_alike(&phone, &laptop);
    assert_eq!(laptop.notebook.people(0, 50).unwrap().total, 2);
    let stranger = home.device("stranger", 7);
    assert!(stranger.notebook.rejoin(&mailbox(&home.shared), &stranger.keys).is_err(), "it holds no key");
}

#[test]
fn a_cloned_machine_and_its_twin_both_go_on_under_logs_of_their_own() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    phone.notebook.jot_line(DANA).unwrap();
    phone.pass(&home.shared).unwrap();
    let twin = phone.copied(home.folder.path(), "twin", 9, true);
    phone.notebook.jot_line("Ann Lee").unwrap();
    twin.notebook.jot_line("Ben Okafor").unwrap();
    // Both seal under the same number before they hear of each other.
    let (here, there) = (home.folder.path().join("here"), home.folder.path().join("there"));
    for (device, folder) in [(&phone, &here), (&twin, &there)] {
        std::fs::create_dir(folder).unwrap();
        device.pass(folder).unwrap();
    }
    for folder in [&here, &there] {
        laptop.pass(folder).unwrap();
    }
    all(&[&laptop, &phone, &twin, &laptop], &home.shared);
    for n in 0..3 {
        phone.notebook.jot_line(&format!("Here {n}")).unwrap();
        twin.notebook.jot_line(&format!("There {n}")).unwrap();
        all(&[&phone, &twin, &laptop], &home.shared);
    }
    assert_alike(&phone, &laptop);
    assert_alike(&twin, &laptop);
    assert_eq!(laptop.notebook.people(0, 50).unwrap().total, 9);
}

#[test]
fn with_the_recovery_key_alone_a_device_is_let_in_and_shuts_out_the_stolen_first_one() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let place = mailbox(&home.shared);
    let dana = phone.notebook.jot_line(DANA).unwrap().contact.unwrap();
    all(&[&phone, &laptop], &home.shared);
    let kit = laptop.notebook.make_recovery_key(&place, &laptop.keys, None).unwrap();
    let paper = kit.text();
    assert!(matches!(laptop.notebook.make_recovery_key(&place, &laptop.keys, None), Err(Error::Denied(_))));
    // An epoch that begins after it was written down is on the paper as well.
    let tablet = home.device("tablet", 3);
    laptop.lets_in(&tablet, &home.shared);
    laptop.notebook.remove_device(&laptop.keys, "tablet").unwrap();
    laptop.notebook.jot_line("Ann Lee").unwrap();
    all(&[&laptop, &phone], &home.shared);

    // The laptop is lost, the phone, which was first, is stolen.
    let fresh = home.device("fresh", 4);
    let read = RecoveryKit::parse(&paper.to_lowercase()).unwrap();
    fresh.notebook.recover(&place, &fresh.keys, &read).unwrap();
    fresh.pass(&home.shared).unwrap();
    assert_eq!((name_of(&fresh, dana).as_str(), fresh.notebook.people(0, 9).unwrap().total), ("Dana Ruiz", 2));
    fresh.notebook.remove_device_as(&fresh.keys, &read, "phone").unwrap();
    let secret = fresh.notebook.jot_line("Secret Sam").unwrap().contact.unwrap();
    fresh.pass(&home.shared).unwrap();
    // The thief removes the newcomer; the paper's word is worth more.
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    assert!(matches!(phone.pass(&home.shared), Err(Error::Removed(words)) if words.contains("was removed")));
    assert_eq!(name_of(&phone, secret), "");
    let wrong = RecoveryKit::draw(&mut |bytes| bytes.fill(7));
    let stranger = home.device("stranger", 9);
    assert!(matches!(stranger.notebook.recover(&place, &stranger.keys, &wrong), Err(Error::Denied(_))));
    // The paper is replaced by who has it.
    let second = fresh.notebook.make_recovery_key(&place, &fresh.keys, Some(&read)).unwrap();
    assert!(stranger.notebook.recover(&place, &stranger.keys, &read).is_err(), "the old one is worth nothing now");
    stranger.notebook.recover(&place, &stranger.keys, &second).unwrap();
}

#[test]
fn two_that_remove_each_other_at_once_end_alike_and_the_elder_stays() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let tablet = home.device("tablet", 3);
    phone.lets_in(&tablet, &home.shared);
    all(&[&phone, &laptop, &tablet], &home.shared);
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    laptop.notebook.remove_device(&laptop.keys, "phone").unwrap();
    laptop.pass(&home.shared).unwrap();
    phone.pass(&home.shared).unwrap();
    tablet.pass(&home.shared).unwrap();
    let living = |device: &Device| -> Vec<String> {
        let rows = device.notebook.device_list(&device.keys).unwrap();
        rows.into_iter().filter(|row| !row.removed).map(|row| row.name).collect()
    };
    assert_eq!(living(&phone), ["phone", "tablet"]);
    assert_eq!(living(&tablet), ["phone", "tablet"]);
    assert!(laptop.pass(&home.shared).is_err());
    tablet.notebook.jot_line(DANA).unwrap();
    all(&[&tablet, &phone], &home.shared);
    assert_alike(&tablet, &phone);
}

#[test]
fn what_a_mailbox_holds_back_is_noticed_as_soon_as_anything_newer_comes() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let tablet = home.device("tablet", 3);
    phone.lets_in(&tablet, &home.shared);
    all(&[&phone, &laptop, &tablet], &home.shared);
    let before = files(&home.shared);
    let dana = phone.notebook.jot_line(DANA).unwrap().contact.unwrap();
    phone.pass(&home.shared).unwrap();
    let held_back: Vec<PathBuf> = files(&home.shared).into_iter().filter(|file| !before.contains(file)).collect();
    assert_eq!(held_back.len(), 1);
    laptop.pass(&home.shared).unwrap();
    laptop.notebook.jot_line("Ann Lee, Novabank").unwrap();
    laptop.pass(&home.shared).unwrap();
    // The tablet is shown everything but what the phone wrote.
    let shown = home.folder.path().join("shown");
    for file in files(&home.shared).iter().filter(|file| !held_back.contains(file)) {
        let to = shown.join(file.strip_prefix(&home.shared).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
    let report = tablet.pass(&shown).unwrap();
    assert_eq!((report.missing, name_of(&tablet, dana).as_str()), (1, ""), "{report:?}");
    let report = tablet.pass(&home.shared).unwrap();
    assert_eq!((report.missing, name_of(&tablet, dana).as_str()), (0, "Dana Ruiz"), "{report:?}");
    all(&[&phone, &tablet], &home.shared);
    assert_alike(&phone, &tablet);
}

#[test]
fn two_programs_of_one_device_lose_no_key_of_each_other() {
    let home = Home::new();
    let (phone, _laptop) = home.two();
    let mut member = phone.notebook.member(&phone.keys).unwrap().unwrap();
    let ring = format!("ring-{}", kith_core::sync::hex(&member.tag().0));
    let (keys, other) = (&phone.keys, tests::keys_in(phone.folder()));
    // The other has read the keys, and takes its time before it keeps them with one more.
    let held = other.wait_for_others().unwrap();
    let kept = other.get(&ring).unwrap().unwrap();
    std::thread::scope(|scope| {
        let rotates = scope.spawn(move || {
            let mut random = tests::Seeded(7);
            member.rotate(keys, 0, &mut |bytes| random.fill(bytes)).unwrap().entry.hash
        });
        std::thread::sleep(std::time::Duration::from_millis(500));
        other.put(&ring, &[&kept[..], &[7; 64]].concat()).unwrap();
        drop(held);
        let opened = rotates.join().unwrap().0;
        let both = other.get(&ring).unwrap().unwrap();
        assert_eq!(both.len(), kept.len() + 2 * 64);
        assert!(both.chunks(64).any(|key| key[..32] == opened) && both.chunks(64).any(|key| key == [7; 64]));
    });
}
