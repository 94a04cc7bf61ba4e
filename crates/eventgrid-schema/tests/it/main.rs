//! **Here**: what `eventgrid_schema` reads and writes, tested from outside: every file of `fixtures/events`, and properties over any input.
//! **Not here**: unit tests of its parts (at the foot of their files), other people's payloads (the example `samples`).
//! **Reads**: nothing but the public interface.
//! **Source**: `fixtures/README.md` says which fact each file reproduces.

#[cfg(test)]
mod builder;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod props;
