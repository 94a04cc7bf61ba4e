//! **Here**: [`Pacer`]: plans when the next request may start, so that GitHub never has to say no.
//! **Not here**: waiting (`client`), what a refusal means (`rate_limit`), budgets that survive a restart (the caller's journal).
//! **Reads**: moments, and what answers tell; `client` asks it before each request.
//! **Source**: <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api> and
//! <https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>, read 2026-11-23: a second between two that
//! change something, 80 a minute and 500 an hour of those that create content, 900 points a minute (1 for a GET, 5 for anything else).
//!
//! Limits count for a *principal* (a user, or an installation of an app), so share one pacer among all clients of one. It knows only what
//! goes through it: another program with the same principal is seen by `x-ratelimit-remaining` alone.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderMap;

use crate::error::{Advice, Error};
use crate::rate_limit::{LimitKind, RateState};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
/// What a window has more at our side: GitHub's clock has a grain.
const GRAIN: Duration = Duration::from_secs(1);
/// So long without a refusal, and the spacing is halved again.
const QUIET: Duration = Duration::from_secs(600);
/// Spacing is doubled so many times at most.
const MAX_DOUBLINGS: u32 = 5;

/// The limits that a [`Pacer`] keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PaceRules {
    /// Between two requests that change something.
    pub spacing: Duration,
    /// Of those, in any 60 s.
    pub writes_per_minute: Option<u32>,
    /// Of those, in any hour.
    pub writes_per_hour: Option<u32>,
    /// Points of all requests, in any 60 s: 1 for one that reads, 5 for one that changes something.
    pub points_per_minute: Option<u32>,
    /// How much of the primary limit only those that change something may use, in hundredths.
    pub reserve_percent: u8,
}

impl Default for PaceRules {
    /// What GitHub documents for github.com. Whether dispatches count as content is not known; these rules assume so.
    fn default() -> Self {
        Self {
            spacing: Duration::from_secs(1),
            writes_per_minute: Some(80),
            writes_per_hour: Some(500),
            points_per_minute: Some(900),
            reserve_percent: 10,
        }
    }
}

impl PaceRules {
    /// No limits but the spacing: an Enterprise Server has none unless its administrator sets them.
    #[must_use]
    pub const fn spacing_only(spacing: Duration) -> Self {
        Self {
            spacing,
            writes_per_minute: None,
            writes_per_hour: None,
            points_per_minute: None,
            reserve_percent: 0,
        }
    }
}

/// What a request does, as far as limits care.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "GitHub's limits know these two")]
pub enum Lane {
    /// It reads: a GET.
    Read,
    /// It changes something.
    Write,
}

impl Lane {
    const fn points(self) -> u32 {
        match self {
            Self::Read => 1,
            Self::Write => 5,
        }
    }
}

/// A moment at which one request may start, and counts from then on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Slot {
    number: u64,
    starts_at: SystemTime,
}

impl Slot {
    /// When it may start.
    #[must_use]
    pub const fn starts_at(&self) -> SystemTime {
        self.starts_at
    }
}

/// Plans requests of one principal.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use github_dispatch::pace::{Lane, PaceRules, Pacer};
///
/// let pacer = Pacer::new(PaceRules::default());
/// let now = SystemTime::UNIX_EPOCH;
/// assert_eq!(pacer.reserve(Lane::Write, now).starts_at(), now);
/// assert_eq!(pacer.reserve(Lane::Write, now).starts_at(), now + Duration::from_secs(1));
/// // A thousand more: 500 an hour is what binds.
/// assert!(pacer.drained_at(1_000, now) > now + Duration::from_secs(2 * 3_600));
/// ```
#[derive(Debug)]
pub struct Pacer {
    rules: PaceRules,
    patience: Duration,
    state: Mutex<State>,
}

/// A request that has its slot.
#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    lane: Lane,
    /// Not before that: its start, and once it is known its end, since GitHub counted it somewhere between.
    at: SystemTime,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// In the order of their moments.
    entries: VecDeque<Entry>,
    next_number: u64,
    blocked_until: Option<SystemTime>,
    doublings: u32,
    quiet_since: Option<SystemTime>,
    primary: Option<RateState>,
}

impl Pacer {
    /// A pacer that keeps these limits, and lets a client wait for a minute at most.
    #[must_use]
    pub fn new(rules: PaceRules) -> Self {
        Self {
            rules,
            patience: MINUTE,
            state: Mutex::default(),
        }
    }

    /// A client waits so long for its slot at most; where it would be longer, nothing is sent and the error names the moment.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long a client waits.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// Takes the next slot.
    pub fn reserve(&self, lane: Lane, now: SystemTime) -> Slot {
        self.state().reserve(&self.rules, lane, now)
    }

    /// Gives a slot back whose request was not sent.
    pub fn give_back(&self, slot: Slot) {
        self.state().entries.retain(|entry| entry.number != slot.number);
    }

    /// Notes that a request ended now.
    pub fn ended(&self, slot: Slot, now: SystemTime) {
        self.state().ended(slot, now);
    }

    /// Notes what an answer tells about limits.
    pub fn learn(&self, headers: &HeaderMap, error: Option<&Error>, now: SystemTime) {
        self.state().learn(headers, error, now);
    }

    /// When so many further requests that change something will have started, if nothing else does: an estimate for a person.
    #[must_use]
    pub fn drained_at(&self, n: u32, now: SystemTime) -> SystemTime {
        let mut plan = self.state().clone();
        let mut last = now;
        for _ in 0..n {
            last = plan.reserve(&self.rules, Lane::Write, now).starts_at;
        }
        last
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reserve(&mut self, rules: &PaceRules, lane: Lane, now: SystemTime) -> Slot {
        self.forget(now);
        let at = self.earliest(rules, lane, now);
        let number = self.next_number;
        self.next_number += 1;
        self.insert(Entry { number, lane, at });
        if let Some(primary) = &mut self.primary {
            primary.remaining = primary.remaining.saturating_sub(1);
        }
        Slot {
            number,
            starts_at: at,
        }
    }

    fn earliest(&mut self, rules: &PaceRules, lane: Lane, now: SystemTime) -> SystemTime {
        let mut at = self.blocked_until.map_or(now, |until| until.max(now));
        if let Some(resets_at) = self.used_up(rules, lane) {
            at = at.max(resets_at);
        }
        if lane == Lane::Write {
            let spacing = rules.spacing.saturating_mul(1 << self.doublings);
            at = at.max(self.nth_last_write(1, spacing));
            if let Some(n) = rules.writes_per_minute {
                at = at.max(self.nth_last_write(n, MINUTE + GRAIN));
            }
            if let Some(n) = rules.writes_per_hour {
                at = at.max(self.nth_last_write(n, HOUR + GRAIN));
            }
        }
        rules
            .points_per_minute
            .map_or(at, |points| self.room_for_points(points, lane, at))
    }

    /// When the n-th last write will be so long ago; long ago when there are fewer.
    fn nth_last_write(&self, n: u32, window: Duration) -> SystemTime {
        let n = usize::try_from(n.max(1)).unwrap_or(usize::MAX);
        let mut writes = self
            .entries
            .iter()
            .rev()
            .filter(|entry| entry.lane == Lane::Write);
        writes
            .nth(n - 1)
            .and_then(|entry| entry.at.checked_add(window))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The first moment from `at` on at which every minute that holds it has room for these points, minutes that are planned for later
    /// included.
    fn room_for_points(&self, limit: u32, lane: Lane, mut at: SystemTime) -> SystemTime {
        let window = MINUTE + GRAIN;
        let out = |entry: &Entry| entry.at.checked_add(window).unwrap_or(entry.at);
        loop {
            let first = self.entries.partition_point(|entry| out(entry) <= at);
            let is_near = |entry: &&Entry| at.checked_add(window).is_none_or(|end| entry.at < end);
            // A minute that holds `at` ends at it, or at a later request; `begin` is the first entry of that minute.
            let (mut begin, mut sum, mut is_full) = (first, lane.points(), false);
            for entry in self.entries.iter().skip(first).take_while(is_near) {
                sum += entry.lane.points();
                while let Some(oldest) = self.entries.get(begin).filter(|oldest| out(oldest) <= entry.at) {
                    sum -= oldest.lane.points();
                    begin += 1;
                }
                is_full |= sum > limit;
            }
            match self.entries.get(first) {
                Some(oldest) if is_full => at = out(oldest),
                _ => return at,
            }
        }
    }

    /// When the primary limit is there again, if nothing of it remains for this lane.
    fn used_up(&self, rules: &PaceRules, lane: Lane) -> Option<SystemTime> {
        let primary = self.primary.as_ref()?;
        let kept = match lane {
            Lane::Read => primary.limit.saturating_mul(u64::from(rules.reserve_percent)) / 100,
            Lane::Write => 0,
        };
        (primary.remaining <= kept).then_some(primary.resets_at)
    }

    fn ended(&mut self, slot: Slot, now: SystemTime) {
        let Some(at) = self.entries.iter().position(|entry| entry.number == slot.number) else {
            return;
        };
        if let Some(entry) = self.entries.remove(at) {
            let at = entry.at.max(now);
            self.insert(Entry { at, ..entry });
        }
    }

    fn learn(&mut self, headers: &HeaderMap, error: Option<&Error>, now: SystemTime) {
        if let Some(mut told) = RateState::of(headers, now) {
            // Requests that are on their way are not counted in what GitHub says.
            let on_their_way = self.entries.iter().filter(|entry| entry.at > now).count();
            told.remaining = told
                .remaining
                .saturating_sub(u64::try_from(on_their_way).unwrap_or(u64::MAX));
            self.primary = Some(told);
        }
        if let Some((error, Advice::Throttled { until })) = error.map(|error| (error, error.advice())) {
            self.blocked_until = self.blocked_until.max(Some(until));
            // A secondary limit says nothing of what would have been right, so we go slower for a while.
            if error.limit() == Some(LimitKind::Secondary) {
                self.doublings = (self.doublings + 1).min(MAX_DOUBLINGS);
                self.quiet_since = Some(until.max(now));
            }
        }
    }

    /// Entries keep the order of their moments; equal ones that of their numbers.
    fn insert(&mut self, entry: Entry) {
        let place = self.entries.partition_point(|other| other.at <= entry.at);
        self.entries.insert(place, entry);
    }

    fn forget(&mut self, now: SystemTime) {
        while self
            .entries
            .front()
            .is_some_and(|entry| entry.at.checked_add(HOUR + GRAIN).is_some_and(|out| out <= now))
        {
            self.entries.pop_front();
        }
        if self
            .primary
            .as_ref()
            .is_some_and(|primary| primary.resets_at <= now)
        {
            self.primary = None;
        }
        if self.blocked_until.is_some_and(|until| until <= now) {
            self.blocked_until = None;
        }
        while self.doublings > 0 {
            let Some(quiet) = self.quiet_since.and_then(|since| since.checked_add(QUIET)) else {
                break;
            };
            if quiet > now {
                break;
            }
            self.doublings -= 1;
            self.quiet_since = Some(quiet);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    fn starts(pacer: &Pacer, lane: Lane, now: u64) -> u64 {
        let starts = pacer.reserve(lane, at(now)).starts_at();
        starts.duration_since(at(0)).unwrap().as_secs()
    }

    fn told(remaining: &str, reset: &str) -> HeaderMap {
        [
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset", reset),
        ]
        .into_iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
    }

    #[test]
    fn ok_a_second_between_writes_and_500_in_an_hour() {
        let pacer = Pacer::new(PaceRules::default());
        for n in 0..500 {
            assert_eq!(starts(&pacer, Lane::Write, 0), n);
        }
        assert_eq!(starts(&pacer, Lane::Write, 0), 3_601);
        assert_eq!(starts(&pacer, Lane::Write, 0), 3_602);
        // Reads are another matter.
        assert_eq!(starts(&pacer, Lane::Read, 0), 0);
    }

    #[test]
    fn ok_80_in_a_minute_where_the_spacing_is_shorter() {
        let rules = PaceRules {
            spacing: Duration::ZERO,
            ..PaceRules::default()
        };
        let pacer = Pacer::new(rules);
        let all: Vec<u64> = (0..161).map(|_| starts(&pacer, Lane::Write, 0)).collect();
        assert_eq!((all[79], all[80], all[159], all[160]), (0, 61, 61, 122));
    }

    #[test]
    fn ok_900_points_in_a_minute() {
        let pacer = Pacer::new(PaceRules::default());
        for _ in 0..900 {
            assert_eq!(starts(&pacer, Lane::Read, 0), 0);
        }
        assert_eq!(starts(&pacer, Lane::Read, 0), 61);
        assert_eq!(starts(&pacer, Lane::Write, 30), 61);
    }

    #[test]
    fn ok_the_spacing_is_after_the_end_of_the_last() {
        let pacer = Pacer::new(PaceRules::default());
        let slot = pacer.reserve(Lane::Write, at(0));
        pacer.ended(slot, at(7));
        assert_eq!(starts(&pacer, Lane::Write, 7), 8);
        let unused = pacer.reserve(Lane::Write, at(7));
        assert_eq!(unused.starts_at(), at(9));
        pacer.give_back(unused);
        assert_eq!(starts(&pacer, Lane::Write, 7), 9);
    }

    #[test]
    fn ok_what_remains_is_kept_for_writes_and_then_waited_for() {
        let pacer = Pacer::new(PaceRules::default());
        pacer.learn(&told("501", "1003600"), None, at(0));
        assert_eq!(starts(&pacer, Lane::Read, 0), 0);
        assert_eq!(starts(&pacer, Lane::Read, 0), 3_601);
        pacer.learn(&told("2", "1003600"), None, at(0));
        // One read waits for the reset, and will not be taken from these two.
        assert_eq!(starts(&pacer, Lane::Write, 0), 0);
        assert_eq!(starts(&pacer, Lane::Write, 1), 3_601);
    }

    #[test]
    fn ok_a_refusal_closes_and_a_secondary_one_slows_down() {
        let pacer = Pacer::new(PaceRules::default());
        let refused = crate::response::read_dispatch(
            http::StatusCode::TOO_MANY_REQUESTS,
            &HeaderMap::new(),
            b"",
            at(0),
        );
        pacer.learn(&HeaderMap::new(), refused.as_ref().err(), at(0));
        assert_eq!(starts(&pacer, Lane::Read, 0), 60);
        assert_eq!(starts(&pacer, Lane::Write, 0), 60);
        assert_eq!(starts(&pacer, Lane::Write, 60), 62);
        // Ten quiet minutes later.
        assert_eq!(starts(&pacer, Lane::Write, 660), 660);
        assert_eq!(starts(&pacer, Lane::Write, 660), 661);
    }

    #[test]
    fn ok_an_estimate_takes_nothing() {
        let pacer = Pacer::new(PaceRules::default());
        let expect = 3 * 3_601 + 499;
        let drained = pacer.drained_at(2_000, at(0));
        assert_eq!(drained.duration_since(at(0)).unwrap().as_secs(), expect);
        assert_eq!(starts(&pacer, Lane::Write, 0), 0);
    }
}
