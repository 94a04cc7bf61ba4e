//! **Here**: the members of one element, keys in any casing, and which of the two wire schemas they are.
//! **Not here**: the two schemas field for field (`event_grid`, `cloud_event`), the normal form (`event`).
//! **Reads**: one element of a batch; `event` reads what it found.
//! **Source**: Event Grid event schema and CloudEvents schema pages, facts of casing and duplicate keys. Read 2026-11-22.

pub(crate) mod cloud_event;
pub(crate) mod event_grid;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::batch::Limits;
use crate::error::{Error, found, kind_of};

/// The schema that an event was written in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "Event Grid delivers system events in these two"
)]
pub enum EventSchema {
    /// `EventGridSchema`: `topic`, `eventType`, `eventTime`.
    EventGrid,
    /// `CloudEventSchemaV1_0`: `source`, `type`, `time`, `specversion`.
    CloudEvents,
}

/// An element that is no event: which field, what was expected, what was found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct EnvelopeError(Error);

impl EnvelopeError {
    pub(crate) fn new(field: &str, expected: &'static str, found: impl Into<String>) -> Self {
        Self(Error::new(field, expected, found))
    }

    /// The field, as its schema spells it; `element` when the element is no object.
    #[must_use]
    pub fn field(&self) -> &str {
        self.0.field()
    }

    /// What was expected there.
    #[must_use]
    pub const fn expected(&self) -> &'static str {
        self.0.expected()
    }

    /// What was found, at most 64 bytes of it.
    #[must_use]
    pub fn found(&self) -> &str {
        self.0.found()
    }
}

/// The members of a JSON object in their order, values verbatim. A key that comes twice keeps its first value: the one
/// known sender that repeats a key writes the right value first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members<'a> {
    members: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Members<'a> {
    /// The members of an object.
    pub(crate) fn read(json: &'a str) -> Result<Self, EnvelopeError> {
        if !json.trim_start().starts_with('{') {
            return Err(EnvelopeError::new("element", "an object", kind_of(json)));
        }
        serde_json::from_str(json)
            .map_err(|_| EnvelopeError::new("element", "an object", found(json, "an object")))
    }

    /// The value under a key: its exact spelling first, then any casing. Null is absent, so that it hides no other spelling.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let mut there = self.members.iter().filter(|(_, value)| *value != "null");
        let exact = there.clone().find(|(key, _)| key == name);
        let found = exact.or_else(|| there.find(|(key, _)| key.eq_ignore_ascii_case(name)));
        found.map(|(_, value)| *value)
    }

    /// A text under a key, borrowed where it has no escapes.
    pub(crate) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Error> {
        self.get(name).map_or(Ok(None), |raw| match text_of(raw) {
            Some(text) => Ok(Some(text)),
            None => Err(Error::new(name, "a text", found(raw, "a text"))),
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.members.iter().map(|(key, value)| (&**key, *value))
    }
}

/// The text that a JSON string stands for.
pub(crate) fn text_of(raw: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        // It was read as JSON before, so that without an escape it is the text itself.
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<Text<'_>>(raw).ok().map(|text| text.0)
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(12);
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key, value.get()));
                }
                Ok(Members { members })
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A key, borrowed where it has no escapes: `Cow` alone would always copy.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The attributes that both schemas have, under whatever names.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    pub(crate) schema: EventSchema,
    pub(crate) id: Cow<'a, str>,
    pub(crate) source: Cow<'a, str>,
    pub(crate) event_type: Cow<'a, str>,
    pub(crate) subject: Option<Cow<'a, str>>,
    pub(crate) time: Option<Cow<'a, str>>,
    pub(crate) time_field: &'static str,
}

impl<'a> Attributes<'a> {
    /// Which schema it is, and what it says.
    pub(crate) fn read(members: &Members<'a>, limits: &Limits) -> Result<Self, EnvelopeError> {
        let has = |name| members.get(name).is_some();
        let cloud = has(cloud_event::SPEC_VERSION)
            || (!has(event_grid::TYPE) && !has(event_grid::SOURCE) && has(cloud_event::TYPE));
        let attributes = if cloud {
            cloud_event::read(members)
        } else {
            event_grid::read(members)
        }?;
        attributes.within(limits)
    }

    fn within(self, limits: &Limits) -> Result<Self, EnvelopeError> {
        let (source, event_type) = match self.schema {
            EventSchema::EventGrid => (event_grid::SOURCE, event_grid::TYPE),
            EventSchema::CloudEvents => (cloud_event::SOURCE, cloud_event::TYPE),
        };
        let fields = [
            ("id", Some(&self.id)),
            (source, Some(&self.source)),
            (event_type, Some(&self.event_type)),
            ("subject", self.subject.as_ref()),
        ];
        for (name, text) in fields {
            if let Some(text) = text
                && text.len() > limits.max_field_bytes
            {
                return Err(EnvelopeError::new(
                    name,
                    "a text within the limit",
                    format!("{} bytes", text.len()),
                ));
            }
        }
        Ok(self)
    }
}

/// A text that an envelope must have.
fn required<'a>(members: &Members<'a>, name: &'static str) -> Result<Cow<'a, str>, EnvelopeError> {
    match members.text(name).map_err(EnvelopeError)? {
        Some(text) if !text.is_empty() => Ok(text),
        Some(_) => Err(EnvelopeError::new(name, "a text that is not empty", "\"\"")),
        None => Err(EnvelopeError::new(name, "a text", "nothing")),
    }
}

/// A text that an envelope may have.
fn optional<'a>(members: &Members<'a>, name: &'static str) -> Result<Option<Cow<'a, str>>, EnvelopeError> {
    members.text(name).map_err(EnvelopeError)
}
