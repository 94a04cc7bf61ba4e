//! **Here**: bodies of `ModelRegistered` events in both schemas, written by our own builder, and what whoever reads them must find.
//! **Not here**: reading (`contenders`).
//! **Reads**: a schema and a number of events.
//! **Source**: the shape of `own-eg-model-registered.json` among the fixtures, with nested properties besides.

use eventgrid_schema::builder::{EventBuilder, body};
use eventgrid_schema::{EventSchema, EventTime, WorkspaceId};
use serde_json::json;

/// The events of a body.
pub(crate) const SIZES: [usize; 4] = [1, 10, 100, 1_000];

/// The tags that are read.
pub(crate) const TAGS: [&str; 2] = ["season", "team"];

const WORKSPACE: &str = "/subscriptions/0b5f7c1e-4d2a-4e6b-9c3d-7a8e9f0a1b2c/resourceGroups/rg-lakeside\
    /providers/Microsoft.MachineLearningServices/workspaces/ws-lakeside";
const SEASONS: [&str; 4] = ["winter", "spring", "summer", "autumn"];

/// What was found in a body, small enough to weigh nothing beside the reading. A part that is not read stays zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sum {
    /// Bytes of all ids, sources, types and subjects.
    pub(crate) envelopes: usize,
    /// Nanoseconds since 1970 of all times, added up without regard to overflow.
    pub(crate) instants: i64,
    /// Bytes of all model names, versions, and values of [`TAGS`].
    pub(crate) payloads: usize,
}

impl Sum {
    /// The sum of one envelope.
    pub(crate) fn of_envelope(n_bytes: usize) -> Self {
        Self {
            envelopes: n_bytes,
            ..Self::default()
        }
    }

    /// The same with its time.
    pub(crate) fn with_instant(self, seconds: i64, nanos: u32) -> Self {
        Self {
            instants: seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos.into()),
            ..self
        }
    }

    /// The same with its payload.
    pub(crate) fn with_payload(self, n_bytes: usize) -> Self {
        Self {
            payloads: n_bytes,
            ..self
        }
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            envelopes: self.envelopes + other.envelopes,
            instants: self.instants.wrapping_add(other.instants),
            payloads: self.payloads + other.payloads,
        }
    }

    /// What is left of it for somebody who reads only these parts.
    pub(crate) fn only(self, parts: Parts) -> Self {
        Self {
            envelopes: if parts.envelope { self.envelopes } else { 0 },
            instants: if parts.instant { self.instants } else { 0 },
            payloads: if parts.payload { self.payloads } else { 0 },
        }
    }
}

/// Which parts of an event are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) envelope: bool,
    pub(crate) instant: bool,
    pub(crate) payload: bool,
}

/// A body, and what was written in it.
pub(crate) struct Input {
    pub(crate) bytes: Vec<u8>,
    pub(crate) n_events: usize,
    pub(crate) written: Sum,
}

impl Input {
    /// A body of `n_events` events, each with an id of its own; names, versions, times and tags change from one to the next.
    pub(crate) fn new(schema: EventSchema, n_events: usize) -> Self {
        let workspace = WorkspaceId::parse(WORKSPACE).expect("a workspace");
        let mut written = Sum::default();
        let mut elements = Vec::with_capacity(n_events);
        for n in 0..n_events {
            let name = format!("harbor-demand-{}", n % 17);
            let version = (n % 120 + 1).to_string();
            let id = format!("7d1c3a52-6b0e-4f58-9d21-{n:012}");
            let time = format!("2026-11-22T08:{:02}:{:02}.1234567Z", n / 60 % 60, n % 60);
            let (season, team) = (SEASONS[n % SEASONS.len()], "quay");
            let builder = EventBuilder::model_registered(&workspace, &name, &version)
                .with_id(&id)
                .with_time(&time)
                .with_tags([(TAGS[0], season), (TAGS[1], team)])
                .with_properties([
                    ("framework", json!("lightgbm")),
                    ("metrics", json!({"auc": 0.914, "folds": [0.91, 0.92]})),
                ]);
            let element = match schema {
                EventSchema::EventGrid => builder.build_event_grid(),
                EventSchema::CloudEvents => builder.build_cloud_event(),
            };
            elements.push(element.expect("an event"));
            let subject = format!("models/{name}:{version}");
            let event_type = "Microsoft.MachineLearningServices.ModelRegistered";
            let time = EventTime::parse(&time).expect("a time");
            let sum = Sum::of_envelope(id.len() + WORKSPACE.len() + event_type.len() + subject.len())
                .with_instant(time.unix_seconds(), time.subsec_nanos())
                .with_payload(name.len() + version.len() + season.len() + team.len());
            written = written.plus(sum);
        }
        Self {
            bytes: body(&elements).expect("a body").into_bytes(),
            n_events,
            written,
        }
    }
}

/// The two schemas with the names they have in tables and arguments.
pub(crate) const SCHEMAS: [(EventSchema, &str, &str); 2] = [
    (EventSchema::EventGrid, "event-grid", "Event Grid schema"),
    (EventSchema::CloudEvents, "cloud-events", "CloudEvents 1.0"),
];
