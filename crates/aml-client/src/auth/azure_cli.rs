//! **Here**: [`AzureCli`]: whoever is logged in with `az`. For developers; never chosen by itself.
//! **Not here**: keeping tokens (`cache`).
//! **Reads**: `cache`; the program's output.
//! **Source**: Azure/azure-cli `account get-access-token` (`accessToken`; `expires_on` in seconds from 2.54 on; `expiresOn` in local time, which
//! is not read), read 2026-11-23. The program is called with a list of arguments, never by a shell.

use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use serde::Deserialize;
use tokio::process::Command;

use super::cache::{Fetched, Kept};
use super::{AccessToken, CredentialError, TokenCredential};
use crate::clock::Clock;

/// How long the program may take: it may have to ask Entra.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a token is used whose end is not told in a way that can be read.
const UNTOLD: Duration = Duration::from_secs(300);

/// Tokens of the Azure CLI.
#[derive(Debug)]
pub struct AzureCli {
    program: PathBuf,
    tenant: Option<String>,
    kept: Kept,
}

impl Default for AzureCli {
    fn default() -> Self {
        // On Windows the program is a script, which has to be named whole.
        Self::new(if cfg!(windows) { "az.cmd" } else { "az" })
    }
}

impl AzureCli {
    /// With this program, looked for as the system does.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            tenant: None,
            kept: Kept::default(),
        }
    }

    /// Tokens of this tenant.
    ///
    /// # Errors
    /// [`Failed`](CredentialError::Failed): it is neither a GUID nor a domain name.
    pub fn with_tenant(mut self, tenant: &str) -> Result<Self, CredentialError> {
        let is_tenant = !tenant.is_empty()
            && !tenant.starts_with('-')
            && tenant
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        if !is_tenant {
            return Err(CredentialError::failed(
                "the tenant is not a GUID or a domain name",
            ));
        }
        self.tenant = Some(tenant.to_owned());
        Ok(self)
    }

    /// Lives by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.kept = Kept::new(Arc::new(clock));
        self
    }

    async fn fetch(&self, scope: &str) -> Result<Fetched, CredentialError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "accessToken")]
            access_token: String,
            #[serde(default)]
            expires_on: Option<u64>,
        }
        let is_scope = scope.starts_with("https://")
            && scope
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b":/._-".contains(&b));
        if !is_scope {
            return Err(CredentialError::failed(
                "the scope is not one that can be asked for",
            ));
        }
        let mut command = Command::new(&self.program);
        command.args([
            "account",
            "get-access-token",
            "--output",
            "json",
            "--scope",
            scope,
        ]);
        if let Some(tenant) = &self.tenant {
            command.args(["--tenant", tenant]);
        }
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .output();
        let clock = self.kept.clock();
        let output = match select(pin!(output), pin!(clock.sleep(PATIENCE))).await {
            Either::Left((output, _)) => output,
            Either::Right(_) => {
                return Err(CredentialError::unavailable(
                    "the azure cli did not answer in time",
                ));
            }
        };
        let output = output.map_err(|error| {
            CredentialError::unavailable("the azure cli cannot be run").with_source(error)
        })?;
        if !output.status.success() {
            // What it says may hold names of people and tenants.
            return Err(CredentialError::unavailable(
                "the azure cli has no token: is anybody logged in (az login)?",
            ));
        }
        let answer: Answer = serde_json::from_slice(&output.stdout)
            .map_err(|_| CredentialError::unavailable("the azure cli's answer holds no token"))?;
        let now = clock
            .now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let expires_in = answer
            .expires_on
            .map(|at| Duration::from_secs(at.saturating_sub(now)));
        Ok(Fetched {
            token: AccessToken::new(answer.access_token),
            expires_in: expires_in.unwrap_or(UNTOLD),
            refresh_in: None,
        })
    }
}

#[async_trait]
impl TokenCredential for AzureCli {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        self.kept.get(scope, async || self.fetch(scope).await).await
    }

    fn forget(&self, scope: &str) -> bool {
        self.kept.forget(scope)
    }
}
