//! **Here**: the signals by which an operator, or a system, stops a program.
//! **Not here**: what is finished before it stops (the host).
//! **Reads**: the system.
//! **Source**: our own.

/// Waits for the signal to stop; gives its name.
///
/// # Errors
/// The system lets nobody wait for it.
#[cfg(unix)]
pub async fn stop() -> Result<&'static str, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

/// Waits for the signal to stop; gives its name.
///
/// # Errors
/// The system lets nobody wait for it.
#[cfg(not(unix))]
pub async fn stop() -> Result<&'static str, String> {
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())?;
    Ok("ctrl-c")
}
