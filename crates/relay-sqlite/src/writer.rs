//! **Here**: the one thread that writes, and group commit: everything that waits becomes one transaction, one sync.
//! **Not here**: what a verb does (`relay_core::journal::verbs`), reading (`reader`).
//! **Reads**: `rows`, `check`, `files` before it; `journal` sends it verbs.
//! **Source**: our own; <https://www.sqlite.org/lang_savepoint.html>, read 2026-11-23.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use relay_core::journal::JournalError;
use relay_core::journal::rows::Rows;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::check::{Health, SharedHealth};
use crate::connection;
use crate::copies::Note;
use crate::error::{is_failed_sync, stored, unavailable};
use crate::files::Files;
use crate::lock::LockFile;
use crate::rows::Tx;

/// At most so many verbs share a transaction.
const GROUP: usize = 256;

/// After so many commits the file may have become a large one.
const PACE_EVERY: u64 = 1_024;

/// What the writer is told.
pub(crate) enum Message {
    /// Carry out a verb.
    Verb(Box<dyn Verb>),
    /// Finish what came before, mark the journal as closed, and end.
    Close,
}

/// A verb with somebody who waits for it, or did.
pub(crate) trait Verb: Send {
    /// Carries it out inside a transaction; false when it failed and has to be rolled back.
    fn run(&mut self, rows: &mut dyn Rows) -> bool;
    /// Whether it may be carried out again after it was rolled back.
    fn repeats(&self) -> bool;
    /// Says that it did not happen, whatever `run` said.
    fn fail(&mut self, error: JournalError);
    /// Gives the result to whoever still waits.
    fn answer(self: Box<Self>);
}

/// A verb as a function over rows, and where its result goes.
pub(crate) struct Asked<T, F> {
    verb: F,
    repeats: bool,
    result: Option<Result<T, JournalError>>,
    reply: oneshot::Sender<Result<T, JournalError>>,
}

impl<T, F> Asked<T, F> {
    pub(crate) const fn new(verb: F, repeats: bool, reply: oneshot::Sender<Result<T, JournalError>>) -> Self {
        Self {
            verb,
            repeats,
            result: None,
            reply,
        }
    }
}

impl<T, F> Verb for Asked<T, F>
where
    T: Send,
    F: FnMut(&mut dyn Rows) -> Result<T, JournalError> + Send,
{
    fn repeats(&self) -> bool {
        self.repeats
    }

    fn run(&mut self, rows: &mut dyn Rows) -> bool {
        let result = (self.verb)(rows);
        let succeeded = result.is_ok();
        self.result = Some(result);
        succeeded
    }

    fn fail(&mut self, error: JournalError) {
        self.result = Some(Err(error));
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            // Whoever asked may have gone; what was written stays written.
            let _ = self.reply.send(result);
        }
    }
}

/// What the writer counts, for tests and for people.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Verbs that were sent and not taken up yet.
    pub(crate) waiting: AtomicUsize,
    /// Transactions that were committed.
    pub(crate) commits: AtomicU64,
}

/// The thread's state.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) files: Files,
    pub(crate) health: SharedHealth,
    pub(crate) counts: Arc<Counts>,
    /// Why nothing can be promised any more, until the journal is opened again.
    pub(crate) stopped: Option<String>,
    /// Where it is noted how far the journal has come.
    pub(crate) lock_file: LockFile,
    pub(crate) noted: Note,
}

impl Writer {
    /// Runs until it is told to close, or nobody is left who could tell it anything.
    pub(crate) fn run(mut self, messages: &Receiver<Message>) -> Result<(), JournalError> {
        while let Ok(first) = messages.recv() {
            let (group, close) = self.take_group(first, messages);
            self.carry_out(group);
            if close {
                break;
            }
        }
        self.close()
    }

    /// Everything that waits now, but not too much, and whether the journal is to be closed after it.
    fn take_group(&self, first: Message, messages: &Receiver<Message>) -> (Vec<Box<dyn Verb>>, bool) {
        // Whoever is about to ask, because the last commit has just answered them, may do so first: one sync for all of them.
        // Where nobody else is, this takes no time.
        std::thread::yield_now();
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Verb(verb) => group.push(verb),
                Message::Close => return (group, true),
            }
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            next = if group.len() < GROUP {
                messages.try_recv().ok()
            } else {
                None
            };
        }
        (group, false)
    }

    /// What waited, in its order; what cannot be carried out again has a transaction of its own.
    fn carry_out(&mut self, verbs: Vec<Box<dyn Verb>>) {
        let mut group: Vec<Box<dyn Verb>> = Vec::new();
        for verb in verbs {
            if verb.repeats() {
                group.push(verb);
                continue;
            }
            self.carry_out_group(std::mem::take(&mut group));
            self.carry_out_group(vec![verb]);
        }
        self.carry_out_group(group);
    }

    /// One group: begun, carried out, committed, and only then answered.
    fn carry_out_group(&mut self, mut group: Vec<Box<dyn Verb>>) {
        if group.is_empty() {
            return;
        }
        if let Err(error) = self.commit_group(&mut group) {
            let why = error.to_string();
            tracing::error!(why, verbs = group.len(), "a group of verbs was not committed");
            for verb in &mut group {
                verb.fail(unavailable(why_of(&error)));
            }
        }
        for verb in group {
            verb.answer();
        }
    }

    fn commit_group(&mut self, group: &mut [Box<dyn Verb>]) -> Result<(), JournalError> {
        if let Some(why) = &self.stopped {
            return Err(unavailable(why.clone()));
        }
        if self.health.is_damaged() {
            return Err(unavailable(
                "the journal's file is damaged: stop the relay and restore a backup",
            ));
        }
        let done = self.transact(group);
        if let Err(error) = &done {
            if is_failed_sync(error) {
                self.stopped =
                    Some("a sync failed, and nobody knows what the disk holds: restart the relay".to_owned());
            }
            // SQLite has rolled back by itself after some errors; rolling back twice does no harm.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        let stands = done.map_err(stored)?;
        if !self.files.are_there() {
            let why = "the journal's file was moved or removed while it was open: put it back, and restart the relay";
            self.stopped = Some(why.to_owned());
            return Err(unavailable(why));
        }
        let n_before = self.counts.commits.fetch_add(1, Ordering::Relaxed);
        if n_before % PACE_EVERY == PACE_EVERY - 1 {
            // It is asked again later.
            let _ = connection::pace_checkpoints(&self.connection);
        }
        if let Some(stands) = stands {
            self.note(stands);
        }
        Ok(())
    }

    /// Notes beside the journal how far it has come, before anybody acts on it. Without the note a restored file may not be told; so
    /// nothing that was promised depends on it.
    pub(crate) fn note(&mut self, stands: Note) {
        if stands == self.noted {
            return;
        }
        match self.lock_file.note(Some(stands)) {
            Ok(()) => self.noted = stands,
            Err(error) => tracing::warn!(%error, "the lock file cannot be written"),
        }
    }

    /// All of them in one transaction. They hardly ever fail, so there is no savepoint at first, for which SQLite keeps a copy of each
    /// page that changes: when one of several fails, everything is undone and carried out again, each under a savepoint of its own.
    ///
    /// Gives how far the journal has come by what was committed.
    fn transact(&self, group: &mut [Box<dyn Verb>]) -> rusqlite::Result<Option<Note>> {
        self.statement("BEGIN IMMEDIATE")?;
        if group
            .iter_mut()
            .all(|verb| self.succeeds(&mut **verb) && !self.connection.is_autocommit())
        {
            return self.commit();
        }
        // SQLite may have rolled back by itself.
        let rolled_back = self.connection.is_autocommit();
        if !rolled_back {
            self.statement("ROLLBACK")?;
        }
        if group.len() == 1 {
            return if rolled_back {
                Err(rolled_back_by_itself())
            } else {
                Ok(None)
            };
        }
        self.statement("BEGIN IMMEDIATE")?;
        for verb in group {
            self.statement("SAVEPOINT verb")?;
            let succeeded = self.succeeds(&mut **verb);
            if self.connection.is_autocommit() {
                // A full disk, for example: SQLite rolled back the whole transaction, earlier verbs included.
                return Err(rolled_back_by_itself());
            }
            if !succeeded {
                self.statement("ROLLBACK TO verb")?;
            }
            self.statement("RELEASE verb")?;
        }
        self.commit()
    }

    /// Commits. How far the journal has come is read first: a read of its own would take SQLite's locks once more.
    fn commit(&self) -> rusqlite::Result<Option<Note>> {
        let sql = "SELECT epoch, fence FROM meta WHERE id = 1";
        let stands = self.connection.prepare_cached(sql).and_then(|mut statement| {
            statement.query_row([], |row| {
                let [epoch, fence] =
                    [row.get::<_, i64>(0)?, row.get(1)?].map(|n| u64::try_from(n).unwrap_or(0));
                Ok(Note { epoch, fence })
            })
        });
        self.statement("COMMIT")?;
        Ok(stands.ok())
    }

    /// Carries out a verb. One that panics is rolled back like one that fails; the thread and its connection go on.
    fn succeeds(&self, verb: &mut dyn Verb) -> bool {
        let connection = &self.connection;
        catch_unwind(AssertUnwindSafe(|| verb.run(&mut Tx::new(connection)))).unwrap_or_else(|_| {
            tracing::error!("a verb panicked and was rolled back");
            verb.fail(unavailable("a verb panicked; nothing of it was written"));
            false
        })
    }

    fn statement(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    /// Says in the file that it was closed, and leaves no WAL behind.
    fn close(self) -> Result<(), JournalError> {
        if let Some(why) = self.stopped {
            return Err(unavailable(why));
        }
        // A check that was due and did not end is made at the next open; so is that of a damaged file.
        if matches!(self.health.get(), Health::ClosedCleanly | Health::Sound) {
            mark_clean(&self.connection, true).map_err(stored)?;
        }
        connection::checkpoint(&self.connection, "TRUNCATE").map_err(stored)?;
        self.connection.close().map_err(|(_, error)| stored(error))
    }
}

/// Writes whether the journal is closed.
pub(crate) fn mark_clean(connection: &Connection, clean: bool) -> rusqlite::Result<()> {
    connection
        .execute("UPDATE meta SET clean = ?1 WHERE id = 1", [clean])
        .map(|_| ())
}

fn rolled_back_by_itself() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK);
    rusqlite::Error::SqliteFailure(code, None)
}

fn why_of(error: &JournalError) -> String {
    match error {
        JournalError::Unavailable { why } => why.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use relay_core::clock::Timestamp;
    use relay_core::journal::Acceptance;
    use relay_core::journal::rows::ReadRows;
    use relay_core::journal::{AcceptBatch, verbs};

    use super::*;
    use crate::lock::OwnerLock;

    type Answer<T> = oneshot::Receiver<Result<T, JournalError>>;

    fn writer(folder: &tempfile::TempDir) -> Writer {
        let path = folder.path().join("relay.db");
        let connection = connection::writing(&path, Duration::ZERO).unwrap();
        Writer {
            connection,
            files: Files::note(&path),
            health: SharedHealth::new(Health::ClosedCleanly),
            counts: Arc::new(Counts::default()),
            stopped: None,
            lock_file: OwnerLock::take(&path, Duration::ZERO, false).unwrap().file(),
            noted: Note::default(),
        }
    }

    fn ask<T: Send + 'static>(
        verb: impl FnMut(&mut dyn Rows) -> Result<T, JournalError> + Send + 'static,
    ) -> (Box<dyn Verb>, Answer<T>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Asked::new(verb, true, reply)), answer)
    }

    /// Keeps an unreadable element of so many bytes.
    fn keep(bytes: usize) -> (Box<dyn Verb>, Answer<Acceptance>) {
        let body = format!("{bytes}").repeat(bytes / 2);
        let now = Timestamp::from_unix_ms(1);
        let unreadable = vec![(body, "no id".to_owned())];
        let batch = AcceptBatch {
            now,
            events: vec![],
            unreadable,
            keep_unreadable: (100, usize::MAX),
        };
        ask(move |rows| verbs::accept(rows, batch.clone()))
    }

    fn n_kept(writer: &Writer) -> usize {
        Tx::new(&writer.connection).unreadable().unwrap().len()
    }

    #[test]
    fn ok_a_panic_is_undone_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(&folder);
        let (before, before_answer) = keep(10);
        let (panics, panic_answer) = ask(|rows| {
            verbs::open(rows)?;
            if rows.meta()?.epoch > 0 {
                panic!("on purpose")
            } else {
                Ok(())
            }
        });
        let (after, after_answer) = keep(20);
        writer.carry_out(vec![before, panics, after]);
        before_answer.blocking_recv().unwrap().unwrap();
        after_answer.blocking_recv().unwrap().unwrap();
        let error = panic_answer.blocking_recv().unwrap().unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
        assert_eq!(n_kept(&writer), 2);
        assert_eq!(Tx::new(&writer.connection).meta().unwrap().epoch, 0);
    }

    #[test]
    fn ok_a_full_disk_refuses_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(&folder);
        let (first, answer) = keep(10);
        writer.carry_out(vec![first]);
        answer.blocking_recv().unwrap().unwrap();
        let pages: i64 = writer
            .connection
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .unwrap();
        writer
            .connection
            .pragma_update(None, "max_page_count", pages + 2)
            .unwrap();
        let (small, small_answer) = keep(20);
        let (large, large_answer) = keep(100_000);
        writer.carry_out(vec![small, large]);
        let error = large_answer.blocking_recv().unwrap().unwrap_err();
        assert!(matches!(error, JournalError::Unavailable { .. }), "{error}");
        let small_kept = usize::from(small_answer.blocking_recv().unwrap().is_ok());
        assert_eq!(n_kept(&writer), 1 + small_kept, "what was said is what was done");
        writer
            .connection
            .pragma_update(None, "max_page_count", pages + 1_000)
            .unwrap();
        let (again, answer) = keep(100_000);
        writer.carry_out(vec![again]);
        answer.blocking_recv().unwrap().unwrap();
    }

    #[test]
    fn ok_a_locked_file_refuses_the_whole_group() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(&folder);
        let other = Connection::open(folder.path().join("relay.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (first, first_answer) = keep(10);
        let (second, second_answer) = keep(20);
        writer.carry_out(vec![first, second]);
        for answer in [first_answer, second_answer] {
            let error = answer.blocking_recv().unwrap().unwrap_err();
            assert_eq!(
                error.to_string(),
                "the journal cannot promise now: database is locked (SQLite 5)"
            );
        }
        drop(other);
        let (again, answer) = keep(10);
        writer.carry_out(vec![again]);
        answer.blocking_recv().unwrap().unwrap();
    }
}
