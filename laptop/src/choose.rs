//! Who a word means. When several fit they are listed with numbers; on a terminal one is asked for, else that is the end.

use std::io::{self, Write};

use chrono::NaiveDate;
use kith_core::model::{Contact, Id};

use crate::app::App;
use crate::failure::Failure;
use crate::layout;
use crate::show;

/// Most people listed when a word fits several.
const MOST: usize = 30;

/// The one person these words mean.
pub(crate) fn person(app: &App, words: &str) -> Result<Id<Contact>, Failure> {
    let meant = app.notebook.contacts_meant(words, MOST)?;
    match meant.as_slice() {
        [] => Err(nobody(app, words)?),
        [one] => Ok(one.id),
        several => {
            let rows: Vec<String> = several.iter().map(|contact| show::person_line(app, contact)).collect();
            let what = format!("\"{}\" fits several people", layout::clean(words));
            let at = one_of(app, &what, "Say more of the name, or the id at the end of the line.", &rows)?;
            Ok(several[at].id)
        }
    }
}

/// The people these arguments mean: all of them together as one full name, else each by itself.
pub(crate) fn people(app: &App, arguments: &[String]) -> Result<Vec<Id<Contact>>, Failure> {
    if arguments.len() > 1 {
        let together = app.notebook.contacts_meant(&arguments.join(" "), 2)?;
        if let [one] = together.as_slice() {
            return Ok(vec![one.id]);
        }
    }
    arguments.iter().map(|words| person(app, words)).collect()
}

/// Asks which of several lines is meant, or ends with the list when nobody can be asked.
pub(crate) fn one_of(app: &App, what: &str, hint: &str, rows: &[String]) -> Result<usize, Failure> {
    let list: Vec<String> = rows.iter().enumerate().map(|(at, row)| format!("{:>3}  {row}", at + 1)).collect();
    let list = list.join("\n");
    if !app.can_ask() {
        return Err(Failure::NotFound(format!("{what}:\n{list}\n{hint}")));
    }
    app.out.ask(&format!("{what}:\n{list}"));
    let answer = ask(app, "Which number? ")?;
    match answer.trim().parse::<usize>() {
        Ok(number) if (1..=rows.len()).contains(&number) => Ok(number - 1),
        _ => Err(Failure::NotFound(format!("that is none of the numbers 1 to {}; nothing was changed", rows.len()))),
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

/// The day a person typed.
pub(crate) fn day(_app: &App, typed: &str) -> Result<NaiveDate, Failure> {
    typed.trim().parse().map_err(|_| {
        Failure::Usage(format!("\"{typed}\" is no day this notebook understands; write it like 2026-11-24"))
    })
}

/// Nobody of that name; those it may have been meant to be.
fn nobody(app: &App, words: &str) -> Result<Failure, Failure> {
    let hits = app.notebook.find(words, 20)?;
    let alike: Vec<String> =
        hits.into_iter().filter(|hit| hit.kind == "contact").take(5).map(|hit| layout::clean(&hit.title)).collect();
    let words = layout::clean(words);
    Ok(Failure::NotFound(match alike.as_slice() {
        [] => {
            format!("nobody is called \"{words}\". `kith people` lists everybody, `kith jot {words}` begins a person.")
        }
        names => format!("nobody is called \"{words}\". Did you mean {}?", names.join(", ")),
    }))
}
