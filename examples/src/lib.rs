//! What the examples share: events shaped like Azure's, the telling of a journal's story, and running the real server.
//!
//! The programs themselves are beside this folder, one for each step of the hack challenge.

pub mod events;
pub mod host;
pub mod input;
pub mod kill;
pub mod quick;
pub mod server;
pub mod story;

/// The examples of the workspace's front page, compiled; the one with doubles runs too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;
