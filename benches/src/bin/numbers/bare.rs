//! **Here**: the least that SQLite can do for the same promise: the rows that a relay wrote, inserted by nothing but prepared statements.
//! **Not here**: reading events, looking for what is known, deciding: a relay does that besides.
//! **Reads**: the tables of a journal; writes a file with the same schema, settings, rows, and rows a transaction.
//! **Source**: our own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use relay_sqlite::{OpenOptions, SqliteJournal};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Tables to which an accepted event adds rows, with the column that says which event; in the order in which rows refer to each other.
const TABLES: [(&str, &str); 4] = [
    ("events", "seq"),
    ("items", "event"),
    ("releases", "(SELECT event FROM items WHERE items.id = item)"),
    ("history", "event"),
];

/// All rows of one event: the table's number, and the values.
pub(crate) type OfEvent = Vec<(usize, Vec<Value>)>;

/// The rows of a closed journal, by event in the order of their numbers, and those that all events share.
pub(crate) fn rows_of(file: &Path) -> (Vec<OfEvent>, Vec<Vec<Value>>) {
    let connection = Connection::open(file).expect("a file");
    let read = |sql: &str| {
        let mut statement = connection.prepare(sql).expect("a query");
        let n = statement.column_count();
        let rows = statement.query_map([], |row| {
            (0..n).map(|i| row.get(i)).collect::<Result<Vec<Value>, _>>()
        });
        rows.expect("rows").collect::<Result<Vec<_>, _>>().expect("rows")
    };
    let mut events: BTreeMap<i64, OfEvent> = BTreeMap::new();
    for (table, (name, of)) in TABLES.iter().enumerate() {
        for mut row in read(&format!("SELECT *, {of} FROM {name}")) {
            if let Some(Value::Integer(event)) = row.pop() {
                events.entry(event).or_default().push((table, row));
            }
        }
    }
    (events.into_values().collect(), read("SELECT * FROM targets"))
}

/// A new file with a journal's schema and the settings of its writer.
pub(crate) struct Bare {
    connection: Connection,
    statements: Vec<String>,
}

impl Bare {
    pub(crate) fn create(file: &Path, shared: &[Vec<Value>]) -> Self {
        let journal = SqliteJournal::open(file, OpenOptions::new()).expect("a journal");
        journal.close().expect("closed");
        let connection = Connection::open(file).expect("a file");
        connection.set_prepared_statement_cache_capacity(64);
        let mode: String = connection
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
            .expect("WAL");
        assert_eq!(mode, "wal");
        connection
            .execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA foreign_keys = 1; PRAGMA temp_store = memory;")
            .expect("settings");
        let insert = |name: &str| {
            let n: u32 = connection
                .query_row("SELECT count(*) FROM pragma_table_info(?1)", [name], |row| {
                    row.get(0)
                })
                .expect("columns");
            format!("INSERT INTO {name} VALUES ({})", vec!["?"; n as usize].join(","))
        };
        let statements = TABLES.iter().map(|(name, _)| insert(name)).collect();
        for row in shared {
            connection
                .execute(&insert("targets"), params_from_iter(row))
                .expect("a target");
        }
        Self {
            connection,
            statements,
        }
    }

    /// One transaction, synced.
    pub(crate) fn commit<'e>(&self, events: impl IntoIterator<Item = &'e OfEvent>) {
        let run = |sql: &str| {
            self.connection
                .prepare_cached(sql)
                .and_then(|mut statement| statement.execute([]))
        };
        run("BEGIN IMMEDIATE").expect("begun");
        for (table, row) in events.into_iter().flatten() {
            let mut statement = self
                .connection
                .prepare_cached(&self.statements[*table])
                .expect("a statement");
            statement.execute(params_from_iter(row)).expect("a row");
        }
        run("COMMIT").expect("synced");
    }
}

/// Events a second: the rows of a journal after the first so many events, in batches of this size.
pub(crate) fn inserts(of: &Path, into: &Path, warm: usize, batch: usize) -> f64 {
    let (events, shared) = rows_of(of);
    let bare = Bare::create(into, &shared);
    let (before, counted) = events.split_at(warm);
    before.chunks(batch).for_each(|events| bare.commit(events));
    let begin = Instant::now();
    counted.chunks(batch).for_each(|events| bare.commit(events));
    counted.len() as f64 / begin.elapsed().as_secs_f64()
}

/// Events a second when so many tasks each hand one event to a thread that writes, and wait: group commit and nothing else.
pub(crate) async fn concurrent(of: &Path, into: &Path, n_at_once: usize) -> f64 {
    type Asked = (OfEvent, tokio::sync::oneshot::Sender<()>);
    let (events, shared) = rows_of(of);
    let n = events.len();
    let bare = Bare::create(into, &shared);
    let (ask, asked): (Sender<Asked>, Receiver<Asked>) = channel();
    let writer = std::thread::spawn(move || {
        while let Ok(first) = asked.recv() {
            let group: Vec<Asked> = std::iter::once(first).chain(asked.try_iter().take(255)).collect();
            bare.commit(group.iter().map(|(event, _)| event));
            for (_, reply) in group {
                let _ = reply.send(());
            }
        }
    });
    let events = std::sync::Arc::new(std::sync::Mutex::new(events));
    let begin = Instant::now();
    let tasks: Vec<_> = (0..n_at_once)
        .map(|_| {
            let (ask, events) = (ask.clone(), std::sync::Arc::clone(&events));
            tokio::spawn(async move {
                loop {
                    let event = events.lock().expect("events").pop();
                    let Some(event) = event else { break };
                    let (reply, answer) = tokio::sync::oneshot::channel();
                    ask.send((event, reply)).expect("a writer");
                    answer.await.expect("committed");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("all of them");
    }
    let rate = n as f64 / begin.elapsed().as_secs_f64();
    drop(ask);
    writer.join().expect("its end");
    rate
}
