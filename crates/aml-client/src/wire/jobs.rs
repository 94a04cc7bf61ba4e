//! **Here**: a job as the service writes it. Of its many kinds only what all have is typed; the rest stays as it came.
//! **Not here**: asking for one (`ops::jobs`).
//! **Reads**: nothing before it.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service` (JobBase, JobStatus), read 2026-11-23. Kinds: AutoML, Command, FineTuning,
//! Pipeline, Spark, Sweep, and what comes; the events call a job the run.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::StringMap;

open! {
    /// A job.
    ///
    /// Shape: `{"id": "/subscriptions/...", "name": "brave_fig_1", "properties": {"jobType": "Command", "status": "Running", ...}}`.
    pub struct Job {
        /// `id`: the resource id.
        id: Option<String> = "id",
        /// `name`: the run id of the events.
        name: Option<String> = "name",
        ;
        /// `properties`.
        properties: JobProperties = "properties",
        ..
    }
}

open! {
    /// What every kind of job has.
    #[derive(Default)]
    pub struct JobProperties {
        /// `jobType`, such as `Command`; other casings and kinds are kept as they came.
        job_type: Option<String> = "jobType",
        /// `status`.
        status: Option<JobStatus> = "status",
        /// `displayName`.
        display_name: Option<String> = "displayName",
        /// `experimentName`.
        experiment_name: Option<String> = "experimentName",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        /// `properties`.
        properties: Option<StringMap> = "properties",
        ..
    }
}

/// How far a job is. Compared without regard to case; an unknown word is kept, and is no end.
#[derive(Clone, Debug, Deserialize, Eq, Serialize)]
#[serde(transparent)]
pub struct JobStatus(String);

impl JobStatus {
    /// The word as it came, such as `Running`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it ended: `Completed`, `Failed` or `Canceled`. `NotResponding` is no end.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        ["completed", "failed", "canceled"]
            .iter()
            .any(|word| self.0.eq_ignore_ascii_case(word))
    }

    /// Whether it ended, and well.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.0.eq_ignore_ascii_case("completed")
    }
}

impl PartialEq for JobStatus {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ok_any_kind_survives_and_only_three_words_are_an_end() {
        for kind in ["Command", "command", "Distillation"] {
            let wire = json!({"name": "j", "systemData": {}, "properties": {
                "jobType": kind, "status": "Running", "tags": {"a": null}, "inputs": {"x": {"jobInputType": "literal"}}, "resources": null,
            }});
            let job: Job = serde_json::from_value(wire.clone()).unwrap();
            assert_eq!(serde_json::to_value(job).unwrap(), wire);
        }
        for (word, ended, completed) in [
            ("Completed", true, true),
            ("completed", true, true),
            ("Failed", true, false),
            ("CANCELED", true, false),
            ("NotResponding", false, false),
            ("CancelRequested", false, false),
            ("Finalizing", false, false),
            ("Dreaming", false, false),
        ] {
            let status: JobStatus = serde_json::from_value(json!(word)).unwrap();
            assert_eq!(
                (status.is_ended(), status.is_completed()),
                (ended, completed),
                "{word}"
            );
        }
    }
}
