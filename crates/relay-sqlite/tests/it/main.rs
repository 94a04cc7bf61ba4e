//! **Here**: what [`relay_sqlite::SqliteJournal`] promises, tested from outside.
//! **Not here**: unit tests of its parts (at the foot of their files).
//! **Reads**: `support` for the values that every module starts from.
//! **Source**: DESIGN sections 2, 5 and 9.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod group;
#[cfg(test)]
mod keeps;
#[cfg(test)]
mod lanes;
#[cfg(test)]
mod opens;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tracks;
