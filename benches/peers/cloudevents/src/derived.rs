//! **Here**: the structs that a user derives for such events, as he would write them: owned, borrowed, time as text or as instant.
//! **Not here**: who reads them (`contenders`).
//! **Reads**: what `serde_json` gives.
//! **Source**: the fields of the Event Grid schema and of CloudEvents 1.0, as in the crate's own `envelope` files.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use time::OffsetDateTime;

use crate::input::{Sum, TAGS};

/// A time as it is written.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text(pub(crate) String);

/// A time as an instant; its text is gone.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Instant(#[serde(with = "time::serde::rfc3339")] pub(crate) OffsetDateTime);

/// An event in the Event Grid schema, owned.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "a user's struct has what the event has")]
pub(crate) struct GridEvent<T> {
    pub(crate) id: String,
    pub(crate) topic: String,
    pub(crate) subject: String,
    pub(crate) event_type: String,
    pub(crate) event_time: T,
    pub(crate) data: Model,
    pub(crate) data_version: String,
    pub(crate) metadata_version: String,
}

/// A CloudEvent, owned.
#[derive(Deserialize)]
#[expect(dead_code, reason = "a user's struct has what the event has")]
pub(crate) struct CloudEvent<T> {
    pub(crate) specversion: String,
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) r#type: String,
    pub(crate) subject: Option<String>,
    pub(crate) time: T,
    pub(crate) data: Model,
}

/// The payload, owned.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "a user's struct has what the payload has")]
pub(crate) struct Model {
    pub(crate) model_name: String,
    pub(crate) model_version: String,
    pub(crate) model_tags: HashMap<String, String>,
    pub(crate) model_properties: HashMap<String, Value>,
}

/// The envelope of the Event Grid schema, borrowed from the body where nothing is escaped; `data` stays text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "a user's struct has what the event has")]
pub(crate) struct GridView<'a> {
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) topic: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) subject: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) event_type: Cow<'a, str>,
    pub(crate) event_time: Instant,
    #[serde(borrow)]
    pub(crate) data: &'a RawValue,
    #[serde(borrow)]
    pub(crate) data_version: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) metadata_version: Cow<'a, str>,
}

/// The envelope of a CloudEvent, borrowed from the body where nothing is escaped; `data` stays text.
#[derive(Deserialize)]
#[expect(dead_code, reason = "a user's struct has what the event has")]
pub(crate) struct CloudView<'a> {
    #[serde(borrow)]
    pub(crate) specversion: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) source: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) r#type: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) subject: Option<Cow<'a, str>>,
    pub(crate) time: Instant,
    #[serde(borrow)]
    pub(crate) data: &'a RawValue,
}

/// A time, as an instant if it is one.
pub(crate) trait Time {
    /// The sum of the envelope with this time.
    fn add_to(&self, envelope: Sum) -> Sum;
}

impl Time for Text {
    fn add_to(&self, envelope: Sum) -> Sum {
        assert!(!self.0.is_empty(), "a time");
        envelope
    }
}

impl Time for Instant {
    fn add_to(&self, envelope: Sum) -> Sum {
        envelope.with_instant(self.0.unix_timestamp(), self.0.nanosecond())
    }
}

impl<T: Time> GridEvent<T> {
    pub(crate) fn sum(&self) -> Sum {
        let n = self.id.len() + self.topic.len() + self.event_type.len() + self.subject.len();
        self.event_time
            .add_to(Sum::of_envelope(n))
            .with_payload(self.data.sum())
    }
}

impl<T: Time> CloudEvent<T> {
    pub(crate) fn sum(&self) -> Sum {
        let subject = self.subject.as_ref().map_or(0, String::len);
        let n = self.id.len() + self.source.len() + self.r#type.len() + subject;
        self.time
            .add_to(Sum::of_envelope(n))
            .with_payload(self.data.sum())
    }
}

impl Model {
    pub(crate) fn sum(&self) -> usize {
        let tags = TAGS.iter().map(|tag| self.model_tags[*tag].len());
        self.model_name.len() + self.model_version.len() + tags.sum::<usize>()
    }
}

impl GridView<'_> {
    pub(crate) fn envelope(&self) -> Sum {
        let n = self.id.len() + self.topic.len() + self.event_type.len() + self.subject.len();
        self.event_time.add_to(Sum::of_envelope(n))
    }
}

impl CloudView<'_> {
    pub(crate) fn envelope(&self) -> Sum {
        let subject = self.subject.as_deref().map_or(0, str::len);
        let n = self.id.len() + self.source.len() + self.r#type.len() + subject;
        self.time.add_to(Sum::of_envelope(n))
    }
}
