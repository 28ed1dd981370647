//! The keychain of this system, in which the key lies that seals the secrets of this device. How they are sealed is for the
//! core; here they are also moved in and out, and it is said where they are.

use std::io::{IsTerminal, Write};
use std::sync::mpsc;
use std::time::Duration;

use kith_core::Error;
use kith_core::sync::keys::Secret;
use kith_core::sync::keystore::{KEYCHAIN, Kept, Keychain};
use zeroize::Zeroizing;

use crate::app::App;
use crate::failure::Failure;
use crate::layout;

/// Under which name the keychain lists what is of Kith.
const SERVICE: &str = "kith";
/// The person may have to type a password first; a keychain that says nothing at all must not hold up a program for ever.
const PATIENCE: Duration = Duration::from_secs(120);
/// Set to `file`, it keeps new secrets out of any keychain: for a computer that nobody sits at.
const WISH: &str = "KITH_KEYS";
/// Where the Secret Service is, on systems that have one.
#[cfg(all(unix, not(target_os = "macos")))]
const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";

/// The keychain itself: that of macOS or Windows, else the Secret Service.
pub(crate) struct SystemKeychain;

impl Keychain for SystemKeychain {
    fn get(&self, name: &str) -> Result<Option<Secret>, Error> {
        let found = ask(name, |entry| match entry.get_secret() {
            Ok(found) => Ok(Some(Zeroizing::new(found))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })?;
        let not_ours = || Error::Storage(format!("{KEYCHAIN} has something else under the name of Kith's key"));
        found.map(|found| found.as_slice().try_into().map(Secret::new).map_err(|_| not_ours())).transpose()
    }

    fn put(&self, name: &str, key: &Secret) -> Result<(), Error> {
        must_be_there()?;
        let key = key.clone();
        ask(name, move |entry| entry.set_secret(key.bytes()))
    }
}

/// Asks the keychain on a thread of its own, which is left behind when no answer comes.
fn ask<T: Send + 'static>(
    name: &str,
    question: impl FnOnce(&keyring::Entry) -> keyring::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let (name, (tell, answer)) = (name.to_owned(), mpsc::channel());
    std::thread::spawn(move || {
        let answered = match keyring::Entry::store_status() {
            Ok(()) => {
                keyring::Entry::new(SERVICE, &name).and_then(|entry| question(&entry)).map_err(|error| why(&error))
            }
            Err(error) => Err(why(error)),
        };
        let _ = tell.send(answered);
    });
    let silent = || format!("{KEYCHAIN} says nothing");
    answer.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(silent())).map_err(Error::Storage)
}

fn why(error: &keyring::Error) -> String {
    match error {
        keyring::Error::NoStorageAccess(why) => format!("{KEYCHAIN} is locked, or was not unlocked ({why})"),
        error => format!("{KEYCHAIN} does not answer ({error})"),
    }
}

/// Whether there may be a keychain. Without a bus the Secret Service is looked for by nobody who begins: a program that
/// runs on a server, or from a clock, has none.
fn must_be_there() -> Result<(), Error> {
    #[cfg(all(unix, not(target_os = "macos")))]
    if std::env::var_os(BUS).is_none_or(|bus| bus.is_empty()) {
        return Err(Error::Storage(format!("{KEYCHAIN} does not answer ({BUS} is not set)")));
    }
    Ok(())
}

/// In what secrets are kept when there are none yet.
pub(crate) fn at_first() -> Result<Kept, Failure> {
    match std::env::var(WISH).unwrap_or_default().as_str() {
        "" => Ok(Kept::Keychain),
        "file" => Ok(Kept::Files),
        other => Err(Failure::Usage(format!("{WISH} is {other:?}; it can be \"file\", or unset"))),
    }
}

/// Says why new secrets are in files, at the moment they come.
pub(crate) fn tell_of_files(why: &Error) {
    let why = match why {
        Error::Storage(why) => why.clone(),
        why => why.to_string(),
    };
    let words = format!(
        "No keychain answers here: the keys of this device are in files that only you can read. `kith devices keys \
         --keychain` moves them once there is one ({why})."
    );
    let width = layout::width_of(std::io::stderr().is_terminal());
    let _ = writeln!(anstream::stderr(), "{}", layout::wrap(&words, "", width));
}

/// Says in what the keys of this device are kept, or moves them.
pub(crate) fn keys(app: &App, keychain: bool, files: bool) -> Result<(), Failure> {
    let keys = app.keys()?;
    let to = match (keychain, files) {
        (true, _) => Kept::Keychain,
        (_, true) => Kept::Files,
        _ => return say(app, keys.kept()?, None),
    };
    let moved = keys.move_to(to)?;
    say(app, Some(to), Some(moved))
}

fn say(app: &App, kept: Option<Kept>, moved: Option<usize>) -> Result<(), Failure> {
    if app.json {
        return app.print_json(&serde_json::json!({ "keys": kept, "moved": moved }));
    }
    match moved {
        Some(1..) => app.out.confirm(format!("Moved. {}", words(kept))),
        _ => app.line(words(kept)),
    }
    Ok(())
}

/// In what the keys are kept, for a person.
pub(crate) fn words(kept: Option<Kept>) -> &'static str {
    match kept {
        Some(Kept::Keychain) => "The keys of this device are sealed with one in the keychain of this system.",
        Some(Kept::Files) => "The keys of this device are in files that only you can read.",
        None => "This device has no keys yet.",
    }
}
