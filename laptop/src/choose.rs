//! Which person, record or open matter a word means. When several fit they are listed with numbers; on a terminal one
//! is asked for, otherwise the list is where it ends.

use std::io::{self, Write};

use chrono::NaiveDate;
use kith_core::jot::days;
use kith_core::model::{AnyRecord, Contact, Group, Id, Kind, Organisation, RecordId};
use kith_core::query::words::words;

use crate::app::App;
use crate::failure::Failure;
use crate::layout::{FAINT, styled};
use crate::{layout, show};

/// Most rows listed when a word fits several.
const MOST: usize = 30;

/// Fewest letters of an id that count as its beginning.
const SHORTEST_ID: usize = 6;

/// Something open that can be named by its number in a list, by words, or by a person.
pub(crate) struct Matter {
    pub(crate) id: RecordId,
    /// As it is listed.
    pub(crate) line: String,
    /// What words are looked for in: its own, and the people's names.
    pub(crate) words: String,
}

/// The one person these words mean.
pub(crate) fn person(app: &App, typed: &str) -> Result<Id<Contact>, Failure> {
    one_person(app, typed, &app.notebook.contacts_meant(typed, MOST)?)
}

/// The one record of a person these words mean, also of somebody who is several.
pub(crate) fn member(app: &App, typed: &str) -> Result<Id<Contact>, Failure> {
    one_person(app, typed, &app.notebook.members_meant(typed, MOST)?)
}

fn one_person(app: &App, typed: &str, meant: &[Contact]) -> Result<Id<Contact>, Failure> {
    match meant {
        [] => Err(nobody(app, typed)?),
        [one] => Ok(one.id),
        several => {
            let rows = several.iter().map(|contact| show::person_line(app, contact)).enumerate();
            let rows: Vec<(usize, String)> = rows.map(|(at, row)| (at + 1, row)).collect();
            let what = format!("\"{}\" fits several people", layout::clean(typed));
            let at = one_of(app, &what, "Say more of the name, or the id at the end of the line.", &rows)?;
            Ok(several[at].id)
        }
    }
}

/// The kinds that have a name to be found by, besides people.
const NAMED: [Kind; 4] = [Kind::Organisation, Kind::Group, Kind::Event, Kind::Goal];

/// What is to be shown: a record by the beginning of its id, a person, or what else has that name.
pub(crate) fn anything(app: &App, typed: &str) -> Result<AnyRecord, Failure> {
    let by_id = app.notebook.by_id_start(typed.trim(), MOST as u32)?;
    if !by_id.is_empty() {
        return one_record(app, typed, by_id);
    }
    let named_so = exactly_named(app, typed)?;
    if named_so.is_empty() && !app.notebook.contacts_meant(typed, 1)?.is_empty() {
        let id = person(app, typed)?;
        return Ok(app.notebook.get(id)?.unwrap_or_default().into());
    }
    match if named_so.is_empty() { app.notebook.records_named(typed, &NAMED, MOST)? } else { named_so } {
        named if named.is_empty() => Err(nobody(app, typed)?),
        named => one_record(app, typed, named),
    }
}

/// Records other than people that are called exactly so, where no person has these words in the name.
fn exactly_named(app: &App, typed: &str) -> Result<Vec<AnyRecord>, Failure> {
    let wanted = words(typed);
    let has_all = |contact: &Contact| {
        let there = words(&format!("{} {}", contact.name, contact.nickname));
        wanted.iter().all(|word| there.contains(word))
    };
    if app.notebook.contacts_meant(typed, 1)?.iter().any(has_all) {
        return Ok(Vec::new());
    }
    let mut named = app.notebook.records_named(typed, &NAMED, MOST)?;
    named.retain(|record| words(&kith_core::query::title_of(record)) == wanted);
    Ok(named)
}

/// A person, or an organisation or group of that name where no person has it.
pub(crate) enum Partner {
    Person(Id<Contact>),
    Organisation(Id<Organisation>),
    Group(Id<Group>),
}

/// With whom something was exchanged.
pub(crate) fn partner(app: &App, typed: &str) -> Result<Partner, Failure> {
    let kinds = [Kind::Organisation, Kind::Group];
    let by_id = app.notebook.by_id_start(typed.trim(), MOST as u32)?;
    let mut others: Vec<AnyRecord> = by_id.into_iter().filter(|record| kinds.contains(&record.kind())).collect();
    if others.is_empty() && app.notebook.contacts_meant(typed, 1)?.is_empty() {
        others = app.notebook.records_named(typed, &kinds, MOST)?;
    }
    if others.is_empty() {
        return person(app, typed).map(Partner::Person);
    }
    Ok(match one_record(app, typed, others)? {
        AnyRecord::Group(group) => Partner::Group(group.id),
        other => Partner::Organisation(Id::new(other.id())),
    })
}

/// The living record of this kind that a name means.
pub(crate) fn named(app: &App, kind: Kind, typed: &str) -> Result<AnyRecord, Failure> {
    let records = match app.notebook.by_id_start(typed.trim(), MOST as u32)? {
        by_id if by_id.iter().any(|record| record.kind() == kind) => by_id,
        _ => app.notebook.records_named(typed, &[kind], MOST)?,
    };
    let records: Vec<AnyRecord> = records.into_iter().filter(|record| record.kind() == kind).collect();
    if records.is_empty() {
        let (kind, typed) = (crate::fields::label(kind.word()), layout::clean(typed));
        return Err(Failure::NotFound(format!("there is no {kind} of the name \"{typed}\"; nothing was changed")));
    }
    one_record(app, typed, records)
}

/// The one of these records that is meant.
fn one_record(app: &App, typed: &str, mut records: Vec<AnyRecord>) -> Result<AnyRecord, Failure> {
    if records.len() == 1 {
        return Ok(records.remove(0));
    }
    let rows: Vec<(usize, String)> =
        records.iter().enumerate().map(|(at, record)| (at + 1, show::record_line(app, record))).collect();
    let what = format!("\"{}\" fits several records", layout::clean(typed));
    let at = one_of(app, &what, "Say it with the id at the end of the line.", &rows)?;
    Ok(records.swap_remove(at))
}

/// The people these arguments mean: all of them together when that is somebody's name, else each by itself.
pub(crate) fn people(app: &App, arguments: &[String]) -> Result<Vec<Id<Contact>>, Failure> {
    if arguments.len() > 1 {
        let together = app.notebook.contacts_meant(&arguments.join(" "), 2)?;
        if let [one] = together.as_slice() {
            return Ok(vec![one.id]);
        }
    }
    arguments.iter().map(|typed| person(app, typed)).collect()
}

/// The one record these words mean: an id, a person, or whatever is found.
pub(crate) fn record(app: &App, typed: &str) -> Result<RecordId, Failure> {
    let by_id = app.notebook.by_id_start(typed.trim(), MOST as u32)?;
    if let [one] = by_id.as_slice() {
        return Ok(one.id());
    }
    let named_so = exactly_named(app, typed)?;
    if !named_so.is_empty() {
        return one_record(app, typed, named_so).map(|record| record.id());
    }
    let people = app.notebook.contacts_meant(typed, MOST)?;
    if !people.is_empty() {
        return person(app, typed).map(Id::raw);
    }
    let mut found: Vec<AnyRecord> = by_id;
    for hit in app.notebook.find(typed, MOST as u32)? {
        found.extend(app.notebook.get_any(hit.id)?);
    }
    match found.as_slice() {
        [] => Err(Failure::NotFound(format!("nothing has the words \"{}\"", layout::clean(typed)))),
        _ => one_record(app, typed, found).map(|record| record.id()),
    }
}

/// The matter that is meant; none when nothing was said and the list is the answer.
pub(crate) fn matter(app: &App, what: &str, typed: &[String], matters: &[Matter]) -> Result<Option<RecordId>, Failure> {
    let numbered: Vec<(usize, String)> =
        matters.iter().enumerate().map(|(at, matter)| (at + 1, with_id(matter))).collect();
    let typed = typed.join(" ");
    if typed.trim().is_empty() {
        if matters.is_empty() {
            app.out.aside(format!("No {what}."));
        }
        numbered_list(&numbered).iter().for_each(|line| app.line(layout::wrap(line, "     ", app.width)));
        return Ok(None);
    }
    let is_id = |matter: &&Matter| typed.len() >= SHORTEST_ID && matter.id.to_string().starts_with(typed.trim());
    if let (Some(matter), None) = (matters.iter().find(is_id), matters.iter().filter(is_id).nth(1)) {
        return Ok(Some(matter.id));
    }
    if let Ok(number) = typed.trim().parse::<usize>() {
        return match number.checked_sub(1).and_then(|at| matters.get(at)) {
            Some(matter) => Ok(Some(matter.id)),
            None => Err(Failure::NotFound(format!("{what}: {}, and no number {number}", matters.len()))),
        };
    }
    let wanted = words(&typed);
    let fits = |matter: &Matter| {
        let there = words(&matter.words);
        wanted.iter().all(|word| there.iter().any(|other| other.starts_with(word.as_str())))
    };
    let fitting: Vec<usize> = (0..matters.len()).filter(|at| fits(&matters[*at])).collect();
    match fitting.as_slice() {
        [] => Err(Failure::NotFound(format!("no {what} with the words \"{}\"", layout::clean(&typed)))),
        [one] => Ok(Some(matters[*one].id)),
        several => {
            let rows: Vec<(usize, String)> = several.iter().map(|at| numbered[*at].clone()).collect();
            let title = format!("\"{}\" fits several {what}", layout::clean(&typed));
            let at = one_of(app, &title, "Say the number, or more of the words.", &rows)?;
            Ok(Some(matters[several[at]].id))
        }
    }
}

/// The line with the id, by which it can be named whatever else is closed meanwhile.
fn with_id(matter: &Matter) -> String {
    format!("{}  {}", matter.line, styled(FAINT, &show::short_id(matter.id)))
}

/// What is left of a numbered list after one of it was closed: its numbers are those of the next command.
pub(crate) fn what_is_left(app: &App, typed: &[String], matters: &[Matter]) {
    let by_number = typed.join(" ").trim().parse::<usize>().is_ok();
    if !by_number || app.json || matters.is_empty() {
        return;
    }
    let rows: Vec<(usize, String)> =
        matters.iter().take(MOST).enumerate().map(|(at, m)| (at + 1, with_id(m))).collect();
    app.out.confirm("Left, with their new numbers:");
    numbered_list(&rows).iter().for_each(|line| app.out.confirm(layout::wrap(line, "     ", app.width)));
}

fn numbered_list(rows: &[(usize, String)]) -> Vec<String> {
    rows.iter().map(|(number, row)| format!("{number:>3}  {row}")).collect()
}

/// Asks which of several rows is meant, or ends with the list when nobody can be asked. Says which row it was.
pub(crate) fn one_of(app: &App, what: &str, hint: &str, rows: &[(usize, String)]) -> Result<usize, Failure> {
    let list = numbered_list(rows).join("\n");
    if !app.can_ask() {
        return Err(Failure::NotFound(format!("{what}:\n{list}\n{hint}")));
    }
    app.out.ask(&format!("{what}:\n{list}"));
    let answer = ask(app, "Which number? ")?;
    let number = answer.parse::<usize>().ok();
    rows.iter()
        .position(|(other, _)| Some(*other) == number)
        .ok_or_else(|| Failure::NotFound("that is none of these numbers; nothing was changed".into()))
}

/// The words that were typed; none at all are a slip.
pub(crate) fn words_of(typed: &[String]) -> Result<String, Failure> {
    match typed.join(" ").trim() {
        "" => Err(Failure::Usage("there are no words to write down; nothing was changed".into())),
        words => Ok(words.to_string()),
    }
}

/// A line typed in answer to a question; empty at the end of input.
pub(crate) fn ask(app: &App, question: &str) -> Result<String, Failure> {
    let _ = write!(io::stderr(), "{question}").and_then(|()| io::stderr().flush());
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::Wrong(format!("the answer could not be read ({error}); nothing was changed")))?;
    if answer.is_empty() {
        app.out.ask("");
    }
    Ok(answer.trim().to_string())
}

/// Whether the person agrees; nobody to ask is no agreement.
pub(crate) fn agrees(app: &App, question: &str) -> Result<bool, Failure> {
    if !app.can_ask() {
        return Err(Failure::Usage(format!("{question} Nobody is here to say so; repeat it with --yes.")));
    }
    let answer = ask(app, &format!("{question} [y/N] "))?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}

/// The day a person typed.
pub(crate) fn day(app: &App, typed: &str) -> Result<NaiveDate, Failure> {
    days::day(typed, &app.notebook.jot_context()?).ok_or_else(|| {
        let typed = layout::clean(typed);
        Failure::Usage(format!(
            "\"{typed}\" is no day this notebook understands; write it like tue, in 3 days or 2026-11-24"
        ))
    })
}

/// The day on which something happened, or today: "tue" is the last Tuesday. A day that lies ahead is a slip.
pub(crate) fn day_or_today(app: &App, typed: Option<&String>) -> Result<NaiveDate, Failure> {
    let Some(typed) = typed else { return Ok(app.today) };
    let day = days::day_behind(typed, &app.notebook.jot_context()?).map_or_else(|| day(app, typed), Ok)?;
    if day > app.today {
        let when = crate::days::day(day, app.today);
        return Err(Failure::Usage(format!(
            "{when} lies ahead, and this is about what has happened; a meeting that is still to come is `kith meet WHO \
             --planned`. Nothing was changed"
        )));
    }
    Ok(day)
}

/// A day that is still to come.
pub(crate) fn day_ahead(app: &App, typed: &str) -> Result<NaiveDate, Failure> {
    let context = app.notebook.jot_context()?;
    let day = days::day(typed, &context).or_else(|| days::day_behind(typed, &context));
    let day = day.map_or_else(|| self::day(app, typed), Ok)?;
    if day < app.today {
        let when = crate::days::day(day, app.today);
        return Err(Failure::Usage(format!(
            "{when} is past; without --planned this is written down as a meeting that was held. Nothing was changed"
        )));
    }
    Ok(day)
}

/// Nobody of that name; those it may have been meant to be.
fn nobody(app: &App, typed: &str) -> Result<Failure, Failure> {
    let hits = app.notebook.find(typed, 20)?;
    let people = hits.into_iter().filter(|hit| hit.kind == "contact");
    let alike: Vec<String> = people.take(5).map(|hit| layout::clean(&hit.title)).collect();
    let typed = layout::clean(typed);
    Ok(Failure::NotFound(match alike.as_slice() {
        [] => format!(
            "nobody is called \"{typed}\".\n`kith people` lists everybody, `kith jot '{typed}'` writes them down."
        ),
        names => format!("nobody is called \"{typed}\". Did you mean {}?", names.join(", ")),
    }))
}
