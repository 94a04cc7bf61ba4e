//! **Here**: the contract suite over the journal in memory: bare, boxed, shared, and behind a plan without faults.
//! **Not here**: the clauses (`relay_core::testing::contract`), other engines (their own crates).
//! **Reads**: `relay_core::testing`.
//! **Source**: STYLE section 8, contract.

use std::collections::BTreeSet;
use std::sync::Arc;

use relay_core::journal::{Journal, MemoryJournal};
use relay_core::testing::contract::journal::CLAUSES;
use relay_core::testing::contract::journal::admin::{self, Administered};
use relay_core::testing::faults::{FaultPlan, FaultyJournal};

/// Each clause in a task of its own, so that all that do not hold are named at once.
async fn keeps_every_clause(make: impl Fn() -> Box<dyn Journal>) {
    let mut broken = Vec::new();
    for clause in CLAUSES {
        let journal = make();
        let one = tokio::spawn(async move { (clause.run)(&*journal).await });
        if one.await.is_err() {
            broken.push(clause.name);
        }
    }
    assert!(
        broken.is_empty(),
        "{} of {} clauses are broken: {broken:#?}",
        broken.len(),
        CLAUSES.len()
    );
}

#[tokio::test]
async fn ok_memory_journal_keeps_every_clause() {
    keeps_every_clause(|| Box::new(MemoryJournal::new())).await;
}

#[tokio::test]
async fn ok_so_it_does_through_box_and_arc() {
    keeps_every_clause(|| Box::new(Box::new(Arc::new(MemoryJournal::new())))).await;
}

#[tokio::test]
async fn ok_so_it_does_behind_a_plan_without_faults() {
    keeps_every_clause(|| Box::new(FaultyJournal::new(MemoryJournal::new(), FaultPlan::none()))).await;
}

/// Each clause of the second trait, likewise.
async fn keeps_every_clause_of_an_administrator(make: impl Fn() -> Box<dyn Administered>) {
    let mut broken = Vec::new();
    for clause in admin::CLAUSES {
        let (journal, other) = (make(), make());
        let one = tokio::spawn(async move { (clause.run)(&*journal, &*other).await });
        if one.await.is_err() {
            broken.push(clause.name);
        }
    }
    assert!(broken.is_empty(), "broken: {broken:#?}");
}

#[tokio::test]
async fn ok_memory_journal_keeps_every_clause_of_an_administrator() {
    keeps_every_clause_of_an_administrator(|| Box::new(MemoryJournal::new())).await;
}

#[tokio::test]
async fn ok_so_it_does_for_an_administrator_through_box_and_arc() {
    keeps_every_clause_of_an_administrator(|| Box::new(Box::new(Arc::new(MemoryJournal::new())))).await;
}

/// A clause that is written but not in the table would never run.
#[test]
fn ok_every_clause_is_in_the_table() {
    macro_rules! files {
        ($folder:literal $($file:literal)+) => {
            [$(($file, include_str!(concat!("../../src/testing/contract/journal/", $folder, $file, ".rs")))),+]
        };
    }
    /// `file::clause` of every clause that is written.
    fn written(files: &[(&str, &str)]) -> BTreeSet<String> {
        let clauses = files.iter().flat_map(|(file, text)| {
            let names = text
                .lines()
                .filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next());
            names.map(move |name| format!("{file}::{name}"))
        });
        clauses.collect()
    }
    let files = files!["" "accept" "claim" "leases" "lanes" "line" "closing" "unknown" "budget" "commands" "controls" "standing" "tracking" "following"];
    let listed: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.name.to_owned()).collect();
    assert_eq!(written(&files), listed);
    assert_eq!(listed.len(), CLAUSES.len(), "each is listed once");
    let files = files!["admin/" "compaction" "carrying"];
    let listed: BTreeSet<_> = admin::CLAUSES
        .iter()
        .map(|clause| clause.name.to_owned())
        .collect();
    assert_eq!(written(&files), listed);
    assert_eq!(listed.len(), admin::CLAUSES.len(), "each is listed once");
}
