//! What calls cost: the core called from Rust itself, as the peer of Kotlin, Swift and Python, which do the same on a copy of
//! the same notebook (`bindings/costs` runs all four). Each writes lines of a word, a tab and the median in microseconds.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kith_core::notebook::Notebook;
use kith_core::query::PeopleFilter;

use crate::{Section, crowd, quantiles, times};

/// What the table is called; a run of all other benchmarks leaves it as it is.
pub(crate) const TITLE: &str = "Calling from Kotlin, Swift and Python";

const PEOPLE: usize = 10_000;
const LANGUAGES: [&str; 4] = ["Rust", "Kotlin", "Swift", "Python"];
const LINE: &str =
    "Dana Ruiz, Acme Logistics, hiring ops lead !send her the Lyon contact by tue ?a warehouse in Lyon #lyon *";

/// The rows: the word under which each program writes it, and what it is.
const ROWS: [(&str, &str); 10] = [
    ("empty_call", "a call that does nothing"),
    ("empty_call_awaited", "the same, awaited away from the main thread"),
    ("first_page", "the first 50 people"),
    ("far_page", "50 people, 9,000 further down"),
    ("today_page", "the page of today"),
    ("line_typed", "a line read while it is typed"),
    ("search_key", "a keystroke of a search, letter by letter through a name"),
    ("rows", "all 10,000 rows, 1,000 a call"),
    ("jot", "a jot of six records, on the disk when it returns"),
    ("change_heard", "from the call of a listener until whoever waits knows"),
];

/// What 50 people may take on top of the core, in microseconds.
const MOST_ON_TOP: f64 = 1_000.0;

/// `calls make FILE` copies the notebook there, `calls rust FILE INTO` measures, `calls table FOLDER` writes the page.
pub(crate) fn run(words: &[&str]) {
    match words {
        ["make", file] => drop(fs::copy(crowd::kept(PEOPLE), file).unwrap()),
        ["rust", file, into] => measure(&crowd::open(Path::new(file)), Path::new(into)),
        ["table", folder] => write_table(Path::new(folder)),
        _ => unreachable!("benches calls make FILE, benches calls rust FILE INTO, or benches calls table FOLDER"),
    }
}

fn measure(notebook: &Notebook, into: &Path) {
    let everybody = PeopleFilter::default();
    let page = |from: u32, most: u32| notebook.people_where(&everybody, from, most).unwrap();
    let name = page(5_000, 1).rows.remove(0).name;
    let begun: Vec<String> = name.char_indices().map(|(at, c)| name[..at + c.len_utf8()].to_string()).collect();
    let mut lines = String::new();
    let mut row = |word: &str, runs: usize, call: &mut dyn FnMut(usize)| {
        (0..runs / 10 + 1).for_each(&mut *call);
        let median = quantiles(times(runs, call)).0;
        lines.push_str(&format!("{word}\t{:.3}\n", median.as_secs_f64() * 1e6));
    };
    // First what reads everything: then the rest finds a notebook that has been in use.
    row("rows", 20, &mut |_| (0..10).for_each(|n| assert_eq!(page(n * 1_000, 1_000).rows.len(), 1_000)));
    row("first_page", 1_000, &mut |_| assert_eq!(page(0, 50).rows.len(), 50));
    row("far_page", 300, &mut |_| assert_eq!(page(9_000, 50).rows.len(), 50));
    row("today_page", 500, &mut |_| drop(notebook.today_page().unwrap()));
    row("line_typed", 2_000, &mut |_| drop(notebook.parse_jot(LINE).unwrap()));
    row("search_key", 600, &mut |n| drop(notebook.find(&begun[n % begun.len()], 50).unwrap()));
    row("jot", 300, &mut |_| drop(notebook.jot_line(LINE).unwrap()));
    lines.push_str(&format!("change_heard\t{:.3}\n", hearing(notebook).as_secs_f64() * 1e6));
    fs::write(into, lines).unwrap();
}

/// From the call of a listener to another thread that waits for the change.
fn hearing(notebook: &Notebook) -> Duration {
    let (told, changes) = mpsc::channel::<Instant>();
    let (woken, waits) = mpsc::channel::<Duration>();
    let waiting = std::thread::spawn(move || changes.iter().for_each(|called| woken.send(called.elapsed()).unwrap()));
    let observation = notebook.observe(move |_| told.send(Instant::now()).unwrap());
    let heard = (0..300).map(|n| {
        notebook.jot_line(&format!("Heard Person{n}")).unwrap();
        waits.recv().unwrap()
    });
    let median = quantiles(heard.collect()).0;
    drop(observation);
    waiting.join().unwrap();
    median
}

/// Puts the table into the page, in the place of the one that is there. Ends with 1 when a language takes longer than is
/// wanted, so that whoever ran it sees.
fn write_table(folder: &Path) {
    let told = LANGUAGES.map(|name| fs::read_to_string(folder.join(name.to_lowercase())).unwrap());
    let costs = |word: &str| told.each_ref().map(|told| microseconds(told, word));
    let [rust, kotlin, swift, _] = costs("first_page").map(|cost| cost.expect("all four read a page"));
    let mut section = Section::new(
        TITLE,
        &format!(
            "Written by `bindings/costs`: one run of all four languages, one after the other, each on a copy of the same \
             notebook of {PEOPLE} people, with the release library. The peer is the core called from Rust itself, in the \
             same run; behind each language stands how many times as long it takes. A call that does nothing has no peer; a jot waits for \
             the disk most of its time, and this one is shared. Who waits for a change is another thread in Rust and \
             Python, the flow that reads a page anew in Kotlin, a reader on the main actor in Swift. \
             What is wanted: 50 people in at most {} ms on top of the core; it takes {} more in Kotlin and {} more in Swift.",
            MOST_ON_TOP / 1_000.0,
            shown(kotlin - rust),
            shown(swift - rust)
        ),
        &["what", "Rust", "Kotlin", "", "Swift", "", "Python", ""],
    );
    for (word, words) in ROWS {
        let costs = costs(word);
        let mut row = vec![words.to_string(), told_as(costs[0], shown)];
        for cost in &costs[1..] {
            row.push(told_as(*cost, shown));
            row.push(told_as(cost.zip(costs[0]), |(cost, peer)| format!("{:.2}×", cost / peer)));
        }
        section.row(&row);
    }
    crate::put_into_page(&[section.text]);
    let slow = too_slow(rust, [("Kotlin", kotlin), ("Swift", swift)]);
    if !slow.is_empty() {
        eprintln!("50 people take more than {} on top of the core in {}", shown(MOST_ON_TOP), slow.join(" and "));
        std::process::exit(1);
    }
}

/// The languages that take longer than is wanted.
fn too_slow<const N: usize>(core: f64, languages: [(&'static str, f64); N]) -> Vec<&'static str> {
    languages.into_iter().filter(|(_, cost)| cost - core > MOST_ON_TOP).map(|(name, _)| name).collect()
}

/// What was not measured is a dash.
fn told_as<T>(cost: Option<T>, words: impl Fn(T) -> String) -> String {
    cost.map_or("–".into(), words)
}

fn microseconds(told: &str, word: &str) -> Option<f64> {
    let line = told.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix('\t'))?;
    Some(line.trim().parse().unwrap())
}

fn shown(microseconds: f64) -> String {
    match microseconds {
        few if few < 10.0 => format!("{few:.1} µs"),
        some if some < 1_000.0 => format!("{some:.0} µs"),
        many => format!("{:.2} ms", many / 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::too_slow;

    #[test]
    fn a_language_that_takes_a_millisecond_more_is_named() {
        assert!(too_slow(150.0, [("Kotlin", 1_150.0), ("Swift", 343.0)]).is_empty());
        assert_eq!(too_slow(150.0, [("Kotlin", 221.0), ("Swift", 1_151.0)]), ["Swift"]);
    }
}
