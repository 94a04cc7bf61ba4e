//! **Here**: what the tests share: a workspace, a client for a mock server, a clock that stands still, an error's chain.
//! **Not here**: tests.
//! **Reads**: nothing before it.
//! **Source**: our own, read 2026-11-22.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aml_client::auth::FixedToken;
use aml_client::client::ClientBuilder;
use aml_client::clock::Clock;
use aml_client::{Client, Error, WorkspaceScope};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) const TOKEN: &str = "s3cr3t.t0ken.value";

pub(crate) const MODEL_PATH: &str = "/subscriptions/0a1b-2c3d/resourceGroups/ml-rg/providers/\
                                     Microsoft.MachineLearningServices/workspaces/Churn-ws/models/churn/versions/7";

/// 2026-11-22T00:00:00Z.
pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_305_600)
}

pub(crate) fn workspace() -> WorkspaceScope {
    WorkspaceScope::new("0a1b-2c3d", "ml-rg", "Churn-ws").unwrap()
}

pub(crate) fn builder(endpoint: &str) -> ClientBuilder {
    Client::builder(workspace(), FixedToken::new(TOKEN))
        .with_endpoint(endpoint)
        .with_retry(aml_client::RetryPolicy::off())
        .with_clock(StoppedClock)
}

pub(crate) fn client(server: &MockServer) -> Client {
    builder(&server.uri()).build().unwrap()
}

/// A server that gives this answer to exactly one request, whatever it is.
pub(crate) async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(answer)
        .expect(1)
        .named("one request")
        .mount(&server)
        .await;
    server
}

/// A server that must never be asked.
pub(crate) async fn silent() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200))
        .expect(0)
        .named("no request")
        .mount(&server)
        .await;
    server
}

/// Everything that a program could print of an error.
pub(crate) fn everything(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut next = error.source();
    while let Some(source) = next {
        write!(text, " {source} {source:?}").unwrap();
        next = source.source();
    }
    text
}

/// Always [`now`].
#[derive(Debug)]
pub(crate) struct StoppedClock;

#[async_trait::async_trait]
impl Clock for StoppedClock {
    fn now(&self) -> SystemTime {
        now()
    }

    async fn sleep(&self, _wait: Duration) {}
}

/// No text of the error, or below it, shows the token or a URL.
pub(crate) fn assert_no_secret(error: &Error) {
    let texts = everything(error);
    for secret in [TOKEN, "Bearer", "http://", "https://"] {
        assert!(!texts.contains(secret), "{secret} in: {texts}");
    }
}
