//! The file that says how the secrets beside it are kept. It names the key that seals them and has nothing of it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How the file is called; no secret can have such a name.
pub(super) const NAME: &str = "kept-in.json";
const VERSION: u32 = 1;
const MAX: usize = 4096;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    version: u32,
    pub(super) kept_in: KeptIn,
    /// Secrets are on their way from one kind to the other: those of the kind not named here are copies, to be taken
    /// away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) moving: bool,
}

/// In what the secrets are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KeptIn {
    /// As they are.
    Files,
    /// Sealed under a key that the keychain has under this name.
    Keychain {
        /// Its name there.
        lock: String,
    },
}

/// What every version of the file has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Marker {
    pub(super) fn new(kept_in: KeptIn, moving: bool) -> Self {
        Self { version: VERSION, kept_in, moving }
    }

    /// What the file in this folder says, if there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        let place = folder.join(NAME);
        let Some(bytes) = super::read(&place, MAX)? else { return Ok(None) };
        let damaged = |_| Error::Storage(format!("{} is damaged; it says where the keys are", place.display()));
        let versioned: Versioned = serde_json::from_slice(&bytes).map_err(damaged)?;
        if versioned.version != VERSION {
            return Err(Error::NeedsUpdate(place.display().to_string()));
        }
        serde_json::from_slice(&bytes).map(Some).map_err(damaged)
    }

    /// Writes the file, whole and durable.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).map_err(|error| Error::Storage(error.to_string()))?;
        super::write(&folder.join(NAME), &text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_damaged_or_newer_marker_is_an_error_and_never_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Marker::read(folder.path()).unwrap(), None);
        let marker = Marker::new(KeptIn::Keychain { lock: "ab".into() }, true);
        marker.write(folder.path()).unwrap();
        assert_eq!(Marker::read(folder.path()).unwrap(), Some(marker));
        for wrong in ["", "{", "{}", "{\"version\":1}", "{\"version\":1,\"kept_in\":\"drawer\"}", &" ".repeat(5000)] {
            std::fs::write(folder.path().join(NAME), wrong).unwrap();
            assert!(matches!(Marker::read(folder.path()), Err(Error::Storage(_))), "{wrong}");
        }
        std::fs::write(folder.path().join(NAME), "{\"version\":2,\"kept_in\":\"drawer\"}").unwrap();
        assert!(matches!(Marker::read(folder.path()), Err(Error::NeedsUpdate(_))));
    }

    #[test]
    fn what_the_file_says_stays_as_it_was_first_written() {
        let text = |kept_in, moving| serde_json::to_string(&Marker::new(kept_in, moving)).unwrap();
        assert_eq!(text(KeptIn::Files, false), r#"{"version":1,"kept_in":"files"}"#);
        let kept_in = KeptIn::Keychain { lock: "ab".into() };
        assert_eq!(text(kept_in, true), r#"{"version":1,"kept_in":{"keychain":{"lock":"ab"}},"moving":true}"#);
    }
}
