//! **Here**: [`Polling`], and what a long-running operation is watched by, what each answer means, and how it is remembered. Pure.
//! **Not here**: asking and waiting (`poller`).
//! **Reads**: answers; `poller` after it.
//! **Source**: davidgamero/azure-resource-manager-rpc `v1.0/async-api-reference.md` (the resource provider contract) and azure-mgmt-core's
//! `arm_polling.py`, whose conduct over 25 scripted operations is compared with ours in the tests; read 2026-11-23.

use std::time::Duration;

use http::{HeaderMap, Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Advice, Error, ErrorKind};
use crate::retry_after::retry_after;

/// How operations are polled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Polling {
    /// The wait where the service asks for none.
    pub interval: Duration,
    /// How long an operation may take, where the service says nothing; an operation that takes longer is an error, and goes on.
    pub deadline: Duration,
}

impl Default for Polling {
    /// Every 10 s, for two hours.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            deadline: Duration::from_secs(7_200),
        }
    }
}

impl Polling {
    /// Another wait.
    #[must_use]
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Another deadline.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// What an operation is watched by.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", content = "url", rename_all = "snake_case")]
enum Monitor {
    /// A status at the address of `Azure-AsyncOperation`.
    Status(String),
    /// The address of `Location`: 202 while it runs, and then the result.
    Location(String),
    /// The `provisioningState` of the resource itself.
    Resource,
    /// Nothing more: the first answer was the last.
    Ended,
}

/// A long-running operation, and what is to be asked next.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Operation {
    /// Of the form of this very value: another one is not read.
    format: u32,
    #[serde(with = "method_text")]
    method: Method,
    /// Of the request that began it.
    url: String,
    monitor: Monitor,
    /// `Location` of the first answer: where the result of a POST or DELETE is once its status is `Succeeded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    /// What is asked once the monitor said `Succeeded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<String>,
}

/// The form in which operations are remembered.
const FORMAT: u32 = 1;

/// What an answer means.
#[derive(Debug)]
pub(crate) enum Seen {
    /// It goes on.
    Running {
        /// The service's word, such as `InProgress`, where it has one.
        status: Option<String>,
        /// `percentComplete`.
        percent: Option<f64>,
        /// How long the service asks to wait.
        wait: Option<Duration>,
    },
    /// It ended well, and this body is the result; none where there is none.
    Ended(Option<Vec<u8>>),
}

impl Operation {
    /// Begins with the first answer, whatever its status.
    ///
    /// # Errors
    /// The answer is no success.
    pub(crate) fn begin(
        method: Method,
        url: String,
        response: &Response<Vec<u8>>,
        now: std::time::SystemTime,
    ) -> Result<(Self, Seen), Error> {
        let status = response.status();
        if !matches!(status.as_u16(), 200 | 201 | 202 | 204) {
            return Err(crate::response::refusal(response, now));
        }
        let headers = response.headers();
        let location = text(headers, "location");
        let mut operation = Self {
            format: FORMAT,
            method,
            url,
            monitor: Monitor::Ended,
            location: location.clone(),
            last: None,
        };
        let body = parsed(response.body());
        let state = body.as_ref().and_then(provisioning_state).map(str::to_owned);
        let is_resource = matches!(operation.method, Method::PUT | Method::PATCH);
        if let Some(url) = text(headers, "azure-asyncoperation") {
            operation.monitor = Monitor::Status(url);
        } else if let Some(url) = location {
            operation.monitor = Monitor::Location(url);
        } else if is_resource && !is_ended(status, state.as_deref()) {
            // Some answers hide the address of the status in the resource.
            let hidden = body.as_ref().and_then(hidden_status);
            operation.monitor = hidden.map_or(Monitor::Resource, |url| Monitor::Status(url.to_owned()));
        } else {
            failed(state.as_deref(), body.as_ref())?;
            return Ok((operation, Seen::Ended(some(response.body()))));
        }
        let seen = Seen::Running {
            status: state,
            percent: None,
            wait: retry_after(headers, now),
        };
        Ok((operation, seen))
    }

    /// The address to ask next; none at the end.
    pub(crate) fn next(&self) -> Option<&str> {
        if let Some(last) = &self.last {
            return Some(last);
        }
        match &self.monitor {
            Monitor::Status(url) | Monitor::Location(url) => Some(url),
            Monitor::Resource => Some(&self.url),
            Monitor::Ended => None,
        }
    }

    /// What an answer to [`next`](Self::next) means, and what is to be asked after it.
    ///
    /// # Errors
    /// The operation failed or was cancelled (`OperationFailed`); or the answer cannot be used.
    pub(crate) fn read(
        &mut self,
        response: &Response<Vec<u8>>,
        now: std::time::SystemTime,
    ) -> Result<Seen, Error> {
        let (status, headers) = (response.status(), response.headers());
        let body = parsed(response.body());
        let running = |word: Option<&str>, body: Option<&Value>| Seen::Running {
            status: word.map(str::to_owned),
            percent: body
                .and_then(|body| body.get("percentComplete"))
                .and_then(Value::as_f64),
            wait: retry_after(headers, now),
        };
        if self.last.is_some() {
            self.end();
            return match status.as_u16() {
                200 | 201 | 202 | 204 => Ok(Seen::Ended(some(response.body()))),
                // What is gone has no last state to show.
                404 if self.method == Method::DELETE => Ok(Seen::Ended(None)),
                _ => Err(crate::response::refusal(response, now)),
            };
        }
        if !status.is_success() {
            // A failed read of a status says nothing of the operation; at a location it is the operation's own failure.
            return Err(crate::response::refusal(response, now));
        }
        match &self.monitor {
            Monitor::Status(_) => {
                let word = body
                    .as_ref()
                    .and_then(|body| body.get("status"))
                    .and_then(Value::as_str);
                let Some(word) = word else {
                    let text = "the status of the operation has no word for it";
                    return Err(Error::new(ErrorKind::Decode, Advice::GiveUp, text));
                };
                if !word.eq_ignore_ascii_case("succeeded") {
                    failed(Some(word), body.as_ref())?;
                    return Ok(running(Some(word), body.as_ref()));
                }
                self.last = match self.method {
                    Method::PUT | Method::PATCH => Some(self.url.clone()),
                    _ => self.location.clone(),
                };
                if self.last.is_some() {
                    // The next question can be asked at once.
                    let wait = Some(Duration::ZERO);
                    let (status, percent) = (Some(word.to_owned()), None);
                    return Ok(Seen::Running {
                        status,
                        percent,
                        wait,
                    });
                }
                self.end();
                Ok(Seen::Ended(some(response.body())))
            }
            Monitor::Location(_) if status == StatusCode::ACCEPTED => {
                if let Some(newer) = text(headers, "location") {
                    self.monitor = Monitor::Location(newer);
                }
                Ok(running(None, body.as_ref()))
            }
            Monitor::Location(_) => {
                // A resource is done when it says so: PATCH and PUT may lead to it while it is still being changed.
                let state = body.as_ref().and_then(provisioning_state);
                failed(state, body.as_ref())?;
                self.end();
                Ok(Seen::Ended(some(response.body())))
            }
            Monitor::Resource => {
                let state = body.as_ref().and_then(provisioning_state);
                if !is_ended(status, state) {
                    return Ok(running(state, body.as_ref()));
                }
                failed(state, body.as_ref())?;
                self.end();
                Ok(Seen::Ended(some(response.body())))
            }
            Monitor::Ended => Ok(Seen::Ended(None)),
        }
    }

    /// A text that [`resume`](Self::resume) reads in another process. It holds addresses, and no secret.
    pub(crate) fn token(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// An operation from its text.
    ///
    /// # Errors
    /// The text is none, or of another form.
    pub(crate) fn resume(token: &str) -> Result<Self, Error> {
        let read: Option<Self> = serde_json::from_str(token).ok();
        read.filter(|operation| operation.format == FORMAT)
            .ok_or_else(|| Error::invalid("the text does not name an operation that can be gone on with"))
    }

    fn end(&mut self) {
        self.monitor = Monitor::Ended;
        self.last = None;
    }
}

/// How long the service gives an operation: `x-ms-async-operation-timeout`, an ISO 8601 duration.
pub(crate) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    duration(&text(headers, "x-ms-async-operation-timeout")?)
}

/// `P1DT2H3M4.5S`, in any part of it; years and months have no length that is known.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim().strip_prefix('P')?;
    let (mut total, mut in_time, mut parts) = (0.0_f64, false, 0);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            (rest, in_time) = (time, true);
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = rest.split_at_checked(end)?;
        let seconds = match (unit.chars().next()?, in_time) {
            ('W', false) => 604_800.0,
            ('D', false) => 86_400.0,
            ('H', true) => 3_600.0,
            ('M', true) => 60.0,
            ('S', true) => 1.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = unit.get(1..)?;
        parts += 1;
    }
    let total = Duration::try_from_secs_f64(total).ok()?;
    (parts > 0).then_some(total)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn parsed(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

fn some(body: &[u8]) -> Option<Vec<u8>> {
    (!body.is_empty()).then(|| body.to_vec())
}

fn provisioning_state(body: &Value) -> Option<&str> {
    body.get("properties")?.get("provisioningState")?.as_str()
}

fn hidden_status(body: &Value) -> Option<&str> {
    body.get("properties")?
        .get("properties")?
        .get("AzureAsyncOperationUri")?
        .as_str()
}

/// Whether a resource is done by its own word: a 201 without a state runs, a 200 without one does not.
fn is_ended(status: StatusCode, state: Option<&str>) -> bool {
    match state {
        None => status != StatusCode::CREATED,
        Some(state) => is_word(state, "succeeded") || is_bad(state),
    }
}

fn is_word(word: &str, expect: &str) -> bool {
    word.eq_ignore_ascii_case(expect)
}

fn is_bad(state: &str) -> bool {
    is_word(state, "failed") || is_word(state, "canceled") || is_word(state, "cancelled")
}

/// An error where the state is the end of an operation that did not succeed; any unknown word means that it goes on.
fn failed(state: Option<&str>, body: Option<&Value>) -> Result<(), Error> {
    let Some(state) = state.filter(|state| is_bad(state)) else {
        return Ok(());
    };
    let code = body.and_then(|body| crate::response::service_code(body.to_string().as_bytes()));
    let what = if is_word(state, "failed") {
        "failed"
    } else {
        "was cancelled"
    };
    let error = Error::new(
        ErrorKind::OperationFailed,
        Advice::GiveUp,
        format!("the operation {what}"),
    );
    Err(error.with_service_code(code))
}

mod method_text {
    use http::Method;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(method: &Method, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(method.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Method, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_durations() {
        for (text, seconds) in [
            ("PT1H", 3_600),
            ("PT90M", 5_400),
            ("P1DT2H3M4S", 93_784),
            ("PT0S", 0),
            ("P1W", 604_800),
            ("PT1.5S", 1),
        ] {
            assert_eq!(duration(text).map(|wait| wait.as_secs()), Some(seconds), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "1H",
            "PT1",
            "P1H",
            "PT1D",
            "P1Y",
            "PT-1S",
            "PTxS",
            "PT99999999999999999999999S",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
