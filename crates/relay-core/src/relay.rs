//! **Here**: [`Relay`] and its builder: what is plugged together, and the two halves `accept` and `run_due`.
//! **Not here**: sockets, signals, configuration files (hosts).
//! **Reads**: every module before it; it is the only one that sees all.
//! **Source**: DESIGN section 3, two halves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use serde::Serialize;
use tracing::{Instrument as _, Span};

use crate::alarm::{Alarm, LogAlarm};
use crate::budget::Budget;
use crate::clock::{Clock, Timestamp};
use crate::dispatch::Dispatcher;
use crate::drain::{self, Drain};
use crate::enrich::{Enricher, NoEnrichment};
use crate::error::BuildError;
use crate::health::{self, Health, Known, Seen};
use crate::intake::{self, KeepUnreadable};
use crate::journal::item::ItemId;
use crate::journal::scan::{Overview, Page, ScanQuery};
use crate::journal::{
    AcceptBatch, Budgets, Command, Compacted, Journal, JournalAdmin, JournalError, Record, Written,
};
use crate::observe;
use crate::reply::Reply;
use crate::retention::Retention;
#[cfg(feature = "tokio")]
use crate::retention::Schedule;
use crate::rules::gate::{AdmitAll, Gate};
use crate::rules::{Router, Snapshots};
use crate::trace;
use crate::webhook::{DEFAULT_MAX_BODY_BYTES, DEFAULT_ORIGINS, Early, SharedSecrets, Webhook};
#[cfg(feature = "tokio")]
use crate::worker::UnderWay;
use crate::worker::{Round, Worker};

/// A relay: takes deliveries, and sends what is due. Cheap to clone; all clones are one relay.
#[derive(Clone, Debug)]
pub struct Relay {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    webhook: Webhook,
    router: Arc<dyn Router>,
    worker: Worker,
    keep: KeepUnreadable,
    retention: Option<Retention>,
    counters: Counters,
    #[cfg(feature = "tokio")]
    wake: tokio::sync::Notify,
}

/// What is plugged together into a [`Relay`].
#[derive(Debug)]
pub struct RelayBuilder {
    journal: Arc<dyn Journal>,
    dispatcher: Arc<dyn Dispatcher>,
    router: Arc<dyn Router>,
    enricher: Arc<dyn Enricher>,
    gate: Arc<dyn Gate>,
    clock: Option<Arc<dyn Clock>>,
    alarm: Arc<dyn Alarm>,
    secrets: Option<SharedSecrets>,
    origins: Vec<String>,
    max_body_bytes: usize,
    budgets: Budgets,
    max_at_once: usize,
    keep: KeepUnreadable,
    retention: Option<Retention>,
}

impl RelayBuilder {
    /// The three things that every relay needs. Nothing is contacted before the relay is used.
    #[must_use]
    pub fn new(
        journal: impl Journal + 'static,
        dispatcher: impl Dispatcher + 'static,
        router: impl Router + 'static,
    ) -> Self {
        Self {
            journal: Arc::new(journal),
            dispatcher: Arc::new(dispatcher),
            router: Arc::new(router),
            enricher: Arc::new(NoEnrichment),
            gate: Arc::new(AdmitAll),
            clock: default_clock(),
            alarm: Arc::new(LogAlarm),
            secrets: None,
            origins: DEFAULT_ORIGINS.map(str::to_owned).to_vec(),
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
            budgets: Budgets::default(),
            max_at_once: 16,
            keep: KeepUnreadable {
                rows: 1_000,
                bytes: 16 * 1024 * 1024,
            },
            retention: None,
        }
    }

    /// Who may deliver. There is no default: a webhook that anybody may use has to be asked for.
    #[must_use]
    pub fn with_secrets(mut self, secrets: SharedSecrets) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// Where facts come from; without one, none are known.
    #[must_use]
    pub fn with_enricher(mut self, enricher: impl Enricher + 'static) -> Self {
        self.enricher = Arc::new(enricher);
        self
    }

    /// What judges facts; without one, everything is admitted.
    #[must_use]
    pub fn with_gate(mut self, gate: impl Gate + 'static) -> Self {
        self.gate = Arc::new(gate);
        self
    }

    /// The clock; tokio's by default where that feature is on.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Who is told what a person must know; the log by default.
    #[must_use]
    pub fn with_alarm(mut self, alarm: impl Alarm + 'static) -> Self {
        self.alarm = Arc::new(alarm);
        self
    }

    /// The origins that may ask for consent by `OPTIONS`; those of Event Grid's clouds by default.
    #[must_use]
    pub fn with_origins(mut self, origins: impl IntoIterator<Item = String>) -> Self {
        self.origins = origins
            .into_iter()
            .map(|origin| origin.to_ascii_lowercase())
            .collect();
        self
    }

    /// The largest body that is taken, in bytes; 4 MiB by default.
    #[must_use]
    pub const fn with_max_body_bytes(mut self, max: usize) -> Self {
        self.max_body_bytes = max;
        self
    }

    /// The budget of every identity that has none of its own.
    #[must_use]
    pub const fn with_budget(mut self, budget: Budget) -> Self {
        self.budgets.default = budget;
        self
    }

    /// The budget of one identity.
    #[must_use]
    pub fn with_budget_of(mut self, identity: impl Into<String>, budget: Budget) -> Self {
        self.budgets.of.insert(identity.into(), budget);
        self
    }

    /// How many requests are under way at once over all identities; 16 by default. A few looks for runs of what was dispatched
    /// ([`tracker::AT_ONCE`](crate::tracker::AT_ONCE)) come beside them.
    #[must_use]
    pub const fn with_max_at_once(mut self, max: usize) -> Self {
        self.max_at_once = max;
        self
    }

    /// How many unreadable elements are kept, and of how many bytes together; 1,000 and 16 MiB by default.
    #[must_use]
    pub const fn with_unreadable_kept(mut self, rows: usize, bytes: usize) -> Self {
        self.keep = KeepUnreadable { rows, bytes };
        self
    }

    /// For how long bodies, routes and histories of what is over are kept; for ever by default. `admin` is the relay's own journal by its
    /// second trait: give both the same `Arc`. [`run_until`](Relay::run_until) removes what is older, at its start and each hour, in
    /// steps that no delivery notices; a host that calls [`run_due`](Relay::run_due) calls [`compact`](Relay::compact) as well.
    #[must_use]
    pub fn with_retention(mut self, admin: impl JournalAdmin + 'static, keep: Duration) -> Self {
        let admin = Arc::new(admin);
        self.retention = Some(Retention { admin, keep });
        self
    }

    /// The relay. Offline: nothing is contacted.
    ///
    /// # Errors
    /// Something that has no safe default was not said.
    pub fn build(self) -> Result<Relay, BuildError> {
        let secrets = self.secrets.ok_or(BuildError::NoSecrets)?;
        let clock = self.clock.ok_or(BuildError::NoClock)?;
        if self.max_at_once == 0 {
            return Err(BuildError::NothingAtOnce);
        }
        Ok(Relay {
            inner: Arc::new(Inner {
                webhook: Webhook {
                    secrets,
                    max_body_bytes: self.max_body_bytes,
                    origins: self.origins,
                },
                router: self.router,
                worker: Worker {
                    journal: self.journal,
                    dispatcher: self.dispatcher,
                    enricher: self.enricher,
                    gate: self.gate,
                    clock,
                    alarm: self.alarm,
                    budgets: self.budgets,
                    seen: Seen::default(),
                    routes: Snapshots::default(),
                    max_at_once: self.max_at_once,
                },
                keep: self.keep,
                retention: self.retention,
                counters: Counters::default(),
                #[cfg(feature = "tokio")]
                wake: tokio::sync::Notify::new(),
            }),
        })
    }
}

#[cfg(feature = "tokio")]
pub(crate) fn default_clock() -> Option<Arc<dyn Clock>> {
    Some(Arc::new(crate::clock::TokioClock))
}

#[cfg(not(feature = "tokio"))]
pub(crate) fn default_clock() -> Option<Arc<dyn Clock>> {
    None
}

#[derive(Debug, Default)]
struct Counters {
    deliveries: AtomicU64,
    accepted: AtomicU64,
    seen_again: AtomicU64,
    unwanted: AtomicU64,
    unreadable: AtomicU64,
    unauthorized: AtomicU64,
    refused: AtomicU64,
    not_promised: AtomicU64,
}

/// What this process has taken since it started.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Requests of any kind.
    pub deliveries: u64,
    /// Events that a route wanted.
    pub accepted: u64,
    /// Events that were known.
    pub seen_again: u64,
    /// Events that no route wanted.
    pub unwanted: u64,
    /// Elements that were kept aside.
    pub unreadable: u64,
    /// Requests with no secret, or a wrong one.
    pub unauthorized: u64,
    /// Requests that can never be taken: too large, not JSON, another method, no consent.
    pub refused: u64,
    /// Deliveries that the journal could not promise.
    pub not_promised: u64,
}

impl Relay {
    /// The first half: takes one request of Event Grid and answers it. Never talks to GitHub, and answers 2xx only after
    /// the journal has said `Ok`.
    ///
    /// # Cancel safety
    /// A dropped future leaves it open whether the delivery was written down; Event Grid delivers it again, and it is
    /// seen again then. On a tokio runtime what was begun goes on to its end: a sender that hangs up takes no alarm with it.
    pub async fn accept(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.reply(request).await.into_response()
    }

    /// The same, as a value.
    ///
    /// # Cancel safety
    /// As [`accept`](Self::accept).
    pub async fn reply(&self, request: Request<Bytes>) -> Reply {
        let span = trace::delivery(request.headers());
        let reply = match span.in_scope(|| self.inner.webhook.admit(request)) {
            Ok(body) => {
                let relay = self.clone();
                // Without an answer from there the delivery may be written down or not: it comes again.
                let taken = async move { relay.take(&body).await };
                to_its_end(taken.instrument(span.clone()))
                    .await
                    .unwrap_or(Reply::TryAgain)
            }
            Err(early) => span.in_scope(|| self.answer(*early)),
        };
        tell(&span, &reply);
        reply
    }

    /// What can be answered before the body is there: another method, no secret, a handshake by `OPTIONS`, a `content-length`
    /// beyond the limit. A host that asks this first holds no body of a stranger in memory. None: read the body, and call
    /// [`accept`](Self::accept), which asks all of it again.
    #[must_use]
    pub fn reply_to_head(&self, head: &Parts) -> Option<Reply> {
        let early = self.inner.webhook.admit_head(head).err()?;
        let span = trace::delivery(&head.headers);
        let reply = span.in_scope(|| self.answer(*early));
        tell(&span, &reply);
        Some(reply)
    }

    fn answer(&self, early: Early) -> Reply {
        let Early { reply, alert } = early;
        self.inner.worker.raise(alert.as_slice());
        self.count(&reply);
        reply
    }

    fn count(&self, reply: &Reply) {
        let counters = &self.inner.counters;
        let add = |counter: &AtomicU64, n: usize| {
            counter.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
        };
        observe::delivery(reply);
        add(&counters.deliveries, 1);
        match reply {
            Reply::Accepted(receipt) => {
                add(&counters.accepted, receipt.accepted);
                add(&counters.seen_again, receipt.seen_again);
                add(&counters.unwanted, receipt.unwanted);
                add(&counters.unreadable, receipt.unreadable);
            }
            Reply::Validated { .. } | Reply::Consented(_) => self.inner.worker.seen.shook_hands(),
            Reply::Unauthorized => add(&counters.unauthorized, 1),
            Reply::TryAgain => add(&counters.not_promised, 1),
            Reply::Unreadable { .. } | Reply::TooLarge { .. } | Reply::WrongMethod | Reply::NoConsent => {
                add(&counters.refused, 1);
            }
        }
    }

    /// Writes a delivery down, tells what is alarming about it, wakes whoever sends, and counts it.
    async fn take(&self, body: &[u8]) -> Reply {
        let Inner {
            webhook,
            router,
            worker,
            keep,
            ..
        } = &*self.inner;
        let now = worker.clock.now();
        worker.seen.delivered(now);
        let max = webhook.max_body_bytes;
        let taken = intake::take(&*worker.journal, &**router, *keep, max, now, body).await;
        worker.raise(&taken.alerts);
        if taken.work {
            self.wake();
        }
        self.count(&taken.reply);
        observe::accepted_in(worker.clock.now().since(now));
        taken.reply
    }

    /// The largest body that is taken, in bytes: a host need not read further than one byte more.
    #[must_use]
    pub fn max_body_bytes(&self) -> usize {
        self.inner.webhook.max_body_bytes
    }

    /// The second half: does everything that is due now, and says when there may be more.
    ///
    /// # Errors
    /// The journal failed. What was claimed ends as if the process had crashed: nothing is lost.
    ///
    /// # Cancel safety
    /// Not cancel safe: a request under way becomes "unknown" and is settled by its route's policy.
    pub async fn run_due(&self) -> Result<Round, JournalError> {
        self.inner.worker.run_due().await
    }

    /// Removes what is older than [`with_retention`](RelayBuilder::with_retention) says, all of it; nothing where nothing was said.
    ///
    /// # Errors
    /// The journal failed; what was removed before is gone, and nothing is half removed.
    pub async fn compact(&self) -> Result<Compacted, JournalError> {
        match &self.inner.retention {
            Some(retention) => retention.all(self.now()).await,
            None => Ok(Compacted::default()),
        }
    }

    /// Carries out what a person asks for; gives the items it made.
    ///
    /// # Errors
    /// The journal failed, or the command cannot be carried out: the text says why.
    pub async fn command(&self, command: Command) -> Result<Vec<ItemId>, JournalError> {
        Ok(self.carry_out(command).await?.made)
    }

    /// The same, and what a command for many passed over.
    ///
    /// # Errors
    /// As [`command`](Self::command).
    pub async fn carry_out(&self, command: Command) -> Result<Written, JournalError> {
        let worker = &self.inner.worker;
        let written = worker
            .journal
            .record(worker.clock.now(), vec![Record::Command(command)])
            .await
            .inspect_err(|error| {
                if !matches!(error, JournalError::Refused { .. }) {
                    observe::journal_failed("record");
                }
            })?;
        observe::settled(&written.settled);
        worker.raise(&written.alerts);
        self.wake();
        Ok(written)
    }

    /// Reads a page of the journal.
    ///
    /// # Errors
    /// It could not be read.
    pub async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError> {
        self.inner.worker.journal.scan(query).await
    }

    /// How the relay stands. Writes to the journal: only that shows whether it can promise.
    pub async fn health(&self) -> Health {
        let worker = &self.inner.worker;
        let probe = AcceptBatch {
            now: worker.clock.now(),
            ..AcceptBatch::default()
        };
        let promise = worker.journal.accept(probe).await;
        let why = promise.err().map(|error| {
            observe::journal_failed("accept");
            crate::report::report(&error)
        });
        self.told(why).await
    }

    /// Sets every gauge of [`observe`] from what the journal says now. Only reads: call it before the numbers are shown, and not more
    /// often than they change for whoever looks.
    #[cfg(feature = "metrics")]
    pub async fn measure(&self) {
        let health = self.told(None).await;
        observe::gauges(&health, self.now());
    }

    async fn told(&self, why: Option<String>) -> Health {
        let worker = &self.inner.worker;
        let (journal, drains) = self.standing().await;
        let (counts, since_start) = (self.counts(), worker.seen.since_start());
        let known = Known {
            now: worker.clock.now(),
            why: why.as_deref(),
            journal: journal.as_ref(),
            counts: &counts,
            since_start: &since_start,
        };
        Health {
            ready: why.is_none(),
            problems: health::problems(&known),
            why,
            drains,
            counts,
            since_start,
            journal,
        }
    }

    /// What the journal says of itself, and when what waits will have been sent. Only reads.
    async fn standing(&self) -> (Option<Overview>, Vec<Drain>) {
        let Worker {
            journal,
            budgets,
            clock,
            ..
        } = &self.inner.worker;
        let overview = match journal.scan(ScanQuery::Overview).await {
            Ok(Page::Overview(overview)) => overview,
            Ok(_) => return (None, Vec::new()),
            Err(error) => {
                observe::journal_failed("scan");
                tracing::warn!(error = %crate::report::report(&error), "the journal could not be read");
                return (None, Vec::new());
            }
        };
        let mut drains = Vec::new();
        for (name, budget) in health::principals(&overview, budgets) {
            let query = ScanQuery::Attempts {
                principal: name.to_owned(),
                limit: drain::reach(budget),
            };
            let attempts = match journal.scan(query).await {
                Ok(Page::Attempts(attempts)) => attempts,
                _ => Vec::new(),
            };
            drains.push(health::drain(name, budget, &overview, &attempts, clock.now()));
        }
        (Some(overview), drains)
    }

    /// What this process has taken since it started.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let counters = &self.inner.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            deliveries: read(&counters.deliveries),
            accepted: read(&counters.accepted),
            seen_again: read(&counters.seen_again),
            unwanted: read(&counters.unwanted),
            unreadable: read(&counters.unreadable),
            unauthorized: read(&counters.unauthorized),
            refused: read(&counters.refused),
            not_promised: read(&counters.not_promised),
        }
    }

    /// The moment by the relay's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.worker.clock.now()
    }

    #[cfg(feature = "tokio")]
    fn wake(&self) {
        self.inner.wake.notify_one();
    }

    #[cfg(not(feature = "tokio"))]
    #[expect(
        clippy::unused_self,
        reason = "without tokio nobody sleeps who could be woken"
    )]
    const fn wake(&self) {}
}

/// Writes an answer into the span of its delivery.
fn tell(span: &Span, reply: &Reply) {
    span.record("reply", reply.as_str());
    if let Reply::Accepted(receipt) = reply {
        span.record("accepted", receipt.accepted);
    }
    span.in_scope(|| tracing::debug!("a delivery was answered"));
}

/// Does it as a task of its own where there is a runtime, so that it ends even when nobody waits any more. None when the
/// task failed.
#[cfg(feature = "tokio")]
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn(work).await.ok(),
        Err(_) => Some(work.await),
    }
}

#[cfg(not(feature = "tokio"))]
pub(crate) async fn to_its_end<T>(work: impl Future<Output = T>) -> Option<T> {
    Some(work.await)
}

#[cfg(feature = "tokio")]
impl Relay {
    /// Runs the second half until `stop` is ready: claims whenever something was accepted, has ended or is due. What is under way
    /// when `stop` comes is finished and written down first.
    ///
    /// # Cancel safety
    /// Not cancel safe; let `stop` end it.
    pub async fn run_until(&self, stop: impl Future<Output = ()> + Send) {
        /// How long nothing is done at most: a clock that jumped is noticed by then.
        const LONGEST: Duration = Duration::from_secs(60);
        /// A moment that has come is claimed at once; what cannot be claimed yet is not asked for without a pause.
        const SHORTEST: Duration = Duration::from_millis(1);
        const AFTER_FAILURE: Duration = Duration::from_secs(1);
        let mut stop = std::pin::pin!(stop);
        let worker = &self.inner.worker;
        let mut under_way = UnderWay::default();
        let mut compaction = Schedule::default();
        self.tell_pauses().await;
        let failing = |error: &JournalError| {
            worker.raise(&[crate::alarm::Alert::JournalFailing {
                why: crate::report::report(error),
            }]);
            AFTER_FAILURE
        };
        loop {
            let wait = match worker.begin(&mut under_way).await {
                Ok(next_due) => next_due.map_or(LONGEST, |due| {
                    due.since(worker.clock.now()).clamp(SHORTEST, LONGEST)
                }),
                Err(error) => failing(&error),
            };
            let wait = match &self.inner.retention {
                Some(retention) => {
                    let now = worker.clock.now();
                    if compaction.is_due(now) {
                        let done = retention.step(now).await;
                        if let Err(error) = &done {
                            failing(error);
                        }
                        compaction.note(now, &done);
                    }
                    wait.min(compaction.wait(now).max(SHORTEST))
                }
                None => wait,
            };
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(ended) = under_way.some_end() => {
                    if let Some(error) = ended.failed {
                        let wait = failing(&error);
                        worker.clock.sleep(wait).await;
                    }
                }
                () = self.inner.wake.notified() => {}
                () = worker.clock.sleep(wait) => {}
            }
        }
        while let Some(ended) = under_way.some_end().await {
            if let Some(error) = ended.failed {
                failing(&error);
            }
        }
    }
    /// A relay that starts paused, since its journal is a copy or a person said so, looks well and sends nothing.
    async fn tell_pauses(&self) {
        let Ok(Page::Overview(overview)) = self.scan(ScanQuery::Overview).await else {
            return;
        };
        self.inner.worker.raise(&overview.pauses());
    }
}
