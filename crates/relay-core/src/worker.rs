//! **Here**: claim -> enrich -> gate -> dispatch -> record -> settle: what is under way at once, and one task from claim to record.
//! **Not here**: which step follows an outcome (`retry`, inside the journal), when to run again (`relay`).
//! **Reads**: `journal`, `enrich`, `rules::gate`, `dispatch`.
//! **Source**: DESIGN sections 3 and 5.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, FutureExt as _, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tracing::{Instrument as _, Span};

use crate::alarm::{Alarm, Alert};
use crate::clock::{Clock, Timestamp};
use crate::dispatch::{Advice, DispatchError, DispatchRequest, DispatchTarget, Dispatcher, Sighting};
use crate::enrich::{Enricher, FactQuery};
use crate::health::Seen;
use crate::journal::item::Target;
use crate::journal::track::Stage;
use crate::journal::{
    Budgets, ClaimKind, ClaimRequest, Claimed, Journal, JournalError, Record, Settlement, Task, Tracking,
    Work, Written,
};
use crate::observe;
use crate::rules::gate::{Gate, Judgement};
use crate::rules::{EventView, Snapshots};
use crate::trace;
use crate::tracker::{self, Observation};

/// What the lease adds to the longest attempt: time to write the outcome down.
const MARGIN: Duration = Duration::from_secs(15);
/// How long an item waits when its facts could not be had.
const FACTS_AGAIN: Duration = Duration::from_secs(30);
/// The longest time for which runs are listed before the intent: the id decides, not the time.
const LIST_FROM: Duration = Duration::from_secs(3_600);
/// Between two tries to write an outcome that the journal did not take.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// Everything a worker works with.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) dispatcher: Arc<dyn Dispatcher>,
    pub(crate) enricher: Arc<dyn Enricher>,
    pub(crate) gate: Arc<dyn Gate>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) alarm: Arc<dyn Alarm>,
    pub(crate) budgets: Budgets,
    pub(crate) seen: Seen,
    pub(crate) routes: Snapshots,
    pub(crate) max_at_once: usize,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Round {
    /// Pieces of work that were done.
    pub n_done: usize,
    /// When there may be more; none when nothing waits for a moment.
    pub next_due: Option<Timestamp>,
}

/// What came of a piece of work, to be written down.
enum Outcome {
    Record(Record),
    Settle(Settlement),
}

impl Outcome {
    const fn verb(&self) -> &'static str {
        match self {
            Self::Record(_) => "record",
            Self::Settle(_) => "settle",
        }
    }

    /// Its word in numbers and spans.
    fn word(&self) -> &'static str {
        match self {
            Self::Record(Record::Admit { .. }) => "admitted",
            Self::Record(Record::Hold { .. }) => "held",
            Self::Record(Record::Failed { error, .. }) => error.advice.as_str(),
            Self::Record(Record::Looked { look, .. }) => match look {
                Ok(Sighting::Seen(_)) => "seen",
                Ok(Sighting::NotSeen) => "not_seen",
                Err(_) => "failed",
            },
            Self::Record(Record::Tracked { seen, .. }) => seen.as_str(),
            Self::Record(Record::Checked { result, .. }) => match result {
                Ok(_) => "ok",
                Err(error) if matches!(error.advice, Advice::Block(_)) => "blocked",
                Err(_) => "no_answer",
            },
            Self::Settle(Settlement::Dispatched { .. }) => "accepted",
            Self::Settle(Settlement::Refused { .. }) => "refused",
            Self::Settle(Settlement::Parked { .. }) => "parked",
            // No task ends like this.
            Self::Record(Record::Command(_)) | Self::Settle(Settlement::RunSeen { .. }) => "other",
        }
    }

    /// Whether GitHub closed the identity for a while.
    const fn is_throttled(&self) -> bool {
        let error = match self {
            Self::Record(Record::Failed { error, .. }) => error,
            Self::Record(Record::Looked { look: Err(error), .. }) => error,
            Self::Record(Record::Checked {
                result: Err(error), ..
            }) => error,
            Self::Record(Record::Tracked { seen, .. }) => match seen.error() {
                Some(error) => error,
                None => return false,
            },
            Self::Settle(Settlement::Dispatched { answer, .. }) => return answer.closed_until.is_some(),
            _ => return false,
        };
        matches!(error.advice, Advice::Throttled { .. })
    }
}

/// Counts what came of a task, and writes it into its span.
fn tell(task: &Task, outcome: &Outcome, span: &Span) {
    let word = outcome.word();
    let (metric, whose, principal) = match task {
        Task::Judge(work) => (&observe::JUDGED, &work.item.route, &work.item.principal),
        Task::Probe(work) => (&observe::LOOKS, &work.item.principal, &work.item.principal),
        Task::Send(work) => (&observe::ATTEMPTS, &work.item.principal, &work.item.principal),
        Task::Track(work) => (&observe::RUN_LOOKS, &work.item.principal, &work.item.principal),
        Task::Check(target) => (&observe::CHECKS, &target.principal, &target.principal),
    };
    observe::outcome(metric, whose, word);
    if outcome.is_throttled() {
        observe::throttled(principal);
    }
    span.record("outcome", word);
    tracing::debug!(outcome = word, "a task was done");
}

/// Tasks that were begun and have not ended; each writes its outcome down as soon as it is there.
#[derive(Default)]
pub(crate) struct UnderWay<'w> {
    tasks: FuturesUnordered<BoxFuture<'w, (Room, Result<(), JournalError>)>>,
    n_looks: usize,
    n_tracks: usize,
    sends_first: bool,
}

/// Whose room a task takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Room {
    Looks,
    Sends,
    /// Beside the others: following what was dispatched delays nothing. The journal gives few of them at once.
    Tracks,
}

/// Tasks that ended together.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    pub(crate) n_done: usize,
    /// The first failure of the journal.
    pub(crate) failed: Option<JournalError>,
}

impl UnderWay<'_> {
    /// Waits until a task ends, and takes those that ended with it; none when nothing is under way.
    ///
    /// # Cancel safety
    /// What had ended by then and was not given is given the next time.
    pub(crate) async fn some_end(&mut self) -> Option<Ended> {
        let mut first = Some(self.tasks.next().await?);
        let mut ended = Ended::default();
        while let Some((room, result)) = first.take() {
            self.n_looks -= usize::from(room == Room::Looks);
            self.n_tracks -= usize::from(room == Room::Tracks);
            match result {
                Ok(()) => ended.n_done += 1,
                Err(error) => ended.failed = ended.failed.or(Some(error)),
            }
            first = self.tasks.next().now_or_never().flatten();
        }
        Some(ended)
    }
}

impl Worker {
    /// Claims what there is room for and begins it; gives when there may be more. Looks take at most half of the room, and
    /// whichever kind came second the last time comes first now: neither waits for the other's slowest.
    ///
    /// # Errors
    /// The journal failed; what was claimed ends as if the worker had crashed.
    pub(crate) async fn begin<'w>(
        &'w self,
        under_way: &mut UnderWay<'w>,
    ) -> Result<Option<Timestamp>, JournalError> {
        let mut kinds = [ClaimKind::Judge, ClaimKind::Send];
        if under_way.sends_first {
            kinds.reverse();
        }
        under_way.sends_first = !under_way.sends_first;
        let mut next_due: Option<Timestamp> = None;
        for kind in kinds {
            let n_others = under_way.tasks.len() - under_way.n_tracks;
            let room = self.max_at_once.saturating_sub(n_others);
            let max = match kind {
                ClaimKind::Judge => room.min(self.max_at_once.div_ceil(2).saturating_sub(under_way.n_looks)),
                ClaimKind::Send => room,
            };
            // Without room, whatever ends next asks again.
            if max == 0 {
                continue;
            }
            let claimed = self.claim(kind, max).await?;
            if claimed.tasks.len() < max {
                next_due = next_due.into_iter().chain(claimed.next_due).min();
            }
            for task in claimed.tasks {
                let room = match (&task, kind) {
                    (Task::Track(_), _) => Room::Tracks,
                    (_, ClaimKind::Judge) => Room::Looks,
                    (_, ClaimKind::Send) => Room::Sends,
                };
                under_way.n_looks += usize::from(room == Room::Looks);
                under_way.n_tracks += usize::from(room == Room::Tracks);
                under_way
                    .tasks
                    .push(Box::pin(async move { (room, self.one(task).await) }));
            }
        }
        Ok(next_due)
    }

    async fn claim(&self, kind: ClaimKind, max: usize) -> Result<Claimed, JournalError> {
        let request = ClaimRequest {
            kind,
            now: self.clock.now(),
            lease: self.dispatcher.longest_attempt() + MARGIN,
            max,
            budgets: self.budgets.clone(),
        };
        self.seen.worked(request.now);
        let claimed = self.journal.claim(request).await;
        let claimed = claimed.inspect_err(|_| observe::journal_failed("claim"))?;
        observe::settled(&claimed.settled);
        self.raise(&claimed.alerts);
        Ok(claimed)
    }

    /// Everything that is due now, done and written down.
    ///
    /// # Errors
    /// The journal failed; what is under way is finished first, and what was claimed besides ends as if the worker had crashed.
    pub(crate) async fn run_due(&self) -> Result<Round, JournalError> {
        let mut under_way = UnderWay::default();
        let (mut round, mut failed) = (Round::default(), None);
        loop {
            if failed.is_none() {
                match self.begin(&mut under_way).await {
                    Ok(next_due) => round.next_due = next_due,
                    Err(error) => failed = Some(error),
                }
            }
            let Some(ended) = under_way.some_end().await else {
                return failed.map_or(Ok(round), Err);
            };
            round.n_done += ended.n_done;
            failed = failed.or(ended.failed);
        }
    }

    async fn one(&self, task: Task) -> Result<(), JournalError> {
        let span = trace::work(&task);
        self.done(task, &span).instrument(span.clone()).await
    }

    async fn done(&self, task: Task, span: &Span) -> Result<(), JournalError> {
        let until = match &task {
            Task::Judge(work) | Task::Probe(work) | Task::Send(work) => {
                work.item.lease.map(|lease| lease.until)
            }
            Task::Check(target) => target.check_due_at,
            Task::Track(work) => work.track.lease.map(|lease| lease.until),
        };
        let outcome = match &task {
            Task::Judge(work) => self.judge(work).await,
            Task::Probe(work) => self.probe(work).await,
            Task::Check(target) => self.check(target).await,
            Task::Track(work) => self.track(work).await,
            Task::Send(work) => self.send(work).await,
        };
        tell(&task, &outcome, span);
        self.write_down(outcome, until.unwrap_or_default()).await
    }

    async fn judge(&self, work: &Work) -> Outcome {
        let (item, fence) = (work.item.id, work.fence);
        let (workspace, model, version) = work.about.clone();
        let hold = |wait, why| {
            Outcome::Record(Record::Hold {
                item,
                fence,
                due: self.clock.now().after(wait),
                why,
            })
        };
        let route = match self.routes.route(&work.item.snapshot) {
            Ok(route) => route,
            Err(error) => {
                return Outcome::Settle(Settlement::Parked {
                    item,
                    fence,
                    why: error.to_string(),
                });
            }
        };
        match self
            .enricher
            .enrich(&FactQuery {
                workspace,
                model,
                version,
            })
            .await
        {
            Err(error) => hold(FACTS_AGAIN, format!("facts could not be had: {}", error.why)),
            Ok(facts) => match self.gate.judge(&route, &facts) {
                Judgement::Admit => Outcome::Record(Record::Admit { item, fence }),
                Judgement::Hold { wait, why } => hold(wait, why),
                Judgement::Refuse { why } => Outcome::Settle(Settlement::Refused { item, fence, why }),
            },
        }
    }

    async fn probe(&self, work: &Work) -> Outcome {
        let item = &work.item;
        // A second doubt has a window of its own, but the run may be the first request's.
        let windows = item
            .policy
            .probe_window
            .saturating_mul(item.n_resends.saturating_add(1));
        let since = item
            .unknown_since
            .unwrap_or(item.created_at)
            .before(LIST_FROM + windows);
        let look = match DispatchTarget::parse_key(&item.target) {
            Ok(target) => {
                self.in_time(self.dispatcher.probe(&target, &item.relay_id, since))
                    .await
            }
            Err(error) => Err(DispatchError::new(Advice::GiveUp, error.to_string())),
        };
        Outcome::Record(Record::Looked {
            item: item.id,
            fence: work.fence,
            look,
        })
    }

    async fn track(&self, work: &Tracking) -> Outcome {
        let (item, track) = (&work.item, &work.track);
        let run = tracker::run_of(item).filter(|_| track.stage == Stage::Following);
        let seen = match (DispatchTarget::parse_key(&track.target), run) {
            (Err(error), _) => Observation::Look(Err(DispatchError::new(Advice::GiveUp, error.to_string()))),
            (Ok(target), Some(run)) => {
                Observation::Run(self.in_time(self.dispatcher.run(&target, run)).await)
            }
            (Ok(target), None) => {
                let since = tracker::list_from(item, track);
                let look = self.dispatcher.probe(&target, &item.relay_id, since);
                Observation::Look(self.in_time(look).await)
            }
        };
        Outcome::Record(Record::Tracked {
            item: item.id,
            fence: work.fence,
            seen,
        })
    }

    async fn check(&self, row: &Target) -> Outcome {
        let result = match DispatchTarget::parse_key(&row.key) {
            Ok(target) => self.in_time(self.dispatcher.check(&target)).await,
            Err(error) => Err(DispatchError::new(Advice::GiveUp, error.to_string())),
        };
        Outcome::Record(Record::Checked {
            target: row.key.clone(),
            result,
        })
    }

    /// A look may take many requests; all together get the time of one attempt, so that its lease outlasts it.
    async fn in_time<T>(
        &self,
        look: impl Future<Output = Result<T, DispatchError>>,
    ) -> Result<T, DispatchError> {
        let end = self.clock.sleep(self.dispatcher.longest_attempt());
        match select(std::pin::pin!(look), end).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => {
                let why = "looking took longer than one attempt may";
                Err(DispatchError::new(Advice::NotSent, why))
            }
        }
    }

    async fn send(&self, work: &Work) -> Outcome {
        let (item, fence) = (work.item.id, work.fence);
        let request = match request(&self.routes, work) {
            Ok(request) => request,
            Err(why) => return Outcome::Settle(Settlement::Parked { item, fence, why }),
        };
        let end = self.clock.now().after(self.dispatcher.longest_attempt());
        if work.item.lease.is_none_or(|lease| end > lease.until) {
            let error = DispatchError::new(
                Advice::NotSent,
                "less time than one attempt may take was left of the lease",
            );
            return Outcome::Record(Record::Failed { item, fence, error });
        }
        let began = self.clock.now();
        if work.item.n_attempts == 1 {
            observe::first_request(&work.item.route, began.since(work.item.created_at));
        }
        let answer = self.dispatcher.dispatch(&request).await;
        observe::attempt_lasted(&work.item.principal, self.clock.now().since(began));
        match answer {
            Ok(answer) => Outcome::Settle(Settlement::Dispatched { item, fence, answer }),
            Err(error) => Outcome::Record(Record::Failed { item, fence, error }),
        }
    }

    /// Writes an outcome down, again and again while the lease lasts: it is known only here.
    async fn write_down(&self, outcome: Outcome, until: Timestamp) -> Result<(), JournalError> {
        loop {
            let now = self.clock.now();
            let written = match &outcome {
                Outcome::Record(record) => self.journal.record(now, vec![record.clone()]).await,
                Outcome::Settle(settlement) => self.journal.settle(now, vec![settlement.clone()]).await,
            };
            if written.is_err() {
                observe::journal_failed(outcome.verb());
            }
            match written {
                Ok(Written {
                    alerts,
                    fenced,
                    settled,
                    ..
                }) => {
                    observe::settled(&settled);
                    observe::fenced(fenced.len());
                    for item in fenced {
                        tracing::warn!(
                            item = item.0,
                            "an outcome came after its lease had ended and was not written"
                        );
                    }
                    self.raise(&alerts);
                    return Ok(());
                }
                Err(error @ JournalError::Unavailable { .. }) if now < until => {
                    self.raise(&[Alert::JournalFailing {
                        why: error.to_string(),
                    }]);
                    self.clock.sleep(WRITE_AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn raise(&self, alerts: &[Alert]) {
        for alert in alerts {
            observe::alert(alert);
            self.seen.heard(alert, self.clock.now());
            self.alarm.raise(alert);
        }
    }
}

/// The request that an item stands for: its route's template over the bytes that were accepted.
fn request(routes: &Snapshots, work: &Work) -> Result<DispatchRequest, String> {
    let route = routes
        .route(&work.item.snapshot)
        .map_err(|error| error.to_string())?;
    let event = eventgrid_schema::Event::parse_element(&work.body).map_err(|error| error.to_string())?;
    let view = EventView::of(&event).map_err(|error| error.to_string())?;
    let payload = route
        .payload(&view, &work.item.relay_id)
        .map_err(|error| error.to_string())?;
    Ok(DispatchRequest {
        target: route.target().clone(),
        relay_id: work.item.relay_id.clone(),
        payload,
    })
}
