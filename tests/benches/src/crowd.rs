//! The notebooks that are measured, made once and kept under `target/bench`.

use std::path::{Path, PathBuf};

use kith_core::demo;
use kith_core::notebook::{Notebook, Options};

/// Where things that may be kept between runs lie.
pub(crate) fn folder() -> PathBuf {
    let target = std::env::var("CARGO_TARGET_DIR")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A generator of bytes that is the same in every run: SplitMix64.
pub(crate) fn seeded(mut state: u64) -> impl FnMut(&mut [u8]) + Send {
    move |bytes| {
        for chunk in bytes.chunks_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A notebook of `n` contacts, compacted and indexed. It is a copy: it may be changed.
pub(crate) fn notebook(n: usize) -> (tempfile::TempDir, PathBuf) {
    let copy = tempfile::tempdir_in(folder()).unwrap();
    let path = copy.path().join("notebook.kith");
    std::fs::copy(kept(n), &path).unwrap();
    (copy, path)
}

/// Where the notebook itself lies. Nobody changes it.
pub(crate) fn kept(n: usize) -> PathBuf {
    let kept = folder().join(format!("crowd-{n}.kith"));
    if !kept.exists() {
        make(n, &kept);
    }
    kept
}

pub(crate) fn open(path: &Path) -> Notebook {
    Notebook::open(path, Options::default()).unwrap()
}

fn make(n: usize, kept: &Path) {
    let half = kept.with_extension("half");
    let _ = std::fs::remove_file(&half);
    let notebook = open(&half);
    let mut random = seeded(1);
    let mut writing = notebook.write();
    for (at, records) in demo::crowd(n, &mut random).enumerate() {
        records.iter().for_each(|record| writing.put_any(record));
        if at % 100 == 99 || at == n - 1 {
            std::mem::replace(&mut writing, notebook.write()).commit().unwrap();
        }
    }
    drop(writing);
    while notebook.tidy().unwrap() {}
    drop(notebook);
    // One file, without a write-ahead log beside it.
    rusqlite::Connection::open(&half).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::rename(&half, kept).unwrap();
}
