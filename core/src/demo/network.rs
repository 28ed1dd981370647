//! One network of forty people over two years, read from the tables of `network.txt` and dated back from today.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;

use crate::model::*;

const TABLES: &str = include_str!("network.txt");
const CURRENCY: &str = "GBP";

/// A made-up network: forty people, their organisations, groups and events, and two years of meetings, promises and all
/// the rest, dated back from `today` on the clock of `zone`.
///
/// Every word that a field may hold is used by somebody, every link leads to a record of the list, and the same
/// `random` bytes give the same list.
///
/// ```
/// use kith_core::{demo, model::AnyRecord};
///
/// let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 22).expect("a day");
/// let mut random = |bytes: &mut [u8]| getrandom::fill(bytes).expect("the system has random bytes");
/// let records = demo::network(today, chrono_tz::Europe::Paris, &mut random);
/// assert_eq!(records.iter().filter(|record| matches!(record, AnyRecord::Contact(_))).count(), 40);
/// ```
pub fn network(today: NaiveDate, zone: Tz, random: Random<'_>) -> Vec<AnyRecord> {
    let mut book = Book { today, zone, random, ids: BTreeMap::new(), records: Vec::new() };
    book.draw_ids();
    book.me();
    book.organisations();
    book.groups();
    book.events();
    book.people();
    book.goals();
    book.meetings();
    book.notes();
    book.needs_and_offers();
    book.asks();
    book.promises();
    book.introductions();
    book.exchanges();
    book.benefits();
    book.weeks_and_reviews();
    book.money();
    book.records
}

/// The rows of one table; `-` is read as empty. A test sees to it that each row is as long as its heading.
fn table<const N: usize>(name: &str) -> impl Iterator<Item = [&'static str; N]> {
    let body = TABLES.split("\n== ").find_map(|table| table.strip_prefix(name)?.strip_prefix('\n'));
    body.unwrap_or_default().lines().skip(1).filter(|line| !line.is_empty()).map(|line| {
        let mut row = [""; N];
        row.iter_mut().zip(line.split(" | ")).for_each(|(cell, part)| *cell = if part == "-" { "" } else { part });
        row
    })
}

/// The rows that begin with this key.
fn rows_of<const N: usize>(name: &str, key: &str) -> impl Iterator<Item = [&'static str; N]> {
    table(name).filter(move |row: &[&str; N]| row.first().is_some_and(|first| *first == key))
}

/// The parts of a cell that holds several.
fn list(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split(", ").filter(|part| !part.is_empty())
}

fn words(cell: &'static str) -> Vec<String> {
    list(cell).map(str::to_owned).collect()
}

fn number<T: FromStr>(cell: &str) -> Option<T> {
    cell.parse().ok()
}

/// The network while it is being written down.
struct Book<'r> {
    today: NaiveDate,
    zone: Tz,
    random: Random<'r>,
    /// Which record a key of the tables means. Drawn first, so that a row may name one that comes later.
    ids: BTreeMap<(&'static str, &'static str), RecordId>,
    records: Vec<AnyRecord>,
}

impl Book<'_> {
    fn draw_ids(&mut self) {
        let keys = |name| table::<1>(name).map(move |[key]| (name, key));
        let tables =
            ["organisations", "groups", "events", "people", "goals", "pitches", "meetings", "needs", "promises"];
        for key in tables.into_iter().flat_map(keys) {
            let id = fresh_id::<()>(&mut *self.random).raw();
            self.ids.insert(key, id);
        }
    }

    fn fresh<R>(&mut self) -> Id<R> {
        fresh_id(&mut *self.random)
    }

    fn entry(&mut self) -> EntryId {
        fresh_entry(&mut *self.random)
    }

    fn of<R>(&self, table: &'static str, key: &'static str) -> Id<R> {
        Id::new(*self.ids.get(&(table, key)).expect("a key in network.txt names a row of network.txt"))
    }

    /// Nobody for an empty cell, and for me.
    fn maybe<R>(&self, table: &'static str, key: &'static str) -> Option<Id<R>> {
        (!key.is_empty() && key != "me").then(|| self.of(table, key))
    }

    fn all<R>(&self, table: &'static str, keys: &'static str) -> Vec<Id<R>> {
        list(keys).map(|key| self.of(table, key)).collect()
    }

    fn is(&self, table: &'static str, key: &'static str) -> bool {
        self.ids.contains_key(&(table, key))
    }

    /// The day so many days ago; negative lies ahead.
    fn day(&self, ago: i64) -> NaiveDate {
        let days = Days::new(ago.unsigned_abs());
        let day = if ago < 0 { self.today.checked_add_days(days) } else { self.today.checked_sub_days(days) };
        day.unwrap_or(self.today)
    }

    fn maybe_day(&self, ago: &str) -> Option<NaiveDate> {
        number(ago).map(|ago| self.day(ago))
    }

    fn moment(&self, ago: i64, hour: u32, minute: u32) -> Option<Moment> {
        let local = self.day(ago).and_hms_opt(hour, minute, 0)?;
        let at = self.zone.from_local_datetime(&local).earliest();
        Some(Moment::new(at.map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc)), self.zone))
    }

    /// When something was written down: on the evening of its day, and before today if its day lies ahead.
    fn written(&self, ago: i64) -> Option<chrono::DateTime<Utc>> {
        self.moment(ago.max(1), 20, 30).map(|moment| moment.at)
    }

    fn me(&mut self) {
        let card = [
            (ChannelKind::Phone, "mobile", "+44 7700 900999"),
            (ChannelKind::Mail, "work", "ines.halloran@meridian.example"),
            (ChannelKind::Link, "", "https://meridian.example/ines"),
        ];
        let card = card.map(|(kind, label, value)| Channel {
            id: self.entry(),
            preferred: kind == ChannelKind::Mail,
            kind,
            label: label.into(),
            value: value.into(),
            ..Channel::default()
        });
        let record = Profile {
            id: Id::new(RecordId::of_singleton("profile", "")),
            created_at: self.written(730),
            name: "Ines Halloran".into(),
            organisation: "Meridian Parcel".into(),
            role: "head of partnerships".into(),
            brand_line: "I get lorries to drive full and bowls to arrive whole.".into(),
            fields: words("logistics, packaging, partnerships"),
            card: card.into(),
            ..Profile::default()
        };
        self.records.push(record.into());
        let record = Settings {
            id: Id::new(RecordId::of_singleton("settings", "")),
            created_at: self.written(730),
            zone: Some(self.zone),
            week_start: WeekStart::Monday,
            currency: CURRENCY.into(),
            weekly_floor_minutes: Some(90),
            mode: CareerMode::Steady,
            ..Settings::default()
        };
        self.records.push(record.into());
        for [obstacle, reframe, next_step] in table("barriers") {
            let record = Barrier {
                id: self.fresh(),
                created_at: self.written(60),
                obstacle: obstacle.into(),
                reframe: reframe.into(),
                next_step: next_step.into(),
                ..Barrier::default()
            };
            self.records.push(record.into());
        }
    }

    fn organisations(&mut self) {
        for [key, name, kind, signal, wish, about, why_me] in table("organisations") {
            let clips = self.clips(key);
            let benchmarks = self.benchmarks(key);
            let record = Organisation {
                id: self.of("organisations", key),
                created_at: self.written(700),
                name: name.into(),
                kind: kind.into(),
                target: !wish.is_empty(),
                signal: signal.into(),
                why_me: why_me.into(),
                wish_order: number(wish),
                about: about.into(),
                clips,
                benchmarks,
                ..Organisation::default()
            };
            self.records.push(record.into());
        }
    }

    fn clips(&mut self, organisation: &str) -> Vec<Clip> {
        let rows = rows_of("news", organisation);
        let clip = |[_, ago, source, words]: [&str; 4]| Clip {
            id: self.entry(),
            day: self.maybe_day(ago),
            words: words.into(),
            source: source.into(),
            ..Clip::default()
        };
        rows.map(clip).collect()
    }

    fn benchmarks(&mut self, organisation: &str) -> Vec<Benchmark> {
        let rows = rows_of("benchmarks", organisation);
        let benchmark = |[_, ago, topic, source, words]: [&str; 5]| Benchmark {
            id: self.entry(),
            topic: topic.into(),
            words: words.into(),
            source: source.into(),
            day: self.maybe_day(ago),
            ..Benchmark::default()
        };
        rows.map(benchmark).collect()
    }

    fn groups(&mut self) {
        for [key, name, state, role, since, dues, committees, members, interests, about, verdict] in table("groups") {
            let dues_minor_units = number(dues);
            let record = Group {
                id: self.of("groups", key),
                created_at: self.written(number(since).unwrap_or(90)),
                name: name.into(),
                state: state.into(),
                verdict: verdict.into(),
                role: role.into(),
                member_since: self.maybe_day(since).map(|day| PartialDate { day: None, ..day.into() }),
                dues_minor_units,
                dues_currency: dues_minor_units.map(|_| CURRENCY.into()).unwrap_or_default(),
                committees: words(committees),
                members: self.all("people", members),
                interests: words(interests),
                about: about.into(),
                ..Group::default()
            };
            self.records.push(record.into());
        }
    }

    fn events(&mut self) {
        for [key, title, ago, hours, place, group, attendance, experiment, before, after, why] in table("events") {
            let (ago, hours) = (number(ago).unwrap_or(0), number::<u32>(hours).unwrap_or(2));
            let id = self.of("events", key);
            let attendance = Attendance::from(attendance);
            if attendance == Attendance::Attended {
                self.time(ago, 60 * hours, Activity::Attending, Purpose::Grow, Some(id), None);
                self.time(ago, 30, Activity::Travel, Purpose::Grow, Some(id), None);
            }
            // What is called a breakfast begins at seven, everything else in the afternoon.
            let hour = if title.starts_with("Breakfast") { 7 } else { 15 };
            let record = Event {
                id,
                created_at: self.written(ago.max(12)),
                title: title.into(),
                place: place.into(),
                starts: self.moment(ago, hour, 0),
                ends: self.moment(ago, hour + hours, 0),
                group: self.maybe("groups", group),
                experiment: experiment == "y",
                comfort_before: number(before),
                comfort_after: number(after),
                attendance,
                why: why.into(),
                ..Event::default()
            };
            self.records.push(record.into());
        }
    }

    fn people(&mut self) {
        for (index, row) in table::<20>("people").enumerate() {
            let mut contact = self.contact(index, row);
            for [_, field, value] in rows_of("details", row[0]) {
                self.add_detail(&mut contact, field, value);
            }
            self.records.push(contact.into());
        }
    }

    fn contact(&mut self, index: usize, row: [&'static str; 20]) -> Contact {
        let [key, name, given, family, organisation, role, field, level, side, categories, interests, tags, ..] = row;
        let [.., phase, cadence, met, met_where, event, through, lights_up_about, common_ground] = row;
        let met_days_ago: i64 = number(met).unwrap_or(0);
        let affiliation = Affiliation {
            id: self.entry(),
            organisation: self.maybe("organisations", organisation),
            role: role.into(),
            field: field.into(),
            since: Some(PartialDate { day: None, ..self.day(met_days_ago.min(500) + 400).into() }),
            as_of: Some(self.day(met_days_ago.min(400) / 3)),
            ..Affiliation::default()
        };
        let socially =
            list(categories).any(|category| ["friend", "relative", "neighbour", "alumni"].contains(&category));
        let met_step = AllyDate { id: self.entry(), day: self.maybe_day(met), ..AllyDate::default() };
        let sources = list(categories).any(|category| category == "alumni").then(|| Source {
            id: self.entry(),
            source: "linkedin".into(),
            key: format!("https://linkedin.example/in/{key}"),
            ..Source::default()
        });
        Contact {
            id: self.of("people", key),
            created_at: self.written(met_days_ago.min(730)),
            name: name.into(),
            given_name: given.into(),
            family_name: family.into(),
            channels: self.channels(index, key, organisation),
            how_we_met: self.how_we_met(through),
            met_on: self.maybe_day(met),
            met_where: met_where.into(),
            met_at: self.maybe("events", event),
            met_through: self.maybe("people", through),
            affiliations: vec![affiliation],
            level: level.into(),
            side: side.into(),
            categories: list(categories).map(Category::from).collect(),
            social_tie: if socially { met_where.into() } else { String::new() },
            interests: words(interests),
            lights_up_about: lights_up_about.into(),
            common_ground: common_ground.into(),
            tags: words(tags),
            ally_steps: vec![met_step],
            phase: phase.into(),
            cadence_days: number(cadence),
            // The last few are still in the queue of those to write up.
            debriefed_on: self.maybe_day(met).filter(|_| met_days_ago > 30 && !name.is_empty()),
            sources: sources.into_iter().collect(),
            ..Contact::default()
        }
    }

    fn how_we_met(&self, through: &str) -> String {
        let friend = table("people").find(|[key, ..]: &[&str; 3]| *key == through && !through.is_empty());
        friend.map(|[_, name, _]| format!("{name} brought us together.")).unwrap_or_default()
    }

    /// A telephone number kept free for made-up people, and a mail address in a domain that nobody can own.
    fn channels(&mut self, index: usize, key: &str, organisation: &str) -> Vec<Channel> {
        if key == "barometers" {
            return Vec::new(); // nothing but the page of his shop, which stands among the details
        }
        let domain = if organisation.is_empty() { key } else { organisation };
        let mail = (ChannelKind::Mail, "work", format!("{key}@{domain}.example"));
        let phone = (ChannelKind::Phone, "mobile", format!("+44 7700 900{:03}", 100 + index));
        let channels = if key == "gwen" { vec![phone] } else { vec![mail, phone] };
        let channel = |(place, (kind, label, value)): (usize, (ChannelKind, &str, String))| Channel {
            id: self.entry(),
            kind,
            label: label.into(),
            value,
            preferred: place == 0,
            ..Channel::default()
        };
        channels.into_iter().enumerate().map(channel).collect()
    }

    fn add_channel(&mut self, contact: &mut Contact, kind: ChannelKind, value: &str) {
        let preferred = contact.channels.is_empty();
        let id = self.entry();
        contact.channels.push(Channel { id, kind, value: value.into(), preferred, ..Channel::default() });
    }

    fn add_detail(&mut self, contact: &mut Contact, field: &str, value: &'static str) {
        let (first, rest) = value.split_once(", ").unwrap_or((value, ""));
        match field {
            "say it" => contact.say_it = value.into(),
            "pronouns" => contact.pronouns = value.into(),
            "languages" => contact.languages = words(value),
            "nickname" => contact.nickname = value.into(),
            "prefix" => contact.name_prefix = value.into(),
            "suffix" => contact.name_suffix = value.into(),
            "middle" => contact.middle_name = value.into(),
            "recognise" => contact.recognise = value.into(),
            "birthday" => contact.birthday = number(value),
            "spark" => contact.spark = true,
            "archived" => contact.archived = true,
            "link" => self.add_channel(contact, ChannelKind::Link, value),
            "address" => self.add_channel(contact, ChannelKind::Address, value),
            "messenger" => self.add_channel(contact, ChannelKind::Messenger, value),
            "seen" => {
                contact.has_seen_my_work = true;
                contact.professional_tie = value.into();
            }
            "knows" => contact.knows_contacts = self.all("people", value),
            "knows organisations" => contact.knows_organisations = self.all("organisations", value),
            "goals" => contact.goals = self.all("goals", value),
            "family" => contact.family.push(Relation {
                id: self.entry(),
                relation: first.into(),
                name: rest.into(),
                ..Relation::default()
            }),
            "date" => contact.dates.push(LifeDate {
                id: self.entry(),
                label: first.into(),
                date: number(rest),
                ..LifeDate::default()
            }),
            "reminder" => contact.reminders.push(Reminder {
                id: self.entry(),
                day: self.maybe_day(first),
                words: rest.into(),
                done: number::<i64>(first).is_some_and(|ago| ago > 0),
                ..Reminder::default()
            }),
            "ally" => {
                for (step, ago) in list(value).filter_map(|step| step.split_once(' ')) {
                    let (id, day) = (self.entry(), self.maybe_day(ago));
                    contact.ally_steps.push(AllyDate { id, step: step.into(), day, ..AllyDate::default() });
                }
            }
            "former" => self.add_former(contact, value),
            _ => debug_assert!(false, "network.txt knows a detail this does not: {field}"),
        }
    }

    /// Organisation, role, since and until how many days ago.
    fn add_former(&mut self, contact: &mut Contact, value: &'static str) {
        let mut parts = list(value);
        let (organisation, role) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let mut month =
            || parts.next().and_then(|ago| self.maybe_day(ago)).map(|day| PartialDate { day: None, ..day.into() });
        let (since, until) = (month(), month());
        contact.affiliations.push(Affiliation {
            id: self.entry(),
            organisation: self.maybe("organisations", organisation),
            role: role.into(),
            since,
            until,
            ..Affiliation::default()
        });
    }

    fn goals(&mut self) {
        for [key, title, scale, group, year, by, parent, follows, state, moved, why, progress] in table("goals") {
            let year = number::<i32>(year).map(|ahead| self.today.year() + ahead);
            let record = Goal {
                id: self.of("goals", key),
                created_at: self.written(365),
                title: title.into(),
                why: why.into(),
                scale: scale.into(),
                group: self.maybe("groups", group),
                year: year.and_then(|year| year.try_into().ok()),
                by: self.maybe_day(by),
                parent: self.maybe("goals", parent),
                follows: self.maybe("goals", follows),
                state: state.into(),
                progress: progress.into(),
                moved_on: self.maybe_day(moved),
                ..Goal::default()
            };
            self.records.push(record.into());
        }
        for [key, whom, in_what, so_that, previous, hook, follow_up] in table("pitches") {
            let record = Pitch {
                id: self.of("pitches", key),
                created_at: self.written(300),
                whom: whom.into(),
                in_what: in_what.into(),
                so_that: so_that.into(),
                hook: hook.into(),
                follow_up: follow_up.into(),
                previous: self.maybe("pitches", previous),
                ..Pitch::default()
            };
            self.records.push(record.into());
        }
        for [ago, proudest, title, evidence, story] in table("accomplishments") {
            let record = Accomplishment {
                id: self.fresh(),
                created_at: self.written(number(ago).unwrap_or(0)),
                title: title.into(),
                evidence: evidence.into(),
                story: story.into(),
                proudest: proudest == "y",
                on: self.maybe_day(ago),
                ..Accomplishment::default()
            };
            self.records.push(record.into());
        }
    }

    fn meetings(&mut self) {
        let mut met = BTreeSet::new();
        let mut rows: Vec<_> = table::<13>("meetings").collect();
        rows.sort_by_key(|row| -number::<i64>(row[1]).unwrap_or(0));
        for row in rows {
            let [key, ago, who, _, _, _, at, ..] = row;
            let mut meeting = self.meeting(row);
            self.add_plan(&mut meeting, key);
            self.add_debrief(&mut meeting, key);
            // An event's hours are written for the event, whoever one spoke to there.
            if meeting.state == MeetingState::Held && !self.is("events", at) {
                let is_new = list(who).filter(|person| met.insert(*person)).count() > 0;
                self.time_of_meeting(&meeting, number(ago).unwrap_or(0), is_new);
            }
            met.extend(list(who));
            self.records.push(meeting.into());
        }
    }

    fn meeting(&mut self, row: [&'static str; 13]) -> Meeting {
        let [key, ago, who, kind, mode, initiated, at, place, outcome, numbers, title, could_help, takeaway] = row;
        let (kind, mode) = (MeetingKind::from(kind), Mode::from(mode));
        let days_ago: i64 = number(ago).unwrap_or(0);
        let (hour, minute, minutes) = usual_time(&kind, &mode);
        let mut numbers = numbers.split(' ').map(number);
        let mut next = || numbers.next().flatten();
        Meeting {
            id: self.of("meetings", key),
            created_at: self.written(days_ago),
            who: self.all("people", who),
            title: title.into(),
            at: self.moment(days_ago, hour, minute),
            minutes: Some(minutes),
            state: match () {
                () if days_ago < 0 => MeetingState::Planned,
                () if takeaway.is_empty() => MeetingState::Cancelled,
                () => MeetingState::Held,
            },
            mode,
            kind,
            place: place.into(),
            event: self.is("events", at).then(|| self.of("events", at)),
            group: self.is("groups", at).then(|| self.of("groups", at)),
            initiated: initiated == "y",
            could_help_them: could_help.into(),
            takeaway: takeaway.into(),
            outcome: outcome.into(),
            talk_percent: next(),
            chemistry: next(),
            my_energy: next(),
            their_energy: next(),
            ..Meeting::default()
        }
    }

    fn add_plan(&mut self, meeting: &mut Meeting, key: &str) {
        for [_, goal, get_to_know, approach, names, why, for_them, wanted, ask, offer] in rows_of("plans", key) {
            meeting.goal = self.maybe("goals", goal);
            meeting.get_to_know = get_to_know == "y";
            meeting.approach = approach.into();
            meeting.names_wanted = words(names);
            meeting.why_them = why.into();
            meeting.in_it_for_them = for_them.into();
            meeting.outcome_wanted = wanted.into();
            meeting.ask = ask.into();
            meeting.offer = offer.into();
        }
        for [_, kind, words, done] in rows_of("plan lines", key) {
            let id = self.entry();
            let line = |place: usize| Line {
                id: id.clone(),
                place: place as u32,
                words: words.into(),
                done: done == "y",
                ..Line::default()
            };
            match kind {
                "question" => meeting.questions.push(line(meeting.questions.len() + 1)),
                "agenda" => meeting.agenda.push(line(meeting.agenda.len() + 1)),
                _ => meeting.to_name.push(ToName {
                    place: meeting.to_name.len() as u32 + 1,
                    organisation: self.is("organisations", words).then(|| self.of("organisations", words)),
                    name: if self.is("organisations", words) { String::new() } else { words.into() },
                    answer: done.into(),
                    id,
                    ..ToName::default()
                }),
            }
        }
    }

    fn add_debrief(&mut self, meeting: &mut Meeting, key: &str) {
        for [_, people] in rows_of("names received", key) {
            meeting.names_received = self.all("people", people);
        }
        for [_, strength] in rows_of("strengths", key) {
            meeting.strength = strength.into();
        }
        for [_, pitch, earned] in rows_of("pitched", key) {
            meeting.pitch = self.maybe("pitches", pitch);
            meeting.pitch_earned_question = Some(earned == "y");
        }
    }

    fn time_of_meeting(&mut self, meeting: &Meeting, ago: i64, is_new: bool) {
        let written = [Mode::Mail, Mode::Message].contains(&meeting.mode);
        let purpose = match () {
            () if written => Purpose::Unset,
            () if is_new => Purpose::Grow,
            () => Purpose::Maintain,
        };
        let minutes = meeting.minutes.unwrap_or(0);
        self.time(ago, minutes, Activity::Attending, purpose.clone(), None, Some(meeting));
        if meeting.mode == Mode::InPerson && meeting.kind != MeetingKind::Chance {
            self.time(ago, 25, Activity::Travel, purpose.clone(), None, Some(meeting));
        }
        if !meeting.why_them.is_empty() {
            self.time(ago, 15, Activity::Preparation, purpose, None, Some(meeting));
        }
    }

    fn time(
        &mut self,
        ago: i64,
        minutes: u32,
        activity: Activity,
        purpose: Purpose,
        event: Option<Id<Event>>,
        meeting: Option<&Meeting>,
    ) {
        let record = TimeEntry {
            id: self.fresh(),
            created_at: self.written(ago),
            on: Some(self.day(ago)),
            minutes,
            activity,
            purpose,
            event,
            meeting: meeting.map(|meeting| meeting.id),
            group: meeting.and_then(|meeting| meeting.group),
            ..TimeEntry::default()
        };
        self.records.push(record.into());
    }

    fn notes(&mut self) {
        for [about, of, ago, topics, body] in table("notes") {
            let (kind, key) = of.split_once(' ').unwrap_or_default();
            let days_ago = number(ago).unwrap_or(0);
            let record = Note {
                id: self.fresh(),
                created_at: self.written(days_ago),
                body: body.into(),
                about: self.all("people", about),
                meeting: (kind == "meeting").then(|| self.of("meetings", key)),
                event: (kind == "event").then(|| self.of("events", key)),
                organisation: (kind == "organisation").then(|| self.of("organisations", key)),
                group: (kind == "group").then(|| self.of("groups", key)),
                at: self.moment(days_ago, 19, 40),
                topics: words(topics),
                ..Note::default()
            };
            self.records.push(record.into());
        }
    }

    fn needs_and_offers(&mut self) {
        for [key, whose, kind, ago, decide, closed, meeting, words] in table("needs") {
            let record = Need {
                id: self.of("needs", key),
                created_at: self.written(number(ago).unwrap_or(0)),
                whose: self.maybe("people", whose),
                kind: kind.into(),
                words: words.into(),
                decide_on: self.maybe_day(decide),
                closed_on: self.maybe_day(closed),
                meeting: self.maybe("meetings", meeting),
                ..Need::default()
            };
            self.records.push(record.into());
        }
        for [whose, kind, meeting, closed, words, delivery] in table("offers") {
            let record = Offer {
                id: self.fresh(),
                created_at: self.written(365),
                whose: self.maybe("people", whose),
                kind: kind.into(),
                words: words.into(),
                delivery: delivery.into(),
                closed_on: self.maybe_day(closed),
                meeting: self.maybe("meetings", meeting),
                ..Offer::default()
            };
            self.records.push(record.into());
        }
    }

    fn asks(&mut self) {
        for [to, kind, asked, answer, answered, meeting, goal, words, answer_words] in table("asks") {
            let record = Ask {
                id: self.fresh(),
                created_at: self.written(number(asked).unwrap_or(0)),
                to: self.maybe("people", to),
                kind: kind.into(),
                words: words.into(),
                asked_on: self.maybe_day(asked),
                answer: answer.into(),
                answered_on: self.maybe_day(answered),
                answer_words: answer_words.into(),
                meeting: self.maybe("meetings", meeting),
                goal: self.maybe("goals", goal),
                ..Ask::default()
            };
            self.records.push(record.into());
        }
    }

    fn promises(&mut self) {
        for [key, whose, with, kind, made, due, state, closed, meeting, words] in table("promises") {
            let record = Promise {
                id: self.of("promises", key),
                created_at: self.written(number(made).unwrap_or(0)),
                whose: whose.into(),
                with: self.maybe("people", with),
                words: words.into(),
                kind: kind.into(),
                due: self.maybe_day(due),
                state: state.into(),
                closed_on: self.maybe_day(closed),
                made_on: self.maybe_day(made),
                meeting: self.maybe("meetings", meeting),
                ..Promise::default()
            };
            self.records.push(record.into());
        }
    }

    fn introductions(&mut self) {
        for [between, proposed, agreed, made, talked, closed, promise, why, outcome] in table("introductions") {
            let record = Introduction {
                id: self.fresh(),
                created_at: self.written(number(proposed).unwrap_or(0)),
                between: self.all("people", between),
                why: why.into(),
                proposed_on: self.maybe_day(proposed),
                agreed: self.all("people", agreed),
                made_on: self.maybe_day(made),
                talked_on: self.maybe_day(talked),
                closed_on: self.maybe_day(closed),
                outcome: outcome.into(),
                promise: self.maybe("promises", promise),
                ..Introduction::default()
            };
            self.records.push(record.into());
        }
    }

    fn exchanges(&mut self) {
        for [direction, kind, with, ago, meeting, need, words] in table("exchanges") {
            let record = Exchange {
                id: self.fresh(),
                created_at: self.written(number(ago).unwrap_or(0)),
                direction: direction.into(),
                kind: kind.into(),
                words: words.into(),
                with: self.is("people", with).then(|| self.of("people", with)),
                group: self.is("groups", with).then(|| self.of("groups", with)),
                organisation: self.is("organisations", with).then(|| self.of("organisations", with)),
                on: self.maybe_day(ago),
                meeting: self.maybe("meetings", meeting),
                need: self.maybe("needs", need),
                ..Exchange::default()
            };
            self.records.push(record.into());
        }
    }

    fn benefits(&mut self) {
        for [kinds, ago, value, people, meetings, words] in table("benefits") {
            let minor_units = number(value);
            let record = Benefit {
                id: self.fresh(),
                created_at: self.written(number(ago).unwrap_or(0)),
                kinds: list(kinds).map(BenefitKind::from).collect(),
                words: words.into(),
                minor_units,
                currency: minor_units.map(|_: i64| CURRENCY.into()).unwrap_or_default(),
                on: self.maybe_day(ago),
                people: self.all("people", people),
                meetings: self.all("meetings", meetings),
                ..Benefit::default()
            };
            self.records.push(record.into());
        }
    }

    fn weeks_and_reviews(&mut self) {
        for [back, budget, mode, skipped, plan, log] in table("weeks") {
            let ago = 7 * number(back).unwrap_or(0);
            let iso = self.day(ago).iso_week();
            let week = format!("{:04}-W{:02}", iso.year(), iso.week());
            let record = Week {
                id: Id::new(RecordId::of_singleton("week", &week)),
                created_at: self.written(ago),
                budget_minutes: number(budget),
                mode: mode.into(),
                plan: plan.into(),
                log: log.into(),
                skipped_why: skipped.into(),
                week,
                ..Week::default()
            };
            self.records.push(record.into());
        }
        let year = self.today.year() - 1;
        for [group, verdict, what_came, next, next_goals] in table("reviews") {
            let group = self.maybe::<Group>("groups", group);
            let name = format!("{year}/{}", group.map(|group| group.to_string()).unwrap_or_default());
            let record = Review {
                id: Id::new(RecordId::of_singleton("review", &name)),
                created_at: self.written(30),
                year: year.try_into().ok(),
                group,
                what_came: what_came.into(),
                verdict: verdict.into(),
                next: next.into(),
                next_goals: self.all("goals", next_goals),
                finished_on: NaiveDate::from_ymd_opt(year + 1, 1, 9).filter(|day| *day <= self.today),
                ..Review::default()
            };
            self.records.push(record.into());
        }
    }

    fn money(&mut self) {
        for [ago, amount, purpose, spent_for, words] in table("money") {
            let (kind, key) = spent_for.split_once(' ').unwrap_or_default();
            let record = MoneyEntry {
                id: self.fresh(),
                created_at: self.written(number(ago).unwrap_or(0)),
                on: self.maybe_day(ago),
                minor_units: number(amount).unwrap_or(0),
                currency: CURRENCY.into(),
                words: words.into(),
                purpose: purpose.into(),
                meeting: (kind == "meeting").then(|| self.of("meetings", key)),
                event: (kind == "event").then(|| self.of("events", key)),
                group: (kind == "group").then(|| self.of("groups", key)),
                ..MoneyEntry::default()
            };
            self.records.push(record.into());
        }
    }
}

/// The hour, the minute and the length in minutes that such meetings usually have.
fn usual_time(kind: &MeetingKind, mode: &Mode) -> (u32, u32, u32) {
    match (kind, mode) {
        (_, Mode::Mail | Mode::Message) => (9, 10, 15),
        (MeetingKind::Coffee, _) => (8, 15, 45),
        (MeetingKind::Lunch, _) => (12, 30, 75),
        (MeetingKind::Informational, _) => (10, 0, 40),
        (MeetingKind::Group, _) => (18, 0, 110),
        (MeetingKind::Chance, _) => (17, 20, 10),
        _ => (16, 0, 50),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::super::tests::seeded;
    use super::*;

    const ZONE: Tz = chrono_tz::Europe::Paris;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 22).expect("a day")
    }

    fn made_up() -> Vec<AnyRecord> {
        network(today(), ZONE, &mut seeded(7))
    }

    macro_rules! every {
        ($records:ident, $kind:ident) => {
            $records.iter().filter_map(|record| match record {
                AnyRecord::$kind(record) => Some(record),
                _ => None,
            })
        };
    }

    #[test]
    fn a_seed_decides_the_whole_network() {
        assert_eq!(made_up(), made_up());
        let other = network(today(), ZONE, &mut seeded(8));
        assert_eq!(made_up().len(), other.len());
        assert_ne!(made_up(), other);
    }

    #[test]
    fn it_stands_on_any_day_in_any_zone() {
        for (year, month, day) in [(2024, 2, 29), (2027, 1, 1), (2026, 3, 29), (1, 1, 1)] {
            let day = NaiveDate::from_ymd_opt(year, month, day).expect("a day");
            let records = network(day, chrono_tz::America::St_Johns, &mut seeded(7));
            assert_eq!(records.len(), made_up().len());
        }
        network(NaiveDate::MAX, chrono_tz::Pacific::Apia, &mut seeded(7));
    }

    #[test]
    fn every_row_is_as_long_as_its_heading() {
        for section in TABLES.split("\n== ").skip(1) {
            let mut lines = section.lines().filter(|line| !line.is_empty());
            let (name, heading) = (lines.next().expect("a name"), lines.next().expect("a heading"));
            for row in lines {
                assert_eq!(row.split(" | ").count(), heading.split(" | ").count(), "{name}: {row}");
            }
        }
    }

    #[test]
    fn forty_people_can_all_be_reached() {
        let records = made_up();
        assert_eq!(every!(records, Contact).count(), 40);
        for contact in every!(records, Contact) {
            let preferred: Vec<_> = contact.channels.iter().filter(|channel| channel.preferred).collect();
            assert_eq!(preferred.len(), 1, "{}", contact.name);
            assert!(!preferred[0].value.is_empty());
        }
        assert!(every!(records, Contact).any(|contact| contact.name.is_empty()), "one whose name is not known yet");
        assert!(every!(records, Contact).any(|contact| contact.name.chars().count() > 80), "one very long name");
    }

    #[test]
    fn every_link_leads_to_a_record_of_the_list() {
        let records = made_up();
        let ids: BTreeSet<RecordId> = records.iter().map(AnyRecord::id).collect();
        assert_eq!(ids.len(), records.len(), "no id twice");
        for record in &records {
            for (field, link) in record.facts().links {
                assert!(ids.contains(&link), "{:?} {field}", record.kind());
                assert_ne!(link, record.id(), "{:?} {field} leads to itself", record.kind());
            }
        }
    }

    #[test]
    fn every_kind_and_every_size_is_there() {
        let records = made_up();
        for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Import) {
            assert!(records.iter().any(|record| record.kind() == *kind), "{kind:?}");
        }
        let today = today();
        assert!((110..=140).contains(&every!(records, Meeting).count()));
        assert_eq!(every!(records, Introduction).count(), 6);
        assert_eq!(every!(records, Barrier).count(), 1);
        let open = |promise: &&Promise| promise.state == PromiseState::Open;
        let overdue = |promise: &&Promise| promise.due.is_some_and(|due| due < today);
        for whose in [Whose::Mine, Whose::Theirs] {
            let of = || every!(records, Promise).filter(|promise| promise.whose == whose);
            assert!(of().filter(open).any(|promise| overdue(&promise)), "{whose}: overdue");
            assert!(of().filter(open).any(|promise| !overdue(&promise)), "{whose}: open");
        }
        let soon =
            every!(records, Meeting).find(|meeting| meeting.state == MeetingState::Planned && !meeting.ask.is_empty());
        let days_ahead = soon.and_then(|meeting| meeting.at).map(|at| (at.day() - today).num_days());
        assert!(days_ahead.is_some_and(|days| (1..7).contains(&days)), "a prepared meeting in the next days");
        let old = |benefit: &Benefit| {
            let first = every!(records, Meeting).filter(|meeting| benefit.meetings.contains(&meeting.id));
            let day = first.filter_map(|meeting| meeting.at).map(|at| at.day()).min();
            day.zip(benefit.on).is_some_and(|(met, came)| (came - met).num_days() > 300)
        };
        assert!(every!(records, Benefit).filter(|benefit| old(benefit)).count() > 2, "good that came late");
    }

    #[test]
    fn nothing_is_lost_when_it_is_written_and_read_back() {
        for record in made_up() {
            let mut again = AnyRecord::from_map(record.kind(), record.to_map());
            // Sets have no order; as maps both are sorted.
            assert_eq!(again.to_map(), record.to_map());
            if let AnyRecord::Contact(contact) = &mut again {
                assert!(contact.unknown.is_empty());
            }
        }
    }

    /// Every word of a list is used, and no other.
    fn all<W: Ord + Debug + Clone>(known: &[W], used: impl Iterator<Item = W>) {
        let used: BTreeSet<W> = used.collect();
        assert_eq!(used, known.iter().cloned().collect::<BTreeSet<W>>());
    }

    macro_rules! all {
        ($records:ident, $kind:ident.$field:ident: $words:ident) => {
            all($words::ALL, every!($records, $kind).map(|record| record.$field.clone()))
        };
        ($records:ident, $kind:ident.$field:ident[]: $words:ident) => {
            all($words::ALL, every!($records, $kind).flat_map(|record| record.$field.iter().cloned()))
        };
        ($records:ident, $kind:ident.$field:ident[].$inner:ident: $words:ident) => {
            all($words::ALL, every!($records, $kind).flat_map(|record| record.$field.iter().map(|e| e.$inner.clone())))
        };
    }

    #[test]
    fn every_known_word_is_used_by_somebody() {
        // Only `WeekStart` is left out: there is one settings record, and it says Monday.
        let records = made_up();
        all!(records, Contact.channels[].kind: ChannelKind);
        all!(records, Contact.level: Level);
        all!(records, Contact.side: Side);
        all!(records, Contact.categories[]: Category);
        all!(records, Contact.ally_steps[].step: AllyStep);
        all!(records, Contact.phase: Phase);
        all!(records, Organisation.kind: OrganisationKind);
        all!(records, Organisation.signal: Signal);
        all!(records, Group.state: GroupState);
        all!(records, Event.attendance: Attendance);
        all!(records, Meeting.mode: Mode);
        all!(records, Meeting.kind: MeetingKind);
        all!(records, Meeting.state: MeetingState);
        all!(records, Meeting.outcome: Outcome);
        all!(records, Promise.whose: Whose);
        all!(records, Promise.kind: PromiseKind);
        all!(records, Promise.state: PromiseState);
        all!(records, Need.kind: NeedKind);
        all!(records, Offer.kind: OfferKind);
        all!(records, Ask.kind: AskKind);
        all!(records, Ask.answer: Answer);
        all!(records, Exchange.direction: Direction);
        all!(records, Exchange.kind: ExchangeKind);
        all!(records, Goal.scale: Scale);
        all!(records, Goal.state: GoalState);
        all!(records, Benefit.kinds[]: BenefitKind);
        all!(records, Week.mode: CareerMode);
        all!(records, Review.verdict: Verdict);
        all!(records, TimeEntry.activity: Activity);
        all!(records, TimeEntry.purpose: Purpose);
        all!(records, MoneyEntry.purpose: Purpose);
    }
}
