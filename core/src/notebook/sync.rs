//! Bringing this notebook together with its other devices through a folder.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Change, Notebook, Origin, lock};
use crate::error::{Error, Result};
use crate::model::RecordId;
use crate::store;
use crate::sync::batch::{Batch, BatchChange, Bytes, FILL};
use crate::sync::folder::{Folder, Found};
use crate::sync::identity::HandedOut;
use crate::sync::{LogId, NotebookId, hex};

/// Records of one batch that are committed together, so that the lock is held for some 50 ms at most.
const SLICE: usize = 32;

/// What a sync did.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct SyncReport {
    /// Batches of ours written into the folder, those it had lost included.
    pub written: u64,
    /// Changes of ours that were handed out for the first time.
    pub sent: u64,
    /// Batches of other devices that were read.
    pub read: u64,
    /// Changes that were new here.
    pub received: u64,
    /// Records that changed here.
    pub touched: u64,
    /// Changes that wait for others that have not come yet.
    pub waiting: u64,
    /// Changes that were set aside, and why.
    pub refused: Vec<String>,
    /// Changes for records deleted for good here, dropped.
    pub purged: u64,
    /// Files that could not be taken: the name and why. They are tried again at every sync.
    pub set_aside: Vec<(String, String)>,
    /// This notebook was restored or copied and began a new log.
    pub new_log: bool,
    /// Devices that wrote two different batches under one number: there are two notebooks where there was one. Both
    /// batches were taken, and each of the two begins a log of its own once it hears of the other.
    pub twins: Vec<String>,
}

impl Notebook {
    /// Writes what is new here into the folder and takes what is new there. Repeating it does no harm.
    ///
    /// `progress` hears how many of how many files are done.
    ///
    /// # Errors
    /// [`Error::Peer`] when the folder belongs to another notebook, [`Error::NotFound`] when there is none,
    /// [`Error::Storage`] when the disk or the folder refuses. What was done until then stays done.
    pub fn sync_folder(
        &self,
        folder: &Path,
        handed_out: &HandedOut,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<SyncReport> {
        let folder = Folder::open(folder)?;
        let files = folder.files()?;
        let mut report = SyncReport::default();
        let notebook = self.agree_on_notebook(&folder, &files)?;
        self.receive(&folder, &files, notebook, &mut report, progress)?;
        // After reading: a batch of our log that is not ours says that a copy of this notebook writes to it too.
        let log = self.own_log(handed_out, &mut report)?;
        self.seal(notebook, log, handed_out, &mut report)?;
        self.hand_out(&folder, handed_out, &mut report)?;
        Ok(report)
    }

    /// The notebook's id: ours, or that of the folder when we never met one.
    fn agree_on_notebook(&self, folder: &Folder, files: &[Found]) -> Result<NotebookId> {
        let readable = |found: &Found| Batch::decode(&folder.read(&found.path).ok()?).ok().map(|batch| batch.notebook);
        let theirs = folder.notebook().or_else(|| files.iter().find_map(readable));
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        let ours: Option<NotebookId> = store::meta(&transaction, "notebook")?;
        let agreed = match (ours, theirs) {
            (Some(ours), Some(theirs)) if ours != theirs => {
                return Err(Error::Peer(
                    "this folder belongs to another notebook; nothing was read or written. Choose another folder"
                        .into(),
                ));
            }
            (Some(ours), _) => ours,
            (None, Some(theirs)) => theirs,
            (None, None) => self.with_random(draw16),
        };
        store::set_meta(&transaction, "notebook", agreed)?;
        transaction.commit()?;
        drop(writer);
        if folder.notebook().is_none() {
            folder.claim(agreed)?;
        }
        Ok(agreed)
    }

    /// Our log; a new one when this notebook never had one, was restored or was copied.
    fn own_log(&self, handed_out: &HandedOut, report: &mut SyncReport) -> Result<LogId> {
        let mut writer = lock(&self.writer);
        let transaction = store::begin(&mut writer.connection)?;
        let log: Option<LogId> = store::meta(&transaction, "log")?;
        if let Some(log) = log {
            let last = store::last_batch(&transaction, log)?;
            let ours = handed_out.highest(log)?.is_some_and(|highest| highest <= last);
            if ours && !store::has_foreign_batch(&transaction, log)? {
                return Ok(log);
            }
            report.new_log = true;
        }
        let log = self.with_random(draw16);
        handed_out.raise(log, 0)?;
        store::set_meta(&transaction, "log", log)?;
        transaction.commit()?;
        Ok(log)
    }

    fn receive(
        &self,
        folder: &Folder,
        files: &[Found],
        notebook: NotebookId,
        report: &mut SyncReport,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        let total = files.len() as u64;
        for (at, found) in files.iter().enumerate() {
            progress(at as u64, total);
            if let Some((log, seq, hash)) = found.claims {
                let known = self.read(|connection| store::batch_hashes(connection, log, seq))?;
                if known.iter().any(|known| known.starts_with(&hash)) {
                    continue;
                }
            }
            let name = found.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let taken = folder
                .read(&found.path)
                .and_then(|bytes| Ok((Batch::decode(&bytes)?, *blake3::hash(&bytes).as_bytes())));
            match taken {
                Ok((batch, _)) if batch.notebook != notebook => {
                    report.set_aside.push((name, "it belongs to another notebook".into()));
                }
                Ok((batch, hash)) => self.take_batch(batch, hash, report)?,
                Err(error @ (Error::Peer(_) | Error::NeedsUpdate(_))) => {
                    report.set_aside.push((name, error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        progress(total, total);
        Ok(())
    }

    fn take_batch(&self, batch: Batch, hash: [u8; 32], report: &mut SyncReport) -> Result<()> {
        let known = self.read(|connection| store::batch_hashes(connection, batch.log, batch.seq))?;
        if known.contains(&hash) {
            return Ok(());
        }
        if !known.is_empty() {
            report.twins.push(batch.device.clone());
        }
        let mut records: BTreeMap<RecordId, Vec<Vec<u8>>> = BTreeMap::new();
        for change in batch.changes {
            records.entry(RecordId(change.id)).or_default().push(change.bytes.0);
        }
        let mut records = records.into_iter().peekable();
        let mut blobs: Vec<Vec<u8>> =
            batch.blobs.into_iter().map(|blob| blob.0).filter(|blob| is_photo(blob)).collect();
        let mark = super::commit::ReceivedBatch {
            log: batch.log,
            seq: batch.seq,
            hash,
            device: batch.device,
            made_at: batch.made_at,
            actors: batch.actors,
        };
        loop {
            let received: BTreeMap<_, _> = records.by_ref().take(SLICE).collect();
            let last = records.peek().is_none();
            let change = Change {
                received,
                blobs: std::mem::take(&mut blobs),
                // The mark comes with the last slice: a kill in between means that the batch is read again.
                batch: last.then(|| mark.clone()),
                ..Change::default()
            };
            let committed = self.commit(change, Origin::Peer)?;
            report.received += committed.changes;
            report.touched += committed.touched.len() as u64;
            report.waiting += committed.waiting;
            report.refused.extend(committed.refused);
            report.purged += committed.purged;
            if last {
                break;
            }
        }
        report.read += 1;
        Ok(())
    }

    /// Moves the outbox into batches of our log.
    fn seal(&self, notebook: NotebookId, log: LogId, handed_out: &HandedOut, report: &mut SyncReport) -> Result<()> {
        loop {
            let mut writer = lock(&self.writer);
            let transaction = store::begin(&mut writer.connection)?;
            let changes = store::outgoing(&transaction, FILL)?;
            let photos = store::outgoing_blobs(&transaction, FILL)?;
            if changes.is_empty() && photos.is_empty() {
                return Ok(());
            }
            let seq = store::last_batch(&transaction, log)? + 1;
            let made_at = self.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            let mut batch = Batch::new(notebook, log, seq, &self.device, &made_at);
            batch.actors = store::own_actors(&transaction)?;
            let chunks: Vec<i64> = changes.iter().map(|change| change.chunk).collect();
            report.sent += changes.len() as u64;
            batch.changes =
                changes.into_iter().map(|out| BatchChange { id: out.id.0, bytes: Bytes(out.change.bytes) }).collect();
            for (id, bytes) in photos {
                store::clear_outgoing_blob(&transaction, &id)?;
                batch.blobs.push(Bytes(bytes));
            }
            let bytes = batch.encode()?;
            store::put_batch(&transaction, log, seq, *blake3::hash(&bytes).as_bytes(), Some(&bytes))?;
            store::clear_outgoing(&transaction, &chunks)?;
            transaction.commit()?;
            drop(writer);
            handed_out.raise(log, seq)?;
        }
    }

    /// Puts our batches into the folder: the new ones, and those it lost.
    fn hand_out(&self, folder: &Folder, handed_out: &HandedOut, report: &mut SyncReport) -> Result<()> {
        let list = self.read(store::own_batch_numbers)?;
        for (log, seq) in list {
            let bytes = self.read(|connection| store::own_batch(connection, log, seq))?;
            let Some(bytes) = bytes else { continue };
            // After a kill between sealing and remembering, the mark is raised here, before the file appears.
            if handed_out.highest(log)?.is_some() {
                handed_out.raise(log, seq)?;
            }
            report.written += u64::from(folder.put(log, seq, &bytes)?);
        }
        Ok(())
    }

    /// The devices this notebook has heard of.
    ///
    /// # Errors
    /// As any question.
    pub fn devices(&self) -> Result<Vec<store::Device>> {
        self.read(store::devices)
    }

    /// The notebook's id, once it has met a folder: 32 hexadecimal digits.
    ///
    /// # Errors
    /// As any question.
    pub fn notebook_id(&self) -> Result<Option<String>> {
        let id: Option<NotebookId> = self.read(|connection| store::meta(connection, "notebook"))?;
        Ok(id.map(|id| hex(&id)))
    }
}

fn draw16(random: &mut dyn FnMut(&mut [u8])) -> [u8; 16] {
    let mut id = [0; 16];
    random(&mut id);
    id
}

/// What a photo must be, ours and others': a JPEG of at most 64 KiB.
pub(super) fn is_photo(bytes: &[u8]) -> bool {
    bytes.len() <= 64 * 1024 && bytes.starts_with(&[0xff, 0xd8, 0xff])
}
