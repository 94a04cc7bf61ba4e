//! Asking a model: what is sent, what each status means, and that no text shows the key.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use aml_client::auth::FixedToken;
use aml_client::cloud::Cloud;
use aml_client::mock::MockWorkspace;
use aml_client::scoring::{Scorer, ScoringAuth, ScoringErrorKind};
use aml_client::{Client, ErrorKind};
use secrecy::SecretString;
use serde_json::json;
use wiremock::matchers::{any, body_json, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{TOKEN, workspace};

fn bearer() -> ScoringAuth {
    ScoringAuth::Bearer(SecretString::from(TOKEN))
}

#[tokio::test]
async fn ok_the_mock_answers_for_the_deployment_that_is_asked() {
    let mock = MockWorkspace::start(workspace()).await;
    mock.add_endpoint(
        "credit",
        &[
            ("blue", "/m/models/churn/versions/6", 100),
            ("green", "/m/models/churn/versions/7", 0),
        ],
    );
    let client = Client::builder(workspace(), FixedToken::new(TOKEN))
        .with_endpoint(mock.uri())
        .build()
        .unwrap();
    let scorer = client.scorer("credit").await.unwrap();
    let body = json!({ "input_data": [[1, 2]] });
    let asked = async |scorer: &Scorer| -> serde_json::Value {
        serde_json::from_slice(&scorer.invoke(&body).await.unwrap()).unwrap()
    };
    assert_eq!(
        asked(&scorer).await,
        json!({ "deployment": "blue", "model": "/m/models/churn/versions/6" })
    );
    let green = scorer.clone().with_deployment("green").unwrap();
    assert_eq!(asked(&green).await["deployment"], "green");
    let grey = scorer.with_deployment("grey").unwrap();
    assert_eq!(
        grey.invoke(&body).await.unwrap_err().kind,
        ScoringErrorKind::NoDeployment
    );
    assert!(!format!("{green:?}").contains("mock-primary"));
}

#[tokio::test]
async fn ok_what_is_sent() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(header("authorization", &*format!("Bearer {TOKEN}")))
        .and(header("content-type", "application/json"))
        .and(header("azureml-model-deployment", "blue"))
        .and(body_json(json!({ "x": 1 })))
        .respond_with(ResponseTemplate::new(200).set_body_string("[0.5]"))
        .expect(2)
        .mount(&server)
        .await;
    let uri = format!("{}/any/path", server.uri());
    let entra = ScoringAuth::Entra {
        credential: Arc::new(FixedToken::new(TOKEN)),
        scope: Cloud::Public.ml_scope().to_owned(),
    };
    for auth in [bearer(), entra] {
        let scorer = Scorer::new(&uri, auth).unwrap().with_deployment("blue").unwrap();
        assert_eq!(scorer.invoke(&json!({ "x": 1 })).await.unwrap(), b"[0.5]");
    }
}

#[tokio::test]
async fn err_every_status_has_its_meaning_and_is_one_request() {
    let check = async |status: u16, model: Option<&str>, kind: ScoringErrorKind, text: &str| {
        let server = MockServer::start().await;
        let mut answer = ResponseTemplate::new(status).set_body_string("<html>secret of the model</html>");
        if let Some(model) = model {
            answer = answer.insert_header("ms-azureml-model-error-statuscode", model);
        }
        Mock::given(any())
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
        let error = Scorer::new(&server.uri(), bearer())
            .unwrap()
            .invoke(&json!({}))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, error.to_string().as_str(), error.status),
            (kind, text, Some(status))
        );
        assert!(!format!("{error:?}").contains(TOKEN) && !format!("{error:?}").contains("secret of"));
    };
    use ScoringErrorKind::{Auth, Busy, Model, NoDeployment, Status, Unknown};
    check(
        401,
        None,
        Auth,
        "the endpoint does not accept the key or token: status 401",
    )
    .await;
    check(
        403,
        None,
        Auth,
        "the endpoint does not accept the key or token: status 403",
    )
    .await;
    check(
        404,
        None,
        NoDeployment,
        "no deployment of the endpoint has traffic, or there is none of this name: status 404",
    )
    .await;
    check(
        408,
        None,
        Unknown,
        "the model took longer than it may: status 408",
    )
    .await;
    check(
        409,
        None,
        Busy,
        "an operation on the endpoint is in progress: status 409",
    )
    .await;
    check(
        413,
        None,
        Status,
        "the request is larger than the endpoint takes: status 413",
    )
    .await;
    check(
        424,
        Some("500"),
        Model,
        "the model's own server failed: status 424, of the model 500",
    )
    .await;
    check(424, Some("x"), Model, "the model's own server failed: status 424").await;
    check(429, None, Busy, "too many requests at a time: status 429").await;
    check(500, None, Status, "the endpoint refuses the request: status 500").await;
    check(
        502,
        None,
        Model,
        "the model's program crashed or does not run: status 502",
    )
    .await;
    check(503, None, Busy, "too many requests at a time: status 503").await;
    check(
        504,
        None,
        Unknown,
        "the model took longer than it may: status 504",
    )
    .await;
    // A redirect is not followed, and the key stays.
    check(307, None, Status, "the endpoint refuses the request: status 307").await;
}

#[tokio::test]
async fn err_addresses_and_keys_that_cannot_be_right() {
    for uri in [
        "",
        "score",
        "http://scoring.example/score",
        "ftp://127.0.0.1",
        "https://user@x/score",
    ] {
        assert_eq!(
            Scorer::new(uri, bearer()).unwrap_err().kind(),
            ErrorKind::Invalid,
            "{uri}"
        );
    }
    let scorer = Scorer::new("http://127.0.0.1:9/score", bearer()).unwrap();
    assert!(scorer.clone().with_deployment("a\nb").is_err());
    let error = scorer.invoke(&json!({})).await.unwrap_err();
    assert_eq!(error.kind, ScoringErrorKind::NotSent);
    assert!(error.source().is_some());
    let strange = ScoringAuth::Bearer(SecretString::from("a\nb"));
    let error = Scorer::new("http://127.0.0.1:9/score", strange)
        .unwrap()
        .invoke(&json!({}))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.source().is_none()),
        (ScoringErrorKind::NotSent, true)
    );
    let mock = MockWorkspace::start(workspace()).await;
    mock.register_model("churn", "1", &[], Duration::ZERO);
    let client = Client::builder(workspace(), FixedToken::new(TOKEN))
        .with_endpoint(mock.uri())
        .build()
        .unwrap();
    assert_eq!(
        client.scorer("credit").await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}
