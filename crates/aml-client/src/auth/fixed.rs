//! **Here**: [`FixedToken`], a token that somebody else fetched.
//! **Not here**: fetching or refreshing one.
//! **Reads**: `auth` before it; `send` asks it like any other credential.
//! **Source**: our own, read 2026-11-22.

use async_trait::async_trait;
use secrecy::SecretString;

use super::{AccessToken, CredentialError, TokenCredential};

/// Always the same token, whatever the scope; good for as long as that token is.
#[derive(Clone, Debug)]
pub struct FixedToken(AccessToken);

impl FixedToken {
    /// From the token's text, such as what `az account get-access-token` prints as `accessToken`.
    #[must_use]
    pub fn new(token: impl Into<SecretString>) -> Self {
        Self(AccessToken::new(token))
    }
}

impl From<AccessToken> for FixedToken {
    fn from(token: AccessToken) -> Self {
        Self(token)
    }
}

#[async_trait]
impl TokenCredential for FixedToken {
    async fn get_token(&self, _scope: &str) -> Result<AccessToken, CredentialError> {
        Ok(self.0.clone())
    }

    fn forget(&self, _scope: &str) -> bool {
        false
    }
}
