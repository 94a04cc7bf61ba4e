//! **Here**: the W3C trace context that an event, or a delivery, carries; read strictly. And the names that spans are made with.
//! **Not here**: where spans begin (`relay`, `intake`, `worker`), what becomes of them (whatever subscriber the host has).
//! **Reads**: `eventgrid_schema` for extension attributes; `intake` and `worker` after it.
//! **Source**: <https://www.w3.org/TR/trace-context/> sections 3.2 and 3.3; the distributed tracing extension of CloudEvents
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md>), read 2026-11-27.

use std::borrow::Cow;
use std::fmt;

use eventgrid_schema::Event;
use http::HeaderMap;
use sha2::{Digest, Sha256};
use tracing::Span;
use tracing::field::Empty;

use crate::journal::Task;

/// The longest `tracestate` that is taken: what a sender must be able to pass on.
const MAX_STATE_LEN: usize = 512;
/// The most members it may have.
const MAX_STATE_MEMBERS: usize = 32;

/// Where a trace was when the event was sent: the two ids, and whether it is sampled.
///
/// Shape: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceParent {
    trace_id: [u8; 32],
    span_id: [u8; 16],
    sampled: bool,
}

/// Text that is no `traceparent`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a traceparent: {expected}")]
pub struct InvalidTraceParent {
    expected: &'static str,
}

impl TraceParent {
    /// Reads version 00, and of later versions what they have in common with it.
    ///
    /// # Errors
    /// Any other shape, digits in upper case, and ids of zeros only. Where the context cannot be read there is none: the event itself
    /// is as good as any other.
    pub fn parse(text: &str) -> Result<Self, InvalidTraceParent> {
        let invalid = |expected| Err(InvalidTraceParent { expected });
        let bytes = text.as_bytes();
        let (Some(version), Some(trace_id), Some(span_id), Some(flags)) = (
            hex::<2>(bytes, 0),
            hex::<32>(bytes, 3),
            hex::<16>(bytes, 36),
            hex::<2>(bytes, 53),
        ) else {
            return invalid("2, 32, 16 and 2 hexadecimal digits in lower case");
        };
        if ![2, 35, 52].iter().all(|at| bytes.get(*at) == Some(&b'-')) {
            return invalid("four parts with - between them");
        }
        if &version == b"ff" {
            return invalid("a version other than ff");
        }
        // What a later version adds comes after one more dash; version 00 adds nothing.
        let rest = bytes.get(55..).unwrap_or_default();
        let may_go_on = &version != b"00" && rest.first() == Some(&b'-');
        if !rest.is_empty() && !may_go_on {
            return invalid("nothing behind the flags");
        }
        if trace_id.iter().all(|digit| *digit == b'0') || span_id.iter().all(|digit| *digit == b'0') {
            return invalid("ids that are not zero");
        }
        let sampled = flags.get(1).is_some_and(|digit| value(*digit) & 1 == 1);
        Ok(Self {
            trace_id,
            span_id,
            sampled,
        })
    }

    /// The id of the whole trace: 32 hexadecimal digits in lower case.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        ascii(&self.trace_id)
    }

    /// The id of the span in which the event was sent: 16 hexadecimal digits in lower case.
    #[must_use]
    pub fn span_id(&self) -> &str {
        ascii(&self.span_id)
    }

    /// Whether whoever sent it records the trace.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{}-{}-0{}",
            self.trace_id(),
            self.span_id(),
            u8::from(self.sampled)
        )
    }
}

/// So many digits from there on.
fn hex<const N: usize>(bytes: &[u8], from: usize) -> Option<[u8; N]> {
    let digits: [u8; N] = bytes.get(from..from.checked_add(N)?)?.try_into().ok()?;
    let are_hex = digits
        .iter()
        .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    are_hex.then_some(digits)
}

const fn value(digit: u8) -> u8 {
    match digit {
        b'a'..=b'f' => digit - b'a' + 10,
        b'0'..=b'9' => digit - b'0',
        _ => 0,
    }
}

/// Digits are ASCII: that is how they were read.
fn ascii(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).unwrap_or_default()
}

/// Whether text is a `tracestate`: at most 32 members `key=value` of printable ASCII, at most 512 bytes.
#[must_use]
pub fn is_trace_state(text: &str) -> bool {
    let is_key = |key: &str| {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
        let begins = key
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        begins && key.len() <= 256 && key.bytes().all(allowed)
    };
    let is_value = |value: &str| {
        let allowed = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
        !value.is_empty() && value.len() <= 256 && !value.ends_with(' ') && value.bytes().all(allowed)
    };
    let is_member = |member: &str| {
        let member = member.trim_matches([' ', '\t']);
        member.is_empty()
            || member
                .split_once('=')
                .is_some_and(|(key, value)| is_key(key) && is_value(value))
    };
    let mut members = text.split(',');
    text.len() <= MAX_STATE_LEN
        && text.contains('=')
        && text.split(',').count() <= MAX_STATE_MEMBERS
        && members.all(is_member)
}

/// The context of one event or delivery.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TraceContext {
    /// `traceparent`, if it is there and can be read.
    pub parent: Option<TraceParent>,
    /// `tracestate`, if it can be read and there is a parent; it means nothing without.
    pub state: Option<String>,
}

impl TraceContext {
    /// Of the two values as they were sent.
    #[must_use]
    pub fn new(parent: Option<&str>, state: Option<&str>) -> Self {
        let parent = parent.and_then(|text| TraceParent::parse(text).ok());
        let state = state.filter(|state| parent.is_some() && is_trace_state(state));
        Self {
            parent,
            state: state.map(str::to_owned),
        }
    }

    /// Of an event: the extension attributes `traceparent` and `tracestate`, in either schema.
    #[must_use]
    pub fn of_event(event: &Event<'_>) -> Self {
        let text = |name| {
            let json = event.attribute(name)?;
            serde_json::from_str::<Cow<'_, str>>(json).ok()
        };
        text("traceparent").map_or_else(Self::default, |parent| {
            Self::new(Some(&parent), text("tracestate").as_deref())
        })
    }

    /// Of a delivery: the headers of these names. More than one `traceparent` is none; members of `tracestate` may be spread over several.
    #[must_use]
    pub fn of_headers(headers: &HeaderMap) -> Self {
        let mut parents = headers.get_all("traceparent").iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else {
            return Self::default();
        };
        let states: Option<Vec<&str>> = headers
            .get_all("tracestate")
            .iter()
            .map(|value| value.to_str().ok())
            .collect();
        Self::new(
            parent.to_str().ok(),
            states.map(|states| states.join(",")).as_deref(),
        )
    }

    /// Writes it into the fields `trace_id`, `parent_span_id`, `sampled` and `trace_state` of a span that has them.
    pub(crate) fn record(&self, span: &Span) {
        if let Some(parent) = &self.parent {
            span.record("trace_id", parent.trace_id());
            span.record("parent_span_id", parent.span_id());
            span.record("sampled", parent.is_sampled());
        }
        if let Some(state) = &self.state {
            span.record("trace_state", state.as_str());
        }
    }
}

/// What spans call an event: the first 16 hexadecimal digits of SHA-256 over its key. The key itself names a subscription and a
/// resource group; the digits find all spans of one event.
#[must_use]
pub fn event_digits(key: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The span of one delivery, with the context that its headers carry.
pub(crate) fn delivery(headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        "delivery",
        reply = Empty,
        accepted = Empty,
        trace_id = Empty,
        parent_span_id = Empty,
        sampled = Empty,
        trace_state = Empty,
    );
    if !span.is_disabled() {
        TraceContext::of_headers(headers).record(&span);
    }
    span
}

/// The span of one piece of work, with what it is about and the context that its event carries.
pub(crate) fn work(task: &Task) -> Span {
    macro_rules! about {
        ($name:literal, $work:expr) => {{
            let item = &$work.item;
            let span = tracing::info_span!(
                $name,
                item = item.id.0,
                route = %item.route,
                relay_id = %item.relay_id,
                generation = item.generation,
                attempt = item.n_attempts,
                looks = item.n_looks,
                principal = %item.principal,
                event = Empty,
                outcome = Empty,
                trace_id = Empty,
                parent_span_id = Empty,
                sampled = Empty,
                trace_state = Empty,
            );
            record_event(&span, &$work.body);
            span
        }};
    }
    match task {
        Task::Judge(work) => about!("judge", work),
        Task::Probe(work) => about!("probe", work),
        Task::Send(work) => about!("send", work),
        Task::Track(work) => about!("track", work),
        Task::Check(target) => tracing::info_span!(
            "check",
            principal = %target.principal,
            repository = %target.repository,
            event_type = %target.event_type,
            outcome = Empty,
        ),
    }
}

/// Names the event that an item came of, and its trace, in a span that is on: the bytes that were accepted say both.
fn record_event(span: &Span, body: &str) {
    if span.is_disabled() {
        return;
    }
    if let Ok(event) = Event::parse_element(body) {
        span.record("event", event_digits(event.key().as_str()));
        TraceContext::of_event(&event).record(span);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn ok_what_the_standard_shows() {
        let parent = TraceParent::parse(GOOD).unwrap();
        assert_eq!(parent.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(parent.span_id(), "b7ad6b7169203331");
        assert!(parent.is_sampled());
        assert_eq!(parent.to_string(), GOOD);
        let sampled = |flags: &str| {
            let text = format!("{}{flags}", &GOOD[..53]);
            TraceParent::parse(&text).unwrap().is_sampled()
        };
        assert_eq!(
            ["00", "01", "02", "03", "fe", "ff"].map(sampled),
            [false, true, false, true, false, true]
        );
    }

    #[test]
    fn ok_a_later_version_may_go_on_behind_a_dash() {
        let check = |text: &str, expect: bool| assert_eq!(TraceParent::parse(text).is_ok(), expect, "{text}");
        let later = GOOD.replacen("00", "cc", 1);
        check(&later, true);
        check(&format!("{later}-what-the-future-will-be-like"), true);
        check(&format!("{later}.what"), false);
        check(&format!("{GOOD}-what"), false);
    }

    #[test]
    fn err_every_other_shape() {
        let check = |text: &str, expect: &str| {
            let error = TraceParent::parse(text).unwrap_err().to_string();
            assert_eq!(error, format!("expected a traceparent: {expect}"), "{text}");
        };
        let digits = "2, 32, 16 and 2 hexadecimal digits in lower case";
        check("", digits);
        check("00", digits);
        check(&GOOD[..54], digits);
        check(&GOOD.to_uppercase(), digits);
        check(&GOOD.replace('a', "g"), digits);
        check(&GOOD.replace("0af", "\u{e4}f"), digits);
        check(&format!(" {GOOD}"), digits);
        check(&GOOD.replace('-', "_"), "four parts with - between them");
        check(&format!("{GOOD} "), "nothing behind the flags");
        check(&GOOD.replacen("00", "ff", 1), "a version other than ff");
        check(
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ids that are not zero",
        );
        check(
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ids that are not zero",
        );
    }

    #[test]
    fn ok_states_by_the_grammar() {
        let check = |text: &str, expect: bool| assert_eq!(is_trace_state(text), expect, "{text}");
        check("rojo=00f067aa01a902b7,congo=t61rcWkgMzE", true);
        check("rojo=1, congo=2,,", true);
        check("fw529a3039@dt=FfAAAAA", true);
        check("", false);
        check("rojo", false);
        check("Rojo=1", false);
        check("rojo=", false);
        check("rojo=a=b", false);
        check("rojo=a\nb", false);
        check("rojo=\u{fc}", false);
        check(&format!("rojo={}", "1".repeat(300)), false);
        check(&vec!["a=1"; 32].join(","), true);
        check(&vec!["a=1"; 33].join(","), false);
        check(&vec!["a=123456789012345"; 31].join(","), false);
    }

    #[test]
    fn ok_the_context_of_an_event_in_either_schema() {
        let cloud = |more: &str| {
            format!(r#"{{"specversion":"1.0","id":"1","source":"/w","type":"t","data":{{}}{more}}}"#)
        };
        let grid = |more: &str| {
            format!(
                r#"{{"id":"1","topic":"/w","subject":"s","eventType":"t","eventTime":"2026-11-22T10:00:00Z","data":{{}}{more}}}"#
            )
        };
        let both = format!(r#","traceparent":"{GOOD}","tracestate":"rojo=1""#);
        let expect = TraceContext::new(Some(GOOD), Some("rojo=1"));
        assert_eq!(expect.state.as_deref(), Some("rojo=1"));
        let check = |body: &str, expect: &TraceContext| {
            let event = Event::parse_element(body).unwrap();
            assert_eq!(TraceContext::of_event(&event), *expect, "{body}");
        };
        check(&cloud(&both), &expect);
        check(&grid(&both), &expect);
        check(&cloud(&both.replace("rojo=1", r"\u0072ojo=1")), &expect);
        check(&cloud(""), &TraceContext::default());
        check(&cloud(r#","tracestate":"rojo=1""#), &TraceContext::default());
        check(&cloud(r#","traceparent":7"#), &TraceContext::default());
        check(
            &cloud(&both.replace("rojo=1", "rojo")),
            &TraceContext::new(Some(GOOD), None),
        );
        check(&cloud(&both.replace("00-", "01")), &TraceContext::default());
    }

    #[test]
    fn ok_the_context_of_a_delivery() {
        let context = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            TraceContext::of_headers(&headers)
        };
        let (parent, state) = (("traceparent", GOOD), ("tracestate", "rojo=1"));
        assert_eq!(
            context(&[parent, state, ("tracestate", "a=2")]),
            TraceContext::new(Some(GOOD), Some("rojo=1,a=2"))
        );
        assert_eq!(
            context(&[parent])
                .parent
                .map(|parent| parent.to_string())
                .as_deref(),
            Some(GOOD)
        );
        assert_eq!(context(&[parent, parent]), TraceContext::default());
        assert_eq!(context(&[state]), TraceContext::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn ok_no_text_is_too_strange(text in any::<String>(), cut in 0..60_usize, byte in any::<char>()) {
            let _ = (TraceParent::parse(&text), is_trace_state(&text));
            let spoilt: String = GOOD.chars().enumerate().map(|(n, c)| if n == cut { byte } else { c }).collect();
            if let Ok(parent) = TraceParent::parse(&spoilt) {
                prop_assert_eq!(&parent.to_string()[3..52], &spoilt[3..52]);
            }
        }
    }
}
