//! What each event of a story does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kith_core::Error;
use kith_core::model::{Id, Kind, Note, Record, RecordId};
use kith_core::sync::carrier::{Line, Mailbox};
use kith_core::sync::segment::{self, Header, Item, Name, Plaintext, READER};
use serde_json::Map;

use super::check;
use super::device::Device;
use super::drive::Harm;
use super::life::{Afterwards, Kept, World};
use super::outside::Trouble;
use super::story::{Event, What};
use super::wire::{Fuse, wire};
use crate::{Seeded, fill, of_kind};

/// Most devices there may be.
const MOST_DEVICES: usize = 9;

impl World {
    /// One event.
    pub fn happen(&mut self, event: &Event) {
        let mut random = Seeded(event.seed);
        let who = event.who % self.devices.len();
        let place = *random.pick(&self.devices[who].places);
        // One that never joined would found a notebook of its own in a place that was emptied.
        let founds = matches!(event.what, What::Sync(_) | What::GoOn | What::Invite(_) | What::MakeRecoveryKey);
        if founds && self.devices[who].notebook().notebook_tag().unwrap().is_none() {
            return;
        }
        match &event.what {
            What::Note => self.write_note(who),
            What::Write => self.write_record(who, &mut random),
            What::Edit => self.edit_record(who, &mut random),
            What::Delete => self.delete_record(who, &mut random),
            What::Sync(trouble) => {
                if let Some((calls, trouble)) = trouble {
                    self.outside().fuses.insert(who, (*calls, *trouble, random.number()));
                }
                self.sync(who, place);
            }
            What::Meet(whom, fault) => {
                self.speak(
                    who,
                    whom % self.devices.len(),
                    fault.map(|(frames, fault)| (frames, fault, random.number())),
                );
            }
            What::Restart => self.devices[who].restart(),
            What::Kill => self.devices[who].killed(),
            What::Tidy => drop(self.devices[who].notebook().tidy().unwrap()),
            What::BackUp => self.devices[who].back_up(),
            What::Restore { with_keys } => self.restore(who, *with_keys),
            What::Clone { with_keys } => self.copy(who, *with_keys, random.number()),
            What::Remove(whom) => self.remove(who, *whom),
            What::Invite(whom) => self.invite(who, *whom, place, random.number()),
            What::MakeRecoveryKey => self.make_recovery_key(who, place),
            What::Recover => self.recover(place, random.number()),
            What::Renew => self.renew(who, place, &mut random),
            What::Person => self.write_person(who, &mut random),
            What::Secret => self.write_secret(who, &mut random),
            What::Add => self.add(who, &mut random),
            What::Purge(people) => self.purge(who, *people, &mut random),
            What::Rewrite => self.rewrite(who, &mut random),
            What::Decide { keep } => self.decide(who, *keep),
            What::Agree => drop(self.agree(who)),
            What::GoOn => {
                self.write_note(who);
                self.sync(who, place);
            }
            What::Skew(days) => {
                self.devices[who].skew = days * 86_400;
                self.outside().counts.one("clocks set wrong");
            }
            What::Newer => self.write_as_newer(who, place, &mut random),
            What::Deliver => self.outside().deliver_some(place, who, &mut random),
            What::Harm(harm) => self.harm(who, place, *harm, &mut random),
            What::Dark(events) => {
                let until = self.now + events;
                let mut outside = self.outside();
                outside.places[place].dark_until = until;
                outside.counts.one("places unreachable for a while");
            }
        }
    }

    /// Whatever a place says in bad times, it says it in words a person can act on.
    fn sync(&mut self, who: usize, place: usize) {
        match self.pass(who, place) {
            Ok(_) => {}
            Err(error) if check::is_about_others(&error) => {}
            Err(error) => panic!("device {who} cannot sync: {error:?}"),
        }
    }

    /// Two devices over a line. Whatever one of them is told on it, it says in words a person can act on.
    fn speak(&mut self, who: usize, whom: usize, fuse: Option<Fuse>) {
        let key = |at: usize| {
            let member = self.devices[at].notebook().member(&self.devices[at].keys).ok()??;
            Some((at, member.keys().public().endpoint))
        };
        let (Some(one), Some(other)) = (key(who), key(whom).filter(|_| who != whom)) else { return };
        let ends = wire(&self.shared, [one, other], fuse).map(|end| (self.devices[end.device()].notebook(), end));
        let done = std::thread::scope(|scope| {
            let both = ends.map(|(notebook, mut end)| {
                let keys = &self.devices[end.device()].keys;
                scope.spawn(move || {
                    end.await_turn();
                    let done =
                        catch_unwind(AssertUnwindSafe(|| notebook.sync_over(&mut end, keys, &mut |_, _| Ok(()))));
                    end.hang_up();
                    done
                })
            });
            both.map(|end| end.join().unwrap())
        });
        for (device, done) in [who, whom].into_iter().zip(done) {
            let told = match done {
                Ok(Ok(report)) => {
                    assert!(report.refused.is_empty(), "device {device} refuses changes: {:?}", report.refused);
                    self.outside().counts.one("sides of a line that heard all");
                    self.outside().counts.more("logs begun anew", report.new_log.into());
                    format!("{report:?}")
                }
                // A flipped bit may make a number of what was said, that of a version which is not there yet.
                Ok(Err(error)) if check::is_about_others(&error) || matches!(error, Error::NeedsUpdate(_)) => {
                    error.to_string()
                }
                Ok(Err(error)) => panic!("device {device} cannot speak: {error:?}"),
                Err(panic) => {
                    self.died(device, panic.as_ref());
                    "killed".into()
                }
            };
            self.outside().note(&told);
        }
    }

    fn write_note(&mut self, who: usize) {
        let words = format!("Quorbin-{}", self.kept.len());
        let note = self.devices[who].notebook().put(Note { body: words.clone(), ..Note::default() }).unwrap();
        self.kept.push(Kept { record: note.raw(), words, by: who, afterwards: Afterwards::Elsewhere });
        self.outside().counts.one("edits");
    }

    fn links(&self) -> Vec<RecordId> {
        self.records.iter().map(|(_, id)| *id).collect()
    }

    fn write_record(&mut self, who: usize, random: &mut Seeded) {
        let kind = if random.below(3) == 0 { Kind::Contact } else { *random.pick(Kind::ALL) };
        let mut map = Map::new();
        fill::change(kind, &mut map, &self.links(), 6, random);
        let notebook = self.devices[who].notebook();
        let id = of_kind!(kind, R => {
            let mut writing = notebook.write();
            let id = writing.put(R::from_map(map.clone())).unwrap().raw();
            if random.below(6) == 0 {
                writing.blob(fill::photo(random.below(3) as u8));
            }
            writing.commit().unwrap();
            id
        });
        self.records.push((kind, id));
        self.outside().counts.one("edits");
    }

    fn edit_record(&mut self, who: usize, random: &mut Seeded) {
        if self.records.is_empty() {
            return self.write_record(who, random);
        }
        let ((kind, id), links) = (*random.pick(&self.records), self.links());
        let notebook = self.devices[who].notebook();
        of_kind!(kind, R => {
            if notebook.get::<R>(Id::new(id)).unwrap().is_none() {
                return;
            }
            notebook.edit(Id::<R>::new(id), |record| {
                let mut map = record.to_map();
                fill::change(kind, &mut map, &links, 3, random);
                *record = R::from_map(map);
            }).unwrap();
        });
        self.outside().counts.one("edits");
    }

    fn delete_record(&mut self, who: usize, random: &mut Seeded) {
        let notebook = self.devices[who].notebook();
        let here: Vec<RecordId> = self.links().into_iter().filter(|id| notebook.kind_of(*id).is_ok()).collect();
        if here.is_empty() {
            return;
        }
        let id = *random.pick(&here);
        if random.below(3) == 0 {
            notebook.restore(id).unwrap()
        } else {
            notebook.delete(id).unwrap()
        }
        self.outside().counts.one("edits");
    }

    fn restore(&mut self, who: usize, with_keys: bool) {
        if self.devices[who].has_backup {
            self.devices[who].restore(with_keys);
            self.outside().counts.one(if with_keys { "restores" } else { "restores without keys" });
        }
    }

    fn copy(&mut self, who: usize, with_keys: bool, seed: u64) {
        let at = self.devices.len();
        if at >= MOST_DEVICES {
            return;
        }
        let copy = self.devices[who].copied(self.folder.path(), at, seed, with_keys);
        copy.places.iter().for_each(|place| self.shared.lock().enter(*place, at));
        self.devices.push(copy);
        self.outside().counts.one(if with_keys { "clones" } else { "clones without keys" });
    }

    fn remove(&mut self, who: usize, whom: usize) {
        let device = &self.devices[who];
        let rows = device.notebook().device_list(&device.keys).unwrap_or_default();
        let others: Vec<_> = rows.iter().filter(|row| !row.this && !row.removed).collect();
        // Whom the number means, if it is known here; somebody else otherwise.
        let meant = self.devices.get(whom % self.devices.len()).and_then(|whom| {
            let member = whom.notebook().member(&whom.keys).ok()??;
            Some(kith_core::sync::hex(&member.device().0[..4]))
        });
        let row = others.iter().find(|row| Some(&row.id) == meant.as_ref()).or_else(|| others.first());
        let Some(id) = row.filter(|_| self.is_member(who)).map(|row| row.id.clone()) else { return };
        let device = &self.devices[who];
        match device.notebook().remove_device(&device.keys, &id) {
            Ok(_) => self.outside().counts.one("devices removed"),
            Err(error) => self.outside().note(&error.to_string()),
        }
    }

    fn invite(&mut self, who: usize, whom: usize, place: usize, seed: u64) {
        let whom = whom % (self.devices.len() + 2);
        let is_out = |device: &Device| !self.is_member(device.at) && device.places.contains(&place);
        let guest = self.devices.get(whom).filter(|device| is_out(device)).map(|device| device.at);
        let guest = guest.unwrap_or(self.devices.len());
        if guest == who || guest >= MOST_DEVICES {
            return;
        }
        if guest == self.devices.len() {
            self.devices.push(Device::new(&self.shared, self.folder.path(), guest, seed));
            self.enter(guest, place);
        }
        if let Err(error) = self.pair(who, guest, place) {
            self.outside().note(&error.to_string());
        }
    }

    fn make_recovery_key(&mut self, who: usize, place: usize) {
        let old = self.paper.take();
        let make = |device: &Device, view: &super::drive::View| {
            device.notebook().make_recovery_key(view, &device.keys, old.as_ref())
        };
        match self.risk(who, make, place) {
            Ok(new) => {
                self.paper = Some(new);
                self.outside().counts.one("recovery keys");
            }
            Err(error) => {
                self.outside().note(&error.to_string());
                self.paper = old;
            }
        }
    }

    fn recover(&mut self, place: usize, seed: u64) {
        let at = self.devices.len();
        let Some(paper) = self.paper.take().filter(|_| at < MOST_DEVICES) else { return };
        self.devices.push(Device::new(&self.shared, self.folder.path(), at, seed));
        self.enter(at, place);
        self.outside().deliver_all(place);
        let recover = |device: &Device, view: &super::drive::View| {
            device.notebook().recover(view, &device.keys, &paper).and_then(|()| view.list().map(drop))
        };
        match self.risk(at, recover, place) {
            Ok(()) => self.outside().counts.one("devices recovered"),
            Err(error) => self.outside().note(&error.to_string()),
        }
        self.paper = Some(paper);
    }

    /// A person who renews has just seen that a place can be reached.
    fn renew(&mut self, who: usize, place: usize, random: &mut Seeded) {
        if self.devices[who].notebook().notebook_tag().unwrap().is_none() || self.pass(who, place).is_err() {
            return;
        }
        if random.below(3) == 0 {
            let fuse = (random.below(8), Trouble::Kill, random.number());
            self.outside().fuses.insert(who, fuse);
        }
        match self.risk(who, |device, _| device.notebook().renew(&device.keys, &mut |_, _| Ok(())), place) {
            Ok(_) => self.outside().counts.one("renewals"),
            Err(error) => self.outside().note(&error.to_string()),
        }
    }

    /// A log of its own, as a version would begin it that knows more kinds of items, or writes another form altogether.
    fn write_as_newer(&mut self, who: usize, place: usize, random: &mut Seeded) {
        // As in any pass, what the roster says goes before what is sealed under it.
        if self.devices[who].notebook().notebook_tag().unwrap().is_none() || self.pass(who, place).is_err() {
            return;
        }
        let device = &self.devices[who];
        let Ok(Some(member)) = device.notebook().member(&device.keys) else { return };
        let Some(epoch) = member.write_epoch().filter(|_| self.is_member(who)) else { return };
        let mut log = [0; 16];
        random.fill(&mut log);
        let min_reader = READER + random.below(2) as u64;
        // A map of one item kind that does not exist yet.
        let items = if min_reader == READER { vec![Item::Unknown(vec![0xa1, 0x00, 0x18, 0x4d])] } else { Vec::new() };
        let app_version = if min_reader == READER { "9".into() } else { String::new() };
        let text = Plaintext { min_reader, device: member.device(), log, app_version, items, ..Plaintext::default() };
        let bytes = segment::seal(&text, &epoch, member.keys().signing_key(), 1, &mut |bytes| random.fill(bytes));
        let bytes = bytes.unwrap();
        let name = Name::of_segment(&Header::read(&bytes).unwrap(), &bytes, 0).to_string();
        if device.view(&self.shared, place).put_new(&name, &bytes).is_ok() {
            self.outside().counts.one("segments of a newer version");
        }
    }

    fn harm(&mut self, who: usize, place: usize, harm: Harm, random: &mut Seeded) {
        let mut outside = self.outside();
        let times = 1 + random.below(3);
        for _ in 0..times {
            if outside.harm(place, who, harm, random) {
                outside.counts.one(harm.word());
            }
        }
    }
}
