//! A group on one page: what it is, its goals, its evenings, its members and whom of them one has not met alone yet.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde::Serialize;

use super::about;
use super::pages::{self, MAX_ROWS, PersonRow};
use crate::error::Result;
use crate::model::{Attendance, Contact, Event, Goal, Group, Id, Meeting, MeetingState, RecordId};

/// Most meetings of one member that are looked through.
const MOST_MEETINGS: u32 = 200;

/// Everything about one group on one screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct GroupPage {
    /// The group.
    pub group: Group,
    /// The goals that are for this group, the newest first.
    pub goals: Vec<Goal>,
    /// Its events, the newest first.
    pub events: Vec<Event>,
    /// How many of them I was at.
    pub attended: u64,
    /// How many of them I chose not to go to.
    pub skipped: u64,
    /// Who belongs to it, by name; at most 1,000.
    pub members: Vec<PersonRow>,
    /// Those of them with whom no meeting was held that was theirs and mine alone, by name.
    pub not_met_alone: Vec<PersonRow>,
}

/// The page of a group; none when there is no such group.
pub fn group_page(connection: &Connection, id: Id<Group>) -> Result<Option<GroupPage>> {
    let records = super::members(connection, id.raw())?;
    let mut found = Vec::new();
    for record in &records {
        found.extend(pages::get::<Group>(connection, Id::new(*record))?);
    }
    let Some(group) = found.first().cloned() else { return Ok(None) };
    let events: Vec<Event> = about::linked(connection, &records, "group", MAX_ROWS)?;
    let been = |word: &Attendance| events.iter().filter(|event| event.attendance == *word).count() as u64;
    let members = members_of(connection, &found)?;
    let mut not_met_alone = Vec::new();
    for (member, row) in &members {
        if !met_alone(connection, member)? {
            not_met_alone.push(row.clone());
        }
    }
    Ok(Some(GroupPage {
        goals: about::linked(connection, &records, "group", MAX_ROWS)?,
        attended: been(&Attendance::Attended),
        skipped: been(&Attendance::Skipped),
        members: members.into_iter().map(|(_, row)| row).collect(),
        group,
        events,
        not_met_alone,
    }))
}

/// The living people of these records of one group, each once with all records they are.
fn members_of(connection: &Connection, groups: &[Group]) -> Result<Vec<(BTreeSet<RecordId>, PersonRow)>> {
    let named: BTreeSet<Id<Contact>> = groups.iter().flat_map(|group| group.members.iter().copied()).collect();
    let mut people = Vec::new();
    for id in named {
        people.extend(pages::get::<Contact>(connection, id)?.filter(|contact| contact.deleted_at.is_none()));
    }
    let mut people = super::lists::standing_for(connection, people)?;
    people.sort_by_cached_key(|contact| (super::words::folded(&contact.name), contact.id));
    people.truncate(MAX_ROWS as usize);
    let with_row = |contact: &Contact| {
        let all = super::members(connection, contact.id.raw())?.into_iter().collect();
        Ok((all, pages::person_row(connection, contact)?))
    };
    people.iter().map(with_row).collect()
}

/// Whether a meeting was held with nobody but this person, whichever of their records it names.
fn met_alone(connection: &Connection, person: &BTreeSet<RecordId>) -> Result<bool> {
    let records: Vec<RecordId> = person.iter().copied().collect();
    let meetings: Vec<Meeting> = about::linked(connection, &records, "who", MOST_MEETINGS)?;
    let alone = |meeting: &Meeting| meeting.who.iter().all(|who| person.contains(&who.raw()));
    Ok(meetings.iter().any(|meeting| meeting.state == MeetingState::Held && alone(meeting)))
}
