//! **Here**: rules as a host loads them: what is refused, what overlaps, what they make of the wire samples, and old snapshots.
//! **Not here**: operators (`rules::condition`), references (`rules::template`), both beside their code.
//! **Reads**: `relay_core::rules` and `relay_core::testing::rules`; `fixtures/events`.
//! **Source**: DESIGN sections 5 and 6.

use std::path::PathBuf;
use std::sync::Arc;

use eventgrid_schema::Event;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use proptest::test_runner::Config;
use relay_core::dispatch::Action;
use relay_core::rules::{ConditionConfig, EventView, Naming, Operator, Route, RouteConfig, Router, RuleSet};
use relay_core::testing::rules::{RuleTrial, Tried};
use serde_json::{Value, json};

const TYPE: &str = "Microsoft.MachineLearningServices.ModelRegistered";

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/events")).join(name)
}

fn route(config: &Value) -> RouteConfig {
    let mut whole = json!({ "name": "r", "repository": "a/b" });
    whole
        .as_object_mut()
        .unwrap()
        .extend(config.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

fn refused(config: &Value) -> String {
    route(config).build().unwrap_err().to_string()
}

fn loads_together(a: &Value, b: &Value) -> Result<RuleSet, String> {
    let (a, mut b) = (route(a), route(b));
    b.name = "s".to_owned();
    RuleSet::load([a, b]).map_err(|error| error.to_string())
}

fn only(tried: Vec<Tried>) -> Tried {
    let [tried] = <[Tried; 1]>::try_from(tried).unwrap();
    tried
}

#[test]
fn ok_a_snapshot_of_the_first_version_is_the_route_it_was() {
    // As journals of the first version hold it, letter for letter.
    let old = r#"{"name":"deploy","event_types":["Microsoft.MachineLearningServices.ModelRegistered"],"workspaces":[],"models":["*"],"subject_begins_with":[],"subject_ends_with":[],"tags":{},"repository":"contoso/deploy","event_type":"deploy_pipeline_action","identity":"default","payload":{"model_name":"${data.modelName}","model_version":"${data.modelVersion}"},"widen":[],"lane":"latest","order":"version","unknown":"probe","probe_window_s":600,"again":"park","priority":0,"allow_overlap":false,"wants_facts":false}"#;
    let route = Route::of_snapshot(old).unwrap();
    assert_eq!(route.snapshot(), old);
    assert_eq!(
        RouteConfig::new("deploy", "contoso/deploy")
            .build()
            .unwrap()
            .snapshot(),
        old
    );
    assert_eq!(
        route.target().key(),
        r#"["default","contoso/deploy","deploy_pipeline_action"]"#
    );
}

#[test]
fn ok_everything_of_a_route_survives_its_snapshot() {
    let config = route(&json!({
        "conditions": [{ "any": [{ "key": "data.modelTags.a", "operator": "NumberInRange", "values": [[1, 2.5]] }, { "not": { "models": ["x*"] } }] }],
        "workflow": ".github/workflows/deploy.yml", "ref": "refs/heads/main", "inputs": { "m": "${data.modelName|default(\"x\")}" },
        "event_types": [TYPE, "Contoso.Other"], "workspaces": ["w"], "models": ["a*"], "subject_begins_with": ["models/"],
        "subject_ends_with": [":7"], "tags": { "stage": "prod" }, "identity": "other", "lane": "every", "order": "event_time",
        "unknown": "resend", "probe_window_s": 60, "again": "ignore", "release_key": "${data.modelName}", "priority": -3,
        "allow_overlap": true, "wants_facts": true, "run_seen_within_s": 0, "run_concluded_within_s": 60
    }));
    let dispatched = route(&json!({
        "naming": "azure_function", "payload": { "all": "${data|json}" },
        "widen": [{ "reference": "data", "max_bytes": 100, "over": "park" }]
    }));
    for config in [config, dispatched] {
        let built = config.clone().build().unwrap();
        let again = Route::of_snapshot(built.snapshot()).unwrap();
        assert_eq!(
            (again.snapshot(), again.target(), again.policy()),
            (built.snapshot(), built.target(), built.policy())
        );
        assert_eq!(
            serde_json::from_str::<RouteConfig>(built.snapshot()).unwrap(),
            config
        );
    }
}

#[test]
fn ok_a_route_starts_a_workflow_at_a_ref() {
    let trial = RuleTrial::new([route(&json!({ "workflow": "deploy.yml", "ref": "main" }))]).unwrap();
    let tried = only(trial.on_file(fixture("own-eg-model-registered.json")).unwrap());
    let sent = tried.route("r").unwrap().sent().unwrap();
    let Action::WorkflowDispatch { workflow, git_ref } = &sent.target.action else {
        panic!("{:?}", sent.target);
    };
    assert_eq!((workflow.as_str(), git_ref.as_str()), ("deploy.yml", "main"));
    let expect =
        json!({ "model_name": "harbor-demand", "model_version": "7", "relay_id": sent.relay_id.as_str() });
    assert_eq!(Value::Object(sent.payload.clone()), expect);
}

#[test]
fn err_targets_that_contradict_are_refused() {
    let workflow = |more: &Value| {
        let mut config = json!({ "workflow": "deploy.yml", "ref": "main" });
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        refused(&config)
    };
    let check = |error: &str, expect: &str| assert!(error.contains(expect), "{error}");
    check(
        &refused(&json!({ "workflow": "deploy.yml" })),
        "ref: a workflow is started at a branch or tag",
    );
    check(
        &refused(&json!({ "workflow": "../deploy.yml", "ref": "main" })),
        "workflow: a workflow is named by its file",
    );
    check(
        &refused(&json!({ "workflow": "deploy.yml", "ref": "a..b" })),
        "ref: the ref is not the name",
    );
    check(
        &refused(&json!({ "ref": "main" })),
        "ref: `ref` is of a workflow dispatch, and there is no `workflow`",
    );
    check(
        &refused(&json!({ "inputs": {} })),
        "inputs: `inputs` is of a workflow dispatch",
    );
    check(
        &workflow(&json!({ "event_type": "deploy" })),
        "event_type: a workflow dispatch has no event type",
    );
    check(
        &workflow(&json!({ "payload": { "a": "b" } })),
        "payload: a workflow dispatch has no payload",
    );
    check(&workflow(&json!({ "naming": "azure_function" })), "naming: ");
    check(
        &workflow(&json!({ "inputs": { "relay_id": "x" } })),
        "inputs: the input \"relay_id\" is reserved",
    );
    check(
        &refused(&json!({ "naming": "azure_function", "event_type": "x" })),
        "naming: it says the event type",
    );
    check(
        &refused(&json!({ "naming": "azure_function", "event_types": [TYPE, "A.B"] })),
        "naming: the function names",
    );
    check(
        &refused(&json!({ "naming": "azure_function", "event_types": ["plain"] })),
        "naming: of \"plain\"",
    );
}

#[test]
fn ok_the_older_functions_naming() {
    let trial = RuleTrial::new([route(
        &json!({ "naming": "azure_function", "event_types": [TYPE.to_lowercase()] }),
    )])
    .unwrap();
    let tried = only(trial.on_file(fixture("own-eg-model-registered.json")).unwrap());
    let sent = tried.route("r").unwrap().sent().unwrap();
    assert_eq!(
        sent.target.action.to_string(),
        "machinelearningservices-modelregistered"
    );
    let expect = json!({
        "data": {
            "modelName": "harbor-demand", "modelVersion": "7", "modelTags": { "season": "winter", "team": "quay" },
            "modelProperties": { "framework": "lightgbm" }
        },
        "event_source": "MachineLearningServices", "integration": true, "unit ": false, "relay": { "id": sent.relay_id.as_str() }
    });
    assert_eq!(Value::Object(sent.payload.clone()), expect);
    // `data` that is JSON within a text is read, as the function reads it.
    let tried = only(
        trial
            .on_file(fixture("own-eg-model-registered-data-as-text.json"))
            .unwrap(),
    );
    assert!(
        tried.route("r").unwrap().sent().unwrap().payload["data"].is_object(),
        "{tried}"
    );
    // A payload of one's own, under the function's name.
    let mut own =
        route(&json!({ "naming": "azure_function", "payload": { "v": "${data.modelVersion|number}" } }));
    assert_eq!(own.naming, Naming::AzureFunction);
    own.name = "own".to_owned();
    let tried = RuleTrial::new([own])
        .unwrap()
        .on_file(fixture("own-eg-model-registered.json"))
        .unwrap();
    assert_eq!(only(tried).route("own").unwrap().sent().unwrap().payload["v"], 7);
}

#[test]
fn err_routes_that_may_send_one_event_twice() {
    let check = |a: Value, b: Value, expect: bool| {
        let one = loads_together(&a, &b);
        let other = loads_together(&b, &a);
        assert_eq!(
            (one.is_err(), other.is_err()),
            (expect, expect),
            "{a} {b}: {one:?}"
        );
        if let Err(why) = one {
            assert!(
                why.contains("an event can match this route and \"r\"") && why.contains("allow_overlap"),
                "{why}"
            );
        }
    };
    let stage = |operator: &str, values: &[&str]| json!({ "conditions": [{ "key": "data.modelTags.stage", "operator": operator, "values": values }] });
    check(json!({}), json!({}), true);
    check(json!({}), json!({ "allow_overlap": true }), false);
    check(json!({}), json!({ "repository": "a/c" }), false);
    check(json!({}), json!({ "event_type": "other" }), false);
    check(json!({}), stage("StringIn", &["a"]), true);
    check(stage("StringIn", &["a"]), stage("StringIn", &["b"]), false);
    check(stage("StringIn", &["a"]), stage("StringNotIn", &["A"]), false);
    check(stage("StringIn", &["a"]), stage("StringContains", &["a"]), true);
    // A tag and a condition are two ways to look, which nobody compares.
    check(
        json!({ "tags": { "stage": "b" } }),
        stage("StringIn", &["a"]),
        true,
    );
    check(
        json!({ "tags": { "stage": "b" } }),
        json!({ "tags": { "stage": "a" } }),
        false,
    );
    check(
        json!({ "tags": { "stage": "a", "area": "x" } }),
        json!({ "tags": { "stage": "a", "team": "y" } }),
        true,
    );
    let of = |key: &str, values: &[&str]| json!({ key: values });
    check(of("event_types", &["A.B"]), of("event_types", &["A.C"]), false);
    check(
        of("event_types", &["A.B", "A.C"]),
        of("event_types", &["a.c"]),
        true,
    );
    let id = |name: &str| {
        format!(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/{name}"
        )
    };
    check(json!({}), of("workspaces", &["w"]), true);
    check(of("workspaces", &["w"]), of("workspaces", &["v", "W"]), true);
    check(of("workspaces", &["w"]), of("workspaces", &["v"]), false);
    check(of("workspaces", &["w"]), of("workspaces", &[&id("W")]), true);
    check(of("workspaces", &["v"]), of("workspaces", &[&id("W")]), false);
    check(of("workspaces", &[&id("w")]), of("workspaces", &[&id("W")]), true);
    check(
        of("workspaces", &[&id("v")]),
        of("workspaces", &[&id("W")]),
        false,
    );
    check(of("models", &["a*"]), of("models", &["b*", "*c"]), true);
    check(of("models", &["a*"]), of("models", &["b*", "c"]), false);
    // An event of another type has no model that could tell them apart.
    check(
        json!({ "event_types": [TYPE, "Contoso.Other"], "models": ["a"] }),
        json!({ "event_types": [TYPE, "Contoso.Other"], "models": ["b"] }),
        true,
    );
    check(json!({}), of("subject_begins_with", &["models/a"]), true);
    check(
        of("subject_begins_with", &["models/"]),
        of("subject_begins_with", &["runs/", "MODELS/a"]),
        true,
    );
    check(
        of("subject_begins_with", &["models/a"]),
        of("subject_begins_with", &["models/b"]),
        false,
    );
    check(json!({}), of("subject_ends_with", &[":7"]), true);
    check(
        of("subject_ends_with", &[":7"]),
        of("subject_ends_with", &[":8", "a:7"]),
        true,
    );
    check(
        of("subject_ends_with", &["a:7"]),
        of("subject_ends_with", &["b:7"]),
        false,
    );
    let types = json!({ "event_types": [TYPE, "Contoso.Other"] });
    let of_type = |name: &str| json!({ "event_types": [TYPE, "Contoso.Other"], "conditions": [{ "key": "type", "operator": "StringIn", "values": [name] }] });
    check(types.clone(), of_type(TYPE), true);
    check(of_type("contoso.other"), of_type(TYPE), false);
    let started = |workflow: &str, git_ref: &str| json!({ "workflow": workflow, "ref": git_ref });
    check(started("a.yml", "main"), started("a.yml", "main"), true);
    check(
        started("a.yml", "main"),
        started(".github/workflows/a.yml", "refs/heads/main"),
        true,
    );
    check(started("a.yml", "main"), started("b.yml", "main"), false);
    check(started("a.yml", "main"), started("a.yml", "next"), false);
    // An id may be any file's.
    check(started("a.yml", "main"), started("77", "main"), true);
    check(started("78", "main"), started("77", "main"), false);
    check(started("a.yml", "main"), json!({}), false);
}

#[test]
fn ok_the_hash_is_of_all_routes_in_their_order() {
    let hash = |names: &[&str]| {
        let routes = names
            .iter()
            .map(|name| RouteConfig::new(*name, format!("a/{name}")));
        RuleSet::load(routes).unwrap().hash().to_owned()
    };
    let one = hash(&["r"]);
    assert!(
        one.len() == 16 && one.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{one}"
    );
    assert_eq!(one, hash(&["r"]));
    assert_ne!(one, hash(&["s"]));
    assert_ne!(hash(&["r", "s"]), hash(&["s", "r"]));
    assert_ne!(hash(&["r", "s"]), one);
}

#[test]
fn ok_a_router_behind_a_pointer_is_the_router() {
    let rules = RuleSet::load([RouteConfig::new("r", "a/b")]).unwrap();
    let element = json!({
        "id": "1", "topic": "/x", "subject": "models/m:7", "eventType": TYPE, "eventTime": "2026-11-22T10:00:00Z", "dataVersion": "2",
        "data": { "modelName": "m", "modelVersion": "7" }
    })
    .to_string();
    let event = Event::parse_element(&element).unwrap();
    let view = EventView::of(&event).unwrap();
    let check = |router: &dyn Router| {
        let names: Vec<_> = router
            .route(&view)
            .iter()
            .map(|route| route.name().to_owned())
            .collect();
        assert_eq!(names, ["r"], "{router:?}");
    };
    check(&rules);
    check(&Arc::new(rules.clone()));
    check(&Box::new(rules));
}

#[test]
fn ok_fields_that_no_event_is_known_to_have_are_remarked() {
    let trial = RuleTrial::new([route(&json!({
        "conditions": [{ "key": "data.modelTag.stage", "operator": "IsNotNull" }],
        "payload": { "a": ["${data.modelnam}", { "b": "${data.modelName}" }] }
    }))])
    .unwrap();
    assert_eq!(
        trial.remarks(),
        [
            "r: data.modelTag.stage: events of type modelregistered are not known to have data.modelTag",
            "r: data.modelnam: events of type modelregistered are not known to have data.modelnam"
        ]
    );
    assert_eq!(
        RuleTrial::new([RouteConfig::new("r", "a/b")]).unwrap().remarks(),
        Vec::<String>::new()
    );
}

#[test]
fn ok_a_report_says_of_every_route_what_comes_of_an_event() {
    let routes = json!([
        { "name": "types", "repository": "a/types", "event_types": ["A.B"] },
        { "name": "workspaces", "repository": "a/workspaces", "workspaces": ["other"] },
        { "name": "models", "repository": "a/models", "models": ["x*"] },
        { "name": "begins", "repository": "a/begins", "subject_begins_with": ["runs/"] },
        { "name": "ends", "repository": "a/ends", "subject_ends_with": [":8"] },
        { "name": "tags", "repository": "a/tags", "tags": { "team": "dock" } },
        { "name": "conditions", "repository": "a/conditions", "conditions": [
            { "key": "data.modelTags.team", "operator": "StringIn", "values": ["quay"] },
            { "all": [{ "key": "data.modelTags.none", "operator": "BoolEquals", "value": true }] }
        ] },
        { "name": "any", "repository": "a/any", "conditions": [{ "any": [{ "models": ["x"] }, { "not": { "workspaces": ["ws-lakeside"] } }] }] },
        { "name": "parks", "repository": "a/parks", "payload": { "v": "${data.modelTags.none}" } },
        { "name": "sends", "repository": "a/sends", "payload": { "v": "${data.modelVersion|number}" } }
    ]);
    let trial = RuleTrial::from_json(&routes.to_string()).unwrap();
    let tried = only(trial.on_file(fixture("own-eg-model-registered.json")).unwrap());
    assert_eq!(tried.wanted_by(), ["parks", "sends"]);
    let id = tried.route("sends").unwrap().sent().unwrap().relay_id.clone();
    let expect = format!(
        r#"{TYPE} of models/harbor-demand:7
  types: not wanted: event_types: it is {TYPE}
  workspaces: not wanted: workspaces: it is "ws-lakeside"
  models: not wanted: models: it is "harbor-demand"
  begins: not wanted: subject_begins_with: it is "models/harbor-demand:7"
  ends: not wanted: subject_ends_with: it is "models/harbor-demand:7"
  tags: not wanted: tags: team has to be "dock", and it is "\"quay\""
  conditions: not wanted: conditions: data.modelTags.none BoolEquals true, and it is not there
  any: not wanted: conditions: any(models ["x"], not(workspaces ["ws-lakeside"]))
  parks: parks: payload key "v": data.modelTags.none is not there
  sends: sends deploy_pipeline_action to a/sends: {{"relay":{{"id":"{id}"}},"v":7}}"#
    );
    assert_eq!(tried.to_string(), expect);
}

/// Every wire sample can be tried, whatever it is, and says what became of it.
#[test]
fn ok_every_wire_sample_can_be_tried() {
    let trial = RuleTrial::new([
        RouteConfig::new("deploy", "contoso/deploy"),
        route(&json!({
            "event_types": ["Microsoft.MachineLearningServices.RunStatusChanged"], "event_type": "alert",
            "conditions": [{ "any": [
                { "key": "data.runStatus", "operator": "StringIn", "values": ["Failed"] },
                { "key": "data.runTags.azureml_modelmonitor_threshold_breached", "operator": "IsNotNull" }
            ] }],
            "payload": { "run": "${data.runId}", "status": "${data.runStatus}" }
        })),
    ])
    .unwrap();
    let mut files: Vec<PathBuf> = std::fs::read_dir(fixture(""))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut n_sent, mut n_parked, mut n_alerts, mut n_unreadable) = (0, 0, 0, 0);
    for file in &files {
        for tried in trial.on_file(file).unwrap_or_default() {
            n_unreadable += usize::from(tried.unreadable.is_some());
            n_sent += usize::from(tried.route("deploy").is_some_and(|one| one.sent().is_some()));
            n_parked += usize::from(tried.route("deploy").is_some_and(|one| one.parks().is_some()));
            n_alerts += usize::from(tried.wanted_by().contains(&"r"));
            assert_ne!(tried.to_string(), "");
        }
    }
    assert!(
        files.len() >= 40 && n_sent >= 12 && n_parked >= 1 && n_alerts >= 2 && n_unreadable >= 2,
        "{n_sent} {n_parked} {n_alerts} {n_unreadable}"
    );
    let hostile = only(
        trial
            .on_file(fixture("own-eg-model-registered-hostile-name.json"))
            .unwrap(),
    );
    assert!(
        hostile
            .route("deploy")
            .unwrap()
            .parks()
            .unwrap()
            .contains("may enter a payload"),
        "{hostile}"
    );
    let huge = only(
        trial
            .on_file(fixture("own-eg-model-registered-huge-version.json"))
            .unwrap(),
    );
    assert!(huge.route("deploy").unwrap().sent().is_some(), "{huge}");
}

#[test]
fn err_trials_of_what_is_no_delivery() {
    let error =
        |result: Result<Vec<Tried>, relay_core::testing::rules::TrialError>| result.unwrap_err().to_string();
    let trial = RuleTrial::new([RouteConfig::new("r", "a/b")]).unwrap();
    assert!(error(trial.on("nonsense")).starts_with("not a delivery: "));
    assert!(error(trial.on_file(fixture("none.json"))).contains("none.json: "));
    assert!(
        RuleTrial::from_json("{}")
            .unwrap_err()
            .to_string()
            .starts_with("routes: ")
    );
    let error = RuleTrial::from_json(r#"[{"name":"r","repository":"a/b","evnt_type":"x"}]"#).unwrap_err();
    assert!(error.to_string().contains("unknown field `evnt_type`"), "{error}");
    let error = RuleTrial::from_json(r#"[{"name":"r","repository":"a"}]"#).unwrap_err();
    assert_eq!(
        error.to_string().split(": ").take(2).collect::<Vec<_>>(),
        ["route \"r\"", "repository"]
    );
}

/// A megabyte of tags: names are found in any casing, and what is not there is not found.
#[test]
fn ok_a_hundred_thousand_tags() {
    let tags: serde_json::Map<String, Value> = (0..100_000)
        .map(|n| (format!("Tag{n}"), json!(n.to_string())))
        .collect();
    let event = json!([{
        "id": "1", "topic": "/x", "subject": "models/m:7", "eventType": TYPE, "eventTime": "2026-11-22T10:00:00Z", "dataVersion": "2",
        "data": { "modelName": "m", "modelVersion": "7", "modelTags": tags }
    }]);
    let routes = (0..200).map(|n| {
        let mut route = RouteConfig::new(format!("r{n}"), format!("a/r{n}"));
        route
            .tags
            .insert(format!("tAG{}", n * 1_000), (n * 1_000).to_string());
        let condition = |key: &str| ConditionConfig::test(key, Operator::NumberLessThan, 5_000);
        route.conditions = vec![
            condition(&format!("data.MODELtags.TAG{n}")),
            ConditionConfig::negated(condition("data.modelTags.none")),
        ];
        route.payload =
            serde_json::Map::from_iter([("tag".to_owned(), json!(format!("${{data.modeltags.tag{n}}}")))]);
        route
    });
    let tried = only(RuleTrial::new(routes).unwrap().on(event.to_string()).unwrap());
    let wanted = tried.wanted_by();
    assert_eq!((wanted.len(), wanted[0], wanted[99]), (100, "r0", "r99"));
    assert_eq!(tried.route("r42").unwrap().sent().unwrap().payload["tag"], "42");
    assert!(
        tried
            .route("r150")
            .unwrap()
            .why_not()
            .unwrap()
            .contains("tAG150000")
    );
}

fn some<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = Vec<T>> + use<T> {
    let values = values.to_vec();
    prop_oneof![Just(Vec::new()), vec(select(values), 1..3)]
}

fn any_route() -> impl Strategy<Value = RouteConfig> {
    let own = |text: &[&str]| text.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let condition = (
        select(vec![
            "data.modelTags.stage",
            "data.modelTags.Stage",
            "subject",
            "type",
        ]),
        select(vec![
            Operator::StringIn,
            Operator::StringNotIn,
            Operator::StringBeginsWith,
            Operator::StringEndsWith,
            Operator::StringContains,
        ]),
        vec(
            select(vec![
                "prod",
                "dev",
                "models/",
                ":7",
                "Contoso.Other",
                TYPE,
                "microsoft.",
            ]),
            1..3,
        ),
        any::<bool>(),
    );
    let condition = condition.prop_map(|(key, operator, values, negated)| {
        let test = ConditionConfig::test(key, operator, json!(values));
        if negated {
            ConditionConfig::negated(test)
        } else {
            test
        }
    });
    (
        some(&own(&[TYPE, "Contoso.Other"])),
        some(&own(&[
            "w",
            "v",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/W",
        ])),
        some(&own(&["*", "a*", "*b", "ab", "?b"])),
        some(&own(&["models/a", "MODELS/", "runs/"])),
        some(&own(&[":7", "b:7", ":8"])),
        vec(
            (select(own(&["stage", "Stage"])), select(own(&["prod", "dev"]))),
            0..2,
        ),
        vec(condition, 0..3),
    )
        .prop_map(|(types, workspaces, models, begins, ends, tags, conditions)| {
            let mut route = RouteConfig::new("r", "a/b");
            if !types.is_empty() {
                route.event_types = types;
            }
            if !models.is_empty() {
                route.models = models;
            }
            route.workspaces = workspaces;
            route.subject_begins_with = begins;
            route.subject_ends_with = ends;
            route.tags = tags.into_iter().collect();
            route.conditions = conditions;
            route
        })
}

fn any_event() -> impl Strategy<Value = Value> {
    let tags = vec(
        (
            select(vec!["stage", "Stage"]),
            select(vec![json!("prod"), json!("dev"), json!(["prod", "dev"])]),
        ),
        0..3,
    );
    (any::<bool>(), select(vec!["w", "V"]), select(vec!["ab", "b", "aab"]), select(vec!["7", "8"]), tags).prop_map(
        |(is_model, workspace, model, version, tags)| {
            let tags: serde_json::Map<String, Value> = tags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let (event_type, data) = if is_model {
                (TYPE, json!({ "modelName": model, "modelVersion": version, "modelTags": tags }))
            } else {
                ("Contoso.Other", json!({ "modelTags": tags }))
            };
            json!([{
                "id": "1", "topic": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/{workspace}"),
                "subject": format!("models/{model}:{version}"), "eventType": event_type, "eventTime": "2026-11-22T10:00:00Z",
                "dataVersion": "2", "data": data
            }])
        },
    )
}

proptest! {
    #![proptest_config(Config::with_cases(3_000))]

    /// Two routes that load side by side never want one event; and what a route says of an event is what the router does.
    #[test]
    fn ok_routes_that_load_together_never_want_one_event(a in any_route(), b in any_route(), event in any_event()) {
        let (mut a, mut b) = (a, b);
        b.name = "s".to_owned();
        let together = RuleTrial::new([a.clone(), b.clone()]);
        (a.allow_overlap, b.repository) = (true, "a/other".to_owned());
        let (Ok(one), Ok(other)) = (RuleTrial::new([a]), RuleTrial::new([b])) else {
            return Ok(());
        };
        let wanted = |trial: &RuleTrial| !only(trial.on(event.to_string()).unwrap()).wanted_by().is_empty();
        let both = wanted(&one) && wanted(&other);
        if both {
            assert!(together.is_err(), "{event}");
        }
        if let Ok(together) = together {
            let n = only(together.on(event.to_string()).unwrap()).wanted_by().len();
            assert_eq!(n, usize::from(wanted(&one)) + usize::from(wanted(&other)));
        }
    }
}
