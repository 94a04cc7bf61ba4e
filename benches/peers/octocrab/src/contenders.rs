//! **Here**: the clients that are compared, each behind one call: send the dispatch, and say whether it was accepted.
//! **Not here**: how often and how many at a time (`sender`), what it costs (`measure`).
//! **Reads**: `payload`.
//! **Source**: `github-dispatch` as it is; octocrab 0.54.9 (`OctocrabBuilder`, `examples/custom_client.rs`); reqwest 0.13.

use std::sync::Arc;
use std::time::Duration;

use github_dispatch::{Client, DispatchEventType, RepoFullName, RepositoryDispatch, StaticToken};
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue, StatusCode, Uri};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use octocrab::service::middleware::auth_header::AuthHeaderLayer;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use serde_json::{Map, Value, json};

use crate::payload::{EVENT_TYPE, NAME, OWNER, PATH, TOKEN, body, client_payload};

/// The defaults of `github-dispatch`, which the bare client has as well. octocrab has none by default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(15);
const AGENT: &str = "peers-octocrab";
const GITHUB_JSON: &str = "application/vnd.github+json";
const API_VERSION: &str = "2022-11-28";

/// What happens to a connection after its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Policy {
    /// It is closed: a fresh one for each dispatch, which is the default of `github-dispatch`.
    Fresh,
    /// It is kept for the next dispatch, which is the default of the others.
    Kept,
}

impl Policy {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Fresh, Self::Kept];

    /// As an argument.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Kept => "kept",
        }
    }
}

/// Who is compared, and what one turn of each does.
pub(crate) const CONTENDERS: [(&str, &str); 7] = [
    (
        "ours",
        "`Client::dispatch` with a `RepositoryDispatch` made before",
    ),
    (
        "ours-whole",
        "the same, and makes and checks the `RepositoryDispatch` first",
    ),
    ("bare", "a reqwest POST of bytes, URL and headers made before"),
    (
        "bare-json",
        "a reqwest POST as one writes it: formats the URL, serialises the body, sets the headers",
    ),
    (
        "octocrab",
        "`repos().create_dispatch().client_payload().send()`, `Octocrab::builder()` with its defaults",
    ),
    (
        "octocrab-timed",
        "the same with the timeouts that ours has by default: 5 s to connect, 15 s to read and to write",
    ),
    (
        "octocrab-service",
        "the same over a hyper client handed to `with_service`, octocrab's layers but that of tracing",
    ),
];

/// A client that is ready to send.
pub(crate) enum Contender {
    Ours {
        client: Client,
        repo: RepoFullName,
        dispatch: RepositoryDispatch,
    },
    OursWhole {
        client: Client,
        repo: RepoFullName,
        event_type: DispatchEventType,
        payload: Map<String, Value>,
    },
    Bare {
        client: reqwest::Client,
        url: reqwest::Url,
        headers: http::HeaderMap,
        body: Vec<u8>,
    },
    BareJson {
        client: reqwest::Client,
        root: String,
        payload: Map<String, Value>,
    },
    Octocrab {
        client: Octocrab,
        payload: Map<String, Value>,
    },
}

impl Contender {
    /// The client of this name, against this root. Must be called within the runtime: octocrab starts a task.
    pub(crate) fn new(name: &str, policy: Policy, root: &str) -> Option<Self> {
        let payload = client_payload();
        let event_type = DispatchEventType::parse(EVENT_TYPE).expect("an event type");
        let repo = RepoFullName::parse(&format!("{OWNER}/{NAME}")).expect("a repository");
        Some(match name {
            "ours" => Self::Ours {
                client: ours(policy, root),
                repo,
                dispatch: RepositoryDispatch::new(event_type, payload).expect("within the limits"),
            },
            "ours-whole" => Self::OursWhole {
                client: ours(policy, root),
                repo,
                event_type,
                payload,
            },
            "bare" => Self::Bare {
                client: bare(policy),
                url: reqwest::Url::parse(&format!("{root}{PATH}")).expect("a url"),
                headers: headers(),
                body: body().to_string().into_bytes(),
            },
            "bare-json" => Self::BareJson {
                client: bare(policy),
                root: root.to_owned(),
                payload,
            },
            "octocrab" => Self::Octocrab {
                client: octocrab(policy, root, None),
                payload,
            },
            "octocrab-timed" => Self::Octocrab {
                client: octocrab(policy, root, Some((CONNECT_TIMEOUT, TIMEOUT))),
                payload,
            },
            "octocrab-service" => Self::Octocrab {
                client: octocrab_service(policy, root),
                payload,
            },
            _ => return None,
        })
    }

    /// Sends the dispatch. An error where it was not accepted.
    pub(crate) async fn dispatch(&self) -> Result<(), String> {
        match self {
            Self::Ours {
                client,
                repo,
                dispatch,
            } => client.dispatch(repo, dispatch).await.map(drop).map_err(text),
            Self::OursWhole {
                client,
                repo,
                event_type,
                payload,
            } => {
                let dispatch = RepositoryDispatch::new(event_type.clone(), payload.clone()).map_err(text)?;
                client.dispatch(repo, &dispatch).await.map(drop).map_err(text)
            }
            Self::Bare {
                client,
                url,
                headers,
                body,
            } => {
                let request = client
                    .post(url.clone())
                    .headers(headers.clone())
                    .body(body.clone());
                accepted(request.send().await)
            }
            Self::BareJson {
                client,
                root,
                payload,
            } => {
                let body = json!({ "event_type": EVENT_TYPE, "client_payload": payload });
                let request = client
                    .post(format!("{root}/repos/{OWNER}/{NAME}/dispatches"))
                    .header(ACCEPT, GITHUB_JSON)
                    .header(USER_AGENT, AGENT)
                    .header("x-github-api-version", API_VERSION)
                    .header(CONTENT_TYPE, "application/json")
                    .bearer_auth(TOKEN)
                    .body(body.to_string());
                accepted(request.send().await)
            }
            Self::Octocrab { client, payload } => client
                .repos(OWNER, NAME)
                .create_dispatch(EVENT_TYPE)
                .client_payload(payload.clone())
                .send()
                .await
                .map_err(text),
        }
    }
}

fn text(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(below) = source {
        text = format!("{text}: {below}");
        source = below.source();
    }
    text
}

fn accepted(answer: reqwest::Result<reqwest::Response>) -> Result<(), String> {
    match answer.map_err(text)?.status() {
        StatusCode::NO_CONTENT => Ok(()),
        status => Err(format!("status {status}")),
    }
}

/// Its default is a fresh connection; for kept ones it is handed a client.
fn ours(policy: Policy, root: &str) -> Client {
    let token = StaticToken::new(TOKEN, "peers").expect("a token");
    let builder = Client::builder(token).api_root(root).user_agent(AGENT);
    let builder = match policy {
        Policy::Fresh => builder,
        Policy::Kept => builder.http_client(bare(policy)),
    };
    builder.build().expect("a client")
}

/// With the settings that `github-dispatch` gives to its own, TLS included.
fn bare(policy: Policy) -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy();
    let builder = match policy {
        Policy::Fresh => builder
            .pool_max_idle_per_host(0)
            .tcp_keepalive(None)
            .tcp_keepalive_interval(None)
            .tcp_keepalive_retries(None),
        Policy::Kept => builder,
    };
    builder.build().expect("a client")
}

/// The headers that `github-dispatch` sends, in its order.
fn headers() -> http::HeaderMap {
    let mut token = HeaderValue::from_str(&format!("Bearer {TOKEN}")).expect("a header");
    token.set_sensitive(true);
    [
        (ACCEPT, HeaderValue::from_static(GITHUB_JSON)),
        (USER_AGENT, HeaderValue::from_static(AGENT)),
        (
            HeaderName::from_static("x-github-api-version"),
            HeaderValue::from_static(API_VERSION),
        ),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (AUTHORIZATION, token),
    ]
    .into_iter()
    .collect()
}

/// octocrab's builder knows no pool. A header that asks the server to close is its own way to a fresh connection.
fn octocrab(policy: Policy, root: &str, timeouts: Option<(Duration, Duration)>) -> Octocrab {
    let builder = Octocrab::builder()
        .personal_token(TOKEN)
        .base_uri(root)
        .expect("a root");
    let builder = match policy {
        Policy::Fresh => builder.add_header(CONNECTION, "close".to_owned()),
        Policy::Kept => builder,
    };
    let builder = match timeouts {
        Some((connect, other)) => builder
            .set_connect_timeout(Some(connect))
            .set_read_timeout(Some(other))
            .set_write_timeout(Some(other)),
        None => builder,
    };
    builder.build().expect("a client")
}

/// The leanest octocrab: a hyper client without TLS, timeouts and tracing, below the layers that a dispatch needs and the default retry.
fn octocrab_service(policy: Policy, root: &str) -> Octocrab {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    if policy == Policy::Fresh {
        builder.pool_max_idle_per_host(0);
    }
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let service = Octocrab::builder().set_connector_retry_service(builder.build(connector));
    let root: Uri = root.parse().expect("a root");
    let token = HeaderValue::from_str(&format!("Bearer {TOKEN}")).expect("a header");
    let agent = HeaderValue::from_static("octocrab");
    OctocrabBuilder::new_empty()
        .with_service(service)
        .with_layer(&ExtraHeadersLayer::new(Arc::new(vec![(USER_AGENT, agent)])))
        .with_layer(&BaseUriLayer::new(root.clone()))
        .with_layer(&AuthHeaderLayer::new(Some(token), root.clone(), root))
        .with_auth(AuthState::None)
        .build()
        .expect("never fails")
}
