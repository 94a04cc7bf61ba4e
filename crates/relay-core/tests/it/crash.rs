//! **Here**: the process stops, or the journal fails, at every verb of a run, before and after it was written.
//! **Not here**: an engine's file after a kill (its own crate), the host's process (examples).
//! **Reads**: `support` for the worker and the destination.
//! **Source**: DESIGN section 2; STYLE section 8, crash.

use std::time::Duration;

use relay_core::dispatch::{Checked, Dispatched};
use relay_core::journal::item::{Item, Phase, Verdict};
use relay_core::journal::{
    AcceptBatch, Budgets, ClaimKind, ClaimRequest, Fate, Journal, JournalError, MemoryJournal, NewEvent,
    Record, Settlement, Task,
};
use relay_core::lane::LaneMode;
use relay_core::retry::OnUnknown;
use relay_core::testing::contract::journal::history_makes_items;
use relay_core::testing::faults::{Cut, FaultPlan, FaultyJournal};
use relay_core::testing::rows::Arrival;

use crate::support::{Conduct, Destination, START, Worker, items};

/// One way of running the same deliveries.
#[derive(Clone, Copy, Debug)]
struct Case {
    unknown: OnUnknown,
    shows: bool,
    /// How long the process is down after it stopped.
    down: Duration,
    conducts: &'static [Conduct],
}

const CONDUCTS: [&[Conduct]; 3] = [
    &[Conduct::Accept],
    &[
        Conduct::Accept,
        Conduct::LoseAnswer,
        Conduct::NotReached,
        Conduct::LoseRequest,
    ],
    &[Conduct::LoseAnswer, Conduct::Limit, Conduct::Accept],
];

/// Deliveries: two lanes, one of each kind, an event without a lane, one that wants facts, a redelivery, a late version.
fn deliveries(unknown: OnUnknown) -> Vec<Vec<NewEvent>> {
    let arrival = |model: &str, version: &str, lane| {
        Arrival::new(model, version).with_policy(|policy| {
            policy.unknown = unknown;
            policy.lane = lane;
            policy.wants_facts = model == "facts";
        })
    };
    let (latest, every) = (LaneMode::Latest, LaneMode::Every);
    let all = [
        vec![
            arrival("latest", "1", latest),
            arrival("every", "2", every),
            arrival("every", "1", every),
        ],
        vec![
            arrival("latest", "2", latest).with_repository("octo/other"),
            arrival("facts", "1", latest),
        ],
        vec![
            arrival("latest", "2", latest).with_repository("octo/other"),
            arrival("latest", "1", latest),
        ],
        vec![
            arrival("none", "1", latest).without_lane(),
            arrival("every", "3", every),
        ],
    ];
    all.map(|delivery| delivery.iter().map(Arrival::event).collect())
        .into()
}

/// What the sender knows: which deliveries were answered 2xx.
#[derive(Debug, Default)]
struct Sender {
    acknowledged: Vec<bool>,
}

impl Sender {
    /// Delivers what was not acknowledged, with one round of work after each; stops where the process does.
    async fn deliver(
        &mut self,
        worker: &mut Worker<'_>,
        to: &mut Destination,
        unknown: OnUnknown,
    ) -> Result<(), JournalError> {
        let deliveries = deliveries(unknown);
        self.acknowledged.resize(deliveries.len(), false);
        for (delivery, acknowledged) in deliveries.into_iter().zip(&mut self.acknowledged) {
            if !*acknowledged {
                let batch = AcceptBatch {
                    now: worker.now,
                    events: delivery,
                    ..AcceptBatch::default()
                };
                let acceptance = worker.journal.accept(batch).await?;
                assert!(
                    acceptance
                        .fates
                        .iter()
                        .all(|fate| !matches!(fate, Fate::Unwanted { .. }))
                );
                *acknowledged = true;
            }
            worker.round(to).await?;
            worker.now = worker.now.after(Duration::from_secs(1));
        }
        worker.drain(to).await
    }
}

fn worker<'a>(journal: &'a dyn Journal, now: relay_core::clock::Timestamp) -> Worker<'a> {
    Worker::new(journal, Budgets::default(), now, Duration::from_secs(45))
}

/// Runs the deliveries with a fault, opens the journal again where the process stopped, and drains it.
async fn run(case: Case, plan: FaultPlan) -> (usize, Vec<Item>, Destination) {
    let mut to = Destination {
        conducts: case.conducts.to_vec(),
        shows: case.shows,
        ..Destination::default()
    };
    let faulty = FaultyJournal::new(MemoryJournal::new(), plan);
    let mut sender = Sender::default();
    let mut now = START;
    // A process that only loses one verb goes on; one that stopped is started again.
    for process in 0.. {
        assert!(process < 3, "one fault stops one process");
        let mut worker = if faulty.is_stopped() {
            worker(faulty.inner(), now)
        } else {
            worker(&faulty, now)
        };
        let ended = sender.deliver(&mut worker, &mut to, case.unknown).await;
        now = worker.now;
        match ended {
            Ok(()) => break,
            Err(JournalError::Unavailable { .. }) if faulty.is_stopped() => {
                faulty.inner().reopen();
                now = now.after(case.down);
            }
            Err(JournalError::Unavailable { .. }) => {}
            Err(error) => panic!("{case:?}, {plan:?}: {error}"),
        }
    }
    history_makes_items(&format!("{case:?}, {plan:?}"), faulty.inner(), false).await;
    let items = items(faulty.inner()).await;
    (faulty.n_verbs(), items, to)
}

/// What must hold at the end, whatever went wrong.
fn check(case: Case, plan: FaultPlan, items: &[Item], to: &Destination) {
    let about = format!("{case:?}, {plan:?}");
    // Whatever was delivered was accepted in the end; the redelivery and the known version made no item.
    assert_eq!(
        items.len(),
        7,
        "{about}: nothing accepted is lost, nothing is doubled"
    );
    let held = |item: &Item| {
        items.iter().any(|other| {
            other.id != item.id
                && other.lane == item.lane
                && other.holds_lane
                && other.phase == Phase::Settled
        })
    };
    for item in items {
        let n = to.effects.get(item.relay_id.as_str()).map_or(0, Vec::len);
        let what = format!("{about}: {item:#?} took effect {n} times");
        if item.phase != Phase::Settled {
            assert!(
                held(item),
                "{what} and has no verdict, although nothing holds its lane"
            );
        }
        match &item.verdict {
            Some(Verdict::Dispatched { .. }) => assert!(n >= 1, "{what}"),
            Some(Verdict::Superseded { .. } | Verdict::Refused { .. } | Verdict::Cancelled { .. }) => {
                assert!(
                    n == 0 || case.unknown != OnUnknown::Probe || !case.shows,
                    "{what}"
                );
            }
            Some(Verdict::Parked { .. }) => assert_ne!(case.unknown, OnUnknown::Resend, "{what}"),
            None => assert_eq!(n, 0, "{what}"),
        }
        if case.unknown != OnUnknown::Resend {
            assert!(n <= 1, "{what}");
        }
    }
    // In a lane of every version, what took effect first took effect in order.
    let mut every: Vec<_> = items
        .iter()
        .filter(|item| item.policy.lane == LaneMode::Every)
        .collect();
    every.sort_by_key(|item| item.place.as_ref().map(ToString::to_string));
    let firsts: Vec<_> = every
        .iter()
        .filter_map(|item| to.effects.get(item.relay_id.as_str()).and_then(|at| at.first()))
        .collect();
    assert!(firsts.is_sorted(), "{about}: {firsts:?}");
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for unknown in [OnUnknown::Probe, OnUnknown::Park, OnUnknown::Resend] {
        for shows in [true, false] {
            for conducts in CONDUCTS {
                for down in [Duration::ZERO, Duration::from_secs(5 * 3_600)] {
                    cases.push(Case {
                        unknown,
                        shows,
                        down,
                        conducts,
                    });
                }
            }
        }
    }
    cases
}

#[tokio::test]
async fn ok_without_faults_everything_ends() {
    for case in cases() {
        let (n_verbs, items, to) = run(case, FaultPlan::none()).await;
        assert!(n_verbs > 20, "{case:?}: only {n_verbs} verbs");
        check(case, FaultPlan::none(), &items, &to);
    }
}

#[tokio::test]
async fn ok_the_process_stops_at_any_verb() {
    let mut n_runs = 0;
    for case in cases() {
        let (n_verbs, ..) = run(case, FaultPlan::none()).await;
        for verb in 0..n_verbs {
            for cut in [Cut::Before, Cut::After] {
                let plan = FaultPlan::stop(verb, cut);
                let (_, items, to) = run(case, plan).await;
                check(case, plan, &items, &to);
                n_runs += 1;
            }
        }
    }
    assert!(n_runs > 2_000, "only {n_runs} runs");
}

#[tokio::test]
async fn ok_the_journal_fails_at_any_verb() {
    for case in cases().into_iter().filter(|case| case.down.is_zero()) {
        let (n_verbs, ..) = run(case, FaultPlan::none()).await;
        for verb in 0..n_verbs {
            for cut in [Cut::Before, Cut::After] {
                let plan = FaultPlan::fail(verb, cut);
                let (_, items, to) = run(case, plan).await;
                check(case, plan, &items, &to);
            }
        }
    }
}

/// A worker that outlived its process's hold on the journal changes nothing.
#[tokio::test]
async fn ok_a_worker_of_an_earlier_owner_is_fenced() {
    let journal = MemoryJournal::new();
    let events = vec![Arrival::new("m", "1").event()];
    journal
        .accept(AcceptBatch {
            now: START,
            events,
            ..AcceptBatch::default()
        })
        .await
        .unwrap();
    let target = Arrival::new("m", "1").target().key();
    let result = Ok(Checked {
        shows_relay_id: Some(true),
        remarks: Vec::new(),
    });
    journal
        .record(START, vec![Record::Checked { target, result }])
        .await
        .unwrap();
    let claim = |kind| {
        let (now, lease) = (START, Duration::from_secs(60));
        journal.claim(ClaimRequest {
            kind,
            now,
            lease,
            max: 9,
            budgets: Budgets::default(),
        })
    };
    let tasks = claim(ClaimKind::Send).await.unwrap().tasks;
    let [Task::Send(work)] = tasks.as_slice() else {
        panic!("{tasks:?}")
    };
    journal.reopen();
    let before = items(&journal).await;
    let (item, fence) = (work.item.id, work.fence);
    let settlement = Settlement::Dispatched {
        item,
        fence,
        answer: Dispatched::default(),
    };
    assert_eq!(
        journal.settle(START, vec![settlement]).await.unwrap().fenced,
        [item]
    );
    assert_eq!(items(&journal).await, before);
    assert!(
        claim(ClaimKind::Send).await.unwrap().tasks.is_empty(),
        "nothing goes before its target was checked anew"
    );
    assert_eq!(
        items(&journal).await[0].phase,
        Phase::Probing,
        "the lease of the earlier owner has ended"
    );
}
