//! The long proof over failing storage: every operation of the scenario fails, seed after seed and each time in another way.
//!
//! `storage_run -- SEEDS [--first N] [--large SAMPLES] [--minutes M] [--record FILE]`; CI runs one seed of it as a test. With `--large` it is the
//! scenario with large deliveries, and a sample of its operations for each seed.
#![expect(clippy::print_stdout, reason = "a program talks to whoever runs it")]

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use relay_core::clock::{Clock as _, TokioClock};
use relay_faults::points::{Sum, count, each_operation, run_all, sample};
use relay_faults::scenario::{Failed, Length, Recovery};
use relay_tidy::reliability::Line;

/// Fails every operation on storage, one in each run.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds, each of them a scenario of its own.
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// The scenario with large deliveries, and so many of its operations for each seed.
    #[arg(long)]
    large: Option<usize>,
    /// On so many threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Begin no further seed after so many minutes, and say what was reached.
    #[arg(long)]
    minutes: Option<u64>,
    /// Append what was reached to this file.
    #[arg(long)]
    record: Option<PathBuf>,
}

fn main() -> Result<(), Failed> {
    let arguments = Arguments::parse();
    let line = Line::begin("storage", Some(arguments.first));
    let (length, scenario) = match arguments.large {
        None => (Length::Short, "short"),
        Some(_) => (Length::Checkpoint, "large deliveries"),
    };
    let clock = TokioClock;
    let begin = clock.now();
    let mut total = Sum::default();
    let mut n_seeds = 0_u64;
    for seed in arguments.first..arguments.first + arguments.seeds {
        let limit = arguments.minutes.map(|minutes| Duration::from_secs(60 * minutes));
        if limit.is_some_and(|limit| clock.now().since(begin) >= limit) {
            break;
        }
        let mut faults = each_operation(&count(length, seed)?, usize::try_from(seed)?);
        if let Some(n) = arguments.large {
            faults = sample(&faults, n);
        }
        let runs: Vec<_> = faults.into_iter().map(|fault| (seed, fault)).collect();
        let sum = run_all(length, &runs, arguments.threads)?;
        println!(
            "seed {seed}: {} runs, {} findings, {:?}, {:.0} s",
            sum.n_runs,
            sum.findings.len(),
            sum.recoveries,
            clock.now().since(begin).as_secs_f64()
        );
        for finding in &sum.findings {
            println!("  {finding}");
        }
        total.append(sum);
        n_seeds += 1;
    }
    if let Some(file) = &arguments.record {
        line.with("scenario", scenario)
            .with("seeds", n_seeds)
            .with("findings", total.findings.len())
            .with("not_reached", total.of(Recovery::Unhurt))
            .with("went_on_by_itself", total.of(Recovery::ByItself))
            .with("opened_again", total.of(Recovery::ByOpeningAgain))
            .with("journal_reopened", total.of(Recovery::ByReopening))
            .with("started_again", total.of(Recovery::ByStarting))
            .with("answered_200", total.answered.0)
            .with("answered_503", total.answered.1)
            .end(u64::try_from(total.n_runs)?, file)?;
    }
    println!(
        "{} runs over {n_seeds} seeds: {} findings",
        total.n_runs,
        total.findings.len()
    );
    if total.findings.is_empty() {
        Ok(())
    } else {
        Err("the promise was not kept".into())
    }
}
