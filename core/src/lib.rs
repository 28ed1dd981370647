//! The notebook of Kith: people, meetings, promises, and how they merge between devices.
//!
//! ```
//! use kith_core::model::{Note, PromiseState};
//! use kith_core::notebook::{Notebook, Options};
//!
//! let folder = tempfile::tempdir()?;
//! let notebook = Notebook::open(folder.path().join("notebook.kith"), Options::default())?;
//! notebook.start_event("Chamber breakfast", "")?;
//! let jotted = notebook.jot_line("Dana Ruiz, Acme Logistics !send her the Lyon contact by tue #lyon")?;
//! let dana = jotted.contact.expect("a line with a name is about a person");
//! notebook.put(Note { body: "likes customs law".into(), about: vec![dana], ..Note::default() })?;
//! let promise = notebook.open_promises(Some(dana))?.remove(0);
//! notebook.close_promise(promise.record.id, PromiseState::Kept, notebook.today()?)?;
//! assert_eq!(notebook.find("customs", 10)?[0].about, "Dana Ruiz");
//! # Ok::<(), kith_core::Error>(())
//! ```
//!
//! To read the code, begin with `model` (what there is), then `notebook` (what can be done), then what lies between:
//! `document` (merging), `store` (the file), `query` (what is shown), `sync` (other devices).

#[cfg(feature = "uniffi")]
mod bridge;
pub mod demo;
pub mod document;
mod error;
pub mod export;
pub mod files;
pub mod import;
pub mod jot;
pub mod model;
pub mod notebook;
pub mod photo;
pub mod query;
pub mod store;
pub mod sync;

pub use error::{Error, Result};

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!("kith_model");
