//! **Here**: event subscriptions of the mock workspace: written, read, deleted.
//! **Not here**: asking their webhooks and delivering to them (`mod`).
//! **Reads**: requests that `answers` sends here.
//! **Source**: Azure/azure-rest-api-specs `Microsoft.EventGrid/EventGrid/stable/2025-02-15/EventGrid.json`, read 2026-11-23.

use http::Method;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::answers::{missing, ok};
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
