//! Promises, in the exact words they were made.

use chrono::NaiveDate;

use super::id::Id;
use super::meetings::{Event, Meeting};
use super::people::Contact;
use super::record::{record, words};

words! {
    /// Who promised.
    Whose {
        /// I did.
        Mine = "mine",
        /// They did.
        Theirs = "theirs",
        /// A note to myself.
        Myself = "to myself",
    }
}

words! {
    /// What was promised.
    PromiseKind {
        /// Something else.
        Thing = "other",
        /// To bring two people together.
        Introduction = "introduction",
        /// A document, a link, a tool.
        Resource = "resource",
        /// An answer.
        Reply = "reply",
        /// To say thank you.
        ThankYou = "thank-you",
        /// To tell them what came of their help.
        CloseTheLoop = "close the loop",
    }
}

words! {
    /// What became of it. Late is a question, not a state.
    PromiseState {
        /// Still to be kept.
        Open = "open",
        /// Kept.
        Kept = "kept",
        /// No longer wanted; nobody is in debt.
        Released = "released",
        /// Not kept.
        Broken = "broken",
    }
}

record! {
    /// Who promised what to whom.
    Promise {
        /// Mine, theirs, or to myself.
        value whose: Whose,
        /// The other person.
        value with: Option<Id<Contact>>,
        /// The exact words.
        value words: String,
        /// What kind.
        value kind: PromiseKind,
        /// The local day by which it is due.
        value due: Option<NaiveDate>,
        /// Open, kept, released or broken.
        value state: PromiseState,
        /// The day it was kept, released or broken.
        value closed_on: Option<NaiveDate>,
        /// The day it was made.
        value made_on: Option<NaiveDate>,
        /// The meeting it was made in.
        value meeting: Option<Id<Meeting>>,
        /// The event it was made at.
        value event: Option<Id<Event>>,
    }
}
