//! **Here**: where log lines go: standard error, as text for a person and as JSON for everything else.
//! **Not here**: what is logged.
//! **Reads**: `RUST_LOG`, as operators expect; `info` without it.
//! **Source**: our own.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. One time, at the beginning of a program.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        logs.init();
    } else {
        logs.json().init();
    }
}
