//! **Here**: `Kept`: tokens by scope, asked for one time for all who wait, replaced before they end, used while they live.
//! **Not here**: where tokens come from (the credentials beside it).
//! **Reads**: the clock; every credential that fetches keeps its tokens here.
//! **Source**: Azure/azure-sdk-for-rust `azure_identity` and MSAL for the five minutes and `refresh_in`, read 2026-11-23; serving the old token
//! when the early refresh fails is ours.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::{AccessToken, CredentialError};
use crate::clock::{Clock, SystemClock};

/// So long before its end a token is replaced, where the service names no moment.
const EARLY: Duration = Duration::from_secs(300);
/// A token with less than this to live is not used any more.
const LAST: Duration = Duration::from_secs(5);
/// After a failure nobody asks again for so long while the old token lives, and for a moment where there is none.
const BACK_OFF: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_secs(1);

/// A token that was fetched.
pub(super) struct Fetched {
    pub(super) token: AccessToken,
    /// How long it lives.
    pub(super) expires_in: Duration,
    /// When another one should be asked for, if the service says so.
    pub(super) refresh_in: Option<Duration>,
}

/// Tokens by scope.
pub(super) struct Kept {
    clock: Arc<dyn Clock>,
    scopes: Lock<HashMap<String, Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    /// Who holds this asks; all others wait for it, or use the old token.
    asking: Mutex<()>,
    now: Lock<State>,
}

#[derive(Default)]
struct State {
    token: Option<AccessToken>,
    expires_at: Option<SystemTime>,
    refresh_at: Option<SystemTime>,
    failed: Option<(SystemTime, String, bool)>,
}

impl Default for Kept {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl Kept {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            scopes: Lock::default(),
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The token for a scope: the one that is kept, or what `fetch` brings.
    pub(super) async fn get(
        &self,
        scope: &str,
        fetch: impl AsyncFnOnce() -> Result<Fetched, CredentialError>,
    ) -> Result<AccessToken, CredentialError> {
        let slot = self.slot(scope);
        if let Some(token) = self.fresh(&slot) {
            return Ok(token);
        }
        let old = self.living(&slot);
        let _asking = match (&old, slot.asking.try_lock()) {
            (_, Ok(asking)) => asking,
            // Somebody asks already, and the old one still lives.
            (Some(old), Err(_)) => return Ok(old.clone()),
            (None, Err(_)) => slot.asking.lock().await,
        };
        // Whoever waited finds what the other one got, or why not.
        if let Some(token) = self.fresh(&slot) {
            return Ok(token);
        }
        if let Some(error) = self.failed(&slot, if old.is_some() { BACK_OFF } else { MOMENT }) {
            return old.ok_or(error);
        }
        let fetched = fetch().await;
        let now = self.clock.now();
        let mut state = state(&slot);
        match fetched {
            Ok(fetched) => {
                let expires_at = now.checked_add(fetched.expires_in);
                let early = fetched
                    .expires_in
                    .checked_sub(EARLY)
                    .unwrap_or(fetched.expires_in / 2);
                let refresh_in = fetched.refresh_in.map_or(early, |told| told.min(early));
                let token = match expires_at {
                    Some(at) => fetched.token.with_expires_at(at),
                    None => fetched.token,
                };
                *state = State {
                    token: Some(token.clone()),
                    expires_at,
                    refresh_at: now.checked_add(refresh_in),
                    failed: None,
                };
                Ok(token)
            }
            Err(error) => {
                let is_refusal = matches!(error, CredentialError::Failed { .. });
                let (CredentialError::Failed { why, .. } | CredentialError::Unavailable { why, .. }) = &error;
                state.failed = Some((now, why.clone(), is_refusal));
                old.ok_or(error)
            }
        }
    }

    /// Forgets the token of a scope, which the service did not accept; true where there was one.
    pub(super) fn forget(&self, scope: &str) -> bool {
        let slot = self.slot(scope);
        let mut state = state(&slot);
        let had_one = state.token.is_some();
        *state = State::default();
        had_one
    }

    fn slot(&self, scope: &str) -> Arc<Slot> {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(scopes.entry(scope.to_owned()).or_default())
    }

    /// A token that need not be replaced yet.
    fn fresh(&self, slot: &Slot) -> Option<AccessToken> {
        let state = state(slot);
        let is_fresh = state.refresh_at.is_some_and(|at| self.clock.now() < at);
        state.token.clone().filter(|_| is_fresh)
    }

    /// A token that can still be used.
    fn living(&self, slot: &Slot) -> Option<AccessToken> {
        let end = self.clock.now().checked_add(LAST)?;
        let state = state(slot);
        let lives = state.expires_at.is_some_and(|at| end < at);
        state.token.clone().filter(|_| lives)
    }

    fn failed(&self, slot: &Slot, within: Duration) -> Option<CredentialError> {
        let now = self.clock.now();
        let state = state(slot);
        let (at, why, is_refusal) = state.failed.as_ref()?;
        let is_recent = now.duration_since(*at).is_ok_and(|age| age < within);
        is_recent.then(|| {
            if *is_refusal {
                CredentialError::failed(why.clone())
            } else {
                CredentialError::unavailable(why.clone())
            }
        })
    }
}

fn state(slot: &Slot) -> MutexGuard<'_, State> {
    slot.now.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}
