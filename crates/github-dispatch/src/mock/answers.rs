//! **Here**: the mock GitHub's HTTP: which request gets which answer.
//! **Not here**: what it knows (`state`).
//! **Reads**: wiremock's requests.
//! **Source**: GitHub's OpenAPI description, API version 2022-11-28, read 2026-11-22.

use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};
use wiremock::{Match, Request, Respond, ResponseTemplate};

use super::shapes;
use super::state::{Refused, State, read_workflow_dispatch};
use super::{Received, Scripted, lock};
use crate::clock::{Clock, SystemClock};

/// The type of a file's text as it is.
const RAW: &str = "application/vnd.github.raw+json; charset=utf-8";

/// Everything that gets an answer.
pub(super) struct Answering(Arc<Mutex<State>>);

/// Dispatches whose connection is closed without an answer.
pub(super) struct Dropping(Arc<Mutex<State>>);

impl Answering {
    pub(super) const fn new(state: Arc<Mutex<State>>) -> Self {
        Self(state)
    }
}

impl Dropping {
    pub(super) const fn new(state: Arc<Mutex<State>>) -> Self {
        Self(state)
    }
}

/// What a path asks for.
enum Asked<'p> {
    Dispatches,
    WorkflowDispatches(&'p str),
    Repository,
    Runs,
    Run(&'p str),
    Workflows,
    Workflow(&'p str),
}

/// `owner/name`, and what is asked of it.
fn asked(request: &Request) -> Option<(String, Asked<'_>)> {
    let parts: Vec<&str> = request.url.path().trim_start_matches('/').split('/').collect();
    let ["repos", owner, name, rest @ ..] = parts.as_slice() else {
        return None;
    };
    let asked = match (&request.method, rest) {
        (&Method::POST, ["dispatches"]) => Asked::Dispatches,
        (&Method::POST, ["actions", "workflows", workflow, "dispatches"]) => {
            Asked::WorkflowDispatches(workflow)
        }
        (&Method::GET, []) => Asked::Repository,
        (&Method::GET, ["actions", "runs"]) => Asked::Runs,
        (&Method::GET, ["actions", "runs", id]) => Asked::Run(id),
        (&Method::GET, ["contents", ".github", "workflows"]) => Asked::Workflows,
        (&Method::GET, ["contents", ".github", "workflows", file]) => Asked::Workflow(file),
        _ => return None,
    };
    Some((format!("{owner}/{name}"), asked))
}

impl Match for Dropping {
    fn matches(&self, request: &Request) -> bool {
        let state = lock(&self.0);
        let next = state.script.front().unwrap_or(&state.always);
        let drops = matches!(next, Scripted::AcceptThenDrop | Scripted::DropBefore);
        let is_dispatch = matches!(
            asked(request),
            Some((_, Asked::Dispatches | Asked::WorkflowDispatches(_)))
        );
        drops && is_dispatch && refused(&state, request).is_none()
    }
}

/// The effect of a dispatch whose connection is closed without an answer.
pub(super) fn drop_connection(state: &Mutex<State>, request: &Request) -> Error {
    let mut state = lock(state);
    state.n_requests += 1;
    let script = next(&mut state);
    if let Some((repository, asked)) = asked(request)
        && let Ok(received) = read(&state, &repository, &asked, request)
    {
        state.take(received, script == Scripted::AcceptThenDrop, &now());
    }
    Error::new(ErrorKind::ConnectionReset, "scripted: the connection is closed")
}

impl Respond for Answering {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = lock(&self.0);
        state.n_requests += 1;
        if let Some((status, message)) = refused(&state, request) {
            return error(status, &message);
        }
        let Some((repository, asked)) = asked(request) else {
            return error(404, "Not Found");
        };
        let key = repository.to_ascii_lowercase();
        match asked {
            Asked::Dispatches | Asked::WorkflowDispatches(_) => {
                dispatches(&mut state, &repository, &asked, request)
            }
            Asked::Repository => ok(&shapes::repository(
                full_name(&state, &key),
                &json!({ "archived": false }),
            )),
            Asked::Runs => runs(&mut state, &key, request),
            Asked::Run(id) => match state
                .runs
                .iter()
                .find(|run| run.repository == key && run.id().to_string() == *id)
            {
                Some(run) => ok(&shapes::workflow_run(full_name(&state, &key), &run.json)),
                None => error(404, "Not Found"),
            },
            Asked::Workflows => {
                let text = workflow(&state, &key);
                let files = [(".github/workflows/deploy.yml", text.as_str())];
                ok(&shapes::content_directory(full_name(&state, &key), files))
            }
            Asked::Workflow("deploy.yml") => {
                ResponseTemplate::new(200).set_body_raw(workflow(&state, &key), RAW)
            }
            Asked::Workflow(_) => error(404, "Not Found"),
        }
    }
}

/// What is refused before anything is looked at: no token, a wrong one, no agent, no such repository.
fn refused(state: &State, request: &Request) -> Option<(u16, String)> {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let token = header("authorization").and_then(|value| {
        value
            .strip_prefix("Bearer ")
            .or_else(|| value.strip_prefix("token "))
    });
    let Some(token) = token else {
        return Some((401, "Requires authentication".to_owned()));
    };
    if state
        .required_token
        .as_deref()
        .is_some_and(|required| required != token)
    {
        return Some((401, "Bad credentials".to_owned()));
    }
    if header("user-agent").is_none_or(str::is_empty) {
        return Some((403, "Request forbidden by administrative rules.".to_owned()));
    }
    let known =
        asked(request).is_some_and(|(name, _)| state.repositories.contains_key(&name.to_ascii_lowercase()));
    (!known).then(|| (404, "Not Found".to_owned()))
}

fn next(state: &mut State) -> Scripted {
    state.script.pop_front().unwrap_or_else(|| state.always.clone())
}

/// A dispatch of either kind as GitHub reads it.
fn read(state: &State, repository: &str, asked: &Asked<'_>, request: &Request) -> Result<Received, Refused> {
    match asked {
        Asked::WorkflowDispatches("deploy.yml") => read_workflow_dispatch(repository, &request.body),
        Asked::WorkflowDispatches(_) => Err((404, "Not Found".to_owned())),
        _ => state.read_dispatch(repository, &request.body),
    }
}

/// What is answered with 200 and the run, and with 204 otherwise: only a workflow dispatch, where it was asked for, or always in newer
/// API versions.
fn names_run(asked: &Asked<'_>, request: &Request) -> bool {
    let version = request.headers.get("x-github-api-version");
    let is_newer = version
        .and_then(|value| value.to_str().ok())
        .is_some_and(|version| version >= "2026-03-10");
    let asks = || {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        body.get("return_run_details") == Some(&Value::from(true))
    };
    matches!(asked, Asked::WorkflowDispatches(_)) && (is_newer || asks())
}

fn dispatches(state: &mut State, repository: &str, asked: &Asked<'_>, request: &Request) -> ResponseTemplate {
    let received = match read(state, repository, asked, request) {
        Ok(received) => received,
        Err((status, message)) => return error(status, &message),
    };
    let script = next(state);
    let effect = matches!(
        script,
        Scripted::Accept
            | Scripted::AcceptThen { .. }
            | Scripted::AcceptThenDrop
            | Scripted::Hang { effect: true, .. }
    );
    state.take(received, effect, &now());
    match script {
        Scripted::Accept if names_run(asked, request) => {
            let id = state
                .runs
                .last()
                .map(super::state::MockRun::id)
                .unwrap_or_default();
            ok(&shapes::started_run(repository, id)).insert_header("x-github-request-id", "MOCK:1")
        }
        Scripted::Accept | Scripted::AcceptThenDrop | Scripted::DropBefore => {
            ResponseTemplate::new(204).insert_header("x-github-request-id", "MOCK:1")
        }
        Scripted::Refuse {
            status,
            headers,
            message,
        } => headers
            .into_iter()
            .fold(error(status, &message), |answer, (name, value)| {
                answer.insert_header(name, value)
            }),
        Scripted::AcceptThen { status } => error(status, "Server Error"),
        Scripted::Hang { wait, .. } => ResponseTemplate::new(204).set_delay(wait),
    }
}

fn runs(state: &mut State, key: &str, request: &Request) -> ResponseTemplate {
    if state.failing_lists > 0 {
        state.failing_lists -= 1;
        return error(502, "Server Error");
    }
    let parameter = |name: &str| {
        request
            .url
            .query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let number = |name: &str, default: usize| {
        parameter(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (page, per_page) = (number("page", 1).max(1), number("per_page", 30).min(100));
    let since = parameter("created").and_then(|text| text.strip_prefix(">=").map(str::to_owned));
    let event = parameter("event");
    let mut shown: Vec<Value> = Vec::new();
    for run in state.runs.iter_mut().rev().filter(|run| run.repository == key) {
        match &mut run.lists_until_shown {
            Some(0) => {}
            Some(n) => {
                *n -= 1;
                continue;
            }
            None => continue,
        }
        // Instants in one form and zone compare as texts.
        let young = since
            .as_deref()
            .is_none_or(|since| run.text("created_at") >= since);
        if young && event.as_deref().is_none_or(|event| run.text("event") == event) {
            shown.push(run.json.clone());
        }
    }
    let total = shown.len();
    let page: Vec<Value> = shown
        .into_iter()
        .skip((page - 1) * per_page)
        .take(per_page)
        .collect();
    ok(&shapes::run_list(full_name(state, key), total, &page))
}

/// The name of a repository as it was given.
fn full_name<'s>(state: &'s State, key: &str) -> &'s str {
    state.repositories.get(key).map_or("", |one| &one.full_name)
}

fn workflow(state: &State, key: &str) -> String {
    let run_name = if state.repositories.get(key).is_some_and(|one| one.shows_relay_id) {
        "run-name: \"deploy ${{ github.event.client_payload.model_name }} [${{ github.event.client_payload.relay.id }}]\"\n"
    } else {
        ""
    };
    format!("name: deploy\n{run_name}on:\n  repository_dispatch:\njobs: {{}}\n")
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn error(status: u16, message: &str) -> ResponseTemplate {
    let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string() });
    ResponseTemplate::new(status).set_body_json(body)
}

/// `2026-11-22T10:00:00Z`.
fn now() -> String {
    let now = jiff::Timestamp::try_from(SystemClock.now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::Timestamp::from_second(now.as_second())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}
