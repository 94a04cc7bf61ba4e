//! Credentials against a token service on loopback: what each sends, what each answer means, how often it is asked, and that no text shows
//! a secret.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use aml_client::auth::{
    AccessToken, ClientSecret, CredentialError, GithubOidc, TokenCredential, WorkloadIdentity,
};
use aml_client::{Client, ErrorKind};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use wiremock::matchers::{any, body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::script::Turned;
use crate::support::workspace;

pub(crate) const SCOPE: &str = "https://management.azure.com/.default";
pub(crate) const TENANT: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
pub(crate) const CLIENT: &str = "11111111-2222-4333-8444-555555555555";
const SECRET: &str = "s3cr3t~+&=/ü";

pub(crate) fn token(text: &str, expires_in: impl Into<Value>) -> ResponseTemplate {
    let expires_in: Value = expires_in.into();
    ResponseTemplate::new(200)
        .set_body_json(json!({ "token_type": "Bearer", "access_token": text, "expires_in": expires_in }))
}

pub(crate) async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

pub(crate) fn principal(server: &MockServer, clock: &Turned) -> ClientSecret {
    ClientSecret::new(&server.uri(), TENANT, CLIENT, SECRET)
        .unwrap()
        .with_clock(clock.clone())
}

pub(crate) fn text(token: &AccessToken) -> String {
    token.secret().expose_secret().to_owned()
}

pub(crate) async fn n(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

/// Every text that an error shows, and every one below it.
pub(crate) fn texts(error: &CredentialError) -> String {
    let mut texts = format!("{error} {error:?} {error:#?}");
    let mut below = error.source();
    while let Some(error) = below {
        write!(texts, " {error} {error:?}").unwrap();
        below = error.source();
    }
    texts
}

#[tokio::test]
async fn ok_a_service_principal_sends_what_entra_asks_for() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/{TENANT}/oauth2/v2.0/token")))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .respond_with(token("t1", 3599))
        .expect(1)
        .mount(&server)
        .await;
    let credential = principal(&server, &Turned::new());
    let got = credential.get_token(SCOPE).await.unwrap();
    assert_eq!(text(&got), "t1");
    assert_eq!(
        got.expires_at(),
        Some(crate::support::now() + Duration::from_secs(3_599))
    );
    let body = String::from_utf8(server.received_requests().await.unwrap()[0].body.clone()).unwrap();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let expect = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("scope", SCOPE),
        ("client_secret", SECRET),
    ];
    assert_eq!(
        pairs,
        expect.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert!(!format!("{credential:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn ok_a_thousand_who_wait_ask_one_time_at_first_and_when_it_ends() {
    let server = answering(token("t", "3600").set_delay(Duration::from_millis(20))).await;
    let clock = Turned::new();
    let credential = Arc::new(principal(&server, &clock));
    let all = async |n: usize| {
        let tasks: Vec<_> = (0..n)
            .map(|_| {
                let credential = Arc::clone(&credential);
                tokio::spawn(async move { credential.get_token(SCOPE).await.map(drop) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    };
    all(1_000).await;
    assert_eq!(n(&server).await, 1);
    clock.turn(Duration::from_secs(3_299));
    all(100).await;
    assert_eq!(n(&server).await, 1, "not before the last five minutes");
    clock.turn(Duration::from_secs(2));
    all(1_000).await;
    assert_eq!(n(&server).await, 2);
    clock.turn(Duration::from_secs(7_200));
    all(1_000).await;
    assert_eq!(n(&server).await, 3);
    // Another scope is another token.
    credential
        .get_token("https://ml.azure.com/.default")
        .await
        .unwrap();
    assert_eq!(n(&server).await, 4);
}

#[tokio::test]
async fn ok_the_old_token_is_used_while_none_can_be_had_and_refresh_in_counts() {
    let server = MockServer::start().await;
    let first = ResponseTemplate::new(200)
        .set_body_json(json!({ "access_token": "old", "expires_in": 86_400, "refresh_in": "43200" }));
    Mock::given(any())
        .respond_with(first)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(503))
        .mount(&server)
        .await;
    let clock = Turned::new();
    let credential = principal(&server, &clock);
    credential.get_token(SCOPE).await.unwrap();
    clock.turn(Duration::from_secs(43_199));
    credential.get_token(SCOPE).await.unwrap();
    assert_eq!(n(&server).await, 1);
    clock.turn(Duration::from_secs(2));
    for _ in 0..10 {
        assert_eq!(text(&credential.get_token(SCOPE).await.unwrap()), "old");
    }
    assert_eq!(n(&server).await, 2, "half a minute of peace after a failure");
    clock.turn(Duration::from_secs(31));
    credential.get_token(SCOPE).await.unwrap();
    assert_eq!(n(&server).await, 3);
    clock.turn(Duration::from_secs(86_400));
    for _ in 0..10 {
        let error = credential.get_token(SCOPE).await.unwrap_err();
        assert!(matches!(error, CredentialError::Unavailable { .. }), "{error}");
    }
    assert_eq!(n(&server).await, 4);
}

#[tokio::test]
async fn err_refusals_are_told_apart_and_show_nothing() {
    let refusal = json!({ "error": "invalid_client", "error_codes": [7000215], "trace_id": "x",
        "error_description": format!("AADSTS7000215: Invalid client secret provided {SECRET} for app {CLIENT}") });
    for (status, body, expect, failed) in [
        (
            400,
            refusal.to_string(),
            "the token service answered 400: invalid_client AADSTS7000215",
            true,
        ),
        (
            401,
            refusal.to_string(),
            "the token service answered 401: invalid_client AADSTS7000215",
            true,
        ),
        (403, "<html>".to_owned(), "the token service answered 403", true),
        (302, String::new(), "the token service answered 302", true),
        (429, "{}".to_owned(), "the token service answered 429: ", false),
        (500, String::new(), "the token service answered 500", false),
        (
            200,
            "{}".to_owned(),
            "the token service's answer holds no token",
            false,
        ),
        (
            200,
            "[1]".to_owned(),
            "the token service's answer holds no token",
            false,
        ),
        (
            200,
            r#"{"access_token": "x"}"#.to_owned(),
            "the token service's answer names no token or no end of it",
            false,
        ),
        (
            200,
            r#"{"access_token": "", "expires_in": 1}"#.to_owned(),
            "the token service's answer names no token or no end of it",
            false,
        ),
        (
            200,
            r#"{"access_token": "x", "expires_in": -1}"#.to_owned(),
            "the token service's answer names no token or no end of it",
            false,
        ),
        (
            200,
            " ".repeat(2_000_000),
            "the token service's answer is too long",
            false,
        ),
    ] {
        let server = answering(ResponseTemplate::new(status).set_body_string(body)).await;
        let error = principal(&server, &Turned::new())
            .get_token(SCOPE)
            .await
            .unwrap_err();
        let why = match &error {
            CredentialError::Failed { why, .. } if failed => why,
            CredentialError::Unavailable { why, .. } if !failed => why,
            _ => panic!("{status}: {error:?}"),
        };
        assert_eq!(why, expect);
        let texts = texts(&error);
        assert!(
            !texts.contains("s3cr3t") && !texts.contains(CLIENT) && !texts.contains("http://"),
            "{texts}"
        );
    }
    // Nobody is there.
    let nobody = ClientSecret::new("http://127.0.0.1:9", TENANT, CLIENT, SECRET).unwrap();
    let error = nobody.get_token(SCOPE).await.unwrap_err();
    assert!(matches!(error, CredentialError::Unavailable { .. }) && !texts(&error).contains("s3cr3t"));
}

#[test]
fn err_parts_that_cannot_be_right_are_refused_before_anything_is_sent() {
    let authority = "https://login.microsoftonline.com";
    for tenant in ["", "..", "../x", "a/b", "a%2fb", "ä", "-a", "a b", "a\n"] {
        assert!(
            ClientSecret::new(authority, tenant, CLIENT, SECRET).is_err(),
            "{tenant:?}"
        );
    }
    for authority in [
        "",
        "login",
        "http://login.microsoftonline.com",
        "https://user@x",
        "https://x/path",
        "https://x?y",
        "ftp://127.0.0.1",
    ] {
        assert!(
            ClientSecret::new(authority, TENANT, CLIENT, SECRET).is_err(),
            "{authority:?}"
        );
    }
    for client in ["", "a b", "a/b", "é"] {
        assert!(
            ClientSecret::new(authority, TENANT, client, SECRET).is_err(),
            "{client:?}"
        );
    }
    assert!(ClientSecret::new(authority, TENANT, CLIENT, "").is_err());
}

#[tokio::test]
async fn ok_the_json_of_azure_credentials() {
    let server = answering(token("t", 3600)).await;
    let whole = json!({ "clientId": CLIENT, "clientSecret": SECRET, "tenantId": TENANT, "subscriptionId": "s", "newer": [1],
        "activeDirectoryEndpointUrl": format!("{}/", server.uri()), "galleryEndpointUrl": null });
    let read = |json: &Value| ClientSecret::from_azure_credentials(&SecretString::from(json.to_string()));
    read(&whole).unwrap().get_token(SCOPE).await.unwrap();
    assert_eq!(n(&server).await, 1);
    let without = |name: &str, value: Option<Value>| {
        let mut json = whole.clone();
        match value {
            Some(value) => json[name] = value,
            None => drop(json.as_object_mut().unwrap().remove(name)),
        }
        let error = read(&json).unwrap_err();
        assert!(!texts(&error).contains("s3cr3t"));
        error.to_string()
    };
    assert_eq!(
        without("clientSecret", None),
        "the credential's source refused: the azure credentials have no clientSecret"
    );
    assert_eq!(
        without("tenantId", Some(Value::Null)),
        "the credential's source refused: the azure credentials have no tenantId"
    );
    assert_eq!(
        without("clientId", Some(json!(7))),
        "the credential's source refused: clientId of the azure credentials is no text"
    );
    assert_eq!(
        without("clientId", Some(json!(" "))),
        "the credential's source refused: clientId of the azure credentials is empty"
    );
    assert!(without("activeDirectoryEndpointUrl", Some(json!("http://evil.example"))).contains("https"));
    for text in ["", "[]", "null", "{"] {
        let error = ClientSecret::from_azure_credentials(&SecretString::from(text)).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("the azure credentials are no json object"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn ok_statements_of_a_pod_and_of_a_job() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(body_string_contains(
            "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
        ))
        .and(body_string_contains("client_assertion=eyJ.pod"))
        .respond_with(token("of the pod", 3600))
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(body_string_contains("client_assertion=eyJ.job"))
        .respond_with(token("of the job", 3600))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/oidc"))
        .and(query_param("api-version", "2.0"))
        .and(query_param("audience", "api://AzureADTokenExchange"))
        .and(header("authorization", "Bearer job-secret"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "count": 1, "value": "eyJ.job" })))
        .mount(&server)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "eyJ.pod\n").unwrap();
    let pod = WorkloadIdentity::new(&server.uri(), TENANT, CLIENT, &file).unwrap();
    assert_eq!(text(&pod.get_token(SCOPE).await.unwrap()), "of the pod");
    let url = format!("{}/oidc?api-version=2.0", server.uri());
    let job = GithubOidc::new(&server.uri(), TENANT, CLIENT, &url, "job-secret").unwrap();
    assert_eq!(text(&job.get_token(SCOPE).await.unwrap()), "of the job");
    assert!(!format!("{job:?}").contains("job-secret"));

    // The file is read anew, and what is none is said.
    let clock = Turned::new();
    let pod = WorkloadIdentity::new(&server.uri(), TENANT, CLIENT, &file)
        .unwrap()
        .with_clock(clock.clone());
    for (content, expect) in [
        ("", "no statement"),
        ("a b", "no statement"),
        ("eyJ.other", "404"),
    ] {
        std::fs::write(&file, content).unwrap();
        let error = pod.get_token(SCOPE).await.unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
        clock.turn(Duration::from_secs(2));
    }
    std::fs::write(&file, "eyJ.pod").unwrap();
    pod.get_token(SCOPE).await.unwrap();
    std::fs::remove_file(&file).unwrap();
    clock.turn(Duration::from_secs(4_000));
    assert!(matches!(
        pod.get_token(SCOPE).await.unwrap_err(),
        CredentialError::Unavailable { .. }
    ));
    let refused = GithubOidc::new(
        &server.uri(),
        TENANT,
        CLIENT,
        &format!("{}/none", server.uri()),
        "x",
    )
    .unwrap();
    assert!(matches!(
        refused.get_token(SCOPE).await.unwrap_err(),
        CredentialError::Failed { .. }
    ));
}

/// A 401 of the service drops the token, and the request is sent once more with another.
#[tokio::test]
async fn ok_a_token_that_the_service_does_not_accept_is_replaced_one_time() {
    let tokens = MockServer::start().await;
    for text in ["t1", "t2", "t3"] {
        Mock::given(any())
            .respond_with(token(text, 3600))
            .up_to_n_times(1)
            .mount(&tokens)
            .await;
    }
    let service = MockServer::start().await;
    Mock::given(header("authorization", "Bearer t2"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "name": "7", "properties": {} })))
        .mount(&service)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(401))
        .mount(&service)
        .await;
    let client = Client::builder(workspace(), principal(&tokens, &Turned::new()))
        .with_endpoint(service.uri())
        .build()
        .unwrap();
    client.get_model_version("churn", "7").await.unwrap();
    assert_eq!((n(&tokens).await, n(&service).await), (2, 2));
    let never = answering(ResponseTemplate::new(401)).await;
    let client = Client::builder(workspace(), principal(&tokens, &Turned::new()))
        .with_endpoint(never.uri())
        .build()
        .unwrap();
    let error = client.get_model_version("churn", "7").await.unwrap_err();
    assert_eq!(
        (error.kind(), n(&never).await),
        (ErrorKind::Auth, 1),
        "no further token: the old request is the answer"
    );
}
