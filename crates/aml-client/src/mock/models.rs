//! **Here**: the mock workspace's models and their versions: what is listed, read and written.
//! **Not here**: keeping them (`state`), pages (`answers`).
//! **Reads**: requests that `answers` sends here.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json`, `Model*_*`, and azure-ai-ml 1.35.2
//! `_utils/_asset_utils.py` for what its users do with the answers, read 2026-11-23.

use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::answers::{error, not_found, ok, page, parameter};
use super::state::State;

/// One version; it may not show yet.
pub(super) fn version(state: &State, name: &str, version: &str) -> ResponseTemplate {
    let now = state.now();
    let found = state.models.get(&(name.to_owned(), version.to_owned()));
    match found.filter(|model| model.shows_at <= now) {
        Some(model) => ok(&model.body),
        None => no_model(),
    }
}

/// The files of a version that is there stay what they are.
pub(super) fn put_version(
    state: &mut State,
    name: &str,
    version: &str,
    body: Option<Value>,
) -> ResponseTemplate {
    let uri = |body: &Value| body.pointer("/properties/modelUri").cloned();
    let Some(body) = body.filter(|body| uri(body).is_some_and(|uri| uri.is_string())) else {
        return error(400, "UserError", "The request is invalid.");
    };
    let present = state.models.get(&(name.to_owned(), version.to_owned()));
    if present.is_some_and(|present| uri(&present.body) != uri(&body)) {
        return error(400, "UserError", "Asset path cannot be changed.");
    }
    let is_new = state.put_model(name, version, body, std::time::Duration::ZERO);
    let found = state.models.get(&(name.to_owned(), version.to_owned()));
    let shown = found.map(|model| model.body.clone()).unwrap_or_default();
    ResponseTemplate::new(if is_new { 201 } else { 200 }).set_body_json(shown)
}

pub(super) fn delete_version(state: &mut State, name: &str, version: &str) -> ResponseTemplate {
    let found = state.models.remove(&(name.to_owned(), version.to_owned()));
    ResponseTemplate::new(if found.is_some() { 200 } else { 204 })
}

/// The versions that are asked for, in their order.
pub(super) fn versions(state: &State, name: &str, request: &Request) -> ResponseTemplate {
    let now = state.now();
    let of_name = state.models.iter().filter(|((of, _), _)| of == name);
    let mut shown: Vec<_> = of_name.filter(|(_, model)| model.shows_at <= now).collect();
    if shown.is_empty() {
        return no_model();
    }
    shown.sort_by_key(|(_, model)| model.number);
    if parameter(request, "$orderBy").is_some_and(|order| order.ends_with("desc")) {
        shown.reverse();
    }
    let wanted = parameter(request, "version");
    let top = parameter(request, "$top").and_then(|top| top.parse().ok());
    let all = shown
        .into_iter()
        .filter(|((_, version), _)| wanted.as_ref().is_none_or(|wanted| wanted == version))
        .map(|(_, model)| model.body.clone())
        .filter(|body| {
            is_listed(body, request) && has(body, "tags", request) && has(body, "properties", request)
        })
        .take(top.unwrap_or(usize::MAX));
    page(state, all.collect(), request)
}

/// A model: what is newest of it, and what is next.
pub(super) fn container(state: &State, name: &str) -> Option<Value> {
    let now = state.now();
    let shown: Vec<_> = state
        .models
        .iter()
        .filter(|((of, _), model)| of == name && model.shows_at <= now)
        .map(|((_, version), model)| (model.number, version))
        .collect();
    let (_, latest) = shown.iter().max()?;
    let numbers = shown
        .iter()
        .filter_map(|(_, version)| version.parse::<u64>().ok());
    let next = numbers
        .max()
        .and_then(|highest| highest.checked_add(1))
        .unwrap_or(1);
    let mut properties = json!({ "latestVersion": latest, "nextVersion": next.to_string(), "isArchived": false,
        "tags": {}, "properties": {}, "provisioningState": "Succeeded" });
    let written = state.containers.get(name).and_then(Value::as_object);
    for (member, value) in written.into_iter().flatten() {
        if let Some(properties) = properties.as_object_mut() {
            properties.insert(member.clone(), value.clone());
        }
    }
    Some(
        json!({ "id": format!("{}/models/{name}", state.workspace), "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/models", "systemData": state.made(), "properties": properties }),
    )
}

/// What a model has itself: description, tags, archive mark. What is counted stays counted.
pub(super) fn put_container(state: &mut State, name: &str, body: Option<Value>) -> ResponseTemplate {
    let Some(Value::Object(mut properties)) = body.and_then(|body| body.get("properties").cloned()) else {
        return error(400, "UserError", "The request is invalid.");
    };
    properties.retain(|member, _| {
        !["latestVersion", "nextVersion", "provisioningState"].contains(&member.as_str())
    });
    if container(state, name).is_none() {
        // A model without a version is nothing that lists show here.
        return no_model();
    }
    state
        .containers
        .insert(name.to_owned(), Value::Object(properties));
    container(state, name).map_or_else(no_model, |body| ok(&body))
}

pub(super) fn containers(state: &State, request: &Request) -> ResponseTemplate {
    let mut names: Vec<&String> = state.models.keys().map(|(name, _)| name).collect();
    names.dedup();
    let all = names.into_iter().filter_map(|name| container(state, name));
    page(
        state,
        all.filter(|body| is_listed(body, request)).collect(),
        request,
    )
}

pub(super) fn no_model() -> ResponseTemplate {
    not_found("ModelNotFound", "The model was not found.")
}

/// By `listViewType`.
fn is_listed(body: &Value, request: &Request) -> bool {
    let archived = body.pointer("/properties/isArchived") == Some(&Value::from(true));
    match parameter(request, "listViewType").as_deref() {
        Some("All") => true,
        Some("ArchivedOnly") => archived,
        _ => !archived,
    }
}

/// Whether it has all that a filter names: `name` or `name=value`, with commas between them.
fn has(body: &Value, filter: &str, request: &Request) -> bool {
    let Some(wanted) = parameter(request, filter) else {
        return true;
    };
    let map = body.pointer(&format!("/properties/{filter}"));
    wanted.split(',').all(|one| match one.split_once('=') {
        Some((name, value)) => map.and_then(|map| map.get(name)) == Some(&Value::from(value)),
        None => map.is_some_and(|map| map.get(one).is_some()),
    })
}
