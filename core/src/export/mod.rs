//! What a notebook gives to other programs, as text made of plain values.

mod vcard;

pub use vcard::vcard3;
