//! Numbers of the real server as Prometheus reads them, and who may see them.

use std::collections::BTreeMap;
use std::time::Duration;

use github_dispatch::mock::{MockGitHub, Scripted};
use relay_core::clock::{Clock, TokioClock};
use relay_core::observe;
use relay_examples::events::{model_registered, run_completed};
use relay_examples::server::{SECRET, Server, TOKEN, configuration};
use reqwest::Method;

const REPOSITORY: &str = "contoso/deploy";
const ADMIN: &str = "the-secret-of-who-commands";

fn start(folder: &std::path::Path, api_root: &str, sections: &str) -> Server {
    let config = folder.join("relay.toml");
    let text = configuration(&folder.join("relay.db"), api_root, REPOSITORY, sections);
    std::fs::write(&config, text).unwrap();
    Server::start_with(&config, &[("ADMIN_SECRET", ADMIN)]).unwrap()
}

/// Each line of a sample: what stands before its value, and the value.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let samples = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (
            name,
            value.parse().unwrap_or_else(|error| panic!("{line}: {error}")),
        )
    });
    samples.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_what_happened_is_counted_under_the_names_of_the_table() {
    let github = MockGitHub::start(REPOSITORY).await;
    github.script([Scripted::Accept, Scripted::status(422), Scripted::Accept]);
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &github.uri(), "[metrics]\npublic = true\n");
    let events = ["a", "b", "c"].map(|model| model_registered(model, "1", 0));
    assert_eq!(server.post(&events).await.unwrap().0, 200);
    assert_eq!(server.post(&events).await.unwrap().0, 200);
    server.post(&[run_completed("job-1", 1)]).await.unwrap();
    server
        .post_bytes("/events?code=wrong", bytes::Bytes::from_static(b"[]"))
        .await
        .unwrap();
    for _ in 0..400 {
        if server.count("dispatched").await.unwrap() == 2 {
            break;
        }
        TokioClock.sleep(Duration::from_millis(25)).await;
    }
    let answer = server.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = answer.text().await.unwrap();
    let samples = samples(&text);
    let expected = [
        ("relay_deliveries_total{reply=\"accepted\"}", 3.0),
        ("relay_deliveries_total{reply=\"unauthorized\"}", 1.0),
        ("relay_events_total{fate=\"accepted\"}", 3.0),
        ("relay_events_total{fate=\"seen_again\"}", 3.0),
        ("relay_events_total{fate=\"unwanted\"}", 1.0),
        (
            "relay_attempts_total{principal=\"default\",outcome=\"accepted\"}",
            2.0,
        ),
        (
            "relay_attempts_total{principal=\"default\",outcome=\"give_up\"}",
            1.0,
        ),
        (
            "relay_items_settled_total{route=\"deploy\",verdict=\"dispatched\"}",
            2.0,
        ),
        (
            "relay_items_settled_total{route=\"deploy\",verdict=\"parked\"}",
            1.0,
        ),
        ("relay_items{standing=\"dispatched\"}", 2.0),
        ("relay_items{standing=\"parked\"}", 1.0),
        ("relay_parked_waiting", 1.0),
        ("relay_ready", 1.0),
        ("relay_attempt_seconds_count{principal=\"default\"}", 3.0),
        (
            "relay_attempt_seconds_bucket{principal=\"default\",le=\"+Inf\"}",
            3.0,
        ),
        ("relay_accept_seconds_count", 3.0),
    ];
    for (name, value) in expected {
        assert_eq!(samples.get(name), Some(&value), "{name}: {text}");
    }
    // Nothing is shown that the table does not name, each with its help; and no value of an event is a label.
    for name in samples.keys() {
        let name = name.split('{').next().unwrap();
        let known = |metric: &&observe::Metric| {
            let rest = name.strip_prefix(metric.name);
            rest.is_some_and(|rest| ["", "_bucket", "_sum", "_count"].contains(&rest))
        };
        let metric = observe::ALL.iter().find(known);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not in the table"));
        let help = format!("# HELP {} {}", metric.name, metric.help);
        assert!(text.contains(&help), "{help}: {text}");
    }
    for secret in [SECRET, TOKEN, "job-1", "ws-prod"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn err_numbers_are_for_whom_the_configuration_says() {
    let get = async |server: &Server, secret: &str| {
        let request = server.request(Method::GET, "/metrics").bearer_auth(secret);
        request.send().await.unwrap().status().as_u16()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path(), "http://127.0.0.1:9", "");
    assert_eq!(get(&server, ADMIN).await, 404, "nobody may");
    server.stop().unwrap();
    let mut server = start(
        folder.path(),
        "http://127.0.0.1:9",
        "[admin]\nsecret_env = \"ADMIN_SECRET\"\n",
    );
    assert_eq!(get(&server, "wrong").await, 401);
    assert_eq!(get(&server, SECRET).await, 401);
    assert_eq!(get(&server, ADMIN).await, 200);
    server.stop().unwrap();
    let public = "[metrics]\npublic = true\n[admin]\nsecret_env = \"ADMIN_SECRET\"\n";
    let server = start(folder.path(), "http://127.0.0.1:9", public);
    assert_eq!(get(&server, "wrong").await, 200);
}
