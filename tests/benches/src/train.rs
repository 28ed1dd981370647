//! Trains the two dictionaries that ship with the program, on made-up notebooks, so that they hold nobody's words.
//!
//! The long texts of the crowd are left out: the benchmarks are made of them, and a dictionary that knew them would
//! flatter every figure.

use std::collections::BTreeMap;
use std::path::Path;

use kith_core::demo;
use kith_core::model::AnyRecord;
use kith_core::notebook::{Notebook, Options};
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::carrier::folder::Folder;
use kith_core::sync::segment::{self, Item, MAX_SEGMENT};

use crate::crowd;

const SIZE: usize = 32 * 1024;

pub(crate) fn train() {
    let folder = tempfile::tempdir_in(crowd::folder()).unwrap();
    let notebook = made_up(&folder.path().join("notebook.kith"));
    let rows: Vec<Vec<u8>> = notebook
        .dump()
        .unwrap()
        .into_iter()
        .filter(|line| line.starts_with("record "))
        .filter_map(|line| line.find('{').map(|at| line.as_bytes()[at..].to_vec()))
        .collect();
    write("rows", &rows);
    write("history", &changes(&notebook, folder.path()));
}

fn made_up(path: &Path) -> Notebook {
    let notebook = Notebook::open(path, Options::default()).unwrap();
    notebook.load_demo().unwrap();
    let mut random = crowd::seeded(77);
    for records in demo::crowd(1_500, &mut random) {
        let mut writing = notebook.write();
        for record in &records {
            let mut map = record.to_map();
            map.retain(|_, value| value.as_str().is_none_or(|text| text.len() < 60));
            writing.put_any(&AnyRecord::from_map(record.kind(), map));
        }
        writing.commit().unwrap();
    }
    notebook
}

/// Every change of the notebook, as it goes to other devices.
fn changes(notebook: &Notebook, folder: &Path) -> Vec<Vec<u8>> {
    let shared = folder.join("shared");
    std::fs::create_dir(&shared).unwrap();
    let (place, keys) = (Folder::at(&shared), crate::merge::keys(folder));
    place.prepare().unwrap();
    notebook.sync(&place, &keys, &mut |_, _| Ok(())).unwrap();
    let epoch = notebook.member(&keys).unwrap().and_then(|member| member.write_epoch()).expect("it was founded");
    let mut changes = BTreeMap::new();
    for found in place.list().unwrap() {
        let bytes = place.get(&found.name, MAX_SEGMENT as u64).unwrap().unwrap_or_default();
        let Ok(opened) = segment::open(&bytes, &epoch) else { continue };
        let author = opened.author();
        for item in opened.verify(&author).unwrap().items {
            if let Item::Change { bytes, .. } = item {
                changes.insert(bytes, ());
            }
        }
    }
    changes.into_keys().collect()
}

fn write(name: &str, samples: &[Vec<u8>]) {
    let dictionary = zstd::dict::from_samples(samples, SIZE).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/src/store").join(format!("{name}.dict"));
    eprintln!("   {name}: {} samples, {} bytes", samples.len(), dictionary.len());
    std::fs::write(path, dictionary).unwrap();
}
