//! The devices of a notebook: let in, listed, removed; the recovery key; what waits for somebody's decision.

use std::sync::Arc;

use kith_core::notebook::{
    BeforeRemoval, DeviceRow, Identity, Joining, KeptBack, Knock, Refused, Removal, RenewReport, SyncReport,
    WaitingPurge,
};
use kith_core::sync::keys::RecoveryKit;
use kith_core::sync::pairing::Code;

use crate::notebook::Notebook;
use crate::{KeyRing, Mailbox, Result, Run};

/// A device that was invited and asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct JoinRequest {
    /// What it calls itself.
    pub name: String,
    /// Six digits that it must show, too. A person compares them.
    pub digits: String,
}

#[uniffi::export]
impl Notebook {
    /// Brings this notebook together with the others through a mailbox: takes what is new there, and puts there what it
    /// lacks. A notebook that has no other device yet is founded by it. The run counts files, first those that are read,
    /// then those that are looked after.
    ///
    /// # Errors
    /// [`KithError::Foreign`](crate::KithError::Foreign) when the mailbox belongs to another notebook, or this one was put
    /// back without the keys of its device; [`KithError::Removed`](crate::KithError::Removed) when this device was removed;
    /// [`KithError::Unreachable`](crate::KithError::Unreachable) when the place cannot be used just now,
    /// [`KithError::Denied`](crate::KithError::Denied) when it does not let this device in, [`KithError::NotFound`](crate::KithError::NotFound)
    /// when there is no such place. What was done until then stays done.
    pub fn sync(&self, mailbox: Arc<Mailbox>, keys: Arc<KeyRing>, run: Arc<Run>) -> Result<SyncReport> {
        self.ask(|notebook| mailbox.followed(&run, |place, progress| notebook.sync(place, keys.keys(), progress)))
    }

    /// Begins an invitation through a mailbox, and syncs with it: answers the code to be typed on the new device, or shown
    /// to its camera. An earlier invitation is void from then on. Cancelled, no code was shown, and whatever of it was
    /// written goes with the next invitation, or with [`Notebook::cancel_invitation`].
    ///
    /// # Errors
    /// As [`Notebook::sync`].
    pub fn invite(&self, mailbox: Arc<Mailbox>, keys: Arc<KeyRing>, run: Arc<Run>) -> Result<String> {
        self.ask(|notebook| {
            let code = mailbox.watched(&run, |place| notebook.invite(place, keys.keys()))?;
            Ok(code.text().to_string())
        })
    }

    /// The device that was invited and asks to be let in, once it has come; to be asked every few seconds. The device that
    /// comes first with the code is answered on the way, so that it can ask; no other can.
    ///
    /// # Errors
    /// [`KithError::Declined`](crate::KithError::Declined) when it was not written by somebody who knows the code, is not of
    /// the device that came first, or that says no: the invitation is void then. [`KithError::NotFound`](crate::KithError::NotFound) when nobody is invited.
    pub fn request_to_join(
        &self,
        mailbox: Arc<Mailbox>,
        keys: Arc<KeyRing>,
        run: Arc<Run>,
    ) -> Result<Option<JoinRequest>> {
        self.ask(|notebook| {
            let request = mailbox.watched(&run, |place| notebook.request_to_join(place, keys.keys()))?;
            Ok(request.map(|request| JoinRequest { name: request.name, digits: request.digits }))
        })
    }

    /// Lets in the device that asked, if these are the digits it shows; answers its name, or none while its person has not
    /// said yes there, too: to be asked every few seconds. Cancelled, the device is let in or it is not, and asked again it
    /// is.
    ///
    /// # Errors
    /// [`KithError::Declined`](crate::KithError::Declined) when it shows others, or its person said no: the invitation is
    /// void then; [`KithError::NotFound`](crate::KithError::NotFound) when nobody is invited or has asked; else as
    /// [`Notebook::sync`].
    pub fn admit(
        &self,
        mailbox: Arc<Mailbox>,
        keys: Arc<KeyRing>,
        digits: String,
        run: Arc<Run>,
    ) -> Result<Option<String>> {
        self.ask(|notebook| {
            let request = mailbox.watched(&run, |place| notebook.admit_who_shows(place, keys.keys(), &digits))?;
            Ok(request.map(|request| request.name))
        })
    }

    /// Takes an invitation back; what was not answered is void. Cancelled or failed, it is void all the same, and the other
    /// device may not hear of it.
    ///
    /// # Errors
    /// As [`Notebook::sync`].
    pub fn cancel_invitation(&self, mailbox: Arc<Mailbox>, keys: Arc<KeyRing>, run: Arc<Run>) -> Result<()> {
        self.ask(|notebook| mailbox.watched(&run, |place| notebook.cancel_invitation(place, keys.keys())))
    }

    /// Asks at the notebook a code leads into: whose it is, how large, and the digits, for a person to see before anything
    /// is taken or given. With a yes go on with [`Notebook::agree_to_join`], else call [`Notebook::decline_to_join`]. None
    /// while the other device has not heard of this one: to be asked every few seconds.
    ///
    /// # Errors
    /// As [`Notebook::join`].
    pub fn knock(
        &self,
        mailbox: Arc<Mailbox>,
        keys: Arc<KeyRing>,
        code: String,
        run: Arc<Run>,
    ) -> Result<Option<Knock>> {
        self.ask(|notebook| {
            let code = Code::parse(&code)?;
            mailbox.watched(&run, |place| notebook.knock(place, keys.keys(), &code))
        })
    }

    /// Somebody has seen what [`Notebook::knock`] answered and says yes; [`Notebook::join`] without the code goes on.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when nothing was asked; else as [`Notebook::sync`].
    pub fn agree_to_join(&self, mailbox: Arc<Mailbox>, keys: Arc<KeyRing>, run: Arc<Run>) -> Result<()> {
        self.ask(|notebook| mailbox.watched(&run, |place| notebook.agree_to_join(place, keys.keys())))
    }

    /// Somebody has seen it and says no: everything stays as it was, and the other device is told.
    ///
    /// # Errors
    /// As [`Notebook::sync`].
    pub fn decline_to_join(&self, mailbox: Arc<Mailbox>, keys: Arc<KeyRing>, run: Arc<Run>) -> Result<()> {
        self.ask(|notebook| mailbox.watched(&run, |place| notebook.decline_to_join(place, keys.keys())))
    }

    /// Whether this device was removed from its notebook, as far as it knows.
    ///
    /// # Errors
    /// As any question.
    pub fn removal(&self) -> Result<Option<Removal>> {
        self.ask(|notebook| notebook.removal())
    }

    /// Under which names this device writes.
    ///
    /// # Errors
    /// As any question.
    pub fn identity(&self) -> Result<Identity> {
        self.ask(|notebook| notebook.identity())
    }

    /// Asks to join the notebook a code leads into, with a yes to whatever it is, or without the code goes on asking: to be
    /// called every few seconds, with the code until there are digits, then without until it answers that it joined, and
    /// followed by a sync.
    ///
    /// What this notebook holds already is added to the one it joins, for all of its devices to read: a screen says so
    /// before it calls this, and shows with [`Notebook::knock`] whose notebook that is.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) when it is no code, [`KithError::Foreign`](crate::KithError::Foreign)
    /// when the place is not that of the code, [`KithError::Declined`](crate::KithError::Declined) when the invitation was
    /// taken back or somebody meddled with it, [`KithError::NotFound`](crate::KithError::NotFound) when it is not there, or not yet.
    pub fn join(
        &self,
        mailbox: Arc<Mailbox>,
        keys: Arc<KeyRing>,
        code: Option<String>,
        run: Arc<Run>,
    ) -> Result<Joining> {
        self.ask(|notebook| {
            let code = code.as_deref().map(Code::parse).transpose()?;
            mailbox.watched(&run, |place| notebook.join(place, keys.keys(), code.as_ref()))
        })
    }

    /// Goes back into the notebook in a mailbox that this device belongs to and this file does not know: it was put back
    /// from an older backup. As with [`Notebook::join`], what is here is added to the notebook there.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when this device holds no keys of that notebook.
    pub fn rejoin(&self, mailbox: Arc<Mailbox>, keys: Arc<KeyRing>, run: Arc<Run>) -> Result<()> {
        self.ask(|notebook| mailbox.watched(&run, |place| notebook.rejoin(place, keys.keys())))
    }

    /// Makes a recovery key: with it alone a device can be let in again when all others are lost, and a stolen one shut
    /// out. It is shown once, to be written on paper, and kept nowhere. One that was made before has to be given. It can be
    /// cancelled until it is made; after that nobody can make another without it.
    ///
    /// # Errors
    /// [`KithError::Denied`](crate::KithError::Denied) when there is one already and it is not the one given; else as
    /// [`Notebook::sync`].
    pub fn make_recovery_key(
        &self,
        mailbox: Arc<Mailbox>,
        keys: Arc<KeyRing>,
        old: Option<String>,
        run: Arc<Run>,
    ) -> Result<String> {
        self.ask(|notebook| {
            let old = old.as_deref().map(RecoveryKit::parse).transpose()?;
            let made = mailbox.watched(&run, |place| notebook.make_recovery_key(place, keys.keys(), old.as_ref()));
            Ok(made?.text().to_string())
        })
    }

    /// Lets this device in with the recovery key, when no other device is there to do it. What is here is added to the
    /// notebook there. Cancelled, this notebook is as it was.
    ///
    /// # Errors
    /// [`KithError::Invalid`](crate::KithError::Invalid) when it is no recovery key,
    /// [`KithError::Denied`](crate::KithError::Denied) when it is not that of the notebook in this place,
    /// [`KithError::NotFound`](crate::KithError::NotFound) when there is none.
    pub fn recover(
        &self,
        mailbox: Arc<Mailbox>,
        keys: Arc<KeyRing>,
        recovery_key: String,
        run: Arc<Run>,
    ) -> Result<()> {
        self.ask(|notebook| {
            let kit = RecoveryKit::parse(&recovery_key)?;
            mailbox.watched(&run, |place| notebook.recover(place, keys.keys(), &kit))
        })
    }

    /// The devices of the notebook, the eldest first, then those that were removed; none while it has met no other.
    ///
    /// # Errors
    /// As any question; [`KithError::Foreign`](crate::KithError::Foreign) when the keys of this device are gone.
    pub fn devices(&self, keys: Arc<KeyRing>) -> Result<Vec<DeviceRow>> {
        self.ask(|notebook| notebook.device_list(keys.keys()))
    }

    /// What a person has to know before a device is removed, meant by its name or the beginning of its key: whether the
    /// recovery key was made on it, and who came in through it. Both stay as they are.
    ///
    /// # Errors
    /// As [`Notebook::remove_device`].
    pub fn before_removal(&self, keys: Arc<KeyRing>, device: String) -> Result<BeforeRemoval> {
        self.ask(|notebook| notebook.before_removal(keys.keys(), &device))
    }

    /// The name of the device on which the recovery key was made, if that was removed since and the key was not replaced:
    /// who has that device may have the paper. To be said beside the list of devices.
    ///
    /// # Errors
    /// As [`Notebook::devices`].
    pub fn recovery_key_of_removed(&self, keys: Arc<KeyRing>) -> Result<Option<String>> {
        self.ask(|notebook| notebook.recovery_key_of_removed(keys.keys()))
    }

    /// Removes a device for ever, meant by its name or the beginning of its key. What it wrote until now stays; it reads
    /// nothing that is written from now on. Sync afterwards, so that the others learn of it.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when none or several are meant.
    pub fn remove_device(&self, keys: Arc<KeyRing>, device: String) -> Result<DeviceRow> {
        self.ask(|notebook| notebook.remove_device(keys.keys(), &device))
    }

    /// The same with the recovery key, whose word counts more than that of any device.
    ///
    /// # Errors
    /// As [`Notebook::remove_device`], and [`KithError::Invalid`](crate::KithError::Invalid) when it is not the key.
    pub fn remove_device_as(&self, keys: Arc<KeyRing>, recovery_key: String, device: String) -> Result<DeviceRow> {
        self.ask(|notebook| notebook.remove_device_as(keys.keys(), &RecoveryKit::parse(&recovery_key)?, &device))
    }

    /// Whether two recovery keys were made at once, on devices that had not heard of each other: this one trusts the key that
    /// it saw first, others may trust the other, and both papers are to be kept. To be said beside the list of devices.
    ///
    /// # Errors
    /// As [`Notebook::devices`].
    pub fn has_two_recovery_keys(&self, keys: Arc<KeyRing>) -> Result<bool> {
        self.ask(|notebook| notebook.has_two_recovery_keys(keys.keys()))
    }

    /// Devices that one which was removed let in before anybody heard of it: until somebody keeps them, nothing they write
    /// counts.
    ///
    /// # Errors
    /// As [`Notebook::devices`].
    pub fn devices_in_doubt(&self, keys: Arc<KeyRing>) -> Result<Vec<DeviceRow>> {
        self.ask(|notebook| notebook.devices_in_doubt(keys.keys()))
    }

    /// Keeps such a device, meant by its id: what it wrote counts from now on.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when it is none of them.
    pub fn keep_device(&self, keys: Arc<KeyRing>, device: String) -> Result<()> {
        self.ask(|notebook| notebook.keep_device(keys.keys(), &device))
    }

    /// Which notebook it is, as those who carry it see it; none while it has met no other device.
    ///
    /// # Errors
    /// As any question.
    pub fn notebook_tag(&self) -> Result<Option<String>> {
        self.ask(|notebook| notebook.notebook_tag())
    }

    /// What is kept back of devices that nobody let in, or that wrote on after they were removed.
    ///
    /// # Errors
    /// As [`Notebook::devices`].
    pub fn kept_back(&self, keys: Arc<KeyRing>) -> Result<Vec<KeptBack>> {
        self.ask(|notebook| notebook.kept_back(keys.keys()))
    }

    /// Takes what a device wrote, meant by its name or the beginning of its key, into the notebook after all.
    ///
    /// # Errors
    /// [`KithError::NotFound`](crate::KithError::NotFound) when nothing of it is kept back.
    pub fn keep_back_no_more(&self, keys: Arc<KeyRing>, device: String) -> Result<SyncReport> {
        self.ask(|notebook| notebook.keep_back_no_more(keys.keys(), &device))
    }

    /// Leaves what a device wrote, and asks nobody here again; answers how many files that are. Should it turn out to count,
    /// since another device had it before it heard of the removal, it becomes part of this notebook as of all others.
    ///
    /// # Errors
    /// As [`Notebook::keep_back_no_more`].
    pub fn drop_kept_back(&self, keys: Arc<KeyRing>, device: String) -> Result<u64> {
        self.ask(|notebook| notebook.drop_kept_back(keys.keys(), &device))
    }

    /// Changes that this version refuses, how many for which reason. A newer version tries them again.
    ///
    /// # Errors
    /// As any question.
    pub fn refused(&self) -> Result<Vec<Refused>> {
        self.ask(|notebook| notebook.refused())
    }

    /// What other devices deleted for good, and somebody on this one has to agree to, for it is much.
    ///
    /// # Errors
    /// As [`Notebook::devices`].
    pub fn purges_waiting(&self, keys: Arc<KeyRing>) -> Result<Vec<WaitingPurge>> {
        self.ask(|notebook| notebook.purges_waiting(keys.keys()))
    }

    /// Deletes for good what waits for it; answers how many records that are.
    ///
    /// # Errors
    /// As [`Notebook::devices`].
    pub fn agree_to_purges(&self, keys: Arc<KeyRing>) -> Result<u64> {
        self.ask(|notebook| notebook.agree_to_purges(keys.keys()))
    }

    /// Writes everything anew, under a new key, and forgets what was sealed before: what was deleted for good is in no file
    /// any more. Once all devices have followed, they forget the keys of what was before, and copies of it open to nobody
    /// but the recovery key. Sync before and after. Takes as long as a first sync.
    ///
    /// The run counts segments, first those that are looked at, of how many; then those that are written, of as many.
    /// Cancelled before one is written, nothing was renewed; later, those that are written are handed on as all others,
    /// nothing is forgotten, and a renewal begins anew.
    ///
    /// # Errors
    /// [`KithError::SyncFirst`](crate::KithError::SyncFirst) when this notebook was never synced,
    /// [`KithError::Foreign`](crate::KithError::Foreign) when its keys are gone.
    pub fn renew(&self, keys: Arc<KeyRing>, run: Arc<Run>) -> Result<RenewReport> {
        self.ask(|notebook| notebook.renew(keys.keys(), &mut |done, total| run.step(done, total)))
    }

    /// Devices that have not looked at the last renewal yet, or not yet forgotten the keys before it; none when there was
    /// none.
    ///
    /// # Errors
    /// As [`Notebook::devices`].
    pub fn renewal_waits_for(&self, keys: Arc<KeyRing>) -> Result<Option<Vec<String>>> {
        self.ask(|notebook| notebook.renewal_waits_for(keys.keys()))
    }
}
