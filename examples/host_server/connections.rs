//! **Here**: open connections: how many there may be, how long the head of a request may take, and their end.
//! **Not here**: what is answered on them (`http`).
//! **Reads**: sockets; hands requests to the router of `http`.
//! **Source**: our own; `axum::serve` knows neither bound.

use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use relay_core::clock::{Clock, TokioClock};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long to wait when no connection can be taken: open files are used up, and some must be closed first.
const BREATH: Duration = Duration::from_secs(1);
/// What is read of a connection before anybody looks at it, and the longest head of a request. hyper's own bound is 400 KiB, which
/// all connections together would make hundreds of megabytes.
const MAX_BUFFER_BYTES: usize = 32 << 10;

/// What strangers may ask of the server before they have shown a secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For the head of each request, the wait for its first byte included.
    pub(crate) header_within: Duration,
    pub(crate) max_connections: usize,
}

/// Serves until `stop`; then takes no connection, closes those that wait for a request, and finishes what is in flight.
pub(crate) async fn serve(
    router: Router,
    listener: TcpListener,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_within)
        .max_buf_size(MAX_BUFFER_BYTES);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.max_connections));
    let mut stop = pin!(stop);
    loop {
        let next = tokio::select! {
            () = &mut stop => break,
            next = next(&listener, &places) => next,
        };
        let Some((stream, place)) = next else { continue };
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// The next connection, once there is a place for it. Until then it waits in the system's queue.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            let of_one = [
                ErrorKind::ConnectionAborted,
                ErrorKind::ConnectionRefused,
                ErrorKind::ConnectionReset,
            ];
            if !of_one.contains(&error.kind()) {
                tracing::error!(%error, "failed to take a connection");
                TokioClock.sleep(BREATH).await;
            }
            None
        }
    }
}
