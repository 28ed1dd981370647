//! What every command has at hand: the notebook, the way out, today, and how answers are wanted.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;
use indicatif::{ProgressBar, ProgressStyle};
use kith_core::model::RecordId;
use kith_core::notebook::{Notebook, Observation, Options, Origin};
use kith_core::sync::keystore::DeviceKeyStore;
use serde::Serialize;

use crate::args::Cli;
use crate::failure::{Failure, cannot_open};
use crate::out::Out;
use crate::{keychain, layout, places};

/// Rounds of housekeeping after a command that wrote: at most some 50 ms each, so that the prompt is back at once.
const TIDY_ROUNDS: usize = 5;

/// The notebook, open, and everything a command asks of its surroundings.
pub(crate) struct App<'a> {
    pub(crate) notebook: Notebook,
    pub(crate) out: &'a Out,
    /// The person's day.
    pub(crate) today: NaiveDate,
    /// Answers are for another program.
    pub(crate) json: bool,
    /// How wide a line may be.
    pub(crate) width: usize,
    keys: OnceCell<DeviceKeyStore>,
    wrote: Arc<AtomicBool>,
    /// The records in which something came from other devices, until it was told.
    came: Arc<Mutex<BTreeSet<RecordId>>>,
    _observation: Observation,
}

impl<'a> App<'a> {
    /// Opens the notebook that was named, or this device's own.
    pub(crate) fn open(cli: &Cli, out: &'a Out) -> Result<Self, Failure> {
        let path = places::chosen(cli)?;
        places::make_room_for(&path)?;
        let options = Options { zone: places::zone(), device: places::device(), ..Options::default() };
        let notebook = Notebook::open(&path, options).map_err(|error| cannot_open(error, &path))?;
        let wrote = Arc::new(AtomicBool::new(false));
        let came: Arc<Mutex<BTreeSet<RecordId>>> = Arc::default();
        let (heard, received) = (wrote.clone(), came.clone());
        let observation = notebook.observe(move |changed| {
            heard.store(true, Ordering::Relaxed);
            if changed.origin == Origin::Peer {
                received.lock().unwrap_or_else(PoisonError::into_inner).extend(&changed.ids);
            }
        });
        let today = notebook.today()?;
        let width = layout::width_of(io::stdout().is_terminal());
        Ok(Self {
            notebook,
            out,
            today,
            json: cli.json,
            width,
            keys: OnceCell::new(),
            wrote,
            came,
            _observation: observation,
        })
    }

    /// The secrets of this device: one store for a whole command, so that a keychain is asked once.
    pub(crate) fn keys(&self) -> Result<DeviceKeyStore, Failure> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys.clone());
        }
        let is_quiet = self.out.is_quiet();
        let tell = move |why: &kith_core::Error| {
            if !is_quiet {
                keychain::tell_of_files(why);
            }
        };
        let keys = places::keys(Box::new(tell))?;
        Ok(self.keys.get_or_init(|| keys).clone())
    }

    /// The records in which something came from other devices since this was last asked.
    pub(crate) fn what_came(&self) -> BTreeSet<RecordId> {
        std::mem::take(&mut *self.came.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether somebody sits there who can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal() && !self.json
    }

    /// A line of an answer.
    pub(crate) fn line(&self, line: impl AsRef<str>) {
        self.out.line(line);
    }

    /// An answer for another program.
    pub(crate) fn print_json(&self, answer: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(answer)
            .map_err(|error| Failure::Wrong(format!("the answer cannot be written as JSON ({error})")))?;
        self.out.line(text);
        Ok(())
    }

    /// Says what was done: in words, or as `{"id": …, "done": …}`.
    pub(crate) fn done(&self, id: impl ToString, words: &str) -> Result<(), Failure> {
        if self.json {
            return self.print_json(&serde_json::json!({ "id": id.to_string(), "done": words }));
        }
        self.out.confirm(layout::wrap(words, "", self.width));
        Ok(())
    }

    /// How many lines were answered so far.
    pub(crate) fn lines(&self) -> usize {
        self.out.lines()
    }

    /// A bar for what takes long; unseen where nobody looks.
    pub(crate) fn progress(&self, what: &'static str) -> ProgressBar {
        if !io::stderr().is_terminal() || self.json {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} {msg}");
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
    }

    /// Something that turns while one waits; unseen where nobody looks.
    pub(crate) fn spinner(&self, what: &'static str) -> ProgressBar {
        let is_seen = io::stderr().is_terminal() && !self.json;
        let bar = if is_seen { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_message(what);
        bar
    }

    /// Does all that can wait, after much came in at once: it would be missing from the search until then.
    pub(crate) fn settle(&self) {
        let bar = self.spinner("making every word findable");
        while !self.out.is_closed() && self.notebook.tidy().unwrap_or(false) {
            bar.tick();
        }
        bar.finish_and_clear();
        self.back_up_if_written();
    }

    /// Does a little of what can wait, only after something was written. A failure here loses nothing and is not told.
    pub(crate) fn tidy(&self) {
        if self.wrote.load(Ordering::Relaxed) {
            for _ in 0..TIDY_ROUNDS {
                if !self.notebook.tidy().unwrap_or(false) {
                    break;
                }
            }
            self.back_up_if_written();
        }
    }

    fn back_up_if_written(&self) {
        if self.wrote.swap(false, Ordering::Relaxed) {
            self.back_up();
        }
    }

    /// Makes the backup of the day where the person said so. What hinders it is told, and takes nothing back.
    pub(crate) fn back_up(&self) {
        // It takes a second or two for ten thousand people.
        let bar = self.spinner("making the backup of the day");
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
        let made = self.notebook.backup_if_due(&mut |_, _| Ok(()));
        bar.finish_and_clear();
        let told = match made {
            Ok(None) => return,
            Ok(Some(file)) => format!("The backup of the day is in {}.", file.display()),
            Err(error) => format!(
                "The backup of the day was not made: {error}. What you wrote is safe in the notebook; `kith settings \
                 backup_folder=FOLDER` names another place, `kith settings backup_folder=` ends it."
            ),
        };
        self.out.aside(layout::wrap(&told, "", layout::width_of(io::stderr().is_terminal())));
    }
}
