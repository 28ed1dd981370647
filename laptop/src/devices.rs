//! The devices of a notebook: inviting one, joining with a code, listing and removing.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use kith_core::Error;
use kith_core::notebook::{DeviceRow, Joining};
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::keystore::KeyStore;
use kith_core::sync::pairing::{Code, Request};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::app::App;
use crate::args::{DeviceStep, Invite, Join};
use crate::failure::Failure;
use crate::layout::{FAINT, STRONG, clean, styled};
use crate::mailboxes::{self, say};
use crate::{choose, days, places};

/// How often the mailbox is looked into while somebody waits, and for how long.
const STEP: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Lets another device in.
pub(crate) fn invite(app: &App, invite: &Invite) -> Result<(), Failure> {
    let (place, keys) = (mailboxes::one(app, invite.folder.as_deref())?, places::keys()?);
    if invite.cancel {
        app.notebook.cancel_invitation(place.as_ref(), &keys)?;
        return app.done("", "The invitation is taken back.");
    }
    if let Some(digits) = &invite.agree_to {
        let request = app.notebook.request_to_join(place.as_ref(), &keys)?.ok_or_else(|| {
            Failure::NotFound("no device has asked yet; give the folder time to bring it, and try again".into())
        })?;
        return agree(app, place.as_ref(), &keys, &request, digits);
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
    let request = wait(|| app.notebook.request_to_join(place.as_ref(), &keys).map_err(Failure::from))?;
    let name = clean(&request.name);
    say(app, &format!("\"{name}\" asks to join. It must show these digits: {}", spaced(&request.digits)));
    if !choose::agrees(app, &format!("Does it show {}?", spaced(&request.digits)))? {
        app.notebook.cancel_invitation(place.as_ref(), &keys)?;
        return Err(Failure::Wrong("nobody was let in, and the code is void".into()));
    }
    agree(app, place.as_ref(), &keys, &request, &request.digits)
}

fn agree(app: &App, place: &dyn Mailbox, keys: &dyn KeyStore, request: &Request, digits: &str) -> Result<(), Failure> {
    let typed: String = digits.chars().filter(char::is_ascii_digit).collect();
    if typed != request.digits {
        app.notebook.cancel_invitation(place, keys)?;
        return Err(Failure::Wrong(
            "these are not the digits of the device that asked, so it may be somebody else's. Nobody was let in, and the \
             code is void; invite once more"
                .into(),
        ));
    }
    app.notebook.admit(place, keys, request)?;
    let name = clean(&request.name);
    app.done(&name, &format!("{name} belongs to this notebook now. Sync there to bring everything over."))
}

fn show_code(app: &App, code: &Code) -> Result<(), Failure> {
    let text = code.text();
    if app.json {
        return app.print_json(&serde_json::json!({ "code": text.as_str() }));
    }
    if app.can_ask() {
        let drawn = QrCode::new(text.as_bytes()).map_err(|error| Failure::Wrong(error.to_string()))?;
        app.line(drawn.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build());
    }
    app.line(text.as_str());
    Ok(())
}

/// Joins the notebook of another device.
pub(crate) fn join(app: &App, join: &Join) -> Result<(), Failure> {
    let code = match join.code.join("").as_str() {
        "" => None,
        typed => Some(Code::parse(typed)?),
    };
    let (place, keys) = (mailboxes::one(app, join.folder.as_deref())?, places::keys()?);
    if (code.is_some() || join.again) && !join.yes {
        warn(app)?;
    }
    if join.again {
        app.notebook.rejoin(place.as_ref(), &keys)?;
        return arrive(app, place.as_ref(), "This device is back in its notebook.");
    }
    let mut shown = false;
    let mut ask = |code: Option<&Code>| match app.notebook.join(place.as_ref(), &keys, code)? {
        Joining::Joined { from } => Ok(Some(from)),
        Joining::Asked { digits } => {
            if !std::mem::replace(&mut shown, true) {
                show_digits(app, &digits)?;
            }
            Ok(None)
        }
    };
    let from = match ask(code.as_ref())? {
        Some(from) => from,
        None if join.no_wait || !app.can_ask() => return Ok(()),
        None => wait(|| ask(None))?,
    };
    arrive(app, place.as_ref(), &format!("{} let this device in.", clean(&from)))
}

/// Two notebooks become one, for good: the person says so.
fn warn(app: &App) -> Result<(), Failure> {
    let people = app.notebook.people(0, 1)?.total;
    if people == 0 {
        return Ok(());
    }
    let people = days::count(people, "person here is", "people here are");
    let question = format!(
        "The {people} added to the notebook you join; everyone with that notebook will read all of it, and it cannot be \
         taken apart again. Go on?"
    );
    if choose::agrees(app, &question)? { Ok(()) } else { Err(Failure::Wrong("nothing was joined".into())) }
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
    crate::sync::with(app, &[place])
}

/// Lists the devices of this notebook, or removes one.
pub(crate) fn devices(app: &App, step: Option<&DeviceStep>) -> Result<(), Failure> {
    match step {
        None => list(app),
        Some(DeviceStep::Remove { device, yes }) => remove(app, device, *yes),
    }
}

fn list(app: &App) -> Result<(), Failure> {
    let rows = app.notebook.device_list(&places::keys()?)?;
    if app.json {
        return app.print_json(&rows);
    }
    if rows.is_empty() {
        app.line(format!("{}  this one, and no other yet", styled(STRONG, &clean(app.notebook.device()))));
    }
    for row in &rows {
        app.line(format!("{}  {}", styled(STRONG, &clean(&row.name)), styled(FAINT, &about(app, row)?)));
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

fn remove(app: &App, device: &str, yes: bool) -> Result<(), Failure> {
    let question = format!(
        "Remove \"{}\" for ever? What it wrote until now stays; it reads nothing that is written from now on, and comes \
         back only as a new device.",
        clean(device)
    );
    if !yes && !choose::agrees(app, &question)? {
        return Err(Failure::Wrong("no device was removed".into()));
    }
    let row = app.notebook.remove_device(&places::keys()?, device)?;
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
