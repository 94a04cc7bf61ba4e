//! **Here**: the [`TokenSource`] trait, and [`StaticToken`], a token that somebody handed in.
//! **Not here**: where a token is sent (`send`), tokens of a GitHub App (to come).
//! **Reads**: nothing; `client` asks it before each request.
//! **Source**: <https://docs.github.com/rest/authentication/authenticating-to-the-rest-api>, read 2026-11-22. Tokens are opaque and have
//! no fixed length.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;

/// A token could not be had, or cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct TokenError {
    why: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl TokenError {
    /// An error with this text, which must not hold the token.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            source: None,
        }
    }

    /// Adds what lies below it.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}

/// Gives tokens to send requests with.
#[async_trait]
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// The token to use now.
    ///
    /// # Errors
    /// None can be had.
    async fn token(&self) -> Result<SecretString, TokenError>;

    /// Asks for another token, after GitHub did not accept the present one. False when there is no other.
    ///
    /// # Errors
    /// None can be had.
    async fn refresh(&self) -> Result<bool, TokenError>;

    /// Whose token it is: a name for budgets and logs, never the token.
    fn principal(&self) -> &str;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: TokenSource + ?Sized> TokenSource for std::sync::Arc<T> {
    async fn token(&self) -> Result<SecretString, TokenError> {
        (**self).token().await
    }

    async fn refresh(&self) -> Result<bool, TokenError> {
        (**self).refresh().await
    }

    fn principal(&self) -> &str {
        (**self).principal()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: TokenSource + ?Sized> TokenSource for Box<T> {
    async fn token(&self) -> Result<SecretString, TokenError> {
        (**self).token().await
    }

    async fn refresh(&self) -> Result<bool, TokenError> {
        (**self).refresh().await
    }

    fn principal(&self) -> &str {
        (**self).principal()
    }
}

/// A token that does not change: a personal one, or `GITHUB_TOKEN`.
#[derive(Clone)]
pub struct StaticToken {
    token: SecretString,
    principal: String,
}

impl StaticToken {
    /// A token, and a name for whose it is.
    ///
    /// # Errors
    /// The token is empty, or holds what cannot stand in a header.
    pub fn new(token: impl Into<String>, principal: impl Into<String>) -> Result<Self, TokenError> {
        let token: String = token.into();
        if token.is_empty() {
            return Err(TokenError::new("the token is empty"));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::new(
                "the token holds blanks or other characters that no token has",
            ));
        }
        Ok(Self {
            token: SecretString::from(token),
            principal: principal.into(),
        })
    }
}

impl fmt::Debug for StaticToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticToken")
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenSource for StaticToken {
    async fn token(&self) -> Result<SecretString, TokenError> {
        Ok(self.token.clone())
    }

    async fn refresh(&self) -> Result<bool, TokenError> {
        Ok(false)
    }

    fn principal(&self) -> &str {
        &self.principal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_debug_shows_no_token() {
        let token = StaticToken::new("ghp_secret", "default").unwrap();
        assert_eq!(
            format!("{token:?}"),
            r#"StaticToken { principal: "default", .. }"#
        );
    }

    #[test]
    fn err_what_cannot_be_a_token() {
        for text in ["", " ", "a b", "a\n", "tökén"] {
            let error = StaticToken::new(text, "x").unwrap_err().to_string();
            assert!(text.trim().is_empty() || !error.contains(text), "{error}");
        }
    }
}
