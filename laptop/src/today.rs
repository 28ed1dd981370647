//! The page of today; five lines for whoever opens an empty notebook.

use chrono_tz::Tz;
use kith_core::query::pages::MAX_ROWS;
use kith_core::query::today::{MOST, More, TodayPage};
use kith_core::query::{PersonRow, Today};

use crate::app::App;
use crate::failure::Failure;
use crate::layout::{self, STRONG, clean, styled};
use crate::{days, person, show};

/// What to type next, for a newcomer.
const FIRST_LINES: [&str; 5] = [
    "This notebook is empty. Begin with somebody you met:",
    "  kith jot 'Dana Ruiz, Acme Logistics !send her the Lyon contact by tue ?a warehouse #lyon'",
    "  kith import FILE        people from an address book: vCard, Google, LinkedIn …",
    "  kith demo               forty made-up people to look around with",
    "  kith help               everything else",
];

/// Shows today: of each part the first, or all.
pub(crate) fn today(app: &App, all: bool) -> Result<(), Failure> {
    let answer = app.notebook.today_page_of(if all { i32::MAX as u32 } else { MOST })?;
    if app.json {
        return app.print_json(&answer);
    }
    let TodayPage { page, more } = answer;
    if let Some(removal) = app.notebook.removal()? {
        app.out.aside(layout::wrap(&format!("Note: {}.", crate::sync::removal_words(&removal)), "", app.width));
    }
    if app.notebook.is_empty()? {
        FIRST_LINES.iter().for_each(|line| app.line(line));
        return Ok(());
    }
    app.line(styled(STRONG, &days::short(page.day, page.day)));
    if let Some(event) = app.notebook.running_event()? {
        app.line(format!("{} runs: every jot belongs to it", clean(&event.title)));
    }
    let before = app.lines();
    let later = promises(app, &page, &more)?;
    others(app, &page, &more)?;
    if app.lines() == before {
        app.line("Nothing is due. A good day to write to somebody.");
    }
    if later > 0 {
        app.line(format!("\n{} a later day: kith keep", days::count(later, "promise has", "promises have")));
    }
    Ok(())
}

fn part(app: &App, title: &str, lines: Vec<String>, more: u64) {
    if !lines.is_empty() {
        show::heading(app, title);
        show::items(app, &lines);
        and_more(app, more);
    }
}

/// How many more there are, and how to see them.
fn and_more(app: &App, more: u64) {
    if more > 0 {
        let at_least = if more + u64::from(MOST) >= u64::from(MAX_ROWS) { "at least " } else { "" };
        app.line(format!("  and {at_least}{more} more: kith today --all"));
    }
}

/// Promises with the numbers that `kith keep` knows them by; answers how many are due later than the page reaches.
fn promises(app: &App, page: &Today, more: &More) -> Result<u64, Failure> {
    let numbered = app.notebook.open_promises(None)?;
    let parts = [("You promised", &page.i_owe, more.i_owe), ("They promised", &page.they_owe, more.they_owe)];
    for (title, list, more) in parts {
        if list.is_empty() {
            continue;
        }
        show::heading(app, title);
        for with in list {
            let number = numbered.iter().position(|other| other.record.id == with.record.id);
            let number = number.map(|at| (at + 1).to_string()).unwrap_or_default();
            let line = show::promise(app, &with.record, &with.name);
            app.line(layout::paragraph(&line, &format!("{number:>3}  "), "     ", app.width));
        }
        and_more(app, more);
    }
    let shown = (page.i_owe.len() + page.they_owe.len()) as u64 + more.i_owe + more.they_owe;
    Ok((numbered.len() as u64).saturating_sub(shown))
}

fn others(app: &App, page: &Today, more: &More) -> Result<(), Failure> {
    let zone = app.notebook.zone()?;
    let name = |name: &str| clean(name);
    part(
        app,
        "Reminders",
        page.reminders
            .iter()
            .map(|with| {
                let kith_core::query::today::DueReminder { day, words } = &with.record;
                format!("{} — {}, {}", clean(words), name(&with.name), days::due(*day, app.today))
            })
            .collect(),
        more.reminders,
    );
    meetings(app, page, zone, more.meetings);
    part(
        app,
        "They decide soon",
        page.decisions
            .iter()
            .map(|with| {
                let when = with.record.decide_on.map(|day| days::day(day, app.today)).unwrap_or_default();
                format!("{} — {}, {when}", clean(&with.record.words), name(&with.name))
            })
            .collect(),
        more.decisions,
    );
    part(
        app,
        "Introductions under way",
        page.introductions
            .iter()
            .map(|with| format!("{} — {}", name(&with.name), person::how_far(app, &with.record)))
            .collect(),
        more.introductions,
    );
    part(
        app,
        "Asked, and no answer yet",
        page.asks
            .iter()
            .map(|with| {
                let when = with.record.asked_on.map(|day| days::day(day, app.today)).unwrap_or_default();
                format!("{} — {}, {when}", clean(&with.record.words), name(&with.name))
            })
            .collect(),
        more.asks,
    );
    part(
        app,
        "Birthdays",
        page.birthdays
            .iter()
            .map(|birthday| format!("{}, {}", called(&birthday.person), days::day(birthday.on, app.today)))
            .collect(),
        more.birthdays,
    );
    part(
        app,
        "A coffee with",
        page.coffee
            .iter()
            .map(|coffee| {
                format!(
                    "{} — {}",
                    called(&coffee.person),
                    coffee.reasons.iter().map(|r| clean(r)).collect::<Vec<_>>().join("; ")
                )
            })
            .collect(),
        0,
    );
    if page.to_debrief > 0 {
        let people = days::count(page.to_debrief, "new person waits", "new people wait");
        app.line(format!("\n{people} for a debrief: kith debrief"));
    }
    if page.conflicts > 0 {
        let fields = days::count(page.conflicts, "record holds", "records hold");
        app.line(format!("\n≠ {fields} two values from two devices: kith conflicts"));
    }
    Ok(())
}

/// Meetings ahead, each with what was prepared for it.
fn meetings(app: &App, page: &Today, zone: Tz, more: u64) {
    if !page.meetings.is_empty() {
        show::heading(app, "Meetings");
    }
    for with in &page.meetings {
        let line = format!("{} — {}", show::meeting(app, &with.record, zone), clean(&with.name));
        app.line(layout::paragraph(&line, "  · ", "    ", app.width));
        for line in show::preparation(&with.record) {
            app.line(layout::paragraph(&line, "      ", "        ", app.width));
        }
    }
    and_more(app, more);
}

/// A name with the organisation.
fn called(row: &PersonRow) -> String {
    let work = show::work(row);
    let name = if row.name.is_empty() { "someone".into() } else { clean(&row.name) };
    if work.is_empty() { name } else { format!("{name} ({work})") }
}
