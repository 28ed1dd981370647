//! Measures Kith against named peers in the same run and writes `docs/benchmarks.md`. Figures are medians; what counts
//! are the ratios, since machines differ.
//!
//! `cargo run --release -p benches` measures everything; words like `open search` measure only those parts and print
//! them, and with `--write` put them into their places in the file; `--sizes 1000,10000` takes other notebooks. `train`
//! makes the dictionaries of the store anew; `calls` is what `bindings/costs` needs of it.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::exit)] // a program for developers: it stops at the first surprise

mod calls;
mod crowd;
mod direct;
mod import;
mod merge;
mod open;
mod search;
mod size;
mod sync;
mod train;
mod write;

use std::time::{Duration, Instant};

/// The page that is written.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/benchmarks.md");

/// The rows of one table, as Markdown.
pub(crate) struct Section {
    text: String,
}

impl Section {
    pub(crate) fn new(title: &str, words: &str, columns: &[&str]) -> Self {
        let line = columns.iter().map(|_| "---").collect::<Vec<_>>().join(" | ");
        let day = chrono::Local::now().date_naive();
        Self { text: format!("## {title}\n\n{words} Measured on {day}.\n\n| {} |\n| {line} |\n", columns.join(" | ")) }
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        eprintln!("   {}", cells.join(" | "));
        self.text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["child", rest @ ..] => return open::child(rest),
        ["calls", rest @ ..] => return calls::run(rest),
        ["train"] => return train::train(),
        ["one-document", n] => return merge::one_document(n.parse().unwrap()),
        _ => {}
    }
    let sizes: Vec<usize> = match words.iter().position(|word| word == "--sizes") {
        Some(at) => words[at + 1].split(',').map(|size| size.parse().unwrap()).collect(),
        None => vec![1_000, 10_000, 50_000],
    };
    let parts: Vec<&String> = words.iter().filter(|word| word.chars().all(char::is_alphabetic)).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|word| *word == part);
    let mut report = Vec::new();
    let mut measure = |part: &str, run: &dyn Fn() -> Section| {
        if wanted(part) {
            eprintln!("-- {part}");
            report.push(run().text);
        }
    };
    measure("open", &|| open::measure(&sizes));
    measure("write", &|| write::measure(&sizes));
    measure("merge", &|| merge::measure(sizes.iter().copied().filter(|n| *n <= 10_000).max().unwrap_or(1_000)));
    measure("sync", &|| sync::measure(sizes.iter().copied().filter(|n| *n <= 10_000).max().unwrap_or(1_000)));
    measure("direct", &|| direct::measure(sizes.iter().copied().filter(|n| *n <= 10_000).max().unwrap_or(1_000)));
    measure("search", &|| search::measure(*sizes.iter().max().unwrap()));
    measure("import", &|| import::measure(5_000));
    measure("size", &|| size::measure(&sizes));
    if parts.is_empty() {
        let before = std::fs::read_to_string(PAGE).unwrap_or_default();
        report.extend(section(&before, calls::TITLE)); // `bindings/costs` measures it, with all four languages
        write_page("", &report);
    } else if words.iter().any(|word| word == "--write") {
        put_into_page(&report);
    } else {
        println!("{}", report.join("\n"));
    }
}

/// Puts these sections into their places in the page.
fn put_into_page(report: &[String]) {
    let before = std::fs::read_to_string(PAGE).unwrap();
    write_page(before.find("\n## ").map_or("", |at| &before[at + 1..]), report);
}

/// Writes the page anew: the head, then these sections, with those of the report in their places.
fn write_page(sections: &str, report: &[String]) {
    let page = format!("{}\n{sections}", head());
    std::fs::write(PAGE, report.iter().fold(page, |page, section| with_section(&page, section))).unwrap();
    eprintln!("written: docs/benchmarks.md");
}

/// The page with this section in the place of the one of its title, or at the end.
fn with_section(page: &str, new: &str) -> String {
    let (before, after) = around(page, new.lines().next().unwrap_or_default());
    [before, new, after]
        .iter()
        .map(|part| part.trim_end())
        .filter(|part| !part.is_empty())
        .fold(String::new(), |page, part| format!("{page}{}{part}\n", if page.is_empty() { "" } else { "\n" }))
}

/// The section of this title as it stands in the page.
fn section(page: &str, title: &str) -> Option<String> {
    let (before, after) = around(page, &format!("## {title}"));
    let section = &page[before.len()..page.len() - after.len()];
    (!section.is_empty()).then(|| section.to_string())
}

/// What stands before the section that begins with this line, and behind it.
fn around<'a>(page: &'a str, line: &str) -> (&'a str, &'a str) {
    let from = page.find(&format!("{line}\n")).unwrap_or(page.len());
    let to = page[from..].find("\n## ").map_or(page.len(), |at| from + at + 1);
    (&page[..from], &page[to..])
}

fn head() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory =
        memory.lines().next().and_then(|line| line.split_whitespace().nth(1)).and_then(|kb| kb.parse::<f64>().ok());
    format!(
        "# Benchmarks\n\n\
         Written by `cargo run --release -p benches` with {cores} cores and {:.0} GiB; one part is measured again by\n\
         `cargo run --release -p benches PART --write`. Do not edit: run it again.\n\n\
         Figures are medians, the ratios are against the named peer in the same run. A notebook of N has N contacts with\n\
         twelve fields, tags and five meetings of about 300 characters each, made by a seeded generator\n\
         (`kith_core::demo::crowd`), {} records for each contact.\n",
        memory.unwrap_or_default() / 1024.0 / 1024.0,
        "6.7"
    )
}

/// The median, and the 99th of a hundred.
pub(crate) fn quantiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[(times.len() * 99 / 100).min(times.len() - 1)])
}

pub(crate) fn times(runs: usize, mut run: impl FnMut(usize)) -> Vec<Duration> {
    (0..runs)
        .map(|at| {
            let start = Instant::now();
            run(at);
            start.elapsed()
        })
        .collect()
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

pub(crate) fn ratio(a: Duration, b: Duration) -> String {
    format!("{:.2}×", a.as_secs_f64() / b.as_secs_f64())
}
