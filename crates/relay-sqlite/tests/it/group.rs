//! **Here**: group commit: what waits shares a transaction, and fails alone.
//! **Not here**: a full disk and a verb that panics (units of `writer`).
//! **Reads**: `support`.
//! **Source**: our own.

use std::path::Path;
use std::sync::Arc;

use relay_core::journal::item::{ItemId, Phase};
use relay_core::journal::{Acceptance, Command, Journal, JournalError, Record};
use rusqlite::Connection;
use tokio::task::JoinHandle;

use crate::support::{at, batch, event, folder, items, open};

/// Somebody else's write transaction, such as a person's shell: while it is open, the writer waits.
fn hold(path: &Path) -> Connection {
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

fn release(other: &Connection) {
    other.execute_batch("ROLLBACK").unwrap();
}

fn accept<J: Journal + 'static>(journal: &Arc<J>, n: usize) -> JoinHandle<Result<Acceptance, JournalError>> {
    let journal = Arc::clone(journal);
    let new = event(&n.to_string(), &n.to_string(), "1");
    tokio::spawn(async move { journal.accept(batch(at(0), vec![new])).await })
}

/// Lets every spawned task run to where it waits.
async fn let_all_ask() {
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn ok_what_waits_shares_a_commit() {
    let (_folder, path) = folder();
    let journal = Arc::new(open(&path));
    let other = hold(&path);
    let waiting: Vec<_> = (0..200).map(|n| accept(&journal, n)).collect();
    let_all_ask().await;
    assert_eq!(journal.n_commits(), 0);
    release(&other);
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    assert!(
        journal.n_commits() <= 2,
        "{} commits for 200 verbs",
        journal.n_commits()
    );
    assert_eq!(items(&*journal).await.len(), 200);
}

#[tokio::test]
async fn ok_a_verb_that_fails_in_a_group_is_undone_alone() {
    let (_folder, path) = folder();
    let journal = Arc::new(open(&path));
    accept(&journal, 0).await.unwrap().unwrap();
    let other = hold(&path);
    let first = accept(&journal, 1);
    let failing = {
        let journal = Arc::clone(&journal);
        let cancel = |item| {
            Record::Command(Command::Cancel {
                item: ItemId(item),
                why: "no".to_owned(),
            })
        };
        // The first of them is possible, the second is not.
        tokio::spawn(async move { journal.record(at(1), vec![cancel(1), cancel(999)]).await })
    };
    let last = accept(&journal, 2);
    let_all_ask().await;
    release(&other);
    first.await.unwrap().unwrap();
    last.await.unwrap().unwrap();
    assert!(matches!(
        failing.await.unwrap(),
        Err(JournalError::Refused { .. })
    ));
    let items = items(&*journal).await;
    assert_eq!(
        items.iter().map(|item| item.phase).collect::<Vec<_>>(),
        [Phase::Waiting; 3]
    );
}

#[tokio::test]
async fn ok_whoever_stops_waiting_stops_nothing() {
    let (_folder, path) = folder();
    let journal = Arc::new(open(&path));
    let other = hold(&path);
    let gone = accept(&journal, 1);
    let_all_ask().await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    release(&other);
    accept(&journal, 2).await.unwrap().unwrap();
    assert_eq!(items(&*journal).await.len(), 2);
}

#[tokio::test]
async fn ok_closing_carries_out_what_was_asked_before() {
    let (_folder, path) = folder();
    let journal = Arc::new(open(&path));
    let other = hold(&path);
    let waiting: Vec<_> = (0..20).map(|n| accept(&journal, n)).collect();
    let_all_ask().await;
    let closing = {
        let journal = Arc::clone(&journal);
        std::thread::spawn(move || journal.close())
    };
    release(&other);
    closing.join().unwrap().unwrap();
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    assert!(accept(&journal, 99).await.unwrap().is_err());
    assert_eq!(items(&open(&path)).await.len(), 20);
}
