//! **Here**: [`EventView`], what rules may look at: the event, its typed payload, and its fields by any casing.
//! **Not here**: parsing (`eventgrid_schema`), what is looked for (`matcher`, `template`).
//! **Reads**: `eventgrid_schema` before it; `matcher`, `template` and `intake` after it.
//! **Source**: DESIGN section 5: references resolve with any casing of the key; facts/eventgrid 1.3.

use std::borrow::Cow;

use eventgrid_schema::{AmlEvent, Event, WorkspaceId};
use serde_json::{Map, Value};

/// An event of a known type whose payload cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why}")]
#[non_exhaustive]
pub struct UnreadableEvent {
    /// Which field, what was expected, what was found.
    pub why: String,
}

/// An event as rules see it.
#[derive(Debug)]
pub struct EventView<'a> {
    event: &'a Event<'a>,
    workspace: Option<WorkspaceId>,
    model: Option<String>,
    version: Option<String>,
    tags: Map<String, Value>,
    data: Value,
}

impl<'a> EventView<'a> {
    /// The view of an event.
    ///
    /// # Errors
    /// The event is of a known type, and its payload is not what that type has.
    pub fn of(event: &'a Event<'a>) -> Result<Self, UnreadableEvent> {
        let typed = event.aml().map_err(|error| UnreadableEvent {
            why: error.to_string(),
        })?;
        let (mut model, mut version) = (None, None);
        let tags = match &typed {
            AmlEvent::ModelRegistered(registered) => {
                model = Some(registered.model_name().as_str().to_owned());
                version = Some(registered.model_version().as_str().to_owned());
                registered.model_tags().to_map()
            }
            AmlEvent::ModelDeployed(deployed) => deployed.service_tags().to_map(),
            AmlEvent::RunCompleted(run) => run.run_tags().to_map(),
            AmlEvent::RunStatusChanged(run) => run.run_tags().to_map(),
            _ => Ok(Map::new()),
        };
        let tags = tags.map_err(|error| UnreadableEvent {
            why: error.to_string(),
        })?;
        let data = match event.payload_text() {
            // It was read as JSON before; what fails here is its depth, which has a bound where values are built.
            Some(text) => serde_json::from_str(&text).map_err(|_| UnreadableEvent {
                why: "data: expected at most 127 levels of nesting, found more".to_owned(),
            })?,
            None => Value::Null,
        };
        Ok(Self {
            workspace: event.workspace(),
            event,
            model,
            version,
            tags,
            data,
        })
    }

    /// The event itself.
    #[must_use]
    pub const fn event(&self) -> &Event<'a> {
        self.event
    }

    /// The workspace it came from, if its source is one.
    #[must_use]
    pub const fn workspace(&self) -> Option<&WorkspaceId> {
        self.workspace.as_ref()
    }

    /// The name of the model that was registered.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The version of the model that was registered.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The tags of the model, run or service.
    #[must_use]
    pub const fn tags(&self) -> &Map<String, Value> {
        &self.tags
    }

    /// The value at a path, such as `["data", "modelName"]`; keys in any casing, an exact one first.
    ///
    /// `data.modelName` and `data.modelVersion` of a ModelRegistered event are the text that was written: a version
    /// that came as a number keeps its digits.
    #[must_use]
    pub fn find(&self, path: &[String]) -> Option<Cow<'_, Value>> {
        let (root, rest) = path.split_first()?;
        let event = self.event;
        let text = |text: &str| Some(Cow::Owned(Value::String(text.to_owned())));
        match (root.to_ascii_lowercase().as_str(), rest) {
            ("id", []) => text(event.id()),
            ("source" | "topic", []) => text(event.source()),
            ("type" | "eventtype", []) => text(event.event_type().as_str()),
            ("subject", []) => text(event.subject()?),
            ("time" | "eventtime", []) => text(event.time()?.as_str()),
            ("data", [key]) if self.model.is_some() && key.eq_ignore_ascii_case("modelName") => {
                text(self.model()?)
            }
            ("data", [key]) if self.version.is_some() && key.eq_ignore_ascii_case("modelVersion") => {
                text(self.version()?)
            }
            ("data", rest) => rest
                .iter()
                .try_fold(&self.data, |value, key| step(value, key))
                .map(Cow::Borrowed),
            _ => None,
        }
    }
}

/// The member of an object under this key in any casing, or the element of an array with this index.
fn step<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(key).or_else(|| {
            map.iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key))
                .map(|(_, value)| value)
        }),
        Value::Array(values) => values.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}
