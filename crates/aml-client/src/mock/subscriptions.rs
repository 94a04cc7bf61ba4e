//! **Here**: event subscriptions of the mock workspace: written, read, listed, deleted.
//! **Not here**: asking their webhooks and delivering to them (`mod`).
//! **Reads**: requests that `answers` sends here.
//! **Source**: Azure/azure-rest-api-specs `Microsoft.EventGrid/EventGrid/stable/2025-02-15/EventGrid.json`, read 2026-11-23.

use http::Method;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::answers::{error, missing, ok, page};
use super::state::{State, set_state};

/// An event subscription: it waits for its webhook until [`validate_subscriptions`](super::MockWorkspace::validate_subscriptions) asks it.
pub(super) fn subscription(
    state: &mut State,
    method: &Method,
    name: &str,
    body: Option<Value>,
) -> ResponseTemplate {
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
                let id = format!(
                    "{}/providers/Microsoft.EventGrid/eventSubscriptions/{name}",
                    state.workspace
                );
                body.insert("id".to_owned(), Value::from(id));
                body.insert("name".to_owned(), Value::from(name));
                body.insert(
                    "type".to_owned(),
                    Value::from("Microsoft.EventGrid/eventSubscriptions"),
                );
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

/// All of them, by name.
pub(super) fn list(state: &State, request: &Request) -> ResponseTemplate {
    let all = state.subscriptions.values().map(|(body, _)| body.clone());
    page(state, all.collect(), request)
}

/// The whole address of a webhook; none where events go elsewhere.
pub(super) fn full_url(state: &State, name: &str) -> ResponseTemplate {
    match state.subscriptions.get(&name.to_ascii_lowercase()) {
        Some((_, url)) if !url.is_empty() => ok(&json!({ "endpointUrl": url })),
        Some(_) => error(400, "InvalidRequest", "The subscription has no webhook."),
        None => missing(),
    }
}
