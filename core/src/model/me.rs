//! The person whose notebook it is: profile, settings, barriers, and the imports they made.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::goals::CareerMode;
use super::people::Channel;
use super::record::{BlobId, record, words};

record! {
    /// Who I am to others. Exists once.
    Profile {
        /// My name.
        value name: String,
        /// My organisation.
        value organisation: String,
        /// My role.
        value role: String,
        /// The line I want to be known for.
        value brand_line: String,
        /// Fields of work.
        set fields: Vec<String>,
        /// What my card shows.
        map card: Vec<Channel>,
        /// My photo.
        value photo: Option<BlobId>,
    }
}

words! {
    /// On which day the week begins.
    WeekStart {
        /// Monday.
        Monday = "monday",
        /// Saturday.
        Saturday = "saturday",
        /// Sunday.
        Sunday = "sunday",
    }
}

record! {
    /// What all my devices agree on. Exists once.
    Settings {
        /// The zone of my days; empty means the device's own.
        value zone: Option<Tz>,
        /// The first day of the week.
        value week_start: WeekStart,
        /// ISO 4217 code for money.
        value currency: String,
        /// The least I want to do in a week, in minutes.
        value weekly_floor_minutes: Option<u32>,
        /// What the network is for just now.
        value mode: CareerMode,
    }
}

record! {
    /// What keeps me from it; private.
    Barrier {
        /// The obstacle.
        text obstacle: String,
        /// Another way to see it.
        text reframe: String,
        /// The smallest next step.
        value next_step: String,
    }
}

record! {
    /// One file that was brought in.
    Import {
        /// Which program's file: "vcard", "linkedin", "google", "kith".
        value source: String,
        /// The file's name, without its folder.
        value file_name: String,
        /// When.
        value at: Option<DateTime<Utc>>,
        /// Whether every slice of it was written.
        value finished: bool,
        /// When it was undone.
        value undone_at: Option<DateTime<Utc>>,
    }
}
