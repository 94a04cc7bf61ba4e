//! **Here**: the mock workspace's HTTP: which request gets which answer.
//! **Not here**: what it keeps (`state`).
//! **Reads**: wiremock's requests.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json` and the resource provider contract (errors,
//! paging, long-running operations), read 2026-11-23.

use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use super::documents::{self, Scope};
use super::state::{State, key, set_state};
use super::{OperationStyle, Outcome, lock, tracking};

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
            score(&mut state, request)
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
    if let ["mock", kind @ ("status" | "location"), number] = segments.as_slice() {
        return operation(state, kind, number);
    }
    let workspace = state.workspace.to_string().to_ascii_lowercase();
    let here = workspace.trim_start_matches('/').split('/').count();
    let body = || {
        serde_json::from_slice::<Value>(&request.body)
            .ok()
            .filter(Value::is_object)
    };
    let lists_workspaces = segments
        .last()
        .is_some_and(|last| last.eq_ignore_ascii_case("workspaces"));
    if lists_workspaces && request.method == Method::GET {
        return documents::workspaces(state, request);
    }
    let Some((scope, rest)) = segments.split_at_checked(here) else {
        return missing();
    };
    let scope = format!("/{}", scope.join("/")).to_ascii_lowercase();
    if state.registries.contains_key(&scope) {
        return documents::answered(state, Scope::Registry(&scope), request, rest, body());
    }
    if scope != workspace {
        return error(404, "ResourceNotFound", "The workspace was not found.");
    }
    match (&request.method, rest) {
        (&Method::GET, ["models"]) => containers(state, request),
        (&Method::GET, ["models", name]) => match container(state, name) {
            Some(found) => ok(&found),
            None => missing(),
        },
        (&Method::GET, ["models", name, "versions"]) => versions(state, name, request),
        (&Method::GET, ["models", name, "versions", version]) => model(state, name, version),
        (&Method::PUT, ["models", name, "versions", version]) => match body() {
            Some(body) if body.pointer("/properties/modelUri").is_some_and(Value::is_string) => {
                put_model(state, name, version, body)
            }
            _ => error(400, "UserError", "The request is invalid."),
        },
        (&Method::DELETE, ["models", name, "versions", version]) => {
            let was_there = state
                .models
                .remove(&((*name).to_owned(), (*version).to_owned()))
                .is_some();
            ResponseTemplate::new(if was_there { 200 } else { 204 })
        }
        (&Method::GET, ["onlineEndpoints"]) => endpoints(state, None, request),
        (&Method::GET, ["onlineEndpoints", endpoint, "deployments"]) => {
            endpoints(state, Some(endpoint), request)
        }
        (&Method::POST, ["onlineEndpoints", _, "listKeys"]) => {
            ok(&json!({ "primaryKey": "mock-primary", "secondaryKey": "mock-secondary" }))
        }
        (method, ["providers", provider, "eventSubscriptions", name])
            if provider.eq_ignore_ascii_case("Microsoft.EventGrid") =>
        {
            subscription(state, method, name, body())
        }
        (method, ["onlineEndpoints", endpoint]) => resource(state, method, endpoint, None, body()),
        (method, ["onlineEndpoints", endpoint, "deployments", deployment]) => {
            resource(state, method, endpoint, Some(deployment), body())
        }
        (&Method::POST, ["models", name, "versions", version, "publish"]) => {
            publish(state, name, version, &body().unwrap_or_default())
        }
        (_, ["models", ..]) => missing(),
        _ => documents::answered(state, Scope::Workspace, request, rest, body()),
    }
}

/// Copies a model to a registry that is there.
fn publish(state: &mut State, name: &str, version: &str, body: &Value) -> ResponseTemplate {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(model) = state.models.get(&(name.to_owned(), version.to_owned())) else {
        return not_found("ModelNotFound", "The model was not found.");
    };
    let properties = model.body.get("properties").cloned().unwrap_or_default();
    let ending = format!("/registries/{}", text("registryName").to_ascii_lowercase());
    let Some(id) = state.registries.keys().find(|id| id.ends_with(&ending)).cloned() else {
        return error(404, "RegistryNotFound", "The registry was not found.");
    };
    let path = format!(
        "models/{}/versions/{}",
        text("destinationName"),
        text("destinationVersion")
    );
    state.add_document(Scope::Registry(&id), &path, &properties);
    let number = state.begin(&path, false);
    started(state, 202, number, None, OperationStyle::Location)
}

/// An event subscription: it waits for its webhook until [`validate_subscriptions`](super::MockWorkspace::validate_subscriptions) asks it.
fn subscription(state: &mut State, method: &Method, name: &str, body: Option<Value>) -> ResponseTemplate {
    let key = name.to_ascii_lowercase();
    match (method, body) {
        (&Method::GET, _) => match state.subscriptions.get(&key) {
            Some((body, _)) => ok(body),
            None => missing(),
        },
        (&Method::PUT, Some(mut body)) => {
            let address = "/properties/destination/properties/endpointUrl";
            let url = body.pointer(address).and_then(Value::as_str).map(str::to_owned);
            // Written, and never read back: a part of it before the query.
            if let (Some(url), Some(shown)) = (&url, body.pointer_mut("/properties/destination/properties")) {
                let base = url.split('?').next().unwrap_or_default();
                *shown = json!({ "endpointUrl": null, "endpointBaseUrl": base });
            }
            if let Some(body) = body.as_object_mut() {
                body.insert("name".to_owned(), Value::from(name));
            }
            set_state(&mut body, if url.is_some() { "Creating" } else { "Succeeded" });
            state
                .subscriptions
                .insert(key, (body.clone(), url.unwrap_or_default()));
            ResponseTemplate::new(201).set_body_json(body)
        }
        (&Method::DELETE, _) => {
            let was_there = state.subscriptions.remove(&key).is_some();
            ResponseTemplate::new(if was_there { 200 } else { 204 })
        }
        _ => missing(),
    }
}

/// The front end of scoring: which deployment answers, and with which model.
fn score(state: &mut State, request: &Request) -> ResponseTemplate {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let keys = ["Bearer mock-primary", "Bearer mock-secondary"];
    if !header("authorization").is_some_and(|value| keys.contains(&value)) {
        return ResponseTemplate::new(401);
    }
    let endpoint = request
        .url
        .path()
        .trim_start_matches("/score/")
        .to_ascii_lowercase();
    let asked = header("azureml-model-deployment").map(str::to_ascii_lowercase);
    let prefix = format!("{endpoint}/");
    let names: Vec<String> = state
        .resources
        .keys()
        .filter_map(|found| found.strip_prefix(&prefix).map(str::to_owned))
        .collect();
    // Real traffic is drawn by its shares; a test wants to know, so the largest share answers.
    let name = match asked {
        Some(asked) => names.into_iter().find(|name| *name == asked),
        None => names
            .into_iter()
            .map(|name| (state.traffic(&endpoint, &name), name))
            .filter(|(share, _)| *share > 0)
            .max()
            .map(|(_, name)| name),
    };
    match name.and_then(|name| Some((state.deployment(&endpoint, &name)?.0, name))) {
        Some((model, name)) => ok(&json!({ "deployment": name, "model": model })),
        None => ResponseTemplate::new(404),
    }
}

fn model(state: &State, name: &str, version: &str) -> ResponseTemplate {
    let now = state.now();
    let found = state.models.get(&(name.to_owned(), version.to_owned()));
    match found.filter(|model| model.shows_at <= now) {
        Some(model) => ok(&model.body),
        None => not_found("ModelNotFound", "The model was not found."),
    }
}

/// The files of a version that is there stay what they are.
fn put_model(state: &mut State, name: &str, version: &str, body: Value) -> ResponseTemplate {
    let uri = |body: &Value| body.pointer("/properties/modelUri").cloned();
    let present = state.models.get(&(name.to_owned(), version.to_owned()));
    if present.is_some_and(|present| uri(&present.body) != uri(&body)) {
        return error(400, "UserError", "Asset path cannot be changed.");
    }
    let is_new = state.put_model(name, version, body, std::time::Duration::ZERO);
    let found = state.models.get(&(name.to_owned(), version.to_owned()));
    let shown = found.map(|model| model.body.clone()).unwrap_or_default();
    ResponseTemplate::new(if is_new { 201 } else { 200 }).set_body_json(shown)
}

fn container(state: &State, name: &str) -> Option<Value> {
    let now = state.now();
    let shown = state
        .models
        .iter()
        .filter(|((of, _), model)| of == name && model.shows_at <= now);
    let ((_, latest), _) = shown.max_by_key(|(_, model)| model.number)?;
    let next = latest
        .parse::<u64>()
        .map_or_else(|_| "1".to_owned(), |latest| (latest + 1).to_string());
    Some(
        json!({ "id": format!("{}/models/{name}", state.workspace), "name": name,
        "properties": { "latestVersion": latest, "nextVersion": next, "isArchived": false, "tags": {}, "properties": {} } }),
    )
}

fn containers(state: &State, request: &Request) -> ResponseTemplate {
    let mut names: Vec<&String> = state.models.keys().map(|(name, _)| name).collect();
    names.dedup();
    let all = names
        .into_iter()
        .filter_map(|name| container(state, name))
        .collect();
    page(state, all, request)
}

fn versions(state: &State, name: &str, request: &Request) -> ResponseTemplate {
    let now = state.now();
    let of_name = state.models.iter().filter(|((of, _), _)| of == name);
    let mut shown: Vec<_> = of_name.filter(|(_, model)| model.shows_at <= now).collect();
    if shown.is_empty() {
        return not_found("ModelNotFound", "The model was not found.");
    }
    let parameter = |wanted: &str| {
        let found = request.url.query_pairs().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned())
    };
    shown.sort_by_key(|(_, model)| model.number);
    if parameter("$orderBy").is_some_and(|order| order.ends_with("desc")) {
        shown.reverse();
    }
    let view = parameter("listViewType").unwrap_or_else(|| "ActiveOnly".to_owned());
    let is_listed = |body: &Value| {
        let archived = body.pointer("/properties/isArchived") == Some(&Value::from(true));
        match view.as_str() {
            "All" => true,
            "ArchivedOnly" => archived,
            _ => !archived,
        }
    };
    let top = parameter("$top")
        .and_then(|top| top.parse().ok())
        .unwrap_or(usize::MAX);
    let all = shown.into_iter().map(|(_, model)| model.body.clone());
    page(
        state,
        all.filter(|body| is_listed(body)).take(top).collect(),
        request,
    )
}

/// `$skip` is opaque: here a word that only this function reads.
pub(super) fn page(state: &State, all: Vec<Value>, request: &Request) -> ResponseTemplate {
    let skip = request.url.query_pairs().find(|(name, _)| name == "$skip");
    let from = skip
        .and_then(|(_, value)| value.strip_prefix("after-")?.parse::<usize>().ok())
        .unwrap_or(0);
    let rest = all.len().saturating_sub(from + state.page_size);
    let items: Vec<Value> = all.into_iter().skip(from).take(state.page_size).collect();
    let mut body = json!({ "value": items });
    if rest > 0 {
        let mut link = request.url.clone();
        let pairs: Vec<(String, String)> = link
            .query_pairs()
            .filter(|(name, _)| name != "$skip")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let next = format!("after-{}", from + state.page_size);
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

fn endpoints(state: &mut State, endpoint: Option<&str>, request: &Request) -> ResponseTemplate {
    let prefix = endpoint.map(|endpoint| format!("{}/", endpoint.to_ascii_lowercase()));
    let belongs = |found: &String| match &prefix {
        Some(prefix) => found.starts_with(prefix),
        None => !found.contains('/'),
    };
    let keys: Vec<String> = state
        .resources
        .keys()
        .filter(|found| belongs(found))
        .cloned()
        .collect();
    let all = keys.iter().filter_map(|found| state.shown(found)).collect();
    page(state, all, request)
}

fn resource(
    state: &mut State,
    method: &Method,
    endpoint: &str,
    deployment: Option<&str>,
    body: Option<Value>,
) -> ResponseTemplate {
    let key = key(endpoint, deployment);
    let is_there = state.resources.contains_key(&key);
    match (method, body) {
        (&Method::GET, _) => match state.shown(&key) {
            Some(body) => ok(&body),
            None => missing(),
        },
        (&Method::DELETE, _) if !is_there => ResponseTemplate::new(204),
        (&Method::PUT | &Method::PATCH | &Method::DELETE, _) if state.is_busy(endpoint) => error(
            409,
            "Conflict",
            "Another operation is in progress on the endpoint.",
        ),
        (&Method::DELETE, _) => {
            if deployment.is_some_and(|name| state.traffic(endpoint, name) > 0) {
                return error(400, "UserError", "A deployment with traffic cannot be deleted.");
            }
            if let Some(resource) = state.resources.get_mut(&key) {
                set_state(&mut resource.body, "Deleting");
            }
            let number = state.begin(&key, true);
            started(state, 202, number, None, OperationStyle::Location)
        }
        (&Method::PUT, Some(body)) => put(state, endpoint, deployment, body, is_there),
        (&Method::PATCH, Some(patch)) if is_there => {
            let Some(resource) = state.resources.get_mut(&key) else {
                return missing();
            };
            // A patch takes tags and nothing else that the mock knows.
            if let (Some(body), Some(tags)) = (resource.body.as_object_mut(), patch.get("tags")) {
                body.insert("tags".to_owned(), tags.clone());
            }
            ok(&resource.body)
        }
        (&Method::PATCH, _) => missing(),
        _ => error(400, "UserError", "The request is invalid."),
    }
}

fn put(
    state: &mut State,
    endpoint: &str,
    deployment: Option<&str>,
    body: Value,
    is_there: bool,
) -> ResponseTemplate {
    let invalid = |text: &str| error(400, "UserError", text);
    if !body.get("location").is_some_and(Value::is_string) {
        return invalid("The location is required.");
    }
    let state_sent = body.pointer("/properties/provisioningState").is_some();
    if state_sent {
        return invalid("provisioningState is read-only.");
    }
    match deployment {
        None => {
            if !body.get("identity").is_some_and(Value::is_object) {
                return invalid("The identity is required.");
            }
            let traffic = body.pointer("/properties/traffic").and_then(Value::as_object);
            let shares = traffic
                .into_iter()
                .flatten()
                .map(|(name, share)| (name, share.as_i64().unwrap_or_default()));
            let mut sum = 0;
            for (name, share) in shares {
                sum += share;
                if !state.resources.contains_key(&key(endpoint, Some(name))) {
                    return invalid("The traffic names a deployment that does not exist.");
                }
            }
            if sum != 0 && sum != 100 {
                return invalid("The traffic does not sum to 100.");
            }
        }
        Some(_) => {
            if !state.resources.contains_key(&key(endpoint, None)) {
                return missing();
            }
            if body.pointer("/sku/name") != Some(&Value::from("Default")) {
                return invalid("The sku's name is Default.");
            }
            let model = body
                .pointer("/properties/model")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if !model.starts_with('/') && !model.starts_with("azureml://") {
                return invalid("The model is a resource id or a registry's address.");
            }
        }
    }
    let word = if is_there { "Updating" } else { "Creating" };
    let found = state.set(endpoint, deployment, body, word);
    let number = state.begin(&found, false);
    let shown = state.resources.get(&found).map(|resource| resource.body.clone());
    started(
        state,
        if is_there { 200 } else { 201 },
        number,
        shown,
        state.operation_style,
    )
}

/// The answer to what begins an operation.
pub(super) fn started(
    state: &State,
    status: u16,
    number: u64,
    body: Option<Value>,
    style: OperationStyle,
) -> ResponseTemplate {
    let address = |kind: &str| {
        format!(
            "{}/mock/{kind}/{number}?api-version=2026-01-01-preview",
            state.uri
        )
    };
    let answer = match style {
        OperationStyle::Status => {
            ResponseTemplate::new(status).insert_header("azure-asyncoperation", address("status"))
        }
        // The resource is answered where the operation ends.
        OperationStyle::Location => {
            return ResponseTemplate::new(202)
                .insert_header("location", address("location"))
                .insert_header("retry-after", "1");
        }
        OperationStyle::Resource => ResponseTemplate::new(status),
    };
    let answer = answer
        .insert_header("x-ms-async-operation-timeout", "PT1H")
        .insert_header("retry-after", "1");
    match body {
        Some(body) => answer.set_body_json(body),
        None => answer,
    }
}

fn operation(state: &mut State, kind: &str, number: &str) -> ResponseTemplate {
    let now = state.now();
    let found = number
        .parse()
        .ok()
        .and_then(|number: u64| state.operations.get(&number));
    let Some(operation) = found else {
        return missing();
    };
    let is_ended = operation.ends_at <= now;
    let failure = match &operation.outcome {
        Outcome::Fail { code } => Some(json!({ "code": code, "message": "The operation failed." })),
        Outcome::Succeed => None,
    };
    let found = operation.resource.clone();
    match (kind, is_ended, failure) {
        ("location", false, _) => ResponseTemplate::new(202).insert_header("retry-after", "1"),
        ("location", true, Some(failure)) => {
            ResponseTemplate::new(409).set_body_json(json!({ "error": failure }))
        }
        ("location", true, None) => match state.resources.get(&found) {
            Some(resource) => ok(&resource.body),
            None => ResponseTemplate::new(204),
        },
        (_, false, _) => ok(&json!({ "status": "InProgress" })).insert_header("retry-after", "1"),
        (_, true, Some(failure)) => ok(&json!({ "status": "Failed", "error": failure })),
        (_, true, None) => ok(&json!({ "status": "Succeeded" })),
    }
}

pub(super) fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
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
