//! Tests of relay-core as a whole: the journal's contract, crashes between any two verbs, random sequences of steps.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod props;
#[cfg(test)]
mod support;
