//! **Here**: one exchange with a token service: a request, and its answer as a token or as the reason why not.
//! **Not here**: what is put into the request (the credentials), keeping tokens (`cache`).
//! **Reads**: `tls`; the credentials after it.
//! **Source**: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow> (request, answer, `error` and
//! `error_codes`), MSAL 1.39 for `refresh_in` and numbers as texts, read 2026-11-23.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;

use super::cache::Fetched;
use super::{AccessToken, CredentialError};
use crate::client::is_loopback;
use crate::tls::{self, Security};

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// What the exchange calls a statement in the form of a JSON Web Token.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An HTTP client of a credential.
#[derive(Clone)]
pub(super) struct TokenHttp {
    http: reqwest::Client,
    timeout: Duration,
}

impl fmt::Debug for TokenHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHttp")
    }
}

/// Where tokens of Entra come from: `{authority}/{tenant}/oauth2/v2.0/token`.
#[derive(Clone, Debug)]
pub(super) struct TokenEndpoint {
    http: TokenHttp,
    url: Url,
}

impl TokenHttp {
    /// A client for this address: https, or plain http to loopback, or to the one address of a machine's identity service.
    pub(super) fn new(url: &Url, timeout: Duration) -> Result<Self, CredentialError> {
        let is_machine = url.host_str() == Some("169.254.169.254");
        let security = match url.scheme() {
            "https" => Security::Tls,
            "http" if is_loopback(url) || is_machine => Security::LoopbackPlain,
            _ => {
                return Err(CredentialError::failed(
                    "a token service is asked by https, or on this machine",
                ));
            }
        };
        let http = tls::http_client(security, timeout.min(Duration::from_secs(5)))
            .map_err(|error| CredentialError::failed("the http client cannot be made").with_source(error))?;
        Ok(Self { http, timeout })
    }

    /// Sends a request that `fill` completes, and reads its answer to the end: status and body.
    pub(super) async fn send(
        &self,
        method: http::Method,
        url: Url,
        fill: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Result<(u16, Vec<u8>), CredentialError> {
        let lost = |error: reqwest::Error| {
            CredentialError::unavailable("the token service gave no answer").with_source(error.without_url())
        };
        let request = fill(self.http.request(method, url)).timeout(self.timeout);
        let mut answer = request.send().await.map_err(lost)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(CredentialError::unavailable(
                    "the token service's answer is too long",
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((answer.status().as_u16(), body))
    }
}

impl TokenEndpoint {
    pub(super) fn new(authority: &str, tenant: &str) -> Result<Self, CredentialError> {
        if !is_tenant(tenant) {
            return Err(CredentialError::failed(
                "the tenant is not a GUID or a domain name",
            ));
        }
        let authority =
            Url::parse(authority).map_err(|_| CredentialError::failed("the authority is not a url"))?;
        let is_plain = authority.path().trim_matches('/').is_empty()
            && authority.query().is_none()
            && authority.fragment().is_none()
            && authority.username().is_empty()
            && authority.password().is_none();
        let mut url = authority.clone();
        let pushed = url.path_segments_mut().map(|mut segments| {
            segments.clear().extend([tenant, "oauth2", "v2.0", "token"]);
        });
        if !is_plain || pushed.is_err() {
            return Err(CredentialError::failed(
                "the authority is more than scheme and host",
            ));
        }
        Ok(Self {
            http: TokenHttp::new(&url, Duration::from_secs(20))?,
            url,
        })
    }

    /// The address itself, for which a statement is made.
    #[cfg(feature = "certificate")]
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// `grant_type=client_credentials` with a statement of one's own, or of somebody whom Entra trusts.
    pub(super) async fn client_assertion(
        &self,
        scope: &str,
        client_id: &str,
        assertion: &SecretString,
        now: SystemTime,
    ) -> Result<Fetched, CredentialError> {
        let kind = SecretString::from(ASSERTION_TYPE);
        let proof = [("client_assertion_type", &kind), ("client_assertion", assertion)];
        self.client_credentials(scope, client_id, &proof, now).await
    }

    /// `grant_type=client_credentials` with these pairs.
    pub(super) async fn client_credentials(
        &self,
        scope: &str,
        client_id: &str,
        proof: &[(&str, &SecretString)],
        now: SystemTime,
    ) -> Result<Fetched, CredentialError> {
        let body = {
            let mut form = Serializer::new(String::new());
            form.append_pair("grant_type", "client_credentials")
                .append_pair("client_id", client_id)
                .append_pair("scope", scope);
            for (name, value) in proof {
                form.append_pair(name, value.expose_secret());
            }
            form.finish()
        };
        let fill = |request: reqwest::RequestBuilder| {
            request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("accept", "application/json")
                .body(body)
        };
        let (status, body) = self.http.send(http::Method::POST, self.url.clone(), fill).await?;
        read(status, &body, now)
    }
}

/// A token, or why there is none. Descriptions stay out of the text: they quote ids.
pub(super) fn read(status: u16, body: &[u8], now: SystemTime) -> Result<Fetched, CredentialError> {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(default)]
        error: Option<Value>,
        #[serde(default)]
        error_codes: Vec<i64>,
    }
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        #[serde(default)]
        expires_in: Option<Value>,
        #[serde(default)]
        expires_on: Option<Value>,
        #[serde(default)]
        refresh_in: Option<Value>,
    }
    if status != 200 {
        let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
        let word = |refusal: &Refusal| {
            let word = refusal
                .error
                .as_ref()
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let is_word = word.len() <= 64
                && word
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            let code = refusal.error_codes.first().map(|code| format!(" AADSTS{code}"));
            format!(
                ": {}{}",
                if is_word { &word } else { "" },
                code.unwrap_or_default()
            )
        };
        let said = refusal.as_ref().map(word).unwrap_or_default();
        let why = format!("the token service answered {status}{said}");
        return Err(match status {
            408 | 410 | 429 | 500..=599 => CredentialError::unavailable(why),
            _ => CredentialError::failed(why),
        });
    }
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| CredentialError::unavailable("the token service's answer holds no token"))?;
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // A moment, where no duration is told: managed identities of some hosts know no other.
    let until = answer
        .expires_on
        .as_ref()
        .and_then(number)
        .map(|at| at.saturating_sub(since_1970));
    let expires_in = answer.expires_in.as_ref().and_then(number).or(until);
    let Some(expires_in) = expires_in.filter(|_| !answer.access_token.is_empty()) else {
        return Err(CredentialError::unavailable(
            "the token service's answer names no token or no end of it",
        ));
    };
    Ok(Fetched {
        token: AccessToken::new(answer.access_token),
        expires_in: Duration::from_secs(expires_in.min(7 * 86_400)),
        refresh_in: answer
            .refresh_in
            .as_ref()
            .and_then(number)
            .map(Duration::from_secs),
    })
}

/// A number, or a text of digits.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A GUID, or a domain name such as `contoso.onmicrosoft.com`.
fn is_tenant(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// A client id: a GUID as a rule.
pub(super) fn check_client_id(text: &str) -> Result<(), CredentialError> {
    let is_id =
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_id {
        Ok(())
    } else {
        Err(CredentialError::failed("the client id is not a GUID"))
    }
}
