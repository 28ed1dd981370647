//! Two devices made of a map each talk to each other; then one of them lies.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const NOTEBOOK: NotebookTag = NotebookTag([7; 16]);
const LOG: LogId = [1; 16];
const OTHER_LOG: LogId = [2; 16];

/// A device without a notebook: its segments by log, number and hash, its files, and what it would seal.
#[derive(Clone, Default)]
struct Device {
    segments: BTreeMap<(LogId, u64), BTreeSet<Vec<u8>>>,
    parcels: BTreeMap<ParcelId, Vec<u8>>,
    to_seal: Vec<(LogId, u64)>,
    gone: BTreeSet<[u8; 32]>,
    refuses: Option<Vec<u8>>,
    /// Whether it says that a checkpoint would help, how many others it gave one, and the parts that it was given.
    is_new: bool,
    helped: usize,
    told: Vec<Vec<u8>>,
}

impl Device {
    fn with(log: LogId, seqs: impl IntoIterator<Item = u64>) -> Self {
        let mut device = Self::default();
        seqs.into_iter().for_each(|seq| device.write(log, seq, "x"));
        device
    }

    fn write(&mut self, log: LogId, seq: u64, what: &str) {
        let bytes = [&log[..], &seq.to_be_bytes(), what.as_bytes()].concat();
        self.segments.entry((log, seq)).or_default().insert(bytes);
    }

    fn file(&mut self, parcel: &[u8]) {
        self.parcels.insert(parcel_id(parcel), parcel.to_vec());
    }

    fn have(&self) -> Have {
        let mut by_log: BTreeMap<LogId, Vec<(u64, [u8; 32], bool)>> = BTreeMap::new();
        for ((log, seq), segments) in &self.segments {
            let mut hashes: Vec<[u8; 32]> = segments.iter().map(|bytes| hash(bytes)).collect();
            hashes.sort_unstable();
            by_log
                .entry(*log)
                .or_default()
                .extend(hashes.into_iter().map(|hash| (*seq, hash, !self.gone.contains(&hash))));
        }
        by_log.into_iter().map(|(log, segments)| (log, held(segments))).collect()
    }

    fn here(&self) -> Here {
        Here {
            notebook: NOTEBOOK,
            parcels: self.parcels.keys().copied().collect(),
            have: self.have(),
            is_new: self.is_new,
        }
    }

    /// Does what a session asks for; the bytes to be sent, and whether it is over.
    fn act(&mut self, session: &mut Session, outputs: Vec<Output>, sent: &mut Vec<u8>) -> bool {
        for output in outputs {
            let input = match output {
                Output::Send(bytes) => {
                    sent.extend(bytes);
                    continue;
                }
                Output::Done => return true,
                Output::GiveCheckpoint => {
                    self.helped += 1;
                    Input::Checkpoint(vec![b"one".to_vec(), b"two".to_vec()])
                }
                Output::TakeCheckpoint(part) => {
                    self.told.push(part);
                    continue;
                }
                Output::TakeRoster(parcels) => {
                    parcels.iter().for_each(|parcel| self.file(parcel));
                    Input::Roster(self.parcels.keys().copied().collect())
                }
                Output::GiveRoster(ids) => Input::Parcels(ids.iter().map(|id| self.parcels[id].clone()).collect()),
                Output::Take(bytes) => {
                    if self.refuses.as_ref() != Some(&bytes) {
                        let (log, rest) = bytes.split_first_chunk::<16>().unwrap();
                        let seq = u64::from_be_bytes(*rest.first_chunk().unwrap());
                        self.segments.entry((*log, seq)).or_default().insert(bytes);
                    }
                    continue;
                }
                Output::Give(log, seq) => {
                    let there = self.segments.get(&(log, seq)).cloned().unwrap_or_default().into_iter();
                    Input::Segments(log, seq, there.filter(|bytes| !self.gone.contains(&hash(bytes))).collect())
                }
                Output::Tell => Input::Have(self.have()),
                Output::Settle => {
                    for (log, seq) in std::mem::take(&mut self.to_seal) {
                        self.write(log, seq, "sealed");
                    }
                    Input::Settled(self.parcels.keys().copied().collect(), self.have())
                }
            };
            let more = session.step(input).unwrap();
            if self.act(session, more, sent) {
                return true;
            }
        }
        false
    }
}

/// What both say, byte by byte, until both are done.
fn meet(a: &mut Device, b: &mut Device) -> (Outcome, Outcome, [usize; 2]) {
    let ((mut of_a, first_a), (mut of_b, first_b)) = (Session::begin(a.here()), Session::begin(b.here()));
    let (mut to_b, mut to_a) = (Vec::new(), Vec::new());
    let mut over = [a.act(&mut of_a, first_a, &mut to_b), b.act(&mut of_b, first_b, &mut to_a)];
    let mut bytes = [0, 0];
    for _ in 0..100_000 {
        if over == [true, true] {
            return (of_a.outcome(), of_b.outcome(), bytes);
        }
        bytes[0] += to_b.len();
        bytes[1] += to_a.len();
        over[1] |= turn(b, &mut of_b, std::mem::take(&mut to_b), &mut to_a);
        over[0] |= turn(a, &mut of_a, std::mem::take(&mut to_a), &mut to_b);
    }
    panic!("they never end: {over:?}");
}

fn turn(device: &mut Device, session: &mut Session, came: Vec<u8>, sent: &mut Vec<u8>) -> bool {
    session.hear(&came);
    let mut over = false;
    while let Some(outputs) = session.look().unwrap() {
        over |= device.act(session, outputs, sent);
    }
    while session.wants_room() {
        let outputs = session.step(Input::Room).unwrap();
        over |= device.act(session, outputs, sent);
    }
    over
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}

fn assert_alike(a: &Device, b: &Device) {
    assert!(a.segments == b.segments && a.parcels == b.parcels);
}

#[test]
fn each_gets_what_it_lacks_and_hears_that_the_other_has_it() {
    let (mut a, mut b) = (Device::with(LOG, [1, 2, 3, 7]), Device::with(OTHER_LOG, 1..=600));
    b.write(LOG, 2, "x");
    a.to_seal = vec![(LOG, 8)];
    let (of_a, of_b, _) = meet(&mut a, &mut b);
    assert_alike(&a, &b);
    assert_eq!(of_a, Outcome { given: 4, unconfirmed: 0, more: false });
    assert_eq!(of_b, Outcome { given: 600, unconfirmed: 0, more: false });
}

#[test]
fn nothing_changed_is_one_greeting_and_one_goodbye() {
    let mut a = Device::with(LOG, 1..=5000);
    (0..200).for_each(|log| a.write([log; 16], 1, "x"));
    a.parcels = (0..100_u8).map(|n| (parcel_id(&[n]), vec![n])).collect();
    let mut b = a.clone();
    let before = a.segments.clone();
    let (_, _, [there, back]) = meet(&mut a, &mut b);
    assert!(a.segments == before);
    assert!(there.max(back) < 64 + 201 * 45, "{there} bytes");
}

#[test]
fn a_device_that_has_nothing_to_show_is_told_a_checkpoint_before_it_is_given_anything() {
    let (mut old, mut new) = (Device::with(LOG, 1..=9), Device { is_new: true, ..Device::default() });
    meet(&mut old, &mut new);
    assert_eq!((old.helped, &new.told[..]), (1, &[b"one".to_vec(), b"two".to_vec()][..]));
    assert_alike(&old, &new);
    let mut third = Device::with(OTHER_LOG, 1..=2);
    meet(&mut old, &mut third);
    meet(&mut old, &mut Device::default());
    assert_eq!((old.helped, third.helped, third.told.len()), (1, 0, 0), "who has something to show is told none");
    let (mut one, mut other) =
        (Device { is_new: true, ..Device::default() }, Device { is_new: true, ..Device::default() });
    meet(&mut one, &mut other);
    assert_eq!((one.helped, other.helped), (0, 0), "and who has nothing has none to give");
}

#[test]
fn the_roster_comes_before_anything_is_asked_for() {
    let (mut a, mut b) = (Device::with(LOG, 1..=3), Device::default());
    (0..40_u8).for_each(|n| a.file(&vec![n; 30_000]));
    b.file(b"theirs");
    meet(&mut a, &mut b);
    assert_alike(&a, &b);
    let (mut session, _) = Session::begin(b.here());
    let hello = Frame::Hello {
        proto: [1, 1],
        notebook: NOTEBOOK,
        parcels: [0; 32],
        have: Device::with(LOG, [4]).have(),
        is_new: false,
    };
    session.hear(&hello.bytes());
    let outputs = session.look().unwrap().unwrap();
    assert!(matches!(&outputs[..], [Output::Send(names)] if matches!(read(names), Frame::Names(_))), "{outputs:?}");
}

#[test]
fn two_segments_under_one_number_reach_both() {
    let (mut a, mut b) = (Device::with(LOG, 1..=4), Device::with(LOG, 1..=4));
    a.write(LOG, 5, "one");
    b.write(LOG, 5, "other");
    b.write(LOG, 6, "other");
    (0..6).for_each(|n| b.write(LOG, 3, &n.to_string()));
    meet(&mut a, &mut b);
    assert_alike(&a, &b);
}

#[test]
fn what_is_refused_is_not_asked_for_again_and_not_called_given() {
    let (mut a, mut b) = (Device::with(LOG, 1..=4), Device::default());
    b.refuses = a.segments[&(LOG, 2)].first().cloned();
    let (of_a, ..) = meet(&mut a, &mut b);
    assert_eq!(of_a, Outcome { given: 3, unconfirmed: 1, more: false });
}

#[test]
fn what_a_renewal_covers_is_neither_asked_for_nor_missed() {
    let mut a = Device::with(LOG, 1..=9);
    a.gone = (1..=5).map(|seq| hash(a.segments[&(LOG, seq)].first().unwrap())).collect();
    let mut b = Device::default();
    let (of_a, of_b, _) = meet(&mut a, &mut b);
    assert_eq!(b.segments.keys().map(|(_, seq)| *seq).collect::<Vec<_>>(), [6, 7, 8, 9]);
    assert_eq!(of_a, Outcome { given: 4, unconfirmed: 0, more: false });
    assert_eq!(of_b, Outcome::default());
    // One that still has them does not force them upon one that forgot them.
    let mut c = Device::with(LOG, 1..=9);
    let (of_a, of_c, _) = meet(&mut a, &mut c);
    assert_eq!((of_a, of_c), (Outcome::default(), Outcome::default()));
}

#[test]
fn after_ten_thousand_segments_the_rest_is_for_the_next_meeting() {
    let (mut a, mut b) = (Device::with(LOG, 1..=12_000), Device::with(OTHER_LOG, 1..=2));
    let (of_a, of_b, _) = meet(&mut a, &mut b);
    assert!(of_a.more && of_b.more);
    assert_eq!((of_a.given, of_a.unconfirmed, of_b.unconfirmed), (10_000, 2_000, 0));
    assert!(!meet(&mut a, &mut b).0.more);
    assert_alike(&a, &b);
}

#[test]
fn whatever_two_devices_have_they_end_alike() {
    for seed in 0..300_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |most: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % most
        };
        let mut devices = [Device::default(), Device::default()];
        for _ in 0..below(80) {
            let (log, seq, twin) = ([below(3) as u8; 16], 1 + below(20), below(8) == 0);
            let who = below(3);
            for (n, device) in devices.iter_mut().enumerate() {
                if who != n as u64 {
                    device.write(log, seq, if twin && n == 1 { "twin" } else { "x" });
                }
            }
            if below(4) == 0 {
                devices[below(2) as usize].file(&[log[0], seq as u8]);
            }
        }
        devices[0].to_seal = (0..below(3)).map(|n| ([9; 16], 1 + n)).collect();
        let [mut a, mut b] = devices;
        meet(&mut a, &mut b);
        // A twin beside a hole is only seen once the hole is filled: the second meeting may bring it.
        meet(&mut a, &mut b);
        assert!(a.segments == b.segments && a.parcels == b.parcels, "seed {seed}");
    }
}

// ---- somebody who means harm -----------------------------------------------------------------------------------------

fn read(frame: &[u8]) -> Frame {
    Frame::read(&frame[4..]).unwrap()
}

/// A session that has been greeted by a device with this.
fn greeted(here: &Device, theirs: Have) -> (Session, Vec<Output>) {
    let (mut session, _) = Session::begin(here.here());
    let parcels = digest_of(&here.parcels.keys().copied().collect());
    session.hear(&Frame::Hello { proto: [1, 1], notebook: NOTEBOOK, parcels, have: theirs, is_new: false }.bytes());
    let outputs = session.look().unwrap().unwrap();
    (session, outputs)
}

fn every_frame() -> Vec<Frame> {
    let have = Device::with(LOG, [1, 2, 4]).have();
    vec![
        Frame::Hello { proto: [1, 1], notebook: NOTEBOOK, parcels: [3; 32], have: have.clone(), is_new: true },
        Frame::Names(vec![[1; 16], [2; 16]]),
        Frame::Roster { parcels: vec![vec![1; 40], vec![2; 50]], last: true },
        Frame::Want(LOG, [1, 2, 5].into_iter().collect()),
        Frame::Segments { log: LOG, seq: 4, segments: vec![vec![1; 90], vec![2; 100]], more: true },
        Frame::Ack(have),
        Frame::Bye(3),
        Frame::More,
        Frame::Break("enough".into()),
        Frame::Intro(vec![vec![5; 30]]),
        Frame::Checkpoint(vec![7; 60]),
    ]
}

#[test]
fn every_frame_is_read_as_it_was_written() {
    for frame in every_frame() {
        let mut frames = Frames::default();
        for byte in frame.bytes() {
            assert_eq!(frames.take(MAX_FRAME).unwrap(), None);
            frames.push(&[byte]);
        }
        assert_eq!(frames.take(MAX_FRAME).unwrap(), Some(frame));
        assert!(!frames.is_cut());
    }
}

#[test]
fn a_frame_cut_at_any_byte_or_with_any_byte_changed_is_an_error_or_another_frame() {
    for frame in every_frame() {
        let bytes = frame.bytes();
        let body = &bytes[4..];
        for cut in 0..body.len() {
            assert!(Frame::read(&body[..cut]).is_err(), "{frame:?} cut at {cut}");
            for flip in [1, 0x80, 0xff] {
                let mut damaged = body.to_vec();
                damaged[cut] ^= flip;
                // Whatever it is now, it is written the one way Kith writes, or refused.
                if let Ok(frame) = Frame::read(&damaged) {
                    assert!(matches!(frame, Frame::Unknown) || Frame::read(&frame.bytes()[4..]).unwrap() == frame);
                }
            }
            let (mut session, _) = greeted(&Device::with(LOG, 1..=3), Have::new());
            session.hear(&bytes[..4 + cut]);
            assert_eq!(session.look().unwrap(), None);
        }
    }
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_a_byte_of_it_has_come() {
    for length in [MAX_FRAME as u32 + 1, u32::MAX] {
        let (mut session, _) = Session::begin(Device::default().here());
        session.hear(&length.to_be_bytes());
        assert!(session.look().is_err());
    }
    // Lists and texts that only claim to be long.
    for head in [[0x9b_u8], [0xbb], [0x5b], [0x7b]] {
        for kind in 1..=10_u8 {
            let body = [&[0xa2, 0, kind, 1][..], &head, &[0xff; 8]].concat();
            assert!(Frame::read(&body).is_err());
            let body = [&[0xa2, 0, kind, 4][..], &head, &[0xff; 8]].concat();
            assert!(Frame::read(&body).is_err());
        }
    }
}

#[test]
fn who_says_that_it_has_everything_is_asked_for_little() {
    let mut have = Have::new();
    let mut all = Ranges::new();
    all.insert_range(1..=u64::MAX);
    (0..100).for_each(|log| drop(have.insert([log; 16], Held { ranges: all.clone(), ..Held::default() })));
    let (mut session, outputs) = greeted(&Device::default(), have);
    let asked = |outputs: &[Output]| -> Vec<(LogId, u64)> {
        let frames = outputs.iter().filter_map(|output| match output {
            Output::Send(bytes) => Some(read(bytes)),
            _ => None,
        });
        frames
            .filter_map(|frame| match frame {
                Frame::Want(log, ranges) => Some(ranges.iter().map(move |seq| (log, seq)).collect::<Vec<_>>()),
                _ => None,
            })
            .flatten()
            .collect()
    };
    let first = asked(&outputs);
    assert!(first.len() <= MAX_OPEN, "{}", first.len());
    // It has nothing after all: what it said of a log is not believed twice, and the exchange ends.
    let (mut next, mut total, mut settled) = (first, 0, false);
    while !next.is_empty() {
        total += next.len();
        let mut more = Vec::new();
        for (log, seq) in next {
            session.hear(&Frame::Segments { log, seq, segments: Vec::new(), more: false }.bytes());
            let outputs = session.look().unwrap().unwrap();
            settled |= outputs.contains(&Output::Settle);
            more.extend(asked(&outputs));
        }
        next = more;
    }
    assert!(settled && total <= 100 * MAX_OPEN, "{total}");
}

#[test]
fn what_nobody_asked_for_is_refused() {
    let (here, none) = (Device::with(LOG, 1..=3), Have::new);
    for frame in [
        Frame::Segments { log: LOG, seq: 4, segments: vec![vec![1]], more: false },
        Frame::Hello { proto: [1, 1], notebook: NOTEBOOK, parcels: [0; 32], have: none(), is_new: false },
        Frame::Names(Vec::new()),
        Frame::Checkpoint(vec![1]),
        Frame::Intro(Vec::new()),
        Frame::Want(LOG, (1..=MAX_OPEN as u64 + 1).collect()),
        Frame::Break("no".into()),
    ] {
        let (mut session, _) = greeted(&here, none());
        session.hear(&frame.bytes());
        assert!(session.look().is_err(), "{frame:?}");
    }
    for frame in every_frame().into_iter().skip(1) {
        let (mut session, _) = Session::begin(here.here());
        session.hear(&frame.bytes());
        assert!(session.look().is_err(), "{frame:?} before a greeting");
    }
}

#[test]
fn another_notebook_and_other_versions_are_told_apart() {
    let hello = |proto, notebook| Frame::Hello { proto, notebook, parcels: [0; 32], have: Have::new(), is_new: false };
    let answer = |frame: Frame| {
        let (mut session, _) = Session::begin(Device::default().here());
        session.hear(&frame.bytes());
        session.look()
    };
    assert!(matches!(answer(hello([1, 1], NotebookTag([8; 16]))), Err(Error::Foreign(_))));
    assert!(matches!(answer(hello([2, 3], NOTEBOOK)), Err(Error::NeedsUpdate(_))));
    assert!(matches!(answer(hello([0, 0], NOTEBOOK)), Err(Error::Peer(_))));
    assert!(answer(hello([1, 7], NOTEBOOK)).is_ok());
}

#[test]
fn frames_without_end_come_to_an_end() {
    for frame in [Frame::Unknown, Frame::Bye(9), Frame::Ack(Have::new()), Frame::Want([5; 16], Ranges::new())] {
        let (mut session, _) = greeted(&Device::default(), Device::with(LOG, [1]).have());
        let bytes = frame.bytes();
        let ended = (0..=MAX_FRAMES).any(|_| {
            session.hear(&bytes);
            session.look().is_err()
        });
        assert!(ended, "{frame:?}");
    }
}

#[test]
fn a_list_of_no_files_is_not_looked_up() {
    for last in [false, true] {
        let mut here = Device::default();
        here.file(b"a file of the roster");
        let (mut session, _) = greeted(&here, Have::new());
        session.hear(&Frame::Roster { parcels: Vec::new(), last }.bytes().repeat(50));
        let mut looked = 0;
        while let Some(outputs) = session.look().unwrap() {
            looked += 1;
            assert!(!outputs.iter().any(|output| matches!(output, Output::TakeRoster(_))), "{outputs:?}");
        }
        assert_eq!(looked, 50);
        session.hear(&Frame::Roster { parcels: vec![vec![1; 9]], last: true }.bytes());
        assert_eq!(session.look().unwrap(), Some(vec![Output::TakeRoster(vec![vec![1; 9]])]));
    }
}

#[test]
fn a_peer_that_tells_of_ever_more_logs_is_refused() {
    let (mut session, _) = greeted(&Device::default(), Have::new());
    let refused = (0..=MAX_LOGS as u32 / 1000).any(|round| {
        let have = (0..1000_u32).map(|n| {
            let mut log = [0; 16];
            log[..4].copy_from_slice(&(round * 1000 + n).to_be_bytes());
            (log, Held::default())
        });
        session.hear(&Frame::Ack(have.collect()).bytes());
        session.look().is_err()
    });
    assert!(refused);
}

#[test]
fn what_is_told_is_what_the_other_takes_and_of_who_has_most_it_is_least() {
    let name = |owner: u8, n: u32| {
        let mut log = [owner; 16];
        log[..4].copy_from_slice(&n.to_be_bytes());
        log
    };
    let whole = |last: u64| held((1..=last).map(|seq| (seq, [0; 32], true)));
    let holes = |count: u64| held((0..count).map(|n| (1 + 2 * n, [0; 32], true)));
    let honest: Have = (0..20).map(|n| (name(1, n), whole(5))).collect();
    assert_eq!(tellable(honest.clone(), |log| usize::from(log[15])), honest, "an ordinary notebook tells everything");
    let mut all = honest.clone();
    all.extend((0..6000).map(|n| (name(2, n), whole(1))));
    all.extend((0..60).map(|n| (name(3, n), holes(MAX_RANGES as u64))));
    all.insert(name(4, 0), holes(MAX_RANGES as u64 + 1));
    all.insert(name(4, 1), whole(9));
    let told = tellable(all, |log| usize::from(log[15]));
    assert!(honest.iter().all(|(log, held)| told.get(log) == Some(held)), "the others are told whole");
    assert!(told.contains_key(&name(4, 1)) && !told.contains_key(&name(4, 0)));
    assert!(told.keys().any(|log| log[15] == 2) && told.keys().any(|log| log[15] == 3));
    let (mut session, _) = greeted(&Device::default(), Have::new());
    session.hear(&Frame::Ack(told).bytes());
    assert!(session.look().unwrap().is_some());
}
