//! **Here**: clauses on what follows a dispatch: a run seen, a run concluded, deadlines and their alarms.
//! **Not here**: which interval follows which (`tracker`), looks themselves (`worker`).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 7.
#![expect(
    clippy::panic,
    reason = "a clause that does not hold says so by panicking, as tests do"
)]

use std::time::Duration;

use crate::alarm::Alert;
use crate::budget::Budget;
use crate::dispatch::{Advice, Checked, DispatchError, Dispatched, RunState, Scope, Sighting};
use crate::journal::item::{ItemId, Policy, Verdict};
use crate::journal::scan::{Entry, Page, ScanQuery};
use crate::journal::track::{Stage, Track, TrackEnd};
use crate::journal::{ClaimKind, Closing, Command, Journal, Record, Settlement, Task, Tracking, Written};
use crate::testing::contract::journal::trial::{Trial, error, holds, not_seen, run, same, secs, seen};
use crate::testing::rows::Arrival;
use crate::tracker::{self, Observation, TrackStep};

/// Seen within ten minutes, concluded within an hour.
fn followed(policy: &mut Policy) {
    policy.run_seen_within = Some(secs(600));
    policy.run_concluded_within = Some(secs(3_600));
}

fn arrival(version: &str) -> Arrival {
    Arrival::new("m", version).with_policy(followed)
}

fn state(status: &str, conclusion: Option<&str>) -> Observation {
    Observation::Run(Ok(RunState {
        run: run("7"),
        status: Some(status.to_owned()),
        conclusion: conclusion.map(str::to_owned),
    }))
}

fn running() -> Observation {
    state("in_progress", None)
}

fn succeeded() -> Observation {
    state("completed", Some("success"))
}

fn checked(shows_relay_id: Option<bool>) -> Result<Checked, DispatchError> {
    Ok(Checked {
        shows_relay_id,
        remarks: Vec::new(),
    })
}

impl Trial<'_> {
    /// An item that was dispatched just now, without a run in the answer.
    async fn dispatch(&mut self, arrival: &Arrival) -> ItemId {
        let id = self.arrive(arrival).await;
        self.open().await;
        let work = self.send(id).await;
        self.dispatched(&work).await;
        id
    }

    async fn tracks(&self) -> Vec<Track> {
        let query = ScanQuery::Tracks {
            after: ItemId(0),
            standing: None,
            limit: 1_000,
        };
        match self.journal.scan(query).await {
            Ok(Page::Tracks(tracks)) => tracks,
            other => panic!("clause {} is broken: a scan for tracks gave {other:?}", self.clause),
        }
    }

    async fn track(&self, id: ItemId) -> Track {
        let tracks = self.tracks().await;
        match tracks.into_iter().find(|track| track.item == id) {
            Some(track) => track,
            None => panic!("clause {} is broken: item {} is not followed", self.clause, id.0),
        }
    }

    async fn expect_standing(&self, id: ItemId, word: &str) {
        let track = self.track(id).await;
        same!(self, track.standing(), word, "how it stands: {track:?}");
        let query = ScanQuery::Tracks {
            after: ItemId(id.0 - 1),
            standing: Some(word.to_owned()),
            limit: 1,
        };
        match self.journal.scan(query).await {
            Ok(Page::Tracks(found)) => same!(self, found, [track], "it is found by its word"),
            other => panic!("clause {} is broken: a scan for {word} gave {other:?}", self.clause),
        }
        let counts = self.overview().await.tracks;
        holds!(
            self,
            counts.iter().any(|(known, n)| known == word && *n > 0),
            "{word} is counted: {counts:?}"
        );
    }

    /// What is to be followed now.
    async fn tracking(&mut self) -> Vec<Tracking> {
        let clause = self.clause;
        let only = |task| match task {
            Task::Track(work) => work,
            other => panic!("clause {clause} is broken: only tracks are due, not {other:?}"),
        };
        self.looks().await.into_iter().map(only).collect()
    }

    /// The one item that is to be followed at the moment at which it is due, which is this one.
    async fn next_look(&mut self, id: ItemId) -> Tracking {
        let due = self.track(id).await.due_at;
        if due > self.now {
            self.advance_to(due);
        }
        let mut work = self.tracking().await;
        let ids: Vec<_> = work.iter().map(|work| work.item.id).collect();
        same!(self, ids, [id], "this item is to be followed at {}", self.now);
        work.remove(0)
    }

    async fn saw(&mut self, work: &Tracking, seen: Observation) -> Written {
        let (item, fence) = (work.item.id, work.fence);
        self.record(Record::Tracked { item, fence, seen }).await
    }

    async fn see(&mut self, id: ItemId, seen: Observation) {
        let work = self.next_look(id).await;
        let written = self.saw(&work, seen).await;
        same!(self, written.fenced, [], "it came with the current fence");
    }

    async fn look_in_vain(&mut self, id: ItemId) {
        self.see(id, Observation::Look(not_seen())).await;
    }

    /// What the history tells of the track of an item.
    async fn told(&self, id: ItemId) -> Vec<TrackStep> {
        let rows = self.history_after(0, Some(id), 1_000).await;
        let steps = rows.into_iter().filter_map(|row| match row.entry {
            Entry::Tracked { step } => Some(step),
            _ => None,
        });
        steps.collect()
    }

    async fn told_words(&self, id: ItemId) -> Vec<&'static str> {
        self.told(id).await.iter().map(TrackStep::as_str).collect()
    }

    fn n_late(&self) -> usize {
        self.n_alerts(|alert| matches!(alert, Alert::RunLate { .. }))
    }

    fn n_failed(&self) -> usize {
        self.n_alerts(|alert| matches!(alert, Alert::RunFailed { .. }))
    }

    /// Nothing is ever due any more.
    async fn ended(&mut self) {
        let due = self.idle().await;
        same!(self, due, None, "nothing is due any more");
    }
}

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
        same!(trial, work.track.stage, Stage::Following, "it is the run that is asked for");
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
    same!(trial, trial.told_words(id).await, ["conclude"], "the history says it once");
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
    same!(trial, trial.now, deadline, "the look at the deadline comes at the deadline");
    same!(trial, trial.n_late(), 1, "it is an alarm");
    trial.expect_standing(id, "seeking_late").await;
    let Some(Alert::RunLate { route, relay_id, why }) = trial.alerts.last().cloned() else {
        panic!("clause {} is broken: {:?}", trial.clause, trial.alerts)
    };
    let item = trial.item(id).await;
    same!(trial, route, item.route, "the alarm names the route");
    same!(trial, relay_id, item.relay_id.as_str(), "the alarm names the relay id");
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
    holds!(trial, why.contains("waiting"), "it is said how the run stands: {why}");
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
    same!(trial, trial.told_words(id).await, ["late", "late", "stop"], "told");
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
        same!(trial, (of, conclusion.as_str()), (run("7"), word), "which run, and how");
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
    same!(trial, trial.alerts, [], "what a check has said already is no alarm");
    // A run that is seen there all the same makes it known to show the id.
    trial.settle(Settlement::RunSeen { item: id, run: run("7") }).await;
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
    same!(trial, trial.told_words(id).await, ["give_up"], "the history says so");
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
    same!(trial, trial.told_words(nothing).await, Vec::<&str>::new(), "nothing is told");
    let seen_only = trial
        .dispatch(&arrival("2").with_policy(|policy| policy.run_concluded_within = None))
        .await;
    trial.see(seen_only, Observation::Look(seen("7"))).await;
    trial.expect_standing(seen_only, "seen").await;
    trial.ended().await;
    trial.finish().await;
}

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
        trial.see(id, Observation::Look(Err(error(Advice::NotSent)))).await;
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
    same!(trial, held.len(), tracker::AT_ONCE, "so many are looked for at once");
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
    let other = Arrival::new("other", "1").with_identity("other").with_policy(followed);
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
        panic!("clause {} is broken: it is to be checked, not {looks:?}", trial.clause)
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
        let due = trial.tracks().await.into_iter().filter(|track| track.end.is_none());
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

/// A clock that jumps back takes deadlines and due times with it: nothing is late that was not.
pub async fn a_clock_that_jumps_back_takes_deadlines_with_it(journal: &dyn Journal) {
    let mut trial = Trial::new("a_clock_that_jumps_back_takes_deadlines_with_it", journal);
    let id = trial.dispatch(&arrival("1")).await;
    let before = trial.track(id).await;
    trial.jump_back(secs(7_200));
    trial.looks().await;
    let after = trial.track(id).await;
    let left = |track: &Track| (track.deadline.since(track.since), track.due_at.since(track.since));
    same!(trial, left(&after), left(&before), "as much time is left as before");
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
    trial.settle(Settlement::RunSeen { item: id, run: run("7") }).await;
    trial.expect_standing(id, "following").await;
    let written = trial.saw(&work, Observation::Look(not_seen())).await;
    same!(trial, written.fenced, [id], "what the look found does not matter any more");
    trial.see(id, succeeded()).await;
    // Seen once more, it changes nothing of what is over.
    trial.settle(Settlement::RunSeen { item: id, run: run("7") }).await;
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
    same!(trial, claimed.tasks.len(), 2, "a claim gives at most what was asked for");
    let none = trial.claim(ClaimKind::Judge, 0).await;
    same!(trial, none.tasks.len(), 0, "no room, no tracks");
    let sight: Result<Sighting, DispatchError> = not_seen();
    for task in claimed.tasks {
        let Task::Track(work) = task else {
            panic!("clause {} is broken: {task:?} is due", trial.clause)
        };
        trial.saw(&work, Observation::Look(sight.clone())).await;
    }
    trial.advance(Duration::ZERO);
    trial.finish().await;
}
