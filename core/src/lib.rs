//! The notebook of Kith.
pub mod import;
pub mod model;
