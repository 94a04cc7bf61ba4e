//! **Here**: [`OwnerLock`], the system's lock on the file `<journal>.lock`: one process owns a journal.
//! **Not here**: SQLite's own locks; readers, which need none.
//! **Reads**: `error`, `options`; `journal` keeps the lock for as long as it lives.
//! **Source**: our own. The system frees the lock when the process ends, however it ends, so none is ever stale.

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
    // Closing the file frees the lock. The file stays: removing it would let two owners lock two files of one name.
    _file: File,
}

impl OwnerLock {
    /// Takes the lock of a journal; waits for another owner to let go.
    pub(crate) fn take(journal: &Path, wait: Duration) -> Result<Self, OpenError> {
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
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(failed("locking the file")(source)),
                Err(TryLockError::WouldBlock) if waited >= wait => {
                    return Err(OpenError::Held {
                        path: journal.to_path_buf(),
                        pid: read_pid(&mut file),
                        waited,
                    });
                }
                Err(TryLockError::WouldBlock) => {
                    waited = waited.saturating_add(pause(POLL.min(wait.saturating_sub(waited))));
                }
            }
        }
        // For people; nothing reads it but the text of an error.
        write_pid(&mut file).map_err(failed("writing to the lock file"))?;
        Ok(Self { _file: file })
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
