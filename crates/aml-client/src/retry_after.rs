//! **Here**: how long an answer asks to wait, from its headers, purely.
//! **Not here**: waiting, and what an answer without such a header means (`response`).
//! **Reads**: nothing before it; `response` after it.
//! **Source**: RFC 9110 sections 5.6.7 and 10.2.3; Azure/azure-sdk-for-rust retry policy (the two headers in
//! milliseconds), read 2026-11-22.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;

/// The longest wait that any of the headers asks for, bounded to seven days; unreadable values count as absent.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let ms = |name: &str| text(name).and_then(digits).map(Duration::from_millis);
    let standard = text("retry-after").and_then(|value| {
        digits(value)
            .map(Duration::from_secs)
            .or_else(|| Some(http_date(value)?.duration_since(now).unwrap_or(Duration::ZERO)))
    });
    let longest = standard
        .into_iter()
        .chain(ms("retry-after-ms"))
        .chain(ms("x-ms-retry-after-ms"))
        .max()?;
    Some(longest.min(MAX_WAIT))
}

/// A number without a sign; one too large for the type is still a number.
fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The one form of a date that senders may still write: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<SystemTime> {
    let mut parts = text.strip_suffix(" GMT")?.split(' ');
    let _weekday = parts.next()?;
    let day = digits(parts.next()?).filter(|day| (1..=31).contains(day))?;
    let month = parts.next()?;
    let month = MONTHS
        .iter()
        .zip(1_u64..)
        .find_map(|(name, n)| (*name == month).then_some(n))?;
    let year = digits(parts.next()?).filter(|year| (1970..=9999).contains(year))?;
    let mut clock = parts.next()?.split(':');
    let hour = digits(clock.next()?).filter(|hour| *hour < 24)?;
    let minute = digits(clock.next()?).filter(|minute| *minute < 60)?;
    let second = digits(clock.next()?).filter(|second| *second <= 60)?;
    if parts.next().is_some() || clock.next().is_some() {
        return None;
    }
    // Days since the epoch by the usual trick: count years from March, so that the leap day comes last.
    let (shifted_year, shifted_month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
    let days = shifted_year * 365 + leap_days + (shifted_month * 153 + 2) / 5 + day - 1;
    let seconds = days.checked_sub(DAYS_TO_EPOCH)? * 86_400 + hour * 3_600 + minute * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Days from 1 March of the year 0 to 1 January 1970.
const DAYS_TO_EPOCH: u64 = 719_468;

const MAX_WAIT: Duration = Duration::from_secs(7 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], expect: Option<Duration>) {
        let map = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(retry_after(&map, now), expect, "{headers:?}");
    }

    #[test]
    fn ok_each_spelling() {
        check(&[], None);
        check(&[("retry-after", "17")], Some(Duration::from_secs(17)));
        check(&[("retry-after", " 0 ")], Some(Duration::ZERO));
        check(&[("retry-after-ms", "250")], Some(Duration::from_millis(250)));
        check(
            &[("x-ms-retry-after-ms", "1500")],
            Some(Duration::from_millis(1500)),
        );
        check(
            &[("retry-after", "1"), ("retry-after-ms", "2500")],
            Some(Duration::from_millis(2500)),
        );
        check(
            &[("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT")],
            Some(Duration::from_secs(3)),
        );
        check(
            &[("retry-after", "Sun, 06 Nov 1994 08:49:30 GMT")],
            Some(Duration::ZERO),
        );
        check(&[("retry-after", "99999999999999999999999")], Some(MAX_WAIT));
        check(
            &[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")],
            Some(MAX_WAIT),
        );
    }

    #[test]
    fn err_unreadable_counts_as_absent() {
        for value in [
            "",
            "-1",
            "+1",
            "1.5",
            "soon",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 6 Foo 1994 08:49:37 GMT",
            "GMT",
        ] {
            check(&[("retry-after", value)], None);
        }
    }

    #[test]
    fn ok_dates_against_known_instants() {
        for (text, unix_s) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Fri, 01 Mar 2024 12:00:00 GMT", 1_709_294_400),
        ] {
            assert_eq!(
                http_date(text),
                Some(UNIX_EPOCH + Duration::from_secs(unix_s)),
                "{text}"
            );
        }
    }
}
