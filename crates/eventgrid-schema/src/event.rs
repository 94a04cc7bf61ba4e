//! **Here**: [`Event`], the normal form over both schemas, with [`EventKey`] and [`EventType`].
//! **Not here**: typed payloads (`aml`), Event Grid's own events (`handshake`).
//! **Reads**: `envelope` before it; `aml`, `handshake` and every receiver after it.
//! **Source**: Event Grid's mapping of its schema to CloudEvents: topic is source, eventType is type, eventTime is time. Read 2026-11-22.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::aml::AmlEvent;
use crate::base64;
use crate::batch::Limits;
use crate::binary::is_json_type;
use crate::dead_letter::DeadLetter;
use crate::envelope::{Attributes, DATA, EnvelopeError, EventSchema, Head, Members, cloud_event, event_grid};
use crate::error::{Error, found};
use crate::handshake::GridEvent;
use crate::id::WorkspaceId;
use crate::scan::{Scan, is_json};
use crate::subject::Subject;
use crate::time::EventTime;

/// The type of an event, such as `Microsoft.MachineLearningServices.ModelRegistered`.
///
/// Kept as it was written; compared without regard to ASCII case.
#[derive(Clone, Debug)]
pub struct EventType<'a>(Cow<'a, str>);

impl EventType<'_> {
    /// A model, or a version of one, was registered.
    pub const MODEL_REGISTERED: &'static str = "Microsoft.MachineLearningServices.ModelRegistered";
    /// Models were deployed to an endpoint.
    pub const MODEL_DEPLOYED: &'static str = "Microsoft.MachineLearningServices.ModelDeployed";
    /// A run ended well.
    pub const RUN_COMPLETED: &'static str = "Microsoft.MachineLearningServices.RunCompleted";
    /// A run's status changed.
    pub const RUN_STATUS_CHANGED: &'static str = "Microsoft.MachineLearningServices.RunStatusChanged";
    /// Data drifted. No longer advertised by Azure.
    pub const DATASET_DRIFT_DETECTED: &'static str = "Microsoft.MachineLearningServices.DatasetDriftDetected";
    /// Event Grid asks whether events are wanted here.
    pub const SUBSCRIPTION_VALIDATION: &'static str = "Microsoft.EventGrid.SubscriptionValidationEvent";
    /// An event subscription, or what it watches, was deleted.
    pub const SUBSCRIPTION_DELETED: &'static str = "Microsoft.EventGrid.SubscriptionDeletedEvent";
    /// What the types of Event Grid's own events begin with.
    pub const SYSTEM_PREFIX: &'static str = "Microsoft.EventGrid.";

    /// The type as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this type, in any casing.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }

    /// Whether it is one of Event Grid's own, which are never forwarded.
    #[must_use]
    pub fn is_system(&self) -> bool {
        let prefix = self.0.get(..Self::SYSTEM_PREFIX.len());
        prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(Self::SYSTEM_PREFIX))
    }
}

impl fmt::Display for EventType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an event is deduplicated by: its source in lower case, and its id. Ids alone are not unique, and the casing of a
/// source varies.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EventKey(String);

impl EventKey {
    /// The key as one unambiguous text: a JSON array of the two.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One event, whichever schema it came in. Borrows from the body: nothing is copied, and `data` is not looked into, until
/// somebody asks.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    raw: Cow<'a, str>,
    schema: EventSchema,
    id: Cow<'a, str>,
    source: Cow<'a, str>,
    event_type: EventType<'a>,
    subject: Option<Cow<'a, str>>,
    time: Option<EventTime<'a>>,
    /// Where `data` stands in `raw`.
    data: Option<Range<usize>>,
}

impl<'a> Event<'a> {
    /// Reads one element that was kept verbatim; the result is the same as inside its batch.
    ///
    /// # Errors
    /// The element is no event.
    pub fn parse_element(raw: &'a str) -> Result<Self, EnvelopeError> {
        Self::parse_element_with(raw, &Limits::default())
    }

    /// The same within other limits.
    ///
    /// # Errors
    /// The element is no event.
    pub fn parse_element_with(raw: &'a str, limits: &Limits) -> Result<Self, EnvelopeError> {
        let no_object = || EnvelopeError::new("element", "an object", found(raw, "an object"));
        let mut scan = Scan::new(raw);
        if scan.peek() != b'{' {
            return Err(no_object());
        }
        let from = scan.at();
        let head = Head::read(&mut scan).map_err(|_| no_object())?;
        let element = scan.since(from);
        if !scan.is_at_end() {
            return Err(no_object());
        }
        Self::read(element, &head, limits)
    }

    pub(crate) fn read(raw: &'a str, head: &Head<'a>, limits: &Limits) -> Result<Self, EnvelopeError> {
        let Attributes {
            schema,
            id,
            source,
            event_type,
            subject,
            time,
            time_field,
        } = Attributes::read(head, limits)?;
        let time = match time {
            Some(text) if !text.is_empty() => Some(
                EventTime::read(text)
                    .map_err(|error| EnvelopeError::new(time_field, "an RFC 3339 time", error.found()))?,
            ),
            _ => None,
        };
        Ok(Self {
            raw: Cow::Borrowed(raw),
            schema,
            id,
            source,
            event_type: EventType(event_type),
            subject,
            time,
            data: head.get(DATA).map(|data| range_in(raw, data.json)),
        })
    }

    /// The same, holding all its text itself.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Event {
            raw: owned(self.raw),
            schema: self.schema,
            id: owned(self.id),
            source: owned(self.source),
            event_type: EventType(owned(self.event_type.0)),
            subject: self.subject.map(owned),
            time: self.time.map(EventTime::into_owned),
            data: self.data,
        }
    }

    /// The whole element, byte for byte as it was sent.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The schema it was written in.
    #[must_use]
    pub const fn schema(&self) -> EventSchema {
        self.schema
    }

    /// `id`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `topic` or `source`, as written. Compare without regard to case.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// `eventType` or `type`.
    #[must_use]
    pub const fn event_type(&self) -> &EventType<'a> {
        &self.event_type
    }

    /// `subject`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// What the subject names. Never more authoritative than the payload.
    #[must_use]
    pub fn subject_parts(&self) -> Option<Subject> {
        self.subject().map(Subject::parse)
    }

    /// `eventTime` or `time`.
    #[must_use]
    pub const fn time(&self) -> Option<&EventTime<'a>> {
        self.time.as_ref()
    }

    /// `data` verbatim: JSON text, byte for byte as it was sent. None when it is missing or null.
    #[must_use]
    pub fn data_text(&self) -> Option<&str> {
        self.raw.get(self.data.clone()?)
    }

    /// `data` as the payload that it stands for: some senders of the Event Grid schema, and Event Grid itself in a
    /// CloudEvents validation, write the payload as JSON inside a JSON text. A text of any other CloudEvent stays one. JSON in
    /// `data_base64` counts where `datacontenttype` says JSON, or nothing.
    #[must_use]
    pub fn payload_text(&self) -> Option<Cow<'_, str>> {
        let Some(raw) = self.data_text() else {
            return self.json_of_base64().map(Cow::Owned);
        };
        let unwraps = self.schema == EventSchema::EventGrid || self.event_type.is_system();
        if raw.starts_with('"') && unwraps {
            let inner = Scan::new(raw).value().ok()?.text()?.read()?;
            if Scan::new(&inner).peek() == b'{' && is_json(&inner) {
                return Some(inner);
            }
        }
        Some(Cow::Borrowed(raw))
    }

    /// `data_base64` decoded: what a CloudEvent has for `data` when that is not JSON. None when it is missing or not base64.
    #[must_use]
    pub fn data_bytes(&self) -> Option<Vec<u8>> {
        bytes_of(&Members::read(&self.raw).ok()?)
    }

    fn json_of_base64(&self) -> Option<String> {
        let members = Members::read(&self.raw).ok()?;
        let media_type = members.text("datacontenttype").ok()?;
        if !media_type.is_none_or(|media_type| is_json_type(&media_type)) {
            return None;
        }
        let text = String::from_utf8(bytes_of(&members)?).ok()?;
        is_json(&text).then_some(text)
    }

    /// Any other attribute by its name in any casing, as JSON text: extensions, `dataVersion`, `datacontenttype`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let members = Members::read(&self.raw).ok()?;
        members.get(name).map(|value| value.json)
    }

    /// The attributes that the schema does not name, with their JSON text.
    pub fn extensions(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        let known: &[&str] = match self.schema {
            EventSchema::EventGrid => &event_grid::KNOWN,
            EventSchema::CloudEvents => &cloud_event::KNOWN,
        };
        let members = Members::read(&self.raw).unwrap_or_default().into_iter();
        members.filter(move |(name, _)| !known.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// The key to deduplicate by.
    #[must_use]
    pub fn key(&self) -> EventKey {
        let source = self.source.to_lowercase();
        EventKey(serde_json::Value::from([source.as_str(), &*self.id].as_slice()).to_string())
    }

    /// The workspace it came from, if its source is one.
    #[must_use]
    pub fn workspace(&self) -> Option<WorkspaceId> {
        WorkspaceId::parse(&self.source).ok()
    }

    /// The typed payload.
    ///
    /// # Errors
    /// It is of a known type, and the payload is not what that type has.
    pub fn aml(&self) -> Result<AmlEvent, Error> {
        AmlEvent::read(self)
    }

    /// Why Event Grid gave it up, if it comes from a store of dead letters.
    #[must_use]
    pub fn dead_letter(&self) -> Option<DeadLetter> {
        DeadLetter::read(self)
    }

    /// The event as one of Event Grid's own, which are acknowledged and never forwarded; none for any other.
    #[must_use]
    pub fn system(&self) -> Option<GridEvent> {
        GridEvent::read(self)
    }
}

/// Where a part of a text stands in it.
fn range_in(whole: &str, part: &str) -> Range<usize> {
    let from = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    from..from + part.len()
}

/// `data_base64` decoded.
fn bytes_of(members: &Members<'_>) -> Option<Vec<u8>> {
    base64::decode(&members.text("data_base64").ok()??)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(raw: &str) -> String {
        Event::parse_element(raw).unwrap_err().to_string()
    }

    #[test]
    fn ok_both_schemas_have_one_normal_form() {
        let grid = r#"{"id":"1","topic":"/S","subject":"a","eventType":"T","eventTime":"2026-11-22T10:00:00.1234567Z","data":{"a":1},"dataVersion":"2"}"#;
        let cloud = r#"{"specversion":"1.0","id":"1","source":"/s","subject":"a","type":"t","time":"2026-11-22T10:00:00.1234567Z","data":{"a":1},"ext":"x"}"#;
        let (grid, cloud) = (
            Event::parse_element(grid).unwrap(),
            Event::parse_element(cloud).unwrap(),
        );
        assert_eq!(
            (grid.schema(), cloud.schema()),
            (EventSchema::EventGrid, EventSchema::CloudEvents)
        );
        assert_eq!(grid.key(), cloud.key());
        assert_eq!(grid.time(), cloud.time());
        assert_eq!(grid.data_text(), cloud.data_text());
        assert!(grid.event_type().is(cloud.event_type().as_str()));
        assert_eq!(
            cloud.extensions().collect::<Vec<_>>(),
            [(Cow::Borrowed("ext"), "\"x\"")]
        );
        assert_eq!(grid.extensions().count(), 0);
        assert_eq!(grid.attribute("DATAVERSION"), Some("\"2\""));
    }

    #[test]
    fn ok_keys_in_any_casing_and_the_first_of_two() {
        let event =
            Event::parse_element(r#"{"ID":"1","Source":"/a","source":"/b","TYPE":"t","specVersion":"1.0"}"#)
                .unwrap();
        assert_eq!(
            (event.id(), event.source()),
            ("1", "/b"),
            "the exact spelling comes first"
        );
        let event =
            Event::parse_element(r#"{"id":"1","source":"/a","source":"/b","type":"t","specversion":"1.0"}"#)
                .unwrap();
        assert_eq!(event.source(), "/a");
    }

    #[test]
    fn ok_null_is_absent_and_data_may_be() {
        let event =
            Event::parse_element(r#"{"id":"1","topic":"t","eventType":"x","subject":null,"data":null}"#)
                .unwrap();
        assert_eq!(
            (event.subject(), event.data_text(), event.time()),
            (None, None, None)
        );
        let event = Event::parse_element(r#"{"id":null,"ID":"1","topic":"t","eventType":"x"}"#).unwrap();
        assert_eq!(event.id(), "1", "null hides no other spelling");
    }

    #[test]
    fn ok_data_is_verbatim_and_a_text_stays_one_where_the_schema_says_so() {
        let raw =
            r#"{"id":"1","topic":"t","eventType":"x","data":{"n":0.83503490684792081,"b":1,"a":"\u00e9"}}"#;
        assert_eq!(
            Event::parse_element(raw).unwrap().data_text(),
            Some(r#"{"n":0.83503490684792081,"b":1,"a":"\u00e9"}"#)
        );
        let grid = r#"{"id":"1","topic":"t","eventType":"x","data":"{\"a\":1}"}"#;
        assert_eq!(
            Event::parse_element(grid).unwrap().payload_text().unwrap(),
            r#"{"a":1}"#
        );
        let cloud = r#"{"specversion":"1.0","id":"1","source":"t","type":"x","data":"{\"a\":1}"}"#;
        assert_eq!(
            Event::parse_element(cloud).unwrap().payload_text().unwrap(),
            r#""{\"a\":1}""#
        );
    }

    #[test]
    fn err_names_the_field_and_what_was_found() {
        let check = |raw: &str, expect: &str| assert_eq!(error(raw), expect, "{raw}");
        check("5", "element: expected an object, found a number");
        check("null", "element: expected an object, found null");
        check("{}", "eventType: expected a text, found nothing");
        check(
            r#"{"id":"1","topic":"t"}"#,
            "eventType: expected a text, found nothing",
        );
        check(
            r#"{"specversion":"1.0","id":"1","source":"s"}"#,
            "type: expected a text, found nothing",
        );
        check(
            r#"{"id":7,"topic":"t","eventType":"x"}"#,
            "id: expected a text, found a number",
        );
        check(
            r#"{"id":"","topic":"t","eventType":"x"}"#,
            "id: expected a text that is not empty, found \"\"",
        );
        check(
            r#"{"id":"1","topic":"t","eventType":"x","eventTime":"soon"}"#,
            "eventTime: expected an RFC 3339 time, found \"soon\"",
        );
        let long = format!(r#"{{"id":"{}","topic":"t","eventType":"x"}}"#, "a".repeat(9_000));
        check(&long, "id: expected a text within the limit, found 9000 bytes");
        let long = format!(r#"{{"id":"1","topic":"{}","eventType":"x"}}"#, "a".repeat(9_000));
        check(&long, "topic: expected a text within the limit, found 9000 bytes");
        check(
            r#"{"id":"\ud800","topic":"t","eventType":"x"}"#,
            "id: expected a text, found a text that cannot be read",
        );
        check(
            r#"{"\ud800":1,"id":"1","topic":"t","eventType":"x"}"#,
            "element: expected an object, found an object that cannot be read",
        );
    }

    #[test]
    fn ok_keys_cannot_run_into_each_other() {
        let key = |source: &str, id: &str| {
            let raw = serde_json::json!({"id": id, "topic": source, "eventType": "x"}).to_string();
            Event::parse_element(&raw).unwrap().key()
        };
        assert_ne!(key("a\",\"b", "c"), key("a", "b\",\"c"));
        assert_eq!(key("/SUBSCRIPTIONS/a", "X"), key("/subscriptions/A", "X"));
        assert_ne!(key("/a", "X"), key("/a", "x"));
    }
}
