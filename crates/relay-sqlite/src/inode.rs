//! **Here**: [`Ownership`], the system's lock on the journal's own file, whatever name it goes by; and [`User`], for as long as which no
//! descriptor on that file is closed.
//! **Not here**: the lock file beside the journal, which also says who holds it (`lock`).
//! **Reads**: `files` before it; `lock` and `reader` after it.
//! **Source**: <https://man7.org/linux/man-pages/man2/flock.2.html>; <https://www.sqlite.org/howtocorrupt.html> section 2.2, read 2026-11-23.
//!
//! SQLite locks the file by `fcntl`, and we by `flock`: on Linux, where a local disk keeps the two apart, neither sees the other. But
//! whoever closes any descriptor of a file gives up all `fcntl` locks that the process has on it, SQLite's included. So this process
//! has one descriptor of its own for each file, and closes it after the last connection. Other systems are not asked to lock: some
//! take the two kinds for one, and on Windows the lock would keep SQLite itself out.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::files::{Number, number, number_of};

/// What this process does with each file, by its number.
static FILES: Mutex<BTreeMap<Number, Known>> = Mutex::new(BTreeMap::new());

#[derive(Debug, Default)]
struct Known {
    n_users: usize,
    /// Opened by the first who wanted to own the file, closed after the last user.
    descriptor: Option<File>,
    is_owned: bool,
}

fn files() -> MutexGuard<'static, BTreeMap<Number, Known>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Somebody of this process who has connections to a file: made before the first, dropped after the last.
#[derive(Debug)]
pub(crate) struct User {
    /// None where nothing is locked, or there is no such file.
    number: Option<Number>,
}

impl User {
    pub(crate) fn of(path: &Path) -> Self {
        let number = number(path).filter(|_| cfg!(target_os = "linux"));
        if let Some(number) = number {
            files().entry(number).or_default().n_users += 1;
        }
        Self { number }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut files = files();
        let Some(known) = files.get_mut(&number) else {
            return;
        };
        known.n_users = known.n_users.saturating_sub(1);
        if known.n_users == 0 {
            // Closes the descriptor while nobody can become a user.
            files.remove(&number);
        }
    }
}

/// The right to write to a file, under any of its names. The system frees it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Ownership {
    user: User,
}

/// What came of asking for it.
#[derive(Debug)]
pub(crate) enum Asked {
    Granted(Ownership),
    /// Somebody has it: this process, or another.
    Held {
        by_us: bool,
    },
}

impl Ownership {
    /// Asks once. The file is created if it is not there.
    pub(crate) fn ask(path: &Path) -> io::Result<Asked> {
        if cfg!(target_os = "linux") && number(path).is_none() {
            create(path)?;
        }
        let user = User::of(path);
        let Some(number) = user.number else {
            return Ok(Asked::Granted(Self { user }));
        };
        let mut files = files();
        let known = files.entry(number).or_default();
        if known.is_owned {
            return Ok(Asked::Held { by_us: true });
        }
        let descriptor = match known.descriptor.take() {
            Some(descriptor) => descriptor,
            None => File::open(path)?,
        };
        let descriptor = known.descriptor.insert(descriptor);
        if number_of(&descriptor.metadata()?) != Some(number) {
            // The name went to another file meanwhile.
            known.descriptor = None;
            return Ok(Asked::Held { by_us: false });
        }
        match descriptor.try_lock() {
            Ok(()) => {
                known.is_owned = true;
                drop(files);
                Ok(Asked::Granted(Self { user }))
            }
            Err(TryLockError::WouldBlock) => Ok(Asked::Held { by_us: false }),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        let Some(number) = self.user.number else { return };
        if let Some(known) = files().get_mut(&number) {
            known.is_owned = false;
            // Readers of this process may go on: the descriptor stays open, and only the lock goes.
            if let Some(Err(error)) = known.descriptor.as_ref().map(File::unlock) {
                tracing::warn!(%error, "the lock on the journal's file was not given back");
            }
        }
    }
}

/// An empty file, with the rights that SQLite would give it.
fn create(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    options.open(path).map(|_| ())
}
