//! **Here**: [`Caller`]: how every call goes: one scope, one transport, repeated as the policy allows.
//! **Not here**: which calls there are (`ops`), settings (`client`), I/O (`send`).
//! **Reads**: `request`, `send`, `retry`; `client`, `registry`, `pager` and `poller` hold one.
//! **Source**: our own; what is repeated is `retry`'s.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::header::HeaderValue;
use http::{Method, Request, Response};
use serde::de::DeserializeOwned;
use url::Url;

use crate::api_version::ApiVersion;
use crate::arm_id::Scope;
use crate::client::is_loopback;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::error::Error;
use crate::operation::Polling;
use crate::quota::Quota;
use crate::request::{self, Call, Target};
use crate::response;
use crate::retry::{Effect, RetryPolicy};
use crate::send::{self, Transport};

/// Makes the calls of one workspace or registry. Cheap to clone; clones share connections.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) scope: Scope,
    pub(crate) client_request_id: Option<HeaderValue>,
    pub(crate) retry: RetryPolicy,
    pub(crate) transport: Arc<Transport>,
    pub(crate) settings: Arc<Settings>,
}

/// What all clients made of one builder have in common.
pub(crate) struct Settings {
    pub(crate) cloud: Cloud,
    pub(crate) api_version: ApiVersion,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) polling: Polling,
    pub(crate) quota: Mutex<Quota>,
}

impl Caller {
    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            endpoint: &self.transport.endpoint,
            scope: &self.scope,
            api_version: &self.settings.api_version,
            client_request_id: self.client_request_id.as_ref(),
        }
    }

    /// The same calls for another scope.
    pub(crate) fn for_scope(&self, scope: Scope) -> Self {
        Self {
            scope,
            ..self.clone()
        }
    }

    /// Calls of another service that takes tokens of the same credential, for a scope of its own.
    pub(crate) fn at(&self, endpoint: Url, token_scope: String) -> Self {
        let transport = Transport {
            endpoint,
            token_scope,
            ..(*self.transport).clone()
        };
        Self {
            transport: Arc::new(transport),
            ..self.clone()
        }
    }

    /// An address that an answer of the resource manager named, as one to which a token may go: https to a host of the client's cloud,
    /// or this machine where the client itself talks to it.
    pub(crate) fn data_plane(&self, link: &str) -> Result<Url, Error> {
        let url = Url::parse(link).map_err(|_| Error::invalid("the service's link is not a url"))?;
        let is_host = |host: &str| self.settings.cloud.is_data_plane(host);
        let is_theirs = url.scheme() == "https" && url.host_str().is_some_and(is_host);
        let is_here = is_loopback(&url) && is_loopback(&self.transport.endpoint);
        if !(is_theirs || is_here) || !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid(
                "the service's link does not lead to a host of azure ml, and the token stays here",
            ));
        }
        Ok(url)
    }

    /// A GET whose answer is JSON.
    pub(crate) async fn read<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Error> {
        self.json(Effect::Repeatable, call).await
    }

    /// A call whose answer is JSON.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        effect: Effect,
        call: &Call<'_>,
    ) -> Result<T, Error> {
        let response = self.call(effect, call).await?;
        response::json(&response, self.now())
    }

    /// A call of whose answer only the status matters.
    pub(crate) async fn done(&self, effect: Effect, call: &Call<'_>) -> Result<(), Error> {
        let response = self.call(effect, call).await?;
        response::done(&response, self.now())
    }

    /// A call and its answer, whatever its status: made again as the policy allows.
    pub(crate) async fn call(&self, effect: Effect, call: &Call<'_>) -> Result<Response<Vec<u8>>, Error> {
        self.repeated(effect, || call.clone().build(self.target())).await
    }

    /// A GET of a link that the service gave.
    pub(crate) async fn follow(&self, link: &str) -> Result<Response<Vec<u8>>, Error> {
        self.repeated(Effect::Repeatable, || request::get_link(self.target(), link))
            .await
    }

    async fn repeated(
        &self,
        effect: Effect,
        make: impl Fn() -> Result<Request<Vec<u8>>, Error> + Send + Sync,
    ) -> Result<Response<Vec<u8>>, Error> {
        let mut n_attempts = 0;
        loop {
            n_attempts += 1;
            let request = make()?;
            self.wait_for_quota(request.method()).await;
            let mut answered = send::send(&self.transport, request).await;
            let is_refused = |answered: &Result<Response<Vec<u8>>, Error>| {
                answered
                    .as_ref()
                    .is_ok_and(|response| response.status().as_u16() == 401)
            };
            let transport = &self.transport;
            // It was not executed: once more with another token, if there is one.
            if is_refused(&answered) && transport.credential.forget(&transport.token_scope) {
                answered = send::send(transport, make()?).await;
            }
            if let Ok(response) = &answered {
                self.quota_mut(|quota| quota.see(response.headers()));
            }
            let now = self.now();
            let refused;
            let error = match &answered {
                Ok(response) if response.status().is_success() => return answered,
                Ok(response) => {
                    refused = response::refusal(response, now);
                    &refused
                }
                Err(error) => error,
            };
            // No random numbers: whoever fails in another microsecond comes back in another one.
            let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let Some(wait) = self
                .retry
                .after(n_attempts, error, effect, now, since.subsec_micros())
            else {
                return answered;
            };
            self.sleep(wait).await;
        }
    }

    /// Waits where the last answer left no request; not where every decision is the caller's.
    async fn wait_for_quota(&self, method: &Method) {
        if self.retry == RetryPolicy::off() {
            return;
        }
        let wait = self.quota_mut(|quota| quota.take(method));
        if !wait.is_zero() {
            self.sleep(wait).await;
        }
    }

    pub(crate) fn quota_mut<T>(&self, change: impl FnOnce(&mut Quota) -> T) -> T {
        let mut quota = self.settings.quota.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut quota)
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.settings.clock.now()
    }

    pub(crate) async fn sleep(&self, wait: Duration) {
        self.settings.clock.sleep(wait).await;
    }

    pub(crate) fn polling(&self) -> Polling {
        self.settings.polling
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the credential nor the HTTP client, which may be the user's own with headers we know nothing of.
        f.debug_struct("Caller")
            .field("endpoint", &self.transport.endpoint.as_str())
            .field("scope", &self.scope.to_string())
            .field("api_version", &self.settings.api_version)
            .field("timeout", &self.transport.timeout)
            .finish_non_exhaustive()
    }
}
