//! **Here**: the spans from a delivery to its request: names, fields, parents, the trace that an event carries; and what is never in them.
//! **Not here**: the grammar of trace contexts (`relay_core::trace`), how a host shows spans.
//! **Reads**: `rig` for the relay; a subscriber of our own that keeps everything.
//! **Source**: DESIGN section 8, invariant 6; issue "observability".

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use http::Method;
use relay_core::dispatch::{Advice, Sighting};
use relay_core::journal::MemoryJournal;
use relay_core::rules::RuleSet;
use relay_core::testing::doubles::ScriptedDispatcher;
use relay_core::trace::event_digits;
use relay_core::webhook::SharedSecrets;
use relay_core::{PassThroughBuilder, RelayBuilder};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::rig::{
    REGISTERED, Rig, SECRET, WORKSPACE, deploy, doubles, error, post, registered, request, run,
};

/// A span that was made.
#[derive(Clone, Debug, Default)]
struct Made {
    name: &'static str,
    parent: Option<u64>,
    fields: BTreeMap<&'static str, String>,
}

/// Everything that was told on this thread.
#[derive(Debug, Default)]
struct Told {
    spans: Vec<Made>,
    entered: Vec<u64>,
    /// The text of events, each with the name of the span it is in.
    events: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Recording(Arc<Mutex<Told>>);

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Recording {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut told = self.0.lock().unwrap();
        let parent = match attributes.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if attributes.is_contextual() => told.entered.last().copied(),
            None => None,
        };
        let mut made = Made {
            name: attributes.metadata().name(),
            parent,
            fields: BTreeMap::new(),
        };
        attributes.record(&mut Fields(&mut made.fields));
        told.spans.push(made);
        let id = u64::try_from(told.spans.len()).unwrap();
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut told = self.0.lock().unwrap();
        let made = &mut told.spans[span.into_u64() as usize - 1];
        values.record(&mut Fields(&mut made.fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let mut told = self.0.lock().unwrap();
        let within = told
            .entered
            .last()
            .map_or("", |id| told.spans[*id as usize - 1].name);
        let line = format!("{within}: {fields:?}");
        told.events.push(line);
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        let mut told = self.0.lock().unwrap();
        assert_eq!(
            told.entered.pop(),
            Some(span.into_u64()),
            "spans are left in order"
        );
    }
}

impl Recording {
    /// Listens on this thread until the guard is dropped.
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let recording = Self::default();
        let guard = tracing::subscriber::set_default(recording.clone());
        (recording, guard)
    }

    fn spans(&self) -> Vec<Made> {
        self.0.lock().unwrap().spans.clone()
    }

    fn named(&self, name: &str) -> Vec<Made> {
        self.spans()
            .into_iter()
            .filter(|span| span.name == name)
            .collect()
    }

    fn only(&self, name: &str) -> Made {
        let mut spans = self.named(name);
        assert_eq!(spans.len(), 1, "{name}: {:#?}", self.spans());
        spans.remove(0)
    }

    /// All of it as text.
    fn text(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }
}

impl Made {
    fn assert_has(&self, expect: &[(&str, &str)]) {
        for (name, value) in expect {
            assert_eq!(
                self.fields.get(name).map(String::as_str),
                Some(*value),
                "{name}: {self:#?}"
            );
        }
    }
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// As a CloudEvent, with the context of whoever sent it.
fn traced(id: &str, version: &str) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": WORKSPACE,
        "subject": format!("models/credit-risk:{version}"),
        "type": REGISTERED,
        "time": "2026-11-22T10:00:00.25Z",
        "traceparent": format!("00-{TRACE}-{SPAN}-01"),
        "tracestate": "rojo=00f067aa01a902b7",
        "data": {"modelName": "credit-risk", "modelVersion": version, "modelTags": {"stage": "tag-2718"}, "modelProperties": {}},
    })
}

#[tokio::test]
async fn ok_one_trace_from_the_delivery_to_the_request() {
    let (told, _guard) = Recording::listen();
    let rig = Rig::new();
    rig.github.then_dispatch(error(Advice::Unknown, "502"));
    rig.github.always_probe(Ok(Sighting::Seen(run("9"))));
    let uri = format!("/events?code={SECRET}");
    let headers = [(
        "traceparent",
        "00-11111111111111111111111111111111-2222222222222222-00",
    )];
    let body = json!([traced("1", "7"), registered("2", "plain", "3")]).to_string();
    let response = rig
        .relay
        .accept(request(&Method::POST, &uri, &headers, body.into()))
        .await;
    assert_eq!(response.status(), 200);
    rig.drain().await;

    let delivery = told.only("delivery");
    delivery.assert_has(&[
        ("reply", "accepted"),
        ("accepted", "2"),
        ("trace_id", "11111111111111111111111111111111"),
        ("parent_span_id", "2222222222222222"),
        ("sampled", "false"),
    ]);
    let spans = told.spans();
    let delivery_id = 1 + spans.iter().position(|span| span.name == "delivery").unwrap() as u64;
    let digits = event_digits(&serde_json::to_string(&[WORKSPACE.to_lowercase(), "1".to_owned()]).unwrap());
    let context = [
        ("event", digits.as_str()),
        ("trace_id", TRACE),
        ("parent_span_id", SPAN),
        ("sampled", "true"),
        ("trace_state", "rojo=00f067aa01a902b7"),
    ];
    let events = told.named("event");
    assert_eq!(events.len(), 2);
    for event in &events {
        assert_eq!(
            event.parent,
            Some(delivery_id),
            "an event is part of its delivery"
        );
    }
    events[0].assert_has(&context);
    events[0].assert_has(&[("fate", "accepted"), ("items", "[1]")]);
    events[1].assert_has(&[("fate", "accepted"), ("items", "[2]")]);
    assert_eq!(events[1].fields.get("trace_id"), None, "this one carries none");

    // The delivery is over; what ties the later spans to it are the trace, the event and the item.
    let relay_id = rig.items().await[0].relay_id.to_string();
    let item = [
        ("item", "1"),
        ("route", "deploy"),
        ("relay_id", relay_id.as_str()),
        ("generation", "1"),
        ("attempt", "1"),
        ("principal", "default"),
    ];
    let sends = told.named("send");
    assert_eq!(sends.len(), 2, "{sends:#?}");
    let (send, probe) = (&sends[0], told.only("probe"));
    for span in [send, &probe] {
        span.assert_has(&context);
        span.assert_has(&item);
        assert_eq!(span.parent, None, "nobody waits for it");
    }
    send.assert_has(&[("outcome", "unknown")]);
    probe.assert_has(&[("outcome", "seen"), ("looks", "0")]);
    sends[1].assert_has(&[("outcome", "accepted"), ("item", "2")]);
    let check = told.only("check");
    check.assert_has(&[
        ("outcome", "ok"),
        ("repository", "contoso/deploy"),
        ("principal", "default"),
    ]);
}

#[tokio::test]
async fn ok_a_judgement_has_its_span_and_a_host_may_be_the_parent_of_all() {
    let (told, _guard) = Recording::listen();
    let mut route = deploy();
    route.wants_facts = true;
    let rig = Rig::with(MemoryJournal::new(), [route]);
    let host = tracing::info_span!("host");
    let work = async {
        rig.deliver(&json!([traced("1", "7")])).await;
        rig.relay.run_due().await.unwrap();
    };
    tracing::Instrument::instrument(work, host).await;
    told.only("judge").assert_has(&[
        ("outcome", "admitted"),
        ("trace_id", TRACE),
        ("attempt", "0"),
        ("looks", "0"),
    ]);
    for name in ["delivery", "judge", "check", "send"] {
        assert_eq!(told.only(name).parent, Some(1), "{name}: {:#?}", told.spans());
    }
}

#[tokio::test]
async fn ok_a_context_that_cannot_be_read_is_none_and_harms_nothing() {
    let (told, _guard) = Recording::listen();
    let rig = Rig::new();
    let mut event = traced("1", "7");
    event["traceparent"] = json!("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01");
    rig.deliver(&json!([event])).await;
    rig.drain().await;
    for span in [told.only("event"), told.only("send")] {
        for field in ["trace_id", "parent_span_id", "sampled", "trace_state"] {
            assert_eq!(span.fields.get(field), None, "{span:#?}");
        }
    }
    assert_eq!(rig.sent(), ["7"]);
}

/// Secrets, and what events bring, are in no span and no line: not the model, the workspace, a tag, or the body.
#[tokio::test]
async fn ok_no_secret_and_no_payload_is_told() {
    let (told, _guard) = Recording::listen();
    let rig = Rig::new();
    rig.github.then_dispatch(error(Advice::NotSent, "no connection"));
    rig.deliver(&json!([traced("evt-31415", "7"), {"id": "evt-31415"}, "broken-1618"]))
        .await;
    rig.drain().await;
    let header = [
        ("authorization", "Bearer wrong-9999"),
        ("aeg-subscription-name", "sub-5772"),
    ];
    let refused = request(&Method::POST, "/events?code=wrong-9999", &header, "{}".into());
    assert_eq!(rig.relay.accept(refused.clone()).await.status(), 401);
    let (head, _) = refused.into_parts();
    assert!(rig.relay.reply_to_head(&head).is_some());
    let replies: Vec<_> = told
        .named("delivery")
        .into_iter()
        .map(|span| span.fields["reply"].clone())
        .collect();
    assert_eq!(replies, ["accepted", "unauthorized", "unauthorized"]);
    let text = told.text();
    assert!(
        text.contains("relay_id") && text.contains("a task was done"),
        "{text}"
    );
    for secret in [
        SECRET,
        "wrong-9999",
        "sub-5772",
        "credit-risk",
        "scoring",
        "0f3c",
        "tag-2718",
        "evt-31415",
        "broken-1618",
        "modelName",
    ] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn ok_pass_through_has_the_span_of_its_delivery() {
    let (told, _guard) = Recording::listen();
    let (clock, alarm) = doubles();
    let pass = PassThroughBuilder::new(ScriptedDispatcher::new(), RuleSet::load([deploy()]).unwrap())
        .with_secrets(SharedSecrets::new([SECRET]).unwrap())
        .with_clock(clock)
        .with_alarm(alarm)
        .build()
        .unwrap();
    let body = json!([traced("1", "7")]).to_string();
    assert_eq!(pass.accept(post(body)).await.status(), 200);
    told.only("delivery").assert_has(&[("reply", "sent")]);
}

/// What the builder is given is in no span either, and nothing is told of a relay that nobody uses.
#[tokio::test]
async fn ok_building_tells_nothing() {
    let (told, _guard) = Recording::listen();
    let built = RelayBuilder::new(
        MemoryJournal::new(),
        ScriptedDispatcher::new(),
        RuleSet::load([deploy()]).unwrap(),
    )
    .with_secrets(SharedSecrets::new([SECRET]).unwrap())
    .build();
    assert!(built.is_ok());
    assert_eq!(told.spans().len(), 0);
}
