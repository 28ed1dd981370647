//! What a notebook gives to other programs, as text made of plain values.

mod card;
mod vcard;

pub use card::{CARD_BYTES, Card, card};
pub use vcard::vcard3;
