//! What a person does, area by area: people, events, meetings, promises, exchange. The rules that tie records together
//! stand here, so that every screen keeps them.

use chrono::{Days, NaiveDate};

use super::{Notebook, Writing};
use crate::error::{Error, Result};
use crate::model::*;
use crate::query::{self, pages, today};
use crate::store;

/// The meta key under which this device remembers the event that runs.
const RUNNING_EVENT: &str = "running_event";
/// How long after help the person is told what came of it.
const CLOSE_THE_LOOP_DAYS: u64 = 14;

/// What a debrief of one new person says; what is empty stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Debrief {
    /// Where it was.
    pub place: String,
    /// How to recognise them.
    pub recognise: String,
    /// What we talked about.
    pub thread: String,
    /// What is still open between us: becomes a promise of mine.
    pub open_loop: String,
    /// The next step: becomes a promise to myself.
    pub next_step: String,
    /// The day by which to take it.
    pub next_step_on: Option<NaiveDate>,
}

/// A step of an introduction.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum IntroductionStep {
    /// This person agreed to be introduced.
    Agreed(Id<Contact>),
    /// It was made.
    Made,
    /// They talked.
    Talked,
    /// It came to this.
    Outcome(String),
    /// It fell away.
    Closed,
}

impl Notebook {
    // People

    /// Says that two records are one person. Whichever way round two devices say so, the outcome is the same.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a record and itself.
    pub fn same(&self, a: Id<Contact>, b: Id<Contact>) -> Result<()> {
        self.mark_same(a, b, true)
    }

    /// Says that two records are different people; also takes back [`Notebook::same`].
    ///
    /// # Errors
    /// [`Error::Invalid`] for a record and itself.
    pub fn not_same(&self, a: Id<Contact>, b: Id<Contact>) -> Result<()> {
        self.mark_same(a, b, false)
    }

    /// The link stands on the larger id and names the smaller, so that both directions are one register.
    fn mark_same(&self, a: Id<Contact>, b: Id<Contact>, same: bool) -> Result<()> {
        let (small, large) = if a < b { (a, b) } else { (b, a) };
        if small == large {
            return Err(Error::Invalid("these are already one person".into()));
        }
        let mut writing = self.write();
        writing.set(large.raw(), &format!("same_as/{small}"), same.into())?;
        writing.set(large.raw(), &format!("not_same_as/{small}"), (!same).into())?;
        writing.commit()?;
        match same {
            true => self.remember_step(super::UndoStep::Merged(small, large)),
            false => self.take_apart(small, large),
        }
    }

    /// Two people may hang together through links other than their own; those of this pair's set are taken back.
    fn take_apart(&self, a: Id<Contact>, b: Id<Contact>) -> Result<()> {
        let members = self.read(|connection| query::members(connection, a.raw()))?;
        if !members.contains(&b.raw()) {
            return Ok(());
        }
        let mut writing = self.write();
        for member in members {
            let contact: Contact = self.get(Id::new(member))?.unwrap_or_default();
            for other in contact.same_as.iter().filter(|other| member == b.raw() || other.raw() == b.raw()) {
                writing.set(member, &format!("same_as/{other}"), false.into())?;
            }
        }
        writing.commit().map(drop)
    }

    /// The contact a name surely means: exactly one living person has that full name, and the organisation agrees or
    /// one of the two is missing. A lone first name counts only among the people of the running event.
    ///
    /// # Errors
    /// As any question.
    pub fn certain_match(&self, name: &str, organisation: &str) -> Result<Option<Id<Contact>>> {
        let folded = query::words::folded(name);
        if folded.is_empty() {
            return Ok(None);
        }
        let certain = if folded.contains(' ') {
            self.match_by_name(name, organisation)?
        } else {
            self.first_name_at_event(&folded)?
        };
        // One that is still to come could not be written on: a new person is, and is offered as the same.
        certain.map_or(Ok(None), |id| Ok((!self.is_only_told(id.raw())?).then_some(id)))
    }

    /// Whether nothing of a record has come yet but what a checkpoint told: it cannot be changed until it has.
    ///
    /// # Errors
    /// As any question.
    pub fn is_only_told(&self, id: RecordId) -> Result<bool> {
        self.read(|connection| {
            Ok(store::document_row(connection, id)?.as_ref().is_some_and(store::DocumentRow::is_only_told))
        })
    }

    fn match_by_name(&self, name: &str, organisation: &str) -> Result<Option<Id<Contact>>> {
        let named = self.read(|connection| pages::by_name::<Contact>(connection, name))?;
        let [only] = named.as_slice() else { return Ok(None) };
        let row = self.read(|connection| {
            let contact = pages::contact(connection, *only)?;
            contact.map(|(contact, _)| pages::person_row(connection, &contact)).transpose()
        })?;
        let theirs = row.map(|row| query::words::folded(&row.organisation)).unwrap_or_default();
        let ours = query::words::folded(organisation);
        Ok((theirs.is_empty() || ours.is_empty() || theirs == ours).then_some(*only))
    }

    fn first_name_at_event(&self, first_name: &str) -> Result<Option<Id<Contact>>> {
        let Some(event) = self.running_event()? else { return Ok(None) };
        let met: Vec<Contact> =
            self.read(|connection| query::about::linked(connection, &[event.id.raw()], "met_at", 500))?;
        let mut fits =
            met.iter().filter(|contact| query::words::words(&contact.name).first().is_some_and(|w| w == first_name));
        Ok(match (fits.next(), fits.next()) {
            (Some(only), None) => Some(only.id),
            _ => None,
        })
    }

    // Meetings

    /// Starts an event: from now on every jot belongs to it, with its time and place.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it has no title. A running event is ended first.
    pub fn start_event(&self, title: &str, place: &str) -> Result<Id<Event>> {
        if title.trim().is_empty() {
            return Err(Error::Invalid("an event needs a title, such as \"Chamber breakfast\"".into()));
        }
        self.stop_event()?;
        let starts = Some(Moment::new(self.now(), self.zone()?));
        let (title, place) = (title.trim().into(), place.trim().into());
        let mut writing = self.write();
        let id = writing.put(Event { title, place, starts, attendance: Attendance::Attended, ..Event::default() })?;
        writing.remember(RUNNING_EVENT, Some(id.to_string()));
        writing.commit()?;
        Ok(id)
    }

    /// Ends the running event; says which it was.
    ///
    /// # Errors
    /// As [`Notebook::commit`].
    pub fn stop_event(&self) -> Result<Option<Event>> {
        let Some(event) = self.running_event()? else { return Ok(None) };
        let ends = Some(Moment::new(self.now(), self.zone()?));
        let mut writing = self.write();
        writing.edit(event.id, |event: &mut Event| event.ends = ends)?;
        writing.remember(RUNNING_EVENT, None);
        writing.commit()?;
        Ok(Some(event))
    }

    /// The event that runs on this device.
    ///
    /// # Errors
    /// As any question.
    pub fn running_event(&self) -> Result<Option<Event>> {
        let id: Option<String> = self.read(|connection| crate::store::meta(connection, RUNNING_EVENT))?;
        let Some(id) = id.and_then(|id| id.parse::<Id<Event>>().ok()) else { return Ok(None) };
        Ok(self.get(id)?.filter(|event| event.deleted_at.is_none()))
    }

    /// New people from events who wait for their debrief, those met last first.
    ///
    /// # Errors
    /// As any question.
    pub fn debrief_queue(&self, most: u32) -> Result<Vec<Contact>> {
        self.read(|connection| today::to_debrief(connection, most))
    }

    /// Writes down what is still fresh about one new person, and takes them out of the queue.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such person.
    pub fn debrief(&self, id: Id<Contact>, debrief: Debrief) -> Result<()> {
        let day = self.today()?;
        let contact: Contact = self.get(id)?.ok_or_else(|| super::write::not_found(Kind::Contact))?;
        let mut writing = self.write();
        writing.edit(id, |contact: &mut Contact| {
            contact.debriefed_on = Some(day);
            if !debrief.place.is_empty() {
                contact.met_where = debrief.place;
            }
            if !debrief.recognise.is_empty() {
                contact.recognise = debrief.recognise;
            }
        })?;
        if !debrief.thread.is_empty() {
            let at = Some(Moment::new(self.now(), self.zone()?));
            let note = Note { body: debrief.thread, about: vec![id], event: contact.met_at, at, ..Note::default() };
            writing.put(note)?;
        }
        let promise = |whose, words: String, due| Promise {
            whose,
            with: Some(id),
            words,
            due,
            made_on: Some(day),
            event: contact.met_at,
            ..Promise::default()
        };
        if !debrief.open_loop.is_empty() {
            writing.put(promise(Whose::Mine, debrief.open_loop, None))?;
        }
        if !debrief.next_step.is_empty() {
            writing.put(promise(Whose::Myself, debrief.next_step, debrief.next_step_on))?;
        }
        writing.commit().map(drop)
    }

    /// Writes a meeting. One that was held one-to-one owes a thank-you by the next day, which is noted as a promise. One
    /// that was held before the time for which it was planned was held now.
    ///
    /// # Errors
    /// [`Error::Invalid`] when nobody was there.
    pub fn meet(&self, mut meeting: Meeting) -> Result<Id<Meeting>> {
        if meeting.who.is_empty() {
            return Err(Error::Invalid("a meeting needs somebody to meet".into()));
        }
        let now = self.now();
        if let Some(at) = meeting.at.as_mut().filter(|at| meeting.state == MeetingState::Held && at.at > now) {
            at.at = now;
        }
        let mut writing = self.write();
        let thanks = self.thank_you_for(&meeting)?;
        let id = writing.put(meeting)?;
        if let Some(thanks) = thanks {
            writing.put(Promise { meeting: Some(id), ..thanks })?;
        }
        writing.commit()?;
        Ok(id)
    }

    fn thank_you_for(&self, meeting: &Meeting) -> Result<Option<Promise>> {
        let one_to_one = !matches!(meeting.kind, MeetingKind::Group | MeetingKind::Chance);
        let ([with], true, MeetingState::Held) = (meeting.who.as_slice(), one_to_one, &meeting.state) else {
            return Ok(None);
        };
        let day = match meeting.at {
            Some(at) => at.day(),
            None => self.today()?,
        };
        Ok(Some(Promise {
            with: Some(*with),
            words: "say thank you".into(),
            kind: PromiseKind::ThankYou,
            due: day.checked_add_days(Days::new(1)),
            made_on: Some(day),
            ..Promise::default()
        }))
    }

    // Promises

    /// Keeps, releases or breaks a promise; it can be taken back. A kept thank-you counts as the smallest give.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such promise, [`Error::Invalid`] to reopen one with this.
    pub fn close_promise(&self, id: Id<Promise>, state: PromiseState, on: NaiveDate) -> Result<()> {
        if state == PromiseState::Open {
            return Err(Error::Invalid("a promise is closed as kept, released or broken".into()));
        }
        let promise: Promise = self.get(id)?.ok_or_else(|| super::write::not_found(Kind::Promise))?;
        let gives =
            promise.kind == PromiseKind::ThankYou && state == PromiseState::Kept && promise.whose != Whose::Theirs;
        let mut writing = self.write();
        writing.edit(id, |promise: &mut Promise| {
            promise.state = state;
            promise.closed_on = Some(on);
        })?;
        let mut gave = None;
        if gives && promise.state == PromiseState::Open {
            gave = Some(writing.put(Exchange {
                kind: ExchangeKind::Thanks,
                words: promise.words,
                with: promise.with,
                on: Some(on),
                meeting: promise.meeting,
                ..Exchange::default()
            })?);
        }
        writing.commit()?;
        let (was, closed_on) = (promise.state, promise.closed_on);
        self.remember_step(super::UndoStep::Closed { promise: id, was, closed_on, gave })
    }

    /// Closes a promise today, if it still is as a screen showed it; says whether. One that was closed meanwhile, by a second
    /// tap or on another device, stays as it is.
    ///
    /// # Errors
    /// As [`Notebook::close_promise`].
    pub fn close_shown(&self, shown: &Promise, state: PromiseState) -> Result<bool> {
        let is_as_shown = self.get(shown.id)?.is_some_and(|now: Promise| now.state == shown.state);
        if is_as_shown {
            self.close_promise(shown.id, state, self.today()?)?;
        }
        Ok(is_as_shown)
    }

    /// Open promises, those due first at the top; of one person, or of all.
    ///
    /// # Errors
    /// As any question.
    pub fn open_promises(&self, with: Option<Id<Contact>>) -> Result<Vec<today::NamedPromise>> {
        self.read(|connection| today::open_promises(connection, with))
    }

    // Exchange

    /// Writes a give or a get. What one got is to be answered: a promise to tell them what came of it is made.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is with nobody.
    pub fn exchange(&self, exchange: Exchange) -> Result<Id<Exchange>> {
        if exchange.with.is_none() && exchange.group.is_none() && exchange.organisation.is_none() {
            return Err(Error::Invalid("say with whom".into()));
        }
        let day = match exchange.on {
            Some(day) => day,
            None => self.today()?,
        };
        let mut writing = self.write();
        if exchange.direction == Direction::Got && exchange.with.is_some() {
            writing.put(Promise {
                with: exchange.with,
                words: format!("tell them what came of it: {}", exchange.words),
                kind: PromiseKind::CloseTheLoop,
                due: day.checked_add_days(Days::new(CLOSE_THE_LOOP_DAYS)),
                made_on: Some(day),
                ..Promise::default()
            })?;
        }
        let id = writing.put(Exchange { on: Some(day), ..exchange })?;
        writing.commit()?;
        Ok(id)
    }

    /// Begins an introduction of `a` to `b`: a piece of work, with one promise of mine behind it, made to `a`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a person and themself.
    pub fn introduce(&self, a: Id<Contact>, b: Id<Contact>, why: &str) -> Result<Id<Introduction>> {
        if a == b {
            return Err(Error::Invalid("an introduction takes two different people".into()));
        }
        let day = self.today()?;
        let mut writing = self.write();
        let names = self.read(|connection| today::names(connection, &[b]))?;
        let promise = writing.put(Promise {
            with: Some(a),
            words: format!("introduce them to {names}"),
            kind: PromiseKind::Introduction,
            made_on: Some(day),
            ..Promise::default()
        })?;
        let id = writing.put(Introduction {
            between: vec![a, b],
            why: why.into(),
            proposed_on: Some(day),
            promise: Some(promise),
            ..Introduction::default()
        })?;
        writing.commit()?;
        Ok(id)
    }

    /// Takes an introduction a step further. Making it keeps the promise behind it and is a give to both; that they talked,
    /// or what came of it, says that it was made. When it falls away, the promise is released.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such introduction.
    pub fn advance_introduction(&self, id: Id<Introduction>, step: IntroductionStep) -> Result<()> {
        let day = self.today()?;
        let before: Introduction = self.get(id)?.ok_or_else(|| super::write::not_found(Kind::Introduction))?;
        let mut writing = self.write();
        match step {
            IntroductionStep::Made | IntroductionStep::Talked | IntroductionStep::Outcome(_)
                if before.made_on.is_none() =>
            {
                self.keep_introduction(&mut writing, &before, day)?;
            }
            IntroductionStep::Closed => self.close_promise_of(&mut writing, &before, PromiseState::Released, day)?,
            _ => {}
        }
        writing.edit(id, |intro: &mut Introduction| match step {
            IntroductionStep::Agreed(who) => intro.agreed.push(who),
            IntroductionStep::Made => intro.made_on = intro.made_on.or(Some(day)),
            IntroductionStep::Talked => {
                intro.made_on = intro.made_on.or(Some(day));
                intro.talked_on = Some(day);
            }
            IntroductionStep::Outcome(words) => {
                intro.made_on = intro.made_on.or(Some(day));
                intro.outcome = words;
            }
            IntroductionStep::Closed => intro.closed_on = Some(day),
        })?;
        writing.commit().map(drop)
    }

    fn keep_introduction(&self, writing: &mut Writing<'_>, intro: &Introduction, day: NaiveDate) -> Result<()> {
        self.close_promise_of(writing, intro, PromiseState::Kept, day)?;
        for with in &intro.between {
            writing.put(Exchange {
                kind: ExchangeKind::Introduction,
                words: intro.why.clone(),
                with: Some(*with),
                on: Some(day),
                ..Exchange::default()
            })?;
        }
        Ok(())
    }
}

impl Notebook {
    /// The promise behind an introduction, where it is still open.
    fn close_promise_of(
        &self,
        writing: &mut Writing<'_>,
        intro: &Introduction,
        state: PromiseState,
        day: NaiveDate,
    ) -> Result<()> {
        let Some(id) = intro.promise else { return Ok(()) };
        let promise: Option<Promise> = self.get(id)?;
        if promise.is_none_or(|promise| promise.state != PromiseState::Open) {
            return Ok(());
        }
        writing.edit(id, |promise: &mut Promise| {
            promise.state = state;
            promise.closed_on = Some(day);
        })
    }
}

impl Notebook {
    /// The organisation of this name, made when there is none, in a commit of its own.
    ///
    /// # Errors
    /// As [`Notebook::commit`].
    pub fn organisation(&self, name: &str) -> Result<Id<Organisation>> {
        let mut writing = self.write();
        let id = writing.organisation(name)?;
        writing.commit()?;
        Ok(id)
    }
}

impl Writing<'_> {
    /// The organisation of this name, made when there is none.
    ///
    /// # Errors
    /// As any question.
    pub fn organisation(&mut self, name: &str) -> Result<Id<Organisation>> {
        let folded = query::words::folded(name);
        if let Some((_, id)) = self.organisations.iter().find(|(known, _)| *known == folded) {
            return Ok(*id);
        }
        let known = self.notebook.read(|connection| pages::by_name::<Organisation>(connection, name))?;
        let id = match known.first() {
            Some(id) => *id,
            None => self.put(Organisation { name: name.trim().into(), ..Organisation::default() })?,
        };
        self.organisations.push((folded, id));
        Ok(id)
    }
}
