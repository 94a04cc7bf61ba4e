//! **Here**: the calls of the client, one file for each kind.
//! **Not here**: how a call goes (`client`), what is sent and what comes back (`request`, `response`).
//! **Reads**: `client` before it; nothing after it.
//! **Source**: one page of GitHub's REST documentation for each file, named there.

pub mod dispatches;
pub mod find;
pub mod logs;
#[cfg(feature = "provision")]
pub mod provision;
pub mod runs;
mod setup;
pub mod target;
pub mod watch;
