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
    pub(crate) max_connections: u64,
    pub(crate) header_timeout_s: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            shutdown_deadline_s: 25,
            max_connections: 512,
            header_timeout_s: 10,
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
        let config: Self = toml::from_str(&text).map_err(|error| {
            format!(
                "the configuration {} is wrong: {}",
                path.display(),
                shown(&error, &text)
            )
        })?;
        config
            .check()
            .map_err(|why| format!("the configuration {} is wrong: {why}", path.display()))?;
        if config.route.is_empty() {
            return Err(format!(
                "the configuration {} has no [[route]], so nothing would ever be sent",
                path.display()
            ));
        }
        Ok(config)
    }

    /// Numbers that would make a server nobody wants.
    fn check(&self) -> Result<(), String> {
        const MIB: u64 = 1024 * 1024;
        let (server, github, budget) = (&self.server, &self.github, &self.budget);
        let body = u64::try_from(self.webhook.max_body_bytes).unwrap_or(u64::MAX);
        let bounds = [
            // One event may be 1 MB, and comes with what frames it; a refusal by size is final.
            ("webhook.max_body_bytes", body, MIB + MIB / 16, 64 * MIB),
            ("server.shutdown_deadline_s", server.shutdown_deadline_s, 0, 3_600),
            ("server.max_connections", server.max_connections, 1, 65_536),
            ("server.header_timeout_s", server.header_timeout_s, 1, 60),
            ("journal.lock_wait_s", self.journal.lock_wait_s, 0, 3_600),
            ("github.connect_timeout_ms", github.connect_timeout_ms, 1, 60_000),
            ("github.timeout_ms", github.timeout_ms, 1, 120_000),
            ("budget.min_interval_ms", budget.min_interval_ms, 0, 3_600_000),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(format!("{key} is {value}, and may be {least} to {most}"));
            }
        }
        Ok(())
    }
}

/// Where an error is, at which key, and what was expected there. Never a value: somebody may have written a secret in its place.
fn shown(error: &toml::de::Error, text: &str) -> String {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count();
    let key = text.lines().nth(line).and_then(|line| line.split_once('='));
    let key = key.map_or_else(String::new, |(key, _)| format!(", key {:?}", key.trim()));
    let said = error.message();
    let names_a_key = ["unknown field", "missing field", "duplicate"];
    // A misspelt word, such as "newest" for a lane, is no secret.
    let is_a_word = |word: &str| word.len() <= 16 && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let word = said
        .strip_prefix("unknown variant `")
        .and_then(|rest| rest.split_once('`'));
    let names_a_word = word.is_some_and(|(word, _)| is_a_word(word));
    let why = if names_a_word || names_a_key.iter().any(|start| said.starts_with(start)) {
        said
    } else {
        said.split_once("expected ")
            .map_or("this is not what may stand here", |(_, expected)| expected)
    };
    let expected = if why == said || !said.contains("expected ") {
        ""
    } else {
        "expected "
    };
    format!("line {}{key}: {expected}{why}", line + 1)
}

/// The key with the variable that it names, for an error about the value.
pub(crate) fn key_and_name(key: &str, name: &str) -> String {
    format!("{key}, {}", shown_name(name))
}

/// The name of a variable as an error may show it: somebody may have written a secret in its place.
fn shown_name(name: &str) -> String {
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    if is_name {
        format!("the environment variable {name}")
    } else {
        "something that is not the NAME of an environment variable in capitals".to_owned()
    }
}

/// The value of an environment variable that a key names. Never shown.
pub(crate) fn from_environment(key: &str, name: &str) -> Result<String, String> {
    #[expect(clippy::disallowed_methods, reason = "a host reads the environment")]
    let value = std::env::var(name);
    match value {
        Ok(value) if !value.trim().is_empty() => Ok(value),
        Ok(_) => Err(format!("{key} names {}, which is empty", shown_name(name))),
        Err(_) => Err(format!("{key} names {}, which is not set", shown_name(name))),
    }
}

const fn default_max_body_bytes() -> usize {
    relay_core::webhook::DEFAULT_MAX_BODY_BYTES
}
