//! **Here**: requests for a repository, its workflows and files, and for the budget of the token.
//! **Not here**: writing files (`provision`).
//! **Reads**: `request`; `ops/target` after it.
//! **Source**: <https://docs.github.com/rest/repos/repos>, <https://docs.github.com/rest/repos/contents>,
//! <https://docs.github.com/rest/actions/workflows> and <https://docs.github.com/rest/rate-limit>, read 2026-11-23.

use http::Method;

use super::{Made, RAW, Requests};
use crate::repo::RepoFullName;
use crate::workflow_dispatch::{GitRef, WorkflowFile};

/// Where workflow files are.
const WORKFLOWS: &str = ".github/workflows";

impl Requests {
    /// `GET /repos/{owner}/{repo}`.
    ///
    /// # Errors
    /// A header value of the builder cannot be sent.
    pub fn repository(&self, repo: &RepoFullName) -> Made {
        self.get(self.repository_url(repo, &[]))
    }

    /// `GET /repos/{owner}/{repo}/contents/.github%2Fworkflows`: the workflow files of the default branch.
    ///
    /// # Errors
    /// As above.
    pub fn workflow_files(&self, repo: &RepoFullName) -> Made {
        self.get(self.repository_url(repo, &["contents", WORKFLOWS]))
    }

    /// The same for one file, its text as it is.
    ///
    /// # Errors
    /// As above.
    pub fn workflow_file(&self, repo: &RepoFullName, name: &str) -> Made {
        let url = self.repository_url(repo, &["contents", &format!("{WORKFLOWS}/{name}")]);
        self.request(Method::GET, url, RAW, None)
    }

    /// The same as it is at a branch or tag: what a workflow dispatch at that ref runs.
    ///
    /// # Errors
    /// As above.
    pub fn workflow_file_at(&self, repo: &RepoFullName, name: &str, git_ref: &GitRef) -> Made {
        let mut url = self.repository_url(repo, &["contents", &format!("{WORKFLOWS}/{name}")]);
        url.query_pairs_mut().append_pair("ref", git_ref.as_str());
        self.request(Method::GET, url, RAW, None)
    }

    /// `GET /repos/{owner}/{repo}/actions/workflows/{workflow}`. Needs *Actions: read*.
    ///
    /// # Errors
    /// As above.
    pub fn workflow(&self, repo: &RepoFullName, workflow: &WorkflowFile) -> Made {
        self.get(self.repository_url(repo, &["actions", "workflows", workflow.as_str()]))
    }

    /// `GET /rate_limit`. Costs nothing of the primary limit.
    ///
    /// # Errors
    /// As above.
    pub fn rate_limit(&self) -> Made {
        self.get(self.root.below(&["rate_limit"]))
    }
}
