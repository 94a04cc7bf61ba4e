//! **Here**: the headers and bodies of handshakes: what we answer can be answered, and the code is the one that was sent.
//! **Not here**: which URLs may be called (`relay-core`).
//! **Reads**: `Delivery`, `OriginCheck`, `SubscriptionValidation`, `Event::from_binary`.
//! **Source**: the promises of `eventgrid-schema`.
#![no_main]

use std::num::NonZeroU32;

use eventgrid_schema::{Delivery, Event, EventType, GridEvent, Limits, OriginCheck};
use libfuzzer_sys::fuzz_target;
use relay_fuzz::outcome;
use serde_json::{Value, json};

const NAMES: [&str; 12] = [
    "aeg-event-type",
    "Aeg-Subscription-Name",
    "aeg-delivery-count",
    "WebHook-Request-Origin",
    "webhook-request-callback",
    "WebHook-Request-Rate",
    "origin",
    "ce-specversion",
    "CE-id",
    "ce-source",
    "ce-type",
    "content-type",
];

type Input<'a> = (Vec<(u8, String)>, &'a [u8], String, Option<String>, bool, u8);

fuzz_target!(|input: Input<'_>| {
    let (headers, body, code, url, wrapped, form) = input;
    let headers = || {
        headers
            .iter()
            .map(|(name, value)| (NAMES[usize::from(*name) % NAMES.len()], value.as_str()))
    };
    let delivery = Delivery::from_headers(headers());
    drop(format!("{delivery:?}"));
    if let Some(check) = OriginCheck::from_headers(headers()) {
        for (name, value) in check
            .consent(None)
            .iter()
            .chain(&check.consent(NonZeroU32::new(7)))
        {
            assert!(
                !name.is_empty() && !value.contains(['\r', '\n']),
                "{name}: {value:?}"
            );
        }
    }
    if let Some(read) = Event::from_binary(headers(), body, &Limits::default()) {
        outcome(read.as_ref());
    }
    let mut data = json!({ "validationCode": code });
    if let Some(url) = &url {
        data["validationUrl"] = Value::from(url.as_str());
    }
    let data = if wrapped {
        Value::from(data.to_string())
    } else {
        data
    };
    let element = if form % 2 == 0 {
        json!({"id": "1", "topic": "t", "eventType": EventType::SUBSCRIPTION_VALIDATION, "data": data})
    } else {
        json!({"id": "1", "source": "t", "specversion": "1.0", "type": EventType::SUBSCRIPTION_VALIDATION, "data": data})
    };
    let element = element.to_string();
    let event = Event::parse_element(&element).expect("an event");
    match event.system() {
        Some(GridEvent::SubscriptionValidation(validation)) => {
            assert_eq!(
                (validation.validation_code(), validation.validation_url()),
                (code.as_str(), url.as_deref())
            );
            let body: Value = serde_json::from_str(&validation.response_body()).expect("JSON");
            assert_eq!(body, json!({ "validationResponse": code }));
        }
        other => panic!("{other:?}"),
    }
});
