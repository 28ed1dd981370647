//! Changing one's mind: one person or two, delete and undo, history, disagreements, and deleting for good.

use kith_core::model::record::DELETED_AT;
use kith_core::model::{AnyRecord, Contact, Id, Kind, Promise, RecordId};
use kith_core::notebook::{Conflict, HistoryLine, UndoStep};
use serde_json::Value;

use crate::app::App;
use crate::args::{ConflictStep, Pair};
use crate::choose::{self, Matter};
use crate::failure::Failure;
use crate::layout::{self, FAINT, STRONG, clean, styled};
use crate::{bring, days, promises, show};

/// Most disagreements listed.
const MOST: u32 = 200;

/// Most pairs listed.
const MOST_PAIRS: u32 = 50;

/// Says that two records are one person; without names, lists who may be.
pub(crate) fn same(app: &App, a: Option<&str>, b: Option<&str>) -> Result<(), Failure> {
    match (a, b) {
        (Some(a), Some(b)) => are_same(app, &Pair { a: a.into(), b: b.into() }),
        _ => may_be_same(app),
    }
}

fn may_be_same(app: &App) -> Result<(), Failure> {
    let found = app.notebook.pairs_that_may_be_one(MOST_PAIRS)?;
    if app.json {
        return app.print_json(&found);
    }
    let who = |row: &kith_core::query::PersonRow| {
        let name = if row.name.is_empty() { "someone".into() } else { clean(&row.name) };
        [name, show::work(row)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    };
    for pair in &found.pairs {
        let (a, b) = (show::short_id(pair.a.id), show::short_id(pair.b.id));
        let line = format!("{} and {}: {}", who(&pair.a), who(&pair.b), clean(&pair.why));
        app.line(layout::wrap(&line, "  ", app.width));
        app.line(format!("  kith same {a} {b}, or kith not-same {a} {b}"));
    }
    match found.total.saturating_sub(found.pairs.len() as u64) {
        0 if found.pairs.is_empty() => app.out.aside("Nobody looks like somebody else."),
        0 => {}
        more => app.line(format!("and {} more, listed as these are settled", days::count(more, "pair", "pairs"))),
    }
    Ok(())
}

fn are_same(app: &App, pair: &Pair) -> Result<(), Failure> {
    let (a, b) = (choose::person(app, &pair.a)?, choose::person(app, &pair.b)?);
    let names = clean(&app.notebook.names(&[a, b])?);
    app.notebook.same(a, b)?;
    app.done(a, &format!("{names} are one person now. `kith undo` takes it back here, `kith not-same` anywhere."))
}

/// Says that two records are different people.
pub(crate) fn not_same(app: &App, pair: &Pair) -> Result<(), Failure> {
    let (a, b) = (choose::member(app, &pair.a)?, choose::member(app, &pair.b)?);
    let names = clean(&app.notebook.names(&[a, b])?);
    let members = app.notebook.person(a)?.members;
    app.notebook.not_same(a, b)?;
    let first = members.first().filter(|_| members.contains(&b.raw())).map(|id| Id::<Contact>::new(*id));
    let stays = match first {
        Some(first) => {
            let name = clean(&app.notebook.names(&[first])?);
            format!(" What was written about them while they were one stays with {name}.")
        }
        None => String::new(),
    };
    app.done(a, &format!("{names} are different people, and are not offered as the same any more.{stays}"))
}

/// Deletes a record.
pub(crate) fn delete(app: &App, what: &[String]) -> Result<(), Failure> {
    let id = choose::record(app, &what.join(" "))?;
    let title = title(app, id)?;
    app.notebook.delete(id)?;
    app.done(id, &format!("Deleted: {title}. `kith undo` brings it back."))
}

/// Takes back the last deletion, merge, import or closed promise.
pub(crate) fn undo(app: &App) -> Result<(), Failure> {
    if app.notebook.undo_steps()?.is_empty() {
        let words = "there is nothing to take back: nothing was deleted, merged, imported or kept on this device. What was \
                     deleted on another one comes back with `kith undelete`, two people who were made one there are two \
                     again with `kith not-same A B`";
        return Err(Failure::NotFound(words.into()));
    }
    let taken_back = app.notebook.undo(&mut |_, _| Ok(()))?;
    if app.json {
        return app.print_json(&taken_back);
    }
    let said = match &taken_back.step {
        UndoStep::Deleted(ids) => match ids.first() {
            Some(id) => format!("Back again: {}.", title(app, *id)?),
            None => "Back again.".into(),
        },
        UndoStep::Merged(a, b) => format!("{} are different people again.", clean(&app.notebook.names(&[*a, *b])?)),
        UndoStep::Closed { promise, .. } => {
            let promise: Promise = app.notebook.get(*promise)?.unwrap_or_default();
            let name = app.notebook.names(&promise.with.into_iter().collect::<Vec<_>>())?;
            format!("Open again: {}.", promises::words_and_whom(&promise, &name))
        }
        UndoStep::Imported(id) if taken_back.undone.is_none() => {
            format!("It was taken back before: {}. Nothing was changed.", bring::import_words(app, *id)?)
        }
        UndoStep::Imported(id) => format!("Taken back: {}.", bring::import_words(app, *id)?),
    };
    app.out.confirm(said);
    taken_back.undone.iter().for_each(|undone| bring::tell_undone(app, undone));
    Ok(())
}

/// Most deleted records looked through.
const MOST_DELETED: u32 = 1000;

/// Brings a deleted record back, wherever it was deleted; lists what was deleted when nothing was named.
pub(crate) fn undelete(app: &App, what: &[String]) -> Result<(), Failure> {
    let mut deleted = app.notebook.deleted(MOST_DELETED)?;
    deleted = deleted.iter().filter(|record| !comes_with_another(record, &deleted)).cloned().collect();
    if app.json && what.is_empty() {
        let records: Vec<Value> = deleted.iter().map(|record| Value::Object(record.to_map())).collect();
        return app.print_json(&records);
    }
    let edited = app.notebook.edited_beside_deletions(MOST_DELETED)?;
    let lines = |record: &AnyRecord| deleted_line(app, record, &edited);
    let Some(id) = choose::matter(app, "deleted records", what, &matters(app, &deleted, lines))? else { return Ok(()) };
    app.notebook.bring_back(id)?;
    app.done(id, &format!("Back again: {}.", title(app, id)?))
}

/// Records to choose from, by their titles and whatever they say.
fn matters(app: &App, records: &[AnyRecord], line: impl Fn(&AnyRecord) -> String) -> Vec<Matter> {
    let matter = |record: &AnyRecord| {
        let words = [vec![show::title(app, record)], record.facts().texts].concat().join(" ");
        Matter { id: record.id(), line: line(record), words }
    };
    records.iter().map(matter).collect()
}

/// How a deleted record is listed: also that somebody changed it meanwhile.
fn deleted_line(app: &App, record: &AnyRecord, edited: &[Conflict]) -> String {
    let title = show::title(app, record);
    match edited.iter().any(|other| other.id == record.id()) {
        true => format!("{title} — changed on another device at the same time"),
        false => title,
    }
}

/// What was deleted and came from other devices since this was last asked.
pub(crate) struct Came {
    /// What somebody changed at the same time, and how it is called.
    pub(crate) beside: Vec<(RecordId, String)>,
    /// The people with whom something is open, which is hidden with them, and how much that is.
    pub(crate) hidden: Vec<(RecordId, String, u64)>,
}

pub(crate) fn came_with_deletions(app: &App) -> Came {
    let (mut beside, mut hidden): (Vec<AnyRecord>, Vec<_>) = (Vec::new(), Vec::new());
    for id in app.what_came() {
        let Some(record) = app.notebook.get_any(id).ok().flatten() else { continue };
        if app.notebook.edited_beside_deletion(id).unwrap_or(false) {
            beside.push(record);
        } else if record.deleted_at().is_some()
            && let Ok(open @ 1..) = app.notebook.open_with(id)
        {
            hidden.push((id, show::title(app, &record), open));
        }
    }
    let alone = beside.iter().filter(|record| !comes_with_another(record, &beside));
    Came { beside: alone.map(|record| (record.id(), show::title(app, record))).collect(), hidden }
}

/// Whether this is a record of a person who is listed already under another one.
fn comes_with_another(record: &AnyRecord, all: &[AnyRecord]) -> bool {
    let AnyRecord::Contact(contact) = record else { return false };
    let mut others = all.iter().filter_map(|other| match other {
        AnyRecord::Contact(other) if other.id < contact.id => Some(other),
        _ => None,
    });
    others.any(|other| other.same_as.contains(&contact.id) || contact.same_as.contains(&other.id))
}

/// How a record is called in a sentence.
fn title(app: &App, id: RecordId) -> Result<String, Failure> {
    let record = app.notebook.get_any(id)?;
    Ok(record.map(|record| show::title(app, &record)).unwrap_or_else(|| "a record".into()))
}

/// Who changed what when.
pub(crate) fn history(app: &App, what: &[String]) -> Result<(), Failure> {
    let id = choose::record(app, &what.join(" "))?;
    let lines = app.notebook.history_as_shown(id)?;
    if app.json {
        return app.print_json(&lines);
    }
    let zone = app.notebook.zone()?;
    let mut before = String::new();
    for line in lines.iter().filter(|line| !line.field.is_empty() && line.field != "created_at") {
        let device = line.device.as_deref().map_or_else(|| "another device".into(), clean);
        let moment = format!("{}, {device}", days::moment(line.at, zone, app.today));
        if moment != before {
            app.line(styled(FAINT, &moment));
            before = moment;
        }
        app.line(layout::paragraph(&what_changed(app, line)?, "  ", "    ", app.width));
    }
    Ok(())
}

fn what_changed(app: &App, line: &HistoryLine) -> Result<String, Failure> {
    let field = field_words(&line.field);
    let member = line.field.split_once('/').map(|(_, member)| member).filter(|member| !member.contains('/'));
    Ok(match (&line.value, member) {
        (Some(Value::Bool(there)), Some(member)) => {
            let member = value_words(app, &Value::String(member.into()))?;
            format!("{field}: {}{member}", if *there { "+ " } else { "– " })
        }
        (Some(Value::Null), _) => format!("{field}: emptied"),
        (Some(value), _) => format!("{field}: {}", value_words(app, value)?),
        (None, _) => {
            let gone = if line.removed > 0 { format!(" – {} letters", line.removed) } else { String::new() };
            let added = if line.added.is_empty() { String::new() } else { format!(" + {}", clean(&line.added)) };
            format!("{field}:{added}{gone}")
        }
    })
}

/// A key as a person reads it: `affiliations/1f…/role` is the role of the affiliations.
fn field_words(key: &str) -> String {
    let mut parts = key.split('/');
    let field = parts.next().unwrap_or_default().replace('_', " ");
    match (parts.next(), parts.next()) {
        (Some(_), Some(part)) => format!("{field}, {}", part.replace('_', " ")),
        _ => field,
    }
}

/// A value as a person reads it: an id is the name of what it names.
fn value_words(app: &App, value: &Value) -> Result<String, Failure> {
    Ok(match value {
        Value::String(text) => match text.parse::<RecordId>() {
            Ok(id) => title(app, id)?,
            Err(_) => clean(text),
        },
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Null => "nothing".into(),
        other => clean(&other.to_string()),
    })
}

/// Lists fields with two values, or settles on one.
pub(crate) fn conflicts(app: &App, step: Option<&ConflictStep>) -> Result<(), Failure> {
    let mut conflicts = app.notebook.conflicts(MOST)?;
    for beside in app.notebook.edited_beside_deletions(MOST)? {
        if !conflicts.iter().any(|known| known.id == beside.id && known.key == beside.key) {
            conflicts.push(beside);
        }
    }
    match step {
        Some(ConflictStep::Choose { conflict, value }) => settle(app, &conflicts, *conflict, *value),
        None if app.json => app.print_json(&conflicts),
        None => list(app, &conflicts),
    }
}

fn list(app: &App, conflicts: &[Conflict]) -> Result<(), Failure> {
    if conflicts.is_empty() {
        app.out.aside("No field holds two values.");
    }
    for (at, conflict) in conflicts.iter().enumerate() {
        let title = if conflict.title.is_empty() { conflict.kind.replace('_', " ") } else { clean(&conflict.title) };
        let field = match conflict.key.as_str() {
            DELETED_AT => "deleted on one device and changed on another at the same time".into(),
            key => field_words(key),
        };
        app.line(layout::wrap(&format!("{:>3}  {}, {field}", at + 1, styled(STRONG, &title)), "     ", app.width));
        for (number, value) in conflict.values.iter().enumerate() {
            let shown = if number == 0 { "  (shown)" } else { "" };
            let words = format!("{}  {}{shown}", number + 1, choice_words(app, conflict, value)?);
            app.line(layout::wrap(&format!("       {words}"), "          ", app.width));
        }
    }
    Ok(())
}

/// A value that can be chosen.
fn choice_words(app: &App, conflict: &Conflict, value: &Value) -> Result<String, Failure> {
    Ok(match (conflict.key.as_str(), value.is_null()) {
        (DELETED_AT, true) => "back again, with the change".into(),
        (DELETED_AT, false) => "deleted".into(),
        _ => value_words(app, value)?,
    })
}

fn settle(app: &App, conflicts: &[Conflict], conflict: usize, value: usize) -> Result<(), Failure> {
    let missing = |what: &str, number: usize| {
        Failure::NotFound(format!("there is no {what} {number}; `kith conflicts` lists them. Nothing was changed"))
    };
    let found = conflict.checked_sub(1).and_then(|at| conflicts.get(at)).ok_or_else(|| missing("field", conflict))?;
    let chosen = value.checked_sub(1).and_then(|at| found.values.get(at)).ok_or_else(|| missing("value", value))?;
    app.notebook.choose(found.id, &found.key, chosen.clone())?;
    let words = choice_words(app, found, chosen)?;
    let said = match found.key.as_str() {
        DELETED_AT => format!("{}: {words}.", title(app, found.id)?),
        key => format!("{}: {words}.", field_words(key)),
    };
    app.done(found.id, &said)
}

/// Deletes a person for good, after showing what goes.
pub(crate) fn purge(app: &App, who: &[String], yes: bool) -> Result<(), Failure> {
    let id = anybody(app, who)?;
    let plan = app.notebook.purge_preview(id)?;
    if !yes {
        match app.json {
            true => app.print_json(&plan)?,
            false => announce(app, id, &plan)?,
        }
        if !app.can_ask() {
            return Err(Failure::Usage("nothing was deleted: nobody is here to say yes; repeat it with --yes".into()));
        }
        let name = if plan.name.trim().is_empty() { show::short_id(id) } else { clean(&plan.name) };
        let typed = choose::ask(app, &format!("Type \"{name}\" to delete for good: "))?;
        if clean(&typed) != name {
            return Err(Failure::Wrong("that is another name; nothing was deleted".into()));
        }
    }
    let purge = app.notebook.purge(id)?;
    if app.json {
        return app.print_json(&purge);
    }
    let records = days::count(purge.records, "record is", "records are");
    let backups = match app.notebook.device_settings()?.backup_folder {
        Some(folder) => format!("older backups still hold them, also those in {}", folder.display()),
        None => "older backups still hold them".into(),
    };
    app.out.confirm(layout::wrap(
        &format!("{records} gone for good from this notebook. Your other devices do the same when they sync; {backups}. What was synced stays in the mailboxes, sealed, until `kith renew`."),
        "",
        app.width,
    ));
    tell_if_words_remain(app)
}

/// The person these words mean, living or deleted: who was deleted can still be deleted for good.
fn anybody(app: &App, who: &[String]) -> Result<Id<Contact>, Failure> {
    let missing = match choose::person(app, &who.join(" ")) {
        Err(missing @ Failure::NotFound(_)) => missing,
        found => return found,
    };
    let mut people = app.notebook.deleted(MOST_DELETED)?;
    people.retain(|record| record.kind() == Kind::Contact);
    let lines = |record: &AnyRecord| show::title(app, record);
    match choose::matter(app, "deleted people", who, &matters(app, &people, lines)) {
        Ok(Some(id)) => Ok(Id::new(id)),
        Ok(None) | Err(Failure::NotFound(_)) => Err(missing),
        Err(failure) => Err(failure),
    }
}

/// Said when the file could not be written anew at once.
fn tell_if_words_remain(app: &App) -> Result<(), Failure> {
    if app.notebook.words_remain()? {
        let words = "The file keeps some of the old bytes for now: another program reads it, or there is no room to write it \
                     anew. The next `kith sync`, or whatever is written next, does that; `kith doctor` says if it is still \
                     to be done.";
        app.out.confirm(layout::wrap(words, "", app.width));
    }
    Ok(())
}

/// Puts other words into a record and forgets the old ones for good.
pub(crate) fn rewrite(app: &App, what: &str, old: &str, new: &str) -> Result<(), Failure> {
    let id = choose::record(app, what)?;
    let new_id = app.notebook.rewrite(id, old, new)?;
    app.done(new_id, &format!("Written anew: {}. The old words are gone from this notebook.", title(app, new_id)?))?;
    tell_if_words_remain(app)
}

fn announce(app: &App, id: Id<kith_core::model::Contact>, plan: &kith_core::notebook::Purge) -> Result<(), Failure> {
    let name = clean(&app.notebook.names(&[id])?);
    app.out
        .ask(&format!("{name}: {} and all history would go for good.", days::count(plan.records, "record", "records")));
    for (title, ids) in [
        ("These are also about others and stay, without the link:", &plan.shared),
        ("The words of these name them; `kith rewrite` takes the name out for good:", &plan.name_them),
    ] {
        if !ids.is_empty() {
            app.out.ask(title);
        }
        for id in ids {
            let record = app.notebook.get_any(*id)?;
            app.out.ask(&format!("  {}", record.map(|record| show::record_line(app, &record)).unwrap_or_default()));
        }
    }
    Ok(())
}
