//! **Here**: what is said about when a backlog will have been sent is what happens; and that priorities are obeyed on the way.
//! **Not here**: the reckoning itself, against brute force (`relay_core::drain`).
//! **Reads**: `rig` for the doubles; the real worker over the journal in memory.
//! **Source**: DESIGN section 6, rate budget: priorities per route and an estimate that is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use relay_core::clock::{Clock as _, Timestamp};
use relay_core::dispatch::{
    Advice, Checked, DispatchError, DispatchRequest, DispatchTarget, Dispatched, Dispatcher, RunState,
    Sighting,
};
use relay_core::health::Health;
use relay_core::journal::MemoryJournal;
use relay_core::journal::item::RunRef;
use relay_core::key::RelayId;
use relay_core::rules::RouteConfig;
use relay_core::testing::doubles::{ManualClock, ScriptedDispatcher};
use relay_core::{Relay, RelayBuilder};
use serde_json::{Value, json};

use crate::rig::{builder, deploy, doubles, post, registered};
use crate::support::START;

/// An estimate may be wrong by so much of the time that is left,
const TOLERANCE: f64 = 0.02;
/// and by so many seconds, since requests do not all last as long as they do on average.
const SECONDS: f64 = 5.0;

/// A GitHub at which every request takes its time: 200 to 800 ms, never the same twice in a row.
#[derive(Debug)]
struct Taking {
    script: ScriptedDispatcher,
    clock: Arc<ManualClock>,
    n: AtomicU64,
}

#[async_trait]
impl Dispatcher for Taking {
    fn longest_attempt(&self) -> Duration {
        self.script.longest_attempt()
    }

    async fn check(&self, target: &DispatchTarget) -> Result<Checked, DispatchError> {
        self.script.check(target).await
    }

    async fn dispatch(&self, request: &DispatchRequest) -> Result<Dispatched, DispatchError> {
        let n = self.n.fetch_add(1, Ordering::Relaxed);
        self.clock
            .advance(Duration::from_millis(200 + n.wrapping_mul(7_919) % 601));
        self.script.dispatch(request).await
    }

    async fn probe(
        &self,
        target: &DispatchTarget,
        relay_id: &RelayId,
        since: Timestamp,
    ) -> Result<Sighting, DispatchError> {
        self.script.probe(target, relay_id, since).await
    }

    async fn run(&self, target: &DispatchTarget, run: &RunRef) -> Result<RunState, DispatchError> {
        self.script.run(target, run).await
    }
}

struct Backlog {
    relay: Relay,
    github: Arc<Taking>,
    clock: Arc<ManualClock>,
    n_delivered: usize,
    /// What was said, when, and how many had been sent by then.
    said: Vec<(Timestamp, Timestamp, usize)>,
}

impl Backlog {
    fn new(
        routes: impl IntoIterator<Item = RouteConfig>,
        change: impl FnOnce(RelayBuilder) -> RelayBuilder,
    ) -> Self {
        let (clock, alarm) = doubles();
        let github = Arc::new(Taking {
            script: ScriptedDispatcher::new(),
            clock: Arc::clone(&clock),
            n: AtomicU64::new(0),
        });
        let builder = builder(MemoryJournal::new(), Arc::clone(&github), routes, &clock, &alarm);
        Self {
            relay: change(builder).build().unwrap(),
            github,
            clock,
            n_delivered: 0,
            said: Vec::new(),
        }
    }

    /// So many releases, each of a model of its own, in one delivery.
    async fn deliver(&mut self, n: usize) {
        let from = self.n_delivered;
        self.n_delivered += n;
        let events: Vec<Value> = (from..self.n_delivered)
            .map(|n| registered(&n.to_string(), &format!("m{n}"), "1"))
            .collect();
        let response = self.relay.accept(post(json!(events).to_string())).await;
        assert_eq!(response.status(), 200);
    }

    fn n_sent(&self) -> usize {
        usize::try_from(self.github.n.load(Ordering::Relaxed)).unwrap()
    }

    async fn health(&self) -> Health {
        let health = self.relay.health().await;
        assert_eq!(health.drains.len(), 1, "one identity: {health:?}");
        health
    }

    /// Notes what is said now; gives it in words.
    async fn ask(&mut self) -> String {
        let drain = &self.health().await.drains[0];
        let now = self.clock.now();
        assert_eq!(
            drain.drained_in_s,
            drain.drained_at.map(|at| at.since(now).as_secs())
        );
        self.said.push((now, drain.drained_at.unwrap(), self.n_sent()));
        assert_eq!(drain.says, drain.to_string());
        drain.says.clone()
    }

    /// Works until so many requests were made, or nothing is left, asking after every so many; gives when the last of them ended.
    async fn work(&mut self, until: usize, ask_every: usize) -> Timestamp {
        let mut next = self.n_sent() + ask_every;
        loop {
            let before = self.n_sent();
            let due = self.relay.run_due().await.unwrap().next_due;
            let (n, now) = (self.n_sent(), self.clock.now());
            if n >= next {
                self.ask().await;
                next += ask_every;
            }
            match due {
                Some(due) if n < until => {
                    assert!(due > now || n > before, "due at {due}, and nothing was done");
                    self.clock.set(due);
                }
                _ => return now,
            }
        }
    }

    /// Everything that was said was right.
    fn assert_kept(&self, end: Timestamp) {
        assert!(!self.said.is_empty());
        for (at, said, n_sent) in &self.said {
            let (left, told) = (end.since(*at).as_secs_f64(), said.since(*at).as_secs_f64());
            assert!(
                (told - left).abs() <= left * TOLERANCE + SECONDS,
                "after {n_sent}, {} s after the start, it was said to take {told} s, and it took {left} s",
                at.since(START).as_secs_f64(),
            );
        }
    }
}

#[tokio::test]
async fn ok_what_is_said_at_the_start_and_on_the_way_is_kept() {
    let mut backlog = Backlog::new([deploy()], |builder| builder);
    backlog.deliver(1_200).await;
    // 500 in the first hour, 500 in the second, and 200 at the beginning of the third.
    assert_eq!(backlog.ask().await, "default: 1200 wait, drained in 2 h 5 min");
    let end = backlog.work(usize::MAX, 97).await;
    assert_eq!(backlog.n_sent(), 1_200);
    assert_eq!(backlog.said.len(), 13);
    backlog.assert_kept(end);
    let hours = end.since(START).as_secs_f64() / 3_600.0;
    assert!((2.0..2.2).contains(&hours), "{hours}");
    assert_eq!(backlog.ask().await, "default: 0 wait");
}

#[tokio::test]
async fn ok_what_is_said_in_the_middle_of_an_hour_is_kept() {
    let mut backlog = Backlog::new([deploy()], |builder| builder);
    // Half an hour after 300 went out at the beginning of the hour, and 100 in the middle of it.
    backlog.deliver(300).await;
    backlog.work(usize::MAX, usize::MAX / 2).await;
    backlog.clock.set(START.after(Duration::from_secs(1_200)));
    backlog.deliver(100).await;
    backlog.work(usize::MAX, usize::MAX / 2).await;
    backlog.clock.set(START.after(Duration::from_secs(1_800)));
    backlog.deliver(500).await;
    backlog.ask().await;
    // A bucket of 500 an hour would be done with 500 more within 30 minutes; a window has room for 100 now, for 300 as those of
    // the first hour leave it, and for the last 100 when those of minute 20 do.
    let (asked, said, _) = backlog.said[0];
    let minutes = said.since(asked).as_secs() / 60;
    assert!((51..54).contains(&minutes), "{minutes}");
    let end = backlog.work(usize::MAX, 40).await;
    assert_eq!(backlog.n_sent(), 900);
    backlog.assert_kept(end);
}

#[tokio::test]
async fn ok_after_a_limit_that_github_named_it_is_right_again() {
    let mut backlog = Backlog::new([deploy()], |builder| builder);
    backlog.deliver(300).await;
    backlog.work(100, usize::MAX / 2).await;
    let until = backlog.clock.now().after(Duration::from_secs(1_000));
    backlog.github.script.then_dispatch(Err(DispatchError::new(
        Advice::Throttled { until },
        "403, and a limit",
    )));
    backlog.work(101, usize::MAX / 2).await;
    let told = backlog.ask().await;
    // What was refused for now still waits. 1,000 s, and 200 requests.
    assert_eq!(told, "default: 200 wait, drained in 21 min");
    let problems = backlog.health().await.problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(
        problems[0].what,
        "GitHub closed the identity \"default\" for another 16 min; 200 items wait for it"
    );
    let end = backlog.work(usize::MAX, 30).await;
    assert_eq!(backlog.n_sent(), 301);
    backlog.assert_kept(end);
}

#[tokio::test]
async fn ok_what_is_said_is_kept_under_other_budgets_too() {
    let budgets = [
        (relay_core::budget::Budget::unbounded().with_per_minute(7), 90),
        (relay_core::budget::Budget::unbounded(), 90),
        (
            relay_core::budget::Budget::default()
                .with_per_hour(40)
                .with_min_interval(Duration::from_secs(3)),
            130,
        ),
    ];
    for (budget, n) in budgets {
        let mut backlog = Backlog::new([deploy()], |builder| builder.with_budget(budget));
        backlog.deliver(n).await;
        backlog.ask().await;
        let end = backlog.work(usize::MAX, 10).await;
        assert_eq!(backlog.n_sent(), n);
        backlog.assert_kept(end);
    }
}

/// Two routes share an identity: what has the larger priority goes first, whenever it came, and whatever lanes there are.
#[tokio::test]
async fn ok_a_larger_priority_goes_first_over_all_lanes_of_an_identity() {
    let route = |name: &str, models: &str, priority| {
        let mut route = RouteConfig::new(name, "contoso/deploy");
        route.models = vec![models.to_owned()];
        route.priority = priority;
        route
    };
    let routes = [
        route("later", "slow-*", -1),
        route("usual", "m*", 0),
        route("first", "hot-*", 7),
    ];
    let mut backlog = Backlog::new(routes, |builder| builder);
    let post_of = |models: &[&str]| {
        let events: Vec<Value> = models.iter().map(|model| registered(model, model, "1")).collect();
        post(json!(events).to_string())
    };
    let relay = backlog.relay.clone();
    relay
        .accept(post_of(&[
            "slow-1", "m1", "hot-1", "m2", "slow-2", "hot-2", "m3", "m4",
        ]))
        .await;
    backlog.work(3, usize::MAX / 2).await;
    // What comes late and matters more overtakes what has waited.
    relay.accept(post_of(&["hot-3", "m5"])).await;
    backlog.work(usize::MAX, usize::MAX / 2).await;
    let model = |request: DispatchRequest| request.payload["model_name"].as_str().unwrap().to_owned();
    let sent: Vec<String> = backlog.github.script.requests().into_iter().map(model).collect();
    assert_eq!(
        sent,
        [
            "hot-1", "hot-2", "m1", "hot-3", "m2", "m3", "m4", "m5", "slow-1", "slow-2"
        ]
    );
}
