//! **Here**: the three paths over axum: one line each into the relay.
//! **Not here**: what is answered (`relay_core::reply`).
//! **Reads**: sockets; hands `http` requests to the relay.
//! **Source**: our own.

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use relay_core::Relay;
use relay_core::clock::Timestamp;
use tokio::net::TcpListener;

/// How long a body may take to arrive: Event Grid gives up after 30 s.
const BODY_WITHIN: Duration = Duration::from_secs(25);
/// How long an answer of `/readyz` is repeated: each fresh one writes to the journal.
const READY_FOR: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Shared {
    relay: Relay,
    ready: Mutex<Option<(Timestamp, StatusCode, String)>>,
}

pub(crate) async fn serve(
    relay: Relay,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let shared = std::sync::Arc::new(Shared {
        relay,
        ready: Mutex::new(None),
    });
    let router = Router::new()
        .route("/events", axum::routing::any(events))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .with_state(shared);
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn events(State(shared): State<std::sync::Arc<Shared>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    #[expect(
        clippy::disallowed_methods,
        reason = "a host measures its deadline by the real clock"
    )]
    let read = tokio::time::timeout(BODY_WITHIN, read(body, shared.relay.max_body_bytes())).await;
    match read {
        Ok(Some(body)) => shared
            .relay
            .accept(Request::from_parts(parts, body))
            .await
            .map(Body::from),
        // Whoever did not send the whole body has no use for an answer; 408 is what Event Grid would retry.
        Ok(None) | Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

/// The body, up to a little more than the relay takes: it refuses what is longer, and says so.
async fn read(mut body: Body, max: usize) -> Option<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > max {
            break;
        }
    }
    Some(bytes.freeze())
}

async fn readyz(State(shared): State<std::sync::Arc<Shared>>) -> Response {
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
