//! The numbers we publish, in the order of the path: `parse`, `route`, `build_request`, `journal`, `flow`.
//!
//! `cargo bench -p relay-benches` measures; `-- --test` runs each body one time. Every bench asserts what it measures:
//! a fast wrong answer fails. Inputs are our own fixtures and events of their shape.
#![expect(
    clippy::expect_used,
    reason = "an input that cannot be made is a broken bench"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use eventgrid_schema::Event;
use http::Request;
use relay_core::budget::Budget;
use relay_core::journal::Journal;
use relay_core::rules::{ConditionConfig, EventView, Operator, RouteConfig, RuleSet};
use relay_core::testing::doubles::ScriptedDispatcher;
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use serde_json::json;

/// One `ModelRegistered` in the Event Grid schema, an array of one.
pub const MODEL_REGISTERED: &str = include_str!("../../fixtures/events/own-eg-model-registered.json");

/// The element of [`MODEL_REGISTERED`].
#[must_use]
pub fn element() -> &'static str {
    MODEL_REGISTERED
        .trim()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim()
}

/// A body of `n` events: an array.
#[must_use]
pub fn body(n: usize) -> String {
    format!("[{}]", vec![element(); n].join(","))
}

/// A delivery of one event of a model that never came before.
///
/// # Panics
/// Never: its parts are constants.
#[must_use]
pub fn fresh_delivery() -> Request<Bytes> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let body = format!(
        r#"[{{"topic":"/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w","subject":"models/m{n}:1","eventType":"Microsoft.MachineLearningServices.ModelRegistered","eventTime":"2026-11-22T10:00:00.1234567Z","id":"e{n}","data":{{"modelName":"m{n}","modelVersion":"1","modelTags":{{}},"modelProperties":{{}}}},"dataVersion":"2","metadataVersion":"1"}}]"#
    );
    Request::post("/events?code=s")
        .body(Bytes::from(body))
        .expect("a request")
}

/// The body of a delivery of one event: version 1 of model `m<n>`, as the service writes it, of about 800 bytes.
#[must_use]
pub fn model_registered(n: usize) -> String {
    format!("[{}]", registered(n, "1"))
}

/// An element in the Event Grid schema, its keys in the order in which the service writes them.
#[must_use]
pub fn registered(n: usize, version: &str) -> String {
    format!(
        r#"{{"topic":"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ml/providers/Microsoft.MachineLearningServices/workspaces/ws-prod","eventType":"Microsoft.MachineLearningServices.ModelRegistered","subject":"models/m{n}:{version}","eventTime":"2026-11-22T10:00:00.1234567Z","id":"8a6b3c1d-0000-4000-8000-{n:012}-{version}","data":{{"modelName":"m{n}","modelVersion":"{version}","modelTags":{{"stage":"prod","team":"churn"}},"modelProperties":{{"azureml.runid":"run-{n}","framework":"sklearn"}}}},"dataVersion":"2","metadataVersion":"1"}}"#
    )
}

/// A shorter element: 5,000 of them are a delivery of about 1 MB.
#[must_use]
pub fn short(n: usize) -> String {
    format!(
        r#"{{"topic":"/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w","eventType":"Microsoft.MachineLearningServices.ModelRegistered","subject":"models/m{n}:1","id":"{n}","data":{{"modelName":"m{n}","modelVersion":"1"}}}}"#
    )
}

/// A relay over this journal, one route, no bound on the rate, and GitHub as a double that accepts.
///
/// # Panics
/// Never: its parts are constants.
#[must_use]
pub fn relay(journal: impl Journal + 'static) -> (Relay, Arc<ScriptedDispatcher>) {
    let github = Arc::new(ScriptedDispatcher::new());
    let rules = RuleSet::load([RouteConfig::new("deploy", "contoso/deploy")]).expect("rules");
    let relay = RelayBuilder::new(journal, Arc::clone(&github), rules)
        .with_secrets(SharedSecrets::new(["s", "a-shared-secret"]).expect("a secret"))
        .with_budget(Budget::unbounded().with_max_in_flight(0))
        .build()
        .expect("a relay");
    (relay, github)
}

/// So many routes, of which the last wants [`element`] and the others want models of other names.
#[must_use]
pub fn routes_by_model(n: usize) -> RuleSet {
    let event = Event::parse_element(element()).expect("an event");
    let model = EventView::of(&event)
        .expect("readable")
        .model()
        .expect("a model")
        .to_owned();
    let configs = (0..n).map(|i| {
        let mut config = RouteConfig::new(format!("r{i}"), format!("contoso/deploy-{i}"));
        config.models = vec![if i + 1 == n {
            model.clone()
        } else {
            format!("other-{i}-*")
        }];
        config
    });
    RuleSet::load(configs).expect("rules")
}

/// So many routes, each of which looks at three fields of `data` before it knows; the last wants [`element`].
#[must_use]
pub fn routes_by_conditions(n: usize) -> RuleSet {
    let configs = (0..n).map(|i| {
        let mut config = RouteConfig::new(format!("r{i}"), format!("contoso/deploy-{i}"));
        let team = if i + 1 == n {
            "QUAY".to_owned()
        } else {
            format!("team-{i}")
        };
        config.conditions = vec![
            ConditionConfig::test("data.modelVersion", Operator::NumberGreaterThanOrEquals, 7),
            ConditionConfig::test(
                "data.modelTags.season",
                Operator::StringNotIn,
                json!(["summer", "spring"]),
            ),
            ConditionConfig::test("data.modelTags.team", Operator::StringIn, json!([team, "none"])),
        ];
        config
    });
    RuleSet::load(configs).expect("rules")
}
