//! Living through a story: the devices of a world, one event after another, and the rest after the faults have stopped.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use kith_core::Error;
use kith_core::model::{Kind, RecordId};
use kith_core::notebook::{Joining, SyncReport};
use kith_core::sync::keys::RecoveryKit;

use super::device::Device;
use super::drive::Place;
use super::outside::{Outside, Shared};
use super::story::Story;
use super::{Ended, check};
use crate::seeds::words_of;
use crate::{Seeded, quick_folder};

/// Most rounds of passes until everything is quiet, for one place; each further place is a way that news have to go.
const MOST_ROUNDS: usize = 6;

/// What somebody wrote and was told that it is kept.
pub struct Kept {
    /// Which record.
    pub record: RecordId,
    /// What stands in it.
    pub words: String,
    /// The device it was written on.
    pub by: usize,
    /// What becomes of the words if the record is deleted for good.
    pub afterwards: Afterwards,
}

/// What becomes of words whose record is deleted for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// Nobody may find them any more.
    Gone,
    /// They stand in what takes its place. Nothing else deletes the record.
    Elsewhere,
    /// Who wrote it anew may not have known them.
    Unsure,
}

/// Devices, the places where they meet, and what is known of both.
pub struct World {
    /// Everything outside of the notebooks.
    pub shared: Shared,
    /// The devices.
    pub devices: Vec<Device>,
    /// What was written.
    pub kept: Vec<Kept>,
    /// Records that are edited now and then.
    pub records: Vec<(Kind, RecordId)>,
    /// People who may be deleted for good.
    pub people: Vec<RecordId>,
    /// Notes with a word in them that may be taken out.
    pub secrets: Vec<RecordId>,
    /// The recovery key, on paper.
    pub paper: Option<RecoveryKit>,
    /// The folder of everything.
    pub folder: tempfile::TempDir,
    /// How many events there were.
    pub now: usize,
    seconds: i64,
}

impl World {
    /// The devices of a story, each let in by one before it, before anything goes wrong.
    pub fn new(story: &Story, shared: &Shared) -> Self {
        let (shared, folder) = (shared.clone(), quick_folder());
        let mut random = Seeded(story.seed);
        shared.lock().places = story.places.iter().map(|place| Place::new(place.is_carried)).collect();
        let devices = (0..story.devices).map(|at| Device::new(&shared, folder.path(), at, random.number())).collect();
        let mut world = Self {
            shared,
            devices,
            kept: Vec::new(),
            records: Vec::new(),
            people: Vec::new(),
            secrets: Vec::new(),
            paper: None,
            folder,
            now: 0,
            seconds: 0,
        };
        for (place, there) in story.places.iter().enumerate() {
            there.devices.iter().for_each(|device| world.enter(*device, place));
        }
        world.pass(0, 0).unwrap();
        for guest in 1..story.devices {
            let place = world.devices[guest].places[0];
            let host = world.devices.iter().find(|host| host.places.contains(&place)).map_or(0, |host| host.at);
            world.pair(host, guest, place).unwrap();
        }
        world.devices.iter_mut().for_each(Device::back_up);
        world
    }

    /// Everything that happens, and what must hold afterwards.
    pub fn live(mut self, story: &Story) -> Ended {
        for event in &story.events {
            self.now += 1;
            self.pass_time(event.seed);
            self.outside().note(&event.to_string());
            self.happen(event);
        }
        self.stop_faults();
        let before = check::Before::look(&self);
        let rounds = self.rest();
        check::check(&mut self, &before);
        let outside = self.outside();
        Ended { counts: outside.counts.clone(), rounds, trace: outside.traced() }
    }

    /// Everything outside of the notebooks.
    pub fn outside(&self) -> std::sync::MutexGuard<'_, Outside> {
        self.shared.lock()
    }

    fn pass_time(&mut self, seed: u64) {
        self.seconds += (seed % 4000) as i64;
        self.devices.iter().for_each(|device| device.set_clock(self.seconds));
        let now = self.now;
        for place in &mut self.outside().places {
            if place.dark_until <= now {
                place.dark_until = 0;
            }
        }
    }

    /// Lets a device see a place.
    pub fn enter(&mut self, device: usize, place: usize) {
        self.outside().enter(place, device);
        self.devices[device].places.push(place);
    }

    /// One pass of a device through a place. A kill in the middle of it ends the process, which begins anew.
    pub fn pass(&mut self, device: usize, place: usize) -> Result<SyncReport, Error> {
        let done =
            self.risk(device, |device, view| device.notebook().sync(view, &device.keys, &mut |_, _| Ok(())), place);
        let told = match &done {
            Ok(report) => format!("{report:?}"),
            Err(error) => error.to_string(),
        };
        self.outside().note(&told);
        if let Ok(report) = &done {
            assert!(report.refused.is_empty(), "device {device} refuses changes of another: {:?}", report.refused);
            self.outside().counts.one("passes");
            self.outside().counts.more("logs begun anew", report.new_log.into());
        }
        done
    }

    /// Does what may kill the process: then the device is as after a kill.
    pub fn risk<T>(
        &mut self,
        device: usize,
        what: impl FnOnce(&Device, &super::drive::View) -> Result<T, Error>,
        place: usize,
    ) -> Result<T, Error> {
        let view = self.devices[device].view(&self.shared, place);
        let done = catch_unwind(AssertUnwindSafe(|| what(&self.devices[device], &view)));
        self.outside().fuses.remove(&device);
        done.unwrap_or_else(|panic| {
            self.died(device, panic.as_ref());
            Err(Error::Unreachable("killed".into()))
        })
    }

    /// A process that ended in the middle of something was killed, and begins anew; of itself none ends so.
    pub fn died(&mut self, device: usize, panic: &(dyn Any + Send)) {
        let words = words_of(panic);
        assert!(words == "killed", "device {device} panics: {words}");
        self.devices[device].killed();
    }

    /// The host lets the guest in, through a place that both see.
    pub fn pair(&mut self, host: usize, guest: usize, place: usize) -> Result<(), Error> {
        self.outside().deliver_all(place);
        let code = self.risk(host, |host, view| host.notebook().invite(view, &host.keys), place)?;
        self.outside().deliver_all(place);
        let asks = |guest: &Device, view: &super::drive::View| guest.notebook().join(view, &guest.keys, Some(&code));
        assert_eq!(self.risk(guest, asks, place)?, Joining::Knocked, "nobody shows digits alone");
        self.outside().deliver_all(place);
        self.risk(host, |host, view| host.notebook().request_to_join(view, &host.keys), place)?;
        self.outside().deliver_all(place);
        let asked = self.risk(guest, asks, place)?;
        self.outside().deliver_all(place);
        let request = self.risk(host, |host, view| host.notebook().request_to_join(view, &host.keys), place)?;
        let request = request.ok_or_else(|| Error::NotFound("the request".into()))?;
        assert_eq!(asked, Joining::Asked { digits: request.digits.clone() }, "both show the same digits");
        self.risk(host, |host, view| host.notebook().admit(view, &host.keys, &request), place)?;
        self.outside().deliver_all(place);
        self.risk(guest, |guest, view| guest.notebook().join(view, &guest.keys, None), place)?;
        self.outside().counts.one("devices let in");
        self.pass(guest, place).map(drop)
    }

    fn stop_faults(&mut self) {
        self.now = usize::MAX;
        self.pass_time(0);
        let mut outside = self.outside();
        outside.note("the faults stop");
        outside.fuses.clear();
        for place in 0..outside.places.len() {
            outside.deliver_all(place);
        }
    }

    /// Everything arrives and everybody syncs, until nothing is new to anybody; who was turned out without being removed,
    /// or never came in, is let in by whoever is there. Returns how many rounds it took.
    fn rest(&mut self) -> usize {
        let most = MOST_ROUNDS * self.outside().places.len();
        for round in 0..most {
            let mut busy = false;
            for device in 0..self.devices.len() {
                for place in self.devices[device].places.clone() {
                    busy |= self.outside().deliver_all(place);
                    busy |= self.pass_in_peace(device, place);
                }
            }
            if !busy {
                return round;
            }
        }
        panic!("the devices do not come to rest within {most} rounds");
    }

    /// Whether anything was new.
    fn pass_in_peace(&mut self, device: usize, place: usize) -> bool {
        if self.devices[device].notebook().notebook_tag().unwrap().is_none() {
            return self.let_in_again(device, place);
        }
        match self.pass(device, place) {
            Ok(_) if self.keep_those_in_doubt(device) | self.agree(device) => true,
            Ok(report) => report.read + report.sent + report.written > 0 || report.new_log,
            Err(error) if check::is_turned_out(&error) => self.let_in_again(device, place),
            Err(Error::Removed(_)) => false,
            Err(error) => panic!("device {device} cannot sync in peace: {error:?}"),
        }
    }

    /// The person wants all of them.
    fn keep_those_in_doubt(&mut self, device: usize) -> bool {
        let device = &self.devices[device];
        let rows = device.notebook().devices_in_doubt(&device.keys).unwrap();
        rows.iter().for_each(|row| device.notebook().keep_device(&device.keys, &row.id).unwrap());
        self.outside().counts.more("devices kept", rows.len() as u64);
        !rows.is_empty()
    }

    fn let_in_again(&mut self, guest: usize, place: usize) -> bool {
        let hosts: Vec<usize> = (0..self.devices.len())
            .filter(|host| *host != guest && self.devices[*host].places.contains(&place))
            .filter(|host| self.is_member(*host))
            .collect();
        let Some(host) = hosts.first() else { return false };
        if self.pass(*host, place).is_err() {
            return true;
        }
        match self.pair(*host, guest, place) {
            Ok(()) => {}
            // One of the two hears only now that the host was removed; there may be another.
            Err(Error::Foreign(_) | Error::Removed(_)) => {}
            Err(error) => panic!("{host} cannot let {guest} in: {error:?}"),
        }
        true
    }

    /// Whether a device belongs to the notebook, as far as it knows.
    pub fn is_member(&self, device: usize) -> bool {
        let device = &self.devices[device];
        let member = device.notebook().member(&device.keys);
        matches!(member, Ok(Some(member)) if member.roster().device(&member.device()).is_some())
    }
}
