//! **Here**: the schema's versions, and whether a file is a journal of one that we know.
//! **Not here**: what the rows mean (`rows`).
//! **Reads**: `error` before it; `journal` and `reader` after it.
//! **Source**: <https://www.sqlite.org/fileformat.html> section 1.3, read 2026-11-23.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;

/// `AMLR`: says in the file's header that it is ours.
pub(crate) const APPLICATION_ID: i64 = 0x414D_4C52;
/// The version that this program writes.
pub(crate) const SCHEMA_VERSION: i64 = STEPS.len() as i64;

/// Each step takes a journal from the version before to its own: the first makes version 1.
pub(crate) const STEPS: [&str; 6] = [
    include_str!("v1.sql"),
    include_str!("v2.sql"),
    include_str!("v3.sql"),
    include_str!("v4.sql"),
    include_str!("v5.sql"),
    include_str!("v6.sql"),
];

/// What a file is, as far as one can see.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// Nothing yet.
    Empty,
    /// A journal of this version.
    Version(i64),
}

/// Looks at the header of a file without touching it: no lock, no WAL, no file beside it. A missing file is fine.
///
/// What the header says may be older than what lies in the WAL; so this refuses early, and `inspect` has the last word. It has the only
/// word where the file alone makes no sense and something lies beside it that SQLite completes it from: whoever is stopped while the
/// WAL is moved leaves a file that is shorter than its header says, or a torn header.
/// SQLite reads the header, and not we: where this process owns the journal already, closing a file of our own would
/// free SQLite's POSIX locks on it (<https://www.sqlite.org/howtocorrupt.html> section 2.2).
pub(crate) fn inspect_header(path: &Path) -> Result<(), OpenError> {
    if !path.exists() {
        return Ok(());
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(immutable(path), flags).map_err(failed(path, "opening"))?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = match number("PRAGMA application_id") {
        Err(error) if is_incomplete(&error) && is_completed_beside(path) => return Ok(()),
        found => found.map_err(unreadable(path))?,
    };
    match application {
        0 => Ok(()),
        APPLICATION_ID => known(path, number("PRAGMA user_version").map_err(unreadable(path))?).map(|_| ()),
        other => Err(other_application(path, other)),
    }
}

fn is_incomplete(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
    )
}

/// Whether a WAL or a rollback journal lies beside the file.
fn is_completed_beside(path: &Path) -> bool {
    ["-wal", "-journal"].into_iter().any(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        std::fs::metadata(name).is_ok_and(|found| found.len() > 0)
    })
}

/// The path as a URI that promises SQLite an unchanging file.
fn immutable(path: &Path) -> String {
    let mut uri = String::from(if cfg!(windows) { "file:///" } else { "file:" });
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(byte)),
            other => {
                uri.push('%');
                for half in [other >> 4, other & 15] {
                    uri.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
                }
            }
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// Asks SQLite what a file is, the WAL included. Changes nothing.
pub(crate) fn inspect(path: &Path, connection: &Connection) -> Result<Found, OpenError> {
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(unreadable(path))
    };
    match number("PRAGMA application_id")? {
        APPLICATION_ID => known(path, number("PRAGMA user_version")?),
        0 if number("SELECT count(*) FROM sqlite_schema")? == 0 => Ok(Found::Empty),
        0 => Err(not_ours(
            path,
            "it is an SQLite file of another program, without an application id".to_owned(),
        )),
        other => Err(other_application(path, other)),
    }
}

/// Brings a journal to the present version, all steps in one transaction.
pub(crate) fn migrate(path: &Path, connection: &mut Connection, from: i64) -> Result<(), OpenError> {
    let n_done = usize::try_from(from).unwrap_or(0);
    if n_done >= STEPS.len() {
        return Ok(());
    }
    apply(connection, STEPS.get(n_done..).unwrap_or_default()).map_err(failed(path, "writing the schema of"))
}

fn apply(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

/// An [`OpenError::Store`] of this journal.
pub(crate) fn failed(path: &Path, doing: &'static str) -> impl Fn(rusqlite::Error) -> OpenError {
    move |source| OpenError::Store {
        doing,
        path: path.to_path_buf(),
        source: Box::new(source),
    }
}

/// What was found where a journal should be could not be read: SQLite says whether it is one of its files at all.
fn unreadable(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError {
    move |error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => not_ours(path, "it is not an SQLite file".to_owned()),
        _ => failed(path, "reading")(error),
    }
}

fn known(path: &Path, version: i64) -> Result<Found, OpenError> {
    match version {
        1..=SCHEMA_VERSION => Ok(Found::Version(version)),
        found if found > SCHEMA_VERSION => Err(OpenError::Newer {
            path: path.to_path_buf(),
            found,
            known: SCHEMA_VERSION,
        }),
        other => Err(not_ours(
            path,
            format!("its schema version is {other}, which never was"),
        )),
    }
}

fn other_application(path: &Path, id: i64) -> OpenError {
    not_ours(
        path,
        format!("it is an SQLite file of another program, with application id {id:#010x}"),
    )
}

fn not_ours(path: &Path, why: String) -> OpenError {
    OpenError::NotAJournal {
        path: path.to_path_buf(),
        why,
    }
}
