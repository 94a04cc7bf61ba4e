//! **Here**: [`Client`] and [`ClientBuilder`]: settings checked once, the endpoint normalised once, one HTTP client reused.
//! **Not here**: how a call goes (`caller`), which there are (`ops`), TLS (`tls`).
//! **Reads**: `cloud`, `arm_id`, `api_version`, `auth`, `caller` before it; `ops` after it.
//! **Source**: our own; the environments are `cloud`'s, read 2026-11-22.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use url::{Host, Url};

use crate::api_version::ApiVersion;
use crate::arm_id::{RegistryScope, Scope, WorkspaceScope};
use crate::auth::TokenCredential;
use crate::caller::{Caller, Settings};
use crate::clock::{Clock, SystemClock};
use crate::cloud::Cloud;
use crate::error::Error;
use crate::operation::Polling;
use crate::quota::Quota;
use crate::registry::RegistryClient;
use crate::release::EndpointLocks;
use crate::request;
use crate::retry::RetryPolicy;
use crate::send::Transport;
use crate::tls::{self, Security};

/// A client for one workspace. Cheap to clone; clones share connections.
///
/// A call that had surely no effect, or that is repeatable, is made again as the [`RetryPolicy`] says;
/// [`without_retries`](Self::without_retries) makes each call one request.
#[derive(Clone)]
pub struct Client {
    workspace: WorkspaceScope,
    caller: Caller,
    endpoint_locks: Arc<EndpointLocks>,
}

impl Client {
    /// A builder for a client of this workspace.
    pub fn builder(workspace: WorkspaceScope, credential: impl TokenCredential + 'static) -> ClientBuilder {
        ClientBuilder::new(workspace, credential)
    }

    /// The same client, and nothing is made again by it: every decision is the caller's.
    #[must_use]
    pub fn without_retries(&self) -> Self {
        let mut other = self.clone();
        other.caller.retry = RetryPolicy::off();
        other
    }

    /// A client for another workspace with the same settings, credential and connections.
    #[must_use]
    pub fn for_workspace(&self, workspace: WorkspaceScope) -> Self {
        Self {
            caller: self.caller.for_scope(Scope::Workspace(workspace.clone())),
            workspace,
            endpoint_locks: Arc::clone(&self.endpoint_locks),
        }
    }

    /// A client for a registry with the same settings, credential and connections.
    #[must_use]
    pub fn for_registry(&self, registry: RegistryScope) -> RegistryClient {
        RegistryClient::new(&self.caller, registry)
    }

    /// This client, with every request carrying that id as `x-ms-client-request-id`, by which Azure's logs find it; a GUID
    /// is what the service asks for.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): not 1 to 64 letters, digits and hyphens.
    pub fn with_client_request_id(&self, id: &str) -> Result<Self, Error> {
        let mut other = self.clone();
        other.caller.client_request_id = Some(request::client_request_id(id)?);
        Ok(other)
    }

    /// The workspace.
    #[must_use]
    pub fn workspace(&self) -> &WorkspaceScope {
        &self.workspace
    }

    /// How many requests the resource manager still allows, as its last answers said. A client that makes calls again by itself waits a
    /// second where none is left.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.caller.quota_mut(|quota| *quota)
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.caller.now()
    }

    /// Waits by the client's clock: for callers that take a poller's [`step`](crate::Poller::step)s themselves.
    ///
    /// # Cancel safety
    /// Dropping the future ends the wait.
    pub async fn pause(&self, wait: Duration) {
        self.sleep(wait).await;
    }

    pub(crate) async fn sleep(&self, wait: Duration) {
        self.caller.sleep(wait).await;
    }

    pub(crate) fn endpoint_locks(&self) -> &EndpointLocks {
        &self.endpoint_locks
    }

    pub(crate) fn polling(&self) -> Polling {
        self.caller.polling()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("workspace", &self.workspace)
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`Client`], or of a [`RegistryClient`].
#[must_use]
pub struct ClientBuilder<S = WorkspaceScope> {
    scope: S,
    credential: Arc<dyn TokenCredential>,
    cloud: Cloud,
    endpoint: Option<String>,
    api_version: ApiVersion,
    connect_timeout: Option<Duration>,
    timeout: Duration,
    http: Option<reqwest::Client>,
    clock: Arc<dyn Clock>,
    retry: RetryPolicy,
    polling: Polling,
}

impl<S> ClientBuilder<S> {
    pub(crate) fn new(scope: S, credential: impl TokenCredential + 'static) -> Self {
        Self {
            scope,
            credential: Arc::new(credential),
            cloud: Cloud::default(),
            endpoint: None,
            api_version: ApiVersion::DEFAULT,
            connect_timeout: None,
            timeout: Duration::from_secs(30),
            http: None,
            clock: Arc::new(SystemClock),
            retry: RetryPolicy::default(),
            polling: Polling::default(),
        }
    }

    /// Which calls are made again. Default: [`RetryPolicy::default`].
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How long-running operations are polled. Default: [`Polling::default`].
    pub fn with_polling(mut self, polling: Polling) -> Self {
        self.polling = polling;
        self
    }

    /// The cloud: its resource manager is the endpoint, its scope the token's. Default: [`Cloud::Public`].
    pub fn with_cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = cloud;
        self
    }

    /// Another endpoint than the cloud's, such as `http://127.0.0.1:8080`. The token is sent there; its scope stays the
    /// cloud's.
    pub fn with_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Another version of the service's interface. Default: [`ApiVersion::DEFAULT`].
    pub fn with_api_version(mut self, api_version: ApiVersion) -> Self {
        self.api_version = api_version;
        self
    }

    /// How long a connection may take, TLS included. Default: 5 s.
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How long a whole call may take once there is a token. Default: 30 s.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Your own HTTP client, for a proxy or certificates of your own.
    ///
    /// Build it with `redirect(Policy::none())`, or an answer behind a redirect is an error, and with a connect time-out,
    /// or a connection that hangs cannot be told from a lost answer.
    pub fn with_http_client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Another clock; it turns `Retry-After` into an instant.
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// A caller for that scope, all settings checked.
    fn caller(self, scope: Scope) -> Result<Caller, Error> {
        let endpoint = self
            .endpoint
            .as_deref()
            .unwrap_or_else(|| self.cloud.resource_manager());
        let (endpoint, security) = parse_endpoint(endpoint)?;
        if self.timeout.is_zero() {
            return Err(Error::invalid("the time-out of a call is zero"));
        }
        let http = match (self.http, self.connect_timeout) {
            (Some(http), None) => http,
            (Some(_), Some(_)) => {
                return Err(Error::invalid(
                    "an http client of your own has its own connect time-out",
                ));
            }
            (None, connect) => {
                let connect = connect.unwrap_or(CONNECT_TIMEOUT);
                if connect.is_zero() || connect >= self.timeout {
                    return Err(Error::invalid(
                        "the connect time-out is not between zero and the time-out of a call",
                    ));
                }
                tls::http_client(security, connect)?
            }
        };
        let transport = Transport {
            endpoint,
            token_scope: self.cloud.scope().to_owned(),
            credential: self.credential,
            http,
            timeout: self.timeout,
        };
        Ok(Caller {
            scope,
            client_request_id: None,
            retry: self.retry,
            transport: Arc::new(transport),
            settings: Arc::new(Settings {
                cloud: self.cloud,
                api_version: self.api_version,
                clock: self.clock,
                polling: self.polling,
                quota: Mutex::default(),
            }),
        })
    }
}

impl ClientBuilder<WorkspaceScope> {
    /// The client. Opens no connection and asks for no token.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid):
    /// - the endpoint is not an origin, or is neither https nor http to loopback;
    /// - a time-out is zero, or the one for connecting is not shorter than the one for the whole call;
    /// - a connect time-out is set beside an HTTP client of your own, which has its own;
    /// - TLS cannot be set up, for example because the platform has no certificate store.
    pub fn build(self) -> Result<Client, Error> {
        let workspace = self.scope.clone();
        Ok(Client {
            caller: self.caller(Scope::Workspace(workspace.clone()))?,
            workspace,
            endpoint_locks: Arc::default(),
        })
    }
}

impl ClientBuilder<RegistryScope> {
    /// The client. Opens no connection and asks for no token.
    ///
    /// # Errors
    /// As for a [`Client`].
    pub fn build(self) -> Result<RegistryClient, Error> {
        let registry = self.scope.clone();
        let caller = self.caller(Scope::Registry(registry.clone()))?;
        Ok(RegistryClient::new(&caller, registry))
    }
}

impl<S: fmt::Debug> fmt::Debug for ClientBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The endpoint is not checked yet, so it might hold a password: it is not shown.
        f.debug_struct("ClientBuilder")
            .field("scope", &self.scope)
            .field("cloud", &self.cloud)
            .field("api_version", &self.api_version)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// An origin: scheme, host and port, and nothing behind them but slashes.
fn parse_endpoint(text: &str) -> Result<(Url, Security), Error> {
    let url = Url::parse(text).map_err(|e| Error::invalid("the endpoint is not a url").with_source(e))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::invalid("the endpoint holds a user name or password"));
    }
    if !url.path().bytes().all(|b| b == b'/') || url.query().is_some() || url.fragment().is_some() {
        return Err(Error::invalid(
            "the endpoint holds more than scheme, host and port",
        ));
    }
    let security = match url.scheme() {
        "https" => Security::Tls,
        "http" if is_loopback(&url) => Security::LoopbackPlain,
        "http" => return Err(Error::invalid("the endpoint is plain http and not loopback")),
        _ => return Err(Error::invalid("the endpoint is not https")),
    };
    Ok((url, security))
}

/// Whether this machine alone is meant.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_endpoints() {
        for (text, expect) in [
            ("https://management.azure.com", Security::Tls),
            ("https://management.azure.com/", Security::Tls),
            ("https://arm.example:8443//", Security::Tls),
            ("http://127.0.0.1:8080", Security::LoopbackPlain),
            ("http://127.9.9.9", Security::LoopbackPlain),
            ("http://[::1]:1", Security::LoopbackPlain),
            ("HTTP://LocalHost:80", Security::LoopbackPlain),
        ] {
            assert_eq!(
                parse_endpoint(text).map(|(_, security)| security).ok(),
                Some(expect),
                "{text}"
            );
        }
    }

    #[test]
    fn err_endpoints() {
        for text in [
            "",
            "management.azure.com",
            "http://management.azure.com",
            "http://10.0.0.1",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "ftp://127.0.0.1",
            "file:///etc",
            "https://user@host",
            "https://:pw@host",
            "https://host/path",
            "https://host?x=1",
            "https://host#x",
        ] {
            assert!(parse_endpoint(text).is_err(), "{text}");
        }
    }
}
