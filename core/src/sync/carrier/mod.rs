//! What moves bytes between devices: places that keep blobs for whoever comes by later, and lines between two that are
//! awake at the same time.
//!
//! A carrier knows names and bytes. What is in them, who may read them and whether they are whole is for its callers.
//!
//! ```
//! use kith_core::sync::carrier::{Mailbox, Place, open, try_out};
//!
//! let folder = tempfile::tempdir()?;
//! let mailbox = open(&Place::Folder { path: folder.path().into() }, None)?;
//! try_out(mailbox.as_ref(), &[7; 16])?;
//! mailbox.put_new("l/0001.kiths", b"sealed")?;
//! assert_eq!(mailbox.list()?.len(), 1);
//! assert_eq!(mailbox.get("l/0001.kiths", 1024)?.as_deref(), Some(&b"sealed"[..]));
//! # Ok::<(), kith_core::Error>(())
//! ```

pub mod direct;
pub mod folder;
pub mod lent;
pub mod line;
pub mod mailbox;
pub mod pair;
mod place;
mod relay;
pub mod remote;
mod shell;
#[cfg(test)]
mod tests;
mod watched;
mod wire;

pub use line::{Heard, Line};
pub use mailbox::{Item, Mailbox, try_out};
pub use place::{Place, open};
pub use relay::Relay;
pub use shell::{Shell, ShellFailure, ThroughShell};
pub use watched::{Look, Watched};
