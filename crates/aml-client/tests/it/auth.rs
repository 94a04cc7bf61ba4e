//! **Here**: where the token goes, where it must not go, and credentials that have none.
//! **Not here**: credentials that fetch tokens; there are none yet.
//! **Reads**: `support` before it.
//! **Source**: our own, read 2026-11-22.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aml_client::auth::{AccessToken, CredentialError, FixedToken, TokenCredential};
use aml_client::cloud::Cloud;
use aml_client::{Advice, Client, ErrorKind};
use async_trait::async_trait;
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::support::{TOKEN, answering, builder, client, everything, silent, workspace};

/// Answers from a closure and remembers the scopes it was asked for.
struct Scripted<F> {
    answer: F,
    scopes: Arc<Mutex<Vec<String>>>,
}

impl<F> std::fmt::Debug for Scripted<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

#[async_trait]
impl<F: Fn() -> Result<AccessToken, CredentialError> + Send + Sync> TokenCredential for Scripted<F> {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        self.scopes.lock().unwrap().push(scope.to_owned());
        (self.answer)()
    }

    fn forget(&self, _scope: &str) -> bool {
        false
    }
}

#[tokio::test]
async fn ok_the_scope_is_the_clouds_whatever_the_endpoint() {
    for cloud in [Cloud::Public, Cloud::UsGovernment, Cloud::China] {
        let server = answering(ResponseTemplate::new(200).set_body_json(json!({"properties": {}}))).await;
        let scopes = Arc::new(Mutex::new(Vec::new()));
        let credential = Scripted {
            answer: || Ok(AccessToken::new("t")),
            scopes: Arc::clone(&scopes),
        };
        // Through `Arc` and `Box`, as a host passes it.
        let credential: Arc<dyn TokenCredential> = Arc::new(Box::new(credential) as Box<dyn TokenCredential>);
        let client = Client::builder(workspace(), credential)
            .with_cloud(cloud)
            .with_endpoint(server.uri())
            .build()
            .unwrap();
        client.get_model_version("churn", "7").await.unwrap();
        assert_eq!(*scopes.lock().unwrap(), [cloud.scope()]);
    }
}

#[tokio::test]
async fn err_without_a_token_nothing_is_sent() {
    type Answer = fn() -> Result<AccessToken, CredentialError>;
    let cases: [(Answer, Advice, &str); 3] = [
        (
            || Err(CredentialError::unavailable("no answer in time")),
            Advice::NotSent,
            "no token from the credential",
        ),
        (
            || Err(CredentialError::failed("the secret expired")),
            Advice::Block,
            "no token from the credential",
        ),
        (
            || Ok(AccessToken::new("s3cr3t.t0ken.value\r\nx: y")),
            Advice::Block,
            "the token cannot be a header value",
        ),
    ];
    for (answer, advice, message) in cases {
        let server = silent().await;
        let credential = Scripted {
            answer,
            scopes: Arc::default(),
        };
        let client = Client::builder(workspace(), credential)
            .with_endpoint(server.uri())
            .build()
            .unwrap();
        let error = client.get_model_version("churn", "7").await.unwrap_err();
        assert_eq!((error.kind(), error.advice()), (ErrorKind::Auth, advice));
        assert_eq!((error.status(), error.to_string().as_str()), (None, message));
        assert!(!everything(&error).contains("s3cr3t"));
    }
}

#[tokio::test]
async fn ok_a_refused_name_costs_no_token() {
    let server = silent().await;
    let scopes = Arc::new(Mutex::new(Vec::new()));
    let credential = Scripted {
        answer: || Ok(AccessToken::new("t")),
        scopes: Arc::clone(&scopes),
    };
    let client = Client::builder(workspace(), credential)
        .with_endpoint(server.uri())
        .build()
        .unwrap();
    client.get_model_version("..", "7").await.unwrap_err();
    assert!(scopes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn ok_no_secret_in_debug_or_errors() {
    let fixed = FixedToken::new(TOKEN);
    let token = AccessToken::new(TOKEN).with_expires_at(SystemTime::UNIX_EPOCH);
    let of = format!(
        "{fixed:?} {fixed:#?} {token:?} {token:#?} {:?}",
        builder("https://user:s3cr3t@host")
    );
    assert!(!of.contains("s3cr3t"), "{of}");

    // A server that says back what it was sent, in its body and its headers.
    let echo = format!("Bearer {TOKEN}");
    for status in [200, 202, 302, 401, 403, 404, 429, 500] {
        let answer = ResponseTemplate::new(status)
            .insert_header("x-ms-request-id", echo.as_str())
            .insert_header("location", format!("http://127.0.0.1:9/?token={TOKEN}"))
            .insert_header("www-authenticate", echo.as_str())
            .set_body_json(json!({"error": {"code": echo, "message": echo}, "properties": echo}));
        let server = answering(answer).await;
        let client = client(&server);
        let error = client.get_model_version("churn", "7").await.unwrap_err();
        let of = format!("{client:?} {client:#?} {}", everything(&error));
        assert!(!of.contains("s3cr3t"), "{status}: {of}");
    }
}

/// A client of the user's that follows redirects: the token is not sent on, and the answer of elsewhere is not believed.
#[tokio::test]
async fn err_a_client_that_follows_redirects() {
    let elsewhere = answering(ResponseTemplate::new(200).set_body_json(json!({"properties": {}}))).await;
    let server = answering(ResponseTemplate::new(307).insert_header("location", elsewhere.uri())).await;
    let client = builder(&server.uri())
        .with_http_client(following())
        .build()
        .unwrap();
    let error = client.get_model_version("churn", "7").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(
        error.to_string(),
        "the http client follows redirects; build it with redirects off"
    );
    let requests = elsewhere.received_requests().await.unwrap();
    assert!(
        requests
            .iter()
            .all(|request| !request.headers.contains_key("authorization"))
    );
}

#[test]
fn err_a_connect_time_out_beside_ones_own_client() {
    let both = builder("http://127.0.0.1:9")
        .with_http_client(following())
        .with_connect_timeout(std::time::Duration::from_secs(1));
    assert_eq!(
        both.build().unwrap_err().to_string(),
        "an http client of your own has its own connect time-out"
    );
}

fn following() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy();
    // Without a provider for the whole process, reqwest's own rustls would panic here.
    #[cfg(feature = "rustls")]
    let builder = builder.tls_backend_preconfigured(
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth(),
    );
    builder.build().unwrap()
}
