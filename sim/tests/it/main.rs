//! **Here**: the simulation in CI size: three hundred seeds, the same twice, and what the judge finds when the relay is broken on purpose.
//! **Not here**: the long runs (`just sim`).
//! **Reads**: `relay_sim`.
//! **Source**: the row "deterministic simulation in virtual time".

#[cfg(test)]
mod crash;
#[cfg(test)]
mod model;
#[cfg(test)]
mod sabotage;
#[cfg(test)]
mod seeds;
