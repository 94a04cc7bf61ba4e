//! **Here**: event subscriptions of the mock workspace: written, read, listed, deleted.
//! **Not here**: asking their webhooks and delivering to them (`mod`).
//! **Reads**: requests that `answers` sends here.
//! **Source**: Azure/azure-rest-api-specs `Microsoft.EventGrid/EventGrid/stable/2025-02-15/EventGrid.json`, read 2026-11-23.

use http::Method;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::answers::{error, missing, ok, page};
use super::state::{State, default, insert, set_state};

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
            hide_secrets(&mut body);
            let id = format!(
                "{}/providers/Microsoft.EventGrid/eventSubscriptions/{name}",
                state.workspace
            );
            // In another casing than it was asked for.
            let topic = state.workspace.to_string().to_ascii_lowercase();
            for (member, value) in [
                ("id", Value::from(id)),
                ("name", Value::from(name)),
                ("type", Value::from("Microsoft.EventGrid/eventSubscriptions")),
            ] {
                insert(&mut body, member, value);
            }
            if let Some(properties) = body.get_mut("properties") {
                insert(properties, "topic", Value::from(topic));
            }
            let retry = json!({ "maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440 });
            default(&mut body, "retryPolicy", retry);
            default(&mut body, "eventDeliverySchema", Value::from("EventGridSchema"));
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

/// What is written and never read back: the address of a webhook behind its path, and values of headers that are secret.
fn hide_secrets(body: &mut Value) {
    let Some(webhook) = body.pointer_mut("/properties/destination/properties") else {
        return;
    };
    let url = webhook.get("endpointUrl").and_then(Value::as_str);
    if let Some(base) = url.and_then(|url| url.split('?').next()).map(str::to_owned) {
        insert(webhook, "endpointUrl", Value::Null);
        insert(webhook, "endpointBaseUrl", Value::from(base));
    }
    let headers = webhook
        .get_mut("deliveryAttributeMappings")
        .and_then(Value::as_array_mut);
    for header in headers.into_iter().flatten() {
        let properties = header.get_mut("properties");
        if let Some(properties) = properties.filter(|all| all.get("isSecret") == Some(&Value::from(true))) {
            insert(properties, "value", Value::Null);
        }
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
