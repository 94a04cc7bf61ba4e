//! **Here**: [`RepositoryDispatch`]: an event type and a payload that GitHub's limits are proved for.
//! **Not here**: where it goes (`repo`), how it is sent (`request`).
//! **Reads**: configuration and values; `request` after it.
//! **Source**: <https://docs.github.com/rest/repos/repos#create-a-repository-dispatch-event> and GitHub's OpenAPI description
//! (1 to 100 characters, at most 10 properties, less than 64 KB in all), read 2026-11-22.

use std::fmt;

use serde_json::{Map, Value};

/// Top-level keys of `client_payload` that GitHub takes.
pub const MAX_PAYLOAD_KEYS: usize = 10;
/// Bytes of a serialised `client_payload` that GitHub takes.
pub const MAX_PAYLOAD_BYTES: usize = 65_535;
/// Bytes that we take: the exact measure of GitHub's check is not known, so there is head-room.
pub const DEFAULT_PAYLOAD_CAP_BYTES: usize = 60_000;
/// Characters of an event type that GitHub takes.
pub const MAX_EVENT_TYPE_CHARS: usize = 100;

/// A dispatch that GitHub would refuse.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDispatch {
    /// Too many top-level keys.
    #[error("client_payload has {found} top-level keys, and GitHub takes at most {MAX_PAYLOAD_KEYS}")]
    TooManyKeys {
        /// How many there are.
        found: usize,
    },
    /// Too many bytes.
    #[error("client_payload can take {found} bytes, and {DEFAULT_PAYLOAD_CAP_BYTES} are the limit")]
    TooLarge {
        /// How many it can take when everything beyond ASCII is escaped.
        found: usize,
    },
    /// An event type that is empty, too long, or holds control characters.
    #[error(
        "an event type has 1 to {MAX_EVENT_TYPE_CHARS} characters and no control characters, found {found}"
    )]
    EventType {
        /// How many characters it has.
        found: usize,
    },
}

/// The `event_type` of a dispatch: what the `types:` of a workflow are compared with, letter by letter.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DispatchEventType(String);

impl DispatchEventType {
    /// Reads an event type.
    ///
    /// # Errors
    /// It has not 1 to 100 characters, or holds control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidDispatch> {
        let found = text.chars().count();
        if found == 0 || found > MAX_EVENT_TYPE_CHARS || text.chars().any(char::is_control) {
            return Err(InvalidDispatch::EventType { found });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DispatchEventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One `repository_dispatch`, within GitHub's limits.
#[derive(Clone, PartialEq)]
pub struct RepositoryDispatch {
    event_type: DispatchEventType,
    client_payload: Map<String, Value>,
    /// Written one time, since the limits are proved on the same text that is sent.
    body: String,
}

impl RepositoryDispatch {
    /// A dispatch.
    ///
    /// # Errors
    /// More than 10 top-level keys, or more than 60,000 bytes when everything beyond ASCII is escaped.
    pub fn new(
        event_type: DispatchEventType,
        client_payload: Map<String, Value>,
    ) -> Result<Self, InvalidDispatch> {
        if client_payload.len() > MAX_PAYLOAD_KEYS {
            return Err(InvalidDispatch::TooManyKeys {
                found: client_payload.len(),
            });
        }
        // Texts as keys cannot fail; and if they could, this is the same text by a longer way.
        let payload = serde_json::to_string(&client_payload)
            .unwrap_or_else(|_| Value::Object(client_payload.clone()).to_string());
        let found = escaped_size(&payload);
        if found > DEFAULT_PAYLOAD_CAP_BYTES {
            return Err(InvalidDispatch::TooLarge { found });
        }
        let name = Value::from(event_type.as_str());
        let body = format!(r#"{{"client_payload":{payload},"event_type":{name}}}"#);
        Ok(Self {
            event_type,
            client_payload,
            body,
        })
    }

    /// The event type.
    #[must_use]
    pub const fn event_type(&self) -> &DispatchEventType {
        &self.event_type
    }

    /// The payload.
    #[must_use]
    pub const fn client_payload(&self) -> &Map<String, Value> {
        &self.client_payload
    }

    /// `relay.id` of the payload: what the run shows in its name, and is found by.
    #[must_use]
    pub fn relay_id(&self) -> Option<&str> {
        self.client_payload.get("relay")?.get("id")?.as_str()
    }

    /// The body that is sent: compact JSON.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.body.clone().into_bytes()
    }
}

impl fmt::Debug for RepositoryDispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body says the same again.
        f.debug_struct("RepositoryDispatch")
            .field("event_type", &self.event_type)
            .field("client_payload", &self.client_payload)
            .finish_non_exhaustive()
    }
}

/// The size of a payload if GitHub writes it again with every character beyond ASCII as `\uXXXX`.
fn escaped_size(payload: &str) -> usize {
    if payload.is_ascii() {
        return payload.len();
    }
    let size = |c: char| if c.is_ascii() { 1 } else { 6 * c.len_utf16() };
    payload.chars().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(n: usize, value: &str) -> Map<String, Value> {
        (0..n).map(|n| (format!("k{n}"), Value::from(value))).collect()
    }

    fn deploy() -> DispatchEventType {
        DispatchEventType::parse("deploy").unwrap()
    }

    #[test]
    fn ok_at_the_limits() {
        assert!(RepositoryDispatch::new(deploy(), payload(10, "x")).is_ok());
        assert!(RepositoryDispatch::new(deploy(), payload(0, "x")).is_ok());
        // {"k0":"…"} takes 9 bytes around the text.
        assert!(RepositoryDispatch::new(deploy(), payload(1, &"x".repeat(59_991))).is_ok());
        assert!(DispatchEventType::parse(&"é".repeat(100)).is_ok());
    }

    #[test]
    fn err_beyond_them() {
        let error = |n, text: &str| RepositoryDispatch::new(deploy(), payload(n, text)).unwrap_err();
        assert_eq!(error(11, "x"), InvalidDispatch::TooManyKeys { found: 11 });
        assert_eq!(
            error(1, &"x".repeat(59_992)),
            InvalidDispatch::TooLarge { found: 60_001 }
        );
        assert_eq!(
            error(1, &"é".repeat(10_000)),
            InvalidDispatch::TooLarge { found: 60_009 }
        );
        for text in ["", "a\nb", &"x".repeat(101)] {
            assert!(DispatchEventType::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn ok_golden_body() {
        let payload = serde_json::json!({"model_name": "m", "model_version": "3", "relay": {"id": "abc"}});
        let dispatch = RepositoryDispatch::new(
            DispatchEventType::parse("deploy_pipeline_action").unwrap(),
            payload.as_object().unwrap().clone(),
        );
        assert_eq!(
            String::from_utf8(dispatch.unwrap().body()).unwrap(),
            r#"{"client_payload":{"model_name":"m","model_version":"3","relay":{"id":"abc"}},"event_type":"deploy_pipeline_action"}"#
        );
        let quoted = DispatchEventType::parse(r#"say "é" \"#).unwrap();
        let payload = serde_json::json!({"a\"b": "\u{1}é😀", "n": [1, 1.5, null, true]});
        let dispatch = RepositoryDispatch::new(quoted, payload.as_object().unwrap().clone()).unwrap();
        let again: Value = serde_json::from_slice(&dispatch.body()).unwrap();
        let expect = serde_json::json!({"client_payload": payload, "event_type": r#"say "é" \"#});
        assert_eq!(
            (again, dispatch.body()),
            (expect.clone(), expect.to_string().into_bytes())
        );
    }
}
