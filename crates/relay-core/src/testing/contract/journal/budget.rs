//! **Here**: clauses of the rate budget: rolling windows over recorded attempts, an interval, requests under way at once.
//! **Not here**: limits that GitHub names (`closing`).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 6, rate budget.
#![expect(
    clippy::indexing_slicing,
    reason = "a clause that finds too little panics, as it should"
)]

use std::time::Duration;

use crate::budget::Budget;
use crate::clock::Timestamp;
use crate::dispatch::{Advice, Dispatched};
use crate::journal::{ClaimKind, Journal, Settlement, Task, Work};
use crate::testing::contract::journal::trial::{Trial, holds, same, secs};
use crate::testing::rows::Arrival;

/// So many items in no lane.
async fn fill(t: &mut Trial<'_>, n: usize) {
    let events = (0..n)
        .map(|n| Arrival::new(&format!("m{n}"), "1").without_lane().event())
        .collect();
    t.accept(events).await;
    t.open().await;
}

/// Sends all there is, each attempt taking this long, by the due times that the journal gives; gives the moments at
/// which attempts started. Every third attempt is not taken: it counts all the same.
async fn send_all(t: &mut Trial<'_>, lasts: Duration) -> Vec<Timestamp> {
    let (mut starts, mut under_way): (Vec<Timestamp>, Vec<(Timestamp, Work)>) = (Vec::new(), Vec::new());
    loop {
        let claimed = t.claim(ClaimKind::Send, 1_000).await;
        for task in claimed.tasks {
            let Task::Send(work) = task else { continue };
            starts.push(t.now);
            under_way.push((t.now.after(lasts), work));
        }
        let end = under_way.first().map(|(end, _)| *end);
        let Some(at) = claimed.next_due.into_iter().chain(end).min() else {
            return starts;
        };
        holds!(
            t,
            at > t.now || end == Some(at),
            "the next due time {at} is not after {}",
            t.now
        );
        t.advance_to(at);
        while under_way.first().is_some_and(|(end, _)| *end <= t.now) {
            let (_, work) = under_way.remove(0);
            if starts.len().is_multiple_of(3) && work.item.n_attempts == 1 {
                t.fail(&work, Advice::Throttled { until: t.now }).await;
            } else {
                t.dispatched(&work).await;
            }
        }
    }
}

/// How many started in the fullest window of this length.
fn fullest(starts: &[Timestamp], window: Duration) -> usize {
    let within = |from: &Timestamp| {
        starts
            .iter()
            .filter(|at| *at >= from && at.since(*from) < window)
            .count()
    };
    starts.iter().map(within).max().unwrap_or(0)
}

/// Never more than `per_minute` attempts start in any 60 seconds, and not much fewer either while work waits.
pub async fn no_minute_has_more_than_its_budget(journal: &dyn Journal) {
    let mut t = Trial::new("no_minute_has_more_than_its_budget", journal);
    t.budgets.default = Budget::unbounded().with_per_minute(7).with_max_in_flight(4);
    fill(&mut t, 60).await;
    let starts = send_all(&mut t, Duration::from_millis(700)).await;
    holds!(t, starts.len() >= 60, "all were sent");
    same!(t, fullest(&starts, secs(60)), 7, "the fullest minute");
    let span = starts
        .last()
        .map(|last| last.since(starts[0]))
        .unwrap_or_default();
    let bound = secs(60 * (starts.len() as u64 / 7 + 1));
    holds!(
        t,
        span <= bound,
        "{} attempts took {span:?}: the budget was not used",
        starts.len()
    );
    t.finish().await;
}

/// A request reaches GitHub between its start and its end. So from the end of one to the start of the n-th after it lies a whole
/// window, and wherever in between they arrive, GitHub sees no more than n in any.
pub async fn a_window_holds_wherever_requests_arrive(journal: &dyn Journal) {
    let mut t = Trial::new("a_window_holds_wherever_requests_arrive", journal);
    t.budgets.default = Budget::unbounded().with_per_minute(3).with_max_in_flight(2);
    fill(&mut t, 12).await;
    let lasts = secs(20);
    let starts = send_all(&mut t, lasts).await;
    holds!(t, starts.len() >= 12, "all were sent");
    for four in starts.windows(4) {
        let between = four[3].since(four[0].after(lasts));
        holds!(
            t,
            between >= secs(60),
            "{between:?} between the end of one and the start of the third after it"
        );
    }
    t.finish().await;
}

/// A clock that jumps forward ends the lease of a request that is still on its way. Its outcome comes too late for the item, but says
/// how long it was: the window begins there.
pub async fn a_window_holds_where_a_lease_ended_first(journal: &dyn Journal) {
    let mut t = Trial::new("a_window_holds_where_a_lease_ended_first", journal);
    t.budgets.default = Budget::unbounded().with_per_minute(1);
    fill(&mut t, 2).await;
    let works = t.sends().await;
    let [first] = works.as_slice() else {
        holds!(t, false, "one can be sent, not {}", works.len());
        return;
    };
    t.advance(secs(3_600));
    t.send_nothing("the lease of the first has just ended").await;
    t.advance(secs(30));
    let late = t
        .settle(Settlement::Dispatched {
            item: first.item.id,
            fence: first.fence,
            answer: Dispatched::default(),
        })
        .await;
    same!(t, late.fenced, [first.item.id], "the outcome is too late");
    t.advance(secs(59));
    t.send_nothing("the first ended 59 s ago").await;
    t.advance(secs(1));
    same!(t, t.sends().await.len(), 1, "the second");
    t.finish().await;
}

/// Never more than `per_hour` attempts start in any 3,600 seconds, over many hours, beside the other bounds.
pub async fn no_hour_has_more_than_its_budget(journal: &dyn Journal) {
    let mut t = Trial::new("no_hour_has_more_than_its_budget", journal);
    t.budgets.default = Budget::unbounded()
        .with_per_minute(9)
        .with_per_hour(25)
        .with_min_interval(secs(2));
    fill(&mut t, 110).await;
    let starts = send_all(&mut t, Duration::from_millis(1_500)).await;
    holds!(t, starts.len() >= 110, "all were sent");
    same!(t, fullest(&starts, secs(3_600)), 25, "the fullest hour");
    holds!(
        t,
        fullest(&starts, secs(60)) <= 9,
        "the fullest minute has {}",
        fullest(&starts, secs(60))
    );
    let span = starts
        .last()
        .map(|last| last.since(starts[0]))
        .unwrap_or_default();
    let bound = secs(3_600 * (starts.len() as u64 / 25 + 1));
    holds!(
        t,
        span <= bound,
        "{} attempts took {span:?}: the budget was not used",
        starts.len()
    );
    t.finish().await;
}

/// From the end of one request to the start of the next at least `min_interval` passes, and not more while work waits.
pub async fn requests_keep_their_distance(journal: &dyn Journal) {
    let mut t = Trial::new("requests_keep_their_distance", journal);
    t.budgets.default = Budget::unbounded().with_min_interval(Duration::from_millis(1_000));
    fill(&mut t, 10).await;
    let starts = send_all(&mut t, Duration::from_millis(400)).await;
    let gaps: Vec<_> = starts.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    holds!(
        t,
        gaps.iter().all(|gap| *gap == Duration::from_millis(1_400)),
        "from start to start: {gaps:?}"
    );
    t.finish().await;
}

/// No more than `max_in_flight` requests of a principal are under way at once; a lost one counts until its lease ends.
pub async fn no_more_than_so_many_are_under_way(journal: &dyn Journal) {
    let mut t = Trial::new("no_more_than_so_many_are_under_way", journal);
    t.budgets.default = Budget::unbounded().with_max_in_flight(3);
    fill(&mut t, 10).await;
    let works = t.sends().await;
    same!(t, works.len(), 3, "three at once");
    t.send_nothing("three are under way").await;
    t.dispatched(&works[0]).await;
    same!(t, t.sends().await.len(), 1, "one more for the one that ended");
    t.fail(&works[1], Advice::NotSent).await;
    same!(t, t.sends().await.len(), 1, "one more for the one that ended");
    t.advance(t.lease);
    same!(t, t.sends().await.len(), 3, "the rest were lost");
    t.finish().await;
}

/// Each principal has its own budget, by name or the common one.
pub async fn each_principal_has_its_budget(journal: &dyn Journal) {
    let mut t = Trial::new("each_principal_has_its_budget", journal);
    t.budgets.default = Budget::unbounded().with_max_in_flight(0).with_per_minute(2);
    t.budgets.of.insert(
        "rich".to_owned(),
        Budget::unbounded().with_max_in_flight(0).with_per_minute(4),
    );
    for identity in ["poor", "rich", "other"] {
        for n in 0..6 {
            let arrival = Arrival::new(&format!("{identity} {n}"), "1").with_identity(identity);
            // Both targets of a principal spend the same budget.
            t.arrive(&arrival.with_repository(&format!("octo/r{}", n % 2)))
                .await;
        }
    }
    t.open().await;
    for _ in 0..2 {
        let works = t.sends().await;
        for (identity, expect) in [("poor", 2), ("rich", 4), ("other", 2)] {
            let n = works
                .iter()
                .filter(|work| work.item.principal == identity)
                .count();
            same!(t, n, expect, "requests of {identity} in a minute");
        }
        for work in works {
            t.dispatched(&work).await;
        }
        t.advance(secs(59));
        let left = t.sends().await;
        same!(t, left.len(), 0, "the minute is not over");
        t.advance(secs(1));
        if t.items()
            .await
            .iter()
            .filter(|item| item.principal == "rich" && item.verdict.is_none())
            .count()
            < 4
        {
            break;
        }
    }
    t.finish().await;
}
