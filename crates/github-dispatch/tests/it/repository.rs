//! What a dispatch sends, to the last header and key, and that every 2xx is success.

use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{any, body_json, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::{DATE, Does, NOW, RawServer, TOKEN, after, builder, client, dispatch, hasty, of, repo};

/// Accepts one dispatch, and nothing else.
async fn accepting_one(at: &str, answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(at))
        .respond_with(answer)
        .expect(1)
        .named("one dispatch")
        .mount(&server)
        .await;
    server
}

async fn the_request(server: &MockServer) -> Request {
    let mut requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

fn headers(request: &Request) -> Vec<String> {
    let mut headers: Vec<String> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    headers
}

#[tokio::test]
async fn ok_golden_request_of_the_logic_app() {
    let server = accepting_one("/repos/contoso/deploy/dispatches", ResponseTemplate::new(204)).await;
    let payload = json!({ "model_name": "credit-default", "model_version": 3 });
    let client = builder(&server.uri()).user_agent("tester/1").build().unwrap();
    client.dispatch(&repo(), &of(payload)).await.unwrap();

    let request = the_request(&server).await;
    let body = r#"{"client_payload":{"model_name":"credit-default","model_version":3},"event_type":"deploy_pipeline_action"}"#;
    assert_eq!(String::from_utf8(request.body.clone()).unwrap(), body);
    assert_eq!(request.url.query(), None);
    assert_eq!(
        headers(&request),
        [
            "accept: application/vnd.github+json".to_owned(),
            format!("authorization: Bearer {TOKEN}"),
            format!("content-length: {}", body.len()),
            "content-type: application/json".to_owned(),
            format!("host: {}", server.address()),
            "user-agent: tester/1".to_owned(),
            "x-github-api-version: 2022-11-28".to_owned(),
        ]
    );
}

#[tokio::test]
async fn ok_the_relay_key_stands_beside_the_payload_and_types_are_kept() {
    let server = accepting_one("/repos/contoso/deploy/dispatches", ResponseTemplate::new(204)).await;
    let payload = json!({
        "model_name": "m", "model_version": "3", "passed": false, "n": 1.5, "none": null, "text": "é \"quoted\" ${{ x }}\n",
        "relay": { "id": "abc", "deep": [[{}]] }
    });
    client(&server.uri())
        .dispatch(&repo(), &of(payload.clone()))
        .await
        .unwrap();
    let body: Value = serde_json::from_slice(&the_request(&server).await.body).unwrap();
    assert_eq!(
        body,
        json!({ "event_type": "deploy_pipeline_action", "client_payload": payload })
    );
}

#[tokio::test]
async fn ok_version_and_agent_by_default_and_by_the_builder() {
    let check = async |build: fn(github_dispatch::ClientBuilder) -> github_dispatch::ClientBuilder,
                       expect: [&str; 2]| {
        let server = accepting_one("/repos/contoso/deploy/dispatches", ResponseTemplate::new(204)).await;
        let client = build(builder(&server.uri())).build().unwrap();
        client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
        let headers = headers(&the_request(&server).await);
        for line in expect {
            assert!(headers.iter().any(|found| found == line), "{line}: {headers:?}");
        }
    };
    let agent = concat!("user-agent: github-dispatch/", env!("CARGO_PKG_VERSION"));
    check(|builder| builder, [agent, "x-github-api-version: 2022-11-28"]).await;
    check(
        |builder| builder.api_version("2026-03-10").user_agent("relay"),
        ["user-agent: relay", "x-github-api-version: 2026-03-10"],
    )
    .await;
}

#[tokio::test]
async fn ok_the_path_of_an_enterprise_root_is_kept() {
    for slash in ["", "/"] {
        let server = accepting_one(
            "/api/v3/repos/contoso/deploy/dispatches",
            ResponseTemplate::new(204),
        )
        .await;
        let root = format!("{}/api/v3{slash}", server.uri());
        client(&root).dispatch(&repo(), &dispatch("abc")).await.unwrap();
    }
}

#[tokio::test]
async fn ok_any_2xx_is_success_whatever_its_body() {
    let run_details = r#"{"workflow_run_id": 30000000001, "html_url": "x"}"#;
    for (status, body) in [
        (200, ""),
        (200, run_details),
        (200, "not json"),
        (201, "[]"),
        (202, ""),
        (202, "{}"),
        (204, ""),
        (299, "x"),
    ] {
        let answer = ResponseTemplate::new(status)
            .set_body_string(body)
            .insert_header("x-github-request-id", "A:1");
        let server = accepting_one("/repos/contoso/deploy/dispatches", answer).await;
        let accepted = client(&server.uri())
            .dispatch(&repo(), &dispatch("abc"))
            .await
            .unwrap();
        assert_eq!(accepted.request_id.as_deref(), Some("A:1"), "{status} {body}");
        assert_eq!(accepted.exhausted_until, None);
    }
}

/// The status came, so it is accepted; what would have followed tells nothing.
#[tokio::test]
async fn ok_accepted_also_when_the_body_breaks_off_or_never_ends() {
    for status in ["200 OK", "202 Accepted"] {
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{");
        let server = RawServer::start(Does::Write(head.clone().into_bytes())).await;
        let accepted = client(&server.uri()).dispatch(&repo(), &dispatch("abc")).await;
        assert!(accepted.is_ok(), "{status}: {accepted:?}");
        assert_eq!(server.n_requests(), 1);

        let server = RawServer::start(Does::WriteAndHold(head.into_bytes())).await;
        let accepted = hasty(&server.uri()).dispatch(&repo(), &dispatch("abc")).await;
        assert!(accepted.is_ok(), "{status}: {accepted:?}");
    }
}

/// Such as a proxy that puts a page around it: longer than anything that is read.
#[tokio::test]
async fn ok_accepted_also_when_the_body_is_longer_than_what_is_read() {
    let answer = ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 9 * 1024 * 1024]);
    let server = accepting_one("/repos/contoso/deploy/dispatches", answer).await;
    client(&server.uri())
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap();
}

#[tokio::test]
async fn ok_the_last_request_of_a_limit_says_until_when() {
    let answer = ResponseTemplate::new(204)
        .insert_header("date", DATE)
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", (NOW + 30).to_string());
    let server = accepting_one("/repos/contoso/deploy/dispatches", answer).await;
    let accepted = client(&server.uri())
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap();
    assert_eq!(accepted.exhausted_until, Some(after(31)));
}

#[tokio::test]
async fn ok_a_far_reset_does_not_panic_after_github_has_accepted() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(204)
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", i64::MAX.to_string())
        // GitHub's clock is an hour behind ours.
        .insert_header("date", "Sun, 22 Nov 2026 09:00:00 GMT");
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let accepted = client(&server.uri())
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap();
    assert!(accepted.exhausted_until <= Some(after(86_400)));
}

/// A reset in milliseconds: an acceptance is bounded by a day, as a refusal.
#[tokio::test]
async fn ok_a_reset_in_milliseconds_of_an_accepted_answer_is_bounded() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(204)
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", "1795341700000");
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let accepted = client(&server.uri())
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap();
    let until = accepted.exhausted_until.unwrap();
    assert!(
        until <= after(86_400),
        "{} years",
        until.duration_since(after(0)).unwrap_or(Duration::ZERO).as_secs() / 31_536_000
    );
}

#[tokio::test]
async fn ok_one_post_a_call_and_each_on_a_connection_of_its_own() {
    let server = MockServer::start().await;
    for n in 0..3 {
        let body = json!({
            "event_type": "deploy_pipeline_action",
            "client_payload": { "model_name": "m", "model_version": "3", "relay": { "id": format!("id-{n}") } }
        });
        Mock::given(body_json(body))
            .respond_with(ResponseTemplate::new(204))
            .expect(1)
            .mount(&server)
            .await;
    }
    let client = client(&server.uri());
    for n in 0..3 {
        client
            .clone()
            .dispatch(&repo(), &dispatch(&format!("id-{n}")))
            .await
            .unwrap();
    }
    drop(server);

    // The first connection stays open, and the second dispatch does not use it.
    let server = RawServer::start(Does::WriteAndHold(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())).await;
    let client = hasty(&server.uri());
    for _ in 0..2 {
        client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
    }
    assert_eq!((server.n_connections(), server.n_requests()), (2, 2));
}

#[tokio::test]
async fn ok_building_a_client_contacts_nobody() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(204))
        .expect(0)
        .mount(&server)
        .await;
    let client = client(&server.uri());
    assert_eq!(client.principal(), "tester");
    drop(client);
}
