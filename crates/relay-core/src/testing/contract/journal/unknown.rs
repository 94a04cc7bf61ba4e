//! **Here**: clauses of unknown outcomes: what each policy does, how runs are looked for, and when a request is repeated.
//! **Not here**: lost leases (`claim`), order (`lanes`).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 6, unknown outcome; section 2, at most one dispatch takes effect with probing on.

use std::time::Duration;

use crate::dispatch::{Advice, Checked, Scope};
use crate::journal::item::{ItemId, Phase, Verdict};
use crate::journal::{Journal, Settlement, Work};
use crate::retry::OnUnknown;
use crate::testing::contract::journal::trial::{Trial, error, holds, not_seen, run, same, secs, seen};
use crate::testing::rows::Arrival;

/// An item whose request was answered by nothing, at a target that is known to show the relay id, or is not.
async fn in_doubt(t: &mut Trial<'_>, model: &str, shows_relay_id: bool) -> (ItemId, Work) {
    let repository = if shows_relay_id {
        "octo/shows"
    } else {
        "octo/silent"
    };
    let item = t
        .arrive(&Arrival::new(model, "1").with_repository(repository))
        .await;
    t.check_all(Ok(Checked {
        shows_relay_id: Some(shows_relay_id),
        remarks: Vec::new(),
    }))
    .await;
    let work = t.send(item).await;
    t.fail(&work, Advice::Unknown).await;
    t.expect_phase(item, Phase::Probing).await;
    (item, work)
}

/// After an unknown outcome each policy does what it is called: look for the run, send again with the same id, park.
pub async fn unknown_follows_the_policy(journal: &dyn Journal) {
    let mut t = Trial::new("unknown_follows_the_policy", journal);
    for unknown in [OnUnknown::Probe, OnUnknown::Resend, OnUnknown::Park] {
        let arrival =
            Arrival::new(&format!("{unknown:?}"), "1").with_policy(|policy| policy.unknown = unknown);
        let item = t.arrive(&arrival).await;
        t.open().await;
        let work = t.send(item).await;
        t.fail(&work, Advice::Unknown).await;
        match unknown {
            OnUnknown::Probe => {
                t.expect_phase(item, Phase::Probing).await;
                let due = t.item(item).await.due_at;
                t.advance_to(due);
                let look = t.probe(item).await;
                t.looked(&look, seen("1")).await;
            }
            OnUnknown::Resend => {
                let row = t.expect_phase(item, Phase::Waiting).await;
                t.advance_to(row.due_at.max(t.now));
                let again = t.send(item).await;
                same!(t, again.item.relay_id, work.item.relay_id, "the same id");
                t.dispatched(&again).await;
            }
            OnUnknown::Park => {
                t.expect_verdict(item, "parked").await;
                same!(t, t.n_parked_alerts(), 1, "with an alarm");
            }
        }
    }
    t.finish().await;
}

/// Each look is a stored due time: several within the window, none before it is due, and one when the window ends.
pub async fn looks_come_when_they_are_due(journal: &dyn Journal) {
    let mut t = Trial::new("looks_come_when_they_are_due", journal);
    let (item, _) = in_doubt(&mut t, "m", false).await;
    let start = t.now;
    let first = t.item(item).await.due_at;
    holds!(
        t,
        first > start && first <= start.after(secs(60)),
        "the first look comes within a minute"
    );
    t.idle_until(first).await;
    let moments = t.look_until_decided(item, not_seen()).await;
    holds!(t, moments.len() >= 5, "several looks, not {}", moments.len());
    holds!(t, moments.is_sorted(), "one after the other");
    same!(
        t,
        moments.last().map(|last| last.since(start)),
        Some(secs(600)),
        "the last when the window ends"
    );
    t.finish().await;
}

/// The window is the route's.
pub async fn the_probe_window_is_the_routes(journal: &dyn Journal) {
    let mut t = Trial::new("the_probe_window_is_the_routes", journal);
    for window in [1, 45, 7_200] {
        let arrival =
            Arrival::new(&format!("m{window}"), "1").with_policy(|policy| policy.probe_window = secs(window));
        let item = t.arrive(&arrival).await;
        t.open().await;
        let work = t.send(item).await;
        t.fail(&work, Advice::Unknown).await;
        let start = t.now;
        let moments = t.look_until_decided(item, not_seen()).await;
        let last = moments.last().map(|last| last.since(start)).unwrap_or_default();
        holds!(
            t,
            last >= secs(window) && last <= secs(window + 10),
            "with a window of {window} s the last look came after {last:?}"
        );
        let again = t.send(item).await;
        t.dispatched(&again).await;
    }
    t.finish().await;
}

/// A run that shows the id means dispatched, with that run, at whatever look; the target is known to show ids from then on.
pub async fn a_run_that_is_seen_means_dispatched(journal: &dyn Journal) {
    let mut t = Trial::new("a_run_that_is_seen_means_dispatched", journal);
    let (item, _) = in_doubt(&mut t, "m", false).await;
    for _ in 0..3 {
        t.advance_to(t.item(item).await.due_at);
        let look = t.probe(item).await;
        t.looked(&look, not_seen()).await;
    }
    t.advance_to(t.item(item).await.due_at);
    let look = t.probe(item).await;
    t.looked(&look, seen("4711")).await;
    same!(
        t,
        t.item(item).await.verdict,
        Some(Verdict::Dispatched {
            run: Some(run("4711"))
        }),
        "dispatched, with its run"
    );
    let shows = t
        .overview()
        .await
        .targets
        .into_iter()
        .any(|target| target.repository == "octo/silent" && target.shows_relay_id);
    holds!(t, shows, "the target is known to show the id");
    t.advance(secs(3_600));
    same!(t, t.idle().await, None, "it is done");
    t.finish().await;
}

/// A run that was seen of one item makes the target known to show ids, so that another may be repeated there.
pub async fn a_run_seen_later_makes_the_target_known(journal: &dyn Journal) {
    let mut t = Trial::new("a_run_seen_later_makes_the_target_known", journal);
    let first = t
        .arrive(&Arrival::new("first", "1").with_repository("octo/silent"))
        .await;
    t.check_all(Ok(Checked {
        shows_relay_id: Some(false),
        remarks: Vec::new(),
    }))
    .await;
    let work = t.send(first).await;
    t.dispatched(&work).await;
    let (item, _) = in_doubt(&mut t, "m", false).await;
    t.settle(Settlement::RunSeen {
        item: first,
        run: run("1"),
    })
    .await;
    t.look_until_decided(item, not_seen()).await;
    t.send(item).await;
    t.finish().await;
}

/// A run that is not seen within the window means: once more, with the same id, and never a third time.
pub async fn what_is_not_seen_is_sent_once_more(journal: &dyn Journal) {
    let mut t = Trial::new("what_is_not_seen_is_sent_once_more", journal);
    let (item, first) = in_doubt(&mut t, "m", true).await;
    t.look_until_decided(item, not_seen()).await;
    let second = t.send(item).await;
    same!(
        t,
        (second.item.relay_id, second.item.n_attempts),
        (first.item.relay_id.clone(), 2),
        "the same id"
    );
    let error = error(Advice::Unknown);
    t.record(crate::journal::Record::Failed {
        item,
        fence: second.fence,
        error,
    })
    .await;
    let moments = t.look_until_decided(item, not_seen()).await;
    holds!(t, moments.len() > 1, "the second request has a window of its own");
    t.expect_verdict(item, "parked").await;
    holds!(
        t,
        t.reason(item).await.contains("may have been dispatched"),
        "the reason: {}",
        t.reason(item).await
    );
    same!(t, t.n_parked_alerts(), 1, "with an alarm");
    t.advance(secs(48 * 3_600));
    t.send_nothing("a third request is for a person to ask for").await;
    t.finish().await;
}

/// Where the target is not known to show the id, a run that is not seen says nothing: the item parks.
pub async fn where_no_id_is_shown_nothing_is_sent_again(journal: &dyn Journal) {
    let mut t = Trial::new("where_no_id_is_shown_nothing_is_sent_again", journal);
    let (item, _) = in_doubt(&mut t, "m", false).await;
    t.look_until_decided(item, not_seen()).await;
    t.expect_verdict(item, "parked").await;
    holds!(
        t,
        t.reason(item).await.contains("may have been dispatched"),
        "the reason: {}",
        t.reason(item).await
    );
    same!(t, t.n_parked_alerts(), 1, "with an alarm");
    t.advance(secs(48 * 3_600));
    t.send_nothing("it is parked").await;
    t.finish().await;
}

/// A look that failed has not seen nothing: however long looks fail, nothing is sent again because of it.
pub async fn a_failed_look_is_not_not_seen(journal: &dyn Journal) {
    let mut t = Trial::new("a_failed_look_is_not_not_seen", journal);
    let (seen_late, _) = in_doubt(&mut t, "late", true).await;
    let start = t.now;
    for advice in [Advice::Unknown, Advice::NotSent, Advice::GiveUp]
        .into_iter()
        .cycle()
    {
        if t.now.since(start) > secs(1_800) {
            break;
        }
        t.advance_to(t.item(seen_late).await.due_at);
        let look = t.probe(seen_late).await;
        t.looked(&look, Err(error(advice))).await;
        t.expect_phase(seen_late, Phase::Probing).await;
        t.send_nothing("nobody knows").await;
    }
    t.advance_to(t.item(seen_late).await.due_at);
    let look = t.probe(seen_late).await;
    t.looked(&look, seen("1")).await;
    t.expect_verdict(seen_late, "dispatched").await;

    let (never, _) = in_doubt(&mut t, "never", true).await;
    let moments = t.look_until_decided(never, Err(error(Advice::Unknown))).await;
    t.expect_verdict(never, "parked").await;
    let span = moments
        .last()
        .and_then(|last| moments.first().map(|first| last.since(*first)))
        .unwrap_or_default();
    holds!(
        t,
        span >= secs(600),
        "it parked after {span:?} of failing looks, before the window was over"
    );
    t.finish().await;
}

/// A look that is told no, or to wait, closes what an attempt would have closed; the item stays in doubt meanwhile.
pub async fn a_look_closes_what_it_is_told(journal: &dyn Journal) {
    let mut t = Trial::new("a_look_closes_what_it_is_told", journal);
    let (item, _) = in_doubt(&mut t, "m", true).await;
    t.advance_to(t.item(item).await.due_at);
    let look = t.probe(item).await;
    let until = t.now.after(secs(2_000));
    t.looked(&look, Err(error(Advice::Throttled { until }))).await;
    let other = t
        .arrive(&Arrival::new("other", "1").with_repository("octo/shows"))
        .await;
    t.idle_until(until).await;
    let work = t.send(other).await;
    t.dispatched(&work).await;
    let look = t.probe(item).await;
    t.looked(&look, Err(error(Advice::Block(Scope::Principal)))).await;
    let again = t.now.after(crate::retry::CHECK_EVERY);
    t.advance_to(again.before(Duration::from_millis(1)));
    t.look_at_nothing("the principal is blocked").await;
    t.advance_to(again);
    let tasks = t.looks().await;
    let [crate::journal::Task::Check(target)] = tasks.as_slice() else {
        holds!(t, false, "a check comes before looks: {tasks:?}");
        return;
    };
    let result = Ok(Checked {
        shows_relay_id: Some(true),
        remarks: Vec::new(),
    });
    t.record(crate::journal::Record::Checked {
        target: target.key.clone(),
        result,
    })
    .await;
    t.advance_to(t.item(item).await.due_at.max(t.now));
    let look = t.probe(item).await;
    t.looked(&look, seen("1")).await;
    t.expect_verdict(item, "dispatched").await;
    t.finish().await;
}

/// When a newer version waits in a lane of the latest, what is not seen is superseded instead of sent again.
pub async fn what_is_not_seen_gives_way_to_a_newer_version(journal: &dyn Journal) {
    let mut t = Trial::new("what_is_not_seen_gives_way_to_a_newer_version", journal);
    let (v1, _) = in_doubt(&mut t, "m", true).await;
    let v2 = t
        .arrive(&Arrival::new("m", "2").with_repository("octo/shows"))
        .await;
    t.expect_phase(v1, Phase::Probing).await;
    t.send_nothing("the item in doubt keeps its lane").await;
    t.look_until_decided(v1, not_seen()).await;
    t.expect_verdict(v1, "superseded").await;
    let work = t.send(v2).await;
    t.dispatched(&work).await;
    t.finish().await;
}

/// A run of the older version that is seen after all settles it as dispatched, and the newer one follows.
pub async fn what_is_seen_is_followed_by_the_newer_version(journal: &dyn Journal) {
    let mut t = Trial::new("what_is_seen_is_followed_by_the_newer_version", journal);
    let (v1, _) = in_doubt(&mut t, "m", true).await;
    let v2 = t
        .arrive(&Arrival::new("m", "2").with_repository("octo/shows"))
        .await;
    t.advance_to(t.item(v1).await.due_at);
    let look = t.probe(v1).await;
    t.looked(&look, seen("1")).await;
    t.expect_verdict(v1, "dispatched").await;
    t.send(v2).await;
    t.finish().await;
}
