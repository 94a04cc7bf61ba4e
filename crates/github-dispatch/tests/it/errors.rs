//! Whatever GitHub answers, or does not: kind, advice, how often it was asked, and what the texts show.

use github_dispatch::request::RunQuery;
use github_dispatch::{Advice, BlockScope, Error, ErrorKind};
use serde_json::json;
use tokio::net::TcpSocket;
use wiremock::matchers::{any, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{
    DATE, Does, NOW, RawServer, TOKEN, after, assert_shows_no_secret, builder, client, dispatch, hasty, repo,
    texts,
};

const TARGET: Advice = Advice::Block(BlockScope::Target);
const PRINCIPAL: Advice = Advice::Block(BlockScope::Principal);

fn throttled(seconds: u64) -> Advice {
    Advice::Throttled {
        until: after(seconds),
    }
}

/// Answers one POST so, and asserts that it was one.
async fn answered(answer: ResponseTemplate) -> Error {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(answer)
        .expect(1)
        .named("one POST")
        .mount(&server)
        .await;
    client(&server.uri())
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap_err()
}

async fn check(status: u16, headers: &[(&str, &str)], message: &str, kind: ErrorKind, advice: Advice) {
    let body = json!({ "message": message, "documentation_url": "https://docs.example/?x", "status": status.to_string() });
    let answer = headers
        .iter()
        .fold(
            ResponseTemplate::new(status).set_body_json(body),
            |answer, (name, value)| answer.insert_header(*name, *value),
        )
        .insert_header("x-github-request-id", "A:1");
    let error = answered(answer).await;
    assert_eq!(
        (error.kind(), error.advice()),
        (kind, advice),
        "{status} {headers:?} {message}"
    );
    assert_eq!(error.status(), Some(status));
    assert_eq!(error.service_message(), Some(message));
    assert_eq!(error.request_id(), Some("A:1"));
    let text = error.to_string();
    assert!(
        text.contains(&format!("status {status}")) && text.ends_with(", request A:1"),
        "{text}"
    );
    assert_shows_no_secret(&error);
}

#[tokio::test]
async fn err_statuses_that_are_no_limit() {
    let auth = ErrorKind::Auth;
    check(
        400,
        &[],
        "Problems parsing JSON",
        ErrorKind::Status,
        Advice::GiveUp,
    )
    .await;
    check(401, &[], "Bad credentials", auth, PRINCIPAL).await;
    check(
        403,
        &[],
        "Resource not accessible by personal access token",
        auth,
        TARGET,
    )
    .await;
    check(
        403,
        &[
            ("x-ratelimit-remaining", "4999"),
            ("x-ratelimit-reset", "1795345200"),
        ],
        "no",
        auth,
        TARGET,
    )
    .await;
    check(
        403,
        &[("x-github-sso", "required; url=https://github.com/orgs/x/sso?s=1")],
        "SAML",
        auth,
        TARGET,
    )
    .await;
    check(404, &[], "Not Found", ErrorKind::NotFound, TARGET).await;
    check(410, &[], "Gone", ErrorKind::NotFound, TARGET).await;
    check(
        422,
        &[],
        "client_payload is too large.",
        ErrorKind::Status,
        Advice::GiveUp,
    )
    .await;
    for status in [408, 500, 502, 503, 504] {
        check(status, &[], "Server Error", ErrorKind::Status, Advice::Unknown).await;
    }
    // A server error is no refusal: it may hide a run, whatever it says about later.
    check(
        503,
        &[("retry-after", "5")],
        "Server Error",
        ErrorKind::Status,
        Advice::Unknown,
    )
    .await;
    let used_up = [
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1795345200"),
    ];
    check(
        502,
        &used_up,
        "secondary rate limit",
        ErrorKind::Status,
        Advice::Unknown,
    )
    .await;
}

#[tokio::test]
async fn err_limits_in_the_order_of_their_evidence() {
    let limit = ErrorKind::Throttled;
    let reset = (NOW + 30).to_string();
    let remaining = ("x-ratelimit-remaining", "0");
    let reset = ("x-ratelimit-reset", reset.as_str());
    for status in [403, 429] {
        check(status, &[("retry-after", "7")], "words", limit, throttled(7)).await;
        check(
            status,
            &[("retry-after", "7"), remaining, reset],
            "words",
            limit,
            throttled(7),
        )
        .await;
        let at = [("date", DATE), ("retry-after", "Sun, 22 Nov 2026 10:00:10 GMT")];
        check(status, &at, "words", limit, throttled(10)).await;
        check(
            status,
            &[("date", DATE), remaining, reset],
            "API rate limit exceeded",
            limit,
            throttled(31),
        )
        .await;
        check(
            status,
            &[],
            "You have exceeded a secondary rate limit.",
            limit,
            throttled(60),
        )
        .await;
        check(
            status,
            &[],
            "You have triggered an abuse detection mechanism.",
            limit,
            throttled(60),
        )
        .await;
        let never = [("retry-after", "18446744073709551615")];
        check(status, &never, "words", limit, throttled(24 * 3_600)).await;
    }
    check(429, &[], "words", limit, throttled(60)).await;
    // Our clock is an hour ahead of GitHub's: what counts is how far the reset is from its own date.
    let (date, reset) = (
        ("date", "Sun, 22 Nov 2026 09:00:00 GMT"),
        (NOW - 3_600 + 5).to_string(),
    );
    let skewed = [date, remaining, ("x-ratelimit-reset", &reset)];
    check(403, &skewed, "words", limit, throttled(6)).await;
}

#[tokio::test]
async fn err_a_403_says_what_the_token_lacks() {
    let answer = ResponseTemplate::new(403)
        .insert_header("x-accepted-github-permissions", "contents=write")
        .insert_header(
            "x-github-sso",
            "required; url=https://github.com/orgs/x/sso?authorization_request=1",
        );
    let error = answered(answer).await;
    assert_eq!(
        error.to_string(),
        "the token may not do this; it needs contents=write; it has to be authorised for the organisation's single sign-on: status 403"
    );
    assert_shows_no_secret(&error);
}

/// Followed, 301 to 303 would become a GET that looks like a success, and any of them could carry the token away.
#[tokio::test]
async fn err_redirects_are_not_followed_and_the_token_stays() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
            .expect(0)
            .named("the other server")
            .mount(&elsewhere)
            .await;
        let server = MockServer::start().await;
        let location = format!("{}/repositories/7/dispatches?secret=1", elsewhere.uri());
        let answer = ResponseTemplate::new(status)
            .insert_header("location", location)
            .set_body_json(json!({ "message": "Moved Permanently" }));
        Mock::given(any())
            .respond_with(answer)
            .expect(2)
            .named("a POST and a GET")
            .mount(&server)
            .await;

        let client = client(&server.uri());
        let check = |error: &Error| {
            assert_eq!(
                (error.kind(), error.advice()),
                (ErrorKind::Redirected, TARGET),
                "{status}"
            );
            assert_eq!(error.status(), Some(status));
            let expect = format!(
                "it was renamed or moved, to \"/repositories/7/dispatches\"; redirects are not followed, so change the configuration: status {status} (\"Moved Permanently\")"
            );
            assert_eq!(error.to_string(), expect);
            assert_shows_no_secret(error);
        };
        check(&client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err());
        check(
            &client
                .list_runs(&repo(), &RunQuery::default(), 1)
                .await
                .unwrap_err(),
        );
    }
}

/// Nor to the same host, with or without a scheme in the location, or with none at all.
#[tokio::test]
async fn err_redirects_to_the_same_host_are_not_followed_either() {
    for location in [
        Some("/repositories/7/dispatches?secret=1"),
        Some("//evil.example/x?secret=1"),
        Some("?secret=1"),
        None,
    ] {
        let answer = ResponseTemplate::new(307);
        let answer = match location {
            Some(location) => answer.insert_header("location", location),
            None => answer,
        };
        let error = answered(answer).await;
        assert_eq!(
            (error.kind(), error.advice()),
            (ErrorKind::Redirected, TARGET),
            "{location:?}"
        );
        assert_shows_no_secret(&error);
    }
}

/// A proxy before an Enterprise Server that repeats what it was sent.
#[tokio::test]
async fn err_a_token_that_the_answer_repeats_stands_in_no_text() {
    let server = MockServer::start().await;
    let body = json!({"message": format!("bad header Authorization: Bearer {TOKEN}")});
    let answer = ResponseTemplate::new(400)
        .set_body_json(body)
        .insert_header("x-github-request-id", TOKEN);
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let error = client(&server.uri())
        .dispatch(&repo(), &dispatch("474p54ivefce66s2nsvlvyw7zg"))
        .await
        .unwrap_err();
    assert_eq!(error.advice(), Advice::GiveUp);
    assert!(!texts(&error).contains(TOKEN), "{}", error);
}

#[tokio::test]
async fn err_a_token_is_hidden_wherever_the_answer_repeats_it() {
    let check = async |answer: ResponseTemplate, expect: &str| {
        let error = answered(answer).await;
        assert_eq!(error.to_string(), expect);
        assert!(!texts(&error).contains("ghp_"), "{error:?}");
    };
    let status = ResponseTemplate::new;
    check(
        status(403).insert_header("x-accepted-github-permissions", format!("contents={TOKEN}")),
        "the token may not do this; it needs contents=***: status 403",
    )
    .await;
    check(
        status(301).insert_header("location", format!("https://api.example/{TOKEN}/x{TOKEN}")),
        "it was renamed or moved, to \"/***/x***\"; redirects are not followed, so change the configuration: status 301",
    )
    .await;
    // Where the message is cut, no half of a token is left.
    for n in 256 - TOKEN.len()..256 {
        let body = json!({ "message": format!("{}{TOKEN}", "x".repeat(n)) });
        let error = answered(status(422).set_body_json(body)).await;
        assert!(!texts(&error).contains("xg"), "{error}");
    }
    let accepted = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(status(204).insert_header("x-github-request-id", TOKEN))
        .mount(&accepted)
        .await;
    let accepted = client(&accepted.uri())
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap();
    assert_eq!(accepted.request_id.as_deref(), Some("***"));
    // What is asked for may be of another shape, or another name.
    for (body, expect) in [
        (
            json!(TOKEN),
            "github's answer cannot be read: invalid type: string \"***\"",
        ),
        (
            json!({ "full_name": format!("contoso/{TOKEN}") }),
            "it is named \"contoso/***\" now",
        ),
    ] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(status(200).set_body_json(body))
            .mount(&server)
            .await;
        let event_type = github_dispatch::DispatchEventType::parse("deploy").unwrap();
        let error = client(&server.uri())
            .check_target(&repo(), &event_type)
            .await
            .unwrap_err();
        assert!(error.to_string().starts_with(expect), "{error}");
        assert!(!texts(&error).contains("ghp_"), "{error:?}");
    }
}

/// A refusal stays one when its body is no JSON, breaks off, or does not end.
#[tokio::test]
async fn err_the_status_counts_more_than_the_body() {
    for (status, advice) in [(404, TARGET), (422, Advice::GiveUp), (502, Advice::Unknown)] {
        let long = ResponseTemplate::new(status).set_body_bytes(vec![b'x'; 9 * 1024 * 1024]);
        let page = ResponseTemplate::new(status).set_body_string("<html>http://x/?y</html>");
        for answer in [ResponseTemplate::new(status), page, long] {
            let error = answered(answer).await;
            assert_eq!((error.status(), error.advice()), (Some(status), advice));
            assert_eq!(error.service_message(), None);
            assert_shows_no_secret(&error);
        }
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 100\r\n\r\n{{\"message\":");
        let server = RawServer::start(Does::Write(head.clone().into_bytes())).await;
        let error = client(&server.uri())
            .dispatch(&repo(), &dispatch("abc"))
            .await
            .unwrap_err();
        assert_eq!((error.status(), error.advice()), (Some(status), advice));
        let server = RawServer::start(Does::WriteAndHold(head.into_bytes())).await;
        let error = hasty(&server.uri())
            .dispatch(&repo(), &dispatch("abc"))
            .await
            .unwrap_err();
        assert_eq!((error.status(), error.advice()), (Some(status), advice));
    }
}

async fn check_unknown(does: Does, n_requests: usize, expect: &str) {
    let server = RawServer::start(does.clone()).await;
    let error = hasty(&server.uri())
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::SentNoAnswer, Advice::Unknown),
        "{does:?}"
    );
    assert_eq!(
        (error.status(), error.to_string().as_str()),
        (None, expect),
        "{does:?}"
    );
    assert_eq!(
        (server.n_connections(), server.n_requests()),
        (1, n_requests),
        "{does:?}"
    );
    assert_shows_no_secret(&error);
}

#[tokio::test]
async fn err_no_answer_leaves_it_unknown_and_is_not_repeated() {
    let broke = "the connection broke after the request had left";
    let late = "github did not answer in time, and the request had left";
    check_unknown(Does::ReadAndClose, 1, broke).await;
    check_unknown(Does::Close, 0, broke).await;
    check_unknown(Does::Silence, 1, late).await;
    check_unknown(Does::HoldUnread, 0, late).await;
    check_unknown(
        Does::Write(b"HTTP/1.1 204 No Content\r\nx-github-req".to_vec()),
        1,
        broke,
    )
    .await;
    check_unknown(
        Does::WriteAndHold(b"HTTP/1.1 204 No Content\r\nx-github-req".to_vec()),
        1,
        late,
    )
    .await;
    check_unknown(Does::Write(b"HTTP/1.1 2".to_vec()), 1, broke).await;
    check_unknown(Does::Write(b"this is no http\r\n\r\n".to_vec()), 1, broke).await;
}

/// A bound socket that does not listen: nobody else can get its port, and every connection is refused.
#[tokio::test]
async fn err_a_refused_connection_was_not_sent() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let client = client(&format!("http://{}", socket.local_addr().unwrap()));
    for error in [
        client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err(),
        client
            .list_runs(&repo(), &RunQuery::default(), 1)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.advice()),
            (ErrorKind::Connect, Advice::NotSent)
        );
        assert_eq!(
            (error.status(), error.to_string().as_str()),
            (None, "no connection to github came about")
        );
        assert!(std::error::Error::source(&error).is_some());
        assert_shows_no_secret(&error);
    }
}

/// A TLS handshake that hangs is a timeout, and one that fails breaks a connection; before either, nothing was sent.
#[cfg(feature = "rustls")]
#[tokio::test]
async fn err_a_tls_handshake_that_hangs_or_fails_was_not_sent() {
    use std::time::Duration;

    for does in [Does::HoldUnread, Does::Close] {
        let server = RawServer::start(does.clone()).await;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(trusting_nobody())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_millis(200))
            .no_proxy()
            .build()
            .unwrap();
        let client = builder(&format!("https://{}", server.authority))
            .http_client(http)
            .build()
            .unwrap();
        let error = client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.advice()),
            (ErrorKind::Connect, Advice::NotSent),
            "{does:?}"
        );
        assert_shows_no_secret(&error);
    }
}

/// The same for our own client: its connect timeout is below the whole, so that a hang is no unknown outcome.
#[cfg(feature = "rustls")]
#[tokio::test]
async fn err_a_tls_handshake_of_our_own_that_hangs_was_not_sent() {
    let server = RawServer::start(Does::HoldUnread).await;
    let client = match builder(&format!("https://{}", server.authority))
        .connect_timeout(std::time::Duration::from_millis(200))
        .build()
    {
        Ok(client) => client,
        // A machine without a certificate store trusts nobody; there is no such client then, and it says so offline.
        Err(error) => return assert_eq!(error.to_string(), "tls cannot be set up"),
    };
    let error = client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::Connect, Advice::NotSent)
    );
    assert_eq!(server.n_connections(), 1);
}

/// TLS as our own, but without a certificate store: the machine may have none. The provider is named, since none is installed.
#[cfg(feature = "rustls")]
fn trusting_nobody() -> rustls::ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

/// A client as others make one: no timeout, and it follows redirects.
fn plain_http() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy();
    #[cfg(feature = "rustls")]
    let builder = builder.tls_backend_preconfigured(trusting_nobody());
    builder.build().unwrap()
}

/// A client that was handed in has no timeout of its own unless it was given one; the builder's holds for it too.
#[tokio::test]
async fn err_a_client_that_was_handed_in_keeps_the_timeout() {
    let server = RawServer::start(Does::Silence).await;
    let client = builder(&server.uri())
        .connect_timeout(std::time::Duration::from_millis(200))
        .timeout(std::time::Duration::from_millis(600))
        .http_client(plain_http())
        .build()
        .unwrap();
    let error = client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::SentNoAnswer, Advice::Unknown)
    );
}

/// It followed before we could say no: what became of the dispatch is not known, and it is surely no success.
#[tokio::test]
async fn err_a_client_that_was_handed_in_and_follows_redirects_is_found_out() {
    let elsewhere = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200))
        .mount(&elsewhere)
        .await;
    let server = MockServer::start().await;
    let answer =
        ResponseTemplate::new(301).insert_header("location", format!("{}/x?secret=1", elsewhere.uri()));
    Mock::given(method("POST"))
        .respond_with(answer)
        .expect(1)
        .mount(&server)
        .await;
    let client = builder(&server.uri()).http_client(plain_http()).build().unwrap();
    let error = client.dispatch(&repo(), &dispatch("abc")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::Redirected, Advice::Unknown)
    );
    assert_shows_no_secret(&error);
    for request in elsewhere.received_requests().await.unwrap() {
        assert!(
            !request.headers.contains_key("authorization"),
            "the token went elsewhere"
        );
    }
}

/// Nothing is unpacked: neither is it asked for, nor is it done where an answer comes packed all the same.
#[tokio::test]
async fn err_a_packed_answer_is_not_unpacked_and_an_endless_one_is_bounded() {
    let mut packed = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 100010\r\n\r\n".to_vec();
    packed.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    packed.resize(packed.len() + 100_000, 0);
    let server = RawServer::start(Does::Write(packed)).await;
    let client = client(&server.uri());
    let error = client.run(&repo(), 7).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::Decode, Advice::GiveUp)
    );
    // A dispatch is accepted whatever its answer holds.
    client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
    assert!(
        server
            .requests()
            .iter()
            .all(|request| !request.contains("accept-encoding"))
    );

    let deep = format!("{{\"id\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = ResponseTemplate::new(200).set_body_string(deep);
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(nested)
        .mount(&server)
        .await;
    let error = crate::support::client(&server.uri())
        .run(&repo(), 7)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::Decode, Advice::GiveUp)
    );
    assert_shows_no_secret(&error);

    // A chunk after another, without an end: 8 MiB are read of a refusal, and its status counts.
    let mut endless = b"HTTP/1.1 422 Unprocessable Entity\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..200 {
        endless.extend_from_slice(b"10000\r\n");
        endless.resize(endless.len() + 0x1_0000, b'x');
        endless.extend_from_slice(b"\r\n");
    }
    let server = RawServer::start(Does::WriteAndHold(endless)).await;
    let error = crate::support::client(&server.uri())
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap_err();
    assert_eq!((error.status(), error.advice()), (Some(422), Advice::GiveUp));
    assert_eq!(server.n_requests(), 1);
}
