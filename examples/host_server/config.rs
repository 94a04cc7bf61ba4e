//! **Here**: the configuration file of the server, key for key, and what it reads from the environment.
//! **Not here**: what a route's keys mean (`relay_core::rules::config`), what is said of a file that cannot be read (`wrong`).
//! **Reads**: the file; `main` builds from it.
//! **Source**: our own; `examples/host_server/relay.toml` shows every key.

use std::env::VarError;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use relay_core::budget::Budget;
use relay_core::rules::RouteConfig;
use serde::Deserialize;

use crate::wrong;

/// A full batch of Event Grid has about this many bytes: with a smaller bound, events would be lost.
const MIN_MAX_BODY_BYTES: usize = 1 << 20;

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
    pub(crate) header_timeout_s: u64,
    pub(crate) max_connections: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            shutdown_deadline_s: 25,
            header_timeout_s: 10,
            max_connections: 512,
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
    pub(crate) max_in_flight: u32,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            min_interval_ms: 1_000,
            per_minute: 60,
            per_hour: 500,
            max_in_flight: 1,
        }
    }
}

impl BudgetConfig {
    pub(crate) fn budget(&self) -> Budget {
        Budget::default()
            .with_min_interval(Duration::from_millis(self.min_interval_ms))
            .with_per_minute(self.per_minute)
            .with_per_hour(self.per_hour)
            .with_max_in_flight(self.max_in_flight)
    }
}

impl Config {
    /// Reads the file; the text of an error names the key and its line, and never a value.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("failed to read the configuration {shown}: {error}"))?;
        let config: Self = toml::from_str(&text).map_err(|error| {
            let why = wrong::describe(&text, &error);
            format!("the configuration {shown} is wrong: {why}")
        })?;
        config
            .check()
            .map_err(|why| format!("the configuration {shown} is wrong: {why}"))?;
        Ok(config)
    }

    /// The numbers are such as can be meant.
    fn check(&self) -> Result<(), String> {
        let Self {
            server,
            webhook,
            journal,
            github,
            budget,
            route,
        } = self;
        within("server.shutdown_deadline_s", server.shutdown_deadline_s, 1, 3_600)?;
        within("server.header_timeout_s", server.header_timeout_s, 1, 60)?;
        within("server.max_connections", server.max_connections, 1, 65_536)?;
        within(
            "webhook.max_body_bytes",
            webhook.max_body_bytes,
            MIN_MAX_BODY_BYTES,
            16 << 20,
        )?;
        within("journal.lock_wait_s", journal.lock_wait_s, 0, 3_600)?;
        within("github.connect_timeout_ms", github.connect_timeout_ms, 1, 60_000)?;
        within("github.timeout_ms", github.timeout_ms, 1, 60_000)?;
        within("budget.min_interval_ms", budget.min_interval_ms, 0, 3_600_000)?;
        within("budget.per_minute", budget.per_minute, 0, 100_000)?;
        within("budget.per_hour", budget.per_hour, 0, 100_000)?;
        within("budget.max_in_flight", budget.max_in_flight, 0, 1_000)?;
        if route.is_empty() {
            return Err("there is no [[route]], so nothing would ever be sent".to_owned());
        }
        Ok(())
    }
}

fn within<T: Copy + Display + PartialOrd>(key: &str, value: T, least: T, most: T) -> Result<(), String> {
    if value < least || value > most {
        return Err(format!("{key} must be from {least} to {most}"));
    }
    Ok(())
}

/// The value of an environment variable that a key names. Never shown.
pub(crate) fn from_environment(key: &str, name: &str) -> Result<String, String> {
    #[expect(clippy::disallowed_methods, reason = "a host reads the environment")]
    let value = std::env::var(name);
    let names = variable(key, name);
    match value {
        Ok(value) if value.trim().is_empty() => Err(format!("{names}, which is empty")),
        // Taken as it stands it would never match what is sent, and each delivery would be lost to a 401.
        Ok(value) if value.trim() != value || value.contains(is_unseen) => Err(format!(
            "{names}, which begins or ends with white space or holds a line end or another control character"
        )),
        Ok(value) => Ok(value),
        Err(VarError::NotUnicode(_)) => Err(format!("{names}, which is not UTF-8")),
        Err(VarError::NotPresent) if is_usual(name) => Err(format!("{names}, which is not set")),
        // Whoever writes the secret itself here must not find it in the log.
        Err(VarError::NotPresent) => Err(format!(
            "{key} must hold the NAME of an environment variable (A-Z, 0-9 and _), never the secret itself"
        )),
    }
}

/// A key, and the variable that it names, for a text; the name only when it can be no secret.
pub(crate) fn variable(key: &str, name: &str) -> String {
    if is_usual(name) {
        format!("{key} names the environment variable {name}")
    } else {
        format!("{key} names an environment variable")
    }
}

fn is_usual(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    name.bytes().next().is_some_and(is_letter)
        && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

/// A control character, or the mark that some editors put at the beginning of a file.
fn is_unseen(c: char) -> bool {
    c.is_control() || c == '\u{feff}'
}

const fn default_max_body_bytes() -> usize {
    relay_core::webhook::DEFAULT_MAX_BODY_BYTES
}
