//! **Here**: [`OpenError`], why a journal could not be opened; and what a fault of SQLite means to a caller of a verb.
//! **Not here**: when something is refused (`header`, `lock`, `mount`).
//! **Reads**: nothing before it; every other file after it.
//! **Source**: <https://www.sqlite.org/rescode.html>, read 2026-11-23.

use std::path::PathBuf;
use std::time::Duration;

use relay_core::journal::JournalError;
use rusqlite::ffi;

/// A journal that was not opened. Whatever the file held, it holds unchanged.
///
/// Its text names the path as the caller gave it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder of the journal is not there, or is not a folder. Create it, or correct the path.
    #[error("the folder {} of the journal {} is missing or is not a folder", folder.display(), path.display())]
    Folder {
        /// The journal.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// The path does not name a file.
    #[error("{} is not a file, so it cannot be a journal", path.display())]
    NotAFile {
        /// The journal.
        path: PathBuf,
    },
    /// It lies on a network file system, whose locks and shared memory do not hold what SQLite's WAL needs.
    #[error(
        "the journal {} lies on {mount}, a network file system ({kind}), where it can be damaged: move it to a local disk",
        path.display()
    )]
    NetworkFileSystem {
        /// The journal.
        path: PathBuf,
        /// Where the file system is mounted.
        mount: PathBuf,
        /// Its type, as the system names it.
        kind: String,
    },
    /// The file has several names (hard links), and by this one it was never owned. Under each name SQLite keeps another WAL, so
    /// what was accepted under one would be lost under another. Open it by the name it always had, or make a copy.
    #[error(
        "the journal {} is one file with {n_names} names (hard links), and was never owned by this one: open it by the name that has \
         its lock file, or remove the other names",
        path.display()
    )]
    OtherName {
        /// The journal, by the name that was refused.
        path: PathBuf,
        /// How many names it has.
        n_names: u64,
    },
    /// Another process owns it, and did not let go while we waited.
    #[error(
        "the journal {} is owned by {}, which did not close it within {} s",
        path.display(),
        pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")),
        waited.as_secs_f64()
    )]
    Held {
        /// The journal.
        path: PathBuf,
        /// The process that holds the lock, if it said so.
        pid: Option<u32>,
        /// How long we waited.
        waited: Duration,
    },
    /// The file is something else.
    #[error("{} is not a journal of this relay: {why}", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// A newer version of this crate wrote it. Use that version; this one would not understand it.
    #[error("the journal {} has schema version {found}; this program knows versions up to {known}: use a newer program", path.display())]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this crate knows.
        known: i64,
    },
    /// The file system refused something: a folder that cannot be written to, for example.
    #[error("{doing} {} failed", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// SQLite refused something: a file that cannot be written to, a full disk, a damaged file.
    #[error("{doing} the journal {} failed", path.display())]
    Store {
        /// What was tried.
        doing: &'static str,
        /// The journal.
        path: PathBuf,
        /// What SQLite said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a fault of SQLite means to the caller of a verb. Its text names no path and no content.
pub(crate) fn stored(error: rusqlite::Error) -> JournalError {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => failure(code, message.as_deref()),
        // What is inside names a column and the kind of fault, never the value.
        rusqlite::Error::FromSqlConversionFailure(_, _, fault) => {
            corrupt(format!("a row cannot be read: {fault}"))
        }
        rusqlite::Error::IntegralValueOutOfRange(column, _) => corrupt(format!(
            "a row cannot be read: the number in column {column} is out of range"
        )),
        rusqlite::Error::InvalidColumnType(_, name, found) => {
            corrupt(format!("column {name} holds a value of type {found}"))
        }
        other => corrupt(format!("a query did not give what it was asked for: {other}")),
    }
}

/// Something that the journal holds, and that cannot be understood.
pub(crate) const fn corrupt(why: String) -> JournalError {
    JournalError::Corrupt { why }
}

/// A journal that cannot promise now.
pub(crate) fn unavailable(why: impl Into<String>) -> JournalError {
    JournalError::Unavailable { why: why.into() }
}

fn failure(code: ffi::Error, message: Option<&str>) -> JournalError {
    let said = format!(
        "{} (SQLite {})",
        ffi::code_to_str(code.extended_code),
        code.extended_code
    );
    match code.code {
        ffi::ErrorCode::DatabaseCorrupt | ffi::ErrorCode::NotADatabase => corrupt(said),
        // The message of a violated constraint names tables and columns, and nothing that they hold.
        ffi::ErrorCode::ConstraintViolation | ffi::ErrorCode::TypeMismatch => corrupt(format!(
            "{said}: {}",
            message.unwrap_or("a row contradicts the schema")
        )),
        _ => unavailable(said),
    }
}

/// Whether this error says that a sync failed: nobody knows then what the disk holds.
pub(crate) fn is_failed_sync(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        matches!(
            error.extended_code,
            ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_each_code_has_its_meaning() {
        let check = |code: i32, expect: &str| {
            let error = stored(rusqlite::Error::SqliteFailure(
                ffi::Error::new(code),
                Some("content".to_owned()),
            ));
            assert!(error.to_string().contains(expect), "{code}: {error}");
            assert!(!error.to_string().contains("content"), "{error}");
        };
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_CANTOPEN,
        ] {
            check(code, "cannot promise now");
        }
        check(ffi::SQLITE_CORRUPT, "cannot be understood");
        check(ffi::SQLITE_NOTADB, "cannot be understood");
    }

    #[test]
    fn ok_a_failed_sync_is_told_apart() {
        let error = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        assert!(is_failed_sync(&error(ffi::SQLITE_IOERR_FSYNC)));
        assert!(!is_failed_sync(&error(ffi::SQLITE_FULL)));
    }
}
