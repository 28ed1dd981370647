//! Today: what I owe first, then what they owe me, meetings, decisions, one coffee, loops to close.

use chrono::{Datelike, Days, NaiveDate};
use rusqlite::{Connection, params};
use serde::Serialize;

use super::about;
use super::pages::{self, PersonRow};
use super::project::{Matter, NO_DAY, State, Stored, parse};
use crate::error::Result;
use crate::model::{Ask, Contact, Id, Introduction, Kind, Meeting, Need, Promise, Record};

/// How many rows a part of the page shows at most, unless all are asked for.
pub const MOST: u32 = 20;
/// How many records are read for each that is shown: those with deleted people are not shown, and others come in their
/// place.
const READ_FOR_EACH: u32 = 10;
/// How far ahead promises without a rush are shown: up to the same day of the next week, since "by tue" said on a Tuesday
/// is that one.
const SOON: u64 = 7;
/// How far ahead somebody's decision is worth knowing.
const DECISION_SOON: u64 = 14;
/// How many people a coffee is chosen from.
const COFFEE_CANDIDATES: u32 = 50;

/// A record with the name of the person it is about.
pub trait Named {
    /// What kind of record.
    type Record;
    /// The two together.
    fn new(record: Self::Record, name: String) -> Self;
}

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident of $record:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
        pub struct $name {
            /// The record.
            pub record: $record,
            /// The person's name; empty when there is none or it is not known.
            pub name: String,
        }

        impl Named for $name {
            type Record = $record;
            fn new(record: $record, name: String) -> Self {
                Self { record, name }
            }
        }
    )*};
}

named! {
    /// A promise, and who it is with.
    NamedPromise of Promise;
    /// A reminder that is due, and who it is about.
    NamedReminder of DueReminder;
    /// A meeting, and who comes.
    NamedMeeting of Meeting;
    /// A need, and whose it is.
    NamedNeed of Need;
    /// An introduction, and whom it brings together.
    NamedIntroduction of Introduction;
    /// An ask, and to whom it went.
    NamedAsk of Ask;
}

/// A plain reminder whose day has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct DueReminder {
    /// The day.
    pub day: NaiveDate,
    /// What to think of.
    pub words: String,
}

/// One person to have a coffee with, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Coffee {
    /// Who.
    pub person: PersonRow,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// A day of somebody's life that comes round soon.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Birthday {
    /// Who.
    pub person: PersonRow,
    /// When.
    pub on: NaiveDate,
}

/// The page one opens in the morning.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Today {
    /// The day it is for.
    pub day: NaiveDate,
    /// What I owe: overdue first, then what is due within a week, then what has no day.
    pub i_owe: Vec<NamedPromise>,
    /// What they owe me: overdue first, then what is due within a week, then what has no day.
    pub they_owe: Vec<NamedPromise>,
    /// Plain reminders due.
    pub reminders: Vec<NamedReminder>,
    /// Meetings planned from today on, within a week; also those of the past that nobody wrote up.
    pub meetings: Vec<NamedMeeting>,
    /// Decisions others take within two weeks.
    pub decisions: Vec<NamedNeed>,
    /// Introductions under way.
    pub introductions: Vec<NamedIntroduction>,
    /// Asks without an answer for a week or more.
    pub asks: Vec<NamedAsk>,
    /// Birthdays within a week.
    pub birthdays: Vec<Birthday>,
    /// How many new people wait for their debrief.
    pub to_debrief: u64,
    /// One person to have a coffee with.
    pub coffee: Option<Coffee>,
    /// How many people there are; none means the notebook is empty.
    pub people: u64,
    /// How many fields of records hold two values.
    pub conflicts: u64,
}

/// How many more there are of each part of the page than it shows; a thousand of a part are counted at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct More {
    /// Of what I owe.
    pub i_owe: u64,
    /// Of what they owe me.
    pub they_owe: u64,
    /// Of the reminders due.
    pub reminders: u64,
    /// Of the meetings.
    pub meetings: u64,
    /// Of the decisions others take.
    pub decisions: u64,
    /// Of the introductions under way.
    pub introductions: u64,
    /// Of the asks without an answer.
    pub asks: u64,
    /// Of the birthdays.
    pub birthdays: u64,
}

/// The page, and how much of it is not shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct TodayPage {
    /// What is shown.
    #[serde(flatten)]
    pub page: Today,
    /// How many more there are of each part.
    pub more: More,
}

/// From which day on, and before which, as they stand in the agenda.
type Span = (String, String);

/// The days a part of the page is about.
fn span_of(matter: Matter, day: NaiveDate) -> Span {
    let ahead = |days| day.checked_add_days(Days::new(days)).unwrap_or(day).to_string();
    let (from, before) = match matter {
        Matter::Reminder => (String::new(), ahead(1)),
        Matter::Decision => (day.to_string(), ahead(DECISION_SOON)),
        Matter::Introduction => (String::new(), "~".into()),
        Matter::Ask => (String::new(), day.checked_sub_days(Days::new(SOON)).unwrap_or(day).to_string()),
        _ => (String::new(), ahead(SOON + 1)),
    };
    (from, before)
}

/// Reads the page of this day, with at most so many rows a part.
pub fn today(connection: &Connection, day: NaiveDate, most: u32) -> Result<Today> {
    let span = |matter| span_of(matter, day);
    Ok(Today {
        day,
        i_owe: promises_soon(connection, Matter::IOwe, day, most)?,
        they_owe: promises_soon(connection, Matter::TheyOwe, day, most)?,
        reminders: reminders(connection, &span(Matter::Reminder).1, most)?,
        meetings: up_to(connection, Matter::Planned, &span(Matter::Planned), most, of_meeting)?,
        decisions: up_to(connection, Matter::Decision, &span(Matter::Decision), most, of_need)?,
        introductions: up_to(connection, Matter::Introduction, &span(Matter::Introduction), most, of_introduction)?,
        asks: up_to(connection, Matter::Ask, &span(Matter::Ask), most, of_ask)?,
        birthdays: birthdays(connection, day, most)?,
        to_debrief: to_debrief_count(connection)?,
        coffee: coffee(connection, day)?,
        people: pages::count(connection, Kind::Contact, false)?,
        conflicts: connection
            .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM record WHERE conflicts > 0 LIMIT 1000)")?
            .query_row([], |row| row.get(0))?,
    })
}

fn of_promise(promise: &Promise) -> Vec<Id<Contact>> {
    promise.with.into_iter().collect()
}

fn of_meeting(meeting: &Meeting) -> Vec<Id<Contact>> {
    meeting.who.clone()
}

fn of_need(need: &Need) -> Vec<Id<Contact>> {
    need.whose.into_iter().collect()
}

fn of_introduction(introduction: &Introduction) -> Vec<Id<Contact>> {
    introduction.between.clone()
}

fn of_ask(ask: &Ask) -> Vec<Id<Contact>> {
    ask.to.into_iter().collect()
}

/// How many more there are than this page shows of each of its parts, when it was read with at most so many rows a part.
pub fn more(connection: &Connection, page: &Today, most: u32) -> Result<More> {
    let (day, most) = (page.day, most as usize);
    let span = |matter| span_of(matter, day);
    let beyond = |shown: usize, count: &dyn Fn() -> Result<u64>| -> Result<u64> {
        // Where fewer are shown than could be, there are no more.
        if shown < most { Ok(0) } else { Ok(count()?.saturating_sub(shown as u64)) }
    };
    let promises = |matter| {
        let spans = promise_spans(day);
        let counts = spans.iter().map(|span| how_many(connection, matter, span, of_promise));
        counts.sum::<Result<u64>>()
    };
    let birthdays = || {
        let counts = birthday_spans(day).into_iter().map(|span| how_many_rows(connection, Matter::Birthday, &span));
        counts.sum::<Result<u64>>()
    };
    Ok(More {
        i_owe: beyond(page.i_owe.len(), &|| promises(Matter::IOwe))?,
        they_owe: beyond(page.they_owe.len(), &|| promises(Matter::TheyOwe))?,
        reminders: beyond(page.reminders.len(), &|| {
            how_many_rows(connection, Matter::Reminder, &span(Matter::Reminder))
        })?,
        meetings: beyond(page.meetings.len(), &|| {
            how_many(connection, Matter::Planned, &span(Matter::Planned), of_meeting)
        })?,
        decisions: beyond(page.decisions.len(), &|| {
            how_many(connection, Matter::Decision, &span(Matter::Decision), of_need)
        })?,
        introductions: beyond(page.introductions.len(), &|| {
            how_many(connection, Matter::Introduction, &span(Matter::Introduction), of_introduction)
        })?,
        asks: beyond(page.asks.len(), &|| how_many(connection, Matter::Ask, &span(Matter::Ask), of_ask))?,
        birthdays: beyond(page.birthdays.len(), &birthdays)?,
    })
}

/// How many records a part has; at most a thousand are counted.
fn how_many<R: Record>(
    connection: &Connection,
    matter: Matter,
    span: &Span,
    people: impl Fn(&R) -> Vec<Id<Contact>>,
) -> Result<u64> {
    if pages::count(connection, Kind::Contact, true)? == 0 {
        return how_many_rows(connection, matter, span);
    }
    let records: Vec<R> = due(connection, matter, &span.0, &span.1, pages::MAX_ROWS)?;
    let mut count = 0;
    for record in records {
        count += u64::from(!are_deleted(connection, &people(&record))?);
    }
    Ok(count)
}

fn how_many_rows(connection: &Connection, matter: Matter, (from, before): &Span) -> Result<u64> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM agenda JOIN record USING (n)
               WHERE matter = ? AND agenda.day >= ? AND agenda.day < ? AND state = 0 LIMIT ?)";
    let bounds = params![matter as i64, from, before, pages::MAX_ROWS];
    Ok(connection.prepare_cached(sql)?.query_row(bounds, |row| row.get(0))?)
}

/// Promises due within a week, then those without a day.
fn promise_spans(day: NaiveDate) -> [Span; 2] {
    [span_of(Matter::IOwe, day), (NO_DAY.into(), "~".into())]
}

fn promises_soon(connection: &Connection, matter: Matter, day: NaiveDate, most: u32) -> Result<Vec<NamedPromise>> {
    let mut list = Vec::new();
    for span in promise_spans(day) {
        list.extend(up_to(connection, matter, &span, most, of_promise)?);
    }
    Ok(list)
}

/// The first of a part of the page, with the names of their people.
fn up_to<R: Record, T: Named<Record = R>>(
    connection: &Connection,
    matter: Matter,
    (from, before): &Span,
    most: u32,
    people: impl Fn(&R) -> Vec<Id<Contact>>,
) -> Result<Vec<T>> {
    let mut shown = Vec::new();
    // As many at a time as are shown: nearly always the first are all that is needed.
    for already in (0..most.saturating_mul(READ_FOR_EACH)).step_by(most.max(1) as usize) {
        let records = due_values(connection, matter, (from, before, most, already), |value| R::from_map(parse(value)))?;
        let last = records.len() < most as usize;
        shown.extend(with_names(connection, records, &people)?);
        if last || shown.len() >= most as usize {
            break;
        }
    }
    shown.truncate(most as usize);
    Ok(shown)
}

/// Open promises, those due first at the top; of one person, or of all.
pub fn open_promises(connection: &Connection, with: Option<Id<Contact>>) -> Result<Vec<NamedPromise>> {
    let promises = match with {
        Some(contact) => {
            let members = super::members(connection, contact.raw())?;
            let mut list: Vec<Promise> = about::linked(connection, &members, "with", pages::MAX_ROWS)?;
            list.retain(|promise| promise.state == crate::model::PromiseState::Open);
            list.sort_by_key(|promise| promise.due.unwrap_or(NaiveDate::MAX));
            list
        }
        None => {
            let mut list: Vec<Promise> = due(connection, Matter::IOwe, "", "~", pages::MAX_ROWS)?;
            list.extend(due::<Promise>(connection, Matter::TheyOwe, "", "~", pages::MAX_ROWS)?);
            list
        }
    };
    with_names(connection, promises, of_promise)
}

/// Records with a matter from one day on and before another, by day.
fn due<R: Record>(connection: &Connection, matter: Matter, from: &str, before: &str, most: u32) -> Result<Vec<R>> {
    due_values(connection, matter, (from, before, most, 0), |value| R::from_map(parse(value)))
}

fn due_values<T>(
    connection: &Connection,
    matter: Matter,
    (from, before, most, already): (&str, &str, u32, u32),
    read: impl Fn(&Stored) -> T,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(
        "SELECT value FROM agenda JOIN record USING (n)
         WHERE matter = ? AND agenda.day >= ? AND agenda.day < ? AND state = 0 ORDER BY agenda.day, n LIMIT ? OFFSET ?",
    )?;
    let bounds = params![matter as i64, from, before, most, already];
    let rows = statement.query_map(bounds, |row| row.get::<_, Stored>(0))?;
    rows.map(|value| Ok(read(&value?))).collect()
}

/// The records with the names of their people. What is with nobody but deleted people waits until they are back.
fn with_names<R, T: Named<Record = R>>(
    connection: &Connection,
    records: Vec<R>,
    people: impl Fn(&R) -> Vec<Id<Contact>>,
) -> Result<Vec<T>> {
    let mut list = Vec::new();
    for record in records {
        let people = people(&record);
        if !are_deleted(connection, &people)? {
            list.push(T::new(record, names(connection, &people)?));
        }
    }
    Ok(list)
}

fn are_deleted(connection: &Connection, people: &[Id<Contact>]) -> Result<bool> {
    let mut deleted =
        connection.prepare_cached("SELECT 1 FROM named JOIN record USING (n) WHERE id = ? AND state = ?")?;
    for id in people {
        if !deleted.exists(params![id.raw().0, State::Deleted as i64])? {
            return Ok(false);
        }
    }
    Ok(!people.is_empty())
}

/// The names of people as they are listed in a sentence.
pub fn names(connection: &Connection, people: &[Id<Contact>]) -> Result<String> {
    let mut names = Vec::new();
    for id in people {
        names.extend(pages::get_brief(connection, *id)?.map(|contact| contact.shown_name()));
    }
    Ok(match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    })
}

fn reminders(connection: &Connection, before: &str, most: u32) -> Result<Vec<NamedReminder>> {
    let contacts: Vec<Contact> = due(connection, Matter::Reminder, "", before, most)?;
    let mut list = Vec::new();
    for contact in contacts {
        let due = contact.reminders.iter().filter(|reminder| !reminder.done);
        for (day, words) in due.filter_map(|reminder| Some((reminder.day?, &reminder.words))) {
            if *day.to_string() < *before {
                let record = DueReminder { day, words: words.clone() };
                list.push(NamedReminder { record, name: contact.shown_name() });
            }
        }
    }
    list.sort_by_key(|reminder| reminder.record.day);
    list.dedup();
    Ok(list)
}

/// The days of a year within a week from this one; two spans where the year ends in between.
fn birthday_spans(day: NaiveDate) -> Vec<Span> {
    let until = day.checked_add_days(Days::new(SOON)).unwrap_or(day);
    let key = |day: NaiveDate| format!("{:02}-{:02}", day.month(), day.day());
    let (from, before) = (key(day), format!("{}~", key(until)));
    if key(day) <= key(until) {
        return vec![(from, before)];
    }
    vec![(from, "~".into()), (String::new(), before)]
}

fn birthdays(connection: &Connection, day: NaiveDate, most: u32) -> Result<Vec<Birthday>> {
    let until = day.checked_add_days(Days::new(SOON)).unwrap_or(day);
    let mut contacts: Vec<Contact> = Vec::new();
    for (from, before) in birthday_spans(day) {
        contacts.extend(due::<Contact>(connection, Matter::Birthday, &from, &before, most)?);
    }
    let mut list = Vec::new();
    for contact in contacts {
        if let Some(on) = contact.birthday.and_then(|date| date.next_after(day)).filter(|on| *on <= until) {
            list.push(Birthday { person: pages::person_row(connection, &contact)?, on });
        }
    }
    Ok(list)
}

/// New people from events who wait for their debrief, those met last first.
pub fn to_debrief(connection: &Connection, most: u32) -> Result<Vec<Contact>> {
    let mut contacts: Vec<Contact> = due(connection, Matter::Debrief, "", "~", pages::MAX_ROWS)?;
    contacts.reverse();
    contacts.truncate(most as usize);
    Ok(contacts)
}

fn to_debrief_count(connection: &Connection) -> Result<u64> {
    let sql =
        "SELECT count(*) FROM (SELECT 1 FROM agenda JOIN record USING (n) WHERE matter = ? AND state = 0 LIMIT 1000)";
    Ok(connection.prepare_cached(sql)?.query_row([Matter::Debrief as i64], |row| row.get(0))?)
}

/// One of the people most overdue for a coffee, with whom it clicked if there is one; and why.
fn coffee(connection: &Connection, day: NaiveDate) -> Result<Option<Coffee>> {
    let tomorrow = day.succ_opt().unwrap_or(day).to_string();
    let contacts = due_values(connection, Matter::Coffee, ("", &tomorrow, COFFEE_CANDIDATES, 0), pages::brief)?;
    let Some(chosen) = contacts.iter().find(|contact| contact.spark).or(contacts.first()) else { return Ok(None) };
    let whole: Contact = pages::get(connection, chosen.id)?.unwrap_or_default();
    let reasons = coffee_reasons(connection, &whole, day)?;
    Ok(Some(Coffee { person: pages::person_row(connection, chosen)?, reasons }))
}

fn coffee_reasons(connection: &Connection, contact: &Contact, day: NaiveDate) -> Result<Vec<String>> {
    let mut reasons = Vec::new();
    let cadence = contact.cadence_days.unwrap_or_default();
    match pages::last_touch(connection, contact.id.raw())?.or(contact.met_on) {
        Some(last) => {
            let days = (day - last).num_days();
            reasons.push(format!("in touch {days} days ago, you wanted every {cadence}"));
            if days > 365 {
                reasons.push("dormant for over a year".into());
            }
        }
        None => reasons.push(format!("never met since you wrote them down, you wanted every {cadence} days")),
    }
    let needs: Vec<Need> = about::linked(connection, &[contact.id.raw()], "whose", 5)?;
    reasons.extend(needs.iter().find(|need| need.closed_on.is_none()).map(|need| format!("needs {}", need.words)));
    if contact.spark {
        reasons.push("it clicked".into());
    }
    Ok(reasons)
}
