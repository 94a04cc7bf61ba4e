//! **Here**: a clock that jumps back while verbs are under way: the journal never hears of one jump twice.
//! **Not here**: what the journal does at a jump (`bad_input`, the contract).
//! **Reads**: `rig` for the relay and its doubles.
//! **Source**: DESIGN section 5: at a backward jump, due times move back by the jump, and once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use relay_core::alarm::Alert;
use relay_core::clock::{Clock, Timestamp};
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::{
    AcceptBatch, Acceptance, ClaimRequest, Claimed, Durability, Journal, JournalError, MemoryJournal, Record,
    Settlement, Written,
};
use relay_core::testing::doubles::ScriptedDispatcher;
use serde_json::json;
use tokio::sync::Notify;

use crate::rig::{builder, deploy, doubles, post, registered};

/// A journal whose `settle` waits until it is let, and which notes what each verb was told when it is written.
#[derive(Debug, Default)]
struct Noting {
    inner: MemoryJournal,
    held: AtomicBool,
    settles: AtomicBool,
    told: Mutex<Vec<Timestamp>>,
}

impl Noting {
    fn note(&self, now: Timestamp) {
        self.told.lock().unwrap().push(now);
    }
}

#[async_trait]
impl Journal for Noting {
    fn durability(&self) -> Durability {
        self.inner.durability()
    }

    async fn accept(&self, batch: AcceptBatch) -> Result<Acceptance, JournalError> {
        self.note(batch.now);
        self.inner.accept(batch).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, JournalError> {
        self.note(request.now);
        self.inner.claim(request).await
    }

    async fn record(&self, now: Timestamp, batch: Vec<Record>) -> Result<Written, JournalError> {
        self.note(now);
        self.inner.record(now, batch).await
    }

    async fn settle(&self, now: Timestamp, batch: Vec<Settlement>) -> Result<Written, JournalError> {
        self.settles.store(true, Ordering::SeqCst);
        std::future::poll_fn(|context| {
            if self.held.load(Ordering::SeqCst) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        self.note(now);
        self.inner.settle(now, batch).await
    }

    async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError> {
        self.inner.scan(query).await
    }
}

/// A clock that is set by hand, and by which waits end when somebody says so.
#[derive(Debug)]
struct Standing {
    now: Mutex<Timestamp>,
    rings: Notify,
}

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, _wait: Duration) {
        self.rings.notified().await;
    }
}

/// Lets the others go on until something is so; not for ever.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if is_so() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("everybody waits for somebody, and never {what}");
}

/// A settlement is under way, told the time before the jump; a delivery and the worker's next claims come after it. None overtakes
/// the settlement, and all go through: the worker does not wait for a task that only it can carry on.
#[tokio::test]
async fn ok_nothing_overtakes_a_verb_that_was_told_the_time_before_a_jump() {
    let (manual, alarm) = doubles();
    let before = manual.now();
    let clock = Arc::new(Standing {
        now: Mutex::new(before),
        rings: Notify::new(),
    });
    let journal = Arc::new(Noting::default());
    let github = Arc::new(ScriptedDispatcher::new());
    let relay = builder(
        Arc::clone(&journal),
        Arc::clone(&github),
        [deploy()],
        &manual,
        &alarm,
    )
    .with_clock(Arc::clone(&clock))
    .build()
    .unwrap();
    let deliver = |id: &str, version: &str| post(json!([registered(id, "m", version)]).to_string());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let work = tokio::spawn({
        let relay = relay.clone();
        async move { relay.run_until(async { drop(stopped.await) }).await }
    });
    journal.held.store(true, Ordering::SeqCst);
    assert_eq!(relay.accept(deliver("1", "1")).await.status(), 200);
    until("is there a settlement", || journal.settles.load(Ordering::SeqCst)).await;
    let jumped = before.before(Duration::from_secs(3_600));
    *clock.now.lock().unwrap() = jumped;
    let second = tokio::spawn({
        let (relay, delivery) = (relay.clone(), deliver("2", "2"));
        async move { relay.accept(delivery).await }
    });
    // The worker's wait is over: it claims, while only it can carry the settlement on.
    clock.rings.notify_waiters();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!second.is_finished(), "the delivery overtook the settlement");
    journal.held.store(false, Ordering::SeqCst);
    until("is the delivery answered", || second.is_finished()).await;
    assert_eq!(second.await.unwrap().status(), 200);
    drop(stop);
    until("does the worker end", || work.is_finished()).await;
    assert_eq!(github.requests().len(), 1);

    let told = journal.told.lock().unwrap().clone();
    let first_after = told.iter().position(|now| *now == jumped).unwrap();
    let (earlier, later) = told.split_at(first_after);
    assert!(earlier.iter().all(|now| *now == before), "{told:?}");
    assert!(later.iter().all(|now| *now == jumped), "{told:?}");
    let is_jump = |alert: &Alert| matches!(alert, Alert::ClockJumpedBack { .. });
    assert_eq!(alarm.take().iter().filter(|alert| is_jump(alert)).count(), 1);
}
