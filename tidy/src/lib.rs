//! House rules as ordinary tests (`tests/tidy.rs`), and what the long runs write down and become a page of.

pub mod mutants;
pub mod reliability;
