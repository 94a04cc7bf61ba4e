//! **Here**: [`RegistryClient`]: the assets of a registry, which workspaces share.
//! **Not here**: the calls for them (`ops::assets`), settings (`client`).
//! **Reads**: `client`'s builder before it; `caller`.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service` (`Registry*`), read 2026-11-23: creating and deleting is a long-running
//! operation here, and names have a pattern.

use crate::arm_id::{RegistryScope, Scope};
use crate::auth::TokenCredential;
use crate::caller::Caller;
use crate::client::ClientBuilder;
use crate::retry::RetryPolicy;

/// A client for one registry. Cheap to clone; clones share connections.
///
/// A version in a registry cannot be changed, and one that was deleted cannot be made again.
#[derive(Clone, Debug)]
pub struct RegistryClient {
    registry: RegistryScope,
    caller: Caller,
}

impl RegistryClient {
    /// A builder for a client of this registry. One that has a [`Client`](crate::Client) takes
    /// [`for_registry`](crate::Client::for_registry).
    pub fn builder(
        registry: RegistryScope,
        credential: impl TokenCredential + 'static,
    ) -> ClientBuilder<RegistryScope> {
        ClientBuilder::new(registry, credential)
    }

    pub(crate) fn new(caller: &Caller, registry: RegistryScope) -> Self {
        Self {
            caller: caller.for_scope(Scope::Registry(registry.clone())),
            registry,
        }
    }

    /// The same client, and nothing is made again by it.
    #[must_use]
    pub fn without_retries(&self) -> Self {
        let mut other = self.clone();
        other.caller.retry = RetryPolicy::off();
        other
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> &RegistryScope {
        &self.registry
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }
}
