//! **Here**: [`AzureIdentity`]: a credential of Azure's own crates as one of ours.
//! **Not here**: any credential of theirs, nor their HTTP client: whoever uses one has chosen both.
//! **Reads**: `cache`.
//! **Source**: azure_core 1.1.0 `credentials.rs` and `error`, azure_identity 1.0.0 `cache.rs` (when it asks again, what it does when that fails), read
//! 2026-11-23.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use azure_core::credentials::TokenCredential as Theirs;
use azure_core::error::ErrorKind;
use futures_util::future::{Either, select};

use super::cache::{Fetched, Kept};
use super::{AccessToken, CredentialError, TokenCredential};
use crate::clock::Clock;

/// How long theirs may take, which repeat what failed and have no end of their own.
const PATIENCE: Duration = Duration::from_secs(120);

/// A credential of `azure_identity`, or anything else that `azure_core` takes for one.
///
/// Its tokens are kept here as well. Theirs keep them too, but fail as soon as a token is in its last five minutes and no other one can be
/// had; this one goes on with the token while it lives, and does not ask again for half a minute.
///
/// There is no way to make theirs forget a token. So a token that the service does not accept (401) is not replaced: `forget` drops it
/// here and says that there is no other, and the call fails. The next call asks them again.
///
/// A status with which somebody said no is [`Failed`](CredentialError::Failed); everything else is
/// [`Unavailable`](CredentialError::Unavailable): no connection, a server's fault, nobody logged in. Errors name the status and the code.
/// What theirs say beside that is left out, as they quote whole answers.
pub struct AzureIdentity {
    theirs: Arc<dyn Theirs>,
    kept: Kept,
}

impl AzureIdentity {
    /// Of theirs.
    #[must_use]
    pub fn new(credential: Arc<dyn Theirs>) -> Self {
        Self {
            theirs: credential,
            kept: Kept::default(),
        }
    }

    /// Lives by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.kept = Kept::new(Arc::new(clock));
        self
    }

    async fn fetch(&self, scope: &str) -> Result<Fetched, CredentialError> {
        let (scopes, clock) = ([scope], self.kept.clock());
        let asked = self.theirs.get_token(&scopes, None);
        let token = match select(asked, pin!(clock.sleep(PATIENCE))).await {
            Either::Left((answered, _)) => answered.map_err(|error| translate(&error))?,
            Either::Right(_) => {
                return Err(CredentialError::unavailable(
                    "the credential of azure_core did not answer in time",
                ));
            }
        };
        if token.token.secret().is_empty() {
            return Err(CredentialError::unavailable(
                "the credential of azure_core answered an empty token",
            ));
        }
        let end = Duration::from_secs(u64::try_from(token.expires_on.unix_timestamp()).unwrap_or(0));
        let now = clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Fetched {
            token: AccessToken::new(token.token.secret()),
            expires_in: end.saturating_sub(now),
            refresh_in: None,
        })
    }
}

impl fmt::Debug for AzureIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a foreign `Debug` prints is not ours to promise.
        f.debug_struct("AzureIdentity").finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredential for AzureIdentity {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        self.kept.get(scope, async || self.fetch(scope).await).await
    }

    fn forget(&self, scope: &str) -> bool {
        self.kept.forget(scope);
        false
    }
}

/// Theirs wrap what happened in an error of the kind "credential": the first one below that says more is what counts.
fn translate(error: &azure_core::Error) -> CredentialError {
    let mut next = Some(error);
    while let Some(error) = next {
        match error.kind() {
            ErrorKind::HttpResponse {
                status, error_code, ..
            } => return refused(u16::from(*status), error_code.as_deref()),
            ErrorKind::Connection | ErrorKind::Io => {
                return CredentialError::unavailable("the credential of azure_core got no answer");
            }
            ErrorKind::DataConversion => {
                return CredentialError::unavailable("the credential of azure_core could not read an answer");
            }
            _ => next = error.downcast_ref(),
        }
    }
    CredentialError::unavailable("the credential of azure_core has no token")
}

fn refused(status: u16, code: Option<&str>) -> CredentialError {
    // Several are joined by commas; the first one is the reason.
    let code = code.and_then(|codes| codes.split(',').next()).unwrap_or_default();
    let is_number = (1..=10).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
    let said = if is_number {
        format!(": AADSTS{code}")
    } else {
        String::new()
    };
    let why = format!("the credential of azure_core was answered {status}{said}");
    match status {
        408 | 410 | 429 | 500..=599 => CredentialError::unavailable(why),
        _ => CredentialError::failed(why),
    }
}
