//! **Here**: [`WorkloadIdentity`] and [`GithubOidc`]: no stored secret, but a statement of somebody whom Entra trusts.
//! **Not here**: the exchange (`token_endpoint`), keeping tokens (`cache`).
//! **Reads**: `token_endpoint`, `cache`, `file`.
//! **Source**: <https://learn.microsoft.com/entra/workload-id/workload-identity-federation> and
//! <https://docs.github.com/actions/reference/security/oidc>, read 2026-11-23.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::cache::Kept;
use super::file::read_file;
use super::token_endpoint::{TokenEndpoint, TokenHttp, check_client_id};
use super::{AccessToken, CredentialError, TokenCredential};
use crate::clock::Clock;

/// For whom the statement is made.
const AUDIENCE: &str = "api://AzureADTokenExchange";
/// The longest statement that is taken.
const MAX_ASSERTION_BYTES: usize = 64 * 1024;

/// A service principal that trusts whoever made a statement.
#[derive(Debug)]
struct Federated {
    endpoint: TokenEndpoint,
    client_id: String,
    kept: Kept,
}

impl Federated {
    fn new(authority: &str, tenant: &str, client_id: &str) -> Result<Self, CredentialError> {
        check_client_id(client_id)?;
        Ok(Self {
            endpoint: TokenEndpoint::new(authority, tenant)?,
            client_id: client_id.to_owned(),
            kept: Kept::default(),
        })
    }

    async fn get(
        &self,
        scope: &str,
        assertion: impl AsyncFnOnce() -> Result<SecretString, CredentialError>,
    ) -> Result<AccessToken, CredentialError> {
        let fetch = async || {
            let assertion = assertion().await?;
            let now = self.kept.clock().now();
            self.endpoint
                .client_assertion(scope, &self.client_id, &assertion, now)
                .await
        };
        self.kept.get(scope, fetch).await
    }
}

/// The identity of a pod in Kubernetes: a statement in a file that is written anew from time to time.
#[derive(Debug)]
pub struct WorkloadIdentity {
    federated: Federated,
    file: PathBuf,
}

impl WorkloadIdentity {
    /// By its parts; the file is read whenever a token is fetched.
    ///
    /// # Errors
    /// [`Failed`](CredentialError::Failed): a part cannot be right; the file is not read here.
    pub fn new(
        authority: &str,
        tenant: &str,
        client_id: &str,
        file: impl Into<PathBuf>,
    ) -> Result<Self, CredentialError> {
        Ok(Self {
            federated: Federated::new(authority, tenant, client_id)?,
            file: file.into(),
        })
    }

    /// Lives by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.federated.kept = Kept::new(Arc::new(clock));
        self
    }

    async fn assertion(&self) -> Result<SecretString, CredentialError> {
        let what = "the file of the workload's identity";
        let bytes = read_file(&self.file, what, MAX_ASSERTION_BYTES).await?;
        assertion(std::str::from_utf8(bytes.expose_secret()).ok())
            .ok_or_else(|| CredentialError::unavailable(format!("{what} holds no statement")))
    }
}

#[async_trait]
impl TokenCredential for WorkloadIdentity {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        self.federated.get(scope, async || self.assertion().await).await
    }

    fn forget(&self, scope: &str) -> bool {
        self.federated.kept.forget(scope)
    }
}

/// The identity of a job of GitHub Actions, which needs `permissions: id-token: write`.
pub struct GithubOidc {
    federated: Federated,
    http: TokenHttp,
    url: Url,
    token: SecretString,
}

impl GithubOidc {
    /// By its parts: `request_url` and `request_token` are `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` of the job.
    ///
    /// # Errors
    /// [`Failed`](CredentialError::Failed): a part cannot be right; nothing is sent here.
    pub fn new(
        authority: &str,
        tenant: &str,
        client_id: &str,
        request_url: &str,
        request_token: impl Into<SecretString>,
    ) -> Result<Self, CredentialError> {
        let mut url = Url::parse(request_url)
            .map_err(|_| CredentialError::failed("the job's token url is not a url"))?;
        url.query_pairs_mut().append_pair("audience", AUDIENCE);
        Ok(Self {
            federated: Federated::new(authority, tenant, client_id)?,
            http: TokenHttp::new(&url, Duration::from_secs(20))?,
            url,
            token: request_token.into(),
        })
    }

    /// Lives by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.federated.kept = Kept::new(Arc::new(clock));
        self
    }

    async fn assertion(&self) -> Result<SecretString, CredentialError> {
        #[derive(Deserialize)]
        struct Answer {
            value: String,
        }
        let bearer = bearer(&self.token)?;
        let (status, body) = self
            .http
            .send(http::Method::GET, self.url.clone(), |request| {
                request.header("authorization", bearer)
            })
            .await?;
        if status != 200 {
            let why = format!("github answered {status} when it was asked for the job's identity");
            return Err(match status {
                429 | 500..=599 => CredentialError::unavailable(why),
                _ => CredentialError::failed(why),
            });
        }
        let answer: Option<Answer> = serde_json::from_slice(&body).ok();
        assertion(answer.as_ref().map(|answer| answer.value.as_str())).ok_or_else(|| {
            CredentialError::unavailable("github's answer holds no statement of the job's identity")
        })
    }
}

impl fmt::Debug for GithubOidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The url may hold what is not for everybody.
        f.debug_struct("GithubOidc")
            .field("federated", &self.federated)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredential for GithubOidc {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        self.federated.get(scope, async || self.assertion().await).await
    }

    fn forget(&self, scope: &str) -> bool {
        self.federated.kept.forget(scope)
    }
}

/// A header with a secret.
pub(super) fn bearer(token: &SecretString) -> Result<http::HeaderValue, CredentialError> {
    secret_header(&format!("Bearer {}", token.expose_secret()))
}

pub(super) fn secret_header(text: &str) -> Result<http::HeaderValue, CredentialError> {
    // The error is left out on purpose: nothing that has seen the secret gets near a text.
    let Ok(mut value) = http::HeaderValue::from_str(text) else {
        return Err(CredentialError::failed(
            "a secret of the credential cannot stand in a header",
        ));
    };
    value.set_sensitive(true);
    Ok(value)
}

/// A statement: one line, and something in it.
fn assertion(text: Option<&str>) -> Option<SecretString> {
    let text = text?.trim();
    let is_one = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    is_one.then(|| SecretString::from(text))
}
