//! **Here**: [`RetryPolicy`]: whether a call is made again by itself, and when. Pure.
//! **Not here**: what an answer means (`response`), waiting (`clock`), polling (`operation`).
//! **Reads**: an advice and what the request does; `client` follows it.
//! **Source**: the resource provider contract (408, 429, 5xx and whatever carries `Retry-After`) and Azure/azure-sdk-for-rust's retry policy,
//! read 2026-11-23.

use std::time::{Duration, SystemTime};

use crate::error::{Advice, Error};

/// What a request does when it is executed two times.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a policy must decide for each")]
pub enum Effect {
    /// Nothing, or the same as one time: GET, PUT, DELETE, and a POST that reads, such as `listKeys`.
    Repeatable,
    /// Something else: cancel, regenerate a key, publish, invoke.
    Once,
}

/// Which calls a client makes again by itself: those of which it is sure that they did nothing, and repeatable ones whatever became of
/// them.
///
/// On by default; [`RetryPolicy::off`] leaves every decision to the caller, as a relay wants it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RetryPolicy {
    max_attempts: u32,
    base: Duration,
    patience: Duration,
}

impl Default for RetryPolicy {
    /// 4 attempts, pauses from 0.8 s, and no wait above 60 s.
    fn default() -> Self {
        Self {
            max_attempts: 4,
            base: Duration::from_millis(800),
            patience: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// One attempt, whatever becomes of it.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            max_attempts: 1,
            base: Duration::ZERO,
            patience: Duration::ZERO,
        }
    }

    /// So many attempts at most, the first one included; never below 1.
    #[must_use]
    pub const fn with_max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = if max_attempts == 0 { 1 } else { max_attempts };
        self
    }

    /// No wait is longer than this: where the service asks for more, the error says until when.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long to wait before the next attempt, after so many; none when there is none. `jitter` is any number that differs from caller
    /// to caller; it never shortens what the service asked for.
    #[must_use]
    pub fn after(
        &self,
        n_attempts: u32,
        error: &Error,
        effect: Effect,
        now: SystemTime,
        jitter: u32,
    ) -> Option<Duration> {
        if n_attempts >= self.max_attempts {
            return None;
        }
        let wait = match error.advice() {
            Advice::Throttled { until } => until.duration_since(now).unwrap_or_default(),
            Advice::NotSent => self.pause(n_attempts, jitter),
            Advice::Unknown if effect == Effect::Repeatable => error
                .retry_after()
                .unwrap_or_default()
                .max(self.pause(n_attempts, jitter)),
            Advice::Unknown | Advice::GiveUp | Advice::Block => return None,
        };
        (wait <= self.patience).then_some(wait)
    }

    fn pause(&self, n_attempts: u32, jitter: u32) -> Duration {
        let doubled = 1_u32
            .checked_shl(n_attempts.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let full = self.base.saturating_mul(doubled).min(self.patience);
        full - full.mul_f64(f64::from(jitter % 1_000) / 2_000.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::error::ErrorKind;

    fn after(n: u32, advice: Advice, effect: Effect) -> Option<u128> {
        let error = Error::new(ErrorKind::Status, advice, "x");
        let wait = RetryPolicy::default().after(n, &error, effect, UNIX_EPOCH, 0);
        wait.map(|wait| wait.as_millis())
    }

    #[test]
    fn ok_what_has_an_effect_is_made_again_only_if_it_had_none() {
        let throttled = |seconds| Advice::Throttled {
            until: UNIX_EPOCH + Duration::from_secs(seconds),
        };
        for effect in [Effect::Repeatable, Effect::Once] {
            assert_eq!(after(1, Advice::NotSent, effect), Some(800));
            assert_eq!(after(3, Advice::NotSent, effect), Some(3_200));
            assert_eq!(after(4, Advice::NotSent, effect), None);
            assert_eq!(after(1, throttled(60), effect), Some(60_000));
            assert_eq!(after(1, throttled(61), effect), None);
            assert_eq!(after(1, Advice::GiveUp, effect), None);
            assert_eq!(after(1, Advice::Block, effect), None);
        }
        assert_eq!(after(1, Advice::Unknown, Effect::Repeatable), Some(800));
        assert_eq!(after(1, Advice::Unknown, Effect::Once), None);
    }

    #[test]
    fn ok_off_is_off() {
        let error = Error::new(ErrorKind::Connect, Advice::NotSent, "x");
        assert_eq!(
            RetryPolicy::off().after(1, &error, Effect::Repeatable, UNIX_EPOCH, 0),
            None
        );
    }
}
