//! The relay as an Azure Function: a custom handler, to which the Functions host forwards requests over loopback.
//!
//! Replaces: the Logic App of challenge 6, and the older Azure function, on a plan that may have no disk.
//! Shows: the relay without a journal, where Event Grid's own retries are the memory; with one, where `[journal]` names a local disk.
//! Simplifies: the file share of a function app (`/home`) is no local disk, and a journal there is refused.
//!
//! Beside the program lie `host.json`, a folder with a `function.json` for each function, and `relay.toml`, the configuration of
//! host_server. The function `events` is the webhook, at `/api/events`: the Functions host forwards the request as it came
//! (`enableForwardingHttpRequest`). It is anonymous there, since `?code=` would otherwise be the function's own key: the secret of
//! `[webhook]` is what lets a delivery in. The function `due` is a timer: it wakes a relay with a journal that was put to sleep.
//! Source: <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers>, read 2026-11-27.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use clap::Parser;
use http::{Request, StatusCode, header};
use relay_core::report::report;
use relay_core::{PassThrough, Relay};
use relay_examples::host::body::{read, within};
use relay_examples::host::config::Config;
use relay_examples::host::due::{self, Standing};
use relay_examples::host::identity::Identities;
use relay_examples::host::{build, logs, signal};
use relay_sqlite::SqliteJournal;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Where the Functions host says it will look for us.
const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";
/// How long a body may take to arrive: Event Grid gives up after 30 s.
const BODY_WITHIN: Duration = Duration::from_secs(25);
/// How much of what a timer says is read: nobody needs it.
const TIMER_BYTES: usize = 64 << 10;

/// Carries Azure Machine Learning events to GitHub Actions, as a custom handler of Azure Functions.
///
/// Listens on 127.0.0.1, at the port in FUNCTIONS_CUSTOMHANDLER_PORT. SIGTERM and SIGINT stop it in order.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration, in TOML; the same as that of host_server. Without [journal] there is none.
    #[arg(long, value_name = "FILE", default_value = "relay.toml")]
    config: PathBuf,
}

/// What answers.
#[derive(Clone, Debug)]
enum Mode {
    /// Each delivery after GitHub has answered.
    PassThrough(PassThrough),
    /// Each delivery after the journal has it.
    Relay(Relay, Arc<SqliteJournal>),
}

#[derive(Clone, Debug)]
struct Handler {
    mode: Mode,
    max_body_bytes: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    logs::start();
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("{why}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), String> {
    let config = Config::read(&arguments.config)?;
    let mode = mode(&config).await?;
    let listener = TcpListener::bind(("127.0.0.1", port()?))
        .await
        .map_err(|error| format!("failed to listen on the port of {PORT}: {error}"))?;
    let local = listener.local_addr().map_err(|error| error.to_string())?;
    announce(&format!("listening on http://{local}"));
    let (stop, stopped) = watch::channel(false);
    let wait = |mut stopped: watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let worker = match &mode {
        Mode::PassThrough(_) => None,
        Mode::Relay(relay, _) => {
            let (relay, stopped) = (relay.clone(), stopped.clone());
            Some(tokio::spawn(async move {
                relay.run_until(wait(stopped)).await;
            }))
        }
    };
    let handler = Handler {
        mode: mode.clone(),
        max_body_bytes: config.webhook.max_body_bytes,
    };
    let router = Router::new()
        .route("/api/events", any(events))
        .route("/due", post(timer))
        .with_state(handler);
    let mut server = tokio::spawn(
        axum::serve(listener, router)
            .with_graceful_shutdown(wait(stopped))
            .into_future(),
    );
    tokio::select! {
        name = signal::stop() => tracing::info!(signal = name?, "stopping"),
        ended = &mut server => return Err(format!("the server ended by itself: {ended:?}")),
    }
    let _ = stop.send(true);
    let deadline = Duration::from_secs(config.server.shutdown_deadline_s);
    let finish = async {
        let _ = server.await;
        if let Some(worker) = worker {
            let _ = worker.await;
        }
    };
    if within(deadline, finish).await.is_none() {
        tracing::warn!("not everything in flight ended before the deadline");
    }
    if let Mode::Relay(_, journal) = mode {
        let closed = tokio::task::spawn_blocking(move || journal.close().map_err(|error| report(&error)));
        closed.await.map_err(|error| error.to_string())??;
    }
    tracing::info!("stopped");
    Ok(())
}

async fn mode(config: &Config) -> Result<Mode, String> {
    let (rules, secrets) = (build::rules(config)?, config.secrets()?);
    let identities = Identities::of(config)?;
    let Some(journal) = &config.journal else {
        tracing::warn!(
            "there is no [journal]: neither order nor budgets are kept, and one event per delivery is answered for"
        );
        let pass_through = build::pass_through(config, rules, identities, secrets)?;
        return Ok(Mode::PassThrough(pass_through));
    };
    let journal = Arc::new(journal.open().await?);
    let relay = build::relay(config, rules, Arc::clone(&journal), identities, secrets)?;
    Ok(Mode::Relay(relay, journal))
}

fn port() -> Result<u16, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the Functions host names the port there"
    )]
    let port = std::env::var(PORT);
    let port = port.map_err(|_| format!("{PORT} is not set: the Functions host starts this program"))?;
    port.parse()
        .map_err(|_| format!("{PORT} must hold the number of a port"))
}

/// The function `events`: what the Functions host forwards, as it came.
async fn events(State(handler): State<Handler>, request: Request<Body>) -> Response {
    let (head, mut body) = request.into_parts();
    let Some(Some(bytes)) = within(BODY_WITHIN, read(&mut body, handler.max_body_bytes)).await else {
        // Event Grid delivers again after a 408.
        return StatusCode::REQUEST_TIMEOUT.into_response();
    };
    let request = Request::from_parts(head, bytes);
    let answer = match &handler.mode {
        Mode::PassThrough(pass_through) => pass_through.accept(request).await,
        Mode::Relay(relay, _) => relay.accept(request).await,
    };
    answer.map(Body::from)
}

/// The function `due`: the Functions host posts what a timer says, and reads outputs, logs and a value.
async fn timer(State(handler): State<Handler>, mut body: Body) -> Response {
    let _ = within(BODY_WITHIN, read(&mut body, TIMER_BYTES)).await;
    let told = match &handler.mode {
        Mode::PassThrough(_) => Ok("there is no [journal], so nothing is ever due".to_owned()),
        // A task of its own: what was begun is written down, though the Functions host no longer waits for the answer.
        Mode::Relay(relay, _) => {
            let relay = relay.clone();
            let ended = tokio::spawn(async move { due(&relay).await }).await;
            ended.unwrap_or_else(|error| Err(error.to_string()))
        }
    };
    let (status, log) = match told {
        Ok(told) => (StatusCode::OK, told),
        Err(why) => {
            tracing::error!("{why}");
            (StatusCode::INTERNAL_SERVER_ERROR, why)
        }
    };
    let answer = json!({ "Outputs": {}, "Logs": [log], "ReturnValue": null });
    let json = [(header::CONTENT_TYPE, "application/json")];
    (status, json, answer.to_string()).into_response()
}

async fn due(relay: &Relay) -> Result<String, String> {
    due::run(relay, None, |_, _| {}).await?;
    Ok(Standing::of(relay).await?.to_string())
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
