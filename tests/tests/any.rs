//! Records whose kind is known only when they come: one form for many kinds, as a phone has it. And how whatever takes
//! long is taken back.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use kith_core::Error;
use kith_core::model::{
    AnyRecord, Contact, Event, Id, Kind, Meeting, Need, Note, Promise, PromiseKind, RecordId, Settings, Week, Whose,
};
use kith_core::notebook::{ExportForm, Notebook, Options};
use kith_core::sync::carrier::ShellFailure;
use kith_core::sync::identity::HandedOut;
use kith_core::sync::keystore::{KeyStore, MAX_SECRET, SecretShell, ShellKeyStore};
use tempfile::TempDir;

fn notebook() -> (TempDir, Notebook) {
    let folder = tempfile::tempdir().unwrap();
    let notebook = Notebook::open(folder.path().join("notebook.kith"), Options::default()).unwrap();
    (folder, notebook)
}

fn contact(notebook: &Notebook, line: &str) -> Id<Contact> {
    notebook.jot_line(line).unwrap().contact.unwrap()
}

#[test]
fn what_is_written_down_knows_its_day_and_its_event_and_keeps_what_it_says_itself() {
    let (_folder, notebook) = notebook();
    let event: Id<Event> = notebook.start_event("Chamber breakfast", "").unwrap();
    let today = notebook.today().unwrap();
    let words = "send the list".to_string();
    let id = notebook.write_down(Promise { words: words.clone(), whose: Whose::Myself, ..Promise::default() }.into());
    let promise = notebook.get::<Promise>(Id::new(id.unwrap())).unwrap().unwrap();
    assert_eq!((promise.made_on, promise.event), (Some(today), Some(event)));
    let earlier = today.pred_opt();
    let id = notebook.write_down(Promise { words, made_on: earlier, ..Promise::default() }.into()).unwrap();
    assert_eq!(notebook.get::<Promise>(Id::new(id)).unwrap().unwrap().made_on, earlier);
    for empty in [Kind::Promise, Kind::Need, Kind::Offer, Kind::Ask, Kind::Note, Kind::Meeting, Kind::Exchange] {
        assert!(matches!(notebook.write_down(AnyRecord::blank(empty)), Err(Error::Invalid(_))), "{empty:?}");
    }
    let who = vec![contact(&notebook, "Dana Ruiz")];
    notebook.write_down(Meeting { who: who.clone(), ..Meeting::default() }.into()).unwrap();
    let thanks = notebook.open_promises(Some(who[0])).unwrap();
    assert_eq!(thanks[0].record.kind, PromiseKind::ThankYou, "the rules of its kind hold");
}

#[test]
fn two_drafts_of_one_record_become_one_record_with_both() {
    let (_folder, notebook) = notebook();
    let id = notebook.put(Note { body: "customs".into(), ..Note::default() }).unwrap().raw();
    let drafts = [notebook.draft(id).unwrap(), notebook.draft(id).unwrap()];
    for (draft, body) in drafts.iter().zip(["likes customs", "customs and chess"]) {
        let AnyRecord::Note(note) = draft.record().clone() else { panic!("it is a note") };
        notebook.save(draft, Note { body: body.into(), ..note }.into()).unwrap();
    }
    assert_eq!(notebook.get::<Note>(Id::new(id)).unwrap().unwrap().body, "likes customs and chess");
    let other = notebook.put(Note::default()).unwrap();
    let other = notebook.get_any(other.raw()).unwrap().unwrap();
    assert!(
        matches!(notebook.save(&drafts[0], other), Err(Error::Invalid(_))),
        "another record is no draft of this one"
    );
}

#[test]
fn a_person_of_two_records_is_drafted_and_saved_as_one_person() {
    let (_folder, notebook) = notebook();
    let (a, b) = (contact(&notebook, "Dana Ruiz #lyon"), contact(&notebook, "D. Ruiz #chess +33612345678"));
    notebook.same(a, b).unwrap();
    let shown = notebook.person(a).unwrap().contact;
    let draft = notebook.draft(shown.id.raw()).unwrap();
    let AnyRecord::Contact(mut after) = draft.record().clone() else { panic!("it is a person") };
    assert_eq!(after, shown);
    after.nickname = "Dan".into();
    after.tags.retain(|tag| tag != "chess");
    notebook.save(&draft, after.into()).unwrap();
    let page = notebook.person(a).unwrap();
    assert_eq!((page.contact.nickname.as_str(), page.contact.tags), ("Dan", vec!["lyon".to_string()]));
    assert_eq!(page.contact.channels.len(), 1, "what the other record holds stays");
    notebook.not_same(a, b).unwrap();
    let tags: Vec<_> = [a, b].map(|id| notebook.get(id).unwrap().unwrap().tags).concat();
    assert_eq!(tags, ["lyon"], "each record kept its own part");
}

#[test]
fn what_exists_once_takes_the_id_of_its_name() {
    let (_folder, notebook) = notebook();
    let week = |plan: &str| Week { week: "2026-W47".into(), plan: plan.into(), ..Week::default() };
    let id = notebook.put_any(week("one coffee").into()).unwrap();
    assert_eq!(id, RecordId::of_singleton("week", "2026-W47"));
    assert_eq!(notebook.put_any(week("two coffees").into()).unwrap(), id);
    assert_eq!(notebook.put_any(Settings::default().into()).unwrap(), RecordId::of_singleton("settings", ""));
    assert_eq!(notebook.records(Kind::Week, false, 0, 10).unwrap().total, 1);
}

#[test]
fn a_list_of_any_kind_comes_page_by_page_to_its_end() {
    let (_folder, notebook) = notebook();
    for n in 0..7 {
        notebook.put(Need { words: format!("need {n}"), ..Need::default() }).unwrap();
    }
    let (mut from, mut seen) = (Some(0), Vec::new());
    while let Some(at) = from {
        let page = notebook.records(Kind::Need, false, at, 3).unwrap();
        assert_eq!(page.total, 7);
        seen.extend(page.rows.iter().map(AnyRecord::id));
        from = page.next;
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
    notebook.delete(seen[0]).unwrap();
    let totals = [false, true].map(|deleted| notebook.records(Kind::Need, deleted, 0, 10).unwrap().total);
    assert_eq!(totals, [6, 1]);
    assert!(notebook.records(Kind::Need, false, u32::MAX, u32::MAX).unwrap().rows.is_empty());
}

#[test]
fn people_of_one_name_stand_on_one_page_each() {
    let (_folder, notebook) = notebook();
    for n in 0..23 {
        let name = ["Ada", "Dana", "Dana", "Dana", "Eve"][n % 5];
        notebook.put(Contact { name: name.into(), ..Contact::default() }).unwrap();
    }
    let ids = |from, most| notebook.people(from, most).unwrap().rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let all = ids(0, 100);
    let mut sorted: Vec<_> =
        notebook.people(0, 100).unwrap().rows.into_iter().map(|row| (row.name.clone(), row.id)).collect();
    sorted.sort();
    assert_eq!(all, sorted.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), "by name, then by id");
    for most in 1..8 {
        let pages = (0..23).step_by(most).flat_map(|from| ids(from as u32, most as u32));
        assert_eq!(pages.collect::<Vec<_>>(), all, "{most} a page");
    }
    assert!(ids(23, 5).is_empty());
}

#[test]
fn an_import_taken_back_half_way_goes_on_with_the_same_file() {
    let (folder, notebook) = notebook();
    let book = folder.path().join("book.vcf");
    let card = |n| format!("BEGIN:VCARD\nVERSION:3.0\nFN:Person Number{n}\nEND:VCARD\n");
    std::fs::write(&book, (0..900).map(card).collect::<String>()).unwrap();
    let mut heard = 0;
    let stopped = notebook.import(&book, &mut |_, _| {
        heard += 1;
        if heard < 500 { Ok(()) } else { Err(Error::Cancelled) }
    });
    assert!(matches!(stopped, Err(Error::Cancelled)));
    let there = notebook.people(0, 1).unwrap().total;
    assert!((200..900).contains(&there), "{there} people");
    let report = notebook.import(&book, &mut |_, _| Ok(())).unwrap();
    assert_eq!(report.new, 900 - there);
    assert_eq!(notebook.people(0, 1).unwrap().total, 900);
}

#[test]
fn an_export_taken_back_leaves_no_file_and_is_known_by_its_beginning() {
    let (folder, notebook) = notebook();
    notebook.load_demo().unwrap();
    let to = folder.path().join("all.json");
    let stopped = notebook.export_file(&to, ExportForm::Json, true, &mut |_, _| Err(Error::Cancelled));
    assert!(matches!(stopped, Err(Error::Cancelled)) && !to.exists());
    let records = notebook.export_file(&to, ExportForm::Json, true, &mut |_, _| Ok(())).unwrap();
    assert!(kith_core::notebook::is_export(&to).unwrap());
    let again = notebook.export_file(&to, ExportForm::Json, true, &mut |_, _| Ok(()));
    assert!(matches!(again, Err(Error::Exists(_))), "no file is overwritten");
    let (_other, fresh) = self::notebook();
    let stopped = fresh.import_export(&to, &mut |done, _| if done < 9000 { Ok(()) } else { Err(Error::Cancelled) });
    assert!(matches!(stopped, Err(Error::Cancelled)));
    assert_eq!(fresh.sizes().unwrap().documents, 0, "half an export is none");
    assert_eq!(fresh.import_export(&to, &mut |_, _| Ok(())).unwrap().new, records);
}

/// A key store of a phone in some mood.
struct Phone(fn() -> Result<Option<Vec<u8>>, ShellFailure>);

impl SecretShell for Phone {
    fn read(&self, _: &str) -> Result<Option<Vec<u8>>, ShellFailure> {
        self.0()
    }
    fn write(&self, _: &str, _: &[u8]) -> Result<(), ShellFailure> {
        self.0().map(drop)
    }
    fn remove(&self, _: &str) -> Result<(), ShellFailure> {
        self.0().map(drop)
    }
}

#[test]
fn a_phone_whose_key_store_is_locked_lies_or_panics_is_an_error_and_never_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = |mood| ShellKeyStore::new(Phone(mood), HandedOut::at(folder.path().join("handed-out.json")));
    assert_eq!(store(|| Ok(Some(vec![7]))).get("key").unwrap().unwrap().as_slice(), [7]);
    assert!(store(|| Ok(None)).get("key").unwrap().is_none());
    for mood in [
        || Err(ShellFailure::NotThere),
        || Err(ShellFailure::Refused("locked".into())),
        || Ok(Some(vec![0; MAX_SECRET + 1])),
        || std::panic::panic_any("it panics"),
    ] {
        assert!(matches!(store(mood).get("key"), Err(Error::Storage(_))));
    }
    let good = store(|| Ok(None));
    assert!(matches!(good.get("No/Name"), Err(Error::Invalid(_))));
    assert!(matches!(good.put("key", &vec![0; MAX_SECRET + 1]), Err(Error::Invalid(_))));
    good.raise([1; 16], 7).unwrap();
    assert_eq!(good.highest([1; 16]).unwrap(), Some(7));
}
