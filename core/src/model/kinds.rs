//! The list of record kinds: adding one is its type in its area's file and one line here.

use serde_json::{Map, Value};

use super::id::{Id, RecordId};
use super::record::{Facts, FieldInfo, Record};
use super::{exchange::*, goals::*, ledger::*, me::*, meetings::*, people::*, promises::*};

/// What can be done with a record whatever its kind; see [`AnyRecord::hand_to`].
pub trait AnyKind {
    /// What comes of it.
    type Answer;
    /// Does it.
    fn take<R: Record>(self, record: R) -> Self::Answer;
}

/// Gives a record this id.
struct Under(RecordId);

impl AnyKind for Under {
    type Answer = AnyRecord;
    fn take<R: Record>(self, record: R) -> AnyRecord {
        AnyRecord::from_map(R::KIND, record.with_id(Id::new(self.0)).to_map())
    }
}

macro_rules! kinds {
    ($($(#[$area_doc:meta])* $area:ident: $($(#[$doc:meta])* $name:ident = $word:literal $number:tt,)*;)*) => {
        /// Which kind of record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        pub enum Kind {
            $($($(#[$doc])* $name = $number,)*)*
        }

        /// The parts of the notebook; the same names recur in modules, commands and pages.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        pub enum Area {
            $($(#[$area_doc])* $area,)*
        }

        impl Kind {
            /// Every kind this version knows.
            pub const ALL: &'static [Kind] = &[$($(Kind::$name,)*)*];

            /// Its word, as stored in every document.
            pub fn word(self) -> &'static str {
                match self { $($(Kind::$name => $word,)*)* }
            }

            /// The kind of this word, if this version knows it.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($($word => Some(Kind::$name),)*)* _ => None }
            }

            /// The kind of this number, as the read model stores it.
            pub fn from_number(number: i64) -> Option<Self> {
                match number { $($($number => Some(Kind::$name),)*)* _ => None }
            }

            /// The number that the read model stores.
            pub fn number(self) -> i64 {
                self as i64
            }

            /// The area it belongs to.
            pub fn area(self) -> Area {
                match self { $($(Kind::$name => Area::$area,)*)* }
            }

            /// Its fields.
            pub fn fields(self) -> &'static [FieldInfo] {
                match self { $($(Kind::$name => <$name as Record>::FIELDS,)*)* }
            }
        }

        impl Kind {
            /// Whether a notebook holds one at most for each name, so that its id comes from that name.
            pub fn is_singleton(self) -> bool {
                matches!(self, Self::Profile | Self::Settings | Self::Week | Self::Review)
            }
        }

        impl AnyRecord {
            /// The record under the id that its name gives it, when it is of a kind that exists once and has none yet.
            #[must_use]
            pub fn named(self) -> Self {
                let name = match &self {
                    Self::Week(week) => week.week.clone(),
                    Self::Review(review) => review.name(),
                    _ => String::new(),
                };
                if !self.kind().is_singleton() || self.id() != RecordId::default() {
                    return self;
                }
                let id = RecordId::of_singleton(self.kind().word(), &name);
                self.hand_to(Under(id))
            }
        }

        /// A record of any kind.
        #[derive(Clone, Debug, PartialEq)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        #[allow(clippy::large_enum_variant)] // one at a time, never in long lists
        pub enum AnyRecord {
            $($($(#[$doc])* $name($name),)*)*
        }

        impl AnyRecord {
            /// Reads a record of this kind leniently.
            pub fn from_map(kind: Kind, map: Map<String, Value>) -> Self {
                match kind { $($(Kind::$name => Self::$name(<$name as Record>::from_map(map)),)*)* }
            }

            /// A record of this kind in which nothing is written yet.
            pub fn blank(kind: Kind) -> Self {
                Self::from_map(kind, Map::new())
            }

            /// Hands the record to somebody who does the same with records of every kind.
            pub fn hand_to<V: AnyKind>(self, visitor: V) -> V::Answer {
                match self { $($(Self::$name(record) => visitor.take(record),)*)* }
            }

            /// Its fields as JSON.
            pub fn to_map(&self) -> Map<String, Value> {
                match self { $($(Self::$name(record) => record.to_map(),)*)* }
            }

            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self { $($(Self::$name(_) => Kind::$name,)*)* }
            }

            /// Which record.
            pub fn id(&self) -> super::RecordId {
                match self { $($(Self::$name(record) => record.id.raw(),)*)* }
            }

            /// What the index tables say of it.
            pub fn facts(&self) -> Facts {
                match self { $($(Self::$name(record) => record.facts(),)*)* }
            }

            /// When it was deleted, if it was.
            pub fn deleted_at(&self) -> Option<chrono::DateTime<chrono::Utc>> {
                match self { $($(Self::$name(record) => record.deleted_at,)*)* }
            }
        }

        $($(
            impl From<$name> for AnyRecord {
                fn from(record: $name) -> Self {
                    Self::$name(record)
                }
            }
        )*)*
    };
}

// The numbers stand in the read model only, which can be dropped; the words stand in documents and never change.
kinds! {
    /// People, organisations, groups.
    People:
        /// A person you have met, or want to.
        Contact = "contact" 1,
        /// An organisation people work for.
        Organisation = "organisation" 2,
        /// A group one meets people in.
        Group = "group" 3,
    ;
    /// Events, meetings, notes.
    Meetings:
        /// Something that takes place, with many people.
        Event = "event" 4,
        /// A meeting, planned or held.
        Meeting = "meeting" 5,
        /// Free text.
        Note = "note" 6,
    ;
    /// Promises both ways.
    Promises:
        /// A promise in its exact words.
        Promise = "promise" 7,
    ;
    /// What goes between people.
    Exchange:
        /// Something a person could use help with.
        Need = "need" 8,
        /// Something a person can give.
        Offer = "offer" 9,
        /// Something I asked of someone.
        Ask = "ask" 10,
        /// One give or get.
        Exchange = "exchange" 11,
        /// An introduction as a piece of work.
        Introduction = "introduction" 12,
    ;
    /// Where it should lead.
    Goals:
        /// Something to reach.
        Goal = "goal" 13,
        /// A few words that leave them wanting more.
        Pitch = "pitch" 14,
        /// Something I did, and how one can tell.
        Accomplishment = "accomplishment" 15,
        /// Something good that came of people and meetings.
        Benefit = "benefit" 16,
        /// One ISO week.
        Week = "week" 17,
        /// A yearly look at a group, or at everything.
        Review = "review" 18,
    ;
    /// Time and money.
    Ledger:
        /// Time that was spent.
        TimeEntry = "time_entry" 19,
        /// Money that was spent.
        MoneyEntry = "money_entry" 20,
    ;
    /// What is about me, and what this notebook keeps of itself.
    Me:
        /// Who I am, on my card.
        Profile = "profile" 21,
        /// How the notebook is set.
        Settings = "settings" 22,
        /// What keeps me from it.
        Barrier = "barrier" 23,
        /// A file that was brought in.
        Import = "import" 24,
    ;
}
