//! What the roster promises, told as small stories, and then for any story at all.

#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use proptest::prelude::*;

use super::entry::{AUTHOR, KIND, MADE_AT, PARENTS, PURPOSE};
use super::weigh::{WEIGHED, Weighing};
use super::*;
use crate::sync::cbor::Map;
use crate::sync::keys::{DeviceKeys, EpochKeys, NotebookTag, RecoveryKit};
use crate::sync::ranges::MAX_RANGES;
use crate::sync::seal::{self, Parcel, SIGNATURE};

const NOTEBOOK: NotebookTag = NotebookTag([9; 16]);

/// Curves are slow without optimisation, and stories have many turns: keys are made once.
fn keys(number: u8) -> &'static DeviceKeys {
    static KEYS: LazyLock<Vec<DeviceKeys>> = LazyLock::new(|| {
        let keys = |number: u8| DeviceKeys::from_seeds(&Secret::new([number; 32]), &Secret::new([number ^ 0x80; 32]));
        (0..20).map(keys).collect()
    });
    &KEYS[usize::from(number)]
}

fn id(number: u8) -> DeviceId {
    keys(number).device()
}

fn root(number: u8) -> Secret {
    Secret::new([number; 32])
}

fn kit(number: u8) -> RecoveryKit {
    RecoveryKit::from_seed(root(number ^ 0x55))
}

fn add(number: u8) -> Act {
    Act::Add { device: keys(number).public(), name: format!("device {number}") }
}

fn revoke(number: u8) -> Act {
    Act::Revoke { device: id(number), cuts: Vec::new() }
}

fn rotate(number: u8) -> Act {
    Act::Rotate { check: epoch_check(&root(number)) }
}

fn renew() -> Act {
    Act::Renew { covers: Vec::new(), base: Cut { log: [1; 16], ranges: (1..=1).collect(), hash: [1; 32] } }
}

fn last_renewal(set: &Entries) -> Option<EntryHash> {
    evaluate(set).renewals.last().map(|renewal| renewal.entry)
}

fn set_recovery(number: u8) -> Act {
    Act::set_recovery(&kit(number), &begin().notebook())
}

/// A notebook whose first device is number 1.
fn begin() -> Entries {
    static FIRST: LazyLock<Entry> = LazyLock::new(|| Entry::genesis(keys(1), "device 1", &root(1), 0).unwrap());
    Entries::begin(FIRST.clone()).unwrap()
}

/// One of 1, 2 and 3, who were added in this order.
fn three() -> Entries {
    static THREE: LazyLock<Entries> = LazyLock::new(|| {
        let mut set = begin();
        set.says(1, add(2));
        set.says(1, add(3));
        set
    });
    THREE.clone()
}

impl Entries {
    fn says(&mut self, device: u8, act: Act) -> EntryHash {
        let entry = self.sign(act, keys(device).signing_key(), false, 0).unwrap();
        self.take(entry)
    }

    fn paper_says(&mut self, number: u8, act: Act) -> EntryHash {
        let entry = self.sign(act, &kit(number).signing_key(), true, 0).unwrap();
        self.take(entry)
    }

    fn take(&mut self, entry: Entry) -> EntryHash {
        let hash = entry.hash;
        assert_eq!(self.insert(entry).unwrap(), Taken::New);
        hash
    }

    fn with(&self, other: &Entries) -> Entries {
        let mut both = self.clone();
        let merged = both.merge(other.list.values().cloned());
        assert!(merged.waiting.is_empty() && merged.refused.is_empty(), "{:?}", merged.refused);
        both
    }

    fn devices(&self) -> Vec<u8> {
        let roster = evaluate(self);
        (1..20).filter(|number| roster.device(&id(*number)).is_some()).collect()
    }
}

#[test]
fn a_device_that_is_added_belongs_and_one_that_is_removed_does_not() {
    let mut set = three();
    assert_eq!(set.devices(), [1, 2, 3]);
    let by_age: Vec<String> = evaluate(&set).devices.iter().map(|device| device.name.clone()).collect();
    assert_eq!(by_age, ["device 1", "device 2", "device 3"]);
    let removal = set.says(2, revoke(3));
    assert_eq!(set.devices(), [1, 2]);
    let roster = evaluate(&set);
    let removed = roster.removed(&id(3)).unwrap();
    assert_eq!((removed.name.as_deref(), &removed.revokes[..]), (Some("device 3"), &[removal][..]));
    assert!(!removed.by_recovery);
}

#[test]
fn a_removed_device_may_still_read_what_it_was_removed_under_and_nothing_later() {
    let mut set = three();
    let mut elsewhere = set.clone();
    let first = evaluate(&set).epochs[0].entry;
    set.says(1, revoke(2));
    let second = set.says(1, rotate(2));
    // The second removal is sealed under an epoch that nobody but its author may have yet.
    set.says(1, revoke(3));
    set.says(1, rotate(3));
    // One that was opened at the same time, without hearing of it, is none of those it needs.
    elsewhere.says(3, rotate(4));
    let roster = evaluate(&set.with(&elsewhere));
    let may_read = |number: u8| roster.removed(&id(number)).unwrap().may_read.clone();
    assert_eq!((may_read(2), may_read(3)), (vec![first], vec![first, second]));
    assert_eq!(roster.removed(&id(3)).unwrap().hpke, Some(keys(3).public().hpke));
}

#[test]
fn who_was_removed_may_hear_why_what_took_that_away_does_not_count() {
    let mut set = three();
    set.says(1, add(4));
    set.says(1, add(5));
    let mut elsewhere = set.clone();
    let first = evaluate(&set).epochs[0].entry;
    set.says(5, revoke(1));
    let second = set.says(5, rotate(2));
    set.says(3, revoke(4));
    set.says(3, rotate(3));
    assert!(evaluate(&set).disputed.is_empty());
    // The first device hears of this, and thinks that it belongs, until it hears of the removal of device 4.
    elsewhere.says(4, revoke(5));
    elsewhere.says(4, rotate(4));
    assert_eq!(elsewhere.devices(), [1, 2, 3, 4]);
    let both = set.with(&elsewhere);
    assert_eq!(both.devices(), [2, 3, 5]);
    assert_eq!(evaluate(&both).disputed, [first, second]);
}

#[test]
fn two_devices_that_remove_each_other_at_once_resolve_alike_for_the_elder() {
    let (mut here, mut there) = (three(), three());
    here.says(2, revoke(3));
    there.says(3, revoke(2));
    assert_eq!(here.with(&there).devices(), [1, 2]);
    assert_eq!(evaluate(&here.with(&there)), evaluate(&there.with(&here)));
}

#[test]
fn a_younger_device_removes_an_elder_one_that_does_not_contradict() {
    let mut set = three();
    set.says(3, revoke(1));
    assert_eq!(set.devices(), [2, 3]);
    // What the elder writes once it knows does not help it.
    set.says(1, revoke(3));
    assert_eq!(set.devices(), [2, 3]);
}

#[test]
fn of_a_ring_of_removals_the_eldest_ones_stands() {
    let sets: Vec<Entries> = [(1, 2), (2, 3), (3, 1)]
        .map(|(device, target)| {
            let mut set = three();
            set.says(device, revoke(target));
            set
        })
        .into();
    let all = sets[0].with(&sets[1]).with(&sets[2]);
    // 1 removes 2, so 2's removal of 3 is struck; 3's removal of 1 then stands, and what 1 decided stays.
    assert_eq!(all.devices(), [3]);
    let other = sets[2].with(&sets[1]).with(&sets[0]);
    assert_eq!(evaluate(&all), evaluate(&other));
}

#[test]
fn a_stolen_first_device_is_removed_with_the_recovery_key() {
    let mut set = three();
    set.says(1, set_recovery(1));
    let mut stolen = set.clone();
    stolen.says(1, revoke(2));
    stolen.says(1, revoke(3));
    set.says(2, revoke(1));
    assert_eq!(set.with(&stolen).devices(), [1], "the elder wins among devices");
    set.paper_says(1, revoke(1));
    let all = set.with(&stolen);
    assert_eq!(all.devices(), [2, 3]);
    assert!(evaluate(&all).removed(&id(1)).unwrap().by_recovery);
}

#[test]
fn old_entries_and_new_ones_never_bring_a_removed_device_back() {
    let old = three();
    let mut set = old.clone();
    set.says(1, revoke(3));
    assert_eq!(set.with(&old).devices(), [1, 2]);
    // The removed device goes on writing, beside the removal and after it.
    let mut theirs = old;
    theirs.says(3, rotate(7));
    theirs.says(3, add(3));
    let mut all = set.with(&theirs);
    all.says(3, add(3));
    assert_eq!(all.devices(), [1, 2]);
    // Nor can anybody else let it in again: a device comes back as a new one.
    all.says(2, add(3));
    assert_eq!(all.devices(), [1, 2]);
    assert!(evaluate(&all).void.is_empty());
}

#[test]
fn whom_a_device_lets_in_while_it_is_removed_is_asked_about() {
    let mut set = three();
    let mut theirs = set.clone();
    set.says(1, revoke(3));
    theirs.says(3, add(4));
    theirs.says(4, add(5));
    let mut all = set.with(&theirs);
    assert_eq!(all.devices(), [1, 2]);
    let void = evaluate(&all).void;
    assert_eq!(void.iter().map(|void| void.by).collect::<BTreeSet<_>>(), [id(3), id(4)].into());
    let kept = void.iter().find(|void| void.public.device == id(4)).unwrap();
    let act = Act::Add { device: kept.public.clone(), name: kept.name.clone() };
    all.says(2, act);
    assert_eq!(all.devices(), [1, 2, 4]);
    assert_eq!(evaluate(&all).void.len(), 1, "and 4 has not let 5 in again");
    // One that was let in before the removal, and known to it, stays.
    let mut set = three();
    set.says(3, add(4));
    set.says(1, revoke(3));
    assert_eq!(set.devices(), [1, 2, 4]);
}

#[test]
fn the_recovery_key_that_was_set_first_holds_and_only_it_names_another() {
    let mut set = three();
    let first = set.says(3, set_recovery(1));
    set.says(1, set_recovery(2));
    assert_eq!(evaluate(&set).recovery.unwrap().entry, first);
    set.paper_says(2, revoke(3));
    assert_eq!(set.devices(), [1, 2, 3], "a key that does not hold removes nobody");
    let before = set.clone();
    let second = set.paper_says(1, set_recovery(3));
    assert_eq!(evaluate(&set).recovery.unwrap().entry, second);
    // The old paper has no power any more, not even beside the change.
    let mut old_paper = before;
    old_paper.paper_says(1, revoke(2));
    assert_eq!(set.with(&old_paper).devices(), [1, 2, 3]);
    set.paper_says(3, revoke(2));
    assert_eq!(set.devices(), [1, 3]);
}

#[test]
fn the_device_that_made_the_first_recovery_key_is_known_whoever_replaced_it() {
    let mut set = three();
    assert_eq!(evaluate(&set).recovery, None);
    set.says(2, set_recovery(1));
    assert_eq!(evaluate(&set).recovery.unwrap().made_by, id(2));
    set.paper_says(1, set_recovery(2));
    set.says(1, revoke(2));
    let recovery = evaluate(&set).recovery.unwrap();
    assert_eq!((recovery.sign, recovery.made_by), (kit(2).public(), id(2)));
}

#[test]
fn a_recovery_key_that_claims_to_be_as_early_does_not_displace_the_one_that_was_seen() {
    let (mut set, mut stolen) = (three(), three());
    let seen = set.says(2, set_recovery(1));
    let forged = stolen.says(1, set_recovery(2));
    let mut all = set.with(&stolen);
    let roster = evaluate(&all);
    assert_eq!((roster.recovery.unwrap().entry, roster.contested_recovery), (forged, vec![seen]));
    all.trust_recovery(seen);
    let roster = evaluate(&all);
    assert_eq!((roster.recovery.unwrap().entry, roster.contested_recovery), (seen, vec![forged]));
}

#[test]
fn when_all_devices_are_gone_the_paper_lets_a_new_one_in() {
    let mut set = three();
    set.says(1, set_recovery(1));
    for lost in [1, 2, 3] {
        set.paper_says(1, revoke(lost));
    }
    let device = keys(4).public();
    let act = Act::Recover { device, name: "device 4".into(), check: epoch_check(&root(4)) };
    let recovered = set.paper_says(1, act);
    assert_eq!(set.devices(), [4]);
    assert_eq!(evaluate(&set).write_under, [recovered]);
    set.says(4, add(5));
    assert_eq!(set.devices(), [4, 5]);
}

#[test]
fn nothing_is_written_under_a_key_that_a_removed_device_may_hold() {
    let mut set = three();
    let genesis = evaluate(&set).epochs[0].clone();
    assert_eq!(evaluate(&set).write_under, [genesis.entry]);
    assert!(genesis.accepts(&root(1)) && !genesis.accepts(&root(2)));
    let mut beside = set.clone();
    let before = set.says(2, rotate(2));
    assert_eq!(evaluate(&set).write_under, [before, genesis.entry], "one that follows another is better");
    set.says(1, revoke(3));
    assert!(evaluate(&set).write_under.is_empty());
    // Not even if the removed device itself says that there is a new one.
    let mut thief = set.clone();
    thief.says(3, rotate(9));
    assert!(evaluate(&thief).write_under.is_empty());
    let mut elsewhere = set.clone();
    let (after, also) = (set.says(1, rotate(3)), elsewhere.says(2, rotate(4)));
    let unaware = beside.says(2, rotate(5));
    let all = evaluate(&set.with(&elsewhere).with(&beside));
    let mut safe = [after, also];
    safe.sort();
    assert_eq!(all.write_under, safe, "of several the smallest hash");
    assert!(all.epoch(&unaware).unwrap().members.contains(&id(3)));
    assert!(!all.epoch(&after).unwrap().members.contains(&id(3)));
}

#[test]
fn a_device_that_rotates_again_and_again_writes_under_the_last() {
    let mut set = three();
    for number in 0..6 {
        // By chance the hash of one or two would be the smallest anyway.
        let last = set.says(1 + number % 3, rotate(number));
        assert_eq!(evaluate(&set).write_under[0], last);
    }
}

#[test]
fn a_removal_found_later_takes_an_epoch_away() {
    let mut here = three();
    let mut there = three();
    here.says(1, revoke(3));
    here.says(1, rotate(2));
    there.says(1, revoke(2));
    assert!(evaluate(&here.with(&there)).write_under.is_empty());
}

#[test]
fn a_device_renews_its_own_key_only() {
    let mut set = three();
    set.says(2, Act::Rekey { hpke: [1; 32] });
    set.says(2, Act::Rekey { hpke: [2; 32] });
    let roster = evaluate(&set);
    assert_eq!(roster.device(&id(2)).unwrap().hpke, [2; 32]);
    assert_eq!(roster.device(&id(3)).unwrap().hpke, keys(3).public().hpke);
}

#[test]
fn who_is_removed_is_told_under_the_key_it_said_last_even_beside_its_removal() {
    let mut set = three();
    set.says(3, Act::Rekey { hpke: [1; 32] });
    let mut elsewhere = set.clone();
    elsewhere.says(3, Act::Rekey { hpke: [2; 32] });
    set.says(1, revoke(3));
    assert_eq!(evaluate(&set).removed(&id(3)).unwrap().hpke, Some([1; 32]));
    assert_eq!(evaluate(&set.with(&elsewhere)).removed(&id(3)).unwrap().hpke, Some([2; 32]));
}

#[test]
fn epochs_are_left_behind_once_all_have_followed_a_renewal() {
    let mut set = three();
    let first = evaluate(&set).epochs[0].entry;
    // One that is opened elsewhere, without hearing of the renewal, is not left behind by it.
    let mut elsewhere = set.clone();
    let other = elsewhere.says(3, rotate(4));
    set.says(1, rotate(2));
    let renewal = set.says(1, renew());
    let last = |set: &Entries| evaluate(set).renewals.last().unwrap().clone();
    for device in [1, 2] {
        set.says(device, Act::Renewed { renewal });
        assert!(!last(&set).is_done() && evaluate(&set).superseded.is_empty() && !last(&set).is_due(&id(1)));
    }
    set = set.with(&elsewhere);
    let without = {
        let mut set = set.clone();
        set.says(1, revoke(3));
        set
    };
    assert!(last(&without).is_done(), "who is removed is not waited for");
    set.says(3, Act::Renewed { renewal });
    assert_eq!(evaluate(&set).superseded, BTreeSet::from([first]));
    assert_ne!(first, other);
    for device in [3, 1, 2] {
        assert!(last(&set).is_due(&id(device)) && !last(&set).is_over());
        set.says(device, Act::Rekey { hpke: [device; 32] });
        assert!(!last(&set).is_due(&id(device)));
    }
    assert!(last(&set).is_over());
}

#[test]
fn a_renewal_waits_for_who_was_let_in_before_it_was_over_and_for_nobody_later() {
    let mut set = three();
    let mut elsewhere = set.clone();
    set.says(1, rotate(2));
    let renewal = set.says(1, renew());
    set.says(1, Act::Renewed { renewal });
    set.says(2, add(4));
    set.says(2, Act::Renewed { renewal });
    set.says(3, Act::Renewed { renewal });
    elsewhere.says(2, add(5));
    let mut set = set.with(&elsewhere);
    let awaits = |set: &Entries| {
        let awaits = &evaluate(set).renewals[0].awaits;
        (1..20).filter(|number| awaits.contains(&id(*number))).collect::<Vec<u8>>()
    };
    assert_eq!(awaits(&set), [1, 2, 3, 4, 5]);
    set.says(4, Act::Renewed { renewal });
    set.says(5, Act::Renewed { renewal });
    set.says(4, add(6));
    assert_eq!(awaits(&set), [1, 2, 3, 4, 5]);
    assert!(evaluate(&set).renewals[0].is_done() && !evaluate(&set).renewals[0].is_due(&id(6)));
}

#[test]
fn what_others_had_already_taken_of_a_removed_device_counts() {
    let cut = |numbers: &[u64], hash| Cut { log: [5; 16], ranges: numbers.iter().copied().collect(), hash: [hash; 32] };
    let mut set = three();
    let removal = set.says(1, Act::Revoke { device: id(3), cuts: vec![cut(&[1, 2], 12)] });
    set.says(2, Act::Held { revoke: removal, cuts: vec![cut(&[1, 2, 3, 6], 16)] });
    set.says(2, Act::Held { revoke: removal, cuts: vec![cut(&[100], 100)] });
    set.says(3, Act::Held { revoke: removal, cuts: vec![cut(&[200], 200)] });
    set.says(2, Act::Held { revoke: EntryHash([1; 32]), cuts: vec![cut(&[300], 44)] });
    let roster = evaluate(&set);
    let cut_off = &roster.removed(&id(3)).unwrap().cut_off;
    assert_eq!(cut_off.ranges[&[5; 16]], [1, 2, 3, 6].into_iter().collect(), "one word each, and none of its own");
    assert_eq!(cut_off.pins, [([5; 16], 2, [12; 32]), ([5; 16], 6, [16; 32])].into());
    assert!(cut_off.contains(&[5; 16], 3) && !cut_off.contains(&[5; 16], 4) && !cut_off.contains(&[6; 16], 1));
}

#[test]
fn a_purge_counts_as_long_as_its_author_belongs() {
    let purge = |number| Act::Purge { records: vec![RecordId([number; 16])], successor: None };
    let mut set = three();
    set.says(3, purge(1));
    let mut theirs = set.clone();
    set.says(1, revoke(3));
    theirs.says(3, purge(2));
    let purges = evaluate(&set.with(&theirs)).purges;
    assert_eq!(purges.len(), 1);
    assert_eq!((purges[0].by, purges[0].records[0]), (id(3), RecordId([1; 16])));
}

#[test]
fn strangers_and_forgers_are_refused() {
    let mut set = three();
    // Nobody knows number 9; the paper was never set; a device cannot sign as the paper, nor recover.
    for entry in [
        set.sign(add(9), keys(9).signing_key(), false, 0),
        set.sign(revoke(1), &kit(1).signing_key(), true, 0),
        set.sign(revoke(1), keys(2).signing_key(), true, 0),
    ] {
        assert!(matches!(set.insert(entry.unwrap()), Err(Error::Peer(_))));
    }
    assert!(set.sign(Act::Rekey { hpke: [1; 32] }, &kit(1).signing_key(), true, 0).is_err());
    let recover = Act::Recover { device: keys(4).public(), name: String::new(), check: [0; 32] };
    assert!(set.sign(recover, keys(1).signing_key(), false, 0).is_err());
    let long = Act::Add { device: keys(4).public(), name: "x".repeat(65) };
    assert!(set.sign(long, keys(1).signing_key(), false, 0).is_err());
    let mut mixed = keys(4).public();
    mixed.device = id(2);
    assert!(set.sign(Act::Add { device: mixed, name: String::new() }, keys(1).signing_key(), false, 0).is_err());
    // Another first entry, whoever signs it.
    let other = Entry::genesis(keys(1), "device 1", &root(2), 0).unwrap();
    assert!(set.insert(other).is_err());
    assert_eq!(set.devices(), [1, 2, 3]);
}

#[test]
fn every_flipped_byte_and_every_cut_of_an_entry_is_refused() {
    let set = three();
    let entry = set.sign(add(4), keys(1).signing_key(), false, 0).unwrap();
    assert_eq!(Entry::read(entry.bytes()).unwrap(), entry);
    let epoch = EpochKeys::derive(NOTEBOOK, evaluate(&set).epochs[0].entry, &root(1)).entry_key();
    let sealed = seal_entry(&entry, &epoch, &mut |bytes: &mut [u8]| bytes.fill(3)).unwrap();
    assert_eq!(open_entry(&sealed, &epoch).unwrap(), entry);
    assert_eq!(entry_key(&sealed, &NOTEBOOK).unwrap(), Some(epoch.key_id()));
    let flip = |bytes: &[u8], at: usize| {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 0x20;
        flipped
    };
    for at in 0..entry.bytes().len() {
        assert!(Entry::read(&flip(entry.bytes(), at)).is_err(), "byte {at}");
        assert!(Entry::read(&entry.bytes()[..at]).is_err(), "cut at {at}");
    }
    for at in 0..sealed.len() {
        assert!(open_entry(&flip(&sealed, at), &epoch).is_err(), "byte {at}");
        assert!(open_entry(&sealed[..at], &epoch).is_err(), "cut at {at}");
    }
    let other = EpochKeys::derive(NOTEBOOK, evaluate(&set).epochs[0].entry, &root(2)).entry_key();
    assert!(open_entry(&sealed, &other).is_err());
}

#[test]
fn an_entry_of_a_newer_version_is_kept_passed_on_and_built_upon() {
    let mut set = three();
    // A kind of tomorrow, with a field of tomorrow, signed today.
    let mut map = Map::new();
    map.put(KIND, |writer| writer.uint(40));
    map.put(PARENTS, |writer| writer.list(set.heads().iter(), |writer, parent| writer.bytes(&parent.0)));
    map.put(AUTHOR, |writer| writer.bytes(&id(2).0));
    map.put(MADE_AT, |writer| writer.uint(0));
    map.put(99, |writer| writer.text("tomorrow"));
    let mut bytes = map.into_bytes();
    let signature = seal::sign(keys(2).signing_key(), PURPOSE, &[&bytes]);
    bytes.extend_from_slice(&signature);
    let entry = Entry::read(&bytes).unwrap();
    let hash = set.take(entry);
    assert!(evaluate(&set).needs_update);
    set.says(1, revoke(3));
    assert_eq!(set.devices(), [1, 2]);
    assert!(set.lacking(&three().heads()).iter().any(|entry| entry.hash == hash && entry.bytes() == bytes));
}

#[test]
fn what_another_lacks_is_told_by_its_heads_and_comes_in_order() {
    let old = three();
    let mut set = old.clone();
    let new = [set.says(1, revoke(3)), set.says(1, rotate(2)), set.says(2, rotate(3))];
    let lacking: Vec<EntryHash> = set.lacking(&old.heads()).iter().map(|entry| entry.hash).collect();
    assert_eq!(lacking, new);
    assert!(set.lacking(&set.heads()).is_empty());
    let unknown = [&old.heads()[..], &[EntryHash([7; 32])]].concat();
    assert_eq!(set.lacking(&unknown).len(), 3);
    // An entry whose parents are missing waits for them.
    let last = set.get(&new[2]).unwrap().clone();
    let mut behind = old.clone();
    assert_eq!(behind.insert(last.clone()).unwrap(), Taken::Waits(last.parents.clone()));
    assert_eq!(behind.merge([last]).waiting.len(), 1);
    assert_eq!(behind, old);
}

#[test]
fn one_device_cannot_fill_the_roster() {
    let mut set = begin();
    // Signed once and counted by name: signing five hundred would only make the test slow.
    let entry = set.sign(rotate(1), keys(1).signing_key(), false, 0).unwrap();
    for number in 0..MAX_BY_AUTHOR as u64 - 1 {
        let mut other = entry.clone();
        other.hash.0[..8].copy_from_slice(&number.to_be_bytes());
        assert_eq!(set.insert(other).unwrap(), Taken::New);
    }
    assert!(matches!(set.insert(entry), Err(Error::Peer(_))));
}

/// Entries of one author at once, under names that no hash gave them: signing them would only make the tests slow.
fn many(template: &Entry, names: std::ops::Range<u64>) -> Vec<Entry> {
    let named = |number: u64| {
        let mut entry = template.clone();
        entry.hash = EntryHash(blake3::hash(&number.to_be_bytes()).into());
        entry
    };
    names.map(named).collect()
}

#[test]
fn the_paper_removes_even_a_device_that_filled_the_roster_and_then_there_is_room_again() {
    let mut set = three();
    set.says(1, set_recovery(1));
    let template = set.sign(rotate(1), keys(2).signing_key(), false, 0).unwrap();
    for entry in many(&template, 0..(MAX_ENTRIES - set.len()) as u64) {
        set.list.insert(entry.hash, entry);
    }
    // Signed beforehand, on a device that has not heard of all this; and by who has.
    let mut calm = three();
    let same = set.list.values().find(|entry| matches!(entry.act, Act::SetRecovery { .. })).unwrap().clone();
    calm.take(same);
    let by_device = calm.sign(revoke(2), keys(3).signing_key(), false, 0).unwrap();
    assert!(set.insert(by_device.clone()).is_err());
    for view in [&calm, &set.clone()] {
        let by_paper = view.sign(revoke(2), &kit(1).signing_key(), true, 0).unwrap();
        assert_eq!(set.insert(by_paper).unwrap(), Taken::New);
    }
    assert_eq!(set.devices(), [1, 3]);
    let roster = evaluate(&set);
    assert_eq!(roster.at_endpoint(&keys(3).public().endpoint).unwrap().name, "device 3");
    assert!(roster.at_endpoint(&keys(2).public().endpoint).is_none());
    set.take(by_device);
    set.says(3, add(4));
    assert_eq!(set.devices(), [1, 3, 4]);
}

#[test]
fn who_makes_heads_without_end_keeps_nobody_from_saying_something_that_counts() {
    let mut set = three();
    let setter = set.says(1, set_recovery(1));
    set.says(3, rotate(3));
    // Each follows what the other two said, and all names are smaller than theirs.
    let heads = many(&set.sign(rotate(1), keys(2).signing_key(), false, 0).unwrap(), 0..300);
    for mut entry in heads {
        entry.parents = vec![setter];
        entry.hash.0[0] = 0;
        set.list.insert(entry.hash, entry);
    }
    let said = set.says(3, rotate(4));
    assert!(evaluate(&set).write_under.contains(&said));
    let parents = &set.get(&said).unwrap().parents;
    assert!(parents.len() < MAX_PARENTS / 2, "few of one author's are named");
    set.says(1, add(4));
    assert_eq!(set.devices(), [1, 2, 3, 4]);
    set.says(4, revoke(3));
    set.paper_says(1, revoke(2));
    assert_eq!(set.devices(), [1, 4]);
}

/// Entries of device 1 without end beside what it said before, all of smaller names.
fn flood_beside(set: &mut Entries, parent: EntryHash) {
    for mut entry in many(&set.sign(rotate(1), keys(1).signing_key(), false, 0).unwrap(), 0..300) {
        entry.parents = vec![parent];
        entry.hash.0[0] = 0;
        set.list.insert(entry.hash, entry);
    }
}

#[test]
fn a_removal_takes_nothing_along_that_the_removed_device_said_before_however_much_it_says_beside_that() {
    let mut set = begin();
    let phone = set.says(1, add(2));
    let mut by_add = set.clone();
    set.says(1, set_recovery(1));
    flood_beside(&mut set, phone);
    set.says(2, revoke(1));
    assert_eq!(set.devices(), [2]);
    assert!(evaluate(&set).recovery.is_some(), "the paper is worthless");

    by_add.says(1, add(3));
    flood_beside(&mut by_add, phone);
    let mut elder = by_add.clone();
    by_add.says(2, revoke(1));
    assert_eq!(by_add.devices(), [2, 3], "who was let in before stays");
    // Nor does anybody come back whom it had removed.
    elder.says(1, add(4));
    elder.says(2, Act::Rekey { hpke: [2; 32] });
    let before = elder.heads().into_iter().find(|head| elder.list[head].author == id(2)).unwrap();
    elder.says(4, revoke(3));
    for mut entry in many(&elder.sign(rotate(1), keys(4).signing_key(), false, 0).unwrap(), 300..600) {
        entry.parents = vec![before];
        entry.hash.0[0] = 0;
        elder.list.insert(entry.hash, entry);
    }
    elder.says(2, revoke(4));
    assert_eq!(elder.devices(), [1, 2]);
}

#[test]
fn who_gives_each_device_other_entries_does_not_part_them() {
    let template = three().sign(rotate(1), keys(2).signing_key(), false, 0).unwrap();
    let flood = many(&template, 0..2 * MAX_BY_AUTHOR as u64);
    let (some, others) = flood.split_at(MAX_BY_AUTHOR);
    let (mut phone, mut laptop) = (three(), three());
    phone.merge(some.to_vec());
    laptop.merge(others.to_vec());
    assert!(phone.merge(others.to_vec()).refused.len() > 1, "no more than so many are taken as they come");
    // What one of them says can be heard by the other, in whatever order it comes.
    laptop.says(3, revoke(2));
    let merged = phone.merge(laptop.list.values().rev().cloned());
    assert!(merged.waiting.is_empty());
    assert_eq!(phone.devices(), [1, 3]);
    phone.says(1, add(4));
    laptop.merge(phone.list.values().cloned());
    assert_eq!((phone.devices(), laptop.devices()), (vec![1, 3, 4], vec![1, 3, 4]));
    // Its own next word makes none of its own wanted.
    let mut chained = flood[0].clone();
    chained.hash = EntryHash([9; 32]);
    chained.parents = others.iter().map(|entry| entry.hash).take(2).collect();
    let mut alone = three();
    alone.merge(some.to_vec());
    assert_eq!(alone.merge(others.iter().cloned().chain([chained])).new, []);
}

#[test]
fn a_roster_full_of_removals_is_read_in_bounded_time() {
    let mut set = three();
    // A crowd let in by 3, each of whom removes each other and everybody, at once.
    let crowd: Vec<u8> = (4..20).collect();
    for number in &crowd {
        set.says(3, add(*number));
    }
    let template = set.sign(revoke(1), keys(1).signing_key(), false, 0).unwrap();
    let mut number = 0_u64;
    for author in &crowd {
        for _ in 0..8 {
            for target in 1..20 {
                let mut entry = template.clone();
                number += 1;
                entry.hash = EntryHash(blake3::hash(&number.to_be_bytes()).into());
                (entry.author, entry.act) = (id(*author), revoke(target));
                set.list.insert(entry.hash, entry);
            }
        }
    }
    assert!(set.len() > 2000);
    assert_eq!(evaluate(&set), evaluate(&set.clone()));
}

#[test]
fn beyond_half_of_the_room_the_list_is_read_a_few_times_and_not_once_for_each_entry() {
    let mut set = three();
    for number in 4..9 {
        set.says(1, add(number));
    }
    set.says(1, revoke(2));
    let template = set.sign(rotate(1), keys(1).signing_key(), false, 0).unwrap();
    let mut flood = many(&template, 0..2548);
    for (number, entry) in flood.iter_mut().enumerate() {
        // Of six who belong, of one who does not, and some that change who does.
        entry.author = if number < 500 { id(2) } else { id(3 + (number % 6) as u8) };
        if number % 20 == 0 {
            entry.act = if number % 40 == 0 { revoke(2) } else { add(9 + (number % 7) as u8) };
        }
    }
    let before = WEIGHED.get();
    let mut merged = set.clone();
    let taken = merged.merge(flood.iter().cloned());
    assert!(WEIGHED.get() - before < 12, "{} times", WEIGHED.get() - before);
    assert!(merged.len() > MAX_ENTRIES / 2 + 400 && taken.waiting.is_empty(), "{}", merged.len());
    flood.reverse();
    set.merge(flood);
    assert!(set == merged, "in whatever order they come");
}

#[test]
fn what_was_kept_begins_once() {
    let mut set = begin();
    set.says(1, add(2));
    let kept = |entries: Vec<Entry>| Entries::kept(entries.into_iter().map(Ok));
    let in_order: Vec<Entry> = set.lacking(&[]).into_iter().cloned().collect();
    assert_eq!(kept(in_order.clone()).unwrap(), Some(set));
    let other = Entry::genesis(keys(1), "device 1", &root(2), 0).unwrap();
    assert!(kept([in_order, vec![other]].concat()).is_err());
}

// ---- any story at all -----------------------------------------------------------------------------------------------

/// One turn of a story: who acts, what they do, and to whom.
type Turn = (u8, u8, u8);

const PEOPLE: u8 = 6;

/// Plays a story on devices that each know their own set, and now and then tell one another. A device that was removed
/// and knows it goes on writing all the same: it may be in a thief's hands. Returns what each device knows.
fn play(turns: &[Turn]) -> Vec<Entries> {
    let mut views = vec![three(); usize::from(PEOPLE) + 1];
    for (at, (who, what, whom)) in turns.iter().enumerate() {
        let (who, whom) = (who % PEOPLE + 1, whom % PEOPLE + 1);
        let act = match what % 12 {
            0 | 1 => {
                let told = views[usize::from(whom)].with(&views[usize::from(who)]);
                views[usize::from(whom)] = told;
                continue;
            }
            2 | 3 => revoke(whom),
            4 => add(whom),
            5 => rotate(at as u8),
            6 => set_recovery(who),
            7 => Act::Held { revoke: views[usize::from(who)].heads()[0], cuts: Vec::new() },
            8 => Act::Rekey { hpke: [at as u8; 32] },
            9 => renew(),
            10 => Act::Renewed { renewal: last_renewal(&views[usize::from(who)]).unwrap_or_default() },
            _ => revoke(whom),
        };
        let view = &mut views[usize::from(who)];
        let by_paper = what % 12 == 11;
        let signer = if by_paper { kit(who).signing_key() } else { keys(who).signing_key().clone() };
        if let Ok(entry) = view.sign(act, &signer, by_paper, at as u64) {
            // Those who are not let in yet, and papers that were never set, are refused.
            let _ = view.insert(entry);
        }
    }
    views
}

fn all_of(views: &[Entries]) -> Entries {
    views.iter().fold(begin(), |all, view| all.with(view))
}

fn story() -> impl Strategy<Value = Vec<Turn>> {
    prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 0..30)
}

/// What must hold of every roster, whatever the story.
fn holds(set: &Entries) {
    let roster = evaluate(set);
    let weighing = {
        let mut weighing = Weighing::new(set);
        let counting = weighing.decide();
        (weighing, counting)
    };
    let (weighing, counting) = &weighing;
    for device in &roster.devices {
        assert!(roster.removed(&device.public.device).is_none(), "in and out at once");
    }
    for (at, entry) in weighing.list.iter().enumerate() {
        let decided = |removal: &&usize| weighing.target(**removal) == Some(entry.author);
        if counting.counts[at] && !entry.by_recovery && !weighing.decided.contains(&at) {
            let mut removals = weighing.decided.iter().filter(decided);
            assert!(removals.all(|removal| weighing.is_before(at, *removal)), "written after its author was removed");
        }
        if counting.counts[at] && weighing.target(at).is_some() {
            assert!(weighing.decided.contains(&at), "a removal that counts and was not decided");
        }
    }
    for epoch in &roster.write_under {
        let members = &roster.epoch(epoch).unwrap().members;
        assert!(roster.removed.iter().all(|removed| !members.contains(&removed.device)), "a thief may read along");
    }
    if let Some(best) = roster.write_under.first() {
        assert!(!roster.superseded.contains(best), "what is written under is left behind");
    }
    // A removal is only undone by an elder: whom the first device removed stays out, if nobody removed that one.
    let first = id(1);
    if roster.removed(&first).is_none() {
        for entry in set.list.values().filter(|entry| entry.author == first && !entry.by_recovery) {
            if let Act::Revoke { device, .. } = &entry.act {
                assert!(roster.removed(device).is_some(), "somebody undid what the first device did");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_device_reads_the_same_whatever_order_entries_came_in(turns in story(), seed: u64) {
        let views = play(&turns);
        let all = all_of(&views);
        holds(&all);
        views.iter().for_each(holds);
        let mut shuffled: Vec<Entry> = all.list.values().cloned().collect();
        shuffled.sort_by_key(|entry| *blake3::keyed_hash(&[seed as u8; 32], &entry.hash.0).as_bytes());
        let expected = evaluate(&all);
        // All at once, in two parts with what waits brought again, and backwards one by one until nothing waits.
        let mut at_once = begin();
        prop_assert!(at_once.merge(shuffled.iter().cloned()).waiting.is_empty());
        prop_assert_eq!(&evaluate(&at_once), &expected);
        let (some, others) = shuffled.split_at(shuffled.len() / 2);
        let mut parts = begin();
        let waiting = parts.merge(some.iter().cloned()).waiting;
        prop_assert!(parts.merge(waiting.into_iter().chain(others.iter().cloned())).waiting.is_empty());
        prop_assert_eq!(&parts, &all);
        prop_assert_eq!(&evaluate(&parts), &expected);
        let mut back = begin();
        views.iter().rev().for_each(|view| back = back.with(view));
        prop_assert_eq!(&evaluate(&back), &expected);
    }

    #[test]
    fn telling_old_entries_again_changes_nothing(turns in story()) {
        let views = play(&turns);
        let all = all_of(&views);
        let removed = evaluate(&all).removed;
        for view in &views {
            let again = all.with(view);
            prop_assert_eq!(&again, &all);
            prop_assert_eq!(&evaluate(&again).removed, &removed);
        }
    }

    #[test]
    fn whom_the_first_device_or_the_paper_removed_nobody_younger_brings_back(turns in story()) {
        // The first device sets the paper, and then removes 2; the paper removes 3. Others play on, knowing or not.
        let mut set = three();
        set.says(1, set_recovery(1));
        let unaware = set.clone();
        set.says(1, revoke(2));
        set.paper_says(1, revoke(3));
        let quiet = |(who, what, _): &&Turn| who % PEOPLE != 0 && what % 10 != 9;
        let mut views = [unaware, set];
        for (who, what, whom) in turns.iter().filter(quiet) {
            let view = &mut views[usize::from(whom % 2)];
            let act = match what % 4 {
                0 => revoke(whom % PEOPLE + 1),
                1 => add(whom % PEOPLE + 1),
                2 => set_recovery(*who % PEOPLE + 1),
                _ => rotate(*whom),
            };
            let entry = view.sign(act, keys(who % PEOPLE + 1).signing_key(), false, 0).unwrap();
            let _ = view.insert(entry);
        }
        let roster = evaluate(&views[0].with(&views[1]));
        prop_assert!(roster.removed(&id(2)).is_some() && roster.removed(&id(3)).is_some());
        prop_assert!(roster.removed(&id(3)).unwrap().by_recovery);
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..600_usize, byte: u8) {
        prop_assert!(Entry::read(&bytes).is_err());
        let set = begin();
        let entry = set.sign(add(2), keys(1).signing_key(), false, 0).unwrap();
        let epoch = EpochKeys::derive(NOTEBOOK, entry.hash, &root(1)).entry_key();
        let head = seal::parcel_head(Parcel::Entry, &NOTEBOOK);
        prop_assert!(open_entry(&bytes, &epoch).is_err());
        prop_assert!(open_entry(&[&head[..], &bytes].concat(), &epoch).is_err());
        // Nearly right, and signed: only the form is wrong.
        let mut nearly = entry.bytes()[..entry.bytes().len() - SIGNATURE].to_vec();
        let at = at % nearly.len();
        nearly[at] = byte;
        let signature = seal::sign(keys(1).signing_key(), PURPOSE, &[&nearly]);
        nearly.extend_from_slice(&signature);
        if let Ok(entry) = Entry::read(&nearly) {
            let mut set = begin();
            let _ = set.insert(entry);
            let _ = evaluate(&set);
        }
    }
}

#[test]
fn of_cuts_without_end_as_many_are_named_as_an_entry_holds_the_longest_first() {
    let log = |n: u32| {
        let mut log = [0; 16];
        log[..4].copy_from_slice(&n.to_be_bytes());
        log
    };
    let cut = |n: u32, ranges: Ranges| Cut { log: log(n), ranges, hash: [9; 32] };
    let holes = |count: u64| (0..count).map(|n| (1 << 40) + 2 * n).collect::<Ranges>();
    let few: Vec<Cut> = (0..3).rev().map(|n| cut(n, (1..=7).collect())).collect();
    let mut sorted = few.clone();
    sorted.sort_unstable();
    assert_eq!(Cut::that_fit(few, |_| 0), sorted);
    let honest = cut(500, (1..=90_000).collect());
    let mut many: Vec<Cut> = (0..400).map(|n| cut(n, holes(MAX_RANGES as u64 / 2))).collect();
    many.extend([cut(600, holes(MAX_RANGES as u64 + 1)), honest.clone()]);
    many.extend((1000..2000).map(|n| cut(n, [1].into_iter().collect())));
    let named = Cut::that_fit(many.clone(), |_| 0);
    assert!(named.contains(&honest) && named.len() <= MAX_CUTS && named.len() > 3);
    // Of several devices each has its share.
    let by_owner = Cut::that_fit(many, |log| usize::from(*log == honest.log));
    assert!(by_owner.contains(&honest) && by_owner.len() > 3);
    let act = Act::Revoke { device: id(2), cuts: named };
    three().sign(act, keys(1).signing_key(), false, 5).unwrap();
}

#[test]
fn a_recovery_key_counts_in_the_notebook_it_was_made_for_and_with_the_key_it_was_made_with() {
    let mut set = begin();
    set.says(1, set_recovery(1));
    let of_another = Entry::genesis(keys(1), "device 1", &root(2), 0).unwrap();
    let mut other = Entries::begin(of_another).unwrap();
    let theirs = other.sign(set_recovery(1), keys(1).signing_key(), false, 0).unwrap();
    assert!(other.insert(theirs).is_err());
    let mut to_me = set_recovery(1);
    if let Act::SetRecovery { hpke, .. } = &mut to_me {
        *hpke = keys(1).public().hpke;
    }
    let entry = set.sign(to_me, keys(1).signing_key(), false, 0).unwrap();
    assert!(set.insert(entry).is_err());
    assert_eq!(evaluate(&set).recovery.unwrap().hpke, kit(1).hpke_public());
}
