//! Long-running operations by script: 25 of them, as Azure's own Python client was run over, and more. What that client asks is in `theirs`
//! where we do the same, and explained where we do not.

use std::sync::Arc;
use std::time::Duration;

use aml_client::operation::Polling;
use aml_client::wire::{OnlineDeployment, OnlineEndpoint};
use aml_client::{Advice, Client, Error, ErrorKind, Poller, RetryPolicy, Step};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::script::{Reply, Script, Turned};
use crate::support::{TOKEN, assert_no_secret, workspace};

const OP: (&str, &str) = ("azure-asyncoperation", "{base}/ops/a:b:c?api-version=x");
const LOC: (&str, &str) = ("location", "{base}/loc/1?api-version=x");
const AT_ONCE: (&str, &str) = ("retry-after", "0");

fn resource(state: &str) -> Value {
    json!({ "id": "/r", "name": "blue", "location": "we", "properties": { "endpointComputeType": "Managed", "provisioningState": state } })
}

fn status(word: &str) -> Reply {
    (200, vec![AT_ONCE], Some(json!({ "status": word })))
}

fn done() -> Reply {
    (200, vec![], Some(resource("Succeeded")))
}

fn reply(status: u16, headers: &[(&'static str, &'static str)], body: Option<Value>) -> Reply {
    (status, headers.to_vec(), body)
}

/// What was asked, and how it ended.
struct Report {
    asked: Vec<String>,
    end: String,
    waits: Vec<u64>,
}

enum Verb {
    Put,
    Patch,
    Delete,
}

async fn run(verb: Verb, rules: Vec<(&'static str, Vec<Reply>)>) -> Report {
    let server = MockServer::start().await;
    let script = Script {
        rules,
        used: Arc::default(),
        base: server.uri(),
    };
    Mock::given(wiremock::matchers::any())
        .respond_with(script)
        .mount(&server)
        .await;
    let clock = Turned::new();
    let client = client(&server.uri(), &clock);
    let end = match verb {
        Verb::Put => {
            let deployment = OnlineDeployment::managed("we", "m", "x");
            let begun = client
                .put_online_deployment("endpoint", "blue", &deployment)
                .await;
            let ended = match begun {
                Ok(poller) => poller.await,
                Err(error) => Err(error),
            };
            ended.map(|deployment| deployment.name.unwrap_or_default())
        }
        Verb::Patch => {
            let tags = [("a".to_owned(), Some("b".to_owned()))].into();
            let ended = match client.tag_online_deployment("endpoint", "blue", &tags).await {
                Ok(poller) => poller.await,
                Err(error) => Err(error),
            };
            ended.map(|deployment| deployment.name.unwrap_or_default())
        }
        Verb::Delete => {
            let ended = match client.delete_online_deployment("endpoint", "blue").await {
                Ok(poller) => poller.await,
                Err(error) => Err(error),
            };
            ended.map(|()| "gone".to_owned())
        }
    };
    if let Err(error) = &end {
        assert_no_secret(error);
    }
    let asked = server.received_requests().await.unwrap();
    let asked = asked.iter().map(|request| {
        let path = request.url.path();
        let short = if path.starts_with("/ops") || path.starts_with("/loc") {
            path
        } else {
            "R"
        };
        assert!(request.headers.contains_key("authorization"));
        format!("{} {}", request.method, short.trim_end_matches(":b:c"))
    });
    Report {
        asked: asked.collect(),
        end: end.unwrap_or_else(|error| told(&error)),
        waits: clock.waits(),
    }
}

fn client(uri: &str, clock: &Turned) -> Client {
    Client::builder(workspace(), aml_client::auth::FixedToken::new(TOKEN))
        .with_endpoint(uri)
        .with_clock(clock.clone())
        .with_retry(RetryPolicy::default())
        .with_polling(Polling::default().with_interval(Duration::from_secs(7)))
        .build()
        .unwrap()
}

fn told(error: &Error) -> String {
    format!("{:?} {}", error.kind(), error.service_code().unwrap_or("-"))
}

async fn check(name: &str, verb: Verb, rules: Vec<(&'static str, Vec<Reply>)>, asked: &[&str], end: &str) {
    let report = run(verb, rules).await;
    assert_eq!(
        (report.asked, report.end.as_str()),
        (asked.iter().map(|one| (*one).to_owned()).collect(), end),
        "{name}"
    );
}

/// The scripts whose names are those of the peer's report. The comments say where we ask something else, and why.
#[tokio::test]
async fn ok_operations_of_a_put() {
    let creating = || Some(resource("Creating"));
    let a = || reply(201, &[OP, AT_ONCE], creating());
    let put = |replies: Vec<Reply>| ("PUT", replies);
    let get = || ("GET", vec![done()]);
    let ops = |replies: Vec<Reply>| ("/ops", replies);
    let usual = ["PUT R", "GET /ops/a", "GET /ops/a", "GET R"];
    let short = ["PUT R", "GET /ops/a", "GET R"];
    check(
        "put-201-async-ok",
        Verb::Put,
        vec![
            put(vec![a()]),
            ops(vec![status("InProgress"), status("Succeeded")]),
            get(),
        ],
        &usual,
        "blue",
    )
    .await;
    let accepted = reply(202, &[AT_ONCE], Some(json!({ "status": "InProgress" })));
    check(
        "put-201-async-202-poll",
        Verb::Put,
        vec![put(vec![a()]), ops(vec![accepted, status("Succeeded")]), get()],
        &usual,
        "blue",
    )
    .await;
    let updating = reply(200, &[OP, AT_ONCE], Some(resource("Updating")));
    check(
        "put-200-async",
        Verb::Put,
        vec![put(vec![updating]), ops(vec![status("Succeeded")]), get()],
        &short,
        "blue",
    )
    .await;
    // The peer refuses 202 for this PUT, as its description does not name it. The contract allows it, so we go on.
    let l = || reply(202, &[LOC, AT_ONCE], None);
    check(
        "put-202-location",
        Verb::Put,
        vec![put(vec![l()]), ("/loc", vec![l(), done()]), get()],
        &["PUT R", "GET /loc/1", "GET /loc/1"],
        "blue",
    )
    .await;
    let both = reply(201, &[OP, LOC, AT_ONCE], creating());
    check(
        "put-201-both",
        Verb::Put,
        vec![
            put(vec![both]),
            ops(vec![status("Succeeded")]),
            ("/loc", vec![done()]),
            get(),
        ],
        &short,
        "blue",
    )
    .await;
    let body_only = reply(201, &[AT_ONCE], creating());
    let still = reply(200, &[AT_ONCE], creating());
    check(
        "put-201-body-only",
        Verb::Put,
        vec![put(vec![body_only]), ("GET", vec![still, done()])],
        &["PUT R", "GET R", "GET R"],
        "blue",
    )
    .await;
    check(
        "put-200-done",
        Verb::Put,
        vec![put(vec![done()])],
        &["PUT R"],
        "blue",
    )
    .await;
    let stateless = json!({ "id": "/r", "name": "blue", "location": "we", "properties": { "endpointComputeType": "Managed" } });
    check(
        "put-200-no-state",
        Verb::Put,
        vec![put(vec![reply(200, &[], Some(stateless))])],
        &["PUT R"],
        "blue",
    )
    .await;
    let failed = reply(
        200,
        &[AT_ONCE],
        Some(json!({ "status": "Failed", "error": { "code": "ResourceFailed", "message": "boom" } })),
    );
    check(
        "put-async-failed",
        Verb::Put,
        vec![put(vec![a()]), ops(vec![failed])],
        &["PUT R", "GET /ops/a"],
        "OperationFailed ResourceFailed",
    )
    .await;
    check(
        "put-async-canceled",
        Verb::Put,
        vec![put(vec![a()]), ops(vec![status("Canceled")])],
        &["PUT R", "GET /ops/a"],
        "OperationFailed -",
    )
    .await;
    check(
        "put-async-unknown-state",
        Verb::Put,
        vec![
            put(vec![a()]),
            ops(vec![status("Frobnicating"), status("Succeeded")]),
            get(),
        ],
        &usual,
        "blue",
    )
    .await;
    check(
        "put-async-lowercase",
        Verb::Put,
        vec![put(vec![a()]), ops(vec![status("succeeded")]), get()],
        &short,
        "blue",
    )
    .await;
    let wordless = reply(200, &[], Some(json!({ "x": 1 })));
    check(
        "put-async-no-status",
        Verb::Put,
        vec![put(vec![a()]), ops(vec![wordless])],
        &["PUT R", "GET /ops/a"],
        "Decode -",
    )
    .await;
    let missing = reply(
        404,
        &[],
        Some(json!({ "error": { "code": "NotFound", "message": "x" } })),
    );
    check(
        "put-async-poll-404",
        Verb::Put,
        vec![put(vec![a()]), ops(vec![missing])],
        &["PUT R", "GET /ops/a"],
        "NotFound NotFound",
    )
    .await;
    let busy = reply(429, &[("retry-after", "1")], Some(json!({})));
    check(
        "put-async-poll-429-then-ok",
        Verb::Put,
        vec![put(vec![a()]), ops(vec![busy, status("Succeeded")]), get()],
        &usual,
        "blue",
    )
    .await;
    let down = reply(503, &[], Some(json!({})));
    check(
        "put-async-poll-503-then-ok",
        Verb::Put,
        vec![put(vec![a()]), ops(vec![down, status("Succeeded")]), get()],
        &usual,
        "blue",
    )
    .await;
    let later = reply(201, &[OP, ("retry-after", "2")], creating());
    let report = run(
        Verb::Put,
        vec![put(vec![later]), ops(vec![status("Succeeded")]), get()],
    )
    .await;
    assert_eq!(
        (report.asked, report.end.as_str()),
        (short.map(str::to_owned).to_vec(), "blue")
    );
    // The peer asks at once in spite of the header; we wait as the service asks.
    assert_eq!(report.waits, [2], "put-async-retry-after-2");
    // A later address of the status is not taken, as the peer does not.
    let moved = reply(
        200,
        &[("azure-asyncoperation", "{base}/ops/2"), AT_ONCE],
        Some(json!({ "status": "InProgress" })),
    );
    check(
        "put-async-url-changes",
        Verb::Put,
        vec![
            put(vec![a()]),
            ("/ops/a", vec![moved, status("Succeeded")]),
            ("/ops/2", vec![status("Succeeded")]),
            get(),
        ],
        &usual,
        "blue",
    )
    .await;
    let bad = json!({ "error": { "code": "BadArgument", "message": "x", "details": [{ "code": "A", "message": "b" }] } });
    check(
        "put-400",
        Verb::Put,
        vec![put(vec![reply(400, &[], Some(bad))])],
        &["PUT R"],
        "Status BadArgument",
    )
    .await;
}

#[tokio::test]
async fn ok_operations_of_a_patch_and_of_a_delete() {
    let l = || reply(202, &[LOC, AT_ONCE], None);
    let get = || ("GET", vec![done()]);
    check(
        "patch-202-location",
        Verb::Patch,
        vec![("PATCH", vec![l()]), ("/loc", vec![l(), done()]), get()],
        &["PATCH R", "GET /loc/1", "GET /loc/1"],
        "blue",
    )
    .await;
    let a = reply(202, &[OP, AT_ONCE], None);
    check(
        "patch-202-async",
        Verb::Patch,
        vec![("PATCH", vec![a]), ("/ops", vec![status("Succeeded")]), get()],
        &["PATCH R", "GET /ops/a", "GET R"],
        "blue",
    )
    .await;
    check(
        "patch-200",
        Verb::Patch,
        vec![("PATCH", vec![done()])],
        &["PATCH R"],
        "blue",
    )
    .await;
    let gone = || reply(204, &[], None);
    check(
        "delete-202-location",
        Verb::Delete,
        vec![("DELETE", vec![l()]), ("/loc", vec![l(), gone()])],
        &["DELETE R", "GET /loc/1", "GET /loc/1"],
        "gone",
    )
    .await;
    let both = reply(202, &[OP, LOC, AT_ONCE], None);
    check(
        "delete-202-both",
        Verb::Delete,
        vec![
            ("DELETE", vec![both]),
            ("/ops", vec![status("Succeeded")]),
            ("/loc", vec![gone()]),
        ],
        &["DELETE R", "GET /ops/a", "GET /loc/1"],
        "gone",
    )
    .await;
    check(
        "delete-204",
        Verb::Delete,
        vec![("DELETE", vec![gone()])],
        &["DELETE R"],
        "gone",
    )
    .await;
    // Its status may be gone with it.
    let both = reply(202, &[OP, LOC, AT_ONCE], None);
    let missing = reply(404, &[], None);
    check(
        "delete, and its location is gone",
        Verb::Delete,
        vec![
            ("DELETE", vec![both]),
            ("/ops", vec![status("Succeeded")]),
            ("/loc", vec![missing]),
        ],
        &["DELETE R", "GET /ops/a", "GET /loc/1"],
        "gone",
    )
    .await;
    let failed = reply(409, &[], Some(json!({ "error": { "code": "HasTraffic" } })));
    check(
        "delete, and its location says no",
        Verb::Delete,
        vec![("DELETE", vec![l()]), ("/loc", vec![failed])],
        &["DELETE R", "GET /loc/1"],
        "Status HasTraffic",
    )
    .await;
}

#[tokio::test]
async fn ok_what_the_peer_does_not_know() {
    // The address of the status in the resource, where no header has it.
    let hidden = |uri: &str| {
        let mut body = resource("Creating");
        body["properties"]["properties"] = json!({ "AzureAsyncOperationUri": uri });
        body
    };
    let server = MockServer::start().await;
    let script = Script {
        rules: vec![
            (
                "PUT",
                vec![reply(201, &[], Some(hidden(&format!("{}/ops/a", server.uri()))))],
            ),
            ("/ops", vec![status("Succeeded")]),
            ("GET", vec![done()]),
        ],
        used: Arc::default(),
        base: server.uri(),
    };
    Mock::given(wiremock::matchers::any())
        .respond_with(script)
        .mount(&server)
        .await;
    let client = client(&server.uri(), &Turned::new());
    let deployment = OnlineDeployment::managed("we", "m", "x");
    let poller = client
        .put_online_deployment("endpoint", "blue", &deployment)
        .await
        .unwrap();
    assert_eq!(poller.await.unwrap().name.as_deref(), Some("blue"));
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
    // A PUT that answers with a resource that failed has failed.
    check(
        "put-200-failed",
        Verb::Put,
        vec![("PUT", vec![reply(200, &[], Some(resource("Failed")))])],
        &["PUT R"],
        "OperationFailed -",
    )
    .await;
    let l = reply(202, &[LOC, AT_ONCE], None);
    let failed = reply(200, &[], Some(resource("failed")));
    check(
        "a location that leads to a failed resource",
        Verb::Put,
        vec![("PUT", vec![l]), ("/loc", vec![failed])],
        &["PUT R", "GET /loc/1"],
        "OperationFailed -",
    )
    .await;
}

#[tokio::test]
async fn ok_steps_and_a_stream_show_every_state() {
    let server = MockServer::start().await;
    let running = reply(
        200,
        &[("retry-after", "11")],
        Some(json!({ "status": "InProgress", "percentComplete": 40.5 })),
    );
    let script = Script {
        rules: vec![
            ("PUT", vec![reply(201, &[OP], Some(resource("Creating")))]),
            ("/ops", vec![running, status("Succeeded")]),
            ("GET", vec![done()]),
        ],
        used: Arc::default(),
        base: server.uri(),
    };
    Mock::given(wiremock::matchers::any())
        .respond_with(script)
        .mount(&server)
        .await;
    let clock = Turned::new();
    let client = client(&server.uri(), &clock);
    let deployment = OnlineDeployment::managed("we", "m", "x");
    let mut poller = client
        .put_online_deployment("endpoint", "blue", &deployment)
        .await
        .unwrap();
    assert_eq!(poller.wait(), Duration::ZERO);
    let Step::Running {
        status,
        percent,
        wait,
    } = poller.step().await.unwrap()
    else {
        panic!("ended");
    };
    assert_eq!(
        (status.as_deref(), percent, wait),
        (Some("InProgress"), Some(40.5), Duration::from_secs(11))
    );

    // Another process goes on, and a dropped step is asked again.
    let token = poller.resume_token();
    assert!(!token.contains(TOKEN));
    drop(poller.step());
    drop(poller);
    let resumed: Poller<OnlineDeployment> = client.resume(&token).unwrap();
    let resumed = resumed.await.unwrap();
    assert_eq!(resumed.name.as_deref(), Some("blue"));
    // The status was asked two times in all, and the resource one time.
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.len(), 4);
    for text in ["", "{}", "null", &token.replace("\"format\":1", "\"format\":2")] {
        assert_eq!(
            client.resume::<()>(text).unwrap_err().kind(),
            ErrorKind::Invalid,
            "{text}"
        );
    }
}

#[tokio::test]
async fn err_an_operation_that_never_ends_is_late() {
    let server = MockServer::start().await;
    let limited = reply(
        201,
        &[OP, ("x-ms-async-operation-timeout", "PT1M")],
        Some(resource("Creating")),
    );
    let script = Script {
        rules: vec![
            ("PUT", vec![limited]),
            (
                "/ops",
                vec![(200, vec![], Some(json!({ "status": "InProgress" })))],
            ),
        ],
        used: Arc::default(),
        base: server.uri(),
    };
    Mock::given(wiremock::matchers::any())
        .respond_with(script)
        .mount(&server)
        .await;
    let clock = Turned::new();
    let client = client(&server.uri(), &clock);
    let deployment = OnlineDeployment::managed("we", "m", "x");
    let poller = client
        .put_online_deployment("endpoint", "blue", &deployment)
        .await
        .unwrap();
    let error = poller.await.unwrap_err();
    assert_eq!((error.kind(), error.advice()), (ErrorKind::Late, Advice::Unknown));
    assert_eq!(
        error.to_string(),
        "the operation takes longer than it may; it was InProgress"
    );
    assert_eq!(clock.waits().iter().sum::<u64>(), 60);
}

#[tokio::test]
async fn err_links_to_other_origins_do_not_get_the_token() {
    let elsewhere = MockServer::start().await;
    for header in ["azure-asyncoperation", "location"] {
        let server = MockServer::start().await;
        let link = format!("{}/ops/1", elsewhere.uri());
        let answer = ResponseTemplate::new(201)
            .insert_header(header, link.as_str())
            .set_body_json(resource("Creating"));
        Mock::given(wiremock::matchers::any())
            .respond_with(answer)
            .mount(&server)
            .await;
        let client = client(&server.uri(), &Turned::new());
        let deployment = OnlineDeployment::managed("we", "m", "x");
        let poller = client
            .put_online_deployment("endpoint", "blue", &deployment)
            .await
            .unwrap();
        let error = poller.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{header}");
        assert_no_secret(&error);
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

/// What is read goes back whole, without what only the service writes.
#[tokio::test]
async fn ok_traffic_is_set_by_reading_and_putting_back() {
    let server = MockServer::start().await;
    let read = json!({
        "id": "/e", "name": "ep", "location": "we", "kind": "Managed", "systemData": {}, "identity": { "type": "SystemAssigned", "principalId": "p" },
        "properties": { "authMode": "Key", "traffic": { "blue": 100, "old": null }, "provisioningState": "Succeeded",
            "scoringUri": "https://x", "newer": { "a": [null] } },
    });
    let script = Script {
        rules: vec![
            ("GET", vec![reply(200, &[], Some(read.clone()))]),
            ("PUT", vec![reply(200, &[], Some(read))]),
        ],
        used: Arc::default(),
        base: server.uri(),
    };
    Mock::given(wiremock::matchers::any())
        .respond_with(script)
        .mount(&server)
        .await;
    let client = client(&server.uri(), &Turned::new());
    let poller = client
        .set_traffic("endpoint", [("Blue", 90), ("green", 10), ("grey", 0)])
        .await
        .unwrap();
    let endpoint: OnlineEndpoint = poller.await.unwrap();
    assert_eq!(endpoint.traffic_of("BLUE"), 100);
    let put = &server.received_requests().await.unwrap()[1];
    assert_eq!(
        put.body_json::<Value>().unwrap(),
        json!({ "location": "we", "kind": "Managed", "identity": { "type": "SystemAssigned" },
            "properties": { "authMode": "Key", "traffic": { "blue": 90, "green": 10 }, "newer": { "a": [null] } } })
    );
    for shares in [
        vec![("blue", 99)],
        vec![("blue", 50), ("BLUE", 50)],
        vec![("blue", 101)],
        vec![("b/../x", 100)],
    ] {
        let error = client.set_traffic("endpoint", shares.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{shares:?}");
    }
}
