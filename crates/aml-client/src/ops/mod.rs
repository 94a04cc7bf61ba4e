//! **Here**: the calls, one file per service noun.
//! **Not here**: bodies (`wire`), how a call goes (`client`), pages and long-running operations (`pager`, `poller`).
//! **Reads**: `client` before it; nothing after it.
//! **Source**: named in each file.

mod event_subscriptions;
mod jobs;
mod models;
mod online_deployments;
mod online_endpoints;

pub use self::jobs::JobsQuery;
pub use self::models::{ListView, ModelVersionsQuery};
pub use self::online_endpoints::traffic;
