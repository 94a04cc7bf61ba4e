//! **Here**: Event Grid's own events and both handshakes, as values: subscription validation and CloudEvents consent.
//! **Not here**: answering (the receiver), calling a validation URL (only somebody with a URL parser may judge one).
//! **Reads**: `event`, and (name, value) header pairs of an `OPTIONS` request.
//! **Source**: Event Grid endpoint validation pages for both schemas, CloudEvents webhook specification 4. Read 2026-11-22.

use std::num::NonZeroU32;

use crate::envelope::Members;
use crate::event::{Event, EventType};

/// One of Event Grid's own events. Acknowledged with 200, never forwarded.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum GridEvent {
    /// Are events wanted here?
    SubscriptionValidation(SubscriptionValidation),
    /// The subscription, or what it watches, was deleted: no more events will come.
    SubscriptionDeleted {
        /// Its resource id, if the event said.
        event_subscription_id: Option<String>,
    },
    /// Any other `Microsoft.EventGrid.*` event, or one of the above that cannot be read.
    Other {
        /// The type as written.
        event_type: String,
    },
}

impl GridEvent {
    pub(crate) fn read(event: &Event<'_>) -> Option<Self> {
        let event_type = event.event_type();
        if !event_type.is_system() {
            return None;
        }
        let payload = event.payload_text().unwrap_or_default();
        let members = Members::read(&payload).unwrap_or_default();
        let text = |name: &str| {
            members
                .text(name)
                .ok()
                .flatten()
                .map(std::borrow::Cow::into_owned)
        };
        if event_type.is(EventType::SUBSCRIPTION_VALIDATION)
            && let Some(validation_code) = text("validationCode")
        {
            let validation_url = text("validationUrl");
            return Some(Self::SubscriptionValidation(SubscriptionValidation {
                validation_code,
                validation_url,
            }));
        }
        if event_type.is(EventType::SUBSCRIPTION_DELETED) {
            return Some(Self::SubscriptionDeleted {
                event_subscription_id: text("eventSubscriptionId"),
            });
        }
        Some(Self::Other {
            event_type: event_type.as_str().to_owned(),
        })
    }
}

/// The handshake of the Event Grid schema. Also recognised as a CloudEvent whose `data` is a JSON text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubscriptionValidation {
    validation_code: String,
    validation_url: Option<String>,
}

impl SubscriptionValidation {
    /// `data.validationCode`: any text, echoed as it is.
    #[must_use]
    pub fn validation_code(&self) -> &str {
        &self.validation_code
    }

    /// `data.validationUrl`: an alternative to echoing, valid for some minutes. Never call it unchecked.
    #[must_use]
    pub fn validation_url(&self) -> Option<&str> {
        self.validation_url.as_deref()
    }

    /// The body of the answer, with status 200 and no other: `{"validationResponse":"…"}`.
    #[must_use]
    pub fn response_body(&self) -> String {
        serde_json::json!({ "validationResponse": self.validation_code }).to_string()
    }
}

/// The handshake of CloudEvents: an `OPTIONS` request that asks whether an origin may deliver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OriginCheck {
    origin: String,
    callback: Option<String>,
    rate: Option<NonZeroU32>,
}

impl OriginCheck {
    /// Reads headers; names in any casing. None without a `WebHook-Request-Origin`, which is the question itself, or when it is
    /// not of visible ASCII characters: it is sent back in a header.
    #[must_use]
    pub fn from_headers<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let (mut origin, mut callback, mut rate) = (None, None, None);
        for (name, value) in headers {
            let value = value.trim();
            if name.eq_ignore_ascii_case("WebHook-Request-Origin") && is_visible(value) {
                origin = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("WebHook-Request-Callback") {
                callback = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("WebHook-Request-Rate") {
                rate = value.parse().ok();
            }
        }
        origin.map(|origin| Self {
            origin,
            callback,
            rate,
        })
    }

    /// Who asks: `eventgrid.azure.net` in the public cloud.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A URL by which consent may be given later. Never call it unchecked.
    #[must_use]
    pub fn callback(&self) -> Option<&str> {
        self.callback.as_deref()
    }

    /// Deliveries a minute that are asked for.
    #[must_use]
    pub const fn rate(&self) -> Option<NonZeroU32> {
        self.rate
    }

    /// The headers that consent, to be sent with 200: consent is in them and not in the status. `rate` is in deliveries a
    /// minute; none allows any.
    #[must_use]
    pub fn consent(&self, rate: Option<NonZeroU32>) -> [(&'static str, String); 3] {
        let rate = rate.map_or_else(|| "*".to_owned(), |rate| rate.to_string());
        [
            ("WebHook-Allowed-Origin", self.origin.clone()),
            ("WebHook-Allowed-Rate", rate),
            ("Allow", "POST".to_owned()),
        ]
    }
}

fn is_visible(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(raw: &str) -> Option<GridEvent> {
        Event::parse_element(raw).unwrap().system()
    }

    #[test]
    fn ok_validation_in_both_spellings() {
        let check = |raw: &str, url: Option<&str>| {
            let Some(GridEvent::SubscriptionValidation(validation)) = system(raw) else {
                panic!("{raw}")
            };
            assert_eq!(validation.response_body(), r#"{"validationResponse":"A\"1"}"#);
            assert_eq!(validation.validation_url(), url);
        };
        check(
            r#"{"id":"1","topic":"t","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"A\"1"}}"#,
            None,
        );
        check(
            r#"{"id":"1","topic":"t","eventType":"microsoft.eventgrid.subscriptionvalidationevent","data":{"ValidationCode":"A\"1","validationUrl":"https://x"}}"#,
            Some("https://x"),
        );
        check(
            r#"{"specversion":"1.0","id":"1","source":"t","type":"Microsoft.EventGrid.SubscriptionValidationEvent","data":"{\"validationCode\":\"A\\\"1\"}"}"#,
            None,
        );
    }

    #[test]
    fn ok_other_system_events_are_never_taken_for_data() {
        let raw = |kind: &str, data: &str| {
            format!(r#"{{"id":"1","topic":"t","eventType":"Microsoft.EventGrid.{kind}","data":{data}}}"#)
        };
        let deleted = GridEvent::SubscriptionDeleted {
            event_subscription_id: Some("/s".to_owned()),
        };
        assert_eq!(
            system(&raw(
                "SubscriptionDeletedEvent",
                r#"{"eventSubscriptionId":"/s"}"#
            )),
            Some(deleted)
        );
        assert!(matches!(
            system(&raw("SubscriptionValidationEvent", "{}")),
            Some(GridEvent::Other { .. })
        ));
        assert!(matches!(
            system(&raw("NewThing", "5")),
            Some(GridEvent::Other { .. })
        ));
        assert_eq!(system(r#"{"id":"1","topic":"t","eventType":"Contoso.X"}"#), None);
    }

    #[test]
    fn ok_consent_repeats_the_origin() {
        let check = OriginCheck::from_headers([
            ("webhook-request-origin", "eventgrid.azure.net"),
            ("WEBHOOK-REQUEST-RATE", "120"),
        ])
        .unwrap();
        assert_eq!(check.rate(), NonZeroU32::new(120));
        let expect = [
            ("WebHook-Allowed-Origin", "eventgrid.azure.net"),
            ("WebHook-Allowed-Rate", "*"),
            ("Allow", "POST"),
        ];
        assert_eq!(
            check.consent(None),
            expect.map(|(name, value)| (name, value.to_owned()))
        );
        assert_eq!(check.consent(NonZeroU32::new(60))[1].1, "60");
        assert_eq!(
            OriginCheck::from_headers([("Origin", "eventgrid.azure.net")]),
            None
        );
        for hostile in ["", "a\r\nSet-Cookie: b", "a b", "\u{e9}"] {
            let headers = [("WebHook-Request-Origin", hostile)];
            assert_eq!(OriginCheck::from_headers(headers), None, "{hostile:?}");
        }
    }
}
