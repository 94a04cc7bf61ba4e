//! **Here**: the Event Grid schema, field for field.
//! **Not here**: which of the schemas an element is (`envelope`).
//! **Reads**: members; gives attributes.
//! **Source**: <https://learn.microsoft.com/azure/event-grid/event-schema>, read 2026-11-22. `dataVersion` and `metadataVersion` may be
//! empty or missing; nothing depends on them.

use super::{EventSchema, Fields, field};

/// The event type: JSON text.
pub(crate) const TYPE: &str = "eventType";
/// The resource that sent it: JSON text, an ARM id.
pub(crate) const SOURCE: &str = "topic";
/// The time: JSON text, RFC 3339.
pub(crate) const TIME: &str = "eventTime";

/// What this schema calls what both have.
pub(super) const FIELDS: Fields = Fields {
    schema: EventSchema::EventGrid,
    version: field(3),
    event_type: field(8),
    source: field(7),
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
