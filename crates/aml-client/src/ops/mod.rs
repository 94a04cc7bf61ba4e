//! **Here**: the calls, one file per service noun.
//! **Not here**: bodies (`wire`), how a call goes (`client`), pages and long-running operations (`pager`, `poller`).
//! **Reads**: `client` before it; nothing after it.
//! **Source**: named in each file.

mod assets;
mod batch;
mod datastores;
mod event_subscriptions;
mod jobs;
mod models;
mod online_deployments;
mod online_endpoints;
mod schedules;
mod workspaces;

pub use self::assets::{Asset, Assets, InRegistry, InWorkspace, ListView, VersionsQuery};
pub use self::jobs::JobsQuery;
pub use self::online_endpoints::traffic;
pub use self::schedules::ScheduleView;
