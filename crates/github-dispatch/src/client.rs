//! **Here**: [`Client`] and its builder, and how every call goes: its slot, its token, one attempt after another as the policy allows.
//! **Not here**: the calls (`ops`), bytes (`request`, `response`), sockets (`send`).
//! **Reads**: everything before it; `ops` after it.
//! **Source**: facts of 2026-11-22: a fresh connection for each dispatch, a connect timeout below the whole, no redirects.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde::de::DeserializeOwned;

use crate::auth::TokenSource;
use crate::clock::{Clock, ServerClock, SystemClock};
use crate::error::{Advice, Error, ErrorKind};
use crate::pace::{Lane, Pacer, Slot};
use crate::rate_limit::RateState;
use crate::request::{
    ApiRequest, ApiRoot, DEFAULT_API_VERSION, GITHUB_COM, InvalidApiRoot, InvalidRequest, Requests,
};
use crate::response::json;
use crate::retry::{Effect, RetryPolicy};
use crate::send::{Answer, send};
use crate::tls::{Connections, http_client};

/// A client of GitHub's REST API for dispatches and their runs. Cheap to clone; all clones share connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    retry: RetryPolicy,
}

struct Shared {
    requests: Requests,
    token: Arc<dyn TokenSource>,
    dispatching: reqwest::Client,
    reading: reqwest::Client,
    clock: Arc<ServerClock>,
    timeout: Duration,
    pacer: Option<Arc<Pacer>>,
}

/// Settings of a [`Client`].
#[derive(Debug)]
pub struct ClientBuilder {
    token: Arc<dyn TokenSource>,
    api_root: Result<ApiRoot, InvalidApiRoot>,
    api_version: String,
    user_agent: String,
    connect_timeout: Duration,
    timeout: Duration,
    http: Option<reqwest::Client>,
    clock: Arc<ServerClock>,
    retry: RetryPolicy,
    pacer: Option<Arc<Pacer>>,
}

impl ClientBuilder {
    /// The API root; `https://api.github.com` by default. Plain http is taken for loopback only.
    #[must_use]
    pub fn api_root(mut self, root: impl AsRef<str>) -> Self {
        self.api_root = ApiRoot::parse(root.as_ref());
        self
    }

    /// The API root of an enterprise with data residency: its subdomain of `ghe.com`.
    #[must_use]
    pub fn data_residency(mut self, subdomain: &str) -> Self {
        self.api_root = ApiRoot::data_residency(subdomain);
        self
    }

    /// The API root of an Enterprise Server: its host name, with a port where there is one.
    #[must_use]
    pub fn enterprise_server(mut self, host: &str) -> Self {
        self.api_root = ApiRoot::enterprise_server(host);
        self
    }

    /// `X-GitHub-Api-Version`; `2022-11-28` by default.
    #[must_use]
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = version.into();
        self
    }

    /// `User-Agent`.
    #[must_use]
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.user_agent = agent.into();
        self
    }

    /// How long a connection, TLS included, may take to come about; 5 s by default. Must be below the whole timeout: else
    /// a request that was surely not sent could not be told from one that was.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a whole attempt may take; 15 s by default. GitHub itself gives up after 10 s.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// An HTTP client of your own, for a custom certificate or proxy. It must neither follow redirects nor repeat requests,
    /// and needs a connect timeout below [`timeout`](Self::timeout), since [`connect_timeout`](Self::connect_timeout)
    /// cannot be set on it any more.
    #[must_use]
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// The clock that moments are told by, and that waits.
    #[must_use]
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        self.server_clock(Arc::new(ServerClock::new(Arc::new(clock))))
    }

    /// The clock, with what is known of GitHub's.
    #[cfg(feature = "app")]
    pub(crate) fn known_clock(&self) -> Arc<ServerClock> {
        Arc::clone(&self.clock)
    }

    /// Another source of tokens.
    #[cfg(feature = "app")]
    pub(crate) fn token(mut self, token: impl TokenSource + 'static) -> Self {
        self.token = Arc::new(token);
        self
    }

    /// The same, with what is known of GitHub's clock.
    fn server_clock(mut self, clock: Arc<ServerClock>) -> Self {
        self.clock = clock;
        self
    }

    /// Which requests are made again; the default is [`RetryPolicy::default`], which never repeats what may have started something.
    #[must_use]
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Plans every request, so that limits are never met. Share one pacer among all clients of one principal.
    #[must_use]
    pub fn pacer(mut self, pacer: Arc<Pacer>) -> Self {
        self.pacer = Some(pacer);
        self
    }

    /// The client. Offline: nothing is contacted.
    ///
    /// # Errors
    /// A setting cannot be right; the text says which.
    pub fn build(self) -> Result<Client, Error> {
        let root = self.api_root.map_err(|error| Error::invalid(error.to_string()))?;
        if self.connect_timeout.is_zero() || self.connect_timeout >= self.timeout {
            return Err(Error::invalid(
                "the connect timeout must be above zero and below the timeout of the whole attempt",
            ));
        }
        let is_https = root.is_https();
        let make = |connections| match &self.http {
            Some(client) => Ok(client.clone()),
            None => http_client(is_https, connections, self.connect_timeout, self.timeout),
        };
        let (dispatching, reading) = (make(Connections::Fresh)?, make(Connections::Kept)?);
        let requests = Requests::new(root, self.api_version, self.user_agent);
        Ok(Client {
            retry: self.retry,
            shared: Arc::new(Shared {
                requests,
                token: self.token,
                dispatching,
                reading,
                clock: self.clock,
                timeout: self.timeout,
                pacer: self.pacer,
            }),
        })
    }
}

impl Client {
    /// A client with this source of tokens.
    #[must_use]
    pub fn builder(token: impl TokenSource + 'static) -> ClientBuilder {
        ClientBuilder {
            token: Arc::new(token),
            api_root: ApiRoot::parse(GITHUB_COM),
            api_version: DEFAULT_API_VERSION.to_owned(),
            user_agent: concat!("github-dispatch/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            http: None,
            clock: Arc::new(ServerClock::new(Arc::new(SystemClock))),
            retry: RetryPolicy::default(),
            pacer: None,
        }
    }

    /// The same client, and nothing is made again by it: every decision is the caller's.
    #[must_use]
    pub fn without_retries(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            retry: RetryPolicy::off(),
        }
    }

    /// Whose token it sends.
    #[must_use]
    pub fn principal(&self) -> &str {
        self.shared.token.principal()
    }

    /// Whether it asks github.com, or an enterprise with data residency, and not an Enterprise Server of some older version.
    #[must_use]
    pub fn is_hosted_by_github(&self) -> bool {
        self.requests().root().is_hosted_by_github()
    }

    /// What remains of the primary limit by the last answer; none before there was one, or where GitHub does not say.
    #[must_use]
    pub fn rate_state(&self) -> Option<RateState> {
        self.clock().rate_state()
    }

    /// The longest time after which one attempt can still reach GitHub: twice the timeout. A token that was not accepted
    /// is replaced, and the request, which was not executed, sent with the new one; a token source that takes longer than
    /// the timeout ends the attempt unsent. The wait for a slot of a pacer comes before the attempt.
    #[must_use]
    pub fn longest_attempt(&self) -> Duration {
        self.shared.timeout.saturating_mul(2)
    }

    pub(crate) fn requests(&self) -> &Requests {
        &self.shared.requests
    }

    pub(crate) fn clock(&self) -> &ServerClock {
        &self.shared.clock
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.shared.timeout
    }

    /// The HTTP client for what is read, which keeps its connections.
    pub(crate) fn reading(&self) -> &reqwest::Client {
        &self.shared.reading
    }

    /// A call that reads JSON.
    pub(crate) async fn read<T: DeserializeOwned + Send>(&self, make: impl Make) -> Result<T, Error> {
        self.call(Effect::Read, make, as_json).await
    }

    /// A call: attempts as the policy allows, each with its slot, until one is read as success or as an error that stays.
    pub(crate) async fn call<T: Send>(
        &self,
        effect: Effect,
        make: impl Make,
        read: impl Fn(&Answer, SystemTime) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let mut n_attempts = 0;
        loop {
            n_attempts += 1;
            let error = match self.paced(effect, &make, &read).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let now = self.clock().now();
            // No random numbers: whoever fails in another microsecond comes back in another one.
            let jitter = now
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default()
                .subsec_micros();
            let advice = error.advice();
            let Some(wait) = self.retry.after(n_attempts, advice, effect, now, jitter) else {
                return Err(error);
            };
            self.clock().sleep(wait).await;
        }
    }

    /// One attempt in its slot, and what is learnt of limits by it.
    async fn paced<T>(
        &self,
        effect: Effect,
        make: &impl Make,
        read: &(impl Fn(&Answer, SystemTime) -> Result<T, Error> + Send + Sync),
    ) -> Result<T, Error> {
        let Some(pacer) = &self.shared.pacer else {
            let answer = self.exchange(effect, make).await?;
            let outcome = read(&answer, self.clock().now());
            self.clock().learn(answer.headers);
            return outcome;
        };
        let slot = self.slot(pacer, effect).await?;
        let answer = self.exchange(effect, make).await;
        let now = self.clock().now();
        let (outcome, headers) = match answer {
            Ok(answer) => (read(&answer, now), Some(answer.headers)),
            Err(error) => (Err(error), None),
        };
        match outcome.as_ref().map_err(Error::advice) {
            Err(Advice::NotSent) => pacer.give_back(slot),
            _ => pacer.ended(slot, now),
        }
        if let Some(headers) = headers {
            pacer.learn(&headers, outcome.as_ref().err(), now);
            self.clock().learn(headers);
        }
        outcome
    }

    async fn slot(&self, pacer: &Pacer, effect: Effect) -> Result<Slot, Error> {
        let lane = match effect {
            Effect::Read => Lane::Read,
            Effect::Set | Effect::Start => Lane::Write,
        };
        let now = self.clock().now();
        let slot = pacer.reserve(lane, now);
        let wait = slot.starts_at().duration_since(now).unwrap_or_default();
        if wait > pacer.patience() {
            pacer.give_back(slot);
            let until = slot.starts_at();
            let text = "our own pace has no room for it before then, so it was not sent";
            return Err(Error::new(
                ErrorKind::Throttled,
                Advice::Throttled { until },
                text,
            ));
        }
        if !wait.is_zero() {
            self.clock().sleep(wait).await;
        }
        Ok(slot)
    }

    /// One request and its answer; two only if the token was not accepted and there is another, since a 401 was not executed.
    pub(crate) async fn exchange(&self, effect: Effect, make: &impl Make) -> Result<Answer, Error> {
        let http = match effect {
            Effect::Start => &self.shared.dispatching,
            Effect::Read | Effect::Set => &self.shared.reading,
        };
        // Whoever gave us time gave us twice the timeout: a request that begins later could outlast it.
        let latest_start = self.clock().now().checked_add(self.shared.timeout);
        let answer = self.attempt(http, latest_start, make).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            // It tells what time it is, which a token may depend on.
            self.clock().learn(answer.headers.clone());
            if self.shared.token.refresh().await.unwrap_or(false) {
                return self.attempt(http, latest_start, make).await;
            }
        }
        Ok(answer)
    }

    async fn attempt(
        &self,
        http: &reqwest::Client,
        latest_start: Option<SystemTime>,
        make: &impl Make,
    ) -> Result<Answer, Error> {
        let request =
            make().map_err(|error| Error::invalid("the request cannot be made").with_source(error))?;
        // Without a token nothing was sent.
        let token = self.shared.token.token().await.map_err(|error| {
            Error::new(ErrorKind::Auth, error.advice(), "no token could be had").with_source(error)
        })?;
        if latest_start.is_some_and(|latest| self.clock().now() > latest) {
            let text = "the token came too late for the request to end in time";
            return Err(Error::new(ErrorKind::Auth, Advice::NotSent, text));
        }
        let origin = self.requests().root().origin();
        send(http, &origin, token, self.shared.timeout, request).await
    }
}

/// Makes one request; asked again for each attempt.
pub(crate) trait Make: Fn() -> Result<ApiRequest, InvalidRequest> + Send + Sync {}

impl<F: Fn() -> Result<ApiRequest, InvalidRequest> + Send + Sync> Make for F {}

/// The JSON that was asked for.
pub(crate) fn as_json<T: DeserializeOwned>(answer: &Answer, now: SystemTime) -> Result<T, Error> {
    json(answer.status, &answer.headers, &answer.body, now, &answer.hidden)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("requests", &self.shared.requests)
            .field("token", &self.shared.token)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
