//! **Here**: status, headers and body to a result, or an [`Error`] with advice. Pure.
//! **Not here**: transport errors (`send`), moments of limits (`rate_limit`).
//! **Reads**: what `send` brings; every call of the client after it.
//! **Source**: <https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api> and observed answers, read 2026-11-22.

use std::time::SystemTime;

use http::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Advice, BlockScope, Error, ErrorKind};
use crate::rate_limit::{LimitKind, exhausted_until, limit_kind, throttled_until};

/// How much of GitHub's message is kept, in bytes.
const MESSAGE_BYTES: usize = 256;

/// What no text may show: the token of the request, which a server, or a proxy before it, may repeat in its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hidden(Option<SecretString>);

impl Hidden {
    #[cfg(feature = "client")]
    pub(crate) const fn new(token: SecretString) -> Self {
        Self(Some(token))
    }

    /// The text, with stars for each occurrence of the token.
    pub(crate) fn out_of(&self, text: &str) -> String {
        match self.0.as_ref().map(ExposeSecret::expose_secret) {
            // A text that is shorter cannot hold it, and most are.
            Some(token) if !token.is_empty() && text.len() >= token.len() => text.replace(token, "***"),
            _ => text.to_owned(),
        }
    }
}

/// GitHub accepted the dispatch. Nothing ran yet, and perhaps nothing will: ask for its run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Accepted {
    /// `x-github-request-id`.
    pub request_id: Option<String>,
    /// Nothing of the primary limit remains until then, by our clock; never later than in a day.
    pub exhausted_until: Option<SystemTime>,
}

/// GitHub accepted a workflow dispatch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct WorkflowAccepted {
    /// What every accepted dispatch has.
    pub accepted: Accepted,
    /// The run it started, where GitHub names it: see
    /// [`with_run_details`](crate::WorkflowDispatch::with_run_details).
    pub run: Option<StartedRun>,
}

/// The run that GitHub names in its answer.
///
/// Shape: `{"workflow_run_id": 30000000001, "run_url": "…", "html_url": "…"}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct StartedRun {
    /// `workflow_run_id`: JSON integer of up to 64 bits.
    #[serde(rename = "workflow_run_id")]
    pub id: u64,
    /// `html_url`: where a person looks at it.
    #[serde(default)]
    pub html_url: Option<String>,
}

/// Reads the answer to a workflow dispatch: any 2xx is success, and a body that names no run takes nothing from it.
///
/// # Errors
/// Any other status, with the advice that follows from it.
pub fn read_workflow_dispatch(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<WorkflowAccepted, Error> {
    workflow_dispatched(status, headers, body, now, &Hidden::default())
}

/// As [`read_workflow_dispatch`], for an answer that may repeat what has to be hidden.
pub(crate) fn workflow_dispatched(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
    hidden: &Hidden,
) -> Result<WorkflowAccepted, Error> {
    Ok(WorkflowAccepted {
        accepted: dispatched(status, headers, body, now, hidden)?,
        // serde would take an array for the struct as well.
        run: body
            .trim_ascii_start()
            .starts_with(b"{")
            .then(|| serde_json::from_slice(body).ok())
            .flatten(),
    })
}

/// Reads the answer to a dispatch: any 2xx is success, its body optional.
///
/// # Errors
/// Any other status, with the advice that follows from it.
pub fn read_dispatch(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<Accepted, Error> {
    dispatched(status, headers, body, now, &Hidden::default())
}

/// As [`read_dispatch`], for an answer that may repeat what has to be hidden.
pub(crate) fn dispatched(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
    hidden: &Hidden,
) -> Result<Accepted, Error> {
    if status.is_success() {
        return Ok(Accepted {
            request_id: text(headers, "x-github-request-id", hidden),
            exhausted_until: exhausted_until(headers, now),
        });
    }
    Err(refusal(status, headers, body, now, hidden))
}

/// Reads an answer with a JSON body.
///
/// # Errors
/// Any status but 2xx, or a body that is not what was asked for.
pub fn read_json<T: DeserializeOwned>(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<T, Error> {
    json(status, headers, body, now, &Hidden::default())
}

/// As [`read_json`], for an answer that may repeat what has to be hidden.
pub(crate) fn json<T: DeserializeOwned>(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
    hidden: &Hidden,
) -> Result<T, Error> {
    if !status.is_success() {
        return Err(refusal(status, headers, body, now, hidden));
    }
    serde_json::from_slice(body).map_err(|error| {
        // serde_json says line and column and which type was expected, and shows a value of another type.
        let text = format!(
            "github's answer cannot be read: {}",
            bounded(&hidden.out_of(&error.to_string()))
        );
        Error::new(ErrorKind::Decode, Advice::GiveUp, text).with_answer(
            status.as_u16(),
            None,
            text_of_id(headers, hidden),
        )
    })
}

/// The error that a status other than 2xx stands for.
pub(crate) fn refusal(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
    hidden: &Hidden,
) -> Error {
    let message = message(body);
    let code = status.as_u16();
    let words = message.as_deref().unwrap_or_default();
    let mut limit = None;
    let (kind, advice, said) = match throttled_until(code, headers, words, now) {
        Some(until) => {
            let met = limit_kind(headers, words);
            limit = Some(met);
            let said = match met {
                LimitKind::Primary => "github's rate limit is used up",
                LimitKind::Secondary => "github's secondary rate limit was met",
            };
            (ErrorKind::Throttled, Advice::Throttled { until }, said.to_owned())
        }
        None => judge(code, headers, hidden),
    };
    // Hidden before it is cut: half a token is none that could be found.
    let message = message.map(|message| bounded(&hidden.out_of(&message)));
    Error::new(kind, advice, format!("{said}: status {code}"))
        .with_answer(code, message, text_of_id(headers, hidden))
        .with_limit(limit)
}

fn judge(code: u16, headers: &HeaderMap, hidden: &Hidden) -> (ErrorKind, Advice, String) {
    let target = Advice::Block(BlockScope::Target);
    match code {
        401 => (
            ErrorKind::Auth,
            Advice::Block(BlockScope::Principal),
            "github does not accept the token".to_owned(),
        ),
        403 => (ErrorKind::Auth, target, forbidden(headers, hidden)),
        404 => {
            let said = "it is not there, or the token may not see it";
            (ErrorKind::NotFound, target, said.to_owned())
        }
        410 => (ErrorKind::NotFound, target, "it is gone for good".to_owned()),
        300..=399 => (ErrorKind::Redirected, target, moved(headers, hidden)),
        408 | 500..=599 => (
            ErrorKind::Status,
            Advice::Unknown,
            "github failed, perhaps after it had accepted".to_owned(),
        ),
        _ => (
            ErrorKind::Status,
            Advice::GiveUp,
            "github refuses the request".to_owned(),
        ),
    }
}

fn forbidden(headers: &HeaderMap, hidden: &Hidden) -> String {
    let mut said = "the token may not do this".to_owned();
    if let Some(needed) = text(headers, "x-accepted-github-permissions", hidden) {
        said.push_str("; it needs ");
        said.push_str(&bounded(&needed));
    }
    if headers.contains_key("x-github-sso") {
        said.push_str("; it has to be authorised for the organisation's single sign-on");
    }
    said
}

/// A redirect, never followed. Its path is told, which names the new place; its host and query are not.
fn moved(headers: &HeaderMap, hidden: &Hidden) -> String {
    let location = text(headers, header::LOCATION.as_str(), hidden);
    let path = location.as_deref().map(|location| {
        // With a scheme, or with "//" alone, a host comes first.
        let host_first = location
            .split_once("://")
            .map(|(_, rest)| rest)
            .or_else(|| location.strip_prefix("//"));
        let behind_host = host_first.map_or(location, |rest| {
            rest.find('/').map_or("", |at| rest.get(at..).unwrap_or(""))
        });
        bounded(behind_host.split(['?', '#']).next().unwrap_or_default())
    });
    match path.filter(|path| !path.is_empty()) {
        Some(path) => format!(
            "it was renamed or moved, to {path:?}; redirects are not followed, so change the configuration"
        ),
        None => "it was renamed or moved; redirects are not followed, so change the configuration".to_owned(),
    }
}

/// The `message` of GitHub's error body.
fn message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        message: String,
    }
    // serde would take an array for the struct as well.
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let read = is_object.then(|| serde_json::from_slice::<Body>(body).ok());
    read.flatten().map(|body| body.message)
}

fn bounded(text: &str) -> String {
    let end = (0..=MESSAGE_BYTES.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}

fn text(headers: &HeaderMap, name: &str, hidden: &Hidden) -> Option<String> {
    headers.get(name)?.to_str().ok().map(|text| hidden.out_of(text))
}

fn text_of_id(headers: &HeaderMap, hidden: &Hidden) -> Option<String> {
    text(headers, "x-github-request-id", hidden).map(|id| bounded(&id))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn read(status: u16, pairs: &[(&'static str, &str)], body: &str) -> Result<Accepted, Error> {
        let headers = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        read_dispatch(
            StatusCode::from_u16(status).unwrap(),
            &headers,
            body.as_bytes(),
            now(),
        )
    }

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000)
    }

    #[test]
    fn ok_any_2xx_with_or_without_a_body() {
        for (status, body) in [(200, "{}"), (201, ""), (202, "x"), (204, ""), (299, "")] {
            assert!(read(status, &[], body).is_ok(), "{status}");
        }
        let used_up = read(
            204,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000010")],
            "",
        )
        .unwrap();
        assert_eq!(used_up.exhausted_until, Some(now() + Duration::from_secs(11)));
    }

    #[test]
    fn err_every_other_status_has_its_advice() {
        let check = |status: u16, pairs: &[(&'static str, &str)], kind: ErrorKind, advice: Advice| {
            let error = read(status, pairs, r#"{"message":"words"}"#).unwrap_err();
            assert_eq!(
                (error.kind(), error.advice()),
                (kind, advice),
                "{status} {pairs:?}"
            );
            assert_eq!(
                (error.status(), error.service_message()),
                (Some(status), Some("words"))
            );
        };
        let (target, principal) = (
            Advice::Block(BlockScope::Target),
            Advice::Block(BlockScope::Principal),
        );
        let until = |seconds| Advice::Throttled {
            until: now() + Duration::from_secs(seconds),
        };
        for status in [301, 302, 303, 304, 307, 308] {
            check(status, &[], ErrorKind::Redirected, target);
        }
        for status in [
            400, 402, 405, 406, 409, 411, 412, 413, 414, 415, 418, 421, 422, 426, 451,
        ] {
            check(status, &[], ErrorKind::Status, Advice::GiveUp);
        }
        for status in [408, 500, 501, 502, 503, 504, 599] {
            check(status, &[], ErrorKind::Status, Advice::Unknown);
        }
        check(503, &[("retry-after", "5")], ErrorKind::Status, Advice::Unknown);
        check(401, &[], ErrorKind::Auth, principal);
        check(403, &[], ErrorKind::Auth, target);
        check(403, &[("x-ratelimit-remaining", "4999")], ErrorKind::Auth, target);
        check(403, &[("retry-after", "5")], ErrorKind::Throttled, until(5));
        check(
            403,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000010")],
            ErrorKind::Throttled,
            until(11),
        );
        check(429, &[], ErrorKind::Throttled, until(60));
        check(404, &[], ErrorKind::NotFound, target);
        check(410, &[], ErrorKind::NotFound, target);
    }

    #[test]
    fn err_texts_say_what_to_change_and_show_no_host_or_query() {
        let check = |status, pairs: &[(&'static str, &str)], body: &str, expect: &str| {
            assert_eq!(read(status, pairs, body).unwrap_err().to_string(), expect);
        };
        check(
            403,
            &[
                ("x-accepted-github-permissions", "contents=write"),
                ("x-github-request-id", "A:1"),
            ],
            r#"{"message":"Resource not accessible by integration"}"#,
            "the token may not do this; it needs contents=write: status 403 (\"Resource not accessible by integration\"), request A:1",
        );
        check(
            301,
            &[(
                "location",
                "https://api.example/repositories/7/dispatches?secret=1",
            )],
            "",
            "it was renamed or moved, to \"/repositories/7/dispatches\"; redirects are not followed, so change the configuration: status 301",
        );
        check(
            307,
            &[("location", "//api.example/repositories/7")],
            "",
            "it was renamed or moved, to \"/repositories/7\"; redirects are not followed, so change the configuration: status 307",
        );
        check(422, &[], "not json", "github refuses the request: status 422");
        let long = read(422, &[], &format!(r#"{{"message":"{}"}}"#, "é".repeat(1_000))).unwrap_err();
        assert!(long.service_message().unwrap().len() <= 256);
    }
}
