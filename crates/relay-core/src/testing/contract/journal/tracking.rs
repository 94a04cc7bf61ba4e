//! **Here**: clauses on what follows a dispatch: a run seen, a run concluded, deadlines and their alarms.
//! **Not here**: looks that fail, and what must not suffer from them (`following`); which wait follows which (`tracker`).
//! **Reads**: `trial`, `tracks`.
//! **Source**: DESIGN section 7.
#![expect(
    clippy::panic,
    reason = "a clause that does not hold says so by panicking, as tests do"
)]

use crate::alarm::Alert;
use crate::dispatch::{Advice, Dispatched};
use crate::journal::item::Verdict;
use crate::journal::track::{Stage, TrackEnd};
use crate::journal::{Command, Journal, Settlement};
use crate::testing::contract::journal::tracks::{arrival, checked, running, state, succeeded};
use crate::testing::contract::journal::trial::{Trial, holds, run, same, secs, seen};
use crate::tracker::{self, Observation, TrackStep};

/// A run is looked for, seen, followed and ends; each is known afterwards, and the verdict is what it was.
pub async fn what_was_dispatched_is_followed_to_its_end(journal: &dyn Journal) {
    let mut trial = Trial::new("what_was_dispatched_is_followed_to_its_end", journal);
    let id = trial.dispatch(&arrival("1")).await;
    let dispatched_at = trial.now;
    trial.look_at_nothing("no run can be there yet").await;
    trial.look_in_vain(id).await;
    trial.expect_standing(id, "seeking").await;
    trial.see(id, Observation::Look(seen("7"))).await;
    holds!(
        trial,
        trial.now < dispatched_at.after(secs(60)),
        "a run is looked for at once, not at {}",
        trial.now
    );
    let item = trial.expect_verdict(id, "dispatched").await;
    let settled_at = item.settled_at;
    same!(
        trial,
        item.verdict,
        Some(Verdict::Dispatched { run: Some(run("7")) }),
        "the run is known"
    );
    trial.expect_standing(id, "following").await;
    let track = trial.track(id).await;
    same!(
        trial,
        track.deadline,
        trial.now.after(secs(3_600)),
        "it must end within an hour after it was seen"
    );
    for _ in 0..4 {
        let work = trial.next_look(id).await;
        same!(
            trial,
            work.track.stage,
            Stage::Following,
            "it is the run that is asked for"
        );
        trial.saw(&work, running()).await;
    }
    trial.see(id, succeeded()).await;
    trial.expect_standing(id, "succeeded").await;
    let end = trial.track(id).await.end;
    let conclusion = "success".to_owned();
    same!(
        trial,
        end,
        Some(TrackEnd::Concluded { conclusion }),
        "how it ended"
    );
    same!(
        trial,
        trial.told_words(id).await,
        ["conclude"],
        "the history says it once"
    );
    let item = trial.item(id).await;
    same!(
        trial,
        (item.verdict, item.settled_at),
        (Some(Verdict::Dispatched { run: Some(run("7")) }), settled_at),
        "the verdict is what it was"
    );
    same!(trial, trial.alerts, [], "nobody had to be told");
    trial.ended().await;
    trial.finish().await;
}

/// Where the answer names the run, it is followed and not looked for; a target that hides the relay id does not matter then.
pub async fn a_run_that_the_answer_names_is_followed_at_once(journal: &dyn Journal) {
    let mut trial = Trial::new("a_run_that_the_answer_names_is_followed_at_once", journal);
    let id = trial.arrive(&arrival("1")).await;
    trial.check_all(checked(Some(false))).await;
    let work = trial.send(id).await;
    let answer = Dispatched {
        run: Some(run("7")),
        closed_until: None,
    };
    let (item, fence) = (id, work.fence);
    trial.settle(Settlement::Dispatched { item, fence, answer }).await;
    trial.expect_standing(id, "following").await;
    trial.see(id, succeeded()).await;
    trial.expect_standing(id, "succeeded").await;
    trial.ended().await;
    trial.finish().await;
}

/// A run that settled an unknown outcome is followed.
pub async fn a_run_that_settled_an_unknown_outcome_is_followed(journal: &dyn Journal) {
    let mut trial = Trial::new("a_run_that_settled_an_unknown_outcome_is_followed", journal);
    let id = trial.arrive(&arrival("1")).await;
    trial.open().await;
    let work = trial.send(id).await;
    trial.fail(&work, Advice::Unknown).await;
    trial.look_until_decided(id, seen("7")).await;
    trial.expect_standing(id, "following").await;
    trial.see(id, succeeded()).await;
    trial.ended().await;
    trial.finish().await;
}

/// A 204 after which nothing runs: one alarm, at the deadline and not later; then slower looks for a day, and an end.
pub async fn what_is_not_seen_in_time_is_one_alarm(journal: &dyn Journal) {
    let mut trial = Trial::new("what_is_not_seen_in_time_is_one_alarm", journal);
    let id = trial.dispatch(&arrival("1")).await;
    let deadline = trial.now.after(secs(600));
    let mut n_looks = 0;
    while trial.now < deadline {
        same!(trial, trial.n_late(), 0, "nothing is late at {}", trial.now);
        trial.look_in_vain(id).await;
        n_looks += 1;
        holds!(trial, n_looks < 20, "looks grow rarer");
    }
    same!(
        trial,
        trial.now,
        deadline,
        "the look at the deadline comes at the deadline"
    );
    same!(trial, trial.n_late(), 1, "it is an alarm");
    trial.expect_standing(id, "seeking_late").await;
    let Some(Alert::RunLate { route, relay_id, why }) = trial.alerts.last().cloned() else {
        panic!("clause {} is broken: {:?}", trial.clause, trial.alerts)
    };
    let item = trial.item(id).await;
    same!(trial, route, item.route, "the alarm names the route");
    same!(
        trial,
        relay_id,
        item.relay_id.as_str(),
        "the alarm names the relay id"
    );
    holds!(trial, why.contains("10 min"), "the alarm says how long: {why}");
    same!(
        trial,
        trial.told(id).await,
        [TrackStep::Late { why }],
        "the history says it as well"
    );
    let mut n_slow = 0;
    let mut at = trial.now;
    while trial.track(id).await.end.is_none() {
        trial.look_in_vain(id).await;
        holds!(trial, trial.now.since(at) >= secs(600), "looks are slower now");
        at = trial.now;
        n_slow += 1;
        holds!(trial, n_slow < 100, "it ends");
    }
    holds!(
        trial,
        trial.now >= deadline.after(tracker::SEEK_ON_FOR),
        "it was looked for a day longer, not until {}",
        trial.now
    );
    same!(trial, trial.n_late(), 1, "it was one alarm");
    trial.expect_standing(id, "stopped").await;
    same!(
        trial,
        trial.told_words(id).await,
        ["late", "stop"],
        "the history says that nobody looks any more"
    );
    same!(
        trial,
        trial.item(id).await.verdict,
        Some(Verdict::Dispatched { run: None }),
        "the verdict is what it was"
    );
    trial.ended().await;
    trial.finish().await;
}

/// What is seen after it was late is followed; its end may be late again.
pub async fn each_step_is_late_once(journal: &dyn Journal) {
    let mut trial = Trial::new("each_step_is_late_once", journal);
    let id = trial.dispatch(&arrival("1")).await;
    while trial.n_late() == 0 {
        trial.look_in_vain(id).await;
    }
    trial.look_in_vain(id).await;
    trial.see(id, Observation::Look(seen("7"))).await;
    trial.expect_standing(id, "following").await;
    let deadline = trial.now.after(secs(3_600));
    while trial.now < deadline {
        same!(trial, trial.n_late(), 1, "its end is not late at {}", trial.now);
        trial.see(id, state("waiting", None)).await;
    }
    same!(trial, trial.now, deadline, "it is late at the deadline");
    same!(trial, trial.n_late(), 2, "the second step is late as well");
    let why = trial.track(id).await.note.unwrap_or_default();
    holds!(
        trial,
        why.contains("waiting"),
        "it is said how the run stands: {why}"
    );
    let mut n = 0;
    while trial.track(id).await.end.is_none() {
        trial.see(id, state("waiting", None)).await;
        n += 1;
        holds!(trial, n < 1_000, "it ends");
    }
    holds!(
        trial,
        trial.now >= deadline.after(tracker::FOLLOW_ON_FOR),
        "it was followed as long as a run can take, not until {}",
        trial.now
    );
    same!(trial, trial.n_late(), 2, "no more alarms");
    trial.expect_standing(id, "stopped").await;
    same!(
        trial,
        trial.told_words(id).await,
        ["late", "late", "stop"],
        "told"
    );
    trial.ended().await;
    trial.finish().await;
}

/// A run that ended otherwise than well is an alarm; one that wants an action has not ended.
pub async fn a_run_that_failed_is_an_alarm(journal: &dyn Journal) {
    let mut trial = Trial::new("a_run_that_failed_is_an_alarm", journal);
    let ends = [
        ("success", false),
        ("neutral", false),
        ("failure", true),
        ("cancelled", true),
        ("skipped", true),
        ("timed_out", true),
        ("startup_failure", true),
        ("stale", true),
        ("a_word_of_next_year", true),
    ];
    for (n, (word, alarms)) in ends.into_iter().enumerate() {
        let before = trial.n_failed();
        let id = trial.dispatch(&arrival(&(n + 1).to_string())).await;
        trial.see(id, Observation::Look(seen("7"))).await;
        trial.see(id, state("completed", Some("action_required"))).await;
        trial.see(id, state("in_progress", Some(word))).await;
        trial.expect_standing(id, "following").await;
        trial.see(id, state("completed", Some(word))).await;
        trial
            .expect_standing(id, if alarms { "failed" } else { "succeeded" })
            .await;
        same!(trial, trial.n_failed() - before, usize::from(alarms), "{word}");
        let Some(TrackStep::Conclude { run: of, conclusion }) = trial.told(id).await.pop() else {
            panic!("clause {} is broken: {word} is told", trial.clause)
        };
        same!(
            trial,
            (of, conclusion.as_str()),
            (run("7"), word),
            "which run, and how"
        );
    }
    same!(trial, trial.n_late(), 0, "nothing was late");
    trial.ended().await;
    trial.finish().await;
}

/// Where runs are known not to show the relay id nothing is looked for in vain: the history says so, once.
pub async fn what_hides_the_relay_id_is_not_looked_for(journal: &dyn Journal) {
    let mut trial = Trial::new("what_hides_the_relay_id_is_not_looked_for", journal);
    let id = trial.arrive(&arrival("1")).await;
    trial.check_all(checked(Some(false))).await;
    let work = trial.send(id).await;
    trial.dispatched(&work).await;
    trial.expect_standing(id, "untracked").await;
    let told = trial.told(id).await;
    let [TrackStep::GiveUp { why }] = told.as_slice() else {
        panic!("clause {} is broken: {told:?}", trial.clause)
    };
    holds!(
        trial,
        why.contains("does not show the relay id"),
        "the history says why: {why}"
    );
    trial.ended().await;
    same!(
        trial,
        trial.alerts,
        [],
        "what a check has said already is no alarm"
    );
    // A run that is seen there all the same makes it known to show the id.
    trial
        .settle(Settlement::RunSeen {
            item: id,
            run: run("7"),
        })
        .await;
    let id = trial.dispatch(&arrival("2")).await;
    trial.expect_standing(id, "seeking").await;
    trial.finish().await;
}

/// Where nobody knows whether the id is shown, a run is looked for, but its absence is no alarm.
pub async fn where_nobody_knows_absence_is_no_alarm(journal: &dyn Journal) {
    let mut trial = Trial::new("where_nobody_knows_absence_is_no_alarm", journal);
    let id = trial.arrive(&arrival("1")).await;
    trial.check_all(checked(None)).await;
    let work = trial.send(id).await;
    trial.dispatched(&work).await;
    let deadline = trial.now.after(secs(600));
    while trial.now < deadline {
        trial.expect_standing(id, "seeking").await;
        trial.look_in_vain(id).await;
    }
    trial.expect_standing(id, "untracked").await;
    same!(
        trial,
        trial.told_words(id).await,
        ["give_up"],
        "the history says so"
    );
    same!(trial, trial.alerts, [], "it is no alarm");
    trial.ended().await;
    trial.finish().await;
}

/// A route need not want to know, or only whether a run was seen.
pub async fn a_route_says_what_is_followed(journal: &dyn Journal) {
    let mut trial = Trial::new("a_route_says_what_is_followed", journal);
    let nothing = trial
        .dispatch(&arrival("1").with_policy(|policy| policy.run_seen_within = None))
        .await;
    same!(trial, trial.tracks().await, [], "nothing is followed");
    same!(
        trial,
        trial.told_words(nothing).await,
        Vec::<&str>::new(),
        "nothing is told"
    );
    let seen_only = trial
        .dispatch(&arrival("2").with_policy(|policy| policy.run_concluded_within = None))
        .await;
    trial.see(seen_only, Observation::Look(seen("7"))).await;
    trial.expect_standing(seen_only, "seen").await;
    trial.ended().await;
    trial.finish().await;
}

/// A replay is followed on its own; what was followed before goes on.
pub async fn a_replay_is_followed_on_its_own(journal: &dyn Journal) {
    let mut trial = Trial::new("a_replay_is_followed_on_its_own", journal);
    let first = trial.dispatch(&arrival("1")).await;
    trial.see(first, Observation::Look(seen("6"))).await;
    let replay = Command::Replay {
        item: first,
        allow_older: false,
    };
    let made = match trial.command(replay).await {
        Ok(written) => written.made,
        Err(error) => panic!("clause {} is broken: {error}", trial.clause),
    };
    let [second] = made.as_slice() else {
        panic!("clause {} is broken: {made:?}", trial.clause)
    };
    let second = *second;
    let work = trial.send(second).await;
    trial.dispatched(&work).await;
    trial.see(second, Observation::Look(seen("7"))).await;
    trial.expect_standing(first, "following").await;
    trial.expect_standing(second, "following").await;
    let mut ends = 0;
    while ends < 2 {
        let due = trial
            .tracks()
            .await
            .into_iter()
            .filter(|track| track.end.is_none());
        let Some(due) = due.map(|track| track.due_at).min() else {
            panic!("clause {} is broken: one ended too early", trial.clause)
        };
        if due > trial.now {
            trial.advance_to(due);
        }
        for work in trial.tracking().await {
            trial.saw(&work, succeeded()).await;
            ends += 1;
        }
    }
    for id in [first, second] {
        trial.expect_standing(id, "succeeded").await;
    }
    trial.finish().await;
}
