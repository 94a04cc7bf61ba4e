//! Typed Azure Event Grid and Azure Machine Learning events: bytes in, values out.
//!
//! | what is here | module |
//! | --- | --- |
//! | the headers of one POST | [`delivery`] |
//! | bytes to elements, each an event or an error of its own | [`batch`] |
//! | the two wire schemas, Event Grid's and CloudEvents 1.0 | [`envelope`] |
//! | one event in its normal form, and the key to deduplicate by | [`event`] |
//! | the five Azure ML payloads | [`aml`] |
//! | subjects, ids and names, times | [`subject`], [`id`], [`time`] |
//! | both handshakes, and Event Grid's own events | [`handshake`] |
//! | events that were given up, and why | [`dead_letter`] |
//! | writing: valid events in either schema | [`builder`] |
//! | the oddities of real senders, and what is made of each | [`what_really_arrives`] |
//!
//! What is **not** here: I/O, async, a clock, HTTP, GitHub. Nothing here calls a URL that an event names.
//!
//! # Example: a batch with one bad element
//!
//! ```
//! use eventgrid_schema::{AmlEvent, Batch};
//!
//! let body = br#"[
//!   {"id": "1", "topic": "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w",
//!    "subject": "models/credit-risk:7", "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
//!    "eventTime": "2026-11-22T10:00:00.1234567Z", "data": {"modelName": "credit-risk", "modelVersion": 7}},
//!   null
//! ]"#;
//! let batch = Batch::parse(body)?;
//! let event = batch.elements()[0].event().expect("readable");
//! assert_eq!(event.time().expect("there").as_str(), "2026-11-22T10:00:00.1234567Z");
//! let Ok(AmlEvent::ModelRegistered(model)) = event.aml() else { panic!("another type") };
//! assert_eq!((model.model_name().as_str(), model.model_version().as_str()), ("credit-risk", "7"));
//! let error = batch.elements()[1].event().expect_err("no event");
//! assert_eq!(error.to_string(), "element: expected an object, found null");
//! # Ok::<(), eventgrid_schema::BatchError>(())
//! ```
#![forbid(unsafe_code)]

pub mod aml;
mod base64;
pub mod batch;
mod binary;
pub mod builder;
pub mod dead_letter;
pub mod delivery;
pub mod envelope;
mod error;
pub mod event;
pub mod handshake;
pub mod id;
mod scan;
#[cfg(feature = "schemars")]
mod schema;
pub mod subject;
pub mod time;

pub use self::aml::AmlEvent;
pub use self::batch::{Batch, BatchError, BatchErrorKind, Element, Limits};
pub use self::dead_letter::DeadLetter;
pub use self::delivery::Delivery;
pub use self::envelope::{EnvelopeError, EventSchema};
pub use self::error::Error;
pub use self::event::{Event, EventKey, EventType};
pub use self::handshake::{GridEvent, OriginCheck, SubscriptionValidation};
pub use self::id::{EventId, ModelName, ModelVersion, RunId, WorkspaceId};
pub use self::subject::Subject;
pub use self::time::EventTime;

#[doc = include_str!("../docs/what_really_arrives.md")]
pub mod what_really_arrives {}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
