//! **Here**: the [`Clock`] trait and [`SystemClock`]: the only code of this crate that reads the time or waits; and how far GitHub's
//! clock is from ours.
//! **Not here**: what time is compared with (`rate_limit`), how long to wait (`retry`, `pace`, `watch`).
//! **Reads**: the `date` of answers.
//! **Source**: our own; GitHub judges `created`, `iat` and `exp` by its own clock, which its `date` header tells.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::HeaderMap;

use crate::rate_limit::{RateState, date};

/// Says what time it is, and waits.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// Now.
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

/// Our clock, and the last answer, which tells how far GitHub's is from it. It is read when somebody asks.
#[derive(Debug)]
pub(crate) struct ServerClock {
    ours: Arc<dyn Clock>,
    /// When it came, and its headers.
    last: Mutex<Option<(SystemTime, HeaderMap)>>,
}

/// A difference up to this is the grain of the `date` header and the way of the answer, not of the clocks.
const GRAIN_SECONDS: i64 = 2;

impl ServerClock {
    pub(crate) fn new(ours: Arc<dyn Clock>) -> Self {
        Self {
            ours,
            last: Mutex::default(),
        }
    }

    /// Now, by our clock.
    pub(crate) fn now(&self) -> SystemTime {
        self.ours.now()
    }

    pub(crate) async fn sleep(&self, wait: Duration) {
        self.ours.sleep(wait).await;
    }

    /// Keeps the headers of an answer that came in now.
    pub(crate) fn learn(&self, headers: HeaderMap) {
        *self.last() = Some((self.now(), headers));
    }

    /// What remains of the primary limit by the last answer.
    pub(crate) fn rate_state(&self) -> Option<RateState> {
        let last = self.last();
        let (came_at, headers) = last.as_ref()?;
        RateState::of(headers, *came_at)
    }

    /// How far GitHub's clock is ahead of ours, in seconds.
    pub(crate) fn ahead(&self) -> i64 {
        let last = self.last();
        let told = last
            .as_ref()
            .and_then(|(came_at, headers)| Some((*came_at, date(headers)?)));
        let Some((ours, theirs)) = told else {
            return 0;
        };
        let ahead = match theirs.duration_since(ours) {
            Ok(ahead) => seconds(ahead),
            Err(behind) => -seconds(behind.duration()),
        };
        if ahead.abs() <= GRAIN_SECONDS { 0 } else { ahead }
    }

    /// A moment of ours as GitHub would write it.
    pub(crate) fn theirs(&self, ours: SystemTime) -> SystemTime {
        let ahead = self.ahead();
        let by = Duration::from_secs(ahead.unsigned_abs());
        let moved = if ahead >= 0 {
            ours.checked_add(by)
        } else {
            ours.checked_sub(by)
        };
        moved.unwrap_or(ours)
    }

    fn last(&self) -> MutexGuard<'_, Option<(SystemTime, HeaderMap)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[derive(Debug)]
    struct Still(u64);

    #[async_trait]
    impl Clock for Still {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_secs(self.0)
        }

        async fn sleep(&self, _wait: Duration) {}
    }

    #[test]
    fn ok_their_clock_is_told_by_the_date_header() {
        // 2026-11-22T10:00:00Z.
        const NOW: u64 = 1_795_341_600;
        let check = |ours: u64, date: &str, expect: u64| {
            let clock = ServerClock::new(Arc::new(Still(ours)));
            let headers = HeaderMap::from_iter([(http::header::DATE, date.parse().unwrap())]);
            clock.learn(headers);
            let expect = UNIX_EPOCH + Duration::from_secs(expect);
            assert_eq!(clock.theirs(clock.now()), expect, "{ours} {date}");
        };
        let date = "Sun, 22 Nov 2026 10:00:00 GMT";
        check(NOW, date, NOW);
        check(NOW - 600, date, NOW);
        check(NOW + 600, date, NOW);
        // A second or two are the way of the answer.
        check(NOW + 2, date, NOW + 2);
        check(NOW - 600, "some day", NOW - 600);
    }
}
