//! A mistake of the program's own. The core catches panics of the library that merges and sets the change aside, so
//! nothing is printed while one unwinds; only one that reaches the top is told.

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::Mutex;

/// The exit code Rust itself uses for a panic.
const CODE: u8 = 101;

/// The last panic, in the words it had.
static LAST: Mutex<String> = Mutex::new(String::new());

/// Remembers what panics say instead of printing it.
pub(crate) fn stay_quiet() {
    panic::set_hook(Box::new(|info| {
        if let Ok(mut last) = LAST.lock() {
            *last = info.to_string();
        }
    }));
}

/// Runs the whole program; tells about a panic that nothing below has caught.
pub(crate) fn at_the_top(program: impl FnOnce() -> ExitCode) -> ExitCode {
    panic::catch_unwind(AssertUnwindSafe(program)).unwrap_or_else(|_| {
        let last = LAST.lock().map(|last| last.clone()).unwrap_or_default();
        let words = format!(
            "kith: this is a mistake in Kith, nothing was lost: what was saved before is on the disk.\n\
             Please report these lines:\n{last}\n"
        );
        let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
        ExitCode::from(CODE)
    })
}
