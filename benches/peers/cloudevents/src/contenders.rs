//! **Here**: the ways to read a body; each says what it found, so that nothing is left out and all find the same.
//! **Not here**: clocks and counters (`measure`, `counting`), the structs of users (`derived`).
//! **Reads**: the bodies of `input`.
//! **Source**: how users read such events: this crate, derived structs, or
//! <https://docs.rs/cloudevents-sdk/0.9.0>, read 2026-11-23.

use std::hint::black_box;

use cloudevents::{AttributesReader as _, Data};
use eventgrid_schema::{AmlEvent, Batch, Event, EventSchema};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::derived::{CloudEvent, CloudView, GridEvent, GridView, Instant, Model, Text};
use crate::input::{Input, Parts, Sum, TAGS};

/// One way to read a body.
pub(crate) struct Contender {
    /// Its name in arguments and tables.
    pub(crate) name: &'static str,
    /// What it reads of each event.
    pub(crate) parts: Parts,
    /// Reads a body.
    pub(crate) read: fn(&[u8]) -> Sum,
}

impl Contender {
    /// Whether this is what was written in the parts that it reads.
    pub(crate) fn is_right(&self, found: Sum, input: &Input) -> bool {
        found == input.written.only(self.parts)
    }
}

const NOTHING: Parts = parts(false, false, false);
const ENVELOPE: Parts = parts(true, true, false);
const ALL: Parts = parts(true, true, true);
const ALL_BUT_INSTANTS: Parts = parts(true, false, true);

const fn parts(envelope: bool, instant: bool, payload: bool) -> Parts {
    Parts {
        envelope,
        instant,
        payload,
    }
}

const fn contender(name: &'static str, parts: Parts, read: fn(&[u8]) -> Sum) -> Contender {
    Contender { name, parts, read }
}

const EVENT_GRID: &[Contender] = &[
    contender("skip", NOTHING, skip),
    contender("ours-view", ENVELOPE, view),
    contender("derived-view", ENVELOPE, |body| {
        derived_view(body, GridView::envelope)
    }),
    contender("ours-typed", ALL, typed),
    contender("ours-maps", ALL, maps),
    contender("derived-text", ALL_BUT_INSTANTS, |body| {
        derived(body, GridEvent::<Text>::sum)
    }),
    contender("derived-instant", ALL, |body| {
        derived(body, GridEvent::<Instant>::sum)
    }),
];

const CLOUD_EVENTS: &[Contender] = &[
    contender("skip", NOTHING, skip),
    contender("ours-view", ENVELOPE, view),
    contender("derived-view", ENVELOPE, |body| {
        derived_view(body, CloudView::envelope)
    }),
    contender("ours-typed", ALL, typed),
    contender("ours-maps", ALL, maps),
    contender("derived-text", ALL_BUT_INSTANTS, |body| {
        derived(body, CloudEvent::<Text>::sum)
    }),
    contender("derived-instant", ALL, |body| {
        derived(body, CloudEvent::<Instant>::sum)
    }),
    contender("sdk", ALL, sdk),
    contender("sdk-typed", ALL, sdk_typed),
];

/// All ways to read bodies of this schema; skipping is the first.
pub(crate) const fn contenders(schema: EventSchema) -> &'static [Contender] {
    match schema {
        EventSchema::EventGrid => EVENT_GRID,
        EventSchema::CloudEvents => CLOUD_EVENTS,
    }
}

/// Finds the end of every value and nothing else; texts are not even checked for UTF-8.
fn skip(body: &[u8]) -> Sum {
    serde_json::from_slice::<IgnoredAny>(body).expect("JSON");
    Sum::default()
}

/// Every envelope, with its time as text and as instant; `data` is not looked into.
fn view(body: &[u8]) -> Sum {
    let batch = Batch::parse(body).expect("a batch");
    total(
        batch
            .iter()
            .map(|element| envelope(element.event().expect("an event"))),
    )
}

/// The same, and every payload; tags and properties stay text, in which two tags are looked up.
fn typed(body: &[u8]) -> Sum {
    each_model(body, |model| {
        TAGS.iter()
            .map(|tag| model.model_tags().text(tag).expect("a tag").len())
            .sum()
    })
}

/// The same with all tags and properties as maps, which is what the derived structs have.
fn maps(body: &[u8]) -> Sum {
    each_model(body, |model| {
        let tags = model.model_tags().to_map().expect("tags");
        black_box(model.model_properties().to_map().expect("properties"));
        TAGS.iter()
            .map(|tag| tags[*tag].as_str().expect("a text").len())
            .sum()
    })
}

fn each_model(body: &[u8], tags: fn(&eventgrid_schema::aml::ModelRegistered) -> usize) -> Sum {
    let batch = Batch::parse(body).expect("a batch");
    total(batch.iter().map(|element| {
        let event = element.event().expect("an event");
        let Ok(AmlEvent::ModelRegistered(model)) = event.aml() else {
            panic!("another type");
        };
        let names = model.model_name().as_str().len() + model.model_version().as_str().len();
        envelope(event).with_payload(names + tags(&model))
    }))
}

fn envelope(event: &Event<'_>) -> Sum {
    let subject = event.subject().map_or(0, str::len);
    let time = event.time().expect("a time");
    let n = event.id().len() + event.source().len() + event.event_type().as_str().len() + subject;
    Sum::of_envelope(n).with_instant(time.unix_seconds(), time.subsec_nanos())
}

/// A borrowed envelope of the user's own, with the time as instant; `data` is not looked into.
fn derived_view<'a, T: serde::Deserialize<'a>>(body: &'a [u8], sum: fn(&T) -> Sum) -> Sum {
    let events: Vec<T> = serde_json::from_slice(body).expect("events");
    total(events.iter().map(sum))
}

/// Owned structs of the user's own.
fn derived<T: DeserializeOwned>(body: &[u8], sum: fn(&T) -> Sum) -> Sum {
    let events: Vec<T> = serde_json::from_slice(body).expect("events");
    total(events.iter().map(sum))
}

/// The SDK's event; the payload stays the value that it makes of it.
fn sdk(body: &[u8]) -> Sum {
    let events: Vec<cloudevents::Event> = serde_json::from_slice(body).expect("events");
    total(events.iter().map(|event| {
        let Some(Data::Json(data)) = event.data() else {
            panic!("no JSON");
        };
        let text = |name: &str| data[name].as_str().expect("a text").len();
        let tags = TAGS
            .iter()
            .map(|tag| data["modelTags"][tag].as_str().expect("a tag").len());
        sdk_envelope(event).with_payload(text("modelName") + text("modelVersion") + tags.sum::<usize>())
    }))
}

/// The SDK's event, and the user's own payload from its value.
fn sdk_typed(body: &[u8]) -> Sum {
    let events: Vec<cloudevents::Event> = serde_json::from_slice(body).expect("events");
    total(events.into_iter().map(|mut event| {
        let (_, _, Some(Data::Json(data))) = event.take_data() else {
            panic!("no JSON");
        };
        let model: Model = serde_json::from_value(data).expect("a model");
        sdk_envelope(&event).with_payload(model.sum())
    }))
}

fn sdk_envelope(event: &cloudevents::Event) -> Sum {
    let subject = event.subject().map_or(0, str::len);
    let time = event.time().expect("a time");
    Sum::of_envelope(event.id().len() + event.source().len() + event.ty().len() + subject)
        .with_instant(time.timestamp(), time.timestamp_subsec_nanos())
}

fn total(sums: impl Iterator<Item = Sum>) -> Sum {
    sums.fold(Sum::default(), Sum::plus)
}
