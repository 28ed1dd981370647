//! What the commands take that concern other devices and the places in which devices meet.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `kith sync`.
#[derive(Args)]
pub(crate) struct Sync {
    /// A folder, which is remembered; without one, every mailbox that was named before, then the devices nearby and those
    /// at the relay
    #[arg(value_name = "FOLDER", conflicts_with_all = ["at", "watch"])]
    pub(crate) folder: Option<PathBuf>,
    /// Only with the device at this address, which runs `kith sync --watch`
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "watch")]
    pub(crate) at: Option<String>,
    /// Do not look for devices on this network or at the relay
    #[arg(long, conflicts_with_all = ["at", "watch"])]
    pub(crate) no_near: bool,
    /// Stay: let other devices find this one, and sync whenever something changes, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
    /// The port to listen on while it watches, instead of any
    #[arg(long, value_name = "PORT", requires = "watch")]
    pub(crate) port: Option<u16>,
}

/// `kith invite`.
#[derive(Args)]
pub(crate) struct Invite {
    /// The folder in which the two meet, instead of the first mailbox
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Show the code and end; `kith sync` answers the device that comes with it, `kith invite --agree-to` goes on
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Let in the device that asked, if these are the digits it shows
    #[arg(long, value_name = "DIGITS", conflicts_with = "no_wait")]
    pub(crate) agree_to: Option<String>,
    /// Take the last invitation back: until it is used or replaced, its code is good
    #[arg(long, conflicts_with_all = ["no_wait", "agree_to"])]
    pub(crate) cancel: bool,
    /// Meet on this network, without a folder; both devices stay awake until it is done, and the code is good for 120
    /// seconds
    #[arg(long, conflicts_with_all = ["folder", "no_wait", "agree_to", "cancel"])]
    pub(crate) near: bool,
}

/// `kith join`.
#[derive(Args)]
pub(crate) struct Join {
    /// The code the other device shows; without one, go on with the last
    #[arg(value_name = "CODE")]
    pub(crate) code: Vec<String>,
    /// The folder in which the two meet, instead of the first mailbox
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Look for the other device on this network, where it runs `kith invite --near`; so it is without any mailbox
    #[arg(long, conflicts_with_all = ["folder", "no_wait"])]
    pub(crate) near: bool,
    /// The same at this address
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["folder", "no_wait"])]
    pub(crate) at: Option<String>,
    /// Ask and end; the same once more shows the digits when the other device has synced, then `kith join` goes on
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Do not ask; for a code, only where nothing is written yet
    #[arg(long)]
    pub(crate) yes: bool,
    /// Do not ask, and add what is written here to the notebook that is joined, for all of its devices to read
    #[arg(long, conflicts_with = "yes")]
    pub(crate) join_with_my_notes: bool,
    /// Let this device in with the recovery key, which is asked for, or taken from KITH_RECOVERY_KEY
    #[arg(long, conflicts_with_all = ["code", "again"])]
    pub(crate) recovery: bool,
    /// Go back into a notebook this device belongs to: for a notebook put back from an old backup
    #[arg(long, conflicts_with = "code")]
    pub(crate) again: bool,
}

/// What to do with a device.
#[derive(Subcommand)]
pub(crate) enum DeviceStep {
    /// Remove a device for ever: lost, sold or stolen
    #[command(after_help = examples!("kith devices remove tablet", "kith devices remove 3fa91c02 --yes"))]
    Remove {
        /// Its name, or its id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// In the name of the recovery key, against which no device can say anything; it is asked for, or taken from
        /// KITH_RECOVERY_KEY
        #[arg(long)]
        recovery: bool,
    },
    /// Say where the keys of this device are, or move them
    ///
    /// They are files, sealed with a key that lies in the keychain of your system if that answered when the first of them
    /// came; else only you can read them. KITH_KEYS=file keeps new ones out of the keychain, for a computer that nobody
    /// sits at. A move that is broken off leaves all keys where they were, or where they go.
    #[command(after_help = examples!("kith devices keys", "kith devices keys --keychain", "kith devices keys --files"))]
    Keys {
        /// Seal them with a key in the keychain
        #[arg(long, conflicts_with = "files")]
        keychain: bool,
        /// Keep them as files that only you can read
        #[arg(long)]
        files: bool,
    },
}

/// What to do with a mailbox.
#[derive(Subcommand)]
pub(crate) enum MailboxStep {
    /// Add a place; it is tried out first
    Add {
        #[command(subcommand)]
        place: NewPlace,
    },
    /// Forget a place; what is in it stays
    #[command(after_help = examples!("kith mailbox forget 2"))]
    Forget {
        /// Its number in the list
        #[arg(value_name = "NUMBER")]
        number: usize,
    },
}

/// What to do with the relay.
#[derive(Subcommand)]
pub(crate) enum RelayStep {
    /// Set the relay of this device; it is tried out first
    #[command(after_help = examples!("kith relay set https://relay.example", "kith relay set https://relay.example:8443"))]
    Set {
        /// Its address
        #[arg(value_name = "URL")]
        url: String,
    },
    /// Forget the relay of this device; from then on nothing goes there
    Forget,
}

/// A place in which devices meet.
#[derive(Subcommand)]
pub(crate) enum NewPlace {
    /// A folder that the devices share
    #[command(after_help = examples!("kith mailbox add folder ~/Dropbox"))]
    Folder {
        /// The folder, which has to be there
        #[arg(value_name = "FOLDER")]
        path: PathBuf,
    },
    /// A folder on a WebDAV server, such as Nextcloud; the password is asked for, or taken from KITH_MAILBOX_PASSWORD
    #[command(after_help = examples!("kith mailbox add webdav https://cloud.example/remote.php/dav/files/ann/kith --user ann"))]
    Webdav {
        /// Its address
        #[arg(value_name = "URL")]
        url: String,
        /// The user name
        #[arg(long, value_name = "NAME", default_value = "")]
        user: String,
        /// Take unencrypted http beyond the home network
        #[arg(long)]
        plain_http: bool,
    },
    /// A bucket on an S3 server; the secret key is asked for, or taken from KITH_MAILBOX_PASSWORD
    #[command(after_help = examples!("kith mailbox add s3 https://s3.example my-bucket --access-key AK123"))]
    S3 {
        /// The server's address, without the bucket
        #[arg(value_name = "URL")]
        endpoint: String,
        /// The bucket, which has to be there
        #[arg(value_name = "BUCKET")]
        bucket: String,
        /// The access key
        #[arg(long, value_name = "KEY")]
        access_key: String,
        /// The region
        #[arg(long, value_name = "REGION", default_value = "")]
        region: String,
        /// A folder inside the bucket
        #[arg(long, value_name = "FOLDER", default_value = "")]
        prefix: String,
        /// Take unencrypted http beyond the home network
        #[arg(long)]
        plain_http: bool,
    },
}

/// What becomes of something that is kept back.
#[derive(Subcommand)]
pub(crate) enum QuarantineStep {
    /// Take what a device wrote into your notes
    #[command(after_help = examples!("kith quarantine keep tablet"))]
    Keep {
        /// Its name, or its id
        #[arg(value_name = "DEVICE")]
        device: String,
    },
    /// Leave what a device wrote, and be asked no more
    #[command(after_help = examples!("kith quarantine drop tablet"))]
    Drop {
        /// Its name, or its id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Delete here too what other devices deleted for good
    #[command(after_help = examples!("kith quarantine agree", "kith quarantine agree phone"))]
    Agree {
        /// The name of the device that did it; all of them without one
        #[arg(value_name = "DEVICE")]
        device: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Leave here what another device deleted for good, and be asked no more
    #[command(after_help = examples!("kith quarantine refuse phone"))]
    Refuse {
        /// The name of the device that did it
        #[arg(value_name = "DEVICE")]
        device: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}
