//! A key store on trial: what is kept in it stays in memory, above what another one keeps, until that is said to be right.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use super::{KeyStore, check_name, check_size};
use crate::error::{Error, Result};
use crate::sync::LogId;

/// Secrets by their names; none for one that was forgotten.
type Secrets = BTreeMap<String, Option<Zeroizing<Vec<u8>>>>;

/// What is kept here changes nothing in the store below.
pub struct Trial<'a> {
    below: &'a dyn KeyStore,
    changed: Mutex<Secrets>,
}

impl<'a> Trial<'a> {
    /// Above this store.
    pub fn above(below: &'a dyn KeyStore) -> Self {
        Self { below, changed: Mutex::default() }
    }

    /// Keeps in the store below what was kept here, and forgets there what was forgotten here.
    ///
    /// # Errors
    /// As the store below; then some of it may be kept and some not.
    pub fn keep(self) -> Result<()> {
        let _waiting = self.below.wait_for_others();
        let changed = self.changed.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (kept, forgotten): (Secrets, Secrets) = changed.into_iter().partition(|(_, secret)| secret.is_some());
        forgotten.keys().try_for_each(|name| self.below.remove(name))?;
        kept.iter()
            .try_for_each(|(name, secret)| self.below.put(name, secret.as_deref().map_or(&[], |secret| &secret[..])))
    }

    fn change(&self, name: &str, secret: Option<Zeroizing<Vec<u8>>>) -> Result<()> {
        check_name(name)?;
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), secret);
        Ok(())
    }
}

impl KeyStore for Trial<'_> {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        changed.map_or_else(|| self.below.get(name), Ok)
    }

    fn put(&self, name: &str, secret: &[u8]) -> Result<()> {
        check_size(secret)?;
        self.change(name, Some(Zeroizing::new(secret.to_vec())))
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.change(name, None)
    }

    fn highest(&self, log: LogId) -> Result<Option<u64>> {
        self.below.highest(log)
    }

    fn raise(&self, _: LogId, _: u64) -> Result<()> {
        Err(Error::Invalid("nothing is handed out on trial".into()))
    }
}
