//! Places where devices leave things for each other, and the relay through which they speak.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use kith_core::notebook::Progress;
use kith_core::sync::carrier::folder::Folder;
use kith_core::sync::carrier::pair::{self, borrow};
use kith_core::sync::carrier::{self, Place, ThroughShell};
use kith_core::sync::near::Announcement;
use kith_core::sync::pairing::Code;

use crate::notebook::{Notebook, guarded};
use crate::shell::Through;
use crate::{KeyRing, KithError, PhoneFolder, Result, Run};

/// A place where devices that are never on at the same time leave things for each other. What lies there is sealed.
#[derive(uniffi::Object)]
pub struct Mailbox(Box<dyn carrier::Mailbox>);

#[uniffi::export]
impl Mailbox {
    /// A folder of this device. Looks at nothing yet.
    ///
    /// # Errors
    /// None is known.
    #[uniffi::constructor]
    pub fn in_folder(path: PathBuf) -> Result<Arc<Self>> {
        guarded(|| Ok(Self::of(Folder::at(&path))))
    }

    /// A folder that only the phone can reach. `words` is what the person calls it: "iCloud Drive".
    ///
    /// # Errors
    /// None is known.
    #[uniffi::constructor]
    pub fn through_phone(words: String, folder: Arc<dyn PhoneFolder>) -> Result<Arc<Self>> {
        guarded(|| Ok(Self::of(ThroughShell::new(&words, Through(folder)))))
    }

    /// The mailbox of the device that shows this code on this network, at one of these addresses: to join through, and to
    /// bring everything over.
    ///
    /// # Errors
    /// [`KithError::Invalid`] when it is no code, [`KithError::NotFound`] when the device answers at none of the
    /// addresses within some seconds.
    #[uniffi::constructor]
    pub fn borrowed(code: String, at: Vec<SocketAddr>, run: Arc<Run>) -> Result<Arc<Self>> {
        guarded(|| Ok(Self::of(borrow(&Code::parse(&code)?, &at, &mut || run.goes_on())?)))
    }

    /// What to call it in a message; never with a password.
    ///
    /// # Errors
    /// None is known.
    pub fn words(&self) -> Result<String> {
        guarded(|| Ok(self.0.words()))
    }

    /// Makes Kith's folder in it again, when a person who named the place before names it once more.
    ///
    /// # Errors
    /// [`KithError::NotFound`] when the place itself is not there, [`KithError::Denied`] when it lets nobody in who comes
    /// so, [`KithError::Unreachable`] when it cannot be used just now.
    pub fn prepare(&self, run: Arc<Run>) -> Result<()> {
        guarded(|| self.watched(&run, |place| place.prepare()))
    }
}

impl Mailbox {
    fn of(mailbox: impl carrier::Mailbox + 'static) -> Arc<Self> {
        Arc::new(Self(Box::new(mailbox)))
    }

    /// The same with something that counts for itself: whoever asks for the mailbox only looks whether to go on.
    pub(crate) fn followed<T>(
        &self,
        run: &Run,
        what: impl FnOnce(&dyn carrier::Mailbox, Progress<'_>) -> Result<T>,
    ) -> Result<T> {
        what(&carrier::Watched::new(&*self.0, &|| run.goes_on()), &mut |done, total| run.step(done, total))
    }

    /// Does something with it that can be taken back before each thing that is asked of it; the run counts those.
    pub(crate) fn watched<T>(&self, run: &Run, what: impl FnOnce(&dyn carrier::Mailbox) -> Result<T>) -> Result<T> {
        what(&carrier::Watched::new(&*self.0, &|| run.one_more()))
    }
}

#[uniffi::export]
impl Notebook {
    /// Where this device meets the others, in the order in which it learned of them. Folders that the phone reaches are
    /// remembered by the phone, not here.
    ///
    /// # Errors
    /// As any question.
    pub fn mailboxes(&self) -> Result<Vec<Place>> {
        self.ask(|notebook| notebook.mailboxes())
    }

    /// Tries a place out, and remembers it with its secret when it keeps what is written to it.
    ///
    /// # Errors
    /// [`KithError::Invalid`] when an address cannot be used, [`KithError::NotFound`] when there is no such place,
    /// [`KithError::Denied`] when a secret is missing or wrong or nobody is let in who comes so,
    /// [`KithError::Unreachable`] when it cannot be used just now; nothing is remembered then, nor when it is cancelled.
    pub fn add_mailbox(
        &self,
        place: Place,
        secret: Option<String>,
        keys: Arc<KeyRing>,
        run: Arc<Run>,
    ) -> Result<Arc<Mailbox>> {
        self.ask(|notebook| {
            let added = notebook.add_mailbox(&place, secret.as_deref(), keys.keys(), &|| run.one_more());
            Ok(Arc::new(Mailbox(added?)))
        })
    }

    /// Opens a remembered mailbox, with the secret that was kept for it. Asks no server anything.
    ///
    /// # Errors
    /// [`KithError::Invalid`] when its address cannot be used, [`KithError::Denied`] when its secret is missing.
    pub fn open_mailbox(&self, place: Place, keys: Arc<KeyRing>) -> Result<Arc<Mailbox>> {
        self.ask(|notebook| Ok(Arc::new(Mailbox(notebook.open_mailbox(&place, keys.keys())?))))
    }

    /// Makes Kith's folder in a place that a person names for the first time, and sees whether it keeps what is written;
    /// for a place that the phone remembers itself.
    ///
    /// # Errors
    /// As [`Notebook::add_mailbox`].
    pub fn try_mailbox(&self, mailbox: Arc<Mailbox>, run: Arc<Run>) -> Result<()> {
        self.ask(|notebook| mailbox.watched(&run, |place| notebook.try_mailbox(place)))
    }

    /// Forgets a mailbox and its secret. What lies there stays.
    ///
    /// # Errors
    /// [`KithError::NotFound`] when it is none of [`Notebook::mailboxes`].
    pub fn forget_mailbox(&self, place: Place, keys: Arc<KeyRing>) -> Result<()> {
        self.ask(|notebook| notebook.forget_mailbox(&place, keys.keys()))
    }
}

#[uniffi::export]
impl Notebook {
    /// The address of the relay through which this device meets others that are on another network; none until a person
    /// sets one.
    ///
    /// # Errors
    /// As any question.
    pub fn relay(&self) -> Result<Option<String>> {
        self.ask(|notebook| Ok(notebook.relay()?.map(|relay| relay.address().into())))
    }

    /// Tries a relay out, and remembers it on this device in the place of the one before; answers its address as it is
    /// kept, of at most 256 bytes. A place on the network that was taken before goes on without.
    ///
    /// # Errors
    /// [`KithError::Invalid`] when its address cannot be used: it begins with `https://`, and ends with the name of the
    /// server or its port. [`KithError::Unreachable`] when it does not answer within 15 seconds, which is as long as
    /// this takes, [`KithError::Denied`] when it answers, and not as a relay that is open to this device; nothing is changed
    /// then, nor when it is cancelled.
    pub fn set_relay(&self, address: String, run: Arc<Run>) -> Result<String> {
        self.ask(|notebook| Ok(notebook.set_relay(&address, &mut || run.goes_on())?.address().into()))
    }

    /// Forgets the relay: from then on no packet goes there.
    ///
    /// # Errors
    /// [`KithError::NotFound`] when there is none.
    pub fn forget_relay(&self) -> Result<()> {
        self.ask(|notebook| notebook.forget_relay())
    }
}

/// A mailbox of one's own, lent to one other device while the two pair on this network, without a folder that both know.
///
/// Invite through [`Lending::mailbox`], open the lending with the code, announce it, ask for the request, admit; then
/// wait, sync with the same mailbox, and end.
#[derive(uniffi::Object)]
pub struct Lending(Mutex<Option<pair::Lending>>);

#[uniffi::export]
impl Lending {
    /// A mailbox that nobody else has yet.
    ///
    /// # Errors
    /// [`KithError::Storage`] when no folder can be made for it.
    #[uniffi::constructor]
    pub fn new() -> Result<Arc<Self>> {
        guarded(|| Ok(Arc::new(Self(Mutex::new(Some(pair::Lending::new()?))))))
    }

    /// The mailbox: to invite through, to admit through, to sync with. It is gone after [`Lending::end`].
    ///
    /// # Errors
    /// [`KithError::Closed`] after the end.
    pub fn mailbox(&self) -> Result<Arc<Mailbox>> {
        self.with(|lending| Ok(Mailbox::of(lending.mailbox())))
    }

    /// Lends it from now on to who knows this code; answers at which port of UDP.
    ///
    /// # Errors
    /// [`KithError::Invalid`] when it is no code, [`KithError::Storage`] when the network cannot be used.
    pub fn open(&self, code: String) -> Result<u16> {
        self.with(|lending| lending.open(&Code::parse(&code)?))
    }

    /// What to announce on this network, so that the other device finds it; none before it is open.
    ///
    /// # Errors
    /// [`KithError::Closed`] after the end.
    pub fn announcement(&self) -> Result<Option<Announcement>> {
        self.with(|lending| Ok(lending.announcement()))
    }

    /// Whether the other device is using it just now. Once it was let in, it brings everything over: wait for it.
    ///
    /// # Errors
    /// [`KithError::Closed`] after the end.
    pub fn is_used(&self) -> Result<bool> {
        self.with(|lending| Ok(lending.is_lent()))
    }

    /// Ends it: the line breaks, and the mailbox is taken away. To end twice is fine.
    ///
    /// # Errors
    /// None is known.
    pub fn end(&self) -> Result<()> {
        guarded(|| {
            drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
            Ok(())
        })
    }
}

impl Lending {
    fn with<T>(&self, call: impl FnOnce(&mut pair::Lending) -> Result<T>) -> Result<T> {
        guarded(|| call(self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut().ok_or(KithError::Closed)?))
    }
}
