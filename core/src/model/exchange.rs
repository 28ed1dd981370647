//! What goes between people: needs, offers, asks, gives and gets, introductions.

use chrono::NaiveDate;

use super::goals::Goal;
use super::id::Id;
use super::meetings::{Event, Meeting};
use super::people::{Contact, Group, Organisation};
use super::promises::Promise;
use super::record::{record, words};

words! {
    /// What kind of need.
    NeedKind {
        /// What they struggle with.
        Struggle = "struggle",
        /// What they try to accomplish.
        Goal = "goal",
        /// What they have to decide.
        Decision = "decision",
    }
}

record! {
    /// Something a person could use help with.
    Need {
        /// Whose; nobody means mine.
        value whose: Option<Id<Contact>>,
        /// Struggle, goal or decision.
        value kind: NeedKind,
        /// What.
        value words: String,
        /// The day by which they decide.
        value decide_on: Option<NaiveDate>,
        /// The day it was met or fell away.
        value closed_on: Option<NaiveDate>,
        /// The meeting in which it came up.
        value meeting: Option<Id<Meeting>>,
        /// The event at which it came up.
        value event: Option<Id<Event>>,
    }
}

words! {
    /// What kind of offer.
    OfferKind {
        /// What one knows.
        Knowledge = "knowledge",
        /// What one can do well.
        Expertise = "expertise",
        /// Whom one knows.
        Person = "contact",
        /// A thing, a document, a place.
        Resource = "resource",
        /// A way of going about it.
        Approach = "approach",
    }
}

record! {
    /// Something a person can give.
    Offer {
        /// Whose; nobody means mine.
        value whose: Option<Id<Contact>>,
        /// Knowledge, expertise, contact, resource or approach.
        value kind: OfferKind,
        /// What.
        value words: String,
        /// How it is best delivered.
        value delivery: String,
        /// The day it fell away.
        value closed_on: Option<NaiveDate>,
        /// The meeting in which it came up.
        value meeting: Option<Id<Meeting>>,
        /// The event at which it came up.
        value event: Option<Id<Event>>,
    }
}

words! {
    /// What is asked for; never a job.
    AskKind {
        /// Advice.
        Advice = "advice",
        /// An introduction.
        Introduction = "introduction",
        /// Information.
        Information = "information",
        /// Feedback.
        Feedback = "feedback",
        /// A resource.
        Resource = "resource",
    }
}

words! {
    /// How an ask was answered.
    Answer {
        /// Not yet.
        Open = "open",
        /// Yes.
        Yes = "yes",
        /// In part, or something better.
        Partly = "partly",
        /// No.
        No = "no",
    }
}

record! {
    /// Something I asked of someone.
    Ask {
        /// Of whom.
        value to: Option<Id<Contact>>,
        /// Advice, introduction, information, feedback or resource.
        value kind: AskKind,
        /// The wording.
        value words: String,
        /// The day it was asked.
        value asked_on: Option<NaiveDate>,
        /// How it was answered.
        value answer: Answer,
        /// The day of the answer.
        value answered_on: Option<NaiveDate>,
        /// The answer in words.
        text answer_words: String,
        /// The meeting in which it was asked.
        value meeting: Option<Id<Meeting>>,
        /// The goal it serves.
        value goal: Option<Id<Goal>>,
    }
}

words! {
    /// Which way something went.
    Direction {
        /// I gave.
        Gave = "gave",
        /// I got.
        Got = "got",
    }
}

words! {
    /// What was given.
    ExchangeKind {
        /// Information.
        Information = "information",
        /// A service.
        Service = "service",
        /// An introduction.
        Introduction = "introduction",
        /// A resource.
        Resource = "resource",
        /// Advice.
        Advice = "advice",
        /// Thanks.
        Thanks = "thanks",
        /// Time.
        Time = "time",
    }
}

record! {
    /// One give or get, with a person, a group or an organisation.
    Exchange {
        /// I gave, or I got.
        value direction: Direction,
        /// What kind of thing.
        value kind: ExchangeKind,
        /// What.
        value words: String,
        /// With whom.
        value with: Option<Id<Contact>>,
        /// With which group.
        value group: Option<Id<Group>>,
        /// With which organisation.
        value organisation: Option<Id<Organisation>>,
        /// The local day.
        value on: Option<NaiveDate>,
        /// In which meeting.
        value meeting: Option<Id<Meeting>>,
        /// Which need it met.
        value need: Option<Id<Need>>,
    }
}

record! {
    /// An introduction as a piece of work: both asked, made, they talked, what came of it.
    Introduction {
        /// The two people.
        set between: Vec<Id<Contact>>,
        /// Why they should know each other.
        text why: String,
        /// The day it was thought of.
        value proposed_on: Option<NaiveDate>,
        /// Those who said yes to being introduced.
        set agreed: Vec<Id<Contact>>,
        /// The day it was made.
        value made_on: Option<NaiveDate>,
        /// The day on which they had talked.
        value talked_on: Option<NaiveDate>,
        /// The day it fell away.
        value closed_on: Option<NaiveDate>,
        /// What came of it.
        text outcome: String,
        /// The promise it keeps.
        value promise: Option<Id<Promise>>,
    }
}
