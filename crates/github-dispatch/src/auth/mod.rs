//! **Here**: the [`TokenSource`] trait, and [`StaticToken`], a token that somebody handed in.
//! **Not here**: where a token is sent (`send`), tokens of a GitHub App (`app`, behind its feature).
//! **Reads**: nothing; `client` asks it before each request.
//! **Source**: <https://docs.github.com/rest/authentication/authenticating-to-the-rest-api>, read 2026-11-22. Tokens are opaque and have
//! no fixed length.

#[cfg(feature = "app")]
mod app;
#[cfg(feature = "app")]
mod jwt;

use std::fmt;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

#[cfg(feature = "app")]
pub(crate) use self::app::Narrowed;
#[cfg(feature = "app")]
pub use self::app::{App, AppBuilder, Installation, InstallationToken};
#[cfg(all(feature = "app", feature = "rustls"))]
pub use self::jwt::RsaKey;
#[cfg(feature = "app")]
pub use self::jwt::{JwtSigner, SignError};
use crate::error::Advice;

/// A token could not be had, or cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct TokenError {
    why: String,
    advice: Advice,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl TokenError {
    /// An error with this text, which must not hold the token.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            advice: Advice::NotSent,
            source: None,
        }
    }

    /// What whoever wanted the token should do; `NotSent`, which means try again, unless this says otherwise. Whatever became of the
    /// request for a token, the request that it was wanted for was not sent: so `Unknown` becomes `NotSent`.
    #[must_use]
    pub const fn with_advice(mut self, advice: Advice) -> Self {
        self.advice = match advice {
            Advice::Unknown => Advice::NotSent,
            known => known,
        };
        self
    }

    /// What whoever wanted the token should do.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        self.advice
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

/// What kind of token a text is, by the prefix that GitHub gives it. Tokens are opaque otherwise, and have no fixed length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TokenKind {
    /// `ghp_`: a classic personal token. It may do whatever its scopes say, in every repository its owner sees.
    PersonalClassic,
    /// `github_pat_`: a fine-grained personal token.
    PersonalFineGrained,
    /// `ghs_`: of an installation of a GitHub App; `GITHUB_TOKEN` of a workflow is one.
    Installation,
    /// `gho_` or `ghu_`: a person's, through an app.
    User,
    /// Without a prefix that is known.
    Other,
}

impl TokenKind {
    /// Reads the prefix.
    #[must_use]
    pub fn of(token: &SecretString) -> Self {
        let token = token.expose_secret();
        let known = [
            ("ghp_", Self::PersonalClassic),
            ("github_pat_", Self::PersonalFineGrained),
            ("ghs_", Self::Installation),
            ("gho_", Self::User),
            ("ghu_", Self::User),
        ];
        let found = known.into_iter().find(|(prefix, _)| token.starts_with(prefix));
        found.map_or(Self::Other, |(_, kind)| kind)
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
    fn ok_kinds_of_tokens() {
        for (text, kind) in [
            ("ghp_x", TokenKind::PersonalClassic),
            ("github_pat_x", TokenKind::PersonalFineGrained),
            ("ghs_1_eyJhbGciOi.x.y", TokenKind::Installation),
            ("ghu_x", TokenKind::User),
            ("0123abc", TokenKind::Other),
        ] {
            assert_eq!(TokenKind::of(&SecretString::from(text)), kind, "{text}");
        }
    }

    #[test]
    fn err_what_cannot_be_a_token() {
        for text in ["", " ", "a b", "a\n", "tökén"] {
            let error = StaticToken::new(text, "x").unwrap_err().to_string();
            assert!(text.trim().is_empty() || !error.contains(text), "{error}");
        }
    }
}
