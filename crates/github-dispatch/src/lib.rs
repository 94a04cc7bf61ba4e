//! Start GitHub Actions from outside GitHub, and know what became of it.
//!
//! | what is here | module |
//! | --- | --- |
//! | where to: `owner/name` | [`repo`] |
//! | what: an event type and a payload within GitHub's limits | [`repository_dispatch`] |
//! | or: one workflow at a ref, and its inputs | [`workflow_dispatch`] |
//! | the requests, as values | [`request`] |
//! | what came back: success, or an error with advice | [`response`], [`error`], [`rate_limit`] |
//! | what is wrong with a setup, in plain words | [`setup`], [`workflow_lint`] |
//! | a workflow file that deploys what a dispatch names | [`deploy_workflow`] |
//! | the runs that a dispatch started, their jobs, and the id by which one is recognised | [`runs`], [`jobs`], [`workflow_file`] |
//! | what GitHub posts to you (feature `webhooks`) | [`webhooks`] |
//! | the client, its calls and its tokens (feature `client`) | [`client`], [`ops`], [`auth`], [`clock`] |
//! | limits that are kept, and requests that are made again | [`pace`], [`retry`] |
//! | a GitHub on loopback for your own tests (feature `mock`) | [`mock`] |
//!
//! What is **not** here: retries of a dispatch that may have been executed. GitHub has no idempotency key, and a server error may hide a
//! run that started; so [`Advice::Unknown`] says that only a look at the runs can tell, and
//! [`dispatch_and_find`](client::Client::dispatch_and_find) looks. What surely did nothing is sent again, as [`RetryPolicy`] says, and not
//! at all with [`without_retries`](client::Client::without_retries).
//!
//! | feature | adds |
//! | --- | --- |
//! | `rustls` (default) | the client, with TLS by rustls and ring |
//! | `native-tls` | the client, with TLS of the operating system |
//! | `client` | the client without TLS: loopback, or an HTTP client of your own |
//! | `app` | [`auth::App`]: tokens of a GitHub App's installations |
//! | `provision` | secrets, variables, environments and files: rights that a running relay should not hold |
//! | `webhooks` | [`webhooks`]: signatures, and what became of runs, jobs and deployments, pushed instead of polled |
//! | `mock` | [`mock::MockGitHub`] |
//!
//! # Example: limits are proved before anything is sent
//!
//! ```
//! use github_dispatch::{DispatchEventType, RepoFullName, RepositoryDispatch};
//! use serde_json::{Map, Value};
//!
//! let repo = RepoFullName::parse("contoso/deploy").expect("a name");
//! assert_eq!((repo.owner(), repo.name()), ("contoso", "deploy"));
//! assert!(RepoFullName::parse("contoso/../deploy").is_err());
//!
//! let payload: Map<String, Value> = (0..11).map(|n| (format!("key{n}"), Value::from(n))).collect();
//! let error = RepositoryDispatch::new(DispatchEventType::parse("deploy").expect("a type"), payload).expect_err("11 keys");
//! assert_eq!(error.to_string(), "client_payload has 11 top-level keys, and GitHub takes at most 10");
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(all(feature = "app", feature = "client", feature = "mock", feature = "webhooks")),
    expect(
        rustdoc::broken_intra_doc_links,
        reason = "the table names modules of features"
    )
)]

#[cfg(feature = "client")]
pub mod auth;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
pub mod clock;
pub mod deploy_workflow;
pub mod error;
pub mod jobs;
#[cfg(feature = "mock")]
pub mod mock;
#[cfg(feature = "client")]
pub mod ops;
pub mod pace;
#[cfg(feature = "provision")]
pub mod provision;
pub mod rate_limit;
pub mod repo;
pub mod repository_dispatch;
pub mod request;
pub mod response;
pub mod retry;
pub mod runs;
#[cfg(feature = "client")]
mod send;
pub mod setup;
#[cfg(feature = "client")]
mod tls;
#[cfg(feature = "webhooks")]
pub mod webhooks;
pub mod workflow_dispatch;
pub mod workflow_file;
pub mod workflow_lint;

#[cfg(feature = "client")]
pub use self::auth::{StaticToken, TokenSource};
#[cfg(feature = "client")]
pub use self::client::{Client, ClientBuilder};
pub use self::error::{Advice, BlockScope, Error, ErrorKind};
#[cfg(feature = "client")]
pub use self::ops::find::{FindOptions, Found, IfHidden};
pub use self::repo::RepoFullName;
pub use self::repository_dispatch::{
    DEFAULT_PAYLOAD_CAP_BYTES, DispatchEventType, MAX_EVENT_TYPE_CHARS, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_KEYS,
    RepositoryDispatch,
};
pub use self::response::{Accepted, StartedRun, WorkflowAccepted};
pub use self::retry::RetryPolicy;
pub use self::runs::{Probe, ProbeWindow, Run};
pub use self::workflow_dispatch::{GitRef, InvalidWorkflowDispatch, WorkflowDispatch, WorkflowFile};

#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;
