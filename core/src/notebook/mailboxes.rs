//! The mailboxes in which this device meets the others: added, listed, opened, forgotten. The notebook of this device
//! remembers where they are; what opens them, if anything does, is in the key store.

use super::Notebook;
use crate::error::{Error, Result};
use crate::sync::carrier::{Look, Mailbox, Place, Watched, open, try_out};
use crate::sync::keystore::KeyStore;

/// Under which word this device remembers its mailboxes.
const MAILBOXES: &str = "mailboxes";

impl Notebook {
    /// Where this device meets the others, in the order in which it learned of them.
    ///
    /// # Errors
    /// As any question.
    pub fn mailboxes(&self) -> Result<Vec<Place>> {
        let kept = self.remembered(MAILBOXES)?;
        Ok(kept.and_then(|kept| serde_json::from_str(&kept).ok()).unwrap_or_default())
    }

    /// Opens a mailbox with the secret that was kept for it. Asks no server anything.
    ///
    /// # Errors
    /// [`Error::Invalid`] when its address cannot be used, [`Error::Denied`] when its secret is missing.
    pub fn open_mailbox(&self, place: &Place, keys: &dyn KeyStore) -> Result<Box<dyn Mailbox>> {
        let secret = keys.get(&place.secret_name())?;
        open(place, secret.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok()))
    }

    /// Tries a place out, and remembers it with its secret when it keeps what is written to it.
    ///
    /// # Errors
    /// As [`try_out`], or what `look` answers; nothing is remembered then.
    pub fn add_mailbox(
        &self,
        place: &Place,
        secret: Option<&str>,
        keys: &dyn KeyStore,
        look: Look<'_>,
    ) -> Result<Box<dyn Mailbox>> {
        let mailbox = open(place, secret)?;
        self.try_mailbox(&Watched::new(mailbox.as_ref(), look))?;
        if let Some(secret) = secret {
            keys.put(&place.secret_name(), secret.as_bytes())?;
        }
        let mut all = self.mailboxes()?;
        if !all.contains(place) {
            all.push(place.clone());
            self.keep_mailboxes(&all)?;
        }
        Ok(mailbox)
    }

    /// Makes Kith's folder in a place that a person names for the first time, and sees whether it keeps what is written.
    ///
    /// # Errors
    /// As [`try_out`].
    pub fn try_mailbox(&self, mailbox: &dyn Mailbox) -> Result<()> {
        let mut probe = [0; 16];
        self.with_random(|random| random(&mut probe));
        try_out(mailbox, &probe)
    }

    /// Forgets a mailbox and its secret. What lies there stays.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is none of [`Notebook::mailboxes`].
    pub fn forget_mailbox(&self, place: &Place, keys: &dyn KeyStore) -> Result<()> {
        let mut all = self.mailboxes()?;
        let before = all.len();
        all.retain(|known| known != place);
        if all.len() == before {
            return Err(Error::NotFound("the mailbox".into()));
        }
        self.keep_mailboxes(&all)?;
        keys.remove(&place.secret_name())
    }

    fn keep_mailboxes(&self, all: &[Place]) -> Result<()> {
        let mut writing = self.write();
        writing.remember(MAILBOXES, Some(serde_json::to_string(all).unwrap_or_default()));
        writing.commit().map(drop)
    }
}
