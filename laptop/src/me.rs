//! What is about the person whose notebook it is: the settings that all devices share, and the card that others are shown.

use std::fs;
use std::path::Path;

use kith_core::export;
use kith_core::model::{AnyRecord, ChannelKind, Contact, Id, Kind, Profile, RecordId};
use kith_core::notebook::DeviceSettings;
use kith_core::photo::MAX_FILE_BYTES;
use serde_json::{Map, Value};

use crate::app::App;
use crate::failure::Failure;
use crate::fields::{self, KEPT_ASIDE};
use crate::layout::{self, FAINT, STRONG, clean, styled};
use crate::typing::{self, Typed};
use crate::{choose, devices, edit, places};

/// What is of this device alone, among the settings.
const BACKUP_FOLDER: &str = "backup_folder";

/// Shows the settings, or sets some of them; none of them when one is a slip.
pub(crate) fn settings(app: &App, changes: &[String]) -> Result<(), Failure> {
    let mut now = AnyRecord::from(app.notebook.settings()?).to_map();
    let mut own = app.notebook.device_settings()?;
    if changes.is_empty() {
        return show_settings(app, &now, &own);
    }
    let (before, own_before) = (now.clone(), own.clone());
    let mut writing = app.notebook.write();
    for change in changes {
        let typed = typing::split(change)?;
        match typed.field.as_str() {
            BACKUP_FOLDER => own.backup_folder = places::folder(typed.value)?,
            _ => typing::read(app, &mut writing, Kind::Settings, &typed)?.carry_out(&mut now)?,
        }
    }
    if let Some(folder) = own.backup_folder.as_ref().filter(|folder| !folder.is_dir()) {
        let folder = folder.display();
        return Err(Failure::NotFound(format!("there is no folder {folder}; make it first. Nothing was changed")));
    }
    if own != own_before {
        app.notebook.set_device_settings(&own)?;
    }
    let mut id = RecordId::of_singleton(Kind::Settings.word(), "");
    if now != before {
        id = app.notebook.put_any(AnyRecord::from_map(Kind::Settings, now.clone()))?;
    }
    let whose = match own == own_before {
        true => "for all of your devices as they sync",
        false if now == before => "for this device",
        false => "for all of your devices as they sync, and the folder for this one",
    };
    app.done(id, &format!("Set, {whose}. `kith settings` shows them."))?;
    app.back_up();
    Ok(())
}

fn show_settings(app: &App, now: &Map<String, Value>, own: &DeviceSettings) -> Result<(), Failure> {
    let folder = own.backup_folder.as_ref().map(|folder| folder.display().to_string());
    if app.json {
        let mut all = now.clone();
        all.insert(BACKUP_FOLDER.into(), folder.map_or(Value::Null, Value::from));
        return app.print_json(&all);
    }
    let line = |name: &str, value: &str| {
        app.line(layout::wrap(&format!("{} = {}", styled(STRONG, name), clean(value)), "  ", app.width));
    };
    for field in typing::typed_fields(Kind::Settings) {
        let value = match (now.get(field.name), field.takes) {
            (Some(value), _) => fields::value_words(app, field, value)?,
            (None, kith_core::model::Takes::Zone) => format!("{} (of this device)", app.notebook.zone()?),
            (None, kith_core::model::Takes::OneOf([first, ..])) => (*first).into(),
            (None, _) => "not set".into(),
        };
        line(field.name, &value);
    }
    line(BACKUP_FOLDER, &format!("{} (of this device)", folder.as_deref().unwrap_or("not set")));
    Ok(())
}

/// Shows my card, draws it as a code for a camera, or changes it.
pub(crate) fn me(app: &App, changes: &[String], card: bool) -> Result<(), Failure> {
    let id = Id::<Profile>::new(RecordId::of_singleton(Kind::Profile.word(), ""));
    let mut me = app.notebook.get(id)?.unwrap_or_default();
    if card {
        return draw(app, &me);
    }
    if changes.is_empty() {
        return show(app, &me);
    }
    let mut writing = app.notebook.write();
    for change in changes {
        let typed = typing::split(change)?;
        match typed.field.as_str() {
            "phone" | "mail" | "link" | "address" | "messenger" => {
                edit::channel(&mut me.card, &ChannelKind::from(typed.field.as_str()), typed.how, typed.value)?;
            }
            _ => me = changed(app, &mut writing, me, &typed)?,
        }
    }
    let id = app.notebook.put_any(me.into())?;
    app.done(id, "Your card is changed. `kith me` shows it, `kith me --card` draws it.")
}

fn changed(
    app: &App,
    writing: &mut kith_core::notebook::Writing<'_>,
    me: Profile,
    typed: &Typed<'_>,
) -> Result<Profile, Failure> {
    let mut now = AnyRecord::from(me).to_map();
    typing::read(app, writing, Kind::Profile, typed)?.carry_out(&mut now)?;
    Ok(kith_core::model::Record::from_map(now))
}

fn show(app: &App, me: &Profile) -> Result<(), Failure> {
    let now = AnyRecord::from(me.clone()).to_map();
    if app.json {
        return app.print_json(&now);
    }
    if me.name.is_empty() {
        app.out.aside(HOW_TO_BEGIN);
    } else {
        app.line(styled(STRONG, &clean(&me.name)));
    }
    for line in fields::lines(app, Kind::Profile, &now, &[["name"].as_slice(), &KEPT_ASIDE].concat())? {
        app.line(layout::paragraph(&line, "  ", "    ", app.width));
    }
    Ok(())
}

const HOW_TO_BEGIN: &str =
    "Your card has no name yet. Try: kith me name='Ann Berg' organisation='Blue Freight' mail=ann@blue.example";

fn draw(app: &App, me: &Profile) -> Result<(), Failure> {
    if me.name.trim().is_empty() {
        return Err(Failure::NotFound(HOW_TO_BEGIN.into()));
    }
    let export::Card { text, left_out } = export::card(me);
    if app.json {
        return app.print_json(&serde_json::json!({ "card": text, "left_out": left_out }));
    }
    devices::draw(app, &text)?;
    app.line(format!("{}  {}", clean(&me.name), styled(FAINT, "vCard, for the camera of a phone")));
    if left_out > 0 {
        app.out.aside(layout::wrap(
            "Not all of your card is in the code: a larger one is read badly from a screen. `kith me` shows all of it.",
            "",
            app.width,
        ));
    }
    Ok(())
}

/// Gives a person a photo, or takes it away.
pub(crate) fn photo(app: &App, who: &str, file: Option<&Path>) -> Result<(), Failure> {
    let id: Id<Contact> = choose::person(app, who)?;
    let name = clean(&app.notebook.names(&[id])?);
    let Some(file) = file else {
        app.notebook.edit(id, |contact: &mut Contact| contact.photo = None)?;
        return app.done(id, &format!("The photo of {name} is taken away."));
    };
    let cannot =
        |why: String| Failure::Wrong(format!("{} cannot be read ({why}); nothing was changed", file.display()));
    let bytes = fs::metadata(file).map_err(|error| cannot(error.to_string()))?.len();
    if bytes > MAX_FILE_BYTES as u64 {
        return Err(Failure::Usage(format!("a picture of more than {} MB is not taken", MAX_FILE_BYTES >> 20)));
    }
    app.notebook.set_photo(id, &fs::read(file).map_err(|error| cannot(error.to_string()))?)?;
    app.done(id, &format!("{name} has a photo."))
}
