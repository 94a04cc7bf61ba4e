//! **Here**: the rate budget of a principal: when the next request may start, counted over recorded attempts. Pure.
//! **Not here**: limits that GitHub told us (the journal closes the principal until then), retry waits (`retry`).
//! **Reads**: `clock` before it; `journal::verbs` asks it inside the transaction that records the attempt.
//! **Source**: DESIGN section 6, rate budget; facts/github 5.1 and 5.3: 1 s between writes, 80 a minute and 500 an hour at most.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// How often one identity may write. Zero, or `None`, means no bound.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Budget {
    /// From the end of one request to the start of the next.
    pub min_interval: Duration,
    /// Requests in any 60 seconds. Whenever a request reaches GitHub, it is between its start and its end: a window is counted from
    /// the ends of those before to the start of the next, so that it holds there too.
    pub per_minute: u32,
    /// Requests in any 3,600 seconds, counted in the same way.
    pub per_hour: u32,
    /// Requests under way at once. GitHub asks for one at a time.
    pub max_in_flight: u32,
}

impl Default for Budget {
    /// One second apart, 60 a minute, 500 an hour, one at a time.
    fn default() -> Self {
        Self {
            min_interval: Duration::from_secs(1),
            per_minute: 60,
            per_hour: 500,
            max_in_flight: 1,
        }
    }
}

impl Budget {
    /// No bound but one request at a time, for destinations that set none, and for tests.
    #[must_use]
    pub const fn unbounded() -> Self {
        Self {
            min_interval: Duration::ZERO,
            per_minute: 0,
            per_hour: 0,
            max_in_flight: 1,
        }
    }

    /// Sets the time from the end of one request to the start of the next.
    #[must_use]
    pub const fn with_min_interval(mut self, interval: Duration) -> Self {
        self.min_interval = interval;
        self
    }

    /// Sets the bound on any 60 seconds; 0 for none.
    #[must_use]
    pub const fn with_per_minute(mut self, n: u32) -> Self {
        self.per_minute = n;
        self
    }

    /// Sets the bound on any 3,600 seconds; 0 for none.
    #[must_use]
    pub const fn with_per_hour(mut self, n: u32) -> Self {
        self.per_hour = n;
        self
    }

    /// Sets how many requests may be under way at once; 0 for no bound.
    #[must_use]
    pub const fn with_max_in_flight(mut self, n: u32) -> Self {
        self.max_in_flight = n;
        self
    }
}

/// What the journal has recorded of one principal's attempts, as far as its budget needs it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the verbs fill it from rows")]
pub struct Spent {
    /// When the latest attempt ended, or started if it is still under way.
    pub latest: Option<Timestamp>,
    /// When the attempt ended that is the `per_minute`-th from the last to end, those under way being the last.
    pub minute_bound: Option<Timestamp>,
    /// When the attempt ended that is the `per_hour`-th from the last to end.
    pub hour_bound: Option<Timestamp>,
    /// Attempts under way.
    pub in_flight: u32,
}

/// Whether the budget lets a request start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the verbs must decide for each")]
pub enum Opening {
    /// It may start now.
    Now,
    /// It may start then.
    At(Timestamp),
    /// Something under way must end first.
    WhenOneEnds,
}

/// When the next request of this principal may start.
#[must_use]
pub fn opening(budget: &Budget, spent: &Spent, now: Timestamp) -> Opening {
    // A window that those under way fill can open only when one of them has ended.
    let full = |bound: u32| bound > 0 && spent.in_flight >= bound;
    if [budget.max_in_flight, budget.per_minute, budget.per_hour]
        .into_iter()
        .any(full)
    {
        return Opening::WhenOneEnds;
    }
    let interval = spent.latest.map(|at| at.after(budget.min_interval));
    let minute = spent.minute_bound.map(|at| at.after(Duration::from_secs(60)));
    let hour = spent.hour_bound.map(|at| at.after(Duration::from_secs(3_600)));
    match [interval, minute, hour].into_iter().flatten().max() {
        Some(at) if at > now => Opening::At(at),
        _ => Opening::Now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    #[test]
    fn ok_the_latest_bound_decides() {
        let budget = Budget::default();
        let check =
            |spent: Spent, expect| assert_eq!(opening(&budget, &spent, at(100_000)), expect, "{spent:?}");
        check(Spent::default(), Opening::Now);
        check(
            Spent {
                latest: Some(at(99_500)),
                ..Spent::default()
            },
            Opening::At(at(100_500)),
        );
        check(
            Spent {
                latest: Some(at(99_000)),
                ..Spent::default()
            },
            Opening::Now,
        );
        check(
            Spent {
                minute_bound: Some(at(50_000)),
                ..Spent::default()
            },
            Opening::At(at(110_000)),
        );
        check(
            Spent {
                hour_bound: Some(at(50_000)),
                ..Spent::default()
            },
            Opening::At(at(3_650_000)),
        );
        check(
            Spent {
                in_flight: 1,
                ..Spent::default()
            },
            Opening::WhenOneEnds,
        );
    }

    #[test]
    fn ok_a_rolling_window_never_lets_more_than_n_through() {
        // A bucket of 60 a minute would let 120 through in the minute around its refill; a window does not.
        let budget = Budget::unbounded().with_per_minute(60);
        let mut started: Vec<i64> = Vec::new();
        for now in (0..300_000).step_by(100) {
            let bound = started.len().checked_sub(60).map(|index| at(started[index]));
            if opening(
                &budget,
                &Spent {
                    minute_bound: bound,
                    ..Spent::default()
                },
                at(now),
            ) == Opening::Now
            {
                started.push(now);
            }
        }
        let most = started.iter().map(|from| {
            started
                .iter()
                .filter(|t| (*from..*from + 60_000).contains(t))
                .count()
        });
        assert_eq!(most.max(), Some(60));
        assert_eq!(started.len(), 300);
    }
}
