//! **Here**: the [`Dispatcher`] trait and its values: one request to GitHub, what came of it, and what it advises.
//! **Not here**: what follows from an advice (`retry`), HTTP (`adapters::github`, github-dispatch).
//! **Reads**: `rules` before it; `worker` calls it, `retry` reads its answers.
//! **Source**: DESIGN section 5; facts/github 6.2.
#![expect(clippy::exhaustive_enums, reason = "retry must decide for each answer")]
#![expect(
    clippy::exhaustive_structs,
    reason = "dispatchers of other crates build these answers"
)]

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use github_dispatch::{DispatchEventType, RepoFullName};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::journal::item::RunRef;
use crate::key::RelayId;

/// Where a dispatch goes, and as whom.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DispatchTarget {
    /// The identity of the configuration whose credential is used. It is also the principal of budgets and limits.
    pub identity: String,
    /// The repository.
    pub repository: RepoFullName,
    /// The event type that its workflows listen to.
    pub event_type: DispatchEventType,
}

impl DispatchTarget {
    /// The key of this target in the journal: an unambiguous text of identity, repository in lower case, event type.
    #[must_use]
    pub fn key(&self) -> String {
        let repository = self.repository.as_str().to_ascii_lowercase();
        serde_json::Value::from(
            [
                self.identity.as_str(),
                repository.as_str(),
                self.event_type.as_str(),
            ]
            .as_slice(),
        )
        .to_string()
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct DispatchRequest {
    /// Where it goes.
    pub target: DispatchTarget,
    /// The id by which its run is recognised.
    pub relay_id: RelayId,
    /// `client_payload`, the reserved key `relay` included.
    pub payload: serde_json::Map<String, serde_json::Value>,
}

/// GitHub accepted the request. Nothing ran yet.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dispatched {
    /// The run, where the answer names one.
    pub run: Option<RunRef>,
    /// The answer said that no further request is wanted until then.
    pub closed_until: Option<Timestamp>,
}

/// What to do after a request that was not accepted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// This request can never be accepted.
    GiveUp,
    /// Nothing to this principal, or target, can be accepted until somebody changes something.
    Block(Scope),
    /// Refused for now, not executed; the principal is closed until then.
    Throttled {
        /// Until when.
        until: Timestamp,
    },
    /// It surely did not reach GitHub.
    NotSent,
    /// It may have been executed.
    Unknown,
}

impl Advice {
    /// Its word in numbers and spans.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GiveUp => "give_up",
            Self::Block(_) => "blocked",
            Self::Throttled { .. } => "throttled",
            Self::NotSent => "not_sent",
            Self::Unknown => "unknown",
        }
    }
}

/// What is blocked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The identity: everything sent with its credential.
    Principal,
    /// The repository under this identity.
    Target,
}

/// A request that was not accepted, or a question that was not answered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct DispatchError {
    /// What to do.
    pub advice: Advice,
    /// What was said, for a person: no secret, no URL, bounded.
    pub why: String,
}

impl DispatchError {
    /// An error with this advice and reason.
    #[must_use]
    pub fn new(advice: Advice, why: impl Into<String>) -> Self {
        Self {
            advice,
            why: why.into(),
        }
    }
}

/// What a check of a target found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checked {
    /// Whether runs show the relay id; none when that could not be found out.
    pub shows_relay_id: Option<bool>,
    /// What a person should know, such as "no workflow listens to this event type".
    pub remarks: Vec<String>,
}

/// What a look for the run of a relay id found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sighting {
    /// At least one run shows the id: the first of them.
    Seen(RunRef),
    /// All runs of the time were listed, and none shows the id.
    NotSeen,
}

/// How a run is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunState {
    /// Which run.
    pub run: RunRef,
    /// GitHub's word for its status, such as `in_progress`.
    pub status: Option<String>,
    /// GitHub's word for its conclusion, such as `success`; none while it runs.
    pub conclusion: Option<String>,
}

/// Sends requests to a destination, one attempt at a time.
#[async_trait]
pub trait Dispatcher: fmt::Debug + Send + Sync {
    /// The longest time one attempt can take, connecting included. Leases are made to outlast it.
    fn longest_attempt(&self) -> Duration;

    /// Asks once whether this target can be reached and shows relay ids.
    ///
    /// # Errors
    /// `Block` when the answer is a definite no; anything else means "no answer".
    async fn check(&self, target: &DispatchTarget) -> Result<Checked, DispatchError>;

    /// Makes one attempt. Never sleeps, never repeats.
    ///
    /// # Errors
    /// Whatever was not accepted, with the advice that follows from it.
    ///
    /// # Cancel safety
    /// Not cancel safe: a dropped future leaves the outcome unknown.
    async fn dispatch(&self, request: &DispatchRequest) -> Result<Dispatched, DispatchError>;

    /// Looks once for runs that show the relay id, created since that moment by the destination's clock.
    ///
    /// # Errors
    /// The look failed, or could not see everything: that is not "not seen".
    async fn probe(
        &self,
        target: &DispatchTarget,
        relay_id: &RelayId,
        since: Timestamp,
    ) -> Result<Sighting, DispatchError>;

    /// Asks once how a run is doing.
    ///
    /// # Errors
    /// The question was not answered.
    async fn run(&self, target: &DispatchTarget, run: &RunRef) -> Result<RunState, DispatchError>;
}

macro_rules! forward {
    ($($pointer:ident)::+) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: Dispatcher + ?Sized> Dispatcher for $($pointer)::+<T> {
            fn longest_attempt(&self) -> Duration {
                (**self).longest_attempt()
            }

            async fn check(&self, target: &DispatchTarget) -> Result<Checked, DispatchError> {
                (**self).check(target).await
            }

            async fn dispatch(&self, request: &DispatchRequest) -> Result<Dispatched, DispatchError> {
                (**self).dispatch(request).await
            }

            async fn probe(
                &self,
                target: &DispatchTarget,
                relay_id: &RelayId,
                since: Timestamp,
            ) -> Result<Sighting, DispatchError> {
                (**self).probe(target, relay_id, since).await
            }

            async fn run(&self, target: &DispatchTarget, run: &RunRef) -> Result<RunState, DispatchError> {
                (**self).run(target, run).await
            }
        }
    };
}
forward!(std::sync::Arc);
forward!(Box);
