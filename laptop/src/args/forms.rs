//! What each command takes: its words and options, area by area.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};

/// The words a field may hold, offered by the help and checked as they are typed.
fn words<W: std::fmt::Display>(all: &[W]) -> PossibleValuesParser {
    all.iter().map(ToString::to_string).filter(|word| !word.is_empty()).collect::<Vec<_>>().into()
}

/// What to do with an event.
#[derive(Subcommand)]
pub(crate) enum EventStep {
    /// Start an event; one that runs is ended first
    #[command(after_help = examples!("kith event start Chamber breakfast", "kith event start 'Open day' --place Lyon"))]
    Start {
        /// What it is called
        #[arg(required = true, value_name = "TITLE")]
        title: Vec<String>,
        /// Where
        #[arg(long, default_value = "")]
        place: String,
    },
    /// End the event that runs
    #[command(after_help = examples!("kith event stop"))]
    Stop,
    /// List events, the newest first
    #[command(after_help = examples!("kith event list", "kith event list --json"))]
    List,
}

/// What to do with a disagreement.
#[derive(Subcommand)]
pub(crate) enum ConflictStep {
    /// Settle on one value
    #[command(after_help = examples!("kith conflicts choose 1 2"))]
    Choose {
        /// The number of the field in `kith conflicts`
        #[arg(value_name = "N")]
        conflict: usize,
        /// The number of the value
        #[arg(value_name = "VALUE-NUMBER")]
        value: usize,
    },
}

/// What to do with an import.
#[derive(Subcommand)]
pub(crate) enum ImportStep {
    /// Take an import back; what you changed since stays
    #[command(after_help = examples!("kith imports undo 3fa91c02"))]
    Undo {
        /// The beginning of its id in `kith imports`
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// The form of an export.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Form {
    /// People as vCard 3.0, for every address book
    Vcard,
    /// Everything, photos and private parts included; Kith reads it back
    Json,
}

/// Two records.
#[derive(Args)]
pub(crate) struct Pair {
    /// One
    #[arg(value_name = "A")]
    pub(crate) a: String,
    /// The other
    #[arg(value_name = "B")]
    pub(crate) b: String,
}

/// A meeting.
#[derive(Args)]
pub(crate) struct Meet {
    /// Who was, or will be, there
    #[arg(required = true, value_name = "WHO")]
    pub(crate) who: Vec<String>,
    /// What it is about, in a few words
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) title: String,
    /// The day; today when left out
    #[arg(long, value_name = "DAY")]
    pub(crate) on: Option<String>,
    /// The time, such as 9:30
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Where
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) place: String,
    /// How: in person, video, call, mail, message
    #[arg(long, value_parser = words(kith_core::model::Mode::ALL))]
    pub(crate) mode: Option<String>,
    /// What kind: one-to-one, coffee, lunch, informational interview, group, chance
    #[arg(long, value_parser = words(kith_core::model::MeetingKind::ALL))]
    pub(crate) kind: Option<String>,
    /// It is still ahead
    #[arg(long)]
    pub(crate) planned: bool,
    /// You reached out
    #[arg(long)]
    pub(crate) initiated: bool,
    /// Plan: why them
    #[arg(long, value_name = "TEXT")]
    pub(crate) why_them: Option<String>,
    /// Plan: what is in it for them
    #[arg(long, value_name = "TEXT")]
    pub(crate) in_it_for_them: Option<String>,
    /// Plan: the outcome wanted
    #[arg(long, value_name = "TEXT")]
    pub(crate) outcome_wanted: Option<String>,
    /// Plan: what you will ask
    #[arg(long, value_name = "TEXT")]
    pub(crate) ask: Option<String>,
    /// Plan: what you can offer
    #[arg(long, value_name = "TEXT")]
    pub(crate) offer: Option<String>,
    #[command(flatten)]
    pub(crate) after: After,
}

/// What is written after a meeting.
#[derive(Args)]
pub(crate) struct After {
    /// After: what you take away
    #[arg(long, value_name = "TEXT")]
    pub(crate) takeaway: Option<String>,
    /// After: what could help them
    #[arg(long, value_name = "TEXT")]
    pub(crate) could_help: Option<String>,
    /// After: what came of it
    #[arg(long, value_parser = words(kith_core::model::Outcome::ALL))]
    pub(crate) outcome: Option<String>,
}

/// A planned meeting, written up.
#[derive(Args)]
pub(crate) struct Met {
    /// Which: a number of the list, words of it, or a person
    #[arg(value_name = "WHICH")]
    pub(crate) which: Vec<String>,
    /// It did not take place
    #[arg(long)]
    pub(crate) cancelled: bool,
    #[command(flatten)]
    pub(crate) after: After,
}

/// A promise that was kept.
#[derive(Args)]
pub(crate) struct Close {
    /// Which: a number of the list, words of it, or a person
    #[arg(value_name = "WHICH")]
    pub(crate) which: Vec<String>,
    /// On which day; today when left out
    #[arg(long, value_name = "DAY")]
    pub(crate) on: Option<String>,
}

/// A promise that was let go.
#[derive(Args)]
pub(crate) struct Release {
    #[command(flatten)]
    pub(crate) close: Close,
    /// Somebody waited, and it was not kept
    #[arg(long)]
    pub(crate) broken: bool,
}

/// A need.
#[derive(Args)]
pub(crate) struct Need {
    /// What they need, in words
    #[arg(value_name = "WORDS")]
    pub(crate) words: Vec<String>,
    /// Whose; yours when left out
    #[arg(long, value_name = "WHO")]
    pub(crate) of: Option<String>,
    /// What kind: struggle, goal, decision
    #[arg(long, value_parser = words(kith_core::model::NeedKind::ALL))]
    pub(crate) kind: Option<String>,
    /// The day by which they decide
    #[arg(long, value_name = "DAY")]
    pub(crate) by: Option<String>,
    /// It was met or fell away; the words say which
    #[arg(long)]
    pub(crate) closed: bool,
}

/// An offer.
#[derive(Args)]
pub(crate) struct Offer {
    /// What they can offer, in words
    #[arg(value_name = "WORDS")]
    pub(crate) words: Vec<String>,
    /// Whose; yours when left out
    #[arg(long, value_name = "WHO")]
    pub(crate) of: Option<String>,
    /// What kind: knowledge, expertise, contact, resource, approach
    #[arg(long, value_parser = words(kith_core::model::OfferKind::ALL))]
    pub(crate) kind: Option<String>,
    /// It fell away; the words say which
    #[arg(long)]
    pub(crate) closed: bool,
}

/// An ask.
#[derive(Args)]
pub(crate) struct Ask {
    /// What you asked, in your words; with --answer, which ask
    #[arg(value_name = "WORDS")]
    pub(crate) words: Vec<String>,
    /// Of whom
    #[arg(long, value_name = "WHO")]
    pub(crate) to: Option<String>,
    /// What for: advice, introduction, information, feedback, resource
    #[arg(long, value_parser = words(kith_core::model::AskKind::ALL))]
    pub(crate) kind: Option<String>,
    /// How it was answered: yes, partly, no
    #[arg(long, value_name = "ANSWER", value_parser = ["yes", "partly", "no"], conflicts_with_all = ["to", "kind"])]
    pub(crate) answer: Option<String>,
    /// The answer in words
    #[arg(long, value_name = "TEXT", requires = "answer")]
    pub(crate) said: Option<String>,
}

/// A give.
#[derive(Args)]
pub(crate) struct Give {
    /// What, in words
    #[arg(required = true, value_name = "WORDS")]
    pub(crate) words: Vec<String>,
    /// To whom: a person, or a group or organisation
    #[arg(long, value_name = "WHO", required = true)]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) how: How,
}

/// A get.
#[derive(Args)]
pub(crate) struct Got {
    /// What, in words
    #[arg(required = true, value_name = "WORDS")]
    pub(crate) words: Vec<String>,
    /// From whom: a person, or a group or organisation
    #[arg(long, value_name = "WHO", required = true)]
    pub(crate) from: String,
    #[command(flatten)]
    pub(crate) how: How,
}

/// What kind of give or get, and when.
#[derive(Args)]
pub(crate) struct How {
    /// What kind: information, service, introduction, resource, advice, thanks, time
    #[arg(long, value_parser = words(kith_core::model::ExchangeKind::ALL))]
    pub(crate) kind: Option<String>,
    /// On which day; today when left out
    #[arg(long, value_name = "DAY")]
    pub(crate) on: Option<String>,
}

/// An introduction.
#[derive(Args)]
pub(crate) struct Intro {
    #[command(subcommand)]
    pub(crate) step: Option<IntroStep>,
    /// One of the two
    #[arg(value_name = "A", requires = "b")]
    pub(crate) a: Option<String>,
    /// The other
    #[arg(value_name = "B")]
    pub(crate) b: Option<String>,
    /// Why they should know each other
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) why: String,
}

/// A step of an introduction.
#[derive(Subcommand)]
pub(crate) enum IntroStep {
    /// One of the two said yes to being introduced
    #[command(after_help = examples!("kith intro agreed dana", "kith intro agreed 2 dana", "kith intro agreed 2"))]
    Agreed {
        /// Who said yes, with the number in `kith intro` before them when they are part of several; the number alone when
        /// only one of the two is left to ask
        #[arg(required = true, value_name = "WHO")]
        who: Vec<String>,
    },
    /// You introduced them; this keeps the promise behind it
    #[command(after_help = examples!("kith intro made dana", "kith intro made 1"))]
    Made {
        /// Which: a number of the list, or one of the two
        #[arg(required = true, value_name = "WHICH")]
        which: Vec<String>,
    },
    /// They talked
    #[command(after_help = examples!("kith intro talked ben"))]
    Talked {
        /// Which: a number of the list, or one of the two
        #[arg(required = true, value_name = "WHICH")]
        which: Vec<String>,
    },
    /// What came of it
    #[command(after_help = examples!("kith intro outcome ben 'they share a warehouse now'"))]
    Outcome {
        /// Which: a number of the list, or one of the two
        #[arg(value_name = "WHICH")]
        which: String,
        /// What came of it, in words
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
    },
    /// It fell away
    #[command(after_help = examples!("kith intro closed 2"))]
    Closed {
        /// Which: a number of the list, or one of the two
        #[arg(required = true, value_name = "WHICH")]
        which: Vec<String>,
    },
}

/// Which people.
#[derive(Args)]
pub(crate) struct PeopleList {
    /// Only those with this topic
    #[arg(long, value_name = "TOPIC")]
    pub(crate) tag: Option<String>,
    /// Only those of this organisation
    #[arg(long, value_name = "NAME")]
    pub(crate) org: Option<String>,
    /// Only those met at this event
    #[arg(long, value_name = "TITLE")]
    pub(crate) event: Option<String>,
    /// Deleted people instead
    #[arg(long)]
    pub(crate) deleted: bool,
    /// Leave out so many at the beginning
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) from: u32,
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) limit: u32,
}

/// A note.
#[derive(Args)]
pub(crate) struct Note {
    /// The text
    #[arg(required = true, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// Whom it is about; may be given several times
    #[arg(long, value_name = "WHO")]
    pub(crate) about: Vec<String>,
}

/// A promise.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("whose").multiple(false))]
pub(crate) struct Promise {
    /// The exact words
    #[arg(required = true, value_name = "WORDS")]
    pub(crate) words: Vec<String>,
    /// You promised it to them
    #[arg(long, value_name = "WHO", group = "whose")]
    pub(crate) to: Option<String>,
    /// They promised it to you
    #[arg(long, value_name = "WHO", group = "whose")]
    pub(crate) from: Option<String>,
    /// A promise to yourself
    #[arg(long, group = "whose")]
    pub(crate) myself: bool,
    /// The day by which
    #[arg(long, value_name = "DAY")]
    pub(crate) by: Option<String>,
}
