//! Files that only their owner may read, and files that appear whole or not at all. What stands in them is for others.

use std::fs::{self, File, OpenOptions, TryLockError};
#[cfg(target_os = "linux")]
use std::io::Seek;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

/// The folder beside a notebook in which copies of it are made; nothing in it outlives the work.
const WORK: &str = ".kith-work";
/// In each piece of work, the file whose lock says that somebody is still at it.
const LOCK: &str = "lock";
/// How a file is called until it is whole, where it cannot be without a name.
const PART: &str = ".kith-part-";

/// Makes an empty file that only its owner may read.
///
/// # Errors
/// As the system says; [`ErrorKind::AlreadyExists`] when there is one.
pub fn create_own(path: &Path) -> io::Result<File> {
    own_options().open(path)
}

fn own_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder, and those above it, that only their owner may enter; one that is there stays as it is.
///
/// # Errors
/// As the system says.
pub fn create_own_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The folder a file stands in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A new file that nobody sees before it is whole, and that only its owner may read. Dropped unfinished, it is gone;
/// where the system can keep a file without a name, also when the program is killed.
pub struct NewFile {
    to: PathBuf,
    part: Part,
}

enum Part {
    /// Without a name: it goes with the program.
    #[cfg(target_os = "linux")]
    Unnamed(File),
    /// Beside its place. Locked, so that a later run can tell what a killed program left.
    Named(NamedTempFile),
}

impl NewFile {
    /// Begins a file that will stand in this place; takes away what killed programs left beside it.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when there is a file: none is overwritten. Otherwise as the system says.
    pub fn create(to: &Path) -> io::Result<Self> {
        if to.exists() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let folder = folder_of(to);
        remove_left_parts(folder);
        #[cfg(target_os = "linux")]
        if let Ok(file) = unnamed(folder) {
            return Ok(Self { to: to.into(), part: Part::Unnamed(file) });
        }
        Ok(Self { to: to.into(), part: Part::Named(named(folder)?) })
    }

    /// The file as it is so far.
    pub fn file(&mut self) -> &mut File {
        match &mut self.part {
            #[cfg(target_os = "linux")]
            Part::Unnamed(file) => file,
            Part::Named(file) => file.as_file_mut(),
        }
    }

    /// Puts the whole file in its place, durable.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when somebody put one there meanwhile. Otherwise as the system says.
    pub fn finish(mut self) -> io::Result<()> {
        self.file().sync_all()?;
        let named = match self.part {
            #[cfg(target_os = "linux")]
            Part::Unnamed(mut file) => match give_name(&file, &self.to) {
                Ok(()) => {
                    sync_folder(folder_of(&self.to));
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
                // Without /proc a file cannot be given a name later.
                Err(_) => {
                    let mut named = named(folder_of(&self.to))?;
                    file.rewind()?;
                    io::copy(&mut file, named.as_file_mut())?;
                    named.as_file().sync_all()?;
                    named
                }
            },
            Part::Named(file) => file,
        };
        named.persist_noclobber(&self.to).map_err(|error| error.error)?;
        sync_folder(folder_of(&self.to));
        Ok(())
    }
}

/// Gives a whole file of the same disk this place, durable; none that is there is overwritten.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when there is one. Otherwise as the system says.
pub fn put_in_place(whole: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(whole, to) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
        // Phones' shared storage and some network drives cannot link a file.
        Err(_) if to.symlink_metadata().is_ok() => return Err(ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(whole, to)?,
        Ok(()) => {}
    }
    sync_folder(folder_of(to));
    Ok(())
}

/// Puts a whole file in this place, durable and only its owner's, instead of the one that is there. What a killed program
/// leaves is called by `part`.
///
/// # Errors
/// As the system says.
pub fn replace(place: &Path, part: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(place);
    // The temporary file is made with mode 0600 and keeps it.
    let mut file = tempfile::Builder::new().prefix(part).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(place)?;
    sync_folder(folder);
    Ok(())
}

/// The name itself must survive a power cut; not every system can open a folder for that.
pub fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(File::from(open(folder, flags, Mode::RUSR | Mode::WUSR)?))
}

#[cfg(target_os = "linux")]
fn give_name(file: &File, to: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    use std::os::fd::AsRawFd;
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, open, CWD, to, AtFlags::SYMLINK_FOLLOW)?)
}

fn named(folder: &Path) -> io::Result<NamedTempFile> {
    let file = tempfile::Builder::new().prefix(PART).tempfile_in(folder)?;
    // A place that knows no locks only loses the tidying up after a killed program.
    let _ = file.as_file().try_lock();
    Ok(file)
}

fn remove_left_parts(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PART)) {
        if File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A folder beside a notebook for a copy of it: only its owner may enter, and it is gone when this is dropped.
pub struct WorkFolder {
    // In this order: the lock goes with the folder, and is let go after it.
    folder: TempDir,
    _lock: File,
}

impl WorkFolder {
    /// Makes one beside this notebook, and takes away what killed programs left there.
    ///
    /// # Errors
    /// As the system says.
    pub fn beside(notebook: &Path) -> io::Result<Self> {
        remove_left_work(notebook);
        let all = folder_of(notebook).join(WORK);
        create_own_folder(&all)?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir_in(&all)?;
        let lock = create_own(&folder.path().join(LOCK))?;
        match lock.try_lock() {
            Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => Ok(Self { folder, _lock: lock }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        let all = self.folder.path().parent().map(Path::to_path_buf);
        let _ = fs::remove_dir_all(self.folder.path());
        // Only when nobody else works there.
        let _ = all.map(fs::remove_dir);
    }
}

/// Takes away copies that killed programs left beside this notebook. One look when there are none.
pub fn remove_left_work(notebook: &Path) {
    let all = folder_of(notebook).join(WORK);
    let Ok(entries) = fs::read_dir(&all) else { return };
    for entry in entries.flatten() {
        let left = match File::open(entry.path().join(LOCK)) {
            Ok(lock) => lock.try_lock().is_ok(),
            // Somebody makes it just now, or was killed while doing so: nothing is in it yet.
            Err(_) => {
                fs::read_dir(entry.path()).is_ok_and(|mut inside| inside.next().is_none()) && is_old(&entry.path())
            }
        };
        if left {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let _ = fs::remove_dir(all);
}

fn is_old(path: &Path) -> bool {
    let made = fs::metadata(path).and_then(|meta| meta.modified()).ok();
    made.and_then(|made| made.elapsed().ok()).is_some_and(|age| age.as_secs() > 60)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("export");
        let mut half = NewFile::create(&to).unwrap();
        half.write_all(b"half").unwrap();
        assert!(!to.exists());
        drop(half);
        assert_eq!(names(folder.path()), [""; 0]);
        for part in [NewFile::create(&to).unwrap().part, Part::Named(named(folder.path()).unwrap())] {
            let mut whole = NewFile { to: to.clone(), part };
            whole.write_all(b"whole").unwrap();
            whole.finish().unwrap();
            assert_eq!(fs::read(&to).unwrap(), b"whole");
            assert!(NewFile::create(&to).is_err(), "none is overwritten");
            fs::remove_file(&to).unwrap();
        }
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn what_a_killed_program_left_is_taken_away_and_work_under_way_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let notebook = folder.path().join("notebook.kith");
        let busy = WorkFolder::beside(&notebook).unwrap();
        let killed = WorkFolder::beside(&notebook).unwrap();
        let left = killed.path().to_path_buf();
        fs::write(left.join("copy"), "everything").unwrap();
        killed._lock.unlock().unwrap();
        std::mem::forget(killed);
        fs::write(folder.path().join(format!("{PART}x")), "half").unwrap();
        remove_left_work(&notebook);
        assert!(!left.exists() && busy.path().exists());
        drop(busy);
        assert!(!folder.path().join(WORK).exists());
        drop(NewFile::create(&notebook).unwrap());
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    #[cfg(unix)]
    fn only_the_owner_may_read_what_is_made_here() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let deep = folder.path().join("a/b");
        create_own_folder(&deep).unwrap();
        assert_eq!((mode(&deep), mode(&folder.path().join("a"))), (0o700, 0o700));
        let work = WorkFolder::beside(&deep.join("n.kith")).unwrap();
        assert_eq!(mode(work.path()), 0o700);
        NewFile::create(&deep.join("file")).unwrap().finish().unwrap();
        assert_eq!(mode(&deep.join("file")), 0o600);
    }
}
