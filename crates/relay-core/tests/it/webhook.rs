//! **Here**: what the relay answers: the reply table of the intake, row by row.
//! **Not here**: what follows from an accepted event (`flow`), a journal that cannot promise (`flow`).
//! **Reads**: `rig` for the relay and its doubles.
//! **Source**: DESIGN section 4; facts/eventgrid 2.4, 3 and 4.

use bytes::Bytes;
use http::Method;
use relay_core::alarm::Alert;
use relay_core::journal::MemoryJournal;
use relay_core::testing::doubles::ScriptedDispatcher;
use relay_core::webhook::SharedSecrets;
use serde_json::{Value, json};

use crate::rig::{
    FORMER, REGISTERED, Rig, SECRET, WORKSPACE, builder, deploy, doubles, header, json_of, receipt,
    registered, request,
};

const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";
const DELETED: &str = "Microsoft.EventGrid.SubscriptionDeletedEvent";

/// An event of Event Grid itself, in both schemas.
fn system(event_type: &str, data: &Value) -> [Value; 2] {
    [
        json!([{
            "id": "s1", "topic": WORKSPACE, "subject": "", "eventType": event_type,
            "eventTime": "2026-11-22T10:00:00Z", "data": data, "dataVersion": "1", "metadataVersion": "1"
        }]),
        json!({
            "specversion": "1.0", "id": "s1", "source": WORKSPACE, "type": event_type,
            "time": "2026-11-22T10:00:00Z", "data": data
        }),
    ]
}

#[tokio::test]
async fn err_401_without_the_secret_handshakes_included() {
    let check = async |method: Method, uri: &str, headers: &[(&str, &str)], body: &Value| {
        let about = format!("{method} {uri} {headers:?} {body}");
        for aeg in [None, Some("RELAY")] {
            let rig = Rig::new();
            let mut headers = headers.to_vec();
            headers.extend(aeg.map(|name| ("Aeg-Subscription-Name", name)));
            let request = request(&method, uri, &headers, Bytes::from(body.to_string()));
            let response = rig.relay.accept(request).await;
            assert_eq!(response.status(), 401, "{about}");
            assert_eq!(header(&response, "webhook-allowed-origin"), None, "{about}");
            assert!(
                !response.body().windows(6).any(|text| text == b"CODE-1"),
                "{about}"
            );
            let lost = aeg.map(|name| Alert::EventsBeingLost {
                subscription: Some(name.to_owned()),
            });
            assert_eq!(rig.alarm.take(), Vec::from_iter(lost), "{about}");
            assert_eq!(rig.relay.counts().unauthorized, 1, "{about}");
            rig.assert_untouched(&about).await;
        }
    };
    let event = json!([registered("1", "credit-risk", "7")]);
    check(Method::POST, "/events", &[], &event).await;
    check(Method::POST, "/events?code=", &[], &event).await;
    check(Method::POST, "/events?code=lantern-4712", &[], &event).await;
    check(Method::POST, "/events?other=lantern-4711", &[], &event).await;
    check(Method::POST, "/events", &[("x-relay-secret", "lantern")], &event).await;
    check(
        Method::POST,
        "/events",
        &[("authorization", "Bearer lantern-4711")],
        &event,
    )
    .await;
    check(Method::POST, "/events", &[], &json!([])).await;
    for validation in system(VALIDATION, &json!({"validationCode": "CODE-1"})) {
        check(Method::POST, "/events?code=wrong", &[], &validation).await;
    }
    let origin = [("webhook-request-origin", "eventgrid.azure.net")];
    check(Method::OPTIONS, "/events", &origin, &Value::Null).await;
    check(Method::OPTIONS, "/events?code=wrong", &origin, &Value::Null).await;
}

#[tokio::test]
async fn ok_any_of_the_secrets_lets_in_by_query_or_header() {
    for secret in [SECRET, FORMER] {
        let rig = Rig::new();
        let by_query = format!("/events?code={secret}");
        for (uri, headers) in [
            (by_query.as_str(), vec![]),
            ("/events", vec![("X-Relay-Secret", secret)]),
        ] {
            let body = json!([registered(uri, "credit-risk", "7")]).to_string();
            let response = rig
                .relay
                .accept(request(&Method::POST, uri, &headers, body.into()))
                .await;
            assert_eq!(response.status(), 200, "{uri} {headers:?}");
        }
        assert_eq!(rig.relay.counts().accepted, 1);
        assert_eq!(rig.alarm.take(), []);
    }
}

#[tokio::test]
async fn ok_options_consents_in_its_headers() {
    let rig = Rig::new();
    let uri = format!("/events?code={SECRET}");
    let check = async |headers: &[(&str, &str)], allowed: Option<&str>| {
        let asked = request(&Method::OPTIONS, &uri, headers, Bytes::new());
        let response = rig.relay.accept(asked).await;
        assert_eq!(
            header(&response, "WebHook-Allowed-Origin"),
            allowed,
            "{headers:?}"
        );
        assert_eq!(
            header(&response, "WebHook-Allowed-Rate"),
            allowed.map(|_| "*"),
            "{headers:?}"
        );
        assert_eq!(header(&response, "Allow"), allowed.map(|_| "POST"), "{headers:?}");
        assert_eq!(response.status() == 200, allowed.is_some(), "{headers:?}");
        assert_eq!(response.status().is_success(), allowed.is_some(), "{headers:?}");
    };
    for origin in [
        "eventgrid.azure.net",
        "eventgrid.azure.us",
        "eventgrid.azure.cn",
        "EventGrid.Azure.Net",
    ] {
        check(&[("WebHook-Request-Origin", origin)], Some(origin)).await;
    }
    check(
        &[
            ("webhook-request-origin", "eventgrid.azure.net"),
            ("webhook-request-rate", "120"),
            (
                "webhook-request-callback",
                "https://rp-westeurope.eventgrid.azure.net:553/consent?id=9",
            ),
        ],
        Some("eventgrid.azure.net"),
    )
    .await;
    check(&[], None).await;
    check(&[("origin", "eventgrid.azure.net")], None).await;
    check(&[("webhook-request-origin", "")], None).await;
    check(&[("webhook-request-origin", "*")], None).await;
    check(&[("webhook-request-origin", "example.net")], None).await;
    check(
        &[("webhook-request-origin", "eventgrid.azure.net.example.net")],
        None,
    )
    .await;
    check(&[("webhook-request-origin", "x-eventgrid.azure.net")], None).await;
    rig.assert_untouched("options").await;
}

#[tokio::test]
async fn ok_subscription_validation_echoes_the_code() {
    let check = async |body: &str, code: &str| {
        let rig = Rig::new();
        let response = rig.post(body.to_owned()).await;
        assert_eq!(response.status(), 200, "{body}");
        assert_eq!(json_of(&response), json!({"validationResponse": code}), "{body}");
        assert_eq!(rig.alarm.take(), [], "{body}");
        rig.assert_untouched(body).await;
    };
    let url = "https://rp-westeurope.eventgrid.azure.net:553/validate?id=9";
    let guid = "7C0B9A7E-1F0D-4B2B-9C55-0A6F64D2E3AA";
    for data in [
        json!({"validationCode": guid}),
        json!({"validationCode": guid, "validationUrl": url}),
        json!({"ValidationCode": guid, "ValidationUrl": url}),
        json!({"validationUrl": url, "validationCode": guid, "later": null}),
    ] {
        let [array, cloud] = system(VALIDATION, &data);
        check(&array.to_string(), guid).await;
        check(&array[0].to_string(), guid).await;
        check(&cloud.to_string(), guid).await;
        check(&json!([cloud]).to_string(), guid).await;
        // A text inside a CloudEvent, and the type in another casing.
        let [array, cloud] = system(&VALIDATION.to_lowercase(), &Value::from(data.to_string()));
        check(&array.to_string(), guid).await;
        check(&cloud.to_string(), guid).await;
    }
    let odd = "a \"b\" \\ é";
    check(
        &system(VALIDATION, &json!({"validationCode": odd}))[0].to_string(),
        odd,
    )
    .await;
}

#[tokio::test]
async fn ok_system_events_are_never_forwarded_whatever_the_rules_say() {
    let check = async |event_type: &str, data: Value, alerts: &[Alert]| {
        for body in system(event_type, &data) {
            let mut greedy = deploy();
            greedy.event_types = vec![REGISTERED.to_owned(), event_type.to_owned(), DELETED.to_owned()];
            greedy.payload.clear();
            let rig = Rig::with(MemoryJournal::new(), [greedy]);
            assert_eq!(rig.deliver(&body).await, receipt([0, 0, 0, 0, 1]), "{body}");
            assert_eq!(rig.alarm.take(), alerts, "{body}");
            rig.assert_untouched(&body.to_string()).await;
        }
    };
    let id = format!("{WORKSPACE}/providers/Microsoft.EventGrid/eventSubscriptions/relay");
    let deleted = |subscription: Option<&str>| Alert::SubscriptionDeleted {
        subscription: subscription.map(str::to_owned),
    };
    check(DELETED, json!({"eventSubscriptionId": id}), &[deleted(Some(&id))]).await;
    check(
        &DELETED.to_uppercase(),
        json!({"EventSubscriptionId": id}),
        &[deleted(Some(&id))],
    )
    .await;
    check(DELETED, json!({}), &[deleted(None)]).await;
    check(DELETED, Value::Null, &[deleted(None)]).await;
    check(
        "Microsoft.EventGrid.SubscriptionCreatedEvent",
        json!({"a": 1}),
        &[],
    )
    .await;
    check("microsoft.eventgrid.somethingNew", json!("text"), &[]).await;
}

#[tokio::test]
async fn ok_200_for_what_is_accepted_known_unwanted_or_nothing() {
    let rig = Rig::new();
    assert_eq!(rig.deliver(&json!([])).await, receipt([0; 5]));
    assert_eq!(rig.history().await, []);
    let one = registered("1", "credit-risk", "7");
    assert_eq!(
        rig.deliver(&json!([one, one])).await,
        receipt([1, 1, 0, 0, 0]),
        "twice in one delivery"
    );
    assert_eq!(rig.deliver(&one).await, receipt([0, 1, 0, 0, 0]));
    let other = json!({
        "id": "2", "topic": WORKSPACE, "subject": "experiments/e/runs/r", "eventTime": "2026-11-22T10:00:00Z",
        "eventType": "Microsoft.MachineLearningServices.RunCompleted",
        "data": {"experimentId": "e", "experimentName": "n", "runId": "r", "runType": null}
    });
    let foreign = json!({"specversion": "1.0", "id": "3", "source": "/lab/door", "type": "Contoso.Opened"});
    assert_eq!(
        rig.deliver(&json!([other, foreign])).await,
        receipt([0, 0, 2, 0, 0])
    );
    assert_eq!(rig.deliver(&json!([foreign])).await, receipt([0, 1, 0, 0, 0]));
    let kept: Vec<_> = rig
        .events()
        .await
        .into_iter()
        .map(|row| (row.event_type, row.unwanted.is_some(), row.body.is_some()))
        .collect();
    let expect = [
        (REGISTERED, false, true),
        ("Microsoft.MachineLearningServices.RunCompleted", true, false),
        ("Contoso.Opened", true, false),
    ];
    assert_eq!(
        kept,
        expect.map(|(event_type, unwanted, body)| (event_type.to_owned(), unwanted, body))
    );
}

#[tokio::test]
async fn ok_an_unreadable_element_costs_only_itself() {
    let good = [registered("1", "credit-risk", "7"), registered("2", "fraud", "3")];
    let nameless =
        json!({"id": "3", "topic": WORKSPACE, "eventType": REGISTERED, "data": {"modelVersion": "1"}});
    let bad = [
        r#"{"topic":"t",  "eventType":"x"}"#.to_owned(),
        "5".to_owned(),
        "null".to_owned(),
        "[[]]".to_owned(),
        nameless.to_string(),
    ];
    let body = format!(
        "[{}, {},{} ,{},{},{},{}]",
        bad[0], good[0], bad[1], bad[2], bad[3], good[1], bad[4]
    );
    let rig = Rig::new();
    let response = rig.post(body.clone()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(json_of(&response), receipt([2, 0, 0, 5, 0]));
    let kept = rig.unreadable().await;
    assert_eq!(
        kept.iter().map(|row| &row.body).collect::<Vec<_>>(),
        Vec::from_iter(&bad),
        "verbatim"
    );
    let alerts = rig.alarm.take();
    let expect = kept.iter().map(|row| Alert::Unreadable { why: row.why.clone() });
    assert_eq!(alerts, Vec::from_iter(expect));
    rig.relay.run_due().await.unwrap();
    assert_eq!(rig.github.requests().len(), 1, "the second waits for the budget");

    let again = rig.post(body).await;
    assert_eq!(again.status(), 200);
    assert_eq!(json_of(&again), receipt([0, 2, 0, 5, 0]));
    assert_eq!(rig.unreadable().await.len(), 5, "a redelivery is kept once");
    assert_eq!(rig.alarm.take(), [], "and alarms once");
}

#[tokio::test]
async fn ok_a_lone_object_that_is_no_event_is_kept() {
    for body in ["{}", r#"{"hello":"world"}"#, "\u{feff}{}"] {
        let rig = Rig::new();
        let response = rig.post(body).await;
        assert_eq!(response.status(), 200, "{body}");
        assert_eq!(json_of(&response), receipt([0, 0, 0, 1, 0]), "{body}");
        assert_eq!(rig.unreadable().await.len(), 1, "{body}");
    }
}

#[tokio::test]
async fn ok_what_is_unreadable_is_kept_within_bounds() {
    let check = async |rows: usize, bytes: usize, expect: usize| {
        let rig = Rig::changed(MemoryJournal::new(), [deploy()], |builder| {
            builder.with_unreadable_kept(rows, bytes)
        });
        for n in 0..20 {
            let body = json!([{"n": 1_000 + n}, {"n": 2_000 + n}]);
            assert_eq!(rig.deliver(&body).await, receipt([0, 0, 0, 2, 0]));
        }
        assert_eq!(rig.unreadable().await.len(), expect, "{rows} rows, {bytes} bytes");
        let overview = rig.relay.health().await.journal.unwrap();
        assert_eq!(overview.n_unreadable, 40, "all of them are counted");
    };
    check(7, 1_000_000, 7).await;
    check(1_000, 55, 5).await;
    check(1_000, 1_000_000, 40).await;
}

#[tokio::test]
async fn err_400_for_what_can_never_be_read() {
    let rig = Rig::new();
    let bodies: [&'static [u8]; 11] = [
        b"",
        b" ",
        b"hunter2",
        b"12",
        b"-1.5e3",
        b"null",
        b"true",
        b"\"[]\"",
        b"[{\"id\":\"1\"},]",
        b"[{}] hunter2",
        b"[\"\xff\"]",
    ];
    for (n, body) in bodies.into_iter().enumerate() {
        let about = String::from_utf8_lossy(body);
        let response = rig.post(body).await;
        assert_eq!(response.status(), 400, "{about}");
        let text = String::from_utf8_lossy(response.body());
        assert!(
            !text.contains("hunter2"),
            "{text}: nothing of the body comes back"
        );
        assert_eq!(rig.relay.counts().refused, n as u64 + 1, "{about}");
    }
    rig.assert_untouched("unreadable bodies").await;
    assert_eq!(rig.alarm.take(), [], "it was a stranger's");
    // Event Grid never repeats what was answered 400.
    let uri = format!("/events?code={SECRET}");
    for (body, status, n_alerts) in [("hunter2", 400, 1), ("[]", 200, 0)] {
        let headers = [("aeg-event-type", "Notification")];
        let response = rig
            .relay
            .accept(request(&Method::POST, &uri, &headers, body.into()))
            .await;
        assert_eq!(response.status(), status);
        let alerts = rig.alarm.take();
        let are_lost = alerts
            .iter()
            .all(|alert| matches!(alert, Alert::EventsBeingLost { .. }));
        assert!(alerts.len() == n_alerts && are_lost, "{alerts:?}");
    }
}

#[tokio::test]
async fn err_413_only_above_the_limit() {
    const MIB: usize = 1024 * 1024;
    /// An empty delivery of so many bytes.
    fn empty(bytes: usize) -> String {
        format!("[{}]", " ".repeat(bytes - 2))
    }
    let small = Rig::changed(MemoryJournal::new(), [deploy()], |builder| {
        builder.with_max_body_bytes(100)
    });
    let usual = Rig::new();
    let check = async |rig: &Rig, body: String, expect: u16| {
        let about = format!("{} bytes", body.len());
        let uri = format!("/events?code={SECRET}");
        let headers = [("aeg-event-type", "Notification")];
        let response = rig
            .relay
            .accept(request(&Method::POST, &uri, &headers, body.into()))
            .await;
        assert_eq!(response.status(), expect, "{about}");
        let lost = (expect == 413).then_some(Alert::EventsBeingLost { subscription: None });
        assert_eq!(rig.alarm.take(), Vec::from_iter(lost), "{about}");
    };
    assert_eq!(usual.relay.max_body_bytes(), 4 * MIB);
    check(&small, empty(100), 200).await;
    check(&small, empty(101), 413).await;
    check(&usual, empty(4 * MIB), 200).await;
    check(&usual, empty(4 * MIB + 1), 413).await;
    small.assert_untouched("100 bytes").await;

    // A full batch of Event Grid: 1 MB of events, framed.
    let one = registered("", "credit-risk", "7").to_string().len();
    let full: Vec<_> = (0..MIB / one)
        .map(|n| registered(&n.to_string(), "credit-risk", "7"))
        .collect();
    let n = full.len() as u64;
    assert_eq!(
        usual.deliver(&Value::from(full)).await,
        receipt([1, n - 1, 0, 0, 0])
    );
}

#[tokio::test]
async fn err_405_for_other_methods() {
    let rig = Rig::new();
    let body = json!([registered("1", "credit-risk", "7")]).to_string();
    for method in [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
    ] {
        let uri = format!("/events?code={SECRET}");
        let asked = request(&method, &uri, &[], body.clone().into());
        let response = rig.relay.accept(asked).await;
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(header(&response, "allow"), Some("POST, OPTIONS"), "{method}");
    }
    rig.assert_untouched("other methods").await;
}

#[tokio::test]
async fn ok_the_head_alone_is_judged_as_the_whole_request_is() {
    let rig = Rig::new();
    let with = format!("/events?code={SECRET}");
    let aeg = ("aeg-event-type", "Notification");
    let origin = ("webhook-request-origin", "eventgrid.azure.net");
    let lost = || vec![Alert::EventsBeingLost { subscription: None }];
    let check =
        |method: Method, uri: &str, headers: &[(&str, &str)], expect: Option<u16>, alarms: Vec<Alert>| {
            let about = format!("{method} {uri} {headers:?}");
            let before = rig.relay.counts().deliveries;
            let (head, _) = request(&method, uri, headers, Bytes::new()).into_parts();
            let reply = rig.relay.reply_to_head(&head);
            let status = reply.map(|reply| reply.status().as_u16());
            assert_eq!(status, expect, "{about}");
            assert_eq!(rig.alarm.take(), alarms, "{about}");
            let counted = rig.relay.counts().deliveries - before;
            assert_eq!(
                counted,
                u64::from(expect.is_some()),
                "{about}: what is read on is counted later"
            );
        };
    check(Method::POST, &with, &[aeg], None, vec![]);
    check(
        Method::POST,
        &with,
        &[("content-length", "4194304")],
        None,
        vec![],
    );
    check(Method::POST, &with, &[("content-length", "many")], None, vec![]);
    check(
        Method::POST,
        &with,
        &[("content-length", "4194305"), aeg],
        Some(413),
        lost(),
    );
    let without = [("content-length", "99999999")];
    check(Method::POST, "/events", &without, Some(401), vec![]);
    check(Method::POST, "/events?code=wrong", &[aeg], Some(401), lost());
    check(Method::OPTIONS, &with, &[origin], Some(200), vec![]);
    check(Method::OPTIONS, &with, &[], Some(403), vec![]);
    check(Method::OPTIONS, "/events", &[origin], Some(401), vec![]);
    check(Method::PUT, &with, &[], Some(405), vec![]);
    let counts = rig.relay.counts();
    assert_eq!((counts.unauthorized, counts.refused), (3, 3));
    rig.assert_untouched("heads").await;
}

/// The URL of the event subscription as people write it: a base64 secret with a plus in it.
#[tokio::test]
async fn ok_a_secret_with_a_plus_may_stand_in_the_query_as_it_is() {
    let (clock, alarm) = doubles();
    let relay = builder(
        MemoryJournal::new(),
        ScriptedDispatcher::new(),
        [deploy()],
        &clock,
        &alarm,
    )
    .with_secrets(SharedSecrets::new(["ab+cd/ef=="]).unwrap())
    .build()
    .unwrap();
    let body = json!([registered("1", "credit-risk", "7")]).to_string();
    let answer = relay
        .accept(request(
            &Method::POST,
            "/events?code=ab+cd/ef==",
            &[],
            body.into(),
        ))
        .await;
    assert_eq!(answer.status(), 200, "401 is never retried: the event is lost");
}

/// Section 4: larger than the limit is 413; what is no event is kept, 200. This body has 15 kB.
#[tokio::test]
async fn ok_many_small_elements_cost_no_good_one() {
    let rig = Rig::new();
    let mut elements = vec![Value::from(1); 5_000];
    elements.push(registered("1", "credit-risk", "7"));
    let answer = rig.post(Value::from(elements).to_string()).await;
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    assert_eq!(json_of(&answer)["accepted"], 1);
}
