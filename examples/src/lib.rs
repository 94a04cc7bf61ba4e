//! What the examples share: events shaped like Azure's, and the telling of a journal's story.
//!
//! The programs themselves are beside this folder, one for each step of the hack challenge.

pub mod events;
pub mod story;
