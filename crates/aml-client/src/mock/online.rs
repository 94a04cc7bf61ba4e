//! **Here**: the mock workspace's online endpoints and deployments: written, patched, deleted, their keys, tokens and logs, and scoring.
//! **Not here**: keeping them (`state`), watching operations (`operations`).
//! **Reads**: requests that `answers` sends here.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json`, `Online*_*`, and MicrosoftDocs
//! `how-to-authenticate-online-endpoint`, `how-to-troubleshoot-online-endpoints`, read 2026-11-23.

use http::Method;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::OperationStyle;
use super::answers::{error, missing, ok, page};
use super::operations::started;
use super::state::{Change, State, key, set_state};

/// Endpoints, or the deployments of one.
pub(super) fn list(state: &mut State, endpoint: Option<&str>, request: &Request) -> ResponseTemplate {
    if endpoint.is_some_and(|endpoint| !state.resources.contains_key(&key(endpoint, None))) {
        return missing();
    }
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

/// An endpoint or a deployment.
pub(super) fn resource(
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
        (&Method::PUT | &Method::PATCH | &Method::DELETE, _) if state.is_busy(endpoint) => busy(),
        (&Method::DELETE, _) => {
            if deployment.is_some_and(|name| state.traffic(endpoint, name) > 0) {
                return error(400, "UserError", "A deployment with traffic cannot be deleted.");
            }
            if let Some(resource) = state.resources.get_mut(&key) {
                set_state(&mut resource.body, "Deleting");
            }
            let number = state.begin(&key, Change::Delete);
            started(state, 202, number, None, OperationStyle::Location)
        }
        (&Method::PUT, Some(body)) => put(state, endpoint, deployment, body, is_there),
        (&Method::PATCH, Some(patch)) if is_there => {
            // A patch takes these and nothing else.
            let known = ["tags", if deployment.is_some() { "sku" } else { "identity" }];
            if let Some(resource) = state.resources.get_mut(&key) {
                set_state(&mut resource.body, "Updating");
                for (name, value) in patch.as_object().into_iter().flatten() {
                    if let Some(body) = resource
                        .body
                        .as_object_mut()
                        .filter(|_| known.contains(&name.as_str()))
                    {
                        body.insert(name.clone(), value.clone());
                    }
                }
            }
            let number = state.begin(&key, Change::Set);
            started(state, 202, number, None, OperationStyle::Location)
        }
        (&Method::PATCH, _) => missing(),
        _ => error(400, "UserError", "The request is invalid."),
    }
}

fn busy() -> ResponseTemplate {
    let text = "Another operation is in progress on the endpoint.";
    error(409, "Conflict", text)
}

fn put(
    state: &mut State,
    endpoint: &str,
    deployment: Option<&str>,
    body: Value,
    is_there: bool,
) -> ResponseTemplate {
    let refusal = match deployment {
        None => refused_endpoint(state, endpoint, &body),
        Some(_) if !state.resources.contains_key(&key(endpoint, None)) => return missing(),
        Some(_) => refused_deployment(&body),
    };
    if let Some(text) = refusal {
        return error(400, "UserError", text);
    }
    let word = if is_there { "Updating" } else { "Creating" };
    let found = state.set(endpoint, deployment, body, word);
    let number = state.begin(&found, Change::Set);
    let shown = state.resources.get(&found).map(|resource| resource.body.clone());
    let status = if is_there { 200 } else { 201 };
    started(state, status, number, shown, state.operation_style)
}

/// What both must have, and must not.
fn refused(body: &Value) -> Option<&'static str> {
    if !body.get("location").is_some_and(Value::is_string) {
        return Some("The location is required.");
    }
    body.pointer("/properties/provisioningState")
        .map(|_| "provisioningState is read-only.")
}

fn refused_endpoint(state: &State, endpoint: &str, body: &Value) -> Option<&'static str> {
    if let Some(text) = refused(body) {
        return Some(text);
    }
    if !body.get("identity").is_some_and(Value::is_object) {
        return Some("The identity is required.");
    }
    let modes = ["key", "amltoken", "aadtoken"];
    let mode = body.pointer("/properties/authMode").and_then(Value::as_str);
    if !mode.is_some_and(|mode| modes.contains(&mode.to_ascii_lowercase().as_str())) {
        return Some("The authMode is Key, AMLToken or AADToken.");
    }
    let traffic = body.pointer("/properties/traffic").and_then(Value::as_object);
    let mut sum = 0;
    for (name, share) in traffic.into_iter().flatten() {
        sum += share.as_i64().unwrap_or_default();
        if !state.resources.contains_key(&key(endpoint, Some(name))) {
            return Some("The traffic names a deployment that does not exist.");
        }
    }
    (sum != 0 && sum != 100).then_some("The traffic does not sum to 100.")
}

fn refused_deployment(body: &Value) -> Option<&'static str> {
    if let Some(text) = refused(body) {
        return Some(text);
    }
    if body.pointer("/sku/name") != Some(&Value::from("Default")) {
        return Some("The sku's name is Default.");
    }
    let model = body.pointer("/properties/model").and_then(Value::as_str);
    let is_address = |model: &str| model.starts_with('/') || model.starts_with("azureml://");
    (!model.is_some_and(is_address)).then_some("The model is a resource id or a registry's address.")
}

/// What is asked of an endpoint by POST.
pub(super) fn endpoint_action(
    state: &mut State,
    endpoint: &str,
    action: &str,
    body: Option<&Value>,
) -> ResponseTemplate {
    let Some(mode) = state.auth_mode(endpoint) else {
        return missing();
    };
    let (primary, secondary) = state.keys(endpoint);
    match (action, mode.as_str()) {
        ("listkeys", "key") => ok(&json!({ "primaryKey": primary, "secondaryKey": secondary })),
        ("regeneratekeys", "key") => {
            let kind = body.and_then(|body| body.get("keyType")).and_then(Value::as_str);
            let is_primary = match kind {
                Some("Primary") => true,
                Some("Secondary") => false,
                _ => return error(400, "UserError", "The keyType is Primary or Secondary."),
            };
            if state.is_busy(endpoint) {
                return busy();
            }
            let number = state.begin(&key(endpoint, None), Change::Key { is_primary });
            started(state, 202, number, None, OperationStyle::Location)
        }
        ("token", "amltoken") => {
            let now = state.seconds();
            ok(
                &json!({ "accessToken": TOKEN, "tokenType": "Bearer", "expiryTimeUtc": now + 43_200, "refreshAfterTimeUtc": now + 39_600 }),
            )
        }
        ("listkeys" | "regeneratekeys" | "token", _) => {
            error(400, "UserError", "The endpoint's authMode is another one.")
        }
        _ => missing(),
    }
}

/// The end of a deployment's log.
pub(super) fn logs(
    state: &mut State,
    endpoint: &str,
    deployment: &str,
    body: Option<&Value>,
) -> ResponseTemplate {
    let Some((model, provisioning)) = state.deployment(endpoint, deployment) else {
        return missing();
    };
    let asked = |name: &str| body.and_then(|body| body.get(name));
    let lines = match asked("containerType").and_then(Value::as_str) {
        None | Some("InferenceServer") => vec![
            format!("deployment {deployment} of {endpoint}"),
            format!("model {model}"),
            format!("state {provisioning}"),
        ],
        Some("StorageInitializer") => vec![format!("fetched {model}")],
        Some(_) => {
            return error(
                400,
                "UserError",
                "The containerType is StorageInitializer or InferenceServer.",
            );
        }
    };
    let tail = asked("tail").and_then(Value::as_u64).unwrap_or(u64::MAX);
    let skip = lines
        .len()
        .saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX));
    let content: Vec<String> = lines.into_iter().skip(skip).collect();
    ok(&json!({ "content": content.join("\n") }))
}

/// The token of an endpoint whose `authMode` is `AMLToken`.
const TOKEN: &str = "mock-token";

/// The front end of scoring: which deployment answers, and with which model.
pub(super) fn score(state: &mut State, request: &Request) -> ResponseTemplate {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let path = request.url.path();
    let endpoint = path.trim_start_matches("/score/").to_ascii_lowercase();
    let token = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let (primary, secondary) = state.keys(&endpoint);
    let is_known = match (state.auth_mode(&endpoint).as_deref(), token) {
        (Some("key"), Some(token)) => [primary, secondary].iter().any(|key| key == token),
        (Some("amltoken"), Some(token)) => token == TOKEN,
        (Some("aadtoken"), Some(_)) => true,
        _ => false,
    };
    if !is_known {
        return ResponseTemplate::new(401);
    }
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
