//! **Here**: [`OwnerLock`], the system's lock on the file `<journal>.lock`, and on Linux on the journal itself: one process
//! owns a journal, by whatever name it reaches it.
//! **Not here**: SQLite's own locks; readers, which need none.
//! **Reads**: `error`, `options`; `journal` keeps the lock for as long as it lives.
//! **Source**: our own. The system frees the lock when the process ends, however it ends, so none is ever stale. On Linux the
//! lock (`flock`) has nothing to do with those of SQLite (`fcntl`): flock(2), notes. Elsewhere it might, so that there only the name
//! is locked, and `files` sees to it that the lock file stays.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use crate::error::OpenError;

/// How often a lock that somebody holds is tried again.
const POLL: Duration = Duration::from_millis(50);

/// The right to write to a journal, held until it is dropped.
#[derive(Debug)]
pub(crate) struct OwnerLock {
    // Closing the files frees the locks. The lock file stays: removing it would let two owners lock two files of one name.
    _by_name: File,
    // Closed when SQLite has closed the journal: before, closing it would end SQLite's own locks.
    itself: Option<File>,
}

/// How long may still be waited, and how long was.
struct Patience {
    wait: Duration,
    waited: Duration,
}

impl OwnerLock {
    /// Takes the lock of a journal; waits for another owner to let go. A new journal has no file yet: see [`cover`](Self::cover).
    pub(crate) fn take(journal: &Path, wait: Duration) -> Result<Self, OpenError> {
        refuse_further_names(journal)?;
        let path = lock_path(journal);
        let mut patience = Patience {
            wait,
            waited: Duration::ZERO,
        };
        let by_name = loop {
            let file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(failed("creating the lock file", &path))?;
            let mut file = patience.lock(file, &path, journal)?;
            // Whoever removed the file in the meantime let the next one lock another.
            if crate::files::is_at(&file, &path) {
                // For people; nothing reads it but the text of an error.
                write_pid(&mut file).map_err(failed("writing to the lock file", &path))?;
                break file;
            }
        };
        let itself = match File::open(journal) {
            Ok(itself) if cfg!(target_os = "linux") => Some(patience.lock(itself, journal, journal)?),
            // It may not be there yet, and SQLite says better why it cannot be opened.
            _ => None,
        };
        Ok(Self {
            _by_name: by_name,
            itself,
        })
    }

    /// Locks the file of a journal that is new, as soon as SQLite has made it.
    pub(crate) fn cover(&mut self, journal: &Path) -> Result<(), OpenError> {
        if self.itself.is_none() && cfg!(target_os = "linux") {
            let itself = File::open(journal).map_err(failed("locking", journal))?;
            let mut at_once = Patience {
                wait: Duration::ZERO,
                waited: Duration::ZERO,
            };
            self.itself = Some(at_once.lock(itself, journal, journal)?);
        }
        Ok(())
    }
}

impl Patience {
    fn lock(&mut self, mut file: File, path: &Path, journal: &Path) -> Result<File, OpenError> {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(source)) => return Err(failed("locking the file", path)(source)),
                Err(TryLockError::WouldBlock) if self.waited >= self.wait => {
                    return Err(OpenError::Held {
                        path: journal.to_path_buf(),
                        pid: if path == journal {
                            None
                        } else {
                            read_pid(&mut file)
                        },
                        waited: self.waited,
                    });
                }
                Err(TryLockError::WouldBlock) => {
                    let left = self.wait.saturating_sub(self.waited);
                    self.waited = self.waited.saturating_add(pause(POLL.min(left)));
                }
            }
        }
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> OpenError {
    let path = path.to_path_buf();
    move |source| OpenError::Io { doing, path, source }
}

/// SQLite lays its WAL beside the name by which a file was opened: under a second name there would be a second one.
fn refuse_further_names(journal: &Path) -> Result<(), OpenError> {
    match crate::files::n_names(journal) {
        Some(n) if n > 1 => Err(OpenError::Linked {
            path: journal.to_path_buf(),
            n,
        }),
        _ => Ok(()),
    }
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

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    // Where locks are mandatory (Windows) this fails, and the error names no process.
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
