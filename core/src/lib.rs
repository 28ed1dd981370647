//! The notebook of Kith.
pub mod demo;
pub mod document;
mod error;
pub mod export;
pub mod import;
pub mod jot;
pub mod model;
pub mod notebook;
pub mod photo;
pub mod query;
pub mod store;
pub mod sync;
pub use error::{Error, Result};
