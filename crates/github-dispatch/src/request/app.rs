//! **Here**: nothing yet.
//! **Not here**: -
//! **Reads**: -
//! **Source**: -
