//! Days as they are written in a hurry: `by tue`, `next week`, `in 3 days`, `12 Mar`, `end of month`.
//!
//! All words stand in one table per language; English is the first. A past day means the next one.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use crate::model::WeekStart;

/// What a day is reckoned from.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The person's day.
    pub today: NaiveDate,
    /// The first day of their week.
    pub week_start: WeekStart,
}

/// The words of one language.
struct Language {
    /// Words that say that a day follows.
    before_a_day: &'static [&'static str],
    today: &'static [&'static str],
    yesterday: &'static [&'static str],
    ago: &'static [&'static str],
    last: &'static [&'static str],
    tomorrow: &'static [&'static str],
    next: &'static [&'static str],
    this: &'static [&'static str],
    within: &'static [&'static str],
    /// Words for the end of the day, of the week, of the month.
    ends: [&'static [&'static str]; 3],
    end_of: &'static [&'static [&'static str]],
    /// Words beside which a day is one of several.
    or: &'static [&'static str],
    /// Short weekdays that are words of their own.
    also_words: &'static [&'static str],
    of: &'static [&'static str],
    /// Whole name first, then short forms.
    weekdays: [&'static [&'static str]; 7],
    months: [&'static [&'static str]; 12],
    day: &'static [&'static str],
    week: &'static [&'static str],
    month: &'static [&'static str],
    year: &'static [&'static str],
    /// Words for 1 to 12; what stands for one, like "a", is in `one`.
    numbers: [&'static str; 12],
    one: &'static [&'static str],
    ordinal_endings: &'static [&'static str],
}

const LANGUAGES: &[Language] = &[Language {
    before_a_day: &["by", "on", "until", "till", "before", "due"],
    today: &["today", "tonight"],
    yesterday: &["yesterday"],
    ago: &["ago"],
    last: &["last", "past"],
    tomorrow: &["tomorrow"],
    next: &["next"],
    this: &["this"],
    within: &["in", "within"],
    ends: [&["eod"], &["eow"], &["eom"]],
    or: &["or", "and", "to", "till", "until", "through", "-", "–", "/"],
    also_words: &["sun", "sat", "wed"],
    end_of: &[&["end", "of"], &["end", "of", "the"], &["the", "end", "of"], &["the", "end", "of", "the"]],
    of: &["of"],
    weekdays: [
        &["monday", "mon"],
        &["tuesday", "tue", "tues"],
        &["wednesday", "wed"],
        &["thursday", "thu", "thur", "thurs"],
        &["friday", "fri"],
        &["saturday", "sat"],
        &["sunday", "sun"],
    ],
    months: [
        &["january", "jan"],
        &["february", "feb"],
        &["march", "mar"],
        &["april", "apr"],
        &["may"],
        &["june", "jun"],
        &["july", "jul"],
        &["august", "aug"],
        &["september", "sep", "sept"],
        &["october", "oct"],
        &["november", "nov"],
        &["december", "dec"],
    ],
    day: &["day", "days"],
    week: &["week", "weeks"],
    month: &["month", "months"],
    year: &["year", "years"],
    numbers: ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
    one: &["a", "an"],
    ordinal_endings: &["st", "nd", "rd", "th"],
}];

/// Words that make up a day, and the day. Where other words follow, they belong to what was said: then nothing is taken
/// out of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The first word of the phrase, "by" included.
    pub from: usize,
    /// The word behind the phrase.
    pub to: usize,
    /// The day.
    pub day: NaiveDate,
}

/// Reads text that is a day and nothing else, as on a command line: `tue`, `in 2 weeks`, `2026-12-24`.
///
/// ```
/// use kith_core::jot::days::{Context, day};
/// let context = Context { today: "2026-11-22".parse().unwrap(), week_start: Default::default() };
/// assert_eq!(day("tue", &context), "2026-11-24".parse().ok());
/// assert_eq!(day("someday", &context), None);
/// ```
pub fn day(text: &str, context: &Context) -> Option<NaiveDate> {
    let words: Vec<String> = text.split_whitespace().map(plain).collect();
    let phrase = |from: usize| LANGUAGES.iter().find_map(|l| l.phrase(&words[from..], context, true));
    let introduced = words.first().is_some_and(|word| LANGUAGES.iter().any(|l| is(word, l.before_a_day)));
    let from = usize::from(introduced);
    phrase(from).filter(|(length, _)| from + length == words.len()).map(|(_, day)| day)
}

/// The same for what has happened: a weekday or a day of a month is the last one, and `yesterday`, `3 days ago` and
/// `last tue` are days too. What can only lie ahead, such as `tomorrow`, is answered as it is.
///
/// ```
/// use kith_core::jot::days::{Context, day_behind};
/// let context = Context { today: "2026-11-22".parse().unwrap(), week_start: Default::default() };
/// assert_eq!(day_behind("tue", &context), "2026-11-17".parse().ok());
/// assert_eq!(day_behind("3 days ago", &context), "2026-11-19".parse().ok());
/// ```
pub fn day_behind(text: &str, context: &Context) -> Option<NaiveDate> {
    let words: Vec<String> = text.split_whitespace().map(plain).collect();
    let introduced = words.first().is_some_and(|word| LANGUAGES.iter().any(|l| is(word, l.before_a_day)));
    let words = &words[usize::from(introduced)..];
    LANGUAGES.iter().find_map(|language| language.behind(words, context.today)).or_else(|| day(text, context))
}

/// Finds the last day that is said in these words: one that "by" or its like announces, or a phrase at the end that
/// can hardly mean anything else. One of two days ("Friday or Monday") is none.
pub fn find(words: &[&str], context: &Context) -> Option<Found> {
    let words: Vec<String> = words.iter().map(|word| plain(word)).collect();
    (0..words.len()).rev().find_map(|at| LANGUAGES.iter().find_map(|language| language.found(&words, at, context)))
}

/// What "by" or its like announces and looks like a day without being one: `by 31 Feb`, `by 12/03`, `by fri or mon`.
pub fn unread(words: &[&str], context: &Context) -> Option<String> {
    if find(words, context).is_some() {
        return None;
    }
    let plain: Vec<String> = words.iter().map(|word| self::plain(word)).collect();
    let at = (0..words.len()).rev().find(|at| LANGUAGES.iter().any(|language| language.is_attempt(&plain, *at)))?;
    Some(words[at..words.len().min(at + 4)].join(" "))
}

impl Language {
    fn found(&self, words: &[String], at: usize, context: &Context) -> Option<Found> {
        let announces = is(&words[at], self.before_a_day);
        let announced = !announces && at > 0 && is(&words[at - 1], self.before_a_day);
        let phrase = at + usize::from(announces);
        let (length, day) = self.phrase(&words[phrase..], context, announces || announced)?;
        let to = phrase + length;
        let at_end = to == words.len();
        let whole = iso(&words[phrase]).is_some();
        let beside = |at: Option<usize>| at.and_then(|at| words.get(at)).is_some_and(|word| is(word, self.or));
        if announced || !announces && !at_end || !whole && (beside(at.checked_sub(1)) || beside(Some(to))) {
            return None;
        }
        let is_a_word = length == 1 && is(&words[phrase], self.also_words);
        (at_end || !is_a_word).then_some(Found { from: at, to, day })
    }

    fn is_attempt(&self, words: &[String], at: usize) -> bool {
        let Some(first) = words.get(at + 1).filter(|_| is(&words[at], self.before_a_day)) else { return false };
        let second = words.get(at + 2).map_or("", String::as_str);
        let is_number = |word: &str| self.ordinal(word).is_some();
        let is_month = |word: &str| self.month_of(word).is_some();
        self.weekday(first, true).is_some()
            || numbers_of(first).is_some()
            || is_number(first) && is_month(second)
            || is_month(first) && is_number(second)
    }

    /// The longest phrase these words begin with. Short weekdays count only when they are announced: "in the sun".
    fn phrase(&self, words: &[String], context: &Context, announced: bool) -> Option<(usize, NaiveDate)> {
        let first = words.first()?;
        let today = context.today;
        if let Some(day) = iso(first) {
            return Some((1, day));
        }
        if is(first, self.today) {
            return Some((1, today));
        }
        if is(first, self.tomorrow) {
            return Some((1, today.checked_add_days(Days::new(1))?));
        }
        if is(first, self.within) {
            return self.after_a_while(words, today);
        }
        if let Some(day) = in_numbers(first, today, announced) {
            return Some((1, day));
        }
        if let Some(at) = self.ends.iter().position(|forms| is(first, forms)) {
            let units = [today, next_week(context)?.pred_opt()?, self.end(self.month[0], context)?];
            return Some((1, units[at]));
        }
        if let Some((length, day)) = self.end_of(words, context) {
            return Some((length, day));
        }
        if is(first, self.next) {
            return Some((2, self.next(words.get(1)?, context)?));
        }
        if is(first, self.this) {
            return Some((2, self.this(words.get(1)?, context)?));
        }
        if let Some(weekday) = self.weekday(first, announced) {
            return Some((1, coming(today, weekday)?));
        }
        self.day_of_month(words, today)
    }

    /// A day that lies behind, when that is what these words say, all of them.
    fn behind(&self, words: &[String], today: NaiveDate) -> Option<NaiveDate> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [word] if is(word, self.yesterday) => today.pred_opt(),
            [word] => last_before(today.succ_opt()?, self.weekday(word, true)?),
            [last, word] if is(last, self.last) => last_before(today, self.weekday(word, true)?),
            [number, unit, ago] if is(ago, self.ago) => self.before_a_while(number, unit, today),
            [first, second] | [first, _, second] if self.month_of(first).or(self.month_of(second)).is_some() => {
                let words: Vec<String> = words.iter().map(ToString::to_string).collect();
                let (length, ahead) = self.day_of_month(&words, today)?;
                if length != words.len() {
                    return None;
                }
                // The same day of an earlier year; 29 February may be eight years back.
                let earlier = |years| NaiveDate::from_ymd_opt(ahead.year() - years, ahead.month(), ahead.day());
                if words.last()?.len() == 4 && words.last()?.parse::<i32>().is_ok() {
                    return Some(ahead);
                }
                (0..=16).filter_map(earlier).find(|day| *day <= today)
            }
            _ => None,
        }
    }

    fn before_a_while(&self, number: &str, unit: &str, today: NaiveDate) -> Option<NaiveDate> {
        let count = self.number(number)?;
        if is(unit, self.day) {
            today.checked_sub_days(Days::new(count.into()))
        } else if is(unit, self.week) {
            today.checked_sub_days(Days::new(u64::from(count) * 7))
        } else if is(unit, self.month) {
            today.checked_sub_months(Months::new(count))
        } else if is(unit, self.year) {
            today.checked_sub_months(Months::new(count * 12))
        } else {
            None
        }
    }

    fn after_a_while(&self, words: &[String], today: NaiveDate) -> Option<(usize, NaiveDate)> {
        let (count, unit) = (self.number(words.get(1)?)?, words.get(2)?);
        let day = if is(unit, self.day) {
            today.checked_add_days(Days::new(count.into()))
        } else if is(unit, self.week) {
            today.checked_add_days(Days::new(u64::from(count) * 7))
        } else if is(unit, self.month) {
            today.checked_add_months(Months::new(count))
        } else if is(unit, self.year) {
            today.checked_add_months(Months::new(count * 12))
        } else {
            None
        };
        // Beyond any plan a number is just a number.
        day.filter(|day| day.year() <= 9999).map(|day| (3, day))
    }

    fn end_of(&self, words: &[String], context: &Context) -> Option<(usize, NaiveDate)> {
        let phrase = self.end_of.iter().rev().find(|phrase| {
            words.len() > phrase.len() && phrase.iter().zip(words).all(|(expected, word)| expected == word)
        })?;
        Some((phrase.len() + 1, self.end(&words[phrase.len()], context)?))
    }

    /// The last day of this week, month or year, or of a month by its name.
    fn end(&self, unit: &str, context: &Context) -> Option<NaiveDate> {
        let today = context.today;
        if is(unit, self.week) {
            next_week(context)?.pred_opt()
        } else if is(unit, self.month) {
            first_of_month(today)?.checked_add_months(Months::new(1))?.pred_opt()
        } else if is(unit, self.year) {
            NaiveDate::from_ymd_opt(today.year(), 12, 31)
        } else {
            let month = self.month_of(unit)?;
            let last = |year| NaiveDate::from_ymd_opt(year, month, 1)?.checked_add_months(Months::new(1))?.pred_opt();
            (today.year()..=today.year() + 1).filter_map(last).find(|day| *day >= today)
        }
    }

    /// The first day of the next week, month or year; "next Tuesday" is the one of next week.
    fn next(&self, unit: &str, context: &Context) -> Option<NaiveDate> {
        let today = context.today;
        if is(unit, self.week) {
            next_week(context)
        } else if is(unit, self.month) {
            first_of_month(today)?.checked_add_months(Months::new(1))
        } else if is(unit, self.year) {
            NaiveDate::from_ymd_opt(today.year() + 1, 1, 1)
        } else {
            coming(next_week(context)?.pred_opt()?, self.weekday(unit, true)?)
        }
    }

    fn this(&self, unit: &str, context: &Context) -> Option<NaiveDate> {
        self.end(unit, context).or_else(|| coming(context.today, self.weekday(unit, true)?))
    }

    fn weekday(&self, word: &str, short_too: bool) -> Option<Weekday> {
        let forms = |forms: &&'static [&'static str]| if short_too { is(word, forms) } else { forms[0] == word };
        let index = self.weekdays.iter().position(forms)?;
        Weekday::try_from(index as u8).ok()
    }

    /// `12 Mar`, `Mar 12`, `12th of March 2027`.
    fn day_of_month(&self, words: &[String], today: NaiveDate) -> Option<(usize, NaiveDate)> {
        let (first, second) = (words.first()?, words.get(1)?);
        let (day, month, length) = match (self.ordinal(first), self.month_of(first)) {
            (Some(day), _) if is(second, self.of) => (day, self.month_of(words.get(2)?)?, 3),
            (Some(day), _) => (day, self.month_of(second)?, 2),
            (None, Some(month)) => (self.ordinal(second)?, month, 2),
            (None, None) => return None,
        };
        let year = words.get(length).filter(|word| word.len() == 4).and_then(|word| word.parse::<i32>().ok());
        match year.filter(|year| (1900..=2999).contains(year)) {
            Some(year) => Some((length + 1, NaiveDate::from_ymd_opt(year, month, day)?)),
            // 29 February may be up to eight years away.
            None => (0..=8)
                .filter_map(|ahead| NaiveDate::from_ymd_opt(today.year() + ahead, month, day))
                .find(|date| *date >= today)
                .map(|date| (length, date)),
        }
    }

    fn month_of(&self, word: &str) -> Option<u32> {
        self.months.iter().position(|month| is(word, month)).map(|index| index as u32 + 1)
    }

    fn ordinal(&self, word: &str) -> Option<u32> {
        let digits = self.ordinal_endings.iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word);
        short_number(digits, 2)
    }

    fn number(&self, word: &str) -> Option<u32> {
        let spelt = self.numbers.iter().position(|number| *number == word).map(|index| index as u32 + 1);
        spelt.or_else(|| is(word, self.one).then_some(1)).or_else(|| short_number(word, 3))
    }
}

fn is(word: &str, one_of: &[&str]) -> bool {
    one_of.contains(&word)
}

/// A word without the punctuation around it, in lower case.
fn plain(word: &str) -> String {
    let trimmed = word.trim_matches(|c: char| matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '(' | ')'));
    // No word of the tables is longer; a long one is not copied.
    if trimmed.len() > 20 { String::new() } else { trimmed.to_lowercase() }
}

fn short_number(digits: &str, most_digits: usize) -> Option<u32> {
    let plausible = (1..=most_digits).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    plausible.then(|| digits.parse().ok()).flatten()
}

/// `2026-12-24`; a day with its year stays as it is, past or not.
fn iso(word: &str) -> Option<NaiveDate> {
    let shaped = word.len() == 10
        && word.bytes().enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    shaped.then(|| word.parse().ok()).flatten()
}

/// The two or three numbers of `24.11`, `24.11.2026`, `12/03`, and what stands between them.
fn numbers_of(word: &str) -> Option<(char, Vec<u32>)> {
    let between = word.chars().find(|c| matches!(c, '.' | '/'))?;
    let numbers: Vec<u32> = word.split(between).map(|part| short_number(part, 4)).collect::<Option<_>>()?;
    (2..=3).contains(&numbers.len()).then_some((between, numbers))
}

/// `24.11.` and `24.11.2026`; `25/12` and `12/25`, where only one of the two can be the month. `12/03` is either.
fn in_numbers(word: &str, today: NaiveDate, announced: bool) -> Option<NaiveDate> {
    let (between, numbers) = numbers_of(word)?;
    let (day, month) = match (between, numbers[0], numbers[1]) {
        ('.', day, month) => (day, month),
        (_, day, month) if month <= 12 && (day > 12 || day == month) => (day, month),
        (_, month, day) if month <= 12 && day > 12 => (day, month),
        _ => return None,
    };
    match numbers.get(2) {
        Some(year) => NaiveDate::from_ymd_opt(if *year < 100 { 2000 + *year as i32 } else { *year as i32 }, month, day),
        // Without a year it may as well be a number, or a part of something.
        None if announced => (0..=8)
            .filter_map(|ahead| NaiveDate::from_ymd_opt(today.year() + ahead, month, day))
            .find(|date| *date >= today),
        None => None,
    }
}

/// The next such weekday after this day; on a Tuesday, "Tuesday" is a week away.
fn coming(after: NaiveDate, weekday: Weekday) -> Option<NaiveDate> {
    let ahead = weekday.days_since(after.weekday());
    after.checked_add_days(Days::new(if ahead == 0 { 7 } else { ahead.into() }))
}

/// The last such weekday before this day.
fn last_before(day: NaiveDate, weekday: Weekday) -> Option<NaiveDate> {
    let back = day.weekday().days_since(weekday);
    day.checked_sub_days(Days::new(if back == 0 { 7 } else { back.into() }))
}

fn next_week(context: &Context) -> Option<NaiveDate> {
    let first = match context.week_start {
        WeekStart::Saturday => Weekday::Sat,
        WeekStart::Sunday => Weekday::Sun,
        WeekStart::Monday | WeekStart::Other(_) => Weekday::Mon,
    };
    coming(context.today, first)
}

fn first_of_month(day: NaiveDate) -> Option<NaiveDate> {
    day.with_day(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn context(today: &str, week_start: WeekStart) -> Context {
        Context { today: today.parse().unwrap(), week_start }
    }

    #[test]
    fn days_in_a_hurry_mean_what_people_mean() {
        // A Sunday.
        let sunday = context("2026-11-22", WeekStart::Monday);
        for (text, expected) in [
            ("today", "2026-11-22"),
            ("tonight", "2026-11-22"),
            ("tomorrow", "2026-11-23"),
            ("tue", "2026-11-24"),
            ("by Tue.", "2026-11-24"),
            ("on sunday", "2026-11-29"),
            ("next week", "2026-11-23"),
            ("next tuesday", "2026-11-24"),
            ("next month", "2026-12-01"),
            ("next year", "2027-01-01"),
            ("this week", "2026-11-22"),
            ("this month", "2026-11-30"),
            ("end of month", "2026-11-30"),
            ("the end of the month", "2026-11-30"),
            ("end of week", "2026-11-22"),
            ("end of the year", "2026-12-31"),
            ("in 3 days", "2026-11-25"),
            ("in two weeks", "2026-12-06"),
            ("in a month", "2026-12-22"),
            ("within a year", "2027-11-22"),
            ("12 Mar", "2027-03-12"),
            ("Mar 12", "2027-03-12"),
            ("24 dec", "2026-12-24"),
            ("12th of March 2028", "2028-03-12"),
            ("29 feb", "2028-02-29"),
            ("22 nov", "2026-11-22"),
            ("2026-12-24", "2026-12-24"),
            ("2020-01-01", "2020-01-01"),
        ] {
            assert_eq!(day(text, &sunday), expected.parse().ok(), "{text}");
        }
        for text in
            ["", "by", "soon", "in 99999999999 days", "30 feb", "31 nov", "2026-13-01", "may", "in days", "next"]
        {
            assert_eq!(day(text, &sunday), None, "{text}");
        }
    }

    #[test]
    fn days_in_numbers_are_read_when_they_can_be_one_day_only() {
        let sunday = context("2026-11-22", WeekStart::Monday);
        for (text, expected) in [
            ("by 24.11.", "2026-11-24"),
            ("24.11.2026", "2026-11-24"),
            ("by 1.2.27", "2027-02-01"),
            ("by 25/12", "2026-12-25"),
            ("by 12/25", "2026-12-25"),
            ("by 25/12/2027", "2027-12-25"),
            ("by 5/5", "2027-05-05"),
            ("eod", "2026-11-22"),
            ("by eow", "2026-11-22"),
            ("by eom", "2026-11-30"),
            ("end of march", "2027-03-31"),
            ("by the end of November", "2026-11-30"),
        ] {
            assert_eq!(day(text, &sunday), expected.parse().ok(), "{text}");
        }
        for text in ["by 12/03", "by 31 Feb", "by 31.2.", "by 13/13", "by fri or mon", "by feb 31"] {
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!((find(&words, &sunday), unread(&words, &sunday)), (None, Some(text.to_string())), "{text}");
        }
        for text in ["by mail", "by 10 people", "on time", "send version 2.1", "by tue", "1/2 of it"] {
            assert_eq!(unread(&text.split(' ').collect::<Vec<_>>(), &sunday), None, "{text}");
        }
    }

    #[test]
    fn one_of_two_days_is_none() {
        let sunday = context("2026-11-22", WeekStart::Monday);
        let found = |text: &str| find(&text.split(' ').collect::<Vec<_>>(), &sunday);
        for text in
            ["ring by fri or mon", "meet on Friday or Saturday", "call monday or tuesday", "drop by sun terrace"]
        {
            assert_eq!(found(text), None, "{text}");
        }
        assert_eq!(found("report by Monday morning at 9").map(|it| (it.from, it.to)), Some((1, 3)));
    }

    #[test]
    fn what_has_happened_lies_behind() {
        // A Sunday.
        let sunday = context("2026-11-22", WeekStart::Monday);
        for (text, expected) in [
            ("tue", "2026-11-17"),
            ("on Tuesday", "2026-11-17"),
            ("last tue", "2026-11-17"),
            ("sunday", "2026-11-22"),
            ("last sunday", "2026-11-15"),
            ("yesterday", "2026-11-21"),
            ("today", "2026-11-22"),
            ("3 days ago", "2026-11-19"),
            ("a week ago", "2026-11-15"),
            ("two months ago", "2026-09-22"),
            ("12 Mar", "2026-03-12"),
            ("Dec 24", "2025-12-24"),
            ("12th of March", "2026-03-12"),
            ("22 nov", "2026-11-22"),
            ("29 feb", "2024-02-29"),
            ("24 Dec 2026", "2026-12-24"),
            ("2026-12-24", "2026-12-24"),
            ("tomorrow", "2026-11-23"),
        ] {
            assert_eq!(day_behind(text, &sunday), expected.parse().ok(), "{text}");
        }
        for text in ["", "someday", "ago", "last", "3 days", "31 feb"] {
            assert_eq!(day_behind(text, &sunday), None, "{text}");
        }
    }

    #[test]
    fn a_week_begins_where_the_person_says() {
        for (start, next, end) in [
            (WeekStart::Monday, "2026-11-30", "2026-11-29"),
            (WeekStart::Sunday, "2026-11-29", "2026-11-28"),
            (WeekStart::Saturday, "2026-11-28", "2026-11-27"),
        ] {
            let wednesday = context("2026-11-25", start);
            assert_eq!(day("next week", &wednesday), next.parse().ok());
            assert_eq!(day("end of week", &wednesday), end.parse().ok());
        }
    }

    #[test]
    fn words_that_only_look_like_days_stay_words() {
        let context = context("2026-11-22", WeekStart::Monday);
        let found =
            |text: &str| find(&text.split(' ').collect::<Vec<_>>(), &context).map(|found| found.day.to_string());
        for text in
            ["may help her", "sun glasses", "a place in the sun", "march with them", "on time", "by mail", "in days"]
        {
            assert_eq!(found(text), None, "{text}");
        }
        assert_eq!(found("send it by tue please").as_deref(), Some("2026-11-24"));
        assert_eq!(found("call on Friday").as_deref(), Some("2026-11-27"));
        assert_eq!(found("call friday").as_deref(), Some("2026-11-27"));
        assert_eq!(found("lunch by tue by wed").as_deref(), Some("2026-11-25"));
    }
}
