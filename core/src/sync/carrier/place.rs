//! Which mailbox: what a person chose, as it is remembered, without the password; and the way from there to a mailbox.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::mailbox::Mailbox;
use super::remote::Remote;
use crate::error::Result;

/// Where a mailbox is. It can be kept and shown: the secret that goes with it is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Place {
    /// A folder of this device, by itself or carried on by Syncthing, a cloud drive or a pocket.
    Folder {
        /// The folder; Kith makes its own inside.
        path: PathBuf,
    },
    /// A folder on a WebDAV server. The secret is the password, best one made for this app.
    WebDav {
        /// Its address, for Nextcloud `https://HOST/remote.php/dav/files/USER/FOLDER`.
        url: String,
        /// The user name; empty for a server that asks nobody.
        #[serde(default)]
        user: String,
        /// The person said that unencrypted HTTP beyond the home network is meant.
        #[serde(default)]
        plain_http: bool,
    },
    /// A bucket on Amazon S3 or a server that speaks as it does. The secret is the secret access key.
    S3 {
        /// The server's address, without the bucket.
        endpoint: String,
        /// The bucket, which has to be there.
        bucket: String,
        /// As the owner of the server says; empty means `us-east-1`, which most servers of one's own take.
        #[serde(default)]
        region: String,
        /// A folder inside the bucket, or empty.
        #[serde(default)]
        prefix: String,
        /// The access key's id.
        access_key: String,
        /// The person said that unencrypted HTTP beyond the home network is meant.
        #[serde(default)]
        plain_http: bool,
    },
}

impl Place {
    /// What to call it, without its secret.
    pub fn words(&self) -> String {
        match self {
            Self::Folder { path } => format!("the folder {}", path.display()),
            Self::WebDav { url, .. } => url.clone(),
            Self::S3 { endpoint, bucket, prefix, .. } => format!("{endpoint}/{bucket}/{prefix}"),
        }
    }

    /// Under which name a key store keeps the secret that goes with it.
    pub fn secret_name(&self) -> String {
        let told = serde_json::to_vec(self).unwrap_or_default();
        format!("mailbox-{}", &blake3::hash(&told).to_hex()[..32])
    }
}

/// Opens a mailbox. This alone asks no server anything; a place that is new is tried out with
/// [`try_out`](super::try_out).
///
/// # Errors
/// [`Error::Invalid`](crate::Error::Invalid) when an address cannot be used or the secret is missing, in words for the
/// person who typed it.
pub fn open(place: &Place, secret: Option<&str>) -> Result<Box<dyn Mailbox>> {
    Ok(match place {
        Place::Folder { path } => Box::new(Folder::at(path)),
        Place::WebDav { url, user, plain_http } => Box::new(Remote::webdav(url, user, secret, *plain_http)?),
        Place::S3 { endpoint, bucket, region, prefix, access_key, plain_http } => {
            Box::new(Remote::s3(endpoint, bucket, region, prefix, access_key, secret, *plain_http)?)
        }
    })
}
