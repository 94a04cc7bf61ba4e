//! **Here**: requests for runs, their jobs and logs.
//! **Not here**: what comes back (`runs`, `jobs`).
//! **Reads**: `request`; `ops/runs` after it.
//! **Source**: <https://docs.github.com/rest/actions/workflow-runs> and <https://docs.github.com/rest/actions/workflow-jobs>, API versions
//! 2022-11-28 and 2026-03-10, read 2026-11-23.

use std::time::SystemTime;

use super::{Made, Requests};
use crate::repo::RepoFullName;

/// What runs are listed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunQuery<'a> {
    /// Only runs that this event started, such as `repository_dispatch`.
    pub event: Option<&'a str>,
    /// Only runs created since then, by GitHub's clock.
    pub created_since: Option<SystemTime>,
}

impl<'a> RunQuery<'a> {
    /// Runs that a repository dispatch started since a moment.
    #[must_use]
    pub const fn of_dispatches(since: SystemTime) -> Self {
        RunQuery {
            event: Some("repository_dispatch"),
            created_since: Some(since),
        }
    }
}

/// Which attempts of a run have their jobs listed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "GitHub knows these two")]
pub enum JobFilter {
    /// The latest.
    #[default]
    Latest,
    /// All of them.
    All,
}

impl Requests {
    /// `GET /repos/{owner}/{repo}/actions/runs`, 100 to the page; pages count from 1. Needs *Actions: read*.
    ///
    /// # Errors
    /// A header value of the builder cannot be sent.
    pub fn runs(&self, repo: &RepoFullName, query: &RunQuery<'_>, page: u32) -> Made {
        let mut url = self.repository_url(repo, &["actions", "runs"]);
        {
            let mut pairs = url.query_pairs_mut();
            if let Some(event) = query.event {
                pairs.append_pair("event", event);
            }
            if let Some(since) = query.created_since {
                pairs.append_pair("created", &format!(">={}", instant(since)));
            }
            pairs
                .append_pair("per_page", "100")
                .append_pair("page", &page.to_string());
        }
        self.get(url)
    }

    /// `GET /repos/{owner}/{repo}/actions/runs/{id}`. Needs *Actions: read*. With the `ETag` of an earlier answer GitHub says 304 where
    /// nothing changed, which costs nothing of the primary limit.
    ///
    /// # Errors
    /// As above.
    pub fn run(&self, repo: &RepoFullName, id: u64, etag: Option<&str>) -> Made {
        let mut request = self.get(self.run_url(repo, id, &[]))?;
        if let Some(etag) = etag.and_then(|etag| etag.parse().ok()) {
            request.headers.insert(http::header::IF_NONE_MATCH, etag);
        }
        Ok(request)
    }

    /// `GET /repos/{owner}/{repo}/actions/runs/{id}/jobs`, 100 to the page; pages count from 1. Needs *Actions: read*.
    ///
    /// # Errors
    /// As above.
    pub fn jobs(&self, repo: &RepoFullName, run: u64, filter: JobFilter, page: u32) -> Made {
        let mut url = self.run_url(repo, run, &["jobs"]);
        let filter = match filter {
            JobFilter::Latest => "latest",
            JobFilter::All => "all",
        };
        url.query_pairs_mut()
            .append_pair("filter", filter)
            .append_pair("per_page", "100")
            .append_pair("page", &page.to_string());
        self.get(url)
    }

    /// `POST /repos/{owner}/{repo}/actions/runs/{id}/cancel`, or `/force-cancel`, which does not wait for steps that want to go on. Needs
    /// *Actions: write*.
    ///
    /// # Errors
    /// As above.
    pub fn cancel_run(&self, repo: &RepoFullName, id: u64, force: bool) -> Made {
        let verb = if force { "force-cancel" } else { "cancel" };
        self.post(self.run_url(repo, id, &[verb]), None)
    }

    /// `POST /repos/{owner}/{repo}/actions/runs/{id}/rerun`, or `/rerun-failed-jobs`. Needs *Actions: write*. Not idempotent: each makes
    /// an attempt.
    ///
    /// # Errors
    /// As above.
    pub fn rerun(&self, repo: &RepoFullName, id: u64, only_failed: bool) -> Made {
        let verb = if only_failed { "rerun-failed-jobs" } else { "rerun" };
        self.post(self.run_url(repo, id, &[verb]), None)
    }

    /// `GET /repos/{owner}/{repo}/actions/runs/{id}/logs`: a redirect to a ZIP archive. Needs *Actions: read*.
    ///
    /// # Errors
    /// As above.
    pub fn run_logs(&self, repo: &RepoFullName, id: u64) -> Made {
        self.get(self.run_url(repo, id, &["logs"]))
    }

    /// `GET /repos/{owner}/{repo}/actions/jobs/{id}/logs`: a redirect to a text. Needs *Actions: read*.
    ///
    /// # Errors
    /// As above.
    pub fn job_log(&self, repo: &RepoFullName, id: u64) -> Made {
        self.get(self.repository_url(repo, &["actions", "jobs", &id.to_string(), "logs"]))
    }

    fn run_url(&self, repo: &RepoFullName, id: u64, rest: &[&str]) -> url::Url {
        let id = id.to_string();
        let mut segments = vec!["actions", "runs", &id];
        segments.extend_from_slice(rest);
        self.repository_url(repo, &segments)
    }
}

/// `2026-11-22T10:00:00Z`: GitHub's search has a grain of one second.
fn instant(at: SystemTime) -> String {
    let at = jiff::Timestamp::try_from(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::Timestamp::from_second(at.as_second())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::GITHUB_COM;
    use super::super::tests::requests;
    use super::*;

    #[test]
    fn ok_runs_are_listed_from_a_second_on() {
        let query = RunQuery::of_dispatches(UNIX_EPOCH + Duration::from_millis(1_795_341_600_999));
        let uri = requests(GITHUB_COM)
            .runs(&RepoFullName::parse("a/b").unwrap(), &query, 2)
            .unwrap()
            .url
            .to_string();
        let expect = "https://api.github.com/repos/a/b/actions/runs?event=repository_dispatch&created=%3E%3D2026-11-22T10%3A00%3A00Z&per_page=100&page=2";
        assert_eq!(uri, expect);
    }
}
