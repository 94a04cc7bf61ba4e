//! Event subscriptions: bodies as Azure's own client sends them, the wait for the handshake, and no secret in any text.

use std::sync::Arc;

use aml_client::auth::FixedToken;
use aml_client::operation::Polling;
use aml_client::wire::{DeliverySchema, EventSubscription, NewEventSubscription};
use aml_client::{Client, ErrorKind};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use wiremock::matchers::{any, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::script::{Script, Turned};
use crate::support::{TOKEN, assert_no_secret, workspace};

const SECRET: &str = "w3bhook-s3cret";

fn client(uri: &str) -> Client {
    Client::builder(workspace(), FixedToken::new(TOKEN))
        .with_endpoint(uri)
        .with_clock(Turned::new())
        .with_polling(Polling::default())
        .build()
        .unwrap()
}

fn webhook() -> NewEventSubscription {
    NewEventSubscription::to_webhook(format!("https://relay.example/events?code={SECRET}"))
        .unwrap()
        .with_secret_header("x-relay", SECRET)
        .with_event_types(["Microsoft.MachineLearningServices.ModelRegistered"])
}

fn state(word: &str) -> Value {
    json!({ "id": "/s", "name": "relay", "properties": { "provisioningState": word, "topic": "/T", "eventDeliverySchema": "CloudEventSchemaV1_0",
        "destination": { "endpointType": "WebHook", "properties": { "endpointUrl": null, "endpointBaseUrl": "https://relay.example/events" } } } })
}

#[tokio::test]
async fn ok_every_member_is_where_the_service_reads_it() {
    let server = MockServer::start().await;
    Mock::given(method("PUT"))
        .and(query_param("api-version", "2025-02-15"))
        .respond_with(ResponseTemplate::new(200).set_body_json(state("Succeeded")))
        .mount(&server)
        .await;
    let client = client(&server.uri());
    let whole = webhook()
        .with_entra("t", "api://a")
        .with_max_events(10)
        .with_subject(Some("models/"), Some(":7"))
        .with_advanced_filter(json!({ "operatorType": "StringIn", "key": "data.modelName", "values": ["m"] }))
        .with_retry_policy(30, 1_440)
        .with_dead_letter("/subscriptions/s/sa", "dl")
        .with_labels(["l"]);
    let queue = NewEventSubscription::to_storage_queue("/subscriptions/s/sa", "q")
        .with_schema(DeliverySchema::EventGrid);
    let topic = NewEventSubscription::to_namespace_topic("/subscriptions/s/ns/topics/t");
    for subscription in [&whole, &queue, &topic] {
        client
            .put_event_subscription("relay", subscription)
            .await
            .unwrap()
            .await
            .unwrap();
    }
    let requests = server.received_requests().await.unwrap();
    let expect_path = format!(
        "{}/providers/Microsoft.EventGrid/eventSubscriptions/relay",
        workspace()
    );
    let bodies: Vec<Value> = requests
        .iter()
        .map(|request| {
            assert_eq!(request.url.path(), expect_path);
            request.body_json().unwrap()
        })
        .collect();
    let url = format!("https://relay.example/events?code={SECRET}");
    assert_eq!(
        bodies[0],
        json!({ "properties": {
            "destination": { "endpointType": "WebHook", "properties": {
                "endpointUrl": url, "maxEventsPerBatch": 10, "azureActiveDirectoryTenantId": "t",
                "azureActiveDirectoryApplicationIdOrUri": "api://a",
                "deliveryAttributeMappings": [{ "name": "x-relay", "type": "Static", "properties": { "value": SECRET, "isSecret": true } }] } },
            "filter": { "includedEventTypes": ["Microsoft.MachineLearningServices.ModelRegistered"], "subjectBeginsWith": "models/",
                "subjectEndsWith": ":7", "enableAdvancedFilteringOnArrays": true,
                "advancedFilters": [{ "operatorType": "StringIn", "key": "data.modelName", "values": ["m"] }] },
            "eventDeliverySchema": "CloudEventSchemaV1_0",
            "retryPolicy": { "maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440 },
            "deadLetterDestination": { "endpointType": "StorageBlob", "properties": { "resourceId": "/subscriptions/s/sa", "blobContainerName": "dl" } },
            "labels": ["l"] } })
    );
    assert_eq!(
        bodies[1],
        json!({ "properties": { "destination": { "endpointType": "StorageQueue", "properties": { "resourceId": "/subscriptions/s/sa", "queueName": "q" } },
            "filter": {}, "eventDeliverySchema": "EventGridSchema" } })
    );
    assert_eq!(
        bodies[2]["properties"]["destination"]["endpointType"],
        "NamespaceTopic"
    );
    assert!(!format!("{whole:?} {whole:#?}").contains(SECRET));
}

#[tokio::test]
async fn ok_the_handshake_is_waited_for_and_a_webhook_that_refuses_is_said() {
    for (last, ended) in [
        ("Succeeded", Ok("relay")),
        ("Failed", Err(ErrorKind::OperationFailed)),
    ] {
        let server = MockServer::start().await;
        let read = |word: &str| (200, vec![("retry-after", "5")], Some(state(word)));
        let script = Script {
            rules: vec![
                ("PUT", vec![(201, vec![], Some(state("Creating")))]),
                (
                    "GET",
                    vec![read("Creating"), read("AwaitingManualAction"), read(last)],
                ),
            ],
            used: Arc::default(),
            base: server.uri(),
        };
        Mock::given(any()).respond_with(script).mount(&server).await;
        let client = client(&server.uri());
        let poller = client.put_event_subscription("relay", &webhook()).await.unwrap();
        let outcome: Result<EventSubscription, _> = poller.await;
        if let Err(error) = &outcome {
            assert_no_secret(error);
            assert!(!format!("{error:?}").contains(SECRET));
        }
        let outcome = outcome
            .map(|one| one.name.unwrap_or_default())
            .map_err(|error| error.kind());
        assert_eq!(outcome, ended.map(str::to_owned), "{last}");
    }
}

#[tokio::test]
async fn ok_read_list_delete_and_the_provider() {
    let server = MockServer::start().await;
    let base = format!("{}/providers/Microsoft.EventGrid/eventSubscriptions", workspace());
    let on = async |verb: &str, at: &str, answer: ResponseTemplate| {
        Mock::given(method(verb))
            .and(path(at))
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
    };
    let json = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    on("GET", &format!("{base}/relay"), json(state("Succeeded"))).await;
    on(
        "GET",
        &base,
        json(json!({ "value": [state("Succeeded"), state("Failed")] })),
    )
    .await;
    on(
        "POST",
        &format!("{base}/relay/getFullUrl"),
        json(json!({ "endpointUrl": format!("https://x?code={SECRET}") })),
    )
    .await;
    on("DELETE", &format!("{base}/relay"), ResponseTemplate::new(204)).await;
    let provider = "/subscriptions/0a1b-2c3d/providers/Microsoft.EventGrid";
    on(
        "GET",
        provider,
        json(json!({ "registrationState": "NotRegistered" })),
    )
    .await;
    on(
        "POST",
        &format!("{provider}/register"),
        json(json!({ "registrationState": "Registering" })),
    )
    .await;
    let client = client(&server.uri());
    let found = client.get_event_subscription("relay").await.unwrap();
    assert_eq!(found.properties.topic.as_deref(), Some("/T"));
    assert_eq!(client.list_event_subscriptions().all().await.unwrap().len(), 2);
    let url = client.event_subscription_url("relay").await.unwrap();
    assert!(url.expose_secret().ends_with(SECRET) && !format!("{url:?}").contains(SECRET));
    client
        .delete_event_subscription("relay")
        .await
        .unwrap()
        .await
        .unwrap();
    assert!(!client.event_grid_is_registered().await.unwrap());
    client.register_event_grid().await.unwrap();
    for request in server.received_requests().await.unwrap() {
        let version = if request.url.path().contains("eventSubscriptions") {
            "2025-02-15"
        } else {
            "2021-04-01"
        };
        assert_eq!(request.url.query(), Some(&*format!("api-version={version}")));
    }
}

#[tokio::test]
async fn err_names_and_addresses_that_cannot_be_right() {
    let client = client("http://127.0.0.1:9");
    for name in ["", "ab", "a/b", "..", "a b c", "é-é", &"a".repeat(65)] {
        let error = client.get_event_subscription(name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name}");
    }
    for url in ["", "http://relay.example/x", "ftp://x", "relay.example"] {
        assert!(NewEventSubscription::to_webhook(url).is_err(), "{url}");
    }
}
