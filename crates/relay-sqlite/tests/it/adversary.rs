//! Faults that a reviewer found: each of these fails.

use std::time::Duration;

use relay_core::journal::{ClaimKind, Journal};
use relay_core::lane::LaneMode;
use relay_core::testing::rows;
use relay_sqlite::{OpenOptions, SqliteJournal};

use crate::support::{at, batch, check_targets, claim_sends, event, folder, open, request};

fn at_once() -> OpenOptions {
    OpenOptions::new().with_lock_wait(Duration::ZERO)
}

/// One file under two names (a hard link, or a file mounted into two containers): two owners, two WALs. What follows is
/// shown with two processes in `examples/tests/it/adversary.rs`.
#[test]
fn fault_a_hard_link_lets_two_owners_in() {
    let (_folder, path) = folder();
    drop(open(&path));
    let other_path = path.with_file_name("other.db");
    std::fs::hard_link(&path, &other_path).unwrap();
    let _one = open(&path);
    assert!(SqliteJournal::open(&other_path, at_once()).is_err(), "two owners");
}

/// Somebody tidies up: the lock file has another number then, and is nobody's.
#[tokio::test]
async fn fault_a_removed_lock_file_lets_a_second_owner_in() {
    let (_folder, path) = folder();
    let _first = open(&path);
    std::fs::remove_file(path.with_file_name("relay.db.lock")).unwrap();
    assert!(SqliteJournal::open(&path, at_once()).is_err(), "two owners");
}

/// While a lane is held, each claim reads every item that waits in it, in the thread that also accepts.
#[tokio::test]
async fn fault_a_claim_walks_over_all_that_waits_in_a_held_lane() {
    let took = async |n: u32| {
        let (_folder, path) = folder();
        let journal = open(&path);
        let policy = {
            let mut policy = rows::policy();
            policy.lane = LaneMode::Every;
            policy
        };
        let make = |n: u32| {
            let mut event = event(&format!("e{n}"), "m", &n.to_string());
            event.wanted[0].policy = policy;
            event
        };
        let mut first = make(0);
        first.wanted[0].park = Some("on purpose".to_owned());
        journal.accept(batch(at(0), vec![first])).await.unwrap();
        for from in (1..=n).step_by(1_000) {
            journal
                .accept(batch(
                    at(0),
                    (from..(from + 1_000).min(n + 1)).map(make).collect(),
                ))
                .await
                .unwrap();
        }
        check_targets(&journal, at(1)).await;
        assert_eq!(claim_sends(&journal, at(1)).await.len(), 0);
        let started = std::time::Instant::now();
        journal.claim(request(ClaimKind::Send, at(2))).await.unwrap();
        started.elapsed()
    };
    let (few, many) = (took(100).await, took(20_000).await);
    assert!(
        many < few * 10 + Duration::from_millis(50),
        "100 waiting: {few:?}, 20,000 waiting: {many:?}"
    );
}
