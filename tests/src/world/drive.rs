//! Places where devices meet: a stick or a server that all see alike, or a folder that a sync program carries between
//! copies of it, late, in any order and in any state.

use std::collections::BTreeMap;

use kith_core::Error;
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::carrier::mailbox::{Item, is_safe};
use kith_core::sync::segment;

use super::outside::{Bytes, Outside, Result, Shared, Trouble, die, unreachable_place};
use crate::Seeded;

/// A place, with everything that lies in it.
#[derive(Default)]
pub struct Place {
    /// What each copy of it holds; a stick has one copy.
    pub copies: Vec<BTreeMap<String, There>>,
    /// Which copy a device sees.
    pub sees: BTreeMap<usize, usize>,
    /// Whether each device has a copy of its own.
    pub is_carried: bool,
    /// What has not come to a copy yet.
    pub on_the_way: Vec<(usize, String, There)>,
    /// Cannot be reached until this event.
    pub dark_until: usize,
    past: Option<BTreeMap<String, Bytes>>,
}

/// What stands under a name: who wrote last counts, as with any sync program.
#[derive(Clone, Debug, PartialEq)]
pub struct There {
    version: u64,
    /// None once it is deleted.
    pub bytes: Option<Bytes>,
}

/// What may happen to the files of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Cut short under its name.
    Truncated,
    /// One bit is another.
    Flipped,
    /// Gone.
    Deleted,
    /// A name without contents, as cloud drives leave them.
    Emptied,
    /// Two files have changed their names.
    Swapped,
    /// A second file, as sync programs make them.
    Copied,
    /// Only under such a name.
    Renamed,
    /// A whole folder a second time, under another name.
    FolderTwice,
    /// As it was some time ago.
    RolledBack,
    /// Everything gone.
    Lost,
    /// The note that says whose it is was changed.
    NoteChanged,
}

impl Harm {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Truncated,
        Self::Flipped,
        Self::Deleted,
        Self::Emptied,
        Self::Swapped,
        Self::Copied,
        Self::Renamed,
        Self::FolderTwice,
        Self::RolledBack,
        Self::Lost,
        Self::NoteChanged,
    ];

    /// Under which name it is counted.
    pub fn word(self) -> &'static str {
        match self {
            Self::Truncated => "files cut short",
            Self::Flipped => "files with a flipped bit",
            Self::Deleted => "files deleted",
            Self::Emptied => "files emptied",
            Self::Swapped => "names swapped",
            Self::Copied => "conflict copies",
            Self::Renamed => "files renamed by a sync program",
            Self::FolderTwice => "folders doubled",
            Self::RolledBack => "places rolled back",
            Self::Lost => "places emptied",
            Self::NoteChanged => "notes of a place changed",
        }
    }
}

impl Place {
    /// An empty one that nobody sees yet.
    pub fn new(is_carried: bool) -> Self {
        Self { is_carried, ..Self::default() }
    }

    fn put(&mut self, copy: usize, name: &str, bytes: Option<Bytes>, version: u64) {
        let there = There { version, bytes };
        for to in (0..self.copies.len()).filter(|to| *to != copy) {
            self.on_the_way.push((to, name.into(), there.clone()));
        }
        self.copies[copy].insert(name.into(), there);
    }

    /// What lies under a name in a copy, be it empty.
    pub fn bytes(&self, copy: usize, name: &str) -> Option<&Bytes> {
        self.copies[copy].get(name)?.bytes.as_ref()
    }

    fn names(&self, copy: usize) -> Vec<String> {
        let there = self.copies[copy].iter().filter(|(_, there)| there.bytes.is_some());
        there.map(|(name, _)| name.clone()).collect()
    }

    /// Brings one thing to a copy, if nothing newer is there.
    fn bring(&mut self, (to, name, there): (usize, String, There)) -> bool {
        let known = self.copies[to].get(&name).map_or(0, |known| known.version);
        let is_newer = known < there.version;
        if is_newer {
            self.copies[to].insert(name, there);
        }
        is_newer
    }
}

impl Outside {
    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn write(&mut self, place: usize, copy: usize, name: &str, bytes: Option<Bytes>) {
        let version = self.next_version();
        self.places[place].put(copy, name, bytes, version);
    }

    /// Lets a device see a place.
    pub fn enter(&mut self, place: usize, device: usize) {
        let there = &mut self.places[place];
        if there.copies.is_empty() || there.is_carried {
            // A fresh copy hears of everything there is.
            let at = there.copies.len();
            let known = there.copies.iter().flatten();
            let known: Vec<_> = known.map(|(name, file)| (at, name.clone(), file.clone())).collect();
            there.on_the_way.extend(known);
            there.copies.push(BTreeMap::new());
            there.sees.insert(device, at);
        } else {
            there.sees.insert(device, 0);
        }
    }

    /// Brings some of what is on its way to where a device looks, in any order and any state.
    pub fn deliver_some(&mut self, place: usize, device: usize, random: &mut Seeded) {
        let Some(copy) = self.places[place].sees.get(&device).copied() else { return };
        for _ in 0..random.below(8) {
            let mine: Vec<usize> = (0..self.places[place].on_the_way.len())
                .filter(|at| self.places[place].on_the_way[*at].0 == copy)
                .collect();
            if mine.is_empty() {
                return;
            }
            let at = *random.pick(&mine);
            let (_, name, there) = self.places[place].on_the_way[at].clone();
            self.counts.one("files delivered");
            let Some(bytes) = there.bytes.clone().filter(|_| random.below(4) == 0) else {
                let whole = self.places[place].on_the_way.swap_remove(at);
                self.places[place].bring(whole);
                continue;
            };
            // Half of it, or something else for the time being; the true one still comes.
            let (kind, other) = match random.below(3) {
                0 => ("deliveries cut short", bytes[..random.below(bytes.len())].into()),
                1 => ("deliveries with a flipped bit", flipped(&bytes, random)),
                _ => ("deliveries as placeholders", [].into()),
            };
            self.counts.one(kind);
            let early = There { version: 0, bytes: Some(other) };
            self.places[place].copies[copy].entry(name).or_insert(early);
        }
    }

    /// Brings everything to every copy, whole; says whether anything was new to somebody.
    pub fn deliver_all(&mut self, place: usize) -> bool {
        let place = &mut self.places[place];
        let mut any = false;
        for thing in std::mem::take(&mut place.on_the_way) {
            any |= place.bring(thing);
        }
        any
    }

    /// Does some harm to where a device looks; says whether there was anything to harm.
    pub fn harm(&mut self, place: usize, device: usize, harm: Harm, random: &mut Seeded) -> bool {
        let Some(copy) = self.places[place].sees.get(&device).copied() else { return false };
        let names = self.places[place].names(copy);
        if names.is_empty() {
            return false;
        }
        let name = random.pick(&names).clone();
        let bytes = self.places[place].bytes(copy, &name).cloned().unwrap_or_default();
        if bytes.is_empty() && harm != Harm::RolledBack {
            return false;
        }
        match harm {
            Harm::Truncated => self.write(place, copy, &name, Some(bytes[..random.below(bytes.len())].into())),
            Harm::Flipped => self.write(place, copy, &name, Some(flipped(&bytes, random))),
            Harm::Deleted => self.write(place, copy, &name, None),
            Harm::Emptied => self.write(place, copy, &name, Some([].into())),
            Harm::Swapped => {
                let is_like = |other: &&String| other.rsplit('.').next() == name.rsplit('.').next();
                let alike: Vec<String> = names.iter().filter(is_like).cloned().collect();
                let other = random.pick(&alike).clone();
                let theirs = self.places[place].bytes(copy, &other).cloned();
                self.write(place, copy, &name, theirs);
                self.write(place, copy, &other, Some(bytes));
            }
            Harm::Copied | Harm::Renamed => {
                let (stem, end) = name.rsplit_once('.').unwrap_or((&name, "x"));
                self.write(place, copy, &format!("{stem}.sync-conflict-20261122-0900.{end}"), Some(bytes));
                if harm == Harm::Renamed {
                    self.write(place, copy, &name, None);
                }
            }
            Harm::FolderTwice => {
                let Some((folder, _)) = name.rsplit_once('/') else { return false };
                for inside in names.iter().filter(|other| other.starts_with(&format!("{folder}/"))) {
                    let bytes = self.places[place].bytes(copy, inside).cloned();
                    self.write(place, copy, &format!("{folder} (2){}", &inside[folder.len()..]), bytes);
                }
            }
            Harm::RolledBack => return self.roll_back(place, copy),
            Harm::Lost => names.iter().for_each(|name| self.write(place, copy, name, None)),
            Harm::NoteChanged => {
                let Some(note) = self.places[place].bytes(copy, "KITH.txt").cloned() else { return false };
                let changed = match random.below(3) {
                    0 => note[..random.below(note.len())].into(),
                    1 => flipped(&note, random),
                    _ => [].into(),
                };
                self.write(place, copy, "KITH.txt", Some(changed));
            }
        }
        true
    }

    /// The first time it is remembered how things are, the next time they are so again.
    fn roll_back(&mut self, place: usize, copy: usize) -> bool {
        let now: BTreeMap<String, Bytes> = self.places[place].copies[copy]
            .iter()
            .filter_map(|(name, there)| Some((name.clone(), there.bytes.clone()?)))
            .collect();
        let Some(past) = self.places[place].past.take() else {
            self.places[place].past = Some(now);
            return false;
        };
        for name in now.keys().filter(|name| !past.contains_key(*name)) {
            self.write(place, copy, name, None);
        }
        for (name, bytes) in past.iter().filter(|(name, bytes)| now.get(*name) != Some(bytes)) {
            self.write(place, copy, name, Some(bytes.clone()));
        }
        true
    }
}

/// The same bytes but for one bit.
pub fn flipped(bytes: &[u8], random: &mut Seeded) -> Bytes {
    let mut bytes = bytes.to_vec();
    if !bytes.is_empty() {
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
    }
    bytes.into()
}

/// A place as one device sees it.
pub struct View {
    shared: Shared,
    place: usize,
    device: usize,
}

impl View {
    /// How this device sees this place.
    pub fn of(shared: &Shared, place: usize, device: usize) -> Self {
        Self { shared: shared.clone(), place, device }
    }

    /// A call: what it does to the outside, if nothing goes wrong with it.
    fn call<T>(&self, line: &str, is_list: bool, act: impl Fn(&mut Outside, usize, Done) -> Result<T>) -> Result<T> {
        let mut outside = self.shared.lock();
        outside.note(&format!("  {} {line}", self.device));
        if outside.places[self.place].dark_until > 0 {
            outside.counts.one("calls while unreachable");
            return unreachable_place();
        }
        let Some(copy) = outside.places[self.place].sees.get(&self.device).copied() else {
            return Err(Error::NotFound("the place".into()));
        };
        match outside.burn(self.device) {
            Some((Trouble::Kill, number)) => {
                match number % 3 {
                    0 => {}
                    1 => drop(act(&mut outside, copy, Done::Half)),
                    _ => drop(act(&mut outside, copy, Done::Whole)),
                }
                drop(outside);
                die()
            }
            Some((Trouble::NoList, _)) if !is_list => act(&mut outside, copy, Done::Whole),
            Some((Trouble::Refused | Trouble::NoList, _)) => unreachable_place(),
            Some((Trouble::DoneAndRefused, _)) => {
                drop(act(&mut outside, copy, Done::Whole));
                unreachable_place()
            }
            Some((Trouble::Full, _)) => act(&mut outside, copy, Done::Half),
            None => act(&mut outside, copy, Done::Whole),
        }
    }
}

/// How much of a write is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Whole,
    Half,
}

impl Mailbox for View {
    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn list(&self) -> Result<Vec<Item>> {
        self.call("lists", true, |outside, copy, _| {
            let there = outside.places[self.place].copies[copy].iter();
            let items = there.filter_map(|(name, there)| {
                let bytes = there.bytes.as_ref().filter(|bytes| !bytes.is_empty() && is_safe(name))?;
                Some(Item { name: name.clone(), bytes: bytes.len() as u64 })
            });
            Ok(items.collect())
        })
    }

    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        self.call(&format!("gets {name}"), false, |outside, copy, _| {
            let bytes = outside.places[self.place].bytes(copy, name).filter(|bytes| !bytes.is_empty());
            if bytes.is_some_and(|bytes| bytes.len() as u64 > most) {
                return Err(Error::Unreadable(format!("{name} is larger than {most} bytes")));
            }
            Ok(bytes.map(|bytes| bytes.to_vec()))
        })
    }

    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let hash = segment::hash(bytes);
        let line = format!("puts {name}, {} bytes, {:02x}{:02x}{:02x}", bytes.len(), hash[0], hash[1], hash[2]);
        self.call(&line, false, |outside, copy, done| {
            outside.seen.insert(name.as_bytes().to_vec());
            match name.ends_with(".kiths") {
                true => drop(outside.segments.entry(hash).or_insert_with(|| (bytes.into(), self.device))),
                false => drop(outside.seen.insert(bytes.to_vec())),
            }
            match outside.places[self.place].bytes(copy, name) {
                Some(there) if **there == *bytes => return Ok(()),
                Some(_) => return Err(Error::Unreadable(format!("{name} holds something else"))),
                None => {}
            }
            if done == Done::Half {
                outside.write(self.place, copy, name, Some(bytes[..bytes.len() / 2].into()));
                return Err(Error::Unreachable("the place is full; make room and try again".into()));
            }
            outside.write(self.place, copy, name, Some(bytes.into()));
            Ok(())
        })
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.call(&format!("deletes {name}"), false, |outside, copy, _| {
            if outside.places[self.place].bytes(copy, name).is_some() {
                outside.write(self.place, copy, name, None);
            }
            Ok(())
        })
    }

    fn words(&self) -> String {
        format!("place {}", self.place)
    }
}
