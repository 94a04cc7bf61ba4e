//! **Here**: [`EventView`], what rules may look at: the event, its typed payload, and its fields by any casing.
//! **Not here**: parsing (`eventgrid_schema`), what is looked for (`matcher`, `template`).
//! **Reads**: `eventgrid_schema` before it; `matcher`, `template` and `intake` after it.
//! **Source**: DESIGN section 5: references resolve with any casing of the key; facts/eventgrid 1.3.

use std::borrow::Cow;
use std::collections::HashMap;

use eventgrid_schema::{AmlEvent, Event, WorkspaceId};
use serde_json::{Map, Value};

use super::field::{Field, Root, of_path};

/// How many members an object may have before its keys in any casing get an index.
const MANY: usize = 64;

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
    tag_names: Names,
    /// Of the objects in `data`, by the key of each.
    names: HashMap<String, Names>,
}

/// A value of an event, as it is at hand.
pub(super) enum Found<'v> {
    Text(&'v str),
    Json(&'v Value),
    Made(Value),
}

/// The keys of a large object by their lower case, so that 10^5 tags are not gone through for each look; empty for a small one.
#[derive(Debug, Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn of(map: &Map<String, Value>) -> Self {
        if map.len() <= MANY {
            return Self::default();
        }
        let mut names = HashMap::with_capacity(map.len());
        for key in map.keys() {
            names
                .entry(key.to_ascii_lowercase())
                .or_insert_with(|| key.clone());
        }
        Self(names)
    }
}

/// The member of an object under this key in any casing, an exact one first.
fn look<'m>(map: &'m Map<String, Value>, names: Option<&Names>, key: &str) -> Option<&'m Value> {
    map.get(key).or_else(|| match names {
        Some(Names(names)) if !names.is_empty() => map.get(names.get(&key.to_ascii_lowercase())?),
        _ => map
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value),
    })
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
        let large = |(key, value): (&String, &Value)| {
            let map = value.as_object().filter(|map| map.len() > MANY)?;
            Some((key.clone(), Names::of(map)))
        };
        let names = data
            .as_object()
            .map(|data| data.iter().filter_map(large).collect());
        Ok(Self {
            workspace: event.workspace(),
            event,
            model,
            version,
            tag_names: Names::of(&tags),
            tags,
            names: names.unwrap_or_default(),
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

    /// A tag by its name in any casing, an exact one first.
    pub(super) fn tag(&self, name: &str) -> Option<&Value> {
        look(&self.tags, Some(&self.tag_names), name)
    }

    /// The value at a path, such as `["data", "modelName"]`; keys in any casing, an exact one first.
    ///
    /// `data.modelName` and `data.modelVersion` of a ModelRegistered event are the text that was written: a version
    /// that came as a number keeps its digits.
    #[must_use]
    pub fn find(&self, path: &[String]) -> Option<Cow<'_, Value>> {
        let (root, keys) = of_path(path)?;
        Some(match self.at(root, keys)? {
            Found::Text(text) => Cow::Owned(Value::String(text.to_owned())),
            Found::Json(value) => Cow::Borrowed(value),
            Found::Made(value) => Cow::Owned(value),
        })
    }

    /// The value of a field.
    pub(super) fn value(&self, field: &Field) -> Option<Found<'_>> {
        self.at(field.root(), field.keys())
    }

    fn at(&self, root: Root, keys: &[String]) -> Option<Found<'_>> {
        let event = self.event;
        let attribute = |name| serde_json::from_str(event.attribute(name)?).ok();
        match (root, keys) {
            (Root::Id, _) => Some(Found::Text(event.id())),
            (Root::Source, _) => Some(Found::Text(event.source())),
            (Root::Type, _) => Some(Found::Text(event.event_type().as_str())),
            (Root::Subject, _) => event.subject().map(Found::Text),
            (Root::Time, _) => event.time().map(|time| Found::Text(time.as_str())),
            (Root::Attribute(name), _) => attribute(name).map(Found::Made),
            (Root::Extension, keys) => {
                let name = keys.first()?;
                let (_, text) = event
                    .extensions()
                    .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
                serde_json::from_str(text).ok().map(Found::Made)
            }
            (Root::Data, [key]) if self.model.is_some() && key.eq_ignore_ascii_case("modelName") => {
                self.model().map(Found::Text)
            }
            (Root::Data, [key]) if self.version.is_some() && key.eq_ignore_ascii_case("modelVersion") => {
                self.version().map(Found::Text)
            }
            (Root::Data, keys) => self.in_data(keys).map(Found::Json),
        }
    }

    fn in_data(&self, keys: &[String]) -> Option<&Value> {
        let (mut value, mut names) = (&self.data, None);
        for (depth, key) in keys.iter().enumerate() {
            value = match value {
                Value::Object(map) => {
                    let found = look(map, names, key)?;
                    // Only large objects directly in `data` have an index: hardly any event has one.
                    names = self.names.iter().find_map(|(name, names)| {
                        let is_it = depth == 0 && map.get(name).is_some_and(|one| std::ptr::eq(one, found));
                        is_it.then_some(names)
                    });
                    found
                }
                Value::Array(values) => values.get(key.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Small objects are gone through, large ones have an index: nobody can tell by what is found.
    #[test]
    fn ok_keys_are_found_in_any_casing_and_an_exact_one_first() {
        for n_others in [0, MANY - 5, MANY - 4, MANY - 3, 10 * MANY] {
            let mut tags: Map<String, Value> = (0..n_others).map(|n| (format!("tag{n}"), json!(n))).collect();
            for (name, value) in [("Stage", "upper"), ("stage", "lower"), ("Team", "dock")] {
                tags.insert(name.to_owned(), json!(value));
            }
            tags.insert("modelTags".to_owned(), json!({ "Deep": 1 }));
            let element = json!({
                "id": "e-1", "topic": "/x", "subject": "models/m:7", "eventTime": "2026-11-22T10:00:00Z", "dataVersion": "2",
                "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
                "data": { "modelName": "m", "modelVersion": "7", "modelTags": tags, "ModelProperties": { "Tag0": "of another" } }
            })
            .to_string();
            let event = Event::parse_element(&element).unwrap();
            let view = EventView::of(&event).unwrap();
            let check = |name: &str, expect: Option<Value>| {
                let path = ["DATA", "modeltags", name].map(str::to_owned);
                let by_path = view.find(&path).map(Cow::into_owned);
                assert_eq!(view.tag(name), expect.as_ref(), "{name} beside {n_others}");
                assert_eq!(by_path, expect, "{name} beside {n_others}");
            };
            check("stage", Some(json!("lower")));
            check("Stage", Some(json!("upper")));
            check("STAGE", Some(json!("upper")));
            check("TEAM", Some(json!("dock")));
            check("none", None);
            check("TAG0", (n_others > 0).then(|| json!(0)));
            // An object within one of the same name has no index of the other.
            let deep = ["data", "modelTags", "MODELTAGS", "DEEP"].map(str::to_owned);
            assert_eq!(view.find(&deep).as_deref(), Some(&json!(1)));
            let other = ["data", "modelproperties", "TAG0"].map(str::to_owned);
            assert_eq!(view.find(&other).as_deref(), Some(&json!("of another")));
        }
    }

    #[test]
    fn ok_tags_are_those_of_the_model_the_run_or_the_service() {
        let check = |event_type: &str, data: Value, expect: Option<Value>| {
            let element = json!({
                "id": "e-1", "topic": "/x", "subject": "s", "eventTime": "2026-11-22T10:00:00Z", "dataVersion": "2",
                "eventType": event_type, "data": data
            })
            .to_string();
            let event = Event::parse_element(&element).unwrap();
            let view = EventView::of(&event).unwrap();
            assert_eq!(view.tag("AREA"), expect.as_ref(), "{event_type}");
            assert_eq!(view.tags().len(), usize::from(expect.is_some()), "{event_type}");
        };
        let tags = json!({ "area": "dock" });
        let there = || Some(json!("dock"));
        check(
            "Microsoft.MachineLearningServices.ModelRegistered",
            json!({ "modelName": "m", "modelVersion": "7", "modelTags": tags, "runTags": { "a": "b" } }),
            there(),
        );
        check(
            "Microsoft.MachineLearningServices.ModelDeployed",
            json!({ "serviceName": "s", "serviceTags": tags, "modelTags": { "a": "b" } }),
            there(),
        );
        for run in ["RunCompleted", "RunStatusChanged"] {
            check(
                &format!("Microsoft.MachineLearningServices.{run}"),
                json!({ "runId": "r", "runStatus": "Failed", "runTags": tags, "modelTags": { "a": "b" } }),
                there(),
            );
        }
        check(
            "Microsoft.MachineLearningServices.DatasetDriftDetected",
            json!({ "dataDriftId": "d", "modelTags": tags }),
            None,
        );
        check("Contoso.Own", json!({ "modelTags": tags }), None);
    }

    #[test]
    fn ok_name_and_version_are_the_texts_that_were_written() {
        let element = r#"{"id":"e-1","topic":"/x","subject":"s","eventTime":"2026-11-22T10:00:00Z","dataVersion":"2",
            "eventType":"Microsoft.MachineLearningServices.ModelRegistered",
            "data":{"ModelName":7,"modelVersion":12345678901234567890123,"modelTags":{"modelName":8}}}"#;
        let event = Event::parse_element(element).unwrap();
        let view = EventView::of(&event).unwrap();
        let find = |path: &[&str]| {
            let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
            view.find(&path).map(Cow::into_owned)
        };
        assert_eq!(
            (view.model(), view.version()),
            (Some("7"), Some("12345678901234567890123"))
        );
        assert_eq!(find(&["data", "modelname"]), Some(json!("7")));
        assert_eq!(
            find(&["data", "MODELVERSION"]),
            Some(json!("12345678901234567890123"))
        );
        assert_eq!(find(&["data", "modelTags", "modelName"]), Some(json!(8)));
    }
}
