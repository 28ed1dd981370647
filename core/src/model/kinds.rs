//! The list of record kinds: adding one is its type in its area's file and one line here.

use serde_json::{Map, Value};

use super::record::{Facts, FieldInfo, Record};
use super::{exchange::*, goals::*, ledger::*, me::*, meetings::*, people::*, promises::*};

macro_rules! kinds {
    ($($area:ident: $($name:ident = $word:literal $number:literal,)*;)*) => {
        /// Which kind of record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = concat!("A [`", stringify!($name), "`].")] $name = $number,)*)*
        }

        /// The parts of the notebook; the same names recur in modules, commands and pages.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Area {
            $(#[doc = concat!("The area ", stringify!($area), ".")] $area,)*
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

        /// A record of any kind.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant)] // one at a time, never in long lists
        pub enum AnyRecord {
            $($(#[doc = concat!("A [`", stringify!($name), "`].")] $name($name),)*)*
        }

        impl AnyRecord {
            /// Reads a record of this kind leniently.
            pub fn from_map(kind: Kind, map: Map<String, Value>) -> Self {
                match kind { $($(Kind::$name => Self::$name(<$name as Record>::from_map(map)),)*)* }
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
    People:
        Contact = "contact" 1,
        Organisation = "organisation" 2,
        Group = "group" 3,
    ;
    Meetings:
        Event = "event" 4,
        Meeting = "meeting" 5,
        Note = "note" 6,
    ;
    Promises:
        Promise = "promise" 7,
    ;
    Exchange:
        Need = "need" 8,
        Offer = "offer" 9,
        Ask = "ask" 10,
        Exchange = "exchange" 11,
        Introduction = "introduction" 12,
    ;
    Goals:
        Goal = "goal" 13,
        Pitch = "pitch" 14,
        Accomplishment = "accomplishment" 15,
        Benefit = "benefit" 16,
        Week = "week" 17,
        Review = "review" 18,
    ;
    Ledger:
        TimeEntry = "time_entry" 19,
        MoneyEntry = "money_entry" 20,
    ;
    Me:
        Profile = "profile" 21,
        Settings = "settings" 22,
        Barrier = "barrier" 23,
        Import = "import" 24,
    ;
}
