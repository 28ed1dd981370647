//! The way between folders: what one device's folder holds comes to the others late, out of order, twice, under other
//! names or damaged, as shared drives bring it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Seeded;

/// Carries files between folders that are each one device's copy of a shared folder.
pub struct Post {
    folders: Vec<PathBuf>,
    /// Every file that was ever handed out, by its path in the folder. A name never stands for other bytes.
    sent: BTreeMap<PathBuf, Vec<u8>>,
    /// In whose folder each was seen first.
    authors: BTreeMap<PathBuf, usize>,
    /// For each folder, what has not come yet, or came damaged.
    on_the_way: Vec<Vec<PathBuf>>,
}

/// What may happen to a file on its way.
#[derive(Clone, Copy, Debug)]
enum Delivery {
    Whole,
    /// As a copy under another name, beside which the true name may still come.
    ConflictCopy,
    /// In a folder that was doubled.
    DoubledFolder,
    Truncated,
    Flipped,
}

impl Post {
    /// Between these folders, which are there.
    pub fn between(folders: Vec<PathBuf>) -> Self {
        let on_the_way = folders.iter().map(|_| Vec::new()).collect();
        Self { folders, sent: BTreeMap::new(), authors: BTreeMap::new(), on_the_way }
    }

    /// The folder of a device.
    pub fn folder(&self, of: usize) -> &Path {
        &self.folders[of]
    }

    /// Takes up what a device has put into its folder since, for all the others.
    ///
    /// # Panics
    /// When a file appears under a name that stood for other bytes before.
    pub fn collect(&mut self, from: usize) {
        for (path, bytes) in sealed_files(&self.folders[from]) {
            // A damaged delivery, or a copy that went bad here.
            if !is_what_it_says(&path, &bytes) {
                continue;
            }
            match self.sent.get(&path) {
                Some(known) => assert!(*known == bytes, "{} is used again for other contents", path.display()),
                None => {
                    self.sent.insert(path.clone(), bytes);
                    self.authors.insert(path.clone(), from);
                    for to in (0..self.folders.len()).filter(|to| *to != from) {
                        self.on_the_way[to].push(path.clone());
                    }
                }
            }
        }
    }

    /// Brings some of what is on its way to a device, in any order and any state.
    pub fn deliver_some(&mut self, to: usize, random: &mut Seeded) {
        for _ in 0..random.below(4) {
            let waiting = self.on_the_way[to].len();
            if waiting == 0 {
                return;
            }
            let at = random.below(waiting);
            let path = self.on_the_way[to][at].clone();
            let how = *random.pick(&[
                Delivery::Whole,
                Delivery::Whole,
                Delivery::Whole,
                Delivery::ConflictCopy,
                Delivery::DoubledFolder,
                Delivery::Truncated,
                Delivery::Flipped,
            ]);
            self.deliver(to, &path, how, random);
            if matches!(how, Delivery::Whole) {
                self.on_the_way[to].swap_remove(at);
            }
        }
    }

    /// Brings everything to everybody, whole; says whether anything was still on its way.
    pub fn deliver_all(&mut self) -> bool {
        let mut any = false;
        for to in 0..self.folders.len() {
            for path in std::mem::take(&mut self.on_the_way[to]) {
                write(&self.folders[to].join(&path), &self.sent[&path]);
                any = true;
            }
        }
        any
    }

    /// Damages or removes one file that a device put into its folder, as a bad stick does. A file that keeps its size is only found out
    /// by a device that wants to read it, so in a folder of one's own it is not made.
    pub fn damage(&self, of: usize, random: &mut Seeded) {
        let is_one = self.folders.iter().all(|folder| *folder == self.folders[0]);
        let wrote = |(path, _): &(PathBuf, Vec<u8>)| is_one || self.authors.get(path) == Some(&of);
        let files: Vec<(PathBuf, Vec<u8>)> = sealed_files(&self.folders[of]).into_iter().filter(wrote).collect();
        if files.is_empty() {
            return;
        }
        let (path, bytes) = random.pick(&files);
        let place = self.folders[of].join(path);
        match random.below(if is_one { 3 } else { 2 }) {
            0 => std::fs::remove_file(place).unwrap(),
            1 => write(&place, &bytes[..random.below(bytes.len())]),
            _ => write(&place, &flipped(bytes, random)),
        }
    }

    fn deliver(&self, to: usize, path: &Path, how: Delivery, random: &mut Seeded) {
        let (folder, bytes) = (&self.folders[to], &self.sent[path]);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let end = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let parent = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let place = match how {
            Delivery::ConflictCopy => parent.join(format!("{name} (conflicted copy).{end}")),
            Delivery::DoubledFolder => PathBuf::from(format!("{} (2)", parent.display())).join(format!("{name}.{end}")),
            _ => path.to_path_buf(),
        };
        match how {
            Delivery::Truncated => write(&folder.join(place), &bytes[..random.below(bytes.len())]),
            Delivery::Flipped => write(&folder.join(place), &flipped(bytes, random)),
            _ => write(&folder.join(place), bytes),
        }
    }
}

fn flipped(bytes: &[u8], random: &mut Seeded) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = random.below(bytes.len());
    bytes[at] ^= 1 << random.below(8);
    bytes
}

fn write(place: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, bytes).unwrap();
}

/// Every segment and every file of the roster that lies at its own place in a folder, by its path there: copies under
/// other names are left out.
pub fn sealed_files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let logs = entries(&folder.join("kith/l")).into_iter().filter(|path| path.is_dir());
    for place in logs.chain([folder.join("kith/r")]) {
        let is_sealed = |path: &PathBuf| path.extension().is_some_and(|end| end == "kiths" || end == "kithr");
        for file in entries(&place).into_iter().filter(is_sealed) {
            found.insert(file.strip_prefix(folder).unwrap().to_path_buf(), std::fs::read(&file).unwrap());
        }
    }
    found
}

/// Whether a file holds what its name says: the hash stands in it.
fn is_what_it_says(path: &Path, bytes: &[u8]) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let hash = blake3::hash(bytes).to_hex().to_string();
    name.starts_with(&hash[..32]) || name.contains(&format!("-{}-", &hash[..8]))
}

/// What lies in a folder, but for copies.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| !path.file_name().unwrap_or_default().to_string_lossy().contains(' ')).collect()
}
