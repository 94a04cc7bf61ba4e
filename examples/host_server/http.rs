//! **Here**: the paths over axum, and how many bodies are held at once.
//! **Not here**: what is answered (`relay_core::reply`), what lies below `/admin` (`admin`), connections (`connections`).
//! **Reads**: requests; hands those with a secret to the relay.
//! **Source**: our own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use relay_core::Relay;
use relay_core::reply::Reply;
use relay_examples::host::body::{read, within};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::admin::{self, Admin};
use crate::connections::{self, Limits};
use crate::fresh::Fresh;
use crate::metrics::{self, Numbers};

/// How many bodies are in memory at once, from their first byte until they are answered.
const MAX_BODIES: u32 = 64;
/// How long to wait for one of them to end.
const PLACE_WITHIN: Duration = Duration::from_secs(1);
/// How long a body may take to arrive: Event Grid gives up after 30 s.
const BODY_WITHIN: Duration = Duration::from_secs(25);
/// For how long a body that nobody wants is read, so that its sender comes to read the answer.
const DISCARD_WITHIN: Duration = Duration::from_secs(2);

/// What there is beside the webhook, and who may see it.
#[derive(Debug)]
pub(crate) struct Doors {
    pub(crate) admin: Option<Arc<Admin>>,
    pub(crate) numbers: Option<Numbers>,
    pub(crate) numbers_are_public: bool,
}

#[derive(Debug)]
struct Shared {
    relay: Relay,
    doors: Doors,
    bodies: Arc<Semaphore>,
    ready: Fresh<(StatusCode, String)>,
}

/// Serves until `stop`, then until what was begun has ended.
pub(crate) async fn serve(
    relay: Relay,
    doors: Doors,
    listener: TcpListener,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let bodies = Arc::new(Semaphore::new(MAX_BODIES as usize));
    let admin = doors.admin.clone();
    let shared = Arc::new(Shared {
        relay,
        doors,
        bodies: Arc::clone(&bodies),
        ready: Fresh::default(),
    });
    let mut router = Router::new()
        .route("/events", axum::routing::any(events))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(numbers))
        .with_state(shared);
    if let Some(admin) = admin {
        router = router.merge(admin::router(&admin));
    }
    connections::serve(router, listener, limits, stop).await;
    // Whoever hung up has no connection any more, but the delivery is still being written down.
    let _ = bodies.acquire_many(MAX_BODIES).await;
}

async fn events(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let (head, mut body) = request.into_parts();
    if let Some(reply) = shared.relay.reply_to_head(&head) {
        discard(&head, body);
        return reply.into_response().map(Body::from);
    }
    let Some(Ok(place)) = within(PLACE_WITHIN, Arc::clone(&shared.bodies).acquire_owned()).await else {
        discard(&head, body);
        return busy();
    };
    let max = shared.relay.max_body_bytes();
    let Some(Some(bytes)) = within(BODY_WITHIN, read(&mut body, max)).await else {
        // Whoever did not send the whole body has no use for an answer; 408 is what Event Grid would retry.
        return StatusCode::REQUEST_TIMEOUT.into_response();
    };
    discard(&head, body);
    // A task of its own, which has the place: when the sender hangs up this future is dropped, and the end of the server waits for
    // what is still being written down.
    let relay = shared.relay.clone();
    let accepted = tokio::spawn(async move {
        let response = relay.accept(Request::from_parts(head, bytes)).await;
        drop(place);
        response
    });
    match accepted.await {
        Ok(response) => response.map(Body::from),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Event Grid delivers again after a 503.
fn busy() -> Response {
    let headers = [
        (header::RETRY_AFTER, Reply::RETRY_AFTER_S.to_string()),
        (header::CONTENT_TYPE, "application/json; charset=utf-8".to_owned()),
    ];
    let body = r#"{"error":"try_again","why":"too many deliveries are being read"}"#;
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}

/// Reads on for a moment and keeps nothing. A connection closed under a sender that still writes is reset, and the answer
/// may be lost with it.
pub(crate) fn discard(head: &Parts, mut body: Body) {
    // Whoever waits to be told to go on has sent nothing, and reading would tell them to.
    if body.is_end_stream() || head.headers.contains_key(header::EXPECT) {
        return;
    }
    tokio::spawn(within(DISCARD_WITHIN, async move {
        while let Some(Ok(_)) = body.frame().await {}
    }));
}

/// Where neither everybody nor somebody may see them, this path is not there.
async fn numbers(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let doors = &shared.doors;
    let Some(numbers) = &doors.numbers else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let has_secret = || doors.admin.as_ref().is_some_and(|admin| admin.admits(&headers));
    if !doors.numbers_are_public && !has_secret() {
        return admin::unauthorized();
    }
    let text = numbers.show(&shared.relay).await;
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    let told = async {
        let health = shared.relay.health().await;
        let status = if health.ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        (status, serde_json::to_string_pretty(&health).unwrap_or_default())
    };
    let (status, body) = shared.ready.get(&shared.relay, told).await;
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
