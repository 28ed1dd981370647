//! How the values of the model that are not plain records cross to Kotlin, Swift and Python: as text, or as a moment.
//!
//! Compiled for `bindings` only. What comes in is read by the model's own rules, and what does not fit is
//! [`Error::Invalid`], wherever in a record it stood. Nothing is decided here.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::model::{
    Accomplishment, Ask, Barrier, Benefit, BlobId, Contact, EntryId, Event, Exchange, Goal, Group, Id, Import,
    Introduction, Meeting, MoneyEntry, Need, Note, Offer, Organisation, PartialDate, Pitch, Profile, Promise, RecordId,
    Review, Settings, TimeEntry, Week,
};
use crate::sync::hex;
use crate::sync::keys::DeviceId;

/// Seconds since 1970 of the first and the last moment that every platform's calendar shows: the years 1 to 9999.
const SHOWN: (i64, i64) = (-62_135_596_800, 253_402_300_799);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident of $kind:ident;)*) => {$(
        type $name = Id<$kind>;
        uniffi::custom_type!($(#[$doc])* $name, String, {
            lower: |id| id_words(id.raw()),
            try_lift: |text| Ok(Id::new(read_id(&text)?)),
        });
    )*};
}

ids! {
    /// Which [`Contact`]: 32 hexadecimal digits; empty for one that was never written.
    ContactId of Contact;
    /// Which [`Organisation`]: 32 hexadecimal digits; empty for one that was never written.
    OrganisationId of Organisation;
    /// Which [`Group`]: 32 hexadecimal digits; empty for one that was never written.
    GroupId of Group;
    /// Which [`Event`]: 32 hexadecimal digits; empty for one that was never written.
    EventId of Event;
    /// Which [`Meeting`]: 32 hexadecimal digits; empty for one that was never written.
    MeetingId of Meeting;
    /// Which [`Note`]: 32 hexadecimal digits; empty for one that was never written.
    NoteId of Note;
    /// Which [`Promise`]: 32 hexadecimal digits; empty for one that was never written.
    PromiseId of Promise;
    /// Which [`Need`]: 32 hexadecimal digits; empty for one that was never written.
    NeedId of Need;
    /// Which [`Offer`]: 32 hexadecimal digits; empty for one that was never written.
    OfferId of Offer;
    /// Which [`Ask`]: 32 hexadecimal digits; empty for one that was never written.
    AskId of Ask;
    /// Which [`Exchange`]: 32 hexadecimal digits; empty for one that was never written.
    ExchangeId of Exchange;
    /// Which [`Introduction`]: 32 hexadecimal digits; empty for one that was never written.
    IntroductionId of Introduction;
    /// Which [`Goal`]: 32 hexadecimal digits; empty for one that was never written.
    GoalId of Goal;
    /// Which [`Pitch`]: 32 hexadecimal digits; empty for one that was never written.
    PitchId of Pitch;
    /// Which [`Accomplishment`]: 32 hexadecimal digits; empty for one that was never written.
    AccomplishmentId of Accomplishment;
    /// Which [`Benefit`]: 32 hexadecimal digits; empty for one that was never written.
    BenefitId of Benefit;
    /// Which [`Week`]: 32 hexadecimal digits; empty for one that was never written.
    WeekId of Week;
    /// Which [`Review`]: 32 hexadecimal digits; empty for one that was never written.
    ReviewId of Review;
    /// Which [`TimeEntry`]: 32 hexadecimal digits; empty for one that was never written.
    TimeEntryId of TimeEntry;
    /// Which [`MoneyEntry`]: 32 hexadecimal digits; empty for one that was never written.
    MoneyEntryId of MoneyEntry;
    /// Which [`Profile`]: 32 hexadecimal digits; empty for one that was never written.
    ProfileId of Profile;
    /// Which [`Settings`]: 32 hexadecimal digits; empty for one that was never written.
    SettingsId of Settings;
    /// Which [`Barrier`]: 32 hexadecimal digits; empty for one that was never written.
    BarrierId of Barrier;
    /// Which [`Import`]: 32 hexadecimal digits; empty for one that was never written.
    ImportId of Import;
}

uniffi::custom_type!(
    /// Which record, of whatever kind: 32 hexadecimal digits; empty for one that was never written.
    RecordId, String, { lower: |id| id_words(id), try_lift: |text| Ok(read_id(&text)?) }
);
uniffi::custom_type!(
    /// Which entry of a list inside one record, such as one phone number; empty asks for a fresh one.
    EntryId, String, { lower: |id| id.0, try_lift: |text| Ok(EntryId(text)) }
);
uniffi::custom_type!(
    /// Which photo: the BLAKE3 of its bytes, 64 hexadecimal digits.
    BlobId, String, { lower: |id| id.0, try_lift: |text| Ok(BlobId(text)) }
);
uniffi::custom_type!(
    /// A day of which a part may be unknown: `1980-03-22`, `--03-22`, `1980-03`, `1980`.
    PartialDate, String, { lower: |date| date.to_string(), try_lift: |text| Ok(text.parse().map_err(invalid)?) }
);

type Day = NaiveDate;
uniffi::custom_type!(
    /// A local day, without a time: `2026-11-22`.
    Day, String, {
        remote,
        lower: |day| day.to_string(),
        try_lift: |text| Ok(text.parse::<NaiveDate>().map_err(|_| invalid(format!("{text:?} is no day like 2026-11-22")))?),
    }
);

type Timestamp = DateTime<Utc>;
uniffi::custom_type!(
    /// An instant.
    Timestamp, SystemTime, { remote, lower: |at| shown(at), try_lift: |at| Ok(read_instant(at)?) }
);

type Zone = Tz;
uniffi::custom_type!(
    /// A time zone by its name in the tz database: `Europe/Paris`.
    Zone, String, {
        remote,
        lower: |zone| zone.name().to_string(),
        try_lift: |name| Ok(name.parse::<Tz>().map_err(|_| invalid(format!("{name:?} is no time zone like Europe/Paris")))?),
    }
);

type FilePath = PathBuf;
uniffi::custom_type!(
    /// A file or folder of this device. A name that is no Unicode cannot be told apart from one with signs of replacement.
    FilePath, String, {
        remote,
        lower: |path| path.to_string_lossy().into_owned(),
        try_lift: |path| Ok(PathBuf::from(path)),
    }
);

uniffi::custom_type!(
    /// Which device: the key with which it signs, 64 hexadecimal digits.
    DeviceId, String, { lower: |id| id.to_string(), try_lift: |text| Ok(DeviceId(read_key(&text)?)) }
);

type EndpointKey = [u8; 32];
uniffi::custom_type!(
    /// The key by which a device is known on a network: 64 hexadecimal digits.
    EndpointKey, String, { remote, lower: |key| hex(&key), try_lift: |text| Ok(read_key(&text)?) }
);

type Address = SocketAddr;
uniffi::custom_type!(
    /// An address and a port of UDP: `192.168.1.7:4433`, `[fe80::1]:4433`.
    Address, String, {
        remote,
        lower: |at| at.to_string(),
        try_lift: |text| Ok(text.parse::<SocketAddr>().map_err(|_| invalid(format!("{text:?} is no address like 192.168.1.7:4433")))?),
    }
);

type Counts = BTreeMap<String, u64>;
uniffi::custom_type!(
    /// How many of each, by what it is called.
    Counts, HashMap<String, u64>, {
        remote,
        lower: |counts| counts.into_iter().collect(),
        try_lift: |counts| Ok(counts.into_iter().collect()),
    }
);

type Json = Value;
uniffi::custom_type!(
    /// A value of any kind, as JSON.
    Json, String, { remote, lower: |value| value.to_string(), try_lift: |text| Ok(read_json(&text)?) }
);

type UnknownFields = Map<String, Value>;
uniffi::custom_type!(
    /// What a newer version wrote into a record: a JSON object, to be handed back as it came. Empty for nothing.
    UnknownFields, String, {
        remote,
        lower: |fields| if fields.is_empty() { String::new() } else { Value::Object(fields).to_string() },
        try_lift: |text| Ok(read_fields(&text)?),
    }
);

fn invalid(why: impl ToString) -> Error {
    Error::Invalid(why.to_string())
}

fn id_words(id: RecordId) -> String {
    if id == RecordId::default() { String::new() } else { id.to_string() }
}

fn read_id(text: &str) -> Result<RecordId> {
    if text.is_empty() { Ok(RecordId::default()) } else { text.parse().map_err(invalid) }
}

fn read_key(text: &str) -> Result<[u8; 32]> {
    let no_key = || invalid("a key is 64 hexadecimal digits");
    let (first, second) = text.split_at_checked(32).ok_or_else(no_key)?;
    let half = |text: &str| text.parse::<RecordId>().map_err(|_| no_key());
    let mut key = [0; 32];
    key[..16].copy_from_slice(&half(first)?.0);
    key[16..].copy_from_slice(&half(second)?.0);
    Ok(key)
}

fn read_json(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| invalid(format!("this is no JSON ({error})")))
}

fn read_fields(text: &str) -> Result<Map<String, Value>> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(text).map_err(|error| invalid(format!("this is no JSON object ({error})")))
}

/// A device with a broken clock, or one that means harm, may have written a year no calendar has: Python's ends at 9999.
fn shown(at: DateTime<Utc>) -> SystemTime {
    let seconds = at.timestamp().clamp(SHOWN.0, SHOWN.1);
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let at_second = if seconds < 0 { SystemTime::UNIX_EPOCH - whole } else { SystemTime::UNIX_EPOCH + whole };
    at_second + Duration::from_nanos(at.timestamp_subsec_nanos().min(999_999_999).into())
}

fn read_instant(at: SystemTime) -> Result<DateTime<Utc>> {
    let seconds = match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).ok().map(|seconds| (seconds, after.subsec_nanos())),
        Err(before) => {
            let before = before.duration();
            let borrowed = i64::from(before.subsec_nanos() > 0);
            let nanos = if borrowed == 1 { 1_000_000_000 - before.subsec_nanos() } else { 0 };
            i64::try_from(before.as_secs()).ok().map(|seconds| (-seconds - borrowed, nanos))
        }
    };
    seconds
        .filter(|(seconds, _)| (SHOWN.0..=SHOWN.1).contains(seconds))
        .and_then(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos))
        .ok_or_else(|| invalid("an instant lies in the years 1 to 9999"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_what_it_writes_and_no_calendar_is_broken() {
        for text in ["2026-11-22T09:30:00.123456789Z", "1969-12-31T23:59:59.5Z", "0001-01-01T00:00:00Z"] {
            let at: DateTime<Utc> = text.parse().expect("an instant");
            assert_eq!(read_instant(shown(at)).expect("read back"), at, "{text}");
        }
        let shown_at = |at| read_instant(shown(at)).expect("a year that is shown").timestamp();
        assert_eq!(shown_at(DateTime::<Utc>::MAX_UTC), SHOWN.1);
        assert_eq!(shown_at(DateTime::<Utc>::MIN_UTC), SHOWN.0);
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 60);
        assert!(matches!(read_instant(far), Err(Error::Invalid(_))));
    }

    #[test]
    fn an_empty_id_is_that_of_a_record_never_written() {
        assert_eq!(read_id("").expect("empty"), RecordId::default());
        assert_eq!(id_words(RecordId::default()), "");
        assert!(matches!(read_id("07"), Err(Error::Invalid(_))));
    }
}
