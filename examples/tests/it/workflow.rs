//! **Here**: a workflow dispatch the whole way: from TOML to the request, the run that GitHub names, and a lost answer that is looked for.
//! **Not here**: repository dispatches (`table`, `faults`), what a workflow file says (github-dispatch).
//! **Reads**: the crates, against the stand-in of github-dispatch.
//! **Source**: DESIGN section 6; facts/github 2.1 and 2.3.

use github_dispatch::mock::{MockGitHub, Scripted};
use github_dispatch::{Client, StaticToken};
use relay_core::adapters::github::GithubDispatcher;
use relay_core::budget::Budget;
use relay_core::clock::Timestamp;
use relay_core::dispatch::{Advice, DispatchRequest, Dispatcher as _, Sighting};
use relay_core::journal::MemoryJournal;
use relay_core::journal::item::Verdict;
use relay_core::key::{DispatchKey, RelayId, ReleaseKey};
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use relay_examples::events::{delivery, model_registered};
use relay_examples::story::Story;
use serde::Deserialize;
use serde_json::{Map, Value, json};

const REPOSITORY: &str = "contoso/deploy";
const SHOWS: &str = "on:\n  workflow_dispatch:\n    inputs:\n      relay_id:\n      model_name:\n      version:\nrun-name: \"deploy [${{ inputs.relay_id }}]\"\n";
const SHOWS_NOT: &str = "on:\n  workflow_dispatch:\nrun-name: deploy\n";

/// As an operator writes it.
const ROUTES: &str = r#"
[[route]]
name = "deploy"
repository = "contoso/deploy"
workflow = "deploy.yml"
ref = "main"
inputs = { model_name = "${data.modelName}", version = '${data.modelVersion|number}', area = '${data.modelTags["cost.area"]|default("none")}' }
conditions = [
    { key = "data.modelVersion", operator = "NumberGreaterThanOrEquals", value = 2 },
    { not = { any = [
        { models = ["try-*"] },
        { key = 'data.modelTags["cost.area"]', operator = "StringIn", values = ["closed"] },
    ] } },
]
"#;

fn routes(text: &str) -> Vec<RouteConfig> {
    #[derive(Deserialize)]
    struct File {
        route: Vec<RouteConfig>,
    }
    toml::from_str::<File>(text).unwrap().route
}

fn client(github: &MockGitHub, api_version: &str) -> Client {
    Client::builder(StaticToken::new("t0ken", "default").unwrap())
        .api_root(github.uri())
        .api_version(api_version)
        .build()
        .unwrap()
}

fn relay(github: &MockGitHub, api_version: &str) -> Relay {
    let dispatcher = GithubDispatcher::new("default", &client(github, api_version));
    RelayBuilder::new(
        MemoryJournal::new(),
        dispatcher,
        RuleSet::load(routes(ROUTES)).unwrap(),
    )
    .with_secrets(SharedSecrets::new(["s"]).unwrap())
    .with_budget(Budget::unbounded())
    .build()
    .unwrap()
}

#[tokio::test]
async fn ok_a_release_starts_the_workflow_and_the_run_that_github_names_is_kept() {
    // The older API version names no run where it is not asked, and an Enterprise Server must not be asked.
    for (api_version, names_run) in [("2026-03-10", true), ("2022-11-28", false)] {
        let github = MockGitHub::start(REPOSITORY).await;
        github.set_workflow(REPOSITORY, SHOWS);
        let relay = relay(&github, api_version);
        let events = [
            model_registered("credit-risk", "1", 0),
            model_registered("credit-risk", "7", 1),
            model_registered("try-it", "8", 2),
        ];
        let response = relay.accept(delivery(&events, "s").unwrap()).await;
        assert_eq!(response.status(), 200);
        relay.run_due().await.unwrap();

        let [sent] = <[_; 1]>::try_from(github.received()).unwrap();
        assert_eq!(
            (sent.workflow.as_deref(), sent.git_ref.as_deref()),
            (Some("deploy.yml"), Some("main"))
        );
        let id = sent.relay_id.clone().unwrap();
        let expect = json!({ "model_name": "credit-risk", "version": "7", "area": "none", "relay_id": id });
        assert_eq!(Value::Object(sent.client_payload), expect);

        let story = Story::read(&relay).await.unwrap();
        let [item] = <[_; 1]>::try_from(story.items).unwrap();
        assert_eq!(
            (item.relay_id.as_str(), item.target.as_str()),
            (
                id.as_str(),
                r#"["default","contoso/deploy","workflow","deploy.yml","main"]"#
            )
        );
        let Some(Verdict::Dispatched { run }) = item.verdict else {
            panic!("{:?}", item.verdict);
        };
        assert_eq!(run.is_some(), names_run, "{api_version}");
    }
}

#[tokio::test]
async fn ok_a_check_and_a_look_are_those_of_workflow_dispatches() {
    let github = MockGitHub::start(REPOSITORY).await;
    let dispatcher = GithubDispatcher::new("default", &client(&github, "2022-11-28"));
    let [route] = <[RouteConfig; 1]>::try_from(routes(ROUTES)).unwrap();
    let target = route.build().unwrap().target().clone();
    // Its workflow listens to repository dispatches only.
    let checked = dispatcher.check(&target).await.unwrap();
    assert_eq!(checked.shows_relay_id, Some(false));
    assert_eq!(
        checked.remarks,
        ["there is no deploy.yml at main that listens to workflow_dispatch"]
    );
    for (text, shows) in [(SHOWS_NOT, false), (SHOWS, true)] {
        github.set_workflow(REPOSITORY, text);
        let checked = dispatcher.check(&target).await.unwrap();
        assert_eq!(
            (checked.shows_relay_id, checked.remarks.len()),
            (Some(shows), 0),
            "{text}"
        );
    }

    // The answer is lost; the run shows the id, and is found among those of workflow dispatches.
    let relay_id = RelayId::new(&DispatchKey::new(&ReleaseKey::of_event("s", "e"), "deploy"), 1);
    let request = DispatchRequest {
        target: target.clone(),
        relay_id: relay_id.clone(),
        payload: Map::from_iter([("relay_id".to_owned(), json!(relay_id.as_str()))]),
    };
    assert_eq!(
        dispatcher.probe(&target, &relay_id, Timestamp::default()).await,
        Ok(Sighting::NotSeen)
    );
    github.script([Scripted::AcceptThenDrop]);
    let error = dispatcher.dispatch(&request).await.unwrap_err();
    assert_eq!(error.advice, Advice::Unknown, "{error}");
    let seen = dispatcher
        .probe(&target, &relay_id, Timestamp::default())
        .await
        .unwrap();
    let Sighting::Seen(run) = seen else {
        panic!("{seen:?}");
    };
    assert!(dispatcher.run(&target, &run).await.unwrap().status.is_some());

    // What is no text, or what GitHub would refuse, is not sent.
    for (name, value) in [("n", json!(3)), ("a b", json!("x"))] {
        let mut request = request.clone();
        request.payload.insert(name.to_owned(), value);
        let error = dispatcher.dispatch(&request).await.unwrap_err();
        assert_eq!(error.advice, Advice::GiveUp, "{error}");
    }
    assert_eq!(github.received().len(), 1);
}

/// A workflow that GitHub refuses to start parks the release, with what GitHub said.
#[tokio::test]
async fn err_a_ref_that_is_not_there_parks() {
    let github = MockGitHub::start(REPOSITORY).await;
    github.set_workflow(REPOSITORY, SHOWS);
    let dispatcher = GithubDispatcher::new("default", &client(&github, "2022-11-28"));
    let text = ROUTES.replace("ref = \"main\"", "ref = \"gone\"");
    let relay = RelayBuilder::new(
        MemoryJournal::new(),
        dispatcher,
        RuleSet::load(routes(&text)).unwrap(),
    )
    .with_secrets(SharedSecrets::new(["s"]).unwrap())
    .with_budget(Budget::unbounded())
    .build()
    .unwrap();
    relay
        .accept(delivery(&[model_registered("m", "7", 0)], "s").unwrap())
        .await;
    relay.run_due().await.unwrap();
    let story = Story::read(&relay).await.unwrap();
    let [item] = <[_; 1]>::try_from(story.items).unwrap();
    let Some(Verdict::Parked { why }) = item.verdict else {
        panic!("{:?}", item.verdict);
    };
    assert!(why.contains("No ref found for: gone"), "{why}");
}

#[test]
fn err_a_mistake_in_toml_names_its_place() {
    let error = |from: &str, to: &str| {
        #[derive(Debug, Deserialize)]
        struct File {
            #[expect(dead_code, reason = "only whether it can be read counts")]
            route: Vec<RouteConfig>,
        }
        toml::from_str::<File>(&ROUTES.replace(from, to))
            .unwrap_err()
            .to_string()
    };
    let check = |error: &str, expect: &str| assert!(error.contains(expect), "{error}");
    check(
        &error("NumberGreaterThanOrEquals", "GreaterThan"),
        "unknown operator \"GreaterThan\", expected one of NumberIn",
    );
    check(&error("{ models", "{ modelz"), "unknown field `modelz`");
    check(&error("workflow =", "workflw ="), "unknown field `workflw`");
}
