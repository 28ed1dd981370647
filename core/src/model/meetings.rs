//! Events, meetings with their plan and debrief, and notes.

use super::goals::{Goal, Pitch};
use super::id::Id;
use super::people::{Contact, Group, Organisation};
use super::record::{entry, record, words};
use super::time::Moment;

words! {
    /// What became of an event; skipping is a decision.
    Attendance {
        /// Under consideration.
        Candidate = "candidate",
        /// I was there.
        Attended = "attended",
        /// I chose not to go.
        Skipped = "skipped",
    }
}

record! {
    /// Something where one meets several people.
    Event {
        /// What it is called.
        value title: String,
        /// Where.
        value place: String,
        /// When it begins.
        value starts: Option<Moment>,
        /// When it ended.
        value ends: Option<Moment>,
        /// Whose event it is.
        value group: Option<Id<Group>>,
        /// Not the obvious kind of event for me.
        value experiment: bool,
        /// How comfortable it felt before, 1 to 5.
        value comfort_before: Option<u32>,
        /// How comfortable it felt after, 1 to 5.
        value comfort_after: Option<u32>,
        /// Candidate, attended or skipped.
        value attendance: Attendance,
        /// Why it was worth going, or not.
        text why: String,
        /// Records of the same event.
        set same_as: Vec<Id<Event>>,
        /// Records that look alike and are not the same.
        set not_same_as: Vec<Id<Event>>,
    }
}

words! {
    /// How people met.
    Mode {
        /// Face to face.
        InPerson = "in person",
        /// By video.
        Video = "video",
        /// By telephone.
        Call = "call",
        /// By mail.
        Mail = "mail",
        /// By message.
        Message = "message",
    }
}

words! {
    /// What kind of meeting.
    MeetingKind {
        /// One person, on purpose.
        OneToOne = "one-to-one",
        /// Over coffee.
        Coffee = "coffee",
        /// Over lunch.
        Lunch = "lunch",
        /// To learn about someone's work.
        Informational = "informational interview",
        /// Several people.
        Group = "group",
        /// By chance.
        Chance = "chance",
    }
}

words! {
    /// Whether a meeting is ahead or behind.
    MeetingState {
        /// It took place.
        Held = "held",
        /// It is planned.
        Planned = "planned",
        /// It did not take place.
        Cancelled = "cancelled",
    }
}

words! {
    /// What a meeting brought, against what was wanted.
    Outcome {
        /// Not said.
        Unset = "",
        /// What I hoped for.
        Got = "got it",
        /// It went elsewhere, and that was good.
        ElsewhereGood = "went elsewhere, good",
        /// Now I know it leads nowhere.
        CrossedOff = "crossed off",
        /// Not yet.
        NotYet = "not yet",
    }
}

entry! {
    /// An organisation to ask about: anyone at X? if not, at Y?
    ToName {
        /// Its place in the order, 1 first.
        place: u32,
        /// The organisation, when it is a record.
        organisation: Option<Id<Organisation>>,
        /// Its name otherwise.
        name: String,
        /// What they answered.
        answer: String,
    }
}

entry! {
    /// A question to ask, or a point of the agenda.
    Line {
        /// Its place in the order, 1 first.
        place: u32,
        /// The words.
        words: String,
        /// Asked, or dealt with.
        done: bool,
    }
}

record! {
    /// A meeting: its plan before, its debrief after.
    Meeting {
        /// Who was, or will be, there.
        set who: Vec<Id<Contact>>,
        /// What it is about, in a few words.
        value title: String,
        /// When.
        value at: Option<Moment>,
        /// How long, in minutes.
        value minutes: Option<u32>,
        /// In person, video, call, mail or message.
        value mode: Mode,
        /// Coffee, lunch, group …
        value kind: MeetingKind,
        /// Held, planned or cancelled.
        value state: MeetingState,
        /// Where.
        value place: String,
        /// The event it belonged to.
        value event: Option<Id<Event>>,
        /// The group whose meeting it is.
        value group: Option<Id<Group>>,
        /// I reached out.
        value initiated: bool,
        /// The goal it serves.
        value goal: Option<Id<Goal>>,
        /// How I went about it.
        value approach: String,

        /// Plan: why them.
        text why_them: String,
        /// Plan: what is in it for them.
        text in_it_for_them: String,
        /// Plan: the outcome wanted.
        text outcome_wanted: String,
        /// Plan: just get to know them; no ask.
        value get_to_know: bool,
        /// Plan: what I will ask.
        text ask: String,
        /// Plan: what I can offer.
        text offer: String,
        /// Plan: organisations to name, in order.
        map to_name: Vec<ToName>,
        /// Plan: names I hope to hear.
        set names_wanted: Vec<String>,
        /// Plan: questions to ask.
        map questions: Vec<Line>,
        /// Plan: the agenda.
        map agenda: Vec<Line>,

        /// Debrief: what could help them.
        text could_help_them: String,
        /// Debrief: what I take away, also from a bad meeting.
        text takeaway: String,
        /// Debrief: what came of it.
        value outcome: Outcome,
        /// Debrief: share of the time in which I talked, 0 to 100.
        value talk_percent: Option<u32>,
        /// Debrief: chemistry, 1 to 5.
        value chemistry: Option<u32>,
        /// Debrief: my energy after it, 1 to 5.
        value my_energy: Option<u32>,
        /// Debrief: theirs, 1 to 5.
        value their_energy: Option<u32>,
        /// Debrief: which of my strengths came up.
        value strength: String,
        /// Debrief: names they gave me.
        set names_received: Vec<Id<Contact>>,
        /// Debrief: the pitch I used.
        value pitch: Option<Id<Pitch>>,
        /// Debrief: it earned the question "how?".
        value pitch_earned_question: Option<bool>,
    }
}

record! {
    /// Free text about people, a meeting or an event; several devices may edit it at once.
    Note {
        /// The text.
        text body: String,
        /// Whom it is about.
        set about: Vec<Id<Contact>>,
        /// The meeting it belongs to.
        value meeting: Option<Id<Meeting>>,
        /// The event it belongs to.
        value event: Option<Id<Event>>,
        /// The organisation it is about.
        value organisation: Option<Id<Organisation>>,
        /// The group it is about.
        value group: Option<Id<Group>>,
        /// When it was taken.
        value at: Option<Moment>,
        /// Topics.
        set topics: Vec<String>,
    }
}
