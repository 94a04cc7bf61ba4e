//! **Here**: the three paths over axum, one line each into the relay, and the bounds on what strangers may hold open.
//! **Not here**: what is answered (`relay_core::reply`).
//! **Reads**: sockets; hands `http` requests to the relay.
//! **Source**: our own.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use relay_core::Relay;
use relay_core::clock::Timestamp;
use relay_core::reply::Reply;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// How long a body may take to arrive: Event Grid gives up after 30 s.
const BODY_WITHIN: Duration = Duration::from_secs(25);
/// How long an answer of `/readyz` is repeated: each fresh one writes to the journal.
const READY_FOR: Duration = Duration::from_secs(1);

/// How many bodies are in memory at once. Only who has the secret gets that far.
const BODIES: usize = 64;
/// How long a body waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(1);
/// How long a body that nobody wants may take.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);
/// After a connection could not be taken, for want of descriptors for example.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What strangers may hold open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How many connections are open at once; more wait in the system's queue.
    pub(crate) max_connections: usize,
    /// How long the head of a request may take, on a new connection and between requests.
    pub(crate) header_timeout: Duration,
}

#[derive(Debug)]
struct Shared {
    relay: Relay,
    bodies: Semaphore,
    ready: Mutex<Option<(Timestamp, StatusCode, String)>>,
}

/// Serves until `stop`, then ends what is in flight.
pub(crate) async fn serve(
    relay: Relay,
    listener: TcpListener,
    bounds: Bounds,
    stop: impl Future<Output = ()>,
) {
    let shared = Arc::new(Shared {
        relay,
        bodies: Semaphore::new(BODIES),
        ready: Mutex::new(None),
    });
    let router = Router::new()
        .route("/events", axum::routing::any(events))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .with_state(shared);
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout);
    let places = Arc::new(Semaphore::new(bounds.max_connections));
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((place, listener.accept().await))
        };
        let taken = tokio::select! {
            () = &mut stop => break,
            taken = next => taken,
        };
        let Some((place, accepted)) = taken else { break };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                pause(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = open.watch(protocol.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // How a connection ends is the other side's affair.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    open.shutdown().await;
}

async fn events(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    // Nobody without the secret makes us hold a body.
    let max = shared.relay.max_body_bytes();
    if let Some(reply) = shared.relay.reply_before_body(&parts) {
        within(DRAIN_WITHIN, drain(body, max)).await;
        return reply.into_response().map(Body::from);
    }
    let Some(Ok(_turn)) = within(TURN_WITHIN, shared.bodies.acquire()).await else {
        return Reply::TryAgain.into_response().map(Body::from);
    };
    match within(BODY_WITHIN, read(body, max)).await {
        Some(Some(body)) => shared
            .relay
            .accept(Request::from_parts(parts, body))
            .await
            .map(Body::from),
        // Whoever did not send the whole body has no use for an answer; 408 is what Event Grid would retry.
        Some(None) | None => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a host measures its deadlines by the real clock"
)]
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

#[expect(clippy::disallowed_methods, reason = "a host waits by the real clock")]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}

/// The body, up to a little more than the relay takes: it refuses what is longer, and says so.
async fn read(mut body: Body, max: usize) -> Option<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > max {
            drain(body, max).await;
            break;
        }
    }
    Some(bytes.freeze())
}

/// Reads what nobody wants, up to a bound, and keeps nothing: who is still sending would not see our answer.
async fn drain(mut body: Body, max: usize) {
    let mut n = 0;
    while let Some(Ok(frame)) = body.frame().await {
        n += frame.into_data().map_or(0, |data| data.len());
        if n > max {
            break;
        }
    }
}

async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    let now = shared.relay.now();
    let known = shared.ready.lock().ok().and_then(|known| known.clone());
    let (status, body) = match known {
        Some((at, status, body)) if now.since(at) < READY_FOR && now >= at => (status, body),
        _ => {
            let health = shared.relay.health().await;
            let status = if health.ready {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            let body = serde_json::to_string_pretty(&health).unwrap_or_default();
            if let Ok(mut known) = shared.ready.lock() {
                *known = Some((now, status, body.clone()));
            }
            (status, body)
        }
    };
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
