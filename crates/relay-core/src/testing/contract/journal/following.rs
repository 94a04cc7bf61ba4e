//! **Here**: clauses on looks for runs that fail or are lost, on their pace, and on what must not suffer from them.
//! **Not here**: what looks find (`tracking`).
//! **Reads**: `trial`, `tracks`.
//! **Source**: DESIGN section 7.
#![expect(
    clippy::panic,
    reason = "a clause that does not hold says so by panicking, as tests do"
)]

use crate::alarm::Alert;
use crate::budget::Budget;
use crate::dispatch::{Advice, DispatchError, Scope, Sighting};
use crate::journal::item::{ItemId, Verdict};
use crate::journal::scan::{Page, ScanQuery};
use crate::journal::track::{Stage, Track};
use crate::journal::{ClaimKind, Closing, Command, Journal, Record, Settlement, Task};
use crate::testing::contract::journal::tracks::{arrival, checked, followed, running, succeeded};
use crate::testing::contract::journal::trial::{Trial, error, holds, not_seen, run, same, secs, seen};
use crate::testing::rows::Arrival;
use crate::tracker::{self, Observation};

/// The lease of a look that was lost ends, and it is looked again; what comes under an old fence changes nothing.
pub async fn a_lost_look_is_repeated(journal: &dyn Journal) {
    let mut trial = Trial::new("a_lost_look_is_repeated", journal);
    let id = trial.dispatch(&arrival("1")).await;
    let lost = trial.next_look(id).await;
    trial.look_at_nothing("somebody looks already").await;
    let end = trial.now.after(trial.lease);
    trial.idle_until(end).await;
    let again = trial.next_look(id).await;
    holds!(trial, again.fence > lost.fence, "a new lease has a new fence");
    let before = (trial.tracks().await, trial.history().await.len());
    let written = trial.saw(&lost, Observation::Look(seen("6"))).await;
    same!(trial, written.fenced, [id], "the first look comes too late");
    let written = trial.saw(&again, Observation::Look(not_seen())).await;
    same!(trial, written.fenced, [], "the second does not");
    let written = trial.saw(&again, Observation::Look(seen("6"))).await;
    same!(trial, written.fenced, [id], "a look counts once");
    same!(trial, trial.history().await.len(), before.1, "nothing was told");
    trial.see(id, Observation::Look(seen("7"))).await;
    same!(
        trial,
        trial.item(id).await.verdict,
        Some(Verdict::Dispatched { run: Some(run("7")) }),
        "it is the run that was seen in time"
    );
    trial.finish().await;
}

/// A look that failed has seen nothing; it is repeated, and what it says about the identity counts.
pub async fn a_failed_look_for_a_run_is_repeated(journal: &dyn Journal) {
    let mut trial = Trial::new("a_failed_look_for_a_run_is_repeated", journal);
    let id = trial.dispatch(&arrival("1")).await;
    for advice in [Advice::NotSent, Advice::Unknown] {
        trial.see(id, Observation::Look(Err(error(advice)))).await;
        trial.expect_standing(id, "seeking").await;
    }
    // A limit closes the identity for everything.
    let until = trial.now.after(secs(300));
    trial
        .see(id, Observation::Look(Err(error(Advice::Throttled { until }))))
        .await;
    let other = trial.arrive(&arrival("2")).await;
    trial.send_nothing("the identity is closed").await;
    trial.idle_until(until).await;
    let work = trial.send(other).await;
    trial.dispatched(&work).await;
    trial.expect_standing(other, "seeking").await;
    // Who may not list runs may still send; nothing is closed by it.
    let work = trial.tracking().await.remove(0);
    same!(trial, work.item.id, id, "the first one is due");
    let no = Observation::Look(Err(error(Advice::Block(Scope::Target))));
    trial.saw(&work, no).await;
    let third = trial.arrive(&arrival("3")).await;
    let work = trial.send(third).await;
    trial.dispatched(&work).await;
    holds!(
        trial,
        trial.track(id).await.due_at >= trial.now.after(secs(600)),
        "it is asked again later"
    );
    same!(trial, trial.n_late(), 0, "nothing is late");
    trial.finish().await;
}

/// Whoever may not even ask, and does not know whether the id is shown, will never know; an identity that is gone neither.
pub async fn what_cannot_be_looked_for_is_given_up(journal: &dyn Journal) {
    let mut trial = Trial::new("what_cannot_be_looked_for_is_given_up", journal);
    let id = trial.arrive(&arrival("1")).await;
    trial.check_all(checked(None)).await;
    let work = trial.send(id).await;
    trial.dispatched(&work).await;
    trial
        .see(id, Observation::Look(Err(error(Advice::Block(Scope::Target)))))
        .await;
    trial.expect_standing(id, "untracked").await;
    let work = trial.arrive(&arrival("2")).await;
    let work = trial.send(work).await;
    trial.dispatched(&work).await;
    let id = work.item.id;
    trial.see(id, Observation::Look(Err(error(Advice::GiveUp)))).await;
    trial.expect_standing(id, "untracked").await;
    same!(trial, trial.alerts, [], "it is no alarm");
    trial.ended().await;
    trial.finish().await;
}

/// What is late is late, whatever the reason: a run of which the end cannot be asked for is an alarm too.
pub async fn failing_looks_are_late_as_well(journal: &dyn Journal) {
    let mut trial = Trial::new("failing_looks_are_late_as_well", journal);
    let id = trial.dispatch(&arrival("1")).await;
    let deadline = trial.now.after(secs(600));
    while trial.now < deadline {
        trial
            .see(id, Observation::Look(Err(error(Advice::NotSent))))
            .await;
    }
    same!(trial, trial.n_late(), 1, "it is an alarm");
    let why = trial.track(id).await.note.unwrap_or_default();
    holds!(trial, why.contains("looking failed"), "which says so: {why}");
    trial.finish().await;
}

/// However much is followed, few looks are under way at once, and no identity spends more on them than its pace.
pub async fn looks_for_runs_keep_their_pace(journal: &dyn Journal) {
    let mut trial = Trial::new("looks_for_runs_keep_their_pace", journal);
    let mut ids = Vec::new();
    for n in 0..30 {
        let arrival = Arrival::new(&format!("m{n}"), "1").with_policy(followed);
        ids.push(trial.arrive(&arrival).await);
    }
    trial.open().await;
    for work in trial.sends().await {
        trial.dispatched(&work).await;
    }
    let start = trial.now;
    trial.advance(secs(60));
    let held = trial.tracking().await;
    same!(
        trial,
        held.len(),
        tracker::AT_ONCE,
        "so many are looked for at once"
    );
    trial.look_at_nothing("enough looks are under way").await;
    let first: Vec<_> = held.iter().map(|work| work.item.id).collect();
    same!(
        trial,
        first,
        ids.get(..tracker::AT_ONCE).unwrap_or_default(),
        "whoever has waited longest comes first"
    );
    for work in &held {
        trial.saw(work, Observation::Look(seen("7"))).await;
    }
    let mut n = held.len();
    let mut at = trial.now;
    while n < ids.len() {
        let work = trial.tracking().await;
        if work.is_empty() {
            let Some(due) = trial.idle().await else {
                panic!("clause {} is broken: {n} of 30 were looked for", trial.clause)
            };
            trial.advance_to(due);
            continue;
        }
        for work in work {
            n += usize::from(work.track.stage == Stage::Seeking);
            let seen = match work.track.stage {
                Stage::Seeking => Observation::Look(seen("7")),
                _ => running(),
            };
            trial.saw(&work, seen).await;
        }
        at = trial.now;
    }
    let together = usize::try_from(tracker::TOGETHER).unwrap_or(usize::MAX);
    let least = tracker::BETWEEN_LOOKS.saturating_mul(u32::try_from(ids.len() - together).unwrap_or(0));
    holds!(
        trial,
        at >= start.after(secs(60)).after(least),
        "{} looks took only until {at}",
        ids.len()
    );
    // Another identity has a pace of its own.
    let other = Arrival::new("other", "1")
        .with_identity("other")
        .with_policy(followed);
    let other = trial.arrive(&other).await;
    trial.open().await;
    let work = trial.send(other).await;
    trial.dispatched(&work).await;
    trial.finish().await;
}

/// Following spends no budget of sends and holds no lane: the next version goes out at once.
pub async fn following_delays_no_send(journal: &dyn Journal) {
    let mut trial = Trial::new("following_delays_no_send", journal);
    trial.budgets.default = Budget::unbounded().with_max_in_flight(1);
    for version in ["1", "2", "3"] {
        let id = trial.dispatch(&arrival(version)).await;
        trial.expect_standing(id, "seeking").await;
    }
    trial.advance(secs(30));
    let held = trial.tracking().await;
    same!(trial, held.len(), 3, "all three are looked for");
    let id = trial.arrive(&arrival("4")).await;
    let work = trial.send(id).await;
    trial.dispatched(&work).await;
    trial.finish().await;
}

/// What a person paused is followed; what is blocked is followed once it is open again, for which it is checked though nothing
/// waits to be sent there.
pub async fn a_blocked_target_is_followed_once_it_is_open(journal: &dyn Journal) {
    let mut trial = Trial::new("a_blocked_target_is_followed_once_it_is_open", journal);
    let id = trial.dispatch(&arrival("1")).await;
    let what = Closing::Target {
        identity: "default".to_owned(),
        repository: "octo/app".to_owned(),
    };
    for what in [what, Closing::Journal] {
        let why = "a freeze".to_owned();
        holds!(
            trial,
            trial.command(Command::Pause { what, why }).await.is_ok(),
            "it can be paused"
        );
    }
    trial.look_in_vain(id).await;
    trial
        .see(id, Observation::Look(Err(error(Advice::Block(Scope::Principal)))))
        .await;
    let due = trial.track(id).await.due_at;
    trial.advance_to(due);
    trial.look_at_nothing("the identity is blocked").await;
    trial.advance(secs(600));
    let looks = trial.looks().await;
    let [Task::Check(target)] = looks.as_slice() else {
        panic!(
            "clause {} is broken: it is to be checked, not {looks:?}",
            trial.clause
        )
    };
    let (target, result) = (target.key.clone(), checked(Some(true)));
    trial.record(Record::Checked { target, result }).await;
    same!(
        trial,
        trial.n_alerts(|alert| matches!(alert, Alert::Unblocked { .. })),
        1,
        "it is open again"
    );
    trial.see(id, Observation::Look(seen("7"))).await;
    trial.expect_standing(id, "following").await;
    trial.finish().await;
}

/// A clock that jumps back takes deadlines and due times with it: nothing is late that was not.
pub async fn a_clock_that_jumps_back_takes_deadlines_with_it(journal: &dyn Journal) {
    let mut trial = Trial::new("a_clock_that_jumps_back_takes_deadlines_with_it", journal);
    let id = trial.dispatch(&arrival("1")).await;
    let before = trial.track(id).await;
    trial.jump_back(secs(7_200));
    trial.looks().await;
    let after = trial.track(id).await;
    let left = |track: &Track| (track.deadline.since(track.since), track.due_at.since(track.since));
    same!(
        trial,
        left(&after),
        left(&before),
        "as much time is left as before"
    );
    same!(
        trial,
        after.since,
        before.since.before(secs(7_200)),
        "all of it moved with the clock"
    );
    trial.look_in_vain(id).await;
    same!(trial, trial.n_late(), 0, "nothing is late");
    // Late by its own deadline, not by the one of the clock before.
    while trial.now < after.deadline {
        trial.look_in_vain(id).await;
    }
    same!(trial, trial.n_late(), 1, "late at its own deadline");
    trial.finish().await;
}

/// A run that somebody else saw is followed from then on, even while it is looked for.
pub async fn a_run_that_others_saw_is_followed(journal: &dyn Journal) {
    let mut trial = Trial::new("a_run_that_others_saw_is_followed", journal);
    let id = trial.dispatch(&arrival("1")).await;
    let work = trial.next_look(id).await;
    trial
        .settle(Settlement::RunSeen {
            item: id,
            run: run("7"),
        })
        .await;
    trial.expect_standing(id, "following").await;
    let written = trial.saw(&work, Observation::Look(not_seen())).await;
    same!(
        trial,
        written.fenced,
        [id],
        "what the look found does not matter any more"
    );
    trial.see(id, succeeded()).await;
    // Seen once more, it changes nothing of what is over.
    trial
        .settle(Settlement::RunSeen {
            item: id,
            run: run("7"),
        })
        .await;
    trial.expect_standing(id, "succeeded").await;
    trial.ended().await;
    trial.finish().await;
}

/// Tracks are read in pages, and the claim that has no room gives none.
pub async fn tracks_come_in_pages(journal: &dyn Journal) {
    let mut trial = Trial::new("tracks_come_in_pages", journal);
    let mut ids = Vec::new();
    for version in ["1", "2", "3"] {
        ids.push(trial.dispatch(&arrival(version)).await);
    }
    let mut found = Vec::new();
    let mut after = ItemId(0);
    loop {
        let query = ScanQuery::Tracks {
            after,
            standing: Some("seeking".to_owned()),
            limit: 2,
        };
        let Ok(Page::Tracks(page)) = trial.journal.scan(query).await else {
            panic!("clause {} is broken: tracks can be read", trial.clause)
        };
        let Some(last) = page.last() else { break };
        after = last.item;
        found.extend(page.into_iter().map(|track| track.item));
    }
    same!(trial, found, ids, "each is read once, in order");
    trial.advance(secs(60));
    let claimed = trial.claim(ClaimKind::Judge, 2).await;
    same!(
        trial,
        claimed.tasks.len(),
        2,
        "a claim gives at most what was asked for"
    );
    let none = trial.claim(ClaimKind::Judge, 0).await;
    same!(trial, none.tasks.len(), 0, "no room, no tracks");
    let sight: Result<Sighting, DispatchError> = not_seen();
    for task in claimed.tasks {
        let Task::Track(work) = task else {
            panic!("clause {} is broken: {task:?} is due", trial.clause)
        };
        trial.saw(&work, Observation::Look(sight.clone())).await;
    }
    trial.finish().await;
}
