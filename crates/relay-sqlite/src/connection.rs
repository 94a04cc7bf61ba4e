//! **Here**: connections to a journal's file with the settings that durability needs.
//! **Not here**: what is done over them (`writer`, `reader`, `check`).
//! **Reads**: `schema` before it; `writer`, `reader`, `check` after it.
//! **Source**: <https://www.sqlite.org/pragma.html> and <https://www.sqlite.org/wal.html>, read 2026-11-23.

use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;
use crate::lock::pause;
use crate::schema::{self, Found, failed};

/// Statements kept prepared on each connection; there are fewer.
const STATEMENTS: usize = 128;
/// After so many pages of 4 KiB in the WAL, a commit moves them into the file: as many as this part of the file, within these. In a large file
/// the pages that one commit changes lie far apart, so moving them takes longer; but some are changed by every commit, and moved once.
const CHECKPOINT_PART: i64 = 32;
const LEAST_CHECKPOINT_PAGES: i64 = 1_000;
const MOST_CHECKPOINT_PAGES: i64 = 16_000;
/// A WAL that a long read made larger than this is cut back.
const WAL_BYTES: i64 = 64 * 1024 * 1024;

/// The connection that writes. A file that is not ours, or newer, is refused before anything in it changes.
pub(crate) fn writing(path: &Path, busy: Duration) -> Result<Connection, OpenError> {
    schema::inspect_header(path)?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed(path, "opening"))?;
    common(&connection, busy).map_err(failed(path, "opening"))?;
    // Until the file is known to be ours, closing it must not move another program's WAL.
    keep_wal(&connection, true).map_err(failed(path, "opening"))?;
    let found = schema::inspect(path, &connection)?;
    keep_wal(&connection, false).map_err(failed(path, "opening"))?;
    durable(&connection).map_err(failed(path, "setting up"))?;
    let version = match found {
        Found::Empty => 0,
        Found::Version(version) => version,
    };
    schema::migrate(path, &mut connection, version)?;
    if version < schema::SCHEMA_VERSION {
        // From now on the header itself says what the file is.
        checkpoint(&connection, "TRUNCATE").map_err(failed(path, "writing the schema of"))?;
    }
    Ok(connection)
}

/// A connection that cannot write, to a file that is a journal we know.
pub(crate) fn reading(path: &Path, busy: Duration) -> Result<Connection, OpenError> {
    schema::inspect_header(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed(path, "opening"))?;
    common(&connection, busy).map_err(failed(path, "opening"))?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(failed(path, "opening"))?;
    match schema::inspect(path, &connection)? {
        Found::Version(schema::SCHEMA_VERSION) => Ok(connection),
        Found::Version(_) => Err(OpenError::NotAJournal {
            path: path.to_path_buf(),
            why: "an older version wrote it: its owner brings it up to date when it opens it".to_owned(),
        }),
        Found::Empty => Err(OpenError::NotAJournal {
            path: path.to_path_buf(),
            why: "it is empty".to_owned(),
        }),
    }
}

/// Moves what lies in the WAL into the file: `PASSIVE` waits for nobody, `TRUNCATE` also empties the WAL.
///
/// A reader may keep some of it from being moved; then it stays in the WAL, and nothing is lost.
pub(crate) fn checkpoint(connection: &Connection, mode: &'static str) -> rusqlite::Result<()> {
    connection.pragma(None, "wal_checkpoint", mode, |_| Ok(()))
}

/// Ends what a connection is doing, so that its thread can be joined.
pub(crate) struct Interrupt(rusqlite::InterruptHandle);

impl Interrupt {
    pub(crate) fn of(connection: &Connection) -> Self {
        Self(connection.get_interrupt_handle())
    }

    /// Ends the statement that runs now, if one does.
    pub(crate) fn now(&self) {
        self.0.interrupt();
    }

    /// Joins a thread that ends as soon as its connection has nothing to do.
    pub(crate) fn join(&self, thread: JoinHandle<()>) {
        // An interrupt reaches only a statement that runs; the thread may be just before its next one.
        while !thread.is_finished() {
            self.now();
            pause(Duration::from_millis(5));
        }
        let _ = thread.join();
    }
}

impl std::fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interrupt")
    }
}

fn common(connection: &Connection, busy: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(busy)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "temp_store", "memory")?;
    // Without this SQLite looks at bound values to see which index may be used, and prepares a statement again whenever another
    // value is bound; our indices over some rows only (`phase <> 'settled'`) made it do so for most statements.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Neither a view nor a trigger that somebody put into the file may run anything.
    connection.pragma_update(None, "trusted_schema", false)
}

fn durable(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        return Err(rusqlite::Error::SqliteFailure(
            code,
            Some(format!("the file system allows no WAL, only {mode}")),
        ));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // For a list of more than two words (`phase IN (…)`) SQLite builds a table in memory each time that a row is written: a third of
    // what it took to write an item. Our own words are all that this connection writes, as every test of a debug build finds, and a
    // word that is not known is refused when it is read. (Our own check of the file reads only, and a connection that cannot write looks
    // at no `CHECK`; SQLite's own program does.)
    connection.pragma_update(None, "ignore_check_constraints", !cfg!(debug_assertions))?;
    pace_checkpoints(connection)?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))
}

/// Says after how many pages the WAL is moved, by what the file has grown to.
pub(crate) fn pace_checkpoints(connection: &Connection) -> rusqlite::Result<()> {
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    connection.pragma_update(None, "wal_autocheckpoint", checkpoint_pages(pages))
}

fn checkpoint_pages(of_file: i64) -> i64 {
    (of_file / CHECKPOINT_PART).clamp(LEAST_CHECKPOINT_PAGES, MOST_CHECKPOINT_PAGES)
}

fn keep_wal(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_large_file_is_moved_into_less_often() {
        for (pages, expect) in [(0, 1_000), (32_000, 1_000), (128_000, 4_000), (i64::MAX, 16_000)] {
            assert_eq!(checkpoint_pages(pages), expect, "{pages}");
        }
        let folder = tempfile::tempdir().unwrap();
        let connection = writing(&folder.path().join("relay.db"), Duration::ZERO).unwrap();
        let found: i64 = connection
            .query_row("PRAGMA wal_autocheckpoint", [], |row| row.get(0))
            .unwrap();
        assert_eq!(found, 1_000);
    }
}
