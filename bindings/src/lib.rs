//! The notebook of Kith for Kotlin, Swift and Python: everything the program does, passed on to `kith-core` as it is.
//!
//! [`Notebook`] is where to begin. Records, pages and reports are the core's own plain values; the objects and the traits
//! that a phone implements are here.
//!
//! - Every function may fail with a [`KithError`], whose kind a screen can switch on. A panic inside becomes
//!   [`KithError::Panicked`]; a notebook that was shut answers [`KithError::Closed`].
//! - Functions block: a phone calls them from a thread of its own. Nothing here is `async`, for a call that was begun is
//!   never abandoned by whoever waits for it; what takes long has a handle with `cancel`.
//! - Callbacks come on any thread and never while a lock is held: they may call back into the notebook, and they may
//!   throw.

mod bring;
mod devices;
mod keys;
mod mailbox;
mod meetings;
mod nearby;
mod notebook;
mod observe;
mod people;
mod records;
mod run;
mod shell;

pub use bring::{is_export, rescue, restore_backup};
pub use devices::JoinRequest;
pub use keys::KeyRing;
pub use kith_core::Error as KithError;
pub use mailbox::{Lending, Mailbox};
pub use nearby::{Nearby, shows_code};
pub use notebook::{Notebook, Surroundings};
pub use observe::{ChangeListener, Observation};
pub use records::{RecordDraft, blank};
pub use run::{Run, SoFar};
pub use shell::{FolderItem, PhoneClock, PhoneFolder, PhoneKeyStore, ShellFailure};

/// The result of every function here.
pub type Result<T> = std::result::Result<T, KithError>;

uniffi::setup_scaffolding!("kith_notebook");

// Types of other crates; the core says how they cross.
uniffi::use_remote_type!(kith_core::chrono::NaiveDate);
uniffi::use_remote_type!(kith_core::chrono_tz::Tz);
uniffi::use_remote_type!(kith_core::serde_json::Value);
uniffi::use_remote_type!(kith_core::std::path::PathBuf);
uniffi::use_remote_type!(kith_core::std::net::SocketAddr);
