//! **Here**: reading a model version: what is sent, and what comes back.
//! **Not here**: failures (`errors`, `auth`).
//! **Reads**: `support` before it.
//! **Source**: Azure/azure-rest-api-specs `ModelVersions_Get`, read 2026-11-22.

use aml_client::api_version::ApiVersion;
use aml_client::wire::ProvisioningState;
use aml_client::{ErrorKind, WorkspaceScope};
use serde_json::json;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{MODEL_PATH, TOKEN, builder, client, silent};

fn body() -> serde_json::Value {
    json!({
        "id": MODEL_PATH,
        "name": "7",
        "type": "Microsoft.MachineLearningServices/workspaces/models/versions",
        "properties": {
            "description": null,
            "tags": {"metrics": "{\"RMSE\": 0.4}", "owner": null},
            "properties": {"mlflow.modelSourceUri": "runs:/brave_sail/model"},
            "isArchived": false,
            "isAnonymous": false,
            "jobName": "brave_sail",
            "modelType": "mlflow_model",
            "modelUri": "azureml://jobs/brave_sail/outputs/artifacts/model",
            "flavors": {"sklearn": {"data": {"code": null}}, "python_function": null},
            "stage": null,
            "provisioningState": "Succeeded",
        },
        "systemData": {"createdAt": "2026-11-21T10:00:00.1234567+00:00", "createdByType": "User"},
    })
}

#[tokio::test]
async fn ok_reads_the_facts_of_a_version() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(MODEL_PATH))
        .and(query_param("api-version", "2025-12-01"))
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .and(header("accept", "application/json"))
        .and(header(
            "user-agent",
            concat!("aml-client/", env!("CARGO_PKG_VERSION")),
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(body()))
        .expect(1)
        .named("the one request")
        .mount(&server)
        .await;

    let model = client(&server).get_model_version("churn", "7").await.unwrap();

    let properties = &model.properties;
    assert_eq!(
        (model.id.as_deref(), model.name.as_deref()),
        (Some(MODEL_PATH), Some("7"))
    );
    assert_eq!(
        (properties.tag("metrics"), properties.tag("owner")),
        (Some("{\"RMSE\": 0.4}"), None)
    );
    assert!(properties.tags.as_ref().unwrap().contains_key("owner"));
    assert_eq!(
        properties.property("mlflow.modelSourceUri"),
        Some("runs:/brave_sail/model")
    );
    assert_eq!(
        (properties.is_archived(), properties.job_name.as_deref()),
        (false, Some("brave_sail"))
    );
    assert_eq!(properties.provisioning_state, Some(ProvisioningState::SUCCEEDED));
    assert_eq!(
        properties.extra["flavors"]["sklearn"]["data"]["code"],
        json!(null)
    );
    assert_eq!(model.extra["systemData"]["createdByType"], json!("User"));
}

#[tokio::test]
async fn ok_sends_nothing_that_was_not_asked_for() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body()))
        .mount(&server)
        .await;
    client(&server).get_model_version("churn", "7").await.unwrap();

    let requests = server.received_requests().await.unwrap();
    let [request] = &requests[..] else {
        panic!("{} requests", requests.len())
    };
    let mut names: Vec<_> = request.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "authorization", "host", "user-agent"]);
    assert!(request.body.is_empty());
    assert_eq!(request.url.query(), Some("api-version=2025-12-01"));
}

#[tokio::test]
async fn ok_settings_arrive_in_the_request() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(MODEL_PATH.replace("Churn-ws", "other-ws")))
        .and(query_param("api-version", "2026-09-01"))
        .and(header(
            "x-ms-client-request-id",
            "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        ))
        .and(header("x-ms-return-client-request-id", "true"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body()))
        .expect(1)
        .named("the one request")
        .mount(&server)
        .await;

    let client = builder(&format!("{}/", server.uri()))
        .with_api_version(ApiVersion::parse("2026-09-01").unwrap())
        .build()
        .unwrap()
        .for_workspace(WorkspaceScope::new("0a1b-2c3d", "ml-rg", "other-ws").unwrap())
        .with_client_request_id("7c9e6679-7425-40de-944b-e07fc1f90ae7")
        .unwrap();
    assert_eq!(client.workspace().workspace(), "other-ws");
    client.get_model_version("churn", "7").await.unwrap();
}

#[tokio::test]
async fn err_hostile_names_are_refused_before_any_request() {
    let server = silent().await;
    let client = client(&server);
    for text in [
        "",
        ".",
        "..",
        "...",
        "a/b",
        "../../x",
        "%2e%2e",
        "%2f",
        "a\\b",
        "a?b",
        "a#b",
        "a b",
        "a\r\nb",
        "模型",
        &"x".repeat(300),
    ] {
        for (name, version) in [(text, "7"), ("churn", text)] {
            let error = client.get_model_version(name, version).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?} {version:?}");
        }
    }
}

#[tokio::test]
async fn ok_many_calls_share_one_client() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body()))
        .expect(4)
        .mount(&server)
        .await;
    let client = client(&server);
    let calls = (0..4).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            client
                .get_model_version("churn", "7")
                .await
                .map(|model| model.name)
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap().as_deref(), Some("7"));
    }
}

#[tokio::test]
async fn ok_a_client_waits_where_azure_leaves_it_no_request_and_one_without_retries_does_not() {
    let server = MockServer::start().await;
    let empty = ResponseTemplate::new(200)
        .set_body_json(body())
        .insert_header("x-ms-ratelimit-remaining-subscription-reads", "0");
    Mock::given(method("GET"))
        .respond_with(empty)
        .expect(4)
        .mount(&server)
        .await;
    let clock = crate::script::Turned::new();
    let client = builder(&server.uri())
        .with_retry(aml_client::RetryPolicy::default())
        .with_clock(clock.clone())
        .build()
        .unwrap();
    assert_eq!(client.quota().reads, None);
    for _ in 0..2 {
        let _ = client.get_model_version("churn", "7").await.unwrap();
    }
    assert_eq!((client.quota().reads, clock.waits()), (Some(0), vec![1]));
    for _ in 0..2 {
        let _ = client
            .without_retries()
            .get_model_version("churn", "7")
            .await
            .unwrap();
    }
    assert_eq!(clock.waits(), [1]);
}
