//! **Here**: [`EventBuilder`], which writes valid events in either schema, the bodies that hold several, and the way from one
//! schema to the other; for tests, simulators and custom topics.
//! **Not here**: reading (`batch`, `event`), sending, a clock, random numbers: ids and times are the caller's.
//! **Reads**: all files before it on the path, and whatever it writes, before it hands it out.
//! **Source**: facts of 2026-11-22, sections 1.2 to 1.4 (payloads), 2.1 (schemas, mapping, size) and 2.3 (batches), and
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>.
//!
//! # Example: a model was registered, in both schemas
//!
//! ```
//! use eventgrid_schema::builder::{EventBuilder, body, to_cloud_event};
//! use eventgrid_schema::{AmlEvent, Batch, WorkspaceId};
//!
//! let workspace = "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w";
//! let builder = EventBuilder::model_registered(&WorkspaceId::parse(workspace)?, "credit-risk", "7")
//!     .with_tags([("stage", "production")])
//!     .with_id("a1")
//!     .with_time("2026-11-22T10:00:00.1234567Z");
//! let body = body(&[builder.build_event_grid()?])?;
//!
//! let batch = Batch::parse(body.as_bytes())?;
//! let event = batch.elements()[0].event().expect("readable");
//! assert_eq!((event.id(), event.source(), event.subject()), ("a1", workspace, Some("models/credit-risk:7")));
//! let Ok(AmlEvent::ModelRegistered(model)) = event.aml() else { panic!("another type") };
//! assert_eq!(model.model_tags().text("stage").as_deref(), Some("production"));
//! assert_eq!(to_cloud_event(event), builder.build_cloud_event()?);
//!
//! let error = EventBuilder::new("Contoso.Paid", "/orders", "").build_cloud_event().unwrap_err();
//! assert_eq!(error.to_string(), "id: expected a text that is not empty, found \"\"");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aml;
mod body;
mod check;

use std::collections::BTreeMap;

use serde_json::Value;

pub use self::aml::{DriftFields, RunFields};
pub use self::body::{MAX_BODY_BYTES, MAX_ELEMENTS, body, check_body};

use self::aml::Payload;
use self::check::{check_extension, filled, rfc3339};
use crate::base64;
use crate::envelope::{EnvelopeError, EventSchema, cloud_event, event_grid};
use crate::error::{Error, cut, kind_of, shown};
use crate::event::Event;
use crate::scan::Scan;

/// Bytes of one event, at most: 1 MB. Source: facts of 2026-11-22, section 2.1.
pub const MAX_EVENT_BYTES: usize = 1_048_576;

/// An event or a body that Event Grid would refuse: which field, what was expected, what was found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidEvent(Error);

impl InvalidEvent {
    fn new(field: impl Into<String>, expected: &'static str, found: impl Into<String>) -> Self {
        Self(Error::new(field, expected, found))
    }

    /// The path of the field, such as `eventTime` or `data.modelName`; `element` or `body` for the whole, `[2].id` inside a
    /// body.
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

impl From<Error> for InvalidEvent {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<EnvelopeError> for InvalidEvent {
    fn from(error: EnvelopeError) -> Self {
        Self::new(error.field(), error.expected(), error.found())
    }
}

/// What an event is to say. Nothing is checked before it is built; a setter that is called again replaces what it had set.
#[derive(Clone, Debug)]
pub struct EventBuilder {
    event_type: String,
    source: String,
    id: Option<String>,
    subject: Option<String>,
    time: Option<String>,
    data: Option<Data>,
    data_base64: Option<String>,
    datacontenttype: Option<String>,
    data_version: String,
    extensions: BTreeMap<String, Value>,
    /// The first call that cannot be carried out.
    fault: Option<Error>,
}

#[derive(Clone, Debug)]
enum Data {
    /// JSON text, unchecked.
    Text(String),
    /// The payload of an Azure ML event.
    Aml(Payload),
}

impl EventBuilder {
    /// Begins with what both schemas require: `eventType` or `type`, `topic` or `source`, and `id`. The topic is required for
    /// custom topics too.
    #[must_use]
    pub fn new(event_type: &str, source: &str, id: &str) -> Self {
        Self::without_id(event_type, source).with_id(id)
    }

    fn without_id(event_type: &str, source: &str) -> Self {
        Self {
            event_type: event_type.to_owned(),
            source: source.to_owned(),
            id: None,
            subject: None,
            time: None,
            data: None,
            data_base64: None,
            datacontenttype: None,
            data_version: String::new(),
            extensions: BTreeMap::new(),
            fault: None,
        }
    }

    /// Sets `id`, required: unique together with the source.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// Sets `subject`; the Event Grid schema requires it.
    #[must_use]
    pub fn with_subject(mut self, subject: &str) -> Self {
        self.subject = Some(subject.to_owned());
        self
    }

    /// Sets `eventTime` or `time`, RFC 3339 with at most nine fraction digits, written as it is given; the Event Grid schema
    /// requires it.
    #[must_use]
    pub fn with_time(mut self, time: &str) -> Self {
        self.time = Some(time.to_owned());
        self
    }

    /// Sets `data`; the Event Grid schema requires it.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Value>) -> Self {
        self.data = Some(Data::Text(data.into().to_string()));
        self
    }

    /// Sets `data` to JSON text, which is written byte for byte: order and repetition of keys, white space, digits of numbers.
    /// Only the white space around it is no part of it.
    #[must_use]
    pub fn with_data_text(mut self, json: &str) -> Self {
        self.data = Some(Data::Text(json.to_owned()));
        self
    }

    /// Sets `data_base64`, the padded base64 of RFC 4648, instead of `data`. CloudEvents only.
    #[must_use]
    pub fn with_data_base64(mut self, base64: &str) -> Self {
        self.data_base64 = Some(base64.to_owned());
        self
    }

    /// Sets `datacontenttype`, such as `application/json`, which is also what its absence says. CloudEvents only.
    #[must_use]
    pub fn with_datacontenttype(mut self, media_type: &str) -> Self {
        self.datacontenttype = Some(media_type.to_owned());
        self
    }

    /// Sets `dataVersion`, empty by default. CloudEvents have none, and leave it out.
    #[must_use]
    pub fn with_data_version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.data_version);
        self
    }

    /// Sets an extension attribute: a text, a boolean, or a whole number of 32 bits. CloudEvents only.
    ///
    /// The name has lower-case ASCII letters and digits, and is none of the schema's own. More than 20 characters are taken,
    /// since the specification only advises against them, and Event Grid's own `lastdeliveryattempttime` has 23.
    #[must_use]
    pub fn with_extension(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// One element in the Event Grid schema, as JSON text.
    ///
    /// # Errors
    /// - `topic`, `subject`, `eventType`, `eventTime`, `id` or `data` is missing or empty, or `data` is null.
    /// - `eventTime` is not RFC 3339, or `data` is not JSON.
    /// - Something is set that only CloudEvents have.
    /// - The event has more than [`MAX_EVENT_BYTES`], or is beyond the default [`Limits`](crate::Limits) of reading.
    /// - A payload of Azure ML lacks what its type has.
    pub fn build_event_grid(&self) -> Result<String, InvalidEvent> {
        const ONLY_CLOUD: &str = "nothing, as only CloudEvents have it";
        if let Some((name, value)) = self.extensions.iter().next() {
            return Err(InvalidEvent::new(
                cut(name),
                ONLY_CLOUD,
                kind_of(&value.to_string()),
            ));
        }
        for (name, text) in [
            ("data_base64", &self.data_base64),
            ("datacontenttype", &self.datacontenttype),
        ] {
            if let Some(text) = text {
                return Err(InvalidEvent::new(name, ONLY_CLOUD, shown(text)));
            }
        }
        let data = match self.data_text()?.as_deref() {
            Some(data) if data != "null" => data.to_owned(),
            other => {
                return Err(InvalidEvent::new(
                    "data",
                    "a JSON value",
                    other.unwrap_or("nothing"),
                ));
            }
        };
        let mut object = Object::default();
        object.text(
            event_grid::SOURCE,
            filled(event_grid::SOURCE, Some(&self.source))?,
        );
        object.text("subject", filled("subject", self.subject.as_deref())?);
        object.text(
            event_grid::TYPE,
            filled(event_grid::TYPE, Some(&self.event_type))?,
        );
        object.text(event_grid::TIME, rfc3339(event_grid::TIME, self.time.as_deref())?);
        object.text("id", filled("id", self.id.as_deref())?);
        object.raw("data", &data);
        object.text("dataVersion", &self.data_version);
        object.text("metadataVersion", "1");
        self.finish(object)
    }

    /// One element in the CloudEvents schema, as JSON text.
    ///
    /// # Errors
    /// - `id`, `source` or `type` is missing or empty; `subject` or `datacontenttype` is there and empty.
    /// - `time` is not RFC 3339, `data` is not JSON, or `data_base64` is not base64.
    /// - There are both `data` and `data_base64`.
    /// - An extension has a name or a value that the specification does not allow.
    /// - The event has more than [`MAX_EVENT_BYTES`], or is beyond the default [`Limits`](crate::Limits) of reading.
    /// - A payload of Azure ML lacks what its type has.
    pub fn build_cloud_event(&self) -> Result<String, InvalidEvent> {
        let data = self.data_text()?;
        let mut object = Object::default();
        object.text(cloud_event::SPEC_VERSION, "1.0");
        object.text("id", filled("id", self.id.as_deref())?);
        object.text(
            cloud_event::SOURCE,
            filled(cloud_event::SOURCE, Some(&self.source))?,
        );
        object.text(
            cloud_event::TYPE,
            filled(cloud_event::TYPE, Some(&self.event_type))?,
        );
        if let Some(subject) = &self.subject {
            object.text("subject", filled("subject", Some(subject))?);
        }
        if let Some(time) = &self.time {
            object.text(cloud_event::TIME, rfc3339(cloud_event::TIME, Some(time))?);
        }
        if let Some(media_type) = &self.datacontenttype {
            object.text("datacontenttype", filled("datacontenttype", Some(media_type))?);
        }
        for (name, value) in &self.extensions {
            check_extension(name, value)?;
            object.raw(name, &value.to_string());
        }
        match (data, &self.data_base64) {
            (Some(data), None) => object.raw("data", &data),
            (None, Some(text)) if base64::decode(text).is_some() => object.text("data_base64", text),
            (None, Some(other)) => return Err(InvalidEvent::new("data_base64", "base64", shown(other))),
            (Some(_), Some(base64)) => {
                return Err(InvalidEvent::new(
                    "data_base64",
                    "nothing beside data",
                    shown(base64),
                ));
            }
            (None, None) => {}
        }
        self.finish(object)
    }

    /// `data` as one JSON value, without white space around it.
    fn data_text(&self) -> Result<Option<String>, InvalidEvent> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        let text = match &self.data {
            Some(Data::Text(text)) => text,
            Some(Data::Aml(payload)) => return Ok(Some(payload.to_json())),
            None => return Ok(None),
        };
        let mut scan = Scan::new(text);
        match scan.value() {
            Ok(value) if scan.is_at_end() => Ok(Some(value.json.to_owned())),
            _ => Err(InvalidEvent::new("data", "a JSON value", shown(text))),
        }
    }

    /// Reads what was written: nothing goes out that would not come in.
    fn finish(&self, object: Object) -> Result<String, InvalidEvent> {
        let text = object.close();
        if text.len() > MAX_EVENT_BYTES {
            let found = format!("{} bytes", text.len());
            return Err(InvalidEvent::new("element", "at most 1048576 bytes", found));
        }
        let event = Event::parse_element(&text)?;
        if matches!(self.data, Some(Data::Aml(_))) {
            event.aml()?;
        }
        Ok(text)
    }
}

/// The event as a CloudEvent, as JSON text, by the mapping that Event Grid documents: `topic` is `source`, `eventType` is `type`,
/// `eventTime` is `time`, all as they were written, and `data` byte for byte. `dataVersion`, `metadataVersion` and whatever the
/// mapping does not name are left out. A CloudEvent comes back as it is; the way back does not exist.
///
/// A payload that was sent as JSON inside a text stays one, and CloudEvents never read such a text again.
///
/// Source: facts of 2026-11-22, section 2.1.
#[must_use]
pub fn to_cloud_event(event: &Event<'_>) -> String {
    if event.schema() == EventSchema::CloudEvents {
        return event.raw().to_owned();
    }
    let mut object = Object::default();
    object.text(cloud_event::SPEC_VERSION, "1.0");
    object.text("id", event.id());
    object.text(cloud_event::SOURCE, event.source());
    object.text(cloud_event::TYPE, event.event_type().as_str());
    if let Some(subject) = event.subject() {
        object.text("subject", subject);
    }
    if let Some(time) = event.time() {
        object.text(cloud_event::TIME, time.as_str());
    }
    if let Some(data) = event.data_text() {
        object.raw("data", data);
    }
    object.close()
}

/// A JSON object as it is written.
#[derive(Debug, Default)]
struct Object(String);

impl Object {
    fn text(&mut self, name: &str, text: &str) {
        self.raw(name, &Value::from(text).to_string());
    }

    fn raw(&mut self, name: &str, json: &str) {
        let before = if self.0.is_empty() { "{" } else { "," };
        for part in [before, "\"", name, "\":", json] {
            self.0.push_str(part);
        }
    }

    fn close(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests;
