//! **Here**: every answer that is not a model version, and no answer at all: kind, advice, and what the error tells.
//! **Not here**: credentials (`auth`).
//! **Reads**: `support` before it.
//! **Source**: the resource provider contract (errors, throttling, redirects) and Azure/azure-sdk-for-python issue 33978, read 2026-11-22.

use std::time::Duration;

use aml_client::cloud::Cloud;
use aml_client::{Advice, ErrorKind};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::ResponseTemplate;

use crate::support::{answering, builder, client, everything, now, silent};

fn until(seconds: u64) -> Advice {
    Advice::Throttled {
        until: now() + Duration::from_secs(seconds),
    }
}

#[tokio::test]
async fn err_table_of_statuses() {
    use Advice::{Block, GiveUp, Unknown};
    use ErrorKind::{Auth, Decode, NotFound, Status, Throttled};
    for (status, retry_after, kind, advice) in [
        (202, None, Decode, GiveUp),
        (204, None, Decode, GiveUp),
        (301, None, Status, Block),
        (307, Some("5"), Status, Block),
        (400, None, Status, GiveUp),
        (401, None, Auth, Block),
        (403, None, Auth, Block),
        (404, None, NotFound, GiveUp),
        (408, None, Status, Unknown),
        (409, None, Status, GiveUp),
        (409, Some("10"), Status, until(10)),
        (410, None, Status, GiveUp),
        (422, None, Status, GiveUp),
        (429, Some("17"), Throttled, until(17)),
        (429, Some("Sun, 22 Nov 2026 00:01:00 GMT"), Throttled, until(60)),
        (429, Some("soon"), Throttled, until(30)),
        (429, None, Throttled, until(30)),
        (500, None, Status, Unknown),
        (502, None, Status, Unknown),
        (503, Some("10"), Status, Unknown),
        (504, None, Status, Unknown),
        (599, None, Status, Unknown),
    ] {
        let mut answer = ResponseTemplate::new(status);
        if let Some(value) = retry_after {
            answer = answer.insert_header("retry-after", value);
        }
        let server = answering(answer).await;
        let error = client(&server).get_model_version("churn", "7").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.advice()),
            (kind, advice),
            "{status} with {retry_after:?}"
        );
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(
            error.retry_after().is_some(),
            retry_after.is_some_and(|value| value != "soon"),
            "{status}"
        );
        assert_eq!(error.to_string(), format!("azure ml answered {status}"));
    }
}

#[tokio::test]
async fn err_missing_model_tells_code_and_ids_but_not_the_body() {
    let answer = ResponseTemplate::new(404)
        .insert_header("x-ms-request-id", "4d1b3c6e-0000-4000-8000-9a8b7c6d5e4f")
        .insert_header("x-ms-correlation-request-id", "c0ffee")
        .set_body_json(json!({"error": {
            "code": "UserError",
            "message": "words of the service",
            "details": [{"code": "ModelNotFound", "message": "words of the service"}],
        }}));
    let server = answering(answer).await;
    let error = client(&server).get_model_version("churn", "7").await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.service_code(), Some("ModelNotFound"));
    assert_eq!(error.request_id(), Some("4d1b3c6e-0000-4000-8000-9a8b7c6d5e4f"));
    assert_eq!(error.correlation_id(), Some("c0ffee"));
    assert_eq!(
        error.to_string(),
        "azure ml answered 404, code ModelNotFound (request id 4d1b3c6e-0000-4000-8000-9a8b7c6d5e4f)"
    );
    let text = everything(&error);
    for hidden in ["words of the service", "127.0.0.1", "subscriptions", "0a1b-2c3d"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
}

#[tokio::test]
async fn err_a_gateway_page_keeps_its_status() {
    let server = answering(ResponseTemplate::new(502).set_body_raw("<html>words</html>", "text/html")).await;
    let error = client(&server).get_model_version("churn", "7").await.unwrap_err();
    assert_eq!((error.kind(), error.service_code()), (ErrorKind::Status, None));
    assert!(!everything(&error).contains("words"));
}

#[tokio::test]
async fn err_a_success_that_cannot_be_read() {
    for (body, message) in [
        ("<html>words</html>", "the answer is no json at line 1 column 1"),
        ("", "the answer is no json at line 1 column 0"),
        (
            "{\"properties\": {\"tags\": \"words\"}}",
            "the answer is json of another shape at line 1 column 31",
        ),
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
        let error = client(&server).get_model_version("churn", "7").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.advice()),
            (ErrorKind::Decode, Advice::GiveUp),
            "{body}"
        );
        assert_eq!(error.to_string(), message, "{body}");
        assert!(!everything(&error).contains("words"), "{body}");
    }
}

#[tokio::test]
async fn err_an_answer_without_end_is_cut_off() {
    let long = vec![b' '; 8 * 1024 * 1024 + 1];
    let server = answering(ResponseTemplate::new(200).set_body_raw(long.clone(), "application/json")).await;
    let error = client(&server).get_model_version("churn", "7").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Decode, "the answer is longer than 8 MiB")
    );

    let server = answering(ResponseTemplate::new(500).set_body_raw(long, "application/json")).await;
    let error = client(&server).get_model_version("churn", "7").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::Status, Advice::Unknown)
    );
}

#[tokio::test]
async fn err_a_redirect_is_not_followed() {
    for status in [301, 302, 307, 308] {
        let elsewhere = silent().await;
        let server =
            answering(ResponseTemplate::new(status).insert_header("location", elsewhere.uri())).await;
        let error = client(&server).get_model_version("churn", "7").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.advice()),
            (ErrorKind::Status, Advice::Block),
            "{status}"
        );
        assert!(!everything(&error).contains(&elsewhere.uri()));
    }
}

#[tokio::test]
async fn err_connection_refused_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = builder(&endpoint)
        .build()
        .unwrap()
        .get_model_version("churn", "7")
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::Connect, Advice::NotSent)
    );
    assert_eq!(
        (error.status(), error.to_string().as_str()),
        (None, "no connection to azure ml")
    );
    assert!(!everything(&error).contains("0a1b-2c3d"));
}

/// A server that reads one request, writes these bytes and closes the connection; it hands back its listener.
async fn closing(answer: &'static [u8]) -> (String, tokio::task::JoinHandle<TcpListener>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(socket.read_u8().await.unwrap());
        }
        socket.write_all(answer).await.unwrap();
        socket.shutdown().await.unwrap();
        listener
    });
    (endpoint, server)
}

#[tokio::test]
async fn err_a_socket_closed_after_sending_is_unknown_and_not_repeated() {
    for answer in [
        &b""[..],
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"properties\"",
    ] {
        let (endpoint, server) = closing(answer).await;
        let error = builder(&endpoint)
            .build()
            .unwrap()
            .get_model_version("churn", "7")
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.advice()),
            (ErrorKind::SentNoAnswer, Advice::Unknown),
            "{answer:?}"
        );
        assert!(!everything(&error).contains("0a1b-2c3d"));
        // The call is over, so a second attempt would be waiting in the queue.
        let listener = server.await.unwrap().into_std().unwrap();
        let again = listener.accept().map(|_| ()).map_err(|e| e.kind());
        assert_eq!(again, Err(std::io::ErrorKind::WouldBlock), "{answer:?}");
    }
}

#[tokio::test]
async fn err_a_broken_error_body_keeps_its_status() {
    let (endpoint, server) = closing(b"HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\n{").await;
    let error = builder(&endpoint)
        .build()
        .unwrap()
        .get_model_version("churn", "7")
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.status().map(|s| s.as_u16())),
        (ErrorKind::NotFound, Some(404))
    );
    server.await.unwrap();
}

#[tokio::test]
async fn err_a_hang_is_unknown() {
    let server = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    let client = builder(&server.uri())
        .with_connect_timeout(Duration::from_millis(150))
        .with_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let error = client.get_model_version("churn", "7").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::SentNoAnswer, Advice::Unknown)
    );
    assert_eq!(error.to_string(), "no whole answer from azure ml in time");
}

#[test]
fn err_settings_that_are_refused() {
    let local = || builder("http://127.0.0.1:9");
    let ms = Duration::from_millis;
    for (builder, message) in [
        (
            builder("http://management.azure.com"),
            "the endpoint is plain http and not loopback",
        ),
        (
            builder("https://u:p@host"),
            "the endpoint holds a user name or password",
        ),
        (
            builder("https://host/path"),
            "the endpoint holds more than scheme, host and port",
        ),
        (builder("nonsense"), "the endpoint is not a url"),
        (
            local().with_timeout(Duration::ZERO),
            "the time-out of a call is zero",
        ),
        (
            local().with_connect_timeout(Duration::ZERO),
            "the connect time-out is not between zero and the time-out of a call",
        ),
        (
            local().with_timeout(ms(5000)),
            "the connect time-out is not between zero and the time-out of a call",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Invalid, message)
        );
    }
}

/// No server is there, so this also shows that nothing is connected to, and no process-wide TLS provider is set here.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn ok_a_client_is_made_offline() {
    use aml_client::{Client, auth::FixedToken};

    for cloud in [Cloud::Public, Cloud::UsGovernment, Cloud::China] {
        let client = Client::builder(crate::support::workspace(), FixedToken::new("t"))
            .with_cloud(cloud)
            .build()
            .unwrap();
        assert!(format!("{client:?}").contains(cloud.resource_manager()));
    }
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[test]
fn err_https_without_tls() {
    use aml_client::{Client, auth::FixedToken};

    let error = Client::builder(crate::support::workspace(), FixedToken::new("t"))
        .with_cloud(Cloud::Public)
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "https needs the feature rustls or native-tls, or an http client of your own"
    );
}

/// TLS to a server that speaks none: nothing of the request was sent.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[tokio::test]
async fn err_a_failed_tls_handshake_was_not_sent() {
    let (endpoint, server) = closing_tls().await;
    let error = builder(&endpoint)
        .build()
        .unwrap()
        .get_model_version("churn", "7")
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::Connect, Advice::NotSent)
    );
    let seen = server.await.unwrap();
    assert!(!String::from_utf8_lossy(&seen).contains("s3cr3t"));
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
async fn closing_tls() -> (String, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = vec![0; 4096];
        let n = socket.read(&mut seen).await.unwrap();
        seen.truncate(n);
        socket
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        seen
    });
    (endpoint, server)
}
