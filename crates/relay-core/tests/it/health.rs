//! **Here**: what a relay says of itself while things go wrong, and that it stops saying so.
//! **Not here**: every problem with its text (`relay_core::health`), estimates (`drain`).
//! **Reads**: `rig` for the relay and its doubles.
//! **Source**: our own: whoever is woken at night needs the cause and the next step.

use std::time::Duration;

use http::Method;
use relay_core::dispatch::{Advice, Scope, Sighting};
use relay_core::health::{ProblemKind, Severity};
use relay_core::journal::item::ItemId;
use relay_core::journal::{Closing, Command, MemoryJournal};
use relay_core::rules::RouteConfig;
use relay_core::testing::faults::{Cut, FaultPlan, FaultyJournal};
use serde_json::{Value, json};

use crate::rig::{Rig, deploy, error, request};

async fn kinds(rig: &Rig) -> Vec<ProblemKind> {
    let health = rig.relay.health().await;
    health.problems.iter().map(|problem| problem.kind).collect()
}

/// One of Event Grid's own events.
fn system(word: &str, data: &Value) -> Value {
    json!([{
        "id": "s1", "topic": "/subscriptions/s", "subject": "", "data": data, "dataVersion": "2", "metadataVersion": "1",
        "eventType": format!("Microsoft.EventGrid.{word}"), "eventTime": "2026-11-22T10:00:00Z",
    }])
}

#[tokio::test]
async fn ok_what_an_item_and_its_destination_go_through() {
    let rig = Rig::new();
    assert_eq!(kinds(&rig).await, []);
    rig.release("1", "credit-risk", "7").await;
    rig.github
        .then_dispatch(error(Advice::Block(Scope::Target), "404 Not Found"));
    rig.relay.run_due().await.unwrap();
    rig.clock.advance(Duration::from_secs(60));
    let health = rig.relay.health().await;
    let [problem] = health.problems.as_slice() else {
        panic!("{health:#?}")
    };
    assert_eq!(
        (problem.severity, problem.kind),
        (Severity::Stuck, ProblemKind::TargetBlocked)
    );
    assert_eq!(
        problem.what,
        "contoso/deploy as \"default\" is blocked for 60 s: 404 Not Found; 1 item waits for it"
    );
    assert_eq!(health.drains[0].says, "default: 0 wait, 1 more are held");
    // The repository is there again, but what is sent there is never accepted.
    rig.relay.command(Command::Recheck).await.unwrap();
    rig.github.then_dispatch(error(Advice::GiveUp, "422"));
    rig.drain().await;
    assert_eq!(kinds(&rig).await, [ProblemKind::Parked]);
    let pause = Command::Pause {
        what: Closing::Journal,
        why: "a freeze".to_owned(),
    };
    rig.relay.command(pause).await.unwrap();
    assert_eq!(
        kinds(&rig).await,
        [ProblemKind::JournalPaused, ProblemKind::Parked]
    );
    let resume = Command::Resume {
        what: Closing::Journal,
    };
    rig.relay.command(resume).await.unwrap();
    let replay = Command::Replay {
        item: ItemId(1),
        allow_older: false,
    };
    rig.relay.command(replay).await.unwrap();
    rig.drain().await;
    assert_eq!(kinds(&rig).await, [], "it was replayed, and went out");
}

#[tokio::test]
async fn ok_a_subscription_that_is_deleted_until_another_is_made() {
    let rig = Rig::new();
    let deleted = json!({"eventSubscriptionId": "/subscriptions/s/eventSubscriptions/relay"});
    rig.deliver(&system("SubscriptionDeletedEvent", &deleted)).await;
    let stranger = request(
        &Method::POST,
        "/events",
        &[("aeg-event-type", "Notification")],
        "[]".into(),
    );
    rig.relay.accept(stranger).await;
    let expect = [ProblemKind::EventsLost, ProblemKind::SubscriptionDeleted];
    assert_eq!(kinds(&rig).await, expect);
    rig.deliver(&system(
        "SubscriptionValidationEvent",
        &json!({"validationCode": "c0de"}),
    ))
    .await;
    assert_eq!(kinds(&rig).await, [ProblemKind::EventsLost]);
    let since = rig.relay.health().await.since_start;
    assert_eq!((since.n_lost, since.last_delivery_at.is_some()), (1, true));
}

#[tokio::test]
async fn ok_work_that_nobody_asks_for() {
    let rig = Rig::new();
    rig.release("1", "credit-risk", "7").await;
    rig.clock.advance(Duration::from_secs(121));
    assert_eq!(kinds(&rig).await, [ProblemKind::NobodyWorks]);
    rig.relay.run_due().await.unwrap();
    assert_eq!(kinds(&rig).await, []);
}

#[tokio::test]
async fn err_a_journal_that_fails() {
    let journal = FaultyJournal::new(MemoryJournal::new(), FaultPlan::stop(0, Cut::Before));
    let health = Rig::with(journal, [deploy()]).relay.health().await;
    assert!(!health.ready);
    assert_eq!(health.problems[0].kind, ProblemKind::JournalFailing);
    assert!(health.problems[0].what.contains(health.why.as_deref().unwrap()));
    assert_eq!(health.problems.len(), 2, "{health:#?}");
}

/// What a host shows as JSON, in the words that the documentation uses.
#[tokio::test]
async fn ok_health_as_json() {
    let rig = Rig::new();
    rig.release("1", "credit-risk", "7").await;
    rig.github.then_dispatch(error(Advice::GiveUp, "422"));
    rig.drain().await;
    let json = serde_json::to_value(rig.relay.health().await).unwrap();
    assert_eq!(json["problems"][0]["kind"], "parked");
    assert_eq!(json["problems"][0]["severity"], "stuck");
    assert_eq!(json["drains"][0]["says"], "default: 0 wait");
    assert_eq!(json["drains"][0]["drained_in_s"], 0);
    assert_eq!(json["journal"]["parked"]["n"], 1);
    assert_eq!(json["since_start"]["n_lost"], 0);
}

/// From the deadline of the route on, until it is given up.
#[tokio::test]
async fn ok_a_dispatch_after_which_nothing_runs() {
    let followed = RouteConfig::new("deploy", "contoso/deploy");
    let rig = Rig::with(MemoryJournal::new(), [followed]);
    rig.github.always_probe(Ok(Sighting::NotSeen));
    rig.release("1", "credit-risk", "7").await;
    let start = rig.relay.now();
    let mut seen = Vec::new();
    loop {
        let round = rig.relay.run_due().await.unwrap();
        let kinds = kinds(&rig).await;
        if seen.last() != Some(&kinds) {
            seen.push(kinds.clone());
        }
        let is_late = rig.relay.now().since(start) >= Duration::from_secs(600);
        let Some(due) = round.next_due else { break };
        assert_eq!(
            kinds.contains(&ProblemKind::RunsLate),
            is_late,
            "at {}",
            rig.relay.now()
        );
        rig.clock.set(due);
    }
    assert_eq!(seen, [vec![], vec![ProblemKind::RunsLate], vec![]]);
}
