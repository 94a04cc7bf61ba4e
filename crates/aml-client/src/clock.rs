//! **Here**: the [`Clock`] trait and the system's clock: the only code of this crate that reads the time or waits.
//! **Not here**: how long to wait (`retry`, `operation`).
//! **Reads**: nothing before it; `response` turns `Retry-After` into an instant with it.
//! **Source**: our own, read 2026-11-22.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

/// The source of time.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// The instant now.
    fn now(&self) -> SystemTime;

    /// Waits for that long by this clock.
    ///
    /// # Cancel safety
    /// Dropping the future ends the wait.
    async fn sleep(&self, wait: Duration);
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }

    async fn sleep(&self, wait: Duration) {
        (**self).sleep(wait).await;
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Clock + ?Sized> Clock for Box<T> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }

    async fn sleep(&self, wait: Duration) {
        (**self).sleep(wait).await;
    }
}

/// The system's clock and tokio's timer.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit struct has nothing to add")]
pub struct SystemClock;

#[async_trait]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one file that reads the time and waits"
)]
impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }
}
