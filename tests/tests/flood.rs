//! Who floods a place, or a notebook it belongs to, fills it with what is bounded: a removal is still said and heard, and
//! the others go on.
#![allow(clippy::unwrap_used, missing_docs)]

use kith_core::model::{Contact, Note};
use kith_core::notebook::SyncReport;
use kith_core::sync::roster::MAX_CUTS;
use kith_core::sync::seal::{self, Parcel};
use kith_core::sync::segment::Item;
use kith_core::sync::session::{MAX_LOGS, MAX_PARCELS, parcel_id};
use kith_core::sync::{hex, ranges};
use tests::forge::Stranger;
use tests::home::Home;
use tests::line::speak;
use tests::{Device, assert_alike};

/// Whether a device sees that one called this was removed.
fn sees_removed(device: &Device, name: &str) -> bool {
    let rows = device.notebook.device_list(&device.keys).unwrap();
    rows.iter().any(|row| row.name == name && row.removed)
}

/// They speak, and nothing goes wrong.
fn spoken(a: &Device, b: &Device) -> [SyncReport; 2] {
    speak(a, b).map(|report| report.unwrap())
}

#[test]
fn a_place_full_of_junk_keeps_no_removal_from_being_heard_and_nobody_from_being_let_in() {
    let home = Home::new();
    let [phone, laptop, _] = home.devices(["phone", "laptop", "stolen"]);
    // Files that anybody can write who sees the others: more of them than are ever kept, before the next true one.
    let tag = phone.notebook.member(&phone.keys).unwrap().unwrap().tag();
    let folder = home.shared.join("kith/r");
    let mut junk: Vec<(String, Vec<u8>)> = Vec::new();
    for n in 0..(MAX_PARCELS + MAX_PARCELS / 2) as u32 {
        let kind = if n % 2 == 0 { Parcel::Bag } else { Parcel::Entry };
        let file = [&seal::parcel_head(kind, &tag)[..], &n.to_be_bytes(), &[7; 80]].concat();
        junk.push((format!("{}.kithr", hex(&parcel_id(&file))), file));
    }
    junk.iter().for_each(|(name, file)| std::fs::write(folder.join(name), file).unwrap());
    home.meet(&[&phone, &laptop]);
    // Elsewhere, where nobody floods anything, no more than a bounded part of it arrives.
    let elsewhere = home.elsewhere();
    phone.notebook.remove_device(&phone.keys, "stolen").unwrap();
    phone.notebook.jot_line("Dana Ruiz, Acme !send her the contact").unwrap();
    phone.pass(&elsewhere).unwrap();
    assert!(std::fs::read_dir(elsewhere.join("kith/r")).unwrap().count() <= MAX_PARCELS);
    laptop.pass(&elsewhere).unwrap();
    assert!(sees_removed(&laptop, "stolen"));
    assert_alike(&phone, &laptop);
    // And through the flooded place itself, and over a line.
    laptop.notebook.jot_line("Ben Ito, Harbour").unwrap();
    home.meet(&[&laptop, &phone]);
    assert_alike(&phone, &laptop);
    spoken(&phone, &laptop);
    let tablet = home.device("tablet", 9);
    phone.lets_in(&tablet, &home.shared);
    home.meet(&[&phone, &laptop, &tablet]);
    assert_alike(&phone, &tablet);
    assert!(sees_removed(&tablet, "stolen"));
}

#[test]
fn a_device_that_opens_logs_without_end_is_removed_and_the_others_go_on() {
    let home = Home::new();
    let (phone, laptop) = home.two();
    let dana = phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.meet(&[&phone, &laptop]);
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let nothing = || vec![Item::Unknown(vec![0xa1, 0x00, 0x09])];
    // More logs than a greeting may name, a log of more holes than may be told, and one of more ends than a removal names.
    for n in 0..MAX_LOGS as u32 + 100 {
        let mut log = [0; 16];
        log[..4].copy_from_slice(&n.to_be_bytes());
        stranger.in_log(log, 1);
        let segment = stranger.seal_first(nothing());
        stranger.put(&segment);
    }
    stranger.in_log([0xaa; 16], 2);
    for _ in 0..ranges::MAX_RANGES + 10 {
        let segment = stranger.seal(nothing());
        stranger.put(&segment);
        stranger.skip_a_number();
    }
    for n in 0..MAX_CUTS as u64 + 10 {
        stranger.in_log([0xbb; 16], 2 + 3 * n);
        let segment = stranger.seal(nothing());
        stranger.put(&segment);
    }
    home.meet(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    // Honest words go on coming over a line, and in what is sealed.
    let tea = phone.notebook.put(Note { body: "likes tea".into(), about: vec![dana], ..Note::default() }).unwrap();
    spoken(&phone, &laptop);
    assert_eq!(laptop.notebook.get(tea).unwrap().unwrap().body, "likes tea");
    assert_eq!(spoken(&laptop, &phone).map(|report| report.read), [0, 0], "nothing is brought again and again");
    // It is removed, the other one hears so over the line, and says how far it knew it.
    phone.notebook.remove_device(&phone.keys, "stranger").unwrap();
    spoken(&phone, &laptop);
    assert!(sees_removed(&laptop, "stranger"));
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
    // What is sealed can be renewed all the same.
    phone.notebook.renew(&phone.keys).unwrap();
    laptop.notebook.edit(dana, |contact: &mut Contact| contact.about = "customs law".into()).unwrap();
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
}
