//! **Here**: the configuration file of the hosts, key for key, and what it reads from the environment.
//! **Not here**: what a route's keys mean (`relay_core::rules::config`), whose credential is used (`identity`), what is said of a file
//! that cannot be read (`wrong`).
//! **Reads**: the file; the hosts build from it.
//! **Source**: our own; `examples/host_server/relay.toml` shows every key.

use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use relay_core::budget::Budget;
use relay_core::rules::RouteConfig;
use relay_core::webhook::SharedSecrets;
use relay_sqlite::{OpenOptions, SqliteJournal};
use serde::Deserialize;

use super::identity::Identity;
use super::wrong;

/// A full batch of Event Grid has about this many bytes: with a smaller bound, events would be lost.
const MIN_MAX_BODY_BYTES: usize = 1 << 20;
/// The shortest secret of `/admin`: whoever reaches the webhook reaches it too, and may guess.
const MIN_ADMIN_SECRET: usize = 16;

/// The whole file. Unknown keys are refused at every level.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Sockets and their end.
    #[serde(default)]
    pub server: Server,
    /// Who may deliver.
    pub webhook: Webhook,
    /// Where events are written down; `host_function` has none where the file names none.
    pub journal: Option<Journal>,
    /// The identity of routes that name no other.
    #[serde(default)]
    pub github: Identity,
    /// Further identities, by name.
    #[serde(default)]
    pub identity: BTreeMap<String, Identity>,
    /// How much each identity sends.
    #[serde(default)]
    pub budget: BudgetConfig,
    /// Who may command over HTTP; nobody where the file says nothing.
    pub admin: Option<Admin>,
    /// Who sees numbers.
    #[serde(default)]
    pub metrics: Metrics,
    /// The routes.
    #[serde(default)]
    pub route: Vec<RouteConfig>,
}

/// Sockets and their end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Server {
    /// Address and port.
    pub listen: String,
    /// How long what is in flight may take after the signal to stop.
    pub shutdown_deadline_s: u64,
    /// How long the head of a request may take.
    pub header_timeout_s: u64,
    /// Connections open at once.
    pub max_connections: usize,
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

/// Who may deliver, and how much.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Webhook {
    /// Environment variables, each with a secret that lets deliveries in.
    pub secret_env: Vec<String>,
    /// Everybody may deliver.
    #[serde(default)]
    pub allow_anonymous: bool,
    /// The largest body that is taken.
    #[serde(default = "default_max_body_bytes")]
    pub max_body_bytes: usize,
}

/// The journal in one file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Journal {
    /// The file.
    pub path: PathBuf,
    /// How long to wait for another owner to let go of it.
    pub lock_wait_s: u64,
    /// After how many days bodies and histories of what is over are removed; 0 keeps everything.
    pub retention_days: u32,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            path: PathBuf::from("relay.db"),
            lock_wait_s: 10,
            retention_days: 90,
        }
    }
}

impl Journal {
    /// Opens it.
    ///
    /// # Errors
    /// Why not, for a person.
    pub async fn open(&self) -> Result<SqliteJournal, String> {
        let options = OpenOptions::default().with_lock_wait(Duration::from_secs(self.lock_wait_s));
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || SqliteJournal::open(&path, options))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| relay_core::report::report(&error))
    }
}

/// How much an identity sends. 0 is no bound.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct BudgetConfig {
    /// The pause between two requests.
    pub min_interval_ms: u64,
    /// Requests in any minute.
    pub per_minute: u32,
    /// Requests in any hour.
    pub per_hour: u32,
    /// Requests under way at once.
    pub max_in_flight: u32,
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
    /// The budget as the relay knows it.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget::default()
            .with_min_interval(Duration::from_millis(self.min_interval_ms))
            .with_per_minute(self.per_minute)
            .with_per_hour(self.per_hour)
            .with_max_in_flight(self.max_in_flight)
    }

    pub(super) fn check(&self, section: &str) -> Result<(), String> {
        let key = |key: &str| format!("{section}.{key}");
        within(&key("min_interval_ms"), self.min_interval_ms, 0, 3_600_000)?;
        within(&key("per_minute"), self.per_minute, 0, 100_000)?;
        within(&key("per_hour"), self.per_hour, 0, 100_000)?;
        within(&key("max_in_flight"), self.max_in_flight, 0, 1_000)
    }
}

/// Who may command over HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Admin {
    /// The environment variable with the secret.
    pub secret_env: String,
    /// The folder into which backups may be written; none without it.
    pub backup_folder: Option<PathBuf>,
}

/// Who sees the numbers at `/metrics`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Metrics {
    /// Everybody who reaches the server; else whoever has the secret of `[admin]`. Names of routes and identities are among them.
    pub public: bool,
}

impl Config {
    /// Reads the file; the text of an error names the key and its line, and never a value.
    ///
    /// # Errors
    /// It cannot be read, or cannot be meant.
    pub fn read(path: &Path) -> Result<Self, String> {
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
            identity,
            budget,
            route,
            admin: _,
            metrics: _,
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
        if let Some(journal) = journal {
            within("journal.lock_wait_s", journal.lock_wait_s, 0, 3_600)?;
            within("journal.retention_days", journal.retention_days, 0, 36_500)?;
        }
        github.check("github")?;
        for (name, identity) in identity {
            identity.check(&format!("identity.{name}"))?;
        }
        budget.check("budget")?;
        if route.is_empty() {
            return Err("there is no [[route]], so nothing would ever be sent".to_owned());
        }
        Ok(())
    }

    /// The secrets that let deliveries in.
    ///
    /// # Errors
    /// One of them is not there, or none is named and nobody said that everybody may deliver.
    pub fn secrets(&self) -> Result<SharedSecrets, String> {
        let webhook = &self.webhook;
        if webhook.secret_env.is_empty() {
            if webhook.allow_anonymous {
                tracing::warn!(
                    "anybody may deliver: webhook.allow_anonymous is true and webhook.secret_env is empty"
                );
                return Ok(SharedSecrets::anonymous());
            }
            return Err("webhook.secret_env is empty; name an environment variable, or set webhook.allow_anonymous = true".to_owned());
        }
        if webhook.allow_anonymous {
            return Err(
                "webhook.allow_anonymous is true, and webhook.secret_env names secrets; one of them is not meant"
                    .to_owned(),
            );
        }
        let values = webhook
            .secret_env
            .iter()
            .map(|name| from_environment("webhook.secret_env", name));
        SharedSecrets::new(values.collect::<Result<Vec<_>, _>>()?)
            .map_err(|error| format!("webhook.secret_env: {error}"))
    }

    /// The folder into which backups may be written.
    ///
    /// # Errors
    /// It is not there.
    pub fn backup_folder(&self) -> Result<Option<PathBuf>, String> {
        let folder = self.admin.as_ref().and_then(|admin| admin.backup_folder.clone());
        match &folder {
            Some(folder) if !folder.is_dir() => Err(format!(
                "admin.backup_folder: there is no folder {}",
                folder.display()
            )),
            _ => Ok(folder),
        }
    }

    /// The secret that lets commands in; none where there is no `[admin]`. It is none of those of the webhook, since that one stands in
    /// the settings of event subscriptions, which many may read.
    ///
    /// # Errors
    /// It is not there, is short, or lets deliveries in as well.
    pub fn admin_secret(&self, webhook: &SharedSecrets) -> Result<Option<SharedSecrets>, String> {
        const KEY: &str = "admin.secret_env";
        let Some(admin) = &self.admin else {
            return Ok(None);
        };
        let secret = from_environment(KEY, &admin.secret_env)?;
        let names = variable(KEY, &admin.secret_env);
        if secret.chars().count() < MIN_ADMIN_SECRET {
            return Err(format!(
                "{names}, which is shorter than {MIN_ADMIN_SECRET} characters"
            ));
        }
        if webhook.knows(&secret) {
            return Err(format!(
                "{names}, whose value is a secret of the webhook too: whoever may deliver must not command"
            ));
        }
        let secrets = SharedSecrets::new([secret]).map_err(|error| format!("{names}: {error}"))?;
        Ok(Some(secrets))
    }
}

pub(super) fn within<T: Copy + Display + PartialOrd>(
    key: &str,
    value: T,
    least: T,
    most: T,
) -> Result<(), String> {
    if value < least || value > most {
        return Err(format!("{key} must be from {least} to {most}"));
    }
    Ok(())
}

/// The value of an environment variable that a key names. Never shown.
///
/// # Errors
/// It is not there, is empty, or holds what no request could carry.
pub fn from_environment(key: &str, name: &str) -> Result<String, String> {
    let value = present(key, name)?;
    // Taken as it stands it would never match what is sent, and each delivery would be lost to a 401.
    if value.trim() != value || value.contains(is_unseen) {
        let names = variable(key, name);
        return Err(format!(
            "{names}, which begins or ends with white space or holds a line end or another control character"
        ));
    }
    Ok(value)
}

/// The same for a text of several lines, such as a private key.
pub(super) fn lines_from_environment(key: &str, name: &str) -> Result<String, String> {
    present(key, name)
}

fn present(key: &str, name: &str) -> Result<String, String> {
    #[expect(clippy::disallowed_methods, reason = "a host reads the environment")]
    let value = std::env::var(name);
    let names = variable(key, name);
    match value {
        Ok(value) if value.trim().is_empty() => Err(format!("{names}, which is empty")),
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
pub(super) fn variable(key: &str, name: &str) -> String {
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
