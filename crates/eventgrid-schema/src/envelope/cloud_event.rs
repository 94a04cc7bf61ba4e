//! **Here**: CloudEvents 1.0 in JSON, field for field.
//! **Not here**: which of the schemas an element is (`envelope`).
//! **Reads**: members; gives attributes.
//! **Source**: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>, read 2026-11-22. Official examples
//! spell `specVersion`, and dead-lettered events have none.

use super::{EventSchema, Fields, field};

/// What this schema calls what both have.
pub(super) const FIELDS: Fields = Fields {
    schema: EventSchema::CloudEvents,
    // `specversion`: JSON text, `1.0`.
    version: field(3),
    // `type`: JSON text.
    event_type: field(5),
    // `source`: JSON text, for Azure an ARM id.
    source: field(4),
    // `time`: JSON text, RFC 3339.
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
