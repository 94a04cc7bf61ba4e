//! **Here**: [`Scorer`]: asks the model behind an online endpoint.
//! **Not here**: releasing one (`release`), batch endpoints.
//! **Reads**: an endpoint and its keys (`ops::online_endpoints`).
//! **Source**: MicrosoftDocs/azure-ai-docs `articles/machine-learning/how-to-troubleshoot-online-endpoints.md` (status codes) and azure-ai-ml
//! 1.35.2 `constants/_endpoint.py` (`azureml-model-deployment`), read 2026-11-23.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use crate::auth::TokenCredential;
use crate::client::{Client, is_loopback};
use crate::error::{Error, ErrorKind};
use crate::request::check_endpoint_name;
use crate::tls::{self, Security};

/// The longest answer of a model that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// What a model may take at most, and a little more.
const TIMEOUT: Duration = Duration::from_secs(190);

/// How a scorer proves itself.
#[derive(Clone)]
#[non_exhaustive]
pub enum ScoringAuth {
    /// One of the endpoint's keys (`authMode` `Key`), or a token of it (`AMLToken`): see
    /// [`list_endpoint_keys`](Client::list_endpoint_keys) and [`endpoint_token`](Client::endpoint_token).
    Bearer(SecretString),
    /// A token of Entra for the data plane (`authMode` `AADToken`), asked for before each request. The scope is another one than the
    /// resource manager's: see [`Cloud::ml_scope`](crate::cloud::Cloud::ml_scope).
    Entra {
        /// Where tokens come from.
        credential: Arc<dyn TokenCredential>,
        /// Such as `https://ml.azure.com/.default`.
        scope: String,
    },
}

impl fmt::Debug for ScoringAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer",
            Self::Entra { .. } => "Entra",
        })
    }
}

/// Asks one endpoint. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Scorer {
    http: reqwest::Client,
    uri: Url,
    auth: ScoringAuth,
    deployment: Option<HeaderValue>,
}

/// Why a model gave no answer. Never made again by itself: a model may have effects.
#[derive(Debug, thiserror::Error)]
#[error("{meaning}")]
#[non_exhaustive]
pub struct ScoringError {
    /// What it means, in plain words.
    pub meaning: String,
    /// Coarsely.
    pub kind: ScoringErrorKind,
    /// The status of the front end; none where no answer came.
    pub status: Option<u16>,
    /// Of 424: what the model's own server answered (`ms-azureml-model-error-statuscode`).
    pub model_status: Option<u16>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Why, coarsely, and whether to ask again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ScoringErrorKind {
    /// Nothing was sent: the address, a name or the token cannot be right, or no connection came about.
    NotSent,
    /// The key or token is not accepted (401, 403).
    Auth,
    /// No deployment has traffic, or there is none of this name (404).
    NoDeployment,
    /// Too many at a time (429, and 503 of a Kubernetes cluster): ask again later; the model did nothing.
    Busy,
    /// The model took too long (408, 504), or the connection broke: it may have done something.
    Unknown,
    /// The model's own server failed (424, 502): it may have done something.
    Model,
    /// Any other answer.
    Status,
}

impl Scorer {
    /// A scorer for this address: `properties.scoringUri` of an endpoint. Offline.
    ///
    /// # Errors
    /// The address is no URL, or neither https nor loopback; or TLS cannot be set up.
    pub fn new(uri: &str, auth: ScoringAuth) -> Result<Self, Error> {
        let uri = Url::parse(uri).map_err(|_| Error::invalid("the scoring address is not a url"))?;
        let security = match uri.scheme() {
            "https" => Security::Tls,
            "http" if is_loopback(&uri) => Security::LoopbackPlain,
            _ => {
                return Err(Error::invalid(
                    "the scoring address is neither https nor loopback",
                ));
            }
        };
        if !uri.username().is_empty() || uri.password().is_some() {
            return Err(Error::invalid(
                "the scoring address holds a user name or password",
            ));
        }
        Ok(Self {
            http: tls::http_client(security, Duration::from_secs(5))?,
            uri,
            auth,
            deployment: None,
        })
    }

    /// Asks this deployment, whatever its share of the traffic.
    ///
    /// # Errors
    /// The name cannot be one.
    pub fn with_deployment(mut self, deployment: &str) -> Result<Self, Error> {
        check_endpoint_name("deployment name", deployment)?;
        self.deployment = HeaderValue::from_str(deployment).ok();
        Ok(self)
    }

    /// Sends a body, and gives the model's answer as it is. What both hold only the model knows.
    ///
    /// # Errors
    /// See [`ScoringErrorKind`].
    ///
    /// # Cancel safety
    /// Not cancel safe: the model may have been asked.
    pub async fn invoke(&self, body: &Value) -> Result<Vec<u8>, ScoringError> {
        let token = match &self.auth {
            ScoringAuth::Bearer(secret) => secret.clone(),
            ScoringAuth::Entra { credential, scope } => {
                let token = credential.get_token(scope).await;
                let token = token.map_err(|error| not_sent("no token could be had").with_source(error))?;
                token.secret().clone()
            }
        };
        // The error is left out on purpose: nothing that has seen the token gets near a text.
        let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())) else {
            return Err(not_sent("the key or token cannot stand in a header"));
        };
        bearer.set_sensitive(true);
        let mut request = self
            .http
            .post(self.uri.clone())
            .header(AUTHORIZATION, bearer)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .timeout(TIMEOUT)
            .body(body.to_string());
        if let Some(deployment) = &self.deployment {
            request = request.header(
                HeaderName::from_static("azureml-model-deployment"),
                deployment.clone(),
            );
        }
        let mut answer = request.send().await.map_err(transport)?;
        if answer.status() != StatusCode::OK {
            return Err(refused(&answer));
        }
        let mut read = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(transport)? {
            if read.len() + chunk.len() > MAX_ANSWER_BYTES {
                let text = "the model's answer is longer than 64 MiB";
                return Err(ScoringError::new(ScoringErrorKind::Status, text).with_status(200, None));
            }
            read.extend_from_slice(&chunk);
        }
        Ok(read)
    }
}

impl Client {
    /// A scorer for an endpoint of the workspace, with its first key where it takes keys, and a token of it where it takes those.
    ///
    /// # Errors
    /// The endpoint or its key cannot be read; it has no address yet; or it takes tokens of Entra, for which [`Scorer::new`] is.
    pub async fn scorer(&self, endpoint: &str) -> Result<Scorer, Error> {
        let found = self.get_online_endpoint(endpoint).await?;
        let Some(uri) = &found.properties.scoring_uri else {
            return Err(Error::invalid("the endpoint has no scoring address yet"));
        };
        let mode = found.properties.auth_mode.as_deref().unwrap_or("Key");
        let secret = if mode.eq_ignore_ascii_case("key") {
            self.list_endpoint_keys(endpoint).await?.primary
        } else if mode.eq_ignore_ascii_case("amltoken") {
            self.endpoint_token(endpoint).await?.token
        } else {
            return Err(Error::invalid(
                "the endpoint takes tokens of Entra: make a scorer with a credential",
            ));
        };
        Scorer::new(uri, ScoringAuth::Bearer(secret))
    }
}

impl ScoringError {
    fn new(kind: ScoringErrorKind, meaning: impl Into<String>) -> Self {
        Self {
            meaning: meaning.into(),
            kind,
            status: None,
            model_status: None,
            source: None,
        }
    }

    const fn with_status(mut self, status: u16, model_status: Option<u16>) -> Self {
        self.status = Some(status);
        self.model_status = model_status;
        self
    }

    fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}

fn not_sent(meaning: &str) -> ScoringError {
    ScoringError::new(ScoringErrorKind::NotSent, meaning)
}

fn transport(error: reqwest::Error) -> ScoringError {
    let error = Error::transport(error);
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Invalid => {
            not_sent("no connection to the endpoint").with_source(error)
        }
        _ => ScoringError::new(ScoringErrorKind::Unknown, "no whole answer from the endpoint")
            .with_source(error),
    }
}

/// What a status of the scoring front end means. Bodies are the model's, and go into no text.
fn refused(answer: &reqwest::Response) -> ScoringError {
    let status = answer.status().as_u16();
    let model_status = answer.headers().get("ms-azureml-model-error-statuscode");
    let model_status = model_status.and_then(|value| value.to_str().ok()?.trim().parse::<u16>().ok());
    let (kind, meaning) = match status {
        401 | 403 => (
            ScoringErrorKind::Auth,
            "the endpoint does not accept the key or token",
        ),
        404 => (
            ScoringErrorKind::NoDeployment,
            "no deployment of the endpoint has traffic, or there is none of this name",
        ),
        408 | 504 => (ScoringErrorKind::Unknown, "the model took longer than it may"),
        409 => (
            ScoringErrorKind::Busy,
            "an operation on the endpoint is in progress",
        ),
        413 => (
            ScoringErrorKind::Status,
            "the request is larger than the endpoint takes",
        ),
        424 => (ScoringErrorKind::Model, "the model's own server failed"),
        429 | 503 => (ScoringErrorKind::Busy, "too many requests at a time"),
        502 => (
            ScoringErrorKind::Model,
            "the model's program crashed or does not run",
        ),
        _ => (ScoringErrorKind::Status, "the endpoint refuses the request"),
    };
    let meaning = match model_status {
        Some(model) => format!("{meaning}: status {status}, of the model {model}"),
        None => format!("{meaning}: status {status}"),
    };
    ScoringError::new(kind, meaning).with_status(status, model_status)
}
