//! **Here**: [`DeadLetter`]: an event that Event Grid gave up, read back into the event and why it died.
//! **Not here**: fetching dead letters from storage (the host).
//! **Reads**: `event`; what it gives can be delivered again.
//! **Source**: <https://learn.microsoft.com/azure/event-grid/delivery-and-retry>, read 2026-11-22. The Event Grid schema adds members in
//! camelCase, CloudEvents the same in lower case; the documented CloudEvent has no `specversion`.

use serde_json::value::to_raw_value;

use crate::envelope::{EventSchema, Members};
use crate::event::Event;
use crate::time::EventTime;

/// What Event Grid adds to an event that it gave up.
const ADDED: [&str; 5] = [
    "deadLetterReason",
    "deliveryAttempts",
    "lastDeliveryOutcome",
    "publishTime",
    "lastDeliveryAttemptTime",
];

/// Why an event was given up. A blob of dead letters is an array of such elements, which [`Batch`](crate::Batch) reads.
///
/// Shape: `{…the event…, "deadLetterReason": "MaxDeliveryAttemptsExceeded", "deliveryAttempts": 30, "lastDeliveryOutcome": "NotFound",
/// "publishTime": "…", "lastDeliveryAttemptTime": "…"}`; in lower case in a CloudEvent.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// `deadLetterReason`: JSON text, such as `MaxDeliveryAttemptsExceeded`.
    pub reason: String,
    /// `deliveryAttempts`: JSON number.
    pub delivery_attempts: Option<u32>,
    /// `lastDeliveryOutcome`: JSON text, such as `NotFound`, `TimedOut`, `Busy`, `Probation`.
    pub last_delivery_outcome: Option<String>,
    /// `publishTime`.
    pub publish_time: Option<EventTime<'static>>,
    /// `lastDeliveryAttemptTime`, which the documented CloudEvent lacks.
    pub last_delivery_attempt_time: Option<EventTime<'static>>,
    original: String,
}

impl DeadLetter {
    /// Why this event was given up; none for an event that was not.
    pub(crate) fn read(event: &Event<'_>) -> Option<Self> {
        let members = Members::read(event.raw()).ok()?;
        let text = |name: &str| {
            members
                .text(name)
                .ok()
                .flatten()
                .map(std::borrow::Cow::into_owned)
        };
        let time = |name: &str| EventTime::parse(&text(name)?).ok().map(EventTime::into_owned);
        let [reason, attempts, outcome, published, last_attempt] = ADDED;
        Some(Self {
            reason: text(reason)?,
            delivery_attempts: members.get(attempts).and_then(|value| value.json.parse().ok()),
            last_delivery_outcome: text(outcome),
            publish_time: time(published),
            last_delivery_attempt_time: time(last_attempt),
            original: original(event, &members),
        })
    }

    /// The element as it was before it died, every other member byte for byte: deliver it, and it is the same event with the
    /// same key. A CloudEvent without `specversion` gets `"1.0"`.
    #[must_use]
    pub fn original_json(&self) -> &str {
        &self.original
    }
}

fn original(event: &Event<'_>, members: &Members<'_>) -> String {
    let mut json = String::from("{");
    let mut add = |name: &str, value: &str| {
        let Ok(name) = to_raw_value(name) else { return };
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(name.get());
        json.push(':');
        json.push_str(value);
    };
    if event.schema() == EventSchema::CloudEvents && members.get("specversion").is_none() {
        add("specversion", "\"1.0\"");
    }
    for (name, value) in members.iter() {
        if !ADDED.iter().any(|added| added.eq_ignore_ascii_case(name)) {
            add(name, value.json);
        }
    }
    json.push('}');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_both_schemas_read_back() {
        let check = |raw: &str, expect: &str, attempts, last: bool| {
            let event = Event::parse_element(raw).unwrap();
            let letter = event.dead_letter().unwrap();
            assert_eq!(letter.reason, "MaxDeliveryAttemptsExceeded");
            assert_eq!(letter.delivery_attempts, attempts);
            assert_eq!(letter.last_delivery_outcome.as_deref(), Some("NotFound"));
            assert_eq!(
                letter.publish_time.as_ref().unwrap().as_str(),
                "2026-11-22T10:03:00.5050505Z"
            );
            assert_eq!(letter.last_delivery_attempt_time.is_some(), last);
            assert_eq!(letter.original_json(), expect);
            let again = Event::parse_element(letter.original_json()).unwrap();
            assert_eq!((again.key(), again.data_text()), (event.key(), event.data_text()));
            assert_eq!(again.dead_letter(), None);
        };
        check(
            r#"{"id":"1","topic":"/t","eventType":"x","data":{"n":1.10, "b":0},"deadLetterReason":"MaxDeliveryAttemptsExceeded","deliveryAttempts":30,"lastDeliveryOutcome":"NotFound","publishTime":"2026-11-22T10:03:00.5050505Z","lastDeliveryAttemptTime":"2026-11-22T10:04:00Z"}"#,
            r#"{"id":"1","topic":"/t","eventType":"x","data":{"n":1.10, "b":0}}"#,
            Some(30),
            true,
        );
        check(
            r#"{"id":"1","source":"/t","type":"x","deadletterreason":"MaxDeliveryAttemptsExceeded","deliveryattempts":5,"lastdeliveryoutcome":"NotFound","publishtime":"2026-11-22T10:03:00.5050505Z","a\"b":null}"#,
            r#"{"specversion":"1.0","id":"1","source":"/t","type":"x","a\"b":null}"#,
            Some(5),
            false,
        );
    }

    #[test]
    fn ok_what_did_not_die_is_no_dead_letter_and_oddities_leave_the_reason() {
        let of = |raw: &str| Event::parse_element(raw).unwrap().dead_letter();
        assert_eq!(
            of(r#"{"id":"1","topic":"/t","eventType":"x","deliveryAttempts":3}"#),
            None
        );
        let odd = of(r#"{"id":"1","topic":"/t","eventType":"x","deadLetterReason":"R","deliveryAttempts":"many","publishTime":"soon"}"#).unwrap();
        assert_eq!(
            (odd.reason.as_str(), odd.delivery_attempts, odd.publish_time),
            ("R", None, None)
        );
    }
}
