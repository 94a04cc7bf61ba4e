//! The mock workspace as the service is, where no other test looks: what only the service writes, filters, casings, links, keys and logs.
//! That Microsoft's own client reads its answers is shown by `just azure-clients`.

use std::time::Duration;

use aml_client::auth::FixedToken;
use aml_client::mock::{MockWorkspace, OperationStyle, Outcome};
use aml_client::ops::{ListView, VersionsQuery};
use aml_client::scoring::ScoringErrorKind;
use aml_client::wire::{
    KeyKind, LogContainer, ModelVersion, NewEventSubscription, OnlineDeployment, OnlineEndpoint, StringMap,
};
use aml_client::{Client, ErrorKind, RetryPolicy, WorkspaceScope};
use http::StatusCode;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::script::Turned;
use crate::support::{TOKEN, workspace};

async fn mocked() -> (MockWorkspace, Client, Turned) {
    let clock = Turned::new();
    let mock = MockWorkspace::start_with_clock(workspace(), clock.clone()).await;
    mock.operations(Duration::from_secs(60), OperationStyle::Status);
    let client = Client::builder(workspace(), FixedToken::new(TOKEN))
        .with_endpoint(mock.uri())
        .with_retry(RetryPolicy::off())
        .with_clock(clock.clone())
        .build()
        .unwrap();
    (mock, client, clock)
}

fn tags(pairs: &[(&str, &str)]) -> StringMap {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
    pairs.iter().map(pair).collect()
}

/// A request as it is: status, headers in lower case, and the body.
async fn raw(mock: &MockWorkspace, method: &str, path: &str, body: Value) -> (u16, String, Value) {
    let address = mock.uri().replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{method} {path}{}api-version=2025-12-01 HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {TOKEN}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        if path.contains('?') { '&' } else { '?' },
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    (status, head.to_ascii_lowercase(), body)
}

fn names(body: &Value) -> Vec<&str> {
    let all = body["value"].as_array().unwrap();
    all.iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn ok_the_workspace_is_shown_and_kinds_are_read_in_any_casing() {
    let (mock, _, _) = mocked().await;
    let id = workspace().to_string();
    let (status, _, body) = raw(&mock, "GET", &id, Value::Null).await;
    assert_eq!(
        (status, &body["id"], &body["name"]),
        (200, &json!(id), &json!("Churn-ws"))
    );
    assert_eq!(
        (&body["location"], &body["properties"]["provisioningState"]),
        (&json!("westeurope"), &json!("Succeeded"))
    );
    let tracking = body["properties"]["mlFlowTrackingUri"].as_str().unwrap();
    assert!(
        tracking.starts_with("azureml://127.0.0.1:") && tracking.ends_with(&id),
        "{tracking}"
    );

    mock.add_endpoint("credit", &[("blue", "/m/6", 100)]);
    mock.register_model("churn", "7", &[], Duration::ZERO);
    for (method, path, expected) in [
        ("GET", "/ONLINEENDPOINTS/Credit", 200),
        ("GET", "/onlineendpoints/CREDIT/Deployments/BLUE", 200),
        ("POST", "/onlineEndpoints/credit/listkeys", 200),
        ("GET", "/Models/churn/Versions/7", 200),
        // The name of a model is not.
        ("GET", "/models/Churn/versions/7", 404),
        ("GET", "/onlineEndpoint/credit", 404),
        ("GET", "/onlineEndpoints/credit/deployments/blue/logs", 404),
    ] {
        let upper = format!("{}{path}", id.to_uppercase());
        assert_eq!(
            raw(&mock, method, &upper, Value::Null).await.0,
            expected,
            "{path}"
        );
    }
}

#[tokio::test]
async fn err_another_workspace_is_not_there() {
    let (mock, _, _) = mocked().await;
    let other = workspace().to_string().replace("Churn-ws", "other");
    let (status, _, body) = raw(&mock, "GET", &other, Value::Null).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (404, &json!("ResourceNotFound"))
    );
    let text = body["error"]["message"].as_str().unwrap();
    assert!(
        text.contains("workspaces/other' under resource group 'ml-rg'"),
        "{text}"
    );
}

#[tokio::test]
async fn ok_links_say_what_a_server_before_it_is_called() {
    let (mock, _, clock) = mocked().await;
    mock.public_uri("https://outside.example:8443/");
    mock.page_size(1);
    for version in ["1", "2"] {
        mock.register_model("churn", version, &[], Duration::ZERO);
    }
    let id = workspace().to_string();
    let outside = format!("https://outside.example:8443{id}");
    let (_, _, page) = raw(&mock, "GET", &format!("{id}/models/churn/versions"), Value::Null).await;
    let next = page["nextLink"].as_str().unwrap();
    assert!(
        next.starts_with(&format!("{outside}/models/churn/versions?")),
        "{next}"
    );

    let body = json!({ "location": "westeurope", "identity": { "type": "SystemAssigned" }, "properties": { "authMode": "Key" } });
    let (status, head, body) = raw(&mock, "PUT", &format!("{id}/onlineEndpoints/credit"), body).await;
    assert_eq!(
        (status, &body["properties"]["provisioningState"]),
        (201, &json!("Creating"))
    );
    let link = "https://outside.example:8443/subscriptions/0a1b-2c3d/providers/microsoft.machinelearningservices/locations/westeurope/";
    assert!(
        head.contains(&format!("azure-asyncoperation: {link}mfeoperationsstatus/od:")),
        "{head}"
    );
    assert_eq!(
        body["properties"]["scoringUri"],
        "https://outside.example:8443/score/credit"
    );
    // The same address is in the body, as the service's own script reads it there.
    let inner = body["properties"]["properties"]["AzureAsyncOperationUri"]
        .as_str()
        .unwrap();
    assert!(head.contains(&inner.to_ascii_lowercase()));

    let path = inner.strip_prefix("https://outside.example:8443").unwrap();
    let (status, head, running) = raw(&mock, "GET", path, Value::Null).await;
    assert_eq!((status, &running["status"]), (200, &json!("InProgress")));
    assert!(head.contains("retry-after: 1") && running.get("endTime").is_none());
    clock.turn(Duration::from_secs(60));
    let (_, head, ended) = raw(&mock, "GET", path, Value::Null).await;
    assert_eq!(
        (&ended["status"], ended.get("error")),
        (&json!("Succeeded"), None)
    );
    assert!(!head.contains("retry-after") && ended["startTime"].as_str() < ended["endTime"].as_str());

    let (status, head, _) = raw(
        &mock,
        "DELETE",
        &format!("{id}/onlineEndpoints/credit"),
        Value::Null,
    )
    .await;
    assert_eq!(status, 202);
    assert!(
        head.contains(&format!("location: {link}mfeoperationresults/od:")),
        "{head}"
    );
}

#[tokio::test]
async fn ok_a_version_that_is_written_again_is_as_old_as_it_was() {
    let (mock, client, clock) = mocked().await;
    for version in ["9", "10"] {
        mock.register_model("churn", version, &[], Duration::ZERO);
        clock.turn(Duration::from_secs(5));
    }
    let made = mock.model("churn", "9").unwrap()["systemData"].clone();
    client.archive_model_version("churn", "9", true).await.unwrap();
    client.archive_model_version("churn", "9", false).await.unwrap();
    let latest = client.latest_model_version("churn").await.unwrap().unwrap();
    assert_eq!(latest.name.as_deref(), Some("10"));
    let container = client.get_model("churn").await.unwrap().properties;
    assert_eq!(
        (
            container.latest_version.as_deref(),
            container.next_version.as_deref()
        ),
        (Some("10"), Some("11"))
    );
    let now = mock.model("churn", "9").unwrap()["systemData"].clone();
    assert_eq!(now["createdAt"], made["createdAt"]);
    assert_ne!(now["lastModifiedAt"], made["lastModifiedAt"]);
    assert_eq!(mock.take_events().len(), 2, "nothing new was registered");
    // The next one is counted from the highest, and not from the newest.
    mock.register_model("churn", "3", &[], Duration::ZERO);
    let container = client.get_model("churn").await.unwrap().properties;
    assert_eq!(
        (
            container.latest_version.as_deref(),
            container.next_version.as_deref()
        ),
        (Some("3"), Some("11"))
    );
}

#[tokio::test]
async fn ok_lists_are_filtered() {
    let (mock, client, _) = mocked().await;
    mock.register_model("churn", "1", &[("stage", "test"), ("by", "ann")], Duration::ZERO);
    mock.register_model("churn", "2", &[("stage", "live")], Duration::ZERO);
    mock.register_model("income", "1", &[], Duration::ZERO);
    let mut third = ModelVersion::registered("azureml://jobs/j/outputs/m");
    third.properties.tags = Some(tags(&[("stage", "live"), ("by", "ann")]));
    third.properties.properties = Some(tags(&[("p", "q")]));
    client.put_model_version("churn", "3", &third).await.unwrap();
    let found = async |query: VersionsQuery| -> String {
        let all = client
            .list_model_versions("churn", &query)
            .unwrap()
            .all()
            .await
            .unwrap();
        all.iter().filter_map(|one| one.name.as_deref()).collect()
    };
    let any = VersionsQuery::default;
    assert_eq!(found(any()).await, "123");
    assert_eq!(found(any().newest(2)).await, "32");
    assert_eq!(found(any().with_tags("stage")).await, "123");
    assert_eq!(found(any().with_tags("stage=live")).await, "23");
    assert_eq!(found(any().with_tags("stage=live,by")).await, "3");
    assert_eq!(found(any().with_tags("stage=live,by=bob")).await, "");
    let mut by_property = any();
    by_property.properties = Some("p=q".to_owned());
    assert_eq!(found(by_property).await, "3");
    let path = format!("{}/models/churn/versions?version=2", workspace());
    assert_eq!(names(&raw(&mock, "GET", &path, Value::Null).await.2), ["2"]);

    // A model is archived as such, and its versions are not touched.
    let income = format!("{}/models/income", workspace());
    let body = json!({ "properties": { "isArchived": true, "description": "d", "nextVersion": "99" } });
    let (status, _, shown) = raw(&mock, "PUT", &income, body).await;
    assert_eq!(
        (
            status,
            &shown["properties"]["isArchived"],
            &shown["properties"]["nextVersion"]
        ),
        (200, &json!(true), &json!("2"))
    );
    for (view, expected) in [
        (ListView::ActiveOnly, vec!["churn"]),
        (ListView::ArchivedOnly, vec!["income"]),
        (ListView::All, vec!["churn", "income"]),
    ] {
        let models = client.list_models(view).all().await.unwrap();
        let shown: Vec<_> = models.iter().filter_map(|one| one.name.as_deref()).collect();
        assert_eq!(shown, expected, "{view:?}");
    }
    assert!(
        !client
            .get_model_version("income", "1")
            .await
            .unwrap()
            .properties
            .is_archived()
    );
    let lost = format!("{}/models/lost", workspace());
    assert_eq!(raw(&mock, "PUT", &lost, json!({ "properties": {} })).await.0, 404);
}

#[tokio::test]
async fn ok_what_only_the_service_writes_is_there_and_does_not_come_from_us() {
    let (mock, client, clock) = mocked().await;
    let mut endpoint = OnlineEndpoint::new("westeurope", "Key");
    endpoint.properties.scoring_uri = Some("https://elsewhere.example/score".to_owned());
    let made = client
        .put_online_endpoint("credit", &endpoint)
        .await
        .unwrap()
        .await
        .unwrap();
    assert_eq!(
        made.properties.scoring_uri,
        Some(format!("{}/score/credit", mock.uri()))
    );
    let identity = made.identity.unwrap();
    assert!(identity["principalId"].is_string() && identity["tenantId"].is_string());
    assert_eq!(made.properties.extra["publicNetworkAccess"], "Enabled");
    assert_eq!(made.extra["systemData"]["createdByType"], "User");

    let deployment = OnlineDeployment::managed("westeurope", "/m/6", "Standard_DS3_v2");
    let put = client
        .put_online_deployment("credit", "blue", &deployment)
        .await
        .unwrap();
    let made = put.await.unwrap();
    assert_eq!(
        made.properties.extra["scaleSettings"],
        json!({ "scaleType": "Default" })
    );
    assert_eq!(made.properties.extra["requestSettings"]["maxQueueWait"], "PT0.5S");
    // What was said is not overwritten.
    let mut said = made.clone();
    said.properties
        .extra
        .insert("requestSettings".to_owned(), json!({ "requestTimeout": "PT9S" }));
    clock.turn(Duration::from_secs(5));
    let again = client
        .put_online_deployment("credit", "blue", &said)
        .await
        .unwrap()
        .await
        .unwrap();
    assert_eq!(
        again.properties.extra["requestSettings"],
        json!({ "requestTimeout": "PT9S" })
    );
    assert_eq!(
        again.extra["systemData"]["createdAt"],
        made.extra["systemData"]["createdAt"]
    );
}

#[tokio::test]
async fn ok_a_patch_takes_tags_and_sku_and_takes_time() {
    let (mock, client, _) = mocked().await;
    mock.add_endpoint("credit", &[("blue", "/m/6", 100)]);
    let poller = client
        .tag_online_deployment("credit", "blue", &tags(&[("a", "b")]))
        .await
        .unwrap();
    assert_eq!(mock.deployment("credit", "blue").unwrap().1, "Updating");
    let error = client.delete_online_endpoint("credit").await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::CONFLICT));
    assert_eq!(poller.await.unwrap().tags, Some(tags(&[("a", "b")])));

    let path = format!("{}/onlineEndpoints/credit/deployments/blue", workspace());
    let patch = json!({ "tags": {}, "sku": { "name": "Default", "capacity": 3 }, "properties": { "model": "/m/7" }, "location": "x" });
    mock.operations(Duration::ZERO, OperationStyle::Status);
    assert_eq!(raw(&mock, "PATCH", &path, patch).await.0, 202);
    let (_, _, shown) = raw(&mock, "GET", &path, Value::Null).await;
    assert_eq!(
        (&shown["sku"]["capacity"], &shown["tags"]),
        (&json!(3), &json!({}))
    );
    assert_eq!(
        (&shown["properties"]["model"], &shown["location"]),
        (&json!("/m/6"), &json!("westeurope"))
    );
    assert_eq!(
        raw(&mock, "PATCH", &path.replace("blue", "grey"), json!({}))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn ok_a_key_that_was_made_anew_opens_and_the_old_one_does_not() {
    let (mock, client, _) = mocked().await;
    mock.add_endpoint("credit", &[("blue", "/m/6", 100)]);
    let scorer = client.scorer("credit").await.unwrap();
    scorer.invoke(&json!({})).await.unwrap();
    let before = client.list_endpoint_keys("credit").await.unwrap();
    client
        .regenerate_endpoint_key("credit", KeyKind::Primary)
        .await
        .unwrap()
        .await
        .unwrap();
    let after = client.list_endpoint_keys("credit").await.unwrap();
    assert_ne!(before.primary.expose_secret(), after.primary.expose_secret());
    assert_eq!(before.secondary.expose_secret(), after.secondary.expose_secret());
    assert_eq!(
        scorer.invoke(&json!({})).await.unwrap_err().kind,
        ScoringErrorKind::Auth
    );
    client
        .scorer("credit")
        .await
        .unwrap()
        .invoke(&json!({}))
        .await
        .unwrap();

    // One that fails leaves the key as it is, and the endpoint too.
    mock.outcomes([Outcome::Fail {
        code: "InternalError".to_owned(),
    }]);
    let poller = client
        .regenerate_endpoint_key("credit", KeyKind::Primary)
        .await
        .unwrap();
    assert!(poller.await.is_err());
    let same = client.list_endpoint_keys("credit").await.unwrap();
    assert_eq!(after.primary.expose_secret(), same.primary.expose_secret());
    let read = client.get_online_endpoint("credit").await.unwrap();
    assert_eq!(read.properties.provisioning_state.unwrap().as_str(), "Succeeded");
    for body in [json!({ "keyType": "primary" }), json!({})] {
        let path = format!("{}/onlineEndpoints/credit/regenerateKeys", workspace());
        assert_eq!(raw(&mock, "POST", &path, body).await.0, 400);
    }
}

#[tokio::test]
async fn ok_and_err_each_way_to_prove_oneself_has_its_own_call() {
    let (mock, client, _) = mocked().await;
    let endpoint = OnlineEndpoint::new("westeurope", "AMLToken");
    client
        .put_online_endpoint("credit", &endpoint)
        .await
        .unwrap()
        .await
        .unwrap();
    let token = client.endpoint_token("credit").await.unwrap();
    assert!(token.refresh_at.unwrap() < token.expires_at.unwrap());
    assert_eq!(
        client.list_endpoint_keys("credit").await.unwrap_err().status(),
        Some(StatusCode::BAD_REQUEST)
    );
    mock.add_endpoint("income", &[]);
    assert_eq!(
        client.endpoint_token("income").await.unwrap_err().status(),
        Some(StatusCode::BAD_REQUEST)
    );
    for error in [
        client.list_endpoint_keys("lost").await.map(drop).unwrap_err(),
        client.endpoint_token("lost").await.map(drop).unwrap_err(),
        client
            .list_online_deployments("lost")
            .unwrap()
            .all()
            .await
            .map(drop)
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let odd = OnlineEndpoint::new("westeurope", "Password");
    assert_eq!(
        client
            .put_online_endpoint("other", &odd)
            .await
            .unwrap_err()
            .status(),
        Some(StatusCode::BAD_REQUEST)
    );
}

#[tokio::test]
async fn ok_logs_are_the_last_lines() {
    let (mock, client, _) = mocked().await;
    mock.add_endpoint("credit", &[("blue", "/m/6", 100)]);
    let logs = async |container, tail| {
        let found = client.deployment_logs("credit", "blue", container, tail).await;
        found.unwrap().content.unwrap()
    };
    let all = logs(LogContainer::InferenceServer, 50).await;
    assert!(all.contains("model /m/6") && all.lines().count() == 3, "{all}");
    assert_eq!(logs(LogContainer::InferenceServer, 1).await, "state Succeeded");
    assert_eq!(logs(LogContainer::StorageInitializer, 9).await, "fetched /m/6");
    let lost = client
        .deployment_logs("credit", "green", LogContainer::InferenceServer, 1)
        .await;
    assert_eq!(lost.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn ok_subscriptions_are_listed_and_their_address_is_told_apart() {
    let (mock, client, _) = mocked().await;
    let webhook = NewEventSubscription::to_webhook("https://relay.example/api?code=s3cr3t")
        .unwrap()
        .with_secret_header("x-key", "s3cr3t")
        .with_max_events(10);
    let _ = client.put_event_subscription("relay", &webhook).await.unwrap();
    let path = format!(
        "{}/providers/microsoft.eventgrid/EventSubscriptions/relay",
        workspace()
    );
    let (_, _, shown) = raw(&mock, "GET", &path, Value::Null).await;
    let destination = &shown["properties"]["destination"]["properties"];
    assert_eq!(destination["endpointBaseUrl"], "https://relay.example/api");
    assert_eq!(destination["maxEventsPerBatch"], 10);
    assert_eq!(
        destination["deliveryAttributeMappings"][0]["properties"]["value"],
        Value::Null
    );
    assert_eq!(shown["properties"]["retryPolicy"]["maxDeliveryAttempts"], 30);
    let topic = shown["properties"]["topic"].as_str().unwrap();
    assert!(topic != workspace().to_string() && workspace() == WorkspaceScope::parse(topic).unwrap());
    assert!(!shown.to_string().contains("s3cr3t"), "{shown}");
    let queue = NewEventSubscription::to_storage_queue("/storage", "q");
    let _ = client.put_event_subscription("queue", &queue).await.unwrap();
    let all = client.list_event_subscriptions().all().await.unwrap();
    let shown: Vec<_> = all.iter().filter_map(|one| one.name.as_deref()).collect();
    assert_eq!(shown, ["queue", "relay"]);
    assert!(!format!("{all:?}").contains("s3cr3t"));
    let url = client.event_subscription_url("Relay").await.unwrap();
    assert_eq!(url.expose_secret(), "https://relay.example/api?code=s3cr3t");
    assert_eq!(
        client.event_subscription_url("queue").await.unwrap_err().status(),
        Some(StatusCode::BAD_REQUEST)
    );
    assert_eq!(
        client.event_subscription_url("lost").await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}
