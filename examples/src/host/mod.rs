//! What the hosts share: one configuration, the identities it names, logs, the signal to stop.
//!
//! `host_server`, `host_cli` and `host_function` read the same file, so that what was tried with one is true of the others.

pub mod body;
pub mod build;
pub mod config;
pub mod due;
pub mod identity;
pub mod logs;
pub mod signal;
mod wrong;
