//! **Here**: the mock workspace's HTTP: which request gets which answer.
//! **Not here**: what it keeps (`state`), what each kind of resource does (`models`, `online`, `operations`, `subscriptions`).
//! **Reads**: wiremock's requests.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json` and the resource provider contract (errors,
//! paging, long-running operations), read 2026-11-23.

use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use super::documents::Scope;
use super::state::State;
use super::{documents, lock, models, online, operations, subscriptions, tracking};

/// Everything that gets an answer.
pub(super) struct Answering(Arc<Mutex<State>>);

impl Answering {
    pub(super) const fn new(state: Arc<Mutex<State>>) -> Self {
        Self(state)
    }
}

impl Respond for Answering {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = lock(&self.0);
        *state.n_requests.entry(request.method.to_string()).or_default() += 1;
        state.catch_up();
        let path = request.url.path();
        let answer = if path.starts_with("/score/") {
            online::score(&mut state, request)
        } else if let Some(refused) = refused(&mut state, request) {
            refused
        } else if path.starts_with("/mlflow/") {
            tracking::answered(&mut state, request)
        } else if path.starts_with("/batch/") {
            documents::batch(&mut state, request)
        } else {
            answered(&mut state, request)
        };
        let answer = if state.lost > 0 && request.method == Method::PUT {
            // The effect has happened.
            state.lost -= 1;
            error(502, "BadGateway", "The answer was lost.")
        } else {
            answer
        };
        answer.insert_header("x-ms-request-id", format!("mock-{}", state.number()))
    }
}

/// What is refused before anything is looked at.
fn refused(state: &mut State, request: &Request) -> Option<ResponseTemplate> {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let token = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let Some(token) = token else {
        return Some(error(
            401,
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        ));
    };
    if state
        .required_token
        .as_deref()
        .is_some_and(|required| required != token)
    {
        return Some(error(
            401,
            "InvalidAuthenticationToken",
            "The access token is invalid.",
        ));
    }
    let is_arm = !["/mlflow/", "/batch/"]
        .iter()
        .any(|other| request.url.path().starts_with(other));
    if is_arm && !request.url.query_pairs().any(|(name, _)| name == "api-version") {
        let text = "The api-version query parameter (?api-version=) is required for all requests.";
        return Some(error(400, "MissingApiVersionParameter", text));
    }
    if state.throttles > 0 {
        state.throttles -= 1;
        let wait = state.retry_after.as_secs().to_string();
        let answer = error(429, "TooManyRequests", "The request is being throttled.");
        return Some(answer.insert_header("retry-after", wait));
    }
    None
}

fn answered(state: &mut State, request: &Request) -> ResponseTemplate {
    let path = request.url.path().to_owned();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if let Some((by_status, number)) = operations::watched(&segments) {
        return operations::operation(state, by_status, number);
    }
    let workspace = state.workspace.to_string();
    let here = workspace.trim_start_matches('/').split('/').count();
    if request.method == Method::GET && is_list_of_workspaces(&segments) {
        return page(state, vec![state.shown_workspace()], request);
    }
    let Some((scope, rest)) = segments.split_at_checked(here) else {
        return missing();
    };
    let asked = format!("/{}", scope.join("/"));
    let registry = state
        .registries
        .keys()
        .find(|id| id.eq_ignore_ascii_case(&asked))
        .cloned();
    if registry.is_none() && !asked.eq_ignore_ascii_case(&workspace) {
        return no_workspace(scope);
    }
    let body = || {
        serde_json::from_slice::<Value>(&request.body)
            .ok()
            .filter(Value::is_object)
    };
    // Kinds and actions are read in any casing; names are left to who knows them.
    let rest: Vec<String> = rest
        .iter()
        .enumerate()
        .map(|(n, part)| {
            if n % 2 == 0 {
                part.to_ascii_lowercase()
            } else {
                (*part).to_owned()
            }
        })
        .collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    if let Some(id) = registry {
        return documents::answered(state, Scope::Registry(&id), request, &rest, body());
    }
    match (&request.method, rest.as_slice()) {
        (&Method::GET, []) => ok(&state.shown_workspace()),
        (&Method::GET, ["models"]) => models::containers(state, request),
        (&Method::GET, ["models", name]) => {
            models::container(state, name).map_or_else(models::no_model, |found| ok(&found))
        }
        (&Method::PUT, ["models", name]) => models::put_container(state, name, body()),
        (&Method::GET, ["models", name, "versions"]) => models::versions(state, name, request),
        (&Method::GET, ["models", name, "versions", version]) => models::version(state, name, version),
        (&Method::PUT, ["models", name, "versions", version]) => {
            models::put_version(state, name, version, body())
        }
        (&Method::DELETE, ["models", name, "versions", version]) => {
            models::delete_version(state, name, version)
        }
        (&Method::GET, ["onlineendpoints"]) => online::list(state, None, request),
        (method, ["onlineendpoints", endpoint]) => online::resource(state, method, endpoint, None, body()),
        (&Method::GET, ["onlineendpoints", endpoint, "deployments"]) => {
            online::list(state, Some(endpoint), request)
        }
        (&Method::POST, ["onlineendpoints", endpoint, action]) => {
            online::endpoint_action(state, endpoint, action, body().as_ref())
        }
        (method, ["onlineendpoints", endpoint, "deployments", deployment]) => {
            online::resource(state, method, endpoint, Some(deployment), body())
        }
        (&Method::POST, ["onlineendpoints", endpoint, "deployments", deployment, "getlogs"]) => {
            online::logs(state, endpoint, deployment, body().as_ref())
        }
        (method, ["providers", provider, "eventsubscriptions", below @ ..])
            if provider.eq_ignore_ascii_case("Microsoft.EventGrid") =>
        {
            match (method, below) {
                (&Method::GET, []) => subscriptions::list(state, request),
                (method, [name]) => subscriptions::subscription(state, method, name, body()),
                (&Method::POST, [name, "getfullurl"]) => subscriptions::full_url(state, name),
                _ => missing(),
            }
        }
        (&Method::POST, ["models", name, "versions", version, "publish"]) => {
            documents::publish(state, name, version, &body().unwrap_or_default())
        }
        (_, ["models", ..]) => missing(),
        _ => documents::answered(state, Scope::Workspace, request, &rest, body()),
    }
}

/// Of a resource group, or of a subscription.
fn is_list_of_workspaces(segments: &[&str]) -> bool {
    let is = |segment: &&str, word: &str| segment.eq_ignore_ascii_case(word);
    let provider = match segments {
        ["subscriptions", _, providers, provider, last]
            if is(providers, "providers") && is(last, "workspaces") =>
        {
            provider
        }
        ["subscriptions", _, _, _, providers, provider, last]
            if is(providers, "providers") && is(last, "workspaces") =>
        {
            provider
        }
        _ => return false,
    };
    is(provider, "Microsoft.MachineLearningServices")
}

/// A parameter of the query.
pub(super) fn parameter(request: &Request, wanted: &str) -> Option<String> {
    let found = request.url.query_pairs().find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.into_owned())
}

/// `$skip` is opaque: here a word that only this function reads.
pub(super) fn page(state: &State, all: Vec<Value>, request: &Request) -> ResponseTemplate {
    let from = parameter(request, "$skip")
        .and_then(|value| value.strip_prefix("after-")?.parse::<usize>().ok())
        .unwrap_or(0);
    let count = parameter(request, "count").and_then(|count| count.parse::<usize>().ok());
    let size = count.map_or(state.page_size, |count| count.clamp(1, state.page_size));
    let rest = all.len().saturating_sub(from + size);
    let items: Vec<Value> = all.into_iter().skip(from).take(size).collect();
    let mut body = json!({ "value": items });
    if rest > 0 {
        let mut link = request.url.clone();
        let pairs: Vec<(String, String)> = link
            .query_pairs()
            .filter(|(name, _)| name != "$skip")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let next = format!("after-{}", from + size);
        link.query_pairs_mut()
            .clear()
            .extend_pairs(pairs)
            .append_pair("$skip", &next);
        let link = format!(
            "{}{}?{}",
            state.uri,
            link.path(),
            link.query().unwrap_or_default()
        );
        if let Some(body) = body.as_object_mut() {
            body.insert("nextLink".to_owned(), Value::from(link));
        }
    }
    ok(&body)
}

pub(super) fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// What is said of another workspace.
fn no_workspace(scope: &[&str]) -> ResponseTemplate {
    let (group, name) = (scope.get(3).unwrap_or(&""), scope.last().unwrap_or(&""));
    let text = format!(
        "The Resource 'Microsoft.MachineLearningServices/workspaces/{name}' under resource group '{group}' was not found."
    );
    error(404, "ResourceNotFound", &text)
}

pub(super) fn missing() -> ResponseTemplate {
    error(404, "ResourceNotFound", "The resource was not found.")
}

/// Azure ML's own flavour: the useful code is below a general one.
pub(super) fn not_found(code: &str, message: &str) -> ResponseTemplate {
    let body = json!({ "error": { "code": "UserError", "message": message, "details": [{ "code": code, "message": message }] } });
    ResponseTemplate::new(404).set_body_json(body)
}

pub(super) fn error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "error": { "code": code, "message": message } }))
}
