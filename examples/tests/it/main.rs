//! The real programs against stand-ins on loopback.

#[cfg(test)]
mod connections;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod guard;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod server;
#[cfg(test)]
mod table;
#[cfg(test)]
mod workflow;
