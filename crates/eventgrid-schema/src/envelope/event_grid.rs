//! **Here**: the Event Grid schema, field for field.
//! **Not here**: which of the schemas an element is (`envelope`).
//! **Reads**: members; gives attributes.
//! **Source**: <https://learn.microsoft.com/azure/event-grid/event-schema>, read 2026-11-22. `dataVersion` and `metadataVersion` may be
//! empty or missing; nothing depends on them.

use super::{EventSchema, Fields, field};

/// What this schema calls what both have.
pub(super) const FIELDS: Fields = Fields {
    schema: EventSchema::EventGrid,
    // `specversion`, which this schema does not have.
    version: field(3),
    // `eventType`: JSON text.
    event_type: field(8),
    // `topic`: JSON text, an ARM id.
    source: field(7),
    // `eventTime`: JSON text, RFC 3339.
    time: field(9),
};

/// The members that are attributes of the schema itself.
pub(crate) const KNOWN: [&str; 8] = [
    "topic",
    "subject",
    "eventType",
    "eventTime",
    "id",
    "data",
    "dataVersion",
    "metadataVersion",
];
