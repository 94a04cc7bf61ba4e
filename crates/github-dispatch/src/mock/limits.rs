//! **Here**: the mock's limits: what GitHub would refuse, counted exactly, by the mock's clock.
//! **Not here**: keeping below them (`pace`), on purpose: this is the judge of that.
//! **Reads**: when each request came.
//! **Source**: <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>, read 2026-11-23.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const SECONDARY: &str =
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";

/// Limits of a [`MockGitHub`](super::MockGitHub); none by default.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct MockLimits {
    /// Requests in an hour that begins with the first of them: the primary limit.
    pub requests_per_hour: Option<u32>,
    /// The shortest time between two requests that change something. GitHub only advises it.
    pub spacing: Option<Duration>,
    /// Of those, in any 60 s.
    pub writes_per_minute: Option<u32>,
    /// Of those, in any hour.
    pub writes_per_hour: Option<u32>,
    /// Points in any 60 s: 1 for a GET, 5 for anything else.
    pub points_per_minute: Option<u32>,
}

impl MockLimits {
    /// What GitHub documents for a personal token, the advised second included.
    #[must_use]
    pub const fn documented() -> Self {
        Self {
            requests_per_hour: Some(5_000),
            spacing: Some(Duration::from_secs(1)),
            writes_per_minute: Some(80),
            writes_per_hour: Some(500),
            points_per_minute: Some(900),
        }
    }

    /// Another primary limit.
    #[must_use]
    pub const fn with_requests_per_hour(mut self, n: u32) -> Self {
        self.requests_per_hour = Some(n);
        self
    }

    /// Another limit of requests that change something, in any hour.
    #[must_use]
    pub const fn with_writes_per_hour(mut self, n: u32) -> Self {
        self.writes_per_hour = Some(n);
        self
    }
}

/// What a request was refused for.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// Counts requests.
#[derive(Debug, Default)]
pub(super) struct Meter {
    limits: MockLimits,
    /// When requests of the last hour came, and whether they changed something.
    taken: VecDeque<(SystemTime, bool)>,
    hour_began: Option<SystemTime>,
    n_of_hour: u32,
    n_refused: usize,
}

impl Meter {
    pub(super) fn set(&mut self, limits: MockLimits) {
        *self = Self {
            limits,
            ..Self::default()
        };
    }

    pub(super) const fn n_refused(&self) -> usize {
        self.n_refused
    }

    /// Whether it would refuse a request now.
    pub(super) fn refuses(&self, is_write: bool, now: SystemTime) -> bool {
        let is_full = self.limits.requests_per_hour.is_some_and(|n| self.n_of_hour >= n);
        let is_young = self.hour_began.is_some_and(|began| !is_out(began, HOUR, now));
        (is_full && is_young) || self.secondary(is_write, now).is_some()
    }

    /// Counts a request, or refuses it. What is refused counts for the primary limit only.
    pub(super) fn take(&mut self, is_write: bool, now: SystemTime) -> Result<(), Refusal> {
        while self.taken.front().is_some_and(|(at, _)| is_out(*at, HOUR, now)) {
            self.taken.pop_front();
        }
        if self.hour_began.is_none_or(|began| is_out(began, HOUR, now)) {
            self.hour_began = Some(now);
            self.n_of_hour = 0;
        }
        if self.limits.requests_per_hour.is_some_and(|n| self.n_of_hour >= n) {
            self.n_refused += 1;
            return Err(Refusal {
                status: 403,
                message: "API rate limit exceeded for user ID 1.",
                headers: Vec::new(),
            });
        }
        self.n_of_hour += 1;
        if let Some(wait) = self.secondary(is_write, now) {
            self.n_refused += 1;
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            return Err(Refusal {
                status: 403,
                message: SECONDARY,
                headers: vec![("retry-after", seconds.max(1).to_string())],
            });
        }
        self.taken.push_back((now, is_write));
        Ok(())
    }

    /// How long until a secondary limit has room; none where there is room.
    fn secondary(&self, is_write: bool, now: SystemTime) -> Option<Duration> {
        let points = |is_write: bool| if is_write { 5_u32 } else { 1 };
        let young = |window: Duration| self.taken.iter().filter(move |(at, _)| !is_out(*at, window, now));
        let writes = |window: Duration| young(window).filter(|(_, is_write)| *is_write).count();
        let is_full = |n: Option<u32>, window: Duration| {
            is_write && n.is_some_and(|n| writes(window) >= usize::try_from(n).unwrap_or(usize::MAX))
        };
        if self
            .limits
            .spacing
            .is_some_and(|spacing| is_write && writes(spacing) > 0)
        {
            return self.limits.spacing;
        }
        let spent: u32 = young(MINUTE).map(|(_, is_write)| points(*is_write)).sum();
        let no_points = self
            .limits
            .points_per_minute
            .is_some_and(|n| spent + points(is_write) > n);
        if no_points || is_full(self.limits.writes_per_minute, MINUTE) {
            return Some(MINUTE);
        }
        if is_full(self.limits.writes_per_hour, HOUR) {
            let first = young(HOUR).find(|(_, is_write)| *is_write)?;
            return Some(HOUR.saturating_sub(now.duration_since(first.0).unwrap_or_default()));
        }
        None
    }

    /// `limit`, `used`, `remaining` and `reset`; GitHub's usual ones where nothing is limited.
    pub(super) fn primary(&self, now: SystemTime) -> [u64; 4] {
        let limit = self.limits.requests_per_hour.unwrap_or(5_000);
        let used = if self.limits.requests_per_hour.is_some() {
            self.n_of_hour.min(limit)
        } else {
            0
        };
        let began = self.hour_began.unwrap_or(now);
        let reset = began.checked_add(HOUR).unwrap_or(now);
        let reset = reset.duration_since(UNIX_EPOCH).unwrap_or_default();
        // A part of a second counts as a whole one.
        let reset = reset.as_secs() + u64::from(reset.subsec_nanos() > 0);
        [limit.into(), used.into(), (limit - used).into(), reset]
    }
}

fn is_out(at: SystemTime, window: Duration, now: SystemTime) -> bool {
    at.checked_add(window).is_some_and(|end| end <= now)
}
