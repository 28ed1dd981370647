//! The debrief queue: five questions about one new person at a time, while it is fresh.

use kith_core::model::Contact;
use kith_core::notebook::Debrief;

use crate::app::App;
use crate::failure::Failure;
use crate::layout::{self, STRONG, styled};
use crate::prompt::Lines;
use crate::{days, promises, show};

/// Most people in one go.
const MOST: u32 = 100;
const QUESTIONS: [&str; 5] = [
    "Where did you talk? ",
    "How will you recognise them? ",
    "What did you talk about? ",
    "What is still open between you? ",
    "What is the next step, and by when? ",
];

/// Goes through the queue.
pub(crate) fn debrief(app: &App) -> Result<(), Failure> {
    let queue = app.notebook.debrief_queue(MOST)?;
    if app.json {
        return app.print_json(&queue);
    }
    if queue.is_empty() {
        app.out.aside("Nobody waits for a debrief.");
        return Ok(());
    }
    let mut lines = Lines::open()?;
    if lines.is_typed() {
        let people = days::count(queue.len() as u64, "person", "people");
        app.out.aside(format!("{people}, five questions each. An empty answer skips, Ctrl-D stops."));
    }
    let mut done = 0;
    for contact in &queue {
        let (answers, ended) = ask(app, &mut lines, contact)?;
        if answers.iter().any(|answer| !answer.is_empty()) {
            app.notebook.debrief(contact.id, written(app, answers)?)?;
            done += 1;
        }
        if ended {
            break;
        }
    }
    let left = queue.len() as u64 - done;
    app.out.confirm(format!("{}, {left} left.", days::count(done, "debrief written", "debriefs written")));
    Ok(())
}

/// The answers of one person, and whether the input ended meanwhile.
fn ask(app: &App, lines: &mut Lines, contact: &Contact) -> Result<([String; 5], bool), Failure> {
    let met = contact.met_on.map(|day| format!(", met {}", days::day(day, app.today))).unwrap_or_default();
    let place = if contact.met_where.is_empty() { String::new() } else { format!(" at {}", contact.met_where) };
    // Somebody without a name is called by place and day already.
    let rest = if contact.name.is_empty() { String::new() } else { layout::clean(&format!("{met}{place}")) };
    app.out.aside(format!("\n{}{rest}", styled(STRONG, &show::name_of(app, contact))));
    let mut answers: [String; 5] = Default::default();
    for (answer, question) in answers.iter_mut().zip(QUESTIONS) {
        match lines.next(app, question)? {
            Some(line) => *answer = line.trim().to_string(),
            None => return Ok((answers, true)),
        }
    }
    Ok((answers, false))
}

fn written(app: &App, answers: [String; 5]) -> Result<Debrief, Failure> {
    let [place, recognise, thread, open_loop, next] = answers;
    let (next_step, next_step_on) = promises::with_its_day(app, &next)?;
    Ok(Debrief { place, recognise, thread, open_loop, next_step, next_step_on })
}
