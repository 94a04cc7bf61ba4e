//! **Here**: the mock's runs: when they show, how they go on, and what is answered about them.
//! **Not here**: which request asks for what (`answers`).
//! **Reads**: dispatches that were taken.
//! **Source**: <https://docs.github.com/rest/actions/workflow-runs>, read 2026-11-23.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::answers::written;

/// The first run's id: beyond 32 bits, as GitHub's are.
const FIRST_RUN: u64 = 30_000_000_001;
/// The first job's.
const FIRST_JOB: u64 = 40_000_000_001;

/// When the run of a dispatch shows up in the list of runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum RunsShow {
    /// At once.
    #[default]
    AtOnce,
    /// After so many listings.
    AfterLists(u32),
    /// So long after the dispatch, by the mock's clock.
    After(Duration),
    /// Never: no workflow listens, or Actions is down.
    Never,
}

/// A state that a run comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stage {
    /// So long after the run was created, or was run again.
    pub after: Duration,
    /// `status`.
    pub status: String,
    /// `conclusion`.
    pub conclusion: Option<String>,
}

impl Stage {
    /// A stage on the way, such as `in_progress` or `waiting`.
    #[must_use]
    pub fn status(after: Duration, status: &str) -> Self {
        Self {
            after,
            status: status.to_owned(),
            conclusion: None,
        }
    }

    /// The end, such as `success` or `failure`.
    #[must_use]
    pub fn conclusion(after: Duration, conclusion: &str) -> Self {
        Self {
            after,
            status: "completed".to_owned(),
            conclusion: Some(conclusion.to_owned()),
        }
    }
}

#[derive(Debug)]
pub(super) struct MockRun {
    /// In lower case.
    pub(super) repository: String,
    full_name: String,
    number: u64,
    title: String,
    event: &'static str,
    created_at: SystemTime,
    /// When this attempt began.
    started_at: SystemTime,
    attempt: u32,
    shows: RunsShow,
    stages: Vec<Stage>,
    cancelled: bool,
}

impl MockRun {
    pub(super) fn new(
        full_name: &str,
        number: u64,
        title: String,
        event: &'static str,
        now: SystemTime,
        shows: RunsShow,
    ) -> Self {
        Self {
            repository: full_name.to_ascii_lowercase(),
            full_name: full_name.to_owned(),
            number,
            title,
            event,
            created_at: now,
            started_at: now,
            attempt: 1,
            shows,
            stages: Vec::new(),
            cancelled: false,
        }
    }

    pub(super) fn with_stages(self, stages: Vec<Stage>) -> Self {
        Self { stages, ..self }
    }

    pub(super) const fn id(&self) -> u64 {
        FIRST_RUN + self.number
    }

    pub(super) const fn job_id(&self) -> u64 {
        FIRST_JOB + self.number
    }

    pub(super) const fn event(&self) -> &'static str {
        self.event
    }

    pub(super) fn created(&self) -> String {
        written(self.created_at)
    }

    /// Whether this listing shows it; listings count.
    pub(super) fn is_shown(&mut self, now: SystemTime) -> bool {
        match &mut self.shows {
            RunsShow::AtOnce | RunsShow::AfterLists(0) => true,
            RunsShow::AfterLists(n) => {
                *n -= 1;
                false
            }
            RunsShow::After(wait) => self.created_at.checked_add(*wait).is_some_and(|at| at <= now),
            RunsShow::Never => false,
        }
    }

    /// `status` and `conclusion`.
    pub(super) fn state(&self, now: SystemTime) -> (String, Option<String>) {
        if self.cancelled {
            return ("completed".to_owned(), Some("cancelled".to_owned()));
        }
        let age = now.duration_since(self.started_at).unwrap_or_default();
        let stage = self.stages.iter().rev().find(|stage| stage.after <= age);
        stage.map_or_else(
            || ("queued".to_owned(), None),
            |stage| (stage.status.clone(), stage.conclusion.clone()),
        )
    }

    pub(super) fn is_ended(&self, now: SystemTime) -> bool {
        self.state(now).0 == "completed"
    }

    pub(super) const fn cancel(&mut self) {
        self.cancelled = true;
    }

    pub(super) const fn rerun(&mut self, now: SystemTime) {
        self.cancelled = false;
        self.attempt += 1;
        self.started_at = now;
    }

    pub(super) fn json(&self, now: SystemTime) -> Value {
        let (status, conclusion) = self.state(now);
        let id = self.id();
        json!({
            "id": id, "name": "deploy", "display_title": self.title, "event": self.event,
            "path": ".github/workflows/deploy.yml", "status": status, "conclusion": conclusion,
            "run_number": self.number + 1, "run_attempt": self.attempt, "workflow_id": 1,
            "head_branch": "main", "head_sha": "0".repeat(40),
            "created_at": self.created(), "updated_at": self.created(), "run_started_at": written(self.started_at),
            "html_url": format!("https://github.example/{}/actions/runs/{id}", self.full_name)
        })
    }

    /// The one job that it has.
    pub(super) fn job(&self, now: SystemTime) -> Value {
        let (status, conclusion) = self.state(now);
        // A job knows fewer words than a run.
        let status = match status.as_str() {
            "requested" | "pending" => "queued",
            known => known,
        };
        let ended = conclusion.as_ref().map(|_| written(now));
        let step = json!({ "number": 1, "name": "Set the deployment's model", "status": status, "conclusion": conclusion,
            "started_at": written(self.started_at), "completed_at": ended });
        json!({
            "id": self.job_id(), "run_id": self.id(), "run_attempt": self.attempt, "name": "deploy",
            "status": status, "conclusion": conclusion, "started_at": written(self.started_at), "completed_at": ended,
            "html_url": format!("https://github.example/{}/actions/runs/{}/job/{}", self.full_name, self.id(), self.job_id()),
            "steps": [step]
        })
    }
}
