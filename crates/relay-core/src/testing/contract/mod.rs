//! **Here**: what every implementation of a trait promises, one async function for each clause.
//! **Not here**: what only one implementation promises (its own tests).
//! **Reads**: the traits, as a caller sees them.
//! **Source**: DESIGN sections 5 and 6; STYLE section 8.

pub mod journal;
