//! What went wrong, the exit code it ends with, and the words a person reads.

use std::path::Path;
use std::process::ExitCode;

use kith_core::Error;
use kith_core::sync::keystore::KEYCHAIN;

use crate::out::Out;

/// How the core begins when the file itself is damaged, rather than something that was brought in.
const DAMAGED: &str = "the notebook file is damaged";

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The notebook said so.
    Core(Error),
    /// What was typed makes no sense; exit code 2.
    Usage(String),
    /// Nobody and nothing fits, or too much does; exit code 3.
    NotFound(String),
    /// The notebook itself cannot be read; exit code 4.
    Unreadable(String),
    /// Something else went wrong; exit code 1.
    Wrong(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl Failure {
    /// As `args/codes.txt` says it, which is what the help shows.
    fn code(&self) -> u8 {
        match self {
            Self::Core(Error::Invalid(_) | Error::Exists(_) | Error::Denied(_)) | Self::Usage(_) => 2,
            Self::Core(Error::NotFound(_)) | Self::NotFound(_) => 3,
            Self::Core(
                Error::Unreadable(_)
                | Error::NeedsUpdate(_)
                | Error::Foreign(_)
                | Error::Removed(_)
                | Error::SyncFirst(_)
                | Error::Peer(_),
            )
            | Self::Unreadable(_) => 4,
            Self::Core(Error::Unreachable(_)) => 5,
            Self::Core(
                Error::Storage(_) | Error::Declined(_) | Error::Cancelled | Error::Closed | Error::Panicked(_),
            )
            | Self::Wrong(_) => 1,
        }
    }

    /// What happened, that nothing was lost, and the next step.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Core(Error::Storage(why)) if why.starts_with(KEYCHAIN) => format!("{why}.\n{}", unlock(why)),
            Self::Core(error) => match next_step(error) {
                "" => error.to_string(),
                next => format!("{error}.\n{next}"),
            },
            Self::Usage(words) | Self::NotFound(words) | Self::Unreadable(words) | Self::Wrong(words) => words.clone(),
        }
    }

    /// Tells it on standard error, in words or for another program.
    pub(crate) fn tell(&self, out: &Out, json: bool) -> ExitCode {
        if json {
            let words = anstream::adapter::strip_str(&self.words()).to_string();
            out.ask(&serde_json::json!({ "error": words, "code": self.code() }).to_string());
        } else {
            out.error(&self.words());
        }
        ExitCode::from(self.code())
    }
}

/// What can be done about a keychain.
fn unlock(why: &str) -> &'static str {
    if why.contains("no key") || why.contains("another key") {
        "Nothing was changed. What opens the keys of this device lay in the keychain of the same login, on the same \
         computer, when they were sealed: log in as you did then, and try again. Only if it is gone for good, take that \
         folder away and let this device in again with `kith join`."
    } else {
        "Nothing was changed, and no key of this device is lost. Unlock the keychain, as a desktop does when you log in, \
         and try again. While it is unlocked, `kith devices keys --files` makes this device do without it."
    }
}

fn next_step(error: &Error) -> &'static str {
    match error {
        Error::Foreign(words) if words.ends_with("join with the code") => {
            "`kith invite` shows the code there, `kith join CODE` takes it here."
        }
        Error::Invalid(_)
        | Error::NotFound(_)
        | Error::Exists(_)
        | Error::Denied(_)
        | Error::Unreachable(_)
        | Error::Foreign(_)
        | Error::Removed(_)
        | Error::Declined(_)
        | Error::SyncFirst(_)
        | Error::Peer(_)
        | Error::Cancelled
        | Error::Closed
        | Error::Panicked(_) => "",
        Error::Storage(why) if why.contains("locked") => {
            "Another program writes in this notebook just now; nothing of this change was kept, and everything saved \
             before it still is. Let it finish, then try again."
        }
        Error::Storage(_) => {
            "Nothing of this change was kept, and everything saved before it still is. \
             Look whether the disk is full or the place read-only, then try again."
        }
        Error::Unreadable(why) if why.starts_with(DAMAGED) => {
            "Nothing was changed; keep the file as it is. `kith doctor --rescue-into NEW.kith` takes out what can still \
             be read, `kith --notebook NEW.kith restore BACKUP` brings back a backup."
        }
        Error::Unreadable(_) | Error::NeedsUpdate(_) => "Nothing was changed.",
    }
}

/// A notebook that cannot be opened: what can be done about it depends on where it is.
pub(crate) fn cannot_open(error: Error, path: &Path) -> Failure {
    let place = path.display();
    match error {
        Error::Unreadable(why) => Failure::Unreadable(format!(
            "{place} cannot be read: {why}.\nNothing was changed; keep the file. If it is yours, `kith doctor \
             --rescue-into NEW.kith` takes out what can still be read, and `kith --notebook NEW.kith restore BACKUP` \
             brings back a backup."
        )),
        Error::Storage(why) => Failure::Wrong(format!(
            "{place} cannot be opened: {why}.\nNothing was changed. Look whether the disk is full or the place \
             read-only, or choose another with --notebook FILE."
        )),
        error => Failure::Core(error),
    }
}
