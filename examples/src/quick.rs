//! A clock that runs faster than the real one: what takes minutes at GitHub takes seconds offline.

use std::time::{Duration, SystemTime};

use github_dispatch::clock::{Clock, SystemClock};

/// Begins at the real time and runs so many times as fast.
#[derive(Clone, Copy, Debug)]
pub struct QuickClock {
    began: SystemTime,
    factor: u32,
}

impl QuickClock {
    /// A clock that runs `factor` times as fast; never slower than the real one.
    #[must_use]
    pub fn new(factor: u32) -> Self {
        Self {
            began: SystemClock.now(),
            factor: factor.max(1),
        }
    }
}

#[async_trait::async_trait]
impl Clock for QuickClock {
    fn now(&self) -> SystemTime {
        let real = SystemClock.now().duration_since(self.began).unwrap_or_default();
        self.began + real * self.factor
    }

    async fn sleep(&self, wait: Duration) {
        SystemClock.sleep(wait / self.factor).await;
    }
}

#[async_trait::async_trait]
impl aml_client::clock::Clock for QuickClock {
    fn now(&self) -> SystemTime {
        Clock::now(self)
    }

    async fn sleep(&self, wait: Duration) {
        Clock::sleep(self, wait).await;
    }
}
