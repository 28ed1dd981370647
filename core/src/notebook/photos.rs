//! Photos of people: given, shown, taken away.

use super::Notebook;
use crate::error::{Error, Result};
use crate::model::{BlobId, Contact, Id};
use crate::{photo, store};

impl Notebook {
    /// The bytes of a photo, a JPEG of at most 512 × 512 pixels and 64 KiB; none when it is not here, or not yet.
    ///
    /// # Errors
    /// As any question.
    pub fn photo(&self, id: &BlobId) -> Result<Option<Vec<u8>>> {
        self.read(|connection| store::blob(connection, &id.0))
    }

    /// Makes this picture, a JPEG, PNG or WebP, the photo of a person; answers under which name it is kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is no such picture or too large, [`Error::NotFound`] when there is no such person.
    pub fn set_photo(&self, id: Id<Contact>, picture: &[u8]) -> Result<BlobId> {
        let bytes = photo::fit(picture).map_err(|error| Error::Invalid(error.to_string()))?;
        let blob = BlobId::of(&bytes);
        let mut writing = self.write();
        writing.edit(id, |contact: &mut Contact| contact.photo = Some(blob.clone()))?;
        writing.blob(bytes);
        writing.commit()?;
        Ok(blob)
    }
}
