//! **Here**: [`Job`] and its steps: what a run is made of. Pure.
//! **Not here**: runs (`runs`), asking for them (`ops/runs`).
//! **Reads**: `response` before it.
//! **Source**: <https://docs.github.com/rest/actions/workflow-jobs>, read 2026-11-23. A job that waits has no runner and no times yet.

use serde::Deserialize;

use crate::runs::{RunConclusion, RunStatus};

/// A job of a run. What GitHub leaves out, or sends as null, is none here.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct Job {
    /// `id`: JSON integer of up to 64 bits.
    pub id: u64,
    /// `run_id`.
    pub run_id: u64,
    /// `run_attempt`: 1 for the first.
    #[serde(default)]
    pub run_attempt: Option<u32>,
    /// `name`.
    pub name: String,
    /// `status`: the words of a run.
    #[serde(default)]
    pub status: Option<RunStatus>,
    /// `conclusion`; none while it runs.
    #[serde(default)]
    pub conclusion: Option<RunConclusion>,
    /// `started_at` as written.
    #[serde(default)]
    pub started_at: Option<String>,
    /// `completed_at` as written.
    #[serde(default)]
    pub completed_at: Option<String>,
    /// `html_url`: where a person looks at it.
    #[serde(default)]
    pub html_url: Option<String>,
    /// `steps`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub steps: Vec<Step>,
}

/// A step of a job.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// `number`, from 1.
    pub number: u32,
    /// `name`.
    pub name: String,
    /// `status`.
    #[serde(default)]
    pub status: Option<RunStatus>,
    /// `conclusion`; none while it runs.
    #[serde(default)]
    pub conclusion: Option<RunConclusion>,
}

impl Job {
    /// The first step that failed: where a person looks.
    #[must_use]
    pub fn failed_step(&self) -> Option<&Step> {
        let failed = |step: &&Step| {
            matches!(
                step.conclusion,
                Some(RunConclusion::Failure | RunConclusion::TimedOut | RunConclusion::StartupFailure)
            )
        };
        self.steps.iter().find(failed)
    }
}

/// One page of jobs.
#[cfg(feature = "client")]
#[derive(Debug, Deserialize)]
pub(crate) struct JobPage {
    pub(crate) jobs: Vec<Job>,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Step>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_nulls_gaps_and_the_step_that_failed() {
        let text = r#"{"id": 40000000001, "run_id": 30000000001, "name": "deploy", "status": "waiting", "conclusion": null,
            "started_at": null, "runner_id": null, "steps": null}"#;
        let job: Job = serde_json::from_str(text).unwrap();
        assert_eq!((job.status, job.steps.len()), (Some(RunStatus::Waiting), 0));
        let text = r#"{"id": 1, "run_id": 2, "name": "deploy", "steps": [
            {"number": 1, "name": "Set up job", "status": "completed", "conclusion": "success"},
            {"number": 2, "name": "az", "status": "completed", "conclusion": "failure"},
            {"number": 3, "name": "late", "status": "completed", "conclusion": "skipped"}]}"#;
        let job: Job = serde_json::from_str(text).unwrap();
        assert_eq!(job.failed_step().unwrap().name, "az");
    }
}
