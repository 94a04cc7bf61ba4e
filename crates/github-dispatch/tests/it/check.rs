//! What a check of a target finds, before anything is dispatched to it.

use github_dispatch::mock::MockGitHub;
use github_dispatch::ops::target::TargetCheck;
use github_dispatch::{Advice, BlockScope, Error, ErrorKind, GitRef, RepoFullName, WorkflowFile};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{TOKEN, after, assert_shows_no_secret, client, deploy, look, repo};

const TARGET: Advice = Advice::Block(BlockScope::Target);
const SHOWS: &str = "on:\n  repository_dispatch:\n    types: [deploy_pipeline_action]\nrun-name: \"m [${{ github.event.client_payload.relay.id }}]\"\n";
const SHOWS_NOT: &str =
    "on:\n  repository_dispatch:\n    types: [deploy_pipeline_action]\nrun-name: deploy\n";
const OTHER_TYPE: &str = "on:\n  repository_dispatch:\n    types: [retrain]\n";

async fn check(uri: &str, name: &str) -> Result<TargetCheck, Error> {
    client(uri)
        .check_target(&RepoFullName::parse(name).unwrap(), &deploy())
        .await
}

#[tokio::test]
async fn ok_a_repository_that_shows_the_id_and_one_that_does_not() {
    let github = MockGitHub::start("Contoso/Deploy").await;
    github.add_repository("contoso/silent", false);
    github.require_token(TOKEN);

    // Names compare without regard to case, and are told as GitHub spells them.
    let found = check(&github.uri(), "contoso/deploy").await.unwrap();
    assert_eq!(found.full_name, "Contoso/Deploy");
    assert_eq!(
        (found.default_branch.as_deref(), found.archived),
        (Some("main"), false)
    );
    assert_eq!((found.listens, found.shows_relay_id), (Some(true), Some(true)));

    let found = check(&github.uri(), "contoso/silent").await.unwrap();
    assert_eq!((found.listens, found.shows_relay_id), (Some(true), Some(false)));
    assert_eq!(github.received().len(), 0);
}

#[tokio::test]
async fn err_no_such_repository_or_a_wrong_token() {
    let github = MockGitHub::start("contoso/deploy").await;
    let error = check(&github.uri(), "contoso/other").await.unwrap_err();
    assert_eq!((error.kind(), error.advice()), (ErrorKind::NotFound, TARGET));
    assert_shows_no_secret(&error);

    github.require_token("ghp_another");
    let error = check(&github.uri(), "contoso/deploy").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (ErrorKind::Auth, Advice::Block(BlockScope::Principal))
    );
    assert_eq!(github.n_requests(), 2);
    assert_shows_no_secret(&error);
}

/// A repository with these workflow files; whatever else is asked for is 404.
async fn repository(full_name: &str, files: &[(&str, ResponseTemplate)]) -> MockServer {
    let listing: Vec<Value> = files
        .iter()
        .map(|(name, _)| json!({ "name": name, "type": "file" }))
        .collect();
    let server = repository_listing(full_name, ResponseTemplate::new(200).set_body_json(listing)).await;
    for (name, answer) in files {
        Mock::given(method("GET"))
            .and(path(format!(
                "/repos/contoso/deploy/contents/.github%2Fworkflows%2F{name}"
            )))
            .and(header("accept", "application/vnd.github.raw+json"))
            .respond_with(answer.clone())
            .expect(u64::from(name.ends_with(".yml") || name.ends_with(".yaml")))
            .named((*name).to_owned())
            .mount(&server)
            .await;
    }
    server
}

async fn repository_listing(full_name: &str, listing: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let body = json!({ "id": 7, "full_name": full_name, "default_branch": "trunk", "archived": true, "private": true });
    Mock::given(method("GET"))
        .and(path("/repos/contoso/deploy"))
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/repos/contoso/deploy/contents/.github%2Fworkflows"))
        .respond_with(listing)
        .mount(&server)
        .await;
    server
}

fn file(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(text)
}

#[tokio::test]
async fn ok_what_the_workflow_files_say() {
    let check = async |files: &[(&str, ResponseTemplate)], listens: Option<bool>, shows: Option<bool>| {
        let server = repository("contoso/deploy", files).await;
        let found = check(&server.uri(), "contoso/deploy").await.unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            (found.listens, found.shows_relay_id),
            (listens, shows),
            "{names:?}"
        );
        assert_eq!(
            (found.default_branch.as_deref(), found.archived),
            (Some("trunk"), true)
        );
    };
    check(&[], Some(false), Some(false)).await;
    check(&[("README.md", file(SHOWS))], Some(false), Some(false)).await;
    check(&[("retrain.yml", file(OTHER_TYPE))], Some(false), Some(false)).await;
    check(
        &[("deploy.yaml", file(SHOWS)), ("retrain.yml", file(OTHER_TYPE))],
        Some(true),
        Some(true),
    )
    .await;
    // One dispatch starts both, and one of them cannot be recognised.
    check(
        &[("a.yml", file(SHOWS)), ("b.yml", file(SHOWS_NOT))],
        Some(true),
        Some(false),
    )
    .await;
    // What cannot be read may listen, and may not show the id: nothing is claimed of it.
    check(&[("a.yml", ResponseTemplate::new(403))], None, None).await;
    check(
        &[("a.yml", file(OTHER_TYPE)), ("b.yml", ResponseTemplate::new(404))],
        None,
        None,
    )
    .await;
    check(
        &[("a.yml", file(SHOWS)), ("b.yml", ResponseTemplate::new(403))],
        Some(true),
        None,
    )
    .await;
    // One that does not show it is an answer, whatever the others say.
    check(
        &[("a.yml", file(SHOWS_NOT)), ("b.yml", ResponseTemplate::new(404))],
        Some(true),
        Some(false),
    )
    .await;
}

/// A failure of one file is no answer about the repository; a limit closes the identity, as anywhere.
#[tokio::test]
async fn err_a_failure_or_a_limit_at_a_file_is_no_answer() {
    for (status, is_limit) in [(500, false), (502, false), (429, true)] {
        let fails = ResponseTemplate::new(status).insert_header("retry-after", "60");
        let server = repository("contoso/deploy", &[("a.yml", file(SHOWS)), ("b.yml", fails)]).await;
        let error = check(&server.uri(), "contoso/deploy").await.unwrap_err();
        match error.advice() {
            Advice::Throttled { .. } => assert!(is_limit, "{status}: {error}"),
            advice => assert!(!is_limit && advice == Advice::Unknown, "{status}: {error}"),
        }
    }
}

#[tokio::test]
async fn ok_more_workflows_than_are_read_are_not_claimed_to_be_silent() {
    let listing =
        |n: usize| -> Vec<Value> { (0..n).map(|n| json!({ "name": format!("{n}.yml") })).collect() };
    for (n, text, listens, shows) in [
        (50, OTHER_TYPE, Some(false), Some(false)),
        (51, OTHER_TYPE, None, None),
        (50, SHOWS, Some(true), Some(true)),
        (51, SHOWS, Some(true), None),
        (51, SHOWS_NOT, Some(true), Some(false)),
    ] {
        let server = repository_listing(
            "contoso/deploy",
            ResponseTemplate::new(200).set_body_json(listing(n)),
        )
        .await;
        Mock::given(header("accept", "application/vnd.github.raw+json"))
            .respond_with(file(text))
            .with_priority(9)
            .expect(50)
            .mount(&server)
            .await;
        let found = check(&server.uri(), "contoso/deploy").await.unwrap();
        assert_eq!(
            (found.listens, found.shows_relay_id),
            (listens, shows),
            "{n} of {text}"
        );
    }
}

#[tokio::test]
async fn ok_no_folder_and_no_right_to_read_it() {
    let check = async |status: u16, expect: Option<bool>| {
        let server = repository_listing("contoso/deploy", ResponseTemplate::new(status)).await;
        let found = check(&server.uri(), "contoso/deploy").await.unwrap();
        assert_eq!(
            (found.listens, found.shows_relay_id),
            (expect, expect),
            "{status}"
        );
    };
    check(404, Some(false)).await;
    check(403, None).await;
}

/// A failure or a limit is no answer, neither yes nor no.
#[tokio::test]
async fn err_a_folder_that_cannot_be_had_now() {
    let limit = ResponseTemplate::new(403).insert_header("retry-after", "7");
    for (listing, kind) in [
        (ResponseTemplate::new(500), ErrorKind::Status),
        (ResponseTemplate::new(429), ErrorKind::Throttled),
        (limit, ErrorKind::Throttled),
        (file("{}"), ErrorKind::Decode),
    ] {
        let server = repository_listing("contoso/deploy", listing).await;
        let error = check(&server.uri(), "contoso/deploy").await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(!matches!(error.advice(), Advice::Block(_)), "{error:?}");
    }
}

#[tokio::test]
async fn err_a_renamed_repository_is_not_dispatched_to_by_its_old_name() {
    let server = repository_listing("contoso/deploy-2", ResponseTemplate::new(404)).await;
    let error = check(&server.uri(), "contoso/deploy").await.unwrap_err();
    assert_eq!((error.kind(), error.advice()), (ErrorKind::Redirected, TARGET));
    assert_eq!(
        error.to_string(),
        "it is named \"contoso/deploy-2\" now; change the configuration"
    );

    let server = MockServer::start().await;
    let moved =
        ResponseTemplate::new(301).insert_header("location", format!("{}/repositories/7", server.uri()));
    Mock::given(method("GET"))
        .and(path("/repos/contoso/deploy"))
        .respond_with(moved)
        .expect(1)
        .mount(&server)
        .await;
    let error = check(&server.uri(), repo().as_str()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.advice(), error.status()),
        (ErrorKind::Redirected, TARGET, Some(301))
    );
    assert!(error.to_string().contains("\"/repositories/7\""), "{error}");
    assert_shows_no_secret(&error);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

const ID: &str = "474p54ivefce66s2nsvlvyw7zg";

/// A GitHub with one workflow of this `run-name`, and one run with this title.
async fn github(run_name: &str, title: &str) -> MockServer {
    let server = MockServer::start().await;
    let get = |at: &str| Mock::given(method("GET")).and(path(format!("/repos/contoso/deploy{at}")));
    let repository = json!({"full_name": "contoso/deploy", "default_branch": "main"});
    get("")
        .respond_with(ResponseTemplate::new(200).set_body_json(repository))
        .mount(&server)
        .await;
    let files = json!([{"name": "deploy.yml"}]);
    get("/contents/.github%2Fworkflows")
        .respond_with(ResponseTemplate::new(200).set_body_json(files))
        .mount(&server)
        .await;
    let text = format!("name: deploy\nrun-name: {run_name}\non:\n  repository_dispatch:\njobs: {{}}\n");
    get("/contents/.github%2Fworkflows%2Fdeploy.yml")
        .respond_with(ResponseTemplate::new(200).set_body_string(text))
        .mount(&server)
        .await;
    let runs = json!({"total_count": 1, "workflow_runs": [{"id": 1, "display_title": title, "event": "repository_dispatch"}]});
    get("/actions/runs")
        .respond_with(ResponseTemplate::new(200).set_body_json(runs))
        .mount(&server)
        .await;
    server
}

/// What `check` counts as showing the id, `probe` must see: else an accepted dispatch is sent a second time.
#[tokio::test]
async fn ok_what_counts_as_shown_is_seen_by_a_probe() {
    let mut wrong = Vec::new();
    for (before, behind) in [("deploy-", ""), ("deploy_", ""), ("", "-prod"), ("v", "")] {
        let run_name = format!("{before}${{{{ github.event.client_payload.relay.id }}}}{behind}");
        let server = github(&run_name, &format!("{before}{ID}{behind}")).await;
        let client = client(&server.uri());
        let check = client.check_target(&repo(), &deploy()).await.unwrap();
        let seen = look(&client, &repo(), ID, after(0)).await.unwrap();
        if check.shows_relay_id == Some(true) && seen.is_empty() {
            wrong.push(run_name);
        }
    }
    assert_eq!(
        wrong,
        Vec::<String>::new(),
        "checked as shown, and the run is not seen"
    );
}

/// `relay.id` is only the beginning of the name here, so that no run ever shows the id.
#[tokio::test]
async fn ok_another_member_whose_name_begins_the_same_does_not_count_as_shown() {
    let mut wrong = Vec::new();
    for expression in ["relay.idx", "relay.id_short", "relay.id == ''"] {
        let server = github(
            &format!("deploy ${{{{ github.event.client_payload.{expression} }}}}"),
            "deploy ",
        )
        .await;
        let client = client(&server.uri());
        if client
            .check_target(&repo(), &deploy())
            .await
            .unwrap()
            .shows_relay_id
            != Some(false)
        {
            wrong.push(expression);
        }
    }
    assert_eq!(wrong, Vec::<&str>::new());
}

const BY_INPUT: &str =
    "on:\n  workflow_dispatch:\n    inputs:\n      relay_id:\nrun-name: \"m [${{ inputs.relay_id }}]\"\n";

async fn check_workflow(uri: &str, workflow: &str, git_ref: &str) -> Result<TargetCheck, Error> {
    let workflow = WorkflowFile::parse(workflow).unwrap();
    let git_ref = GitRef::parse(git_ref).unwrap();
    client(uri)
        .check_workflow_target(&repo(), &workflow, &git_ref)
        .await
}

#[tokio::test]
async fn ok_a_workflow_at_a_ref_counts_as_it_is_there() {
    let github = MockGitHub::start("contoso/deploy").await;
    // By default its workflow listens to a repository dispatch only.
    let found = check_workflow(&github.uri(), "deploy.yml", "main").await.unwrap();
    assert_eq!((found.listens, found.shows_relay_id), (Some(false), Some(false)));
    github.set_workflow("contoso/deploy", BY_INPUT);
    // By its file, and by its id.
    for workflow in ["deploy.yml", "1"] {
        let found = check_workflow(&github.uri(), workflow, "main").await.unwrap();
        assert_eq!((found.listens, found.shows_relay_id), (Some(true), Some(true)));
    }
    for workflow in ["other.yml", "7"] {
        let found = check_workflow(&github.uri(), workflow, "main").await.unwrap();
        assert_eq!((found.listens, found.shows_relay_id), (Some(false), Some(false)));
    }
    github.remove_repository("contoso/deploy");
    let error = check_workflow(&github.uri(), "deploy.yml", "main")
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.advice()), (ErrorKind::NotFound, TARGET));
}

/// The ref is asked for, and what may not be read is not taken for missing.
#[tokio::test]
async fn ok_the_file_is_read_at_the_ref() {
    let refused = json!({ "message": "Resource not accessible by integration" });
    for (git_ref, answer, expect) in [
        ("release/1", file(BY_INPUT), Some(true)),
        ("main", ResponseTemplate::new(404), Some(false)),
        ("closed", ResponseTemplate::new(403).set_body_json(refused), None),
    ] {
        let server = repository_listing("contoso/deploy", ResponseTemplate::new(404)).await;
        Mock::given(path(
            "/repos/contoso/deploy/contents/.github%2Fworkflows%2Fdeploy.yml",
        ))
        .and(query_param("ref", git_ref))
        .respond_with(answer)
        .expect(1)
        .mount(&server)
        .await;
        let found = check_workflow(&server.uri(), "deploy.yml", git_ref)
            .await
            .unwrap();
        assert_eq!(found.listens, expect, "{git_ref}");
        assert_eq!(found.shows_relay_id, expect, "{git_ref}");
    }
}
