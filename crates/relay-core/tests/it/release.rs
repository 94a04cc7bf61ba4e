//! **Here**: one dispatch per release, and the order within a lane, from outside.
//! **Not here**: one delivery on its way (`flow`), every order of every step (`props`).
//! **Reads**: `rig` for the relay and its doubles.
//! **Source**: DESIGN section 2, the promise; section 6, one dispatch per release, lane and order.

use relay_core::alarm::Alert;
use relay_core::dispatch::{Advice, Sighting};
use relay_core::journal::item::{ItemId, Verdict};
use relay_core::journal::{Command, MemoryJournal};
use relay_core::lane::{LaneMode, Order};
use relay_core::retry::Again;
use relay_core::rules::{RouteConfig, RuleSet};
use serde_json::{Map, Value, json};

use crate::rig::{REGISTERED, Rig, WORKSPACE, deploy, error, receipt, registered, run};

const ACCEPTED: [u64; 5] = [1, 0, 0, 0, 0];
const SEEN_AGAIN: [u64; 5] = [0, 1, 0, 0, 0];

fn rig_of(change: impl FnOnce(&mut RouteConfig)) -> Rig {
    let mut route = deploy();
    change(&mut route);
    Rig::with(MemoryJournal::new(), [route])
}

/// The same event with another time.
fn at(mut event: Value, time: &str) -> Value {
    event["eventTime"] = Value::from(time);
    event
}

impl Rig {
    async fn verdicts(&self) -> Vec<String> {
        let word = |verdict: Option<Verdict>| verdict.map_or("open", |verdict| verdict.as_str()).to_owned();
        let items = self.items().await;
        items.into_iter().map(|item| word(item.verdict)).collect()
    }

    fn parked(&self) -> usize {
        let alerts = self.alarm.take();
        let parked = |alert: &&Alert| matches!(alert, Alert::Parked { .. });
        alerts.iter().filter(parked).count()
    }
}

#[tokio::test]
async fn ok_the_same_event_twice_is_dispatched_once() {
    let rig = Rig::new();
    assert_eq!(rig.release("1", "credit-risk", "7").await, receipt(ACCEPTED));
    assert_eq!(
        rig.release("1", "credit-risk", "7").await,
        receipt(SEEN_AGAIN),
        "while it waits"
    );
    rig.drain().await;
    assert_eq!(
        rig.release("1", "credit-risk", "7").await,
        receipt(SEEN_AGAIN),
        "after it went out"
    );
    // The key is the event's: what a redelivery says otherwise does not count.
    let changed = registered("1", "fraud", "9");
    assert_eq!(rig.deliver(&changed).await, receipt(SEEN_AGAIN));
    rig.drain().await;
    rig.assert_told(&[
        "0 event 1 accepted",
        "0 item 1 began deploy version 7 generation 1",
        "0 event 1 seen again",
        "0 checked: shows the relay id",
        "0 item 1 send",
        "0 item 1 dispatch",
        "0 event 1 seen again",
        "0 event 1 seen again",
    ])
    .await;
    assert_eq!(rig.sent(), ["7"]);
    let counts = rig.relay.counts();
    assert_eq!((counts.accepted, counts.seen_again), (1, 3));
}

/// Another id does not make another release, and neither does another way of writing it.
#[tokio::test]
async fn ok_one_release_in_any_wire_form_is_one_dispatch() {
    let data =
        json!({"modelName": "credit-risk", "modelVersion": "7", "modelTags": {}, "modelProperties": {}});
    let pascal = json!({"ModelName": "credit-risk", "ModelVersion": 7, "ModelTags": null});
    let event_grid = |id: &str, topic: &str, time: &str, data: &Value| {
        json!([{
            "id": id, "topic": topic, "subject": "models/credit-risk:7", "data": data, "eventTime": time,
            "eventType": REGISTERED, "dataVersion": ""
        }])
    };
    let cloud = |id: &str, version_key: &str, time: &str, data: &Value| {
        json!({
            version_key: "1.0", "id": id, "source": WORKSPACE, "type": REGISTERED,
            "subject": "models/credit-risk:7", "time": time, "data": data
        })
    };
    let time = "2026-11-22T10:00:00.2500000Z";
    let forms = [
        event_grid("a", WORKSPACE, time, &data),
        event_grid("b", &WORKSPACE.to_uppercase(), time, &data),
        event_grid("c", WORKSPACE, time, &pascal),
        event_grid("d", WORKSPACE, time, &Value::from(data.to_string())),
        event_grid("e", WORKSPACE, "2026-11-22T11:00:00.25+01:00", &data)[0].clone(),
        cloud("f", "specversion", time, &data),
        cloud("g", "specVersion", "2026-11-22T10:00:00.250Z", &pascal),
        json!([cloud("h", "specversion", time, &data)]),
        at(registered("i", "credit-risk", "7"), "2026-11-22T09:59:59Z"),
        at(
            registered("j", "credit-risk", "7"),
            "2026-11-22T10:00:00.2499999Z",
        ),
    ];
    for first in &forms[..8] {
        let rig = Rig::new();
        assert_eq!(rig.deliver(first).await, receipt(ACCEPTED), "{first}");
        for (n, form) in forms.iter().enumerate() {
            assert_eq!(
                rig.deliver(form).await,
                receipt(SEEN_AGAIN),
                "{form} after {first}"
            );
            if n == 4 {
                rig.drain().await;
            }
        }
        rig.drain().await;
        let requests = rig.github.requests();
        assert_eq!(requests.len(), 1, "{first}");
        assert_eq!(requests[0].payload["model_name"], "credit-risk", "{first}");
        assert_eq!(
            requests[0].payload["model_version"], "7",
            "{first}: a text, whatever came"
        );
        assert_eq!(rig.alarm.take(), [], "{first}");
    }
}

/// What releases no model is a release of its own, by source in any casing and id.
#[tokio::test]
async fn ok_an_event_without_a_model_is_a_release_of_its_own() {
    const COMPLETED: &str = "Microsoft.MachineLearningServices.RunCompleted";
    let rig = rig_of(|route| {
        route.event_types = vec![COMPLETED.to_owned()];
        route.payload = Map::from_iter([("run".to_owned(), json!("${data.runId}"))]);
    });
    let completed = |id: &str, topic: &str| {
        json!({
            "id": id, "topic": topic, "subject": "experiments/e/runs/r", "eventType": COMPLETED,
            "eventTime": "2026-11-22T10:00:00Z", "data": {"runId": "r", "RunTags": {"a.b": "c"}}
        })
    };
    assert_eq!(rig.deliver(&completed("1", WORKSPACE)).await, receipt(ACCEPTED));
    assert_eq!(
        rig.deliver(&completed("1", &WORKSPACE.to_uppercase())).await,
        receipt(SEEN_AGAIN)
    );
    assert_eq!(rig.deliver(&completed("2", WORKSPACE)).await, receipt(ACCEPTED));
    assert_eq!(
        rig.deliver(&completed("1", "/elsewhere")).await,
        receipt(ACCEPTED)
    );
    rig.drain().await;
    assert_eq!(rig.verdicts().await, ["dispatched", "dispatched", "dispatched"]);
}

/// A route says itself what counts as one release: here all events of one run, whatever their ids.
#[tokio::test]
async fn ok_a_release_key_of_a_route_takes_the_place_of_the_usual_one() {
    const CHANGED: &str = "Microsoft.MachineLearningServices.RunStatusChanged";
    let rig = rig_of(|route| {
        route.event_types = vec![CHANGED.to_owned()];
        route.payload = Map::from_iter([("run".to_owned(), json!("${data.runId}"))]);
        route.release_key = Some("${data.runId}".to_owned());
        route.again = Again::Ignore;
    });
    let changed = |id: &str, run: &Value, time: &str| {
        json!({
            "id": id, "topic": WORKSPACE, "subject": "experiments/e/runs/r", "eventType": CHANGED, "eventTime": time,
            "data": {"runId": run, "runStatus": "Running"}
        })
    };
    let first = changed("1", &json!("r-1"), "2026-11-22T10:00:00Z");
    assert_eq!(rig.deliver(&first).await, receipt(ACCEPTED));
    let later = changed("2", &json!("r-1"), "2026-11-22T10:05:00Z");
    assert_eq!(rig.deliver(&later).await, receipt(SEEN_AGAIN));
    let other = changed("3", &json!("r-2"), "2026-11-22T10:05:00Z");
    assert_eq!(rig.deliver(&other).await, receipt(ACCEPTED));
    // A key that is no plain text is none: a person decides, and nothing is sent.
    let odd = changed("4", &json!("$(id)"), "2026-11-22T10:05:00Z");
    assert_eq!(rig.deliver(&odd).await, receipt(ACCEPTED));
    rig.drain().await;
    assert_eq!(rig.verdicts().await, ["dispatched", "dispatched", "parked"]);
    assert_eq!(rig.github.requests().len(), 2);
}

/// A model of something that is no workspace is known by its source, in any casing.
#[tokio::test]
async fn ok_a_source_that_is_no_workspace_is_compared_in_any_casing() {
    let rig = Rig::new();
    let from = |id: &str, topic: &str| {
        let mut event = registered(id, "credit-risk", "7");
        event["topic"] = Value::from(topic);
        event
    };
    assert_eq!(rig.deliver(&from("1", "/Lab/Scoring")).await, receipt(ACCEPTED));
    assert_eq!(rig.deliver(&from("2", "/LAB/SCORING")).await, receipt(SEEN_AGAIN));
    assert_eq!(rig.deliver(&from("3", "/lab/other")).await, receipt(ACCEPTED));
}

#[tokio::test]
async fn ok_registered_again_follows_the_route() {
    let check = async |again: Again, taken: [u64; 5], n_requests: usize, verdicts: &[&str]| {
        let rig = rig_of(|route| route.again = again);
        rig.release("1", "credit-risk", "7").await;
        rig.drain().await;
        let later = at(
            registered("2", "credit-risk", "7"),
            "2026-11-22T10:00:00.2500001Z",
        );
        assert_eq!(rig.deliver(&later).await, receipt(taken), "{again:?}");
        let alerts = rig.alarm.take();
        let told = |alert: &Alert| matches!(alert, Alert::RegisteredAgain { .. });
        assert_eq!(
            alerts.iter().any(told),
            verdicts.len() == 2,
            "{again:?}: {alerts:?}"
        );
        rig.drain().await;
        assert_eq!(rig.verdicts().await, verdicts, "{again:?}");
        let requests = rig.github.requests();
        assert_eq!(requests.len(), n_requests, "{again:?}");
        if n_requests == 2 {
            assert_ne!(requests[0].relay_id, requests[1].relay_id, "a new generation");
        }
        // Whatever followed, the same time once more is only seen again.
        let thrice = at(
            registered("3", "credit-risk", "7"),
            "2026-11-22T10:00:00.2500001Z",
        );
        assert_eq!(rig.deliver(&thrice).await, receipt(SEEN_AGAIN), "{again:?}");
    };
    check(Again::Park, ACCEPTED, 1, &["dispatched", "parked"]).await;
    check(Again::Ignore, SEEN_AGAIN, 1, &["dispatched"]).await;
    check(Again::Dispatch, ACCEPTED, 2, &["dispatched", "dispatched"]).await;
}

#[tokio::test]
async fn ok_every_route_that_matches_has_an_item_of_its_own() {
    let routes = [deploy(), RouteConfig::new("audit", "contoso/audit")];
    let rig = Rig::with(MemoryJournal::new(), routes);
    assert_eq!(rig.release("1", "credit-risk", "7").await, receipt(ACCEPTED));
    rig.drain().await;
    let requests = rig.github.requests();
    let to: Vec<_> = requests
        .iter()
        .map(|request| request.target.repository.as_str())
        .collect();
    assert_eq!(to, ["contoso/deploy", "contoso/audit"]);
    assert_ne!(requests[0].relay_id, requests[1].relay_id);
    assert_eq!(rig.verdicts().await, ["dispatched", "dispatched"]);
}

#[tokio::test]
async fn ok_a_newer_version_supersedes_an_older_one_that_waits() {
    let rig = Rig::new();
    rig.release("1", "credit-risk", "9").await;
    rig.release("2", "fraud", "1").await;
    rig.release("3", "credit-risk", "10").await;
    rig.drain().await;
    rig.assert_told(&[
        "0 event 1 accepted",
        "0 item 1 began deploy version 9 generation 1",
        "0 event 2 accepted",
        "0 item 2 began deploy version 1 generation 1",
        "0 event 3 accepted",
        "0 item 3 began deploy version 10 generation 1",
        "0 item 1 supersede by version 10",
        "0 checked: shows the relay id",
        "0 item 2 send",
        "0 item 2 dispatch",
        "1 item 3 send",
        "1 item 3 dispatch",
    ])
    .await;
    let items = rig.items().await;
    let by = format!("version 10 ({})", items[2].relay_id);
    assert_eq!(items[0].verdict, Some(Verdict::Superseded { by }));
    assert_eq!(rig.alarm.take(), []);
}

#[tokio::test]
async fn ok_versions_of_one_delivery_in_any_order_send_the_newest_only() {
    let versions = ["9", "10", "11", "100"];
    for turn in 0..versions.len() {
        for backwards in [false, true] {
            let mut order = versions.to_vec();
            order.rotate_left(turn);
            if backwards {
                order.reverse();
            }
            let events: Vec<_> = order.iter().map(|v| registered(v, "credit-risk", v)).collect();
            let rig = Rig::new();
            assert_eq!(rig.deliver(&Value::from(events)).await, receipt([4, 0, 0, 0, 0]));
            rig.drain().await;
            assert_eq!(rig.sent(), ["100"], "{order:?}");
            let mut verdicts = rig.verdicts().await;
            verdicts.sort();
            assert_eq!(verdicts, ["dispatched", "superseded", "superseded", "superseded"]);

            let events: Vec<_> = order.iter().map(|v| registered(v, "credit-risk", v)).collect();
            let every = rig_of(|route| route.lane = LaneMode::Every);
            every.deliver(&Value::from(events)).await;
            every.drain().await;
            assert_eq!(every.sent(), versions, "{order:?}");
        }
    }
}

#[tokio::test]
async fn ok_a_version_without_a_place_parks_and_names_the_setting() {
    for version in ["2026-11", "1.0", "v7"] {
        let rig = Rig::new();
        rig.release("1", "credit-risk", version).await;
        rig.drain().await;
        assert_eq!(rig.sent(), [""; 0], "{version}");
        let told = rig.told_of("park").await;
        assert!(told[0].contains("order = \"version\""), "{told:?}");
        assert_eq!(rig.parked(), 1, "{version}");

        let by_time = rig_of(|route| route.order = Order::EventTime);
        by_time.release("1", "credit-risk", version).await;
        by_time.drain().await;
        assert_eq!(by_time.sent(), [version]);
    }
}

#[tokio::test]
async fn ok_an_older_version_never_goes_out_after_a_newer_one() {
    let rig = Rig::new();
    rig.release("1", "credit-risk", "10").await;
    rig.drain().await;
    assert_eq!(rig.release("2", "credit-risk", "9").await, receipt(ACCEPTED));
    rig.drain().await;
    rig.assert_told(&[
        "0 event 1 accepted",
        "0 item 1 began deploy version 10 generation 1",
        "0 checked: shows the relay id",
        "0 item 1 send",
        "0 item 1 dispatch",
        "0 event 2 accepted",
        "0 item 2 began deploy version 9 generation 1",
        "0 item 2 supersede by version 10",
    ])
    .await;
    assert_eq!(rig.sent(), ["10"]);
}

#[tokio::test]
async fn ok_where_every_version_goes_out_a_late_one_parks_until_a_person_decides() {
    for allow_older in [false, true] {
        let rig = rig_of(|route| route.lane = LaneMode::Every);
        rig.release("1", "credit-risk", "10").await;
        rig.drain().await;
        rig.release("2", "credit-risk", "9").await;
        assert_eq!(rig.parked(), 1);
        rig.release("3", "credit-risk", "11").await;
        rig.drain().await;
        assert_eq!(
            rig.verdicts().await,
            ["dispatched", "parked", "open"],
            "parking blocks the lane"
        );
        let late =
            "0 item 2 park: late: version 10 of this lane has gone out, or may have, before version 9 came";
        assert_eq!(rig.told_of("park").await, [late]);

        let item = ItemId(2);
        let replay = |allow_older| Command::Replay { item, allow_older };
        let refused = rig.relay.command(replay(false)).await.unwrap_err().to_string();
        assert!(refused.contains("allow_older"), "{refused}");
        let why = "not wanted any more".to_owned();
        let command = if allow_older {
            replay(true)
        } else {
            Command::Refuse { item, why }
        };
        rig.relay.command(command).await.unwrap();
        rig.drain().await;
        if allow_older {
            assert_eq!(rig.sent(), ["10", "9", "11"], "the only exception to the order");
            assert_eq!(
                rig.verdicts().await,
                ["dispatched", "parked", "dispatched", "dispatched"]
            );
        } else {
            assert_eq!(rig.sent(), ["10", "11"]);
            assert_eq!(rig.verdicts().await, ["dispatched", "refused", "dispatched"]);
        }
    }
}

/// The lane stays with a request whose fate is open; what came meanwhile decides what becomes of it.
#[tokio::test]
async fn ok_a_newer_version_waits_for_a_lost_answer_and_takes_its_place() {
    let check = async |seen_at_last: bool, sent: &[&str], verdicts: &[&str]| {
        let rig = Rig::new();
        rig.github.then_dispatch(error(Advice::Unknown, "no answer"));
        rig.release("1", "credit-risk", "9").await;
        rig.relay.run_due().await.unwrap();
        rig.release("2", "credit-risk", "10").await;
        rig.release("3", "credit-risk", "8").await;
        rig.relay.run_due().await.unwrap();
        assert_eq!(rig.sent(), ["9"], "one request in flight per lane");
        assert_eq!(rig.verdicts().await, ["open", "open", "superseded"]);
        for _ in 0..10 {
            rig.github.then_probe(Ok(Sighting::NotSeen));
        }
        if seen_at_last {
            rig.github.then_probe(Ok(Sighting::Seen(run("42"))));
        }
        rig.drain().await;
        assert_eq!(rig.sent(), sent);
        assert_eq!(rig.verdicts().await, verdicts);
        let supersede = [
            "0 item 3 supersede by version 9",
            "600 item 1 supersede by version 10",
        ];
        let n = if seen_at_last { 1 } else { 2 };
        assert_eq!(rig.told_of("supersede").await, supersede[..n]);
    };
    check(true, &["9", "10"], &["dispatched", "dispatched", "superseded"]).await;
    check(false, &["9", "10"], &["superseded", "dispatched", "superseded"]).await;
}

/// DESIGN 6: two routes that can send the same event to the same place are refused when rules load.
#[test]
fn err_routes_that_share_events_without_a_model_overlap() {
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
