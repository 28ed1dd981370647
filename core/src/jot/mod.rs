//! Jot: one line, typed in a hurry, becomes a person, promises, needs, offers, topics. Text in, draft out, nothing lost.
//!
//! `Dana Ruiz, Acme Logistics, hiring ops lead !send her the Lyon contact by tue ?needs a warehouse #lyon *`
//!
//! `!` a promise of mine, `!!` of theirs, `?` a need, `+` an offer, `@` a person, `#` a topic, `*` it clicked. A mark
//! counts at the start or after a space, and `\` before it takes it literally. Behind `!`, `!!` and `?` stands a word,
//! whatever it begins with, that has a letter, a digit, an emoji or a sign of a currency in it; behind `+` a letter, an
//! emoji, such a sign or a quote, and no digit; behind `@` and `#` a letter or an emoji; `*` stands alone. Before the
//! first mark stand name, organisation, role: one to three parts between commas, of at most five words. A word that only
//! begins like a mark, such as `#1` or `+5`, ends them. What is none of this is the note. A line break ends what a mark
//! began.
//!
//! The person before the first mark is who promises, needs and offers are about, and who it clicked with; those named
//! with `@` are mentioned. Without anybody there, they are about everyone named with `@`, each of them: `@Ben Okoye @Chi
//! Wu !send the list` is a promise to Ben and one to Chi. Different matters of two people are two lines. With nobody
//! named at all, a promise is one to oneself, and anything else is about somebody whose name is not known.
//!
//! No character is lost but those that are consumed by what they mean: a mark; the backslash before one; the words of a
//! day at the end of a promise or a need; a comma between the parts of a head, and `?` for a name not known; one of
//! `,` `.` `;` `:` right behind a topic or a person; the punctuation around a phone, mail or link in a head, unless it
//! is more than brackets, quotes or one such sign; and a topic, phone, mail or link typed a second time. A bracket or a
//! quote that was opened inside a link belongs to it.

pub mod days;

use std::ops::Range;

use chrono::NaiveDate;

use crate::model::{Channel, ChannelKind, NeedKind, PromiseKind, Whose};
pub use days::Context;

/// Longest text that is taken, in bytes.
pub const MAX_BYTES: usize = 65_536;
/// Most parts of a head that are name, organisation, role.
const MAX_PARTS: usize = 3;
/// Most words of a name, an organisation or a role.
const MAX_PART_WORDS: usize = 5;
/// Most words of a person named with `@`.
const MAX_PERSON_WORDS: usize = 3;
/// Fewest digits of a telephone number written with `+` or a leading zero, and of any other.
const PHONE_DIGITS: (usize, usize) = (7, 9);

/// The text is longer than [`MAX_BYTES`]; nothing of it was cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this text is {0} bytes long, and a jot takes at most {MAX_BYTES}; put the rest into a note")]
pub struct TooLong(pub usize);

/// What a piece of the line is, for showing the parse as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum SpanKind {
    /// Part of the name.
    Name,
    /// Part of the organisation.
    Organisation,
    /// Part of the role.
    Role,
    /// A comma or a blank.
    Separator,
    /// A promise of mine, with its mark.
    PromiseMine,
    /// A promise of theirs.
    PromiseTheirs,
    /// A need.
    Need,
    /// An offer.
    Offer,
    /// A person.
    Person,
    /// A topic.
    Topic,
    /// It clicked.
    Spark,
    /// The words of a day.
    Day,
    /// A phone, mail or link.
    Channel,
    /// The note.
    Note,
}

/// A piece of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Span {
    /// What it is.
    pub kind: SpanKind,
    /// Its text; those of all spans together are the line.
    pub text: String,
}

/// A promise in a draft.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct DraftPromise {
    /// Mine or theirs.
    pub whose: Whose,
    /// The exact words, without those of the day.
    pub words: String,
    /// The day.
    pub due: Option<NaiveDate>,
    /// What kind, as far as the words tell.
    pub kind: PromiseKind,
}

/// A need in a draft.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct DraftNeed {
    /// The words, without those of the day.
    pub words: String,
    /// The day by which they decide.
    pub decide_on: Option<NaiveDate>,
    /// What kind, as far as the words tell.
    pub kind: NeedKind,
}

/// What a line says. A plain value: every piece can be changed before it is committed.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Draft {
    /// The line it was read from.
    pub line: String,
    /// The name; none when it is not known yet.
    pub name: Option<String>,
    /// The organisation, or nothing.
    pub organisation: String,
    /// The role, or nothing.
    pub role: String,
    /// Promises, in the order typed.
    pub promises: Vec<DraftPromise>,
    /// Needs, in the order typed.
    pub needs: Vec<DraftNeed>,
    /// Offers, in the order typed.
    pub offers: Vec<String>,
    /// People named with `@`.
    pub people: Vec<String>,
    /// Topics, each once.
    pub topics: Vec<String>,
    /// It clicked.
    pub spark: bool,
    /// Phones, mails and links, each once.
    pub channels: Vec<Channel>,
    /// Whatever else was typed.
    pub note: String,
    /// What looks like a day and was not read as one; it stands in the words it was typed in.
    pub unread_days: Vec<String>,
}

impl Draft {
    /// Whether it is about somebody of its own, known by name or not; else about those named with `@`, or nobody.
    pub fn has_somebody(&self) -> bool {
        let typed = self.line.trim_start();
        let begins_with_nobody_known = typed
            .strip_prefix('?')
            .is_some_and(|rest| rest.chars().next().is_none_or(|c| c.is_whitespace() || c == ','));
        // A way to reach somebody that stands in no note would belong to nobody.
        let is_reached = self.channels.iter().any(|channel| !self.note.contains(&channel.value));
        if self.name.is_some() || !self.organisation.is_empty() || !self.role.is_empty() {
            return true;
        }
        if begins_with_nobody_known || is_reached {
            return true;
        }
        let is_spoken_of =
            !self.note.is_empty() || !self.needs.is_empty() || !self.offers.is_empty() || !self.channels.is_empty();
        let is_remembered = self.spark || !self.topics.is_empty() && self.promises.is_empty();
        self.people.is_empty() && (is_spoken_of || is_remembered)
    }
}

/// A line as it is understood.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Parsed {
    /// What it says. Every piece can be changed before it is jotted down.
    pub draft: Draft,
    /// The pieces of the line, each with what it is; their texts together are the line.
    pub spans: Vec<Span>,
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Promise(bool),
    Need,
    Offer,
    Person,
    Topic,
    Spark,
}

/// A word and where it stands.
type Word<'a> = (Range<usize>, &'a str);

/// A stretch of the line that belongs together: the head, what a mark began, or a piece of the note.
struct Segment {
    mark: Option<Mark>,
    range: Range<usize>,
}

/// The pieces of a line, for showing what is understood while it is typed.
///
/// # Errors
/// [`TooLong`] beyond [`MAX_BYTES`].
pub fn spans(line: &str, context: &Context) -> Result<Vec<Span>, TooLong> {
    read(line, context).map(|reader| reader.into_spans())
}

/// Reads a line.
///
/// ```
/// use kith_core::jot::{parse, Context};
/// let context = Context { today: "2026-11-22".parse().unwrap(), week_start: Default::default() };
/// let draft = parse("Dana Ruiz, Acme !send her the list by tue #lyon *", &context).unwrap();
/// assert_eq!(draft.name.as_deref(), Some("Dana Ruiz"));
/// assert_eq!(draft.promises[0].words, "send her the list");
/// assert_eq!(draft.promises[0].due, "2026-11-24".parse().ok());
/// assert_eq!(draft.topics, ["lyon"]);
/// assert!(draft.spark);
/// ```
///
/// # Errors
/// [`TooLong`] beyond [`MAX_BYTES`].
pub fn parse(line: &str, context: &Context) -> Result<Draft, TooLong> {
    read(line, context).map(|reader| reader.draft)
}

/// Reads a line once, for both what it says and its pieces.
///
/// # Errors
/// [`TooLong`] beyond [`MAX_BYTES`].
pub fn parse_and_show(line: &str, context: &Context) -> Result<Parsed, TooLong> {
    let reader = read(line, context)?;
    Ok(Parsed { draft: reader.draft.clone(), spans: reader.into_spans() })
}

/// Writes a draft as a line that reads back as the same draft.
pub fn render(draft: &Draft) -> String {
    let mut parts = vec![match &draft.name {
        Some(name) => escaped(name),
        None => "?".into(),
    }];
    if !draft.organisation.is_empty() || !draft.role.is_empty() {
        parts.push(escaped(&draft.organisation));
    }
    if !draft.role.is_empty() {
        parts.push(escaped(&draft.role));
    }
    parts.extend(draft.channels.iter().map(|channel| channel.value.clone()));
    let mut lines = vec![parts.join(", ")];
    let by = |day: Option<NaiveDate>| day.map(|day| format!(" by {day}")).unwrap_or_default();
    for promise in &draft.promises {
        let mark = if promise.whose == Whose::Theirs { "!!" } else { "!" };
        lines.push(format!("{mark}{}{}", escaped_after_first(&promise.words), by(promise.due)));
    }
    lines.extend(draft.needs.iter().map(|need| format!("?{}{}", escaped_after_first(&need.words), by(need.decide_on))));
    lines.extend(draft.offers.iter().map(|offer| format!("+{}", escaped_after_first(offer))));
    lines.extend(draft.people.iter().map(|person| format!("@{person}")));
    lines.extend(draft.topics.iter().map(|topic| format!("#{topic}")));
    if draft.spark {
        lines.push("*".into());
    }
    lines.extend(draft.note.lines().map(escaped));
    lines.join("\n")
}

fn escaped(text: &str) -> String {
    let escape = |word: &str| if is_special(word) { format!("\\{word}") } else { word.to_string() };
    text.split_whitespace().map(escape).collect::<Vec<_>>().join(" ")
}

/// The first word follows its mark, so it cannot be taken for one itself.
fn escaped_after_first(text: &str) -> String {
    match text.split_once(char::is_whitespace) {
        Some((first, rest)) => format!("{first} {}", escaped(rest)),
        None => text.into(),
    }
}

/// Whether a word would be read as a mark, or as an escaped one.
fn is_special(word: &str) -> bool {
    mark_of(word.trim_start_matches('\\')).is_some()
}

fn unescaped(word: &str) -> &str {
    match word.strip_prefix('\\') {
        Some(rest) if is_special(rest) => rest,
        _ => word,
    }
}

/// The mark a word begins with and how many bytes of the word it is.
fn mark_of(word: &str) -> Option<(Mark, usize)> {
    if word == "*" {
        return Some((Mark::Spark, 1));
    }
    let (mark, length) = match word.as_bytes() {
        [b'!', b'!', ..] => (Mark::Promise(false), 2),
        [b'!', ..] => (Mark::Promise(true), 1),
        [b'?', ..] => (Mark::Need, 1),
        [b'+', ..] => (Mark::Offer, 1),
        [b'@', ..] => (Mark::Person, 1),
        [b'#', ..] => (Mark::Topic, 1),
        _ => return None,
    };
    let behind = &word[length..];
    let first = behind.chars().next()?;
    let counts = match mark {
        Mark::Offer => first.is_alphabetic() || is_symbol(first) || OPENING_QUOTES.contains(&first) && says(behind),
        Mark::Person | Mark::Topic => first.is_alphabetic() || is_emoji(first),
        _ => says(behind),
    };
    counts.then_some((mark, length))
}

/// Quotes with which what is offered may begin.
const OPENING_QUOTES: [char; 10] = ['"', '\'', '«', '»', '“', '„', '‘', '‹', '「', '『'];

/// Whether there is more in it than punctuation.
fn says(text: &str) -> bool {
    text.chars().any(|c| c.is_alphanumeric() || is_symbol(c))
}

fn is_symbol(c: char) -> bool {
    is_emoji(c) || matches!(c, '$' | '¢'..='¥' | '\u{58f}' | '\u{60b}' | '\u{e3f}' | '\u{20a0}'..='\u{20cf}')
}

/// Pictures, and the signs that may be shown as such: arrows, stars, hearts.
fn is_emoji(c: char) -> bool {
    matches!(c, '©' | '®' | '°' | '\u{2100}'..='\u{214f}' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1fbff}')
}

/// Whether a word begins as a mark does and goes on with text, without being one: `#1`, `+5`, `*great*`.
fn is_like_a_mark(word: &str) -> bool {
    word.strip_prefix(['!', '?', '+', '@', '#', '*']).is_some_and(says)
}

fn read<'a>(line: &'a str, context: &'a Context) -> Result<Reader<'a>, TooLong> {
    if line.len() > MAX_BYTES {
        return Err(TooLong(line.len()));
    }
    let mut reader = Reader::new(line, context);
    for (at, segment) in segments(line).into_iter().enumerate() {
        reader.segment(at == 0, segment);
    }
    reader.finish();
    Ok(reader)
}

/// Words and where they stand.
fn words(line: &str, within: Range<usize>) -> Vec<(Range<usize>, &str)> {
    let text = &line[within.clone()];
    text.split_whitespace()
        .map(|word| {
            let from = within.start + (word.as_ptr() as usize - text.as_ptr() as usize);
            (from..from + word.len(), word)
        })
        .collect()
}

/// Cuts a line at its marks and line breaks.
fn segments(line: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut from = 0;
    for row in line.split_inclusive(['\n', '\r', '\u{2028}', '\u{2029}']) {
        let to = from + row.len();
        let mut open = Segment { mark: None, range: from..to };
        for (range, word) in words(line, from..to) {
            if let Some((mark, _)) = mark_of(word) {
                open.range.end = range.start;
                segments.push(std::mem::replace(&mut open, Segment { mark: Some(mark), range: range.start..to }));
            }
        }
        segments.push(open);
        from = to;
    }
    segments
}

struct Reader<'a> {
    line: &'a str,
    context: &'a Context,
    draft: Draft,
    /// Lines of the note, each in pieces.
    note: Vec<Vec<String>>,
    spans: Vec<(Range<usize>, SpanKind)>,
}

impl<'a> Reader<'a> {
    fn new(line: &'a str, context: &'a Context) -> Self {
        let draft = Draft { line: line.into(), ..Draft::default() };
        Self { line, context, draft, note: vec![Vec::new()], spans: Vec::new() }
    }

    fn segment(&mut self, is_head: bool, segment: Segment) {
        let range = segment.range.clone();
        match segment.mark {
            None if is_head => self.head(range),
            None => self.note_words(&words(self.line, range)),
            Some(mark) => self.marked(mark, range),
        }
        if self.line[segment.range].ends_with(['\n', '\r', '\u{2028}', '\u{2029}']) {
            self.note.push(Vec::new());
        }
    }

    /// Name, organisation, role. What is too much for that is the note: all of it, unless it begins with a name.
    fn head(&mut self, range: Range<usize>) {
        let mut parts = Vec::new();
        let mut from = range.start;
        for piece in self.line[range.clone()].split(',') {
            parts.push(words(self.line, from..from + piece.len()));
            from += piece.len() + 1;
        }
        let found: Vec<Vec<(Range<usize>, Channel)>> = parts.iter().map(|part| channels(part)).collect();
        let is_channel = |at: usize, range: &Range<usize>| found[at].iter().any(|(channel, _)| covers(channel, range));
        let mut named: Vec<(usize, Vec<Word<'_>>)> = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let rest: Vec<_> = part.iter().filter(|(range, _)| !is_channel(at, range)).cloned().collect();
            if !rest.is_empty() || part.is_empty() {
                named.push((at, rest));
            }
        }
        while named.last().is_some_and(|(_, part)| part.is_empty()) {
            named.pop();
        }
        if let Some((at, part)) = named.first()
            && let [(mark, "?"), ..] = part.as_slice()
            && let Some(next) = parts[*at].iter().find(|(word, _)| word.start >= mark.end)
        {
            return self.somebody(mark.clone(), next.0.start..range.end, found.into_iter().take(at + 1).flatten());
        }
        let fits = |(_, part): &&(usize, Vec<_>)| part.len() <= MAX_PART_WORDS;
        let is_too_much = named.iter().take(MAX_PARTS).take_while(fits).count() < named.len();
        // Digits to the left and the right of a link can look like one number, which nobody typed.
        let reads_otherwise = named.iter().any(|(_, part)| !channels(part).is_empty());
        let ended = cut_where_it_ends(&mut named);
        let is_named = named.first().filter(fits).is_some_and(|(_, part)| is_like_a_name(part));
        if reads_otherwise || is_too_much && !is_named || ended.is_some() && named.is_empty() {
            return self.note_words(&words(self.line, range));
        }
        let fitting = named.iter().take(MAX_PARTS).take_while(fits).count();
        let unfitting = named.get(fitting).and_then(|(at, _)| parts[*at..].iter().flatten().next());
        let rest = unfitting.map(|(first, _)| first.start).or(ended).unwrap_or(range.end);
        named.truncate(fitting);
        for (channel, value) in found.into_iter().flatten().filter(|(channel, _)| channel.end <= rest) {
            self.head_channel(channel, value);
        }
        self.note_words(&words(self.line, rest..range.end));
        let named: Vec<_> = named.into_iter().map(|(_, part)| part).collect();
        let kinds = [SpanKind::Name, SpanKind::Organisation, SpanKind::Role];
        for (part, kind) in named.iter().zip(kinds) {
            part.iter().for_each(|(range, _)| self.span(range.clone(), kind));
        }
        let mut texts = named.iter().map(|part| joined(part));
        self.draft.name = texts.next().filter(|name| !name.is_empty() && name != "?");
        self.draft.organisation = texts.next().unwrap_or_default();
        self.draft.role = texts.next().unwrap_or_default();
    }

    /// Somebody whose name is not known, the ways to reach them that stand before, and what one remembers of them.
    fn somebody(
        &mut self,
        mark: Range<usize>,
        remembered: Range<usize>,
        channels: impl Iterator<Item = (Range<usize>, Channel)>,
    ) {
        for (range, channel) in channels.filter(|(range, _)| range.end <= mark.start) {
            self.head_channel(range, channel);
        }
        self.span(mark, SpanKind::Name);
        self.note_words(&words(self.line, remembered));
    }

    fn marked(&mut self, mark: Mark, range: Range<usize>) {
        let length = mark_of(self.line[range.clone()].split_whitespace().next().unwrap_or_default()).map_or(0, |m| m.1);
        let inside = words(self.line, range.start + length..range.end);
        let whole = range.start..inside.last().map_or(range.start + length, |(last, _)| last.end);
        match mark {
            Mark::Spark => {
                self.draft.spark = true;
                self.span(range.start..range.start + length, SpanKind::Spark);
                self.note_words(&inside);
            }
            Mark::Promise(mine) => {
                let kind = if mine { SpanKind::PromiseMine } else { SpanKind::PromiseTheirs };
                let (words, due) = self.with_day(whole, &inside, kind);
                let whose = if mine { Whose::Mine } else { Whose::Theirs };
                self.draft.promises.push(DraftPromise { whose, kind: promise_kind(&words), words, due });
            }
            Mark::Need => {
                let (words, decide_on) = self.with_day(whole, &inside, SpanKind::Need);
                self.draft.needs.push(DraftNeed { kind: need_kind(&words), words, decide_on });
            }
            Mark::Offer => {
                self.span(whole, SpanKind::Offer);
                self.draft.offers.push(joined_behind_mark(&inside));
            }
            Mark::Person => self.person(range.start, &inside),
            Mark::Topic => self.topic(range.start, &inside),
        }
    }

    /// The words and the day. Words of a day are taken out where they stand at the end; in the middle, and where they
    /// are all there is, they are part of what was said.
    fn with_day(
        &mut self,
        whole: Range<usize>,
        inside: &[(Range<usize>, &str)],
        kind: SpanKind,
    ) -> (String, Option<NaiveDate>) {
        let bare: Vec<&str> = inside.iter().map(|(_, word)| *word).collect();
        let found = days::find(&bare, self.context).filter(|found| found.from > 0);
        match found {
            Some(found) if found.at_end => {
                let day = inside[found.from].0.start..inside[found.to - 1].0.end;
                self.span(whole.start..day.start, kind);
                self.span(day, SpanKind::Day);
                (joined_behind_mark(&inside[..found.from]), Some(found.day))
            }
            _ => {
                self.span(whole, kind);
                if found.is_none() {
                    self.draft.unread_days.extend(days::unread(&bare, self.context));
                }
                (joined_behind_mark(inside), found.map(|found| found.day))
            }
        }
    }

    /// A name of up to three words: in scripts that have capitals, as long as they go on; in others, one.
    fn person(&mut self, from: usize, inside: &[(Range<usize>, &str)]) {
        let ends = |word: &str| word.ends_with([',', '.', ';', ':', '!', '?', ')']);
        let mut length = 1;
        while length < MAX_PERSON_WORDS.min(inside.len())
            && !ends(inside[length - 1].1)
            && inside[length].1.chars().next().is_some_and(char::is_uppercase)
            && inside[0].1.chars().next().is_some_and(char::is_uppercase)
        {
            length += 1;
        }
        let (last, word) = &inside[length - 1];
        let end = word.trim_end_matches([',', '.', ';', ':', '!', '?', ')']).len();
        let name = joined(&inside[..length]);
        let name = name[..name.len() - (word.len() - end)].to_string();
        self.span(from..last.start + end, SpanKind::Person);
        self.draft.people.push(name);
        self.rest_of_word((last.start + end..last.end, &word[end..]));
        self.note_words(&inside[length..]);
    }

    /// What stands right behind a topic or a person: the note, unless it only ends them.
    fn rest_of_word(&mut self, rest: Word<'_>) {
        if !matches!(rest.1, "" | "," | "." | ";" | ":") {
            self.note_words(&[rest]);
        }
    }

    /// One word of letters, digits, `-` and `_`, before which emoji may stand; what follows is the note.
    fn topic(&mut self, from: usize, inside: &[(Range<usize>, &str)]) {
        let (range, word) = &inside[0];
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_') || is_mark_of_letter(c);
        let pictures = |c: char| is_emoji(c) || is_mark_of_letter(c) || c == '\u{200d}';
        let letters = word.find(|c: char| !pictures(c)).unwrap_or(word.len());
        let end = word[letters..].find(|c: char| !fits(c)).map_or(word.len(), |at| letters + at);
        let topic = word[..end].to_string();
        if !self.draft.topics.contains(&topic) {
            self.draft.topics.push(topic);
        }
        self.span(from..range.start + end, SpanKind::Topic);
        self.rest_of_word((range.start + end..range.end, &word[end..]));
        self.note_words(&inside[1..]);
    }

    fn note_words(&mut self, words: &[(Range<usize>, &str)]) {
        if words.is_empty() {
            return;
        }
        self.span(words[0].0.start..words[words.len() - 1].0.end, SpanKind::Note);
        if let Some(line) = self.note.last_mut() {
            line.push(joined(words));
        }
    }

    /// A way to reach somebody, said in the head. The punctuation around it goes with it while it only sets it off; what
    /// is more, such as `:)`, is the note.
    fn head_channel(&mut self, range: Range<usize>, channel: Channel) {
        self.span(range.clone(), SpanKind::Channel);
        let typed = &self.line[range];
        let first = channel.value.split_whitespace().next().unwrap_or_default();
        let last = channel.value.split_whitespace().next_back().unwrap_or_default();
        let around =
            typed.find(first).zip(typed.rfind(last)).map(|(from, to)| (&typed[..from], &typed[to + last.len()..]));
        self.channel(channel);
        let Some((before, behind)) = around else { return };
        for (rest, usual) in [(before, "<(\"'"), (behind, ">)\"',.;:")] {
            let sets_off = rest.chars().all(|c| usual.contains(c)) && !rest.contains(":)") && rest.len() <= 2;
            if let (false, Some(line)) = (sets_off, self.note.last_mut()) {
                line.push(rest.into());
            }
        }
    }

    fn channel(&mut self, channel: Channel) {
        if !self.draft.channels.iter().any(|known| known.value == channel.value) {
            self.draft.channels.push(channel);
        }
    }

    fn span(&mut self, range: Range<usize>, kind: SpanKind) {
        if !range.is_empty() {
            self.spans.push((range, kind));
        }
    }

    /// Phones, mails and links in the note become channels, and stay where they are.
    fn finish(&mut self) {
        // A list of its own: which piece stood first is not said by it, and no piece says the same twice.
        self.draft.unread_days.sort();
        self.draft.unread_days.dedup();
        let lines = self.note.iter().map(|pieces| pieces.join(" ")).filter(|line| !line.is_empty());
        self.draft.note = lines.collect::<Vec<_>>().join("\n");
        let note = self.draft.note.clone();
        let mut from = 0;
        for line in note.split('\n') {
            let found = channels(&words(&note, from..from + line.len()));
            found.into_iter().for_each(|(_, channel)| self.channel(channel));
            from += line.len() + 1;
        }
    }

    /// Fills the gaps, so that the spans together are the line.
    fn into_spans(mut self) -> Vec<Span> {
        self.spans.sort_by_key(|(range, _)| range.start);
        let mut spans: Vec<Span> = Vec::new();
        let mut at = 0;
        let mut push = |kind: SpanKind, range: Range<usize>| {
            let text = &self.line[range];
            match spans.last_mut() {
                Some(last) if last.kind == kind => last.text.push_str(text),
                _ if text.is_empty() => {}
                _ => spans.push(Span { kind, text: text.into() }),
            }
        };
        for (range, kind) in &self.spans {
            push(SpanKind::Separator, at..range.start);
            push(*kind, range.clone());
            at = range.end;
        }
        push(SpanKind::Separator, at..self.line.len());
        spans
    }
}

fn joined(words: &[(Range<usize>, &str)]) -> String {
    words.iter().map(|(_, word)| unescaped(word)).collect::<Vec<_>>().join(" ")
}

/// The words right behind a mark: the first cannot be taken for a mark itself, and is taken as it is.
fn joined_behind_mark(words: &[Word<'_>]) -> String {
    let Some(((_, first), rest)) = words.split_first() else { return String::new() };
    if rest.is_empty() { (*first).into() } else { format!("{first} {}", joined(rest)) }
}

/// Cuts the parts of a head before the word that begins like a mark; answers where it stands. An organisation or a role
/// may begin so, as a whole: `#1 Plumbing`.
fn cut_where_it_ends(parts: &mut Vec<(usize, Vec<Word<'_>>)>) -> Option<usize> {
    let ends = |part: usize, word: usize, text: &str| (part == 0 || word > 0) && is_like_a_mark(text);
    let find = |(at, (_, part)): (usize, &(usize, Vec<Word<'_>>))| {
        part.iter().enumerate().find(|(word, (_, text))| ends(at, *word, text)).map(|(word, _)| (at, word))
    };
    let (part, word) = parts.iter().enumerate().find_map(find)?;
    let place = parts[part].1[word].0.start;
    parts.truncate(part + 1);
    parts[part].1.truncate(word);
    parts.retain(|(_, words)| part > 0 || !words.is_empty());
    Some(place)
}

/// Small words inside a name.
const PARTICLES: &[&str] = &[
    "af", "al", "bin", "da", "das", "de", "del", "della", "den", "der", "di", "dos", "du", "e", "el", "ibn", "la",
    "le", "ten", "ter", "van", "von", "y", "zu",
];

/// Whether words can hardly be anything but a name: none of them begins small, where a script has small letters.
fn is_like_a_name(words: &[(Range<usize>, &str)]) -> bool {
    let begins_small = |word: &str| word.chars().find(|c| c.is_alphabetic()).is_none_or(char::is_lowercase);
    let fits = |(_, word): &(Range<usize>, &str)| *word == "?" || PARTICLES.contains(word) || !begins_small(word);
    !words.is_empty() && words.len() < MAX_PART_WORDS && words.iter().all(fits)
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Combining marks belong to the letter before them.
fn is_mark_of_letter(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

fn promise_kind(words: &str) -> PromiseKind {
    let words = words.to_lowercase();
    let any = |list: &[&str]| list.iter().any(|hint| words.contains(hint));
    if any(&["intro", "connect ", "put in touch"]) {
        PromiseKind::Introduction
    } else if any(&["thank"]) {
        PromiseKind::ThankYou
    } else if any(&["reply", "answer", "get back"]) {
        PromiseKind::Reply
    } else if any(&["send", "share", "forward"]) {
        PromiseKind::Resource
    } else {
        PromiseKind::Thing
    }
}

fn need_kind(words: &str) -> NeedKind {
    let words = words.to_lowercase();
    let any = |list: &[&str]| list.iter().any(|hint| words.contains(hint));
    if any(&["decid", "choos", "whether"]) {
        NeedKind::Decision
    } else if any(&["wants to", "trying to", "aims to", "goal"]) {
        NeedKind::Goal
    } else {
        NeedKind::Struggle
    }
}

/// Phones, mails and links among these words.
fn channels(words: &[(Range<usize>, &str)]) -> Vec<(Range<usize>, Channel)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let length = phone_length(&words[at..]);
        if length > 0 {
            let run = &words[at..at + length];
            let value = match run {
                [(_, only)] => trimmed(only).to_string(),
                several => several.iter().map(|(_, word)| trimmed_number(word)).collect::<Vec<_>>().join(" "),
            };
            found.push((run[0].0.start..run[length - 1].0.end, channel(ChannelKind::Phone, &value)));
            at += length;
            continue;
        }
        let word = trimmed(words[at].1);
        let kind = if is_mail(word) {
            Some(ChannelKind::Mail)
        } else if is_link(word) {
            Some(ChannelKind::Link)
        } else {
            None
        };
        found.extend(kind.map(|kind| (words[at].0.clone(), channel(kind, word))));
        at += 1;
    }
    found
}

fn channel(kind: ChannelKind, value: &str) -> Channel {
    Channel { kind, value: value.into(), ..Channel::default() }
}

fn trimmed(word: &str) -> &str {
    let word = word.trim_start_matches(['<', '(', ',', ';', '"', '\'']);
    let count = |c: char| word.matches(c).count();
    let halves = |open: char, close: char| count(close).saturating_sub(count(open));
    let (mut round, mut pointed) = (halves('(', ')'), halves('<', '>'));
    let (mut double, mut single) = (count('"') % 2, count('\'') % 2);
    // What is not the other half of something inside.
    word.trim_end_matches(|c: char| {
        let left = match c {
            '.' | ',' | ';' | ':' | '!' | '?' => return true,
            ')' => &mut round,
            '>' => &mut pointed,
            '"' => &mut double,
            '\'' => &mut single,
            _ => return false,
        };
        let goes = *left > 0;
        *left = left.saturating_sub(1);
        goes
    })
}

/// A word of a telephone number: its brackets stay while each has its other half.
fn trimmed_number(word: &str) -> &str {
    let mut word = word
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '>', '"', '\''])
        .trim_start_matches(['<', ',', ';', '"', '\'']);
    let count = |word: &str, bracket| word.matches(bracket).count();
    while word.ends_with(')') && count(word, ')') > count(word, '(') {
        word = &word[..word.len() - 1];
    }
    while word.starts_with('(') && count(word, '(') > count(word, ')') {
        word = &word[1..];
    }
    word
}

/// Digits of a group of a number after which a short group is something else: `089 12345678 2 kids`.
const LONG_GROUP: usize = 5;

/// How many words from the first make up a telephone number. At most eight are looked at; a comma ends it.
fn phone_length(words: &[(Range<usize>, &str)]) -> usize {
    let marked = words.first().is_some_and(|(_, word)| word.starts_with(['+', '0', '(']));
    let enough = if marked { PHONE_DIGITS.0 } else { PHONE_DIGITS.1 };
    let mut groups: Vec<usize> = Vec::new();
    for (_, typed) in words.iter().take(8) {
        let word = trimmed_number(typed);
        let is_part = word.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '(' | ')' | '-' | '.' | '/'));
        let begins_anew = !groups.is_empty() && word.starts_with('+');
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let is_enough = groups.iter().sum::<usize>() >= enough;
        let is_else = is_enough && digits <= 2 && groups.last().is_some_and(|last| *last >= LONG_GROUP);
        if !is_part || begins_anew || digits == 0 || is_else {
            break;
        }
        groups.push(digits);
        if typed.ends_with([',', ';', '!', '?', ':']) {
            break;
        }
    }
    // No number ends with a group of one digit.
    while groups.last() == Some(&1) && groups.iter().sum::<usize>() > enough {
        groups.pop();
    }
    if (enough..=20).contains(&groups.iter().sum()) { groups.len() } else { 0 }
}

fn is_mail(word: &str) -> bool {
    let Some((user, host)) = word.split_once('@') else { return false };
    let clean = |part: &str| part.chars().all(|c| !matches!(c, '@' | ',' | '(' | ')' | '<' | '>' | '\\' | '"'));
    let dotted = host.split_once('.').is_some_and(|(name, end)| !name.is_empty() && end.len() >= 2);
    user.starts_with(char::is_alphanumeric) && clean(user) && clean(host) && dotted && !host.ends_with('.')
}

fn is_link(word: &str) -> bool {
    if word.contains(',') || !word.starts_with(char::is_alphanumeric) {
        return false;
    }
    let lower = word.get(..8).unwrap_or(word).to_ascii_lowercase();
    if ["http://", "https://", "www."].iter().any(|start| lower.starts_with(start) && word.len() > start.len()) {
        return true;
    }
    let Some((host, path)) = word.split_once('/') else { return false };
    let end = host.rsplit_once('.').map_or("", |(_, end)| end);
    !path.is_empty() && end.len() >= 2 && end.chars().all(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests;
