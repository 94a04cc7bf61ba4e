//! Tokens and settings: a refresh is tried once, nothing is sent without a token, nothing shows one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use github_dispatch::auth::TokenError;
use github_dispatch::clock::Clock;
use github_dispatch::{Advice, BlockScope, Client, ErrorKind, RetryPolicy, StaticToken, TokenSource};
use secrecy::SecretString;
use wiremock::matchers::{any, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{
    TOKEN, assert_debug_shows_no_token, assert_shows_no_secret, builder, client, dispatch, repo, texts,
};

const PRINCIPAL: Advice = Advice::Block(BlockScope::Principal);
const TARGET: Advice = Advice::Block(BlockScope::Target);

/// Gives `ghp_old`, and after a refresh `ghp_new`.
struct Refreshing {
    refreshed: AtomicUsize,
    outcome: fn() -> Result<bool, TokenError>,
}

impl std::fmt::Debug for Refreshing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Refreshing")
    }
}

#[async_trait]
impl TokenSource for Refreshing {
    async fn token(&self) -> Result<SecretString, TokenError> {
        let is_old = self.refreshed.load(Ordering::SeqCst) == 0;
        Ok(SecretString::from(if is_old { "ghp_old" } else { "ghp_new" }))
    }

    async fn refresh(&self) -> Result<bool, TokenError> {
        self.refreshed.fetch_add(1, Ordering::SeqCst);
        (self.outcome)()
    }

    fn principal(&self) -> &'static str {
        "app"
    }
}

fn refreshing(
    server: &MockServer,
    outcome: fn() -> Result<bool, TokenError>,
) -> (Client, std::sync::Arc<Refreshing>) {
    let source = std::sync::Arc::new(Refreshing {
        refreshed: AtomicUsize::new(0),
        outcome,
    });
    let client = Client::builder(std::sync::Arc::clone(&source))
        .api_root(server.uri())
        .build()
        .unwrap();
    (client, source)
}

/// How a POST with this token is answered, and how often.
async fn on(server: &MockServer, token: &str, status: u16, n: u64) {
    Mock::given(method("POST"))
        .and(header("authorization", format!("Bearer {token}")))
        .respond_with(ResponseTemplate::new(status))
        .expect(n)
        .named(format!("POST with {token}"))
        .mount(server)
        .await;
}

#[tokio::test]
async fn ok_a_401_is_sent_once_more_with_the_refreshed_token() {
    let server = MockServer::start().await;
    on(&server, "ghp_old", 401, 1).await;
    on(&server, "ghp_new", 204, 1).await;
    let (client, source) = refreshing(&server, || Ok(true));
    client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
    assert_eq!(source.refreshed.load(Ordering::SeqCst), 1);
    let bodies: Vec<Vec<u8>> = server
        .received_requests()
        .await
        .unwrap()
        .into_iter()
        .map(|one| one.body)
        .collect();
    assert_eq!(bodies, [dispatch("abc").body(), dispatch("abc").body()]);
}

#[tokio::test]
async fn err_a_refreshed_token_that_is_not_accepted_either_is_not_refreshed_again() {
    let server = MockServer::start().await;
    on(&server, "ghp_old", 401, 1).await;
    on(&server, "ghp_new", 401, 1).await;
    let (client, source) = refreshing(&server, || Ok(true));
    let error = client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err();
    assert_eq!((error.kind(), error.advice()), (ErrorKind::Auth, PRINCIPAL));
    assert_eq!(source.refreshed.load(Ordering::SeqCst), 1);
    assert_shows_no_secret(&error);
}

/// The second attempt is one like any other: only a 401 is surely not executed.
#[tokio::test]
async fn err_what_follows_a_refresh_is_judged_by_itself() {
    for (status, advice) in [(502, Advice::Unknown), (404, TARGET)] {
        let server = MockServer::start().await;
        on(&server, "ghp_old", 401, 1).await;
        on(&server, "ghp_new", status, 1).await;
        let (client, _) = refreshing(&server, || Ok(true));
        assert_eq!(
            client
                .dispatch(&repo(), &dispatch("abc"))
                .await
                .unwrap_err()
                .advice(),
            advice
        );
    }
}

#[tokio::test]
async fn err_without_another_token_a_401_is_one_post() {
    for outcome in [(|| Ok(false)) as fn() -> Result<bool, TokenError>, || {
        Err(TokenError::new("the key is unreadable"))
    }] {
        let server = MockServer::start().await;
        on(&server, "ghp_old", 401, 1).await;
        let (client, source) = refreshing(&server, outcome);
        let error = client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.advice(), error.status()),
            (ErrorKind::Auth, PRINCIPAL, Some(401))
        );
        assert_eq!(source.refreshed.load(Ordering::SeqCst), 1);
    }
    let server = MockServer::start().await;
    on(&server, TOKEN, 401, 1).await;
    let error = client(&server.uri())
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.advice()), (ErrorKind::Auth, PRINCIPAL));
}

/// A 403 is no reason for another token.
#[tokio::test]
async fn err_only_a_401_is_refreshed() {
    for status in [400, 403, 404, 422, 429, 500] {
        let server = MockServer::start().await;
        on(&server, "ghp_old", status, 1).await;
        let (client, source) = refreshing(&server, || Ok(true));
        client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err();
        assert_eq!(source.refreshed.load(Ordering::SeqCst), 0, "{status}");
    }
}

/// Has no token, or one that cannot stand in a header.
#[derive(Debug)]
struct Failing(Option<&'static str>);

#[async_trait]
impl TokenSource for Failing {
    async fn token(&self) -> Result<SecretString, TokenError> {
        let below = std::io::Error::other("no such key");
        self.0
            .map(SecretString::from)
            .ok_or_else(|| TokenError::new("the app's key cannot be read").with_source(below))
    }

    async fn refresh(&self) -> Result<bool, TokenError> {
        Ok(false)
    }

    fn principal(&self) -> &'static str {
        "app"
    }
}

/// A clock that a token source turns, and the source: each token takes this long to come.
#[derive(Clone, Debug)]
struct Slow(std::sync::Arc<std::sync::Mutex<SystemTime>>, Duration);

#[async_trait]
impl Clock for Slow {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, _wait: Duration) {}
}

#[async_trait]
impl TokenSource for Slow {
    async fn token(&self) -> Result<SecretString, TokenError> {
        *self.0.lock().unwrap() += self.1;
        Ok(SecretString::from("ghp_slow"))
    }

    async fn refresh(&self) -> Result<bool, TokenError> {
        Ok(true)
    }

    fn principal(&self) -> &'static str {
        "slow"
    }
}

/// Whoever asked has a lease for twice the timeout: what would end later is not begun.
#[tokio::test]
async fn err_a_token_that_comes_too_late_is_not_used() {
    let check = async |seconds: u64, n_requests: u64, kind: ErrorKind, advice: Advice| {
        let server = MockServer::start().await;
        on(&server, "ghp_slow", 401, n_requests).await;
        let slow = Slow(
            std::sync::Arc::new(std::sync::Mutex::new(SystemTime::UNIX_EPOCH)),
            Duration::from_secs(seconds),
        );
        let client = Client::builder(slow.clone())
            .clock(slow)
            .api_root(server.uri())
            .timeout(Duration::from_secs(15))
            .retry(RetryPolicy::off())
            .build()
            .unwrap();
        let error = client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err();
        assert_eq!((error.kind(), error.advice()), (kind, advice), "{seconds} s");
    };
    check(7, 2, ErrorKind::Auth, PRINCIPAL).await;
    check(8, 1, ErrorKind::Auth, Advice::NotSent).await;
    check(15, 1, ErrorKind::Auth, Advice::NotSent).await;
    check(16, 0, ErrorKind::Auth, Advice::NotSent).await;
}

#[tokio::test]
async fn err_without_a_token_nothing_is_sent() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(204))
        .expect(0)
        .mount(&server)
        .await;
    let error_with = async |source: Failing| {
        let client = Client::builder(source).api_root(server.uri()).build().unwrap();
        client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err()
    };
    let error = error_with(Failing(None)).await;
    assert_eq!((error.kind(), error.advice()), (ErrorKind::Auth, Advice::NotSent));
    let texts = texts(&error);
    assert!(
        texts.contains("the app's key cannot be read") && texts.contains("no such key"),
        "{texts}"
    );

    let error = error_with(Failing(Some("ghp_with\r\nnewline"))).await;
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::Invalid, Advice::GiveUp)
    );
    assert_shows_no_secret(&error);
}

#[tokio::test]
async fn ok_no_debug_shows_the_token() {
    let token = || StaticToken::new(TOKEN, "tester").unwrap();
    assert_debug_shows_no_token(&token());
    assert_debug_shows_no_token(&Client::builder(token()));
    assert_debug_shows_no_token(&builder("http://127.0.0.1:1"));
    assert_debug_shows_no_token(&client("http://127.0.0.1:1"));
    let text = format!("{:?}", client("http://127.0.0.1:1"));
    assert!(text.contains("tester"), "{text}");
}

#[test]
fn err_settings_that_cannot_be_right_are_named() {
    use std::time::Duration;

    let check = |build: fn(github_dispatch::ClientBuilder) -> github_dispatch::ClientBuilder,
                 expect: &str| {
        let error = build(builder("http://127.0.0.1:1")).build().unwrap_err();
        assert_eq!(
            (error.kind(), error.advice()),
            (ErrorKind::Invalid, Advice::GiveUp)
        );
        assert!(error.to_string().contains(expect), "{error}");
    };
    check(
        |builder| builder.timeout(Duration::from_secs(10)),
        "the connect timeout must be",
    );
    check(
        |builder| builder.connect_timeout(Duration::ZERO),
        "the connect timeout must be",
    );
    check(
        |builder| builder.api_root("http://github.example"),
        "the api root must begin with https://",
    );
    check(
        |builder| builder.api_root("https://user:ghp_x@github.example"),
        "must not hold a user",
    );
}

/// Found only when a request is made of it; nothing is sent then.
#[tokio::test]
async fn err_an_agent_that_cannot_stand_in_a_header() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(204))
        .expect(0)
        .mount(&server)
        .await;
    let client = builder(&server.uri()).user_agent("a\r\nb").build().unwrap();
    let error = client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::Invalid, Advice::GiveUp)
    );
    assert_shows_no_secret(&error);
}
