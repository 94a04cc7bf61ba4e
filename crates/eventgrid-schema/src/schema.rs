//! **Here**: JSON Schema of the wire types, behind the feature `schemars`: what a sender should write.
//! **Not here**: what is tolerated beyond it (`aml::tolerant`, `envelope`).
//! **Reads**: nothing; whoever generates documents or forms asks it.
//! **Source**: the pages named at the types; names and kinds of `data` as the current specification has them. Read 2026-11-22.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::aml::{
    DatasetDriftDetected, JsonObject, ModelDeployed, ModelRegistered, RunCompleted, RunStatusChanged,
};
use crate::dead_letter::DeadLetter;
use crate::event::Event;
use crate::handshake::SubscriptionValidation;
use crate::id::{EventId, ModelName, ModelVersion, RunId, WorkspaceId};
use crate::time::EventTime;

/// A type's name, and its schema as an expression over a generator.
macro_rules! schema {
    ($($type:ty, $name:literal, |$generator:ident| $schema:expr;)+) => {
        $(impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn schema_id() -> Cow<'static, str> {
                concat!("eventgrid_schema::", $name).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        })+
    };
}

schema! {
    EventId, "EventId", |_generator| json_schema!({ "type": "string", "minLength": 1 });
    ModelName, "ModelName", |_generator| json_schema!({ "type": "string", "minLength": 1 });
    ModelVersion, "ModelVersion", |_generator| json_schema!({ "type": ["string", "integer"], "minLength": 1 });
    RunId, "RunId", |_generator| json_schema!({ "type": "string", "minLength": 1 });
    WorkspaceId, "WorkspaceId", |_generator| json_schema!({
        "type": "string",
        "pattern": "^/[sS]ubscriptions/[^/]+/resource[gG]roups/[^/]+/providers/[^/]+/workspaces/[^/]+$"
    });
    EventTime<'_>, "EventTime", |_generator| json_schema!({ "type": "string", "format": "date-time" });
    JsonObject, "JsonObject", |_generator| json_schema!({ "type": ["object", "null"] });
    ModelRegistered, "ModelRegistered", |generator| json_schema!({
        "type": "object",
        "required": ["modelName", "modelVersion"],
        "properties": {
            "modelName": generator.subschema_for::<ModelName>(),
            "modelVersion": generator.subschema_for::<ModelVersion>(),
            "modelTags": generator.subschema_for::<JsonObject>(),
            "modelProperties": generator.subschema_for::<JsonObject>()
        }
    });
    ModelDeployed, "ModelDeployed", |generator| json_schema!({
        "type": "object",
        "required": ["serviceName"],
        "properties": {
            "serviceName": { "type": "string", "minLength": 1 },
            "serviceComputeType": { "type": ["string", "null"] },
            "modelIds": { "type": ["string", "null"], "description": "name:version, divided by commas" },
            "serviceTags": generator.subschema_for::<JsonObject>(),
            "serviceProperties": generator.subschema_for::<JsonObject>()
        }
    });
    RunCompleted, "RunCompleted", |generator| run(generator, false);
    RunStatusChanged, "RunStatusChanged", |generator| run(generator, true);
    DatasetDriftDetected, "DatasetDriftDetected", |generator| json_schema!({
        "type": "object",
        "properties": {
            "dataDriftId": { "type": ["string", "null"] },
            "dataDriftName": { "type": ["string", "null"] },
            "runId": { "type": ["string", "null"] },
            "baseDatasetId": { "type": ["string", "null"] },
            "targetDatasetId": { "type": ["string", "null"] },
            "driftCoefficient": { "type": ["number", "null"] },
            "startTime": { "anyOf": [generator.subschema_for::<EventTime<'static>>(), { "type": "null" }] },
            "endTime": { "anyOf": [generator.subschema_for::<EventTime<'static>>(), { "type": "null" }] }
        }
    });
    SubscriptionValidation, "SubscriptionValidation", |_generator| json_schema!({
        "type": "object",
        "required": ["validationCode"],
        "properties": {
            "validationCode": { "type": "string" },
            "validationUrl": { "type": ["string", "null"], "format": "uri" }
        }
    });
    Event<'_>, "Event", |generator| json_schema!({
        "oneOf": [event_grid(generator), cloud_event(generator)]
    });
    DeadLetter, "DeadLetter", |generator| json_schema!({
        "allOf": [generator.subschema_for::<Event<'static>>()],
        "anyOf": [added(generator, &ADDED_TO_EVENT_GRID), added(generator, &ADDED_TO_CLOUD_EVENTS)]
    });
}

const ADDED_TO_EVENT_GRID: [&str; 5] = [
    "deadLetterReason",
    "deliveryAttempts",
    "lastDeliveryOutcome",
    "publishTime",
    "lastDeliveryAttemptTime",
];
const ADDED_TO_CLOUD_EVENTS: [&str; 5] = [
    "deadletterreason",
    "deliveryattempts",
    "lastdeliveryoutcome",
    "publishtime",
    "lastdeliveryattempttime",
];

fn run(generator: &mut SchemaGenerator, with_status: bool) -> Schema {
    let mut schema = json_schema!({
        "type": "object",
        "required": ["runId"],
        "properties": {
            "experimentId": { "type": ["string", "null"] },
            "experimentName": { "type": ["string", "null"] },
            "runId": generator.subschema_for::<RunId>(),
            "runType": { "type": ["string", "null"] },
            "runTags": generator.subschema_for::<JsonObject>(),
            "runProperties": generator.subschema_for::<JsonObject>()
        }
    });
    if with_status {
        let status = serde_json::json!({ "type": "string", "minLength": 1 });
        if let Some(properties) = schema
            .pointer_mut("/properties")
            .and_then(serde_json::Value::as_object_mut)
        {
            properties.insert("runStatus".to_owned(), status);
        }
        schema.insert("required".to_owned(), serde_json::json!(["runId", "runStatus"]));
    }
    schema
}

fn event_grid(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "title": "Event Grid schema",
        "type": "object",
        "required": ["id", "topic", "eventType"],
        "properties": {
            "id": generator.subschema_for::<EventId>(),
            "topic": { "type": "string", "minLength": 1 },
            "subject": { "type": ["string", "null"] },
            "eventType": { "type": "string", "minLength": 1 },
            "eventTime": generator.subschema_for::<EventTime<'static>>(),
            "dataVersion": { "type": ["string", "null"] },
            "metadataVersion": { "type": ["string", "null"] },
            "data": true
        }
    })
}

fn cloud_event(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "title": "CloudEvents 1.0",
        "type": "object",
        "required": ["specversion", "id", "source", "type"],
        "properties": {
            "specversion": { "type": "string", "minLength": 1 },
            "id": generator.subschema_for::<EventId>(),
            "source": { "type": "string", "minLength": 1 },
            "type": { "type": "string", "minLength": 1 },
            "subject": { "type": ["string", "null"] },
            "time": generator.subschema_for::<EventTime<'static>>(),
            "datacontenttype": { "type": ["string", "null"] },
            "dataschema": { "type": ["string", "null"] },
            "data": true,
            "data_base64": { "type": ["string", "null"] }
        }
    })
}

fn added(generator: &mut SchemaGenerator, names: &[&str; 5]) -> Schema {
    let [reason, attempts, outcome, published, last_attempt] = *names;
    json_schema!({
        "type": "object",
        "required": [reason],
        "properties": {
            (reason): { "type": "string" },
            (attempts): { "type": ["integer", "null"], "minimum": 0 },
            (outcome): { "type": ["string", "null"] },
            (published): generator.subschema_for::<EventTime<'static>>(),
            (last_attempt): generator.subschema_for::<EventTime<'static>>()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every type's schema names itself, and refers to nothing that is not there.
    #[test]
    fn ok_every_reference_leads_somewhere() {
        fn check<T: JsonSchema>() {
            let schema = schemars::schema_for!(T);
            let text = serde_json::to_value(&schema).unwrap().to_string();
            for reference in text.split("\"$ref\":\"#").skip(1) {
                let pointer = reference.split('"').next().unwrap();
                assert!(
                    schema.pointer(pointer).is_some(),
                    "{} {pointer}",
                    T::schema_name()
                );
            }
            assert!(!text.contains("\"required\":[]"), "{text}");
        }
        check::<Event<'static>>();
        check::<DeadLetter>();
        check::<ModelRegistered>();
        check::<ModelDeployed>();
        check::<RunCompleted>();
        check::<RunStatusChanged>();
        check::<DatasetDriftDetected>();
        check::<SubscriptionValidation>();
        check::<WorkspaceId>();
        check::<EventId>();
    }
}
