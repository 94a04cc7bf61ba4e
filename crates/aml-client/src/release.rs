//! **Here**: [`Client::release_model`]: sets the model of a deployment, shifts traffic to it step by step, and puts everything back where a step
//! fails.
//! **Not here**: the single calls (`ops`).
//! **Reads**: `ops`, `poller`, `model_ref`.
//! **Source**: azure-ai-ml 1.35.2 (`online_deployments.begin_create_or_update` reads, merges and puts) and Azure/azure-dev issue 3881 (a read
//! lags behind a traffic change), read 2026-11-23. The service knows no If-Match, so releases to one endpoint wait for each other here.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::client::Client;
use crate::error::{Advice, Error, ErrorKind};
use crate::model_ref::ModelRef;
use crate::ops::traffic;
use crate::wire::{IntMap, OnlineDeployment, OnlineEndpoint, ProvisioningState};

/// Says whether a deployment is well, between two steps of traffic.
#[async_trait]
pub trait HealthCheck: fmt::Debug + Send + Sync {
    /// Looks at it, now that so many percent of the traffic are its own.
    ///
    /// # Errors
    /// It is not well, and why; the traffic goes back.
    async fn check(&self, endpoint: &OnlineEndpoint, deployment: &str, percent: i64) -> Result<(), String>;
}

/// How a model is released.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReleaseOptions {
    /// Shares of traffic, in percent, one after another, the last one being where it stays; none leave the traffic as it is.
    pub traffic_steps: Vec<i64>,
    /// Asked after each step.
    pub health: Option<Arc<dyn HealthCheck>>,
    /// How long to wait for others that change the endpoint, and for what was written to be read.
    pub patience: Duration,
    /// Whether a deployment whose update failed gets its former model back.
    pub rolls_back: bool,
}

impl Default for ReleaseOptions {
    /// The traffic stays as it is, ten minutes of patience, and failures are rolled back.
    fn default() -> Self {
        Self {
            traffic_steps: Vec::new(),
            health: None,
            patience: Duration::from_secs(600),
            rolls_back: true,
        }
    }
}

impl ReleaseOptions {
    /// Shifts the traffic in these steps, such as 10, 50 and 100 percent.
    #[must_use]
    pub fn with_traffic_steps(mut self, steps: impl IntoIterator<Item = i64>) -> Self {
        self.traffic_steps = steps.into_iter().collect();
        self
    }

    /// Asks this after each step.
    #[must_use]
    pub fn with_health_check(mut self, check: impl HealthCheck + 'static) -> Self {
        self.health = Some(Arc::new(check));
        self
    }

    /// Another patience.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Leaves a deployment whose update failed as it is.
    #[must_use]
    pub const fn without_roll_back(mut self) -> Self {
        self.rolls_back = false;
        self
    }
}

/// A release that is in place.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Released {
    /// The deployment as it is now.
    pub deployment: OnlineDeployment,
    /// Whether it had another model before; false where there was nothing to do.
    pub changed: bool,
    /// The deployment's share of the traffic, in percent.
    pub percent: i64,
}

/// What was put back after a failure.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide for each")]
pub enum RollBack {
    /// Nothing had been changed, or nothing was to be put back.
    NotNeeded,
    /// Model and traffic are as they were.
    Done,
    /// They could not be put back: a person has to look.
    Failed(Error),
}

/// A release that failed.
#[derive(Debug, thiserror::Error)]
#[error("the model was not released while {during}")]
#[non_exhaustive]
pub struct ReleaseFailed {
    /// What was being done.
    pub during: &'static str,
    /// What failed.
    #[source]
    pub error: Error,
    /// What was put back.
    pub roll_back: RollBack,
}

/// One lock an endpoint, shared by the clones of a client.
#[derive(Debug, Default)]
pub(crate) struct EndpointLocks(Lock<HashMap<String, Arc<Mutex<()>>>>);

impl EndpointLocks {
    fn of(&self, client: &Client, endpoint: &str) -> Arc<Mutex<()>> {
        let key = format!("{}/{endpoint}", client.workspace()).to_lowercase();
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks that nobody holds or waits for are gone.
        locks.retain(|other, lock| *other == key || Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(key).or_default())
    }
}

/// An update that was not made.
struct Refused {
    error: Error,
    may_have_begun: bool,
}

/// What fails, and during what.
type Step<T> = Result<T, (&'static str, Error)>;

impl Client {
    /// Releases a model: sets it as the deployment's model, waits until the service serves it, shifts the traffic in steps where that is wanted,
    /// and puts model and traffic back where a step fails.
    ///
    /// The same again comes to the same: what is so already is not done, so after a crash it is simply called again. Releases to one
    /// endpoint by clones of one client wait for each other; where somebody else changes it (409, or a state that is not ended), it waits.
    ///
    /// # Errors
    /// See [`ReleaseFailed`]: what was being done, why it failed, and what was put back.
    ///
    /// # Cancel safety
    /// A dropped future leaves the service in the midst of it: call it again.
    pub async fn release_model(
        &self,
        endpoint: &str,
        deployment: &str,
        model: &ModelRef,
        options: &ReleaseOptions,
    ) -> Result<Released, ReleaseFailed> {
        let lock = self.endpoint_locks().of(self, endpoint);
        let _turn = lock.lock().await;
        let until = self.now().checked_add(options.patience);
        let before = match self.settled(endpoint, deployment, until).await {
            Ok(before) => before,
            Err((during, error)) => return Err(failed(during, error, RollBack::NotNeeded)),
        };
        let is_same = serves(&before, model, self);
        let has_succeeded = before.properties.provisioning_state == Some(ProvisioningState::SUCCEEDED);
        let changed = !is_same || !has_succeeded;
        if changed && let Err(refused) = self.set_model(endpoint, deployment, &before, model, until).await {
            let roll_back = if options.rolls_back && refused.may_have_begun && !is_same {
                self.put_back(endpoint, deployment, &before, None, self.way_back(options))
                    .await
            } else {
                RollBack::NotNeeded
            };
            return Err(failed(
                "setting the model of the deployment",
                refused.error,
                roll_back,
            ));
        }
        match self.shift(endpoint, deployment, options, until).await {
            Ok(percent) => match self.seen(endpoint, deployment, model, until).await {
                Ok(deployment) => Ok(Released {
                    deployment,
                    changed,
                    percent,
                }),
                Err((during, error)) => Err(failed(during, error, RollBack::NotNeeded)),
            },
            Err((split, (during, error))) => {
                let model = (changed && !is_same).then_some(&before);
                let roll_back = match (options.rolls_back, model, split) {
                    (false, ..) | (true, None, None) => RollBack::NotNeeded,
                    (true, None, Some(split)) => {
                        self.traffic_back(endpoint, split, self.way_back(options)).await
                    }
                    (true, Some(before), split) => {
                        let until = self.way_back(options);
                        self.put_back(endpoint, deployment, before, split, until).await
                    }
                };
                Err(failed(during, error, roll_back))
            }
        }
    }

    /// The deployment, once nobody changes it any more.
    async fn settled(
        &self,
        endpoint: &str,
        deployment: &str,
        until: Option<SystemTime>,
    ) -> Step<OnlineDeployment> {
        const DURING: &str = "reading the deployment";
        loop {
            let found = self.get_online_deployment(endpoint, deployment).await;
            let found = found.map_err(|error| (DURING, error))?;
            let state = found.properties.provisioning_state.as_ref();
            let ends = [
                ProvisioningState::SUCCEEDED,
                ProvisioningState::FAILED,
                ProvisioningState::CANCELED,
            ];
            if state.is_none_or(|state| ends.contains(state)) {
                return Ok(found);
            }
            self.pause_until(until, "somebody else changes the deployment")
                .await
                .map_err(|error| (DURING, error))?;
        }
    }

    async fn set_model(
        &self,
        endpoint: &str,
        deployment: &str,
        before: &OnlineDeployment,
        model: &ModelRef,
        until: Option<SystemTime>,
    ) -> Result<(), Refused> {
        let mut wanted = before.clone();
        wanted.properties.model = Some(model.to_rest(self.workspace()));
        self.put_settled(endpoint, deployment, &wanted, until)
            .await
            .map(drop)
    }

    /// A PUT and its end; while somebody else changes the endpoint (409) it is tried again.
    async fn put_settled(
        &self,
        endpoint: &str,
        deployment: &str,
        wanted: &OnlineDeployment,
        until: Option<SystemTime>,
    ) -> Result<OnlineDeployment, Refused> {
        let refused = |may_have_begun: bool| {
            move |error: Error| Refused {
                error,
                may_have_begun,
            }
        };
        loop {
            match self.put_online_deployment(endpoint, deployment, wanted).await {
                Ok(poller) => return poller.await.map_err(refused(true)),
                Err(error) if is_conflict(&error) => {
                    let pause = self
                        .pause_until(until, "somebody else changes the endpoint")
                        .await;
                    pause.map_err(refused(false))?;
                }
                Err(error) => {
                    // A lost answer may have begun it, and so may a resource that was answered as failed.
                    let may_have_begun =
                        error.advice() == Advice::Unknown || error.kind() == ErrorKind::OperationFailed;
                    return Err(refused(may_have_begun)(error));
                }
            }
        }
    }

    /// What is put back has a patience of its own: the release may have used up the first one.
    fn way_back(&self, options: &ReleaseOptions) -> Option<SystemTime> {
        self.now().checked_add(options.patience)
    }

    async fn traffic_settled(
        &self,
        endpoint: &str,
        split: &IntMap,
        until: Option<SystemTime>,
    ) -> Result<OnlineEndpoint, Error> {
        loop {
            let mut wanted = self.get_online_endpoint(endpoint).await?;
            wanted.properties.traffic = Some(split.clone());
            match self.put_online_endpoint(endpoint, &wanted).await {
                Ok(poller) => {
                    poller.await?;
                    break;
                }
                Err(error) if is_conflict(&error) => {
                    self.pause_until(until, "somebody else changes the endpoint")
                        .await?;
                }
                Err(error) => return Err(error),
            }
        }
        loop {
            let found = self.get_online_endpoint(endpoint).await?;
            if split
                .iter()
                .all(|(name, share)| found.traffic_of(name) == share.unwrap_or_default())
            {
                return Ok(found);
            }
            self.pause_until(until, "the traffic that was set is not read back")
                .await?;
        }
    }

    /// Shifts the traffic; what fails comes with the split of before, where that was changed.
    async fn shift(
        &self,
        endpoint: &str,
        deployment: &str,
        options: &ReleaseOptions,
        until: Option<SystemTime>,
    ) -> Result<i64, (Option<IntMap>, (&'static str, Error))> {
        const DURING: &str = "shifting the traffic";
        let found = self.get_online_endpoint(endpoint).await;
        let found = found.map_err(|error| (None, ("reading the endpoint", error)))?;
        let before = found.properties.traffic.clone().unwrap_or_default();
        let mut percent = found.traffic_of(deployment);
        let mut changed = None;
        for step in &options.traffic_steps {
            let split =
                split(&before, deployment, *step).map_err(|error| (changed.clone(), (DURING, error)))?;
            let now = if percent == *step {
                self.get_online_endpoint(endpoint).await
            } else {
                // Whatever comes of it may have changed something.
                changed = Some(before.clone());
                self.traffic_settled(endpoint, &split, until).await
            };
            let now = now.map_err(|error| (changed.clone(), (DURING, error)))?;
            percent = *step;
            if let Some(health) = &options.health
                && let Err(why) = health.check(&now, deployment, percent).await
            {
                let text = format!("the deployment is not well at {percent} percent: {why}");
                let error = Error::new(ErrorKind::Unhealthy, Advice::GiveUp, text);
                return Err((changed, ("checking its health", error)));
            }
        }
        Ok(percent)
    }

    /// The deployment, once it is read with its new model: reads may lag.
    async fn seen(
        &self,
        endpoint: &str,
        deployment: &str,
        model: &ModelRef,
        until: Option<SystemTime>,
    ) -> Step<OnlineDeployment> {
        const DURING: &str = "reading the new model back";
        loop {
            let found = self.get_online_deployment(endpoint, deployment).await;
            let found = found.map_err(|error| (DURING, error))?;
            if serves(&found, model, self) {
                return Ok(found);
            }
            self.pause_until(until, "the model that was set is not read back")
                .await
                .map_err(|error| (DURING, error))?;
        }
    }

    async fn put_back(
        &self,
        endpoint: &str,
        deployment: &str,
        before: &OnlineDeployment,
        split: Option<IntMap>,
        until: Option<SystemTime>,
    ) -> RollBack {
        // The traffic first: nobody should meet a model that is being changed.
        if let Some(split) = split
            && let RollBack::Failed(error) = self.traffic_back(endpoint, split, until).await
        {
            return RollBack::Failed(error);
        }
        if let Err((_, error)) = self.settled(endpoint, deployment, until).await {
            return RollBack::Failed(error);
        }
        match self.put_settled(endpoint, deployment, before, until).await {
            Ok(_) => RollBack::Done,
            Err(refused) => RollBack::Failed(refused.error),
        }
    }

    async fn traffic_back(&self, endpoint: &str, split: IntMap, until: Option<SystemTime>) -> RollBack {
        match self.traffic_settled(endpoint, &split, until).await {
            Ok(_) => RollBack::Done,
            Err(error) => RollBack::Failed(error),
        }
    }

    async fn pause_until(&self, until: Option<SystemTime>, why: &str) -> Result<(), Error> {
        let left = until.map(|until| until.duration_since(self.now()).unwrap_or_default());
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Error::new(ErrorKind::Late, Advice::Unknown, why));
        }
        let interval = self.polling().interval;
        self.sleep(left.map_or(interval, |left| interval.min(left))).await;
        Ok(())
    }
}

fn failed(during: &'static str, error: Error, roll_back: RollBack) -> ReleaseFailed {
    ReleaseFailed {
        during,
        error,
        roll_back,
    }
}

fn is_conflict(error: &Error) -> bool {
    error.status().is_some_and(|status| status.as_u16() == 409)
}

fn serves(deployment: &OnlineDeployment, model: &ModelRef, client: &Client) -> bool {
    let present = deployment.properties.model.as_deref();
    let present = present.and_then(|text| ModelRef::parse(text).ok());
    present.is_some_and(|present| present.is_same(model, client.workspace()))
}

/// The split in which this deployment has its share, and the others what they had in proportion.
fn split(before: &IntMap, deployment: &str, share: i64) -> Result<IntMap, Error> {
    let is_other = |name: &str| !name.eq_ignore_ascii_case(deployment);
    let others: Vec<(&String, i64)> = before
        .iter()
        .filter(|(name, had)| is_other(name) && had.is_some_and(|had| had > 0))
        .map(|(name, had)| (name, had.unwrap_or_default()))
        .collect();
    let sum: i64 = others.iter().map(|(_, had)| had).sum();
    if sum == 0 && share != 100 {
        return Err(Error::invalid(
            "no other deployment has traffic, so this one has all of it or none",
        ));
    }
    let rest = 100 - share;
    let mut shares: Vec<(String, i64)> = Vec::new();
    let mut left = rest;
    for (index, (name, had)) in others.iter().enumerate() {
        // What does not divide goes to the last.
        let part = if index + 1 == others.len() {
            left
        } else {
            rest * had / sum
        };
        left -= part;
        shares.push(((*name).clone(), part));
    }
    shares.push((deployment.to_owned(), share));
    traffic(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_others_keep_their_proportion() {
        let map = |pairs: &[(&str, i64)]| -> IntMap {
            pairs
                .iter()
                .map(|(name, share)| ((*name).to_owned(), Some(*share)))
                .collect()
        };
        let check = |before: &[(&str, i64)], share: i64, expect: &[(&str, i64)]| {
            assert_eq!(
                split(&map(before), "Green", share).unwrap(),
                map(expect),
                "{before:?} {share}"
            );
        };
        check(&[("blue", 100)], 10, &[("blue", 90), ("green", 10)]);
        check(&[("blue", 90), ("green", 10)], 50, &[("blue", 50), ("green", 50)]);
        check(&[("blue", 50), ("green", 50)], 100, &[("green", 100)]);
        check(
            &[("aaa", 60), ("bbb", 20), ("green", 20)],
            61,
            &[("aaa", 29), ("bbb", 10), ("green", 61)],
        );
        check(&[], 100, &[("green", 100)]);
        check(&[("blue", 100)], 0, &[("blue", 100)]);
        assert!(split(&map(&[]), "green", 10).is_err());
        assert!(split(&map(&[("blue", 100)]), "green", 101).is_err());
    }
}
