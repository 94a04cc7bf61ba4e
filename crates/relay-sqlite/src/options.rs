//! **Here**: [`OpenOptions`], how a journal is opened.
//! **Not here**: opening it (`journal`).
//! **Reads**: nothing before it; `journal` and `lock` after it.
//! **Source**: our own; every default is the safe choice.

use std::time::Duration;

/// How a journal is opened. The default is safe; what is not has to be asked for by name.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    pub(crate) lock_wait: Duration,
    pub(crate) busy_timeout: Duration,
    pub(crate) allow_network_file_system: bool,
    pub(crate) allow_copy: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenOptions {
    /// Waits 10 s for an earlier owner to let go; no network file systems; what is a copy starts paused.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            lock_wait: Duration::from_secs(10),
            busy_timeout: Duration::from_secs(5),
            allow_network_file_system: false,
            allow_copy: false,
        }
    }

    /// Sets how long to wait for another owner to let go. Zero tries once.
    #[must_use]
    pub const fn with_lock_wait(mut self, wait: Duration) -> Self {
        self.lock_wait = wait;
        self
    }

    /// Sets how long SQLite waits for a lock that a reader, a backup or a person's shell holds for a moment.
    #[must_use]
    pub const fn with_busy_timeout(mut self, wait: Duration) -> Self {
        self.busy_timeout = wait;
        self
    }

    /// Allows a journal on a network file system. It **can be damaged** there: SQLite's WAL needs shared memory and
    /// locks that SMB, NFS and the like do not give.
    #[must_use]
    pub const fn allow_network_file_system(mut self, allow: bool) -> Self {
        self.allow_network_file_system = allow;
        self
    }

    /// Lets a file send at once that is a copy, was restored from a backup, or was moved from another disk; it starts paused otherwise,
    /// until [`Command::Resume`](relay_core::journal::Command::Resume). What its original sent since then, or still sends, **goes out
    /// twice**. For where each start restores the journal, and nothing else runs.
    #[must_use]
    pub const fn allow_copy(mut self, allow: bool) -> Self {
        self.allow_copy = allow;
        self
    }
}
