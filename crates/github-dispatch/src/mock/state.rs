//! **Here**: what the mock GitHub knows: repositories, runs, scripts, and what came in.
//! **Not here**: HTTP (`answers`).
//! **Reads**: the public types of `mock`.
//! **Source**: observed error bodies, read 2026-11-22.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::limits::Meter;
use super::runs::{MockRun, RunsShow, Stage};
use super::{Received, Scripted};
use crate::clock::Clock;
use crate::repository_dispatch::{MAX_EVENT_TYPE_CHARS, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_KEYS};
use crate::workflow_dispatch::MAX_INPUTS;
use crate::workflow_file::{read_dispatched_workflow, read_workflow};

#[derive(Debug)]
pub(super) struct State {
    pub(super) clock: Arc<dyn Clock>,
    /// `http://127.0.0.1:PORT`.
    pub(super) uri: String,
    /// By name in lower case.
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) required_token: Option<String>,
    pub(super) script: VecDeque<Scripted>,
    pub(super) always: Scripted,
    /// Headers of the answer that is being made.
    pub(super) scripted_headers: Vec<(String, String)>,
    pub(super) show: RunsShow,
    pub(super) stages: Vec<Stage>,
    pub(super) failing_lists: u32,
    pub(super) received: Vec<Received>,
    pub(super) n_requests: usize,
    pub(super) runs: Vec<MockRun>,
    pub(super) meter: Meter,
    #[cfg(feature = "app")]
    pub(super) apps: super::apps::Apps,
    #[cfg(feature = "provision")]
    pub(super) provisioned: super::provision::Provisioned,
}

#[derive(Debug)]
pub(super) struct Repository {
    pub(super) full_name: String,
    pub(super) shows_relay_id: bool,
    /// Files of the default branch, by path.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl State {
    pub(super) fn new(clock: Arc<dyn Clock>, uri: String) -> Self {
        Self {
            clock,
            uri,
            repositories: BTreeMap::new(),
            required_token: None,
            script: VecDeque::new(),
            always: Scripted::Accept,
            scripted_headers: Vec::new(),
            show: RunsShow::AtOnce,
            stages: Vec::new(),
            failing_lists: 0,
            received: Vec::new(),
            n_requests: 0,
            runs: Vec::new(),
            meter: Meter::default(),
            #[cfg(feature = "app")]
            apps: super::apps::Apps::default(),
            #[cfg(feature = "provision")]
            provisioned: super::provision::Provisioned::default(),
        }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }
}

/// A body that GitHub would refuse: status and message.
pub(super) type Refused = (u16, String);

impl State {
    pub(super) fn add_repository(&mut self, full_name: &str, shows_relay_id: bool) {
        let workflow = workflow(shows_relay_id).into_bytes();
        let repository = Repository {
            full_name: full_name.to_owned(),
            shows_relay_id,
            files: BTreeMap::from([(WORKFLOW.to_owned(), workflow)]),
        };
        self.repositories
            .insert(full_name.to_ascii_lowercase(), repository);
    }

    pub(super) fn remove_repository(&mut self, full_name: &str) {
        self.repositories.remove(&full_name.to_ascii_lowercase());
    }

    /// Reads a dispatch as GitHub does.
    pub(super) fn read_dispatch(&self, repository: &str, body: &[u8]) -> Result<Received, Refused> {
        let body: Value =
            serde_json::from_slice(body).map_err(|_| (400, "Problems parsing JSON".to_owned()))?;
        let Value::Object(body) = body else {
            return Err((400, "Body should be a JSON object".to_owned()));
        };
        let event_type = body.get("event_type").and_then(Value::as_str).unwrap_or_default();
        if !(1..=MAX_EVENT_TYPE_CHARS).contains(&event_type.chars().count()) {
            return Err((
                422,
                "Invalid request.\n\n\"event_type\" has to be 1 to 100 characters long.".to_owned(),
            ));
        }
        let client_payload = match body.get("client_payload") {
            None => Map::new(),
            Some(Value::Object(payload)) => payload.clone(),
            Some(_) => {
                return Err((
                    422,
                    "Invalid request.\n\nFor 'properties/client_payload', it is not an object.".to_owned(),
                ));
            }
        };
        if client_payload.len() > MAX_PAYLOAD_KEYS {
            return Err((
                422,
                format!(
                    "No more than 10 properties are allowed; {} were supplied.",
                    client_payload.len()
                ),
            ));
        }
        if Value::Object(client_payload.clone()).to_string().len() > MAX_PAYLOAD_BYTES {
            return Err((422, "client_payload is too large.".to_owned()));
        }
        let relay_id = client_payload
            .get("relay")
            .and_then(|relay| relay.get("id"))
            .and_then(Value::as_str);
        Ok(Received {
            repository: repository.to_owned(),
            event_type: event_type.to_owned(),
            relay_id: relay_id.map(str::to_owned),
            client_payload,
            workflow: None,
            git_ref: None,
            effect: false,
        })
    }

    pub(super) fn set_workflow(&mut self, full_name: &str, text: &str) {
        if let Some(repository) = self.repositories.get_mut(&full_name.to_ascii_lowercase()) {
            let facts = read_workflow(text, "");
            let dispatched = read_dispatched_workflow(text);
            repository.shows_relay_id = facts.shows_relay_id || dispatched.shows_relay_id;
            repository
                .files
                .insert(WORKFLOW.to_owned(), text.as_bytes().to_vec());
        }
    }

    /// Keeps a dispatch, and starts its run if it has an effect.
    pub(super) fn take(&mut self, mut received: Received, effect: bool) {
        received.effect = effect;
        if effect {
            self.start_run(&received);
        }
        self.received.push(received);
    }

    fn start_run(&mut self, received: &Received) {
        let key = received.repository.to_ascii_lowercase();
        let shows = self.repositories.get(&key).is_some_and(|one| one.shows_relay_id);
        let model = received
            .client_payload
            .get("model_name")
            .and_then(Value::as_str)
            .unwrap_or("something");
        let title = match (&received.relay_id, shows) {
            (Some(id), true) => format!("deploy {model} [{id}]"),
            _ => format!("deploy {model}"),
        };
        let event = match &received.workflow {
            Some(_) => "workflow_dispatch",
            None => "repository_dispatch",
        };
        let number = u64::try_from(self.runs.len()).unwrap_or_default();
        let run = MockRun::new(&received.repository, number, title, event, self.now(), self.show);
        self.runs.push(run.with_stages(self.stages.clone()));
    }
}

/// The only workflow there is.
pub(super) const WORKFLOW: &str = ".github/workflows/deploy.yml";

fn workflow(shows_relay_id: bool) -> String {
    let run_name = if shows_relay_id {
        "run-name: \"deploy ${{ github.event.client_payload.model_name }} [${{ github.event.client_payload.relay.id }}]\"\n"
    } else {
        ""
    };
    format!("name: deploy\n{run_name}on:\n  repository_dispatch:\njobs: {{}}\n")
}

/// Reads a dispatch of `deploy.yml` as GitHub does; there is one branch, `main`. The input `relay_id` is the id.
pub(super) fn read_workflow_dispatch(repository: &str, body: &[u8]) -> Result<Received, Refused> {
    let body: Value = serde_json::from_slice(body).map_err(|_| (400, "Problems parsing JSON".to_owned()))?;
    let Some(git_ref) = body.get("ref").and_then(Value::as_str) else {
        return Err((422, "Invalid request.\n\n\"ref\" wasn't supplied.".to_owned()));
    };
    if !["main", "refs/heads/main"].contains(&git_ref) {
        return Err((422, format!("No ref found for: {git_ref}")));
    }
    let inputs = match body.get("inputs") {
        None => Map::new(),
        Some(Value::Object(inputs)) => inputs.clone(),
        Some(_) => {
            let message = "Invalid request.\n\nFor 'properties/inputs', it is not an object.";
            return Err((422, message.to_owned()));
        }
    };
    if inputs.len() > MAX_INPUTS {
        let message =
            format!("you may only define up to {MAX_INPUTS} `inputs` for a `workflow_dispatch` event");
        return Err((422, message));
    }
    let relay_id = inputs.get("relay_id").and_then(Value::as_str);
    Ok(Received {
        repository: repository.to_owned(),
        event_type: String::new(),
        relay_id: relay_id.map(str::to_owned),
        workflow: Some("deploy.yml".to_owned()),
        git_ref: Some(git_ref.to_owned()),
        client_payload: inputs,
        effect: false,
    })
}
