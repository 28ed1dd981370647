//! The only place for time and money.

use chrono::NaiveDate;

use super::id::Id;
use super::meetings::{Event, Meeting};
use super::people::Group;
use super::record::{record, words};

words! {
    /// What the time went into.
    Activity {
        /// Being there.
        Attending = "attending",
        /// Getting there and back.
        Travel = "travel",
        /// Getting ready, writing up.
        Preparation = "preparation",
    }
}

words! {
    /// What it was for.
    Purpose {
        /// Not said.
        Unset = "",
        /// Keeping up what there is.
        Maintain = "maintain",
        /// Meeting new people.
        Grow = "grow",
    }
}

record! {
    /// Time spent.
    TimeEntry {
        /// The local day.
        value on: Option<NaiveDate>,
        /// Whole minutes.
        value minutes: u32,
        /// Attending, travel or preparation.
        value activity: Activity,
        /// Maintain or grow.
        value purpose: Purpose,
        /// For which meeting.
        value meeting: Option<Id<Meeting>>,
        /// For which event.
        value event: Option<Id<Event>>,
        /// For which group.
        value group: Option<Id<Group>>,
    }
}

record! {
    /// Money spent.
    MoneyEntry {
        /// The local day.
        value on: Option<NaiveDate>,
        /// The amount, in the minor unit of the currency.
        value minor_units: i64,
        /// ISO 4217 code.
        value currency: String,
        /// On what.
        value words: String,
        /// Maintain or grow.
        value purpose: Purpose,
        /// For which meeting.
        value meeting: Option<Id<Meeting>>,
        /// For which event.
        value event: Option<Id<Event>>,
        /// For which group.
        value group: Option<Id<Group>>,
    }
}
