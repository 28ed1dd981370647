//! The devices of a notebook: inviting one, joining with a code, removing one, and what is known of each.

use std::collections::HashSet;

use serde::Serialize;
use zeroize::Zeroizing;

use super::sync::{LOG, TAG, epochs_of, parcel_id, put, roster_for, tag_of};
use super::{Notebook, lock};
use crate::error::{Error, Result};
use crate::store;
use crate::store::segments;
use crate::sync::carrier::Mailbox;
use crate::sync::consent::{self, Host, Word};
use crate::sync::hex;
use crate::sync::keys::{DeviceId, DeviceKeys, KeyBag, NotebookTag, RecoveryKit, Secret};
use crate::sync::keystore::{KeyStore, Trial};
use crate::sync::member::{self, Member};
use crate::sync::pairing::{self, Code, Request, Toss, Vow, Welcome};
use crate::sync::roster::{Act, VoidAdd};

/// Under which names a key store keeps an invitation, and what this device asked.
const INVITED: &str = "invited";
const JOINING: &str = "joining";

/// A device of the notebook.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct DeviceRow {
    /// The beginning of its key, by which it is told from others of the same name.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Whether it is this one.
    pub this: bool,
    /// Whether it was removed.
    pub removed: bool,
    /// When its newest segment says it was made.
    pub last_seen: Option<String>,
    /// How many of its segments are here.
    pub segments: u64,
    /// The name of the device that let it in, if that was removed since and this one was not.
    pub let_in_by_removed: Option<String>,
}

/// What a person has to know before a device is removed: what it has done stays.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct BeforeRemoval {
    /// The device.
    pub device: DeviceRow,
    /// Whether the recovery key was made on it. Whoever has the device may have that paper then, and a removal changes
    /// nothing about it: it opens whatever is written, and lets a device in.
    pub made_recovery_key: bool,
    /// The devices that came in through it and stay unless they are removed as well; that on which this is asked is not
    /// among them.
    pub let_in: Vec<DeviceRow>,
}

/// Under which names a device writes, in hexadecimal digits; none before it first handed something out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Identity {
    /// The device, by its key.
    pub device: Option<String>,
    /// The log that it goes on with.
    pub log: Option<String>,
}

/// How far joining has come.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Joining {
    /// The other device has to hear of it first; there are no digits yet. It is to be asked again with the code.
    Knocked,
    /// The other device has to agree; both show these digits.
    Asked {
        /// Six digits.
        digits: String,
    },
    /// This device belongs to the notebook now.
    Joined {
        /// The device that let it in.
        from: String,
    },
}

/// What somebody has to see before their device joins a notebook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Knock {
    /// The device that invites, as it calls itself.
    pub host: String,
    /// How many devices its notebook has.
    pub devices: u64,
    /// How many people are in it.
    pub people: u64,
    /// Six digits, which the other device must show as well.
    pub digits: String,
    /// Whether this device belongs to that notebook already, as far as it knows, and does not know the one that invites:
    /// some removed each other, and each side goes on for itself. Who joins leaves the side it was on.
    pub is_apart: bool,
}

impl Notebook {
    /// Begins an invitation through a mailbox: the code to be typed on the new device. An earlier one is void from then
    /// on.
    ///
    /// # Errors
    /// As [`Notebook::sync`].
    pub fn invite(&self, place: &dyn Mailbox, keys: &dyn KeyStore) -> Result<Code> {
        // Syncing first founds the notebook, if need be, and finds out whether the place is the right one.
        self.sync(place, keys, &mut |_, _| Ok(()))?;
        let member = self.member(keys)?.ok_or_else(no_member)?;
        let envelope = member.keys().envelope_key().public();
        self.cancel_invitation(place, keys)?;
        let code = self.with_random(|random| Code::draw(&member.tag(), &envelope, random));
        let mut secret = Zeroizing::new([0; Invited::SECRET]);
        self.with_random(|random| random(&mut secret[..]));
        keys.put(INVITED, &Invited { code: code.clone(), secret, vow: None }.bytes())?;
        let host = Host {
            name: self.device.clone(),
            devices: member.roster().devices.len() as u64,
            people: self.people(0, 1)?.total,
        };
        let told = self.with_random(|random| host.sealed(&code, random))?;
        place.put_new(&format!("{}.who", code.file_stem()), &told)?;
        place.put_new(&format!("{}.inv", code.file_stem()), &pairing::invitation(&code, &envelope))?;
        Ok(code)
    }

    /// Takes an invitation back; what was not answered is void.
    ///
    /// # Errors
    /// As the place and the key store.
    pub fn cancel_invitation(&self, place: &dyn Mailbox, keys: &dyn KeyStore) -> Result<()> {
        let Some(invited) = invited(keys)? else { return Ok(()) };
        keys.remove(INVITED)?;
        // The invitation first: that it is gone is how the other device hears of it.
        for ending in ["inv", "who", "vow", "toss", "req", "yes", "no"] {
            place.delete(&format!("{}.{ending}", invited.code.file_stem()))?;
        }
        Ok(())
    }

    /// What the person at the new device said to its request, once that has come: whether it joins.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nobody is invited; else as the place.
    pub fn word_of_guest(&self, place: &dyn Mailbox, keys: &dyn KeyStore, request: &Request) -> Result<Option<bool>> {
        let code = open_invitation(keys)?.code;
        for word in [Word::No, Word::Yes] {
            if is_said(place, word, &code, &request.vow)? {
                return Ok(Some(word == Word::Yes));
            }
        }
        Ok(None)
    }

    /// Answers the device that came first with the code of the open invitation, if there is one: from then on it can ask, and
    /// no other. So does every sync; it may be repeated.
    ///
    /// # Errors
    /// [`Error::Declined`] when somebody came who does not know the code; else as the place and the key store.
    pub(super) fn answer_vow(&self, place: &dyn Mailbox, keys: &dyn KeyStore) -> Result<()> {
        match invited(keys)? {
            Some(mut invited) => tossed(place, keys, &mut invited).map(drop),
            None => Ok(()),
        }
    }

    /// The request of a device that was invited, once it has come. To be shown to the person, with its digits. The device
    /// that comes first with the code is answered on the way, so that it can ask: this is to be called again until it has.
    ///
    /// # Errors
    /// [`Error::Declined`] when it was not written by somebody who knows the code, is not the one of the device that came
    /// first, or that device says no: the invitation is void then, for a code is worth one guess. [`Error::NotFound`] when
    /// nobody is invited.
    pub fn request_to_join(&self, place: &dyn Mailbox, keys: &dyn KeyStore) -> Result<Option<Request>> {
        let mut invited = open_invitation(keys)?;
        let (vow, toss) = match tossed(place, keys, &mut invited) {
            Ok(Some(tossed)) => tossed,
            Ok(None) => return Ok(None),
            Err(error @ (Error::Peer(_) | Error::Declined(_) | Error::NeedsUpdate(_))) => {
                return Err(self.spent(place, keys, error)?);
            }
            Err(error) => return Err(error),
        };
        let code = &invited.code;
        let name = format!("{}.req", code.file_stem());
        let Some(file) = place.get(&name, pairing::MAX_FILE as u64)? else {
            return match is_said(place, Word::No, code, &vow)? {
                true => Err(self.spent(place, keys, said_no())?),
                false => Ok(None),
            };
        };
        let member = self.member(keys)?.ok_or_else(no_member)?;
        // The key may have been renewed since the code was shown.
        let envelopes = std::iter::once(member.keys().envelope_key()).chain(member.keys().former_envelope_keys());
        let envelope = envelopes.into_iter().find(|key| code.fits(&key.public()));
        let envelope = envelope.unwrap_or(member.keys().envelope_key());
        match pairing::read_request(code, envelope, (&vow, &toss), &file) {
            Ok(request) => Ok(Some(request)),
            Err(error) => Err(self.spent(place, keys, error)?),
        }
    }

    /// Takes the invitation back because of this.
    fn spent(&self, place: &dyn Mailbox, keys: &dyn KeyStore, why: Error) -> Result<Error> {
        self.cancel_invitation(place, keys)?;
        Ok(match why {
            Error::Peer(why) => Error::Declined(why),
            why => why,
        })
    }

    /// Lets the device in whose request a person has agreed to, here and there.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the word of the person there has not come, [`Error::Declined`] when it is no: nobody is let
    /// in then, and the invitation is void. Else as [`Notebook::sync`].
    pub fn admit(&self, place: &dyn Mailbox, keys: &dyn KeyStore, request: &Request) -> Result<()> {
        let code = open_invitation(keys)?.code;
        match self.word_of_guest(place, keys, request)? {
            Some(true) => {}
            Some(false) => return Err(self.spent(place, keys, said_no())?),
            None => {
                return Err(Error::NotFound(
                    "a yes at the other device, which shows the same digits and asks for it,".into(),
                ));
            }
        }
        let mut member = self.member(keys)?.ok_or_else(no_member)?;
        let now = self.unix_ms();
        // Where it was let in before and the answer did not get through, it is only answered once more.
        let is_in = member.roster().device(&request.device.device).is_some_and(|there| there.public == request.device);
        let added = match is_in {
            true => Vec::new(),
            false => {
                vec![self.with_random(|random| member.add(request.device.clone(), &request.name, now, random))?]
            }
        };
        // The entries, each once; keys for others go the usual way. It is let in only once it can be answered.
        let kept = self.read(segments::parcels)?.into_iter().map(|(_, bytes)| bytes);
        let kept = kept.chain(added.iter().map(|added| added.parcel.clone()));
        let mut told = HashSet::new();
        let tells = |parcel: &Vec<u8>| member.known_in(parcel).is_some_and(|entry| told.insert(entry.hash));
        let parcels = kept.filter(tells).collect();
        let given = member.key_bag_of(&member.held_epochs(), &self.live_keys(&member)?);
        let welcome = Welcome { from: self.device.clone(), parcels, keys: given };
        let answer = self.with_random(|random| pairing::answer(&code, request, &welcome, random))?;
        self.keep_roster(&member, &added)?;
        put(place, &format!("{}.ans", code.file_stem()), &answer)?;
        segments::give(&lock(&self.writer).connection, &epochs_of(&welcome.keys), request.device.hpke)?;
        keys.remove(INVITED)?;
        // The rest, and the new entry, go the usual way. It is in: what fails now, the next sync says.
        drop(self.sync(place, keys, &mut |_, _| Ok(())));
        Ok(())
    }

    /// Lets in the device that asked, if it shows these digits; blanks among them are passed over. None while its person
    /// has not said yes there, which a host asks again and again.
    ///
    /// # Errors
    /// [`Error::Declined`] when it shows others: it may be somebody else's, and the invitation is void then.
    /// [`Error::NotFound`] when no request has come; else as [`Notebook::admit`].
    pub fn admit_who_shows(&self, place: &dyn Mailbox, keys: &dyn KeyStore, digits: &str) -> Result<Option<Request>> {
        let request = self.request_to_join(place, keys)?.ok_or_else(|| Error::NotFound("a request to join".into()))?;
        let typed: String = digits.chars().filter(char::is_ascii_digit).collect();
        if typed != request.digits {
            self.cancel_invitation(place, keys)?;
            return Err(Error::Declined(
                "these are not the digits of the device that asked, so it may be somebody else's. Nobody was let in, and \
                 the code is void; invite once more"
                    .into(),
            ));
        }
        if self.word_of_guest(place, keys, &request)?.is_none() {
            return Ok(None);
        }
        self.admit(place, keys, &request)?;
        Ok(Some(request))
    }

    /// How many records are here, of whatever kind: what a notebook brings along when it joins another.
    ///
    /// # Errors
    /// As any question.
    pub fn record_count(&self) -> Result<u64> {
        Ok(self.read(store::sizes)?.documents)
    }

    /// Leaves the request of this device to join the notebook a code leads into, and answers what its person has to see
    /// before they say yes: who invites, and the digits that both show. None while the other device has not heard of this
    /// one, which it does in [`Notebook::request_to_join`] or at a sync: to be asked again until it has. Nothing else is
    /// done until [`Notebook::agree_to_join`]; [`Notebook::decline_to_join`] leaves everything as it was, here and there.
    ///
    /// # Errors
    /// [`Error::Foreign`] when the place is not that of the code, [`Error::Declined`] when somebody changed what is in it;
    /// [`Error::NotFound`] when the invitation is not there, or not yet; [`Error::Invalid`] when this device belongs to
    /// that notebook.
    pub fn knock(&self, place: &dyn Mailbox, keys: &dyn KeyStore, code: &Code) -> Result<Option<Knock>> {
        let mut asked = match self.asked(keys)?.filter(|asked| asked.code == *code) {
            Some(asked) => asked,
            None => self.ask(place, keys, code)?,
        };
        let name = format!("{}.who", code.file_stem());
        let told = place.get(&name, consent::MAX_FILE as u64)?.ok_or_else(|| not_there(place))?;
        let Host { name, devices, people } = Host::read(code, &told)?;
        if !asked.hears_toss(place, keys)? {
            return Ok(None);
        }
        place.put_new(&format!("{}.req", code.file_stem()), &asked.request)?;
        let is_apart = self.member_of(keys, code)?.is_some();
        Ok(Some(Knock { host: name, devices, people, digits: asked.digits()?, is_apart }))
    }

    /// Somebody has seen what [`Notebook::knock`] answered and says yes. [`Notebook::join`] without the code goes on. Until the
    /// other device has let this one in, nothing changes here: one that belongs to another side of the notebook goes on there.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing was asked; else as the place and the key store.
    pub fn agree_to_join(&self, place: &dyn Mailbox, keys: &dyn KeyStore) -> Result<()> {
        let mut asked = self.asked(keys)?.filter(|asked| asked.toss.is_some()).ok_or_else(nothing_asked)?;
        if !asked.agreed {
            asked.agreed = true;
            keys.put(JOINING, &asked.bytes())?;
        }
        self.say_word(place, &asked, Word::Yes)
    }

    /// Somebody has seen it and says no: the request is forgotten, and the other device is told.
    ///
    /// # Errors
    /// As the place and the key store.
    pub fn decline_to_join(&self, place: &dyn Mailbox, keys: &dyn KeyStore) -> Result<()> {
        let Some(asked) = self.asked(keys)? else { return Ok(()) };
        keys.remove(JOINING)?;
        self.say_word(place, &asked, Word::No)
    }

    fn say_word(&self, place: &dyn Mailbox, asked: &Asked, word: Word) -> Result<()> {
        let said = word.written(&asked.code, &asked.vow());
        place.put_new(&format!("{}.{}", asked.code.file_stem(), word.ending()), &said)
    }

    fn asked(&self, keys: &dyn KeyStore) -> Result<Option<Asked>> {
        Ok(keys.get(JOINING)?.and_then(|bytes| Asked::from_bytes(&bytes)))
    }

    /// Asks to join the notebook a code leads into, as one who agrees to whatever it is, or goes on with what was agreed
    /// to: leaves the request in the mailbox, then takes the answer. To be called again until it has come, with the code
    /// until there are digits, then without.
    ///
    /// What this notebook holds already is added to the one it joins, for all of its devices to read: a screen says so
    /// before it calls this, and with [`Notebook::knock`] it shows whose notebook that is.
    ///
    /// # Errors
    /// [`Error::Foreign`] when the place is not that of the code, [`Error::Declined`] when somebody changed what is in it or
    /// the invitation was taken back; [`Error::NotFound`] when the invitation is not there, or not yet, or nobody agreed here.
    pub fn join(&self, place: &dyn Mailbox, keys: &dyn KeyStore, code: Option<&Code>) -> Result<Joining> {
        if let Some(code) = code {
            if self.knock(place, keys, code)?.is_none() {
                return Ok(Joining::Knocked);
            }
            self.agree_to_join(place, keys)?;
        }
        let asked = self.asked(keys)?.filter(|asked| asked.agreed).ok_or_else(nothing_asked)?;
        let stem = asked.code.file_stem();
        let Some(answer) = place.get(&format!("{stem}.ans"), pairing::MAX_FILE as u64)? else {
            if place.get(&format!("{stem}.inv"), pairing::MAX_FILE as u64)?.is_none() {
                keys.remove(JOINING)?;
                litter(place, &stem, &["who", "vow", "toss", "req", "yes"]);
                return Err(Error::Declined(
                    "the other device took its invitation back; nothing was joined, and nothing here was changed"
                        .into(),
                ));
            }
            // A sync program may have lost them; the same bytes again are fine.
            place.put_new(&format!("{stem}.req"), &asked.request)?;
            self.say_word(place, &asked, Word::Yes)?;
            return Ok(Joining::Asked { digits: asked.digits()? });
        };
        let said = (&asked.invitation[..], &asked.request[..], &asked.toss.ok_or_else(nothing_asked)?);
        let welcome = pairing::read_answer(&asked.code, asked.keys().envelope_key(), said, &answer)?;
        become_who_asked(keys, &asked, &welcome)?;
        self.enter(keys, asked.code.notebook(), welcome.parcels, welcome.keys)?;
        keys.remove(JOINING)?;
        litter(place, &stem, &["inv", "who", "vow", "toss", "req", "yes", "ans"]);
        Ok(Joining::Joined { from: welcome.from })
    }

    /// Makes a recovery key: with it alone a device can be let in again when all others are lost, and a stolen one shut
    /// out. It is shown once, to be written on paper, and kept nowhere; the next sync hands the others' keys to it.
    /// One that was made before has to be given to be replaced.
    ///
    /// # Errors
    /// [`Error::Denied`] when there is one already and it is not the one given; else as [`Notebook::sync`].
    pub fn make_recovery_key(
        &self,
        place: &dyn Mailbox,
        keys: &dyn KeyStore,
        old: Option<&RecoveryKit>,
    ) -> Result<RecoveryKit> {
        self.sync(place, keys, &mut |_, _| Ok(()))?;
        let mut member = self.member(keys)?.ok_or_else(no_member)?;
        match (&member.roster().recovery, old) {
            (Some(_), None) => {
                return Err(Error::Denied(
                    "there is a recovery key already; only who has it on paper can replace it".into(),
                ));
            }
            (Some(recovery), Some(old)) if recovery.sign != old.public() => {
                return Err(Error::Denied("this is not the recovery key of the notebook".into()));
            }
            _ => {}
        }
        let kit = self.with_random(|random| RecoveryKit::draw(random));
        let (act, now) = (Act::set_recovery(&kit, &member.tag()), self.unix_ms());
        let written = self.with_random(|random| match old {
            Some(old) => member.say_as(act, &old.signing_key(), true, now, random),
            None => member.say(act, now, random),
        })?;
        self.keep_roster(&member, &[written])?;
        // Its keys, and the word of it, go where the others find them; what fails now goes with the next sync. The key is
        // shown all the same: one that holds and that nobody has on paper could never be replaced.
        drop(self.sync(place, keys, &mut |_, _| Ok(())));
        Ok(kit)
    }

    /// Lets this device in with the recovery key, when no other device is there to do it. What is here is added to the
    /// notebook there.
    ///
    /// # Errors
    /// [`Error::Denied`] when it is not the key of the notebook in this place, [`Error::NotFound`] when there is none: this
    /// device keeps the keys that it has.
    pub fn recover(&self, place: &dyn Mailbox, keys: &dyn KeyStore, kit: &RecoveryKit) -> Result<()> {
        let found = place.list()?;
        let tag = tag_of(place, &found)?.ok_or_else(|| Error::NotFound("a notebook in this place".into()))?;
        let parcels = roster_for(place, &found, &tag, KeyBag::default(), &|file| kit.open_bag(file, &tag).ok())?;
        // A fresh identity: the one it had may be among those that were removed. That goes once the paper has shown that it
        // is the right one; else this device would stand there with neither.
        let trial = Trial::above(keys);
        member::forget_keys(&trial, &tag)?;
        let now = self.unix_ms();
        let (member, written) =
            self.with_random(|random| Member::recovered(&trial, tag, &parcels, kit, &self.device, now, random))?;
        trial.keep()?;
        let parcels = [parcels, vec![written.parcel]].concat();
        self.enter(keys, tag, parcels, member.key_bag())
    }

    /// Goes back into the notebook in a mailbox that this device belongs to and this file does not know: it was put back
    /// from a backup older than that. As with [`Notebook::join`], what is here is added to the notebook there.
    ///
    /// # Errors
    /// [`Error::NotFound`] when this device holds no keys of that notebook: it has to be invited.
    pub fn rejoin(&self, place: &dyn Mailbox, keys: &dyn KeyStore) -> Result<()> {
        let found = place.list()?;
        let no_keys = || Error::NotFound("a notebook that this device has keys for".into());
        let tag = tag_of(place, &found)?.ok_or_else(no_keys)?;
        let bag = Member::held_keys(keys, &tag)?.ok_or_else(no_keys)?;
        let device = member::load_keys(keys, &tag)?.ok_or_else(no_keys)?;
        let parcels = roster_for(place, &found, &tag, bag.clone(), &|file| device.open_bag(file, &tag).ok())?;
        self.enter(keys, tag, parcels, bag)
    }

    fn ask(&self, place: &dyn Mailbox, keys: &dyn KeyStore, code: &Code) -> Result<Asked> {
        let tag = code.notebook();
        if tag_of(place, &place.list()?)?.is_some_and(|theirs| theirs != tag) {
            return Err(Error::Foreign(format!(
                "this code leads into another notebook than that in {}",
                place.words()
            )));
        }
        let knows_host = |member: &Member| member.roster().devices.iter().any(|device| code.fits(&device.hpke));
        if self.member_of(keys, code)?.is_some_and(|member| knows_host(&member)) {
            return Err(Error::Invalid("this device belongs to that notebook already".into()));
        }
        let name = format!("{}.inv", code.file_stem());
        let invitation = place.get(&name, pairing::MAX_FILE as u64)?.ok_or_else(|| not_there(place))?;
        // They become those of this device once its person has agreed.
        let mut seeds = Zeroizing::new([0; Asked::SEEDS]);
        self.with_random(|random| random(&mut seeds[..]));
        let device = keys_of(&seeds);
        let request =
            self.with_random(|random| pairing::request(code, &invitation, &device.public(), &self.device, random))?;
        let asked = Asked { agreed: false, seeds, code: code.clone(), toss: None, invitation, request };
        keys.put(JOINING, &asked.bytes())?;
        Ok(asked)
    }

    /// This device as one that belongs to the notebook a code leads into, as far as it knows.
    fn member_of(&self, keys: &dyn KeyStore, code: &Code) -> Result<Option<Member>> {
        let belongs =
            |member: &Member| member.tag() == code.notebook() && member.roster().device(&member.device()).is_some();
        match self.member(keys) {
            Ok(member) => Ok(member.filter(belongs)),
            // A notebook whose keys are gone is let in like a new one.
            Err(Error::Foreign(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the roster and the keys of the notebook this device was let into, and tells it all that is here in a log of
    /// its own.
    fn enter(&self, keys: &dyn KeyStore, tag: NotebookTag, parcels: Vec<Vec<u8>>, bag: KeyBag) -> Result<()> {
        let mut member = Member::welcomed(keys, tag, &parcels, bag)?;
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        segments::forget_others(&transaction)?;
        // What was written before this start was told under another name, or by the device this is a copy of; and what
        // was written since, if this device belonged to a notebook until now.
        let was_member = store::meta::<[u8; 16]>(&transaction, TAG)?.is_some();
        store::forget_actors(&transaction, (!was_member).then_some(&self.actor.0[..]))?;
        for entry in member.entries().lacking(&[]) {
            segments::put_entry(&transaction, entry.hash.0, entry.bytes())?;
        }
        for parcel in &parcels {
            segments::put_parcel(&transaction, parcel_id(parcel), parcel)?;
        }
        store::set_meta(&transaction, TAG, member.tag().0)?;
        store::set_meta(&transaction, "log", None::<[u8; 16]>)?;
        store::set_meta(&transaction, "recovery", None::<[u8; 32]>)?;
        store::refill_outbox(&transaction)?;
        transaction.commit()?;
        writer.actor_is_known |= was_member;
        drop(writer);
        self.keep_removal(None)?;
        self.learn(&mut member, parcels, keys)?;
        self.begin_to_remember(&member, keys)
    }

    /// The devices of the notebook, the eldest first, then those that were removed.
    ///
    /// # Errors
    /// As any question.
    pub fn device_list(&self, keys: &dyn KeyStore) -> Result<Vec<DeviceRow>> {
        let Some(member) = self.member(keys)? else { return Ok(Vec::new()) };
        let roster = member.roster();
        let living = roster.devices.iter().map(|device| (device.public.device, device.name.clone(), false));
        let removed = roster.removed.iter().map(|r| (r.device, r.name.clone().unwrap_or_default(), true));
        let row = |(id, name, removed): (DeviceId, String, bool)| {
            let (segments, last_seen) = self.read(|connection| segments::heard_of(connection, id.0))?;
            let this = id == member.device();
            let host = member.let_in_by(&id).filter(|host| !removed && roster.removed(host).is_some());
            let let_in_by_removed = host.map(|host| roster.name_of(&host));
            Ok(DeviceRow { id: hex(&id.0[..4]), name, this, removed, last_seen, segments, let_in_by_removed })
        };
        living.chain(removed).map(row).collect()
    }

    /// Whether two recovery keys were made at once, on devices that had not heard of each other. This one trusts the key that
    /// it saw first; others may trust the other.
    ///
    /// # Errors
    /// As any question.
    pub fn has_two_recovery_keys(&self, keys: &dyn KeyStore) -> Result<bool> {
        Ok(self.member(keys)?.is_some_and(|member| !member.roster().contested_recovery.is_empty()))
    }

    /// The name of the device on which the recovery key was made, if that was removed since and the key was not replaced:
    /// who has that device may have the paper. To be said beside the list of devices.
    ///
    /// # Errors
    /// As any question.
    pub fn recovery_key_of_removed(&self, keys: &dyn KeyStore) -> Result<Option<String>> {
        let Some(member) = self.member(keys)? else { return Ok(None) };
        Ok(member.paper_of_a_removed().map(|device| member.roster().name_of(&device)))
    }

    /// Devices that were let in by one that was removed before anybody else had heard of them. Nothing they write counts
    /// until a person has said whether they are to be kept.
    ///
    /// # Errors
    /// As any question.
    pub fn devices_in_doubt(&self, keys: &dyn KeyStore) -> Result<Vec<DeviceRow>> {
        let Some(member) = self.member(keys)? else { return Ok(Vec::new()) };
        let row = |void: &VoidAdd| DeviceRow {
            id: hex(&void.public.device.0[..4]),
            name: void.name.clone(),
            this: void.public.device == member.device(),
            removed: false,
            last_seen: None,
            segments: 0,
            let_in_by_removed: Some(member.roster().name_of(&void.by)),
        };
        Ok(member.roster().void.iter().map(row).collect())
    }

    /// Keeps such a device, meant by its id: what it wrote counts from now on.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such device; else as [`Notebook::sync`].
    pub fn keep_device(&self, keys: &dyn KeyStore, id: &str) -> Result<()> {
        let mut member = self.member(keys)?.ok_or_else(no_member)?;
        let void = member.roster().void.iter().find(|void| hex(&void.public.device.0[..4]) == id).cloned();
        let void = void.ok_or_else(|| Error::NotFound(format!("a device in doubt with the id \"{id}\"")))?;
        let now = self.unix_ms();
        let added = self.with_random(|random| member.add(void.public, &void.name, now, random))?;
        self.keep_roster(&member, &[added])?;
        self.tend_roster(&mut member, keys)
    }

    /// Under which names this device writes. Asks no keychain.
    ///
    /// # Errors
    /// As any question.
    pub fn identity(&self) -> Result<Identity> {
        self.read(|connection| {
            let log: Option<[u8; 16]> = store::meta(connection, LOG)?;
            let device = log.map(|log| segments::owner(connection, log)).transpose()?.flatten();
            Ok(Identity { device: device.map(|device| hex(&device)), log: log.map(|log| hex(&log)) })
        })
    }

    /// Which notebook this is, as those who carry it see it, once it has other devices: 32 hexadecimal digits.
    ///
    /// # Errors
    /// As any question.
    pub fn notebook_tag(&self) -> Result<Option<String>> {
        let tag: Option<[u8; 16]> = self.read(|connection| store::meta(connection, TAG))?;
        Ok(tag.map(|tag| hex(&tag)))
    }

    /// What a person has to know before a device is removed, meant by its name or id.
    ///
    /// # Errors
    /// As [`Notebook::remove_device`].
    pub fn before_removal(&self, keys: &dyn KeyStore, meant: &str) -> Result<BeforeRemoval> {
        let rows = self.device_list(keys)?;
        let device = to_remove(&rows, meant)?;
        let member = self.member(keys)?.ok_or_else(no_member)?;
        let id = named(&member, &device.id)?;
        let through: Vec<String> = member.came_through(&id).iter().map(|device| hex(&device.0[..4])).collect();
        Ok(BeforeRemoval {
            made_recovery_key: member.roster().recovery.as_ref().is_some_and(|recovery| recovery.made_by == id),
            let_in: rows.iter().filter(|row| !row.this && through.contains(&row.id)).cloned().collect(),
            device,
        })
    }

    /// Removes a device for ever: it reads nothing that is written from now on. What it wrote until now and is here
    /// stays, and so do whom it let in and a recovery key that was made on it: see [`Notebook::before_removal`]. Other
    /// devices learn of it at their next sync.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no device is meant by these words, [`Error::Invalid`] when several are, or it is this one.
    pub fn remove_device(&self, keys: &dyn KeyStore, meant: &str) -> Result<DeviceRow> {
        self.remove(keys, None, meant)
    }

    /// The same in the name of the recovery key, against which no device can say anything: for one that was stolen.
    ///
    /// # Errors
    /// As [`Notebook::remove_device`].
    pub fn remove_device_as(&self, keys: &dyn KeyStore, kit: &RecoveryKit, meant: &str) -> Result<DeviceRow> {
        self.remove(keys, Some(kit), meant)
    }

    fn remove(&self, keys: &dyn KeyStore, kit: Option<&RecoveryKit>, meant: &str) -> Result<DeviceRow> {
        let row = to_remove(&self.device_list(keys)?, meant)?;
        let mut member = self.member(keys)?.ok_or_else(no_member)?;
        let device = named(&member, &row.id)?;
        let (cuts, now) = (self.cuts(&device)?, self.unix_ms());
        let written = self.with_random(|random| member.remove(keys, (device, cuts), kit, now, random))?;
        self.keep_roster(&member, &written)?;
        self.tend_roster(&mut member, keys)?;
        Ok(row)
    }
}

/// The one of these devices that is meant and can be removed here.
fn to_remove(rows: &[DeviceRow], meant: &str) -> Result<DeviceRow> {
    let fits = |row: &&DeviceRow| !row.removed && (row.id == meant || row.name.eq_ignore_ascii_case(meant));
    match rows.iter().filter(fits).collect::<Vec<_>>()[..] {
        [] => Err(Error::NotFound(format!("a device called \"{meant}\""))),
        [one] if one.this => Err(Error::Invalid("a device is removed by another one, not by itself".into())),
        [one] => Ok(one.clone()),
        _ => Err(Error::Invalid(format!("several devices are called \"{meant}\"; say it with the id"))),
    }
}

/// The device of this id that belongs to the notebook.
fn named(member: &Member, id: &str) -> Result<DeviceId> {
    let device = member.roster().devices.iter().find(|device| hex(&device.public.device.0[..4]) == id);
    device.map(|device| device.public.device).ok_or_else(no_member)
}

/// An invitation that is open, kept until it is used or taken back.
struct Invited {
    code: Code,
    /// Of which the toss is made. It never leaves this device, so nobody knows a toss beforehand; and two windows of this
    /// device that hear the same vow answer it alike.
    secret: Zeroizing<[u8; Invited::SECRET]>,
    /// Of the device that came first: no other can ask.
    vow: Option<Vow>,
}

impl Invited {
    const CODE: usize = 48;
    const SECRET: usize = 32;

    fn bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.code.bytes(), &self.secret[..], self.vow.as_ref().map_or(&[], |vow| &vow[..])].concat())
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (code, rest) = bytes.split_at_checked(Self::CODE)?;
        let (secret, vow) = rest.split_first_chunk::<{ Self::SECRET }>()?;
        let vow = if vow.is_empty() { None } else { Some(vow.try_into().ok()?) };
        Some(Self { code: Code::from_bytes(code)?, secret: Zeroizing::new(*secret), vow })
    }
}

fn invited(keys: &dyn KeyStore) -> Result<Option<Invited>> {
    Ok(keys.get(INVITED)?.and_then(|bytes| Invited::from_bytes(&bytes)))
}

fn open_invitation(keys: &dyn KeyStore) -> Result<Invited> {
    invited(keys)?.ok_or_else(|| Error::NotFound("an invitation that is open".into()))
}

/// The vow of the device that came first, and the toss that answers it, which is left in the place; none while nobody came.
fn tossed(place: &dyn Mailbox, keys: &dyn KeyStore, invited: &mut Invited) -> Result<Option<(Vow, Toss)>> {
    let stem = invited.code.file_stem();
    let vow = match invited.vow {
        Some(vow) => vow,
        None => {
            let Some(file) = place.get(&format!("{stem}.vow"), consent::MAX_FILE as u64)? else { return Ok(None) };
            let vow = pairing::read_vow(&invited.code, &file)?;
            // Before the toss can be seen: who sees it must not come with another vow.
            invited.vow = Some(vow);
            keys.put(INVITED, &invited.bytes())?;
            vow
        }
    };
    let toss: Toss = blake3::keyed_hash(&invited.secret, &vow).into();
    // A sync program may have lost it; the same bytes again are fine.
    place.put_new(&format!("{stem}.toss"), &pairing::toss(&invited.code, &vow, &toss))?;
    Ok(Some((vow, toss)))
}

/// Whether the person at the new device said this about the request of a vow.
fn is_said(place: &dyn Mailbox, word: Word, code: &Code, vow: &Vow) -> Result<bool> {
    let file = place.get(&format!("{}.{}", code.file_stem(), word.ending()), consent::MAX_FILE as u64)?;
    Ok(file.is_some_and(|file| word.is_in(&file, code, vow)))
}

fn said_no() -> Error {
    Error::Declined("somebody at the other device said no, so nobody was let in, and the code is void".into())
}

/// What this device asked, kept until the answer comes.
struct Asked {
    /// Whether its person has agreed.
    agreed: bool,
    /// Of which the keys are made with which it asked.
    seeds: Zeroizing<[u8; Asked::SEEDS]>,
    code: Code,
    /// What the other device answered to the vow. Without it nobody is shown the request.
    toss: Option<Toss>,
    invitation: Vec<u8>,
    request: Vec<u8>,
}

impl Asked {
    const SEEDS: usize = 64;
    const CODE: usize = 48;
    const TOSS: usize = 32;
    const INVITATION: usize = 24 + 32;

    fn keys(&self) -> DeviceKeys {
        keys_of(&self.seeds)
    }

    fn vow(&self) -> Vow {
        pairing::vow_of(&self.code, &self.request)
    }

    fn digits(&self) -> Result<String> {
        let toss = self.toss.ok_or_else(nothing_asked)?;
        pairing::digits(&self.code, &self.invitation, &self.request, &toss)
    }

    /// Leaves the vow until there is a toss, and keeps that: whether it is there.
    fn hears_toss(&mut self, place: &dyn Mailbox, keys: &dyn KeyStore) -> Result<bool> {
        if self.toss.is_some() {
            return Ok(true);
        }
        let (stem, vow) = (self.code.file_stem(), self.vow());
        place.put_new(&format!("{stem}.vow"), &pairing::vow(&self.code, &vow))?;
        let Some(file) = place.get(&format!("{stem}.toss"), consent::MAX_FILE as u64)? else { return Ok(false) };
        self.toss = Some(pairing::read_toss(&self.code, &vow, &file)?);
        // Before the request can be seen: who sees it must not come with another toss.
        keys.put(JOINING, &self.bytes())?;
        Ok(true)
    }

    fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let state = [u8::from(self.agreed), u8::from(self.toss.is_some())];
        let toss = self.toss.unwrap_or_default();
        let parts = [&state[..], &self.seeds[..], self.code.bytes(), &toss, &self.invitation, &self.request];
        Zeroizing::new(parts.concat())
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([agreed, is_tossed], rest) = bytes.split_first_chunk()?;
        let (seeds, rest) = rest.split_first_chunk::<{ Self::SEEDS }>()?;
        let (code, rest) = rest.split_at_checked(Self::CODE)?;
        let (toss, rest) = rest.split_first_chunk::<{ Self::TOSS }>()?;
        let (invitation, request) = rest.split_at_checked(Self::INVITATION)?;
        Some(Self {
            agreed: *agreed == 1,
            seeds: Zeroizing::new(*seeds),
            code: Code::from_bytes(code)?,
            toss: (*is_tossed == 1).then_some(*toss),
            invitation: invitation.to_vec(),
            request: request.to_vec(),
        })
    }
}

fn halves(seeds: &[u8; Asked::SEEDS]) -> [Secret; 2] {
    [0, 32].map(|from| Secret::new(std::array::from_fn(|at| seeds[from + at])))
}

fn keys_of(seeds: &[u8; Asked::SEEDS]) -> DeviceKeys {
    let [endpoint, device] = halves(seeds);
    DeviceKeys::from_seeds(&endpoint, &device)
}

/// Takes the keys with which this device asked for its own: one that was ever removed cannot come back. Those that it had go
/// once the answer has shown that it lets these in; else the device would stand there with neither. Done once: a join that was
/// broken off after that costs nothing that came since.
fn become_who_asked(keys: &dyn KeyStore, asked: &Asked, welcome: &Welcome) -> Result<()> {
    let (tag, device) = (asked.code.notebook(), asked.keys().device());
    if member::load_keys(keys, &tag)?.is_some_and(|held| held.device() == device) {
        return Ok(());
    }
    let trial = Trial::above(keys);
    member::forget_keys(&trial, &tag)?;
    let [endpoint, device] = halves(&asked.seeds);
    member::keep_seeds(&trial, &tag, &endpoint, &device)?;
    Member::welcomed(&trial, tag, &welcome.parcels, welcome.keys.clone())?;
    trial.keep()
}

/// Forgets the invitation that is open, when nobody is left to answer to it.
///
/// # Errors
/// As the key store.
pub fn forget_invitation(keys: &dyn KeyStore) -> Result<()> {
    keys.remove(INVITED)
}

/// Takes away what is left of an invitation that is over. Whether that works is no matter: it opens to nobody.
fn litter(place: &dyn Mailbox, stem: &str, endings: &[&str]) {
    for ending in endings {
        drop(place.delete(&format!("{stem}.{ending}")));
    }
}

fn not_there(place: &dyn Mailbox) -> Error {
    Error::NotFound(format!("the invitation in {}; it may still be on its way, or was taken back,", place.words()))
}

fn nothing_asked() -> Error {
    Error::NotFound("a request to join to which somebody here said yes (give the code)".into())
}

fn no_member() -> Error {
    Error::SyncFirst("this notebook has no other devices yet; sync it with a folder first".into())
}
