//! **Here**: what a single value of an event must be to be written.
//! **Not here**: which values an event must have (`builder`).
//! **Reads**: what a caller set.
//! **Source**: RFC 3339, RFC 4648, and <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#naming-conventions>:
//! names of attributes, and the types that their values have.

use serde_json::Value;

use super::InvalidEvent;
use crate::envelope::cloud_event;
use crate::error::{cut, kind_of, shown};
use crate::time::EventTime;

/// A text that must be there and not be empty.
pub(super) fn filled<'a>(field: &str, text: Option<&'a str>) -> Result<&'a str, InvalidEvent> {
    match text {
        Some("") => Err(InvalidEvent::new(field, "a text that is not empty", "\"\"")),
        Some(text) => Ok(text),
        None => Err(InvalidEvent::new(field, "a text", "nothing")),
    }
}

/// A time that must be there. Stricter than reading, which takes more than RFC 3339 does.
pub(super) fn rfc3339<'a>(field: &str, time: Option<&'a str>) -> Result<&'a str, InvalidEvent> {
    let wrong = |found| Err(InvalidEvent::new(field, "an RFC 3339 time", found));
    match time {
        Some(time) if has_form_of_rfc3339(time.as_bytes()) && EventTime::parse(time).is_ok() => Ok(time),
        Some(other) => wrong(shown(other)),
        None => wrong("nothing".to_owned()),
    }
}

fn has_form_of_rfc3339(time: &[u8]) -> bool {
    let Some((head, tail)) = time.split_at_checked(19) else {
        return false;
    };
    let is_like = |(byte, like): (&u8, &u8)| match like {
        b'0' => byte.is_ascii_digit(),
        like => byte.eq_ignore_ascii_case(like),
    };
    let zone = match tail {
        [b'.', fraction @ ..] => {
            let n_digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            fraction.get(n_digits..)
        }
        _ => Some(tail),
    };
    let has_zone = match zone {
        Some([b'Z' | b'z']) => true,
        Some([b'+' | b'-', hours @ .., b':', b'0'..=b'5', ones]) => {
            matches!(hours, [b'0' | b'1', b'0'..=b'9'] | [b'2', b'0'..=b'3']) && ones.is_ascii_digit()
        }
        _ => false,
    };
    has_zone && head.iter().zip(b"0000-00-00T00:00:00").all(is_like)
}

pub(super) fn check_extension(name: &str, value: &Value) -> Result<(), InvalidEvent> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if cloud_event::KNOWN.contains(&name) {
        let expected = "a name that is not the schema's own";
        return Err(InvalidEvent::new("extension", expected, shown(name)));
    }
    if name.is_empty() || !name.bytes().all(is_plain) {
        let expected = "a name of lower-case letters and digits";
        return Err(InvalidEvent::new("extension", expected, shown(name)));
    }
    let is_allowed = match value {
        Value::String(_) | Value::Bool(_) => true,
        Value::Number(number) => number
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    if is_allowed {
        return Ok(());
    }
    let (expected, json) = (
        "a text, a boolean or a whole number of 32 bits",
        value.to_string(),
    );
    let found = if value.is_number() {
        cut(&json)
    } else {
        kind_of(&json)
    };
    Err(InvalidEvent::new(cut(name), expected, found))
}
