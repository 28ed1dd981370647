//! Whatever two to four devices do, in whatever order they hear of each other: in the end all of them hold the same.
//!
//! Each case is drawn from one number. A failing one is told with its number, and is kept below under a name.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use kith_core::Error;
use kith_core::document::Heads;
use kith_core::model::*;
use kith_core::notebook::Debrief;
use serde_json::{Map, Value};
use tests::post::Post;
use tests::seeds::{each_seed, quiet_panics, seeds};
use tests::{Device, Seeded, assert_same_lines, fill, of_kind, quick_folder};

/// Cases in every run: the same ones each time, then some that nobody has seen. `KITH_CASES` asks for more of those.
const FIXED: u64 = 800;
const FRESH: u64 = 200;

#[test]
fn whatever_devices_do_they_end_alike() {
    quiet_panics();
    each_seed("whatever_devices_do_they_end_alike", &seeds(FIXED, FRESH), |seed| World::new(seed).live());
}

/// Devices, what they know of each other's folders, and what was drafted and not yet saved.
struct World {
    random: Seeded,
    devices: Vec<Device>,
    post: Post,
    /// Every device in one and the same folder, instead of copies that a drive keeps alike.
    one_folder: bool,
    records: Vec<(Kind, RecordId)>,
    drafts: Vec<Draft>,
    /// Whether somebody was deleted for good: once at most, since beyond a few people the others ask first.
    purged: bool,
    _folder: tempfile::TempDir,
}

/// What somebody began to write from an earlier version of a record.
struct Draft {
    device: usize,
    kind: Kind,
    before: Map<String, Value>,
    after: Map<String, Value>,
    at: Heads,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Seeded(seed);
        let folder = quick_folder();
        let count = 2 + random.below(3);
        let devices: Vec<Device> =
            (0..count).map(|n| Device::new(folder.path(), &format!("device {n}"), random.number())).collect();
        let one_folder = random.below(3) == 0;
        let folders =
            (0..count).map(|n| folder.path().join(if one_folder { "shared".into() } else { format!("copy {n}") }));
        let folders: Vec<_> = folders.collect();
        folders.iter().for_each(|folder| std::fs::create_dir_all(folder).unwrap());
        let mut post = Post::between(folders.clone());
        // Somebody is the first; the others are let in.
        devices[0].pass(&folders[0]).unwrap();
        for (device, folder) in devices.iter().zip(&folders).skip(1) {
            devices[0].lets_in(device, &folders[0]);
            if !one_folder {
                std::fs::create_dir_all(folder.join("kith")).unwrap();
                std::fs::copy(folders[0].join("kith/KITH.txt"), folder.join("kith/KITH.txt")).unwrap();
            }
        }
        post.collect(0);
        Self {
            random,
            devices,
            post,
            one_folder,
            records: Vec::new(),
            drafts: Vec::new(),
            purged: false,
            _folder: folder,
        }
    }

    fn live(mut self) {
        for _ in 0..8 + self.random.below(24) {
            let device = self.random.below(self.devices.len());
            self.step(device);
        }
        self.rest();
        self.compare();
    }

    /// One thing that somebody, or a drive, does.
    fn step(&mut self, device: usize) {
        match self.random.below(24) {
            0..4 => self.write_new(device),
            4..9 => self.edit(device),
            9 => self.delete_or_restore(device),
            10 => self.link(device),
            11 => self.singleton(device),
            12 => self.draft(device),
            13 => self.save_draft(),
            14 => self.devices[device].reopen(),
            15 => self.look_after(device),
            16..20 => self.command(device),
            20 if !self.one_folder => self.post.deliver_some(device, &mut self.random),
            _ => {
                if !self.one_folder {
                    self.post.deliver_some(device, &mut self.random);
                }
                self.sync(device);
            }
        }
        self.devices[device].wait_seconds(self.random.below(100) as i64);
    }

    fn sync(&mut self, device: usize) -> bool {
        let report = self.devices[device].pass(self.post.folder(device)).unwrap();
        assert!(report.refused.is_empty(), "refused: {:?}", report.refused);
        assert!(self.purged || report.purged == 0, "a late change to nobody");
        assert!(!report.new_log, "nobody was restored or copied");
        if !self.one_folder {
            self.post.collect(device);
        }
        report.read + report.sent + report.written > 0
    }

    fn pick_record(&mut self) -> Option<(Kind, RecordId)> {
        (!self.records.is_empty()).then(|| *self.random.pick(&self.records))
    }

    fn links(&self) -> Vec<RecordId> {
        self.records.iter().map(|(_, id)| *id).collect()
    }

    fn write_new(&mut self, device: usize) {
        // People are what most of it is about; everything else gets its turn.
        let kind = if self.random.below(3) == 0 { Kind::Contact } else { *self.random.pick(Kind::ALL) };
        if kind.is_singleton() {
            return self.singleton(device);
        }
        let mut map = Map::new();
        fill::change(kind, &mut map, &self.links(), 8, &mut self.random);
        let notebook = &self.devices[device].notebook;
        let id = of_kind!(kind, R => {
            let mut writing = notebook.write();
            let id = writing.put(R::from_map(map.clone())).unwrap().raw();
            if self.random.below(8) == 0 {
                writing.blob(fill::photo(self.random.below(3) as u8));
            }
            writing.commit().unwrap();
            id
        });
        self.assert_kept(device, kind, id, &map);
        self.records.push((kind, id));
    }

    /// What was written without an error is read again.
    fn assert_kept(&self, device: usize, kind: Kind, id: RecordId, wanted: &Map<String, Value>) {
        let notebook = &self.devices[device].notebook;
        let (wanted, there) = of_kind!(kind, R => {
            let there = notebook.get::<R>(Id::new(id)).unwrap().unwrap_or_else(|| panic!("{} {id} was not written: {wanted:?}", kind.word()));
            (R::from_map(wanted.clone()).to_map(), there.to_map())
        });
        for field in kind.fields().iter().filter(|field| !matches!(field.shape, Shape::Map(_))) {
            if field.name != "created_at" {
                assert_eq!(there.get(field.name), wanted.get(field.name), "{} of {} {id}", field.name, kind.word());
            }
        }
        for field in kind.fields().iter().filter(|field| matches!(field.shape, Shape::Map(_))) {
            assert_eq!(said(&there, field.name), said(&wanted, field.name), "{} of {} {id}", field.name, kind.word());
        }
    }

    fn edit(&mut self, device: usize) {
        let Some((kind, id)) = self.pick_record() else { return };
        let links = self.links();
        let Self { random, devices, .. } = self;
        let notebook = &devices[device].notebook;
        let wanted = of_kind!(kind, R => {
            if notebook.get::<R>(Id::new(id)).unwrap().is_none() {
                return;
            }
            let mut wanted = Map::new();
            notebook.edit(Id::<R>::new(id), |record| {
                let mut map = record.to_map();
                fill::change(kind, &mut map, &links, 4, random);
                wanted = map.clone();
                *record = R::from_map(map);
            }).unwrap();
            wanted
        });
        let alone = kind != Kind::Contact || notebook.person(Id::new(id)).unwrap().members.len() == 1;
        if alone && !wanted.contains_key("same_as") {
            self.assert_kept(device, kind, id, &wanted);
        }
    }

    fn delete_or_restore(&mut self, device: usize) {
        let Some((_, id)) = self.pick_record() else { return };
        let notebook = &self.devices[device].notebook;
        if notebook.kind_of(id).is_err() {
            return;
        }
        match self.random.below(3) {
            0 => notebook.restore(id).unwrap(),
            _ => notebook.delete(id).unwrap(),
        }
    }

    /// Two people are one, or are not, said by either side or through the command.
    fn link(&mut self, device: usize) {
        let people: Vec<Id<Contact>> =
            self.records.iter().filter(|(kind, _)| *kind == Kind::Contact).map(|(_, id)| Id::new(*id)).collect();
        if people.len() < 2 {
            return;
        }
        let (a, b) = (*self.random.pick(&people), *self.random.pick(&people));
        let notebook = &self.devices[device].notebook;
        let here = |id| notebook.get::<Contact>(id).unwrap().is_some();
        if a == b || !here(a) || !here(b) {
            return;
        }
        match self.random.below(4) {
            0 => notebook.same(a, b).unwrap(),
            1 => notebook.not_same(a, b).unwrap(),
            2 => notebook.edit(a, |contact: &mut Contact| contact.same_as.push(b)).unwrap(),
            _ => notebook.edit(a, |contact: &mut Contact| contact.not_same_as.push(b)).unwrap(),
        }
    }

    /// What exists once, written on any device, perhaps before it heard that another has it.
    fn singleton(&mut self, device: usize) {
        let (kind, name) = *self.random.pick(&[
            (Kind::Settings, ""),
            (Kind::Profile, ""),
            (Kind::Week, "2026-W47"),
            (Kind::Week, "2026-W48"),
            (Kind::Review, "2026"),
        ]);
        let id = RecordId::of_singleton(kind.word(), name);
        let links = self.links();
        let notebook = &self.devices[device].notebook;
        let map = of_kind!(kind, R => {
            let mut map = notebook.get::<R>(Id::new(id)).unwrap().unwrap_or_default().to_map();
            fill::change(kind, &mut map, &links, 4, &mut self.random);
            map.insert("id".into(), id.to_string().into());
            notebook.put(R::from_map(map.clone())).unwrap();
            map
        });
        self.records.push((kind, id));
        self.records.dedup();
        if notebook.kind_of(id).is_ok() {
            self.assert_kept(device, kind, id, &map);
        }
    }

    fn draft(&mut self, device: usize) {
        let Some((kind, id)) = self.pick_record() else { return };
        let notebook = &self.devices[device].notebook;
        if notebook.kind_of(id).is_err() {
            return;
        }
        let (before, at) = of_kind!(kind, R => {
            let (record, at) = notebook.read_for_edit::<R>(Id::new(id)).unwrap();
            (record.to_map(), at)
        });
        let mut after = before.clone();
        fill::change(kind, &mut after, &self.links(), 4, &mut self.random);
        self.drafts.push(Draft { device, kind, before, after, at });
    }

    fn save_draft(&mut self) {
        if self.drafts.is_empty() {
            return;
        }
        let at = self.random.below(self.drafts.len());
        let draft = self.drafts.swap_remove(at);
        let mut writing = self.devices[draft.device].notebook.write();
        of_kind!(draft.kind, R => {
            writing.save(&R::from_map(draft.before), &R::from_map(draft.after), draft.at).unwrap();
        });
        match writing.commit() {
            Err(Error::Invalid(_)) if self.purged => {} // it was deleted for good meanwhile
            saved => drop(saved.unwrap()),
        }
    }

    /// One of the commands of a person's day.
    fn command(&mut self, device: usize) {
        match self.random.below(10) {
            0..4 => self.jot(device),
            4 => self.import(device),
            5 => self.undo_an_import(device),
            6 => self.close_a_promise(device),
            7 => self.introduce(device),
            8 => self.take_back(device),
            _ => self.purge(device),
        }
    }

    fn jot(&mut self, device: usize) {
        const NAMES: [&str; 4] = ["Dana Ruiz, Acme", "Ben Okafor", "Chi Wu, Novabank, teller", "?"];
        let mut line = self.random.pick(&NAMES).to_string();
        for mark in ["!", "?", "+", "#", "!!", "@"] {
            if self.random.below(3) == 0 {
                line.push_str(&format!(" {mark}{}", fill::words(&mut self.random)));
            }
        }
        let jotted = self.devices[device].notebook.jot_line(&line).unwrap();
        self.records.extend(jotted.contact.map(|id| (Kind::Contact, id.raw())));
    }

    /// A card of one of a few people, as other devices import it, too.
    fn import(&mut self, device: usize) {
        let (who, about) = (self.random.below(3), fill::words(&mut self.random).replace(['\n', '\r'], " "));
        let card = format!("BEGIN:VCARD\nVERSION:4.0\nUID:uid-{who}\nFN:Card {who}\nNOTE:{about}\nEND:VCARD\n");
        let file = self._folder.path().join("cards.vcf");
        std::fs::write(&file, card).unwrap();
        self.devices[device].notebook.import(&file, &mut |_, _| Ok(())).unwrap();
    }

    fn undo_an_import(&mut self, device: usize) {
        let notebook = &self.devices[device].notebook;
        let imports = notebook.imports().unwrap();
        if imports.is_empty() {
            return;
        }
        // One that was taken back already is refused.
        let id = self.random.pick(&imports).id;
        assert!(matches!(notebook.undo_import(id, &mut |_, _| Ok(())), Ok(_) | Err(Error::Invalid(_))));
    }

    fn close_a_promise(&mut self, device: usize) {
        let notebook = &self.devices[device].notebook;
        let open = notebook.open_promises(None).unwrap();
        if open.is_empty() {
            return;
        }
        let promise = self.random.pick(&open).record.id;
        let state = self.random.pick(&[PromiseState::Kept, PromiseState::Released]).clone();
        notebook.close_promise(promise, state, tests::start().date_naive()).unwrap();
    }

    fn introduce(&mut self, device: usize) {
        let notebook = &self.devices[device].notebook;
        let people = notebook.people(0, 10).unwrap().rows;
        if people.len() < 2 {
            return;
        }
        let (a, b) = (self.random.pick(&people).id, self.random.pick(&people).id);
        let why = fill::words(&mut self.random);
        match a == b {
            true => notebook.debrief(a, Debrief { thread: why, ..Debrief::default() }).unwrap(),
            false => drop(notebook.introduce(a, b, &why).unwrap()),
        }
    }

    /// The last step of this device, if there is one and it can be taken back.
    fn take_back(&mut self, device: usize) {
        let taken = self.devices[device].notebook.undo(&mut |_, _| Ok(()));
        assert!(matches!(taken, Ok(_) | Err(Error::Invalid(_) | Error::NotFound(_))), "{taken:?}");
    }

    fn purge(&mut self, device: usize) {
        let Some((kind, id)) = self.pick_record() else { return };
        let notebook = &self.devices[device].notebook;
        if self.purged || kind != Kind::Contact || notebook.get::<Contact>(Id::new(id)).unwrap().is_none() {
            return;
        }
        if notebook.purge_preview(Id::new(id)).unwrap().records < 3 {
            notebook.purge(Id::new(id)).unwrap();
            self.purged = true;
        }
    }

    /// What a program does when nobody types: compacts, indexes, settles disagreements, mends.
    fn look_after(&mut self, device: usize) {
        let notebook = &self.devices[device].notebook;
        match self.random.below(4) {
            0 => drop(notebook.tidy().unwrap()),
            1 => {
                for conflict in notebook.conflicts(3).unwrap() {
                    let value = self.random.pick(&conflict.values).clone();
                    notebook.choose(conflict.id, &conflict.key, value).unwrap();
                }
            }
            2 => drop(notebook.find(&fill::words(&mut self.random), 10).unwrap()),
            _ => self.post.damage(device, &mut self.random),
        }
    }

    /// Everything arrives, everybody syncs, until nothing is new to anybody.
    fn rest(&mut self) {
        for _ in 0..8 {
            let mut busy = !self.one_folder && self.post.deliver_all();
            for device in 0..self.devices.len() {
                busy |= self.sync(device);
            }
            if !busy {
                return;
            }
        }
        panic!("the devices never come to rest");
    }

    fn compare(&self) {
        let first = &self.devices[0].notebook;
        let (dump, digest) = (first.dump().unwrap(), first.digest().unwrap());
        for device in &self.devices {
            let notebook = &device.notebook;
            assert_same_lines(&dump, &notebook.dump().unwrap(), "two devices show different things");
            assert_eq!(digest, notebook.digest().unwrap(), "two devices hold different versions");
            let sizes = notebook.sizes().unwrap();
            assert_eq!((sizes.waiting, sizes.quarantined, sizes.outbox), (0, 0, 0), "{sizes:?}");
            notebook.rebuild(&mut |_, _| Ok(())).unwrap();
            assert_same_lines(&dump, &notebook.dump().unwrap(), "a rebuild changed something");
        }
        self.compare_searches();
    }

    /// A word that one device finds, all of them find, in the same records.
    fn compare_searches(&self) {
        let mut random = Seeded(self.random.0);
        for device in &self.devices {
            for _ in 0..10 {
                if !device.notebook.tidy().unwrap() {
                    break;
                }
            }
        }
        for _ in 0..3 {
            let word = fill::words(&mut random);
            let mut found = self.devices.iter().map(|device| {
                let mut hits = device.notebook.find(&word, 1000).unwrap();
                hits.sort_by_key(|hit| (hit.id, hit.passage.clone()));
                hits
            });
            let first = found.next().unwrap();
            assert!(found.all(|other| other == first), "searching {word:?} finds different things");
        }
    }
}

/// The entries of a field without their ids, for comparing what was typed with what is there.
fn said(map: &Map<String, Value>, field: &str) -> Vec<String> {
    let list = map.get(field).and_then(Value::as_array).into_iter().flatten();
    let mut said: Vec<String> = list
        .filter_map(|entry| {
            let mut entry = entry.as_object()?.clone();
            entry.shift_remove("id");
            entry.sort_keys();
            (!entry.is_empty()).then(|| Value::Object(entry).to_string())
        })
        .collect();
    said.sort();
    said
}
