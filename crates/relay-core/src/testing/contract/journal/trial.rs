//! **Here**: [`Trial`], one clause under way: a journal, a moment, and the checks that hold at every claim and at the end.
//! **Not here**: clauses (the files beside it).
//! **Reads**: `journal` by its trait only, so that any engine can be on trial.
//! **Source**: our own.
#![expect(
    clippy::panic,
    reason = "a clause that does not hold says so by panicking, as tests do"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::alarm::Alert;
use crate::budget::Budget;
use crate::clock::Timestamp;
use crate::dispatch::{Advice, Checked, DispatchError, Dispatched, Sighting};
use crate::journal::item::{ItemId, Phase, RunRef};
use crate::journal::scan::ItemFilter;
use crate::journal::{
    AcceptBatch, Acceptance, Budgets, ClaimKind, ClaimRequest, Claimed, Command, Fate, Journal, JournalError,
    NewEvent, Record, Settlement, Task, Work, Written,
};
use crate::testing::contract::journal::history::history_makes_items;
use crate::testing::rows::Arrival;

/// Fails the clause when something does not hold.
macro_rules! holds {
    ($trial:expr, $holds:expr, $($what:tt)+) => {
        assert!($holds, "clause {} is broken: {}", $trial.clause, format_args!($($what)+))
    };
}
pub(super) use holds;

/// Fails the clause when two values differ.
macro_rules! same {
    ($trial:expr, $found:expr, $wanted:expr, $($what:tt)+) => {
        assert_eq!($found, $wanted, "clause {} is broken: {}", $trial.clause, format_args!($($what)+))
    };
}
pub(super) use same;

/// The moment at which every clause begins.
const START: Timestamp = Timestamp::from_unix_ms(1_763_856_000_000);
/// How many things are asked for at once where the number does not matter.
const MANY: usize = 1_000;

/// One clause under way.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    pub(super) clause: &'static str,
    pub(super) journal: &'a dyn Journal,
    pub(super) now: Timestamp,
    pub(super) budgets: Budgets,
    pub(super) lease: Duration,
    /// What was handed out for a person so far.
    pub(super) alerts: Vec<Alert>,
    latest_fence: u64,
    clock_jumped: bool,
}

impl<'a> Trial<'a> {
    /// A clause over a fresh journal, without any budget.
    pub(super) fn new(clause: &'static str, journal: &'a dyn Journal) -> Self {
        Self {
            clause,
            journal,
            now: START,
            budgets: Budgets {
                default: Budget::unbounded().with_max_in_flight(0),
                of: BTreeMap::new(),
            },
            lease: Duration::from_secs(60),
            alerts: Vec::new(),
            latest_fence: 0,
            clock_jumped: false,
        }
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now = self.now.after(by);
    }

    pub(super) fn advance_to(&mut self, at: Timestamp) {
        holds!(
            self,
            at >= self.now,
            "it would have to go back from {} to {at}",
            self.now
        );
        self.now = at;
    }

    pub(super) fn jump_back(&mut self, by: Duration) {
        self.now = self.now.before(by);
        self.clock_jumped = true;
    }

    // Verbs.

    pub(super) async fn accept_batch(&mut self, batch: AcceptBatch) -> Acceptance {
        let acceptance = match self.journal.accept(batch).await {
            Ok(acceptance) => acceptance,
            Err(error) => panic!("clause {} is broken: accept failed: {error}", self.clause),
        };
        self.alerts.extend(acceptance.alerts.iter().cloned());
        acceptance
    }

    pub(super) async fn accept(&mut self, events: Vec<NewEvent>) -> Vec<Fate> {
        let n = events.len();
        let batch = AcceptBatch {
            now: self.now,
            events,
            unreadable: Vec::new(),
            keep_unreadable: (10, 10_000),
        };
        let fates = self.accept_batch(batch).await.fates;
        same!(self, fates.len(), n, "every event has a fate");
        fates
    }

    /// An event that makes exactly one item.
    pub(super) async fn arrive(&mut self, arrival: &Arrival) -> ItemId {
        let fates = self.accept(vec![arrival.event()]).await;
        match fates.as_slice() {
            [Fate::Accepted { items, .. }] if items.len() == 1 => {
                items.iter().copied().next().unwrap_or_default()
            }
            other => panic!(
                "clause {} is broken: {arrival:?} should make one item, and had {other:?}",
                self.clause
            ),
        }
    }

    /// A version of the model `m` on a route that sets nothing.
    pub(super) async fn arrive_version(&mut self, version: &str) -> ItemId {
        self.arrive(&Arrival::new("m", version)).await
    }

    pub(super) async fn claim(&mut self, kind: ClaimKind, max: usize) -> Claimed {
        let request = ClaimRequest {
            kind,
            now: self.now,
            lease: self.lease,
            max,
            budgets: self.budgets.clone(),
        };
        let claimed = match self.journal.claim(request).await {
            Ok(claimed) => claimed,
            Err(error) => panic!("clause {} is broken: claim failed: {error}", self.clause),
        };
        self.alerts.extend(claimed.alerts.iter().cloned());
        holds!(
            self,
            claimed.tasks.len() <= max,
            "{} tasks were given, {max} were asked for",
            claimed.tasks.len()
        );
        let before = self.latest_fence;
        let mut fences = BTreeSet::new();
        for task in &claimed.tasks {
            let (item, lease, fence, phase) = match task {
                Task::Check(_) => continue,
                Task::Judge(work) => (&work.item, work.item.lease, work.fence, Phase::Judging),
                Task::Probe(work) => (&work.item, work.item.lease, work.fence, Phase::Probing),
                Task::Send(work) => (&work.item, work.item.lease, work.fence, Phase::Sending),
                Task::Track(work) => (&work.item, work.track.lease, work.fence, Phase::Settled),
            };
            let sends = matches!(task, Task::Send(_));
            same!(
                self,
                sends,
                kind == ClaimKind::Send,
                "a send claim gives sends, and no other does"
            );
            same!(self, item.phase, phase, "the phase of claimed item {}", item.id.0);
            let lease = lease.map(|lease| (lease.fence, lease.until));
            same!(
                self,
                lease,
                Some((fence, self.now.after(self.lease))),
                "the lease that was asked for"
            );
            holds!(
                self,
                fence > before,
                "fence {} is not above {before}, which was given before",
                fence
            );
            holds!(self, fences.insert(fence), "fence {} was given twice", fence);
            self.latest_fence = self.latest_fence.max(fence);
        }
        self.one_in_flight_per_lane().await;
        claimed
    }

    /// Everything that can be looked at now.
    pub(super) async fn looks(&mut self) -> Vec<Task> {
        self.claim(ClaimKind::Judge, MANY).await.tasks
    }

    /// Everything that can be sent now.
    pub(super) async fn sends(&mut self) -> Vec<Work> {
        let tasks = self.claim(ClaimKind::Send, MANY).await.tasks;
        tasks
            .into_iter()
            .filter_map(|task| {
                if let Task::Send(work) = task {
                    Some(work)
                } else {
                    None
                }
            })
            .collect()
    }

    /// The versions that can be sent now, in the order of the claim.
    pub(super) async fn sent_ids(&mut self) -> Vec<ItemId> {
        self.sends().await.iter().map(|work| work.item.id).collect()
    }

    /// The one item that can be sent now, which is this one.
    pub(super) async fn send(&mut self, id: ItemId) -> Work {
        let mut works = self.sends().await;
        let ids: Vec<_> = works.iter().map(|work| work.item.id).collect();
        same!(
            self,
            ids,
            [id],
            "this item, and no other, can be sent at {}",
            self.now
        );
        works.remove(0)
    }

    pub(super) async fn send_nothing(&mut self, why: &str) {
        let ids = self.sent_ids().await;
        same!(self, ids, [], "nothing can be sent: {why}");
    }

    /// The one item whose run can be looked for now, which is this one.
    pub(super) async fn probe(&mut self, id: ItemId) -> Work {
        let mut tasks = self.looks().await;
        match (tasks.pop(), tasks.len()) {
            (Some(Task::Probe(work)), 0) if work.item.id == id => work,
            (last, more) => {
                panic!(
                    "clause {} is broken: only a look for item {} is due, not {last:?} and {more} more",
                    self.clause, id.0
                )
            }
        }
    }

    pub(super) async fn look_at_nothing(&mut self, why: &str) {
        let tasks = self.looks().await;
        holds!(
            self,
            tasks.is_empty(),
            "nothing is to be looked at: {why}; but {tasks:?}"
        );
    }

    /// Checks every target that asks for it, with this answer; gives how many did.
    pub(super) async fn check_all(&mut self, answer: Result<Checked, DispatchError>) -> usize {
        let mut n = 0;
        loop {
            let tasks = self.looks().await;
            if tasks.is_empty() {
                return n;
            }
            for task in tasks {
                let Task::Check(target) = task else {
                    panic!(
                        "clause {} is broken: only checks are due, not {task:?}",
                        self.clause
                    )
                };
                n += 1;
                self.record(Record::Checked {
                    target: target.key,
                    result: answer.clone(),
                })
                .await;
            }
            holds!(
                self,
                n < MANY,
                "checks that were answered are asked for again at once"
            );
        }
    }

    /// Opens all targets, and gives what is to be judged.
    pub(super) async fn judge(&mut self) -> Vec<Work> {
        let mut works = Vec::new();
        for task in self.looks().await {
            match task {
                Task::Judge(work) => works.push(work),
                Task::Check(target) => {
                    let result = Ok(Checked {
                        shows_relay_id: Some(true),
                        remarks: Vec::new(),
                    });
                    self.record(Record::Checked {
                        target: target.key,
                        result,
                    })
                    .await;
                }
                other => panic!(
                    "clause {} is broken: neither a check nor to be judged: {other:?}",
                    self.clause
                ),
            }
        }
        works
    }

    /// Opens all targets, which show the relay id.
    pub(super) async fn open(&mut self) -> usize {
        self.check_all(Ok(Checked {
            shows_relay_id: Some(true),
            remarks: Vec::new(),
        }))
        .await
    }

    pub(super) async fn try_record(&mut self, batch: Vec<Record>) -> Result<Written, JournalError> {
        let written = self.journal.record(self.now, batch).await?;
        self.alerts.extend(written.alerts.iter().cloned());
        Ok(written)
    }

    pub(super) async fn record(&mut self, record: Record) -> Written {
        let what = format!("{record:?}");
        match self.try_record(vec![record]).await {
            Ok(written) => written,
            Err(error) => panic!("clause {} is broken: {what} failed: {error}", self.clause),
        }
    }

    pub(super) async fn settle(&mut self, settlement: Settlement) -> Written {
        let what = format!("{settlement:?}");
        match self.journal.settle(self.now, vec![settlement]).await {
            Ok(written) => {
                self.alerts.extend(written.alerts.iter().cloned());
                written
            }
            Err(error) => panic!("clause {} is broken: {what} failed: {error}", self.clause),
        }
    }

    /// An attempt that was not accepted.
    pub(super) async fn fail(&mut self, work: &Work, advice: Advice) {
        let error = DispatchError::new(advice, format!("{advice:?}"));
        let written = self
            .record(Record::Failed {
                item: work.item.id,
                fence: work.fence,
                error,
            })
            .await;
        same!(
            self,
            written.fenced,
            [],
            "the outcome came with the current fence"
        );
    }

    /// An attempt that was accepted.
    pub(super) async fn dispatched(&mut self, work: &Work) {
        let (item, fence) = (work.item.id, work.fence);
        let written = self
            .settle(Settlement::Dispatched {
                item,
                fence,
                answer: Dispatched::default(),
            })
            .await;
        same!(
            self,
            written.fenced,
            [],
            "the outcome came with the current fence"
        );
        self.expect_verdict(item, "dispatched").await;
    }

    /// What a look for a run saw.
    pub(super) async fn looked(&mut self, work: &Work, look: Result<Sighting, DispatchError>) {
        let written = self
            .record(Record::Looked {
                item: work.item.id,
                fence: work.fence,
                look,
            })
            .await;
        same!(self, written.fenced, [], "the look came with the current fence");
    }

    pub(super) async fn command(&mut self, command: Command) -> Result<Written, JournalError> {
        self.try_record(vec![Record::Command(command)]).await
    }

    /// A command that is refused, in words that contain this, and changes nothing.
    pub(super) async fn refused(&mut self, command: Command, words: &str) {
        let before = (self.items().await, self.history().await.len());
        let what = format!("{command:?}");
        match self.command(command).await {
            Err(JournalError::Refused { why }) => {
                holds!(
                    self,
                    why.contains(words),
                    "the refusal of {what} says {why:?}, which does not mention {words:?}"
                );
            }
            other => panic!(
                "clause {} is broken: {what} should be refused, and had {other:?}",
                self.clause
            ),
        }
        same!(
            self,
            (self.items().await, self.history().await.len()),
            before,
            "a refused command changes nothing"
        );
    }

    /// Looks for the run of this item as often as it asks, always with this answer, until it does not ask any more.
    /// Gives the moments of the looks.
    pub(super) async fn look_until_decided(
        &mut self,
        id: ItemId,
        answer: Result<Sighting, DispatchError>,
    ) -> Vec<Timestamp> {
        let mut moments = Vec::new();
        loop {
            let item = self.item(id).await;
            if item.phase != Phase::Probing {
                return moments;
            }
            holds!(self, moments.len() < MANY, "looks never come to an end");
            if item.due_at > self.now {
                self.advance_to(item.due_at);
            }
            let work = self.probe(id).await;
            moments.push(self.now);
            self.looked(&work, answer.clone()).await;
        }
    }

    /// Nothing can be done now; gives when there may be more.
    pub(super) async fn idle(&mut self) -> Option<Timestamp> {
        let looks = self.claim(ClaimKind::Judge, MANY).await;
        let sends = self.claim(ClaimKind::Send, MANY).await;
        let n = looks.tasks.len() + sends.tasks.len();
        holds!(
            self,
            n == 0,
            "nothing can be done at {}, but {:?} {:?}",
            self.now,
            looks.tasks,
            sends.tasks
        );
        let due = looks.next_due.into_iter().chain(sends.next_due).min();
        holds!(
            self,
            due.is_none_or(|due| due > self.now),
            "the next due time {due:?} is not after {}",
            self.now
        );
        due
    }

    /// Nothing can be done before this moment, and the journal says so. The clock stands there afterwards.
    pub(super) async fn idle_until(&mut self, at: Timestamp) {
        loop {
            let due = self.idle().await;
            let Some(due) = due else {
                panic!(
                    "clause {} is broken: at {} nothing is due any more, but at {at} something is",
                    self.clause, self.now
                )
            };
            holds!(
                self,
                due <= at,
                "at {} the next due time is {due}, later than {at}",
                self.now
            );
            if due == at {
                break;
            }
            // Looking too early is allowed, and finds nothing.
            self.advance_to(due);
        }
        self.advance_to(at.before(Duration::from_millis(1)));
        self.idle().await;
        self.advance_to(at);
    }

    // What holds always.

    async fn one_in_flight_per_lane(&self) {
        let filter = ItemFilter {
            phases: vec![Phase::Sending, Phase::Probing],
            ..ItemFilter::default()
        };
        let mut lanes = BTreeSet::new();
        for item in self.items_after(ItemId(0), filter, usize::from(u16::MAX)).await {
            if let Some(lane) = item.lane {
                holds!(
                    self,
                    lanes.insert(lane.clone()),
                    "two of lane {lane} are in flight, one of them item {}",
                    item.id.0
                );
            }
        }
    }

    /// The end of a clause: the history, replayed through the one transition function, makes every item what it is.
    pub(super) async fn finish(self) {
        history_makes_items(self.clause, self.journal, self.clock_jumped).await;
    }
}

/// A run at the destination.
pub(super) fn run(id: &str) -> RunRef {
    RunRef {
        id: id.to_owned(),
        url: Some(format!("https://example.invalid/{id}")),
    }
}

/// A look that saw this run.
pub(super) fn seen(id: &str) -> Result<Sighting, DispatchError> {
    Ok(Sighting::Seen(run(id)))
}

/// A look that saw everything, but no run of ours.
pub(super) const fn not_seen() -> Result<Sighting, DispatchError> {
    Ok(Sighting::NotSeen)
}

/// An error with this advice.
pub(super) fn error(advice: Advice) -> DispatchError {
    DispatchError::new(advice, format!("{advice:?}"))
}

pub(super) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}
