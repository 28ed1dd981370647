//! A story: what happens in a world, drawn from a number before any of it happens. Each event has a number of its own for
//! what it draws itself, so that an event that is left out changes no other.

use std::fmt;

use super::drive::Harm;
use super::outside::Trouble;
use super::wire::Fault;
use crate::Seeded;

/// How much happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Three to six devices, all that can go wrong.
    Full,
    /// Three devices and at most 25 edits.
    Small,
}

/// A place and the devices that see it from the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceOf {
    /// Whether a sync program carries it, so that each device has a copy of its own.
    pub is_carried: bool,
    /// Which devices.
    pub devices: Vec<usize>,
}

/// What happens, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which device, by a number that is taken modulo how many there are.
    pub who: usize,
    /// What.
    pub what: What,
    /// For what the event draws itself.
    pub seed: u64,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A note is written that nobody touches again: it has to be everywhere in the end.
    Note,
    /// A record of any kind is written.
    Write,
    /// A record is edited.
    Edit,
    /// A record is deleted, or brought back.
    Delete,
    /// A pass through one of the places of the device, in which something may go wrong.
    Sync(Option<(usize, Trouble)>),
    /// It speaks with another device over a line, which may have a fault after so many frames.
    Meet(usize, Option<(usize, Fault)>),
    /// The program ends and begins anew.
    Restart,
    /// The process is killed between two commits.
    Kill,
    /// The notebook is tidied.
    Tidy,
    /// A backup of the notebook.
    BackUp,
    /// The backup is put back; the keys may be gone.
    Restore {
        /// What lies outside of the notebook is still there.
        with_keys: bool,
    },
    /// A copy of the device begins a life of its own.
    Clone {
        /// With what lies outside of the notebook.
        with_keys: bool,
    },
    /// It removes another device.
    Remove(usize),
    /// It lets in a device that is new, or was turned out.
    Invite(usize),
    /// It makes a recovery key, or replaces it.
    MakeRecoveryKey,
    /// A new device comes in with the recovery key.
    Recover,
    /// It seals everything anew, so that what was before can be forgotten.
    Renew,
    /// A person is written down, with a note about them, in words that stand nowhere else.
    Person,
    /// A note is written with a word in it that stands nowhere else.
    Secret,
    /// Something is added to a note with such a word.
    Add,
    /// So many people are deleted for good.
    Purge(usize),
    /// A word is taken out of a note for good.
    Rewrite,
    /// Somebody decides what becomes of what is kept back of a device.
    Decide {
        /// It becomes part of the notebook.
        keep: bool,
    },
    /// Somebody agrees to what others deleted for good.
    Agree,
    /// A device that was removed and may not know it yet writes a note and syncs.
    GoOn,
    /// Its clock is wrong by so many days.
    Skew(i64),
    /// It writes segments as a newer version will.
    Newer,
    /// Some of what is on its way arrives.
    Deliver,
    /// Harm is done to files.
    Harm(Harm),
    /// A place cannot be reached for some events.
    Dark(usize),
}

/// A story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Its number.
    pub seed: u64,
    /// How many devices there are in the beginning.
    pub devices: usize,
    /// Where they meet.
    pub places: Vec<PlaceOf>,
    /// What happens.
    pub events: Vec<Event>,
}

impl Story {
    /// Draws the story of this number.
    pub fn draw(seed: u64, size: Size) -> Self {
        let mut random = Seeded(seed ^ if size == Size::Small { 0x5a11 << 48 } else { 0 });
        let (devices, count) = match size {
            Size::Full => (3 + random.below(4), 50 + random.below(60)),
            Size::Small => (3, 15 + random.below(20)),
        };
        let places = draw_places(devices, &mut random);
        let mut events = Vec::new();
        while events.len() < count {
            let what = if size == Size::Small { draw_small(&mut random) } else { draw_what(&mut random) };
            let who = random.below(60);
            // Now and then two remove each other before they hear of it.
            if matches!(what, What::Remove(_)) && random.below(3) == 0 {
                let whom = random.below(60);
                events.push(Event { who: whom, what: What::Remove(who), seed: random.number() });
                events.push(Event { who, what: What::Remove(whom), seed: random.number() });
            } else {
                events.push(Event { who, what, seed: random.number() });
            }
        }
        if seed.is_multiple_of(RENEWED) {
            add_renewals(&mut events, size, &mut random);
        }
        let events = with_meetings(events, seed);
        let events = if seed.is_multiple_of(UNFORGETTING) { events } else { with_forgetting(events, seed) };
        Self { seed, devices, places, events }
    }

    /// The same story, in which nothing is deleted for good, and nobody decides about what is kept back.
    pub fn without_forgetting(mut self) -> Self {
        self.events.retain(|event| !event.what.is_of_forgetting());
        self
    }

    /// The same story, in which nothing happens to devices but that they are killed, and all harm is done to the places.
    pub fn with_harm_to_places_alone(mut self) -> Self {
        self.events.retain(|event| {
            matches!(event.what, What::Note | What::Write | What::Edit | What::Delete | What::Sync(_) | What::Restart)
                || matches!(event.what, What::Kill | What::Deliver | What::Harm(_) | What::Dark(_))
        });
        self
    }

    /// The same story, in which nobody meets over a line.
    pub fn without_lines(mut self) -> Self {
        self.events.retain(|event| !matches!(event.what, What::Meet(..)));
        self
    }
}

/// Between the other events, so that a story without them is a story, too.
fn with_meetings(events: Vec<Event>, seed: u64) -> Vec<Event> {
    let mut random = Seeded(seed ^ 0x11e << 52);
    let mut all = Vec::new();
    for event in events {
        all.push(event);
        if random.below(9) == 0 {
            let fault = (random.below(2) == 0).then(|| (random.below(12), *random.pick(Fault::ALL)));
            let what = What::Meet(random.below(60), fault);
            all.push(Event { who: random.below(60), what, seed: random.number() });
        }
    }
    all
}

/// One world of so many is told as it was before anything could be deleted for good.
const UNFORGETTING: u64 = 3;

/// Between the other events, too: what is deleted for good, and what is decided. Who is removed goes on for a while now
/// and then, as otherwise little would be kept back.
fn with_forgetting(events: Vec<Event>, seed: u64) -> Vec<Event> {
    let mut random = Seeded(seed ^ 0xf06e7 << 44);
    let mut all = Vec::new();
    for event in events {
        let removed = if let What::Remove(whom) = event.what { Some(whom) } else { None };
        all.push(event);
        if let Some(who) = removed.filter(|_| random.below(2) == 0) {
            all.push(Event { who, what: What::GoOn, seed: random.number() });
        }
        if random.below(5) == 0 {
            all.push(Event { who: random.below(60), what: draw_forgetting(&mut random), seed: random.number() });
        }
    }
    all
}

fn draw_forgetting(random: &mut Seeded) -> What {
    match random.below(20) {
        0..4 => What::Person,
        4..8 => What::Secret,
        8..10 => What::Add,
        10..13 => What::Purge(if random.below(3) == 0 { 4 } else { 1 }),
        13..16 => What::Rewrite,
        16 => What::Agree,
        _ => What::Decide { keep: random.below(2) == 0 },
    }
}

/// One world of so many has renewals in it. They are drawn last, so that the stories of all other numbers stay the same.
const RENEWED: u64 = 4;

/// Renewals, each followed by passes of everybody, as otherwise few of them would ever be done by all.
fn add_renewals(events: &mut Vec<Event>, size: Size, random: &mut Seeded) {
    for _ in 0..1 + random.below(if size == Size::Small { 2 } else { 3 }) {
        let at = random.below(events.len() + 1);
        let mut added = vec![Event { who: random.below(60), what: What::Renew, seed: random.number() }];
        for who in 0..random.below(16) {
            let what = if random.below(3) == 0 { What::Deliver } else { What::Sync(draw_trouble(random)) };
            added.push(Event { who, what, seed: random.number() });
        }
        events.splice(at..at, added);
    }
}

fn draw_places(devices: usize, random: &mut Seeded) -> Vec<PlaceOf> {
    let all = || (0..devices).collect::<Vec<_>>();
    let mut carried = || random.below(2) == 0;
    let (first, second) = (carried(), carried());
    match random.below(4) {
        0 | 1 => vec![PlaceOf { is_carried: first, devices: all() }],
        2 => {
            // Two that share one device: a folder for these, a stick for those.
            let bridge = 1 + random.below(devices - 2);
            let (left, right) = ((0..=bridge).collect(), (bridge..devices).collect());
            vec![PlaceOf { is_carried: first, devices: left }, PlaceOf { is_carried: second, devices: right }]
        }
        _ => vec![PlaceOf { is_carried: first, devices: all() }, PlaceOf { is_carried: second, devices: all() }],
    }
}

fn draw_trouble(random: &mut Seeded) -> Option<(usize, Trouble)> {
    const ALL: [Trouble; 6] =
        [Trouble::Kill, Trouble::Kill, Trouble::Refused, Trouble::DoneAndRefused, Trouble::Full, Trouble::NoList];
    let most = 1 + random.below(24);
    (random.below(4) == 0).then(|| (random.below(most), *random.pick(&ALL)))
}

fn draw_what(random: &mut Seeded) -> What {
    match random.below(100) {
        0..16 => What::Note,
        16..22 => What::Write,
        22..32 => What::Edit,
        32..34 => What::Delete,
        34..59 => What::Sync(draw_trouble(random)),
        59..62 => What::Restart,
        62..64 => What::Kill,
        64 => What::Tidy,
        65..68 => What::BackUp,
        68..71 => What::Restore { with_keys: random.below(4) > 0 },
        71..73 => What::Clone { with_keys: random.below(2) == 0 },
        73..75 => What::Remove(random.below(60)),
        75..77 => What::Invite(random.below(60)),
        77 => What::MakeRecoveryKey,
        78 => What::Recover,
        79 => What::Skew(random.below(4000) as i64 - 2000),
        80 => What::Newer,
        81..88 => What::Deliver,
        88..98 => What::Harm(*random.pick(Harm::ALL)),
        _ => What::Dark(1 + random.below(8)),
    }
}

fn draw_small(random: &mut Seeded) -> What {
    match random.below(100) {
        0..22 => What::Note,
        22..28 => What::Edit,
        28..62 => What::Sync(draw_trouble(random)),
        62..65 => What::Restart,
        65..68 => What::BackUp,
        68..72 => What::Restore { with_keys: random.below(8) > 0 },
        72 => What::Clone { with_keys: random.below(4) > 0 },
        73..75 => What::Remove(random.below(60)),
        75..85 => What::Deliver,
        85..98 => What::Harm(*random.pick(Harm::ALL)),
        _ => What::Dark(1 + random.below(5)),
    }
}

impl What {
    /// Whether it is drawn by [`with_forgetting`].
    fn is_of_forgetting(&self) -> bool {
        matches!(self, Self::Person | Self::Secret | Self::Add | Self::Purge(_) | Self::Rewrite)
            || matches!(self, Self::Decide { .. } | Self::Agree | Self::GoOn)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.who;
        match &self.what {
            What::Note => write!(f, "{who} writes a note"),
            What::Write => write!(f, "{who} writes a record"),
            What::Edit => write!(f, "{who} edits a record"),
            What::Delete => write!(f, "{who} deletes a record or brings it back"),
            What::Sync(None) => write!(f, "{who} syncs"),
            What::Sync(Some((calls, trouble))) => write!(f, "{who} syncs; after {calls} calls: {}", trouble.word()),
            What::Meet(whom, None) => write!(f, "{who} and {whom} speak over a line"),
            What::Meet(whom, Some((frames, fault))) => {
                write!(f, "{who} and {whom} speak over a line; after {frames} frames: {}", fault.word())
            }
            What::Restart => write!(f, "{who} restarts"),
            What::Kill => write!(f, "{who} is killed"),
            What::Tidy => write!(f, "{who} tidies"),
            What::BackUp => write!(f, "{who} is backed up"),
            What::Restore { with_keys: true } => write!(f, "{who} gets its backup put back"),
            What::Restore { with_keys: false } => write!(f, "{who} gets its backup put back, and its keys are lost"),
            What::Clone { with_keys: true } => write!(f, "{who} is cloned with its keys"),
            What::Clone { with_keys: false } => write!(f, "{who} is cloned without its keys"),
            What::Remove(whom) => write!(f, "{who} removes {whom}"),
            What::Invite(whom) => write!(f, "{who} lets in a device that is new, or {whom}"),
            What::MakeRecoveryKey => write!(f, "{who} makes a recovery key"),
            What::Renew => write!(f, "{who} seals everything anew"),
            What::Person => write!(f, "{who} writes a person down, and a note about them"),
            What::Secret => write!(f, "{who} writes a note with a secret in it"),
            What::Add => write!(f, "{who} adds something to a note with a secret"),
            What::Purge(people) => write!(f, "{who} deletes for good, people: {people}"),
            What::Rewrite => write!(f, "{who} takes a secret out of a note for good"),
            What::Decide { keep: true } => write!(f, "{who}, or who can, keeps what is kept back of a device"),
            What::Decide { keep: false } => write!(f, "{who}, or who can, drops what is kept back of a device"),
            What::Agree => write!(f, "{who} agrees to what others deleted for good"),
            What::GoOn => write!(f, "{who} writes a note and syncs, though it may be removed"),
            What::Recover => write!(f, "a new device comes in with the recovery key where {who} is"),
            What::Skew(days) => write!(f, "the clock of {who} is wrong by {days} days"),
            What::Newer => write!(f, "{who} writes segments as a newer version will"),
            What::Deliver => write!(f, "some of what is on its way to {who} arrives"),
            What::Harm(harm) => write!(f, "where {who} looks: {}", harm.word()),
            What::Dark(events) => write!(f, "a place of {who} cannot be reached for {events} events"),
        }
    }
}
