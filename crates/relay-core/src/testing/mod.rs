//! **Here**: doubles of every trait, rows to start from, and the contract suite that every engine passes.
//! **Not here**: a GitHub on loopback (github-dispatch, feature `mock`).
//! **Reads**: every trait of this crate.
//! **Source**: our own.

pub mod rows;
