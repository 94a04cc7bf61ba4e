//! **Here**: [`Github`], a destination that keeps count of what takes effect, and loses answers and requests by its seed.
//! **Not here**: HTTP, limits in detail (`github_dispatch::mock`): the storage is on trial here.
//! **Reads**: `disk`, which says whether the process still lives.
//! **Source**: DESIGN section 6, unknown outcomes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use relay_core::clock::{Clock, Timestamp};
use relay_core::dispatch::{
    Advice, Checked, DispatchError, DispatchRequest, DispatchTarget, Dispatched, Dispatcher, RunState,
    Sighting,
};
use relay_core::journal::item::RunRef;
use relay_core::key::RelayId;
use relay_core::testing::doubles::ManualClock;

use crate::disk::Disk;
use crate::image::Dice;

/// Something that took effect.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what a judge compares")]
pub struct Effect {
    /// Under which relay id.
    pub relay_id: String,
    /// `model_name` of the payload.
    pub model: String,
    /// `model_version` of the payload.
    pub version: String,
    /// When.
    pub at: Timestamp,
}

/// A destination that shows relay ids, tells the truth, and keeps count.
#[derive(Debug)]
pub struct Github {
    clock: Arc<ManualClock>,
    disk: Arc<Disk>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    dice: Dice,
    effects: Vec<Effect>,
    n_requests: BTreeMap<String, usize>,
}

impl Github {
    /// With nothing received; its moods come from the seed.
    #[must_use]
    pub fn new(seed: u64, clock: Arc<ManualClock>, disk: Arc<Disk>) -> Self {
        Self {
            clock,
            disk,
            state: Mutex::new(State {
                dice: Dice::new(seed.wrapping_mul(31)),
                effects: Vec::new(),
                n_requests: BTreeMap::new(),
            }),
        }
    }

    /// What took effect, in order.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.state().effects.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process that has ended asks nothing and hears nothing.
    fn hears(&self) -> Result<(), DispatchError> {
        if self.disk.has_ended() {
            Err(DispatchError::new(Advice::Unknown, "the process has ended"))
        } else {
            Ok(())
        }
    }
}

fn text(request: &DispatchRequest, key: &str) -> String {
    let value = request.payload.get(key).and_then(serde_json::Value::as_str);
    value.unwrap_or_default().to_owned()
}

#[async_trait]
impl Dispatcher for Github {
    fn longest_attempt(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn check(&self, _target: &DispatchTarget) -> Result<Checked, DispatchError> {
        self.hears()?;
        Ok(Checked {
            shows_relay_id: Some(true),
            remarks: Vec::new(),
        })
    }

    async fn dispatch(&self, request: &DispatchRequest) -> Result<Dispatched, DispatchError> {
        self.hears()?;
        let now = self.clock.now();
        let mut state = self.state();
        let State {
            dice,
            effects,
            n_requests,
        } = &mut *state;
        let relay_id = request.relay_id.as_str().to_owned();
        let n = n_requests.entry(relay_id.clone()).or_default();
        *n += 1;
        // A second request of one id is always heard: an item that is lost twice is left to a person, which other tests cover.
        let mood = if *n > 1 { 8 } else { dice.below(12) };
        let takes_effect = mood > 2;
        if takes_effect {
            effects.push(Effect {
                relay_id,
                model: text(request, "model_name"),
                version: text(request, "model_version"),
                at: now,
            });
        }
        match mood {
            0 => Err(DispatchError::new(Advice::NotSent, "no connection")),
            1 => Err(DispatchError::new(
                Advice::Throttled {
                    until: now.after(Duration::from_secs(60)),
                },
                "limit",
            )),
            2 | 3 => Err(DispatchError::new(Advice::Unknown, "no answer")),
            _ => Ok(Dispatched::default()),
        }
    }

    async fn probe(
        &self,
        _target: &DispatchTarget,
        relay_id: &RelayId,
        since: Timestamp,
    ) -> Result<Sighting, DispatchError> {
        self.hears()?;
        let state = self.state();
        let shown = |effect: &&Effect| effect.relay_id == relay_id.as_str() && effect.at >= since;
        Ok(state
            .effects
            .iter()
            .find(shown)
            .map_or(Sighting::NotSeen, |effect| {
                Sighting::Seen(RunRef {
                    id: effect.relay_id.clone(),
                    url: None,
                })
            }))
    }

    async fn run(&self, _target: &DispatchTarget, run: &RunRef) -> Result<RunState, DispatchError> {
        self.hears()?;
        Ok(RunState {
            run: run.clone(),
            status: Some("completed".to_owned()),
            conclusion: Some("success".to_owned()),
        })
    }
}
