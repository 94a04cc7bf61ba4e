//! **Here**: where log lines go: standard error, as text for a person and as JSON for everything else.
//! **Not here**: what is logged.
//! **Reads**: `RUST_LOG`, as operators expect; `info`, or `warn`, without it.
//! **Source**: our own.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. One time, at the beginning of a program.
pub fn start() {
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter("info"))
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        logs.init();
    } else {
        logs.json().init();
    }
}

/// The same for a program that a person runs for a moment: warnings and alarms, as text.
pub fn start_quietly() {
    tracing_subscriber::fmt()
        .with_env_filter(filter("warn"))
        .with_writer(std::io::stderr)
        .without_time()
        .init();
}

fn filter(usual: &str) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual))
}
