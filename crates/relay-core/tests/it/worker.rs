//! **Here**: what goes on side by side: a slow look, a sender that goes away, and how long a limit lasts.
//! **Not here**: one delivery on its way (`flow`).
//! **Reads**: `rig` for the relay and its doubles.
//! **Source**: DESIGN sections 3 and 5.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use relay_core::clock::{Clock as _, Timestamp};
use relay_core::dispatch::{
    Advice, Checked, DispatchError, DispatchRequest, DispatchTarget, Dispatched, Dispatcher, RunState, Scope,
    Sighting,
};
use relay_core::enrich::{EnrichError, Enricher, FactQuery, Facts};
use relay_core::journal::MemoryJournal;
use relay_core::journal::item::{Phase, RunRef, Verdict};
use relay_core::key::RelayId;
use relay_core::rules::RouteConfig;
use relay_core::testing::doubles::ScriptedDispatcher;
use relay_core::testing::faults::Cut;
use serde_json::json;

use crate::rig::{Rig, Slow, after, builder, deploy, doubles, error, json_of, post, registered};

/// Whoever posts goes away while the journal is slow: the event is taken, and what was alarming about it is told.
#[tokio::test]
async fn ok_the_alarms_of_a_delivery_whose_sender_has_gone_are_raised() {
    let (clock, alarm) = doubles();
    let mut journal = Slow::new(&clock);
    journal.cut = Cut::After;
    journal.open = AtomicBool::new(false);
    let journal = Arc::new(journal);
    let relay = builder(
        Arc::clone(&journal),
        ScriptedDispatcher::new(),
        [deploy()],
        &clock,
        &alarm,
    )
    .build()
    .unwrap();
    let body = json!([registered("1", "$(id)", "7")]).to_string();
    #[expect(clippy::disallowed_methods, reason = "somebody stops waiting, by any clock")]
    let gone = tokio::time::timeout(Duration::from_millis(50), relay.accept(post(body.clone()))).await;
    assert!(gone.is_err());
    journal.open.store(true, Ordering::SeqCst);
    let again = relay.accept(post(body)).await;
    assert_eq!(json_of(&again)["seen_again"], 1);
    relay.run_due().await.unwrap();
    assert_eq!(alarm.take().len(), 1, "the item is parked, and nobody was told");
}

/// A limit that an accepted answer names in milliseconds by mistake closes the identity for 50,000 years.
#[tokio::test]
async fn ok_a_limit_of_an_accepted_answer_is_a_day_at_most() {
    let rig = Rig::new();
    rig.github.then_dispatch(Ok(Dispatched {
        run: None,
        closed_until: Some(after(1_700_000_000_000)),
    }));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    rig.release("2", "credit-risk", "8").await;
    let due = rig.relay.run_due().await.unwrap().next_due;
    let in_two_days = rig.clock.now().after(Duration::from_secs(2 * 86_400));
    assert!(
        due.is_some_and(|due| due < in_two_days),
        "due at {due:?}, alerts {:?}",
        rig.alarm.take()
    );
}

/// A dispatcher to which one repository answers checks late: each of a check's 52 requests may take the whole timeout.
#[derive(Debug)]
struct SlowCheck(ScriptedDispatcher);

#[async_trait::async_trait]
impl Dispatcher for SlowCheck {
    fn longest_attempt(&self) -> Duration {
        self.0.longest_attempt()
    }
    async fn check(&self, target: &DispatchTarget) -> Result<Checked, DispatchError> {
        if target.repository.as_str() == "contoso/slow" {
            // Longer than a lease, and than anybody who looks at this test waits.
            std::future::pending::<()>().await;
        }
        self.0.check(target).await
    }
    async fn dispatch(&self, request: &DispatchRequest) -> Result<Dispatched, DispatchError> {
        self.0.dispatch(request).await
    }
    async fn probe(
        &self,
        target: &DispatchTarget,
        relay_id: &RelayId,
        since: Timestamp,
    ) -> Result<Sighting, DispatchError> {
        self.0.probe(target, relay_id, since).await
    }
    async fn run(&self, target: &DispatchTarget, run: &RunRef) -> Result<RunState, DispatchError> {
        self.0.run(target, run).await
    }
}

#[tokio::test]
async fn ok_a_slow_check_of_one_repository_holds_up_no_other() {
    let github = Arc::new(SlowCheck(ScriptedDispatcher::new()));
    let (clock, alarm) = doubles();
    let mut slow = RouteConfig::new("slow", "contoso/slow");
    slow.models = vec!["slow".to_owned()];
    let mut fast = RouteConfig::new("fast", "contoso/fast");
    fast.models = vec!["fast".to_owned()];
    fast.identity = "another".to_owned();
    let relay = builder(
        MemoryJournal::new(),
        Arc::clone(&github),
        [slow, fast],
        &clock,
        &alarm,
    )
    .build()
    .unwrap();
    let deliver = async |id: &str, model: &str| {
        let body = json!([registered(id, model, "7")]).to_string();
        assert_eq!(relay.accept(post(body)).await.status(), 200);
    };
    deliver("0", "fast").await;
    relay.run_due().await.unwrap();
    deliver("1", "slow").await;
    deliver("2", "fast").await;
    let body = json!([registered("3", "fast", "8")]).to_string();
    assert_eq!(relay.accept(post(body)).await.status(), 200);
    clock.advance(Duration::from_secs(60));
    // A look that is given up gives the time of one attempt back to nobody: this ends by itself.
    relay.run_due().await.unwrap();
    assert_eq!(
        github.0.requests().len(),
        2,
        "version 8 of another identity's route waits for a check of contoso/slow"
    );
}

/// A token without *Actions: read* gets 403 for the list of runs: dispatching to the target must not stop.
#[tokio::test]
async fn ok_a_forbidden_probe_closes_nothing_for_dispatches() {
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
async fn ok_a_target_that_no_longer_shows_the_id_is_not_resent_to() {
    let journal = Arc::new(MemoryJournal::new());
    let rig = Rig::with(Arc::clone(&journal), [deploy()]);
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    assert_eq!(rig.github.requests().len(), 1);
    // Somebody takes the id out of run-name; the relay restarts and checks.
    journal.reopen();
    rig.github.always_check(Ok(Checked {
        shows_relay_id: Some(false),
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

/// An enricher that never answers for one model, and says so for another.
#[derive(Debug)]
struct Silent;

#[async_trait::async_trait]
impl Enricher for Silent {
    async fn enrich(&self, query: &FactQuery) -> Result<Facts, EnrichError> {
        match query.model.as_deref() {
            Some("silent") => std::future::pending().await,
            Some("unknown") => Err(EnrichError {
                why: "403".to_owned(),
            }),
            _ => Ok(Facts::default()),
        }
    }
}

#[tokio::test]
async fn ok_facts_that_never_come_hold_up_their_item_and_no_other() {
    let mut route = deploy();
    route.wants_facts = true;
    let rig = Rig::changed(MemoryJournal::new(), [route], |builder| {
        builder.with_enricher(Silent)
    });
    for (id, model) in [("1", "silent"), ("2", "unknown"), ("3", "fast")] {
        rig.release(id, model, "7").await;
    }
    // Each look advances the clock by the time that it is given, so an item may have to come a second time.
    let (mut held, end) = (Vec::new(), rig.clock.now().after(Duration::from_secs(2 * 86_400)));
    while rig.clock.now() < end {
        let round = rig.relay.run_due().await.unwrap();
        let due = round.next_due.unwrap();
        let waits = rig
            .items()
            .await
            .into_iter()
            .find(|item| item.event.0 == 2)
            .unwrap();
        assert_eq!(waits.phase, Phase::Judging);
        held.push(waits.due_at.since(rig.clock.now()));
        rig.clock.set(due);
    }
    assert_eq!(rig.github.requests().len(), 1, "what has its facts goes out");
    assert_eq!(rig.alarm.take(), []);
    let why = rig.told_of("facts").await;
    let silent = why
        .iter()
        .filter(|line| line.contains("longer than one attempt"))
        .count();
    assert!(silent > 100, "it is asked again and again: {silent}");
    // Every 30 s for two days would be 5,760 times.
    assert!(why.len() < 1_000, "{} lines of history", why.len());
    assert!(
        held.iter().all(|wait| *wait <= Duration::from_secs(600)),
        "{held:?}"
    );
}
