//! Days as they are written in a hurry: `by tue`, `next week`, `in 3 days`, `12 Mar`, `end of month`.
//!
//! All words stand in one table per language; English is the first. A past day means the next one.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

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
    /// Those behind which hardly anything but a day can stand alone.
    deadlines: &'static [&'static str],
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
    end: &'static [&'static str],
    beginning: &'static [&'static str],
    the: &'static [&'static str],
    /// Words for the time of a day, beside numbers such as `5pm` and `17:00`.
    times: &'static [&'static str],
    /// Words that may stand among those of a time.
    among_times: &'static [&'static str],
    /// Words behind which a day is another one, or none: "after Friday", "every Friday".
    turns: &'static [&'static str],
    /// Words that go on with a day, so that it cannot be taken out without them: "a table for Friday".
    leads: &'static [&'static str],
    /// Words that tell a part of a week, a month, a year, which is no day.
    parts: &'static [&'static str],
    /// Small words and amounts between the beginning of a day and what makes it one.
    small: &'static [&'static str],
    /// What is some day, and not known here.
    others: &'static [&'static str],
    /// Words beside which a day is one of several.
    or: &'static [&'static str],
    /// Short weekdays that are words of their own.
    also_words: &'static [&'static str],
    of: &'static [&'static str],
    /// Letters before the number of a part of a year: `q1`, `w12`.
    numbered: &'static [&'static str],
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
    deadlines: &["by", "until", "till", "before", "due"],
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
    end: &["end"],
    beginning: &["beginning", "start"],
    the: &["the"],
    times: &["morning", "afternoon", "evening", "night", "noon", "midday", "midnight", "lunch", "am", "pm", "o'clock"],
    among_times: &["at", "in", "the", "around", "before", "by"],
    turns: &["after", "since", "from", "every", "each", "not", "about", "than", "except"],
    leads: &["for", "at", "around", "during", "over", "through", "throughout", "into", "in", "within", "with", "like"],
    parts: &["after", "since", "around", "mid", "middle", "early", "late", "beginning", "start", "end", "first"],
    small: &[
        "the",
        "a",
        "an",
        "of",
        "end",
        "beginning",
        "start",
        "middle",
        "mid",
        "early",
        "late",
        "next",
        "this",
        "coming",
        "following",
        "first",
        "last",
        "couple",
        "few",
        "half",
        "several",
    ],
    others: &[
        "weekend",
        "quarter",
        "fortnight",
        "easter",
        "christmas",
        "xmas",
        "ramadan",
        "eid",
        "hanukkah",
        "diwali",
        "thanksgiving",
        "pentecost",
        "midsummer",
        "eoy",
        "spring",
        "summer",
        "autumn",
        "winter",
    ],
    of: &["of"],
    numbered: &["q", "h", "w", "wk", "cw"],
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
    /// It stands at the end and can be taken out; else what was said would not be whole without it.
    pub at_end: bool,
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

/// What looks like a day without being one that is known: `by 31 Feb`, `by 12/03`, `by fri or mon`, `mid December`.
pub fn unread(words: &[&str], context: &Context) -> Option<String> {
    if find(words, context).is_some() {
        return None;
    }
    let plain: Vec<String> = words.iter().map(|word| self::plain(word)).collect();
    let is_attempt = |at: &usize| LANGUAGES.iter().any(|language| language.is_attempt(&plain, *at, context));
    let at = (0..words.len()).find(is_attempt)?;
    Some(words[at..words.len().min(at + 4)].join(" "))
}

impl Language {
    fn found(&self, words: &[String], at: usize, context: &Context) -> Option<Found> {
        let before = at.checked_sub(1).map(|before| words[before].as_str());
        let announces = is(&words[at], self.before_a_day);
        let announced = !announces && before.is_some_and(|word| is(word, self.before_a_day));
        let timed = before.is_some_and(|word| self.is_time(word));
        let phrase = at + usize::from(announces);
        let (length, day) = self.phrase(&words[phrase..], context, announces || announced || timed)?;
        let to = phrase + length;
        let at_end = to == words.len();
        let is_whole = iso(&words[phrase]).is_some();
        let beside = |at: Option<usize>| at.and_then(|at| words.get(at)).is_some_and(|word| is(word, self.or));
        if announced || !is_whole && (beside(at.checked_sub(1)) || beside(Some(to))) {
            return None;
        }
        if !announces && !at_end && !self.are_times(&words[to..]) {
            return None;
        }
        // "by 2026-12-24" is what it says, whatever stands before it.
        let before = before.filter(|_| !(announces && is_whole));
        if self.goes_on(&words[to..]) || before.is_some_and(|word| self.is_turned_by(word, announces)) {
            return None;
        }
        let is_a_word = length == 1 && is(&words[phrase], self.also_words);
        let belongs =
            before.is_some_and(|word| timed || !announces && (is(word, self.leads) || short_number(word, 2).is_some()));
        (at_end || !is_a_word).then_some(Found { from: at, to, day, at_end: at_end && !belongs })
    }

    /// Whether a day behind this word is part of a longer phrase, or not the day that is meant.
    fn is_turned_by(&self, word: &str, announces: bool) -> bool {
        let is_unit = [self.week, self.month, self.year].iter().any(|unit| is(word, unit));
        if announces {
            return is_unit;
        }
        let phrases =
            [self.turns, self.parts, self.next, self.this, self.last, self.of, self.the, self.today, self.tomorrow];
        is_unit
            || phrases.iter().any(|words| is(word, words))
            || self.ends.iter().any(|words| is(word, words))
            || self.weekday(word, true).is_some()
            || self.month_of(word).is_some()
    }

    /// Whether what follows a day says which day it is after all: "Friday week", "Friday after next".
    fn goes_on(&self, rest: &[String]) -> bool {
        let Some(first) = rest.first() else { return false };
        let second = rest.get(1).map_or("", String::as_str);
        let names_a_day = |word: &str| self.weekday(word, false).is_some() || is(word, self.week);
        is(first, self.week)
            || is(first, self.today)
            || is(first, self.tomorrow)
            || self.weekday(first, true).is_some()
            || self.month_of(first).is_some()
            || (is(first, self.next) || is(first, self.this)) && names_a_day(second)
            || is(first, self.turns) && is(second, self.next)
    }

    /// The time of a day: `5pm`, `17:00`, `noon`.
    fn is_time(&self, word: &str) -> bool {
        let on_a_clock = word.split_once(':').is_some_and(|(hours, minutes)| {
            short_number(hours, 2).is_some() && minutes.len() == 2 && short_number(minutes, 2).is_some()
        });
        let half = word.strip_suffix("am").or_else(|| word.strip_suffix("pm"));
        let in_halves = half.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()));
        on_a_clock || in_halves || is(word, self.times)
    }

    fn are_times(&self, words: &[String]) -> bool {
        let fits = |word: &String| self.is_time(word) || is(word, self.among_times) || short_number(word, 2).is_some();
        words.iter().all(fits)
    }

    fn is_attempt(&self, words: &[String], at: usize, context: &Context) -> bool {
        let word = words[at].as_str();
        let next = words.get(at + 1).map_or("", String::as_str);
        let is_said = self.phrase(&words[at..], context, false).is_some() || self.weekday(word, false).is_some();
        if is_said || looks_like_iso(word) {
            return true;
        }
        if let Some((part, rest)) = word.split_once('-') {
            return is(part, self.parts) && (self.month_of(rest).is_some() || self.is_unit(rest));
        }
        // Behind small words and amounts, the first that could make it a day.
        let is_small = |word: &&String| is(word, self.small) || self.number(word).is_some() || is_digits(word);
        let behind = &words[at + 1..];
        let small = behind.iter().take(4).take_while(is_small).count();
        let is_number = |word: &str| self.ordinal(word).is_some();
        let counted = behind.first().is_some_and(|first| is_number(first))
            && self.month_of(behind.get(1).map_or("", String::as_str)).is_some();
        let last = behind.get(small).map_or("", String::as_str);
        if is(word, self.within) {
            return !is(next, self.the) && (self.month_of(last).is_some() || self.is_unit(last) && small > 0);
        }
        if is(word, self.deadlines) && self.is_meant_as_a_day(behind) {
            return true;
        }
        let announced = is(word, self.before_a_day);
        if announced || is(word, self.parts) {
            return counted
                || behind.iter().take(small + 1).any(|word| self.is_ordinal(word))
                || self.is_day_like(last)
                || announced && self.is_time(next);
        }
        (is(word, self.next) || is(word, self.this)) && self.is_day_like(next)
    }

    /// Whether these words behind "by" are most likely a day, though none that is known: "frid", "yesterday", "12 Mär",
    /// and at the end "q1", "24", "2026/12/24".
    fn is_meant_as_a_day(&self, words: &[String]) -> bool {
        let all_forms = |names: &[&[&str]], word: &str| {
            names.iter().any(|forms| forms.iter().any(|name| is_nearly(word, name)) || begins(word, forms[0]))
        };
        let (first, second) = (words.first().map_or("", String::as_str), words.get(1).map_or("", String::as_str));
        let is_name = all_forms(&self.weekdays, first) || all_forms(&self.months, first);
        if is(first, self.yesterday) || is_name {
            return true;
        }
        if self.ordinal(first).is_some() && !second.is_empty() {
            let second = &without_accents(second);
            return self.month_of(second).is_some() || all_forms(&self.months, second);
        }
        let behind_letters = first.trim_start_matches(char::is_alphabetic);
        let letters = &first[..first.len() - behind_letters.len()];
        let is_numbered = is(letters, self.numbered) && short_number(behind_letters, 2).is_some();
        let is_a_number = letters.is_empty() && first.ends_with(|c: char| c.is_ascii_digit());
        words.len() == 1 && (is_numbered || is_a_number)
    }

    fn is_unit(&self, word: &str) -> bool {
        let units = [self.week, self.month, self.year, self.others];
        units.iter().any(|unit| is(word, unit)) || self.day.get(1..).is_some_and(|days| is(word, days))
    }

    fn is_day_like(&self, word: &str) -> bool {
        self.weekday(word, true).is_some()
            || numbers_of(word).is_some()
            || self.month_of(word).is_some()
            || self.is_unit(word)
            || is(word, self.today)
            || is(word, self.tomorrow)
            || self.ends.iter().any(|end| is(word, end))
            || looks_like_iso(word)
    }

    /// `3rd`: a number that can only be one of a row.
    fn is_ordinal(&self, word: &str) -> bool {
        self.ordinal(word).is_some() && !word.ends_with(|c: char| c.is_ascii_digit())
    }

    /// The longest phrase these words begin with. Short weekdays count only when they are announced: "in the sun".
    fn phrase(&self, words: &[String], context: &Context, announced: bool) -> Option<(usize, NaiveDate)> {
        let first = words.first()?;
        let today = context.today;
        if is(first, self.the) {
            return self.behind_the(words, context, announced);
        }
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
            // "eod Friday" is the end of that day. Words that look further themselves do not follow, so this ends.
            let looks_on = |word: &String| is(word, self.the) || self.ends.iter().any(|forms| is(word, forms));
            let of_a_day = || {
                words.get(1).filter(|word| !looks_on(word))?;
                self.phrase(&words[1..], context, true).map(|(length, day)| (length + 1, day))
            };
            let units = [today, next_week(context)?.pred_opt()?, self.end(self.month[0], context)?];
            return (at == 0).then(of_a_day).flatten().or(Some((1, units[at])));
        }
        if let Some((length, day)) = self.edge_of(words, context) {
            return Some((length, day));
        }
        if is(first, self.next) {
            return self.next(words, context);
        }
        if is(first, self.this) {
            return Some((2, self.this(words.get(1)?, context)?));
        }
        if let Some(weekday) = self.weekday(first, true) {
            let found = self.weekday_and_more(weekday, words, context);
            return found.filter(|(length, _)| *length > 1 || announced || self.weekday(first, false).is_some());
        }
        if announced && self.is_ordinal(first) && self.are_times(&words[1..]) {
            return Some((1, next_of_number(self.ordinal(first)?, today)?));
        }
        self.day_of_month(words, today)
    }

    /// `the 3rd`, `the end of March`, `the Friday`.
    fn behind_the(&self, words: &[String], context: &Context, announced: bool) -> Option<(usize, NaiveDate)> {
        let rest = words.get(1..).filter(|rest| !is(rest.first().map_or("", String::as_str), self.the))?;
        self.phrase(rest, context, announced).map(|(length, day)| (length + 1, day))
    }

    /// A weekday, and what tells which one: `Friday next week`, `Fri 4 Dec`. A date on another weekday is none.
    fn weekday_and_more(&self, weekday: Weekday, words: &[String], context: &Context) -> Option<(usize, NaiveDate)> {
        let of = 1 + usize::from(words.get(1).is_some_and(|word| is(word, self.of)));
        let (which, unit) = (words.get(of).map_or("", String::as_str), words.get(of + 1).map_or("", String::as_str));
        let first = next_week(context)?;
        if is(which, self.next) && is(unit, self.week) {
            return Some((of + 2, from_on(first, weekday)?));
        }
        if is(which, self.this) && is(unit, self.week) {
            let day = from_on(first.checked_sub_days(Days::new(7))?, weekday)?;
            return (day >= context.today).then_some((of + 2, day));
        }
        match self.date(words.get(1..).unwrap_or_default(), context.today) {
            Some((length, day)) => (day.weekday() == weekday).then_some((length + 1, day)),
            None => Some((1, coming(context.today, weekday)?)),
        }
    }

    /// A day of a month, in any of the ways in which one is written behind a weekday.
    fn date(&self, words: &[String], today: NaiveDate) -> Option<(usize, NaiveDate)> {
        let the = usize::from(is(words.first()?, self.the));
        let first = words.get(the)?;
        let in_numbers = || iso(first).or_else(|| in_numbers(first, today, true)).map(|day| (1, day));
        let of_month = || self.day_of_month(&words[the..], today);
        let by_number = || self.is_ordinal(first).then(|| next_of_number(self.ordinal(first)?, today)).flatten();
        let found = in_numbers().or_else(of_month).or_else(|| by_number().map(|day| (1, day)));
        found.map(|(length, day)| (length + the, day))
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

    /// The first or the last day of a week, a month, a year: `end of month`, `beginning of next week`, `end of March`.
    fn edge_of(&self, words: &[String], context: &Context) -> Option<(usize, NaiveDate)> {
        let first = words.first()?;
        let is_end = is(first, self.end);
        if !is_end && !is(first, self.beginning) || !is(words.get(1)?, self.of) {
            return None;
        }
        let mut at = 2;
        at += usize::from(is(words.get(at)?, self.the));
        let is_next = is(words.get(at)?, self.next);
        at += usize::from(is_next || is(words.get(at)?, self.this));
        let unit = words.get(at)?;
        let (from, to) = match self.span_of(unit, is_next, context.today, next_week(context)?) {
            Some(span) => span,
            None if is_next => return None,
            None => self.span_of_month(unit, is_end, context.today)?,
        };
        let day = if is_end { to } else { from };
        (day >= context.today).then_some((at + 1, day))
    }

    /// The last day of this week, month or year, or of a month by its name.
    fn end(&self, unit: &str, context: &Context) -> Option<NaiveDate> {
        let span = self.span_of(unit, false, context.today, next_week(context)?);
        span.or_else(|| self.span_of_month(unit, true, context.today)).map(|(_, to)| to)
    }

    /// The first and the last day of this week, month or year, or of the next.
    fn span_of(
        &self,
        unit: &str,
        is_next: bool,
        today: NaiveDate,
        next_week: NaiveDate,
    ) -> Option<(NaiveDate, NaiveDate)> {
        let ahead = u32::from(is_next);
        if is(unit, self.week) {
            let first = if is_next { next_week } else { next_week.checked_sub_days(Days::new(7))? };
            return Some((first, first.checked_add_days(Days::new(6))?));
        }
        let (first, months) = if is(unit, self.month) {
            (first_of_month(today)?.checked_add_months(Months::new(ahead))?, 1)
        } else if is(unit, self.year) {
            (NaiveDate::from_ymd_opt(today.year() + ahead as i32, 1, 1)?, 12)
        } else {
            return None;
        };
        Some((first, first.checked_add_months(Months::new(months))?.pred_opt()?))
    }

    /// The first and the last day of a month by its name, of this year or the next: the one of which the day that is
    /// asked for does not lie behind.
    fn span_of_month(&self, name: &str, is_end: bool, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        let month = self.month_of(name)?;
        let span = |year| {
            let first = NaiveDate::from_ymd_opt(year, month, 1)?;
            Some((first, first.checked_add_months(Months::new(1))?.pred_opt()?))
        };
        (today.year()..=today.year() + 1)
            .filter_map(span)
            .find(|(from, to)| if is_end { *to >= today } else { *from >= today })
    }

    /// The first day of the next week, month or year; "next Tuesday" and "next week on Tuesday" are the one of next week.
    fn next(&self, words: &[String], context: &Context) -> Option<(usize, NaiveDate)> {
        let (unit, first) = (words.get(1)?, next_week(context)?);
        if is(unit, self.week) {
            let on = 2 + usize::from(words.get(2).is_some_and(|word| is(word, self.before_a_day)));
            let weekday = words.get(on).and_then(|word| self.weekday(word, true));
            return match weekday {
                Some(weekday) => Some((on + 1, from_on(first, weekday)?)),
                None => Some((2, first)),
            };
        }
        if let Some((from, _)) = self.span_of(unit, true, context.today, first) {
            return Some((2, from));
        }
        Some((2, from_on(first, self.weekday(unit, true)?)?))
    }

    fn this(&self, unit: &str, context: &Context) -> Option<NaiveDate> {
        self.end(unit, context).or_else(|| from_on(context.today, self.weekday(unit, true)?))
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

fn is_digits(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

fn without_accents(word: &str) -> String {
    word.nfd().filter(|c| !is_combining_mark(*c)).collect()
}

/// Whether a word is the beginning of a name, of three letters at least.
fn begins(word: &str, name: &str) -> bool {
    word.len() >= 3 && name.starts_with(word)
}

/// Whether a word is a long name but for one typo. Short names have too many neighbours that are words: "march" and
/// "match".
fn is_nearly(word: &str, name: &str) -> bool {
    name.len() >= 6 && strsim::osa_distance(word, name) <= 1
}

/// `2026-12-24`, `2026-11-3`; a day with its year stays as it is, past or not.
fn iso(word: &str) -> Option<NaiveDate> {
    let numbers = iso_numbers(word)?;
    NaiveDate::from_ymd_opt(numbers[0] as i32, numbers[1], numbers[2])
}

fn looks_like_iso(word: &str) -> bool {
    iso_numbers(word).is_some()
}

fn iso_numbers(word: &str) -> Option<Vec<u32>> {
    let parts: Vec<&str> = word.split('-').collect();
    let numbers: Vec<u32> = parts.iter().map(|part| short_number(part, 4)).collect::<Option<_>>()?;
    let is_shaped = parts.len() == 3 && parts[0].len() == 4 && parts[1].len() <= 2 && parts[2].len() <= 2;
    is_shaped.then_some(numbers)
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

/// The first such weekday on this day or after it.
fn from_on(day: NaiveDate, weekday: Weekday) -> Option<NaiveDate> {
    day.checked_add_days(Days::new(weekday.days_since(day.weekday()).into()))
}

/// The next day of a month with this number, today included; not every month has a 31st.
fn next_of_number(number: u32, today: NaiveDate) -> Option<NaiveDate> {
    let of_month = |ahead| first_of_month(today)?.checked_add_months(Months::new(ahead))?.with_day(number);
    (0..=12).filter_map(of_month).find(|day| *day >= today)
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
    fn what_looks_like_a_day_is_read_or_told_and_never_misread() {
        // A Sunday.
        let sunday = context("2026-11-22", WeekStart::Monday);
        let read = |text: &str| {
            let words: Vec<&str> = text.split(' ').collect();
            let found = find(&words, &sunday);
            let left = found.map(|found| if found.at_end { words[..found.from].join(" ") } else { text.into() });
            (left, found.map(|found| found.day.to_string()))
        };
        for (text, left, day) in [
            ("x by Friday next week", "x", "2026-11-27"),
            ("x friday next week", "x", "2026-11-27"),
            ("x by fri of next week", "x", "2026-11-27"),
            ("x next week on Friday", "x", "2026-11-27"),
            ("x next week friday", "x", "2026-11-27"),
            ("x by end of next week", "x", "2026-11-29"),
            ("x by the end of next month", "x", "2026-12-31"),
            ("x end of next year", "x", "2027-12-31"),
            ("x by 2026-11-3", "x", "2026-11-03"),
            ("x by the 3rd", "x", "2026-12-03"),
            ("x on 31st", "x", "2026-12-31"),
            ("x by the 3rd of december", "x", "2026-12-03"),
            ("x next tuesday", "x", "2026-11-24"),
            ("x by next tuesday", "x", "2026-11-24"),
            ("x this friday", "x", "2026-11-27"),
            ("x this sunday", "x", "2026-11-22"),
            ("x in two weeks", "x", "2026-12-06"),
            ("x in a month", "x", "2026-12-22"),
            ("x tomorrow", "x", "2026-11-23"),
            ("x tomorrow morning", "x tomorrow morning", "2026-11-23"),
            ("x friday at 9", "x friday at 9", "2026-11-27"),
            ("x by 5pm fri", "x by 5pm fri", "2026-11-27"),
            ("x by noon on friday", "x by noon on friday", "2026-11-27"),
            ("x by 17:00 tomorrow", "x by 17:00 tomorrow", "2026-11-23"),
            ("a table for friday", "a table for friday", "2026-11-27"),
            ("x beginning of december", "x", "2026-12-01"),
            ("x by the start of next week", "x", "2026-11-23"),
            ("x by Friday 4 dec", "x", "2026-12-04"),
            ("x Fri, 4 Dec", "x", "2026-12-04"),
            ("x by friday the 4th", "x", "2026-12-04"),
            ("x by eod friday", "x", "2026-11-27"),
            ("x by the friday", "x", "2026-11-27"),
            ("x within this month", "x within this month", "2026-11-30"),
        ] {
            assert_eq!(read(text), (Some(left.into()), Some(day.into())), "{text}");
        }
        for text in [
            "x by Dec",
            "x mid december",
            "x by mid-december",
            "x after easter",
            "x early next week",
            "x late november",
            "x by end of friday",
            "x in two weeks on friday",
            "x friday in two weeks",
            "x a week from friday",
            "x by friday week",
            "x by friday after next",
            "x by friday 5 dec",
            "x every friday",
            "x after friday",
            "x this weekend",
            "x next quarter",
            "x in a couple of weeks",
            "x in a few days",
            "x by the 3rd of next month",
            "x by the 2nd meeting",
            "x by 5pm",
            "x tomorrow the list",
            "x first week of december",
            "x monday this week",
            "x beginning of the week",
            "x by 2026-13-3",
            "x in december",
            "x by tomorrow friday",
            "x by easter",
        ] {
            assert_eq!(read(text), (None, None), "{text}");
            assert!(unread(&text.split(' ').collect::<Vec<_>>(), &sunday).is_some(), "{text} is not told");
        }
        for text in [
            "x by frid",
            "x by fridya",
            "x by wednsday, please",
            "x by yesterday",
            "x by octo",
            "x by q1",
            "x until w12",
            "x by 24",
            "x by 2026/12/24",
            "x by 12 Mär",
            "x by 12 Septmber",
            "x in 400000 days",
            "x in 5000 years",
            "x 2026-12-32",
            "x by 2026-12-32",
        ] {
            assert_eq!(read(text), (None, None), "{text}");
            assert!(unread(&text.split(' ').collect::<Vec<_>>(), &sunday).is_some(), "{text} is not told");
        }
        for text in [
            "by hand",
            "by the river",
            "by mail",
            "by match day",
            "by market price",
            "by 10%",
            "by 5km",
            "by v2",
            "by me",
            "on a4",
            "based on 12",
            "by 10 people",
            "by 12 monks",
            "in 400000 pieces",
            "in 5 ways",
        ] {
            assert_eq!(unread(&text.split(' ').collect::<Vec<_>>(), &sunday), None, "{text}");
        }
        for text in ["by the end of it", "a place in the sun", "for the next time", "in the week's news", "first aid"] {
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
            let ahead = end.parse::<NaiveDate>().unwrap() + Days::new(7);
            assert_eq!(day("by end of next week", &wednesday), Some(ahead));
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
