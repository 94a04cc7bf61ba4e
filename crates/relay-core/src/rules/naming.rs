//! **Here**: [`Naming`]: whose names a repository dispatch bears: the workshop's, or those of Azure's older function.
//! **Not here**: payload templates in general (`template`).
//! **Reads**: configuration; `config` builds by it.
//! **Source**: `GridEventHandler.cs` of the repository Azure/aml-function, read 2026-11-27; facts/eventgrid 7, facts/github 1.6.

use eventgrid_schema::EventType;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::config::{Over, Widen};

/// How much of `data` goes out at most, in bytes of the request; a longer one parks.
const MAX_DATA_BYTES: usize = 50_000;

/// Whose names a repository dispatch bears where a route does not choose its own.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "DESIGN section 6: our own, and a switch")]
pub enum Naming {
    /// `event_type` and `payload` as the route says them, by default `deploy_pipeline_action` with `model_name` and `model_version`.
    #[default]
    Own,
    /// Those of Azure/aml-function, so that its workflows keep working: the event type is made of the event's,
    /// `machinelearningservices-modelregistered`, and the payload is `data` as it came, `event_source`, and two flags that it always
    /// sent, `integration` and `unit ` (with the blank). Such a route wants one event type.
    AzureFunction,
}

impl Naming {
    /// Whether nothing was chosen.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }
}

/// The event type that the function makes of an event's type.
pub(super) fn event_type(of: &str) -> Option<String> {
    let (_, name) = of.split_once('.')?;
    (!name.is_empty()).then(|| name.replace('.', "-").to_lowercase())
}

/// The function's payload for events of this type.
pub(super) fn payload(of: &str) -> Map<String, Value> {
    let known = [
        EventType::MODEL_REGISTERED,
        EventType::MODEL_DEPLOYED,
        EventType::RUN_COMPLETED,
        EventType::RUN_STATUS_CHANGED,
        EventType::DATASET_DRIFT_DETECTED,
    ];
    // It takes the casing of the event, and configuration may have another.
    let name = known
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(of))
        .unwrap_or(of);
    let source = name.split('.').nth(1).unwrap_or_default();
    Map::from_iter([
        ("data".to_owned(), Value::from("${data|json}")),
        (
            "event_source".to_owned(),
            Value::from(source.replace("${", "$${")),
        ),
        ("integration".to_owned(), Value::from(true)),
        ("unit ".to_owned(), Value::from(false)),
    ])
}

/// What lets `data` into the payload.
pub(super) fn widen() -> Widen {
    Widen {
        reference: "data".to_owned(),
        max_bytes: MAX_DATA_BYTES,
        over: Over::Park,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_names_are_the_functions() {
        for (of, expect) in [
            (
                EventType::MODEL_REGISTERED,
                Some("machinelearningservices-modelregistered"),
            ),
            (
                EventType::RUN_STATUS_CHANGED,
                Some("machinelearningservices-runstatuschanged"),
            ),
            ("Microsoft.Storage.BlobCreated", Some("storage-blobcreated")),
            ("Contoso.A.B.C", Some("a-b-c")),
            ("plain", None),
            ("Contoso.", None),
        ] {
            assert_eq!(event_type(of).as_deref(), expect);
        }
        let lower = EventType::MODEL_REGISTERED.to_lowercase();
        assert_eq!(
            payload(&lower).get("event_source"),
            Some(&"MachineLearningServices".into())
        );
    }
}
