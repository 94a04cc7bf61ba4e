//! **Here**: the contract suite of relay-core over this journal: bare, boxed and shared.
//! **Not here**: the clauses (`relay_core::testing::contract`), stops and damage (`crash`).
//! **Reads**: `support`.
//! **Source**: STYLE section 8, contract.

use std::sync::Arc;

use relay_core::journal::Journal;
use relay_core::testing::contract::journal::CLAUSES;
use relay_core::testing::contract::journal::admin::{self, Administered};
use tempfile::TempDir;

use crate::support::{folder, open};

/// Each clause in a task of its own, over a file of its own, so that all that do not hold are named at once.
async fn keeps_every_clause(make: impl Fn() -> (TempDir, Box<dyn Journal>)) {
    let mut broken = Vec::new();
    for clause in CLAUSES {
        let (folder, journal) = make();
        let one = tokio::spawn(async move { (clause.run)(&*journal).await });
        if one.await.is_err() {
            broken.push(clause.name);
        }
        drop(folder);
    }
    assert!(
        broken.is_empty(),
        "{} of {} clauses are broken: {broken:#?}",
        broken.len(),
        CLAUSES.len()
    );
}

#[tokio::test]
async fn ok_sqlite_journal_keeps_every_clause() {
    keeps_every_clause(|| {
        let (folder, path) = folder();
        (folder, Box::new(open(&path)))
    })
    .await;
}

#[tokio::test]
async fn ok_so_it_does_through_box_and_arc() {
    keeps_every_clause(|| {
        let (folder, path) = folder();
        (folder, Box::new(Box::new(Arc::new(open(&path)))))
    })
    .await;
}

/// Each clause of the second trait, over two files of its own.
async fn keeps_every_clause_of_an_administrator(make: impl Fn() -> (TempDir, Box<dyn Administered>)) {
    let mut broken = Vec::new();
    for clause in admin::CLAUSES {
        let ((folder, journal), (other_folder, other)) = (make(), make());
        let one = tokio::spawn(async move { (clause.run)(&*journal, &*other).await });
        if one.await.is_err() {
            broken.push(clause.name);
        }
        drop((folder, other_folder));
    }
    assert!(broken.is_empty(), "broken: {broken:#?}");
}

#[tokio::test]
async fn ok_sqlite_journal_keeps_every_clause_of_an_administrator() {
    keeps_every_clause_of_an_administrator(|| {
        let (folder, path) = folder();
        (folder, Box::new(open(&path)))
    })
    .await;
}

#[tokio::test]
async fn ok_so_it_does_for_an_administrator_through_box_and_arc() {
    keeps_every_clause_of_an_administrator(|| {
        let (folder, path) = folder();
        (folder, Box::new(Box::new(Arc::new(open(&path)))))
    })
    .await;
}
