//! **Here**: [`Batch`]: the bytes of one POST to a list of elements, each an event or an error of its own.
//! **Not here**: what an element says (`envelope`, `event`), headers (`delivery`).
//! **Reads**: a body; `event` reads each element.
//! **Source**: Event Grid schema is an array, CloudEvents an object, each also the other way round. Read 2026-11-22.

use std::fmt;

use crate::envelope::{EnvelopeError, Head};
use crate::error::kind_of;
use crate::event::Event;
use crate::scan::{NotJson, Scan};

/// Elements of a full batch of Event Grid.
pub(crate) const MAX_ELEMENTS: usize = 5_000;

/// Bounds on what is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the whole body. Default: 4 MiB; a full batch of Event Grid is about 1 MB.
    pub max_body_bytes: usize,
    /// Elements of one body. Default: 5,000, Event Grid's own limit.
    pub max_elements: usize,
    /// Bytes of each of `id`, `source`/`topic`, `type`, `subject`. Default: 8 KiB.
    pub max_field_bytes: usize,
    /// Levels of one element, itself the first. Default: 128, which is also as deep as `serde_json` builds values.
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 4 * 1024 * 1024,
            max_elements: MAX_ELEMENTS,
            max_field_bytes: 8 * 1024,
            max_depth: 128,
        }
    }
}

impl Limits {
    /// Sets the bound on the whole body, in bytes.
    #[must_use]
    pub const fn with_max_body_bytes(mut self, max: usize) -> Self {
        self.max_body_bytes = max;
        self
    }

    /// Sets the bound on the number of elements.
    #[must_use]
    pub const fn with_max_elements(mut self, max: usize) -> Self {
        self.max_elements = max;
        self
    }

    /// Sets the bound on the levels of one element.
    #[must_use]
    pub const fn with_max_depth(mut self, max: usize) -> Self {
        self.max_depth = max;
        self
    }

    /// Sets the bound on single fields, in bytes.
    #[must_use]
    pub const fn with_max_field_bytes(mut self, max: usize) -> Self {
        self.max_field_bytes = max;
        self
    }
}

/// A body of which nothing can be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BatchError {
    kind: BatchErrorKind,
    text: String,
}

/// Why nothing of a body can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BatchErrorKind {
    /// More bytes than the limit.
    TooLarge,
    /// More elements than the limit.
    TooManyElements,
    /// Not UTF-8.
    NotUtf8,
    /// Not JSON, or nested too deeply.
    NotJson,
    /// JSON, but neither an object nor an array.
    NotObjectOrArray,
}

impl BatchError {
    /// Why.
    #[must_use]
    pub const fn kind(&self) -> BatchErrorKind {
        self.kind
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for BatchError {}

/// The elements of one POST, in their order. What they hold borrows from the body.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    elements: Vec<Element<'a>>,
}

impl<'a> Batch<'a> {
    /// Reads a body within the default [`Limits`]: an array of events, or one event; either schema, mixed if need be. A
    /// byte order mark is skipped.
    ///
    /// # Errors
    /// Nothing of the body can be read: it is too large, not JSON, or neither object nor array. An element that is no
    /// event is not an error of the batch.
    pub fn parse(body: &'a [u8]) -> Result<Self, BatchError> {
        Self::parse_with(body, &Limits::default())
    }

    /// The same within other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(body: &'a [u8], limits: &Limits) -> Result<Self, BatchError> {
        let fail = |kind, text: String| Err(BatchError { kind, text });
        if body.len() > limits.max_body_bytes {
            let text = format!(
                "the body has {} bytes, and {} are taken",
                body.len(),
                limits.max_body_bytes
            );
            return fail(BatchErrorKind::TooLarge, text);
        }
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let text = match std::str::from_utf8(body) {
            Ok(text) => text,
            Err(error) => {
                return fail(
                    BatchErrorKind::NotUtf8,
                    format!("the body is not UTF-8 from byte {} on", error.valid_up_to()),
                );
            }
        };
        let elements = elements(text, limits).map_err(|_| {
            // Only now serde_json is asked, for where the fault lies.
            let why = serde_json::from_str::<serde::de::IgnoredAny>(text).err();
            let why = why.map_or_else(|| "its grammar is broken".to_owned(), |error| error.to_string());
            BatchError {
                kind: BatchErrorKind::NotJson,
                text: format!("the body is not JSON: {why}"),
            }
        })?;
        match elements {
            Found::Elements(elements) => Ok(Self { elements }),
            Found::TooMany(n) => {
                let text = format!("the body has {n} elements, and {} are taken", limits.max_elements);
                fail(BatchErrorKind::TooManyElements, text)
            }
            Found::Another(kind) => {
                let text = format!("expected an object or an array of events, found {kind}");
                fail(BatchErrorKind::NotObjectOrArray, text)
            }
        }
    }

    /// The elements.
    #[must_use]
    pub fn elements(&self) -> &[Element<'a>] {
        &self.elements
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there is none, as in `[]`.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The elements, one after another.
    pub fn iter(&self) -> std::slice::Iter<'_, Element<'a>> {
        self.elements.iter()
    }
}

impl<'a> IntoIterator for Batch<'a> {
    type Item = Element<'a>;
    type IntoIter = std::vec::IntoIter<Element<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.elements.into_iter()
    }
}

impl<'b, 'a> IntoIterator for &'b Batch<'a> {
    type Item = &'b Element<'a>;
    type IntoIter = std::slice::Iter<'b, Element<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One element of a batch: its bytes verbatim, and the event or the error that they are.
#[derive(Clone, Debug)]
pub struct Element<'a> {
    index: usize,
    raw: &'a str,
    event: Result<Event<'a>, EnvelopeError>,
}

impl<'a> Element<'a> {
    /// Its place in the batch, from 0.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Its JSON text, byte for byte.
    #[must_use]
    pub const fn raw(&self) -> &'a str {
        self.raw
    }

    /// The event.
    ///
    /// # Errors
    /// It is none: which field, what was expected, what was found.
    pub const fn event(&self) -> Result<&Event<'a>, &EnvelopeError> {
        self.event.as_ref()
    }

    /// The event, owned.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub fn into_event(self) -> Result<Event<'a>, EnvelopeError> {
        self.event
    }
}

/// What a body holds.
enum Found<'a> {
    Elements(Vec<Element<'a>>),
    TooMany(usize),
    Another(&'static str),
}

fn elements<'a>(text: &'a str, limits: &Limits) -> Result<Found<'a>, NotJson> {
    let mut scan = Scan::new(text);
    let found = match scan.peek() {
        b'[' => array(&mut scan, limits)?,
        b'{' => Found::Elements(vec![element(&mut scan, 0, limits)?]),
        _ => Found::Another(kind_of(scan.value()?.json)),
    };
    if scan.is_at_end() { Ok(found) } else { Err(NotJson) }
}

fn array<'a>(scan: &mut Scan<'a>, limits: &Limits) -> Result<Found<'a>, NotJson> {
    let mut elements = Vec::new();
    let mut n = 0;
    scan.take(b'[');
    if scan.take(b']') {
        return Ok(Found::Elements(elements));
    }
    loop {
        if n < limits.max_elements {
            let element = element(scan, n, limits)?;
            if n == 0 {
                // Most bodies repeat one shape: room for as many as the rest would hold of the first, up to a full batch of Event
                // Grid. A body that begins with something short would else claim room that nothing needs.
                let n_more = scan.n_left() / scan.at().max(1);
                elements.reserve_exact(n_more.min(limits.max_elements.min(MAX_ELEMENTS) - 1) + 1);
            }
            elements.push(element);
        } else {
            // Beyond the limit they are counted and not kept.
            elements = Vec::new();
            scan.value()?;
        }
        n += 1;
        if !scan.take(b',') {
            break;
        }
    }
    if !scan.take(b']') {
        return Err(NotJson);
    }
    Ok(if n > limits.max_elements {
        Found::TooMany(n)
    } else {
        Found::Elements(elements)
    })
}

fn element<'a>(scan: &mut Scan<'a>, index: usize, limits: &Limits) -> Result<Element<'a>, NotJson> {
    let first = scan.peek();
    let from = scan.at();
    if first == b'{' {
        let head = Head::read(scan)?;
        let raw = scan.since(from);
        return Ok(Element {
            index,
            raw,
            event: Event::read(raw, &head, limits),
        });
    }
    let raw = scan.value()?.json;
    let event = Err(EnvelopeError::new("element", "an object", kind_of(raw)));
    Ok(Element { index, raw, event })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(body: &[u8]) -> Option<BatchErrorKind> {
        Batch::parse(body).err().map(|error| error.kind())
    }

    #[test]
    fn ok_shapes() {
        let check = |body: &str, n| assert_eq!(Batch::parse(body.as_bytes()).unwrap().len(), n, "{body}");
        check("[]", 0);
        check(" [ ] ", 0);
        check("\u{feff}[{}]", 1);
        check("{}", 1);
        check("[1, null, \"x\", [], {}]", 5);
    }

    #[test]
    fn err_bodies_of_which_nothing_can_be_read() {
        let check =
            |body: &[u8], expect| assert_eq!(kind(body), Some(expect), "{}", String::from_utf8_lossy(body));
        check(b"", BatchErrorKind::NotJson);
        check(b"x", BatchErrorKind::NotJson);
        check(b"[{},]", BatchErrorKind::NotJson);
        check(b"[{}] x", BatchErrorKind::NotJson);
        check(b"{\"a\":1,}", BatchErrorKind::NotJson);
        check(b"12", BatchErrorKind::NotObjectOrArray);
        check(b"null", BatchErrorKind::NotObjectOrArray);
        check(b"\"[]\"", BatchErrorKind::NotObjectOrArray);
        check(b"[\"\xff\"]", BatchErrorKind::NotUtf8);
    }

    #[test]
    fn ok_depth_costs_neither_the_stack_nor_the_batch() {
        let good = r#"{"id":"1","topic":"t","eventType":"x"}"#;
        let deep = format!("[{good},{}{}]", "[".repeat(500_000), "]".repeat(500_000));
        let batch = Batch::parse(deep.as_bytes()).unwrap();
        assert!(batch.elements()[0].event().is_ok());
        assert_eq!(batch.elements()[1].event().unwrap_err().found(), "an array");
        let deep = format!(
            r#"{{"id":"1","topic":"t","eventType":"x","data":{}1{}}}"#,
            "{\"a\":".repeat(500_000),
            "}".repeat(500_000)
        );
        let batch = Batch::parse(deep.as_bytes()).unwrap();
        assert_eq!(
            batch.elements()[0].event().unwrap_err().to_string(),
            "element: expected nesting within the limit, found 500001 levels"
        );
        let limits = Limits::default().with_max_depth(500_001);
        let batch = Batch::parse_with(deep.as_bytes(), &limits).unwrap();
        assert!(batch.elements()[0].event().is_ok(), "data is not looked into");
        let unclosed = "[".repeat(1_000_000);
        assert_eq!(kind(unclosed.as_bytes()), Some(BatchErrorKind::NotJson));
    }

    #[test]
    fn err_limits_name_themselves() {
        let limits = Limits::default().with_max_body_bytes(4).with_max_elements(1);
        let error = Batch::parse_with(b"[1,2]", &limits).unwrap_err();
        assert_eq!(error.to_string(), "the body has 5 bytes, and 4 are taken");
        let error = Batch::parse_with(b"[1,2]", &limits.with_max_body_bytes(9)).unwrap_err();
        assert_eq!(error.to_string(), "the body has 2 elements, and 1 are taken");
    }

    #[test]
    fn ok_one_bad_element_leaves_the_others() {
        let good = r#"{"id":"1","topic":"t","eventType":"x","data":{}}"#;
        let body = format!("[{good}, 5, {{}}, {good}]");
        let batch = Batch::parse(body.as_bytes()).unwrap();
        let read: Vec<bool> = batch.iter().map(|element| element.event().is_ok()).collect();
        assert_eq!(read, [true, false, false, true]);
        assert_eq!(batch.elements()[1].raw(), "5");
        assert_eq!(batch.elements()[3].raw(), good);
        assert_eq!(batch.elements()[3].index(), 3);
    }
}
