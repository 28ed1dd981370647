//! The devices of a notebook: inviting one, joining with a code, listing and removing.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use kith_core::Error;
use kith_core::notebook::{DeviceRow, Joining, Knock, forget_invitation};
use kith_core::sync::carrier::Mailbox;
use kith_core::sync::carrier::pair::{CODE_LASTS, Lending};
use kith_core::sync::keys::RecoveryKit;
use kith_core::sync::keystore::KeyStore;
use kith_core::sync::pairing::{Code, Request};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::app::App;
use crate::args::{DeviceStep, Invite, Join};
use crate::failure::Failure;
use crate::layout::{FAINT, STRONG, clean, styled, wrap};
use crate::mailboxes::{self, say};
use crate::{choose, days, keychain, pair, sync};

/// How often the mailbox is looked into while somebody waits, and for how long.
const STEP: Duration = Duration::from_secs(1);
/// How long a mailbox may be away meanwhile.
const AWAY: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What is said beside the list of devices when there are two recovery keys.
const TWO_PAPERS: &str = "Two recovery keys were made at the same time, on devices that had not heard of each other. This \
    device obeys the one that it saw first, others may obey the other: keep both papers.";

/// What can be done about a recovery key that was made on a device that is removed.
const THEIR_PAPER: &str = "If you have that key on paper, replace it now: kith recovery --replace. If you never saw it, \
    somebody else has it, reads whatever this notebook's mailbox holds from now on too, and can let a device in again. Then \
    only a new notebook keeps them out: kith export json here, and kith import into an empty one with a mailbox of its own.";

/// Lets another device in.
pub(crate) fn invite(app: &App, invite: &Invite) -> Result<(), Failure> {
    if invite.near {
        return invite_near(app);
    }
    let (place, keys) = (mailboxes::one(app, invite.folder.as_deref())?, app.keys()?);
    if invite.cancel {
        let was_open = !matches!(app.notebook.request_to_join(place.as_ref(), &keys), Err(Error::NotFound(_)));
        app.notebook.cancel_invitation(place.as_ref(), &keys)?;
        return app.done("", if was_open { "The invitation is taken back." } else { "No code was open." });
    }
    if let Some(digits) = &invite.agree_to {
        app.notebook.request_to_join(place.as_ref(), &keys)?.ok_or_else(|| {
            Failure::NotFound(
                "no device has asked yet; give the folder time to bring it, and try again. A device that came with the code \
                 shows its digits once `kith sync` here has answered it: repeat kith join there"
                    .into(),
            )
        })?;
        agree(app, place.as_ref(), &keys, digits)?;
        return offer_paper(app);
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
    say(
        app,
        "Type it on the other device: kith join CODE. Waiting until it asks; Ctrl-C ends the waiting, and the code lives on \
         until it is used, replaced, or taken back with kith invite --cancel.",
    );
    let request = compare(app, place.as_ref(), &keys, &|| Ok(()))?;
    agree(app, place.as_ref(), &keys, &request.digits)?;
    offer_paper(app)
}

/// Waits until a device asks, and for the people at both to say that they show the same digits. `may_wait` fails when
/// there is nothing to wait for any more.
fn compare(
    app: &App,
    place: &dyn Mailbox,
    keys: &dyn KeyStore,
    may_wait: &dyn Fn() -> Result<(), Failure>,
) -> Result<Request, Failure> {
    let request = wait(|| match app.notebook.request_to_join(place, keys)? {
        None => may_wait().map(|()| None),
        asked => Ok(asked),
    })?;
    let name = clean(&request.name);
    say(app, &format!("\"{name}\" asks to join. It must show these digits: {}", spaced(&request.digits)));
    if !choose::agrees(app, &format!("Does it show {}?", spaced(&request.digits)))? {
        app.notebook.cancel_invitation(place, keys)?;
        return Err(Failure::Wrong("nobody was let in, and the code is void".into()));
    }
    if app.notebook.word_of_guest(place, keys, &request)?.is_none() {
        say(app, &format!("Now say yes on {name}, too."));
    }
    if wait(|| Ok(app.notebook.word_of_guest(place, keys, &request)?))? {
        return Ok(request);
    }
    app.notebook.cancel_invitation(place, keys)?;
    Err(Failure::Wrong(format!("{name} said no: nobody was let in, and the code is void")))
}

/// Forgets an invitation when this command ends, however it does.
struct Forget<'a>(&'a dyn KeyStore);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let _ = forget_invitation(self.0);
    }
}

/// Lets a device in that is on this network, without a folder.
fn invite_near(app: &App) -> Result<(), Failure> {
    if !app.can_ask() {
        return Err(Failure::Usage("nobody is here to compare the digits; invite through a folder instead".into()));
    }
    let (mut own, keys) = (Lending::new()?, app.keys()?);
    let place = own.mailbox();
    let _forget = Forget(&keys);
    forget_on_ctrl_c(keys.clone())?;
    let code = app.notebook.invite(&place, &keys)?;
    let name = pair::lend_to(&mut own, &code, |own, port| {
        show_code(app, &code)?;
        say(
            app,
            &format!(
                "Type it on the other device within {} seconds: kith join CODE --near. It is looked for on this network, at \
                 port {port}; Ctrl-C ends the waiting, and the code with it.",
                CODE_LASTS.as_secs()
            ),
        );
        let may_wait = || {
            match own.has_ended() {
            true => Err(Failure::NotFound(
                "nobody came while the code was good, so it is void now and nobody was let in. kith invite --near shows a \
                 new one"
                    .into(),
            )),
            false => Ok(()),
        }
        };
        let request = compare(app, &place, &keys, &may_wait)?;
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
    )?;
    offer_paper(app)
}

/// Ctrl-C ends the command at once, and the code with it.
#[allow(clippy::exit)] // as it would without this, but for the code
fn forget_on_ctrl_c(keys: kith_core::sync::keystore::DeviceKeyStore) -> Result<(), Failure> {
    let stop = move || {
        let _ = forget_invitation(&keys);
        std::process::exit(130);
    };
    ctrlc::set_handler(stop).map_err(|error| Failure::Wrong(format!("Ctrl-C cannot be waited for ({error})")))
}

/// When the second device came in, the paper is offered that lets a device in when all others are lost.
fn offer_paper(app: &App) -> Result<(), Failure> {
    let Some(member) = app.notebook.member(&app.keys()?)? else { return Ok(()) };
    if member.roster().recovery.is_none() && member.roster().devices.len() == 2 {
        sync::aside(
            app,
            "Now is the time for a recovery key, on paper: with it alone a device is let in when all others are lost, and a \
             stolen one is shut out. `kith recovery` makes it, through a mailbox.",
        );
    }
    Ok(())
}

fn agree(app: &App, place: &dyn Mailbox, keys: &dyn KeyStore, digits: &str) -> Result<(), Failure> {
    let request = app.notebook.admit_who_shows(place, keys, digits)?.ok_or_else(|| {
        Failure::NotFound("nobody has said yes at the other device yet; say it there, and try again".into())
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
    if join.again || join.recovery {
        if !join.yes {
            must_be_added(app, "the one you join")?;
        }
        if join.again {
            app.notebook.rejoin(place.as_ref(), &keys)?;
            return arrive(app, place.as_ref(), "This device is back in its notebook.");
        }
        app.notebook.recover(place.as_ref(), &keys, &typed_key()?)?;
        return arrive(app, place.as_ref(), "The recovery key let this device in.");
    }
    let waits = !join.no_wait && app.can_ask();
    if let Some(code) = &code
        && !knock(app, join, (place.as_ref(), &keys), code, waits)?
    {
        return Ok(());
    }
    go_on(app, place.as_ref(), &keys, waits)
}

/// Joins the notebook of a device on this network, which lends a mailbox for that.
fn join_near(app: &App, join: &Join, code: &Code) -> Result<(), Failure> {
    must_have_a_yes(app, join)?;
    let spinner = app.spinner("looking for the device that shows this code");
    let lent = pair::borrow(code, join.at.as_deref());
    spinner.finish_and_clear();
    let (lent, keys) = (lent?, app.keys()?);
    knock(app, join, (&lent, &keys), code, true)?;
    go_on(app, &lent, &keys, true)
}

/// Asks to be let in, and shows who invites and the digits, before anything is taken or given: the person at this device
/// has to say yes. A no leaves everything as it was, on both devices. Whether there were digits to say it to: the other
/// device has to hear of this one first.
fn knock(
    app: &App,
    join: &Join,
    (place, keys): (&dyn Mailbox, &dyn KeyStore),
    code: &Code,
    waits: bool,
) -> Result<bool, Failure> {
    must_have_a_yes(app, join)?;
    let knock = match (app.notebook.knock(place, keys, code)?, waits) {
        (Some(knock), _) => knock,
        (None, true) => {
            say(
                app,
                "Waiting until the other device has heard of this one: `kith invite` there does that, or `kith sync`.",
            );
            wait(|| Ok(app.notebook.knock(place, keys, code)?))?
        }
        (None, false) => return tell_that_it_waits(app).map(|()| false),
    };
    let said = show_knock(app, &knock).and_then(|()| consent(app, join, &knock));
    match said {
        Ok(true) => {
            app.notebook.agree_to_join(place, keys)?;
            Ok(true)
        }
        Ok(false) => {
            app.notebook.decline_to_join(place, keys)?;
            Err(Failure::Wrong("nothing was joined; this notebook and the other are as they were".into()))
        }
        Err(failure) => {
            // The other device need not wait; what is told here is what went wrong, whether it hears of that or not.
            drop(app.notebook.decline_to_join(place, keys));
            Err(failure)
        }
    }
}

/// Says what has to be done on each device before there are digits.
fn tell_that_it_waits(app: &App) -> Result<(), Failure> {
    if app.json {
        return app.print_json(&serde_json::json!({ "digits": null }));
    }
    app.line(
        "No digits yet: the other device has to hear of this one first. Sync there (kith sync), then repeat this command with \
         the same code here.",
    );
    Ok(())
}

/// Nobody is asked by a script, so it has to have said yes; and what is here is not added by a plain yes.
fn must_have_a_yes(app: &App, join: &Join) -> Result<(), Failure> {
    let records = app.notebook.record_count()?;
    if join.join_with_my_notes || (join.yes && records == 0) || (!join.yes && app.can_ask()) {
        return Ok(());
    }
    Err(Failure::Usage(match records {
        0 => "nobody is here to see whom this device joins; repeat it with --yes".into(),
        records => format!(
            "{} here would be added to the notebook you join, for all of its devices to read, and cannot be taken apart \
             again; repeat it with --join-with-my-notes",
            days::count(records, "record", "records")
        ),
    }))
}

/// Whether the person says yes to whom they are shown.
fn consent(app: &App, join: &Join, knock: &Knock) -> Result<bool, Failure> {
    if join.yes || join.join_with_my_notes {
        return Ok(true);
    }
    let (host, digits) = (clean(&knock.host), spaced(&knock.digits));
    if !choose::agrees(app, &wrap(&format!("Does {host} show {digits}, and is it yours?"), "", app.width))? {
        return Ok(false);
    }
    may_be_added(app, &format!("that of {host}"))
}

fn show_knock(app: &App, knock: &Knock) -> Result<(), Failure> {
    if app.json {
        return app.print_json(knock);
    }
    app.line(format!("Host: {}", styled(STRONG, &clean(&knock.host))));
    let (devices, people) =
        (days::count(knock.devices, "device", "devices"), days::count(knock.people, "person", "people"));
    app.line(format!("Its notebook: {devices}, {people}"));
    if knock.is_apart {
        app.line(wrap(
            &format!(
                "This device belongs to that notebook already, and {} is not on its list: devices removed each other, and \
                 go on apart. If you join, this one leaves those on its list, and brings along what is here.",
                clean(&knock.host)
            ),
            "",
            app.width,
        ));
    }
    app.line(format!("Digits: {}", styled(STRONG, &spaced(&knock.digits))));
    say(app, "The other device must show the same digits. Agree there, too; `kith join` goes on here.");
    Ok(())
}

/// Takes the answer, and waits for it if that is wanted.
fn go_on(app: &App, place: &dyn Mailbox, keys: &dyn KeyStore, waits: bool) -> Result<(), Failure> {
    let look = || match app.notebook.join(place, keys, None)? {
        Joining::Joined { from } => Ok(Some(from)),
        Joining::Asked { .. } | Joining::Knocked => Ok(None),
    };
    let from = match (look()?, waits) {
        (None, true) => Some(wait(look)?),
        (from, _) => from,
    };
    match from {
        Some(from) => arrive(app, place, &format!("{} let this device in.", clean(&from))),
        None => Ok(()),
    }
}

/// The same for who joins without being asked whom: a no ends the command.
fn must_be_added(app: &App, to: &str) -> Result<(), Failure> {
    match may_be_added(app, to)? {
        true => Ok(()),
        false => Err(Failure::Wrong("nothing was joined".into())),
    }
}

/// Two notebooks become one, for good: the person says so, in a word that is not typed by accident. A failure is no no.
fn may_be_added(app: &App, to: &str) -> Result<bool, Failure> {
    let records = app.notebook.record_count()?;
    if records == 0 {
        return Ok(true);
    }
    let people = app.notebook.people(0, 1)?.total;
    let question = format!(
        "What is in this notebook is added to {to}: {} and {} in all. Everyone with that notebook will read all of it, and \
         it cannot be taken apart again.",
        days::count(people, "person", "people"),
        days::count(records, "record", "records")
    );
    if !app.can_ask() {
        return Err(Failure::Usage(format!("{question} Nobody is here to say so; repeat it with --yes.")));
    }
    app.out.ask(&wrap(&question, "", app.width));
    Ok(choose::ask(app, "Type \"join\" to go on: ")?.to_lowercase() == "join")
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
    let keys = app.keys()?;
    let rows = app.notebook.device_list(&keys)?;
    if app.notebook.has_two_recovery_keys(&keys)? {
        sync::aside(app, TWO_PAPERS);
    }
    if app.json {
        return app.print_json(&rows);
    }
    if rows.is_empty() {
        app.line(format!("{}  this one, and no other yet", styled(STRONG, &clean(app.notebook.device()))));
    }
    for row in &rows {
        app.line(format!("{}  {}", styled(STRONG, &clean(&row.name)), styled(FAINT, &about(app, row)?)));
    }
    if let Some(name) = app.notebook.recovery_key_of_removed(&keys)? {
        let name = clean(&name);
        sync::aside(app, &format!("The recovery key was made on {name}, which was removed. {THEIR_PAPER}"));
    }
    if let Some(kept) = keys.kept()? {
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
        (.., Some(at)) => format!("last wrote {}", days::moment(at, zone, app.today)),
        (.., None) => "has written nothing yet".to_string(),
    };
    let host = row.let_in_by_removed.as_ref().map(|host| format!(", let in by {}, which was removed", clean(host)));
    Ok(format!("{state}, {}{}", row.id, host.unwrap_or_default()))
}

fn remove(app: &App, device: &str, yes: bool, recovery: bool) -> Result<(), Failure> {
    let keys = app.keys()?;
    let before = app.notebook.before_removal(&keys, device)?;
    if before.made_recovery_key {
        let name = clean(&before.device.name);
        sync::aside(app, &format!("The recovery key was made on {name}, and holds when it is removed. {THEIR_PAPER}"));
    }
    for row in &before.let_in {
        let (name, id, host) = (clean(&row.name), &row.id, clean(&before.device.name));
        sync::aside(app, &format!("{name} ({id}) came in through {host}, and stays unless it is removed as well."));
    }
    let question = format!(
        "Remove \"{}\" for ever? What was heard of it until now stays, so sync first; it reads nothing that is written from now on, and comes \
         back only as a new device.",
        clean(device)
    );
    if !yes && !choose::agrees(app, &question)? {
        return Err(Failure::Wrong("no device was removed".into()));
    }
    // All is asked before anything is done.
    let mut going = vec![&before.device];
    for row in before.let_in.iter().filter(|_| !yes) {
        if choose::agrees(app, &format!("Remove \"{}\" ({}) as well?", clean(&row.name), row.id))? {
            going.push(row);
        }
    }
    let kit = if recovery { Some(typed_key()?) } else { None };
    for row in &going {
        match &kit {
            Some(kit) => app.notebook.remove_device_as(&keys, kit, &row.id)?,
            None => app.notebook.remove_device(&keys, &row.id)?,
        };
    }
    let names: Vec<String> = going.iter().map(|row| clean(&row.name)).collect();
    let are = if names.len() == 1 { "is" } else { "are" };
    app.done(
        &before.device.id,
        &format!(
            "{} {are} removed. Sync now, so that the others learn of it; and change the password of the cloud or server it \
             could reach.",
            names.join(", ")
        ),
    )
}

/// Looks until there is something, or patience ends.
fn wait<T>(mut look: impl FnMut() -> Result<Option<T>, Failure>) -> Result<T, Failure> {
    let began = Instant::now();
    let mut answered = began;
    loop {
        match look() {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => answered = Instant::now(),
            // A folder that is still being carried over.
            Err(Failure::Core(Error::Storage(_))) => {}
            // A server that is away for a moment.
            Err(Failure::Core(Error::Unreachable(_))) if answered.elapsed() < AWAY => {}
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
