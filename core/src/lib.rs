//! The notebook of Kith.
pub mod document;
mod error;
pub mod import;
pub mod jot;
pub mod model;
pub mod notebook;
pub mod query;
pub mod store;
pub mod sync;
pub use error::{Error, Result};
