//! **Here**: rows that tests start from.
//! **Not here**: doubles of traits (`doubles`), the contract suite (`contract`).
//! **Reads**: `journal::item`.
//! **Source**: our own.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::journal::item::{EventSeq, Item, ItemId, Phase, Policy};
use crate::key::{DispatchKey, RelayId, ReleaseKey};
use crate::lane::{LaneMode, Order, Place};
use crate::retry::{Again, OnUnknown};

/// The policy of a route that sets nothing.
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
