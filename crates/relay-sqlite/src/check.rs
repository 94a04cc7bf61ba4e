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
        // A page that could not be read says nothing about what it holds, and all that is missed because of it is no damage.
        Ok(findings) if findings.iter().any(|line| is_unread(line)) => Health::NotChecked {
            why: "a part of the file could not be read".to_owned(),
        },
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

/// Whether a line of SQLite's says that it could not read, which it says in the same way as what it found.
fn is_unread(line: &str) -> bool {
    let code = line.rsplit_once("error code").and_then(|(_, code)| {
        let code = code.trim_start_matches(['=', ' ']);
        code.split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse::<i32>()
            .ok()
    });
    // The extended codes of an error have the plain one in their lowest byte.
    let plain = code.map(|code| code & 0xFF);
    matches!(
        plain,
        Some(rusqlite::ffi::SQLITE_IOERR | rusqlite::ffi::SQLITE_NOMEM)
    ) || line.contains("failed to get page")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_what_could_not_be_read_is_no_damage() {
        let check = |line: &str, expect: bool| assert_eq!(is_unread(line), expect, "{line}");
        check("Tree 5 page 12: unable to get the page. error code=266", true);
        check("Tree 5 page 12: unable to get the page. error code=7", true);
        check("Tree 5 page 12: btreeInitPage() returns error code 11", false);
        check("Tree 5 page 12 cell 3: failed to get page 14", true);
        check("row 3 missing from index items_due", false);
        check("wrong # of entries in index items_due", false);
        check("Tree 5 page 12: unable to get the page. error code=11", false);
    }
}
