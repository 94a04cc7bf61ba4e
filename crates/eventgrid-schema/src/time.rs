//! **Here**: [`EventTime`]: the time of an event as it was written, and its instant beside it.
//! **Not here**: the time now; this crate has no clock.
//! **Reads**: a field of an envelope.
//! **Source**: RFC 3339; seven fraction digits and offsets: facts read 2026-11-22 from the Event Grid event schema page.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use crate::error::shown;

/// A text that is no RFC 3339 time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected an RFC 3339 time, found {found}")]
pub struct InvalidEventTime {
    found: String,
}

impl InvalidEventTime {
    /// At most 64 bytes of what was found, quoted.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }
}

/// The time of an event: the text as it was written (`2026-11-22T10:00:00.1234567Z`, seven digits and all), and the instant.
///
/// Times are compared by their instant; equality too, so that `…Z` and `…+00:00` are the same time.
#[derive(Clone, Debug)]
pub struct EventTime<'a> {
    text: Cow<'a, str>,
    seconds: i64,
    nanos: u32,
}

impl<'a> EventTime<'a> {
    /// Reads a time: a date, `T` or a blank, a time with up to nine fraction digits, and `Z` or an offset. What RFC 9557
    /// adds in brackets is taken, as is a date of a year beyond 9999 with a sign before it.
    ///
    /// # Errors
    /// The text is anything else.
    pub fn parse(text: &'a str) -> Result<Self, InvalidEventTime> {
        Self::read(Cow::Borrowed(text))
    }

    #[inline]
    pub(crate) fn read(text: Cow<'a, str>) -> Result<Self, InvalidEventTime> {
        let (seconds, nanos) = match usual(text.as_bytes()) {
            Some(instant) => instant,
            None => any(&text)?,
        };
        Ok(Self { text, seconds, nanos })
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub const fn unix_seconds(&self) -> i64 {
        self.seconds
    }

    /// Nanoseconds of that second, 0 to 999,999,999.
    #[must_use]
    pub const fn subsec_nanos(&self) -> u32 {
        self.nanos
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_nanos(&self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos)
    }

    /// The same, holding its text itself.
    #[must_use]
    pub fn into_owned(self) -> EventTime<'static> {
        EventTime {
            text: Cow::Owned(self.text.into_owned()),
            seconds: self.seconds,
            nanos: self.nanos,
        }
    }
}

/// The instant of a time in the form that Event Grid writes: `2026-11-22T10:00:00`, up to nine fraction digits, `Z` or an offset.
/// None for every other form, valid or not.
fn usual(text: &[u8]) -> Option<(i64, u32)> {
    let (head, mut rest) = text.split_at_checked(19)?;
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        i1,
        i2,
        b':',
        s1,
        s2,
    ] = head
    else {
        return None;
    };
    let two = |tens: u8, ones: u8| Some(digit(tens)? * 10 + digit(ones)?);
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(i1, i2)?, two(s1, s2)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let n_days = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=n_days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut nanos = 0;
    if let [b'.', fraction @ ..] = rest {
        let mut unit = 1_000_000_000;
        rest = fraction;
        while let [byte @ b'0'..=b'9', behind @ ..] = rest {
            unit /= 10;
            nanos += u32::from(byte - b'0') * unit;
            rest = behind;
            if unit == 0 {
                return None;
            }
        }
        if unit == 1_000_000_000 {
            return None;
        }
    }
    let offset = match *rest {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if sign == b'-' { -60 } else { 60 }
        }
        _ => return None,
    };
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    Some((seconds, nanos))
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

/// Days between 1970-01-01 and a date of the proleptic Gregorian calendar; years from 0 on.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March, so that the day that leap years add is its last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The instant of a time in any form.
#[cold]
fn any(text: &str) -> Result<(i64, u32), InvalidEventTime> {
    let instant: jiff::Timestamp = text
        .parse()
        .map_err(|_| InvalidEventTime { found: shown(text) })?;
    let (seconds, nanos) = (instant.as_second(), instant.subsec_nanosecond());
    // jiff counts both towards zero.
    let whole = if nanos < 0 { seconds - 1 } else { seconds };
    let nanos = u32::try_from(if nanos < 0 { nanos + 1_000_000_000 } else { nanos });
    nanos
        .map(|nanos| (whole, nanos))
        .map_err(|_| InvalidEventTime { found: shown(text) })
}

impl fmt::Display for EventTime<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for EventTime<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.seconds, self.nanos) == (other.seconds, other.nanos)
    }
}

impl Eq for EventTime<'_> {}

impl PartialOrd for EventTime<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EventTime<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_text_is_kept_and_the_instant_stands_beside_it() {
        let check = |text: &str, nanos: i128| {
            let time = EventTime::parse(text).unwrap();
            assert_eq!((time.as_str(), time.unix_nanos()), (text, nanos));
        };
        check("1970-01-01T00:00:01Z", 1_000_000_000);
        check("1970-01-01T00:00:00.1234567Z", 123_456_700);
        check("1970-01-01T00:00:00.5350054+00:00", 535_005_400);
        check("1970-01-01T00:00:00.123456789-07:00", 25_200_123_456_789);
        check("1969-12-31T23:59:59.999Z", -1_000_000);
    }

    /// The way that is usual and the way that takes anything agree, wherever the usual one has an answer.
    #[test]
    fn ok_both_ways_to_an_instant_agree() {
        let mut n_usual = 0;
        for date in [
            "0000-01-01",
            "1600-02-29",
            "1900-02-28",
            "1969-12-31",
            "2000-02-29",
            "2026-11-22",
            "9999-12-31",
            "2026-02-29",
            "1900-02-29",
            "2026-00-10",
            "2026-11-31",
        ] {
            for time in [
                "00:00:00",
                "23:59:59",
                "12:34:56.1",
                "12:34:56.123456789",
                "12:34:56.1234567890",
                "24:00:00",
                "23:59:60",
                "23:60:00",
                "12:34:56.",
            ] {
                for zone in ["Z", "+00:00", "-07:00", "+05:45", "+23:59", "+24:00", "", "+0000"] {
                    let text = format!("{date}T{time}{zone}");
                    if let Some(instant) = usual(text.as_bytes()) {
                        n_usual += 1;
                        // The ends of jiff's range are a day inside those of the calendar.
                        if let Ok(expect) = any(&text) {
                            assert_eq!(instant, expect, "{text}");
                        } else {
                            assert!(date.starts_with("9999"), "{text}");
                        }
                    }
                }
            }
        }
        assert!(n_usual > 100, "{n_usual}");
    }

    #[test]
    fn ok_equal_instants_are_equal_however_written() {
        let parse = |text| EventTime::parse(text).unwrap();
        assert_eq!(
            parse("2026-11-22T10:00:00.10Z"),
            parse("2026-11-22T11:00:00.1000000+01:00")
        );
        assert!(parse("2026-11-22T10:00:00.1000001Z") > parse("2026-11-22T10:00:00.1Z"));
    }

    #[test]
    fn err_anything_else() {
        for text in [
            "",
            "now",
            "2026-11-22",
            "2026-11-22T10:00:00",
            "2026-13-22T10:00:00Z",
            "1763805600",
        ] {
            assert!(EventTime::parse(text).is_err(), "{text}");
        }
        let error = EventTime::parse(&"x".repeat(1_000)).unwrap_err().to_string();
        assert!(error.len() < 120, "{error}");
    }
}
