//! **Here**: the mock GitHub's HTTP: which request gets which answer.
//! **Not here**: what it knows (`state`).
//! **Reads**: wiremock's requests.
//! **Source**: GitHub's OpenAPI description, API version 2022-11-28, read 2026-11-22.

use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use http::Method;
use serde_json::{Value, json};
use wiremock::{Match, Request, Respond, ResponseTemplate};

use super::runs::MockRun;
use super::shapes;
use super::state::{Refused, State, WORKFLOW, read_workflow_dispatch};
use super::{Received, Scripted, lock};

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
enum Asked {
    Dispatches,
    WorkflowDispatches(String),
    Repository,
    Runs,
    Run(String),
    Jobs(String),
    Cancel(String),
    Rerun(String),
    RunLogs(String),
    JobLog(String),
    Workflow(String),
    Contents(String),
    Other,
}

/// The segments of a path, decoded one by one, so that an encoded slash is none that separates.
pub(super) fn segments(request: &Request) -> Vec<String> {
    let decoded = |segment: &str| percent_decoded(segment).unwrap_or_else(|| segment.to_owned());
    request
        .url
        .path()
        .trim_start_matches('/')
        .split('/')
        .map(decoded)
        .collect()
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let code = digit(rest.next()?)? * 16 + digit(rest.next()?)?;
            bytes.push(u8::try_from(code).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// `owner/name`, and what is asked of it.
fn asked(request: &Request) -> Option<(String, Asked)> {
    let parts = segments(request);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let ["repos", owner, name, rest @ ..] = parts.as_slice() else {
        return None;
    };
    let text = |text: &str| text.to_owned();
    let asked = match (&request.method, rest) {
        (&Method::POST, ["dispatches"]) => Asked::Dispatches,
        (&Method::POST, ["actions", "workflows", workflow, "dispatches"]) => {
            Asked::WorkflowDispatches(text(workflow))
        }
        (&Method::GET, []) => Asked::Repository,
        (&Method::GET, ["actions", "runs"]) => Asked::Runs,
        (&Method::GET, ["actions", "runs", id]) => Asked::Run(text(id)),
        (&Method::GET, ["actions", "runs", id, "jobs"]) => Asked::Jobs(text(id)),
        (&Method::POST, ["actions", "runs", id, "cancel" | "force-cancel"]) => Asked::Cancel(text(id)),
        (&Method::POST, ["actions", "runs", id, "rerun" | "rerun-failed-jobs"]) => Asked::Rerun(text(id)),
        (&Method::GET, ["actions", "runs", id, "logs"]) => Asked::RunLogs(text(id)),
        (&Method::GET, ["actions", "jobs", id, "logs"]) => Asked::JobLog(text(id)),
        (&Method::GET, ["actions", "workflows", file]) => Asked::Workflow(text(file)),
        (&Method::GET, ["contents", path @ ..]) => Asked::Contents(path.join("/")),
        _ => Asked::Other,
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
        drops && is_dispatch && refused(&state, request).is_none() && !state.meter.refuses(true, state.now())
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
        state.take(received, script == Scripted::AcceptThenDrop);
    }
    Error::new(ErrorKind::ConnectionReset, "scripted: the connection is closed")
}

impl Respond for Answering {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = lock(&self.0);
        state.n_requests += 1;
        let answer = if request.url.path().starts_with("/_logs/") {
            log_file(request)
        } else if let Some((status, message)) = refused(&state, request) {
            error(status, &message)
        } else {
            let now = state.now();
            let is_write = request.method != Method::GET;
            // What is left can be asked for at any time.
            let is_free = request.url.path() == "/rate_limit";
            match if is_free {
                Ok(())
            } else {
                state.meter.take(is_write, now)
            } {
                Ok(()) => answered(&mut state, request),
                Err(refusal) => refusal
                    .headers
                    .into_iter()
                    .fold(error(refusal.status, refusal.message), |answer, (name, value)| {
                        answer.insert_header(name, value)
                    }),
            }
        };
        with_headers(&mut state, answer)
    }
}

/// What every answer has, and what a script gives this one instead.
fn with_headers(state: &mut State, answer: ResponseTemplate) -> ResponseTemplate {
    let now = state.now();
    let [limit, used, remaining, reset] = state.meter.primary(now);
    let date = jiff::Timestamp::try_from(now).ok().and_then(|now| {
        jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&now)
            .ok()
    });
    let answer = match date {
        Some(date) => answer.insert_header("date", date),
        None => answer,
    };
    let answer = answer
        .insert_header("x-ratelimit-limit", limit.to_string())
        .insert_header("x-ratelimit-used", used.to_string())
        .insert_header("x-ratelimit-remaining", remaining.to_string())
        .insert_header("x-ratelimit-reset", reset.to_string())
        .insert_header("x-ratelimit-resource", "core");
    std::mem::take(&mut state.scripted_headers)
        .into_iter()
        .fold(answer, |answer, (name, value)| answer.insert_header(name, value))
}

fn answered(state: &mut State, request: &Request) -> ResponseTemplate {
    if request.url.path() == "/rate_limit" {
        return ok(&shapes::rate_limit(
            is_newer(request),
            state.meter.primary(state.now()),
        ));
    }
    #[cfg(feature = "app")]
    if let Some(id) = app_call(request) {
        return answered_app(state, id.as_deref(), request);
    }
    #[cfg(feature = "provision")]
    if let Some(answer) = super::provision::answered(state, request) {
        return answer;
    }
    let Some((repository, asked)) = asked(request) else {
        return error(404, "Not Found");
    };
    let key = repository.to_ascii_lowercase();
    let now = state.now();
    let full_name = state
        .repositories
        .get(&key)
        .map_or_else(String::new, |one| one.full_name.clone());
    match asked {
        Asked::Dispatches | Asked::WorkflowDispatches(_) => dispatches(state, &repository, &asked, request),
        Asked::Repository => ok(&shapes::repository(&full_name, &Value::Null)),
        Asked::Runs => runs(state, &key, request),
        Asked::Run(id) => match run(state, &key, &id) {
            Some(run) => conditional(request, &shapes::workflow_run(&full_name, &run.json(now))),
            None => error(404, "Not Found"),
        },
        Asked::Jobs(id) => match run(state, &key, &id) {
            Some(run) => ok(&shapes::job_list(
                1,
                &[shapes::job(&full_name, &run.json(now), &run.job(now))],
            )),
            None => error(404, "Not Found"),
        },
        Asked::Cancel(id) => match run(state, &key, &id) {
            Some(run) if run.is_ended(now) => error(409, "Cannot cancel a workflow run that is completed."),
            Some(run) => {
                run.cancel();
                ResponseTemplate::new(202).set_body_json(json!({}))
            }
            None => error(404, "Not Found"),
        },
        Asked::Rerun(id) => match run(state, &key, &id) {
            Some(run) if run.is_ended(now) => {
                run.rerun(now);
                ResponseTemplate::new(201).set_body_json(json!({}))
            }
            Some(_) => error(403, "This workflow run is not in a state that can be run again."),
            None => error(404, "Not Found"),
        },
        Asked::RunLogs(id) => match run(state, &key, &id).map(|run| run.is_ended(now)) {
            Some(true) => redirect(&state.uri, &format!("run-{id}")),
            _ => error(404, "Not Found"),
        },
        Asked::JobLog(id) => {
            let is_there = state
                .runs
                .iter()
                .any(|run| run.repository == key && run.job_id().to_string() == id);
            if is_there {
                redirect(&state.uri, &format!("job-{id}"))
            } else {
                error(404, "Not Found")
            }
        }
        Asked::Workflow(file) if matches!(file.as_str(), "deploy.yml" | "1") => {
            ok(&shapes::workflow(&full_name, &json!({ "path": WORKFLOW })))
        }
        Asked::Contents(path) => contents(state, &key, &path, request),
        Asked::Workflow(_) | Asked::Other => error(404, "Not Found"),
    }
}

fn run<'s>(state: &'s mut State, key: &str, id: &str) -> Option<&'s mut MockRun> {
    let is_it = |run: &&mut MockRun| run.repository == key && run.id().to_string() == id;
    state.runs.iter_mut().find(is_it)
}

/// 304 for whoever has it already.
fn conditional(request: &Request, body: &Value) -> ResponseTemplate {
    let etag = format!("W/\"{:016x}\"", hash(&body.to_string()));
    let known = request
        .headers
        .get("if-none-match")
        .and_then(|value| value.to_str().ok());
    let answer = if known == Some(etag.as_str()) {
        ResponseTemplate::new(304)
    } else {
        ok(body)
    };
    answer.insert_header("etag", etag)
}

/// FNV-1a: equal texts, equal tags.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn redirect(uri: &str, name: &str) -> ResponseTemplate {
    ResponseTemplate::new(302).insert_header("location", format!("{uri}/_logs/{name}?sig=only-here"))
}

/// Where logs are: another server in real life, which refuses a request with two kinds of authorization.
fn log_file(request: &Request) -> ResponseTemplate {
    if request.headers.contains_key("authorization") {
        return ResponseTemplate::new(400).set_body_string("InvalidAuthenticationInfo");
    }
    if request.url.path().starts_with("/_logs/run-") {
        // The end of an archive without a file: the shortest that is one.
        let mut zip = b"PK\x05\x06".to_vec();
        zip.resize(22, 0);
        return ResponseTemplate::new(200).set_body_raw(zip, "application/zip");
    }
    ResponseTemplate::new(200).set_body_raw(
        "2026-11-23T10:00:00.0000000Z Set the deployment's model\n",
        "text/plain",
    )
}

/// A file as it is or as JSON, or the files of a folder.
fn contents(state: &State, key: &str, path: &str, request: &Request) -> ResponseTemplate {
    let Some(repository) = state.repositories.get(key) else {
        return error(404, "Not Found");
    };
    if let Some(file) = repository.files.get(path) {
        let accept = request
            .headers
            .get("accept")
            .and_then(|value| value.to_str().ok());
        // `application/vnd.github.raw+json`, or the older `application/vnd.github.raw`.
        if let Some(raw) = accept.filter(|accept| accept.starts_with("application/vnd.github.raw")) {
            return ResponseTemplate::new(200).set_body_raw(file.clone(), raw);
        }
        return ok(&shapes::content_file(&repository.full_name, path, file));
    }
    let inside = |file: &str| {
        let rest = file.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'));
        rest.is_some_and(|name| !name.contains('/'))
    };
    let mut files = repository
        .files
        .iter()
        .filter(|(file, _)| inside(file))
        .peekable();
    if files.peek().is_none() {
        return error(404, "Not Found");
    }
    ok(&shapes::content_directory(&repository.full_name, files))
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
    #[cfg(feature = "app")]
    if app_call(request).is_some() {
        return None;
    }
    #[cfg(feature = "app")]
    if token.starts_with("ghs_") && state.apps.has_any() {
        return refused_token(state, token, request);
    }
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
    if request.url.path() == "/rate_limit" || request.url.path().starts_with("/orgs/") {
        return None;
    }
    let known =
        asked(request).is_some_and(|(name, _)| state.repositories.contains_key(&name.to_ascii_lowercase()));
    (!known).then(|| (404, "Not Found".to_owned()))
}

/// What an installation token is refused for: it may have ended, or may not do this.
#[cfg(feature = "app")]
fn refused_token(state: &State, token: &str, request: &Request) -> Option<(u16, String)> {
    let Some(granted) = state.apps.granted(token) else {
        return Some((401, "Bad credentials".to_owned()));
    };
    let (repository, asked) = asked(request)?;
    let needs = match asked {
        Asked::Dispatches => Some(("contents", "write")),
        Asked::WorkflowDispatches(_) | Asked::Cancel(_) | Asked::Rerun(_) => Some(("actions", "write")),
        Asked::Repository | Asked::Other => None,
        Asked::Contents(_) => Some(("contents", "read")),
        _ => Some(("actions", "read")),
    };
    let name = repository.split('/').next_back().unwrap_or_default();
    let refused = granted.refuses(name, needs, state.now());
    let refused = refused.map(|(status, message)| (status, message.to_owned()));
    let is_there = state.repositories.contains_key(&repository.to_ascii_lowercase());
    refused.or_else(|| (!is_there).then(|| (404, "Not Found".to_owned())))
}

/// A call that an app makes with its JWT: of which installation a token is wanted, or none where an installation is looked for.
#[cfg(feature = "app")]
fn app_call(request: &Request) -> Option<Option<String>> {
    let parts = segments(request);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (&request.method, parts.as_slice()) {
        (&Method::POST, ["app", "installations", id, "access_tokens"]) => Some(Some((*id).to_owned())),
        (&Method::GET, ["repos", _, _, "installation"]) => Some(None),
        _ => None,
    }
}

/// The answer to such a call.
#[cfg(feature = "app")]
fn answered_app(state: &mut State, id: Option<&str>, request: &Request) -> ResponseTemplate {
    let now = state.now();
    let jwt = request
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let jwt = jwt
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    let answered = match id {
        Some(id) => state
            .apps
            .token(jwt, id, &request.body, now)
            .map(|json| (201, json)),
        None => {
            let parts = segments(request);
            let name = parts.iter().skip(1).take(2).map(|part| part.to_ascii_lowercase());
            let is_there = state
                .repositories
                .contains_key(&name.collect::<Vec<_>>().join("/"));
            let found = state.apps.installation(jwt, now);
            let found = found.and_then(|json| {
                if is_there {
                    Ok(shapes::installation(
                        parts.get(1).map_or("", String::as_str),
                        &json,
                    ))
                } else {
                    Err((404, "Not Found"))
                }
            });
            found.map(|json| (200, json))
        }
    };
    match answered {
        Ok((status, json)) => ResponseTemplate::new(status).set_body_json(json),
        Err((status, message)) => error(status, message),
    }
}

fn next(state: &mut State) -> Scripted {
    state.script.pop_front().unwrap_or_else(|| state.always.clone())
}

/// A dispatch of either kind as GitHub reads it.
fn read(state: &State, repository: &str, asked: &Asked, request: &Request) -> Result<Received, Refused> {
    match asked {
        Asked::WorkflowDispatches(file) if matches!(file.as_str(), "deploy.yml" | "1") => {
            read_workflow_dispatch(repository, &request.body)
        }
        Asked::WorkflowDispatches(_) => Err((404, "Not Found".to_owned())),
        _ => state.read_dispatch(repository, &request.body),
    }
}

/// What is answered with 200 and the run, and with 204 otherwise: only a workflow dispatch, where it was asked for, or always in newer
/// API versions.
fn names_run(asked: &Asked, request: &Request) -> bool {
    let asks = || {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        body.get("return_run_details") == Some(&Value::from(true))
    };
    matches!(asked, Asked::WorkflowDispatches(_)) && (is_newer(request) || asks())
}

fn is_newer(request: &Request) -> bool {
    let version = request.headers.get("x-github-api-version");
    version
        .and_then(|value| value.to_str().ok())
        .is_some_and(|version| version >= "2026-03-10")
}

fn dispatches(state: &mut State, repository: &str, asked: &Asked, request: &Request) -> ResponseTemplate {
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
    state.take(received, effect);
    match script {
        Scripted::Accept if names_run(asked, request) => {
            let id = state.runs.last().map(MockRun::id).unwrap_or_default();
            ok(&shapes::started_run(repository, id)).insert_header("x-github-request-id", "MOCK:1")
        }
        Scripted::Accept | Scripted::AcceptThenDrop | Scripted::DropBefore => {
            ResponseTemplate::new(204).insert_header("x-github-request-id", "MOCK:1")
        }
        Scripted::Refuse {
            status,
            headers,
            message,
        } => {
            state.scripted_headers = headers;
            error(status, &message)
        }
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
    let now = state.now();
    let mut shown: Vec<Value> = Vec::new();
    for run in state.runs.iter_mut().rev().filter(|run| run.repository == key) {
        // Instants in one form and zone compare as texts.
        let young = since
            .as_deref()
            .is_none_or(|since| run.created().as_str() >= since);
        let wanted = young && event.as_deref().is_none_or(|event| run.event() == event);
        if run.is_shown(now) && wanted {
            shown.push(run.json(now));
        }
    }
    let total = shown.len();
    let page: Vec<Value> = shown
        .into_iter()
        .skip((page - 1) * per_page)
        .take(per_page)
        .collect();
    let name = state.repositories.get(key).map_or("", |one| &one.full_name);
    ok(&shapes::run_list(name, total, &page))
}

pub(super) fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

pub(super) fn error(status: u16, message: &str) -> ResponseTemplate {
    let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string() });
    ResponseTemplate::new(status).set_body_json(body)
}

/// `2026-11-22T10:00:00Z`.
pub(super) fn written(at: SystemTime) -> String {
    let at = jiff::Timestamp::try_from(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::Timestamp::from_second(at.as_second())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}
