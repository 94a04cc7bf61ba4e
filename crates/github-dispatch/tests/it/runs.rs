//! How runs are listed, and how the run of a dispatch is recognised among others.

use github_dispatch::request::RunQuery;
use github_dispatch::runs::{RunConclusion, RunStatus};
use github_dispatch::{Advice, BlockScope, Client, ErrorKind};
use serde_json::{Value, json};
use wiremock::matchers::{any, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{Does, RawServer, TOKEN, after, assert_shows_no_secret, client, hasty, look, repo};

/// What every run here waits for.
const ID: &str = "9c1f8e2a";

fn run(id: u64, title: &str) -> Value {
    json!({ "id": id, "display_title": title, "event": "repository_dispatch", "status": "queued", "conclusion": null })
}

/// Runs of others.
fn others(ids: std::ops::Range<u64>) -> Vec<Value> {
    ids.map(|id| run(id, &format!("deploy other-{id} [x{ID}]")))
        .collect()
}

/// Shows this page of runs, so many times.
async fn page(server: &MockServer, page: u32, runs: Vec<Value>, n: u64) {
    answer(
        server,
        page,
        ResponseTemplate::new(200).set_body_json(json!({ "total_count": 4_321, "workflow_runs": runs })),
        n,
    )
    .await;
}

async fn answer(server: &MockServer, page: u32, answer: ResponseTemplate, n: u64) {
    Mock::given(method("GET"))
        .and(path("/repos/contoso/deploy/actions/runs"))
        .and(query_param("event", "repository_dispatch"))
        .and(query_param("created", ">=2026-11-22T10:00:00Z"))
        .and(query_param("per_page", "100"))
        .and(query_param("page", page.to_string()))
        .respond_with(answer)
        .expect(n)
        .named(format!("page {page}"))
        .mount(server)
        .await;
}

async fn probe(server: &MockServer) -> Result<Vec<u64>, github_dispatch::Error> {
    let since = after(0) + std::time::Duration::from_millis(999);
    look(&client(&server.uri()), &repo(), ID, since).await
}

#[tokio::test]
async fn ok_the_request_of_a_page() {
    let server = MockServer::start().await;
    page(&server, 1, Vec::new(), 1).await;
    assert_eq!(probe(&server).await.unwrap(), Vec::<u64>::new());
    let requests = server.received_requests().await.unwrap();
    assert_eq!(
        requests[0].url.query(),
        Some("event=repository_dispatch&created=%3E%3D2026-11-22T10%3A00%3A00Z&per_page=100&page=1")
    );
    let mut headers: Vec<String> = requests[0]
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .filter(|line| !line.starts_with("host: "))
        .collect();
    headers.sort();
    assert_eq!(
        headers,
        [
            "accept: application/vnd.github+json".to_owned(),
            format!("authorization: Bearer {TOKEN}"),
            concat!("user-agent: github-dispatch/", env!("CARGO_PKG_VERSION")).to_owned(),
            "x-github-api-version: 2022-11-28".to_owned(),
        ]
    );
    assert!(requests[0].body.is_empty());
}

#[tokio::test]
async fn ok_an_id_on_the_second_page() {
    let server = MockServer::start().await;
    page(&server, 1, others(0..100), 1).await;
    // Pages moved while they were read: the second begins with what the first ended with.
    let mut second = others(99..140);
    second.push(run(30_000_000_007, &format!("deploy m [{ID}]")));
    page(&server, 2, second, 1).await;
    assert_eq!(probe(&server).await.unwrap(), [30_000_000_007]);
}

#[tokio::test]
async fn ok_a_run_that_is_listed_twice_counts_once() {
    let server = MockServer::start().await;
    let (one, another) = (
        run(7, &format!("deploy m [{ID}]")),
        run(8, &format!("{ID}: deploy m")),
    );
    page(&server, 1, vec![one.clone(), another, one], 1).await;
    assert_eq!(probe(&server).await.unwrap(), [7, 8]);
}

#[tokio::test]
async fn ok_only_an_id_between_delimiters_is_seen() {
    let check = async |title: Value, expect: bool| {
        let server = MockServer::start().await;
        let mut run = run(7, "");
        run["display_title"] = title.clone();
        page(&server, 1, vec![run], 1).await;
        let probe = probe(&server).await.unwrap();
        assert_eq!(!probe.is_empty(), expect, "{title}");
    };
    for title in [
        "[9c1f8e2a]",
        "9c1f8e2a",
        "deploy m (9c1f8e2a)",
        "x9c1f8e2a then 9c1f8e2a.",
        "é 9c1f8e2a é",
        "m:9c1f8e2a/3",
        // A `run-name` that a check takes for one that shows the id may look like these.
        "9c1f8e2a-2",
        "retry_9c1f8e2a",
        "é9c1f8e2aé",
    ] {
        check(json!(title), true).await;
    }
    for title in [
        "x9c1f8e2a",
        "X9c1f8e2a",
        "9c1f8e2ab",
        "9C1F8E2A",
        "9c1f8e2",
        "",
        " ",
    ] {
        check(json!(title), false).await;
    }
    check(Value::Null, false).await;
}

#[tokio::test]
async fn ok_not_seen_is_complete_only_when_the_list_ended() {
    let check = async |sizes: &[u64], complete: bool| {
        let server = MockServer::start().await;
        for (index, size) in (0_u32..).zip(sizes) {
            let first = u64::from(index) * 100;
            page(&server, index + 1, others(first..first + size), 1).await;
        }
        // No other page is asked for: wiremock would answer 404.
        match probe(&server).await {
            Ok(runs) => assert!(complete && runs.is_empty(), "{sizes:?}"),
            Err(error) => {
                assert!(!complete, "{sizes:?}");
                assert_eq!((error.kind(), error.advice()), (ErrorKind::Late, Advice::Unknown));
            }
        }
    };
    check(&[0], true).await;
    check(&[99], true).await;
    check(&[100, 0], true).await;
    check(&[100, 100, 1], true).await;
    check(&[100, 100, 100, 100, 100, 100, 100, 100, 100, 99], true).await;
    // GitHub shows 1,000 runs of a search: there may be more.
    check(&[100; 10], false).await;
}

#[tokio::test]
async fn err_a_page_that_cannot_be_had_is_no_not_seen() {
    let check = async |template: ResponseTemplate, kind: ErrorKind, advice: Advice| {
        for failing in [1, 2] {
            let server = MockServer::start().await;
            if failing == 2 {
                page(&server, 1, others(0..100), 1).await;
            }
            answer(&server, failing, template.clone(), 1).await;
            let error = probe(&server).await.unwrap_err();
            assert_eq!((error.kind(), error.advice()), (kind, advice), "{error}");
            assert_shows_no_secret(&error);
        }
    };
    let status = ResponseTemplate::new;
    let target = Advice::Block(BlockScope::Target);
    check(status(500), ErrorKind::Status, Advice::Unknown).await;
    check(status(401), ErrorKind::Auth, Advice::Block(BlockScope::Principal)).await;
    check(status(403), ErrorKind::Auth, target).await;
    check(status(404), ErrorKind::NotFound, target).await;
    check(
        status(429),
        ErrorKind::Throttled,
        Advice::Throttled { until: after(60) },
    )
    .await;
    check(status(301), ErrorKind::Redirected, target).await;
    for body in [
        "",
        "[]",
        "{}",
        "<html>",
        r#"{"workflow_runs": null}"#,
        r#"{"workflow_runs": [{"id": "7"}]}"#,
    ] {
        check(
            status(200).set_body_string(body),
            ErrorKind::Decode,
            Advice::GiveUp,
        )
        .await;
    }
    let long = status(200).set_body_bytes(vec![b' '; 9 * 1024 * 1024]);
    check(long, ErrorKind::Decode, Advice::GiveUp).await;
}

#[tokio::test]
async fn err_a_list_that_breaks_off_or_never_comes_is_no_not_seen() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"workflow_runs\": []}".to_vec();
    for does in [
        Does::ReadAndClose,
        Does::Silence,
        Does::Write(head.clone()),
        Does::WriteAndHold(head),
    ] {
        let server = RawServer::start(does.clone()).await;
        let error = look(&hasty(&server.uri()), &repo(), ID, after(0))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SentNoAnswer, "{does:?}");
        assert_shows_no_secret(&error);
    }
}

#[tokio::test]
async fn ok_a_list_without_filters_and_what_may_be_null() {
    let server = MockServer::start().await;
    let nulls = json!({
        "id": u64::MAX, "name": null, "display_title": null, "event": null, "path": null, "status": null, "conclusion": null,
        "run_attempt": null, "html_url": null, "created_at": null, "head_branch": null, "head_commit": null,
        "pull_requests": null, "previous_attempt_url": null
    });
    let full = json!({
        "id": 30_000_000_001_u64, "display_title": "t", "event": "repository_dispatch", "path": ".github/workflows/deploy.yml",
        "status": "completed", "conclusion": "startup_failure", "run_attempt": 2, "html_url": "https://github.example/r",
        "created_at": "2026-11-22T10:00:00Z", "actor": { "login": "x" }
    });
    let odd = json!({ "id": 1, "status": "teleporting", "conclusion": "exploded" });
    let body = json!({ "total_count": 3, "workflow_runs": [nulls, full, odd] });
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .expect(1)
        .mount(&server)
        .await;
    let listed = client(&server.uri())
        .list_runs(&repo(), &RunQuery::default(), 3)
        .await
        .unwrap();
    let request = server.received_requests().await.unwrap().remove(0);
    assert_eq!(request.url.query(), Some("per_page=100&page=3"));

    assert_eq!(listed.total_count, 3);
    let [nulls, full, odd] = listed.workflow_runs.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!(
        (nulls.id, &nulls.display_title, &nulls.status, &nulls.conclusion),
        (u64::MAX, &None, &None, &None)
    );
    assert_eq!(
        (nulls.run_attempt, &nulls.html_url, &nulls.created_at),
        (None, &None, &None)
    );
    assert_eq!(full.status, Some(RunStatus::Completed));
    assert_eq!(full.conclusion, Some(RunConclusion::StartupFailure));
    assert_eq!(
        (full.run_attempt, full.created_at.as_deref()),
        (Some(2), Some("2026-11-22T10:00:00Z"))
    );
    assert_eq!(odd.status, Some(RunStatus::Other("teleporting".to_owned())));
    assert_eq!(odd.conclusion, Some(RunConclusion::Other("exploded".to_owned())));
}

#[tokio::test]
async fn ok_one_run_by_its_id() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/repos/contoso/deploy/actions/runs/30000000001"))
        .respond_with(ResponseTemplate::new(200).set_body_json(run(30_000_000_001, "t")))
        .expect(1)
        .mount(&server)
        .await;
    let client: Client = client(&server.uri());
    let run = client.run(&repo(), 30_000_000_001).await.unwrap();
    assert_eq!((run.id, run.status), (30_000_000_001, Some(RunStatus::Queued)));
    assert_eq!(
        client.run(&repo(), 5).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}
