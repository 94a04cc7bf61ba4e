//! What is kept in versions, in a workspace and in a registry, and everything else that is read: against the mock workspace, whose documents
//! are what was written.

use std::time::Duration;

use aml_client::auth::{AccessToken, CredentialError, FixedToken, TokenCredential};
use aml_client::mock::{MockWorkspace, Outcome};
use aml_client::operation::Polling;
use aml_client::ops::{ListView, ScheduleView, VersionsQuery};
use aml_client::wire::{CodeVersion, ComponentVersion, DataVersion, EnvironmentVersion, ModelVersion};
use aml_client::{Client, ErrorKind, RegistryClient, RegistryScope};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use wiremock::matchers::{body_json, header, method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::script::Turned;
use crate::support::{TOKEN, assert_no_secret, workspace};

async fn mock() -> (MockWorkspace, Client, Turned) {
    let clock = Turned::new();
    let mock = MockWorkspace::start_with_clock(workspace(), clock.clone()).await;
    let client = Client::builder(workspace(), FixedToken::new(TOKEN))
        .with_endpoint(mock.uri())
        .with_polling(Polling::default().with_interval(Duration::from_secs(10)))
        .with_clock(clock.clone())
        .build()
        .unwrap();
    (mock, client, clock)
}

fn registry() -> RegistryScope {
    RegistryScope::new("0a1b-2c3d", "shared-rg", "Models").unwrap()
}

#[tokio::test]
async fn ok_every_kind_of_asset_is_written_read_listed_archived_and_deleted() {
    let (mock, client, _) = mock().await;
    mock.page_size(2);
    for version in ["1", "2", "10"] {
        let body = EnvironmentVersion::of_image(format!("registry.example/sklearn:{version}"), None);
        let put = client
            .environments()
            .put("sklearn", version, &body)
            .await
            .unwrap();
        assert_eq!(put.name.as_deref(), Some(version));
    }
    let environments = client.environments();
    let latest = environments.latest("sklearn").await.unwrap().unwrap();
    assert_eq!(
        latest.properties.image.as_deref(),
        Some("registry.example/sklearn:10")
    );
    let container = environments.container("sklearn").await.unwrap();
    assert_eq!(container.properties.next_version.as_deref(), Some("11"));

    let archived = environments.archive("sklearn", "10", true).await.unwrap();
    assert_eq!(archived.properties.is_archived, Some(true));
    let n_puts = mock.n_requests("PUT");
    let _ = environments.archive("sklearn", "10", true).await.unwrap();
    assert_eq!(mock.n_requests("PUT"), n_puts, "nothing is written twice");
    let names = async |view: ListView| {
        let query = VersionsQuery::default().with_view(view);
        let all = environments
            .versions("sklearn", &query)
            .unwrap()
            .all()
            .await
            .unwrap();
        all.into_iter().filter_map(|found| found.name).collect::<Vec<_>>()
    };
    assert_eq!(names(ListView::ActiveOnly).await, ["1", "2"]);
    assert_eq!(names(ListView::ArchivedOnly).await, ["10"]);
    assert_eq!(names(ListView::All).await, ["1", "2", "10"], "in two pages");
    environments.delete("sklearn", "1").await.unwrap();
    environments.delete("sklearn", "1").await.unwrap();
    let gone = environments.get("sklearn", "1").await.unwrap_err();
    assert_eq!(
        (gone.kind(), gone.service_code()),
        (ErrorKind::NotFound, Some("VersionNotFound"))
    );

    let data = DataVersion::registered("uri_folder", "azureml://datastores/d/paths/x");
    let _ = client.data().put("training", "1", &data).await.unwrap();
    let component = ComponentVersion::registered(json!({ "type": "command", "inputs": { "x": null } }));
    let _ = client.components().put("train", "1", &component).await.unwrap();
    let code = CodeVersion::registered("https://account.blob.example/code");
    let _ = client.codes().put("score", "1", &code).await.unwrap();
    let read = client.components().get("train", "1").await.unwrap();
    assert_eq!(
        read.properties.component_spec,
        component.properties.component_spec
    );
    let read = client.data().get("training", "1").await.unwrap();
    assert_eq!(read.properties.data_type.as_deref(), Some("uri_folder"));
    let names: Vec<_> = client.codes().list(ListView::All).all().await.unwrap();
    assert_eq!(names[0].name.as_deref(), Some("score"));
    let upload = client.codes().start_upload("score", "2").await.unwrap();
    assert!(upload.sas_uri.unwrap().expose_secret().contains("sig="));
}

#[tokio::test]
async fn ok_filters_are_written_as_each_kind_has_them_and_others_are_refused() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "value": [] })))
        .mount(&server)
        .await;
    let client = crate::support::client(&server);
    let query = VersionsQuery::default().newest(1).with_tags("stage=prod");
    assert!(
        client
            .models()
            .versions("m", &query)
            .unwrap()
            .all()
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        client
            .data()
            .versions("d", &query)
            .unwrap()
            .all()
            .await
            .unwrap()
            .is_empty()
    );
    let sent: Vec<String> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request| request.url.query().unwrap_or_default().to_owned())
        .collect();
    assert!(
        sent[0].ends_with("&$orderBy=createdtime%20desc&$top=1&tags=stage%3Dprod"),
        "{}",
        sent[0]
    );
    assert!(
        sent[1].ends_with("&$orderBy=createdtime%20desc&$top=1&$tags=stage%3Dprod"),
        "{}",
        sent[1]
    );
    let refused = client.environments().versions("e", &query).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "versions of this kind (environment) cannot be filtered by that"
    );
    let query = VersionsQuery::default().with_properties("a");
    assert!(client.data().versions("d", &query).is_err());
    assert!(client.models().versions("m", &query).is_ok());
}

#[tokio::test]
async fn err_hostile_names_reach_no_service() {
    let server = crate::support::silent().await;
    let client = crate::support::client(&server);
    let shared = client.for_registry(registry());
    let long = "x".repeat(300);
    for name in ["", ".", "..", "a/b", "%2f", "a\\b", "a b", "modèle", "a\n", &long] {
        for result in [
            client.environments().get(name, "1").await.map(drop),
            client.data().get("d", name).await.map(drop),
            client.codes().delete(name, "1").await,
            client.get_datastore(name).await.map(drop),
            client.get_schedule(name).await.map(drop),
            client.get_batch_endpoint(name).await.map(drop),
            client.get_batch_deployment("churn", name).await.map(drop),
            shared.models().get(name, "1").await.map(drop),
            shared.models().start_upload("m", name).await.map(drop),
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Invalid, "{name:?}");
        }
    }
    // Wider in a workspace than in a registry.
    let refused = shared.models().get("churn.v2", "1").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn ok_a_registry_takes_a_version_by_an_operation_and_never_another_one() {
    let (mock, client, clock) = mock().await;
    mock.add_registry(&registry());
    let shared = client.for_registry(registry());
    let model = ModelVersion::registered("azureml://registries/Models/models/churn/versions/1");
    let poller = shared.models().put("churn", "1", &model).await.unwrap();
    let creating = shared.models().get("churn", "1").await.unwrap();
    assert_eq!(
        creating.properties.provisioning_state.unwrap().as_str(),
        "Creating"
    );
    let done = poller.await.unwrap();
    assert_eq!(done.properties.provisioning_state.unwrap().as_str(), "Succeeded");
    assert!(
        clock.waits().iter().sum::<u64>() >= 60,
        "the operation takes a minute"
    );

    let mut other = model.clone();
    other.properties.description = Some("changed".to_owned());
    let refused = shared.models().put("churn", "1", &other).await.unwrap_err();
    assert_eq!(refused.status().map(|status| status.as_u16()), Some(400));
    shared.models().delete("churn", "1").await.unwrap().await.unwrap();
    shared.models().delete("churn", "1").await.unwrap().await.unwrap();
    let refused = shared.models().put("churn", "1", &model).await.unwrap_err();
    assert_eq!(refused.status().map(|status| status.as_u16()), Some(400));

    mock.outcomes([Outcome::Fail {
        code: "ModelRegistryError".to_owned(),
    }]);
    let failed = shared
        .models()
        .put("churn", "2", &model)
        .await
        .unwrap()
        .await
        .unwrap_err();
    assert_eq!(
        (failed.kind(), failed.service_code()),
        (ErrorKind::OperationFailed, Some("ModelRegistryError"))
    );
    let upload = shared.models().start_upload("churn", "3").await.unwrap();
    assert!(!format!("{upload:?}").contains("sig="));
}

#[tokio::test]
async fn ok_a_model_is_published_to_a_registry() {
    let (mock, client, _) = mock().await;
    mock.add_registry(&registry());
    mock.register_model("churn", "7", &[("stage", "prod")], Duration::ZERO);
    let publish = client
        .publish_model_version("churn", "7", "Models", "churn", "1")
        .await;
    publish.unwrap().await.unwrap();
    let shared = client.for_registry(registry());
    let latest = shared.models().latest("churn").await.unwrap().unwrap();
    assert_eq!(
        (latest.name.as_deref(), latest.properties.tag("stage")),
        (Some("1"), Some("prod"))
    );
    let nowhere = client
        .publish_model_version("churn", "7", "Others", "churn", "1")
        .await;
    assert_eq!(nowhere.unwrap_err().service_code(), Some("RegistryNotFound"));
}

#[tokio::test]
async fn ok_a_registry_client_of_its_own() {
    let mock = MockWorkspace::start(workspace()).await;
    mock.add_registry(&registry());
    let shared = RegistryClient::builder(registry(), FixedToken::new(TOKEN))
        .with_endpoint(mock.uri())
        .build()
        .unwrap();
    assert_eq!(shared.registry(), &registry());
    assert!(
        shared
            .without_retries()
            .environments()
            .list(ListView::All)
            .all()
            .await
            .unwrap()
            .is_empty()
    );
    let text = format!("{shared:?} {:?}", shared.models());
    assert!(
        text.contains("/registries/Models") && !text.contains(TOKEN),
        "{text}"
    );
}

#[tokio::test]
async fn ok_workspaces_and_datastores() {
    let (mock, client, _) = mock().await;
    let found = client.get_workspace().await.unwrap();
    assert_eq!(found.scope().unwrap(), workspace());
    assert_eq!(found.location.as_deref(), Some("westeurope"));
    for list in [
        client.list_workspaces(),
        client.list_workspaces_in_resource_group(),
    ] {
        let all = list.all().await.unwrap();
        assert_eq!(all, std::slice::from_ref(&found));
    }
    assert_eq!(client.default_datastore().await.unwrap(), None);
    mock.add_resource(
        "datastores/other",
        &json!({ "datastoreType": "AzureFile", "isDefault": false }),
    );
    mock.add_resource(
        "datastores/workspaceblobstore",
        &json!({ "datastoreType": "AzureBlob", "isDefault": true, "containerName": "c" }),
    );
    assert_eq!(client.list_datastores().all().await.unwrap().len(), 2);
    let default = client.default_datastore().await.unwrap().unwrap();
    assert_eq!(default.name.as_deref(), Some("workspaceblobstore"));
    assert_eq!(default.properties.extra.get("containerName"), Some(&json!("c")));
    assert_eq!(
        client
            .get_datastore("other")
            .await
            .unwrap()
            .properties
            .datastore_type
            .as_deref(),
        Some("AzureFile")
    );
}

#[tokio::test]
async fn ok_a_schedule_is_switched_and_nothing_of_it_is_lost() {
    let (mock, client, _) = mock().await;
    let properties = json!({ "isEnabled": true, "displayName": "every night", "tags": { "a": null }, "newer": { "x": [1] },
        "action": { "actionType": "CreateJob", "jobDefinition": { "jobType": "Pipeline" } },
        "trigger": { "triggerType": "Cron", "expression": "0 3 * * *" } });
    mock.add_resource("schedules/nightly", &properties.clone());
    assert!(client.enable_schedule("nightly", true).await.unwrap().is_none());
    let switched = client
        .enable_schedule("nightly", false)
        .await
        .unwrap()
        .unwrap()
        .await
        .unwrap();
    assert!(!switched.is_enabled());
    let mut kept = serde_json::to_value(&switched.properties).unwrap();
    let mut expect = properties;
    expect["isEnabled"] = json!(false);
    kept.as_object_mut().unwrap().remove("provisioningState");
    assert_eq!(kept, expect);
    assert!(
        client
            .list_schedules(ScheduleView::EnabledOnly)
            .all()
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        client
            .list_schedules(ScheduleView::DisabledOnly)
            .all()
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        client
            .list_schedules(ScheduleView::All)
            .all()
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn ok_jobs_of_the_mock_run_and_are_cancelled() {
    let (mock, client, _) = mock().await;
    let job = client
        .create_job(
            "train-1",
            json!({ "properties": { "jobType": "Command", "command": "x" } }),
        )
        .await
        .unwrap();
    assert_eq!(job.properties.status.unwrap().as_str(), "NotStarted");
    let late = client
        .wait_for_job("train-1", Duration::from_secs(30))
        .await
        .unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Late);
    client.cancel_job("train-1").await.unwrap();
    let ended = client
        .wait_for_job("train-1", Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(ended.properties.status.unwrap().as_str(), "Canceled");
    assert!(!mock.set_job_status("nobody", "Completed"));
}

#[tokio::test]
async fn ok_a_batch_endpoint_makes_one_job_a_request_id() {
    let (mock, client, _) = mock().await;
    mock.add_batch_endpoint("churn-batch", "blue", "/models/churn/versions/7");
    let all = client.list_batch_endpoints().all().await.unwrap();
    assert_eq!(all[0].default_deployment(), Some("blue"));
    let deployments = client
        .list_batch_deployments("churn-batch")
        .unwrap()
        .all()
        .await
        .unwrap();
    assert_eq!(deployments[0].model_id(), Some("/models/churn/versions/7"));
    let inputs = json!({ "inputData": { "x": { "jobInputType": "uri_folder", "uri": "azureml://x" } } });
    let invoke = async |deployment, id| {
        client
            .invoke_batch_endpoint("churn-batch", deployment, id, &inputs)
            .await
    };
    let id = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
    let job = invoke(None, id).await.unwrap();
    let again = invoke(Some("blue"), id).await.unwrap();
    assert_eq!(job.name, again.name);
    let name = job.name.unwrap();
    assert!(mock.set_job_status(&name, "Completed"));
    assert!(
        client
            .wait_for_job(&name, Duration::from_secs(9))
            .await
            .unwrap()
            .properties
            .status
            .unwrap()
            .is_completed()
    );
    let missing = invoke(Some("green"), id).await.unwrap_err();
    assert_eq!(missing.service_code(), Some("DeploymentNotFound"));
    assert_eq!(invoke(None, "a b").await.unwrap_err().kind(), ErrorKind::Invalid);
}

/// Gives its scope as the token.
#[derive(Debug)]
struct Echo;

#[async_trait::async_trait]
impl TokenCredential for Echo {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        Ok(AccessToken::new(scope.to_owned()))
    }

    fn forget(&self, _scope: &str) -> bool {
        false
    }
}

#[tokio::test]
async fn ok_a_batch_job_is_asked_for_with_a_token_for_azure_ml() {
    let server = MockServer::start().await;
    let endpoint = json!({ "properties": { "scoringUri": format!("{}/jobs", server.uri()) } });
    Mock::given(method("GET"))
        .and(path_regex("/batchEndpoints/churn$"))
        .and(header(
            "authorization",
            "Bearer https://management.azure.com/.default",
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(endpoint))
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path_regex("^/jobs$"))
        .and(header("authorization", "Bearer https://ml.azure.com/.default"))
        .and(header("azureml-model-deployment", "blue"))
        .and(header("repeatability_request-id", "id-1"))
        .and(body_json(json!({ "properties": { "a": 1 } })))
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({ "name": "j", "properties": {} })))
        .expect(1)
        .mount(&server)
        .await;
    let client = Client::builder(workspace(), Echo)
        .with_endpoint(server.uri())
        .build()
        .unwrap();
    let job = client
        .invoke_batch_endpoint("churn", Some("blue"), "id-1", &json!({ "a": 1 }))
        .await
        .unwrap();
    assert_eq!(job.name.as_deref(), Some("j"));
    let post = server.received_requests().await.unwrap().pop().unwrap();
    assert_eq!(post.url.query(), None, "the address is taken as it is");
}

#[tokio::test]
async fn err_no_token_goes_where_an_answer_leads_it() {
    for address in [
        "https://evil.example/jobs",
        "http://churn.westeurope.inference.ml.azure.com/jobs",
        "https://churn.westeurope.inference.ml.azure.com.evil.example/jobs",
        "https://u:p@churn.westeurope.inference.ml.azure.com/jobs",
        "azureml://x",
        "",
    ] {
        let server = MockServer::start().await;
        let tracking = address.replacen("https", "azureml", 1);
        let body = json!({ "properties": { "scoringUri": address, "mlFlowTrackingUri": format!("{tracking}/mlflow/v1.0/x") } });
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .expect(2)
            .mount(&server)
            .await;
        let client = crate::support::client(&server);
        let refused = client
            .invoke_batch_endpoint("churn", None, "id", &Value::Null)
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{address}");
        assert_no_secret(&refused);
        let refused = client.mlflow().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{address}");
    }
}

#[tokio::test]
async fn ok_mlflow_has_the_metrics_of_the_run_and_the_tags_that_came_late() {
    let (mock, client, _) = mock().await;
    mock.register_model("churn", "7", &[], Duration::ZERO);
    mock.register_model("churn", "8", &[("stage", "prod")], Duration::ZERO);
    mock.add_run("job-1", &[("rmse", 0.25), ("r2", 0.9)], &[("alpha", "0.1")]);
    let mlflow = client.mlflow().await.unwrap();
    let run = mlflow.run("job-1").await.unwrap();
    assert_eq!(run.metrics.get("rmse"), Some(&0.25));
    assert_eq!(
        (run.params["alpha"].as_str(), run.status.as_deref()),
        ("0.1", Some("FINISHED"))
    );
    assert!(run.ended_at.is_some());
    let version = mlflow.model_version("churn", "7").await.unwrap();
    assert_eq!(
        (version.run_id.as_deref(), version.tags.len()),
        (Some("job-1"), 0)
    );
    mlflow
        .set_model_version_tag("churn", "7", "metrics", r#"{"RMSE": 0.25}"#)
        .await
        .unwrap();
    let version = mlflow.model_version("churn", "7").await.unwrap();
    assert_eq!(version.tags["metrics"], r#"{"RMSE": 0.25}"#);
    let arm = client.get_model_version("churn", "7").await.unwrap();
    assert_eq!(arm.properties.tag("metrics"), Some(r#"{"RMSE": 0.25}"#));
    mock.page_size(1);
    let all = mlflow.model_versions("churn").await.unwrap();
    assert_eq!(
        all.iter().map(|found| found.version.as_str()).collect::<Vec<_>>(),
        ["7", "8"]
    );
    assert_eq!(
        mlflow.model("churn").await.unwrap().latest_versions[0].version,
        "8"
    );
    let missing = mlflow.run("nobody").await.unwrap_err();
    assert_eq!(
        (missing.kind(), missing.service_code()),
        (ErrorKind::NotFound, Some("RESOURCE_DOES_NOT_EXIST"))
    );
    assert_eq!(
        mlflow.model_versions("a'b").await.unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert_eq!(mlflow.run("../x").await.unwrap_err().kind(), ErrorKind::Invalid);
    assert!(!format!("{mlflow:?}").contains(TOKEN));
}

#[tokio::test]
async fn ok_mlflow_reads_what_it_writes_oddly() {
    let server = MockServer::start().await;
    let host = server.uri().replace("http://", "");
    let uri = format!("azureml://{host}/mlflow/v1.0/subscriptions/s/x");
    Mock::given(method("GET"))
        .and(path_regex("/workspaces/Churn-ws$"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({ "properties": { "mlFlowTrackingUri": uri } })),
        )
        .mount(&server)
        .await;
    let run = json!({ "run": { "info": { "run_uuid": "r", "status": "ODD", "end_time": null },
        "data": { "metrics": [{ "key": "loss", "value": "NaN" }, { "key": "n", "value": 3 }], "tags": [{ "key": "empty" }] } } });
    Mock::given(method("GET"))
        .and(path_regex(
            "^/mlflow/v2.0/subscriptions/s/x/api/2.0/mlflow/runs/get$",
        ))
        .and(header("authorization", "Bearer https://ml.azure.com/.default"))
        .respond_with(ResponseTemplate::new(200).set_body_json(run))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path_regex("/model-versions/get$"))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({ "model_version": { "name": "m", "version": 7, "creation_timestamp": 1_700_000_000_000_u64, "run_id": "" } }),
        ))
        .mount(&server)
        .await;
    let client = Client::builder(workspace(), Echo)
        .with_endpoint(server.uri())
        .build()
        .unwrap();
    let mlflow = client
        .mlflow()
        .await
        .unwrap()
        .with_token_scope("https://ml.azure.com/.default");
    let run = mlflow.run("r").await.unwrap();
    assert!(run.metrics["loss"].is_nan() && run.metrics["n"] == 3.0);
    assert_eq!(
        (run.run_id.as_str(), run.ended_at, run.tags["empty"].as_str()),
        ("r", None, "")
    );
    let version = mlflow.model_version("m", "7").await.unwrap();
    assert_eq!((version.version.as_str(), version.run_id.as_deref()), ("7", None));
}
