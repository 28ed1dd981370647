//! A line between two devices: bytes there and back, in order, until one of them ends it. Who is at the other end, and
//! that nobody else reads along, is the matter of whoever makes the line; what is said on it is `session`'s.

use std::time::Duration;

use crate::error::Result;

/// What came of waiting.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Bytes of the other device.
    Bytes(Vec<u8>),
    /// So many bytes of ours have left.
    Sent(usize),
    /// The other device has said its last word.
    End,
    /// Nothing, in all that time.
    Nothing,
}

/// A line to another device.
pub trait Line {
    /// The key by which the other device is known on a network, as the roster has it.
    fn peer(&self) -> [u8; 32];

    /// Sends these bytes some time soon; whether they left is told by [`Line::wait`].
    ///
    /// # Errors
    /// [`Error::Unreachable`](crate::Error::Unreachable) when the line is gone.
    fn send(&mut self, bytes: Vec<u8>) -> Result<()>;

    /// Waits so long for something to happen.
    ///
    /// # Errors
    /// [`Error::Unreachable`](crate::Error::Unreachable) when the line broke, in words for a person.
    fn wait(&mut self, at_most: Duration) -> Result<Heard>;

    /// Ends it at once: the other device does not belong to the notebook any more, and is told that and nothing else.
    fn refuse(&mut self);

    /// Ends it in good order: what was sent arrives.
    fn hang_up(&mut self);
}
