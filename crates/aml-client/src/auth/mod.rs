//! **Here**: [`TokenCredential`], what it returns and how it fails.
//! **Not here**: any credential (one file each beside this one), keeping tokens (`cache`).
//! **Reads**: nothing before it; `send` asks for a token before each request.
//! **Source**: Azure/azure-sdk-for-rust `azure_core/src/credentials.rs` for the words, read 2026-11-22.

mod azure_cli;
#[cfg(feature = "azure-identity")]
mod azure_identity;
mod cache;
mod chain;
#[cfg(feature = "certificate")]
mod client_assertion;
#[cfg(feature = "certificate")]
mod client_certificate;
mod client_secret;
mod federated;
mod file;
mod fixed;
mod managed_identity;
mod token_endpoint;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use secrecy::SecretString;

pub use self::azure_cli::AzureCli;
#[cfg(feature = "azure-identity")]
pub use self::azure_identity::AzureIdentity;
pub use self::chain::{CredentialChain, from_env};
#[cfg(feature = "certificate")]
pub use self::client_assertion::JwtSigner;
#[cfg(feature = "certificate")]
pub use self::client_certificate::ClientCertificate;
pub use self::client_secret::ClientSecret;
pub use self::federated::{GithubOidc, WorkloadIdentity};
pub use self::fixed::FixedToken;
pub use self::managed_identity::{IdentitySelector, ManagedIdentity};

/// Where tokens come from.
///
/// The client asks before every request and keeps nothing, so an implementation that fetches tokens keeps them
/// itself. Neither `Debug` nor an error may show a secret.
#[async_trait]
pub trait TokenCredential: fmt::Debug + Send + Sync {
    /// A token for that scope, such as `https://management.azure.com/.default`.
    ///
    /// The client's time-outs do not cover this call: an implementation that talks to a network bounds it itself.
    ///
    /// # Errors
    /// See [`CredentialError`].
    ///
    /// # Cancel safety
    /// Implementations must be safe to drop at any await.
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError>;

    /// Forgets the token of a scope, which the service did not accept. True where another one may be had: the request, which was not
    /// executed, is then sent once more.
    fn forget(&self, scope: &str) -> bool;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: TokenCredential + ?Sized> TokenCredential for Arc<T> {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        (**self).get_token(scope).await
    }

    fn forget(&self, scope: &str) -> bool {
        (**self).forget(scope)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: TokenCredential + ?Sized> TokenCredential for Box<T> {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        (**self).get_token(scope).await
    }

    fn forget(&self, scope: &str) -> bool {
        (**self).forget(scope)
    }
}

/// A bearer token. Its text is never printed.
#[derive(Clone, Debug)]
pub struct AccessToken {
    secret: SecretString,
    expires_at: Option<SystemTime>,
}

impl AccessToken {
    /// A token of which nobody said when it ends.
    #[must_use]
    pub fn new(secret: impl Into<SecretString>) -> Self {
        Self {
            secret: secret.into(),
            expires_at: None,
        }
    }

    /// The same token, known to end then.
    #[must_use]
    pub fn with_expires_at(mut self, at: SystemTime) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// The token itself.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// When it ends, where that is known. The client does not judge by it: the service does.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }
}

/// Why there is no token. The reason is for a person and holds no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// There is none now and nobody said no: nothing is configured here, or the source did not answer. Asking again, or
    /// asking another credential, may help.
    #[error("the credential is not available: {why}")]
    #[non_exhaustive]
    Unavailable {
        /// Why.
        why: String,
        /// What was behind it.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// The source answered and refused. Somebody has to change something.
    #[error("the credential's source refused: {why}")]
    #[non_exhaustive]
    Failed {
        /// Why.
        why: String,
        /// What was behind it.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

impl CredentialError {
    /// Nobody said no.
    #[must_use]
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable {
            why: why.into(),
            source: None,
        }
    }

    /// The source refused.
    #[must_use]
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed {
            why: why.into(),
            source: None,
        }
    }

    /// The same with what was behind it. Its text is printed in error chains, so it holds no secret either.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        match &mut self {
            Self::Unavailable { source, .. } | Self::Failed { source, .. } => *source = Some(error.into()),
        }
        self
    }
}
