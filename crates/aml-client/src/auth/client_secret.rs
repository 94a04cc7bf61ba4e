//! **Here**: [`ClientSecret`]: a service principal and its secret, also read from the JSON that `az ad sp create-for-rbac --sdk-auth` prints.
//! **Not here**: the exchange (`token_endpoint`), keeping tokens (`cache`).
//! **Reads**: `token_endpoint`, `cache`.
//! **Source**: Azure/login `src/common/LoginConfig.ts` (which members are needed) and Azure/azure-cli `role/custom.py` (which there are), read
//! 2026-11-23.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::cache::Kept;
use super::token_endpoint::{TokenEndpoint, check_client_id};
use super::{AccessToken, CredentialError, TokenCredential};
use crate::clock::Clock;
use crate::cloud::Cloud;

/// A service principal with a secret.
#[derive(Debug)]
pub struct ClientSecret {
    endpoint: TokenEndpoint,
    client_id: String,
    secret: SecretString,
    kept: Kept,
}

impl ClientSecret {
    /// By its parts. `authority` is such as [`Cloud::authority`].
    ///
    /// # Errors
    /// [`Failed`](CredentialError::Failed): a part cannot be right; nothing is sent here.
    pub fn new(
        authority: &str,
        tenant: &str,
        client_id: &str,
        secret: impl Into<SecretString>,
    ) -> Result<Self, CredentialError> {
        let secret = secret.into();
        check_client_id(client_id)?;
        if secret.expose_secret().is_empty() {
            return Err(CredentialError::failed("the client secret is empty"));
        }
        Ok(Self {
            endpoint: TokenEndpoint::new(authority, tenant)?,
            client_id: client_id.to_owned(),
            secret,
            kept: Kept::default(),
        })
    }

    /// From the JSON of `AZURE_CREDENTIALS`: `clientId`, `clientSecret` and `tenantId` are needed; the rest is optional, and tells the cloud.
    ///
    /// # Errors
    /// [`Failed`](CredentialError::Failed): it is no JSON object, or a member is missing, null, empty or no text; the text names it, and
    /// shows no value.
    pub fn from_azure_credentials(json: &SecretString) -> Result<Self, CredentialError> {
        let read: Option<Value> = serde_json::from_str(json.expose_secret()).ok();
        let object = read.as_ref().and_then(Value::as_object);
        let object =
            object.ok_or_else(|| CredentialError::failed("the azure credentials are no json object"))?;
        let text = |name: &str| match object.get(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.as_str()),
            Some(Value::String(_)) => Err(CredentialError::failed(format!(
                "{name} of the azure credentials is empty"
            ))),
            Some(Value::Null) | None => Err(CredentialError::failed(format!(
                "the azure credentials have no {name}"
            ))),
            Some(_) => Err(CredentialError::failed(format!(
                "{name} of the azure credentials is no text"
            ))),
        };
        let authority = match object.get("activeDirectoryEndpointUrl") {
            None | Some(Value::Null) => Cloud::Public.authority(),
            Some(_) => text("activeDirectoryEndpointUrl")?.trim_end_matches('/'),
        };
        Self::new(
            authority,
            text("tenantId")?,
            text("clientId")?,
            text("clientSecret")?,
        )
    }

    /// Lives by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.kept = Kept::new(Arc::new(clock));
        self
    }
}

#[async_trait]
impl TokenCredential for ClientSecret {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        let fetch = async || {
            let now = self.kept.clock().now();
            let proof = [("client_secret", &self.secret)];
            self.endpoint
                .client_credentials(scope, &self.client_id, &proof, now)
                .await
        };
        self.kept.get(scope, fetch).await
    }

    fn forget(&self, scope: &str) -> bool {
        self.kept.forget(scope)
    }
}
