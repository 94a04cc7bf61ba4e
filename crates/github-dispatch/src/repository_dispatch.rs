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
#[derive(Clone, Debug, PartialEq)]
pub struct RepositoryDispatch {
    event_type: DispatchEventType,
    client_payload: Map<String, Value>,
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
        let dispatch = Self {
            event_type,
            client_payload,
        };
        let found = dispatch.escaped_size();
        if found > DEFAULT_PAYLOAD_CAP_BYTES {
            return Err(InvalidDispatch::TooLarge { found });
        }
        Ok(dispatch)
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
        serde_json::json!({ "event_type": self.event_type.as_str(), "client_payload": self.client_payload })
            .to_string()
            .into_bytes()
    }

    /// The size of the payload if GitHub writes it again with every character beyond ASCII as `\uXXXX`.
    fn escaped_size(&self) -> usize {
        let text = Value::Object(self.client_payload.clone()).to_string();
        text.chars()
            .map(|c| if c.is_ascii() { 1 } else { 6 * c.len_utf16() })
            .sum()
    }
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
    }
}
