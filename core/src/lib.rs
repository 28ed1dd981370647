//! The notebook of Kith.

pub mod demo;
pub mod model;
