//! Where it should lead: goals, pitches, accomplishments, benefits, the week and the yearly review.

use chrono::NaiveDate;

use super::id::Id;
use super::meetings::Meeting;
use super::people::{Contact, Group};
use super::record::{record, words};

words! {
    /// How large a goal is.
    Scale {
        /// For a group or a year.
        Macro = "macro",
        /// For a series of meetings, or one.
        Micro = "micro",
    }
}

words! {
    /// What became of a goal.
    GoalState {
        /// Being worked on.
        Open = "open",
        /// Reached.
        Reached = "reached",
        /// Given up.
        Dropped = "dropped",
    }
}

record! {
    /// Something to reach.
    Goal {
        /// What.
        value title: String,
        /// Why, and how one will know.
        text why: String,
        /// Macro or micro.
        value scale: Scale,
        /// The group it is for.
        value group: Option<Id<Group>>,
        /// The year it is for.
        value year: Option<u32>,
        /// The day by which.
        value by: Option<NaiveDate>,
        /// The goal it is part of.
        value parent: Option<Id<Goal>>,
        /// The goal of an earlier year that it goes on from.
        value follows: Option<Id<Goal>>,
        /// Open, reached or dropped.
        value state: GoalState,
        /// How far it has come.
        text progress: String,
        /// The last day it moved.
        value moved_on: Option<NaiveDate>,
    }
}

record! {
    /// A few words that leave them wanting more.
    Pitch {
        /// Whom I serve.
        value whom: String,
        /// In what.
        value in_what: String,
        /// So that what.
        value so_that: String,
        /// The line that hooks.
        value hook: String,
        /// What follows, only if they ask "how?".
        value follow_up: String,
        /// The version before.
        value previous: Option<Id<Pitch>>,
    }
}

record! {
    /// Something I did, and how one can tell.
    Accomplishment {
        /// What.
        value title: String,
        /// The evidence.
        text evidence: String,
        /// The short story.
        text story: String,
        /// Among those I am most proud of.
        value proudest: bool,
        /// When.
        value on: Option<NaiveDate>,
    }
}

words! {
    /// What good came of it.
    BenefitKind {
        /// A job.
        Job = "job",
        /// A client.
        Client = "client",
        /// Advice.
        Advice = "advice",
        /// A new perspective.
        Perspective = "perspective",
        /// An alliance.
        Alliance = "alliance",
        /// Help.
        Help = "help",
        /// Something personal.
        Personal = "personal",
        /// Something nobody could have foreseen.
        Unexpected = "unexpected",
    }
}

record! {
    /// Something good that came of people and meetings, however old.
    Benefit {
        /// What kinds.
        set kinds: Vec<BenefitKind>,
        /// What.
        text words: String,
        /// Its worth, in the minor unit of the currency, if it has one.
        value minor_units: Option<i64>,
        /// ISO 4217 code.
        value currency: String,
        /// The day.
        value on: Option<NaiveDate>,
        /// The people who led there.
        set people: Vec<Id<Contact>>,
        /// The meetings that led there.
        set meetings: Vec<Id<Meeting>>,
    }
}

words! {
    /// What the network is for just now.
    CareerMode {
        /// Employed and not searching.
        Steady = "steady",
        /// Looking for what is next.
        InTransition = "in transition",
        /// Building something.
        Founding = "founding",
        /// Paused; no red numbers.
        Paused = "paused",
    }
}

record! {
    /// One ISO week. Exists once: its id comes from its name.
    Week {
        /// Which: `2026-W47`.
        value week: String,
        /// The budget, in minutes.
        value budget_minutes: Option<u32>,
        /// What the network is for this week.
        value mode: CareerMode,
        /// Monday's plan.
        text plan: String,
        /// Friday's log.
        text log: String,
        /// Why it was skipped, in one word.
        value skipped_why: String,
    }
}

words! {
    /// What the yearly look at a group says.
    Verdict {
        /// Not yet said.
        Unset = "",
        /// Keep going.
        Keep = "keep",
        /// Change something.
        Adjust = "adjust",
        /// Leave.
        Leave = "leave",
    }
}

record! {
    /// A yearly look at a group, or at everything. Exists once a year and group: its id comes from both.
    Review {
        /// The year looked at.
        value year: Option<u32>,
        /// The group; none means everything.
        value group: Option<Id<Group>>,
        /// What came of the goals.
        text what_came: String,
        /// Keep, adjust or leave.
        value verdict: Verdict,
        /// What comes next.
        text next: String,
        /// Goals for the next year.
        set next_goals: Vec<Id<Goal>>,
        /// The day it was finished.
        value finished_on: Option<NaiveDate>,
    }
}

impl Review {
    /// The name its id comes from: the year and, after a stroke, the group.
    pub fn name(&self) -> String {
        let year = self.year.map(|year| year.to_string()).unwrap_or_default();
        format!("{year}/{}", self.group.map(|group| group.to_string()).unwrap_or_default())
    }
}
