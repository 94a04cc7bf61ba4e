//! **Here**: the configuration file of the server, key for key, and what it reads from the environment.
//! **Not here**: what a route's keys mean (`relay_core::rules::config`).
//! **Reads**: the file; `main` builds from it.
//! **Source**: our own; `examples/host_server/relay.toml` shows every key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use relay_core::budget::Budget;
use relay_core::rules::RouteConfig;
use serde::Deserialize;

/// The whole file. Unknown keys are refused at every level.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) server: Server,
    pub(crate) webhook: Webhook,
    #[serde(default)]
    pub(crate) journal: Journal,
    #[serde(default)]
    pub(crate) github: Github,
    #[serde(default)]
    pub(crate) budget: BudgetConfig,
    #[serde(default)]
    pub(crate) route: Vec<RouteConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    pub(crate) listen: String,
    pub(crate) shutdown_deadline_s: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            shutdown_deadline_s: 25,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    pub(crate) secret_env: Vec<String>,
    #[serde(default)]
    pub(crate) allow_anonymous: bool,
    #[serde(default = "default_max_body_bytes")]
    pub(crate) max_body_bytes: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    pub(crate) lock_wait_s: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            path: PathBuf::from("relay.db"),
            lock_wait_s: 10,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Github {
    pub(crate) api_root: String,
    pub(crate) token_env: String,
    pub(crate) connect_timeout_ms: u64,
    pub(crate) timeout_ms: u64,
}

impl Default for Github {
    fn default() -> Self {
        Self {
            api_root: "https://api.github.com".to_owned(),
            token_env: "GITHUB_TOKEN".to_owned(),
            connect_timeout_ms: 5_000,
            timeout_ms: 15_000,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BudgetConfig {
    pub(crate) min_interval_ms: u64,
    pub(crate) per_minute: u32,
    pub(crate) per_hour: u32,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            min_interval_ms: 1_000,
            per_minute: 60,
            per_hour: 500,
        }
    }
}

impl BudgetConfig {
    pub(crate) fn budget(&self) -> Budget {
        Budget::default()
            .with_min_interval(Duration::from_millis(self.min_interval_ms))
            .with_per_minute(self.per_minute)
            .with_per_hour(self.per_hour)
    }
}

impl Config {
    /// Reads the file; the text of an error names the key and its line.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("failed to read the configuration {}: {error}", path.display()))?;
        let config: Self = toml::from_str(&text)
            .map_err(|error| format!("the configuration {} is wrong: {error}", path.display()))?;
        if config.route.is_empty() {
            return Err(format!(
                "the configuration {} has no [[route]], so nothing would ever be sent",
                path.display()
            ));
        }
        Ok(config)
    }
}

/// The value of an environment variable that a key names. Never shown.
pub(crate) fn from_environment(key: &str, name: &str) -> Result<String, String> {
    #[expect(clippy::disallowed_methods, reason = "a host reads the environment")]
    let value = std::env::var(name);
    match value {
        Ok(value) if !value.trim().is_empty() => Ok(value),
        Ok(_) => Err(format!(
            "{key} names the environment variable {name}, which is empty"
        )),
        Err(_) => Err(format!(
            "{key} names the environment variable {name}, which is not set"
        )),
    }
}

const fn default_max_body_bytes() -> usize {
    relay_core::webhook::DEFAULT_MAX_BODY_BYTES
}
