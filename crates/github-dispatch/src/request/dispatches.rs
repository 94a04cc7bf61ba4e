//! **Here**: the two requests that start workflows.
//! **Not here**: what they carry (`repository_dispatch`, `workflow_dispatch`).
//! **Reads**: `request`; `ops/dispatches` after it.
//! **Source**: <https://docs.github.com/rest/repos/repos#create-a-repository-dispatch-event> and
//! <https://docs.github.com/rest/actions/workflows#create-a-workflow-dispatch-event>, read 2026-11-23.

use super::{Made, Requests};
use crate::repo::RepoFullName;
use crate::repository_dispatch::RepositoryDispatch;
use crate::workflow_dispatch::{WorkflowDispatch, WorkflowFile};

impl Requests {
    /// `POST /repos/{owner}/{repo}/dispatches`. Needs *Contents: write*. Not idempotent.
    ///
    /// # Errors
    /// A header value of the builder cannot be sent.
    pub fn repository_dispatch(&self, repo: &RepoFullName, dispatch: &RepositoryDispatch) -> Made {
        self.post(self.repository_url(repo, &["dispatches"]), Some(dispatch.body()))
    }

    /// `POST /repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches`. Needs *Actions: write*. Not idempotent.
    ///
    /// # Errors
    /// As above.
    pub fn workflow_dispatch(
        &self,
        repo: &RepoFullName,
        workflow: &WorkflowFile,
        dispatch: &WorkflowDispatch,
    ) -> Made {
        let url = self.repository_url(repo, &["actions", "workflows", workflow.as_str(), "dispatches"]);
        self.post(url, Some(dispatch.body(&self.api_version)))
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::GITHUB_COM;
    use super::super::tests::requests;
    use super::*;

    #[test]
    fn ok_a_dispatch_has_these_parts_and_no_others() {
        let dispatch = RepositoryDispatch::new(
            crate::DispatchEventType::parse("deploy").unwrap(),
            serde_json::Map::new(),
        )
        .unwrap();
        let request = requests(GITHUB_COM)
            .repository_dispatch(&RepoFullName::parse("a/b").unwrap(), &dispatch)
            .unwrap();
        assert_eq!(request.method, Method::POST);
        assert_eq!(
            request.url.as_str(),
            "https://api.github.com/repos/a/b/dispatches"
        );
        let mut headers: Vec<String> = request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort();
        assert_eq!(
            headers,
            [
                "accept: application/vnd.github+json",
                "content-type: application/json",
                "user-agent: agent",
                "x-github-api-version: 2022-11-28",
            ]
        );
        assert_eq!(
            request.body.unwrap(),
            br#"{"client_payload":{},"event_type":"deploy"}"#
        );
    }
}
