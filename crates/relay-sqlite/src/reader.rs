//! **Here**: [`SqliteReader`], reading a journal that somebody else may own; and the thread that reads for an owner.
//! **Not here**: writing (`writer`).
//! **Reads**: `rows`, `connection` before it; `journal` after it.
//! **Source**: our own; in WAL mode readers and the writer do not wait for each other.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::{JournalError, verbs};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::connection::{self, Interrupt};
use crate::error::{OpenError, stored, unavailable};
use crate::inode::User;
use crate::journal::{folder_of, real_path, refuse_network};
use crate::options::OpenOptions;
use crate::rows::Tx;

/// Reads a journal beside its owner, or without one: what an operator's command does. It takes no lock and writes
/// nothing of the journal; SQLite may create the side files `-wal` and `-shm`, so the folder must be writable.
#[derive(Debug)]
pub struct SqliteReader {
    pages: Pages,
    // Dropped after the connection.
    _user: User,
}

impl SqliteReader {
    /// Opens a journal for reading. Blocking: call it where blocking is allowed.
    ///
    /// # Errors
    /// [`OpenError`] when there is no journal, when it is no journal that this version knows, or when it cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let (real, options) = (real_path(path.as_ref())?, OpenOptions::new());
        let path = real.as_path();
        let folder = folder_of(path)?;
        refuse_network(path, &folder, &options)?;
        if !path.exists() {
            return Err(OpenError::NotAJournal {
                path: path.to_path_buf(),
                why: "there is no such file".to_owned(),
            });
        }
        let user = User::of(path);
        Ok(Self {
            pages: Pages::start(path, options.busy_timeout)?,
            _user: user,
        })
    }

    /// Reads a page, as [`Journal::scan`](relay_core::journal::Journal::scan) does for the owner.
    ///
    /// # Errors
    /// It could not be read now, or what was found cannot be understood.
    ///
    /// # Cancel safety
    /// A dropped future changes nothing.
    pub async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError> {
        self.pages.scan(query).await
    }
}

type Asked = Box<(ScanQuery, oneshot::Sender<Result<Page, JournalError>>)>;

/// A thread with a connection that cannot write; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Pages {
    asked: Mutex<Option<Sender<Asked>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    interrupt: Interrupt,
}

impl Pages {
    pub(crate) fn start(path: &Path, busy: Duration) -> Result<Self, OpenError> {
        let connection = connection::reading(path, busy)?;
        let interrupt = Interrupt::of(&connection);
        let (asked, questions) = channel();
        let thread = std::thread::Builder::new()
            .name("relay-sqlite-read".to_owned())
            .spawn(move || run(&connection, &questions))
            .map_err(|source| OpenError::Io {
                doing: "starting a thread for",
                path: path.to_path_buf(),
                source,
            })?;
        Ok(Self {
            asked: Mutex::new(Some(asked)),
            thread: Mutex::new(Some(thread)),
            interrupt,
        })
    }

    pub(crate) async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError> {
        let (reply, answer) = oneshot::channel();
        let sent = self
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(|asked| asked.send(Box::new((query, reply))));
        if !matches!(sent, Some(Ok(()))) {
            return Err(unavailable("the journal is closed"));
        }
        answer
            .await
            .unwrap_or_else(|_| Err(unavailable("the journal is closed")))
    }

    /// Ends the thread; what it reads now is interrupted.
    pub(crate) fn stop(&self) {
        drop(self.asked.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.interrupt.join(thread);
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(connection: &Connection, questions: &Receiver<Asked>) {
    while let Ok(asked) = questions.recv() {
        let (query, reply) = *asked;
        if !reply.is_closed() {
            let _ = reply.send(page(connection, &query));
        }
    }
}

/// One page, all of it from one moment.
fn page(connection: &Connection, query: &ScanQuery) -> Result<Page, JournalError> {
    let transaction = connection.unchecked_transaction().map_err(stored)?;
    verbs::scan(&mut Tx::new(&transaction), query)
}
