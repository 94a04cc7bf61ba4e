//! **Here**: status, headers and body to a typed result or an [`Error`], purely.
//! **Not here**: fetching them (`send`), the shapes (`wire`).
//! **Reads**: `send` before it; `ops` returns what it says.
//! **Source**: Azure/azure-rest-api-specs `ModelVersions_Get` (200 is its only success), the resource provider contract
//! (error body, request ids, throttling) and Azure/azure-sdk-for-python issue 33978 (Azure ML's nested codes), read 2026-11-22.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Advice, Answer, Error, ErrorKind};
use crate::retry_after::retry_after;

/// The JSON of a 200 or 201; anything else is an error.
pub(crate) fn json<T: DeserializeOwned>(response: &Response<Vec<u8>>, now: SystemTime) -> Result<T, Error> {
    match response.status() {
        StatusCode::OK | StatusCode::CREATED => decode(response, now),
        _ => Err(refusal(response, now)),
    }
}

/// Nothing of a 200, 202 or 204; anything else is an error.
pub(crate) fn done(response: &Response<Vec<u8>>, now: SystemTime) -> Result<(), Error> {
    match response.status().as_u16() {
        200 | 202 | 204 => Ok(()),
        _ => Err(refusal(response, now)),
    }
}

pub(crate) fn decode<T: DeserializeOwned>(response: &Response<Vec<u8>>, now: SystemTime) -> Result<T, Error> {
    // One check of the whole body costs less than one for each text in it.
    let read = match std::str::from_utf8(response.body()) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(response.body()),
    };
    read.map_err(|e| {
        // serde_json quotes what it found, and bodies do not go into texts: only the place is kept.
        let what = if e.is_data() {
            "json of another shape"
        } else {
            "no json"
        };
        let message = format!("the answer is {what} at line {} column {}", e.line(), e.column());
        Error::new(ErrorKind::Decode, Advice::GiveUp, message).with_answer(answer(response, now))
    })
}

/// Everything but the expected success.
///
/// | status | kind | advice |
/// | --- | --- | --- |
/// | another 2xx | `Decode` | `GiveUp` |
/// | 3xx (not followed) | `Status` | `Block` |
/// | 401, 403 | `Auth` | `Block` |
/// | 404 | `NotFound` | `GiveUp`: it may only lag |
/// | 408 | `Status` | `Unknown` |
/// | 429 | `Throttled` | `Throttled` |
/// | another 4xx with `Retry-After` | `Status` | `Throttled` |
/// | another 4xx | `Status` | `GiveUp` |
/// | 5xx and anything else | `Status` | `Unknown`; `retry_after()` tells what the service asked for |
pub(crate) fn refusal(response: &Response<Vec<u8>>, now: SystemTime) -> Error {
    let status = response.status();
    let answer = answer(response, now);
    let until = |wait: Duration| Advice::Throttled {
        until: now.checked_add(wait).unwrap_or(now),
    };
    let (kind, advice) = match (status.as_u16(), answer.retry_after) {
        (200..=299, _) => (ErrorKind::Decode, Advice::GiveUp),
        (300..=399, _) => (ErrorKind::Status, Advice::Block),
        (401 | 403, _) => (ErrorKind::Auth, Advice::Block),
        (404, _) => (ErrorKind::NotFound, Advice::GiveUp),
        (429, wait) => (ErrorKind::Throttled, until(wait.unwrap_or(DEFAULT_WAIT))),
        (408, _) => (ErrorKind::Status, Advice::Unknown),
        (400..=499, Some(wait)) => (ErrorKind::Status, until(wait)),
        (400..=499, None) => (ErrorKind::Status, Advice::GiveUp),
        _ => (ErrorKind::Status, Advice::Unknown),
    };
    Error::new(kind, advice, format!("azure ml answered {}", status.as_u16())).with_answer(answer)
}

pub(crate) fn answer(response: &Response<Vec<u8>>, now: SystemTime) -> Answer {
    let headers = response.headers();
    Answer {
        status: response.status(),
        service_code: (!response.status().is_success())
            .then(|| service_code(response.body()))
            .flatten(),
        request_id: id(headers, "x-ms-request-id"),
        correlation_id: id(headers, "x-ms-correlation-request-id"),
        retry_after: retry_after(headers, now),
    }
}

/// A header that holds an id. Anything else is not worth a place in a log line.
fn id(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    is_word(text).then(|| text.to_owned())
}

/// The outermost useful code: breadth first through `details`, `innererror` and Azure ML's `InnerError`; the outer
/// code where all are general. An answer that is not JSON (a gateway's page) has none.
pub(crate) fn service_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    // MLflow has a form of its own.
    if let Some(code) = body.get("error_code").and_then(Value::as_str) {
        return is_word(code).then(|| code.to_owned());
    }
    let root = body
        .get("error")
        .filter(|error| error.is_object())
        .unwrap_or(&body);
    let mut first = None;
    let mut queue = VecDeque::from([root]);
    let mut left = MAX_ERRORS_READ;
    while let Some(error) = queue.pop_front().filter(|_| left > 0) {
        left -= 1;
        if let Some(code) = error
            .get("code")
            .and_then(Value::as_str)
            .filter(|code| is_word(code))
        {
            if !GENERAL_CODES
                .iter()
                .any(|general| code.eq_ignore_ascii_case(general))
            {
                return Some(code.to_owned());
            }
            first.get_or_insert(code);
        }
        queue.extend(array(error, "details"));
        queue.extend(
            ["innererror", "innerError"]
                .iter()
                .filter_map(|key| error.get(key)),
        );
        let inner = array(error, "additionalInfo").filter(|info| {
            info.get("type")
                .and_then(Value::as_str)
                .is_some_and(|kind| kind.eq_ignore_ascii_case("InnerError"))
        });
        queue.extend(inner.filter_map(|info| info.pointer("/info/value")));
    }
    first.map(str::to_owned)
}

fn array<'a>(error: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    error.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn is_word(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

/// Codes that only say whose fault it is.
const GENERAL_CODES: [&str; 3] = ["UserError", "SystemError", "ServiceError"];

/// A body may nest as deep as it likes; nobody reads further than this.
const MAX_ERRORS_READ: usize = 64;

/// The wait after a 429 that names none: our choice, since the service documents no default.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(body: &Value, expect: Option<&str>) {
        assert_eq!(
            service_code(body.to_string().as_bytes()).as_deref(),
            expect,
            "{body}"
        );
    }

    #[test]
    fn ok_the_outer_code_where_it_says_something() {
        check(
            &json!({"error": {"code": "ResourceNotFound", "details": [{"code": "Deeper"}]}}),
            Some("ResourceNotFound"),
        );
        check(&json!({"code": "BareCode", "message": "m"}), Some("BareCode"));
    }

    #[test]
    fn ok_a_better_one_below_a_general_one() {
        check(
            &json!({"error": {"code": "UserError", "details": [{"code": "ModelNotFound"}]}}),
            Some("ModelNotFound"),
        );
        check(
            &json!({"error": {"code": "UserError", "innererror": {"code": "BadArgument", "innererror": {"code": "X"}}}}),
            Some("BadArgument"),
        );
        check(
            &json!({"error": {"code": "usererror", "additionalInfo": [
                {"type": "ComponentName", "info": {"value": "managementfrontend"}},
                {"type": "InnerError", "info": {"value": {"code": "UserError", "innerError": {"code": "NotFound"}}}},
            ]}}),
            Some("NotFound"),
        );
        check(
            &json!({"error": {"code": "UserError", "details": [{"code": "UserError", "details": [{"code": "Deep"}]}, {"code": "Near"}]}}),
            Some("Near"),
        );
    }

    #[test]
    fn ok_the_outer_one_where_all_are_general() {
        check(
            &json!({"error": {"code": "UserError", "details": [{"code": "SystemError"}]}}),
            Some("UserError"),
        );
    }

    #[test]
    fn ok_none_where_there_is_none() {
        for body in [
            json!(null),
            json!([]),
            json!({"error": "text"}),
            json!({"error": {"code": 7}}),
            json!({"error": {"code": ""}}),
        ] {
            check(&body, None);
        }
        check(&json!({"error": {"code": "a b\nc"}}), None);
        assert_eq!(service_code(b"<html>Bad gateway</html>"), None);
    }

    #[test]
    fn ok_reading_is_bounded() {
        let mut error = json!({"code": "Deepest"});
        for _ in 0..60 {
            error = json!({"code": "UserError", "details": [error.clone(), error]});
            if error.to_string().len() > 100_000 {
                break;
            }
        }
        check(&error, Some("UserError"));
    }
}
