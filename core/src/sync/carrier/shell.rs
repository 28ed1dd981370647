//! A mailbox that the shell reaches for us: iCloud Drive through `NSFileCoordinator`, a tree of folders that Android's
//! storage framework hands out. The shell has five calls to offer, and nothing it does is relied on: it may panic, tear
//! what it writes, list nonsense, hand back more than was asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::mailbox::{Item, MAX_ITEMS, Mailbox, checked, checked_for_writing, is_listed, is_safe, too_large, too_many};
use crate::error::{Error, Result};

/// How often something that the shell did not keep is written again.
const TRIES: usize = 3;
/// How much of what a shell says about a failure is shown.
const MAX_WORDS: usize = 200;

/// Why a shell could not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShellFailure {
    /// The place itself is not there: not signed in, a permission that was taken back, a card that was taken out.
    #[error("it is not there")]
    NotThere,
    /// Anything else, in words for a person.
    #[error("{0}")]
    Refused(String),
}

/// What a shell does for a mailbox. Names have `/` between their parts and lie below a folder of Kith's own.
///
/// Calls come from a worker thread, several at once, and may block.
pub trait Shell: Send + Sync {
    /// Makes Kith's folder, once, when a person adds the place.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn prepare(&self) -> std::result::Result<(), ShellFailure>;

    /// The name and size of every file, those in folders included.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn list(&self) -> std::result::Result<Vec<(String, u64)>, ShellFailure>;

    /// The bytes of a file, fetched from the cloud first if need be; none when it is not there, or not yet.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn read(&self, name: &str) -> std::result::Result<Option<Vec<u8>>, ShellFailure>;

    /// Writes a new file, and the folders above it.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn write(&self, name: &str, bytes: &[u8]) -> std::result::Result<(), ShellFailure>;

    /// Takes a file away; one that is gone is fine.
    ///
    /// # Errors
    /// [`ShellFailure`]
    fn remove(&self, name: &str) -> std::result::Result<(), ShellFailure>;
}

/// A place as a mailbox, reached through a shell.
///
/// ```
/// use kith_core::sync::carrier::{Mailbox, Shell, ShellFailure, ThroughShell, try_out};
/// use std::{collections::BTreeMap, sync::Mutex};
///
/// #[derive(Default)]
/// struct Phone(Mutex<BTreeMap<String, Vec<u8>>>);
///
/// impl Shell for Phone {
///     fn prepare(&self) -> Result<(), ShellFailure> {
///         Ok(())
///     }
///     fn list(&self) -> Result<Vec<(String, u64)>, ShellFailure> {
///         Ok(self.0.lock().unwrap().iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect())
///     }
///     fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ShellFailure> {
///         Ok(self.0.lock().unwrap().get(name).cloned())
///     }
///     fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ShellFailure> {
///         self.0.lock().unwrap().insert(name.into(), bytes.into());
///         Ok(())
///     }
///     fn remove(&self, name: &str) -> Result<(), ShellFailure> {
///         self.0.lock().unwrap().remove(name);
///         Ok(())
///     }
/// }
///
/// let mailbox = ThroughShell::new("iCloud Drive", Phone::default());
/// try_out(&mailbox, &[7; 16])?;
/// mailbox.put_new("l/0001.kiths", b"sealed")?;
/// assert_eq!(mailbox.get("l/0001.kiths", 1024)?.as_deref(), Some(&b"sealed"[..]));
/// # Ok::<(), kith_core::Error>(())
/// ```
pub struct ThroughShell<S> {
    words: String,
    shell: S,
}

impl<S: Shell> ThroughShell<S> {
    /// A place under the name a person knows it by.
    pub fn new(words: &str, shell: S) -> Self {
        Self { words: short(words), shell }
    }

    fn ask<T>(&self, call: impl FnOnce(&S) -> std::result::Result<T, ShellFailure>) -> Result<T> {
        match catch_unwind(AssertUnwindSafe(|| call(&self.shell))) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(ShellFailure::NotThere)) => Err(Error::NotFound(self.words())),
            Ok(Err(ShellFailure::Refused(why))) => Err(Error::Unreachable(format!("{}: {}", self.words, short(&why)))),
            Err(_) => Err(Error::Unreachable(format!("{} cannot be used just now; try again", self.words))),
        }
    }
}

impl<S: Shell> Mailbox for ThroughShell<S> {
    fn prepare(&self) -> Result<()> {
        self.ask(S::prepare)
    }

    fn list(&self) -> Result<Vec<Item>> {
        let listed = self.ask(S::list)?;
        if listed.len() > MAX_ITEMS {
            return Err(too_many(&self.words));
        }
        let items = listed.into_iter().filter(|(name, bytes)| *bytes > 0 && is_listed(name));
        let mut items: Vec<Item> = items.map(|(name, bytes)| Item { name, bytes }).collect();
        items.sort_unstable();
        items.dedup_by(|a, b| a.name == b.name);
        Ok(items)
    }

    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let name = checked(name, is_safe)?;
        let bytes = self.ask(|shell| shell.read(name))?.filter(|bytes| !bytes.is_empty());
        if bytes.as_ref().is_some_and(|bytes| bytes.len() as u64 > most) {
            return Err(too_large(&self.words, name, most));
        }
        Ok(bytes)
    }

    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let name = checked_for_writing(name, bytes)?;
        let mut last = Ok(());
        for _ in 0..TRIES {
            match self.ask(|shell| shell.read(name))? {
                Some(there) if there == bytes => return Ok(()),
                // What is there before anything was written here is somebody else's.
                Some(_) if last.is_ok() => {
                    return Err(Error::Unreadable(format!("{name} in {} is something else", self.words)));
                }
                Some(_) => self.ask(|shell| shell.remove(name))?,
                None => {}
            }
            last = self.ask(|shell| shell.write(name, bytes));
            // An error does not mean that nothing was written, nor success that all was.
            if self.ask(|shell| shell.read(name))?.as_deref() == Some(bytes) {
                return Ok(());
            }
            last = last.and_then(|()| Err(Error::Unreachable(format!("{} did not keep what was written", self.words))));
        }
        last
    }

    fn delete(&self, name: &str) -> Result<()> {
        let name = checked(name, is_safe)?;
        self.ask(|shell| shell.remove(name))
    }

    fn words(&self) -> String {
        self.words.clone()
    }
}

/// Words from outside, as one line of bounded length.
fn short(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)] // a failure here fails the test
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::sync::carrier::try_out;

    /// A shell that keeps files in memory and misbehaves as it is told.
    #[derive(Default)]
    struct Hostile {
        files: Mutex<BTreeMap<String, Vec<u8>>>,
        writes: AtomicU64,
        trick: Trick,
    }

    #[derive(Clone, Copy, Default, PartialEq)]
    enum Trick {
        #[default]
        None,
        Panics,
        SignedOut,
        SaysMuch,
        TearsFirstWrite,
        TearsEveryWrite,
        FailsThoughItWrote,
        ForgetsWrites,
        ListsNonsense,
        ListsWithoutEnd,
    }

    impl Hostile {
        fn plays(&self) -> std::result::Result<(), ShellFailure> {
            match self.trick {
                Trick::Panics => panic!("a callback threw"),
                Trick::SignedOut => Err(ShellFailure::NotThere),
                Trick::SaysMuch => Err(ShellFailure::Refused("no\u{1b}[31m\n".repeat(100_000))),
                _ => Ok(()),
            }
        }
    }

    impl Shell for Hostile {
        fn prepare(&self) -> std::result::Result<(), ShellFailure> {
            self.plays()
        }

        fn list(&self) -> std::result::Result<Vec<(String, u64)>, ShellFailure> {
            self.plays()?;
            if self.trick == Trick::ListsWithoutEnd {
                return Ok((0..=MAX_ITEMS).map(|n| (format!("l/{n}"), 1)).collect());
            }
            let files = self.files.lock().unwrap();
            let mut listed: Vec<_> = files.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect();
            if self.trick == Trick::ListsNonsense {
                let names = ["../up", "/etc/passwd", "", "a\0b", ".hidden", "l/x.icloud", "l/empty"];
                listed.extend(names.map(|name| (name.to_string(), u64::from(name != "l/empty"))));
                listed.extend(listed.clone());
            }
            Ok(listed)
        }

        fn read(&self, name: &str) -> std::result::Result<Option<Vec<u8>>, ShellFailure> {
            self.plays()?;
            Ok(self.files.lock().unwrap().get(name).cloned())
        }

        fn write(&self, name: &str, bytes: &[u8]) -> std::result::Result<(), ShellFailure> {
            self.plays()?;
            let first = self.writes.fetch_add(1, Ordering::Relaxed) == 0;
            let torn = self.trick == Trick::TearsEveryWrite || (first && self.trick == Trick::TearsFirstWrite);
            if self.trick != Trick::ForgetsWrites {
                let kept = if torn { &bytes[..bytes.len() / 2] } else { bytes };
                self.files.lock().unwrap().insert(name.into(), kept.into());
            }
            match self.trick {
                Trick::FailsThoughItWrote => Err(ShellFailure::Refused("the cloud is slow".into())),
                _ => Ok(()),
            }
        }

        fn remove(&self, name: &str) -> std::result::Result<(), ShellFailure> {
            self.plays()?;
            self.files.lock().unwrap().remove(name);
            Ok(())
        }
    }

    fn mailbox(trick: Trick) -> ThroughShell<Hostile> {
        ThroughShell::new("iCloud Drive", Hostile { trick, ..Hostile::default() })
    }

    #[test]
    fn a_shell_that_panics_is_signed_out_or_talks_much_is_an_error_in_words() {
        for (trick, said) in
            [(Trick::Panics, "cannot be used"), (Trick::SignedOut, "iCloud Drive"), (Trick::SaysMuch, "no")]
        {
            let place = mailbox(trick);
            let quiet = std::panic::take_hook();
            std::panic::set_hook(Box::new(|_| {}));
            let answers = [
                place.prepare().err(),
                place.list().err(),
                place.get("l/a", 9).err(),
                place.put_new("l/a", b"x").err(),
                place.delete("l/a").err(),
            ];
            std::panic::set_hook(quiet);
            for answer in answers {
                let words = answer.expect("it fails").to_string();
                assert!(words.contains(said) && words.len() < 1000 && !words.contains(['\n', '\u{1b}']), "{words}");
            }
        }
    }

    #[test]
    fn what_a_shell_tears_or_forgets_is_written_again_or_told() {
        for trick in [Trick::TearsFirstWrite, Trick::FailsThoughItWrote, Trick::None] {
            let place = mailbox(trick);
            place.put_new("l/a", b"sealed").unwrap();
            assert_eq!(place.get("l/a", 6).unwrap().as_deref(), Some(&b"sealed"[..]));
            assert!(try_out(&place, &[1; 16]).is_ok());
        }
        for trick in [Trick::TearsEveryWrite, Trick::ForgetsWrites] {
            assert!(matches!(mailbox(trick).put_new("l/a", b"sealed"), Err(Error::Unreachable(_))));
            assert!(try_out(&mailbox(trick), &[1; 16]).is_err());
        }
        let place = mailbox(Trick::None);
        place.put_new("l/a", b"sealed").unwrap();
        assert!(matches!(place.put_new("l/a", b"other"), Err(Error::Unreadable(_))), "nothing is overwritten");
        assert!(matches!(place.get("l/a", 5), Err(Error::Unreadable(_))), "nor taken beyond its bound");
    }

    #[test]
    fn a_listing_is_cleaned_and_bounded() {
        let place = mailbox(Trick::ListsNonsense);
        place.put_new("l/a", b"sealed").unwrap();
        assert_eq!(place.list().unwrap(), [Item { name: "l/a".into(), bytes: 6 }]);
        assert!(matches!(mailbox(Trick::ListsWithoutEnd).list(), Err(Error::Unreachable(_))));
        for bad in ["../up", "/x", "", "a\0b"] {
            assert!(matches!(place.get(bad, 9), Err(Error::Invalid(_))), "{bad:?}");
            assert!(matches!(place.put_new(bad, b"x"), Err(Error::Invalid(_))), "{bad:?}");
        }
    }
}
