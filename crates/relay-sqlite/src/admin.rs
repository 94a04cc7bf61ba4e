//! **Here**: [`JournalAdmin`] of [`SqliteJournal`]: copies of the file, exports beside the writer.
//! **Not here**: what is removed, written and read (`relay_core::journal::verbs`).
//! **Reads**: `journal`, `beside`, `rows`.
//! **Source**: <https://www.sqlite.org/lang_vacuum.html#vacuuminto>, read 2026-11-23: one moment's content, beside a writer.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use relay_core::clock::Timestamp;
use relay_core::journal::{Compacted, JournalAdmin, JournalError, verbs};
use rusqlite::{Connection, OpenFlags, params};

use crate::copies::Identity;
use crate::error::{stored, unavailable};
use crate::journal::SqliteJournal;
use crate::rows::Tx;

#[async_trait]
impl JournalAdmin for SqliteJournal {
    async fn compact(&self, before: Timestamp, limit: usize) -> Result<Compacted, JournalError> {
        self.ask(move |rows| verbs::compact(rows, before, limit)).await
    }

    async fn back_up(&self, to: &Path) -> Result<(), JournalError> {
        let to = to.to_path_buf();
        self.beside(move |connection| copy(connection, &to)).await
    }

    async fn export(&self, mut to: Box<dyn Write + Send>) -> Result<u64, JournalError> {
        self.beside(move |connection| {
            let transaction = connection.unchecked_transaction().map_err(stored)?;
            verbs::export(&mut Tx::new(&transaction), &mut *to)
        })
        .await
    }

    async fn import(&self, now: Timestamp, mut from: Box<dyn BufRead + Send>) -> Result<u64, JournalError> {
        self.ask_once(move |rows| verbs::import(rows, now, &mut *from))
            .await
    }
}

impl SqliteJournal {
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let answer = self.start_beside(work)?;
        answer
            .await
            .unwrap_or_else(|_| Err(unavailable("the thread that did it had panicked")))
    }
}

/// A copy of what a connection reads, whole and synced, or nothing.
fn copy(connection: &Connection, to: &Path) -> Result<(), JournalError> {
    static COPIES: AtomicU64 = AtomicU64::new(0);
    if to.symlink_metadata().is_ok() {
        return Err(JournalError::Refused {
            why: "something lies where the copy is to go".to_owned(),
        });
    }
    // Two copies to one place do not meet before they are whole.
    let n = COPIES.fetch_add(1, Ordering::Relaxed);
    let part = with_ending(to, &format!(".part-{}-{n}", std::process::id()));
    let made = make(connection, &part).and_then(|()| put_in_place(&part, to));
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            made?;
            return Err(failed("what the copy was made in cannot be removed")(error));
        }
        _ => made?,
    }
    sync_folder(to)
}

fn make(connection: &Connection, part: &Path) -> Result<(), JournalError> {
    let target = part.to_str().ok_or_else(|| JournalError::Refused {
        why: "the name of the copy is not UTF-8".to_owned(),
    })?;
    // Otherwise no statement of this connection may write, not even to another file. The journal's own it opened for reading.
    connection
        .pragma_update(None, "query_only", false)
        .and_then(|()| connection.execute("VACUUM INTO ?1", [target]))
        .map_err(stored)?;
    mark_as_copy(part)?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(part)
        .map_err(failed("the copy cannot be opened"))?;
    file.sync_all().map_err(failed("the copy cannot be synced"))
}

/// Replaces nothing: who came first in between stays.
fn put_in_place(part: &Path, to: &Path) -> Result<(), JournalError> {
    match std::fs::hard_link(part, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(JournalError::Refused {
            why: "something lies where the copy is to go".to_owned(),
        }),
        // Not every file system has second names. Between the look and the renaming there is a moment that nothing closes.
        Err(_) if to.symlink_metadata().is_err() => {
            std::fs::rename(part, to).map_err(failed("the copy cannot be put in its place"))
        }
        Err(error) => Err(failed("the copy cannot be put in its place")(error)),
    }
}

/// Whoever opens the copy has to say that it may send: it has the identity of no file.
fn mark_as_copy(path: &Path) -> Result<(), JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(stored)?;
    let Identity { inode, born } = Identity::OF_A_BACKUP;
    connection
        .execute(
            "UPDATE meta SET inode = ?1, born = ?2, clean = 1 WHERE id = 1",
            params![inode, born],
        )
        .map_err(stored)?;
    connection.close().map_err(|(_, error)| stored(error))
}

fn sync_folder(path: &Path) -> Result<(), JournalError> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(failed("the folder of the copy cannot be synced"))
}

fn failed(what: &'static str) -> impl Fn(std::io::Error) -> JournalError {
    move |error| unavailable(format!("{what}: {}", error.kind()))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
