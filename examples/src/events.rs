//! **Here**: deliveries shaped like those of Event Grid, with names of our own.
//! **Not here**: reading them (`eventgrid_schema`).
//! **Reads**: nothing.
//! **Source**: facts/eventgrid 1 to 3: camelCase data, seven fraction digits, an array of one event.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

/// The workspace of every event here.
pub const WORKSPACE: &str = "/subscriptions/6f1d6d0e-0000-4000-8000-5a5a5a5a5a5a/resourceGroups/rg-ml-prod/providers/Microsoft.MachineLearningServices/workspaces/ws-prod";

/// A model version was registered, in the Event Grid schema.
#[must_use]
pub fn model_registered(model: &str, version: &str, minute: u8) -> Value {
    event(
        &format!("reg-{model}-{version}-{minute}"),
        "ModelRegistered",
        &format!("models/{model}:{version}"),
        minute,
        &json!({
            "modelName": model,
            "modelVersion": version,
            "modelTags": { "stage": "prod" },
            "modelProperties": { "azureml.artifactPrefix": "ExperimentRun/dcid.job-1/model" }
        }),
    )
}

/// A run ended, in the Event Grid schema: no route of the examples wants it.
#[must_use]
pub fn run_completed(run: &str, minute: u8) -> Value {
    event(
        &format!("run-{run}"),
        "RunCompleted",
        &format!("experiments/exp-1/runs/{run}"),
        minute,
        &json!({ "experimentId": "exp-1", "experimentName": "nightly", "runId": run, "runType": null, "runTags": {}, "runProperties": {} }),
    )
}

/// The handshake of the Event Grid schema.
#[must_use]
pub fn subscription_validation(code: &str) -> Value {
    json!({
        "id": "val-1", "topic": WORKSPACE, "subject": "",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "eventTime": "2026-11-22T09:00:00.1234567Z",
        "data": { "validationCode": code, "validationUrl": "https://rp-westeurope.eventgrid.azure.net:553/eventsubscriptions/relay/validate?id=1" },
        "dataVersion": "2", "metadataVersion": "1"
    })
}

/// A delivery as Event Grid posts it: an array, its headers, and the secret in the query.
///
/// # Errors
/// The secret cannot stand in a URI as it is.
pub fn delivery(events: &[Value], secret: &str) -> Result<Request<Bytes>, http::Error> {
    Request::post(format!("/events?code={secret}"))
        .header("content-type", "application/json; charset=utf-8")
        .header("aeg-event-type", "Notification")
        .header("aeg-subscription-name", "RELAY")
        .header("aeg-delivery-count", "0")
        .body(Bytes::from(Value::from(events).to_string()))
}

fn event(id: &str, kind: &str, subject: &str, minute: u8, data: &Value) -> Value {
    json!({
        "topic": WORKSPACE,
        "subject": subject,
        "eventType": format!("Microsoft.MachineLearningServices.{kind}"),
        "eventTime": format!("2026-11-22T10:{minute:02}:00.1234567Z"),
        "id": id,
        "data": data,
        "dataVersion": "2",
        "metadataVersion": "1"
    })
}
