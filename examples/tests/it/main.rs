//! The real programs against stand-ins on loopback.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod function;
#[cfg(test)]
mod guard;
#[cfg(test)]
mod identities;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod server;
#[cfg(test)]
mod table;
#[cfg(test)]
mod workflow;
