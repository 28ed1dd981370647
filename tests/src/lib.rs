//! What the tests of the whole share.
//!
//! A module of `core` shows by itself what it promises. Here is what only shows when the parts work together: journeys
//! through the notebook, devices that part and meet again, power cuts, files of older versions; and, in
//! `tests/tidy.rs`, that the house is in order. Helpers that two of them need go here.
