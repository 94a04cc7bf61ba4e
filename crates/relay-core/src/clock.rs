//! **Here**: [`Timestamp`], the [`Clock`] trait, and the two clocks we ship: the only code of this crate that reads the time.
//! **Not here**: event times (they are the sender's: `eventgrid_schema::EventTime`), and due times (`retry`).
//! **Reads**: nothing before it; everything that decides takes a `Timestamp` as a value.
//! **Source**: our own, DESIGN section 5.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// A clock that is behind by less than this is not taken for a jump: requests may overtake each other on their way to a journal.
pub(crate) const JUMP: Duration = Duration::from_secs(5);

/// An instant of our own clock: milliseconds since 1970-01-01T00:00:00Z.
///
/// Shape in the journal: a JSON integer, such as `1763856000000`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant that many milliseconds after the epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_unix_ms(self) -> i64 {
        self.0
    }

    /// This instant moved by a signed number of milliseconds; saturates at the ends.
    #[must_use]
    pub const fn shifted_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This instant plus a duration; saturates at the end.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// This instant minus a duration; saturates at the end.
    #[must_use]
    pub fn before(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let ms = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        Self(ms)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(at: Timestamp) -> Self {
        let ms = Duration::from_millis(at.0.unsigned_abs());
        if at.0 >= 0 {
            UNIX_EPOCH + ms
        } else {
            UNIX_EPOCH.checked_sub(ms).unwrap_or(UNIX_EPOCH)
        }
    }
}

impl fmt::Display for Timestamp {
    /// Prints seconds with three decimals, such as `1763856000.000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0.div_euclid(1000), self.0.rem_euclid(1000))
    }
}

/// The only source of time: what the clock says, and how to wait by it.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// The instant now.
    fn now(&self) -> Timestamp;

    /// Waits for that long by this clock.
    ///
    /// # Cancel safety
    /// Dropping the future ends the wait and nothing else.
    async fn sleep(&self, wait: Duration);
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Clock + ?Sized> Clock for std::sync::Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    async fn sleep(&self, wait: Duration) {
        (**self).sleep(wait).await;
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Clock + ?Sized> Clock for Box<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    async fn sleep(&self, wait: Duration) {
        (**self).sleep(wait).await;
    }
}

/// The system's clock and tokio's timer.
#[cfg(feature = "tokio")]
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit struct has nothing to add")]
pub struct TokioClock;

#[cfg(feature = "tokio")]
#[async_trait]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one file that reads the time"
)]
impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_round_trip_through_system_time() {
        for ms in [0, 1, 1_763_856_000_123, -1, -1_000] {
            let at = Timestamp::from_unix_ms(ms);
            assert_eq!(Timestamp::from(SystemTime::from(at)), at, "{ms} ms");
        }
    }

    #[test]
    fn ok_arithmetic_saturates() {
        let end = Timestamp::from_unix_ms(i64::MAX);
        assert_eq!(end.after(Duration::from_secs(1)), end);
        assert_eq!(
            Timestamp::from_unix_ms(5).since(Timestamp::from_unix_ms(9)),
            Duration::ZERO
        );
        assert_eq!(Timestamp::from_unix_ms(-1).to_string(), "-1.999");
    }
}
