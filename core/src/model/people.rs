//! People, the organisations they work for, the groups one meets them in.

use chrono::NaiveDate;

use super::goals::Goal;
use super::id::Id;
use super::me::Import;
use super::meetings::Event;
use super::record::{BlobId, entry, record, words};
use super::time::PartialDate;

words! {
    /// What kind of address a channel is.
    ChannelKind {
        /// A telephone number.
        Phone = "phone",
        /// A mail address.
        Mail = "mail",
        /// A page, such as a profile.
        Link = "link",
        /// A postal address.
        Address = "address",
        /// An account of a messenger.
        Messenger = "messenger",
    }
}

words! {
    /// Where someone stands in an organisation.
    Level {
        /// Not said.
        Unset = "",
        /// Earlier in their career than I am.
        Junior = "junior",
        /// About where I am.
        Peer = "peer",
        /// Further along.
        Senior = "senior",
        /// Runs an organisation or a large part of one.
        Executive = "executive",
        /// Owns it.
        Owner = "owner",
    }
}

words! {
    /// Whether someone works where I do.
    Side {
        /// Not said.
        Unset = "",
        /// In my own organisation.
        Internal = "internal",
        /// Outside it.
        External = "external",
    }
}

words! {
    /// How someone belongs to my life.
    Category {
        /// A friend.
        Friend = "friend",
        /// A relative.
        Relative = "relative",
        /// Someone I work or worked with.
        Colleague = "colleague",
        /// A client.
        Client = "client",
        /// From the same school.
        Alumni = "alumni",
        /// A neighbour.
        Neighbour = "neighbour",
        /// Someone who advises me over time.
        Mentor = "mentor",
        /// Someone met in business.
        Business = "business",
    }
}

words! {
    /// A step of an alliance; each is dated and set by hand, never computed.
    AllyStep {
        /// We met.
        Met = "met",
        /// We keep in touch.
        Contact = "contact",
        /// We help each other.
        Ally = "ally",
        /// They speak for me when I am not there.
        Advocate = "advocate",
    }
}

words! {
    /// Where a relationship is: deposits come before returns.
    Phase {
        /// Not said.
        Unset = "",
        /// Just begun.
        Beginning = "beginning",
        /// Growing.
        Building = "building",
        /// Strong enough to lean on.
        Leveraging = "leveraging",
    }
}

entry! {
    /// A way to reach someone.
    Channel {
        /// What kind of address.
        kind: ChannelKind,
        /// What it is for, in the person's words or language: "work", "Komórka".
        label: String,
        /// The number, address or link, as it was written.
        value: String,
        /// The one to try first.
        preferred: bool,
    }
}

entry! {
    /// A role in an organisation.
    Affiliation {
        /// The organisation, once it is a record of its own.
        organisation: Option<Id<Organisation>>,
        /// What they do there.
        role: String,
        /// The department.
        department: String,
        /// The field of work.
        field: String,
        /// Since when.
        since: Option<PartialDate>,
        /// Until when; empty while they work there.
        until: Option<PartialDate>,
        /// The last day on which this was known to be true.
        as_of: Option<NaiveDate>,
    }
}

entry! {
    /// A date of someone's life other than the birthday.
    LifeDate {
        /// What it is: "anniversary".
        label: String,
        /// The date, of which the year may be missing.
        date: Option<PartialDate>,
    }
}

entry! {
    /// Someone of the family, or whoever else stands close.
    Relation {
        /// Who they are to the contact: "spouse".
        relation: String,
        /// Their name.
        name: String,
        /// Their own record, when they have one.
        contact: Option<Id<Contact>>,
    }
}

entry! {
    /// A plain dated reminder.
    Reminder {
        /// The local day.
        day: Option<NaiveDate>,
        /// What to think of.
        words: String,
        /// Done.
        done: bool,
    }
}

entry! {
    /// A step of the alliance and its day.
    AllyDate {
        /// Which step.
        step: AllyStep,
        /// Since when.
        day: Option<NaiveDate>,
    }
}

entry! {
    /// Where a contact came from, and what an import did to it.
    Source {
        /// Which program's file: "vcard", "linkedin", "google", "kith".
        source: String,
        /// What names this person there: a UID, a profile link. The same in two records makes them one person.
        key: String,
        /// The import that wrote this.
        import: Option<Id<Import>>,
        /// Lines and columns this program does not know, kept to be given back.
        kept: String,
        /// What the import changed, as JSON `{field: [before, after]}`, so that it can be undone on any device.
        changed: String,
        /// Where the file said that they work, so that the next one tells a change.
        position: String,
        /// The file did not hold them any more, though it holds all one has there.
        gone: bool,
    }
}

record! {
    /// A person you have met, or want to.
    Contact {
        /// The whole name as it is shown; empty for a person whose name is not known yet.
        value name: String,
        /// Given name.
        value given_name: String,
        /// Names between given and family name.
        value middle_name: String,
        /// Family name.
        value family_name: String,
        /// What comes before the name: "Dr".
        value name_prefix: String,
        /// What comes after the name: "MBA".
        value name_suffix: String,
        /// What friends say.
        value nickname: String,
        /// How to say the name.
        value say_it: String,
        /// Pronouns.
        value pronouns: String,
        /// Languages they speak.
        set languages: Vec<String>,
        /// Phones, mails, links, postal addresses.
        map channels: Vec<Channel>,
        /// Birthday; the year may be missing.
        value birthday: Option<PartialDate>,
        /// Other dates.
        map dates: Vec<LifeDate>,
        /// Family, and who they are to each other.
        map family: Vec<Relation>,
        /// Plain dated reminders.
        map reminders: Vec<Reminder>,
        /// The photo, by the hash of its bytes.
        value photo: Option<BlobId>,
        /// How to recognise them next time.
        value recognise: String,
        /// How we met.
        text how_we_met: String,
        /// The day we met.
        value met_on: Option<NaiveDate>,
        /// Where we met.
        value met_where: String,
        /// The event at which we met.
        value met_at: Option<Id<Event>>,
        /// Who brought us together.
        value met_through: Option<Id<Contact>>,
        /// Roles in organisations, now and before.
        map affiliations: Vec<Affiliation>,
        /// Where they stand.
        value level: Level,
        /// In my organisation or outside.
        value side: Side,
        /// How they belong to my life.
        set categories: Vec<Category>,
        /// What ties us socially.
        value social_tie: String,
        /// What ties us professionally.
        value professional_tie: String,
        /// They have seen my work and could vouch for it.
        value has_seen_my_work: bool,
        /// What they care about.
        set interests: Vec<String>,
        /// What they light up about.
        text lights_up_about: String,
        /// What we have in common.
        text common_ground: String,
        /// What else is worth knowing.
        text about: String,
        /// Topics.
        set tags: Vec<String>,
        /// Met, contact, ally, advocate: each with its day.
        map ally_steps: Vec<AllyDate>,
        /// Beginning, building or leveraging.
        value phase: Phase,
        /// How many days may pass before it is time to be in touch again.
        value cadence_days: Option<u32>,
        /// People they know.
        set knows_contacts: Vec<Id<Contact>>,
        /// Organisations in which they know someone.
        set knows_organisations: Vec<Id<Organisation>>,
        /// Goals of mine they matter for.
        set goals: Vec<Id<Goal>>,
        /// It clicked, whatever the reason.
        value spark: bool,
        /// Kept, but no longer proposed.
        value archived: bool,
        /// The day on which the debrief of the first meeting was done.
        value debriefed_on: Option<NaiveDate>,
        /// Records of the same person: all of them are shown as one.
        set same_as: Vec<Id<Contact>>,
        /// Records that look alike and are different people.
        set not_same_as: Vec<Id<Contact>>,
        /// Where the record came from.
        map sources: Vec<Source>,
    }
}

impl Contact {
    /// How a contact is called: the name, or place and day for somebody whose name is not known yet.
    pub fn shown_name(&self) -> String {
        if !self.name.trim().is_empty() {
            return self.name.clone();
        }
        match (self.met_where.as_str(), self.met_on) {
            ("", None) => "someone".into(),
            ("", Some(day)) => format!("someone met on {day}"),
            (place, None) => format!("someone at {place}"),
            (place, Some(day)) => format!("someone at {place}, {day}"),
        }
    }
}

impl ChannelKind {
    /// Whether this can be such an address at all: a number has digits, a mail address two sides. Nothing finer: how
    /// people write numbers and addresses is wider than any rule.
    pub fn can_be(&self, value: &str) -> bool {
        match self {
            Self::Phone => value.chars().filter(char::is_ascii_digit).count() >= 3,
            Self::Mail => {
                let sides = value.split_once('@');
                sides.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
                    && !value.contains(char::is_whitespace)
            }
            _ => !value.trim().is_empty(),
        }
    }
}

words! {
    /// What kind of organisation.
    OrganisationKind {
        /// Not said.
        Unset = "",
        /// Where I work or worked.
        Employer = "employer",
        /// A company.
        Company = "company",
        /// A school or university.
        School = "school",
        /// An association.
        Association = "association",
        /// A public body.
        Public = "public",
    }
}

words! {
    /// Why an organisation may need someone now.
    Signal {
        /// None seen.
        Unset = "",
        /// It grows.
        Expanding = "expanding",
        /// It has a problem I could help with.
        Challenged = "challenged",
    }
}

entry! {
    /// A piece of news about an organisation, saved to be read offline; stale after 90 days.
    Clip {
        /// The day of the news.
        day: Option<NaiveDate>,
        /// What it says.
        words: String,
        /// Where it was read.
        source: String,
    }
}

entry! {
    /// Something known of pay, role or culture there; private.
    Benchmark {
        /// About what: "pay", "role", "culture".
        topic: String,
        /// What is known.
        words: String,
        /// Where from.
        source: String,
        /// As of which day.
        day: Option<NaiveDate>,
    }
}

record! {
    /// An organisation people work for.
    Organisation {
        /// Its name.
        value name: String,
        /// What kind.
        value kind: OrganisationKind,
        /// I want to know people there.
        value target: bool,
        /// Why it may need someone now.
        value signal: Signal,
        /// Why me.
        text why_me: String,
        /// Order of wish, 1 first.
        value wish_order: Option<u32>,
        /// News with date and source.
        map clips: Vec<Clip>,
        /// Pay, role and culture; private, left out of exports.
        map benchmarks: Vec<Benchmark>,
        /// What else is worth knowing.
        text about: String,
        /// Records of the same organisation.
        set same_as: Vec<Id<Organisation>>,
        /// Records that look alike and are not the same.
        set not_same_as: Vec<Id<Organisation>>,
    }
}

words! {
    /// Whether a group is worth the evenings.
    GroupState {
        /// Not decided.
        Unset = "",
        /// On the list.
        ToTry = "to try",
        /// Being tried.
        Trying = "trying",
        /// Worth it.
        Kept = "kept",
        /// Left.
        Dropped = "dropped",
    }
}

record! {
    /// A group one belongs to or tries: a chamber, an association, a breakfast club.
    Group {
        /// Its name.
        value name: String,
        /// To try, trying, kept, dropped.
        value state: GroupState,
        /// Why it was kept or dropped.
        text verdict: String,
        /// My role in it.
        value role: String,
        /// Member since.
        value member_since: Option<PartialDate>,
        /// Dues a year, in the minor unit of the currency.
        value dues_minor_units: Option<i64>,
        /// ISO 4217 code of the dues.
        value dues_currency: String,
        /// Committees I serve on.
        set committees: Vec<String>,
        /// Who belongs to it.
        set members: Vec<Id<Contact>>,
        /// What we share an interest in.
        set interests: Vec<String>,
        /// What else is worth knowing.
        text about: String,
        /// Records of the same group.
        set same_as: Vec<Id<Group>>,
        /// Records that look alike and are not the same.
        set not_same_as: Vec<Id<Group>>,
    }
}
