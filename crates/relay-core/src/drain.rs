//! **Here**: when the last of n waiting requests of a principal will have been sent, and how much of its budget is left. Pure.
//! **Not here**: whether the next request may start (`budget`, which this follows request by request), reading rows (`journal::scan`).
//! **Reads**: `budget` and recorded attempts; `health` and `observe` tell the result.
//! **Source**: DESIGN section 6, rate budget: "drained in 42 min", and it is kept.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::budget::Budget;
use crate::clock::Timestamp;

/// How long a request is taken to last where none was recorded: GitHub answers within half a second.
pub const USUAL_REQUEST: Duration = Duration::from_millis(500);

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// A recorded attempt, as far as an estimate needs it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "made from rows of attempts")]
pub struct Tried {
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended; none while it is under way.
    pub ended_at: Option<Timestamp>,
}

/// What waits for one principal, and what its budget makes of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Drain {
    /// All of it in words, such as `default: 1200 wait, drained in 2 h 5 min`.
    pub says: String,
    /// The identity.
    pub principal: String,
    /// Requests that wait for targets that are open.
    pub n_waiting: u64,
    /// Requests that wait for targets that are closed: they are in no estimate.
    pub n_held: u64,
    /// When the last of those that wait will have been answered, if GitHub takes each at the first try and nothing else comes. None
    /// while nothing can be sent at all.
    pub drained_at: Option<Timestamp>,
    /// The same from now, in seconds.
    pub drained_in_s: Option<u64>,
    /// Requests that may still start in the hour that ends now; none without a bound.
    pub left_this_hour: Option<u32>,
    /// Requests that may still start in the minute that ends now; none without a bound.
    pub left_this_minute: Option<u32>,
}

impl fmt::Display for Drain {
    /// Such as `default: 1200 wait, drained in 2 h 5 min`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} wait", self.principal, self.n_waiting)?;
        if self.n_held > 0 {
            write!(f, ", {} more are held", self.n_held)?;
        }
        match self.drained_in_s {
            _ if self.n_waiting == 0 => Ok(()),
            Some(seconds) => write!(f, ", drained in {}", plain(Duration::from_secs(seconds))),
            None => f.write_str(", and nothing can be sent"),
        }
    }
}

/// A duration as a person says it: `40 s`, `42 min`, `2 h 5 min`, `3 d 4 h`.
#[must_use]
pub fn plain(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, of: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {of}"),
    };
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5_400 => format!("{minutes} min"),
        5_400..172_800 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// How long the requests of these attempts lasted on average.
#[must_use]
pub fn usual_request(tried: &[Tried]) -> Duration {
    let ended = tried
        .iter()
        .filter_map(|one| Some(one.ended_at?.since(one.started_at)));
    let (n, sum) = ended.fold((0_u32, Duration::ZERO), |(n, sum), lasted| {
        (n.saturating_add(1), sum.saturating_add(lasted))
    });
    sum.checked_div(n).unwrap_or(USUAL_REQUEST)
}

/// How many of the latest attempts an estimate needs: those that its windows and its requests under way reach back to.
#[must_use]
pub fn reach(budget: &Budget) -> usize {
    let most = budget
        .per_hour
        .max(budget.per_minute)
        .max(budget.max_in_flight)
        .max(1);
    usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1)
}

/// How many requests may still start in the window that ends now; none where it has no bound. As in
/// [`budget`](crate::budget), a window is counted from the ends of requests.
#[must_use]
pub fn left(bound: u32, window: Duration, tried: &[Tried], now: Timestamp) -> Option<u32> {
    let is_in = |one: &&Tried| one.ended_at.is_none_or(|ended| ended.after(window) > now);
    let n = u32::try_from(tried.iter().filter(is_in).count()).unwrap_or(u32::MAX);
    (bound > 0).then(|| bound.saturating_sub(n))
}

/// When the last of `n` requests will have been answered. None of them starts before `opens_at`; each lasts as long as those
/// before it did on average. `tried` holds at least the latest [`reach`] attempts, in order of their starts.
///
/// It starts one request after another by the rules of [`opening`](crate::budget::opening), and leaps over what repeats itself:
/// a million requests cost no more than some thousands.
#[must_use]
pub fn drained_at(budget: &Budget, tried: &[Tried], n: u64, opens_at: Timestamp) -> Timestamp {
    let each = i64::try_from(usual_request(tried).as_millis()).unwrap_or(i64::MAX);
    let mut paced = Paced::new(budget, tried, opens_at, each);
    let mut left = n;
    while left > 0 {
        paced.start();
        left -= 1;
        if paced.n_own.is_multiple_of(paced.window) {
            left -= paced.leap(left);
        }
    }
    let last = if n == 0 {
        opens_at.as_unix_ms()
    } else {
        paced.latest_start.saturating_add(each)
    };
    Timestamp::from_unix_ms(last)
}

/// Requests that start as early as the budget lets them.
#[derive(Debug)]
struct Paced {
    interval: i64,
    per_minute: usize,
    per_hour: usize,
    max_in_flight: usize,
    each: i64,
    opens_at: i64,
    /// Ends of all, those to come included, earliest first.
    finishes: Vec<i64>,
    latest_start: i64,
    latest_end: Option<i64>,
    /// Ends of what is under way, earliest first.
    ends: VecDeque<i64>,
    /// How many starts the next one depends on.
    window: usize,
    /// How many of the starts are not recorded but followed from the budget.
    n_own: usize,
}

impl Paced {
    fn new(budget: &Budget, tried: &[Tried], opens_at: Timestamp, each: i64) -> Self {
        let count = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let now = opens_at.as_unix_ms();
        let latest_start = tried.iter().map(|one| one.started_at.as_unix_ms()).max();
        let under_way = tried.iter().filter(|one| one.ended_at.is_none());
        let mut ends: Vec<i64> = under_way
            .map(|one| one.started_at.as_unix_ms().saturating_add(each).max(now))
            .collect();
        ends.sort_unstable();
        let ended = tried
            .iter()
            .filter_map(|one| one.ended_at)
            .map(Timestamp::as_unix_ms);
        let mut finishes: Vec<i64> = ended.chain(ends.iter().copied()).collect();
        finishes.sort_unstable();
        Self {
            interval: i64::try_from(budget.min_interval.as_millis()).unwrap_or(i64::MAX),
            per_minute: count(budget.per_minute),
            per_hour: count(budget.per_hour),
            max_in_flight: count(budget.max_in_flight),
            each,
            opens_at: now,
            latest_start: latest_start.unwrap_or(i64::MIN),
            latest_end: tried
                .iter()
                .filter_map(|one| one.ended_at)
                .max()
                .map(Timestamp::as_unix_ms),
            finishes,
            ends: ends.into(),
            window: reach(budget),
            n_own: 0,
        }
    }

    /// The next one starts.
    fn start(&mut self) {
        let nth = |n: usize, window: i64| {
            let index = self.finishes.len().checked_sub(n).filter(|_| n > 0)?;
            Some(self.finishes.get(index)?.saturating_add(window))
        };
        let (minute, hour) = (nth(self.per_minute, MINUTE_MS), nth(self.per_hour, HOUR_MS));
        let mut at = [minute, hour]
            .into_iter()
            .flatten()
            .fold(self.opens_at.max(self.latest_start), i64::max);
        loop {
            while let Some(end) = self.ends.front().copied().filter(|end| *end <= at) {
                self.latest_end = self.latest_end.max(Some(end));
                self.ends.pop_front();
            }
            let first_end = self.ends.front().copied();
            if let Some(end) =
                first_end.filter(|_| self.max_in_flight > 0 && self.ends.len() >= self.max_in_flight)
            {
                at = end;
                continue;
            }
            let latest = self
                .latest_end
                .map_or(self.latest_start, |end| end.max(self.latest_start));
            let open = latest.saturating_add(self.interval);
            if open <= at || latest == i64::MIN {
                break;
            }
            at = open;
        }
        self.latest_start = at;
        self.finishes.push(at.saturating_add(self.each));
        self.ends.push_back(at.saturating_add(self.each));
        self.n_own += 1;
    }

    /// What the next starts depend on are the latest of them, whatever the hour. So where these are those of one period before,
    /// moved by some time, every further period is the one before, moved by that time. Gives how many requests were leapt over.
    fn leap(&mut self, left: u64) -> u64 {
        if self.ends.len() >= self.window {
            return 0;
        }
        for period in [1, self.per_minute, self.per_hour] {
            let Some(by) = self.repeats(period) else { continue };
            let n_periods = left / u64::try_from(period).unwrap_or(u64::MAX);
            let by = by.saturating_mul(i64::try_from(n_periods).unwrap_or(i64::MAX));
            for at in self.finishes.iter_mut().chain(&mut self.ends) {
                *at = at.saturating_add(by);
            }
            self.latest_start = self.latest_start.saturating_add(by);
            self.latest_end = self.latest_end.map(|end| end.saturating_add(by));
            return n_periods.saturating_mul(u64::try_from(period).unwrap_or(0));
        }
        let keep = self.window.saturating_mul(2);
        let surplus = self.finishes.len().saturating_sub(keep);
        self.finishes.drain(..surplus);
        0
    }

    /// By how much each of the latest ends lies behind the one a period before it, if that is the same for all.
    fn repeats(&self, period: usize) -> Option<i64> {
        if period == 0 || self.n_own < self.window.saturating_add(period) {
            return None;
        }
        let from = self.finishes.len().checked_sub(self.window)?;
        let (now, before) = (
            self.finishes.get(from..)?,
            self.finishes.get(from.checked_sub(period)?..)?,
        );
        let by = now.first()?.checked_sub(*before.first()?)?;
        let same = |(now, before): (&i64, &i64)| now.checked_sub(*before) == Some(by);
        now.iter().zip(before).all(same).then_some(by)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::budget::{Opening, Spent, opening};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    /// The same by brute force: a clock that goes on from moment to moment, `budget::opening` asked at each, every request recorded.
    fn by_steps(budget: &Budget, tried: &[Tried], n: u64, opens_at: Timestamp) -> Timestamp {
        let each = usual_request(tried);
        let mut all: Vec<Tried> = tried.to_vec();
        let mut under_way: Vec<(usize, Timestamp)> = Vec::new();
        for (index, one) in all.iter().enumerate().filter(|(_, one)| one.ended_at.is_none()) {
            under_way.push((index, one.started_at.after(each).max(opens_at)));
        }
        let (mut now, mut started) = (opens_at, 0);
        let mut end = opens_at;
        loop {
            under_way.retain(|(index, end)| {
                if *end <= now {
                    all[*index].ended_at = Some(*end);
                }
                *end > now
            });
            if started == n {
                return end;
            }
            let mut ends: Vec<Timestamp> = all.iter().filter_map(|one| one.ended_at).collect();
            ends.sort_unstable();
            let nth = |n: u32| {
                let before = (n as usize).checked_sub(under_way.len() + 1)?;
                ends.iter().rev().nth(before).copied()
            };
            let spent = Spent {
                latest: all
                    .iter()
                    .map(|one| one.started_at)
                    .max()
                    .max(ends.last().copied()),
                minute_bound: nth(budget.per_minute),
                hour_bound: nth(budget.per_hour),
                in_flight: u32::try_from(under_way.len()).unwrap(),
            };
            let first_end = under_way.iter().map(|(_, end)| *end).min();
            match opening(budget, &spent, now) {
                Opening::Now => {
                    started += 1;
                    end = now.after(each);
                    under_way.push((all.len(), end));
                    all.push(Tried {
                        started_at: now,
                        ended_at: None,
                    });
                }
                // A worker wakes when something ends and when the budget opens, whichever comes first.
                Opening::At(open) => now = first_end.map_or(open, |end| end.min(open)),
                Opening::WhenOneEnds => now = first_end.unwrap(),
            }
        }
    }

    #[test]
    fn ok_what_a_person_can_reckon() {
        let check = |budget: Budget, n: u64, seconds: f64| {
            let drained = drained_at(&budget, &[], n, at(0)).as_unix_ms();
            assert_eq!(drained, (seconds * 1_000.0) as i64, "{n} by {budget:?}");
        };
        check(Budget::default(), 0, 0.0);
        check(Budget::default(), 1, 0.5);
        // A second from the end of one to the start of the next.
        check(Budget::default(), 2, 2.0);
        check(Budget::default(), 500, 749.0);
        // The 501st waits for the hour of the first, which begins when that one has ended.
        check(Budget::default(), 501, 3_601.0);
        check(Budget::default(), 1_000, 3_600.5 + 749.0);
        check(Budget::default(), 1_200, 7_201.0 + 299.0);
        check(Budget::unbounded(), 4, 2.0);
        check(Budget::unbounded().with_per_minute(10), 21, 121.5);
        // A month of it is leapt over: 500 an hour, and the last 500 within the last hour's beginning.
        check(Budget::default(), 360_000, 719.0 * 3_600.5 + 749.0);
    }

    #[test]
    fn ok_what_was_spent_already_counts() {
        let spent: Vec<Tried> = (0..400)
            .map(|n| Tried {
                started_at: at(n * 2_000),
                ended_at: Some(at(n * 2_000 + 500)),
            })
            .collect();
        let now = at(800_000);
        assert_eq!(left(500, Duration::from_secs(3_600), &spent, now), Some(100));
        // A window is counted from the ends: of the last minute's 30 the first began just before it.
        assert_eq!(left(60, Duration::from_secs(60), &spent, now), Some(30));
        assert_eq!(left(0, Duration::from_secs(60), &spent, now), None);
        // 100 go now; the next goes an hour after the first of those that were.
        assert_eq!(
            drained_at(&Budget::default(), &spent, 100, now),
            at(800_000 + 99 * 1_500 + 500)
        );
        assert_eq!(drained_at(&Budget::default(), &spent, 101, now), at(3_601_000));
        // A bucket would fill again at once for those that went long ago; a window only for each when its hour is over.
        assert_eq!(drained_at(&Budget::default(), &spent, 102, now), at(3_603_000));
    }

    #[test]
    fn ok_durations_as_a_person_says_them() {
        let check = |seconds: u64, expect: &str| assert_eq!(plain(Duration::from_secs(seconds)), expect);
        check(0, "0 s");
        check(89, "89 s");
        check(90, "1 min");
        check(2_520, "42 min");
        check(5_399, "89 min");
        check(5_400, "1 h 30 min");
        check(7_200, "2 h");
        check(172_799, "47 h 59 min");
        check(172_800, "2 d");
        check(190_000, "2 d 4 h");
    }

    #[test]
    fn ok_an_estimate_in_words() {
        let check = |n_waiting, n_held, drained_in_s, expect: &str| {
            let drain = Drain {
                says: String::new(),
                principal: "default".to_owned(),
                n_waiting,
                n_held,
                drained_at: None,
                drained_in_s,
                left_this_hour: None,
                left_this_minute: None,
            };
            assert_eq!(drain.to_string(), expect);
        };
        check(1_200, 0, Some(2_520), "default: 1200 wait, drained in 42 min");
        check(
            3,
            2,
            None,
            "default: 3 wait, 2 more are held, and nothing can be sent",
        );
        check(0, 2, Some(0), "default: 0 wait, 2 more are held");
    }

    fn budgets() -> impl Strategy<Value = Budget> {
        let interval = prop_oneof![Just(0_u64), 1..3_000_u64, Just(1_000)];
        let minute = prop_oneof![Just(0_u32), 1..12_u32];
        let hour = prop_oneof![Just(0_u32), 1..40_u32];
        (interval, minute, hour, 0..4_u32).prop_map(|(interval, minute, hour, in_flight)| {
            Budget::default()
                .with_min_interval(Duration::from_millis(interval))
                .with_per_minute(minute)
                .with_per_hour(hour)
                .with_max_in_flight(in_flight)
        })
    }

    fn attempts() -> impl Strategy<Value = Vec<Tried>> {
        let one = (0..4_000_000_i64, 1..5_000_i64, any::<u8>());
        proptest::collection::vec(one, 0..60).prop_map(|all| {
            let mut tried: Vec<Tried> = all
                .into_iter()
                .map(|(start, lasted, open)| Tried {
                    started_at: at(start),
                    ended_at: (open % 16 > 0).then(|| at(start + lasted)),
                })
                .collect();
            tried.sort_by_key(|one| one.started_at);
            tried
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn ok_an_estimate_is_what_a_clock_that_goes_step_by_step_finds(
            budget in budgets(), tried in attempts(), n in 0..300_u64, later in 0..4_000_000_i64,
        ) {
            let now = tried.iter().flat_map(|one| [Some(one.started_at), one.ended_at]).flatten().max();
            let opens_at = now.unwrap_or_default().shifted_ms(later);
            prop_assert_eq!(drained_at(&budget, &tried, n, opens_at), by_steps(&budget, &tried, n, opens_at));
        }
    }
}
