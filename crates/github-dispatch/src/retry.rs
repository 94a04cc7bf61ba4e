//! **Here**: [`RetryPolicy`]: whether a request of this client is made again, and when. Pure.
//! **Not here**: what an answer means (`error`), waiting (`clock`), retries over hours (the caller's journal).
//! **Reads**: an advice and what the request does; `client` follows it.
//! **Source**: GitHub has no idempotency key: in the outage of 2026-05-08 retries of a 5xx started fifty runs for one call.

use std::time::{Duration, SystemTime};

use crate::error::Advice;

/// What a request does when it is executed two times.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a policy must decide for each")]
pub enum Effect {
    /// Nothing: it reads.
    Read,
    /// The same as one time: it sets.
    Set,
    /// Something else: it starts, and each one starts another.
    Start,
}

/// Which requests a client makes again by itself: those of which it is sure that they did nothing, and reads and settings whatever became
/// of them. A request that starts something and may have been executed is never made again.
///
/// On by default; [`RetryPolicy::off`] leaves every decision to the caller, as a relay wants it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RetryPolicy {
    max_attempts: u32,
    base: Duration,
    patience: Duration,
}

impl Default for RetryPolicy {
    /// 3 attempts, pauses from half a second, and no wait for a limit above 30 s.
    fn default() -> Self {
        Self {
            max_attempts: 3,
            base: Duration::from_millis(500),
            patience: Duration::from_secs(30),
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

    /// No wait is longer than this: where GitHub asks for more, the error says until when.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How many attempts it makes at most.
    #[must_use]
    pub const fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// How long to wait before the next attempt, after so many; none when there is none.
    ///
    /// `jitter` is any number that differs from caller to caller: it takes up to half of a pause away, so that many of them do not come
    /// back together. A moment that GitHub named is never shortened.
    #[must_use]
    pub fn after(
        &self,
        n_attempts: u32,
        advice: Advice,
        effect: Effect,
        now: SystemTime,
        jitter: u32,
    ) -> Option<Duration> {
        if n_attempts >= self.max_attempts {
            return None;
        }
        let wait = match advice {
            Advice::Throttled { until } => until.duration_since(now).unwrap_or_default(),
            Advice::NotSent => self.pause(n_attempts, jitter),
            Advice::Unknown if effect != Effect::Start => self.pause(n_attempts, jitter),
            Advice::Unknown | Advice::GiveUp | Advice::Block(_) => return None,
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
    use crate::error::BlockScope;

    fn after(n: u32, advice: Advice, effect: Effect) -> Option<u128> {
        RetryPolicy::default()
            .after(n, advice, effect, UNIX_EPOCH, 0)
            .map(|wait| wait.as_millis())
    }

    #[test]
    fn ok_what_starts_something_is_made_again_only_if_it_was_surely_not_executed() {
        let throttled = |seconds| Advice::Throttled {
            until: UNIX_EPOCH + Duration::from_secs(seconds),
        };
        for effect in [Effect::Read, Effect::Set, Effect::Start] {
            assert_eq!(after(1, Advice::NotSent, effect), Some(500));
            assert_eq!(after(2, Advice::NotSent, effect), Some(1_000));
            assert_eq!(after(3, Advice::NotSent, effect), None);
            assert_eq!(after(1, throttled(30), effect), Some(30_000));
            assert_eq!(after(1, throttled(31), effect), None);
            assert_eq!(after(1, Advice::GiveUp, effect), None);
            assert_eq!(after(1, Advice::Block(BlockScope::Target), effect), None);
            assert_eq!(after(1, Advice::Block(BlockScope::Principal), effect), None);
        }
        assert_eq!(after(1, Advice::Unknown, Effect::Read), Some(500));
        assert_eq!(after(1, Advice::Unknown, Effect::Set), Some(500));
        assert_eq!(after(1, Advice::Unknown, Effect::Start), None);
    }

    #[test]
    fn ok_off_is_off_and_jitter_takes_half_at_most() {
        let off = RetryPolicy::off();
        let now = Advice::Throttled { until: UNIX_EPOCH };
        for advice in [Advice::NotSent, Advice::Unknown, now] {
            assert_eq!(off.after(1, advice, Effect::Read, UNIX_EPOCH, 0), None);
        }
        let policy = RetryPolicy::default().with_max_attempts(u32::MAX);
        for jitter in [0, 1, 499, 999, 1_000, u32::MAX] {
            for n in [1, 2, 31, 32, 33, 1_000] {
                let wait = policy.after(n, Advice::NotSent, Effect::Read, UNIX_EPOCH, jitter);
                let full = policy.pause(n, 0);
                assert!(
                    wait.is_some_and(|wait| wait <= full && wait >= full / 2),
                    "{n} {jitter}"
                );
            }
        }
        assert_eq!(RetryPolicy::default().with_max_attempts(0).max_attempts(), 1);
    }
}
