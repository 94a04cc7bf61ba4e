//! **Here**: doubles of every trait, rows to start from, rules tried on event files, and the contract suite that every engine passes.
//! **Not here**: a GitHub on loopback (github-dispatch, feature `mock`).
//! **Reads**: every trait of this crate.
//! **Source**: our own; STYLE section 8, contract and crash.

pub mod contract;
pub mod doubles;
pub mod faults;
pub mod rows;
pub mod rules;
