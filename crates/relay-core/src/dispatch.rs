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
use github_dispatch::{DispatchEventType, GitRef, RepoFullName, WorkflowFile};
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
    /// What is asked of it.
    pub action: Action,
}

/// What a repository is asked to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// A repository dispatch: whatever workflows of the default branch listen to the event type.
    RepositoryDispatch {
        /// The event type.
        event_type: DispatchEventType,
    },
    /// A workflow dispatch: one workflow as it is at a ref.
    WorkflowDispatch {
        /// The workflow.
        workflow: WorkflowFile,
        /// The branch or tag.
        git_ref: GitRef,
    },
}

impl Action {
    /// GitHub's word for the event that starts its runs, by which runs are listed.
    #[must_use]
    pub const fn event(&self) -> &'static str {
        match self {
            Self::RepositoryDispatch { .. } => "repository_dispatch",
            Self::WorkflowDispatch { .. } => "workflow_dispatch",
        }
    }
}

/// As reports show it: the event type, or `deploy.yml@main`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RepositoryDispatch { event_type } => f.write_str(event_type.as_str()),
            Self::WorkflowDispatch { workflow, git_ref } => write!(f, "{workflow}@{git_ref}"),
        }
    }
}

/// A key of a target that cannot be read back.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the target {key} cannot be read: {why}")]
#[non_exhaustive]
pub struct UnreadableTarget {
    /// The key.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

impl DispatchTarget {
    /// A repository dispatch of this event type.
    #[must_use]
    pub fn of_event_type(
        identity: impl Into<String>,
        repository: RepoFullName,
        event_type: DispatchEventType,
    ) -> Self {
        Self {
            identity: identity.into(),
            repository,
            action: Action::RepositoryDispatch { event_type },
        }
    }

    /// A dispatch of this workflow at a ref.
    #[must_use]
    pub fn of_workflow(
        identity: impl Into<String>,
        repository: RepoFullName,
        workflow: WorkflowFile,
        git_ref: GitRef,
    ) -> Self {
        Self {
            identity: identity.into(),
            repository,
            action: Action::WorkflowDispatch { workflow, git_ref },
        }
    }

    /// The event type of a repository dispatch.
    #[must_use]
    pub const fn event_type(&self) -> Option<&DispatchEventType> {
        match &self.action {
            Action::RepositoryDispatch { event_type } => Some(event_type),
            Action::WorkflowDispatch { .. } => None,
        }
    }

    /// The key of this target in the journal: an unambiguous text.
    ///
    /// Shape: a JSON array of identity, repository in lower case and event type; or, with two members more, of identity, repository,
    /// `"workflow"`, file and ref.
    #[must_use]
    pub fn key(&self) -> String {
        let repository = self.repository.as_str().to_ascii_lowercase();
        let (identity, repository) = (self.identity.as_str(), repository.as_str());
        let key = match &self.action {
            Action::RepositoryDispatch { event_type } => {
                serde_json::Value::from([identity, repository, event_type.as_str()].as_slice())
            }
            Action::WorkflowDispatch { workflow, git_ref } => serde_json::Value::from(
                [
                    identity,
                    repository,
                    WORKFLOW,
                    workflow.as_str(),
                    git_ref.as_str(),
                ]
                .as_slice(),
            ),
        };
        key.to_string()
    }

    /// The target behind a key that a journal kept.
    ///
    /// # Errors
    /// It is no key of this version of the crate, or names something that GitHub cannot have.
    pub fn parse_key(key: &str) -> Result<Self, UnreadableTarget> {
        let refuse = |why: String| UnreadableTarget {
            key: key.to_owned(),
            why,
        };
        let parts: Vec<String> = serde_json::from_str(key).map_err(|error| refuse(error.to_string()))?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let repository = |text: &str| RepoFullName::parse(text).map_err(|error| refuse(error.to_string()));
        match parts.as_slice() {
            [identity, name, event_type] => Ok(Self::of_event_type(
                *identity,
                repository(name)?,
                DispatchEventType::parse(event_type).map_err(|error| refuse(error.to_string()))?,
            )),
            [identity, name, WORKFLOW, file, git_ref] => Ok(Self::of_workflow(
                *identity,
                repository(name)?,
                WorkflowFile::parse(file).map_err(|error| refuse(error.to_string()))?,
                GitRef::parse(git_ref).map_err(|error| refuse(error.to_string()))?,
            )),
            _ => Err(refuse("it has neither 3 members nor 5 that fit".to_owned())),
        }
    }
}

/// What the key of a workflow dispatch says in its third place.
const WORKFLOW: &str = "workflow";

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct DispatchRequest {
    /// Where it goes.
    pub target: DispatchTarget,
    /// The id by which its run is recognised.
    pub relay_id: RelayId,
    /// `client_payload`, the reserved key `relay` included; or the inputs of a workflow dispatch, each a text, `relay_id` included.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> RepoFullName {
        RepoFullName::parse("Contoso/Deploy").unwrap()
    }

    #[test]
    fn ok_keys_are_read_back_and_those_of_repository_dispatches_never_change() {
        let event_type = DispatchEventType::parse("deploy_pipeline_action").unwrap();
        let plain = DispatchTarget::of_event_type("default", repository(), event_type);
        // Pinned: journals hold this text.
        assert_eq!(
            plain.key(),
            r#"["default","contoso/deploy","deploy_pipeline_action"]"#
        );
        let file = WorkflowFile::parse("deploy.yml").unwrap();
        let workflow =
            DispatchTarget::of_workflow("default", repository(), file, GitRef::parse("release/1").unwrap());
        assert_eq!(
            workflow.key(),
            r#"["default","contoso/deploy","workflow","deploy.yml","release/1"]"#
        );
        for target in [plain, workflow] {
            let read = DispatchTarget::parse_key(&target.key()).unwrap();
            assert_eq!((read.key(), &read.action), (target.key(), &target.action));
        }
        // An event type may look like anything, and is none of the other kind all the same.
        let odd = DispatchEventType::parse(r#"workflow","deploy.yml","main"#).unwrap();
        let odd = DispatchTarget::of_event_type("default", repository(), odd);
        assert_eq!(DispatchTarget::parse_key(&odd.key()).unwrap().action, odd.action);
    }

    #[test]
    fn err_keys_that_are_none() {
        for key in [
            "",
            "{}",
            "[1,2,3]",
            r#"["a","b/c"]"#,
            r#"["a","b/c","d","e"]"#,
            r#"["a","b","d"]"#,
            r#"["a","b/c",""]"#,
            r#"["a","b/c","other","deploy.yml","main"]"#,
            r#"["a","b/c","workflow","../x.yml","main"]"#,
            r#"["a","b/c","workflow","deploy.yml","a..b"]"#,
        ] {
            assert!(DispatchTarget::parse_key(key).is_err(), "{key}");
        }
    }
}
