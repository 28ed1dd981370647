//! Everything that can go wrong, sorted by what the caller can do about it.

/// What went wrong, by what the caller can do about it. A function that writes one change has then changed nothing; one
/// that writes several, such as an import or a sync, keeps those that were whole when it ended and says so itself.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Error), uniffi(flat_error, name = "KithError"))]
pub enum Error {
    /// The caller asked for something the rules do not allow; the words say which, and may be shown to a person.
    #[error("{0}")]
    Invalid(String),
    /// There is no such record, file, device or place.
    #[error("{0} was not found")]
    NotFound(String),
    /// A file, or a notebook, stands there already, or something of one, and was left alone: another name is to be chosen.
    #[error("{0}")]
    Exists(String),
    /// What lets one in is missing or wrong, or is not enough: a passphrase, a password, a recovery key, a permission, the
    /// address of a server that moved. It is to be entered, or set, anew.
    #[error("{0}")]
    Denied(String),
    /// The disk refused, to read or to write: full, read-only, gone. Nothing of this change was kept; everything saved before it still is.
    #[error("the notebook could not be read or written: {0}")]
    Storage(String),
    /// Bytes are there and cannot be understood: damaged, or not what they say they are.
    #[error("{0}")]
    Unreadable(String),
    /// A newer version of the program wrote this.
    #[error("{0} was written by a newer version of Kith; update to read it")]
    NeedsUpdate(String),
    /// A place, a server, a relay or another device does not answer, broke off, or takes nothing just now. Nothing is lost:
    /// it is to be tried again later.
    #[error("{0}")]
    Unreachable(String),
    /// The notebook there is not the one of this device, or this device has not joined it, or lost its keys: it joins with
    /// a code, or another place is to be chosen.
    #[error("{0}")]
    Foreign(String),
    /// This device does not belong to its notebook any more: it was removed, or who let it in was. It keeps what it has, and
    /// comes back with a new code.
    #[error("{0}")]
    Removed(String),
    /// An invitation came to nothing: somebody said no or took it back, the digits were others, or somebody without the code
    /// meddled. Nothing was joined, nobody was let in; a new code begins anew.
    #[error("{0}")]
    Declined(String),
    /// This has to wait for a sync: the notebook never met a mailbox or another device, or has to hear first who belongs.
    #[error("{0}")]
    SyncFirst(String),
    /// Another device, or the place in between, sent something that cannot be taken.
    #[error("{0}")]
    Peer(String),
    /// Somebody took back what they had asked for. What was done until then stays, and the words of the function say what.
    #[error("this was cancelled")]
    Cancelled,
    /// The notebook was shut, by whoever holds it for others.
    #[error("the notebook is shut")]
    Closed,
    /// The program met a mistake of its own. What was saved before is safe; the words are for a report of it.
    #[error("Kith made a mistake of its own; what was saved before is safe ({0})")]
    Panicked(String),
}

/// The result of nearly every function here.
pub type Result<T> = std::result::Result<T, Error>;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Unreadable(format!("the notebook file is damaged ({error})"))
            }
            _ => Self::Storage(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Storage(error.to_string())
    }
}
