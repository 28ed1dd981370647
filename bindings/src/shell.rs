//! What a phone does for the notebook: traits that Kotlin and Swift implement.

use kith_core::sync::carrier::ShellFailure;

/// Tells the time, for tests; a phone leaves it out.
#[uniffi::export(with_foreign)]
pub trait PhoneClock: Send + Sync {
    /// Now, in milliseconds since 1970.
    ///
    /// # Errors
    /// A clock that throws is passed over: the system's own is asked.
    fn unix_ms(&self) -> Result<i64, ShellFailure>;
}
