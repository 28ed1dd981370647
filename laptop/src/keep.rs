//! Keeping the notebook safe: backup, restore, looking after it, and a made-up network to look around in.

use std::fs::{self, File};
use std::io::{IsTerminal, Read};
use std::path::Path;

use console::Term;
use kith_core::notebook::{Identity, Notebook, Options};

use crate::app::App;
use crate::failure::Failure;
use crate::layout::{self, clean};
use crate::out::Out;
use crate::{days, places};

/// Beginning of a sealed backup.
const SEALED: &[u8] = b"age-encryption.org/";

/// Writes a backup: sealed when that was asked for, and whenever a passphrase lies ready.
pub(crate) fn backup(app: &App, file: &Path, asked: bool) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure::Usage(format!("{} is there already; no backup is overwritten", file.display())));
    }
    let folder = kith_core::files::folder_of(file);
    if !folder.is_dir() {
        return Err(Failure::NotFound(format!("there is no folder {}; no backup was made", folder.display())));
    }
    let sealed = asked || from_surroundings().is_some();
    let passphrase = if sealed { Some(new_passphrase()?) } else { None };
    app.notebook.backup(file, passphrase.as_deref(), &mut |_, _| Ok(()))?;
    let bytes = fs::metadata(file).map_or(0, |meta| meta.len());
    let seal = if sealed { " Without its passphrase nobody can open it, also not you." } else { "" };
    let size = size(bytes);
    if app.json {
        return app.print_json(&serde_json::json!({ "file": file, "bytes": bytes, "sealed": sealed }));
    }
    app.out.confirm(format!("{size} in {}.{seal}", file.display()));
    Ok(())
}

/// Makes a notebook from a backup.
pub(crate) fn restore(out: &Out, notebook: &Path, file: &Path, json: bool) -> Result<(), Failure> {
    let sealed = is_sealed(file)?;
    let empty = stands_empty(notebook)?;
    let passphrase = if sealed { Some(known_passphrase()?) } else { None };
    places::make_room_for(notebook)?;
    if empty {
        make_way(notebook);
    }
    Notebook::restore_backup(file, notebook, passphrase.as_deref(), &mut |_, _| Ok(()))?;
    if json {
        out.line(serde_json::json!({ "notebook": notebook }).to_string());
        return Ok(());
    }
    out.confirm(format!(
        "The notebook is back in {}. On a device that belongs to it already it goes on with them at the next `kith sync \
         FOLDER`; on another one it is joined to them again: `kith invite` there and `kith join CODE` here, or `kith join \
         --recovery`.",
        notebook.display()
    ));
    Ok(())
}

/// Whether a notebook with nothing in it stands there, as the first start leaves one. Any other is left alone.
fn stands_empty(notebook: &Path) -> Result<bool, Failure> {
    if !notebook.exists() {
        return Ok(false);
    }
    match Notebook::open(notebook, Options::default())?.sizes()?.documents {
        0 => Ok(true),
        _ => Err(Failure::Usage(format!(
            "there is a notebook in {} already, and a backup never takes its place; name another with --notebook NEW.kith",
            notebook.display()
        ))),
    }
}

/// Takes a notebook with nothing in it away.
fn make_way(notebook: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut name = notebook.as_os_str().to_owned();
        name.push(ending);
        let _ = fs::remove_file(name);
    }
}

fn is_sealed(file: &Path) -> Result<bool, Failure> {
    let mut head = Vec::new();
    let read = File::open(file).and_then(|file| file.take(SEALED.len() as u64).read_to_end(&mut head));
    match read {
        Ok(_) => Ok(head == SEALED),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::NotFound(format!("there is no backup {}; nothing was changed", file.display())))
        }
        Err(error) => Err(Failure::Wrong(format!("{} cannot be read ({error}); nothing was changed", file.display()))),
    }
}

fn known_passphrase() -> Result<String, Failure> {
    match from_surroundings() {
        Some(passphrase) => Ok(passphrase),
        None => typed("Passphrase: "),
    }
}

/// A passphrase typed twice, since a slip would lock the backup for good.
fn new_passphrase() -> Result<String, Failure> {
    if let Some(passphrase) = from_surroundings() {
        return Ok(passphrase);
    }
    let (first, second) = (typed("Passphrase: ")?, typed("The same again: ")?);
    match (first.is_empty(), first == second) {
        (false, true) => Ok(first),
        (true, _) => Err(Failure::Usage("a passphrase cannot be empty; nothing was written".into())),
        (_, false) => Err(Failure::Usage("these are two different passphrases; nothing was written".into())),
    }
}

fn from_surroundings() -> Option<String> {
    std::env::var("KITH_PASSPHRASE").ok().filter(|passphrase| !passphrase.is_empty())
}

fn typed(question: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::Usage("nobody is here to type the passphrase; set KITH_PASSPHRASE".into()));
    }
    let terminal = Term::stderr();
    let read = terminal.write_str(question).and_then(|()| terminal.read_secure_line());
    read.map_err(|error| Failure::Wrong(format!("the passphrase cannot be read ({error}); nothing was changed")))
}

/// Fills an empty notebook with made-up people.
pub(crate) fn demo(app: &App) -> Result<(), Failure> {
    let records = app.notebook.load_demo()?;
    app.settle();
    if app.json {
        return app.print_json(&serde_json::json!({ "records": records }));
    }
    app.out.confirm(format!(
        "Forty made-up people and what happened with them, {records} records in {}.\nTry: kith, kith people, kith find warehouse",
        app.notebook.path().display()
    ));
    Ok(())
}

/// Looks whether the file is sound.
pub(crate) fn doctor(app: &App) -> Result<(), Failure> {
    let bar = app.progress("records");
    let checkup = app.notebook.doctor(&mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        Ok(())
    });
    bar.finish_and_clear();
    let checkup = checkup?;
    // What can be said of it beside a damaged file.
    let identity = app.notebook.identity().unwrap_or_default();
    if app.json {
        app.print_json(&WithIdentity { checkup: &checkup, identity: &identity })?;
    } else {
        let sizes = &checkup.sizes;
        app.line(format!("{}", app.notebook.path().display()));
        let all = size(checkup.file_bytes);
        match checkup.damage.is_empty() || sizes.documents > 0 {
            true => app.line(format!(
                "{} and {}, {all} in all",
                days::count(sizes.documents, "record", "records"),
                days::count(sizes.photos, "photo", "photos"),
            )),
            false => app.line(format!("{all}, of which the records cannot be counted")),
        }
        if checkup.notebook.is_some() && !checkup.digest.is_empty() {
            app.line(format!(
                "Holds {}: once all have synced, each of your devices shows the same.",
                in_fours(&checkup.digest)
            ));
        }
        tell_identity(app, checkup.notebook.as_deref(), &identity);
        lines(app, &checkup);
    }
    match checkup.is_healthy() {
        true => Ok(()),
        false => Err(Failure::Unreadable(
            "the notebook is damaged. Keep the file as it is; `kith doctor --rescue-into NEW.kith` takes out what can \
             still be read, `kith --notebook NEW.kith restore BACKUP` brings back a backup"
                .into(),
        )),
    }
}

/// A checkup, and under which names this device writes.
#[derive(serde::Serialize)]
struct WithIdentity<'a> {
    #[serde(flatten)]
    checkup: &'a kith_core::notebook::Checkup,
    #[serde(flatten)]
    identity: &'a Identity,
}

/// Which notebook, device and log this is, by the beginnings of their ids.
fn tell_identity(app: &App, notebook: Option<&str>, identity: &Identity) {
    let parts = [("Notebook", notebook), ("device", identity.device.as_deref()), ("log", identity.log.as_deref())];
    let known = parts.iter().filter_map(|(what, id)| id.map(|id| format!("{what} {}", crate::show::short_id(id))));
    let known: Vec<String> = known.collect();
    if !known.is_empty() {
        app.line(format!("{}.", known.join(", ")));
    }
}

fn lines(app: &App, checkup: &kith_core::notebook::Checkup) {
    let told = |n: u64, one: &str, many: &str| {
        if n > 0 {
            app.line(format!("{}.", days::count(n, one, many)));
        }
    };
    checkup.damage.iter().for_each(|damage| app.line(format!("damaged: {}", clean(damage))));
    checkup.unreadable.iter().for_each(|id| app.line(format!("cannot be read: {id}")));
    told(
        checkup.rows_mended,
        "row was not as its record says, and is now",
        "rows were not as their records say, and are now",
    );
    if let Some(why) = &checkup.not_mended {
        let words = format!("The notebook can only be read here ({}): what is derived was not checked.", clean(why));
        app.line(layout::wrap(&words, "  ", app.width));
    }
    told(checkup.from_newer, "record needs a newer version of Kith", "records need a newer version of Kith");
    told(
        checkup.sizes.waiting,
        "change waits for another that has not come",
        "changes wait for others that have not come",
    );
    if checkup.words_remain {
        let words = "The file is still to be written anew, without what was deleted for good: another program read it then, \
                     or there was no room. The next `kith sync`, or whatever is written next, does that.";
        app.line(layout::wrap(words, "  ", app.width));
    }
    for why in &checkup.quarantined {
        app.line(layout::wrap(&format!("set aside: {}", clean(why)), "  ", app.width));
    }
    if checkup.is_healthy() {
        app.line("The notebook is sound.");
    }
}

/// Digits as they are compared by eye.
fn in_fours(digits: &str) -> String {
    digits.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}

/// Takes what can still be read out of a damaged notebook into a new one.
pub(crate) fn rescue(out: &Out, from: &Path, to: &Path, json: bool) -> Result<(), Failure> {
    let saved = Notebook::rescue(from, to, &mut |_, _| Ok(()))?;
    let people = Notebook::open(to, Options::default())?.people(0, 1)?.total;
    if json {
        out.line(serde_json::json!({ "notebook": to, "records": saved, "people": people }).to_string());
        return Ok(());
    }
    let said = format!(
        "{} came over into {}, {} among them. What the damage took is not there, and nothing here can say what that was: \
         a sync with another device brings it, or a backup holds it. The damaged file is as it was.",
        days::count(saved, "record", "records"),
        to.display(),
        days::count(people, "person", "people"),
    );
    out.confirm(layout::wrap(&said, "", layout::width_of(std::io::stdout().is_terminal())));
    Ok(())
}

/// Bytes as a person reads them.
fn size(bytes: u64) -> String {
    match bytes {
        0..=999_999 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
