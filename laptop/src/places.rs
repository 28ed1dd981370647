//! Where this system keeps a program's files, and what this computer is called.

use std::path::{Path, PathBuf};

use kith_core::model::zone_called;
use kith_core::sync::identity::HandedOut;
use kith_core::sync::keystore::{DeviceKeyStore, Tell};

use crate::args::Cli;
use crate::failure::Failure;
use crate::keychain::{self, SystemKeychain};

/// The notebook that was named, or this device's own.
pub(crate) fn chosen(cli: &Cli) -> Result<PathBuf, Failure> {
    match named(cli) {
        // SQLite takes some words for a notebook in memory: a whole path is none of them.
        Some(path) => std::path::absolute(&path).map_err(|error| {
            Failure::Wrong(format!("{} cannot be found ({error}); nothing was changed", path.display()))
        }),
        None => Ok(folders()?.data_dir().join("notebook.kith")),
    }
}

/// Says so when a notebook was named that is not there: a slip of the keyboard must not begin a new one.
pub(crate) fn must_be_there(cli: &Cli) -> Result<(), Failure> {
    if named(cli).is_none() {
        return Ok(());
    }
    let path = chosen(cli)?;
    let in_a_file = path.parent().is_some_and(Path::is_file);
    if path.exists() || in_a_file {
        return Ok(());
    }
    Err(Failure::NotFound(format!(
        "there is no notebook {}. `kith --notebook FILE jot …` begins one, `restore` brings one back",
        path.display()
    )))
}

/// A file of no bytes is what a full disk or a drive that carries files leaves of a notebook; it would be opened as a new
/// one.
pub(crate) fn must_not_be_empty(cli: &Cli) -> Result<(), Failure> {
    let path = chosen(cli)?;
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_file() && meta.len() == 0 => Err(Failure::Unreadable(format!(
            "{} is a file of 0 bytes: nothing is left in it to be read. If it was a notebook, take it away and bring a \
             backup back with `kith restore BACKUP`, or let this device in again with `kith join`",
            path.display()
        ))),
        _ => Ok(()),
    }
}

fn named(cli: &Cli) -> Option<PathBuf> {
    let named = cli.notebook.clone().or_else(|| std::env::var_os("KITH_NOTEBOOK").map(PathBuf::from));
    named.filter(|path| !path.as_os_str().is_empty())
}

/// What this device keeps outside of any notebook: its keys, and how far each log was handed out. Files that only this
/// person can read, the keys sealed besides where the system has a keychain; `tell` hears why it has none.
pub(crate) fn keys(tell: Tell) -> Result<DeviceKeyStore, Failure> {
    let folders = folders()?;
    let state = folders.state_dir().unwrap_or_else(|| folders.data_local_dir());
    make(state)?;
    let handed_out = HandedOut::at(state.join("handed-out.json"));
    let at_first = keychain::at_first()?;
    Ok(DeviceKeyStore::at(state.join("keys"), handed_out, Box::new(SystemKeychain), at_first, tell))
}

/// Makes the folder a file is to stand in.
pub(crate) fn make_room_for(file: &Path) -> Result<(), Failure> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => make(folder),
        _ => Ok(()),
    }
}

fn make(folder: &Path) -> Result<(), Failure> {
    kith_core::files::create_own_folder(folder).map_err(|error| {
        Failure::Wrong(format!(
            "the folder {} cannot be made ({error}). Nothing was changed. Choose another place with --notebook FILE.",
            folder.display()
        ))
    })
}

fn folders() -> Result<directories::ProjectDirs, Failure> {
    directories::ProjectDirs::from("", "", "kith").ok_or_else(|| {
        Failure::Wrong("this system names no folder for a person's files; say where with --notebook FILE.".into())
    })
}

/// The whole path of a folder that was typed, `~` being the person's own; none for no words.
pub(crate) fn folder(typed: &str) -> Result<Option<PathBuf>, Failure> {
    let typed = match (typed.strip_prefix('~'), directories::BaseDirs::new()) {
        (Some(rest), Some(dirs)) if rest.is_empty() || rest.starts_with('/') => {
            dirs.home_dir().join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(typed),
    };
    if typed.as_os_str().is_empty() {
        return Ok(None);
    }
    std::path::absolute(&typed)
        .map(Some)
        .map_err(|error| Failure::Wrong(format!("{} cannot be found ({error}); nothing was changed", typed.display())))
}

/// What other devices call this one.
pub(crate) fn device() -> String {
    let named = std::env::var("KITH_DEVICE").ok().filter(|name| !name.trim().is_empty());
    named.unwrap_or_else(|| gethostname::gethostname().to_string_lossy().into_owned())
}

/// The zone that TZ names, else that of this computer; UTC when neither says.
pub(crate) fn zone() -> chrono_tz::Tz {
    let named = std::env::var("TZ").ok().and_then(|name| zone_named(&name));
    named.unwrap_or_else(|| zone_called(&iana_time_zone::get_timezone().unwrap_or_default()))
}

/// `Europe/Paris`, `:Europe/Paris`, or the path of such a file.
fn zone_named(name: &str) -> Option<chrono_tz::Tz> {
    let name = name.trim().trim_start_matches(':');
    let name = name.split_once("zoneinfo/").map_or(name, |(_, name)| name);
    name.parse().ok()
}
