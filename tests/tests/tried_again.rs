//! What could not be taken once is tried again: by a version that refuses less, once a record can be read, and when a later
//! version knows what an earlier one did not.
#![allow(clippy::unwrap_used, missing_docs)]

use kith_core::model::{Contact, RecordId};
use kith_core::sync::segment::Item;
use rusqlite::{Connection, params};
use tests::forge::{Change, Stranger};
use tests::home::Home;
use tests::{Device, assert_alike};

fn reads(device: &Device, words: &str) -> bool {
    device.notebook.dump().unwrap().iter().any(|line| line.contains(words))
}

fn file(device: &Device) -> Connection {
    Connection::open(device.file()).unwrap()
}

fn item(record: RecordId, bytes: Vec<u8>) -> Item {
    Item::Change { record, bytes, reissued: true, unknown: Default::default() }
}

#[test]
fn a_change_that_an_earlier_version_refused_is_taken_by_one_that_does_not_and_reaches_all() {
    let home = Home::new();
    let [phone, laptop] = home.devices(["phone", "laptop"]);
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    let bad = Change::bomb(&[], 5, 1, 1, 1 << 20).bytes();
    let segment = stranger.seal(vec![item(RecordId([5; 16]), bad)]);
    stranger.put(&segment);
    assert_eq!(phone.pass(&home.shared).unwrap().refused.len(), 1);
    // As a version left it behind that did not take this one.
    let good = Change::puts(&[], 6, 1, 1, &[("@kind", "contact"), ("name", "Dana Ruiz")]).bytes();
    let put = "INSERT INTO quarantine VALUES (?, ?, 'change refused: an older rule', ?)";
    file(&phone).execute(put, params![blake3::hash(&good).as_bytes(), [6_u8; 16], good]).unwrap();
    file(&phone).execute("INSERT OR REPLACE INTO meta VALUES ('tried_again', '0')", []).unwrap();
    let report = phone.pass(&home.shared).unwrap();
    assert_eq!((report.received, report.refused.len()), (1, 0));
    assert!(reads(&phone, "Dana Ruiz"));
    let refused = phone.notebook.refused().unwrap();
    assert_eq!(refused.iter().map(|refused| refused.changes).sum::<u64>(), 1, "{refused:?}");
    home.rest(&[&phone, &laptop]);
    assert!(reads(&laptop, "Dana Ruiz"));
    assert_alike(&phone, &laptop);
}

#[test]
fn however_many_changes_an_earlier_version_refused_all_are_tried_again() {
    let home = Home::new();
    let [phone, laptop] = home.devices(["phone", "laptop"]);
    for n in 0..600_u16 {
        let [high, low] = n.to_be_bytes();
        let record: [u8; 16] = std::array::from_fn(|at| if at % 2 == 0 { high } else { low });
        let name = format!("number {n}");
        let change = Change::puts(&[], 6, 1, 1, &[("@kind", "contact"), ("name", &name)]).bytes();
        let put = "INSERT INTO quarantine VALUES (?, ?, 'change refused: an older rule', ?)";
        file(&phone).execute(put, params![blake3::hash(&change).as_bytes(), record, change]).unwrap();
    }
    file(&phone).execute("INSERT INTO meta VALUES ('tried_again', '0')", []).unwrap();
    home.rest(&[&phone, &laptop]);
    for device in [&phone, &laptop] {
        assert_eq!(device.notebook.people(0, 1).unwrap().total, 600);
    }
    assert_eq!(phone.notebook.refused().unwrap(), []);
    assert_alike(&phone, &laptop);
}

#[test]
fn what_came_for_a_record_that_could_not_be_read_is_taken_once_it_can() {
    let home = Home::new();
    let [phone, laptop] = home.devices(["phone", "laptop"]);
    let dana = phone.notebook.put(Contact { name: "Dana".into(), ..Contact::default() }).unwrap();
    home.rest(&[&phone, &laptop]);
    let whole: (i64, Vec<u8>) = file(&phone)
        .query_row("SELECT key, bytes FROM chunk JOIN document ON n = key >> 20 WHERE id = ?", [dana.raw().0], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    let write = |bytes: &[u8]| {
        file(&phone).execute("UPDATE chunk SET bytes = ? WHERE key = ?", params![bytes, whole.0]).unwrap();
    };
    write(&[0; 9]);
    laptop.notebook.edit(dana, |contact: &mut Contact| contact.about = "customs law".into()).unwrap();
    laptop.pass(&home.shared).unwrap();
    assert_eq!(phone.pass(&home.shared).unwrap().refused.len(), 1);
    assert_eq!(phone.notebook.refused().unwrap().len(), 1);
    assert!(!reads(&phone, "customs law"));
    write(&whole.1);
    phone.pass(&home.shared).unwrap();
    assert!(reads(&phone, "customs law"));
    assert_eq!(phone.notebook.refused().unwrap(), []);
    home.rest(&[&phone, &laptop]);
    assert_alike(&phone, &laptop);
}

#[test]
fn what_a_segment_holds_beyond_an_earlier_version_is_taken_by_a_later_one() {
    let home = Home::new();
    let [phone, laptop] = home.devices(["phone", "laptop"]);
    let mut stranger = Stranger::let_in_by(&phone, &home.shared);
    for n in 0..3 {
        let photo = vec![0xff, 0xd8, 0xff, n];
        let segment = stranger.seal(vec![Item::Blob { bytes: photo, unknown: Default::default() }]);
        stranger.put(&segment);
    }
    home.meet(&[&phone, &laptop]);
    let photos = || phone.notebook.sizes().unwrap().photos;
    assert_eq!(photos(), 3);
    // As a version left it behind that knew of no photos.
    file(&phone).execute("DELETE FROM blob", []).unwrap();
    file(&phone).execute("INSERT OR REPLACE INTO meta VALUES ('item_kinds', '1')", []).unwrap();
    phone.pass(&home.shared).unwrap();
    assert_eq!(photos(), 3);
}
