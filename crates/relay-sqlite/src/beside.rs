//! **Here**: [`Beside`], something long over a connection of its own that cannot write, on a thread of its own.
//! **Not here**: what is done (`admin`); pages of a scan (`reader`).
//! **Reads**: `connection`, `inode` before it; `journal` keeps it, and ends it.
//! **Source**: our own: neither the writer nor a page of a scan waits for a backup.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use relay_core::journal::JournalError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::connection::{self, Interrupt};
use crate::error::unavailable;
use crate::inode::User;
use crate::lock::pause;

/// How long the end of a journal waits for what is done beside it: an export may hang at whoever reads it.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// A thread under way.
#[derive(Debug)]
pub(crate) struct Beside {
    interrupt: Arc<Mutex<Option<Interrupt>>>,
    thread: JoinHandle<()>,
}

type Answer<T> = oneshot::Receiver<Result<T, JournalError>>;

impl Beside {
    pub(crate) fn start<T: Send + 'static>(
        journal: &Path,
        busy: Duration,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<(Self, Answer<T>), JournalError> {
        let (reply, answer) = oneshot::channel();
        let interrupt = Arc::new(Mutex::new(None));
        let (path, slot) = (journal.to_path_buf(), Arc::clone(&interrupt));
        let run = move || {
            // Dropped after the connection: the thread may outlive the journal.
            let _user = User::of(&path);
            let done = connection::reading(&path, busy)
                .map_err(|error| unavailable(error.to_string()))
                .and_then(|connection| {
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Interrupt::of(&connection));
                    work(&connection)
                });
            // Whoever asked may have gone.
            let _ = reply.send(done);
        };
        let thread = std::thread::Builder::new()
            .name("relay-sqlite-beside".to_owned())
            .spawn(run)
            .map_err(|error| unavailable(format!("no thread can be started: {}", error.kind())))?;
        Ok((Self { interrupt, thread }, answer))
    }

    pub(crate) fn runs(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Ends it. What hangs elsewhere than in SQLite is left behind; it harms nobody.
    pub(crate) fn end(self) {
        let mut waited = Duration::ZERO;
        while self.runs() {
            if waited >= PATIENCE {
                tracing::warn!("a backup or an export goes on although the journal was closed");
                return;
            }
            if let Some(interrupt) = &*self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) {
                interrupt.now();
            }
            waited += pause(POLL);
        }
        let _ = self.thread.join();
    }
}
