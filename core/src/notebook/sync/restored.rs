//! A notebook that was put back from an older copy may not know which devices were removed since. Until it has heard it
//! opens no door and calls nobody but the device at an address that the person chose, which is first asked for its list of
//! devices, before anything is said that is here.

use std::time::Instant;

use super::direct::{LONGEST, PATIENCE, heard_within};
use super::roster::is_of_roster;
use super::{SetAside, SyncReport};
use crate::error::{Error, Result};
use crate::notebook::{Notebook, Progress};
use crate::sync::carrier::mailbox::Item as Found;
use crate::sync::carrier::{Heard, Line};
use crate::sync::keystore::KeyStore;
use crate::sync::known::Known;
use crate::sync::member::Member;
use crate::sync::session::{self, Have, Here, Output, Session};

/// What a device says that must not speak yet.
const BEHIND: &str = "this notebook was put back from an older copy, so it may not know which devices were removed since. \
    Until it has heard that, it speaks with no other device directly. Nothing is lost: sync it once through a mailbox, be \
    it a folder on a stick, or name the address of a device that you trust, which is then asked for its list of devices \
    first";
/// What is told when a mailbox does not know what was known here before.
const NOT_HEARD_THERE: &str = "this notebook was put back from an older copy, and something that it knew of its devices \
    before is nowhere to be found. Look at the list of devices: one that you removed may stand there again, and is to be \
    removed once more";
/// What the device hears that was asked for its list and nothing else.
pub(super) const ONLY_ASKED: &str = "it only asked for the list of devices, and comes again";

impl Notebook {
    /// Whether this notebook was put back from a copy that is older than what its device knew of the others: see
    /// [`Notebook::guests`]. A pass through a mailbox, or a device at an address the person chose
    /// ([`Notebook::call_chosen`]), ends it.
    ///
    /// # Errors
    /// As [`Notebook::member`].
    pub fn is_behind(&self, keys: &dyn KeyStore) -> Result<bool> {
        Ok(self.member_and_is_behind(keys)?.is_some_and(|(_, is_behind)| is_behind))
    }

    /// This device's place in the notebook, unless it may not be the one that it had.
    pub(super) fn member_if_not_behind(&self, keys: &dyn KeyStore) -> Result<Option<Member>> {
        let found = self.member_and_is_behind(keys)?;
        Ok(found.filter(|(_, is_behind)| !is_behind).map(|(member, _)| member))
    }

    fn member_and_is_behind(&self, keys: &dyn KeyStore) -> Result<Option<(Member, bool)>> {
        // What is remembered first: another program may be writing both.
        let Some(tag) = self.tag()? else { return Ok(None) };
        let known = Known::of(keys, &tag)?;
        Ok(self.member(keys)?.map(|member| {
            let is_behind = known.is_ahead_of(&member);
            (member, is_behind)
        }))
    }

    /// Nothing is said directly by a notebook that is behind.
    pub(super) fn must_not_be_behind(&self, keys: &dyn KeyStore) -> Result<()> {
        if self.is_behind(keys)? { Err(Error::SyncFirst(BEHIND.into())) } else { Ok(()) }
    }

    /// Remembers outside of the notebook what is known of the devices now.
    pub(super) fn remember_roster(&self, member: &Member, keys: &dyn KeyStore) -> Result<()> {
        Known::of(keys, &member.tag())?.and(member, keys)
    }

    /// A mailbox that holds the list of devices is where this one hears of the others: whatever it still lacks then is
    /// nowhere, and said.
    pub(super) fn catch_up(
        &self,
        member: &Member,
        found: &[Found],
        keys: &dyn KeyStore,
        report: &mut SyncReport,
    ) -> Result<()> {
        let known = Known::of(keys, &member.tag())?;
        if !known.is_ahead_of(member) || !found.iter().any(is_of_roster) {
            return Ok(());
        }
        report.set_aside.push(SetAside { file: "an older list of devices".into(), why: NOT_HEARD_THERE.into() });
        known.only(member, keys)
    }

    /// This device came in anew: what it knew before counts no more.
    pub(in crate::notebook) fn begin_to_remember(&self, member: &Member, keys: &dyn KeyStore) -> Result<()> {
        Known::of(keys, &member.tag())?.only(member, keys)
    }

    /// Asks the device at the other end of a line for its list of devices. It is told which notebook this is, and nothing
    /// that is in it.
    ///
    /// # Errors
    /// [`Error::SyncFirst`] when what it gives is not all that this device knew before; else as [`Notebook::sync_over`].
    pub fn ask_for_roster(&self, line: &mut dyn Line, keys: &dyn KeyStore, progress: Progress<'_>) -> Result<()> {
        let heard = self.hear_roster(line, keys, progress);
        drop(line.send(session::break_off(ONLY_ASKED)));
        line.hang_up();
        heard?;
        self.must_not_be_behind(keys)
    }

    fn hear_roster(&self, line: &mut dyn Line, keys: &dyn KeyStore, progress: Progress<'_>) -> Result<()> {
        let Some(mut member) = self.member(keys)? else { return Ok(()) };
        let here = Here { notebook: member.tag(), parcels: Default::default(), have: Have::default(), is_new: false };
        let (mut session, first) = Session::begin(here);
        let (mut outputs, began) = (first, Instant::now());
        loop {
            for output in outputs {
                match output {
                    Output::Send(bytes) => line.send(bytes)?,
                    Output::TakeRoster(parcels) => self.take_from_list(&mut member, parcels, keys)?,
                    // Whatever else the other would like to hear, it does not.
                    _ => {}
                }
            }
            if session.has_their_roster() {
                return Ok(());
            }
            outputs = match session.look()? {
                Some(outputs) => outputs,
                None => {
                    match heard_within(line, PATIENCE, &mut || progress(0, 0))? {
                        Heard::Bytes(bytes) => session.hear(&bytes),
                        Heard::Sent(_) => {}
                        Heard::End | Heard::Nothing => {
                            return Err(Error::Unreachable("the other device did not give its list of devices".into()));
                        }
                    }
                    Vec::new()
                }
            };
            if began.elapsed() > LONGEST {
                return Err(Error::Unreachable("the other device takes too long".into()));
            }
        }
    }
}
