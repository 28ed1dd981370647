//! The notebook of Kith.
pub mod export;
pub mod import;
pub mod model;
pub mod photo;
