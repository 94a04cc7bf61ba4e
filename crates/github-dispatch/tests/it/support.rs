//! **Here**: clients against a base URL, a server of raw bytes, and what may not stand in a text.
//! **Not here**: a GitHub with a state (`github_dispatch::mock`), answers in HTTP (wiremock).

use std::error::Error as _;
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use github_dispatch::clock::Clock;
use github_dispatch::{
    Client, ClientBuilder, DispatchEventType, Error, RepoFullName, RepositoryDispatch, RetryPolicy,
    StaticToken,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The token of every client here; it may stand in no text.
pub(crate) const TOKEN: &str = "ghp_OnlyTheHeaderMaySeeThis";
/// 2026-11-22T10:00:00Z, in seconds.
pub(crate) const NOW: u64 = 1_795_341_600;
/// The same as GitHub's `date` header.
pub(crate) const DATE: &str = "Sun, 22 Nov 2026 10:00:00 GMT";

/// A clock that stands still at [`NOW`].
#[derive(Debug)]
pub(crate) struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> SystemTime {
        after(0)
    }

    async fn sleep(&self, _wait: Duration) {}
}

/// A clock that goes on by what is waited for, and that can be turned. Begins at [`NOW`].
#[cfg(feature = "mock")]
#[derive(Clone, Debug)]
pub(crate) struct Turned(Arc<Mutex<SystemTime>>);

#[cfg(feature = "mock")]
impl Turned {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(after(0))))
    }

    pub(crate) fn turn(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    /// Seconds since [`NOW`].
    pub(crate) fn elapsed(&self) -> Duration {
        self.now().duration_since(after(0)).unwrap()
    }
}

#[cfg(feature = "mock")]
#[async_trait]
impl Clock for Turned {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, wait: Duration) {
        self.turn(wait);
        tokio::task::yield_now().await;
    }
}

/// So many seconds after [`NOW`].
pub(crate) fn after(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW + seconds)
}

/// A builder whose timeouts no busy machine reaches.
pub(crate) fn builder(uri: &str) -> ClientBuilder {
    Client::builder(StaticToken::new(TOKEN, "tester").unwrap())
        .api_root(uri)
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(30))
        .retry(RetryPolicy::off())
        .clock(Still)
}

/// A client for servers that answer.
pub(crate) fn client(uri: &str) -> Client {
    builder(uri).build().unwrap()
}

/// A client for servers that do not.
pub(crate) fn hasty(uri: &str) -> Client {
    builder(uri)
        .connect_timeout(Duration::from_millis(200))
        .timeout(Duration::from_millis(600))
        .build()
        .unwrap()
}

pub(crate) fn repo() -> RepoFullName {
    RepoFullName::parse("contoso/deploy").unwrap()
}

pub(crate) fn deploy() -> DispatchEventType {
    DispatchEventType::parse("deploy_pipeline_action").unwrap()
}

/// The ids of the runs that one look finds.
pub(crate) async fn look(
    client: &Client,
    repo: &RepoFullName,
    id: &str,
    since: SystemTime,
) -> Result<Vec<u64>, Error> {
    let runs = client.find_runs(repo, id, "repository_dispatch", since).await?;
    Ok(runs.iter().map(|run| run.id).collect())
}

/// A dispatch with this relay id.
pub(crate) fn dispatch(relay_id: &str) -> RepositoryDispatch {
    let payload = json!({ "model_name": "m", "model_version": "3", "relay": { "id": relay_id } });
    of(payload)
}

/// A dispatch with this payload.
pub(crate) fn of(payload: Value) -> RepositoryDispatch {
    let Value::Object(payload) = payload else {
        panic!("an object is expected");
    };
    RepositoryDispatch::new(deploy(), payload).unwrap()
}

/// Every text that an error shows, and every one below it.
pub(crate) fn texts(error: &Error) -> String {
    fn of<T: std::error::Error + ?Sized>(error: &T) -> String {
        format!("{error}\n{error:#}\n{error:?}\n{error:#?}\n")
    }
    let mut texts = of(error);
    let mut below = error.source();
    while let Some(error) = below {
        texts.push_str(&of(error));
        below = error.source();
    }
    texts
}

/// No text of the error, or below it, shows the token, a URL or a query.
pub(crate) fn assert_shows_no_secret(error: &Error) {
    let texts = texts(error);
    for secret in [
        TOKEN, "ghp_", "Bearer", "http://", "https://", "per_page", "?", "%3E",
    ] {
        assert!(!texts.contains(secret), "{secret} in: {texts}");
    }
}

/// No `Debug` shows the token.
pub(crate) fn assert_debug_shows_no_token(value: &impl Debug) {
    let text = format!("{value:?} {value:#?}");
    assert!(!text.contains("ghp_") && !text.contains("Bearer"), "{text}");
}

/// What a raw server does with a connection.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Reads a request, and closes.
    ReadAndClose,
    /// Closes, and reads nothing.
    Close,
    /// Reads a request, and never answers.
    Silence,
    /// Reads a request, writes these bytes, and closes.
    Write(Vec<u8>),
    /// Reads a request, writes these bytes, and then nothing: the connection stays open.
    WriteAndHold(Vec<u8>),
    /// Never reads: a TLS handshake hangs there.
    HoldUnread,
}

/// A server of raw bytes on a free port of loopback. Stops when it is dropped.
#[derive(Debug)]
pub(crate) struct RawServer {
    /// `127.0.0.1:PORT`.
    pub(crate) authority: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl RawServer {
    pub(crate) async fn start(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (n, seen) = (Arc::clone(&connections), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                n.fetch_add(1, Ordering::SeqCst);
                if matches!(does, Does::Close) {
                    continue;
                }
                if matches!(does, Does::HoldUnread) {
                    held.push(stream);
                    continue;
                }
                let request = read_request(&mut stream).await;
                seen.lock().unwrap().push(request);
                if let Does::Write(bytes) | Does::WriteAndHold(bytes) = &does {
                    // Whoever has read enough goes away.
                    let _ = stream.write_all(bytes).await;
                }
                if matches!(does, Does::Silence | Does::WriteAndHold(_)) {
                    held.push(stream);
                }
            }
        });
        Self {
            authority,
            connections,
            requests,
            task,
        }
    }

    pub(crate) fn uri(&self) -> String {
        format!("http://{}", self.authority)
    }

    pub(crate) fn n_connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests as they came, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| request.to_ascii_lowercase())
            .collect()
    }

    pub(crate) fn n_requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request up to the end of its body.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4_096];
        let n = stream.read(&mut chunk).await.unwrap();
        assert!(n > 0, "the client went away: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&chunk[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.trim().parse().unwrap());
        if body.len() >= length {
            return text;
        }
    }
}
