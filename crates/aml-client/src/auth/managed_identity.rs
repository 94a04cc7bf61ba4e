//! **Here**: [`ManagedIdentity`]: the identity of a virtual machine, of App Service, Functions or Container Apps, or of Azure ML compute.
//! **Not here**: keeping tokens (`cache`).
//! **Reads**: `token_endpoint`, `cache`.
//! **Source**: msal 1.39.0 `managed_identity.py` and azure-identity 1.27.0, read 2026-11-23: three hosts, three spellings of everything.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::cache::{Fetched, Kept};
use super::federated::secret_header;
use super::token_endpoint::{TokenHttp, read};
use super::{AccessToken, CredentialError, TokenCredential};
use crate::clock::Clock;

/// Where a virtual machine asks for its identity.
const IMDS: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
/// How often that service is asked, which is not there at once after a start.
const IMDS_TRIES: u32 = 6;

/// Which of several identities of a host.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum IdentitySelector {
    /// The one that the system assigned.
    #[default]
    System,
    /// One that a user assigned, by its client id.
    ClientId(String),
    /// By its object id.
    ObjectId(String),
    /// By its resource id.
    ResourceId(String),
}

/// The kinds of hosts.
#[derive(Clone, Debug)]
enum Host {
    Machine,
    AppService(SecretString),
    AmlCompute(SecretString),
}

/// The identity of the host.
pub struct ManagedIdentity {
    http: TokenHttp,
    url: Url,
    host: Host,
    selector: IdentitySelector,
    kept: Kept,
}

impl fmt::Debug for ManagedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedIdentity")
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

impl ManagedIdentity {
    /// Of a virtual machine; `endpoint` is none but in tests and in Kubernetes, where another address takes its place.
    ///
    /// # Errors
    /// [`Failed`](CredentialError::Failed): the address cannot be right.
    pub fn of_machine(endpoint: Option<&str>, selector: IdentitySelector) -> Result<Self, CredentialError> {
        // Where there is no such service, nothing answers at all.
        Self::new(
            endpoint.unwrap_or(IMDS),
            Host::Machine,
            selector,
            Duration::from_secs(3),
        )
    }

    /// Of App Service, Functions or Container Apps: `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.
    ///
    /// # Errors
    /// [`Failed`](CredentialError::Failed): the address cannot be right.
    pub fn of_app_service(
        endpoint: &str,
        header: impl Into<SecretString>,
        selector: IdentitySelector,
    ) -> Result<Self, CredentialError> {
        Self::new(
            endpoint,
            Host::AppService(header.into()),
            selector,
            Duration::from_secs(20),
        )
    }

    /// Of Azure ML compute: `MSI_ENDPOINT` and `MSI_SECRET`, by a client id only.
    ///
    /// # Errors
    /// [`Failed`](CredentialError::Failed): the address cannot be right, or an identity is named otherwise than by its client id.
    pub fn of_aml_compute(
        endpoint: &str,
        secret: impl Into<SecretString>,
        selector: IdentitySelector,
    ) -> Result<Self, CredentialError> {
        if matches!(
            selector,
            IdentitySelector::ObjectId(_) | IdentitySelector::ResourceId(_)
        ) {
            return Err(CredentialError::failed(
                "an identity of azure ml compute is named by its client id",
            ));
        }
        Self::new(
            endpoint,
            Host::AmlCompute(secret.into()),
            selector,
            Duration::from_secs(20),
        )
    }

    fn new(
        endpoint: &str,
        host: Host,
        selector: IdentitySelector,
        timeout: Duration,
    ) -> Result<Self, CredentialError> {
        let url = Url::parse(endpoint)
            .map_err(|_| CredentialError::failed("the identity's address is not a url"))?;
        Ok(Self {
            http: TokenHttp::new(&url, timeout)?,
            url,
            host,
            selector,
            kept: Kept::default(),
        })
    }

    /// Lives by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.kept = Kept::new(Arc::new(clock));
        self
    }

    async fn fetch(&self, scope: &str) -> Result<Fetched, CredentialError> {
        // A resource, and not a scope.
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        let (version, client_id, resource_id, header, value) = match &self.host {
            Host::Machine => (
                "2018-02-01",
                "client_id",
                "msi_res_id",
                "metadata",
                http::HeaderValue::from_static("true"),
            ),
            Host::AppService(secret) => {
                let value = secret_header(secret.expose_secret())?;
                ("2019-08-01", "client_id", "mi_res_id", "x-identity-header", value)
            }
            Host::AmlCompute(secret) => {
                let value = secret_header(secret.expose_secret())?;
                ("2017-09-01", "clientid", "", "secret", value)
            }
        };
        let mut url = self.url.clone();
        {
            let mut pairs = url.query_pairs_mut();
            pairs
                .append_pair("api-version", version)
                .append_pair("resource", resource);
            match &self.selector {
                IdentitySelector::System => {}
                IdentitySelector::ClientId(id) => {
                    pairs.append_pair(client_id, id);
                }
                IdentitySelector::ObjectId(id) => {
                    pairs.append_pair("object_id", id);
                }
                IdentitySelector::ResourceId(id) => {
                    pairs.append_pair(resource_id, id);
                }
            }
        }
        let mut n_tries = 0;
        loop {
            n_tries += 1;
            let fill = |request: reqwest::RequestBuilder| request.header(header, value.clone());
            let (status, body) = self.http.send(http::Method::GET, url.clone(), fill).await?;
            // The service of a machine is not whole at once: 410 while it is brought up to date, which takes a minute.
            let is_early = matches!(status, 404 | 410 | 429 | 500..=599);
            if !matches!(self.host, Host::Machine) || !is_early || n_tries >= IMDS_TRIES {
                return match status {
                    // No identity of this kind: another credential may have one.
                    400 | 403 if matches!(self.host, Host::Machine) => {
                        let why = format!("this machine has no such identity: its service answered {status}");
                        Err(CredentialError::unavailable(why))
                    }
                    _ => read(status, &body, self.kept.clock().now()),
                };
            }
            let wait = if status == 410 { 14 } else { 1 << n_tries.min(4) };
            self.kept.clock().sleep(Duration::from_secs(wait)).await;
        }
    }
}

#[async_trait]
impl TokenCredential for ManagedIdentity {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        self.kept.get(scope, async || self.fetch(scope).await).await
    }

    fn forget(&self, scope: &str) -> bool {
        self.kept.forget(scope)
    }
}
