//! **Here**: what follows a dispatch, from the delivery to the end of the run: the told history, the alarms, restarts.
//! **Not here**: clauses of the journal (`relay_core::testing::contract`), which wait follows which (`tracker`).
//! **Reads**: `rig` for the relay and its doubles, `support` for a worker that stops.
//! **Source**: DESIGN section 7; STYLE section 8, flow and crash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use relay_core::alarm::Alert;
use relay_core::budget::Budget;
use relay_core::clock::Timestamp;
use relay_core::dispatch::{Advice, Checked, Dispatched, RunState, Scope, Sighting};
use relay_core::journal::item::{ItemId, Verdict};
use relay_core::journal::scan::{Entry, Page, ScanQuery};
use relay_core::journal::track::Track;
use relay_core::journal::{
    AcceptBatch, Budgets, Command, Journal, JournalAdmin as _, JournalError, MemoryJournal,
};
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::testing::contract::journal::history_makes_items;
use relay_core::testing::doubles::Asked;
use relay_core::testing::faults::{Cut, FaultPlan, FaultyJournal};
use relay_core::testing::rows::Arrival;
use relay_core::tracker::TrackStep;
use serde_json::json;

use crate::rig::{Rig, after, error, run, told};
use crate::support::{Conduct, Destination, START, Worker, items};

/// A route that sets nothing: what it sends is followed.
fn followed() -> RouteConfig {
    RouteConfig::new("deploy", "contoso/deploy")
}

fn rig() -> Rig {
    Rig::with(MemoryJournal::new(), [followed()])
}

fn state(status: &str, conclusion: Option<&str>) -> RunState {
    RunState {
        run: run("42"),
        status: Some(status.to_owned()),
        conclusion: conclusion.map(str::to_owned),
    }
}

/// The lines that come after the dispatch.
async fn told_after_dispatch(rig: &Rig) -> Vec<String> {
    let lines: Vec<_> = rig.history().await.iter().map(told).collect();
    let dispatch = lines.iter().position(|line| line.contains(" dispatch")).unwrap();
    lines[dispatch + 1..].to_vec()
}

fn probes(rig: &Rig) -> usize {
    let asked = rig.github.asked();
    asked
        .iter()
        .filter(|asked| matches!(asked, Asked::Probe { .. }))
        .count()
}

async fn standings(journal: &dyn Journal) -> BTreeMap<ItemId, (&'static str, Track)> {
    let query = ScanQuery::Tracks {
        after: ItemId(0),
        standing: None,
        limit: 1_000,
    };
    let Ok(Page::Tracks(tracks)) = journal.scan(query).await else {
        panic!("the tracks can be read")
    };
    tracks
        .into_iter()
        .map(|track| (track.item, (track.standing(), track)))
        .collect()
}

#[tokio::test]
async fn ok_the_history_of_a_version_reads_like_a_story() {
    let rig = rig();
    rig.github.then_probe(Ok(Sighting::NotSeen));
    rig.github.then_probe(Ok(Sighting::Seen(run("42"))));
    rig.github.then_run(Ok(state("queued", None)));
    rig.github.then_run(Ok(state("in_progress", None)));
    rig.github.then_run(Ok(state("completed", Some("success"))));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    rig.assert_told(&[
        "0 event 1 accepted",
        "0 item 1 began deploy version 7 generation 1",
        "0 checked: shows the relay id",
        "0 item 1 send",
        "0 item 1 dispatch",
        "15 item 1 see_run run 42",
        "120 item 1 run 42 concluded: success",
    ])
    .await;
    assert_eq!(rig.alarm.take(), []);
    let asked = rig.github.asked();
    let since = asked.iter().find_map(|asked| match asked {
        Asked::Probe { since, relay_id, .. } => {
            assert_eq!(*relay_id, rig.github.requests()[0].relay_id);
            Some(*since)
        }
        _ => None,
    });
    assert_eq!(since, Some(START.before(Duration::from_secs(300))));
    let runs = asked
        .iter()
        .filter(|asked| matches!(asked, Asked::Run { run: of, .. } if *of == run("42")));
    assert_eq!(runs.count(), 3);
}

#[tokio::test]
async fn ok_a_204_after_which_nothing_runs_is_one_alarm() {
    let rig = rig();
    rig.github.always_probe(Ok(Sighting::NotSeen));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    let late = "it was accepted, and its run was not seen within 10 min: no run shows the relay id";
    assert_eq!(
        told_after_dispatch(&rig).await,
        [
            format!("600 item 1 late: {late}"),
            "87000 item 1 no longer looked for: it was late for 24 h: no run shows the relay id".to_owned(),
        ]
    );
    let alerts = rig.alarm.take();
    let relay_id = rig.github.requests()[0].relay_id.to_string();
    let expect = Alert::RunLate {
        route: "deploy".to_owned(),
        relay_id,
        why: late.to_owned(),
    };
    assert_eq!(alerts, [expect]);
    assert_eq!(rig.github.requests().len(), 1, "nothing is sent again for it");
    let verdict = rig.items().await[0].verdict.clone();
    assert_eq!(verdict, Some(Verdict::Dispatched { run: None }));
    assert!(probes(&rig) < 45, "{} looks", probes(&rig));
    // Later looks list from earlier: clocks may differ by more than was thought.
    let sinces = rig.github.asked().into_iter().filter_map(|asked| match asked {
        Asked::Probe { since, .. } => Some(since),
        _ => None,
    });
    assert!(sinces.min().unwrap() <= START.before(Duration::from_secs(3_600)));
}

#[tokio::test]
async fn ok_a_run_that_failed_is_an_alarm() {
    let rig = rig();
    rig.github.then_run(Ok(state("completed", Some("failure"))));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    assert_eq!(
        told_after_dispatch(&rig).await,
        ["5 item 1 see_run run 1", "20 item 1 run 42 concluded: failure"]
    );
    let alerts = rig.alarm.take();
    let [
        Alert::RunFailed {
            route,
            run,
            conclusion,
            ..
        },
    ] = alerts.as_slice()
    else {
        panic!("{alerts:?}")
    };
    assert_eq!(
        (route.as_str(), run.as_str(), conclusion.as_str()),
        ("deploy", "42", "failure")
    );
    assert_eq!(json!(alerts[0])["alarm"], "run_failed");
}

#[tokio::test]
async fn ok_a_run_that_does_not_end_is_one_alarm() {
    let rig = rig();
    for _ in 0..10_000 {
        rig.github.then_run(Ok(state("waiting", None)));
    }
    rig.release("1", "credit-risk", "7").await;
    for _ in 0..2_000 {
        let Some(due) = rig.relay.run_due().await.unwrap().next_due else {
            break;
        };
        rig.clock.set(due);
    }
    assert_eq!(
        told_after_dispatch(&rig).await,
        [
            "5 item 1 see_run run 1".to_owned(),
            "21605 item 1 late: its run has not concluded within 6 h: the run is waiting".to_owned(),
            // 35 days after it was late.
            "3045605 item 1 no longer looked for: it was late for 35 days: the run is waiting".to_owned(),
        ]
    );
    assert!(matches!(*rig.alarm.take(), [Alert::RunLate { .. }]));
}

#[tokio::test]
async fn ok_looks_that_fail_and_limits_are_waited_out() {
    let rig = rig();
    let until = after(300);
    rig.github.then_probe(error(Advice::NotSent, "no connection"));
    rig.github.then_probe(error(Advice::Throttled { until }, "limit"));
    rig.github
        .then_probe(error(Advice::Block(Scope::Target), "may not list runs"));
    rig.github.then_probe(Ok(Sighting::Seen(run("42"))));
    rig.github.then_run(Err(relay_core::dispatch::DispatchError::new(
        Advice::Unknown,
        "502",
    )));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    // The look that was not allowed is not repeated for ten minutes: until then it is late.
    assert_eq!(
        told_after_dispatch(&rig).await,
        [
            "15 throttled default until 300",
            "900 item 1 see_run run 42",
            "945 item 1 run 42 concluded: success",
        ]
    );
    assert_eq!(
        rig.alarm.take(),
        [],
        "who may not look may still send: nothing is blocked"
    );
    let overview = rig.relay.scan(ScanQuery::Overview).await.unwrap();
    let Page::Overview(overview) = overview else {
        panic!("{overview:?}")
    };
    assert_eq!(overview.tracks, [("succeeded".to_owned(), 1)]);
    assert_eq!(overview.targets[0].block, None);
}

#[tokio::test]
async fn ok_what_does_not_show_the_id_is_said_once_and_not_looked_for() {
    let rig = rig();
    rig.github.always_check(Ok(Checked {
        shows_relay_id: Some(false),
        remarks: vec!["no workflow of the default branch listens to deploy_pipeline_action".to_owned()],
    }));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    let why = "no run can be told from another there; its check said: does not show the relay id; no workflow of the \
               default branch listens to deploy_pipeline_action";
    assert_eq!(
        told_after_dispatch(&rig).await,
        [format!("0 item 1 untracked: {why}")]
    );
    assert_eq!(probes(&rig), 0);
    // That nothing listens is what the check has alarmed about already.
    assert!(matches!(*rig.alarm.take(), [Alert::Warning { .. }]));
}

#[tokio::test]
async fn ok_a_run_that_the_answer_names_is_not_looked_for() {
    let rig = rig();
    rig.github.always_check(Ok(Checked {
        shows_relay_id: Some(false),
        remarks: Vec::new(),
    }));
    rig.github.then_dispatch(Ok(Dispatched {
        run: Some(run("42")),
        closed_until: None,
    }));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    assert_eq!(
        told_after_dispatch(&rig).await,
        ["15 item 1 run 42 concluded: success"]
    );
    assert_eq!(probes(&rig), 0);
}

/// A look that hangs takes nobody's room, even where only one request may be under way.
#[tokio::test]
async fn ok_a_look_for_a_run_delays_no_send() {
    let rig = Rig::changed(MemoryJournal::new(), [followed()], |builder| {
        builder
            .with_max_at_once(1)
            .with_budget(Budget::unbounded().with_max_in_flight(1))
    });
    rig.release("1", "credit-risk", "7").await;
    rig.relay.run_due().await.unwrap();
    rig.clock.set(after(5));
    rig.release("2", "churn", "1").await;
    rig.drain().await;
    let sends = rig.told_of("send").await;
    assert_eq!(
        sends,
        ["0 item 1 send", "5 item 2 send"],
        "{:#?}",
        rig.told_of("").await
    );
}

#[tokio::test]
async fn ok_a_restart_repeats_no_alarm_and_forgets_no_deadline() {
    let journal = Arc::new(MemoryJournal::new());
    let start = || Rig::with(Arc::clone(&journal), [followed()]);
    let rig = start();
    rig.github.always_probe(Ok(Sighting::NotSeen));
    rig.release("1", "credit-risk", "7").await;
    rig.relay.run_due().await.unwrap();
    // Down until long after it became late: found out at once, and said once.
    for (down_until, n_alerts) in [(7_200, 1), (10_000, 0), (20_000, 0)] {
        journal.reopen();
        let rig = start();
        rig.github.always_probe(Ok(Sighting::NotSeen));
        rig.clock.set(after(down_until));
        rig.relay.run_due().await.unwrap();
        assert_eq!(rig.alarm.take().len(), n_alerts, "{down_until}");
    }
    let rig = start();
    rig.github.always_probe(Ok(Sighting::Seen(run("42"))));
    rig.clock.set(after(30_000));
    rig.drain().await;
    let lines = told_after_dispatch(&rig).await;
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].starts_with("7200 item 1 late: "), "{lines:#?}");
    assert_eq!(lines[1], "30000 item 1 see_run run 42");
    assert_eq!(lines[2], "30015 item 1 run 42 concluded: success");
    assert_eq!(rig.alarm.take(), []);
}

#[tokio::test]
async fn ok_a_replay_is_followed_beside_what_was_before() {
    let rig = rig();
    rig.github.then_probe(Ok(Sighting::Seen(run("41"))));
    rig.github.then_run(Ok(state("completed", Some("cancelled"))));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    let item = rig.items().await[0].id;
    let command = Command::Replay {
        item,
        allow_older: false,
    };
    rig.relay.command(command).await.unwrap();
    rig.drain().await;
    let verdicts: Vec<_> = rig.items().await.into_iter().map(|item| item.verdict).collect();
    let of = |id: &str| Some(Verdict::Dispatched { run: Some(run(id)) });
    assert_eq!(verdicts, [of("41"), of("2")]);
    assert!(matches!(*rig.alarm.take(), [Alert::RunFailed { .. }]));
}

/// Routes as older journals and configurations have them say nothing about it.
#[test]
fn ok_what_a_route_says_is_bounded_and_may_be_nothing() {
    let check = |change: &dyn Fn(&mut RouteConfig), expect: Option<&str>| {
        let mut route = followed();
        change(&mut route);
        let refused = RuleSet::load([route]).err().map(|error| error.to_string());
        match expect {
            None => assert_eq!(refused, None),
            Some(words) => assert!(
                refused.as_ref().is_some_and(|why| why.contains(words)),
                "{refused:?}"
            ),
        }
    };
    check(&|_| {}, None);
    check(&|route| route.run_seen_within_s = 0, None);
    check(&|route| route.run_seen_within_s = 86_400, None);
    check(
        &|route| route.run_seen_within_s = 86_401,
        Some("run_seen_within_s"),
    );
    check(&|route| route.run_concluded_within_s = 35 * 86_400, None);
    check(
        &|route| route.run_concluded_within_s = 35 * 86_400 + 1,
        Some("run_concluded_within_s"),
    );
    let old = json!({"name": "deploy", "repository": "contoso/deploy"});
    let route: RouteConfig = serde_json::from_value(old).unwrap();
    assert_eq!(
        (route.run_seen_within_s, route.run_concluded_within_s),
        (600, 21_600)
    );
}

#[tokio::test]
async fn ok_exports_carry_what_is_followed_and_compaction_spares_it() {
    let journal = Arc::new(MemoryJournal::new());
    let rig = Rig::with(Arc::clone(&journal), [followed()]);
    rig.release("1", "credit-risk", "7").await;
    rig.relay.run_due().await.unwrap();
    let far = after(1_000_000);
    assert_eq!(
        journal.compact(far, 10).await.unwrap().items,
        0,
        "it is followed still"
    );
    let lines = Lines::default();
    journal.export(Box::new(lines.clone())).await.unwrap();
    let other = MemoryJournal::new();
    let bytes = lines.0.lock().unwrap().clone();
    other
        .import(far, Box::new(std::io::Cursor::new(bytes)))
        .await
        .unwrap();
    assert_eq!(standings(&other).await, standings(&*journal).await);
    rig.drain().await;
    assert_eq!(standings(&*journal).await[&ItemId(1)].0, "succeeded");
    assert_eq!(journal.compact(far, 10).await.unwrap().items, 1);
    assert_eq!(standings(&*journal).await.len(), 0, "it is gone with its history");
    let items = items(&*journal).await;
    assert!(
        matches!(items[0].verdict, Some(Verdict::Dispatched { run: Some(_) })),
        "{items:?}"
    );
}

/// What an export is written to.
#[derive(Clone, Default)]
struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Three models: a run that succeeds, one that fails, one that never comes.
const MODELS: [&str; 3] = ["good", "bad", "none"];

/// Runs three deliveries with a fault, again and again until everything is over; gives the alarms.
async fn run_with(plan: FaultPlan, down: Duration) -> (usize, Vec<Alert>) {
    let about = format!("{plan:?}, down for {down:?}");
    let mut to = Destination {
        conducts: vec![Conduct::Accept],
        shows: true,
        ..Destination::default()
    };
    let faulty = FaultyJournal::new(MemoryJournal::new(), plan);
    let mut now = START;
    let (mut n_accepted, mut alerts) = (0, Vec::new());
    for process in 0.. {
        assert!(process < 3, "{about}: one fault stops one process");
        let journal: &dyn Journal = if faulty.is_stopped() {
            faulty.inner()
        } else {
            &faulty
        };
        let mut worker = Worker::new(journal, Budgets::default(), now, Duration::from_secs(45));
        let ended = deliver(&mut worker, &mut to, &mut n_accepted).await;
        now = worker.now;
        alerts.append(&mut worker.alerts);
        match ended {
            Ok(()) => break,
            Err(JournalError::Unavailable { .. }) if faulty.is_stopped() => {
                faulty.inner().reopen();
                now = now.after(down);
            }
            Err(JournalError::Unavailable { .. }) => {}
            Err(error) => panic!("{about}: {error}"),
        }
    }
    let journal = faulty.inner();
    history_makes_items(&about, journal, false).await;
    check_ends(&about, journal).await;
    (faulty.n_verbs(), alerts)
}

async fn deliver(
    worker: &mut Worker<'_>,
    to: &mut Destination,
    n_accepted: &mut usize,
) -> Result<(), JournalError> {
    while let Some(model) = MODELS.get(*n_accepted) {
        let arrival = Arrival::new(model, "1").with_policy(|policy| {
            policy.run_seen_within = Some(Duration::from_secs(600));
            policy.run_concluded_within = Some(Duration::from_secs(3_600));
        });
        let batch = AcceptBatch {
            now: worker.now,
            events: vec![arrival.event()],
            ..AcceptBatch::default()
        };
        worker.journal.accept(batch).await?;
        *n_accepted += 1;
        worker.round(to).await?;
    }
    worker.drain(to).await
}

/// Each ended as its run did, and the history says each thing once.
async fn check_ends(about: &str, journal: &dyn Journal) {
    let tracks = standings(journal).await;
    let words: Vec<_> = tracks.values().map(|(word, _)| *word).collect();
    assert_eq!(words, ["succeeded", "failed", "stopped"], "{about}");
    let query = ScanQuery::History {
        after: 0,
        item: None,
        limit: 10_000,
    };
    let Ok(Page::History(history)) = journal.scan(query).await else {
        panic!("{about}: the history can be read")
    };
    let mut said: BTreeMap<ItemId, Vec<&'static str>> = BTreeMap::new();
    for row in &history {
        if let (Some(item), Entry::Tracked { step }) = (row.item, &row.entry) {
            said.entry(item).or_default().push(step.as_str());
        }
    }
    let of = |n| said.get(&ItemId(n)).cloned().unwrap_or_default();
    let [good, bad, none] = [of(1), of(2), of(3)];
    // Where the process was down for long, a run may have been seen late as well.
    let without_late = |steps: &[&'static str]| -> Vec<&'static str> {
        steps.iter().copied().filter(|step| *step != "late").collect()
    };
    assert_eq!(without_late(&good), ["conclude"], "{about}");
    assert_eq!(without_late(&bad), ["conclude"], "{about}");
    assert_eq!(none, ["late", "stop"], "{about}");
    let late_steps: Vec<_> = history
        .iter()
        .filter_map(|row| match &row.entry {
            Entry::Tracked {
                step: TrackStep::Late { why },
            } => Some((row.item, why.contains("concluded"))),
            _ => None,
        })
        .collect();
    let once: BTreeSet<_> = late_steps.iter().collect();
    assert_eq!(once.len(), late_steps.len(), "{about}: {late_steps:?}");
}

#[tokio::test]
async fn ok_a_process_that_stops_anywhere_loses_no_track_and_repeats_no_alarm() {
    let (n_verbs, alerts) = run_with(FaultPlan::none(), Duration::ZERO).await;
    let count = |alerts: &[Alert]| {
        let late = alerts
            .iter()
            .filter(|alert| matches!(alert, Alert::RunLate { .. }));
        let failed = alerts
            .iter()
            .filter(|alert| matches!(alert, Alert::RunFailed { .. }));
        (late.count(), failed.count())
    };
    assert_eq!(count(&alerts), (1, 1));
    let mut n_runs = 0;
    for verb in 0..n_verbs {
        for cut in [Cut::Before, Cut::After] {
            for plan in [FaultPlan::stop(verb, cut), FaultPlan::fail(verb, cut)] {
                for down in [Duration::ZERO, Duration::from_secs(5 * 3_600)] {
                    let (_, alerts) = run_with(plan, down).await;
                    let (late, failed) = count(&alerts);
                    // What was written when the process stopped may not have been told; the history has it.
                    assert!(failed <= 1, "{plan:?}: {alerts:?}");
                    let most = if down.is_zero() { 1 } else { 3 };
                    assert!(late <= most, "{plan:?}: {alerts:?}");
                    n_runs += 1;
                }
            }
        }
    }
    assert!(n_runs > 400, "only {n_runs} runs");
}

/// From the moment of the dispatch on, whatever the clock shows afterwards.
#[tokio::test]
async fn ok_a_clock_that_jumps_back_makes_nothing_late() {
    let rig = rig();
    rig.github.always_probe(Ok(Sighting::NotSeen));
    rig.release("1", "credit-risk", "7").await;
    rig.relay.run_due().await.unwrap();
    let back: Timestamp = START.before(Duration::from_secs(3_600));
    rig.clock.set(back);
    rig.github.always_probe(Ok(Sighting::Seen(run("42"))));
    rig.drain().await;
    assert!(rig.relay.now() < START, "it went on by the clock as it is");
    assert!(matches!(*rig.alarm.take(), [Alert::ClockJumpedBack { .. }]));
    let tracks = rig.relay.scan(ScanQuery::Overview).await.unwrap();
    let Page::Overview(overview) = tracks else {
        panic!("{tracks:?}")
    };
    assert_eq!(overview.tracks, [("succeeded".to_owned(), 1)]);
}
