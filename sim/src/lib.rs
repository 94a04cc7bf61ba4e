//! The relay in virtual time: the real relay, its real worker and journals, against stand-ins of Event Grid and GitHub, before a judge.
//!
//! One number decides everything that happens, so that a failing seed can be looked at as often as one likes:
//!
//! ```text
//! cargo run --release -p relay-sim -- --seed 4711 --trace
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | [`random`], [`time`], `executor`, [`trace`], [`stage`] | chance, virtual time, tasks polled one at a time, what happened, the shared state |
//! | [`plan`], [`weather`] | what is decided before: routes, events, limits, accidents, jumps, and how often what goes wrong |
//! | `grid`, [`github`], `disk`, `host`, `person` | the stand-ins: Event Grid, GitHub, the disk, the program around the relay, its operator |
//! | `judge` | the promises of DESIGN sections 2 and 6, held against what the stand-ins know |
//! | [`sabotage`] | ways to break the relay, which the judge must find |
//! | [`model`] | the rules of DESIGN section 6 a second time, held against the journal by sequences of operations |
//! | [`world`], [`crash`] | one simulation; a stop at every step of a small one |
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a simulation that cannot be set up, or names what it never made, is broken"
)]
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "nobody outside this workspace can use it"
)]

pub mod crash;
mod disk;
mod executor;
pub mod github;
mod grid;
mod host;
mod judge;
pub mod model;
mod person;
pub mod plan;
pub mod random;
pub mod sabotage;
pub mod stage;
pub mod time;
pub mod trace;
pub mod weather;
pub mod world;

pub use sabotage::Sabotage;
pub use world::{Options, Outcome, run};
