//! **Here**: a relay over doubles, its history in words, and the deliveries that tests write.
//! **Not here**: what must hold (`webhook`, `flow`, `release`).
//! **Reads**: `support` for the moment at which tests start.
//! **Source**: our own; STYLE section 8, flow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response};
use relay_core::clock::{Clock, Timestamp};
use relay_core::dispatch::{
    Advice, Checked, DispatchError, DispatchRequest, DispatchTarget, Dispatched, Dispatcher, RunState,
    Sighting,
};
use relay_core::journal::item::{EventRow, EventSeq, Item, ItemId, RunRef, UnreadableRow};
use relay_core::journal::scan::{Entry, HistoryRow, ItemFilter, Page, ScanQuery};
use relay_core::journal::state::Step;
use relay_core::journal::{
    AcceptBatch, Acceptance, ClaimKind, ClaimRequest, Claimed, Durability, Journal, JournalError,
    MemoryJournal, Record, Settlement, Written,
};
use relay_core::key::RelayId;
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::testing::doubles::{ManualClock, RecordingAlarm, ScriptedDispatcher};
use relay_core::testing::faults::Cut;
use relay_core::tracker::TrackStep;
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use serde_json::{Value, json};

use crate::support::{START, items};

pub(crate) const SECRET: &str = "lantern-4711";
pub(crate) const FORMER: &str = "compass-1999";
pub(crate) const WORKSPACE: &str = "/subscriptions/0f3c/resourceGroups/credit/providers/Microsoft.MachineLearningServices/workspaces/scoring";
pub(crate) const REGISTERED: &str = "Microsoft.MachineLearningServices.ModelRegistered";

/// A relay over doubles, and its doubles.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) relay: Relay,
    pub(crate) github: Arc<ScriptedDispatcher>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) alarm: Arc<RecordingAlarm>,
}

impl Rig {
    /// With a journal in memory and one route that sets nothing.
    pub(crate) fn new() -> Self {
        Self::with(MemoryJournal::new(), [deploy()])
    }

    pub(crate) fn with(
        journal: impl Journal + 'static,
        routes: impl IntoIterator<Item = RouteConfig>,
    ) -> Self {
        Self::changed(journal, routes, |builder| builder)
    }

    pub(crate) fn changed(
        journal: impl Journal + 'static,
        routes: impl IntoIterator<Item = RouteConfig>,
        change: impl FnOnce(RelayBuilder) -> RelayBuilder,
    ) -> Self {
        let github = Arc::new(ScriptedDispatcher::new());
        let (clock, alarm) = doubles();
        let builder = builder(journal, Arc::clone(&github), routes, &clock, &alarm);
        let relay = change(builder).build().unwrap();
        Self {
            relay,
            github,
            clock,
            alarm,
        }
    }

    /// Answers a delivery that shows the secret.
    pub(crate) async fn post(&self, body: impl Into<Bytes>) -> Response<Bytes> {
        self.relay.accept(post(body)).await
    }

    /// Delivers what has to be taken; gives the receipt.
    pub(crate) async fn deliver(&self, body: &Value) -> Value {
        let response = self.post(body.to_string()).await;
        assert_eq!(response.status(), 200, "{body}: {response:?}");
        json_of(&response)
    }

    pub(crate) async fn history(&self) -> Vec<HistoryRow> {
        let query = ScanQuery::History {
            after: 0,
            item: None,
            limit: 100_000,
        };
        let Page::History(rows) = self.relay.scan(query).await.unwrap() else {
            panic!("the history can be read")
        };
        rows
    }

    pub(crate) async fn events(&self) -> Vec<EventRow> {
        let query = ScanQuery::Events {
            after: EventSeq(0),
            limit: 100_000,
        };
        let Page::Events(rows) = self.relay.scan(query).await.unwrap() else {
            panic!("the events can be read")
        };
        rows
    }

    pub(crate) async fn assert_told(&self, expect: &[&str]) {
        let told: Vec<_> = self.history().await.iter().map(told).collect();
        assert_eq!(told, expect, "{told:#?}");
    }

    pub(crate) async fn items(&self) -> Vec<Item> {
        let query = ScanQuery::Items {
            after: ItemId(0),
            filter: ItemFilter::default(),
            limit: 1_000,
        };
        let Page::Items(items) = self.relay.scan(query).await.unwrap() else {
            panic!("the items can be read")
        };
        items
    }

    pub(crate) async fn release(&self, id: &str, model: &str, version: &str) -> Value {
        self.deliver(&json!([registered(id, model, version)])).await
    }

    /// Works until nothing is due any more, moving the clock to each due time.
    pub(crate) async fn drain(&self) {
        for _ in 0..1_000 {
            let Some(due) = self.relay.run_due().await.unwrap().next_due else {
                return;
            };
            assert!(due > self.clock.now(), "due at {due}, and nothing was done");
            self.clock.set(due);
        }
        panic!("it never ends: {:#?}", self.history().await);
    }

    /// The versions that were sent, in order.
    pub(crate) fn sent(&self) -> Vec<String> {
        let version =
            |request: DispatchRequest| request.payload["model_version"].as_str().unwrap().to_owned();
        self.github.requests().into_iter().map(version).collect()
    }

    /// Steps of one kind, as they were told.
    pub(crate) async fn told_of(&self, word: &str) -> Vec<String> {
        let all = self.history().await.iter().map(told).collect::<Vec<_>>();
        all.into_iter().filter(|line| line.contains(word)).collect()
    }

    pub(crate) async fn unreadable(&self) -> Vec<UnreadableRow> {
        let Page::Unreadable(rows) = self.relay.scan(ScanQuery::Unreadable).await.unwrap() else {
            panic!("what was kept aside can be read")
        };
        rows
    }

    /// Whatever was taken left no trace, and nothing follows from it.
    pub(crate) async fn assert_untouched(&self, about: &str) {
        assert_eq!(self.history().await, [], "{about}");
        assert_eq!(self.events().await, [], "{about}");
        assert_eq!(self.unreadable().await, [], "{about}");
        self.relay.run_due().await.unwrap();
        assert_eq!(self.github.asked(), [], "{about}");
    }
}

/// A journal that answers `accept` only when it is let, and whose claims for sends take their time.
#[derive(Debug)]
pub(crate) struct Slow {
    pub(crate) inner: MemoryJournal,
    /// Where `accept` waits.
    pub(crate) cut: Cut,
    pub(crate) open: AtomicBool,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) claims_take: Mutex<Vec<Duration>>,
}

impl Slow {
    pub(crate) fn new(clock: &Arc<ManualClock>) -> Self {
        Self {
            inner: MemoryJournal::new(),
            cut: Cut::Before,
            open: AtomicBool::new(true),
            clock: Arc::clone(clock),
            claims_take: Mutex::default(),
        }
    }

    /// Waits until somebody opens, asking again and again.
    async fn opened(&self, here: Cut) {
        std::future::poll_fn(|context| {
            if here != self.cut || self.open.load(Ordering::SeqCst) {
                Poll::Ready(())
            } else {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
    }
}

#[async_trait]
impl Journal for Slow {
    fn durability(&self) -> Durability {
        self.inner.durability()
    }

    async fn accept(&self, batch: AcceptBatch) -> Result<Acceptance, JournalError> {
        self.opened(Cut::Before).await;
        let accepted = self.inner.accept(batch).await;
        self.opened(Cut::After).await;
        accepted
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, JournalError> {
        let kind = request.kind;
        let claimed = self.inner.claim(request).await?;
        let sends = kind == ClaimKind::Send && !claimed.tasks.is_empty();
        if sends && let Some(takes) = self.claims_take.lock().unwrap().pop() {
            self.clock.advance(takes);
        }
        Ok(claimed)
    }

    async fn record(&self, now: Timestamp, batch: Vec<Record>) -> Result<Written, JournalError> {
        self.inner.record(now, batch).await
    }

    async fn settle(&self, now: Timestamp, batch: Vec<Settlement>) -> Result<Written, JournalError> {
        self.inner.settle(now, batch).await
    }

    async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError> {
        self.inner.scan(query).await
    }
}

/// A dispatcher that reads the journal while it is asked to send.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) script: ScriptedDispatcher,
    pub(crate) saw: Mutex<Vec<String>>,
}

#[async_trait]
impl Dispatcher for Watching {
    fn longest_attempt(&self) -> Duration {
        self.script.longest_attempt()
    }

    async fn check(&self, target: &DispatchTarget) -> Result<Checked, DispatchError> {
        self.script.check(target).await
    }

    async fn dispatch(&self, request: &DispatchRequest) -> Result<Dispatched, DispatchError> {
        let items = items(&*self.journal).await;
        let item = items
            .iter()
            .find(|item| item.relay_id == request.relay_id)
            .unwrap();
        let query = ScanQuery::History {
            after: 0,
            item: Some(item.id),
            limit: 1_000,
        };
        let Page::History(history) = self.journal.scan(query).await.unwrap() else {
            panic!("the history can be read")
        };
        let told = history.last().map(told).unwrap();
        let saw = format!("{:?} attempt {}, told: {told}", item.phase, item.n_attempts);
        self.saw.lock().unwrap().push(saw);
        self.script.dispatch(request).await
    }

    async fn probe(
        &self,
        target: &DispatchTarget,
        relay_id: &RelayId,
        since: Timestamp,
    ) -> Result<Sighting, DispatchError> {
        self.script.probe(target, relay_id, since).await
    }

    async fn run(&self, target: &DispatchTarget, run: &RunRef) -> Result<RunState, DispatchError> {
        self.script.run(target, run).await
    }
}

pub(crate) fn doubles() -> (Arc<ManualClock>, Arc<RecordingAlarm>) {
    (Arc::new(ManualClock::new(START)), Arc::new(RecordingAlarm::new()))
}

pub(crate) fn builder(
    journal: impl Journal + 'static,
    dispatcher: impl Dispatcher + 'static,
    routes: impl IntoIterator<Item = RouteConfig>,
    clock: &Arc<ManualClock>,
    alarm: &Arc<RecordingAlarm>,
) -> RelayBuilder {
    RelayBuilder::new(journal, dispatcher, RuleSet::load(routes).unwrap())
        .with_secrets(SharedSecrets::new([SECRET, FORMER]).unwrap())
        .with_clock(Arc::clone(clock))
        .with_alarm(Arc::clone(alarm))
}

/// A route that sets nothing, but does not want to know what became of what it sent: `tracking` asks for that.
pub(crate) fn deploy() -> RouteConfig {
    let mut route = RouteConfig::new("deploy", "contoso/deploy");
    (route.run_seen_within_s, route.run_concluded_within_s) = (0, 0);
    route
}

/// One ModelRegistered in the Event Grid schema.
pub(crate) fn registered(id: &str, model: &str, version: &str) -> Value {
    json!({
        "id": id,
        "topic": WORKSPACE,
        "subject": format!("models/{model}:{version}"),
        "eventType": REGISTERED,
        "eventTime": "2026-11-22T10:00:00.2500000Z",
        "data": {"modelName": model, "modelVersion": version, "modelTags": {"stage": "prod"}, "modelProperties": {}},
        "dataVersion": "2",
        "metadataVersion": "1"
    })
}

pub(crate) fn request(method: &Method, uri: &str, headers: &[(&str, &str)], body: Bytes) -> Request<Bytes> {
    let mut request = Request::builder().method(method.clone()).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

pub(crate) fn post(body: impl Into<Bytes>) -> Request<Bytes> {
    let uri = format!("/events?code={SECRET}");
    request(&Method::POST, &uri, &[], body.into())
}

pub(crate) fn header<'r>(response: &'r Response<Bytes>, name: &str) -> Option<&'r str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

pub(crate) fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// The numbers of a receipt: accepted, seen again, unwanted, unreadable, Event Grid's own.
pub(crate) fn receipt(numbers: [u64; 5]) -> Value {
    let [accepted, seen_again, unwanted, unreadable, system] = numbers;
    json!({
        "accepted": accepted,
        "seen_again": seen_again,
        "unwanted": unwanted,
        "unreadable": unreadable,
        "system": system
    })
}

/// A line of history as a test writes it: seconds since the start, what it is about, what happened.
pub(crate) fn told(row: &HistoryRow) -> String {
    let seconds = |at: &Timestamp| at.since(START).as_secs_f64();
    let what = match &row.entry {
        Entry::Accepted => "accepted".to_owned(),
        Entry::SeenAgain { .. } => "seen again".to_owned(),
        Entry::Unwanted { why } => format!("unwanted: {why}"),
        Entry::Began { item } => format!(
            "began {} {} generation {}",
            item.route,
            item.place.as_ref().map(ToString::to_string).unwrap_or_default(),
            item.generation
        ),
        Entry::Stepped { step } => match step {
            Step::Hold { due, why }
            | Step::Retry { due, why, .. }
            | Step::Doubt { due, why }
            | Step::LookAgain { due, why }
            | Step::Resend { due, why } => format!("{} at {}: {why}", step.as_str(), seconds(due)),
            Step::Dispatch { run: Some(run) } | Step::SeeRun { run } => {
                format!("{} run {}", step.as_str(), run.id)
            }
            Step::Supersede { by } => {
                format!("supersede by {}", by.split(" (").next().unwrap_or_default())
            }
            Step::Park { why } | Step::Refuse { why } | Step::Cancel { why } => {
                format!("{}: {why}", step.as_str())
            }
            step => step.as_str().to_owned(),
        },
        Entry::Tracked { step } => match step {
            TrackStep::Late { why } => format!("late: {why}"),
            TrackStep::Conclude { run, conclusion } => format!("run {} concluded: {conclusion}", run.id),
            TrackStep::GiveUp { why } => format!("untracked: {why}"),
            TrackStep::Stop { why } => format!("no longer looked for: {why}"),
            other => format!("{other:?}"),
        },
        Entry::Checked { found, .. } => format!("checked: {found}"),
        Entry::Throttled { name, until } => format!("throttled {name} until {}", seconds(until)),
        Entry::Blocked { scope, why, .. } => format!("blocked {scope}: {why}"),
        Entry::Unblocked { scope, .. } => format!("unblocked {scope}"),
        other => format!("{other:?}"),
    };
    let about = match (row.event, row.item) {
        (_, Some(item)) => format!(" item {}", item.0),
        (Some(event), None) => format!(" event {}", event.0),
        (None, None) => String::new(),
    };
    format!("{}{about} {what}", seconds(&row.at))
}

pub(crate) fn error<T>(advice: Advice, why: &str) -> Result<T, DispatchError> {
    Err(DispatchError::new(advice, why))
}

pub(crate) fn run(id: &str) -> RunRef {
    RunRef {
        id: id.to_owned(),
        url: None,
    }
}

pub(crate) fn after(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}
