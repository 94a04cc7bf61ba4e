//! The doctor's words: whole reports are pinned.

use github_dispatch::deploy_workflow::DeployWorkflow;
use github_dispatch::mock::MockGitHub;
use github_dispatch::setup::{SetupReport, Verdict};
use github_dispatch::{Advice, Error};
use http::Method;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{TOKEN, client, deploy, repo};

/// The way the workshop writes it, and most people do.
const USUAL: &str = "name: deploy
on:
  repository_dispatch:
    types: [deploy_pipeline_action]
concurrency: deploy
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - run: |
          yq -i '.model = \"${{ github.event.client_payload.model_name }}\"' model.yml
";

/// A GitHub of answers: what is not set is as it should be.
struct Answers {
    repository: (u16, Value),
    scopes: Option<&'static str>,
    runs: u16,
    state: (u16, &'static str),
    workflow: (u16, String),
}

impl Default for Answers {
    fn default() -> Self {
        let workflow = DeployWorkflow::new(deploy().as_str(), "rg", "ws", "ep", "blue").unwrap();
        Self {
            repository: (
                200,
                json!({ "full_name": "contoso/deploy", "default_branch": "trunk", "permissions": { "push": true } }),
            ),
            scopes: None,
            runs: 200,
            state: (200, "active"),
            workflow: (200, workflow.render()),
        }
    }
}

impl Answers {
    async fn check(&self) -> Result<SetupReport, Error> {
        let server = MockServer::start().await;
        let on = async |at: &str, answer: ResponseTemplate| {
            Mock::given(method(Method::GET.as_str()))
                .and(path(format!("/repos/contoso/deploy{at}")))
                .respond_with(answer)
                .mount(&server)
                .await;
        };
        let json = |status: u16, body: &Value| ResponseTemplate::new(status).set_body_json(body);
        let mut repository = json(self.repository.0, &self.repository.1);
        if let Some(scopes) = self.scopes {
            repository = repository.insert_header("x-oauth-scopes", scopes);
        }
        on("", repository).await;
        on(
            "/actions/runs",
            json(self.runs, &json!({ "total_count": 0, "workflow_runs": [] })),
        )
        .await;
        on(
            "/contents/.github%2Fworkflows",
            json(200, &json!([{ "name": "deploy.yml" }, { "name": "README.md" }])),
        )
        .await;
        let (status, text) = &self.workflow;
        on(
            "/contents/.github%2Fworkflows%2Fdeploy.yml",
            ResponseTemplate::new(*status).set_body_string(text),
        )
        .await;
        on(
            "/actions/workflows/deploy.yml",
            json(self.state.0, &json!({ "state": self.state.1 })),
        )
        .await;
        let report = client(&server.uri()).check_setup(&repo(), &deploy()).await;
        // It reads, and nothing else.
        for request in server.received_requests().await.unwrap() {
            assert_eq!(request.method, Method::GET);
        }
        report
    }

    /// The one finding that is not as in a good setup.
    async fn odd(&self) -> String {
        let good = Self::default().check().await.unwrap().to_string();
        let seen = self.check().await.unwrap().to_string();
        assert!(!seen.contains(TOKEN));
        let odd: Vec<&str> = seen
            .lines()
            .filter(|line| !good.lines().any(|other| other == *line))
            .collect();
        odd.join("\n")
    }
}

#[tokio::test]
async fn ok_a_good_setup() {
    let report = Answers::default().check().await.unwrap();
    assert_eq!(
        report.to_string(),
        "\
fine       repository: the token is accepted and sees it
not known  right to dispatch: it needs Contents: write (not Actions: write), and only a dispatch can tell whether this token has it
fine       right to read runs: runs can be listed, so a lost answer can be settled
fine       workflow: deploy.yml on trunk listens, and is active
fine       relay id: deploy.yml shows it in its run-name
fine       concurrency: deploy.yml has no group that swallows or cancels deployments
fine       injection: no value of the payload is pasted into a script of deploy.yml, as far as can be read"
    );
    assert!(report.is_usable());
    assert_eq!(report.worst(), Verdict::NotKnown);
}

#[tokio::test]
async fn err_the_usual_workflow_has_what_the_usual_workflow_has() {
    let answers = Answers {
        workflow: (200, USUAL.to_owned()),
        ..Answers::default()
    };
    assert_eq!(
        answers.odd().await,
        "\
warning    relay id: deploy.yml does not show client_payload.relay.id in its run-name, alone on one line: its runs cannot be found, and a lost answer stays unknown
bad        concurrency: deploy.yml has a concurrency group in line 5 that versions share: of three quick ones the second never runs; set queue: max, or put the relay id into the group
bad        injection: deploy.yml pastes \"github.event.client_payload.model_name\" into a script in line 11: whoever chooses the value runs commands; pass it by env and quote the variable"
    );
}

#[tokio::test]
async fn err_each_thing_that_can_be_wrong_is_said() {
    let check = async |answers: Answers, expect: &str| assert_eq!(answers.odd().await, expect);
    let repository = |more: Value| {
        let mut body = json!({ "full_name": "contoso/deploy", "default_branch": "trunk", "permissions": { "push": true } });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        Answers {
            repository: (200, body),
            ..Answers::default()
        }
    };
    let other = Answers::default()
        .workflow
        .1
        .replace("deploy_pipeline_action", "another_action");
    check(
        Answers { workflow: (200, other), ..Answers::default() },
        "bad        workflow: none of the 1 workflow files on trunk listens to repository_dispatch of type \"deploy_pipeline_action\": GitHub will answer 204, and nothing will run",
    )
    .await;
    check(
        Answers {
            workflow: (500, String::new()),
            ..Answers::default()
        },
        "not known  workflow: 1 workflow files could not be read, and may listen as well",
    )
    .await;
    check(
        Answers { state: (200, "disabled_inactivity"), ..Answers::default() },
        "bad        workflow: deploy.yml listens, and is \"disabled_inactivity\": enable it, since GitHub answers 204 all the same",
    )
    .await;
    check(
        Answers { runs: 403, state: (403, ""), ..Answers::default() },
        "\
warning    right to read runs: runs cannot be listed, so a lost answer stays unknown (Actions: read is needed): the token may not do this: status 403
not known  workflow: deploy.yml on trunk listens; whether it is active cannot be seen: the token may not do this: status 403",
    )
    .await;
    check(
        repository(json!({ "archived": true })),
        "bad        repository: it is archived, and runs nothing",
    )
    .await;
    check(
        repository(json!({ "permissions": { "push": false } })),
        "bad        right to dispatch: the token's owner may not write to the repository, and a dispatch needs that",
    )
    .await;
    let scopes = |scopes: &'static str, private: bool| Answers {
        scopes: Some(scopes),
        ..repository(json!({ "private": private }))
    };
    let fine = "fine       right to dispatch: the classic token has the scope for it";
    let bad = "bad        right to dispatch: the classic token lacks the scope repo (public_repo for a public repository)";
    check(scopes("gist, repo", true), fine).await;
    check(scopes("public_repo", false), fine).await;
    check(scopes("public_repo", true), bad).await;
    check(scopes("workflow, read:org", true), bad).await;
}

#[tokio::test]
async fn err_where_nothing_can_be_seen_one_finding_says_so() {
    let check = async |status: u16, body: Value, expect: &str| {
        let answers = Answers {
            repository: (status, body),
            ..Answers::default()
        };
        assert_eq!(answers.check().await.unwrap().to_string(), expect);
    };
    check(
        401,
        json!({ "message": "Bad credentials" }),
        "bad        repository: github does not accept the token: status 401 (\"Bad credentials\")",
    )
    .await;
    check(
        404,
        json!({ "message": "Not Found" }),
        "bad        repository: it is not there, or the token may not see it: status 404 (\"Not Found\")",
    )
    .await;
    check(
        200,
        json!({ "full_name": "contoso/renamed" }),
        "bad        repository: it is named \"contoso/renamed\" now, and redirects are not followed: change the configuration",
    )
    .await;
    // No answer is no finding.
    for status in [500, 502, 429] {
        let answers = Answers {
            repository: (status, json!({})),
            ..Answers::default()
        };
        let error = answers.check().await.unwrap_err();
        assert!(
            matches!(error.advice(), Advice::Unknown | Advice::Throttled { .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn ok_the_mock_can_be_doctored() {
    let github = MockGitHub::start("contoso/deploy").await;
    let client = client(&github.uri());
    let report = client.check_setup(&repo(), &deploy()).await.unwrap();
    assert!(report.is_usable(), "{report}");
    github.set_workflow("contoso/deploy", USUAL);
    let report = client.check_setup(&repo(), &deploy()).await.unwrap();
    assert_eq!(report.worst(), Verdict::Bad, "{report}");
    assert!(github.received().is_empty());
}
