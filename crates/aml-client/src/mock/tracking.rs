//! **Here**: the mock workspace's MLflow: runs that were added, and the models as MLflow shows them.
//! **Not here**: logging.
//! **Reads**: `state`.
//! **Source**: MLflow REST API 2.0 (shapes and errors), read 2026-11-23.

use std::time::UNIX_EPOCH;

use http::Method;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::answers::ok;
use super::state::{Model, State};

pub(super) fn answered(state: &mut State, request: &Request) -> ResponseTemplate {
    let base = format!("/mlflow/v2.0{}/api/2.0/mlflow/", state.workspace);
    let path = request.url.path();
    let Some(what) = path
        .get(..base.len())
        .filter(|head| head.eq_ignore_ascii_case(&base))
        .and_then(|_| path.get(base.len()..))
    else {
        return refused(404, "ENDPOINT_NOT_FOUND", "No such endpoint.");
    };
    let parameter = |wanted: &str| {
        let found = request.url.query_pairs().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    match (&request.method, what) {
        (&Method::GET, "runs/get") => match state.runs.get(&parameter("run_id")) {
            Some(run) => ok(run),
            None => refused(404, "RESOURCE_DOES_NOT_EXIST", "Run not found."),
        },
        (&Method::GET, "registered-models/get") => {
            let name = parameter("name");
            match versions(state, &name).pop() {
                Some(latest) => ok(
                    &json!({ "registered_model": { "name": name, "tags": [], "latest_versions": [latest] } }),
                ),
                None => refused(404, "RESOURCE_DOES_NOT_EXIST", "Registered model not found."),
            }
        }
        (&Method::GET, "model-versions/get") => {
            let key = (parameter("name"), parameter("version"));
            match state.models.get(&key) {
                Some(model) => ok(&json!({ "model_version": shown(&key.0, &key.1, model) })),
                None => refused(404, "RESOURCE_DOES_NOT_EXIST", "Model version not found."),
            }
        }
        (&Method::GET, "model-versions/search") => {
            let filter = parameter("filter");
            let name = filter
                .strip_prefix("name='")
                .and_then(|rest| rest.strip_suffix('\''));
            let Some(name) = name else {
                return refused(400, "INVALID_PARAMETER_VALUE", "Invalid filter.");
            };
            let all = versions(state, name);
            let from: usize = parameter("page_token").parse().unwrap_or(0);
            let page: Vec<&Value> = all.iter().skip(from).take(state.page_size).collect();
            let mut body = json!({ "model_versions": page });
            let next = from + state.page_size;
            if let (Some(body), true) = (body.as_object_mut(), next < all.len()) {
                body.insert("next_page_token".to_owned(), Value::from(next.to_string()));
            }
            ok(&body)
        }
        (&Method::POST, "model-versions/set-tag") => set_tag(state, request),
        _ => refused(404, "ENDPOINT_NOT_FOUND", "No such endpoint."),
    }
}

fn set_tag(state: &mut State, request: &Request) -> ResponseTemplate {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let text = |name: &str| {
        body.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let key = (text("name"), text("version"));
    let tags = state
        .models
        .get_mut(&key)
        .and_then(|model| model.body.get_mut("properties")?.as_object_mut())
        .map(|properties| properties.entry("tags").or_insert_with(|| json!({})));
    match tags.and_then(Value::as_object_mut) {
        Some(tags) => {
            tags.insert(text("key"), Value::from(text("value")));
            ok(&json!({}))
        }
        None => refused(404, "RESOURCE_DOES_NOT_EXIST", "Model version not found."),
    }
}

/// The versions of a name, the oldest first.
fn versions(state: &State, name: &str) -> Vec<Value> {
    let mut found: Vec<_> = state.models.iter().filter(|((of, _), _)| of == name).collect();
    found.sort_by_key(|(_, model)| model.number);
    found
        .into_iter()
        .map(|((name, version), model)| shown(name, version, model))
        .collect()
}

/// A version as MLflow writes it. Its times are texts here: they may be.
fn shown(name: &str, version: &str, model: &Model) -> Value {
    let property = |what: &str| model.body.pointer(&format!("/properties/{what}")).cloned();
    let tags = property("tags")
        .and_then(|tags| tags.as_object().cloned())
        .unwrap_or_default();
    let tags: Vec<Value> = tags
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    let since = model.shows_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({ "name": name, "version": version, "creation_timestamp": since.as_millis().to_string(), "current_stage": "None",
        "source": property("modelUri"), "run_id": property("jobName"), "status": "READY", "tags": tags })
}

fn refused(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "error_code": code, "message": message }))
}
