//! **Here**: rows that tests start from.
//! **Not here**: doubles of traits (`doubles`), the contract suite (`contract`).
//! **Reads**: `journal::item`.
//! **Source**: our own.

use std::time::Duration;

use github_dispatch::{DispatchEventType, RepoFullName};

use crate::clock::Timestamp;
use crate::dispatch::DispatchTarget;
use crate::journal::item::{EventSeq, Item, ItemId, Phase, Policy};
use crate::journal::{NewEvent, NewItem};
use crate::key::{DispatchKey, RelayId, ReleaseKey};
use crate::lane::{LaneMode, Order, Place};
use crate::retry::{Again, OnUnknown};

/// The policy of a route that sets nothing, but does not want to know what became of what it sent: a test of that asks for it.
#[must_use]
pub fn policy() -> Policy {
    Policy {
        lane: LaneMode::Latest,
        order: Order::Version,
        unknown: OnUnknown::Probe,
        probe_window: Duration::from_secs(600),
        again: Again::Park,
        priority: 0,
        wants_facts: false,
        run_seen_within: None,
        run_concluded_within: None,
    }
}

/// A waiting item that releases version `n` of one model.
#[must_use]
pub fn item(n: i64) -> Item {
    let key = DispatchKey::new(&ReleaseKey::of_model("/w", "m", &n.to_string()), "deploy");
    Item {
        id: ItemId(n),
        relay_id: RelayId::new(&key, 1),
        key,
        generation: 1,
        event: EventSeq(n),
        route: "deploy".to_owned(),
        snapshot: "{}".to_owned(),
        policy: policy(),
        target: "target".to_owned(),
        principal: "default".to_owned(),
        lane: Some("lane".to_owned()),
        place: Place::of_version(&n.to_string()).ok(),
        allow_older: false,
        phase: Phase::Waiting,
        verdict: None,
        due_at: Timestamp::default(),
        lease: None,
        n_attempts: 0,
        n_not_sent: 0,
        retry_since: None,
        unknown_since: None,
        n_looks: 0,
        n_resends: 0,
        holds_lane: true,
        created_at: Timestamp::default(),
        settled_at: None,
    }
}

/// A `ModelRegistered` event with one route, about to be accepted: what intake would make of it.
///
/// Two arrivals with the same model and version are the same release. Each has an event id of its own, made from model,
/// version and time, unless [`with_id`](Self::with_id) says another.
#[derive(Clone, Debug)]
pub struct Arrival {
    model: String,
    version: String,
    id: Option<String>,
    time: Option<i64>,
    route: String,
    identity: String,
    repository: String,
    event_type: String,
    policy: Policy,
    park: Option<String>,
    body: Option<String>,
    has_lane: bool,
}

impl Arrival {
    /// A version of a model, registered at second 0 of its own time, on the route `deploy` to `octo/app`.
    #[must_use]
    pub fn new(model: &str, version: &str) -> Self {
        Self {
            model: model.to_owned(),
            version: version.to_owned(),
            id: None,
            time: Some(0),
            route: "deploy".to_owned(),
            identity: "default".to_owned(),
            repository: "octo/app".to_owned(),
            event_type: "deploy_pipeline_action".to_owned(),
            policy: policy(),
            park: None,
            body: None,
            has_lane: true,
        }
    }

    /// With this event id.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// Registered that many seconds after the first registration; `None` for an event without a time.
    #[must_use]
    pub const fn with_time(mut self, seconds: Option<i64>) -> Self {
        self.time = seconds;
        self
    }

    /// On this route.
    #[must_use]
    pub fn with_route(mut self, route: &str) -> Self {
        self.route = route.to_owned();
        self
    }

    /// Sent as this identity, which is also the principal.
    #[must_use]
    pub fn with_identity(mut self, identity: &str) -> Self {
        self.identity = identity.to_owned();
        self
    }

    /// Sent to this repository.
    #[must_use]
    pub fn with_repository(mut self, repository: &str) -> Self {
        self.repository = repository.to_owned();
        self
    }

    /// Sent as this event type.
    #[must_use]
    pub fn with_event_type(mut self, event_type: &str) -> Self {
        self.event_type = event_type.to_owned();
        self
    }

    /// With another policy.
    #[must_use]
    pub fn with_policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    /// With something that parks it on arrival.
    #[must_use]
    pub fn with_park(mut self, why: &str) -> Self {
        self.park = Some(why.to_owned());
        self
    }

    /// With this element as its bytes.
    #[must_use]
    pub fn with_body(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    /// Like an event without a model: in no lane.
    #[must_use]
    pub const fn without_lane(mut self) -> Self {
        self.has_lane = false;
        self
    }

    /// The event, as `accept` takes it.
    #[must_use]
    pub fn event(&self) -> NewEvent {
        let Self { model, version, .. } = self;
        let id = self.event_id();
        NewEvent {
            key: serde_json::Value::from(["/w", id.as_str()].as_slice()).to_string(),
            event_type: "Microsoft.MachineLearningServices.ModelRegistered".to_owned(),
            subject: Some(format!("models/{model}:{version}")),
            workspace: Some("/w".to_owned()),
            model: Some(model.clone()),
            version: Some(version.clone()),
            time: self.time.map(|seconds| format!("{seconds} s")),
            instant: self.time.map(|seconds| (seconds, 0)),
            release: self.release(),
            body: self.body.clone().unwrap_or_else(|| format!(r#"{{"id":"{id}"}}"#)),
            wanted: vec![self.item()],
            unwanted: None,
        }
    }

    /// The event with the routes of other arrivals beside its own.
    #[must_use]
    pub fn event_with(&self, others: &[Self]) -> NewEvent {
        let mut event = self.event();
        event.wanted.extend(others.iter().map(Self::item));
        event
    }

    /// The target, as checks name it.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test that names no repository cannot go on")]
    pub fn target(&self) -> DispatchTarget {
        DispatchTarget::of_event_type(
            self.identity.clone(),
            RepoFullName::parse(&self.repository).expect("an arrival names a repository owner/name"),
            DispatchEventType::parse(&self.event_type).expect("an arrival names an event type"),
        )
    }

    fn event_id(&self) -> String {
        self.id
            .clone()
            .unwrap_or_else(|| format!("{}:{}@{:?}", self.model, self.version, self.time))
    }

    fn release(&self) -> ReleaseKey {
        ReleaseKey::of_model("/w", &self.model, &self.version)
    }

    fn item(&self) -> NewItem {
        let place = match self.policy.order {
            Order::Version => Place::of_version(&self.version).ok(),
            Order::EventTime => self.time.map(|seconds| Place::EventTime {
                seconds,
                nanos: 0,
                id: self.event_id(),
            }),
        };
        let lane =
            serde_json::Value::from(["/w", self.model.as_str(), self.route.as_str()].as_slice()).to_string();
        NewItem {
            route: self.route.clone(),
            snapshot: "{}".to_owned(),
            key: DispatchKey::new(&self.release(), &self.route),
            policy: self.policy,
            target: self.target(),
            lane: self.has_lane.then_some(lane),
            place: place.filter(|_| self.has_lane),
            park: self.park.clone(),
        }
    }
}
