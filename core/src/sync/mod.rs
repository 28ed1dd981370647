//! Bringing devices together: segments and the keys they are sealed under, who belongs to a notebook, the places that carry
//! files between devices, what two devices say to each other directly, and what a device keeps outside its notebook.
//!
//! Nothing here changes a notebook; `notebook` does that, through its one door.

pub mod carrier;
pub mod cbor;
pub mod checkpoint;
pub mod consent;
pub mod envelope;
pub mod identity;
pub mod keys;
pub mod keystore;
pub mod known;
pub mod member;
mod memo;
pub mod near;
pub mod pairing;
pub mod paper;
pub mod ranges;
pub mod roster;
pub mod seal;
pub mod segment;
pub mod session;
pub(crate) mod share;

/// Which log: 16 random bytes, drawn anew for a notebook that was restored or copied.
pub type LogId = [u8; 16];

/// Bytes as lower-case hexadecimal digits, as folders and messages show them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
