//! **Here**: clauses of what a person reads at a glance: what waits, what is parked, which attempts were made.
//! **Not here**: what is made of it (`health`, `drain`).
//! **Reads**: `trial`.
//! **Source**: our own: a backlog of a million must be told without reading a million items.

use crate::dispatch::Advice;
use crate::journal::item::Attempt;
use crate::journal::scan::{Page, Parked, ScanQuery, Waiting};
use crate::journal::{ClaimKind, Command, Journal, Task};
use crate::lane::LaneMode;
use crate::testing::contract::journal::trial::{Trial, holds, same, secs};
use crate::testing::rows::Arrival;

async fn attempts(t: &Trial<'_>, principal: &str, limit: usize) -> Vec<Attempt> {
    let principal = principal.to_owned();
    let page = t.journal.scan(ScanQuery::Attempts { principal, limit }).await;
    holds!(
        t,
        matches!(page, Ok(Page::Attempts(_))),
        "attempts can be read: {page:?}"
    );
    match page {
        Ok(Page::Attempts(attempts)) => attempts,
        _ => Vec::new(),
    }
}

/// What is judged or waits is counted by target, with the first and the last due time; what is under way or settled is not.
pub async fn what_waits_is_counted_by_target(journal: &dyn Journal) {
    let mut t = Trial::new("what_waits_is_counted_by_target", journal);
    let start = t.now;
    let first = t.arrive(&Arrival::new("a", "1")).await;
    t.advance(secs(5));
    t.arrive(&Arrival::new("b", "1")).await;
    let other = Arrival::new("d", "1").with_repository("octo/other");
    t.arrive(&other).await;
    t.open().await;
    let judged = Arrival::new("c", "1").with_policy(|policy| policy.wants_facts = true);
    t.arrive(&judged).await;
    let row = |arrival: &Arrival, n, earliest_due, latest_due| Waiting {
        target: arrival.target().key(),
        n,
        n_held: 0,
        earliest_due,
        latest_due,
    };
    let here = Arrival::new("a", "1");
    let later = start.after(secs(5));
    let waiting = t.overview().await.waiting;
    same!(
        t,
        waiting,
        vec![row(&here, 3, start, later), row(&other, 1, later, later)],
        "what waits"
    );
    let claimed = t.claim(ClaimKind::Send, 1).await.tasks;
    let Some(Task::Send(work)) = claimed.first() else {
        holds!(t, false, "one is sent: {claimed:?}");
        return;
    };
    same!(t, work.item.id, first, "the one that came first");
    let waiting = t.overview().await.waiting;
    same!(t, waiting.first().map(|row| row.n), Some(2), "one is under way");
    t.dispatched(work).await;
    let waiting = t.overview().await.waiting;
    same!(t, waiting.first().map(|row| row.n), Some(2), "one is settled");
}

/// What is parked is counted until a person replays or refuses it, with the time of the oldest and the lanes that are held.
pub async fn what_is_parked_is_counted_until_somebody_decides(journal: &dyn Journal) {
    let mut t = Trial::new("what_is_parked_is_counted_until_somebody_decides", journal);
    same!(
        t,
        t.overview().await.parked,
        Parked::default(),
        "nothing is parked"
    );
    let start = t.now;
    let every = Arrival::new("a", "1")
        .with_park("no version")
        .with_policy(|policy| policy.lane = LaneMode::Every);
    let first = t.arrive(&every).await;
    t.advance(secs(60));
    let second = t.arrive(&Arrival::new("b", "1").with_park("no version")).await;
    let parked = |n, oldest, n_lanes| Parked { n, oldest, n_lanes };
    same!(t, t.overview().await.parked, parked(2, Some(start), 1), "both");
    let refused = t
        .command(Command::Refuse {
            item: first,
            why: "not good".to_owned(),
        })
        .await;
    holds!(t, refused.is_ok(), "{refused:?}");
    let later = start.after(secs(60));
    same!(
        t,
        t.overview().await.parked,
        parked(1, Some(later), 0),
        "the second"
    );
    let replayed = t
        .command(Command::Replay {
            item: second,
            allow_older: false,
        })
        .await;
    holds!(t, replayed.is_ok(), "{replayed:?}");
    t.expect_verdict(second, "parked").await;
    same!(
        t,
        t.overview().await.parked,
        parked(0, None, 0),
        "a later generation took its place"
    );
}

/// The latest attempts of a principal are read in order of their starts, those under way without an end, whatever became of them.
pub async fn the_latest_attempts_are_read(journal: &dyn Journal) {
    let mut t = Trial::new("the_latest_attempts_are_read", journal);
    let mut started = Vec::new();
    let other = Arrival::new("other", "1")
        .with_identity("another")
        .with_repository("octo/other");
    t.arrive(&other).await;
    for n in 0..4_u32 {
        t.arrive(&Arrival::new(&format!("m{n}"), "1")).await;
    }
    t.open().await;
    for (n, work) in t.sends().await.into_iter().enumerate() {
        if work.item.principal == "another" {
            continue;
        }
        started.push((work.fence, work.item.id, t.now));
        t.advance(secs(1));
        if n.is_multiple_of(2) {
            t.dispatched(&work).await;
        } else {
            t.fail(&work, Advice::GiveUp).await;
        }
    }
    let all = attempts(&t, "default", 100).await;
    same!(t, all.len(), started.len(), "all attempts of the principal");
    holds!(
        t,
        all.iter()
            .all(|row| row.ended_at.is_some_and(|end| end > row.started_at)),
        "all have ended: {all:?}"
    );
    holds!(
        t,
        all.is_sorted_by_key(|row| (row.started_at, row.fence)),
        "in order: {all:?}"
    );
    let latest = attempts(&t, "default", 2).await;
    same!(
        t,
        Some(latest.as_slice()),
        all.get(all.len().saturating_sub(2)..),
        "the latest two"
    );
    same!(
        t,
        attempts(&t, "another", 9).await.len(),
        1,
        "the other principal's"
    );
    same!(
        t,
        attempts(&t, "nobody", 9).await,
        Vec::<Attempt>::new(),
        "nobody's"
    );
}
