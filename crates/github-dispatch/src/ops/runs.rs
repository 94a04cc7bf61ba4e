//! **Here**: the calls about runs and their jobs.
//! **Not here**: following one (`watch`), finding the run of a dispatch (`find`), logs (`logs`).
//! **Reads**: `client`.
//! **Source**: <https://docs.github.com/rest/actions/workflow-runs> and <https://docs.github.com/rest/actions/workflow-jobs>, read
//! 2026-11-23.

use crate::client::Client;
use crate::error::Error;
use crate::jobs::{Job, JobPage};
use crate::rate_limit::RateLimits;
use crate::repo::RepoFullName;
use crate::request::{JobFilter, RunQuery};
use crate::response::dispatched;
use crate::retry::Effect;
use crate::runs::{Run, RunPage};

/// Things to a page.
pub(crate) const PER_PAGE: usize = 100;
/// Pages of jobs that are read at most; a matrix makes 256 jobs.
const MAX_JOB_PAGES: u32 = 20;

impl Client {
    /// Lists a page of runs, 100 to the page; pages count from 1. Needs *Actions: read*.
    ///
    /// # Errors
    /// The page could not be had.
    pub async fn list_runs(
        &self,
        repo: &RepoFullName,
        query: &RunQuery<'_>,
        page: u32,
    ) -> Result<RunPage, Error> {
        self.read(|| self.requests().runs(repo, query, page)).await
    }

    /// Asks how a run is doing. Needs *Actions: read*.
    ///
    /// # Errors
    /// The answer could not be had.
    pub async fn run(&self, repo: &RepoFullName, id: u64) -> Result<Run, Error> {
        self.read(|| self.requests().run(repo, id, None)).await
    }

    /// Lists the jobs of a run, all pages. Needs *Actions: read*.
    ///
    /// # Errors
    /// A page could not be had.
    pub async fn jobs(&self, repo: &RepoFullName, run: u64, filter: JobFilter) -> Result<Vec<Job>, Error> {
        let mut jobs: Vec<Job> = Vec::new();
        for page in 1..=MAX_JOB_PAGES {
            let read: JobPage = self
                .read(|| self.requests().jobs(repo, run, filter, page))
                .await?;
            let is_last = read.jobs.len() < PER_PAGE;
            for job in read.jobs {
                // Pages move while they are read, so that a job may come twice.
                if !jobs.iter().any(|known| known.id == job.id) {
                    jobs.push(job);
                }
            }
            if is_last {
                break;
            }
        }
        Ok(jobs)
    }

    /// Asks GitHub to cancel a run: accepted is not yet cancelled. Needs *Actions: write*.
    ///
    /// # Errors
    /// 409 (`GiveUp`) where it cannot be cancelled: it has ended.
    pub async fn cancel_run(&self, repo: &RepoFullName, id: u64) -> Result<(), Error> {
        self.set_run(|| self.requests().cancel_run(repo, id, false)).await
    }

    /// Cancels a run whose steps would go on in spite of it (`always()`). Needs *Actions: write*.
    ///
    /// # Errors
    /// As [`cancel_run`](Self::cancel_run).
    pub async fn force_cancel_run(&self, repo: &RepoFullName, id: u64) -> Result<(), Error> {
        self.set_run(|| self.requests().cancel_run(repo, id, true)).await
    }

    /// Runs all jobs of a run again: the same id, a higher `run_attempt`. Needs *Actions: write*. Never made again by itself.
    ///
    /// # Errors
    /// 403 (`GiveUp` or `Block`) where the run has not ended, or is older than 30 days.
    pub async fn rerun(&self, repo: &RepoFullName, id: u64) -> Result<(), Error> {
        self.start_again(repo, id, false).await
    }

    /// Runs only the failed jobs of a run again, and those that need them. Needs *Actions: write*. Never made again by itself.
    ///
    /// # Errors
    /// As [`rerun`](Self::rerun).
    pub async fn rerun_failed_jobs(&self, repo: &RepoFullName, id: u64) -> Result<(), Error> {
        self.start_again(repo, id, true).await
    }

    /// Asks what remains of the primary limits. Costs nothing of them.
    ///
    /// # Errors
    /// The answer could not be had; 404 on an Enterprise Server without limits.
    pub async fn rate_limit(&self) -> Result<RateLimits, Error> {
        self.read(|| self.requests().rate_limit()).await
    }

    async fn set_run(&self, make: impl crate::client::Make) -> Result<(), Error> {
        self.call(Effect::Set, make, |answer, now| {
            dispatched(answer.status, &answer.headers, &answer.body, now, &answer.hidden).map(drop)
        })
        .await
    }

    async fn start_again(&self, repo: &RepoFullName, id: u64, only_failed: bool) -> Result<(), Error> {
        self.call(
            Effect::Start,
            || self.requests().rerun(repo, id, only_failed),
            |answer, now| {
                dispatched(answer.status, &answer.headers, &answer.body, now, &answer.hidden).map(drop)
            },
        )
        .await
    }
}
