//! **Here**: [`OwnerLock`], the system's locks on the file `<journal>.lock` and on the journal itself: one process owns a journal. The
//! file says who, and how far the journal has come ([`LockFile`]).
//! **Not here**: SQLite's own locks; readers, which need none; how the journal's own file is locked (`inode`).
//! **Reads**: `error`, `options`, `files`, `inode`, `copies`; `journal` keeps the lock for as long as it lives.
//! **Source**: our own. The system frees the locks when the process ends, however it ends, so none is ever stale.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::copies::Note;
use crate::error::OpenError;
use crate::files::{n_names, number, number_of};
use crate::inode::{Asked, Ownership};

/// How often a lock that somebody holds is tried again.
const POLL: Duration = Duration::from_millis(50);

/// The right to write to a journal, held until it is dropped.
#[derive(Debug)]
pub(crate) struct OwnerLock {
    /// On the file itself, which may have other names. None on a file system where it would be in SQLite's way.
    _ownership: Option<Ownership>,
    file: LockFile,
    /// What the owner before us had noted.
    noted: Option<Note>,
}

/// The lock file, shared with the thread that writes. Closing it frees the lock. The file stays: removing it would let two owners lock
/// two files of one name.
#[derive(Clone, Debug)]
pub(crate) struct LockFile(Arc<File>);

impl LockFile {
    /// Writes who we are, for people: nothing reads it but the text of an error; and how far the journal has come, for the next owner.
    /// Not synced: what a crash of the machine takes away is only the means to tell a restored file.
    pub(crate) fn note(&self, note: Option<Note>) -> std::io::Result<()> {
        let mut text = format!("{}\n", std::process::id());
        if let Some(note) = note {
            text.push_str(&note.line());
            text.push('\n');
        }
        let mut file = &*self.0;
        file.rewind()?;
        file.write_all(text.as_bytes())?;
        // The note of an owner may be longer than ours; its own only grows, and cutting a file costs more than asking for its length.
        let length = u64::try_from(text.len()).unwrap_or(0);
        if file.metadata()?.len() > length {
            file.set_len(length)?;
        }
        Ok(())
    }
}

impl OwnerLock {
    /// Takes the locks of a journal; waits for another owner to let go. `with_file` says whether its own file is locked
    /// as well, and not only the one beside it.
    pub(crate) fn take(journal: &Path, wait: Duration, with_file: bool) -> Result<Self, OpenError> {
        refuse_other_name(journal)?;
        let mut waited = Duration::ZERO;
        loop {
            match attempt(journal, with_file)? {
                Attempt::Taken(lock) => return Ok(lock),
                Attempt::Held { pid } if waited >= wait => {
                    return Err(OpenError::Held {
                        path: journal.to_path_buf(),
                        pid,
                        waited,
                    });
                }
                Attempt::Held { .. } => {
                    waited = waited.saturating_add(pause(POLL.min(wait.saturating_sub(waited))));
                }
            }
        }
    }

    pub(crate) const fn noted(&self) -> Option<Note> {
        self.noted
    }

    pub(crate) fn file(&self) -> LockFile {
        self.file.clone()
    }
}

enum Attempt {
    Taken(OwnerLock),
    Held { pid: Option<u32> },
}

/// Tries once. The lock file is opened each time, since somebody may remove it while we wait.
fn attempt(journal: &Path, with_file: bool) -> Result<Attempt, OpenError> {
    let path = lock_path(journal);
    let failed = |doing| {
        let path = path.clone();
        move |source| OpenError::Io { doing, path, source }
    };
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed("creating the lock file"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(source)) => return Err(failed("locking the file")(source)),
        Err(TryLockError::WouldBlock) => {
            return Ok(Attempt::Held {
                pid: read(&mut file).0,
            });
        }
    }
    let (_, noted) = read(&mut file);
    // Removed since it was opened: others would lock another file of this name.
    let locked = file.metadata().map_err(failed("locking the file"))?;
    if number(&path) != number_of(&locked) {
        return Ok(Attempt::Held { pid: None });
    }
    let mut ownership = None;
    if with_file {
        let asked = Ownership::ask(journal).map_err(|source| OpenError::Io {
            doing: "locking the file",
            path: journal.to_path_buf(),
            source,
        })?;
        match asked {
            Asked::Granted(granted) => ownership = Some(granted),
            // The lock file is ours, so that whatever it says is not about this one.
            Asked::Held { by_us } => {
                return Ok(Attempt::Held {
                    pid: by_us.then(std::process::id),
                });
            }
        }
    }
    let file = LockFile(Arc::new(file));
    file.note(noted).map_err(failed("writing to the lock file"))?;
    Ok(Attempt::Taken(OwnerLock {
        _ownership: ownership,
        file,
        noted,
    }))
}

/// A file with several names has a WAL beside each: what one of them accepted is missing under the others, and the file is
/// damaged in the end. So only a name by which it was owned before, and beside which the lock file lies, may go on.
fn refuse_other_name(journal: &Path) -> Result<(), OpenError> {
    let n_names = n_names(journal);
    if n_names > 1 && !lock_path(journal).exists() {
        return Err(OpenError::OtherName {
            path: journal.to_path_buf(),
            n_names,
        });
    }
    Ok(())
}

/// `<journal>.lock`, beside the journal.
pub(crate) fn lock_path(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Blocks this thread: a message that nobody sends does not come in time.
pub(crate) fn pause(wait: Duration) -> Duration {
    let (_silent, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(wait);
    wait
}

/// Who holds it, and how far the journal had come.
fn read(file: &mut File) -> (Option<u32>, Option<Note>) {
    let mut text = String::new();
    // Where locks are mandatory (Windows) this fails, and the error names no process.
    let is_read = file.rewind().is_ok() && file.take(128).read_to_string(&mut text).is_ok();
    let mut lines = text.lines().filter(|_| is_read);
    let pid = lines.next().and_then(|line| line.trim().parse().ok());
    (pid, lines.next().and_then(Note::parse))
}
