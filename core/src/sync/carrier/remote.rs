//! A mailbox on a server: WebDAV, or a bucket of S3 or its like, by OpenDAL. One request at a time with its deadline is
//! `wire`'s matter; here is what an operation is made of, when it is tried again, and what its failures are called.

use std::collections::HashSet;
use std::future::Future;
use std::net::IpAddr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opendal::services::{S3, Webdav};
use opendal::{Buffer, Entry, EntryMode, ErrorKind, HttpTransporter, OperationContext, Operator};
use reqwest::Url;
use tokio::time::timeout;

use super::direct::STEP;
use super::mailbox::{
    Item, MAX_DEPTH, MAX_ITEMS, Mailbox, OWN, checked, checked_for_writing, full, is_in_the_making, is_listed, is_safe,
    too_large, too_many,
};
use super::watched::Look;
use super::wire::{Broken, Seen, Wire, client};
use crate::error::{Error, Result};

/// An operation is begun at most so often …
const TRIES: u32 = 5;
/// … and not again after so long. Nothing below tries anything twice, so these two are all there is.
const ENOUGH: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A whole listing, of however many folders and pages, may take so long, and a second more for so many things in it.
const LISTING: Duration = Duration::from_secs(5 * 60);
const LISTED_A_SECOND: usize = 100;
/// Most bytes of one page of a listing: some fifty thousand files in one WebDAV folder.
const MAX_PAGE: u64 = 64 * 1024 * 1024;
/// Most bytes of an answer that only says yes or no.
const MAX_ANSWER: u64 = 1024 * 1024;
/// Folders known to be there, so that each is made once.
const MAX_KNOWN: usize = 10_000;

/// A mailbox on a server.
pub struct Remote {
    server: Arc<Server>,
    worker: tokio::runtime::Handle,
    /// Dropping it ends the worker's thread.
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Remote {
    /// A folder on a WebDAV server; asks it nothing yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the address cannot be used or the password is missing.
    pub fn webdav(url: &str, user: &str, password: Option<&str>, plain_http: bool) -> Result<Self> {
        let url = address(url, plain_http)?;
        if !user.is_empty() && password.is_none() {
            return Err(Error::Denied(format!("the password of {user} at {} is missing", shown(&url))));
        }
        // The path is kept apart: servers write the names in a listing with other escapes than a person typed.
        let origin = url.origin().ascii_serialization();
        let base = opendal::raw::percent_decode_path(url.path()).trim_matches('/').to_owned();
        let builder = Webdav::default()
            .endpoint(&origin)
            .username(user)
            .password(password.unwrap_or_default())
            .disable_create_dir(true);
        Self::new(Kind::WebDav { origin }, base, shown(&url), url.scheme() == "https", Operator::new(builder))
    }

    /// A bucket that is there; asks nothing yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the address cannot be used or the secret key is missing.
    pub fn s3(
        endpoint: &str,
        bucket: &str,
        region: &str,
        prefix: &str,
        access_key: &str,
        secret_key: Option<&str>,
        plain_http: bool,
    ) -> Result<Self> {
        let url = address(endpoint, plain_http)?;
        // Without both, OpenDAL would look for keys elsewhere on this machine.
        let secret_key = secret_key.filter(|key| !key.is_empty() && !access_key.is_empty());
        let secret_key = secret_key.ok_or_else(|| Error::Denied(format!("a key for {} is missing", shown(&url))))?;
        let builder = S3::default()
            .endpoint(url.as_str().trim_end_matches('/'))
            .bucket(bucket)
            .region(if region.is_empty() { "us-east-1" } else { region })
            .access_key_id(access_key)
            .secret_access_key(secret_key)
            .disable_config_load()
            .disable_ec2_metadata();
        let words = format!("the bucket {bucket} at {}", shown(&url));
        let prefix = prefix.trim_matches('/').to_owned();
        Self::new(Kind::S3, prefix, words, url.scheme() == "https", Operator::new(builder))
    }

    fn new(
        kind: Kind,
        base: String,
        words: String,
        encrypted: bool,
        operator: opendal::Result<Operator>,
    ) -> Result<Self> {
        if !base.is_empty() && !base.split('/').all(is_safe) {
            return Err(Error::Invalid(format!("the path in {words} cannot be used")));
        }
        let operator =
            operator.map_err(|error| Error::Invalid(format!("{words} cannot be used: {}", error.message())))?;
        let client = client(encrypted)
            .map_err(|error| Error::Unreachable(format!("no connection can be made from this device ({error:?})")))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let worker = runtime.handle().clone();
        let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
        // A thread of its own: whoever calls may be inside another runtime, and a panic below ends one task only.
        std::thread::Builder::new().name("kith-mailbox".into()).spawn(move || {
            let _ = runtime.block_on(stopped);
            // A name that is still being looked up must not hold anybody.
            runtime.shutdown_background();
        })?;
        let server = Server { kind, base, words, operator, client, known: Mutex::default(), listing: LISTING };
        let server = Arc::new(server);
        Ok(Self { server, worker, _stop })
    }

    fn run<T, F>(&self, work: impl FnOnce(Arc<Server>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.run_while(&|| Ok(()), work)
    }

    /// The same, given up as soon as `look` answers an error.
    fn run_while<T, F>(&self, look: Look<'_>, work: impl FnOnce(Arc<Server>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        look()?;
        let (done, result) = mpsc::sync_channel(1);
        let work = work(self.server.clone());
        let at_work = self.worker.spawn(async move {
            let _ = done.send(work.await);
        });
        loop {
            match result.recv_timeout(STEP) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Unreachable(self.server.nonsense())),
                Err(RecvTimeoutError::Timeout) => look().inspect_err(|_| at_work.abort())?,
            }
        }
    }
}

impl Mailbox for Remote {
    fn prepare(&self) -> Result<()> {
        self.run(|server| async move { server.prepare().await })
    }

    fn list(&self) -> Result<Vec<Item>> {
        self.list_while(&|| Ok(()))
    }

    fn list_while(&self, look: Look<'_>) -> Result<Vec<Item>> {
        self.run_while(look, |server| async move { server.list().await })
    }

    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        self.get_while(name, most, &|| Ok(()))
    }

    fn get_while(&self, name: &str, most: u64, look: Look<'_>) -> Result<Option<Vec<u8>>> {
        let name = checked(name, is_safe)?.to_owned();
        self.run_while(look, move |server| async move { server.get(&name, most).await })
    }

    fn put_new(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (name, bytes) = (checked_for_writing(name, bytes)?.to_owned(), Buffer::from(bytes.to_vec()));
        self.run(move |server| async move { server.put(&name, bytes).await })
    }

    fn delete(&self, name: &str) -> Result<()> {
        let name = checked(name, is_safe)?.to_owned();
        self.run(move |server| async move { server.take_away(&name).await })
    }

    fn words(&self) -> String {
        self.server.words.clone()
    }
}

enum Kind {
    WebDav { origin: String },
    S3,
}

/// What is known of the server, and what an operation on it is made of.
struct Server {
    kind: Kind,
    /// The path of the place, without slashes around it. OpenDAL's own root stays `/`: below another one it panics on a
    /// server that lists something outside of it.
    base: String,
    words: String,
    operator: Operator,
    client: reqwest::Client,
    known: Mutex<HashSet<String>>,
    /// How long a listing may take at least.
    listing: Duration,
}

impl Server {
    async fn prepare(&self) -> Result<()> {
        if matches!(self.kind, Kind::S3) {
            return Ok(());
        }
        // The place itself is the person's to make; a slip in the address must not make folders.
        if !self.base.is_empty() {
            self.size(&format!("{}/", self.base)).await?.ok_or_else(|| self.missing())?;
        }
        self.make_folder(&format!("{}/", self.path(""))).await
    }

    async fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        if name.split('/').any(is_in_the_making) {
            return Ok(None);
        }
        let mut tries = Tries::new();
        loop {
            let once = self.once(most);
            match once.operator.read(&self.path(name)).await {
                Ok(bytes) => return Ok((!bytes.is_empty()).then(|| bytes.to_vec())),
                Err(error) => {
                    let seen = once.seen(&error);
                    if self.is_nothing(&seen) {
                        self.is_there().await?;
                        return Ok(None);
                    }
                    if seen.broken == Some(Broken::TooMuch) {
                        return Err(too_large(&self.words, name, most));
                    }
                    tries.again(&seen).await.map_err(|()| self.refused("read", &seen))?;
                }
            }
        }
    }

    async fn put(&self, name: &str, bytes: Buffer) -> Result<()> {
        let (path, size) = (self.path(name), bytes.len() as u64);
        let mut tries = Tries::new();
        loop {
            self.is_there().await?;
            self.make_parents(&path).await?;
            let once = self.once(MAX_ANSWER);
            let written = once.operator.write(&path, bytes.clone()).await;
            let seen = match written {
                Ok(_) => Seen::default(),
                Err(error) => once.seen(&error),
            };
            let taken = written_well(&seen);
            if taken && self.size(&path).await? == Some(size) {
                return Ok(());
            }
            if matches!(seen.status, Some(404 | 409)) {
                // Somebody took the folder away.
                self.known().clear();
            }
            let again = if taken { tries.pause().await } else { tries.again_to_write(&seen).await };
            if again.is_err() {
                return Err(if taken { self.does_not_keep() } else { self.refused("write", &seen) });
            }
        }
    }

    async fn take_away(&self, name: &str) -> Result<()> {
        let mut tries = Tries::new();
        loop {
            let once = self.once(MAX_ANSWER);
            let Err(error) = once.operator.delete(&self.path(name)).await else { return Ok(()) };
            let seen = once.seen(&error);
            if written_well(&seen) || self.is_nothing(&seen) {
                return Ok(());
            }
            tries.again(&seen).await.map_err(|()| self.refused("delete", &seen))?;
        }
    }

    async fn list(&self) -> Result<Vec<Item>> {
        let top = format!("{}/", self.path(""));
        let mut items = Vec::new();
        let (mut found, begun) = (0, Instant::now());
        let mut folders = vec![top.clone()];
        while let Some(folder) = folders.pop() {
            let allowed = self.listing + Duration::from_secs((found / LISTED_A_SECOND) as u64);
            let entries = timeout(allowed.saturating_sub(begun.elapsed()), self.entries(&folder, found)).await;
            let Some(entries) = entries.map_err(|_| self.lists_slowly())?? else {
                // A folder may go while we look, but not the mailbox itself.
                if folder == top {
                    return Err(self.missing());
                }
                continue;
            };
            found += entries.len();
            for entry in entries {
                let path = self.path_of(&entry);
                let Some(name) = path.strip_prefix(&top) else { return Err(self.lists_strangely(path)) };
                let name = name.trim_end_matches('/');
                if path == folder || !is_listed(name) {
                    continue;
                }
                let (mode, bytes) = (entry.metadata().mode(), entry.metadata().content_length());
                if mode == EntryMode::DIR && name.split('/').count() <= MAX_DEPTH {
                    folders.push(format!("{top}{name}/"));
                } else if mode == EntryMode::FILE && bytes > 0 {
                    items.push(Item { name: name.to_owned(), bytes });
                }
            }
        }
        items.sort();
        items.dedup_by(|a, b| a.name == b.name);
        Ok(items)
    }

    /// What one listing holds, for S3 everything below; `None` when there is no such folder.
    async fn entries(&self, folder: &str, found: usize) -> Result<Option<Vec<Entry>>> {
        let mut tries = Tries::new();
        loop {
            let once = self.once(MAX_PAGE);
            match once.entries(folder, matches!(self.kind, Kind::S3), MAX_ITEMS.saturating_sub(found)).await {
                Ok(Some(entries)) => {
                    let status = once.last().status;
                    // OpenDAL takes a folder that is not there for an empty one, and so it does with the page of a hotel
                    // that wants a login.
                    return match (&self.kind, status) {
                        (Kind::S3, _) | (_, Some(207)) => Ok(Some(entries)),
                        (_, Some(404)) => Ok(None),
                        _ => Err(self.refused("list", &once.last())),
                    };
                }
                Ok(None) => return Err(too_many(&self.words)),
                Err(error) => {
                    let seen = once.seen(&error);
                    if seen.broken == Some(Broken::TooMuch) {
                        return Err(too_many(&self.words));
                    }
                    tries.again(&seen).await.map_err(|()| self.refused("list", &seen))?;
                }
            }
        }
    }

    /// The size of what is there.
    async fn size(&self, path: &str) -> Result<Option<u64>> {
        let mut tries = Tries::new();
        loop {
            let once = self.once(MAX_ANSWER);
            match once.operator.stat(path).await {
                Ok(there) => return Ok(Some(there.content_length())),
                Err(error) => {
                    let seen = once.seen(&error);
                    // The answer to a HEAD has no body, so that S3 can give no reason.
                    if seen.status == Some(404) && (seen.code.is_empty() || self.is_nothing(&seen)) {
                        return Ok(None);
                    }
                    tries.again(&seen).await.map_err(|()| self.refused("read", &seen))?;
                }
            }
        }
    }

    /// Kith's own folder is made by `prepare` and nowhere else, so that a place that was emptied is told.
    async fn is_there(&self) -> Result<()> {
        let top = format!("{}/", self.path(""));
        if matches!(self.kind, Kind::S3) || self.known().contains(&top) {
            return Ok(());
        }
        self.size(&top).await?.ok_or_else(|| self.missing())?;
        self.known().insert(top);
        Ok(())
    }

    /// S3 knows no folders. A WebDAV server wants them made one by one, and of two devices that make the same one, one is
    /// told that it is forbidden or in conflict; so a look comes first, then the attempt, then another look.
    async fn make_parents(&self, path: &str) -> Result<()> {
        let Kind::WebDav { .. } = self.kind else { return Ok(()) };
        let top = self.path("").len();
        let ends = path.char_indices().filter(|(at, c)| *c == '/' && *at > top).map(|(at, _)| at + 1);
        for end in ends {
            self.make_folder(&path[..end]).await?;
        }
        Ok(())
    }

    async fn make_folder(&self, folder: &str) -> Result<()> {
        if self.known().contains(folder) {
            return Ok(());
        }
        let mut tries = Tries::new();
        loop {
            let once = self.once(MAX_ANSWER);
            let Err(error) = once.operator.create_dir(folder).await else { break };
            let seen = once.seen(&error);
            tries.again_to_write(&seen).await.map_err(|()| self.refused("write", &seen))?;
        }
        let mut known = self.known();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(folder.to_owned());
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a name lies, seen from the server's root.
    fn path(&self, name: &str) -> String {
        let parts = [self.base.as_str(), OWN, name];
        parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/")
    }

    /// The path of a listed thing. Some servers list whole addresses.
    fn path_of<'a>(&self, entry: &'a Entry) -> &'a str {
        let path = entry.path();
        let Kind::WebDav { origin } = &self.kind else { return path };
        path.strip_prefix(origin.as_str()).unwrap_or(path).trim_start_matches('/')
    }

    fn once(&self, most: u64) -> Once {
        let last = Arc::new(Mutex::new(Seen::default()));
        let wire = HttpTransporter::new(Wire::new(self.client.clone(), most, last.clone()));
        let context = OperationContext::new().with_http_transport(wire);
        Once { operator: self.operator.clone().with_context(context), last }
    }

    /// Whether this answer means that nothing lies under the name: for S3 only the one code that says so.
    fn is_nothing(&self, seen: &Seen) -> bool {
        seen.status == Some(404) && (matches!(self.kind, Kind::WebDav { .. }) || seen.code == "NoSuchKey")
    }

    fn missing(&self) -> Error {
        Error::NotFound(format!("Kith's folder at {}", self.words))
    }

    fn does_not_keep(&self) -> Error {
        Error::Unreachable(format!("{} takes files and does not keep them whole; it may be full", self.words))
    }

    fn lists_slowly(&self) -> Error {
        Error::Unreachable(format!("{} takes too long to list what lies there", self.words))
    }

    fn lists_strangely(&self, path: &str) -> Error {
        let path: String = path.chars().take(100).collect();
        Error::Unreachable(format!("{} lists what lies elsewhere ({path:?}); Kith cannot use it", self.words))
    }

    /// In words a person can act on.
    fn refused(&self, to: &str, seen: &Seen) -> Error {
        let words = &self.words;
        if let Some(broken) = &seen.broken {
            return broken.at(words);
        }
        match self.refused_by_code(&seen.code) {
            Some(error) => error,
            None => self.refused_by_status(to, seen),
        }
    }

    fn refused_by_code(&self, code: &str) -> Option<Error> {
        let words = &self.words;
        Some(Error::Denied(match code {
            "NoSuchBucket" => return Some(Error::NotFound(words.clone())),
            // The last three are versitygw, MinIO and others, partly with status 404.
            "InvalidAccessKeyId" | "XAdminUserNotFound" | "XAdminNoSuchUser" | "NoSuchUser" => {
                format!("{words} does not know this access key; look at it again")
            }
            "SignatureDoesNotMatch" => format!("{words} refuses the secret key; enter it again"),
            "RequestTimeTooSkewed" => format!("{words} says that the clock of this device is wrong"),
            "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException" => {
                format!("{words} is in another region than was entered")
            }
            "QuotaExceeded" | "StorageFull" | "XMinioStorageFull" | "InsufficientStorage" => return Some(full(words)),
            _ => return None,
        }))
    }

    fn refused_by_status(&self, to: &str, seen: &Seen) -> Error {
        let words = &self.words;
        let denied = |why: String| Error::Denied(format!("{words} {why}"));
        Error::Unreachable(match (seen.status, &seen.elsewhere) {
            (Some(301 | 302 | 303 | 307 | 308), Some(to)) => {
                return denied(format!("has moved to {}; enter that address", shown_text(to)));
            }
            (Some(401), _) => return denied("refuses the user name or the password; enter them again".into()),
            (Some(403), _) => return denied(format!("does not let this user {to} here")),
            (Some(404), _) if matches!(self.kind, Kind::WebDav { .. }) => return self.missing(),
            // A folder does not take PUT on a server that has no WebDAV; a full rclone says the same.
            (Some(405), _) if to == "write" => format!("{words} takes no file; it may be full"),
            (Some(405 | 501), _) => return denied("is not a WebDAV folder".into()),
            (Some(413), _) => format!("{words} takes no file as large as this one"),
            (Some(423), _) => format!("{words} is locked by another program"),
            (Some(429 | 503), _) => format!("{words} asks for a pause; try again later"),
            (Some(507), _) => return full(words),
            (Some(200..=299), _) => self.nonsense(),
            (Some(status), _) if seen.code.is_empty() => format!("{words} answers {status}"),
            (Some(status), _) => format!("{words} answers {status} ({})", seen.code),
            (None, _) => self.nonsense(),
        })
    }

    fn nonsense(&self) -> String {
        format!("{} answers what nobody understands; perhaps this network wants a login first", self.words)
    }
}

/// One attempt, with its own record.
struct Once {
    operator: Operator,
    last: Arc<Mutex<Seen>>,
}

impl Once {
    fn last(&self) -> Seen {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it went wrong. An answer that was fine on the wire and made no sense to OpenDAL has a status that says so.
    fn seen(&self, error: &opendal::Error) -> Seen {
        let seen = self.last();
        match error.kind() {
            // A WebDAV answer about nothing.
            ErrorKind::NotFound if seen.status == Some(207) => Seen { status: Some(404), ..Seen::default() },
            _ => seen,
        }
    }

    /// All entries, or `None` when there are more than this.
    async fn entries(&self, folder: &str, everything: bool, most: usize) -> opendal::Result<Option<Vec<Entry>>> {
        use futures_util::StreamExt;
        let mut lister = self.operator.lister_with(folder).recursive(everything).await?;
        let mut entries = Vec::new();
        while let Some(entry) = lister.next().await {
            entries.push(entry?);
            if entries.len() > most {
                return Ok(None);
            }
        }
        Ok(Some(entries))
    }
}

fn written_well(seen: &Seen) -> bool {
    seen.broken.is_none() && seen.status.is_none_or(|status| (200..300).contains(&status))
}

/// How often, and how long.
struct Tries {
    begun: Instant,
    left: u32,
    pause: Duration,
}

impl Tries {
    fn new() -> Self {
        Self { begun: Instant::now(), left: TRIES - 1, pause: FIRST_PAUSE }
    }

    /// Waits before another attempt, if this failure may pass by itself.
    async fn again(&mut self, seen: &Seen) -> std::result::Result<(), ()> {
        let passing = match &seen.broken {
            Some(Broken::Certificate(_) | Broken::TooMuch) => false,
            Some(_) => true,
            None => matches!(seen.status, Some(408 | 423 | 425 | 429 | 499 | 500 | 502 | 503 | 504)),
        };
        if passing { self.pause().await } else { Err(()) }
    }

    /// The same for a write, which other devices can get in the way of: two that make one folder at once are told that it
    /// is forbidden or in conflict.
    async fn again_to_write(&mut self, seen: &Seen) -> std::result::Result<(), ()> {
        let crossed = seen.broken.is_none() && seen.code.is_empty() && matches!(seen.status, Some(403 | 404 | 409));
        if crossed { self.pause().await } else { self.again(seen).await }
    }

    async fn pause(&mut self) -> std::result::Result<(), ()> {
        if self.left == 0 || self.begun.elapsed() + self.pause > ENOUGH {
            return Err(());
        }
        tokio::time::sleep(self.pause).await;
        self.left -= 1;
        self.pause *= 2;
        Ok(())
    }
}

/// An address a person typed.
fn address(text: &str, plain_http: bool) -> Result<Url> {
    let refuse = |why: &str| Err(Error::Invalid(format!("the address {} {why}", shown_text(text))));
    let Ok(url) = Url::parse(text.trim()) else { return refuse("is not complete; it begins with https://") };
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("must not hold the user name or the password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("must end with a path, without ? or #");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_http || is_near(&url) => Ok(url),
        "http" => refuse("is not encrypted, so the password could be read on the way; use https://"),
        _ => refuse("must begin with https://"),
    }
}

/// This computer, or a network of one's own by its number. A name could lead anywhere.
fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        Ok(IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        Err(_) => host == "localhost",
    }
}

fn shown(url: &Url) -> String {
    shown_text(url.as_str().trim_end_matches('/'))
}

/// An address for a message: without whatever stands before an `@`, and not endless.
pub(super) fn shown_text(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let host = rest[..end].rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{}", &rest[end..])
        }
        None => text.rsplit('@').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Read, Write};
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A server with many folders, of which it lists one after so long.
    fn slow(pause: Duration) -> Remote {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut asked = [0; 4096];
                let length = stream.read(&mut asked).unwrap_or_default();
                let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
                let folder = asked.split(' ').nth(1).unwrap_or_default();
                let below = if folder == "/kith/" { 60 } else { 0 };
                let names = (0..below).map(|n| format!("{folder}{n}/")).chain([folder.to_owned()]);
                let one = |name| {
                    format!(
                        "<D:response><D:href>{name}</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype>\
                         <D:getlastmodified>Sun, 22 Nov 2026 09:00:00 GMT</D:getlastmodified></D:prop>\
                         <D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
                    )
                };
                let all: String = names.map(one).collect();
                let body = format!("<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">{all}</D:multistatus>");
                let head = "HTTP/1.1 207 Multi-Status\r\nConnection: close\r\nContent-Length:";
                std::thread::sleep(pause);
                let _ = stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes());
            }
        });
        Remote::webdav(&url, "", None, true).unwrap()
    }

    #[test]
    fn a_listing_that_comes_folder_by_folder_ends_in_time() {
        assert_eq!(slow(Duration::ZERO).list().unwrap(), []);
        let mut remote = slow(Duration::from_millis(100));
        Arc::get_mut(&mut remote.server).unwrap().listing = Duration::from_millis(500);
        let error = remote.list().unwrap_err();
        assert!(matches!(&error, Error::Unreachable(why) if why.contains("too long")), "{error:?}");
    }

    #[test]
    fn who_waits_for_a_server_stops_when_told() {
        let remote = slow(Duration::from_secs(30));
        let stops = |what: &dyn Fn(Look<'_>) -> Result<()>| {
            let looks = AtomicU32::new(0);
            let look = || if looks.fetch_add(1, Ordering::Relaxed) < 2 { Ok(()) } else { Err(Error::Cancelled) };
            assert!(matches!(what(&look), Err(Error::Cancelled)));
        };
        stops(&|look| remote.list_while(look).map(drop));
        stops(&|look| remote.get_while("l/x.kiths", 9, look).map(drop));
    }
}
