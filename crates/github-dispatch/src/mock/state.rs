//! **Here**: what the mock GitHub knows: repositories, runs, scripts, and what came in.
//! **Not here**: HTTP (`answers`).
//! **Reads**: the public types of `mock`.
//! **Source**: observed error bodies, read 2026-11-22.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

use super::{Received, RunsShow, Scripted};
use crate::repository_dispatch::{MAX_EVENT_TYPE_CHARS, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_KEYS};
use crate::workflow_dispatch::MAX_INPUTS;

/// The first run's id: beyond 32 bits, as GitHub's are.
const FIRST_RUN: u64 = 30_000_000_001;

#[derive(Debug)]
pub(super) struct State {
    /// By name in lower case.
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) required_token: Option<String>,
    pub(super) script: VecDeque<Scripted>,
    pub(super) always: Scripted,
    pub(super) show: RunsShow,
    pub(super) failing_lists: u32,
    pub(super) received: Vec<Received>,
    pub(super) n_requests: usize,
    pub(super) runs: Vec<MockRun>,
}

#[derive(Debug)]
pub(super) struct Repository {
    pub(super) full_name: String,
    pub(super) shows_relay_id: bool,
}

#[derive(Debug)]
pub(super) struct MockRun {
    pub(super) repository: String,
    pub(super) json: Value,
    pub(super) lists_until_shown: Option<u32>,
}

impl MockRun {
    pub(super) fn id(&self) -> u64 {
        self.json.get("id").and_then(Value::as_u64).unwrap_or_default()
    }

    pub(super) fn text(&self, member: &str) -> &str {
        self.json.get(member).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            repositories: BTreeMap::new(),
            required_token: None,
            script: VecDeque::new(),
            always: Scripted::Accept,
            show: RunsShow::AtOnce,
            failing_lists: 0,
            received: Vec::new(),
            n_requests: 0,
            runs: Vec::new(),
        }
    }
}

/// A body that GitHub would refuse: status and message.
pub(super) type Refused = (u16, String);

impl State {
    pub(super) fn add_repository(&mut self, full_name: &str, shows_relay_id: bool) {
        let repository = Repository {
            full_name: full_name.to_owned(),
            shows_relay_id,
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

    /// Keeps a dispatch, and starts its run if it has an effect.
    pub(super) fn take(&mut self, mut received: Received, effect: bool, now: &str) {
        received.effect = effect;
        if effect {
            self.start_run(&received, now);
        }
        self.received.push(received);
    }

    fn start_run(&mut self, received: &Received, now: &str) {
        let shows = self
            .repositories
            .get(&received.repository.to_ascii_lowercase())
            .is_some_and(|one| one.shows_relay_id);
        let model = received
            .client_payload
            .get("model_name")
            .and_then(Value::as_str)
            .unwrap_or("something");
        let title = match (&received.relay_id, shows) {
            (Some(id), true) => format!("deploy {model} [{id}]"),
            _ => format!("deploy {model}"),
        };
        let number = u64::try_from(self.runs.len()).unwrap_or_default();
        let id = FIRST_RUN + number;
        let lists_until_shown = match self.show {
            RunsShow::AtOnce => Some(0),
            RunsShow::AfterLists(n) => Some(n),
            RunsShow::Never => None,
        };
        let event = match &received.workflow {
            Some(_) => "workflow_dispatch",
            None => "repository_dispatch",
        };
        let json = json!({
            "id": id, "name": "deploy", "display_title": title, "event": event, "path": ".github/workflows/deploy.yml",
            "status": "queued", "conclusion": null, "run_number": number + 1, "run_attempt": 1, "created_at": now,
            "html_url": format!("https://github.example/{}/actions/runs/{id}", received.repository)
        });
        self.runs.push(MockRun {
            repository: received.repository.to_ascii_lowercase(),
            json,
            lists_until_shown,
        });
    }
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
