//! **Here**: [`Tx`], the rows of one transaction as relay-core's verbs ask for them.
//! **Not here**: any decision (`relay_core::journal::verbs`); the transaction's begin and end (`writer`, `reader`).
//! **Reads**: `schema` before it; `writer` and `reader` after it.
//! **Source**: our own; `MemoryJournal` says what each method means.

mod admin;
mod began;
mod columns;
mod due;
mod read;
mod shift;
mod tracks;
mod write;

use rusqlite::{Connection, Params, Row};

use relay_core::journal::item::Item;
use relay_core::journal::rows::Stored;

use crate::error::stored;

/// The rows of the transaction that is open on a connection. Every statement is prepared once for each connection.
#[derive(Debug)]
pub(crate) struct Tx<'c> {
    connection: &'c Connection,
    /// The item that was added last.
    added: Option<Item>,
}

impl<'c> Tx<'c> {
    pub(crate) const fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            added: None,
        }
    }

    fn execute(&self, sql: &str, params: impl Params) -> Stored<usize> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map_err(stored)
    }

    /// The number of the row that was inserted: `RETURNING` would build a table in memory to give it back.
    fn insert(&self, sql: &str, params: impl Params) -> Stored<i64> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.insert(params))
            .map_err(stored)
    }

    /// The first row, if there is one.
    fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Stored<Option<T>> {
        let found = self.connection.prepare_cached(sql).and_then(|mut statement| {
            let mut rows = statement.query(params)?;
            rows.next()?.map(read).transpose()
        });
        found.map_err(stored)
    }

    /// All rows.
    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Stored<Vec<T>> {
        let found = self.connection.prepare_cached(sql).and_then(|mut statement| {
            let rows = statement.query_map(params, read)?;
            rows.collect()
        });
        found.map_err(stored)
    }
}
