//! Days and moments: promises are due on a local day, meetings are instants with a zone, birthdays may lack a year.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, SecondsFormat, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant and the zone it was lived in, to the second. Written as `2026-11-22T09:30:00Z[Europe/Paris]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Moment {
    /// The instant, without fractions of a second.
    pub at: DateTime<Utc>,
    /// The zone whose clock hung on the wall.
    pub zone: Tz,
}

impl Moment {
    /// The instant in this zone, cut to the second.
    pub fn new(at: DateTime<Utc>, zone: Tz) -> Self {
        Self { at: at.with_nanosecond(0).unwrap_or(at), zone }
    }

    /// The day on that wall's calendar.
    pub fn day(&self) -> NaiveDate {
        self.at.with_timezone(&self.zone).date_naive()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.at.to_rfc3339_opts(SecondsFormat::Secs, true), self.zone)
    }
}

/// The zone that a system calls so: that of this name in the tz database, else the one that lies so many whole hours from UTC
/// (`GMT+02:00`, `UTC-5`, `+0900`), else UTC. A system may know a zone that this program does not, and no name of one is a
/// reason to keep a notebook shut.
pub fn zone_called(name: &str) -> Tz {
    let name = name.trim();
    name.parse().ok().or_else(|| whole_hours_away(name)).unwrap_or(Tz::UTC)
}

fn whole_hours_away(name: &str) -> Option<Tz> {
    let distance = name.strip_prefix("GMT").or_else(|| name.strip_prefix("UTC")).unwrap_or(name);
    let (sign, distance) = distance.split_at_checked(1)?;
    let (hours, minutes) = distance.split_once(':').or_else(|| distance.split_at_checked(2)).unwrap_or((distance, ""));
    let hours: u8 = hours.parse().ok().filter(|_| minutes.trim_matches(['0', ':']).is_empty())?;
    // East of Greenwich the names of the tz database have a minus.
    let turned = match sign {
        "+" => '-',
        "-" => '+',
        _ => return None,
    };
    format!("Etc/GMT{turned}{hours}").parse().ok()
}

/// The text is no moment or day as this notebook writes them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a moment like 2026-11-22T09:30:00Z[Europe/Paris], nor a day like 2026-11-22, --11-22 or 2026")]
pub struct NotATime;

impl FromStr for Moment {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let (instant, zone) = text.split_once('[').ok_or(NotATime)?;
        let zone = zone.strip_suffix(']').and_then(|zone| zone.parse().ok()).ok_or(NotATime)?;
        let at = DateTime::parse_from_rfc3339(instant).map_err(|_| NotATime)?;
        Ok(Self::new(at.with_timezone(&Utc), zone))
    }
}

/// A day of which a part may be unknown: `1980-03-22`, `--03-22` (no year), `1980-03`, `1980`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PartialDate {
    /// The year, when it is known.
    pub year: Option<i32>,
    /// The month, 1 to 12.
    pub month: Option<u32>,
    /// The day of the month, 1 to 31.
    pub day: Option<u32>,
}

impl PartialDate {
    /// The next day on which it comes round, today included. 29 February is kept on 1 March in common years.
    pub fn next_after(&self, today: NaiveDate) -> Option<NaiveDate> {
        use chrono::Datelike;
        let (month, day) = (self.month?, self.day?);
        let in_year =
            |year| NaiveDate::from_ymd_opt(year, month, day).or_else(|| NaiveDate::from_ymd_opt(year, month + 1, 1));
        in_year(today.year()).filter(|date| *date >= today).or_else(|| in_year(today.year() + 1))
    }

    fn is_plausible(&self) -> bool {
        let leap = self.year.unwrap_or(2000);
        match (self.year, self.month, self.day) {
            (None, None, _) | (_, None, Some(_)) => false,
            (Some(year), ..) if !(0..=9999).contains(&year) => false,
            (_, Some(month), day) => NaiveDate::from_ymd_opt(leap, month, day.unwrap_or(1)).is_some(),
            (Some(_), None, None) => true,
        }
    }
}

impl From<NaiveDate> for PartialDate {
    fn from(date: NaiveDate) -> Self {
        use chrono::Datelike;
        Self { year: Some(date.year()), month: Some(date.month()), day: Some(date.day()) }
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.year {
            Some(year) => write!(f, "{year:04}")?,
            None => write!(f, "-")?,
        }
        if let Some(month) = self.month {
            write!(f, "-{month:02}")?;
        }
        if let Some(day) = self.day {
            write!(f, "-{day:02}")?;
        }
        Ok(())
    }
}

impl FromStr for PartialDate {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let (year, rest) = match text.strip_prefix("--") {
            Some(rest) => (None, Some(rest)),
            None => match text.split_once('-') {
                Some((year, rest)) => (Some(digits(year, 4)?), Some(rest)),
                None => (Some(digits(text, 4)?), None),
            },
        };
        let (month, day) = match rest.map(|rest| rest.split_once('-').map_or((rest, None), |(m, d)| (m, Some(d)))) {
            None => (None, None),
            Some((month, day)) => (Some(digits(month, 2)?), day.map(|day| digits(day, 2)).transpose()?),
        };
        let date = Self { year: year.map(|year| year as i32), month, day };
        if date.is_plausible() { Ok(date) } else { Err(NotATime) }
    }
}

fn digits(text: &str, length: usize) -> Result<u32, NotATime> {
    if text.len() != length || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NotATime);
    }
    text.parse().map_err(|_| NotATime)
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
as_text! { Moment PartialDate }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_with_missing_parts_read_what_they_write() {
        for text in ["1980-03-22", "--03-22", "--02-29", "1980-03", "1980"] {
            assert_eq!(text.parse::<PartialDate>().map(|d| d.to_string()), Ok(text.into()));
        }
        for text in ["", "--", "--13-01", "1980-02-30", "80", "1980-3-2", "--", "---", "1980-", "１９８０"] {
            assert_eq!(text.parse::<PartialDate>(), Err(NotATime), "{text}");
        }
    }

    #[test]
    fn a_leap_day_birthday_comes_round_every_year() {
        let birthday: PartialDate = "--02-29".parse().expect("a day");
        let today = NaiveDate::from_ymd_opt(2026, 11, 22).expect("a day");
        assert_eq!(birthday.next_after(today), NaiveDate::from_ymd_opt(2027, 3, 1));
    }

    #[test]
    fn a_zone_that_nobody_knows_is_the_one_at_the_same_distance_or_utc() {
        for (name, zone) in [
            ("Europe/Paris", Tz::Europe__Paris),
            (" Europe/Paris\n", Tz::Europe__Paris),
            ("GMT+02:00", Tz::Etc__GMTMinus2),
            ("GMT+0200", Tz::Etc__GMTMinus2),
            ("UTC-5", Tz::Etc__GMTPlus5),
            ("+14:00", Tz::Etc__GMTMinus14),
            ("GMT+00:00", Tz::Etc__GMTMinus0),
            ("GMT+05:30", Tz::UTC),
            ("GMT+15:00", Tz::UTC),
            ("Mars/Base", Tz::UTC),
            ("+", Tz::UTC),
            ("GMT+ü1", Tz::UTC),
            ("", Tz::UTC),
        ] {
            assert_eq!(zone_called(name), zone, "{name:?}");
        }
        let noon: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().expect("an instant");
        assert_eq!(noon.with_timezone(&zone_called("GMT+02:00")).to_string(), "2026-11-22 14:00:00 +02");
    }

    #[test]
    fn a_moment_keeps_its_zone() {
        let text = "2026-11-22T23:30:00Z[Europe/Paris]";
        let moment: Moment = text.parse().expect("a moment");
        assert_eq!(moment.to_string(), text);
        assert_eq!(moment.day().to_string(), "2026-11-23");
        for wrong in ["", "2026-11-22", "2026-11-22T23:30:00Z", "2026-11-22T23:30:00Z[Mars/Base]", "[]"] {
            assert_eq!(wrong.parse::<Moment>(), Err(NotATime), "{wrong}");
        }
    }
}
