//! Starting one workflow: what is sent, what is answered, what a lost answer means.

use github_dispatch::mock::{MockGitHub, Scripted};
use github_dispatch::{Advice, ErrorKind, WorkflowDispatch, WorkflowFile};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{TOKEN, assert_shows_no_secret, builder, client, repo};

fn deploy() -> WorkflowFile {
    WorkflowFile::parse("deploy.yml").unwrap()
}

fn of(git_ref: &str) -> WorkflowDispatch {
    WorkflowDispatch::new(git_ref, [("model_name", "credit-risk"), ("relay_id", "abc")]).unwrap()
}

#[tokio::test]
async fn ok_the_run_is_named_where_it_is_asked_for_and_always_in_newer_versions() {
    let github = MockGitHub::start("contoso/deploy").await;
    github.require_token(TOKEN);
    let check = async |version: &str, dispatch: WorkflowDispatch, names: bool| {
        let client = builder(&github.uri()).api_version(version).build().unwrap();
        let accepted = client
            .dispatch_workflow(&repo(), &deploy(), &dispatch)
            .await
            .unwrap();
        assert_eq!(accepted.run.is_some(), names, "{version} {dispatch:?}");
        assert_eq!(accepted.accepted.request_id.as_deref(), Some("MOCK:1"));
        if let Some(run) = accepted.run {
            let seen = client.run(&repo(), run.id).await.unwrap();
            assert_eq!(seen.event.as_deref(), Some("workflow_dispatch"));
            assert_eq!((seen.id, seen.html_url), (run.id, run.html_url));
        }
    };
    check("2022-11-28", of("main"), false).await;
    check("2022-11-28", of("main").with_run_details(), true).await;
    check("2026-03-10", of("main").with_run_details(), true).await;
    check("2026-03-10", of("refs/heads/main"), true).await;
    let received = github.received();
    assert_eq!(received.len(), 4);
    assert_eq!(
        Value::from(received[0].client_payload.clone()),
        json!({"model_name": "credit-risk", "relay_id": "abc"})
    );
    assert_eq!(
        (received[3].git_ref.as_deref(), received[3].workflow.as_deref()),
        (Some("refs/heads/main"), Some("deploy.yml"))
    );
    assert_eq!(github.n_effects("abc"), 4);
}

#[tokio::test]
async fn ok_every_2xx_is_success_whatever_its_body() {
    for (status, body) in [
        (200, "{}"),
        (200, "<html>"),
        (201, ""),
        (204, ""),
        (299, "[1]"),
        (200, r#"{"workflow_run_id": "7"}"#),
    ] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_string(body);
        Mock::given(any())
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
        let accepted = client(&server.uri())
            .dispatch_workflow(&repo(), &deploy(), &of("main"))
            .await
            .unwrap();
        assert_eq!(accepted.run, None, "{status} {body}");
        let path = server.received_requests().await.unwrap()[0].url.path().to_owned();
        assert_eq!(
            path,
            "/repos/contoso/deploy/actions/workflows/deploy.yml/dispatches"
        );
    }
}

#[tokio::test]
async fn err_what_github_refuses_is_given_up_or_blocks_the_target() {
    let github = MockGitHub::start("contoso/deploy").await;
    let client = client(&github.uri());
    let error = client
        .dispatch_workflow(&repo(), &deploy(), &of("v9"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.advice(), error.status(), error.service_message()),
        (Advice::GiveUp, Some(422), Some("No ref found for: v9"))
    );
    let other = WorkflowFile::parse("other.yml").unwrap();
    let error = client
        .dispatch_workflow(&repo(), &other, &of("main"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_shows_no_secret(&error);
    assert_eq!(github.n_effects("abc"), 0);
}

/// In an outage of May 2026 each repeated call of a client that repeats by itself started a run of its own.
#[tokio::test]
async fn ok_a_lost_answer_is_unknown_and_nothing_is_repeated() {
    let github = MockGitHub::start("contoso/deploy").await;
    github.script([
        Scripted::AcceptThenDrop,
        Scripted::AcceptThen { status: 502 },
        Scripted::DropBefore,
    ]);
    for n_effects in [1, 2, 2] {
        let error = client(&github.uri())
            .dispatch_workflow(&repo(), &deploy(), &of("main"))
            .await
            .unwrap_err();
        assert_eq!(error.advice(), Advice::Unknown);
        assert_eq!(github.n_effects("abc"), n_effects);
    }
    assert_eq!(github.n_requests(), 3);
}
