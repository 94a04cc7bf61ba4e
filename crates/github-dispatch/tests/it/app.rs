//! Tokens of a GitHub App, against a mock that judges each JWT by its signature and by its own clock.

use std::time::Duration;

use github_dispatch::auth::{App, InstallationToken, RsaKey};
use github_dispatch::clock::Clock as _;
use github_dispatch::mock::MockGitHub;
use github_dispatch::{Advice, BlockScope, Client, ErrorKind, RepoFullName, RetryPolicy, TokenSource as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{DATE, Turned, assert_debug_shows_no_token, dispatch, repo, texts};

const PKCS1: &str = include_str!("keys/pkcs1.pem");
const PKCS8: &str = include_str!("keys/pkcs8.pem");
const EC: &str = include_str!("keys/ec.pem");
const PUBLIC: &str = include_str!("keys/public.pem");
const ISSUER: &str = "Iv23liTestsOnly";

fn key(pem: &str) -> RsaKey {
    RsaKey::from_pem(&SecretString::from(pem)).unwrap()
}

/// A mock with one app, and a clock of its own.
async fn github() -> (MockGitHub, Turned) {
    let clock = Turned::new();
    let github = MockGitHub::start_with_clock("contoso/deploy", clock.clone()).await;
    github.add_app(
        ISSUER,
        Some(PUBLIC),
        &[("contents", "write"), ("actions", "read")],
    );
    (github, clock)
}

fn app(uri: &str, pem: &str, clock: &Turned) -> App {
    App::builder(ISSUER, key(pem))
        .unwrap()
        .configure(|client| {
            client
                .api_root(uri)
                .clock(clock.clone())
                .retry(RetryPolicy::off())
        })
        .build()
        .unwrap()
}

fn client(uri: &str, token: InstallationToken, clock: &Turned) -> Client {
    Client::builder(token)
        .api_root(uri)
        .clock(clock.clone())
        .retry(RetryPolicy::off())
        .build()
        .unwrap()
}

#[tokio::test]
async fn ok_either_form_of_a_key_signs_and_the_token_dispatches() {
    for pem in [PKCS1, PKCS8] {
        let (github, clock) = github().await;
        let token = app(&github.uri(), pem, &clock)
            .installation_of(&repo())
            .with_permissions([("contents", "write"), ("actions", "read")]);
        let client = client(&github.uri(), token.clone(), &clock);
        assert_eq!(
            client.principal(),
            "app Iv23liTestsOnly, installation of contoso/deploy"
        );
        client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
        let runs = client
            .find_runs(&repo(), "abc", "repository_dispatch", clock.now())
            .await
            .unwrap();
        assert_eq!((runs.len(), github.n_app_tokens()), (1, 1));
        assert_eq!(token.permissions().unwrap().len(), 2);
        assert_debug_shows_no_token(&token);
        assert!(!format!("{:?}", key(pem)).contains("BEGIN"));
    }
}

#[tokio::test]
async fn ok_what_is_asked_for_is_what_was_narrowed_to() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/app/installations/7/access_tokens"))
        .respond_with(
            ResponseTemplate::new(201)
                .set_body_json(json!({ "token": "ghs_abc", "expires_at": "2026-11-22T11:00:00Z" })),
        )
        .expect(2)
        .mount(&server)
        .await;
    let clock = Turned::new();
    let app = app(&server.uri(), PKCS1, &clock);
    let all = app.installation(7);
    all.token().await.unwrap();
    let few = all
        .with_repositories(["deploy"])
        .with_permissions([("contents", "write")]);
    few.token().await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let bodies: Vec<Value> = requests
        .iter()
        .map(|request| request.body_json().unwrap())
        .collect();
    assert_eq!(
        bodies,
        [
            json!({}),
            json!({ "repositories": ["deploy"], "permissions": { "contents": "write" } })
        ]
    );
    for request in &requests {
        let authorization = request.headers.get("authorization").unwrap().to_str().unwrap();
        assert!(authorization.starts_with("Bearer eyJ"), "{authorization}");
    }
}

#[tokio::test]
async fn ok_a_thousand_who_wait_ask_one_time_at_first_and_when_it_ends() {
    let (github, clock) = github().await;
    let token = app(&github.uri(), PKCS1, &clock).installation_of(&repo());
    let all = async |n: usize| {
        let tasks: Vec<_> = (0..n)
            .map(|_| {
                let token = token.clone();
                tokio::spawn(async move { token.token().await.unwrap().expose_secret().to_owned() })
            })
            .collect();
        let mut tokens = Vec::new();
        for task in tasks {
            tokens.push(task.await.unwrap());
        }
        tokens.dedup();
        tokens.len()
    };
    assert_eq!((all(1_000).await, github.n_app_tokens()), (1, 1));
    // Five minutes before its end it is replaced, and a second earlier it is not.
    clock.turn(Duration::from_secs(3_600 - 301));
    assert_eq!((all(10).await, github.n_app_tokens()), (1, 1));
    clock.turn(Duration::from_secs(2));
    all(1_000).await;
    assert_eq!(github.n_app_tokens(), 2);
    clock.turn(Duration::from_secs(7_200));
    assert_eq!((all(1_000).await, github.n_app_tokens()), (1, 3));
}

#[tokio::test]
async fn ok_while_none_can_be_had_the_old_one_is_used_until_it_ends() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(201)
        .insert_header("date", DATE)
        .set_body_json(json!({ "token": "ghs_old", "expires_at": "2026-11-22T11:00:00Z" }));
    Mock::given(method("POST"))
        .respond_with(answer)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let clock = Turned::new();
    let token = app(&server.uri(), PKCS1, &clock).installation(7);
    token.token().await.unwrap();
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(502))
        .mount(&server)
        .await;
    clock.turn(Duration::from_secs(3_400));
    assert_eq!(token.token().await.unwrap().expose_secret(), "ghs_old");
    clock.turn(Duration::from_secs(190));
    assert_eq!(token.token().await.unwrap().expose_secret(), "ghs_old");
    clock.turn(Duration::from_secs(10));
    let before = server.received_requests().await.unwrap().len();
    for _ in 0..100 {
        let error = token.token().await.unwrap_err();
        assert_eq!(error.advice(), Advice::NotSent);
    }
    // A hundred who want one ask GitHub one time.
    assert_eq!(server.received_requests().await.unwrap().len() - before, 1);
}

#[tokio::test]
async fn ok_a_token_that_is_not_accepted_is_replaced_and_the_dispatch_sent_one_time() {
    let (github, clock) = github().await;
    let token = app(&github.uri(), PKCS1, &clock).installation_of(&repo());
    let client = client(&github.uri(), token, &clock);
    client.dispatch(&repo(), &dispatch("a")).await.unwrap();
    clock.turn(Duration::from_secs(60));
    github.revoke_app_tokens();
    client.dispatch(&repo(), &dispatch("b")).await.unwrap();
    assert_eq!((github.n_app_tokens(), github.n_effects("b")), (2, 1));
    assert_eq!(github.received().len(), 2);
}

#[tokio::test]
async fn ok_a_clock_that_is_wrong_by_ten_minutes_is_found_out() {
    for (minutes, ahead) in [(10, true), (10, false), (9, true), (600, false)] {
        let (github, theirs) = github().await;
        let ours = Turned::new();
        let by = Duration::from_secs(minutes * 60);
        if ahead {
            ours.turn(by);
        } else {
            theirs.turn(by);
        }
        let token = app(&github.uri(), PKCS1, &ours).installation_of(&repo());
        let client = client(&github.uri(), token, &ours);
        client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
        assert_eq!(
            (github.n_effects("abc"), github.n_app_tokens()),
            (1, 1),
            "{minutes} {ahead}"
        );
        // Whatever our clock says, the token lives for an hour.
        ours.turn(Duration::from_secs(3_200));
        theirs.turn(Duration::from_secs(3_200));
        client.dispatch(&repo(), &dispatch("def")).await.unwrap();
        assert_eq!(
            (github.n_effects("def"), github.n_app_tokens()),
            (1, 1),
            "{minutes} {ahead}"
        );
    }
}

#[tokio::test]
async fn err_who_may_not_is_told_and_nothing_is_dispatched() {
    // Another key.
    let (github, clock) = github().await;
    let wrong = App::builder("Iv23liSomebodyElse", key(PKCS1)).unwrap();
    let wrong = wrong
        .configure(|client| {
            client
                .api_root(github.uri())
                .clock(clock.clone())
                .retry(RetryPolicy::off())
        })
        .build()
        .unwrap();
    let error = client(&github.uri(), wrong.installation_of(&repo()), &clock)
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_ne!(error.advice(), Advice::Unknown);
    let texts = texts(&error);
    assert!(
        !texts.contains("eyJ") && !texts.contains("ghs_") && !texts.contains("http://"),
        "{texts}"
    );

    // A signature that is not the app's.
    let forged = MockGitHub::start_with_clock("contoso/deploy", clock.clone()).await;
    let other = PUBLIC.replacen("MIIB", "MIIC", 1);
    forged.add_app(ISSUER, Some(&other), &[("contents", "write")]);
    let error = client(
        &forged.uri(),
        app(&forged.uri(), PKCS1, &clock).installation(50_000_001),
        &clock,
    )
    .dispatch(&repo(), &dispatch("abc"))
    .await
    .unwrap_err();
    assert_eq!(error.advice(), Advice::Block(BlockScope::Principal));

    // Not the permission.
    let reading = app(&github.uri(), PKCS1, &clock)
        .installation_of(&repo())
        .with_permissions([("actions", "read")]);
    let error = client(&github.uri(), reading, &clock)
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Auth, Some(403)));
    assert_eq!(error.advice(), Advice::Block(BlockScope::Target));

    // Not this repository, and not installed.
    github.add_repository("contoso/other", true);
    let other = RepoFullName::parse("contoso/other").unwrap();
    let narrowed = app(&github.uri(), PKCS1, &clock).installation_of(&repo());
    let error = client(&github.uri(), narrowed, &clock)
        .dispatch(&other, &dispatch("abc"))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::NotFound, Some(404)));
    let nowhere = RepoFullName::parse("contoso/nowhere").unwrap();
    let error = client(
        &github.uri(),
        app(&github.uri(), PKCS1, &clock).installation_of(&nowhere),
        &clock,
    )
    .dispatch(&nowhere, &dispatch("abc"))
    .await
    .unwrap_err();
    assert_eq!(error.advice(), Advice::Block(BlockScope::Target));
    assert!(github.received().is_empty() && forged.received().is_empty());
}

#[test]
fn err_keys_and_ids_that_cannot_be_right() {
    let error = RsaKey::from_pem(&SecretString::from(EC)).unwrap_err();
    assert_eq!(error.to_string(), "the app's key is not an RSA key");
    let error = RsaKey::from_pem(&SecretString::from(PUBLIC)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the app's key is not a private key in PEM form"
    );
    for id in ["", "a b", "a\n", "é", "a/b"] {
        assert!(App::builder(id, key(PKCS1)).is_err(), "{id:?}");
    }
}
