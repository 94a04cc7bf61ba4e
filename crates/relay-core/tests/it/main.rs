//! Tests of relay-core as a whole: what it answers and sends, the journal's contract, crashes
//! between any two verbs, random sequences of steps.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod health;
#[cfg(test)]
mod moments;
#[cfg(test)]
mod numbers;
#[cfg(test)]
mod pass_through;
#[cfg(test)]
mod props;
#[cfg(test)]
mod release;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod spans;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tracking;
#[cfg(test)]
mod webhook;
#[cfg(test)]
mod worker;
