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
