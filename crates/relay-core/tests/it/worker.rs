//! **Here**: what goes on side by side: a slow look, a sender that goes away, and how long a limit lasts.
//! **Not here**: one delivery on its way (`flow`).
//! **Reads**: `rig` for the relay and its doubles.
//! **Source**: DESIGN sections 3 and 5.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use relay_core::clock::{Clock as _, Timestamp};
use relay_core::dispatch::{
    Checked, DispatchError, DispatchRequest, DispatchTarget, Dispatched, Dispatcher, RunState, Sighting,
};
use relay_core::journal::MemoryJournal;
use relay_core::key::RelayId;
use relay_core::rules::RouteConfig;
use relay_core::testing::doubles::ScriptedDispatcher;
use relay_core::testing::faults::Cut;
use serde_json::json;

use crate::rig::{Rig, Slow, after, builder, deploy, doubles, json_of, post, registered};

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
    async fn run(
        &self,
        target: &DispatchTarget,
        run: &relay_core::journal::item::RunRef,
    ) -> Result<RunState, DispatchError> {
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
    let _ = tokio::time::timeout(Duration::from_secs(1), relay.run_due()).await;
    assert_eq!(
        github.0.requests().len(),
        2,
        "version 8 of another identity's route waits for a check of contoso/slow"
    );
}
