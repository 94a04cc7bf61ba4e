//! **Here**: a clock that tests move, and doubles of dispatcher, enricher and alarm that answer from a script and remember.
//! **Not here**: journals that fail (`faults`), rows to start from (`rows`).
//! **Reads**: `clock`, `dispatch`, `enrich`, `alarm`.
//! **Source**: our own; STYLE section 8.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;

use crate::alarm::{Alarm, Alert};
use crate::clock::{Clock, Timestamp};
use crate::dispatch::{
    Checked, DispatchError, DispatchRequest, DispatchTarget, Dispatched, Dispatcher, RunState, Sighting,
};
use crate::enrich::{EnrichError, Enricher, FactQuery, Facts};
use crate::journal::item::RunRef;
use crate::key::RelayId;

/// A clock that stands still until it is moved.
///
/// `sleep` moves it by the wait and yields once to the executor: a test never waits, and whoever sleeps finds the time
/// passed. Two sleepers therefore move it twice; a test of several should sleep in one of them.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<(Timestamp, Vec<Duration>)>,
}

impl ManualClock {
    /// A clock that shows this instant.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self {
            state: Mutex::new((now, Vec::new())),
        }
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        let mut state = locked(&self.state);
        state.0 = state.0.after(by);
    }

    /// Sets it, backwards too.
    pub fn set(&self, now: Timestamp) {
        locked(&self.state).0 = now;
    }

    /// How long was slept, each time.
    #[must_use]
    pub fn sleeps(&self) -> Vec<Duration> {
        locked(&self.state).1.clone()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        locked(&self.state).0
    }

    async fn sleep(&self, wait: Duration) {
        self.advance(wait);
        locked(&self.state).1.push(wait);
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// One question that a [`ScriptedDispatcher`] was asked.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "one variant for each method of the trait")]
pub enum Asked {
    /// A check.
    Check(DispatchTarget),
    /// An attempt.
    Dispatch(DispatchRequest),
    /// A look for a run.
    Probe {
        /// Where.
        target: DispatchTarget,
        /// For which id.
        relay_id: RelayId,
        /// From when on runs are listed.
        since: Timestamp,
    },
    /// How a run is doing.
    Run {
        /// Where.
        target: DispatchTarget,
        /// Which.
        run: RunRef,
    },
}

/// A dispatcher that answers from queues, then with its standing answers, and remembers what it was asked.
///
/// Standing answers: every target shows relay ids, every attempt is accepted, a run is seen of every attempt that was answered so,
/// and of no other; every run succeeded.
#[derive(Debug)]
pub struct ScriptedDispatcher {
    longest_attempt: Duration,
    script: Mutex<Script>,
}

#[derive(Debug)]
struct Script {
    asked: Vec<Asked>,
    checks: Answers<Result<Checked, DispatchError>>,
    dispatches: Answers<Result<Dispatched, DispatchError>>,
    probes: Answers<Option<Result<Sighting, DispatchError>>>,
    /// In order; the runs are numbered from 1.
    accepted: Vec<RelayId>,
    runs: VecDeque<Result<RunState, DispatchError>>,
}

#[derive(Debug)]
struct Answers<T> {
    queue: VecDeque<T>,
    standing: T,
}

impl<T: Clone> Answers<T> {
    const fn always(standing: T) -> Self {
        Self {
            queue: VecDeque::new(),
            standing,
        }
    }

    fn next(&mut self) -> T {
        self.queue.pop_front().unwrap_or_else(|| self.standing.clone())
    }
}

impl Default for ScriptedDispatcher {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedDispatcher {
    /// With nothing in its queues, and 30 s as the longest attempt.
    #[must_use]
    pub fn new() -> Self {
        let script = Script {
            asked: Vec::new(),
            checks: Answers::always(Ok(Checked {
                shows_relay_id: Some(true),
                remarks: Vec::new(),
            })),
            dispatches: Answers::always(Ok(Dispatched::default())),
            probes: Answers::always(None),
            accepted: Vec::new(),
            runs: VecDeque::new(),
        };
        Self {
            longest_attempt: Duration::from_secs(30),
            script: Mutex::new(script),
        }
    }

    /// Says that an attempt can take this long.
    #[must_use]
    pub const fn with_longest_attempt(mut self, longest: Duration) -> Self {
        self.longest_attempt = longest;
        self
    }

    /// Answers the next unscripted check like this.
    pub fn then_check(&self, answer: Result<Checked, DispatchError>) {
        locked(&self.script).checks.queue.push_back(answer);
    }

    /// Answers the next unscripted attempt like this.
    pub fn then_dispatch(&self, answer: Result<Dispatched, DispatchError>) {
        locked(&self.script).dispatches.queue.push_back(answer);
    }

    /// Answers the next unscripted look like this.
    pub fn then_probe(&self, answer: Result<Sighting, DispatchError>) {
        locked(&self.script).probes.queue.push_back(Some(answer));
    }

    /// Answers the next unscripted question about a run like this.
    pub fn then_run(&self, answer: Result<RunState, DispatchError>) {
        locked(&self.script).runs.push_back(answer);
    }

    /// Answers every check like this once the queue is empty.
    pub fn always_check(&self, answer: Result<Checked, DispatchError>) {
        locked(&self.script).checks.standing = answer;
    }

    /// Answers every attempt like this once the queue is empty.
    pub fn always_dispatch(&self, answer: Result<Dispatched, DispatchError>) {
        locked(&self.script).dispatches.standing = answer;
    }

    /// Answers every look like this once the queue is empty.
    pub fn always_probe(&self, answer: Result<Sighting, DispatchError>) {
        locked(&self.script).probes.standing = Some(answer);
    }

    /// Everything it was asked, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        locked(&self.script).asked.clone()
    }

    /// The attempts among it.
    #[must_use]
    pub fn requests(&self) -> Vec<DispatchRequest> {
        let asked = self.asked().into_iter();
        asked
            .filter_map(|asked| {
                if let Asked::Dispatch(request) = asked {
                    Some(request)
                } else {
                    None
                }
            })
            .collect()
    }

    fn ask(&self, asked: Asked) -> MutexGuard<'_, Script> {
        let mut script = locked(&self.script);
        script.asked.push(asked);
        script
    }
}

#[async_trait]
impl Dispatcher for ScriptedDispatcher {
    fn longest_attempt(&self) -> Duration {
        self.longest_attempt
    }

    async fn check(&self, target: &DispatchTarget) -> Result<Checked, DispatchError> {
        self.ask(Asked::Check(target.clone())).checks.next()
    }

    async fn dispatch(&self, request: &DispatchRequest) -> Result<Dispatched, DispatchError> {
        let mut script = self.ask(Asked::Dispatch(request.clone()));
        let answer = script.dispatches.next();
        if answer.is_ok() {
            script.accepted.push(request.relay_id.clone());
        }
        answer
    }

    async fn probe(
        &self,
        target: &DispatchTarget,
        relay_id: &RelayId,
        since: Timestamp,
    ) -> Result<Sighting, DispatchError> {
        let asked = Asked::Probe {
            target: target.clone(),
            relay_id: relay_id.clone(),
            since,
        };
        let mut script = self.ask(asked);
        script.probes.next().unwrap_or_else(|| {
            let first = script.accepted.iter().position(|id| id == relay_id);
            Ok(first.map_or(Sighting::NotSeen, |index| {
                Sighting::Seen(RunRef {
                    id: (index + 1).to_string(),
                    url: None,
                })
            }))
        })
    }

    async fn run(&self, target: &DispatchTarget, run: &RunRef) -> Result<RunState, DispatchError> {
        let scripted = self
            .ask(Asked::Run {
                target: target.clone(),
                run: run.clone(),
            })
            .runs
            .pop_front();
        let (status, conclusion) = (Some("completed".to_owned()), Some("success".to_owned()));
        scripted.unwrap_or_else(|| {
            Ok(RunState {
                run: run.clone(),
                status,
                conclusion,
            })
        })
    }
}

/// An enricher that answers from a queue, then knows nothing, and remembers what it was asked.
#[derive(Debug, Default)]
pub struct ScriptedEnricher {
    answers: Mutex<VecDeque<Result<Facts, EnrichError>>>,
    asked: Mutex<Vec<FactQuery>>,
}

impl ScriptedEnricher {
    /// With nothing in its queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers the next unscripted question like this.
    pub fn then(&self, answer: Result<Facts, EnrichError>) {
        locked(&self.answers).push_back(answer);
    }

    /// Everything it was asked, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<FactQuery> {
        locked(&self.asked).clone()
    }
}

#[async_trait]
impl Enricher for ScriptedEnricher {
    async fn enrich(&self, query: &FactQuery) -> Result<Facts, EnrichError> {
        locked(&self.asked).push(query.clone());
        let scripted = locked(&self.answers).pop_front();
        scripted.unwrap_or_else(|| Ok(Facts::default()))
    }
}

/// An alarm that remembers.
#[derive(Debug, Default)]
pub struct RecordingAlarm {
    alerts: Mutex<Vec<Alert>>,
}

impl RecordingAlarm {
    /// With nothing raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was raised so far, in order.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        locked(&self.alerts).clone()
    }

    /// What was raised since the last time this was called.
    #[must_use]
    pub fn take(&self) -> Vec<Alert> {
        std::mem::take(&mut *locked(&self.alerts))
    }
}

impl Alarm for RecordingAlarm {
    fn raise(&self, alert: &Alert) {
        locked(&self.alerts).push(alert.clone());
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that failed while it held the lock has said so already.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
