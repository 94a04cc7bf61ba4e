//! **Here**: the pass-through: its table of replies row by row, and what Event Grid's repetitions lead to.
//! **Not here**: the webhook's own refusals beyond one (`webhook`).
//! **Reads**: `rig` for deliveries and doubles.
//! **Source**: DESIGN section 3, PassThrough.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Response};
use relay_core::alarm::Alert;
use relay_core::clock::{Clock as _, Timestamp};
use relay_core::dispatch::{
    Advice, Checked, DispatchError, DispatchRequest, DispatchTarget, Dispatched, Dispatcher, RunState, Scope,
    Sighting,
};
use relay_core::journal::item::RunRef;
use relay_core::key::RelayId;
use relay_core::retry::OnUnknown;
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::testing::doubles::{Asked, ManualClock, RecordingAlarm, ScriptedDispatcher};
use relay_core::webhook::SharedSecrets;
use relay_core::{BuildError, PassThrough, PassThroughBuilder};
use serde_json::{Value, json};

use crate::rig::{SECRET, deploy, doubles, header, json_of, registered, request};

struct Rig {
    all: PassThrough,
    github: Arc<ScriptedDispatcher>,
    clock: Arc<ManualClock>,
    alarm: Arc<RecordingAlarm>,
}

fn rig(routes: impl IntoIterator<Item = RouteConfig>) -> Rig {
    let github = Arc::new(ScriptedDispatcher::new());
    let (clock, alarm) = doubles();
    let all = PassThroughBuilder::new(Arc::clone(&github), RuleSet::load(routes).unwrap())
        .with_secrets(SharedSecrets::new([SECRET]).unwrap())
        .with_clock(Arc::clone(&clock))
        .with_alarm(Arc::clone(&alarm))
        .build()
        .unwrap();
    Rig {
        all,
        github,
        clock,
        alarm,
    }
}

fn route(unknown: OnUnknown) -> RouteConfig {
    let mut route = deploy();
    route.unknown = unknown;
    route
}

impl Rig {
    async fn deliver(&self, body: &Value, count: u32) -> Response<Bytes> {
        let uri = format!("/events?code={SECRET}");
        let count = count.to_string();
        let headers = [
            ("aeg-event-type", "Notification"),
            ("aeg-delivery-count", count.as_str()),
        ];
        let request = request(&Method::POST, &uri, &headers, Bytes::from(body.to_string()));
        self.all.accept(request).await
    }

    async fn release(&self, count: u32) -> (u16, Value) {
        let response = self
            .deliver(&json!([registered("1", "credit-risk", "7")]), count)
            .await;
        (response.status().as_u16(), json_of(&response))
    }

    fn n_sent(&self) -> usize {
        self.github.requests().len()
    }
}

fn error(advice: Advice) -> DispatchError {
    DispatchError::new(advice, "reason")
}

fn seen() -> Sighting {
    Sighting::Seen(RunRef {
        id: "5".to_owned(),
        url: None,
    })
}

#[tokio::test]
async fn ok_200_comes_after_github_has_accepted_and_a_duplicate_is_not_sent() {
    let rig = rig([deploy()]);
    let (status, body) = rig.release(0).await;
    assert_eq!((status, &body["outcome"]), (200, &json!("sent")));
    let sent = rig.github.requests();
    assert_eq!(body["relay_id"], sent[0].relay_id.as_str());
    assert_eq!(sent[0].payload["relay"]["id"], sent[0].relay_id.as_str());
    assert_eq!(sent[0].payload["model_version"], "7");
    assert_eq!(rig.release(0).await.1["outcome"], "sent_before");
    assert_eq!(rig.release(3).await.1["outcome"], "sent_before");
    assert_eq!((rig.n_sent(), rig.github.asked().len()), (1, 1));
    assert_eq!(rig.alarm.take(), []);
}

#[tokio::test]
async fn ok_each_advice_has_its_status() {
    let until = doubles().0.now().after(Duration::from_secs(90));
    for (advice, status, outcome, retry_after) in [
        (Advice::GiveUp, 400, "refused", None),
        (Advice::Block(Scope::Principal), 503, "not_now", Some("60")),
        (Advice::Block(Scope::Target), 503, "not_now", Some("60")),
        (Advice::Throttled { until }, 503, "not_now", Some("90")),
        (Advice::NotSent, 503, "not_now", Some("60")),
    ] {
        let rig = rig([deploy()]);
        rig.github.then_dispatch(Err(error(advice)));
        let response = rig.deliver(&json!([registered("1", "m", "7")]), 0).await;
        assert_eq!(response.status(), status, "{advice:?}");
        assert_eq!(json_of(&response)["outcome"], outcome, "{advice:?}");
        assert_eq!(header(&response, "retry-after"), retry_after, "{advice:?}");
        let alarms = rig.alarm.take();
        let expect = usize::from(matches!(advice, Advice::GiveUp | Advice::Block(_)));
        assert_eq!(alarms.len(), expect, "{advice:?} {alarms:?}");
        assert!(rig.clock.sleeps().is_empty(), "{advice:?}: nothing waits");
        // What was surely not taken goes out with the next delivery, after a look.
        let (status, _) = rig.release(1).await;
        assert_eq!((status, rig.n_sent()), (200, 2), "{advice:?}");
    }
}

#[tokio::test]
async fn ok_an_unknown_outcome_is_looked_for_until_25_seconds_are_over() {
    for (policy, status, outcome) in [
        (OnUnknown::Probe, 200, "unknown"),
        (OnUnknown::Park, 200, "unknown"),
        (OnUnknown::Resend, 503, "not_now"),
    ] {
        let all = rig([route(policy)]);
        all.github.then_dispatch(Err(error(Advice::Unknown)));
        let began = all.clock.now();
        let (got, body) = all.release(0).await;
        assert_eq!((got, &body["outcome"]), (status, &json!(outcome)), "{policy:?}");
        let took = all.clock.now().since(began);
        assert!(
            took > Duration::from_secs(20) && took <= Duration::from_secs(25),
            "{policy:?} {took:?}"
        );
        let n_looks = all
            .github
            .asked()
            .iter()
            .filter(|asked| matches!(asked, Asked::Probe { .. }))
            .count();
        assert_eq!((all.n_sent(), n_looks), (1, 8), "{policy:?}");
        let parked = all.alarm.take();
        assert_eq!(parked.len(), usize::from(status == 200), "{policy:?} {parked:?}");
        // The same again does nothing where a person was told, and is sent again where that was asked for by name.
        let (again, _) = all.release(0).await;
        assert_eq!(
            (again, all.n_sent()),
            (200, 1 + usize::from(status == 503)),
            "{policy:?}"
        );
    }
    let all = rig([deploy()]);
    all.github.then_dispatch(Err(error(Advice::Unknown)));
    all.github.then_probe(Ok(Sighting::NotSeen));
    all.github.then_probe(Err(error(Advice::NotSent)));
    all.github.then_probe(Ok(seen()));
    assert_eq!(all.release(0).await.1["outcome"], "sent");
    assert_eq!((all.n_sent(), all.alarm.take()), (1, vec![]));
}

#[tokio::test]
async fn ok_what_event_grid_repeats_is_looked_for_before_it_is_sent() {
    let found = rig([deploy()]);
    found.github.then_probe(Ok(seen()));
    assert_eq!(found.release(1).await.1["outcome"], "sent_before");
    assert_eq!(found.n_sent(), 0);

    let not_seen = rig([deploy()]);
    assert_eq!(not_seen.release(1).await.1["outcome"], "sent");
    assert_eq!(not_seen.n_sent(), 1);

    let blind = rig([deploy()]);
    blind.github.then_probe(Err(error(Advice::NotSent)));
    assert_eq!(blind.release(1).await.0, 503);
    assert_eq!(blind.n_sent(), 0);

    let unsafe_by_name = rig([route(OnUnknown::Resend)]);
    unsafe_by_name.github.then_probe(Err(error(Advice::NotSent)));
    assert_eq!(unsafe_by_name.release(1).await.0, 200);
    assert_eq!(unsafe_by_name.n_sent(), 1);
}

#[tokio::test]
async fn err_what_only_a_journal_could_answer_for_is_not_begun() {
    let two = json!([registered("1", "m", "7"), registered("2", "m", "8")]);
    let mut other = RouteConfig::new("notify", "contoso/notify");
    other.event_type = "notify".to_owned();
    let mut wants_facts = deploy();
    wants_facts.wants_facts = true;
    for (routes, body) in [
        (vec![deploy()], two),
        (vec![deploy(), other], json!([registered("1", "m", "7")])),
        (vec![wants_facts], json!([registered("1", "m", "7")])),
    ] {
        let rig = rig(routes);
        let response = rig.deliver(&body, 0).await;
        assert_eq!(response.status(), 503);
        assert_eq!(header(&response, "retry-after"), Some("60"));
        assert!(matches!(
            rig.alarm.take().as_slice(),
            [Alert::NeedsJournal { .. }]
        ));
        assert_eq!(rig.github.asked(), []);
    }
}

#[tokio::test]
async fn err_what_can_never_be_read_or_sent_is_for_the_dead_letters() {
    let mut hostile = registered("1", "m", "7");
    hostile["data"]["modelName"] = json!("../../x");
    hostile["subject"] = json!("models/../../x:7");
    for body in [json!([{ "id": "1" }]), json!({ "a": 1 }), json!([hostile])] {
        let rig = rig([deploy()]);
        let response = rig.deliver(&body, 0).await;
        assert_eq!(response.status(), 400, "{body}");
        assert_eq!(rig.alarm.take().len(), 1, "{body}");
        assert_eq!(rig.github.asked(), [], "{body}");
    }
    let rig = rig([deploy()]);
    let uri = format!("/events?code={SECRET}");
    let garbage = request(&Method::POST, &uri, &[], Bytes::from_static(b"{\"a\":"));
    assert_eq!(rig.all.accept(garbage).await.status(), 400);
}

#[tokio::test]
async fn ok_handshakes_strangers_and_what_nobody_wants_are_answered_as_by_the_relay() {
    let rig = rig([deploy()]);
    let validation = json!([{ "id": "v", "topic": "/t", "subject": "", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2026-11-22T10:00:00Z", "data": { "validationCode": "CODE-1" }, "dataVersion": "1" }]);
    let response = rig.deliver(&validation, 0).await;
    assert_eq!(
        (response.status().as_u16(), json_of(&response)),
        (200, json!({ "validationResponse": "CODE-1" }))
    );
    let mut unwanted = registered("1", "m", "7");
    unwanted["eventType"] = json!("Microsoft.MachineLearningServices.RunCompleted");
    unwanted["data"] = json!({ "runId": "r", "experimentId": "e" });
    for body in [json!([]), json!([unwanted])] {
        assert_eq!(
            json_of(&rig.deliver(&body, 0).await),
            json!({ "outcome": "nothing" })
        );
    }
    let stranger = request(
        &Method::POST,
        "/events?code=wrong",
        &[("aeg-event-type", "Notification")],
        Bytes::new(),
    );
    assert_eq!(rig.all.accept(stranger).await.status(), 401);
    assert!(matches!(
        rig.alarm.take().as_slice(),
        [Alert::EventsBeingLost { .. }]
    ));
    assert_eq!(rig.github.asked(), []);
}

/// Never answers.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Dispatcher for Silent {
    fn longest_attempt(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn check(&self, _: &DispatchTarget) -> Result<Checked, DispatchError> {
        std::future::pending().await
    }

    async fn dispatch(&self, _: &DispatchRequest) -> Result<Dispatched, DispatchError> {
        std::future::pending().await
    }

    async fn probe(&self, _: &DispatchTarget, _: &RelayId, _: Timestamp) -> Result<Sighting, DispatchError> {
        std::future::pending().await
    }

    async fn run(&self, _: &DispatchTarget, _: &RunRef) -> Result<RunState, DispatchError> {
        std::future::pending().await
    }
}

fn silent() -> (PassThrough, Arc<ManualClock>, Arc<RecordingAlarm>) {
    let (clock, alarm) = doubles();
    let all = PassThroughBuilder::new(Silent, RuleSet::load([deploy()]).unwrap())
        .with_secrets(SharedSecrets::new([SECRET]).unwrap())
        .with_clock(Arc::clone(&clock))
        .with_alarm(Arc::clone(&alarm))
        .build()
        .unwrap();
    (all, clock, alarm)
}

#[tokio::test]
async fn ok_a_github_that_never_answers_does_not_keep_event_grid_waiting() {
    let (all, clock, alarm) = silent();
    let began = clock.now();
    let body = json!([registered("1", "m", "7")]).to_string();
    let response = all.accept(crate::rig::post(body.clone())).await;
    assert_eq!(
        (response.status().as_u16(), json_of(&response)["outcome"].clone()),
        (200, json!("unknown"))
    );
    assert!(clock.now().since(began) <= Duration::from_secs(25));
    assert_eq!(alarm.take().len(), 1);
    assert_eq!(
        json_of(&all.accept(crate::rig::post(body)).await)["outcome"],
        "unknown",
        "and it stays so"
    );
}

#[test]
fn err_nothing_unsafe_by_default() {
    let builder = PassThroughBuilder::new(Silent, RuleSet::load([deploy()]).unwrap());
    assert!(matches!(builder.build(), Err(BuildError::NoSecrets)));
}
