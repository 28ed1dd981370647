//! The notebook of Kith.
pub mod model;
