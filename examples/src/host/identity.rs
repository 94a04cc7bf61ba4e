//! **Here**: whose credential a route uses: a token, or a GitHub App; and the dispatcher over all identities of the configuration.
//! **Not here**: how an App proves itself (`github_dispatch::auth`), who is blocked or throttled (relay-core, by identity).
//! **Reads**: `config`.
//! **Source**: DESIGN section 6, rate budget per principal; <https://docs.github.com/rest/apps/apps>, read 2026-11-23.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use github_dispatch::auth::{App, InstallationToken, RsaKey};
use github_dispatch::{Client, ClientBuilder, RepoFullName, RetryPolicy, StaticToken};
use relay_core::adapters::github::GithubDispatcher;
use relay_core::budget::Budget;
use relay_core::report::report;
use relay_core::rules::RouteConfig;
use secrecy::SecretString;
use serde::Deserialize;

use super::config::{BudgetConfig, Config, from_environment, lines_from_environment, variable, within};

/// The identity of routes that name no other; `[github]` is it.
pub const DEFAULT: &str = "default";
/// The longest name of another one.
const MAX_NAME: usize = 32;

/// `[github]`, or `[identity.NAME]`: a credential, and how GitHub is reached with it. What an identity does not say of `api_root` and
/// timeouts is as in `[github]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Identity {
    /// Where GitHub's API is.
    pub api_root: Option<String>,
    /// The environment variable with a token.
    pub token_env: Option<String>,
    /// The client id, or app id, of a GitHub App; instead of a token.
    pub app_id: Option<String>,
    /// The environment variable with the App's private key, in PEM form.
    pub private_key_env: Option<String>,
    /// The environment variable with the path of a file that holds the key.
    pub private_key_file_env: Option<String>,
    /// The App's installation.
    pub installation_id: Option<u64>,
    /// A repository, `owner/name`, whose installation is looked up; that of its routes where neither is said.
    pub installation_of: Option<String>,
    /// What a token of the App is narrowed to; everything that the installation may do where the table is empty.
    pub permissions: Option<BTreeMap<String, String>>,
    /// How long connecting may take.
    pub connect_timeout_ms: Option<u64>,
    /// How long a request may take.
    pub timeout_ms: Option<u64>,
    /// How much it sends, where that is not as in `[budget]`.
    pub budget: Option<OwnBudget>,
}

/// The budget of one identity. What it does not say is as in `[budget]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct OwnBudget {
    /// The pause between two requests.
    pub min_interval_ms: Option<u64>,
    /// Requests in any minute.
    pub per_minute: Option<u32>,
    /// Requests in any hour.
    pub per_hour: Option<u32>,
    /// Requests under way at once.
    pub max_in_flight: Option<u32>,
}

impl OwnBudget {
    fn over(&self, all: &BudgetConfig) -> BudgetConfig {
        let mut budget = all.clone();
        budget.min_interval_ms = self.min_interval_ms.unwrap_or(all.min_interval_ms);
        budget.per_minute = self.per_minute.unwrap_or(all.per_minute);
        budget.per_hour = self.per_hour.unwrap_or(all.per_hour);
        budget.max_in_flight = self.max_in_flight.unwrap_or(all.max_in_flight);
        budget
    }
}

impl Identity {
    pub(super) fn check(&self, section: &str) -> Result<(), String> {
        let key = |key: &str| format!("{section}.{key}");
        for (name, value) in [
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("timeout_ms", self.timeout_ms),
        ] {
            within(&key(name), value.unwrap_or(1), 1, 60_000)?;
        }
        if let Some(budget) = &self.budget {
            budget.over(&BudgetConfig::default()).check(&key("budget"))?;
        }
        let of_app = [
            ("private_key_env", self.private_key_env.is_some()),
            ("private_key_file_env", self.private_key_file_env.is_some()),
            ("installation_id", self.installation_id.is_some()),
            ("installation_of", self.installation_of.is_some()),
            ("permissions", self.permissions.is_some()),
        ];
        if self.app_id.is_none() {
            return match of_app.iter().find(|(_, is_there)| *is_there) {
                Some((name, _)) => Err(format!(
                    "{} is of a GitHub App, and {} is missing",
                    key(name),
                    key("app_id")
                )),
                None => Ok(()),
            };
        }
        if self.token_env.is_some() {
            return Err(format!(
                "{} and {}: an identity is a token or an App, not both",
                key("token_env"),
                key("app_id")
            ));
        }
        if self.private_key_env.is_some() == self.private_key_file_env.is_some() {
            return Err(format!(
                "{}: one of private_key_env and private_key_file_env is expected",
                key("app_id")
            ));
        }
        if self.installation_id.is_some() && self.installation_of.is_some() {
            return Err(format!(
                "{} and {}: one of them names the installation",
                key("installation_id"),
                key("installation_of")
            ));
        }
        Ok(())
    }

    /// What it says itself, and the rest as in `[github]`.
    fn inherit(&self, github: &Self) -> Self {
        Self {
            api_root: self.api_root.clone().or_else(|| github.api_root.clone()),
            connect_timeout_ms: self.connect_timeout_ms.or(github.connect_timeout_ms),
            timeout_ms: self.timeout_ms.or(github.timeout_ms),
            ..self.clone()
        }
    }

    fn api_root(&self) -> &str {
        self.api_root.as_deref().unwrap_or("https://api.github.com")
    }

    fn reach(&self, client: ClientBuilder) -> ClientBuilder {
        client
            .api_root(self.api_root())
            .connect_timeout(Duration::from_millis(self.connect_timeout_ms.unwrap_or(5_000)))
            .timeout(Duration::from_millis(self.timeout_ms.unwrap_or(15_000)))
    }

    fn client(&self, section: &str, name: &str, served: &Served) -> Result<Client, String> {
        let client = match &self.app_id {
            Some(app) => Client::builder(self.installation(section, app, served)?),
            None => {
                let key = format!("{section}.token_env");
                let variable_name = self.token_env.as_deref().unwrap_or("GITHUB_TOKEN");
                let token = from_environment(&key, variable_name)?;
                let token = StaticToken::new(token, name)
                    .map_err(|error| format!("{}: {}", variable(&key, variable_name), report(&error)))?;
                Client::builder(token)
            }
        };
        self.reach(client)
            .build()
            .map_err(|error| format!("[{section}]: {}", report(&error)))
    }

    fn installation(&self, section: &str, app: &str, served: &Served) -> Result<InstallationToken, String> {
        let wrong = |why: String| format!("[{section}]: {why}");
        let key = RsaKey::from_pem(&self.private_key(section)?).map_err(|error| wrong(report(&error)))?;
        let app = App::builder(app, key)
            .map_err(|error| wrong(report(&error)))?
            // Whoever wants a token asks again, when the journal says so.
            .configure(|client| self.reach(client).retry(RetryPolicy::off()))
            .build()
            .map_err(|error| wrong(report(&error)))?;
        let token = match (self.installation_id, &self.installation_of) {
            (Some(id), _) => app.installation(id),
            (None, Some(repository)) => {
                let repository = RepoFullName::parse(repository)
                    .map_err(|error| format!("{section}.installation_of: {error}"))?;
                everything(&app, &repository)
            }
            (None, None) => {
                let owners: BTreeSet<String> = served
                    .repositories
                    .iter()
                    .map(|one| one.owner().to_ascii_lowercase())
                    .collect();
                match (served.repositories.first(), owners.len()) {
                    (Some(repository), 1) => everything(&app, repository),
                    _ => return Err(wrong(
                        "its routes name repositories of no owner, or of several, and an installation is of one: say installation_id or \
                         installation_of"
                            .to_owned(),
                    )),
                }
            }
        };
        let actions = if served.starts_workflows { "write" } else { "read" };
        let usual = [("contents", "write"), ("actions", actions)]
            .map(|(name, access)| (name.to_owned(), access.to_owned()));
        let permissions = self.permissions.clone().unwrap_or_else(|| BTreeMap::from(usual));
        Ok(token.with_permissions(permissions))
    }

    fn private_key(&self, section: &str) -> Result<SecretString, String> {
        if let Some(name) = &self.private_key_env {
            return lines_from_environment(&format!("{section}.private_key_env"), name)
                .map(SecretString::from);
        }
        let key = format!("{section}.private_key_file_env");
        let name = self.private_key_file_env.as_deref().unwrap_or_default();
        let path = from_environment(&key, name)?;
        std::fs::read_to_string(path)
            .map(SecretString::from)
            .map_err(|error| {
                format!(
                    "{}, whose file cannot be read: {}",
                    variable(&key, name),
                    error.kind()
                )
            })
    }
}

/// Tokens for whatever the installation sees: an item that was accepted under an earlier route may go to another repository.
fn everything(app: &App, repository: &RepoFullName) -> InstallationToken {
    app.installation_of(repository).with_repositories::<String>([])
}

/// All identities, ready to send.
#[derive(Debug)]
#[non_exhaustive]
pub struct Identities {
    /// Sends as each of them.
    pub dispatcher: GithubDispatcher,
    /// Budgets of those that have one of their own.
    pub budgets: Vec<(String, Budget)>,
}

impl Identities {
    /// One that no request is sent with: for a host that only takes deliveries, and needs no credential for it.
    ///
    /// # Errors
    /// There is no TLS on this machine.
    pub fn none() -> Result<Self, String> {
        let token = StaticToken::new("none", DEFAULT).map_err(|error| report(&error))?;
        let client = Client::builder(token).build().map_err(|error| report(&error))?;
        Ok(Self {
            dispatcher: GithubDispatcher::new(DEFAULT, &client),
            budgets: Vec::new(),
        })
    }
}

impl Identities {
    /// The identities of a configuration, each with its credential. Offline: nothing is contacted.
    ///
    /// # Errors
    /// A route names one that is not there, or a credential cannot be had; the text names the key.
    pub fn of(config: &Config) -> Result<Self, String> {
        let mut names: BTreeMap<&str, Identity> = BTreeMap::new();
        for (name, identity) in &config.identity {
            if name == DEFAULT {
                return Err(format!(
                    "[identity.{DEFAULT}]: the identity {DEFAULT:?} is [github]"
                ));
            }
            // A longer one may be a token that stands where a name belongs, and is not shown.
            if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_of_a_name) {
                return Err(format!(
                    "[identity.NAME]: a name has 1 to {MAX_NAME} characters of [A-Za-z0-9._-]"
                ));
            }
            names.insert(name, identity.inherit(&config.github));
        }
        for route in &config.route {
            let is_there = route.identity == DEFAULT || names.contains_key(route.identity.as_str());
            if !is_there {
                let known: Vec<&str> = std::iter::once(DEFAULT).chain(names.keys().copied()).collect();
                return Err(format!(
                    "route {:?}: identity: it is none of those that are configured: {}",
                    route.name,
                    known.join(", ")
                ));
            }
        }
        let github = &config.github;
        let is_said = github.token_env.is_some() || github.app_id.is_some();
        // A file that has identities of its own need not say what the default is.
        if is_said || config.route.iter().any(|route| route.identity == DEFAULT) {
            names.insert(DEFAULT, github.clone());
        }
        let mut clients = Vec::new();
        let mut budgets = Vec::new();
        for (name, identity) in names {
            let section = if name == DEFAULT {
                "github".to_owned()
            } else {
                format!("identity.{name}")
            };
            if name != DEFAULT && identity.token_env.is_none() && identity.app_id.is_none() {
                return Err(format!("[{section}]: token_env or app_id is expected"));
            }
            let served = Served::by(name, &config.route);
            if served.repositories.is_empty() {
                tracing::warn!(
                    identity = name,
                    "no route uses this identity; items that were accepted under it still do"
                );
            }
            clients.push((name, identity.client(&section, name, &served)?));
            if let Some(own) = &identity.budget {
                budgets.push((name.to_owned(), own.over(&config.budget).budget()));
            }
        }
        let mut clients = clients.into_iter();
        let (name, first) = clients.next().ok_or("there is no identity")?;
        let dispatcher = clients.fold(GithubDispatcher::new(name, &first), |all, (name, client)| {
            all.with_identity(name, &client)
        });
        Ok(Self { dispatcher, budgets })
    }
}

/// An API root of the configuration that is not on this machine, where stand-ins live; none where every request would stay here. Reads
/// no credential.
#[must_use]
pub fn beyond_loopback(config: &Config) -> Option<String> {
    let github = std::iter::once(config.github.clone());
    let others = config.identity.values().map(|one| one.inherit(&config.github));
    let mut roots = github.chain(others).map(|one| one.api_root().to_owned());
    roots.find(|root| {
        let url = url::Url::parse(root).ok();
        let is_local = match url.as_ref().and_then(url::Url::host) {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        !is_local
    })
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// What the routes of an identity ask of it.
#[derive(Debug)]
struct Served {
    repositories: Vec<RepoFullName>,
    starts_workflows: bool,
}

impl Served {
    /// A repository that cannot be read is found when the rules load.
    fn by(identity: &str, routes: &[RouteConfig]) -> Self {
        let own = || routes.iter().filter(|route| route.identity == identity);
        Self {
            repositories: own()
                .filter_map(|route| RepoFullName::parse(&route.repository).ok())
                .collect(),
            starts_workflows: own().any(|route| route.workflow.is_some()),
        }
    }
}
