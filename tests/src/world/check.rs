//! What must hold when everything is quiet again.

use std::collections::{BTreeMap, BTreeSet};

use kith_core::Error;
use kith_core::model::{Contact, Id, Note, RecordId};
use kith_core::sync::keys::{DeviceId, EntryHash};
use kith_core::sync::member::Member;
use kith_core::sync::roster::Roster;
use kith_core::sync::segment::{self, Header, Item, Plaintext};
use rusqlite::{Connection, OpenFlags};

use super::forgetting::{PLANTED, Purged, nothing_deleted_for_good_is_left, purged, successor_of};
use super::life::{Afterwards, Kept, World};
use crate::{assert_same_lines, forge};

/// Whether a device that nobody removed is told that it has to be let in anew.
pub fn is_turned_out(error: &Error) -> bool {
    match error {
        Error::Foreign(_) => true,
        // Who let it in was removed.
        Error::Removed(words) => words.contains("invite it anew"),
        _ => false,
    }
}

/// Whether a device is told something about a place or another device, which bad times bring about.
pub fn is_about_others(error: &Error) -> bool {
    use Error::{Denied, Foreign, NotFound, Peer, Removed, SyncFirst, Unreachable};
    matches!(error, Denied(_) | Foreign(_) | NotFound(_) | Peer(_) | Removed(_) | SyncFirst(_) | Unreachable(_))
}

/// What was there when the faults stopped.
pub struct Before {
    /// For each thing that was written, the devices that held it.
    holders: Vec<BTreeSet<usize>>,
    /// The segments of which a whole copy lay in a place, by the place.
    whole: Vec<BTreeSet<[u8; 32]>>,
    /// What each device had deleted for good.
    purged: Vec<Purged>,
}

impl Before {
    /// Looks at devices and places.
    pub fn look(world: &World) -> Self {
        let purged = all_purged(world);
        let holds = |device: usize, at: usize| has(world, device, at, &purged[device]);
        let holders =
            (0..world.kept.len()).map(|at| (0..world.devices.len()).filter(|device| holds(*device, at)).collect());
        let outside = world.outside();
        let files = |place: usize| {
            let copies = outside.places[place].copies.iter().flatten().filter(|(name, _)| name.contains(".kiths"));
            let hashes = copies.filter_map(|(_, there)| Some(segment::hash(there.bytes.as_ref()?)));
            hashes.filter(|hash| outside.segments.contains_key(hash)).collect()
        };
        let holders = holders.collect();
        Self { holders, whole: (0..outside.places.len()).map(files).collect(), purged }
    }
}

fn all_purged(world: &World) -> Vec<Purged> {
    (0..world.devices.len()).map(|device| purged(world, device)).collect()
}

/// Whether a device has what was written; or what has become of it, if it was deleted for good there.
fn has(world: &World, device: usize, at: usize, purged: &Purged) -> bool {
    let kept = &world.kept[at];
    let stands_in = |id: RecordId| {
        let notebook = world.devices[device].notebook();
        let note = notebook.get::<Note>(Id::new(id)).unwrap().map(|note| note.body);
        let text = note.or_else(|| Some(notebook.get::<Contact>(Id::new(id)).unwrap()?.name));
        text.is_some_and(|text| text.contains(&kept.words))
    };
    if !purged.contains(&kept.record) {
        return stands_in(kept.record);
    }
    kept.afterwards != Afterwards::Elsewhere || stands_in(successor_of(kept.record))
}

/// All of it.
pub fn check(world: &mut World, before: &Before) {
    let (opened, purged) = (open_all(world), all_purged(world));
    no_number_is_used_twice(world, &opened);
    no_planted_word_is_seen(world);
    for class in classes(world).into_iter().flat_map(|class| sides(world, class)) {
        no_former_key_is_left(world, &class);
        all_show_the_same(world, &class);
        all_have_the_same_segments(world, &class);
        nothing_acknowledged_is_lost(world, (before, &purged), &class, &opened);
        nothing_deleted_for_good_is_left(world, &before.purged, &purged, &class);
        for device in &class {
            a_rebuild_changes_nothing(world, *device);
            nothing_is_taken_beyond_a_cut_off(world, *device);
        }
    }
}

/// The devices that belong to the notebook, together with those they can hear of.
fn classes(world: &World) -> Vec<Vec<usize>> {
    let mut left: Vec<usize> = (0..world.devices.len()).filter(|device| world.is_member(*device)).collect();
    let mut classes = Vec::new();
    while let Some(first) = left.first().copied() {
        let mut class = vec![first];
        let mut at = 0;
        while let Some(device) = class.get(at).copied() {
            let places = &world.devices[device].places;
            let near = |other: &usize| world.devices[*other].places.iter().any(|place| places.contains(place));
            let found: Vec<usize> =
                left.iter().copied().filter(|other| !class.contains(other) && near(other)).collect();
            class.extend(found);
            at += 1;
        }
        left.retain(|device| !class.contains(device));
        class.sort_unstable();
        classes.push(class);
    }
    classes
}

/// Devices that removed each other crosswise may have heard of different removals, and nobody may tell them of the others:
/// each side goes on for itself then, without one device of the other. Whoever disagrees in any other way is not taken apart.
/// What a device was called before it lost its keys belongs to no side: nobody can speak under that any more.
fn sides(world: &World, class: Vec<usize>) -> Vec<Vec<usize>> {
    let mut sides: Vec<(Roster, Vec<usize>)> = Vec::new();
    let speaking: BTreeSet<DeviceId> =
        class.iter().filter_map(|device| Some(member(world, *device)?.device())).collect();
    let belong = |roster: &Roster| -> BTreeSet<DeviceId> {
        roster.devices.iter().map(|device| device.public.device).filter(|device| speaking.contains(device)).collect()
    };
    // One side removed a device of the other, and none of the other belongs to it.
    let has_removed = |one: &Roster, other: &Roster| {
        belong(one).is_disjoint(&belong(other))
            && other.devices.iter().any(|device| one.removed(&device.public.device).is_some())
    };
    for device in &class {
        let Some(roster) = member(world, *device).map(|member| undisputed(member.roster())) else { return vec![class] };
        match sides.iter_mut().find(|(other, _)| belong(other) == belong(&roster)) {
            Some((_, side)) => side.push(*device),
            None => sides.push((roster, vec![*device])),
        }
    }
    let removed_each_other = sides.iter().enumerate().all(|(at, (one, _))| {
        sides[at + 1..].iter().all(|(other, _)| has_removed(one, other) && has_removed(other, one))
    });
    if sides.len() == 1 || !removed_each_other {
        return vec![class];
    }
    world.outside().counts.one("worlds in which some removed each other crosswise and go on apart");
    sides.into_iter().map(|(_, side)| side).collect()
}

fn member(world: &World, device: usize) -> Option<Member> {
    let device = &world.devices[device];
    device.notebook().member(&device.keys).ok().flatten()
}

/// Every segment that was ever put anywhere, as far as any device has a key for it.
fn open_all(world: &World) -> BTreeMap<[u8; 32], (u64, Plaintext)> {
    let members: Vec<Member> = (0..world.devices.len()).filter_map(|device| member(world, device)).collect();
    let mut opened = BTreeMap::new();
    for (hash, (bytes, _)) in &world.outside().segments {
        let Ok(header) = Header::read(bytes) else { continue };
        let text = members.iter().find_map(|member| {
            let sealed = segment::open(bytes, &member.epochs(header.key).next()?).ok()?;
            let author = sealed.author();
            sealed.verify(&author).ok()
        });
        opened.extend(text.map(|text| (*hash, (header.seq, text))));
    }
    opened
}

/// No device gave two segments one number of a log, and no two changes of a record have one number of one actor.
fn no_number_is_used_twice(world: &World, opened: &BTreeMap<[u8; 32], (u64, Plaintext)>) {
    let outside = world.outside();
    assert!(outside.twice.is_empty(), "{:?}", outside.twice);
    let (mut numbers, mut changes) = (BTreeMap::new(), BTreeMap::new());
    for (hash, (seq, text)) in opened {
        let putter = outside.segments[hash].1;
        let before = numbers.insert((putter, text.log, *seq), *hash);
        assert!(before.is_none(), "device {putter} used number {seq} of a log twice");
        for item in &text.items {
            let Item::Change { record, bytes, .. } = item else { continue };
            let change = forge::Change::read(bytes);
            let hash = forge::hash(bytes);
            let before = changes.insert((*record, change.actor.clone(), change.seq), hash).unwrap_or(hash);
            assert!(before == hash, "number {} of an actor was used twice", change.seq);
        }
    }
}

/// Neither names nor words of the notebook can be read in what lies in a place.
fn no_planted_word_is_seen(world: &World) {
    let outside = world.outside();
    let segments = outside.segments.values().map(|(bytes, _)| &bytes[..]);
    for bytes in segments.chain(outside.seen.iter().map(Vec::as_slice)) {
        for word in [&b"Quorbin"[..], b"Plumbaline", PLANTED.as_bytes()] {
            assert!(!bytes.windows(word.len()).any(|part| part == word), "a word of the notebook lies open in a place");
        }
    }
}

/// Once all devices have followed all renewals, none has an HPKE key any more that it had before.
fn no_former_key_is_left(world: &World, class: &[usize]) {
    for member in class.iter().filter_map(|device| member(world, *device)) {
        // One that does not count any more tells nothing of who has heard of what.
        let renewals = &member.roster().renewals;
        let is_over = !renewals.is_empty() && renewals.iter().all(|renewal| renewal.is_over());
        assert!(!is_over || member.keys().former_envelope_keys().is_empty(), "a former key is still there");
        let forgotten = member.roster().superseded.iter().filter(|epoch| member.has_forgotten(&epoch.key_id()));
        world.outside().counts.more("keys forgotten", forgotten.count() as u64);
    }
}

fn all_show_the_same(world: &World, class: &[usize]) {
    let (first, rest) = class.split_first().expect("a class is not empty");
    let notebook = world.devices[*first].notebook();
    let (dump, digest) = (notebook.dump().unwrap(), notebook.digest().unwrap());
    let roster = member(world, *first).map(|member| member.roster().clone());
    for device in rest {
        let other = world.devices[*device].notebook();
        let theirs = member(world, *device).map(|member| member.roster().clone());
        assert!(
            roster.as_ref().map(undisputed) == theirs.as_ref().map(undisputed),
            "devices {first} and {device} see different rosters\n{}\n{}",
            roster.as_ref().map(in_words).unwrap_or_default(),
            theirs.as_ref().map(in_words).unwrap_or_default()
        );
        let what = format!("devices {first} and {device} show different things");
        assert_same_lines(&dump, &other.dump().unwrap(), &what);
        assert_eq!(digest, other.digest().unwrap(), "devices {first} and {device} hold different versions");
    }
    for device in class {
        let sizes = world.devices[*device].notebook().sizes().unwrap();
        assert_eq!((sizes.quarantined, sizes.outbox), (0, 0), "device {device}: {sizes:?}");
    }
}

/// What all see alike: of two recovery keys that were made at once each device trusts the one it saw first, and says so.
/// Devices that came in by both are then older and younger, and their epochs better and worse, as each device sees it.
fn undisputed(roster: &Roster) -> Roster {
    let mut roster = roster.clone();
    if !roster.contested_recovery.is_empty() {
        roster.recovery = None;
        roster.contested_recovery.clear();
        roster.devices.sort_by_key(|device| device.public.device);
        roster.devices.iter_mut().for_each(|device| device.added = EntryHash::default());
        (roster.epochs, roster.write_under) = Default::default();
    }
    roster
}

/// A roster in short.
fn in_words(roster: &Roster) -> String {
    let short = |device: &DeviceId| kith_core::sync::hex(&device.0[..2]);
    let living = roster.devices.iter().map(|device| (&*device.name, short(&device.public.device)));
    let living: Vec<(&str, String)> = living.collect();
    let removed: Vec<_> = roster.removed.iter().map(|removed| (&removed.name, short(&removed.device))).collect();
    let (void, epochs, under) = (roster.void.len(), roster.epochs.len(), &roster.write_under);
    format!("devices {living:?}, removed {removed:?}, void {void}, epochs {epochs}, writes under {under:?}")
}

/// Of a segment that is not whole any more, since a renewal covers it or it never counted.
const FORGOTTEN: [i64; 2] = [5, 8];

/// A segment of a notebook: log, number, hash, what became of it.
type Row = ([u8; 16], i64, [u8; 32], i64);

fn segments_of(world: &World, device: usize) -> Vec<(Row, Option<[u8; 32]>)> {
    let file = world.devices[device].file();
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sql = "SELECT log, seq, hash, state, (SELECT device FROM log WHERE log.log = segment.log)
               FROM segment ORDER BY log, seq, hash";
    let mut statement = connection.prepare(sql).unwrap();
    let rows =
        statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), row.get(4)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// What became of a segment may differ, as long as what is shown does not: one took it, another got it told again. What one
/// keeps back under a key that only it still has, nobody else can have.
fn all_have_the_same_segments(world: &World, class: &[usize]) {
    let is_lost = |device: &usize, (_, _, hash, _): &Row| {
        let header = world.outside().segments.get(hash).and_then(|(bytes, _)| Header::read(bytes).ok());
        member(world, *device).zip(header).is_some_and(|(member, header)| member.is_lost(&header.key))
    };
    let name = |(log, seq, hash, _): Row| format!("{:02x}{:02x} {seq} {:02x}{:02x}", log[0], log[1], hash[0], hash[1]);
    // What a renewal covers is not told to who joins later. And of one whose author was removed at once, and that does not
    // count any more, one device may have heard before and the other after.
    let rows = class.iter().flat_map(|device| segments_of(world, *device)).map(|(row, _)| row);
    let forgotten: BTreeSet<_> = rows.filter(|row| FORGOTTEN.contains(&row.3)).map(|row| row.2).collect();
    let names = |device: &usize| {
        let rows = segments_of(world, *device).into_iter().map(|(row, _)| row);
        rows.filter(|row| !forgotten.contains(&row.2) && (row.3 == 0 || !is_lost(device, row))).map(name).collect()
    };
    let all: Vec<Vec<String>> = class.iter().map(names).collect();
    for (device, names) in class.iter().zip(&all) {
        let what = format!("devices {} and {device} keep different segments", class[0]);
        assert_same_lines(&all[0], names, &what);
    }
}

/// What a device acknowledged and never went behind, what any device held when the faults stopped, and what lay whole in
/// a place under a key that is still held, is with everybody.
fn nothing_acknowledged_is_lost(
    world: &World,
    (before, purged): (&Before, &[Purged]),
    class: &[usize],
    opened: &BTreeMap<[u8; 32], (u64, Plaintext)>,
) {
    let Some(member) = member(world, class[0]) else { return };
    let places: BTreeSet<usize> = class.iter().flat_map(|device| world.devices[*device].places.clone()).collect();
    let members: Vec<Member> = class.iter().filter_map(|device| self::member(world, *device)).collect();
    let outside = world.outside();
    let is_read = |hash: &&[u8; 32]| {
        let header = outside.segments.get(*hash).and_then(|(bytes, _)| Header::read(bytes).ok());
        header.is_some_and(|header| members.iter().any(|member| member.epochs(header.key).next().is_some()))
    };
    let whole = places.iter().flat_map(|place| &before.whole[*place]).filter(is_read);
    let whole = whole.filter_map(|hash| Some(&opened.get(hash)?.1));
    let of_members = whole.filter(|text| member.roster().device(&text.device).is_some() && !text.needs_update());
    let mut lying: BTreeMap<RecordId, Vec<&[u8]>> = BTreeMap::new();
    for item in of_members.flat_map(|text| &text.items) {
        if let Item::Change { record, bytes, .. } = item {
            lying.entry(*record).or_default().push(bytes);
        }
    }
    // A member may have added to what somebody wrote who counts no more.
    let says = |change: &&[u8], words: &str| change.windows(words.len()).any(|part| part == words.as_bytes());
    let lies = |kept: &Kept| lying.get(&kept.record).is_some_and(|all| all.iter().any(|one| says(one, &kept.words)));
    for (at, kept) in world.kept.iter().enumerate() {
        let was_held = before.holders[at].iter().any(|device| class.contains(device));
        let is_its_own = class.contains(&kept.by) && !world.devices[kept.by].went_back;
        // What was added later may stand in a change that lay nowhere.
        let lay_whole = kept.afterwards != Afterwards::Unsure && lies(kept);
        if was_held || is_its_own || lay_whole {
            for device in class {
                assert!(
                    has(world, *device, at, &purged[*device]),
                    "device {device} lost what {} wrote: {} (held: {was_held}, own: {is_its_own})",
                    kept.by,
                    kept.words
                );
            }
        }
    }
}

fn a_rebuild_changes_nothing(world: &World, device: usize) {
    let notebook = world.devices[device].notebook();
    let before = notebook.dump().unwrap();
    notebook.rebuild(&mut |_, _| Ok(())).unwrap();
    assert_same_lines(&before, &notebook.dump().unwrap(), "a rebuild changed something");
}

/// Of a removed device, only what its removal or somebody who learned of it had taken is part of the notebook.
fn nothing_is_taken_beyond_a_cut_off(world: &World, device: usize) {
    let Some(member) = member(world, device) else { return };
    for ((log, seq, _, state), author) in segments_of(world, device) {
        let removed =
            author.and_then(|author| member.roster().removed.iter().find(|removed| removed.device.0 == author));
        if let Some(removed) = removed.filter(|_| state == 0) {
            let is_within = removed.cut_off.contains(&log, seq as u64);
            assert!(is_within, "device {device} took number {seq} of a removed device, beyond its cut-off");
        }
    }
}
