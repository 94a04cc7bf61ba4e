//! **Here**: what once lost or repeated releases of the real relay: two names of one journal, an id that a title joins.
//! **Not here**: deliveries and GitHub's answers (`server`, `table`), what strangers do (`connections`).
//! **Reads**: the program and the crates, against stand-ins.
//! **Source**: DESIGN sections 6 and 9; each was a fault once.

use std::path::Path;
use std::time::Duration;

use relay_examples::server::{Server, configuration, refusal};

const REPOSITORY: &str = "contoso/deploy";

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
    assert!(error.contains("b.db") && error.contains("2 names"), "{error}");
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
        GithubDispatcher::new("default", &client),
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
