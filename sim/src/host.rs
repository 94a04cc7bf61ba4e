//! **Here**: the host: what a program plugs together and loops, here over virtual time; and the facts and the gate of its routes.
//! **Not here**: the loop itself (`Relay::run_until`, `Relay::run_due`).
//! **Reads**: `plan`.
//! **Source**: DESIGN section 3: a server loops it, a function calls it after answering.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use relay_core::alarm::{Alarm, Alert};
use relay_core::enrich::{EnrichError, Enricher, FactQuery, Facts};
use relay_core::rules::gate::{Gate, Judgement};
use relay_core::rules::{Route, RuleSet};
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use serde_json::Value;

use crate::disk::SimJournal;
use crate::executor::Executor;
use crate::github::SimDispatcher;
use crate::grid::SECRET;
use crate::plan::Host;
use crate::stage::{Stage, note};
use crate::time::{SimClock, Sleep};

/// The relay of a process.
pub(crate) fn build(stage: &Stage, journal: SimJournal, dispatcher: SimDispatcher) -> Relay {
    let plan = std::sync::Arc::clone(&stage.lock().plan);
    let rules = RuleSet::load(plan.routes.iter().cloned()).expect("a plan's routes are right");
    RelayBuilder::new(journal, dispatcher, rules)
        .with_secrets(SharedSecrets::new([SECRET]).expect("a secret"))
        .with_clock(SimClock(stage.clone()))
        .with_alarm(SimAlarm(stage.clone()))
        .with_enricher(SimEnricher(stage.clone()))
        .with_gate(SimGate)
        .with_budget(plan.budget)
        .with_max_at_once(plan.max_at_once)
        .build()
        .expect("a plan's relay is right")
}

/// Begins what the host runs.
pub(crate) fn begin(stage: &Stage, relay: &Relay, process: u32, executor: &mut Executor) {
    let host = stage.lock().plan.host;
    let mut hosts = 0;
    if matches!(host, Host::Loop | Host::Both) {
        let (stage, relay) = (stage.clone(), relay.clone());
        hosts += 1;
        executor.spawn(process, async move {
            relay.run_until(Stopped(stage.clone())).await;
            stage.lock().hosts -= 1;
        });
    }
    if matches!(host, Host::Due | Host::Both) {
        let (stage, relay) = (stage.clone(), relay.clone());
        hosts += 1;
        executor.spawn(process, async move {
            while !stage.lock().stopping {
                let wait = match relay.run_due().await {
                    Ok(round) => {
                        let now = stage.lock().time.relay_now();
                        let due = round
                            .next_due
                            .map_or(60_000, |due| due.as_unix_ms() - now.as_unix_ms());
                        due.clamp(1, 60_000)
                    }
                    Err(_) => 1_000,
                };
                Sleep::new(&stage, wait).await;
            }
            stage.lock().hosts -= 1;
        });
    }
    stage.lock().hosts = hosts;
}

/// Ready when the process is told to stop.
struct Stopped(Stage);

impl Future for Stopped {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.stopping {
            return Poll::Ready(());
        }
        let waker = context.waker();
        if !state.stop_wakers.iter().any(|known| known.will_wake(waker)) {
            state.stop_wakers.push(waker.clone());
        }
        Poll::Pending
    }
}

#[derive(Debug)]
struct SimAlarm(Stage);

impl Alarm for SimAlarm {
    fn raise(&self, alert: &Alert) {
        let mut state = self.0.lock();
        note!(state, "alarm: {alert:?}");
        state.count("alarms");
    }
}

#[derive(Debug)]
struct SimEnricher(Stage);

/// A number that is always the same for the same model and version.
fn quality(query: &FactQuery) -> u64 {
    let text = [&query.model, &query.version]
        .map(|part| part.as_deref().unwrap_or_default())
        .concat();
    text.bytes().fold(11_u64, |sum, byte| {
        sum.wrapping_mul(131).wrapping_add(u64::from(byte))
    }) % 100
}

#[async_trait]
impl Enricher for SimEnricher {
    async fn enrich(&self, query: &FactQuery) -> Result<Facts, EnrichError> {
        let wait = {
            let mut state = self.0.lock();
            state.step("facts are asked for");
            state.random.within(20, 900)
        };
        Sleep::new(&self.0, wait).await;
        let state = &mut *self.0.lock();
        state.count("facts asked for");
        if state.random.per_mille(state.weather.no_facts) {
            return Err(EnrichError {
                why: "Azure ML did not answer".to_owned(),
            });
        }
        let quality = quality(query);
        // What is not ready yet will be in a while.
        let ready = !quality.is_multiple_of(4) || state.is_calm() || state.random.per_mille(300);
        let facts = serde_json::json!({"quality": quality, "ready": ready});
        Ok(Facts(facts.as_object().cloned().unwrap_or_default()))
    }
}

#[derive(Debug)]
struct SimGate;

impl Gate for SimGate {
    fn judge(&self, _route: &Route, facts: &Facts) -> Judgement {
        if facts.0.get("ready") != Some(&Value::Bool(true)) {
            return Judgement::Hold {
                wait: Duration::from_secs(90),
                why: "not ready".to_owned(),
            };
        }
        match facts.0.get("quality").and_then(Value::as_u64) {
            Some(quality) if quality >= 10 => Judgement::Admit,
            _ => Judgement::Refuse {
                why: "it is worse than the last".to_owned(),
            },
        }
    }
}
