//! The places in which this device meets the others: listed, added, forgotten, opened.

use std::path::Path;

use kith_core::sync::carrier::{Mailbox, Place, open};

use crate::app::App;
use crate::args::{MailboxStep, NewPlace};
use crate::failure::Failure;
use crate::layout::{clean, wrap};

const PASSWORD: &str = "KITH_MAILBOX_PASSWORD";

/// Lists mailboxes, adds or forgets one.
pub(crate) fn mailbox(app: &App, step: Option<&MailboxStep>) -> Result<(), Failure> {
    match step {
        None => list(app),
        Some(MailboxStep::Add { place }) => add(app, place),
        Some(MailboxStep::Forget { number }) => forget(app, *number),
    }
}

fn list(app: &App) -> Result<(), Failure> {
    let all = app.notebook.mailboxes()?;
    if app.json {
        return app.print_json(&all);
    }
    if all.is_empty() {
        app.out.aside("No mailbox yet. Name a folder your devices share: kith sync FOLDER");
    }
    for (at, place) in all.iter().enumerate() {
        app.line(format!("{:3}  {}", at + 1, clean(&place.words())));
    }
    Ok(())
}

fn add(app: &App, place: &NewPlace) -> Result<(), Failure> {
    let (place, secret) = match place {
        NewPlace::Folder { path } => (Place::Folder { path: whole(path) }, None),
        NewPlace::Webdav { url, user, plain_http } => {
            let secret = if user.is_empty() { None } else { Some(password("Password: ")?) };
            (Place::WebDav { url: url.clone(), user: user.clone(), plain_http: *plain_http }, secret)
        }
        NewPlace::S3 { endpoint, bucket, access_key, region, prefix, plain_http } => {
            let place = Place::S3 {
                endpoint: endpoint.clone(),
                bucket: bucket.clone(),
                region: region.clone(),
                prefix: prefix.clone(),
                access_key: access_key.clone(),
                plain_http: *plain_http,
            };
            (place, Some(password("Secret access key: ")?))
        }
    };
    let mailbox = app.notebook.add_mailbox(&place, secret.as_deref(), &app.keys()?, &|| Ok(()))?;
    app.done(mailbox.words(), &format!("Devices can meet in {} now: kith sync", mailbox.words()))
}

fn forget(app: &App, number: usize) -> Result<(), Failure> {
    let mut all = app.notebook.mailboxes()?;
    if number == 0 || number > all.len() {
        return Err(Failure::NotFound(format!("there is no mailbox {number}; `kith mailbox` lists them")));
    }
    let place = all.remove(number - 1);
    app.notebook.forget_mailbox(&place, &app.keys()?)?;
    app.done(place.words(), &format!("Forgotten: {}. What lies there stays.", place.words()))
}

/// Every mailbox of this device, open; none at all is a failure that says what to do.
pub(crate) fn all(app: &App) -> Result<Vec<Box<dyn Mailbox>>, Failure> {
    let all = open_all(app)?;
    if all.is_empty() { Err(none_yet()) } else { Ok(all.into_iter().map(|(_, mailbox)| mailbox).collect()) }
}

/// A mailbox and what it is.
pub(crate) type Opened = (Place, Box<dyn Mailbox>);

/// Every mailbox of this device, open.
pub(crate) fn open_all(app: &App) -> Result<Vec<Opened>, Failure> {
    let keys = app.keys()?;
    let open_one = |place: Place| {
        let mailbox = app.notebook.open_mailbox(&place, &keys)?;
        Ok((place, mailbox))
    };
    app.notebook.mailboxes()?.into_iter().map(open_one).collect()
}

/// Whether there is no mailbox on this device.
pub(crate) fn is_none(app: &App) -> Result<bool, Failure> {
    Ok(app.notebook.mailboxes()?.is_empty())
}

/// What to do when devices have nowhere to meet.
pub(crate) fn none_yet() -> Failure {
    Failure::Usage(
        "no folder was named yet. Choose one that your devices share, on a stick or in a cloud drive, and name it once: \
         kith sync FOLDER"
            .into(),
    )
}

/// A folder that was named, made ready and remembered; else the first mailbox.
pub(crate) fn one(app: &App, folder: Option<&Path>) -> Result<Box<dyn Mailbox>, Failure> {
    match folder {
        Some(folder) => named(app, folder),
        None => all(app)?.into_iter().next().ok_or_else(|| Failure::Usage("no folder was named yet".into())),
    }
}

/// A folder that was named just now: tried out when it is new, and remembered.
pub(crate) fn named(app: &App, folder: &Path) -> Result<Box<dyn Mailbox>, Failure> {
    if folder.is_file() {
        return Err(Failure::Usage(format!(
            "{} is a file; devices meet in a folder",
            clean(&folder.to_string_lossy())
        )));
    }
    let place = Place::Folder { path: whole(folder) };
    let is_known = app.notebook.mailboxes()?.contains(&place);
    let keys = app.keys()?;
    // Somebody who names a folder means it, also when Kith's own folder inside it is gone.
    let ready = match is_known {
        true => open(&place, None).and_then(|mailbox| mailbox.prepare().map(|()| mailbox)),
        false => app.notebook.add_mailbox(&place, None, &keys, &|| Ok(())),
    };
    ready.map_err(|error| match error {
        kith_core::Error::NotFound(what) => Failure::NotFound(format!(
            "{what} was not found. It is not made by itself: a drive that is not plugged in looks the same. Plug it in, \
             or make the folder, and try again."
        )),
        error => error.into(),
    })
}

fn whole(folder: &Path) -> std::path::PathBuf {
    std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf())
}

fn password(question: &str) -> Result<String, Failure> {
    if let Some(password) = std::env::var(PASSWORD).ok().filter(|password| !password.is_empty()) {
        return Ok(password);
    }
    crate::prompt::secret(question, &format!("set {PASSWORD}"))
}

/// A sentence as wide as the terminal.
pub(crate) fn say(app: &App, words: &str) {
    app.out.ask(&wrap(words, "", app.width));
}
