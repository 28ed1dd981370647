//! Days as a person says them: "Tue 24 Nov (in 2 days)", "3 days late".

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use kith_core::model::PartialDate;

/// A day, with its distance from today in words.
pub(crate) fn day(day: NaiveDate, today: NaiveDate) -> String {
    let near = match (day - today).num_days() {
        0 => "today".into(),
        1 => "tomorrow".into(),
        -1 => "yesterday".into(),
        days @ 2..=60 => format!("in {days} days"),
        days @ -60..=-2 => format!("{} days ago", -days),
        _ => return short(day, today),
    };
    format!("{} ({near})", short(day, today))
}

/// A day without its distance; the year only when it is another one.
pub(crate) fn short(day: NaiveDate, today: NaiveDate) -> String {
    let year = if day.year() == today.year() { String::new() } else { format!(" {}", day.year()) };
    format!("{} {}{year}", day.format("%a"), day.format("%-d %b"))
}

/// When something is due: late in words, without alarm.
pub(crate) fn due(day: NaiveDate, today: NaiveDate) -> String {
    match (today - day).num_days() {
        1 => format!("{}, 1 day late", short(day, today)),
        days if days > 1 => format!("{}, {days} days late", short(day, today)),
        _ => self::day(day, today),
    }
}

/// A day of which a part may be unknown, as far as it is known.
pub(crate) fn partial(date: PartialDate, today: NaiveDate) -> String {
    let whole = date.year.zip(date.month).zip(date.day);
    let day = whole.and_then(|((year, month), day)| NaiveDate::from_ymd_opt(year, month, day));
    match (day, date.month, date.day) {
        (Some(day), ..) => short(day, today),
        (None, Some(month), Some(day)) => {
            let leap_year = 2000;
            let day = NaiveDate::from_ymd_opt(leap_year, month, day);
            day.map_or_else(|| date.to_string(), |day| day.format("%-d %b").to_string())
        }
        _ => date.to_string(),
    }
}

/// A moment on the person's clock.
pub(crate) fn moment(at: DateTime<Utc>, zone: Tz, today: NaiveDate) -> String {
    let local = at.with_timezone(&zone);
    format!("{} {}", short(local.date_naive(), today), local.format("%H:%M"))
}

/// A count with its noun: "1 person", "2 people".
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
