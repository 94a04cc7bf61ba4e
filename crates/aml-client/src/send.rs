//! **Here**: the only I/O: a token from the credential, one request, its answer read to the end or to the limit.
//! **Not here**: what is sent (`request`), what the answer means (`response`), retries (the caller's).
//! **Reads**: `request` before it; `response` after it.
//! **Source**: RFC 6750 section 2.1 (bearer header) and Azure's limit of 8 MB for an answer of the resource manager
//! (resource provider contract, addendum), read 2026-11-22.

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response};
use secrecy::ExposeSecret;
use url::Url;

use crate::auth::{AccessToken, TokenCredential};
use crate::error::{Advice, Error, ErrorKind, FOLLOWS_REDIRECTS};

/// What it takes to send.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) endpoint: Url,
    pub(crate) token_scope: String,
    pub(crate) credential: Arc<dyn TokenCredential>,
    pub(crate) http: reqwest::Client,
    pub(crate) timeout: Duration,
}

/// Sends once. The token goes to the origin of the endpoint and to no other.
pub(crate) async fn send(
    transport: &Transport,
    request: Request<Vec<u8>>,
) -> Result<Response<Vec<u8>>, Error> {
    let mut request = reqwest::Request::try_from(request).map_err(Error::transport)?;
    if request.url().origin() != transport.endpoint.origin() {
        return Err(Error::invalid(
            "the request does not go to the configured endpoint",
        ));
    }
    let token = transport
        .credential
        .get_token(&transport.token_scope)
        .await
        .map_err(Error::credential)?;
    request.headers_mut().insert(AUTHORIZATION, bearer(&token)?);
    *request.timeout_mut() = Some(transport.timeout);

    let url = request.url().clone();
    let answer = transport.http.execute(request).await.map_err(Error::transport)?;
    // Our own client never follows; one that was handed in may.
    if *answer.url() != url {
        return Err(Error::invalid(FOLLOWS_REDIRECTS));
    }
    read(answer).await
}

/// Reads the body. A success whose body breaks off is no answer; of an error, the status is worth more than its body.
async fn read(mut answer: reqwest::Response) -> Result<Response<Vec<u8>>, Error> {
    let is_success = answer.status().is_success();
    let told = answer
        .content_length()
        .and_then(|length| usize::try_from(length).ok());
    let mut body = Vec::with_capacity(told.unwrap_or(0).min(MAX_RESERVED_BYTES));
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => body.extend_from_slice(&chunk),
            Ok(Some(_)) if is_success => {
                return Err(Error::new(
                    ErrorKind::Decode,
                    Advice::GiveUp,
                    "the answer is longer than 8 MiB",
                ));
            }
            Err(e) if is_success => return Err(Error::transport(e)),
            Ok(_) | Err(_) => break,
        }
    }
    let mut response = Response::new(body);
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}

fn bearer(token: &AccessToken) -> Result<HeaderValue, Error> {
    let text = format!("Bearer {}", token.secret().expose_secret());
    // The source is left out on purpose: nothing that has seen the token gets near a text.
    let Ok(mut value) = HeaderValue::from_str(&text) else {
        return Err(Error::new(
            ErrorKind::Auth,
            Advice::Block,
            "the token cannot be a header value",
        ));
    };
    value.set_sensitive(true);
    Ok(value)
}

const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Room that is made before anything came: a length that is only claimed costs no more.
const MAX_RESERVED_BYTES: usize = 256 * 1024;
