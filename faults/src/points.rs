//! **Here**: every place at which a fault can hit a scenario, and the run over them on several threads.
//! **Not here**: one run (`scenario`).
//! **Reads**: `disk`, `scenario`.
//! **Source**: our own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::disk::{Counts, Fault, Op, Trouble};
use crate::image::Survival;
use crate::scenario::{self, Failed, Length, Outcome, Recovery};

/// What may go wrong at an operation, and whether it lasts.
fn troubles(op: Op) -> Vec<(Trouble, bool)> {
    let mut found = vec![(Trouble::Io, false), (Trouble::Io, true)];
    if op == Op::Write {
        found.extend([(Trouble::Full, false), (Trouble::Full, true)]);
    }
    if op.is_change() {
        found.extend([
            (Trouble::ReadOnly, true),
            (Trouble::Gone, true),
            (Trouble::Kill, false),
            (Trouble::PowerCut(Survival::Nothing), false),
            (Trouble::PowerCut(Survival::Prefix), false),
            (Trouble::PowerCut(Survival::Anything), false),
            (Trouble::PowerCut(Survival::Everything), false),
        ]);
    }
    found
}

/// A fault at each operation of a scenario. Neighbours have different troubles, and so has one operation from turn to turn: in as many
/// turns as there are troubles (at most 11) it meets each of them.
#[must_use]
pub fn each_operation(counts: &Counts, turn: usize) -> Vec<Fault> {
    let mut found = Vec::new();
    for op in Op::ALL {
        let troubles = troubles(op);
        let turned = troubles.iter().cycle().skip(turn % troubles.len());
        for (n, &(trouble, lasts)) in (0..counts.of(op)).zip(turned) {
            found.push(Fault {
                trouble,
                op: Some(op),
                n,
                lasts,
            });
        }
    }
    found
}

/// `n` of them, evenly; all where there are fewer.
#[must_use]
pub fn sample(faults: &[Fault], n: usize) -> Vec<Fault> {
    let step = faults.len().div_ceil(n.max(1)).max(1);
    faults.iter().step_by(step).copied().collect()
}

/// What many runs showed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sum {
    /// Runs.
    pub n_runs: usize,
    /// By how the relay came back.
    pub recoveries: BTreeMap<Recovery, usize>,
    /// Deliveries that were answered 200 and 503.
    pub answered: (usize, usize),
    /// What should not be, each with the fault and the seed that show it again.
    pub findings: Vec<String>,
}

impl Sum {
    /// How many runs ended like this.
    #[must_use]
    pub fn of(&self, recovery: Recovery) -> usize {
        self.recoveries.get(&recovery).copied().unwrap_or(0)
    }

    /// Adds the runs of another sum.
    pub fn append(&mut self, other: Self) {
        self.n_runs += other.n_runs;
        for (recovery, n) in other.recoveries {
            *self.recoveries.entry(recovery).or_default() += n;
        }
        self.answered.0 += other.answered.0;
        self.answered.1 += other.answered.1;
        self.findings.extend(other.findings);
    }

    fn add(&mut self, seed: u64, fault: Fault, outcome: Outcome) {
        self.n_runs += 1;
        *self.recoveries.entry(outcome.recovery).or_default() += 1;
        self.answered.0 += outcome.answered.0;
        self.answered.1 += outcome.answered.1;
        self.findings.extend(
            outcome
                .findings
                .into_iter()
                .map(|finding| format!("seed {seed}, {fault}: {finding}")),
        );
    }
}

/// The operations of a scenario without a fault, which must have no finding.
///
/// # Errors
/// It has, or something else failed.
pub fn count(length: Length, seed: u64) -> Result<Counts, Failed> {
    let outcome = one(length, seed, None)?;
    if outcome.findings.is_empty() && outcome.recovery == Recovery::Unhurt {
        Ok(outcome.counts)
    } else {
        Err(format!("without a fault, seed {seed}: {outcome:?}").into())
    }
}

/// Runs the scenario through each fault, on so many threads.
///
/// # Errors
/// Something other than the relay and its journal failed.
pub fn run_all(length: Length, runs: &[(u64, Fault)], n_threads: usize) -> Result<Sum, Failed> {
    let next = AtomicUsize::new(0);
    let sum = Mutex::new(Sum::default());
    let work = || -> Result<(), Failed> {
        while let Some(&(seed, fault)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome =
                one(length, seed, Some(fault)).map_err(|error| format!("seed {seed}, {fault}: {error}"))?;
            sum.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .add(seed, fault, outcome);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads.max(1)).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| Failed::from("a run panicked"))?)
    })?;
    Ok(sum.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn one(length: Length, seed: u64, fault: Option<Fault>) -> Result<Outcome, Failed> {
    tokio::runtime::Builder::new_current_thread()
        .build()?
        .block_on(scenario::run(length, seed, fault))
}
