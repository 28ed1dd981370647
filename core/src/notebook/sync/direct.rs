//! Bringing this notebook together with one other device, over a line: the steps are those of a pass through a mailbox,
//! what is said is `session`'s, and how the line is had the carrier's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::receive::{MOST_BYTES_KEPT_BACK, TOO_MANY_TWINS, Took};
use super::restored::ONLY_ASKED;
use super::weigh::Weighing;
use super::{SetAside, SyncReport};
use crate::error::{Error, Result};
use crate::notebook::{Notebook, Progress};
use crate::store::segments;
use crate::sync::LogId;
use crate::sync::carrier::direct::{Closed, Direct, Guest, Guests, Stranger};
use crate::sync::carrier::{Heard, Line};
use crate::sync::hex;
use crate::sync::keys::DeviceId;
use crate::sync::keystore::{KeyStore, Trial};
use crate::sync::member::Member;
use crate::sync::near::{Announcement, Beacon};
use crate::sync::seal;
use crate::sync::session::{self, Have, Here, Input, MAX_INTRO, Output, ParcelId, Session};

/// How long nothing may come from a device that has something to say.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is asked, meanwhile, whether to go on.
const STEP: Duration = Duration::from_millis(250);
/// Under which name a key store keeps where devices were reached, and how many places of each.
const ADDRESSES: &str = "addresses";
const MAX_ADDRESSES: usize = 4;
/// Bytes that wait to leave before more are fetched from the file.
const QUEUE: usize = 2 * 1024 * 1024;
/// Segments under one number that are given in one exchange.
const MOST_UNDER_ONE: u32 = 64;
/// Longest time of one exchange, whoever is at the other end.
pub(super) const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Another device of the notebook, as one that looks for it needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Peer {
    /// Which device.
    pub device: DeviceId,
    /// The key by which it is reached and known on a network.
    pub endpoint: [u8; 32],
    /// What it is called.
    pub name: String,
}

/// An exchange with another device, and what it brought.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Visit {
    /// With whom.
    pub peer: Peer,
    /// What it brought.
    pub report: SyncReport,
}

/// Where a device of the notebook was reached before, the latest first.
pub fn known_addresses(keys: &dyn KeyStore, peer: &Peer) -> Vec<SocketAddr> {
    all_addresses(keys).remove(&hex(&peer.device.0)).unwrap_or_default()
}

/// Remembers, on this device only, where another was reached.
///
/// # Errors
/// As the key store.
pub fn remember_address(keys: &dyn KeyStore, peer: &Peer, address: SocketAddr) -> Result<()> {
    let mut all = all_addresses(keys);
    let of_peer = all.entry(hex(&peer.device.0)).or_default();
    if of_peer.first() == Some(&address) {
        return Ok(());
    }
    of_peer.retain(|known| *known != address);
    of_peer.insert(0, address);
    of_peer.truncate(MAX_ADDRESSES);
    keys.put(ADDRESSES, &serde_json::to_vec(&all).unwrap_or_default())
}

/// A file that cannot be read is one that remembers nothing.
fn all_addresses(keys: &dyn KeyStore) -> BTreeMap<String, Vec<SocketAddr>> {
    let kept = keys.get(ADDRESSES).ok().flatten();
    kept.and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default()
}

/// What a notebook and the other end of a line have to do with each other.
struct Meeting<'a> {
    member: Member,
    peer: [u8; 32],
    keys: &'a dyn KeyStore,
    report: SyncReport,
    /// By the roster as it is now.
    weighing: Weighing,
    /// Segments that there is no room for, as long as nothing that follows them shows that they count, and their bytes.
    left: Vec<Vec<u8>>,
    left_bytes: u64,
    /// Bytes that were handed to the line and have not left.
    queued: usize,
    is_over: bool,
}

impl Meeting<'_> {
    fn set_aside(&mut self, why: String) {
        self.report.set_aside.push(SetAside { file: "a segment of the other device".into(), why });
    }
}

impl Notebook {
    /// The other devices of the notebook, to be looked for on a network; none when this one was removed.
    ///
    /// # Errors
    /// As [`Notebook::member`].
    pub fn peers(&self, keys: &dyn KeyStore) -> Result<Vec<Peer>> {
        let Some(member) = self.member(keys)? else { return Ok(Vec::new()) };
        let me = member.device();
        if member.roster().device(&me).is_none() {
            return Ok(Vec::new());
        }
        let others = member.roster().devices.iter().filter(|device| device.public.device != me);
        let peer = |device: &crate::sync::roster::Device| Peer {
            device: device.public.device,
            endpoint: device.public.endpoint,
            name: device.name.clone(),
        };
        Ok(others.map(peer).collect())
    }

    /// What this device shows on a network, so that the others find it there; none while it has no other device. To be
    /// asked again when [`Direct`] takes another port, and when a key changed, which every exchange may bring about.
    ///
    /// # Errors
    /// As [`Notebook::member`].
    pub fn announcement(&self, keys: &dyn KeyStore, port: u16) -> Result<Option<Announcement>> {
        let Some(member) = self.member_if_not_behind(keys)? else { return Ok(None) };
        Ok(self.with_random(|random| Announcement::of(|nonce| member.beacon(nonce), port, random)))
    }

    /// Which other device of the notebook shows itself so; none for a stranger.
    ///
    /// # Errors
    /// As [`Notebook::member`].
    pub fn recognise(&self, keys: &dyn KeyStore, text: &HashMap<String, String>) -> Result<Option<Peer>> {
        let (Some(beacon), Some(member)) = (Beacon::read(text), self.member(keys)?) else { return Ok(None) };
        let device = beacon.of(&member);
        Ok(self.peers(keys)?.into_iter().find(|peer| Some(peer.device) == device))
    }

    /// Takes a place on the network under the key of this device, and at its relay if one is set; none while the notebook
    /// has no other device.
    ///
    /// # Errors
    /// [`Error::SyncFirst`] when the notebook was put back from an older copy and has not caught up, see
    /// [`Notebook::is_behind`]; else as [`Direct::bind`] and [`Notebook::member`].
    pub fn go_on_the_network(&self, keys: &dyn KeyStore, port: u16) -> Result<Option<Direct>> {
        let Some(member) = self.member(keys)? else { return Ok(None) };
        self.must_not_be_behind(keys)?;
        Direct::bind(member.keys().endpoint_key(), port, self.relay()?).map(Some)
    }

    /// Who may come in, by the roster as it is now: nobody while it may not be the one that this device knew, see
    /// [`Notebook::is_behind`].
    ///
    /// # Errors
    /// As [`Notebook::member`].
    pub fn guests(&self, keys: &dyn KeyStore) -> Result<Guests> {
        Ok(self.member_if_not_behind(keys)?.map(|member| guests_of(&member)).unwrap_or_default())
    }

    /// Calls another device at these addresses, and brings the two notebooks together. Should it not know this device
    /// yet, it is shown the proof that this one was let in, and called again.
    ///
    /// Also says where it was reached.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it answers nowhere, [`Error::Unreachable`] when the relay does not answer; else as
    /// [`Notebook::sync_over`].
    pub fn call(
        &self,
        direct: &Direct,
        peer: &Peer,
        at: &[SocketAddr],
        keys: &dyn KeyStore,
        progress: Progress<'_>,
    ) -> Result<(SyncReport, Option<SocketAddr>)> {
        let mut introduced = false;
        self.must_not_be_behind(keys)?;
        loop {
            let mut line = direct.dial_while(peer.endpoint, at, &mut || progress(0, 0))?;
            let address = line.address();
            let report = self.sync_over(&mut line, keys, progress);
            if report.is_err() && line.closed() == Some(Closed::Stranger) && !std::mem::replace(&mut introduced, true) {
                drop(line);
                direct.introduce(peer.endpoint, at, self.proof(keys)?, &mut || progress(0, 0))?;
                continue;
            }
            match &report {
                Ok(_) => self.removal_was_not_so(&peer.device)?,
                Err(_) if line.closed() == Some(Closed::Removed) => self.removal_was_told(peer)?,
                Err(_) => {}
            }
            return report.map(|report| (report, address));
        }
    }

    /// Calls another device at an address that the person named. A notebook that was put back from an older copy asks it
    /// for its list of devices, before it says anything; see [`Notebook::is_behind`].
    ///
    /// # Errors
    /// [`Error::SyncFirst`] when the other device does not know what this one knew before; else as
    /// [`Notebook::call`].
    pub fn call_chosen(
        &self,
        direct: &Direct,
        peer: &Peer,
        at: &[SocketAddr],
        keys: &dyn KeyStore,
        progress: Progress<'_>,
    ) -> Result<(SyncReport, Option<SocketAddr>)> {
        if self.is_behind(keys)? {
            let mut line = direct.dial_while(peer.endpoint, at, &mut || progress(0, 0))?;
            self.ask_for_roster(&mut line, keys, progress)?;
        }
        self.call(direct, peer, at, keys, progress)
    }

    /// Calls another device where it showed itself, or without an address where it was before, and remembers where it
    /// answered.
    ///
    /// # Errors
    /// As [`Notebook::call`].
    pub fn visit(
        &self,
        direct: &Direct,
        peer: &Peer,
        at: &[SocketAddr],
        keys: &dyn KeyStore,
        progress: Progress<'_>,
    ) -> Result<SyncReport> {
        let before = if at.is_empty() { known_addresses(keys, peer) } else { Vec::new() };
        let (report, address) = self.call(direct, peer, &[at, &before].concat(), keys, progress)?;
        address.map_or(Ok(()), |address| remember_address(keys, peer, address))?;
        Ok(report)
    }

    /// Calls another device at an address that the person named, there and nowhere else, on a place on the network of its own:
    /// a notebook that was put back from an older copy has no other, see [`Notebook::call_chosen`]. Remembers where it
    /// answered.
    ///
    /// # Errors
    /// [`Error::SyncFirst`] when the notebook has no other device; else as [`Direct::bind`] and [`Notebook::call_chosen`].
    pub fn visit_chosen(
        &self,
        peer: &Peer,
        at: &[SocketAddr],
        keys: &dyn KeyStore,
        progress: Progress<'_>,
    ) -> Result<SyncReport> {
        let member = self.member(keys)?.ok_or_else(|| Error::SyncFirst("this notebook has no other devices".into()))?;
        let direct = Direct::bind(member.keys().endpoint_key(), 0, None)?;
        let (report, address) = self.call_chosen(&direct, peer, at, keys, progress)?;
        address.map_or(Ok(()), |address| remember_address(keys, peer, address))?;
        Ok(report)
    }

    /// Waits for somebody to come, and serves them.
    ///
    /// # Errors
    /// As [`Notebook::serve`].
    pub fn serve_next(
        &self,
        direct: &Direct,
        at_most: Duration,
        keys: &dyn KeyStore,
        progress: Progress<'_>,
    ) -> Result<Option<Visit>> {
        direct.open_door(self.guests(keys)?);
        let Some(guest) = direct.next_guest_while(at_most, &mut || progress(0, 0))? else { return Ok(None) };
        Ok(self.serve(direct, guest, keys, progress)?.map(|(peer, report)| Visit { peer, report }))
    }

    /// Serves somebody who came: a device of the notebook is synced with, and named; one that proves that it was let in is
    /// told to come again.
    ///
    /// # Errors
    /// As [`Notebook::sync_over`].
    pub fn serve(
        &self,
        direct: &Direct,
        guest: Guest,
        keys: &dyn KeyStore,
        progress: Progress<'_>,
    ) -> Result<Option<(Peer, SyncReport)>> {
        let report = match guest {
            Guest::Known(mut line) => {
                let peer = self.peers(keys)?.into_iter().find(|peer| peer.endpoint == line.peer());
                let served = self.sync_over(&mut line, keys, progress);
                if let (Ok(_), Some(peer)) = (&served, &peer) {
                    self.removal_was_not_so(&peer.device)?;
                }
                match served {
                    // It was put back from a backup, and comes again once it knows who belongs.
                    Err(Error::Unreachable(why)) if why.ends_with(ONLY_ASKED) => Ok(None),
                    other => other.map(|report| peer.zip(Some(report))),
                }
            }
            Guest::Stranger(stranger) => {
                let belongs = self.is_proof(&stranger, keys);
                // Told that it belongs, it comes again at once: the door has to know it by then.
                direct.open_door(self.guests(keys)?);
                stranger.answer(matches!(belongs, Ok(true)));
                belongs.map(|_| None)
            }
        };
        // Whom this exchange let in or removed is treated so at the door.
        direct.open_door(self.guests(keys)?);
        report
    }

    /// Brings the notebook together with the one at the other end of a line. What it answers is true of both: what is
    /// said to be handed over, the other device has on its disk.
    ///
    /// # Errors
    /// [`Error::Foreign`] when the other device is not, or no longer, one of the notebook, [`Error::Removed`] when this one
    /// was removed, [`Error::Unreachable`] when the line breaks, [`Error::Peer`] when the other says what no device of ours
    /// says; [`Error::Storage`] when the disk refuses. What was done until then stays done.
    pub fn sync_over(&self, line: &mut dyn Line, keys: &dyn KeyStore, progress: Progress<'_>) -> Result<SyncReport> {
        if let Err(behind) = self.must_not_be_behind(keys) {
            // Not as one that was removed: whether it was is what is not known.
            drop(line.send(session::break_off(reason_of(&behind))));
            line.hang_up();
            return Err(behind);
        }
        let done = self.converse(line, keys, progress);
        if let Err(error) = &done {
            match self.guests(keys) {
                // Who does not belong here, or not any more, gets no word of ours.
                Ok(guests) if !guests.welcome.contains(&line.peer()) => line.refuse(),
                // Of a list that cannot be read now nothing follows: the other one would take it for its removal. On a line
                // that is gone this goes nowhere.
                _ => drop(line.send(session::break_off(reason_of(error)))),
            }
        }
        line.hang_up();
        done
    }

    fn converse(&self, line: &mut dyn Line, keys: &dyn KeyStore, progress: Progress<'_>) -> Result<SyncReport> {
        let mut member =
            self.member(keys)?.ok_or_else(|| Error::SyncFirst("this notebook has no other devices".into()))?;
        let peer = line.peer();
        must_belong(&member, peer)?;
        self.tend_roster(&mut member, keys)?;
        self.pass_over_as_this_version()?;
        let (parcels, have) = (self.parcel_ids(&member)?, self.have(&member)?);
        let is_new = have.is_empty() && !self.has_told_records()?;
        let here = Here { notebook: member.tag(), parcels, have, is_new };
        let mut meeting = Meeting {
            member,
            peer,
            keys,
            report: SyncReport::default(),
            weighing: Weighing::default(),
            left: Vec::new(),
            left_bytes: 0,
            queued: 0,
            is_over: false,
        };
        let (mut session, first) = Session::begin(here);
        self.act(&mut meeting, &mut session, line, first)?;
        let began = Instant::now();
        while !meeting.is_over {
            while session.wants_room() && meeting.queued < QUEUE {
                let outputs = session.step(Input::Room)?;
                self.act(&mut meeting, &mut session, line, outputs)?;
            }
            in_time(began)?;
            match heard_within(line, PATIENCE, &mut || {
                self.mind_what_changed(&mut meeting)?;
                progress(meeting.report.read, meeting.report.read + session.open())
            })? {
                Heard::Bytes(bytes) => session.hear(&bytes),
                Heard::Sent(length) => meeting.queued = meeting.queued.saturating_sub(length),
                Heard::End => {
                    return Err(Error::Unreachable("the other device ended the exchange before it was over".into()));
                }
                Heard::Nothing => return Err(Error::Unreachable("the other device says nothing any more".into())),
            }
            while let Some(outputs) = session.look()? {
                // Many frames may have come at once, and each of them costs.
                in_time(began)?;
                self.act(&mut meeting, &mut session, line, outputs)?;
                progress(meeting.report.read, meeting.report.read + session.open())?;
            }
        }
        let outcome = session.outcome();
        let (written, unconfirmed, more) = (outcome.given, outcome.unconfirmed, outcome.more);
        Ok(SyncReport { written, unconfirmed, more, ..meeting.report })
    }

    /// Does what the session asks for, and what that brings about.
    fn act(
        &self,
        meeting: &mut Meeting<'_>,
        session: &mut Session,
        line: &mut dyn Line,
        outputs: Vec<Output>,
    ) -> Result<()> {
        for output in outputs {
            if !matches!(output, Output::Send(_) | Output::Done) {
                self.mind_what_changed(meeting)?;
            }
            let input = match output {
                Output::Send(bytes) => {
                    meeting.queued += bytes.len();
                    line.send(bytes)?;
                    continue;
                }
                Output::Done => {
                    meeting.is_over = true;
                    continue;
                }
                Output::Take(bytes) => {
                    self.take_from_peer(meeting, &bytes)?;
                    continue;
                }
                Output::TakeCheckpoint(part) => {
                    self.take_part(&meeting.member, &part)?;
                    continue;
                }
                Output::GiveCheckpoint => Input::Checkpoint(self.checkpoint_for_newcomer(&meeting.member)?),
                Output::TakeRoster(parcels) => {
                    self.take_parcels(meeting, parcels)?;
                    Input::Roster(self.parcel_ids(&meeting.member)?)
                }
                Output::GiveRoster(ids) => {
                    let kept = self.read(segments::parcels)?.into_iter();
                    Input::Parcels(kept.filter(|(id, _)| ids.contains(id)).map(|(_, bytes)| bytes).collect())
                }
                Output::Give(log, seq) => Input::Segments(log, seq, self.some_under(log, seq)?),
                Output::Tell => Input::Have(self.have(&meeting.member)?),
                Output::Settle => {
                    self.settle_with(meeting)?;
                    Input::Settled(self.parcel_ids(&meeting.member)?, self.have(&meeting.member)?)
                }
            };
            let more = session.step(input)?;
            self.act(meeting, session, line, more)?;
        }
        Ok(())
    }

    /// A segment that is refused does not end the exchange: the next one may be fine.
    fn take_from_peer(&self, meeting: &mut Meeting<'_>, bytes: &[u8]) -> Result<()> {
        match self.take_bytes((&meeting.member, &mut meeting.weighing), bytes, &mut meeting.report) {
            Err(error @ (Error::Peer(_) | Error::NeedsUpdate(_) | Error::Invalid(_))) => {
                meeting.set_aside(error.to_string());
                Ok(())
            }
            Ok(Took::NoRoom) if meeting.left_bytes < MOST_BYTES_KEPT_BACK => {
                meeting.left_bytes += bytes.len() as u64;
                meeting.left.push(bytes.to_vec());
                Ok(())
            }
            Ok(Took::NoRoom) => {
                meeting.set_aside(TOO_MANY_TWINS.into());
                Ok(())
            }
            Ok(Took::Refused(why)) => {
                meeting.set_aside(why.into());
                Ok(())
            }
            taken => taken.map(drop),
        }
    }

    /// Looks once more at what there was no room for, the last first.
    fn take_those_left_by_peer(&self, meeting: &mut Meeting<'_>) -> Result<()> {
        let left = std::mem::take(&mut meeting.left);
        if left.is_empty() {
            return Ok(());
        }
        self.weigh_again(&meeting.member, &mut meeting.report)?;
        meeting.weighing.looked_again();
        // Nothing is left for later once more.
        meeting.left_bytes = MOST_BYTES_KEPT_BACK;
        left.iter().rev().try_for_each(|bytes| self.take_from_peer(meeting, bytes))?;
        meeting.left_bytes = 0;
        Ok(())
    }

    /// Segments under a number of a log, as many as are given at once. Who has many of them gives others at every meeting.
    fn some_under(&self, log: LogId, seq: u64) -> Result<Vec<Vec<u8>>> {
        let mut after = [0; 32];
        self.with_random(|random| random(&mut after));
        self.read(|connection| segments::under(connection, (log, seq), after, MOST_UNDER_ONE))
    }

    /// Those files of the roster that are of this notebook and not here.
    fn fresh_parcels(&self, member: &Member, parcels: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
        let (known, tag) = (self.parcel_ids(member)?, member.tag());
        let is_new = |parcel: &Vec<u8>| {
            parcel.len() <= seal::MAX_PARCEL
                && !known.contains(&session::parcel_id(parcel))
                && seal::parcel(parcel, &tag).is_ok()
        };
        Ok(parcels.into_iter().filter(is_new).collect())
    }

    /// Takes them, and does nothing else yet.
    pub(super) fn take_from_list(&self, member: &mut Member, parcels: Vec<Vec<u8>>, keys: &dyn KeyStore) -> Result<()> {
        let fresh = self.fresh_parcels(member, parcels)?;
        if fresh.is_empty() { Ok(()) } else { self.learn(member, fresh, keys) }
    }

    fn take_parcels(&self, meeting: &mut Meeting<'_>, parcels: Vec<Vec<u8>>) -> Result<()> {
        let fresh = self.fresh_parcels(&meeting.member, parcels)?;
        if fresh.is_empty() {
            return Ok(());
        }
        // As it is now: another exchange may have learned something meanwhile.
        meeting.member = self.member(meeting.keys)?.ok_or_else(|| Error::Foreign("this notebook was left".into()))?;
        self.learn(&mut meeting.member, fresh, meeting.keys)?;
        self.mind_roster(meeting)
    }

    /// Whoever is removed here or elsewhere while the two speak is not heard from then on, and hears nothing.
    fn mind_what_changed(&self, meeting: &mut Meeting<'_>) -> Result<()> {
        if self.keep_up(&mut meeting.member, meeting.keys)? { self.mind_roster(meeting) } else { Ok(()) }
    }

    /// What follows from the roster as it is now: whether the two may speak at all, what is to be said, and what is to be
    /// deleted.
    fn mind_roster(&self, meeting: &mut Meeting<'_>) -> Result<()> {
        must_belong(&meeting.member, meeting.peer)?;
        self.tend_roster(&mut meeting.member, meeting.keys)?;
        meeting.weighing = Weighing::default();
        meeting.report.purges_waiting.clear();
        self.take_purges(&meeting.member, &mut meeting.report)
    }

    /// After reading, as with a mailbox: a segment of our log that is not ours says that a copy of this notebook writes to
    /// it too.
    fn settle_with(&self, meeting: &mut Meeting<'_>) -> Result<()> {
        self.take_those_left_by_peer(meeting)?;
        self.reconsider(&meeting.member, &mut meeting.report)?;
        self.forget_renewed(&mut meeting.member, &mut meeting.report)?;
        self.forget_keys(&mut meeting.member, meeting.keys)?;
        meeting.weighing = Weighing::default();
        self.scrub_if_need_be()?;
        let log = self.log_of(&meeting.member, meeting.keys, &mut meeting.report)?;
        self.seal_segments(&mut meeting.member, log, meeting.keys, &mut meeting.report, &mut |_, _| Ok(()))?;
        // What was sealed may be for others alone.
        must_belong(&meeting.member, meeting.peer)?;
        meeting.report.missing = self.count_missing(&meeting.member)?.any;
        self.settle_told(&mut meeting.report)?;
        Ok(())
    }

    /// A device that is not known shows files of the roster. They are kept only if they prove that it was let in.
    fn is_proof(&self, stranger: &Stranger, keys: &dyn KeyStore) -> Result<bool> {
        let Some(mut on_trial) = self.member_if_not_behind(keys)? else { return Ok(false) };
        let kept: Vec<Vec<u8>> = self.read(segments::parcels)?.into_iter().map(|(_, bytes)| bytes).collect();
        // The keys that come with it, too: one of an epoch that no entry here names would say that this notebook is behind.
        on_trial.take(&Trial::above(keys), &[kept, stranger.parcels.clone()].concat())?;
        if !guests_of(&on_trial).welcome.contains(&stranger.who) {
            return Ok(false);
        }
        let Some(mut member) = self.member(keys)? else { return Ok(false) };
        let is_ours = |parcel: &Vec<u8>| seal::parcel(parcel, &on_trial.tag()).is_ok();
        self.learn(&mut member, stranger.parcels.iter().filter(|parcel| is_ours(parcel)).cloned().collect(), keys)?;
        Ok(true)
    }

    /// What proves to a device that was away that this one was let in: files of the roster, entries first, as many as one
    /// frame holds.
    fn proof(&self, keys: &dyn KeyStore) -> Result<Vec<Vec<u8>>> {
        let Some(member) = self.member(keys)? else { return Ok(Vec::new()) };
        let mut parcels: Vec<Vec<u8>> = self.read(segments::parcels)?.into_iter().map(|(_, bytes)| bytes).collect();
        parcels.sort_by_key(|parcel| member.known_in(parcel).is_none());
        let mut room = MAX_INTRO - 64;
        parcels.retain(|parcel| {
            let fits = parcel.len() + 8 <= room;
            room -= if fits { parcel.len() + 8 } else { 0 };
            fits
        });
        Ok(parcels)
    }

    /// The files of the roster that are here, entries first, and those that were passed over: the other need not give them.
    fn parcel_ids(&self, member: &Member) -> Result<BTreeSet<ParcelId>> {
        let (mut kept, passed_over) =
            self.read(|connection| Ok((segments::parcels(connection)?, segments::passed_over(connection)?)))?;
        if kept.len() > session::MAX_PARCELS {
            kept.sort_by_key(|(_, parcel)| member.known_in(parcel).is_none());
        }
        Ok(kept.into_iter().map(|(id, _)| id).chain(passed_over).take(session::MAX_PARCELS).collect())
    }

    /// What is here, log by log, as far as it may be told.
    fn have(&self, member: &Member) -> Result<Have> {
        let mut logs: BTreeMap<LogId, Vec<(u64, [u8; 32], bool)>> = BTreeMap::new();
        let wanted = self.wanted_again(member, &mut Weighing::default())?;
        for (at, state) in self.read(segments::places)?.into_iter().filter(|(at, _)| !wanted.contains(&at.hash)) {
            logs.entry(at.log).or_default().push((at.seq, at.hash, state.is_whole()));
        }
        let have = logs.into_iter().map(|(log, segments)| (log, session::held(segments))).collect();
        Ok(session::tellable(have, self.ranks(member)?))
    }
}

fn guests_of(member: &Member) -> Guests {
    let me = member.device();
    let others = member.roster().devices.iter().filter(|device| device.public.device != me);
    // Where the keys of a removed device stand is in the entry that added it.
    let added = member.entries().lacking(&[]).into_iter().filter_map(|entry| entry.act.adds());
    let removed = added.filter(|(device, _)| member.roster().removed(&device.device).is_some());
    Guests {
        welcome: others.map(|device| device.public.endpoint).collect(),
        removed: removed.map(|(device, _)| device.endpoint).collect(),
    }
}

fn must_belong(member: &Member, peer: [u8; 32]) -> Result<()> {
    if guests_of(member).welcome.contains(&peer) {
        return Ok(());
    }
    Err(Error::Foreign("the other device does not belong to this notebook any more; nothing more is exchanged".into()))
}

fn in_time(began: Instant) -> Result<()> {
    if began.elapsed() > LONGEST {
        return Err(Error::Unreachable("the other device takes too long; sync again for the rest".into()));
    }
    Ok(())
}

/// Waits for the other device, and looks now and then whether somebody has taken back what they asked for.
pub(super) fn heard_within(
    line: &mut dyn Line,
    at_most: Duration,
    look: &mut dyn FnMut() -> Result<()>,
) -> Result<Heard> {
    let began = Instant::now();
    loop {
        match line.wait(STEP)? {
            Heard::Nothing if began.elapsed() < at_most => look()?,
            heard => return Ok(heard),
        }
    }
}

/// What the other device is told: never the error itself, which may name devices or what is here.
fn reason_of(error: &Error) -> &'static str {
    match error {
        Error::Storage(_) => "its disk refused",
        Error::Cancelled => "somebody stopped it there",
        Error::NeedsUpdate(_) => "it has an older version of Kith",
        _ => "it could not go on, and says why on its own screen",
    }
}
