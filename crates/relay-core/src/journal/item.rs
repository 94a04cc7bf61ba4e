//! **Here**: [`Item`], one release on one route and where it stands: the row that engines store; and the rows beside it.
//! **Not here**: how an item moves on (`state`), what is asked of a store (`rows`), who decides (`verbs`).
//! **Reads**: `key`, `lane`, `retry` for its fields; `state` after it.
//! **Source**: DESIGN section 3, what is stored, and section 6.
#![expect(
    clippy::exhaustive_structs,
    reason = "engines in other crates build these rows from their tables"
)]
#![expect(
    clippy::exhaustive_enums,
    reason = "engines and verbs must decide for each variant"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::key::{DispatchKey, RelayId, ReleaseKey};
use crate::lane::{LaneMode, Order, Place};
use crate::retry::{Again, OnUnknown};
use crate::tracker;

/// The number of an item, given by the journal in order of acceptance.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ItemId(pub i64);

/// The number of an event, given by the journal in order of acceptance.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct EventSeq(pub i64);

/// The part of a route that the verbs decide by. Stored with the item, so that changed rules touch only later events.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Policy {
    /// What waits for what in a lane.
    pub lane: LaneMode,
    /// By what a lane is ordered.
    pub order: Order,
    /// What to do when an answer was lost.
    pub unknown: OnUnknown,
    /// How long runs are looked for before "not seen" counts.
    pub probe_window: Duration,
    /// What to do when a version was registered again.
    pub again: Again,
    /// Larger goes first when the budget is short.
    pub priority: i32,
    /// Whether facts have to be asked for before the item may go.
    pub wants_facts: bool,
    /// Within which time a run must be seen; none where it is not looked for.
    #[serde(default = "default_seen_within")]
    pub run_seen_within: Option<Duration>,
    /// Within which time that run must have concluded; none where it is not followed.
    #[serde(default = "default_concluded_within")]
    pub run_concluded_within: Option<Duration>,
}

/// Where an older journal has no value.
const fn default_seen_within() -> Option<Duration> {
    Some(tracker::SEEN_WITHIN)
}

/// The same.
const fn default_concluded_within() -> Option<Duration> {
    Some(tracker::CONCLUDED_WITHIN)
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Facts are wanted before it may go.
    Judging,
    /// Admitted; it goes when it is due and everything is open.
    Waiting,
    /// The intent to send is recorded: from here on a crash means "unknown".
    Sending,
    /// A request may be at GitHub; runs are looked for.
    Probing,
    /// It has a verdict.
    Settled,
}

impl Phase {
    /// All phases, in the order of an item's life.
    pub const ALL: [Self; 5] = [
        Self::Judging,
        Self::Waiting,
        Self::Sending,
        Self::Probing,
        Self::Settled,
    ];

    /// The word that journals store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Judging => "judging",
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Probing => "probing",
            Self::Settled => "settled",
        }
    }

    /// The phase that a journal stored under this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// How an item ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// GitHub accepted at least one request.
    Dispatched {
        /// The run it started, as soon as one was seen.
        run: Option<RunRef>,
    },
    /// A newer version of the lane took its place.
    Superseded {
        /// Which one, and its relay id.
        by: String,
    },
    /// A gate or a person refused it.
    Refused {
        /// Why.
        why: String,
    },
    /// A person cancelled it.
    Cancelled {
        /// Why.
        why: String,
    },
    /// A person must look at it.
    Parked {
        /// Why.
        why: String,
    },
}

impl Verdict {
    /// The word that journals store and reports show.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Dispatched { .. } => "dispatched",
            Self::Superseded { .. } => "superseded",
            Self::Refused { .. } => "refused",
            Self::Cancelled { .. } => "cancelled",
            Self::Parked { .. } => "parked",
        }
    }
}

/// A run at the destination.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RunRef {
    /// Its id, as text. GitHub's ids need 64 bits.
    pub id: String,
    /// Where a person looks at it.
    pub url: Option<String>,
}

/// The right to work on an item until a moment.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lease {
    /// Every later write presents this number; an older one is refused.
    pub fence: u64,
    /// The journal's owner epoch at the time: a lease of an earlier epoch has ended.
    pub epoch: u64,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// One release on one route: the work item.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Item {
    /// Its number.
    pub id: ItemId,
    /// The correlation id of this generation.
    pub relay_id: RelayId,
    /// Release and route.
    pub key: DispatchKey,
    /// 1 for the first; a replay asks for the next.
    pub generation: u32,
    /// The event it came from.
    pub event: EventSeq,
    /// The route's name.
    pub route: String,
    /// The route as it was when the event was accepted, as JSON text.
    pub snapshot: String,
    /// What the verbs decide by.
    pub policy: Policy,
    /// The target's key: identity, repository, event type.
    pub target: String,
    /// Whose budget it spends.
    pub principal: String,
    /// Its lane, if it has one.
    pub lane: Option<String>,
    /// Its place in the lane; none where the order could not place it.
    pub place: Option<Place>,
    /// Whether a person allowed it to go out after a newer one.
    pub allow_older: bool,
    /// Where it stands.
    pub phase: Phase,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// When something is to be done with it.
    pub due_at: Timestamp,
    /// Who works on it.
    pub lease: Option<Lease>,
    /// Attempts so far.
    pub n_attempts: u32,
    /// Attempts in a row that surely did not reach GitHub.
    pub n_not_sent: u32,
    /// Since when attempts have not been sent, and how much blocked time there was by then.
    pub retry_since: Option<RetryAnchor>,
    /// When the first request left whose answer we do not have.
    pub unknown_since: Option<Timestamp>,
    /// Looks for a run so far.
    pub n_looks: u32,
    /// Requests repeated after an unknown outcome.
    pub n_resends: u32,
    /// Whether others of its lane must take it into account: open, or parked where parking blocks.
    pub holds_lane: bool,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it got its verdict.
    pub settled_at: Option<Timestamp>,
}

impl Item {
    /// Whether nothing of it can be at GitHub: it waits, or every request was surely not taken.
    #[must_use]
    pub const fn nothing_at_github(&self) -> bool {
        matches!(self.phase, Phase::Judging | Phase::Waiting) && self.unknown_since.is_none()
    }
}

/// Where the time of retries is counted from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RetryAnchor {
    /// The first attempt of the row that was not sent.
    pub at: Timestamp,
    /// Blocked time of target and principal up to then, which does not count, in milliseconds.
    pub blocked_ms: i64,
}

/// One accepted event.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct EventRow {
    /// Its number.
    pub seq: EventSeq,
    /// The key it is deduplicated by: source in lower case, and id.
    pub key: String,
    /// The event type as written.
    pub event_type: String,
    /// The subject as written.
    pub subject: Option<String>,
    /// The workspace, canonical.
    pub workspace: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// The model's version.
    pub version: Option<String>,
    /// The event's time as written.
    pub time: Option<String>,
    /// What it releases.
    pub release: ReleaseKey,
    /// The element verbatim; none for an event of which nothing came, and once its time was over.
    pub body: Option<String>,
    /// Why nothing came of it: no route wanted it, or everything that it releases was known.
    pub unwanted: Option<String>,
    /// When it was accepted.
    pub received_at: Timestamp,
}

/// What is known of a release on a route. Never compacted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReleaseRow {
    /// Release and route.
    pub key: DispatchKey,
    /// The latest generation.
    pub generation: u32,
    /// The item of the latest generation.
    pub item: ItemId,
    /// The latest instant at which it was registered, as seconds and nanoseconds since the epoch.
    pub registered: Option<(i64, u32)>,
    /// Whether a person made the journal forget it: when it comes again it is new. Its generations are counted on, since GitHub has not
    /// forgotten their relay ids.
    #[serde(default)]
    pub forgotten: bool,
}

/// An element that could not be read as an event.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UnreadableRow {
    /// SHA-256 of the bytes, in hexadecimal: a redelivery is kept once.
    pub digest: String,
    /// The element verbatim.
    pub body: String,
    /// What was wrong with it.
    pub why: String,
    /// When it came first.
    pub received_at: Timestamp,
}

/// Why something is closed, and since when.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Block {
    /// What the destination said.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

/// An identity at a destination, to which budgets and limits apply.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Principal {
    /// Its name in the configuration.
    pub name: String,
    /// Closed until then, because the destination said so.
    pub closed_until: Option<Timestamp>,
    /// Closed until a check succeeds.
    pub block: Option<Block>,
    /// How long it was blocked before, in milliseconds.
    pub blocked_ms: i64,
}

/// A repository and event type under one identity.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Target {
    /// Its key: identity, repository, event type.
    pub key: String,
    /// The identity.
    pub principal: String,
    /// `owner/name`.
    pub repository: String,
    /// The event type that is sent.
    pub event_type: String,
    /// In which owner epoch a check was asked for last.
    pub asked_epoch: Option<u64>,
    /// In which owner epoch a check ended last, with whatever result: nothing is sent before that.
    pub checked_epoch: Option<u64>,
    /// What the last check said.
    pub check: Option<String>,
    /// When it is to be checked again.
    pub check_due_at: Option<Timestamp>,
    /// Whether its runs are known to show the relay id.
    pub shows_relay_id: bool,
    /// Whether its runs are known not to show it.
    #[serde(default)]
    pub hides_relay_id: bool,
    /// Closed until a check succeeds.
    pub block: Option<Block>,
    /// Closed by a person, until one opens it.
    #[serde(default)]
    pub pause: Option<Block>,
    /// How long it was blocked or paused before, in milliseconds.
    pub blocked_ms: i64,
}

/// One try of one dispatch.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Attempt {
    /// The fence of the claim that started it; unique.
    pub fence: u64,
    /// The item.
    pub item: ItemId,
    /// Whose budget it spent.
    pub principal: String,
    /// When the intent was recorded.
    pub started_at: Timestamp,
    /// When its outcome was recorded.
    pub ended_at: Option<Timestamp>,
}

/// Facts of the journal as a whole.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Meta {
    /// Bumped whenever somebody opens the journal for writing.
    pub epoch: u64,
    /// The latest fencing number that was given out.
    pub fence: u64,
    /// The latest instant that was seen.
    pub clock: Timestamp,
    /// Unreadable elements that came so far, kept or not.
    pub n_unreadable: u64,
    /// Nothing is sent until a person says so: after an import, or from a copy.
    #[serde(default)]
    pub pause: Option<Block>,
}

/// The set of target keys that are closed while a claim looks for work.
pub type ClosedTargets = BTreeSet<String>;
