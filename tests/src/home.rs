//! Where a story takes place: a folder that is gone afterwards, devices in it, and a folder that they share.

use std::path::{Path, PathBuf};

use crate::{Device, quick_folder};

/// A folder for devices, and one they share.
pub struct Home {
    /// What goes when the story is over.
    pub folder: tempfile::TempDir,
    /// Where the devices meet.
    pub shared: PathBuf,
}

impl Home {
    /// An empty one.
    #[allow(clippy::new_without_default)] // makes folders
    pub fn new() -> Self {
        let folder = quick_folder();
        let shared = folder.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        Self { folder, shared }
    }

    /// A device with a notebook of its own.
    pub fn device(&self, name: &str, seed: u64) -> Device {
        Device::new(self.folder.path(), name, seed)
    }

    /// Two devices of one notebook, of which the second has not synced since it was let in.
    pub fn two(&self) -> (Device, Device) {
        let (phone, laptop) = (self.device("phone", 1), self.device("laptop", 2));
        phone.lets_in(&laptop, &self.shared);
        (phone, laptop)
    }

    /// Devices of one notebook, let in by the first, that have heard of each other.
    pub fn devices<const N: usize>(&self, names: [&str; N]) -> [Device; N] {
        let mut seed = 0;
        let devices = names.map(|name| {
            seed += 1;
            self.device(name, seed)
        });
        devices[1..].iter().for_each(|device| devices[0].lets_in(device, &self.shared));
        self.meet(&devices.each_ref());
        devices
    }

    /// Another folder, where only some of them meet.
    pub fn elsewhere(&self) -> PathBuf {
        let elsewhere = self.folder.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        elsewhere
    }

    /// Everybody syncs, until everybody has heard of everybody.
    pub fn meet(&self, devices: &[&Device]) {
        for _ in 0..3 {
            devices.iter().for_each(|device| drop(device.pass(&self.shared).unwrap()));
        }
    }

    /// Everybody syncs, until nobody has anything new.
    pub fn rest(&self, devices: &[&Device]) {
        rest(devices, &self.shared);
    }
}

/// The same in any folder.
pub fn rest(devices: &[&Device], folder: &Path) {
    for _ in 0..8 {
        let busy = devices.iter().map(|device| device.pass(folder).unwrap());
        if busy.map(|report| report.written + report.read + report.sent + report.forgotten).sum::<u64>() == 0 {
            return;
        }
    }
    panic!("they do not come to rest");
}
