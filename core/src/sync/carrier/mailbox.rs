//! The mailbox: a place that lists, gives, takes under a fresh name, and takes away. Here is what all of them promise,
//! which names are good, and how a place is tried out. How each does it is in `folder` and `remote`, or in a shell.

use super::watched::Look;
use crate::error::{Error, Result};
use crate::sync::hex;

/// Most items a listing may hold; a place with more is refused rather than read for ever.
pub const MAX_ITEMS: usize = 200_000;
/// How many folders deep a listing looks. Kith writes two deep; a sync program that doubles a folder adds one or two.
pub const MAX_DEPTH: usize = 6;
/// The one name with capitals: a note for a person who finds the place.
pub const NOTE: &str = "KITH.txt";

/// Kith's own folder inside the place a person named; names begin below it.
pub(super) const OWN: &str = "kith";
const MAX_NAME: usize = 200;
const MAX_FOUND_NAME: usize = 1024;

/// Something that lies in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Below Kith's folder, with `/`. What Kith put there is lower-case ASCII ([`is_ours`]); other programs leave copies
    /// such as `0001 (conflicted copy).kiths`, which can be read and deleted under the name listed here.
    pub name: String,
    /// Its size as the place tells it: a hint, like the name.
    pub bytes: u64,
}

/// A place where devices that are never on at the same time leave things for each other.
///
/// Calls block until the place has answered or a deadline has passed; they are for a worker thread. Several threads may
/// call at once, and several devices do.
///
/// Nothing here is to be believed because of its name or its size: a sync program delivers in any order, a server may
/// keep half an upload under its final name, an owner may swap two items. A caller decides by what is inside.
///
/// # Errors
/// [`Error::NotFound`]: the place itself is not there, as opposed to empty. [`Error::Unreadable`]: this one item cannot
/// be taken, others can. [`Error::Unreachable`]: the place cannot be reached or used just now; nothing is lost by trying
/// again later. [`Error::Denied`]: it does not let this device in, or not as it was set up. [`Error::Invalid`]: a name or a
/// setting that no place would take.
pub trait Mailbox: Send + Sync {
    /// Makes Kith's folder inside the place, once, when a person adds it. Never makes the place itself, and is never
    /// called to carry on: a drive that is not plugged in, or a stick that was emptied, is then told, not filled anew.
    ///
    /// # Errors
    /// As for every call, see [`Mailbox`].
    fn prepare(&self) -> Result<()>;

    /// Everything there is, at most [`MAX_ITEMS`]. What is only half there (a placeholder of a cloud drive, an upload
    /// that is under way, an empty file) is left out.
    ///
    /// # Errors
    /// As for every call, see [`Mailbox`]. A listing is whole or an error.
    fn list(&self) -> Result<Vec<Item>>;

    /// What lies under a name; `None` when nothing does, or not yet.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when it is larger than `most` bytes; else as for every call.
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>>;

    /// As [`list`](Self::list); a place that may let one wait for long gives up when `look`, asked meanwhile, answers an error.
    ///
    /// # Errors
    /// That of `look`; else as for `list`.
    fn list_while(&self, look: Look<'_>) -> Result<Vec<Item>> {
        look().and_then(|()| self.list())
    }

    /// As [`get`](Self::get), given up in the same way.
    ///
    /// # Errors
    /// That of `look`; else as for `get`.
    fn get_while(&self, name: &str, most: u64, look: Look<'_>) -> Result<Option<Vec<u8>>> {
        look().and_then(|()| self.get(name, most))
    }

    /// Puts bytes, at least one, under a name that never meant anything else, compares the size afterwards and tries again. The same
    /// bytes under the same name again are fine. An error does not mean that nothing was written.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when a folder already has something else under this name: take another one. Else as for
    /// every call.
    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<()>;

    /// Takes an item away; when it is gone already, that is fine.
    ///
    /// # Errors
    /// As for every call, see [`Mailbox`].
    fn delete(&self, name: &str) -> Result<()>;

    /// What to call it in a message: "the folder …", "https://…"; never with a password.
    fn words(&self) -> String;
}

/// Tries a place out as a person adds it: prepares it, then really writes, reads, lists and deletes a small probe. Less
/// is not enough: some S3 servers answer "not found" to a key they do not know, which looks like an empty place.
///
/// # Errors
/// Whatever the place said, or [`Error::Unreachable`] when it did not keep what it took.
pub fn try_out(mailbox: &dyn Mailbox, probe: &[u8; 16]) -> Result<()> {
    mailbox.prepare()?;
    let name = format!("t/{}.probe", hex(probe));
    let bytes = blake3::hash(probe).as_bytes().repeat(32);
    let tried = mailbox.put_new(&name, &bytes).and_then(|()| read_back(mailbox, &name, &bytes));
    let taken_away = mailbox.delete(&name);
    tried?;
    taken_away?;
    match mailbox.get(&name, bytes.len() as u64)? {
        None => Ok(()),
        Some(_) => Err(Error::Unreachable(format!("{} keeps what is deleted in it", mailbox.words()))),
    }
}

fn read_back(mailbox: &dyn Mailbox, name: &str, bytes: &[u8]) -> Result<()> {
    let lost = |how: &str| Err(Error::Unreachable(format!("{} took a file and {how}", mailbox.words())));
    if mailbox.get(name, bytes.len() as u64)?.as_deref() != Some(bytes) {
        return lost("did not give it back");
    }
    let listed = mailbox.list()?;
    if !listed.iter().any(|item| item.name == name && item.bytes == bytes.len() as u64) {
        return lost("does not list it");
    }
    Ok(())
}

/// Whether this is a name Kith writes: one to four parts of lower-case letters, digits, `.`, `-` and `_`, of which none
/// begins or ends with a dot; or [`NOTE`]. Such names mean the same on every system and server.
pub fn is_ours(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !is_in_the_making(part)
            && !part.ends_with('.')
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
    };
    name == NOTE || (name.len() <= MAX_NAME && name.split('/').count() <= 4 && name.split('/').all(part))
}

/// Whether a name that was found stays below Kith's folder wherever it is put together with one: no `..`, nothing
/// absolute, no backslash, no drive, no control character, a bounded length.
pub fn is_safe(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.len() <= 255
            && !part.chars().any(|c| c.is_control() || matches!(c, '\\' | ':'))
    };
    name.len() <= MAX_FOUND_NAME && name.split('/').count() <= MAX_DEPTH + 1 && name.split('/').all(part)
}

/// Whether this part of a name marks what is not there yet or not ours to look at: hidden files and folders, placeholders
/// of iCloud and Nextcloud, temporary names of sync programs and of our own writing.
pub(super) fn is_in_the_making(part: &str) -> bool {
    const ENDINGS: &[&str] = &[".tmp", ".part", ".partial", ".icloud", ".nextcloud", ".owncloud", ".crdownload"];
    part.starts_with('.') || part.starts_with('~') || ENDINGS.iter().any(|ending| part.ends_with(ending))
}

/// Whether a name in a listing is worth telling.
pub(super) fn is_listed(name: &str) -> bool {
    is_safe(name) && !name.split('/').any(is_in_the_making)
}

pub(super) fn checked(name: &str, good: fn(&str) -> bool) -> Result<&str> {
    if good(name) { Ok(name) } else { Err(Error::Invalid(format!("{name:?} is no name for a mailbox"))) }
}

/// An empty item would look like one that has not arrived.
pub(super) fn checked_for_writing<'a>(name: &'a str, bytes: &[u8]) -> Result<&'a str> {
    if bytes.is_empty() {
        return Err(Error::Invalid(format!("{name:?} would be empty")));
    }
    checked(name, is_ours)
}

pub(super) fn full(words: &str) -> Error {
    Error::Unreachable(format!("{words} is full; make room and try again"))
}

pub(super) fn too_many(words: &str) -> Error {
    Error::Unreachable(format!("{words} holds more than {MAX_ITEMS} files; Kith does not look through so many"))
}

pub(super) fn too_large(words: &str, name: &str, most: u64) -> Error {
    Error::Unreadable(format!("{name} in {words} is larger than the {most} bytes it may have"))
}
