//! The notebook as an object: opened, shut, and the few questions a first screen has.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, NaiveDate, Utc};
use kith_core::model::zone_called;
use kith_core::notebook::{self as core, Clock, Options};
use kith_core::query::today::TodayPage;
use kith_core::query::{Hit, Today};

use crate::{KithError, PhoneClock, Result};

/// A notebook, open. It may be used from several threads, and by several processes at once; every function blocks until
/// its answer is there, and what changes the notebook is durable when it returns.
#[derive(uniffi::Object)]
pub struct Notebook(RwLock<Option<Arc<core::Notebook>>>);

/// What a notebook takes from the device it is on.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Surroundings {
    /// What other devices call this one.
    pub device: String,
    /// The zone of this device as its system calls it, used while the settings name none. One that is not known is taken for
    /// that of the same distance from UTC, if its name tells one in whole hours (`GMT+02:00`), else for UTC.
    pub zone: String,
}

#[uniffi::export]
impl Notebook {
    /// Opens the notebook in this file, making it when there is none. Cost does not grow with the notebook.
    ///
    /// # Errors
    /// [`KithError::Unreadable`] when the file is damaged or no notebook, [`KithError::NeedsUpdate`] when a newer version
    /// wrote it, [`KithError::Storage`] when the disk refuses.
    #[uniffi::constructor]
    pub fn open(path: PathBuf, surroundings: Surroundings, clock: Option<Arc<dyn PhoneClock>>) -> Result<Arc<Self>> {
        guarded(|| {
            let Surroundings { device, zone } = surroundings;
            let clock = clock.map_or(Options::default().clock, told_by);
            let options = Options { clock, zone: zone_called(&zone), device, ..Options::default() };
            Ok(Arc::new(Self(RwLock::new(Some(Arc::new(core::Notebook::open(path, options)?))))))
        })
    }

    /// Says in which zone this device is now, as its system calls it, which is another one after a flight: to be called when
    /// an app comes to the front. If it is, listeners are told, since the day may be another. What is not known is taken as in
    /// [`Surroundings`].
    ///
    /// # Errors
    /// [`KithError::Closed`] after `shut`.
    pub fn set_zone(&self, zone: String) -> Result<()> {
        self.ask(|notebook| {
            notebook.set_zone(zone_called(&zone));
            Ok(())
        })
    }

    /// Shuts the notebook: from now on every function answers [`KithError::Closed`]. What is under way is finished, and
    /// the file is let go of after it. To shut twice is fine.
    ///
    /// # Errors
    /// None is known.
    pub fn shut(&self) -> Result<()> {
        guarded(|| {
            // Let go of after the lock: a listener may call back as it goes.
            let notebook = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
            drop(notebook);
            Ok(())
        })
    }

    /// The person's day.
    ///
    /// # Errors
    /// As any question: [`KithError::Storage`] or [`KithError::Unreadable`] when the file cannot be read,
    /// [`KithError::Closed`] after `shut`.
    pub fn today(&self) -> Result<NaiveDate> {
        self.ask(core::Notebook::today)
    }

    /// The page of today: what I owe first, then what they owe me, meetings, one coffee.
    ///
    /// # Errors
    /// As any question.
    pub fn today_page(&self) -> Result<Today> {
        self.ask(core::Notebook::today_page)
    }

    /// The same with at most so many rows a part, and how many more there are of each.
    ///
    /// # Errors
    /// As any question.
    pub fn today_page_of(&self, most: u32) -> Result<TodayPage> {
        self.ask(|notebook| notebook.today_page_of(most))
    }

    /// Whether nothing was ever written here that is still kept: no record of any kind, deleted ones included.
    ///
    /// # Errors
    /// As any question.
    pub fn is_empty(&self) -> Result<bool> {
        self.ask(core::Notebook::is_empty)
    }

    /// Finds records by any of their words, accents and typos forgiven, as one types: the last word may be unfinished.
    /// At most `most` records, and 1,000.
    ///
    /// # Errors
    /// As any question.
    pub fn find(&self, typed: String, most: u32) -> Result<Vec<Hit>> {
        self.ask(|notebook| notebook.find(&typed, most))
    }
}

impl Notebook {
    /// Every function goes through here: a notebook that was shut and a panic are errors like any other. The lock is let
    /// go of first, so that a callback may do what it wants, even shut the notebook.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&core::Notebook) -> Result<T>) -> Result<T> {
        guarded(|| question(&*self.opened()?))
    }

    /// The notebook, as long as it is open.
    pub(crate) fn opened(&self) -> Result<Arc<core::Notebook>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(KithError::Closed)
    }
}

/// A panic becomes an error. uniffi would catch it, too, and throw something that no function is declared to throw.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(KithError::Panicked(words.unwrap_or_default()))
    })
}

/// The time as the phone tells it, or the system when the phone does not.
fn told_by(clock: Arc<dyn PhoneClock>) -> Clock {
    Arc::new(move || clock.unix_ms().ok().and_then(DateTime::<Utc>::from_timestamp_millis).unwrap_or_else(Utc::now))
}

#[cfg(test)]
#[allow(clippy::panic)] // that is what is tried
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use kith_core::model::{Area, RecordId};
    use kith_core::notebook::Origin;

    use super::*;
    use crate::{ChangeListener, ShellFailure};

    /// A notebook on the other side of the boundary.
    fn notebook() -> (tempfile::TempDir, Arc<Notebook>) {
        notebook_in("UTC")
    }

    fn notebook_in(zone: &str) -> (tempfile::TempDir, Arc<Notebook>) {
        let folder = tempfile::tempdir().expect("a folder");
        let here = Surroundings { device: "a test".into(), zone: zone.into() };
        let notebook = Notebook::open(folder.path().join("notebook.kith"), here, None).expect("it opens");
        (folder, notebook)
    }

    #[test]
    fn a_panic_inside_is_an_error_and_the_notebook_goes_on() {
        let (_folder, notebook) = notebook();
        let answer: Result<()> = notebook.ask(|notebook| {
            let _heard = notebook.observe(|_| panic!("a mistake"));
            notebook.jot_line("Dana Ruiz").map(drop)
        });
        assert!(matches!(answer, Err(KithError::Panicked(words)) if words == "a mistake"));
        assert_eq!(notebook.find("Dana".into(), 10).expect("it goes on").len(), 1, "what was written before is safe");
        notebook.jot_line("Ben".into()).expect("and it can be written");
    }

    /// The same bytes are handed to the generated code of Swift and of Python in their tests: no function that is shipped can
    /// be made to panic from there.
    #[test]
    fn a_panic_crosses_as_a_kind_of_its_own_with_its_words() {
        let crossing = KithError::Panicked("a mistake".into());
        let bytes = <KithError as uniffi::LowerError<crate::UniFfiTag>>::lower_error(crossing).destroy_into_vec();
        let words = "Kith made a mistake of its own; what was saved before is safe (a mistake)";
        let lengths = [16_u32, u32::try_from(words.len()).expect("it is short")].map(u32::to_be_bytes).concat();
        assert_eq!(bytes, [&lengths, words.as_bytes()].concat());
    }

    /// A listener that calls back as it goes.
    struct Goes(Arc<Notebook>, Arc<AtomicBool>);

    impl ChangeListener for Goes {
        fn changed(&self, _: Vec<Area>, _: Vec<RecordId>, _: Origin) -> std::result::Result<(), ShellFailure> {
            Ok(())
        }
    }

    impl Drop for Goes {
        fn drop(&mut self) {
            drop(self.0.today());
            self.1.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_listener_goes_with_the_notebook_or_its_observation_and_no_lock_is_held() {
        let (_folder, notebook) = notebook();
        let [stopped, shut] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let listen = |gone: &Arc<AtomicBool>| notebook.observe(Arc::new(Goes(notebook.clone(), gone.clone())));
        let (first, second) = (listen(&stopped).expect("it listens"), listen(&shut).expect("it listens"));
        first.stop().expect("it stops");
        assert!(stopped.load(Ordering::Relaxed));
        notebook.shut().expect("it is shut");
        assert!(shut.load(Ordering::Relaxed), "although its observation is still there");
        second.stop().expect("it may be stopped all the same");
    }

    #[test]
    fn a_zone_that_nobody_knows_keeps_no_notebook_shut_and_a_phone_that_flies_says_so() {
        let (_folder, notebook) = notebook_in("Mars/Base");
        let zone = || {
            notebook.start_event("Lunch".into(), String::new()).expect("it begins");
            notebook.stop_event().expect("it ends").and_then(|event| event.starts).expect("it began").zone.name()
        };
        assert_eq!(zone(), "UTC");
        notebook.set_zone("GMT+02:00".into()).expect("it is taken");
        assert_eq!(zone(), "Etc/GMT-2");
        notebook.set_zone("Asia/Tokyo".into()).expect("it is taken");
        assert_eq!(zone(), "Asia/Tokyo");
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let observed = move |changed: &core::Changed| heard.lock().expect("nobody panicked").push(changed.ids.len());
        let _observation = notebook.opened().expect("it is open").observe(observed);
        notebook.set_zone("Asia/Tokyo".into()).expect("it is taken");
        assert_eq!(*told.lock().expect("nobody panicked"), [0_usize; 0], "it is where it was");
        notebook.set_zone("Pacific/Niue".into()).expect("it is taken");
        assert_eq!(*told.lock().expect("nobody panicked"), [0], "anything may show another day");
    }

    #[test]
    fn a_notebook_that_is_shut_lets_go_of_its_file_when_what_is_under_way_is_done() {
        let (folder, notebook) = notebook();
        let under_way = notebook.opened().expect("it is open");
        notebook.shut().expect("it is shut");
        assert!(matches!(notebook.today(), Err(KithError::Closed)));
        under_way.jot_line("Dana Ruiz").expect("what is under way is finished");
        drop(under_way);
        assert!(!folder.path().join("notebook.kith-wal").exists(), "SQLite puts the log away when the last one goes");
    }
}
