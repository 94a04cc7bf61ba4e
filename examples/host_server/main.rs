//! The relay as a server: the program that an operator runs.
//!
//! Replaces: the Logic App of challenge 6 (Event Grid trigger, parse, "create a repository dispatch event").
//! Shows: configuration, secrets by environment-variable name, the webhook, health, logs, an orderly stop.
//! Simplifies: TLS is for whatever stands before it; Event Grid delivers to https only.

mod admin;
mod connections;
mod fresh;
mod http;
mod metrics;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use relay_core::Relay;
use relay_core::report::report;
use relay_examples::host::config::{self, Config};
use relay_examples::host::identity::Identities;
use relay_examples::host::{build, logs, signal};
use tokio::net::TcpListener;

use admin::Admin;
use connections::Limits;
use http::Doors;
use metrics::Numbers;

/// Carries Azure Machine Learning events to GitHub Actions.
///
/// Paths: POST and OPTIONS /events (the webhook), GET /healthz (alive), GET /readyz (503 when the journal cannot
/// promise), GET /metrics (numbers for Prometheus), /admin (what a person sees and commands, with the secret of [admin]). SIGTERM and SIGINT stop it in order: no new request is taken, what is in flight is finished, the journal is
/// closed.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration, in TOML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where to listen; overrides `listen` of the configuration. Port 0 picks one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Read the configuration, say what is wrong with it, and stop.
    #[arg(long)]
    check: bool,
}

/// What makes the program stop: text for a person, printed once.
type Fatal = String;

fn main() -> ExitCode {
    logs::start();
    let arguments = Arguments::parse();
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("failed to start the runtime: {error}"))
        .and_then(|runtime| runtime.block_on(serve(arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("{why}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), Fatal> {
    let config = Config::read(&arguments.config)?;
    let rules = build::rules(&config)?;
    let secrets = config.secrets()?;
    let commanders = config.admin_secret(&secrets)?;
    let backups = config.backup_folder()?;
    let identities = Identities::of(&config)?;
    if arguments.check {
        tracing::info!(
            routes = rules.routes().len(),
            rules = rules.hash(),
            "the configuration is good"
        );
        return Ok(());
    }
    // Where nobody could see the numbers, nobody keeps them.
    let numbers = if config.metrics.public || commanders.is_some() {
        Some(Numbers::install()?)
    } else {
        None
    };
    let settings = config.journal.clone().unwrap_or_default();
    let journal = Arc::new(settings.open().await?);
    let hash = rules.hash().to_owned();
    let relay = build::relay(&config, rules, Arc::clone(&journal), identities, secrets)?;
    let address = arguments.listen.unwrap_or_else(|| config.server.listen.clone());
    let listener = TcpListener::bind(&address)
        .await
        .map_err(|error| format!("failed to listen on {address}: {error}"))?;
    let local = listener.local_addr().map_err(|error| error.to_string())?;
    announce(&format!("listening on http://{local}"));
    tracing::info!(%local, rules = %hash, "started");
    let upkeep = numbers.as_ref().map(Numbers::upkeep);
    let admin =
        commanders.map(|commanders| Admin::new(relay.clone(), Arc::clone(&journal), commanders, backups));
    let doors = Doors {
        admin,
        numbers,
        numbers_are_public: config.metrics.public,
    };
    let ended = run(relay, doors, listener, &config.server).await;
    if let Some(upkeep) = upkeep {
        upkeep.abort();
    }
    ended?;
    // A request that outlived the deadline gets its error; what it asked for is settled at the next start.
    let closed = tokio::task::spawn_blocking(move || journal.close().map_err(|error| report(&error)));
    closed.await.map_err(|error| error.to_string())??;
    tracing::info!("stopped");
    Ok(())
}

/// Serves until a signal comes, then finishes what is in flight, for as long as the deadline allows.
async fn run(
    relay: Relay,
    doors: Doors,
    listener: TcpListener,
    server: &config::Server,
) -> Result<(), Fatal> {
    let deadline = Duration::from_secs(server.shutdown_deadline_s);
    let limits = Limits {
        header_within: Duration::from_secs(server.header_timeout_s),
        max_connections: server.max_connections,
    };
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let wait = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let mut worker = tokio::spawn({
        let (relay, stopped) = (relay.clone(), stopped.clone());
        async move { relay.run_until(wait(stopped)).await }
    });
    let mut server = tokio::spawn(http::serve(relay, doors, listener, limits, wait(stopped)));
    tokio::select! {
        signal = signal::stop() => tracing::info!(signal = signal?, "stopping"),
        ended = &mut worker => return Err(format!("the worker ended by itself: {ended:?}")),
        ended = &mut server => return Err(format!("the server ended by itself: {ended:?}")),
    }
    let _ = stop.send(true);
    #[expect(
        clippy::disallowed_methods,
        reason = "a host measures its deadline by the real clock"
    )]
    let finished = tokio::time::timeout(deadline, async { (worker.await, server.await) }).await;
    match finished {
        Ok((Ok(()), Ok(()))) => Ok(()),
        Ok(ended) => Err(format!("something failed while stopping: {ended:?}")),
        Err(_) => {
            tracing::warn!(
                seconds = deadline.as_secs(),
                "not everything in flight ended before the deadline"
            );
            Ok(())
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the one line that whoever started the program waits for"
)]
fn announce(line: &str) {
    use std::io::Write;
    println!("{line}");
    let _ = std::io::stdout().flush();
}
