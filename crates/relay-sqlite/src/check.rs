//! **Here**: [`Health`], and the full check that runs in the background after an unclean stop.
//! **Not here**: what the writer does with it (`writer` refuses when the journal is damaged).
//! **Reads**: `connection` before it; `journal` starts it.
//! **Source**: <https://www.sqlite.org/pragma.html#pragma_integrity_check>, read 2026-11-23.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

/// How the file of a journal is, as far as is known.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Health {
    /// The last owner closed it: there was no reason to check.
    ClosedCleanly,
    /// The last owner did not close it: the whole file is being checked in the background. Everything works meanwhile.
    Checking,
    /// It was checked and nothing was found.
    Sound,
    /// It was checked and is damaged: everything that writes is refused, `scan` still reads what can be read. Stop the
    /// relay, keep a copy of the files, and restore a backup.
    Damaged {
        /// What was found, at most a hundred lines.
        findings: Vec<String>,
    },
    /// The check itself could not be carried out, or the journal was closed before it ended.
    NotChecked {
        /// Why.
        why: String,
    },
}

/// The health, shared between the journal, the check and the writer.
#[derive(Clone, Debug)]
pub(crate) struct SharedHealth(Arc<Mutex<Health>>);

impl SharedHealth {
    pub(crate) fn new(health: Health) -> Self {
        Self(Arc::new(Mutex::new(health)))
    }

    pub(crate) fn get(&self) -> Health {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_damaged(&self) -> bool {
        matches!(
            *self.0.lock().unwrap_or_else(PoisonError::into_inner),
            Health::Damaged { .. }
        )
    }

    pub(crate) fn set(&self, health: Health) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }
}

/// Checks the whole file: every page, every index, every reference.
pub(crate) fn check(connection: &Connection) -> Health {
    let found =
        findings(connection, "PRAGMA integrity_check(100)", |row| row.get(0)).and_then(|mut found| {
            found.retain(|line| line != "ok");
            found.extend(findings(connection, "PRAGMA foreign_key_check", |row| {
                let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
                Ok(format!(
                    "a row of {table} refers to a row of {parent} that is not there"
                ))
            })?);
            Ok(found)
        });
    match found {
        Ok(findings) if findings.is_empty() => Health::Sound,
        Ok(mut findings) => {
            findings.truncate(100);
            Health::Damaged { findings }
        }
        Err(error) => match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Health::Damaged {
                    findings: vec![crate::error::stored(error).to_string()],
                }
            }
            _ => Health::NotChecked {
                why: crate::error::stored(error).to_string(),
            },
        },
    }
}

fn findings(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<String>,
) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let lines = statement.query_map([], read)?;
    lines.take(100).collect()
}
