//! **Here**: the calls for jobs.
//! **Not here**: what a job is (`wire`).
//! **Reads**: `client`.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service`, `Jobs_*`, read 2026-11-23. The `Location` of a cancel is the job itself, and
//! malformed in the official example: only the job's own status tells.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::ListView;
use crate::client::Client;
use crate::error::{Advice, Error, ErrorKind};
use crate::pager::Pager;
use crate::request::{Call, check_asset_part};
use crate::retry::Effect;
use crate::wire::Job;
use crate::wire::resource::for_put;

/// Which jobs are listed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct JobsQuery {
    /// `listViewType`.
    pub view: ListView,
    /// `jobType`, such as `Pipeline`.
    pub job_type: Option<String>,
    /// `tag`.
    pub tag: Option<String>,
}

impl JobsQuery {
    /// Only this kind.
    #[must_use]
    pub fn with_job_type(mut self, kind: impl Into<String>) -> Self {
        self.job_type = Some(kind.into());
        self
    }

    /// Only those with this tag.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }
}

impl Client {
    /// Lists jobs: `GET {workspace}/jobs`.
    pub fn list_jobs(&self, query: &JobsQuery) -> Pager<Job> {
        let pairs = [
            ("jobType", query.job_type.clone()),
            ("tag", query.tag.clone()),
            ("listViewType", query.view.said().map(str::to_owned)),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Pager::new(self.caller(), &["jobs"], pairs.collect())
    }

    /// Reads a job; its name is the run id of the events: `GET {workspace}/jobs/{name}`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn get_job(&self, name: &str) -> Result<Job, Error> {
        check_asset_part("job name", name)?;
        self.caller().read(&Call::get(&["jobs", name])).await
    }

    /// Creates a job of any kind from its JSON: `PUT {workspace}/jobs/{name}`. It is created at once, and runs later.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version); a job that is there can be changed in its tags and description only.
    pub async fn create_job(&self, name: &str, job: Value) -> Result<Job, Error> {
        check_asset_part("job name", name)?;
        let call = Call::new(Method::PUT, &["jobs", name]).with_json(&for_put(job))?;
        self.caller().json(Effect::Repeatable, &call).await
    }

    /// Asks a job to stop: `POST {workspace}/jobs/{name}/cancel`. It has when its status says so: see [`wait_for_job`](Self::wait_for_job).
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn cancel_job(&self, name: &str) -> Result<(), Error> {
        check_asset_part("job name", name)?;
        let call = Call::new(Method::POST, &["jobs", name, "cancel"]);
        self.caller().done(Effect::Once, &call).await
    }

    /// Waits until a job has ended, well or not: see its status.
    ///
    /// # Errors
    /// The job cannot be read; or it has not ended after so long (`Late`).
    ///
    /// # Cancel safety
    /// Safe: it only reads.
    pub async fn wait_for_job(&self, name: &str, patience: Duration) -> Result<Job, Error> {
        let gives_up_at = self.now().checked_add(patience);
        loop {
            let job = self.get_job(name).await?;
            if job
                .properties
                .status
                .as_ref()
                .is_some_and(crate::wire::JobStatus::is_ended)
            {
                return Ok(job);
            }
            let left = gives_up_at.map(|at| at.duration_since(self.now()).unwrap_or_default());
            if left.is_some_and(|left| left.is_zero()) {
                let status = job
                    .properties
                    .status
                    .as_ref()
                    .map_or("unknown", |status| status.as_str());
                let text = format!("the job has not ended in time; it is {status:?}");
                return Err(Error::new(ErrorKind::Late, Advice::Unknown, text));
            }
            let interval = self.polling().interval;
            self.sleep(left.map_or(interval, |left| interval.min(left))).await;
        }
    }
}
