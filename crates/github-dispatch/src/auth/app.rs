//! **Here**: [`App`], which asks for tokens of its installations, and [`InstallationToken`], which keeps one: asked for one time for all
//! who wait, refreshed before it ends, narrowed to what is needed.
//! **Not here**: the JWT that an app proves itself with (`jwt`).
//! **Reads**: `client`, whose calls ask for tokens too; `jwt`.
//! **Source**: <https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app>, read 2026-11-23: it lives for an hour.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::jwt::{AppJwt, JwtSigner};
use super::{StaticToken, TokenError, TokenSource};
use crate::client::{Client, ClientBuilder, as_json};
use crate::error::{Advice, Error};
use crate::repo::RepoFullName;
use crate::retry::Effect;

/// So long before its end a token is replaced.
const EARLY: Duration = Duration::from_secs(300);
/// Within so long after a token was made, or could not be, nobody asks again.
const RECENT: Duration = Duration::from_secs(5);

/// A GitHub App: who it is, and who signs for it.
///
/// # Example: dispatches with tokens of an app, narrowed to one repository and what is needed
///
/// ```no_run
/// # #[cfg(feature = "rustls")]
/// # fn example(pem: secrecy::SecretString) -> Result<(), Box<dyn std::error::Error>> {
/// use github_dispatch::auth::{App, RsaKey};
/// use github_dispatch::{Client, RepoFullName};
///
/// let repo = RepoFullName::parse("contoso/deploy")?;
/// let app = App::builder("Iv23liExample", RsaKey::from_pem(&pem)?)?.build()?;
/// let token = app
///     .installation_of(&repo)
///     .with_permissions([("contents", "write"), ("actions", "read")]);
/// let client = Client::builder(token).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct App {
    client: Client,
}

/// Settings of an [`App`].
#[derive(Debug)]
pub struct AppBuilder {
    issuer: String,
    signer: Arc<dyn JwtSigner>,
    client: ClientBuilder,
}

impl AppBuilder {
    /// Sets what the client that asks for tokens has of its own, such as the API root. Set it as for the client that uses the tokens.
    #[must_use]
    pub fn configure(mut self, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        self.client = set(self.client);
        self
    }

    /// The app. Offline: nothing is contacted.
    ///
    /// # Errors
    /// A setting cannot be right; the text says which.
    pub fn build(self) -> Result<App, Error> {
        let jwt = AppJwt::new(self.issuer, self.signer, self.client.known_clock());
        let client = self.client.token(jwt).build()?;
        Ok(App { client })
    }
}

impl App {
    /// An app by its client id, such as `Iv23li…` (GitHub's advice), or by its app id.
    ///
    /// # Errors
    /// The id cannot be one.
    pub fn builder(
        issuer: impl Into<String>,
        signer: impl JwtSigner + 'static,
    ) -> Result<AppBuilder, TokenError> {
        let issuer: String = issuer.into();
        if issuer.is_empty()
            || !issuer
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        {
            return Err(TokenError::new(
                "an app is named by its client id or app id: letters, digits and dots",
            ));
        }
        // Replaced when it is built; no request is made before.
        let placeholder = StaticToken::new("none", "app")?;
        Ok(AppBuilder {
            issuer,
            signer: Arc::new(signer),
            client: Client::builder(placeholder),
        })
    }

    /// The id of the installation that a repository belongs to.
    ///
    /// # Errors
    /// 404: the app is not installed there. 401: the app's id or key is wrong.
    pub async fn installation_id(&self, repo: &RepoFullName) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Found {
            id: u64,
        }
        let found: Found = self
            .client
            .read(|| self.client.requests().installation(repo))
            .await?;
        Ok(found.id)
    }

    /// Tokens of an installation, by its id.
    #[must_use]
    pub fn installation(&self, id: u64) -> InstallationToken {
        InstallationToken::new(self.client.clone(), Installation::Id(id))
    }

    /// Tokens of the installation that a repository belongs to, narrowed to this repository. Its id is asked for when the first token
    /// is.
    #[must_use]
    pub fn installation_of(&self, repo: &RepoFullName) -> InstallationToken {
        let token = InstallationToken::new(self.client.clone(), Installation::Of(repo.clone()));
        token.with_repositories([repo.name()])
    }
}

/// Which installation.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way to name one")]
pub enum Installation {
    /// By its id.
    Id(u64),
    /// By a repository that belongs to it.
    Of(RepoFullName),
}

/// What a token is narrowed to; everything the installation has where nothing is said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Narrowed {
    pub(crate) repositories: Vec<String>,
    pub(crate) permissions: BTreeMap<String, String>,
}

/// Tokens of one installation: a [`TokenSource`] that is asked as often as you like and asks GitHub once an hour.
///
/// Clones share the token.
#[derive(Clone)]
pub struct InstallationToken {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    installation: Installation,
    narrowed: Narrowed,
    principal: String,
    /// Who holds this asks GitHub; all others wait for it, or use the old token.
    asking: Mutex<Option<u64>>,
    now: Lock<State>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    failed: Option<(SystemTime, String, Advice)>,
}

#[derive(Clone)]
struct Kept {
    token: SecretString,
    made_at: SystemTime,
    expires_at: SystemTime,
    permissions: BTreeMap<String, String>,
}

/// GitHub's answer.
#[derive(Deserialize)]
struct Made {
    token: String,
    expires_at: String,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
}

impl InstallationToken {
    fn new(client: Client, installation: Installation) -> Self {
        let principal = match &installation {
            Installation::Id(id) => format!("{}, installation {id}", client.principal()),
            Installation::Of(repo) => format!("{}, installation of {repo}", client.principal()),
        };
        Self {
            shared: Arc::new(Shared {
                client,
                installation,
                narrowed: Narrowed::default(),
                principal,
                asking: Mutex::default(),
                now: Lock::default(),
            }),
        }
    }

    /// Only these repositories, by their names without the owner; at most 500.
    #[must_use]
    pub fn with_repositories<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        let repositories = names.into_iter().map(Into::into).collect();
        self.narrow(|narrowed| narrowed.repositories = repositories)
    }

    /// Only these permissions: `("contents", "write")` to dispatch, `("actions", "read")` to look for runs.
    #[must_use]
    pub fn with_permissions<K: Into<String>, V: Into<String>>(
        self,
        permissions: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let permissions = permissions
            .into_iter()
            .map(|(name, access)| (name.into(), access.into()))
            .collect();
        self.narrow(|narrowed| narrowed.permissions = permissions)
    }

    /// The permissions of the token that is kept, as GitHub told them; none before the first.
    #[must_use]
    pub fn permissions(&self) -> Option<BTreeMap<String, String>> {
        self.state().kept.as_ref().map(|kept| kept.permissions.clone())
    }

    /// Another token, which is not asked for yet.
    fn narrow(self, change: impl FnOnce(&mut Narrowed)) -> Self {
        let shared = &self.shared;
        let mut narrowed = shared.narrowed.clone();
        change(&mut narrowed);
        Self {
            shared: Arc::new(Shared {
                client: shared.client.clone(),
                installation: shared.installation.clone(),
                narrowed,
                principal: shared.principal.clone(),
                asking: Mutex::default(),
                now: Lock::default(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock_now(&self) -> SystemTime {
        self.shared.client.clock().now()
    }

    /// The token that is kept, if it has so long to live.
    fn kept(&self, at_least: Duration) -> Option<SecretString> {
        let end = self.clock_now().checked_add(at_least)?;
        let state = self.state();
        let kept = state.kept.as_ref().filter(|kept| kept.expires_at > end)?;
        Some(kept.token.clone())
    }

    /// Asks GitHub, unless somebody did just now.
    async fn ask(&self, id: &mut Option<u64>) -> Result<SecretString, TokenError> {
        let now = self.clock_now();
        if let Some((at, why, advice)) = &self.state().failed
            && now.duration_since(*at).is_ok_and(|age| age < RECENT)
        {
            return Err(TokenError::new(why.clone()).with_advice(*advice));
        }
        let made = self.make(id).await;
        let mut state = self.state();
        match made {
            Ok(kept) => {
                state.failed = None;
                Ok(state.kept.insert(kept).token.clone())
            }
            Err(error) => {
                let why = "an installation token could not be had";
                state.failed = Some((self.clock_now(), format!("{why}: {error}"), error.advice()));
                Err(TokenError::new(why)
                    .with_advice(error.advice())
                    .with_source(error))
            }
        }
    }

    async fn make(&self, id: &mut Option<u64>) -> Result<Kept, Error> {
        let Shared {
            client,
            installation,
            narrowed,
            ..
        } = &*self.shared;
        let known = match (installation, *id) {
            (Installation::Id(id), _) => *id,
            (Installation::Of(_), Some(id)) => id,
            (Installation::Of(repo), None) => {
                let app = App {
                    client: client.clone(),
                };
                *id.insert(app.installation_id(repo).await?)
            }
        };
        // A token more does no harm, so a lost answer is asked for again.
        let made: Made = client
            .call(
                Effect::Set,
                || client.requests().installation_token(known, narrowed),
                as_json,
            )
            .await?;
        let now = self.clock_now();
        let life = made.expires_at.parse::<jiff::Timestamp>().ok().and_then(|end| {
            SystemTime::from(end)
                .duration_since(client.clock().theirs(now))
                .ok()
        });
        Ok(Kept {
            token: SecretString::from(made.token),
            made_at: now,
            // One that names no end is used once more at most.
            expires_at: now.checked_add(life.unwrap_or_default()).unwrap_or(now),
            permissions: made.permissions,
        })
    }
}

#[async_trait]
impl TokenSource for InstallationToken {
    async fn token(&self) -> Result<SecretString, TokenError> {
        if let Some(token) = self.kept(EARLY) {
            return Ok(token);
        }
        let old = self.kept(RECENT);
        let mut asking = match (&old, self.shared.asking.try_lock()) {
            (_, Ok(asking)) => asking,
            // Somebody asks already, and the old one still lives.
            (Some(old), Err(_)) => return Ok(old.clone()),
            (None, Err(_)) => self.shared.asking.lock().await,
        };
        // Whoever waited finds what the other one got.
        if let Some(token) = self.kept(EARLY) {
            return Ok(token);
        }
        match (self.ask(&mut asking).await, old) {
            (Ok(token), _) | (Err(_), Some(token)) => Ok(token),
            (Err(error), None) => Err(error),
        }
    }

    async fn refresh(&self) -> Result<bool, TokenError> {
        let mut asking = self.shared.asking.lock().await;
        let now = self.clock_now();
        let is_recent = self
            .state()
            .kept
            .as_ref()
            .is_some_and(|kept| now.duration_since(kept.made_at).is_ok_and(|age| age < RECENT));
        if !is_recent {
            self.state().kept = None;
            self.ask(&mut asking).await?;
        }
        Ok(true)
    }

    fn principal(&self) -> &str {
        &self.shared.principal
    }
}

impl fmt::Debug for InstallationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstallationToken")
            .field("installation", &self.shared.installation)
            .field("narrowed", &self.shared.narrowed)
            .finish_non_exhaustive()
    }
}
