//! **Here**: headers and message to the moment when the next request may start: primary and secondary limits; and [`RateState`], what
//! remains of the primary one. Pure.
//! **Not here**: keeping below limits (`pace`), waiting.
//! **Reads**: a response's parts; `response` and `client` use it.
//! **Source**: <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>, read 2026-11-22, in the order that GitHub
//! advises: `retry-after`, then `x-ratelimit-reset`, then a minute at least.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use serde::Deserialize;

/// How long to wait after a limit that names no moment.
const UNNAMED: Duration = Duration::from_secs(60);
/// The shortest wait.
const SHORTEST: Duration = Duration::from_secs(1);
/// No wait is longer: a header that says more is a mistake, and the next attempt is told again.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// The two kinds of limits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "GitHub's documentation knows these two")]
pub enum LimitKind {
    /// Requests an hour, told by every answer. It resets at a known moment.
    Primary,
    /// Too many at once, too fast, or too much content. What would have been right is not told: go slower.
    Secondary,
}

/// What remains of a primary limit, as the headers of an answer tell it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RateState {
    /// `x-ratelimit-resource`: `core` for everything in this crate.
    pub resource: String,
    /// `x-ratelimit-limit`: requests an hour.
    pub limit: u64,
    /// `x-ratelimit-remaining`.
    pub remaining: u64,
    /// `x-ratelimit-used`.
    pub used: u64,
    /// `x-ratelimit-reset`, by our clock: from then on the whole limit is there again.
    pub resets_at: SystemTime,
}

impl RateState {
    /// Reads the headers of an answer; none where they tell nothing, as on an Enterprise Server without limits.
    #[must_use]
    pub fn of(headers: &HeaderMap, now: SystemTime) -> Option<Self> {
        let limit = number(headers, "x-ratelimit-limit")?;
        let remaining = number(headers, "x-ratelimit-remaining")?;
        Some(Self {
            resource: text(headers, "x-ratelimit-resource").unwrap_or("core").to_owned(),
            limit,
            remaining,
            used: number(headers, "x-ratelimit-used").unwrap_or_else(|| limit.saturating_sub(remaining)),
            resets_at: reset(headers, number(headers, "x-ratelimit-reset")?, now),
        })
    }
}

/// One limit, as `GET /rate_limit` tells it.
///
/// Shape: `{"limit": 5000, "used": 12, "remaining": 4988, "reset": 1795345200}`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct RateLimit {
    /// Requests an hour.
    pub limit: u64,
    /// Those of this hour.
    #[serde(default)]
    pub used: u64,
    /// What is left of them.
    pub remaining: u64,
    /// When the hour ends: seconds since 1970, by GitHub's clock.
    pub reset: u64,
}

/// The answer to `GET /rate_limit`; secondary limits cannot be asked for.
///
/// Shape: `{"resources": {"core": {...}, "search": {...}}}`. `rate` beside it is gone from API version 2026-03-10 on and is not read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct RateLimits {
    /// By resource; `core` is what dispatches and runs count for.
    pub resources: std::collections::BTreeMap<String, RateLimit>,
}

impl RateLimits {
    /// The limit that everything in this crate counts for.
    #[must_use]
    pub fn core(&self) -> Option<&RateLimit> {
        self.resources.get("core")
    }
}

/// The moment that a refusal by a limit names; none when it is no limit.
///
/// `message` is GitHub's text. The moment is by our clock, even where GitHub names one by its own: the `date` header tells
/// the difference.
#[must_use]
pub fn throttled_until(
    status: u16,
    headers: &HeaderMap,
    message: &str,
    now: SystemTime,
) -> Option<SystemTime> {
    if status != 403 && status != 429 {
        return None;
    }
    // Whoever limits us is never asked again at once, whatever moment was named.
    let bounded = |wait: Duration| after(now, wait.max(SHORTEST));
    if let Some(wait) = retry_after(headers, now) {
        return Some(bounded(wait));
    }
    if let Some(until) = exhausted_until(headers, now) {
        return Some(bounded(until.duration_since(now).unwrap_or_default()));
    }
    let message = message.to_ascii_lowercase();
    let is_limit = message.contains("rate limit") || message.contains("abuse detection");
    (is_limit || status == 429).then(|| bounded(UNNAMED))
}

/// Which limit refused a request that [`throttled_until`] says was refused by one.
#[must_use]
pub fn limit_kind(headers: &HeaderMap, message: &str) -> LimitKind {
    let message = message.to_ascii_lowercase();
    let is_secondary = message.contains("secondary rate") || message.contains("abuse detection");
    if !is_secondary && number(headers, "x-ratelimit-remaining") == Some(0) {
        LimitKind::Primary
    } else {
        LimitKind::Secondary
    }
}

/// When the primary limit resets, if nothing of it remains; by our clock, a second later, and within a day.
#[must_use]
pub fn exhausted_until(headers: &HeaderMap, now: SystemTime) -> Option<SystemTime> {
    if number(headers, "x-ratelimit-remaining")? != 0 {
        return None;
    }
    Some(reset(headers, number(headers, "x-ratelimit-reset")?, now))
}

/// A moment of GitHub's clock, in seconds, by ours; a second later, and within a day.
fn reset(headers: &HeaderMap, at: u64, now: SystemTime) -> SystemTime {
    let theirs = date(headers).unwrap_or(now);
    let theirs = theirs.duration_since(UNIX_EPOCH).unwrap_or_default();
    let wait = Duration::from_secs(at).saturating_sub(theirs);
    after(now, wait.saturating_add(Duration::from_secs(1)))
}

/// `date`: what GitHub's clock says.
pub(crate) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    text(headers, "date").and_then(http_date)
}

/// That much later, but not later than the longest wait: a moment in milliseconds, for example, closes nothing for ages.
fn after(now: SystemTime, wait: Duration) -> SystemTime {
    now.checked_add(wait.min(LONGEST)).unwrap_or(now)
}

fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = text(headers, "retry-after")?;
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let theirs = date(headers).unwrap_or(now);
    Some(http_date(value)?.duration_since(theirs).unwrap_or_default())
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// `Sun, 22 Nov 2026 10:00:00 GMT`.
fn http_date(text: &str) -> Option<SystemTime> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
        .map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn ok_the_order_of_evidence() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let check = |status, pairs: &[(&'static str, &str)], message: &str, expect: Option<u64>| {
            let until = throttled_until(status, &headers(pairs), message, now);
            assert_eq!(
                until,
                expect.map(|wait| now + Duration::from_secs(wait)),
                "{status} {pairs:?} {message}"
            );
        };
        check(
            403,
            &[
                ("retry-after", "7"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "1000100"),
            ],
            "",
            Some(7),
        );
        check(
            429,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000100")],
            "",
            Some(101),
        );
        check(
            403,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "999000")],
            "",
            Some(1),
        );
        check(
            403,
            &[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "1000100")],
            "",
            None,
        );
        check(403, &[], "You have exceeded a secondary rate limit.", Some(60));
        check(
            403,
            &[],
            "You have triggered an abuse detection mechanism",
            Some(60),
        );
        check(403, &[], "Resource not accessible by integration", None);
        check(429, &[], "", Some(60));
        check(429, &[("retry-after", "0")], "", Some(1));
        check(429, &[("retry-after", "999999999")], "", Some(24 * 3_600));
        check(404, &[("retry-after", "7")], "", None);
        check(500, &[("retry-after", "7")], "", None);
    }

    #[test]
    fn ok_no_moment_is_later_than_in_a_day() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        // GitHub's clock is behind ours, by years.
        let date = ("date", "Thu, 01 Jan 1970 00:00:00 GMT");
        let check = |reset: u64, expect: u64| {
            let reset = reset.to_string();
            let pairs = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &*reset)];
            let expect = Some(now + Duration::from_secs(expect));
            assert_eq!(exhausted_until(&headers(&pairs), now), expect, "{reset}");
            assert_eq!(throttled_until(403, &headers(&pairs), "", now), expect, "{reset}");
        };
        check(1_000_000 + 24 * 3_600 - 2, 24 * 3_600 - 1);
        check(1_000_000 + 24 * 3_600, 24 * 3_600);
        for reset in [
            1_000_010_000,
            1_795_341_700_000,
            i64::MAX.unsigned_abs(),
            u64::MAX,
        ] {
            check(reset, 24 * 3_600);
            let reset = reset.to_string();
            let pairs = [
                date,
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", &*reset),
            ];
            let in_a_day = Some(now + Duration::from_secs(24 * 3_600));
            assert_eq!(exhausted_until(&headers(&pairs), now), in_a_day, "{reset}");
        }
    }

    #[test]
    fn ok_moments_are_by_our_clock() {
        // Our clock is an hour behind GitHub's: what counts is the difference to its own date.
        let now = UNIX_EPOCH + Duration::from_secs(1_795_339_200);
        let date = ("date", "Sun, 22 Nov 2026 21:00:00 GMT");
        let theirs = http_date(date.1)
            .unwrap()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let reset = (theirs + 30).to_string();
        let primary = headers(&[
            date,
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", &reset),
        ]);
        assert_eq!(
            throttled_until(403, &primary, "", now),
            Some(now + Duration::from_secs(31))
        );
        let named = headers(&[date, ("retry-after", "Sun, 22 Nov 2026 21:00:10 GMT")]);
        assert_eq!(
            throttled_until(429, &named, "", now),
            Some(now + Duration::from_secs(10))
        );
    }
}
