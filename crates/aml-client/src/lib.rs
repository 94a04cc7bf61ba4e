//! Azure Machine Learning over REST: honest errors, and long-running operations followed to their end.
//!
//! | what is here | module |
//! | --- | --- |
//! | the client and its calls | [`client`], [`ops`] |
//! | bodies as the service writes them | [`wire`] |
//! | long-running operations, and lists in pages | [`poller`], [`operation`], [`pager`] |
//! | one model version in every spelling | [`model_ref`] |
//! | a model set, traffic shifted, everything put back where a step fails | [`release`] |
//! | asking the model behind an endpoint | [`scoring`] |
//! | runs, metrics and tags as MLflow has them | [`mlflow`] |
//! | the assets of a registry, which workspaces share | [`registry`] |
//! | credentials, clouds, resource ids, versions of the interface | [`auth`], [`cloud`], [`arm_id`], [`api_version`] |
//! | what is repeated, what is left, errors with advice, time | [`retry`], [`quota`], [`error`], [`clock`] |
//! | a workspace on loopback for your own tests (feature `mock`) | `mock` |
//!
//! What is not here yet is listed in the crate's README; what will never be here is GitHub and the relay.
//!
//! # Example: the tags of a model version
//!
//! ```no_run
//! use aml_client::{Client, ErrorKind, WorkspaceScope, auth::FixedToken};
//!
//! # async fn run(topic: &str, token: String) -> Result<(), aml_client::Error> {
//! // The topic of an Event Grid event is the resource id of the workspace.
//! let client = Client::builder(WorkspaceScope::parse(topic)?, FixedToken::new(token)).build()?;
//! match client.get_model_version("churn", "7").await {
//!     Ok(model) => println!("stage = {:?}, archived: {}", model.properties.tag("stage"), model.properties.is_archived()),
//!     Err(e) if e.kind() == ErrorKind::NotFound => println!("not there, or not there yet"),
//!     Err(e) => return Err(e),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `rustls` | yes | TLS by rustls with the ring provider, passed explicitly, and the platform's certificate store |
//! | `native-tls` | no | TLS by the operating system's library, used where `rustls` is off |
//! | `certificate` | no | a service principal proved by a certificate: a PEM file with `rustls`, a signer of your own without it |
//! | `azure-identity` | no | an adapter for the credentials of Azure's own crates (`azure_identity`) |
//! | `mock` | no | a stateful workspace on loopback for your own tests |
//!
//! Without either the crate compiles and talks http to loopback, or through a `reqwest::Client` of your own
//! ([`client::ClientBuilder::with_http_client`]).
//!
//! # Promises
//!
//! - The token goes to the configured origin and nowhere else; redirects are not followed, proxies of the
//!   environment are not used, plain http is refused except to loopback.
//! - No token, body or URL is in an error text or in `Debug`.
//! - Names and versions are checked before they become path segments: event data is other people's text.
//! - Only what surely did nothing, or is the same two times, is repeated, as [`RetryPolicy`] says; a poller waits as the service asks.
//! - Nothing is read from the environment.

pub mod clock;

pub mod error;

pub mod cloud;

pub mod api_version;

pub mod arm_id;

pub mod auth;

mod request;

pub mod model_ref;

pub mod wire;

mod send;

pub mod retry;

pub mod quota;

mod retry_after;

mod response;

mod tls;

mod caller;

pub mod operation;

pub mod client;

pub mod registry;

pub mod pager;

pub mod poller;

pub mod ops;

pub mod release;

pub mod scoring;

pub mod mlflow;

#[cfg(feature = "mock")]
pub mod mock;

pub use crate::arm_id::{RegistryScope, WorkspaceScope};
pub use crate::client::Client;
pub use crate::error::{Advice, Error, ErrorKind};
pub use crate::mlflow::Mlflow;
pub use crate::model_ref::ModelRef;
pub use crate::pager::Pager;
pub use crate::poller::{Poller, Step};
pub use crate::registry::RegistryClient;
pub use crate::retry::RetryPolicy;

/// Object safety, checked when this compiles.
const _: Option<(&dyn auth::TokenCredential, &dyn clock::Clock)> = None;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
