//! The faults of the older Azure function do not exist here: each is pinned.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use github_dispatch::mock::{MockGitHub, Scripted};
use github_dispatch::{Client, RepoFullName, StaticToken};
use http::{Method, Request, StatusCode};
use relay_core::adapters::github::GithubDispatcher;
use relay_core::budget::Budget;
use relay_core::journal::MemoryJournal;
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use relay_examples::events::{delivery, model_registered, subscription_validation};
use relay_examples::story::Story;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn relay() -> (Relay, MockGitHub) {
    let github = MockGitHub::start("contoso/deploy").await;
    let client = Client::builder(StaticToken::new("t0ken", "default").unwrap())
        .api_root(github.uri())
        .build()
        .unwrap();
    let rules = RuleSet::load([RouteConfig::new("deploy", "contoso/deploy")]).unwrap();
    let relay = RelayBuilder::new(
        MemoryJournal::new(),
        GithubDispatcher::new("default", &client),
        rules,
    )
    .with_secrets(SharedSecrets::new(["s"]).unwrap())
    .with_budget(Budget::unbounded())
    .build()
    .unwrap();
    (relay, github)
}

async fn post(relay: &Relay, uri: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::post(uri)
        .header("aeg-event-type", "Notification")
        .body(Bytes::from(body.to_owned()))
        .unwrap();
    let response = relay.accept(request).await;
    (
        response.status(),
        serde_json::from_slice(response.body()).unwrap_or(Value::Null),
    )
}

#[tokio::test]
async fn ok_every_element_of_a_batch_is_handled_and_payloads_are_golden() {
    let (relay, github) = relay().await;
    let batch = [
        model_registered("a", "1", 0),
        model_registered("b", "22", 1),
        model_registered("c", "333", 2),
    ];
    assert_eq!(relay.accept(delivery(&batch, "s").unwrap()).await.status(), 200);
    relay.run_due().await.unwrap();
    let mut sent: Vec<(String, Value)> = github
        .received()
        .into_iter()
        .map(|one| (one.event_type, Value::Object(one.client_payload)))
        .collect();
    sent.sort_by_key(|(_, payload)| payload.to_string());
    // Pinned: existing workflows read these keys and no other. The ids were worked out by another program (SHA-256 and
    // base 32 of the documented key); they must never change for what was sent before.
    let golden = [
        ("a", "1", "o5lrjf6tgnh6mzixh7ewwmft4c"),
        ("b", "22", "5srwclpm75hm7rmviohy644nn3"),
        ("c", "333", "dpzkxsygifb6qqr5eovqmgvhvt"),
    ];
    assert_eq!(sent.len(), golden.len());
    for ((event_type, payload), (model, version, relay_id)) in sent.iter().zip(golden) {
        assert_eq!(event_type, "deploy_pipeline_action");
        let keys: Vec<&String> = payload.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["model_name", "model_version", "relay"]);
        assert_eq!(payload["model_name"], json!(model));
        assert_eq!(
            payload["model_version"],
            json!(version),
            "a JSON text, whatever the sender wrote"
        );
        assert_eq!(payload["relay"], json!({"id": relay_id}));
    }
}

#[tokio::test]
async fn ok_an_empty_array_and_a_single_object_are_fine() {
    let (relay, github) = relay().await;
    let (status, receipt) = post(&relay, "/events?code=s", "[]").await;
    assert_eq!((status, &receipt["accepted"]), (StatusCode::OK, &json!(0)));
    let (status, receipt) = post(
        &relay,
        "/events?code=s",
        &model_registered("a", "1", 0).to_string(),
    )
    .await;
    assert_eq!((status, &receipt["accepted"]), (StatusCode::OK, &json!(1)));
    let cloud = json!({"specversion": "1.0", "id": "ce-1", "type": "Microsoft.MachineLearningServices.ModelRegistered",
        "source": relay_examples::events::WORKSPACE.to_uppercase(), "subject": "models/a:2", "time": "2026-11-22T11:00:00Z",
        "data": {"ModelName": "a", "ModelVersion": 2}});
    let (status, receipt) = post(&relay, "/events?code=s", &cloud.to_string()).await;
    assert_eq!((status, &receipt["accepted"]), (StatusCode::OK, &json!(1)));
    relay.run_due().await.unwrap();
    // Version 2 waited with version 1 in one lane, though their sources are spelt differently: only the newer went out.
    let versions: Vec<Value> = github
        .received()
        .iter()
        .map(|one| one.client_payload["model_version"].clone())
        .collect();
    assert_eq!(versions, [json!("2")]);
}

#[tokio::test]
async fn ok_options_and_validation_are_answered_with_a_secret_only() {
    let (relay, _github) = relay().await;
    let options = |uri: &str, origin: &str| {
        let request = Request::builder().method(Method::OPTIONS).uri(uri);
        request
            .header("WebHook-Request-Origin", origin)
            .body(Bytes::new())
            .unwrap()
    };
    let consent = relay
        .accept(options("/events?code=s", "eventgrid.azure.net"))
        .await;
    assert_eq!(consent.status(), 200);
    let header = |name: &str| consent.headers().get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("WebHook-Allowed-Origin"), Some("eventgrid.azure.net"));
    assert_eq!(
        (header("WebHook-Allowed-Rate"), header("Allow")),
        (Some("*"), Some("POST"))
    );
    let stranger = relay.accept(options("/events?code=s", "evil.example")).await;
    assert_eq!(
        (
            stranger.status().as_u16(),
            stranger.headers().get("WebHook-Allowed-Origin")
        ),
        (403, None)
    );
    assert_eq!(
        relay
            .accept(options("/events", "eventgrid.azure.net"))
            .await
            .status(),
        401
    );

    let validation = Value::from([subscription_validation("C0DE")].as_slice()).to_string();
    assert_eq!(
        post(&relay, "/events?code=s", &validation).await,
        (StatusCode::OK, json!({"validationResponse": "C0DE"}))
    );
    assert_eq!(post(&relay, "/events?code=wrong", &validation).await.0, 401);
    assert_eq!(post(&relay, "/events", &validation).await.0, 401);
    assert_eq!(
        relay
            .accept(Request::get("/events?code=s").body(Bytes::new()).unwrap())
            .await
            .status(),
        405
    );
}

#[tokio::test]
async fn ok_githubs_status_never_reaches_event_grid_and_a_body_that_can_never_be_read_is_400() {
    let (relay, github) = relay().await;
    github.always(Scripted::status(403));
    assert_eq!(
        relay
            .accept(delivery(&[model_registered("a", "1", 0)], "s").unwrap())
            .await
            .status(),
        200
    );
    relay.run_due().await.unwrap();
    assert_eq!(
        relay
            .accept(delivery(&[model_registered("b", "1", 0)], "s").unwrap())
            .await
            .status(),
        200
    );
    for body in ["", "{", "12", "null", "\"x\"", "[{},]"] {
        assert_eq!(post(&relay, "/events?code=s", body).await.0, 400, "{body}");
    }
    let large = format!("[{}]", " ".repeat(5 * 1024 * 1024));
    let (status, why) = post(&relay, "/events?code=s", &large).await;
    assert_eq!(status, 413);
    assert!(
        why["why"].as_str().unwrap().contains("more than 4194304 bytes"),
        "{why}"
    );
    for body in [
        "{}",
        "[null]",
        "[5]",
        r#"[{"id":"1","topic":"t"}]"#,
        r#"{"id":"1","topic":"t","eventType":"Microsoft.MachineLearningServices.ModelRegistered","data":null}"#,
    ] {
        let (status, receipt) = post(&relay, "/events?code=s", body).await;
        assert_eq!(
            (status, &receipt["unreadable"]),
            (StatusCode::OK, &json!(1)),
            "{body}"
        );
    }
    let story = Story::read(&relay).await.unwrap();
    let whys: Vec<&str> = story.unreadable.iter().map(|row| row.why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "eventType: expected a text, found nothing",
            "element: expected an object, found null",
            "element: expected an object, found a number",
            "eventType: expected a text, found nothing",
            "data: expected an object, found nothing",
        ]
    );
    assert_eq!(story.unreadable[1].body, "null", "kept verbatim");
}

#[tokio::test]
async fn ok_the_repository_comes_from_configuration_alone() {
    let (relay, github) = relay().await;
    let body = Value::from([model_registered("a", "1", 0)].as_slice()).to_string();
    let (status, _) = post(
        &relay,
        "/events?code=s&repository=evil/other&repo=evil/other",
        &body,
    )
    .await;
    assert_eq!(status, 200);
    relay.run_due().await.unwrap();
    assert_eq!(github.received()[0].repository, "contoso/deploy");
    for repository in ["a/../b", "", "a", "a/b/c", "a/b?x", "../b"] {
        let error = RuleSet::load([RouteConfig::new("r", repository)])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("route \"r\": repository: expected a repository as owner/name"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn ok_hostile_names_and_versions_are_parked_with_the_reason() {
    let (relay, github) = relay().await;
    let hostile = [
        "$(id)", "a;b", "a/b", "../a", "a\nb", "a b", "`x`", "-rf", "a\u{0}b", "é",
    ];
    for (n, text) in hostile.iter().enumerate() {
        let version = format!("{n}");
        assert_eq!(
            relay
                .accept(delivery(&[model_registered(text, &version, 0)], "s").unwrap())
                .await
                .status(),
            200
        );
        assert_eq!(
            relay
                .accept(delivery(&[model_registered(&format!("m{n}"), text, 0)], "s").unwrap())
                .await
                .status(),
            200
        );
    }
    relay.run_due().await.unwrap();
    assert_eq!(github.received(), []);
    let story = Story::read(&relay).await.unwrap();
    assert_eq!(story.n_with_verdict("parked"), 2 * hostile.len());
}

#[tokio::test]
async fn ok_a_large_payload_cannot_exceed_githubs_limits() {
    let mut config = RouteConfig::new("r", "contoso/deploy");
    config.payload = (0..10).map(|n| (format!("k{n}"), json!("x"))).collect();
    let error = RuleSet::load([config]).unwrap_err().to_string();
    assert!(
        error.contains("10 keys and the reserved \"relay\" are 11, and GitHub takes at most 10"),
        "{error}"
    );
    let (relay, github) = relay().await;
    let mut event = model_registered("a", "1", 0);
    event["data"]["modelProperties"]["huge"] = json!("x".repeat(900_000));
    assert_eq!(relay.accept(delivery(&[event], "s").unwrap()).await.status(), 200);
    relay.run_due().await.unwrap();
    let sent = Value::Object(github.received()[0].client_payload.clone()).to_string();
    assert!(
        sent.len() < 200,
        "the payload holds what the route asks for and nothing else: {} bytes",
        sent.len()
    );
}

/// A server that keeps connections, and counts them.
async fn counting_server(answer: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut buffer = vec![0; 8192];
                while let Ok(n) = socket.read(&mut buffer).await {
                    if n == 0 || socket.write_all(answer.as_bytes()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, connections)
}

#[tokio::test]
async fn ok_http_clients_and_their_connections_are_reused() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 37\r\n\r\n{\"total_count\":0,\"workflow_runs\":[ ]}";
    let (address, connections) = counting_server(answer).await;
    let client = Client::builder(StaticToken::new("t", "default").unwrap())
        .api_root(address)
        .timeout(Duration::from_secs(6))
        .build()
        .unwrap();
    let repo = RepoFullName::parse("a/b").unwrap();
    for _ in 0..10 {
        client
            .clone()
            .find_runs(&repo, "id", "repository_dispatch", std::time::UNIX_EPOCH)
            .await
            .unwrap();
    }
    assert_eq!(
        connections.load(Ordering::Relaxed),
        1,
        "ten calls, one connection"
    );
}
