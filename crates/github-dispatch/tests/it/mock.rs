//! The mock refuses what GitHub refuses, loses what it is told to lose, and keeps the effect apart from the answer.

use std::time::{Duration, UNIX_EPOCH};

use github_dispatch::mock::{MockGitHub, RunsShow, Scripted};
use github_dispatch::{Advice, BlockScope, DispatchEventType, ErrorKind, RepoFullName, RepositoryDispatch};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{TOKEN, after, client, dispatch, hasty, look, repo};

const PATH: &str = "/repos/contoso/deploy/dispatches";

async fn github() -> MockGitHub {
    MockGitHub::start("contoso/deploy").await
}

/// A request that our client would not make: status and body, or none when the connection is closed without an answer.
async fn raw(
    github: &MockGitHub,
    method_and_path: &str,
    headers: &[&str],
    body: &str,
) -> Option<(u16, Value)> {
    let uri = github.uri();
    let authority = uri.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).await.unwrap();
    let mut request = format!(
        "{method_and_path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for header in headers {
        request.extend([header, "\r\n"]);
    }
    request.extend(["\r\n", body]);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(body).unwrap()
    };
    Some((status, body))
}

/// A dispatch with all headers, and this body: status and `message`.
async fn post(github: &MockGitHub, body: &str) -> (u16, String) {
    let path = format!("POST {PATH}");
    let (status, body) = raw(github, &path, &["authorization: Bearer x", "user-agent: x"], body)
        .await
        .unwrap();
    (status, body["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn err_who_may_not_is_refused() {
    let github = github().await;
    let body = r#"{"event_type":"x"}"#;
    let check = async |method_and_path: &str, headers: &[&str], status: u16, message: Option<&str>| {
        let (found, answer) = raw(&github, method_and_path, headers, body).await.unwrap();
        assert_eq!(
            (found, answer["message"].as_str()),
            (status, message),
            "{method_and_path} {headers:?}"
        );
    };
    let (at, agent) = (format!("POST {PATH}"), "user-agent: x");
    let at = at.as_str();
    check(at, &[agent], 401, Some("Requires authentication")).await;
    check(
        at,
        &[agent, "authorization: Basic eDp5"],
        401,
        Some("Requires authentication"),
    )
    .await;
    check(
        at,
        &["authorization: Bearer x"],
        403,
        Some("Request forbidden by administrative rules."),
    )
    .await;
    check(
        "POST /repos/contoso/other/dispatches",
        &[agent, "authorization: Bearer x"],
        404,
        Some("Not Found"),
    )
    .await;
    // A slash at the end, another method, another endpoint.
    check(
        &format!("{at}/"),
        &[agent, "authorization: Bearer x"],
        404,
        Some("Not Found"),
    )
    .await;
    check(
        &format!("GET {PATH}"),
        &[agent, "authorization: Bearer x"],
        404,
        Some("Not Found"),
    )
    .await;
    check(
        "POST /repos/contoso/deploy",
        &[agent, "authorization: Bearer x"],
        404,
        Some("Not Found"),
    )
    .await;
    check(
        "GET /user",
        &[agent, "authorization: Bearer x"],
        404,
        Some("Not Found"),
    )
    .await;
    check(
        "GET /repos/contoso/deploy/actions/runs/5",
        &[agent, "authorization: Bearer x"],
        404,
        Some("Not Found"),
    )
    .await;
    assert_eq!(github.received(), []);

    check(at, &[agent, "authorization: Bearer x"], 204, None).await;
    check(at, &[agent, "authorization: token x"], 204, None).await;
    github.require_token("y");
    check(
        at,
        &[agent, "authorization: Bearer x"],
        401,
        Some("Bad credentials"),
    )
    .await;
    check(at, &[agent, "authorization: Bearer y"], 204, None).await;
    github.remove_repository("Contoso/DEPLOY");
    check(at, &[agent, "authorization: Bearer y"], 404, Some("Not Found")).await;
    assert_eq!((github.received().len(), github.n_requests()), (3, 14));
}

#[tokio::test]
async fn err_bodies_that_github_refuses() {
    let github = github().await;
    let with = |payload: Value| json!({ "event_type": "x", "client_payload": payload }).to_string();
    let keys = |n: usize| -> Map<String, Value> { (0..n).map(|n| (format!("k{n}"), json!(n))).collect() };
    // {"k":"…"} takes 8 bytes around the text.
    let sized = |n: usize| with(json!({ "k": "x".repeat(n - 8) }));
    let typed = |event_type: Value| json!({ "event_type": event_type }).to_string();
    let length = "Invalid request.\n\n\"event_type\" has to be 1 to 100 characters long.";
    let object = "Invalid request.\n\nFor 'properties/client_payload', it is not an object.";
    for (body, status, message) in [
        (String::new(), 400, "Problems parsing JSON"),
        ("{".to_owned(), 400, "Problems parsing JSON"),
        ("{} {}".to_owned(), 400, "Problems parsing JSON"),
        ("[]".to_owned(), 400, "Body should be a JSON object"),
        ("null".to_owned(), 400, "Body should be a JSON object"),
        ("{}".to_owned(), 422, length),
        (typed(json!("")), 422, length),
        (typed(json!(7)), 422, length),
        (typed(json!("é".repeat(101))), 422, length),
        (typed(json!("é".repeat(100))), 204, ""),
        (with(json!([])), 422, object),
        (with(Value::Null), 422, object),
        (with(json!("x")), 422, object),
        (with(json!({})), 204, ""),
        (with(Value::Object(keys(10))), 204, ""),
        (
            with(Value::Object(keys(11))),
            422,
            "No more than 10 properties are allowed; 11 were supplied.",
        ),
        (
            with(Value::Object(keys(13))),
            422,
            "No more than 10 properties are allowed; 13 were supplied.",
        ),
        (sized(65_535), 204, ""),
        (sized(65_536), 422, "client_payload is too large."),
    ] {
        let shown: String = body.chars().take(80).collect();
        assert_eq!(
            post(&github, &body).await,
            (status, message.to_owned()),
            "{shown}"
        );
    }
    // What was refused had no effect, and uses up no script.
    assert_eq!(github.received().iter().filter(|one| one.effect).count(), 4);
    github.script([Scripted::status(500)]);
    assert_eq!(post(&github, "{").await.0, 400);
    assert_eq!(github.unused_script().len(), 1);
    assert_eq!(
        post(&github, &typed(json!("x"))).await,
        (500, "scripted".to_owned())
    );
}

/// What the crate lets through at its limits, the mock, which has GitHub's, takes.
#[tokio::test]
async fn ok_what_the_crate_proves_is_taken() {
    let github = github().await;
    let payload: Map<String, Value> = (0..10)
        .map(|n| (format!("k{n}"), json!("é".repeat(990))))
        .collect();
    let event_type = DispatchEventType::parse(&"é".repeat(100)).unwrap();
    let dispatch = RepositoryDispatch::new(event_type, payload.clone()).unwrap();
    client(&github.uri()).dispatch(&repo(), &dispatch).await.unwrap();
    let received = github.received();
    assert_eq!(
        (received.len(), received[0].effect, &received[0].client_payload),
        (1, true, &payload)
    );
    assert_eq!(
        (
            received[0].repository.as_str(),
            received[0].event_type.chars().count()
        ),
        ("contoso/deploy", 100)
    );
    assert_eq!(received[0].relay_id, None);
}

#[tokio::test]
async fn ok_a_dispatch_makes_a_run() {
    let github = github().await;
    github.require_token(TOKEN);
    let client = client(&github.uri());
    let accepted = client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
    assert_eq!(accepted.request_id.as_deref(), Some("MOCK:1"));
    let runs = client
        .find_runs(&repo(), "abc", "repository_dispatch", UNIX_EPOCH)
        .await
        .unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].display_title.as_deref(), Some("deploy m [abc]"));
    assert_eq!(client.run(&repo(), runs[0].id).await.unwrap(), runs[0]);
    assert_eq!(
        look(&client, &repo(), "ab", UNIX_EPOCH).await.unwrap(),
        Vec::<u64>::new()
    );

    // Not before it was created, and not in another repository.
    let later = after(100 * 365 * 24 * 3_600);
    assert_eq!(
        look(&client, &repo(), "abc", later).await.unwrap(),
        Vec::<u64>::new()
    );
    github.add_repository("contoso/silent", false);
    let silent = RepoFullName::parse("contoso/silent").unwrap();
    assert_eq!(
        look(&client, &silent, "abc", UNIX_EPOCH).await.unwrap(),
        Vec::<u64>::new()
    );
    // A workflow that does not show the id: it runs, and nobody can tell which it is.
    client.dispatch(&silent, &dispatch("def")).await.unwrap();
    assert_eq!(
        look(&client, &silent, "def", UNIX_EPOCH).await.unwrap(),
        Vec::<u64>::new()
    );
    assert_eq!(
        (
            github.n_effects("abc"),
            github.n_effects("def"),
            github.n_effects("x")
        ),
        (1, 1, 0)
    );
}

/// The same answer is seen whether the effect happened or not: only a look at the runs can tell.
#[tokio::test]
async fn ok_lost_answers_are_unknown_and_a_probe_tells() {
    let hang = |effect| Scripted::Hang {
        wait: Duration::from_secs(60),
        effect,
    };
    for (script, effect, kind) in [
        (Scripted::AcceptThenDrop, true, ErrorKind::SentNoAnswer),
        (Scripted::DropBefore, false, ErrorKind::SentNoAnswer),
        (Scripted::AcceptThen { status: 502 }, true, ErrorKind::Status),
        (Scripted::status(502), false, ErrorKind::Status),
        (hang(true), true, ErrorKind::SentNoAnswer),
        (hang(false), false, ErrorKind::SentNoAnswer),
    ] {
        let github = github().await;
        github.script([script.clone()]);
        let error = hasty(&github.uri())
            .dispatch(&repo(), &dispatch("abc"))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.advice()),
            (kind, Advice::Unknown),
            "{script:?}"
        );
        let received = github.received();
        assert_eq!(
            (received.len(), received[0].effect, github.n_requests()),
            (1, effect, 1),
            "{script:?}"
        );
        assert_eq!(received[0].relay_id.as_deref(), Some("abc"));
        assert_eq!(github.n_effects("abc"), usize::from(effect), "{script:?}");
        let seen = look(&client(&github.uri()), &repo(), "abc", UNIX_EPOCH)
            .await
            .unwrap();
        assert_eq!(seen.len(), usize::from(effect), "{script:?}");
        assert!(github.unused_script().is_empty());
    }
}

/// A connection is dropped only for what would have been accepted so far: a wrong token is answered 401 and uses up no script.
#[tokio::test]
async fn err_a_refusal_comes_before_a_scripted_drop() {
    let github = github().await;
    github.require_token("ghp_another");
    github.script([Scripted::AcceptThenDrop]);
    let error = client(&github.uri())
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap_err();
    assert_eq!(error.advice(), Advice::Block(BlockScope::Principal));
    assert_eq!((github.unused_script().len(), github.received().len()), (1, 0));
    github.require_token(TOKEN);
    // Nor do requests of another kind use it up.
    look(&client(&github.uri()), &repo(), "abc", UNIX_EPOCH)
        .await
        .unwrap();
    client(&github.uri())
        .dispatch(&repo(), &dispatch("abc"))
        .await
        .unwrap_err();
    assert_eq!((github.unused_script().len(), github.n_effects("abc")), (0, 1));
}

#[tokio::test]
async fn ok_scripts_are_answered_in_order_and_then_what_is_always_so() {
    let github = github().await;
    let limit = Scripted::Refuse {
        status: 403,
        headers: vec![("retry-after".to_owned(), "7".to_owned())],
        message: "slow down".to_owned(),
    };
    github.script([Scripted::status(404), limit]);
    github.script([Scripted::DropBefore, Scripted::Accept]);
    assert_eq!(github.unused_script().len(), 4);
    let client = client(&github.uri());
    let next = async || client.dispatch(&repo(), &dispatch("abc")).await;
    assert_eq!(
        next().await.unwrap_err().advice(),
        Advice::Block(BlockScope::Target)
    );
    let error = next().await.unwrap_err();
    assert_eq!(
        (error.advice(), error.service_message()),
        (Advice::Throttled { until: after(7) }, Some("slow down"))
    );
    assert_eq!(next().await.unwrap_err().advice(), Advice::Unknown);
    next().await.unwrap();
    next().await.unwrap();
    github.always(Scripted::AcceptThenDrop);
    assert_eq!(next().await.unwrap_err().kind(), ErrorKind::SentNoAnswer);
    github.script([Scripted::status(422)]);
    assert_eq!(next().await.unwrap_err().advice(), Advice::GiveUp);
    github.always(Scripted::Accept);
    next().await.unwrap();
    let effects: Vec<bool> = github.received().iter().map(|one| one.effect).collect();
    assert_eq!(effects, [false, false, false, true, true, true, false, true]);
    assert_eq!((github.n_effects("abc"), github.n_requests()), (4, 8));
}

#[tokio::test]
async fn ok_runs_show_late_or_never_and_lists_fail() {
    let github = github().await;
    let client = client(&github.uri());
    let look = async |id: &str| match look(&client, &repo(), id, UNIX_EPOCH).await {
        Ok(runs) if runs.is_empty() => "not seen",
        Ok(_) => "seen",
        Err(error) => {
            assert_eq!((error.kind(), error.status()), (ErrorKind::Status, Some(502)));
            "failed"
        }
    };
    github.show_runs(RunsShow::AfterLists(2));
    client.dispatch(&repo(), &dispatch("late")).await.unwrap();
    assert_eq!(
        [look("late").await, look("late").await, look("late").await],
        ["not seen", "not seen", "seen"]
    );

    github.show_runs(RunsShow::Never);
    client.dispatch(&repo(), &dispatch("never")).await.unwrap();
    for _ in 0..5 {
        assert_eq!(look("never").await, "not seen");
    }
    assert_eq!(github.n_effects("never"), 1);

    github.show_runs(RunsShow::AtOnce);
    client.dispatch(&repo(), &dispatch("soon")).await.unwrap();
    github.fail_lists(2);
    assert_eq!(
        [look("soon").await, look("soon").await, look("soon").await],
        ["failed", "failed", "seen"]
    );
    // Failing lists show nothing, so that they bring no run nearer.
    github.show_runs(RunsShow::AfterLists(1));
    client.dispatch(&repo(), &dispatch("later")).await.unwrap();
    github.fail_lists(1);
    assert_eq!(
        [look("later").await, look("later").await, look("later").await],
        ["failed", "not seen", "seen"]
    );
}

/// More runs than a page holds: newest first, page by page.
#[tokio::test]
async fn ok_runs_come_in_pages() {
    let github = github().await;
    let client = client(&github.uri());
    for n in 0..101 {
        client
            .dispatch(&repo(), &dispatch(&format!("id-{n}")))
            .await
            .unwrap();
    }
    let before = github.n_requests();
    let seen = look(&client, &repo(), "id-100", UNIX_EPOCH).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(github.n_requests() - before, 1);
    let seen = look(&client, &repo(), "id-0", UNIX_EPOCH).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(github.n_requests() - before, 3);
    assert_eq!(
        look(&client, &repo(), "id-101", UNIX_EPOCH).await.unwrap(),
        Vec::<u64>::new()
    );
    assert_eq!(github.n_requests() - before, 5);
}
