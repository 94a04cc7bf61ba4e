//! **Here**: the calls that start workflows.
//! **Not here**: finding and following what they started (`find`, `watch`).
//! **Reads**: `client`; `find` after it.
//! **Source**: <https://docs.github.com/rest/repos/repos#create-a-repository-dispatch-event> and
//! <https://docs.github.com/rest/actions/workflows#create-a-workflow-dispatch-event>, read 2026-11-23: neither knows an idempotency key.

use crate::client::Client;
use crate::error::Error;
use crate::repo::RepoFullName;
use crate::repository_dispatch::RepositoryDispatch;
use crate::response::{Accepted, WorkflowAccepted, dispatched, workflow_dispatched};
use crate::retry::Effect;
use crate::workflow_dispatch::{WorkflowDispatch, WorkflowFile};

impl Client {
    /// Sends a repository dispatch. It is sent again only if it surely did nothing, and not at all with
    /// [`without_retries`](Self::without_retries).
    ///
    /// # Errors
    /// It was not accepted, or nobody knows: [`Error::advice`] says what to do.
    ///
    /// # Cancel safety
    /// Not cancel safe: a dropped future leaves it open whether the dispatch was accepted.
    pub async fn dispatch(
        &self,
        repo: &RepoFullName,
        dispatch: &RepositoryDispatch,
    ) -> Result<Accepted, Error> {
        self.call(
            Effect::Start,
            || self.requests().repository_dispatch(repo, dispatch),
            |answer, now| dispatched(answer.status, &answer.headers, &answer.body, now, &answer.hidden),
        )
        .await
    }

    /// Starts one workflow at a ref. It is sent again only if it surely did nothing.
    ///
    /// # Errors
    /// As [`dispatch`](Self::dispatch). 404 means that there is no such workflow as well; 422 that it has no `workflow_dispatch` at this
    /// ref, or not these inputs.
    ///
    /// # Cancel safety
    /// Not cancel safe: a dropped future leaves it open whether the dispatch was accepted.
    pub async fn dispatch_workflow(
        &self,
        repo: &RepoFullName,
        workflow: &WorkflowFile,
        dispatch: &WorkflowDispatch,
    ) -> Result<WorkflowAccepted, Error> {
        self.call(
            Effect::Start,
            || self.requests().workflow_dispatch(repo, workflow, dispatch),
            |answer, now| {
                workflow_dispatched(answer.status, &answer.headers, &answer.body, now, &answer.hidden)
            },
        )
        .await
    }
}
