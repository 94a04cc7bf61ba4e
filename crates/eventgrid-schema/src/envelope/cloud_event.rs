//! **Here**: CloudEvents 1.0 in JSON, field for field.
//! **Not here**: which of the schemas an element is (`envelope`).
//! **Reads**: members; gives attributes.
//! **Source**: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>, read 2026-11-22. Official examples
//! spell `specVersion`, and dead-lettered events have none.

use super::{EventSchema, Fields, field};

/// The version of the specification: JSON text, `1.0`.
pub(crate) const SPEC_VERSION: &str = "specversion";
/// The event type: JSON text.
pub(crate) const TYPE: &str = "type";
/// What sent it: JSON text, for Azure an ARM id.
pub(crate) const SOURCE: &str = "source";
/// The time: JSON text, RFC 3339.
pub(crate) const TIME: &str = "time";

/// What this schema calls what both have.
pub(super) const FIELDS: Fields = Fields {
    schema: EventSchema::CloudEvents,
    version: field(3),
    event_type: field(5),
    source: field(4),
    time: field(6),
};

/// The members that are attributes of the schema itself; all others are extensions.
pub(crate) const KNOWN: [&str; 10] = [
    "id",
    "source",
    "specversion",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
    "data_base64",
];
