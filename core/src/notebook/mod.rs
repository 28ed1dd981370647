//! The one door: open, commit, observe, rebuild. Commands are in `write.rs`, questions in `read.rs`.

mod any;
mod commands;
mod commit;
mod devices;
mod export;
mod fit;
mod history;
mod import;
mod inspect;
mod jot;
mod json;
mod keep;
mod lists;
mod mailboxes;
mod own;
mod photos;
mod purge;
mod read;
mod relay;
mod sync;
mod undo;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use rusqlite::Connection;

use crate::document::{Actor, Document};
use crate::error::{Error, Result};
use crate::model::{Area, RecordId, Settings};
use crate::{query, store};
pub use any::{Draft, Records};
pub use commands::{Debrief, IntroductionStep};
pub use commit::{Change, Committed, Origin, RecordChange};
pub use devices::{BeforeRemoval, DeviceRow, Identity, Joining, Knock, forget_invitation};
pub use export::{ExportForm, is_export};
pub use history::{Conflict, HistoryLine, HistoryPage};
pub use import::{ImportReport, ImportUndone, Kept, NeedsYou};
pub use jot::{Jotted, WordsAndDay};
pub use json::JsonReport;
pub use keep::Checkup;
pub use own::{BACKUPS_KEPT, DeviceSettings};
pub use purge::Purge;
pub use sync::{
    KeptBack, Peer, Refused, Removal, RenewReport, SetAside, SyncReport, Visit, WaitingPurge, WhyKeptBack,
    known_addresses, remember_address,
};
pub use undo::{TakenBack, UndoStep};
pub use write::Writing;

/// Hears how far something long has come: how much of how much is done, in the unit that each function names. What it
/// answers as an error, best [`Error::Cancelled`], ends the work with that error as soon as that can be done cleanly.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> Result<()>;
/// What tells the time; a test gives its own.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;
/// What fills bytes at random; a test gives a seeded one.
pub type RandomSource = Box<dyn FnMut(&mut [u8]) + Send>;

/// What a notebook takes from its surroundings.
pub struct Options {
    /// Tells the time.
    pub clock: Clock,
    /// Fills bytes at random: ids and actors.
    pub random: RandomSource,
    /// The zone of this device, used while the settings name none.
    pub zone: Tz,
    /// What other devices call this one.
    pub device: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Arc::new(Utc::now),
            random: Box::new(|bytes| {
                getrandom::fill(bytes).expect("the system's random numbers are there once it runs");
            }),
            zone: Tz::UTC,
            device: "this device".into(),
        }
    }
}

/// What changed, told after it is durable and while no lock is held.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Changed {
    /// The areas touched; all of them when another process wrote.
    pub areas: Vec<Area>,
    /// The records that were written themselves; empty when it could be any.
    pub ids: Vec<RecordId>,
    /// Typed here, or received.
    pub origin: Origin,
}

type Observer = Arc<dyn Fn(&Changed) + Send + Sync>;

/// A notebook, open. It may be used from several threads, and by several processes at once.
pub struct Notebook {
    path: PathBuf,
    clock: Clock,
    random: Mutex<RandomSource>,
    zone: Mutex<Tz>,
    device: String,
    actor: Actor,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    observers: Arc<Mutex<HashMap<u64, Observer>>>,
}

/// What one commit at a time may touch.
struct Writer {
    connection: Connection,
    /// Documents edited lately, as the file held them after the last commit.
    documents: HashMap<RecordId, Document>,
    actor_is_known: bool,
    /// What SQLite said when it was last asked whether others wrote.
    data_version: Option<i64>,
}

/// Most documents kept in memory.
const MAX_DOCUMENTS: usize = 128;
/// Most connections kept for readers.
const MAX_READERS: usize = 4;
/// So many days a photo is kept that nobody shows and that was a person's who is gone for good.
const LEFT_OUT_DAYS: i32 = 1;

impl Notebook {
    /// Opens the notebook in this file, making it when there is none. Loads no document, whatever its size.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when the file is damaged or no notebook, [`Error::NeedsUpdate`] when a newer version wrote
    /// it, [`Error::Storage`] when the disk refuses.
    pub fn open(path: impl AsRef<Path>, mut options: Options) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        crate::files::remove_left_work(&path);
        let connection = store::open(&path)?;
        let data_version = Some(store::data_version(&connection)?);
        let mut actor = [0; 16];
        (options.random)(&mut actor);
        let notebook = Self {
            path,
            clock: options.clock,
            random: Mutex::new(options.random),
            zone: Mutex::new(options.zone),
            device: options.device,
            actor: Actor(actor),
            writer: Mutex::new(Writer { connection, documents: HashMap::new(), actor_is_known: false, data_version }),
            readers: Mutex::new(Vec::new()),
            observers: Arc::default(),
        };
        let built: Option<i64> = notebook.read(|connection| store::meta(connection, "read_model"))?;
        if built != Some(query::VERSION) {
            notebook.rebuild(&mut |_, _| Ok(()))?;
        }
        Ok(notebook)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What other devices call this one.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Now, by the clock it was opened with.
    pub fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    /// The zone of the person's days: that of the settings, else this device's.
    ///
    /// # Errors
    /// As any question.
    pub fn zone(&self) -> Result<Tz> {
        Ok(self.settings()?.zone.unwrap_or_else(|| self.zone_of_device()))
    }

    /// The zone of this device.
    fn zone_of_device(&self) -> Tz {
        *lock(&self.zone)
    }

    /// Says that this device is in another zone now, as a phone is after a flight. It counts where the settings name none,
    /// for what is asked and written from then on; what was written keeps its own. Whoever observes is told that anything may
    /// have changed, since the day may be another.
    pub fn set_zone(&self, zone: Tz) {
        let before = std::mem::replace(&mut *lock(&self.zone), zone);
        if before != zone {
            self.tell(&Changed { areas: all_areas(), ids: Vec::new(), origin: Origin::Here });
        }
    }

    /// The person's day.
    ///
    /// # Errors
    /// As any question.
    pub fn today(&self) -> Result<NaiveDate> {
        Ok(self.day_in(self.zone()?))
    }

    /// The day it is now in this zone.
    fn day_in(&self, zone: Tz) -> NaiveDate {
        self.now().with_timezone(&zone).date_naive()
    }

    /// Asks the read model: everything `question` reads belongs to one moment.
    pub(crate) fn read<T>(&self, question: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        // An idle writer's connection saves opening a second one; a busy one is not waited for.
        if let Ok(writer) = self.writer.try_lock() {
            return at_one_moment(&writer.connection, question);
        }
        let pooled = lock(&self.readers).pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => store::open_reader(&self.path)?,
        };
        let answer = at_one_moment(&connection, question);
        let mut readers = lock(&self.readers);
        if readers.len() < MAX_READERS {
            readers.push(connection);
        }
        answer
    }

    /// Drops the read model and builds it again from the documents: the same rows. `progress` hears how many records of how
    /// many are read; what it answers as an error leaves everything as it was.
    ///
    /// # Errors
    /// [`Error::Storage`] when the disk refuses. A damaged record is left out and listed by [`Notebook::doctor`].
    pub fn rebuild(&self, progress: Progress<'_>) -> Result<()> {
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        query::create(&transaction)?;
        let mut after = query::Aftermath::default();
        let mut damaged: i64 = 0;
        let documents = store::documents(&transaction)?;
        for (done, (n, id)) in documents.iter().copied().enumerate() {
            progress(done as u64, documents.len() as u64)?;
            let Some(row) = store::document_row(&transaction, id)?.filter(|row| !row.is_only_told()) else { continue };
            match store::load(&transaction, &row) {
                Ok(document) => query::project(&transaction, n, id, &document.read(), &mut after)?,
                Err(Error::Unreadable(_)) => damaged += 1,
                Err(error) => return Err(error),
            }
        }
        query::settle(&transaction, &after)?;
        store::set_meta(&transaction, "read_model", query::VERSION)?;
        store::set_meta(&transaction, "damaged", damaged)?;
        Ok(transaction.commit()?)
    }

    /// Every row of the read model as text, without the search index: for comparing.
    ///
    /// # Errors
    /// As any question.
    pub fn dump(&self) -> Result<Vec<String>> {
        self.read(query::dump)
    }

    /// Calls back after every commit, until the observation is dropped or the notebook is, which lets go of the observer.
    /// Never while a lock is held, on any thread.
    #[must_use = "dropping the observation ends it"]
    pub fn observe(&self, observer: impl Fn(&Changed) + Send + Sync + 'static) -> Observation {
        let mut observers = lock(&self.observers);
        let key = observers.keys().max().map_or(0, |key| key + 1);
        observers.insert(key, Arc::new(observer));
        Observation { key, observers: Arc::downgrade(&self.observers) }
    }

    /// Tells the observers when another process has written since this was last asked; says whether it had.
    ///
    /// # Errors
    /// As any question.
    pub fn look_around(&self) -> Result<bool> {
        let changed = {
            let mut writer = lock(&self.writer);
            let version = store::data_version(&writer.connection)?;
            let before = writer.data_version.replace(version);
            before.is_some_and(|before| before != version)
        };
        if changed {
            self.tell(&Changed { areas: all_areas(), ids: Vec::new(), origin: Origin::OtherProcess });
        }
        Ok(changed)
    }

    fn tell(&self, changed: &Changed) {
        let observers: Vec<Observer> = lock(&self.observers).values().cloned().collect();
        observers.iter().for_each(|observer| observer(changed));
    }

    /// Does what can wait: compacts long histories, brings the search index up to date. In slices of at most 50 ms
    /// under the lock; returns whether there is more to do. A file that is still to be written anew after a purge is, and
    /// that takes as long as it takes.
    ///
    /// # Errors
    /// [`Error::Storage`] when the disk refuses; nothing is lost by it.
    pub fn tidy(&self) -> Result<bool> {
        self.scrub_if_need_be()?;
        let today = self.now().date_naive().num_days_from_ce();
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        let wanting = store::wanting_compaction(&transaction, 8)?;
        for id in &wanting {
            if let Some(row) = store::document_row(&transaction, *id)? {
                store::compact(&transaction, &row)?;
            }
        }
        tidy_photos(&transaction, today)?;
        let stale = query::index_words(&transaction, query::First::Oldest, 100)?;
        transaction.commit()?;
        Ok(stale > 0 || wanting.len() == 8)
    }

    /// Does all that can wait, after much came in at once: what came would be missing from the search until then.
    /// `progress` hears how many rounds were done, and 0 of how many.
    ///
    /// # Errors
    /// As [`Notebook::tidy`].
    pub fn tidy_all(&self, progress: Progress<'_>) -> Result<()> {
        let mut rounds = 0;
        while self.tidy()? {
            rounds += 1;
            progress(rounds, 0)?;
        }
        Ok(())
    }

    /// Fills bytes at random. Each time is a lock of its own: what draws may ask the key store of a phone in between.
    fn with_random<T>(&self, draw: impl FnOnce(&mut dyn FnMut(&mut [u8])) -> T) -> T {
        draw(&mut |bytes| lock(&self.random)(bytes))
    }

    /// The settings; what was never set is empty.
    ///
    /// # Errors
    /// As any question.
    pub fn settings(&self) -> Result<Settings> {
        let id = crate::model::Id::new(RecordId::of_singleton("settings", ""));
        self.read(|connection| Ok(query::pages::get(connection, id)?.unwrap_or_default()))
    }
}

/// Lives as long as its owner wants to be told of changes.
pub struct Observation {
    key: u64,
    /// The notebook alone keeps its observers: when it goes, they go, and whoever waits for one of them knows.
    observers: Weak<Mutex<HashMap<u64, Observer>>>,
}

impl Drop for Observation {
    fn drop(&mut self) {
        let Some(observers) = self.observers.upgrade() else { return };
        // What the observer holds goes after the lock has: it may be somebody else's, and call back as it goes.
        let _observer = lock(&observers).remove(&self.key);
    }
}

/// A panic elsewhere while the lock was held leaves nothing half done: SQLite rolled back, documents are reloaded.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Once a day: a photo that nobody has shown for as long as a deletion can be taken back leaves the file. One that was a
/// person's who is gone for good does so when there was time for whoever else shows it to come.
fn tidy_photos(connection: &Connection, today: i32) -> Result<()> {
    if store::meta(connection, "photos_checked")? == Some(today) {
        return Ok(());
    }
    let left_out = commit::photos_left_out(connection)?;
    for (id, since) in store::blob_uses(connection)? {
        match (query::is_blob_used(connection, &id)?, since) {
            (true, Some(_)) => store::set_blob_unused(connection, &id, None)?,
            (false, None) => store::set_blob_unused(connection, &id, Some(today))?,
            (false, Some(since)) if today - since > LEFT_OUT_DAYS && left_out.contains(&id) => {
                store::purge_blob(connection, &id)?;
                store::set_meta(connection, purge::UNSCRUBBED, "1")?;
            }
            (false, Some(since)) if today - since > undo::DAYS => store::purge_blob(connection, &id)?,
            _ => {}
        }
    }
    store::set_meta(connection, "photos_checked", today)
}

fn at_one_moment<T>(connection: &Connection, question: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    let transaction = connection.unchecked_transaction()?;
    let answer = question(&transaction);
    transaction.finish()?;
    answer
}

fn all_areas() -> Vec<Area> {
    let mut areas: Vec<Area> = crate::model::Kind::ALL.iter().map(|kind| kind.area()).collect();
    areas.dedup();
    areas
}
