//! **Here**: the same bodies, read in every way; each gives the same check sum, so that nothing is left out.
//! **Not here**: clocks and counters (`main`, `counting`).
//! **Reads**: bodies of `ModelRegistered` events, written by our own builder.
//! **Source**: how users read such events: derived structs, or `cloudevents-sdk`.

use std::collections::HashMap;

use cloudevents::AttributesReader as _;
use eventgrid_schema::builder::EventBuilder;
use eventgrid_schema::{AmlEvent, Batch, WorkspaceId};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// One way to read a body; gives the check sum.
pub type Read = fn(&[u8]) -> usize;

/// The ways to read a body of the Event Grid schema: name, and whether payloads are typed.
pub const EVENT_GRID: [(&str, Read); 4] = [
    ("serde_json skips", skip),
    ("ours, view", view),
    ("ours, typed", typed),
    ("derived structs", derived_event_grid),
];

/// The ways to read a body of CloudEvents.
pub const CLOUD_EVENTS: [(&str, Read); 6] = [
    ("serde_json skips", skip),
    ("ours, view", view),
    ("ours, typed", typed),
    ("derived structs", derived_cloud_events),
    ("cloudevents-sdk", sdk),
    ("cloudevents-sdk, typed", sdk_typed),
];

/// A body of `n` events in the Event Grid schema, or as CloudEvents; each of another model.
pub fn body(n: usize, cloud: bool) -> Vec<u8> {
    let workspace = "/subscriptions/0b5f7c1e-4d2a-4e6b-9c3d-7a8e9f0a1b2c/resourceGroups/rg-lakeside/providers/Microsoft.MachineLearningServices/workspaces/ws-lakeside";
    let workspace = WorkspaceId::parse(workspace).expect("a workspace");
    let elements: Vec<String> = (0..n)
        .map(|index| {
            let builder = EventBuilder::model_registered(&workspace, "harbor-demand", &index.to_string())
                .with_id(&format!("7d1c3a52-6b0e-4f58-9d21-{index:012}"))
                .with_time("2026-11-22T08:15:30.1234567Z")
                .with_tags([("season", json!("winter")), ("team", json!("quay"))])
                .with_properties([
                    ("framework", json!("lightgbm")),
                    ("runs", json!({"best": [index, 0.25]})),
                ]);
            if cloud {
                builder.build_cloud_event()
            } else {
                builder.build_event_grid()
            }
            .expect("an event")
        })
        .collect();
    format!("[{}]", elements.join(",")).into_bytes()
}

fn skip(body: &[u8]) -> usize {
    serde_json::from_slice::<IgnoredAny>(body).expect("JSON");
    0
}

fn view(body: &[u8]) -> usize {
    let batch = Batch::parse(body).expect("a batch");
    let events = batch.iter().map(|element| element.event().expect("an event"));
    events
        .map(|event| event.id().len() + event.subject().map_or(0, str::len))
        .sum()
}

fn typed(body: &[u8]) -> usize {
    let batch = Batch::parse(body).expect("a batch");
    let events = batch.iter().map(|element| element.event().expect("an event"));
    events
        .map(|event| {
            let Ok(AmlEvent::ModelRegistered(model)) = event.aml() else {
                panic!("another type")
            };
            assert_eq!(model.model_tags().text("season").as_deref(), Some("winter"));
            envelope_and(
                event.id(),
                model.model_name().as_str(),
                model.model_version().as_str(),
            )
        })
        .sum()
}

fn envelope_and(id: &str, name: &str, version: &str) -> usize {
    id.len() + name.len() + version.len()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "a user's struct has what the event has")]
struct GridEvent {
    id: String,
    topic: String,
    subject: String,
    event_type: String,
    // As text, which is cheaper than the instant that ours reads.
    event_time: String,
    data: Model,
    data_version: String,
    metadata_version: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "a user's struct has what the event has")]
struct CloudEvent {
    specversion: String,
    id: String,
    source: String,
    r#type: String,
    subject: Option<String>,
    time: Option<String>,
    data: Model,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "a user's struct has what the event has")]
struct Model {
    model_name: String,
    model_version: String,
    model_tags: HashMap<String, Value>,
    model_properties: HashMap<String, Value>,
}

fn derived_event_grid(body: &[u8]) -> usize {
    let events: Vec<GridEvent> = serde_json::from_slice(body).expect("events");
    events.iter().map(|event| of_model(&event.id, &event.data)).sum()
}

fn derived_cloud_events(body: &[u8]) -> usize {
    let events: Vec<CloudEvent> = serde_json::from_slice(body).expect("events");
    events.iter().map(|event| of_model(&event.id, &event.data)).sum()
}

fn of_model(id: &str, model: &Model) -> usize {
    assert_eq!(model.model_tags["season"], "winter");
    envelope_and(id, &model.model_name, &model.model_version)
}

/// The data stays the value that the SDK makes of it.
fn sdk(body: &[u8]) -> usize {
    let events: Vec<cloudevents::Event> = serde_json::from_slice(body).expect("events");
    events
        .iter()
        .map(|event| {
            let Some(cloudevents::Data::Json(data)) = event.data() else {
                panic!("no JSON")
            };
            let text = |name: &str| data[name].as_str().expect("a text");
            assert_eq!(data["modelTags"]["season"], "winter");
            envelope_and(event.id(), text("modelName"), text("modelVersion"))
        })
        .sum()
}

fn sdk_typed(body: &[u8]) -> usize {
    let events: Vec<cloudevents::Event> = serde_json::from_slice(body).expect("events");
    events
        .into_iter()
        .map(|mut event| {
            let (_, _, data) = event.take_data();
            let Some(cloudevents::Data::Json(data)) = data else {
                panic!("no JSON")
            };
            of_model(event.id(), &serde_json::from_value(data).expect("a model"))
        })
        .sum()
}
