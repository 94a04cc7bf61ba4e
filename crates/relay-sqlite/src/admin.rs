//! **Here**: [`JournalAdmin`] of [`SqliteJournal`]: copies of the file, exports beside the writer.
//! **Not here**: what is removed, written and read (`relay_core::journal::verbs`).
//! **Reads**: `journal`, `connection`, `rows`.
//! **Source**: <https://www.sqlite.org/lang_vacuum.html#vacuuminto>, read 2026-11-23: one moment's content, beside a writer.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use relay_core::clock::Timestamp;
use relay_core::journal::{Compacted, JournalAdmin, JournalError, verbs};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use crate::connection;
use crate::error::{stored, unavailable};
use crate::journal::SqliteJournal;
use crate::rows::Tx;

#[async_trait]
impl JournalAdmin for SqliteJournal {
    async fn compact(
        &self,
        now: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<Compacted, JournalError> {
        self.ask(move |rows| verbs::compact(rows, now, before, limit))
            .await
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
    /// Does something long over a connection of its own that cannot write, on a thread of its own: neither the writer nor a page of a
    /// scan waits for it.
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (path, busy) = self.place();
        let (reply, answer) = oneshot::channel();
        let done = move || {
            let connection =
                connection::reading(&path, busy).map_err(|error| unavailable(error.to_string()))?;
            work(&connection)
        };
        std::thread::Builder::new()
            .name("relay-sqlite-admin".to_owned())
            .spawn(move || {
                let _ = reply.send(done());
            })
            .map_err(|error| unavailable(format!("no thread can be started: {}", error.kind())))?;
        answer
            .await
            .unwrap_or_else(|_| Err(unavailable("the thread that did it had panicked")))
    }
}

/// A copy of what a connection reads, whole and synced, or nothing.
fn copy(connection: &Connection, to: &Path) -> Result<(), JournalError> {
    let io = |what: &str| {
        let what = what.to_owned();
        move |error: std::io::Error| unavailable(format!("{what}: {}", error.kind()))
    };
    if to.exists() {
        return Err(JournalError::Refused {
            why: "something lies where the copy is to go".to_owned(),
        });
    }
    let part = with_ending(to, ".part");
    let made = (|| {
        let target = part.to_str().ok_or_else(|| JournalError::Refused {
            why: "the name of the copy is not UTF-8".to_owned(),
        })?;
        connection.execute("VACUUM INTO ?1", [target]).map_err(stored)?;
        mark_as_copy(&part)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&part)
            .map_err(io("the copy cannot be opened"))?;
        file.sync_all().map_err(io("the copy cannot be synced"))?;
        // Neither replaces anything: who came first in between stays.
        std::fs::hard_link(&part, to).map_err(io("the copy cannot be put in its place"))
    })();
    let removed = std::fs::remove_file(&part);
    made?;
    removed.map_err(io("what the copy was made in cannot be removed"))?;
    sync_folder(to)
}

/// Whoever opens the copy has to say that it may send: it has no number of a file that could be its own.
fn mark_as_copy(path: &Path) -> Result<(), JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(stored)?;
    connection
        .execute("UPDATE meta SET inode = -1, clean = 1 WHERE id = 1", [])
        .map_err(stored)?;
    connection.close().map_err(|(_, error)| stored(error))
}

fn sync_folder(path: &Path) -> Result<(), JournalError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    if cfg!(unix) {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| {
                unavailable(format!(
                    "the folder of the copy cannot be synced: {}",
                    error.kind()
                ))
            })?;
    }
    Ok(())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
