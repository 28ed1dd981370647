//! What worlds have found, each as a story of its own: mailboxes that were harmed, twins of a device, and removals that
//! cross each other.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};

use kith_core::Error;
use kith_core::model::{Note, RecordId};
use kith_core::sync::segment::Item;
use tests::forge::{Change, Stranger};
use tests::home::Home;
use tests::post::sealed_files;
use tests::{Device, assert_alike, mailbox};

fn write(device: &Device, words: &str) {
    device.notebook.put(Note { body: words.into(), ..Note::default() }).unwrap();
}

/// A copy of a device, with everything it remembers.
fn twin(home: &Home, of: &Device, name: &str) -> Device {
    of.copied(home.folder.path(), name, 99, true)
}

fn reads(device: &Device, words: &str) -> bool {
    device.notebook.dump().unwrap().iter().any(|line| line.contains(words))
}

fn segments(shared: &Path) -> Vec<PathBuf> {
    let files = sealed_files(shared).into_keys().filter(|path| path.extension().is_some_and(|end| end == "kiths"));
    files.map(|path| shared.join(path)).collect()
}

#[test]
fn a_damaged_note_of_a_mailbox_is_written_anew() {
    let home = Home::new();
    let [phone, laptop] = home.devices(["phone", "laptop"]);
    let note = home.shared.join("kith/KITH.txt");
    let whole = std::fs::read_to_string(&note).unwrap();
    let (before, tag) = whole.rsplit_once("notebook ").unwrap();
    let other = tag.strip_prefix('0').map_or_else(|| format!("0{}", &tag[1..]), |rest| format!("1{rest}"));
    let unchecked = format!("{before}notebook {}\n", other.lines().next().unwrap());
    for damaged in ["", &whole[..60], &format!("{before}notebook {other}"), &unchecked, "something else"] {
        std::fs::write(&note, damaged).unwrap();
        laptop.pass(&home.shared).unwrap();
        assert_eq!(std::fs::read_to_string(&note).unwrap(), whole);
    }
    // With its check, a number that is not whole is no number of another notebook, even if nothing else lies there.
    let damaged = whole.replacen(tag, &other, 1);
    std::fs::remove_dir_all(home.shared.join("kith")).unwrap();
    std::fs::create_dir(home.shared.join("kith")).unwrap();
    std::fs::write(&note, damaged).unwrap();
    laptop.pass(&home.shared).unwrap();
    assert_eq!(std::fs::read_to_string(&note).unwrap(), whole);
    drop(phone);
}

#[test]
fn segments_that_changed_their_names_are_found_and_put_back() {
    let home = Home::new();
    let [phone, laptop, tablet] = home.devices(["phone", "laptop", "tablet"]);
    write(&phone, "first one");
    phone.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    let before = segments(&home.shared);
    write(&phone, "other one");
    phone.pass(&home.shared).unwrap();
    let both = segments(&home.shared);
    let [first, other] = [&before[0], both.iter().find(|path| !before.contains(path)).unwrap()];
    let aside = home.shared.join("aside");
    for (from, to) in [(first, &aside), (other, first), (&aside, other)] {
        std::fs::rename(from, to).unwrap();
    }
    // Nobody is there who has them: what lies under the wrong name is all there is.
    laptop.pass(&home.shared).unwrap();
    tablet.pass(&home.shared).unwrap();
    assert!(reads(&laptop, "other one") && reads(&tablet, "other one") && reads(&tablet, "first one"));
    home.meet(&[&laptop, &tablet]);
    for (path, bytes) in sealed_files(&home.shared) {
        let hash = blake3::hash(&bytes).to_hex().to_string();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.contains(&hash[..8]), "{name} holds something else");
    }
}

#[test]
fn a_segment_with_a_flipped_bit_anywhere_in_its_head_is_put_back_by_who_has_it() {
    let home = Home::new();
    let [phone, mut tablet] = home.devices(["phone", "tablet"]);
    let backup = home.folder.path().join("backup");
    tablet.back_up(&backup);
    write(&phone, "the words");
    phone.pass(&home.shared).unwrap();
    let file = segments(&home.shared).pop().unwrap();
    let whole = std::fs::read(&file).unwrap();
    for at in 0..90 {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&file, flipped).unwrap();
        tablet.restore(&backup);
        // Who lacks it complains, who has it puts it back.
        for device in [&tablet, &phone, &tablet] {
            device.pass(&home.shared).unwrap();
        }
        assert!(reads(&tablet, "the words"), "byte {at}");
    }
}

#[test]
fn a_twin_reads_what_the_other_writes_after_a_removal_when_nobody_else_is_left() {
    let home = Home::new();
    let [phone, laptop] = home.devices(["phone", "laptop"]);
    let twin = twin(&home, &laptop, "twin");
    laptop.notebook.remove_device(&laptop.keys, "phone").unwrap();
    write(&laptop, "after the removal");
    home.meet(&[&laptop, &twin]);
    assert!(reads(&twin, "after the removal") && phone.pass(&home.shared).is_err());
    assert_alike(&laptop, &twin);
}

#[test]
fn a_twin_reads_what_the_other_writes_after_a_removal_with_the_paper_too() {
    let home = Home::new();
    let [phone, laptop] = home.devices(["phone", "laptop"]);
    let kit = laptop.notebook.make_recovery_key(&mailbox(&home.shared), &laptop.keys, None).unwrap();
    let twin = twin(&home, &laptop, "twin");
    laptop.notebook.remove_device_as(&laptop.keys, &kit, "phone").unwrap();
    write(&laptop, "after the removal");
    home.meet(&[&laptop, &twin]);
    assert!(reads(&twin, "after the removal") && phone.pass(&home.shared).is_err());
    assert_alike(&laptop, &twin);
}

#[test]
fn a_device_that_joins_anew_without_a_restart_is_believed_what_it_writes() {
    let home = Home::new();
    let [phone, laptop] = home.devices(["phone", "laptop"]);
    write(&laptop, "under the first identity");
    home.meet(&[&laptop, &phone]);
    std::fs::remove_dir_all(laptop.folder().join("keys")).unwrap();
    phone.lets_in(&laptop, &home.shared);
    write(&laptop, "under the second identity");
    laptop.pass(&home.shared).unwrap();
    assert_eq!(phone.pass(&home.shared).unwrap().refused, Vec::<String>::new());
    assert!(reads(&phone, "under the second identity"));
    assert_alike(&phone, &laptop);
}

#[test]
fn a_second_removal_lets_nothing_in_that_the_first_kept_back() {
    let home = Home::new();
    let [phone, laptop, tablet, desk] = home.devices(["phone", "laptop", "tablet", "desk"]);
    laptop.notebook.remove_device(&laptop.keys, "tablet").unwrap();
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    write(&tablet, "too late");
    tablet.pass(&home.shared).unwrap();
    // The desk hears of one removal and keeps back what came late; then it hears of the other.
    for device in [&phone, &desk, &laptop, &desk, &phone, &laptop] {
        device.pass(&home.shared).unwrap();
    }
    home.meet(&[&phone, &laptop, &desk]);
    for device in [&phone, &laptop, &desk] {
        assert!(!reads(device, "too late"), "{}", device.notebook.device());
        assert_alike(&phone, device);
    }
}

#[test]
fn of_a_removed_device_that_had_a_twin_all_keep_what_one_took_of_both() {
    let home = Home::new();
    let [phone, laptop, tablet] = home.devices(["phone", "laptop", "tablet"]);
    let twin = twin(&home, &tablet, "twin");
    write(&tablet, "by the tablet");
    write(&twin, "by its twin");
    // Both use the same number; only the phone sees it before it removes them.
    let (here, there) = (home.folder.path().join("here"), home.folder.path().join("there"));
    for (device, folder) in [(&tablet, &here), (&twin, &there)] {
        std::fs::create_dir(folder).unwrap();
        device.pass(folder).unwrap();
        phone.pass(folder).unwrap();
    }
    phone.notebook.remove_device(&phone.keys, "tablet").unwrap();
    home.meet(&[&phone, &laptop]);
    assert!(reads(&laptop, "by the tablet") && reads(&laptop, "by its twin"));
    assert_alike(&phone, &laptop);
}

#[test]
fn what_a_twin_took_before_it_heard_of_a_removal_in_its_name_reaches_all() {
    let home = Home::new();
    let [phone, laptop, tablet] = home.devices(["phone", "laptop", "tablet"]);
    let twin = twin(&home, &laptop, "twin");
    twin.notebook.remove_device(&twin.keys, "tablet").unwrap();
    write(&tablet, "taken by the laptop");
    tablet.pass(&home.shared).unwrap();
    laptop.pass(&home.shared).unwrap();
    home.meet(&[&twin, &phone, &laptop]);
    home.meet(&[&twin, &phone, &laptop]);
    for device in [&twin, &phone, &laptop] {
        assert!(reads(device, "taken by the laptop"), "{}", device.notebook.device());
        assert_alike(&laptop, device);
    }
}

#[test]
fn a_device_whose_host_was_removed_before_anybody_heard_of_it_is_kept_when_a_person_says_so() {
    let home = Home::new();
    let [phone, laptop, desk] = home.devices(["phone", "laptop", "desk"]);
    let elsewhere = home.elsewhere();
    let tablet = Device::new(home.folder.path(), "tablet", 9);
    laptop.lets_in(&tablet, &elsewhere);
    write(&tablet, "by one in doubt");
    tablet.pass(&elsewhere).unwrap();
    // The second removal is told under a key that the laptop never gave to the tablet.
    phone.notebook.remove_device(&phone.keys, "desk").unwrap();
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    phone.pass(&elsewhere).unwrap();
    assert!(tablet.pass(&elsewhere).unwrap_err().to_string().contains("invite it anew"));
    phone.pass(&elsewhere).unwrap();
    assert!(!reads(&phone, "by one in doubt"));
    let rows = phone.notebook.devices_in_doubt(&phone.keys).unwrap();
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["tablet"]);
    phone.notebook.keep_device(&phone.keys, &rows[0].id).unwrap();
    for device in [&phone, &tablet, &phone, &tablet] {
        device.pass(&elsewhere).unwrap();
    }
    assert!(reads(&phone, "by one in doubt"));
    assert!(phone.notebook.devices_in_doubt(&phone.keys).unwrap().is_empty());
    assert_alike(&phone, &tablet);
    drop(desk);
}

#[test]
fn a_removed_device_learns_of_it_though_the_key_it_is_told_under_was_lost() {
    let home = Home::new();
    let [mut phone, laptop, tablet, desk] = home.devices(["phone", "laptop", "tablet", "desk"]);
    let backup = home.folder.path().join("backup");
    phone.back_up(&backup);
    let before = sealed_files(&home.shared);
    phone.notebook.remove_device(&phone.keys, "desk").unwrap();
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    phone.pass(&home.shared).unwrap();
    // What brings the laptop a key is found with copies of it, and lost; and the phone goes back behind it.
    for (number, (path, bytes)) in sealed_files(&home.shared).into_iter().enumerate() {
        let copy = laptop.copied(home.folder.path(), &format!("copy {number}"), 50 + number as u64, true);
        let mut member = copy.notebook.member(&copy.keys).unwrap().unwrap();
        if !before.contains_key(&path) && member.take(&copy.keys, &[bytes]).unwrap().keys {
            std::fs::remove_file(home.shared.join(path)).unwrap();
        }
    }
    phone.restore(&backup);
    home.meet(&[&tablet, &phone]);
    let out = laptop.pass(&home.shared).unwrap_err().to_string();
    assert!(out.contains("was removed from the notebook by phone"), "{out}");
    drop(desk);
}

#[test]
fn what_was_sealed_under_a_key_that_only_one_device_still_has_is_told_again() {
    let home = Home::new();
    let [mut phone, laptop, desk] = home.devices(["phone", "laptop", "desk"]);
    let backup = home.folder.path().join("backup");
    phone.back_up(&backup);
    let before = sealed_files(&home.shared);
    phone.notebook.remove_device(&phone.keys, "desk").unwrap();
    write(&phone, "under the new key");
    phone.pass(&home.shared).unwrap();
    // All that tells of the new key is lost, and the phone goes back behind it: its file alone is left.
    for path in sealed_files(&home.shared).into_keys().filter(|path| !before.contains_key(path)) {
        if path.extension().is_some_and(|end| end == "kithr") {
            std::fs::remove_file(home.shared.join(path)).unwrap();
        }
    }
    phone.restore(&backup);
    assert_eq!(laptop.pass(&home.shared).unwrap().locked, 1);
    home.meet(&[&phone, &laptop]);
    assert!(reads(&phone, "under the new key") && reads(&laptop, "under the new key"));
    assert_eq!(laptop.pass(&home.shared).unwrap().locked, 0, "nothing is left that nobody can open");
    assert_alike(&phone, &laptop);
    drop(desk);
}

#[test]
fn a_device_that_lost_its_place_brings_word_of_the_removal_that_took_it() {
    let home = Home::new();
    let [phone, laptop, desk] = home.devices(["phone", "laptop", "desk"]);
    let elsewhere = home.elsewhere();
    // The phone removes the laptop where only the tablet looks; the tablet was let in by the laptop meanwhile.
    let tablet = Device::new(home.folder.path(), "tablet", 9);
    laptop.lets_in(&tablet, &home.shared);
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    phone.pass(&elsewhere).unwrap();
    assert!(tablet.pass(&elsewhere).unwrap_err().to_string().contains("invite it anew"));
    assert!(tablet.pass(&home.shared).unwrap_err().to_string().contains("invite it anew"));
    assert!(laptop.pass(&home.shared).unwrap_err().to_string().contains("was removed"), "it has heard of it");
    desk.pass(&home.shared).unwrap();
    assert_eq!(desk.notebook.devices_in_doubt(&desk.keys).unwrap()[0].name, "tablet");
}

#[test]
fn who_was_removed_brings_word_of_it_to_the_device_it_let_in_beside_that() {
    let home = Home::new();
    let [phone, laptop, desk] = home.devices(["phone", "laptop", "desk"]);
    // The phone says that the laptop is removed under a key of which the laptop has not heard, and the laptop lets a
    // tablet in after removing the phone: neither side has a key of the other's.
    phone.notebook.remove_device(&phone.keys, "desk").unwrap();
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    laptop.notebook.remove_device(&laptop.keys, "phone").unwrap();
    let tablet = Device::new(home.folder.path(), "tablet", 9);
    let elsewhere = home.elsewhere();
    laptop.lets_in(&tablet, &elsewhere);
    phone.pass(&home.shared).unwrap();
    tablet.pass(&home.shared).unwrap();
    assert!(laptop.pass(&home.shared).unwrap_err().to_string().contains("was removed from the notebook by phone"));
    assert!(tablet.pass(&home.shared).unwrap_err().to_string().contains("invite it anew"));
    phone.pass(&home.shared).unwrap();
    assert_eq!(phone.notebook.devices_in_doubt(&phone.keys).unwrap()[0].name, "tablet");
    drop(desk);
}

#[test]
fn what_was_forgotten_for_a_renewal_that_does_not_count_any_more_is_left_to_who_has_it() {
    let home = Home::new();
    let [phone, laptop, tablet] = home.devices(["phone", "laptop", "tablet"]);
    write(&phone, "from before");
    home.meet(&[&phone, &laptop, &tablet]);
    laptop.notebook.renew(&laptop.keys, &mut |_, _| Ok(())).unwrap();
    laptop.pass(&home.shared).unwrap();
    assert!(tablet.pass(&home.shared).unwrap().forgotten > 0);
    // The phone has not heard of it, and removes the laptop.
    phone.notebook.remove_device(&phone.keys, "laptop").unwrap();
    home.meet(&[&phone, &tablet]);
    let before = segments(&home.shared);
    for device in [&tablet, &phone, &tablet] {
        assert_eq!(device.pass(&home.shared).unwrap().written, 0, "{}", device.notebook.device());
        assert_eq!(segments(&home.shared), before, "{}", device.notebook.device());
    }
    assert!(reads(&phone, "from before") && reads(&tablet, "from before"));
    assert_alike(&phone, &tablet);
}

/// Somebody new, as a device that means no good writes it.
fn invented(name: &str) -> Item {
    let bytes = Change::puts(&[], 9, 1, 1, &[("@kind", "contact"), ("name", name)]).bytes();
    Item::Change { record: RecordId([9; 16]), bytes, reissued: true, unknown: Default::default() }
}

#[test]
fn a_removed_device_gets_nothing_in_behind_what_a_renewal_made_forgotten() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    for _ in 0..2 {
        let nothing = stranger.seal(Vec::new());
        stranger.put(&nothing);
    }
    home.meet(&[&phone, &laptop]);
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    // The second of two that it writes now comes first, says nothing, and a renewal covers its number.
    stranger.in_log([0xee; 16], 1);
    let first = stranger.seal_first(vec![invented("Mallory")]);
    let second = stranger.seal(Vec::new());
    stranger.put(&second);
    phone.pass(&home.shared).unwrap();
    write(&phone, "to be told again");
    phone.notebook.renew(&phone.keys, &mut |_, _| Ok(())).unwrap();
    stranger.put(&first);
    home.meet(&[&phone, &laptop]);
    for device in [&phone, &laptop] {
        assert!(!reads(device, "Mallory"), "{}", device.notebook.device());
    }
    assert_alike(&phone, &laptop);
}

#[test]
fn what_was_kept_back_does_not_come_into_the_log_of_another_device_when_its_author_is_kept() {
    let home = Home::new();
    let [phone, laptop, desk] = home.devices(["phone", "laptop", "desk"]);
    let elsewhere = home.elsewhere();
    let mut stranger = Stranger::let_in_by(&desk, &elsewhere);
    // It learns under which log the laptop writes, before the phone does.
    let only_laptop = home.folder.path().join("only the laptop");
    std::fs::create_dir(&only_laptop).unwrap();
    write(&laptop, "by the laptop");
    laptop.pass(&only_laptop).unwrap();
    let me = laptop.notebook.member(&laptop.keys).unwrap().unwrap().device();
    let (_, log) = stranger.logs_in(&only_laptop).into_iter().find(|(author, _)| *author == me).unwrap();
    stranger.in_log(log, 1);
    let begun = stranger.seal_first(vec![invented("Mallory")]);
    stranger.put(&begun);
    phone.notebook.remove_device(&phone.keys, "desk").unwrap();
    assert_eq!(phone.pass(&elsewhere).unwrap().strangers, 1);
    home.meet(&[&laptop, &phone]);
    assert!(reads(&phone, "by the laptop"));
    let rows = phone.notebook.devices_in_doubt(&phone.keys).unwrap();
    phone.notebook.keep_device(&phone.keys, &rows[0].id).unwrap();
    home.meet(&[&phone, &laptop]);
    assert!(!reads(&phone, "Mallory") && !reads(&laptop, "Mallory"));
    assert_alike(&phone, &laptop);
}

#[test]
fn who_was_let_in_by_a_device_that_others_removed_hears_of_all_of_that_from_its_host() {
    let home = Home::new();
    let (left, right) = (home.elsewhere(), &home.shared);
    let [desk, phone, laptop, tablet, guest] = [("desk", 1), ("phone", 2), ("laptop", 3), ("tablet", 4), ("guest", 5)]
        .map(|(name, seed)| home.device(name, seed));
    desk.lets_in(&phone, &left);
    phone.lets_in(&laptop, right);
    phone.lets_in(&tablet, right);
    // Nobody has heard of the others' removals. Of the laptop's second one nobody knows but whom its first key was given to:
    // the phone, and not whom the phone lets in under the tablet's.
    desk.notebook.remove_device(&desk.keys, "phone").unwrap();
    for name in ["desk", "phone"] {
        laptop.notebook.remove_device(&laptop.keys, name).unwrap();
    }
    tablet.notebook.remove_device(&tablet.keys, "laptop").unwrap();
    tablet.pass(right).unwrap();
    phone.lets_in(&guest, right);
    for _ in 0..4 {
        for (device, folder) in [(&laptop, right), (&desk, &left), (&phone, &left), (&phone, right), (&guest, right)] {
            drop(device.pass(folder));
        }
    }
    let told = guest.pass(right);
    assert!(matches!(&told, Err(Error::Removed(words)) if words.contains("invite it anew")), "{told:?}");
    write(&guest, "what the guest wrote");
    laptop.lets_in(&guest, right);
    home.rest(&[&laptop, &guest]);
    assert!(reads(&laptop, "what the guest wrote"));
    assert_alike(&laptop, &guest);
}

#[test]
fn who_was_removed_brings_word_of_what_it_said_itself_to_those_who_were_let_in_after_that() {
    let home = Home::new();
    let (left, right) = (home.elsewhere(), &home.shared);
    let [desk, spare, laptop, tablet, guest, bridge] =
        [("desk", 1), ("spare", 2), ("laptop", 3), ("tablet", 4), ("guest", 5), ("bridge", 6)]
            .map(|(name, seed)| home.device(name, seed));
    desk.lets_in(&spare, &left);
    desk.lets_in(&laptop, &left);
    laptop.lets_in(&tablet, right);
    // The tablet removes the desk, which removes two, the tablet by a word that opens with the key of the first removal.
    tablet.notebook.remove_device(&tablet.keys, "desk").unwrap();
    desk.notebook.remove_device(&desk.keys, "spare").unwrap();
    laptop.pass(&left).unwrap();
    tablet.pass(right).unwrap();
    desk.pass(&left).unwrap();
    desk.notebook.remove_device(&desk.keys, "tablet").unwrap();
    // The laptop has heard of the tablet's removal alone, lets somebody in, and breaks.
    laptop.lets_in(&guest, right);
    desk.lets_in(&bridge, &left);
    for _ in 0..4 {
        for (device, folder) in [(&desk, &left), (&bridge, &left), (&bridge, right), (&tablet, right), (&guest, right)]
        {
            drop(device.pass(folder));
        }
    }
    assert!(matches!(tablet.pass(right), Err(Error::Removed(_))));
    write(&guest, "what the guest wrote");
    write(&desk, "what the desk wrote");
    for _ in 0..4 {
        for (device, folder) in [(&guest, right), (&bridge, right), (&bridge, &left), (&desk, &left)] {
            device.pass(folder).unwrap();
        }
    }
    assert!(reads(&desk, "what the guest wrote") && reads(&guest, "what the desk wrote"));
    assert_alike(&desk, &guest);
}

#[test]
fn two_sides_that_nobody_is_left_to_tell_of_each_other_say_so_and_come_together_by_an_invitation() {
    let home = Home::new();
    let (left, right) = (home.elsewhere(), &home.shared);
    let [desk, spare, laptop, tablet, guest, bridge] =
        [("desk", 1), ("spare", 2), ("laptop", 3), ("tablet", 4), ("guest", 5), ("bridge", 6)]
            .map(|(name, seed)| home.device(name, seed));
    desk.lets_in(&spare, &left);
    desk.lets_in(&laptop, &left);
    laptop.lets_in(&tablet, right);
    tablet.notebook.remove_device(&tablet.keys, "desk").unwrap();
    desk.notebook.remove_device(&desk.keys, "spare").unwrap();
    laptop.pass(&left).unwrap();
    tablet.pass(right).unwrap();
    desk.pass(&left).unwrap();
    desk.notebook.remove_device(&desk.keys, "tablet").unwrap();
    laptop.lets_in(&guest, right);
    desk.lets_in(&bridge, &left);
    // The laptop and the tablet, which knew of both removals or could have heard of them, both break.
    write(&guest, "what the guest wrote");
    write(&desk, "what the desk wrote");
    let all = [(&guest, right), (&desk, &left), (&bridge, &left), (&bridge, right), (&guest, right)];
    for (device, folder) in all.into_iter().cycle().take(20) {
        device.pass(folder).unwrap();
    }
    let removed = |device: &Device| -> Vec<String> {
        let rows = device.notebook.device_list(&device.keys).unwrap();
        rows.into_iter().filter(|row| row.removed).map(|row| row.name).collect()
    };
    assert!(removed(&guest).contains(&"desk".into()) && removed(&bridge).contains(&"tablet".into()));
    assert!(!reads(&desk, "what the guest wrote") && reads(&bridge, "what the desk wrote"), "each side is whole");
    assert!(guest.pass(right).unwrap().locked > 0, "the guest is told of files under a key that does not come");
    assert!(bridge.pass(right).unwrap().locked > 0, "and so is the other side");
    bridge.lets_in(&guest, right);
    for (device, folder) in
        [(&guest, right), (&bridge, right), (&bridge, &left), (&desk, &left)].into_iter().cycle().take(16)
    {
        device.pass(folder).unwrap();
    }
    assert!(reads(&desk, "what the guest wrote") && reads(&guest, "what the desk wrote"));
    assert_alike(&desk, &guest);
}
