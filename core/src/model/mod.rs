//! Plain values: what a notebook holds, in the words the program uses everywhere. This is the glossary.
//!
//! Nothing here knows a file, a database or a CRDT.

pub mod exchange;
pub mod goals;
mod id;
mod kinds;
pub mod ledger;
pub mod me;
pub mod meetings;
pub mod people;
mod private;
pub mod promises;
pub mod record;
mod time;

pub use exchange::*;
pub use goals::*;
pub use id::{EntryId, Id, NotAnId, Random, RecordId, fresh_entry, fresh_id};
pub use kinds::{AnyKind, AnyRecord, Area, Kind};
pub use ledger::*;
pub use me::*;
pub use meetings::*;
pub use people::*;
pub use private::{public_contact, without_private};
pub use promises::*;
pub use record::{BlobId, Edit, Entry, Facts, FieldInfo, Record, Scalar, Shape, Takes, Unknown};
pub use time::{Moment, NotATime, PartialDate, zone_called};
