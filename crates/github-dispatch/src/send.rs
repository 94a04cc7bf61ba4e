//! **Here**: the only I/O: one request with its token, and the answer read to its end or to a bound.
//! **Not here**: what is sent (`request`), what the answer means (`response`).
//! **Reads**: `request` before it; `response` after it, whose texts hide the token.
//! **Source**: reqwest's error predicates: only `is_connect` proves that nothing was sent. Tried 2026-11-22 against loopback servers.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use url::Origin;

use crate::error::{Advice, Error, ErrorKind};
use crate::request::ApiRequest;
use crate::response::Hidden;

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The token that it may repeat.
    pub(crate) hidden: Hidden,
}

/// Makes one attempt. The token goes to `origin` and nowhere else.
pub(crate) async fn send(
    client: &reqwest::Client,
    origin: &Origin,
    token: SecretString,
    timeout: Duration,
    api: ApiRequest,
) -> Result<Answer, Error> {
    if api.url.origin() != *origin {
        return Err(Error::invalid("the request does not go to the configured origin"));
    }
    // The error is left out on purpose: nothing that has seen the token gets near a text.
    let Ok(mut value) = HeaderValue::try_from(["Bearer ", token.expose_secret()].concat()) else {
        return Err(Error::invalid("the token cannot stand in a header"));
    };
    value.set_sensitive(true);
    let url = api.url.clone();
    let is_get = api.method == Method::GET;
    let mut request = reqwest::Request::new(api.method, api.url);
    *request.headers_mut() = api.headers;
    *request.body_mut() = api.body.map(Into::into);
    request.headers_mut().insert(header::AUTHORIZATION, value);
    // Said here as well, since a client that was handed in may have none.
    *request.timeout_mut() = Some(timeout);
    let mut answer = client.execute(request).await.map_err(transport)?;
    // Our own clients never follow; one that was handed in may. What came of the request is not known then.
    if *answer.url() != url {
        return Err(Error::new(
            ErrorKind::Redirected,
            Advice::Unknown,
            "the http client that was handed in follows redirects",
        ));
    }
    let status = answer.status();
    let headers = std::mem::take(answer.headers_mut());
    let body = read(answer, is_get && status.is_success()).await?;
    Ok(Answer {
        status,
        headers,
        body,
        hidden: Hidden::new(token),
    })
}

/// The body. Unless it is what was asked for, the status is worth more: a body that breaks off, or is longer than what is read,
/// makes no refusal unknown, and an accepted dispatch neither.
async fn read(mut answer: reqwest::Response, is_needed: bool) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Ok(Some(_)) | Err(_) if !is_needed => return Ok(body),
            Ok(Some(_)) => {
                return Err(Error::new(
                    ErrorKind::Decode,
                    Advice::GiveUp,
                    "the answer is longer than 8 MiB",
                ));
            }
            Err(error) => return Err(transport(error)),
        }
    }
}

/// `is_connect` is asked before everything else: a TLS handshake that hangs is a timeout as well, and nothing was sent.
pub(crate) fn transport(error: reqwest::Error) -> Error {
    let (kind, advice, text) = if error.is_connect() {
        (
            ErrorKind::Connect,
            Advice::NotSent,
            "no connection to github came about",
        )
    } else if error.is_builder() {
        (ErrorKind::Invalid, Advice::GiveUp, "the request cannot be made")
    } else if error.is_timeout() {
        (
            ErrorKind::SentNoAnswer,
            Advice::Unknown,
            "github did not answer in time, and the request had left",
        )
    } else {
        (
            ErrorKind::SentNoAnswer,
            Advice::Unknown,
            "the connection broke after the request had left",
        )
    };
    Error::new(kind, advice, text).with_source(error.without_url())
}
