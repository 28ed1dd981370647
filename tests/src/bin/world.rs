//! Lives through worlds, many in a row, and counts what went wrong in them:
//! `cargo run --release -p tests --bin world -- --seeds 0..1000 [--small] [--without-forgetting] [--lines]`.
//! Without forgetting, nothing is deleted for good and nothing decided, as in the worlds that were lived before that was.
//! With `--lines` every call of the first failing story is told, too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::exit)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use tests::seeds::{each_seed, quiet_panics};
use tests::world::{Counts, Size, Story, less, live, lived};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let size = if arguments.iter().any(|argument| argument == "--small") { Size::Small } else { Size::Full };
    let is_as_before = arguments.iter().any(|argument| argument == "--without-forgetting");
    let seeds = arguments.iter().skip_while(|argument| *argument != "--seeds").nth(1);
    let seeds = seeds.and_then(|seeds| seeds.split_once("..")).map(|(from, to)| (from.parse(), to.parse()));
    let Some((Ok(from), Ok(to))) = seeds else { panic!("world --seeds A..B [--small]") };
    quiet_panics();
    let began = Instant::now();
    let (counts, failures) = (Mutex::new(Counts::default()), Mutex::new(Vec::new()));
    let seeds: Vec<u64> = (from..to).collect();
    each_seed("world", &seeds, |seed| {
        let story = Story::draw(seed, size);
        let story = if is_as_before { story.without_forgetting() } else { story };
        match live(&story) {
            Ok(ended) => {
                let mut counts = counts.lock().unwrap();
                counts.add(&ended.counts);
                counts.one(ROUNDS.get(ended.rounds).copied().unwrap_or("quiet after more rounds"));
            }
            Err(why) => failures.lock().unwrap().push((story, why)),
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let failures = failures.into_inner().unwrap();
    for (what, times) in &counts.into_inner().unwrap().0 {
        println!("{times:>9} {what}");
    }
    let count = seeds.len();
    println!("{count} worlds in {seconds:.1} s, {:.1} a second, {} failed", count as f64 / seconds, failures.len());
    let failed = !failures.is_empty();
    let mut failing: Vec<u64> = failures.iter().map(|(story, _)| story.seed).collect();
    failing.sort_unstable();
    if failed {
        println!("failing seeds: {failing:?}");
    }
    for (times, (story, why)) in by_kind(failures) {
        // In a thread without a name, whose panics print nothing.
        let with_lines = arguments.iter().any(|argument| argument == "--lines");
        let told = std::thread::spawn(move || {
            let lines = if with_lines { lived(&less::minimised(&story), true).1.join("\n") } else { String::new() };
            format!("{}\n{lines}", less::told(&story, &why))
        });
        let told = told.join().unwrap();
        println!("\n{times} times: {told}");
    }
    std::process::exit(i32::from(failed));
}

/// One failure of each kind, that with the shortest story, and how many there are of it.
fn by_kind(failures: Vec<(Story, String)>) -> Vec<(usize, (Story, String))> {
    let mut kinds: BTreeMap<String, Vec<(Story, String)>> = BTreeMap::new();
    for (story, why) in failures {
        let kind = why.chars().filter(|c| !c.is_ascii_digit()).take(40).collect();
        kinds.entry(kind).or_default().push((story, why));
    }
    let shortest = |all: Vec<(Story, String)>| {
        let times = all.len();
        all.into_iter().min_by_key(|(story, _)| story.events.len()).map(|shortest| (times, shortest))
    };
    kinds.into_values().filter_map(shortest).collect()
}

const ROUNDS: [&str; 7] = [
    "quiet after 0 rounds",
    "quiet after 1 round",
    "quiet after 2 rounds",
    "quiet after 3 rounds",
    "quiet after 4 rounds",
    "quiet after 5 rounds",
    "quiet after 6 rounds",
];
