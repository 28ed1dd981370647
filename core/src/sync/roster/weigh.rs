//! How the roster is read from its entries: which count, in the steps that the beginning of `roster` lists.

use std::collections::{BTreeMap, BTreeSet};

use super::entries::{Entries, in_order};
use super::entry::{Act, Entry};
use super::{CutOff, Device, Epoch, Purge, Recovery, Removed, Renewal, Roster, VoidAdd};
use crate::sync::keys::{DeviceId, EntryHash};

/// Reads a set of entries, as the beginning of this file says.
pub fn evaluate(entries: &Entries) -> Roster {
    weigh(entries).1
}

/// The same, with the order of the entries and what is before what.
pub(super) fn weigh(entries: &Entries) -> (Weighing<'_>, Roster) {
    #[cfg(test)]
    WEIGHED.with(|count| count.set(count.get() + 1));
    let mut weighing = Weighing::new(entries);
    let counting = weighing.decide();
    let roster = weighing.roster(&counting);
    (weighing, roster)
}

#[cfg(test)]
thread_local! {
    /// How often a set was read.
    pub(super) static WEIGHED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The work of [`evaluate`]. Entries are named by their place in the order.
pub(super) struct Weighing<'a> {
    pub(super) list: Vec<&'a Entry>,
    /// For each entry, a bit for each that is before it.
    past: Vec<Vec<u64>>,
    /// What a decided removal took away.
    struck: Vec<bool>,
    /// The removals that were decided.
    pub(super) decided: BTreeSet<usize>,
    /// Those of them that took another away.
    overruling: BTreeSet<usize>,
    trusted_recovery: Option<EntryHash>,
}

/// What counts, as long as no other removal is decided.
#[derive(Default)]
pub(super) struct Counting {
    pub(super) counts: Vec<bool>,
    /// For each device the counting entries that let it in.
    pub(super) added: BTreeMap<DeviceId, Vec<usize>>,
    /// The entries that set the recovery key, each replacing the one before it.
    pub(super) recovery: Vec<usize>,
    contested: Vec<usize>,
}

impl<'a> Weighing<'a> {
    pub(super) fn new(entries: &'a Entries) -> Self {
        let list = in_order(&entries.list);
        let place: BTreeMap<EntryHash, usize> = list.iter().enumerate().map(|(at, entry)| (entry.hash, at)).collect();
        let mut past: Vec<Vec<u64>> = Vec::with_capacity(list.len());
        for entry in &list {
            let mut bits = vec![0_u64; list.len().div_ceil(64)];
            for parent in entry.parents.iter().filter_map(|parent| place.get(parent)) {
                bits.iter_mut().zip(&past[*parent]).for_each(|(bits, before)| *bits |= before);
                bits[parent / 64] |= 1 << (parent % 64);
            }
            past.push(bits);
        }
        let struck = vec![false; list.len()];
        Self {
            list,
            past,
            struck,
            decided: BTreeSet::new(),
            overruling: BTreeSet::new(),
            trusted_recovery: entries.trusted_recovery,
        }
    }

    pub(super) fn is_before(&self, a: usize, b: usize) -> bool {
        self.past[b][a / 64] >> (a % 64) & 1 == 1
    }

    /// Decides the removals, one after another.
    pub(super) fn decide(&mut self) -> Counting {
        let mut counting = self.count();
        while let Some(removal) = self.next_removal(&counting) {
            self.decided.insert(removal);
            if self.strike(removal) {
                counting = self.count();
            }
        }
        counting
    }

    /// The removal to be decided next: that of the highest authority of those that need not wait.
    fn next_removal(&self, counting: &Counting) -> Option<usize> {
        let mut open: Vec<usize> = (0..self.list.len())
            .filter(|at| counting.counts[*at] && self.target(*at).is_some() && !self.decided.contains(at))
            .collect();
        open.sort_by_key(|at| {
            let entry = self.list[*at];
            let age = counting.added.get(&entry.author).and_then(|added| added.first()).copied();
            (!entry.by_recovery, age, *at)
        });
        let waits = |at: usize| {
            let entry = self.list[at];
            !entry.by_recovery
                && open.iter().any(|other| {
                    *other != at && self.target(*other) == Some(entry.author) && self.is_before(*other, at)
                })
        };
        open.iter().copied().find(|at| !waits(*at))
    }

    pub(super) fn target(&self, at: usize) -> Option<DeviceId> {
        match &self.list[at].act {
            Act::Revoke { device, .. } => Some(*device),
            _ => None,
        }
    }

    /// Takes away what the removed device wrote and the removal did not follow; says whether there was anything. What
    /// was decided stays decided, even if it was that device's.
    fn strike(&mut self, removal: usize) -> bool {
        let target = self.target(removal);
        let mut any = false;
        for at in 0..self.list.len() {
            let entry = self.list[at];
            let is_theirs = !entry.by_recovery && Some(entry.author) == target;
            if is_theirs && !self.is_before(at, removal) && !self.struck[at] {
                self.struck[at] = true;
                any = true;
                if self.target(at).is_some() && !self.decided.contains(&at) {
                    self.overruling.insert(removal);
                }
            }
        }
        any
    }

    /// What counts now. The recovery key is found first, among what devices wrote on their own: whatever it signed
    /// follows the entry that set it.
    fn count(&self) -> Counting {
        let mut first = Counting::default();
        let mut setters: Vec<usize> = Vec::new();
        for at in 0..self.list.len() {
            let counts = !self.list[at].by_recovery && self.is_by_a_device(at, &first);
            self.note(at, counts, &mut first);
            let sets = counts && matches!(self.list[at].act, Act::SetRecovery { .. });
            if sets && !setters.iter().any(|earlier| self.is_before(*earlier, at)) {
                setters.push(at);
            }
        }
        let recovery = self.recovery(&setters, &first);

        let mut counting = Counting::default();
        for at in 0..self.list.len() {
            let entry = self.list[at];
            let counts = match entry.act {
                Act::SetRecovery { .. } => recovery.contains(&at),
                _ if entry.by_recovery => self.is_by_recovery(at, &recovery),
                _ => self.is_by_a_device(at, &counting),
            };
            self.note(at, counts, &mut counting);
        }
        counting.contested = setters.into_iter().filter(|at| !recovery.contains(at)).collect();
        counting.recovery = recovery;
        counting
    }

    fn note(&self, at: usize, counts: bool, counting: &mut Counting) {
        counting.counts.push(counts);
        if let Some((device, _)) = self.list[at].act.adds().filter(|_| counts) {
            counting.added.entry(device.device).or_default().push(at);
        }
    }

    fn is_by_a_device(&self, at: usize, counting: &Counting) -> bool {
        let entry = self.list[at];
        let mut added = counting.added.get(&entry.author).into_iter().flatten();
        !self.struck[at] && (entry.parents.is_empty() || added.any(|added| self.is_before(*added, at)))
    }

    /// The recovery key that was set first, and those that replaced it. Of several set at the same time the one this
    /// device saw first, else the one of the eldest device.
    fn recovery(&self, setters: &[usize], counting: &Counting) -> Vec<usize> {
        let age = |at: &usize| counting.added.get(&self.list[*at].author).and_then(|added| added.first()).copied();
        let seen = |at: &&usize| Some(self.list[**at].hash) == self.trusted_recovery;
        let first = setters.iter().find(seen).or_else(|| setters.iter().min_by_key(|at| (age(at), **at)));
        let mut chain: Vec<usize> = first.into_iter().copied().collect();
        while let Some(last) = chain.last().copied() {
            let replaces = |at: &usize| {
                let entry = self.list[*at];
                entry.by_recovery
                    && matches!(entry.act, Act::SetRecovery { .. })
                    && self.is_signed_by(*at, last)
                    && self.is_before(last, *at)
            };
            match (last + 1..self.list.len()).find(replaces) {
                Some(next) => chain.push(next),
                None => break,
            }
        }
        chain
    }

    /// Whether the recovery key set by `set` signed this.
    fn is_signed_by(&self, at: usize, set: usize) -> bool {
        matches!(&self.list[set].act, Act::SetRecovery { sign, .. } if *sign == self.list[at].author.0)
    }

    fn is_by_recovery(&self, at: usize, recovery: &[usize]) -> bool {
        recovery.iter().enumerate().any(|(place, set)| {
            let replaced = recovery.get(place + 1);
            self.is_signed_by(at, *set)
                && self.is_before(*set, at)
                && replaced.is_none_or(|replaced| self.is_before(at, *replaced))
        })
    }

    fn roster(&self, counting: &Counting) -> Roster {
        let removed = self.removed(counting);
        let is_removed = |device: &DeviceId| removed.iter().any(|removed| removed.device == *device);
        let mut devices: Vec<(usize, Device)> = counting
            .added
            .iter()
            .filter(|(device, _)| !is_removed(device))
            .filter_map(|(_, added)| added.first())
            .filter_map(|at| Some((*at, self.device(*at, counting)?)))
            .collect();
        devices.sort_by_key(|(at, _)| *at);
        let epochs: Vec<usize> = (0..self.list.len()).filter(|at| self.list[*at].act.opens().is_some()).collect();
        let belong: Vec<(usize, DeviceId)> = devices.iter().map(|(at, device)| (*at, device.public.device)).collect();
        let renewals: Vec<(usize, Renewal)> =
            self.counting(counting).filter_map(|at| Some((at, self.renewal(at, counting, &belong)?))).collect();
        Roster {
            superseded: self.superseded(&epochs, counting, &renewals),
            void: self.void(counting, is_removed),
            write_under: self.write_under(&epochs, counting, &removed),
            epochs: epochs.iter().filter_map(|at| self.epoch(*at, counting)).collect(),
            recovery: self.last_recovery(counting),
            contested_recovery: counting.contested.iter().map(|at| self.list[*at].hash).collect(),
            purges: self.counting(counting).filter_map(|at| self.purge(at)).collect(),
            renewals: renewals.into_iter().map(|(_, renewal)| renewal).collect(),
            disputed: self.disputed(),
            needs_update: self.list.iter().any(|entry| matches!(entry.act, Act::Unknown { .. })),
            devices: devices.into_iter().map(|(_, device)| device).collect(),
            removed,
        }
    }

    fn last_recovery(&self, counting: &Counting) -> Option<Recovery> {
        let [first, last] = [counting.recovery.first()?, counting.recovery.last()?].map(|at| self.list[*at]);
        match last.act {
            Act::SetRecovery { sign, hpke, .. } => {
                Some(Recovery { entry: last.hash, sign, hpke, made_by: first.author })
            }
            _ => None,
        }
    }

    fn counting<'b>(&'b self, counting: &'b Counting) -> impl Iterator<Item = usize> + 'b {
        (0..self.list.len()).filter(|at| counting.counts[*at])
    }

    /// The device that this entry let in, with the HPKE key it has now.
    fn device(&self, at: usize, counting: &Counting) -> Option<Device> {
        let entry = self.list[at];
        let (public, name) = entry.act.adds()?;
        let renewed = self.counting(counting).filter_map(|at| match self.list[at].act {
            Act::Rekey { hpke } if self.list[at].author == public.device => Some(hpke),
            _ => None,
        });
        Some(Device {
            hpke: renewed.last().unwrap_or(public.hpke),
            public: public.clone(),
            name: name.into(),
            added: entry.hash,
        })
    }

    fn removed(&self, counting: &Counting) -> Vec<Removed> {
        let mut removed: BTreeMap<DeviceId, Removed> = BTreeMap::new();
        for at in &self.decided {
            let Act::Revoke { device, cuts } = &self.list[*at].act else {
                continue;
            };
            let there = removed.entry(*device).or_insert_with(|| Removed {
                device: *device,
                name: self.names(device).next().map(|(_, name)| name.into()),
                revokes: Vec::new(),
                by_recovery: false,
                hpke: self.last_hpke(device),
                may_read: Vec::new(),
                cut_off: CutOff::default(),
            });
            there.revokes.push(self.list[*at].hash);
            there.by_recovery |= self.list[*at].by_recovery;
            let before = self.epochs_before(*at, device);
            there
                .may_read
                .extend(before.into_iter().filter(|epoch| !there.may_read.contains(epoch)).collect::<Vec<_>>());
            there.cut_off.extend(cuts);
        }
        self.add_held(counting, &mut removed);
        removed.into_values().collect()
    }

    /// The HPKE key that a removed device said last, whether that counts or not: it may have forgotten those before.
    fn last_hpke(&self, device: &DeviceId) -> Option<[u8; 32]> {
        self.list.iter().rev().find_map(|entry| match (&entry.act, entry.act.adds()) {
            (Act::Rekey { hpke }, _) if entry.author == *device => Some(*hpke),
            (_, Some((public, _))) if public.device == *device => Some(public.hpke),
            _ => None,
        })
    }

    /// The epochs that were opened before this removal, and not after another of the same device.
    fn epochs_before(&self, removal: usize, device: &DeviceId) -> Vec<EntryHash> {
        let is_one = |at: &usize| self.list[*at].act.opens().is_some() && !self.is_removed_before(device, *at);
        let before = (0..self.list.len()).filter(|at| self.is_before(*at, removal));
        before.filter(is_one).map(|at| self.list[at].hash).collect()
    }

    /// The epochs that were opened before a removal that took another away.
    fn disputed(&self) -> Vec<EntryHash> {
        let is_before_one = |at: &usize| self.overruling.iter().any(|removal| self.is_before(*at, *removal));
        let epochs = (0..self.list.len()).filter(|at| self.list[*at].act.opens().is_some());
        epochs.filter(is_before_one).map(|at| self.list[at].hash).collect()
    }

    /// What devices had when they learned of a removal: of each device one word for each removal, its first.
    fn add_held(&self, counting: &Counting, removed: &mut BTreeMap<DeviceId, Removed>) {
        let mut said = BTreeSet::new();
        for at in self.counting(counting) {
            let Act::Held { revoke, cuts } = &self.list[at].act else {
                continue;
            };
            let of = self.decided.iter().find(|of| self.list[**of].hash == *revoke);
            let there = of.and_then(|of| self.target(*of)).and_then(|device| removed.get_mut(&device));
            if let Some(there) = there.filter(|_| said.insert((self.list[at].author, *revoke))) {
                there.cut_off.extend(cuts);
            }
        }
    }

    /// The entries that ever let this device in, whether they count or not.
    fn names<'b>(&'b self, device: &'b DeviceId) -> impl Iterator<Item = (usize, &'b str)> + 'b {
        self.list.iter().enumerate().filter_map(move |(at, entry)| {
            entry.act.adds().filter(|(public, _)| public.device == *device).map(|(_, name)| (at, name))
        })
    }

    fn void(&self, counting: &Counting, is_removed: impl Fn(&DeviceId) -> bool) -> Vec<VoidAdd> {
        let mut shown = BTreeSet::new();
        let void = self.list.iter().filter_map(|entry| {
            let (public, name) = entry.act.adds()?;
            let is_void = !counting.added.contains_key(&public.device) && !is_removed(&public.device);
            (is_void && shown.insert(public.device)).then(|| VoidAdd {
                entry: entry.hash,
                by: entry.author,
                public: public.clone(),
                name: name.into(),
                may_read: self.epochs_beside_removals(&public.device),
            })
        });
        void.collect()
    }

    /// The epochs that follow no removal of this device, whether it counts or not.
    fn epochs_beside_removals(&self, device: &DeviceId) -> Vec<EntryHash> {
        let removals: Vec<usize> = (0..self.list.len()).filter(|at| self.target(*at) == Some(*device)).collect();
        let epochs = (0..self.list.len()).filter(|at| self.list[*at].act.opens().is_some());
        let beside = epochs.filter(|at| !removals.iter().any(|removal| self.is_before(*removal, *at)));
        beside.map(|at| self.list[at].hash).collect()
    }

    fn epoch(&self, at: usize, counting: &Counting) -> Option<Epoch> {
        let entry = self.list[at];
        let is_member = |device: &&DeviceId| !self.is_removed_before(device, at);
        Some(Epoch {
            entry: entry.hash,
            check: entry.act.opens()?,
            members: counting.added.keys().filter(is_member).copied().collect(),
        })
    }

    fn is_removed_before(&self, device: &DeviceId, at: usize) -> bool {
        self.decided.iter().any(|removal| self.target(*removal) == Some(*device) && self.is_before(*removal, at))
    }

    /// An epoch that was opened without knowing of a removal may be known to the removed device, or be told to it: only
    /// one that follows all removals is written under.
    fn write_under(&self, epochs: &[usize], counting: &Counting, removed: &[Removed]) -> Vec<EntryHash> {
        let is_safe = |at: &&usize| {
            // Who was never let in never had a key.
            let mut once_in = removed.iter().filter(|removed| removed.name.is_some());
            counting.counts[**at] && once_in.all(|removed| self.is_removed_before(&removed.device, **at))
        };
        let safe: Vec<usize> = epochs.iter().filter(is_safe).copied().collect();
        let followed = |at: usize| safe.iter().any(|later| self.is_before(at, *later));
        let mut best: Vec<(bool, EntryHash)> = safe.iter().map(|at| (followed(*at), self.list[*at].hash)).collect();
        best.sort_unstable();
        best.into_iter().map(|(_, hash)| hash).collect()
    }

    /// `belong` are the devices of the notebook, each with the entry that added it.
    fn renewal(&self, at: usize, counting: &Counting, belong: &[(usize, DeviceId)]) -> Option<Renewal> {
        let Act::Renew { covers, base } = &self.list[at].act else { return None };
        let entry = self.list[at].hash;
        let says = |at: &usize| matches!(self.list[*at].act, Act::Renewed { renewal } if renewal == entry);
        let said: Vec<(usize, DeviceId)> =
            self.counting(counting).filter(says).map(|at| (at, self.list[at].author)).collect();
        let renews = |later: &usize| matches!(self.list[*later].act, Act::Rekey { .. }) && self.is_before(at, *later);
        Some(Renewal {
            entry,
            covers: covers.clone(),
            base: base.clone(),
            awaits: self.awaits(at, &said, belong),
            rekeyed: self.counting(counting).filter(renews).map(|at| self.list[at].author).collect(),
            done: said.into_iter().map(|(_, device)| device).collect(),
        })
    }

    /// Who has to do a renewal: not who was let in when those that were there before had all said that they did.
    fn awaits(&self, renew: usize, said: &[(usize, DeviceId)], belong: &[(usize, DeviceId)]) -> Vec<DeviceId> {
        let mut awaits: Vec<(usize, DeviceId)> = Vec::new();
        for (added, device) in belong {
            let had_said = |other: &DeviceId| said.iter().any(|(at, by)| by == other && self.is_before(*at, *added));
            let mut before = awaits.iter().filter(|(at, _)| self.is_before(*at, *added));
            let was_over = self.is_before(renew, *added) && before.all(|(_, other)| had_said(other));
            if !was_over {
                awaits.push((*added, *device));
            }
        }
        awaits.into_iter().map(|(_, device)| device).collect()
    }

    /// The epochs before one that counts and that is itself before a renewal all have done.
    fn superseded(&self, epochs: &[usize], counting: &Counting, renewals: &[(usize, Renewal)]) -> BTreeSet<EntryHash> {
        let done: Vec<usize> = renewals.iter().filter(|(_, renewal)| renewal.is_done()).map(|(at, _)| *at).collect();
        let is_later = |at: &&usize| counting.counts[**at] && done.iter().any(|renew| self.is_before(**at, *renew));
        let later: Vec<usize> = epochs.iter().filter(is_later).copied().collect();
        let mut past = vec![0_u64; self.list.len().div_ceil(64)];
        later.iter().for_each(|at| past.iter_mut().zip(&self.past[*at]).for_each(|(bits, before)| *bits |= before));
        epochs.iter().filter(|at| past[**at / 64] >> (**at % 64) & 1 == 1).map(|at| self.list[*at].hash).collect()
    }

    fn purge(&self, at: usize) -> Option<Purge> {
        let entry = self.list[at];
        match &entry.act {
            Act::Purge { records, successor } => {
                Some(Purge { entry: entry.hash, by: entry.author, records: records.clone(), successor: *successor })
            }
            _ => None,
        }
    }
}
