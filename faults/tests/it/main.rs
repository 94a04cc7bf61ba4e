//! **Here**: the faults layer can see what it is for, and the relay keeps its promise through it.
//! **Not here**: the long run (`storage_run`).
//! **Reads**: `relay_faults`.
//! **Source**: DESIGN section 2.
#![cfg(unix)]

#[cfg(test)]
mod layer;
#[cfg(test)]
mod points;
