//! **Here**: what mistakes of an operator and strangers cannot do to the real program.
//! **Not here**: deliveries and GitHub's answers (`server`, `table`).
//! **Reads**: the program, by its configuration, its texts, its sockets and its memory.
//! **Source**: DESIGN sections 4, 6, 8 and 9; each was a fault once.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use github_dispatch::mock::MockGitHub;
use relay_examples::server::{Server, configuration, program, refusal};

const REPOSITORY: &str = "contoso/deploy";

fn write(folder: &Path, change: impl FnOnce(String) -> String) -> std::path::PathBuf {
    let path = folder.join("relay.toml");
    let text = configuration(&folder.join("relay.db"), "http://127.0.0.1:9", REPOSITORY, "");
    std::fs::write(&path, change(text)).unwrap();
    path
}

/// Invariant 6. The most usual mistake: the token itself, under the key that one would expect.
#[test]
fn err_no_wrong_key_shows_the_secret_beside_it() {
    for (from, to) in [
        (
            "token_env = \"RELAY_TEST_TOKEN\"",
            "token = \"ghp_RealTokenByMistake\"",
        ),
        (
            "secret_env = [\"RELAY_SECRET\"]",
            "secret_env = \"ghp_RealTokenByMistake\"",
        ),
        (
            "secret_env = [\"RELAY_SECRET\"]",
            "secret_env = [\"ghp_RealTokenByMistake\"]",
        ),
        (
            "token_env = \"RELAY_TEST_TOKEN\"",
            "token_env = \"ghp_RealTokenByMistake\"",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let config = write(folder.path(), |text| text.replace(from, to));
        let said = refusal(&config).unwrap();
        assert!(!said.contains("ghp_RealTokenByMistake"), "{to}: {said}");
    }
}

fn check_with(config: &Path, secret: &str, token: &str) -> (bool, String) {
    let mut command = Command::new(program().unwrap());
    command.arg("--config").arg(config).arg("--check").env_clear();
    let output = command
        .env("RELAY_SECRET", secret)
        .env("RELAY_TEST_TOKEN", token)
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// A secret from a file with a line end: each delivery with the secret would be answered 401, which is final.
#[test]
fn err_a_secret_with_a_line_end_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), |text| text);
    let (good, said) = check_with(&config, "a-shared-secret\n", "t");
    assert!(
        !good && said.contains("webhook.secret_env, the environment variable RELAY_SECRET"),
        "{said}"
    );
    assert!(!said.contains("a-shared-secret"), "{said}");
}

#[test]
fn err_a_wrong_token_is_named_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), |text| text);
    let (good, said) = check_with(&config, "s", "t\n");
    assert!(!good && said.contains("github.token_env"), "{said}");
}

/// Every delivery would be answered 413, which Event Grid never repeats.
#[test]
fn err_a_body_limit_that_loses_events_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), |text| {
        text.replace("[webhook]", "[webhook]\nmax_body_bytes = 0")
    });
    let (good, said) = check_with(&config, "s", "t");
    assert!(!good && said.contains("max_body_bytes"), "{said}");
}

/// Whoever has no secret is answered before the body is read.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn ok_bodies_without_a_secret_are_not_held() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), |text| {
        text.replace("http://127.0.0.1:9", &github.uri())
    });
    let server = Server::start(&config).unwrap();
    let authority = server.address().trim_start_matches("http://").to_owned();
    let lock = std::fs::read_to_string(folder.path().join("relay.db.lock")).unwrap();
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", lock.trim())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = memory();
    let chunk = vec![b' '; 63 * 65_536];
    let mut held = Vec::new();
    for _ in 0..50 {
        let mut stream = std::net::TcpStream::connect(&authority).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let _ = stream.write_all(b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 4194304\r\n\r\n");
        let _ = stream.write_all(&chunk);
        let mut answer = [0; 64];
        let _ = stream.read(&mut answer);
        held.push(stream);
    }
    let after = memory();
    assert!(
        after < before + 50_000,
        "{before} kB before, {after} kB with 50 connections that have no secret"
    );
}

/// A head that never ends is not waited for, and those who wait in line are served after it.
#[tokio::test(flavor = "multi_thread")]
async fn ok_half_a_head_holds_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), |text| {
        format!("{text}\n[server]\nmax_connections = 4\nheader_timeout_s = 1\n")
    });
    let server = Server::start(&config).unwrap();
    let authority = server.address().trim_start_matches("http://").to_owned();
    let mut held: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(&authority).unwrap();
            stream
                .write_all(b"POST /events HTTP/1.1\r\nHost: x\r\nX-")
                .unwrap();
            stream
        })
        .collect();
    let (status, _) = server.get("/healthz").await.unwrap();
    assert_eq!(status, 200, "a fifth is served once the others are closed");
    for stream in &mut held {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut answer = Vec::new();
        let closed = stream.read_to_end(&mut answer);
        assert!(closed.is_ok(), "{closed:?}");
    }
}

/// One file under two names, as when two containers mount the file itself: both would own it, and what one of them accepted would be lost.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ok_two_servers_do_not_own_one_journal_under_two_names() {
    use relay_examples::events::model_registered;
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.db"), folder.path().join("b.db"));
    let config = |path: &Path| {
        let file = path.with_extension("toml");
        std::fs::write(&file, configuration(path, "http://127.0.0.1:9", REPOSITORY, "")).unwrap();
        file
    };
    let mut one = Server::start(&config(&a)).unwrap();
    std::fs::hard_link(&a, &b).unwrap();
    let error = refusal(&config(&b)).unwrap();
    assert!(error.contains("2 names (hard links)"), "{error}");
    let (status, _) = one.post(&[model_registered("m", "1", 0)]).await.unwrap();
    assert_eq!(status, 200, "the first goes on");
    one.stop().unwrap();
    let kept: i64 = rusqlite::Connection::open(&a)
        .unwrap()
        .query_row("SELECT count(*) FROM items", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 1);
}

/// The whole way: `run-name: deploy-${{ … relay.id }}` shows no id that could be recognised. A
/// release of which only the answer got lost must not be started again for that.
#[tokio::test(flavor = "multi_thread")]
async fn ok_an_id_that_run_name_joins_starts_no_release_twice() {
    use std::sync::{Arc, Mutex};

    use axum::routing::{get, post};
    use github_dispatch::{Client, StaticToken};
    use http::StatusCode;
    use relay_core::RelayBuilder;
    use relay_core::adapters::github::GithubDispatcher;
    use relay_core::clock::{Clock, TokioClock};
    use relay_core::journal::MemoryJournal;
    use relay_core::rules::{RouteConfig, RuleSet};
    use relay_core::webhook::SharedSecrets;
    use relay_examples::events::{delivery, model_registered};
    use serde_json::{Value, json};

    let started: Arc<Mutex<Vec<String>>> = Arc::default();
    let (to, from) = (Arc::clone(&started), Arc::clone(&started));
    let dispatches = move |body: bytes::Bytes| {
        let body: Value = serde_json::from_slice(&body).unwrap();
        let mut started = to.lock().unwrap();
        started.push(body["client_payload"]["relay"]["id"].as_str().unwrap().to_owned());
        let first = started.len() == 1;
        // Accepted both times; the first answer is a 502 all the same.
        async move {
            if first {
                StatusCode::BAD_GATEWAY
            } else {
                StatusCode::NO_CONTENT
            }
        }
    };
    let runs = move || {
        let runs: Vec<Value> = from.lock().unwrap().iter().enumerate()
            .map(|(n, id)| json!({"id": n + 1, "event": "repository_dispatch", "display_title": format!("deploy-{id}")}))
            .collect();
        async move { json!({"total_count": runs.len(), "workflow_runs": runs}).to_string() }
    };
    let workflow = "name: deploy\nrun-name: deploy-${{ github.event.client_payload.relay.id }}\non:\n  repository_dispatch:\njobs: {}\n";
    let github = axum::Router::new()
        .route(
            "/repos/contoso/deploy",
            get(async || r#"{"full_name": "contoso/deploy"}"#),
        )
        .route(
            "/repos/contoso/deploy/contents/.github/workflows",
            get(async || r#"[{"name": "deploy.yml"}]"#),
        )
        .route(
            "/repos/contoso/deploy/contents/.github/workflows/deploy.yml",
            get(async move || workflow),
        )
        .route("/repos/contoso/deploy/dispatches", post(dispatches))
        .route("/repos/contoso/deploy/actions/runs", get(runs));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, github).await });

    let client = Client::builder(StaticToken::new("t", "default").unwrap())
        .api_root(root)
        .build()
        .unwrap();
    let mut route = RouteConfig::new("deploy", REPOSITORY);
    route.probe_window_s = 1;
    let relay = RelayBuilder::new(
        MemoryJournal::new(),
        GithubDispatcher::new("default", client),
        RuleSet::load([route]).unwrap(),
    )
    .with_secrets(SharedSecrets::new(["s"]).unwrap())
    .build()
    .unwrap();
    relay
        .accept(delivery(&[model_registered("m", "7", 0)], "s").unwrap())
        .await;
    // Before it was mended, the second run came within the second look.
    let end = TokioClock.now().after(Duration::from_secs(12));
    while let Some(due) = relay.run_due().await.unwrap().next_due
        && TokioClock.now() < end
    {
        TokioClock
            .sleep(
                due.min(end)
                    .since(TokioClock.now())
                    .max(Duration::from_millis(10)),
            )
            .await;
    }
    let started = started.lock().unwrap().clone();
    assert_eq!(started.len(), 1, "one release, and these runs: {started:?}");
}
