//! What goes between people: needs, offers, asks, gives and gets, introductions.

use kith_core::model::{Answer, Ask, Contact, Direction, Exchange, Id, Introduction, Need, Offer, Record};
use kith_core::notebook::IntroductionStep;

use crate::app::App;
use crate::args::{self, IntroStep};
use crate::choose::{self, Matter, Partner};
use crate::failure::Failure;
use crate::layout::clean;
use crate::{days, person};

/// Most records of a kind looked through.
const MOST: u32 = 1000;

/// A word of a closed list, or its first when none was typed.
fn word<W: for<'a> From<&'a str> + Default>(typed: &Option<String>) -> W {
    typed.as_deref().map_or_else(W::default, W::from)
}

/// How a need or an offer is listed: the words, and whose.
fn line(words: &str, name: &str, rest: &str) -> String {
    let whose = if name.is_empty() { "mine".to_string() } else { clean(name) };
    format!("{} — {whose}{rest}", clean(words))
}

fn name_of(app: &App, who: Option<Id<Contact>>) -> Result<String, Failure> {
    Ok(app.notebook.names(&who.into_iter().collect::<Vec<_>>())?)
}

/// All records that a person is, to find what is theirs; none when nobody was named.
fn records_of(app: &App, who: Option<Id<Contact>>) -> Result<Option<Vec<Option<Id<Contact>>>>, Failure> {
    let Some(who) = who else { return Ok(None) };
    Ok(Some(app.notebook.person(who)?.members.into_iter().map(|id| Some(Id::new(id))).collect()))
}

/// Writes down a need, closes one, or lists them.
pub(crate) fn need(app: &App, typed: &args::Need) -> Result<(), Failure> {
    let list = typed.closed || typed.words.is_empty();
    let whose = typed.of.as_ref().map(|who| choose::person(app, who)).transpose()?;
    if !list {
        let decide_on = typed.by.as_ref().map(|day| choose::day(app, day)).transpose()?;
        let (words, kind) = (choose::words_of(&typed.words)?, word(&typed.kind));
        let said = format!("Need: {}.", line(&words, &name_of(app, whose)?, ""));
        let id = app.notebook.write_down(Need { whose, kind, words, decide_on, ..Need::default() }.into())?;
        return app.done(id, &said);
    }
    let mut open: Vec<Need> = app.notebook.newest(MOST)?;
    let theirs = records_of(app, whose)?;
    open.retain(|need| need.closed_on.is_none() && theirs.as_ref().is_none_or(|all| all.contains(&need.whose)));
    let matter = |need: &Need| -> Result<Matter, Failure> {
        let name = name_of(app, need.whose)?;
        let by = need.decide_on.map(|day| format!(", decides by {}", days::day(day, app.today))).unwrap_or_default();
        let words = format!("{} {name}", need.words);
        Ok(Matter { id: need.id.raw(), line: line(&need.words, &name, &by), words })
    };
    close(app, "open needs", &typed.words, &open, matter, |need| need.closed_on = Some(app.today))
}

/// Writes down an offer, closes one, or lists them.
pub(crate) fn offer(app: &App, typed: &args::Offer) -> Result<(), Failure> {
    let list = typed.closed || typed.words.is_empty();
    let whose = typed.of.as_ref().map(|who| choose::person(app, who)).transpose()?;
    if !list {
        let (words, kind) = (choose::words_of(&typed.words)?, word(&typed.kind));
        let said = format!("Offer: {}.", line(&words, &name_of(app, whose)?, ""));
        let id = app.notebook.write_down(Offer { whose, kind, words, ..Offer::default() }.into())?;
        return app.done(id, &said);
    }
    let mut open: Vec<Offer> = app.notebook.newest(MOST)?;
    let theirs = records_of(app, whose)?;
    open.retain(|offer| offer.closed_on.is_none() && theirs.as_ref().is_none_or(|all| all.contains(&offer.whose)));
    let matter = |offer: &Offer| -> Result<Matter, Failure> {
        let name = name_of(app, offer.whose)?;
        let words = format!("{} {name}", offer.words);
        Ok(Matter { id: offer.id.raw(), line: line(&offer.words, &name, ""), words })
    };
    close(app, "open offers", &typed.words, &open, matter, |offer| offer.closed_on = Some(app.today))
}

/// Lists what is open, or closes the one that was named.
fn close<R: Record + serde::Serialize>(
    app: &App,
    what: &str,
    which: &[String],
    open: &[R],
    matter: impl Fn(&R) -> Result<Matter, Failure>,
    change: impl FnOnce(&mut R),
) -> Result<(), Failure> {
    if app.json && which.is_empty() {
        return app.print_json(&open);
    }
    let matters = open.iter().map(matter).collect::<Result<Vec<_>, _>>()?;
    let Some(id) = choose::matter(app, what, which, &matters)? else { return Ok(()) };
    let said = matters.iter().find(|matter| matter.id == id).map(|matter| matter.line.clone()).unwrap_or_default();
    app.notebook.edit(Id::<R>::new(id), change)?;
    app.done(id, &format!("Closed: {said}."))
}

/// Writes down an ask or its answer; lists those without one.
pub(crate) fn ask(app: &App, typed: &args::Ask) -> Result<(), Failure> {
    let (None, false) = (&typed.answer, typed.words.is_empty()) else { return answer(app, typed) };
    let to = match &typed.to {
        Some(who) => choose::person(app, who)?,
        None => return Err(Failure::Usage("say of whom: kith ask WORDS --to WHO".into())),
    };
    let words = choose::words_of(&typed.words)?;
    let said = format!("Asked {}: {}", clean(&name_of(app, Some(to))?), clean(&words));
    let (to, kind) = (Some(to), word(&typed.kind));
    let id = app.notebook.write_down(Ask { to, kind, words, ..Ask::default() }.into())?;
    app.done(id, &said)
}

fn answer(app: &App, typed: &args::Ask) -> Result<(), Failure> {
    let mut open: Vec<Ask> = app.notebook.newest(MOST)?;
    open.retain(|ask| ask.answer == Answer::Open);
    if typed.answer.is_some() && typed.words.is_empty() && open.len() > 1 {
        app.out.aside("Say which was answered: its number, words of it, or the person.");
    }
    let matter = |ask: &Ask| -> Result<Matter, Failure> {
        let name = name_of(app, ask.to)?;
        let when = ask.asked_on.map(|day| format!(", {}", days::day(day, app.today))).unwrap_or_default();
        let words = format!("{} {name}", ask.words);
        Ok(Matter { id: ask.id.raw(), line: line(&ask.words, &name, &when), words })
    };
    close(app, "asks without an answer", &typed.words, &open, matter, |ask| {
        ask.answer = word(&typed.answer);
        ask.answered_on = Some(app.today);
        ask.answer_words = typed.said.clone().unwrap_or_default();
    })
}

/// Writes down a give.
pub(crate) fn give(app: &App, typed: &args::Give) -> Result<(), Failure> {
    exchange(app, Direction::Gave, &typed.words, &typed.to, &typed.how)
}

/// Writes down a get.
pub(crate) fn got(app: &App, typed: &args::Got) -> Result<(), Failure> {
    exchange(app, Direction::Got, &typed.words, &typed.from, &typed.how)
}

fn exchange(app: &App, direction: Direction, words: &[String], who: &str, how: &args::How) -> Result<(), Failure> {
    let partner = choose::partner(app, who)?;
    let on = choose::day_or_today(app, how.on.as_ref())?;
    let (words, kind) = (choose::words_of(words)?, word(&how.kind));
    let mut exchange = Exchange { direction, kind, words, on: Some(on), ..Exchange::default() };
    let name = match partner {
        Partner::Person(id) => {
            exchange.with = Some(id);
            name_of(app, Some(id))?
        }
        Partner::Organisation(id) => {
            exchange.organisation = Some(id);
            app.notebook.get(id)?.unwrap_or_default().name
        }
        Partner::Group(id) => {
            exchange.group = Some(id);
            app.notebook.get(id)?.unwrap_or_default().name
        }
    };
    let (name, words) = (clean(&name), clean(&exchange.words));
    let said = match (&exchange.direction, exchange.with) {
        (Direction::Got, Some(_)) => format!("Got from {name}: {words}. A note to tell them what came of it is made."),
        (Direction::Got, None) => format!("Got from {name}: {words}."),
        _ => format!("Gave {name}: {words}."),
    };
    let id = app.notebook.exchange(exchange)?;
    app.done(id, &said)
}

/// Begins an introduction, takes one a step further, or lists them.
pub(crate) fn intro(app: &App, typed: &args::Intro) -> Result<(), Failure> {
    if let Some(step) = &typed.step {
        return advance(app, step);
    }
    let (Some(a), Some(b)) = (&typed.a, &typed.b) else { return under_way(app, &[]).map(drop) };
    let (a, b) = (choose::person(app, a)?, choose::person(app, b)?);
    let id = app.notebook.introduce(a, b, &typed.why)?;
    let names = clean(&app.notebook.names(&[a, b])?);
    app.done(id, &format!("To introduce: {names}. Ask both first, then `kith intro agreed WHO`."))
}

fn advance(app: &App, step: &IntroStep) -> Result<(), Failure> {
    let (which, step) = match step {
        IntroStep::Agreed { who } => return agreed(app, who),
        IntroStep::Made { which } => (which.clone(), IntroductionStep::Made),
        IntroStep::Talked { which } => (which.clone(), IntroductionStep::Talked),
        IntroStep::Outcome { which, words } => (vec![which.clone()], IntroductionStep::Outcome(words.join(" "))),
        IntroStep::Closed { which } => (which.clone(), IntroductionStep::Closed),
    };
    let Some(id) = under_way(app, &which)? else { return Ok(()) };
    advance_to(app, id, step)
}

fn advance_to(app: &App, id: Id<Introduction>, step: IntroductionStep) -> Result<(), Failure> {
    app.notebook.advance_introduction(id, step)?;
    let introduction = app.notebook.get(id)?.unwrap_or_default();
    let names = clean(&app.notebook.names(&introduction.between)?);
    app.done(id, &format!("{names}: {}.", person::how_far(app, &introduction)))
}

/// One of the two said yes: WHO, or the number of the introduction and WHO; the number alone when only one is left to ask.
fn agreed(app: &App, typed: &[String]) -> Result<(), Failure> {
    let open = open_introductions(app)?;
    let number = typed.first().and_then(|word| word.parse::<usize>().ok());
    let (introduction, who) = match (number, typed.get(1..).unwrap_or_default()) {
        (Some(number), rest) => {
            let missing = || Failure::NotFound(format!("there is no introduction {number}; `kith intro` lists them"));
            let introduction = number.checked_sub(1).and_then(|at| open.get(at)).ok_or_else(missing)?;
            let who = if rest.is_empty() { None } else { Some(choose::person(app, &rest.join(" "))?) };
            (introduction, one_of_the_two(app, introduction, who, number)?)
        }
        (None, _) => with_person(app, &open, choose::person(app, &typed.join(" "))?)?,
    };
    advance_to(app, introduction.id, IntroductionStep::Agreed(who))
}

/// Who of the two it is, as the introduction names them.
fn one_of_the_two(
    app: &App,
    introduction: &Introduction,
    who: Option<Id<Contact>>,
    number: usize,
) -> Result<Id<Contact>, Failure> {
    let named = match who {
        Some(who) => named_in(app, introduction, who)?,
        None => {
            let mut left = introduction.between.iter().filter(|id| !introduction.agreed.contains(id));
            left.next().filter(|_| left.next().is_none()).copied()
        }
    };
    named.ok_or_else(|| {
        Failure::Usage(format!("say who of the two said yes: kith intro agreed {number} WHO. Nothing was changed"))
    })
}

/// This person as an introduction names them: by any of the records that they are.
fn named_in(app: &App, introduction: &Introduction, who: Id<Contact>) -> Result<Option<Id<Contact>>, Failure> {
    let members = app.notebook.person(who)?.members;
    Ok(introduction.between.iter().find(|id| members.contains(&id.raw())).copied())
}

/// The introduction of this person to which they have not said yes; of several, the one that is chosen.
fn with_person<'a>(
    app: &App,
    open: &'a [Introduction],
    who: Id<Contact>,
) -> Result<(&'a Introduction, Id<Contact>), Failure> {
    let (mut fitting, mut rows) = (Vec::new(), Vec::new());
    for (at, introduction) in open.iter().enumerate() {
        let named = named_in(app, introduction, who)?.filter(|id| !introduction.agreed.contains(id));
        if let Some(named) = named {
            fitting.push((introduction, named));
            rows.push((at + 1, intro_line(app, introduction)?));
        }
    }
    let name = clean(&name_of(app, Some(who))?);
    match fitting.as_slice() {
        [] => Err(Failure::NotFound(format!("{name} is not asked about any introduction; `kith intro` lists them"))),
        [one] => Ok(*one),
        several => {
            let hint = format!("Say the number, too: kith intro agreed {} WHO", rows[0].0);
            let at = choose::one_of(app, &format!("{name} is part of several introductions"), &hint, &rows)?;
            Ok(several[at])
        }
    }
}

fn open_introductions(app: &App) -> Result<Vec<Introduction>, Failure> {
    let mut open: Vec<Introduction> = app.notebook.newest(MOST)?;
    open.retain(|introduction| introduction.closed_on.is_none() && introduction.outcome.is_empty());
    Ok(open)
}

fn intro_line(app: &App, introduction: &Introduction) -> Result<String, Failure> {
    let names = clean(&app.notebook.names(&introduction.between)?);
    Ok(format!("{names} — {}", person::how_far(app, introduction)))
}

/// Introductions that are not over: that of these words, or all of them as a list.
fn under_way(app: &App, which: &[String]) -> Result<Option<Id<Introduction>>, Failure> {
    let open = open_introductions(app)?;
    if app.json && which.is_empty() {
        return app.print_json(&open).map(|()| None);
    }
    let mut matters = Vec::new();
    for introduction in &open {
        let words = app.notebook.names(&introduction.between)?;
        matters.push(Matter { id: introduction.id.raw(), line: intro_line(app, introduction)?, words });
    }
    Ok(choose::matter(app, "introductions under way", which, &matters)?.map(Id::new))
}
