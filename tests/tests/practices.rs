//! Practices as a person does them, one journey each. `docs/practices.md` says where in the program.
#![allow(clippy::unwrap_used, missing_docs)]

use chrono::NaiveDate;
use kith_core::model::*;
use kith_core::notebook::{Debrief, Notebook};
use tests::Device;

fn device() -> (tempfile::TempDir, Device) {
    let folder = tests::quick_folder();
    let device = Device::new(folder.path(), "phone", 21);
    (folder, device)
}

fn person(notebook: &Notebook, name: &str) -> Id<Contact> {
    notebook.put(Contact { name: name.into(), ..Contact::default() }).unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn what_was_given_has_a_kind_and_may_go_to_a_person_a_group_or_an_organisation() {
    let (_tmp, phone) = device();
    let group = phone.notebook.put(Group { name: "Chamber".into(), ..Group::default() }).unwrap();
    let organisation = phone.notebook.put(Organisation { name: "Acme".into(), ..Organisation::default() }).unwrap();
    let ann = person(&phone.notebook, "Ann");
    let give = |kind: ExchangeKind| Exchange { kind, words: "the quay plan".into(), ..Exchange::default() };
    let to_group = phone.notebook.exchange(Exchange { group: Some(group), ..give(ExchangeKind::Information) }).unwrap();
    let to_firm = Exchange { organisation: Some(organisation), ..give(ExchangeKind::Service) };
    phone.notebook.exchange(to_firm).unwrap();
    phone.notebook.exchange(Exchange { with: Some(ann), ..give(ExchangeKind::Introduction) }).unwrap();
    assert!(phone.notebook.exchange(give(ExchangeKind::Advice)).is_err(), "nothing is given to nobody");
    assert_eq!(phone.notebook.get(to_group).unwrap().unwrap().kind, ExchangeKind::Information);
    assert_eq!(phone.notebook.person(ann).unwrap().exchanges[0].kind, ExchangeKind::Introduction);
}

#[test]
fn practice_0_7_the_balance_between_two_people_is_said_in_words() {
    let (_tmp, phone) = device();
    let ann = person(&phone.notebook, "Ann");
    let ask = |on: &str| Ask { to: Some(ann), words: "who buys oak".into(), asked_on: Some(day(on)), ..Ask::default() };
    assert_eq!(phone.notebook.person(ann).unwrap().balance, "");
    let give = Exchange { with: Some(ann), on: Some(day("2026-01-01")), ..Exchange::default() };
    phone.notebook.exchange(give).unwrap();
    phone.notebook.put(ask("2026-02-01")).unwrap();
    phone.notebook.put(ask("2026-03-01")).unwrap();
    assert_eq!(phone.notebook.person(ann).unwrap().balance, "you asked twice since you last gave");
}

#[test]
fn practice_0_24_a_promise_keeps_its_words_its_day_and_what_became_of_it() {
    let (_tmp, phone) = device();
    let jotted = phone.notebook.jot_line("Ann Lee !bring the blue samples by 1 Dec").unwrap();
    let ann = jotted.contact.unwrap();
    let open = phone.notebook.open_promises(Some(ann)).unwrap();
    let promise = &open[0].record;
    assert_eq!((promise.words.as_str(), promise.due), ("bring the blue samples", Some(day("2026-12-01"))));
    phone.notebook.close_promise(promise.id, PromiseState::Kept, day("2026-12-03")).unwrap();
    let promise = phone.notebook.get(promise.id).unwrap().unwrap();
    assert_eq!((promise.state, promise.closed_on), (PromiseState::Kept, Some(day("2026-12-03"))));
    assert!(promise.closed_on > promise.due, "late is a question, not a state");
}

#[test]
fn practice_0_26_what_is_overdue_stands_at_the_top_of_today() {
    let (_tmp, phone) = device();
    phone.notebook.jot_line("Ann Lee !send the plan by tomorrow").unwrap();
    phone.notebook.jot_line("Bo Li !call back by 2026-11-01").unwrap();
    phone.notebook.jot_line("Cy Moe !think about the boat").unwrap();
    let owed = || phone.notebook.today_page().unwrap().i_owe.into_iter().map(|p| (p.name, p.record.due));
    assert_eq!(owed().map(|(name, _)| name).collect::<Vec<_>>(), ["Bo Li", "Ann Lee", "Cy Moe"]);
    phone.wait_seconds(24 * 60 * 60);
    let today = phone.notebook.today().unwrap();
    assert_eq!(owed().nth(1), Some(("Ann Lee".into(), Some(today))), "on the day it stands right behind what is late");
}

#[test]
fn what_is_promised_by_the_same_day_of_the_next_week_stands_on_today_at_once() {
    let (_tmp, phone) = device();
    phone.notebook.jot_line("Ann Lee !send the plan by sun").unwrap(); // it is a Sunday
    phone.notebook.jot_line("Bo Li !send the list by 2026-11-30").unwrap();
    let owed = phone.notebook.today_page().unwrap().i_owe;
    assert_eq!(
        owed.iter().map(|p| (p.name.as_str(), p.record.due)).collect::<Vec<_>>(),
        [("Ann Lee", Some(day("2026-11-29")))]
    );
}

#[test]
fn people_are_found_by_what_they_care_about() {
    let (_tmp, phone) = device();
    let ann = person(&phone.notebook, "Ann");
    phone.notebook.edit(ann, |c: &mut Contact| c.interests.push("letterpress".into())).unwrap();
    person(&phone.notebook, "Bo");
    let hits = phone.notebook.find("letterpress", 5).unwrap();
    assert_eq!(hits.iter().map(|hit| hit.title.as_str()).collect::<Vec<_>>(), ["Ann"]);
}

#[test]
fn a_meeting_says_how_it_took_place() {
    let (_tmp, phone) = device();
    let ann = person(&phone.notebook, "Ann");
    let meeting = Meeting { who: vec![ann], mode: Mode::Video, ..Meeting::default() };
    let id = phone.notebook.meet(meeting).unwrap();
    phone.notebook.edit(id, |meeting: &mut Meeting| meeting.mode = Mode::InPerson).unwrap();
    assert_eq!(phone.notebook.person(ann).unwrap().meetings[0].mode, Mode::InPerson);
}

#[test]
fn practice_1_29_an_offer_is_knowledge_expertise_or_a_contact() {
    let (_tmp, phone) = device();
    for kind in [OfferKind::Knowledge, OfferKind::Expertise, OfferKind::Person] {
        let offer = Offer { kind: kind.clone(), words: "harbour law".into(), ..Offer::default() };
        let id = phone.notebook.put(offer).unwrap();
        assert_eq!(phone.notebook.get(id).unwrap().unwrap().kind, kind);
    }
}

#[test]
fn practice_1_35_an_ask_is_for_advice_information_feedback_an_introduction_or_a_resource_and_is_answered() {
    let (_tmp, phone) = device();
    let ann = person(&phone.notebook, "Ann");
    let ask = Ask { to: Some(ann), kind: AskKind::Advice, words: "how to price oak".into(), ..Ask::default() };
    let id = phone.notebook.put(ask).unwrap();
    phone
        .notebook
        .edit(id, |ask: &mut Ask| {
            ask.answer = Answer::Partly;
            ask.answer_words = "by the year it was felled".into();
        })
        .unwrap();
    let asked = phone.notebook.person(ann).unwrap().asks.remove(0);
    assert_eq!((asked.answer, asked.answer_words.as_str()), (Answer::Partly, "by the year it was felled"));
    let kinds = ["advice", "introduction", "information", "feedback", "resource"];
    assert_eq!(AskKind::ALL.iter().map(AskKind::word).collect::<Vec<_>>(), kinds, "a job is not among them");
    for kind in AskKind::ALL {
        phone.notebook.put(Ask { to: Some(ann), kind: kind.clone(), words: "…".into(), ..Ask::default() }).unwrap();
    }
    let mut there: Vec<AskKind> = phone.notebook.person(ann).unwrap().asks.into_iter().map(|ask| ask.kind).collect();
    there.sort_by_key(|kind| AskKind::ALL.iter().position(|other| other == kind));
    there.dedup();
    assert_eq!(there, AskKind::ALL, "each is kept as what it is");
}

#[test]
fn practice_3_9_the_next_step_is_set_while_it_is_fresh() {
    let (_tmp, phone) = device();
    phone.notebook.start_event("Open night", "").unwrap();
    let ann = phone.notebook.jot_line("Ann Lee *").unwrap().contact.unwrap();
    let (next_step, next_step_on) = ("coffee at the quay".into(), Some(day("2026-11-27")));
    phone.notebook.debrief(ann, Debrief { next_step, next_step_on, ..Debrief::default() }).unwrap();
    let promise = phone.notebook.open_promises(Some(ann)).unwrap().remove(0).record;
    assert_eq!((promise.whose, promise.due), (Whose::Myself, Some(day("2026-11-27"))));
}

#[test]
fn practice_3_11_a_meeting_that_led_nowhere_still_leaves_a_takeaway() {
    let (_tmp, phone) = device();
    let ann = person(&phone.notebook, "Ann");
    let meeting = Meeting {
        who: vec![ann],
        outcome: Outcome::CrossedOff,
        takeaway: "they only lease".into(),
        ..Meeting::default()
    };
    phone.notebook.meet(meeting).unwrap();
    let meeting = phone.notebook.person(ann).unwrap().meetings.remove(0);
    assert_eq!((meeting.outcome, meeting.takeaway.as_str()), (Outcome::CrossedOff, "they only lease"));
}

#[test]
fn practice_3_14_a_struggle_a_goal_and_a_decision_are_three_things() {
    let (_tmp, phone) = device();
    let line = "Ann Lee ?struggles with customs ?wants to export to Norway ?deciding on a broker by 1 Dec";
    let ann = phone.notebook.jot_line(line).unwrap().contact.unwrap();
    let needs = phone.notebook.person(ann).unwrap().needs;
    let mut kinds: Vec<&NeedKind> = needs.iter().map(|need| &need.kind).collect();
    kinds.sort();
    assert_eq!(kinds, [&NeedKind::Struggle, &NeedKind::Goal, &NeedKind::Decision]);
    let today = phone.notebook.today_page().unwrap();
    assert_eq!(today.decisions[0].record.decide_on, Some(day("2026-12-01")), "a decision others take soon is on Today");
}

#[test]
fn practice_4_14_marks_in_a_line_become_promises_needs_offers_people_and_topics() {
    let (_tmp, phone) = device();
    let jotted = phone.notebook.jot_line("Ann Lee !send the map ?needs rope +knows sails @Bo Li #quay").unwrap();
    let page = phone.notebook.person(jotted.contact.unwrap()).unwrap();
    assert_eq!(
        (page.promises.len(), page.needs.len(), page.offers.len(), page.contact.tags),
        (1, 1, 1, vec!["quay".to_string()])
    );
    assert_eq!(
        phone.notebook.people(0, 10).unwrap().rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(),
        ["Ann Lee", "Bo Li"]
    );
}

#[test]
fn practice_4_11_what_they_light_up_about_is_kept_and_found() {
    let (_tmp, phone) = device();
    let ann = person(&phone.notebook, "Ann");
    phone.notebook.edit(ann, |c: &mut Contact| c.lights_up_about = "wooden ships".into()).unwrap();
    assert_eq!(phone.notebook.find("ships", 5).unwrap()[0].title, "Ann");
}

#[test]
fn a_need_heard_in_a_meeting_is_noted_with_it() {
    let (_tmp, phone) = device();
    let ann = person(&phone.notebook, "Ann");
    let interview = Meeting { who: vec![ann], kind: MeetingKind::Informational, ..Meeting::default() };
    let meeting = phone.notebook.meet(interview).unwrap();
    let need = Need { whose: Some(ann), meeting: Some(meeting), words: "a second berth".into(), ..Need::default() };
    phone.notebook.put(need).unwrap();
    assert_eq!(phone.notebook.person(ann).unwrap().needs[0].meeting, Some(meeting));
}

#[test]
fn practice_4_18_a_thank_you_that_was_sent_is_the_smallest_give() {
    let (_tmp, phone) = device();
    let ann = person(&phone.notebook, "Ann");
    phone.notebook.meet(Meeting { who: vec![ann], kind: MeetingKind::Lunch, ..Meeting::default() }).unwrap();
    let promise = phone.notebook.open_promises(Some(ann)).unwrap().remove(0).record;
    phone.notebook.close_promise(promise.id, PromiseState::Kept, day("2026-11-23")).unwrap();
    let given = phone.notebook.person(ann).unwrap().exchanges.remove(0);
    assert_eq!((given.direction, given.kind), (Direction::Gave, ExchangeKind::Thanks));
}
