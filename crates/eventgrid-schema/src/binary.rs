//! **Here**: a CloudEvent in binary mode: attributes in `ce-` headers, the body as data, to the one element that it stands for.
//! **Not here**: structured and batched mode (`batch`).
//! **Reads**: (name, value) header pairs and a body; gives an [`Event`].
//! **Source**: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md> section 3.1, read
//! 2026-11-22. Senders disagree on percent-encoding, so that a `%` without two hexadecimal digits stays as it is.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::base64;
use crate::batch::Limits;
use crate::envelope::EnvelopeError;
use crate::event::Event;
use crate::scan::is_json;

impl Event<'static> {
    /// Reads a CloudEvent in binary mode; none when no `ce-specversion` header is there, which is what marks the mode. The event
    /// holds the element in structured form, whose `data` is the body: verbatim where its content type is JSON or missing, as a
    /// JSON text where it is text, in `data_base64` otherwise.
    ///
    /// # Errors
    /// The element is no event: a header that must be there is missing, or the body is not what its content type says.
    pub fn from_binary<'h>(
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        body: &[u8],
        limits: &Limits,
    ) -> Option<Result<Self, EnvelopeError>> {
        let (mut attributes, mut content_type) = (Map::new(), None);
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            if let Some(attribute) = name.strip_prefix("ce-") {
                let value = Value::from(decoded(value.trim()));
                attributes.entry(attribute).or_insert(value);
            } else if name == "content-type" {
                content_type = Some(value.trim());
            }
        }
        attributes.contains_key("specversion").then(|| {
            if body.len() > limits.max_body_bytes {
                let found = format!("{} bytes", body.len());
                return Err(EnvelopeError::new("data", "a body within the limit", found));
            }
            let element = element(attributes, content_type, body)?;
            Event::parse_element_with(&element, limits).map(Event::into_owned)
        })
    }
}

fn element(
    mut attributes: Map<String, Value>,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<String, EnvelopeError> {
    if let Some(full) = content_type {
        attributes.insert("datacontenttype".to_owned(), full.into());
    }
    attributes.remove("data");
    attributes.remove("data_base64");
    let text = std::str::from_utf8(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok();
    let mut data = None;
    let essence = essence(content_type.unwrap_or("application/json"));
    if is_json_type(&essence) {
        data = text.filter(|text| is_json(text));
        if data.is_none() && !body.is_empty() {
            return Err(EnvelopeError::new("data", "JSON", "a body that is not JSON"));
        }
    } else if let (true, Some(text)) = (essence.starts_with("text/") && !body.is_empty(), text) {
        attributes.insert("data".to_owned(), text.into());
    } else if !body.is_empty() {
        attributes.insert("data_base64".to_owned(), base64::encode(body).into());
    }
    let mut element = Value::Object(attributes).to_string();
    if let Some(data) = data {
        // Verbatim: a value of ours would change its numbers and the order of its keys.
        element.pop();
        element.push_str(",\"data\":");
        element.push_str(data);
        element.push('}');
    }
    Ok(element)
}

/// Whether a `datacontenttype` says JSON: `application/json`, `text/json`, `application/x+json`, with whatever parameters.
pub(crate) fn is_json_type(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence.ends_with("/json") || essence.ends_with("+json")
}

fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// The value of a header: percent-encoded UTF-8, leniently.
fn decoded(value: &str) -> Cow<'_, str> {
    if !value.contains('%') {
        return Cow::Borrowed(value);
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(value.len()), value.as_bytes());
    while let [first, behind @ ..] = rest {
        let hex = |byte: &u8| char::from(*byte).to_digit(16);
        let code = match behind {
            [high, low, ..] if *first == b'%' => hex(high).zip(hex(low)),
            _ => None,
        };
        if let Some((high, low)) = code {
            bytes.extend(u8::try_from(high * 16 + low));
            rest = behind.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aml::AmlEvent;
    use crate::envelope::EventSchema;

    const HEADERS: [(&str, &str); 6] = [
        ("Ce-Specversion", "1.0"),
        ("ce-id", "a%20b%C3%AF%2"),
        ("ce-source", "/subscriptions/s/x"),
        ("ce-type", "Microsoft.MachineLearningServices.ModelRegistered"),
        ("ce-myext", "7"),
        ("host", "x"),
    ];

    fn read(more: &[(&str, &str)], body: &[u8]) -> Result<Event<'static>, EnvelopeError> {
        let headers = HEADERS.iter().chain(more).copied();
        Event::from_binary(headers, body, &Limits::default()).unwrap()
    }

    #[test]
    fn ok_headers_are_attributes_and_json_stays_as_it_was() {
        let body = br#" {"modelName":"m", "modelVersion":1.10} "#;
        for more in [
            &[][..],
            &[("Content-Type", "Application/JSON; charset=UTF-8")],
            &[("content-type", "application/x+json")],
        ] {
            let event = read(more, body).unwrap();
            assert_eq!(
                (event.schema(), event.id(), event.source()),
                (EventSchema::CloudEvents, "a bï%2", "/subscriptions/s/x")
            );
            assert_eq!(
                event.data_text(),
                Some(r#"{"modelName":"m", "modelVersion":1.10}"#)
            );
            assert_eq!(event.attribute("myext"), Some("\"7\""));
            let Ok(AmlEvent::ModelRegistered(model)) = event.aml() else {
                panic!("{event:?}")
            };
            assert_eq!(model.model_version().as_str(), "1.10");
            assert!(
                Event::parse_element(event.raw()).is_ok(),
                "its element can be kept"
            );
        }
    }

    #[test]
    fn ok_other_bodies() {
        let text = read(&[("content-type", "text/plain")], "é\"x".as_bytes()).unwrap();
        assert_eq!(text.data_text(), Some("\"é\\\"x\""));
        for (body, expect) in [
            (&b"\xff"[..], "\"/w==\""),
            (b"\xff\xfe", "\"//4=\""),
            (b"abc", "\"YWJj\""),
            (b"abcd", "\"YWJjZA==\""),
        ] {
            let event = read(&[("content-type", "application/octet-stream")], body).unwrap();
            assert_eq!(
                (event.data_text(), event.attribute("data_base64")),
                (None, Some(expect))
            );
        }
        assert_eq!(read(&[], b"").unwrap().data_text(), None);
    }

    #[test]
    fn err_what_is_missing_or_is_not_json_is_named() {
        let error = read(&[], b"{").unwrap_err().to_string();
        assert_eq!(error, "data: expected JSON, found a body that is not JSON");
        let only = |headers: &[(&'static str, &'static str)]| {
            Event::from_binary(headers.iter().copied(), b"{}", &Limits::default())
        };
        assert!(only(&[("ce-id", "1")]).is_none(), "no binary mode");
        let error = only(&[("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "s")])
            .unwrap()
            .unwrap_err();
        assert_eq!(error.to_string(), "type: expected a text, found nothing");
        let small = Limits::default().with_max_body_bytes(3);
        let error = Event::from_binary(HEADERS, b"[1,2]", &small)
            .unwrap()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "data: expected a body within the limit, found 5 bytes"
        );
    }
}
