//! **Here**: [`ClientCertificate`]: a service principal that proves itself by a certificate.
//! **Not here**: the statement and who signs it (`client_assertion`), the exchange (`token_endpoint`), keeping tokens (`cache`).
//! **Reads**: `client_assertion`, `token_endpoint`, `cache`, `file`.
//! **Source**: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow> (second case), read 2026-11-23.

use std::sync::Arc;

use async_trait::async_trait;

use super::cache::Kept;
use super::client_assertion::{Identity, JwtSigner};
use super::token_endpoint::{TokenEndpoint, check_client_id};
use super::{AccessToken, CredentialError, TokenCredential};
use crate::clock::Clock;

/// A service principal with a certificate.
///
/// Each request for a token carries a statement of ten minutes, signed with the certificate's key (PS256); the key itself stays here.
/// PEM is read, with an RSA key in PKCS#8 or PKCS#1; not PKCS#12, and no key with a password.
#[derive(Debug)]
pub struct ClientCertificate {
    endpoint: TokenEndpoint,
    client_id: String,
    source: Source,
    sends_chain: bool,
    kept: Kept,
}

/// Where the certificate is.
#[derive(Debug)]
enum Source {
    Held(Identity),
    #[cfg(feature = "rustls")]
    File(std::path::PathBuf),
}

impl ClientCertificate {
    /// By its parts; `pem` holds the private key, its certificate, and perhaps those above it, in any order. `authority` is such as
    /// [`Cloud::authority`](crate::cloud::Cloud::authority).
    ///
    /// # Errors
    /// [`Failed`](CredentialError::Failed): a part cannot be right, and the text says what is read; nothing is sent here.
    #[cfg(feature = "rustls")]
    pub fn from_pem(
        authority: &str,
        tenant: &str,
        client_id: &str,
        pem: &secrecy::SecretString,
    ) -> Result<Self, CredentialError> {
        use secrecy::ExposeSecret as _;

        let identity = Identity::from_pem(pem.expose_secret().as_bytes())?;
        Self::new(authority, tenant, client_id, Source::Held(identity))
    }

    /// The same from a file, which is read whenever a token is fetched: a certificate that took the place of another is used at once.
    ///
    /// # Errors
    /// [`Failed`](CredentialError::Failed): a part cannot be right; the file is not read here.
    #[cfg(feature = "rustls")]
    pub fn from_file(
        authority: &str,
        tenant: &str,
        client_id: &str,
        file: impl Into<std::path::PathBuf>,
    ) -> Result<Self, CredentialError> {
        Self::new(authority, tenant, client_id, Source::File(file.into()))
    }

    /// With a key that is kept elsewhere, such as in a key vault. `pem` holds the certificate of that key first, and perhaps those above it.
    ///
    /// # Errors
    /// [`Failed`](CredentialError::Failed): a part cannot be right; nothing is sent and nothing is signed here.
    pub fn with_signer(
        authority: &str,
        tenant: &str,
        client_id: &str,
        pem: &str,
        signer: impl JwtSigner + 'static,
    ) -> Result<Self, CredentialError> {
        let identity = Identity::signed_by(pem.as_bytes(), Arc::new(signer))?;
        Self::new(authority, tenant, client_id, Source::Held(identity))
    }

    fn new(authority: &str, tenant: &str, client_id: &str, source: Source) -> Result<Self, CredentialError> {
        check_client_id(client_id)?;
        Ok(Self {
            endpoint: TokenEndpoint::new(authority, tenant)?,
            client_id: client_id.to_owned(),
            source,
            sends_chain: false,
            kept: Kept::default(),
        })
    }

    /// Sends all certificates along (`x5c`), as Entra wants it where it trusts a subject and its issuer instead of one certificate.
    #[must_use]
    pub fn with_chain(mut self) -> Self {
        self.sends_chain = true;
        self
    }

    /// Lives by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.kept = Kept::new(Arc::new(clock));
        self
    }

    async fn identity(&self) -> Result<Identity, CredentialError> {
        match &self.source {
            Source::Held(identity) => Ok(identity.clone()),
            #[cfg(feature = "rustls")]
            Source::File(path) => {
                use secrecy::ExposeSecret as _;

                /// The longest file that is read.
                const MAX_BYTES: usize = 1024 * 1024;
                let pem = super::file::read_file(path, "the certificate's file", MAX_BYTES).await?;
                Identity::from_pem(pem.expose_secret())
            }
        }
    }
}

#[async_trait]
impl TokenCredential for ClientCertificate {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        let fetch = async || {
            let identity = self.identity().await?;
            let now = self.kept.clock().now();
            let audience = self.endpoint.url().as_str();
            let assertion = identity
                .assertion(audience, &self.client_id, self.sends_chain, now)
                .await?;
            self.endpoint
                .client_assertion(scope, &self.client_id, &assertion, now)
                .await
        };
        self.kept.get(scope, fetch).await
    }

    fn forget(&self, scope: &str) -> bool {
        self.kept.forget(scope)
    }
}
