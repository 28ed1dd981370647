//! The stories of `tests/vectors` from Rust; Kotlin, Swift and Python tell the same ones on the other side of the boundary.
//! What a story is says `tests/vectors/README.md`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // a failure here fails the test, and says which step

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, NaiveDate};
use kith_bindings::{
    KeyRing, KithError, Mailbox, Notebook, PhoneClock, Result, Run, ShellFailure, Surroundings, blank, is_export,
    restore_backup,
};
use kith_core::model::{AnyRecord, Id, Kind, PromiseState, RecordId, Settings};
use kith_core::notebook::{Debrief, DeviceSettings, ExportForm, IntroductionStep, Joining};
use kith_core::query::PeopleFilter;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// One test a story, so that each is counted and can be run alone.
macro_rules! stories {
    ($($name:ident)*) => {
        $(#[test] fn $name() { tell(stringify!($name)); })*
        const STORIES: &[&str] = &[$(stringify!($name)),*];
    };
}

stories! {
    a_backup_is_restored_with_its_passphrase
    a_damaged_file_in_the_mailbox_is_put_there_again
    a_debrief_sets_the_next_step
    a_deletion_is_undone
    a_field_with_two_values_shows_both_until_one_is_chosen
    a_line_jotted_at_an_event_belongs_to_it
    a_note_two_devices_write_in_is_merged
    a_notebook_goes_out_as_json_and_comes_back
    a_person_is_purged_here_and_on_every_device
    a_promise_kept_late_is_kept
    a_table_of_contacts_is_listed_page_by_page
    an_address_book_comes_in_after_a_dry_run_and_goes_again
    days_are_read_from_words
    names_of_any_length_and_script_come_back_as_they_were
    one_page_says_why_and_what_to_bring_to_a_coffee
    overdue_promises_lead_the_day_week_after_week
    people_leave_as_cards_without_what_is_private
    search_forgives_accents_and_typos
    the_day_follows_the_zone_of_the_settings
    the_key_is_renewed_and_every_device_reads_on
    today_gathers_everything_that_is_due
    two_devices_change_one_person_and_both_changes_stay
    two_records_of_one_person_become_one_and_two_again
    what_a_newer_version_wrote_is_kept_or_counted
    what_a_removed_device_writes_is_kept_back
    what_goes_wrong_has_a_kind
    what_they_need_and_offer_is_remembered_and_found
    who_was_deleted_here_and_changed_there_is_told
    with_the_recovery_key_a_new_device_is_let_in
    words_are_taken_out_of_a_note_for_good
}

#[test]
fn all_stories_are_told() {
    let mut there: Vec<String> =
        fs::read_dir(vectors()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    there.retain(|name| name.ends_with(".json"));
    there.sort();
    println!("{} stories", there.len());
    assert_eq!(there, STORIES.iter().map(|name| format!("{name}.json")).collect::<Vec<_>>());
    assert_eq!(there.len(), 30);
}

#[test]
fn what_nobody_knows_fails_the_runner() {
    let nobody = "00000000000000000000000000000001";
    let unknown = [
        ("dance", json!({ "do": "dance" })),
        ("twice", json!({ "do": "today", "twice": true })),
        ("twice", json!({ "do": "today", "with": { "twice": true } })),
        ("dreamt", json!({ "do": "close_promise", "with": { "id": nobody, "state": "dreamt", "day": "2026-11-22" } })),
        ("danced", json!({ "do": "advance_introduction", "with": { "id": nobody, "step": "danced" } })),
        ("knots", json!({ "do": "export_file", "with": { "file": "all", "form": "knots", "private": true } })),
        ("misspelt", json!({ "do": "today_page", "expect": { "misspelt": [] } })),
        ("misspelt", json!({ "do": "device_settings", "expect": { "misspelt.lock": false } })),
        (
            "misspelt",
            json!({ "do": "parse_jot", "with": { "line": "Dana" }, "expect": { "spans": [{ "misspelt": "" }] } }),
        ),
        ("twice", json!({ "do": "person_page", "with": { "id": nobody, "twice": true }, "fails": "NotFound" })),
    ];
    for (word, step) in unknown {
        let mut world = World::new("2026-11-22T09:00:00Z", BTreeMap::new());
        let step = With(step.as_object().unwrap().clone());
        let told = catch_unwind(AssertUnwindSafe(|| world.step("a step", step)));
        let why = *told.expect_err(word).downcast::<String>().unwrap();
        assert!(why.contains(word), "{why}");
    }
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

fn tell(name: &str) {
    let text = fs::read_to_string(vectors().join(format!("{name}.json"))).unwrap();
    let mut story = With(serde_json::from_str(&text).unwrap());
    let _words: String = story.take("story");
    let mut world = World::new(&story.take::<String>("now"), story.or("names", BTreeMap::new()));
    let steps: Vec<With> = story.take("steps");
    assert!(story.0.is_empty(), "{name} has {story:?}");
    for (number, step) in steps.into_iter().enumerate() {
        world.step(&format!("{name}, step {}", number + 1), step);
    }
}

/// The devices of a story, the folder they share, and the names that were given to ids.
struct World {
    folder: tempfile::TempDir,
    clock: Arc<Clock>,
    names: BTreeMap<String, String>,
    notebooks: BTreeMap<String, Arc<Notebook>>,
    mailbox: Arc<Mailbox>,
}

impl World {
    fn new(now: &str, names: BTreeMap<String, String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("mailbox")).unwrap();
        let mailbox = Mailbox::in_folder(folder.path().join("mailbox")).unwrap();
        mailbox.prepare(run()).unwrap();
        let clock = Arc::new(Clock(AtomicI64::new(unix_ms(now))));
        Self { folder, clock, names, notebooks: BTreeMap::new(), mailbox }
    }

    fn step(&mut self, place: &str, mut step: With) {
        let (doing, device): (String, String) = (step.take("do"), step.or("device", "phone".into()));
        let with = step.or("with", json!({}));
        let mut with = With(self.meant(with).as_object().unwrap().clone());
        let name: Option<String> = step.or("as", None);
        let (fails, expect): (Option<String>, _) = (step.or("fails", None), step.0.remove("expect"));
        assert!(step.0.is_empty(), "{place}: a step has no {step:?}");
        let answer = self.do_it(&doing, &device, &mut with);
        let failed = answer.as_ref().err().map(|error| format!("{error:?}").split('(').next().unwrap().to_string());
        assert_eq!(failed, fails, "{place}: {answer:?}");
        assert!(with.0.is_empty(), "{place}: {doing} knows no {with:?}");
        let Ok(answer) = answer else { return };
        if let Some(name) = name {
            self.names.insert(name, bound(&answer));
        }
        let Some(expect) = expect else { return };
        let seen = match expect.as_object() {
            Some(paths) => paths.keys().map(|path| (path.clone(), at(&answer, path))).collect::<Map<_, _>>().into(),
            None => answer,
        };
        all_there(&seen, &expect);
        assert_eq!(self.compared(seen), self.compared(expect), "{place}");
    }

    /// What is handed over: `$dana` is the id of that name.
    fn meant(&self, value: Value) -> Value {
        match value {
            Value::Array(list) => list.into_iter().map(|one| self.meant(one)).collect(),
            Value::Object(map) => {
                map.into_iter().map(|(key, one)| (key, self.meant(one))).collect::<Map<_, _>>().into()
            }
            Value::String(text) => text.strip_prefix('$').map_or(text.clone(), |name| self.names[name].clone()).into(),
            other => other,
        }
    }

    /// With names instead of ids, without ids that have no name, and what is empty as nothing.
    fn compared(&self, value: Value) -> Value {
        let value = match value {
            Value::Array(list) => list.into_iter().map(|one| self.compared(one)).collect(),
            Value::Object(map) => {
                let pairs = map.into_iter().map(|(key, one)| (key, self.compared(one)));
                pairs.filter(|(_, one)| !one.is_null()).collect::<Map<_, _>>().into()
            }
            Value::String(text) => match self.names.iter().find(|(_, id)| **id == text) {
                Some((name, _)) => format!("${name}").into(),
                None if is_id(&text) => Value::Null,
                None => text.into(),
            },
            other => other,
        };
        let nothing = [json!([]), json!({}), json!(""), json!(0), json!(false)];
        if nothing.contains(&value) { Value::Null } else { value }
    }

    fn file(&self, name: String) -> PathBuf {
        self.folder.path().join(name)
    }

    fn home(&self, device: &str) -> PathBuf {
        let home = self.folder.path().join(device);
        fs::create_dir_all(&home).unwrap();
        home
    }

    fn keys(&self, device: &str) -> Arc<KeyRing> {
        KeyRing::in_folder(self.home(device).join("secrets")).unwrap()
    }

    fn notebook(&mut self, device: &str) -> Result<Arc<Notebook>> {
        if let Some(notebook) = self.notebooks.get(device) {
            return Ok(notebook.clone());
        }
        let here = Surroundings { device: device.into(), zone: "Europe/Paris".into() };
        let notebook = Notebook::open(self.home(device).join("notebook.kith"), here, Some(self.clock.clone()))?;
        self.notebooks.insert(device.into(), notebook.clone());
        Ok(notebook)
    }

    /// Does one thing: what is no function of the library first.
    fn do_it(&mut self, doing: &str, device: &str, with: &mut With) -> Result<Value> {
        match doing {
            "clock" => self.clock.0.store(unix_ms(&with.take::<String>("now")), Ordering::Relaxed),
            "write_file" => {
                let lines: Vec<String> = with.take("lines");
                fs::write(self.file(with.take("name")), lines.join("\n") + "\n").unwrap();
            }
            "write_export" => {
                let (version, records): (u64, Value) = (with.take("version"), with.take("records"));
                let export = json!({ "format": "kith-notebook", "version": version, "records": records });
                fs::write(self.file(with.take("name")), export.to_string()).unwrap();
            }
            "lines_of" => {
                let beginning: Vec<String> = with.take("beginning");
                let text = fs::read_to_string(self.file(with.take("name"))).unwrap();
                let lines = text.lines().filter(|line| beginning.iter().any(|one| line.starts_with(one)));
                return said(lines.collect::<Vec<_>>());
            }
            "records_of" => {
                let text = fs::read_to_string(self.file(with.take("name"))).unwrap();
                let (mut export, kind): (Value, Value) = (serde_json::from_str(&text).unwrap(), with.take("kind"));
                let records = export["records"].as_array_mut().unwrap();
                records.retain(|record| record["record"] == kind);
                return said(records);
            }
            "damage" => return said(damage(&self.folder.path().join("mailbox"), &with.take::<String>("ending"))),
            "pair" => return said(self.pair(device, &with.take::<String>("new"))?),
            "is_export" => return said(is_export(self.file(with.take("file")))?),
            "restore_backup" => {
                let to = self.home(device).join("notebook.kith");
                restore_backup(self.file(with.take("file")), to, with.or("passphrase", None), run())?;
            }
            _ => {
                let notebook = self.notebook(device)?;
                return self.ask(doing, &notebook, self.keys(device), with);
            }
        }
        said(())
    }

    fn pair(&mut self, host: &str, guest: &str) -> Result<String> {
        let (old, new, mailbox) = (self.notebook(host)?, self.notebook(guest)?, self.mailbox.clone());
        let (old_keys, new_keys) = (self.keys(host), self.keys(guest));
        let code = old.invite(mailbox.clone(), old_keys.clone(), run())?;
        assert_eq!(new.join(mailbox.clone(), new_keys.clone(), Some(code.clone()), run())?, Joining::Knocked);
        assert!(old.request_to_join(mailbox.clone(), old_keys.clone(), run())?.is_none());
        let asked = new.join(mailbox.clone(), new_keys.clone(), Some(code), run())?;
        let digits = old.request_to_join(mailbox.clone(), old_keys.clone(), run())?.unwrap().digits;
        assert_eq!(asked, Joining::Asked { digits: digits.clone() }, "both show the same digits");
        let name = old.admit(mailbox.clone(), old_keys, digits, run())?.expect("both have said yes");
        new.join(mailbox.clone(), new_keys.clone(), None, run())?;
        new.sync(mailbox, new_keys, run())?;
        Ok(name)
    }

    /// Asks the library, by the names of its functions.
    fn ask(&self, doing: &str, notebook: &Notebook, keys: Arc<KeyRing>, with: &mut With) -> Result<Value> {
        match doing {
            "change" => said(change(notebook, with)?),

            "parse_jot" => {
                let parsed = notebook.parse_jot(with.take("line"))?;
                let spans = parsed.spans.iter().map(|span| json!({ "kind": word(&span.kind), "text": span.text }));
                said(json!({ "spans": spans.collect::<Vec<_>>(), "draft": parsed.draft }))
            }
            "jot_line" => said(notebook.jot_line(with.take("line"))?),
            "start_event" => said(notebook.start_event(with.take("title"), with.take("place"))?),
            "running_event" => said(notebook.running_event()?),
            "stop_event" => said(notebook.stop_event()?),
            "debrief_queue" => said(notebook.debrief_queue(with.take("most"))?),
            "debrief" => {
                let debrief = Debrief {
                    place: String::new(),
                    recognise: with.take("recognise"),
                    thread: with.take("thread"),
                    open_loop: with.take("open_loop"),
                    next_step: with.take("next_step"),
                    next_step_on: with.day("next_step_on")?,
                };
                said(notebook.debrief(with.id("id")?, debrief)?)
            }
            "open_promises" => {
                let with = if with.0.is_empty() { None } else { Some(with.id("contact")?) };
                said(notebook.open_promises(with)?)
            }
            "close_promise" => {
                let state = match with.take::<String>("state").as_str() {
                    "kept" => PromiseState::Kept,
                    "released" => PromiseState::Released,
                    "broken" => PromiseState::Broken,
                    unknown => unreachable!("nobody knows the state {unknown:?}"),
                };
                said(notebook.close_promise(with.id("id")?, state, with.day("day")?.unwrap())?)
            }
            "introduce" => said(notebook.introduce(with.id("a")?, with.id("b")?, with.take("why"))?),
            "advance_introduction" => {
                let step = match with.take::<String>("step").as_str() {
                    "agreed" => IntroductionStep::Agreed(with.id("words")?),
                    "made" => IntroductionStep::Made,
                    "talked" => IntroductionStep::Talked,
                    "outcome" => IntroductionStep::Outcome(with.take("words")),
                    unknown => unreachable!("nobody knows the step {unknown:?}"),
                };
                said(notebook.advance_introduction(with.id("id")?, step)?)
            }
            "day_ahead" => said(notebook.day_ahead(with.take("typed"))?),
            "day_behind" => said(notebook.day_behind(with.take("typed"))?),

            "today" => said(notebook.today()?),
            "today_page" => said(notebook.today_page()?),
            "person_page" => said(notebook.person_page(with.id("id")?)?),
            "group_page" => said(notebook.group_page(with.id("id")?)?),
            "people" => {
                let (tag, organisation) = (with.or("tag", String::new()), with.or("organisation", String::new()));
                let filter =
                    PeopleFilter { tag, organisation, event: String::new(), deleted: with.or("deleted", false) };
                said(notebook.people(filter, with.or("first", 0), with.or("most", 50))?)
            }
            "find" => said(notebook.find(with.take("typed"), 20)?),
            "contacts_meant" => said(notebook.contacts_meant(with.take("typed"), 10)?),
            "names" => said(notebook.names(with.ids("people")?)?),

            "write_note" => {
                let AnyRecord::Note(mut note) = blank(Kind::Note)? else { unreachable!("a blank note is a note") };
                (note.body, note.about) = (with.take("body"), with.ids("about")?);
                said(notebook.write_down(AnyRecord::Note(note))?)
            }
            "write_promise" => {
                let AnyRecord::Promise(mut promise) = blank(Kind::Promise)? else { unreachable!("it is a promise") };
                (promise.words, promise.due) = (with.take("words"), with.day("due")?);
                said(notebook.write_down(AnyRecord::Promise(promise))?)
            }
            "set_zone" => {
                let zone = with.take::<String>("zone").parse().map_err(invalid)?;
                said(notebook.put(AnyRecord::Settings(Settings { zone: Some(zone), ..notebook.settings()? }))?)
            }
            "set_currency" => {
                let currency = with.take("currency");
                said(notebook.put(AnyRecord::Settings(Settings { currency, ..notebook.settings()? }))?)
            }
            "settings" => said(notebook.settings()?),
            "record" => said(notebook.record(with.id::<()>("id")?.raw())?.map(|record| record.to_map())),
            "delete" => said(notebook.delete(with.id::<()>("id")?.raw())?),
            "deleted" => said(notebook.deleted(50)?.iter().map(AnyRecord::to_map).collect::<Vec<_>>()),
            "bring_back" => said(notebook.bring_back(with.id::<()>("id")?.raw())?),
            "edited_beside_deletion" => said(notebook.edited_beside_deletion(with.id::<()>("id")?.raw())?),
            "undo" => said(notebook.undo(run()).map(drop)?),
            "history" => {
                said(notebook.history(with.id::<()>("id")?.raw(), with.or("first", 0), with.or("most", 50))?)
            }
            "conflicts" => said(notebook.conflicts(10)?),
            "choose" => said(notebook.choose(with.id::<()>("id")?.raw(), with.take("key"), with.take("value"))?),
            "same" => said(notebook.same(with.id("a")?, with.id("b")?)?),
            "not_same" => said(notebook.not_same(with.id("a")?, with.id("b")?)?),
            "purge_preview" => said(notebook.purge_preview(with.id("id")?)?),
            "purge" => said(notebook.purge(with.id("id")?)?),
            "rewrite" => said(notebook.rewrite(with.id::<()>("id")?.raw(), with.take("old"), with.take("new"))?),

            "import_preview" => said(notebook.import_preview(self.file(with.take("file")), run())?),
            "import_file" => said(notebook.import_file(self.file(with.take("file")), run())?),
            "imports" => said(notebook.imports()?),
            "undo_import" => said(notebook.undo_import(with.id("id")?, run())?),
            "import_export" => said(notebook.import_export(self.file(with.take("file")), run())?),
            "export_file" => {
                let form = match with.take::<String>("form").as_str() {
                    "json" => ExportForm::Json,
                    "vcards" => ExportForm::Vcards,
                    unknown => unreachable!("nobody knows the form {unknown:?}"),
                };
                said(notebook.export_file(self.file(with.take("file")), form, with.take("private"), run())?)
            }
            "backup" => said(notebook.backup(self.file(with.take("file")), with.or("passphrase", None), run())?),
            "device_settings" => said(notebook.device_settings()?),
            "set_device_settings" => {
                let backup_folder = with.or("backup_folder", None::<String>).map(|name| self.file(name));
                let (notifications, lock) = (with.or("notifications", false), with.or("lock", false));
                said(notebook.set_device_settings(DeviceSettings { notifications, lock, backup_folder })?)
            }
            "backup_if_due" => said(notebook.backup_if_due(run())?.is_some()),
            "check_up" => said(notebook.check_up(run())?),
            "rebuild" => said(notebook.rebuild(run())?),
            "tidy_all" => said(notebook.tidy_all(run())?),
            "shut" => said(notebook.shut()?),

            "sync" => said(notebook.sync(self.mailbox.clone(), keys, run())?),
            "join" => said(notebook.join(self.mailbox.clone(), keys, Some(with.take("code")), run()).map(drop)?),
            "devices" => said(notebook.devices(keys)?),
            "remove_device" => said(notebook.remove_device(keys, with.take("device"))?),
            "remove_device_as" => {
                said(notebook.remove_device_as(keys, with.take("recovery_key"), with.take("device"))?)
            }
            "kept_back" => said(notebook.kept_back(keys)?),
            "drop_kept_back" => said(notebook.drop_kept_back(keys, with.take("device"))?),
            "make_recovery_key" => said(notebook.make_recovery_key(self.mailbox.clone(), keys, None, run())?),
            "recover" => said(notebook.recover(self.mailbox.clone(), keys, with.take("recovery_key"), run())?),
            "renew" => said(notebook.renew(keys, run())?),
            "renewal_waits_for" => said(notebook.renewal_waits_for(keys)?),
            unknown => unreachable!("nobody knows how to do {unknown:?}"),
        }
    }
}

/// For work that nobody takes back.
fn run() -> Arc<Run> {
    Run::new().unwrap()
}

/// Changes one field of a record, as a screen does: on top of what was seen when the draft began.
fn change(notebook: &Notebook, with: &mut With) -> Result<()> {
    let draft = notebook.draft(with.id::<()>("id")?.raw())?;
    let before = draft.record()?;
    let (mut fields, field): (_, String) = (before.to_map(), with.take("field"));
    let known: &[&str] = match before.kind() {
        Kind::Note => &["body"],
        Kind::Contact => &["nickname", "recognise", "about", "tags"],
        _ => &[],
    };
    assert!(known.contains(&field.as_str()), "nobody knows how to change {field:?} of {:?}", before.kind());
    fields.insert(field, with.take("to"));
    notebook.save(draft, AnyRecord::from_map(before.kind(), fields))
}

/// Writes over every file of this ending, and says how many those are.
fn damage(folder: &Path, ending: &str) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| match path.is_dir() {
            true => damage(&path, ending),
            false if path.to_string_lossy().ends_with(ending) => {
                fs::write(path, b"damaged ".repeat(20)).map(|()| 1).unwrap()
            }
            false => 0,
        })
        .sum()
}

/// What a step hands over; whatever is taken is gone, so that what nobody knows is noticed.
#[derive(Debug, serde::Deserialize)]
struct With(Map<String, Value>);

impl With {
    fn take<T: DeserializeOwned>(&mut self, key: &str) -> T {
        serde_json::from_value(self.0.remove(key).unwrap_or_else(|| unreachable!("{key} is missing"))).unwrap()
    }

    fn or<T: DeserializeOwned>(&mut self, key: &str, other: T) -> T {
        self.0.remove(key).map_or(other, |value| serde_json::from_value(value).unwrap())
    }

    fn id<R>(&mut self, key: &str) -> Result<Id<R>> {
        read_id(&self.take::<String>(key))
    }

    fn ids<R>(&mut self, key: &str) -> Result<Vec<Id<R>>> {
        self.take::<Vec<String>>(key).iter().map(|text| read_id(text)).collect()
    }

    fn day(&mut self, key: &str) -> Result<Option<NaiveDate>> {
        self.or(key, None::<String>).map(|text| text.parse().map_err(invalid)).transpose()
    }
}

/// On the other side of the boundary an id is text, and what is no id is refused as it crosses.
fn read_id<R>(text: &str) -> Result<Id<R>> {
    Ok(Id::new(text.parse::<RecordId>().map_err(invalid)?))
}

fn invalid(why: impl ToString) -> KithError {
    KithError::Invalid(why.to_string())
}

struct Clock(AtomicI64);

impl PhoneClock for Clock {
    fn unix_ms(&self) -> std::result::Result<i64, ShellFailure> {
        Ok(self.0.load(Ordering::Relaxed))
    }
}

fn unix_ms(text: &str) -> i64 {
    text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis()
}

/// An answer as JSON has it.
fn said(answer: impl Serialize) -> Result<Value> {
    Ok(plain(serde_json::to_value(answer).unwrap()))
}

/// What the core writes as one text, a moment and its zone, are two fields on the other side.
fn plain(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().map(plain).collect(),
        Value::Object(map) => map.into_iter().map(|(key, one)| (key, plain(one))).collect::<Map<_, _>>().into(),
        Value::String(text) => match text.strip_suffix(']').and_then(|text| text.split_once("Z[")) {
            Some((at, zone)) => json!({ "at": format!("{at}Z"), "zone": zone }),
            None => text.into(),
        },
        other => other,
    }
}

/// The name of a variant in small letters: `promise_mine`.
fn word(variant: &impl std::fmt::Debug) -> String {
    let name = format!("{variant:?}");
    let parts = name.char_indices().map(|(at, c)| match c.is_uppercase() && at > 0 {
        true => format!("_{}", c.to_lowercase()),
        false => c.to_lowercase().to_string(),
    });
    parts.collect()
}

/// The id in an answer: the answer itself, its id, or that of its first row.
fn bound(answer: &Value) -> String {
    match answer {
        Value::String(id) => id.clone(),
        Value::Array(rows) => bound(&rows[0]),
        _ => ["id", "contact", "record", "import"]
            .iter()
            .find_map(|key| answer.get(key).filter(|id| !id.is_null()).map(bound))
            .unwrap(),
    }
}

/// What stands at the end of a path; below a list, of each of its members, and below nothing nothing.
fn at(value: &Value, path: &str) -> Value {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    match value {
        Value::Array(list) => list.iter().map(|one| at(one, path)).collect(),
        Value::Null => Value::Null,
        _ if path.is_empty() => value.clone(),
        _ => at(named(value, first), rest),
    }
}

/// What has this name in an answer. In Rust a record leaves out its fields that are empty, as it does on no other side: such a
/// name has to be that of some field at least.
fn named<'a>(answer: &'a Value, name: &str) -> &'a Value {
    static NOTHING: Value = Value::Null;
    let is_known = || include_str!("../api.txt").contains(&format!(" {name}: "));
    let nothing = || if is_known() { &NOTHING } else { unreachable!("there is no {name} in {answer}") };
    answer.get(name).unwrap_or_else(nothing)
}

/// Fails where a story names what is not there: a name that is misspelt would pass for nothing.
fn all_there(seen: &Value, expect: &Value) {
    match (seen, expect) {
        (Value::Array(seen), Value::Array(expect)) => {
            seen.iter().zip(expect).for_each(|(seen, expect)| all_there(seen, expect));
        }
        (Value::Object(_), Value::Object(expect)) => {
            expect.iter().for_each(|(key, expect)| all_there(named(seen, key), expect));
        }
        _ => {}
    }
}

fn is_id(text: &str) -> bool {
    [32, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
