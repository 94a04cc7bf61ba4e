//! Faults that a reviewer found: each of these fails.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use relay_core::dispatch::{Advice, Checked, Dispatched, Scope};
use relay_core::journal::MemoryJournal;
use relay_core::journal::item::Verdict;
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::webhook::SharedSecrets;
use serde_json::{Map, Value, json};

use crate::rig::{Rig, WORKSPACE, after, builder, deploy, doubles, error, json_of, registered, request};
use relay_core::testing::doubles::ScriptedDispatcher;

/// DESIGN 6: two routes that can send the same event to the same place are refused when rules load.
#[test]
fn fault_overlap_of_events_without_a_model_is_not_seen() {
    let route = |name: &str, model: &str| {
        let mut route = RouteConfig::new(name, "contoso/deploy");
        route.event_types = vec!["Microsoft.MachineLearningServices.RunCompleted".to_owned()];
        route.models = vec![model.to_owned()];
        route.payload = Map::from_iter([("id".to_owned(), Value::from("${id}"))]);
        route
    };
    let loaded = RuleSet::load([route("a", "a*"), route("b", "b*")]);
    assert!(loaded.is_err(), "both send every RunCompleted to contoso/deploy");
}

#[tokio::test]
async fn fault_one_event_without_a_model_starts_the_same_workflow_twice() {
    let route = |name: &str, model: &str| {
        let mut route = RouteConfig::new(name, "contoso/deploy");
        route.event_types = vec!["Microsoft.MachineLearningServices.RunCompleted".to_owned()];
        route.models = vec![model.to_owned()];
        route.payload = Map::from_iter([("id".to_owned(), Value::from("${id}"))]);
        route
    };
    let rig = Rig::with(MemoryJournal::new(), [route("a", "a*"), route("b", "b*")]);
    rig.deliver(&json!([{
        "id": "1", "topic": WORKSPACE, "subject": "experiments/e/runs/r", "eventTime": "2026-11-22T10:00:00Z",
        "eventType": "Microsoft.MachineLearningServices.RunCompleted", "dataVersion": "2",
        "data": {"experimentId": "e", "experimentName": "e", "runId": "r", "runType": "x", "runTags": {}, "runProperties": {}}
    }]))
    .await;
    rig.drain().await;
    assert_eq!(rig.github.requests().len(), 1, "one event, one place");
}

/// A token without *Actions: read* gets 403 for the list of runs: dispatching to the target must not stop.
#[tokio::test]
async fn fault_a_probe_that_is_forbidden_closes_the_target_for_dispatches() {
    let rig = Rig::new();
    rig.github.always_probe(error(
        Advice::Block(Scope::Target),
        "403: actions=read is missing",
    ));
    rig.github.then_dispatch(error(Advice::Unknown, "no answer"));
    rig.release("0", "first", "1").await;
    rig.relay.run_due().await.unwrap();
    rig.clock.set(after(5));
    rig.relay.run_due().await.unwrap();
    for n in 0..20 {
        rig.release(&format!("n{n}"), &format!("model-{n}"), "1").await;
    }
    // Ten minutes are enough for twenty requests at one a second.
    for second in (6..600).step_by(2) {
        rig.clock.set(after(second));
        rig.relay.run_due().await.unwrap();
    }
    let in_ten_minutes = rig.github.requests().len() - 1;
    for second in (600..7_200).step_by(2) {
        rig.clock.set(after(second));
        rig.relay.run_due().await.unwrap();
    }
    let in_two_hours = rig.github.requests().len() - 1;
    let blocked = rig.told_of("blocked target").await.len();
    assert_eq!(
        (in_ten_minutes, in_two_hours),
        (20, 20),
        "sent within ten minutes, within two hours; {blocked} blocks"
    );
}

/// DESIGN 6: it resends only at a target known to show the id. Here the last check says that it does not.
#[tokio::test]
async fn fault_a_target_that_no_longer_shows_the_id_is_still_resent_to() {
    let journal = Arc::new(MemoryJournal::new());
    let rig = Rig::with(Arc::clone(&journal), [deploy()]);
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    assert_eq!(rig.github.requests().len(), 1);
    // Somebody takes the id out of run-name; the relay restarts and checks.
    journal.reopen();
    rig.github.always_check(Ok(Checked {
        shows_relay_id: false,
        remarks: Vec::new(),
    }));
    rig.github
        .then_dispatch(error(Advice::Unknown, "accepted, and the answer lost"));
    rig.release("2", "credit-risk", "8").await;
    rig.drain().await;
    let told = rig.told_of("").await;
    assert_eq!(
        rig.github.requests().len(),
        2,
        "version 8 was started a second time: {told:#?}"
    );
    assert_eq!(
        rig.items().await[1].verdict.as_ref().map(Verdict::as_str),
        Some("parked")
    );
}

/// The URL of the event subscription as people write it: a base64 secret with a plus in it.
#[tokio::test]
async fn fault_a_secret_with_a_plus_is_never_admitted_from_the_query() {
    let (clock, alarm) = doubles();
    let relay = builder(
        MemoryJournal::new(),
        ScriptedDispatcher::new(),
        [deploy()],
        &clock,
        &alarm,
    )
    .with_secrets(SharedSecrets::new(["ab+cd/ef=="]).unwrap())
    .build()
    .unwrap();
    let body = json!([registered("1", "credit-risk", "7")]).to_string();
    let answer = relay
        .accept(request(
            &Method::POST,
            "/events?code=ab+cd/ef==",
            &[],
            body.into(),
        ))
        .await;
    assert_eq!(answer.status(), 200, "401 is never retried: the event is lost");
}

#[tokio::test]
async fn fault_a_secret_with_a_line_end_from_its_file_is_never_admitted() {
    let (clock, alarm) = doubles();
    let relay = builder(
        MemoryJournal::new(),
        ScriptedDispatcher::new(),
        [deploy()],
        &clock,
        &alarm,
    )
    // Taken without a word: it should be refused here, or trimmed.
    .with_secrets(SharedSecrets::new(["lantern\n"]).unwrap())
    .build()
    .unwrap();
    let body = json!([registered("1", "credit-risk", "7")]).to_string();
    let answer = relay
        .accept(request(&Method::POST, "/events?code=lantern", &[], body.into()))
        .await;
    assert_eq!(answer.status(), 200, "401 is never retried: the event is lost");
}

/// Section 4: larger than the limit is 413; what is no event is kept, 200. This body has 15 kB.
#[tokio::test]
async fn fault_many_small_elements_are_413_and_the_good_one_is_lost() {
    let rig = Rig::new();
    let mut elements = vec![Value::from(1); 5_000];
    elements.push(registered("1", "credit-risk", "7"));
    let answer = rig.post(Value::from(elements).to_string()).await;
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    assert_eq!(json_of(&answer)["accepted"], 1);
}

impl Rig {
    fn clock_now(&self) -> relay_core::clock::Timestamp {
        use relay_core::clock::Clock;
        self.clock.now()
    }
}
