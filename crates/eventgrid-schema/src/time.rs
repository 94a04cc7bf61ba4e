//! **Here**: [`EventTime`]: the time of an event as it was written, and its instant beside it.
//! **Not here**: the time now; this crate has no clock.
//! **Reads**: a field of an envelope.
//! **Source**: RFC 3339; seven fraction digits and offsets: facts read 2026-11-22 from the Event Grid event schema page.

use std::cmp::Ordering;
use std::fmt;

use crate::error::shown;

/// A text that is no RFC 3339 time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected an RFC 3339 time, found {found}")]
pub struct InvalidEventTime {
    found: String,
}

/// The time of an event: the text as it was written (`2026-11-22T10:00:00.1234567Z`, seven digits and all), and the instant.
///
/// Times are compared by their instant; equality too, so that `…Z` and `…+00:00` are the same time.
#[derive(Clone, Debug)]
pub struct EventTime {
    text: String,
    nanos: i128,
}

impl EventTime {
    /// Reads a time: a date, `T`, a time with up to nine fraction digits, and `Z` or an offset.
    ///
    /// # Errors
    /// The text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidEventTime> {
        let instant: jiff::Timestamp = text
            .parse()
            .map_err(|_| InvalidEventTime { found: shown(text) })?;
        Ok(Self {
            text: text.to_owned(),
            nanos: instant.as_nanosecond(),
        })
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_nanos(&self) -> i128 {
        self.nanos
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for EventTime {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for EventTime {}

impl PartialOrd for EventTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EventTime {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
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
