//! The devices of a notebook: inviting one, joining with a code, listing and removing.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use kith_core::Error;
use kith_core::notebook::{DeviceRow, Joining};
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::carrier::pair::Lending;
use kith_core::sync::keys::RecoveryKit;
use kith_core::sync::keystore::KeyStore;
use kith_core::sync::pairing::{Code, Request};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::app::App;
use crate::args::{DeviceStep, Invite, Join};
use crate::failure::Failure;
use crate::layout::{FAINT, STRONG, clean, styled};
use crate::mailboxes::{self, say};
use crate::{choose, days, keychain, pair, sync};

/// How often the mailbox is looked into while somebody waits, and for how long.
const STEP: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Lets another device in.
pub(crate) fn invite(app: &App, invite: &Invite) -> Result<(), Failure> {
    if invite.near {
        return invite_near(app);
    }
    let (place, keys) = (mailboxes::one(app, invite.folder.as_deref())?, app.keys()?);
    if invite.cancel {
        app.notebook.cancel_invitation(place.as_ref(), &keys)?;
        return app.done("", "The invitation is taken back.");
    }
    if let Some(digits) = &invite.agree_to {
        app.notebook.request_to_join(place.as_ref(), &keys)?.ok_or_else(|| {
            Failure::NotFound("no device has asked yet; give the folder time to bring it, and try again".into())
        })?;
        return agree(app, place.as_ref(), &keys, digits);
    }
    let code = app.notebook.invite(place.as_ref(), &keys)?;
    show_code(app, &code)?;
    if invite.no_wait || app.json {
        return Ok(());
    }
    if !app.can_ask() {
        return Err(Failure::Usage(
            "nobody is here to compare the digits; use kith invite --no-wait, then kith invite --agree-to DIGITS"
                .into(),
        ));
    }
    say(app, "Type it on the other device: kith join CODE. Waiting until it asks; Ctrl-C ends the waiting.");
    let request = compare(app, place.as_ref(), &keys)?;
    agree(app, place.as_ref(), &keys, &request.digits)
}

/// Waits until a device asks, and for the person to say that both show the same digits.
fn compare(app: &App, place: &dyn Mailbox, keys: &dyn KeyStore) -> Result<Request, Failure> {
    let request = wait(|| app.notebook.request_to_join(place, keys).map_err(Failure::from))?;
    let name = clean(&request.name);
    say(app, &format!("\"{name}\" asks to join. It must show these digits: {}", spaced(&request.digits)));
    if choose::agrees(app, &format!("Does it show {}?", spaced(&request.digits)))? {
        return Ok(request);
    }
    app.notebook.cancel_invitation(place, keys)?;
    Err(Failure::Wrong("nobody was let in, and the code is void".into()))
}

/// Lets a device in that is on this network, without a folder.
fn invite_near(app: &App) -> Result<(), Failure> {
    if !app.can_ask() {
        return Err(Failure::Usage("nobody is here to compare the digits; invite through a folder instead".into()));
    }
    let (mut own, keys) = (Lending::new()?, app.keys()?);
    let place = own.mailbox();
    let code = app.notebook.invite(&place, &keys)?;
    let name = pair::lend_to(&mut own, &code, |port| {
        show_code(app, &code)?;
        say(
            app,
            &format!(
                "Type it on the other device: kith join CODE --near. It is looked for on this network, at port {port}; \
                 Ctrl-C ends the waiting."
            ),
        );
        let request = compare(app, &place, &keys)?;
        app.notebook.admit(&place, &keys, &request)?;
        let name = clean(&request.name);
        say(app, &format!("{name} belongs to this notebook now, and brings everything over."));
        Ok(name)
    })?;
    let report = sync::pass_one(app, &place)?;
    sync::tell_asides(app, &report);
    app.done(
        &name,
        &format!("{name} has what is here. From now on: kith sync --watch on one of the two, kith sync on the other."),
    )
}

fn agree(app: &App, place: &dyn Mailbox, keys: &dyn KeyStore, digits: &str) -> Result<(), Failure> {
    let request = app.notebook.admit_who_shows(place, keys, digits).map_err(|error| match error {
        Error::Invalid(words) => Failure::Wrong(words),
        error => error.into(),
    })?;
    let name = clean(&request.name);
    app.done(&name, &format!("{name} belongs to this notebook now. Sync there to bring everything over."))
}

fn show_code(app: &App, code: &Code) -> Result<(), Failure> {
    let text = code.text();
    if app.json {
        return app.print_json(&serde_json::json!({ "code": text.as_str() }));
    }
    if app.can_ask() {
        draw(app, text.as_str())?;
    }
    app.line(text.as_str());
    Ok(())
}

/// Draws a QR code, light on dark as most terminals are.
pub(crate) fn draw(app: &App, text: &str) -> Result<(), Failure> {
    let drawn = QrCode::new(text.as_bytes()).map_err(|error| Failure::Wrong(error.to_string()))?;
    app.line(drawn.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build());
    Ok(())
}

/// Joins the notebook of another device.
pub(crate) fn join(app: &App, join: &Join) -> Result<(), Failure> {
    let code = match join.code.join("").as_str() {
        "" => None,
        typed => Some(Code::parse(typed)?),
    };
    let is_near = join.near || join.at.is_some() || (join.folder.is_none() && mailboxes::is_none(app)?);
    if let Some(code) = code.as_ref().filter(|_| is_near && !join.no_wait) {
        return join_near(app, join, code);
    }
    let (place, keys) = (mailboxes::one(app, join.folder.as_deref())?, app.keys()?);
    if (code.is_some() || join.again || join.recovery) && !join.yes {
        warn(app)?;
    }
    if join.again {
        app.notebook.rejoin(place.as_ref(), &keys)?;
        return arrive(app, place.as_ref(), "This device is back in its notebook.");
    }
    if join.recovery {
        app.notebook.recover(place.as_ref(), &keys, &typed_key()?)?;
        return arrive(app, place.as_ref(), "The recovery key let this device in.");
    }
    let waits = !join.no_wait && app.can_ask();
    match ask(app, place.as_ref(), &keys, code.as_ref(), waits)? {
        Some(from) => arrive(app, place.as_ref(), &format!("{} let this device in.", clean(&from))),
        None => Ok(()),
    }
}

/// Joins the notebook of a device on this network, which lends a mailbox for that.
fn join_near(app: &App, join: &Join, code: &Code) -> Result<(), Failure> {
    if !join.yes {
        warn(app)?;
    }
    let spinner = app.spinner("looking for the device that shows this code");
    let lent = pair::borrow(code, join.at.as_deref());
    spinner.finish_and_clear();
    let (lent, keys) = (lent?, app.keys()?);
    match ask(app, &lent, &keys, Some(code), true)? {
        Some(from) => arrive(app, &lent, &format!("{} let this device in.", clean(&from))),
        None => Ok(()),
    }
}

/// Asks, shows the digits, and waits for the answer if that is wanted: who let this device in.
fn ask(
    app: &App,
    place: &dyn Mailbox,
    keys: &dyn KeyStore,
    code: Option<&Code>,
    waits: bool,
) -> Result<Option<String>, Failure> {
    let mut shown = false;
    let mut ask = |code: Option<&Code>| match app.notebook.join(place, keys, code)? {
        Joining::Joined { from } => Ok(Some(from)),
        Joining::Asked { digits } => {
            if !std::mem::replace(&mut shown, true) {
                show_digits(app, &digits)?;
            }
            Ok(None)
        }
    };
    match (ask(code)?, waits) {
        (None, true) => wait(|| ask(None)).map(Some),
        (from, _) => Ok(from),
    }
}

/// Two notebooks become one, for good: the person says so.
fn warn(app: &App) -> Result<(), Failure> {
    let people = app.notebook.people(0, 1)?.total;
    if people == 0 {
        return Ok(());
    }
    let people = days::count(people, "person in this notebook is", "people in this notebook are");
    let question = format!(
        "{people} added to the one you join; everyone with that notebook will read all of it, and it cannot be taken \
         apart again. Go on?"
    );
    if choose::agrees(app, &crate::layout::wrap(&question, "", app.width))? {
        Ok(())
    } else {
        Err(Failure::Wrong("nothing was joined".into()))
    }
}

fn show_digits(app: &App, digits: &str) -> Result<(), Failure> {
    if app.json {
        return app.print_json(&serde_json::json!({ "digits": digits }));
    }
    app.line(format!("Digits: {}", styled(STRONG, &spaced(digits))));
    say(app, "The other device must show the same. Agree there; `kith join` goes on here.");
    Ok(())
}

fn arrive(app: &App, place: &dyn Mailbox, words: &str) -> Result<(), Failure> {
    app.out.confirm(words);
    sync::with(app, &[place])
}

/// Makes a recovery key and shows it, once.
pub(crate) fn recovery(app: &App, replace: bool, folder: Option<&std::path::Path>) -> Result<(), Failure> {
    let old = if replace { Some(typed_key()?) } else { None };
    let place = mailboxes::one(app, folder)?;
    let kit = app.notebook.make_recovery_key(place.as_ref(), &app.keys()?, old.as_ref())?;
    let text = kit.text();
    if app.json {
        return app.print_json(&serde_json::json!({ "recovery_key": text.as_str() }));
    }
    if app.can_ask() {
        draw(app, text.as_str())?;
    }
    app.line(text.as_str());
    say(
        app,
        "Write it on paper now and keep it where you keep what matters: it is shown this once. Whoever has it and can \
         read your mailbox can read everything.",
    );
    Ok(())
}

/// The recovery key, typed or from the surroundings.
fn typed_key() -> Result<RecoveryKit, Failure> {
    let typed = std::env::var("KITH_RECOVERY_KEY").ok().filter(|key| !key.trim().is_empty());
    let typed = match typed {
        Some(typed) => typed,
        None => crate::prompt::secret("Recovery key: ", "set KITH_RECOVERY_KEY")?,
    };
    Ok(RecoveryKit::parse(&typed)?)
}

/// Lists the devices of this notebook, removes one, or moves the keys of this one.
pub(crate) fn devices(app: &App, step: Option<&DeviceStep>) -> Result<(), Failure> {
    match step {
        None => list(app),
        Some(DeviceStep::Remove { device, yes, recovery }) => remove(app, device, *yes, *recovery),
        Some(DeviceStep::Keys { keychain, files }) => keychain::keys(app, *keychain, *files),
    }
}

fn list(app: &App) -> Result<(), Failure> {
    let rows = app.notebook.device_list(&app.keys()?)?;
    if app.json {
        return app.print_json(&rows);
    }
    if rows.is_empty() {
        app.line(format!("{}  this one, and no other yet", styled(STRONG, &clean(app.notebook.device()))));
    }
    for row in &rows {
        app.line(format!("{}  {}", styled(STRONG, &clean(&row.name)), styled(FAINT, &about(app, row)?)));
    }
    if let Some(kept) = app.keys()?.kept()? {
        app.line(styled(FAINT, keychain::words(Some(kept))));
    }
    Ok(())
}

fn about(app: &App, row: &DeviceRow) -> Result<String, Failure> {
    let zone = app.notebook.zone()?;
    let at: Option<DateTime<Utc>> = row.last_seen.as_ref().and_then(|at| at.parse().ok());
    let state = match (row.this, row.removed, at) {
        (true, ..) => "this one".to_string(),
        (_, true, _) => "removed".to_string(),
        (.., Some(at)) => format!("last heard of {}", days::moment(at, zone, app.today)),
        (.., None) => "not heard of yet".to_string(),
    };
    Ok(format!("{state}, {}", row.id))
}

fn remove(app: &App, device: &str, yes: bool, recovery: bool) -> Result<(), Failure> {
    let question = format!(
        "Remove \"{}\" for ever? What it wrote until now stays; it reads nothing that is written from now on, and comes \
         back only as a new device.",
        clean(device)
    );
    if !yes && !choose::agrees(app, &question)? {
        return Err(Failure::Wrong("no device was removed".into()));
    }
    let keys = app.keys()?;
    let row = match recovery {
        true => app.notebook.remove_device_as(&keys, &typed_key()?, device)?,
        false => app.notebook.remove_device(&keys, device)?,
    };
    let name = clean(&row.name);
    app.done(
        row.id,
        &format!(
            "{name} is removed. Sync now, so that the others learn of it; and change the password of the cloud or server \
             it could reach."
        ),
    )
}

/// Looks until there is something, or patience ends.
fn wait<T>(mut look: impl FnMut() -> Result<Option<T>, Failure>) -> Result<T, Failure> {
    let began = Instant::now();
    loop {
        match look() {
            Ok(Some(found)) => return Ok(found),
            // A folder that is still being carried over, or a server that is away for a moment.
            Ok(None) | Err(Failure::Core(Error::Storage(_))) => {}
            Err(failure) => return Err(failure),
        }
        if began.elapsed() > PATIENCE {
            return Err(Failure::NotFound("nothing came within a quarter of an hour; try again".into()));
        }
        std::thread::sleep(STEP);
    }
}

fn spaced(digits: &str) -> String {
    match digits.split_at_checked(3) {
        Some((first, second)) => format!("{first} {second}"),
        None => digits.to_string(),
    }
}
