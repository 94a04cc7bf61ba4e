//! The relay as an Azure Function: deliveries as the Functions host forwards them, what it answers with and without a journal.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use github_dispatch::mock::{MockGitHub, Scripted};
use relay_core::clock::{Clock, TokioClock};
use relay_examples::events::{model_registered, subscription_validation};
use relay_examples::server::{SECRET, Server, TOKEN, configuration, example};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const REPOSITORY: &str = "contoso/deploy";

/// The program as the Functions host starts it; with a configuration without a journal, unless one is wanted.
fn start(folder: &Path, api_root: &str, with_journal: bool, route: &str) -> Result<Server, String> {
    let mut text = configuration(&folder.join("relay.db"), api_root, REPOSITORY, route);
    if !with_journal {
        let (before, rest) = text.split_once("[journal]").unwrap();
        let after = rest.split_once("[github]").unwrap().1;
        text = format!("{before}[github]{after}");
    }
    std::fs::write(folder.join("relay.toml"), text).unwrap();
    let mut command = Command::new(example("host_function").unwrap());
    command.env_clear().current_dir(folder);
    command
        .env("RELAY_SECRET", SECRET)
        .env("RELAY_TEST_TOKEN", TOKEN)
        // The host picks a free one; here the system does.
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", "0");
    Server::spawn(command).map_err(|error| error.to_string())
}

/// A delivery with what the Functions host and Event Grid put on it.
async fn deliver(server: &Server, events: &[Value], count: u32) -> Response {
    let request = server.request(Method::POST, &format!("/api/events?code={SECRET}"));
    request
        .header("content-type", "application/json; charset=utf-8")
        .header("aeg-event-type", "Notification")
        .header("aeg-subscription-name", "RELAY")
        .header("aeg-delivery-count", count.to_string())
        .header("x-forwarded-for", "20.37.1.1:443")
        .header("x-original-url", "/api/events?code=...")
        .header(
            "x-azure-functions-invocationid",
            "0a3c1f1e-0000-4000-8000-000000000000",
        )
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        .body(Value::from(events).to_string())
        .send()
        .await
        .unwrap()
}

async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (
        status,
        serde_json::from_str(&answer.text().await.unwrap()).unwrap(),
    )
}

/// What the Functions host posts when the timer of `due` fires.
async fn timer(server: &Server) -> (u16, Value) {
    let fired = json!({ "Data": { "timer": { "IsPastDue": false } }, "Metadata": { "sys": { "MethodName": "due" } } });
    let request = server.request(Method::POST, "/due").body(fired.to_string());
    read(request.send().await.unwrap()).await
}

async fn handshakes(server: &Server) {
    let origin = ("webhook-request-origin", "eventgrid.azure.net");
    let asked = server.request(Method::OPTIONS, &format!("/api/events?code={SECRET}"));
    let answer = asked.header(origin.0, origin.1).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["webhook-allowed-origin"], origin.1);
    let (status, body) = read(deliver(server, &[subscription_validation("CODE-1")], 0).await).await;
    assert_eq!((status, body), (200, json!({ "validationResponse": "CODE-1" })));
    let asked = server.request(Method::POST, "/api/events?code=wrong").body("[]");
    assert_eq!(asked.send().await.unwrap().status().as_u16(), 401);
    assert_eq!(server.get("/api/events").await.unwrap().0, 405);
    assert_eq!(server.get("/events").await.unwrap().0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_without_a_journal_each_delivery_is_answered_after_github_has_answered() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path(), &github.uri(), false, "").unwrap();
    handshakes(&server).await;

    let event = model_registered("credit-risk", "7", 0);
    let (status, body) = read(deliver(&server, std::slice::from_ref(&event), 0).await).await;
    assert_eq!((status, &body["outcome"]), (200, &json!("sent")), "{body}");
    assert_eq!(body["relay_id"], json!(github.received()[0].relay_id));
    let (status, body) = read(deliver(&server, std::slice::from_ref(&event), 0).await).await;
    assert_eq!((status, &body["outcome"]), (200, &json!("sent_before")), "{body}");

    // What Event Grid has to deliver again, and when; then it goes through.
    let slow = Scripted::Refuse {
        status: 429,
        headers: vec![("retry-after".to_owned(), "7".to_owned())],
        message: "slow down".to_owned(),
    };
    github.script([slow, Scripted::status(422), Scripted::Accept]);
    let next = model_registered("credit-risk", "8", 1);
    let answer = deliver(&server, std::slice::from_ref(&next), 0).await;
    assert_eq!(answer.status().as_u16(), 503);
    let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=8).contains(&wait), "{wait}");
    let refused = deliver(&server, &[model_registered("never", "1", 1)], 0).await;
    assert_eq!(refused.status().as_u16(), 400, "Event Grid dead-letters it");
    let (status, body) = read(deliver(&server, std::slice::from_ref(&next), 1).await).await;
    assert_eq!((status, &body["outcome"]), (200, &json!("sent")), "{body}");
    let two = [model_registered("a", "1", 2), model_registered("b", "1", 2)];
    let answer = deliver(&server, &two, 0).await;
    assert_eq!(answer.status().as_u16(), 503, "one event per batch has to be set");
    assert!(answer.headers().contains_key("retry-after"));
    let effects = github.received().iter().filter(|one| one.effect).count();
    assert_eq!(effects, 2, "two releases, two dispatches");
    let (status, body) = timer(&server).await;
    assert_eq!(
        (status, &body["Outputs"], &body["ReturnValue"]),
        (200, &json!({}), &Value::Null)
    );

    // A new process remembers nothing: what Event Grid repeats is looked for at GitHub before it is sent.
    assert!(server.stop().unwrap().success(), "{}", server.logged());
    let server = start(folder.path(), &github.uri(), false, "").unwrap();
    let (status, body) = read(deliver(&server, &[event], 1).await).await;
    assert_eq!((status, &body["outcome"]), (200, &json!("sent_before")), "{body}");
    assert_eq!(github.received().iter().filter(|one| one.effect).count(), 2);
    assert!(!server.logged().contains(SECRET) && !server.logged().contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_what_is_in_flight_is_finished_when_the_host_stops_the_program() {
    let github = MockGitHub::start(REPOSITORY).await;
    github.script([Scripted::Hang {
        wait: Duration::from_millis(700),
        effect: true,
    }]);
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path(), &github.uri(), false, "").unwrap();
    let asked = server.request(Method::POST, &format!("/api/events?code={SECRET}"));
    let asked = asked.body(json!([model_registered("a", "1", 0)]).to_string());
    let answer = tokio::spawn(asked.send());
    while github.received().is_empty() {
        TokioClock.sleep(Duration::from_millis(5)).await;
    }
    let ended = tokio::task::spawn_blocking(move || (server.stop().unwrap(), server.logged()));
    let (status, body) = read(answer.await.unwrap().unwrap()).await;
    assert_eq!((status, &body["outcome"]), (200, &json!("sent")), "{body}");
    let (status, logged) = ended.await.unwrap();
    assert!(status.success() && logged.contains("SIGTERM"), "{logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_with_a_journal_the_answer_does_not_wait_for_github_and_what_was_accepted_survives() {
    let github = MockGitHub::start(REPOSITORY).await;
    github.always(Scripted::Refuse {
        status: 403,
        headers: vec![("retry-after".to_owned(), "2".to_owned())],
        message: "You have exceeded a secondary rate limit.".to_owned(),
    });
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path(), &github.uri(), true, "").unwrap();
    handshakes(&server).await;
    let two = [model_registered("a", "1", 0), model_registered("b", "1", 0)];
    let (status, body) = read(deliver(&server, &two, 0).await).await;
    assert_eq!((status, &body["accepted"]), (200, &json!(2)), "{body}");
    while github.received().is_empty() {
        TokioClock.sleep(Duration::from_millis(5)).await;
    }
    let (status, body) = timer(&server).await;
    assert_eq!((status, &body["Logs"][0]), (200, &json!("2 waiting")), "{body}");
    server.kill().unwrap();

    github.always(Scripted::Accept);
    let mut server = start(folder.path(), &github.uri(), true, "").unwrap();
    for _ in 0..400 {
        if timer(&server).await.1["Logs"][0] == json!("2 dispatched") {
            break;
        }
        TokioClock.sleep(Duration::from_millis(25)).await;
    }
    let (_, body) = timer(&server).await;
    assert_eq!(body["Logs"][0], json!("2 dispatched"));
    let (status, body) = read(deliver(&server, &two, 1).await).await;
    assert_eq!((status, &body["seen_again"]), (200, &json!(2)), "{body}");
    assert_eq!(github.received().iter().filter(|one| one.effect).count(), 2);
    assert!(server.stop().unwrap().success());
}

#[test]
fn err_without_its_port_or_with_a_wrong_one_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let text = configuration(
        &folder.path().join("relay.db"),
        "http://127.0.0.1:9",
        REPOSITORY,
        "",
    );
    std::fs::write(folder.path().join("relay.toml"), text).unwrap();
    for (port, expect) in [
        (None, "is not set: the Functions host starts"),
        (Some("http"), "the number of a port"),
    ] {
        let mut command = Command::new(example("host_function").unwrap());
        command.env_clear().current_dir(folder.path());
        command.env("RELAY_SECRET", SECRET).env("RELAY_TEST_TOKEN", TOKEN);
        if let Some(port) = port {
            command.env("FUNCTIONS_CUSTOMHANDLER_PORT", port);
        }
        let said = Server::spawn(command).unwrap_err().to_string();
        assert!(said.contains(expect), "{said}");
    }
}

/// The files that lie beside the program name what it answers to.
#[test]
fn ok_the_functions_are_those_that_the_program_serves() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("host_function");
    let read = |path: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(folder.join(path)).unwrap()).unwrap()
    };
    let host = read("host.json");
    assert_eq!(host["customHandler"]["enableForwardingHttpRequest"], json!(true));
    assert_eq!(
        host["customHandler"]["description"]["defaultExecutablePath"],
        "host_function"
    );
    let events = &read("events/function.json")["bindings"][0];
    let prefix = host["extensions"]["http"]["routePrefix"].as_str().unwrap();
    assert_eq!(
        format!("/{prefix}/{}", events["route"].as_str().unwrap()),
        "/api/events"
    );
    assert_eq!(
        (&events["authLevel"], &events["methods"]),
        (&json!("anonymous"), &json!(["post", "options"]))
    );
    assert_eq!(read("due/function.json")["bindings"][0]["type"], "timerTrigger");
}
