//! **Here**: the body of one POST from elements, and the bounds on it.
//! **Not here**: single elements (`builder`), content types and headers, which are the sender's.
//! **Reads**: elements that `builder` wrote; `batch` reads the body.
//! **Source**: facts of 2026-11-22: a batch has up to 1 MB (section 2.1) and 5,000 events (section 2.3).

use super::InvalidEvent;
use crate::batch::{self, Batch, BatchErrorKind, Limits};
use crate::error::shown;

/// Bytes of a body, at most: 1 MB.
pub const MAX_BODY_BYTES: usize = 1_048_576;
/// Events of a body, at most.
pub const MAX_ELEMENTS: usize = batch::MAX_ELEMENTS;

/// The body of these elements: an array, also of one or of none.
///
/// # Errors
/// As [`check_body`], or a text is not one event.
pub fn body<T: AsRef<str>>(elements: &[T]) -> Result<String, InvalidEvent> {
    let joined: Vec<&str> = elements.iter().map(AsRef::as_ref).collect();
    let text = format!("[{}]", joined.join(","));
    let read = checked(&text)?;
    // A text of two events, or two texts of one, would be as good an array.
    let mut pairs = joined.iter().zip(read.iter());
    if let Some((given, _)) = pairs.find(|(given, element)| given.trim() != element.raw()) {
        return Err(InvalidEvent::new("element", "one event", shown(given)));
    }
    if joined.len() != read.len() {
        let found = format!("{} of {}", read.len(), joined.len());
        return Err(InvalidEvent::new("body", "one event of each element", found));
    }
    Ok(text)
}

/// Whether a body, an array or a single event, is one that Event Grid takes from a publisher.
///
/// What it delivers can be a little more: a single event of 1 MB goes alone, and has the brackets of its array around it.
///
/// # Errors
/// - It has more than [`MAX_BODY_BYTES`] or [`MAX_ELEMENTS`].
/// - It is not JSON, or not an object or an array.
/// - An element is no event, or not of the schema of the first one.
pub fn check_body(body: &str) -> Result<(), InvalidEvent> {
    checked(body).map(drop)
}

fn checked(body: &str) -> Result<Batch<'_>, InvalidEvent> {
    if body.len() > MAX_BODY_BYTES {
        let found = format!("{} bytes", body.len());
        return Err(InvalidEvent::new("body", "at most 1048576 bytes", found));
    }
    let limits = Limits::default().with_max_elements(usize::MAX);
    let batch = Batch::parse_with(body.as_bytes(), &limits).map_err(|error| {
        let expected = match error.kind() {
            BatchErrorKind::NotObjectOrArray => "an object or an array",
            _ => "JSON",
        };
        InvalidEvent::new("body", expected, shown(body))
    })?;
    if batch.len() > MAX_ELEMENTS {
        let found = format!("{} events", batch.len());
        return Err(InvalidEvent::new("body", "at most 5000 events", found));
    }
    let mut first = None;
    for element in &batch {
        let path = |field: &str| format!("[{}].{field}", element.index());
        let event = element
            .event()
            .map_err(|error| InvalidEvent::new(path(error.field()), error.expected(), error.found()))?;
        if *first.get_or_insert_with(|| event.schema()) != event.schema() {
            let found = format!("{:?}", event.schema());
            return Err(InvalidEvent::new(
                path("element"),
                "the schema of the first element",
                found,
            ));
        }
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: &str = r#"{"id":"1","topic":"t","eventType":"x"}"#;
    const CLOUD: &str = r#"{"specversion":"1.0","id":"1","source":"s","type":"x"}"#;

    #[test]
    fn ok_none_one_and_several() {
        assert_eq!(body::<&str>(&[]).unwrap(), "[]");
        assert_eq!(body(&[GRID]).unwrap(), format!("[{GRID}]"));
        assert_eq!(body(&[CLOUD, CLOUD]).unwrap(), format!("[{CLOUD},{CLOUD}]"));
        check_body(CLOUD).unwrap();
    }

    #[test]
    fn ok_up_to_the_limits() {
        let elements = vec![GRID; MAX_ELEMENTS];
        assert!(body(&elements).is_ok());
        let padding = " ".repeat(MAX_BODY_BYTES - GRID.len());
        check_body(&format!("{GRID}{padding}")).unwrap();
        let error = check_body(&format!("{GRID} {padding}")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "body: expected at most 1048576 bytes, found 1048577 bytes"
        );
        let error = body(&[elements, vec![GRID]].concat()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "body: expected at most 5000 events, found 5001 events"
        );
    }

    #[test]
    fn err_what_is_not_a_list_of_events() {
        let check = |elements: &[&str], expect: &str| {
            assert_eq!(body(elements).unwrap_err().to_string(), expect, "{elements:?}");
        };
        check(&["}"], "body: expected JSON, found \"[}]\"");
        check(&["null"], "[0].element: expected an object, found null");
        check(&[GRID, "{}"], "[1].eventType: expected a text, found nothing");
        check(
            &[GRID, CLOUD],
            "[1].element: expected the schema of the first element, found CloudEvents",
        );
        check(&[" "], "body: expected one event of each element, found 0 of 1");
        let two = format!("{GRID},{GRID}");
        assert_eq!(body(&[&two]).unwrap_err().field(), "element");
        let halves = GRID.split_once(',').unwrap();
        assert_eq!(body(&[halves.0, halves.1]).unwrap_err().field(), "element");
        let error = check_body("5").unwrap_err().to_string();
        assert_eq!(error, "body: expected an object or an array, found \"5\"");
    }
}
