//! Many cases from many seeds: which ones, on how many threads, and how to run a failing one again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The environment variable that names one seed to run instead of all: `KITH_SEED=17`.
pub const SEED: &str = "KITH_SEED";

/// The environment variable that asks for this many cases nobody has seen: `KITH_CASES=10000`.
pub const CASES: &str = "KITH_CASES";

/// The first `fixed` seeds, then `fresh` ones that begin where the clock stands; or the one that `KITH_SEED` names.
pub fn seeds(fixed: u64, fresh: u64) -> Vec<u64> {
    if let Some(seed) = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()) {
        return vec![seed];
    }
    let fresh = std::env::var(CASES).ok().and_then(|cases| cases.parse().ok()).unwrap_or(fresh);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let begin = 1_000_000 + now % 1_000_000_000 * 1_000;
    println!("seeds 0 to {fixed} and, fresh from the clock, {begin} to {}", begin + fresh);
    (0..fixed).chain(begin..begin + fresh).collect()
}

/// Runs the case of every seed, on as many threads as there are processors; the first failure ends it and is told with
/// the way to see it again.
pub fn each_seed(test: &str, seeds: &[u64], case: impl Fn(u64) + Sync) {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failures: Mutex<Vec<(u64, String)>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(seeds.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if failed.load(Ordering::Relaxed) {
                        break;
                    }
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case(*seed))) {
                        failed.store(true, Ordering::Relaxed);
                        failures.lock().unwrap().push((*seed, words_of(panic.as_ref())));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    if let Some((seed, why)) = failures.first() {
        panic!("seed {seed}: {why}\n\nTo see it again: {SEED}={seed} cargo test -p tests {test}");
    }
}

/// What a panic said.
pub fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_else(|| "a panic".into())
}

/// Lets no panic of a thread print anything by itself: Automerge's are caught in the notebook, a case's are told once,
/// with their seed.
pub fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // Test threads have names; a failing assertion of a test is told as ever.
            let ours =
                info.location().is_some_and(|at| !at.file().contains("automerge") && !at.file().contains("hexane"));
            if ours && std::thread::current().name().is_some() {
                told(info);
            }
        }));
    });
}
