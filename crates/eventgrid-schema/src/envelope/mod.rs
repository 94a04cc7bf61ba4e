//! **Here**: the members of one element, keys in any casing, and which of the two wire schemas they are.
//! **Not here**: the two schemas field for field (`event_grid`, `cloud_event`), the normal form (`event`).
//! **Reads**: one element of a batch; `event` reads what it found.
//! **Source**: Event Grid event schema and CloudEvents schema pages, facts of casing and duplicate keys. Read 2026-11-22.

pub(crate) mod cloud_event;
pub(crate) mod event_grid;

use std::borrow::Cow;

use crate::batch::Limits;
use crate::error::{Error, found, kind_of};
use crate::scan::{NotJson, Scan, Text, Value};

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

/// An attribute that has a meaning here: its place in a [`Head`], and its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    place: usize,
    name: &'static str,
}

const ID: Field = field(0);
const SUBJECT: Field = field(1);
pub(crate) const DATA: Field = field(2);

/// Those of both schemas.
const NAMES: [&str; 10] = [
    "id",
    "subject",
    "data",
    cloud_event::SPEC_VERSION,
    cloud_event::SOURCE,
    cloud_event::TYPE,
    cloud_event::TIME,
    event_grid::SOURCE,
    event_grid::TYPE,
    event_grid::TIME,
];

#[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
const fn field(place: usize) -> Field {
    Field {
        place,
        name: NAMES[place],
    }
}

/// The names that one schema has for what both have.
#[derive(Debug)]
pub(crate) struct Fields {
    schema: EventSchema,
    version: Field,
    event_type: Field,
    source: Field,
    time: Field,
}

/// Which of them a key is, and whether in its exact spelling.
#[inline(always)]
fn place_of(key: &str) -> Option<(usize, bool)> {
    let exact = match key.as_bytes() {
        b"id" => 0,
        b"subject" => 1,
        b"data" => 2,
        b"specversion" => 3,
        b"source" => 4,
        b"type" => 5,
        b"time" => 6,
        b"topic" => 7,
        b"eventType" => 8,
        b"eventTime" => 9,
        b"dataVersion" | b"metadataVersion" | b"datacontenttype" => return None,
        _ => {
            let place = NAMES.iter().position(|name| name.eq_ignore_ascii_case(key))?;
            return Some((place, false));
        }
    };
    Some((exact, true))
}

/// What the first level of one element says, found in one pass, each value verbatim. Its exact spelling comes before any other
/// casing. A key that comes twice keeps its first value: the one known sender that repeats a key writes the right value first.
/// Null is absent, so that it hides no other spelling.
#[derive(Debug, Default)]
pub(crate) struct Head<'a> {
    /// The values, and whether the key was in its exact spelling.
    values: [Option<(Value<'a>, bool)>; NAMES.len()],
    depth: usize,
    has_unreadable_key: bool,
}

impl<'a> Head<'a> {
    /// Goes past one object.
    #[inline]
    pub(crate) fn read(scan: &mut Scan<'a>) -> Result<Self, NotJson> {
        let mut head = Self::default();
        scan.take_deepest();
        let mut members = Walk::begin(scan)?;
        while let Some(key) = members.key(scan)? {
            let place = if key.escaped {
                head.place_of_escaped(key)
            } else {
                place_of(key.inner)
            };
            let slot = place.and_then(|(place, is_exact)| Some((head.values.get_mut(place)?, is_exact)));
            match slot {
                Some((slot, is_exact)) if slot.is_none_or(|(_, was_exact)| is_exact && !was_exact) => {
                    let value = scan.value()?;
                    if !value.is_null() {
                        *slot = Some((value, is_exact));
                    }
                }
                _ => scan.skip()?,
            }
        }
        head.depth = scan.take_deepest();
        Ok(head)
    }

    #[cold]
    fn place_of_escaped(&mut self, key: Text<'a>) -> Option<(usize, bool)> {
        let read = key.read();
        self.has_unreadable_key |= read.is_none();
        read.and_then(|key| place_of(&key))
    }

    #[inline]
    pub(crate) fn get(&self, field: Field) -> Option<Value<'a>> {
        let value = self.values.get(field.place).copied().flatten();
        value.map(|(value, _)| value)
    }

    #[inline]
    fn has(&self, field: Field) -> bool {
        self.values.get(field.place).is_some_and(Option::is_some)
    }
}

/// The members of an object, one after another: a key from here, then its value from the scan.
struct Walk {
    is_first: bool,
}

impl Walk {
    #[inline]
    fn begin(scan: &mut Scan<'_>) -> Result<Self, NotJson> {
        if scan.take(b'{') {
            Ok(Self { is_first: true })
        } else {
            Err(NotJson)
        }
    }

    /// The next key; none behind the last member, and then the object has been gone past.
    #[inline(always)]
    fn key<'a>(&mut self, scan: &mut Scan<'a>) -> Result<Option<Text<'a>>, NotJson> {
        if scan.take(b'}') {
            return Ok(None);
        }
        if !std::mem::take(&mut self.is_first) && !scan.take(b',') {
            return Err(NotJson);
        }
        scan.key().map(Some)
    }
}

/// The first value under a key in its exact spelling; null is a value. Looks no further than there.
pub(crate) fn member<'a>(json: &'a str, name: &str) -> Option<Value<'a>> {
    let mut scan = Scan::new(json);
    let mut walk = Walk::begin(&mut scan).ok()?;
    while let Some(key) = walk.key(&mut scan).ok()? {
        let is_it = if key.escaped {
            key.read().is_some_and(|key| key == name)
        } else {
            key.inner == name
        };
        if is_it {
            return scan.value().ok();
        }
        scan.skip().ok()?;
    }
    None
}

/// The members of a JSON object in their order, values verbatim; found as [`Head`] finds them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Members<'a> {
    /// The members of an object.
    pub(crate) fn read(json: &'a str) -> Result<Self, EnvelopeError> {
        let mut scan = Scan::new(json);
        if scan.peek() != b'{' {
            return Err(EnvelopeError::new("element", "an object", kind_of(json)));
        }
        let (mut found_members, mut is_readable) = (Vec::with_capacity(8), true);
        let mut read = || {
            let mut walk = Walk::begin(&mut scan)?;
            while let Some(key) = walk.key(&mut scan)? {
                let value = scan.value()?;
                match key.read() {
                    Some(key) => found_members.push((key, value)),
                    None => is_readable = false,
                }
            }
            if scan.is_at_end() { Ok(()) } else { Err(NotJson) }
        };
        if read().is_err() || !is_readable {
            return Err(EnvelopeError::new(
                "element",
                "an object",
                found(json, "an object"),
            ));
        }
        Ok(Self {
            members: found_members,
        })
    }

    /// The value under a key: its exact spelling first, then any casing. Null is absent, so that it hides no other spelling.
    pub(crate) fn get(&self, name: &str) -> Option<Value<'a>> {
        let mut there = self.members.iter().filter(|(_, value)| !value.is_null());
        let exact = there.clone().find(|(key, _)| key == name);
        let found = exact.or_else(|| there.find(|(key, _)| key.eq_ignore_ascii_case(name)));
        found.map(|(_, value)| *value)
    }

    /// A text under a key, borrowed where it has no escapes.
    pub(crate) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Error> {
        self.get(name)
            .map_or(Ok(None), |value| text_of(value, name).map(Some))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Value<'a>)> {
        self.members.iter().map(|(key, value)| (&**key, *value))
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = (Cow<'a, str>, &'a str)> {
        self.members.into_iter().map(|(key, value)| (key, value.json))
    }
}

/// The text that a value must be.
#[inline]
pub(crate) fn text_of<'a>(value: Value<'a>, name: &str) -> Result<Cow<'a, str>, Error> {
    value
        .plain()
        .map_or_else(|| escaped_text_of(value, name), |text| Ok(Cow::Borrowed(text)))
}

#[cold]
fn escaped_text_of<'a>(value: Value<'a>, name: &str) -> Result<Cow<'a, str>, Error> {
    let text = value.text().and_then(Text::read);
    text.ok_or_else(|| Error::new(name, "a text", found(value.json, "a text")))
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
    pub(crate) fn read(head: &Head<'a>, limits: &Limits) -> Result<Self, EnvelopeError> {
        if head.has_unreadable_key {
            return Err(EnvelopeError::new(
                "element",
                "an object",
                "an object that cannot be read",
            ));
        }
        if head.depth >= limits.max_depth {
            let levels = format!("{} levels", head.depth.saturating_add(1));
            return Err(EnvelopeError::new("element", "nesting within the limit", levels));
        }
        let is_cloud_event = head.has(cloud_event::FIELDS.version)
            || (!head.has(event_grid::FIELDS.event_type)
                && !head.has(event_grid::FIELDS.source)
                && head.has(cloud_event::FIELDS.event_type));
        let fields = if is_cloud_event {
            &cloud_event::FIELDS
        } else {
            &event_grid::FIELDS
        };
        let attributes = Self::usual(head, fields).map_or_else(|| Self::any(head, fields), Ok)?;
        let texts = [&attributes.id, &attributes.source, &attributes.event_type];
        let longest = texts
            .into_iter()
            .chain(&attributes.subject)
            .map(|text| text.len())
            .max();
        if longest > Some(limits.max_field_bytes) {
            return Err(attributes.too_long(fields, limits));
        }
        Ok(attributes)
    }

    /// Where every text stands for itself and none that must be there is missing.
    #[inline]
    fn usual(head: &Head<'a>, fields: &Fields) -> Option<Self> {
        let there = |field| {
            Some(Cow::Borrowed(
                head.get(field)?.plain().filter(|text| !text.is_empty())?,
            ))
        };
        let perhaps = |field| match head.get(field) {
            Some(value) => value.plain().map(|text| Some(Cow::Borrowed(text))),
            None => Some(None),
        };
        Some(Self {
            schema: fields.schema,
            event_type: there(fields.event_type)?,
            id: there(ID)?,
            source: there(fields.source)?,
            subject: perhaps(SUBJECT)?,
            time: perhaps(fields.time)?,
            time_field: fields.time.name,
        })
    }

    #[cold]
    fn any(head: &Head<'a>, fields: &Fields) -> Result<Self, EnvelopeError> {
        Ok(Self {
            schema: fields.schema,
            event_type: required(head, fields.event_type)?,
            id: required(head, ID)?,
            source: required(head, fields.source)?,
            subject: optional(head, SUBJECT)?,
            time: optional(head, fields.time)?,
            time_field: fields.time.name,
        })
    }

    #[cold]
    fn too_long(&self, fields: &Fields, limits: &Limits) -> EnvelopeError {
        let texts = [
            (ID, Some(&self.id)),
            (fields.source, Some(&self.source)),
            (fields.event_type, Some(&self.event_type)),
            (SUBJECT, self.subject.as_ref()),
        ];
        let first = texts.iter().find_map(|(field, text)| {
            let n = text
                .map(|text| text.len())
                .filter(|n| *n > limits.max_field_bytes)?;
            Some((field.name, n))
        });
        let (name, n) = first.unwrap_or_default();
        EnvelopeError::new(name, "a text within the limit", format!("{n} bytes"))
    }
}

/// A text that an envelope must have.
fn required<'a>(head: &Head<'a>, field: Field) -> Result<Cow<'a, str>, EnvelopeError> {
    match optional(head, field)? {
        Some(text) if !text.is_empty() => Ok(text),
        Some(_) => Err(EnvelopeError::new(field.name, "a text that is not empty", "\"\"")),
        None => Err(EnvelopeError::new(field.name, "a text", "nothing")),
    }
}

/// A text that an envelope may have.
fn optional<'a>(head: &Head<'a>, field: Field) -> Result<Option<Cow<'a, str>>, EnvelopeError> {
    head.get(field)
        .map_or(Ok(None), |value| text_of(value, field.name).map(Some))
        .map_err(EnvelopeError)
}
