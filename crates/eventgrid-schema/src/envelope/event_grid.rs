//! **Here**: the Event Grid schema, field for field.
//! **Not here**: which of the schemas an element is (`envelope`).
//! **Reads**: members; gives attributes.
//! **Source**: <https://learn.microsoft.com/azure/event-grid/event-schema>, read 2026-11-22. `dataVersion` and `metadataVersion` may be
//! empty or missing; nothing depends on them.

use super::{Attributes, EnvelopeError, EventSchema, Head, optional, required};

/// The event type: JSON text.
pub(crate) const TYPE: &str = "eventType";
/// The resource that sent it: JSON text, an ARM id.
pub(crate) const SOURCE: &str = "topic";
/// The time: JSON text, RFC 3339.
pub(crate) const TIME: &str = "eventTime";

pub(super) fn read<'a>(head: &Head<'a>) -> Result<Attributes<'a>, EnvelopeError> {
    Ok(Attributes {
        schema: EventSchema::EventGrid,
        event_type: required(head, TYPE)?,
        id: required(head, "id")?,
        source: required(head, SOURCE)?,
        subject: optional(head, "subject")?,
        time: optional(head, TIME)?,
        time_field: TIME,
    })
}

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
