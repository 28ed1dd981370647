//! The notebook of Kith.
pub mod document;
mod error;
pub mod import;
pub mod notebook;
pub mod query;
pub mod store;
pub mod sync;
pub mod model;
pub use error::{Error, Result};
