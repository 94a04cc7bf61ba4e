//! **Here**: how the mock workspace begins long-running operations, and what it answers to who watches them.
//! **Not here**: when they end and what they change (`state`).
//! **Reads**: requests that `answers` and `online` send here.
//! **Source**: davidgamero/azure-resource-manager-rpc `v1.0/async-api-reference.md` (the resource provider contract) and azure-ai-ml 1.35.2,
//! whose poller follows these answers in `just azure-clients`; read 2026-11-23.

use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::answers::{missing, ok};
use super::state::{Change, REGION, State};
use super::{OperationStyle, Outcome};

/// Another version than any client asks for, as the service has it.
const VERSION: &str = "2023-06-01-preview";

/// Where an operation is watched: its id has colons in it.
pub(super) fn link(state: &State, kind: &str, number: u64) -> String {
    let subscription = state.workspace.subscription();
    format!(
        "{}/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{REGION}/{kind}/od:{}:{number}?api-version={VERSION}",
        state.uri,
        super::state::WORKSPACE_ID
    )
}

/// The operation that a path watches: whether by its status, and its number.
pub(super) fn watched(segments: &[&str]) -> Option<(bool, u64)> {
    let [_, _, _, _, _, _, kind, id] = segments else {
        return None;
    };
    let by_status = kind.eq_ignore_ascii_case("mfeOperationsStatus");
    let is_watched = by_status || kind.eq_ignore_ascii_case("mfeOperationResults");
    let number = id.rsplit(':').next()?.parse().ok()?;
    is_watched.then_some((by_status, number))
}

/// The answer to what begins an operation.
pub(super) fn started(
    state: &State,
    status: u16,
    number: u64,
    body: Option<Value>,
    style: OperationStyle,
) -> ResponseTemplate {
    let answer = match style {
        OperationStyle::Status => ResponseTemplate::new(status)
            .insert_header("azure-asyncoperation", link(state, "mfeOperationsStatus", number)),
        // The resource is answered where the operation ends.
        OperationStyle::Location => {
            return ResponseTemplate::new(202)
                .insert_header("location", link(state, "mfeOperationResults", number))
                .insert_header("x-ms-async-operation-timeout", "PT1H")
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

/// How far an operation is.
pub(super) fn operation(state: &State, by_status: bool, number: u64) -> ResponseTemplate {
    let now = state.now();
    let Some(operation) = state.operations.get(&number) else {
        return missing();
    };
    let is_ended = operation.ends_at <= now;
    let failure = match &operation.outcome {
        Outcome::Fail { code } => Some(json!({ "code": code, "message": "The operation failed." })),
        Outcome::Succeed => None,
    };
    if !by_status {
        return match (is_ended, failure) {
            (false, _) => ResponseTemplate::new(202)
                .insert_header("location", link(state, "mfeOperationResults", number))
                .insert_header("retry-after", "1"),
            (true, Some(failure)) => ResponseTemplate::new(409).set_body_json(json!({ "error": failure })),
            (true, None) => match state.resources.get(&operation.resource) {
                Some(resource) if operation.change == Change::Set => ok(&resource.body),
                _ => ResponseTemplate::new(204),
            },
        };
    }
    let mut body =
        json!({ "name": number.to_string(), "startTime": operation.started, "status": "InProgress" });
    if !is_ended {
        return ok(&body).insert_header("retry-after", "1");
    }
    if let Some(body) = body.as_object_mut() {
        let word = failure.as_ref().map_or("Succeeded", |_| "Failed");
        body.insert("status".to_owned(), Value::from(word));
        body.insert("endTime".to_owned(), Value::from(operation.ended.clone()));
        body.extend(failure.map(|failure| ("error".to_owned(), failure)));
    }
    ok(&body)
}
