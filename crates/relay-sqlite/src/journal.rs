//! **Here**: [`SqliteJournal`]: opening, the five verbs, closing.
//! **Not here**: what the verbs do (`relay_core::journal::verbs`), the threads' work (`writer`, `reader`, `check`).
//! **Reads**: every other file of this crate.
//! **Source**: DESIGN section 5.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use relay_core::clock::Timestamp;
use relay_core::journal::item::Meta;
use relay_core::journal::rows::{ReadRows as _, Rows};
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::{
    AcceptBatch, Acceptance, ClaimRequest, Claimed, Durability, Journal, JournalError, Record, Settlement,
    Written, verbs,
};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::beside::Beside;
use crate::check::{self, Health, SharedHealth};
use crate::connection::{self, Interrupt};
use crate::copies::{self, Identity, Note};
use crate::error::{OpenError, unavailable};
use crate::files::Files;
use crate::lock::OwnerLock;
use crate::mount;
use crate::options::OpenOptions;
use crate::reader::Pages;
use crate::rows::Tx;
use crate::schema::failed;
use crate::writer::{Asked, Counts, Message, Writer, mark_clean};

/// So many verbs may wait for the writer; more are told to come again, so that a stuck disk does not fill the memory.
const MAX_WAITING: usize = 8_192;
/// A delivery of more elements is not copied, so that it could be carried out again: it has a transaction of its own instead.
const FEW: usize = 16;

/// The embedded durable journal: one SQLite file, one process that owns it.
///
/// An `Ok` of a verb means that its transaction is synced to the disk. Verbs that wait at the same time share a
/// transaction and its sync; each of them fails alone. A caller that stops waiting does not stop what it asked for.
///
/// If a sync itself fails, or the file is moved away while it is open, everything that writes is refused until the
/// journal is opened again, for nobody knows then what the disk holds.
#[derive(Debug)]
pub struct SqliteJournal {
    messages: Sender<Message>,
    counts: Arc<Counts>,
    health: SharedHealth,
    pages: Pages,
    path: PathBuf,
    busy: Duration,
    threads: Mutex<Option<Threads>>,
}

#[derive(Debug)]
struct Threads {
    writer: JoinHandle<Result<(), JournalError>>,
    check: Option<(Interrupt, JoinHandle<()>)>,
    beside: Vec<Beside>,
    // Freed last, when no connection of this journal is left: closing a descriptor of the file any earlier would free
    // SQLite's locks on it.
    _lock: OwnerLock,
}

impl SqliteJournal {
    /// Opens a journal, and creates it if its folder holds none. Blocking: call it where blocking is allowed, such as
    /// in `main` before the runtime starts, or in `spawn_blocking`. It starts threads of its own.
    ///
    /// Opening takes the lock `<path>.lock`, and on Linux one on the file itself, whatever its name; recovers what a crash left in the WAL, brings an older schema up to date,
    /// and ends all leases of earlier owners. After an unclean stop the whole file is checked in the background; see
    /// [`health`](Self::health).
    ///
    /// # Errors
    /// [`OpenError`] says what was wrong and with which file; the journal, or what lies in its place, is unchanged.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "options are handed over, and may own something some day"
    )]
    pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self, OpenError> {
        let real = real_path(path.as_ref())?;
        let path = real.as_path();
        let folder = folder_of(path)?;
        refuse_network(path, &folder, &options)?;
        // A stranger's file is refused before a lock file is laid beside it.
        crate::schema::inspect_header(path)?;
        // On a network file system the two kinds of locks may be one, so that ours would keep SQLite out.
        // The file may be a mount of its own.
        let is_local = [&*folder, path]
            .iter()
            .all(|path| mount::network_file_system(path).is_none());
        let lock = OwnerLock::take(path, options.lock_wait, is_local)?;
        let mut connection = connection::writing(path, options.busy_timeout)?;
        let (was_clean, note) =
            take_over(path, &mut connection, lock.noted(), options.allow_copy).map_err(|source| {
                OpenError::Store {
                    doing: "taking over",
                    path: path.to_path_buf(),
                    source,
                }
            })?;
        // A crash must be seen even if the disk loses the WAL.
        connection::checkpoint(&connection, "PASSIVE").map_err(failed(path, "taking over"))?;
        let health = SharedHealth::new(if was_clean {
            Health::ClosedCleanly
        } else {
            Health::Checking
        });
        let counts = Arc::new(Counts::default());
        let pages = Pages::start(path, options.busy_timeout)?;
        let no_thread = |source| OpenError::Io {
            doing: "starting a thread for",
            path: path.to_path_buf(),
            source,
        };
        let check = if was_clean {
            None
        } else {
            Some(start_check(path, &options, &health)?)
        };
        let (messages, received) = channel();
        let mut writer = Writer {
            connection,
            files: Files::note(path),
            health: health.clone(),
            counts: Arc::clone(&counts),
            stopped: None,
            lock_file: lock.file(),
            noted: Note::default(),
        };
        writer.note(note);
        let writer = std::thread::Builder::new()
            .name("relay-sqlite-write".to_owned())
            .spawn(move || writer.run(&received))
            .map_err(no_thread)?;
        let threads = Mutex::new(Some(Threads {
            writer,
            check,
            beside: Vec::new(),
            _lock: lock,
        }));
        Ok(Self {
            messages,
            counts,
            health,
            pages,
            path: real.clone(),
            busy: options.busy_timeout,
            threads,
        })
    }

    /// How the file is, as far as is known.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.get()
    }

    /// Carries out what was asked before, marks the journal as closed, and ends its threads. Blocking. Whoever asks for
    /// something afterwards is told that the journal is closed. Closing twice does no harm; dropping closes too, but
    /// cannot say whether it worked.
    ///
    /// # Errors
    /// The journal could not be marked as closed; nothing is lost, and the next open checks the whole file.
    pub fn close(&self) -> Result<(), JournalError> {
        let Some(threads) = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        // The writer's connection has to be the last: only one that may write removes the WAL.
        self.pages.stop();
        if let Some((interrupt, check)) = threads.check {
            interrupt.join(check);
        }
        for beside in threads.beside {
            beside.end();
        }
        let _ = self.messages.send(Message::Close);
        threads
            .writer
            .join()
            .unwrap_or_else(|_| Err(unavailable("the thread that writes had panicked")))
    }

    /// How many transactions were committed since it was opened.
    #[doc(hidden)]
    #[must_use]
    pub fn n_commits(&self) -> u64 {
        self.counts.commits.load(Ordering::Relaxed)
    }

    /// Starts something long beside the writer, which ends with the journal.
    pub(crate) fn start_beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, JournalError>>, JournalError> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = threads
            .as_mut()
            .ok_or_else(|| unavailable("the journal is closed"))?;
        threads.beside.retain(Beside::runs);
        let (started, answer) = Beside::start(&self.path, self.busy, work)?;
        threads.beside.push(started);
        Ok(answer)
    }

    /// Has a verb carried out by the writer, which may do so again after it was rolled back.
    pub(crate) async fn ask<T, F>(&self, verb: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Rows) -> Result<T, JournalError> + Send + 'static,
    {
        self.send(verb, true).await
    }

    /// The same, for what can be carried out one time only, or is too large to be kept for a second time.
    pub(crate) async fn ask_once<T, F>(&self, verb: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Rows) -> Result<T, JournalError> + Send + 'static,
    {
        let mut verb = Some(verb);
        let once = move |rows: &mut dyn Rows| match verb.take() {
            Some(verb) => verb(rows),
            None => Err(unavailable("a verb runs once")),
        };
        self.send(once, false).await
    }

    async fn send<T, F>(&self, verb: F, repeats: bool) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Rows) -> Result<T, JournalError> + Send + 'static,
    {
        if self.counts.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(unavailable("too much is waiting to be written"));
        }
        let (reply, answer) = oneshot::channel();
        let closed = || unavailable("the journal is closed");
        self.messages
            .send(Message::Verb(Box::new(Asked::new(verb, repeats, reply))))
            .map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, "the journal was not closed cleanly");
        }
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    fn durability(&self) -> Durability {
        Durability::Machine
    }

    async fn accept(&self, batch: AcceptBatch) -> Result<Acceptance, JournalError> {
        if batch.events.len() + batch.unreadable.len() > FEW {
            return self.ask_once(move |rows| verbs::accept(rows, batch)).await;
        }
        self.ask(move |rows| verbs::accept(rows, batch.clone())).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, JournalError> {
        self.ask(move |rows| verbs::claim(rows, &request)).await
    }

    async fn record(&self, now: Timestamp, batch: Vec<Record>) -> Result<Written, JournalError> {
        self.ask(move |rows| verbs::record(rows, now, batch.clone()))
            .await
    }

    async fn settle(&self, now: Timestamp, batch: Vec<Settlement>) -> Result<Written, JournalError> {
        self.ask(move |rows| verbs::settle(rows, now, batch.clone()))
            .await
    }

    async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError> {
        self.pages.scan(query).await
    }
}

/// The file that a symbolic link names: SQLite lays its side files beside that one, and so must the lock lie there.
pub(crate) fn real_path(path: &Path) -> Result<PathBuf, OpenError> {
    if path.as_os_str() == ":memory:" {
        // SQLite would take this name for no file at all.
        return Ok(Path::new(".").join(path));
    }
    if !path.is_symlink() {
        return Ok(path.to_path_buf());
    }
    path.canonicalize().map_err(|source| OpenError::Io {
        doing: "following the link",
        path: path.to_path_buf(),
        source,
    })
}

/// The folder that a journal is to lie in; it must be there already.
pub(crate) fn folder_of(path: &Path) -> Result<PathBuf, OpenError> {
    if path.is_dir() || path.file_name().is_none() {
        return Err(OpenError::NotAFile {
            path: path.to_path_buf(),
        });
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(OpenError::Folder {
            path: path.to_path_buf(),
            folder,
        })
    }
}

pub(crate) fn refuse_network(path: &Path, folder: &Path, options: &OpenOptions) -> Result<(), OpenError> {
    match mount::network_file_system(folder) {
        Some(found) if !options.allow_network_file_system => Err(OpenError::NetworkFileSystem {
            path: path.to_path_buf(),
            mount: found.at,
            kind: found.kind,
        }),
        _ => Ok(()),
    }
}

/// Begins the time of a new owner; says whether the last one closed the journal, and how far it has come.
fn take_over(
    path: &Path,
    connection: &mut Connection,
    noted: Option<Note>,
    allow_copy: bool,
) -> Result<(bool, Note), Box<dyn std::error::Error + Send + Sync>> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let read = |row: &rusqlite::Row<'_>| {
        let known = Identity {
            inode: row.get(1)?,
            born: row.get(2)?,
        };
        Ok((row.get(0)?, known))
    };
    let (was_clean, known) =
        transaction.query_row("SELECT clean, inode, born FROM meta WHERE id = 1", [], read)?;
    mark_clean(&transaction, false)?;
    let mut rows = Tx::new(&transaction);
    let before = rows.meta()?;
    let stands = |meta: &Meta| Note {
        epoch: meta.epoch,
        fence: meta.fence,
    };
    let own = Identity::of(path);
    let why = copies::why_not_send(own, known, stands(&before), noted);
    // Nobody has owned a new one, whatever lies beside it.
    if let Some(why) = why.filter(|_| before.epoch > 0 && !allow_copy) {
        tracing::warn!(
            why,
            "the journal starts paused: nothing is sent until a person resumes it"
        );
        verbs::pause_copy(&mut rows, why)?;
    }
    let meta = verbs::open(&mut rows)?;
    transaction.execute(
        "UPDATE meta SET inode = ?1, born = ?2 WHERE id = 1",
        rusqlite::params![own.inode, own.born],
    )?;
    transaction.commit()?;
    Ok((was_clean, stands(&meta)))
}

/// Checks the whole file in the background.
fn start_check(
    path: &Path,
    options: &OpenOptions,
    health: &SharedHealth,
) -> Result<(Interrupt, JoinHandle<()>), OpenError> {
    let connection = connection::reading(path, options.busy_timeout)?;
    let interrupt = Interrupt::of(&connection);
    let health = health.clone();
    let run = move || {
        tracing::info!("the journal was not closed: checking the whole file in the background");
        let found = check::check(&connection);
        match &found {
            Health::Damaged { findings } => tracing::error!(
                ?findings,
                "the journal is damaged: everything that writes is refused"
            ),
            Health::NotChecked { why } => tracing::warn!(why, "the check of the journal was not finished"),
            _ => tracing::info!("the journal is sound"),
        }
        health.set(found);
    };
    let thread = std::thread::Builder::new()
        .name("relay-sqlite-check".to_owned())
        .spawn(run)
        .map_err(|source| OpenError::Io {
            doing: "starting a thread for",
            path: path.to_path_buf(),
            source,
        })?;
    Ok((interrupt, thread))
}
