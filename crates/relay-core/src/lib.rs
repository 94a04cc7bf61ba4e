//! Carries Azure Machine Learning events to GitHub Actions: intake, rules, journal, worker, each behind a trait.
//!
//! The path, in the order of the modules:
//!
//! | step | module |
//! | --- | --- |
//! | one request of Event Grid: secret, handshake, size | [`webhook`] |
//! | which routes want an event, and what they put into the payload | [`rules`] |
//! | the identity of a release | [`key`] |
//! | what is written down, and the five verbs | [`journal`] |
//! | order in a lane; rate; what follows from an outcome (pure) | [`lane`], [`budget`], [`retry`] |
//! | facts that the event does not carry | [`enrich`] |
//! | one request to GitHub | [`dispatch`] |
//! | whether a run was seen, and how it ended (pure) | [`tracker`] |
//! | what Event Grid is answered | [`reply`] |
//! | who is told what a person must know | [`alarm`] |
//! | counters, gauges and histograms, by name; the trace that an event carries | [`observe`], [`trace`] |
//! | what is wrong, and what to do; when what waits will have been sent (pure) | [`health`], [`drain`] |
//! | everything plugged together | [`Relay`] |
//! | the same without a journal, for hosts without any disk | [`PassThrough`] |
//!
//! What is **not** here: sockets, signals, configuration files (hosts), durability (aml-relay-sqlite). Bare, without its
//! default features, this crate has no HTTP client, no runtime and no database.
//!
//! | feature | adds |
//! | --- | --- |
//! | `aml` (default) | `adapters::aml`, facts over aml-client |
//! | `github` (default) | `adapters::github`, dispatches over github-dispatch |
//! | `tokio` (default) | `clock::TokioClock`, `Relay::run_until` |
//! | `metrics` (default) | numbers through the facade of that name |
//! | `rustls` (default), `native-tls` | TLS for whichever clients are on |
//! | `testing` | doubles of every trait, rules tried on event files, and the contract suite for journals |
#![forbid(unsafe_code)]

pub mod adapters;
pub mod alarm;
pub mod budget;
pub mod clock;
pub mod dispatch;
pub mod drain;
pub mod enrich;
mod error;
pub mod health;
mod intake;
pub mod journal;
pub mod key;
pub mod lane;
mod moments;
pub mod observe;
pub mod pass_through;
mod relay;
pub mod reply;
pub mod report;
mod retention;
pub mod retry;
pub mod rules;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod trace;
pub mod tracker;
pub mod webhook;
mod worker;

pub use self::error::BuildError;
pub use self::health::Health;
pub use self::pass_through::{PassReply, PassThrough, PassThroughBuilder};
pub use self::relay::{Counts, Relay, RelayBuilder};
pub use self::worker::Round;

/// The README's example, compiled and run.
#[cfg(all(doctest, feature = "testing", feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Readme;
