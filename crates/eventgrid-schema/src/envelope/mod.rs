//! **Here**: the members of one element, keys in any casing, and which of the two wire schemas they are.
//! **Not here**: the two schemas field for field (`event_grid`, `cloud_event`), the normal form (`event`).
//! **Reads**: one element of a batch; `event` reads what it found.
//! **Source**: Event Grid event schema and CloudEvents schema pages, facts of casing and duplicate keys. Read 2026-11-22.

pub(crate) mod cloud_event;
pub(crate) mod event_grid;

use std::borrow::Cow;
use std::ops::Range;

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

/// The attributes that have a meaning here, in both schemas.
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

/// Which of them a key is, and whether in its exact spelling.
#[inline]
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
        _ => {
            let place = NAMES.iter().position(|name| name.eq_ignore_ascii_case(key))?;
            return Some((place, false));
        }
    };
    Some((exact, true))
}

/// What the first level of one element says, found in one pass: each value verbatim, under its exact spelling and under any
/// other casing. A key that comes twice keeps its first value: the one known sender that repeats a key writes the right value
/// first. Null is absent, so that it hides no other spelling.
#[derive(Debug, Default)]
pub(crate) struct Head<'a> {
    exact: [Option<Value<'a>>; NAMES.len()],
    loose: [Option<Value<'a>>; NAMES.len()],
    /// Where the object begins in what was scanned.
    from: usize,
    depth: usize,
    has_unreadable_key: bool,
}

impl<'a> Head<'a> {
    /// Goes past one object.
    pub(crate) fn read(scan: &mut Scan<'a>) -> Result<Self, NotJson> {
        scan.peek();
        let mut head = Self {
            from: scan.at(),
            ..Self::default()
        };
        members(scan, |key, value| {
            head.depth = head.depth.max(value.depth);
            let place = if key.escaped {
                key.read().map_or_else(
                    || {
                        head.has_unreadable_key = true;
                        None
                    },
                    |key| place_of(&key),
                )
            } else {
                place_of(key.inner)
            };
            if let Some((place, is_exact)) = place
                && !value.is_null()
            {
                let spelling = if is_exact {
                    &mut head.exact
                } else {
                    &mut head.loose
                };
                if let Some(slot) = spelling.get_mut(place) {
                    slot.get_or_insert(value);
                }
            }
        })?;
        Ok(head)
    }

    #[inline]
    pub(crate) fn get(&self, name: &str) -> Option<Value<'a>> {
        let place = NAMES.iter().position(|known| *known == name)?;
        let in_any = |spelling: &[Option<Value<'a>>]| spelling.get(place).copied().flatten();
        in_any(&self.exact).or_else(|| in_any(&self.loose))
    }
}

impl Head<'_> {
    /// Where a value stands in the text of the object.
    pub(crate) fn range_of(&self, name: &str) -> Option<Range<usize>> {
        let value = self.get(name)?;
        let from = value.from.checked_sub(self.from)?;
        Some(from..from + value.json.len())
    }
}

/// Goes past one object, and shows each of its members.
#[inline]
fn members<'a>(scan: &mut Scan<'a>, mut each: impl FnMut(Text<'a>, Value<'a>)) -> Result<(), NotJson> {
    if !scan.take(b'{') {
        return Err(NotJson);
    }
    if scan.take(b'}') {
        return Ok(());
    }
    loop {
        let key = scan.key()?;
        each(key, scan.value()?);
        if !scan.take(b',') {
            return if scan.take(b'}') { Ok(()) } else { Err(NotJson) };
        }
    }
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
        let read = members(&mut scan, |key, value| match key.read() {
            Some(key) => found_members.push((key, value)),
            None => is_readable = false,
        });
        if read.is_err() || !is_readable || !scan.is_at_end() {
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

    pub(crate) fn into_iter(self) -> impl Iterator<Item = (Cow<'a, str>, &'a str)> {
        self.members.into_iter().map(|(key, value)| (key, value.json))
    }
}

/// The text that a value must be.
#[inline]
pub(crate) fn text_of<'a>(value: Value<'a>, name: &str) -> Result<Cow<'a, str>, Error> {
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
        let has = |name| head.get(name).is_some();
        let cloud = has(cloud_event::SPEC_VERSION)
            || (!has(event_grid::TYPE) && !has(event_grid::SOURCE) && has(cloud_event::TYPE));
        let attributes = if cloud {
            cloud_event::read(head)
        } else {
            event_grid::read(head)
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
fn required<'a>(head: &Head<'a>, name: &'static str) -> Result<Cow<'a, str>, EnvelopeError> {
    match optional(head, name)? {
        Some(text) if !text.is_empty() => Ok(text),
        Some(_) => Err(EnvelopeError::new(name, "a text that is not empty", "\"\"")),
        None => Err(EnvelopeError::new(name, "a text", "nothing")),
    }
}

/// A text that an envelope may have.
fn optional<'a>(head: &Head<'a>, name: &'static str) -> Result<Option<Cow<'a, str>>, EnvelopeError> {
    head.get(name)
        .map_or(Ok(None), |value| text_of(value, name).map(Some))
        .map_err(EnvelopeError)
}
