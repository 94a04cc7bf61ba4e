//! **Here**: GitHub's stand-in: answers what a relay asks, takes dispatches, and knows when each model came, and that none came twice.
//! **Not here**: GitHub's limits, runs and odd answers: `github_dispatch::mock` has them; this one only has to cost little.
//! **Reads**: requests on loopback.
//! **Source**: <https://docs.github.com/rest/repos/repos>, read 2026-11-23; the headers are those of an accepted dispatch.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const REPOSITORY: &str = "contoso/deploy";
pub(crate) const TOKEN: &str = "a-token-of-the-bench";

/// What it has taken.
#[derive(Debug, Default)]
struct Taken {
    /// By the model's name.
    dispatches: HashMap<String, Instant>,
    /// Dispatches of a model that had come before, and requests that are not GitHub's.
    wrong: Vec<String>,
}

/// A stand-in that runs as long as the runtime.
#[derive(Clone, Debug)]
pub(crate) struct StandIn {
    taken: Arc<Mutex<Taken>>,
    address: SocketAddr,
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let standin = Self {
            taken: Arc::default(),
            address: listener.local_addr().expect("an address"),
        };
        let router = Router::new().fallback(answer).with_state(standin.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        standin
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until so many models have been dispatched; panics when something else came, or they do not come in time.
    pub(crate) async fn wait_for(&self, n: usize, longest: Duration) {
        let begin = Instant::now();
        loop {
            {
                let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                assert!(taken.wrong.is_empty(), "{:?}", taken.wrong);
                let found = taken.dispatches.len();
                assert!(found <= n, "{found} models for {n} events");
                if found == n {
                    return;
                }
                assert!(
                    begin.elapsed() < longest,
                    "{found} of {n} dispatches in {longest:?}"
                );
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// When the dispatch of a model came, if it has.
    pub(crate) fn came(&self, model: &str) -> Option<Instant> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.dispatches.get(model).copied()
    }

    fn take(&self, body: &[u8], token: Option<&str>) -> StatusCode {
        let at = Instant::now();
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let model = value
            .pointer("/client_payload/model_name")
            .and_then(Value::as_str);
        let version = value
            .pointer("/client_payload/model_version")
            .and_then(Value::as_str);
        let is_right =
            value["event_type"] == "deploy_pipeline_action" && version == Some("1") && token == Some(TOKEN);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match model {
            Some(model) if is_right && !taken.dispatches.contains_key(model) => {
                taken.dispatches.insert(model.to_owned(), at);
                StatusCode::NO_CONTENT
            }
            _ => {
                taken.wrong.push(String::from_utf8_lossy(body).into_owned());
                StatusCode::UNPROCESSABLE_ENTITY
            }
        }
    }
}

async fn answer(
    State(standin): State<StandIn>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let token = headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = token
        .and_then(|value| value.split_once(' '))
        .map(|(_, token)| token);
    let (status, answer) = match (method, uri.path()) {
        (Method::POST, "/repos/contoso/deploy/dispatches") => (standin.take(&body, token), String::new()),
        (Method::GET, "/repos/contoso/deploy") => {
            let repository = json!({"full_name": REPOSITORY, "default_branch": "main", "archived": false});
            (StatusCode::OK, repository.to_string())
        }
        // It has no workflow files: the check says so, and nothing is held back.
        _ => (StatusCode::NOT_FOUND, json!({"message": "Not Found"}).to_string()),
    };
    Response::builder()
        .status(status)
        .header("x-github-request-id", "C0DE:1234:56789A:BCDEF0:67A1B2C3")
        .header("x-ratelimit-limit", "5000")
        .header("x-ratelimit-remaining", "4987")
        .header("x-ratelimit-reset", "4102444800")
        .header("x-ratelimit-resource", "core")
        .header("x-github-api-version-selected", "2022-11-28")
        .body(Body::from(answer))
        .expect("an answer")
}
