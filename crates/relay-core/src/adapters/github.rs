//! **Here**: [`GithubDispatcher`]: the Dispatcher over github-dispatch's clients, one an identity.
//! **Not here**: HTTP (github-dispatch), what follows from an advice (`retry`).
//! **Reads**: `dispatch` before it.
//! **Source**: DESIGN section 5: one match translates errors.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use github_dispatch::{Client, Error, RepositoryDispatch, Run, WorkflowDispatch};

use crate::clock::Timestamp;
use crate::dispatch::{
    Action, Advice, Checked, DispatchError, DispatchRequest, DispatchTarget, Dispatched, Dispatcher,
    RunState, Scope, Sighting,
};
use crate::journal::item::RunRef;
use crate::key::RelayId;

/// Sends to GitHub with one client for each identity of the configuration.
#[derive(Clone, Debug)]
pub struct GithubDispatcher {
    clients: BTreeMap<String, Client>,
}

impl GithubDispatcher {
    /// A dispatcher that knows one identity. The client's own retries are switched off: the relay decides.
    #[must_use]
    pub fn new(identity: impl Into<String>, client: &Client) -> Self {
        Self {
            clients: BTreeMap::from([(identity.into(), client.without_retries())]),
        }
    }

    /// Adds an identity.
    #[must_use]
    pub fn with_identity(mut self, identity: impl Into<String>, client: &Client) -> Self {
        self.clients.insert(identity.into(), client.without_retries());
        self
    }

    fn client(&self, target: &DispatchTarget) -> Result<&Client, DispatchError> {
        let gone = || {
            DispatchError::new(
                Advice::GiveUp,
                format!("identity {:?} is not configured", target.identity),
            )
        };
        self.clients.get(&target.identity).ok_or_else(gone)
    }
}

#[async_trait]
impl Dispatcher for GithubDispatcher {
    fn longest_attempt(&self) -> Duration {
        self.clients
            .values()
            .map(Client::longest_attempt)
            .max()
            .unwrap_or_default()
    }

    async fn check(&self, target: &DispatchTarget) -> Result<Checked, DispatchError> {
        let client = self.client(target)?;
        let (found, deaf) = match &target.action {
            Action::RepositoryDispatch { event_type } => (
                client.check_target(&target.repository, event_type).await,
                format!("no workflow of the default branch listens to {event_type}"),
            ),
            Action::WorkflowDispatch { workflow, git_ref } => (
                client
                    .check_workflow_target(&target.repository, workflow, git_ref)
                    .await,
                format!("there is no {workflow} at {git_ref} that listens to workflow_dispatch"),
            ),
        };
        let found = found.map_err(translated)?;
        let mut remarks = Vec::new();
        match found.listens {
            Some(false) => remarks.push(deaf),
            None => remarks.push("its workflow files cannot be read with this token".to_owned()),
            Some(true) if found.shows_relay_id.is_none() => {
                let why = "not all of its workflow files could be read: another one may listen as well, and not show the relay id";
                remarks.push(why.to_owned());
            }
            Some(true) => {}
        }
        if found.archived {
            remarks.push("the repository is archived".to_owned());
        }
        Ok(Checked {
            shows_relay_id: found.shows_relay_id,
            remarks,
        })
    }

    async fn dispatch(&self, request: &DispatchRequest) -> Result<Dispatched, DispatchError> {
        let client = self.client(&request.target)?;
        let repository = &request.target.repository;
        let (accepted, run) = match &request.target.action {
            Action::RepositoryDispatch { event_type } => {
                let dispatch = RepositoryDispatch::new(event_type.clone(), request.payload.clone())
                    .map_err(|error| never(&error))?;
                let accepted = client.dispatch(repository, &dispatch).await.map_err(translated)?;
                (accepted, None)
            }
            Action::WorkflowDispatch { workflow, git_ref } => {
                let mut dispatch = WorkflowDispatch::new(git_ref.as_str(), inputs(request)?)
                    .map_err(|error| never(&error))?;
                // An Enterprise Server up to 3.20 refuses the question.
                if client.is_hosted_by_github() {
                    dispatch = dispatch.with_run_details();
                }
                let told = client
                    .dispatch_workflow(repository, workflow, &dispatch)
                    .await
                    .map_err(translated)?;
                (told.accepted, told.run)
            }
        };
        Ok(Dispatched {
            run: run.map(|run| RunRef {
                id: run.id.to_string(),
                url: run.html_url,
            }),
            closed_until: accepted.exhausted_until.map(Timestamp::from),
        })
    }

    async fn probe(
        &self,
        target: &DispatchTarget,
        relay_id: &RelayId,
        since: Timestamp,
    ) -> Result<Sighting, DispatchError> {
        let client = self.client(target)?;
        let runs = client
            .find_runs(
                &target.repository,
                relay_id.as_str(),
                target.action.event(),
                since.into(),
            )
            .await
            .map_err(translated)?;
        Ok(runs
            .first()
            .map_or(Sighting::NotSeen, |run| Sighting::Seen(reference(run))))
    }

    async fn run(&self, target: &DispatchTarget, run: &RunRef) -> Result<RunState, DispatchError> {
        let client = self.client(target)?;
        let id = run
            .id
            .parse()
            .map_err(|_| DispatchError::new(Advice::GiveUp, "the run's id is no number"))?;
        let found = client.run(&target.repository, id).await.map_err(translated)?;
        Ok(RunState {
            run: reference(&found),
            status: found.status.as_ref().map(|word| word.as_str().to_owned()),
            conclusion: found.conclusion.as_ref().map(|word| word.as_str().to_owned()),
        })
    }
}

/// The inputs of a workflow dispatch: texts, and nothing else.
fn inputs<'r>(request: &'r DispatchRequest) -> Result<Vec<(&'r str, &'r str)>, DispatchError> {
    let text = |(name, value): (&'r String, &'r serde_json::Value)| match value.as_str() {
        Some(text) => Ok((name.as_str(), text)),
        None => Err(DispatchError::new(
            Advice::GiveUp,
            format!("the input {name:?} is no text"),
        )),
    };
    request.payload.iter().map(text).collect()
}

/// A request that GitHub would refuse whenever it came.
fn never(error: &dyn std::error::Error) -> DispatchError {
    DispatchError::new(Advice::GiveUp, error.to_string())
}

fn reference(run: &Run) -> RunRef {
    RunRef {
        id: run.id.to_string(),
        url: run.html_url.clone(),
    }
}

/// The one place where github-dispatch's errors become ours.
#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn translated(error: Error) -> DispatchError {
    let advice = match error.advice() {
        github_dispatch::Advice::GiveUp => Advice::GiveUp,
        github_dispatch::Advice::Block(github_dispatch::BlockScope::Principal) => {
            Advice::Block(Scope::Principal)
        }
        github_dispatch::Advice::Block(github_dispatch::BlockScope::Target) => Advice::Block(Scope::Target),
        github_dispatch::Advice::Throttled { until } => Advice::Throttled { until: until.into() },
        github_dispatch::Advice::NotSent => Advice::NotSent,
        github_dispatch::Advice::Unknown => Advice::Unknown,
    };
    DispatchError::new(advice, error.to_string())
}
